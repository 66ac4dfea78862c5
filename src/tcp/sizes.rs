//! How large a segment is, and how much goes out together.

use super::batches::{Batches, Turn, Write};
use super::event::{Blocked, CaState, RtxRule};
use super::persist;
use super::rtxq::Sent;
use super::state::State;
use super::tcb::Tcb;
use crate::base::time::micros;
use crate::base::{Duration, Instant, Seq};
use crate::wire::tcp::SackBlocks;

/// Windows up to this are not halved for batches: they are those of tiny hosts (as Linux).
const SMALL: u32 = 536;
/// How long ago something must have gone out for the rest of it to wait, and how soon an ACK must
/// be due.
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
    let near = micros(tcb.rto.min().unwrap_or_default()).max(1) >> 9;
    let extra = if near < 32 { u64::from(most) >> near } else { 0 };
    let bytes = (rate >> 10).saturating_add(extra).min(most.into());
    let least = u32::from(tcb.config.min_tso_segs.max(1));
    (bytes as u32 / mss).max(least).min(half).saturating_mul(mss).min(most)
}

/// Less than a burst may go out, and something went out within the last millisecond: the ACK of
/// what is in flight, due within a millisecond, will allow more, and it goes out together (as
/// Linux).
pub(super) fn note_deferral(tcb: &mut Tcb, now: Instant) {
    tcb.owe.defer = false;
    let unsent = tcb.unsent();
    if unsent == 0 {
        return;
    }
    let mss = eff_mss(tcb);
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
    let within = DEFERRAL.min(srtt / 2);
    let soon = tcb.rtxq.head().is_some_and(|head| head.sent_at + srtt <= now + within);
    tcb.owe.defer = soon && limit < most && limit < share && limit <= unsent;
}

/// Whether what is written is queued in batches: where bursts are pushed, and devices take them.
fn has_batches(tcb: &Tcb) -> bool {
    tcb.config.push_bursts && tcb.gso_max > tcb.snd.smss
}

fn batches(tcb: &Tcb) -> Option<&Batches> {
    tcb.counters.rare.as_ref()?.batches.as_ref().filter(|_| has_batches(tcb))
}

/// What is written and not queued yet.
fn unqueued(tcb: &Tcb) -> u32 {
    let end = tcb.tx.end();
    match batches(tcb) {
        Some(batches) => {
            let from = batches.filled().later(tcb.snd.nxt);
            if end.after(from) { end - from } else { 0 }
        }
        None if has_batches(tcb) => tcb.unsent(),
        None => 0,
    }
}

/// What a batch holds: what the device takes, but half of the largest window at most.
fn size_goal(tcb: &Tcb) -> u32 {
    let (mss, max_wnd) = (eff_mss(tcb), tcb.snd.max_wnd);
    let bound = if max_wnd > SMALL { max_wnd / 2 } else { max_wnd };
    (tcb.gso_max.min(bound) / mss * mss).max(mss)
}

/// What is written when nothing waits to be sent has the place of a batch, and of what goes out of
/// it while it fills, however little the send buffer has left (as Linux).
pub(super) fn first_batch(tcb: &Tcb) -> u32 {
    let opens = tcb.tx.is_empty() || tcb.unsent() == 0 && tcb.tx.len() < tcb.send_buffer();
    let opens = opens && tcb.syn_acked && !tcb.pressed;
    if !(opens && tcb.config.is_linux() && has_batches(tcb)) {
        return 0;
    }
    let (mss, goal) = (eff_mss(tcb), size_goal(tcb));
    goal + tcb.cwnd_takes(mss).min(tcb.rwnd_room()).min(goal) / mss * mss
}

