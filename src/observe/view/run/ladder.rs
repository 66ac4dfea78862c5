//! The ladder of a run: one bar per host and router, time downward. A packet leaves its sender in
//! one row and arrives in a later one; on the rows between, a stroke shows how far it has come, so
//! that arrows slant as long as they truly take. What a wire loses ends between the bars.
//!
//! With two hosts, each has its own lane beside its bar, for what its application calls, what
//! changes inside it, and why it sends; with more, that is told on the right.

use super::super::describe::moment;
use super::super::parties::Pair;
use super::super::row::{Bulk, Lane, Row, Rows};
use super::super::style::Tone;
use super::lanes::{Beat, Flight, Move, draw};
use super::page::Page;
use super::web::{Key, Web, is_loss};
use crate::base::EventId;
use crate::observe::log::{Entry, Event, Kind, Log, PlaceId};
use crate::stack::{self, Call, PacketView};
use crate::wire::icmp;
use std::collections::{BTreeMap, BTreeSet};

/// A protocol to be shown alone.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP, of either version.
    Icmp,
    /// Who is behind which address: ARP and neighbour discovery.
    Arp,
}

/// What of a run is shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pick {
    /// Only this connection, both ends of it.
    pub conn: Option<Key>,
    /// Only these hosts, in this order; empty: all that have a part in it.
    pub hosts: Vec<PlaceId>,
    /// Only this protocol.
    pub protocol: Option<Protocol>,
}

/// Rows kept at the head and at the tail of a run of bulk data.
const HEAD: usize = 4;
const TAIL: usize = 2;
/// A run is cut when at least so many rows go.
const WORTH: usize = 4;

/// Draws a run, at least 80 columns wide. Times are those of the run.
pub fn ladder(log: &Log, pick: &Pick, width: usize, page: &Page) -> String {
    let web = Web::new(log);
    let mut makers: BTreeMap<PlaceId, Rows> = BTreeMap::new();
    let mut taken: Vec<(&Entry, Row)> = Vec::new();
    let mut copies = Copies::default();
    for entry in log.entries() {
        let row = match entry.record() {
            Some(record) => makers.entry(entry.place).or_insert_with(Rows::new).row(&record),
            None if is_loss(entry) => loss(&web, entry),
            None => continue,
        };
        let row = Row { bulk: row.bulk.or_else(|| copies.count(&web, entry)), ..row };
        let row = passed_on(&web, entry, row);
        let named = matches!(entry.event, Event::Host(stack::Event::Conn { .. }));
        let shown = page.all || !(row.detail || named);
        if shown && wanted(&web, pick, entry, &row) {
            taken.push((entry, row));
        }
    }
    let columns = bars(log, pick, &taken);
    let beats: Vec<Beat> =
        taken.iter().filter_map(|(entry, row)| beat(&web, &columns, entry, row)).collect();
    let flights = flights(&web, &columns, &beats);
    let beats = collapse(log, beats, page);
    let names: Vec<&str> = columns.iter().map(|place| log.name(*place)).collect();
    draw(&names, &beats, &flights, width, page)
}

/// How often a packet was dropped where.
#[derive(Default)]
struct Copies(BTreeMap<(PlaceId, EventId), u32>);

impl Copies {
    /// What is dropped again and again is of no interest of its own.
    fn count(&mut self, web: &Web<'_>, entry: &Entry) -> Option<Bulk> {
        let Event::Host(stack::Event::Dropped { .. }) = &entry.event else { return None };
        // What comes back to its own sender has none.
        let sent = web.sender(entry).map(|sent| sent.id).or(entry.causes().next())?;
        let copies = self.0.entry((entry.place, sent)).or_default();
        *copies += 1;
        (*copies > 1).then_some(Bulk::Copy)
    }
}

/// The row of what a wire has lost.
fn loss(web: &Web<'_>, entry: &Entry) -> Row {
    let packet = web.sender(entry).map_or(EventId::NONE, |sent| sent.id);
    let why = super::story::why(entry).map(|why| why.text).unwrap_or_default();
    Row {
        id: entry.id,
        at: entry.at,
        conn: None,
        pair: None,
        call: String::new(),
        lane: Lane::Lost(match packet {
            EventId::NONE => format!("a packet from before the log: {why}"),
            packet => format!("#{packet} {why}"),
        }),
        why: String::new(),
        tone: Tone::Alarm,
        bulk: None,
        detail: false,
    }
}

