//! An IP header of either version, as far as a host asks: what the rows above work with.
//!
//! The formats are `ipv4`'s and `ipv6`'s; which one a packet has is asked here and nowhere above.

use super::{ipv4, ipv6};
use crate::base::{Head, Why};
use std::net::IpAddr;

/// The largest transport header and payload under a header without extensions, bytes, by family.
pub fn max_payload(addr: IpAddr) -> usize {
    if addr.is_ipv4() { ipv4::MAX_LEN - ipv4::HEADER_LEN } else { ipv6::MAX_PAYLOAD }
}

/// The length of the header that [`Header::emit`] writes without a router alert, bytes, by family.
pub fn header_len(addr: IpAddr) -> usize {
    if addr.is_ipv4() { ipv4::HEADER_LEN } else { ipv6::HEADER_LEN }
}

/// What a socket asks for in the IP header of its packets.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Mark {
    /// Time to live or hop limit, hops, 1..=255 (`IP_TTL`, `IPV6_UNICAST_HOPS`). Default `None`:
    /// what the interface has, which is 64 unless a router says otherwise (RFC 4861 §6.3.4).
    pub ttl: Option<u8>,
    /// The traffic class byte (`IP_TOS`, `IPV6_TCLASS`). Default 0.
    pub tos: u8,
}

/// What becomes of a packet that is larger than its path's MTU (`IP_MTU_DISCOVER`).
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum Discover {
    /// We cut it to what is known of the path; in IPv4 routers may cut it, too
    /// (`IP_PMTUDISC_DONT`). Default.
    #[default]
    Dont,
    /// We cut it to what is known of the path; no router may cut what needed no cutting here
    /// (`IP_PMTUDISC_WANT`).
    Want,
    /// Nobody cuts it: it is refused (`IP_PMTUDISC_DO`).
    Do,
    /// Nobody cuts it, and it is refused only when the first link is too narrow: what is known of
    /// the path does not count (`IP_PMTUDISC_PROBE`).
    Probe,
}

impl Discover {
    /// Whether we may cut the packet.
    pub fn may_cut(self) -> bool {
        matches!(self, Discover::Dont | Discover::Want)
    }
}

/// An IP header.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Source address.
    pub src: IpAddr,
    /// Destination address, of the same family.
    pub dst: IpAddr,
    /// What is inside: see [`ipv4::protocol`]. In IPv6 the first extension header's number until
    /// [`Header::walk`] has been by.
    pub proto: u8,
    /// Time to live or hop limit, hops.
    pub ttl: u8,
    /// The traffic class byte: DSCP in the upper six bits, ECN in the lower two.
    pub tos: u8,
    /// Identification: 16 bits in IPv4; in IPv6 only fragments have one.
    pub id: u32,
    /// No router may fragment it. Always so in IPv6.
    pub df: bool,
    /// More fragments follow.
    pub more: bool,
    /// Where the payload lies in the whole datagram's, bytes, a multiple of 8 up to 65 528.
    pub offset: u32,
    /// Whether routers on the way are to look at it (RFC 2113, RFC 2711).
    pub router_alert: bool,
    /// It came with a fragment header of IPv6, if only with one that says that nothing is missing.
    /// Read only.
    pub fragment_header: bool,
    /// Header and payload, bytes. Read only.
    pub total_len: usize,
    /// Header with options or extension headers, bytes. Read only.
    pub header_len: usize,
    /// Where the byte lies that says `proto`. Read only.
    pub proto_at: usize,
}

/// Why a packet is refused for its headers, and what its sender may be told.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Why.
    pub why: Why,
    /// The ICMPv6 Parameter Problem to be sent: code and pointer (RFC 4443 §3.4).
    pub problem: Option<(u8, u32)>,
}

impl From<Why> for Refused {
    fn from(why: Why) -> Refused {
        Refused { why, problem: None }
    }
}

impl Header {
    /// A header for a packet of ours: whole, unmarked, 64 hops, may be fragmented (in IPv4).
    pub fn new(src: IpAddr, dst: IpAddr, proto: u8) -> Header {
        let header_len = header_len(dst);
        Header {
            src,
            dst,
            proto,
            ttl: ipv4::DEFAULT_TTL,
            tos: 0,
            id: 0,
            df: dst.is_ipv6(),
            more: false,
            offset: 0,
            router_alert: false,
            fragment_header: false,
            total_len: header_len,
            header_len,
            proto_at: proto_at(dst),
        }
    }

    /// With what a socket asks for, and `hops` unless it asks for others. A packet that may take
    /// no hop would reach nobody.
    #[must_use]
    pub fn marked(self, mark: Mark, hops: u8) -> Header {
        Header { ttl: mark.ttl.unwrap_or(hops).max(1), tos: mark.tos, ..self }
    }

    /// Reads the header at the start of `front`, a frame's first run of bytes, and checks it
    /// against the length of the whole frame. What lies beyond `total_len` is padding. Extension
    /// headers are left to [`Header::walk`]: they are read by those whom the packet is for.
    ///
    /// # Errors
    /// As [`ipv4::Header::parse`] and [`ipv6::Header::parse`].
    pub fn parse(front: &[u8], frame_len: usize) -> Result<Header, Why> {
        match front.first().map(|first| first >> 4) {
            Some(6) => ipv6::Header::parse(front, frame_len).map(Header::from),
            _ => ipv4::Header::parse(front, frame_len).map(Header::from),
        }
    }

    /// Goes over the extension headers of a packet that is for this host (RFC 8200 §4), up to the
    /// transport header or, in a fragment, up to its piece of the payload.
    ///
    /// # Errors
    /// As [`ipv6::walk`].
    pub fn walk(&mut self, front: &[u8]) -> Result<(), Refused> {
        if self.dst.is_ipv6() { ipv6::walk(self, front) } else { Ok(()) }
    }

