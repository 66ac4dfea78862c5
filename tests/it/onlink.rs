//! Whoever is on the same Ethernet may send it anything: ARP, neighbour discovery, routers'
//! advertisements, redirects, ICMP errors, tags, random bytes. Nothing panics, nothing grows beyond
//! its bound, and afterwards the host can be asked and reached as before.

use crate::nd::{self, Got, IFACE, NEAR, OWN, ROUTER_MAC, Wire, host, packet, peer, router};
use netglass::base::rng::Purpose;
use netglass::base::{Chance, Duration, Head, Mac};
#[cfg(feature = "record")]
use netglass::base::{Frame, IfaceId, Instant};
#[cfg(feature = "record")]
use netglass::ip::Cidr;
use netglass::ip::Route;
use netglass::stack::{Ethernet, ListenOptions, Setup};
use netglass::wire::arp::{Arp, Op};
use netglass::wire::checksum;
use netglass::wire::ethernet::{self, ethertype};
use netglass::wire::ip::Header;
use netglass::wire::ipv4::protocol;
use netglass::wire::nd::{ALL_NODES, Nd, RouterAdvert, solicited_node};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const HOST4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const PEER4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const GATEWAY4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 254);

/// A stream of numbers from a seed.
struct Dice(Chance, u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.1 += 1;
        self.0.below(bound, Purpose::Scenario, 2, self.1)
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }

    fn bytes(&mut self, len: u64) -> Vec<u8> {
        (0..len).map(|_| self.below(256) as u8).collect()
    }

    fn number(&mut self) -> u32 {
        let any = self.below(1 << 32) as u32;
        self.one(&[0, 1, 2, 1000, 1800, u32::MAX, any])
    }

    fn mac(&mut self) -> Mac {
        let low = self.below(4096) as u16;
        let [a, b] = low.to_be_bytes();
        let many = [Mac::ZERO, Mac::BROADCAST, ROUTER_MAC, NEAR, OWN];
        if self.below(3) == 0 { self.one(&many) } else { Mac([2, 9, 0, 0, a, b]) }
    }

    fn v6(&mut self) -> Ipv6Addr {
        let low = self.below(4096) as u16;
        let all = [
            host(),
            peer(),
            router(),
            nd::link_local(),
            ALL_NODES,
            solicited_node(host()),
            Ipv6Addr::UNSPECIFIED,
            Ipv6Addr::LOCALHOST,
            Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0x0a00, 1),
            Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 7, low),
            Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 7, low),
            Ipv6Addr::new(0x2001, 0xdb8, low, 0, 0, 0, 0, 9),
        ];
        self.one(&all)
    }

    fn v4(&mut self) -> Ipv4Addr {
        let low = self.below(256) as u8;
        let all = [
            HOST4,
            PEER4,
            GATEWAY4,
            Ipv4Addr::UNSPECIFIED,
            Ipv4Addr::BROADCAST,
            Ipv4Addr::LOCALHOST,
            Ipv4Addr::new(10, 0, 0, 255),
            Ipv4Addr::new(10, 0, 0, low),
            Ipv4Addr::new(192, 0, 2, low),
            Ipv4Addr::new(224, 0, 0, 1),
        ];
        self.one(&all)
    }
}

/// A host with both families, a gateway and an ear for routers.
fn set_up() -> Setup {
    let mut setup = Setup::new([7, 7]).with_iface("eth0", 1500, "fd00::1/64".parse().expect("one"));
    setup.ifaces[0].addrs.push("10.0.0.1/24".parse().expect("an address"));
    let ethernet = Ethernet { autoconf: true, ..Ethernet::new(OWN) };
    let mut setup = setup.on_ethernet(ethernet);
    setup.routes.push(Route::default_via(GATEWAY4.into(), IFACE));
    setup
}

/// That host with services.
fn target() -> Wire {
    let mut wire = Wire::quiet(set_up());
    for at in [IpAddr::from(HOST4), host().into()] {
        wire.stack.listen(wire.now, (at, 80).into(), ListenOptions::default()).expect("a port");
        wire.stack.bind(wire.now, (at, 9).into(), false).expect("a port");
    }
    wire
}

fn arp(dice: &mut Dice) -> Vec<u8> {
    let (sender_mac, target_mac) = (dice.mac(), dice.mac());
    let (sender, target, op) = (dice.v4(), dice.v4(), dice.one(&[Op::Request, Op::Reply]));
    let mut head = Head::new();
    Arp { op, sender_mac, sender, target_mac, target }.emit(&mut head);
    [&head[..], &[0; 18]].concat()
}

