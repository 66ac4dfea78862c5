//! The window that all algorithms of Reno's kind share (RFC 5681 §3.1): slow start, congestion
//! avoidance by bytes, what was before a reduction, and what silence leaves of it.

use super::Timeout;
use crate::base::Duration;

/// cwnd stays below this: a quarter of sequence space keeps comparisons unambiguous.
const MAX: u32 = 1 << 30;

/// cwnd and ssthresh, in bytes.
#[derive(Clone, Debug)]
pub struct Window {
    /// A full segment.
    pub smss: u32,
    /// Windows come down to whole segments.
    pub count_segments: bool,
    /// The initial window.
    pub iw: u32,
    /// The congestion window.
    pub cwnd: u32,
    /// The slow-start threshold.
    pub ssthresh: u32,
    /// Bytes acknowledged towards the next increase in congestion avoidance (RFC 3465 §2.1).
    acked: u32,
    /// cwnd and ssthresh before the last reduction.
    before: (u32, u32),
}

impl Window {
    /// With segments of `smss` bytes and an initial window of `iw` bytes.
    // Rules: 5681-3.1-3.
    pub fn new(smss: u32, iw: u32) -> Window {
        Window {
            smss,
            count_segments: false,
            iw,
            cwnd: iw,
            ssthresh: u32::MAX,
            acked: 0,
            before: (iw, u32::MAX),
        }
    }

    /// Whether this is slow start.
    pub fn in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }

    /// The window grows by `bytes`.
    pub fn grow(&mut self, bytes: u32) {
        self.cwnd = self.cwnd.saturating_add(bytes).min(MAX);
    }

    /// Slow start: as many bytes more as were acknowledged, not beyond ssthresh. Returns the
    /// acknowledged bytes that this did not use.
    // Rules: 3465-2.2-1, 3465-2.3-1, 5681-3.1-5, 2525-2.1.
    pub fn slow_start(&mut self, acked: u32) -> u32 {
        if !self.in_slow_start() {
            return acked;
        }
        let gap = self.ssthresh - self.cwnd;
        self.grow(acked.min(gap));
        if self.in_slow_start() { 0 } else { acked.saturating_sub(gap) }
    }

    /// Congestion avoidance: a segment more for each window that was acknowledged.
    // Rules: 3465-2.1-1, 5681-3.1-6, 2525-2.6.
    pub fn avoid(&mut self, acked: u32) {
        self.acked = self.acked.saturating_add(acked);
        while self.acked >= self.cwnd {
            self.acked -= self.cwnd;
            self.grow(self.smss);
        }
    }

    /// Bytes were acknowledged: slow start, and congestion avoidance with what that leaves.
    // Rules: MUST-19, 5681-3.1-4.
    pub fn acked(&mut self, acked: u32) {
        let rest = self.slow_start(acked);
        if rest > 0 {
            self.avoid(rest);
        }
    }

    /// `bytes`; in whole segments, if they are what counts.
    pub fn whole(&self, bytes: u32) -> u32 {
        if self.count_segments { bytes / self.smss * self.smss } else { bytes }
    }

    /// The window comes down to `ssthresh`, but not below two segments.
    // Rules: 4015-3.2-1, 3168-6.1.2-4, 9438-4.6-2.
    pub fn reduce(&mut self, ssthresh: u32) {
        self.before = (self.cwnd, self.ssthresh);
        self.ssthresh = ssthresh.max(2 * self.smss);
        self.cwnd = self.ssthresh;
        self.acked = 0;
    }

    /// A timeout: one segment; the first time the threshold comes down, too.
    // Rules: 5681-3.1-8, 2525-2.2.
    pub fn collapse(&mut self, ssthresh: u32, timeout: Timeout) {
        if timeout == Timeout::First {
            self.reduce(ssthresh);
        }
        self.cwnd = self.smss;
        self.acked = 0;
    }

    /// The last reduction was for nothing.
    // Rules: 4015-3.4-1.
    pub fn undo(&mut self) {
        self.cwnd = self.cwnd.max(self.before.0);
        self.ssthresh = self.ssthresh.max(self.before.1);
    }

    /// It goes on where another algorithm was.
    pub fn take_over(&mut self, cwnd: u32, ssthresh: u32) {
        (self.cwnd, self.ssthresh) = (cwnd.min(MAX).max(self.smss), ssthresh);
        self.before = (self.cwnd, self.ssthresh);
    }

    /// After a silence the path may be another: half of cwnd for each RTO of it, down to the
    /// restart window (RFC 5681 §4.1; RFC 2861 §3). Three quarters stay known as good.
    // Rules: 5681-4.1-1.
    pub fn idle(&mut self, idle: Duration, rto: Duration) {
        let restart = self.iw.min(self.cwnd);
        self.ssthresh = self.ssthresh.max(self.cwnd / 4 * 3);
        let mut left = idle;
        while left > rto && self.cwnd > restart {
            left -= rto;
            self.cwnd /= 2;
        }
        self.cwnd = self.cwnd.max(restart);
        self.acked = 0;
    }

    /// Of the window no more than `used` is used: it comes down halfway, and three quarters stay
    /// known as good (RFC 2861 §3.2).
    pub fn unused(&mut self, used: u32) {
        if used < self.cwnd {
            self.ssthresh =
                self.ssthresh.max(self.whole(self.cwnd / 2) + self.whole(self.cwnd / 4));
            self.cwnd = self.whole((self.cwnd + used) / 2);
        }
    }

    /// The segment size changed.
    pub fn on_mss(&mut self, smss: u32) {
        self.smss = smss;
        self.cwnd = self.cwnd.max(smss);
    }
}

