//! What ends slow start before a loss does: HyStart, as Linux has it, or HyStart++ (RFC 9406).

mod original;
mod plusplus;

pub(super) use original::Original;
pub(super) use plusplus::PlusPlus;

use crate::base::Duration;
use std::fmt;

/// What ends slow start before a loss does, for algorithms that heed it (CUBIC).
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum HyStart {
    /// Nothing.
    Off,
    /// HyStart by trains of ACKs: they come for so long that the path must be full.
    Train,
    /// HyStart by delay: the round trips of a round are longer than the shortest one.
    Delay,
    /// Either (Linux: `hystart_detect` 3).
    #[default]
    Both,
    /// HyStart++ (RFC 9406): a longer round trip slows slow start down first.
    PlusPlus,
}

impl HyStart {
    /// All of them.
    pub const ALL: [HyStart; 5] =
        [HyStart::Off, HyStart::Train, HyStart::Delay, HyStart::Both, HyStart::PlusPlus];

    /// Whether it is HyStart as Linux has it.
    pub(super) fn is_original(self) -> bool {
        matches!(self, HyStart::Train | HyStart::Delay | HyStart::Both)
    }
}

impl fmt::Display for HyStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            HyStart::Off => "off",
            HyStart::Train => "train",
            HyStart::Delay => "delay",
            HyStart::Both => "both",
            HyStart::PlusPlus => "++",
        })
    }
}

/// What HyStart found, so that slow start ended.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// A train of ACKs.
    Train {
        /// How long it has come since the round began.
        train: Duration,
        /// More than this was too long.
        limit: Duration,
        /// The shortest round trip known.
        least: Duration,
    },
    /// A longer round trip.
    Delay {
        /// The shortest of this round.
        rtt: Duration,
        /// More than this was too long.
        limit: Duration,
        /// The shortest round trip known.
        least: Duration,
    },
}
