//! A record as one row of a conversation: who, which way, what, why. The ladder and the live view
//! lay the same rows out differently.

use super::describe::{call_words, passed_on, tcp_words};
use super::parties::{Crossing, Pair, Parties, Recent};
use super::reason::reason;
use super::style::Tone;
use super::tcpdump::packet_words;
use crate::base::{ConnId, EventId, Instant, Seq, Why};
use crate::link;
use crate::stack::{Call, Event, PacketView, Record};
use crate::tcp::{self, AckWhy, Blocked, Outcome, Plan, Reply, SegmentView};
use crate::wire::tcp::Ctl;
use std::net::{IpAddr, SocketAddr};

/// What stands in the lane between the two hosts.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Lane {
    /// Nothing: the row is a call.
    Empty,
    /// An arrow to the peer; lines of text.
    Out(String),
    /// An arrow from the peer.
    In(String),
    /// An arrow that ends in a drop.
    Lost(String),
    /// Something that happened inside this host.
    Note(String),
}

/// A row of no interest of its own: one of many in a transfer.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) enum Bulk {
    DataIn(u32),
    DataOut(u32),
    AckIn,
    AckOut,
    Read,
    Write,
    Held,
    /// Data for which there is no memory.
    Refused,
    /// A SYN that finds no place in the backlog.
    Syn,
    Cookie,
    /// What was dropped before.
    Copy,
}

/// A record as a row.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Row {
    pub(super) id: EventId,
    pub(super) at: Instant,
    pub(super) conn: Option<ConnId>,
    pub(super) pair: Option<Pair>,
    pub(super) call: String,
    pub(super) lane: Lane,
    pub(super) why: String,
    pub(super) tone: Tone,
    pub(super) bulk: Option<Bulk>,
    /// Shown only when everything is.
    pub(super) detail: bool,
}

/// What a run of bulk rows amounted to.
#[derive(Clone, Default, Debug)]
pub(super) struct Tally {
    pub(super) first: EventId,
    pub(super) last: EventId,
    pub(super) rows: u32,
    segments_in: u64,
    bytes_in: u64,
    segments_out: u64,
    bytes_out: u64,
    acks_in: u64,
    acks_out: u64,
    reads: u64,
    writes: u64,
    held: u64,
    refused: u64,
    syns: u64,
    cookies: u64,
}

impl Tally {
    pub(super) fn add(&mut self, id: EventId, bulk: Bulk) {
        if self.rows == 0 {
            self.first = id;
        }
        self.last = id;
        self.rows += 1;
        match bulk {
            Bulk::DataIn(len) => {
                self.segments_in += 1;
                self.bytes_in += u64::from(len);
            }
            Bulk::DataOut(len) => {
                self.segments_out += 1;
                self.bytes_out += u64::from(len);
            }
            Bulk::AckIn => self.acks_in += 1,
            Bulk::AckOut => self.acks_out += 1,
            Bulk::Read => self.reads += 1,
            Bulk::Write => self.writes += 1,
            Bulk::Held => self.held += 1,
            Bulk::Refused => self.refused += 1,
            Bulk::Syn => self.syns += 1,
            Bulk::Cookie => self.cookies += 1,
            Bulk::Copy => {}
        }
    }

    /// `212 data segments in (300 KB), 106 ACKs out, 75 reads`.
    pub(super) fn words(&self) -> String {
        let mut parts = Vec::new();
        let mut part = |n: u64, what: &str, rest: String| {
            if n > 0 {
                parts.push(format!("{n} {what}{}{rest}", if n == 1 { "" } else { "s" }));
            }
        };
        part(self.segments_in, "data segment", format!(" in ({})", bytes(self.bytes_in)));
        part(self.segments_out, "data segment", format!(" out ({})", bytes(self.bytes_out)));
        part(self.acks_in, "ACK", " in".into());
        part(self.acks_out, "ACK", " out".into());
        part(self.reads, "read", String::new());
        part(self.writes, "write", String::new());
        part(self.refused, "data segment", " refused for want of memory".into());
        part(self.syns, "SYN", " in that found the backlog full".into());
        part(self.cookies, "cookie", " out".into());
        part(self.held, "change", " of what limits sending".into());
        format!("#{}-#{}: {}", self.first, self.last, parts.join(", "))
    }
}

/// `300 KB` of 1000 bytes each, exact below 10000.
fn bytes(n: u64) -> String {
    match n {
        0..10_000 => format!("{n} bytes"),
        10_000..10_000_000 => format!("{} KB", n / 1_000),
        _ => format!("{} MB", n / 1_000_000),
    }
}

