//! Our own stack as a router: hosts and routers joined by hand (RFC 1812, RFC 8200, RFC 4443).

use crate::support::net::{Net, iface, ip, mac, node, route};
use crate::support::seen::scenarios;
use netglass::base::{
    Checksum, Frame, Gso, GsoKind, Head, IfaceId, Offload, Pool, SocketError, Why,
};
use netglass::link::State;
use netglass::stack::{Answer, Event, ListenOptions, PacketView, Setup};
use netglass::wire::icmp::Icmp;
use netglass::wire::icmpv4::Icmpv4;
use netglass::wire::icmpv6::Icmpv6;
use netglass::wire::ip::Header;
use netglass::wire::ipv4::protocol;
use netglass::wire::{checksum, udp};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

scenarios![
    a_host_behind_a_router_is_reached,
    four_routers_are_traced,
    a_router_complains_from_where_the_complaint_leaves,
    a_router_answers_at_all_its_addresses,
    the_longest_prefix_leads,
    a_loop_ends,
    there_is_no_way_on,
    nobody_is_there,
    narrow_links_are_found_by_tcp,
    narrow_links_cut_what_may_be_cut,
    a_better_first_hop_is_named,
    what_is_not_passed_on,
    link_local_addresses_stay,
    options_on_the_way,
    super_segments_on_the_way,
    a_host_passes_nothing_on,
    floods_are_bounded,
];

/// 10.0.1.2 and 10.0.2.2 with a router between, each on an Ethernet of its own; wires 0 and 1.
pub(crate) fn two_networks() -> Vec<Setup> {
    let a = iface(node(1), Some(1), 1500, &["10.0.1.2/24", "fd00:1::2/64"]);
    let a = route(route(a, "0.0.0.0/0", "10.0.1.1", 0), "::/0", "fd00:1::1", 0);
    let r = iface(node(2), Some(2), 1500, &["10.0.1.1/24", "fd00:1::1/64"]);
    let r = iface(r, Some(3), 1500, &["10.0.2.1/24", "fd00:2::1/64"]).as_router();
    let b = iface(node(3), Some(4), 1500, &["10.0.2.2/24", "fd00:2::2/64"]);
    let b = route(route(b, "0.0.0.0/0", "10.0.2.1", 0), "::/0", "fd00:2::1", 0);
    vec![a, r, b]
}

pub(crate) const A: usize = 0;
pub(crate) const R: usize = 1;
pub(crate) const B: usize = 2;
/// The ends and the router's address at A, by family.
const ENDS: [(&str, &str, &str); 2] =
    [("10.0.1.2", "10.0.2.2", "10.0.1.1"), ("fd00:1::2", "fd00:2::2", "fd00:1::1")];

pub(crate) fn joined(setups: Vec<Setup>) -> Net {
    Net::new(setups).wire(&[(A, 0), (R, 0)]).wire(&[(R, 1), (B, 0)])
}

#[track_caller]
fn replied(answer: Option<Answer>) -> u8 {
    match answer {
        Some(Answer::Reply(pong)) => pong.ttl,
        other => panic!("no reply: {other:?}"),
    }
}

#[track_caller]
fn failed(answer: Option<Answer>) -> (IpAddr, Icmp) {
    match answer {
        Some(Answer::Error(error)) => (error.from, error.message),
        other => panic!("no error: {other:?}"),
    }
}

fn forwarded(event: &Event) -> Option<(PacketView, Arc<str>, Arc<str>, u8)> {
    match event {
        Event::Forwarded { packet, from, to, ttl } => {
            Some((*packet, from.clone(), to.clone(), *ttl))
        }
        _ => None,
    }
}

/// A UDP datagram with its IP header; `change` edits that.
pub(crate) fn datagram(
    src: &str,
    dst: &str,
    len: usize,
    change: impl FnOnce(&mut Header),
) -> Vec<u8> {
    let (src, dst) = (ip(src), ip(dst));
    let mut frame = Frame { body: Pool::new().copy(&vec![7; len]).into(), ..Frame::default() };
    let (from, to) = (SocketAddr::new(src, 4000), SocketAddr::new(dst, 9));
    udp::emit(&mut frame.head, from, to, &frame.body, checksum::Fill::Complete);
    let mut header = Header::new(src, dst, protocol::UDP);
    change(&mut header);
    let len = frame.len();
    header.emit(&mut frame.head, len);
    frame.to_vec()
}

/// The hosts know their neighbours: what follows is about packets.
pub(crate) fn warm(net: &mut Net) {
    for (_, to, _) in ENDS {
        replied(net.ping(A, to, 64, 10));
    }
    net.forget();
}

