//! For every rule a case in which it decides, and a near miss, the same situation with one thing
//! changed, in which it must not; what decides there instead is named, too. The table of rules
//! (`netglass::rules`) says which rules there are.

use crate::support::seen;
use netglass::rules;
use std::collections::BTreeSet;
use std::panic::catch_unwind;

mod answers;
mod arrivals;
mod bridges;
mod congestion;
#[cfg(feature = "http")]
mod dhcp;
mod discovery;
mod ethernet;
mod fastopen;
mod forwarding;
mod groups;
#[cfg(feature = "http")]
mod limits;
mod links;
mod packets;
mod packets6;
mod recovery;
mod segments;
mod states;

/// A rule, a case of it, and a near miss.
pub(crate) struct Case {
    /// The rule's full name.
    rule: &'static str,
    /// The situation in which it decides.
    fires: fn(),
    /// The same with one thing changed.
    not: fn(),
    /// What decides or happens there.
    instead: &'static str,
}

/// A table of cases, a line each: `rule => situation; near miss => what happens instead,`. It
/// becomes a test.
macro_rules! cases {
    ($($rule:literal => $fires:expr; $not:expr => $instead:literal,)*) => {
        pub(super) const CASES: &[crate::rules::Case] = &[$(crate::rules::Case {
            rule: $rule,
            fires: || { $fires; },
            not: || { $not; },
            instead: $instead,
        }),*];

        #[test]
        fn each_rule_decides_its_case_and_no_near_miss() {
            super::check(CASES);
        }
    };
}
use cases;

/// All cases, by file.
const FILES: &[&[Case]] = &[
    answers::CASES,
    arrivals::CASES,
    bridges::CASES,
    congestion::CASES,
    #[cfg(feature = "http")]
    dhcp::CASES,
    discovery::CASES,
    ethernet::CASES,
    fastopen::CASES,
    forwarding::CASES,
    groups::CASES,
    #[cfg(feature = "http")]
    limits::CASES,
    links::CASES,
    packets::CASES,
    packets6::CASES,
    recovery::CASES,
    segments::CASES,
    states::CASES,
];

/// What is seen while something runs to its end; `None`: it did not.
fn run(situation: fn()) -> Option<BTreeSet<String>> {
    drop(seen::take());
    let ended = catch_unwind(situation);
    let names = seen::take().names();
    ended.ok().map(|()| names)
}

fn check(cases: &[Case]) {
    let mut wrong = Vec::new();
    for Case { rule, fires, not, instead } in cases {
        match run(*fires) {
            None => wrong.push(format!("{rule}: its case failed")),
            Some(seen) if !seen.contains(*rule) => {
                wrong.push(format!("{rule} is not seen where it must be, but {seen:?}"));
            }
            Some(_) => {}
        }
        match run(*not) {
            None => wrong.push(format!("{rule}: its near miss failed")),
            Some(seen) if seen.contains(*rule) => {
                wrong.push(format!("{rule} is seen where it must not be, in {seen:?}"));
            }
            Some(seen) if !seen.contains(*instead) => {
                wrong.push(format!("{rule}'s near miss does not show {instead}, but {seen:?}"));
            }
            Some(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{} cases are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
#[cfg(feature = "http")]
fn every_rule_has_a_case_and_a_near_miss() {
    let mut covered = BTreeSet::new();
    for case in FILES.iter().copied().flatten() {
        assert!(covered.insert(case.rule.to_owned()), "{} twice", case.rule);
        assert_ne!(case.rule, case.instead);
    }
    let all: BTreeSet<String> = rules::all().map(|(of, rule)| rules::full_name(of, rule)).collect();
    let facts = |name: &&String| !name.starts_with("Timer::") && !name.starts_with("CaState::");
    let none: Vec<_> = covered.difference(&all).filter(facts).collect();
    assert!(none.is_empty(), "there are no such rules: {none:?}");
    let missing: Vec<_> = all.difference(&covered).collect();
    assert!(missing.is_empty(), "{} rules without a case: {missing:?}", missing.len());
}
