//! Loss recovery: what acknowledgments say about losses, and what follows (RFC 5681 §3.2, RFC 6582,
//! RFC 6675, RFC 8985); what a timeout does to the queue (RFC 5681 §3.1, RFC 6298 §5, RFC 5682).
//!
//! With SACK, RACK finds losses by time; without RACK, by the bytes that have arrived behind them.
//! Without SACK, each duplicate ACK says that a segment has left the network, not which.

use super::cc::{AckSample, Timeout};
use super::event::{CaState, Event, RtxRule, Spurious, Timer};
use super::prr::{self, Prr};
use super::rack;
use super::rtxq::{Amount, Judged, Sent};
use super::tcb::{Cx, Tcb};
use crate::base::Duration;

/// What an ACK told of what was sent.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Told {
    /// It moved SND.UNA.
    pub advanced: bool,
    /// A duplicate ACK (RFC 5681 §2).
    pub duplicate: bool,
    /// What it acknowledged, whether or not SACK had reported it.
    pub acked: Amount,
    /// Bytes it says were delivered, by SEG.ACK or SACK, for the first time.
    pub delivered: u32,
    /// The same in segments.
    pub segments: u32,
    /// Bytes it reported by SACK for the first time.
    pub sacked: u32,
    /// It reported something received twice.
    pub dsack: bool,
    /// It reported a mark of congestion (ECE).
    pub marked: bool,
    /// Some of what was delivered had been sent only once, before the last reduction.
    pub original: bool,
    /// Some of what it acknowledged had been sent more than once.
    pub again: bool,
    /// The newest transmission of what was delivered.
    pub newest: Option<Sent>,
    /// TSecr.
    pub echo: Option<u32>,
    /// What congestion control learns.
    pub sample: Option<AckSample>,
}

impl Told {
    /// What it says was delivered.
    pub(super) fn amount(&self) -> Amount {
        Amount { bytes: self.delivered, segments: self.segments }
    }
}

/// An ACK arrived that tells something.
pub(super) fn on_ack(tcb: &mut Tcb, told: &Told, cx: &mut Cx<'_>) {
    count_duplicates(tcb, told);
    let before = tcb.recovery.ca;
    let covered = tcb.recovery.recovery_point.is_none_or(|point| match before {
        // ACKs have ECE until CWR has come, which stands on what was sent behind it.
        CaState::Cwr => tcb.snd.una.after(point),
        _ if is_held(tcb) => false,
        _ => tcb.snd.una.after_eq(point),
    });
    let lost = match before {
        CaState::Loss => after_timeout(tcb, told, covered, cx),
        CaState::Recovery | CaState::Cwr => in_recovery(tcb, told, covered, cx),
        CaState::Open | CaState::Disorder => in_doubt(tcb, told, cx),
    };
    pace(tcb, told, before, lost, cx);
    // `recover` has done its work once more than it is acknowledged; 2 GiB later it would compare
    // the wrong way round.
    let passed = tcb.recovery.recovery_point.is_some_and(|point| tcb.snd.una.after(point));
    if tcb.recovery.ca == CaState::Open && passed {
        tcb.recovery.recovery_point = None;
    }
}

/// Duplicate ACKs in a row. Where SACK counts segments, one is an ACK that reports something for
/// the first time, whatever else it says (RFC 6675 §2).
// Rules: 6675-5-4.
fn count_duplicates(tcb: &mut Tcb, told: &Told) {
    let by_count = tcb.sack_ok && !tcb.config.rack;
    let duplicate = if by_count { told.sacked > 0 } else { told.duplicate && !told.advanced };
    let before = if told.advanced { 0 } else { tcb.recovery.dupacks };
    tcb.recovery.dupacks = before.saturating_add(u16::from(duplicate));
}

