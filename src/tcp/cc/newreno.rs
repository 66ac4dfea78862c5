//! NewReno's window (RFC 5681 §3.1): slow start, congestion avoidance, halving.
//!
//! Inflation by duplicate ACKs belongs to recovery (RFC 6582), not to the window.

use super::{AckSample, CongestionControl};
use crate::base::Instant;

/// cwnd and ssthresh of RFC 5681, in bytes.
#[derive(Clone, Debug)]
pub struct NewReno {
    smss: u32,
    iw: u32,
    cwnd: u32,
    ssthresh: u32,
    /// Bytes acknowledged towards the next increase in congestion avoidance (RFC 3465 §2.1).
    acked: u32,
    /// cwnd and ssthresh before the last reduction.
    before: (u32, u32),
}

/// cwnd stays below this: a quarter of sequence space keeps comparisons unambiguous.
const MAX: u32 = 1 << 30;

impl NewReno {
    /// With segments of `smss` bytes and an initial window of `iw` bytes.
    pub fn new(smss: u32, iw: u32) -> NewReno {
        NewReno { smss, iw, cwnd: iw, ssthresh: u32::MAX, acked: 0, before: (iw, u32::MAX) }
    }

    /// RFC 5681 §3.1, equation (4).
    fn half(&self, in_flight: u32) -> u32 {
        (in_flight / 2).max(2 * self.smss)
    }
}

impl CongestionControl for NewReno {
    fn name(&self) -> &'static str {
        "newreno"
    }

    fn cwnd(&self) -> u32 {
        self.cwnd
    }

    fn ssthresh(&self) -> u32 {
        self.ssthresh
    }

    fn on_ack(&mut self, sample: &AckSample) {
        if sample.app_limited {
            return; // RFC 5681 §3.1 grows a window that is used; RFC 7661 says why
        }
        let mut acked = sample.acked;
        if self.cwnd < self.ssthresh {
            // Deviates: RFC 5681 equation (2) adds at most SMSS per ACK; counting all bytes (as
            // RFC 3465 does, without its limit) keeps the pace when one ACK covers many segments.
            let grown = acked.min(self.ssthresh - self.cwnd);
            self.cwnd = (self.cwnd + grown).min(MAX);
            acked -= grown;
        }
        if acked > 0 && self.cwnd >= self.ssthresh {
            self.acked += acked;
            while self.acked >= self.cwnd {
                self.acked -= self.cwnd;
                self.cwnd = (self.cwnd + self.smss).min(MAX);
            }
        }
    }

    fn on_loss(&mut self, _now: Instant, in_flight: u32) {
        self.before = (self.cwnd, self.ssthresh);
        self.ssthresh = self.half(in_flight);
        self.cwnd = self.ssthresh;
        self.acked = 0;
    }

    fn on_recovered(&mut self, _now: Instant, in_flight: u32) {
        // RFC 6582 §3.2 step 3, option (1): no burst after recovery.
        self.cwnd = self.ssthresh.min(in_flight.max(self.smss) + self.smss);
    }

    fn on_rto(&mut self, _now: Instant, in_flight: u32, first: bool) {
        if first {
            self.before = (self.cwnd, self.ssthresh);
            self.ssthresh = self.half(in_flight);
        }
        self.cwnd = self.smss;
        self.acked = 0;
    }

    fn undo(&mut self, _now: Instant) {
        self.cwnd = self.cwnd.max(self.before.0);
        self.ssthresh = self.ssthresh.max(self.before.1);
    }

    fn on_idle(&mut self, _now: Instant) {
        self.cwnd = self.cwnd.min(self.iw);
    }

    fn on_mss(&mut self, smss: u32) {
        self.smss = smss;
        self.cwnd = self.cwnd.max(smss);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Duration;

    const MSS: u32 = 1_000;

    fn ack(cc: &mut NewReno, acked: u32) {
        cc.on_ack(&AckSample {
            now: Instant::ZERO,
            acked,
            delivered: 0,
            interval: Duration::ZERO,
            rtt: None,
            in_flight_at_send: 0,
            in_flight: 0,
            app_limited: false,
            ce: 0,
        });
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
    fn recovery_ends_without_a_burst_and_idleness_shrinks() {
        let mut cc = NewReno::new(MSS, 10 * MSS);
        cc.on_loss(Instant::ZERO, 40 * MSS);
        cc.on_recovered(Instant::ZERO, 3 * MSS);
        assert_eq!(cc.cwnd(), 4 * MSS);
        cc.on_recovered(Instant::ZERO, 100 * MSS);
        assert_eq!(cc.cwnd(), 20 * MSS);
        cc.on_idle(Instant::ZERO);
        assert_eq!(cc.cwnd(), 10 * MSS);
    }
}
