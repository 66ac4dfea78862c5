//! A recording as a run: its host lived again, with a log of what happened and the state at any
//! moment; and lived again without one of the frames that came.
//!
//! The peers of the host are in the recording only by what they sent. Without a frame, the host
//! acts as it would have, but its peers do as they did: they are not there to react.

use super::log::{Kind, Log, Place, PlaceId};
use super::recording::{Item, Reader, ReplayError, compare};
use crate::base::{EventId, Frame, IfaceId, Instant};
use crate::stack::{Input, Record, SentSoFar, SentSum, Setup, Stack};
use std::io::Read;

/// How far a recording is lived.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Until {
    /// To its end.
    #[default]
    End,
    /// To what happened last by that time.
    Time(Instant),
    /// To the input that led to the entry of the log with that number.
    Event(EventId),
}

/// A host that has lived a recording.
#[derive(Debug)]
pub struct Relived<H> {
    /// The host.
    pub host: H,
    /// What happened.
    pub log: Log,
    /// The time of the last input.
    pub end: Instant,
    /// What it has sent.
    pub sent: SentSoFar,
    /// When the host's time began, nanoseconds since 1970.
    pub epoch: Option<u64>,
    /// The entry in whose middle the recording ends.
    pub cut: Option<u64>,
}

/// What lives a recording: a stack by itself, or one that others hold.
pub trait Living {
    /// Lets the stack do something at that moment.
    fn live<T>(&mut self, now: Instant, act: impl FnOnce(&mut Stack) -> T) -> T;
}

impl Living for Stack {
    fn live<T>(&mut self, _now: Instant, act: impl FnOnce(&mut Stack) -> T) -> T {
        act(self)
    }
}

/// A frame that a host received or sent as it lived a recording again.
#[derive(Copy, Clone, Debug)]
pub struct Passed<'a> {
    /// When.
    pub at: Instant,
    /// Whether the host sent it.
    pub out: bool,
    /// By which interface.
    pub iface: IfaceId,
    /// The frame.
    pub frame: &'a Frame,
}

/// Lives a recording. `name` is the host's in the log; `make` makes what lives it.
///
/// # Errors
/// See [`ReplayError`]; with [`ReplayError::Diverged`] when the host sends something else than it
/// did.
pub fn relive<H: Living>(
    input: impl Read,
    name: &str,
    until: Until,
    make: impl FnOnce(Setup) -> H,
) -> Result<Relived<H>, ReplayError> {
    relive_watched(input, name, until, make, |_| {})
}

