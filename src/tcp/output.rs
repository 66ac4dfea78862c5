//! Output: a pure `plan` says what is sent next and why, or why nothing is; `emit` builds it.
//!
//! Segments of a connection are built nowhere else. `deadline` asks the same `plan`, so the two
//! cannot disagree.

mod header;

use super::ecn;
use super::event::{AckWhy, Blocked, Event, Plan, Room, RtxRule, SegmentView, Timer};
use super::fast::{self, output::Next};
use super::fastopen;
use super::persist;
use super::rtxq::{Sent, segments};
use super::segment::{Because, Outgoing};
use super::sizes::{
    burst, eff_mss, ends, fill_up_batch, goes_at_once, is_alone, is_corked, is_single, joined,
    mss_again, note_deferral, queue_more, queue_whole, shared, take_batch, waits_for_queue,
    whole_most,
};
use super::state::{Cause, State};
use super::tcb::{Cx, Tcb};
use super::tlp;
use crate::base::{Chunks, Instant, Limit, Seq};
use crate::wire::ip::Mark;
use crate::wire::tcp::Ctl;

pub(super) use header::syn_options;

/// What `plan` says.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Send this.
    Send(Plan),
    /// Send nothing.
    Wait {
        /// What is waited for.
        why: Blocked,
        /// Until when at most, if a timer runs.
        until: Option<Instant>,
    },
}

/// What is sent next, and why; or why nothing is.
pub(super) fn plan(tcb: &Tcb) -> Decision {
    use Decision::Send;
    if let Some(cause) = tcb.owe.rst {
        return Send(match limit(tcb) {
            Some(limit) if cause == Cause::Abort => Plan::RstLimit { limit },
            _ => Plan::Rst { cause },
        });
    }
    match tcb.state() {
        State::Closed | State::Listen => return wait(tcb, Blocked::Done),
        State::SynSent if tcb.syn_waits() && tcb.tx.is_empty() => return wait(tcb, Blocked::App),
        State::SynSent if tcb.snd.nxt == tcb.iss => return Send(fastopen::plan_syn(tcb)),
        State::SynReceived | State::FinWait1 if tcb.owe.synack && !tcb.syn_acked => {
            return Send(fastopen::plan_syn_ack(tcb));
        }
        _ => {}
    }
    if tcb.owe.ack_before.is_some() {
        return Send(Plan::Ack { why: AckWhy::MarkTurned });
    }
    // Data that may go carries the ACK of a young connection as quickly.
    let carried = |why| why == AckWhy::Quick && plan_new_data(tcb).is_ok();
    if let (Some(why), true) = (tcb.owe.ack, tcb.owe.ack_now)
        && !carried(why)
    {
        return Send(along(tcb).unwrap_or(Plan::Ack { why }));
    }
    if let Some(plan) = plan_retransmission(tcb) {
        return Send(plan);
    }
    if tcb.owe.tlp
        && let Some(len) = probe_len(tcb)
    {
        return Send(Plan::LossProbe { len });
    }
    let blocked = match plan_new_data(tcb) {
        Ok(plan) => return Send(plan),
        Err(blocked) => blocked,
    };
    if matches!(blocked, Blocked::App | Blocked::Done | Blocked::Rwnd)
        && let Some(plan) = super::nextseg::last_resort(tcb, eff_mss(tcb))
    {
        return Send(plan);
    }
    if tcb.owe.probe {
        return Send(Plan::WindowProbe { attempt: tcb.probes.saturating_add(1) });
    }
    if tcb.owe.keepalive {
        return Send(Plan::Keepalive { attempt: tcb.probes.saturating_add(1) });
    }
    if let Some(why) = tcb.owe.ack {
        return Send(along(tcb).unwrap_or(Plan::Ack { why }));
    }
    if tcb.window_update_due() {
        return Send(Plan::Ack { why: AckWhy::WindowUpdate });
    }
    wait(tcb, blocked)
}

/// For BSD, data rides along with an ACK, even if it would have waited for company.
fn along(tcb: &Tcb) -> Option<Plan> {
    if !tcb.config.is_bsd() || !tcb.syn_acked || tcb.rtxq.lost().bytes > 0 {
        return None;
    }
    if let Ok(plan) = plan_new_data(tcb) {
        return Some(plan);
    }
    let room = tcb.rwnd_room();
    let whole = tcb.record_len(tcb.snd.nxt).unwrap_or(u32::MAX);
    let len = tcb.unsent().min(room).min(tcb.cwnd_room()).min(eff_mss(tcb)).min(whole);
    (len > 0).then(|| Plan::NewData { len, push: ends(tcb, len) })
}

