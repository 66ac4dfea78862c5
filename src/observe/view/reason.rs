//! The reason a record carries, in one shape for every view: the most specific one where reasons
//! nest (an ACK's own reason instead of "an ACK is owed").

use crate::stack::Event;
use crate::tcp;
use crate::tcp::{Outcome, Plan};

/// A reason: its stable name, the sentence and the rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    /// The stable name that counters, logs and translations use.
    pub key: &'static str,
    /// The sentence, inputs filled in.
    pub text: String,
    /// The rule: an RFC section, or what else decides.
    pub rfc: &'static str,
}

macro_rules! explained {
    ($value:expr) => {
        Reason { key: $value.key(), text: $value.to_string(), rfc: $value.rfc() }
    };
}

/// The most specific reason of an event; `None` for events that only report a fact (a timer that
/// was set, an RTT sample, a segment that was accepted).
pub fn reason(event: &Event) -> Option<Reason> {
    match event {
        Event::Tcp(event) | Event::Listener { event, .. } => tcp_reason(event),
        Event::StrayIn { outcome, .. } => outcome_reason(outcome),
        Event::StrayOut { reply, .. } => Some(explained!(reply)),
        Event::Out { why, .. } => Some(explained!(why)),
        Event::Forwarded { .. } => Some(Reason {
            key: "Forwarded",
            text: "it is for somebody else, and this host is a router with a way there".into(),
            rfc: "RFC 1812 §5.2.1; RFC 8200 §3",
        }),
        Event::Dropped { why, .. } => Some(explained!(why)),
        Event::Link { event, .. } => Some(explained!(event.cause())),
        Event::Limit { limit } => Some(explained!(limit)),
        Event::Conn { .. } | Event::In(_) | Event::Call { .. } => None,
    }
}

fn tcp_reason(event: &tcp::Event) -> Option<Reason> {
    match event {
        tcp::Event::State { cause, .. } => Some(explained!(cause)),
        tcp::Event::Received { outcome, .. } => outcome_reason(outcome),
        tcp::Event::Sent { plan, .. } => Some(plan_reason(plan)),
        tcp::Event::Replied { reply, .. } => Some(explained!(reply)),
        tcp::Event::Blocked { why, .. } => Some(explained!(why)),
        tcp::Event::SlowStart { how, .. } => Some(explained!(how)),
        tcp::Event::FastOpen { what } => Some(explained!(what)),
        tcp::Event::Undo { how, .. } => Some(explained!(how)),
        _ => None,
    }
}

/// The most specific reason of a plan.
pub fn plan_reason(plan: &Plan) -> Reason {
    match plan {
        Plan::Ack { why } => explained!(why),
        Plan::Rst { cause } => explained!(cause),
        Plan::FinLimit { limit, .. } | Plan::RstLimit { limit } => explained!(limit),
        Plan::Retransmit { rule, .. } => {
            Reason { key: rule.key(), text: plan.to_string(), rfc: rule.rfc() }
        }
        _ => explained!(plan),
    }
}

fn outcome_reason(outcome: &Outcome) -> Option<Reason> {
    match outcome {
        Outcome::Accepted => None,
        Outcome::Cookie => Some(explained!(tcp::Reply::SynCookie)),
        Outcome::Dropped(why) => Some(explained!(why)),
        Outcome::Closed(cause) => Some(explained!(cause)),
        Outcome::Reopen => Some(explained!(tcp::Cause::TimeWaitReuse)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Seq, Why};
    use crate::tcp::{AckWhy, Cause, RtxRule};

    #[test]
    fn nested_reasons_give_the_inner_key_and_rule() {
        let ack = plan_reason(&Plan::Ack { why: AckWhy::OutOfOrder });
        assert_eq!((ack.key, ack.rfc), ("OutOfOrder", "RFC 5681 §4.2"));
        let rule = RtxRule::FastRetransmit;
        let again = plan_reason(&Plan::Retransmit { rule, seq: Seq(1), len: 1 });
        assert_eq!((again.key, again.rfc), ("FastRetransmit", "RFC 5681 §3.2"));
        assert_eq!(
            again.text,
            "retransmission: three duplicate ACKs: the segment is taken for lost"
        );
        let reset = plan_reason(&Plan::Rst { cause: Cause::Abort });
        assert_eq!((reset.key, reset.rfc), ("Abort", "RFC 9293 §3.10.5"));
        let data = plan_reason(&Plan::NewData { len: 7, push: true });
        assert!(data.text.ends_with("allow 7 bytes"), "{}", data.text);
        assert_eq!(outcome_reason(&Outcome::Dropped(Why::Paws)).map(|r| r.key), Some("Paws"));
        assert_eq!(outcome_reason(&Outcome::Accepted), None);
    }
}
