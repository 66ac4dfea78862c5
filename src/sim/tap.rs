//! Wire taps: whoever wants to see the frames that pass a place.

use super::{NodeId, Port};
use crate::base::{Frame, Instant, Medium};

/// Which way a frame goes, seen from the port.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Way {
    /// The node sends it.
    Out,
    /// It arrives at the node.
    In,
}

/// A frame at a port.
#[derive(Copy, Clone, Debug)]
pub struct Seen<'a> {
    /// When.
    pub at: Instant,
    /// Where.
    pub port: Port,
    /// Which way.
    pub way: Way,
    /// What the frame starts with.
    pub medium: Medium,
    /// The frame. Its origin is what the sender's host calls the event that sent it.
    pub frame: &'a Frame,
}

/// What a tap does with what it sees.
pub type Tap = Box<dyn FnMut(&Seen<'_>) + Send>;

pub(super) struct Placed {
    /// `None`: every port.
    pub(super) port: Option<Port>,
    pub(super) tap: Tap,
}

impl super::Net {
    /// Has `tap` see the frames of one port, or of all: those sent as they leave the node, those
    /// received as they arrive.
    pub fn tap(&mut self, port: Option<Port>, tap: Tap) {
        self.taps.push(Placed { port, tap });
    }

    pub(super) fn see(&mut self, port: Port, way: Way, frame: &Frame) {
        if self.taps.is_empty() {
            return;
        }
        let at = self.now();
        let medium = self.medium(port);
        for placed in self.taps.iter_mut().filter(|p| p.port.is_none_or(|its| its == port)) {
            (placed.tap)(&Seen { at, port, way, medium, frame });
        }
    }

    pub(super) fn medium(&self, Port(node, port): Port) -> Medium {
        let NodeId(at) = node;
        self.nodes[usize::from(at)].media.get(usize::from(port)).copied().unwrap_or_default()
    }
}
