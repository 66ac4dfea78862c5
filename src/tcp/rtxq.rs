//! The retransmission queue: one record per transmission, from SND.UNA to SND.NXT.
//!
//! A record covers sequence space (SYN and FIN count), a super-segment has one. Records are split
//! when part of them is acknowledged, lost or sent again. Everything that judges loss or measures
//! delivery reads this queue.

use crate::base::{Instant, Seq};
use std::collections::VecDeque;

/// One transmission.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Sent {
    /// First sequence number.
    pub seq: Seq,
    /// Sequence space covered, 1.. .
    pub len: u32,
    /// When it was last sent.
    pub sent_at: Instant,
    /// What was known of the path's rate when it was last sent.
    pub stamp: Stamp,
    /// Bytes in flight when it was last sent, itself included.
    pub in_flight: u32,
    /// How often it was sent again.
    pub retransmits: u8,
    /// The peer holds it out of order.
    pub sacked: bool,
    /// It is taken for lost and not sent again yet.
    pub lost: bool,
    /// Its last byte was the last one written: it has PSH, whenever it is sent.
    pub push: bool,
}

impl Sent {
    /// The sequence number behind it.
    pub fn end(&self) -> Seq {
        self.seq + self.len
    }

    /// Whether it was sent after `other`.
    pub fn is_newer(&self, other: &Sent) -> bool {
        self.sent_at > other.sent_at
            || (self.sent_at == other.sent_at && self.end().after(other.end()))
    }

    /// Whether it was sent again and may be in flight.
    fn is_again(&self) -> bool {
        self.retransmits > 0 && !self.lost && !self.sacked
    }

    /// Cuts the record at `at` bytes; returns the part behind.
    fn split_off(&mut self, at: u32) -> Sent {
        let rest = Sent { seq: self.seq + at, len: self.len - at, ..*self };
        (self.len, self.push) = (at, false);
        rest
    }
}

/// What an acknowledgment took off the queue.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Acked {
    /// Sequence space acknowledged.
    pub len: u32,
    /// Sequence space of it that the peer had not reported by SACK before.
    pub fresh: u32,
    /// When the oldest acknowledged byte was sent, if it was sent only once (Karn's algorithm,
    /// RFC 6298 §3).
    pub first_sent_at: Option<Instant>,
    /// Whether some of it had been sent more than once.
    pub retransmitted: bool,
}

/// Records in sequence order, without gaps.
#[derive(Clone, Debug, Default)]
pub struct Rtxq {
    queue: VecDeque<Sent>,
    /// Sequence space in the queue.
    len: u32,
    /// Sequence space taken for lost and not sent again.
    lost: u32,
    /// Sequence space the peer holds out of order.
    sacked: u32,
    /// Sequence space in flight that was sent more than once.
    again: u32,
    /// Sequence space that has left the network, by duplicate ACKs that do not say which
    /// (RFC 5681 §3.2 step 4).
    left: u32,
    /// No record before this place is lost.
    scan: u32,
    /// Behind everything that was ever sent again.
    high_rxt: Option<Seq>,
}

impl Rtxq {
    /// Whether nothing is unacknowledged.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// FlightSize: sequence space sent and not acknowledged (RFC 5681 §2).
    pub fn flight_size(&self) -> u32 {
        self.len
    }

    /// What is believed to be in the network: neither lost nor held by the peer (`pipe` of RFC 6675
    /// §2).
    // Rules: 6675-4-2.
    pub fn in_flight(&self) -> u32 {
        (self.len - self.lost - self.sacked).saturating_sub(self.left)
    }

    /// Sequence space that has left the network, by duplicate ACKs that do not say which.
    pub fn left(&self) -> u32 {
        self.left
    }

    /// Duplicate ACKs say that `bytes` have left the network, one does not know which. What is
    /// missing itself has not.
    pub fn set_left(&mut self, bytes: u32, smss: u32) {
        self.left = bytes.min(self.len.saturating_sub(smss));
    }

    /// Sequence space taken for lost and not sent again.
    pub fn lost(&self) -> u32 {
        self.lost
    }

    /// Sequence space held by the peer out of order.
    pub fn sacked(&self) -> u32 {
        self.sacked
    }

    /// Sequence space in flight that was sent more than once.
    pub fn again(&self) -> u32 {
        self.again
    }