/// What a packet looks like before and behind the router: the MACs are rewritten, the addresses are
/// not, it has one hop less and a checksum to match, and the causes go from event to event.
fn a_host_behind_a_router_is_reached() {
    let mut net = joined(two_networks());
    for (from, to, _) in ENDS {
        net.forget();
        assert_eq!(replied(net.ping(A, to, 64, 100)), 63);
        let (before, behind) = (net.to(0, A, to), net.to(1, R, to));
        assert_eq!((before.len(), behind.len()), (1, 1));
        let (before, behind) = (&before[0], &behind[0]);
        assert_eq!((before.ethernet().src, before.ethernet().dst), (mac(1), mac(2)));
        assert_eq!((behind.ethernet().src, behind.ethernet().dst), (mac(3), mac(4)));
        let (old, new) = (before.header().expect("IP"), behind.header().expect("IP"));
        assert_eq!((new.src, new.dst), (ip(from), ip(to)));
        assert_eq!(new, Header { ttl: 63, ..old });
        assert_eq!(behind.packet()[old.header_len..], before.packet()[old.header_len..]);
        let told = net.told(R, forwarded);
        assert_eq!(told.len(), 2, "the request and the reply");
        let (record, (packet, by, to_iface, ttl)) = &told[0];
        assert_eq!((&**by, &**to_iface, *ttl), ("if0", "if1", 63));
        assert!(matches!(packet, PacketView::Icmp { .. }), "{packet:?}");
        assert_eq!(record.causes[0], before.origin);
        assert_eq!(behind.origin, record.id);
    }
    assert_eq!((net.count(R, "IpForwDatagrams"), net.count(R, "Ip6OutForwDatagrams")), (2, 2));
    assert_eq!((net.count(R, "IpInDelivers"), net.count(R, "IpInAddrErrors")), (0, 0));
}

/// A chain of four routers over links of both kinds, and a host at each end.
fn chain() -> Net {
    let a = iface(node(1), Some(1), 1500, &["10.0.0.2/24", "fd00::2/64"]);
    let a = route(route(a, "0.0.0.0/0", "10.0.0.1", 0), "::/0", "fd00::1", 0);
    let mut setups = vec![a];
    for n in 0..4u8 {
        // Between the second and the third router is a link of bare IP.
        let link = |side: u8| Some(10 + n * 2 + side).filter(|_| n + side != 2);
        let ends =
            |net: u8, host: u8| (format!("10.0.{net}.{host}/24"), format!("fd00:{net}::{host}/64"));
        let ((l4, l6), (r4, r6)) = (ends(n, 1), ends(n + 1, 2));
        let (l6, r6) = (l6.replace("fd00:0:", "fd00:"), r6);
        let r = iface(node(10 + u64::from(n)), link(0), 1500, &[&l4, &l6]);
        let r = iface(r, link(1), 1500, &[&r4, &r6]).as_router();
        let r = route(
            route(r, "0.0.0.0/0", &format!("10.0.{}.1", n + 1), 1),
            "::/0",
            &format!("fd00:{}::1", n + 1),
            1,
        );
        let back = |r, dst: String, via: String| route(r, &dst, &via, 0);
        let r = (0..n).fold(r, |r, net| {
            let r = back(r, format!("10.0.{net}.0/24"), format!("10.0.{n}.2"));
            let six = if net == 0 { "fd00::/64".into() } else { format!("fd00:{net}::/64") };
            back(r, six, format!("fd00:{n}::2"))
        });
        setups.push(r);
    }
    let b = iface(node(99), Some(99), 1500, &["10.0.4.1/24", "fd00:4::1/64"]);
    setups.push(route(route(b, "0.0.0.0/0", "10.0.4.2", 0), "::/0", "fd00:4::2", 0));
    (0..5).fold(Net::new(setups), |net, n| net.wire(&[(n, u16::from(n > 0)), (n + 1, 0)]))
}

/// Each router that a packet expires at says so from its address on the way back.
fn four_routers_are_traced() {
    let mut net = chain();
    let hops4 = ["10.0.0.1", "10.0.1.1", "10.0.2.1", "10.0.3.1"];
    let hops6 = ["fd00::1", "fd00:1::1", "fd00:2::1", "fd00:3::1"];
    for (to, hops) in [("10.0.4.1", hops4), ("fd00:4::1", hops6)] {
        for (n, hop) in hops.into_iter().enumerate() {
            let (from, message) = failed(net.ping(0, to, n as u8 + 1, 20));
            assert_eq!((from, message), (ip(hop), Icmp::time_exceeded(ip(to))));
            assert!(net.drops(n + 1, "TtlExceeded") > 0);
        }
        assert_eq!(replied(net.ping(0, to, 5, 20)), 60);
        // The message quotes the packet as it came: with its last hop.
        let quotes = |c: &&crate::support::net::Crossed| {
            c.from == 1 && c.wire == 0 && c.header().is_some_and(|h| h.src == ip(hops[0]))
        };
        let quote = net.crossed.iter().find(quotes).expect("the first router's message");
        let at = quote.header().expect("IP").header_len + 8;
        let inner = Header::parse(&quote.packet()[at..], 4000);
        assert!(inner.is_err() || inner.is_ok_and(|inner| inner.ttl == 1));
    }
    assert_eq!(net.count(1, "IpInHdrErrors"), 1);
    assert_eq!(net.count(1, "IcmpOutTimeExcds") + net.count(1, "Icmp6OutTimeExcds"), 2);
}