    /// Whether a fragment that [`Header::walk`] was over is possible by itself, in IPv6, where its
    /// sender is told when it is not.
    ///
    /// # Errors
    /// As [`ipv6::check_fragment`].
    pub fn check_fragment(&self, front: &[u8]) -> Result<(), Refused> {
        let is_checked = self.dst.is_ipv6() && self.is_fragment();
        if is_checked { ipv6::check_fragment(self, front) } else { Ok(()) }
    }

    /// Writes the header in front of `head`, for a payload of `payload_len` bytes (what is in the
    /// head already and what follows it). A fragment of an IPv6 packet gets its fragment header.
    ///
    /// # Panics
    /// As [`ipv4::Header::emit`] and [`ipv6::Header::emit`]; when the addresses' families differ.
    pub fn emit(&self, head: &mut Head, payload_len: usize) {
        match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let Header { ttl, tos, df, more: mf, offset, router_alert, .. } = *self;
                let (id, new) = (self.id as u16, ipv4::Header::new(src, dst, self.proto));
                let header = ipv4::Header { ttl, tos, df, mf, offset, id, router_alert, ..new };
                header.emit(head, payload_len);
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                let mut next = self.proto;
                let mut len = payload_len;
                if self.is_fragment() {
                    ipv6::emit_fragment(head, next, self.id, self.offset, self.more);
                    (next, len) = (ipv6::FRAGMENT, len + ipv6::FRAGMENT_LEN);
                }
                if self.router_alert {
                    ipv6::emit_router_alert(head, next);
                    (next, len) = (ipv6::HOP_BY_HOP, len + ipv6::ROUTER_ALERT_LEN);
                }
                let new = ipv6::Header::new(src, dst, next);
                let header = ipv6::Header { hop_limit: self.ttl, traffic_class: self.tos, ..new };
                header.emit(head, len);
            }
            _ => panic!("a packet's addresses are of one family"),
        }
    }

    /// The bytes behind the header.
    pub fn payload_len(&self) -> usize {
        self.total_len - self.header_len
    }

    /// Whether this is a piece of a datagram rather than a whole one.
    pub fn is_fragment(&self) -> bool {
        self.more || self.offset > 0
    }

    /// The header of the datagram that this first fragment and others made: `payload_len` bytes,
    /// marked `tos`, without options and extension headers, as [`Header::emit`] writes it.
    pub fn whole(self, tos: u8, payload_len: usize) -> Header {
        let header_len = header_len(self.dst);
        Header {
            tos,
            more: false,
            offset: 0,
            router_alert: false,
            header_len,
            total_len: header_len + payload_len,
            proto_at: proto_at(self.dst),
            ..self
        }
    }
}

/// Where the fixed header says what follows.
fn proto_at(addr: IpAddr) -> usize {
    if addr.is_ipv4() { 9 } else { 6 }
}

impl From<ipv4::Header> for Header {
    fn from(header: ipv4::Header) -> Header {
        let ipv4::Header { src, dst, proto, ttl, tos, id, df, mf, offset, .. } = header;
        Header {
            src: src.into(),
            dst: dst.into(),
            proto,
            ttl,
            tos,
            id: id.into(),
            df,
            more: mf,
            offset,
            router_alert: header.router_alert,
            fragment_header: false,
            total_len: header.total_len,
            header_len: header.header_len,
            proto_at: 9,
        }
    }
}

impl From<ipv6::Header> for Header {
    fn from(header: ipv6::Header) -> Header {
        let new = Header::new(header.src.into(), header.dst.into(), header.next);
        Header {
            ttl: header.hop_limit,
            tos: header.traffic_class,
            total_len: ipv6::HEADER_LEN + header.payload_len,
            ..new
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            v6: bool, a: [u8; 16], b: [u8; 16], proto in 100u8..140, ttl: u8, tos: u8, id: u16,
            place in 0u32..100, more: bool, router_alert: bool, len in 0usize..60,
        ) {
            let addr = |x: [u8; 16]| match v6 {
                true => IpAddr::from(x),
                false => IpAddr::from([x[0], x[1], x[2], x[3]]),
            };
            let header = Header {
                ttl, tos, id: id.into(), more, router_alert, offset: place * 8,
                ..Header::new(addr(a), addr(b), proto)
            };
            let mut head = Head::new();
            header.emit(&mut head, len);
            let frame_len = head.len() + len;
            let mut read = Header::parse(&head, frame_len).expect("a header");
            read.walk(&head).expect("good extension headers");
            prop_assert_eq!((read.src, read.dst, read.proto), (header.src, header.dst, proto));
            prop_assert_eq!((read.ttl, read.tos, read.more), (ttl, tos, more));
            prop_assert_eq!((read.offset, read.payload_len()), (header.offset, len));
            prop_assert_eq!(read.router_alert, router_alert);
            prop_assert_eq!((read.total_len, read.header_len), (frame_len, head.len()));
            prop_assert_eq!(head[read.proto_at], proto);
            if !v6 || header.is_fragment() {
                prop_assert_eq!(read.id, u32::from(id));
            }
            let whole = header.whole(3, 8);
            prop_assert!(!whole.is_fragment() && whole.payload_len() == 8 && whole.tos == 3);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            if let Ok(mut header) = Header::parse(&bytes, bytes.len())
                && header.walk(&bytes).is_ok()
            {
                prop_assert!(header.header_len <= header.total_len);
                prop_assert!(header.total_len <= bytes.len());
            }
        }
    }
}
