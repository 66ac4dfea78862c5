//! How large a segment is, and how much goes out together.

use super::event::{CaState, RtxRule};
use super::persist;
use super::rtxq::Sent;
use super::state::State;
use super::tcb::Tcb;
use crate::base::{Duration, Instant, Seq};
use crate::wire::tcp::SackBlocks;

/// How long ago something must have gone out for the rest of it to wait.
const DEFERRAL: Duration = Duration::from_millis(1);

/// Into segments of which size a record is cut when it is sent again: as before, so that what was
/// received of it remains whole segments, unless they must be smaller now.
pub(super) fn mss_again(tcb: &Tcb, sent: &Sent) -> u32 {
    let mss = eff_mss(tcb);
    if sent.phase == 0 { mss.min(sent.mss.into()) } else { mss }
}

/// How much one super-segment holds at most: what the device takes, and no more than a
/// millisecond's worth of what the window allows in a round trip (twice that in slow start, a fifth
/// more after), but two segments. Near peers get more: an ACK for each millisecond's worth would
/// cost them more than it tells. But half of cwnd is enough: two are under way then.
pub(super) fn burst(tcb: &Tcb, mss: u32) -> u32 {
    let most = tcb.gso_max.max(mss);
    if !tcb.config.tso_autosize || most <= mss {
        return most;
    }
    let half = (tcb.cwnd() / tcb.snd.smss / 2).max(1);
    let Some(rate) = tcb.rate_of_window() else { return most.min(half.saturating_mul(mss)) };
    let near = (tcb.rto.min().unwrap_or_default().as_micros().max(1) as u64) >> 9;
    let extra = if near < 32 { u64::from(most) >> near } else { 0 };
    let bytes = (rate >> 10).saturating_add(extra).min(most.into());
    let least = u32::from(tcb.config.min_tso_segs.max(1));
    (bytes as u32 / mss).max(least).min(half).saturating_mul(mss).min(most)
}

/// Less than a burst may go out, and something went out within the last millisecond: ACKs of what
/// is in flight, half a round trip old, will soon allow more, and it goes out together (as Linux).
pub(super) fn note_deferral(tcb: &mut Tcb, now: Instant) {
    tcb.owe.defer = false;
    let (mss, unsent) = (eff_mss(tcb), tcb.unsent());
    let part = u32::from(tcb.config.tso_win_divisor);
    let bursts = tcb.config.tso_autosize && tcb.gso_max > mss && part > 0;
    let recovering = matches!(tcb.recovery.ca, CaState::Recovery | CaState::Loss);
    let recent = now.since(tcb.last_sent) < DEFERRAL;
    if !bursts || recovering || unsent <= mss || !recent {
        return;
    }
    let rwnd_room = tcb.rwnd_room();
    let limit = tcb.cwnd_room().min(rwnd_room);
    let share = tcb.snd.wnd.min(tcb.cwnd()) / part;
    let most = burst(tcb, mss);
    let srtt = tcb.rto.srtt().unwrap_or_default();
    let soon = tcb.rtxq.head().is_some_and(|head| now.since(head.sent_at) >= srtt / 2);
    tcb.owe.defer = soon && limit < most && limit < share && limit <= unsent;
}

/// The most of what is sent again from `seq` on that goes out in one piece, whole segments.
pub(super) fn whole_most(tcb: &Tcb, seq: Seq, mss: u32) -> u32 {
    if is_urgent(tcb, seq) { mss } else { tcb.gso_max / mss * mss }
}

/// How long what is lost becomes with what follows, where that fits a segment: small ones are sent
/// again together (as Linux), what is no record's end and in the window.
pub(super) fn joined(tcb: &Tcb, lost: &Sent, mss: u32) -> u32 {
    if is_urgent(tcb, lost.seq) || tcb.recovery.rule == Some(RtxRule::LossProbe) {
        return lost.len;
    }
    let edge = tcb.snd.una + tcb.snd.wnd;
    let room = if edge.after(lost.seq) { edge - lost.seq } else { 0 };
    let record = tcb.record_len(lost.seq).unwrap_or(u32::MAX);
    tcb.rtxq.joined(mss.min(room).min(record)).unwrap_or(lost.len)
}

/// Whether a segment that starts at `seq` points at urgent data: its pointer counts from there, so
/// no device can cut it.
pub(super) fn is_urgent(tcb: &Tcb, seq: Seq) -> bool {
    tcb.snd.up.is_some_and(|up| up.after(seq))
}

/// Whether a segment that was not full waits for its ACK (Minshall's variant of Nagle's algorithm:
/// full segments in flight hold no small one back).
pub(super) fn has_small_in_flight(tcb: &Tcb) -> bool {
    tcb.snd.sml.after(tcb.snd.una) && tcb.snd.sml.before_eq(tcb.snd.nxt)
}

/// Eff.snd.MSS (RFC 9293 §3.7.1): SMSS less the SACK blocks that ride along.
// Rules: MUST-16, 6691-2-2, 2525-2.18.
pub(super) fn eff_mss(tcb: &Tcb) -> u32 {
    let blocks = sack_blocks(tcb).len();
    let sack = if blocks > 0 { 4 + 8 * blocks as u32 } else { 0 };
    persist::half_of_window(tcb).saturating_sub(sack).max(1)
}

/// How many SACK blocks fit beside the timestamps (RFC 2018 §3) and, on the narrowest links, beside
/// a byte of data.
// Rules: 2018-3-1.
pub(super) fn max_blocks(tcb: &Tcb) -> usize {
    let room = tcb.snd.smss.saturating_sub(4 + 1) / 8;
    if tcb.ts.is_some() { room.min(3) as usize } else { room.min(4) as usize }
}

/// What is held out of order, behind what arrived a second time (RFC 2018 §4, RFC 2883 §4).
// Rules: 2018-4-1, 2018-4-2, 2883-4-1, 2883-4-4.
pub(super) fn sack_blocks(tcb: &Tcb) -> SackBlocks {
    let (mut blocks, most) = (SackBlocks::new(), max_blocks(tcb));
    // A socket of Linux that waits out TIME-WAIT has none.
    if !tcb.sack_ok || tcb.config.is_linux() && tcb.state() == State::TimeWait {
        return blocks;
    }
    let twice = tcb.loss.as_ref().and_then(|loss| loss.dsack);
    blocks.extend(twice.filter(|_| most > 0));
    let rest = most - blocks.len();
    let held = tcb.ooo.as_ref().map(|ooo| ooo.sack_blocks(rest, tcb.config.is_linux()));
    blocks.extend(held.into_iter().flatten());
    // Linux forgets the fifth range, and does not tell of it when it is the only one.
    if let (Some(ooo), false) = (&tcb.ooo, tcb.config.is_linux()) {
        let others: SackBlocks = ooo
            .ranges()
            .filter(|range| !blocks.contains(range))
            .take(most - blocks.len())
            .collect();
        blocks.extend(others);
    }
    blocks
}
