//! What a host has sent, summed up, for a replay to compare.

use crate::base::{Frame, IfaceId, TraceHash};

/// What a host has sent.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct SentSoFar {
    /// Frames.
    pub frames: u64,
    /// A hash over the interface and bytes of each.
    pub hash: u64,
}

/// The sum as it grows.
#[derive(Clone, Debug)]
pub struct SentSum {
    frames: u64,
    hash: Hash,
}

#[derive(Clone, Debug)]
enum Hash {
    Trace(TraceHash),
    /// FNV-1a, which takes a byte at a time: that of recordings up to version 7.
    Fnv(u64),
}

impl SentSum {
    /// Of nothing.
    pub fn new() -> SentSum {
        SentSum { frames: 0, hash: Hash::Trace(TraceHash::new()) }
    }

    /// Of nothing, as recordings up to version 7 have it.
    pub fn up_to_7() -> SentSum {
        SentSum { frames: 0, hash: Hash::Fnv(0xcbf2_9ce4_8422_2325) }
    }

    /// Counts a frame.
    pub fn add(&mut self, iface: IfaceId, frame: &Frame) {
        self.frames += 1;
        let iface = iface.0.to_le_bytes();
        for bytes in std::iter::once(&iface[..]).chain(frame.slices()) {
            match &mut self.hash {
                Hash::Trace(hash) => hash.add(bytes),
                Hash::Fnv(hash) => *hash = fnv(*hash, bytes),
            }
        }
    }

    /// What was sent by now.
    pub fn so_far(&self) -> SentSoFar {
        let hash = match &self.hash {
            Hash::Trace(hash) => hash.value(),
            Hash::Fnv(hash) => *hash,
        };
        SentSoFar { frames: self.frames, hash }
    }
}

impl Default for SentSum {
    fn default() -> SentSum {
        SentSum::new()
    }
}

fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, b| (hash ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3))
}
