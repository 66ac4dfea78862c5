//! A connection's state at any entry: folded out of the changes that its host told, and the timers
//! that ran.

use super::web::{Key, Web};
use crate::base::{EventId, Instant};
use crate::observe::log::{Entry, Event};
use crate::stack;
use crate::tcp::{self, State, TcpInfo, Timer};

/// A timer that runs: by which entry it was set, when, and for when.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Armed {
    pub(super) by: EventId,
    pub(super) at: Instant,
    pub(super) due: Instant,
}

/// The connection's event of an entry.
pub(super) fn tcp_event(entry: &Entry) -> Option<&tcp::Event> {
    match &entry.event {
        Event::Host(stack::Event::Tcp(event)) => Some(event),
        _ => None,
    }
}

/// Whether a new action of a connection starts there: what it changes is told at its end.
fn starts(entry: &Entry) -> bool {
    use tcp::Event as E;
    match &entry.event {
        Event::Host(stack::Event::Call { .. }) => true,
        _ => matches!(
            tcp_event(entry),
            Some(E::Received { .. } | E::Sent { .. } | E::TimerExpired { .. })
        ),
    }
}

/// The state before an entry, and after the action that it belongs to.
pub(super) fn around(web: &Web<'_>, key: Key, id: EventId) -> (TcpInfo, TcpInfo) {
    let mut before = TcpInfo::default();
    let mut entries = web.of_conn(key).peekable();
    while let Some(entry) = entries.next_if(|entry| entry.id < id) {
        learn(&mut before, entry);
    }
    let mut after = before.clone();
    let at = web.get(id).map(|entry| entry.at);
    for entry in entries {
        let other = entry.id > id && starts(entry) && !matches!(web.get(id), Some(e) if nested(e));
        if Some(entry.at) != at || other {
            break;
        }
        if learn(&mut after, entry) {
            break;
        }
    }
    (before, after)
}

/// What happens inside of an action that is told later, as timers are set before the segment is.
fn nested(entry: &Entry) -> bool {
    use tcp::Event as E;
    matches!(tcp_event(entry), Some(E::TimerSet { .. } | E::TimerStopped { .. }))
}

/// Whether an entry tells of the state.
pub(super) fn tells(entry: &Entry) -> bool {
    matches!(tcp_event(entry), Some(tcp::Event::Info { .. }))
}

/// Takes over what an entry tells of the state; says whether it told any.
pub(super) fn learn(info: &mut TcpInfo, entry: &Entry) -> bool {
    let Some(tcp::Event::Info { changes }) = tcp_event(entry) else { return false };
    for change in changes {
        info.apply(*change);
    }
    true
}

/// The timer as it ran before the action that the entry belongs to.
pub(super) fn timer_before(web: &Web<'_>, key: Key, timer: Timer, id: EventId) -> Option<Armed> {
    let mut armed = None;
    let mut held = None;
    for entry in web.of_conn(key).take_while(|entry| entry.id < id) {
        // What is set in the same breath belongs to the action itself.
        if !nested(entry) {
            armed = held;
        }
        if let Some(change) = timer_change(entry, timer) {
            held = change;
        }
    }
    armed
}

/// How an entry changes a timer.
pub(super) fn timer_change(entry: &Entry, timer: Timer) -> Option<Option<Armed>> {
    use tcp::Event as E;
    match tcp_event(entry)? {
        E::TimerSet { timer: its, at: due } if *its == timer => {
            Some(Some(Armed { by: entry.id, at: entry.at, due: *due }))
        }
        E::TimerStopped { timer: its } | E::TimerExpired { timer: its } if *its == timer => {
            Some(None)
        }
        _ => None,
    }
}

/// The entry that set the timer which expired.
pub(super) fn armed_by(web: &Web<'_>, entry: &Entry) -> Option<EventId> {
    let key = web.key(entry)?;
    let Some(tcp::Event::TimerExpired { timer }) = tcp_event(entry) else { return None };
    let earlier = web.before(key, entry.id).rev();
    let set = |other: &Entry| timer_change(other, *timer).flatten().map(|armed| armed.by);
    earlier.filter_map(set).next()
}

/// Fields that tell of time passing and little else.
const CLOCKS: &[&str] = &[
    "busy_time",
    "rwnd_limited",
    "cwnd_limited",
    "last_data_sent",
    "last_data_recv",
    "last_ack_recv",
];

