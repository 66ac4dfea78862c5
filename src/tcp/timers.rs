//! All time in a connection, on one screen.

use super::event::Timer;
use crate::base::Instant;

/// When each timer expires. `Instant::MAX` stands for "not running".
#[derive(Clone, Debug)]
pub struct Timers([Instant; Timer::ALL.len()]);

impl Timers {
    /// None running.
    pub fn new() -> Timers {
        Timers([Instant::MAX; Timer::ALL.len()])
    }

    /// Starts or moves a timer; says whether that changed anything.
    pub fn set(&mut self, timer: Timer, at: Instant) -> bool {
        std::mem::replace(&mut self.0[timer as usize], at) != at
    }

    /// Stops a timer; says whether it was running.
    pub fn stop(&mut self, timer: Timer) -> bool {
        self.set(timer, Instant::MAX)
    }

    /// Stops all.
    pub fn stop_all(&mut self) {
        *self = Timers::new();
    }

    /// When a timer expires, if it runs.
    pub fn get(&self, timer: Timer) -> Option<Instant> {
        let at = self.0[timer as usize];
        (at < Instant::MAX).then_some(at)
    }

    /// Whether a timer runs.
    pub fn is_running(&self, timer: Timer) -> bool {
        self.get(timer).is_some()
    }

    /// The earliest expiry.
    pub fn next(&self) -> Option<Instant> {
        self.0.iter().min().copied().filter(|at| *at < Instant::MAX)
    }

    /// Stops and returns a timer that has expired by `now`, the earliest first, ties in the order
    /// of [`Timer::ALL`].
    pub fn pop_due(&mut self, now: Instant) -> Option<Timer> {
        let timer = *Timer::ALL.iter().min_by_key(|t| self.0[**t as usize])?;
        (self.0[timer as usize] <= now && self.stop(timer)).then_some(timer)
    }
}

impl Default for Timers {
    fn default() -> Timers {
        Timers::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_in_order_and_once() {
        let at = Instant::from_millis;
        let mut timers = Timers::new();
        assert_eq!(timers.next(), None);
        assert!(timers.set(Timer::Rtx, at(200)));
        assert!(!timers.set(Timer::Rtx, at(200)));
        timers.set(Timer::Delack, at(40));
        timers.set(Timer::Keepalive, at(200));
        assert_eq!(timers.next(), Some(at(40)));
        assert_eq!(timers.pop_due(at(39)), None);
        let fired: Vec<_> = std::iter::from_fn(|| timers.pop_due(at(200))).collect();
        assert_eq!(fired, [Timer::Delack, Timer::Rtx, Timer::Keepalive]);
        assert_eq!(timers.next(), None);
    }
}