/// How much may be sent for this ACK: rate reduction's share, or what congestion control makes of
/// it, unless it came in recovery; Linux asks for the phase behind the ACK.
// Rules: 3168-6.1.2-5.
fn pace(tcb: &mut Tcb, told: &Told, before: CaState, lost: u32, cx: &mut Cx<'_>) {
    let (in_flight, ssthresh) = (tcb.in_flight(), tcb.ssthresh());
    let smss = tcb.snd.smss;
    let (whole, delivered) = (tcb.config.count_segments, tcb.weigh(told.amount()));
    if let Some(prr) = tcb.loss.as_mut().and_then(|loss| loss.prr.as_mut()) {
        let is_safe = told.advanced && lost == 0;
        prr.on_ack(prr::Progress { delivered, in_flight, ssthresh, smss, whole, is_safe });
    } else if let (Some(sample), true) = (&told.sample, may_grow(tcb, told))
        && (tcb.config.count_segments || !matches!(before, CaState::Recovery | CaState::Cwr))
        && !matches!(tcb.recovery.ca, CaState::Recovery | CaState::Cwr)
    {
        tcb.grow(sample, cx);
    }
}

/// New data was acknowledged; where much is reordered, something was delivered in any order.
fn may_grow(tcb: &Tcb, told: &Told) -> bool {
    let much = reordering(tcb) > tcb.config.reordering;
    told.advanced || much && told.delivered > 0
}

// ---- no loss is known

/// Open or Disorder: the ACK may tell of a loss.
fn in_doubt(tcb: &mut Tcb, told: &Told, cx: &mut Cx<'_>) -> u32 {
    if tcb.sack_ok {
        undo_if_received_twice(tcb, cx);
    } else {
        count_left(tcb, told);
    }
    let lost = detect(tcb, told, cx);
    if lost > 0 {
        enter(tcb, told, cx);
    } else if told.marked && may_heed_mark(tcb) {
        heed_mark(tcb, told, cx);
    } else {
        reopen(tcb, cx);
    }
    lost
}

/// Nothing is being recovered.
fn reopen(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    tcb.set_ca(if is_in_doubt(tcb) { CaState::Disorder } else { CaState::Open }, cx);
}

/// A loss was repaired before it was known: the window comes down, and that is all (RFC 8985
/// §7.4.2). Nothing was sent again for the reduction, so no report can take it back.
pub(super) fn give_way(tcb: &mut Tcb, told: &Told, cx: &mut Cx<'_>) {
    reduce(tcb, told, CaState::Cwr, cx);
    let again = sent_again(tcb);
    tcb.loss.get_or_insert_default().undo.end(again);
    leave(tcb, cx);
    reopen(tcb, cx);
}

/// Whether the peer holds something out of order.
fn is_in_doubt(tcb: &Tcb) -> bool {
    if tcb.sack_ok { tcb.rtxq.sacked().bytes > 0 } else { tcb.recovery.dupacks > 0 }
}

/// Once for each window of data (RFC 3168 §6.1.2).
// Rules: 3168-6.1.2-2.
fn may_heed_mark(tcb: &Tcb) -> bool {
    tcb.recovery.recovery_point.is_none_or(|point| tcb.snd.una.after(point))
}

/// The network marked a packet: the window comes down, nothing is sent again (RFC 3168 §6.1.2).
// Rules: 3168-6.1.2-1.
fn heed_mark(tcb: &mut Tcb, told: &Told, cx: &mut Cx<'_>) {
    let (outstanding, cwnd) = (outstanding(tcb), tcb.cc_cwnd());
    tcb.cc().on_ecn(cx.now, outstanding);
    come_down(tcb, (told, cwnd), CaState::Cwr, cx);
    let again = sent_again(tcb);
    tcb.loss.get_or_insert_default().undo.end(again);
}

/// Without SACK: each duplicate ACK is a segment that has left the network, and an ACK that moves
/// SND.UNA over a hole was preceded by as many as there were segments behind it.
// Rules: 5681-3.2-5.
fn count_left(tcb: &mut Tcb, told: &Told) {
    let smss = tcb.snd.smss;
    let left = tcb.rtxq.left();
    if told.advanced && tcb.recovery.ca == CaState::Recovery {
        let behind = told.acked.segments.saturating_sub(1);
        tcb.rtxq.set_left(left.segments.saturating_sub(behind), smss);
        tcb.recovery.deflation += behind.saturating_sub(left.segments) * smss;
    } else if told.advanced {
        tcb.rtxq.set_left(0, smss);
    } else if told.duplicate && tcb.recovery.ca != CaState::Loss {
        tcb.rtxq.set_left(left.segments + 1, smss);
        let outstanding = tcb.rtxq.flight_size();
        if tcb.rtxq.left().segments <= left.segments {
            // As many arrived as are outstanding: what is missing comes late.
            let rack = &mut tcb.loss.get_or_insert_default().rack;
            rack.overtaken(outstanding.segments);
        }
    }
}

