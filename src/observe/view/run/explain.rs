//! One entry of a run explained: what, why, what it changed, what allowed it, what it was not for,
//! what led to it and what it led to.

use super::super::describe::{moment, ms};
use super::super::style::Tone;
use super::page::{Page, Sheet};
use super::refuted;
use super::state;
use super::story::{Stories, why};
use super::web::{Fate, Missing, Web, distinct, is_loss};
use crate::base::EventId;
use crate::observe::log::{Entry, Event, Kind, Log, PlaceId};
use crate::stack::{self, PacketView};
use crate::tcp::{self, Blocked, Plan, Room, State};
use std::collections::BTreeSet;

/// Fast recovery among the phases of congestion control, as `tcp_info` numbers them.
const RECOVERY: u64 = 3;
/// How many effects are listed.
const LISTED: usize = 4;

/// Explains the entry numbered `id`; `None` when the log has none.
pub fn explain(log: &Log, id: EventId, page: &Page) -> Option<String> {
    let web = Web::new(log);
    let entry = web.get(id)?;
    let ties = Ties::of(&web, entry);
    let stories = Stories::of(&web, &ties.named(id));
    let mut sheet = page.sheet();
    sheet.line(Some(Tone::Head), &head(&web, entry, &ties));
    sheet.entry("WHAT", &stories.brief_or_line(&web, entry), 3);
    if let Some(why) = why(entry) {
        sheet.entry("WHY", &why.text, 3);
        sheet.entry("", &format!("{}: {}", why.key, why.rfc), 1);
    } else if let Some((text, rfc)) = fact(&web, entry) {
        sheet.entry("WHY", &text, 3);
        sheet.entry("", rfc, 1);
    }
    if let Some(allowed) = allowed(entry) {
        sheet.entry("ALLOWED", &allowed, 3);
    }
    told_state(&web, entry, page, &mut sheet);
    for (n, reason) in refuted::refuted(&web, entry).iter().take(page.at_most(4)).enumerate() {
        sheet.entry(if n == 0 { "NOT BECAUSE" } else { "" }, reason, 2);
    }
    ties.tell(&web, &stories, page, &mut sheet);
    let lost = match ties.missing {
        Some(missing) => web.get(missing.sent()),
        None => web.sender(entry),
    };
    if let Some(otherwise) = lost.and_then(|lost| super::would::without_loss(&web, lost)) {
        sheet.entry("OTHERWISE", &otherwise, 2);
    }
    let seen = super::observer::told(&web, entry, page);
    if !seen.is_empty() {
        sheet.entry("OBSERVER", &seen.join("; "), 2);
    }
    ties.next(&web, entry, &mut sheet);
    Some(sheet.end())
}

impl Stories {
    /// A packet's whole line, with its addresses; any other entry in brief.
    fn brief_or_line(&self, web: &Web<'_>, entry: &Entry) -> String {
        match &entry.event {
            Event::Host(event) => match super::story::verb(event) {
                Some(verb) => format!("{verb}: {}", self.line(entry.id)),
                None => self.line(entry.id).to_owned(),
            },
            _ => self.brief(web, entry.id),
        }
    }
}

/// `#31   t = 108.6 ms   server -> client   retransmission of #12`.
fn head(web: &Web<'_>, entry: &Entry, ties: &Ties) -> String {
    let name = |place| web.log.name(place).to_owned();
    let mut head = format!("#{}   t = {} ms   ", entry.id, moment(entry.at));
    let sender = web.sender(entry).map(|sent| sent.place);
    let arrived = ties.arrivals.first().and_then(|id| web.get(*id)).map(|e| e.place);
    let peer = || Some(web.peer(web.key(entry)?)?.0);
    match &entry.event {
        Event::Host(event) if super::web::sends(event) => {
            head += &name(entry.place);
            if let Some(to) = arrived.or_else(peer) {
                head += &format!(" -> {}", name(to));
            }
        }
        _ => {
            let from = sender.filter(|from| *from != entry.place);
            head += &from.map(|from| format!("{} -> ", name(from))).unwrap_or_default();
            head += &name(entry.place);
        }
    }
    if let Some(conn) = entry.conn {
        head += &format!("   connection {conn}");
    }
    if let Some(missing) = ties.missing {
        head += &format!("   RETRANSMISSION of #{}", missing.sent());
    }
    head
}

