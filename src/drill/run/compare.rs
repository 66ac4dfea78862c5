//! Whether a packet that the host sent is the one that the script expects: field by field.

use super::build::{self, ecn};
use super::flow::{Flow, Side};
use super::live::{self, Live, Tcp};
use super::settings::{Ignore, Settings};
use crate::base::Instant;
use crate::drill::ast::{Body, Ecn, Icmp, IpInfo, Options, Packet, Tcp as Segment, TcpOption};
use crate::drill::ast::{SeqKind, TrafficClass};
use crate::drill::icmp_numbers;
use crate::wire::ip;
use crate::wire::tcp::Ctl;

/// What a comparison goes by.
#[derive(Copy, Clone, Debug)]
pub(super) struct Rules<'a> {
    pub(super) settings: &'a Settings,
    pub(super) ignore: Ignore,
    /// When the packet was sent.
    pub(super) at: Instant,
}

type Check = Result<(), String>;

fn same<T: PartialEq + std::fmt::Display>(what: &str, expected: T, actual: T) -> Check {
    match expected == actual {
        true => Ok(()),
        false => Err(format!("{what}: expected {expected}, got {actual}")),
    }
}

/// Compares a packet; the first difference is told.
pub(super) fn packet(
    expected: &Packet,
    actual: &Live,
    flow: &mut Flow,
    rules: &Rules<'_>,
) -> Check {
    if !expected.encap.is_empty() || expected.udp_encap.is_some() {
        return Err("this host speaks no encapsulation".into());
    }
    let Some(header) = &actual.ip else { return Err("the packet cannot be read".into()) };
    ip_header(&expected.ip, header, actual, flow, rules)?;
    match (&expected.body, &actual.body) {
        (Body::Tcp(segment), live::Body::Tcp(tcp)) => self::tcp(segment, tcp, flow, rules),
        (Body::Udp(udp), live::Body::Udp { payload, .. }) => {
            same("UDP payload length", usize::from(udp.len), payload.len())?;
            zeros(payload)
        }
        (Body::Icmp(message), live::Body::Icmp { kind, code, .. }) => {
            icmp(message, *kind, *code, header.dst.is_ipv6())
        }
        (body, _) => Err(format!("protocol: expected {}, got {}", name(body), header.proto)),
    }
}

fn name(body: &Body) -> &'static str {
    match body {
        Body::Tcp(_) => "TCP",
        Body::Udp(_) => "UDP",
        Body::Icmp(_) => "ICMP",
    }
}

fn ip_header(
    info: &IpInfo,
    header: &ip::Header,
    live: &Live,
    flow: &mut Flow,
    rules: &Rules<'_>,
) -> Check {
    let tos = header.tos;
    match info.class.filter(|_| !rules.ignore.ecn) {
        None => {}
        Some(TrafficClass::Ecn(bits)) => ecn_bits(bits, tos)?,
        Some(TrafficClass::Dscp(dscp)) => same("DSCP", dscp, tos >> 2)?,
        Some(TrafficClass::DscpEcn(dscp, bits)) => {
            same("DSCP", dscp, tos >> 2)?;
            ecn_bits(bits, tos)?;
        }
        Some(TrafficClass::Byte(byte)) if byte != tos => {
            return Err(format!("traffic class: expected {byte:#04x}, got {tos:#04x}"));
        }
        Some(TrafficClass::Byte(_)) => {}
    }
    if let Some(ttl) = info.ttl {
        same("ttl", ttl, header.ttl)?;
    }
    if let Some(label) = info.flow_label {
        flow.label_matches(label, live.flow_label)?;
    }
    match live.header_is_good {
        true => Ok(()),
        false => Err("the checksum of the IPv4 header is wrong".into()),
    }
}

fn ecn_bits(bits: Ecn, tos: u8) -> Check {
    let got = tos & 3;
    let fits = if bits == Ecn::Ect01 { got == 1 || got == 2 } else { got == ecn(bits) };
    let names = ["noecn", "ect1", "ect0", "ce"];
    let wanted = if bits == Ecn::Ect01 { "ect01" } else { names[usize::from(ecn(bits))] };
    match fits {
        true => Ok(()),
        false => Err(format!("ECN bits: expected {wanted}, got {}", names[usize::from(got)])),
    }
}

fn tcp(expected: &Segment, actual: &Tcp, flow: &mut Flow, rules: &Rules<'_>) -> Check {
    let ignore = rules.ignore;
    let ctl = build::ctl(&expected.flags);
    let (mut want, mut have) = (ctl, actual.ctl);
    if ignore.psh {
        (want, have) = (want.without(Ctl::PSH), have.without(Ctl::PSH));
    }
    if ignore.ecn {
        let bits = Ctl::ECE.with(Ctl::CWR).with(Ctl::AE);
        (want, have) = (want.without(bits), have.without(bits));
    }
    same("flags", want, have)?;
    same("reserved bits", 0, actual.reserved)?;
    let syn = ctl.syn();
    let literal = expected.seq.kind == SeqKind::Literal;
    if let Some(seq) = flow.seq(Side::Ours, syn, &expected.seq) {
        let shown = |live| if literal { live } else { flow.to_script(Side::Ours, syn, live) };
        same("sequence number", shown(seq), shown(actual.seq))?;
    }
    match expected.ack {
        Some(ack) => {
            let shown = |live| if literal { live } else { flow.to_script(Side::Theirs, syn, live) };
            same("acknowledgment number", ack, shown(actual.ack))?;
        }
        None => same("acknowledgment number on the wire", 0, actual.ack)?,
    }
    same("payload length", expected.seq.len as usize, actual.payload.len())?;
    if let Some(win) = expected.window.filter(|_| !ignore.win) {
        same("window", win, actual.win)?;
    }
    same("urgent pointer", expected.urgent.unwrap_or(0), actual.urg)?;
    if let Options::List(list) = &expected.options
        && !ignore.opts
    {
        options(list, actual, flow, rules)?;
    }
    zeros(&actual.payload)
}

