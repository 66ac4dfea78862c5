//! Out-of-order data (RFC 9293 §3.10.7.4, seventh; SHLD-31) and the SACK blocks that describe it
//! (RFC 2018 §4).
//!
//! What is held first stays: overlapping bytes of later segments are cut away. The blocks under it
//! are bounded by the receive buffer ([`Room`]): small segments that follow each other share
//! blocks, so that a full window of whole segments has room, and single bytes far apart have not.

use super::recvbuf::{RecvBuffer, compact, is_wasteful};
use crate::base::pool::CLASSES;
use crate::base::{Chunk, Chunks, Pool, Seq};
use crate::wire::tcp::SackBlocks;
use arrayvec::ArrayVec;
use std::collections::VecDeque;

/// What may be held.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Room {
    /// Pieces, each in blocks of its own.
    pub pieces: usize,
    /// Bytes of blocks.
    pub memory: usize,
}

impl Room {
    /// For a receive buffer of that size. Of blocks whose data follows each other half is used at
    /// least, but for the headers that lie before it; those at the ends of ranges may hold less,
    /// and some have room besides.
    pub fn of(buffer: u32, pieces: u16) -> Room {
        Room { pieces: pieces.into(), memory: (buffer / 4) as usize * 9 + 32 * CLASSES[0] }
    }
}

#[derive(Debug)]
struct Piece {
    seq: Seq,
    data: Chunk,
}

impl Piece {
    fn end(&self) -> Seq {
        self.seq + self.data.len() as u32
    }
}

/// Data beyond RCV.NXT.
#[derive(Debug, Default)]
pub struct Reassembly {
    /// In sequence order, not overlapping.
    pieces: VecDeque<Piece>,
    /// What they cover without a gap, in sequence order.
    ranges: VecDeque<(Seq, Seq)>,
    /// A sequence number in each range touched recently, one for each range, newest first.
    recent: ArrayVec<Seq, 4>,
    /// Where the peer's FIN lies, once it came.
    fin: Option<Seq>,
    bytes: u32,
    cost: usize,
}

