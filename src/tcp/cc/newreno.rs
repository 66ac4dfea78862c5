//! NewReno's window (RFC 5681 §3.1): slow start, congestion avoidance, half of what is in flight.
//!
//! Inflation by duplicate ACKs belongs to recovery (RFC 6582), not to the window.

use super::window::{Window, windowed};
use super::{AckSample, CongestionControl};
use crate::base::{Duration, Instant};

/// RFC 5681's window.
#[derive(Clone, Debug)]
pub struct NewReno {
    window: Window,
    /// Recovery has just ended: the ACK that ended it adds nothing.
    ended: bool,
}

impl NewReno {
    /// With segments of `smss` bytes and an initial window of `iw` bytes.
    pub fn new(smss: u32, iw: u32) -> NewReno {
        NewReno { window: Window::new(smss, iw), ended: false }
    }
}

impl CongestionControl for NewReno {
    windowed!("newreno");

    fn on_ack(&mut self, sample: &AckSample) {
        if std::mem::take(&mut self.ended) || sample.app_limited {
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

    fn on_recovered(&mut self, _now: Instant, in_flight: u32) {
        // RFC 6582 §3.2 step 3, option (1): no burst after recovery.
        let Window { ssthresh, smss, .. } = self.window;
        self.window.cwnd = ssthresh.min(in_flight.max(smss) + smss);
        self.ended = true;
    }

    fn on_rto(&mut self, _now: Instant, in_flight: u32, first: bool) {
        self.window.collapse(in_flight / 2, first);
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

    #[test]
    fn a_timeout_starts_again_and_keeps_half() {
        let mut cc = NewReno::new(MSS, 10 * MSS);
        cc.on_rto(Instant::ZERO, 9 * MSS, true);
        assert_eq!((cc.cwnd(), cc.ssthresh()), (MSS, 4_500));
        cc.on_rto(Instant::ZERO, MSS, false);
        assert_eq!((cc.cwnd(), cc.ssthresh()), (MSS, 4_500));
        ack(&mut cc, 10 * MSS);
        assert_eq!(
            cc.cwnd(),
            4_500 + MSS,
            "slow start ends at ssthresh, the rest counts as avoidance"
        );
        cc.on_rto(Instant::ZERO, MSS, true);
        assert_eq!(cc.ssthresh(), 2 * MSS);
    }

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