/// A packet from A comes in by B's side: the message leaves on A's side, so its source is the
/// router's address there (RFC 1812 §4.3.2.4), not that of the interface that the packet came by.
fn a_router_complains_from_where_the_complaint_leaves() {
    let mut net = joined(two_networks());
    warm(&mut net);
    for (a, b, near) in ENDS {
        let lost = match ip(b) {
            IpAddr::V4(_) => "10.9.9.9",
            IpAddr::V6(_) => "fd09::9",
        };
        for (dst, ttl) in [(b, 1), (lost, 64)] {
            net.inject(R, 1, &datagram(a, dst, 10, |h| h.ttl = ttl));
            let told = net.to(0, R, a);
            let source = told.last().and_then(|crossed| crossed.header()).map(|h| h.src);
            assert_eq!(source, Some(ip(near)), "{a} > {dst}");
            net.forget();
        }
    }
}

/// Every address answers, by whatever interface the packet comes (the weak model); TCP, too, and
/// where the answers' way is another one.
fn a_router_answers_at_all_its_addresses() {
    let mut net = joined(two_networks());
    for addr in ["10.0.1.1", "10.0.2.1", "fd00:1::1", "fd00:2::1"] {
        assert_eq!(replied(net.ping(A, addr, 1, 10)), 64, "{addr} is no hop away");
        assert_eq!(replied(net.ping(B, addr, 1, 10)), 64);
    }
    for at in ["10.0.2.1:80", "[fd00:2::1]:8080"] {
        let at: SocketAddr = at.parse().expect(at);
        let now = net.now;
        let listener = net.hosts[R].listen(now, at, ListenOptions::default()).expect("free");
        let conn = net.hosts[A].connect(now, at, None, None).expect("a route");
        net.wait(100);
        let (served, _) = net.hosts[R].accept(net.now, listener).expect("a connection");
        net.hosts[R].write(net.now, served, b"hello").expect("room");
        net.wait(100);
        let mut room = [0; 10];
        assert_eq!(net.hosts[A].read(net.now, conn, &mut room), Ok(5));
        // Nobody listens on the next port.
        let refused = SocketAddr::new(at.ip(), 81);
        let conn = net.hosts[A].connect(net.now, refused, None, None).expect("a route");
        net.wait(100);
        assert_eq!(net.hosts[A].read(net.now, conn, &mut room), Err(SocketError::Refused));
    }
    assert_eq!(net.told(R, forwarded).len(), 0);
    // What says that it comes from the router itself does not.
    for (own, to) in
        [("10.0.2.1", "10.0.2.2"), ("10.0.2.1", "10.0.1.1"), ("fd00:2::1", "fd00:2::2")]
    {
        net.inject(R, 0, &datagram(own, to, 10, |_| ()));
    }
    assert_eq!(net.drops(R, "OwnSource"), 3);
}

/// 10.0.2.0/24 lies behind one interface, 10.0.2.2 alone behind another.
fn the_longest_prefix_leads() {
    let mut setups = two_networks();
    let r = iface(setups[R].clone(), None, 1500, &["10.0.3.1/30", "fd00:3::1/64"]);
    let r = route(r, "10.0.2.2/32", "10.0.3.2", 2);
    setups[R] = route(r, "fd00:2::2/128", "fd00:3::2", 2);
    setups.push(iface(node(4), None, 1500, &["10.0.3.2/30", "10.0.2.2/32", "fd00:3::2/64"]));
    setups[3].ifaces[0].addrs.push("fd00:2::2/128".parse().expect("an address"));
    let d = route(setups.pop().expect("four"), "0.0.0.0/0", "10.0.3.1", 0);
    setups.push(route(d, "::/0", "fd00:3::1", 0));
    setups[B].ifaces[0].addrs.push("10.0.2.3/24".parse().expect("an address"));
    setups[B].ifaces[0].addrs.push("fd00:2::3/64".parse().expect("an address"));
    let mut net = joined(setups).wire(&[(R, 2), (3, 0)]);
    for (to, near) in [("10.0.2.2", "10.0.2.3"), ("fd00:2::2", "fd00:2::3")] {
        assert_eq!(replied(net.ping(A, to, 64, 10)), 63);
        assert_eq!((net.to(2, R, to).len(), net.to(1, R, to).len()), (1, 0));
        assert_eq!(replied(net.ping(A, near, 64, 10)), 63);
        assert_eq!((net.to(2, R, near).len(), net.to(1, R, near).len()), (0, 1));
    }
}