/// What is known of a conversation: where its numbers start, how its windows scale, and how many
/// duplicate ACKs were seen last.
#[derive(Clone, Default, Debug)]
struct Flow {
    ours: Side,
    theirs: Side,
    /// Whether the last ACK out told of a gap.
    gap: bool,
}

#[derive(Clone, Default, Debug)]
struct Side {
    base: Option<Seq>,
    shift: Option<u8>,
    /// The window last shown.
    window: Option<u32>,
    last_ack: Option<Seq>,
    duplicates: u32,
}

/// Makes rows of records; follows conversations for relative numbers and scaled windows.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    parties: Parties,
    flows: Recent<Pair, Flow>,
}

impl Rows {
    pub(super) fn new() -> Rows {
        Rows { parties: Parties::new(), flows: Recent::new() }
    }

    /// The record's row.
    pub(super) fn row(&mut self, record: &Record) -> Row {
        self.parties.learn(record);
        let mut row = Row {
            id: record.id,
            at: record.at,
            conn: record.conn,
            pair: record.conn.and_then(|conn| self.parties.of(conn)),
            call: String::new(),
            lane: Lane::Empty,
            why: reason(&record.event).map(|r| r.text).unwrap_or_default(),
            tone: Tone::Note,
            bulk: None,
            detail: false,
        };
        if let Some(crossing) = self.parties.crossing(record) {
            row.pair = crossing.pair.or(row.pair);
            self.segment(&mut row, record, crossing);
            return row;
        }
        match &record.event {
            Event::Conn { .. } => row.lane = Lane::Note(format!("connection {}", conn_of(record))),
            Event::Call { call, result } => {
                row.call = call_words(call, *result);
                row.tone = if result.is_ok() { Tone::Call } else { Tone::Alarm };
                row.bulk = match (call, result) {
                    (Call::Read { .. }, Ok(1..)) => Some(Bulk::Read),
                    (Call::Write { .. }, Ok(1..)) => Some(Bulk::Write),
                    _ => None,
                };
            }
            Event::In(packet) => arrow(&mut row, packet, false, Lane::In, Tone::In),
            Event::Out { packet, .. } => arrow(&mut row, packet, true, Lane::Out, Tone::Out),
            Event::Forwarded { packet, .. } => {
                let note = |text| Lane::Note(format!("{}: {text}", passed_on(&record.event)));
                arrow(&mut row, packet, false, note, Tone::Note);
                let (src, dst) = ends(packet);
                row.pair = src.zip(dst).map(|(local, remote)| Pair { local, remote });
            }
            Event::Dropped { why, packet } => {
                let out = is_outward(*why);
                let lane = |text| {
                    if out { Lane::Note(format!("not sent: {text}")) } else { Lane::Lost(text) }
                };
                arrow(&mut row, packet, out, lane, Tone::Alarm);
            }
            Event::Tcp(event) => note(&mut row, event),
            Event::Listener { local, remote, event } => {
                row.pair = remote.map(|remote| Pair { local: *local, remote });
                note(&mut row, event);
            }
            Event::Link { event, .. } => {
                row.lane = Lane::Note(event.to_string());
                // What a host starts with is no news.
                let from_the_start = record.at == Instant::ZERO;
                row.detail = from_the_start || matches!(event, link::Event::Neighbor { .. });
            }
            Event::Limit { limit } => {
                row.lane = Lane::Note(format!("limit {}", limit.key()));
                row.tone = Tone::Alarm;
            }
            Event::StrayIn { .. } | Event::StrayOut { .. } => {}
        }
        row
    }

    fn segment(&mut self, row: &mut Row, record: &Record, crossing: Crossing<'_>) {
        let Crossing { out, pair, seg } = crossing;
        let mut unknown = Flow::default();
        let flow = match pair {
            Some(pair) => self.flows.or_insert(pair, Flow::default),
            None => &mut unknown,
        };
        let lost = matches!(
            &record.event,
            Event::Tcp(tcp::Event::Received { outcome: Outcome::Dropped(_), .. })
                | Event::StrayIn { outcome: Outcome::Dropped(_), .. }
        );
        if !(lost && seg.ctl.syn() && flow.is_known(out)) {
            flow.learn(out, seg);
        }
        let text = flow.words(out, seg);
        row.tone = match (out, lost || seg.ctl.rst() || is_again(&record.event)) {
            (_, true) => Tone::Alarm,
            (true, false) => Tone::Out,
            (false, false) => Tone::In,
        };
        row.lane = match (out, lost) {
            (true, _) => Lane::Out(text),
            (false, true) => Lane::Lost(text),
            (false, false) => Lane::In(text),
        };
        row.bulk = flow.bulk(&record.event, seg);
    }
}

