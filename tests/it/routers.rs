//! How far routers are believed (RFC 4861 §6.3, §8.3): those that are not there, those that say
//! impossible things, and those that speak in fragments (RFC 6980).

use crate::nd::{
    Got, IFACE, ROUTER_MAC, Wire, autoconf, is_ip_to, link_local, nd_bytes, packet, prefix, ra,
    router, v6,
};
use crate::support::seen::scenarios;
use netglass::base::{Head, Mac};
use netglass::ip::{Cidr, Route};
use netglass::link::State;
use netglass::wire::ip::Header;
use netglass::wire::ipv4::protocol;
use netglass::wire::nd::{ALL_NODES, Nd, RouterAdvert};
use std::net::Ipv6Addr;

scenarios![
    discovery_does_not_come_in_fragments,
    silent_routers_make_room,
    routers_do_not_keep_us_from_asking,
    routes_by_hand_are_not_redirected,
];

/// RFC 6980: whoever watches a link for false routers looks at whole messages only.
fn discovery_does_not_come_in_fragments() {
    let mut w = Wire::quiet(autoconf());
    let bytes = nd_bytes(router(), ALL_NODES, ra(1800), &prefix(v6("2001:db8::"), 600, 3600));
    let piece = |from: usize, to: usize| {
        let mut head = Head::new();
        let header = Header::new(router().into(), ALL_NODES.into(), protocol::ICMPV6);
        let (offset, more) = (from as u32, to < bytes.len());
        Header { ttl: 255, id: 7, offset, more, ..header }.emit(&mut head, to - from);
        [&head[..], &bytes[from..to]].concat()
    };
    w.ip(ROUTER_MAC, &piece(0, 24));
    w.ip(ROUTER_MAC, &piece(24, bytes.len()));
    assert_eq!(w.drops("NdFragment"), 1);
    // One piece that is the whole.
    let whole = [&[protocol::ICMPV6, 0, 0, 0, 0, 0, 0, 8][..], &bytes].concat();
    let mut packet = packet(router(), ALL_NODES, 255, &whole);
    packet[6] = 44;
    w.ip(ROUTER_MAC, &packet);
    assert_eq!(w.drops("NdFragment"), 2);
    assert_eq!((w.routes().len(), w.stack.addresses().count()), (1, 1));
}

/// Routers that nobody has ever seen, all of them better than the one there is: each is tried once.
fn silent_routers_make_room() {
    let mut w = Wire::quiet(autoconf());
    let far = v6("2001:db8:9::1");
    for n in 1..=50 {
        let src = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, n);
        let (lifetime, preference) = (u16::MAX, 1);
        let mac = Some(Mac([2, 1, 0, 0, 0, n as u8]));
        let advert = RouterAdvert { lifetime, preference, mac, ..RouterAdvert::default() };
        w.nd(Mac([2, 1, 0, 0, 0, n as u8]), src, ALL_NODES, Nd::RouterAdvert(advert));
    }
    assert_eq!(w.drops("RaLimit"), 42);
    let mut reached = Vec::new();
    for second in 0..1_000 {
        if second % 10 == 0 {
            w.ra(9_000, &prefix(v6("2001:db8::"), 9_000, 9_000));
        }
        w.nd(ROUTER_MAC, router(), link_local(), advert_of_router());
        let sent = [w.ping(far), w.wait(1_000)].concat();
        let to = |got: &Got| matches!(got, Got::Ip(ROUTER_MAC, _));
        reached.push(sent.iter().any(to));
    }
    let lost = reached.iter().filter(|reached| !**reached).count();
    assert!(lost < 100, "{lost} seconds without a router");
    assert!(reached[100..].iter().all(|reached| *reached), "none is tried again");
}

/// The router is there.
fn advert_of_router() -> Nd {
    let (router, solicited, overrides, mac) = (true, true, true, Some(ROUTER_MAC));
    Nd::NeighborAdvert { target: self::router(), router, solicited, overrides, mac }
}

/// RFC 4861 §6.3.4, within reason, and of no concern to ARP.
fn routers_do_not_keep_us_from_asking() {
    let mut setup = autoconf();
    setup.ifaces[0].addrs.push("10.0.0.1/24".parse().expect("an address"));
    let mut w = Wire::quiet(setup);
    for (retrans, each) in [(u32::MAX, 10_000), (1, 100), (0, 100), (2_000, 2_000)] {
        let advert = RouterAdvert { retrans, reachable: u32::MAX, ..RouterAdvert::default() };
        w.nd(ROUTER_MAC, router(), ALL_NODES, Nd::RouterAdvert(advert));
        let near = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 2, retrans as u16);
        w.ping(near);
        w.wait(3 * each - 1);
        assert_eq!(w.state(near), Some(State::Incomplete), "{retrans}");
        w.wait(1);
        assert_eq!(w.state(near), Some(State::Failed), "{retrans}");
    }
}

fn routes_by_hand_are_not_redirected() {
    let mut w = Wire::quiet(autoconf());
    w.ra(9_000, &prefix(v6("2001:db8::"), 90_000, 90_000));
    w.wait(3_000);
    let (far, own) = (v6("2001:db8:9::1"), v6("2001:db8::ff:fe00:1"));
    let by_hand = Route::default_via(router().into(), IFACE);
    let by_hand = Route { dst: Cidr::host(far.into()), ..by_hand };
    w.stack.add_route(w.now, by_hand).expect("its interface");
    let redirect = |dst| Nd::Redirect { target: v6("fe80::fd"), dst, mac: None };
    w.nd(ROUTER_MAC, router(), own, redirect(far));
    assert_eq!(w.drops("RedirectRefused"), 1);
    is_ip_to(&w.ping(far), ROUTER_MAC);
    // One that is believed stays so while more packets wait for it than may.
    let other = v6("2001:db8:9::2");
    w.nd(ROUTER_MAC, router(), own, redirect(other));
    for n in 0..200 {
        w.stack.ping(w.now, other.into(), (1, n), &[0; 1400]).expect("a route");
    }
    w.take();
    assert!(w.drops("NeighborQueueFull") > 0);
    assert!(w.routes().contains(&"2001:db8:9::2/128 via fe80::fd dev 0 metric 0".to_owned()));
    w.wait(10_000);
    assert_eq!(w.routes().iter().filter(|route| route.contains("/128")).count(), 1);
}
