//! Two runs side by side: how far they are the same, where they part, and what came of it. Entries
//! are matched by place, time and content; numbers are the same only as long as all is the same.

use super::super::describe::moment;
use super::super::reason::reason;
use super::super::style::Tone;
use super::page::{Page, Sheet, fitted};
use super::state::{self, changes, tcp_event};
use super::story::{Stories, verb};
use super::web::{Key, Web, is_loss, sends};
use crate::base::{EventId, Instant};
use crate::observe::log::{Entry, Event, LeftOut, Log};
use crate::stack::{self, Call};
use crate::tcp::{self, TcpInfo};
use std::collections::{BTreeMap, BTreeSet};

/// A run with the name that it has in the answer.
#[derive(Copy, Clone, Debug)]
pub struct Named<'a> {
    /// The name.
    pub name: &'a str,
    /// The log.
    pub log: &'a Log,
}

/// Rows shown before the runs part, and behind.
const BEFORE: usize = 2;
const BEHIND: usize = 5;

/// How many entries two runs have in common from their beginning.
pub fn common(one: &Log, two: &Log) -> usize {
    let pairs = one.entries().iter().zip(two.entries());
    pairs.take_while(|(a, b)| same(one, a, two, b)).count()
}

fn same(one: &Log, a: &Entry, two: &Log, b: &Entry) -> bool {
    a.at == b.at && a.conn == b.conn && a.event == b.event && one.name(a.place) == two.name(b.place)
}

/// Compares two runs: the common beginning, the first difference, the state that it made different,
/// both runs around it side by side, and their figures.
pub fn diff(one: Named<'_>, two: Named<'_>, page: &Page) -> String {
    let mut sheet = page.sheet();
    let shared = common(one.log, two.log);
    let [a, b] = [one, two].map(|run| run.log.entries().get(shared));
    if a.is_none() && b.is_none() {
        let text = format!("{} and {} are the same: {shared} events", one.name, two.name);
        sheet.line(Some(Tone::Head), &text);
        figures(one, two, true, &mut sheet);
        sheet.next("ladder");
        return sheet.end();
    }
    let until = shared.checked_sub(1).and_then(|at| one.log.entries().get(at));
    let until = until.map_or(Instant::ZERO, |entry| entry.at);
    let text = format!("the same up to #{shared} at {} ms; then they part:", moment(until));
    sheet.line(Some(Tone::Head), &text);
    let webs = [one, two].map(|run| Web::new(run.log));
    let [left, right] = &webs;
    let words = |web: &Web<'_>, entry: Option<&Entry>, whole: bool| match entry {
        Some(entry) => {
            let stories = Stories::of(web, &BTreeSet::from([entry.id]));
            let brief = stories.brief(web, entry.id);
            let line = if whole { stories.line(entry.id) } else { &brief };
            format!("#{} {} ms, {line}", entry.id, moment(entry.at))
        }
        None => "it has ended".into(),
    };
    // What differs may be left out in brief: an option.
    let whole = words(left, a, false) == words(right, b, false);
    // And the same packet may be sent for another reason.
    let why = |entry: Option<&Entry>| match entry.map(|entry| &entry.event) {
        Some(Event::Host(event)) => {
            reason(event).map_or(String::new(), |why| format!("; {}", why.text))
        }
        _ => String::new(),
    };
    let alike = whole && words(left, a, true) == words(right, b, true);
    for (run, web, entry) in [(one, left, a), (two, right, b)] {
        let why = if alike { why(entry) } else { String::new() };
        sheet.entry(run.name, &(words(web, entry, whole) + &why), 3);
    }
    if let Some(delta) = delta(left, right) {
        sheet.entry("STATE", &delta, 2);
    }
    side_by_side([left, right], shared, [one.name, two.name], page, &mut sheet);
    figures(one, two, page.all, &mut sheet);
    let id = a.or(b).map_or(EventId::NONE, |entry| entry.id);
    sheet.next(&format!("explain {id}"));
    sheet.next(&format!("blame {id}"));
    sheet.next("ladder");
    sheet.end()
}

/// A connection's state at the end of every moment at which it changed.
fn states<'a>(web: &'a Web<'_>, key: Key) -> impl Iterator<Item = (Instant, TcpInfo)> + 'a {
    let mut info = TcpInfo::default();
    let mut entries = web.of_conn(key).filter(|entry| state::tells(entry)).peekable();
    std::iter::from_fn(move || {
        let first = entries.next()?;
        state::learn(&mut info, first);
        while let Some(next) = entries.next_if(|next| next.at == first.at) {
            state::learn(&mut info, next);
        }
        Some((first.at, info.clone()))
    })
}

