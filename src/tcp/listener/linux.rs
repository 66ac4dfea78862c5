//! What Linux makes of a segment for a half-open connection where it goes other ways than RFC 9293
//! §3.10.7.4: the acknowledgment is looked at first, and a SYN in the window ends it all.

use super::{Listener, Verdict, reply, reset_for};
use crate::base::Why;
use crate::tcp::event::{Outcome, Reply};
use crate::tcp::segment::Segment;
use crate::tcp::state::Cause;
use crate::tcp::tcb::Cx;

impl Listener {
    /// The verdict, unless the segment is judged as by others. Resets are judged before, and the
    /// SYN that came again.
    pub(super) fn judge_as_linux(
        &mut self,
        key: usize,
        seg: &Segment,
        cx: &mut Cx<'_>,
    ) -> Option<Verdict> {
        let embryo = &self.embryos[key];
        if seg.hdr.ack.is_some_and(|ack| ack != embryo.iss + 1) {
            return Some(self.refuse_ack(seg, cx));
        }
        if !seg.hdr.ctl.syn() || self.unacceptable(embryo, seg).is_some() {
            return None;
        }
        let reset = reply(reset_for(seg), Reply::RstHalfOpenSyn, cx.cause, cx);
        let reset = reset.marked(&self.config);
        self.remove(key, Cause::SynReset, cx);
        Some(Verdict::Done(Outcome::Dropped(Why::SynInWindow), Some(Box::new(reset))))
    }
}
