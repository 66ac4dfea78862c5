//! Pacing: what cwnd allows goes out evenly over the round trip, not at once.
//!
//! Timers have milliseconds: what the rate allows in one goes out together, at least two segments,
//! and then waits for the time that takes.

use super::event::Timer;
use super::tcb::{Cx, Tcb};
use crate::base::Duration;
use crate::base::time::micros;

/// The least time between two bursts.
const QUANTUM: Duration = Duration::from_millis(1);
/// What devices hold together: four super-segments of 64 KiB, bytes, for this long at most.
const HELD: (u64, Duration) = (4 << 16, Duration::from_millis(1));

impl Tcb {
    /// What the window makes of a round trip, bytes per second: twice that while it doubles, then a
    /// fifth more, so that the window stays the limit. `None` before the first round trip.
    pub fn rate_of_window(&self) -> Option<u64> {
        let (micros, cwnd) = (micros(self.rto.srtt()?).max(1), self.cwnd());
        let percent = if cwnd < self.ssthresh() / 2 { 200 } else { 120 };
        let most = u64::from(cwnd.max(self.flight_size()));
        Some((most * percent * 10_000 / micros).max(1))
    }

    /// Bytes per second to send at; `None`: as fast as cwnd allows.
    pub fn pacing_rate(&self) -> Option<u64> {
        let asked = self.control.as_ref().and_then(|control| control.algorithm.pacing_rate());
        asked.or_else(|| self.config.pacing.then(|| self.rate_of_window())?)
    }

    /// For how long devices may hold segments or ACKs together, at the rate of the window.
    pub(super) fn burst_time(&self) -> Duration {
        let nanos = |rate| Duration::from_nanos(HELD.0 * 1_000_000_000 / rate);
        self.rate_of_window().map_or(HELD.1, |rate| nanos(rate).min(HELD.1))
    }

    /// What may go out together: whole segments.
    fn pacing_quantum(&self, rate: u64) -> u32 {
        let smss = u64::from(self.snd.smss);
        let segments = rate * QUANTUM.as_micros() as u64 / 1_000_000 / smss;
        u32::try_from(segments.max(2) * smss).unwrap_or(u32::MAX)
    }

    /// How much may go out now, but for the windows.
    pub(super) fn pacing_room(&self) -> u32 {
        match self.pacing_rate() {
            None => u32::MAX,
            Some(_) if self.timers.is_running(Timer::Pacing) => {
                self.control.as_ref().map_or(0, |control| control.burst)
            }
            Some(rate) => self.pacing_quantum(rate),
        }
    }

    /// Data was sent: the first of a burst starts the clock.
    pub(super) fn paced(&mut self, bytes: u32, cx: &mut Cx<'_>) {
        let Some(rate) = self.pacing_rate().filter(|_| bytes > 0) else { return };
        let quantum = self.pacing_quantum(rate);
        let begins = !self.timers.is_running(Timer::Pacing);
        if begins {
            let nanos = u64::from(quantum) * 1_000_000_000 / rate.max(1);
            self.set_timer(Timer::Pacing, cx.now + Duration::from_nanos(nanos), cx);
        }
        if let Some(control) = &mut self.control {
            let left = if begins { quantum } else { control.burst };
            control.burst = left.saturating_sub(bytes);
        }
    }
}