/// The limit that ends it, if one does.
fn limit(tcb: &Tcb) -> Option<Limit> {
    tcb.counters.rare.as_ref().and_then(|rare| rare.limit)
}

fn wait(tcb: &Tcb, why: Blocked) -> Decision {
    Decision::Wait { why, until: tcb.timers.next() }
}

/// The first run taken for lost, as far as cwnd allows; one segment when recovery demands it.
// Rules: SHLD-16, MAY-7, 6675-4-3, 6675-5-2, 2525-2.14.
fn plan_retransmission(tcb: &Tcb) -> Option<Plan> {
    let lost = tcb.rtxq.next_lost()?;
    if tcb.recovery.send_new && tcb.unsent() > 0 {
        let new = plan_new_data(tcb);
        if matches!(new, Ok(_) | Err(Blocked::Cwnd | Blocked::Pacing)) {
            return None;
        }
    }
    if !tcb.syn_acked {
        // Data that a SYN took along, or that went behind a SYN-ACK, waits for its ACK.
        let attempt = lost.retransmits.saturating_add(1);
        return (lost.seq == tcb.iss).then_some(Plan::RetransmitSyn { attempt });
    }
    let mss = mss_again(tcb, lost);
    let mut lost = *lost;
    if tcb.config.is_linux() {
        lost.len = joined(tcb, &lost, mss);
        // What a window that shrank does not cover any more waits; the first asks a closed one.
        let edge = tcb.snd.una + tcb.snd.wnd;
        let room = match edge.after(lost.seq) {
            true => edge - lost.seq,
            false if lost.seq == tcb.snd.una => mss,
            false => return None,
        };
        lost.len = if room < mss { lost.len.min(room) } else { lost.len.min(room / mss * mss) };
    }
    let fin = u32::from(lost.end().after(tcb.tx.end()));
    let data = lost.len - fin;
    let one = data.min(mss);
    let room = tcb.cwnd_takes(mss).min(tcb.pacing_room());
    let rule = tcb.recovery.rule?;
    let len = if rule == RtxRule::LossProbe {
        one
    } else if room >= one.max(1) {
        data.min(room / mss * mss).min(whole_most(tcb, lost.seq, mss)).max(one)
    } else if tcb.recovery.force {
        one
    } else {
        return None;
    };
    let len = len.min(tcb.record_len(lost.seq).unwrap_or(len));
    let len = if len == data { lost.len } else { len }; // FIN goes along
    Some(Plan::Retransmit { rule, seq: lost.seq, len })
}

/// How much new data a loss probe takes along: a segment, if the peer's window allows.
fn probe_len(tcb: &Tcb) -> Option<u32> {
    let room = tcb.rwnd_room();
    let whole = tcb.record_len(tcb.snd.nxt).unwrap_or(u32::MAX);
    Some(tcb.unsent().min(room).min(eff_mss(tcb)).min(whole)).filter(|len| *len > 0)
}

