//! Packets in tcpdump's spelling (`tcpdump -n -t`, 4.99), and the reason behind it.
//!
//! Differences from tcpdump, because a record holds no payload: no application protocol behind
//! `length` (tcpdump appends `: HTTP` on port 80), no quoted addresses in ICMP errors, and a
//! fragment is spelled as tcpdump's manual has it, `(frag id:size@offset+)`. The window is the
//! field as it is on the wire, unscaled; options are in the order this stack sends them.

use super::frame::{self, Seen};
use super::parties::{Crossing, Pair, Parties, Recent};
use super::reason::reason;
use crate::base::{Mac, Medium, Seq};
use crate::stack::{Event, PacketView, Record};
use crate::tcp::SegmentView;
use crate::wire::arp::{Arp, Op};
use crate::wire::ethernet::ethertype;
use crate::wire::icmp::Icmp;
use crate::wire::icmpv4::Icmpv4;
use crate::wire::icmpv6::{Icmpv6, unreachable};
use crate::wire::membership::{Membership, Version};
use crate::wire::nd::Nd;
use crate::wire::tcp::{Ctl, Options};
use std::net::{IpAddr, SocketAddr};

/// Spells records as tcpdump does. It follows the conversations, because sequence numbers are
/// printed relative to the first segment with an ACK, as tcpdump prints them without `-S`.
#[derive(Clone, Debug)]
pub struct Tcpdump {
    parties: Parties,
    bases: Recent<Pair, Bases>,
    absolute: bool,
}

/// What relative numbers are relative to: our and the peer's sequence numbers.
#[derive(Copy, Clone, Debug)]
struct Bases {
    ours: Seq,
    theirs: Seq,
}

impl Tcpdump {
    /// Relative sequence numbers.
    pub fn new() -> Tcpdump {
        Tcpdump { parties: Parties::new(), bases: Recent::new(), absolute: false }
    }

    /// Absolute sequence numbers, as with `-S`.
    pub fn absolute() -> Tcpdump {
        Tcpdump { absolute: true, ..Tcpdump::new() }
    }

    /// Takes note of a record without spelling it.
    pub fn learn(&mut self, record: &Record) {
        self.parties.learn(record);
        if let Some(Crossing { out, pair: Some(pair), seg }) = self.parties.crossing(record) {
            self.bases(pair, out, seg);
        }
    }

    /// The packet's line; `None` for a record that is no packet.
    pub fn line(&mut self, record: &Record) -> Option<String> {
        self.parties.learn(record);
        if let Some(crossing) = self.parties.crossing(record) {
            return Some(match (crossing.pair, record.conn) {
                (Some(pair), _) => self.crossing(pair, crossing.out, crossing.seg),
                (None, conn) => {
                    let conn = conn.unwrap_or_default();
                    let (from, to) = if crossing.out { ("us", "peer") } else { ("peer", "us") };
                    let words = segment_words(crossing.seg, Seq(0), Seq(0));
                    format!("IP {from} > {to} (connection {conn}): {words}")
                }
            });
        }
        match &record.event {
            Event::In(packet)
            | Event::Out { packet, .. }
            | Event::Forwarded { packet, .. }
            | Event::Dropped { packet, .. } => Some(packet_line(packet)),
            _ => None,
        }
    }

    /// The line of a frame that no record tells of, and which way it goes.
    pub(super) fn frame(&mut self, out: bool, medium: Medium, bytes: &[u8]) -> String {
        match frame::seen(medium, bytes) {
            Seen::Segment { src, dst, seg } => {
                let (local, remote) = if out { (src, dst) } else { (dst, src) };
                self.crossing(Pair { local, remote }, out, &seg)
            }
            Seen::Packet(packet) => packet_line(&packet),
        }
    }

    /// The packet's line with the reason's sentence behind `  ; `.
    pub fn explained(&mut self, record: &Record) -> Option<String> {
        let line = self.line(record)?;
        Some(match reason(&record.event) {
            Some(why) => format!("{line}  ; {}", why.text),
            None => line,
        })
    }

    fn crossing(&mut self, pair: Pair, out: bool, seg: &SegmentView) -> String {
        let (seq_base, ack_base, fresh) = match self.bases(pair, out, seg) {
            Some((bases, fresh)) if out => (bases.ours, bases.theirs, fresh),
            Some((bases, fresh)) => (bases.theirs, bases.ours, fresh),
            None => (Seq(0), Seq(0), false),
        };
        let (from, to) = if out { (pair.local, pair.remote) } else { (pair.remote, pair.local) };
        let shown = if fresh {
            // The segment that sets the bases shows its own numbers; its SACK blocks are relative.
            let sack = seg.options.sack.iter();
            let sack = sack.map(|(l, r)| (Seq(*l - ack_base), Seq(*r - ack_base))).collect();
            let options = Options { sack, ..seg.options.clone() };
            segment_words(&SegmentView { options, ..seg.clone() }, Seq(0), Seq(0))
        } else {
            segment_words(seg, seq_base, ack_base)
        };
        format!("{} {} > {}: {shown}", ip(from.ip()), dotted(from), dotted(to))
    }

