//! Joins TCP segments of a plain device into super-segments (what Linux calls GRO), so that the
//! host looks at headers once where many segments came.
//!
//! Nothing waits for it: only segments that are there already are joined. Nothing is lost by it: a
//! segment joins those before it only when the splitter would make it again out of them, with every
//! bit of its headers ([`super::split`]). And no payload is moved: while a super-segment grows, the
//! next packet is read to where its payload belongs behind the payload before; what its headers
//! cover there is put aside for that time.

use super::vnet;
use crate::base::checksum::Sum;
use crate::base::pool::CLASSES;
use crate::base::{Checksum, Chunk, Frame, Gso, GsoKind, Medium, Offload, Pool};
use crate::wire::checksum;
use std::io;
use std::net::IpAddr;

const TCP: u8 = 6;
const ACK: u8 = 0x10;
const PSH: u8 = 0x08;
/// Ethernet, IPv6 and TCP with all its options.
const HEADERS_MAX: usize = 14 + 40 + 60;

/// Reads one packet, and says how long it is; `None` when nothing waits.
pub(super) trait Read: FnMut(&mut [u8]) -> io::Result<Option<usize>> {}

impl<F: FnMut(&mut [u8]) -> io::Result<Option<usize>>> Read for F {}

/// What a device reads through.
#[derive(Debug, Default)]
pub(super) struct Gro {
    /// The block the next packet is read into.
    spare: Option<Chunk>,
    /// Read after a super-segment that it did not belong to.
    next: Option<Chunk>,
    /// Why nothing more could be read behind what was handed over.
    error: Option<io::Error>,
    /// Packets stay as they come.
    apart: bool,
}

impl Gro {
    /// Joins nothing.
    pub(super) fn apart() -> Gro {
        Gro { apart: true, ..Gro::default() }
    }

    /// Forgets the block for the next packet: its size was another.
    pub(super) fn resize(&mut self) {
        self.spare = None;
    }

    /// Whether a packet, or an error, was read that was not given yet.
    pub(super) fn holds(&self) -> bool {
        self.next.is_some() || self.error.is_some()
    }

    /// The next packet of up to `longest` bytes, or the next ones joined.
    pub(super) fn receive(
        &mut self,
        pool: &Pool,
        (medium, longest): (Medium, usize),
        read: &mut impl Read,
    ) -> io::Result<Option<Frame>> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let packet = match self.next.take() {
            Some(packet) => packet,
            None => match self.read_one(pool, longest, read)? {
                Some(packet) => packet,
                None => return Ok(None),
            },
        };
        let joins = !self.apart && 2 * longest < vnet::LONGEST;
        let held = if joins { Held::of(&packet, medium, pool) } else { None };
        let Some(mut held) = held else { return Ok(Some(Frame::received(packet))) };
        let first = packet; // as it was, should nothing join it
        while held.is_open(longest) {
            let n = match held.read(read) {
                Ok(Some(n)) => n,
                Ok(None) => break,
                Err(error) => {
                    self.error = Some(error);
                    break;
                }
            };
            if !held.join(n) {
                self.next = Some(held.other(n, pool));
                break;
            }
        }
        Ok(Some(if held.count == 1 { Frame::received(first) } else { held.into_frame() }))
    }

    /// A packet in a block of its own.
    fn read_one(
        &mut self,
        pool: &Pool,
        longest: usize,
        read: &mut impl Read,
    ) -> io::Result<Option<Chunk>> {
        // A packet longer than the room is cut silently: with room for one byte more it gives
        // itself away.
        let mut chunk = self.spare.take().unwrap_or_else(|| pool.take(longest + 1));
        let room = chunk.room().expect("nobody else looks at a spare block");
        match read(room)? {
            Some(n) => {
                chunk.grow(n);
                Ok(Some(chunk))
            }
            None => {
                self.spare = Some(chunk);
                Ok(None)
            }
        }
    }
}

/// Where a segment's headers are.
#[derive(Copy, Clone, Debug)]
struct Layout {
    /// Where IP's starts.
    ip: usize,
    /// Where TCP's starts.
    tcp: usize,
    /// Where they end.
    end: usize,
}

