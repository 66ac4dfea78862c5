//! Datagrams at a rate, as `iperf -u` sends them, and a sink that counts what it misses.
//!
//! A datagram is its number, when it was sent by the sender's clock (8 bytes each), and the
//! pattern.

use super::pattern::{piece, wrong};
use super::{Rate, between};
use crate::base::Instant;
use crate::base::time::nanos;
use crate::net::tokio::UdpSocket;
use crate::net::{Host, rt};
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// Bytes before the pattern.
const HEADER: usize = 16;
/// Bytes that IPv4 has room for.
const SIZE_MAX: usize = 65_507;
/// Numbers that are missing and may still come, at most: of those before, what comes later counts
/// as a duplicate.
const MISSING_MAX: usize = 65_536;

/// How to send.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct SendOptions {
    /// To whom.
    pub to: SocketAddr,
    /// How many datagrams.
    pub count: u64,
    /// Bytes of each, 16 to 65 507. Default 1000.
    pub size: usize,
    /// Of UDP's payload; a rate of zero: as fast as the host takes them.
    pub rate: Rate,
    /// The traffic class (`IP_TOS`).
    pub tos: u8,
}

impl SendOptions {
    /// Datagrams of 1000 bytes.
    pub fn new(to: SocketAddr, count: u64, rate: Rate) -> SendOptions {
        SendOptions { to, count, size: 1000, rate, tos: 0 }
    }
}

/// What a sender did.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize))]
pub struct Sent {
    /// To whom.
    pub peer: SocketAddr,
    /// Datagrams.
    pub datagrams: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Datagrams that an ICMP error made fail: nobody listens.
    pub refused: u64,
    /// When the first was sent.
    pub started: Instant,
    /// When the last was.
    pub ended: Instant,
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sent { peer, datagrams, bytes, refused, .. } = self;
        let took = super::Millis(self.ended.since(self.started));
        write!(f, "{datagrams} datagrams ({bytes} bytes) to {peer} in {took}, {refused} refused")
    }
}

/// Sends datagrams, each when it is due: those that were due meanwhile follow at once.
///
/// # Errors
/// The socket's, but that nobody listens.
pub async fn send(host: &Host, options: &SendOptions) -> io::Result<Sent> {
    let any: IpAddr = match options.to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(host, SocketAddr::new(any, 0))?;
    socket.connect(options.to)?;
    socket.set_tos(options.tos)?;
    let (started, begun) = (host.now(), rt::now());
    let size = options.size.clamp(HEADER, SIZE_MAX);
    let mut sent =
        Sent { peer: options.to, datagrams: 0, bytes: 0, refused: 0, started, ended: started };
    let mut datagram = vec![0; size];
    datagram[HEADER..].copy_from_slice(piece(0, size - HEADER));
    for n in 0..options.count {
        rt::sleep_until(begun + options.rate.time_of(n.saturating_mul(size as u64))).await;
        datagram[..8].copy_from_slice(&n.to_be_bytes());
        datagram[8..HEADER].copy_from_slice(&host.now().as_nanos().to_be_bytes());
        sent.ended = host.now();
        match socket.send(&datagram).await {
            Ok(bytes) => {
                sent.datagrams += 1;
                sent.bytes += bytes as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => sent.refused += 1,
            Err(error) => return Err(error),
        }
    }
    // Dropping a socket drops what its host could not send yet.
    while socket.unsent_bytes()? > 0 {
        rt::sleep(Duration::from_millis(1)).await;
    }
    Ok(sent)
}

/// How to count.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct SinkOptions {
    /// Where to listen.
    pub at: SocketAddr,
    /// It ends when so many have come, duplicates not counted.
    pub count: u64,
    /// It ends when nothing has come for so long after the first. Default 1 s.
    pub silence: Duration,
}

impl SinkOptions {
    /// Until so many have come, or none comes any more.
    pub fn new(at: SocketAddr, count: u64) -> SinkOptions {
        SinkOptions { at, count, silence: Duration::from_secs(1) }
    }
}

/// What came.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize))]
pub struct Counted {
    /// Datagrams, each counted once.
    pub datagrams: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Those that came more than once, each time.
    pub duplicates: u64,
    /// Those that came behind one with a higher number.
    pub reordered: u64,
    /// Numbers below the highest that never came.
    pub lost: u64,
    /// Bytes that were not the pattern's, and datagrams too short to have a number.
    pub wrong: u64,
    /// When the first came.
    pub first: Option<Instant>,
    /// When the last came.
    pub last: Option<Instant>,
    /// How much the delay varies (RFC 3550 §6.4.1).
    #[cfg_attr(feature = "record", serde(serialize_with = "super::in_nanos"))]
    pub jitter: Duration,
    /// The shortest way; only where both hosts live by one clock, as in a simulation.
    #[cfg_attr(feature = "record", serde(serialize_with = "super::in_nanos"))]
    pub delay_min: Duration,
    /// The longest way, likewise.
    #[cfg_attr(feature = "record", serde(serialize_with = "super::in_nanos"))]
    pub delay_max: Duration,
}

