//! What the timers do when they expire (RFC 9293 §3.10.8, §3.8; RFC 6298 §5).

use super::config::Config;
use super::event::{AckWhy, Event, Timer};
use super::persist;
use super::recovery;
use super::state::{Cause, State};
use super::tcb::{Cx, Tcb};
use super::tlp;
use crate::base::{Duration, Instant, Seq};

/// Handles every timer that has expired by now.
pub(super) fn poll(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    while let Some(timer) = tcb.timers.pop_due(cx.now) {
        cx.cause = cx.note(|| Event::TimerExpired { timer });
        tcb.cause = cx.cause;
        match timer {
            Timer::LossProbe => tlp::on_timer(tcb, cx),
            Timer::Reorder => recovery::on_reorder_timer(tcb, cx),
            Timer::Rtx => on_rtx(tcb, cx),
            Timer::Pacing => {} // the next burst may go out
            Timer::Persist => persist::on_timer(tcb, cx),
            Timer::Delack => {
                super::delack::on_timer(tcb);
                tcb.owe_ack(AckWhy::Delayed, false, cx);
            }
            Timer::Keepalive => on_keepalive(tcb, cx),
            Timer::TimeWait if tcb.state() == State::TimeWait => {
                tcb.die(Cause::TimeWaitOver, None, cx);
            }
            Timer::TimeWait => tcb.die(Cause::FinWait2Timeout, None, cx),
            Timer::User => tcb.give_up(Cause::UserTimeout, cx),
        }
    }
}

/// RFC 6298 §5.4 to §5.6, and the limits R1 and R2 of RFC 9293 §3.8.3.
// Rules: MUST-20, SHLD-9, MUST-22, 6298-5.6, 1122-4.2.3.5-1.
fn on_rtx(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    if tcb.rtxq.is_empty() {
        return;
    }
    let limit = match tcb.state() {
        // Those that come at an even pace are not counted (as Linux).
        State::SynSent => tcb.config.syn_retries.saturating_add(tcb.config.syn_linear),
        // As Linux, one more.
        _ if tcb.is_fast_child() => tcb.config.synack_retries.saturating_add(1),
        State::SynReceived => tcb.config.synack_retries,
        _ => patience(tcb, tcb.rto(), tcb.config.rto_max),
    };
    if is_over(tcb, limit, cx.now) {
        tcb.fast_timeout(true, cx);
        return give_up(tcb, Cause::Timeout, cx);
    }
    let first = tcb.retransmits == 0;
    tcb.counters.on_timeout(first, cx.now);
    tcb.retransmits += 1;
    tcb.fast_timeout(false, cx);
    if tcb.state() != State::SynSent || tcb.retransmits > tcb.config.syn_linear {
        tcb.rto.back_off();
    }
    if tcb.retransmits == tcb.config.retries1 && tcb.syn_acked {
        let retransmits = tcb.retransmits;
        cx.note(|| Event::R1 { retransmits });
    }
    if tcb.syn_acked {
        recovery::on_timeout(tcb, first, cx);
        super::pmtu::on_timeout(tcb, cx);
    } else {
        if tcb.config.rexmit_drop_options && tcb.retransmits == 3 && tcb.state() == State::SynSent {
            (tcb.ts, tcb.sack_ok, tcb.wscale_ok) = (None, false, false);
        }
        lose_syn(tcb, cx);
    }
}

/// What Linux measures patience by: the first of so many retransmissions comes that long after the
/// original.
const FIRST: Duration = Duration::from_millis(200);

