//! Cutting a packet that is larger than the link's MTU into fragments (RFC 791 §3.2).
//!
//! The fragments share the packet's bytes: nothing but headers is copied. The transport checksum
//! must be in place, because no device can complete it once the packet is cut.

use crate::base::{Checksum, Frame, Head};
use crate::wire::ipv4::{HEADER_LEN, Header};

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
/// link of `mtu` bytes: one when it fits, else its fragments. `None` when it does not fit and
/// [`Header::df`] is set.
///
/// # Panics
/// As [`pieces`]; `mtu` is at least 28. When the packet exceeds 65 535 bytes.
pub fn ipv4(
    header: Header,
    payload: &Frame,
    mtu: usize,
) -> Option<impl Iterator<Item = Frame> + '_> {
    let room = mtu.saturating_sub(HEADER_LEN);
    if header.df && payload.len() > room {
        return None;
    }
    Some(pieces(payload, room).map(move |mut piece| {
        let header = Header { mf: piece.more, offset: piece.offset, ..header };
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

    fn header() -> Header {
        let ends = ([10, 9, 0, 1].into(), [10, 9, 0, 2].into());
        Header { id: 77, tos: 0x12, ..Header::new(ends.0, ends.1, protocol::UDP) }
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
        let df = Header { df: true, ..header() };
        let all: Vec<_> = ipv4(df, &payload, 128).expect("fits").collect();
        assert_eq!((all.len(), all[0].len()), (1, 128));
        assert!(ipv4(df, &payload, 127).is_none());
        let offsets = |mtu| -> Vec<_> {
            let packets = ipv4(header(), &payload, mtu).expect("may be cut");
            packets.map(|f| Header::parse(f.front(), f.len()).expect("a header").offset).collect()
        };
        assert_eq!(offsets(127), [0, 104]);
        assert_eq!(offsets(68), [0, 48, 96]);
        let empty: Vec<_> = ipv4(header(), &Frame::default(), 1500).expect("fits").collect();
        assert_eq!((empty.len(), empty[0].len()), (1, 20));
    }

    proptest! {
        #[test]
        fn fragments_are_aligned_fit_and_join(
            head in proptest::collection::vec(any::<u8>(), 0..=60),
            body in proptest::collection::vec(any::<u8>(), 0..3000),
            cut: usize,
            mtu in 28usize..1600,
        ) {
            let payload = frame(&head, &body, cut);
            let (mut joined, mut last) = (Vec::new(), false);
            for packet in ipv4(header(), &payload, mtu).expect("may be cut") {
                prop_assert!(!last && packet.len() <= mtu && packet.origin == EventId(5));
                let read = Header::parse(packet.front(), packet.len()).expect("a header");
                prop_assert_eq!((read.id, read.tos, read.proto), (77, 0x12, protocol::UDP));
                prop_assert_eq!(read.offset as usize, joined.len());
                let len = read.payload_len();
                prop_assert!(!read.mf || len.is_multiple_of(8) && len > 0);
                joined.extend_from_slice(&packet.to_vec()[20..]);
                last = !read.mf;
            }
            prop_assert!(last);
            prop_assert_eq!(joined, [head, body].concat());
        }
    }
}