/// Fields that are times, and what is measured by them.
const TIMES: &[&str] =
    &["rtt", "rttvar", "min_rtt", "rcv_rtt", "rto", "ato", "delivery_rate", "pacing_rate"];

/// Whether two states differ; in more than clocks, and in more than times unless these count.
pub(super) fn differ(one: &TcpInfo, two: &TcpInfo, in_times: bool) -> bool {
    let changes = two.changes_since(one);
    let mut names = changes.iter().map(|change| change.name());
    names.any(|name| !CLOCKS.contains(&name) && (in_times || !TIMES.contains(&name)))
}

/// Fields that are told first.
const FIRST: &[&str] = &[
    "state",
    "ca_state",
    "snd_cwnd_bytes",
    "snd_ssthresh",
    "bytes_in_flight",
    "snd_wnd",
    "rcv_wnd",
    "rto",
    "rtt",
    "rttvar",
    "backoff",
    "retransmits",
    "probes",
    "bytes_acked",
    "bytes_received",
    "notsent_bytes",
];

/// What changed, in words: the important first. All fields, clocks included, when `all`.
pub(super) fn changes(before: &TcpInfo, after: &TcpInfo, all: bool) -> Vec<String> {
    let changes = after.changes_since(before);
    let old = before.values();
    let rank = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    let mut named: Vec<_> = changes
        .iter()
        .map(|change| (change.name(), old[usize::from(change.field)], change.value))
        .filter(|(name, ..)| all || !CLOCKS.contains(name))
        .filter(|(name, ..)| !matches!(*name, "snd_cwnd" | "unacked"))
        // Without a loss ssthresh is "as large as can be", which has many values.
        .filter(|(name, ..)| *name != "snd_ssthresh" || before.ssthresh() != after.ssthresh())
        .collect();
    named.sort_by_key(|(name, ..)| rank(name));
    named.iter().map(|(name, old, new)| change_words((before, after), name, *old, *new)).collect()
}

fn change_words((before, after): (&TcpInfo, &TcpInfo), name: &str, old: u64, new: u64) -> String {
    let segments = |bytes: u64, info: &TcpInfo| match info.snd_mss {
        0 => 0,
        mss => bytes.div_ceil(mss),
    };
    match name {
        "state" => format!("{} -> {}", state_name(old), state_name(new)),
        "ca_state" => format!("ca_state {} -> {}", ca_name(old), ca_name(new)),
        "snd_cwnd_bytes" => format!(
            "cwnd {old} -> {new} bytes ({} -> {} segments)",
            tenths(old, before),
            tenths(new, after)
        ),
        "bytes_in_flight" => format!(
            "in flight {old} -> {new} bytes ({} -> {} segments)",
            segments(old, before),
            segments(new, after)
        ),
        "options" => format!("options {} -> {}", option_names(old), option_names(new)),
        "snd_ssthresh" => {
            let words = |info: &TcpInfo| match info.ssthresh() {
                Some(n) => n.to_string(),
                None => "infinite".into(),
            };
            format!("ssthresh {} -> {} segments", words(before), words(after))
        }
        "rto" | "ato" | "rtt" | "rttvar" | "min_rtt" | "rcv_rtt" => {
            format!("{name} {} -> {} ms", millis(old), millis(new))
        }
        _ => format!("{name} {old} -> {new}"),
    }
}

/// Options in use, as `ss` names them.
fn option_names(bits: u64) -> String {
    let names = [(1, "ts"), (2, "sack"), (4, "wscale")];
    let names = names.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| name);
    let names: Vec<_> = names.collect();
    if names.is_empty() { "none".into() } else { names.join(",") }
}

/// Bytes as segments of the connection's size: `9.5`.
fn tenths(bytes: u64, info: &TcpInfo) -> String {
    let tenths = bytes * 10 / info.snd_mss.max(1);
    match tenths % 10 {
        0 => (tenths / 10).to_string(),
        tenth => format!("{}.{tenth}", tenths / 10),
    }
}

/// Microseconds as milliseconds.
fn millis(micros: u64) -> String {
    super::super::describe::ms(crate::base::Duration::from_micros(micros))
}

fn state_name(n: u64) -> &'static str {
    State::ALL.get(n as usize).map_or("?", |state| state.name())
}

fn ca_name(n: u64) -> &'static str {
    ["Open", "Disorder", "CWR", "Recovery", "Loss"].get(n as usize).copied().unwrap_or("?")
}
