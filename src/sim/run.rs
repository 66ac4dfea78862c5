//! How a network runs.

use super::bounds::PACKET;
use super::{Body, Due, End, Failure, Inside, Lane, Net, NodeId, Port, Way, WireId};
use crate::base::{Chance, Cx, EventId, Frame, IfaceId, Instant, Medium};
use crate::impair::{Counters, Link};

/// What has happened, in numbers.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Arrivals and timers.
    pub events: u64,
    /// Frames that nodes have sent.
    pub frames: u64,
    /// Frames that have arrived at nodes.
    pub arrived: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// What was sent on a wire.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    /// Frames.
    pub frames: u64,
    /// Ethernet frames among them that were for many.
    pub to_many: u64,
    /// Bytes of all.
    pub bytes: u64,
}

/// What waits on one direction of a wire, and what became of the packets before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueueView<'a> {
    /// The wire's name.
    pub wire: &'a str,
    /// The node that sends.
    pub from: &'a str,
    /// The node that receives.
    pub to: &'a str,
    /// Whether it has a queue.
    pub is_queue: bool,
    /// Packets that wait for the transmitter; without a queue, those under way.
    pub packets: u32,
    /// Their bytes.
    pub bytes: u64,
    /// What happened so far.
    pub counters: Counters,
}

impl Lane {
    /// Frames that were sent.
    pub(super) fn frames(&self) -> u64 {
        self.traffic.frames
    }

    /// What the packets under way take.
    pub(super) fn held(&self) -> u64 {
        self.link.bytes() + self.link.len() as u64 * PACKET
    }
}

impl QueueView<'_> {
    /// Packets that came to nothing, for whatever reason.
    pub fn dropped(&self) -> u64 {
        let Counters { lost, overlimit, codel, too_long, faults, .. } = self.counters;
        lost + overlimit + codel + too_long + faults
    }
}

