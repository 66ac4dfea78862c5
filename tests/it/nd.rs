//! Neighbour discovery under a whole host: who asks, who answers, duplicate addresses, routers and
//! the addresses made of what they tell, redirects (RFC 4861, RFC 4862, RFC 7559, RFC 8106,
//! RFC 9131).

use crate::support::seen::{self, scenarios};
use netglass::base::{Duration, Frame, Head, IfaceId, Instant, Mac, Pool, SocketError, why::Drops};
use netglass::ip::{Origin, Route, Standing};
use netglass::link::State;
use netglass::stack::{Ethernet, ListenOptions, Record, Setup, Stack};
use netglass::wire::checksum;
use netglass::wire::ethernet::{self, ethertype};
use netglass::wire::icmp::{Echo, Icmp};
use netglass::wire::icmpv4::Icmpv4;
use netglass::wire::ip::{Header, Mark};
use netglass::wire::ipv4::protocol;
use netglass::wire::nd::{ALL_NODES, ALL_ROUTERS, Nd, RouterAdvert, solicited_node};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

scenarios![
    the_first_packet_waits_for_its_neighbour,
    who_asks_is_answered_and_remembered,
    silent_neighbours_are_asked_themselves,
    messages_that_are_refused,
    addresses_are_asked_for_before_they_are_used,
    whoever_has_the_address_keeps_it,
    routers_make_addresses,
    routers_say_how_many_hops,
    what_routers_give_ends,
    a_flood_of_routers_is_bounded,
    the_router_that_answers_is_used,
    better_first_hops,
    better_first_hops_of_ipv4,
    questions_are_limited,
];

pub(crate) const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
pub(crate) const NEAR: Mac = Mac([2, 0, 0, 0, 0, 2]);
pub(crate) const ROUTER_MAC: Mac = Mac([2, 0, 0, 0, 0, 0xfe]);
pub(crate) const IFACE: IfaceId = IfaceId(0);

pub(crate) fn v6(text: &str) -> Ipv6Addr {
    text.parse().expect(text)
}

pub(crate) fn host() -> Ipv6Addr {
    v6("fd00::1")
}

pub(crate) fn peer() -> Ipv6Addr {
    v6("fd00::2")
}

pub(crate) fn router() -> Ipv6Addr {
    v6("fe80::fe")
}

/// The link-local address that [`OWN`] makes.
pub(crate) fn link_local() -> Ipv6Addr {
    v6("fe80::ff:fe00:1")
}

/// A host on an Ethernet; the test is everybody else.
pub(crate) struct Wire {
    pub(crate) stack: Stack,
    pub(crate) now: Instant,
    records: Vec<Record>,
    before: Drops,
}

/// A frame that the host sent: where to, and what.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Got {
    Nd(Mac, Ipv6Addr, Ipv6Addr, Nd),
    Ip(Mac, Vec<u8>),
}

pub(crate) fn setup(change: impl FnOnce(&mut Ethernet)) -> Setup {
    let mut ethernet = Ethernet::new(OWN);
    change(&mut ethernet);
    Setup::new([7, 7])
        .with_iface("eth0", 1500, "fd00::1/64".parse().expect("an address"))
        .on_ethernet(ethernet)
}

/// A host that makes its addresses itself, and has none by hand.
pub(crate) fn autoconf() -> Setup {
    let mut setup = setup(|ethernet| ethernet.autoconf = true);
    setup.ifaces[0].addrs.clear();
    setup
}

pub(crate) fn packet(src: Ipv6Addr, dst: Ipv6Addr, hops: u8, body: &[u8]) -> Vec<u8> {
    let mut head = Head::new();
    let header = Header::new(src.into(), dst.into(), protocol::ICMPV6);
    Header { ttl: hops, ..header }.emit(&mut head, body.len());
    [&head[..], body].concat()
}

pub(crate) fn nd_bytes(src: Ipv6Addr, dst: Ipv6Addr, nd: Nd, options: &[u8]) -> Vec<u8> {
    let mut head = Head::new();
    nd.emit(src, dst, &mut head);
    let mut bytes = [&head[..], options].concat();
    bytes[2..4].fill(0);
    let pseudo = checksum::pseudo(src.into(), dst.into(), protocol::ICMPV6, bytes.len());
    let sum = checksum::complete(pseudo, [&bytes[..]]);
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    bytes
}

pub(crate) fn solicit(target: Ipv6Addr, mac: Option<Mac>) -> Nd {
    Nd::NeighborSolicit { target, mac }
}

