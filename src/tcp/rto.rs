//! The retransmission timeout (RFC 6298).
//!
//! Estimates in nanoseconds, integers only: SRTT is kept times 8 and RTTVAR times 4, so that the
//! RFC's gains of 1/8 and 1/4 are shifts.

use super::config::Config;
use crate::base::time::nanos;
use crate::base::{Duration, Seq};

/// The clock granularity G: RTTVAR's share of the RTO is at least this (RFC 6298 §2.3).
// Rules: 6298-4-1.
const G: u64 = 1_000_000;

/// SRTT, RTTVAR and the RTO they give.
#[derive(Clone, Debug)]
pub struct Rto {
    /// SRTT × 8, ns; 0 before the first sample.
    srtt8: u64,
    /// RTTVAR × 4, ns.
    rttvar4: u64,
    /// Its largest value of this round trip, and the one that the RTO goes by, ns.
    peak: (u64, u64),
    /// A round trip ends when more than this is acknowledged.
    round: Seq,
    /// The RTO without backoff, ns.
    base: u64,
    /// The smallest sample, ns; `u64::MAX` before the first.
    min: u64,
    /// How often the RTO has been doubled since the last sample.
    backoff: u8,
}

impl Rto {
    /// Before any sample (RFC 6298 §2.1).
    // Rules: 6298-2.1, 2525-2.7.
    pub fn new(config: &Config) -> Rto {
        Rto {
            srtt8: 0,
            rttvar4: 0,
            peak: (0, 0),
            round: Seq(0),
            base: nanos(config.rto_initial),
            min: u64::MAX,
            backoff: 0,
        }
    }

    /// Takes a sample (RFC 6298 §2.2, §2.3). By Karn's algorithm (§3) the caller gives none that
    /// a retransmission makes ambiguous. Nothing but a sample ends the backoff (§5, note): the
    /// acknowledgment of what was sent twice does not tell that the path is faster than the RTO.
    /// `una`, `nxt`: SND.UNA, moved already, and SND.NXT.
    // Rules: 6298-2.2, 6298-2.3, 6298-5-1, 8985-6.2-1.
    pub fn on_sample(&mut self, rtt: Duration, (una, nxt): (Seq, Seq), config: &Config) {
        let r = nanos(rtt).max(1);
        self.backoff = 0;
        self.min = self.min.min(r);
        if self.srtt8 == 0 {
            self.srtt8 = r * 8;
            self.rttvar4 = r * 2;
            self.round = nxt;
        } else {
            let srtt = self.srtt8 / 8;
            let change = srtt.abs_diff(r).abs_diff(self.rttvar4 / 4);
            let grows = srtt.abs_diff(r) > self.rttvar4 / 4;
            // A round trip that became shorter all at once is no reason to wait longer.
            let change = if config.rttvar_peak && grows && r < srtt { change / 8 } else { change };
            self.rttvar4 = if grows { self.rttvar4 + change } else { self.rttvar4 - change };
            self.srtt8 = self.srtt8 - self.srtt8 / 8 + r;
        }
        let variation = match config.rttvar_peak {
            true => self.peak((una, nxt), nanos(config.rto_min)),
            false => self.rttvar4.max(G),
        };
        let rto = self.srtt8 / 8 + variation;
        // Of knobs that contradict each other, the lower bound holds.
        self.base = rto.min(nanos(config.rto_max)).max(nanos(config.rto_min));
    }

    /// What the RTO leaves for variation, as Linux: the largest deviation of a round trip, which
    /// is forgotten by quarters, and never less than the lower bound of the RTO.
    fn peak(&mut self, (una, nxt): (Seq, Seq), least: u64) -> u64 {
        let largest = self.peak.0.max(self.rttvar4).max(least);
        let used = self.peak.1.max(largest);
        self.peak = (largest, used);
        if una.after(self.round) {
            self.peak = (least, used - (used - largest) / 4);
            self.round = nxt;
        }
        self.peak.1
    }

    /// The current RTO, backoff included.
    // Rules: 6298-2.5.
    pub fn get(&self, config: &Config) -> Duration {
        let most = if config.is_bsd() { 9 } else { 32 };
        let backed_off = self.base.saturating_mul(1 << self.backoff.min(most));
        let slop = if self.srtt8 > 0 || self.backoff > 0 { nanos(config.rexmit_slop) } else { 0 };
        Duration::from_nanos(
            backed_off.saturating_add(slop).min(nanos(config.rto_max).max(self.base)),
        )
    }

    /// Doubles the RTO (RFC 6298 §5.5).
    // Rules: MUST-19, 6298-5.5, 2525-2.10.
    pub fn back_off(&mut self) {
        self.backoff = self.backoff.saturating_add(1);
    }

    /// One doubling was for nothing.
    pub fn revert(&mut self) {
        self.backoff = self.backoff.saturating_sub(1);
    }

