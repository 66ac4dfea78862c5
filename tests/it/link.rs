//! Ethernet under a whole host: ARP, neighbours, VLANs, conflicts, floods (RFC 826, RFC 894,
//! RFC 1122 §2.3, RFC 4861 §7.3, RFC 5227).

use crate::ip::icmp_bytes;
use crate::support::puppet::{HOST, PEER, tcp_bytes};
use crate::support::seen::{self, scenarios};
use netglass::base::why::Drops;
use netglass::base::{Duration, Frame, Head, IfaceId, Instant, Mac, Seq, SocketError};
use netglass::ip::{Cidr, NewAddress, Standing};
use netglass::link::{Config, State};
use netglass::stack::{Ethernet, ListenOptions, Record, Setup, Stack, Vlan};
use netglass::tcp;
use netglass::wire::arp::{Arp, Op};
use netglass::wire::ethernet::{self, ethertype};
use netglass::wire::icmpv4::Icmpv4;
use netglass::wire::ipv4::{self, protocol};
use netglass::wire::tcp::{Ctl, Header, Options};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

scenarios![
    the_first_packet_waits_for_its_neighbour,
    who_asks_is_answered_and_remembered,
    silent_neighbours_are_polled,
    frames_that_are_refused,
    gateways_and_groups,
    unreachable_hosts_are_told,
    progress_confirms_a_neighbour,
    addresses_are_announced_and_defended,
    addresses_are_probed_first,
    queues_are_bounded,
    spoofed_neighbours_change_little,
    floods_are_bounded_and_others_served,
    vlans_are_interfaces,
    neighbours_by_hand,
];

pub(crate) const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
pub(crate) const NEAR: Mac = Mac([2, 0, 0, 0, 0, 2]);
pub(crate) const IFACE: IfaceId = IfaceId(0);

/// A host on an Ethernet; the test is everybody else.
pub(crate) struct Wire {
    pub(crate) stack: Stack,
    pub(crate) now: Instant,
    records: Vec<Record>,
    before: Drops,
}

/// A frame that the host sent.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Got {
    Arp(Mac, Arp),
    Ip(Mac, Vec<u8>),
}

pub(crate) fn host(change: impl FnOnce(&mut Ethernet)) -> Setup {
    let mut ethernet = Ethernet::new(OWN);
    change(&mut ethernet);
    let addr = format!("{HOST}/16").parse().expect("an address");
    Setup::new([7, 7]).with_iface("eth0", 1500, addr).on_ethernet(ethernet)
}

pub(crate) fn mac(n: u32) -> Mac {
    let [a, b, c, d] = n.to_be_bytes();
    Mac([6, 6, a, b, c, d])
}

pub(crate) fn framed(header: ethernet::Header, content: &[u8]) -> Vec<u8> {
    let mut head = Head::new();
    header.emit(&mut head);
    [&head[..], content].concat()
}

pub(crate) fn to_host(ethertype: u16) -> ethernet::Header {
    ethernet::Header { dst: OWN, src: NEAR, tag: None, ethertype }
}

pub(crate) fn arp(op: Op, (sender_mac, sender): (Mac, Ipv4Addr), target: Ipv4Addr) -> Arp {
    let target_mac = if op == Op::Reply { OWN } else { Mac::ZERO };
    Arp { op, sender_mac, sender, target_mac, target }
}

pub(crate) fn arp_bytes(arp: &Arp) -> Vec<u8> {
    let mut head = Head::new();
    arp.emit(&mut head);
    [&head[..], &[0; 18]].concat() // padded to the least frame
}

pub(crate) fn packet(src: Ipv4Addr, dst: Ipv4Addr, proto: u8, payload: &[u8]) -> Vec<u8> {
    let mut head = Head::new();
    ipv4::Header::new(src, dst, proto).emit(&mut head, payload.len());
    [&head[..], payload].concat()
}

impl Wire {
    pub(crate) fn new(setup: Setup) -> Wire {
        let mut stack = Stack::new(setup);
        stack.listen_to_events(true);
        Wire { stack, now: Instant::ZERO, records: Vec::new(), before: Drops::default() }
    }

    /// A host whose announcements are over.
    pub(crate) fn quiet(setup: Setup) -> Wire {
        let mut wire = Wire::new(setup);
        let told = wire.wait(10_000);
        assert!(told.iter().all(|got| matches!(got, Got::Arp(Mac::BROADCAST, _))), "{told:?}");
        wire
    }

