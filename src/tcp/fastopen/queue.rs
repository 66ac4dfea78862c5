//! How many fast openings a listener has under way (RFC 7413 §5.1): who asks for more than it
//! allows, opens as everybody does.

use crate::base::{Duration, Instant};
use std::collections::VecDeque;

/// How long a fast opening that a reset ended counts on: what is sent from a forged address with a
/// stolen cookie is answered with a reset by who has that address.
const RESET_COUNTS: Duration = Duration::from_secs(60);

/// What is under way.
#[derive(Debug, Default)]
pub struct Queue {
    /// Whose handshake has not ended.
    pending: u32,
    /// Until when those count that a reset ended, in this order.
    reset: VecDeque<Instant>,
}

impl Queue {
    /// Whether one more may be under way, of at most `max`. The oldest of those that were reset
    /// makes room when its time is over.
    // Rules: 7413-5.1-1, 7413-5.1-2.
    pub fn admits(&mut self, max: u32, now: Instant) -> bool {
        if self.len() >= max && self.reset.front().is_some_and(|until| *until <= now) {
            self.reset.pop_front();
        }
        self.len() < max
    }

    /// How many count.
    pub fn len(&self) -> u32 {
        self.pending + self.reset.len() as u32
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One more is under way.
    pub fn enter(&mut self) {
        self.pending += 1;
    }

    /// One is not any more; `reset`: by a reset, after the application had got it.
    // Rules: 7413-5.1-3.
    pub fn leave(&mut self, reset: bool, now: Instant) {
        self.pending = self.pending.saturating_sub(1);
        if reset {
            self.reset.push_back(now + RESET_COUNTS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_reset_counts_for_a_minute() {
        let at = |secs| Instant::ZERO + Duration::from_secs(secs);
        let mut queue = Queue::default();
        assert!(!queue.admits(0, at(0)) && queue.admits(2, at(0)));
        queue.enter();
        queue.enter();
        assert!(!queue.admits(2, at(1)));
        queue.leave(true, at(2));
        queue.leave(true, at(3));
        assert!(!queue.admits(2, at(61)));
        assert!(queue.admits(2, at(62)));
        queue.enter();
        assert!(!queue.admits(2, at(62)));
        queue.leave(false, at(62));
        assert!(queue.admits(2, at(62)) && queue.len() == 1);
    }
}