    /// A SYN was lost: data starts with at least `rto`, not backed off, unless a sample exists
    /// (RFC 6298 §5.7).
    // Rules: 6298-5.7.
    pub fn on_syn_loss(&mut self, rto: Duration) {
        if self.srtt8 == 0 {
            self.base = self.base.max(nanos(rto));
            self.backoff = 0;
        }
    }

    /// SRTT; `None` before the first sample.
    pub fn srtt(&self) -> Option<Duration> {
        (self.srtt8 > 0).then(|| Duration::from_nanos(self.srtt8 / 8))
    }

    /// RTTVAR.
    pub fn rttvar(&self) -> Duration {
        Duration::from_nanos(self.rttvar4 / 4)
    }

    /// The smallest sample.
    pub fn min(&self) -> Option<Duration> {
        (self.min < u64::MAX).then(|| Duration::from_nanos(self.min))
    }

    /// How often the RTO is doubled.
    pub fn backoff(&self) -> u8 {
        self.backoff
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);
    /// A round trip that goes on.
    const SEQS: (Seq, Seq) = (Seq(0), Seq(0));

    // Rules: 6298-2.2, 6298-2.5.
    #[test]
    fn first_sample_triples_and_backoff_doubles_to_the_bound() {
        let config = Config { rto_min: MS, ..Config::plain() };
        let mut rto = Rto::new(&config);
        assert_eq!(rto.get(&config), 1000 * MS);
        rto.on_sample(40 * MS, SEQS, &config);
        assert_eq!((rto.srtt(), rto.rttvar()), (Some(40 * MS), 20 * MS));
        assert_eq!(rto.get(&config), 120 * MS);
        rto.back_off();
        rto.back_off();
        assert_eq!(rto.get(&config), 480 * MS);
        (0..40).for_each(|_| rto.back_off());
        assert_eq!(rto.get(&config), config.rto_max);
        rto.on_sample(40 * MS, SEQS, &config);
        assert_eq!(rto.get(&config), 100 * MS);
    }

    #[test]
    fn bounds_that_contradict_each_other_are_survived() {
        let config = Config { rto_min: 200_000 * MS, ..Config::plain() };
        let mut rto = Rto::new(&config);
        rto.on_sample(10 * MS, SEQS, &config);
        assert_eq!(rto.get(&config), config.rto_min);
    }

    // Rules: 6298-4-1.
    #[test]
    fn the_lower_bound_holds_and_granularity_counts() {
        let config = Config::plain();
        let mut rto = Rto::new(&config);
        (0..200).for_each(|_| rto.on_sample(10 * MS, SEQS, &config));
        assert_eq!(rto.get(&config), config.rto_min);
        let wrong = Config { rto_max: MS, ..config.clone() };
        rto.on_sample(10 * MS, SEQS, &wrong);
        assert_eq!(rto.get(&wrong), wrong.rto_min);
        let free = Config { rto_min: Duration::ZERO, ..config };
        rto.on_sample(10 * MS, SEQS, &free);
        assert_eq!(rto.get(&free), 11 * MS);
    }

    /// 200 ms above SRTT; what a sample far off adds is taken back by quarters, a round trip each.
    #[test]
    fn the_peak_is_forgotten_by_quarters() {
        let config = Config::default();
        let mut rto = Rto::new(&config);
        let mut sample = |rtt: u32, una| {
            rto.on_sample(rtt * MS, (Seq(una), Seq(una + 10)), &config);
            rto.get(&config).as_millis() - rto.srtt().unwrap().as_millis()
        };
        assert_eq!((sample(50, 1), sample(50, 5)), (200, 200));
        assert_eq!(sample(850, 7), 856, "what is far off counts at once");
        assert_eq!(sample(50, 8), 856, "and stays for the round trip");
        let after: Vec<_> = (1..30).map(|round| sample(150, 1 + 11 * round)).collect();
        assert!(after.is_sorted_by(|a, b| a >= b), "{after:?}");
        assert!(after.last() <= Some(&201), "{after:?}");
    }

    proptest! {
        // Rules: 6298-2.3, 8985-6.2-1.
        #[test]
        fn estimates_stay_between_the_samples(
            samples in proptest::collection::vec(1u64..10_000_000_000, 1..60),
        ) {
            let config = Config::plain();
            let mut rto = Rto::new(&config);
            samples.iter().for_each(|s| rto.on_sample(Duration::from_nanos(*s), SEQS, &config));
            let (lo, hi) = (samples.iter().min().unwrap(), samples.iter().max().unwrap());
            let srtt = nanos(rto.srtt().unwrap());
            prop_assert!(srtt + 8 >= *lo && srtt <= *hi + 8, "{srtt}");
            prop_assert!(rto.get(&config) >= config.rto_min && rto.get(&config) <= config.rto_max);
            prop_assert_eq!(rto.min(), Some(Duration::from_nanos(*lo)));
        }
    }
}
