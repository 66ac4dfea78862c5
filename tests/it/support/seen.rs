//! What scenarios saw, by key: the coverage test adds it up.

use netglass::base::why::Drops;
use netglass::stack::{Event, Record};
use netglass::tcp::{self, Outcome, Plan};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// The keys seen of every vocabulary, and the rows of the transition table.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub rows: BTreeSet<(String, &'static str, String)>,
    pub why: BTreeSet<&'static str>,
    pub plan: BTreeSet<&'static str>,
    pub ack_why: BTreeSet<&'static str>,
    pub rtx_rule: BTreeSet<&'static str>,
    pub blocked: BTreeSet<&'static str>,
    pub cause: BTreeSet<&'static str>,
    pub reply: BTreeSet<&'static str>,
    pub sent: BTreeSet<&'static str>,
    pub link_cause: BTreeSet<&'static str>,
    pub limit: BTreeSet<&'static str>,
    pub bridge: BTreeSet<&'static str>,
}

/// A scenario: its name, and what happens in it.
pub type Scenario = (&'static str, fn());

thread_local! {
    static SEEN: RefCell<Seen> = RefCell::default();
}

/// Adds what one host did.
pub fn add(records: &[Record], drops: &Drops, waits: &BTreeSet<&'static str>) {
    SEEN.with_borrow_mut(|seen| {
        seen.why.extend(drops.iter().map(|(key, _)| key));
        seen.blocked.extend(waits);
        records.iter().for_each(|record| seen.take(&record.event));
    });
}

/// Adds what bridges did.
pub fn add_bridge(causes: &BTreeSet<&'static str>, drops: &Drops) {
    SEEN.with_borrow_mut(|seen| {
        seen.why.extend(drops.iter().map(|(key, _)| key));
        seen.bridge.extend(causes);
    });
}

/// What this thread has seen since the last time.
pub fn take() -> Seen {
    SEEN.take()
}

impl Seen {
    fn take(&mut self, event: &Event) {
        match event {
            Event::Tcp(event) | Event::Listener { event, .. } => self.take_tcp(event),
            Event::StrayOut { reply, .. } => {
                self.reply.insert(reply.key());
            }
            Event::Out { why, .. } => {
                self.sent.insert(why.key());
            }
            Event::Link { event, .. } => {
                self.link_cause.insert(event.cause().key());
            }
            Event::Limit { limit } => {
                self.limit.insert(limit.key());
            }
            _ => {}
        }
    }

    fn take_tcp(&mut self, event: &tcp::Event) {
        match event {
            tcp::Event::State { from, to, cause } => {
                self.rows.insert((from.to_string(), cause.key(), to.to_string()));
                self.cause.insert(cause.key());
            }
            tcp::Event::Received { outcome: Outcome::Closed(cause), .. } => {
                self.cause.insert(cause.key());
            }
            tcp::Event::Sent { plan, .. } => {
                self.plan.insert(plan.key());
                match plan {
                    Plan::Ack { why } => self.ack_why.insert(why.key()),
                    Plan::Retransmit { rule, .. } => self.rtx_rule.insert(rule.key()),
                    _ => false,
                };
            }
            tcp::Event::Blocked { why } => {
                self.blocked.insert(why.key());
            }
            tcp::Event::Replied { reply, .. } => {
                self.reply.insert(reply.key());
            }
            _ => {}
        }
    }
}

/// Names the scenarios of a file: each becomes a test, and the coverage test runs them all.
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        /// The scenarios of this file.
        pub(crate) const SCENARIOS: &[crate::support::seen::Scenario] =
            &[$((stringify!($name), $name)),*];

        mod each {
            $(
                #[test]
                fn $name() {
                    super::$name();
                }
            )*
        }
    };
    (both families: $($name:ident),* $(,)?) => {
        crate::support::seen::scenarios![both families: $($name),*; IPv4:];
    };
    (both families: $($name:ident),* $(,)?; IPv4: $($four:ident),* $(,)?) => {
        crate::support::seen::scenarios![$($name,)* $($four),*];

        mod each_over_ipv6 {
            $(
                #[test]
                fn $name() {
                    crate::support::puppet::over_ipv6(super::$name);
                }
            )*
        }
    };
}
pub(crate) use scenarios;
