//! Reno as Linux has it: half of cwnd, and growth by the bytes that were acknowledged, within
//! limits (RFC 5681 §3.1, RFC 3465).

use super::window::{Window, windowed};
use super::{AckSample, CongestionControl};
use crate::base::{Duration, Instant};

/// Linux's `reno`.
#[derive(Clone, Debug)]
pub struct Reno {
    window: Window,
    /// Slow start after a timeout: ACKs may cover what had arrived long before (RFC 3465 §2.3).
    after_rto: bool,
}

impl Reno {
    /// With segments of `smss` bytes and an initial window of `iw` bytes.
    pub fn new(smss: u32, iw: u32) -> Reno {
        Reno { window: Window::new(smss, iw), after_rto: false }
    }
}

impl CongestionControl for Reno {
    windowed!("reno");

    fn take_over(&mut self, cwnd: u32, ssthresh: u32) {
        self.window.take_over(cwnd, ssthresh);
    }

    fn on_ack(&mut self, sample: &AckSample) {
        if sample.app_limited {
            return;
        }
        let segments = if self.after_rto { 1 } else { 2 }; // L of RFC 3465 §2.2
        let rest = self.window.slow_start(sample.acked, segments * self.window.smss);
        if rest > 0 {
            self.after_rto = false;
            self.window.avoid(rest);
        }
    }

    fn on_loss(&mut self, _now: Instant, _in_flight: u32) {
        self.window.reduce(self.window.cwnd / 2);
    }

    fn on_recovered(&mut self, _now: Instant, _in_flight: u32) {
        self.after_rto = false;
        self.window.cwnd = self.window.ssthresh;
    }

    fn on_rto(&mut self, _now: Instant, _in_flight: u32, first: bool) {
        self.after_rto = true;
        self.window.collapse(self.window.cwnd / 2, first);
    }

    fn undo(&mut self, _now: Instant) {
        self.after_rto = false;
        self.window.undo();
    }

    fn on_idle(&mut self, _now: Instant, idle: Duration, rto: Duration) {
        self.window.idle(idle, rto);
    }

    fn on_mss(&mut self, smss: u32) {
        self.window.on_mss(smss);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    const MSS: u32 = 1_000;

    /// RFC 3465 §2.2, §2.3: two segments for each ACK, one after a timeout.
    #[test]
    fn an_ack_counts_for_two_segments_and_after_a_timeout_for_one() {
        let mut cc = Reno::new(MSS, 10 * MSS);
        for (acked, cwnd) in [(MSS, 11_000), (2 * MSS, 13_000), (9 * MSS, 15_000)] {
            cc.on_ack(&sample(acked));
            assert_eq!(cc.cwnd(), cwnd);
        }
        cc.on_rto(Instant::ZERO, 0, true);
        assert_eq!((cc.cwnd(), cc.ssthresh()), (MSS, 7_500));
        cc.on_ack(&sample(9 * MSS));
        assert_eq!(cc.cwnd(), 2 * MSS);
        for _ in 0..6 {
            cc.on_ack(&sample(2 * MSS));
        }
        assert_eq!(cc.cwnd(), 7_500, "ssthresh");
        cc.on_loss(Instant::ZERO, 0);
        cc.on_recovered(Instant::ZERO, 0);
        assert_eq!((cc.cwnd(), cc.ssthresh()), (3_750, 3_750), "of cwnd, whatever is in flight");
    }
}
