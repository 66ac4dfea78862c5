//! Packets that the script has arrive: from a script's words to bytes.

use super::flow::{Flow, Side};
use super::live::Tcp;
use super::settings::Settings;
use crate::base::Head;
use crate::drill::ast::{Body, Tcp as Segment};
use crate::drill::ast::{
    Ecn, Flags, Icmp, IpInfo, Options, Packet, Quoted, SeqKind, TrafficClass, Udp,
};
use crate::drill::icmp_numbers;
use crate::wire::ipv4::protocol;
use crate::wire::tcp::Ctl;
use crate::wire::{checksum, ipv4, ipv6};
use std::net::{IpAddr, SocketAddr};

/// How many hops an arriving packet may still take unless the script says otherwise.
const TTL: u8 = 255;

/// The bytes of an inbound packet of a flow.
pub(super) fn packet(packet: &Packet, flow: &Flow, settings: &Settings) -> Result<Vec<u8>, String> {
    if !packet.encap.is_empty() || packet.udp_encap.is_some() {
        return Err("this host speaks no encapsulation".into());
    }
    let (src, dst) = (flow.remote, flow.local);
    let (proto, payload) = match &packet.body {
        Body::Tcp(tcp) => (protocol::TCP, segment(tcp, flow, settings)?.bytes(src, dst)),
        Body::Udp(udp) => (protocol::UDP, datagram(udp, src, dst)),
        Body::Icmp(message) => icmp(message, flow)?,
    };
    // An error comes from the peer, too: the script names no router.
    Ok(ip(&packet.ip, src.ip(), dst.ip(), proto, &payload))
}

/// The control bits of a script.
pub(super) fn ctl(flags: &Flags) -> Ctl {
    let bits = [
        (flags.fin, Ctl::FIN),
        (flags.syn, Ctl::SYN),
        (flags.rst, Ctl::RST),
        (flags.psh, Ctl::PSH),
        (flags.ack, Ctl::ACK),
        (flags.urg, Ctl::URG),
        (flags.ece, Ctl::ECE),
        (flags.cwr, Ctl::CWR),
        (flags.ae, Ctl::AE),
    ];
    bits.iter().filter(|(set, _)| *set).fold(Ctl::NONE, |ctl, (_, bit)| ctl.with(*bit))
}

/// A segment of the peer, in numbers of the wire.
pub(super) fn segment(tcp: &Segment, flow: &Flow, settings: &Settings) -> Result<Tcp, String> {
    if tcp.psp.is_some() {
        return Err("PSP is not spoken".into());
    }
    let ctl = ctl(&tcp.flags);
    let syn = ctl.syn();
    let seq = flow.seq(Side::Theirs, syn, &tcp.seq).ok_or("a segment that arrives has a number")?;
    let literal = tcp.seq.kind == SeqKind::Literal;
    let ack = tcp.ack.map(|ack| if literal { ack } else { flow.to_live(Side::Ours, syn, ack) });
    let Options::List(list) = &tcp.options else {
        return Err("a segment that arrives has its own options".into());
    };
    let scaled = settings.ecr_scaled.then_some(settings.ts_tick);
    let acks = ctl.has(Ctl::ACK);
    let mut options = Vec::new();
    for option in list {
        let echo = |ecr| flow.echo(ecr, acks, scaled);
        options.extend(flow.option_bytes(option, Side::Ours, syn, echo)?);
    }
    Ok(Tcp {
        src: flow.remote.port(),
        dst: flow.local.port(),
        seq,
        ack: ack.unwrap_or(0),
        ctl,
        reserved: 0,
        win: tcp.window.unwrap_or(0),
        urg: tcp.urgent.unwrap_or(0),
        options,
        payload: vec![0; tcp.seq.len as usize],
    })
}

fn datagram(udp: &Udp, src: SocketAddr, dst: SocketAddr) -> Vec<u8> {
    let len = 8 + udp.len;
    let mut bytes = [src.port(), dst.port(), len, 0].map(u16::to_be_bytes).concat();
    bytes.resize(usize::from(len), 0);
    let pseudo = checksum::pseudo(src.ip(), dst.ip(), protocol::UDP, bytes.len());
    let sum = checksum::complete(pseudo, [&bytes[..]]);
    bytes[6..8].copy_from_slice(&if sum == 0 { 0xffff } else { sum }.to_be_bytes());
    bytes
}

