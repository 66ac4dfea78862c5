//! The send buffer: what the application wrote and the peer has not acknowledged, as chunks.
//!
//! Writing copies once into pooled blocks; sending hands out views of them.

use crate::base::{Chunk, Chunks, Pool, Seq};
use std::collections::VecDeque;

/// Bytes from `base` (the first unacknowledged data byte) on.
#[derive(Debug, Default)]
pub struct SendBuffer {
    chunks: VecDeque<Chunk>,
    /// The sequence number of the first byte.
    base: Seq,
    len: u32,
    /// Where the last view ended: (chunk, offset of that chunk's first byte from `base`).
    cursor: (u32, u32),
}

impl SendBuffer {
    /// An empty buffer whose first byte will have the sequence number `base`.
    pub fn new(base: Seq) -> SendBuffer {
        SendBuffer { base, ..SendBuffer::default() }
    }

    fn place(&self) -> usize {
        self.cursor.0 as usize
    }

    /// Bytes held.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The sequence number of the first byte held.
    pub fn base(&self) -> Seq {
        self.base
    }

    /// The sequence number behind the last byte held.
    pub fn end(&self) -> Seq {
        self.base + self.len
    }

    /// Copies `bytes` behind what is held. The caller bounds the length.
    pub fn write(&mut self, mut bytes: &[u8], pool: &Pool) {
        self.len += bytes.len() as u32;
        if let Some(tail) = self.chunks.back_mut() {
            let n = tail.append(bytes);
            bytes = &bytes[n..];
        }
        while !bytes.is_empty() {
            let n = bytes.len().min(64 << 10);
            self.chunks.push_back(pool.copy(&bytes[..n]));
            bytes = &bytes[n..];
        }
    }

    /// Drops everything before `to`.
    pub fn ack(&mut self, to: Seq) {
        let mut n = if to.after(self.base) { (to - self.base).min(self.len) } else { 0 };
        self.base += n;
        self.len -= n;
        self.cursor.1 = self.cursor.1.saturating_sub(n);
        while n > 0 {
            let head = self.chunks.front_mut().expect("chunks hold `len` bytes");
            let cut = n.min(head.len() as u32);
            head.advance(cut as usize);
            n -= cut;
            if head.is_empty() {
                self.chunks.pop_front();
                match self.cursor.0.checked_sub(1) {
                    Some(place) => self.cursor.0 = place,
                    None => self.cursor = (0, 0),
                }
            }
        }
        if self.cursor.0 == 0 {
            self.cursor.1 = 0;
        }
    }

    /// The bytes `seq..seq + len` as views; copied together only when they lie in more pieces than
    /// a frame has places for.
    ///
    /// # Panics
    /// When they are not all held.
    pub fn view(&mut self, seq: Seq, len: u32, pool: &Pool) -> Chunks {
        let from = seq - self.base;
        assert!(from <= self.len && len <= self.len - from, "only what is held is sent");
        if from < self.cursor.1 {
            self.cursor = (0, 0);
        }
        // Never past the last chunk: it may still grow.
        while self.place() + 1 < self.chunks.len() {
            let end = self.cursor.1 + self.chunks[self.place()].len() as u32;
            if end > from {
                break;
            }
            self.cursor = (self.cursor.0 + 1, end);
        }
        let mut out = Chunks::new();
        let (mut skip, mut left) = ((from - self.cursor.1) as usize, len as usize);
        for chunk in self.chunks.range(self.place()..) {
            if left == 0 {
                break;
            }
            if out.is_full() {
                return self.gather((from - self.cursor.1) as usize, len as usize, pool);
            }
            let take = left.min(chunk.len() - skip);
            out.push(chunk.slice(skip, skip + take));
            left -= take;
            skip = 0;
        }
        out
    }

    /// The same bytes, from `skip` bytes behind the cursor, copied into one block.
    fn gather(&self, mut skip: usize, len: usize, pool: &Pool) -> Chunks {
        let mut block = pool.take(len);
        for chunk in self.chunks.range(self.place()..) {
            let take = (len - block.len()).min(chunk.len() - skip);
            let copied = block.append(&chunk[skip..skip + take]);
            debug_assert_eq!(copied, take, "a fresh block has room");
            skip = 0;
            if block.len() == len {
                break;
            }
        }
        Chunks::from(block)
    }

    /// Forgets everything; the next byte will have the number after the last one held.
    pub fn clear(&mut self) {
        *self = SendBuffer::new(self.end());
    }

    /// Gives back memory that an empty buffer does not need.
    pub fn shrink(&mut self) {
        if self.chunks.is_empty() {
            self.chunks = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_writes_share_a_block_until_somebody_looks() {
        let pool = Pool::new();
        let mut buf = SendBuffer::new(Seq(u32::MAX));
        buf.write(b"ab", &pool);
        buf.write(b"cd", &pool);
        assert_eq!(buf.chunks.len(), 1);
        let view = buf.view(Seq(0), 2, &pool);
        buf.write(b"ef", &pool);
        assert_eq!((view.to_vec(), buf.chunks.len()), (b"bc".to_vec(), 2));
        assert_eq!(buf.view(Seq(u32::MAX), 6, &pool).to_vec(), b"abcdef");
    }

    proptest! {
        /// Against a plain vector: any writes, views and acknowledgments.
        // Rules: 2525-2.4.
        #[test]
        fn agrees_with_a_vector(
            ops in proptest::collection::vec((0u8..3, 0usize..3_000, 0usize..3_000), 0..60),
        ) {
            let pool = Pool::new();
            let mut base = Seq(4_294_967_000);
            let (mut buf, mut model) = (SendBuffer::new(base), Vec::new());
            let (mut next, mut views) = (0u8, Vec::new());
            for (op, a, b) in ops {
                match op {
                    0 => {
                        let bytes: Vec<u8> = (0..a).map(|n| next.wrapping_add(n as u8)).collect();
                        next = next.wrapping_add(a as u8);
                        buf.write(&bytes, &pool);
                        model.extend(bytes);
                    }
                    1 => {
                        let n = a.min(model.len());
                        base += n as u32;
                        buf.ack(base);
                        model.drain(..n);
                    }
                    _ => {
                        let from = a.min(model.len());
                        let len = b.min(model.len() - from);
                        let view = buf.view(base + from as u32, len as u32, &pool);
                        prop_assert_eq!(view.to_vec(), &model[from..from + len]);
                        views.push(view);
                    }
                }
                prop_assert_eq!((buf.len() as usize, buf.base()), (model.len(), base));
            }
        }
    }
}
