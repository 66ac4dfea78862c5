//! What an acknowledgment does (RFC 9293 §3.10.7.4, fifth, ESTABLISHED): it takes sent data off the
//! queue, measures the round trip, updates the window and drives recovery.

use super::cc::AckSample;
use super::event::{CaState, Event, Timer};
use super::recovery::{self, Told};
use super::rtxq::{Acked, Amount};
use super::sack::{self, Deliveries};
use super::segment::Segment;
use super::tcb::{Cx, Tcb};
use super::tlp;
use crate::base::{Duration, Instant, Seq};
use crate::wire::tcp::{Ctl, Header};

/// An acceptable ACK in a synchronized state.
// Rules: SHLD-17, 6429-3-2.
pub(super) fn on_ack(tcb: &mut Tcb, seg: &Segment, cx: &mut Cx<'_>) {
    let Some(seg_ack) = seg.hdr.ack else { return };
    tcb.measured.on_ack(cx.now);
    tcb.take_uto(seg.hdr.options.uto);
    let duplicate = is_duplicate(tcb, seg, seg_ack);
    update_window(tcb, seg, seg_ack, cx);
    // `MSG_MORE` is about the call alone: an ACK sends what Nagle lets go.
    tcb.owe.more &= seg.arrived.len > 0 && seg_ack == tcb.snd.una;
    take_ack(tcb, &seg.hdr, duplicate, cx);
    // A closed window is not a dead peer (MUST-37). But when the user is gone, nobody else could
    // end the wait, and R2 counts all the same (RFC 6429).
    let (closed, patient) = (tcb.snd.wnd == 0, !tcb.orphan);
    if tcb.probes > 0 && (patient || !closed) {
        tcb.probes = 0;
        super::persist::restart(tcb, cx);
    }
    if closed && patient {
        tcb.retransmits = 0;
    }
}

/// RFC 5681 §2, "duplicate acknowledgment": (a) data outstanding, (b) no data, (c) no SYN or FIN,
/// (d) the greatest ACK so far, (e) the window of the last segment; for Linux, none that counts.
// Rules: 5681-2-1.
fn is_duplicate(tcb: &Tcb, seg: &Segment, seg_ack: Seq) -> bool {
    let same = match tcb.config.is_linux() {
        true => !is_window_news(tcb, seg, seg_ack),
        false => window(tcb, seg) == tcb.snd.wnd,
    };
    !tcb.rtxq.is_empty() && seg.arrived.len == 0 && seg_ack == tcb.snd.una && same
}

/// Whether a segment tells the window newer than what is known. Linux takes any that acknowledges
/// more, and of two that differ in nothing else the larger one, or none at all.
pub(super) fn is_window_news(tcb: &Tcb, seg: &Segment, seg_ack: Seq) -> bool {
    let (una, wl1, wl2) = (tcb.snd.una, tcb.snd.wl1, tcb.snd.wl2);
    if tcb.config.is_linux() {
        let (seq, offered) = (seg.arrived.seq, window(tcb, seg));
        let more = offered > tcb.snd.wnd || offered == 0;
        return seg_ack.after(una) || seg_ack == una && (seq.after(wl1) || seq == wl1 && more);
    }
    let seq = seg.hdr.seq;
    una.before_eq(seg_ack) && (wl1.before(seq) || (wl1 == seq && wl2.before_eq(seg_ack)))
}

/// SND.WND, unless the segment is older than the one that set it (RFC 9293 §3.10.7.4: "this check
/// prevents using old segments to update the window").
pub(super) fn update_window(tcb: &mut Tcb, seg: &Segment, seg_ack: Seq, cx: &mut Cx<'_>) {
    if !is_window_news(tcb, seg, seg_ack) {
        return;
    }
    tcb.snd.wl1 = if tcb.config.is_linux() { seg.arrived.seq } else { seg.hdr.seq };
    tcb.snd.wl2 = seg_ack;
    let before = tcb.snd.wnd;
    take_window(tcb, seg);
    if before == 0 && tcb.snd.wnd > 0 {
        tcb.owe.probe = false;
        if !tcb.config.is_linux() || tcb.snd.wnd >= tcb.unsent().min(tcb.snd.smss) {
            tcb.probe_backoff = 0;
        }
        tcb.stop_timer(Timer::Persist, cx);
    }
}

/// What the segment's field means: scaled, unless it has a SYN (RFC 7323 §2.2).
// Rules: MUST-1, 7323-2.2-2, 7323-2.3-2.
fn window(tcb: &Tcb, seg: &Segment) -> u32 {
    let shift = if seg.arrived.syn { 0 } else { tcb.snd.wscale };
    u32::from(seg.hdr.wnd) << shift
}

