//! What led where: effects by cause, who talks to whom across hosts, and what became of packets.

use super::super::parties::Pair;
use crate::base::{ConnId, EventId, Seq};
use crate::link::bridge;
use crate::observe::log::{Entry, Event, Log, PlaceId};
use crate::stack;
use crate::tcp::{self, Outcome, Plan, Reply, SegmentView};
use std::collections::BTreeMap;
use std::net::SocketAddr;

pub(in crate::observe) use crate::observe::log::sends;

/// How many hops a packet is followed: as many as a TTL allows.
const HOPS: usize = 255;

/// A connection of a run: whose, and which of its host's.
pub type Key = (PlaceId, ConnId);

/// What became of a packet.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(in crate::observe) enum Fate {
    /// It arrived, and this entry tells of it.
    Arrived(EventId),
    /// It was lost or dropped: this entry tells why.
    Lost(EventId),
}

/// What a retransmission waited for in vain.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Missing {
    /// The earlier transmission, and where it was lost.
    Segment(EventId, EventId),
    /// The earlier transmission arrived; this acknowledgment of it was lost there.
    Ack(EventId, EventId, EventId),
    /// The earlier transmission arrived, as this entry tells, and no acknowledgment was lost.
    Nothing(EventId, EventId),
    /// The earlier transmission; nobody in the log tells what became of it.
    Unknown(EventId),
}

impl Missing {
    /// The earlier transmission.
    pub(super) fn sent(self) -> EventId {
        match self {
            Missing::Segment(sent, _)
            | Missing::Ack(sent, ..)
            | Missing::Nothing(sent, _)
            | Missing::Unknown(sent) => sent,
        }
    }
}

/// A log, and what is looked up in it.
pub(in crate::observe) struct Web<'a> {
    pub(super) log: &'a Log,
    /// (cause, effect), by cause.
    effects: Vec<(EventId, EventId)>,
    /// The entries of each connection, oldest first.
    by_conn: BTreeMap<Key, Vec<EventId>>,
    pairs: BTreeMap<Key, Pair>,
    by_pair: BTreeMap<Pair, Vec<(EventId, Key)>>,
    /// The segments that a host sends and receives, by conversation, its own end first.
    segments: BTreeMap<(PlaceId, Pair), Vec<EventId>>,
    /// The calls that gave a connection data, and how much there was then.
    writes: BTreeMap<Key, Vec<(EventId, u64)>>,
}

impl<'a> Web<'a> {
    pub(in crate::observe) fn new(log: &'a Log) -> Web<'a> {
        let mut effects = Vec::new();
        let mut pairs = BTreeMap::new();
        let mut by_conn: BTreeMap<Key, Vec<EventId>> = BTreeMap::new();
        let mut by_pair: BTreeMap<Pair, Vec<(EventId, Key)>> = BTreeMap::new();
        for entry in log.entries() {
            effects.extend(distinct(entry).map(|cause| (cause, entry.id)));
            if let Some(conn) = entry.conn {
                by_conn.entry((entry.place, conn)).or_default().push(entry.id);
            }
            if let (Event::Host(stack::Event::Conn { local, remote }), Some(conn)) =
                (&entry.event, entry.conn)
            {
                let (pair, key) = (Pair { local: *local, remote: *remote }, (entry.place, conn));
                pairs.insert(key, pair);
                by_pair.entry(pair).or_default().push((entry.id, key));
            }
        }
        effects.sort_unstable();
        let (segments, writes) = (BTreeMap::new(), BTreeMap::new());
        let mut web = Web { log, effects, by_conn, pairs, by_pair, segments, writes };
        log.entries().iter().for_each(|entry| web.note(entry));
        web
    }

    /// Keeps what an entry tells of a conversation, once all pairs are known.
    fn note(&mut self, entry: &'a Entry) {
        if let Some((_, pair, _)) = self.segment(entry) {
            self.segments.entry((entry.place, pair)).or_default().push(entry.id);
        }
        if let (Some(key), Some(n)) = (self.key(entry), given(entry)) {
            let writes = self.writes.entry(key).or_default();
            let before = writes.last().map_or(0, |(_, end)| *end);
            writes.push((entry.id, before + n));
        }
    }

    pub(in crate::observe) fn get(&self, id: EventId) -> Option<&'a Entry> {
        self.log.get(id)
    }

    /// What an event led to directly, oldest first.
    pub(in crate::observe) fn effects(&self, id: EventId) -> impl Iterator<Item = &'a Entry> + '_ {
        let from = self.effects.partition_point(|(cause, _)| *cause < id);
        let its = self.effects[from..].iter().take_while(move |(cause, _)| *cause == id);
        its.filter_map(|(_, effect)| self.log.get(*effect))
    }

