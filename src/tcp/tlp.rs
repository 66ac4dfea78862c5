//! The tail loss probe (RFC 8985 §7): when no ACK comes, one more segment asks for one, so that a
//! lost tail is repaired by SACK instead of a timeout.

use super::event::{CaState, RtxRule, Timer};
use super::loss::Tlp;
use super::recovery::{self, Told};
use super::tcb::{Cx, Tcb};
use crate::base::Duration;

/// The probe timeout before the first round trip was measured (RFC 8985 §7.2).
const PTO_INITIAL: Duration = Duration::from_secs(1);

/// Starts, moves or stops the timer: after new data was sent, and after an ACK that moved SND.UNA.
// Rules: 8985-7.2-1, 8985-7.3-1, 8985-8-1.
pub(super) fn schedule(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    let free = tcb.loss.as_ref().is_some_and(|loss| loss.tlp.is_none());
    let wanted = tcb.config.tlp
        && tcb.sack_ok
        && free
        && matches!(tcb.recovery.ca, CaState::Open | CaState::Cwr)
        && !tcb.rtxq.is_empty()
        && tcb.rtxq.sacked().bytes == 0;
    if !wanted {
        tcb.stop_timer(Timer::LossProbe, cx);
        return;
    }
    let at = cx.now + timeout(tcb);
    let rtx = tcb.timers.get(Timer::Rtx).unwrap_or(at);
    tcb.set_timer(Timer::LossProbe, at.min(rtx), cx);
}

/// PTO (RFC 8985 §7.2): two round trips, and what a peer may delay the ACK of a single segment.
// Rules: 8985-7.2-2.
fn timeout(tcb: &Tcb) -> Duration {
    let Some(srtt) = tcb.rto.srtt() else { return PTO_INITIAL };
    let single = tcb.rtxq.is_single() && tcb.rtxq.flight_size().bytes <= tcb.snd.smss;
    2 * srtt + if single { tcb.config.tlp_ack_delay } else { GRANULARITY }
}

/// Timers of the field have milliseconds: two of them, that ACKs and probe do not race.
const GRANULARITY: Duration = Duration::from_millis(2);

/// The timer expired: new data goes out, if there is some and the peer's window allows, whatever
/// cwnd says; else the last segment again. The retransmission timer starts anew. Without a round
/// trip measured since the last probe there is none: probes would hide that the path has become
/// longer (RFC 8985 §7.3).
// Rules: 8985-7.3-1, 8985-7.3-2, 8985-7.3-3.
pub(super) fn on_timer(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    if tcb.rtxq.is_empty() || !matches!(tcb.recovery.ca, CaState::Open | CaState::Cwr) {
        return;
    }
    let linux = tcb.config.is_linux(); // which waits for the end of the last probe alone
    if !linux && tcb.loss.as_ref().is_some_and(|loss| loss.probed) {
        super::ack::rtx_timer_from_head(tcb, cx);
        return;
    }
    let edge = tcb.snd.una + tcb.snd.wnd;
    if linux && edge.before(tcb.snd.nxt) && tcb.rtxq.flight_size().bytes > tcb.snd.smss {
        // The peer's window does not cover the tail any more.
        return super::ack::rtx_timer_from_head(tcb, cx);
    }
    let room = edge.after(tcb.snd.nxt);
    if tcb.unsent() > 0 && room {
        tcb.owe.tlp = true;
    } else {
        super::pmtu::on_segment(tcb, cx);
        let fin = u32::from(tcb.snd.nxt.after(tcb.tx.end()));
        tcb.rtxq.mark_tail_lost(fin);
        tcb.recovery.rule = Some(RtxRule::LossProbe);
        tcb.recovery.force = true;
    }
    let at = cx.now + tcb.rto();
    tcb.set_timer(Timer::Rtx, at, cx);
}

/// The probe is on its way: it was sent `again`, or it is new.
// Rules: 8985-7.3-4.
pub(super) fn on_sent(tcb: &mut Tcb, again: bool, cx: &mut Cx<'_>) {
    let end = tcb.snd.nxt;
    let loss = tcb.loss.get_or_insert_default();
    (loss.tlp, loss.probed) = (Some(Tlp { end, again }), true);
    tcb.owe.tlp = false;
    if again {
        tcb.rtxq.mark_none_lost(); // where it must be cut, its first piece is enough
    }
    tcb.stop_timer(Timer::LossProbe, cx);
}

/// What an ACK says of the probe (RFC 8985 §7.4): acknowledged beyond its end without having been
/// received twice, it has repaired a loss, and the window comes down as for any.
// Rules: 8985-7.4-1, 8985-7.4-2.
pub(super) fn on_ack(tcb: &mut Tcb, told: &Told, cx: &mut Cx<'_>) {
    tcb.owe.tlp &= !told.advanced; // it has been asked for in vain
    let probe = tcb.loss.as_mut().and_then(|loss| loss.tlp);
    if let Some(Tlp { end, again }) = probe
        && tcb.snd.una.after_eq(end)
    {
        let repaired = again && !told.dsack && tcb.snd.una.after(end);
        let over = repaired || !again || told.dsack || told.duplicate;
        if let (true, Some(loss)) = (over, &mut tcb.loss) {
            loss.tlp = None;
        }
        if repaired && matches!(tcb.recovery.ca, CaState::Open | CaState::Disorder) {
            recovery::give_way(tcb, told, cx);
        }
    }
}
