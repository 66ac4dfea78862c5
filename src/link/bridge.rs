//! Hubs and switches: which ports a frame leaves by, and why.
//!
//! A hub is a repeater (IEEE 802.3 §9): it looks at nothing, and what comes in by one port leaves
//! by all others. A switch is a bridge (IEEE 802.1Q §8): it learns from source addresses behind
//! which port a station is, sends frames there and nowhere else, and floods what it cannot place
//! within the VLAN. It speaks no spanning tree: a loop of switches multiplies frames without end,
//! and whoever runs them needs a bound.
//!
//! A full table makes room by forgetting the station that was silent longest. Switches that learn
//! nothing more when they are full exist, too; to an attacker who forges addresses both are a hub,
//! but with ours those who speak stay known, and each loss is an event.
//!
//! Collisions, half duplex and the time a frame spends inside are not modelled.

pub mod event;
mod table;

pub use event::{Cause, Event};

use crate::base::time::nanos;
use crate::base::{Duration, EventId, Frame, Instant, Mac, Why};
use crate::wire::ethernet::{Header, Tag};
use std::collections::BTreeSet;
use table::{Station, Table};

/// What the world lends a bridge for one call.
pub type Cx<'a> = crate::base::Cx<'a, Event>;

/// The VLAN that ports are in unless told otherwise (IEEE 802.1Q §9.6, table 9-2).
pub const DEFAULT_VLAN: u16 = 1;

/// What may number a VLAN: 0 and 4095 are reserved (IEEE 802.1Q §9.6, table 9-2).
pub const VLANS: std::ops::RangeInclusive<u16> = 1..=4094;

/// Which VLANs a trunk carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Allowed {
    /// All there can be: 1 to 4094.
    All,
    /// These.
    Only(BTreeSet<u16>),
}

impl Allowed {
    fn has(&self, vlan: u16) -> bool {
        match self {
            Allowed::All => VLANS.contains(&vlan),
            Allowed::Only(vlans) => vlans.contains(&vlan),
        }
    }
}

/// How a port of a switch knows the VLAN of a frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PortVlan {
    /// All frames are in this one and carry no tag.
    Access(u16),
    /// Frames carry a tag, but for those of the native VLAN.
    Trunk {
        /// The VLAN of frames without a tag, which it carries in any case; `None`: there are none.
        native: Option<u16>,
        /// The VLANs it carries besides.
        allowed: Allowed,
    },
}

impl PortVlan {
    /// Whether frames of a VLAN may leave by the port.
    pub fn carries(&self, vlan: u16) -> bool {
        match self {
            PortVlan::Access(id) => *id == vlan,
            PortVlan::Trunk { native, allowed } => *native == Some(vlan) || allowed.has(vlan),
        }
    }

    /// The VLAN of frames that come without a tag.
    fn untagged(&self) -> Option<u16> {
        match self {
            PortVlan::Access(id) => Some(*id),
            PortVlan::Trunk { native, .. } => *native,
        }
    }

    /// The VLAN of a frame that comes in (IEEE 802.1Q §6.9.1, §8.6.2). A tag of VLAN 0 tells the
    /// priority only.
    fn ingress(&self, tag: Option<Tag>) -> Option<u16> {
        match (self, tag.map_or(0, |tag| tag.id)) {
            (_, 0) => self.untagged(),
            (PortVlan::Access(_), _) => None,
            (PortVlan::Trunk { .. }, id) => self.carries(id).then_some(id),
        }
    }
}

/// What a switch can be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// The VLANs of each port.
    pub ports: Vec<PortVlan>,
    /// How long a silent station is remembered; 300 s (IEEE 802.1Q §8.8.3, table 8-6).
    pub ageing: Duration,
    /// How many stations are remembered; 8192, as a common switch does. With 0 none is.
    pub table_max: usize,
}

impl Config {
    /// A switch with so many ports, all in one VLAN.
    pub fn new(ports: u16) -> Config {
        Config {
            ports: vec![PortVlan::Access(DEFAULT_VLAN); ports.into()],
            ageing: Duration::from_secs(300),
            table_max: 8192,
        }
    }
}

/// What went through a port.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Frames that came in.
    pub frames_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Frames that left.
    pub frames_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Frames that came in and left by all others of the VLAN.
    pub flooded: u64,
    /// Good frames that came in and went nowhere.
    pub filtered: u64,
    /// Frames that came in and could not be taken.
    pub dropped: u64,
}

/// A station, as `bridge fdb show` and `show mac address-table` list it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its address.
    pub mac: Mac,
    /// Its VLAN.
    pub vlan: u16,
    /// The port it is behind.
    pub port: u16,
    /// How long ago it was heard.
    pub age: Duration,
    /// Whether it was set by hand, and stays.
    pub is_static: bool,
}

#[derive(Debug)]
struct Switch {
    ports: Vec<PortVlan>,
    ageing: Duration,
    table_max: usize,
    table: Table,
}

