//! SEGMENT ARRIVES (RFC 9293 §3.10.7): one file per heading of the RFC.
//!
//! `closed` (§3.10.7.1) and `listen` (§3.10.7.2) answer without a block, `syn_sent` is §3.10.7.3,
//! `otherwise` is §3.10.7.4, where `bsd` judges sequence numbers its own way and `linux` makes
//! exceptions. None of them builds a segment for a connection: they note what is owed, and `output`
//! pays.

mod bsd;
pub mod closed;
mod linux;
pub(super) mod otherwise;
pub(super) mod syn_sent;

use super::event::Outcome;
use super::segment::Segment;
use super::state::State;
use super::tcb::{Cx, Tcb};
use std::ops::ControlFlow;

/// How a check ends: go on to the next one, or stop with an outcome.
pub(super) type Check = ControlFlow<Outcome>;

/// Processes a segment for a connection that has a block. `heir`: somebody listens where TIME-WAIT
/// could give way to a newer SYN.
pub(super) fn segment(tcb: &mut Tcb, seg: &mut Segment, heir: bool, cx: &mut Cx<'_>) -> Outcome {
    let flow = match tcb.state() {
        State::SynSent => syn_sent::arrives(tcb, seg, cx),
        State::TimeWait if heir && !tcb.config.is_bsd() => {
            otherwise::arrives_in_time_wait(tcb, seg, cx)
        }
        _ => otherwise::arrives(tcb, seg, cx),
    };
    match flow {
        ControlFlow::Break(outcome) => outcome,
        ControlFlow::Continue(()) => Outcome::Accepted,
    }
}
