//! What is sent again though it is not taken for lost, when there is nothing else to send: without
//! RACK, the last resorts of NextSeg() (RFC 6675 §4, rules 3 and 4). Linux has none.

use super::event::{CaState, Plan, RtxRule};
use super::rtxq::Sent;
use super::tcb::Tcb;
use crate::base::Seq;

/// Fast recovery begins: no rescue before more than the first segment is acknowledged (§5, 4.3).
pub(super) fn on_enter(tcb: &mut Tcb) {
    let first = tcb.rtxq.head().map(|head| head.seq + head.first_len());
    tcb.loss.get_or_insert_default().rescue = first;
}

/// A segment that fills what cwnd leaves, so that ACKs go on coming: one that the peer lacks below
/// what it holds; else, once in each recovery, the last.
// Rules: 6675-4-3, 6675-4-4.
pub(super) fn last_resort(tcb: &Tcb, mss: u32) -> Option<Plan> {
    let by_count = tcb.sack_ok && !tcb.config.rack && !tcb.config.count_segments;
    if !by_count || tcb.recovery.ca != CaState::Recovery || tcb.rtxq.lost().bytes > 0 {
        return None;
    }
    let (rule, seq, len) = match tcb.rtxq.first_doubtful() {
        Some(sent) => (RtxRule::LastResort, sent.seq, sent.first_len()),
        None => {
            let (seq, len) = last_segment(tcb, may_rescue(tcb)?);
            (RtxRule::Rescue, seq, len)
        }
    };
    let len = len.min(mss);
    (tcb.cwnd_room() >= len).then_some(Plan::Retransmit { rule, seq, len })
}

/// The last that the peer lacks, if a rescue may be sent.
fn may_rescue(tcb: &Tcb) -> Option<&Sent> {
    let rescue = tcb.loss.as_ref()?.rescue?;
    tcb.rtxq.last_lacking().filter(|_| tcb.snd.una.after(rescue))
}

/// The last segment of a record; its FIN goes along.
fn last_segment(tcb: &Tcb, sent: &Sent) -> (Seq, u32) {
    let fin = u32::from(sent.end().after(tcb.tx.end()));
    let from = sent.last_from(fin);
    (sent.seq + from, sent.len - from)
}

/// A last resort was sent: a rescue is the only one of its recovery.
pub(super) fn on_sent(tcb: &mut Tcb, rule: RtxRule) {
    let point = tcb.recovery.recovery_point;
    if let (RtxRule::Rescue, Some(loss)) = (rule, &mut tcb.loss) {
        loss.rescue = point;
    }
}