/// Takes for lost what must be; says how much sequence space.
// Rules: 8985-4-1.
fn detect(tcb: &mut Tcb, told: &Told, cx: &mut Cx<'_>) -> u32 {
    match (tcb.sack_ok, tcb.config.rack) {
        (true, true) => detect_on_ack(tcb, told, cx),
        (true, false) => detect_by_bytes(tcb),
        (false, _) => detect_by_count(tcb),
    }
}

/// Losses by time, for an ACK. Linux looks for them only when it tells of something that has
/// arrived.
fn detect_on_ack(tcb: &mut Tcb, told: &Told, cx: &mut Cx<'_>) -> u32 {
    let advanced = tcb.loss.as_mut().is_some_and(|loss| loss.rack.take_advanced());
    if advanced || !tcb.config.is_linux() {
        return detect_by_time(tcb, cx);
    }
    if told.advanced {
        tcb.stop_timer(Timer::Reorder, cx);
    }
    0
}

/// RFC 8985 §6.2.
fn detect_by_time(tcb: &mut Tcb, cx: &mut Cx<'_>) -> u32 {
    let window = reordering_window(tcb);
    let Some(loss) = &tcb.loss else { return 0 };
    let (lost, next) = loss.rack.detect(&mut tcb.rtxq, window, cx.now);
    match next {
        Some(at) => tcb.set_timer(Timer::Reorder, at, cx),
        None => tcb.stop_timer(Timer::Reorder, cx),
    }
    if lost > 0 {
        tcb.recovery.rule = Some(RtxRule::Rack);
    }
    lost
}

/// DupThresh: the knob, or more when more was reordered.
pub(super) fn reordering(tcb: &Tcb) -> u16 {
    let seen = tcb.loss.as_ref().map_or(0, |loss| loss.rack.degree());
    tcb.config.reordering.max(seen.min(tcb.config.max_reordering))
}

/// The reordering window now.
fn reordering_window(tcb: &Tcb) -> Duration {
    let seen = tcb.loss.as_ref().is_some_and(|loss| loss.rack.reordering_seen());
    let enough = u32::from(reordering(tcb));
    let path = rack::Path {
        min_rtt: tcb.rto.min().unwrap_or_default(),
        srtt: tcb.rto.srtt().unwrap_or_default(),
        recovering: matches!(tcb.recovery.ca, CaState::Recovery | CaState::Loss),
        enough: !seen && tcb.rtxq.sacked().segments >= enough,
    };
    tcb.loss.as_ref().map_or(Duration::ZERO, |loss| loss.rack.window(path))
}

/// IsLost() of RFC 6675 §4: more than (DupThresh - 1) segments have arrived behind it; for the
/// first segment DupThresh ACKs that report something are enough, whatever the size (§5, 1).
// Rules: 6675-4-1, 6675-5-4.
fn detect_by_bytes(tcb: &mut Tcb) -> u32 {
    let runs = reordering(tcb);
    let enough = (u32::from(runs) - 1) * tcb.snd.smss;
    let high_rxt = tcb.rtxq.high_rxt();
    let lost = match tcb.rtxq.sacked_from_above(enough, runs) {
        None => 0,
        Some(edge) => tcb.rtxq.judge(|sent| match sent.retransmits {
            _ if sent.seq.after_eq(edge) => Judged::TooNew,
            0 => Judged::Lost,
            _ if high_rxt.is_none_or(|high| sent.seq.after_eq(high)) => Judged::Lost,
            _ => Judged::InTime,
        }),
    };
    if lost > 0 {
        tcb.recovery.rule = Some(RtxRule::SackThreshold);
        return lost;
    }
    if tcb.recovery.dupacks < runs || tcb.recovery.ca == CaState::Recovery {
        return 0;
    }
    tcb.rtxq.mark_head_lost();
    tcb.recovery.rule = Some(RtxRule::FastRetransmit);
    tcb.rtxq.lost().bytes
}