/// RFC 9293 §3.8.6.2.1 (when to send data), §3.7.4 (Nagle), RFC 5681 §3.1 (cwnd).
// Rules: MAY-16, SHLD-27, MUST-60, SHLD-28, SHLD-15, MUST-34, MUST-38, SHLD-7, 5681-3.2-6.
// Rules: 1122-4.2.3.4-1, 2525-2.15.
fn plan_new_data(tcb: &Tcb) -> Result<Plan, Blocked> {
    if !tcb.syn_acked && !tcb.is_fast_child() {
        // Who closes while SYNs cross, and sent nothing, need not wait (RFC 9293 §3.10.4).
        let closes = tcb.orphan && tcb.fin_pending() && tcb.unsent() == 0;
        let may = closes && !tcb.config.is_bsd() && tcb.rtxq.lost().bytes == 0;
        return if may { plan_fin(tcb, 1) } else { Err(Blocked::Handshake) };
    }
    let (unsent, fin_pending) = (tcb.unsent(), tcb.fin_pending());
    if tcb.rtxq.lost().bytes > 0 && !tcb.recovery.send_new {
        // what was lost comes first
        let paced = tcb.cwnd_room() >= tcb.rtxq.lost().bytes.min(eff_mss(tcb));
        return Err(if paced { Blocked::Pacing } else { Blocked::Cwnd });
    }
    let rwnd_room = tcb.rwnd_room();
    if unsent == 0 {
        return plan_fin(tcb, rwnd_room);
    }
    let record = shared(tcb, unsent)?;
    let unsent = record.unwrap_or(unsent);
    let mss = eff_mss(tcb);
    let cwnd_room = tcb.cwnd_takes(mss);
    let defer = tcb.owe.defer && unsent > mss && !goes_at_once(tcb);
    if rwnd_room == 0 || defer && rwnd_room <= cwnd_room {
        return Err(Blocked::Rwnd);
    }
    if cwnd_room < unsent.min(mss) || defer {
        return Err(Blocked::Cwnd);
    }
    let paced = tcb.pacing_room();
    if paced < unsent.min(mss) {
        return Err(Blocked::Pacing);
    }
    // CWR stands on one packet (RFC 3168 §6.1.2): not on all that a device would cut.
    let single = tcb.ecn.owes_cwr || is_single(tcb, tcb.snd.nxt);
    let most = || if single { mss } else { burst(tcb, mss) };
    let len = unsent.min(rwnd_room).min(cwnd_room).min(paced);
    let len = if len > mss { len.min(most()) } else { len };
    let (whole, all) = (len / mss * mss, len == unsent);
    let alone = tcb.snd.nxt == tcb.snd.una || is_alone(tcb);
    let send = |len| Ok(new_data(tcb, len, rwnd_room, mss));
    let asked = tcb.recovery.send_new; // by F-RTO, which waits for nothing
    let corked = is_corked(tcb) && !asked && !tcb.owe.push;
    // The short last segment goes along when nothing, or by Minshall nothing small, is in flight,
    // or Nagle is off, or FIN follows.
    let along = whole == 0 || tcb.config.is_linux() && tcb.gso_max > mss;
    let may = record.is_some() || !corked && (asked || !tcb.config.nagle || (along && alone));
    if all && (whole == len || fin_pending || may) {
        return send(len);
    }
    // The peer's window ends within a super-segment: it goes out up to there (as Linux).
    let filled = tcb.config.is_linux() && whole > 0 && len == rwnd_room && rwnd_room < cwnd_room;
    if filled && tcb.gso_max > mss && !corked && (alone || !tcb.config.nagle) {
        return send(len);
    }
    if whole > 0 {
        return send(whole);
    }
    if all && corked && tcb.owe.sws {
        return Ok(Plan::CorkOverride { len });
    }
    if all {
        return Err(if corked { Blocked::Cork } else { Blocked::Nagle });
    }
    // Less than a segment, and not all there is: the peer's window is small.
    if (alone || !tcb.config.nagle) && len >= (tcb.snd.max_wnd / 2).max(1) {
        return send(len);
    }
    if tcb.owe.sws { Ok(Plan::SwsOverride { len }) } else { Err(Blocked::Sws) }
}

/// FIN, where no data is left.
fn plan_fin(tcb: &Tcb, rwnd_room: u32) -> Result<Plan, Blocked> {
    match (tcb.fin_pending(), tcb.fin_queued) {
        // It takes a place, too, though not for BSD.
        (true, _) if rwnd_room == 0 && !tcb.config.is_bsd() => Err(Blocked::Rwnd),
        (true, _) => Ok(limit(tcb).map_or(Plan::Fin, |limit| Plan::FinLimit { len: 0, limit })),
        (false, true) => Err(Blocked::Done),
        (false, false) => Err(Blocked::App),
    }
}

/// `len` bytes go out: with FIN, when they are the last and the window has a place for it.
fn new_data(tcb: &Tcb, len: u32, rwnd_room: u32, mss: u32) -> Plan {
    let last = len == tcb.unsent();
    let room = len < rwnd_room || tcb.config.is_bsd();
    match (last && tcb.fin_pending() && room, limit(tcb)) {
        (true, Some(limit)) => Plan::FinLimit { len, limit },
        (true, None) => Plan::LastData { len },
        (false, _) => {
            let push = ends(tcb, len) || tcb.config.push_bursts && len > mss;
            Plan::NewData { len, push }
        }
    }
}

