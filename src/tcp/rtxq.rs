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
    /// The connection's delivered-bytes count when it was last sent.
    pub delivered: u64,
    /// When that count last grew before it was sent.
    pub delivered_at: Instant,
    /// Bytes in flight when it was last sent, itself included.
    pub in_flight: u32,
    /// How often it was sent again.
    pub retransmits: u8,
    /// The peer holds it out of order.
    pub sacked: bool,
    /// It is taken for lost and not sent again yet.
    pub lost: bool,
    /// The application, not a window, limited sending then.
    pub app_limited: bool,
}

impl Sent {
    /// The sequence number behind it.
    pub fn end(&self) -> Seq {
        self.seq + self.len
    }

    /// Whether it was sent again and is not taken for lost once more.
    fn is_again(&self) -> bool {
        self.retransmits > 0 && !self.lost
    }

    /// Cuts the record at `at` bytes; returns the part behind.
    fn split_off(&mut self, at: u32) -> Sent {
        let rest = Sent { seq: self.seq + at, len: self.len - at, ..*self };
        self.len = at;
        rest
    }
}

/// What an acknowledgment took off the queue.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Acked {
    /// Sequence space acknowledged.
    pub len: u32,
    /// When the oldest acknowledged byte was sent, if it was sent only once (Karn's algorithm,
    /// RFC 6298 §3).
    pub first_sent_at: Option<Instant>,
    /// The newest transmission that was acknowledged.
    pub newest: Option<Sent>,
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
    /// No record before this place is lost.
    scan: usize,
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

    /// What is believed to be in the network: neither lost nor held by the peer.
    pub fn in_flight(&self) -> u32 {
        self.len - self.lost - self.sacked
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

    /// Takes off everything before `to`.
    pub fn ack(&mut self, to: Seq) -> Acked {
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
            if acked.newest.is_none_or(|newest| gone.sent_at >= newest.sent_at) {
                acked.newest = Some(gone);
            }
        }
        acked
    }

    /// Takes the first `len` bytes of the queue for lost.
    pub fn mark_head_lost(&mut self, len: u32) {
        let Some(head) = self.queue.front_mut() else { return };
        if head.lost || head.sacked {
            return;
        }
        if head.len > len {
            let rest = head.split_off(len);
            self.queue.insert(1, rest);
        }
        let head = &mut self.queue[0];
        self.again -= if head.is_again() { head.len } else { 0 };
        head.lost = true;
        self.lost += head.len;
        self.scan = 0;
    }

    /// Takes everything the peer does not hold for lost.
    pub fn mark_all_lost(&mut self) {
        for sent in self.queue.iter_mut().filter(|sent| !sent.lost && !sent.sacked) {
            self.again -= if sent.is_again() { sent.len } else { 0 };
            sent.lost = true;
            self.lost += sent.len;
        }
        self.scan = 0;
    }

    /// The first run that is lost and waits to be sent again.
    pub fn next_lost(&self) -> Option<&Sent> {
        if self.lost == 0 {
            return None;
        }
        self.queue.range(self.scan..).find(|sent| sent.lost)
    }

    /// The run `seq..seq + len`, the first lost one, is being sent again.
    ///
    /// # Panics
    /// When no lost record starts at `seq`.
    pub fn on_retransmit(&mut self, seq: Seq, len: u32, now: Instant, stamp: Stamp) {
        let ahead = self.queue.range(self.scan..).position(|sent| sent.lost);
        let place = self.scan + ahead.expect("a lost record is sent again");
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
        sent.delivered = stamp.delivered;
        sent.delivered_at = stamp.delivered_at;
        self.lost -= len;
        self.again += len;
        self.scan = place + 1;
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

/// The delivery counters a transmission is stamped with.
#[derive(Copy, Clone, Debug)]
pub struct Stamp {
    /// Bytes delivered so far.
    pub delivered: u64,
    /// When that last grew.
    pub delivered_at: Instant,
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
            delivered: 0,
            delivered_at: Instant::ZERO,
            in_flight: 0,
            retransmits: 0,
            sacked: false,
            lost: false,
            app_limited: false,
        }
    }

    const STAMP: Stamp = Stamp { delivered: 0, delivered_at: Instant::ZERO };

    #[test]
    fn an_ack_inside_a_super_segment_splits_it() {
        let mut q = Rtxq::default();
        q.push(sent(100, 10, 1));
        q.push(sent(110, 60_000, 2));
        let acked = q.ack(Seq(210));
        assert_eq!((acked.len, acked.first_sent_at), (110, Some(Instant::from_millis(1))));
        assert_eq!(acked.newest.map(|s| (s.seq.0, s.len)), Some((110, 100)));
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
        let acked = q.ack(Seq(4_000));
        assert_eq!((acked.len, acked.first_sent_at, acked.retransmitted), (4_000, None, true));
        assert_eq!(acked.newest.map(|s| s.sent_at), Some(Instant::from_millis(9)));
        assert!(q.is_empty());
    }

    proptest! {
        /// Whatever is acknowledged, lost and sent again, the sums are the records' sums.
        #[test]
        fn sums_agree_with_records(ops in proptest::collection::vec((0u8..4, 1u32..5_000), 0..80)) {
            let (mut q, mut nxt, mut una) = (Rtxq::default(), 4_294_960_000u32, 4_294_960_000u32);
            for (op, n) in ops {
                match op {
                    0 => { q.push(sent(nxt, n, 0)); nxt = nxt.wrapping_add(n); }
                    1 => {
                        let n = n.min(nxt.wrapping_sub(una));
                        una = una.wrapping_add(n);
                        prop_assert_eq!(q.ack(Seq(una)).len, n);
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
