//! Groups of a whole host in both families: sockets join and leave, routers are told and answered,
//! datagrams are heard and sent (RFC 1112, RFC 2236, RFC 2710, RFC 3376, RFC 3590, RFC 3810).

use crate::support::seen::{self, scenarios};
use netglass::base::why::Drops;
use netglass::base::{Duration, Frame, Head, IfaceId, Instant, Mac, SocketError, UdpId};
use netglass::stack::{Ethernet, Record as Told, Setup, Stack};
use netglass::udp::Multicast;
use netglass::wire::ethernet::{self, ethertype};
use netglass::wire::ip::Header;
use netglass::wire::ipv4::protocol;
use netglass::wire::membership::{HOP_LIMIT, Kind, Membership, Query, Record, Version};
use netglass::wire::{checksum, udp};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

scenarios![
    what_is_joined_is_heard_and_told,
    routers_are_answered,
    older_routers_are_answered_in_their_words,
    the_oldest_router_is_answered,
    own_addresses_have_groups,
    every_member_hears,
    what_is_sent_to_a_group,
    the_interface_is_chosen,
    messages_that_are_refused,
    calls_that_are_refused,
    questions_are_limited,
    a_bare_link_has_groups,
];

pub(crate) const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
pub(crate) const NEAR: Mac = Mac([2, 0, 0, 0, 0, 2]);
const IFACE: IfaceId = IfaceId(0);
const BOTH: [bool; 2] = [false, true];

fn ip(text: &str) -> IpAddr {
    text.parse().expect(text)
}

/// The text that counts in a family.
fn of(v6: bool, four: &str, six: &str) -> IpAddr {
    ip(if v6 { six } else { four })
}

pub(crate) fn host(v6: bool) -> IpAddr {
    of(v6, "10.9.0.1", "fe80::1")
}

pub(crate) fn peer(v6: bool) -> IpAddr {
    of(v6, "10.9.0.2", "fe80::2")
}

pub(crate) fn group(v6: bool) -> IpAddr {
    of(v6, "239.1.2.3", "ff05::1:3")
}

pub(crate) fn everybody(v6: bool) -> IpAddr {
    of(v6, "224.0.0.1", "ff02::1")
}

pub(crate) fn any(v6: bool) -> IpAddr {
    of(v6, "0.0.0.0", "::")
}

/// A host on a link; the test is everybody else.
pub(crate) struct Wire {
    pub(crate) stack: Stack,
    pub(crate) now: Instant,
    records: Vec<Told>,
    before: Drops,
    v6: bool,
}

/// A packet that the host sent: from where, where to, how far, and what.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Got {
    Membership(IpAddr, IpAddr, Membership),
    Datagram(IfaceId, SocketAddr, SocketAddr, u8, Vec<u8>),
}

pub(crate) fn setup(v6: bool) -> Setup {
    let addr = format!("{}/{}", host(v6), if v6 { 64 } else { 24 });
    let ethernet = Ethernet { dad_transmits: 0, ..Ethernet::new(OWN) };
    let setup = Setup::new([9, 9]).with_iface("eth0", 1500, addr.parse().expect("an address"));
    setup.on_ethernet(ethernet)
}

/// With a second interface, another address, and a route to everywhere by the first.
fn two(v6: bool) -> Setup {
    let addr = if v6 { "fe80::b:1/64" } else { "10.8.0.1/24" };
    let mut ethernet = Ethernet::new(Mac([2, 0, 0, 0, 0, 0xb]));
    ethernet.dad_transmits = 0;
    let setup = setup(v6).with_iface("eth1", 1500, addr.parse().expect("an address"));
    setup.on_ethernet(ethernet)
}

pub(crate) fn report(kind: Kind, group: IpAddr) -> Membership {
    Membership::Records { count: 1, first: Some(Record { kind, group }) }
}

impl Wire {
    pub(crate) fn new(setup: Setup, v6: bool) -> Wire {
        let mut stack = Stack::new(setup);
        stack.listen_to_events(true);
        Wire { stack, now: Instant::ZERO, records: Vec::new(), before: Drops::default(), v6 }
    }