/// Whether `times` retransmissions were for nothing; for Linux, as soon as they have taken as long
/// as so many would have that begin with [`FIRST`].
pub(super) fn is_over(tcb: &Tcb, times: u8, now: Instant) -> bool {
    if !(tcb.config.is_linux() && tcb.syn_acked) {
        return tcb.retransmits >= times;
    }
    let first = tcb.counters.rare.as_ref().and_then(|rare| rare.first);
    let most = tcb.config.rto_max;
    let doublings = (most.as_millis() / FIRST.as_millis()).max(1).ilog2().min(30);
    let (doubled, rest) = (u32::from(times).min(doublings), u32::from(times));
    let linear = most.saturating_mul(rest - doubled);
    let time = FIRST.saturating_mul((2 << doubled) - 1).saturating_add(linear);
    tcb.retransmits > 0 && first.is_some_and(|first| now.since(first) >= time)
}

/// A router has no way to the peer, for what was sent again from `seq` on: one doubling of the RTO
/// is taken back, and the oldest segment is due as long after it was sent (RFC 6069 §4).
pub(super) fn revert(tcb: &mut Tcb, seq: Seq, cx: &mut Cx<'_>) {
    if seq != tcb.snd.una || tcb.retransmits == 0 || tcb.rto.backoff() == 0 || !tcb.syn_acked {
        return;
    }
    tcb.rto.revert();
    let Some(head) = tcb.rtxq.head() else { return };
    let at = head.sent_at + tcb.rto();
    tcb.set_timer(Timer::Rtx, at.max(cx.now + Duration::from_micros(1)), cx);
}

/// The SYN is lost, or the SYN-ACK. Data that is sent behind a SYN-ACK is not, for it is sent to a
/// peer that may be there; but when a second one is lost, nothing is known to have arrived.
fn lose_syn(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    let sent_more = tcb.is_fast_child() && tcb.snd.nxt != tcb.iss + 1;
    match tcb.retransmits {
        1 if sent_more => tcb.rtxq.mark_head_lost(),
        2 if sent_more => recovery::on_timeout(tcb, true, cx),
        _ => tcb.rtxq.mark_all_lost(),
    }
    tcb.recovery.force = true;
    super::ecn::on_syn_timeout(tcb);
}

/// R2; less when the user is gone: one is enough then, if a `wait` is as long as the `most` it may
/// be.
pub(super) fn patience(tcb: &Tcb, wait: Duration, most: Duration) -> u8 {
    let Config { retries2, orphan_retries, .. } = *tcb.config;
    match tcb.orphan && orphan_retries < retries2 {
        false => retries2,
        true if wait >= most => orphan_retries.min(1),
        true => orphan_retries,
    }
}

/// The end of patience; BSD tells the peer, if it was ever heard of.
pub(super) fn give_up(tcb: &mut Tcb, cause: Cause, cx: &mut Cx<'_>) {
    let tells = tcb.config.is_bsd() && tcb.state() != State::SynSent;
    tcb.give_up(cause, cx);
    tcb.owe.rst = tells.then_some(cause);
}

/// RFC 9293 §3.8.4: probe after a silence, give up after so many unanswered ones.
// Rules: MAY-5, MUST-29, 2525-2.9.
fn on_keepalive(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    if !tcb.state().is_synchronized() {
        return give_up(tcb, Cause::Timeout, cx); // opening took too long
    }
    let Some(keepalive) = tcb.config.keepalive else { return };
    let interval = keepalive.interval.max(Duration::from_millis(1));
    let silent = cx.now.since(tcb.last_recv);
    if silent < keepalive.idle {
        let at = tcb.last_recv + keepalive.idle;
        tcb.set_timer(Timer::Keepalive, at, cx);
    } else if !tcb.rtxq.is_empty() {
        // Data in flight probes better (MUST-26: only when nothing was sent or received).
        tcb.set_timer(Timer::Keepalive, cx.now + interval, cx);
    } else if tcb.probes >= keepalive.probes {
        tcb.give_up(Cause::KeepaliveTimeout, cx);
        tcb.owe.rst = Some(Cause::KeepaliveTimeout);
    } else {
        tcb.owe.keepalive = true;
        tcb.set_timer(Timer::Keepalive, cx.now + interval, cx);
    }
}
