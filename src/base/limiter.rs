//! A token bucket: how often this host may do something, ICMP errors above all (RFC 1812
//! §4.3.2.8, RFC 4443 §2.4 (f)).

use super::time::Instant;

/// What one message costs, in units of (nanoseconds × messages per second).
const COST: u64 = 1_000_000_000;

/// A token bucket for the whole host. Integer arithmetic: it neither drifts nor differs between
/// machines.
#[derive(Clone, Debug)]
pub struct Limiter {
    per_second: u32,
    burst: u32,
    /// What may be spent, up to `burst` × [`COST`].
    credit: u64,
    counted: Instant,
}

/// Linux's `net.ipv4.icmp_msgs_per_sec` and `icmp_msgs_burst`: 1000 a second, 50 at once.
impl Default for Limiter {
    fn default() -> Limiter {
        Limiter::new(1000, 50)
    }
}

impl Limiter {
    /// A full bucket of `burst` messages that `per_second` messages flow into.
    pub fn new(per_second: u32, burst: u32) -> Limiter {
        let credit = u64::from(burst) * COST;
        Limiter { per_second, burst, credit, counted: Instant::ZERO }
    }

    /// Takes account of the time until `now`.
    fn fill(&mut self, now: Instant) {
        let elapsed = now.as_nanos().saturating_sub(self.counted.as_nanos());
        self.counted = self.counted.max(now);
        let earned = elapsed.saturating_mul(u64::from(self.per_second));
        self.credit = self.credit.saturating_add(earned).min(u64::from(self.burst) * COST);
    }

    /// Whether none more may be sent at `now`; none is counted.
    pub fn is_empty(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.credit < COST
    }

    /// Whether one more may be sent at `now`; if so, it is counted.
    pub fn allow(&mut self, now: Instant) -> bool {
        self.fill(now);
        match self.credit.checked_sub(COST) {
            Some(rest) => {
                self.credit = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bursts_then_the_rate() {
        let mut limiter = Limiter::new(3, 2);
        let mut at = |millis| limiter.allow(Instant::from_millis(millis));
        assert!(at(0) && at(0) && !at(0));
        assert!(!at(333) && at(334) && !at(334));
        assert!(!at(666) && at(667) && at(1000) && !at(1000));
        assert!(at(60_000) && at(60_000) && !at(60_000), "credit is bounded by the burst");
        assert!(!at(59_000), "time that runs backwards earns nothing");
    }

    #[test]
    fn nothing_is_allowed_without_a_burst_and_nothing_overflows() {
        assert!(!Limiter::new(1000, 0).allow(Instant::from_millis(5000)));
        let mut most = Limiter::new(u32::MAX, u32::MAX);
        assert!(most.allow(Instant::MAX) && most.allow(Instant::MAX));
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate(
            per_second in 1u32..2000, burst in 0u32..60,
            steps in proptest::collection::vec(0u64..5_000_000, 1..400),
        ) {
            let mut limiter = Limiter::new(per_second, burst);
            let (mut now, mut allowed) = (0u64, 0u64);
            for step in steps {
                now += step;
                allowed += u64::from(limiter.allow(Instant::from_nanos(now)));
                let most = u64::from(burst) + now * u64::from(per_second) / COST;
                prop_assert!(allowed <= most, "{allowed} > {most}");
            }
        }
    }
}
