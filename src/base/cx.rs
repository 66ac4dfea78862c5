//! What a pure machine may not make for itself — time, chance, an audience, and blocks of memory —
//! enters with every call in one `Cx`.

use super::ids::EventId;
use super::pool::Pool;
use super::rng::Chance;
use super::time::Instant;

/// What the world lends a machine for one call. `E` is the machine's own event type.
pub struct Cx<'a, E> {
    /// The current time: one reading per batch.
    pub now: Instant,
    /// The host's chance.
    pub chance: &'a Chance,
    /// Where blocks of bytes come from.
    pub pool: &'a Pool,
    /// Where events go.
    pub trace: &'a mut Trace<E>,
    /// The event that led to this call: an arrival, a timer, an application's call.
    pub cause: EventId,
}

impl<E> Cx<'_, E> {
    /// Reports what `event` makes, caused by this call's cause; returns its number.
    pub fn note(&mut self, event: impl FnOnce() -> E) -> EventId {
        self.trace.note([self.cause, EventId::NONE], event)
    }

    /// Reports what `event` makes with a cause of its own besides this call's.
    pub fn note_caused(&mut self, other: EventId, event: impl FnOnce() -> E) -> EventId {
        self.trace.note([self.cause, other], event)
    }
}

/// An event with its number and up to two causes.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamped<E> {
    /// Its number among the host's events.
    pub id: EventId,
    /// What led to it ([`EventId::NONE`] fills up).
    pub causes: [EventId; 2],
    /// What happened.
    pub event: E,
}

/// Collects events until the next drain. Numbers advance whether or not anybody listens, but for
/// what a machine leaves out when nobody does.
#[derive(Debug)]
pub struct Trace<E> {
    last: EventId,
    listening: bool,
    events: Vec<Stamped<E>>,
}

impl<E> Trace<E> {
    /// A trace that counts and, when `listening`, keeps.
    pub fn new(listening: bool) -> Trace<E> {
        Trace { last: EventId::NONE, listening, events: Vec::new() }
    }

    /// Whether events are kept for somebody.
    pub fn is_listening(&self) -> bool {
        self.listening
    }

    /// Starts or stops keeping events.
    pub fn listen(&mut self, listening: bool) {
        self.listening = listening;
    }

    /// The number of the latest event.
    pub fn last(&self) -> EventId {
        self.last
    }

    /// Continues counting behind `last`: how several traces of one host share its numbers.
    pub fn resume(&mut self, last: EventId) {
        self.last = last;
    }

    /// Counts an event and, when somebody listens, makes and keeps it.
    #[inline]
    pub fn note(&mut self, causes: [EventId; 2], event: impl FnOnce() -> E) -> EventId {
        self.last.0 += 1;
        if self.listening {
            self.keep(causes, event);
        }
        self.last
    }

    /// Keeps the latest event. What makes it is not to lie between what a host does when nobody
    /// listens.
    #[cold]
    #[inline(never)]
    fn keep(&mut self, causes: [EventId; 2], event: impl FnOnce() -> E) {
        self.events.push(Stamped { id: self.last, causes, event: event() });
    }

    /// Counts an event that will be told at its end ([`Trace::note_as`]), so that what happens
    /// meanwhile can name it as its cause.
    pub fn reserve(&mut self) -> EventId {
        self.last.0 += 1;
        self.last
    }

    /// Gives back a number that was reserved for what came to nothing; says whether that could be
    /// done, because nothing else has happened since.
    pub fn release(&mut self, id: EventId) -> bool {
        let is_last = self.last == id;
        self.last.0 -= u64::from(is_last);
        is_last
    }

    /// Tells the event whose number was [reserved](Trace::reserve), in its place.
    #[inline]
    pub fn note_as(&mut self, id: EventId, causes: [EventId; 2], event: impl FnOnce() -> E) {
        if self.listening {
            self.keep_as(id, causes, event);
        }
    }

    #[cold]
    #[inline(never)]
    fn keep_as(&mut self, id: EventId, causes: [EventId; 2], event: impl FnOnce() -> E) {
        let at = self.events.partition_point(|earlier| earlier.id < id);
        self.events.insert(at, Stamped { id, causes, event: event() });
    }

    /// Takes the kept events, oldest first.
    pub fn drain(&mut self) -> impl Iterator<Item = Stamped<E>> + '_ {
        self.events.drain(..)
    }

    /// Whether nothing waits to be drained.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_advance_unheard() {
        let mut trace = Trace::new(false);
        trace.note([EventId::NONE; 2], || "lost");
        assert!(trace.is_empty());
        trace.listen(true);
        let id = trace.note([EventId(1), EventId::NONE], || "kept");
        assert_eq!(id, EventId(2));
        let kept: Vec<_> = trace.drain().collect();
        assert_eq!((kept.len(), kept[0].event, kept[0].id), (1, "kept", EventId(2)));
        let arrival = trace.reserve();
        trace.note([arrival, EventId::NONE], || "then");
        trace.note_as(arrival, [EventId::NONE; 2], || "arrival");
        let order: Vec<_> = trace.drain().map(|s| (s.id.0, s.event)).collect();
        assert_eq!(order, [(3, "arrival"), (4, "then")]);
        let nothing = trace.reserve();
        assert_eq!((trace.release(nothing), trace.last()), (true, EventId(4)));
        let something = trace.reserve();
        trace.note([something, EventId::NONE], || "then");
        assert_eq!((trace.release(something), trace.last()), (false, EventId(6)));
    }
}
