//! Putting fragments together (RFC 791 §3.2, RFC 815, RFC 1122 §3.3.2; for IPv6 RFC 8200 §4.5).
//!
//! A datagram's pieces are kept in order until none is missing, then gathered into one block.
//! There is no good reason for pieces to overlap and several bad ones, so one that does gives the
//! whole datagram up, the pieces still to come included (RFC 5722 §4, applied to IPv4, too); an
//! exact copy of a piece is a duplicate and harmless.
//!
//! Memory, datagrams, pieces and time are bounded. When the store is full, the *oldest* datagram
//! makes room: the pieces of an honest datagram follow each other within milliseconds, so only a
//! flood that refills the whole store in that time can hurt it; refusing the newcomer, a few dozen
//! stray fragments a second would keep everybody out.

use crate::base::{Chunks, Duration, Instant, Pool, Why};
use crate::wire::ip;
use crate::wire::ipv6::FRAGMENT_LEN;
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

/// The bounds of reassembly.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Limits {
    /// Memory that pieces may hold, bytes: blocks count whole.
    pub bytes: usize,
    /// Datagrams in the making, those given up but not forgotten included.
    pub datagrams: usize,
    /// Pieces of one datagram.
    pub pieces: usize,
    /// How long a datagram's pieces may take from its first arrival on.
    pub timeout: Duration,
}

/// Memory and time as Linux has them (`net.ipv4.ipfrag_high_thresh`, `ipfrag_time`; RFC 1122
/// §3.3.2 asks for 60 to 120 seconds, which only helps those who flood); 128 pieces because the
/// largest datagram has 119 on a path with an MTU of 576 bytes; 4096 datagrams because 2048 of one
/// block each fill the memory, and as many may be given up and hold nothing.
impl Default for Limits {
    fn default() -> Limits {
        let timeout = Duration::from_secs(30);
        Limits { bytes: 4 << 20, datagrams: 4096, pieces: 128, timeout }
    }
}

/// Which datagram a fragment belongs to.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Protocol; IPv6 leaves it out of the key (RFC 8200 §4.5) and puts 0 here.
    pub proto: u8,
    /// Identification: 16 bits in IPv4, 32 in IPv6.
    pub id: u32,
}

/// What a fragment's header says. `H` is the header itself, handed back with the whole datagram.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Fragment<H> {
    /// Which datagram.
    pub key: Key,
    /// Where its bytes lie in the datagram's payload, a multiple of 8.
    pub offset: u32,
    /// Whether more follow.
    pub more: bool,
    /// The traffic class byte; its ECN bits matter here.
    pub tos: u8,
    /// The length of what precedes its bytes in the packet.
    pub header_len: usize,
    /// The most that its offset and its packet's length may add up to.
    pub limit: usize,
    /// The header.
    pub header: H,
}

impl From<ip::Header> for Fragment<ip::Header> {
    fn from(header: ip::Header) -> Self {
        let ip::Header { src, dst, id, offset, more, tos, header_len, .. } = header;
        // RFC 8200 §4.5: fragments of one packet may name different next headers.
        let proto = if dst.is_ipv4() { header.proto } else { 0 };
        let key = Key { src, dst, proto, id };
        // In IPv4 the whole header counts (RFC 791 §3.1), in IPv6 the extension headers do that
        // precede the fragment header (RFC 8200 §3).
        let fixed = ip::header_len(dst);
        let limit = match dst.is_ipv4() {
            true => fixed + ip::max_payload(dst),
            false => fixed + FRAGMENT_LEN + ip::max_payload(dst),
        };
        Fragment { key, offset, more, tos, header_len, limit, header }
    }
}

/// What became of a fragment.
#[derive(Clone, Debug)]
pub enum Outcome<H> {
    /// It is kept until the others come, or it is a copy of one that is.
    Held,
    /// It was the last one missing.
    Complete(Whole<H>),
    /// It was dropped, and its datagram with it unless the fragment alone was impossible.
    Dropped(Why),
}