/// The third duplicate ACK (RFC 5681 §3.2; RFC 6582 §3.2 step 2), once for what is outstanding:
/// after a timeout, ACKs up to `recover` may be echoes of our own retransmissions.
// Rules: 6582-3.2-2, 5681-3.2-2.
fn detect_by_count(tcb: &mut Tcb) -> u32 {
    let enough = tcb.recovery.dupacks >= reordering(tcb);
    let covered = tcb.recovery.ca == CaState::Cwr
        || tcb.recovery.recovery_point.is_none_or(|point| tcb.snd.una.after(point));
    if !(enough && covered) {
        return 0;
    }
    tcb.rtxq.mark_head_lost();
    tcb.recovery.rule = Some(RtxRule::FastRetransmit);
    tcb.rtxq.lost().bytes
}

/// Fast recovery begins (RFC 5681 §3.2 steps 2 and 3; RFC 6675 §5 step 4).
// Rules: 6675-5-1.
fn enter(tcb: &mut Tcb, told: &Told, cx: &mut Cx<'_>) {
    tcb.recovery.partial_seen = false;
    tcb.recovery.force = true;
    reduce(tcb, told, CaState::Recovery, cx);
    super::nextseg::on_enter(tcb);
}

/// The window comes down for what is outstanding now.
// Rules: 2018-5.1-1.
pub(super) fn reduce(tcb: &mut Tcb, told: &Told, to: CaState, cx: &mut Cx<'_>) {
    let (outstanding, cwnd) = (outstanding(tcb), tcb.cc_cwnd());
    tcb.cc().on_loss(cx.now, outstanding);
    come_down(tcb, (told, cwnd), to, cx);
}

/// Bytes that were sent again and may still be answered: those in flight, and the oldest ones when
/// they are to be sent once more.
fn sent_again(tcb: &Tcb) -> u32 {
    let head = tcb.rtxq.head().filter(|head| head.retransmits > 0 && head.lost);
    tcb.rtxq.again().bytes + head.map_or(0, |head| head.len)
}

/// FlightSize; what was sent beyond cwnd MUST NOT be counted (RFC 5681 §3.2 step 2).
// Rules: 5681-3.2-4.
fn outstanding(tcb: &Tcb) -> u32 {
    tcb.flight_size().min(tcb.cc_cwnd())
}

/// The window is to become what congestion control says now, from `cwnd`.
// Rules: 9937-6.1-1, 9937-6-1.
fn come_down(tcb: &mut Tcb, (told, cwnd): (&Told, u32), to: CaState, cx: &mut Cx<'_>) {
    tcb.stop_timer(Timer::LossProbe, cx);
    tcb.recovery.recovery_point = Some(tcb.snd.nxt);
    tcb.owe_cwr();
    let (una, prr) = (tcb.snd.una, tcb.config.prr);
    // RecoverFS: what was not known to be delivered before this ACK (RFC 9937 §6.1).
    let (sacked, all) = (tcb.rtxq.sacked().bytes, tcb.rtxq.flight_size().bytes);
    let known = sacked - told.sacked.min(sacked);
    let flight = all + told.acked.bytes - known.min(all);
    let flight = if tcb.config.count_segments { cwnd } else { flight };
    let in_flight = tcb.in_flight();
    let loss = tcb.loss.get_or_insert_default();
    loss.tlp = None;
    loss.undo.begin(una, tcb.rtxq.runs_again());
    loss.prr = prr.then(|| Prr::begin(flight, in_flight));
    tcb.set_ca(to, cx);
}

/// Without SACK, duplicates of the ACK that reaches the recovery point may answer what was sent
/// again (RFC 6582 §4.1): Linux holds the state until more is acknowledged.
fn is_held(tcb: &Tcb) -> bool {
    let reached = tcb.recovery.recovery_point == Some(tcb.snd.una);
    reached && !tcb.sack_ok && tcb.config.count_segments
}

// ---- fast recovery

