//! The software splitter: what a network card does for a host, done at the edge for devices, links
//! and captures that want plain packets.
//!
//! It takes IP packets, bare or in Ethernet frames, with their cutting instructions and yields
//! packets whose lengths, identifications, sequence numbers, flags and checksums are those of a
//! host that had sent them one by one (RFC 791 §3.1, RFC 8200 §3, RFC 9293 §3.1, RFC 768). Payload
//! is shared, never copied. It does not fragment: a packet that may not be cut at its transport
//! layer and is longer than the MTU is refused.

use super::ethernet;
use crate::base::checksum::Sum;
use crate::base::chunk::Chunks;
use crate::base::frame::HEAD_CAPACITY;
use crate::base::{Checksum, EventId, Frame, Gso, GsoKind, Head, Medium, Offload};
use std::fmt;

const TCP: u8 = 6;
const UDP: u8 = 17;
const FIN: u8 = 0x01;
const SYN_RST_URG: u8 = 0x02 | 0x04 | 0x20;
const PSH: u8 = 0x08;
const CWR: u8 = 0x80;

/// Why a frame cannot be put on a wire as it is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Unsplittable {
    /// Neither IPv4 nor IPv6, or lengths that contradict each other.
    Header,
    /// The headers are not in the frame's first run of bytes, or exceed a head's room.
    Scattered,
    /// An IP fragment or a source-routed packet: its transport header does not say enough.
    Fragment,
    /// The transport protocol is not the one the cutting instructions name.
    Protocol,
    /// Cutting instructions that make no sense: size 0, or a SYN, RST or URG to be multiplied.
    Instructions,
    /// A piece, or a packet that is not to be cut, is longer than the MTU.
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The link's MTU in bytes.
        mtu: usize,
    },
}

impl fmt::Display for Unsplittable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unsplittable::Header => "the frame is no IP packet with coherent lengths",
            Unsplittable::Scattered => "the frame's headers are not in one run of bytes",
            Unsplittable::Fragment => "a fragment or source-routed packet cannot be offloaded",
            Unsplittable::Protocol => "the frame is not of the protocol it is to be split by",
            Unsplittable::Instructions => "the frame's splitting instructions make no sense",
            Unsplittable::TooLong { len, mtu } => {
                return write!(f, "a packet of {len} bytes exceeds the MTU of {mtu}");
            }
        })
    }
}

impl std::error::Error for Unsplittable {}

/// Where things are in a packet's headers.
#[derive(Copy, Clone, Debug)]
struct Layout {
    v6: bool,
    /// Length of the IP header with its extensions.
    ip: usize,
    /// The transport protocol, when the packet holds its header.
    proto: u8,
    /// Length of IP and transport headers (only the IP header's for other protocols).
    headers: usize,
    /// Length of the packet; bytes behind it are padding.
    total: usize,
}

impl Layout {
    /// Reads the headers at the start of `front`, of a frame of `len` bytes.
    fn of(front: &[u8], len: usize, gso: bool) -> Result<Layout, Unsplittable> {
        let version = front.first().ok_or(Unsplittable::Header)? >> 4;
        let (v6, ip, proto, said) = match version {
            4 => Layout::v4(front, len)?,
            6 => Layout::v6(front, len)?,
            _ => return Err(Unsplittable::Header),
        };
        // A super-segment beyond 65 535 bytes has no length field to say so.
        let total = if gso && said <= ip { len } else { said };
        if total > len || total < ip {
            return Err(Unsplittable::Header);
        }
        let transport = front.get(ip..).unwrap_or_default();
        let headers = ip
            + match proto {
                TCP => {
                    let offset = transport.get(12).ok_or_else(|| short(front, len))?;
                    usize::from(offset >> 4) * 4
                }
                UDP => 8,
                _ => 0,
            };
        if headers > total || proto == TCP && headers < ip + 20 {
            return Err(Unsplittable::Header);
        }
        if headers > front.len() || headers > HEAD_CAPACITY {
            return Err(Unsplittable::Scattered);
        }
        Ok(Layout { v6, ip, proto, headers, total })
    }