/// SND.WND from the segment's field and the agreed scale.
pub(super) fn take_window(tcb: &mut Tcb, seg: &Segment) {
    tcb.snd.wnd = window(tcb, seg);
    tcb.snd.max_wnd = tcb.snd.max_wnd.max(tcb.snd.wnd);
}

/// What an ACK says: blocks first, then what SEG.ACK covers; recovery follows.
// Rules: 3042-2-3.
pub(super) fn take_ack(tcb: &mut Tcb, hdr: &Header, duplicate: bool, cx: &mut Cx<'_>) {
    let Some(seg_ack) = hdr.ack else { return };
    let waited = waits_for_more(tcb);
    let echo = echo(tcb, hdr);
    let marked = tcb.ecn.ok && hdr.ctl.has(Ctl::ECE) && !hdr.ctl.syn();
    let mut told = Told { duplicate, marked, echo, ..Told::default() };
    let blocks = &hdr.options.sack;
    // Before the SYN is acknowledged, nothing can have come behind it.
    let opened = tcb.syn_acked || seg_ack.after(tcb.snd.una);
    let first = match tcb.sack_ok && opened && !blocks.is_empty() {
        true => sack::take(tcb, (blocks, seg_ack), &mut told, cx),
        false => None,
    };
    if duplicate && !tcb.sack_ok && tcb.recovery.ca != CaState::Loss {
        (told.delivered, told.segments) = (tcb.snd.smss, 1); // one has left the network, whichever
    }
    let mut rtt = None;
    if seg_ack.after(tcb.snd.una) {
        rtt = advance(tcb, hdr, &mut told, cx);
    } else if let (Some(sent_at), true) = (first, told.sacked > 0) {
        rtt = Some(cx.now.since(sent_at));
        sampled(tcb, cx.now.since(sent_at), cx);
        wait_as_long(tcb, sent_at, cx);
    }
    note_reordering(tcb);
    tcb.counters.delivered = tcb.counters.delivered.wrapping_add(told.segments);
    if told.delivered > 0 {
        sample(tcb, &mut told, rtt, cx);
    }
    if told.advanced || told.sacked > 0 || told.dsack || duplicate || marked {
        tlp::on_ack(tcb, &told, cx);
        recovery::on_ack(tcb, &told, cx);
    }
    if told.advanced {
        tlp::schedule(tcb, cx);
        let waits = waits_for_more(tcb);
        if waited && !waits || tcb.timers.is_running(Timer::Reorder) {
            rtx_timer_from_head(tcb, cx);
        }
    }
    if told.advanced {
        super::autotune::on_ack(tcb, cx.now);
        doubt_blocks(tcb, cx);
    }
    super::sizes::note_deferral(tcb, cx.now);
}

/// TSecr, where timestamps are agreed on and it echoes one.
pub(super) fn echo(tcb: &Tcb, hdr: &Header) -> Option<u32> {
    hdr.options.ts.map(|ts| ts.ecr).filter(|ecr| *ecr != 0 && tcb.ts.is_some())
}

/// What was sent at `sent_at`, before the head was sent again, has arrived: the head's ACK takes as
/// long from now on (as Linux).
fn wait_as_long(tcb: &mut Tcb, sent_at: Instant, cx: &mut Cx<'_>) {
    let later = tcb.rtxq.head().is_some_and(|head| head.sent_at > sent_at);
    if later && tcb.config.is_linux() {
        tcb.set_timer(Timer::Rtx, cx.now + tcb.rto(), cx);
    }
}

/// The peer acknowledges up to what it has reported, and not that: it has gone back on it. The
/// timeout that forgets its reports comes soon then (as Linux).
fn doubt_blocks(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    let back = tcb.rtxq.head().is_some_and(|head| head.sacked);
    if back && tcb.config.is_linux() {
        let soon = (tcb.rto.srtt().unwrap_or_default() / 2).max(Duration::from_millis(10));
        tcb.set_timer(Timer::Rtx, cx.now + soon, cx);
    }
}

/// How far what came late was overtaken.
pub(super) fn note_reordering(tcb: &mut Tcb) {
    let (smss, tells) = (tcb.snd.smss, tcb.recovery.ca != CaState::Loss);
    if let Some(loss) = tcb.loss.as_mut().filter(|_| tcb.sack_ok) {
        let tells = tells || loss.undo.is_armed();
        loss.rack.note_reordering(smss, tells);
    }
}

