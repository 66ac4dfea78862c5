//! Who looks on: observers of records and frames, and the recorder of inputs.
//!
//! Both are called by the host's driver, never by the thread of a socket's user, without the
//! host's mutex held, and in the order things happened.

use crate::base::{Frame, IfaceId, Instant, Medium};
use crate::impair::Fate;
use crate::stack::{Input, Record};

/// Which way a frame goes.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// From the device to the host.
    In,
    /// From the host to the device.
    Out,
}

/// A frame that was seen at the device: within the MTU, with complete checksums.
#[derive(Copy, Clone, Debug)]
pub struct Sighting<'a> {
    /// When.
    pub at: Instant,
    /// Which way it went.
    pub direction: Direction,
    /// By which interface.
    pub iface: IfaceId,
    /// The frame.
    pub frame: &'a Frame,
    /// For a frame that came in: the records it caused, when it reached the host at once. For one
    /// that went out: the record of its sending, if it is still known.
    pub records: &'a [Record],
}

/// A frame that a bad link between device and host has lost.
#[derive(Copy, Clone, Debug)]
pub struct Loss<'a> {
    /// When.
    pub at: Instant,
    /// Which way it went.
    pub direction: Direction,
    /// By which interface.
    pub iface: IfaceId,
    /// What carries it.
    pub medium: Medium,
    /// The frame.
    pub frame: &'a Frame,
    /// Why.
    pub why: &'a Fate,
}

/// Something that looks on: a capture file, a ladder, a log.
///
/// Frames are what the device carries. With a bad link between device and host
/// ([`crate::impair`]), a frame that the link drops on its way in is seen, and one that it drops on
/// its way out is not, as with a capture on the wire itself.
///
/// An observer may call the host, but may not add observers to it. It had better be quick: what it
/// is not told yet is kept, and threads that wait may have to wait for it, too. While it keeps a
/// [`Host`](super::Host), that does not end.
pub trait Observer: Send {
    /// What the host told: every record once, in order.
    fn records(&mut self, records: &[Record]) {
        let _ = records;
    }

    /// Whether it is to be shown frames. Where nobody is, super-segments need not be taken apart.
    fn sees_frames(&self) -> bool {
        true
    }

    /// A frame on the wire. What it caused comes to [`Observer::records`] afterwards, what sent it
    /// came before.
    fn frame(&mut self, sighting: &Sighting<'_>) {
        let _ = sighting;
    }

    /// A frame that got lost on a bad link: behind the device on its way in, before it on its way
    /// out. What sent it came to [`Observer::records`] before.
    fn lost(&mut self, loss: &Loss<'_>) {
        let _ = loss;
    }
}

/// Keeps the inputs of a host, to live its life again (see [`crate::stack::Stack::apply`]).
pub trait Recorder: Send {
    /// The next inputs, in order.
    fn inputs(&mut self, inputs: Vec<(Instant, Input)>);
}

impl<F: FnMut(Vec<(Instant, Input)>) + Send> Recorder for F {
    fn inputs(&mut self, inputs: Vec<(Instant, Input)>) {
        self(inputs);
    }
}
