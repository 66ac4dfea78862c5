//! Who held the sender back, and when: the application, cwnd, the peer's window, Nagle, the fear of
//! silly windows. At every moment of a connection's life exactly one of them does, so the times add
//! up to its life, to the nanosecond.

use super::super::describe::moment;
use super::super::style::Tone;
use super::page::{Page, Sheet};
use super::state::tcp_event;
use super::web::{Key, Web};
use crate::base::time::nanos;
use crate::base::{Duration, Instant};
use crate::observe::log::{Event, Log};
use crate::stack;
use crate::tcp::{self, Blocked, State};

/// A time in which one thing held a sender back.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// What.
    pub by: Blocked,
    /// Since when.
    pub from: Instant,
    /// Until when.
    pub to: Instant,
}

/// All that held one sender back, from its connection's birth to its end or the log's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Whose connection.
    pub conn: Key,
    /// The times, without a gap between them.
    pub held: Vec<Held>,
}

/// Columns of the bars at most, and of what stands beside them.
const BARS: usize = 60;
const BESIDE: usize = 34;
/// The limits in the order in which they are shown.
const ORDER: [Blocked; 9] = [
    Blocked::Handshake,
    Blocked::App,
    Blocked::Cwnd,
    Blocked::Rwnd,
    Blocked::Nagle,
    Blocked::Sws,
    Blocked::Pacing,
    Blocked::Cork,
    Blocked::Done,
];

impl Limits {
    /// How long a limit held.
    pub fn total(&self, by: Blocked) -> Duration {
        let its = self.held.iter().filter(|held| held.by == by);
        its.map(|held| held.to.since(held.from)).sum()
    }

    /// How long the connection lived.
    pub fn life(&self) -> Duration {
        match (self.held.first(), self.held.last()) {
            (Some(first), Some(last)) => last.to.since(first.from),
            _ => Duration::ZERO,
        }
    }

    /// What of a time a limit held.
    fn share(&self, by: Blocked, from: u64, to: u64) -> u64 {
        let its = self.held.iter().filter(|held| held.by == by);
        let part = |held: &Held| {
            let (start, end) = (held.from.as_nanos().max(from), held.to.as_nanos().min(to));
            end.saturating_sub(start)
        };
        its.map(part).sum()
    }
}

/// What held back the senders of a run: of one connection, or of all.
pub fn held_back(log: &Log, conn: Option<Key>) -> Vec<Limits> {
    let web = Web::new(log);
    let end = log.entries().last().map_or(Instant::ZERO, |entry| entry.at);
    let wanted = web.conns().map(|(key, _)| key).filter(|key| conn.is_none_or(|c| c == *key));
    wanted.map(|key| Limits { conn: key, held: fold(&web, key, end) }).collect()
}

fn fold(web: &Web<'_>, key: Key, end: Instant) -> Vec<Held> {
    let mut held: Vec<Held> = Vec::new();
    let mut now: Option<(Blocked, Instant)> = None;
    let mut over = None;
    for entry in web.of_conn(key) {
        let (by, from) = *now.get_or_insert((Blocked::Handshake, entry.at));
        let next = match tcp_event(entry) {
            Some(tcp::Event::Blocked { why, .. }) => *why,
            Some(tcp::Event::State { to: State::Closed, .. }) => {
                over = Some(entry.at);
                break;
            }
            _ => continue,
        };
        if from < entry.at {
            held.push(Held { by, from, to: entry.at });
            now = Some((next, entry.at));
        } else {
            now = Some((next, from));
        }
    }
    if let Some((by, from)) = now {
        held.push(Held { by, from, to: over.unwrap_or(end).max(from) });
    }
    held
}

