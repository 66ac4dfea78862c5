//! The retransmission queue: one record per transmission, from SND.UNA to SND.NXT.
//!
//! A record covers sequence space (SYN and FIN count), a super-segment has one. Records are split
//! when part of them is acknowledged, lost or sent again. Everything that judges loss or measures
//! delivery reads this queue.

mod amount;
mod index;

use crate::base::{Duration, Instant, Seq};
use index::Index;
use std::collections::VecDeque;

pub use amount::{Amount, segments};

/// One transmission.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Sent {
    /// First sequence number.
    pub seq: Seq,
    /// Sequence space covered, 1.. .
    pub len: u32,
    /// The size of the segments it was cut into.
    pub mss: u16,
    /// How much of the first of them lies before it.
    pub phase: u16,
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
    /// Two copies of it are in flight: it was sent again without being taken for lost.
    pub twice: bool,
    /// Its last byte was the last one written: it has PSH, whenever it is sent.
    pub push: bool,
    /// Its last byte is a FIN.
    pub fin: bool,
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

    /// How many segments end in it; its end is one, if it is `whole` and not cut off another.
    pub fn segments(&self, whole: bool) -> u32 {
        let (mss, all) = (u32::from(self.mss.max(1)), u32::from(self.phase) + self.len);
        let data = all - u32::from(self.fin && all > 1); // FIN goes along
        if whole { segments(data, mss) } else { data / mss }
    }

    /// The sums that it counts in, besides that of all.
    fn sums(&self) -> Sums {
        [self.lost, self.sacked, self.is_again(), self.twice]
    }

    /// What it counts for.
    fn amount(&self) -> Amount {
        Amount { bytes: self.len, segments: self.segments(true) }
    }

    /// Cuts the record at `at` bytes; returns the part behind.
    fn split_off(&mut self, at: u32) -> Sent {
        let mss = u32::from(self.mss.max(1));
        let phase = ((u32::from(self.phase) + at) % mss) as u16;
        let rest = Sent { seq: self.seq + at, len: self.len - at, phase, ..*self };
        (self.len, self.push, self.fin) = (at, false, false);
        rest
    }

    /// The first place at `at` bytes or behind, and the last place there or before, where one of
    /// its segments ends.
    fn cuts_around(&self, at: u32) -> (u32, u32) {
        let (mss, phase) = (u32::from(self.mss.max(1)), u32::from(self.phase));
        let at = at + phase;
        (at.next_multiple_of(mss) - phase, (at / mss * mss).saturating_sub(phase))
    }

    /// How long the first of its segments is; a FIN goes along with the last of the data.
    pub fn first_len(&self) -> u32 {
        let most = u32::from(self.mss.max(1)) - u32::from(self.phase);
        if self.len - u32::from(self.fin) <= most { self.len } else { most }
    }

    /// Where the last of its segments begins, of which `fin` bytes are no data.
    pub fn last_from(&self, fin: u32) -> u32 {
        let data = self.len.saturating_sub(fin);
        if data == 0 { 0 } else { self.cuts_around(data - 1).1 }
    }
}

/// What an acknowledgment took off the queue.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Acked {
    /// Sequence space acknowledged.
    pub len: u32,
    /// Sequence space of it that the peer had not reported by SACK before.
    pub fresh: u32,
    /// Segments that ended there and were not reported so.
    pub segments: u32,
    /// Segments that ended there.
    pub all: u32,
    /// When the oldest acknowledged byte was sent, if it was sent only once (Karn's algorithm,
    /// RFC 6298 §3).
    pub first_sent_at: Option<Instant>,
    /// Whether some of it had been sent more than once.
    pub retransmitted: bool,
}

/// Sums over some of the records.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
struct Rare {
    /// What is taken for lost and not sent again.
    lost: Amount,
    /// What the peer holds out of order.
    sacked: Amount,
    /// What is in flight and was sent more than once.
    again: Amount,
    /// What two copies are in flight of.
    twice: Amount,
    /// What has left the network, by duplicate ACKs that do not say which (RFC 5681 §3.2 step 4).
    left: Amount,
}

/// Which of the rare sums: `lost`, `sacked`, `again`, `twice`.
type Sums = [bool; 4];