/// Two routers that each believe the other to be the way.
fn a_loop_ends() {
    let mut setups = two_networks();
    setups[R] =
        route(route(setups[R].clone(), "10.9.0.0/16", "10.0.2.2", 1), "fd09::/16", "fd00:2::2", 1);
    let b = setups[B].clone().as_router();
    setups[B] = route(route(b, "10.9.0.0/16", "10.0.2.1", 0), "fd09::/16", "fd00:2::1", 0);
    let mut net = joined(setups);
    for to in ["10.9.1.1", "fd09::1"] {
        let (_, message) = failed(net.ping(A, to, 9, 10));
        assert_eq!(message, Icmp::time_exceeded(ip(to)));
        let loops = net.to(1, R, to).len() + net.to(1, B, to).len();
        assert_eq!(loops, 8, "nine hops, the first of which was A's own");
    }
}

fn there_is_no_way_on() {
    let mut net = joined(two_networks());
    for (to, (_, _, hop)) in ["192.0.2.1", "2001:db8::1"].into_iter().zip(ENDS) {
        let (from, message) = failed(net.ping(A, to, 64, 10));
        assert_eq!((from, message), (ip(hop), Icmp::network_unreachable(ip(to))));
    }
    assert_eq!((net.drops(R, "NoRouteOnward"), net.drops(R, "NoRoute")), (2, 0));
    assert_eq!((net.count(R, "IpExtInNoRoutes"), net.count(R, "Ip6InNoRoutes")), (1, 1));
}

/// The last router asks for the host, in vain, and says so.
fn nobody_is_there() {
    let mut net = joined(two_networks());
    for (to, (_, _, hop)) in ["10.0.2.77", "fd00:2::77"].into_iter().zip(ENDS) {
        let (from, message) = failed(net.ping(A, to, 64, 10));
        assert_eq!((from, message), (ip(hop), Icmp::host_unreachable(ip(to))));
    }
    assert_eq!(net.drops(R, "NeighborFailed"), 2);
    // One that is there is not held up.
    warm(&mut net);
    assert!(net.hosts[R].neighbors().any(|(_, n)| n.state == State::Reachable));
}

/// A's and B's links take 1500 bytes, the one between the routers as many as `mtu`.
pub(crate) fn narrow(mtu: u16) -> Net {
    let mut setups = two_networks();
    let s = iface(node(9), Some(9), 1500, &["10.0.2.1/24", "fd00:2::1/64"]);
    let s = iface(s, None, mtu, &["10.0.9.2/30", "fd00:9::2/64"]).as_router();
    let s = route(route(s, "0.0.0.0/0", "10.0.9.1", 1), "::/0", "fd00:9::1", 1);
    let r = iface(node(2), Some(2), 1500, &["10.0.1.1/24", "fd00:1::1/64"]);
    let r = iface(r, None, mtu, &["10.0.9.1/30", "fd00:9::1/64"]).as_router();
    setups[R] = route(route(r, "0.0.0.0/0", "10.0.9.2", 1), "::/0", "fd00:9::2", 1);
    setups.push(s);
    Net::new(setups).wire(&[(A, 0), (R, 0)]).wire(&[(R, 1), (3, 1)]).wire(&[(3, 0), (B, 0)])
}

/// RFC 1191, RFC 8201: the router says how wide the next link is, and TCP heeds it.
fn narrow_links_are_found_by_tcp() {
    for (at, mtu) in [("10.0.2.2:80", 600), ("[fd00:2::2]:80", 1280)] {
        let mut net = narrow(mtu);
        let at: SocketAddr = at.parse().expect(at);
        let listener = net.hosts[B].listen(net.now, at, ListenOptions::default()).expect("free");
        let conn = net.hosts[A].connect(net.now, at, None, None).expect("a route");
        net.wait(100);
        let (served, _) = net.hosts[B].accept(net.now, listener).expect("a connection");
        let data: Vec<u8> = (0..20_000).map(|n| n as u8).collect();
        assert_eq!(net.hosts[A].write(net.now, conn, &data), Ok(data.len()));
        let mut got = Vec::new();
        let mut room = [0; 4096];
        for _ in 0..50 {
            net.wait(100);
            while let Ok(n) = net.hosts[B].read(net.now, served, &mut room) {
                got.extend_from_slice(&room[..n]);
            }
        }
        assert_eq!(got, data);
        assert!(net.drops(R, "LinkTooNarrow") > 0);
        let told = net.to(0, R, ENDS[usize::from(at.is_ipv6())].0);
        let too_big = |c: &&crate::support::net::Crossed| {
            let header = c.header().expect("IP");
            let message = Icmp::parse(header.src, header.dst, [&c.packet()[header.header_len..]]);
            message.is_ok_and(|message| message.too_big() == Some(mtu.into()))
        };
        assert!(told.iter().any(|c| too_big(&c)));
        let cut = |c: &crate::support::net::Crossed| c.header().is_some_and(|h| h.is_fragment());
        assert!(!net.crossed.iter().any(cut), "nobody cuts what may not be cut");
        let fails = if at.is_ipv4() { "IpFragFails" } else { "Ip6FragFails" };
        assert!(net.count(R, fails) > 0);
    }
}