/// Recovery or CWR, until everything that was outstanding when it began is acknowledged.
// Rules: 6675-5-3.
fn in_recovery(tcb: &mut Tcb, told: &Told, covered: bool, cx: &mut Cx<'_>) -> u32 {
    if !tcb.sack_ok {
        count_left(tcb, told);
    }
    if covered {
        if !undo_if_echoed(tcb, told, cx) && !undo_if_received_twice(tcb, cx) {
            leave(tcb, cx);
        }
        if told.marked && may_heed_mark(tcb) {
            heed_mark(tcb, told, cx); // the next window is marked, too
            return 0;
        }
        return if tcb.sack_ok { detect_again(tcb, told, cx) } else { 0 };
    }
    if told.advanced && undo_if_echoed(tcb, told, cx) || undo_if_received_twice(tcb, cx) {
        return 0;
    }
    if is_held(tcb) {
        tcb.recovery.deflation = 0; // what partial ACKs stood for is acknowledged
        return 0;
    }
    if tcb.sack_ok || tcb.recovery.ca == CaState::Cwr {
        let lost = detect(tcb, told, cx);
        if lost > 0 && tcb.recovery.ca == CaState::Cwr {
            lose_in_cwr(tcb, cx);
        }
        return lost;
    }
    if told.advanced && tcb.recovery.ca == CaState::Recovery {
        partial_ack(tcb);
    }
    0
}

/// A loss while the window is coming down already: it comes down no further for that.
fn lose_in_cwr(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    (tcb.recovery.partial_seen, tcb.recovery.force) = (false, true);
    tcb.recovery.recovery_point = Some(tcb.snd.nxt);
    tcb.set_ca(CaState::Recovery, cx);
}

/// Losses among what was sent after the recovery point.
// Rules: 5681-4.3-1.
fn detect_again(tcb: &mut Tcb, told: &Told, cx: &mut Cx<'_>) -> u32 {
    let lost = detect(tcb, told, cx);
    if lost > 0 {
        enter(tcb, told, cx);
    } else if tcb.rtxq.sacked().bytes > 0 {
        tcb.set_ca(CaState::Disorder, cx);
    }
    lost
}

/// RFC 6582 §3.2 step 3, "partial acknowledgments": the next segment is lost, too.
// Rules: 6582-3.2-4.
fn partial_ack(tcb: &mut Tcb) {
    tcb.rtxq.mark_head_lost();
    tcb.recovery.force = true;
    tcb.recovery.rule = Some(RtxRule::PartialAck);
    tcb.recovery.partial_seen = true;
}

/// The recovery point is acknowledged: the reduced window holds.
// Rules: 9937-6.4-1, 5681-3.2-7, 2525-2.8.
pub(super) fn leave(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    let smss = tcb.snd.smss;
    tcb.rtxq.set_left(0, smss);
    (tcb.recovery.force, tcb.recovery.deflation) = (false, 0);
    let outstanding = tcb.flight_size();
    tcb.cc().on_recovered(cx.now, outstanding);
    tcb.on_window_used(cx.now);
    if let Some(loss) = &mut tcb.loss {
        loss.prr = None;
        loss.rack.on_recovered();
    }
    tcb.set_ca(CaState::Open, cx);
}

// ---- after a timeout

/// The retransmission timer expired: what is in flight is taken for lost and sent again in slow
/// start, one segment to begin with. `first`: the first expiry for this data.
// Rules: 5682-3.1-1, 5682-3.1-5, 6582-3.2-6.
pub(super) fn on_timeout(tcb: &mut Tcb, first: bool, cx: &mut Cx<'_>) {
    let (una, ca) = (tcb.snd.una, tcb.recovery.ca);
    let under_way = tcb.recovery.recovery_point.is_some_and(|point| point.after(una));
    let anew = !(under_way && matches!(ca, CaState::Recovery | CaState::Loss));
    tcb.recovery.frto = tcb.config.frto && (anew || !first);
    tcb.recovery.send_new = false;
    let timeout = match ca {
        _ if !first => Timeout::Again,
        CaState::Cwr | CaState::Recovery if under_way => Timeout::InRecovery,
        _ => Timeout::First,
    };
    let outstanding = tcb.flight_size();
    tcb.cc().on_rto(cx.now, outstanding, timeout);
    tcb.on_window_used(cx.now);
    tcb.owe_cwr();
    let enough = tcb.has_left().div_ceil(tcb.snd.smss) >= u32::from(tcb.config.reordering);
    let doubtful = matches!(ca, CaState::Open | CaState::Disorder) && enough;
    let loss = tcb.loss.get_or_insert_default();
    (loss.prr, loss.tlp) = (None, None);
    if doubtful {
        loss.rack.forget_degree();
    }
    if timeout == Timeout::First {
        loss.undo.begin(una, tcb.rtxq.runs_again());
    }
    mark_lost_by_timeout(tcb, cx);
    if tcb.config.is_linux() {
        let spared = tcb.in_flight();
        tcb.cc().on_spared(spared);
    }
    (tcb.recovery.dupacks, tcb.recovery.deflation) = (0, 0);
    tcb.recovery.recovery_point = Some(tcb.snd.nxt);
    tcb.recovery.force = true;
    tcb.recovery.rule = Some(RtxRule::Rto);
    tcb.stop_timer(Timer::LossProbe, cx);
    tcb.stop_timer(Timer::Reorder, cx);
    tcb.set_ca(CaState::Loss, cx);
}