    /// A host that has said all that it has to say about itself.
    pub(crate) fn quiet(v6: bool) -> Wire {
        let mut wire = Wire::new(setup(v6), v6);
        wire.wait(10_000);
        wire
    }

    fn input(&mut self, packet: &[u8]) -> Vec<Got> {
        let mut head = Head::new();
        if self.stack.mac(IFACE).is_some() {
            let ethertype = if self.v6 { ethertype::IPV6 } else { ethertype::IPV4 };
            let header = Header::parse(packet, packet.len()).expect("a packet");
            let dst = ethernet::group(header.dst).unwrap_or(OWN);
            ethernet::Header { dst, src: NEAR, tag: None, ethertype }.emit(&mut head);
        }
        let frame = Frame::copied(self.stack.pool(), &[&head[..], packet].concat());
        self.stack.input(self.now, IFACE, frame);
        self.take()
    }

    /// A message about groups, its header changed.
    pub(crate) fn hear(
        &mut self,
        message: Membership,
        dst: IpAddr,
        change: impl FnOnce(&mut Header, &mut Vec<u8>),
    ) -> Vec<Got> {
        let src = peer(self.v6);
        let mut bytes = message.encode(&[], src, dst);
        let proto = if self.v6 { protocol::ICMPV6 } else { protocol::IGMP };
        let new = Header::new(src, dst, proto);
        let mut header = Header { ttl: HOP_LIMIT, router_alert: true, ..new };
        change(&mut header, &mut bytes);
        if self.v6 {
            bytes[2..4].fill(0);
            let pseudo = checksum::pseudo(header.src, header.dst, proto, bytes.len());
            let sum = checksum::complete(pseudo, [&bytes[..]]);
            bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        let mut head = Head::new();
        header.emit(&mut head, bytes.len());
        self.input(&[&head[..], &bytes].concat())
    }

    /// A router asks for a group, or for all.
    pub(crate) fn query(
        &mut self,
        version: Version,
        about: Option<IpAddr>,
        millis: u64,
    ) -> Vec<Got> {
        let group = about.unwrap_or(any(self.v6));
        let (robustness, interval) = (2, Duration::from_secs(125));
        let max_response = Duration::from_millis(millis);
        let query = Query { version, group, max_response, robustness, interval, sources: 0 };
        self.hear(Membership::Query(query), about.unwrap_or(everybody(self.v6)), |_, _| ())
    }

    /// A datagram to port 5000 of a group.
    pub(crate) fn datagram(&mut self, to: IpAddr) -> Vec<Got> {
        let (src, dst) = (SocketAddr::new(peer(self.v6), 7), SocketAddr::new(to, 5000));
        let mut frame = Frame { body: self.stack.pool().copy(b"hello").into(), ..Frame::default() };
        udp::emit(&mut frame.head, src, dst, &frame.body, checksum::Fill::Complete);
        let len = frame.len();
        Header::new(src.ip(), to, protocol::UDP).emit(&mut frame.head, len);
        self.input(&frame.to_vec())
    }

    pub(crate) fn take(&mut self) -> Vec<Got> {
        self.stack.poll(self.now);
        let mut got = Vec::new();
        while let Some((iface, frame)) = self.stack.output(self.now) {
            let bytes = frame.to_vec();
            let mut content = &bytes[..];
            let mut to = None;
            if self.stack.mac(iface).is_some() {
                let link = ethernet::Header::parse(&bytes).expect("Ethernet");
                content = &bytes[link.encoded_len()..];
                to = Some(link.dst);
                if link.ethertype == ethertype::ARP {
                    continue;
                }
            }
            let mut header = Header::parse(content, content.len()).expect("IP");
            header.walk(content).expect("good headers");
            let inside = &content[header.header_len..];
            let (src, dst) = (header.src, header.dst);
            if header.router_alert {
                let message = Membership::parse(&header, inside).expect("a good message");
                assert!(to.is_none_or(|to| Some(to) == ethernet::group(dst)), "{to:?}");
                got.push(Got::Membership(src, dst, message));
            } else if header.proto == protocol::UDP {
                let udp = udp::Header::parse(inside, inside.len()).expect("UDP");
                let ends = (SocketAddr::new(src, udp.src), SocketAddr::new(dst, udp.dst));
                let payload = inside[udp::HEADER_LEN..].to_vec();
                got.push(Got::Datagram(iface, ends.0, ends.1, header.ttl, payload));
            }
        }
        let next = self.stack.deadline(self.now);
        assert!(next.is_none_or(|at| at > self.now), "driver law");
        self.stack.drain_records(&mut self.records);
        got
    }

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

    pub(crate) fn bind(&mut self, at: IpAddr) -> UdpId {
        self.stack.bind(self.now, (at, 5000).into(), true).expect("shared")
    }

    pub(crate) fn join(&mut self, id: UdpId, group: IpAddr) -> Vec<Got> {
        self.stack.join_group(self.now, id, group, None).expect("a group");
        self.take()
    }

    pub(crate) fn leave(&mut self, id: UdpId, group: IpAddr) -> Vec<Got> {
        self.stack.leave_group(self.now, id, group, None).expect("a member");
        self.take()
    }

    pub(crate) fn send(&mut self, id: UdpId, to: IpAddr) -> Vec<Got> {
        self.stack.send_to(self.now, id, Some((to, 5000).into()), b"hi").expect("a way");
        self.take()
    }

    /// How many datagrams a socket has, which are then gone.
    pub(crate) fn heard(&mut self, id: UdpId) -> usize {
        let (now, mut room) = (self.now, [0; 10]);
        std::iter::from_fn(|| self.stack.recv_from(now, id, &mut room).ok()).count()
    }

    pub(crate) fn drops(&self, key: &str) -> u64 {
        self.stack.drops().iter().find(|(known, _)| *known == key).map_or(0, |(_, n)| n)
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

fn what_is_joined_is_heard_and_told() {
    for v6 in BOTH {
        let mut w = Wire::quiet(v6);
        let (id, group) = (w.bind(any(v6)), group(v6));
        w.datagram(group);
        assert_eq!((w.heard(id), w.drops("NotForUs")), (0, 1));
        let routers = of(v6, "224.0.0.22", "ff02::16");
        let told = |kind| Got::Membership(host(v6), routers, report(kind, group));
        // A report may be lost: it is sent twice.
        assert_eq!(w.join(id, group), [told(Kind::ToExclude)]);
        assert_eq!(w.wait(1_000), [told(Kind::ToExclude)]);
        assert_eq!(w.wait(600_000), []);
        w.datagram(group);
        assert_eq!(w.heard(id), 1);
        // Others on this host may want it, too.
        let other = w.bind(any(v6));
        assert_eq!(w.join(other, group), []);
        let on = (IFACE, group, 2);
        assert!(w.stack.groups().any(|one| one == on));
        assert_eq!(w.leave(id, group), []);
        w.stack.close_udp(w.now, other);
        assert_eq!(w.wait(5_000), [told(Kind::ToInclude), told(Kind::ToInclude)]);
        w.datagram(group);
        assert_eq!((w.heard(id), w.drops("NotForUs")), (0, 2));
    }
}

fn routers_are_answered() {
    for v6 in BOTH {
        let mut w = Wire::quiet(v6);
        let (id, group) = (w.bind(any(v6)), group(v6));
        w.join(id, group);
        w.wait(10_000);
        assert_eq!(w.query(Version::V3, None, 10_000), []);
        let routers = of(v6, "224.0.0.22", "ff02::16");
        let got = w.wait(10_000);
        // In IPv6 the group of the interface's own address goes first.
        let own = ip("ff02::1:ff00:1");
        let first = Some(Record { kind: Kind::IsExclude, group: if v6 { own } else { group } });
        let all = Membership::Records { count: if v6 { 2 } else { 1 }, first };
        assert_eq!(got, [Got::Membership(host(v6), routers, all)]);
        w.query(Version::V3, Some(group), 1_000);
        let one = Got::Membership(host(v6), routers, report(Kind::IsExclude, group));
        assert_eq!(w.wait(1_000), [one]);
        let foreign = of(v6, "239.9.9.9", "ff05::9");
        w.query(Version::V3, Some(everybody(v6)), 1_000);
        assert_eq!((w.wait(60_000), w.drops("GroupNotOurs")), (vec![], 1));
        w.query(Version::V3, Some(foreign), 1_000);
        assert_eq!((w.wait(60_000), w.drops("NotForUs")), (vec![], 1));
    }
}

fn older_routers_are_answered_in_their_words() {
    for v6 in BOTH {
        let mut w = Wire::quiet(v6);
        let (id, group) = (w.bind(any(v6)), group(v6));
        w.join(id, group);
        w.wait(10_000);
        w.query(Version::V2, None, 10_000);
        let member = Membership::Report { version: Version::V2, group };
        let told = Got::Membership(host(v6), group, member);
        let got = w.wait(10_000);
        assert!(got.contains(&told) && got.len() == if v6 { 2 } else { 1 }, "{got:?}");
        // Another member was faster.
        w.query(Version::V2, Some(group), 10_000);
        w.hear(member, group, |_, _| ());
        assert_eq!(w.wait(10_000), []);
        w.hear(member, group, |_, _| ());
        assert_eq!(w.drops("GroupOfOthers"), 1);
        // Who spoke last says that it leaves.
        w.query(Version::V2, Some(group), 10_000);
        assert_eq!(w.wait(10_000), [told]);
        let routers = of(v6, "224.0.0.2", "ff02::2");
        let left = Got::Membership(host(v6), routers, Membership::Leave { group });
        assert_eq!(w.leave(id, group), [left]);
        // When nobody asks so any more, the new version is spoken again.
        w.wait(300_000);
        let routers = of(v6, "224.0.0.22", "ff02::16");
        let told = Got::Membership(host(v6), routers, report(Kind::ToExclude, group));
        assert_eq!(w.join(id, group), [told]);
    }
}

fn the_oldest_router_is_answered() {
    let mut w = Wire::quiet(false);
    let (id, group) = (w.bind(any(false)), group(false));
    w.join(id, group);
    w.wait(10_000);
    w.query(Version::V1, None, 0);
    let member = Membership::Report { version: Version::V1, group };
    assert_eq!(w.wait(10_000), [Got::Membership(host(false), group, member)]);
    assert_eq!(w.leave(id, group), []);
}

/// RFC 4291 §2.8, RFC 3590 §4: from nowhere while there is no address, and again then.
fn own_addresses_have_groups() {
    let mut setup = setup(true);
    setup.ifaces[0].addrs.clear();
    setup = setup.on_ethernet(Ethernet { autoconf: true, ..Ethernet::new(OWN) });
    let mut w = Wire::new(setup, true);
    let (own, routers) = (ip("fe80::ff:fe00:1"), ip("ff02::16"));
    let told = |src, kind| Got::Membership(src, routers, report(kind, ip("ff02::1:ff00:1")));
    let nowhere = told(any(true), Kind::ToExclude);
    assert_eq!(w.wait(900), [nowhere.clone(), nowhere]);
    assert_eq!(w.wait(10_000), vec![told(own, Kind::ToExclude); 2]);
    // Another address with the same end has the same group.
    let other = "fd00::1:ff00:1/64".parse::<netglass::ip::Cidr>().expect("an address");
    w.stack.add_address(w.now, IFACE, other).expect("room");
    assert_eq!(w.wait(10_000), []);
    w.stack.remove_address(w.now, IFACE, own).expect("its own");
    assert_eq!(w.wait(10_000), []);
    w.stack.remove_address(w.now, IFACE, other.addr()).expect("its own");
    assert_eq!(w.wait(10_000), vec![told(any(true), Kind::ToInclude); 2]);
}

fn every_member_hears() {
    for v6 in BOTH {
        let mut w = Wire::quiet(v6);
        let group = group(v6);
        let member = w.bind(any(v6));
        w.join(member, group);
        let [by, strict, bound, unicast] = [any(v6), any(v6), group, host(v6)].map(|at| w.bind(at));
        let only = Multicast { all: false, ..Multicast::default() };
        w.stack.set_multicast(w.now, strict, only).expect("a socket");
        w.datagram(group);
        let heard = [member, by, strict, bound, unicast].map(|id| w.heard(id));
        assert_eq!(heard, [1, 1, 0, 1, 0]);
        w.join(strict, group);
        w.datagram(group);
        assert_eq!([member, by, strict, bound, unicast].map(|id| w.heard(id)), [1, 1, 1, 1, 0]);
        // Nobody is told that there is no socket.
        for id in [member, by, strict, bound] {
            w.stack.close_udp(w.now, id);
        }
        w.stack.bind(w.now, (any(v6), 6000).into(), false).expect("free");
        let other = w.stack.bind(w.now, (any(v6), 6001).into(), false).expect("free");
        w.join(other, group);
        w.wait(10_000);
        assert_eq!((w.datagram(group), w.drops("UdpNoPort")), (vec![], 1));
    }
}

fn what_is_sent_to_a_group() {
    for v6 in BOTH {
        let mut w = Wire::quiet(v6);
        let (sender, group) = (w.bind(any(v6)), group(v6));
        let ends = (SocketAddr::new(host(v6), 5000), SocketAddr::new(group, 5000));
        let sent = |ttl| Got::Datagram(IFACE, ends.0, ends.1, ttl, b"hi".to_vec());
        assert_eq!(w.send(sender, group), [sent(1)]);
        assert_eq!(w.heard(sender), 0, "nobody here is a member");
        let member = w.bind(any(v6));
        w.join(member, group);
        w.wait(10_000);
        assert_eq!(w.send(sender, group), [sent(1)]);
        assert_eq!((w.heard(sender), w.heard(member)), (1, 1));
        let set = |w: &mut Wire, ttl, loops| {
            let multicast = Multicast { ttl, loops, ..Multicast::default() };
            w.stack.set_multicast(w.now, sender, multicast).expect("a socket");
            (w.send(sender, group), w.heard(member))
        };
        assert_eq!(set(&mut w, 5, false), (vec![sent(5)], 0));
        assert_eq!(set(&mut w, 0, true), (vec![], 1), "this host alone");
        assert_eq!(set(&mut w, 0, false), (vec![], 0));
        // A socket that is bound to the group sends from the interface's address.
        let bound = w.bind(group);
        assert_eq!(w.send(bound, group), [sent(1)]);
        // TCP knows no groups.
        let error = w.stack.connect(w.now, (group, 80).into(), None, None);
        assert_eq!(error, Err(SocketError::InvalidInput));
    }
}

fn the_interface_is_chosen() {
    for v6 in BOTH {
        let mut w = Wire::new(two(v6), v6);
        w.wait(10_000);
        let (id, group, second) = (w.bind(any(v6)), group(v6), IfaceId(1));
        let by = |got: Vec<Got>| match got[..] {
            [Got::Datagram(iface, src, ..)] => (iface.0, src.ip()),
            _ => panic!("{got:?}"),
        };
        let there = of(v6, "10.8.0.1", "fe80::b:1");
        assert_eq!(by(w.send(id, group)), (0, host(v6)));
        let multicast = Multicast { iface: Some(second), ..Multicast::default() };
        w.stack.set_multicast(w.now, id, multicast).expect("an interface");
        assert_eq!(by(w.send(id, group)), (1, there));
        w.stack.bind_device(w.now, id, Some(IFACE)).expect("an interface");
        assert_eq!(by(w.send(id, group)), (0, host(v6)), "SO_BINDTODEVICE comes first");
        // A group of the link is then that link's, unless its zone is given.
        let near = of(v6, "224.0.0.251", "ff02::fb");
        w.stack.bind_device(w.now, id, None).expect("no interface");
        assert_eq!(by(w.send(id, near)), (1, there));
        if let IpAddr::V6(near) = near {
            let zone = SocketAddrV6::new(near, 5000, 0, 1).into();
            w.stack.send_to(w.now, id, Some(zone), b"hi").expect("a way");
            assert_eq!(by(w.take()), (0, host(v6)));
        }
        let at = match there {
            IpAddr::V4(_) => (there, 5000).into(),
            IpAddr::V6(there) => SocketAddrV6::new(there, 5000, 0, 2).into(),
        };
        let bound = w.stack.bind(w.now, at, true).expect("shared");
        assert_eq!(by(w.send(bound, group)), (1, there));
        // Joined there, it is not heard here.
        let member = w.bind(any(v6));
        w.stack.join_group(w.now, member, group, Some(second)).expect("an interface");
        w.wait(10_000);
        w.datagram(group);
        assert_eq!(w.heard(member), 0);
        w.stack.join_group(w.now, member, group, Some(IFACE)).expect("another interface");
        w.datagram(group);
        assert_eq!(w.heard(member), 1);
        w.stack.leave_group(w.now, member, group, Some(IFACE)).expect("a member");
        w.datagram(group);
        assert_eq!(w.heard(member), 0);
    }
}

fn messages_that_are_refused() {
    for v6 in BOTH {
        let mut w = Wire::quiet(v6);
        let (id, group) = (w.bind(any(v6)), group(v6));
        w.join(id, group);
        w.wait(10_000);
        let third = |group| {
            let (version, sources) = (Version::V3, 0);
            let (max_response, interval) = (Duration::ZERO, Duration::ZERO);
            Membership::Query(Query {
                version,
                group,
                max_response,
                robustness: 0,
                interval,
                sources,
            })
        };
        let (ask, all) = (third(any(v6)), everybody(v6));
        w.hear(ask, all, |header, _| header.ttl = 64);
        w.hear(ask, all, |header, _| header.router_alert = false);
        assert_eq!(w.drops("GroupHops"), 2);
        w.hear(ask, group, |_, _| ());
        assert_eq!(w.drops("GroupAddress"), 1);
        let short = Membership::Report { version: Version::V2, group };
        w.hear(short, group, |_, bytes| bytes.truncate(if v6 { 20 } else { 7 }));
        assert_eq!(w.drops("GroupFormat"), 1);
        // What routers are told by others.
        w.hear(Membership::Leave { group }, group, |_, _| ());
        w.hear(Membership::Records { count: 0, first: None }, group, |_, _| ());
        assert_eq!(w.drops("GroupOfOthers"), 2);
        if !v6 {
            w.hear(ask, all, |_, bytes| bytes[7] ^= 1);
            assert_eq!(w.drops("IgmpChecksum"), 1);
            w.hear(ask, all, |_, bytes| {
                bytes[0] = 0x13;
                bytes[2..4].fill(0);
                let sum = checksum::complete(netglass::base::checksum::Sum::new(), [&bytes[..]]);
                bytes[2..4].copy_from_slice(&sum.to_be_bytes());
            });
            assert_eq!(w.drops("IgmpType"), 1);
            // A switch asks for nobody in particular.
            assert_eq!(w.hear(ask, all, |header, _| header.src = ip("0.0.0.0")).len(), 1);
        }
        assert_eq!(w.wait(60_000), []);
    }
}

fn calls_that_are_refused() {
    for v6 in BOTH {
        let mut w = Wire::quiet(v6);
        let (id, group) = (w.bind(any(v6)), group(v6));
        let mut join = |group, iface| w.stack.join_group(w.now, id, group, iface);
        assert_eq!(join(peer(v6), None), Err(SocketError::InvalidInput));
        assert_eq!(join(everybody(!v6), None), Err(SocketError::InvalidInput));
        assert_eq!(join(group, Some(IfaceId(7))), Err(SocketError::InvalidInput));
        assert_eq!((join(group, None), join(group, None)), (Ok(()), Err(SocketError::AddrInUse)));
        for n in 1..20 {
            assert_eq!(join(of(v6, &format!("239.0.0.{n}"), &format!("ff05::{n}")), None), Ok(()));
        }
        assert_eq!(join(everybody(v6), None), Err(SocketError::LimitReached));
        let mut leave = |group, iface| w.stack.leave_group(w.now, id, group, iface);
        assert_eq!(leave(everybody(v6), None), Err(SocketError::AddrNotAvailable));
        assert_eq!(leave(group, Some(IfaceId(1))), Err(SocketError::AddrNotAvailable));
        assert_eq!(leave(group, Some(IFACE)), Ok(()));
        let nowhere = Multicast { iface: Some(IfaceId(7)), ..Multicast::default() };
        let error = w.stack.set_multicast(w.now, id, nowhere);
        assert_eq!(error, Err(SocketError::InvalidInput));
        w.stack.close_udp(w.now, id);
        let gone = w.stack.join_group(w.now, id, group, None);
        assert_eq!(gone, Err(SocketError::BadHandle));
        assert_eq!(w.stack.groups().count(), usize::from(v6), "only its own address's");
        // An interface has its bound, too: eleven sockets would join 220.
        let mut joined = 0;
        for socket in 0..11 {
            let id = w.bind(any(v6));
            for n in 0..20 {
                let group = of(v6, &format!("239.1.{socket}.{n}"), &format!("ff05::{socket}:{n}"));
                joined += u32::from(w.stack.join_group(w.now, id, group, None).is_ok());
            }
        }
        assert_eq!(joined, 192 - u32::from(v6));
        // They fit in reports that fit the link.
        assert!(w.wait(60_000).len() >= 192);
        w.query(Version::V3, None, 100);
        let counts = w.wait(1_000).into_iter().map(|got| match got {
            Got::Membership(_, _, Membership::Records { count, .. }) => count,
            other => panic!("{other:?}"),
        });
        let counts: Vec<u16> = counts.collect();
        assert_eq!(counts, if v6 { vec![72, 72, 48] } else { vec![183, 9] });
        // A host without addresses of the family has no interface for groups of it.
        let setup =
            Setup::new([9, 9]).with_iface("tun0", 1500, "127.0.0.1/8".parse().expect("one"));
        let mut w = Wire::new(setup, true);
        let id = w.bind(any(true));
        let error = w.stack.join_group(w.now, id, ip("ff05::1:3"), None);
        assert_eq!(error, Err(SocketError::NetworkUnreachable));
    }
}

fn questions_are_limited() {
    for v6 in BOTH {
        let mut w = Wire::quiet(v6);
        let (id, group) = (w.bind(any(v6)), group(v6));
        w.join(id, group);
        w.wait(10_000);
        let mut answers = 0;
        for _ in 0..1000 {
            answers += w.query(Version::V3, Some(group), 0).len();
            answers += w.wait(1).len();
        }
        assert_eq!((w.drops("GroupQueryLimit"), answers), (951, 49));
    }
}

fn a_bare_link_has_groups() {
    for v6 in BOTH {
        let addr = format!("{}/24", of(v6, "10.9.0.1", "fd09::1"));
        let setup = Setup::new([9, 9]).with_iface("tun0", 1500, addr.parse().expect("one"));
        let mut w = Wire::new(setup, v6);
        assert_eq!(w.wait(10_000), [], "no neighbours, no groups of addresses");
        let (id, group) = (w.bind(any(v6)), group(v6));
        let routers = of(v6, "224.0.0.22", "ff02::16");
        let from = of(v6, "10.9.0.1", "::");
        let told = Got::Membership(from, routers, report(Kind::ToExclude, group));
        assert_eq!(w.join(id, group), [told]);
        w.datagram(group);
        assert_eq!(w.heard(id), 1);
        let count = |key: &str| {
            let counters = w.stack.counters();
            counters.iter().find(|(name, _)| name == key).map_or(0, |(_, n)| *n)
        };
        let (ins, outs) = match v6 {
            true => (count("Ip6InMcastPkts"), count("Ip6OutMcastPkts")),
            false => (count("IpExtInMcastPkts"), count("IpExtOutMcastPkts")),
        };
        assert_eq!((ins, outs), (1, 1));
        assert_eq!(count("Icmp6OutMLDv2Reports"), u64::from(v6));
    }
}