    /// The bases for a segment with an ACK, and whether it has set them itself: the first one seen
    /// does, and every SYN-ACK.
    fn bases(&mut self, pair: Pair, out: bool, seg: &SegmentView) -> Option<(Bases, bool)> {
        if self.absolute {
            return None;
        }
        let ack = seg.ack?;
        if let Some(bases) = self.bases.get(&pair)
            && !seg.ctl.syn()
        {
            return Some((*bases, false));
        }
        let (ours, theirs) = if out { (seg.seq, ack - 1) } else { (ack - 1, seg.seq) };
        let bases = Bases { ours, theirs };
        self.bases.insert(pair, bases);
        Some((bases, true))
    }
}

impl Default for Tcpdump {
    fn default() -> Tcpdump {
        Tcpdump::new()
    }
}

fn ip(addr: IpAddr) -> &'static str {
    if addr.is_ipv4() { "IP" } else { "IP6" }
}

/// `10.9.0.1.80`.
fn dotted(addr: SocketAddr) -> String {
    format!("{}.{}", addr.ip(), addr.port())
}

/// What tcpdump prints behind the addresses: `Flags [P.], seq 1:79, ack 1, win 64, length 78`.
fn segment_words(seg: &SegmentView, seq_base: Seq, ack_base: Seq) -> String {
    let mut out = format!("Flags [{}]", seg.ctl);
    let first = seg.seq - seq_base;
    if seg.len > 0 {
        out += &format!(", seq {first}:{}", first.wrapping_add(seg.len));
    } else if seg.ctl.syn() || seg.ctl.fin() || seg.ctl.rst() {
        out += &format!(", seq {first}");
    }
    if let Some(ack) = seg.ack {
        out += &format!(", ack {}", ack - ack_base);
    }
    out += &format!(", win {}", seg.wnd);
    if seg.ctl.has(Ctl::URG) {
        out += &format!(", urg {}", seg.urg);
    }
    if !seg.options.is_empty() {
        out += &format!(", options [{}]", options_words(&seg.options, ack_base));
    }
    out + &format!(", length {}", seg.len)
}

/// Options with the padding this stack (and Linux) puts between them.
fn options_words(options: &Options, ack_base: Seq) -> String {
    let mut words = Vec::new();
    words.extend(options.mss.map(|mss| format!("mss {mss}")));
    match (options.sack_permitted, options.ts.is_some()) {
        (true, true) => words.push("sackOK".into()),
        (true, false) => words.push("nop,nop,sackOK".into()),
        (false, true) => words.push("nop,nop".into()),
        (false, false) => {}
    }
    words.extend(options.ts.map(|ts| format!("TS val {} ecr {}", ts.val, ts.ecr)));
    words.extend(options.wscale.map(|shift| format!("nop,wscale {shift}")));
    words.extend(options.uto.map(|uto| format!("uto 0x{uto:04x}")));
    if let Some(option) = &options.fast_open {
        let cookie: String = option.cookie.iter().map(|byte| format!("{byte:02x}")).collect();
        let kind = if option.experimental { "exp-tfo" } else { "tfo" };
        let what = if cookie.is_empty() { "cookiereq".into() } else { format!("cookie {cookie}") };
        words.push(format!("{kind} {what}"));
    }
    if !options.sack.is_empty() {
        let blocks = options.sack.iter();
        let blocks = blocks.map(|(l, r)| format!("{{{}:{}}}", *l - ack_base, *r - ack_base));
        let blocks: String = blocks.collect();
        words.push(format!("nop,nop,sack {} {blocks}", options.sack.len()));
    }
    words.join(",")
}

/// A packet that is no segment of a connection, with its addresses.
fn packet_line(packet: &PacketView) -> String {
    let words = packet_words(packet);
    match packet {
        PacketView::Raw { version: 4, .. } => format!("IP {words}"),
        PacketView::Raw { .. } => words,
        PacketView::Ethernet { header, .. } => {
            format!("{} > {}, {words}", header.src, header.dst)
        }
        PacketView::Arp { .. } => format!("ARP, {words}"),
        PacketView::Ip { src, dst, .. } => format!("{} {src} > {dst}:  {words}", ip(*src)),
        PacketView::Fragment { src, dst, .. }
        | PacketView::Icmp { src, dst, .. }
        | PacketView::Membership { src, dst, .. }
        | PacketView::Nd { src, dst, .. } => {
            format!("{} {src} > {dst}: {words}", ip(*src))
        }
        PacketView::Udp { src, dst, .. } | PacketView::Tcp { src, dst, .. } => {
            format!("{} {} > {}: {words}", ip(src.ip()), dotted(*src), dotted(*dst))
        }
    }
}