/// The next part of what is written is queued; says whether there is one.
pub(super) fn queue_more(tcb: &mut Tcb) -> bool {
    if unqueued(tcb) == 0 {
        return false;
    }
    let nxt = tcb.snd.nxt.later(tcb.tx.base());
    let (max_wnd, tail) = (tcb.snd.max_wnd, batches(tcb).map(|b| (b.tail(nxt), b.filled())));
    let (from, filled) = tail.unwrap_or((nxt, nxt));
    let write = Write {
        end: tcb.record_len(filled).map_or(tcb.tx.end(), |len| filled + len),
        more: tcb.more,
        closed: filled.after(from) && tcb.record_len(from) == Some(filled - from),
        most: size_goal(tcb),
        half: max_wnd / 2,
    };
    tcb.counters.rare().batches.get_or_insert_with(|| Batches::new(nxt)).fill(nxt, write);
    true
}

/// Whether all that is written is queued and goes as one, if it fits a segment: nothing is queued,
/// and no record ends in it.
pub(super) fn queues_whole(tcb: &Tcb) -> bool {
    tcb.counters.rare.as_ref().is_none_or(|rare| {
        let fresh = rare.batches.as_ref().is_none_or(|batches| batches.is_fresh(tcb.snd.nxt));
        fresh && rare.records.is_empty()
    })
}

/// All that is written is queued, and goes now.
// The queue is made here, too, that both ways leave the same block behind.
pub(super) fn queue_whole(tcb: &mut Tcb) {
    if has_batches(tcb) {
        let (nxt, end) = (tcb.snd.nxt, tcb.tx.end());
        tcb.counters.rare().batches.get_or_insert_with(|| Batches::new(nxt)).pass(end);
    }
}

/// Whether nothing may go before more is queued.
pub(super) fn waits_for_queue(tcb: &Tcb) -> bool {
    let waits = |batches: &Batches| batches.turn == Turn::Nothing || !batches.writing;
    unqueued(tcb) > 0 && batches(tcb).is_none_or(waits)
}

/// How much a batch that goes out is filled up to from the next one: no further than a record goes.
fn batch_most(tcb: &Tcb) -> u32 {
    if batches(tcb).is_none_or(Batches::is_single) {
        return u32::MAX; // there is no next one
    }
    let mss = eff_mss(tcb);
    let whole = tcb.cwnd_room().min(burst(tcb, mss)) / mss * mss;
    whole.max(mss).min(tcb.record_len(tcb.snd.nxt).unwrap_or(u32::MAX))
}

/// How much one super-segment may hold, for the batches behind it, and whether its end is pushed;
/// `None`: nobody cares, or what is written is about to be queued.
fn batch(tcb: &Tcb) -> Option<(u32, bool)> {
    let batches = batches(tcb).filter(|_| !waits_for_queue(tcb))?;
    let first = batches.first(tcb.snd.nxt, batch_most(tcb));
    Some(first).filter(|(len, _)| *len > 0 || unqueued(tcb) > 0)
}

/// How much of what is unsent may share a segment, where that is not all: up to a record's end, or
/// what a batch holds; what follows holds it back no longer.
pub(super) fn shared(tcb: &Tcb, unsent: u32) -> Result<Option<u32>, Blocked> {
    let batch = batch(tcb).map(|(len, _)| len).filter(|len| *len < unsent);
    match batch {
        Some(0) => Err(Blocked::App), // more of the write is to be queued
        _ => Ok(batch.into_iter().chain(tcb.record_len(tcb.snd.nxt)).min()),
    }
}

/// Whether the next `len` bytes are the last that the application wrote, and it said nothing of
/// more, or the last of a record: the receiver need not wait (RFC 9293 §3.9.1.2). BSD asks only
/// whether they are the last.
pub(super) fn ends(tcb: &Tcb, len: u32) -> bool {
    if let Some((all, push)) = batch(tcb) {
        return push && len == all || tcb.record_len(tcb.snd.nxt) == Some(len);
    }
    let last = len == tcb.unsent() && (!tcb.more || tcb.config.is_bsd());
    last || tcb.record_len(tcb.snd.nxt) == Some(len)
}

/// Whether one super-segment goes in the middle of a write, which waits for no more.
pub(super) fn goes_at_once(tcb: &Tcb) -> bool {
    is_writing(tcb) && batches(tcb).is_some_and(|batches| batches.turn == Turn::One)
}

