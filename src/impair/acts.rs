//! What becomes of packets on a link, and why: as values.

use super::luck::State;
use crate::base::{EventId, Instant, Moment, Span};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

crate::explained! {
    /// Why a packet came to nothing.
    #[derive(Clone, PartialEq, Eq, Hash, Debug)]
    pub enum Fate {
        /// Luck.
        Lost = "LinkLoss", "tc-netem(8): loss", "lost by the bad link";
        /// Luck that has states.
        Burst {
            /// The state the link is in.
            state: State,
        } = "LinkBurst", "tc-netem(8): loss gemodel, loss state", "lost by the bad link, which is {state}";
        /// As many packets are under way as may be.
        Overlimit {
            /// How many are.
            packets: Packets,
            /// Their bytes.
            bytes: u64,
        } = "LinkLimit", "tc-netem(8): limit", "dropped by the bad link: as many packets are under way as may be ({packets}, {bytes} bytes)";
        /// The queue in front of the transmitter was full.
        QueueFull {
            /// How many wait.
            packets: Packets,
            /// Their bytes.
            bytes: u64,
        } = "LinkQueueFull", "RFC 7567 §2", "dropped at the queue's tail: it is full ({packets}, {bytes} bytes)";
        /// CoDel: packets have waited too long for too long.
        Codel {
            /// How long this one waited.
            sojourn: Span,
            /// The how manieth drop or mark this is since packets wait too long.
            count: u32,
        } = "LinkCodel", "RFC 8289 §5", "dropped by CoDel, number {count} in a row: it waited {sojourn} in the queue, and so do all";
        /// A fault of the link's rules.
        Scripted {
            /// Its words.
            fault: Arc<str>,
        } = "LinkFault", "the link's faults: drop", "dropped by the scripted fault \"{fault}\"";
        /// The link was down.
        Partition {
            /// Since when.
            from: Moment,
            /// Until when.
            to: Moment,
        } = "LinkPartition", "the link's faults: partition", "lost: the link is down from {from} to {to}";
        /// It is longer than what the link carries: no transmitter takes it.
        TooLong {
            /// Bytes of the packet, without the link's header.
            len: u32,
            /// The link's MTU.
            mtu: u16,
        } = "LinkMtu", "RFC 894; RFC 1191 §2", "dropped: {len} bytes are more than the link's MTU of {mtu}";
        /// What if this packet had been lost?
        Doomed = "LinkDoomed", "what-if: drop", "dropped by request, to see what if";
    }
}

/// So many packets, in words: `1 packet`.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Packets(pub u32);

impl fmt::Display for Packets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} packet{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

/// Who does something to a packet.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum By {
    /// Luck.
    Luck,
    /// A fault of the link's rules, by its words.
    Fault(Arc<str>),
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            By::Luck => f.write_str("luck"),
            By::Fault(words) => write!(f, "the scripted fault \"{words}\""),
        }
    }
}