impl Layout {
    /// If the packet may be TCP, without options or extensions of IP.
    fn of(packet: &[u8], medium: Medium) -> Option<Layout> {
        let ip = if medium == Medium::Ethernet { 14 } else { 0 };
        let tcp = match packet.get(ip)? {
            0x45 => ip + 20,
            first if first >> 4 == 6 => ip + 40,
            _ => return None,
        };
        let ether_type: &[u8] = if tcp - ip == 40 { &[0x86, 0xdd] } else { &[8, 0] };
        if medium == Medium::Ethernet && &packet[12..14] != ether_type {
            return None;
        }
        let end = tcp + usize::from(packet.get(tcp + 12)? >> 4) * 4;
        (end >= tcp + 20).then_some(Layout { ip, tcp, end })
    }

    fn is_v6(&self) -> bool {
        self.tcp - self.ip == 40
    }

    /// Whether lengths and checksums say that the packet is TCP's and whole.
    fn is_correct(&self, headers: &[u8], payload: &[u8]) -> bool {
        let Layout { ip, tcp, end } = *self;
        let said = |at: usize| usize::from(u16::from_be_bytes([headers[at], headers[at + 1]]));
        let segment = end - tcp + payload.len();
        let ip_is = if self.is_v6() {
            headers[ip + 6] == TCP && said(ip + 4) == segment
        } else {
            headers[ip + 9] == TCP
                && said(ip + 2) == tcp - ip + segment
                && said(ip + 6) & 0x3fff == 0
                && Sum::new().bytes(&headers[ip..tcp]).finish() == 0
        };
        let (src, dst) = self.ends(headers);
        let pseudo = checksum::pseudo(src, dst, TCP, segment);
        ip_is && checksum::complete(pseudo, [&headers[tcp..end], payload]) == 0
    }

    /// Whether `next` are the headers that the splitter would write behind `count` segments with
    /// `bytes` of payload that start with `first`.
    fn follows(&self, first: &[u8], next: &[u8], (count, bytes): (u16, u32)) -> bool {
        let Layout { ip, tcp, end } = *self;
        let same = |from: usize, to: usize| first[from..to] == next[from..to];
        let on_ip = if self.is_v6() {
            same(0, ip + 4) && same(ip + 6, tcp)
        } else {
            let id = u16::from_be_bytes([first[ip + 4], first[ip + 5]]).wrapping_add(count);
            same(0, ip + 2)
                && next[ip + 4..ip + 6] == id.to_be_bytes()
                && same(ip + 6, ip + 10)
                && same(ip + 12, tcp)
        };
        let seq =
            |header: &[u8]| header[tcp + 4..].first_chunk().map(|seq| u32::from_be_bytes(*seq));
        on_ip
            && same(tcp, tcp + 4)
            && seq(next) == seq(first).map(|seq| seq.wrapping_add(bytes))
            && same(tcp + 8, tcp + 13)
            && next[tcp + 13] & !PSH == ACK
            && same(tcp + 14, tcp + 16)
            && same(tcp + 18, end)
    }

    /// The packet's addresses.
    fn ends(&self, headers: &[u8]) -> (IpAddr, IpAddr) {
        let v4 = |at: usize| headers[at..].first_chunk().map_or([0; 4], |addr: &[u8; 4]| *addr);
        let v6 = |at: usize| headers[at..].first_chunk().map_or([0; 16], |addr: &[u8; 16]| *addr);
        let ip = self.ip;
        match self.is_v6() {
            true => (v6(ip + 8).into(), v6(ip + 24).into()),
            false => (v4(ip + 12).into(), v4(ip + 16).into()),
        }
    }

    /// Makes the headers those of a super-segment with `bytes` of payload.
    fn cover(&self, headers: &mut [u8], bytes: usize) {
        let Layout { ip, tcp, end } = *self;
        let (src, dst) = self.ends(headers);
        let segment = end - tcp + bytes;
        let mut put = |at: usize, n: u16| headers[at..at + 2].copy_from_slice(&n.to_be_bytes());
        put(tcp + 16, checksum::partial(src, dst, TCP, segment));
        if self.is_v6() {
            return put(ip + 4, segment as u16);
        }
        put(ip + 2, (tcp - ip + segment) as u16);
        put(ip + 10, 0);
        let sum = Sum::new().bytes(&headers[ip..tcp]).finish();
        headers[ip + 10..ip + 12].copy_from_slice(&sum.to_be_bytes());
    }
}

