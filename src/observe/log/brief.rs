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
use crate::tcp::{self, Change, Outcome, Plan, SegmentView};
use std::collections::BTreeMap;
use std::time::Duration;

/// From one entry of `tcp_info` to the next.
const BEAT: Duration = Duration::from_millis(10);

/// What was not told of a connection yet.
#[derive(Clone, Default, Debug)]
struct Untold {
    changes: BTreeMap<u8, Change>,
    /// When the next entry is due.
    due: Instant,
}

/// What a brief log leaves out so far.
#[derive(Clone, Default, Debug)]
pub(super) struct Brief {
    untold: BTreeMap<(PlaceId, Option<ConnId>), Untold>,
}

impl Brief {
    /// Whether a host's record stays; one of `tcp_info` takes along what was left out before.
    pub(super) fn keeps(&mut self, place: PlaceId, record: &mut Record) -> bool {
        let key = (place, record.conn);
        if let Event::Tcp(tcp::Event::Info { changes }) = &mut record.event {
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
