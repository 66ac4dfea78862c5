//! Delayed acknowledgments (RFC 9293 §3.8.6.3).

use super::event::{AckWhy, Timer};
use super::tcb::{Cx, Tcb};

/// Data arrived in order: the ACK waits for company, but every second full segment
/// is acknowledged (SHLD-19), and none waits longer than the knob says (MUST-40).
pub(super) fn on_in_order(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    if tcb.rcv.unacked >= 2 * tcb.rcv.mss_seen {
        tcb.owe_ack(AckWhy::EverySecond, false, cx);
    } else if tcb.config.delayed_ack.is_zero() {
        tcb.owe_ack(AckWhy::Delayed, false, cx);
    } else if !tcb.timers.is_running(Timer::Delack) {
        tcb.set_timer(Timer::Delack, cx.now + tcb.config.delayed_ack, cx);
    }
}
