//! What would not have happened without a loss: only what the log itself proves.

use super::state::tcp_event;
use super::web::{Web, is_loss, range_of};
use crate::base::EventId;
use crate::observe::log::Entry;
use crate::tcp::{self, AckWhy, Plan};

/// What the loss of a segment brought about, when it was the only one: nothing else of that
/// direction was lost or overtaken before it was sent again, so that without it the receiver would
/// have had no gap to tell of.
pub(super) fn without_loss(web: &Web<'_>, sent: &Entry) -> Option<String> {
    let key = web.key(sent)?;
    let (true, _, seg) = web.segment(sent)? else { return None };
    web.loss(sent.id)?;
    let again = web.get(web.sent_again(sent)?)?;
    let asked = matches!(tcp_event(again), Some(tcp::Event::Sent {
            plan: Plan::Retransmit { rule, seq, len }, ..
        }) if rule.is_fast() && (*seq, *len) == (seg.seq, seg.len));
    let earlier = web.of_conn(key).take_while(|entry| entry.id < again.id);
    let others = earlier.filter(|entry| entry.id != sent.id);
    let lost = others.filter(|entry| web.effects(entry.id).any(is_loss)).count();
    let peer = web.peer(key)?;
    let mut next = None;
    let mut duplicates: Vec<EventId> = Vec::new();
    for entry in web.of_conn(peer).take_while(|entry| entry.id < again.id) {
        match tcp_event(entry) {
            Some(tcp::Event::Received { seg, .. }) if seg.len > 0 => {
                let (from, to) = range_of(seg);
                if next.is_some_and(|next| from.before(next)) {
                    return None; // something was overtaken
                }
                next = Some(to);
            }
            Some(tcp::Event::Sent { seg: ack, plan, .. }) => {
                let told = *plan == Plan::Ack { why: AckWhy::OutOfOrder };
                duplicates.extend((told && ack.ack == Some(seg.seq)).then_some(entry.id));
            }
            _ => {}
        }
    }
    let (first, last) = (duplicates.first()?, duplicates.last()?);
    (asked && lost == 0).then(|| {
        format!(
            "had #{} arrived, neither the {} ACKs that tell of a gap (#{first} to #{last}) nor \
             the retransmission #{} would have been sent: nothing else was lost or overtaken",
            sent.id,
            duplicates.len(),
            again.id
        )
    })
}