pub(crate) fn advert(target: Ipv6Addr, solicited: bool, mac: Mac) -> Nd {
    let (router, overrides, mac) = (false, true, Some(mac));
    Nd::NeighborAdvert { target, router, solicited, overrides, mac }
}

/// What a router tells: for how long it is one, seconds.
pub(crate) fn ra(lifetime: u16) -> Nd {
    Nd::RouterAdvert(RouterAdvert { lifetime, mac: Some(ROUTER_MAC), ..RouterAdvert::default() })
}

/// A prefix of 64 bits, on the link and for making addresses.
pub(crate) fn prefix(addr: Ipv6Addr, preferred: u32, valid: u32) -> Vec<u8> {
    let mut option = vec![3, 4, 64, 0xc0];
    option.extend(valid.to_be_bytes());
    option.extend(preferred.to_be_bytes());
    option.extend([0; 4]);
    option.extend(addr.octets());
    option
}

impl Wire {
    pub(crate) fn new(setup: Setup) -> Wire {
        let mut stack = Stack::new(setup);
        stack.listen_to_events(true);
        Wire { stack, now: Instant::ZERO, records: Vec::new(), before: Drops::default() }
    }

    /// A host whose addresses are its own.
    pub(crate) fn quiet(setup: Setup) -> Wire {
        let mut wire = Wire::new(setup);
        wire.wait(10_000);
        wire
    }

    pub(crate) fn frame(&mut self, dst: Mac, src: Mac, ethertype: u16, content: &[u8]) -> Vec<Got> {
        let mut head = Head::new();
        ethernet::Header { dst, src, tag: None, ethertype }.emit(&mut head);
        let frame = Frame::copied(self.stack.pool(), &[&head[..], content].concat());
        self.stack.input(self.now, IFACE, frame);
        self.take()
    }

    pub(crate) fn ip(&mut self, src: Mac, packet: &[u8]) -> Vec<Got> {
        let dst = IpAddr::from(<[u8; 16]>::try_from(&packet[24..40]).expect("an address"));
        let dst = ethernet::group(dst).unwrap_or(OWN);
        self.frame(dst, src, ethertype::IPV6, packet)
    }

    pub(crate) fn nd(&mut self, mac: Mac, src: Ipv6Addr, dst: Ipv6Addr, nd: Nd) -> Vec<Got> {
        self.ip(mac, &packet(src, dst, 255, &nd_bytes(src, dst, nd, &[])))
    }

    pub(crate) fn ra(&mut self, lifetime: u16, options: &[u8]) -> Vec<Got> {
        let bytes = nd_bytes(router(), ALL_NODES, ra(lifetime), options);
        self.ip(ROUTER_MAC, &packet(router(), ALL_NODES, 255, &bytes))
    }

    /// The peer says where it is.
    pub(crate) fn answer(&mut self) -> Vec<Got> {
        self.nd(NEAR, peer(), host(), advert(peer(), true, NEAR))
    }

    pub(crate) fn echo(&mut self, src: Ipv6Addr, dst: Ipv6Addr) -> Vec<Got> {
        let mut head = Head::new();
        let message = Icmp::echo(dst.into(), Echo { request: true, id: 1, seq: 1 });
        let body = Pool::new().copy(b"hello").into();
        message.emit(src.into(), dst.into(), &mut head, &body);
        self.ip(NEAR, &packet(src, dst, 64, &[&head[..], b"hello"].concat()))
    }