impl Net {
    /// Both directions of every wire.
    pub fn queues(&self) -> impl Iterator<Item = QueueView<'_>> {
        let name = |Port(node, _): Port| self.nodes[node.at()].name.as_str();
        self.wires.iter().flat_map(move |wire| {
            [0, 1].map(|way: usize| {
                let link = &wire.lanes[way].link;
                let (is_queue, (packets, bytes)) = (link.has_queue(), link.depth());
                let (from, to) = (name(wire.ends[way]), name(wire.ends[1 - way]));
                let (wire, counters) = (wire.name.as_str(), link.counters());
                QueueView { wire, from, to, is_queue, packets, bytes, counters }
            })
        })
    }

    /// Starts a program. Its sockets are made with [`Net::handle`]s; time it has by
    /// [`crate::net::rt`].
    pub fn spawn<F>(&self, program: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.executor.spawn(program)
    }

    /// While the guard lives, what this thread calls can start tasks and timers of this network.
    pub fn enter(&self) -> Inside<'_> {
        self.executor.enter()
    }

    /// How many programs have not ended.
    pub fn programs(&self) -> usize {
        self.executor.tasks()
    }

    /// Runs until `until`, and lets everything happen that is due then.
    pub fn run(&mut self, until: Instant) -> End {
        self.run_while(until, |_| true)
    }

    /// As [`Net::run`], and ends ([`End::Time`]) when `goes_on`, asked before every event, says so.
    pub fn run_while(&mut self, until: Instant, goes_on: impl Fn(&Net) -> bool) -> End {
        loop {
            if let Err(end) = self.settle() {
                return end;
            }
            if !goes_on(self) {
                return End::Time;
            }
            let Some(at) = self.next() else {
                return End::Quiet;
            };
            if at > until {
                self.executor.time().set(until.max(self.now()));
                return End::Time;
            }
            if let Some(bound) = self.bound(at) {
                return End::Bound(bound);
            }
            self.step();
        }
    }

    /// Runs a program, and the network as long as it takes, at most until `until`.
    ///
    /// # Errors
    /// How the run has ended before the program.
    ///
    /// # Panics
    /// When the program was aborted from within.
    pub fn run_program<F>(&mut self, until: Instant, program: F) -> Result<F::Output, End>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let mut task = self.spawn(program);
        let end = self.run_while(until, |_| !task.is_finished());
        if matches!(end, End::Failed(_)) {
            return Err(end);
        }
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::Pin::new(&mut task).poll(&mut cx) {
            std::task::Poll::Ready(answer) => Ok(answer.expect("nobody aborts it")),
            std::task::Poll::Pending => Err(end),
        }
    }

    /// Lets time come to `at`, before which nothing is due.
    pub fn wait_until(&mut self, at: Instant) {
        debug_assert!(self.next().is_none_or(|next| next >= at), "nothing is skipped");
        self.executor.time().set(at.max(self.now()));
    }

    /// When something happens next: a program's timer, or what is in the queue.
    pub fn next(&self) -> Option<Instant> {
        let timer = self.executor.deadline();
        self.queue.next().into_iter().chain(timer).min()
    }

    /// The wires with their names, and what was sent on them from the first end to the second, and
    /// back.
    pub fn wires(&self) -> impl Iterator<Item = (WireId, &str, [Traffic; 2])> {
        let wires = self.wires.iter().enumerate();
        wires.map(|(n, wire)| {
            let traffic = [0, 1].map(|way: usize| wire.lanes[way].traffic);
            (WireId(n as u16), wire.name.as_str(), traffic)
        })
    }

    /// The wire on which most was sent to many, when most of all that was sent was to many: where
    /// a storm rages.
    pub fn storm(&self) -> Option<(WireId, Traffic)> {
        let sums = self.wires().map(|(id, _, [there, back])| {
            let frames = there.frames + back.frames;
            let (to_many, bytes) = (there.to_many + back.to_many, there.bytes + back.bytes);
            (id, Traffic { frames, to_many, bytes })
        });
        let worst = sums.max_by_key(|(_, traffic)| traffic.to_many)?;
        let all: u64 = self.wires().flat_map(|(.., ways)| ways).map(|way| way.to_many).sum();
        (all > self.counts.frames / 2 && all > 1000).then_some(worst)
    }

    /// The next event happens.
    pub(super) fn step(&mut self) {
        // What the network does at a moment comes before what programs' timers do.
        if let Some(timer) = self.executor.deadline()
            && self.queue.next().is_none_or(|at| timer < at)
        {
            self.executor.time().set(timer);
            self.count();
            return;
        }
        let Some((at, due)) = self.queue.pop() else { return };
        match due {
            Due::Arrival(wire, way) => {
                let lane = &mut self.wires[wire.at()].lanes[usize::from(way)];
                if lane.armed != at {
                    return; // there was an earlier one
                }
                lane.armed = Instant::MAX;
                self.executor.time().set(at);
                self.count();
                self.wires[wire.at()].moment.tick(at);
                let frame = self.on_lane(wire, way, |link| link.output(at));
                self.arm_lane(wire, way);
                if let Some(frame) = frame {
                    let to = self.wires[wire.at()].ends[usize::from(1 - way)];
                    self.arrive(to, frame);
                }
            }
            Due::Timer(node) => {
                let armed = match &mut self.nodes[node.at()].body {
                    Body::Host(host) => &mut host.armed,
                    Body::Bridge(bridge) => &mut bridge.armed,
                    Body::Outside(_) => return,
                };
                if *armed != at {
                    return;
                }
                *armed = Instant::MAX;
                self.executor.time().set(at);
                self.count();
                self.nodes[node.at()].moment.tick(at);
                match self.nodes[node.at()].body {
                    Body::Host(_) => self.turn(node, None),
                    Body::Bridge(_) => self.pass(node, None),
                    Body::Outside(_) => {}
                }
            }
        }
    }

    /// Programs go on as far as they can, and whatever follows at this moment from what they have
    /// called happens.
    pub(super) fn settle(&mut self) -> Result<(), End> {
        loop {
            let now = self.now();
            let gone_on = self.executor.run_until_idle(now);
            let called = self.take_called();
            gone_on.map_err(|failure| self.failed(failure, called.last()))?;
            if called.is_empty() {
                return Ok(());
            }
            if let Some(bound) = self.bound(now) {
                return Err(End::Bound(bound));
            }
            for node in called {
                self.moment.tick(now);
                self.nodes[node.at()].moment.tick(now);
                self.turn(node, None);
            }
        }
    }

    /// How programs have failed that had called `last` before.
    fn failed(&self, failure: Failure, last: Option<&NodeId>) -> End {
        End::Failed(match failure {
            Failure::Stuck { at, .. } => {
                let on = last.map(|node| self.nodes[node.at()].name.clone());
                Failure::Stuck { at, on }
            }
            other => other,
        })
    }

    /// An event, now.
    fn count(&mut self) {
        self.counts.events += 1;
        self.moment.tick(self.now());
    }

    /// A wire takes a packet or gives one, and it is known how much is under way.
    fn on_lane<T>(&mut self, wire: WireId, way: u8, f: impl FnOnce(&mut Link) -> T) -> T {
        let lane = &mut self.wires[wire.at()].lanes[usize::from(way)];
        let before = lane.held();
        let answer = f(&mut lane.link);
        self.under_way = self.under_way + lane.held() - before;
        answer
    }

    /// A frame arrives at a port.
    fn arrive(&mut self, port: Port, frame: Frame) {
        self.counts.arrived += 1;
        self.see(port, Way::In, &frame);
        let Port(node, n) = port;
        match &mut self.nodes[node.at()].body {
            Body::Host(_) => self.turn(node, Some((IfaceId(n), frame))),
            Body::Bridge(_) => self.pass(node, Some((n, frame))),
            // Nobody may be there to take them: what has no room is lost.
            Body::Outside(gone) if gone.len() < self.bounds.under_way => gone.push_back(frame),
            Body::Outside(_) => {}
        }
    }

    /// A frame that has arrived where the network leads out; call it until there is none.
    pub fn take(&mut self, node: NodeId) -> Option<Frame> {
        match &mut self.nodes.get_mut(node.at())?.body {
            Body::Outside(gone) => gone.pop_front(),
            _ => None,
        }
    }

    /// A frame comes from outside, now. ([`Net::run`] up to now comes first.)
    pub fn inject(&mut self, node: NodeId, frame: Frame) {
        self.transmit(Port(node, 0), frame);
    }

    /// A hub's or switch's turn: it forgets who was silent, and passes on what has arrived.
    fn pass(&mut self, node: NodeId, arrived: Option<(u16, Frame)>) {
        let mut leaving = std::mem::take(&mut self.leaving);
        let (now, chance) = (self.now(), Chance::from_seed(self.seed));
        let Body::Bridge(it) = &mut self.nodes[node.at()].body else { return };
        let cause = EventId::NONE;
        let cx = &mut Cx { now, chance: &chance, pool: &self.pool, trace: &mut it.trace, cause };
        match arrived {
            Some((port, frame)) => it.bridge.input(cx, port, frame, &mut leaving),
            None => it.bridge.poll(cx),
        }
        let deadline = it.bridge.deadline().unwrap_or(Instant::MAX);
        if deadline < it.armed {
            it.armed = deadline;
            self.queue.push(deadline, Due::Timer(node));
        }
        if let Some(log) = &mut self.log {
            for stamped in it.trace.drain() {
                log.bridge(now, node.place(), stamped.causes[0], stamped.event);
            }
        }
        for (port, frame) in leaving.drain(..) {
            self.transmit(Port(node, port), frame);
        }
        self.leaving = leaving;
    }

    /// A host's turn: it takes what has arrived, time comes, it sends.
    fn turn(&mut self, node: NodeId, arrived: Option<(IfaceId, Frame)>) {
        let mut leaving = std::mem::take(&mut self.leaving);
        let listening = self.log.is_some();
        let Body::Host(host) = &mut self.nodes[node.at()].body else { return };
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
        // A time of none is over now, in a turn of its own: whoever has no end of them is stopped
        // by the bound on what happens at one moment.
        debug_assert!(deadline >= turn.now, "what was due has been done");
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
        self.hash.add(&self.now().as_nanos().to_le_bytes());
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
        let now = self.now();
        let medium = self.medium(port);
        let wire = &mut self.wires[id.at()];
        let traffic = &mut wire.lanes[usize::from(way)].traffic;
        traffic.frames += 1;
        traffic.bytes += frame.len() as u64;
        let is_to_many = frame.front().first().is_some_and(|first| first & 1 == 1);
        traffic.to_many += u64::from(medium == Medium::Ethernet && is_to_many);
        // What is gone is told with all else.
        drop(self.on_lane(id, way, |link| link.input(now, frame)));
        let lanes = &self.wires[id.at()].lanes;
        if lanes.iter().map(|lane| lane.link.len()).sum::<usize>() > self.bounds.under_way {
            self.overfull = Some(id);
        }
        self.arm_lane(id, way);
    }

    /// Puts a wire's next arrival into the queue, when it is earlier than what is there; and what
    /// has happened on the wire into the log.
    fn arm_lane(&mut self, wire: WireId, way: u8) {
        let place = self.wire_place(wire);
        let lane = &mut self.wires[wire.at()].lanes[usize::from(way)];
        if let Some(log) = &mut self.log {
            lane.link.drain_acts().for_each(|act| log.wire(place, way, act));
        }
        let next = lane.link.deadline().unwrap_or(Instant::MAX);
        if next < lane.armed {
            lane.armed = next;
            self.queue.push(next, Due::Arrival(wire, way));
        }
    }
}
