//! RFC 9293 §3.10.7.4: all other states, in the RFC's order, with the checks that RFC 5961 and
//! RFC 7323 add at their places.

use super::Check;
use super::linux;
use crate::base::{Chunks, Instant, Seq, SocketError, Why};
use crate::tcp::ack;
use crate::tcp::autotune;
use crate::tcp::delack;
use crate::tcp::ecn;
use crate::tcp::event::{AckWhy, Event, Outcome, Timer};
use crate::tcp::measured;
use crate::tcp::reassembly::Room;
use crate::tcp::segment::Segment;
use crate::tcp::state::{Cause, State};
use crate::tcp::tcb::{Cx, Tcb, Ts, seconds};
use crate::wire::tcp::Ctl;
use std::ops::ControlFlow::{Break, Continue};

/// TS.Recent is not used for PAWS after this long without a segment (RFC 7323 §5.5).
// Rules: 7323-5.5-1.
const TS_RECENT_LIFETIME: u32 = 24 * 24 * 3600;

/// In TIME-WAIT, where somebody listens who can take a newer SYN over.
pub(in crate::tcp) fn arrives_in_time_wait(
    tcb: &mut Tcb,
    seg: &mut Segment,
    cx: &mut Cx<'_>,
) -> Check {
    time_wait_reuse(tcb, seg, cx)?;
    arrives(tcb, seg, cx)
}

pub(in crate::tcp) fn arrives(tcb: &mut Tcb, seg: &mut Segment, cx: &mut Cx<'_>) -> Check {
    first_check_sequence(tcb, seg, cx)?;
    second_check_rst(tcb, seg, cx)?;
    // third: security and compartment are not used.
    fourth_check_syn(tcb, seg, cx)?;
    fifth_check_ack(tcb, seg, cx)?;
    linux::answer_old(tcb, seg, cx)?;
    sixth_check_urg(tcb, seg, cx)?;
    seventh_process_text(tcb, seg, cx)?;
    eighth_check_fin(tcb, seg, cx)
}

/// A SYN in TIME-WAIT that is newer, by timestamp or by sequence number, may open a new connection
/// (RFC 6191 §2; RFC 9293 §3.6.1, MAY-2).
// Rules: SHLD-4, 6191-2-1, 6191-2-2.
#[cold]
#[inline(never)]
fn time_wait_reuse(tcb: &mut Tcb, seg: &Segment, cx: &mut Cx<'_>) -> Check {
    let syn_only = seg.hdr.ctl.syn() && !seg.hdr.ctl.rst() && seg.hdr.ack.is_none();
    if !syn_only {
        return Continue(());
    }
    let (seq, nxt) = (seg.hdr.seq, tcb.rcv.nxt);
    let newer_seq = if tcb.config.is_linux() { seq.after(nxt) } else { seq.after_eq(nxt) };
    let newer = match (&tcb.ts, seg.hdr.options.ts) {
        (Some(ours), Some(theirs)) => match theirs.val.wrapping_sub(ours.recent) as i32 {
            0 => newer_seq,
            age => age > 0,
        },
        (None, Some(_)) => true,
        _ => newer_seq,
    };
    if !newer {
        return Continue(());
    }
    tcb.die(Cause::TimeWaitReuse, None, cx);
    Break(Outcome::Reopen)
}

/// The SYN-ACK of crossed SYNs (RFC 9293 figure 7): its SYN is known, its ACK is not, though the
/// user may have closed meanwhile. For Linux the SYN came twice, and is answered; and one that
/// does not acknowledge all that went with our SYN is none.
#[cold]
#[inline(never)]
fn take_crossed_syn_ack(tcb: &mut Tcb, seg: &mut Segment, cx: &mut Cx<'_>) -> Check {
    let hdr = &mut seg.hdr;
    if tcb.syn_acked || !hdr.ctl.syn() || hdr.seq != tcb.irs || hdr.ack.is_none() {
        return Continue(());
    }
    if tcb.config.is_linux() && hdr.ack != Some(tcb.snd.nxt) {
        return challenge(tcb, Why::SynInWindow, cx);
    }
    hdr.ctl = hdr.ctl.without(Ctl::SYN);
    hdr.seq += 1;
    if tcb.config.is_linux() {
        tcb.received_twice(tcb.irs, tcb.rcv.nxt);
        tcb.owe_ack(AckWhy::Unacceptable, true, cx);
    }
    Continue(())
}

