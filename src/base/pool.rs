//! A pool of byte blocks, so that steady traffic allocates nothing.
//!
//! Blocks come in four sizes and go back to their pool when the last [`super::Chunk`] that looks
//! at them is dropped, on whatever thread that happens. What a pool keeps is bounded.

use super::chunk::Chunk;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Block sizes in bytes: one MTU-sized frame; two segments, which is what an ACK makes room for; a
/// handful of them; one super-segment with its headers (65 535 bytes of IP plus link and virtio-net
/// headers fit).
pub const CLASSES: [usize; 4] = [2 << 10, 4 << 10, 16 << 10, (64 << 10) + 256];
/// How many free blocks of each class a pool keeps for reuse: at most 8, 4, 16 and 16 MiB, which
/// covers a few full buffers; silence gives them back ([`Pool::trim`]).
const KEEP: [usize; 4] = [4096, 1024, 1024, 256];

/// Hands out blocks and takes them back. Cloning shares the pool.
#[derive(Clone, Debug, Default)]
pub struct Pool(Arc<Shared>);

#[derive(Debug, Default)]
pub(super) struct Shared {
    free: [Mutex<Vec<Arc<Block>>>; 4],
}

/// A block of bytes with the way home.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) data: Box<[u8]>,
    class: Option<u8>,
    home: Weak<Shared>,
}

impl Block {
    /// A block that is no pool's.
    pub(super) fn own(data: Box<[u8]>) -> Block {
        Block { data, class: None, home: Weak::new() }
    }
}

impl Pool {
    /// An empty pool.
    pub fn new() -> Pool {
        Pool::default()
    }

    /// An empty chunk with room for at least `bytes` bytes (see [`Chunk::room`]). More than the
    /// largest class comes from the heap and is not kept.
    pub fn take(&self, bytes: usize) -> Chunk {
        let Some(class) = CLASSES.iter().position(|size| *size >= bytes) else {
            return Chunk::empty(Arc::new(Block::own(vec![0; bytes].into_boxed_slice())));
        };
        let free = &self.0.free[class];
        let kept = free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Chunk::empty(kept.unwrap_or_else(|| {
            let data = vec![0; CLASSES[class]].into_boxed_slice();
            let home = Arc::downgrade(&self.0);
            Arc::new(Block { data, class: Some(class as u8), home })
        }))
    }

    /// A chunk holding a copy of `bytes`.
    pub fn copy(&self, bytes: &[u8]) -> Chunk {
        let mut chunk = self.take(bytes.len());
        let room = chunk.room().expect("a fresh block has one owner");
        room[..bytes.len()].copy_from_slice(bytes);
        chunk.grow(bytes.len());
        chunk
    }

    /// Free blocks waiting for reuse, in bytes.
    pub fn idle_bytes(&self) -> usize {
        let count = |c: usize| self.0.free[c].lock().map_or(0, |list| list.len());
        (0..CLASSES.len()).map(|c| count(c) * CLASSES[c]).sum()
    }

    /// Gives every free block back to the system.
    pub fn trim(&self) {
        for list in &self.0.free {
            *list.lock().unwrap_or_else(PoisonError::into_inner) = Vec::new();
        }
    }
}

/// Called with a block that a chunk lets go of: keeps it when nobody else looks at it.
pub(super) fn give_back(mut block: Arc<Block>) {
    let Some(only) = Arc::get_mut(&mut block) else { return };
    let (Some(class), Some(home)) = (only.class, only.home.upgrade()) else { return };
    let class = usize::from(class);
    let mut free = home.free[class].lock().unwrap_or_else(PoisonError::into_inner);
    if free.len() < KEEP[class] {
        free.push(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_return_when_the_last_look_ends() {
        let pool = Pool::new();
        let a = pool.copy(b"hello");
        let b = a.clone();
        drop(a);
        assert_eq!(pool.idle_bytes(), 0);
        assert_eq!(&b[..], b"hello");
        drop(b);
        assert_eq!(pool.idle_bytes(), CLASSES[0]);
        let again = pool.take(100);
        assert_eq!(pool.idle_bytes(), 0);
        drop(again);
        pool.trim();
        assert_eq!(pool.idle_bytes(), 0);
    }

    #[test]
    fn more_than_the_largest_class_is_served_but_not_kept() {
        let pool = Pool::new();
        let big = pool.copy(&vec![7; 100_000]);
        assert_eq!(big.len(), 100_000);
        drop(big);
        assert_eq!(pool.idle_bytes(), 0);
        let orphan = Pool::new().copy(b"x");
        assert_eq!(&orphan[..], b"x");
    }
}