/// Whether what was dropped for that was to leave, and had not arrived.
fn is_outward(why: Why) -> bool {
    use Why as W;
    matches!(
        why,
        W::NoRoute
            | W::PathTooNarrow
            | W::EgressFull
            | W::NeighborLimit
            | W::NeighborQueueFull
            | W::NeighborFailed
            | W::NeighborRateLimit
    )
}

fn conn_of(record: &Record) -> String {
    record.conn.map_or_else(|| "?".into(), |conn| conn.to_string())
}

/// Whether the segment repeats an earlier one.
fn is_again(event: &Event) -> bool {
    use tcp::Event as E;
    match event {
        Event::Tcp(E::Sent { plan, .. }) => {
            matches!(plan, Plan::Retransmit { .. } | Plan::RetransmitSyn { .. })
        }
        Event::Tcp(E::Replied { reply, .. }) | Event::StrayOut { reply, .. } => {
            matches!(reply, Reply::SynAckAgain)
        }
        _ => false,
    }
}

fn arrow(row: &mut Row, packet: &PacketView, out: bool, lane: impl Fn(String) -> Lane, tone: Tone) {
    row.lane = lane(packet_words(packet));
    row.tone = tone;
    let (src, dst) = ends(packet);
    let ends = if out { src.zip(dst) } else { dst.zip(src) };
    row.pair = ends.map(|(local, remote)| Pair { local, remote });
}

/// Source and destination; port 0 where there are no ports.
fn ends(packet: &PacketView) -> (Option<SocketAddr>, Option<SocketAddr>) {
    let host = |addr: &IpAddr| Some(SocketAddr::new(*addr, 0));
    match packet {
        PacketView::Raw { .. } | PacketView::Ethernet { .. } => (None, None),
        PacketView::Arp { arp, .. } => (host(&arp.sender.into()), host(&arp.target.into())),
        PacketView::Ip { src, dst, .. }
        | PacketView::Fragment { src, dst, .. }
        | PacketView::Nd { src, dst, .. }
        | PacketView::Membership { src, dst, .. }
        | PacketView::Icmp { src, dst, .. } => (host(src), host(dst)),
        PacketView::Udp { src, dst, .. } | PacketView::Tcp { src, dst, .. } => {
            (Some(*src), Some(*dst))
        }
    }
}

fn note(row: &mut Row, event: &tcp::Event) {
    use tcp::Event as E;
    row.lane = Lane::Note(tcp_words(event, row.at));
    match event {
        E::TimerExpired { .. } | E::R1 { .. } | E::Icmp { .. } => row.tone = Tone::Alarm,
        E::Blocked { why: Blocked::App | Blocked::Done | Blocked::Handshake, .. } => {
            row.detail = true;
        }
        E::Blocked { .. } => row.bulk = Some(Bulk::Held),
        E::TimerSet { .. } | E::TimerStopped { .. } | E::Rtt { .. } | E::Info { .. } => {
            row.detail = true;
        }
        _ => {}
    }
}

impl Flow {
    /// Whether numbers of that side have something to be relative to.
    fn is_known(&mut self, out: bool) -> bool {
        self.sides(out).0.base.is_some()
    }

    fn learn(&mut self, out: bool, seg: &SegmentView) {
        let (from, to) = self.sides(out);
        if seg.ctl.syn() {
            if from.base != Some(seg.seq) {
                *from = Side::default();
            }
            from.base = Some(seg.seq);
            from.shift = seg.options.wscale;
        }
        if seg.ctl.rst() && from.base.is_none() && seg.ack.is_some() {
            from.base = Some(seg.seq);
        }
        from.base.get_or_insert(seg.seq - 1);
        if let Some(ack) = seg.ack {
            to.base.get_or_insert(ack - 1);
        }
        let again = seg.len == 0
            && seg.ack.is_some()
            && from.last_ack == seg.ack
            && !seg.ctl.fin()
            && !seg.ctl.syn();
        from.duplicates = if again { from.duplicates + 1 } else { 0 };
        from.last_ack = seg.ack.or(from.last_ack);
    }

    fn sides(&mut self, out: bool) -> (&mut Side, &mut Side) {
        if out { (&mut self.ours, &mut self.theirs) } else { (&mut self.theirs, &mut self.ours) }
    }