/// A datagram that may be cut arrives whole; in IPv6 its sender learns to cut it.
fn narrow_links_cut_what_may_be_cut() {
    let mut net = narrow(600);
    // As large as A's link takes, and larger: pieces are cut again.
    for len in [1400, 4000] {
        net.forget();
        assert_eq!(replied(net.ping(A, "10.0.2.2", 64, len)), 62, "{len}");
        let pieces = net.to(1, R, "10.0.2.2");
        assert!(pieces.len() > 2 && pieces.iter().all(|c| c.packet().len() <= 600));
        let told = net.told(R, forwarded);
        let causes = |c: &crate::support::net::Crossed| {
            net.records.iter().any(|(host, r)| {
                (*host, r.id) == (R, c.origin) && told.iter().any(|(f, _)| f.id == r.causes[0])
            })
        };
        assert!(pieces.iter().all(causes), "each piece follows from its packet's being passed on");
    }
    assert!(net.count(R, "IpFragOKs") >= 3 && net.count(R, "IpFragCreates") >= 9);
    assert_eq!(net.drops(R, "LinkTooNarrow"), 0);
    let mut net = narrow(1280);
    let (from, message) = failed(net.ping(A, "fd00:2::2", 64, 1400));
    assert_eq!((from, message.too_big()), (ip("fd00:1::1"), Some(1280)));
    assert_eq!(net.ping(A, "fd00:2::2", 64, 1400), None, "now B learns the same");
    assert_eq!(replied(net.ping(A, "fd00:2::2", 64, 1400)), 62);
    assert_eq!((net.count(R, "Ip6InTooBigErrors"), net.count(3, "Ip6InTooBigErrors")), (1, 1));
}

/// A, R and another router are on one link; R knows that the other one is the way.
fn a_better_first_hop_is_named() {
    let mut setups = two_networks();
    setups[R] =
        iface(node(2), Some(2), 1500, &["10.0.1.1/24", "fd00:1::1/64", "fe80::2/64"]).as_router();
    setups[R] =
        route(route(setups[R].clone(), "10.0.2.0/24", "10.0.1.3", 0), "fd00:2::/64", "fe80::3", 0);
    let a = iface(node(1), Some(1), 1500, &["10.0.1.2/24", "fd00:1::2/64", "fe80::1/64"]);
    setups[A] = route(route(a, "0.0.0.0/0", "10.0.1.1", 0), "::/0", "fe80::2", 0);
    let s = iface(node(9), Some(9), 1500, &["10.0.1.3/24", "fd00:1::3/64", "fe80::3/64"]);
    setups.push(iface(s, Some(10), 1500, &["10.0.2.1/24", "fd00:2::1/64"]).as_router());
    let mut net = Net::new(setups).wire(&[(A, 0), (R, 0), (3, 0)]).wire(&[(3, 1), (B, 0)]);
    for (_, to, _) in ENDS {
        net.forget();
        assert_eq!(replied(net.ping(A, to, 64, 10)), 63, "the detour costs the way out a hop");
        assert_eq!(net.to(0, R, to).len(), 1, "the packet goes on all the same");
        assert_eq!(replied(net.ping(A, to, 64, 10)), 63);
        assert_eq!(net.to(0, R, to).len(), 1, "the second one goes the better way");
        let better: Vec<_> = net.to(0, A, to).iter().map(|c| c.ethernet().dst).collect();
        assert_eq!(better, [mac(2), mac(9)]);
    }
    assert_eq!(net.count(R, "IcmpOutRedirects"), 1);
    // Whoever does not heed it is not told with every packet.
    for _ in 0..100 {
        net.inject(R, 0, &datagram("10.0.1.7", "10.0.2.2", 10, |_| ()));
        net.inject(R, 0, &datagram("fd00:1::7", "fd00:2::2", 10, |_| ()));
    }
    assert_eq!(net.count(R, "IcmpOutRedirects"), 2);
    net.wait(1_000);
    net.inject(R, 0, &datagram("10.0.1.7", "10.0.2.2", 10, |_| ()));
    assert_eq!(net.count(R, "IcmpOutRedirects"), 3);
    // One whose sender is elsewhere is not named anything.
    net.inject(R, 0, &datagram("192.0.2.1", "10.0.2.2", 10, |_| ()));
    assert_eq!(net.count(R, "IcmpOutRedirects"), 3);
    // And routers themselves do not listen.
    let (to, from) = (ip("10.0.1.1"), ip("10.0.1.3"));
    let quoted = datagram("10.0.1.1", "10.0.2.2", 10, |_| ());
    let mut frame = Frame { body: Pool::new().copy(&quoted).into(), ..Frame::default() };
    let gateway = "10.0.1.2".parse().expect("an address");
    Icmp::V4(Icmpv4::Redirect { code: 1, gateway }).emit(from, to, &mut frame.head, &frame.body);
    let len = frame.len();
    Header::new(from, to, protocol::ICMP).emit(&mut frame.head, len);
    net.inject(R, 0, &frame.to_vec());
    assert_eq!(net.drops(R, "RedirectRefused"), 1);
}

