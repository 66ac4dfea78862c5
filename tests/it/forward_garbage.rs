//! Bytes that no friend sends, at a router: nothing panics, nothing grows, and whatever leaves is a
//! good packet that fits its link.

use crate::forward::datagram;
use crate::support::net::{iface, mac, node, route};
use netglass::base::checksum::Sum;
use netglass::base::rng::Purpose;
use netglass::base::{
    Chance, Checksum, Frame, Gso, GsoKind, IfaceId, Instant, Mac, Medium, Offload,
};
use netglass::stack::{LinkSetup, Stack};
use netglass::wire::ip::Header;
use netglass::wire::{ethernet, split};
use std::time::Duration;

/// Addresses of every kind: the router's, its neighbours', others', and impossible ones.
const V4: [&str; 12] = [
    "10.0.1.1",
    "10.0.1.2",
    "10.0.2.1",
    "10.0.2.2",
    "10.0.3.2",
    "192.0.2.7",
    "10.0.2.255",
    "255.255.255.255",
    "224.0.0.1",
    "127.0.0.1",
    "169.254.7.7",
    "0.0.0.0",
];
const V6: [&str; 12] = [
    "fd00:1::1",
    "fd00:1::2",
    "fd00:2::1",
    "fd00:2::2",
    "fd00:3::2",
    "2001:db8::7",
    "fe80::2",
    "fe80::77",
    "ff02::1",
    "ff02::2",
    "::1",
    "::",
];

