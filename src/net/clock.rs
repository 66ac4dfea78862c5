//! Where `now` comes from: the machine's clock, or whatever a simulator says.

use crate::base::Instant;

/// A source of time. It never goes back.
pub trait Clock: Send + Sync {
    /// The moment it is.
    fn now(&self) -> Instant;
}

/// The machine's monotonic clock, counted from when this value was made.
#[derive(Copy, Clone, Debug)]
pub struct Monotonic {
    start: std::time::Instant,
}

impl Monotonic {
    /// A clock that starts at zero.
    pub fn new() -> Monotonic {
        Monotonic { start: std::time::Instant::now() }
    }
}

impl Default for Monotonic {
    fn default() -> Monotonic {
        Monotonic::new()
    }
}

impl Clock for Monotonic {
    fn now(&self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }
}
