//! Super-segments as Linux queues them: a write fills them one by one, and some go out before it is
//! over.
//!
//! A batch holds what a device takes, but half of the largest window at most. When one is full and
//! the first in the queue, a super-segment of it may go; when more than half of the largest window
//! was written since the last push, it is pushed: it gets PSH, and all that may go does. What is
//! left of a batch is filled up by what follows. The end of a write is pushed, too.

use crate::base::Seq;
use std::collections::VecDeque;

/// So many fit without asking for memory.
const AT_FIRST: usize = 64;

/// A batch that was not sent, or not all of it.
#[derive(Copy, Clone, Debug)]
struct Batch {
    end: Seq,
    push: bool,
}

/// What may go out until more of the write is queued.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Turn {
    /// Nothing: the batch before it has not gone either.
    Nothing,
    /// One super-segment.
    One,
    /// All.
    #[default]
    All,
}

/// A write, as far as it is not queued.
#[derive(Copy, Clone, Debug)]
pub struct Write {
    /// Where it ends.
    pub end: Seq,
    /// More is to follow, so that its end is not pushed.
    pub more: bool,
    /// The last batch is the end of a record, which nothing is added to.
    pub closed: bool,
    /// What a batch holds.
    pub most: u32,
    /// Half of the largest window.
    pub half: u32,
}

/// The queue of a connection.
#[derive(Clone, Debug)]
pub struct Batches {
    queue: VecDeque<Batch>,
    /// Behind what is queued.
    filled: Seq,
    /// Behind what was pushed last.
    pushed: Seq,
    /// Some of a write is queued, and some is not.
    pub writing: bool,
    /// What may go.
    pub turn: Turn,
}

impl Batches {
    /// Of a connection that sends `nxt` next.
    pub fn new(nxt: Seq) -> Batches {
        let queue = VecDeque::with_capacity(AT_FIRST);
        Batches { queue, filled: nxt, pushed: nxt, writing: false, turn: Turn::All }
    }

    /// Behind what may be sent now.
    pub fn filled(&self) -> Seq {
        self.filled
    }

    /// Where the last batch begins.
    pub fn tail(&self, nxt: Seq) -> Seq {
        let before = self.queue.len().checked_sub(2).map(|place| self.queue[place].end);
        before.map_or(nxt, |end| end.later(nxt))
    }

    /// The next part of a write is queued.
    pub fn fill(&mut self, nxt: Seq, write: Write) {
        if self.filled.before(nxt) {
            (self.filled, self.writing) = (nxt, false);
            self.queue.clear();
        }
        let len = self.filled - self.tail(nxt);
        let fresh = self.queue.is_empty() || len >= write.most || write.closed;
        if fresh {
            self.queue.push_back(Batch { end: self.filled, push: false });
        }
        let rest = write.end - self.filled;
        let part = rest.min(write.most - if fresh { 0 } else { len });
        self.filled += part;
        let forced = self.filled.after(self.pushed + write.half);
        let first = self.queue.len() == 1;
        let tail = self.queue.back_mut().expect("one was made");
        tail.end = self.filled;
        tail.push &= self.writing; // more follows what was the end of a write
        self.writing = part < rest;
        if forced || !self.writing && !write.more {
            (tail.push, self.pushed) = (true, self.filled);
        }
        self.turn = match forced || !self.writing {
            true => Turn::All,
            false if first => Turn::One,
            false => Turn::Nothing,
        };
    }

    /// How much of the queue one super-segment of `most` bytes may hold, and whether its end is
    /// pushed: the first batch, filled up from the next.
    pub fn first(&self, nxt: Seq, most: u32) -> (u32, bool) {
        let mut queue = self.queue.iter();
        let Some(first) = queue.next() else { return (0, false) };
        let len = first.end - nxt;
        match queue.next() {
            Some(next) if len < most => {
                let more = (next.end - first.end).min(most - len);
                let all = first.end + more == next.end;
                (len + more, first.push || all && next.push)
            }
            _ => (len, first.push),
        }
    }

    /// The first batch is filled up from the next to `most` bytes, whether or not it goes.
    pub fn fill_up(&mut self, nxt: Seq, most: u32) {
        let (whole, push) = self.first(nxt, most);
        if let Some(first) = self.queue.front_mut().filter(|first| first.end.before(nxt + whole)) {
            *first = Batch { end: nxt + whole, push };
            if self.queue.get(1).is_some_and(|next| !next.end.after(nxt + whole)) {
                self.queue.remove(1);
            }
        }
    }