/// What an entry is tied to.
struct Ties {
    causes: Vec<EventId>,
    effects: Vec<EventId>,
    arrivals: Vec<EventId>,
    lost: Option<EventId>,
    missing: Option<Missing>,
    again: Option<EventId>,
    armed_by: Option<EventId>,
    packet: Option<EventId>,
    written: Option<EventId>,
    duplicates: Vec<EventId>,
}

impl Ties {
    fn of(web: &Web<'_>, entry: &Entry) -> Ties {
        let fates = web.fates(entry.id);
        let arrival = |fate: &Fate| match fate {
            Fate::Arrived(id) => Some(*id),
            Fate::Lost(_) => None,
        };
        let packet = is_loss(entry).then(|| web.log.get(web.sender_of(entry.id)?)).flatten();
        let lost = web.loss(entry.id);
        let again = match (lost, packet) {
            (_, Some(packet)) => web.sent_again(packet),
            (Some(_), None) => web.sent_again(entry),
            (None, None) => None,
        };
        Ties {
            causes: distinct(entry).collect(),
            effects: effects(web, entry),
            arrivals: fates.iter().filter_map(arrival).collect(),
            lost,
            missing: web.missing(entry),
            again,
            armed_by: state::armed_by(web, entry),
            packet: packet.map(|packet| packet.id),
            written: web.written(entry),
            duplicates: duplicates(web, entry),
        }
    }

    /// Every entry that the answer names.
    fn named(&self, id: EventId) -> BTreeSet<EventId> {
        let mut named = BTreeSet::from([id]);
        named.extend(self.causes.iter().chain(&self.effects).chain(&self.arrivals));
        let others = [self.lost, self.again, self.armed_by, self.packet, self.written];
        named.extend(others.into_iter().flatten());
        match self.missing {
            Some(Missing::Segment(a, b) | Missing::Nothing(a, b)) => named.extend([a, b]),
            Some(Missing::Ack(a, b, c)) => named.extend([a, b, c]),
            Some(Missing::Unknown(a)) => named.extend([a]),
            None => {}
        }
        named
    }

