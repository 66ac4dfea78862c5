//! Header prediction (Van Jacobson): the segments that nearly all are, the next data in order and
//! the next acknowledgment, on a connection with which nothing is the matter.
//!
//! [`arrives`](super::arrives) is the specification; this only knows when most of its steps have
//! nothing to do, and leaves them out. What remains is done by the same functions, so that both
//! leave the same block behind, bit for bit (see the test). Nothing is told here: whoever wants to
//! know why has every segment go the whole way.

pub(super) mod output;

use super::ack;
use super::arrives::otherwise;
use super::event::{CaState, Timer};
use super::recovery::Told;
use super::segment::Segment;
use super::sizes;
use super::state::State;
use super::tcb::{Cx, Tcb};
use super::tlp;
use crate::base::Seq;
use crate::wire::tcp::{Ctl, Header};

/// Takes a segment that was to be expected. `false`: it is as it came, and goes the whole way.
pub(super) fn takes(tcb: &mut Tcb, seg: &mut Segment, cx: &mut Cx<'_>) -> bool {
    let Some(seg_ack) = seg.hdr.ack.filter(|_| is_calm(tcb)) else { return false };
    if !is_expected(tcb, seg, seg_ack) {
        return false;
    }
    tcb.hear(cx.now);
    otherwise::update_ts_recent(tcb, seg, cx);
    tcb.measured.on_ack(cx.now);
    let (una, has_data) = (tcb.snd.una, !seg.payload.is_empty());
    ack::update_window(tcb, seg, seg_ack, cx);
    tcb.owe.more &= has_data && seg_ack == una;
    if seg_ack != una {
        acknowledged(tcb, &seg.hdr, cx);
    }
    sizes::note_deferral(tcb, cx.now);
    if has_data {
        let taken = otherwise::seventh_process_text(tcb, seg, cx);
        debug_assert!(taken.is_continue(), "it is in order, and somebody waits for it");
    }
    true
}

/// Whether nothing is the matter: no loss, no mark, nothing out of order, no probe, no end.
fn is_calm(tcb: &Tcb) -> bool {
    let (recovery, rcv, snd) = (&tcb.recovery, &tcb.rcv, &tcb.snd);
    let sending = recovery.ca == CaState::Open
        && recovery.dupacks == 0
        && recovery.recovery_point.is_none()
        && tcb.rtxq.is_plain()
        && tcb.loss.as_ref().is_none_or(|loss| loss.is_idle())
        && (tcb.probes, snd.wnd > 0) == (0, true);
    let receiving = tcb.ooo.is_none() && rcv.up.is_none() && !tcb.orphan;
    let agreed = tcb.sack_ok && tcb.syn_acked && !tcb.ecn.ok && !tcb.is_fast_child();
    let usual = tcb.config.is_linux() && tcb.config.rack;
    tcb.state() == State::Established && sending && receiving && agreed && usual
}

/// Whether a segment is the next in order, or an ACK of something in flight, and nothing else: with
/// no flags but PSH, no options but the timestamp, within both windows, and not older than what has
/// come.
fn is_expected(tcb: &Tcb, seg: &Segment, seg_ack: Seq) -> bool {
    let (hdr, len) = (&seg.hdr, seg.payload.len() as u32);
    let (in_flight, acked) = (tcb.snd.nxt - tcb.snd.una, seg_ack - tcb.snd.una);
    let fresh = match (&tcb.ts, hdr.options.ts) {
        (Some(ours), Some(theirs)) => theirs.val.wrapping_sub(ours.recent) as i32 >= 0,
        (ours, _) => ours.is_none(),
    };
    hdr.ctl.without(Ctl::PSH) == Ctl::ACK
        && hdr.seq == tcb.rcv.nxt
        && acked <= in_flight
        && (len > 0 || acked > 0)
        && len <= tcb.rcv.wnd
        && tcb.rcv.wnd > 0
        && hdr.wnd > 0
        && fresh
        && hdr.options.sack.is_empty()
        && hdr.options.uto.is_none()
        && !seg.no_room
}

/// The next ACK: what recovery would make of it is nothing.
fn acknowledged(tcb: &mut Tcb, hdr: &Header, cx: &mut Cx<'_>) {
    let waited = ack::waits_for_more(tcb);
    let mut told = Told { echo: ack::echo(tcb, hdr), ..Told::default() };
    let rtt = ack::advance(tcb, hdr, &mut told, cx);
    ack::note_reordering(tcb);
    if let Some(loss) = &mut tcb.loss {
        loss.rack.take_advanced();
    }
    tcb.counters.delivered = tcb.counters.delivered.wrapping_add(told.segments);
    if told.delivered > 0 {
        ack::sample(tcb, &mut told, rtt, cx);
    }
    tcb.owe.tlp = false;
    tcb.stop_timer(Timer::Reorder, cx);
    if let Some(sample) = &told.sample {
        tcb.grow(sample, cx);
    }
    tlp::schedule(tcb, cx);
    if waited && !ack::waits_for_more(tcb) {
        ack::rtx_timer_from_head(tcb, cx);
    }
    super::autotune::on_ack(tcb, cx.now);
}

#[cfg(test)]
mod tests;
