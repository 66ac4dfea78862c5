//! What else could have sent a segment, and why it did not: from the timers and counters of that
//! moment.

use super::super::describe::moment;
use super::state::{tcp_event, timer_before};
use super::web::{Key, Web};
use crate::base::EventId;
use crate::observe::log::Entry;
use crate::tcp::{self, AckWhy, Blocked, CaState, Plan, Room, RtxRule, Timer};

/// The reasons that it was not; empty for what was no decision about sending.
pub(super) fn refuted(web: &Web<'_>, entry: &Entry) -> Vec<String> {
    let (Some(key), Some(event)) = (web.key(entry), tcp_event(entry)) else { return Vec::new() };
    match event {
        tcp::Event::Sent { plan, room, .. } => of_segment(web, key, entry.id, plan, room),
        tcp::Event::Blocked { why, room } => of_silence(*why, room),
        _ => Vec::new(),
    }
}

fn of_segment(web: &Web<'_>, key: Key, id: EventId, plan: &Plan, room: &Room) -> Vec<String> {
    let mut reasons = Vec::new();
    let opening = matches!(plan, Plan::Syn | Plan::SynAckCrossed | Plan::RetransmitSyn { .. });
    let rule = match plan {
        Plan::Retransmit { rule, .. } => Some(*rule),
        _ => None,
    };
    let by_timer = matches!(rule, Some(RtxRule::Rto | RtxRule::AfterRto));
    if !by_timer && !opening {
        reasons.push(timer(web, key, id, Timer::Rtx, "RTO", "nothing was in flight"));
    }
    let counted = rule.is_some_and(RtxRule::is_fast);
    if !counted && (rule.is_some() || room.in_flight > 0) && !opening {
        reasons.push(format!("fast retransmit: {}", no_fast_retransmit(web, key, id, rule, room)));
    }
    match plan {
        Plan::Retransmit { .. } if room.unsent == 0 => {
            reasons.push("new data: the application has written nothing more".into());
        }
        Plan::Retransmit { .. } => reasons
            .push(format!("new data: {} bytes wait, but what is lost comes first", room.unsent)),
        Plan::NewData { len, .. } if *len < u32::from(room.mss) && room.in_flight == 0 => {
            reasons.push("Nagle: a small segment may go, for nothing is in flight".into());
        }
        _ => {}
    }
    let delayed = matches!(plan, Plan::Ack { why: AckWhy::Delayed });
    if matches!(plan, Plan::Ack { .. }) && !delayed {
        reasons.push(timer(web, key, id, Timer::Delack, "delayed ACK", "no ACK was owed before"));
    }
    if !matches!(plan, Plan::WindowProbe { .. } | Plan::SwsOverride { .. })
        && room.of_wnd() == 0
        && !opening
        && room.in_flight == 0
    {
        reasons.push(timer(web, key, id, Timer::Persist, "window probe", "nothing waits"));
    }
    reasons
}

/// Why duplicate ACKs did not send the segment.
fn no_fast_retransmit(
    web: &Web<'_>,
    key: Key,
    id: EventId,
    rule: Option<RtxRule>,
    room: &Room,
) -> String {
    let phase = |entry: &Entry| match tcp_event(entry) {
        Some(tcp::Event::Ca { from, to, .. }) => Some((*from, *to)),
        _ => None,
    };
    let earlier = web.of_conn(key).rev().filter(|entry| entry.id < id);
    let begun = match earlier.filter_map(phase).next() {
        Some((_, CaState::Recovery)) => true,
        Some((CaState::Recovery, CaState::Loss)) => rule == Some(RtxRule::Rto),
        _ => false,
    };
    match room.dupacks {
        _ if begun => {
            "it had begun before, and duplicate ACKs start it only once (RFC 6582 §3.2)".into()
        }
        dupacks @ 3.. => format!(
            "{dupacks} duplicate ACKs, but not for what was sent after the timeout (RFC 6582 §3.2)"
        ),
        dupacks => format!("{dupacks} of 3 duplicate ACKs"),
    }
}

/// Where a timer stood that did not send the segment.
fn timer(web: &Web<'_>, key: Key, id: EventId, timer: Timer, name: &str, idle: &str) -> String {
    match timer_before(web, key, timer, id) {
        Some(armed) => format!(
            "{name}: set by #{} at {} ms, would be due at {} ms",
            armed.by,
            moment(armed.at),
            moment(armed.due)
        ),
        None => format!("{name}: its timer does not run: {idle}"),
    }
}

fn of_silence(why: Blocked, room: &Room) -> Vec<String> {
    let mut reasons = Vec::new();
    if !matches!(why, Blocked::App | Blocked::Done | Blocked::Handshake) {
        reasons.push(format!("application: {} bytes that it has written wait", room.unsent));
    }
    if !matches!(why, Blocked::Cwnd | Blocked::Handshake) {
        reasons.push(format!("cwnd: {} more bytes might be in flight", room.of_cwnd()));
    }
    if !matches!(why, Blocked::Rwnd | Blocked::Sws | Blocked::Handshake) {
        reasons.push(format!("rwnd: the peer has room for {} more bytes", room.of_wnd()));
    }
    reasons
}