/// As [`relive`]; `watch` sees every frame that passes.
///
/// # Errors
/// As [`relive`].
pub fn relive_watched<H: Living>(
    input: impl Read,
    name: &str,
    until: Until,
    make: impl FnOnce(Setup) -> H,
    mut watch: impl FnMut(Passed<'_>),
) -> Result<Relived<H>, ReplayError> {
    let mut life = Life::new(Reader::new(input)?, name, make);
    while let Some((at, input)) = life.next(until)? {
        if let Input::Sent(recorded) = input {
            compare(at, recorded, life.sum.so_far())?;
            continue;
        }
        if let Input::Frame { iface, bytes, offload } = &input {
            let (body, offload) = (bytes.clone(), *offload);
            let frame = Frame { body, offload, ..Frame::default() };
            watch(Passed { at, out: false, iface: *iface, frame: &frame });
        }
        for (iface, frame) in life.live(at, input) {
            watch(Passed { at, out: true, iface, frame: &frame });
        }
    }
    Ok(life.end())
}

/// Lives a recording without the frame whose arrival the entry `lost` of its log tells of. From
/// there on the host's timers act when they are due, for `patience` beyond the recording's end.
/// `None`: that entry is not about an arrival.
///
/// # Errors
/// See [`ReplayError`].
pub fn relive_without<H: Living, R: Read>(
    open: impl Fn() -> std::io::Result<R>,
    name: &str,
    lost: EventId,
    patience: std::time::Duration,
    make: impl Fn(Setup) -> H,
) -> Result<Option<Relived<H>>, ReplayError> {
    let Some(ordinal) = arrival(open()?, name, lost, &make)? else { return Ok(None) };
    let mut life = Life::new(Reader::new(open()?)?, name, make);
    while let Some((at, input)) = life.next(Until::End)? {
        if life.inputs > ordinal {
            life.timers_until(at);
        }
        let is_lost = life.inputs == ordinal;
        if !is_lost && !matches!(input, Input::Sent(_)) {
            life.live(at, input);
        }
    }
    let end = life.run.end + patience;
    life.timers_until(end);
    Ok(Some(life.end()))
}

/// Which input, counted from 1, brought the frame that an entry tells of.
fn arrival<H: Living>(
    input: impl Read,
    name: &str,
    entry: EventId,
    make: impl FnOnce(Setup) -> H,
) -> Result<Option<u64>, ReplayError> {
    let mut life = Life::new(Reader::new(input)?, name, make);
    while let Some((at, input)) = life.next(Until::End)? {
        let is_frame = matches!(input, Input::Frame { .. });
        if !matches!(input, Input::Sent(_)) {
            life.live(at, input);
        }
        if life.run.log.entries().len() as u64 >= entry.0 {
            let told = life.run.log.get(entry);
            return Ok(told.filter(|_| is_frame).map(|_| life.inputs));
        }
    }
    Ok(None)
}

struct Life<H, R> {
    reader: Reader<R>,
    run: Relived<H>,
    /// What was sent.
    sum: SentSum,
    records: Vec<Record>,
    /// How many inputs were read.
    inputs: u64,
    /// One that was read too early.
    ahead: bool,
}

impl<H: Living, R: Read> Life<H, R> {
    fn new(reader: Reader<R>, name: &str, make: impl FnOnce(Setup) -> H) -> Life<H, R> {
        let mut host = make(reader.setup().clone());
        host.live(Instant::ZERO, |stack| stack.listen_to_events(true));
        let log = Log::new(vec![Place { name: name.to_owned(), kind: Kind::Host, ends: None }]);
        let (end, sum) = (Instant::ZERO, reader.sum());
        let run = Relived { host, log, end, sent: sum.so_far(), epoch: None, cut: None };
        Life { reader, run, sum, records: Vec::new(), inputs: 0, ahead: false }
    }

    fn next(&mut self, until: Until) -> Result<Option<(Instant, Input)>, ReplayError> {
        loop {
            let told = self.run.log.entries().len() as u64;
            if self.ahead || matches!(until, Until::Event(id) if told >= id.0) {
                return Ok(None);
            }
            match self.reader.read()? {
                None => return Ok(None),
                Some(Item::Epoch(nanos)) => self.run.epoch = Some(nanos),
                Some(Item::Input(at, _)) if matches!(until, Until::Time(end) if at > end) => {
                    self.ahead = true;
                }
                Some(Item::Input(at, input)) => {
                    self.inputs += 1;
                    return Ok(Some((at, input)));
                }
            }
        }
    }

    fn live(&mut self, at: Instant, input: Input) -> Vec<(IfaceId, Frame)> {
        let Life { run: Relived { host, log, end, .. }, sum, records, .. } = self;
        *end = at;
        let frames = host.live(at, |stack| {
            let frames = stack.apply(at, input);
            stack.drain_records(records);
            frames
        });
        frames.iter().for_each(|(iface, frame)| sum.add(*iface, frame));
        log.host(PlaceId(0), records);
        frames
    }

    /// What is due before `end` happens.
    fn timers_until(&mut self, end: Instant) {
        let mut now = self.run.end;
        loop {
            let due = self.run.host.live(now, |stack| stack.deadline(now));
            let Some(at) = due.filter(|at| *at < end) else { return };
            now = at.max(now);
            self.live(now, Input::Poll);
            self.live(now, Input::Output { frames: u32::MAX, drained: true });
        }
    }

    fn end(mut self) -> Relived<H> {
        self.run.cut = self.reader.cut();
        self.run.sent = self.sum.so_far();
        self.run
    }
}