/// An IP header and what it carries.
fn ip(info: &IpInfo, src: IpAddr, dst: IpAddr, proto: u8, payload: &[u8]) -> Vec<u8> {
    let tos = tos(info);
    let ttl = info.ttl.unwrap_or(TTL);
    let mut head = Head::new();
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let header = ipv4::Header { ttl, tos, df: true, ..ipv4::Header::new(src, dst, proto) };
            header.emit(&mut head, payload.len());
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let header = ipv6::Header {
                hop_limit: ttl,
                traffic_class: tos,
                flow_label: info.flow_label.unwrap_or(0),
                ..ipv6::Header::new(src, dst, proto)
            };
            header.emit(&mut head, payload.len());
        }
        _ => {}
    }
    [&head[..], payload].concat()
}

/// The byte with DSCP and ECN of an arriving packet.
fn tos(info: &IpInfo) -> u8 {
    match info.class {
        None => 0,
        Some(TrafficClass::Ecn(bits)) => ecn(bits),
        Some(TrafficClass::Dscp(dscp)) => dscp << 2,
        Some(TrafficClass::DscpEcn(dscp, bits)) => dscp << 2 | ecn(bits),
        Some(TrafficClass::Byte(byte)) => byte,
    }
}

/// The two bits.
pub(super) fn ecn(bits: Ecn) -> u8 {
    match bits {
        Ecn::NotEct => 0,
        Ecn::Ect1 => 1,
        Ecn::Ect0 | Ecn::Ect01 => 2,
        Ecn::Ce => 3,
    }
}

/// An ICMP message about something that the host has sent, or an echo.
fn icmp(message: &Icmp, flow: &Flow) -> Result<(u8, Vec<u8>), String> {
    let v6 = flow.local.is_ipv6();
    let (kind, code) = icmp_numbers(message, v6)?;
    let mut bytes = vec![kind, code, 0, 0, 0, 0, 0, 0];
    match (v6, message.mtu) {
        (false, Some(mtu)) => bytes[6..8].copy_from_slice(&(mtu as u16).to_be_bytes()),
        (true, Some(mtu)) => bytes[4..8].copy_from_slice(&mtu.to_be_bytes()),
        (_, None) => {}
    }
    if let Some(id) = message.id {
        bytes[4..6].copy_from_slice(&id.to_be_bytes());
    }
    if let Some(quoted) = &message.quoted {
        bytes.extend(quote(quoted, flow));
    }
    let (src, dst) = (flow.remote.ip(), flow.local.ip());
    let sum = match v6 {
        false => checksum::complete(Default::default(), [&bytes[..]]),
        true => checksum::complete(
            checksum::pseudo(src, dst, protocol::ICMPV6, bytes.len()),
            [&bytes[..]],
        ),
    };
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    Ok((if v6 { protocol::ICMPV6 } else { protocol::ICMP }, bytes))
}

/// The beginning of a packet of ours, as a router would quote it: the whole header, and of a
/// segment's header as much as it needs to be known by.
fn quote(quoted: &Quoted, flow: &Flow) -> Vec<u8> {
    let (mut src, mut dst) = (flow.local, flow.remote);
    let (proto, transport, len) = match quoted {
        Quoted::Tcp(seq, ports) => {
            if let Some(ports) = ports {
                src.set_port(ports.src);
                dst.set_port(ports.dst);
            }
            // A SYN's own number is asked for as 0:0; later ones count from it as well.
            let start = flow.seq(Side::Ours, false, seq).unwrap_or(0);
            let header = Tcp {
                src: src.port(),
                dst: dst.port(),
                seq: start,
                ctl: Ctl::ACK,
                ..Tcp::default()
            };
            (protocol::TCP, header.bytes(src, dst), 20 + seq.len as usize)
        }
        Quoted::Udp(len) => {
            let len = *len as u16;
            let head = [src.port(), dst.port(), len + 8, 0].map(u16::to_be_bytes).concat();
            (protocol::UDP, head, usize::from(len) + 8)
        }
        Quoted::Raw(len) => (255, vec![0; (*len as usize).min(8)], *len as usize),
    };
    let mut head = Head::new();
    match (src.ip(), dst.ip()) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let new = ipv4::Header::new(src, dst, proto);
            ipv4::Header { df: true, ..new }.emit(&mut head, len);
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            ipv6::Header::new(src, dst, proto).emit(&mut head, len);
        }
        _ => {}
    }
    [&head[..], &transport].concat()
}
