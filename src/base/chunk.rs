//! Chunks: ref-counted views of pooled blocks, and short lists of them.
//!
//! A payload travels as chunks from the device to the reader, and from the writer to the device,
//! without being copied in between.

use super::pool::{Block, CLASSES, Pool, give_back};
use arrayvec::ArrayVec;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A view of part of a block. Cloning shares the bytes; the bytes under a shared view never change.
///
/// Whoever keeps a view keeps its whole block ([`Chunk::capacity`]), which goes back to its pool
/// when the last view of it is dropped, on whatever thread that happens.
pub struct Chunk {
    /// Present until drop.
    block: Option<Arc<Block>>,
    off: u32,
    len: u32,
}

impl Chunk {
    pub(super) fn empty(block: Arc<Block>) -> Chunk {
        Chunk { block: Some(block), off: 0, len: 0 }
    }

    fn block(&self) -> &Arc<Block> {
        self.block.as_ref().expect("a chunk holds its block until it is dropped")
    }

    /// The free bytes behind this view, if nobody else looks at the block.
    pub fn room(&mut self) -> Option<&mut [u8]> {
        let end = (self.off + self.len) as usize;
        let block = self.block.as_mut().and_then(Arc::get_mut)?;
        Some(&mut block.data[end..])
    }

    /// Lengthens the view by `n` bytes that were written to [`Chunk::room`].
    ///
    /// # Panics
    /// When the block is not that long.
    pub fn grow(&mut self, n: usize) {
        assert!((self.off + self.len) as usize + n <= self.capacity(), "a view stays in its block");
        self.len += n as u32;
    }

    /// Copies as much of `bytes` behind this view as fits and nobody else sees; says how much.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        let Some(room) = self.room() else { return 0 };
        let n = room.len().min(bytes.len());
        room[..n].copy_from_slice(&bytes[..n]);
        self.len += n as u32;
        n
    }

    /// The size of the whole block in bytes: what holding this view costs.
    pub fn capacity(&self) -> usize {
        self.block().data.len()
    }

    /// The bytes `from..to` of this view, shared.
    ///
    /// # Panics
    /// When the range is not inside the view.
    pub fn slice(&self, from: usize, to: usize) -> Chunk {
        assert!(from <= to && to <= self.len as usize, "a slice stays in its view");
        Chunk { block: self.block.clone(), off: self.off + from as u32, len: (to - from) as u32 }
    }

    /// Drops the first `n` bytes from the view (all of them when it is shorter).
    pub fn advance(&mut self, n: usize) {
        let n = n.min(self.len as usize) as u32;
        self.off += n;
        self.len -= n;
    }

    /// Cuts the view to its first `n` bytes.
    pub fn truncate(&mut self, n: usize) {
        self.len = self.len.min(n.min(u32::MAX as usize) as u32);
    }
}

impl From<Vec<u8>> for Chunk {
    /// The bytes as they are, in a block that no pool keeps.
    fn from(bytes: Vec<u8>) -> Chunk {
        let len = bytes.len();
        let mut chunk = Chunk::empty(Arc::new(Block::own(bytes.into_boxed_slice())));
        chunk.grow(len);
        chunk
    }
}

impl Clone for Chunk {
    fn clone(&self) -> Chunk {
        Chunk { block: self.block.clone(), off: self.off, len: self.len }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            give_back(block);
        }
    }
}

impl Deref for Chunk {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.block().data[self.off as usize..(self.off + self.len) as usize]
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// The same bytes, not a copy of them: they keep the block as the chunk did.
#[cfg(feature = "tokio")]
impl From<Chunk> for bytes::Bytes {
    fn from(chunk: Chunk) -> bytes::Bytes {
        bytes::Bytes::from_owner(chunk)
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({} B)", self.len)
    }
}

/// How many chunks one frame or payload is made of at most.
pub const MAX_CHUNKS: usize = 4;

/// A run of bytes in up to [`MAX_CHUNKS`] pieces.
#[derive(Clone, Default)]
pub struct Chunks(ArrayVec<Chunk, MAX_CHUNKS>);

impl Chunks {
    /// No bytes.
    pub fn new() -> Chunks {
        Chunks::default()
    }

    /// How many bytes in all.
    pub fn len(&self) -> usize {
        self.0.iter().map(|c| c.len()).sum()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|c| c.is_empty())
    }

    /// Whether no further chunk fits.
    pub fn is_full(&self) -> bool {
        self.0.is_full()
    }

    /// Adds a chunk behind the others; an empty one is dropped.
    ///
    /// # Panics
    /// When [`Chunks::is_full`].
    pub fn push(&mut self, chunk: Chunk) {
        if !chunk.is_empty() {
            self.0.push(chunk);
        }
    }

    /// The pieces in order.
    pub fn iter(&self) -> impl Iterator<Item = &Chunk> + Clone {
        self.0.iter()
    }

    /// Drops the first `n` bytes.
    pub fn advance(&mut self, mut n: usize) {
        while n > 0 && !self.0.is_empty() {
            let take = n.min(self.0[0].len());
            self.0[0].advance(take);
            n -= take;
            if self.0[0].is_empty() {
                self.0.remove(0);
            }
        }
    }

    /// Cuts to the first `n` bytes.
    pub fn truncate(&mut self, n: usize) {
        let mut left = n;
        for chunk in &mut self.0 {
            chunk.truncate(left);
            left -= chunk.len();
        }
        self.0.retain(|c| !c.is_empty());
    }