// Rules: MUST-66, 5961-3.2-1.
fn first_check_sequence(tcb: &mut Tcb, seg: &mut Segment, cx: &mut Cx<'_>) -> Check {
    if tcb.config.is_bsd() {
        return super::bsd::check(tcb, seg, cx);
    }
    linux::check_ack_bit(tcb, seg)?;
    check_timestamp(tcb, seg, cx)?;
    check_syn_again(tcb, seg, cx)?;
    take_crossed_syn_ack(tcb, seg, cx)?;
    let (nxt, wnd, syn) = (tcb.rcv.nxt, tcb.rcv.wnd, seg.hdr.ctl.syn());
    if wnd == 0 && seg.hdr.seq == nxt && !seg.is_empty() && !syn {
        // "If RCV.WND is zero, no segments will be acceptable, but special allowance should be made
        // to accept valid ACKs, URGs, and RSTs." The data is cut away and answered.
        tcb.owe_ack(AckWhy::Probed, true, cx);
        seg.trim(nxt, 0);
    }
    let first = seg.hdr.seq.within(nxt, wnd);
    // Deviates (ADR 0019): what takes no sequence space may stand at the right edge of any window,
    // not only of a closed one. A reset may not.
    let at_edge = seg.hdr.seq == nxt + wnd && (wnd == 0 || !seg.hdr.ctl.rst());
    let acceptable = match seg.len() {
        0 => first || at_edge,
        len => first || (wnd > 0 && (seg.hdr.seq + (len - 1)).within(nxt, wnd)),
    };
    if acceptable && seg.hdr.ctl.rst() {
        return Continue(()); // as it is: its own number is what counts (RFC 5961 §3.2)
    }
    let late = tcb.config.is_linux() && tcb.state() == State::TimeWait;
    if acceptable && late && !syn && !seg.payload.is_empty() && seg.hdr.ack.is_some() {
        tcb.owe_ack(AckWhy::TimeWait, true, cx); // whatever it is, it is answered
        return Break(Outcome::Dropped(Why::DataAfterFin));
    }
    if acceptable {
        if !syn {
            linux::check_right_edge(tcb, seg, cx)?;
            if seg.hdr.seq.before(nxt) && !seg.payload.is_empty() {
                tcb.received_twice(seg.hdr.seq, nxt);
            }
            seg.trim(nxt, wnd);
        }
        return Continue(());
    }
    if linux::is_reset_at_fin(tcb, seg.hdr.seq) && seg.hdr.ctl.rst()
        || linux::takes_ack_of_old(tcb, seg)
    {
        return Continue(());
    }
    unacceptable(tcb, seg, cx)
}

/// "If an incoming segment is not acceptable, an acknowledgment should be sent in reply (unless the
/// RST bit is set)" (RFC 9293 §3.10.7.4, first).
#[cold]
#[inline(never)]
fn unacceptable(tcb: &mut Tcb, seg: &Segment, cx: &mut Cx<'_>) -> Check {
    let (nxt, syn) = (tcb.rcv.nxt, seg.hdr.ctl.syn());
    if seg.hdr.ctl.rst() {
        return Break(Outcome::Dropped(Why::RstOutOfWindow));
    }
    if tcb.state() == State::TimeWait && seg.hdr.ctl.fin() && seg.end() == nxt {
        // Our last ACK was lost: acknowledge the FIN again, and wait 2 MSL again.
        tcb.owe_ack(AckWhy::TimeWait, true, cx);
        tcb.set_timer(Timer::TimeWait, cx.now + tcb.config.time_wait, cx);
        return Break(Outcome::Dropped(Why::OldDuplicate));
    }
    let old = !seg.is_empty() && seg.end().before_eq(nxt);
    // A FIN that was received before: its sender waits for our ACK at once, so no limit applies to
    // data and FIN. Two ends that disagree must not acknowledge forever, and a SYN is challenged
    // (RFC 5961 §4.2). Probes are the peer's own: others must not use up their answers.
    let probe = seg.is_empty() && seg.hdr.seq + 1 == nxt;
    let allowed = match (seg.is_empty() || syn, probe) {
        (false, _) => true,
        (true, true) => tcb.may_answer(cx.now),
        (true, false) => tcb.may_challenge(cx.now),
    };
    if !allowed {
        return Break(Outcome::Dropped(Why::ChallengeLimit));
    }
    if old {
        delack::quicken(tcb, u8::MAX);
        tcb.received_twice(seg.hdr.seq, seg.end().earlier(nxt));
    }
    tcb.owe_ack(if probe { AckWhy::Probed } else { AckWhy::Unacceptable }, true, cx);
    Break(Outcome::Dropped(if old { Why::OldDuplicate } else { Why::OutOfWindow }))
}

