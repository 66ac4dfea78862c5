//! The queue's records in other orders than that of sequence numbers: what is neither held nor lost
//! by the time it was sent, and what is lost. So a loss is found, and what is to be sent again,
//! without looking at all that is in flight.
//!
//! Records are named by their end, as an offset that never wraps: it stays when the head is cut.

use super::{Rtxq, Sent};
use crate::base::{Instant, Seq};
use std::collections::BTreeSet;

/// The orders.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// What may still arrive, by when it was sent.
    by_time: BTreeSet<(Instant, u64)>,
    /// What is lost.
    lost: BTreeSet<u64>,
    /// What ends up to here was sent before something was held, lost or sent again: behind it the
    /// order is that of sequence numbers.
    until: u64,
    /// The offset of the first byte in flight: how much was taken off since the index was made.
    base: u64,
    /// Behind the last that the peer holds out of order.
    pub(super) high_sacked: Option<Seq>,
    /// Behind everything that was sent again, and is not acknowledged.
    pub(super) high_rxt: Option<Seq>,
}

impl Index {
    fn note(&mut self, sent: &Sent, end: u64) {
        if sent.sacked {
            let high = self.high_sacked.map_or(sent.end(), |high| high.later(sent.end()));
            self.high_sacked = Some(high);
        } else if sent.lost {
            self.lost.insert(end);
        } else {
            self.by_time.insert((sent.sent_at, end));
        }
    }

    fn unnote(&mut self, sent: &Sent, end: u64) {
        if sent.lost {
            self.lost.remove(&end);
        } else if !sent.sacked {
            self.by_time.remove(&(sent.sent_at, end));
        }
    }
}

impl Rtxq {
    /// How far `seq` lies from what was sent first, modulo what no queue holds.
    pub(super) fn offset(&self, seq: Seq) -> u64 {
        let head = self.queue.front().map_or(seq, |head| head.seq);
        self.begin().wrapping_add_signed(i64::from((seq - head) as i32))
    }

    /// Something is held, lost or sent again: what is in flight needs an index.
    pub(super) fn order(&mut self) {
        if self.index.is_none() {
            self.index = Some(Box::default());
            self.reorder();
        }
        let until = self.begin() + u64::from(self.all.bytes);
        self.index.iter_mut().for_each(|index| index.until = until);
    }

    /// Everything before `to` is acknowledged. Without need there is no index.
    pub(super) fn forget_order(&mut self, to: Seq) {
        if self.index.is_none() {
            return;
        }
        let (begin, held) = (self.begin(), self.sacked().bytes + self.lost().bytes > 0);
        let Some(index) = &mut self.index else { return };
        index.high_rxt = index.high_rxt.filter(|high| high.after(to));
        index.high_sacked = index.high_sacked.filter(|high| high.after(to));
        if !held && index.high_rxt.is_none() && index.until <= begin {
            self.index = None;
        }
    }

    /// So many bytes were taken off.
    pub(super) fn pass(&mut self, bytes: u32) {
        self.index.iter_mut().for_each(|index| index.base += u64::from(bytes));
    }

    /// The offset of the first byte.
    fn begin(&self) -> u64 {
        self.index.as_ref().map_or(0, |index| index.base) + (1 << 32)
    }

    /// Much has changed: the index, if there is one, is made anew.
    pub(super) fn reorder(&mut self) {
        let Some(index) = &self.index else { return };
        let Index { until, base, high_rxt, .. } = **index;
        let mut new = Index { until, base, high_rxt, ..Index::default() };
        for sent in &self.queue {
            new.note(sent, self.offset(sent.end()));
        }
        self.index = Some(Box::new(new));
    }

    /// The record at `place` is as it is now.
    pub(super) fn note(&mut self, place: usize) {
        if self.index.is_none() {
            return;
        }
        let end = self.offset(self.queue[place].end());
        if let Some(index) = &mut self.index {
            index.note(&self.queue[place], end);
        }
    }

    /// The record at `place` changes.
    pub(super) fn unnote(&mut self, place: usize) {
        if self.index.is_none() {
            return;
        }
        let end = self.offset(self.queue[place].end());
        if let Some(index) = &mut self.index {
            index.unnote(&self.queue[place], end);
        }
    }

    /// Where the record lies that ends at this offset.
    pub(super) fn place_of(&self, end: u64) -> usize {
        self.queue.partition_point(|sent| self.offset(sent.end()) < end)
    }

    /// Where the first lost one lies.
    pub(super) fn first_lost(&self) -> Option<usize> {
        let end = self.index.as_ref()?.lost.first()?;
        Some(self.place_of(*end))
    }

    /// What was sent first of what may still arrive: when, and where it ends.
    pub(super) fn oldest(&self) -> Option<(Instant, u64)> {
        self.index.as_ref()?.by_time.first().copied()
    }

    /// When the last before `newest` was sent that may still arrive.
    pub(super) fn last_before(&self, newest: (Instant, u64)) -> Option<Instant> {
        self.index.as_ref()?.by_time.range(..newest).next_back().map(|(at, _)| *at)
    }

    /// Whether the index, if there is one, is that of the records.
    #[cfg(test)]
    pub(super) fn is_in_order(&self) -> bool {
        let mut again = self.clone();
        again.reorder();
        match (&self.index, &again.index) {
            (Some(now), Some(new)) => {
                let high = now.high_sacked == new.high_sacked;
                high && now.by_time == new.by_time && now.lost == new.lost
            }
            _ => self.lost().bytes + self.sacked().bytes == 0,
        }
    }
}
