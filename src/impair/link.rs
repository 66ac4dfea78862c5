//! One direction of a link: packets in with their time, packets out when they have arrived.
//!
//! First what is asked for this very packet, then whether the link is down, then the faults, then
//! luck, in netem's order: duplicate, lose, corrupt. What is left is dropped beyond the limit, or
//! waits for the transmitter, is transmitted, and travels.
//!
//! Without a queue of its own (`queue`, `codel`), a link is what netem is: the delay comes first,
//! the rate behind it, and the limit counts all packets under way. With one, the limit counts those
//! that wait, the rate comes first, and what has left travels uncounted. A packet of n bytes that
//! finds the link idle arrives at the same time in both: ⌈8n / rate⌉ plus the delay later.

use super::acts::{Act, By, Counters, Fate, Gauge, Packets, What};
use super::codel;
use super::ecn;
use super::faults::{Edits, Faults, Struck};
use super::luck::{self, Fortune, Luck, Share};
use super::queue::{Flight, Line, Parcel};
use super::{Discipline, Impairment};
use crate::base::time::nanos;
use crate::base::{Chance, Checksum, EventId, Frame, Instant, Medium, Moment, Pool, Span};
use crate::wire::ethernet;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many packets that were dropped in the queue are kept for [`Link::dropped`].
const DROPPED_MAX: usize = 64;

/// A machine that does to the packets of one direction what its rules say. It takes packets as they
/// are on a wire: within the MTU, with complete checksums (see [`crate::wire::split`]).
#[derive(Debug)]
pub struct Link {
    rules: Impairment,
    /// The rules leave nothing to luck.
    is_plain: bool,
    medium: Medium,
    /// The longest packet it carries; `None`: any.
    mtu: Option<u16>,
    pool: Pool,
    luck: Luck,
    faults: Faults,
    edits: Edits,
    /// Those that wait for the transmitter.
    line: Line,
    codel: codel::State,
    /// When the transmitter is free.
    free: Instant,
    /// When the last packet that keeps the order arrives.
    busy: Instant,
    flight: Flight,
    /// How many packets came in.
    ordinal: u64,
    dropped: VecDeque<(Instant, Fate, Frame)>,
    tale: Tale,
}

/// What is told of packets.
#[derive(Debug, Default)]
struct Tale {
    listening: bool,
    acts: Vec<Act>,
    counters: Counters,
    /// Whoever looks, if anybody does.
    gauge: Option<Gauge>,
}

/// Which packet something is told of.
#[derive(Clone, Copy)]
struct Name {
    at: Instant,
    origin: EventId,
    ordinal: u64,
    copy: bool,
}

impl Name {
    fn of(at: Instant, parcel: &Parcel) -> Name {
        let Parcel { ordinal, copy, .. } = *parcel;
        Name { at, origin: parcel.frame.origin, ordinal, copy }
    }
}

impl Tale {
    fn tell(&mut self, name: Name, what: impl FnOnce() -> What) {
        if self.listening {
            let Name { at, origin, ordinal, copy } = name;
            self.acts.push(Act { at, origin, ordinal, copy, what: what() });
        }
    }

    fn show(&self) {
        if let Some(gauge) = &self.gauge {
            gauge.set(self.counters);
        }
    }

    fn gone(&mut self, name: Name, fate: &Fate) {
        self.counters.gone(fate);
        self.tell(name, || What::Gone { fate: fate.clone() });
    }
}

impl Link {
    /// A link that follows `rules`. `id` tells apart the links and directions that share `chance`;
    /// packets that are changed get blocks from `pool`.
    pub fn new(rules: Impairment, chance: Chance, id: u64, pool: Pool) -> Link {
        Link {
            faults: Faults::new(&rules.faults),
            is_plain: rules.is_plain(),
            rules,
            medium: Medium::Ip,
            mtu: None,
            pool,
            luck: Luck::new(chance, id),
            edits: Edits::default(),
            line: Line::default(),
            codel: codel::State::default(),
            free: Instant::ZERO,
            busy: Instant::ZERO,
            flight: Flight::default(),
            ordinal: 0,
            dropped: VecDeque::new(),
            tale: Tale::default(),
        }
    }

    /// Says what frames start with; an IP header, if nothing is said.
    pub fn set_medium(&mut self, medium: Medium) {
        self.medium = medium;
    }

    /// Says how long the packets are that it carries at most, bytes without the link's header; any,
    /// if nothing is said.
    pub fn set_mtu(&mut self, mtu: u16) {
        self.mtu = Some(mtu);
    }

    /// Shows what happened so far, wherever the link itself goes.
    pub fn gauge(&mut self) -> Gauge {
        self.tale.gauge.get_or_insert_default().clone()
    }