/// Whether TS.Recent is too old to be compared with.
pub(super) fn outlived(ts: &Ts, now: Instant) -> bool {
    seconds(now).wrapping_sub(ts.recent_at) > TS_RECENT_LIFETIME
}

/// PAWS (RFC 7323 §5.3, R1), and segments without the timestamp both sides agreed on (§3.2).
// Rules: 7323-3.2-2, 7323-5.3-1, 7323-5.3-2.
fn check_timestamp(tcb: &mut Tcb, seg: &Segment, cx: &mut Cx<'_>) -> Check {
    let Some(ts) = &tcb.ts else { return Continue(()) };
    // A SYN without timestamps is of another connection: the checks below answer it, so that a peer
    // that was restarted learns of this one (RFC 9293 §3.5.1).
    let stranger = seg.hdr.ctl.syn() && seg.hdr.options.ts.is_none();
    if seg.hdr.ctl.rst() || stranger {
        return Continue(());
    }
    let Some(theirs) = seg.hdr.options.ts else {
        return match tcb.config.ts_required {
            true => Break(Outcome::Dropped(Why::NoTimestamp)),
            false => Continue(()),
        };
    };
    let behind = ts.recent.wrapping_sub(theirs.val) as i32;
    if behind <= 0 || outlived(ts, cx.now) {
        return Continue(());
    }
    if let Some(check) = linux::late(tcb, seg, behind) {
        return check;
    }
    if !seg.is_empty() || tcb.may_challenge(cx.now) {
        tcb.owe_ack(AckWhy::Unacceptable, true, cx);
    }
    Break(Outcome::Dropped(Why::Paws))
}

/// The SYN that opened fast, again: our SYN-ACK was lost.
#[cold]
#[inline(never)]
fn check_syn_again(tcb: &mut Tcb, seg: &Segment, cx: &Cx<'_>) -> Check {
    let ctl = seg.hdr.ctl;
    let same = ctl.syn() && !ctl.rst() && seg.hdr.ack.is_none() && seg.hdr.seq == tcb.irs;
    if !(tcb.is_fast_child() && same) {
        return Continue(());
    }
    if !tcb.may_answer(cx.now) {
        return Break(Outcome::Dropped(Why::ChallengeLimit));
    }
    tcb.owe.synack = true;
    Break(Outcome::Dropped(Why::OldDuplicate))
}

/// RFC 7323 §4.3 (2): TS.Recent follows segments that cover the last ACK sent, by SEG.SEQ as it
/// came. Only after the ACK was found acceptable: a blind attacker's timestamp would make PAWS
/// refuse everything that the true peer sends.
// Rules: 7323-4.3-1.
pub(in crate::tcp) fn update_ts_recent(tcb: &mut Tcb, seg: &Segment, cx: &Cx<'_>) {
    let last = tcb.rcv.last_ack_sent;
    let reaches = !tcb.config.is_bsd() || last.before_eq(seg.arrived.seq + seg.arrived.len);
    let covers = seg.arrived.seq.before_eq(last) && reaches;
    if let (Some(ts), Some(theirs), true) = (&mut tcb.ts, seg.hdr.options.ts, covers)
        && (theirs.val.wrapping_sub(ts.recent) as i32 >= 0 || outlived(ts, cx.now))
    {
        (ts.recent, ts.recent_at) = (theirs.val, seconds(cx.now));
    }
}

