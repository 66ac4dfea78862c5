//! How much of what was sent: in sequence space, and in segments.

use std::ops::{Add, AddAssign, Sub, SubAssign};

/// How many segments of `mss` so many bytes are: nearly always one, or none.
pub fn segments(bytes: u32, mss: u32) -> u32 {
    if bytes <= mss { u32::from(bytes > 0) } else { bytes.div_ceil(mss) }
}

/// A sum over records of the queue.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Amount {
    /// Sequence space.
    pub bytes: u32,
    /// Segments, whatever their size.
    pub segments: u32,
}

impl Amount {
    /// No more than `other`.
    pub fn min(self, other: Amount) -> Amount {
        let (bytes, segments) = (self.bytes.min(other.bytes), self.segments.min(other.segments));
        Amount { bytes, segments }
    }
}

impl Add for Amount {
    type Output = Amount;

    fn add(self, other: Amount) -> Amount {
        let (bytes, segments) = (self.bytes + other.bytes, self.segments + other.segments);
        Amount { bytes, segments }
    }
}

impl Sub for Amount {
    type Output = Amount;

    fn sub(self, other: Amount) -> Amount {
        let (bytes, segments) = (self.bytes - other.bytes, self.segments - other.segments);
        Amount { bytes, segments }
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Amount) {
        *self = *self + other;
    }
}

impl SubAssign for Amount {
    fn sub_assign(&mut self, other: Amount) {
        *self = *self - other;
    }
}