/// The head is lost, whatever SACK said of it (RFC 2018 §8); with RACK, what was sent too recently
/// is not (RFC 8985 §6.3).
// Rules: 2018-5-2, 2018-5-3, 6298-5.4, 8985-6.3-1.
fn mark_lost_by_timeout(tcb: &mut Tcb, cx: &Cx<'_>) {
    let smss = tcb.snd.smss;
    tcb.rtxq.set_left(0, smss);
    if tcb.rtxq.head().is_some_and(|head| head.sacked) {
        tcb.rtxq.forget_sacked();
        tcb.loss.get_or_insert_default().seen.clear(); // what it reports next is news
    }
    let window = reordering_window(tcb);
    let by_time = tcb.sack_ok && tcb.config.rack;
    let Some(loss) = tcb.loss.as_ref().filter(|_| by_time) else {
        tcb.rtxq.mark_all_lost();
        return;
    };
    let head = tcb.snd.una;
    tcb.rtxq.judge(|sent| match loss.rack.is_overdue(sent.sent_at, window, cx.now) {
        false if sent.seq != head => Judged::InTime,
        _ => Judged::Lost,
    });
}

/// After a timeout; when it was too early, or what was sent again is lost, too, the ACK may tell of
/// a loss like any other.
fn after_timeout(tcb: &mut Tcb, told: &Told, covered: bool, cx: &mut Cx<'_>) -> u32 {
    let again = tcb.rtxq.again();
    let lost = in_loss(tcb, told, covered, cx);
    let by_time = tcb.sack_ok && tcb.config.rack;
    let reported = tcb.rtxq.sacked().bytes > 0;
    match tcb.recovery.ca {
        CaState::Open | CaState::Disorder if by_time && reported && lost == 0 => {
            in_doubt(tcb, told, cx)
        }
        CaState::Loss if by_time && lost > 0 && tcb.rtxq.again().bytes < again.bytes => {
            enter(tcb, told, cx);
            lost
        }
        _ => lost,
    }
}

/// After a timeout, until what was outstanding then is acknowledged (RFC 5682 §3.1 on the way).
// Rules: 6675-5.1-1.
fn in_loss(tcb: &mut Tcb, told: &Told, covered: bool, cx: &mut Cx<'_>) -> u32 {
    tcb.recovery.send_new = false;
    if told.advanced && undo_if_echoed(tcb, told, cx) || undo_if_received_twice(tcb, cx) {
        return 0;
    }
    if tcb.recovery.frto && frto(tcb, told, covered, cx) {
        return 0;
    }
    if covered {
        tcb.recovery.force = false;
        if let Some(loss) = &mut tcb.loss {
            loss.rack.on_recovered();
        }
        tcb.set_ca(CaState::Open, cx);
        return if tcb.sack_ok { detect_again(tcb, told, cx) } else { 0 };
    }
    if !tcb.sack_ok {
        count_behind(tcb, told);
    }
    if tcb.sack_ok && tcb.config.rack { detect_on_ack(tcb, told, cx) } else { 0 }
}

/// Without SACK, duplicates tell that what F-RTO sent behind the lost has arrived: each lets
/// something lost be sent again, or nothing would until the next timeout (RFC 5682 §2.1 step 3a).
// Rules: 5682-3.1-3.
fn count_behind(tcb: &mut Tcb, told: &Told) {
    let (smss, nxt) = (tcb.snd.smss, tcb.snd.nxt);
    let sent_new = tcb.recovery.recovery_point.is_some_and(|point| nxt.after(point));
    if told.advanced {
        tcb.rtxq.set_left(0, smss);
    } else if told.duplicate && sent_new {
        tcb.rtxq.set_left(tcb.rtxq.left().segments + 1, smss);
    }
}