    /// The bytes `from..to`, shared.
    ///
    /// # Panics
    /// When the range is not inside.
    pub fn slice(&self, from: usize, to: usize) -> Chunks {
        assert!(from <= to && to <= self.len(), "a slice stays in its bytes");
        let (mut out, mut skip, mut left) = (Chunks::new(), from, to - from);
        for chunk in &self.0 {
            if left == 0 {
                break;
            }
            if skip >= chunk.len() {
                skip -= chunk.len();
                continue;
            }
            let take = left.min(chunk.len() - skip);
            out.push(chunk.slice(skip, skip + take));
            left -= take;
            skip = 0;
        }
        out
    }

    /// The sizes of the blocks under these bytes, added up: what keeping them costs at most.
    pub fn cost(&self) -> usize {
        self.0.iter().map(Chunk::capacity).sum()
    }

    /// The same bytes for keeping: a copy in one block of `pool` when they would otherwise pin
    /// more than four times the memory that such a copy takes.
    pub fn compacted(self, pool: &Pool) -> Chunks {
        let len = self.len();
        if self.is_empty() || self.cost() <= 4 * len.max(CLASSES[0]) {
            return self;
        }
        self.gathered(pool)
    }

    /// A copy of the bytes in one block of `pool`.
    pub fn gathered(&self, pool: &Pool) -> Chunks {
        let mut whole = pool.take(self.len());
        for chunk in &self.0 {
            whole.append(chunk);
        }
        whole.into()
    }

    /// Copies the bytes to the start of `out`; says how many there were room for.
    pub fn copy_to(&self, out: &mut [u8]) -> usize {
        let mut at = 0;
        for chunk in &self.0 {
            let n = chunk.len().min(out.len() - at);
            out[at..at + n].copy_from_slice(&chunk[..n]);
            at += n;
        }
        at
    }

    /// All bytes in a new vector: for tools and tests, not for the hot path.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = vec![0; self.len()];
        self.copy_to(&mut out);
        out
    }
}

impl PartialEq for Chunks {
    /// Whether the bytes are the same, wherever they are cut.
    fn eq(&self, other: &Chunks) -> bool {
        let (ours, theirs) = (self.iter(), other.iter());
        ours.flat_map(|chunk| chunk.iter()).eq(theirs.flat_map(|chunk| chunk.iter()))
    }
}

impl From<Chunk> for Chunks {
    fn from(chunk: Chunk) -> Chunks {
        let mut chunks = Chunks::new();
        chunks.push(chunk);
        chunks
    }
}

impl IntoIterator for Chunks {
    type Item = Chunk;
    type IntoIter = arrayvec::IntoIter<Chunk, MAX_CHUNKS>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunks({} B in {})", self.len(), self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(pool: &Pool, parts: &[&[u8]]) -> Chunks {
        let mut out = Chunks::new();
        for part in parts {
            out.push(pool.copy(part));
        }
        out
    }

    #[test]
    fn readers_may_send_and_keep_them() {
        fn check<T: Send + Sync + AsRef<[u8]> + 'static>(_: &T) {}
        check(&Pool::new().copy(b"x"));
    }

    #[test]
    fn shared_views_do_not_grow() {
        let pool = Pool::new();
        let mut a = pool.copy(b"abc");
        assert_eq!(a.append(b"def"), 3);
        let b = a.slice(1, 3);
        assert_eq!(a.append(b"x"), 0);
        assert_eq!((&a[..], &b[..]), (&b"abcdef"[..], &b"bc"[..]));
        drop(b);
        assert_eq!(a.append(b"x"), 1);
    }

    #[cfg(feature = "tokio")]
    #[test]
    fn bytes_of_a_chunk_are_no_copy() {
        let pool = Pool::new();
        let chunk = pool.copy(b"abc");
        let place = chunk.as_ptr();
        let bytes = bytes::Bytes::from(chunk);
        assert_eq!((bytes.as_ptr(), &bytes[..]), (place, &b"abc"[..]));
        let tail = bytes.slice(2..);
        drop(bytes);
        assert_eq!((&tail[..], pool.idle_bytes()), (&b"c"[..], 0));
        drop(tail);
        assert_eq!(pool.idle_bytes(), CLASSES[0]);
    }

    #[test]
    fn lists_cut_from_both_ends() {
        let pool = Pool::new();
        let all = chunks(&pool, &[b"abc", b"", b"defg", b"h"]);
        assert_eq!(all.len(), 8);
        for from in 0..=8 {
            for to in from..=8 {
                assert_eq!(all.slice(from, to).to_vec(), &b"abcdefgh"[from..to]);
            }
        }
        assert_eq!((all.gathered(&pool).to_vec(), all.cost()), (all.to_vec(), 3 * CLASSES[0]));
        let mut short = [0; 5];
        assert_eq!(all.copy_to(&mut short), 5);
        assert_eq!(&short, b"abcde");
    }
    #[test]
    fn keeping_little_does_not_pin_much() {
        let pool = Pool::new();
        let mut large = pool.take(CLASSES[2]);
        large.append(b"little");
        let kept = Chunks::from(large).compacted(&pool);
        assert_eq!((kept.to_vec(), kept.cost()), (b"little".to_vec(), CLASSES[0]));
        let fits = Chunks::from(pool.copy(&[7; CLASSES[1]]));
        assert_eq!(fits.compacted(&pool).cost(), CLASSES[1]);
    }
}
