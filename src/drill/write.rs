//! Scripts from what happened: one end of one connection of a run, written so that the script
//! holds when it is drilled against a host with the same knobs.
//!
//! The log tells of segments and of calls that did something; both become events, each at its time.
//! Calls without anything in between become one, as a host that is scripted would answer each by
//! itself; where that does not suffice, notes say when the host got its turn. What a log does not
//! tell (options of sockets, marks of congestion on arriving packets, ICMP errors, the urgent byte,
//! packets of others) cannot be written.

mod calls;
mod knobs;
mod marks;
mod segments;

use super::ast::{Action, Command, Event, FileOption, Note, Script, Time};
use super::run::{self, Options, Verdict};
use crate::base::{Duration, Instant};
use crate::observe::export::{Conn, Index};
use crate::observe::log::{self, Entry};
use crate::stack::{self, IfaceSetup, Setup};
use crate::tcp::{self, SegmentView};
use std::fmt;

pub use knobs::Knobs;

/// How soon a host acts after a call: what happens before has happened before its turn.
const TURN: Duration = Duration::from_millis(1);

/// A script that was written.
#[derive(Clone, PartialEq, Debug)]
pub struct Written {
    /// What it is about.
    pub title: String,
    /// The host that it meets.
    pub knobs: Knobs,
    /// The script.
    pub script: Script,
}

impl Written {
    /// What comes of it on the host that it was written from.
    ///
    /// # Errors
    /// What cannot be read again.
    pub fn check(&self, options: &Options) -> Result<Verdict, super::Error> {
        let script = super::parse(&self.title, &self.to_string(), &[])?;
        let profile = self.knobs.profile();
        Ok(run::run_with(&script, &profile, options))
    }
}

/// The text, with what it is about and how to run it as comments.
impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.title.lines() {
            writeln!(f, "// {line}")?;
        }
        writeln!(f, "// netglass drill FILE")?;
        self.script.fmt(f)
    }
}

/// Why a connection cannot be written.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Unwritten {
    /// The log leaves segments out.
    Brief,
    /// The log does not have its beginning.
    NoBeginning,
    /// It is none of TCP over an interface that scripts can have.
    Nothing,
}

impl fmt::Display for Unwritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unwritten::Brief => "the log of the run is brief: it leaves segments out",
            Unwritten::NoBeginning => "the run does not have its beginning",
            Unwritten::Nothing => "nothing of it is in the run",
        })
    }
}

impl std::error::Error for Unwritten {}

/// Something that becomes an event.
enum Item<'a> {
    Segment { out: bool, seg: &'a SegmentView, why: Option<&'static str> },
    Call { call: stack::Call, result: Result<u64, crate::base::SocketError> },
}

/// Writes one end of a connection, of a host that was set up so.
///
/// # Errors
/// See [`Unwritten`].
pub fn write(index: &Index<'_>, conn: &Conn, host: &Setup) -> Result<Written, Unwritten> {
    if index.log().is_brief() {
        return Err(Unwritten::Brief);
    }
    let items: Vec<_> = index.entries(conn).filter_map(item).collect();
    let first = items.first().ok_or(Unwritten::Nothing)?.0;
    let passive = match items.first() {
        Some((_, Item::Call { call: stack::Call::Connect { .. }, .. })) => false,
        Some((_, Item::Segment { out: false, seg, .. })) if seg.ctl.syn() => true,
        _ => return Err(Unwritten::NoBeginning),
    };
    // Clocks that tick in milliseconds tick at the same moments.
    let zero = Instant::from_millis(first.as_nanos() / 1_000_000);
    let iface = iface(host, conn);
    let knobs = Knobs::of(&host.tcp, iface.is_none_or(|iface| iface.gso_max > 0));
    let items = merged(items);
    let scripted = |turns| {
        let mut events = Events { last: Duration::ZERO, events: Vec::new() };
        let sockets = calls::Sockets::new(passive);
        sockets.open(backlog(index, conn, first)).into_iter().for_each(|call| events.add(call));
        events.all(&items, zero, &sockets, turns);
        marks::infer(&mut events.events);
        events.events
    };
    let six = conn.local.is_ipv6();
    let options = six.then(|| option("ip_version", "ipv6".to_owned())).into_iter();
    let mtu = iface.map(|iface| iface.mtu).filter(|mtu| *mtu != 1500);
    let mtu = mtu.map(|mtu| option("mtu", mtu.to_string()));
    let init = knobs.commands().map(|text| Command { line: 0, text });
    let options = options.chain(mtu).collect();
    let script =
        Script { profile: knobs.named(), options, init, events: scripted(false), cleanup: None };
    let side = if passive { "accepted" } else { "opened" };
    let title = format!("{}: {conn}, {side}", index.log().name(conn.place));
    let mut written = Written { title, knobs, script };
    let exact = Options { exact: true, ..Options::default() };
    if !written.check(&exact).is_ok_and(|verdict| verdict.passed()) {
        written.script.events = scripted(true);
    }
    Ok(written)
}

fn option(name: &str, value: String) -> FileOption {
    FileOption { line: 0, name: name.to_owned(), value: Some(value) }
}