impl Counted {
    /// Bytes over the time from the first datagram to the last; the first one opens it.
    pub fn goodput(&self) -> Rate {
        let rest = self.bytes - self.bytes.checked_div(self.datagrams).unwrap_or(0);
        Rate::of(rest, between(self.first, self.last))
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counted { datagrams, bytes, duplicates, reordered, lost, wrong, .. } = self;
        write!(f, "{datagrams} datagrams ({bytes} bytes), {}, ", self.goodput())?;
        write!(f, "{lost} lost, {duplicates} duplicates, {reordered} reordered, {wrong} wrong, ")?;
        write!(f, "jitter {}", super::Millis(self.jitter))
    }
}

/// Counts what comes.
///
/// # Errors
/// The socket's.
pub async fn sink(host: &Host, options: &SinkOptions) -> io::Result<Counted> {
    let socket = UdpSocket::bind(host, options.at)?;
    let mut count = Count::default();
    let mut room = vec![0; usize::from(u16::MAX)];
    while count.told.datagrams < options.count {
        let come = socket.recv(&mut room);
        let len = match count.told.first {
            None => come.await?,
            Some(_) => match rt::timeout(options.silence, come).await {
                Ok(len) => len?,
                Err(rt::Elapsed) => break,
            },
        };
        count.take(host.now(), &room[..len]);
    }
    Ok(count.told())
}

/// A count under way.
#[derive(Debug, Default)]
pub(super) struct Count {
    pub(super) told: Counted,
    /// One above the highest number.
    next: u64,
    /// Numbers below that have not come.
    missing: BTreeSet<u64>,
    /// The way of the last datagram, in nanoseconds of two clocks.
    way: Option<i128>,
    /// Sixteen times the jitter.
    jitter: u64,
}

impl Count {
    /// What is known by now.
    pub(super) fn told(&self) -> Counted {
        Counted { lost: self.next.saturating_sub(self.told.datagrams), ..self.told }
    }

    /// A datagram has come.
    pub(super) fn take(&mut self, now: Instant, bytes: &[u8]) {
        self.told.last = Some(now);
        self.told.first = self.told.first.or(self.told.last);
        let Some((header, body)) = bytes.split_at_checked(HEADER) else {
            self.told.wrong += bytes.len() as u64;
            return;
        };
        let word = |at: usize| {
            header[at..at + 8].iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
        };
        let (n, sent) = (word(0), word(8));
        let Some(next) = n.checked_add(1) else {
            self.told.wrong += bytes.len() as u64;
            return;
        };
        if n >= self.next {
            // So that a number that is nonsense does not cost the memory of all below it.
            let from = self.next.max(n.saturating_sub(MISSING_MAX as u64));
            self.missing.extend(from..n);
            while self.missing.len() > MISSING_MAX {
                self.missing.pop_first();
            }
            self.next = next;
        } else if self.missing.remove(&n) {
            self.told.reordered += 1;
        } else {
            self.told.duplicates += 1;
            return;
        }
        self.told.datagrams += 1;
        self.told.bytes += bytes.len() as u64;
        self.told.wrong += wrong(0, body);
        self.time(now, Instant::from_nanos(sent));
    }

    /// Follows how long the way takes, and how much that varies.
    fn time(&mut self, now: Instant, sent: Instant) {
        let delay = now.since(sent);
        let told = &mut self.told;
        told.delay_min = if told.datagrams == 1 { delay } else { told.delay_min.min(delay) };
        told.delay_max = told.delay_max.max(delay);
        let way = i128::from(now.as_nanos()) - i128::from(sent.as_nanos());
        if let Some(before) = self.way.replace(way) {
            let change = (way - before).unsigned_abs();
            let change = Duration::from_nanos(u64::try_from(change).unwrap_or(u64::MAX));
            // As in RFC 3550, appendix A.8.
            self.jitter = self.jitter + nanos(change).min(1 << 56) - (self.jitter + 8) / 16;
            told.jitter = Duration::from_nanos(self.jitter / 16);
        }
    }
}