/// The plan, when what may be queued is.
fn decide(tcb: &mut Tcb, cx: &Cx<'_>) -> Decision {
    while waits_for_queue(tcb) && queue_more(tcb) {}
    let decision = plan(tcb);
    let starts = matches!(decision, Decision::Send(Plan::NewData { .. } | Plan::LastData { .. }));
    if starts && resume(tcb, cx) { plan(tcb) } else { decision }
}

/// The next segment, if one is to be sent; if not, what is waited for is noted.
pub(super) fn output(tcb: &mut Tcb, cx: &mut Cx<'_>) -> Option<Outgoing> {
    if !cx.trace.is_listening()
        && let Some(next) = fast::output::next(tcb, cx.now)
    {
        return match next {
            Next::All { len } => {
                queue_whole(tcb);
                Some(emit(tcb, Plan::NewData { len, push: true }, cx))
            }
            Next::Nothing => {
                rest(tcb, Blocked::App, cx);
                None
            }
        };
    }
    let mut decision = decide(tcb, cx);
    while matches!(decision, Decision::Wait { .. }) && queue_more(tcb) {
        decision = decide(tcb, cx);
    }
    match decision {
        Decision::Send(plan) => Some(emit(tcb, plan, cx)),
        Decision::Wait { why, .. } => {
            fill_up_batch(tcb);
            rest(tcb, why, cx);
            None
        }
    }
}

/// Nothing goes now, for this reason.
fn rest(tcb: &mut Tcb, why: Blocked, cx: &mut Cx<'_>) {
    persist::arm(tcb, why, cx);
    tcb.note_usage(why == Blocked::Cwnd, cx.now);
    note_blocked(tcb, why, cx);
}

/// Whether the window was another before data is sent after a silence, so that what goes out is to
/// be decided again.
fn resume(tcb: &mut Tcb, cx: &Cx<'_>) -> bool {
    let idle = cx.now.since(tcb.last_sent);
    let cwnd = tcb.cwnd();
    if tcb.rtxq.is_empty() && idle > tcb.rto() {
        tcb.resume_after(idle, cx);
    }
    tcb.cwnd() < cwnd
}

/// Accounts the time under the old limit, and tells when the limit changed.
fn note_blocked(tcb: &mut Tcb, why: Blocked, cx: &mut Cx<'_>) {
    let busy = !tcb.rtxq.is_empty() || tcb.unsent() > 0;
    if tcb.chrono.blocked == why && tcb.chrono.busy == busy {
        return;
    }
    let changed = tcb.chrono.blocked != why;
    let held = tcb.chrono.switch(why, busy, cx.now);
    tcb.counters.on_held(held);
    if changed {
        cx.note_caused(tcb.cause, || Event::Blocked { why, room: room(tcb) });
    }
}

/// What a decision about sending is made from, for those who want to follow it.
fn room(tcb: &Tcb) -> Room {
    Room {
        cwnd: tcb.cwnd(),
        left: tcb.has_left(),
        in_flight: tcb.in_flight(),
        lost: tcb.rtxq.lost().bytes,
        wnd: tcb.snd.wnd,
        una: tcb.snd.una,
        nxt: tcb.snd.nxt,
        unsent: tcb.unsent(),
        mss: eff_mss(tcb).min(0xffff) as u16,
        dupacks: tcb.recovery.dupacks,
    }
}

/// The sequence number of a segment without data: the next, or, where the peer has taken its window
/// back, the right edge, beyond which it would not take the segment (as Linux). A part of the unit
/// that the peer counts its window in may be missing from what it told.
// Rules: MUST-34.
fn acceptable(tcb: &Tcb) -> Seq {
    let (nxt, edge) = (tcb.snd.nxt, tcb.snd.una + tcb.snd.wnd);
    let beyond = nxt.after(edge) && nxt - edge >= 1 << tcb.snd.wscale;
    if beyond { edge } else { nxt }
}

