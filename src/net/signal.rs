//! A flag that one thread waits for: how a thread is woken where a task has its waker.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::Wake;
use std::time::Instant;

/// A flag to be raised by anybody and waited for by one thread. It stays up until it is seen.
#[derive(Debug, Default)]
pub struct Signal {
    raised: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    /// A flag that is down.
    pub fn new() -> Signal {
        Signal::default()
    }

    /// Raises the flag.
    pub fn raise(&self) {
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }

    /// Waits until the flag is up, and takes it down; `false` when it was still down at `until`
    /// (`None`: waits for ever).
    pub fn wait(&self, until: Option<Instant>) -> bool {
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        while !*raised {
            let Some(until) = until else {
                raised = self.changed.wait(raised).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.changed.wait_timeout(raised, left);
            raised = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *raised = false;
        true
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Signal>) {
        self.raise();
    }

    fn wake_by_ref(self: &Arc<Signal>) {
        self.raise();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_raised_flag_is_seen_once() {
        let signal = Arc::new(Signal::new());
        let soon = || Some(Instant::now() + Duration::from_millis(1));
        assert!(!signal.wait(soon()));
        signal.raise();
        signal.raise();
        assert!(signal.wait(None));
        assert!(!signal.wait(soon()));
        let other = Arc::clone(&signal);
        let thread = std::thread::spawn(move || std::task::Waker::from(other).wake());
        assert!(signal.wait(None));
        thread.join().expect("it only wakes");
    }
}
