//! What a run may use, so that it ends whatever happens in it, and how an end is told.

use super::exec::LOOKS;
use super::{Failure, Joined, Lane, Net, WireId};
use crate::base::Instant;

/// What a run may use.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Events: arrivals and timers. Default 100 million.
    pub events: u64,
    /// Events at one moment, the turns of hosts whose programs have called among them: beyond as
    /// many, and beyond 8 for each two wires, since all hosts may speak to all at once, time is
    /// taken to stand still for ever. Default 100 000.
    pub at_once: u64,
    /// Packets under way on one wire, both directions together, and those that wait where the
    /// network leads out, beyond which more are lost. Default 100 000.
    pub under_way: usize,
    /// Bytes of the packets under way on all wires, and 256 more for each. Default 512 MiB.
    pub packets: u64,
    /// Bytes of the log ([`crate::observe::log::Log::bytes`]): some 270 for each entry. Default
    /// 512 MiB.
    pub log: u64,
}

/// What a packet under way takes besides its bytes.
pub(super) const PACKET: u64 = 256;

/// How often programs look at the clock for each event, more or less at most.
const LOOKS_EACH: u64 = 10;

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            events: 100_000_000,
            at_once: 100_000,
            under_way: 100_000,
            packets: 512 << 20,
            log: 512 << 20,
        }
    }
}

/// A bound that a run has hit.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Bound {
    /// [`Bounds::events`].
    Events,
    /// [`Bounds::at_once`].
    AtOnce,
    /// [`Bounds::under_way`], on this wire.
    UnderWay(WireId),
    /// [`Bounds::packets`].
    Packets,
    /// [`Bounds::log`].
    Log,
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// Nothing will happen any more.
    Quiet,
    /// The time is over.
    Time,
    /// It would have gone on, and was stopped.
    Bound(Bound),
    /// A program has failed.
    Failed(Failure),
}

/// How often something has happened at one moment.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Moment {
    at: Instant,
    count: u64,
}

impl Moment {
    pub(super) fn tick(&mut self, now: Instant) {
        if self.at != now {
            *self = Moment { at: now, count: 0 };
        }
        self.count += 1;
    }

    /// How often at that moment.
    pub(super) fn count(self, at: Instant) -> u64 {
        if self.at == at { self.count } else { 0 }
    }
}

impl Net {
    /// Sets what the run may use.
    pub fn set_bounds(&mut self, bounds: Bounds) {
        // What is allowed to happen at one moment, programs may see to.
        self.executor.time().allow(bounds.at_once.saturating_mul(LOOKS_EACH).max(LOOKS));
        self.bounds = bounds;
    }

    /// The bound that is hit, if any, when the next thing happens at `next`.
    pub(super) fn bound(&self, next: Instant) -> Option<Bound> {
        let Bounds { events, packets, log, .. } = self.bounds;
        if self.counts.events >= events {
            return Some(Bound::Events);
        }
        if self.moment.count(next) >= self.at_once() {
            return Some(Bound::AtOnce);
        }
        if self.log.as_ref().is_some_and(|its| its.bytes() >= log) {
            return Some(Bound::Log);
        }
        if self.under_way >= packets {
            return Some(Bound::Packets);
        }
        self.overfull.map(Bound::UnderWay)
    }

    /// How much may happen at one moment in a network of this size.
    fn at_once(&self) -> u64 {
        let wires = self.wires.len() as u64;
        self.bounds.at_once.max(wires * wires * 8)
    }

    /// A bound that was hit, in words: which it is, where most happens, and what can be done.
    pub fn words(&self, bound: Bound) -> String {
        let Bounds { events, under_way, packets, log, .. } = self.bounds;
        let mib = |bytes: u64| bytes >> 20;
        let storm = self.storm().and_then(|(WireId(n), _)| self.wires.get(usize::from(n)));
        let sent = || match storm {
            None => self.most("most frames", |wire| wire.lanes.each_ref().map(Lane::frames)),
            Some(_) => String::new(), // it says where
        };
        let held = || self.most("most of them", |wire| wire.lanes.each_ref().map(Lane::held));
        let words = match bound {
            Bound::AtOnce => self.stands_still(),
            Bound::Events => {
                format!("there were {events} arrivals and timers, as many as may be{}", sent())
            }
            Bound::Log => format!(
                "the log takes {} MiB, as much as it may{}; a shorter duration, or log = \"brief\", keeps it shorter",
                mib(log),
                sent()
            ),
            Bound::Packets => format!(
                "the packets under way take {} MiB, as much as they may{}; a limit of its links, \
                 or less delay, keeps them fewer",
                mib(packets),
                held()
            ),
            Bound::UnderWay(WireId(n)) => {
                let name = self.wires.get(usize::from(n)).map_or("?", |wire| &wire.name);
                format!(
                    "more than {under_way} frames are under way on {name}; a smaller limit, or \
                     less delay, keeps them fewer"
                )
            }
        };
        let storm = storm.map(|wire| {
            format!("; a broadcast storm: most frames on {} are for everybody", wire.name)
        });
        words + &storm.unwrap_or_default()
    }

    /// Where most is, when there is something anywhere.
    fn most(&self, what: &str, measure: impl Fn(&Joined) -> [u64; 2]) -> String {
        let sums = self.wires.iter().map(|wire| (measure(wire).iter().sum::<u64>(), &wire.name));
        let most = sums.max_by_key(|(sum, _)| *sum).filter(|(sum, _)| *sum > 0);
        most.map_or_else(String::new, |(_, wire)| format!(", {what} on {wire}"))
    }

    /// What keeps time from passing. Where a wire takes part it is named: it is what could take
    /// time.
    fn stands_still(&self) -> String {
        let (now, at_once) = (self.now(), self.at_once());
        let wires = self.wires.iter().map(|wire| (wire.moment.count(now), &wire.name));
        let wire = wires.max_by_key(|(count, _)| *count);
        let nodes = self.nodes.iter().map(|node| (node.moment.count(now), &node.name));
        let node = nodes.max_by_key(|(count, _)| *count);
        let (place, advice) = match (wire, node) {
            (Some((count, wire)), _) if count > at_once / 16 => {
                (wire, "a link takes time when it has a delay or a rate")
            }
            (_, Some((_, node))) => (node, "its programs never wait for time to pass"),
            _ => return String::new(),
        };
        format!(
            "{at_once} arrivals and turns at this one moment, most of them at {place}, and no end: \
             {advice}"
        )
    }
}
