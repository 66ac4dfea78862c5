//! What a frame is, from its bytes alone: for frames that no record tells of.

use crate::base::Medium;
use crate::stack::PacketView;
use crate::tcp::SegmentView;
use crate::wire::arp::Arp;
use crate::wire::ethernet::{self, ethertype};
use crate::wire::icmp::{self, Icmp};
use crate::wire::ipv4::protocol;
use crate::wire::{ip, tcp, udp};
use std::net::SocketAddr;

/// A frame as far as it can be read.
pub(super) enum Seen {
    /// A whole segment, and its ends.
    Segment { src: SocketAddr, dst: SocketAddr, seg: SegmentView },
    /// Anything else.
    Packet(PacketView),
}

/// Reads a frame of `medium`.
pub(super) fn seen(medium: Medium, bytes: &[u8]) -> Seen {
    let raw = |bytes: &[u8]| {
        let version = bytes.first().map_or(0, |first| first >> 4);
        Seen::Packet(PacketView::Raw { version, len: bytes.len() as u32 })
    };
    if medium == Medium::Ip {
        return packet(bytes).unwrap_or_else(|| raw(bytes));
    }
    let Ok(header) = ethernet::Header::parse(bytes) else { return raw(bytes) };
    let tag = if header.tag.is_some() { ethernet::TAG_LEN } else { 0 };
    let inside = bytes.get(ethernet::HEADER_LEN + tag..).unwrap_or_default();
    let known = match header.ethertype {
        ethertype::IPV4 | ethertype::IPV6 => packet(inside),
        ethertype::ARP => Arp::parse(inside).ok().map(|arp| {
            let len = inside.len() as u32;
            Seen::Packet(PacketView::Arp { arp, len })
        }),
        _ => None,
    };
    let len = bytes.len() as u32;
    known.unwrap_or(Seen::Packet(PacketView::Ethernet { header, len }))
}

fn packet(bytes: &[u8]) -> Option<Seen> {
    let mut header = ip::Header::parse(bytes, bytes.len()).ok()?;
    header.walk(bytes).ok()?;
    let inside = bytes.get(header.header_len..header.total_len)?;
    let (src, dst, proto, len) = (header.src, header.dst, header.proto, inside.len() as u32);
    let whole = PacketView::Ip { src, dst, proto, len };
    if header.is_fragment() {
        let (id, offset, more) = (header.id, header.offset, header.more);
        return Some(Seen::Packet(PacketView::Fragment { src, dst, id, offset, len, more }));
    }
    let view = match proto {
        protocol::TCP => {
            let Ok((tcp, used)) = tcp::Header::parse(inside) else {
                return Some(Seen::Packet(whole));
            };
            let (src, dst) = (SocketAddr::new(src, tcp.src), SocketAddr::new(dst, tcp.dst));
            let seg = SegmentView::of(&tcp, inside.len() - used);
            return Some(Seen::Segment { src, dst, seg });
        }
        protocol::UDP => udp::Header::parse(inside, inside.len()).ok().map(|udp| {
            let (src, dst) = (SocketAddr::new(src, udp.src), SocketAddr::new(dst, udp.dst));
            PacketView::Udp { src, dst, len: len.saturating_sub(udp::HEADER_LEN as u32) }
        }),
        _ if proto == icmp::number(dst) => Icmp::parse(src, dst, [inside])
            .ok()
            .map(|message| PacketView::Icmp { src, dst, message, len }),
        _ => None,
    };
    Some(Seen::Packet(view.unwrap_or(whole)))
}