/// A hub or a switch.
#[derive(Debug)]
pub struct Bridge {
    counters: Vec<Counters>,
    /// `None`: a hub.
    switch: Option<Switch>,
}

impl Bridge {
    /// A hub with so many ports.
    pub fn hub(ports: u16) -> Bridge {
        Bridge { counters: vec![Counters::default(); ports.into()], switch: None }
    }

    /// A switch.
    pub fn switch(config: Config) -> Bridge {
        let Config { ports, ageing, table_max } = config;
        let counters = vec![Counters::default(); ports.len()];
        Bridge { counters, switch: Some(Switch { ports, ageing, table_max, table: Table::new() }) }
    }

    /// What went through a port; `None` when there is no such port.
    pub fn counters(&self, port: u16) -> Option<Counters> {
        self.counters.get(usize::from(port)).copied()
    }

    /// How many ports it has.
    pub fn ports(&self) -> u16 {
        self.counters.len() as u16
    }

    /// A frame comes in by a port: adds to `out` by which ports it leaves, and how it looks there.
    /// The frame's origin becomes the cause of what is told, and stays with the frame.
    ///
    /// # Panics
    /// When there is no such port.
    pub fn input(&mut self, cx: &mut Cx<'_>, port: u16, frame: Frame, out: &mut Vec<(u16, Frame)>) {
        let came = out.len();
        let counters = &mut self.counters[usize::from(port)];
        counters.frames_in += 1;
        counters.bytes_in += frame.len() as u64;
        cx.cause = frame.origin;
        match &mut self.switch {
            None => repeat(cx, port, frame, self.counters.len() as u16, out),
            Some(switch) => match switch.input(cx, port, frame, out) {
                Ok(Fate::Forwarded) => {}
                Ok(Fate::Flooded) => counters.flooded += 1,
                Ok(Fate::Filtered) => counters.filtered += 1,
                Err(why) => {
                    counters.dropped += 1;
                    cx.note(|| Event::Dropped { from: port, why });
                }
            },
        }
        for (port, frame) in &out[came..] {
            let counters = &mut self.counters[usize::from(*port)];
            counters.frames_out += 1;
            counters.bytes_out += frame.len() as u64;
        }
    }

    /// When the next station is forgotten, if it stays silent.
    pub fn deadline(&self) -> Option<Instant> {
        let switch = self.switch.as_ref()?;
        switch.table.oldest().map(|station| station.heard + switch.ageing)
    }

    /// Forgets the stations that were silent for the ageing time. Nobody needs to call this in
    /// time: whatever looks at the table sees none of them.
    pub fn poll(&mut self, cx: &mut Cx<'_>) {
        if let Some(switch) = &mut self.switch {
            switch.age(cx);
        }
    }

    /// The stations that are known, by VLAN and address.
    pub fn table(&self, now: Instant) -> impl Iterator<Item = Entry> {
        self.switch.iter().flat_map(move |switch| {
            switch.table.iter().filter_map(move |station| switch.entry(station, now))
        })
    }

    /// Says by hand where a station is, for good. A switch that is full of such ones, a port that
    /// is not in the VLAN and a hub take nothing; the result says so.
    pub fn set(&mut self, cx: &mut Cx<'_>, vlan: u16, mac: Mac, port: u16) -> bool {
        let Some(switch) = &mut self.switch else { return false };
        let carries = switch.ports.get(usize::from(port)).is_some_and(|port| port.carries(vlan));
        if !carries || !mac.is_unicast() {
            return false;
        }
        switch.set(cx, vlan, mac, port)
    }
}

/// What became of a frame that was good.
enum Fate {
    Forwarded,
    Flooded,
    Filtered,
}

/// What a hub does.
fn repeat(cx: &mut Cx<'_>, from: u16, frame: Frame, ports: u16, out: &mut Vec<(u16, Frame)>) {
    cx.note(|| Event::Repeated { from, ports: ports - 1 });
    let others = (0..ports).filter(|port| *port != from);
    out.extend(others.map(|port| (port, frame.clone())));
}

/// Whether a frame to `dst` is for the bridge itself or its neighbour (IEEE 802.1Q §8.6.3).
fn is_reserved(dst: Mac) -> bool {
    let [prefix @ .., last] = dst.0;
    prefix == [0x01, 0x80, 0xc2, 0, 0] && last < 0x10
}

/// Gives a frame the tag it needs on a port; leaves it alone when it is right.
fn retag(frame: &mut Frame, header: &Header, vlan: u16, port: &PortVlan) {
    let tagged = port.untagged() != Some(vlan);
    let priority = header.tag.unwrap_or_default();
    let tag = tagged.then_some(Tag { id: vlan, ..priority });
    if tag != header.tag {
        frame.advance(header.encoded_len());
        Header { tag, ..*header }.emit(&mut frame.head);
    }
}

