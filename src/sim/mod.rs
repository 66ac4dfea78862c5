//! Row 6: a network in a box. Hosts, hubs, switches and wires in one process, in virtual time:
//! deterministic to the bit, and as fast as the machine can compute.
//!
//! A [`Net`] is built, and then runs: one queue holds everything that is due, ordered by time and
//! then by the order in which it was put there. Hosts are the same [`crate::net::Host`]s that run
//! live, woken when a frame arrives, a timer is due, or a program has called; programs are tasks of
//! an [`Executor`]. Nothing takes time but wires: what a host sends because of an arrival leaves at
//! the moment of the arrival.
//!
//! Chance is drawn by what it is for ([`crate::base::Chance`]): a host's by its name, a wire's by
//! its name, direction and the packet's ordinal. So whatever is added to a network changes nobody
//! else's luck.
//!
//! ```
//! use netglass::base::Instant;
//! use netglass::sim::{Net, Port, Wire};
//! use netglass::stack::{ListenOptions, Setup};
//!
//! let mut net = Net::new(1);
//! let host = |addr: &str| Setup::new([0, 0]).with_iface("eth0", 1500, addr.parse().unwrap());
//! let (a, b) = (net.host("a", host("10.0.0.1/24")), net.host("b", host("10.0.0.2/24")));
//! let wire = Wire::from_words("delay 10ms").unwrap();
//! net.join("ab", Port(a, 0), Port(b, 0), wire).unwrap();
//! let to = "10.0.0.2:80".parse().unwrap();
//! net.handle(b).with(|stack, now| stack.listen(now, to, ListenOptions::default())).unwrap();
//! let conn = net.handle(a).with(|stack, now| stack.connect(now, to, None, None)).unwrap();
//! net.run(Instant::from_millis(20));
//! let opened = net.handle(a).with(|stack, _| stack.conn(conn).unwrap().readiness().writable);
//! assert!(opened, "one round trip");
//! ```

mod bounds;
mod build;
mod exec;
mod queue;
mod run;
mod tap;

pub use crate::base::TraceHash;
pub use bounds::{Bound, Bounds, End};
pub use build::{JoinError, NodeId, Port, Wire, WireId};
pub use exec::{Executor, Failure, Inside};
pub use run::{Counts, QueueView, Traffic};
pub use tap::{Seen, Tap, Way};

use crate::base::{Frame, Instant, Medium, Pool, Trace};
use crate::impair::Link;
use crate::link::bridge::{self, Bridge};
use crate::net::Host;
use crate::observe::log::{Kind, Log};
use bounds::Moment;
use queue::Queue;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// What is due.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Due {
    /// A packet arrives at the end of a wire's way.
    Arrival(WireId, u8),
    /// A node's timer.
    Timer(NodeId),
}

/// A host, and when its timer is in the queue.
struct HostNode {
    host: Host,
    armed: Instant,
}

/// A hub or a switch, what it tells, and when its timer is in the queue.
struct BridgeNode {
    bridge: Bridge,
    trace: Trace<bridge::Event>,
    armed: Instant,
}

/// What a node is.
enum Body {
    Host(HostNode),
    Bridge(BridgeNode),
    /// What arrives leaves the network.
    Outside(VecDeque<Frame>),
}

struct Node {
    name: String,
    kind: Kind,
    /// By port: the wire, and which of its ends is here.
    ports: Vec<Option<(WireId, u8)>>,
    /// By port: what its frames start with.
    media: Vec<Medium>,
    /// Turns that are its own doing.
    moment: Moment,
    body: Body,
}

/// One direction of a wire, and when its next arrival is in the queue.
struct Lane {
    link: Link,
    armed: Instant,
    traffic: Traffic,
}

struct Joined {
    name: String,
    ends: [Port; 2],
    lanes: [Lane; 2],
    /// Arrivals.
    moment: Moment,
}

/// The nodes whose programs have called since they were looked at.
type Called = Arc<Mutex<Vec<NodeId>>>;

/// A network in virtual time.
pub struct Net {
    seed: u64,
    executor: Executor,
    queue: Queue<Due>,
    nodes: Vec<Node>,
    wires: Vec<Joined>,
    called: Called,
    log: Option<Log>,
    taps: Vec<tap::Placed>,
    hash: TraceHash,
    bounds: Bounds,
    counts: Counts,
    /// Arrivals, timers and turns.
    moment: Moment,
    /// What the packets under way take, all together.
    under_way: u64,
    /// A wire that holds more than it may.
    overfull: Option<WireId>,
    /// Frames on their way from a node to its wires, between two steps empty.
    leaving: Vec<(u16, Frame)>,
    /// Blocks for frames that bridges change.
    pool: Pool,
    records: Vec<crate::stack::Record>,
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Net({} nodes, {} wires)", self.nodes.len(), self.wires.len())
    }
}

impl Net {
    /// What time it is.
    pub fn now(&self) -> Instant {
        self.executor.time().peek()
    }

    /// A host's handle, for sockets, programs and questions.
    ///
    /// # Panics
    /// When the node is no host.
    pub fn handle(&self, node: NodeId) -> &Host {
        match &self.nodes[node.at()].body {
            Body::Host(node) => &node.host,
            _ => panic!("{} is no host", self.nodes[node.at()].name),
        }
    }

    /// A hub or a switch, to look at.
    pub fn bridge(&self, node: NodeId) -> Option<&Bridge> {
        match &self.nodes.get(node.at())?.body {
            Body::Bridge(node) => Some(&node.bridge),
            _ => None,
        }
    }

    /// The nodes: their names, and what they are.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &str, Kind)> {
        let nodes = self.nodes.iter().enumerate();
        nodes.map(|(n, node)| (NodeId(n as u16), node.name.as_str(), node.kind))
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<NodeId> {
        self.nodes().find(|(_, known, _)| *known == name).map(|(id, ..)| id)
    }

    /// The log, when one is kept.
    pub fn log(&self) -> Option<&Log> {
        self.log.as_ref()
    }

    /// Takes the log out, at the end of a run: none is kept from then on.
    pub fn take_log(&mut self) -> Option<Log> {
        self.log.take()
    }

    /// The trace hash so far: over time, place and bytes of every frame that a host has sent, and
    /// over what programs have reported.
    pub fn hash(&self) -> u64 {
        self.hash.value()
    }

    /// What has happened so far, in numbers.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Adds a program's result to the trace hash.
    pub fn result(&mut self, bytes: &[u8]) {
        self.hash.add(bytes);
    }

    fn take_called(&self) -> Vec<NodeId> {
        std::mem::take(&mut *self.called.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;
