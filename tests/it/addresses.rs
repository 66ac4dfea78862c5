//! Addresses and routes that come and go while a host runs (RFC 4862 §5.5.4, RFC 1122 §3.3).

use crate::support::seen::{self, scenarios};
use netglass::base::{Duration, IfaceId, Instant, SocketError};
use netglass::ip::{Cidr, NewAddress, Origin, Route};
use netglass::stack::{Input, ListenOptions, Record, Setup, Stack};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

scenarios![
    come_and_go,
    grow_old,
    are_given_again,
    cannot_be_any,
    routes_come_and_go,
    changes_are_recorded,
];

const IFACE: IfaceId = IfaceId(0);

struct Lone {
    stack: Stack,
    now: Instant,
}

impl Lone {
    fn new() -> Lone {
        let mut setup = Setup::new([3, 3]).with_iface("eth0", 1500, cidr("10.0.0.1/24"));
        setup = setup.with_iface("eth1", 1500, cidr("192.0.2.1/24"));
        let mut stack = Stack::new(setup);
        stack.listen_to_events(true);
        stack.record();
        Lone { stack, now: Instant::ZERO }
    }

    fn wait(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(at) = self.stack.deadline(self.now).filter(|at| *at <= end) {
            self.now = at;
            self.stack.poll(at);
            while self.stack.output(at).is_some() {}
        }
        self.now = end;
        self.stack.poll(end);
    }

    fn add(&mut self, new: impl Into<NewAddress>) -> Result<(), SocketError> {
        self.stack.add_address(self.now, IFACE, new)
    }

    fn source(&mut self, to: &str) -> Result<IpAddr, SocketError> {
        let id = self.stack.connect(self.now, (addr(to), 80).into(), None, None)?;
        let pair = self.stack.pair(id).expect("it was just made");
        self.stack.abort(self.now, id);
        Ok(pair.local.ip())
    }

    fn routes(&self) -> Vec<String> {
        self.stack.routes().iter().map(Route::to_string).collect()
    }
}

impl Drop for Lone {
    fn drop(&mut self) {
        let mut records: Vec<Record> = Vec::new();
        self.stack.drain_records(&mut records);
        seen::add(&records, self.stack.drops(), &BTreeSet::new());
    }
}

fn cidr(text: &str) -> Cidr {
    text.parse().expect(text)
}

fn addr(text: &str) -> IpAddr {
    text.parse().expect(text)
}

fn leased(text: &str, preferred: u64, valid: u64) -> NewAddress {
    let [preferred, valid] = [preferred, valid].map(|s| Some(Duration::from_secs(s)));
    NewAddress { origin: Origin::Dhcp, preferred, valid, ..cidr(text).into() }
}

fn come_and_go() {
    let mut lone = Lone::new();
    assert_eq!(lone.source("203.0.113.9"), Err(SocketError::NetworkUnreachable));
    lone.add(cidr("203.0.113.1/24")).expect("an address");
    assert_eq!(lone.source("203.0.113.9"), Ok(addr("203.0.113.1")));
    let at = SocketAddr::new(addr("203.0.113.1"), 80);
    lone.stack.listen(lone.now, at, ListenOptions::default()).expect("its own");
    lone.stack.remove_address(lone.now, IFACE, at.ip()).expect("its own");
    assert_eq!(lone.source("203.0.113.9"), Err(SocketError::NetworkUnreachable));
    let at = SocketAddr::new(at.ip(), 81);
    let error = lone.stack.listen(lone.now, at, ListenOptions::default());
    assert_eq!(error, Err(SocketError::AddrNotAvailable));
    let gone = lone.stack.remove_address(lone.now, IFACE, at.ip());
    assert_eq!(gone, Err(SocketError::AddrNotAvailable));
    // The network's route stays as long as an address needs it.
    lone.add(cidr("10.0.0.7/24")).expect("an address");
    lone.stack.remove_address(lone.now, IFACE, addr("10.0.0.1")).expect("its own");
    assert_eq!(lone.source("10.0.0.9"), Ok(addr("10.0.0.7")));
}

