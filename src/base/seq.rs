//! Sequence numbers: arithmetic modulo 2^32 (RFC 9293 §3.4).

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// A 32-bit sequence number. Deliberately not `Ord`: a circle has no total order. Comparisons are
/// `before`/`after` and hold for distances below 2^31.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Default)]
pub struct Seq(pub u32);

impl Seq {
    /// `self < other` on the circle.
    pub const fn before(self, other: Seq) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }

    /// `self =< other` on the circle.
    pub const fn before_eq(self, other: Seq) -> bool {
        (self.0.wrapping_sub(other.0) as i32) <= 0
    }

    /// `self > other` on the circle.
    pub const fn after(self, other: Seq) -> bool {
        other.before(self)
    }

    /// `self >= other` on the circle.
    pub const fn after_eq(self, other: Seq) -> bool {
        other.before_eq(self)
    }

    /// `lo =< self < lo + len`.
    pub const fn within(self, lo: Seq, len: u32) -> bool {
        self.0.wrapping_sub(lo.0) < len
    }

    /// The later of two.
    pub const fn later(self, other: Seq) -> Seq {
        if self.after(other) { self } else { other }
    }

    /// The earlier of two.
    pub const fn earlier(self, other: Seq) -> Seq {
        if self.before(other) { self } else { other }
    }
}

impl Add<u32> for Seq {
    type Output = Seq;
    fn add(self, rhs: u32) -> Seq {
        Seq(self.0.wrapping_add(rhs))
    }
}

impl AddAssign<u32> for Seq {
    fn add_assign(&mut self, rhs: u32) {
        *self = *self + rhs;
    }
}

impl Sub<u32> for Seq {
    type Output = Seq;
    fn sub(self, rhs: u32) -> Seq {
        Seq(self.0.wrapping_sub(rhs))
    }
}

/// The distance from `rhs` forward to `self`.
impl Sub<Seq> for Seq {
    type Output = u32;
    fn sub(self, rhs: Seq) -> u32 {
        self.0.wrapping_sub(rhs.0)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn order_laws(a: u32, d in 1u32..0x7fff_ffff) {
            let (x, y) = (Seq(a), Seq(a) + d);
            prop_assert!(x.before(y) && y.after(x) && !y.before(x) && x.before_eq(x));
            prop_assert_eq!(y - x, d);
            prop_assert_eq!(x.later(y), y);
            prop_assert_eq!(x.earlier(y), x);
            prop_assert!(x.within(x, 1) && !y.within(x, d) && y.within(x, d + 1));
            prop_assert_eq!(y - d, x);
        }
    }
}