/// What tcpdump prints of a packet behind the addresses.
pub(super) fn packet_words(packet: &PacketView) -> String {
    match packet {
        PacketView::Raw { version: 4, len } => format!("[|ip], length {len}"),
        PacketView::Raw { version: 6, len } => format!("IP6, length {len}"),
        PacketView::Raw { version, len } => format!("unknown ip {version}, length {len}"),
        PacketView::Ethernet { header, len } => {
            let name = match header.ethertype {
                ethertype::IPV4 => "IPv4",
                ethertype::IPV6 => "IPv6",
                ethertype::ARP => "ARP",
                _ => "Unknown",
            };
            format!("ethertype {name} (0x{:04x}), length {len}", header.ethertype)
        }
        PacketView::Arp { arp, len } => format!("{}, length {len}", arp_words(arp)),
        PacketView::Ip { proto, len, .. } => format!("ip-proto-{proto} {len}"),
        PacketView::Fragment { id, offset, len, more, .. } => {
            format!("(frag {id}:{len}@{offset}{})", if *more { "+" } else { "" })
        }
        PacketView::Icmp { message: Icmp::V4(message), len, .. } => {
            format!("ICMP {}, length {len}", icmp_words(message))
        }
        PacketView::Icmp { message: Icmp::V6(message), len, .. } => {
            format!("ICMP6, {}, length {len}", icmpv6_words(message))
        }
        PacketView::Membership { dst, message, len, .. } => match dst {
            IpAddr::V4(_) => format!("igmp {}", igmp_words(message)),
            IpAddr::V6(_) => format!("HBH ICMP6, {}, length {len}", mld_words(message)),
        },
        PacketView::Nd { nd, len, .. } => format!("ICMP6, {}, length {len}", nd_words(nd)),
        PacketView::Udp { len, .. } => format!("UDP, length {len}"),
        PacketView::Tcp { len, .. } => format!("TCP, length {len}"),
    }
}

fn arp_words(arp: &Arp) -> String {
    let Arp { op, sender_mac, sender, target_mac, target } = *arp;
    match op {
        Op::Request if target_mac == Mac::ZERO => {
            format!("Request who-has {target} tell {sender}")
        }
        Op::Request => format!("Request who-has {target} ({target_mac}) tell {sender}"),
        Op::Reply => format!("Reply {sender} is-at {sender_mac}"),
    }
}

fn nd_words(nd: &Nd) -> String {
    match nd {
        Nd::RouterSolicit { .. } => "router solicitation".into(),
        Nd::RouterAdvert(_) => "router advertisement".into(),
        Nd::NeighborSolicit { target, .. } => format!("neighbor solicitation, who has {target}"),
        Nd::NeighborAdvert { target, .. } => format!("neighbor advertisement, tgt is {target}"),
        Nd::Redirect { target, dst, .. } => format!("redirect, {dst} to {target}"),
    }
}

/// Times are shown unless they are the usual ten seconds, as there.
fn igmp_words(message: &Membership) -> String {
    match message {
        Membership::Query(query) => {
            let tenths = query.max_response.as_millis() / 100;
            let mut words = match query.version {
                Version::V1 => "query v1".to_owned(),
                Version::V2 if tenths == 100 => "query v2".to_owned(),
                Version::V2 => format!("query v2 [max resp time {tenths}]"),
                Version::V3 if tenths == 100 => "query v3".to_owned(),
                Version::V3 if tenths < 600 => {
                    format!("query v3 [max resp time {}.{}s]", tenths / 10, tenths % 10)
                }
                Version::V3 => {
                    format!("query v3 [max resp time {}m{}s]", tenths / 600, tenths % 600 / 10)
                }
            };
            if !query.group.is_unspecified() {
                words += &format!(" [gaddr {}", query.group);
                if query.sources > 0 {
                    words += &format!(", {} source(s)", query.sources);
                }
                words += "]";
            }
            words
        }
        Membership::Report { version: Version::V1, group } => format!("v1 report {group}"),
        Membership::Report { group, .. } => format!("v2 report {group}"),
        Membership::Leave { group } => format!("leave {group}"),
        Membership::Records { count, .. } => format!("v3 report, {count} group record(s)"),
    }
}