    /// The connections, in the order of hosts and births.
    pub(super) fn conns(&self) -> impl Iterator<Item = (Key, Pair)> + '_ {
        self.pairs.iter().map(|(key, pair)| (*key, *pair))
    }

    /// The entry's connection.
    pub(super) fn key(&self, entry: &Entry) -> Option<Key> {
        Some((entry.place, entry.conn?))
    }

    /// A connection's ends, its own first.
    pub(super) fn pair(&self, key: Key) -> Option<Pair> {
        self.pairs.get(&key).copied()
    }

    /// The other end's connection.
    pub(super) fn peer(&self, key: Key) -> Option<Key> {
        let Pair { local, remote } = self.pair(key)?;
        let born = self.by_pair.get(&Pair { local, remote })?.iter().find(|(_, k)| *k == key)?.0;
        let others = self.by_pair.get(&Pair { local: remote, remote: local })?;
        others.iter().min_by_key(|(id, _)| id.0.abs_diff(born.0)).map(|(_, key)| *key)
    }

    /// The entries of a connection, oldest first.
    pub(in crate::observe) fn of_conn(
        &self,
        key: Key,
    ) -> impl DoubleEndedIterator<Item = &'a Entry> + Clone {
        let its = self.by_conn.get(&key).map_or(&[][..], Vec::as_slice);
        its.iter().filter_map(|id| self.log.get(*id))
    }

    /// The entries of a connection before one, oldest first.
    pub(super) fn before(
        &self,
        key: Key,
        id: EventId,
    ) -> impl DoubleEndedIterator<Item = &'a Entry> {
        let its = self.by_conn.get(&key).map_or(&[][..], Vec::as_slice);
        its[..its.partition_point(|other| *other < id)].iter().filter_map(|id| self.log.get(*id))
    }

    /// The segments of a conversation that a host sent and received between two entries, neither of
    /// them counted.
    fn between(
        &self,
        (place, pair): (PlaceId, Pair),
        (after, before): (EventId, EventId),
    ) -> impl DoubleEndedIterator<Item = &'a Entry> {
        let its = self.segments.get(&(place, pair)).map_or(&[][..], Vec::as_slice);
        let to = its.partition_point(|id| *id < before);
        let from = its.partition_point(|id| *id <= after).min(to);
        its[from..to].iter().filter_map(|id| self.log.get(*id))
    }

    /// What became of the packets that an event sent.
    pub(in crate::observe) fn fates(&self, id: EventId) -> Vec<Fate> {
        let mut fates = Vec::new();
        self.follow(id, 0, &mut fates);
        fates
    }

    fn follow(&self, id: EventId, depth: usize, fates: &mut Vec<Fate>) {
        let Some(from) = self.get(id).map(|entry| entry.place) else { return };
        for entry in self.effects(id) {
            let here = entry.place == from;
            match &entry.event {
                Event::Wire(_) if is_loss(entry) => fates.push(Fate::Lost(entry.id)),
                Event::Bridge(bridge::Event::Dropped { .. }) => fates.push(Fate::Lost(entry.id)),
                // What a router passes on, and the pieces of what is too large, go on.
                Event::Host(event) if passes_on(event, here) && depth < HOPS => {
                    self.follow(entry.id, depth + 1, fates);
                }
                Event::Host(stack::Event::Dropped { .. }) => fates.push(Fate::Lost(entry.id)),
                Event::Host(event) if !here && arrives(event) => {
                    fates.push(if refused(event) {
                        Fate::Lost(entry.id)
                    } else {
                        Fate::Arrived(entry.id)
                    });
                }
                _ => {}
            }
        }
    }

    /// Where a packet that an event sent was lost.
    pub(super) fn loss(&self, id: EventId) -> Option<EventId> {
        self.fates(id).into_iter().find_map(|fate| match fate {
            Fate::Lost(at) => Some(at),
            Fate::Arrived(_) => None,
        })
    }

    /// The event to name when a packet shall get through where `lost` tells that a wire lost it:
    /// the one that put it on this wire, a router's behind a router. `None` for other losses.
    pub(super) fn kept_by(&self, lost: EventId) -> Option<EventId> {
        self.get(lost).filter(|entry| is_loss(entry))?.causes().next()
    }

    /// The event that first sent the packet that an entry is about: itself, when it sends.
    pub(super) fn sender(&self, entry: &'a Entry) -> Option<&'a Entry> {
        sender(self.log, entry)
    }

    /// The entry with which the packet of an entry crosses its host's edge: itself, or the wire's,
    /// because what is sent may wait for a neighbour first. `None` when it never left.
    pub(super) fn left<'e>(&self, entry: &'e Entry) -> Option<&'e Entry>
    where
        'a: 'e,
    {
        let leaves = match &entry.event {
            Event::Host(event) => sends(event) || passes_on(event, true),
            _ => false,
        };
        if !leaves || self.log.places().len() == 1 {
            return Some(entry);
        }
        let wire = |effect: &&Entry| matches!(effect.event, Event::Wire(_));
        // Pieces, and what a host sends to itself, need no wire.
        let inside = |effect: &Entry| match &effect.event {
            Event::Host(stack::Event::Dropped { .. }) => false,
            Event::Host(event) => passes_on(event, true) || arrives(event),
            _ => false,
        };
        let on_wire = self.effects(entry.id).find(wire);
        on_wire.or_else(|| self.effects(entry.id).any(inside).then_some(entry))
    }

    /// What a segment that is sent again waited for in vain; `None` for others.
    pub(super) fn missing(&self, entry: &Entry) -> Option<Missing> {
        let (pair, range) = self.again(entry)?;
        let before = self.between((entry.place, pair), (EventId::NONE, entry.id)).rev();
        let covers = |e: &&Entry| {
            self.segment(e)
                .is_some_and(|(out, its, seg)| out && its == pair && overlap(range_of(seg), range))
        };
        let sent = { before }.find(covers)?.id;
        let fates = self.fates(sent);
        if let Some(Fate::Lost(lost)) = fates.iter().find(|fate| matches!(fate, Fate::Lost(_))) {
            return Some(Missing::Segment(sent, *lost));
        }
        let Some(Fate::Arrived(arrival)) = fates.first().copied() else {
            return Some(Missing::Unknown(sent));
        };
        let back = Pair { local: pair.remote, remote: pair.local };
        let at = self.get(arrival)?;
        // What was sent again too early may arrive behind its second copy.
        let lost = self.between((at.place, back), (arrival, entry.id)).find_map(|e| {
            let (out, its, seg) = self.segment(e)?;
            let acks = seg.ack.is_some_and(|ack| ack.after(range.0));
            (out && its == back && acks).then(|| Some((e.id, self.loss(e.id)?))).flatten()
        });
        Some(match lost {
            Some((ack, lost)) => Missing::Ack(sent, ack, lost),
            None => Missing::Nothing(sent, arrival),
        })
    }

    /// The write() that gave the first byte of a segment with data, if this host's application did.
    pub(super) fn written(&self, entry: &Entry) -> Option<EventId> {
        let (true, _, seg) = self.segment(entry)? else { return None };
        let key = self.key(entry).filter(|_| seg.len > 0)?;
        let iss = self.iss(key)?;
        let writes = self.writes.get(&key)?;
        let writes = &writes[..writes.partition_point(|(call, _)| *call < entry.id)];
        // What is sent was written before, and sequence numbers go around.
        let all = writes.last()?.1;
        let back = (iss + 1 + all as u32).0.wrapping_sub(seg.seq.0);
        let first = all.checked_sub(back.into())?;
        let (call, _) = writes.get(writes.partition_point(|(_, end)| *end <= first))?;
        Some(*call)
    }

    /// A connection's initial sequence number.
    pub(super) fn iss(&self, key: Key) -> Option<Seq> {
        let syn = |entry: &Entry| match &entry.event {
            Event::Host(stack::Event::Tcp(tcp::Event::Sent { room, .. })) => Some(room.una),
            _ => None,
        };
        self.of_conn(key).find_map(|entry| {
            let (out, _, seg) = self.segment(entry)?;
            match out {
                true => syn(entry).map(|una| if seg.ctl.syn() { una } else { una - 1 }),
                // The handshake's last ACK acknowledges our SYN.
                false => seg.ack.map(|ack| ack - 1),
            }
        })
    }

    /// The conversation and the sequence numbers of a segment that repeats an earlier one.
    fn again(&self, entry: &Entry) -> Option<(Pair, (Seq, Seq))> {
        let Event::Host(event) = &entry.event else { return None };
        let is_again = match event {
            stack::Event::Tcp(tcp::Event::Sent { plan, .. }) => {
                matches!(plan, Plan::Retransmit { .. } | Plan::RetransmitSyn { .. })
            }
            stack::Event::StrayOut { reply, .. } => *reply == Reply::SynAckAgain,
            _ => false,
        };
        let (_, pair, seg) = self.segment(entry)?;
        is_again.then(|| (pair, range_of(seg)))
    }

    /// The segment that sends again what an entry sent and a wire lost.
    pub(super) fn sent_again(&self, entry: &Entry) -> Option<EventId> {
        let (true, pair, seg) = self.segment(entry)? else { return None };
        let range = range_of(seg);
        let mut later = self.between((entry.place, pair), (entry.id, EventId(u64::MAX)));
        let again = later.find(|e| self.again(e).is_some_and(|(_, r)| overlap(r, range)));
        again.map(|e| e.id)
    }

    /// The segment that an entry sends (true) or receives, and between whom, its own end first.
    pub(super) fn segment<'e>(&self, entry: &'e Entry) -> Option<(bool, Pair, &'e SegmentView)> {
        let Event::Host(event) = &entry.event else { return None };
        let known = || self.pair(self.key(entry)?);
        let pair = |l: &SocketAddr, r: &SocketAddr| Some(Pair { local: *l, remote: *r });
        let (out, pair, seg) = match event {
            stack::Event::Tcp(tcp::Event::Received { seg, .. }) => (false, known(), seg),
            stack::Event::Tcp(tcp::Event::Sent { seg, .. } | tcp::Event::Replied { seg, .. }) => {
                (true, known(), seg)
            }
            stack::Event::StrayIn { local, remote, seg, .. } => (false, pair(local, remote), seg),
            stack::Event::StrayOut { local, remote, seg, .. } => (true, pair(local, remote), seg),
            _ => return None,
        };
        Some((out, pair?, seg))
    }
}