// Rules: SHLD-2, 5961-3.2-2, 5961-3.2-3.
fn second_check_rst(tcb: &mut Tcb, seg: &Segment, cx: &mut Cx<'_>) -> Check {
    if !seg.hdr.ctl.rst() {
        return Continue(());
    }
    if tcb.config.rfc1337 && tcb.state() == State::TimeWait {
        return Break(Outcome::Dropped(Why::RstInTimeWait));
    }
    // It is SEG.SEQ as it came that must match: data in front must not make a guess hit.
    if seg.arrived.seq != tcb.rcv.nxt && !linux::believes_reset(tcb, seg.arrived.seq) {
        if tcb.config.is_linux() && tcb.state() == State::TimeWait {
            return Break(Outcome::Dropped(Why::RstNotExact)); // there is nothing to challenge for
        }
        return challenge(tcb, Why::RstNotExact, cx);
    }
    if tcb.is_fast_child() {
        tcb.fast_state().reset = true;
    }
    let (cause, error) = match tcb.state() {
        State::SynReceived if !tcb.passive && !tcb.config.is_linux() => {
            (Cause::Refused, Some(SocketError::Refused))
        }
        State::SynReceived => (Cause::RcvRst, Some(SocketError::Reset)),
        State::Closing | State::LastAck | State::TimeWait => (Cause::RcvRst, None),
        // The reader has had, or will read, the end; it is the writer that is cut off.
        State::CloseWait => (Cause::RcvRst, Some(SocketError::BrokenPipe)),
        _ => (Cause::RcvRst, Some(SocketError::Reset)),
    };
    tcb.die(cause, error, cx);
    Break(Outcome::Closed(cause))
}

// Rules: 5961-4.2-1.
fn fourth_check_syn(tcb: &mut Tcb, seg: &Segment, cx: &mut Cx<'_>) -> Check {
    if seg.hdr.ctl.syn() { challenge(tcb, Why::SynInWindow, cx) } else { Continue(()) }
}

/// Drops a suspicious segment with a challenge ACK, which only the true peer answers usefully
/// (RFC 5961 §3.2, §4.2, §5.2), at a bounded rate (§7).
#[cold]
#[inline(never)]
pub(super) fn challenge(tcb: &mut Tcb, why: Why, cx: &mut Cx<'_>) -> Check {
    if !tcb.may_challenge(cx.now) {
        return Break(Outcome::Dropped(Why::ChallengeLimit));
    }
    tcb.owe_ack(AckWhy::Challenge, true, cx);
    Break(Outcome::Dropped(why))
}

/// The oldest ACK that may come along with data. Of a young connection Linux takes none for what
/// was never sent, which a large window would allow (and counts a passive open's SYN twice).
fn oldest_ack(tcb: &Tcb) -> Seq {
    let sent = tcb.counters.bytes_acked + 1 + u64::from(tcb.passive);
    let sent = u32::try_from(sent).ok().filter(|_| tcb.config.is_linux());
    tcb.snd.una - sent.map_or(tcb.snd.max_wnd, |sent| sent.min(tcb.snd.max_wnd))
}

