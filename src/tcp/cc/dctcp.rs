//! DCTCP (RFC 8257): the window comes down by as much as the share of marked bytes says, for
//! networks whose queues mark early.

use super::window::{Window, windowed};
use super::{AckSample, CongestionControl, EcnUse, Timeout};
use crate::base::{Duration, Instant};

/// Alpha = 1.
const ONE: u32 = 1 << 20;
/// The parts that Linux has alpha in, of which there are 1024.
const PART: u32 = ONE / 1024;
/// g: what one window's share counts.
const G: u32 = 16;

/// The state of one connection.
#[derive(Clone, Debug)]
pub struct Dctcp {
    window: Window,
    /// DCTCP.Alpha: the share of marked bytes, smoothed; in parts of [`ONE`].
    alpha: u32,
    /// Bytes acknowledged in this observation window, and those of them that were marked.
    acked: u32,
    marked: u32,
    /// Bytes that end the window when they are acknowledged.
    left: u32,
}

impl Dctcp {
    /// With segments of `smss` bytes and an initial window of `iw` bytes. Before anything is known,
    /// a mark counts as a loss does.
    pub fn new(smss: u32, iw: u32) -> Dctcp {
        Dctcp { window: Window::new(smss, iw), alpha: ONE, acked: 0, marked: 0, left: 0 }
    }

    /// Alpha, when `marked` of `acked` bytes were marked in a window. As Linux has it, what is left
    /// of it is forgotten when a sixteenth of that cannot be told any more.
    fn smooth(&self, marked: u32, acked: u32) -> u32 {
        let (marked, acked) = (u64::from(marked), u64::from(acked.max(1)));
        if !self.window.count_segments {
            let share = (u64::from(ONE) * marked / acked) as u32;
            return (self.alpha - self.alpha.div_ceil(G)) + share.min(ONE) / G;
        }
        let alpha = self.alpha / PART;
        let less = if alpha < G { alpha } else { alpha / G };
        let share = (u64::from(ONE / PART / G) * marked / acked) as u32;
        (alpha - less + share).min(ONE / PART) * PART
    }
}

impl CongestionControl for Dctcp {
    windowed!("dctcp");

    fn ecn(&self) -> EcnUse {
        EcnUse::Dctcp
    }

    /// RFC 8257 §3.3, steps 1 to 7.
    // Rules: 8257-3.3-1.
    fn on_sample(&mut self, sample: &AckSample) {
        self.acked = self.acked.saturating_add(sample.acked);
        self.marked = self.marked.saturating_add(sample.ce);
        self.left = self.left.saturating_sub(sample.acked);
        if self.left == 0 {
            self.alpha = self.smooth(self.marked, self.acked);
            (self.acked, self.marked, self.left) = (0, 0, sample.in_flight);
        }
    }

    // Rules: 8257-3.4-1.
    fn on_ack(&mut self, sample: &AckSample) {
        if sample.app_limited {
            return;
        }
        self.window.acked(sample.acked);
    }

    // Rules: 8257-3.5-1.
    fn on_loss(&mut self, _now: Instant, _in_flight: u32) {
        self.window.reduce(self.window.whole(self.window.cwnd / 2));
    }

    /// RFC 8257 §3.3, step 9: cwnd = cwnd (1 - alpha / 2). Where segments are what counts, no part
    /// of one is taken off.
    // Rules: 8257-3.3-2.
    fn on_ecn(&mut self, _now: Instant, _in_flight: u32) {
        let cwnd = self.window.whole(self.window.cwnd);
        let less = u64::from(cwnd) * u64::from(self.alpha) / (2 * u64::from(ONE));
        self.window.reduce(cwnd - self.window.whole(less as u32));
    }

    fn on_recovered(&mut self, _now: Instant, _in_flight: u32) {
        self.window.cwnd = self.window.ssthresh;
    }

    fn on_rto(&mut self, _now: Instant, _in_flight: u32, timeout: Timeout) {
        self.window.collapse(self.window.whole(self.window.cwnd / 2), timeout);
    }

    fn undo(&mut self, _now: Instant) {
        self.window.undo();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    const MSS: u32 = 1_000;

    /// Windows of ten segments, of which the first `marked` are.
    fn windows(cc: &mut Dctcp, count: u32, marked: u32) {
        for _ in 0..count {
            for n in 0..10 {
                let ce = if n < marked { MSS } else { 0 };
                cc.on_sample(&AckSample { ce, in_flight: 10 * MSS, ..sample(MSS) });
            }
        }
    }

    // Rules: 8257-3.3-1.
    #[test]
    fn alpha_follows_the_share_of_marks() {
        let mut cc = Dctcp::new(MSS, 10 * MSS);
        cc.left = 10 * MSS;
        windows(&mut cc, 1, 0);
        assert_eq!(cc.alpha, ONE / 16 * 15, "g = 1/16");
        windows(&mut cc, 200, 2);
        let tenth = cc.alpha * 100 / ONE;
        assert!((19..=20).contains(&tenth), "two of ten: {tenth} %");
        windows(&mut cc, 300, 0);
        assert_eq!(cc.alpha, 0);
    }

    #[test]
    fn linux_counts_in_parts_of_1024_and_in_segments() {
        let mut cc = Dctcp::new(MSS, 10 * MSS);
        cc.count_segments();
        cc.left = 10 * MSS;
        windows(&mut cc, 1, 1);
        assert_eq!(cc.alpha, (1024 - 64 + 6) * PART, "of 6.4 parts six");
        windows(&mut cc, 200, 0);
        assert_eq!(cc.alpha, 0);
        cc.take_over(10 * MSS + 500, 10 * MSS);
        cc.alpha = 204 * PART;
        cc.on_ecn(Instant::ZERO, 0);
        assert_eq!(cc.cwnd(), 10 * MSS, "less than a segment less");
        cc.alpha = 205 * PART;
        cc.on_ecn(Instant::ZERO, 0);
        assert_eq!(cc.cwnd(), 9 * MSS);
        cc.on_loss(Instant::ZERO, 0);
        assert_eq!(cc.cwnd(), 4 * MSS);
    }

    // Rules: 8257-3.3-2, 8257-3.5-1.
    #[test]
    fn a_mark_takes_half_of_alpha_and_a_loss_takes_half() {
        let mut cc = Dctcp::new(MSS, 100 * MSS);
        cc.on_ecn(Instant::ZERO, 0);
        assert_eq!(cc.cwnd(), 50 * MSS, "alpha is 1 at first");
        cc.take_over(100 * MSS, 100 * MSS);
        cc.alpha = ONE / 5;
        cc.on_ecn(Instant::ZERO, 0);
        assert_eq!((cc.cwnd(), cc.ssthresh()), (90_001, 90_001));
        cc.on_loss(Instant::ZERO, 0);
        assert_eq!(cc.cwnd(), 45_000);
    }
}
