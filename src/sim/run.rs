//! How a network runs.

use super::{Body, Due, Net, NodeId, Port, Way, WireId};
use crate::base::{Frame, IfaceId, Instant};

/// What a run may use, so that it ends whatever happens in it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Events: arrivals and timers. Default 100 million.
    pub events: u64,
    /// Packets under way on one wire, both directions together. Default 100 000.
    pub under_way: usize,
    /// Entries of the log, each some 300 bytes. Default 5 million.
    pub entries: usize,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { events: 100_000_000, under_way: 100_000, entries: 5_000_000 }
    }
}

/// A bound that a run has hit.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Bound {
    /// [`Bounds::events`].
    Events,
    /// [`Bounds::under_way`], on this wire.
    UnderWay(WireId),
    /// [`Bounds::entries`].
    Entries,
}

/// How a run ended.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// Nothing will happen any more.
    Quiet,
    /// The time is over.
    Time,
    /// It would have gone on, and was stopped.
    Bound(Bound),
}

/// What has happened, in numbers.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Arrivals and timers.
    pub events: u64,
    /// Frames that nodes have sent.
    pub frames: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// The wire that holds more than it may.
    pub(super) overfull: Option<Bound>,
}

impl Net {
    /// Sets what the run may use.
    pub fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Runs until `until`, and lets everything happen that is due then.
    pub fn run(&mut self, until: Instant) -> End {
        loop {
            self.settle();
            match self.queue.next() {
                Some(at) if at <= until => {
                    if let Some(bound) = self.bound() {
                        return End::Bound(bound);
                    }
                    self.step();
                }
                next => {
                    self.clock.set(until.max(self.now()));
                    return if next.is_some() { End::Time } else { End::Quiet };
                }
            }
        }
    }

    /// The bound that is hit, if any.
    fn bound(&self) -> Option<Bound> {
        if self.counts.events >= self.bounds.events {
            return Some(Bound::Events);
        }
        let entries = self.log.as_ref().map_or(0, |log| log.entries().len());
        (entries >= self.bounds.entries).then_some(Bound::Entries).or(self.counts.overfull)
    }

    /// The next event happens.
    pub(super) fn step(&mut self) {
        let Some((at, due)) = self.queue.pop() else { return };
        match due {
            Due::Arrival(wire, way) => {
                let lane = &mut self.wires[wire.at()].lanes[usize::from(way)];
                if lane.armed != at {
                    return; // there was an earlier one
                }
                lane.armed = Instant::MAX;
                self.clock.set(at);
                self.counts.events += 1;
                let frame = self.wires[wire.at()].lanes[usize::from(way)].link.output(at);
                self.arm_lane(wire, way);
                if let Some(frame) = frame {
                    let to = self.wires[wire.at()].ends[usize::from(1 - way)];
                    self.arrive(to, frame);
                }
            }
            Due::Timer(node) => {
                let Body::Host(host) = &mut self.nodes[node.at()].body;
                if host.armed != at {
                    return;
                }
                host.armed = Instant::MAX;
                self.clock.set(at);
                self.counts.events += 1;
                self.turn(node, None);
            }
        }
    }

    /// Whatever follows at this moment from what programs have called.
    pub(super) fn settle(&mut self) {
        loop {
            let called = self.take_called();
            if called.is_empty() {
                return;
            }
            for node in called {
                self.turn(node, None);
            }
        }
    }

    /// A frame arrives at a port.
    fn arrive(&mut self, port: Port, frame: Frame) {
        self.see(port, Way::In, &frame);
        let Port(node, n) = port;
        match &mut self.nodes[node.at()].body {
            Body::Host(_) => self.turn(node, Some((IfaceId(n), frame))),
        }
    }

    /// A host's turn: it takes what has arrived, time comes, it sends.
    fn turn(&mut self, node: NodeId, arrived: Option<(IfaceId, Frame)>) {
        let mut leaving = std::mem::take(&mut self.leaving);
        let listening = self.log.is_some();
        let Body::Host(host) = &mut self.nodes[node.at()].body;
        let records = &mut self.records;
        let turn = host.host.turn(|stage| {
            let (stack, now) = (&mut *stage.stack, stage.now);
            if let Some((iface, frame)) = arrived {
                stack.input(now, iface, frame);
            }
            stack.poll(now);
            while let Some((IfaceId(port), frame)) = stack.output(now) {
                leaving.push((port, frame));
            }
            if listening {
                stack.drain_records(records);
            }
        });
        let deadline = turn.deadline.unwrap_or(Instant::MAX);
        if deadline < host.armed {
            host.armed = deadline;
            self.queue.push(deadline, Due::Timer(node));
        }
        if let Some(log) = &mut self.log {
            log.host(node.place(), &mut self.records);
        }
        for (port, frame) in leaving.drain(..) {
            self.hash_frame(Port(node, port), &frame);
            self.transmit(Port(node, port), frame);
        }
        self.leaving = leaving;
        turn.woken.wake();
    }

    fn hash_frame(&mut self, Port(NodeId(node), port): Port, frame: &Frame) {
        self.hash.add(&self.clock.get().as_nanos().to_le_bytes());
        self.hash.add(&node.to_le_bytes());
        self.hash.add(&port.to_le_bytes());
        frame.slices().for_each(|slice| self.hash.add(slice));
    }

    /// A node puts a frame on the wire at that port. Without a wire it is gone.
    fn transmit(&mut self, port: Port, frame: Frame) {
        self.counts.frames += 1;
        self.counts.bytes += frame.len() as u64;
        self.see(port, Way::Out, &frame);
        let Port(node, n) = port;
        let Some(&Some((id, way))) = self.nodes[node.at()].ports.get(usize::from(n)) else {
            return;
        };
        let now = self.clock.get();
        let place = self.wire_place(id);
        let wire = &mut self.wires[id.at()];
        let gone = wire.lanes[usize::from(way)].link.input(now, frame);
        let under_way: usize = wire.lanes.iter().map(|lane| lane.link.len()).sum();
        if under_way > self.bounds.under_way {
            self.counts.overfull = Some(Bound::UnderWay(id));
        }
        if let (Some(log), Some((why, frame))) = (&mut self.log, gone) {
            log.wire(now, place, &frame, way, why);
        }
        self.arm_lane(id, way);
    }

    /// Puts a wire's next arrival into the queue, when it is earlier than what is there.
    fn arm_lane(&mut self, wire: WireId, way: u8) {
        let lane = &mut self.wires[wire.at()].lanes[usize::from(way)];
        let next = lane.link.deadline().unwrap_or(Instant::MAX);
        if next < lane.armed {
            lane.armed = next;
            self.queue.push(next, Due::Arrival(wire, way));
        }
    }
}