    fn v4(front: &[u8], len: usize) -> Result<(bool, usize, u8, usize), Unsplittable> {
        if front.len() < 20 {
            return Err(short(front, len));
        }
        let ip = usize::from(front[0] & 15) * 4;
        if ip < 20 || ip > len {
            return Err(Unsplittable::Header);
        }
        if be16(front, 6) & 0x3fff != 0 {
            return Err(Unsplittable::Fragment);
        }
        Ok((false, ip, front[9], usize::from(be16(front, 2))))
    }

    /// Walks hop-by-hop and destination options (RFC 8200 §4).
    fn v6(front: &[u8], len: usize) -> Result<(bool, usize, u8, usize), Unsplittable> {
        if front.len() < 40 {
            return Err(short(front, len));
        }
        let (mut ip, mut next) = (40, front[6]);
        loop {
            match next {
                0 | 60 => {
                    let start = front.get(ip..ip + 2).ok_or_else(|| short(front, len))?;
                    next = start[0];
                    ip += 8 + 8 * usize::from(start[1]);
                }
                43 | 44 => return Err(Unsplittable::Fragment),
                _ => break,
            }
        }
        let said = match be16(front, 4) {
            0 => 0,
            payload => 40 + usize::from(payload),
        };
        // Without payload the packet is its header: ICMPv6 "no next header" and the like.
        let said = if said == 0 && len == 40 { 40 } else { said };
        Ok((true, ip, next, said))
    }

    /// The offset of the transport checksum field.
    fn checksum_at(&self) -> Option<usize> {
        match self.proto {
            TCP => Some(self.ip + 16),
            UDP => Some(self.ip + 6),
            _ => None,
        }
    }

    /// The pseudo-header's sum for `len` bytes of transport header and payload (RFC 9293 §3.1,
    /// RFC 8200 §8.1).
    fn pseudo(&self, headers: &[u8], len: usize) -> Sum {
        let addresses = if self.v6 { &headers[8..40] } else { &headers[12..20] };
        Sum::new()
            .bytes(addresses)
            .word(u16::from(self.proto))
            .word((len >> 16) as u16)
            .word(len as u16)
    }
}

/// The headers end too early: because the packet does, or because they are scattered.
fn short(front: &[u8], len: usize) -> Unsplittable {
    if front.len() < len { Unsplittable::Scattered } else { Unsplittable::Header }
}

fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn put16(bytes: &mut [u8], at: usize, word: u16) {
    bytes[at..at + 2].copy_from_slice(&word.to_be_bytes());
}

/// The checksum as the protocol sends it: UDP's zero means "none" (RFC 768).
fn as_sent(proto: u8, sum: Sum) -> u16 {
    match (proto, sum.finish()) {
        (UDP, 0) => 0xffff,
        (_, sum) => sum,
    }
}

/// Fills in a [`Checksum::Partial`] transport checksum and marks it complete. Other frames stay as
/// they are. Headers in a shared block are moved to the head first, so nobody else's view changes.
///
/// # Errors
/// When the frame's headers cannot be understood; it is unchanged then.
pub fn complete(frame: &mut Frame) -> Result<(), Unsplittable> {
    complete_on(Medium::Ip, frame)
}

