//! A run's log in other programs' formats: qlog and its viewer qvis, tables (CSV), plots (SVG,
//! xplot), captures (pcap, pcapng).
//!
//! All are pure functions of a [`Log`](super::log::Log), by its [`Index`], captures also of the
//! frames that a tap has seen. Numbers
//! are integers throughout: times are nanoseconds that are written as decimal text, and sequence
//! numbers count from the connection's first byte.

#[cfg(feature = "pcap")]
pub mod capture;
mod chart;
pub mod csv;
mod index;
pub mod plots;
pub mod qlog;
pub mod queues;
pub mod qvis;
mod sequence;
mod series;
mod thin;
mod track;
pub mod xpl;

pub use index::Index;

use super::log::{Entry, Event, PlaceId};
use crate::base::ConnId;
use crate::stack;
use crate::tcp;
use std::fmt;
use std::net::SocketAddr;

/// One end of a connection of the run.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Conn {
    /// The host it is on.
    pub place: PlaceId,
    /// Its number there.
    pub id: ConnId,
    /// Its own address.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
}

/// `10.0.0.1:49152 > 10.0.0.2:80`.
impl fmt::Display for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}", self.local, self.remote)
    }
}

/// The segment that an entry tells of, and whether it was sent.
fn crossing(entry: &Entry) -> Option<(bool, &tcp::SegmentView)> {
    let Event::Host(event) = &entry.event else { return None };
    match event {
        stack::Event::Tcp(tcp::Event::Received { seg, .. }) | stack::Event::StrayIn { seg, .. } => {
            Some((false, seg))
        }
        stack::Event::Tcp(tcp::Event::Sent { seg, .. } | tcp::Event::Replied { seg, .. })
        | stack::Event::StrayOut { seg, .. } => Some((true, seg)),
        _ => None,
    }
}

/// Nanoseconds as milliseconds, with all that there is behind the point: `12.000500`.
struct Millis(u64);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

#[cfg(test)]
mod tests;