/// Broadcasts, groups, impossible addresses, what many got, and what is not the router's to pass.
fn what_is_not_passed_on() {
    let mut net = joined(two_networks());
    warm(&mut net);
    let (a, b) = ("10.0.1.2", "10.0.2.2");
    for (src, dst, key) in [
        (a, "10.0.2.255", "DirectedBroadcast"),
        ("10.0.2.255", b, "MartianSource"),
        (a, "255.255.255.255", ""),
        (a, "224.0.0.9", "NotForUs"),
        (a, "239.1.2.3", "NotForUs"),
        ("fd00:1::2", "ff0e::1", "NotForUs"),
        (a, "127.0.0.1", "MartianDestination"),
        (a, "0.0.0.1", "MartianDestination"),
        (a, "240.0.0.1", "MartianDestination"),
        ("127.0.0.1", b, "MartianSource"),
        ("0.0.0.0", b, "MartianSource"),
        ("::", "fd00:2::2", "MartianSource"),
        ("::1", "fd00:2::2", "MartianSource"),
        ("224.0.0.1", b, "MartianSource"),
    ] {
        let before = net.drops(R, key);
        net.inject(R, 0, &datagram(src, dst, 10, |_| ()));
        assert!(key.is_empty() || net.drops(R, key) == before + 1, "{src} > {dst}");
    }
    let many = netglass::base::Mac::BROADCAST;
    net.inject_to(R, 0, many, &datagram(a, b, 10, |_| ()));
    assert_eq!(net.drops(R, "LinkBroadcast"), 1);
    net.inject_to(R, 0, mac(0x55), &datagram(a, b, 10, |_| ()));
    assert_eq!(net.drops(R, "EthernetNotForUs"), 1);
    assert_eq!(net.told(R, forwarded).len(), 0);
    assert_eq!(net.to(1, R, b).len(), 0);
    assert_eq!(net.to(0, R, a).len(), 0, "and nobody is told of any of these");
    // No error about an error, about a later fragment, or to nobody.
    let error = |kind: u8| {
        let mut packet = datagram(a, b, 20, |h| (h.proto, h.ttl) = (protocol::ICMP, 1));
        packet[20] = kind;
        packet
    };
    net.inject(R, 0, &error(3));
    net.inject(R, 0, &datagram(a, b, 24, |h| (h.ttl, h.offset) = (1, 8)));
    let mut packet = datagram("fd00:1::2", "fd00:2::2", 20, |h| (h.proto, h.ttl) = (58, 1));
    packet[40] = 1;
    net.inject(R, 0, &packet);
    assert_eq!((net.drops(R, "TtlExceeded"), net.drops(R, "IcmpNotAbout")), (3, 3));
    net.inject(R, 0, &error(8));
    assert_eq!(net.to(0, R, a).len(), 1, "an echo request is no error");
    // A packet that would bounce between the two ends of a link until it is tired (RFC 4443 §3.1).
    let mut narrow = narrow(1500);
    narrow.inject(R, 0, &datagram("fd00:1::2", "fd00:9::77", 10, |_| ()));
    narrow.wait(10);
    assert_eq!((narrow.drops(3, "WouldReturn"), narrow.told(3, forwarded).len()), (1, 0));
    let told = narrow.to(1, 3, "fd00:1::2");
    assert_eq!(told.len(), 1);
}