/// The event that first sent the packet that an entry is about: itself, when it sends.
pub(super) fn sender<'a>(log: &'a Log, entry: &'a Entry) -> Option<&'a Entry> {
    let mut entry = entry;
    loop {
        let Event::Host(event) = &entry.event else {
            entry = entry.causes().find_map(|cause| log.get(cause))?;
            continue;
        };
        if sends(event) && !passes_on(event, true) {
            return Some(entry);
        }
        let cause = entry.causes().find_map(|cause| log.get(cause))?;
        let told = arrives(event) || passes_on(event, true);
        if !told || (cause.place == entry.place && !passes_on(event, true)) {
            return None;
        }
        entry = cause;
    }
}

/// The bytes that a call has given a connection.
fn given(entry: &Entry) -> Option<u64> {
    match &entry.event {
        Event::Host(stack::Event::Call { call: stack::Call::Write { .. }, result }) => {
            result.as_ref().ok().copied()
        }
        _ => None,
    }
}

/// An entry's causes, each once.
pub(super) fn distinct(entry: &Entry) -> impl Iterator<Item = EventId> {
    let [a, b] = entry.causes;
    [a, if b == a { EventId::NONE } else { b }].into_iter().filter(|cause| cause.is_some())
}

/// First sequence number, and the one behind the last; a bare ACK covers nothing.
pub(super) fn range_of(seg: &SegmentView) -> (Seq, Seq) {
    let len = seg.len + u32::from(seg.ctl.syn()) + u32::from(seg.ctl.fin());
    (seg.seq, seg.seq + len)
}

