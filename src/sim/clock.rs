//! The clock of a network: it stands until the network moves it.

use crate::base::Instant;
use crate::net;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Virtual time, shared by all hosts of a network.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock(Arc<AtomicU64>);

impl Clock {
    pub(super) fn get(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::Relaxed))
    }

    pub(super) fn set(&self, now: Instant) {
        debug_assert!(now >= self.get(), "time does not go back");
        self.0.store(now.as_nanos(), Ordering::Relaxed);
    }
}

impl net::Clock for Clock {
    fn now(&self) -> Instant {
        self.get()
    }
}
