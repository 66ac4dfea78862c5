//! What the timers do when they expire (RFC 9293 §3.10.8, §3.8; RFC 6298 §5).

use super::event::{AckWhy, Blocked, Event, Timer};
use super::recovery;
use super::state::{Cause, State};
use super::tcb::{Cx, Tcb};
use super::tlp;
use crate::base::Duration;

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
            Timer::Persist => on_persist(tcb, cx),
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
fn on_rtx(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    if tcb.rtxq.is_empty() {
        return;
    }
    let limit = match tcb.state() {
        // Those that come at an even pace are not counted (as Linux).
        State::SynSent => tcb.config.syn_retries.saturating_add(tcb.config.syn_linear),
        State::SynReceived => tcb.config.synack_retries,
        _ => tcb.config.retries2,
    };
    if tcb.retransmits >= limit {
        tcb.give_up(Cause::Timeout, cx);
        return;
    }
    let first = tcb.retransmits == 0;
    tcb.counters.on_timeout(cx.now);
    tcb.retransmits += 1;
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
        tcb.rtxq.mark_all_lost();
        tcb.recovery.force = true;
    }
}

/// The window is still closed, or still silly (RFC 9293 §3.8.6.1, §3.8.6.2.1).
fn on_persist(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    if (tcb.unsent() == 0 && !tcb.fin_pending()) || !tcb.rtxq.is_empty() {
        return;
    }
    if tcb.snd.wnd > 0 {
        tcb.owe.sws = true;
        return;
    }
    let closed = cx.now.since(tcb.chrono.since);
    let too_long = tcb.config.zero_window_max.is_some_and(|most| closed >= most);
    if tcb.probes >= tcb.config.retries2 || (too_long && tcb.chrono.blocked == Blocked::Rwnd) {
        tcb.give_up(Cause::ProbeTimeout, cx);
        return;
    }
    tcb.owe.probe = true;
}

/// What sending waits for decides whether the persist timer runs: RTO before the first probe
/// (SHLD-29), twice as long before each further one (SHLD-30); the override time for a silly
/// window.
pub(super) fn arm_persist(tcb: &mut Tcb, blocked: Blocked, cx: &mut Cx<'_>) {
    let waits =
        matches!(blocked, Blocked::Rwnd | Blocked::Sws | Blocked::Cork) && tcb.rtxq.is_empty();
    if !waits {
        tcb.stop_timer(Timer::Persist, cx);
    } else if !tcb.timers.is_running(Timer::Persist) {
        let wait = match blocked {
            Blocked::Sws | Blocked::Cork if !tcb.config.sws_override.is_zero() => {
                tcb.config.sws_override
            }
            _ => probe_interval(tcb),
        };
        tcb.set_timer(Timer::Persist, cx.now + wait, cx);
    }
}

/// An answered probe keeps the interval it had reached: the peer lives, its window is closed.
pub(super) fn restart_persist(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    if tcb.timers.is_running(Timer::Persist) {
        let at = cx.now + probe_interval(tcb);
        tcb.set_timer(Timer::Persist, at, cx);
    }
}

fn probe_interval(tcb: &Tcb) -> Duration {
    let doubled = tcb.rto().saturating_mul(1 << tcb.probe_backoff.min(16));
    doubled.min(tcb.config.probe_max)
}

/// RFC 9293 §3.8.4: probe after a silence, give up after so many unanswered ones.
fn on_keepalive(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    let Some(keepalive) = tcb.config.keepalive else { return };
    let silent = cx.now.since(tcb.last_recv);
    if silent < keepalive.idle {
        let at = tcb.last_recv + keepalive.idle;
        tcb.set_timer(Timer::Keepalive, at, cx);
    } else if !tcb.rtxq.is_empty() {
        // Data in flight probes better (MUST-26: only when nothing was sent or received).
        tcb.set_timer(Timer::Keepalive, cx.now + keepalive.interval, cx);
    } else if tcb.probes >= keepalive.probes {
        tcb.give_up(Cause::KeepaliveTimeout, cx);
        tcb.owe.rst = Some(Cause::KeepaliveTimeout);
    } else {
        tcb.owe.keepalive = true;
        tcb.set_timer(Timer::Keepalive, cx.now + keepalive.interval, cx);
    }
}
