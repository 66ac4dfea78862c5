//! SHA-256 of the first N bytes of the pattern, and how digests are written.
//!
//! All answers of `/bytes/N` are beginnings of the same text. So the hash's inner state is kept at
//! every mebibyte that has been passed, and no byte before the nearest is hashed a second time:
//! over its whole life the service hashes the text once, and less than a mebibyte per request.

use super::bytes::pattern;
use crate::net::rt;
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError};

/// A digest.
pub(super) type Sum = [u8; 32];

/// Bytes between two states that are kept.
const STEP: u64 = 1 << 20;

/// The states at 0, 1, 2 … times [`STEP`], as far as somebody has asked.
#[derive(Default)]
pub(super) struct Digests(Arc<Mutex<Vec<Sha256>>>);

impl Digests {
    /// The digest of the first `length` bytes. Live it is computed on a thread that may block, one
    /// request at a time.
    pub(super) async fn of(&self, length: u64) -> Sum {
        let states = Arc::clone(&self.0);
        let computing = rt::spawn_blocking(move || {
            compute(&mut states.lock().unwrap_or_else(PoisonError::into_inner), length)
        });
        // It fails only while the runtime shuts down, and then there is nobody to answer.
        computing.await.unwrap_or_default()
    }
}

fn compute(states: &mut Vec<Sha256>, length: u64) -> Sum {
    if states.is_empty() {
        states.push(Sha256::new());
    }
    while (states.len() as u64) <= length / STEP {
        let reached = (states.len() - 1) as u64 * STEP;
        let next = extended(&states[states.len() - 1], reached, reached + STEP);
        states.push(next);
    }
    let from = length / STEP;
    extended(&states[from as usize], from * STEP, length).finalize().into()
}

/// The state `state` at `start`, carried on to `end`.
fn extended(state: &Sha256, start: u64, end: u64) -> Sha256 {
    let (mut state, mut reached) = (state.clone(), start);
    while reached < end {
        let bytes = pattern(reached, end);
        state.update(&bytes);
        reached += bytes.len() as u64;
    }
    state
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Base64 with padding (RFC 4648 §4).
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = (0..3).fold(0, |word, n| word << 8 | u32::from(*group.get(n).unwrap_or(&0)));
        for n in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * n) & 63) as usize];
            text.push(if n <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_bytes() {
        let mut states = Vec::new();
        // Out of order, so that states are used and made; around the steps.
        for length in [STEP + 1, 0, 5, STEP - 1, 3 * STEP + 70_000, STEP, 2 * STEP] {
            let mut bytes = Vec::new();
            while (bytes.len() as u64) < length {
                bytes.extend(pattern(bytes.len() as u64, length));
            }
            assert_eq!(bytes.len() as u64, length);
            let expected: Sum = Sha256::digest(&bytes).into();
            assert_eq!(compute(&mut states, length), expected, "{length}");
        }
        assert_eq!(states.len(), 4);
    }

    /// The test vectors of RFC 4648 §10.
    #[test]
    fn base64_is_the_rfcs() {
        let table = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (bytes, text) in table {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }
}
