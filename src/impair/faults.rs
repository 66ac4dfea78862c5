//! Exact faults: what the rules do to the n-th packet that a filter means, and times in which the
//! link is down.

use super::filter::{Facts, Filter};
use crate::base::{Duration, EventId, Frame, Instant, Medium};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// What a fault does to the packets it strikes.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Deed {
    /// They are lost.
    Drop,
    /// They travel so much longer.
    Delay(Duration),
    /// They are sent twice.
    Duplicate,
    /// One bit of them is flipped.
    Corrupt,
}

/// A fault: `drop data#4`, `delay ack#2-5 by 30ms`, `drop syn-ack once`.
///
/// Every packet that is given to this direction of the link and that the filter means counts, from
/// 1, whatever becomes of it; a retransmission is a packet like any other. The fault strikes those
/// whose number it names, or all, and with `once` only the first of these.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Fault {
    /// What it does.
    pub deed: Deed,
    /// Which packets count.
    pub filter: Filter,
    /// The numbers of those that are struck, as ranges from–to; none: all.
    pub numbers: Vec<(u64, u64)>,
    /// Whether it strikes one packet at most.
    pub once: bool,
}

/// As it is written.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { deed, filter, numbers, once } = self;
        let word = match deed {
            Deed::Drop => "drop",
            Deed::Delay(_) => "delay",
            Deed::Duplicate => "duplicate",
            Deed::Corrupt => "corrupt",
        };
        write!(f, "{word} {filter}")?;
        for (i, (from, to)) in numbers.iter().enumerate() {
            write!(f, "{}{from}", if i > 0 { ",#" } else { "#" })?;
            if from != to {
                write!(f, "-{to}")?;
            }
        }
        if *once {
            f.write_str(" once")?;
        }
        match deed {
            Deed::Delay(time) => write!(f, " by {time:?}"),
            _ => Ok(()),
        }
    }
}

/// A time in which the link is down: what is given to it from the first moment on until before the
/// second is lost, what was given to it before still arrives.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Partition {
    /// Since when.
    pub from: Instant,
    /// Until when.
    pub to: Instant,
}

/// What faults do to one packet, with their words.
#[derive(Debug, Default)]
pub(super) struct Struck {
    pub(super) dropped: Option<Arc<str>>,
    pub(super) delayed: Vec<(Duration, Arc<str>)>,
    pub(super) duplicated: Option<Arc<str>>,
    pub(super) corrupted: Option<Arc<str>>,
}

/// A fault and what it has seen.
#[derive(Debug)]
struct Watch {
    fault: Fault,
    words: Arc<str>,
    seen: u64,
    spent: bool,
}

/// The faults of one direction, counting.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Watch>);

impl Faults {
    pub(super) fn new(faults: &[Fault]) -> Faults {
        let watch = |fault: &Fault| Watch {
            fault: fault.clone(),
            words: fault.to_string().into(),
            seen: 0,
            spent: false,
        };
        Faults(faults.iter().map(watch).collect())
    }

    /// What happens to the next packet.
    pub(super) fn strike(&mut self, frame: &Frame, medium: Medium) -> Struck {
        let mut struck = Struck::default();
        if self.0.is_empty() {
            return struck;
        }
        let facts = Facts::of(frame, medium);
        for watch in self.0.iter_mut().filter(|watch| watch.fault.filter.holds(&facts)) {
            watch.seen += 1;
            let (fault, seen) = (&watch.fault, watch.seen);
            let named = fault.numbers.iter().any(|(from, to)| (*from..=*to).contains(&seen));
            if watch.spent || !(named || fault.numbers.is_empty()) {
                continue;
            }
            watch.spent = fault.once;
            let words = watch.words.clone();
            match fault.deed {
                Deed::Drop => struck.dropped = struck.dropped.or(Some(words)),
                Deed::Delay(time) => struck.delayed.push((time, words)),
                Deed::Duplicate => struck.duplicated = struck.duplicated.or(Some(words)),
                Deed::Corrupt => struck.corrupted = struck.corrupted.or(Some(words)),
            }
        }
        struck
    }
}

/// What is asked for single packets, by the events that sent them, to see what if.
#[derive(Debug, Default)]
pub(super) struct Edits {
    pub(super) spared: BTreeSet<EventId>,
    pub(super) doomed: BTreeSet<EventId>,
}

impl Edits {
    pub(super) fn is_empty(&self) -> bool {
        self.spared.is_empty() && self.doomed.is_empty()
    }
}

#[cfg(test)]
mod tests;
