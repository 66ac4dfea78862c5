//! The way to a host in memory. Routers are the kernel's, in other tests.

use super::*;
use crate::app::called::Nameless;
use crate::device::memory;
use crate::runtime::Running;
use crate::stack::Setup;

/// The first of two hosts on a wire.
fn joined() -> (Host, [Running; 2]) {
    let host = |key, addr: &str| {
        Host::new(Setup::new([key, 0]).with_iface("wire0", 1500, addr.parse().expect(addr)))
    };
    let (a, b) = (host(1, "10.0.0.1/24"), host(2, "10.0.0.2/24"));
    let wire = memory::Options::default();
    let running = crate::runtime::memory::join(&a, &b, wire, [None, None]);
    (a, running.expect("two threads"))
}

/// What is said of the way to `to`, without times.
fn traced(to: &str, options: Options) -> Vec<String> {
    let (host, _running) = joined();
    let mut said = Vec::new();
    let to = (to, to.parse().expect("an address"));
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().build().expect("a runtime");
    let say = |line: &str| {
        let words = line.split(' ').filter(|word| !word.contains('.') || word.contains("10.0"));
        said.push(words.collect::<Vec<_>>().join(" "));
        Ok(())
    };
    let done = runtime.block_on(run(&host, to, &options, &Nameless, say));
    done.expect("it goes");
    said
}

#[test]
fn the_destination_answers() {
    let udp = Options::default();
    let icmp = Options { method: Method::Icmp, ..udp };
    for options in [udp, icmp] {
        let said = traced("10.0.0.2", options);
        assert_eq!(
            said,
            [
                "traceroute to 10.0.0.2 (10.0.0.2), 30 hops max, 60 byte packets",
                " 1  10.0.0.2  ms  ms  ms"
            ]
        );
    }
}

#[test]
fn nobody_answers_for_every_hop() {
    let wait = Duration::from_millis(50);
    let options = Options { last: 3, first: 2, queries: 2, wait, ..Options::default() };
    let said = traced("10.0.0.77", options);
    assert_eq!(said[1..], [" 2  * *", " 3  * *"]);
}

#[test]
fn packets_begin_too_long_and_find_the_mtu() {
    let options = Options { mtu: true, ..Options::default() };
    let said = traced("10.0.0.2", options);
    assert_eq!(
        said,
        [
            "traceroute to 10.0.0.2 (10.0.0.2), 30 hops max, 65000 byte packets",
            " 1  10.0.0.2  ms F=1500  ms  ms"
        ]
    );
    let options = Options { dont_fragment: true, length: Some(2000), ..Options::default() };
    let said = traced("10.0.0.2", options);
    assert_eq!(said[1], " 1  *  ms !F-1500 *  ms !F-1500 *  ms !F-1500");
}

#[test]
fn all_hops_there_are_can_be_asked_for() {
    let wait = Duration::from_millis(10);
    let options = Options { last: 255, first: 250, queries: 10, wait, ..Options::default() };
    let said = traced("10.0.0.77", options);
    assert_eq!(said.len(), 7);
    assert_eq!(said[6], "255  * * * * * * * * * *");
}