    fn tell(&self, web: &Web<'_>, stories: &Stories, page: &Page, sheet: &mut Sheet<'_>) {
        let say = |id: EventId| match web.get(id) {
            Some(entry) => {
                format!("#{id} at {} ms, {}", moment(entry.at), stories.brief(web, id))
            }
            None => format!("#{id} (not in the log)"),
        };
        let mut label = "CAUSED BY";
        let mut cause = |sheet: &mut Sheet<'_>, text: &str| {
            sheet.entry(std::mem::take(&mut label), text, 2);
        };
        self.causes.iter().for_each(|id| cause(sheet, &say(*id)));
        if let Some(by) = self.armed_by {
            cause(sheet, &format!("set by {}", say(by)));
        }
        if let Some(written) = self.written.filter(|id| !self.causes.contains(id)) {
            cause(sheet, &format!("written by {}", say(written)));
        }
        if !self.duplicates.is_empty() {
            let list: Vec<_> = self.duplicates.iter().map(|id| format!("#{id}")).collect();
            cause(sheet, &format!("the duplicate ACKs {}", list.join(", ")));
        }
        match self.missing {
            Some(Missing::Segment(sent, lost)) => {
                cause(sheet, &format!("the loss of #{sent}: {}", loss(web, lost)));
            }
            Some(Missing::Ack(sent, ack, lost)) => {
                let text =
                    format!("#{sent} arrived, but its ACK #{ack} was lost: {}", loss(web, lost));
                cause(sheet, &text);
            }
            Some(Missing::Nothing(sent, arrival)) => {
                let text = format!("#{sent} arrived (#{arrival}), and no ACK of it was lost");
                cause(sheet, &format!("{text}: this retransmission was not needed"));
            }
            Some(Missing::Unknown(_)) | None => {}
        }
        let mut label = "CAUSES";
        for id in self.effects.iter().take(page.at_most(LISTED)) {
            sheet.entry(std::mem::take(&mut label), &say(*id), 2);
        }
        let more = self.effects.len().saturating_sub(page.at_most(LISTED));
        if more > 0 {
            sheet.entry("", &format!("and {more} more"), 1);
        }
        if let Some(again) = self.again {
            let text = format!("sent again as {}", say(again));
            sheet.entry(std::mem::take(&mut label), &text, 2);
        }
    }

    fn next(&self, web: &Web<'_>, entry: &Entry, sheet: &mut Sheet<'_>) {
        let id = entry.id;
        sheet.next(&format!("blame {id}"));
        let lost = match self.missing {
            Some(Missing::Segment(_, lost) | Missing::Ack(_, _, lost)) => Some(lost),
            _ => self.lost.or(is_loss(entry).then_some(id)),
        };
        match (lost, droppable(web, entry)) {
            (Some(lost), _) => {
                if let Some(keep) = web.kept_by(lost) {
                    sheet.next(&format!("whatif --keep {keep}"));
                }
            }
            (None, true) => sheet.next(&format!("whatif --drop {id}")),
            (None, false) => {}
        }
        if let Some(ask) = state_of(web, entry) {
            sheet.next(&ask);
        }
    }
}

/// What shows the state that an entry found or left: the socket of its connection, while there is
/// one, or else what the host knows of such packets.
fn state_of(web: &Web<'_>, entry: &Entry) -> Option<String> {
    let id = entry.id;
    let sent = web.sender(entry);
    let of_conn = [Some(entry), sent].into_iter().flatten().find(|entry| entry.conn.is_some());
    let of_host = || is_host(web, entry.place).then_some(entry).or(sent);
    let about = of_conn.or_else(of_host).filter(|about| is_host(web, about.place))?;
    let closed =
        || matches!(state::tcp_event(entry), Some(tcp::Event::State { to: State::Closed, .. }));
    let is_arp = sent.is_some_and(|sent| {
        matches!(&sent.event, Event::Host(stack::Event::Out { packet: PacketView::Arp { .. }, .. }))
    });
    let what = match about.conn {
        Some(_) if !closed() => "ss -ti",
        None if is_arp => "arp",
        _ => "nstat",
    };
    Some(format!("{what} --at e{id} --host {}", web.log.name(about.place)))
}

fn is_host(web: &Web<'_>, place: PlaceId) -> bool {
    let kind = web.log.places().get(usize::from(place.0)).map(|place| place.kind);
    matches!(kind, Some(Kind::Host | Kind::Router))
}

/// Whether the packet of an entry can be lost on trial: what a wire took, and of a host that was
/// recorded alone, what arrived.
fn droppable(web: &Web<'_>, entry: &Entry) -> bool {
    let Event::Host(event) = &entry.event else { return false };
    match web.log.places() {
        [_] => super::web::arrives(event) && !super::web::refused(event),
        _ => web.effects(entry.id).any(|effect| matches!(effect.event, Event::Wire(_))),
    }
}

/// Where, when and why a packet was lost.
fn loss(web: &Web<'_>, id: EventId) -> String {
    let Some(entry) = web.get(id) else { return format!("#{id}") };
    let why = why(entry).map(|why| why.text).unwrap_or_default();
    format!("#{id} at {} ms, {}: {why}", moment(entry.at), web.log.name(entry.place))
}

