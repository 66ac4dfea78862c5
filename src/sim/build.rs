//! How a network is put together.

use super::{
    Body, Bounds, BridgeNode, Counts, Executor, HostNode, Joined, Lane, Moment, Net, Node, Queue,
    TraceHash, Traffic,
};
use crate::base::rng::Purpose;
use crate::base::{Chance, EventId, Instant, Medium, Pool, Trace};
use crate::impair::{Impairment, Impairments, Link, ParseError};
use crate::link::bridge::{self, Bridge};
use crate::net::Host;
use crate::observe::log::{Detail, Kind, Log, Place, PlaceId};
use crate::stack::{LinkSetup, Setup};
use std::fmt;
use std::sync::{Arc, PoisonError};

/// A node of a network.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub(super) u16);

impl NodeId {
    pub(super) fn at(self) -> usize {
        usize::from(self.0)
    }

    /// Its place in the log.
    pub fn place(self) -> PlaceId {
        PlaceId(self.0)
    }
}

/// A port of a node: a host's interface, or what a hub or switch has, from 0.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Port(pub NodeId, pub u16);

/// A wire of a network.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WireId(pub(super) u16);

impl WireId {
    pub(super) fn at(self) -> usize {
        usize::from(self.0)
    }
}

/// What a wire does to packets: from its first end to the second, and back; and which it takes.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Wire {
    /// By direction.
    pub ways: [Impairment; 2],
    /// The longest packet it carries, bytes without the link's header; `None`: any. What is longer
    /// is dropped, and told.
    pub mtu: Option<u16>,
}

impl Wire {
    /// A wire in netem's words ([`Impairments`]); `out` is from its first end to the second;
    /// no words are a wire that takes no time.
    ///
    /// # Errors
    /// When the words cannot be read.
    pub fn from_words(words: &str) -> Result<Wire, ParseError> {
        if words.trim().is_empty() {
            return Ok(Wire::default());
        }
        let Impairments { inbound, outbound } = words.parse()?;
        Ok(Wire { ways: [outbound, inbound], mtu: None })
    }
}

/// Why a wire cannot be put there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JoinError {
    /// The node has no such port.
    NoPort(Port),
    /// The port has a wire.
    Taken(Port),
    /// One end speaks Ethernet, the other does not.
    Media,
    /// There are as many nodes and wires as there can be.
    Full,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::NoPort(Port(node, port)) => {
                write!(f, "node {} has no port {port}", node.0)
            }
            JoinError::Taken(Port(node, port)) => {
                write!(f, "port {port} of node {} has a wire already", node.0)
            }
            JoinError::Media => f.write_str("one end speaks Ethernet and the other does not"),
            JoinError::Full => f.write_str("there are too many nodes and wires"),
        }
    }
}

impl std::error::Error for JoinError {}

impl Net {
    /// An empty network. All chance in it follows from `seed`.
    pub fn new(seed: u64) -> Net {
        Net {
            seed,
            executor: Executor::new(),
            queue: Queue::new(),
            nodes: Vec::new(),
            wires: Vec::new(),
            called: Default::default(),
            log: None,
            taps: Vec::new(),
            hash: TraceHash::new(),
            bounds: Bounds::default(),
            counts: Counts::default(),
            moment: Moment::default(),
            under_way: 0,
            overfull: None,
            leaving: Vec::new(),
            records: Vec::new(),
            pool: Pool::new(),
        }
    }

    /// The chance of one thing of the run: it depends on the seed and the name.
    fn chance(&self, name: &str) -> Chance {
        let run = Chance::from_seed(self.seed);
        let half = |n: u8| run.draw_bytes(Purpose::Scenario, &[name.as_bytes(), &[n]].concat());
        Chance::from_key([half(0), half(1)])
    }

    /// Adds a host; its key in `setup` is replaced by one that follows from the run's seed and its
    /// name. Its ports are its interfaces, VLANs excepted.
    ///
    /// # Panics
    /// When there are 65 535 nodes already.
    pub fn host(&mut self, name: &str, mut setup: Setup) -> NodeId {
        let id = NodeId(u16::try_from(self.nodes.len()).expect("fewer nodes than that"));
        let chance = self.chance(name);
        setup.key = [0, 1].map(|n| chance.draw(Purpose::Scenario, 0, n));
        setup.host = id.0;
        let kind = if setup.forwarding { Kind::Router } else { Kind::Host };
        let media = setup.ifaces.iter().map(|iface| match iface.link {
            LinkSetup::Ip => Medium::Ip,
            LinkSetup::Ethernet(_) => Medium::Ethernet,
        });
        let media: Vec<_> = media.collect();
        let clock = Arc::clone(self.executor.time()) as _;
        let host = Host::with_parts(setup, clock, self.pool.clone());
        let called = Arc::clone(&self.called);
        host.driven(Arc::new(move || {
            let mut called = called.lock().unwrap_or_else(PoisonError::into_inner);
            // Of calls that follow each other, one turn sees all.
            if called.last() != Some(&id) {
                called.push(id);
            }
        }));
        self.called.lock().unwrap_or_else(PoisonError::into_inner).push(id);
        let body = Body::Host(HostNode { host, armed: Instant::MAX });
        let (name, ports) = (name.to_owned(), vec![None; media.len()]);
        self.nodes.push(Node { name, kind, ports, media, moment: Moment::default(), body });
        id
    }

