//! Hubs and switches: each event with a near miss, VLANs, and the table against a naive one.

use super::*;
use crate::base::{Chance, Pool, Stamped, Trace};
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;

fn mac(n: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, n])
}

fn tag(id: u16) -> Option<Tag> {
    Some(Tag { id, ..Tag::default() })
}

struct Bench {
    now: Instant,
    bridge: Bridge,
    pool: Pool,
    trace: Trace<Event>,
    sent: u64,
}

impl Bench {
    fn new(bridge: Bridge) -> Bench {
        let now = Instant::from_millis(1_000);
        Bench { now, bridge, pool: Pool::new(), trace: Trace::new(true), sent: 1_000 }
    }

    fn switch(ports: u16, change: impl FnOnce(&mut Config)) -> Bench {
        let mut config = Config::new(ports);
        change(&mut config);
        Bench::new(Bridge::switch(config))
    }

    fn with<R>(&mut self, f: impl FnOnce(&mut Bridge, &mut Cx<'_>) -> R) -> R {
        let Bench { now, bridge, pool, trace, .. } = self;
        let chance = &Chance::from_seed(1);
        f(bridge, &mut Cx { now: *now, chance, pool, trace, cause: EventId::NONE })
    }

    /// Puts bytes in; what comes out, by port.
    fn bytes(&mut self, port: u16, bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
        self.sent += 1;
        let origin = EventId(self.sent);
        let frame = Frame { origin, ..Frame::copied(&self.pool, bytes) };
        let mut out = Vec::new();
        self.with(|bridge, cx| bridge.input(cx, port, frame, &mut out));
        assert!(out.iter().all(|(_, frame)| frame.origin == origin), "origins stay");
        out.into_iter().map(|(port, frame)| (port, frame.to_vec())).collect()
    }

    /// Sends a frame with a tag; the ports it leaves by, with the VLAN of the tag it has there.
    fn tagged(
        &mut self,
        port: u16,
        src: Mac,
        dst: Mac,
        tag: Option<Tag>,
    ) -> Vec<(u16, Option<u16>)> {
        let mut frame = Frame { body: self.pool.copy(&[7; 50]).into(), ..Frame::default() };
        Header { dst, src, tag, ethertype: 0x88b5 }.emit(&mut frame.head);
        let out = self.bytes(port, &frame.to_vec());
        let seen = out.into_iter().map(|(port, bytes)| {
            let header = Header::parse(&bytes).expect("what leaves has a header");
            assert_eq!((header.dst, header.src, header.ethertype), (dst, src, 0x88b5));
            assert_eq!(bytes[header.encoded_len()..], [7; 50], "what it carries is not touched");
            (port, header.tag.map(|tag| tag.id))
        });
        seen.collect()
    }

    /// Sends a frame without a tag from a station to another; the ports it leaves by.
    fn send(&mut self, port: u16, src: u8, dst: Mac) -> Vec<u16> {
        self.tagged(port, mac(src), dst, None).into_iter().map(|(port, _)| port).collect()
    }

    fn events(&mut self) -> Vec<Stamped<Event>> {
        self.trace.drain().collect()
    }

    /// What happened since the last time, in short.
    fn story(&mut self) -> String {
        let word = |event: Event| match event.cause() {
            Some(cause) => format!("{}:{}", event.name(), cause.key()),
            None => event.name().to_owned(),
        };
        self.events().into_iter().map(|s| word(s.event)).collect::<Vec<_>>().join(" ")
    }

    fn table(&self) -> Vec<(u16, u8, u16)> {
        self.bridge.table(self.now).map(|e| (e.vlan, e.mac.0[5], e.port)).collect()
    }

    fn wait(&mut self, nanos: u64) {
        self.now += Duration::from_nanos(nanos);
    }
}

#[test]
fn a_hub_repeats_what_it_does_not_read() {
    let mut b = Bench::new(Bridge::hub(4));
    assert_eq!(b.send(1, 1, mac(2)), [0, 2, 3]);
    assert_eq!(b.send(2, 2, mac(1)), [0, 1, 3], "it learns nothing");
    assert_eq!(b.bytes(0, &[1, 2, 3]).len(), 3, "not even a frame");
    assert_eq!(b.story(), "repeated:Repeater repeated:Repeater repeated:Repeater");
    assert_eq!(b.bridge.table(b.now).count(), 0);
    let port = b.bridge.counters(1).expect("a port");
    assert_eq!((port.frames_in, port.bytes_in, port.frames_out, port.bytes_out), (1, 64, 2, 67));
}

#[test]
fn each_frame_goes_where_the_standard_says() {
    let group = Mac([0x01, 0, 0x5e, 0, 0, 1]);
    let reserved = |last| Mac([0x01, 0x80, 0xc2, 0, 0, last]);
    // Stations 1 and 2 are behind ports 0 and 1, station 3 behind port 1, too.
    for (port, src, dst, ports, story) in [
        (0, 1, mac(2), &[1][..], "forwarded:Known"),
        (1, 2, mac(1), &[0], "forwarded:Known"),
        (1, 2, mac(3), &[], "filtered:SamePort"),
        (1, 2, mac(2), &[], "filtered:SamePort"),
        (0, 1, mac(9), &[1, 2], "flooded:UnknownUnicast"),
        (1, 3, Mac::BROADCAST, &[0, 2], "flooded:Broadcast"),
        (0, 1, group, &[1, 2], "flooded:Multicast"),
        (0, 1, reserved(0), &[], "filtered:Reserved"),
        (0, 1, reserved(0x0f), &[], "filtered:Reserved"),
        (0, 1, reserved(0x10), &[1, 2], "flooded:Multicast"),
        (2, 4, mac(1), &[0], "learned:Heard forwarded:Known"),
        (2, 1, mac(2), &[1], "moved:HeardElsewhere forwarded:Known"),
    ] {
        let mut b = Bench::switch(3, |_| {});
        b.send(0, 1, Mac::BROADCAST);
        b.send(1, 2, Mac::BROADCAST);
        b.send(1, 3, Mac::BROADCAST);
        b.story();
        assert_eq!(b.send(port, src, dst), ports, "{src} at {port} to {dst}");
        assert_eq!(b.story(), story, "{src} at {port} to {dst}");
    }
}

#[test]
fn alone_in_its_vlan_a_frame_goes_nowhere() {
    let mut b = Bench::switch(2, |config| config.ports[1] = PortVlan::Access(2));
    assert!(b.send(0, 1, Mac::BROADCAST).is_empty());
    assert_eq!(b.story(), "learned:Heard filtered:NoOtherPort");
    assert_eq!(b.bridge.counters(0).map(|port| (port.filtered, port.flooded)), Some((1, 0)));
}

#[test]
fn bad_frames_teach_nothing() {
    let broadcast = Mac::BROADCAST;
    for (src, cut, vlan, why) in [
        (mac(1), 13, None, Some(Why::EthernetTruncated)),
        (mac(1), 14, None, None),
        (mac(1), 17, tag(1), Some(Why::EthernetTruncated)),
        (mac(1), 0, None, Some(Why::EthernetTruncated)),
        (broadcast, 64, None, Some(Why::EthernetSource)),
        (Mac([3, 0, 0, 0, 0, 1]), 64, None, Some(Why::EthernetSource)),
        (Mac::ZERO, 64, None, Some(Why::EthernetSource)),
        (mac(1), 64, tag(1), Some(Why::VlanPort)),
        (mac(1), 64, tag(0), None),
    ] {
        let mut b = Bench::switch(3, |_| {});
        let mut head = crate::base::Head::new();
        Header { dst: broadcast, src, tag: vlan, ethertype: 0x800 }.emit(&mut head);
        let mut bytes = head.to_vec();
        bytes.resize(cut, 0);
        let ports = b.bytes(0, &bytes).len();
        let events: Vec<Event> = b.events().into_iter().map(|s| s.event).collect();
        match why {
            Some(why) => {
                assert_eq!(events, [Event::Dropped { from: 0, why }], "{src} {cut}");
                assert_eq!((ports, b.table()), (0, vec![]));
                assert_eq!(b.bridge.counters(0).map(|port| port.dropped), Some(1));
            }
            None => assert_eq!((ports, b.table().len()), (2, 1), "{src} {cut}"),
        }
    }
}

#[test]
fn vlans_do_not_meet_and_tags_come_and_go() {
    let trunk = |native, allowed: &[u16]| PortVlan::Trunk {
        native,
        allowed: Allowed::Only(allowed.iter().copied().collect()),
    };
    let all = PortVlan::Trunk { native: None, allowed: Allowed::All };
    let ports = [
        PortVlan::Access(10),
        PortVlan::Access(20),
        trunk(Some(10), &[20]),
        trunk(None, &[20]),
        all,
    ];
    let (t10, t20) = (Some(10), Some(20));
    for (port, vlan, leaves) in [
        (0, None, &[(2, None), (4, t10)][..]),
        (0, tag(0), &[(2, None), (4, t10)]),
        (0, tag(10), &[]),
        (1, None, &[(2, t20), (3, t20), (4, t20)]),
        (2, None, &[(0, None), (4, t10)]),
        (2, tag(10), &[(0, None), (4, t10)]),
        (2, tag(20), &[(1, None), (3, t20), (4, t20)]),
        (2, tag(30), &[]),
        (3, None, &[]),
        (3, tag(0), &[]),
        (3, tag(10), &[]),
        (4, tag(10), &[(0, None), (2, None)]),
        (4, tag(4095), &[]),
    ] {
        let mut b = Bench::switch(5, |config| config.ports = ports.to_vec());
        assert_eq!(b.tagged(port, mac(1), mac(9), vlan), leaves, "port {port}, {vlan:?}");
    }
}

#[test]
fn a_tag_keeps_its_priority_and_a_station_its_place_in_each_vlan() {
    let trunk = PortVlan::Trunk { native: None, allowed: Allowed::All };
    let mut b =
        Bench::switch(3, |config| config.ports = vec![trunk.clone(), trunk, PortVlan::Access(5)]);
    let urgent = Some(Tag { priority: 6, eligible: true, id: 5 });
    assert_eq!(b.tagged(0, mac(1), mac(2), urgent), [(1, Some(5)), (2, None)]);
    assert_eq!(b.tagged(1, mac(1), mac(2), tag(6)), [(0, Some(6))], "another VLAN");
    assert_eq!(b.table(), [(5, 1, 0), (6, 1, 1)], "the same station, twice: no move");
    assert_eq!(b.tagged(2, mac(2), mac(1), None), [(0, Some(5))]);

    let mut frame = Frame::default();
    Header { dst: mac(9), src: mac(1), tag: urgent, ethertype: 1 }.emit(&mut frame.head);
    let out = b.bytes(0, &frame.to_vec());
    assert_eq!(Header::parse(&out[0].1).expect("a header").tag, urgent);
}

#[test]
fn silence_is_measured_to_the_nanosecond() {
    let mut b = Bench::switch(3, |_| {});
    b.send(0, 1, Mac::BROADCAST);
    assert_eq!(b.bridge.deadline(), Some(b.now + Duration::from_secs(300)));
    b.wait(300 * SECOND - 1);
    assert_eq!(b.table(), [(1, 1, 0)]);
    b.with(|bridge, cx| bridge.poll(cx));
    b.story();
    assert_eq!(b.send(1, 2, mac(1)), [0], "known to the last nanosecond");
    b.wait(1);
    assert_eq!(b.table(), [(1, 2, 1)], "nobody is listed who is due");
    assert_eq!(b.story(), "learned:Heard forwarded:Known");
    assert_eq!(b.send(1, 2, mac(1)), [0, 2]);
    assert_eq!(b.story(), "aged:Silent flooded:UnknownUnicast");

    b.wait(299 * SECOND);
    b.send(1, 2, Mac::BROADCAST);
    b.wait(SECOND);
    assert_eq!(b.table(), [(1, 2, 1)], "it spoke meanwhile");
    let age = b.bridge.table(b.now).next().map(|entry| entry.age);
    assert_eq!(age, Some(Duration::from_secs(1)));
    b.wait(299 * SECOND);
    b.story();
    b.with(|bridge, cx| bridge.poll(cx));
    assert_eq!((b.story(), b.table(), b.bridge.deadline()), ("aged:Silent".into(), vec![], None));
}

#[test]
fn events_name_the_frames_that_led_to_them() {
    let mut b = Bench::switch(2, |config| config.table_max = 2);
    let origin = |b: &Bench| EventId(b.sent);
    b.send(0, 1, Mac::BROADCAST);
    let first = origin(&b);
    let events = b.events();
    assert_eq!(events[0].causes, [first, EventId::NONE]);
    let learned = events[0].id;
    b.send(1, 2, mac(1));
    let last = b.events().pop().expect("a frame forwarded");
    assert_eq!(last.causes, [origin(&b), learned], "because of the frame, and of what was learned");
    b.send(1, 1, mac(7));
    let moved = b.events();
    assert_eq!(moved[0].event, Event::Moved { mac: mac(1), vlan: 1, from: 0, to: 1 });
    assert_eq!(moved[0].causes, [origin(&b), first], "where it was heard now, and before");
    b.send(0, 3, mac(1));
    let evicted = b.events();
    assert_eq!(evicted[0].event, Event::Evicted { mac: mac(2), vlan: 1, port: 1 });
    assert_eq!(evicted[2].causes[1], moved[0].id);
    let third = origin(&b);
    b.wait(400 * SECOND);
    b.with(|bridge, cx| bridge.poll(cx));
    assert_eq!(b.events().pop().expect("aged").causes, [third, EventId::NONE]);
}

#[test]
fn those_who_speak_stay_when_the_table_is_full() {
    let mut b = Bench::switch(2, |config| config.table_max = 3);
    for n in 1..=3 {
        b.send(0, n, Mac::BROADCAST);
    }
    assert!(!b.story().contains("evicted"), "it is full, not too full");
    b.send(0, 1, Mac::BROADCAST);
    b.send(1, 4, mac(1));
    assert_eq!(b.table(), [(1, 1, 0), (1, 3, 0), (1, 4, 1)]);
    let mut none = Bench::switch(2, |config| config.table_max = 0);
    assert_eq!(none.send(0, 1, Mac::BROADCAST), [1]);
    assert_eq!((none.table(), none.story()), (vec![], "flooded:Broadcast".into()));
}

#[test]
fn what_is_set_by_hand_stays() {
    let mut b = Bench::switch(3, |config| {
        config.table_max = 2;
        config.ports[2] = PortVlan::Access(2);
    });
    let set = |b: &mut Bench, mac, port| b.with(|bridge, cx| bridge.set(cx, 1, mac, port));
    b.send(1, 1, Mac::BROADCAST);
    assert!(set(&mut b, mac(1), 0), "a known one, too");
    assert!(!set(&mut b, mac(2), 2), "that port is not in the VLAN");
    assert!(!set(&mut b, mac(2), 3), "no such port");
    assert!(!set(&mut b, Mac::BROADCAST, 0), "no station");
    b.story();
    assert_eq!(b.send(1, 1, mac(1)), [0], "it is heard elsewhere, and stays");
    assert_eq!(b.story(), "forwarded:Known");
    b.wait(1_000 * SECOND);
    assert_eq!(b.table(), [(1, 1, 0)]);
    assert!(set(&mut b, mac(2), 1));
    assert!(!set(&mut b, mac(3), 1), "no room");
    b.story();
    assert!(b.send(1, 3, mac(2)).is_empty(), "a full table of such ones learns nothing");
    assert_eq!(b.story(), "filtered:SamePort");
    assert!(b.bridge.table(b.now).all(|entry| entry.is_static));
    let mut hub = Bench::new(Bridge::hub(2));
    assert!(!set(&mut hub, mac(1), 0));
}

/// A list of stations, searched from end to end: (VLAN, address, port, when heard).
#[derive(Default)]
struct Naive(Vec<(u16, Mac, u16, u64)>);

impl Naive {
    fn input(&mut self, now: u64, vlan: u16, src: Mac, dst: Mac, port: u16) -> Option<u16> {
        self.0.retain(|(.., heard)| now - heard < 100);
        self.0.retain(|(v, m, ..)| (*v, *m) != (vlan, src));
        if self.0.len() == 5 {
            self.0.remove(0);
        }
        self.0.push((vlan, src, port, now));
        self.0.iter().find(|(v, m, ..)| (*v, *m) == (vlan, dst)).map(|(_, _, port, _)| *port)
    }
}

proptest! {
    #[test]
    fn the_table_is_as_a_naive_one(
        steps in proptest::collection::vec((0u16..4, 1u8..8, 1u8..9, 0u64..40), 1..200),
    ) {
        let mut naive = Naive::default();
        let mut b = Bench::switch(4, |config| {
            (config.table_max, config.ageing) = (5, Duration::from_nanos(100));
            config.ports[3] = PortVlan::Access(9);
            config.ports[2] = PortVlan::Trunk { native: Some(1), allowed: Allowed::All };
        });
        for (port, src, dst, wait) in steps {
            b.wait(wait);
            let vlan = if port == 3 { 9 } else { 1 };
            let known = naive.input(b.now.as_nanos(), vlan, mac(src), mac(dst), port);
            let others = (0..4).filter(|p| *p != port && (*p == 3) == (vlan == 9));
            let expected: Vec<u16> = match known {
                Some(to) if to == port => vec![],
                Some(to) => vec![to],
                None if vlan == 9 => vec![2],
                None => others.collect(),
            };
            prop_assert_eq!(b.send(port, src, mac(dst)), expected);
            let mut listed: Vec<_> = naive.0.iter().map(|(v, m, p, _)| (*v, m.0[5], *p)).collect();
            listed.sort_unstable();
            prop_assert_eq!(b.table(), listed);
            let table = &b.bridge.switch.as_ref().expect("a switch").table;
            prop_assert_eq!(table.oldest().map(|s| s.mac), naive.0.first().map(|s| s.1));
        }
    }

    #[test]
    fn whatever_comes_in_goes_out_or_is_counted(
        frames in proptest::collection::vec(
            (0u16..3, proptest::collection::vec(any::<u8>(), 0..40)), 1..50),
    ) {
        let mut b = Bench::switch(3, |config| {
            config.ports[1] = PortVlan::Trunk { native: None, allowed: Allowed::All };
        });
        for (port, bytes) in &frames {
            let out = b.bytes(*port, bytes);
            prop_assert!(out.iter().all(|(to, _)| to != port), "nothing goes back");
        }
        let counters: Vec<Counters> = (0..3).filter_map(|port| b.bridge.counters(port)).collect();
        let sum = |f: fn(&Counters) -> u64| counters.iter().map(f).sum::<u64>();
        prop_assert_eq!(sum(|port| port.frames_in), frames.len() as u64);
        let told = b.events();
        let fates = told.iter().filter(|s| matches!(s.event,
            Event::Forwarded { .. } | Event::Flooded { .. } | Event::Filtered { .. }
            | Event::Dropped { .. }));
        prop_assert_eq!(fates.count(), frames.len(), "each has one fate");
    }
}