fn nd_option(dice: &mut Dice) -> Vec<u8> {
    match dice.below(5) {
        0 => [vec![1 + dice.below(2) as u8, 1], dice.mac().0.to_vec()].concat(),
        1 => {
            let (len, flags) = (dice.one(&[0, 1, 64, 64, 64, 128, 129, 255]), dice.one(&[0xc0, 0]));
            let (valid, preferred) = (dice.number().to_be_bytes(), dice.number().to_be_bytes());
            let addr = dice.v6().octets();
            [&[3, 4, len, flags][..], &valid, &preferred, &[0; 4], &addr].concat()
        }
        2 => [&[5, 1, 0, 0][..], &dice.number().to_be_bytes()].concat(),
        3 => [&[25, 3, 0, 0][..], &dice.number().to_be_bytes(), &dice.v6().octets()].concat(),
        _ => {
            let (kind, len) = (dice.below(40) as u8, dice.below(3));
            [vec![kind, len as u8], dice.bytes((len * 8).max(2) - 2)].concat()
        }
    }
}

fn discovery(dice: &mut Dice) -> Vec<u8> {
    let (target, other) = (dice.v6(), dice.v6());
    let (router, solicited) = (dice.below(2) == 0, dice.below(2) == 0);
    let mac = Some(dice.mac()).filter(|_| dice.below(3) > 0);
    let message = match dice.below(6) {
        0 => Nd::NeighborSolicit { target, mac },
        1 => Nd::NeighborAdvert { target, router, solicited, overrides: dice.below(2) == 0, mac },
        2 => Nd::RouterSolicit { mac },
        3 => Nd::Redirect { target, dst: other, mac },
        _ => Nd::RouterAdvert(RouterAdvert {
            hop_limit: dice.below(256) as u8,
            preference: dice.below(4) as u8,
            lifetime: dice.one(&[0, 1, 1800, u16::MAX]),
            reachable: dice.number(),
            retrans: dice.number(),
            mac,
            ..RouterAdvert::default()
        }),
    };
    let options: Vec<u8> = (0..dice.below(4)).flat_map(|_| nd_option(dice)).collect();
    let (src, dst) = (dice.v6(), dice.one(&[host(), ALL_NODES, solicited_node(host()), other]));
    let hops = dice.one(&[255, 255, 255, 64]);
    packet(src, dst, hops, &nd::nd_bytes(src, dst, message, &options))
}

/// A message about groups, as routers and other hosts send them.
fn membership(dice: &mut Dice) -> Vec<u8> {
    let v6 = dice.below(2) == 0;
    let behind = dice.below(60);
    let code = dice.one(&[0, 1, 10, 0x7f, 0x80, 0xff]);
    let group = match v6 {
        true => dice
            .one(&[Ipv6Addr::UNSPECIFIED, solicited_node(host()), strange_group()])
            .octets()
            .to_vec(),
        false => dice.one(&[[0; 4], [224, 0, 0, 1], [239, 1, 2, 3]]).to_vec(),
    };
    let behind = dice.bytes(behind);
    let (src, dst): (IpAddr, IpAddr) = match v6 {
        true => (
            router().into(),
            dice.one(&[ALL_NODES, solicited_node(host()), strange_group()]).into(),
        ),
        false => (GATEWAY4.into(), Ipv4Addr::new(224, 0, 0, 1).into()),
    };
    let (proto, kind) = match v6 {
        true => (protocol::ICMPV6, dice.one(&[130, 130, 131, 132, 143])),
        false => (protocol::IGMP, dice.one(&[0x11, 0x11, 0x12, 0x16, 0x17, 0x22])),
    };
    let fixed = if v6 { vec![kind, 0, 0, 0, code, code, 0, 0] } else { vec![kind, code, 0, 0] };
    let mut message = [fixed, group, behind].concat();
    let pseudo = match v6 {
        true => checksum::pseudo(src, dst, proto, message.len()),
        false => Default::default(),
    };
    let sum = checksum::complete(pseudo, [&message[..]]);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut ip = Head::new();
    let header = Header { ttl: 1, router_alert: true, ..Header::new(src, dst, proto) };
    header.emit(&mut ip, message.len());
    [&ip[..], &message].concat()
}

/// A group that nobody here has joined.
fn strange_group() -> Ipv6Addr {
    Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0x123)
}