/// What an entry led to: at hosts first, then what wires and bridges did with the packet.
fn effects(web: &Web<'_>, entry: &Entry) -> Vec<EventId> {
    let rank = |effect: &Entry| match &effect.event {
        _ if is_loss(effect) => 0,
        Event::Host(_) => 1,
        _ => 2,
    };
    let mut effects: Vec<_> = web.effects(entry.id).map(|e| (rank(e), e.id)).collect();
    effects.sort_unstable();
    effects.into_iter().map(|(_, id)| id).collect()
}

/// The duplicate ACKs that made a fast retransmission.
fn duplicates(web: &Web<'_>, entry: &Entry) -> Vec<EventId> {
    let Some(tcp::Event::Sent { plan, room, .. }) = state::tcp_event(entry) else {
        return Vec::new();
    };
    let (true, Some(key)) = (is_fast(plan), web.key(entry)) else { return Vec::new() };
    let earlier = web.of_conn(key).rev().filter(|other| other.id < entry.id);
    let is_duplicate = |other: &&Entry| match state::tcp_event(other) {
        Some(tcp::Event::Received { seg, .. }) => seg.len == 0 && seg.ack == Some(room.una),
        _ => false,
    };
    let mut ids: Vec<_> = earlier.filter(is_duplicate).map(|other| other.id).collect();
    ids.truncate(usize::from(room.dupacks));
    ids.reverse();
    ids
}

fn is_fast(plan: &Plan) -> bool {
    matches!(plan, Plan::Retransmit { rule, .. }
        if rule.is_fast() && *rule != tcp::RtxRule::PartialAck)
}

impl Web<'_> {
    /// The packet that a wire's entry is about.
    fn sender_of(&self, id: EventId) -> Option<EventId> {
        Some(self.sender(self.get(id)?)?.id)
    }
}

/// STATE: what the action changed in its connection.
fn told_state(web: &Web<'_>, entry: &Entry, page: &Page, sheet: &mut Sheet<'_>) {
    let Some(key) = web.key(entry) else { return };
    let (before, after) = state::around(web, key, entry.id);
    let changes = state::changes(&before, &after, page.all);
    if !changes.is_empty() {
        sheet.entry("STATE", &changes.join(" | "), 4);
    }
    if after.ca_state == RECOVERY && before.ca_state != RECOVERY {
        sheet.entry("", RECOVERING, 4);
    }
}

/// What `in flight` means from here on.
const RECOVERING: &str = "what duplicate ACKs or SACK say has left the network is not in flight any \
    more and makes room; RFC 5681 §3.2 makes cwnd larger by as much instead";

/// ALLOWED: what let so much be sent, or what held it back, in the numbers that were used.
fn allowed(entry: &Entry) -> Option<String> {
    match state::tcp_event(entry)? {
        tcp::Event::Sent { plan, room, .. } => Some(match plan {
            Plan::NewData { len, .. } | Plan::LastData { len } | Plan::SwsOverride { len } => {
                format!("{}: {}", windows(room), smallest(room, *len))
            }
            Plan::Retransmit { len, .. } => {
                let used =
                    format!("cwnd {} - in flight {}", segments(room.cwnd, room), room.in_flight);
                if room.of_cwnd() >= *len {
                    format!("{used} leaves room for {}", room.of_cwnd())
                } else {
                    format!(
                        "{used} leaves {}: the rule sends one segment all the same",
                        room.of_cwnd()
                    )
                }
            }
            Plan::Syn | Plan::SynAckCrossed | Plan::RetransmitSyn { .. } => {
                "nothing but the SYN may be sent before the handshake".into()
            }
            Plan::Fin | Plan::FinLimit { .. } => format!("{}: FIN takes one place", windows(room)),
            _ => "it carries no data: no window holds it back".into(),
        }),
        tcp::Event::Blocked { why, room } => {
            let unsent = format!("written and not sent: {}", room.unsent);
            Some(match why {
                Blocked::App | Blocked::Done => format!("{unsent}; {}", windows(room)),
                Blocked::Handshake => unsent,
                _ => format!("{}; {unsent}", windows(room)),
            })
        }
        _ => None,
    }
}

