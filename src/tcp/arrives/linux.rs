//! How Linux judges segments where it goes other ways than RFC 9293 §3.10.7.4, RFC 5961 and
//! RFC 7323: what came late is common, and no sign of an attack.

use super::Check;
use crate::base::{Chunks, Seq, Why};
use crate::tcp::ack;
use crate::tcp::delack;
use crate::tcp::event::{AckWhy, Outcome};
use crate::tcp::segment::Segment;
use crate::tcp::state::State;
use crate::tcp::tcb::{Cx, Tcb};
use crate::wire::tcp::Ctl;
use std::ops::ControlFlow::{Break, Continue};

/// What has none of ACK, SYN and RST says nothing, wherever it lies. (A half-open connection, and
/// one in TIME-WAIT, look at its place first.)
pub(super) fn check_ack_bit(tcb: &Tcb, seg: &Segment) -> Check {
    let half_open = tcb.state() == State::SynReceived && tcb.passive;
    let looks = half_open || tcb.state() == State::TimeWait;
    let ctl = seg.hdr.ctl;
    match seg.hdr.ack.is_none() && !ctl.rst() && !ctl.syn() && !looks {
        true if tcb.config.is_linux() => Break(Outcome::Dropped(Why::NoAck)),
        _ => Continue(()),
    }
}

/// A segment is older than TS.Recent, by `behind` milliseconds: ACKs that overtook each other on
/// the way. One that tells nothing but what a duplicate can is taken, and an older one is dropped
/// without an answer. `None`: it is judged as ever.
pub(super) fn late(tcb: &Tcb, seg: &Segment, behind: i32) -> Option<Check> {
    if !tcb.config.is_linux() {
        return None;
    }
    if behind == 1 {
        return Some(Continue(())); // clocks of two processors
    }
    let seg_ack = seg.hdr.ack.filter(|_| seg.is_empty())?;
    if seg.hdr.seq != tcb.rcv.nxt {
        let old = seg.hdr.seq.before(tcb.rcv.nxt);
        return old.then_some(Break(Outcome::Dropped(Why::Paws)));
    }
    let recent = u128::from(behind.unsigned_abs()) * 5 <= tcb.rto().as_millis() * 6;
    let tells = seg_ack != tcb.snd.una || ack::is_window_news(tcb, seg, seg_ack);
    (recent && !tells).then_some(Continue(()))
}

/// Whether a reset left of the window is meant for this connection: its sender has not counted its
/// own FIN.
pub(super) fn is_reset_at_fin(tcb: &Tcb, seq: Seq) -> bool {
    let behind = matches!(tcb.state(), State::CloseWait | State::Closing | State::LastAck);
    tcb.config.is_linux() && behind && seq + 1 == tcb.rcv.nxt
}

/// Whether a reset is believed that is not at RCV.NXT: where the peer is as far as SACK tells; or
/// when nobody waits for more than a FIN.
pub(super) fn believes_reset(tcb: &Tcb, seq: Seq) -> bool {
    let waits = tcb.orphan && tcb.state() == State::FinWait2;
    let told = tcb.ooo.as_ref().filter(|_| tcb.sack_ok).and_then(|ooo| ooo.end());
    tcb.config.is_linux() && (waits || told == Some(seq) || is_reset_at_fin(tcb, seq))
}

/// What goes beyond the window is not cut while there is something to be read: it is refused.
pub(super) fn check_right_edge(tcb: &mut Tcb, seg: &Segment, cx: &mut Cx<'_>) -> Check {
    let edge = tcb.rcv.nxt + tcb.rcv.wnd;
    if !tcb.config.is_linux() || tcb.rx.is_empty() || !seg.end().after(edge) {
        return Continue(());
    }
    tcb.owe_ack(AckWhy::Unacceptable, true, cx);
    Break(Outcome::Dropped(Why::OutOfWindow))
}

/// Old data that was not acknowledged when the last ACK went out, or ends right there: its ACK
/// counts. Says whether that is so, and leaves nothing but the ACK.
pub(super) fn takes_ack_of_old(tcb: &Tcb, seg: &mut Segment) -> bool {
    let (nxt, end, ctl) = (tcb.rcv.nxt, seg.end(), seg.hdr.ctl);
    let old = !seg.is_empty() && end.before_eq(nxt) && !end.before(tcb.rcv.last_ack_sent);
    let open = !matches!(tcb.state(), State::SynReceived | State::TimeWait);
    if !(tcb.config.is_linux() && open && old) || ctl.syn() || ctl.rst() {
        return false;
    }
    (seg.payload, seg.hdr.seq, seg.hdr.ctl) = (Chunks::new(), nxt, ctl.without(Ctl::FIN));
    true
}

/// That it was old is answered when its ACK has been taken, unless that ended the conversation.
pub(super) fn answer_old(tcb: &mut Tcb, seg: &Segment, cx: &mut Cx<'_>) -> Check {
    let (seq, len) = (seg.arrived.seq, seg.arrived.len);
    let old = seg.is_empty() && len > 0 && !seg.arrived.syn && (seq + len).before_eq(tcb.rcv.nxt);
    if !(old && tcb.config.is_linux()) {
        return Continue(());
    }
    if tcb.state() != State::TimeWait {
        delack::quicken(tcb, u8::MAX);
        tcb.received_twice(seq, seq + len);
        tcb.owe_ack(AckWhy::Unacceptable, true, cx);
    }
    Break(Outcome::Dropped(Why::OldDuplicate))
}