    /// What it does.
    pub fn rules(&self) -> &Impairment {
        &self.rules
    }

    /// Follows other rules from the next packet on; faults count from 1 again. Packets that travel
    /// arrive as planned, and those that wait for the transmitter still do.
    pub fn set_rules(&mut self, rules: Impairment) {
        self.faults = Faults::new(&rules.faults);
        self.is_plain = rules.is_plain();
        self.rules = rules;
    }

    /// Nothing but travel and the queue's turn happens to the packets that the event `origin` sent:
    /// no luck, no fault, no full queue. Everything else stays as it would be.
    pub fn spare(&mut self, origin: EventId) {
        self.edits.spared.insert(origin);
    }

    /// The packets that the event `origin` sent are dropped. The luck of all others stays.
    pub fn doom(&mut self, origin: EventId) {
        self.edits.doomed.insert(origin);
    }

    /// Starts or stops collecting what happens to packets, for [`Link::drain_acts`].
    pub fn listen(&mut self, listening: bool) {
        self.tale.listening = listening;
    }

    /// Takes what has happened to packets, in order. There is something only while somebody
    /// [listens](Link::listen).
    pub fn drain_acts(&mut self) -> impl Iterator<Item = Act> + '_ {
        self.tale.acts.drain(..)
    }

    /// A packet that was dropped after it had been taken (by CoDel), when, and why; call it until
    /// there is none. Only the latest 64 are kept.
    pub fn dropped(&mut self) -> Option<(Instant, Fate, Frame)> {
        self.dropped.pop_front()
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        self.tale.counters
    }

    /// How many packets wait or travel.
    pub fn len(&self) -> usize {
        self.flight.len() + self.line.len()
    }

    /// Whether no packet waits or travels.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether packets wait for the transmitter in a queue of the link's own.
    pub fn has_queue(&self) -> bool {
        self.rules.queue.is_some()
    }

    /// The bytes of those that wait or travel.
    pub fn bytes(&self) -> u64 {
        self.line.bytes() + self.flight.bytes()
    }

    /// How many packets wait for the transmitter, and their bytes: the queue's depth. Without a
    /// queue, those under way.
    pub fn depth(&self) -> (u32, u64) {
        match self.rules.queue {
            Some(_) => (self.line.len() as u32, self.line.bytes()),
            None => (self.len() as u32, self.bytes()),
        }
    }

    /// Takes a packet that is sent at `now`; gives back what came to nothing at once, be it one of
    /// two copies. Calls come in the order of time.
    pub fn input(&mut self, now: Instant, frame: Frame) -> Option<(Fate, Frame)> {
        self.advance(now);
        let ordinal = self.ordinal;
        self.ordinal += 1;
        if let Some(fate) = self.too_long(&frame) {
            let name = Name { at: now, origin: frame.origin, ordinal, copy: false };
            self.tale.gone(name, &fate);
            self.tale.show();
            return Some((fate, frame));
        }
        if self.is_plain && self.edits.is_empty() {
            let travel = nanos(self.rules.delay.base);
            let gone = self.send(now, Parcel { travel, ..Parcel::new(frame, ordinal, now) });
            self.tale.show();
            return gone;
        }
        // Both are asked about every packet: what happens to one does not change another's.
        let fortune = self.luck.of(&self.rules, ordinal);
        let struck = self.faults.strike(&frame, self.medium);
        let origin = frame.origin;
        let spared = origin.is_some() && self.edits.spared.contains(&origin);
        let gone = if spared {
            let travel = fortune.first.travel;
            self.send(now, Parcel { travel, spared, ..Parcel::new(frame, ordinal, now) })
        } else {
            self.meet(now, ordinal, frame, fortune, struck)
        };
        self.tale.show();
        gone
    }

    /// Whether no transmitter takes the packet, whatever else would become of it.
    fn too_long(&self, frame: &Frame) -> Option<Fate> {
        let mtu = self.mtu?;
        let header = match self.medium {
            Medium::Ip => 0,
            Medium::Ethernet => ethernet::header_len(frame.front()).unwrap_or(0),
        };
        let len = frame.len().saturating_sub(header) as u32;
        (len > mtu.into()).then_some(Fate::TooLong { len, mtu })
    }

    /// Lets luck and faults do to a packet what they decided.
    fn meet(
        &mut self,
        now: Instant,
        ordinal: u64,
        frame: Frame,
        fortune: Fortune,
        struck: Struck,
    ) -> Option<(Fate, Frame)> {
        let name = Name { at: now, origin: frame.origin, ordinal, copy: false };
        if let Some(fate) = self.sentence(now, &frame, struck.dropped.as_ref()) {
            self.tale.gone(name, &fate);
            return Some((fate, frame));
        }
        let by_fault = struck
            .duplicated
            .clone()
            .map(|words| (By::Fault(words), self.luck.second(&self.rules, ordinal)));
        let second = fortune.second.map(|copy| (By::Luck, copy)).or(by_fault);
        let twice = second.is_some();
        let second = second.map(|(by, copy)| {
            self.tale.counters.duplicated += 1;
            self.tale.tell(name, || What::Duplicated { by });
            copy
        });
        let mut gone = fortune.lost.map(|state| {
            let fate = state.map_or(Fate::Lost, |state| Fate::Burst { state });
            // Of a packet that is lost and duplicated one copy is left, as in netem.
            self.tale.gone(Name { copy: twice, ..name }, &fate);
            (fate, frame.clone())
        });
        let lost = gone.is_some();
        if let Some(copy) = second.filter(|_| !lost) {
            let second = Parcel { copy: true, ..Parcel::new(frame.clone(), ordinal, now) };
            gone = self.luckily(now, second, copy, Struck::default());
        }
        if twice || !lost {
            let first = Parcel::new(frame, ordinal, now);
            gone = self.luckily(now, first, fortune.first, struck).or(gone);
        }
        gone
    }

    /// What was decided about a packet before luck is asked.
    fn sentence(&self, now: Instant, frame: &Frame, fault: Option<&Arc<str>>) -> Option<Fate> {
        let origin = frame.origin;
        if origin.is_some() && self.edits.doomed.contains(&origin) {
            return Some(Fate::Doomed);
        }
        let down = self.rules.partitions.iter().find(|time| time.from <= now && now < time.to);
        let down =
            down.map(|time| Fate::Partition { from: Moment(time.from), to: Moment(time.to) });
        down.or_else(|| fault.map(|words| Fate::Scripted { fault: words.clone() }))
    }

    /// Sends one copy with its share of luck and faults.
    fn luckily(
        &mut self,
        now: Instant,
        mut parcel: Parcel,
        luck: Share,
        struck: Struck,
    ) -> Option<(Fate, Frame)> {
        let name = Name::of(now, &parcel);
        let bits = parcel.frame.len() as u64 * 8;
        let by_luck = luck.corrupt.map(|draw| (draw, By::Luck));
        let by_fault =
            struck.corrupted.map(|fault| (self.luck.corrupt(parcel.ordinal), By::Fault(fault)));
        for (draw, by) in by_luck.into_iter().chain(by_fault).filter(|_| bits > 0) {
            let bit = luck::bit(draw, bits);
            parcel.frame = flipped(&self.pool, &parcel.frame, bit);
            self.tale.counters.corrupted += 1;
            self.tale.tell(name, || What::Corrupted { bit, by });
        }
        for (time, words) in struck.delayed {
            parcel.late = parcel.late.saturating_add(nanos(time));
            self.tale.tell(name, || What::Delayed { time: Span(time), by: By::Fault(words) });
        }
        if luck.overtakes {
            self.tale.counters.reordered += 1;
            self.tale.tell(name, || What::Reordered);
        }
        (parcel.travel, parcel.overtakes) = (luck.travel, luck.overtakes);
        self.send(now, parcel)
    }

    /// Sends a packet with what is decided about it.
    fn send(&mut self, now: Instant, parcel: Parcel) -> Option<(Fate, Frame)> {
        match self.rules.queue {
            Some(_) => self.enqueue(now, parcel),
            None => self.put_on_way(now, parcel),
        }
    }

    /// Without a queue: a packet that does not overtake waits until it has travelled and those
    /// before it have been transmitted. What a fault adds is at nobody else's cost.
    fn put_on_way(&mut self, now: Instant, parcel: Parcel) -> Option<(Fate, Frame)> {
        let name = Name::of(now, &parcel);
        let len = parcel.frame.len();
        let (packets, bytes) = self.depth();
        if !parcel.spared && self.rules.limit.is_reached(packets, bytes, len) {
            let fate = Fate::Overlimit { packets: Packets(packets), bytes };
            self.tale.gone(name, &fate);
            return Some((fate, parcel.frame));
        }
        let mut arrives = now;
        if !parcel.overtakes {
            arrives = Instant::from_nanos(now.as_nanos().saturating_add(parcel.travel));
            if self.rules.rate.is_some() {
                // A packet that may not start before another has left arrives behind it.
                let start = arrives.max(self.busy).as_nanos();
                self.busy = Instant::from_nanos(start.saturating_add(self.rules.transmission(len)));
                arrives = self.busy;
            }
        }
        let arrives = Instant::from_nanos(arrives.as_nanos().saturating_add(parcel.late));
        self.flight.push(arrives, parcel.frame);
        let (packets, bytes) = self.depth();
        let (arrives, packets) = (Moment(arrives), Packets(packets));
        self.tale.tell(name, || What::Travels { arrives, packets, bytes });
        None
    }

    /// With a queue: a packet goes to its end, or to the transmitter when that is idle.
    fn enqueue(&mut self, now: Instant, mut parcel: Parcel) -> Option<(Fate, Frame)> {
        let name = Name::of(now, &parcel);
        if self.line.is_empty() && self.free <= now {
            self.line.push(parcel);
            self.transmit(now);
            return None;
        }
        let len = parcel.frame.len();
        let (packets, bytes) = (self.line.len() as u32, self.line.bytes());
        if !parcel.spared && self.rules.limit.is_reached(packets, bytes, len) {
            let fate = Fate::QueueFull { packets: Packets(packets), bytes };
            self.tale.gone(name, &fate);
            return Some((fate, parcel.frame));
        }
        let (packets, bytes) = (packets + 1, bytes + len as u64);
        if let Some(Discipline::DropTail { mark: Some(threshold) }) = self.rules.queue
            && threshold.is_exceeded(packets, bytes)
            && ecn::mark(&self.pool, &mut parcel.frame, self.medium)
        {
            self.tale.counters.marked += 1;
            self.tale.tell(name, || What::MarkedByQueue { packets: Packets(packets), bytes });
        }
        self.line.push(parcel);
        self.tale.tell(name, || What::Queued { packets: Packets(packets), bytes });
        None
    }

    /// Lets the transmitter do what it does until `now`.
    fn advance(&mut self, now: Instant) {
        while let Some(since) = self.line.first_since().filter(|_| self.free <= now) {
            self.transmit(self.free.max(since));
        }
    }

    /// Transmits the next packet of the queue at `at`.
    fn transmit(&mut self, at: Instant) {
        let next = match self.rules.queue {
            Some(Discipline::Codel(rules)) => self.controlled(rules, at),
            Some(Discipline::DropTail { .. }) | None => self.line.pop(),
        };
        let Some(parcel) = next else { return };
        let nanos = |from: Instant, more| Instant::from_nanos(from.as_nanos().saturating_add(more));
        let until = nanos(at, self.rules.transmission(parcel.frame.len()));
        let mut arrives = until;
        if !parcel.overtakes {
            // A wire keeps the order, however the delay varies.
            self.busy = self.busy.max(nanos(until, parcel.travel));
            arrives = self.busy;
        }
        let arrives = nanos(arrives, parcel.late);
        self.free = until;
        let (packets, bytes) = (self.line.len() as u32, self.line.bytes());
        let started = || What::Started {
            until: Moment(until),
            arrives: Moment(arrives),
            packets: Packets(packets),
            bytes,
        };
        self.tale.tell(Name::of(at, &parcel), started);
        self.flight.push(arrives, parcel.frame);
    }

    /// The packet that CoDel lets through at `at`.
    fn controlled(&mut self, rules: codel::Codel, at: Instant) -> Option<Parcel> {
        let Link { codel, line, tale, pool, medium, dropped, .. } = self;
        codel.dequeue(rules, at, line, |mut parcel, count| {
            if parcel.spared {
                return Some(parcel);
            }
            let (name, sojourn) = (Name::of(at, &parcel), Span(at.since(parcel.since)));
            if rules.ecn && ecn::mark(pool, &mut parcel.frame, *medium) {
                tale.counters.marked += 1;
                tale.tell(name, || What::MarkedByCodel { sojourn, count });
                return Some(parcel);
            }
            let fate = Fate::Codel { sojourn, count };
            tale.gone(name, &fate);
            if dropped.len() == DROPPED_MAX {
                dropped.pop_front();
            }
            dropped.push_back((at, fate, parcel.frame));
            None
        })
    }

    /// A packet that has arrived by `now`; call it until it gives none.
    pub fn output(&mut self, now: Instant) -> Option<Frame> {
        self.advance(now);
        let frame = self.flight.pop(now);
        self.tale.counters.passed += u64::from(frame.is_some());
        self.tale.show();
        frame
    }

    /// When there is something to do: a packet arrives, or the next one's transmission starts.
    pub fn deadline(&self) -> Option<Instant> {
        let start = self.line.first_since().map(|since| since.max(self.free));
        start.into_iter().chain(self.flight.next()).min()
    }
}

/// A copy of `frame` with one bit changed, whose checksum nobody has verified; the original's
/// blocks may be shared.
fn flipped(pool: &Pool, frame: &Frame, bit: u64) -> Frame {
    let mut copy = ecn::changed(pool, frame, |bytes| bytes[(bit / 8) as usize] ^= 1 << (bit % 8));
    copy.offload.checksum = Checksum::Complete;
    copy
}

#[cfg(test)]
mod tests;
