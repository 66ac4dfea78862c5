//! Packets that the host sent, in the script's own words and numbers.

use super::compare::walk;
use super::flow::{Flow, Side};
use super::live::{self, Live, Tcp};
use super::verdict::Crossing;
use crate::wire::tcp::Ctl;
use std::collections::BTreeMap;
use std::net::SocketAddr;

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
        (34, _) => format!("FO {}", hex(&bytes[2..])).trim_end().into(),
        (254, 4..) if bytes[2..4] == [0xf9, 0x89] => {
            format!("FOEXP {}", hex(&bytes[4..])).trim_end().into()
        }
        (kind, _) => format!("gen-{kind} {}", hex(bytes.get(2..).unwrap_or(&[]))),
    }
}

/// Packets of a run in the words of scripts, their numbers counted from the first of each side.
pub(in crate::drill) fn words(packets: &[Crossing]) -> Vec<String> {
    let mut flows: BTreeMap<(SocketAddr, SocketAddr), Flow> = BTreeMap::new();
    let mut one = |packet: &Crossing| {
        let live = Live::parse(&packet.bytes);
        let Some((src, dst)) = live.pair() else { return actual(&live, None) };
        if let Some(tcp) = live.tcp().filter(|tcp| tcp.ctl.syn()) {
            flows.entry((src, dst)).or_insert_with(|| Flow::new(src, dst)).own_syn(0, tcp.seq);
            flows.entry((dst, src)).or_insert_with(|| Flow::new(dst, src)).peer_syn(tcp.seq);
        }
        actual(&live, flows.get(&(src, dst)))
    };
    let turned = |packet: &Crossing, text: String| match packet.inbound {
        true => text.replacen('>', "<", 1),
        false => text,
    };
    packets.iter().map(|packet| turned(packet, one(packet))).collect()
}

/// A packet and the reason behind it.
pub(super) fn because(packet: &str, why: Option<&str>) -> String {
    why.map_or_else(|| packet.to_owned(), |why| format!("{packet}  ; {why}"))
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