    /// `PSH,ACK 1:79(78) ack 1 win 65160`: numbers relative to the SYNs, the window when it
    /// changed, scaled when both SYNs were seen to offer it (RFC 7323 §2.2). Options are a second
    /// line.
    fn words(&mut self, out: bool, seg: &SegmentView) -> String {
        let (from, to) = self.sides(out);
        let (from_base, to_base) = (from.base.unwrap_or_default(), to.base.unwrap_or_default());
        let mut text = control_words(seg.ctl);
        let first = seg.seq - from_base;
        if seg.len > 0 {
            text += &format!(" {first}:{}({})", first.wrapping_add(seg.len), seg.len);
        } else if seg.ctl.syn() || seg.ctl.fin() || seg.ctl.rst() {
            text += &format!(" seq {first}");
        }
        if let Some(ack) = seg.ack {
            text += &format!(" ack {}", ack - to_base);
        }
        if seg.ctl.rst() {
            return text;
        }
        let shift = match (seg.ctl.syn(), from.shift, to.shift) {
            (false, Some(shift), Some(_)) => shift.min(14),
            _ => 0,
        };
        let window = u32::from(seg.wnd) << shift;
        if from.window.replace(window) != Some(window) {
            text += &format!(" win {window}");
        }
        if seg.ctl.urg() {
            text += &format!(" urg {}", seg.urg);
        }
        let mut options = Vec::new();
        options.extend(seg.options.mss.map(|mss| format!("mss {mss}")));
        if seg.options.sack_permitted {
            options.push("sackOK".into());
        }
        if seg.ctl.syn() && seg.options.ts.is_some() {
            options.push("TS".into());
        }
        options.extend(seg.options.wscale.map(|shift| format!("wscale {shift}")));
        for (left, right) in &seg.options.sack {
            options.push(format!("sack {}:{}", *left - to_base, *right - to_base));
        }
        if !options.is_empty() {
            text += &format!("\n<{}>", options.join(","));
        }
        text
    }

    /// Whether the segment is one of many. The first three duplicate ACKs and the first ACK that
    /// tells of a gap are not: they announce a loss.
    fn bulk(&mut self, event: &Event, seg: &SegmentView) -> Option<Bulk> {
        use tcp::Event as E;
        let plain = seg.ctl.without(Ctl::PSH) == Ctl::ACK;
        match event {
            Event::Tcp(E::Received { outcome: Outcome::Accepted, .. }) if plain => {
                match (seg.len, self.theirs.duplicates) {
                    (1.., _) => Some(Bulk::DataIn(seg.len)),
                    (0, 1..=3) => None,
                    (0, _) => Some(Bulk::AckIn),
                }
            }
            Event::Tcp(E::Sent { plan: Plan::NewData { len, .. }, .. }) => {
                Some(Bulk::DataOut(*len))
            }
            Event::Tcp(E::Sent { plan: Plan::Ack { why }, .. }) => {
                let gap = *why == AckWhy::OutOfOrder;
                let first = gap && !self.gap;
                self.gap = gap;
                let usual = matches!(
                    why,
                    AckWhy::EverySecond
                        | AckWhy::Delayed
                        | AckWhy::WindowUpdate
                        | AckWhy::OutOfOrder
                );
                (usual && !first).then_some(Bulk::AckOut)
            }
            Event::Tcp(E::Received { outcome: Outcome::Dropped(Why::MemoryFull), .. }) => {
                Some(Bulk::Refused)
            }
            Event::StrayIn {
                outcome: Outcome::Cookie | Outcome::Dropped(Why::BacklogFull),
                ..
            } => Some(Bulk::Syn),
            Event::StrayOut { reply: Reply::SynCookie, .. } => Some(Bulk::Cookie),
            _ => None,
        }
    }
}

/// `SYN,ACK`, as Wireshark names the bits.
fn control_words(ctl: Ctl) -> String {
    const NAMES: [(Ctl, &str); 9] = [
        (Ctl::FIN, "FIN"),
        (Ctl::SYN, "SYN"),
        (Ctl::RST, "RST"),
        (Ctl::PSH, "PSH"),
        (Ctl::URG, "URG"),
        (Ctl::ECE, "ECE"),
        (Ctl::CWR, "CWR"),
        (Ctl::AE, "AE"),
        (Ctl::ACK, "ACK"),
    ];
    let names: Vec<_> =
        NAMES.iter().filter(|(bit, _)| ctl.has(*bit)).map(|(_, name)| *name).collect();
    if names.is_empty() { "none".into() } else { names.join(",") }
}
