//! The virtio-net header (virtio 1.2 §5.1.6), in the byte order of this machine: what a frame
//! behind it leaves out. TUN, TAP and packet sockets all speak it.

use crate::base::{Checksum, Frame, Gso, GsoKind, Medium, Offload};
use crate::wire::split::{self, Pieces, Unsplittable};

/// Its bytes: flags, kind of super-segment, length of the headers, payload bytes per segment, where
/// the checksummed bytes start, how far behind that the checksum lies.
pub(super) const LEN: usize = 10;
/// The longest packet behind one, whatever the MTU.
pub(super) const LONGEST: usize = 65_535;

/// Datagrams that come as one at most (Linux: `UDP_MAX_SEGMENTS`).
const DATAGRAMS_MAX: usize = 128;

const NEEDS_CHECKSUM: u8 = 1;
const IS_VERIFIED: u8 = 2;

const WHOLE: u8 = 0;
const TCP_V4: u8 = 1;
const TCP_V6: u8 = 4;
const UDP: u8 = 5;
/// Not a kind, but that the segments' CWR is set in the first only.
const ECN: u8 = 0x80;
/// Where a TCP header has its lower flags, and which of them is CWR (RFC 3168 §6.1).
const FLAGS: usize = 13;
const CWR: u8 = 0x80;

/// What a header says; `None` when that is not understood here.
pub(super) fn read(header: &[u8; LEN]) -> Option<Offload> {
    let [flags, kind, _, _, low, high, ..] = *header;
    let size = u16::from_ne_bytes([low, high]);
    let gso = match kind & !ECN {
        WHOLE => None,
        _ if size == 0 => return None,
        TCP_V4 | TCP_V6 => Some(Gso { kind: GsoKind::Tcp, size }),
        UDP => Some(Gso { kind: GsoKind::Udp, size }),
        _ => return None,
    };
    let checksum = match flags {
        flags if flags & NEEDS_CHECKSUM != 0 => Checksum::Partial,
        flags if flags & IS_VERIFIED != 0 => Checksum::Verified,
        _ => Checksum::Complete,
    };
    Some(Offload { gso, checksum })
}

/// The header for a frame of a medium.
///
/// # Errors
/// When the frame is to be completed or cut, and its headers do not say how.
pub(super) fn write(medium: Medium, frame: &Frame) -> Result<[u8; LEN], Unsplittable> {
    let mut header = [0; LEN];
    let Offload { gso, checksum } = frame.offload;
    if gso.is_none() && checksum != Checksum::Partial {
        return Ok(header);
    }
    let places = split::places_on(medium, frame)?;
    let mut put = |at: usize, n: usize| {
        header[at..at + 2].copy_from_slice(&(n as u16).to_ne_bytes());
    };
    put(6, places.transport);
    put(8, places.checksum);
    if let Some(gso) = gso {
        put(2, places.headers);
        put(4, gso.size.into());
        header[1] = match (gso.kind, places.v6) {
            (GsoKind::Tcp, false) => TCP_V4,
            (GsoKind::Tcp, true) => TCP_V6,
            (GsoKind::Udp, _) => UDP,
        };
        let flags = frame.front().get(places.transport + FLAGS);
        if gso.kind == GsoKind::Tcp && flags.is_some_and(|flags| flags & CWR != 0) {
            header[1] |= ECN;
        }
    }
    header[0] = NEEDS_CHECKSUM;
    Ok(header)
}

/// Datagrams that came as one: a host's users see them apart.
#[derive(Debug, Default)]
pub(super) struct Apart(Option<Pieces>);

impl Apart {
    /// The next one that waits.
    pub(super) fn next(&mut self) -> Option<Frame> {
        self.0.as_mut()?.next()
    }

    /// Whether one waits.
    pub(super) fn holds(&self) -> bool {
        self.0.as_ref().is_some_and(|pieces| pieces.len() > 0)
    }