/// Takes what is newly acknowledged off the queue; timers follow. Says the round trip, if one could
/// be measured.
// Rules: 6298-3-2.
pub(super) fn advance(
    tcb: &mut Tcb,
    hdr: &Header,
    told: &mut Told,
    cx: &mut Cx<'_>,
) -> Option<Duration> {
    let seg_ack = hdr.ack?;
    let syn = u32::from(!std::mem::replace(&mut tcb.syn_acked, true));
    let deliveries = Deliveries::new(tcb, told.echo, cx.now);
    let mut rack = tcb.loss.as_mut().map(|loss| &mut loss.rack);
    let (before, left, smss) = (told.delivered, tcb.rtxq.left(), tcb.snd.smss);
    let acked = tcb.rtxq.ack(seg_ack, |sent| deliveries.take(sent, rack.as_deref_mut(), told));
    if let Some(rack) = rack {
        rack.on_ack(seg_ack);
    }
    // Without SACK it may answer what was sent again as well (RFC 5682 §2.1).
    told.original &= tcb.sack_ok || !acked.retransmitted;
    told.again = acked.retransmitted;
    // Duplicates have told of some of it; the segment that was missing is news in any case.
    let fresh = told.delivered - before;
    told.delivered = before + fresh.saturating_sub(left.bytes).max(fresh.min(smss));
    told.segments += match syn {
        // Duplicates have told of some of them.
        0 if left.segments > 0 => acked.segments.saturating_sub(left.segments).max(1),
        0 => acked.segments,
        _ => 1, // data that went with the SYN included (as Linux)
    };
    told.acked = Amount { bytes: acked.len, segments: acked.all };
    told.advanced = acked.len > syn;
    if syn > 0 {
        tcb.rtxq.shrink(); // many a connection stays silent: what held the SYN goes back
    }
    let data = seg_ack.earlier(tcb.tx.end());
    let data_len = if data.after(tcb.tx.base()) { data - tcb.tx.base() } else { 0 };
    tcb.tx.ack(seg_ack);
    tcb.forget_records(seg_ack);
    tcb.snd.una = seg_ack;
    tcb.snd.up = tcb.snd.up.filter(|up| up.after(seg_ack));
    tcb.counters.bytes_acked += u64::from(data_len);
    let rtt = if syn > 0 && is_ambiguous(tcb, told, &acked) {
        None
    } else {
        measure(tcb, hdr, &acked, cx)
    };
    tcb.retransmits = 0;
    let before = tcb.recovery.recovery_point;
    if before.is_none_or(|point| seg_ack.after_eq(point)) {
        tcb.counters.on_timeout_over(cx.now);
    }
    restart_rtx_timer(tcb, cx);
    restart_user_timer(tcb, cx);
    if let Some(newest) = told.newest.filter(|newest| newest.retransmits == 0) {
        super::pmtu::on_progress(tcb, newest.len.min(newest.mss.into()));
    }
    rtt
}

/// Whether an ACK of our SYN-ACK cannot tell the round trip. If that was sent more than once, only
/// the echo of the last one tells it: a peer whose ACK was lost answers the last with the echo of
/// the first. What echoes a cookie was never the time: its lowest bits are options.
fn is_ambiguous(tcb: &Tcb, told: &Told, acked: &Acked) -> bool {
    let last = told.newest.as_ref().map(|sent| tcb.ts_now(sent.sent_at));
    tcb.passive && acked.retransmitted && told.echo != last
}

/// A round-trip sample: from what was sent once, or, for what was sent again, from the echoed
/// timestamp (Karn's algorithm: RFC 6298 §3; RFC 7323 §4).
// Rules: MUST-18, 6298-3-1, 7323-4.1-1.
fn measure(tcb: &mut Tcb, hdr: &Header, acked: &Acked, cx: &mut Cx<'_>) -> Option<Duration> {
    let echoed = || {
        let ecr = hdr.options.ts.filter(|ts| ts.ecr != 0)?.ecr;
        tcb.ts.as_ref()?;
        let age = tcb.ts_now(cx.now).wrapping_sub(ecr);
        // An echo from the future or from long ago is the peer's mistake, not a round trip.
        (age < 1 << 20).then(|| Duration::from_millis(u64::from(age).max(1)))
    };
    let timed = acked.first_sent_at.filter(|_| !acked.retransmitted).map(|at| cx.now.since(at));
    let rtt = match (timed, tcb.config.is_bsd()) {
        (_, true) => in_ticks(tcb, echoed(), timed)?,
        (Some(timed), false) => timed,
        (None, false) => echoed()?,
    };
    sampled(tcb, rtt, cx);
    Some(rtt)
}

