//! Bytes in recordings: a length and the bytes, as a list of numbers is written too, but at once.

use super::chunk::{Chunk, Chunks};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;

/// Writes bytes.
///
/// # Errors
/// The format's.
pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bytes(bytes)
}

/// Reads bytes.
///
/// # Errors
/// The format's.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    struct Bytes;
    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
    from.deserialize_bytes(Bytes)
}

impl Serialize for Chunks {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut pieces = self.iter();
        match (pieces.next(), pieces.next()) {
            (None, _) => serialize(&[], to),
            (Some(only), None) => serialize(only, to),
            _ => serialize(&self.to_vec(), to),
        }
    }
}

impl<'de> Deserialize<'de> for Chunks {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Chunks, D::Error> {
        deserialize(from).map(|bytes| Chunk::from(bytes).into())
    }
}