    /// A frame as it was read, if it is one for the host as it is; of datagrams, the first.
    ///
    /// # Errors
    /// When they cannot be taken apart.
    pub(super) fn admit(&mut self, medium: Medium, frame: Frame) -> Result<Frame, Unsplittable> {
        match frame.offload.gso {
            Some(Gso { kind: GsoKind::Udp, .. }) => {
                let mut pieces = split::split_on(medium, &frame, usize::MAX)?;
                if pieces.len() > DATAGRAMS_MAX {
                    return Err(Unsplittable::Instructions);
                }
                let first = pieces.next().ok_or(Unsplittable::Instructions)?;
                self.0 = Some(pieces);
                Ok(first)
            }
            _ => Ok(frame),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Pool;
    use etherparse::PacketBuilder;

    #[test]
    fn headers_are_understood() {
        let header = |flags, kind, size: u16| {
            let [low, high] = size.to_ne_bytes();
            read(&[flags, kind, 0, 0, low, high, 0, 0, 0, 0])
        };
        let of = |kind: Option<GsoKind>, size, checksum| {
            Some(Offload { gso: kind.map(|kind| Gso { kind, size }), checksum })
        };
        assert_eq!(header(0, 0, 0), of(None, 0, Checksum::Complete));
        assert_eq!(header(2, 0, 0), of(None, 0, Checksum::Verified));
        assert_eq!(header(3, 0, 0), of(None, 0, Checksum::Partial));
        assert_eq!(header(1, 1, 1448), of(Some(GsoKind::Tcp), 1448, Checksum::Partial));
        assert_eq!(header(1, 0x84, 1428), of(Some(GsoKind::Tcp), 1428, Checksum::Partial));
        assert_eq!(header(1, 5, 1000), of(Some(GsoKind::Udp), 1000, Checksum::Partial));
        assert_eq!(header(1, 1, 0), None, "segments of no bytes");
        assert_eq!(header(1, 3, 1480), None, "fragments of UDP");
    }

    #[test]
    fn datagrams_that_came_as_one_are_given_apart() {
        let pool = Pool::new();
        let frame = |size| {
            let mut bytes = Vec::new();
            let ip = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64);
            ip.udp(1, 2).write(&mut bytes, &[7; 1280]).expect("a vector takes all");
            let gso = Some(Gso { kind: GsoKind::Udp, size });
            let offload = Offload { gso, checksum: Checksum::Partial };
            Frame { offload, ..Frame::copied(&pool, &bytes) }
        };
        let mut apart = Apart::default();
        assert!(!apart.holds());
        let first = apart.admit(Medium::Ip, frame(10)).expect("as many as Linux sends");
        let rest = std::iter::from_fn(|| apart.holds().then(|| apart.next()).flatten());
        let rest: Vec<_> = rest.collect();
        assert_eq!((first.len(), rest.len()), (38, 127));
        assert!(rest.iter().all(|one| one.len() == 38));
        assert_eq!(apart.admit(Medium::Ip, frame(9)).err(), Some(Unsplittable::Instructions));
        assert!(!apart.holds());
    }

    #[test]
    fn what_is_written_says_where() {
        let pool = Pool::new();
        let frame = |v6: bool, offload| {
            let link = PacketBuilder::ethernet2([2; 6], [4; 6]);
            let ip = match v6 {
                true => link.ipv6([1; 16], [2; 16], 64),
                false => link.ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64),
            };
            let mut bytes = Vec::new();
            ip.tcp(1, 2, 3, 4).write(&mut bytes, &[0; 5000]).expect("a vector takes all");
            Frame { offload, ..Frame::copied(&pool, &bytes) }
        };
        let gso = Some(Gso { kind: GsoKind::Tcp, size: 1400 });
        for (v6, kind, transport) in [(false, TCP_V4, 34u16), (true, TCP_V6, 54)] {
            let whole = frame(v6, Offload::default());
            assert_eq!(write(Medium::Ethernet, &whole), Ok([0; LEN]));
            let partial = Offload { gso: None, checksum: Checksum::Partial };
            let header = write(Medium::Ethernet, &frame(v6, partial)).expect("TCP");
            assert_eq!((header[0], header[1], read(&header)), (NEEDS_CHECKSUM, 0, Some(partial)));
            let long = Offload { gso, checksum: Checksum::Partial };
            let header = write(Medium::Ethernet, &frame(v6, long)).expect("TCP");
            assert_eq!((header[1], read(&header)), (kind, Some(long)));
            let mut reduced = frame(v6, long).body.to_vec();
            reduced[usize::from(transport) + FLAGS] |= CWR;
            let reduced = Frame { offload: long, ..Frame::copied(&pool, &reduced) };
            let marked = write(Medium::Ethernet, &reduced).expect("TCP");
            assert_eq!((marked[1], read(&marked)), (kind | ECN, Some(long)), "CWR is set");
            let number = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
            assert_eq!([2, 6, 8].map(number), [transport + 20, transport, 16]);
        }
        let odd = Frame { offload: Offload { gso, ..<_>::default() }, ..Frame::default() };
        assert!(write(Medium::Ethernet, &odd).is_err());
    }
}