/// RFC 4291 §2.5.6, RFC 3927 §7.
fn link_local_addresses_stay() {
    let mut net = joined(two_networks());
    warm(&mut net);
    let before = net.count(R, "Ip6InAddrErrors");
    net.inject(R, 0, &datagram("169.254.1.1", "10.0.2.2", 10, |_| ()));
    net.inject(R, 0, &datagram("10.0.1.2", "169.254.1.1", 10, |_| ()));
    net.inject(R, 0, &datagram("fd00:1::2", "fe80::77", 10, |_| ()));
    assert_eq!((net.drops(R, "BeyondScope"), net.crossed.len()), (3, 0));
    net.inject(R, 0, &datagram("fe80::77", "fd00:2::2", 10, |_| ()));
    net.wait(10);
    assert_eq!(net.drops(R, "BeyondScope"), 4);
    assert_eq!(net.told(R, forwarded).len(), 0);
    let sent = net.told(R, |event| match event {
        Event::Out { packet: PacketView::Icmp { message, dst, .. }, .. } => Some((*message, *dst)),
        _ => None,
    });
    let beyond = Icmp::V6(Icmpv6::Unreachable { code: 2 });
    assert_eq!(sent.iter().map(|(_, told)| *told).collect::<Vec<_>>(), [(beyond, ip("fe80::77"))]);
    assert_eq!(net.count(R, "Ip6InAddrErrors") - before, 2);
}

/// Router alerts and other options are passed on as they are, unless they ask to be refused.
fn options_on_the_way() {
    let mut net = joined(two_networks());
    warm(&mut net);
    let alert = |h: &mut Header| h.router_alert = true;
    for (from, to, _) in ENDS {
        let packet = datagram(from, to, 10, alert);
        net.inject(R, 0, &packet);
        let sent = net.to(1, R, to).pop().expect("it is passed on");
        let at = if from.contains(':') { 40 } else { 20 };
        assert_eq!(sent.packet()[at..], packet[at..]);
    }
    let hop_by_hop = |option: [u8; 6], next: u8| {
        let mut packet = datagram("fd00:1::2", "fd00:2::2", 30, |_| ());
        packet.splice(40..40, [&[next, 0][..], &option].concat());
        (packet[5], packet[6]) = (packet[5] + 8, 0);
        packet
    };
    for (option, keys) in [
        ([0x1e, 4, 0, 0, 0, 0], [0, 0]),
        ([0x5e, 4, 0, 0, 0, 0], [1, 0]),
        ([0x9e, 4, 0, 0, 0, 0], [1, 1]),
        ([0x1e, 40, 0, 0, 0, 0], [1, 0]),
    ] {
        let before = [net.drops(R, "Ipv6Option"), net.to(0, R, "fd00:1::2").len() as u64];
        net.inject(R, 0, &hop_by_hop(option, 17));
        let after = [net.drops(R, "Ipv6Option"), net.to(0, R, "fd00:1::2").len() as u64];
        assert_eq!([after[0] - before[0], after[1] - before[1]], keys, "{option:?}");
    }
    // Extension headers longer than what is moved around with them stay in one run: B reads them.
    net.wait(10);
    let now = net.now;
    let at = "[fd00:2::2]:9".parse().expect("an address");
    let socket = net.hosts[B].bind(now, at, false).expect("free");
    let mut packet = datagram("fd00:1::2", "fd00:2::2", 30, |_| ());
    let mut long = vec![17, 15, 1, 124];
    long.resize(128, 0);
    packet.splice(40..40, long);
    (packet[5], packet[6]) = (packet[5] + 128, 60);
    net.inject(R, 0, &packet);
    net.wait(10);
    let mut room = [0; 100];
    let got = net.hosts[B].recv_from(net.now, socket, &mut room).map(|got| got.len);
    assert_eq!(got, Ok(30));
}

/// A device's super-segments go on as they are where the next device takes them, else in pieces.
fn super_segments_on_the_way() {
    for offload in [true, false] {
        let mut setups = two_networks();
        setups[A] = setups[A].clone().with_offload();
        setups[B] = setups[B].clone().with_offload();
        if offload {
            setups[R] = setups[R].clone().with_offload();
        }
        let mut net = joined(setups);
        for at in ["10.0.2.2:80", "[fd00:2::2]:8080"] {
            net.forget();
            let at: SocketAddr = at.parse().expect(at);
            let listener = net.hosts[B].listen(net.now, at, ListenOptions::default());
            let listener = listener.expect("free");
            let conn = net.hosts[A].connect(net.now, at, None, None).expect("a route");
            net.wait(100);
            let (served, _) = net.hosts[B].accept(net.now, listener).expect("a connection");
            let data: Vec<u8> = (0..60_000).map(|n| n as u8).collect();
            assert_eq!(net.hosts[A].write(net.now, conn, &data), Ok(data.len()));
            net.wait(500);
            let mut got = vec![0; 60_000];
            assert_eq!(net.hosts[B].read(net.now, served, &mut got), Ok(60_000));
            assert_eq!(got, data);
            let longest = |wire, from| {
                let all = net.to(wire, from, &at.ip().to_string());
                all.iter().map(|c| c.packet().len()).max()
            };
            assert!(longest(0, A) > Some(3_000), "{:?}", longest(0, A));
            assert_eq!(longest(1, R) > Some(1_500), offload);
        }
        assert_eq!(net.hosts[B].drops().of(Why::TcpChecksum), 0);
    }
    // Instructions that do not fit the packet.
    let mut net = joined(two_networks());
    for offload in [
        Offload { gso: Some(Gso { kind: GsoKind::Tcp, size: 8 }), checksum: Checksum::Partial },
        Offload { gso: Some(Gso { kind: GsoKind::Udp, size: 0 }), checksum: Checksum::Partial },
    ] {
        let packet = datagram("10.0.1.2", "10.0.2.2", 100, |_| ());
        let mut frame = Frame::copied(&Pool::new(), &packet);
        netglass::wire::ethernet::Header { dst: mac(2), src: mac(1), tag: None, ethertype: 0x0800 }
            .emit(&mut frame.head);
        let mut frame = Frame::copied(&Pool::new(), &frame.to_vec());
        frame.offload = offload;
        net.inject_frame(R, 0, frame);
    }
    assert_eq!((net.drops(R, "Unsplittable"), net.told(R, forwarded).len()), (2, 0));
}

