//! A frame: a small inline block for the headers we write, a few chunks for the rest.

use super::checksum::Sum;
use super::chunk::{Chunk, Chunks};
use super::ids::EventId;
use super::pool::{CLASSES, Pool};
use std::fmt;

/// Room for the headers in front of a payload, in bytes: Ethernet with a tag (18), IPv6 (40) or
/// IPv4 with options (60), TCP with options (60), and some to spare.
pub const HEAD_CAPACITY: usize = 144;

/// Headers, written back to front: each layer puts its own before what is there.
#[derive(Clone)]
pub struct Head {
    buf: [u8; HEAD_CAPACITY],
    start: u8,
}

impl Head {
    /// No headers.
    pub const fn new() -> Head {
        Head { buf: [0; HEAD_CAPACITY], start: HEAD_CAPACITY as u8 }
    }

    /// Makes room for `n` bytes in front and returns it (with arbitrary content).
    ///
    /// # Panics
    /// When the headers exceed [`HEAD_CAPACITY`].
    pub fn prepend(&mut self, n: usize) -> &mut [u8] {
        assert!(n <= usize::from(self.start), "headers fit their block");
        self.start -= n as u8;
        let start = usize::from(self.start);
        &mut self.buf[start..start + n]
    }

    /// Drops the first `n` bytes (all of them when there are fewer).
    pub fn advance(&mut self, n: usize) {
        self.start = (usize::from(self.start) + n).min(HEAD_CAPACITY) as u8;
    }

    /// The headers, to be changed in place.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buf[usize::from(self.start)..]
    }
}

impl Default for Head {
    fn default() -> Head {
        Head::new()
    }
}

impl std::ops::Deref for Head {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.buf[usize::from(self.start)..]
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Head({} B)", self.len())
    }
}

/// What the frames of a link start with.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Medium {
    /// An IP header.
    #[default]
    Ip,
    /// An Ethernet header.
    Ethernet,
}

/// What a device does with a frame longer than the MTU.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum GsoKind {
    /// TCP: split into segments of `size` bytes of payload.
    Tcp,
    /// UDP: split into datagrams of `size` bytes of payload.
    Udp,
}

/// A super-segment's cutting instructions.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Gso {
    /// The protocol to be split.
    pub kind: GsoKind,
    /// Payload bytes per packet, 1..=65535.
    pub size: u16,
}

/// What is known about the transport checksum.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum Checksum {
    /// It is in the frame; a receiver verifies it.
    #[default]
    Complete,
    /// The field holds the pseudo-header's sum only; whoever puts the frame on a wire completes it.
    /// Such a frame never crossed a wire, so a receiver takes it as good.
    Partial,
    /// The device verified it.
    Verified,
}

/// What a virtio-net header says about a frame.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Offload {
    /// How to split it, when it is a super-segment.
    pub gso: Option<Gso>,
    /// Who answers for the transport checksum.
    pub checksum: Checksum,
}

/// A frame on its way between a stack and a device.
///
/// The bytes are `head` followed by `body`. A frame read from a device has an empty head; one that
/// a stack built has its headers in the head and its payload in the body.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// The headers, when we wrote them.
    pub head: Head,
    /// The payload, or the whole frame.
    pub body: Chunks,
    /// What a virtio-net header says.
    pub offload: Offload,
    /// The event that sent this frame, when its number means something to whoever receives it:
    /// causes cross hosts with it. Devices that lead out of a simulation do not carry it.
    pub origin: EventId,
}

impl Frame {
    /// A received frame: the whole of it in one chunk.
    pub fn received(bytes: Chunk) -> Frame {
        Frame { body: Chunks::from(bytes), ..Frame::default() }
    }

    /// A frame that holds a copy of `bytes`.
    pub fn copied(pool: &Pool, bytes: &[u8]) -> Frame {
        Frame::received(pool.copy(bytes))
    }

    /// As [`Frame::copied`], of bytes in pieces.
    pub fn gathered(pool: &Pool, bytes: &Chunks) -> Frame {
        Frame { body: bytes.gathered(pool), ..Frame::default() }
    }

    /// How many bytes in all.
    pub fn len(&self) -> usize {
        self.head.len() + self.body.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first run of bytes: all headers of a well-made frame are in it.
    pub fn front(&self) -> &[u8] {
        if self.head.is_empty() { self.body.iter().next().map_or(&[], |c| c) } else { &self.head }
    }

    /// Drops the first `n` bytes.
    pub fn advance(&mut self, n: usize) {
        let from_head = n.min(self.head.len());
        self.head.advance(from_head);
        self.body.advance(n - from_head);
    }

    /// Cuts the frame to `n` bytes; does nothing when it is shorter, never cuts into the head.
    pub fn truncate(&mut self, n: usize) {
        self.body.truncate(n.saturating_sub(self.head.len()));
    }

    /// The bytes in order, as a device's `writev` wants them.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> + Clone {
        std::iter::once(&self.head[..]).chain(self.body.iter().map(|c| &c[..]))
    }

    /// `sum` with all bytes added.
    pub fn add_to(&self, sum: Sum) -> Sum {
        let sum = if self.head.is_empty() { sum } else { sum.bytes(&self.head) };
        self.body.iter().fold(sum, |sum, chunk| sum.bytes(chunk))
    }

    /// Copies the frame to the start of `out`; says how many bytes there were room for.
    pub fn copy_to(&self, out: &mut [u8]) -> usize {
        let n = self.head.len().min(out.len());
        out[..n].copy_from_slice(&self.head[..n]);
        n + self.body.copy_to(&mut out[n..])
    }

    /// The bytes for keeping: those of a large frame are shared; those of a small one are copied,
    /// for they are few, and who holds the frame may go on to fill its block.
    pub fn kept(&self, pool: &Pool) -> Chunks {
        let len = self.len();
        if self.head.is_empty() && len > CLASSES[1] {
            return self.body.clone().compacted(pool);
        }
        let mut copy = pool.take(len);
        self.slices().for_each(|slice| {
            copy.append(slice);
        });
        copy.into()
    }

    /// All bytes in a new vector: for tools and tests, not for the hot path.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = vec![0; self.len()];
        self.copy_to(&mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_prepend_and_readers_advance() {
        let pool = Pool::new();
        let mut frame = Frame { body: pool.copy(b"payload").into(), ..Frame::default() };
        frame.head.prepend(3).copy_from_slice(b"tcp");
        frame.head.prepend(2).copy_from_slice(b"ip");
        assert_eq!(frame.to_vec(), b"iptcppayload");
        assert_eq!((frame.len(), frame.front()), (12, &b"iptcp"[..]));
        frame.truncate(8);
        frame.advance(4);
        assert_eq!(frame.to_vec(), b"ppay");
        frame.advance(2);
        assert_eq!((frame.to_vec(), frame.front()), (b"ay".to_vec(), &b"ay"[..]));
        assert_eq!(frame.slices().map(<[u8]>::len).sum::<usize>(), frame.len());
    }
}
