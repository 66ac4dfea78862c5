//! The receive buffer: data in order, waiting for its reader, as the chunks it arrived in.

use crate::base::{Chunk, Chunks, Pool};
use std::collections::VecDeque;

/// Whether holding `chunk` by reference pins more memory than copying it would cost.
pub(super) fn is_wasteful(chunk: &Chunk) -> bool {
    chunk.len() * 2 < chunk.capacity()
}

/// `chunk` itself, or a copy in a smaller block when it would pin a block much larger than it.
pub(super) fn compact(chunk: Chunk, pool: &Pool) -> Chunk {
    if is_wasteful(&chunk) && chunk.capacity() > crate::base::pool::CLASSES[0] {
        pool.copy(&chunk)
    } else {
        chunk
    }
}

/// Bytes in order, not read yet.
#[derive(Debug, Default)]
pub struct RecvBuffer {
    chunks: VecDeque<Chunk>,
    len: u32,
}

impl RecvBuffer {
    /// Bytes held.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds data behind what is held. Chunks that fill their block are kept as they are; small ones
    /// are copied together, so that memory stays in proportion to data.
    pub fn push(&mut self, data: Chunks, pool: &Pool) {
        for chunk in data {
            self.push_chunk(chunk, pool);
        }
    }

    /// Adds one chunk behind what is held.
    pub fn push_chunk(&mut self, mut chunk: Chunk, pool: &Pool) {
        self.len += chunk.len() as u32;
        if is_wasteful(&chunk) {
            if let Some(tail) = self.chunks.back_mut() {
                let n = tail.append(&chunk);
                chunk.advance(n);
            }
            chunk = compact(chunk, pool);
        }
        if !chunk.is_empty() {
            self.chunks.push_back(chunk);
        }
    }

    /// Gives bytes to the reader by `put`, piece by piece, at most `most`; says how many.
    pub fn read(&mut self, most: usize, mut put: impl FnMut(&[u8])) -> usize {
        let mut at = 0;
        while at < most {
            let Some(head) = self.chunks.front_mut() else { break };
            let n = head.len().min(most - at);
            put(&head[..n]);
            at += n;
            head.advance(n);
            if head.is_empty() {
                self.chunks.pop_front();
            }
        }
        self.len -= at as u32;
        at
    }

    /// Hands the next chunk to the reader, up to `most` bytes of it.
    pub fn take(&mut self, most: usize) -> Option<Chunk> {
        let head = self.chunks.front_mut().filter(|_| most > 0)?;
        let taken = if head.len() > most {
            let piece = head.slice(0, most);
            head.advance(most);
            piece
        } else {
            self.chunks.pop_front()?
        };
        self.len -= taken.len() as u32;
        Some(taken)
    }

    /// Copies bytes to the reader and keeps them; says how many.
    pub fn peek(&self, out: &mut [u8]) -> usize {
        let mut at = 0;
        for chunk in &self.chunks {
            let n = chunk.len().min(out.len() - at);
            out[at..at + n].copy_from_slice(&chunk[..n]);
            at += n;
        }
        at
    }

    /// The byte at a place, if it is here.
    pub fn byte(&self, at: u32) -> Option<u8> {
        let mut at = at as usize;
        for chunk in &self.chunks {
            if let Some(byte) = chunk.get(at) {
                return Some(*byte);
            }
            at -= chunk.len();
        }
        None
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = RecvBuffer::default();
    }

    /// Gives back memory that an empty buffer does not need.
    pub fn shrink(&mut self) {
        if self.chunks.is_empty() {
            self.chunks = VecDeque::new();
        }
    }

    /// Bytes of memory held, at most.
    #[cfg(test)]
    fn memory(&self) -> usize {
        self.chunks.iter().map(|c| c.capacity()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cross_chunks_and_peeks_leave_them() {
        let pool = Pool::new();
        let mut buf = RecvBuffer::default();
        for part in [&[1u8; 1500][..], &[2; 1500], &[3; 10]] {
            buf.push(pool.copy(part).into(), &pool);
        }
        let mut out = [0; 2_000];
        assert_eq!((buf.peek(&mut out), buf.len()), (2_000, 3_010));
        let mut read = |most| {
            let mut got = Vec::new();
            assert_eq!(buf.read(most, |bytes| got.extend_from_slice(bytes)), got.len());
            (got, buf.len())
        };
        assert_eq!(read(2_000), (out.to_vec(), 1_010));
        assert_eq!((out[1_499], out[1_500]), (1, 2));
        assert_eq!(read(usize::MAX), ([&[2; 1_000][..], &[3; 10]].concat(), 0));
    }

    #[test]
    fn chunks_are_taken_as_they_lie() {
        let pool = Pool::new();
        let mut buf = RecvBuffer::default();
        let first = pool.copy(&[1; 1_500]);
        let place = first.as_ptr();
        for part in [first, pool.copy(&[2; 1_500])] {
            buf.push(part.into(), &pool);
        }
        assert!(buf.take(0).is_none());
        let head = buf.take(500).expect("there is more");
        assert_eq!((head.as_ptr(), head.len(), buf.len()), (place, 500, 2_500));
        let tail = buf.take(usize::MAX).expect("there is more");
        assert_eq!((&tail[..], buf.len()), (&[1; 1_000][..], 1_500));
        // What comes now is not put behind what the reader has in the same block.
        let last = buf.take(100).expect("there is more");
        buf.push(pool.copy(&[3; 10]).into(), &pool);
        assert_eq!((&last[..], buf.len()), (&[2; 100][..], 1_410));
        assert_eq!(buf.take(usize::MAX).map(|chunk| chunk.to_vec()), Some(vec![2; 1_400]));
        assert_eq!(buf.take(usize::MAX).map(|chunk| chunk.to_vec()), Some(vec![3; 10]));
        assert!(buf.take(1).is_none() && buf.is_empty());
    }

    #[test]
    fn tiny_segments_do_not_pin_large_blocks() {
        let pool = Pool::new();
        let mut buf = RecvBuffer::default();
        for _ in 0..1_000 {
            let mut frame = pool.take(60_000);
            frame.append(b"x");
            buf.push(frame.into(), &pool);
        }
        assert_eq!(buf.len(), 1_000);
        assert!(buf.memory() <= 4_096, "{}", buf.memory());
    }
}