impl Switch {
    /// The forwarding process (IEEE 802.1Q §8.6) and the learning process (§8.7).
    fn input(
        &mut self,
        cx: &mut Cx<'_>,
        from: u16,
        mut frame: Frame,
        out: &mut Vec<(u16, Frame)>,
    ) -> Result<Fate, Why> {
        self.age(cx);
        let header = Header::parse(frame.front())?;
        let vlan = self.ports[usize::from(from)].ingress(header.tag).ok_or(Why::VlanPort)?;
        if !header.src.is_unicast() {
            return Err(Why::EthernetSource);
        }
        let dst = header.dst;
        self.learn(cx, vlan, header.src, from);
        if is_reserved(dst) {
            cx.note(|| Event::Filtered { dst, vlan, from, cause: Cause::Reserved });
            return Ok(Fate::Filtered);
        }
        let cause = match self.table.get(vlan, dst) {
            Some(station) if station.port == from => {
                let event = || Event::Filtered { dst, vlan, from, cause: Cause::SamePort };
                cx.note_caused(station.told, event);
                return Ok(Fate::Filtered);
            }
            Some(station) => {
                let port = station.port;
                cx.note_caused(station.told, || Event::Forwarded { dst, vlan, from, port });
                retag(&mut frame, &header, vlan, &self.ports[usize::from(port)]);
                out.push((port, frame));
                return Ok(Fate::Forwarded);
            }
            None if dst == Mac::BROADCAST => Cause::Broadcast,
            None if dst.is_multicast() => Cause::Multicast,
            None => Cause::UnknownUnicast,
        };
        let came = out.len();
        for (port, vlans) in (0..).zip(&self.ports) {
            if port != from && vlans.carries(vlan) {
                let mut copy = frame.clone();
                retag(&mut copy, &header, vlan, vlans);
                out.push((port, copy));
            }
        }
        let ports = (out.len() - came) as u16;
        if ports == 0 {
            cx.note(|| Event::Filtered { dst, vlan, from, cause: Cause::NoOtherPort });
            return Ok(Fate::Filtered);
        }
        cx.note(|| Event::Flooded { dst, vlan, from, ports, cause });
        Ok(Fate::Flooded)
    }

    /// A frame from `mac` came in by `port`.
    fn learn(&mut self, cx: &mut Cx<'_>, vlan: u16, mac: Mac, port: u16) {
        let by = cx.cause;
        match self.table.get(vlan, mac).copied() {
            Some(station) if station.is_static => {}
            Some(station) => {
                self.table.hear(vlan, mac, port, cx.now, by);
                if station.port != port {
                    let event = || Event::Moved { mac, vlan, from: station.port, to: port };
                    let id = cx.note_caused(station.by, event);
                    self.table.told(vlan, mac, id);
                }
            }
            None if self.make_room(cx) => {
                self.table.add(vlan, mac, port, cx.now, by);
                let id = cx.note(|| Event::Learned { mac, vlan, port, cause: Cause::Heard });
                self.table.told(vlan, mac, id);
            }
            None => {}
        }
    }

    fn set(&mut self, cx: &mut Cx<'_>, vlan: u16, mac: Mac, port: u16) -> bool {
        if self.table.get(vlan, mac).is_none() && !self.make_room(cx) {
            return false;
        }
        self.table.remove(vlan, mac);
        self.table.add(vlan, mac, port, cx.now, cx.cause);
        self.table.pin(vlan, mac);
        let id = cx.note(|| Event::Learned { mac, vlan, port, cause: Cause::ByHand });
        self.table.told(vlan, mac, id);
        true
    }

    /// Whether there is room for one more, after forgetting another.
    fn make_room(&mut self, cx: &mut Cx<'_>) -> bool {
        if self.table.len() < self.table_max {
            return true;
        }
        let Some(Station { mac, vlan, port, by, .. }) = self.table.oldest().copied() else {
            return false;
        };
        self.table.remove(vlan, mac);
        cx.note_caused(by, || Event::Evicted { mac, vlan, port });
        true
    }

    /// Forgets those that were silent too long. What led to it is the frame heard last.
    fn age(&mut self, cx: &mut Cx<'_>) {
        while let Some(station) = self.table.oldest().copied() {
            if station.heard + self.ageing > cx.now {
                break;
            }
            let Station { mac, vlan, port, by, .. } = station;
            self.table.remove(vlan, mac);
            cx.trace.note([by, EventId::NONE], || Event::Aged { mac, vlan, port });
        }
    }

    /// A station to look at, unless it was silent too long.
    fn entry(&self, station: &Station, now: Instant) -> Option<Entry> {
        let Station { mac, vlan, port, heard, is_static, .. } = *station;
        let age = now.since(heard);
        let known = is_static || nanos(age) < nanos(self.ageing);
        known.then_some(Entry { mac, vlan, port, age, is_static })
    }
}

#[cfg(test)]
mod tests;