// Rules: MAY-12, 5961-5.2-1.
fn fifth_check_ack(tcb: &mut Tcb, seg: &mut Segment, cx: &mut Cx<'_>) -> Check {
    let Some(seg_ack) = seg.hdr.ack else { return Break(Outcome::Dropped(Why::NoAck)) };
    if tcb.state() == State::SynReceived {
        if !(tcb.snd.una.before(seg_ack) && seg_ack.before_eq(tcb.snd.nxt)) {
            return Break(Outcome::Dropped(Why::SynReceivedBadAck));
        }
        tcb.go(State::Established, Cause::RcvAckOfSyn, cx);
        tcb.snd.wl1 = seg.hdr.seq;
        tcb.snd.wl2 = seg_ack;
        if tcb.config.is_linux() && tcb.passive {
            tcb.snd.max_wnd = 0; // the SYN's does not count
        }
        ack::take_window(tcb, seg);
        tcb.on_established(cx);
    }
    crate::tcp::persist::adopt_probe(tcb, seg_ack, cx);
    // Whoever has not seen our SYN acknowledges nothing, though the user may have closed.
    if !tcb.syn_acked && !tcb.snd.una.before(seg_ack) {
        return challenge(tcb, Why::AckTooOld, cx);
    }
    // RFC 5961 §5.2: SND.UNA - MAX.SND.WND =< SEG.ACK =< SND.NXT.
    if seg_ack.after(tcb.snd.nxt) {
        return challenge(tcb, Why::AckTooNew, cx);
    }
    if seg_ack.before(oldest_ack(tcb)) {
        return challenge(tcb, Why::AckTooOld, cx);
    }
    tcb.hear(cx.now);
    update_ts_recent(tcb, seg, cx);
    ack::on_ack(tcb, seg, cx);
    ecn::on_acceptable(tcb, seg, cx);
    if !tcb.fin_acked() {
        return Continue(());
    }
    match tcb.state() {
        State::FinWait1 => {
            tcb.go(State::FinWait2, Cause::RcvAckOfFin, cx);
            if tcb.orphan && tcb.config.fin_wait2.is_zero() {
                tcb.die(Cause::FinWait2Timeout, None, cx);
                tcb.owe.rst = Some(Cause::DataAfterClose);
                return Break(Outcome::Closed(Cause::FinWait2Timeout));
            }
            if tcb.orphan {
                tcb.set_timer(Timer::TimeWait, cx.now + tcb.config.fin_wait2, cx);
            }
            Continue(())
        }
        State::Closing => {
            tcb.enter_time_wait(Cause::RcvAckOfFin, cx);
            Continue(())
        }
        State::LastAck => {
            tcb.die(Cause::RcvAckOfFin, None, cx);
            Break(Outcome::Closed(Cause::RcvAckOfFin))
        }
        _ => Continue(()),
    }
}

/// RCV.UP <- max(RCV.UP, SEG.UP); the reader is told when it moves (MUST-32). Urgent data stays in
/// line (RFC 6093 §3.1, SHLD-13 of RFC 9293: new applications do not use it).
// Rules: MUST-30.
pub(super) fn sixth_check_urg(tcb: &mut Tcb, seg: &Segment, cx: &mut Cx<'_>) -> Check {
    if seg.hdr.ctl.urg() && tcb.state().may_receive() {
        let up = seg.hdr.seq + u32::from(seg.hdr.urg);
        if up.after(tcb.rcv.nxt) && tcb.rcv.up.is_none_or(|known| up.after(known)) {
            tcb.rcv.up = Some(up);
            tcb.rcv.oob_read = false;
            cx.note(|| Event::Urgent { up });
        }
    }
    Continue(())
}

// Rules: 2525-2.16.
pub(in crate::tcp) fn seventh_process_text(
    tcb: &mut Tcb,
    seg: &mut Segment,
    cx: &mut Cx<'_>,
) -> Check {
    if seg.payload.is_empty() {
        return Continue(());
    }
    if !tcb.may_receive() && !cuts_in(tcb, seg) {
        return Break(Outcome::Dropped(Why::DataAfterFin));
    }
    let shut = tcb.rcv.shut && matches!(tcb.state(), State::FinWait1 | State::FinWait2);
    if tcb.orphan || shut || !tcb.may_receive() {
        // Nobody will read it (SHLD-3): the peer must not believe that it was delivered.
        let cause = Cause::DataAfterClose;
        let error = match tcb.state() {
            State::CloseWait => SocketError::BrokenPipe,
            _ => SocketError::Reset,
        };
        tcb.die(cause, Some(error), cx);
        tcb.owe.rst = Some(cause);
        return Break(Outcome::Dropped(Why::DataAfterClose));
    }
    if seg.no_room {
        tcb.owe_ack(AckWhy::Probed, true, cx);
        return Break(Outcome::Dropped(Why::MemoryFull));
    }
    tcb.counters.data_segs_in = tcb.counters.data_segs_in.wrapping_add(seg.wire_segments());
    let pause = tcb.measured.since_data(cx.now);
    measured::on_data(tcb, seg, cx.now);
    ecn::on_data(tcb, seg, cx);
    let wire = seg.wire_mss.map_or(seg.payload.len(), usize::from) as u32;
    delack::measure_mss(tcb, wire, seg);
    let payload = std::mem::take(&mut seg.payload);
    let (seq, len) = (seg.hdr.seq, payload.len() as u32);
    seg.hdr.seq += len; // what is left of the segment is at most its FIN
    if seq == tcb.rcv.nxt && tcb.ooo.is_none() {
        tcb.take_in_order(payload, cx);
        delack::on_in_order(tcb, (len, pause), seg.hdr.ctl.fin(), cx);
        return Continue(());
    }
    out_of_order(tcb, (seq, pause), payload, cx)
}