/// A super-segment that may grow.
#[derive(Debug)]
struct Held {
    layout: Layout,
    /// The headers of the first segment.
    first: [u8; HEADERS_MAX],
    /// As many bytes of the packet that was read last.
    last: [u8; HEADERS_MAX],
    /// The payload so far.
    body: Chunk,
    /// The payload of every segment but the last.
    size: usize,
    count: u16,
    /// The last one's payload is shorter, or it has PSH: nothing follows it.
    closed: bool,
}

impl Held {
    /// If the packet is a segment that others may join: whole, correct, and nothing but data, and
    /// more of that than headers.
    fn of(packet: &[u8], medium: Medium, pool: &Pool) -> Option<Held> {
        let layout = Layout::of(packet, medium)?;
        let size = packet.len().checked_sub(layout.end).filter(|size| *size >= layout.end)?;
        let (headers, payload) = packet.split_at(layout.end);
        if headers[layout.tcp + 13] != ACK || !layout.is_correct(headers, payload) {
            return None;
        }
        let mut first = [0; HEADERS_MAX];
        first[..layout.end].copy_from_slice(headers);
        let mut body = pool.take(CLASSES[3]);
        body.append(payload);
        Some(Held { layout, first, last: [0; _], body, size, count: 1, closed: false })
    }

    /// Whether one more segment of a packet of up to `longest` bytes fits.
    fn is_open(&self, longest: usize) -> bool {
        let most = vnet::LONGEST - (self.layout.end - self.layout.ip);
        !self.closed && self.body.len() + longest < most
    }

    /// Reads a packet: its payload behind the payload, if its headers are as long.
    fn read(&mut self, read: &mut impl Read) -> io::Result<Option<usize>> {
        let headers = self.layout.end;
        let covered = self.body.len() - headers;
        let mut aside = [0; HEADERS_MAX];
        aside[..headers].copy_from_slice(&self.body[covered..]);
        self.body.truncate(covered);
        let room = self.body.room().expect("nobody else looks at it yet");
        let outcome = read(room);
        self.last[..headers].copy_from_slice(&room[..headers]);
        room[..headers].copy_from_slice(&aside[..headers]);
        self.body.grow(headers);
        outcome
    }

    /// The packet of `n` bytes that was read joins, if it is the next segment.
    fn join(&mut self, n: usize) -> bool {
        let (layout, end, begin) = (self.layout, self.layout.end, self.body.len());
        let (first, last) = (&mut self.first[..end], &self.last[..end]);
        let more = n.saturating_sub(end);
        if !(1..=self.size).contains(&more)
            || !layout.follows(first, last, (self.count, begin as u32))
        {
            return false;
        }
        self.body.grow(more);
        if !layout.is_correct(last, &self.body[begin..]) {
            self.body.truncate(begin);
            return false;
        }
        let push = last[layout.tcp + 13] & PSH;
        first[layout.tcp + 13] |= push;
        self.count += 1;
        self.closed = push != 0 || more < self.size;
        true
    }

    /// The packet of `n` bytes that was read and does not join, in a block of its own.
    fn other(&mut self, n: usize, pool: &Pool) -> Chunk {
        let mut chunk = pool.take(n);
        let headers = self.layout.end.min(n);
        chunk.append(&self.last[..headers]);
        let room = self.body.room().expect("nobody else looks at it yet");
        chunk.append(&room[..n - headers]);
        chunk
    }

    /// The super-segment.
    fn into_frame(mut self) -> Frame {
        let headers = &mut self.first[..self.layout.end];
        self.layout.cover(headers, self.body.len());
        let mut frame = Frame { body: self.body.into(), ..Frame::default() };
        frame.head.prepend(headers.len()).copy_from_slice(headers);
        let gso = Some(Gso { kind: GsoKind::Tcp, size: self.size as u16 });
        frame.offload = Offload { gso, checksum: Checksum::Partial };
        frame
    }
}

#[cfg(test)]
mod tests;