    fn input(&mut self, iface: IfaceId, bytes: &[u8]) {
        let frame = Frame::copied(self.stack.pool(), bytes);
        self.stack.input(self.now, iface, frame);
    }

    pub(crate) fn frame(&mut self, bytes: &[u8]) -> Vec<Got> {
        self.input(IFACE, bytes);
        self.take()
    }

    pub(crate) fn arp(&mut self, arp: Arp) -> Vec<Got> {
        let dst = if arp.op == Op::Reply { OWN } else { Mac::BROADCAST };
        let header = ethernet::Header { dst, src: arp.sender_mac, ..to_host(ethertype::ARP) };
        self.frame(&framed(header, &arp_bytes(&arp)))
    }

    /// The peer says where it is.
    pub(crate) fn answer(&mut self) -> Vec<Got> {
        self.arp(arp(Op::Reply, (NEAR, PEER), HOST))
    }

    pub(crate) fn ip(&mut self, packet: &[u8]) -> Vec<Got> {
        self.frame(&framed(to_host(ethertype::IPV4), packet))
    }

    /// What the host has to send by now.
    pub(crate) fn take(&mut self) -> Vec<Got> {
        self.stack.poll(self.now);
        let mut got = Vec::new();
        while let Some((iface, frame)) = self.stack.output(self.now) {
            assert_eq!(iface, IFACE, "there is one device");
            let bytes = frame.to_vec();
            let header = ethernet::Header::parse(&bytes).expect("Ethernet");
            let content = &bytes[header.encoded_len()..];
            got.push(match header.ethertype {
                ethertype::ARP => Got::Arp(header.dst, Arp::parse(content).expect("ARP")),
                _ => Got::Ip(header.dst, content.to_vec()),
            });
        }
        let next = self.stack.deadline(self.now);
        assert!(next.is_none_or(|at| at > self.now), "driver law");
        self.stack.drain_records(&mut self.records);
        got
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, millis: u64) -> Vec<Got> {
        let (end, mut got) = (self.now + Duration::from_millis(millis), self.take());
        while let Some(at) = self.stack.deadline(self.now).filter(|at| *at <= end) {
            self.now = at;
            got.extend(self.take());
        }
        self.now = end;
        got.extend(self.take());
        got
    }

    pub(crate) fn ping(&mut self, to: Ipv4Addr) -> Vec<Got> {
        self.stack.ping(self.now, to.into(), (1, 1), b"hello").expect("a route");
        self.take()
    }

    pub(crate) fn drops(&self, key: &str) -> u64 {
        self.stack.drops().iter().find(|(known, _)| *known == key).map_or(0, |(_, n)| n)
    }

    fn standing(&self, addr: Ipv4Addr) -> Option<Standing> {
        self.stack.address(IFACE, addr.into()).map(|own| own.standing)
    }

    pub(crate) fn state(&self, addr: Ipv4Addr) -> Option<State> {
        let mut all = self.stack.neighbors();
        all.find(|(_, one)| one.addr == IpAddr::V4(addr)).map(|(_, one)| one.state)
    }

    /// What happened so far is not what the test is about.
    pub(crate) fn forget(&mut self) {
        self.take();
        self.records.clear();
        self.before = self.stack.drops().clone();
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stack.drain_records(&mut self.records);
        seen::add_since(&self.before, &self.records, self.stack.drops(), &BTreeSet::new());
    }
}

fn request(to: Mac, sender: Ipv4Addr, target: Ipv4Addr) -> Got {
    Got::Arp(to, arp(Op::Request, (OWN, sender), target))
}

#[track_caller]
fn is_ip_to(got: &[Got], to: Mac) {
    assert!(matches!(got, [Got::Ip(mac, _)] if *mac == to), "{got:?}");
}

pub(crate) fn echo_request(src: Ipv4Addr) -> Vec<u8> {
    let echo = icmp_bytes(Icmpv4::EchoRequest { id: 1, seq: 1 }, b"hello");
    packet(src, HOST, protocol::ICMP, &echo)
}

