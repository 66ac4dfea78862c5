//! What one hop changes in a packet that is passed on: the time to live (RFC 791 §3.2, RFC 1812
//! §5.3.1) or hop limit (RFC 8200 §3), the checksum over it (RFC 1624), and, where the next link is
//! too narrow, the cuts (RFC 1812 §5.2.6). Addresses, identification and payload stay as they are.

use super::fragment;
use crate::base::{Frame, Head, checksum};
use crate::wire::ip::Header;
use std::net::IpAddr;

/// Bytes that are moved from a shared block into the frame's own head: IP and TCP headers with all
/// options, so that whoever comes next finds all headers in one run.
pub const PULLED: usize = 120;

/// Takes one hop off the packet that `frame` begins with. What lies in a shared block is moved into
/// the head first, up to [`PULLED`] bytes of it, so that nobody else's view changes; says whether
/// it was.
pub fn take_hop(frame: &mut Frame, header: &Header) -> bool {
    let shared = frame.head.is_empty();
    if shared || frame.head.len() > header.total_len {
        let len = if shared { frame.front().len().min(PULLED) } else { header.total_len };
        let mut head = Head::new();
        head.prepend(len).copy_from_slice(&frame.front()[..len]);
        frame.body.advance(if shared { len } else { 0 });
        frame.head = head; // what lay behind the packet is the link's padding
    }
    let bytes = frame.head.bytes_mut();
    match header.dst {
        IpAddr::V4(_) => {
            let old = be16(bytes, 8);
            bytes[8] = bytes[8].saturating_sub(1);
            let sum = checksum::update(be16(bytes, 10), old, be16(bytes, 8));
            put16(bytes, 10, sum);
        }
        IpAddr::V6(_) => bytes[7] = bytes[7].saturating_sub(1),
    }
    shared
}

/// Cuts an IPv4 packet, or a piece of one, to a link of `mtu` bytes. `header` is its header,
/// options included, and `payload` what follows. Options that are not to be copied stay in the
/// first piece (RFC 791 §3.1); in the others no-operations take their place.
///
/// # Panics
/// When `header` is no IPv4 header; as [`fragment::pieces`].
pub fn pieces<'a>(
    header: &'a [u8],
    payload: &'a Frame,
    mtu: usize,
) -> impl Iterator<Item = Frame> + 'a {
    /// "More fragments", beside the offset.
    const MORE: u16 = 0x2000;
    let (place, room) = (be16(header, 6), mtu.saturating_sub(header.len()));
    fragment::pieces(payload, room).map(move |piece| {
        let mut frame = piece.frame;
        let total = header.len() + frame.len();
        let out = frame.head.prepend(header.len());
        out.copy_from_slice(header);
        if piece.offset > 0 {
            blank_options(&mut out[20..]);
        }
        let more = if piece.more { MORE } else { place & MORE };
        put16(out, 2, total as u16);
        put16(out, 6, (place & !MORE).wrapping_add((piece.offset / 8) as u16) | more);
        put16(out, 10, 0);
        let sum = checksum::Sum::new().bytes(out).finish();
        put16(out, 10, sum);
        frame
    })
}

/// Replaces the options whose "copied" bit is not set.
fn blank_options(mut options: &mut [u8]) {
    const END: u8 = 0;
    const NOP: u8 = 1;
    const COPIED: u8 = 0x80;
    while let [kind, rest @ ..] = options {
        let len = match (*kind, rest.first()) {
            (END, _) => return,
            (NOP, _) => 1,
            (_, Some(len)) => usize::from(*len).clamp(2, 1 + rest.len()),
            (_, None) => return,
        };
        let (option, behind) = options.split_at_mut(len);
        if option[0] & COPIED == 0 {
            option.fill(NOP);
        }
        options = behind;
    }
}

fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn put16(bytes: &mut [u8], at: usize, word: u16) {
    bytes[at..at + 2].copy_from_slice(&word.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Pool;
    use crate::wire::ipv4::protocol;
    use proptest::prelude::*;

    fn packet(v6: bool, change: impl FnOnce(&mut Header), options: &[u8], body: &[u8]) -> Vec<u8> {
        let ends = match v6 {
            true => ["fd00::1", "fd00::2"],
            false => ["10.9.0.1", "10.9.0.2"],
        };
        let [src, dst] = ends.map(|addr| addr.parse().expect(addr));
        let mut header = Header::new(src, dst, protocol::UDP);
        change(&mut header);
        let mut head = Head::new();
        header.emit(&mut head, options.len() + body.len());
        let mut bytes = [&head[..], options, body].concat();
        if !v6 {
            bytes[0] += options.len() as u8 / 4;
            bytes[10..12].fill(0);
            let sum = checksum::Sum::new().bytes(&bytes[..20 + options.len()]).finish();
            put16(&mut bytes, 10, sum);
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Header {
        Header::parse(bytes, bytes.len()).expect("a header with a good checksum")
    }

    proptest! {
        /// Every checksum that can be is right after the hop, and nothing else has changed.
        #[test]
        fn a_hop_takes_one_and_keeps_the_rest(
            v6: bool, ttl in 1u8.., tos: u8, id: u16, body in 0usize..400, own_head: bool,
        ) {
            let set = |h: &mut Header| (h.ttl, h.tos, h.id) = (ttl, tos, id.into());
            let bytes = packet(v6, set, &[], &vec![7; body]);
            let mut frame = Frame::copied(&Pool::new(), &bytes);
            let shared = frame.clone();
            if own_head {
                let len = read(&bytes).header_len;
                frame.head.prepend(len).copy_from_slice(&bytes[..len]);
                frame.body.advance(len);
            }
            prop_assert_eq!(take_hop(&mut frame, &read(&bytes)), !own_head);
            let after = frame.to_vec();
            prop_assert_eq!(read(&after), Header { ttl: ttl - 1, ..read(&bytes) });
            let mut expected = bytes.clone();
            match v6 {
                true => expected[7] -= 1,
                false => {
                    expected[8] -= 1;
                    expected[10..12].copy_from_slice(&after[10..12]);
                }
            }
            prop_assert_eq!(after, expected);
            prop_assert_eq!(shared.to_vec(), bytes, "nobody else's view has changed");
        }

        /// Pieces of pieces, with options, fit and join to what there was.
        #[test]
        fn pieces_of_a_piece_join(
            body in 1usize..3000, mtu in 100usize..1500, offset in 0u32..100, more: bool,
            cut in 0usize..5000,
        ) {
            let body: Vec<u8> = (0..body & !7 | 8).map(|n| n as u8).collect();
            let options = [7, 3, 4, 148, 4, 0, 0, 0];
            let bytes = packet(false, |h| (h.offset, h.more) = (offset * 8, more), &options, &body);
            let pool = Pool::new();
            let (a, b) = body.split_at(cut % (body.len() + 1));
            let mut payload = Frame::copied(&pool, a);
            payload.body.push(pool.copy(b));
            let (mut at, mut last) = (offset * 8, false);
            let mut joined = Vec::new();
            for piece in pieces(&bytes[..28], &payload, mtu) {
                let piece = piece.to_vec();
                let header = read(&piece);
                prop_assert!(piece.len() <= mtu && !last && header.router_alert);
                prop_assert_eq!((header.offset, header.header_len, header.ttl), (at, 28, 64));
                let kept = if joined.is_empty() { options } else { [1, 1, 1, 148, 4, 0, 0, 0] };
                prop_assert_eq!(&piece[20..28], kept);
                at += header.payload_len() as u32;
                joined.extend_from_slice(&piece[28..]);
                last = joined.len() == body.len();
                prop_assert_eq!(header.more, !last || more);
            }
            prop_assert_eq!(joined, body);
        }

        #[test]
        fn any_options_are_walked(mut options in proptest::collection::vec(any::<u8>(), 0..40)) {
            let len = options.len();
            blank_options(&mut options);
            prop_assert_eq!(options.len(), len);
        }
    }
}
