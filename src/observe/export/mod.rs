//! A run's log in other programs' formats: qlog and its viewer qvis, tables (CSV), plots (SVG,
//! xplot), captures (pcap, pcapng).
//!
//! All are pure functions of a [`Log`], captures also of the frames that a tap has seen. Numbers
//! are integers throughout: times are nanoseconds that are written as decimal text, and sequence
//! numbers count from the connection's first byte.

#[cfg(feature = "pcap")]
pub mod capture;
mod chart;
pub mod csv;
pub mod plots;
pub mod qlog;
pub mod queues;
pub mod qvis;
mod sequence;
mod series;
mod thin;
mod track;
pub mod xpl;

use super::log::{Entry, Event, Log, PlaceId};
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

/// The connections of a run, in the order they began: both ends, when both hosts are in the log.
pub fn conns(log: &Log) -> Vec<Conn> {
    let named = |entry: &Entry| match (entry.conn, &entry.event) {
        (Some(id), Event::Host(stack::Event::Conn { local, remote })) => {
            Some(Conn { place: entry.place, id, local: *local, remote: *remote })
        }
        _ => None,
    };
    log.entries().iter().filter_map(named).collect()
}

impl Conn {
    /// What the log has about this end, oldest first: with the segments that came before it had
    /// its number, of a handshake that a listener held.
    pub fn entries<'a>(&'a self, log: &'a Log) -> impl Iterator<Item = &'a Entry> + Clone {
        let its = move |entry: &&Entry| entry.place == self.place && entry.conn == Some(self.id);
        let all = log.entries();
        let birth = all.iter().position(|entry| its(&entry)).unwrap_or(all.len());
        let embryo = all[..birth].iter().filter(move |entry| self.is_handshake(entry));
        // Of several attempts only the last led to this connection.
        let syn = |entry: &&Entry| crossing(entry).is_some_and(|(out, seg)| !out && seg.ctl.syn());
        let last = embryo.clone().rfind(syn).map(|entry| entry.id);
        let embryo = embryo.filter(move |entry| last.is_some_and(|last| entry.id >= last));
        embryo.chain(all[birth..].iter().filter(its))
    }

    fn is_handshake(&self, entry: &Entry) -> bool {
        let (
            Event::Host(
                stack::Event::StrayIn { local, remote, .. }
                | stack::Event::StrayOut { local, remote, .. },
            ),
            true,
        ) = (&entry.event, entry.place == self.place)
        else {
            return false;
        };
        (*local, *remote) == (self.local, self.remote)
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
