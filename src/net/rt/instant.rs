//! A moment, live or virtual.

use super::virtual_time;
use crate::base;
use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::Duration;

/// A moment of the time that a program lives in: tokio's, or a simulation's. Those of a simulation
/// are [`base::Instant`]s and convert to and from them; the two kinds do not mix.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub(super) Kind);

#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Live(tokio::time::Instant),
    Virtual(base::Instant),
}

impl Instant {
    /// The moment it is.
    pub fn now() -> Instant {
        Instant(match virtual_time::now() {
            Some(now) => Kind::Virtual(now),
            None => Kind::Live(tokio::time::Instant::now()),
        })
    }

    /// The simulation's moment that it is; `None` live.
    pub fn virtual_time(self) -> Option<base::Instant> {
        match self.0 {
            Kind::Virtual(at) => Some(at),
            Kind::Live(_) => None,
        }
    }

    /// The time since then.
    pub fn elapsed(self) -> Duration {
        Instant::now().duration_since(self)
    }

    /// The time from `earlier` to this moment; zero when `earlier` is later.
    pub fn duration_since(self, earlier: Instant) -> Duration {
        match (self.0, earlier.0) {
            (Kind::Live(at), Kind::Live(earlier)) => at.saturating_duration_since(earlier),
            (Kind::Virtual(at), Kind::Virtual(earlier)) => at.since(earlier),
            _ => unreachable!("{MIXED}"),
        }
    }
}

/// What a program does wrong that carries moments into a simulation, or out of it.
pub(super) const MIXED: &str = "a moment of real time meets one of a simulation";

impl From<base::Instant> for Instant {
    fn from(at: base::Instant) -> Instant {
        Instant(Kind::Virtual(at))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, rhs: Duration) -> Instant {
        Instant(match self.0 {
            Kind::Live(at) => Kind::Live(at + rhs),
            Kind::Virtual(at) => Kind::Virtual(at + rhs),
        })
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;
    fn sub(self, rhs: Duration) -> Instant {
        Instant(match self.0 {
            Kind::Live(at) => Kind::Live(at - rhs),
            Kind::Virtual(at) => Kind::Virtual(at - rhs),
        })
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, rhs: Duration) {
        *self = *self - rhs;
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;
    fn sub(self, rhs: Instant) -> Duration {
        self.duration_since(rhs)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Live(at) => at.fmt(f),
            Kind::Virtual(at) => at.fmt(f),
        }
    }
}
