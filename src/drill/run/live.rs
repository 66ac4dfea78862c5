//! A packet as it is on the wire, taken apart field by field so that each can be compared.

use crate::wire::ip;
use crate::wire::ipv4::protocol;
use crate::wire::tcp::Ctl;
use crate::wire::{checksum, ipv6};
use std::net::SocketAddr;

/// A packet.
#[derive(Clone, Debug)]
pub(super) struct Live {
    /// The IP header; `None` for what is no packet.
    pub(super) ip: Option<ip::Header>,
    /// The flow label of IPv6.
    pub(super) flow_label: u32,
    /// Whether the checksum of the IPv4 header is right.
    pub(super) header_is_good: bool,
    /// What is inside.
    pub(super) body: Body,
}

/// What is inside a packet.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Tcp(Tcp),
    Udp { src: u16, dst: u16, payload: Vec<u8> },
    Icmp { kind: u8, code: u8 },
    Other,
}

/// A segment, its options as bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Tcp {
    pub(super) src: u16,
    pub(super) dst: u16,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) ctl: Ctl,
    /// The three bits between data offset and AE.
    pub(super) reserved: u8,
    pub(super) win: u16,
    pub(super) urg: u16,
    pub(super) options: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

impl Tcp {
    /// Sequence space behind the segment's first byte.
    pub(super) fn end(&self) -> u32 {
        self.seq.wrapping_add(self.payload.len() as u32)
    }

    fn parse(bytes: &[u8]) -> Option<Tcp> {
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let long = |at: usize| u32::from(word(at)) << 16 | u32::from(word(at + 2));
        let len = usize::from(bytes.get(12)? >> 4) * 4;
        if bytes.len() < 20 || len < 20 || len > bytes.len() {
            return None;
        }
        Some(Tcp {
            src: word(0),
            dst: word(2),
            seq: long(4),
            ack: long(8),
            ctl: Ctl(word(12) & 0x1ff),
            reserved: bytes[12] >> 1 & 7,
            win: word(14),
            urg: word(18),
            options: bytes[20..len].to_vec(),
            payload: bytes[len..].to_vec(),
        })
    }

    /// The segment's bytes, with a checksum.
    pub(super) fn bytes(&self, src: SocketAddr, dst: SocketAddr) -> Vec<u8> {
        let len = 20 + self.options.len();
        let mut out = Vec::with_capacity(len + self.payload.len());
        out.extend(self.src.to_be_bytes());
        out.extend(self.dst.to_be_bytes());
        out.extend(self.seq.to_be_bytes());
        out.extend(self.ack.to_be_bytes());
        let bits = (len as u16 / 4) << 12 | u16::from(self.reserved) << 9 | self.ctl.0;
        out.extend(bits.to_be_bytes());
        out.extend(self.win.to_be_bytes());
        out.extend([0, 0]);
        out.extend(self.urg.to_be_bytes());
        out.extend(&self.options);
        out.extend(&self.payload);
        let pseudo = checksum::pseudo(src.ip(), dst.ip(), protocol::TCP, out.len());
        let sum = checksum::complete(pseudo, [&out[..]]);
        out[16..18].copy_from_slice(&sum.to_be_bytes());
        out
    }
}

impl Live {
    pub(super) fn parse(bytes: &[u8]) -> Live {
        let nothing = Live { ip: None, flow_label: 0, header_is_good: true, body: Body::Other };
        let Ok(mut header) = ip::Header::parse(bytes, bytes.len()) else { return nothing };
        if header.walk(bytes).is_err() {
            return nothing;
        }
        let v6 = header.src.is_ipv6();
        let label = |bytes| ipv6::Header::parse(bytes, bytes.len()).map_or(0, |h| h.flow_label);
        let mut live = Live {
            ip: Some(header),
            flow_label: if v6 { label(bytes) } else { 0 },
            header_is_good: v6
                || checksum::is_good(Default::default(), [&bytes[..header.header_len]]),
            body: Body::Other,
        };
        if !header.is_fragment() {
            live.body = Body::parse(header.proto, &bytes[header.header_len..header.total_len]);
        }
        live
    }

    /// Source and destination, with ports where there are some.
    pub(super) fn pair(&self) -> Option<(SocketAddr, SocketAddr)> {
        let ip = self.ip?;
        let (src, dst) = match &self.body {
            Body::Tcp(tcp) => (tcp.src, tcp.dst),
            Body::Udp { src, dst, .. } => (*src, *dst),
            _ => (0, 0),
        };
        Some((SocketAddr::new(ip.src, src), SocketAddr::new(ip.dst, dst)))
    }

    pub(super) fn tcp(&self) -> Option<&Tcp> {
        match &self.body {
            Body::Tcp(tcp) => Some(tcp),
            _ => None,
        }
    }
}

impl Body {
    fn parse(proto: u8, bytes: &[u8]) -> Body {
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        match proto {
            protocol::TCP => Tcp::parse(bytes).map_or(Body::Other, Body::Tcp),
            protocol::UDP if bytes.len() >= 8 => {
                Body::Udp { src: word(0), dst: word(2), payload: bytes[8..].to_vec() }
            }
            protocol::ICMP | protocol::ICMPV6 if bytes.len() >= 8 => {
                Body::Icmp { kind: bytes[0], code: bytes[1] }
            }
            _ => Body::Other,
        }
    }
}