    /// Sequence space within `left..right` that was sent more than once.
    pub fn again_within(&self, left: Seq, right: Seq) -> u32 {
        let first = self.queue.partition_point(|sent| sent.end().before_eq(left));
        let within = self.queue.range(first..).take_while(|sent| sent.seq.before(right));
        let again = within.filter(|sent| sent.retransmits > 0);
        again.map(|sent| sent.end().earlier(right) - sent.seq.later(left)).sum()
    }

    /// The records, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Sent> {
        self.queue.iter()
    }

    /// The oldest record.
    pub fn head(&self) -> Option<&Sent> {
        self.queue.front()
    }

    /// Adds a transmission behind all others.
    ///
    /// # Panics
    /// When it does not follow the last one: SND.NXT never moves back.
    pub fn push(&mut self, sent: Sent) {
        assert!(self.queue.back().is_none_or(|last| last.end() == sent.seq), "no gap is sent");
        self.len += sent.len;
        self.again += if sent.is_again() { sent.len } else { 0 };
        self.queue.push_back(sent);
    }

    /// Takes off everything before `to`; `each` is shown what the peer had not reported before.
    // Rules: 2018-8-1.
    pub fn ack(&mut self, to: Seq, mut each: impl FnMut(&Sent)) -> Acked {
        let mut acked = Acked::default();
        while let Some(head) = self.queue.front_mut() {
            if head.seq.after_eq(to) {
                break;
            }
            let gone = if head.end().before_eq(to) {
                self.scan = self.scan.saturating_sub(1);
                self.queue.pop_front().expect("the queue has a head")
            } else {
                let rest = head.split_off(to - head.seq);
                std::mem::replace(head, rest)
            };
            self.len -= gone.len;
            self.lost -= if gone.lost { gone.len } else { 0 };
            self.sacked -= if gone.sacked { gone.len } else { 0 };
            self.again -= if gone.is_again() { gone.len } else { 0 };
            if acked.len == 0 && gone.retransmits == 0 {
                acked.first_sent_at = Some(gone.sent_at);
            }
            acked.len += gone.len;
            acked.retransmitted |= gone.retransmits > 0;
            if gone.sacked {
                continue;
            }
            acked.fresh += gone.len;
            each(&gone);
        }
        self.left = self.left.min(self.len);
        self.high_rxt = self.high_rxt.filter(|high| high.after(to));
        acked
    }

    /// The peer holds `left..right` out of order (RFC 2018 §4); `each` is shown what it had not
    /// reported before. A super-segment is cut where `mss` divides it: blocks that report less than
    /// a segment do not make records without end. Returns the sequence space newly reported.
    // Rules: 2018-5-1.
    pub fn sack(
        &mut self,
        (left, right): (Seq, Seq),
        mss: u32,
        mut each: impl FnMut(&Sent),
    ) -> u32 {
        let before = self.sacked;
        let mut place = self.queue.partition_point(|sent| sent.end().before_eq(left));
        while let Some(sent) = self.queue.get(place).filter(|sent| sent.seq.before(right)) {
            let from =
                if left.after(sent.seq) { (left - sent.seq).next_multiple_of(mss) } else { 0 };
            let to =
                if right.before(sent.end()) { (right - sent.seq) / mss * mss } else { sent.len };
            if !sent.sacked && from < to {
                place += usize::from(self.split(place, from));
                self.split(place, to - from);
                each(&self.queue[place]);
                self.hold(place);
            }
            place += 1;
        }
        self.sacked - before
    }

    /// Cuts the record at `place` at `at` bytes, if there is something on both sides.
    fn split(&mut self, place: usize, at: u32) -> bool {
        let sent = &mut self.queue[place];
        if at == 0 || at >= sent.len {
            return false;
        }
        let rest = sent.split_off(at);
        self.queue.insert(place + 1, rest);
        true
    }

    /// The peer holds the record at `place`.
    fn hold(&mut self, place: usize) {
        let sent = &mut self.queue[place];
        self.again -= if sent.is_again() { sent.len } else { 0 };
        self.lost -= if std::mem::take(&mut sent.lost) { sent.len } else { 0 };
        sent.sacked = true;
        self.sacked += sent.len;
    }

    /// The peer does not hold any more what it had reported (RFC 2018 §8 allows it).
    pub fn forget_sacked(&mut self) {
        for sent in self.queue.iter_mut().filter(|sent| sent.sacked) {
            sent.sacked = false;
            self.again += if sent.is_again() { sent.len } else { 0 };
        }
        self.sacked = 0;
    }

    /// Behind the last byte that the peer holds out of order (`HighData` it has, RFC 6675 §2).
    pub fn high_sacked(&self) -> Option<Seq> {
        self.queue.iter().rev().find(|sent| sent.sacked).map(Sent::end)
    }

    /// Where more than `bytes` of what the peer holds out of order, or `runs` separate runs of it,
    /// lie above (RFC 6675 §4, IsLost).
    pub fn sacked_from_above(&self, bytes: u32, runs: u16) -> Option<Seq> {
        let (mut sum, mut count, mut inside) = (0, 0, false);
        for sent in self.queue.iter().rev() {
            count += u16::from(sent.sacked && !std::mem::replace(&mut inside, sent.sacked));
            inside = sent.sacked;
            sum += if sent.sacked { sent.len } else { 0 };
            if sum > bytes || count >= runs {
                return Some(sent.seq);
            }
        }
        None
    }

    /// Takes for lost what `judge` says, of all that is not held by the peer and not lost already,
    /// oldest first. It stops at the first that `judge` calls too new, unless something behind it
    /// was sent again: then that is judged, too. Returns the sequence space newly lost.
    pub fn judge(&mut self, mut judge: impl FnMut(&Sent) -> Judged) -> u32 {
        let (before, high_rxt) = (self.lost, self.high_rxt);
        for place in 0..self.queue.len() {
            let sent = &self.queue[place];
            if sent.sacked || sent.lost {
                continue;
            }
            match judge(sent) {
                Judged::Lost => self.lose(place),
                Judged::InTime => {}
                Judged::TooNew if high_rxt.is_some_and(|high| sent.seq.before(high)) => {}
                Judged::TooNew => break,
            }
        }
        self.lost - before
    }

    fn lose(&mut self, place: usize) {
        let sent = &mut self.queue[place];
        self.again -= if sent.is_again() { sent.len } else { 0 };
        sent.lost = true;
        self.lost += sent.len;
        self.scan = self.scan.min(place as u32);
    }

    /// Takes the first `len` bytes of the queue for lost.
    pub fn mark_head_lost(&mut self, len: u32) {
        if self.queue.front().is_some_and(|head| !head.lost && !head.sacked) {
            self.split(0, len);
            self.lose(0);
        }
    }

    /// Takes everything the peer does not hold for lost.
    pub fn mark_all_lost(&mut self) {
        self.judge(|_| Judged::Lost);
        self.left = 0;
    }

    /// Nothing is lost after all: what was taken for it and not sent again is in flight.
    pub fn mark_none_lost(&mut self) {
        for sent in self.queue.iter_mut().filter(|sent| sent.lost) {
            sent.lost = false;
            self.again += if sent.retransmits > 0 { sent.len } else { 0 };
        }
        self.lost = 0;
    }

    /// Takes the last `len` bytes at most for lost.
    pub fn mark_tail_lost(&mut self, len: u32) {
        let Some(tail) = self.queue.back().filter(|tail| !tail.lost && !tail.sacked) else {
            return;
        };
        let (place, before) = (self.queue.len() - 1, tail.len.saturating_sub(len));
        let split = self.split(place, before);
        self.lose(place + usize::from(split));
    }

    /// The first run that is lost and waits to be sent again.
    pub fn next_lost(&self) -> Option<&Sent> {
        if self.lost == 0 {
            return None;
        }
        self.queue.range(self.scan as usize..).find(|sent| sent.lost)
    }

    /// The run `seq..seq + len`, the first lost one, is being sent again.
    ///
    /// # Panics
    /// When no lost record starts at `seq`.
    // Rules: 8985-4-2.
    pub fn on_retransmit(&mut self, seq: Seq, len: u32, now: Instant, stamp: Stamp) {
        let ahead = self.queue.range(self.scan as usize..).position(|sent| sent.lost);
        let place = self.scan as usize + ahead.expect("a lost record is sent again");
        let sent = &mut self.queue[place];
        assert!(sent.seq == seq && len >= 1 && len <= sent.len, "the first lost run is sent again");
        if sent.len > len {
            let rest = sent.split_off(len);
            self.queue.insert(place + 1, rest);
        }
        let sent = &mut self.queue[place];
        sent.lost = false;
        sent.retransmits = sent.retransmits.saturating_add(1);
        sent.sent_at = now;
        sent.stamp = stamp;
        let end = sent.end();
        self.high_rxt = Some(self.high_rxt.map_or(end, |high| high.later(end)));
        self.lost -= len;
        self.again += len;
        self.scan = place as u32 + 1;
        let in_flight = self.in_flight();
        self.queue[place].in_flight = in_flight;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Rtxq::default();
    }

    /// Gives back memory that an empty queue does not need.
    pub fn shrink(&mut self) {
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
    }
}

