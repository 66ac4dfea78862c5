//! Packets in the script's own words: what was expected and what came, in the same numbers.

use super::compare::walk;
use super::flow::{Flow, Side};
use super::live::{self, Live, Tcp};
use crate::drill::ast::{
    Body, Direction, Ecn, Flags, IcmpWord, IpInfo, Options, Packet, Quoted, SeqKind, TcpOption,
    TrafficClass,
};
use crate::wire::tcp::Ctl;

/// A packet of the script.
pub(super) fn expected(packet: &Packet) -> String {
    let arrow = if packet.direction == Direction::Inbound { "<" } else { ">" };
    let info = info(&packet.ip);
    match &packet.body {
        Body::Tcp(tcp) => {
            let ports = tcp.ports.map_or(String::new(), |p| format!("{} > {} ", p.src, p.dst));
            let (start, end, len) = (tcp.seq.start, tcp.seq.end, tcp.seq.len);
            let seq = match tcp.seq.kind {
                SeqKind::Mapped => format!("{start}:{end}({len})"),
                SeqKind::Literal => format!("{start}:{end}({len})!"),
                SeqKind::Any => format!("...({len})"),
            };
            let mut text = format!("{arrow} {info}{ports}{} {seq}", flags(&tcp.flags));
            text += &tcp.ack.map_or(String::new(), |ack| format!(" ack {ack}"));
            text += &tcp.window.map_or(String::new(), |win| format!(" win {win}"));
            text += &tcp.urgent.map_or(String::new(), |urg| format!(" urg {urg}"));
            match &tcp.options {
                Options::Any => text += " <...>",
                Options::List(list) if list.is_empty() => {}
                Options::List(list) => {
                    let words: Vec<_> = list.iter().map(option_words).collect();
                    text += &format!(" <{}>", words.join(","));
                }
            }
            text
        }
        Body::Udp(udp) => format!("{arrow} {info}udp ({})", udp.len),
        Body::Icmp(icmp) => {
            let code = icmp.code.as_ref().map_or(String::new(), |code| format!(" {}", word(code)));
            let mtu = icmp.mtu.map_or(String::new(), |mtu| format!(" mtu {mtu}"));
            let quoted = match &icmp.quoted {
                Some(Quoted::Tcp(seq, _)) => format!(" [{}:{}({})]", seq.start, seq.end, seq.len),
                Some(Quoted::Udp(len)) => format!(" [udp({len})]"),
                Some(Quoted::Raw(len)) => format!(" [raw({len})]"),
                None => String::new(),
            };
            format!("{arrow} {info}icmp {}{code}{mtu}{quoted}", word(&icmp.kind))
        }
    }
}

fn word(word: &IcmpWord) -> String {
    match word {
        IcmpWord::Name(name) => name.clone(),
        IcmpWord::Number(number) => format!("type_{number}"),
    }
}

fn info(info: &IpInfo) -> String {
    let bits = |bits: Ecn| match bits {
        Ecn::NotEct => "noecn",
        Ecn::Ect0 => "ect0",
        Ecn::Ect1 => "ect1",
        Ecn::Ect01 => "ect01",
        Ecn::Ce => "ce",
    };
    let mut parts = Vec::new();
    match info.class {
        None => {}
        Some(TrafficClass::Ecn(ecn)) => parts.push(bits(ecn).to_owned()),
        Some(TrafficClass::Dscp(dscp)) => parts.push(format!("dscp {dscp:#04x}")),
        Some(TrafficClass::DscpEcn(dscp, ecn)) => {
            parts.push(format!("dscp {dscp:#04x}, ecn {}", bits(ecn)));
        }
        Some(TrafficClass::Byte(byte)) => parts.push(format!("tos {byte:#04x}")),
    }
    parts.extend(info.flow_label.map(|label| format!("flowlabel {label:#x}")));
    parts.extend(info.ttl.map(|ttl| format!("ttl {ttl}")));
    if parts.is_empty() { String::new() } else { format!("[{}] ", parts.join(", ")) }
}

fn flags(flags: &Flags) -> String {
    letters(super::build::ctl(flags))
}