crate::explained! {
    /// What happens to a packet on a link.
    #[derive(Clone, PartialEq, Eq, Hash, Debug)]
    pub enum What {
        /// It is gone.
        Gone {
            /// Why.
            fate: Fate,
        } = "Gone", "the link's rules", "{fate}";
        /// A second copy of it is sent.
        Duplicated {
            /// Who has done it.
            by: By,
        } = "Duplicated", "tc-netem(8): duplicate", "sent twice by {by}";
        /// One bit is flipped.
        Corrupted {
            /// Which, from the frame's first.
            bit: u64,
            /// Who has done it.
            by: By,
        } = "Corrupted", "tc-netem(8): corrupt", "bit {bit} flipped by {by}";
        /// It travels longer than others.
        Delayed {
            /// So much.
            time: Span,
            /// Who has done it.
            by: By,
        } = "Delayed", "the link's faults: delay", "delayed by {time} by {by}";
        /// It skips the delay.
        Reordered = "Reordered", "tc-netem(8): reorder", "skips the delay and so overtakes those under way";
        /// It got "congestion experienced", because the queue is long.
        MarkedByQueue {
            /// How many wait, with it.
            packets: Packets,
            /// Their bytes.
            bytes: u64,
        } = "MarkedByQueue", "RFC 3168 §5", "marked CE: {packets} ({bytes} bytes) in the queue, more than the threshold";
        /// It got "congestion experienced" from CoDel.
        MarkedByCodel {
            /// How long it waited.
            sojourn: Span,
            /// The how manieth drop or mark this is since packets wait too long.
            count: u32,
        } = "MarkedByCodel", "RFC 8289 §5; RFC 3168 §5", "marked CE by CoDel, number {count} in a row: it waited {sojourn} in the queue, and so do all";
        /// It waits for the transmitter.
        Queued {
            /// How many wait, with it.
            packets: Packets,
            /// Their bytes.
            bytes: u64,
        } = "Queued", "the link's queue", "waits for the transmitter, {packets} ({bytes} bytes) in the queue";
        /// Its transmission starts.
        Started {
            /// When its last bit has left.
            until: Moment,
            /// When it arrives.
            arrives: Moment,
            /// How many still wait.
            packets: Packets,
            /// Their bytes.
            bytes: u64,
        } = "Started", "the link's rate and delay", "transmission starts and ends at {until}; it arrives at {arrives}; {packets} ({bytes} bytes) left in the queue";
        /// It is on its way, on a link without a queue of its own.
        Travels {
            /// When it arrives.
            arrives: Moment,
            /// How many are under way, with it.
            packets: Packets,
            /// Their bytes.
            bytes: u64,
        } = "Travels", "the link's rate and delay", "arrives at {arrives}; {packets} ({bytes} bytes) under way";
    }
}

/// One thing that happens to one packet on one direction of a link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Act {
    /// When.
    pub at: Instant,
    /// The event that sent the packet.
    pub origin: EventId,
    /// Which packet of this direction, from 0.
    pub ordinal: u64,
    /// Whether it is the second copy of a packet that was duplicated.
    pub copy: bool,
    /// What.
    pub what: What,
}

/// What happened to packets so far.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Packets that came out.
    pub passed: u64,
    /// Packets lost by luck.
    pub lost: u64,
    /// Packets that got a second copy.
    pub duplicated: u64,
    /// Packets that skipped the delay.
    pub reordered: u64,
    /// Packets with a flipped bit.
    pub corrupted: u64,
    /// Packets dropped because the limit was reached.
    pub overlimit: u64,
    /// Packets that CoDel dropped.
    pub codel: u64,
    /// Packets longer than the link's MTU.
    pub too_long: u64,
    /// Packets marked CE.
    pub marked: u64,
    /// Packets dropped by faults, while the link was down, or by request.
    pub faults: u64,
}

impl Counters {
    /// Counts what `fate` says.
    pub(super) fn gone(&mut self, fate: &Fate) {
        *match fate {
            Fate::Lost | Fate::Burst { .. } => &mut self.lost,
            Fate::Overlimit { .. } | Fate::QueueFull { .. } => &mut self.overlimit,
            Fate::Codel { .. } => &mut self.codel,
            Fate::TooLong { .. } => &mut self.too_long,
            Fate::Scripted { .. } | Fate::Partition { .. } | Fate::Doomed => &mut self.faults,
        } += 1;
    }
}

/// `97 passed, 3 lost`: those that are not zero.
impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed", self.passed)?;
        for (n, what) in [
            (self.lost, "lost"),
            (self.duplicated, "duplicated"),
            (self.reordered, "overtook others"),
            (self.corrupted, "corrupted"),
            (self.overlimit, "dropped beyond the limit"),
            (self.codel, "dropped by CoDel"),
            (self.too_long, "longer than the MTU"),
            (self.marked, "marked"),
            (self.faults, "dropped by faults"),
        ] {
            if n > 0 {
                write!(f, ", {n} {what}")?;
            }
        }
        Ok(())
    }
}

/// Shows the counters of a [`super::Link`] that a driver has taken.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<Mutex<Counters>>);

impl Gauge {
    /// What happened so far.
    pub fn read(&self) -> Counters {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, counters: Counters) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = counters;
    }
}
