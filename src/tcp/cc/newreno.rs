//! NewReno's window (RFC 5681 §3.1): slow start, congestion avoidance, half of what is in flight.
//!
//! Inflation by duplicate ACKs belongs to recovery (RFC 6582), not to the window.

use super::window::{Window, windowed};
use super::{AckSample, CongestionControl, Timeout};
use crate::base::{Duration, Instant};

/// RFC 5681's window.
#[derive(Clone, Debug)]
pub struct NewReno {
    window: Window,
}

impl NewReno {
    /// With segments of `smss` bytes and an initial window of `iw` bytes.
    pub fn new(smss: u32, iw: u32) -> NewReno {
        NewReno { window: Window::new(smss, iw) }
    }
}

impl CongestionControl for NewReno {
    windowed!("newreno");

    fn on_ack(&mut self, sample: &AckSample) {
        if sample.app_limited {
            return; // RFC 5681 §3.1 grows a window that is used; RFC 7661 says why
        }
        // Deviates: RFC 5681 equation (2) adds at most SMSS per ACK; counting all bytes (as
        // RFC 3465 does, without its limit) keeps the pace when one ACK covers many segments.
        self.window.acked(sample.acked);
    }

    /// RFC 5681 §3.1, equation (4).
    fn on_loss(&mut self, _now: Instant, in_flight: u32) {
        self.window.reduce(in_flight / 2);
    }

    // Rules: 6582-3.2-3.
    fn on_recovered(&mut self, _now: Instant, in_flight: u32) {
        // RFC 6582 §3.2 step 3, option (1): no burst after recovery.
        let Window { ssthresh, smss, .. } = self.window;
        self.window.cwnd = ssthresh.min(in_flight.max(smss) + smss);
    }

    // Rules: 5681-3.1-7.
    fn on_rto(&mut self, _now: Instant, in_flight: u32, timeout: Timeout) {
        self.window.collapse(in_flight / 2, timeout);
        if timeout == Timeout::InRecovery {
            // At most this, whatever has come down before (RFC 5681 §3.1 equation 4).
            let most = (in_flight / 2).max(2 * self.window.smss);
            self.window.ssthresh = self.window.ssthresh.min(most);
        }
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

    fn ack(cc: &mut NewReno, acked: u32) {
        cc.on_ack(&sample(acked));
    }

    // Rules: 3465-2.1-1, 5681-3.1-6, 2525-2.6.
    #[test]
    fn doubles_per_round_then_adds_one_segment() {
        let mut cc = NewReno::new(MSS, 10 * MSS);
        (0..10).for_each(|_| ack(&mut cc, MSS));
        assert_eq!(cc.cwnd(), 20 * MSS);
        cc.on_loss(Instant::ZERO, 20 * MSS);
        assert_eq!((cc.cwnd(), cc.ssthresh()), (10 * MSS, 10 * MSS));
        (0..10).for_each(|_| ack(&mut cc, MSS));
        assert_eq!(cc.cwnd(), 11 * MSS);
        ack(&mut cc, 10 * MSS);
        assert_eq!(cc.cwnd(), 11 * MSS);
        ack(&mut cc, MSS);
        assert_eq!(cc.cwnd(), 12 * MSS);
    }

    // Rules: 5681-3.1-7.
    #[test]
    fn a_timeout_starts_again_and_keeps_half() {
        let mut cc = NewReno::new(MSS, 10 * MSS);
        cc.on_rto(Instant::ZERO, 9 * MSS, Timeout::First);
        assert_eq!((cc.cwnd(), cc.ssthresh()), (MSS, 4_500));
        cc.on_rto(Instant::ZERO, MSS, Timeout::Again);
        assert_eq!((cc.cwnd(), cc.ssthresh()), (MSS, 4_500));
        cc.on_rto(Instant::ZERO, 20 * MSS, Timeout::InRecovery);
        assert_eq!((cc.cwnd(), cc.ssthresh()), (MSS, 4_500), "never up");
        ack(&mut cc, 10 * MSS);
        assert_eq!(
            cc.cwnd(),
            4_500 + MSS,
            "slow start ends at ssthresh, the rest counts as avoidance"
        );
        cc.on_rto(Instant::ZERO, MSS, Timeout::First);
        assert_eq!(cc.ssthresh(), 2 * MSS);
    }

    // Rules: 6582-3.2-3.
    #[test]
    fn recovery_ends_without_a_burst() {
        let mut cc = NewReno::new(MSS, 10 * MSS);
        cc.on_loss(Instant::ZERO, 40 * MSS);
        cc.on_recovered(Instant::ZERO, 3 * MSS);
        assert_eq!(cc.cwnd(), 4 * MSS);
        cc.on_recovered(Instant::ZERO, 100 * MSS);
        assert_eq!(cc.cwnd(), 20 * MSS);
    }
}
