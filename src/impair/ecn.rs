//! "Congestion experienced" in a packet's IP header (RFC 3168 §5).

use crate::base::{Frame, Medium, Pool, checksum};
use crate::wire::ethernet::{self, ethertype};

/// The bytes of an IPv4 header that matter here: up to the checksum's end.
const IPV4_LEN: usize = 12;
/// Where the IPv4 header has its checksum.
const CHECKSUM_AT: usize = 10;

/// Marks the packet in `frame`, unless it says that its ends know nothing of ECN (Not-ECT), or is
/// no IP packet; says whether it is marked. What was marked before counts as marked.
pub(super) fn mark(pool: &Pool, frame: &mut Frame, medium: Medium) -> bool {
    let front = frame.front();
    let Some(at) = packet_at(front, medium) else { return false };
    match codepoint(&front[at..]) {
        None | Some(0) => return false,
        Some(3) => {}
        Some(_) if !frame.head.is_empty() => set(&mut frame.head.bytes_mut()[at..]),
        // The block may be shared: others must not see the mark.
        Some(_) => *frame = changed(pool, frame, |bytes| set(&mut bytes[at..])),
    }
    true
}

/// A copy of `frame` in a block of its own, changed by `change`.
pub(super) fn changed(pool: &Pool, frame: &Frame, change: impl FnOnce(&mut [u8])) -> Frame {
    let mut chunk = pool.take(frame.len());
    let room = chunk.room().expect("a fresh block has one owner");
    let len = frame.copy_to(room);
    change(&mut room[..len]);
    chunk.grow(len);
    Frame { origin: frame.origin, offload: frame.offload, ..Frame::received(chunk) }
}

/// Where the IP packet starts.
fn packet_at(front: &[u8], medium: Medium) -> Option<usize> {
    if medium == Medium::Ip {
        return Some(0);
    }
    let header = ethernet::Header::parse(front).ok()?;
    let is_ip = matches!(header.ethertype, ethertype::IPV4 | ethertype::IPV6);
    is_ip.then(|| header.encoded_len())
}

/// The two bits of ECN in a packet.
fn codepoint(packet: &[u8]) -> Option<u8> {
    match packet {
        [first, tos, ..] if first >> 4 == 4 && packet.len() >= IPV4_LEN => Some(tos & 3),
        [first, second, ..] if first >> 4 == 6 => Some(second >> 4 & 3),
        _ => None,
    }
}

fn set(packet: &mut [u8]) {
    let word = |packet: &[u8], at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
    let old = word(packet, 0);
    if packet[0] >> 4 == 6 {
        packet[1] |= 0x30;
        return;
    }
    packet[1] |= 3;
    let sum = checksum::update(word(packet, CHECKSUM_AT), old, word(packet, 0));
    packet[CHECKSUM_AT..IPV4_LEN].copy_from_slice(&sum.to_be_bytes());
}

#[cfg(test)]
mod tests;