/// Records in sequence order, without gaps.
#[derive(Clone, Debug, Default)]
pub struct Rtxq {
    queue: VecDeque<Sent>,
    /// All of it.
    all: Amount,
    /// Sums of what is no ordinary course, while there is any.
    rare: Option<Box<Rare>>,
    /// Other orders of the records, while something is held, lost or sent again.
    index: Option<Box<Index>>,
}

impl Rtxq {
    /// Whether nothing is unacknowledged.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether one transmission is unacknowledged, and no more.
    pub fn is_single(&self) -> bool {
        self.queue.len() == 1
    }

    /// Whether what is in flight was sent once and in order, after anything that was not, and the
    /// peer holds nothing of it out of order.
    pub fn is_plain(&self) -> bool {
        self.rare.is_none() && self.index.is_none()
    }

    /// FlightSize: what was sent and not acknowledged (RFC 5681 §2).
    pub fn flight_size(&self) -> Amount {
        self.all
    }

    /// One of the sums that are nearly always nothing.
    fn rare(&self, sum: impl FnOnce(&Rare) -> Amount) -> Amount {
        self.rare.as_deref().map_or(Amount::default(), sum)
    }

    /// What is believed to be in the network: neither lost nor held by the peer, and what was sent
    /// again without being lost two times (`pipe` of RFC 6675 §2).
    // Rules: 6675-4-2.
    pub fn in_flight(&self) -> Amount {
        let Some(rare) = &self.rare else { return self.all };
        let Rare { lost, sacked, twice, left, .. } = **rare;
        let known = self.all - lost - sacked + twice;
        Amount {
            bytes: known.bytes.saturating_sub(left.bytes),
            segments: known.segments.saturating_sub(left.segments),
        }
    }

    /// What has left the network, by duplicate ACKs that do not say which.
    pub fn left(&self) -> Amount {
        self.rare(|rare| rare.left)
    }

    /// Duplicate ACKs say that so many `segments` of `smss` have left the network, one does not
    /// know which. What is missing itself has not.
    pub fn set_left(&mut self, segments: u32, smss: u32) {
        if segments == 0 && self.rare.is_none() {
            return;
        }
        let (bytes, most) = (segments.saturating_mul(smss), self.all);
        self.rare.get_or_insert_default().left = Amount {
            bytes: bytes.min(most.bytes.saturating_sub(smss)),
            segments: segments.min(most.segments.saturating_sub(1)),
        };
    }

    /// What is taken for lost and not sent again.
    pub fn lost(&self) -> Amount {
        self.rare(|rare| rare.lost)
    }

    /// What the peer holds out of order.
    pub fn sacked(&self) -> Amount {
        self.rare(|rare| rare.sacked)
    }

    /// What is in flight and was sent more than once.
    pub fn again(&self) -> Amount {
        self.rare(|rare| rare.again)
    }

    /// What was sent more than once and may still be answered: what is in flight, and the oldest
    /// when it is to be sent once more.
    pub fn runs_again(&self) -> impl Iterator<Item = (Seq, Seq)> {
        let head = self.queue.front().filter(|head| head.retransmits > 0 && head.lost);
        let most = if self.again().bytes > 0 { self.queue.len() } else { 0 };
        let again = self.queue.iter().take(most).filter(|sent| sent.is_again());
        head.into_iter().chain(again).map(|sent| (sent.seq, sent.end()))
    }

    /// Behind what was sent again in order (HighRxt, RFC 6675 §2).
    pub fn high_rxt(&self) -> Option<Seq> {
        self.index.as_ref()?.high_rxt
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
        let amount = sent.amount();
        self.sum(sent.sums(), |sum| *sum += amount);
        self.queue.push_back(sent);
        self.note(self.queue.len() - 1);
    }

    /// Changes the sums that a record counts in.
    fn sum(&mut self, [lost, sacked, again, twice]: Sums, mut change: impl FnMut(&mut Amount)) {
        change(&mut self.all);
        if !(lost || sacked || again || twice) {
            return; // as nearly always
        }
        let rare = self.rare.get_or_insert_default();
        let sums = [
            (lost, &mut rare.lost),
            (sacked, &mut rare.sacked),
            (again, &mut rare.again),
            (twice, &mut rare.twice),
        ];
        sums.into_iter().filter(|(counts, _)| *counts).for_each(|(_, sum)| change(sum));
    }