fn segments(bytes: u32, room: &Room) -> String {
    let tenths = u64::from(bytes) * 10 / u64::from(room.mss.max(1));
    let (whole, tenth) = (tenths / 10, tenths % 10);
    match (whole, tenth) {
        (1, 0) => format!("{bytes} bytes (1 segment)"),
        (_, 0) => format!("{bytes} bytes ({whole} segments)"),
        _ => format!("{bytes} bytes ({whole}.{tenth} segments)"),
    }
}

fn windows(room: &Room) -> String {
    let (cwnd, wnd) = (segments(room.cwnd, room), room.wnd);
    let left = match room.left {
        0 => String::new(),
        left => format!(" ({left} more have left the network)"),
    };
    format!(
        "cwnd {cwnd} - in flight {}{left} leaves {}; the peer's window {wnd} leaves {}",
        room.in_flight,
        room.of_cwnd(),
        room.of_wnd()
    )
}

/// Which of the three limits decided how much was sent.
fn smallest(room: &Room, len: u32) -> String {
    let mss = u32::from(room.mss).max(1);
    let all = format!("all {len} that wait are sent");
    match len {
        _ if len == room.unsent => all,
        _ if room.of_wnd() < room.of_cwnd() && len >= room.of_wnd() / mss * mss => {
            format!("{len} of {} that wait: the peer's window is the limit", room.unsent)
        }
        _ if len + mss > room.of_cwnd() && room.left > 0 => {
            format!("{len} of {} that wait: one segment for each duplicate ACK", room.unsent)
        }
        _ if len + mss > room.of_cwnd() => {
            format!("{len} of {} that wait: cwnd is the limit", room.unsent)
        }
        _ => format!("{len} of {} that wait, as much as one segment holds", room.unsent),
    }
}

/// Why, for entries that only tell a fact.
fn fact(web: &Web<'_>, entry: &Entry) -> Option<(String, &'static str)> {
    use tcp::Event as E;
    let host = match &entry.event {
        Event::Host(event) => event,
        Event::Wire(_) | Event::Bridge(_) => return None,
    };
    Some(match host {
        stack::Event::Tcp(event) | stack::Event::Listener { event, .. } => match event {
            E::TimerSet { timer, at } => {
                let (text, rfc) = timer_rule(*timer);
                (format!("{text}; due at {} ms", moment(*at)), rfc)
            }
            E::TimerStopped { timer } => {
                ("what it waited for has happened".into(), timer_rule(*timer).1)
            }
            E::TimerExpired { timer } => {
                let set = state::armed_by(web, entry).and_then(|by| web.get(by));
                let since = set.map(|set| format!(" after {} ms", ms(entry.at.since(set.at))));
                let (text, rfc) = timer_rule(*timer);
                (format!("it ran out{}: {text}", since.unwrap_or_default()), rfc)
            }
            E::Rtt { .. } => (
                "an ACK of what was sent once ends a round trip: RTTVAR = 3/4 RTTVAR + \
                 1/4 |SRTT - R|, SRTT = 7/8 SRTT + 1/8 R, RTO = SRTT + 4 RTTVAR within its bounds"
                    .into(),
                "RFC 6298 §2",
            ),
            E::Ca { to, .. } => {
                let (text, rfc) = phase(*to);
                (text.into(), rfc)
            }
            E::Received { .. } => {
                ("it fits the connection, and was processed".into(), "RFC 9293 §3.10.7.4")
            }
            E::Info { .. } => {
                ("the numbers of the connection that changed".into(), "tcp(7): TCP_INFO")
            }
            E::R1 { .. } => {
                ("so many retransmissions in a row".into(), "RFC 9293 §3.8.3 (MUST-20)")
            }
            E::Icmp { .. } => ("an ICMP error quotes a segment in flight".into(), "RFC 5927 §4"),
            E::Urgent { .. } => ("the urgent pointer moved ahead".into(), "RFC 9293 §3.8.5"),
            _ => return None,
        },
        stack::Event::In(stack::PacketView::Arp { .. }) => (
            "it is about an address of this host, or of a neighbour that it knows".into(),
            "RFC 826",
        ),
        stack::Event::In(packet) => ("it is for this host, and was taken".into(), taken_by(packet)),
        stack::Event::StrayIn { .. } => {
            ("it is for a listener, or a handshake at one".into(), "RFC 9293 §3.10.7")
        }
        stack::Event::Conn { .. } => {
            ("the connection got its number".into(), "RFC 9293 §3.3.1: its two sockets name it")
        }
        stack::Event::Call { .. } => {
            ("the application decided it".into(), "RFC 9293 §3.9; socket API")
        }
        _ => return None,
    })
}