    /// `len` bytes of what [`Batches::first`] says go out.
    pub fn sent(&mut self, nxt: Seq, len: u32, most: u32) {
        self.fill_up(nxt, most);
        let end = nxt + len;
        while self.queue.pop_front_if(|batch| !batch.end.after(end)).is_some() {}
        if self.turn == Turn::One {
            self.turn = Turn::Nothing;
        }
    }

    /// Whether nothing is queued, nor was beyond `nxt`, which is sent next.
    pub fn is_fresh(&self, nxt: Seq) -> bool {
        self.is_empty() && !self.filled.after(nxt)
    }

    /// A write up to `end`, less than a batch, is queued and goes out; nothing was queued.
    pub fn pass(&mut self, end: Seq) {
        (self.filled, self.pushed, self.turn) = (end, end, Turn::All);
    }

    /// Whether there is no batch that the first could be filled up from.
    pub fn is_single(&self) -> bool {
        self.queue.len() < 2
    }

    /// Whether nothing is queued, nor about to be.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty() && !self.writing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u32 = 1_000;

    /// A write up to `end`, into batches of ten segments.
    fn write(end: u32, more: bool) -> Write {
        Write { end: Seq(end), more, closed: false, most: 10 * MSS, half: 10 * MSS }
    }

    /// Ends and pushes, and what may go.
    fn seen(batches: &Batches) -> (Vec<(u32, bool)>, Turn) {
        let each = |batch: &Batch| (batch.end.0, batch.push);
        (batches.queue.iter().map(each).collect(), batches.turn)
    }

    #[test]
    fn a_write_is_pushed_when_more_than_half_the_window_was_written() {
        let mut batches = Batches::new(Seq(0));
        batches.fill(Seq(0), write(35_000, false));
        assert_eq!(seen(&batches), (vec![(10_000, false)], Turn::One));
        batches.sent(Seq(0), 2_000, 2_000);
        batches.fill(Seq(2_000), write(35_000, false));
        assert_eq!(seen(&batches), (vec![(12_000, true)], Turn::All), "filled up, and pushed");
        for from in (2_000..12_000).step_by(2_000) {
            assert_eq!(batches.first(Seq(from), 2_000), (12_000 - from, true));
            batches.sent(Seq(from), 2_000, 2_000);
        }
        batches.fill(Seq(12_000), write(35_000, false));
        assert_eq!(seen(&batches), (vec![(22_000, false)], Turn::One));
        batches.fill(Seq(12_000), write(35_000, false));
        assert_eq!(seen(&batches).1, Turn::All, "nothing went, and 20 segments are more than 10");
        batches.fill(Seq(12_000), write(35_000, false));
        let all = vec![(22_000, false), (32_000, true), (35_000, true)];
        assert_eq!(seen(&batches), (all, Turn::All), "the end is pushed, too");
    }

    #[test]
    fn what_follows_takes_the_push_of_the_end_away_unless_the_batch_is_full() {
        let mut batches = Batches::new(Seq(0));
        batches.fill(Seq(0), write(3_000, false));
        assert_eq!(seen(&batches), (vec![(3_000, true)], Turn::All));
        batches.fill(Seq(0), write(4_000, true));
        assert_eq!(seen(&batches), (vec![(4_000, false)], Turn::All), "more is to follow");
        batches.fill(Seq(0), write(10_000, false));
        batches.fill(Seq(0), write(11_000, false));
        assert_eq!(seen(&batches).0, [(10_000, true), (11_000, true)]);
        let closed = Write { closed: true, ..write(12_000, false) };
        batches.fill(Seq(0), closed);
        assert_eq!(seen(&batches).0, [(10_000, true), (11_000, true), (12_000, true)]);
    }

    #[test]
    fn the_first_is_filled_up_from_the_next() {
        let mut batches = Batches::new(Seq(0));
        batches.fill(Seq(0), write(13_000, true));
        batches.fill(Seq(0), write(13_000, true));
        batches.sent(Seq(0), 9_000, 9_000);
        assert_eq!(batches.first(Seq(9_000), 1_000), (1_000, false));
        assert_eq!(batches.first(Seq(9_000), 3_000), (3_000, false));
        assert_eq!(batches.first(Seq(9_000), 8_000), (4_000, true), "more than half was written");
        batches.fill_up(Seq(9_000), 2_500);
        assert_eq!(seen(&batches).0, [(11_500, false), (13_000, true)]);
        batches.fill_up(Seq(9_000), 4_000);
        assert_eq!(seen(&batches).0, [(13_000, true)]);
        batches.sent(Seq(9_000), 4_000, 4_000);
        assert_eq!(seen(&batches).0, []);
    }
}