    /// What the host has to send by now.
    pub(crate) fn take(&mut self) -> Vec<Got> {
        self.stack.poll(self.now);
        let mut got = Vec::new();
        while let Some((_, frame)) = self.stack.output(self.now) {
            let bytes = frame.to_vec();
            let link = ethernet::Header::parse(&bytes).expect("Ethernet");
            let content = &bytes[link.encoded_len()..];
            if link.ethertype == ethertype::ARP {
                continue;
            }
            let mut header = Header::parse(content, content.len()).expect("IP");
            header.walk(content).expect("good headers");
            let inside = &content[header.header_len..];
            match (header.src, header.dst) {
                _ if header.router_alert => {} // routers are told of groups
                (IpAddr::V6(src), IpAddr::V6(dst)) if (133..=137).contains(&inside[0]) => {
                    let nd = Nd::parse(&header, inside).expect("a good message");
                    got.push(Got::Nd(link.dst, src, dst, nd));
                }
                _ => got.push(Got::Ip(link.dst, content.to_vec())),
            }
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

    pub(crate) fn ping(&mut self, to: Ipv6Addr) -> Vec<Got> {
        self.stack.ping(self.now, to.into(), (1, 1), b"hello").expect("a route");
        self.take()
    }

    pub(crate) fn drops(&self, key: &str) -> u64 {
        self.stack.drops().iter().find(|(known, _)| *known == key).map_or(0, |(_, n)| n)
    }

    pub(crate) fn state(&self, addr: Ipv6Addr) -> Option<State> {
        let mut all = self.stack.neighbors();
        all.find(|(_, one)| one.addr == IpAddr::V6(addr)).map(|(_, one)| one.state)
    }

    pub(crate) fn standing(&self, addr: Ipv6Addr) -> Option<Standing> {
        self.stack.address(IFACE, addr.into()).map(|own| own.standing)
    }

    pub(crate) fn routes(&self) -> Vec<String> {
        self.stack.routes().iter().map(Route::to_string).collect()
    }

    /// What happened so far is not what the test is about.
    pub(crate) fn forget(&mut self) {
        (self.records, self.before) = (Vec::new(), self.stack.drops().clone());
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stack.drain_records(&mut self.records);
        seen::add_since(&self.before, &self.records, self.stack.drops(), &BTreeSet::new());
    }
}

fn group(addr: Ipv6Addr) -> Mac {
    ethernet::group(addr.into()).expect("a group")
}

/// The host asks everybody for `target`.
fn asks(target: Ipv6Addr) -> Got {
    let to = solicited_node(target);
    Got::Nd(group(to), host(), to, solicit(target, Some(OWN)))
}

#[track_caller]
pub(crate) fn is_ip_to(got: &[Got], to: Mac) {
    assert!(matches!(got, [Got::Ip(mac, _)] if *mac == to), "{got:?}");
}

fn the_first_packet_waits_for_its_neighbour() {
    let mut w = Wire::quiet(setup(|_| ()));
    assert_eq!(w.ping(peer()), [asks(peer())]);
    assert_eq!(w.ping(peer()), [], "it is asked for already");
    let sent = w.answer();
    assert!(sent.iter().all(|got| matches!(got, Got::Ip(NEAR, _))) && sent.len() == 2, "{sent:?}");
    is_ip_to(&w.ping(peer()), NEAR);
    assert_eq!(w.state(peer()), Some(State::Reachable));
    // To all nodes goes to a group, without a question.
    w.stack.add_route(w.now, route_to_groups()).expect("its interface");
    is_ip_to(&w.ping(ALL_NODES), group(ALL_NODES));
    // A host that is not there is told of.
    let conn = w.stack.connect(w.now, (v6("fd00::9"), 80).into(), None, None).expect("a route");
    assert_eq!(w.wait(2_999), vec![asks(v6("fd00::9")); 3]);
    w.wait(1);
    assert_eq!(w.stack.read(w.now, conn, &mut [0; 1]), Err(SocketError::HostUnreachable));
}

fn route_to_groups() -> Route {
    Route::on_link("ff00::/8".parse().expect("a network"), IFACE)
}

fn who_asks_is_answered_and_remembered() {
    let mut w = Wire::quiet(setup(|_| ()));
    let to = solicited_node(host());
    let told = Got::Nd(NEAR, host(), peer(), advert(host(), true, OWN));
    assert_eq!(w.nd(NEAR, peer(), to, solicit(host(), Some(NEAR))), [told]);
    assert_eq!(w.state(peer()), Some(State::Stale));
    is_ip_to(&w.echo(peer(), host()), NEAR);
    // Whoever has no address yet hears it with everybody.
    let all = Got::Nd(group(ALL_NODES), host(), ALL_NODES, advert(host(), false, OWN));
    let nobody = Ipv6Addr::UNSPECIFIED;
    assert_eq!(w.nd(NEAR, nobody, to, solicit(host(), None)), [all]);
    // It moves, and says so.
    w.wait(2_000);
    let moved = Mac([2, 0, 0, 0, 0, 7]);
    assert_eq!(w.nd(moved, peer(), ALL_NODES, advert(peer(), false, moved)), []);
    is_ip_to(&w.echo(peer(), host()), moved);
    // Somebody else answers for it without claiming to know better.
    w.nd(moved, peer(), host(), advert(peer(), true, moved));
    w.wait(6_000); // stale neighbours that are used are asked
    w.nd(moved, peer(), host(), advert(peer(), true, moved));
    assert_eq!(w.state(peer()), Some(State::Reachable));
    let (router, solicited, overrides, mac) = (false, true, false, Some(NEAR));
    let weak = Nd::NeighborAdvert { target: peer(), router, solicited, overrides, mac };
    w.nd(NEAR, peer(), host(), weak);
    assert_eq!(w.state(peer()), Some(State::Stale));
    is_ip_to(&w.echo(peer(), host()), moved);
}

fn silent_neighbours_are_asked_themselves() {
    let mut w = Wire::quiet(setup(|_| ()));
    w.ping(peer());
    w.answer();
    w.wait(46_000);
    assert_eq!(w.state(peer()), Some(State::Stale));
    is_ip_to(&w.ping(peer()), NEAR);
    let poll = Got::Nd(NEAR, host(), peer(), solicit(peer(), Some(OWN)));
    assert_eq!(w.wait(5_000), std::slice::from_ref(&poll));
    w.answer();
    assert_eq!(w.state(peer()), Some(State::Reachable));
    w.wait(46_000);
    w.ping(peer());
    assert_eq!(w.wait(10_000), vec![poll; 3]);
    assert_eq!(w.state(peer()), Some(State::Failed));
}

fn messages_that_are_refused() {
    let mut w = Wire::quiet(setup(|_| ()));
    let to = solicited_node(host());
    let good = nd_bytes(peer(), to, solicit(host(), Some(NEAR)), &[]);
    let cut = nd_bytes(peer(), to, solicit(host(), None), &[1, 0, 0, 0, 0, 0, 0, 0]);
    let advert_of = |target, mac| nd_bytes(peer(), host(), advert(target, true, mac), &[]);
    let from_router = |dst, nd: Nd| packet(router(), dst, 255, &nd_bytes(router(), dst, nd, &[]));
    let redirect = Nd::Redirect { target: v6("fe80::9"), dst: v6("fd99::1"), mac: None };
    let fragment = {
        let mut head = Head::new();
        let whole = [&[protocol::ICMPV6, 0, 0, 0, 0, 0, 0, 9][..], &good].concat();
        let header = Header::new(peer().into(), to.into(), netglass::wire::ipv6::FRAGMENT);
        Header { ttl: 255, ..header }.emit(&mut head, whole.len());
        [&head[..], &whole].concat()
    };
    let asks_router = nd_bytes(peer(), ALL_ROUTERS, Nd::RouterSolicit { mac: None }, &[]);
    for (mac, bytes, why) in [
        (NEAR, packet(peer(), to, 254, &good), "NdHopLimit"),
        (NEAR, fragment, "NdFragment"),
        (NEAR, packet(peer(), to, 255, &cut), "NdFormat"),
        (NEAR, packet(peer(), host(), 255, &advert_of(peer(), group(to))), "NdFormat"),
        (NEAR, from_router(host(), solicit(v6("ff02::9"), None)), "NdAddress"),
        (NEAR, from_router(host(), solicit(peer(), None)), "NdNotForUs"),
        (OWN, packet(peer(), to, 255, &good), "OwnSource"),
        (NEAR, packet(peer(), host(), 255, &advert_of(peer(), NEAR)), "NeighborUnasked"),
        (NEAR, packet(peer(), host(), 255, &advert_of(host(), NEAR)), "AddressConflict"),
        (NEAR, packet(peer(), ALL_ROUTERS, 255, &asks_router), "NotForUs"),
        (ROUTER_MAC, from_router(ALL_NODES, ra(1800)), "RaIgnored"),
        (ROUTER_MAC, from_router(host(), redirect), "RedirectRefused"),
    ] {
        let before = w.drops(why);
        assert_eq!(w.ip(mac, &bytes), [], "{why}");
        assert_eq!(w.drops(why), before + 1, "{why}");
    }
    assert_eq!(w.stack.neighbors().count(), 0, "none of these made an entry");
    assert_eq!(w.nd(NEAR, peer(), host(), Nd::RouterSolicit { mac: None }), []);
    assert_eq!(w.drops("NdNoRouter"), 1);
    // Who is on no network of ours gets an answer, and no entry.
    let far = v6("fd77::1");
    let told = Got::Nd(NEAR, host(), far, advert(host(), true, OWN));
    assert_eq!(w.nd(NEAR, far, to, solicit(host(), Some(NEAR))), [told]);
    assert_eq!(w.stack.neighbors().count(), 0);
}

fn addresses_are_asked_for_before_they_are_used() {
    let mut w = Wire::new(setup(|_| ()));
    assert_eq!(w.standing(host()), Some(Standing::Tentative));
    let at = (host(), 80).into();
    w.stack.listen(w.now, at, ListenOptions::default()).expect("it will be ours");
    let to = solicited_node(host());
    let probe = Got::Nd(group(to), Ipv6Addr::UNSPECIFIED, to, solicit(host(), None));
    assert_eq!(w.wait(1_000), [probe]);
    // Meanwhile nobody is answered, nothing is sent.
    assert_eq!(w.nd(NEAR, peer(), to, solicit(host(), Some(NEAR))), []);
    assert_eq!(w.echo(peer(), host()), []);
    let error = w.stack.connect(w.now, (peer(), 80).into(), None, None);
    assert_eq!(error, Err(SocketError::NetworkUnreachable));
    let (router, solicited, overrides, mac) = (false, false, false, Some(OWN));
    let told = Nd::NeighborAdvert { target: host(), router, solicited, overrides, mac };
    let told = Got::Nd(group(ALL_ROUTERS), host(), ALL_ROUTERS, told);
    assert_eq!(w.wait(1_000), [told]);
    assert_eq!(w.standing(host()), Some(Standing::Usable));
    assert_eq!(w.ping(peer()), [asks(peer())]);
    // Without questions it is used at once.
    let w = Wire::new(setup(|ethernet| ethernet.dad_transmits = 0));
    assert_eq!(w.standing(host()), Some(Standing::Usable));
}

fn whoever_has_the_address_keeps_it() {
    let to = solicited_node(host());
    for answers in [true, false] {
        let mut w = Wire::new(setup(|_| ()));
        // Our own question, come back by a loop, is nobody's claim.
        let nobody = Ipv6Addr::UNSPECIFIED;
        w.wait(1_000);
        assert_eq!(w.nd(OWN, nobody, to, solicit(host(), None)), []);
        assert_eq!(w.standing(host()), Some(Standing::Tentative));
        match answers {
            true => w.nd(NEAR, host(), ALL_NODES, advert(host(), false, NEAR)),
            false => w.nd(NEAR, nobody, to, solicit(host(), None)),
        };
        assert_eq!(w.standing(host()), Some(Standing::Duplicate));
        assert_eq!(w.drops("AddressConflict"), 1);
        assert_eq!(w.wait(10_000), []);
        assert_eq!(w.echo(peer(), host()), []);
    }
}

fn routers_make_addresses() {
    let mut w = Wire::new(autoconf());
    let asked = w.wait(3_000);
    let router_solicits =
        |got: &&Got| matches!(got, Got::Nd(_, _, ALL_ROUTERS, Nd::RouterSolicit { .. }));
    assert_eq!(asked.iter().filter(router_solicits).count(), 1, "{asked:?}");
    assert_eq!(w.standing(link_local()), Some(Standing::Usable));
    let mut options = prefix(v6("2001:db8::"), 600, 3600);
    options.extend([5, 1, 0, 0, 0, 0, 0x05, 0x14]);
    for server in ["ff02::1", "::", "::1", "2001:db8::53"] {
        options.extend([25, 3, 0, 0, 0, 0, 0, 60]);
        options.extend(v6(server).octets());
    }
    w.ra(1800, &options);
    let own = v6("2001:db8::ff:fe00:1");
    assert_eq!(w.standing(own), Some(Standing::Tentative));
    w.wait(2_500);
    let known = *w.stack.address(IFACE, own.into()).expect("it was made");
    assert_eq!((known.standing, known.origin), (Standing::Usable, Origin::Ra));
    let expected = [
        "2001:db8::/64 dev 0 metric 256",
        "fe80::/64 dev 0 metric 0",
        "default via fe80::fe dev 0 metric 1024",
    ];
    assert_eq!(w.routes(), expected);
    let servers: Vec<_> = w.stack.name_servers().collect();
    assert_eq!(servers, [(IFACE, v6("2001:db8::53"))]);
    let until: Vec<_> = w.stack.routes().iter().map(|route| w.stack.route_terms(route)).collect();
    let lasts = |seconds: u64| Some(Instant::ZERO + Duration::from_secs(seconds + 3));
    let until: Vec<_> = until.into_iter().map(|terms| terms.and_then(|one| one.until)).collect();
    assert_eq!(until, [lasts(3600), None, lasts(1800)]);
    // Packets to elsewhere go to the router, whose place is known; they are as long as it says.
    let sent = w.ping(v6("2001:db8:9::1"));
    is_ip_to(&sent, ROUTER_MAC);
    let long = [0; 1400];
    w.stack.ping(w.now, v6("2001:db8:9::1").into(), (1, 2), &long).expect("a route");
    assert_eq!(w.take().len(), 2, "1448 bytes do not fit into 1300");
    // Once a router has answered, nobody asks for one.
    assert_eq!(w.wait(60_000).iter().filter(router_solicits).count(), 0);
    // What says that it was told by a router but is not of use.
    for (options, what) in [
        (prefix(v6("fe80::"), 600, 3600), "link-local"),
        (prefix(v6("2001:db8:1::"), 3601, 3600), "preferred for longer than valid"),
        (prefix(v6("2001:db8:2::"), 600, 0), "valid for no time"),
        ([&[3, 4, 48, 0x40], &prefix(v6("2001:db8:3::"), 1, 2)[4..]].concat(), "48 bits"),
    ] {
        w.ra(1800, &options);
        assert_eq!(w.stack.addresses().count(), 2, "{what}");
    }
}

/// RFC 4861 §6.3.4 (Cur Hop Limit): whoever asks for a number of hops keeps it, and neighbour
/// discovery has its own.
fn routers_say_how_many_hops() {
    let hops = |got: &[Got]| match got {
        [Got::Ip(_, packet)] => Header::parse(packet, packet.len()).expect("IP").ttl,
        other => panic!("{other:?}"),
    };
    let mut setup = autoconf();
    setup.ifaces[0].addrs.push("10.0.0.1/24".parse().expect("an address"));
    let mut w = Wire::quiet(setup);
    let advertise = |w: &mut Wire, hop_limit| {
        let mac = Some(ROUTER_MAC);
        let advert = RouterAdvert { hop_limit, lifetime: 1800, mac, ..RouterAdvert::default() };
        let nd = Nd::RouterAdvert(advert);
        w.nd(ROUTER_MAC, router(), ALL_NODES, nd);
    };
    let near = IpAddr::from([10, 0, 0, 2]);
    w.stack.set_neighbor(w.now, IFACE, near, Some(NEAR)).expect("room");
    let udp = w.stack.bind(w.now, (Ipv6Addr::UNSPECIFIED, 9).into(), false).expect("free");
    let send = |w: &mut Wire| {
        w.stack.send_to(w.now, udp, Some((router(), 9).into()), b"x").expect("a route");
        hops(&w.take())
    };
    // Too few would keep the host from whoever is farther away.
    for (told, expected) in [(0, 64), (47, 47), (0, 47), (1, 32), (255, 255)] {
        advertise(&mut w, told);
        assert_eq!(hops(&w.ping(router())), expected, "an echo request, told {told}");
        assert_eq!(send(&mut w), expected, "a datagram");
        assert_eq!(hops(&w.echo(router(), link_local())), expected, "an echo reply");
        w.stack.ping(w.now, near, (1, 1), b"hello").expect("a route");
        assert_eq!(hops(&w.take()), 64, "IPv4");
    }
    advertise(&mut w, 47);
    assert_eq!((w.stack.hop_limit(IFACE), w.stack.is_router(IFACE, near)), (Some(47), false));
    assert!(w.stack.is_router(IFACE, router().into()));
    let conn = w.stack.connect(w.now, (router(), 80).into(), None, None).expect("a route");
    assert_eq!(hops(&w.take()), 47, "a segment");
    let mut config = w.stack.config(conn).expect("a connection").clone();
    config.mark.ttl = Some(64);
    w.stack.configure(w.now, conn, config).expect("a connection");
    assert_eq!(hops(&w.wait(1_000)), 64, "64 hops were asked for");
    w.stack.mark_udp(w.now, udp, Mark { ttl: Some(64), tos: 0 }).expect("a socket");
    assert_eq!(send(&mut w), 64);
}

fn what_routers_give_ends() {
    let mut w = Wire::quiet(autoconf());
    w.ra(60, &prefix(v6("2001:db8::"), 10, 30));
    let own = v6("2001:db8::ff:fe00:1");
    w.wait(9_999);
    assert!(w.stack.address(IFACE, own.into()).is_some_and(|own| !own.deprecated));
    w.wait(1);
    assert!(w.stack.address(IFACE, own.into()).is_some_and(|own| own.deprecated));
    w.wait(19_999);
    assert!(w.stack.address(IFACE, own.into()).is_some());
    w.wait(1);
    assert_eq!(w.stack.address(IFACE, own.into()), None);
    assert_eq!(w.routes(), ["fe80::/64 dev 0 metric 0", "default via fe80::fe dev 0 metric 1024"]);
    w.wait(30_000);
    assert_eq!(w.routes(), ["fe80::/64 dev 0 metric 0"]);
    // Whoever sends a short lifetime does not end a long one (RFC 4862 §5.5.3).
    w.ra(1800, &prefix(v6("2001:db8::"), 86_400, 86_400));
    w.wait(3_000);
    w.ra(1800, &prefix(v6("2001:db8::"), 0, 0));
    let known = w.stack.address(IFACE, own.into()).expect("it stays");
    assert_eq!(known.valid_until, Some(w.now + Duration::from_secs(7_200)));
    assert!(known.deprecated);
    // A renewal makes it as good as new.
    w.ra(1800, &prefix(v6("2001:db8::"), u32::MAX, u32::MAX));
    let known = w.stack.address(IFACE, own.into()).expect("it stays");
    assert_eq!((known.valid_until, known.deprecated), (None, false));
    // A router that is none any more says so.
    w.ra(0, &[]);
    assert!(w.routes().iter().all(|route| !route.starts_with("default")));
}

fn a_flood_of_routers_is_bounded() {
    let mut w = Wire::quiet(autoconf());
    let before = w.stack.addresses().count();
    for n in 0..500u16 {
        let src = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, n);
        let mut options = prefix(Ipv6Addr::new(0x2001, 0xdb8, n, 0, 0, 0, 0, 0), 600, 3600);
        options.extend([25, 3, 0, 0, 0, 0, 0, 60]);
        options.extend(src.octets());
        let bytes = nd_bytes(src, ALL_NODES, ra(1800), &options);
        w.ip(Mac([2, 1, 0, 0, (n >> 8) as u8, n as u8]), &packet(src, ALL_NODES, 255, &bytes));
    }
    assert_eq!(w.stack.addresses().count() - before, 16);
    assert_eq!(w.stack.name_servers().count(), 8);
    assert_eq!(w.routes().len(), 1 + 1 + 16, "{:?}", w.routes());
    assert!(w.drops("RaLimit") >= 480, "{}", w.drops("RaLimit"));
    assert!(w.stack.neighbors().count() <= 1024);
    // The host is itself.
    w.wait(5_000);
    let to = solicited_node(link_local());
    let near = v6("fe80::2");
    let told = w.nd(NEAR, near, to, solicit(link_local(), Some(NEAR)));
    assert_eq!(told, [Got::Nd(NEAR, link_local(), near, advert(link_local(), true, OWN))]);
    w.wait(4_000_000);
    assert_eq!((w.stack.addresses().count(), w.routes().len()), (before, 1), "all of it ends");
}

fn the_router_that_answers_is_used() {
    let mut w = Wire::quiet(autoconf());
    w.ra(9_000, &prefix(v6("2001:db8::"), 9_000, 9_000));
    let other = v6("fe80::fd");
    let bytes = nd_bytes(other, ALL_NODES, ra(9_000), &[]);
    let other_mac = Mac([2, 0, 0, 0, 0, 0xfd]);
    w.ip(other_mac, &packet(other, ALL_NODES, 255, &bytes));
    w.wait(3_000);
    let far = v6("2001:db8:9::1");
    is_ip_to(&w.ping(far), ROUTER_MAC);
    // It does not answer any more: the other one is used.
    let asked = w.wait(10_000);
    assert!(asked.iter().any(|got| matches!(got, Got::Nd(ROUTER_MAC, ..))), "{asked:?}");
    assert!(w.routes().contains(&"default via fe80::fd dev 0 metric 1024".to_owned()));
    // Somebody else says so in its place (RFC 4861 §7.2.5: only who overrides is believed).
    let (router, solicited, overrides, mac) = (false, false, false, Some(NEAR));
    let weak = Nd::NeighborAdvert { target: other, router, solicited, overrides, mac };
    w.nd(NEAR, other, ALL_NODES, weak);
    assert!(w.routes().contains(&"default via fe80::fd dev 0 metric 1024".to_owned()));
    // That one says that it is none.
    w.nd(other_mac, other, ALL_NODES, advert(other, false, other_mac));
    assert!(w.routes().contains(&"default via fe80::fe dev 0 metric 1024".to_owned()));
}

fn better_first_hops() {
    let mut w = Wire::quiet(autoconf());
    w.ra(9_000, &prefix(v6("2001:db8::"), 90_000, 90_000));
    w.wait(3_000);
    let (far, own) = (v6("2001:db8:9::1"), v6("2001:db8::ff:fe00:1"));
    let better = v6("fe80::fd");
    let redirect = |target, dst, mac| Nd::Redirect { target, dst, mac };
    is_ip_to(&w.ping(far), ROUTER_MAC);
    // Only the first hop is believed.
    w.nd(NEAR, v6("fe80::77"), own, redirect(better, far, Some(NEAR)));
    assert_eq!(w.drops("RedirectRefused"), 1);
    is_ip_to(&w.ping(far), ROUTER_MAC);
    w.nd(ROUTER_MAC, router(), own, redirect(better, far, Some(NEAR)));
    is_ip_to(&w.ping(far), NEAR);
    is_ip_to(&w.ping(v6("2001:db8:9::2")), ROUTER_MAC);
    // The better one is silent: the router is asked again.
    w.wait(10_000);
    assert_eq!(w.state(better), Some(State::Failed));
    w.ping(far);
    w.wait(10_000);
    w.nd(ROUTER_MAC, router(), own, advert(router(), true, ROUTER_MAC));
    w.ra(9_000, &[]);
    is_ip_to(&w.ping(far), ROUTER_MAC);
    // The destination is on the link itself.
    w.nd(ROUTER_MAC, router(), own, redirect(far, far, Some(NEAR)));
    is_ip_to(&w.ping(far), NEAR);
    // As many as there may be; each is forgotten in time.
    for n in 0..1000u16 {
        let dst = Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, n + 1);
        w.nd(ROUTER_MAC, router(), own, redirect(better, dst, None));
    }
    let hosts = |w: &Wire| w.routes().iter().filter(|route| route.contains("/128")).count();
    assert_eq!(hosts(&w), 256);
    w.wait(601_000);
    assert_eq!(hosts(&w), 0);
}

