//! Packets on a link: those that wait for the transmitter, and those that travel.

use crate::base::{Frame, Instant};
use std::collections::VecDeque;

/// A packet with what is decided about it.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) frame: Frame,
    /// Which packet of this direction.
    pub(super) ordinal: u64,
    /// Whether it is the second copy.
    pub(super) copy: bool,
    /// When it was given to the link.
    pub(super) since: Instant,
    /// How long it travels once its last bit has left, nanoseconds.
    pub(super) travel: u64,
    /// Whether it skips that.
    pub(super) overtakes: bool,
    /// How much later a fault makes it arrive, nanoseconds.
    pub(super) late: u64,
    /// Whether nothing may drop it.
    pub(super) spared: bool,
}

impl Parcel {
    /// A packet that nothing is decided about yet.
    pub(super) fn new(frame: Frame, ordinal: u64, since: Instant) -> Parcel {
        let (copy, travel, overtakes, late, spared) = (false, 0, false, 0, false);
        Parcel { frame, ordinal, copy, since, travel, overtakes, late, spared }
    }
}

/// Those that wait for the transmitter, first come, first served.
#[derive(Debug, Default)]
pub(super) struct Line {
    parcels: VecDeque<Parcel>,
    bytes: u64,
    longest: u64,
}

impl Line {
    pub(super) fn push(&mut self, parcel: Parcel) {
        let len = parcel.frame.len() as u64;
        self.bytes += len;
        self.longest = self.longest.max(len);
        self.parcels.push_back(parcel);
    }

    pub(super) fn pop(&mut self) -> Option<Parcel> {
        let parcel = self.parcels.pop_front()?;
        self.bytes -= parcel.frame.len() as u64;
        Some(parcel)
    }

    /// When the first one came.
    pub(super) fn first_since(&self) -> Option<Instant> {
        self.parcels.front().map(|parcel| parcel.since)
    }

    pub(super) fn len(&self) -> usize {
        self.parcels.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parcels.is_empty()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The bytes of the longest packet that ever waited.
    pub(super) fn longest(&self) -> u64 {
        self.longest
    }
}

/// Those that travel, by arrival and then by order of sending. Few overtake, and not many.
#[derive(Debug, Default)]
pub(super) struct Flight {
    frames: VecDeque<(Instant, Box<Frame>)>,
    bytes: u64,
}

impl Flight {
    pub(super) fn push(&mut self, arrives: Instant, frame: Frame) {
        self.bytes += frame.len() as u64;
        let frame = Box::new(frame);
        match self.frames.back() {
            Some((last, _)) if *last > arrives => {
                let at = self.frames.partition_point(|(earlier, _)| *earlier <= arrives);
                self.frames.insert(at, (arrives, frame));
            }
            _ => self.frames.push_back((arrives, frame)),
        }
    }

    /// A frame that has arrived by `now`.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Frame> {
        self.next().filter(|arrives| *arrives <= now)?;
        let (_, frame) = self.frames.pop_front()?;
        self.bytes -= frame.len() as u64;
        Some(*frame)
    }

    /// When the next one arrives.
    pub(super) fn next(&self) -> Option<Instant> {
        self.frames.front().map(|(arrives, _)| *arrives)
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests;
