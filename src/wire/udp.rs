//! The UDP header (RFC 768, RFC 1122 §4.1).

use super::checksum::{self, Fill};
use super::ipv4::protocol;
use crate::base::{Chunks, Head, Why};
use std::net::{IpAddr, SocketAddr};

/// The header's length in bytes.
pub const HEADER_LEN: usize = 8;
/// Offset of the checksum field in the header, bytes.
pub const CHECKSUM_OFFSET: usize = 6;

/// A UDP header.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Source port; 0 when no answer is expected.
    pub src: u16,
    /// Destination port.
    pub dst: u16,
    /// Header and payload, bytes, from 8.
    pub len: u16,
    /// The checksum field; 0 when the sender computed none.
    pub checksum: u16,
}

impl Header {
    /// Reads the header at the start of `front`, `available` being the bytes that the IP packet
    /// holds. What lies beyond [`Header::len`] belongs to nobody and is the caller's to cut.
    ///
    /// # Errors
    /// [`Why::UdpLength`].
    pub fn parse(front: &[u8], available: usize) -> Result<Header, Why> {
        let Some(bytes) = front.first_chunk::<HEADER_LEN>() else { return Err(Why::UdpLength) };
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let header = Header { src: word(0), dst: word(2), len: word(4), checksum: word(6) };
        let len = usize::from(header.len);
        if len < HEADER_LEN || len > available { Err(Why::UdpLength) } else { Ok(header) }
    }

    /// Checks the checksum of the datagram `slices`, header included and cut to its length. A
    /// sender over IPv4 may leave it out (RFC 768), one over IPv6 may not (RFC 8200 §8.1).
    ///
    /// # Errors
    /// [`Why::UdpChecksum`].
    pub fn verify<'a>(
        &self,
        src: IpAddr,
        dst: IpAddr,
        slices: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<(), Why> {
        let pseudo = || checksum::pseudo(src, dst, protocol::UDP, usize::from(self.len));
        let good = match self.checksum {
            0 => src.is_ipv4(),
            _ => checksum::is_good(pseudo(), slices),
        };
        if good { Ok(()) } else { Err(Why::UdpChecksum) }
    }
}

