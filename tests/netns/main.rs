//! Everything against the real Linux kernel, each test in network namespaces of its own.
//!
//! A test runs in a child process that enters its namespace before any thread exists. What the
//! machine lacks makes a test ignored, with the reason printed; it is never silently passed.
//!
//! `NETGLASS_PLAIN=1 cargo test --test netns` has all of them on the plain device.

mod control;
mod curl;
mod dhcp;
mod dns;
mod flood;
mod groups;
mod hostile;
mod kernel;
mod lab;
mod nd;
mod other_way;
mod ping;
mod policy;
mod records;
mod router;
mod scan;
mod support;
mod tap;
mod usage;
mod veth;
mod vlan;
mod world;

use libtest_mimic::{Arguments, Failed, Trial};
use std::process::Command;
use support::Need;

/// A test: its name, what it needs, what it does.
pub(crate) type Case = (&'static str, &'static [Need], fn());

/// Says which test a child is to run.
const VARIABLE: &str = "NETGLASS_NETNS_TEST";

fn cases() -> Vec<Case> {
    let all = [
        ping::CASES,
        curl::CASES,
        hostile::CASES,
        kernel::CASES,
        other_way::CASES,
        records::CASES,
        lab::CASES,
        usage::CASES,
        dns::CASES,
        tap::CASES,
        dhcp::CASES,
        control::CASES,
        policy::CASES,
        nd::CASES,
        router::CASES,
        scan::CASES,
        veth::CASES,
        flood::CASES,
        vlan::CASES,
        groups::CASES,
    ];
    all.concat()
}

fn main() {
    if let Ok(name) = std::env::var(VARIABLE) {
        let cases = cases();
        let (_, _, run) = cases.iter().find(|(known, ..)| *known == name).expect("a known test");
        run();
        return;
    }
    let mut arguments = Arguments::from_args();
    // Each has namespaces of its own and mostly waits; real time is used, so not too many at once.
    arguments.test_threads.get_or_insert(2);
    let trials = cases().into_iter().map(|(name, needs, _)| {
        let lack = needs.iter().find_map(Need::lack);
        if let (Some(lack), false) = (&lack, arguments.list) {
            println!("ignored: {name}: {lack}");
        }
        Trial::test(name, move || in_namespace(name)).with_ignored_flag(lack.is_some())
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

fn in_namespace(name: &str) -> Result<(), Failed> {
    let mut child = Command::new(std::env::current_exe().map_err(|e| e.to_string())?);
    child.env(VARIABLE, name);
    let output = netglass::sys::netns::private_child(&mut child).output();
    let output = output.map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].map(|s| String::from_utf8_lossy(&s).into_owned());
    Err(format!("{}\n{}{}", output.status, said[0], said[1]).into())
}