/// F-RTO (RFC 5682 §3.1): while new data goes out instead of old, ACKs of what was sent only once
/// tell that the timeout was too early. Says whether that decides for now.
// Rules: 5682-3.1-2, 5682-3.1-3, 5682-3.1-4.
fn frto(tcb: &mut Tcb, told: &Told, covered: bool, cx: &mut Cx<'_>) -> bool {
    if told.original && tcb.config.undo {
        undo(tcb, Spurious::Frto, cx); // step 3b
        return true;
    }
    let sent_new = tcb.recovery.recovery_point.is_some_and(|point| tcb.snd.nxt.after(point));
    if sent_new {
        if told.sacked > 0 || told.duplicate {
            tcb.recovery.frto = false; // step 3a: the loss was real
        }
    } else if told.advanced && !covered {
        // step 2b: up to two new segments, if there are any
        tcb.recovery.recovery_point = Some(tcb.snd.nxt);
        let room = (tcb.snd.una + tcb.snd.wnd).after(tcb.snd.nxt);
        tcb.recovery.send_new = tcb.unsent() > 0 && room;
        tcb.recovery.frto = tcb.recovery.send_new;
        return tcb.recovery.send_new;
    }
    false
}

// ---- what was for nothing

/// Eifel: the ACK that moved SND.UNA answers an original, not what was sent again.
// Rules: 3522-3.2-3.
fn undo_if_echoed(tcb: &mut Tcb, told: &Told, cx: &mut Cx<'_>) -> bool {
    let original = tcb.loss.as_ref().is_some_and(|loss| loss.undo.is_echo_of_original(told.echo));
    if original && tcb.config.undo {
        undo(tcb, Spurious::Eifel, cx);
    }
    original && tcb.config.undo
}

/// D-SACK: the peer has received twice whatever was sent again.
fn undo_if_received_twice(tcb: &mut Tcb, cx: &mut Cx<'_>) -> bool {
    let twice = tcb.loss.as_ref().is_some_and(|loss| loss.undo.all_received_twice());
    if twice && tcb.config.undo {
        undo(tcb, Spurious::Dsack, cx);
    }
    twice && tcb.config.undo
}

/// Nothing was lost: the window is again what it was, and what waits to be sent again does not.
// Rules: 4015-3.3-1.
fn undo(tcb: &mut Tcb, how: Spurious, cx: &mut Cx<'_>) {
    tcb.cc().undo(cx.now);
    tcb.ecn.owes_cwr = false;
    tcb.rtxq.mark_none_lost();
    (tcb.recovery.force, tcb.recovery.frto, tcb.recovery.send_new) = (false, false, false);
    tcb.recovery.deflation = 0;
    let again = sent_again(tcb);
    if let Some(loss) = &mut tcb.loss {
        loss.prr = None;
        loss.undo.end(again);
    }
    let (cwnd, ssthresh) = (tcb.cc_cwnd(), tcb.ssthresh());
    cx.note(|| Event::Undo { how, cwnd, ssthresh });
    if !tcb.rtxq.is_empty() && !tcb.timers.is_running(Timer::Rtx) {
        let at = cx.now + tcb.rto(); // it expired, and nothing was sent again
        tcb.set_timer(Timer::Rtx, at, cx);
    }
    reopen(tcb, cx);
}

// ---- timers

/// The reordering timer expired: what has not arrived by now is lost (RFC 8985 §6.2 step 5).
pub(super) fn on_reorder_timer(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    let lost = if tcb.rtxq.is_empty() { 0 } else { detect_by_time(tcb, cx) };
    super::ack::rtx_timer_from_head(tcb, cx);
    if lost == 0 {
        return;
    }
    // Linux lets what was lost be paid as if a segment had arrived.
    let (delivered, segments) = if tcb.config.is_linux() { (tcb.snd.smss, 1) } else { (0, 0) };
    let told = Told { delivered, segments, ..Told::default() };
    match tcb.recovery.ca {
        CaState::Open | CaState::Disorder => {
            enter(tcb, &told, cx);
            pace(tcb, &told, CaState::Recovery, 1, cx);
        }
        CaState::Cwr => lose_in_cwr(tcb, cx),
        CaState::Recovery | CaState::Loss => {}
    }
}
