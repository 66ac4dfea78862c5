//! What a driver has seen in its turns, in order, for the observers.

use super::observer::{Direction, Loss, Observer, Sighting};
use crate::base::{EventId, Frame, IfaceId, Instant, Medium};
use crate::device::split;
use crate::impair::Fate;
use crate::stack::{Record, Stack};
use std::collections::{BTreeMap, BTreeSet};

/// Sent frames whose records are kept until the device has taken them: those that a link delays
/// longer go without their record.
const SENT_MAX: usize = 4096;

/// A device's medium and its MTU in bytes.
pub type LinkOf = (Medium, usize);

/// A frame and its place among the records.
#[derive(Debug)]
struct Seen {
    at: Instant,
    direction: Direction,
    iface: IfaceId,
    frame: Frame,
    /// Records told before this frame.
    before: usize,
    /// Records behind those that it caused.
    caused: usize,
    /// It was not seen at the device, but lost.
    lost: Option<(Medium, Fate)>,
}

/// The frames and records of some turns, as they came. A driver keeps one, and fills it only while
/// the host is observed.
#[derive(Debug, Default)]
pub struct Journal {
    records: Vec<Record>,
    seen: Vec<Seen>,
    /// The events that sent frames.
    sending: Vec<EventId>,
    /// How many bytes the frames have.
    bytes: usize,
}

impl Journal {
    /// An empty one.
    pub fn new() -> Journal {
        Journal::default()
    }

    /// How many records it holds.
    pub fn records(&self) -> usize {
        self.records.len()
    }

    /// How many bytes the frames have that it holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the records that the stack holds.
    pub fn catch_up(&mut self, stack: &mut Stack) {
        stack.drain_records(&mut self.records);
    }

    /// A frame came from the device. Super-segments are told as the packets they are made of.
    pub fn came(&mut self, at: Instant, iface: IfaceId, frame: &Frame, link: LinkOf) {
        self.see(at, Direction::In, iface, frame, link);
    }

    /// The stack has processed the frame that came last: the records it holds are that frame's.
    pub fn processed(&mut self, stack: &mut Stack) {
        self.catch_up(stack);
        if let Some(last) = self.seen.last_mut() {
            last.caused = self.records.len();
        }
    }

    /// The stack has sent a frame; it may reach the device later.
    pub fn sent(&mut self, frame: &Frame) {
        if frame.origin.is_some() {
            self.sending.push(frame.origin);
        }
    }

    /// A bad link has lost a frame, a packet by itself.
    pub fn lost(
        &mut self,
        at: Instant,
        way: (Direction, IfaceId),
        medium: Medium,
        gone: (Fate, Frame),
    ) {
        let ((direction, iface), (why, frame)) = (way, gone);
        let before = self.records.len();
        let lost = Some((medium, why));
        self.bytes += frame.len();
        self.seen.push(Seen { at, direction, iface, frame, before, caused: before, lost });
    }

    /// The device has taken a frame.
    pub fn went(&mut self, at: Instant, iface: IfaceId, frame: &Frame, link: LinkOf) {
        self.see(at, Direction::Out, iface, frame, link);
    }

    fn see(
        &mut self,
        at: Instant,
        direction: Direction,
        iface: IfaceId,
        frame: &Frame,
        (medium, mtu): LinkOf,
    ) {
        let before = self.records.len();
        let seen = |frame| Seen { at, direction, iface, frame, before, caused: before, lost: None };
        self.bytes += frame.len();
        match split::split_on(medium, frame, mtu) {
            Ok(pieces) => self.seen.extend(pieces.map(seen)),
            // What is no packet is shown as it is.
            Err(_) => self.seen.push(seen(frame.clone())),
        }
    }
}

/// What is to be known of earlier journals when a later one is told.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The events that sent frames, until their records turn up.
    awaited: BTreeSet<EventId>,
    sent: BTreeMap<EventId, Record>,
}

impl Known {
    /// Tells all that is in a journal, and empties it.
    pub(super) fn tell(&mut self, journal: &mut Journal, observers: &mut [Box<dyn Observer>]) {
        let Journal { records, seen, sending, bytes } = journal;
        self.awaited.extend(sending.drain(..));
        for record in records.iter() {
            if self.awaited.remove(&record.id) {
                self.sent.insert(record.id, record.clone());
            }
        }
        while self.sent.len() > SENT_MAX {
            self.sent.pop_first();
        }
        while self.awaited.len() > SENT_MAX {
            self.awaited.pop_first();
        }
        let mut told = 0;
        for seen in seen.iter() {
            let news = &records[told..seen.before];
            told = seen.before;
            let sent = self.sent.get(&seen.frame.origin);
            let records = match seen.direction {
                Direction::In => &records[seen.before..seen.caused],
                Direction::Out => sent.map_or(&[][..], std::slice::from_ref),
            };
            let Seen { at, direction, iface, ref frame, ref lost, .. } = *seen;
            let sighting = Sighting { at, direction, iface, frame, records };
            for observer in observers.iter_mut() {
                if !news.is_empty() {
                    observer.records(news);
                }
                match *lost {
                    Some((medium, ref why)) => {
                        observer.lost(&Loss { at, direction, iface, medium, frame, why });
                    }
                    None if observer.sees_frames() => observer.frame(&sighting),
                    None => {}
                }
            }
        }
        let rest = &records[told..];
        if !rest.is_empty() {
            observers.iter_mut().for_each(|observer| observer.records(rest));
        }
        seen.clear();
        records.clear();
        *bytes = 0;
    }
}