fn the_first_packet_waits_for_its_neighbour() {
    let mut w = Wire::quiet(host(|_| ()));
    assert_eq!(w.ping(PEER), [request(Mac::BROADCAST, HOST, PEER)]);
    assert_eq!(w.ping(PEER), [], "it is asked for already");
    let sent = w.answer();
    assert!(sent.iter().all(|got| matches!(got, Got::Ip(NEAR, _))) && sent.len() == 2, "{sent:?}");
    is_ip_to(&w.ping(PEER), NEAR);
    assert_eq!(w.state(PEER), Some(State::Reachable));
}

fn who_asks_is_answered_and_remembered() {
    let mut w = Wire::quiet(host(|_| ()));
    let reply =
        Arp { op: Op::Reply, sender_mac: OWN, sender: HOST, target_mac: NEAR, target: PEER };
    assert_eq!(w.arp(arp(Op::Request, (NEAR, PEER), HOST)), [Got::Arp(NEAR, reply)]);
    assert_eq!(w.state(PEER), Some(State::Stale));
    is_ip_to(&w.ip(&echo_request(PEER)), NEAR);
    // A probe is answered, but teaches nothing; who is on no network of ours is answered, too.
    let nobody = Ipv4Addr::UNSPECIFIED;
    for (asks, sender) in [(mac(9), nobody), (mac(8), Ipv4Addr::new(192, 0, 2, 1))] {
        let answer = Arp { target_mac: asks, target: sender, ..reply };
        assert_eq!(w.arp(arp(Op::Request, (asks, sender), HOST)), [Got::Arp(asks, answer)]);
    }
    assert_eq!(w.stack.neighbors().count(), 1);
    // It moves: an announcement is believed, after a moment.
    w.wait(1_000);
    assert_eq!(w.arp(arp(Op::Request, (mac(7), PEER), PEER)), []);
    is_ip_to(&w.ip(&echo_request(PEER)), mac(7));
}

fn silent_neighbours_are_polled() {
    let mut w = Wire::quiet(host(|_| ()));
    w.ping(PEER);
    w.answer();
    w.wait(46_000);
    assert_eq!(w.state(PEER), Some(State::Stale));
    is_ip_to(&w.ping(PEER), NEAR);
    let polled = w.wait(5_000);
    assert_eq!(polled, [request(NEAR, HOST, PEER)]);
    w.answer();
    assert_eq!(w.state(PEER), Some(State::Reachable));
    w.wait(46_000);
    w.ping(PEER);
    assert_eq!(
        w.wait(10_000),
        [request(NEAR, HOST, PEER), request(NEAR, HOST, PEER), request(NEAR, HOST, PEER)]
    );
    assert_eq!(w.state(PEER), Some(State::Failed));
    w.wait(60_000);
    assert_eq!(w.stack.neighbors().count(), 0);
}

fn frames_that_are_refused() {
    let mut w = Wire::quiet(host(|_| ()));
    let group = Mac([1, 0, 0x5e, 0, 0, 1]);
    let ip = echo_request(PEER);
    let plain = to_host(ethertype::IPV4);
    let tag = |id| Some(ethernet::Tag { id, ..ethernet::Tag::default() });
    let request = |sender_mac, sender| arp_bytes(&arp(Op::Request, (sender_mac, sender), HOST));
    let arps = to_host(ethertype::ARP);
    for (bytes, why) in [
        (vec![0; 13], "EthernetTruncated"),
        (framed(plain, &[])[..14].to_vec(), "IpVersion"),
        (framed(to_host(ethertype::IPV6), &ip), "IpVersion"),
        (framed(ethernet::Header { src: group, ..plain }, &ip), "EthernetSource"),
        (framed(ethernet::Header { dst: mac(1), ..plain }, &ip), "EthernetNotForUs"),
        (framed(ethernet::Header { dst: Mac::BROADCAST, ..plain }, &ip), "LinkBroadcast"),
        (framed(ethernet::Header { dst: group, ..plain }, &ip), "LinkBroadcast"),
        (framed(ethernet::Header { tag: tag(5), ..plain }, &ip), "VlanUnknown"),
        (framed(to_host(0x88cc), &ip), "EtherType"),
        (framed(to_host(40), &ip), "EtherType"),
        (framed(arps, &[0; 27]), "ArpFormat"),
        (framed(arps, &request(group, PEER)), "ArpSender"),
        (framed(arps, &request(Mac::ZERO, PEER)), "ArpSender"),
        (framed(arps, &request(NEAR, Ipv4Addr::BROADCAST)), "ArpSender"),
        (framed(arps, &request(NEAR, Ipv4Addr::new(224, 0, 0, 1))), "ArpSender"),
        (framed(arps, &request(OWN, PEER)), "OwnSource"),
        (framed(arps, &arp_bytes(&arp(Op::Request, (NEAR, PEER), PEER))), "ArpNotForUs"),
        (framed(arps, &arp_bytes(&arp(Op::Reply, (NEAR, PEER), HOST))), "NeighborUnasked"),
    ] {
        let before = w.drops(why);
        assert_eq!(w.frame(&bytes), [], "{why}");
        assert_eq!(w.drops(why), before + 1, "{why}");
    }
    assert_eq!(w.stack.neighbors().count(), 0, "none of these made an entry");
    // A tag that says no more than a priority is none.
    w.arp(arp(Op::Request, (NEAR, PEER), HOST));
    is_ip_to(&w.frame(&framed(ethernet::Header { tag: tag(0), ..plain }, &ip)), NEAR);
}

