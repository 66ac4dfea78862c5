//! How many packets waited on each direction of a wire, and what came of it.

use super::Index;
use crate::base::{EventId, Instant};
use crate::impair::{Fate, What};
use crate::observe::log::{Event, Kind, Log, PlaceId};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// One direction of a wire.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Way {
    /// The wire.
    pub wire: PlaceId,
    /// 0: from its first end to the second; 1: back.
    pub way: u8,
}

impl Way {
    /// `r1-c, r1 to c`.
    pub fn name(self, log: &Log) -> String {
        let name = log.name(self.wire);
        let wire = log.places().get(usize::from(self.wire.0));
        let Some([a, b]) = wire.and_then(|wire| wire.ends) else { return name.into() };
        let (from, to) = if self.way == 0 { (a, b) } else { (b, a) };
        format!("{name}, {} to {}", log.name(from), log.name(to))
    }
}

/// All directions of all wires.
pub fn ways(log: &Log) -> Vec<Way> {
    let wires = (0..).map(PlaceId).zip(log.places());
    let wires = wires.filter(|(_, place)| place.kind == Kind::Wire);
    wires.flat_map(|(wire, _)| [0, 1].map(|way| Way { wire, way })).collect()
}

/// What has changed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Change {
    Queued,
    Left,
    Dropped,
    Marked,
}

impl Change {
    pub(super) fn name(self) -> &'static str {
        match self {
            Change::Queued => "queued",
            Change::Left => "left",
            Change::Dropped => "dropped",
            Change::Marked => "marked",
        }
    }
}

/// The queue at a moment.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Depth {
    pub(super) at: Instant,
    /// The entry that tells of it; none for an arrival, which an earlier entry foretold.
    pub(super) id: EventId,
    pub(super) change: Change,
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

/// The packets of a direction that has no queue of its own, until each arrives.
#[derive(Default)]
struct Travellers {
    /// (when it arrives, bytes)
    order: BinaryHeap<Reverse<(Instant, u64)>>,
    bytes: u64,
}

impl Travellers {
    /// What has arrived by `now`.
    fn arrive(&mut self, now: Instant, told: &mut Vec<Depth>) {
        while let Some(Reverse((at, len))) = self.order.peek().copied()
            && at <= now
        {
            self.order.pop();
            self.bytes -= len;
            let (packets, bytes) = (self.order.len() as u64, self.bytes);
            told.push(Depth { at, id: EventId::NONE, change: Change::Left, packets, bytes });
        }
    }

    fn add(&mut self, arrives: Instant, bytes: u64) {
        self.order.push(Reverse((arrives, bytes.saturating_sub(self.bytes))));
        self.bytes = self.bytes.max(bytes);
    }
}

/// The story of a direction, in the order of time.
pub(super) fn of(index: &Index<'_>, way: Way) -> Vec<Depth> {
    let mut told: Vec<Depth> = Vec::new();
    let mut travellers = Travellers::default();
    for entry in index.wire(way.wire) {
        let Event::Wire(wire) = &entry.event else { continue };
        if wire.way != way.way {
            continue;
        }
        travellers.arrive(entry.at, &mut told);
        let last = told.last().map_or((0, 0), |depth| (depth.packets, depth.bytes));
        let (change, packets, bytes) = match &wire.what {
            What::Queued { packets, bytes } => (Change::Queued, packets.0.into(), *bytes),
            What::Started { packets, bytes, .. } => (Change::Left, packets.0.into(), *bytes),
            What::Travels { packets, bytes, arrives } => {
                travellers.add(arrives.0, *bytes);
                (Change::Queued, packets.0.into(), *bytes)
            }
            What::MarkedByQueue { .. } | What::MarkedByCodel { .. } => {
                (Change::Marked, last.0, last.1)
            }
            What::Gone { fate: Fate::Overlimit { .. } | Fate::QueueFull { .. } }
            | What::Gone { fate: Fate::Codel { .. } } => (Change::Dropped, last.0, last.1),
            _ => continue,
        };
        told.push(Depth { at: entry.at, id: entry.id, change, packets, bytes });
    }
    travellers.arrive(Instant::MAX, &mut told);
    told
}
