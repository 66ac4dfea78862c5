//! The IPv4 header (RFC 791 §3.1) with a receiving host's checks of its bytes (RFC 1122 §3.2.1).
//!
//! Options are walked for safety and otherwise ignored, but a source route is refused (RFC 7126
//! §4.3, §4.4). Only the router alert (RFC 2113) is looked at, and sent. Whether the addresses make
//! sense is `ip`'s question.

use crate::base::{Head, Why, checksum::Sum};
use etherparse::Ipv4HeaderSlice;
use etherparse::err::ipv4::{HeaderError, HeaderSliceError};
use std::net::Ipv4Addr;

/// Protocol numbers (IANA); the same in IPv6's next-header field.
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// IGMP.
    pub const IGMP: u8 = 2;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
}

/// The length of a header without options in bytes: what [`Header::emit`] writes.
pub const HEADER_LEN: usize = 20;
/// The router alert: every router that passes the packet on is to look at it (RFC 2113 §2.1).
const ROUTER_ALERT: [u8; 4] = [148, 4, 0, 0];
/// The largest packet in bytes, header included.
pub const MAX_LEN: usize = 65_535;
/// The smallest MTU a link may have, bytes (RFC 791 §3.2).
pub const MIN_MTU: usize = 68;
/// The time to live that packets start with (RFC 1122 §3.2.1.7; 64 is IANA's recommendation).
pub const DEFAULT_TTL: u8 = 64;

/// An IPv4 header.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Source address.
    pub src: Ipv4Addr,
    /// Destination address.
    pub dst: Ipv4Addr,
    /// What is inside: see [`protocol`].
    pub proto: u8,
    /// Time to live, hops.
    pub ttl: u8,
    /// The traffic class byte: DSCP in the upper six bits, ECN in the lower two.
    pub tos: u8,
    /// Identification.
    pub id: u16,
    /// Don't fragment.
    pub df: bool,
    /// More fragments follow.
    pub mf: bool,
    /// Where the payload lies in the whole datagram's, bytes, a multiple of 8 up to 65 528.
    pub offset: u32,
    /// Whether routers on the way are to look at it (RFC 2113).
    pub router_alert: bool,
    /// Header and payload, bytes. Read only: [`Header::emit`] computes it.
    pub total_len: usize,
    /// Header with options, bytes, 20..=60. Read only.
    pub header_len: usize,
}

impl Header {
    /// A header for a packet of ours: whole, unmarked, [`DEFAULT_TTL`], may be fragmented.
    pub fn new(src: Ipv4Addr, dst: Ipv4Addr, proto: u8) -> Header {
        Header {
            src,
            dst,
            proto,
            ttl: DEFAULT_TTL,
            tos: 0,
            id: 0,
            df: false,
            mf: false,
            offset: 0,
            router_alert: false,
            total_len: HEADER_LEN,
            header_len: HEADER_LEN,
        }
    }

    /// Reads the header at the start of `front`, a frame's first run of bytes, and checks it
    /// against the length of the whole frame. What lies beyond `total_len` is padding.
    ///
    /// # Errors
    /// [`Why::IpTruncated`], [`Why::IpVersion`], [`Why::IpHeaderLength`], [`Why::IpChecksum`],
    /// [`Why::IpOption`], [`Why::IpSourceRoute`].
    pub fn parse(front: &[u8], frame_len: usize) -> Result<Header, Why> {
        let slice = Ipv4HeaderSlice::from_slice(front).map_err(|error| match error {
            HeaderSliceError::Content(HeaderError::UnexpectedVersion { .. }) => Why::IpVersion,
            HeaderSliceError::Content(_) => Why::IpHeaderLength,
            HeaderSliceError::Len(short) if short.required_len > HEADER_LEN => Why::IpHeaderLength,
            HeaderSliceError::Len(_) => Why::IpTruncated,
        })?;
        let bytes = slice.slice();
        let total_len = usize::from(slice.total_len());
        if total_len < bytes.len() {
            return Err(Why::IpHeaderLength);
        }
        if total_len > frame_len {
            return Err(Why::IpTruncated);
        }
        if Sum::new().bytes(bytes).folded() != 0xffff {
            return Err(Why::IpChecksum);
        }
        let router_alert = bytes.len() > HEADER_LEN && check_options(slice.options())?;
        Ok(Header {
            src: slice.source_addr(),
            dst: slice.destination_addr(),
            proto: slice.protocol().0,
            ttl: slice.ttl(),
            tos: bytes[1],
            id: slice.identification(),
            df: slice.dont_fragment(),
            mf: slice.more_fragments(),
            offset: u32::from(slice.fragments_offset().value()) * 8,
            router_alert,
            total_len,
            header_len: bytes.len(),
        })
    }