/// Builds the segment that `plan` asks for.
// Rules: MUST-61, MUST-65.
fn emit(tcb: &mut Tcb, plan: Plan, cx: &mut Cx<'_>) -> Outgoing {
    let mut cause = tcb.cause;
    let mut mss = eff_mss(tcb); // with what rides along now
    let room = if cx.trace.is_listening() { room(tcb) } else { Room::default() };
    let nxt = tcb.snd.nxt;
    let (seq, ctl, payload) = match plan {
        Plan::NewData { len, push } => {
            let ctl = if push { Ctl::PSH } else { Ctl::NONE };
            (nxt, ctl, send_new(tcb, len, 0, cx))
        }
        Plan::LastData { len } => (nxt, Ctl::PSH.with(Ctl::FIN), send_new(tcb, len, 1, cx)),
        Plan::Ack { .. } => {
            cause = if tcb.owe.ack.is_some() { tcb.owe.ack_cause } else { cause };
            (acceptable(tcb), Ctl::NONE, Chunks::new())
        }
        Plan::Retransmit { seq, len, rule } => {
            mss = tcb.rtxq.next_lost().map_or(mss, |lost| mss_again(tcb, lost));
            let (ctl, payload) = send_again(tcb, (seq, len, mss), rule, cx);
            (seq, ctl, payload)
        }
        _ => emit_seldom(tcb, plan, cx),
    };
    // What goes with a SYN is one segment, whatever is agreed later.
    let mss = if ctl.syn() { u32::MAX } else { mss };
    let len = payload.len();
    let fresh = len > 0 && seq == nxt;
    let mark = mark(tcb, fresh);
    let hdr = match plan {
        Plan::Rst { cause: Cause::DataAfterClose } => header::bare_reset(tcb, seq),
        _ => header::header(tcb, seq, (plan, ctl, fresh), cx),
    };
    tcb.counters.segs_out = tcb.counters.segs_out.wrapping_add(segments(len as u32, mss).max(1));
    let sent = || Event::Sent { seg: SegmentView::of(&hdr, len), plan, room };
    let origin = cx.note_caused(cause, sent);
    let gso_size = (len as u32 > mss).then_some(mss as u16);
    let why = Because::Plan(plan);
    Outgoing { hdr, payload, gso_size, origin, why, mark, df: tcb.config.may_not_be_cut() }
}

/// What `plan` asks for, where that is not the usual: sequence number, control bits, payload.
#[inline(never)]
fn emit_seldom(tcb: &mut Tcb, plan: Plan, cx: &mut Cx<'_>) -> (Seq, Ctl, Chunks) {
    let nxt = tcb.snd.nxt;
    match plan {
        Plan::Syn | Plan::SynAsks => (tcb.iss, Ctl::SYN, send_new(tcb, 0, 1, cx)),
        Plan::SynData { len } => {
            // Two records: the SYN may be sent again without the data.
            send_new(tcb, 0, 1, cx);
            tcb.syn_carried(len);
            (tcb.iss, Ctl::SYN, send_new(tcb, len, 0, cx))
        }
        Plan::SynAckCrossed | Plan::SynAckFast { .. } | Plan::RetransmitSyn { .. } => {
            (tcb.iss, Ctl::SYN, send_syn_again(tcb, cx))
        }
        Plan::LossProbe { len } => {
            let ctl = if ends(tcb, len) { Ctl::PSH } else { Ctl::NONE };
            let payload = send_new(tcb, len, 0, cx);
            tlp::on_sent(tcb, false, cx);
            (nxt, ctl, payload)
        }
        Plan::SwsOverride { len } => {
            let ctl = if tcb.config.sws_override.is_zero() { Ctl::PSH } else { Ctl::NONE };
            (nxt, ctl, send_new(tcb, len, 0, cx))
        }
        Plan::CorkOverride { len } => (nxt, Ctl::PSH, send_new(tcb, len, 0, cx)),
        Plan::Fin => (nxt, Ctl::FIN, send_new(tcb, 0, 1, cx)),
        Plan::FinLimit { len, .. } => {
            let ctl = if len > 0 { Ctl::PSH } else { Ctl::NONE };
            (nxt, ctl.with(Ctl::FIN), send_new(tcb, len, 1, cx))
        }
        Plan::WindowProbe { .. } => {
            tcb.owe.probe = false;
            tcb.probes = tcb.probes.saturating_add(1);
            tcb.probe_backoff = tcb.probe_backoff.saturating_add(1);
            if persist::carries_data(tcb) {
                let push = if tcb.unsent() == 1 { Ctl::PSH } else { Ctl::NONE };
                (nxt, push, tcb.tx.view(nxt, 1, cx.pool))
            } else {
                (tcb.snd.una - 1, Ctl::NONE, Chunks::new())
            }
        }
        // Rules: SHLD-12.
        Plan::Keepalive { .. } => {
            tcb.owe.keepalive = false;
            tcb.probes = tcb.probes.saturating_add(1);
            (nxt - 1, Ctl::NONE, Chunks::new())
        }
        // Data for nobody is answered as if there were no connection (RFC 9293 §3.10.7.1).
        Plan::Rst { cause: Cause::DataAfterClose } => {
            tcb.owe.rst = None;
            (tcb.snd.una, Ctl::RST, Chunks::new())
        }
        Plan::Rst { .. } | Plan::RstLimit { .. } => {
            tcb.owe.rst = None;
            (nxt, Ctl::RST, Chunks::new())
        }
        Plan::NewData { .. }
        | Plan::LastData { .. }
        | Plan::Retransmit { .. }
        | Plan::Ack { .. } => unreachable!("what is usual is done by emit"),
    }
}