    /// Changes the record at `place`; the sums and the index follow.
    fn change(&mut self, place: usize, change: impl FnOnce(&mut Sent)) {
        self.unnote(place);
        let before = self.queue[place];
        change(&mut self.queue[place]);
        let after = self.queue[place];
        self.sum(before.sums(), |sum| *sum -= before.amount());
        self.sum(after.sums(), |sum| *sum += after.amount());
        self.note(place);
    }

    /// Takes off everything before `to`; `each` is shown what the peer had not reported before.
    // Rules: 2018-8-1.
    pub fn ack(&mut self, to: Seq, mut each: impl FnMut(&Sent)) -> Acked {
        let mut acked = Acked::default();
        while let Some(head) = self.queue.front() {
            if head.seq.after_eq(to) {
                break;
            }
            let whole = head.end().before_eq(to);
            if !whole {
                let at = to - head.seq;
                self.split(0, at);
            }
            self.unnote(0);
            let gone = &self.queue[0];
            let segments = gone.segments(whole);
            if acked.len == 0 && gone.retransmits == 0 {
                acked.first_sent_at = Some(gone.sent_at);
            }
            acked.len += gone.len;
            acked.all += segments;
            acked.retransmitted |= gone.retransmits > 0;
            if !gone.sacked {
                acked.fresh += gone.len;
                acked.segments += segments;
                each(gone);
            }
            let (sums, amount) = (gone.sums(), gone.amount());
            self.sum(sums, |sum| *sum -= amount);
            self.queue.pop_front();
            self.pass(amount.bytes);
        }
        match &mut self.rare {
            rare if self.all.bytes == 0 => *rare = None,
            Some(rare) => rare.left = rare.left.min(self.all),
            None => {}
        }
        self.forget_order(to);
        acked
    }

    /// The peer holds `left..right` out of order (RFC 2018 §4), of which `news` was not known;
    /// `each` is shown what it had not reported before. A record is cut only where segments ended:
    /// what holds a part of one waits until the rest is held, too, and blocks that report bytes do
    /// not make records without end. Returns the sequence space newly reported.
    // Rules: 2018-5-1.
    pub fn sack(
        &mut self,
        (left, right): (Seq, Seq),
        news: (Seq, Seq),
        mut each: impl FnMut(&Sent),
    ) -> u32 {
        let before = self.sacked().bytes;
        let mut place = self.queue.partition_point(|sent| sent.end().before_eq(news.0));
        while let Some(sent) = self.queue.get(place).filter(|sent| sent.seq.before(news.1)) {
            let inside = left.after(sent.seq);
            let from = if inside { sent.cuts_around(left - sent.seq).0 } else { 0 };
            let whole = right.after_eq(sent.end());
            let to = if whole { sent.len } else { sent.cuts_around(right - sent.seq).1 };
            if !sent.sacked && from < to {
                place += usize::from(self.split(place, from));
                self.split(place, to - from);
                each(&self.queue[place]);
                self.hold(place);
            }
            place += 1;
        }
        self.sacked().bytes - before
    }

    /// Cuts the record at `place` at `at` bytes, if there is something on both sides.
    fn split(&mut self, place: usize, at: u32) -> bool {
        let sent = &mut self.queue[place];
        if at == 0 || at >= sent.len {
            return false;
        }
        let whole = sent.segments(true);
        let rest = sent.split_off(at);
        let first = *sent;
        self.queue.insert(place + 1, rest);
        self.note(place); // the rest ends where the whole did
        let more = first.segments(true) + rest.segments(true) - whole; // cut within a segment
        self.sum(first.sums(), |sum| sum.segments += more);
        true
    }

    /// The peer holds the record at `place`.
    fn hold(&mut self, place: usize) {
        self.order();
        self.change(place, |sent| (sent.lost, sent.twice, sent.sacked) = (false, false, true));
    }

    /// The peer does not hold any more what it had reported (RFC 2018 §8 allows it).
    pub fn forget_sacked(&mut self) {
        let Some(rare) = &mut self.rare else { return };
        for sent in self.queue.iter_mut().filter(|sent| sent.sacked) {
            sent.sacked = false;
            rare.again += if sent.is_again() { sent.amount() } else { Amount::default() };
        }
        rare.sacked = Amount::default();
        self.reorder();
    }