fn gateways_and_groups() {
    let mut setup = host(|_| ());
    setup.routes.push(netglass::ip::Route::default_via(PEER.into(), IFACE));
    let mut w = Wire::quiet(setup);
    let far = Ipv4Addr::new(192, 0, 2, 1);
    assert_eq!(w.ping(far), [request(Mac::BROADCAST, HOST, PEER)]);
    is_ip_to(&w.answer(), NEAR);
    is_ip_to(&w.ping(Ipv4Addr::new(198, 51, 100, 7)), NEAR);
    is_ip_to(&w.ping(Ipv4Addr::new(10, 0, 255, 255)), Mac::BROADCAST);
    is_ip_to(&w.ping(Ipv4Addr::BROADCAST), Mac::BROADCAST);
    is_ip_to(&w.ping(Ipv4Addr::new(239, 129, 2, 3)), Mac([1, 0, 0x5e, 1, 2, 3]));
}

fn unreachable_hosts_are_told() {
    let mut w = Wire::quiet(host(|_| ()));
    let to = SocketAddr::from((PEER, 80));
    let conn = w.stack.connect(w.now, to, None, None).expect("a route");
    let udp = w.stack.bind(w.now, (HOST, 0).into(), false).expect("free");
    w.stack.connect_udp(w.now, udp, to).expect("a route");
    w.stack.send_to(w.now, udp, None, b"anybody?").expect("room");
    let asked = w.wait(2_999);
    assert_eq!(asked, vec![request(Mac::BROADCAST, HOST, PEER); 3]);
    assert_eq!(w.stack.state(conn), Ok(tcp::State::SynSent));
    w.wait(1);
    let told = Err(SocketError::HostUnreachable);
    assert_eq!(w.stack.state(conn), Ok(tcp::State::Closed));
    assert_eq!(w.stack.read(w.now, conn, &mut [0; 1]), told.map(|()| 0));
    assert_eq!(w.stack.recv_from(w.now, udp, &mut [0; 1]).map(|_| ()), told);
    // What cannot be asked about is not sent, and harms nobody: a packet without ports.
    w.ping(PEER);
    w.wait(3_000);
    assert!(w.drops("NeighborFailed") >= 3);
}

/// The peer's segment.
pub(crate) fn segment(
    from: (Ipv4Addr, u16),
    ctl: Ctl,
    seq: Seq,
    ack: Seq,
    payload: &[u8],
) -> Vec<u8> {
    let ack = ctl.has(Ctl::ACK).then_some(ack);
    let options = Options::default();
    let header = Header { src: from.1, dst: 80, seq, ack, ctl, wnd: 60_000, urg: 0, options };
    packet(from.0, HOST, protocol::TCP, &tcp_bytes(from.0.into(), HOST.into(), &header, payload))
}

/// The sequence number of the segment that the host sent to somebody.
fn sent_seq(got: &[Got], to: Mac) -> Seq {
    let sent = got.iter().find_map(|got| match got {
        Got::Ip(mac, bytes) if *mac == to => Some(bytes),
        _ => None,
    });
    let bytes = sent.unwrap_or_else(|| panic!("nothing for {to}: {got:?}"));
    Seq(u32::from_be_bytes(bytes[24..28].try_into().expect("four bytes")))
}