/// The row of a packet that was passed on names the event that sent it.
fn passed_on(web: &Web<'_>, entry: &Entry, row: Row) -> Row {
    let sent = match &entry.event {
        Event::Host(event @ stack::Event::Forwarded { .. }) => {
            web.sender(entry).map(|s| (event, s))
        }
        _ => None,
    };
    match sent {
        Some((event, sent)) => {
            let way = super::super::describe::passed_on(event);
            Row { lane: Lane::Note(format!("{way}: #{}", sent.id)), ..row }
        }
        None => row,
    }
}

fn wanted(web: &Web<'_>, pick: &Pick, entry: &Entry, row: &Row) -> bool {
    let place = |place: &PlaceId| pick.hosts.is_empty() || pick.hosts.contains(place);
    let origin = web.sender(entry);
    let here = match &entry.event {
        Event::Host(_) => place(&entry.place),
        _ => origin.is_some_and(|sent| place(&sent.place)),
    };
    let about = origin.filter(|_| !matches!(row.lane, Lane::Note(_))).unwrap_or(entry);
    let its = pick.protocol.is_none_or(|wanted| protocol(about) == Some(wanted));
    here && its && pick.conn.is_none_or(|conn| of_conn(web, conn, about, row))
}

/// Whether an entry belongs to a connection, or to the handshake that made it.
fn of_conn(web: &Web<'_>, conn: Key, entry: &Entry, row: &Row) -> bool {
    if let Some(key) = web.key(entry) {
        return key == conn || web.peer(conn) == Some(key);
    }
    let Some(Pair { local, remote }) = web.pair(conn) else { return false };
    row.pair.is_some_and(|pair| {
        (pair.local == local && pair.remote == remote)
            || (pair.local == remote && pair.remote == local)
    })
}

fn protocol(entry: &Entry) -> Option<Protocol> {
    use stack::Event as E;
    let Event::Host(event) = &entry.event else { return None };
    let packet = match event {
        E::Tcp(_)
        | E::StrayIn { .. }
        | E::StrayOut { .. }
        | E::Listener { .. }
        | E::Conn { .. } => {
            return Some(Protocol::Tcp);
        }
        E::Call {
            call: Call::SendTo { .. } | Call::RecvFrom { .. } | Call::Bind { .. }, ..
        } => {
            return Some(Protocol::Udp);
        }
        E::Call { .. } => return Some(Protocol::Tcp),
        E::Link { .. } => return Some(Protocol::Arp),
        E::In(packet) | E::Out { packet, .. } | E::Dropped { packet, .. } => packet,
        E::Forwarded { packet, .. } => packet,
        E::Limit { .. } => return None,
    };
    match packet {
        PacketView::Tcp { .. } => Some(Protocol::Tcp),
        PacketView::Udp { .. } => Some(Protocol::Udp),
        PacketView::Icmp { .. } => Some(Protocol::Icmp),
        PacketView::Arp { .. } | PacketView::Nd { .. } => Some(Protocol::Arp),
        PacketView::Ip { dst, proto, .. } if *proto == icmp::number(*dst) => Some(Protocol::Icmp),
        _ => None,
    }
}

/// The hosts that get a bar: those asked for, or all that have a part.
fn bars(log: &Log, pick: &Pick, taken: &[(&Entry, Row)]) -> Vec<PlaceId> {
    if !pick.hosts.is_empty() {
        return pick.hosts.clone();
    }
    let part: BTreeSet<PlaceId> = taken.iter().map(|(entry, _)| entry.place).collect();
    let is_host = |place: &PlaceId| {
        let kind = log.places().get(usize::from(place.0)).map(|place| place.kind);
        matches!(kind, Some(Kind::Host | Kind::Router))
    };
    part.into_iter().filter(is_host).collect()
}

fn column(columns: &[PlaceId], place: PlaceId) -> Option<usize> {
    columns.iter().position(|known| *known == place)
}

/// What a row is on the ladder; `None` when it happens where there is no bar.
fn beat(web: &Web<'_>, columns: &[PlaceId], entry: &Entry, row: &Row) -> Option<Beat> {
    let from = || {
        let cause = entry.causes().find_map(|cause| web.get(cause))?;
        column(columns, cause.place).filter(|_| cause.place != entry.place)
    };
    let mut row = row.clone();
    let (at, action) = match &entry.event {
        Event::Host(event) => {
            let at = column(columns, entry.place)?;
            let sent = entry.causes().next().unwrap_or_default();
            let action = match (row.lane.clone(), event) {
                (_, stack::Event::Forwarded { .. }) => Move::Pass,
                (Lane::Out(text), _) if web.left(entry).is_none() => {
                    row.lane = Lane::Note(format!("does not leave: {text}"));
                    Move::Inside
                }
                (Lane::Out(text), _) => {
                    if let Some(left) = web.left(entry).filter(|left| left.at > entry.at) {
                        let note = format!("waits for the neighbour until {} ms", moment(left.at));
                        row.why = [row.why.as_str(), &note].join("; ");
                    }
                    Move::Send(text)
                }
                (Lane::In(_), _) => Move::Arrive { from: from(), sent, lost: false },
                (Lane::Lost(_), _) => Move::Arrive { from: from(), sent, lost: true },
                _ => Move::Inside,
            };
            (at, action)
        }
        _ => {
            let cause = entry.causes().find_map(|cause| web.get(cause))?;
            let Lane::Lost(text) = &row.lane else { return None };
            (column(columns, cause.place)?, Move::Gone(text.clone()))
        }
    };
    Some(Beat { id: entry.id, at: entry.at, column: at, action, row, note: None })
}