fn better_first_hops_of_ipv4() {
    let addr = "10.0.0.1/24".parse().expect("an address");
    let mut setup =
        Setup::new([7, 7]).with_iface("eth0", 1500, addr).on_ethernet(Ethernet::new(OWN));
    let v4 = |text: &str| text.parse::<IpAddr>().expect(text);
    let gateway = v4("10.0.0.254");
    setup.routes.push(Route::default_via(gateway, IFACE));
    let mut w = Wire::new(setup);
    for (last, mac) in [(254, ROUTER_MAC), (253, NEAR)] {
        let addr = IpAddr::from([10, 0, 0, last]);
        w.stack.set_neighbor(w.now, IFACE, addr, Some(mac)).expect("room");
    }
    let far = v4("192.0.2.1");
    let ping = |w: &mut Wire| {
        w.stack.ping(w.now, far, (1, 1), b"hello").expect("a route");
        w.take()
    };
    let redirect = |w: &mut Wire, from: IpAddr, to: &str, quoted_src: &str| {
        let gateway = to.parse().expect(to);
        let mut quoted = Head::new();
        Header::new(v4(quoted_src), far, protocol::ICMP).emit(&mut quoted, 8);
        let body = Pool::new().copy(&[&quoted[..], &[8, 0, 0, 0, 0, 1, 0, 1]].concat()).into();
        let mut head = Head::new();
        Icmpv4::Redirect { code: 1, gateway }.emit(&mut head, &body);
        let message: Vec<u8> =
            head.iter().copied().chain(body.iter().flat_map(|chunk| chunk.to_vec())).collect();
        let mut ip = Head::new();
        Header::new(from, v4("10.0.0.1"), protocol::ICMP).emit(&mut ip, message.len());
        w.frame(OWN, ROUTER_MAC, ethertype::IPV4, &[&ip[..], &message].concat());
    };
    is_ip_to(&ping(&mut w), ROUTER_MAC);
    for (from, to, quoted) in [
        (v4("10.0.0.77"), "10.0.0.253", "10.0.0.1"),
        (gateway, "192.0.2.1", "10.0.0.1"),
        (gateway, "203.0.113.1", "10.0.0.1"),
        (gateway, "10.0.0.1", "10.0.0.1"),
        (gateway, "10.0.0.253", "10.0.0.9"),
    ] {
        redirect(&mut w, from, to, quoted);
        is_ip_to(&ping(&mut w), ROUTER_MAC);
    }
    assert_eq!(w.drops("RedirectRefused"), 5);
    redirect(&mut w, gateway, "10.0.0.253", "10.0.0.1");
    is_ip_to(&ping(&mut w), NEAR);
    w.wait(601_000);
    is_ip_to(&ping(&mut w), ROUTER_MAC);
}

fn questions_are_limited() {
    let mut w = Wire::quiet(setup(|ethernet| {
        (ethernet.neighbors.solicit_rate, ethernet.neighbors.solicit_burst) = (1, 2);
    }));
    let asked: usize =
        (0..10).map(|n| w.ping(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 1, n)).len()).sum();
    assert_eq!((asked, w.drops("NeighborRateLimit")), (2, 8));
}
