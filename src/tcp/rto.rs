//! The retransmission timeout (RFC 6298).
//!
//! Estimates in nanoseconds, integers only: SRTT is kept times 8 and RTTVAR times 4, so that the
//! RFC's gains of 1/8 and 1/4 are shifts.

use super::config::Config;
use crate::base::Duration;
use crate::base::time::nanos;

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
        Rto { srtt8: 0, rttvar4: 0, base: nanos(config.rto_initial), min: u64::MAX, backoff: 0 }
    }

    /// Takes a sample (RFC 6298 §2.2, §2.3). By Karn's algorithm (§3) the caller gives none that
    /// a retransmission makes ambiguous. Nothing but a sample ends the backoff (§5, note): the
    /// acknowledgment of what was sent twice does not tell that the path is faster than the RTO.
    // Rules: 6298-2.2, 6298-2.3, 6298-5-1, 8985-6.2-1.
    pub fn on_sample(&mut self, rtt: Duration, config: &Config) {
        let r = nanos(rtt).max(1);
        self.backoff = 0;
        self.min = self.min.min(r);
        if self.srtt8 == 0 {
            self.srtt8 = r * 8;
            self.rttvar4 = r * 2;
        } else {
            let deviation = (self.srtt8 / 8).abs_diff(r);
            self.rttvar4 = self.rttvar4 - self.rttvar4 / 4 + deviation;
            self.srtt8 = self.srtt8 - self.srtt8 / 8 + r;
        }
        let rto = self.srtt8 / 8 + self.rttvar4.max(G);
        // Of knobs that contradict each other, the lower bound holds.
        self.base = rto.min(nanos(config.rto_max)).max(nanos(config.rto_min));
    }

    /// The current RTO, backoff included.
    // Rules: 6298-2.5.
    pub fn get(&self, config: &Config) -> Duration {
        let most = if config.is_bsd() { 9 } else { 32 };
        let backed_off = self.base.saturating_mul(1 << self.backoff.min(most));
        let slop = if self.srtt8 > 0 || self.backoff > 0 { nanos(config.rexmit_slop) } else { 0 };
        Duration::from_nanos((backed_off + slop).min(nanos(config.rto_max).max(self.base)))
    }

    /// Doubles the RTO (RFC 6298 §5.5).
    // Rules: MUST-19, 6298-5.5, 2525-2.10.
    pub fn back_off(&mut self) {
        self.backoff = self.backoff.saturating_add(1);
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

    // Rules: 6298-2.2, 6298-2.5.
    #[test]
    fn first_sample_triples_and_backoff_doubles_to_the_bound() {
        let config = Config { rto_min: MS, ..Config::default() };
        let mut rto = Rto::new(&config);
        assert_eq!(rto.get(&config), 1000 * MS);
        rto.on_sample(40 * MS, &config);
        assert_eq!((rto.srtt(), rto.rttvar()), (Some(40 * MS), 20 * MS));
        assert_eq!(rto.get(&config), 120 * MS);
        rto.back_off();
        rto.back_off();
        assert_eq!(rto.get(&config), 480 * MS);
        (0..40).for_each(|_| rto.back_off());
        assert_eq!(rto.get(&config), config.rto_max);
        rto.on_sample(40 * MS, &config);
        assert_eq!(rto.get(&config), 100 * MS);
    }

    #[test]
    fn bounds_that_contradict_each_other_are_survived() {
        let config = Config { rto_min: 200_000 * MS, ..Config::default() };
        let mut rto = Rto::new(&config);
        rto.on_sample(10 * MS, &config);
        assert_eq!(rto.get(&config), config.rto_min);
    }

    // Rules: 6298-4-1.
    #[test]
    fn the_lower_bound_holds_and_granularity_counts() {
        let config = Config::default();
        let mut rto = Rto::new(&config);
        (0..200).for_each(|_| rto.on_sample(10 * MS, &config));
        assert_eq!(rto.get(&config), config.rto_min);
        let wrong = Config { rto_max: MS, ..config.clone() };
        rto.on_sample(10 * MS, &wrong);
        assert_eq!(rto.get(&wrong), wrong.rto_min);
        let free = Config { rto_min: Duration::ZERO, ..config };
        rto.on_sample(10 * MS, &free);
        assert_eq!(rto.get(&free), 11 * MS);
    }

    proptest! {
        // Rules: 6298-2.3, 8985-6.2-1.
        #[test]
        fn estimates_stay_between_the_samples(
            samples in proptest::collection::vec(1u64..10_000_000_000, 1..60),
        ) {
            let config = Config::default();
            let mut rto = Rto::new(&config);
            samples.iter().for_each(|s| rto.on_sample(Duration::from_nanos(*s), &config));
            let (lo, hi) = (samples.iter().min().unwrap(), samples.iter().max().unwrap());
            let srtt = nanos(rto.srtt().unwrap());
            prop_assert!(srtt + 8 >= *lo && srtt <= *hi + 8, "{srtt}");
            prop_assert!(rto.get(&config) >= config.rto_min && rto.get(&config) <= config.rto_max);
            prop_assert_eq!(rto.min(), Some(Duration::from_nanos(*lo)));
        }
    }
}
