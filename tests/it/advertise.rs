//! Our router tells its link about itself, and our hosts make addresses of that (RFC 4861 §6.2,
//! RFC 4862).

use crate::support::net::{Crossed, Net, iface, ip, mac, node, route};
use crate::support::seen::scenarios;
use netglass::base::{EventId, IfaceId, Mac, Pool};
use netglass::link::{Advertise, Advertised};
use netglass::stack::{Answer, Ethernet, Event, LinkSetup, PacketView, Sent, Setup};
use netglass::wire::ip::{Discover, Header};
use netglass::wire::ipv4::protocol;
use netglass::wire::nd::{ALL_ROUTERS, Nd, NdOption, advert_options};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

scenarios![
    hosts_find_their_router,
    a_host_that_asks_is_answered,
    many_that_ask_are_answered_together,
    only_a_router_is_a_default_router,
];

/// The host, the router, and a host on its other side.
const A: usize = 0;
const R: usize = 1;
const B: usize = 2;

fn v6(text: &str) -> Ipv6Addr {
    text.parse().expect(text)
}

/// A host without an address, the router of its link, and one behind that.
pub(crate) fn setups(tells: Advertise) -> Vec<Setup> {
    let mut a = iface(node(1), Some(1), 1500, &["10.0.1.2/24"]);
    a.ifaces[0].addrs.clear();
    ethernet(&mut a).autoconf = true;
    let mut r = iface(node(2), Some(2), 1500, &["fd00:1::1/64"]);
    ethernet(&mut r).advertise = Some(Box::new(tells));
    let r = iface(r, Some(3), 1500, &["fd00:2::1/64"]).as_router();
    let b = iface(node(3), Some(4), 1500, &["fd00:2::2/64"]);
    vec![a, r, route(b, "::/0", "fd00:2::1", 0)]
}

pub(crate) fn ethernet(setup: &mut Setup) -> &mut Ethernet {
    match &mut setup.ifaces[0].link {
        LinkSetup::Ethernet(ethernet) => ethernet,
        LinkSetup::Ip => panic!("an Ethernet"),
    }
}

pub(crate) fn tells() -> Advertise {
    let prefix = Advertised {
        valid: Some(Duration::from_secs(4_000)),
        preferred: None,
        ..Advertised::new(v6("fd00:1::"), 64)
    };
    Advertise { prefixes: vec![prefix], mtu: Some(1_400), ..Advertise::default() }
}

pub(crate) fn joined(setups: Vec<Setup>) -> Net {
    Net::new(setups).wire(&[(A, 0), (R, 0)]).wire(&[(R, 1), (B, 0)])
}

/// The advertisements that a wire has carried: when, and the whole message.
fn adverts(net: &Net) -> Vec<(&Crossed, Nd)> {
    let read = |c: &Crossed| {
        let header = c.header().filter(|header| header.proto == protocol::ICMPV6)?;
        let nd = Nd::parse(&header, &c.packet()[header.header_len..]).ok()?;
        matches!(nd, Nd::RouterAdvert(_)).then_some(nd)
    };
    net.crossed.iter().filter_map(|c| Some((c, read(c)?))).collect()
}

/// From nothing to the far host, and everything that was told.
fn hosts_find_their_router() {
    let mut net = joined(setups(tells()));
    net.wait(5_000);
    let all = adverts(&net);
    let (crossed, nd) = all.first().expect("an advertisement");
    let header = crossed.header().expect("IP");
    assert_eq!((header.src, header.dst, header.ttl), (ip("fe80::ff:fe00:2"), ip("ff02::1"), 255));
    let Nd::RouterAdvert(advert) = nd else { panic!("{nd:?}") };
    assert_eq!((advert.lifetime, advert.mtu, advert.mac), (1_800, Some(1_400), Some(mac(2))));
    let prefix = advert_options(&crossed.packet()[40..]).find_map(|option| match option {
        NdOption::Prefix(prefix) => Some(prefix),
        _ => None,
    });
    let prefix = prefix.expect("it was told");
    assert_eq!((prefix.addr, prefix.len), (v6("fd00:1::"), 64));
    assert_eq!((prefix.valid, prefix.preferred), (4_000, 4_000));
    let own: Vec<IpAddr> = net.hosts[A].addresses().map(|(_, own)| own.addr()).collect();
    assert_eq!(own, [ip("fe80::ff:fe00:1"), ip("fd00:1::ff:fe00:1")]);
    assert!(net.hosts[A].is_router(IfaceId(0), ip("fe80::ff:fe00:2")));
    assert_eq!(net.hosts[A].mtu_to(net.now, ip("fd00:2::2"), Discover::Want), Some(1_400));
    match net.ping(A, "fd00:2::2", 64, 100) {
        Some(Answer::Reply(pong)) => assert_eq!(pong.ttl, 63),
        other => panic!("{other:?}"),
    }
    assert!(net.hosts[R].advertises(IfaceId(0)).is_some());
    assert_eq!(net.hosts[R].advertises(IfaceId(1)), None);
}

