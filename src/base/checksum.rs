//! The Internet checksum (RFC 1071), wide, over bytes in several pieces.

/// A one's-complement sum in the making.
#[derive(Copy, Clone, Debug, Default)]
pub struct Sum {
    acc: u64,
    /// Whether an odd number of bytes went in, so that the next one is a low byte.
    odd: bool,
}

impl Sum {
    /// Nothing added yet.
    pub const fn new() -> Sum {
        Sum { acc: 0, odd: false }
    }

    /// Adds a 16-bit word.
    pub fn word(mut self, word: u16) -> Sum {
        self.acc += u64::from(word);
        self
    }

    /// Adds bytes, continuing where the previous piece ended, odd lengths included.
    pub fn bytes(mut self, bytes: &[u8]) -> Sum {
        let sum = u64::from(sum_words(bytes));
        self.acc += if self.odd { u64::from((sum as u16).swap_bytes()) } else { sum };
        self.odd ^= bytes.len() % 2 == 1;
        self
    }

    /// The sum folded to 16 bits, not complemented: what a partial checksum field holds.
    pub fn folded(self) -> u16 {
        fold(self.acc)
    }

    /// Whether the checksum among what was added is right.
    pub fn is_whole(self) -> bool {
        self.folded() == 0xffff
    }

    /// The checksum: the complement of the folded sum.
    pub fn finish(self) -> u16 {
        !self.folded()
    }
}

fn fold(mut acc: u64) -> u16 {
    while acc > 0xffff {
        acc = (acc & 0xffff) + (acc >> 16);
    }
    acc as u16
}

/// The folded sum of big-endian words; an odd last byte is a high byte.
///
/// Adds 64-bit little-endian words in a loop that compilers turn into vector code; byte order is
/// put right once at the end (RFC 1071 §2, "byte order independence"). The upper halves are also
/// added apart: less those, what the wrapping sum of whole words says of the lower halves is exact.
fn sum_words(bytes: &[u8]) -> u16 {
    let (mut whole, mut upper) = (0u64, 0u64);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        whole = whole.wrapping_add(word);
        upper = upper.wrapping_add(word >> 32);
    }
    let mut acc = whole.wrapping_sub(upper << 32) + upper;
    let (pairs, last) = rest.as_chunks::<2>();
    acc += pairs.iter().map(|pair| u64::from(u16::from_le_bytes(*pair))).sum::<u64>();
    acc += last.first().map_or(0, |byte| u64::from(*byte));
    fold(acc).swap_bytes()
}

/// A checksum updated for one changed word (RFC 1624, equation 3).
pub fn update(checksum: u16, old: u16, new: u16) -> u16 {
    !fold(u64::from(!checksum) + u64::from(!old) + u64::from(new))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(bytes: &[u8]) -> u16 {
        let word = |pair: &[u8]| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0));
        fold(bytes.chunks(2).map(word).sum())
    }

    #[test]
    fn rfc_1071_example() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(Sum::new().bytes(&bytes).folded(), 0xddf2);
        assert_eq!(Sum::new().bytes(&bytes).finish(), !0xddf2);
    }

    proptest! {
        #[test]
        fn pieces_agree_with_the_whole(
            bytes in proptest::collection::vec(any::<u8>(), 0..300), a: usize, b: usize,
        ) {
            let (a, b) = (a % (bytes.len() + 1), b % (bytes.len() + 1));
            let (a, b) = (a.min(b), a.max(b));
            let whole = naive(&bytes);
            prop_assert_eq!(Sum::new().bytes(&bytes).folded(), whole);
            let pieces = Sum::new().bytes(&bytes[..a]).bytes(&bytes[a..b]).bytes(&bytes[b..]);
            prop_assert_eq!(pieces.folded(), whole);
        }

        #[test]
        fn update_agrees_with_summing_again(
            mut words in proptest::collection::vec(any::<u16>(), 1..20), at: usize, new: u16,
        ) {
            let sum = |words: &[u16]| words.iter().fold(Sum::new(), |s, w| s.word(*w)).finish();
            let at = at % words.len();
            let (before, old) = (sum(&words), words[at]);
            words[at] = new;
            let (ours, again) = (update(before, old, new), sum(&words));
            // 0x0000 and 0xffff are the same number in one's complement.
            prop_assert!(ours == again || (ours ^ again) == 0xffff && (ours == 0 || again == 0));
        }
    }
}
