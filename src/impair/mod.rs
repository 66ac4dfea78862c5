//! Row 4: bad links, in netem's words (tc-netem(8)).
//!
//! [`Impairments`] is what the words say, for both directions; a [`Link`] does it to the packets of
//! one direction, in the time its caller gives it. Luck is drawn by packet ordinal, so the same
//! seed loses the same packets whatever else happens. Loss models with states (`state`, `gemodel`),
//! slots and ECN marking are not offered.

mod link;
mod parse;

pub use link::{Counters, Fate, Gauge, Link};
pub use parse::ParseError;

use crate::base::Duration;

/// A share in parts per million: 0..=1 000 000.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Ppm(pub u32);

impl Ppm {
    /// Never.
    pub const ZERO: Ppm = Ppm(0);
    /// Always.
    pub const ONE: Ppm = Ppm(1_000_000);

    /// As a fraction of 2^32, which stands for "always".
    fn of_32_bits(self) -> u64 {
        (u64::from(self.0.min(1_000_000)) << 32) / 1_000_000
    }
}

/// How probable something is, and how much each draw resembles the last one.
///
/// Correlation works as in netem: a draw is mixed with the previous one, which bunches events, and
/// also pulls draws towards the middle, so that rare events get rarer as correlation grows.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Odds {
    /// The probability.
    pub share: Ppm,
    /// The weight of the previous draw.
    pub correlation: Ppm,
}

/// How a delay is spread around its centre.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub enum Distribution {
    /// Anything in centre ± jitter, equally often.
    #[default]
    Uniform,
    /// Like a bell with jitter as its standard deviation, cut off at 3.46 of them (the sum of four
    /// uniform draws).
    Normal,
}

/// How long packets travel.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Delay {
    /// The centre.
    pub base: Duration,
    /// How far it varies. With jitter and no rate, packets may overtake each other.
    pub jitter: Duration,
    /// The weight of the previous draw.
    pub correlation: Ppm,
    /// The shape.
    pub distribution: Distribution,
}

/// Which packets skip the delay and so overtake those that wait.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Reorder {
    /// How probable.
    pub odds: Odds,
    /// Only every `gap`-th packet may (1: all may).
    pub gap: u32,
}

/// What a link does to the packets of one direction.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Impairment {
    /// How long packets travel.
    pub delay: Delay,
    /// Which are lost.
    pub loss: Odds,
    /// Which come twice.
    pub duplicate: Odds,
    /// Which get one bit flipped.
    pub corrupt: Odds,
    /// Which overtake.
    pub reorder: Option<Reorder>,
    /// Bits per second; `None` is no limit. The bytes counted are those of the packet.
    pub rate: Option<u64>,
    /// How many packets may be under way; those beyond are dropped at the tail.
    pub limit: u32,
}

impl Impairment {
    /// A perfect link. Its limit is netem's default, 1000 packets.
    pub const NONE: Impairment = Impairment {
        delay: Delay {
            base: Duration::ZERO,
            jitter: Duration::ZERO,
            correlation: Ppm::ZERO,
            distribution: Distribution::Uniform,
        },
        loss: Odds { share: Ppm::ZERO, correlation: Ppm::ZERO },
        duplicate: Odds { share: Ppm::ZERO, correlation: Ppm::ZERO },
        corrupt: Odds { share: Ppm::ZERO, correlation: Ppm::ZERO },
        reorder: None,
        rate: None,
        limit: 1000,
    };
}

impl Default for Impairment {
    fn default() -> Impairment {
        Impairment::NONE
    }
}

/// What a link does in both directions, seen from one end. Parsed from netem's words:
///
/// ```
/// use netglass::impair::Impairments;
/// let link: Impairments = "delay 20ms 5ms loss 1% in rate 10mbit".parse()?;
/// assert_eq!((link.inbound.rate, link.outbound.rate), (Some(10_000_000), None));
/// # Ok::<(), netglass::impair::ParseError>(())
/// ```
///
/// | words | meaning |
/// |---|---|
/// | `delay TIME [JITTER [CORRELATION]] [distribution uniform\|normal]` | travel time |
/// | `loss [random] PERCENT [CORRELATION]` | lost packets |
/// | `duplicate PERCENT [CORRELATION]` | packets that come twice |
/// | `corrupt PERCENT [CORRELATION]` | packets with one bit flipped |
/// | `reorder PERCENT [CORRELATION] [gap N]` | packets that skip the delay |
/// | `rate RATE` | transmission speed: `10mbit` is bits per second, `10mbps` bytes |
/// | `limit PACKETS` | room for packets under way |
/// | `in`, `out`, `both` | the words that follow count for that direction |
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Impairments {
    /// For packets that arrive.
    pub inbound: Impairment,
    /// For packets that leave.
    pub outbound: Impairment,
}