/// The first ones come soon, the others now and then; whoever asks in between is answered at once.
fn a_host_that_asks_is_answered() {
    let mut net = joined(setups(tells()));
    net.wait(1_000_000);
    let times: Vec<u64> = adverts(&net).iter().map(|(c, _)| c.at.as_millis() / 1_000).collect();
    assert!((4..=9).contains(&times.len()), "{times:?}");
    net.forget();
    net.wait(3_000);
    let before = adverts(&net).len();
    solicit(&mut net, mac(7));
    net.wait(510);
    let after: Vec<_> = adverts(&net).iter().map(|(c, _)| c.origin).collect();
    assert_eq!(after.len(), before + 1);
    let asked = net.told(R, |event| match event {
        Event::In(PacketView::Nd { nd: Nd::RouterSolicit { .. }, .. }) => Some(()),
        _ => None,
    });
    let told = net.told(R, |event| match event {
        Event::Out { why: Sent::RouterAdvert, .. } => Some(()),
        _ => None,
    });
    let last = &told.last().expect("it was told").0;
    assert_eq!((last.id, last.causes[0]), (after[before], asked[0].0.id));
    assert_ne!(last.causes[0], EventId::NONE);
    assert!(net.hosts[R].neighbors().any(|(_, near)| near.mac == Some(mac(7))));
}

/// A host asks all routers of R's first link.
pub(crate) fn solicit(net: &mut Net, from: Mac) {
    let src = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 7, u16::from(from.0[5]));
    let mut frame = netglass::base::Frame::default();
    Nd::RouterSolicit { mac: Some(from) }.emit(src, ALL_ROUTERS, &mut frame.head);
    let len = frame.len();
    let header = Header::new(src.into(), ALL_ROUTERS.into(), protocol::ICMPV6);
    Header { ttl: 255, ..header }.emit(&mut frame.head, len);
    let bytes = Pool::new().copy(&frame.to_vec());
    net.inject_to(R, 0, Mac([0x33, 0x33, 0, 0, 0, 2]), &bytes);
}

/// RFC 4861 §6.2.6: three seconds between two.
fn many_that_ask_are_answered_together() {
    let mut net = joined(setups(tells()));
    net.wait(100_000);
    net.forget();
    for n in 0..300 {
        solicit(&mut net, mac(10 + (n % 100) as u8));
        net.wait(100);
    }
    let sent = adverts(&net).len();
    assert!((9..=11).contains(&sent), "{sent} in thirty seconds");
}

/// What passes nothing on tells of the link, but not of itself (RFC 4861 §6.2.3). Who tells nothing
/// answers nothing.
fn only_a_router_is_a_default_router() {
    let mut setups = setups(tells());
    setups[R].forwarding = false;
    let mut net = joined(setups);
    net.wait(10_000);
    assert_eq!(net.hosts[A].addresses().count(), 2);
    assert!(net.hosts[A].routes().iter().all(|route| route.via.is_none()));
    let (_, Nd::RouterAdvert(advert)) = adverts(&net)[0] else { panic!("an advertisement") };
    assert_eq!(advert.lifetime, 0);
    let mut quiet = joined(self::setups(tells()));
    let src = v6("fe80::77");
    let mut frame = netglass::base::Frame::default();
    Nd::RouterSolicit { mac: None }.emit(src, ALL_ROUTERS, &mut frame.head);
    let len = frame.len();
    let header = Header::new(src.into(), ALL_ROUTERS.into(), protocol::ICMPV6);
    Header { ttl: 255, ..header }.emit(&mut frame.head, len);
    quiet.inject_to(R, 1, Mac([0x33, 0x33, 0, 0, 0, 2]), &frame.to_vec());
    assert_eq!(quiet.drops(R, "NdNoRouter"), 1);
}
