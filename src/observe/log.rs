//! The log of a run: what happened in a whole network, in one order.
//!
//! Entries are numbered from 1 over all places, and name their causes by these numbers. Every view,
//! plot and answer about a run is a pure function of its log; whoever makes the log (a simulation,
//! a replayed recording) numbers what it hears with [`Log::host`] and [`Log::wire`].

mod brief;
mod query;

pub use brief::LeftOut;
pub use query::{Nth, Query, QueryError, rules};

use crate::base::{ConnId, EventId, Instant};
use crate::impair::{Act, Fate, What};
use crate::link::bridge;
use crate::stack::{self, Record};
use crate::tcp;
use brief::Brief;

/// A place in the network: its index among [`Log::places`].
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct PlaceId(pub u16);

/// What a place is.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// A host.
    Host,
    /// A host that forwards.
    Router,
    /// What repeats everything to everybody.
    Hub,
    /// What learns who is where.
    Switch,
    /// A wire between two places.
    Wire,
    /// Where the network leads out of the run.
    Outside,
}

/// A place with its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Its name, unique in the run.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The two places that a wire joins, in the order of its ways: way 0 leads from the first to
    /// the second.
    pub ends: Option<[PlaceId; 2]>,
}

/// What happened to a packet on a wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OnWire {
    /// 0: on its way from the wire's first end to the second; 1: back.
    pub way: u8,
    /// Which packet of this way, from 0.
    pub ordinal: u64,
    /// Whether it is the second copy of a packet that was duplicated.
    pub copy: bool,
    /// What.
    pub what: What,
}

impl OnWire {
    /// Why the packet came to nothing, if it did.
    pub fn gone(&self) -> Option<&Fate> {
        match &self.what {
            What::Gone { fate } => Some(fate),
            _ => None,
        }
    }

    /// How many packets wait or are under way, with it; `None` where that is not told.
    pub fn packets(&self) -> Option<u32> {
        match &self.what {
            What::MarkedByQueue { packets, .. }
            | What::Queued { packets, .. }
            | What::Started { packets, .. }
            | What::Travels { packets, .. } => Some(packets.0),
            _ => None,
        }
    }
}

/// What happened.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// To a host.
    Host(stack::Event),
    /// To a packet on a wire.
    Wire(OnWire),
    /// In a hub or a switch.
    Bridge(bridge::Event),
}

/// An event of the run.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// Its number, from 1.
    pub id: EventId,
    /// When.
    pub at: Instant,
    /// Where.
    pub place: PlaceId,
    /// The host's connection that it belongs to.
    pub conn: Option<ConnId>,
    /// What led to it, by number; [`EventId::NONE`] fills up.
    pub causes: [EventId; 2],
    /// What happened.
    pub event: Event,
}

impl Entry {
    /// As a record of its host, with the run's numbers; `None` for what happened elsewhere.
    pub fn record(&self) -> Option<Record> {
        let Event::Host(event) = &self.event else { return None };
        let Entry { id, at, conn, causes, .. } = *self;
        Some(Record { id, at, conn, causes, event: event.clone() })
    }

    /// What led to it.
    pub fn causes(&self) -> impl Iterator<Item = EventId> {
        self.causes.into_iter().filter(|cause| cause.is_some())
    }
}

/// The bytes that an entry takes, with its number and its host's name of it.
const ENTRY: u64 = (size_of::<Entry>() + size_of::<EventId>() + size_of::<u32>()) as u64;

/// How much of a run a log tells.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Detail {
    /// Everything.
    #[default]
    All,
    /// Not what happens to every packet: that it is sent, waits, travels, arrives, and gives a
    /// round trip. `tcp_info` is told every ten milliseconds.
    Brief,
}

/// The log of a run.
#[derive(Clone, Default, Debug)]
pub struct Log {
    places: Vec<Place>,
    entries: Vec<Entry>,
    /// By host and its own number: the number here, 0 when it was not told.
    numbers: Vec<Vec<u32>>,
    /// The hosts' own names of entries: what frames carry.
    origins: Vec<EventId>,
    /// Bytes of what entries do not hold themselves.
    beside: u64,
    /// Of a brief log: what it leaves out.
    brief: Option<Brief>,
}

impl Log {
    /// An empty log of these places. The hosts' numbers are their places'
    /// ([`crate::stack::Setup::host`]).
    pub fn new(places: Vec<Place>) -> Log {
        let numbers = vec![Vec::new(); places.len()];
        Log { places, numbers, ..Log::default() }
    }

    /// Leaves out, from now on, what happens to every packet ([`Detail::Brief`]).
    #[must_use]
    pub fn with(mut self, detail: Detail) -> Log {
        self.brief = (detail == Detail::Brief).then(Brief::default);
        self
    }

    /// Whether what happens to every packet is left out.
    pub fn is_brief(&self) -> bool {
        self.brief.is_some()
    }

    /// Of a brief log: what the packets and reads that it has no entries of came to.
    pub fn left_out(&self) -> LeftOut {
        self.brief.as_ref().map_or_else(LeftOut::default, |brief| brief.left_out.clone())
    }

    /// The places of the run.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// A place's name.
    pub fn name(&self, place: PlaceId) -> &str {
        self.places.get(usize::from(place.0)).map_or("?", |place| &place.name)
    }

    /// The place of that name.
    pub fn place(&self, name: &str) -> Option<PlaceId> {
        let at = self.places.iter().position(|place| place.name == name)?;
        Some(PlaceId(at as u16))
    }

    /// The entries, oldest first: the one numbered n is at n − 1.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The bytes that it takes.
    pub fn bytes(&self) -> u64 {
        self.entries.len() as u64 * ENTRY + self.beside
    }