    /// Writes the header, without options but for a router alert, its checksum included, in front
    /// of `head`, for a payload of `payload_len` bytes (what is in the head already and what
    /// follows it).
    ///
    /// # Panics
    /// When header and payload exceed [`MAX_LEN`], or the offset is not a multiple of 8 up to
    /// 65 528.
    pub fn emit(&self, head: &mut Head, payload_len: usize) {
        let options: &[u8] = if self.router_alert { &ROUTER_ALERT } else { &[] };
        let header_len = HEADER_LEN + options.len();
        let total_len = header_len + payload_len;
        assert!(total_len <= MAX_LEN, "an IPv4 packet is at most 65 535 bytes long");
        assert!(self.offset <= 65_528 && self.offset.is_multiple_of(8), "offsets count 8 bytes");
        let flags = u16::from(self.df) << 14 | u16::from(self.mf) << 13;
        let flags_and_offset = flags | (self.offset / 8) as u16;
        let out = head.prepend(header_len);
        out[HEADER_LEN..].copy_from_slice(options);
        out[0] = 0x40 | (header_len / 4) as u8;
        out[1] = self.tos;
        out[2..4].copy_from_slice(&(total_len as u16).to_be_bytes());
        out[4..6].copy_from_slice(&self.id.to_be_bytes());
        out[6..8].copy_from_slice(&flags_and_offset.to_be_bytes());
        out[8] = self.ttl;
        out[9] = self.proto;
        out[10..12].fill(0);
        out[12..16].copy_from_slice(&self.src.octets());
        out[16..20].copy_from_slice(&self.dst.octets());
        let checksum = Sum::new().bytes(out).finish();
        out[10..12].copy_from_slice(&checksum.to_be_bytes());
    }

    /// The bytes behind the header.
    pub fn payload_len(&self) -> usize {
        self.total_len - self.header_len
    }
}