/// As [`complete`], of a frame of any medium.
///
/// # Errors
/// As [`complete`].
pub fn complete_on(medium: Medium, frame: &mut Frame) -> Result<(), Unsplittable> {
    if frame.offload.checksum != Checksum::Partial {
        return Ok(());
    }
    let gso = frame.offload.gso.is_some();
    let link = link_len(medium, frame)?;
    let layout = Layout::of(&frame.front()[link..], frame.len() - link, gso)?;
    let at = layout.checksum_at().ok_or(Unsplittable::Protocol)?;
    if frame.head.len() > link + layout.total {
        return Err(Unsplittable::Header);
    }
    if frame.head.is_empty() {
        let headers = link + layout.headers;
        if headers > HEAD_CAPACITY {
            return Err(Unsplittable::Scattered);
        }
        let mut head = Head::new();
        head.prepend(headers).copy_from_slice(&frame.front()[..headers]);
        frame.body.advance(headers);
        frame.head = head;
    }
    frame.truncate(link + layout.total);
    let head = &mut frame.head.bytes_mut()[link..];
    put16(head, at, 0);
    let sum = layout.pseudo(head, layout.total - layout.ip).bytes(&head[layout.ip..]);
    let sum = frame.body.iter().fold(sum, |sum, chunk| sum.bytes(chunk));
    put16(&mut frame.head.bytes_mut()[link..], at, as_sent(layout.proto, sum));
    frame.offload.checksum = Checksum::Complete;
    Ok(())
}

/// Where the transport header of a frame lies, for a device that completes or cuts frames itself.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Places {
    /// Whether the packet is IPv6.
    pub v6: bool,
    /// Where the transport header starts.
    pub transport: usize,
    /// Where the checksum lies in it.
    pub checksum: usize,
    /// Where the headers end.
    pub headers: usize,
}

/// Where things are in a frame of any medium, counted from its start.
///
/// # Errors
/// When the frame's headers cannot be understood, or are not TCP's or UDP's.
pub fn places_on(medium: Medium, frame: &Frame) -> Result<Places, Unsplittable> {
    let link = link_len(medium, frame)?;
    let gso = frame.offload.gso.is_some();
    let layout = Layout::of(&frame.front()[link..], frame.len() - link, gso)?;
    let checksum = layout.checksum_at().ok_or(Unsplittable::Protocol)? - layout.ip;
    let (transport, headers) = (link + layout.ip, link + layout.headers);
    Ok(Places { v6: layout.v6, transport, checksum, headers })
}

/// The packets that `frame` is on a wire with `mtu` bytes to a packet: itself, completed, or its
/// pieces.
///
/// # Errors
/// When it cannot be cut into packets of that size; nothing is sent then.
pub fn split(frame: &Frame, mtu: usize) -> Result<Pieces, Unsplittable> {
    split_on(Medium::Ip, frame, mtu)
}

/// As [`split`], of a frame of any medium; `mtu` counts the packet alone.
///
/// # Errors
/// As [`split`].
pub fn split_on(medium: Medium, frame: &Frame, mtu: usize) -> Result<Pieces, Unsplittable> {
    let Some(gso) = frame.offload.gso else {
        let mut only = frame.clone();
        complete_on(medium, &mut only)?;
        let len = only.len() - link_len(medium, &only)?;
        if len > mtu {
            return Err(Unsplittable::TooLong { len, mtu });
        }
        only.offload = Offload::default();
        return Ok(Pieces(Work::Whole(Some(only))));
    };
    let cut = Cut::new(frame, gso, link_len(medium, frame)?)?;
    let longest = cut.layout.headers + cut.payload.len().min(cut.size);
    if longest > mtu.min(usize::from(u16::MAX)) {
        return Err(Unsplittable::TooLong { len: longest, mtu });
    }
    Ok(Pieces(Work::Cut(cut)))
}

/// How long the link header of `frame` is.
fn link_len(medium: Medium, frame: &Frame) -> Result<usize, Unsplittable> {
    match medium {
        Medium::Ip => Ok(0),
        Medium::Ethernet => {
            ethernet::header_len(frame.front()).map_err(|_| short(frame.front(), frame.len()))
        }
    }
}

/// The packets of one frame, in order; see [`split`].
#[derive(Debug)]
pub struct Pieces(Work);

#[derive(Debug)]
enum Work {
    Whole(Option<Frame>),
    Cut(Cut),
}

impl Iterator for Pieces {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        match &mut self.0 {
            Work::Whole(frame) => frame.take(),
            Work::Cut(cut) => cut.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match &self.0 {
            Work::Whole(frame) => usize::from(frame.is_some()),
            Work::Cut(cut) => cut.count - cut.done,
        };
        (left, Some(left))
    }
}