/// A datagram put together.
#[derive(Clone, Debug)]
pub struct Whole<H> {
    /// The header of its first fragment.
    pub header: H,
    /// The traffic class byte for the whole: congestion experienced by one fragment was
    /// experienced by the datagram (RFC 3168 §5.3).
    pub tos: u8,
    /// The bytes behind the header.
    pub payload: Chunks,
}

/// A datagram that will not be completed.
#[derive(Clone, Debug)]
pub struct Gone {
    /// Which.
    pub key: Key,
    /// [`Why::ReassemblyTimeout`], or [`Why::FragmentLimit`] when it made room.
    pub why: Why,
    /// For a timeout the first fragment, IP header included, if that arrived: an ICMP Time
    /// Exceeded quotes it (RFC 1122 §3.3.2).
    pub first: Option<Chunks>,
}

/// A fragment's bytes, its IP header before them.
#[derive(Clone, Debug)]
struct Piece {
    offset: u32,
    len: u32,
    header_len: usize,
    packet: Chunks,
}

impl Piece {
    fn end(&self) -> u32 {
        self.offset + self.len
    }

    fn payload(&self) -> Chunks {
        self.packet.slice(self.header_len, self.packet.len())
    }

    /// What keeping the piece costs, bytes.
    fn cost(&self) -> usize {
        self.packet.cost() + size_of::<Piece>()
    }

    fn has_same_bytes(&self, other: &Piece) -> bool {
        let (a, b) = (self.payload(), other.payload());
        a.iter().flat_map(|c| c.iter()).eq(b.iter().flat_map(|c| c.iter()))
    }
}

/// A datagram in the making.
#[derive(Clone, Debug)]
struct Datagram<H> {
    /// Its place in the order of arrival.
    serial: u64,
    expires: Instant,
    /// By offset, without overlaps.
    pieces: Vec<Piece>,
    /// The header and traffic class of the first fragment.
    first: Option<(H, u8)>,
    /// The bytes of `pieces`.
    have: u32,
    /// The length of the whole, known from the last fragment.
    total: Option<u32>,
    /// What `pieces` cost.
    cost: usize,
    /// The ECN codepoints seen, one bit each.
    ecn: u8,
    /// Why it was given up: later pieces share its fate.
    refused: Option<Why>,
}

/// The fragments of a host.
#[derive(Clone, Debug)]
pub struct Reassembly<H> {
    limits: Limits,
    datagrams: BTreeMap<Key, Datagram<H>>,
    /// The datagrams in order of arrival, which is that of expiry.
    order: BTreeMap<u64, Key>,
    arrivals: u64,
    cost: usize,
    gone: VecDeque<Gone>,
}

impl<H: Copy> Reassembly<H> {
    /// Nothing held.
    pub fn new(limits: Limits) -> Reassembly<H> {
        Reassembly {
            limits,
            datagrams: BTreeMap::new(),
            order: BTreeMap::new(),
            arrivals: 0,
            cost: 0,
            gone: VecDeque::new(),
        }
    }

    /// Takes the fragment that `packet` is, IP header included and padding cut off.
    pub fn input(
        &mut self,
        now: Instant,
        fragment: Fragment<H>,
        packet: Chunks,
        pool: &Pool,
    ) -> Outcome<H> {
        let Some(len) = length(&fragment, packet.len()) else {
            return Outcome::Dropped(Why::FragmentRange);
        };
        if fragment.offset == 0 && !fragment.more {
            // Whole already: it has nothing to do with fragments of the same key (RFC 6946 §4).
            let payload = packet.slice(fragment.header_len, packet.len());
            return Outcome::Complete(Whole {
                header: fragment.header,
                tos: fragment.tos,
                payload,
            });
        }
        self.expire(now);
        let Fragment { key, offset, header_len, .. } = fragment;
        let piece = Piece { offset, len, header_len, packet: packet.compacted(pool) };
        let limits = self.limits;
        let datagram = self.datagram(now, key);
        match datagram.place(&piece, fragment.more, &limits) {
            Ok(None) => Outcome::Held,
            Ok(Some(at)) => {
                let cost = datagram.insert(at, piece, &fragment);
                let done = datagram.is_complete();
                self.cost += cost;
                if done {
                    return self.complete(key, pool);
                }
                self.make_room(key);
                Outcome::Held
            }
            Err(why) => {
                let freed = datagram.refuse(why);
                self.cost -= freed;
                Outcome::Dropped(why)
            }
        }
    }