fn mld_words(message: &Membership) -> String {
    match message {
        Membership::Query(query) if query.version == Version::V2 => {
            let millis = query.max_response.as_millis();
            let group = query.group;
            format!("multicast listener querymax resp delay: {millis} addr: {group}")
        }
        Membership::Query(query) => {
            format!("multicast listener query v2 [gaddr {}]", query.group)
        }
        Membership::Report { group, .. } => {
            format!("multicast listener reportmax resp delay: 0 addr: {group}")
        }
        Membership::Leave { group } => {
            format!("multicast listener donemax resp delay: 0 addr: {group}")
        }
        Membership::Records { count, .. } => {
            format!("multicast listener report v2, {count} group record(s)")
        }
    }
}

fn icmp_words(message: &Icmpv4) -> String {
    match message {
        Icmpv4::EchoRequest { id, seq } => format!("echo request, id {id}, seq {seq}"),
        Icmpv4::EchoReply { id, seq } => format!("echo reply, id {id}, seq {seq}"),
        Icmpv4::Unreachable { code, mtu } => unreachable_words(*code, *mtu),
        Icmpv4::Redirect { code: 0 | 2, gateway } => format!("redirect to net {gateway}"),
        Icmpv4::Redirect { gateway, .. } => format!("redirect to host {gateway}"),
        Icmpv4::TimeExceeded { code: 0 } => "time exceeded in-transit".into(),
        Icmpv4::TimeExceeded { code: 1 } => "ip reassembly time exceeded".into(),
        Icmpv4::TimeExceeded { code } => format!("time exceeded-#{code}"),
        Icmpv4::ParameterProblem { pointer } => format!("parameter problem - octet {pointer}"),
        Icmpv4::Other { kind, .. } => match kind {
            4 => "source quench".into(),
            15 => "information request".into(),
            16 => "information reply".into(),
            17 => "address mask request".into(),
            _ => format!("type-#{kind}"),
        },
    }
}

fn icmpv6_words(message: &Icmpv6) -> String {
    match message {
        Icmpv6::EchoRequest { id, seq } => format!("echo request, id {id}, seq {seq}"),
        Icmpv6::EchoReply { id, seq } => format!("echo reply, id {id}, seq {seq}"),
        Icmpv6::Unreachable { code } => match *code {
            unreachable::NO_ROUTE => "destination unreachable, unreachable route".into(),
            unreachable::PROHIBITED => "destination unreachable, unreachable prohibited".into(),
            unreachable::BEYOND_SCOPE => "destination unreachable, beyond scope".into(),
            unreachable::ADDRESS => "destination unreachable, unreachable address".into(),
            unreachable::PORT => "destination unreachable, unreachable port".into(),
            code => format!("destination unreachable, unknown code ({code})"),
        },
        Icmpv6::PacketTooBig { mtu } => format!("packet too big, mtu {mtu}"),
        Icmpv6::TimeExceeded { code: 0 } => "time exceeded in-transit".into(),
        Icmpv6::TimeExceeded { code: 1 } => "ip reassembly time exceeded".into(),
        Icmpv6::TimeExceeded { code } => format!("time exceeded, unknown code ({code})"),
        Icmpv6::ParameterProblem { code, pointer } => {
            let what = match code {
                0 => "erroneous".into(),
                1 => "next header".into(),
                2 => "option".into(),
                3 => "fragment".into(),
                code => format!("code {code}"),
            };
            format!("parameter problem, {what} - octet {pointer}")
        }
        Icmpv6::Other { kind, .. } => match kind {
            130 => "multicast listener query".into(),
            131 => "multicast listener report".into(),
            132 => "multicast listener done".into(),
            133 => "router solicitation".into(),
            134 => "router advertisement".into(),
            135 => "neighbor solicitation".into(),
            136 => "neighbor advertisement".into(),
            137 => "redirect".into(),
            143 => "multicast listener report v2".into(),
            _ => format!("unknown icmp6 type ({kind})"),
        },
    }
}

fn unreachable_words(code: u8, mtu: u16) -> String {
    match code {
        0 => "net unreachable".into(),
        1 => "host unreachable".into(),
        2 => "protocol unreachable".into(),
        3 => "port unreachable".into(),
        4 if mtu > 0 => format!("unreachable - need to frag (mtu {mtu})"),
        4 => "unreachable - need to frag".into(),
        5 => "unreachable - source route failed".into(),
        6 => "net unreachable - unknown".into(),
        7 => "host unreachable - unknown".into(),
        8 => "unreachable - source host isolated".into(),
        9 => "net unreachable - admin prohibited".into(),
        10 => "host unreachable - admin prohibited".into(),
        11 => "net unreachable - tos prohibited".into(),
        12 => "host unreachable - tos prohibited".into(),
        13 => "host unreachable - admin prohibited filter".into(),
        14 => "host unreachable - host precedence violation".into(),
        15 => "host unreachable - precedence cutoff".into(),
        _ => format!("unreachable - #{code}"),
    }
}

#[cfg(test)]
mod tests;
