//! What filters ask about a packet, from what a host tells of it.

use super::super::{Entry, Event, Log, PlaceId};
use crate::base::ConnId;
use crate::impair::{Facts, Kind};
use crate::stack::{self, PacketView};
use crate::tcp::{self, SegmentView};
use crate::wire::icmp::Icmp;
use crate::wire::icmpv4::Icmpv4;
use crate::wire::icmpv6::Icmpv6;
use crate::wire::ip;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// Who speaks with whom, by host and connection: ours and the peer's.
pub(super) struct Ends(BTreeMap<(PlaceId, ConnId), [SocketAddr; 2]>);

impl Ends {
    pub(super) fn of(log: &Log) -> Ends {
        let ends = log.entries().iter().filter_map(|entry| match entry.event {
            Event::Host(stack::Event::Conn { local, remote }) => {
                Some(((entry.place, entry.conn?), [local, remote]))
            }
            _ => None,
        });
        Ends(ends.collect())
    }

    fn get(&self, entry: &Entry) -> Option<[SocketAddr; 2]> {
        self.0.get(&(entry.place, entry.conn?)).copied()
    }
}

/// A TCP header without options (RFC 9293 §3.1).
const TCP_HEADER: usize = 20;

fn segment([src, dst]: [SocketAddr; 2], seg: &SegmentView) -> Facts {
    let header = ip::header_len(src.ip()) + TCP_HEADER + seg.options.len();
    let (ctl, ack, data) = (seg.ctl, seg.ack.is_some(), seg.len > 0);
    Facts::between(src.ip(), dst.ip(), header + seg.len as usize)
        .at_ports(src.port(), dst.port())
        .of_kind(Kind::Tcp, true)
        .of_kind(Kind::Syn, ctl.syn() && !ack)
        .of_kind(Kind::SynAck, ctl.syn() && ack)
        .of_kind(Kind::Fin, ctl.fin())
        .of_kind(Kind::Rst, ctl.rst())
        .of_kind(Kind::Data, data)
        .of_kind(Kind::Ack, ack && !data && !ctl.syn() && !ctl.fin() && !ctl.rst())
}

/// Of a packet that is not TCP; `None` when nothing is known of it.
pub(super) fn packet(view: &PacketView) -> Option<Facts> {
    let known = |src: IpAddr, dst: IpAddr, len: u32| {
        Facts::between(src, dst, ip::header_len(src) + len as usize)
    };
    Some(match *view {
        PacketView::Raw { .. } | PacketView::Ethernet { .. } => return None,
        PacketView::Arp { arp, .. } => Facts::of_arp(arp.sender.into(), arp.target.into()),
        PacketView::Ip { src, dst, len, .. } | PacketView::Fragment { src, dst, len, .. } => {
            known(src, dst, len)
        }
        PacketView::Nd { src, dst, len, .. } => {
            known(src, dst, len).of_kind(Kind::Icmp, true).of_kind(Kind::Nd, true)
        }
        PacketView::Membership { src, dst, len, .. } => known(src, dst, len),
        PacketView::Icmp { src, dst, message, len } => {
            let asks = match message {
                Icmp::V4(Icmpv4::EchoRequest { .. }) | Icmp::V6(Icmpv6::EchoRequest { .. }) => {
                    Some(true)
                }
                Icmp::V4(Icmpv4::EchoReply { .. }) | Icmp::V6(Icmpv6::EchoReply { .. }) => {
                    Some(false)
                }
                _ => None,
            };
            known(src, dst, len)
                .of_kind(Kind::Icmp, true)
                .of_kind(Kind::EchoRequest, asks == Some(true))
                .of_kind(Kind::EchoReply, asks == Some(false))
        }
        PacketView::Udp { src, dst, len } => known(src.ip(), dst.ip(), len + 8)
            .at_ports(src.port(), dst.port())
            .of_kind(Kind::Udp, true),
        PacketView::Tcp { src, dst, len } => {
            known(src.ip(), dst.ip(), len).at_ports(src.port(), dst.port()).of_kind(Kind::Tcp, true)
        }
    })
}

/// Of the packet that an event tells was sent.
pub(super) fn sent(ends: &Ends, entry: &Entry) -> Option<Facts> {
    let Event::Host(event) = &entry.event else { return None };
    match event {
        stack::Event::Tcp(tcp::Event::Sent { seg, .. } | tcp::Event::Replied { seg, .. }) => {
            Some(segment(ends.get(entry)?, seg))
        }
        stack::Event::StrayOut { local, remote, seg, .. } => Some(segment([*local, *remote], seg)),
        stack::Event::Out { packet: view, .. } => packet(view),
        _ => None,
    }
}

/// Of the packet that an event tells has arrived.
pub(super) fn received(ends: &Ends, entry: &Entry) -> Option<Facts> {
    let Event::Host(event) = &entry.event else { return None };
    match event {
        stack::Event::Tcp(tcp::Event::Received { seg, .. }) => {
            let [local, remote] = ends.get(entry)?;
            Some(segment([remote, local], seg))
        }
        stack::Event::StrayIn { local, remote, seg, .. } => Some(segment([*remote, *local], seg)),
        stack::Event::In(view) => packet(view),
        _ => None,
    }
}