/// What the segment asks of IP: new data may be marked on the way.
// Rules: 3168-6.1.1-3, 3168-6.1.4-1, 3168-6.1.5-1, 3168-6.1.6-1.
fn mark(tcb: &Tcb, fresh: bool) -> Mark {
    let mut mark = tcb.config.segment_mark();
    mark.tos |= if fresh && tcb.sends_ect() { ecn::ECT0 } else { 0 };
    mark
}

/// Sends `len` bytes of data, and `ctl_len` of SYN or FIN, for the first time.
fn send_new(tcb: &mut Tcb, len: u32, ctl_len: u32, cx: &mut Cx<'_>) -> Chunks {
    let (nxt, in_flight) = (tcb.snd.nxt, tcb.rtxq.in_flight().bytes);
    let payload = if len > 0 { tcb.tx.view(nxt, len, cx.pool) } else { Chunks::new() };
    let push = ends(tcb, len);
    take_batch(tcb, len);
    let stamp = tcb.stamp(len, cx.now);
    // What goes with a SYN is one segment.
    let mss = if tcb.state() == State::SynSent { u32::MAX } else { eff_mss(tcb) };
    tcb.rtxq.push(Sent {
        seq: nxt,
        len: len + ctl_len,
        mss: mss.min(0xffff) as u16,
        phase: 0,
        sent_at: cx.now,
        stamp,
        in_flight: in_flight + len + ctl_len,
        retransmits: 0,
        sacked: false,
        lost: false,
        twice: false,
        push,
        fin: ctl_len > 0 && tcb.state() != State::SynSent && tcb.syn_acked,
    });
    tcb.snd.nxt += len + ctl_len;
    let small = if len < mss { len > 0 } else { !len.is_multiple_of(mss) };
    if small {
        tcb.snd.sml = tcb.snd.nxt;
    }
    tcb.owe.sws = false; // the wait it ended is over, whatever was sent
    tcb.owe.tlp = false;
    if len > 0 {
        tcb.cc().on_send(cx.now, len, in_flight);
    }
    let out = tcb.weigh_data(len, mss);
    let prr = tcb.loss.as_mut().and_then(|loss| loss.prr.as_mut());
    prr.into_iter().for_each(|prr| prr.on_send(out));
    tcb.paced(len, cx);
    count_data(tcb, (len, mss), false, cx);
    super::pmtu::on_segment(tcb, cx);
    start_timers(tcb, cx);
    if len + ctl_len > 0 && tcb.syn_acked {
        tcb.loss.get_or_insert_default();
        tlp::schedule(tcb, cx);
    }
    payload
}

/// Sends the SYN again; for the first time when the peer's crossed it before it had gone out.
fn send_syn_again(tcb: &mut Tcb, cx: &mut Cx<'_>) -> Chunks {
    let crossed = std::mem::take(&mut tcb.owe.synack);
    if tcb.snd.nxt == tcb.iss {
        return send_new(tcb, 0, 1, cx);
    }
    let lost = tcb.rtxq.lost().bytes > 0;
    if lost || tcb.is_fast_child() {
        tcb.rtxq.mark_head_lost(); // the peer says so, or data behind it is
    }
    if !crossed || lost || tcb.is_fast_child() {
        let stamp = tcb.stamp(0, cx.now);
        tcb.rtxq.on_retransmit((tcb.iss, 1), 1, cx.now, stamp);
        tcb.counters.total_retrans += 1;
    } else if tcb.config.is_linux() {
        tcb.rtxq.date_head(cx.now); // it is the SYN-ACK whose ACK tells the round trip
    }
    tcb.recovery.force = false;
    start_timers(tcb, cx);
    Chunks::new()
}

