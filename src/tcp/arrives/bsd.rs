//! The check of sequence numbers as 4.4BSD's descendants do it (`Lineage::Bsd`; W. R. Stevens,
//! TCP/IP Illustrated, volume 2, chapter 28), in the place of the first, the second and the fourth
//! check of RFC 9293 §3.10.7.4.
//!
//! What differs: a reset is judged by its sequence number alone, before its timestamp; a SYN is
//! challenged wherever it lies, but not without the timestamp agreed on; of an old segment only the
//! data is dropped, its ACK counts; the right edge of the window belongs to the window; an old
//! timestamp is answered only with data; TIME-WAIT heeds no reset and gives way to a SYN even where
//! nobody listens.

use super::Check;
use super::otherwise::{challenge, outlived};
use crate::base::{Chunks, Seq, SocketError, Why};
use crate::tcp::event::{AckWhy, Outcome, Timer};
use crate::tcp::segment::Segment;
use crate::tcp::state::{Cause, State};
use crate::tcp::tcb::{Cx, Tcb};
use crate::wire::tcp::Ctl;
use std::ops::ControlFlow::{Break, Continue};

fn dropped(why: Why) -> Check {
    Break(Outcome::Dropped(why))
}

/// Judges a segment and cuts it to what is new and fits; what is left has neither RST nor SYN.
pub(super) fn check(tcb: &mut Tcb, seg: &mut Segment, cx: &mut Cx<'_>) -> Check {
    let ctl = seg.hdr.ctl;
    if ctl.syn() && ctl.fin() && tcb.config.drop_synfin {
        return dropped(Why::SynFin);
    }
    if tcb.state() == State::TimeWait {
        return in_time_wait(tcb, seg, cx);
    }
    if tcb.ts.is_some() && seg.hdr.options.ts.is_none() && !ctl.rst() {
        return dropped(Why::NoTimestamp);
    }
    let wnd = window(tcb);
    if ctl.rst() {
        return reset(tcb, seg, wnd, cx);
    }
    if ctl.syn() && tcb.state() != State::SynReceived {
        if tcb.config.insecure_syn && seg.hdr.seq.within(tcb.rcv.last_ack_sent, wnd) {
            tcb.die(Cause::SynReset, Some(SocketError::Reset), cx);
            tcb.owe.rst = Some(Cause::SynReset);
            return Break(Outcome::Closed(Cause::SynReset));
        }
        return challenge(tcb, Why::SynInWindow, cx);
    }
    check_timestamp(tcb, seg, cx)?;
    cut_front(tcb, seg, cx);
    cut_back(tcb, seg, wnd, cx)?;
    if seg.hdr.ack.is_none() {
        // Of crossed SYNs one came again: our SYN-ACK is sent again.
        tcb.owe.synack |= ctl.syn() && !tcb.syn_acked;
        return dropped(Why::NoAck);
    }
    Continue(())
}

/// What may arrive: the free buffer, and no less than was offered.
fn window(tcb: &Tcb) -> u32 {
    tcb.rcv.wnd.max(tcb.recv_buffer().saturating_sub(tcb.rx.len()))
}

/// RFC 5961 §3.2, counted from the last ACK that was sent: the peer knows of no later one.
fn reset(tcb: &mut Tcb, seg: &Segment, wnd: u32, cx: &mut Cx<'_>) -> Check {
    let (seq, left) = (seg.arrived.seq, tcb.rcv.last_ack_sent);
    if !(seq.within(left, wnd) || (wnd == 0 && seq == left)) {
        return dropped(Why::RstOutOfWindow);
    }
    if seq != left && !tcb.config.insecure_rst {
        return challenge(tcb, Why::RstNotExact, cx);
    }
    let (cause, error) = match tcb.state() {
        State::SynReceived => (Cause::Refused, SocketError::Refused),
        _ => (Cause::RcvRst, SocketError::Reset),
    };
    tcb.die(cause, Some(error), cx);
    Break(Outcome::Closed(cause))
}

/// PAWS (RFC 7323 §5.3, R1).
fn check_timestamp(tcb: &mut Tcb, seg: &Segment, cx: &mut Cx<'_>) -> Check {
    let (Some(ts), Some(theirs)) = (&tcb.ts, seg.hdr.options.ts) else { return Continue(()) };
    let old = ts.recent != 0 && (theirs.val.wrapping_sub(ts.recent) as i32) < 0;
    if !old || outlived(ts, cx.now) {
        return Continue(());
    }
    if !seg.payload.is_empty() {
        tcb.owe_ack(AckWhy::Unacceptable, true, cx);
    }
    dropped(Why::Paws)
}

