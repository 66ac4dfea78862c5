//! Row 4: links, in netem's words (tc-netem(8)) and some more.
//!
//! [`Impairments`] is what the words say, for both directions; a [`Link`] does it to the packets of
//! one direction, in the time its caller gives it. Luck is drawn by packet ordinal, so the same
//! seed loses the same packets whatever else happens. What becomes of each packet, and why, is a
//! value: an [`Act`]. netem's slots are not offered. A link that was told
//! an MTU drops what is longer; other than that, its sender knows it.

mod acts;
mod codel;
mod ecn;
mod faults;
mod filter;
mod link;
mod luck;
mod parse;
mod presets;
mod queue;
mod tables;

pub use acts::{Act, By, Counters, Fate, Gauge, Packets, What};
pub use codel::Codel;
pub use faults::{Deed, Fault, Partition};
pub use filter::{Facts, Filter, Kind, Term};
pub use link::Link;
pub use luck::State as LossState;
pub use parse::{ParseError, time};
pub use presets::{PRESETS, Preset};

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

/// Which packets luck loses.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum LossModel {
    /// Each by itself.
    Random(Odds),
    /// Gilbert and Elliott: a link has a good and a bad state, and each its share of losses.
    Gilbert {
        /// How probable each packet makes a good link bad.
        p: Ppm,
        /// How probable each packet makes a bad link good.
        r: Ppm,
        /// The share that is lost while it is bad: netem's 1-h.
        bad: Ppm,
        /// The share that is lost while it is good: netem's 1-k.
        good: Ppm,
    },
    /// netem's four states, by the probabilities of going from one to the other with each packet.
    States {
        /// From good (1) to a burst of losses (3).
        p13: Ppm,
        /// From a burst (3) to good (1).
        p31: Ppm,
        /// From a burst (3) to packets that arrive within it (2).
        p32: Ppm,
        /// From there (2) back to losses (3).
        p23: Ppm,
        /// From good (1) to one loss by itself (4).
        p14: Ppm,
    },
}

impl LossModel {
    /// None.
    pub const NONE: LossModel =
        LossModel::Random(Odds { share: Ppm::ZERO, correlation: Ppm::ZERO });
}

impl From<Odds> for LossModel {
    fn from(odds: Odds) -> LossModel {
        LossModel::Random(odds)
    }
}

/// How a delay is spread around its centre.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub enum Distribution {
    /// Anything in centre ± jitter, equally often.
    #[default]
    Uniform,
    /// The normal distribution, with jitter as its standard deviation; 4096 different values, the
    /// farthest 3.66 deviations away.
    Normal,
    /// The Pareto distribution with exponent 3, centre and jitter being its mean and its standard
    /// deviation: most are a little early, few are late, some of them very much.
    Pareto,
    /// A quarter of the first and three quarters of the second.
    ParetoNormal,
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

/// How much may wait.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Limit {
    /// So many packets.
    Packets(u32),
    /// So many bytes, those of the frames as they are given to the link.
    Bytes(u64),
}

impl Limit {
    /// netem's default.
    pub const NETEM: Limit = Limit::Packets(1000);

    /// Whether there is no place for `len` bytes beside `packets` of together `bytes`.
    fn is_reached(self, packets: u32, bytes: u64, len: usize) -> bool {
        match self {
            Limit::Packets(most) => packets >= most,
            Limit::Bytes(most) => bytes + len as u64 > most,
        }
    }

    /// Whether `packets` of together `bytes` are more.
    fn is_exceeded(self, packets: u32, bytes: u64) -> bool {
        match self {
            Limit::Packets(most) => packets > most,
            Limit::Bytes(most) => bytes > most,
        }
    }
}

/// Which packets of a queue are sent, marked or dropped.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Discipline {
    /// All that find a place, in their order.
    DropTail {
        /// A packet that makes more than this wait is marked CE, if it can be (RFC 3168); what
        /// cannot be marked waits like the others, and only the limit drops.
        mark: Option<Limit>,
    },
    /// Those that CoDel lets through; the limit drops at the tail besides.
    Codel(Codel),
}