/// What is said of a record when losses are looked for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Judged {
    /// It is lost.
    Lost,
    /// It may still arrive.
    InTime,
    /// It may, and so may all that was sent after it.
    TooNew,
}

/// What a transmission is stamped with, for samples of the rate ([`super::rate`]).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// Bytes delivered so far (P.delivered).
    pub delivered: u64,
    /// When that last grew (P.delivered_time).
    pub delivered_at: Instant,
    /// When what was delivered then had been sent (P.first_sent_time).
    pub first_sent_at: Instant,
    /// The application had run dry (P.is_app_limited).
    pub app_limited: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sent(seq: u32, len: u32, at: u64) -> Sent {
        Sent {
            seq: Seq(seq),
            len,
            sent_at: Instant::from_millis(at),
            stamp: STAMP,
            in_flight: 0,
            retransmits: 0,
            sacked: false,
            lost: false,
            push: false,
        }
    }

    const STAMP: Stamp = Stamp {
        delivered: 0,
        delivered_at: Instant::ZERO,
        first_sent_at: Instant::ZERO,
        app_limited: false,
    };

    #[test]
    fn an_ack_inside_a_super_segment_splits_it() {
        let mut q = Rtxq::default();
        q.push(sent(100, 10, 1));
        q.push(sent(110, 60_000, 2));
        let acked = q.ack(Seq(210), |_| {});
        assert_eq!((acked.len, acked.first_sent_at), (110, Some(Instant::from_millis(1))));
        assert_eq!((q.flight_size(), q.head().map(|s| s.seq.0)), (59_900, Some(210)));
    }

    #[test]
    fn karn_refuses_what_was_sent_twice() {
        let mut q = Rtxq::default();
        q.push(sent(0, 3_000, 1));
        q.push(sent(3_000, 1_000, 2));
        q.mark_head_lost(1_000);
        assert_eq!((q.lost(), q.in_flight()), (1_000, 3_000));
        q.on_retransmit(Seq(0), 1_000, Instant::from_millis(9), STAMP);
        assert_eq!((q.lost(), q.in_flight()), (0, 4_000));
        let acked = q.ack(Seq(4_000), |_| {});
        assert_eq!((acked.len, acked.first_sent_at, acked.retransmitted), (4_000, None, true));
        assert!(q.is_empty());
    }

    proptest! {
        /// Whatever is acknowledged, lost and sent again, the sums are the records' sums.
        // Rules: 6675-4-2.
        #[test]
        fn sums_agree_with_records(ops in proptest::collection::vec((0u8..4, 1u32..5_000), 0..80)) {
            let (mut q, mut nxt, mut una) = (Rtxq::default(), 4_294_960_000u32, 4_294_960_000u32);
            for (op, n) in ops {
                match op {
                    0 => { q.push(sent(nxt, n, 0)); nxt = nxt.wrapping_add(n); }
                    1 => {
                        let n = n.min(nxt.wrapping_sub(una));
                        una = una.wrapping_add(n);
                        prop_assert_eq!(q.ack(Seq(una), |_| {}).len, n);
                    }
                    2 => q.mark_head_lost(n),
                    _ => {
                        if n % 3 == 0 { q.mark_all_lost(); }
                        if let Some(s) = q.next_lost().copied() {
                            q.on_retransmit(s.seq, n.min(s.len), Instant::ZERO, STAMP);
                        }
                    }
                }
                let sum = |f: fn(&&Sent) -> bool| q.iter().filter(f).map(|s| s.len).sum::<u32>();
                prop_assert_eq!(q.flight_size(), nxt.wrapping_sub(una));
                prop_assert_eq!(q.flight_size(), sum(|_| true));
                prop_assert_eq!(q.lost(), sum(|s| s.lost));
                prop_assert_eq!(q.again(), sum(|s| s.retransmits > 0 && !s.lost));
                prop_assert_eq!(q.next_lost(), q.iter().find(|s| s.lost));
                prop_assert!(q.head().is_none_or(|h| h.seq == Seq(una)));
            }
        }
    }
}
