//! The bytes that programs send, and that receivers know in advance.
//!
//! Byte `n` of every stream is the same, so that nothing need be agreed upon; and the pattern
//! repeats only after a prime number of bytes, so that what was moved, lost or doubled does not
//! fit.

use std::sync::OnceLock;

/// Bytes before it repeats: the largest prime below 2^16.
const PERIOD: usize = 65_521;

/// One period, twice: from any place in the first, as much as a period lies behind it.
fn block() -> &'static [u8] {
    static BLOCK: OnceLock<Vec<u8>> = OnceLock::new();
    BLOCK.get_or_init(|| {
        let byte = |n: usize| ((n % PERIOD) as u32).wrapping_mul(0x9e37_79b9).to_be_bytes()[0];
        (0..2 * PERIOD).map(byte).collect()
    })
}

/// Some of the pattern from byte `at` on: `len` bytes, or as many as come without a break, 64 KiB.
pub fn piece(at: u64, len: usize) -> &'static [u8] {
    let from = (at % PERIOD as u64) as usize;
    &block()[from..from + len.min(PERIOD)]
}

/// How many of these bytes are not those of the pattern from byte `at` on.
pub fn wrong(at: u64, bytes: &[u8]) -> u64 {
    let (mut wrong, mut done) = (0, 0);
    while done < bytes.len() {
        let expected = piece(at + done as u64, bytes.len() - done);
        let come = &bytes[done..done + expected.len()];
        if come != expected {
            wrong += come.iter().zip(expected).filter(|(one, other)| one != other).count() as u64;
        }
        done += expected.len();
    }
    wrong
}