/// Whether what goes out does so in the middle of a write.
fn is_writing(tcb: &Tcb) -> bool {
    batches(tcb).is_some_and(|batches| batches.writing)
}

/// Whether no small segment waits for one in flight: by Minshall there is no small one, or more of
/// the write follows.
pub(super) fn is_alone(tcb: &Tcb) -> bool {
    tcb.config.minshall && !has_small_in_flight(tcb) || is_writing(tcb)
}

/// Whether small segments wait for what the application said that it will write; in the middle of a
/// write it does so.
pub(super) fn is_corked(tcb: &Tcb) -> bool {
    (tcb.config.cork || tcb.owe.more) && !is_writing(tcb)
}

/// Nothing goes now: the first batch is filled up all the same, where cwnd has room.
pub(super) fn fill_up_batch(tcb: &mut Tcb) {
    if batches(tcb).is_none() {
        return;
    }
    let (nxt, most) = (tcb.snd.nxt, batch_most(tcb));
    if tcb.cwnd_room() >= eff_mss(tcb)
        && let Some(batches) = tcb.counters.rare.as_mut().and_then(|rare| rare.batches.as_mut())
    {
        batches.fill_up(nxt, most);
    }
}

/// `len` bytes go out.
pub(super) fn take_batch(tcb: &mut Tcb, len: u32) {
    if len == 0 || batches(tcb).is_none_or(Batches::is_empty) {
        return;
    }
    let (nxt, most) = (tcb.snd.nxt, batch_most(tcb));
    let rare = tcb.counters.rare.as_mut();
    if let Some(batches) = rare.and_then(|rare| rare.batches.as_mut()) {
        batches.sent(nxt, len, most);
    }
}

/// The most of what is sent again from `seq` on that goes out in one piece, whole segments.
pub(super) fn whole_most(tcb: &Tcb, seq: Seq, mss: u32) -> u32 {
    if is_single(tcb, seq) { mss } else { tcb.gso_max / mss * mss }
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

/// Whether what starts at `seq` goes out as one segment, as no device may cut it: each piece would
/// say what is said once, where urgent data ends, or what came twice (RFC 2883 §4).
// Rules: 2883-4-2.
pub(super) fn is_single(tcb: &Tcb, seq: Seq) -> bool {
    is_urgent(tcb, seq) || tcb.loss.as_ref().is_some_and(|loss| loss.dsack.is_some())
}

/// Whether a segment that was not full waits for its ACK (Minshall's variant of Nagle's algorithm:
/// full segments in flight hold no small one back).
fn has_small_in_flight(tcb: &Tcb) -> bool {
    tcb.snd.sml.after(tcb.snd.una) && tcb.snd.sml.before_eq(tcb.snd.nxt)
}

/// Eff.snd.MSS (RFC 9293 §3.7.1): SMSS less the SACK blocks that ride along.
// Rules: MUST-16, 6691-2-2, 2525-2.18.
pub(super) fn eff_mss(tcb: &Tcb) -> u32 {
    let sack = match has_news(tcb) {
        true => match sack_blocks(tcb).len() {
            0 => 0,
            blocks => 4 + 8 * blocks as u32,
        },
        false => 0,
    };
    persist::half_of_window(tcb).saturating_sub(sack).max(1)
}

/// Whether there may be something to report by SACK: nearly never.
#[inline]
fn has_news(tcb: &Tcb) -> bool {
    tcb.ooo.is_some() || tcb.loss.as_ref().is_some_and(|loss| loss.dsack.is_some())
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
#[inline]
pub(super) fn sack_blocks(tcb: &Tcb) -> SackBlocks {
    if has_news(tcb) { news(tcb) } else { SackBlocks::new() }
}

fn news(tcb: &Tcb) -> SackBlocks {
    let mut blocks = SackBlocks::new();
    let twice = tcb.loss.as_ref().and_then(|loss| loss.dsack);
    let most = max_blocks(tcb);
    // A socket of Linux that waits out TIME-WAIT has none.
    if !tcb.sack_ok || tcb.config.is_linux() && tcb.state() == State::TimeWait {
        return blocks;
    }
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