/// Opens a connection from a neighbour that is known to be there; the host's ISN.
pub(crate) fn open(w: &mut Wire, from: (Ipv4Addr, u16), at: Mac) -> Seq {
    w.arp(arp(Op::Request, (at, from.0), HOST));
    let syn = framed(
        ethernet::Header { src: at, ..to_host(ethertype::IPV4) },
        &segment(from, Ctl::SYN, Seq(100), Seq(0), b""),
    );
    let iss = sent_seq(&w.frame(&syn), at);
    let ack = segment(from, Ctl::ACK, Seq(101), iss + 1, b"");
    w.ip(&ack);
    iss
}

fn progress_confirms_a_neighbour() {
    let mut w = Wire::quiet(host(|_| ()));
    let at = (HOST, 80).into();
    let listener = w.stack.listen(w.now, at, ListenOptions::default()).expect("free");
    let iss = open(&mut w, (PEER, 5000), NEAR);
    let (conn, _) = w.stack.accept(w.now, listener).expect("it connected");
    let mut next = iss + 1;
    for _ in 0..30 {
        w.stack.write(w.now, conn, b"data").expect("room");
        let sent = w.take();
        assert_eq!(sent_seq(&sent, NEAR), next);
        next += 4;
        w.ip(&segment((PEER, 5000), Ctl::ACK, Seq(101), next, b""));
        assert_eq!(w.state(PEER), Some(State::Reachable));
        let quiet = w.wait(10_000);
        assert_eq!(quiet, [], "nobody is asked while a connection makes progress");
    }
}

fn addresses_are_announced_and_defended() {
    let mut w = Wire::new(host(|_| ()));
    assert_eq!(w.wait(10_000), vec![request(Mac::BROADCAST, HOST, HOST); 2]);
    let thief = arp(Op::Request, (NEAR, HOST), PEER);
    assert_eq!(w.arp(thief), [request(Mac::BROADCAST, HOST, HOST)]);
    assert_eq!(w.arp(Arp { op: Op::Reply, ..thief }), [], "one defence in ten seconds");
    w.wait(10_000);
    assert_eq!(w.arp(thief), [request(Mac::BROADCAST, HOST, HOST)]);
    assert_eq!((w.drops("AddressConflict"), w.stack.neighbors().count()), (3, 0));
    // It keeps the address.
    w.arp(arp(Op::Request, (NEAR, PEER), HOST));
    is_ip_to(&w.ip(&echo_request(PEER)), NEAR);
}

fn addresses_are_probed_first() {
    let probe = request(Mac::BROADCAST, Ipv4Addr::UNSPECIFIED, HOST);
    let announcement = request(Mac::BROADCAST, HOST, HOST);
    for taken in [false, true] {
        let mut w = Wire::new(host(|ethernet| ethernet.probe = true));
        let at = (HOST, 80).into();
        w.stack.listen(w.now, at, ListenOptions::default()).expect("it will be ours");
        let first = w.wait(1_000);
        assert_eq!(first, std::slice::from_ref(&probe));
        // Meanwhile it is not used: nobody is answered, nothing is sent.
        assert_eq!(w.ip(&echo_request(PEER)), []);
        assert_eq!(w.arp(arp(Op::Request, (NEAR, PEER), HOST)), []);
        let error = w.stack.connect(w.now, (PEER, 80).into(), None, None);
        assert_eq!(error, Err(SocketError::NetworkUnreachable));
        assert_eq!(w.standing(HOST), Some(Standing::Tentative));
        if taken {
            w.arp(arp(Op::Reply, (NEAR, HOST), HOST));
            assert_eq!(w.wait(20_000), []);
            assert_eq!(w.standing(HOST), Some(Standing::Duplicate));
            assert_eq!(w.ip(&echo_request(PEER)), []);
            // Another is found free.
            let other = Ipv4Addr::new(10, 0, 0, 77);
            let cidr = Cidr::new(other.into(), 16).expect("an address");
            let new = NewAddress { probe: true, ..cidr.into() };
            w.stack.remove_address(w.now, IFACE, HOST.into()).expect("its own");
            w.stack.add_address(w.now, IFACE, new).expect("an Ethernet");
            assert_eq!(w.wait(20_000).len(), 5);
            assert_eq!(w.standing(other), Some(Standing::Usable));
            continue;
        }
        let told = w.wait(20_000);
        assert_eq!(
            told,
            [probe.clone(), probe.clone(), announcement.clone(), announcement.clone()]
        );
        w.arp(arp(Op::Request, (NEAR, PEER), HOST));
        is_ip_to(&w.ip(&echo_request(PEER)), NEAR);
    }
}

