//! Every row of the transition table and every variant of every vocabulary is reached by some
//! scenario: what the code can say, a test has heard it say.

use crate::support::seen::{self, Scenario, Seen};
use crate::{
    acks, addresses, advertise, arrives, attack, bridge, bsd, buffers, close, congestion, counts,
    fastopen, fastopen_client, flood, forward, groups, handshake, ip, ip6, link, nd, options, pmtu,
    pressure, recovery, reports, routers, rto, sockets, window,
};
use netglass::base::{Limit, Why};
use netglass::stack::Sent;
use netglass::tcp::{
    AckWhy, Blocked, Cause, FastOpen, Plan, Reply, RtxRule, SlowStart, Spurious, TRANSITIONS,
};
use std::collections::BTreeSet;

/// All scenarios, by file.
const FILES: &[(&str, &[Scenario])] = &[
    ("acks", acks::SCENARIOS),
    ("addresses", addresses::SCENARIOS),
    ("arrives", arrives::SCENARIOS),
    ("attack", attack::SCENARIOS),
    ("bridge", bridge::SCENARIOS),
    ("bsd", bsd::SCENARIOS),
    ("buffers", buffers::SCENARIOS),
    ("close", close::SCENARIOS),
    ("congestion", congestion::SCENARIOS),
    ("counts", counts::SCENARIOS),
    ("fastopen", fastopen::SCENARIOS),
    ("fastopen_client", fastopen_client::SCENARIOS),
    ("flood", flood::SCENARIOS),
    ("groups", groups::SCENARIOS),
    ("handshake", handshake::SCENARIOS),
    ("ip", ip::SCENARIOS),
    ("ip6", ip6::SCENARIOS),
    ("link", link::SCENARIOS),
    ("nd", nd::SCENARIOS),
    ("routers", routers::SCENARIOS),
    ("reports", reports::SCENARIOS),
    ("options", options::SCENARIOS),
    ("pmtu", pmtu::SCENARIOS),
    ("recovery", recovery::SCENARIOS),
    ("rto", rto::SCENARIOS),
    ("window", window::SCENARIOS),
    ("sockets", sockets::SCENARIOS),
    ("pressure", pressure::SCENARIOS),
    ("forward", forward::SCENARIOS),
    ("advertise", advertise::SCENARIOS),
];

/// What only another test can reach, and where.
const ELSEWHERE: &[(&str, &str)] =
    &[("Contradicted", "ARP always overrides; the cache's own tests reach it")];

fn run_all() -> Seen {
    drop(seen::take());
    for (file, scenarios) in FILES {
        for (name, scenario) in *scenarios {
            let run = std::panic::catch_unwind(scenario);
            assert!(run.is_ok(), "{file}::{name} failed");
        }
    }
    seen::take()
}

/// What is missing, and what no vocabulary knows.
fn differences(what: &str, keys: &[&'static str], seen: &BTreeSet<&'static str>) -> Vec<String> {
    let is_elsewhere = |key: &str| ELSEWHERE.iter().any(|(name, _)| *name == key);
    let missing = keys.iter().filter(|key| !seen.contains(**key) && !is_elsewhere(key));
    let unknown = seen.iter().filter(|key| !keys.contains(key));
    let missing = missing.map(|key| format!("{what}::{key} is never reached"));
    missing.chain(unknown.map(|key| format!("{what}::{key} is not in its KEYS"))).collect()
}

#[test]
fn everything_that_can_happen_happens() {
    let seen = run_all();
    let mut wrong: Vec<String> = [
        ("Why", Why::KEYS, &seen.why),
        ("Plan", Plan::KEYS, &seen.plan),
        ("AckWhy", AckWhy::KEYS, &seen.ack_why),
        ("RtxRule", RtxRule::KEYS, &seen.rtx_rule),
        ("Spurious", Spurious::KEYS, &seen.spurious),
        ("SlowStart", SlowStart::KEYS, &seen.slow_start),
        ("FastOpen", FastOpen::KEYS, &seen.fast_open),
        ("Blocked", Blocked::KEYS, &seen.blocked),
        ("Cause", Cause::KEYS, &seen.cause),
        ("Reply", Reply::KEYS, &seen.reply),
        ("Sent", Sent::KEYS, &seen.sent),
        ("link::Cause", netglass::link::Cause::KEYS, &seen.link_cause),
        ("Limit", Limit::KEYS, &seen.limit),
        ("bridge::Cause", netglass::link::bridge::Cause::KEYS, &seen.bridge),
    ]
    .into_iter()
    .flat_map(|(what, keys, seen)| differences(what, keys, seen))
    .collect();
    let row = |from: &str, cause: &str, to: &str| format!("{from} --{cause}--> {to}");
    let table: BTreeSet<String> =
        TRANSITIONS.iter().map(|t| row(t.from.name(), t.cause.key(), t.to.name())).collect();
    let taken: BTreeSet<String> = seen.rows.iter().map(|(f, c, t)| row(f, c, t)).collect();
    wrong.extend(table.difference(&taken).map(|row| format!("{row} is never taken")));
    wrong.extend(taken.difference(&table).map(|row| format!("{row} is not in the table")));
    assert!(wrong.is_empty(), "{} gaps:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn scenarios_have_names_of_their_own() {
    let mut names = BTreeSet::new();
    for (file, scenarios) in FILES {
        assert!(!scenarios.is_empty(), "{file}");
        for (name, _) in *scenarios {
            assert!(names.insert((file, name)), "{file}::{name} twice");
        }
    }
}
