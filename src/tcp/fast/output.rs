//! The short way out: all that is written goes in one segment, or nothing is written and nothing is
//! owed. An exchange of small messages knows nothing else.
//!
//! [`output::plan`](crate::tcp::output) is the specification, queues and all; this only knows
//! when it would come to one of these two.

use super::is_calm;
use crate::base::Instant;
use crate::tcp::sizes;
use crate::tcp::tcb::Tcb;

/// What is to be done next.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(in crate::tcp) enum Next {
    /// All that is written goes out, so many bytes in one segment, and is pushed.
    All {
        /// How many.
        len: u32,
    },
    /// Nothing: the application is waited for.
    Nothing,
}

/// What is next; `None`: the whole way tells.
pub(in crate::tcp) fn next(tcb: &Tcb, now: Instant) -> Option<Next> {
    if !is_calm(tcb) {
        return None;
    }
    match tcb.unsent() {
        0 => owes_nothing(tcb).then_some(Next::Nothing),
        len => goes_at_once(tcb, len, now).then_some(Next::All { len }),
    }
}

/// Whether a connection with nothing unsent has no other reason to send.
fn owes_nothing(tcb: &Tcb) -> bool {
    let owe = &tcb.owe;
    let owes = owe.ack.is_some() || owe.ack_before.is_some() || owe.rst.is_some();
    !owes && !owe.probe && !owe.keepalive && !tcb.window_update_due()
}

/// Whether `len` bytes, which are all, make a segment that waits for nothing: not for an ACK, as
/// nothing is in flight, nor for windows, pace, company or a queue.
fn goes_at_once(tcb: &Tcb, len: u32, now: Instant) -> bool {
    let (owe, snd) = (&tcb.owe, &tcb.snd);
    let first = owe.ack_now || owe.ack_before.is_some() || owe.rst.is_some() || owe.tlp;
    let alone = snd.una == snd.nxt && snd.up.is_none() && len <= snd.wnd;
    let asked = !tcb.more && !owe.more && !tcb.config.cork && tcb.mtu_claimed == 0;
    !first
        && alone
        && asked
        && len <= sizes::eff_mss(tcb)
        && sizes::queues_whole(tcb)
        && now.since(tcb.last_sent) <= tcb.rto()
        && tcb.pacing_rate().is_none()
}
