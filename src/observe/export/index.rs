//! Where in a log what is about each connection and each wire stands: found in one pass, so that to
//! write about all of them costs what the log does, however many there are.

use super::{Conn, crossing};
use crate::base::EventId;
use crate::observe::log::{Entry, Event, Log, PlaceId};
use crate::observe::view::run::web::Web;
use crate::stack;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A host, an address of its own, and the peer's.
type Ends = (PlaceId, SocketAddr, SocketAddr);

/// A log, and where in it things are. Everything here is written from one.
pub struct Index<'a> {
    pub(super) web: Web<'a>,
    log: &'a Log,
    conns: Vec<Conn>,
    /// The segments of handshakes that a listener held, oldest first.
    handshakes: BTreeMap<Ends, Vec<EventId>>,
    /// What happened on each wire, oldest first.
    wires: BTreeMap<PlaceId, Vec<EventId>>,
}

impl std::fmt::Debug for Index<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Index({} connections)", self.conns.len())
    }
}

impl<'a> Index<'a> {
    /// Goes through a log.
    pub fn new(log: &'a Log) -> Index<'a> {
        let (mut conns, mut handshakes) = (Vec::new(), BTreeMap::<Ends, Vec<EventId>>::new());
        let mut wires = BTreeMap::<PlaceId, Vec<EventId>>::new();
        for entry in log.entries() {
            let place = entry.place;
            match (&entry.event, entry.conn) {
                (Event::Host(stack::Event::Conn { local, remote }), Some(id)) => {
                    conns.push(Conn { place, id, local: *local, remote: *remote });
                }
                (
                    Event::Host(
                        stack::Event::StrayIn { local, remote, .. }
                        | stack::Event::StrayOut { local, remote, .. },
                    ),
                    _,
                ) => handshakes.entry((place, *local, *remote)).or_default().push(entry.id),
                (Event::Wire(_), _) => wires.entry(place).or_default().push(entry.id),
                _ => {}
            }
        }
        Index { web: Web::new(log), log, conns, handshakes, wires }
    }

    /// The log.
    pub fn log(&self) -> &'a Log {
        self.log
    }

    /// The connections of the run, in the order they began: both ends, when both hosts are in the
    /// log.
    pub fn conns(&self) -> &[Conn] {
        &self.conns
    }

    /// What the log has about one end of a connection, oldest first: with the segments that came
    /// before it had its number, of a handshake that a listener held.
    pub fn entries(&self, conn: &Conn) -> impl Iterator<Item = &'a Entry> {
        let Conn { place, id, local, remote } = *conn;
        let its = self.web.of_conn((place, id));
        let birth = its.clone().next().map_or(EventId(u64::MAX), |entry| entry.id);
        let held = self.handshakes.get(&(place, local, remote)).map_or(&[][..], Vec::as_slice);
        let held = &held[..held.partition_point(|id| *id < birth)];
        let is_syn = |id: &EventId| {
            let entry = self.log.get(*id).and_then(crossing);
            entry.is_some_and(|(out, seg)| !out && seg.ctl.syn())
        };
        // Of several attempts only the last led to this connection.
        let last = held.iter().rposition(is_syn).unwrap_or(held.len());
        held[last..].iter().filter_map(|id| self.log.get(*id)).chain(its)
    }

    /// What happened on a wire, oldest first.
    pub(super) fn wire(&self, wire: PlaceId) -> impl Iterator<Item = &'a Entry> {
        let its = self.wires.get(&wire).map_or(&[][..], Vec::as_slice);
        its.iter().filter_map(|id| self.log.get(*id))
    }
}