/// What [`super::CongestionControl`] asks of whoever has a `window: Window`.
macro_rules! windowed {
    ($name:literal) => {
        fn name(&self) -> &'static str {
            $name
        }

        fn cwnd(&self) -> u32 {
            self.window.cwnd
        }

        fn ssthresh(&self) -> u32 {
            self.window.ssthresh
        }

        fn take_over(&mut self, cwnd: u32, ssthresh: u32) {
            self.window.take_over(cwnd, ssthresh);
        }

        fn count_segments(&mut self) {
            self.window.count_segments = true;
        }

        fn on_idle(&mut self, _now: Instant, idle: Duration, rto: Duration) {
            self.window.idle(idle, rto);
        }

        fn on_spared(&mut self, bytes: u32) {
            self.window.grow(bytes);
        }

        fn on_unused(&mut self, used: u32) {
            self.window.unused(used);
        }

        fn on_mss(&mut self, smss: u32) {
            self.window.on_mss(smss);
        }
    };
}
pub(super) use windowed;

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u32 = 1_000;

    #[test]
    fn slow_start_gives_back_what_it_does_not_need() {
        let mut window = Window::new(MSS, 10 * MSS);
        assert_eq!((window.slow_start(2_000), window.cwnd), (0, 12_000));
        window.ssthresh = 13_000;
        assert_eq!((window.slow_start(5_000), window.cwnd), (4_000, 13_000));
        assert_eq!((window.slow_start(5_000), window.cwnd), (5_000, 13_000));
    }

    #[test]
    fn what_is_not_used_comes_down_by_halves() {
        let mut window = Window::new(MSS, 10 * MSS);
        window.take_over(81 * MSS, u32::MAX);
        window.count_segments = true;
        window.unused(20 * MSS);
        assert_eq!((window.cwnd, window.ssthresh), (50 * MSS, u32::MAX));
        window.ssthresh = 5 * MSS;
        window.unused(20 * MSS);
        assert_eq!((window.cwnd, window.ssthresh), (35 * MSS, 37 * MSS));
        window.unused(60 * MSS);
        assert_eq!(window.cwnd, 35 * MSS, "all of it is used");
    }

    /// As many segments as before may be more bytes than sequence numbers tell apart.
    #[test]
    fn no_window_that_is_taken_over_is_too_large() {
        let mut window = Window::new(MSS, 10 * MSS);
        window.take_over(u32::MAX, 20 * MSS);
        assert_eq!(window.cwnd, MAX);
        window.unused(MAX - 2);
        assert_eq!(window.cwnd, MAX - 1);
    }

    /// 7.5 RTOs would halve seven times; the initial window is enough.
    #[test]
    fn silence_halves_down_to_the_initial_window() {
        let rto = Duration::from_secs(1);
        for (idle, cwnd) in [(1_000, 80), (1_001, 40), (2_001, 20), (3_001, 10), (7_500, 10)] {
            let mut window = Window::new(MSS, 10 * MSS);
            window.take_over(80 * MSS, u32::MAX);
            window.idle(Duration::from_millis(idle), rto);
            assert_eq!(window.cwnd, cwnd * MSS, "{idle} ms");
        }
        let mut window = Window::new(MSS, 10 * MSS);
        window.take_over(4 * MSS, 3 * MSS);
        window.idle(Duration::from_secs(9), rto);
        assert_eq!((window.cwnd, window.ssthresh), (4 * MSS, 3 * MSS), "never more than before");
        window.take_over(40 * MSS, 20 * MSS);
        window.idle(Duration::from_secs(9), rto);
        assert_eq!((window.cwnd, window.ssthresh), (10 * MSS, 30 * MSS));
    }
}
