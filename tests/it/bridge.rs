//! Hubs and switches as whoever builds a network uses them: two switches with a trunk between them
//! and a hub behind one. Frames travel until nobody forwards them any more.

use crate::support::seen;
use netglass::base::why::Drops;
use netglass::base::{Chance, Duration, EventId, Frame, Head, Instant, Mac, Pool, Trace};
use netglass::link::bridge::{Allowed, Bridge, Config, Cx, Event, PortVlan};
use netglass::wire::ethernet::{Header, Tag};
use std::collections::{BTreeSet, VecDeque};

seen::scenarios![
    stations_are_found_over_a_trunk,
    a_loop_multiplies_without_end,
    what_a_switch_will_not_carry,
];

pub(crate) fn mac(n: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, n])
}

/// Where a port leads: to a bridge's port, or to a station.
#[derive(Copy, Clone)]
pub(crate) enum End {
    Port(usize, u16),
    Station(u8),
}

/// Bridges, and wires between them that take no time.
pub(crate) struct Net {
    pub(crate) now: Instant,
    bridges: Vec<Bridge>,
    wires: Vec<Vec<End>>,
    trace: Trace<Event>,
    pool: Pool,
    drops: Drops,
    causes: BTreeSet<&'static str>,
}

impl Net {
    pub(crate) fn new(bridges: Vec<Bridge>, wires: Vec<Vec<End>>) -> Net {
        let now = Instant::from_millis(1_000);
        let (trace, pool) = (Trace::new(true), Pool::new());
        Net { now, bridges, wires, trace, pool, drops: Drops::new(), causes: BTreeSet::new() }
    }

    fn take(&mut self) {
        for event in self.trace.drain().map(|stamped| stamped.event) {
            match event {
                Event::Dropped { why, .. } => self.drops.count(why),
                _ => self.causes.extend(event.cause().map(|cause| cause.key())),
            }
        }
    }

    /// Sends a frame into a port; which stations get it, in order, and how many hops it took; a
    /// storm is cut after so many hops.
    pub(crate) fn send(
        &mut self,
        at: (usize, u16),
        src: Mac,
        dst: Mac,
        tag: Option<Tag>,
    ) -> (Vec<u8>, u32) {
        let mut head = Head::new();
        Header { dst, src, tag, ethertype: 0x88b5 }.emit(&mut head);
        let mut travelling = VecDeque::from([(at, Frame { head, ..Frame::default() })]);
        let (mut got, mut hops, mut out) = (Vec::new(), 0, Vec::new());
        while let Some(((bridge, port), frame)) = travelling.pop_front() {
            hops += 1;
            if hops == 1_000 {
                break;
            }
            let chance = &Chance::from_seed(1);
            let Net { now, bridges, trace, pool, .. } = self;
            let mut cx = Cx { now: *now, chance, pool, trace, cause: EventId::NONE };
            bridges[bridge].input(&mut cx, port, frame, &mut out);
            for (port, frame) in out.drain(..) {
                match self.wires[bridge][usize::from(port)] {
                    End::Port(bridge, port) => travelling.push_back(((bridge, port), frame)),
                    End::Station(n) => got.push(n),
                }
            }
            self.take();
        }
        (got, hops)
    }

    pub(crate) fn by_hand(&mut self, bridge: usize, station: Mac, port: u16) -> bool {
        let chance = &Chance::from_seed(1);
        let Net { now, bridges, trace, pool, .. } = self;
        let mut cx = Cx { now: *now, chance, pool, trace, cause: EventId::NONE };
        bridges[bridge].set(&mut cx, 1, station, port)
    }

    /// What happened so far is not what the test is about.
    pub(crate) fn forget(&mut self) {
        self.take();
        self.causes.clear();
        self.drops = Drops::new();
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.take();
        seen::add_bridge(&self.causes, &self.drops);
    }
}

