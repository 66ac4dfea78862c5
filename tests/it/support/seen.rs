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
    pub spurious: BTreeSet<&'static str>,
    pub slow_start: BTreeSet<&'static str>,
    pub blocked: BTreeSet<&'static str>,
    pub fast_open: BTreeSet<&'static str>,
    pub cause: BTreeSet<&'static str>,
    pub reply: BTreeSet<&'static str>,
    pub sent: BTreeSet<&'static str>,
    pub link_cause: BTreeSet<&'static str>,
    pub limit: BTreeSet<&'static str>,
    pub bridge: BTreeSet<&'static str>,
    /// What no vocabulary has a word for: a segment that was accepted, a timer that expired.
    pub facts: BTreeSet<String>,
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

/// Adds what one host did since its counters stood at `before`.
pub fn add_since(
    before: &Drops,
    records: &[Record],
    drops: &Drops,
    waits: &BTreeSet<&'static str>,
) {
    add(records, &Drops::default(), waits);
    let old = |key: &str| before.iter().find(|(known, _)| *known == key).map_or(0, |(_, n)| n);
    let new = drops.iter().filter(|(key, n)| *n > old(key)).map(|(key, _)| key);
    SEEN.with_borrow_mut(|seen| seen.why.extend(new));
}

/// Adds what a machine did that is no part of a host, by its full name.
pub fn say(name: impl Into<String>) {
    SEEN.with_borrow_mut(|seen| seen.facts.insert(name.into()));
}

/// What this thread has seen since the last time.
pub fn take() -> Seen {
    SEEN.take()
}

impl Seen {
    /// Everything by its full name, as the table of rules has it, and the facts.
    pub fn names(&self) -> BTreeSet<String> {
        let all = [
            ("Why", &self.why),
            ("Plan", &self.plan),
            ("AckWhy", &self.ack_why),
            ("RtxRule", &self.rtx_rule),
            ("Spurious", &self.spurious),
            ("SlowStart", &self.slow_start),
            ("FastOpen", &self.fast_open),
            ("Blocked", &self.blocked),
            ("Cause", &self.cause),
            ("Reply", &self.reply),
            ("Sent", &self.sent),
            ("bridge::Cause", &self.bridge),
            ("link::Cause", &self.link_cause),
            ("Limit", &self.limit),
        ];
        let full = |(of, keys): (&str, &BTreeSet<&'static str>)| {
            keys.iter().map(|key| format!("{of}::{key}")).collect::<Vec<_>>()
        };
        all.into_iter().flat_map(full).chain(self.facts.iter().cloned()).collect()
    }

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
            Event::In(_) => {
                self.facts.insert("In".into());
            }
            Event::Forwarded { .. } => {
                self.facts.insert("Forwarded".into());
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
            tcp::Event::SlowStart { how, .. } => {
                self.slow_start.insert(how.key());
            }
            tcp::Event::Undo { how, .. } => {
                self.spurious.insert(how.key());
            }
            tcp::Event::FastOpen { what } => {
                self.fast_open.insert(what.key());
            }
            tcp::Event::Blocked { why, .. } => {
                self.blocked.insert(why.key());
            }
            tcp::Event::Replied { reply, .. } => {
                self.reply.insert(reply.key());
            }
            tcp::Event::Received { outcome: Outcome::Accepted, .. } => {
                self.facts.insert("Accepted".into());
            }
            tcp::Event::TimerExpired { timer } => {
                self.facts.insert(format!("Timer::{}", timer.name()));
            }
            tcp::Event::Ca { to, .. } => {
                self.facts.insert(format!("CaState::{to:?}"));
            }
            tcp::Event::Icmp { hard, .. } => {
                self.facts.insert(if *hard { "Icmp hard" } else { "Icmp soft" }.into());
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