fn queues_are_bounded() {
    let mut w = Wire::quiet(host(|ethernet| {
        ethernet.neighbors = Config { queue_bytes: 4_000, solicit_burst: 1, ..Config::default() };
    }));
    for _ in 0..100 {
        w.ping(PEER);
    }
    let sent = w.answer();
    let full = w.drops("NeighborQueueFull");
    assert_eq!((sent.len() as u64 + full, full > 50), (100, true));
    // One question in a burst: the next one is held back, and asked a second later.
    let far = Ipv4Addr::new(10, 0, 3, 3);
    assert_eq!(w.ping(far), []);
    assert_eq!(w.drops("NeighborRateLimit"), 1);
    let asked = w.wait(1_000);
    assert!(!asked.is_empty());
}

fn spoofed_neighbours_change_little() {
    let mut w = Wire::quiet(host(|_| ()));
    w.ping(PEER);
    w.answer();
    // A second answer, right behind the first, is not believed.
    assert_eq!(w.arp(arp(Op::Reply, (mac(666), PEER), HOST)), []);
    assert_eq!(w.drops("NeighborTooSoon"), 1);
    is_ip_to(&w.ping(PEER), NEAR);
    // A later one is, as RFC 826 has it; but it is only stale, and found out by asking.
    w.wait(2_000);
    w.arp(arp(Op::Reply, (mac(666), PEER), HOST));
    assert_eq!(w.state(PEER), Some(State::Stale));
    is_ip_to(&w.ping(PEER), mac(666));
    assert_eq!(w.wait(5_000), [request(mac(666), HOST, PEER)]);
    w.wait(3_000);
    assert_eq!(w.ping(PEER), [request(Mac::BROADCAST, HOST, PEER)]);
    assert!(w.answer().iter().all(|got| matches!(got, Got::Ip(NEAR, _))));
}

fn floods_are_bounded_and_others_served() {
    let mut w = Wire::quiet(host(|ethernet| ethernet.neighbors.entries_max = 64));
    let at = (HOST, 80).into();
    let options = ListenOptions { backlog: 20_000, ..ListenOptions::default() };
    let listener = w.stack.listen(w.now, at, options).expect("free");
    let iss = open(&mut w, (PEER, 5000), NEAR);
    let (conn, _) = w.stack.accept(w.now, listener).expect("it connected");
    w.stack.write(w.now, conn, b"data").expect("room");
    w.take();
    w.ip(&segment((PEER, 5000), Ctl::ACK, Seq(101), iss + 5, b""));
    let spoofed = |n: u32| Ipv4Addr::new(10, 0, 1 + (n / 250) as u8, 1 + (n % 250) as u8);
    for n in 0..10_000 {
        // Who asks for us; who answers unasked; who sends a SYN and is never there.
        w.arp(arp(Op::Request, (mac(n), spoofed(n)), HOST));
        w.arp(arp(Op::Reply, (mac(n), spoofed(n)), HOST));
        w.ip(&segment((spoofed(n + 20_000), 1), Ctl::SYN, Seq(n), Seq(0), b""));
        assert!(w.stack.neighbors().count() <= 64);
        assert_eq!(w.state(PEER), Some(State::Reachable), "who is served stays");
        if n % 1_000 == 0 {
            w.now += Duration::from_millis(10);
        }
        w.records.clear();
    }
    // In the midst of it the old connection goes on, and a new neighbour gets through.
    w.stack.write(w.now, conn, b"more").expect("room");
    assert_eq!(sent_seq(&w.take(), NEAR), iss + 5);
    open(&mut w, (Ipv4Addr::new(10, 0, 0, 50), 5000), mac(50));
    w.stack.accept(w.now, listener).expect("a new one gets through");
    assert!(w.drops("NeighborLimit") > 1_000);
    // Where all neighbours are in use, a stranger gets no place, and no other loses his.
    let mut w = Wire::quiet(host(|ethernet| ethernet.neighbors.entries_max = 1));
    w.ping(PEER);
    w.answer();
    assert_eq!(w.ping(spoofed(1)), []);
    is_ip_to(&w.ping(PEER), NEAR);
    // Memory returns.
    w.wait(300_000);
    assert_eq!(w.stack.neighbors().count(), 0);
}