/// Sends `len` of sequence space from `seq` again, in segments of `mss`: data, and FIN when it lies
/// there.
// Rules: 2525-2.4.
fn send_again(
    tcb: &mut Tcb,
    (seq, len, mss): (Seq, u32, u32),
    rule: RtxRule,
    cx: &mut Cx<'_>,
) -> (Ctl, Chunks) {
    let (stamp, mss) = (tcb.stamp(len, cx.now), mss.min(0xffff) as u16);
    if tcb.rtxq.next_lost().is_some_and(|lost| lost.seq == seq) {
        tcb.rtxq.join(len);
    }
    let record = tcb.rtxq.next_lost().filter(|record| record.seq == seq);
    let pushed = record.is_some_and(|record| record.push && record.len == len);
    if let RtxRule::LastResort | RtxRule::Rescue = rule {
        let rescue = rule == RtxRule::Rescue;
        tcb.rtxq.on_last_resort((seq, len), mss, (cx.now, stamp), rescue);
        super::nextseg::on_sent(tcb, rule);
    } else {
        tcb.rtxq.on_retransmit((seq, len), mss, cx.now, stamp);
    }
    tcb.recovery.force = false;
    if seq == tcb.snd.una {
        // What the timer is for was sent just now (6675-6-1).
        tcb.stop_timer(Timer::Rtx, cx);
    }
    let ts = tcb.ts.is_some().then(|| tcb.ts_now(cx.now));
    let out = tcb.weigh_data(len, mss.into());
    if let Some(loss) = &mut tcb.loss {
        loss.undo.on_retransmit((seq, seq + len), ts);
        loss.prr.iter_mut().for_each(|prr| prr.on_send(out));
    }
    if rule == RtxRule::LossProbe {
        tlp::on_sent(tcb, true, cx);
    }
    if rule == RtxRule::Rto {
        tcb.recovery.rule = Some(RtxRule::AfterRto);
    }
    let end = (seq + len).earlier(tcb.tx.end());
    let data_len = if end.after(seq) { end - seq } else { 0 };
    let fin = if (seq + len).after(tcb.tx.end()) { Ctl::FIN } else { Ctl::NONE };
    let ends = end == tcb.tx.end() || tcb.record_len(seq) == Some(data_len);
    let push = if data_len > 0 && (pushed || ends) { Ctl::PSH } else { Ctl::NONE };
    tcb.counters.total_retrans += segments(data_len, mss.into()).max(1);
    tcb.paced(data_len, cx);
    count_data(tcb, (data_len, mss.into()), true, cx);
    if seq == tcb.snd.una && tcb.config.rack {
        // The oldest has a round trip before it again (as Linux).
        tcb.set_timer(Timer::Rtx, cx.now + tcb.rto(), cx);
    }
    start_timers(tcb, cx);
    let payload = if data_len > 0 { tcb.tx.view(seq, data_len, cx.pool) } else { Chunks::new() };
    (fin.with(push), payload)
}

/// `len` bytes go out in segments of `mss`.
fn count_data(tcb: &mut Tcb, (len, mss): (u32, u32), again: bool, cx: &Cx<'_>) {
    if len > 0 {
        let count = segments(len, mss);
        tcb.counters.data_segs_out = tcb.counters.data_segs_out.wrapping_add(count);
        tcb.counters.bytes_sent += u64::from(len);
        if again {
            tcb.counters.rare().bytes_retrans += u64::from(len);
        }
        super::delack::on_data_sent(tcb, cx.now);
        tcb.last_sent = cx.now;
        note_deferral(tcb, cx.now);
    }
}

/// RFC 6298 §5.1: the timer runs whenever something is in flight.
// Rules: 6298-5.1.
fn start_timers(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    if !tcb.timers.is_running(Timer::Rtx) {
        tcb.set_timer(Timer::Rtx, cx.now + tcb.rto(), cx);
    }
    tcb.start_user_timer(cx);
}

impl Tcb {
    /// Starts the user timeout, if the socket has one and it does not run (RFC 9293 §3.9.1.8).
    pub(super) fn start_user_timer(&mut self, cx: &mut Cx<'_>) {
        if let Some(limit) = self.user_timeout()
            && !self.timers.is_running(Timer::User)
        {
            self.set_timer(Timer::User, cx.now + limit, cx);
        }
    }
}