fn stations_are_found_over_a_trunk() {
    let trunk = PortVlan::Trunk { native: None, allowed: Allowed::All };
    let ports = vec![PortVlan::Access(1), PortVlan::Access(2), trunk];
    let config = Config { ports, table_max: 3, ..Config::new(0) };
    let switch = || Bridge::switch(config.clone());
    let station = End::Station;
    let mut net = Net::new(
        vec![switch(), switch(), Bridge::hub(3)],
        vec![
            vec![station(1), station(2), End::Port(1, 2)],
            vec![End::Port(2, 0), station(4), End::Port(0, 2)],
            vec![End::Port(1, 0), station(3), station(5)],
        ],
    );
    let everybody = Mac::BROADCAST;
    assert_eq!(net.send((0, 0), mac(1), everybody, None).0, [3, 5], "VLAN 1, behind the hub");
    assert_eq!(net.send((1, 1), mac(4), everybody, None).0, [2], "VLAN 2");
    assert_eq!(net.send((2, 1), mac(3), mac(1), None).0, [5, 1], "the hub's other port, and 1");
    assert_eq!(net.send((0, 0), mac(1), mac(3), None).0, [3, 5]);
    assert_eq!(net.send((2, 2), mac(5), mac(3), None), (vec![3], 2), "the switch keeps it there");
    assert_eq!(net.send((2, 2), mac(1), everybody, None).0, [3, 1], "1 has moved");
    net.now += Duration::from_secs(300);
    assert_eq!(net.send((0, 0), mac(1), mac(3), None).0, [3, 5], "nobody knows 3 any more");
}

/// Two switches with two wires between them: a broadcast comes back to both for ever.
fn a_loop_multiplies_without_end() {
    let switch = || Bridge::switch(Config::new(3));
    let ends = |other, n| vec![End::Station(n), End::Port(other, 1), End::Port(other, 2)];
    let mut net = Net::new(vec![switch(), switch()], vec![ends(1, 1), ends(0, 2)]);
    let (got, hops) = net.send((0, 0), mac(1), Mac::BROADCAST, None);
    assert_eq!(hops, 1_000, "it is cut, not over");
    assert!(got.iter().filter(|n| **n == 1).count() > 100, "the sender hears itself");
    assert!(net.causes.contains("HeardElsewhere"), "stations seem to move");
    let mut single = Net::new(vec![switch()], vec![vec![End::Station(1); 3]]);
    assert_eq!(single.send((0, 0), mac(1), Mac::BROADCAST, None).1, 1, "without a loop: one hop");
}

fn what_a_switch_will_not_carry() {
    let ends = (0..4).map(End::Station).collect();
    let mut config = Config { table_max: 2, ..Config::new(4) };
    config.ports[3] = PortVlan::Access(7);
    let mut net = Net::new(vec![Bridge::switch(config)], vec![ends]);
    let (reserved, group) = (Mac([1, 0x80, 0xc2, 0, 0, 0]), Mac([1, 0, 0x5e, 0, 0, 1]));
    assert!(net.send((0, 0), mac(1), reserved, None).0.is_empty());
    assert_eq!(net.send((0, 0), mac(1), group, None).0, [1, 2]);
    assert!(net.send((0, 3), mac(4), group, None).0.is_empty(), "alone in its VLAN");
    assert!(net.send((0, 0), group, mac(1), None).0.is_empty(), "no station");
    let tag = Some(Tag { id: 7, ..Tag::default() });
    assert!(net.send((0, 0), mac(1), group, tag).0.is_empty(), "no tag is taken there");
    assert!(net.by_hand(0, mac(8), 2));
    assert_eq!(net.send((0, 0), mac(9), mac(8), None).0, [2], "and one makes room");
    let told = |key| net.causes.contains(key);
    assert!(["Reserved", "NoOtherPort", "TableFull", "ByHand"].into_iter().all(told));
    assert_eq!(net.drops.total(), 2);
}
