//! Who talks to whom: the addresses of connections, learned from the records that name them, and
//! the one shape of "a segment crossed the wire" for the records that tell of one.

use crate::base::ConnId;
use crate::stack::{Event, Record};
use crate::tcp::{self, SegmentView};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

/// How many connections a view remembers; the oldest are forgotten first.
pub const REMEMBERED: usize = 65_536;

/// A map that holds at most [`REMEMBERED`] entries: the oldest key makes room.
#[derive(Clone, Debug)]
pub(super) struct Recent<K, V> {
    entries: BTreeMap<K, V>,
    order: VecDeque<K>,
    limit: usize,
}

impl<K: Ord + Copy, V> Recent<K, V> {
    pub(super) fn new() -> Recent<K, V> {
        Recent { entries: BTreeMap::new(), order: VecDeque::new(), limit: REMEMBERED }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.entries.insert(key, value).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }

    pub(super) fn or_insert(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        if !self.entries.contains_key(&key) {
            self.insert(key, value());
        }
        self.entries.get_mut(&key).expect("just inserted")
    }
}

/// The two ends of a conversation, seen from this host.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Pair {
    /// Our address and port.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
}

/// A segment that crossed the wire.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Crossing<'a> {
    /// Whether this host sent it.
    pub out: bool,
    /// The two ends; `None` when the record that names the connection was not seen.
    pub pair: Option<Pair>,
    /// The segment.
    pub seg: &'a SegmentView,
}

/// Remembers the ends of connections: the latest [`REMEMBERED`] of them.
#[derive(Clone, Debug)]
pub struct Parties {
    conns: Recent<ConnId, Pair>,
}

impl Parties {
    /// Knows nobody.
    pub fn new() -> Parties {
        Parties { conns: Recent::new() }
    }

    /// Takes note of a record that names a connection.
    pub fn learn(&mut self, record: &Record) {
        if let (Some(conn), Event::Conn { local, remote }) = (record.conn, &record.event) {
            self.conns.insert(conn, Pair { local: *local, remote: *remote });
        }
    }

    /// The ends of a connection.
    pub fn of(&self, conn: ConnId) -> Option<Pair> {
        self.conns.get(&conn).copied()
    }

    /// The segment a record tells of.
    pub fn crossing<'a>(&self, record: &'a Record) -> Option<Crossing<'a>> {
        let known = || record.conn.and_then(|conn| self.of(conn));
        let stray =
            |local: &SocketAddr, remote: &SocketAddr| Some(Pair { local: *local, remote: *remote });
        let (out, pair, seg) = match &record.event {
            Event::Tcp(tcp::Event::Received { seg, .. }) => (false, known(), seg),
            Event::Tcp(tcp::Event::Sent { seg, .. } | tcp::Event::Replied { seg, .. }) => {
                (true, known(), seg)
            }
            Event::StrayIn { local, remote, seg, .. } => (false, stray(local, remote), seg),
            Event::StrayOut { local, remote, seg, .. } => (true, stray(local, remote), seg),
            _ => return None,
        };
        Some(Crossing { out, pair, seg })
    }
}

impl Default for Parties {
    fn default() -> Parties {
        Parties::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let mut recent = Recent { limit: 2, ..Recent::new() };
        recent.insert(1, 'a');
        recent.insert(2, 'b');
        recent.insert(1, 'c');
        assert_eq!((recent.get(&1), recent.get(&2)), (Some(&'c'), Some(&'b')));
        assert_eq!(*recent.or_insert(3, || 'd'), 'd');
        assert_eq!((recent.get(&1), recent.get(&3)), (None, Some(&'d')));
    }
}
