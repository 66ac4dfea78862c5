//! `//?` notes: what a script claims besides packets and results, about the connection under test.

use super::machine::Machine;
use super::world::is_step;
use crate::drill::ast::Note;
use crate::drill::error::hint;
use crate::observe::log::rules;
use crate::observe::view::reason::reason;
use crate::stack::{Event, Record};
use crate::tcp::{self, CaState, Plan, State, TcpInfo};
use crate::wire::tcp::Ctl;

/// The names of reasons that a record gives, the outer one first: a plan's and the rule in it.
pub(super) fn reasons(record: &Record) -> Vec<&'static str> {
    let mut keys: Vec<_> = reason(&record.event).map(|reason| reason.key).into_iter().collect();
    if let Event::Tcp(tcp::Event::Sent { plan, .. }) = &record.event {
        keys.push(plan.key());
    }
    keys
}

/// Why a segment with data has PSH, or not.
pub(super) fn push(record: &Record) -> Option<&'static str> {
    let Event::Tcp(tcp::Event::Sent { seg, plan, room }) = &record.event else { return None };
    let ends = !matches!(plan, Plan::NewData { .. }) || seg.len == room.unsent;
    match (seg.len, seg.ctl.has(Ctl::PSH)) {
        (0, _) => None,
        (_, true) if ends => Some("PSH: the last byte that was written is in it"),
        (len, true) if len > u32::from(room.mss) => {
            Some("PSH: every super-segment has it (push_bursts)")
        }
        (_, true) => Some("PSH: a record of the application ends with it"),
        (_, false) if ends => Some("no PSH: the application said that more follows"),
        (_, false) => Some("no PSH: more was written behind it"),
    }
}

/// Whether the host gets its turn only when the next event has happened, too.
pub(super) fn holds(note: &Note) -> bool {
    note.name == "turn" && note.value == "open"
}

/// Checks a note. `keys`: the reasons since the event before.
pub(super) fn check(machine: &mut Machine, note: &Note, keys: &[&str]) -> Result<(), String> {
    let wanted = note.value.as_str();
    let same = |got: &str| match got.eq_ignore_ascii_case(wanted) {
        true => Ok(()),
        false => Err(format!("{}: expected {wanted}, got {got}", note.name)),
    };
    if holds(note) {
        return Ok(());
    }
    if note.name == "why" {
        if !rules().any(|key| key.eq_ignore_ascii_case(wanted)) {
            let hint = hint(wanted, rules());
            return Err(format!("no reason has the name {wanted}{hint}: `netglass rules` has all"));
        }
        return match keys.iter().any(|key| key.eq_ignore_ascii_case(wanted)) {
            true => Ok(()),
            false => Err(format!("why: expected {wanted}, got {}", list(keys))),
        };
    }
    if note.name == "state" {
        let mut names = State::ALL.iter().map(|state| state.name());
        if !names.clone().any(|name| name.eq_ignore_ascii_case(wanted)) {
            let hint = hint(wanted, names.by_ref());
            return Err(format!("no state has the name {wanted}{hint}"));
        }
        return same(machine.state_under_test().name());
    }
    let own = ["cwnd", "ssthresh", "ca"];
    if !own.iter().chain(TcpInfo::FIELDS).any(|name| *name == note.name) {
        let hint = hint(
            &note.name,
            own.iter().chain(&["why", "state", "turn"]).chain(TcpInfo::FIELDS).copied(),
        );
        return Err(format!("no note has the name {}{hint}", note.name));
    }
    let conn = machine.conn_under_test();
    let now = machine.world.now;
    let info = conn.and_then(|conn| machine.world.stack.info(now, conn).ok());
    let info = info.ok_or_else(|| format!("{}: there is no connection", note.name))?;
    match note.name.as_str() {
        "cwnd" => same(&info.snd_cwnd_bytes.to_string()),
        "ssthresh" => same(&info.ssthresh().map_or("∞".into(), |n| (n * info.snd_mss).to_string())),
        "ca" => same(phase(&info)),
        name => match TcpInfo::FIELDS.iter().position(|field| *field == name) {
            Some(at) => same(&info.values()[at].to_string()),
            None => Err(format!("no note has the name {name}")),
        },
    }
}

fn phase(info: &TcpInfo) -> &'static str {
    let all = [CaState::Open, CaState::Disorder, CaState::Cwr, CaState::Recovery, CaState::Loss];
    match all.into_iter().find(|ca| *ca as u64 == info.ca_state) {
        Some(CaState::Open) | None => "Open",
        Some(CaState::Disorder) => "Disorder",
        Some(CaState::Cwr) => "CWR",
        Some(CaState::Recovery) => "Recovery",
        Some(CaState::Loss) => "Loss",
    }
}

/// A threshold that slow start ends at, as people read it: none is not a number.
fn shown(ssthresh: u64) -> String {
    match ssthresh {
        0x7fff_ffff.. => "∞".into(),
        bytes => bytes.to_string(),
    }
}

fn list(keys: &[&str]) -> String {
    if keys.is_empty() { "nothing".into() } else { keys.join(", ") }
}

/// A step of the host that helps to understand a failure, in a line; `None` for the others.
pub(super) fn step(record: &Record) -> Option<String> {
    if !is_step(&record.event) {
        return None;
    }
    match &record.event {
        Event::Tcp(tcp::Event::State { from, to, cause }) => {
            Some(format!("{} → {}: {cause}", from.name(), to.name()))
        }
        Event::Tcp(tcp::Event::TimerExpired { timer }) => {
            Some(format!("the timer {} expired", timer.name()))
        }
        Event::Tcp(tcp::Event::Ca { from, to, cwnd, ssthresh }) => {
            let ssthresh = shown(u64::from(*ssthresh));
            Some(format!("congestion: {from:?} → {to:?}, cwnd {cwnd}, ssthresh {ssthresh}"))
        }
        Event::Tcp(tcp::Event::Undo { how, cwnd, .. }) => {
            Some(format!("the reduction is taken back, cwnd {cwnd}: {how}"))
        }
        Event::Tcp(tcp::Event::Icmp { error, .. }) => Some(format!("ICMP told: {error}")),
        Event::Dropped { why, .. } => Some(format!("dropped: {why} ({})", why.rfc())),
        _ => None,
    }
}
