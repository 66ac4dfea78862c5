//! Pinging a host in memory, over links of all kinds.

use super::*;
use crate::app::called::Nameless;
use crate::base::Chance;
use crate::device::memory;
use crate::impair::{Impairments, Link};
use crate::net::Host;
use crate::stack::Setup;

fn host(key: u64, addr: &str) -> Host {
    Host::new(Setup::new([key, 0]).with_iface("wire0", 1500, addr.parse().expect(addr)))
}

/// Pings over a link that `words` make bad on the way back; what was said, without times.
fn pinged(words: &str, options: &Options, stop: impl Future<Output = ()>) -> (Tally, String) {
    let (a, b) = (host(1, "10.0.0.1/24"), host(2, "10.0.0.2/24"));
    let rules: Impairments = words.parse().expect(words);
    let back = Link::new(rules.outbound, Chance::from_seed(7), 0, b.pool().clone());
    let wire = memory::Options::default();
    let joined = crate::runtime::memory::join(&a, &b, wire, [None, Some(back)]);
    let _running = joined.expect("two threads");
    let socket = EchoSocket::open(&a).expect("an identifier");
    let to = ("peer", "10.0.0.2".parse().expect("an address"));
    let mut said = String::new();
    let say = |line| {
        let (Line::Whole(text) | Line::Answer(text) | Line::Error(text)) = line;
        said += &text;
        said += "\n";
        Ok(())
    };
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().build().expect("a runtime");
    let tally = runtime.block_on(run(&socket, to, options, &Nameless, stop, say));
    (tally.expect("it goes"), said)
}

fn some(count: u64) -> Options {
    let interval = Duration::from_millis(10);
    Options { count: Some(count), interval, ..Options::default() }
}

#[test]
fn replies_are_counted_and_said() {
    let (tally, said) = pinged("limit 100", &some(3), std::future::pending());
    assert_eq!((tally.sent, tally.received, tally.exit_code(&some(3))), (3, 3, 0));
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], "PING peer (10.0.0.2) 56(84) bytes of data.");
    for (n, line) in lines[1..4].iter().enumerate() {
        let start = format!("64 bytes from 10.0.0.2: icmp_seq={} ttl=64 time=", n + 1);
        assert!(line.starts_with(&start) && line.ends_with(" ms"), "{said}");
    }
    let whole = "3 packets transmitted, 3 received, 0% packet loss, time ";
    assert!(lines[6].starts_with(whole), "{said}");
    assert!(lines[7].starts_with("rtt min/avg/max/mdev = "), "{said}");
}

#[test]
fn replies_that_come_twice_are_told() {
    // One of two: the run ends with the last reply, whose double may come later.
    let (tally, said) = pinged("duplicate 100%", &some(3), std::future::pending());
    assert_eq!(tally.received, 3);
    assert!(tally.duplicates >= 2 && said.contains("(DUP!)"), "{said}");
    assert!(said.contains(&format!("3 received, +{} duplicates", tally.duplicates)), "{said}");
}

#[test]
fn silence_has_an_end() {
    let options = Options { linger: Duration::from_millis(50), size: 8, ..some(2) };
    let (tally, said) = pinged("loss 100%", &options, std::future::pending());
    assert_eq!((tally.sent, tally.received, tally.exit_code(&options)), (2, 0, 1));
    assert!(said.contains("2 packets transmitted, 0 received, 100% packet loss, time "), "{said}");
    assert!(said.ends_with("ms\n\n\n"), "an empty line instead of round trips:\n{said}");
    let options = Options { deadline: Some(Duration::from_millis(100)), ..some(1) };
    let (tally, _) = pinged("loss 100%", &options, std::future::pending());
    assert!(tally.sent > 1, "with a deadline it goes on asking");
}

#[test]
fn it_stops_when_told() {
    let options = Options { count: None, quiet: true, ..some(1) };
    let stop = async { tokio::time::sleep(Duration::from_millis(100)).await };
    let (tally, said) = pinged("limit 100", &options, stop);
    assert!(tally.received > 1 && tally.exit_code(&options) == 0, "{said}");
    assert_eq!(said.lines().nth(1), Some(""), "{said}");
}

#[test]
fn what_may_not_be_cut_is_refused_here() {
    use crate::wire::ip::{Discover, Mark};
    let packet = PingOptions { discover: Discover::Do, mark: Mark::default() };
    let options = Options { size: 1473, packet, ..some(1) };
    let (tally, said) = pinged("limit 100", &options, std::future::pending());
    assert_eq!((tally.sent, tally.errors, tally.exit_code(&options)), (1, 1, 1));
    assert!(said.contains("ping: local error: message too long, mtu=1500\n"), "{said}");
    assert!(said.contains("0 received, +1 errors, 100% packet loss"), "{said}");
}