/// Walks the options (RFC 791 §3.1): each must end inside the header. Says whether the router alert
/// is among them.
// Rules: MUST-50.
fn check_options(mut options: &[u8]) -> Result<bool, Why> {
    const END: u8 = 0;
    const NOP: u8 = 1;
    const LOOSE_SOURCE_ROUTE: u8 = 131;
    const STRICT_SOURCE_ROUTE: u8 = 137;
    let mut alert = false;
    while let [kind, rest @ ..] = options {
        options = match (*kind, rest) {
            (END, _) => break,
            (NOP, rest) => rest,
            (LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE, _) => return Err(Why::IpSourceRoute),
            (kind, [len, ..]) if *len >= 2 => {
                alert |= kind == ROUTER_ALERT[0];
                options.get(usize::from(*len)..).ok_or(Why::IpOption)?
            }
            _ => return Err(Why::IpOption),
        };
    }
    Ok(alert)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pnet_packet::ipv4::{Ipv4Flags, Ipv4Packet, checksum};
    use proptest::prelude::*;

    const SRC: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
    const DST: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

    /// A packet with `options` and four bytes of payload, the checksum right.
    fn packet(options: &[u8], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let mut head = Head::new();
        head.prepend(4).copy_from_slice(b"data");
        head.prepend(options.len()).copy_from_slice(options);
        Header::new(SRC, DST, protocol::UDP).emit(&mut head, options.len() + 4);
        let mut bytes = head.to_vec();
        bytes[0] += options.len() as u8 / 4;
        change(&mut bytes);
        bytes[10..12].fill(0);
        let len = (usize::from(bytes[0] & 15) * 4).min(bytes.len());
        let sum = Sum::new().bytes(&bytes[..len]).finish();
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    #[track_caller]
    fn check(options: &[u8], change: impl FnOnce(&mut [u8]), expected: Result<usize, Why>) {
        let bytes = packet(options, change);
        let got = Header::parse(&bytes, bytes.len());
        assert_eq!(got.map(|h| h.header_len), expected, "{bytes:02x?}");
    }

    #[test]
    fn what_a_host_must_refuse() {
        check(&[], |_| (), Ok(20));
        check(&[], |b| b[0] = 0x65, Err(Why::IpVersion));
        check(&[], |b| b[0] = 0x44, Err(Why::IpHeaderLength));
        check(&[], |b| b[0] = 0x4f, Err(Why::IpHeaderLength));
        check(&[], |b| b[3] = 19, Err(Why::IpHeaderLength));
        check(&[], |b| b[3] = 25, Err(Why::IpTruncated));
        check(&[], |b| b[3] = 20, Ok(20));
        let mut wrong = packet(&[], |_| ());
        wrong[11] ^= 1;
        assert_eq!(Header::parse(&wrong, wrong.len()), Err(Why::IpChecksum));
        assert_eq!(Header::parse(&wrong[..19], 19), Err(Why::IpTruncated));
        assert_eq!(Header::parse(&[], 0), Err(Why::IpTruncated));
    }

    #[test]
    fn options_are_walked_safely() {
        check(&[1, 1, 1, 0], |_| (), Ok(24));
        check(&[0, 99, 99, 99], |_| (), Ok(24));
        check(&[148, 4, 0, 0], |_| (), Ok(24));
        check(&[7, 7, 4, 0, 0, 0, 0, 1], |_| (), Ok(28));
        check(&[68, 5, 0, 0], |_| (), Err(Why::IpOption));
        check(&[68, 1, 0, 0], |_| (), Err(Why::IpOption));
        check(&[68, 0, 0, 0], |_| (), Err(Why::IpOption));
        check(&[1, 1, 1, 68], |_| (), Err(Why::IpOption));
        check(&[131, 3, 4, 0], |_| (), Err(Why::IpSourceRoute));
        let alerts = |options: &[u8]| {
            let bytes = packet(options, |_| ());
            Header::parse(&bytes, bytes.len()).map(|header| header.router_alert)
        };
        assert_eq!(alerts(&[148, 4, 0, 0]), Ok(true));
        assert_eq!(alerts(&[1, 1, 1, 0]), Ok(false));
        assert_eq!(alerts(&[0, 148, 4, 0]), Ok(false));
        check(&[1, 137, 3, 4], |_| (), Err(Why::IpSourceRoute));
    }

    #[test]
    fn padding_is_not_payload() {
        let bytes = packet(&[], |_| ());
        let header = Header::parse(&bytes, bytes.len() + 22).expect("a header");
        assert_eq!((header.total_len, header.payload_len()), (24, 4));
    }

    fn header() -> impl Strategy<Value = Header> {
        let addrs = (any::<[u8; 4]>(), any::<[u8; 4]>());
        (addrs, any::<(u8, u8, u8, u16, bool, bool, bool)>(), 0u32..=8191).prop_map(
            |((src, dst), (proto, ttl, tos, id, df, mf, router_alert), offset)| Header {
                router_alert,
                ttl,
                tos,
                id,
                df,
                mf,
                offset: offset * 8,
                ..Header::new(src.into(), dst.into(), proto)
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_by_us_and_by_others(
            header in header(), payload_len in 0usize..=65_511,
        ) {
            let mut head = Head::new();
            header.emit(&mut head, payload_len);
            let read = Header::parse(&head, head.len() + payload_len);
            let header_len = if header.router_alert { 24 } else { 20 };
            let total_len = header_len + payload_len;
            prop_assert_eq!(read, Ok(Header { total_len, header_len, ..header }));

            let theirs = Ipv4Packet::new(&head).expect("20 bytes");
            prop_assert_eq!(theirs.get_checksum(), checksum(&theirs));
            prop_assert_eq!(theirs.get_source(), header.src);
            prop_assert_eq!(theirs.get_destination(), header.dst);
            prop_assert_eq!(usize::from(theirs.get_total_length()), total_len);
            prop_assert_eq!(u32::from(theirs.get_fragment_offset()) * 8, header.offset);
            prop_assert_eq!(theirs.get_flags() & Ipv4Flags::DontFragment != 0, header.df);
            prop_assert_eq!(theirs.get_flags() & Ipv4Flags::MoreFragments != 0, header.mf);
            prop_assert_eq!(theirs.get_dscp() << 2 | theirs.get_ecn(), header.tos);
            prop_assert_eq!(theirs.get_ttl(), header.ttl);
            prop_assert_eq!(theirs.get_next_level_protocol().0, header.proto);

            let (by_etherparse, _) = etherparse::Ipv4Header::from_slice(&head).expect("a header");
            prop_assert_eq!(&by_etherparse.to_bytes()[..], &head[..]);
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..80), ihl in 0u8..=15,
        ) {
            if let Some(first) = bytes.first_mut() {
                *first = 0x40 | ihl;
            }
            // With the length and checksum put right, options are reached, too.
            let header_len = usize::from(ihl) * 4;
            if ihl >= 5 && bytes.len() >= header_len {
                let len = bytes.len() as u16;
                bytes[2..4].copy_from_slice(&len.to_be_bytes());
                bytes[10..12].fill(0);
                let sum = Sum::new().bytes(&bytes[..header_len]).finish();
                bytes[10..12].copy_from_slice(&sum.to_be_bytes());
            }
            if let Ok(header) = Header::parse(&bytes, bytes.len()) {
                prop_assert_eq!(header.header_len, header_len);
                prop_assert!(header.header_len <= header.total_len);
                prop_assert!(header.total_len <= bytes.len());
            }
        }
    }
}