/// The interface that has the connection's address.
fn iface<'a>(host: &'a Setup, conn: &Conn) -> Option<&'a IfaceSetup> {
    let ip = conn.local.ip();
    let has = |iface: &&IfaceSetup| iface.addrs.iter().any(|cidr| cidr.addr() == ip);
    host.ifaces.iter().find(has).or(host.ifaces.first())
}

/// What an entry is in a script.
fn item(entry: &Entry) -> Option<(Instant, Item<'_>)> {
    let log::Event::Host(event) = &entry.event else { return None };
    let segment = |out, seg, why| Item::Segment { out, seg, why };
    Some((
        entry.at,
        match event {
            stack::Event::Tcp(tcp::Event::Received { seg, .. })
            | stack::Event::StrayIn { seg, .. } => segment(false, seg, None),
            stack::Event::Tcp(tcp::Event::Sent { seg, plan, .. }) => {
                // A script has no limits that could end a connection.
                let limit = matches!(plan, tcp::Plan::FinLimit { .. } | tcp::Plan::RstLimit { .. });
                let key = crate::observe::view::reason::reason(event).map(|reason| reason.key);
                segment(true, seg, key.filter(|_| !limit))
            }
            stack::Event::Tcp(tcp::Event::Replied { seg, .. })
            | stack::Event::StrayOut { seg, .. } => segment(true, seg, None),
            // Limits abort connections without a call.
            stack::Event::Tcp(tcp::Event::State { cause: tcp::Cause::Abort, .. }) => {
                Item::Call { call: stack::Call::Abort, result: Ok(0) }
            }
            stack::Event::Call { call: stack::Call::Abort, .. } => return None,
            stack::Event::Call { call, result } => Item::Call { call: *call, result: *result },
            _ => return None,
        },
    ))
}

/// The items, with calls that move bytes at one moment put together.
fn merged(items: Vec<(Instant, Item<'_>)>) -> Vec<(Instant, Item<'_>)> {
    let mut all: Vec<(Instant, Item<'_>)> = Vec::new();
    for (at, item) in items {
        if let (
            Some((before, Item::Call { call, result: Ok(done) })),
            Item::Call { call: next, result: Ok(more) },
        ) = (all.last_mut(), &item)
            && *before == at
            && let Some(both) = calls::joined((call, *done), (next, *more))
        {
            (*call, *done) = (both, *done + more);
        } else {
            all.push((at, item));
        }
    }
    all
}

/// How many connections could wait at the listener of an accepted connection.
fn backlog(index: &Index<'_>, conn: &Conn, before: Instant) -> u32 {
    let log = index.log();
    let until = log.entries().partition_point(|entry| entry.at <= before);
    let listens = log.entries()[..until].iter().rev().filter(|entry| entry.place == conn.place);
    let found = listens.into_iter().find_map(|entry| match &entry.event {
        log::Event::Host(stack::Event::Call {
            call: stack::Call::Listen { local, backlog },
            result: Ok(_),
        }) if local.port() == conn.local.port() => Some(*backlog),
        _ => None,
    });
    found.unwrap_or(1)
}

/// Events that are written, one after another.
struct Events {
    last: Duration,
    events: Vec<Event>,
}

impl Events {
    /// All items; `turns`: with notes where the host got its turn later than a script gives it.
    fn all(
        &mut self,
        items: &[(Instant, Item<'_>)],
        zero: Instant,
        sockets: &calls::Sockets,
        turns: bool,
    ) {
        let mut numbers = segments::Numbers::default();
        for (place, (at, item)) in items.iter().enumerate() {
            let next = items.get(place + 1).filter(|(next, _)| next.since(*at) < TURN);
            let time = at.since(zero);
            let may_send = match item {
                Item::Segment { out, seg, why } => {
                    let packet = Action::Packet(numbers.packet(*out, seg));
                    self.at(time, packet, why.map(|why| ("why", why)));
                    !out
                }
                Item::Call { call, result } => {
                    let calls = sockets.call(*call, *result);
                    calls.into_iter().for_each(|call| self.at(time, call, None));
                    calls::sends(call)
                }
            };
            let waits =
                |(_, next): &(_, Item<'_>)| !matches!(next, Item::Segment { out: true, .. });
            if turns && may_send && next.is_some_and(waits) {
                self.note("turn", "open");
            }
        }
    }

    /// An event at a moment.
    fn at(&mut self, at: Duration, action: Action, note: Option<(&str, &str)>) {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let time = match self.events.is_empty() {
            true => Time::At(0),
            false => Time::After(nanos(at.saturating_sub(self.last))),
        };
        self.last = at;
        self.events.push(Event { line: 0, time, action, notes: Vec::new() });
        note.into_iter().for_each(|(name, value)| self.note(name, value));
    }

    /// A note at the last event.
    fn note(&mut self, name: &str, value: &str) {
        let note = Note { line: 0, name: name.to_owned(), value: value.to_owned() };
        self.events.iter_mut().next_back().into_iter().for_each(|e| e.notes.push(note.clone()));
    }

    /// An event at the moment of the one before.
    fn add(&mut self, action: Action) {
        self.at(self.last, action, None);
    }
}
