//! A brief log, for long runs: what happens to every packet is left out.
//!
//! What stays are states, phases, expired timers, what holds a sender back, losses, marks and what
//! else luck does, segments that open or end a connection, retransmissions, and the application's
//! calls but for reads and writes that go well. `tcp_info` is told every ten milliseconds, and
//! after whatever stays: an entry has all that has changed since the one before.

use super::PlaceId;
use crate::base::{ConnId, Instant};
use crate::impair::What;
use crate::stack::{Call, Event, Record};
use crate::tcp::{self, Change, Outcome, Plan, SegmentView, State};
use std::collections::BTreeMap;
use std::time::Duration;

/// What the packets and calls that a brief log leaves out came to.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct LeftOut {
    /// Packets that hosts have sent.
    pub sent: u64,
    /// When the last of them was sent.
    pub sent_at: Instant,
    /// Bytes that applications have read, by host.
    pub read: BTreeMap<PlaceId, u64>,
    /// When the last of them was read.
    pub read_at: Instant,
}

impl LeftOut {
    fn count(&mut self, place: PlaceId, record: &Record) {
        match &record.event {
            Event::Call { call: Call::Read { .. }, result: Ok(n @ 1..) } => {
                *self.read.entry(place).or_default() += n;
                self.read_at = record.at;
            }
            event if super::sends(event) => (self.sent, self.sent_at) = (self.sent + 1, record.at),
            _ => {}
        }
    }
}

/// From one entry of `tcp_info` to the next.
const BEAT: Duration = Duration::from_millis(10);

/// What was not told of a connection yet.
#[derive(Clone, Default, Debug)]
struct Untold {
    changes: BTreeMap<u8, Change>,
    /// When the next entry is due.
    due: Instant,
    /// The connection is CLOSED.
    is_over: bool,
}

impl Untold {
    /// Whether nothing is lost when it is forgotten: all is told, or who would hear it is gone.
    fn is_spent(&self, now: Instant) -> bool {
        self.due < now && (self.is_over || self.changes.is_empty())
    }
}

/// Connections that are remembered before it is looked which of them are needed.
const FEW: usize = 64;

/// What a brief log leaves out so far.
#[derive(Clone, Debug)]
pub(super) struct Brief {
    untold: BTreeMap<(PlaceId, Option<ConnId>), Untold>,
    /// With so many connections it is looked again: twice as many as were needed the last time.
    full: usize,
    pub(super) left_out: LeftOut,
}

impl Default for Brief {
    fn default() -> Brief {
        Brief { untold: BTreeMap::new(), full: FEW, left_out: LeftOut::default() }
    }
}

impl Brief {
    /// Whether a host's record stays; one of `tcp_info` takes along what was left out before.
    pub(super) fn keeps(&mut self, place: PlaceId, record: &mut Record) -> bool {
        let key = (place, record.conn);
        if let Event::Tcp(tcp::Event::Info { changes }) = &mut record.event {
            if self.untold.len() >= self.full {
                self.untold.retain(|_, untold| !untold.is_spent(record.at));
                self.full = FEW.max(2 * self.untold.len());
            }
            let untold = self.untold.entry(key).or_default();
            untold.changes.extend(changes.drain(..).map(|change| (change.field, change)));
            if record.at < untold.due {
                return false;
            }
            untold.due = record.at + BEAT;
            *changes = std::mem::take(&mut untold.changes).into_values().collect();
            return true;
        }
        let stays = is_rare(&record.event);
        if stays && let Some(untold) = self.untold.get_mut(&key) {
            untold.due = record.at;
            untold.is_over |=
                matches!(record.event, Event::Tcp(tcp::Event::State { to: State::Closed, .. }));
        }
        if !stays {
            self.left_out.count(key.0, record);
        }
        stays
    }
}

/// Whether it does not happen to every packet.
fn is_rare(event: &Event) -> bool {
    use tcp::Event as E;
    match event {
        Event::In(_) | Event::Out { .. } | Event::Forwarded { .. } => false,
        Event::Call { call: Call::Read { .. } | Call::Write { .. }, result } => result.is_err(),
        Event::Call { call: Call::SendTo { .. } | Call::RecvFrom { .. }, result } => {
            result.is_err()
        }
        Event::Tcp(E::Sent { plan: Plan::Retransmit { .. } | Plan::LossProbe { .. }, .. }) => true,
        Event::Tcp(E::Received { outcome: Outcome::Dropped(_), .. }) => true,
        Event::Tcp(E::Sent { seg, .. } | E::Received { seg, .. }) => opens_or_ends(seg),
        Event::Tcp(E::TimerSet { .. } | E::TimerStopped { .. } | E::Rtt { .. }) => false,
        _ => true,
    }
}

fn opens_or_ends(seg: &SegmentView) -> bool {
    seg.ctl.syn() || seg.ctl.fin() || seg.ctl.rst()
}

/// Whether what happens to a packet on a wire stays: not that it waits, starts and travels.
pub(super) fn keeps(what: &What) -> bool {
    !matches!(what, What::Queued { .. } | What::Started { .. } | What::Travels { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::EventId;
    use crate::tcp::Cause;

    /// Connections that come and go leave nothing behind.
    #[test]
    fn short_connections_take_no_memory() {
        let mut brief = Brief::default();
        for n in 0..100_000 {
            let record = |event| Record {
                id: EventId(n),
                at: Instant::from_millis(n),
                conn: Some(ConnId(n)),
                causes: [EventId::NONE; 2],
                event: Event::Tcp(event),
            };
            let changes = || vec![Change { field: 3, value: n }];
            assert!(brief.keeps(PlaceId(0), &mut record(tcp::Event::Info { changes: changes() })));
            assert!(!brief.keeps(PlaceId(0), &mut record(tcp::Event::Info { changes: changes() })));
            let (from, to, cause) = (State::LastAck, State::Closed, Cause::RcvAckOfFin);
            assert!(brief.keeps(PlaceId(0), &mut record(tcp::Event::State { from, to, cause })));
            assert!(brief.untold.len() <= 2 * FEW, "{}", brief.untold.len());
        }
    }
}