/// Drops what was received before. A segment of which nothing is new is acknowledged, and its ACK
/// is heeded; its FIN was received, too.
fn cut_front(tcb: &mut Tcb, seg: &mut Segment, cx: &mut Cx<'_>) {
    let nxt = tcb.rcv.nxt;
    if seg.hdr.ctl.syn() {
        seg.hdr.ctl = seg.hdr.ctl.without(Ctl::SYN);
        seg.hdr.seq += 1;
        if seg.hdr.seq == nxt && seg.payload.is_empty() {
            tcb.owe_ack(AckWhy::Unacceptable, true, cx);
        }
    }
    if !seg.hdr.seq.before(nxt) {
        return;
    }
    let (old, len) = (nxt - seg.hdr.seq, seg.payload.len() as u32);
    tcb.received_twice(seg.hdr.seq, seg.hdr.seq + old.min(len));
    if old < len || (old == len && seg.hdr.ctl.fin()) {
        if tcb.sack_ok {
            tcb.owe_ack(AckWhy::Unacceptable, true, cx); // what arrived twice is told at once
        }
        seg.trim(nxt, u32::MAX >> 1);
        return;
    }
    // What is empty may be an answer itself: two hosts that are out of step fall silent.
    let probe = seg.is_empty() && old == 1;
    let answers = match (seg.is_empty(), probe) {
        (false, _) => true,
        (true, true) => tcb.may_answer(cx.now),
        (true, false) => tcb.may_challenge(cx.now),
    };
    if answers {
        tcb.owe_ack(if probe { AckWhy::Probed } else { AckWhy::Unacceptable }, true, cx);
    }
    seg.hdr.ctl = seg.hdr.ctl.without(Ctl::FIN).without(Ctl::URG);
    seg.hdr.seq += len;
    seg.payload = Chunks::new();
}

/// Drops what does not fit; a segment of which nothing does is answered.
fn cut_back(tcb: &mut Tcb, seg: &mut Segment, wnd: u32, cx: &mut Cx<'_>) -> Check {
    let (edge, len) = (tcb.rcv.nxt + wnd, seg.payload.len() as u32);
    let end = seg.hdr.seq + len;
    if !end.after(edge) {
        return Continue(());
    }
    if seg.is_empty() && !tcb.may_challenge(cx.now) {
        return dropped(Why::ChallengeLimit);
    }
    if end - edge >= len {
        let at_closed_window = wnd == 0 && seg.hdr.seq == tcb.rcv.nxt;
        let why = if at_closed_window { AckWhy::Probed } else { AckWhy::Unacceptable };
        tcb.owe_ack(why, true, cx);
        if !at_closed_window {
            return dropped(Why::OutOfWindow);
        }
    }
    seg.hdr.ctl = seg.hdr.ctl.without(Ctl::FIN).without(Ctl::PSH);
    seg.payload.truncate((len - (end - edge)) as usize);
    Continue(())
}

/// Nothing is left but to acknowledge what the peer sends again, for 2 MSL.
fn in_time_wait(tcb: &mut Tcb, seg: &Segment, cx: &mut Cx<'_>) -> Check {
    let (ctl, nxt, seq) = (seg.hdr.ctl, tcb.rcv.nxt, seg.hdr.seq);
    if ctl.rst() {
        return dropped(Why::RstOutOfWindow); // RFC 1337 §3: no reset ends it
    }
    if ctl.syn() && seg.hdr.ack.is_none() && seq.after(nxt) {
        tcb.die(Cause::TimeWaitReuse, None, cx);
        return Break(Outcome::Reopen);
    }
    let Some(ack) = seg.hdr.ack else { return dropped(Why::NoAck) };
    let ts = tcb.ts.as_ref();
    if ts.is_some_and(|ts| ts.recent != 0) && seg.hdr.options.ts.is_none() {
        return dropped(Why::NoTimestamp);
    }
    let again = ctl.fin() && seg.end() == nxt;
    if again {
        tcb.set_timer(Timer::TimeWait, cx.now + tcb.config.time_wait, cx);
    }
    let bare = seg.is_empty() || ctl.syn(); // and may be an answer itself
    if ctl != Ctl::ACK || !seg.payload.is_empty() || seq != nxt || ack != tcb.snd.nxt {
        if bare && !tcb.may_challenge(cx.now) {
            return dropped(Why::ChallengeLimit);
        }
        let why = if again { AckWhy::TimeWait } else { AckWhy::Unacceptable };
        tcb.owe_ack(why, true, cx);
    }
    let old = |end: Seq| end.before_eq(nxt);
    dropped(if old(seg.end()) { Why::OldDuplicate } else { Why::OutOfWindow })
}