/// Why congestion control is in a phase.
fn phase(to: tcp::CaState) -> (&'static str, &'static str) {
    match to {
        tcp::CaState::Open => (
            "what was missing is acknowledged: congestion control goes on as usual",
            "RFC 5681 §3.1; RFC 6582 §3.2",
        ),
        tcp::CaState::Disorder => (
            "a duplicate ACK: something is lost or late; a segment more may go out for each of \
             the first two",
            "RFC 5681 §3.2; RFC 3042",
        ),
        tcp::CaState::Cwr => ("the path says that it is congested", "RFC 3168 §6.1.2"),
        tcp::CaState::Recovery => (
            "a segment is taken for lost, while others arrive: congestion control sets ssthresh, \
             half of what was in flight for Reno, and cwnd comes down to it",
            "RFC 5681 §3.2; RFC 6675 §5; RFC 9937 §6",
        ),
        tcp::CaState::Loss => (
            "no ACK came in time: all in flight is taken for lost, and cwnd is one segment",
            "RFC 5681 §3.1; RFC 6298 §5",
        ),
    }
}

/// The rule by which a host takes a packet that is for it.
fn taken_by(packet: &stack::PacketView) -> &'static str {
    use stack::PacketView as P;
    match packet {
        P::Nd { .. } => "RFC 4861 §7",
        P::Membership { dst, .. } if dst.is_ipv6() => "RFC 3810 §6",
        P::Membership { .. } => "RFC 3376 §5",
        P::Ip { dst, .. } | P::Fragment { dst, .. } | P::Icmp { dst, .. } if dst.is_ipv6() => {
            "RFC 8200 §4"
        }
        P::Udp { dst, .. } | P::Tcp { dst, .. } if dst.is_ipv6() => "RFC 8200 §4",
        _ => "RFC 1122 §3.2.1",
    }
}

fn timer_rule(timer: tcp::Timer) -> (&'static str, &'static str) {
    use tcp::Timer as T;
    match timer {
        T::LossProbe => (
            "when no ACK comes for two round trips, one more segment asks for one",
            "RFC 8985 §7.2",
        ),
        T::Reorder => (
            "what was sent before something that has arrived may only be reordered: it gets a little time",
            "RFC 8985 §6.2",
        ),
        T::Rtx => ("something is in flight, and its ACK is waited for one RTO", "RFC 6298 §5"),
        T::Pacing => (
            "what goes out evenly goes out in bursts of a millisecond: the next one waits its turn",
            "RFC 9002 §7.7",
        ),
        T::Persist => (
            "the peer's window is closed or too small, and nothing is in flight",
            "RFC 9293 §3.8.6.1",
        ),
        T::Delack => ("an ACK is owed, and data of ours may yet carry it", "RFC 9293 §3.8.6.3"),
        T::Keepalive => ("a silent peer is asked after a time", "RFC 9293 §3.8.4"),
        T::TimeWait => ("old segments must die out first", "RFC 9293 §3.6.1, §3.10.8"),
        T::User => ("data may stay unacknowledged only so long", "RFC 9293 §3.9.1.8"),
    }
}
