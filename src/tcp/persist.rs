//! What is done while the peer's window is closed, or silly (RFC 9293 §3.8.6.1, §3.8.6.2.1).

use super::event::{Blocked, Timer};
use super::rtxq::Sent;
use super::state::Cause;
use super::tcb::{Cx, Tcb};
use crate::base::{Duration, Seq};

/// The window is still closed, or still silly (RFC 9293 §3.8.6.1, §3.8.6.2.1).
// Rules: MUST-36, 6429-3-1.
pub(super) fn on_timer(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    if (tcb.unsent() == 0 && !tcb.fin_pending()) || !tcb.rtxq.is_empty() {
        return;
    }
    if tcb.snd.wnd > 0 {
        tcb.owe.sws = true;
        return;
    }
    let limit = super::timeout::patience(tcb, probe_interval(tcb), tcb.config.probe_max);
    let closed = cx.now.since(tcb.chrono.since);
    let too_long = tcb.config.zero_window_max.is_some_and(|most| closed >= most);
    if tcb.probes >= limit || (too_long && tcb.chrono.blocked == Blocked::Rwnd) {
        super::timeout::give_up(tcb, Cause::ProbeTimeout, cx);
        return;
    }
    tcb.owe.probe = true;
}

/// What sending waits for decides whether the persist timer runs: RTO before the first probe
/// (SHLD-29), twice as long before each further one (SHLD-30); the override time for a silly
/// window.
// Rules: MUST-35.
pub(super) fn arm(tcb: &mut Tcb, blocked: Blocked, cx: &mut Cx<'_>) {
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
// Rules: 2525-2.12.
pub(super) fn restart(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    // BSD's timer runs from probe to probe.
    if tcb.timers.is_running(Timer::Persist) && !tcb.config.is_bsd() {
        let at = cx.now + probe_interval(tcb);
        tcb.set_timer(Timer::Persist, at, cx);
    }
}

fn probe_interval(tcb: &Tcb) -> Duration {
    let config = &tcb.config;
    let (wait, most) = if config.is_bsd() { (bsd_interval(tcb), 9) } else { (tcb.rto(), 16) };
    let doubled = wait.saturating_mul(1 << tcb.probe_backoff.min(most));
    (doubled + config.rexmit_slop).max(config.persmin).min(config.probe_max)
}

/// What 4.4BSD doubles, in the units of its descendants' estimates: four round trips and eight
/// deviations; before any sample, twice the first RTO.
fn bsd_interval(tcb: &Tcb) -> Duration {
    let sampled = |srtt: Duration| srtt * 4 + tcb.rto.rttvar() * 8;
    tcb.rto.srtt().map_or(tcb.config.rto_initial * 2, sampled)
}

/// SMSS, but no more than half of what the peer's window ever was, so that two may be under way (as
/// Linux).
pub(super) fn half_of_window(tcb: &Tcb) -> u32 {
    let half = match tcb.snd.max_wnd {
        0 => return tcb.snd.smss,
        small @ ..=536 => small,
        window => window / 2,
    };
    let least = u32::from(68 - (tcb.header_len - 20).min(48));
    if tcb.config.is_linux() { tcb.snd.smss.min(half.max(least)) } else { tcb.snd.smss }
}

// ---- a probe that carries data

/// Whether a probe carries the first byte that the window does not let go: so the peer's ACK tells
/// at once that there is room again. BSD's probes do; RFC 9293 §3.8.6.1 leaves it open.
pub(super) fn carries_data(tcb: &Tcb) -> bool {
    tcb.config.is_bsd() && tcb.unsent() > 0
}

/// The byte of a probe counts as sent only when the peer acknowledges it: until then, what goes out
/// when the window opens begins with it.
pub(super) fn adopt_probe(tcb: &mut Tcb, seg_ack: Seq, cx: &mut Cx<'_>) {
    let nxt = tcb.snd.nxt;
    if seg_ack != nxt + 1 || tcb.probe_backoff == 0 || !carries_data(tcb) {
        return;
    }
    let stamp = tcb.stamp(1, cx.now);
    tcb.rtxq.push(Sent {
        seq: nxt,
        len: 1,
        mss: tcb.snd.smss.min(0xffff) as u16,
        phase: 0,
        sent_at: cx.now,
        stamp,
        in_flight: 1,
        retransmits: 1, // nobody knows which of the probes it was
        sacked: false,
        lost: false,
        twice: false,
        push: false,
        fin: false,
    });
    tcb.snd.nxt += 1;
    tcb.loss.get_or_insert_default();
}