impl ExactSizeIterator for Pieces {}

/// A super-segment being cut.
#[derive(Debug)]
struct Cut {
    layout: Layout,
    /// The link header's length.
    link: usize,
    /// The super-segment's headers.
    head: Head,
    payload: Chunks,
    size: usize,
    count: usize,
    done: usize,
    /// Whether the sender wants a checksum (UDP over IPv4 may go without, RFC 768).
    summed: bool,
    origin: EventId,
}

impl Cut {
    fn new(frame: &Frame, gso: Gso, link: usize) -> Result<Cut, Unsplittable> {
        let layout = Layout::of(&frame.front()[link..], frame.len() - link, true)?;
        let wanted = match gso.kind {
            GsoKind::Tcp => TCP,
            GsoKind::Udp => UDP,
        };
        if layout.proto != wanted {
            return Err(Unsplittable::Protocol);
        }
        let (headers, total) = (link + layout.headers, link + layout.total);
        if headers > HEAD_CAPACITY {
            return Err(Unsplittable::Scattered);
        }
        let mut head = Head::new();
        head.prepend(headers).copy_from_slice(&frame.front()[..headers]);
        let payload = match frame.head.len() {
            0 => frame.body.slice(headers, total),
            n if n == headers => frame.body.slice(0, layout.total - layout.headers),
            _ => return Err(Unsplittable::Scattered),
        };
        let size = usize::from(gso.size);
        if size == 0 {
            return Err(Unsplittable::Instructions);
        }
        let count = payload.len().div_ceil(size).max(1);
        if layout.proto == TCP && count > 1 && head[link + layout.ip + 13] & SYN_RST_URG != 0 {
            return Err(Unsplittable::Instructions);
        }
        let no_sum = layout.proto == UDP
            && !layout.v6
            && frame.offload.checksum != Checksum::Partial
            && be16(&head, link + layout.ip + 6) == 0;
        let origin = frame.origin;
        Ok(Cut { layout, link, head, payload, size, count, done: 0, summed: !no_sum, origin })
    }

    fn next(&mut self) -> Option<Frame> {
        if self.done == self.count {
            return None;
        }
        let from = self.done * self.size;
        let body = self.payload.slice(from, (from + self.size).min(self.payload.len()));
        let mut head = self.head.clone();
        let packet = &mut head.bytes_mut()[self.link..];
        self.write_ip(packet, body.len());
        self.write_transport(packet, from, &body);
        self.done += 1;
        Some(Frame { head, body, offload: Offload::default(), origin: self.origin })
    }

    fn write_ip(&self, head: &mut [u8], payload: usize) {
        let total = self.layout.headers + payload;
        if self.layout.v6 {
            return put16(head, 4, (total - 40) as u16);
        }
        put16(head, 2, total as u16);
        let id = be16(head, 4).wrapping_add(self.done as u16);
        put16(head, 4, id);
        put16(head, 10, 0);
        let sum = Sum::new().bytes(&head[..self.layout.ip]).finish();
        put16(head, 10, sum);
    }

    fn write_transport(&self, head: &mut [u8], from: usize, body: &Chunks) {
        let Layout { ip, proto, headers, .. } = self.layout;
        let len = headers - ip + body.len();
        if proto == TCP {
            let at = ip + 4;
            let seq = u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
            head[at..at + 4].copy_from_slice(&seq.wrapping_add(from as u32).to_be_bytes());
            if self.done > 0 {
                head[ip + 13] &= !CWR;
            }
            if self.done + 1 < self.count {
                head[ip + 13] &= !(FIN | PSH);
            }
        } else {
            put16(head, ip + 4, len as u16);
        }
        let Some(at) = self.layout.checksum_at() else { return };
        put16(head, at, 0);
        if self.summed {
            let sum = self.layout.pseudo(head, len).bytes(&head[ip..]);
            let sum = body.iter().fold(sum, |sum, chunk| sum.bytes(chunk));
            put16(head, at, as_sent(proto, sum));
        }
    }
}

#[cfg(test)]
mod tests;
