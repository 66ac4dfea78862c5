//! Fast retransmit and NewReno's fast recovery (RFC 5681 §3.2, RFC 6582), and what a timeout does
//! to the queue (RFC 5681 §3.1, RFC 6298 §5).

use super::cc::AckSample;
use super::event::{CaState, RtxRule};
use super::tcb::{Cx, Tcb};
use crate::base::Seq;

/// Duplicate ACKs that make a loss (RFC 5681 §3.2).
pub(super) const DUP_THRESH: u8 = 3;

/// A duplicate ACK arrived.
pub(super) fn on_duplicate_ack(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    tcb.recovery.dupacks = tcb.recovery.dupacks.saturating_add(1);
    match tcb.recovery.ca {
        CaState::Recovery => {
            // RFC 5681 §3.2 step 4: a segment has left the network.
            tcb.recovery.inflation += i64::from(tcb.snd.smss);
        }
        CaState::Loss => {}
        _ if tcb.recovery.dupacks < DUP_THRESH => tcb.set_ca(CaState::Disorder, cx),
        _ if tcb.recovery.dupacks == DUP_THRESH => enter(tcb, cx),
        _ => {}
    }
}

/// The third duplicate ACK (RFC 6582 §3.2 steps 2 and 3; RFC 5681 §3.2 steps 2 and 3).
fn enter(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    // After a timeout, ACKs up to `recover` may be echoes of our own retransmissions.
    let covered = tcb.recovery.recovery_point.is_none_or(|recover| tcb.snd.una.after(recover));
    if !covered {
        return;
    }
    tcb.recovery.recovery_point = Some(tcb.snd.nxt);
    tcb.recovery.partial_seen = false;
    // What limited transmit sent beyond cwnd MUST NOT be counted (RFC 5681 §3.2 step 2).
    tcb.cc.on_loss(cx.now, tcb.rtxq.flight_size().min(tcb.cc.cwnd()));
    tcb.recovery.inflation = i64::from(u32::from(DUP_THRESH) * tcb.snd.smss);
    tcb.rtxq.mark_head_lost(tcb.snd.smss);
    tcb.recovery.force = true;
    tcb.recovery.rule = Some(RtxRule::FastRetransmit);
    tcb.set_ca(CaState::Recovery, cx);
}

/// New data was acknowledged up to `seg_ack`; `flight` bytes were outstanding before.
pub(super) fn on_new_ack(
    tcb: &mut Tcb,
    seg_ack: Seq,
    flight: u32,
    sample: &AckSample,
    cx: &mut Cx<'_>,
) {
    let covered = tcb.recovery.recovery_point.is_none_or(|recover| seg_ack.after_eq(recover));
    tcb.recovery.dupacks = 0;
    match tcb.recovery.ca {
        CaState::Recovery if covered => {
            tcb.recovery.inflation = 0;
            tcb.cc.on_recovered(cx.now, tcb.rtxq.flight_size());
            end(tcb, cx);
        }
        CaState::Recovery => partial_ack(tcb, sample.acked.min(flight)),
        CaState::Loss => {
            tcb.cc.on_ack(&AckSample { app_limited: false, ..*sample });
            if covered {
                end(tcb, cx);
            }
        }
        _ => {
            tcb.set_ca(CaState::Open, cx);
            tcb.cc.on_ack(sample);
        }
    }
    // `recover` has done its work once more than it is acknowledged; 2 GiB later it would compare
    // the wrong way round.
    let passed = tcb.recovery.recovery_point.is_some_and(|recover| seg_ack.after(recover));
    if tcb.recovery.ca == CaState::Open && passed {
        tcb.recovery.recovery_point = None;
    }
}

fn end(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    tcb.recovery.force = false;
    tcb.set_ca(CaState::Open, cx);
}

/// RFC 6582 §3.2 step 3, "partial acknowledgments": the next segment is lost, too.
fn partial_ack(tcb: &mut Tcb, acked: u32) {
    let smss = tcb.snd.smss;
    // Below ssthresh, too, when duplicates were lost or merged: a partial ACK makes room for what
    // it says has arrived, not for a burst.
    let again = if acked >= smss { smss } else { 0 };
    tcb.recovery.inflation += i64::from(again) - i64::from(acked);
    tcb.rtxq.mark_head_lost(smss);
    tcb.recovery.force = true;
    tcb.recovery.rule = Some(RtxRule::PartialAck);
    tcb.recovery.partial_seen = true;
}

/// The retransmission timer expired: everything in flight is taken for lost and sent again in slow
/// start. `first`: the first expiry for this data.
pub(super) fn on_timeout(tcb: &mut Tcb, first: bool, cx: &mut Cx<'_>) {
    tcb.cc.on_rto(cx.now, tcb.rtxq.flight_size(), first);
    tcb.recovery.inflation = 0;
    tcb.recovery.dupacks = 0;
    tcb.recovery.recovery_point = Some(tcb.snd.nxt);
    tcb.rtxq.mark_all_lost();
    tcb.recovery.force = true;
    tcb.recovery.rule = Some(RtxRule::Rto);
    tcb.set_ca(CaState::Loss, cx);
}
