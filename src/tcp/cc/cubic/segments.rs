//! CUBIC's congestion avoidance as Linux computes it: windows are whole segments, time comes in
//! parts of 1024 of a second, and what the curve makes of both is how many segments must be
//! acknowledged for the window to grow by one.

use super::cube_root;
use crate::base::{Duration, Instant};

/// Parts of a second.
const PARTS: u64 = 1024;
/// C, in segments per part of a second cubed, as a fraction of [`UNIT`].
const C: u64 = 410;
/// See [`C`].
const UNIT: u32 = 40;
/// Eighths of a segment that Reno's share of growth takes for each segment of the window.
const RENO: u32 = 15;
/// What is computed for a window holds so long, unless the window changes, ms.
const HOLDS: u64 = 31;
/// No window grows by more than a segment for two.
const FASTEST: u32 = 2;

/// One stretch of congestion avoidance.
#[derive(Copy, Clone, Debug)]
struct Epoch {
    /// When it began; later by all time in which nothing was in flight, ms.
    start: u64,
    /// K, parts of a second.
    k: u64,
    /// Where the curve is flat.
    origin: u32,
    /// What Reno would have by now.
    reno: u32,
    /// What is acknowledged towards its next segment.
    acked: u32,
}

/// The state of a window that grows by segments.
#[derive(Clone, Debug, Default)]
pub(super) struct Segments {
    epoch: Option<Epoch>,
    /// So many must be acknowledged for one more.
    count: u32,
    /// For which window that was computed, and when, ms.
    computed: Option<(u32, u64)>,
    /// What is acknowledged towards the next.
    acked: u32,
}

impl Segments {
    /// The window came down: another stretch begins with the next ACK.
    pub(super) fn end(&mut self) {
        (self.epoch, self.acked) = (None, 0);
    }

    /// When the stretch began, if one has.
    pub(super) fn began(&self) -> Option<Instant> {
        self.epoch.map(|epoch| Instant::from_millis(epoch.start))
    }

    /// Nothing was sent for so long, and nothing is in flight: that is no time.
    pub(super) fn stand_still(&mut self, silence: Duration, now: Instant) {
        if let Some(epoch) = &mut self.epoch {
            let later = epoch.start + silence.as_millis() as u64;
            epoch.start = later.min(now.as_millis());
        }
    }

    /// By how many segments a window of `cwnd` grows when `acked` are acknowledged; `w_max` was the
    /// window before the last loss, 0: there was none.
    pub(super) fn grow(
        &mut self,
        (cwnd, w_max): (u32, u32),
        acked: u32,
        (now, delay): (Instant, Duration),
    ) -> u32 {
        self.look((cwnd, w_max), acked, (now.as_millis(), delay));
        let count = self.count;
        let before = u32::from(self.acked >= count);
        self.acked = if before > 0 { acked } else { self.acked + acked };
        let more = self.acked / count;
        self.acked %= count;
        before + more
    }

    /// Computes how many ACKs the next segment takes, where that is not known.
    fn look(&mut self, (cwnd, w_max): (u32, u32), acked: u32, (ms, delay): (u64, Duration)) {
        self.epoch.iter_mut().for_each(|epoch| epoch.acked += acked);
        if self.computed.is_some_and(|(window, at)| window == cwnd && ms - at <= HOLDS) {
            return;
        }
        let known = self.epoch.is_some() && self.computed.is_some_and(|(_, at)| at == ms);
        let epoch = self.epoch.get_or_insert_with(|| {
            let missing = w_max.saturating_sub(cwnd);
            let k = cube_root(u128::from(missing) * ((1 << UNIT) / u128::from(C))) as u64;
            Epoch { start: ms, k, origin: w_max.max(cwnd), reno: cwnd, acked }
        });
        if !known {
            self.computed = Some((cwnd, ms));
            let t = (ms.saturating_sub(epoch.start) + delay.as_millis() as u64) * PARTS / 1000;
            let target = epoch.at(t);
            self.count = if target > cwnd { cwnd / (target - cwnd) } else { 100 * cwnd };
            if w_max == 0 {
                self.count = self.count.min(super::SEARCH);
            }
        }
        let each = (cwnd * RENO / 8).max(1);
        epoch.reno += epoch.acked.saturating_sub(1) / each;
        epoch.acked -= epoch.acked.saturating_sub(1) / each * each;
        if epoch.reno > cwnd {
            self.count = self.count.min(cwnd / (epoch.reno - cwnd));
        }
        self.count = self.count.max(FASTEST);
    }
}

impl Epoch {
    /// W(t), segments.
    fn at(&self, t: u64) -> u32 {
        let d = u128::from(t.abs_diff(self.k).min(1 << 26));
        let delta = u32::try_from((u128::from(C) * d * d * d) >> UNIT).unwrap_or(u32::MAX);
        if t < self.k {
            self.origin.saturating_sub(delta)
        } else {
            self.origin.saturating_add(delta)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(100);

    /// After a loss at 10 segments: K is 1.956 s, and a round trip later W(t) is 7.44, so that less
    /// than three are missing to 10: the eighth is due when seven are acknowledged.
    #[test]
    fn the_curve_is_rounded_up() {
        let mut segments = Segments::default();
        let at = |ms| (Instant::from_millis(ms), RTT);
        assert_eq!(segments.grow((7, 10), 6, at(1_000)), 0);
        assert_eq!((segments.count, segments.epoch.map(|epoch| epoch.k)), (7, Some(2_003)));
        assert_eq!(segments.grow((7, 10), 1, at(1_010)), 1);
    }

    /// Where no loss has told a limit, twenty ACKs are worth a segment.
    #[test]
    fn the_unknown_is_searched() {
        let mut segments = Segments::default();
        assert_eq!(segments.grow((100, 0), 41, (Instant::ZERO, RTT)), 2);
        assert_eq!(segments.acked, 1);
    }

    /// Time in which nothing was in flight does not count.
    #[test]
    fn silence_is_no_time() {
        let mut segments = Segments::default();
        segments.grow((7, 10), 1, (Instant::from_millis(1_000), RTT));
        segments.stand_still(Duration::from_secs(10), Instant::from_millis(12_000));
        assert_eq!(segments.began(), Some(Instant::from_millis(11_000)));
        segments.stand_still(Duration::from_secs(10), Instant::from_millis(12_000));
        assert_eq!(segments.began(), Some(Instant::from_millis(12_000)));
        segments.end();
        assert_eq!(segments.began(), None);
    }
}