/// Writes a header for `body` in front of `head`, which holds nothing else of the datagram.
/// A checksum that happens to be 0 is sent as 0xffff, its other name, because 0 means none.
///
/// # Panics
/// When header and body exceed 65 535 bytes.
pub fn emit(head: &mut Head, src: SocketAddr, dst: SocketAddr, body: &Chunks, fill: Fill) {
    let len = HEADER_LEN + body.len();
    assert!(len <= usize::from(u16::MAX), "a UDP datagram is at most 65 535 bytes long");
    let out = head.prepend(HEADER_LEN);
    out[0..2].copy_from_slice(&src.port().to_be_bytes());
    out[2..4].copy_from_slice(&dst.port().to_be_bytes());
    out[4..6].copy_from_slice(&(len as u16).to_be_bytes());
    out[6..8].fill(0);
    let pseudo = checksum::pseudo(src.ip(), dst.ip(), protocol::UDP, len);
    let field = match fill {
        Fill::Absent => 0,
        Fill::Partial => pseudo.folded(),
        Fill::Complete => {
            let header = std::iter::once(&out[..]);
            match checksum::complete(pseudo, header.chain(body.iter().map(|c| &c[..]))) {
                0 => 0xffff,
                sum => sum,
            }
        }
    };
    out[6..8].copy_from_slice(&field.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Pool;
    use pnet_packet::udp::{UdpPacket, ipv4_checksum, ipv6_checksum};
    use proptest::prelude::*;

    fn v4(host: u8, port: u16) -> SocketAddr {
        (IpAddr::from([10, 9, 0, host]), port).into()
    }

    fn written(src: SocketAddr, dst: SocketAddr, body: &[u8], fill: Fill) -> Vec<u8> {
        let mut head = Head::new();
        emit(&mut head, src, dst, &Pool::new().copy(body).into(), fill);
        [&head[..], body].concat()
    }

    #[test]
    fn lengths_must_fit() {
        let mut bytes = written(v4(1, 7), v4(2, 9), b"data", Fill::Complete);
        for (len, available, fits) in [
            (12, 12, true),
            (12, 11, false),
            (8, 12, true),
            (7, 12, false),
            (0, 12, false),
            (12, 40, true),
        ] {
            bytes[5] = len;
            assert_eq!(Header::parse(&bytes, available).is_ok(), fits, "{len} {available}");
        }
        assert_eq!(Header::parse(&bytes[..7], 12), Err(Why::UdpLength));
    }

    #[test]
    fn no_checksum_is_good_in_ipv4_only() {
        let bytes = written(v4(1, 7), v4(2, 9), b"data", Fill::Absent);
        let header = Header::parse(&bytes, bytes.len()).expect("a header");
        assert_eq!(header.verify(v4(1, 0).ip(), v4(2, 0).ip(), [&bytes[..]]), Ok(()));
        let six: IpAddr = "fd00::1".parse().expect("an address");
        assert_eq!(header.verify(six, six, [&bytes[..]]), Err(Why::UdpChecksum));
    }

    #[test]
    fn a_sum_of_zero_is_sent_as_all_ones() {
        let (src, dst) = (v4(1, 7), v4(2, 9));
        // The body's last word is the checksum of the rest, so that the whole sums to 0xffff.
        let rest = written(src, dst, &[0, 0], Fill::Complete);
        let bytes = written(src, dst, &rest[6..8], Fill::Complete);
        assert_eq!(bytes[6..8], [0xff, 0xff]);
        let header = Header::parse(&bytes, bytes.len()).expect("a header");
        assert_eq!(header.verify(src.ip(), dst.ip(), [&bytes[..]]), Ok(()));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_by_us_and_by_others(
            ports: (u16, u16), four: ([u8; 4], [u8; 4]), six: ([u8; 16], [u8; 16]),
            body in proptest::collection::vec(any::<u8>(), 0..100), flip: usize,
        ) {
            let (s4, d4): (std::net::Ipv4Addr, std::net::Ipv4Addr) = (four.0.into(), four.1.into());
            let (s6, d6): (std::net::Ipv6Addr, std::net::Ipv6Addr) = (six.0.into(), six.1.into());
            for (src, dst) in [(IpAddr::V4(s4), IpAddr::V4(d4)), (IpAddr::V6(s6), IpAddr::V6(d6))] {
                let ends = ((src, ports.0).into(), (dst, ports.1).into());
                let mut bytes = written(ends.0, ends.1, &body, Fill::Complete);
                let header = Header::parse(&bytes, bytes.len()).expect("a header");
                prop_assert_eq!((header.src, header.dst), ports);
                prop_assert_eq!(usize::from(header.len), bytes.len());
                prop_assert_eq!(header.verify(src, dst, [&bytes[..]]), Ok(()));

                let theirs = UdpPacket::new(&bytes).expect("a header");
                let sum = match (src, dst) {
                    (IpAddr::V4(s), IpAddr::V4(d)) => ipv4_checksum(&theirs, &s, &d),
                    _ => ipv6_checksum(&theirs, &s6, &d6),
                };
                let theirs_is = if sum == 0 { 0xffff } else { sum };
                prop_assert_eq!(header.checksum, theirs_is);
                prop_assert_eq!((theirs.get_source(), theirs.get_destination()), ports);

                let bit = flip % (bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
                let broken = Header::parse(&bytes, bytes.len()).and_then(|h| match h.checksum {
                    0 => Err(Why::UdpChecksum),
                    _ => h.verify(src, dst, [&bytes[..]]),
                });
                prop_assert!(broken.is_err());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(header) = Header::parse(&bytes, bytes.len()) {
                prop_assert!((8..=bytes.len()).contains(&usize::from(header.len)));
                let _ = header.verify(v4(1, 1).ip(), v4(2, 2).ip(), [&bytes[..]]);
            }
        }
    }
}