/// Control bits as scripts write them.
fn letters(ctl: Ctl) -> String {
    const LETTERS: [(Ctl, char); 9] = [
        (Ctl::SYN, 'S'),
        (Ctl::FIN, 'F'),
        (Ctl::RST, 'R'),
        (Ctl::PSH, 'P'),
        (Ctl::URG, 'U'),
        (Ctl::ECE, 'E'),
        (Ctl::CWR, 'W'),
        (Ctl::AE, 'A'),
        (Ctl::ACK, '.'),
    ];
    let text: String = LETTERS.iter().filter(|(bit, _)| ctl.has(*bit)).map(|(_, c)| *c).collect();
    if text.is_empty() { "-".into() } else { text }
}

fn option_words(option: &TcpOption) -> String {
    match option {
        TcpOption::Nop => "nop".into(),
        TcpOption::Eol => "eol".into(),
        TcpOption::Mss(mss) => format!("mss {mss}"),
        TcpOption::WindowScale(shift) => format!("wscale {shift}"),
        TcpOption::SackOk => "sackOK".into(),
        TcpOption::Sack(blocks) => {
            let blocks: Vec<_> = blocks.iter().map(|(l, r)| format!("{l}:{r}")).collect();
            format!("sack {}", blocks.join(" "))
        }
        TcpOption::Timestamps { val, ecr } => {
            let val = val.map_or("...".into(), |val| val.to_string());
            format!("TS val {val} ecr {}", ecr.value)
        }
        TcpOption::FastOpen(cookie) => format!("FO {}", hex(cookie)),
        TcpOption::FastOpenExp(cookie) => format!("FOEXP {}", hex(cookie)),
        TcpOption::Md5(_) => "md5".into(),
        TcpOption::AccEcn(ecn) => format!("ECN {:?}", ecn.counters),
        TcpOption::Other { kind, data } => format!("gen-{kind} {}", hex(data)),
        TcpOption::Raw(bytes) => hex(bytes),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An option on the wire; SACK blocks name bytes of `side`.
pub(super) fn option(bytes: &[u8], flow: &Flow, side: Side, syn: bool) -> String {
    let word =
        |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    match (bytes[0], bytes.len()) {
        (0, _) => "eol".into(),
        (1, _) => "nop".into(),
        (2, 4) => format!("mss {}", u16::from_be_bytes([bytes[2], bytes[3]])),
        (3, 3) => format!("wscale {}", bytes[2]),
        (4, 2) => "sackOK".into(),
        (5, len) if len % 8 == 2 => {
            let edges = |at| (word(at), word(at + 4));
            let blocks = (2..len).step_by(8).map(edges);
            let shown = |n| flow.to_script(side, syn, n);
            let blocks: Vec<_> =
                blocks.map(|(l, r)| format!("{}:{}", shown(l), shown(r))).collect();
            format!("sack {}", blocks.join(" "))
        }
        (8, 10) => format!("TS val {} ecr {}", flow.script_stamp(word(2)), word(6)),
        (kind, _) => format!("gen-{kind} {}", hex(bytes.get(2..).unwrap_or(&[]))),
    }
}

/// A packet that the host sent.
pub(super) fn actual(live: &Live, flow: Option<&Flow>) -> String {
    match &live.body {
        live::Body::Tcp(tcp) => segment(tcp, flow),
        live::Body::Udp { src, dst, payload } => format!("> udp {src} > {dst} ({})", payload.len()),
        live::Body::Icmp { kind, code, .. } => format!("> icmp type_{kind} code_{code}"),
        live::Body::Other => "> a packet that scripts have no words for".into(),
    }
}

fn segment(tcp: &Tcp, flow: Option<&Flow>) -> String {
    let nobody = Flow::new(([0, 0, 0, 0], tcp.src).into(), ([0, 0, 0, 0], tcp.dst).into());
    let flow = flow.unwrap_or(&nobody);
    let syn = tcp.ctl.syn();
    let start = flow.to_script(Side::Ours, syn, tcp.seq);
    let (end, len) = (start.wrapping_add(tcp.payload.len() as u32), tcp.payload.len());
    let mut text = format!("> {} {start}:{end}({len})", letters(tcp.ctl));
    if tcp.ctl.has(Ctl::ACK) {
        text += &format!(" ack {}", flow.to_script(Side::Theirs, syn, tcp.ack));
    }
    text += &format!(" win {}", tcp.win);
    if tcp.ctl.urg() {
        text += &format!(" urg {}", tcp.urg);
    }
    if !tcp.options.is_empty() {
        let words = walk(&tcp.options).into_iter();
        let words: Vec<_> = words.map(|o| option(o, flow, Side::Theirs, syn)).collect();
        text += &format!(" <{}>", words.join(","));
    }
    text
}