/// What a link does to the packets of one direction.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Impairment {
    /// How long packets travel.
    pub delay: Delay,
    /// Which are lost.
    pub loss: LossModel,
    /// Which come twice.
    pub duplicate: Odds,
    /// Which get one bit flipped.
    pub corrupt: Odds,
    /// Which overtake.
    pub reorder: Option<Reorder>,
    /// Bits per second; `None` is no limit. The bytes counted are those of the frame as it is given
    /// to the link (an IP packet, or an Ethernet frame without preamble and FCS), and
    /// [`Impairment::overhead`].
    pub rate: Option<u64>,
    /// Bytes that each packet takes on the wire besides: 24 are an Ethernet's preamble, FCS, gap.
    pub overhead: i32,
    /// Bytes that a packet takes on the wire at least, overhead included (`mpu` of tc-stab(8)); 84
    /// on an Ethernet.
    pub mpu: u32,
    /// Without a queue: how much may be under way; with one: how much may wait in it. What is
    /// beyond is dropped at the tail.
    pub limit: Limit,
    /// A queue in front of the transmitter, and its discipline.
    pub queue: Option<Discipline>,
    /// What happens to certain packets.
    pub faults: Vec<Fault>,
    /// When the link is down.
    pub partitions: Vec<Partition>,
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
        loss: LossModel::NONE,
        duplicate: Odds { share: Ppm::ZERO, correlation: Ppm::ZERO },
        corrupt: Odds { share: Ppm::ZERO, correlation: Ppm::ZERO },
        reorder: None,
        rate: None,
        overhead: 0,
        mpu: 0,
        limit: Limit::NETEM,
        queue: None,
        faults: Vec::new(),
        partitions: Vec::new(),
    };

    /// Whether packets only wait, are transmitted and travel: neither luck nor a fault nor the time
    /// of day does anything to them.
    fn is_plain(&self) -> bool {
        let never = |odds: Odds| odds.share == Ppm::ZERO;
        self.loss == LossModel::NONE
            && never(self.duplicate)
            && never(self.corrupt)
            && self.reorder.is_none()
            && self.delay.jitter.is_zero()
            && self.faults.is_empty()
            && self.partitions.is_empty()
    }

    /// How long the transmission of a frame of `len` bytes takes, in nanoseconds: the time of its
    /// bits on the wire at the link's rate, rounded up.
    pub fn transmission(&self, len: usize) -> u64 {
        let Some(rate) = self.rate else { return 0 };
        let bytes = (len as i128 + i128::from(self.overhead)).max(i128::from(self.mpu)) as u128;
        let nanos = (bytes * 8 * 1_000_000_000).div_ceil(u128::from(rate.max(1)));
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

impl Default for Impairment {
    fn default() -> Impairment {
        Impairment::NONE
    }
}

/// What a link does in both directions, seen from one end. Parsed from words:
///
/// ```
/// use netglass::impair::Impairments;
/// let link: Impairments = "dsl delay 20ms 5ms loss 1% in drop data#4 once".parse()?;
/// assert_eq!((link.inbound.rate, link.outbound.rate), (Some(16_000_000), Some(1_000_000)));
/// # Ok::<(), netglass::impair::ParseError>(())
/// ```
///
/// | words | meaning |
/// |---|---|
/// | `1000BASE-SX`, `dsl`, … | a kind of link ([`PRESETS`]); what follows changes it |
/// | `delay TIME [JITTER [CORRELATION]]` | travel time |
/// | … `distribution uniform\|normal\|pareto\|paretonormal` | … and how it varies |
/// | `loss [random] PERCENT [CORRELATION]` | lost packets |
/// | `loss gemodel P [R [1-H [1-K]]]` | … in bursts: Gilbert–Elliott |
/// | `loss state P13 [P31 [P32 [P23 [P14]]]]` | … with netem's four states |
/// | `duplicate PERCENT [CORRELATION]` | packets that come twice |
/// | `corrupt PERCENT [CORRELATION]` | packets with one bit flipped |
/// | `reorder PERCENT [CORRELATION] [gap N]` | packets that skip the delay |
/// | `rate RATE [OVERHEAD]` | transmission speed: `10mbit` is bits per second, `10mbps` bytes |
/// | `overhead BYTES`, `mpu BYTES` | what a packet takes besides, and at least |
/// | `limit PACKETS\|BYTES` | room for packets under way, or in the queue: `100`, `50kb` |
/// | `queue [LIMIT] [ecn LIMIT]` | a queue in front of the transmitter; `ecn`: marks beyond that |
/// | `codel [limit LIMIT] [target TIME] [interval TIME] [ecn]` | such a queue with CoDel |
/// | `drop FILTER [#N[-M][,#N…]] [once]` | an exact [`Fault`] for what a [`Filter`] means |
/// | `delay FILTER [#N…] [once] by TIME`, `duplicate FILTER …`, `corrupt FILTER …` | others |
/// | `partition from TIME to TIME` | a time in which the link is down |
/// | `in`, `out`, `both` | the words that follow count for that direction |
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Impairments {
    /// For packets that arrive.
    pub inbound: Impairment,
    /// For packets that leave.
    pub outbound: Impairment,
}