/// An error of ICMP or a redirect, about a packet of the host.
fn error(dice: &mut Dice) -> Vec<u8> {
    let v6 = dice.below(2) == 0;
    let proto = dice.one(&[protocol::TCP, protocol::UDP, protocol::ICMP, protocol::ICMPV6]);
    let (src, dst, own): (IpAddr, IpAddr, IpAddr) = match v6 {
        true => (dice.v6().into(), dice.v6().into(), host().into()),
        false => (dice.v4().into(), dice.v4().into(), HOST4.into()),
    };
    let mut quoted = Head::new();
    Header::new(own, dst, proto).emit(&mut quoted, 8);
    let inside = [&[0, 9, 0, 9][..], &dice.bytes(4)].concat();
    let quoted = [&quoted[..], &inside].concat();
    let (kind, code) = match v6 {
        true => (dice.one(&[1, 2, 3, 4]), dice.below(6) as u8),
        false => (dice.one(&[3, 3, 5, 11, 12]), dice.below(6) as u8),
    };
    let word = if v6 { dice.number().to_be_bytes() } else { dice.v4().octets() };
    let mut message = [&[kind, code, 0, 0][..], &word, &quoted].concat();
    let (proto, pseudo) = match v6 {
        true => {
            let proto = protocol::ICMPV6;
            (proto, checksum::pseudo(src, own, proto, message.len()))
        }
        false => (protocol::ICMP, Default::default()),
    };
    let sum = checksum::complete(pseudo, [&message[..]]);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut ip = Head::new();
    Header::new(src, own, proto).emit(&mut ip, message.len());
    [&ip[..], &message].concat()
}

/// A frame: where to, from whom, and all from the type on.
fn frame(dice: &mut Dice) -> (Mac, Mac, u16, Vec<u8>) {
    let (kind, mut content) = match dice.below(9) {
        0..=1 => (ethertype::ARP, arp(dice)),
        2..=4 => (ethertype::IPV6, discovery(dice)),
        5..=6 => {
            let content = error(dice);
            let v6 = content[0] >> 4 == 6;
            (if v6 { ethertype::IPV6 } else { ethertype::IPV4 }, content)
        }
        7 => {
            let content = membership(dice);
            let v6 = content[0] >> 4 == 6;
            (if v6 { ethertype::IPV6 } else { ethertype::IPV4 }, content)
        }
        _ => {
            let len = dice.below(80);
            (dice.one(&[ethertype::ARP, ethertype::IPV4, 0x8100, 0x88cc, 5]), dice.bytes(len))
        }
    };
    if dice.below(5) == 0 && !content.is_empty() {
        let at = dice.below(content.len() as u64) as usize;
        match dice.below(3) {
            0 => content.truncate(at),
            _ => content[at] ^= 1 << dice.below(8),
        }
    }
    let group = ethernet::group(solicited_node(host()).into()).expect("a group");
    let all = ethernet::group(ALL_NODES.into()).expect("a group");
    let dst = dice.one(&[OWN, OWN, Mac::BROADCAST, group, all]);
    (dst, dice.mac(), kind, content)
}

fn check_bounds(wire: &Wire) {
    assert!(wire.stack.neighbors().count() <= 1024);
    assert!(wire.stack.addresses().count() <= 3 + 16);
    assert!(wire.stack.name_servers().count() <= 8);
    let routes = wire.stack.routes().iter().count();
    assert!(routes <= 3 + 1 + 1 + 16 + 256, "{routes} routes");
}

/// The host answers who asks for it, and finds its neighbours.
fn check_alive(wire: &mut Wire) {
    let to = solicited_node(host());
    let told = wire.nd(NEAR, peer(), to, nd::solicit(host(), Some(NEAR)));
    let answered =
        |got: &Got| matches!(got, Got::Nd(_, src, _, Nd::NeighborAdvert { .. }) if *src == host());
    assert!(told.iter().any(answered), "{told:?}");
    // Neighbours that are where they were, and say so when they are asked.
    for to in [IpAddr::from(PEER4), IpAddr::from(peer())] {
        wire.stack.set_neighbor(wire.now, IFACE, to, None).unwrap_or_default();
        wire.stack.ping(wire.now, to, (1, 1), b"hello").expect("a route");
        let mut sent = wire.take();
        for _ in 0..30 {
            match to {
                IpAddr::V6(_) => sent.extend(wire.answer()),
                IpAddr::V4(_) => {
                    let (op, sender_mac, target_mac) = (Op::Reply, NEAR, OWN);
                    let mut head = Head::new();
                    Arp { op, sender_mac, sender: PEER4, target_mac, target: HOST4 }
                        .emit(&mut head);
                    sent.extend(wire.frame(OWN, NEAR, ethertype::ARP, &head));
                }
            }
            sent.extend(wire.wait(1_000));
        }
        let reached = |got: &Got| matches!(got, Got::Ip(NEAR, _));
        assert!(sent.iter().any(reached), "{to} {sent:?}");
    }
}

