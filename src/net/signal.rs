//! A flag that one thread waits for: how a thread is woken where a task has its waker.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::time::Instant;

/// A flag to be raised by anybody and waited for by one thread. It stays up until it is seen.
#[derive(Default)]
pub struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    raised: bool,
    /// The thread waits here: to call it costs a system call.
    waits: bool,
    /// The thread sleeps elsewhere: what wakes it there.
    ring: Option<Ring>,
}

/// Wakes a thread where it sleeps.
type Ring = Arc<dyn Fn() + Send + Sync>;

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signal({})", if self.state().raised { "up" } else { "down" })
    }
}

impl Signal {
    /// A flag that is down.
    pub fn new() -> Signal {
        Signal::default()
    }

    /// Raises the flag.
    pub fn raise(&self) {
        let mut state = self.state();
        state.raised = true;
        match &state.ring {
            Some(ring) => ring(),
            None if state.waits => self.changed.notify_one(),
            None => {}
        }
    }

    /// Takes the flag down; says whether it was up.
    pub fn take(&self) -> bool {
        std::mem::take(&mut self.state().raised)
    }

    /// The thread is about to sleep where `ring` wakes it; `false` when the flag is up already, and
    /// was taken down.
    pub fn watched(&self, ring: &Ring) -> bool {
        let mut state = self.state();
        let sleeps = !std::mem::take(&mut state.raised);
        state.ring = sleeps.then(|| Arc::clone(ring));
        sleeps
    }

    /// The thread does not sleep there any more; as [`Signal::take`].
    pub fn unwatched(&self) -> bool {
        let mut state = self.state();
        state.ring = None;
        std::mem::take(&mut state.raised)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the flag is up, and takes it down; `false` when it was still down at `until`
    /// (`None`: waits for ever).
    pub fn wait(&self, until: Option<Instant>) -> bool {
        let mut state = self.state();
        state.waits = true;
        while !state.raised {
            let Some(until) = until else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.waits = false;
                return false;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        (state.raised, state.waits) = (false, false);
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