    /// The entry with that number.
    pub fn get(&self, id: EventId) -> Option<&Entry> {
        let at = usize::try_from(id.0.checked_sub(1)?).ok()?;
        self.entries.get(at)
    }

    /// What an event led to directly, oldest first.
    pub fn effects(&self, id: EventId) -> impl Iterator<Item = &Entry> {
        let from = usize::try_from(id.0).unwrap_or(usize::MAX).min(self.entries.len());
        self.entries[from..].iter().filter(move |entry| entry.causes.contains(&id))
    }

    /// The entries of one host as records, with the run's numbers.
    pub fn records(&self, place: PlaceId) -> impl Iterator<Item = Record> + '_ {
        let its = self.entries.iter().filter(move |entry| entry.place == place);
        its.filter_map(Entry::record)
    }

    /// The number here of what a host calls `id`.
    pub fn number(&self, id: EventId) -> EventId {
        let (host, serial) = id.of_host();
        let known = self.numbers.get(usize::from(host));
        let known = known.and_then(|known| known.get(usize::try_from(serial).ok()?));
        EventId(known.copied().unwrap_or(0).into())
    }

    /// What the entry's host calls it, which is what frames carry as their
    /// [origin](crate::base::Frame::origin).
    pub fn origin(&self, id: EventId) -> Option<EventId> {
        let at = usize::try_from(id.0.checked_sub(1)?).ok()?;
        self.origins.get(at).copied().filter(|origin| origin.is_some())
    }

    /// Adds what a host tells, oldest first, and empties it.
    pub fn host(&mut self, place: PlaceId, records: &mut Vec<Record>) {
        for mut record in records.drain(..) {
            if self.brief.as_mut().is_some_and(|brief| !brief.keeps(place, &mut record)) {
                continue;
            }
            let Record { id, at, conn, causes, event } = record;
            let causes = causes.map(|cause| self.number(cause));
            let number = self.add(at, place, conn, causes, id, Event::Host(event));
            let (host, serial) = id.of_host();
            if let Some(numbers) = self.numbers.get_mut(usize::from(host)) {
                // A host numbers all its events, and tells nearly all: the places are dense.
                let at = serial as usize;
                numbers.resize(numbers.len().max(at + 1), 0);
                numbers[at] = number.0 as u32;
            }
        }
    }

    /// Adds what happened to a packet on a wire.
    pub fn wire(&mut self, place: PlaceId, way: u8, act: Act) {
        let Act { at, origin, ordinal, copy, what } = act;
        if self.brief.is_some() && !brief::keeps(&what) {
            return;
        }
        let causes = [self.number(origin), EventId::NONE];
        let on_wire = OnWire { way, ordinal, copy, what };
        self.add(at, place, None, causes, EventId::NONE, Event::Wire(on_wire));
    }

    /// Adds what happened in a hub or a switch; `cause` is what its frame says sent it.
    pub fn bridge(&mut self, at: Instant, place: PlaceId, cause: EventId, event: bridge::Event) {
        let causes = [self.number(cause), EventId::NONE];
        self.add(at, place, None, causes, EventId::NONE, Event::Bridge(event));
    }

    fn add(
        &mut self,
        at: Instant,
        place: PlaceId,
        conn: Option<ConnId>,
        causes: [EventId; 2],
        origin: EventId,
        event: Event,
    ) -> EventId {
        let id = EventId(self.entries.len() as u64 + 1);
        if let Event::Host(stack::Event::Tcp(tcp::Event::Info { changes })) = &event {
            self.beside += size_of_val(&changes[..]) as u64;
        }
        self.entries.push(Entry { id, at, place, conn, causes, event });
        self.origins.push(origin);
        id
    }
}

/// Whether an event sends a packet.
pub(in crate::observe) fn sends(event: &stack::Event) -> bool {
    use stack::Event as E;
    matches!(
        event,
        E::Tcp(tcp::Event::Sent { .. } | tcp::Event::Replied { .. })
            | E::StrayOut { .. }
            | E::Out { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str, kind: Kind) -> Place {
        Place { name: name.to_owned(), kind, ends: None }
    }

    fn record(id: EventId, cause: EventId) -> Record {
        let event = stack::Event::Limit { limit: crate::base::Limit::Backlog { max: 1, port: 1 } };
        Record { id, at: Instant::ZERO, conn: None, causes: [cause, EventId::NONE], event }
    }

    #[test]
    fn causes_cross_hosts_by_the_run_s_numbers() {
        let mut log = Log::new(vec![place("a", Kind::Host), place("b", Kind::Host)]);
        let [a, b] = [0, 1].map(|host| move |n| EventId(EventId::before_host(host).0 + n));
        log.host(PlaceId(0), &mut vec![record(a(1), EventId::NONE), record(a(2), a(1))]);
        log.host(PlaceId(1), &mut vec![record(b(1), a(2))]);
        let causes: Vec<_> = log.entries().iter().map(|entry| entry.causes[0].0).collect();
        assert_eq!(causes, [0, 1, 2]);
        assert_eq!(log.origin(EventId(3)), Some(b(1)));
        assert_eq!(log.number(b(1)), EventId(3));
        assert_eq!(log.number(b(2)), EventId::NONE);
        assert_eq!(log.effects(EventId(2)).count(), 1);
        assert_eq!(log.get(EventId(3)).map(|entry| log.name(entry.place)), Some("b"));
        assert_eq!((log.get(EventId(0)), log.get(EventId(4))), (None, None));
        assert_eq!(log.records(PlaceId(0)).count(), 2);
    }
}