#[test]
fn anything_from_the_same_link() {
    let frames: u64 = std::env::var("FRAMES").ok().and_then(|s| s.parse().ok()).unwrap_or(30_000);
    let seed: u64 = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let mut dice = Dice(Chance::from_seed(seed), 0);
    let mut wire = target();
    for n in 0..frames {
        let (dst, src, kind, content) = frame(&mut dice);
        let sent = wire.frame(dst, src, kind, &content).len();
        assert!(sent < 600, "one frame is not answered by hundreds");
        if dice.below(40) == 0 {
            let to = [IpAddr::from(dice.v6()), dice.v4().into()];
            let to = dice.one(&to);
            wire.stack.ping(wire.now, to, (1, n as u16), b"hello").unwrap_or_default();
            wire.wait(dice.one(&[1, 40, 1_000, 5_000]));
        }
        if n % 1000 == 999 {
            check_bounds(&wire);
            check_alive(&mut wire);
        }
        if n % 5000 == 4999 {
            wire = target();
        }
    }
    wire.now += Duration::from_secs(1);
    check_alive(&mut wire);
}

/// What a host on an Ethernet lived through is a file from anywhere, too.
#[cfg(feature = "record")]
#[test]
fn mutated_recordings_of_an_ethernet_are_survived() {
    use netglass::observe::log::PlaceId;
    use netglass::observe::recording::{Recorder, Replayed, replay};
    use netglass::observe::relive::{Until, relive};
    #[derive(Default)]
    struct Told(Vec<netglass::stack::Record>);
    impl Replayed for Told {
        fn records(&mut self, records: &[netglass::stack::Record]) {
            self.0.extend_from_slice(records);
        }
        fn frame(&mut self, _: Instant, _: bool, _: IfaceId, _: &Frame) {}
    }
    let (mut wire, mut dice) = (Wire::new(set_up()), Dice(Chance::from_seed(4), 0));
    wire.stack.record();
    wire.wait(5_000);
    let (added, udp) = ("fd00:1::7/64", wire.stack.bind(wire.now, (host(), 9).into(), false));
    wire.stack.add_address(wire.now, IFACE, added.parse::<Cidr>().expect("one")).expect("room");
    let route = Route::default_via(peer().into(), IFACE);
    wire.stack.add_route(wire.now, route).expect("its interface");
    wire.stack.set_neighbor(wire.now, IFACE, peer().into(), Some(NEAR)).expect("room");
    wire.stack.bind_device(wire.now, udp.expect("free"), Some(IFACE)).expect("its interface");
    for _ in 0..100 {
        let (dst, src, kind, content) = frame(&mut dice);
        wire.frame(dst, src, kind, &content);
    }
    wire.wait(10_000);
    wire.stack.remove_route(wire.now, IFACE, route.dst, 0).expect("it was added");
    wire.stack.remove_address(wire.now, IFACE, "fd00:1::7".parse().expect("one")).expect("added");
    let mut file = Vec::new();
    let mut recorder = Recorder::new(&mut file, &set_up()).expect("memory");
    recorder.inputs(wire.stack.take_inputs()).expect("memory");
    recorder.flush().expect("memory");
    drop(recorder);
    let mut told = Told::default();
    assert!(replay(&file[..], &mut told).is_ok());
    // What others look at has the numbers that the host gave, none left out.
    let log =
        relive(&file[..], "host", Until::End, netglass::stack::Stack::new).expect("whole").log;
    let lived: Vec<_> = log.records(PlaceId(0)).map(|record| (record.id.0, record.event)).collect();
    let told: Vec<_> = told.0.into_iter().map(|record| (record.id.0, record.event)).collect();
    assert_eq!(lived, told);
    let runs = std::env::var("RUNS").ok().and_then(|s| s.parse().ok()).unwrap_or(300);
    for run in 0..runs {
        let mut bytes = file.clone();
        // Half of the time in the set-up, which comes first, or in what follows at once.
        let end = if run % 2 == 0 { 700 } else { bytes.len() };
        for _ in 0..=dice.below(4) {
            let any = dice.below(256) as u8;
            let at = 25 + dice.below(end as u64 - 25) as usize;
            bytes[at] = dice.one(&[0, 1, 0x7f, 0x80, 0xff, any]);
        }
        let lived = std::panic::catch_unwind(|| replay(&bytes[..], &mut Told::default()).map(drop));
        assert!(lived.is_ok(), "run {run}");
    }
}