    /// Behind the last byte that the peer holds out of order (`HighData` it has, RFC 6675 §2).
    pub fn high_sacked(&self) -> Option<Seq> {
        self.index.as_ref()?.high_sacked
    }

    /// Where more than `bytes` of what the peer holds out of order, or `runs` separate runs of it,
    /// lie above (RFC 6675 §4, IsLost).
    pub fn sacked_from_above(&self, bytes: u32, runs: u16) -> Option<Seq> {
        let (mut sum, mut count, mut inside) = (0, 0, false);
        let high = self.high_sacked()?;
        let held = self.queue.partition_point(|sent| sent.end().before_eq(high));
        for sent in self.queue.range(..held).rev() {
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
    /// in sequence order, up to the first that `judge` calls too new. Returns the sequence space
    /// newly lost.
    pub fn judge(&mut self, mut judge: impl FnMut(&Sent) -> Judged) -> u32 {
        let before = self.lost().bytes;
        for place in 0..self.queue.len() {
            let sent = &self.queue[place];
            if sent.sacked || sent.lost {
                continue;
            }
            match judge(sent) {
                Judged::Lost => self.lose(place),
                Judged::InTime => {}
                Judged::TooNew => break,
            }
        }
        self.lost().bytes - before
    }

    /// Takes for lost what was sent before `newest` and `wait` ago or earlier; says how much, and
    /// when that would be so of all that was sent before `newest`. It costs what it finds, however
    /// long the queue is.
    pub fn lose_overdue(
        &mut self,
        newest: (Instant, Seq),
        wait: Duration,
        now: Instant,
    ) -> (u32, Option<Instant>) {
        let Some(head) = self.queue.front() else { return (0, None) };
        let newest = (newest.0, self.offset(newest.1));
        let oldest = (head.sent_at, self.offset(head.end()));
        if self.index.is_none() && oldest >= newest {
            return (0, None); // all is in the order of time
        }
        if self.index.is_none() {
            self.order();
        }
        let before = self.lost().bytes;
        let overdue = |first: &(Instant, u64)| *first < newest && first.0 + wait <= now;
        while let Some((_, end)) = self.oldest().filter(overdue) {
            self.lose(self.place_of(end));
        }
        (self.lost().bytes - before, self.last_before(newest).map(|at| at + wait))
    }

    fn lose(&mut self, place: usize) {
        self.order();
        self.change(place, |sent| (sent.lost, sent.twice) = (true, false));
    }

    /// What is first went out once more at `now`, and its ACK tells the time from then on.
    pub fn date_head(&mut self, now: Instant) {
        self.queue.front_mut().into_iter().for_each(|sent| sent.sent_at = now);
    }

    /// Takes the first segment of the queue for lost.
    pub fn mark_head_lost(&mut self) {
        if let Some(head) = self.queue.front().filter(|head| !head.lost && !head.sacked) {
            self.split(0, head.first_len());
            self.lose(0);
        }
    }

    /// Takes everything the peer does not hold for lost.
    pub fn mark_all_lost(&mut self) {
        self.judge(|_| Judged::Lost);
        self.set_left(0, 0);
    }

    /// Nothing is lost after all: what was taken for it and not sent again is in flight.
    pub fn mark_none_lost(&mut self) {
        let Some(rare) = &mut self.rare else { return };
        for sent in self.queue.iter_mut().filter(|sent| sent.lost) {
            sent.lost = false;
            rare.again += if sent.is_again() { sent.amount() } else { Amount::default() };
        }
        rare.lost = Amount::default();
        self.reorder();
    }

    /// Takes the last segment for lost, of which `fin` bytes are no data.
    pub fn mark_tail_lost(&mut self, fin: u32) {
        let Some(tail) = self.queue.back().filter(|tail| !tail.lost && !tail.sacked) else {
            return;
        };
        let (place, before) = (self.queue.len() - 1, tail.last_from(fin));
        let split = self.split(place, before);
        self.lose(place + usize::from(split));
    }

    /// The first run that is lost and waits to be sent again.
    pub fn next_lost(&self) -> Option<&Sent> {
        self.first_lost().map(|place| &self.queue[place])
    }

    /// How long the first lost record is with those behind it that fit one segment of `most` bytes
    /// together, that the peer does not hold and that were not sent more often.
    pub fn joined(&self, most: u32) -> Option<u32> {
        let place = self.first_lost()?;
        let Sent { len: mut sum, retransmits, .. } = self.queue[place];
        let fits = |sent: &&Sent| {
            !sent.sacked && sent.retransmits <= retransmits && sent.segments(true) == 1
        };
        for sent in self.queue.range(place + 1..).take_while(fits) {
            if sum + sent.len > most {
                break;
            }
            sum += sent.len;
        }
        Some(sum)
    }

    /// The first lost record takes in those behind it, up to `len` bytes.
    pub fn join(&mut self, len: u32) {
        let Some(place) = self.first_lost() else { return };
        while self.queue[place].len < len && place + 1 < self.queue.len() {
            if !self.queue[place + 1].lost {
                self.lose(place + 1);
            }
            self.unnote(place + 1);
            let next = self.queue.remove(place + 1).expect("there is one more");
            self.sum(next.sums(), |sum| *sum -= next.amount());
            self.change(place, |sent| {
                sent.len += next.len;
                (sent.push, sent.fin) = (sent.push | next.push, sent.fin | next.fin);
                sent.retransmits = sent.retransmits.max(next.retransmits);
            });
        }
    }

    /// The run `seq..seq + len`, the first lost one, is being sent again in segments of `mss`.
    ///
    /// # Panics
    /// When no lost record starts at `seq`.
    // Rules: 8985-4-2.
    pub fn on_retransmit(&mut self, (seq, len): (Seq, u32), mss: u16, now: Instant, stamp: Stamp) {
        let place = self.first_lost().expect("a lost record is sent again");
        let sent = &self.queue[place];
        assert!(sent.seq == seq && len >= 1 && len <= sent.len, "the first lost run is sent again");
        self.send_again(place, (len, mss), now, stamp);
        self.raise_high_rxt(seq + len);
    }

    /// The run `seq..seq + len`, a part of one record, is being sent again, though it is not taken
    /// for lost: a `rescue`, which counts once and does not move HighRxt, or because there is
    /// nothing else (RFC 6675 §4, NextSeg, 4 and 3).
    pub fn on_last_resort(
        &mut self,
        (seq, len): (Seq, u32),
        mss: u16,
        (now, stamp): (Instant, Stamp),
        rescue: bool,
    ) {
        let place = self.queue.partition_point(|sent| sent.end().before_eq(seq));
        let place = place + usize::from(self.split(place, seq - self.queue[place].seq));
        self.send_again(place, (len, mss), now, stamp);
        if !rescue {
            self.change(place, |sent| sent.twice = true);
            self.raise_high_rxt(seq + len);
        }
    }

    fn send_again(&mut self, place: usize, (len, mss): (u32, u16), now: Instant, stamp: Stamp) {
        self.order();
        self.split(place, len);
        self.change(place, |sent| {
            (sent.lost, sent.mss, sent.phase) = (false, mss, 0);
            sent.retransmits = sent.retransmits.saturating_add(1);
            (sent.sent_at, sent.stamp) = (now, stamp);
        });
        let in_flight = self.in_flight().bytes;
        self.queue[place].in_flight = in_flight;
    }

    fn raise_high_rxt(&mut self, end: Seq) {
        if let Some(index) = &mut self.index {
            index.high_rxt = Some(index.high_rxt.map_or(end, |high| high.later(end)));
        }
    }

    /// What may be sent again when nothing is lost: the first that the peer lacks between HighRxt
    /// and what it holds (RFC 6675 §4, NextSeg, 3).
    pub fn first_doubtful(&self) -> Option<&Sent> {
        let from = self
            .high_rxt()
            .map_or(0, |high| self.queue.partition_point(|sent| sent.end().before_eq(high)));
        let lacks = self.queue.range(from..).find(|sent| !sent.sacked && !sent.twice)?;
        self.high_sacked().filter(|high| high.after(lacks.seq)).map(|_| lacks)
    }

    /// The last that the peer lacks.
    pub fn last_lacking(&self) -> Option<&Sent> {
        self.queue.iter().rev().find(|sent| !sent.sacked)
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
mod tests;
