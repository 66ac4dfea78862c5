//! The hash that tells whether two runs were the same.

/// A hash over a stream of bytes, eight at a time in four lanes: no secret, only a sum that no two
/// different runs are likely to share. It does not depend on how the bytes are cut into calls.
#[derive(Clone, Debug)]
pub struct TraceHash {
    lanes: [u64; 4],
    rest: [u8; BLOCK],
    kept: usize,
    total: u64,
}

const BLOCK: usize = 32;
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15; // 2^64 / the golden ratio, odd

impl TraceHash {
    /// Over nothing yet.
    pub fn new() -> TraceHash {
        TraceHash { lanes: [1, 2, 3, 4], rest: [0; BLOCK], kept: 0, total: 0 }
    }

    /// Adds bytes.
    pub fn add(&mut self, mut bytes: &[u8]) {
        self.total += bytes.len() as u64;
        if self.kept > 0 {
            let n = bytes.len().min(BLOCK - self.kept);
            self.rest[self.kept..self.kept + n].copy_from_slice(&bytes[..n]);
            self.kept += n;
            bytes = &bytes[n..];
            if self.kept < BLOCK {
                return;
            }
            let whole = self.rest;
            self.block(&whole);
            self.kept = 0;
        }
        let mut blocks = bytes.chunks_exact(BLOCK);
        for block in &mut blocks {
            self.block(block);
        }
        let rest = blocks.remainder();
        self.rest[..rest.len()].copy_from_slice(rest);
        self.kept = rest.len();
    }

    fn block(&mut self, block: &[u8]) {
        for (lane, word) in self.lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            let mixed = (*lane ^ u64::from_le_bytes(*word)).wrapping_mul(MULTIPLIER);
            *lane = mixed ^ (mixed >> 29);
        }
    }

    /// The hash of what was added so far.
    pub fn value(&self) -> u64 {
        let mut end = self.clone();
        let total = end.total.to_le_bytes();
        end.add(&total);
        end.add(&[0; BLOCK]); // at least one whole block: nothing of the rest is left out
        let mix = |hash: u64, lane: &u64| (hash ^ lane).wrapping_mul(MULTIPLIER).rotate_left(31);
        end.lanes.iter().fold(0, mix)
    }
}

impl Default for TraceHash {
    fn default() -> TraceHash {
        TraceHash::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_do_not_matter_and_bytes_do() {
        let bytes: Vec<u8> = (0..200).collect();
        let hash = |pieces: &[&[u8]]| {
            let mut hash = TraceHash::new();
            pieces.iter().for_each(|piece| hash.add(piece));
            hash.value()
        };
        let whole = hash(&[&bytes]);
        for cut in 0..=bytes.len() {
            assert_eq!(hash(&[&bytes[..cut], &bytes[cut..]]), whole, "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert_ne!(hash(&[&other]), whole, "byte {at}");
        }
        assert_ne!(hash(&[&bytes[1..]]), hash(&[&bytes[..199]]));
        assert_ne!(hash(&[]), hash(&[&[0]]));
    }
}
