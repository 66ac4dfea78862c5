//! Out-of-order data (RFC 9293 §3.10.7.4, seventh; SHLD-31) and the SACK blocks that describe it
//! (RFC 2018 §4).
//!
//! What is held first stays: overlapping bytes of later segments are cut away. The number of pieces
//! is bounded; bytes are bounded by the receive window.

use super::recvbuf::{RecvBuffer, compact};
use crate::base::Chunk;
use crate::base::{Chunks, Pool, Seq};
use crate::wire::tcp::SackBlocks;
use arrayvec::ArrayVec;

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
    pieces: Vec<Piece>,
    /// A sequence number in each range touched recently, one for each range, newest first.
    recent: ArrayVec<Seq, 4>,
    /// Where the peer's FIN lies, once it came.
    fin: Option<Seq>,
}

impl Reassembly {
    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.fin.is_none()
    }

    /// Bytes held.
    pub fn len(&self) -> u32 {
        self.pieces.iter().map(|p| p.data.len() as u32).sum()
    }

    /// The memory under these bytes: small pieces lie in blocks of their own.
    pub fn cost(&self) -> u32 {
        self.pieces.iter().map(|p| p.data.capacity() as u32).sum()
    }

    /// Keeps `data`, which starts at `seq`; `false` when there is no place for all of it.
    // Rules: 2525-2.5.
    pub fn insert(&mut self, seq: Seq, data: Chunks, limit: usize, pool: &Pool) -> bool {
        let (mut at, mut complete, empty) = (seq, true, data.is_empty());
        for chunk in data {
            let next = at + chunk.len() as u32;
            complete &= self.insert_chunk(at, chunk, limit, pool);
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
        let (place, end) = (self.pieces.partition_point(|p| p.end().before_eq(seq)), seq + len);
        let piece = self.pieces.get(place).filter(|piece| piece.seq.before(end))?;
        let left = seq.later(piece.seq);
        // Pieces that touch are one range.
        let touching = self.pieces[place..].iter().scan(piece.seq, |at, piece| {
            (piece.seq == *at).then(|| {
                *at = piece.end();
                *at
            })
        });
        Some((left, touching.last()?.earlier(end)))
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
    fn insert_chunk(&mut self, mut seq: Seq, mut data: Chunk, limit: usize, pool: &Pool) -> bool {
        let mut place = self.pieces.partition_point(|p| p.end().before_eq(seq));
        while !data.is_empty() {
            let end = seq + data.len() as u32;
            let next = self.pieces.get(place).filter(|p| p.seq.before(end));
            let gap = next
                .map_or(data.len(), |p| if p.seq.after(seq) { (p.seq - seq) as usize } else { 0 });
            let skip = next.map_or(data.len(), |p| (p.end().earlier(end) - seq) as usize);
            if gap > 0 {
                if self.pieces.len() >= limit {
                    return false;
                }
                let piece = Piece { seq, data: compact(data.slice(0, gap), pool) };
                self.pieces.insert(place, piece);
                place += 1;
            }
            place += 1;
            seq += skip as u32;
            data.advance(skip);
        }
        true
    }

    /// Moves what continues at `nxt` to the reader; returns the new RCV.NXT without the FIN.
    pub fn drain(&mut self, mut nxt: Seq, rx: &mut RecvBuffer, pool: &Pool) -> Seq {
        let ready = self.pieces.iter().scan(nxt, |at, p| {
            let fits = p.seq.before_eq(*at);
            *at = at.later(p.end());
            fits.then_some(())
        });
        let count = ready.count();
        for piece in self.pieces.drain(..count) {
            let known = if nxt.after(piece.seq) { nxt - piece.seq } else { 0 };
            let mut data = piece.data;
            data.advance(known as usize);
            nxt += data.len() as u32;
            rx.push_chunk(data, pool);
        }
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

    /// Up to `max` SACK blocks, the most recently touched range first (RFC 2018 §4).
    // Rules: 2018-4-4.
    pub fn sack_blocks(&self, max: usize) -> SackBlocks {
        let mut blocks = SackBlocks::new();
        for seq in &self.recent {
            let Some(range) = self.range_at(*seq) else { continue };
            if blocks.len() < max.min(blocks.capacity()) && !blocks.contains(&range) {
                blocks.push(range);
            }
        }
        blocks
    }

    /// The contiguous range that holds `seq`.
    fn range_at(&self, seq: Seq) -> Option<(Seq, Seq)> {
        let place = self.pieces.partition_point(|p| p.end().before_eq(seq));
        let piece = self.pieces.get(place).filter(|p| p.seq.before_eq(seq))?;
        let (mut left, mut right) = (piece.seq, piece.end());
        for before in self.pieces[..place].iter().rev() {
            if before.end() != left {
                break;
            }
            left = before.seq;
        }
        for after in &self.pieces[place + 1..] {
            if after.seq != right {
                break;
            }
            right = after.end();
        }
        Some((left, right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn put(r: &mut Reassembly, pool: &Pool, seq: u32, len: usize) -> bool {
        r.insert(Seq(seq), pool.copy(&vec![0; len]).into(), 64, pool)
    }

    // Rules: 2018-4-3.
    #[test]
    fn sack_blocks_start_with_the_newest_range() {
        let (pool, mut r) = (Pool::new(), Reassembly::default());
        put(&mut r, &pool, 1_500, 500);
        put(&mut r, &pool, 3_000, 500);
        put(&mut r, &pool, 5_000, 500);
        let blocks: Vec<_> = r.sack_blocks(3).iter().map(|(l, r)| (l.0, r.0)).collect();
        assert_eq!(blocks, [(5_000, 5_500), (3_000, 3_500), (1_500, 2_000)]);
        put(&mut r, &pool, 2_000, 1_000);
        let blocks: Vec<_> = r.sack_blocks(2).iter().map(|(l, r)| (l.0, r.0)).collect();
        assert_eq!(blocks, [(1_500, 3_500), (5_000, 5_500)]);
    }

    #[test]
    fn the_number_of_pieces_is_bounded() {
        let (pool, mut r) = (Pool::new(), Reassembly::default());
        let kept = (0..100).filter(|n| put(&mut r, &pool, n * 10, 1)).count();
        assert_eq!((kept, r.len()), (64, 64));
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
                prop_assert!(r.insert(Seq(base) + at + known as u32, chunks, 1000, &pool));
                nxt = r.drain(nxt, &mut rx, &pool);
                for (left, right) in r.sack_blocks(4) {
                    prop_assert!(left.after(nxt) && right.after(left));
                    let mut held = left - Seq(base)..right - Seq(base);
                    prop_assert!(held.all(|i| model.contains_key(&i)));
                    prop_assert!(!model.contains_key(&(right - Seq(base))));
                }
            }
            let expected: Vec<u8> = (0..).map_while(|i| model.get(&i).copied()).collect();
            let mut out = vec![0; 1_000];
            let n = rx.read(&mut out);
            prop_assert_eq!(&out[..n], &expected[..]);
            prop_assert_eq!((nxt - Seq(base)) as usize, n);
            prop_assert_eq!(r.len() as usize, model.len() - n);
        }
    }
}
