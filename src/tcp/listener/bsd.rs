//! What 4.4BSD's descendants make of a segment for a half-open connection (their "syncache").
//!
//! Any SYN is answered as the first was, whatever its number; a SYN-ACK ends it; of an ACK the
//! acknowledgment counts first, and what has none says nothing.

use super::{Listener, Verdict, dropped, reply, reset_for};
use crate::base::Why;
use crate::tcp::event::{Outcome, Reply};
use crate::tcp::segment::Segment;
use crate::tcp::state::Cause;
use crate::tcp::tcb::Cx;

/// How many connections may be half open, whatever the backlog (syncache(4): cachelimit).
pub(super) const HALF_OPEN: usize = 15_360;

impl Listener {
    /// The handshake is complete, but nobody has accepted those before.
    pub(super) fn refuse_as_bsd(&mut self, key: usize, seg: &Segment, cx: &mut Cx<'_>) -> Verdict {
        let reset = reply(reset_for(seg), Reply::RstQueueFull, cx.cause, cx);
        let reset = reset.marked(&self.config);
        self.remove(key, Cause::QueueFull, cx);
        Verdict::Done(Outcome::Dropped(Why::AcceptQueueFull), Some(Box::new(reset)))
    }

    /// The verdict, unless the segment completes the handshake. Resets are judged before.
    pub(super) fn judge_as_bsd(
        &mut self,
        key: usize,
        seg: &Segment,
        cx: &mut Cx<'_>,
    ) -> Option<Verdict> {
        let (syn, ack) = (seg.hdr.ctl.syn(), seg.hdr.ack);
        if syn && ack.is_none() {
            self.embryos[key].timeouts = 0;
            self.owe(key, Reply::SynAckAgain, cx);
            return Some(dropped(Why::OldDuplicate));
        }
        let Some(ack) = ack else { return Some(dropped(Why::EmbryoUnusable)) };
        let embryo = &self.embryos[key];
        let late = self.unacceptable(embryo, seg);
        if let Some(why @ (Why::NoTimestamp | Why::Paws)) = late.filter(|_| !syn) {
            return Some(dropped(why));
        }
        if syn || ack != embryo.iss + 1 {
            let reset = reply(reset_for(seg), Reply::RstHalfOpenAck, cx.cause, cx);
            let reset = reset.marked(&self.config);
            if syn {
                self.remove(key, Cause::SynReset, cx);
            }
            let outcome = Outcome::Dropped(Why::SynReceivedBadAck);
            return Some(Verdict::Done(outcome, Some(Box::new(reset))));
        }
        late.map(|why| self.challenge(key, Reply::EmbryoAck, why, cx))
    }
}
