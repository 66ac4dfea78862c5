//! RFC 9293 §3.10.7.3: the state is SYN-SENT.

use super::Check;
use crate::base::{SocketError, Why};
use crate::tcp::ack;
use crate::tcp::event::{AckWhy, Outcome, Timer};
use crate::tcp::segment::Segment;
use crate::tcp::state::{Cause, State};
use crate::tcp::tcb::{Cx, Tcb};
use crate::wire::tcp::Ctl;
use std::ops::ControlFlow::{Break, Continue};

pub(in crate::tcp) fn arrives(tcb: &mut Tcb, seg: &mut Segment, cx: &mut Cx<'_>) -> Check {
    first_check_ack(tcb, seg)?;
    second_check_rst(tcb, seg, cx)?;
    // third: security and compartment are not used.
    fourth_check_syn(tcb, seg, cx)?;
    Break(Outcome::Dropped(Why::SynSentNoSyn)) // fifth
}

/// SEG.ACK =< ISS or SEG.ACK > SND.NXT: it acknowledges nothing of ours.
fn first_check_ack(tcb: &Tcb, seg: &Segment) -> Check {
    match seg.hdr.ack {
        Some(ack) if ack.before_eq(tcb.iss) || ack.after(tcb.snd.nxt) => {
            Break(Outcome::Dropped(Why::SynSentBadAck))
        }
        _ => Continue(()),
    }
}

fn second_check_rst(tcb: &mut Tcb, seg: &Segment, cx: &mut Cx<'_>) -> Check {
    if !seg.hdr.ctl.rst() {
        return Continue(());
    }
    // RFC 5961 §3.2: the reset must acknowledge exactly our SYN; data that went with it may be
    // left out.
    if seg.hdr.ack.is_none() {
        return Break(Outcome::Dropped(Why::SynSentBadRst));
    }
    tcb.die(Cause::Refused, Some(SocketError::Refused), cx);
    Break(Outcome::Closed(Cause::Refused))
}

// Rules: MUST-10.
fn fourth_check_syn(tcb: &mut Tcb, seg: &mut Segment, cx: &mut Cx<'_>) -> Check {
    if !seg.hdr.ctl.syn() {
        return Continue(());
    }
    tcb.hear(cx.now);
    tcb.irs = seg.hdr.seq;
    tcb.rcv.nxt = seg.hdr.seq + 1;
    tcb.rcv.last_ack_sent = tcb.rcv.nxt;
    tcb.negotiate(&seg.hdr.options, cx.now);
    tcb.negotiate_ecn(seg.hdr.ctl, seg.hdr.ack.is_some());
    // The window of a SYN is not scaled (RFC 7323 §2.2).
    tcb.snd.wnd = u32::from(seg.hdr.wnd);
    tcb.snd.max_wnd = tcb.snd.wnd;
    tcb.snd.wl1 = seg.hdr.seq;
    tcb.snd.wl2 = seg.hdr.ack.unwrap_or(tcb.iss);
    if seg.hdr.ack.is_none() {
        // Both sides open at once (MUST-10): our SYN is sent again, with an ACK.
        tcb.go(State::SynReceived, Cause::RcvSynCrossed, cx);
        tcb.owe.synack = true;
        // Deviates: data and FIN on the crossed SYN are left to the peer's retransmission.
        return Break(Outcome::Accepted);
    }
    ack::take_ack(tcb, &seg.hdr, false, cx);
    tcb.go(State::Established, Cause::RcvSynAck, cx);
    tcb.on_established(cx);
    tcb.on_fast_syn_ack(&seg.hdr.options, cx);
    let takes = takes_text(tcb, seg);
    if tcb.more && tcb.fast().is_some() || tcb.acks.rides() && tcb.config.is_linux() {
        hold_ack(tcb, cx);
    } else {
        tcb.owe_ack(AckWhy::Handshake, false, cx);
    }
    // "Continue processing at the sixth step": data and FIN on the SYN-ACK.
    seg.hdr.ctl = seg.hdr.ctl.without(Ctl::SYN);
    seg.hdr.seq += 1;
    if seg.is_empty() || !takes {
        return Break(Outcome::Accepted);
    }
    seg.trim(tcb.rcv.nxt, tcb.rcv.wnd);
    super::otherwise::sixth_check_urg(tcb, seg, cx)?;
    super::otherwise::seventh_process_text(tcb, seg, cx)?;
    super::otherwise::eighth_check_fin(tcb, seg, cx)?;
    if tcb.state() == State::CloseWait && tcb.config.is_linux() {
        hold_ack(tcb, cx);
    }
    Break(Outcome::Accepted)
}

/// Whether what comes with the SYN-ACK is taken. For Linux only who opens fast takes it, and only
/// when nothing of ours is to be sent again; from others it comes again.
fn takes_text(tcb: &Tcb, seg: &Segment) -> bool {
    let opens_fast = tcb.fast().is_some_and(|fast| fast.client);
    seg.is_empty() || !tcb.config.is_linux() || opens_fast && tcb.snd.una == tcb.snd.nxt
}

/// What the user sends next carries the ACK.
fn hold_ack(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    (tcb.owe.ack, tcb.owe.ack_now) = (None, false);
    tcb.set_timer(Timer::Delack, cx.now + tcb.config.delayed_ack_max, cx);
}