/// What is no router drops what is not its own (RFC 1122 §3.3.1.1), its other addresses included.
fn a_host_passes_nothing_on() {
    let mut setups = two_networks();
    setups[R].forwarding = false;
    let mut net = joined(setups);
    for (_, to, _) in ENDS {
        assert_eq!(net.ping(A, to, 64, 10), None);
    }
    assert_eq!(net.ping(A, "10.0.2.1", 64, 10), None, "the strong model");
    let refused = |event: &Event| match event {
        Event::Dropped { why: Why::NotForUs, packet: PacketView::Icmp { dst, .. } } => Some(*dst),
        _ => None,
    };
    let refused = net.told(R, refused).into_iter().map(|(_, dst)| dst);
    let refused: Vec<_> = refused.filter(|dst| !dst.is_multicast()).collect();
    assert_eq!(refused, [ip("10.0.2.2"), ip("fd00:2::2"), ip("10.0.2.1")]);
    assert_eq!(net.told(R, forwarded).len(), 0);
    assert_eq!(net.count(R, "IpInAddrErrors"), 2);
}

/// Packets that expire, and packets for nobody: neither answers nor memory grow with them.
fn floods_are_bounded() {
    let mut net = joined(two_networks());
    warm(&mut net);
    for _ in 0..2_000 {
        net.inject(R, 0, &datagram("10.0.1.2", "10.0.2.2", 10, |h| h.ttl = 1));
    }
    assert_eq!(net.drops(R, "TtlExceeded"), 2_000);
    assert_eq!((net.to(0, R, "10.0.1.2").len(), net.drops(R, "IcmpRateLimit")), (50, 1_950));
    net.keep = false;
    for n in 0..20_000u32 {
        let dst = format!("10.0.2.{}", 100 + n % 100);
        net.inject(R, 0, &datagram("10.0.1.2", &dst, 1_000, |_| ()));
    }
    let waiting: usize = net.hosts[R].neighbors().map(|(_, n)| n.waiting).sum();
    assert!(waiting < 5_000, "{waiting}");
    assert!(net.drops(R, "NeighborQueueFull") > 10_000);
    net.wait(Duration::from_secs(10).as_millis() as u64);
    let waiting: usize = net.hosts[R].neighbors().map(|(_, n)| n.waiting).sum();
    assert_eq!(waiting, 0);
    small_packets_in_large_blocks();
    assert!(net.drops(R, "IcmpRateLimit") > 1_950);
}

/// What waits does not hold the large blocks that a device reads into.
fn small_packets_in_large_blocks() {
    let mut router = netglass::stack::Stack::new(two_networks().swap_remove(R));
    let packet = datagram("10.0.1.2", "10.0.2.77", 10, |_| ());
    let now = netglass::base::Instant::ZERO;
    let before = crate::alloc::held();
    for _ in 0..1_000 {
        let mut chunk = router.pool().take(60_000);
        let header = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 9, 8, 0];
        assert_eq!(chunk.append(&header) + chunk.append(&packet), 14 + packet.len());
        router.input(now, IfaceId(0), Frame::received(chunk));
    }
    let waiting: usize = router.neighbors().map(|(_, n)| n.waiting).sum();
    assert!(waiting > 500, "{waiting}");
    let held = crate::alloc::held() - before;
    assert!(held < 2_000_000, "{held} bytes for {waiting} packets");
}

/// The head of a frame holds what a router writes in front of any packet.
#[test]
fn heads_have_room() {
    let mut head = Head::new();
    head.prepend(netglass::ip::transit::PULLED + 18);
}