/// The limits of a run's senders as bars over time and as shares of their lives.
pub fn limits(log: &Log, conn: Option<Key>, page: &Page) -> String {
    let web = Web::new(log);
    let mut all = held_back(log, conn);
    // Those who had to wait for the network first: they are what one asks about.
    all.sort_by_key(|l| std::cmp::Reverse(l.total(Blocked::Cwnd) + l.total(Blocked::Rwnd)));
    let mut sheet = page.sheet();
    if all.is_empty() {
        sheet.line(None, "there is no TCP connection in this run");
    }
    let most = page.at_most(2);
    for limits in all.iter().take(most) {
        tell(&web, limits, page, &mut sheet);
    }
    if all.len() > most {
        let text = format!("{} more connections: --all", all.len() - most);
        sheet.line(Some(Tone::Faint), &text);
    }
    sheet.next("ladder");
    if let Some(first) = all.first() {
        // The moment at which the last of the limits began to hold.
        let since = first.held.last().map(|held| held.from);
        let its = web.of_conn(first.conn).rfind(|entry| Some(entry.at) == since);
        if let Some(id) = its.map(|entry| entry.id) {
            sheet.next(&format!("ss -ti --at e{id} --host {}", web.log.name(first.conn.0)));
        }
    }
    sheet.end()
}

fn tell(web: &Web<'_>, limits: &Limits, page: &Page, sheet: &mut Sheet<'_>) {
    let (key, life) = (limits.conn, nanos(limits.life()));
    let pair = web.pair(key).map(|p| format!("{} -> {}", p.local, p.remote)).unwrap_or_default();
    let (from, to) = match (limits.held.first(), limits.held.last()) {
        (Some(first), Some(last)) => (first.from, last.to),
        _ => return,
    };
    let sent = sent_bytes(web, key);
    let head = format!("what held {} back: {pair}, {sent} bytes written", web.log.name(key.0));
    sheet.line(Some(Tone::Head), &head);
    let bars = page.width().saturating_sub(BESIDE).min(BARS);
    let axis = format!("{:>10}  {:<w$}{} ms", "ms", moment(from), moment(to), w = bars - 10);
    sheet.line(Some(Tone::Faint), &axis);
    for by in ORDER {
        let total = nanos(limits.total(by));
        if total == 0 {
            continue;
        }
        let bar = bar(limits, by, (from.as_nanos(), to.as_nanos()), bars, page.style.unicode);
        let life = u128::from(life.max(1));
        let percent = (u128::from(total) * 1000 + life / 2) / life;
        let line = format!(
            "{:>10}  {bar:<bars$} {:>10} ms {:>3}.{} %",
            by.key(),
            moment(Instant::from_nanos(total)),
            percent / 10,
            percent % 10
        );
        sheet.line(None, &line);
    }
}

/// What the application has written.
fn sent_bytes(web: &Web<'_>, key: Key) -> u64 {
    let written = web.of_conn(key).filter_map(|entry| match &entry.event {
        Event::Host(stack::Event::Call { call: stack::Call::Write { .. }, result }) => {
            Some(result.unwrap_or(0))
        }
        _ => None,
    });
    // A brief log has no writes; what was acknowledged was written.
    let mut acked = web.of_conn(key).filter_map(tcp_event).filter_map(|event| match event {
        tcp::Event::Info { changes } => {
            changes.iter().find(|change| change.name() == "bytes_acked").map(|change| change.value)
        }
        _ => None,
    });
    written.sum::<u64>().max(acked.next_back().unwrap_or(0))
}

/// A cell is full when the limit held for at least half of its time, and half full when for less.
fn bar(limits: &Limits, by: Blocked, (from, to): (u64, u64), bars: usize, unicode: bool) -> String {
    let (full, half) = if unicode { ("█", "▌") } else { ("#", "-") };
    let edge = |cell: usize| {
        let part = u128::from(to - from) * cell as u128 / bars as u128;
        from + part as u64
    };
    let cell = |n: usize| {
        let (start, end) = (edge(n), edge(n + 1));
        match limits.share(by, start, end) {
            0 => " ",
            share if share * 2 >= end - start => full,
            _ => half,
        }
    };
    (0..bars).map(cell).collect::<String>().trim_end().to_owned()
}