fn grow_old() {
    let mut lone = Lone::new();
    lone.add(leased("fd01::1/64", 10, 20)).expect("an address");
    assert_eq!(lone.stack.deadline(lone.now), Some(lone.now + Duration::from_secs(10)));
    lone.wait(9_999);
    lone.add(cidr("fd01::1:1/64")).expect("an address");
    assert_eq!(lone.source("fd01::9"), Ok(addr("fd01::1")), "the first of equal ones");
    lone.wait(1);
    assert!(lone.stack.address(IFACE, addr("fd01::1")).is_some_and(|own| own.deprecated));
    assert_eq!(lone.source("fd01::9"), Ok(addr("fd01::1:1")));
    // A deprecated address is as good as any for whoever asks for it.
    let from = SocketAddr::new(addr("fd01::1"), 0);
    lone.stack.connect(lone.now, (addr("fd01::9"), 80).into(), Some(from), None).expect("ours");
    lone.wait(10_000);
    assert_eq!(lone.stack.address(IFACE, addr("fd01::1")), None);
    assert!(lone.routes().contains(&"fd01::/64 dev 0 metric 0".to_owned()));
    lone.stack.remove_address(lone.now, IFACE, addr("fd01::1:1")).expect("its own");
    assert!(!lone.routes().contains(&"fd01::/64 dev 0 metric 0".to_owned()));
}

fn are_given_again() {
    let mut lone = Lone::new();
    for _ in 0..5 {
        lone.add(leased("10.0.0.50/24", 15, 20)).expect("an address");
        lone.wait(16_000);
        assert!(lone.stack.address(IFACE, addr("10.0.0.50")).expect("valid").deprecated);
    }
    lone.add(cidr("10.0.0.50/24")).expect("an address");
    lone.wait(100_000);
    let own = lone.stack.address(IFACE, addr("10.0.0.50")).expect("for ever");
    assert_eq!((own.origin, own.deprecated, own.valid_until), (Origin::Static, false, None));
}

fn cannot_be_any() {
    let mut lone = Lone::new();
    for (text, error) in [
        ("224.0.0.1/4", SocketError::InvalidInput),
        ("255.255.255.255/32", SocketError::InvalidInput),
        ("0.0.0.0/0", SocketError::InvalidInput),
        ("::/0", SocketError::InvalidInput),
        ("ff02::1/64", SocketError::InvalidInput),
        ("192.0.2.1/24", SocketError::AddrInUse),
    ] {
        assert_eq!(lone.add(cidr(text)), Err(error), "{text}");
    }
    let nowhere = lone.stack.add_address(lone.now, IfaceId(7), cidr("10.1.0.1/24"));
    assert_eq!(nowhere, Err(SocketError::InvalidInput));
    let results: Vec<_> = (0..100).map(|n| lone.add(cidr(&format!("10.7.{n}.1/24")))).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 63);
    assert_eq!(results[63], Err(SocketError::LimitReached));
}

fn routes_come_and_go() {
    let mut lone = Lone::new();
    let route = Route::default_via(addr("10.0.0.254"), IFACE);
    lone.stack.add_route(lone.now, route).expect("its interface");
    assert_eq!(lone.source("198.51.100.1"), Ok(addr("10.0.0.1")));
    assert_eq!(lone.stack.remove_route(lone.now, IFACE, cidr("0.0.0.0/0"), 0), Ok(route));
    let gone = lone.stack.remove_route(lone.now, IFACE, cidr("0.0.0.0/0"), 0);
    assert_eq!(gone, Err(SocketError::InvalidInput));
    let nowhere = Route { iface: IfaceId(9), ..route };
    assert_eq!(lone.stack.add_route(lone.now, nowhere), Err(SocketError::InvalidInput));
}

fn changes_are_recorded() {
    let mut lone = Lone::new();
    lone.add(leased("10.0.0.50/24", 15, 20)).expect("an address");
    let route = Route::default_via(addr("10.0.0.254"), IFACE);
    lone.stack.add_route(lone.now, route).expect("its interface");
    lone.stack.remove_route(lone.now, IFACE, route.dst, 0).expect("it is there");
    lone.stack.remove_address(lone.now, IFACE, addr("10.0.0.1")).expect("its own");
    let mut again = Lone::new();
    for (at, input) in lone.stack.take_inputs() {
        again.stack.apply(at, input);
    }
    assert_eq!(again.routes(), lone.routes());
    let all = |lone: &Lone| lone.stack.addresses().map(|(_, own)| *own).collect::<Vec<_>>();
    assert_eq!(all(&again), all(&lone));
    let kept = again.stack.take_inputs();
    assert!(kept.iter().any(|(_, input)| matches!(input, Input::RemoveAddress { .. })));
}