fn vlans_are_interfaces() {
    let addr = "10.5.0.1/24".parse().expect("an address");
    let vlan = Ethernet { vlan: Some(Vlan { parent: IFACE, id: 5 }), ..Ethernet::new(OWN) };
    let setup = host(|_| ()).with_iface("eth0.5", 1500, addr).on_ethernet(vlan);
    assert!(setup.is_possible());
    let (own, peer) = (Ipv4Addr::new(10, 5, 0, 1), Ipv4Addr::new(10, 5, 0, 2));
    let mut w = Wire::new(setup);
    w.wait(10_000);
    let tag = Some(ethernet::Tag { id: 5, ..ethernet::Tag::default() });
    let tagged = |ethertype| ethernet::Header { tag, ..to_host(ethertype) };
    w.stack.ping(w.now, peer.into(), (1, 1), b"hello").expect("a route");
    let mut next = || w.stack.output(w.now).map(|(iface, frame)| (iface, frame.to_vec()));
    let (iface, bytes) = next().expect("a question");
    let header = ethernet::Header::parse(&bytes).expect("Ethernet");
    assert_eq!((iface, header.tag, header.ethertype), (IFACE, tag, ethertype::ARP));
    let answer = arp_bytes(&arp(Op::Reply, (NEAR, peer), own));
    w.input(IFACE, &framed(tagged(ethertype::ARP), &answer));
    let (iface, frame) = w.stack.output(w.now).expect("the echo request");
    let header = ethernet::Header::parse(frame.front()).expect("Ethernet");
    let ours = ethernet::Header { dst: NEAR, src: OWN, tag, ethertype: ethertype::IPV4 };
    assert_eq!((iface, header), (IFACE, ours));
    // Each network is heard on its own interface only.
    w.input(IFACE, &framed(tagged(ethertype::IPV4), &echo_request(PEER)));
    assert!(w.drops("NotForUs") == 1 && w.stack.output(w.now).is_none());
    w.input(IfaceId(1), &framed(tagged(ethertype::IPV4), &echo_request(PEER)));
    assert_eq!(w.drops("VlanUnknown"), 1, "a VLAN has no device of its own");
}

fn neighbours_by_hand() {
    let mut w = Wire::quiet(host(|_| ()));
    let set = |w: &mut Wire, mac| w.stack.set_neighbor(w.now, IFACE, PEER.into(), mac);
    assert_eq!(set(&mut w, None), Err(SocketError::InvalidInput));
    assert_eq!(set(&mut w, Some(NEAR)), Ok(()));
    is_ip_to(&w.ping(PEER), NEAR);
    w.wait(1_000_000);
    w.arp(arp(Op::Request, (mac(666), PEER), HOST));
    is_ip_to(&w.ping(PEER), NEAR);
    assert_eq!(w.state(PEER), Some(State::Permanent));
    assert_eq!((set(&mut w, None), w.stack.neighbors().count()), (Ok(()), 0));
}

/// Whatever arrives on an Ethernet, there is no panic, and nothing grows without bound.
#[test]
fn any_frame_is_taken_or_refused() {
    let strategy = (
        proptest::collection::vec(any::<u8>(), 0..80),
        proptest::sample::select(vec![ethertype::ARP, ethertype::IPV4, ethertype::VLAN, 0]),
        0u8..8,
    );
    let mut w = Wire::quiet(host(|ethernet| {
        ethernet.neighbors = Config { entries_max: 8, queue_bytes: 4_000, ..Config::default() };
    }));
    let known = arp_bytes(&arp(Op::Request, (NEAR, PEER), HOST));
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for n in 0..20_000 {
        let (noise, kind, mask) = strategy.new_tree(&mut runner).expect("a value").current();
        let mut bytes = noise.clone();
        if mask & 1 == 0 {
            // A good ARP request with some noise in it.
            let dst = if mask & 2 == 0 { OWN } else { Mac::BROADCAST };
            bytes = framed(ethernet::Header { dst, ..to_host(kind) }, &known);
            for (at, byte) in noise.iter().enumerate().take(usize::from(mask)) {
                let place = 12 + (at * 31 + usize::from(*byte)) % (bytes.len() - 12);
                bytes[place] = *byte;
            }
        }
        w.frame(&bytes);
        w.records.clear();
        assert!(w.stack.neighbors().count() <= 8);
        if n % 100 == 0 {
            w.wait(777);
        }
    }
    w.wait(400_000);
    assert_eq!(w.stack.neighbors().count(), 0);
}
