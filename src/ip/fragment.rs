//! Cutting a packet that is larger than the link's MTU into fragments (RFC 791 §3.2, RFC 8200
//! §4.5).
//!
//! The fragments share the packet's bytes: nothing but headers is copied. The transport checksum
//! must be in place, because no device can complete it once the packet is cut.

use crate::base::{Checksum, Frame, Head};
use crate::wire::ip::{self, Header};
use crate::wire::ipv6;

/// A piece of a packet's payload.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Where it lies in the payload, bytes, a multiple of 8.
    pub offset: u32,
    /// Whether more follow.
    pub more: bool,
    /// Its bytes. The IP header is still to be written.
    pub frame: Frame,
}

/// Cuts `payload` (transport header and what it carries, no IP header yet) into pieces of at most
/// `room` bytes each, all but the last a multiple of 8.
///
/// # Panics
/// When `room` is less than 8, or the frame leaves its checksum or splitting to a device.
pub fn pieces(payload: &Frame, room: usize) -> impl Iterator<Item = Piece> + '_ {
    assert!(room >= 8, "a fragment carries at least 8 bytes");
    let offload = payload.offload;
    assert!(offload.checksum != Checksum::Partial, "fragments carry complete checksums");
    assert!(offload.gso.is_none(), "a super-segment is split by its protocol");
    let len = payload.len();
    let step = if len <= room { len.max(1) } else { room & !7 };
    (0..len.max(1)).step_by(step).map(move |from| {
        let to = (from + step).min(len);
        Piece { offset: from as u32, more: to < len, frame: slice(payload, from, to) }
    })
}

/// The packets that carry `payload` (transport header and what it carries) under `header` over a
/// path of `mtu` bytes: one when it fits, else its fragments. `None` when it does not fit and an
/// IPv4 header says [`Header::df`]. (In IPv6 that binds routers only: the sender may cut.)
///
/// # Panics
/// As [`pieces`]; `mtu` is at least 28, for IPv6 56. When the packet is longer than one can be.
pub fn packets(
    header: Header,
    payload: &Frame,
    mtu: usize,
) -> Option<impl Iterator<Item = Frame> + '_> {
    let mut room = mtu.saturating_sub(ip::header_len(header.dst));
    if payload.len() > room {
        match header.dst.is_ipv6() {
            true => room -= ipv6::FRAGMENT_LEN,
            false if header.df => return None,
            false => {}
        }
    }
    Some(pieces(payload, room).map(move |mut piece| {
        let header = Header { more: piece.more, offset: piece.offset, ..header };
        let len = piece.frame.len();
        header.emit(&mut piece.frame.head, len);
        piece.frame
    }))
}

/// The bytes `from..to` of a frame: those of the head copied, those of the body shared.
fn slice(frame: &Frame, from: usize, to: usize) -> Frame {
    let head_len = frame.head.len();
    let in_head = &frame.head[from.min(head_len)..to.min(head_len)];
    let mut head = Head::new();
    head.prepend(in_head.len()).copy_from_slice(in_head);
    let body = frame.body.slice(from.saturating_sub(head_len), to.saturating_sub(head_len));
    Frame { head, body, offload: frame.offload, origin: frame.origin }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{EventId, Pool};
    use crate::wire::ipv4::protocol;
    use proptest::prelude::*;

    fn header(v6: bool) -> Header {
        let ends = match v6 {
            true => ["fd00::1", "fd00::2"],
            false => ["10.9.0.1", "10.9.0.2"],
        };
        let [src, dst] = ends.map(|addr| addr.parse().expect(addr));
        Header { id: 77, tos: 0x12, ..Header::new(src, dst, protocol::UDP) }
    }

    fn read(packet: &Frame) -> Header {
        let mut header = Header::parse(packet.front(), packet.len()).expect("a header");
        header.walk(packet.front()).expect("good extension headers");
        header
    }

    fn frame(head: &[u8], body: &[u8], cut: usize) -> Frame {
        let pool = Pool::new();
        let (a, b) = body.split_at(cut % (body.len() + 1));
        let mut frame = Frame { origin: EventId(5), ..Frame::default() };
        frame.head.prepend(head.len()).copy_from_slice(head);
        frame.body.push(pool.copy(a));
        frame.body.push(pool.copy(b));
        frame
    }

    #[test]
    fn a_packet_that_fits_is_one_and_df_refuses_the_rest() {
        let payload = frame(&[1; 8], &[2; 100], 50);
        let df = Header { df: true, ..header(false) };
        let all: Vec<_> = packets(df, &payload, 128).expect("fits").collect();
        assert_eq!((all.len(), all[0].len()), (1, 128));
        assert!(packets(df, &payload, 127).is_none());
        let offsets = |v6, mtu| -> Vec<_> {
            let packets = packets(header(v6), &payload, mtu).expect("may be cut");
            packets.map(|f| read(&f).offset).collect()
        };
        assert_eq!(offsets(false, 127), [0, 104]);
        assert_eq!(offsets(false, 68), [0, 48, 96]);
        assert_eq!(offsets(true, 148), [0]);
        assert_eq!(offsets(true, 147), [0, 96]);
        let empty: Vec<_> =
            packets(header(false), &Frame::default(), 1500).expect("fits").collect();
        assert_eq!((empty.len(), empty[0].len()), (1, 20));
    }

    proptest! {
        #[test]
        fn fragments_are_aligned_fit_and_join(
            head in proptest::collection::vec(any::<u8>(), 0..=60),
            body in proptest::collection::vec(any::<u8>(), 0..3000),
            cut: usize,
            mtu in 56usize..1600,
            v6: bool,
        ) {
            let payload = frame(&head, &body, cut);
            let (mut joined, mut last) = (Vec::new(), false);
            for packet in packets(header(v6), &payload, mtu).expect("may be cut") {
                prop_assert!(!last && packet.len() <= mtu && packet.origin == EventId(5));
                let read = read(&packet);
                prop_assert_eq!((read.tos, read.proto), (0x12, protocol::UDP));
                prop_assert!(read.id == 77 || v6 && !read.is_fragment());
                prop_assert_eq!(read.offset as usize, joined.len());
                let len = read.payload_len();
                prop_assert!(!read.more || len.is_multiple_of(8) && len > 0);
                joined.extend_from_slice(&packet.to_vec()[read.header_len..]);
                last = !read.more;
            }
            prop_assert!(last);
            prop_assert_eq!(joined, [head, body].concat());
        }
    }
}