fn overlap(a: (Seq, Seq), b: (Seq, Seq)) -> bool {
    a.0 != a.1 && b.0 != b.1 && a.0.before(b.1) && b.0.before(a.1)
}

/// Whether an event tells of an arrival.
pub(in crate::observe) fn arrives(event: &stack::Event) -> bool {
    use stack::Event as E;
    matches!(event, E::Tcp(tcp::Event::Received { .. }) | E::StrayIn { .. } | E::In(_))
        || matches!(event, E::Dropped { .. })
}

/// Whether what arrived was of no use.
pub(in crate::observe) fn refused(event: &stack::Event) -> bool {
    use stack::Event as E;
    match event {
        E::Tcp(tcp::Event::Received { outcome, .. }) | E::StrayIn { outcome, .. } => {
            matches!(outcome, Outcome::Dropped(_))
        }
        E::Dropped { .. } => true,
        _ => false,
    }
}

/// Whether a packet goes on from there: passed on by a router, or cut into fragments `here`, where
/// it was sent.
fn passes_on(event: &stack::Event, here: bool) -> bool {
    matches!(event, stack::Event::Forwarded { .. })
        || matches!(event, stack::Event::Out { why: stack::Sent::Fragment, .. } if here)
}

/// Whether an entry of a wire tells that a packet came to nothing.
pub(super) fn is_loss(entry: &Entry) -> bool {
    matches!(&entry.event, Event::Wire(on_wire) if on_wire.gone().is_some())
}
