//! What a host asks of its driver.

use super::signal::Signal;
use std::sync::Arc;
use std::time::Instant;

/// A driver, as the users of its host see it. A closure is one that is only called.
pub trait Drive: Send + Sync {
    /// There is something to send, or an earlier deadline than the driver knows of. Called by any
    /// thread, not under the host's mutex; `here`: that thread may do it itself.
    fn kick(&self, here: bool);

    /// A call that brings the driver no work has left something to be told to the audience.
    fn tell_soon(&self) {}

    /// A thread that waits for `signal`, until `until` at most, offers to do the driver's work in
    /// the meantime: `None` when it is not wanted (any more), otherwise whether the signal came.
    fn attend(&self, signal: &Signal, until: Option<Instant>) -> Option<bool> {
        let _ = (signal, until);
        None
    }
}

impl<F: Fn() + Send + Sync> Drive for F {
    fn kick(&self, _: bool) {
        self();
    }
}

/// A driver that others have, too.
pub(super) type Driver = Arc<dyn Drive>;