    /// One datagram that timed out by `now` or made room for others, until there is none.
    pub fn poll(&mut self, now: Instant) -> Option<Gone> {
        self.expire(now);
        self.gone.pop_front()
    }

    /// When [`Reassembly::poll`] has something to tell next.
    pub fn deadline(&self) -> Option<Instant> {
        if !self.gone.is_empty() {
            return Some(Instant::ZERO);
        }
        let (_, oldest) = self.order.first_key_value()?;
        Some(self.datagrams[oldest].expires)
    }

    /// How many datagrams are in the making or given up and not yet forgotten.
    pub fn len(&self) -> usize {
        self.datagrams.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// The memory that pieces hold, bytes.
    pub fn held_bytes(&self) -> usize {
        self.cost
    }

    /// The datagram of `key`, made when there is none.
    fn datagram(&mut self, now: Instant, key: Key) -> &mut Datagram<H> {
        if !self.datagrams.contains_key(&key) && self.datagrams.len() >= self.limits.datagrams {
            self.evict_oldest_but(key);
        }
        self.datagrams.entry(key).or_insert_with(|| {
            self.arrivals += 1;
            self.order.insert(self.arrivals, key);
            Datagram {
                serial: self.arrivals,
                expires: now + self.limits.timeout,
                pieces: Vec::new(),
                first: None,
                have: 0,
                total: None,
                cost: 0,
                ecn: 0,
                refused: None,
            }
        })
    }

    /// Evicts the oldest datagrams until the pieces fit their memory; `newest` stays.
    fn make_room(&mut self, newest: Key) {
        while self.cost > self.limits.bytes && self.evict_oldest_but(newest) {}
    }

    /// Removes the oldest datagram other than `newest`; says whether there was one.
    fn evict_oldest_but(&mut self, newest: Key) -> bool {
        let Some(oldest) = self.order.values().copied().find(|key| *key != newest) else {
            return false;
        };
        let datagram = self.remove(&oldest);
        if datagram.refused.is_none() {
            self.gone.push_back(Gone { key: oldest, why: Why::FragmentLimit, first: None });
        }
        true
    }

    /// Removes all datagrams whose time is over.
    fn expire(&mut self, now: Instant) {
        while let Some((_, key)) = self.order.first_key_value() {
            let key = *key;
            if self.datagrams[&key].expires > now {
                return;
            }
            let datagram = self.remove(&key);
            if datagram.refused.is_none() {
                let first = datagram.pieces.into_iter().next().filter(|p| p.offset == 0);
                let first = first.map(|piece| piece.packet);
                self.gone.push_back(Gone { key, why: Why::ReassemblyTimeout, first });
            }
        }
    }

    /// Gathers a complete datagram and forgets it.
    fn complete(&mut self, key: Key, pool: &Pool) -> Outcome<H> {
        let datagram = self.remove(&key);
        let (header, tos) = datagram.first.expect("a complete datagram has its first fragment");
        let Some(tos) = with_ecn_of_all(tos, datagram.ecn) else {
            return Outcome::Dropped(Why::FragmentEcn);
        };
        let mut whole = pool.take(datagram.have as usize);
        for piece in &datagram.pieces {
            for chunk in piece.payload() {
                whole.append(&chunk);
            }
        }
        Outcome::Complete(Whole { header, tos, payload: whole.into() })
    }

    fn remove(&mut self, key: &Key) -> Datagram<H> {
        let datagram = self.datagrams.remove(key).expect("the order names what is there");
        self.order.remove(&datagram.serial);
        self.cost -= datagram.cost;
        datagram
    }
}

impl<H: Copy> Default for Reassembly<H> {
    fn default() -> Self {
        Reassembly::new(Limits::default())
    }
}

impl<H: Copy> Datagram<H> {
    /// Where `piece` belongs among the pieces; `None` when a copy of it is there already.
    fn place(&self, piece: &Piece, more: bool, limits: &Limits) -> Result<Option<usize>, Why> {
        if let Some(why) = self.refused {
            return Err(why);
        }
        let at = self.pieces.partition_point(|held| held.offset < piece.offset);
        let before = at.checked_sub(1).map(|at| &self.pieces[at]);
        let after = self.pieces.get(at);
        // Two ends, or bytes behind the end: no honest sender makes such fragments.
        let end_held = self.pieces.last().map_or(0, Piece::end);
        let ends_fit = match self.total {
            Some(total) if more => piece.end() < total,
            Some(total) => piece.end() == total,
            None => more || piece.end() >= end_held,
        };
        if !ends_fit {
            return Err(Why::FragmentRange);
        }
        if after.is_some_and(|h| (h.offset, h.len) == (piece.offset, piece.len)) {
            let copy = after.is_some_and(|held| held.has_same_bytes(piece));
            // Held with more to follow and here without: another end.
            let same_end = more || self.total.is_some();
            return if copy && same_end { Ok(None) } else { Err(Why::FragmentOverlap) };
        }
        let overlaps = before.is_some_and(|held| held.end() > piece.offset)
            || after.is_some_and(|held| held.offset < piece.end());
        if overlaps {
            return Err(Why::FragmentOverlap);
        }
        let fits = self.pieces.len() < limits.pieces && self.cost + piece.cost() <= limits.bytes;
        if fits { Ok(Some(at)) } else { Err(Why::FragmentLimit) }
    }