/// A moment at which both runs had the connection, and its two states there.
type Differing = (Instant, TcpInfo, TcpInfo);

/// Where the states of a connection first differ for `other` reasons than that something took
/// longer: they are held against each other one by one, since one run may be a little ahead.
fn first_differing(
    one: &Web<'_>,
    two: &Web<'_>,
    key: Key,
    other: impl Fn(&TcpInfo, &TcpInfo) -> bool,
) -> Option<Differing> {
    let (mut left, mut right) = (states(one, key).peekable(), states(two, key).peekable());
    let [mut before_left, mut before_right] = [TcpInfo::default(), TcpInfo::default()];
    loop {
        let (a, b) = match (left.next(), right.next()) {
            (Some(a), Some(b)) => (a, b),
            (Some((at, a)), None) => return Some((at, a, before_right)),
            (None, Some((at, b))) => return Some((at, before_left, b)),
            (None, None) => return None,
        };
        if other(&a.1, &b.1) {
            let (first, last) = (a.0.min(b.0), a.0.max(b.0));
            // Both are still there when the slower one has come so far; if not, one has not begun.
            let ahead = if a.0 < b.0 { left.peek() } else { right.peek() };
            return Some(match ahead.is_none_or(|(at, _)| *at > last) {
                true => (last, a.1, b.1),
                false if a.0 < b.0 => (first, a.1, before_right),
                false => (first, before_left, b.1),
            });
        }
        (before_left, before_right) = (a.1, b.1);
    }
}

/// The first moment at which a connection's state differs in both runs, and in what: in more than
/// times, if it ever does.
fn delta(one: &Web<'_>, two: &Web<'_>) -> Option<String> {
    let keys: BTreeSet<Key> = one.conns().chain(two.conns()).map(|(key, _)| key).collect();
    let differing = |in_times: bool| {
        let differ = |a: &TcpInfo, b: &TcpInfo| state::differ(a, b, in_times);
        let all =
            keys.iter().filter_map(|key| Some((key, first_differing(one, two, *key, differ)?)));
        all.min_by_key(|(_, (at, ..))| *at)
    };
    let (key, (at, a, b)) = differing(false).or_else(|| differing(true))?;
    let (host, words) = (one.log.name(key.0), changes(&a, &b, false));
    Some(format!("at {} ms, {host}: {}", moment(at), words.join(" | ")))
}

/// Whether an entry is worth a row.
fn tells(entry: &Entry) -> bool {
    use tcp::Event as E;
    match &entry.event {
        Event::Host(stack::Event::Tcp(event)) => matches!(
            event,
            E::Sent { .. } | E::Received { .. } | E::State { .. } | E::TimerExpired { .. }
        ),
        Event::Host(stack::Event::Link { .. } | stack::Event::Conn { .. }) => false,
        Event::Host(stack::Event::Call { call: Call::Read { .. }, .. }) => false,
        Event::Host(_) => true,
        _ => is_loss(entry),
    }
}

fn side_by_side(
    webs: [&Web<'_>; 2],
    shared: usize,
    names: [&str; 2],
    page: &Page,
    sheet: &mut Sheet<'_>,
) {
    let rows = |web: &Web<'_>| -> Vec<(EventId, Instant, String)> {
        let entries = web.log.entries();
        let before: Vec<_> = entries[..shared].iter().rev().filter(|e| tells(e)).collect();
        let before = before.into_iter().take(page.at_most(BEFORE)).rev();
        let behind = entries[shared..].iter().filter(|e| tells(e));
        let ids: Vec<&Entry> = before.chain(behind.take(page.at_most(BEHIND))).collect();
        let stories = Stories::of(web, &ids.iter().map(|entry| entry.id).collect());
        let row = |entry: &&Entry| (entry.id, entry.at, stories.brief(web, entry.id));
        ids.iter().map(row).collect()
    };
    let [left, right] = webs.map(rows);
    let half = (page.width() - 3) / 2;
    sheet.line(Some(Tone::Faint), &format!("{:<half$}   {}", names[0], names[1]));
    let (mut a, mut b) = (left.iter().peekable(), right.iter().peekable());
    let text = |row: Option<&(EventId, Instant, String)>| match row {
        Some((id, at, words)) => {
            fitted(page.style, &format!("#{id} {} {words}", moment(*at)), half)
        }
        None => String::new(),
    };
    while let Some((x, y, sign)) = match (a.peek().copied(), b.peek().copied()) {
        (Some(x), Some(y)) if x.1 == y.1 && x.2 == y.2 => Some((Some(x), Some(y), ' ')),
        (Some(x), Some(y)) if x.1 == y.1 => Some((Some(x), Some(y), '|')),
        (Some(x), Some(y)) if x.1 < y.1 => Some((Some(x), None, '<')),
        (Some(x), None) => Some((Some(x), None, '<')),
        (_, Some(y)) => Some((None, Some(y), '>')),
        (None, None) => None,
    } {
        let tone = if sign == ' ' { Some(Tone::Faint) } else { None };
        let (one, two) = (text(x), text(y));
        sheet.line(tone, &format!("{one:<half$} {sign} {two}"));
        if x.is_some() {
            a.next();
        }
        if y.is_some() {
            b.next();
        }
    }
}

