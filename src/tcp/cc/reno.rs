//! Reno as Linux has it: half of cwnd, and growth by all bytes that were acknowledged (RFC 5681
//! §3.1; RFC 3465 without its limits, ADR 0009).

use super::window::{Window, windowed};
use super::{AckSample, CongestionControl, Timeout};
use crate::base::{Duration, Instant};

/// Linux's `reno`.
#[derive(Clone, Debug)]
pub struct Reno {
    window: Window,
}

impl Reno {
    /// With segments of `smss` bytes and an initial window of `iw` bytes.
    pub fn new(smss: u32, iw: u32) -> Reno {
        Reno { window: Window::new(smss, iw) }
    }
}

impl CongestionControl for Reno {
    windowed!("reno");

    fn on_ack(&mut self, sample: &AckSample) {
        if sample.app_limited {
            return;
        }
        self.window.acked(sample.acked);
    }

    fn on_loss(&mut self, _now: Instant, _in_flight: u32) {
        self.window.reduce(self.window.whole(self.window.cwnd / 2));
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

    /// As Linux counts: all that an ACK acknowledges, up to ssthresh.
    // Rules: 3465-2.2-1, 5681-3.1-5.
    #[test]
    fn an_ack_counts_for_all_of_its_segments() {
        let mut cc = Reno::new(MSS, 10 * MSS);
        for (acked, cwnd) in [(MSS, 11_000), (2 * MSS, 13_000), (7 * MSS, 20_000)] {
            cc.on_ack(&sample(acked));
            assert_eq!(cc.cwnd(), cwnd);
        }
        cc.on_rto(Instant::ZERO, 0, Timeout::First);
        assert_eq!((cc.cwnd(), cc.ssthresh()), (MSS, 10_000));
        cc.on_ack(&sample(9 * MSS));
        assert_eq!(cc.cwnd(), 10_000, "ssthresh");
        cc.on_loss(Instant::ZERO, 0);
        cc.on_recovered(Instant::ZERO, 0);
        assert_eq!((cc.cwnd(), cc.ssthresh()), (5_000, 5_000), "of cwnd, whatever is in flight");
    }
}
