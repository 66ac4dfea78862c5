//! HyStart++: slow start that ends when the round trip grows, before the queue overflows
//! (RFC 9406).

use super::super::AckSample;
use crate::base::Duration;

/// Samples of a round that tell its smallest round trip (N_RTT_SAMPLE).
const SAMPLES: u8 = 8;
/// Least and greatest growth that counts (MIN_RTT_THRESH, MAX_RTT_THRESH).
const THRESH: (Duration, Duration) = (Duration::from_millis(4), Duration::from_millis(16));
/// Between them, an eighth of the round trip (MIN_RTT_DIVISOR).
const DIVISOR: u32 = 8;
/// How much slower conservative slow start is (CSS_GROWTH_DIVISOR).
const SLOWER: u32 = 4;
/// For how many rounds (CSS_ROUNDS).
const ROUNDS: u8 = 5;

/// The rounds of a first slow start.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct PlusPlus {
    /// Bytes that end this round when they are acknowledged; `None`: none has begun.
    left: Option<u32>,
    /// The smallest round trip of the last round (lastRoundMinRTT).
    last: Option<Duration>,
    /// Of this one so far (currentRoundMinRTT).
    current: Option<Duration>,
    samples: u8,
    /// Conservative slow start: the round trip that began it, and its rounds.
    conservative: Option<(Duration, u8)>,
}

impl PlusPlus {
    /// By how much cwnd grows for this ACK, all of whose bytes count (ADR 0009; RFC 9406 §4.2 would
    /// have L = 8 without pacing); `None`: slow start is over.
    // Rules: 9406-4.2-3, 9406-4.2-4, 9406-4.2-6.
    pub(in super::super) fn growth(&mut self, sample: &AckSample) -> Option<u32> {
        if let Some(rtt) = sample.rtt {
            self.samples = self.samples.saturating_add(1);
            self.current = Some(self.current.map_or(rtt, |least| least.min(rtt)));
        }
        let bytes = sample.acked;
        let bytes = match self.conservative {
            None => bytes,
            Some((_, ROUNDS..)) => return None,
            Some(_) => bytes / SLOWER,
        };
        match self.conservative {
            None => self.conservative = self.grown().map(|rtt| (rtt, 0)),
            Some((baseline, _)) if self.tells() && self.current < Some(baseline) => {
                self.conservative = None; // it was noise
            }
            Some(_) => {}
        }
        let new_round = self.count_rounds(sample);
        self.conservative.iter_mut().for_each(|(_, rounds)| *rounds += u8::from(new_round));
        Some(bytes)
    }

    /// Whether slow start is slow.
    pub(in super::super) fn is_conservative(&self) -> bool {
        self.conservative.is_some()
    }

    /// Whether there are samples enough.
    fn tells(&self) -> bool {
        self.samples >= SAMPLES
    }

    /// Whether a round begins: what was in flight when the last one began is acknowledged.
    // Rules: 9406-4.2-1.
    fn count_rounds(&mut self, sample: &AckSample) -> bool {
        let left = self.left.get_or_insert(sample.in_flight + sample.acked);
        *left = left.saturating_sub(sample.acked);
        let over = *left == 0;
        if over {
            self.left = Some(sample.in_flight);
            (self.last, self.current, self.samples) = (self.current, None, 0);
        }
        over
    }

    /// The round trip of this round, when it is that much longer than the last one's.
    // Rules: 9406-4.2-2.
    fn grown(&self) -> Option<Duration> {
        let (last, current) = (self.last?, self.current?);
        let thresh = (last / DIVISOR).clamp(THRESH.0, THRESH.1);
        (self.tells() && current >= last + thresh).then_some(current)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::sample;
    use super::*;

    const MSS: u32 = 1_000;

    /// A round of `segments` ACKs with this round trip; what cwnd grows by, or nothing when it is
    /// over.
    fn round(hystart: &mut PlusPlus, segments: u32, rtt: u64) -> Option<u32> {
        let mut grown = 0;
        for n in 1..=segments {
            // Each ACK sends two segments at full speed, so that twice as many are in flight then.
            let more = if hystart.is_conservative() { 0 } else { n };
            let in_flight = (segments + more) * MSS;
            let rtt = Some(Duration::from_millis(rtt));
            grown += hystart.growth(&AckSample { rtt, in_flight, ..sample(MSS) })?;
        }
        Some(grown)
    }

    // Rules: 9406-4.2-1, 9406-4.2-3.
    #[test]
    fn a_longer_round_trip_slows_down_and_five_rounds_later_slow_start_is_over() {
        let mut hystart = PlusPlus { left: Some(10 * MSS), ..PlusPlus::default() };
        assert_eq!(round(&mut hystart, 10, 100), Some(10 * MSS));
        assert_eq!(round(&mut hystart, 20, 112), Some(20 * MSS), "an eighth is 12.5 ms");
        let grown = round(&mut hystart, 40, 126);
        assert!(hystart.conservative.is_some(), "14 ms more");
        assert_eq!(grown, Some(8 * MSS + 32 * MSS / 4), "eight samples tell");
        let more: Vec<_> = (0..5).map(|_| round(&mut hystart, 40, 126)).collect();
        assert_eq!(more, [Some(10 * MSS), Some(10 * MSS), Some(10 * MSS), Some(10 * MSS), None]);
    }

    // Rules: 9406-4.2-4.
    #[test]
    fn noise_is_forgiven() {
        let mut hystart = PlusPlus { left: Some(10 * MSS), ..PlusPlus::default() };
        round(&mut hystart, 10, 40);
        round(&mut hystart, 20, 60);
        assert!(hystart.conservative.is_some());
        round(&mut hystart, 20, 41);
        assert!(hystart.conservative.is_none());
    }

    /// Seven samples tell nothing; an ACK of many segments counts for all of them.
    // Rules: 9406-4.2-2, 9406-4.2-6.
    #[test]
    fn few_samples_tell_nothing_and_large_acks_count() {
        let mut hystart = PlusPlus { left: Some(7 * MSS), ..PlusPlus::default() };
        round(&mut hystart, 7, 40);
        assert_eq!(round(&mut hystart, 7, 90), Some(7 * MSS));
        assert!(hystart.conservative.is_none());
        assert_eq!(hystart.growth(&sample(100 * MSS)), Some(100 * MSS));
    }
}