/// As 4.4BSD measures: in ticks of a millisecond, by the echo if there is one, which then counts
/// one more; and what comes after the first sample counts one less.
fn in_ticks(tcb: &Tcb, echo: Option<Duration>, timed: Option<Duration>) -> Option<Duration> {
    let tick = Duration::from_millis(1);
    let whole = |time: Duration| Duration::from_millis(time.as_millis() as u64);
    let rtt = echo.map(|rtt| rtt + tick).or(timed.map(whole).filter(|rtt| !rtt.is_zero()))?;
    let later = if tcb.rto.srtt().is_some() { tick } else { Duration::ZERO };
    Some(rtt - later)
}

/// A round trip was measured.
fn sampled(tcb: &mut Tcb, rtt: Duration, cx: &mut Cx<'_>) {
    tcb.rto.on_sample(rtt, (tcb.snd.una, tcb.snd.nxt), &tcb.config);
    tcb.loss.iter_mut().for_each(|loss| loss.probed = false);
    let (srtt, rttvar) = (tcb.rto.srtt().unwrap_or_default(), tcb.rto.rttvar());
    let rto = tcb.rto();
    cx.note(|| Event::Rtt { sample: rtt, srtt, rttvar, rto });
}

/// What the ACK tells congestion control.
pub(super) fn sample(tcb: &mut Tcb, told: &mut Told, rtt: Option<Duration>, cx: &mut Cx<'_>) {
    let newest = told.newest.as_ref();
    let once = newest.filter(|sent| sent.retransmits == 0 && !told.again);
    let newest_rtt = rtt.map(|rtt| once.map_or(rtt, |sent| cx.now.since(sent.sent_at)));
    let rate = tcb.take_rate(told.delivered, newest, cx.now);
    let acked = tcb.weigh(told.amount());
    let sample = AckSample {
        now: cx.now,
        acked,
        delivered: rate.delivered,
        interval: rate.interval,
        rtt,
        newest_rtt,
        una: tcb.snd.una,
        nxt: tcb.snd.nxt,
        burst: tcb.burst_time(),
        paced: tcb.pacing_rate().is_some(),
        in_flight_at_send: newest.map_or(0, |sent| sent.in_flight),
        in_flight: tcb.in_flight(),
        app_limited: !tcb.cwnd_may_grow(),
        rate_app_limited: rate.app_limited,
        ce: if told.marked { acked } else { 0 },
    };
    if sample.ce > 0 {
        tcb.counters.rare().delivered_ce += told.segments;
    }
    tcb.measured.on_sample(&sample);
    tcb.tell_cc(&sample, cx);
    told.sample = Some(sample);
}

/// RFC 6298 §5.2, §5.3: off when nothing is in flight, else one RTO from now; in fast recovery
/// without RACK only the first partial ACK does that (RFC 6582 §3.2 step 3, "impatient"), and the
/// full one that ends it.
// Rules: 6298-5.2, 6298-5.3, 6582-3.2-5.
fn restart_rtx_timer(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    let recovery = &tcb.recovery;
    let partial = recovery.recovery_point.is_some_and(|recover| tcb.snd.una.before(recover));
    if tcb.rtxq.is_empty() {
        tcb.stop_timer(Timer::Rtx, cx);
    } else if tcb.config.rack
        || !(recovery.ca == CaState::Recovery && recovery.partial_seen && partial)
    {
        tcb.set_timer(Timer::Rtx, cx.now + tcb.rto(), cx);
    }
}

/// Whether something earlier than the retransmission timer is to look after losses.
pub(super) fn waits_for_more(tcb: &Tcb) -> bool {
    tcb.timers.is_running(Timer::LossProbe) || tcb.timers.is_running(Timer::Reorder)
}

/// What looked after losses gives way to the retransmission timer, which would have run since the
/// oldest was sent: no loss waits longer for that.
pub(super) fn rtx_timer_from_head(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    let sent_at = tcb.rtxq.head().filter(|_| tcb.config.rack).map(|head| head.sent_at);
    if let Some(sent_at) = sent_at {
        let at = (sent_at + tcb.rto()).max(cx.now + Duration::from_micros(1));
        tcb.set_timer(Timer::Rtx, at, cx);
    }
}

/// The user timeout counts from the last progress.
pub(super) fn restart_user_timer(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    match tcb.user_timeout() {
        Some(limit) if !tcb.rtxq.is_empty() || tcb.unsent() > 0 || tcb.fin_pending() => {
            tcb.set_timer(Timer::User, cx.now + limit, cx);
        }
        _ => tcb.stop_timer(Timer::User, cx),
    }
}