/// Whether data lies before and behind the peer's FIN: as Linux has it, that is no TCP.
fn cuts_in(tcb: &Tcb, seg: &Segment) -> bool {
    let begins = seg.arrived.seq.before(tcb.rcv.nxt);
    let closing = matches!(tcb.state(), State::CloseWait | State::Closing | State::LastAck);
    tcb.config.is_linux() && begins && closing
}

/// Data while something is missing, or that is not next itself: acknowledged at once (RFC 5681
/// §4.2).
// Rules: SHLD-31, MAY-13, 5681-3.2-1.
#[cold]
#[inline(never)]
fn out_of_order(
    tcb: &mut Tcb,
    (seq, pause): (Seq, u32),
    payload: Chunks,
    cx: &mut Cx<'_>,
) -> Check {
    let (before, len) = (tcb.rcv.nxt, payload.len() as u32);
    let twice = tcb.ooo.as_ref().and_then(|ooo| ooo.overlap(seq, len));
    twice.into_iter().for_each(|(left, right)| tcb.received_twice(left, right));
    if seq == before {
        tcb.take_in_order(payload, cx);
        delack::on_next(tcb, (len, pause), cx);
    } else {
        tcb.counters.rare().rcv_ooopack += 1;
        let room = Room::of(tcb.recv_buffer(), tcb.config.reassembly_pieces);
        let ooo = tcb.ooo.get_or_insert_default();
        let held = ooo.len();
        if !ooo.insert(seq, payload, room, cx.pool) {
            tcb.ooo = tcb.ooo.take().filter(|ooo| !ooo.is_empty());
            tcb.owe_ack(AckWhy::OutOfOrder, true, cx);
            return Break(Outcome::Dropped(Why::ReassemblyFull));
        }
        if ooo.len() > held {
            autotune::on_gap(tcb, len, cx.now);
        }
    }
    tcb.drain_reassembly(cx);
    let filled = tcb.rcv.nxt != before;
    tcb.owe_ack(if filled { AckWhy::GapFilled } else { AckWhy::OutOfOrder }, true, cx);
    Continue(())
}

pub(super) fn eighth_check_fin(tcb: &mut Tcb, seg: &Segment, cx: &mut Cx<'_>) -> Check {
    if seg.hdr.ctl.fin() && !tcb.fin_received {
        tcb.ooo.get_or_insert_default().insert_fin(seg.hdr.seq);
    }
    let in_order = tcb.ooo.as_ref().is_some_and(|ooo| ooo.fin_at(tcb.rcv.nxt));
    if !in_order {
        if seg.hdr.ctl.fin() && !tcb.fin_received {
            tcb.owe_ack(AckWhy::OutOfOrder, true, cx);
        }
        return Continue(());
    }
    tcb.ooo = None;
    tcb.fin_received = true;
    tcb.rcv.nxt += 1;
    tcb.rcv.wnd = tcb.rcv.wnd.saturating_sub(1);
    delack::on_fin(tcb, cx);
    match tcb.state() {
        // SYN-RECEIVED became ESTABLISHED at the fifth check, or the segment came no further.
        State::Established => tcb.go(State::CloseWait, Cause::RcvFin, cx),
        State::FinWait1 => tcb.go(State::Closing, Cause::RcvFin, cx),
        State::FinWait2 => tcb.enter_time_wait(Cause::RcvFin, cx),
        _ => {}
    }
    Continue(())
}