impl Reassembly {
    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.fin.is_none()
    }

    /// Bytes held.
    pub fn len(&self) -> u32 {
        self.bytes
    }

    /// What is held, each range without a gap, in sequence order.
    pub fn ranges(&self) -> impl Iterator<Item = (Seq, Seq)> {
        self.ranges.iter().copied()
    }

    /// Behind the last byte held.
    pub fn end(&self) -> Option<Seq> {
        self.ranges.back().map(|range| range.1)
    }

    /// The memory under these bytes: small pieces lie in blocks of their own.
    pub fn cost(&self) -> u32 {
        u32::try_from(self.cost).unwrap_or(u32::MAX)
    }

    /// Keeps `data`, which starts at `seq`; `false` when there is no place for all of it.
    // Rules: 2525-2.5.
    pub fn insert(&mut self, seq: Seq, data: Chunks, room: Room, pool: &Pool) -> bool {
        let (mut at, mut complete, empty) = (seq, true, data.is_empty());
        for chunk in data {
            let next = at + chunk.len() as u32;
            complete &= self.insert_chunk(at, chunk, room, pool);
            at = next;
        }
        if !empty {
            self.touch(seq);
        }
        complete
    }

    /// The first part of `seq..seq + len` that is held already.
    // Rules: 2883-4-3.
    pub fn overlap(&self, seq: Seq, len: u32) -> Option<(Seq, Seq)> {
        let end = seq + len;
        let (left, right) = self.range_from(seq).filter(|(left, _)| left.before(end))?;
        Some((seq.later(left), right.earlier(end)))
    }

    /// The peer's FIN has the sequence number `seq`.
    pub fn insert_fin(&mut self, seq: Seq) {
        self.fin = Some(self.fin.map_or(seq, |known| known.earlier(seq)));
    }

    /// The range that holds `seq` was touched last; what it has grown together with needs no place
    /// of its own, so that other ranges keep theirs (RFC 2018 §4).
    // Rules: 2018-4-3.
    fn touch(&mut self, seq: Seq) {
        let Some((left, right)) = self.range_at(seq) else { return };
        self.recent.retain(|known| known.before(left) || known.after_eq(right));
        if self.recent.is_full() {
            self.recent.pop();
        }
        self.recent.insert(0, seq);
    }

    // Rules: 2018-8-2.
    fn insert_chunk(&mut self, mut seq: Seq, mut data: Chunk, room: Room, pool: &Pool) -> bool {
        let mut place = self.pieces.partition_point(|p| p.end().before_eq(seq));
        while !data.is_empty() {
            let end = seq + data.len() as u32;
            let next = self.pieces.get(place).filter(|p| p.seq.before(end));
            let gap = next
                .map_or(data.len(), |p| if p.seq.after(seq) { (p.seq - seq) as usize } else { 0 });
            let skip = next.map_or(data.len(), |p| (p.end().earlier(end) - seq) as usize);
            if gap > 0 {
                let Some(pieces) = self.keep(place, seq, data.slice(0, gap), room, pool) else {
                    return false;
                };
                place += pieces;
            }
            place += 1;
            seq += skip as u32;
            data.advance(skip);
        }
        true
    }

    /// Keeps bytes that are not held, before the piece at `place`; what is small, in the block of
    /// what it follows. Says how many pieces they became; `None` when they do not fit.
    fn keep(
        &mut self,
        place: usize,
        mut seq: Seq,
        mut data: Chunk,
        room: Room,
        pool: &Pool,
    ) -> Option<usize> {
        let before = place.checked_sub(1).and_then(|at| self.pieces.get_mut(at));
        if let Some(before) = before.filter(|before| before.end() == seq && is_wasteful(&data)) {
            let n = before.data.append(&data);
            data.advance(n);
            self.cover(seq, n as u32);
            seq += n as u32;
        }
        if data.is_empty() {
            return Some(0);
        }
        let data = compact(data, pool);
        if self.pieces.len() >= room.pieces || self.cost + data.capacity() > room.memory {
            return None;
        }
        self.cost += data.capacity();
        self.cover(seq, data.len() as u32);
        self.pieces.insert(place, Piece { seq, data });
        Some(1)
    }

    /// Takes note that `len` bytes from `left` on are held now, which were not.
    fn cover(&mut self, left: Seq, len: u32) {
        if len == 0 {
            return;
        }
        self.bytes += len;
        let right = left + len;
        let place = self.ranges.partition_point(|range| range.1.before(left));
        let Some(range) = self.ranges.get_mut(place).filter(|range| range.0.before_eq(right))
        else {
            self.ranges.insert(place, (left, right));
            return;
        };
        *range = (range.0.earlier(left), range.1.later(right));
        let end = range.1;
        if let Some((_, behind)) = self.ranges.get(place + 1).copied().filter(|next| next.0 == end)
        {
            self.ranges[place].1 = behind;
            self.ranges.remove(place + 1);
        }
    }

    /// Moves what continues at `nxt` to the reader; returns the new RCV.NXT without the FIN.
    pub fn drain(&mut self, mut nxt: Seq, rx: &mut RecvBuffer, pool: &Pool) -> Seq {
        while let Some(piece) = self.pieces.pop_front_if(|piece| piece.seq.before_eq(nxt)) {
            let known = if nxt.after(piece.seq) { nxt - piece.seq } else { 0 };
            let mut data = piece.data;
            self.bytes -= data.len() as u32;
            self.cost -= data.capacity();
            data.advance(known as usize);
            nxt += data.len() as u32;
            rx.push_chunk(data, pool);
        }
        while self.ranges.pop_front_if(|range| range.1.before_eq(nxt)).is_some() {}
        self.recent.retain(|seq| seq.after_eq(nxt));
        // A FIN that data went past was none.
        self.fin = self.fin.filter(|fin| fin.after_eq(nxt));
        nxt
    }

    /// Whether the FIN lies at `nxt`, and so is in order.
    pub fn fin_at(&self, nxt: Seq) -> bool {
        self.fin == Some(nxt)
    }

    /// Where the FIN lies, if it has come.
    pub fn fin(&self) -> Option<Seq> {
        self.fin
    }

    /// Up to `max` SACK blocks, the most recently touched range first (RFC 2018 §4). `fin`: the
    /// FIN's place, too, as Linux.
    // Rules: 2018-4-4.
    pub fn sack_blocks(&self, max: usize, fin: bool) -> SackBlocks {
        let mut blocks = SackBlocks::new();
        let fin = self.fin.filter(|_| fin);
        let alone = fin.filter(|fin| max > 0 && self.range_at(*fin - 1).is_none());
        blocks.extend(alone.map(|fin| (fin, fin + 1)));
        for seq in &self.recent {
            let Some((left, right)) = self.range_at(*seq) else { continue };
            let range = (left, if fin == Some(right) { right + 1 } else { right });
            if blocks.len() < max.min(blocks.capacity()) && !blocks.contains(&range) {
                blocks.push(range);
            }
        }
        blocks
    }

    /// The contiguous range that holds `seq`.
    fn range_at(&self, seq: Seq) -> Option<(Seq, Seq)> {
        self.range_from(seq).filter(|(left, _)| left.before_eq(seq))
    }

    /// The contiguous range that holds `seq`, or the next one.
    fn range_from(&self, seq: Seq) -> Option<(Seq, Seq)> {
        self.ranges.get(self.ranges.partition_point(|range| range.1.before_eq(seq))).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn put(r: &mut Reassembly, pool: &Pool, seq: u32, len: usize) -> bool {
        let room = Room { pieces: 64, memory: 64 * CLASSES[0] };
        r.insert(Seq(seq), pool.copy(&vec![0; len]).into(), room, pool)
    }

    // Rules: 2018-4-3.
    #[test]
    fn sack_blocks_start_with_the_newest_range() {
        let (pool, mut r) = (Pool::new(), Reassembly::default());
        put(&mut r, &pool, 1_500, 500);
        put(&mut r, &pool, 3_000, 500);
        put(&mut r, &pool, 5_000, 500);
        let blocks: Vec<_> = r.sack_blocks(3, false).iter().map(|(l, r)| (l.0, r.0)).collect();
        assert_eq!(blocks, [(5_000, 5_500), (3_000, 3_500), (1_500, 2_000)]);
        put(&mut r, &pool, 2_000, 1_000);
        let blocks: Vec<_> = r.sack_blocks(2, false).iter().map(|(l, r)| (l.0, r.0)).collect();
        assert_eq!(blocks, [(1_500, 3_500), (5_000, 5_500)]);
    }

    #[test]
    fn the_number_of_pieces_is_bounded() {
        let (pool, mut r) = (Pool::new(), Reassembly::default());
        let kept = (0..100).filter(|n| put(&mut r, &pool, n * 10, 1)).count();
        assert_eq!((kept, r.len()), (64, 64));
    }

    /// A window whose first segment is lost, in segments of any size, and a hostile peer's single
    /// bytes: the first fits whole, the second takes no more memory than that.
    #[test]
    fn a_full_window_has_room_and_single_bytes_have_a_bound() {
        let (buffer, pool) = (2 << 20, Pool::new());
        let room = Room::of(buffer, u16::MAX);
        for mss in [48, 100, 536, 1_024, 1_025, 1_220, 1_460, 4_312, 8_960, 17_000, 60_000] {
            let mut r = Reassembly::default();
            let segments = (mss..buffer).step_by(mss as usize).filter(|at| at + mss <= buffer);
            let mut frames = segments.map(|at| (at, pool.copy(&vec![0; mss as usize])));
            assert!(frames.all(|(at, data)| r.insert(Seq(at), data.into(), room, &pool)), "{mss}");
            assert_eq!((r.ranges.len(), r.len()), (1, (buffer / mss - 1) * mss));
        }
        let mut r = Reassembly::default();
        let mut held = (1..buffer).step_by(2);
        assert!(!held.all(|at| r.insert(Seq(at), pool.copy(&[0]).into(), room, &pool)));
        assert!(r.cost() as usize <= room.memory && r.ranges.len() == r.pieces.len());
    }

    proptest! {
        /// Against a map of bytes: whatever order, overlap and repetition, the reader gets each
        /// byte once, as it was first received.
        #[test]
        fn agrees_with_a_map(
            pieces in proptest::collection::vec((0u32..300, 1usize..60), 1..40), base: u32,
        ) {
            let (pool, mut r, mut rx) = (Pool::new(), Reassembly::default(), RecvBuffer::default());
            let mut model = std::collections::BTreeMap::new();
            let mut nxt = Seq(base);
            for (n, (at, len)) in pieces.into_iter().enumerate() {
                let bytes: Vec<u8> = vec![n as u8; len];
                for (i, b) in bytes.iter().enumerate() {
                    model.entry(at + i as u32).or_insert(*b);
                }
                // The caller cuts away what lies before RCV.NXT.
                let known = (nxt - Seq(base)).saturating_sub(at).min(len as u32) as usize;
                let mut chunks = Chunks::from(pool.copy(&bytes));
                chunks.advance(known);
                let room = Room::of(1 << 20, u16::MAX);
                prop_assert!(r.insert(Seq(base) + at + known as u32, chunks, room, &pool));
                nxt = r.drain(nxt, &mut rx, &pool);
                for (left, right) in r.sack_blocks(4, false) {
                    prop_assert!(left.after(nxt) && right.after(left));
                    let mut held = left - Seq(base)..right - Seq(base);
                    prop_assert!(held.all(|i| model.contains_key(&i)));
                    prop_assert!(!model.contains_key(&(right - Seq(base))));
                }
            }
            let expected: Vec<u8> = (0..).map_while(|i| model.get(&i).copied()).collect();
            let mut out = Vec::new();
            let n = rx.read(1_000, |bytes| out.extend_from_slice(bytes));
            prop_assert_eq!(&out, &expected);
            prop_assert_eq!((nxt - Seq(base)) as usize, n);
            prop_assert_eq!(r.len() as usize, model.len() - n);
            let blocks: usize = r.pieces.iter().map(|piece| piece.data.capacity()).sum();
            prop_assert_eq!(r.cost() as usize, blocks);
        }
    }
}