/// The ways of the packets that are shown, from bar to bar.
fn flights(web: &Web<'_>, columns: &[PlaceId], beats: &[Beat]) -> BTreeMap<EventId, Flight> {
    let mut flights = BTreeMap::new();
    for beat in beats {
        let Some(entry) = web.get(beat.id).filter(|_| beat.leaves()) else { continue };
        let (mut to, mut start) = (None, None);
        for effect in web.effects(entry.id) {
            if matches!(effect.event, Event::Wire(_)) {
                start = start.or(Some(effect.at)); // it may have waited for a neighbour
            }
            if is_loss(effect) {
                to = Some((toward(web, columns, entry, effect), effect.at, true));
                break;
            }
            if effect.place != entry.place && matches!(effect.event, Event::Host(_)) {
                to = to.or(Some((column(columns, effect.place), effect.at, false)));
            }
        }
        if let Some((Some(to), end, lost)) = to {
            let start = start.unwrap_or(entry.at);
            let flight = Flight { from: beat.column, to, start, end, lost };
            flights.insert(entry.id, flight);
        }
    }
    flights
}

/// The bar that a lost packet was on its way to: the wire's other end, or the peer's beyond it.
fn toward(web: &Web<'_>, columns: &[PlaceId], sent: &Entry, lost: &Entry) -> Option<usize> {
    let ends = web.log.places().get(usize::from(lost.place.0))?.ends?;
    let other = ends.into_iter().find(|end| *end != sent.place)?;
    let peer = || column(columns, web.peer(web.key(sent)?)?.0);
    column(columns, other).or_else(peer)
}

/// Cuts runs of bulk data: their middle becomes a row of counts.
fn collapse(log: &Log, beats: Vec<Beat>, page: &Page) -> Vec<Beat> {
    if page.all {
        return beats;
    }
    let mut out = Vec::new();
    for run in beats.chunk_by(|a, b| a.row.bulk.is_some() && b.row.bulk.is_some()) {
        if run.len() < HEAD + WORTH + TAIL {
            out.extend_from_slice(run);
            continue;
        }
        let (head, rest) = run.split_at(HEAD);
        let (middle, tail) = rest.split_at(rest.len() - TAIL);
        out.extend_from_slice(head);
        let first = &middle[0];
        let note = Some(tally(log, middle));
        out.push(Beat { note, action: Move::Inside, ..first.clone() });
        out.extend_from_slice(tail);
    }
    out
}

/// `#31-#90: server sent 12 segments (17376 bytes), client sent 6 ACKs, 3 reads`.
fn tally(log: &Log, beats: &[Beat]) -> String {
    let mut counts: BTreeMap<(PlaceId, &str), (u64, u64)> = BTreeMap::new();
    for beat in beats {
        let (what, bytes) = match beat.row.bulk {
            Some(Bulk::DataOut(len)) => ("data segments sent", u64::from(len)),
            Some(Bulk::AckOut) => ("ACKs sent", 0),
            Some(Bulk::Read) => ("reads", 0),
            Some(Bulk::Write) => ("writes", 0),
            Some(Bulk::Cookie) => ("cookies sent", 0),
            Some(Bulk::Copy) => ("copies of the same dropped", 0),
            _ => continue,
        };
        let Some(place) = log.get(beat.id).map(|entry| entry.place) else { continue };
        let count = counts.entry((place, what)).or_default();
        *count = (count.0 + 1, count.1 + bytes);
    }
    let words = counts.iter().map(|((place, what), (n, bytes))| {
        let size = if *bytes > 0 { format!(" ({bytes} bytes)") } else { String::new() };
        format!("{}: {n} {what}{size}", log.name(*place))
    });
    let words: Vec<_> = words.collect();
    let (first, last) = (beats[0].id, beats[beats.len() - 1].id);
    format!("#{first} to #{last}: {}", words.join(", "))
}