/// What a run came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// Packets that hosts have sent.
    pub sent: u64,
    /// Segments sent again.
    pub again: u64,
    /// Packets that wires have lost.
    pub lost: u64,
    /// Packets that hosts have dropped.
    pub dropped: u64,
    /// Bytes that applications have read, by host.
    pub read: BTreeMap<String, u64>,
    /// When the last of them was read.
    pub read_at: Instant,
    /// When the last packet was sent.
    pub quiet: Instant,
}

impl Figures {
    /// Of a run.
    pub fn of(log: &Log) -> Figures {
        let LeftOut { sent, sent_at: quiet, read, read_at } = log.left_out();
        let read = read.into_iter().map(|(at, read)| (log.name(at).to_owned(), read)).collect();
        let mut figures = Figures { sent, read, read_at, quiet, ..Figures::default() };
        for entry in log.entries() {
            figures.lost += u64::from(is_loss(entry));
            let Event::Host(event) = &entry.event else { continue };
            if sends(event) {
                figures.sent += 1;
                figures.quiet = figures.quiet.max(entry.at);
            }
            figures.dropped += u64::from(verb(event).is_some_and(|verb| verb.ends_with("dropped")));
            figures.again += u64::from(is_again(entry));
            if let stack::Event::Call { call: Call::Read { .. }, result: Ok(n @ 1..) } = event {
                *figures.read.entry(log.name(entry.place).to_owned()).or_default() += n;
                figures.read_at = figures.read_at.max(entry.at);
            }
        }
        figures
    }
}

fn is_again(entry: &Entry) -> bool {
    let Some(tcp::Event::Sent { plan, .. }) = tcp_event(entry) else { return false };
    matches!(plan, tcp::Plan::Retransmit { .. } | tcp::Plan::RetransmitSyn { .. })
}

/// The figures of both: those that differ, or all.
fn figures(one: Named<'_>, two: Named<'_>, all: bool, sheet: &mut Sheet<'_>) {
    let [a, b] = [one, two].map(|run| Figures::of(run.log));
    let row = |what: &str, of: &dyn Fn(&Figures) -> u64| {
        (what.to_owned(), of(&a).to_string(), of(&b).to_string())
    };
    let mut rows = vec![
        row("packets sent", &|f| f.sent),
        row("sent again", &|f| f.again),
        row("lost on wires", &|f| f.lost),
        row("dropped by hosts", &|f| f.dropped),
        row("bytes read", &|f| f.read.values().sum()),
    ];
    // With two it is a matter of shares.
    if a.read.len().max(b.read.len()) > 1 {
        let hosts: BTreeSet<&String> = a.read.keys().chain(b.read.keys()).collect();
        let of =
            |host| row(&format!("  by {host}"), &move |f| f.read.get(host).copied().unwrap_or(0));
        rows.extend(hosts.into_iter().map(of));
    }
    rows.push(("last byte read, ms".into(), moment(a.read_at), moment(b.read_at)));
    rows.push(("last packet, ms".into(), moment(a.quiet), moment(b.quiet)));
    if !all && a == b {
        sheet.entry("FIGURES", "both come to the same: --all shows them", 2);
        return;
    }
    sheet.line(Some(Tone::Faint), &format!("{:<20} {:>14} {:>14}", "", one.name, two.name));
    for (what, x, y) in rows.iter().filter(|(_, x, y)| all || x != y) {
        let tone = if x == y { Some(Tone::Faint) } else { None };
        sheet.line(tone, &format!("{what:<20} {x:>14} {y:>14}"));
    }
}