/// Whether the push bit is all that differs in the control bits.
pub(super) fn differ_in_push(expected: &Packet, actual: &Live) -> bool {
    let (Body::Tcp(expected), Some(actual)) = (&expected.body, actual.tcp()) else { return false };
    let want = build::ctl(&expected.flags);
    want != actual.ctl && want.without(Ctl::PSH) == actual.ctl.without(Ctl::PSH)
}

fn zeros(payload: &[u8]) -> Check {
    match payload.iter().position(|byte| *byte != 0) {
        None => Ok(()),
        Some(at) => Err(format!("payload: byte {at} is {:#04x}, not 0", payload[at])),
    }
}

/// The options of a segment, each with its head; a malformed rest is the last.
pub(super) fn walk(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while let Some(kind) = bytes.first() {
        let len = match (kind, bytes.get(1)) {
            (0 | 1, _) => 1,
            (_, Some(len)) if (2..=bytes.len()).contains(&usize::from(*len)) => usize::from(*len),
            _ => bytes.len(),
        };
        let (option, rest) = bytes.split_at(len);
        found.push(option);
        bytes = rest;
    }
    found
}

fn options(list: &[TcpOption], actual: &Tcp, flow: &Flow, rules: &Rules<'_>) -> Check {
    let syn = actual.ctl.syn();
    let mut want = Vec::new();
    for option in list {
        let bytes = flow.option_bytes(option, Side::Theirs, syn, |ecr| Ok(ecr.value))?;
        want.push((option, bytes));
    }
    let mut have = walk(&actual.options);
    if rules.ignore.opts_order {
        want.retain(|(_, bytes)| bytes[0] > 1);
        have.retain(|bytes| bytes[0] > 1);
        want.sort_by_key(|(_, bytes)| bytes[0]);
        have.sort_by_key(|bytes| bytes[0]);
    }
    for place in 0..want.len().max(have.len()) {
        let fits = match (want.get(place), have.get(place)) {
            (Some((option, bytes)), Some(actual)) => match option {
                TcpOption::Timestamps { val, .. } => {
                    actual.len() == 10 && actual[0] == 8 && stamp(*val, actual, flow, rules)?
                }
                _ => bytes == actual,
            },
            _ => false,
        };
        if !fits {
            let shown = |option: Option<&[u8]>| {
                option.map_or("no more".into(), |option| {
                    super::show::option(option, flow, Side::Theirs, syn)
                })
            };
            let want = want.get(place).map(|(_, bytes)| &bytes[..]);
            return Err(format!(
                "option {}: expected {}, got {}",
                place + 1,
                shown(want),
                shown(have.get(place).copied())
            ));
        }
    }
    Ok(())
}

/// Whether a timestamp is as far from the first as the script says; not looked at without a tick.
fn stamp(val: Option<u32>, option: &[u8], flow: &Flow, rules: &Rules<'_>) -> Result<bool, String> {
    let tick = rules.settings.ts_tick;
    let (Some(val), Some((script, first, since))) = (val, flow.first_stamp()) else {
        return Ok(true);
    };
    if tick == 0 {
        return Ok(true);
    }
    let live = u32::from_be_bytes([option[2], option[3], option[4], option[5]]);
    let (expected, actual) = (val.wrapping_sub(script), live.wrapping_sub(first));
    let off = u64::from((actual.wrapping_sub(expected) as i32).unsigned_abs()) * tick * 1000;
    let span = rules.at.since(since).as_nanos() as u64;
    match off <= rules.settings.tolerance(span) {
        true => Ok(true),
        false => Err(format!(
            "timestamp: expected {expected} ticks of {tick} us after the first, got {actual}"
        )),
    }
}

fn icmp(expected: &Icmp, kind: u8, code: u8, v6: bool) -> Check {
    let (wanted_kind, wanted_code) = icmp_numbers(expected, v6)?;
    same("ICMP type", wanted_kind, kind)?;
    same("ICMP code", wanted_code, code)
}

/// Whether a segment goes on where another ended, as pieces of one large segment do: then they
/// are compared as one.
pub(super) fn continues(
    first: &Tcp,
    next: &Tcp,
    flow: &Flow,
    (is_last, size): (bool, usize),
) -> Check {
    let shown = |side, live| flow.to_script(side, first.ctl.syn(), live);
    let ours = |live| shown(Side::Ours, live);
    same("sequence number", ours(first.end()), ours(next.seq))?;
    let theirs = |live| shown(Side::Theirs, live);
    same("acknowledgment number", theirs(first.ack), theirs(next.ack))?;
    same("window", first.win, next.win)?;
    same("urgent pointer", first.urg, next.urg)?;
    same("length of options", first.options.len(), next.options.len())?;
    let own = Ctl::FIN.with(Ctl::PSH).with(Ctl::CWR);
    same("flags", first.ctl.without(own), next.ctl.without(own))?;
    if !is_last {
        same("length", size, next.payload.len())?;
    }
    Ok(())
}

/// Joins a piece to those before it: FIN and PSH are those of the last.
pub(super) fn join(whole: &mut Tcp, piece: &Tcp) {
    let own = Ctl::FIN.with(Ctl::PSH);
    let bits = Ctl(piece.ctl.0 & own.0);
    whole.ctl = whole.ctl.without(own).with(bits);
    whole.payload.extend(&piece.payload);
}
