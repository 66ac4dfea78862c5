//! Two devices joined by a cable in memory: for tests, and for stacks that talk inside one process.
//!
//! With offloads the ends hand over super-segments and partial checksums untouched; without, each
//! frame goes through the splitter, so that the other end sees what a wire would carry. The queues
//! are bounded. Nothing here knows time: a link with delay or loss is [`crate::impair`]'s.

use super::{Capabilities, Device, split};
use crate::base::{EventId, Frame, Medium, Pool};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a pair is made.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The longest packet in bytes.
    pub mtu: usize,
    /// How many frames may wait in each direction, at least 1.
    pub capacity: usize,
    /// Whether super-segments and partial checksums cross as they are.
    pub offload: bool,
    /// What frames start with.
    pub medium: Medium,
}

impl Default for Options {
    /// 1500 bytes, 1000 frames, no offload, bare IP.
    fn default() -> Options {
        Options { mtu: 1500, capacity: 1000, offload: false, medium: Medium::Ip }
    }
}

/// Called when an end has something to do: a frame arrived, or there is room again.
type Hook = Arc<dyn Fn() + Send + Sync>;

/// One direction of the cable.
#[derive(Default)]
struct Lane {
    frames: VecDeque<Frame>,
    /// The sender was refused and wants to hear of room.
    refused: bool,
    /// The receiving end is gone: what is sent is lost, as on an unplugged cable.
    closed: bool,
    /// Tells the receiving end that a frame waits.
    arrived: Option<Hook>,
    /// Tells the sending end that there is room.
    room: Option<Hook>,
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lane({} frames)", self.frames.len())
    }
}

/// One end of the cable.
#[derive(Debug)]
pub struct Memory {
    options: Options,
    outward: Arc<Mutex<Lane>>,
    inward: Arc<Mutex<Lane>>,
}

/// The two ends of a new cable.
pub fn pair(options: Options) -> (Memory, Memory) {
    let options = Options { capacity: options.capacity.max(1), ..options };
    let (there, back) = <(Arc<Mutex<Lane>>, Arc<Mutex<Lane>>)>::default();
    let one = Memory { options, outward: Arc::clone(&there), inward: Arc::clone(&back) };
    (one, Memory { options, outward: back, inward: there })
}

fn lock(lane: &Mutex<Lane>) -> MutexGuard<'_, Lane> {
    lane.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// Has `hook` called, on the other end's thread, whenever this end has something to do: a frame
    /// arrived where none was waiting, or there is room after [`Device::transmit`] was refused.
    ///
    /// The hook may be called once too often, never once too seldom. It replaces an earlier one.
    pub fn on_change(&mut self, hook: impl Fn() + Send + Sync + 'static) {
        let hook: Hook = Arc::new(hook);
        lock(&self.outward).room = Some(Arc::clone(&hook));
        lock(&self.inward).arrived = Some(hook);
    }

    /// How many frames wait to be received here.
    pub fn waiting(&self) -> usize {
        lock(&self.inward).frames.len()
    }

    /// Queues all of `frames`, or none when there is no room. More than the whole capacity is taken
    /// when the queue is empty, and its tail is lost: waiting would not make room for it.
    fn push(&self, frames: impl ExactSizeIterator<Item = Frame>) -> bool {
        let mut lane = lock(&self.outward);
        if lane.closed {
            return true;
        }
        let room = self.options.capacity.saturating_sub(lane.frames.len());
        if frames.len() > room && !lane.frames.is_empty() {
            lane.refused = true;
            return false;
        }
        let hook = lane.frames.is_empty().then(|| lane.arrived.clone()).flatten();
        let origin = EventId::NONE; // the other host counts for itself
        lane.frames.extend(frames.take(room).map(|frame| Frame { origin, ..frame }));
        drop(lane);
        call(hook);
        true
    }
}

/// Calls a hook, outside any lock.
fn call(hook: Option<Hook>) {
    if let Some(hook) = hook {
        hook();
    }
}

impl Device for Memory {
    fn mtu(&self) -> usize {
        self.options.mtu
    }

    fn medium(&self) -> Medium {
        self.options.medium
    }

    fn offload(&self) -> Capabilities {
        Capabilities { gso: self.options.offload, checksum: self.options.offload }
    }

    fn receive(&mut self, _pool: &Pool) -> io::Result<Option<Frame>> {
        let mut lane = lock(&self.inward);
        let frame = lane.frames.pop_front();
        // A sender that was refused wants room for a whole frame's pieces, which only an empty
        // queue promises.
        let wanted = lane.refused && lane.frames.is_empty();
        let hook = wanted.then(|| lane.room.clone()).flatten();
        lane.refused &= !wanted;
        drop(lane);
        call(hook);
        Ok(frame)
    }

    fn transmit(&mut self, frame: &Frame) -> io::Result<bool> {
        let invalid = |e| io::Error::new(io::ErrorKind::InvalidInput, e);
        if !self.options.offload {
            let Options { medium, mtu, .. } = self.options;
            return Ok(self.push(split::split_on(medium, frame, mtu).map_err(invalid)?));
        }
        let longest = self.options.mtu + super::link_room(self.options.medium);
        if frame.offload.gso.is_none() && frame.len() > longest {
            let (len, mtu) = (frame.len(), self.options.mtu);
            return Err(invalid(split::Unsplittable::TooLong { len, mtu }));
        }
        Ok(self.push(std::iter::once(frame.clone())))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let mut lane = lock(&self.inward);
        lane.closed = true;
        lane.arrived = None;
        lane.frames.clear();
        let hook = std::mem::take(&mut lane.refused).then(|| lane.room.clone()).flatten();
        drop(lane);
        lock(&self.outward).room = None;
        call(hook);
    }
}

#[cfg(test)]
mod tests;