    /// Keeps a piece at the place found for it; says what that costs.
    fn insert(&mut self, at: usize, piece: Piece, fragment: &Fragment<H>) -> usize {
        if piece.offset == 0 {
            self.first = Some((fragment.header, fragment.tos));
        }
        if !fragment.more {
            self.total = Some(piece.end());
        }
        self.ecn |= 1 << (fragment.tos & 3);
        self.have += piece.len;
        let cost = piece.cost();
        self.cost += cost;
        self.pieces.insert(at, piece);
        cost
    }

    fn is_complete(&self) -> bool {
        self.total == Some(self.have)
    }

    /// Gives the datagram up and says what its pieces cost; it stays to refuse those to come.
    fn refuse(&mut self, why: Why) -> usize {
        self.refused = Some(why);
        self.pieces = Vec::new();
        std::mem::take(&mut self.cost)
    }
}

/// The bytes a fragment carries, when its place is possible: inside 65 535 bytes with the header
/// (a "ping of death" is not), not empty, and a multiple of 8 unless it is the last.
fn length<H>(fragment: &Fragment<H>, packet_len: usize) -> Option<u32> {
    let len = packet_len.checked_sub(fragment.header_len)?;
    let whole = !fragment.more && fragment.offset == 0;
    let fits = fragment.offset as usize + packet_len <= fragment.limit;
    let aligned = fragment.offset.is_multiple_of(8) && (!fragment.more || len.is_multiple_of(8));
    (fits && aligned && (whole || len > 0)).then_some(len as u32)
}

/// The traffic class of the whole datagram, given the codepoints of its fragments (RFC 3168 §5.3):
/// `None` when congestion was experienced by some and others say that they cannot tell.
// Rules: 3168-5.3-1.
fn with_ecn_of_all(tos: u8, seen: u8) -> Option<u8> {
    const NOT_ECT: u8 = 1 << 0;
    const CE: u8 = 1 << 3;
    match (seen & CE != 0, seen & NOT_ECT != 0) {
        (true, true) => None,
        (true, false) => Some(tos | 3),
        (false, _) => Some(tos),
    }
}

#[cfg(test)]
mod tests;