    /// Adds a hub with so many ports.
    ///
    /// # Panics
    /// As [`Net::host`].
    pub fn hub(&mut self, name: &str, ports: u16) -> NodeId {
        self.add_bridge(name, Kind::Hub, Bridge::hub(ports))
    }

    /// Adds a switch.
    ///
    /// # Panics
    /// As [`Net::host`].
    pub fn switch(&mut self, name: &str, config: bridge::Config) -> NodeId {
        self.add_bridge(name, Kind::Switch, Bridge::switch(config))
    }

    /// Adds a place where the network leads out: what arrives there is had by [`Net::take`], and
    /// what [`Net::inject`] is given leaves by its one port.
    ///
    /// # Panics
    /// As [`Net::host`].
    pub fn outside(&mut self, name: &str, medium: Medium) -> NodeId {
        let id = NodeId(u16::try_from(self.nodes.len()).expect("fewer nodes than that"));
        let (kind, body) = (Kind::Outside, Body::Outside(Default::default()));
        let (name, ports) = (name.to_owned(), vec![None]);
        let (media, moment) = (vec![medium], Moment::default());
        self.nodes.push(Node { name, kind, ports, media, moment, body });
        id
    }

    fn add_bridge(&mut self, name: &str, kind: Kind, bridge: Bridge) -> NodeId {
        let id = NodeId(u16::try_from(self.nodes.len()).expect("fewer nodes than that"));
        let ports = usize::from(bridge.ports());
        let (media, ports) = (vec![Medium::Ethernet; ports], vec![None; ports]);
        let trace = Trace::new(false);
        let body = Body::Bridge(BridgeNode { bridge, trace, armed: Instant::MAX });
        let (name, moment) = (name.to_owned(), Moment::default());
        self.nodes.push(Node { name, kind, ports, media, moment, body });
        id
    }

    /// Joins two ports by a wire, whose luck follows from its name.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub fn join(&mut self, name: &str, a: Port, b: Port, wire: Wire) -> Result<WireId, JoinError> {
        for port @ Port(node, n) in [a, b] {
            let node = self.nodes.get(node.at()).ok_or(JoinError::NoPort(port))?;
            let place = node.ports.get(usize::from(n)).ok_or(JoinError::NoPort(port))?;
            if place.is_some() {
                return Err(JoinError::Taken(port));
            }
        }
        if a == b {
            return Err(JoinError::Taken(a));
        }
        let medium = self.medium(a);
        if self.medium(b) != medium {
            return Err(JoinError::Media);
        }
        let id = WireId(u16::try_from(self.wires.len()).map_err(|_| JoinError::Full)?);
        let (chance, pool) = (self.chance(name), &self.pool);
        let lane = |way: u8| Lane {
            link: {
                let rules = wire.ways[usize::from(way)].clone();
                let mut link = Link::new(rules, chance, way.into(), pool.clone());
                link.set_medium(medium);
                wire.mtu.into_iter().for_each(|mtu| link.set_mtu(mtu));
                link
            },
            armed: Instant::MAX,
            traffic: Traffic::default(),
        };
        let lanes = [lane(0), lane(1)];
        for (end, Port(node, n)) in [a, b].into_iter().enumerate() {
            self.nodes[node.at()].ports[usize::from(n)] = Some((id, end as u8));
        }
        let (name, moment) = (name.to_owned(), Moment::default());
        self.wires.push(Joined { name, ends: [a, b], lanes, moment });
        Ok(id)
    }

    /// Keeps a log from now on: to be called when the network is built, before it runs.
    pub fn keep_log(&mut self) {
        self.keep_log_of(Detail::All);
    }

    /// Keeps a log of so much from now on, like [`Net::keep_log`].
    pub fn keep_log_of(&mut self, detail: Detail) {
        let nodes = self.nodes.iter_mut().map(|node| {
            match &mut node.body {
                Body::Host(host) => {
                    host.host.followed();
                    host.host.with(|stack, _| stack.listen_to_events(true));
                }
                Body::Bridge(bridge) => bridge.trace.listen(true),
                Body::Outside(_) => {}
            }
            Place { name: node.name.clone(), kind: node.kind, ends: None }
        });
        let wires = self.wires.iter_mut().map(|wire| {
            wire.lanes.iter_mut().for_each(|lane| lane.link.listen(true));
            let ends = Some(wire.ends.map(|Port(node, _)| node.place()));
            Place { name: wire.name.clone(), kind: Kind::Wire, ends }
        });
        self.log = Some(Log::new(nodes.chain(wires).collect()).with(detail));
    }

    /// The frame that the event `origin` sent is lost on the first wire it comes to, whatever luck
    /// says; the luck of all others stays. (The log knows a frame's origin: [`Log::origin`].)
    pub fn doom(&mut self, origin: EventId) {
        self.lanes().for_each(|lane| lane.link.doom(origin));
    }

    /// Nothing happens to the frame that the event `origin` sent: no luck, no fault, no full queue.
    pub fn spare(&mut self, origin: EventId) {
        self.lanes().for_each(|lane| lane.link.spare(origin));
    }

    fn lanes(&mut self) -> impl Iterator<Item = &mut Lane> {
        self.wires.iter_mut().flat_map(|wire| wire.lanes.iter_mut())
    }

    /// A wire's place in the log.
    pub fn wire_place(&self, WireId(wire): WireId) -> PlaceId {
        PlaceId(self.nodes.len() as u16 + wire)
    }
}