struct Dice(Chance, u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.1 += 1;
        self.0.below(bound, Purpose::Scenario, 1, self.1)
    }

    fn one(&mut self, list: &[&'static str]) -> &'static str {
        list[self.below(list.len() as u64) as usize]
    }
}

/// Two Ethernets and a link of bare IP, narrow ones among them.
fn router() -> Stack {
    let r = iface(node(2), Some(2), 1500, &["10.0.1.1/24", "fd00:1::1/64", "fe80::2/64"]);
    let mut r = iface(r, Some(3), 1280, &["10.0.2.1/24", "fd00:2::1/64", "fe80::2/64"]);
    r.ifaces[1].gso_max = 65_435;
    r.ifaces[1].checksum_offload = true;
    let r = iface(r, None, 576, &["10.0.3.1/24", "fd00:3::1/64"]);
    let r = route(r, "192.0.2.0/24", "10.0.1.3", 0);
    let mut router = Stack::new(route(r, "2001:db8::/32", "fe80::3", 0).as_router());
    for (n, addr) in ["10.0.1.2", "10.0.2.2", "fd00:1::2", "fd00:2::2"].into_iter().enumerate() {
        let (iface, addr) = (IfaceId(n as u16 % 2), addr.parse().expect(addr));
        router.set_neighbor(Instant::ZERO, iface, addr, Some(mac(9))).expect("room");
    }
    router
}

/// A packet that might be one, changed here and there.
fn packet(dice: &mut Dice) -> Vec<u8> {
    let list = if dice.below(2) == 0 { &V4 } else { &V6 };
    let (src, dst) = (dice.one(list), dice.one(list));
    let len = [0, 8, 100, 1_000, 1_460, 3_000][dice.below(6) as usize];
    let protocols = [0, 1, 2, 6, 17, 43, 44, 58, 59, 60, 99];
    let mut bytes = datagram(src, dst, len, |h| {
        h.proto = protocols[dice.below(11) as usize];
        h.ttl = [0, 1, 2, 64, 255][dice.below(5) as usize];
        h.df = dice.below(2) == 0;
        h.router_alert = dice.below(5) == 0;
        if dice.below(4) == 0 {
            (h.offset, h.more) = (dice.below(8192) as u32 * 8, dice.below(2) == 0);
        }
    });
    for _ in 0..dice.below(4) {
        let at = dice.below(bytes.len().min(90) as u64) as usize;
        bytes[at] = dice.below(256) as u8;
    }
    if dice.below(6) == 0 {
        bytes.truncate(dice.below(bytes.len() as u64 + 1) as usize);
    }
    let header = bytes.first().map_or(0, |first| usize::from(first & 15) * 4);
    if dice.below(4) > 0
        && bytes.first().is_some_and(|first| first >> 4 == 4)
        && let Some(header) = bytes.get_mut(..header).filter(|header| header.len() >= 20)
    {
        header[10..12].fill(0);
        let sum = Sum::new().bytes(header).finish();
        header[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    bytes
}

fn offload(dice: &mut Dice) -> Offload {
    let kind = if dice.below(2) == 0 { GsoKind::Tcp } else { GsoKind::Udp };
    let size = [0, 1, 8, 500, 1_400, u16::MAX][dice.below(6) as usize];
    let checksum =
        [Checksum::Complete, Checksum::Partial, Checksum::Verified][dice.below(3) as usize];
    Offload { gso: (dice.below(3) == 0).then_some(Gso { kind, size }), checksum }
}

fn medium(router: &Stack, iface: IfaceId) -> (Medium, usize) {
    let setup = router.ifaces().nth(iface.0.into()).expect("an interface");
    let medium = if setup.link == LinkSetup::Ip { Medium::Ip } else { Medium::Ethernet };
    (medium, setup.mtu.into())
}

/// What leaves fits its link, if need be cut as it says itself, and is readable.
fn check(router: &Stack, iface: IfaceId, frame: &Frame) {
    let (medium, mtu) = medium(router, iface);
    let pieces = split::split_on(medium, frame, mtu).expect("what leaves can be sent");
    for piece in pieces {
        let bytes = piece.to_vec();
        let link = match medium {
            Medium::Ip => 0,
            Medium::Ethernet => ethernet::header_len(&bytes).expect("an Ethernet header"),
        };
        if link > 0 && bytes[12..14] == [0x08, 0x06] {
            continue; // ARP
        }
        let header = Header::parse(&bytes[link..], bytes.len() - link);
        let header = header.expect("what leaves is a packet with a good checksum");
        assert!(header.ttl > 0, "{header:?}");
        assert_eq!(header.total_len, bytes.len() - link);
    }
}

#[test]
fn random_packets_at_a_router() {
    let seed: u64 = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let frames: u64 = std::env::var("FRAMES").ok().and_then(|s| s.parse().ok()).unwrap_or(20_000);
    let mut dice = Dice(Chance::from_seed(seed), 0);
    let (mut router, mut now, mut passed) = (router(), Instant::ZERO, 0);
    router.listen_to_events(true);
    let mut records = Vec::new();
    for _ in 0..frames {
        let iface = IfaceId(dice.below(3) as u16);
        let bytes = packet(&mut dice);
        let mut frame = Frame::copied(router.pool(), &bytes);
        frame.offload = offload(&mut dice);
        // A host beside us in memory leaves its headers in the frame's head.
        let own = (dice.below(2) as usize * dice.below(100) as usize).min(bytes.len());
        frame.head.prepend(own).copy_from_slice(&bytes[..own]);
        frame.body.advance(own);
        if medium(&router, iface).0 == Medium::Ethernet {
            let many = [Mac::BROADCAST, Mac([0x33, 0x33, 0, 0, 0, 1])];
            let dst = match dice.below(8) {
                n @ 0..2 => many[n as usize],
                _ => router.mac(iface).expect("an Ethernet"),
            };
            let v6 = bytes.first().is_some_and(|first| first >> 4 == 6);
            let ethertype = if v6 { 0x86dd } else { 0x0800 };
            ethernet::Header { dst, src: mac(7), tag: None, ethertype }.emit(&mut frame.head);
        }
        router.input(now, iface, frame);
        if dice.below(50) == 0 {
            now += Duration::from_millis(dice.below(3_000));
        }
        router.poll(now);
        router.drain_records(&mut records);
        records.clear();
        while let Some((iface, frame)) = router.output(now) {
            check(&router, iface, &frame);
            passed += 1;
        }
        assert!(router.deadline(now).is_none_or(|at| at > now), "driver law");
    }
    let waiting: usize = router.neighbors().map(|(_, neighbor)| neighbor.waiting).sum();
    assert!(passed > frames / 20 && waiting < 10_000, "{passed} {waiting}");
    assert!(router.neighbors().count() <= 2 * 1_024);
}
