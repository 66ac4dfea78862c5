//! Ready-made programs: those that experiments with networks are made of, by the names the field
//! knows. Each runs live and in a simulation, takes a host and a few options, and returns a report
//! of whole numbers.
//!
//! | Program | Who knows it | What it does |
//! |---|---|---|
//! | [`bulk`] | iperf | sends for a time, or so many bytes; a receiver, which may be slow |
//! | [`rr`] | netperf TCP_RR, TCP_CRR | a request and its response, again and again |
//! | [`blast`] | iperf -u | datagrams at a rate, and a sink that counts what it misses |
//! | [`opener`] | a slow client, a flood | opens connections, and does nothing with them |
//! | [`forger`] | an attacker | sends TCP segments that say they are somebody else's |
//! | [`typist`] | a hand at telnet | keystrokes at intervals, and how late their echoes come |
//!
//! Web and DNS clients and servers are in [`super::get`], [`super::http`] and [`super::dns`], echo
//! and its like in [`super::simple`].
//!
//! What is sent is a [`pattern`] that every receiver checks: a report's `wrong` is 0 on any network
//! whose transport keeps its word. Moments are those of the host's clock, durations are written to
//! JSON in nanoseconds.

pub mod blast;
pub mod bulk;
pub mod forger;
pub mod opener;
pub mod pattern;
pub mod rr;
pub mod typist;

use crate::base::Instant;
#[cfg(feature = "record")]
use crate::base::time::nanos;
use crate::net::rt;
use std::fmt;
use std::io;
use std::time::Duration;

/// How many bits pass in a second.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize))]
pub struct Rate(pub u64);

impl Rate {
    /// That of so many bytes in that time; in no time there is none.
    pub fn of(bytes: u64, time: Duration) -> Rate {
        let bits = u128::from(bytes) * 8 * 1_000_000_000;
        Rate(
            bits.checked_div(time.as_nanos()).map_or(0, |rate| rate.try_into().unwrap_or(u64::MAX)),
        )
    }

    /// How long so many bytes take; at a rate of zero, no time.
    pub fn time_of(self, bytes: u64) -> Duration {
        let nanos = (u128::from(bytes) * 8 * 1_000_000_000).checked_div(self.0.into());
        Duration::from_nanos(nanos.map_or(0, |nanos| nanos.try_into().unwrap_or(u64::MAX)))
    }
}

/// With one decimal, rounded down: `9.5 Mbit/s`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, name) in [(1_000_000_000, "Gbit/s"), (1_000_000, "Mbit/s"), (1000, "kbit/s")] {
            if self.0 >= unit {
                return write!(f, "{}.{} {name}", self.0 / unit, self.0 % unit * 10 / unit);
            }
        }
        write!(f, "{} bit/s", self.0)
    }
}

/// A duration in milliseconds, as `ping` shows one: `12.034 ms`.
struct Millis(Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        write!(f, "{}.{:03} ms", micros / 1000, micros % 1000)
    }
}

/// How long things took: the shortest, the middle, the one that 99 of 100 did not exceed, the
/// longest.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize))]
pub struct Spread {
    /// The shortest.
    #[cfg_attr(feature = "record", serde(serialize_with = "in_nanos"))]
    pub min: Duration,
    /// As many were shorter as were longer.
    #[cfg_attr(feature = "record", serde(serialize_with = "in_nanos"))]
    pub median: Duration,
    /// 99 of 100 were not longer.
    #[cfg_attr(feature = "record", serde(serialize_with = "in_nanos"))]
    pub p99: Duration,
    /// The longest.
    #[cfg_attr(feature = "record", serde(serialize_with = "in_nanos"))]
    pub max: Duration,
}

impl Spread {
    /// That of these; all zero when there are none.
    pub fn of(times: &[Duration]) -> Spread {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        // The smallest value that so many of 100 do not exceed.
        let rank = |percent: usize| (sorted.len() * percent).div_ceil(100).max(1) - 1;
        let at = |percent| sorted.get(rank(percent)).copied().unwrap_or_default();
        let min = sorted.first().copied().unwrap_or_default();
        Spread { min, median: at(50), p99: at(99), max: at(100) }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [min, median, p99, max] = [self.min, self.median, self.p99, self.max].map(Millis);
        write!(f, "min {min}, median {median}, 99 % {p99}, max {max}")
    }
}

/// Writes a duration as nanoseconds.
#[cfg(feature = "record")]
fn in_nanos<S: serde::Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(nanos(*time))
}

/// Writes durations as nanoseconds.
#[cfg(feature = "record")]
fn all_in_nanos<S: serde::Serializer>(times: &[Duration], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(times.iter().map(|time| nanos(*time)))
}

/// The time between two moments, of which either may be unknown.
fn between(from: Option<Instant>, to: Option<Instant>) -> Duration {
    from.zip(to).map_or(Duration::ZERO, |(from, to)| to.since(from))
}

/// What a future gives, or `None` when a moment comes before.
async fn in_time<T>(
    end: Option<rt::Instant>,
    f: impl Future<Output = io::Result<T>>,
) -> io::Result<Option<T>> {
    match end {
        None => f.await.map(Some),
        Some(end) if rt::now() >= end => Ok(None),
        Some(end) => rt::timeout_at(end, f).await.ok().transpose(),
    }
}

#[cfg(test)]
mod tests;
