//! Addresses and routes that come and go while a host runs (RFC 4862 §5.5.4, RFC 1122 §3.3).

use crate::support::puppet::tcp_bytes;
use crate::support::seen::{self, scenarios};
use netglass::base::{Duration, Frame, Head, IfaceId, Instant, Seq, SocketError};
use netglass::ip::{Cidr, NewAddress, Origin, Route};
use netglass::stack::{Input, ListenOptions, Record, Setup, Stack};
use netglass::tcp::State;
use netglass::wire::ip::Header;
use netglass::wire::ipv4::protocol;
use netglass::wire::tcp::{self, Ctl, Options};
use netglass::wire::{checksum, udp};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

scenarios![
    come_and_go,
    grow_old,
    are_given_again,
    cannot_be_any,
    routes_come_and_go,
    changes_are_recorded,
    link_local_addresses_have_zones,
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
    // No route leads to a host itself by a wire.
    assert_eq!(lone.source("127.0.0.1"), Err(SocketError::NetworkUnreachable));
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

/// Two links, on both of which fe80::9 is somebody else.
fn link_local_addresses_have_zones() {
    let mut lone = Lone::new();
    let near = |zone: u32| SocketAddr::V6(SocketAddrV6::new(v6("fe80::9"), 80, 7, zone));
    for iface in [IFACE, IfaceId(1)] {
        lone.stack.add_address(lone.now, iface, cidr("fe80::1/64")).expect("one on each link");
    }
    let sent = |lone: &mut Lone| {
        let out = std::iter::from_fn(|| lone.stack.output(lone.now));
        out.map(|(iface, frame)| (iface, frame.to_vec())).collect::<Vec<_>>()
    };
    for (zone, error) in [(0, SocketError::InvalidInput), (3, SocketError::InvalidInput)] {
        assert_eq!(lone.stack.connect(lone.now, near(zone), None, None), Err(error));
        let udp = lone.stack.bind(lone.now, (v6("::"), 0).into(), false).expect("free");
        assert_eq!(lone.stack.connect_udp(lone.now, udp, near(zone)), Err(error));
        assert_eq!(lone.stack.send_to(lone.now, udp, Some(near(zone)), b"x"), Err(error));
    }
    for zone in [1, 2] {
        let iface = IfaceId(zone - 1);
        let conn = lone.stack.connect(lone.now, near(zone.into()), None, None).expect("a zone");
        let remote = SocketAddr::V6(SocketAddrV6::new(v6("fe80::9"), 80, 0, zone.into()));
        assert_eq!(lone.stack.pair(conn).map(|pair| pair.remote), Ok(remote));
        let syn = sent(&mut lone);
        assert!(matches!(&syn[..], [(by, _)] if *by == iface), "{syn:?}");
        // Somebody of the same address on the other link is not heard.
        let rst = answer(&syn[0].1);
        let arrives = |lone: &mut Lone, iface| {
            let frame = Frame::copied(lone.stack.pool(), &rst);
            lone.stack.input(lone.now, iface, frame);
            lone.stack.state(conn)
        };
        assert_eq!(arrives(&mut lone, IfaceId(2 - zone)), Ok(State::SynSent));
        assert_eq!(arrives(&mut lone, iface), Ok(State::Closed));
        // Who hears a datagram knows where to answer.
        let udp = lone.stack.bind(lone.now, (v6("::"), 700 + zone).into(), false).expect("free");
        let bytes = datagram(v6("fe80::9"), v6("fe80::1"), 700 + zone);
        let frame = Frame::copied(lone.stack.pool(), &bytes);
        lone.stack.input(lone.now, iface, frame);
        let from = lone.stack.recv_from(lone.now, udp, &mut [0; 9]).expect("it came").from;
        lone.stack.send_to(lone.now, udp, Some(from), b"you, too").expect("a zone");
        let back = sent(&mut lone);
        assert!(matches!(&back[..], [(by, _)] if *by == iface), "{back:?}");
        // An error goes where its cause came from.
        let bytes = datagram(v6("fe80::9"), v6("fe80::1"), 9);
        let frame = Frame::copied(lone.stack.pool(), &bytes);
        lone.stack.input(lone.now, iface, frame);
        let told = sent(&mut lone);
        assert!(matches!(&told[..], [(by, _)] if *by == iface), "{told:?}");
    }
}

fn v6(text: &str) -> Ipv6Addr {
    text.parse().expect(text)
}

/// The reset that refuses a SYN.
fn answer(syn: &[u8]) -> Vec<u8> {
    let mut ip = Header::parse(syn, syn.len()).expect("a packet");
    ip.walk(syn).expect("good headers");
    let (asked, _) = tcp::Header::parse(&syn[ip.header_len..]).expect("a SYN");
    let hdr = tcp::Header {
        src: asked.dst,
        dst: asked.src,
        seq: Seq(0),
        ack: Some(asked.seq + 1),
        ctl: Ctl(Ctl::RST.0 | Ctl::ACK.0),
        wnd: 0,
        urg: 0,
        options: Options::default(),
    };
    let segment = tcp_bytes(ip.dst, ip.src, &hdr, b"");
    let mut head = Head::new();
    Header::new(ip.dst, ip.src, protocol::TCP).emit(&mut head, segment.len());
    [&head[..], &segment].concat()
}

fn datagram(src: Ipv6Addr, dst: Ipv6Addr, port: u16) -> Vec<u8> {
    let mut frame = Frame::default();
    let ends = [SocketAddr::from((src, 5)), SocketAddr::from((dst, port))];
    udp::emit(&mut frame.head, ends[0], ends[1], &frame.body, checksum::Fill::Complete);
    let len = frame.len();
    Header::new(src.into(), dst.into(), protocol::UDP).emit(&mut frame.head, len);
    frame.to_vec()
}
