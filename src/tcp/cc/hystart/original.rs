//! HyStart as Linux has it (Ha and Rhee, 2011; RFC 9438 §4.10): slow start ends when the ACKs of a
//! round have come for half the shortest round trip, close behind each other, or when all round
//! trips of a round are longer than the shortest one.
//!
//! What is in flight comes back as ACKs at the pace of the bottleneck: a train of them that fills a
//! round trip, there and back, says that the window fills the path.

use super::super::AckSample;
use super::{Found, HyStart};
use crate::base::time::nanos;
use crate::base::{Duration, Instant, Seq};

/// Below so many segments slow start goes on, whatever is seen (`hystart_low_window`).
const LOW_WINDOW: u32 = 16;
/// ACKs of a train follow each other in this time (`hystart_ack_delta_us`).
const SPACING: Duration = Duration::from_millis(2);
/// So many samples of a round come before the one that tells.
const SAMPLES: u8 = 8;
/// Least and greatest growth of the round trip that counts.
const THRESH: (Duration, Duration) = (Duration::from_millis(4), Duration::from_millis(16));
/// Between them, an eighth of the shortest.
const DIVISOR: u32 = 8;
/// No round trip is shorter.
const TICK: Duration = Duration::from_micros(1);

/// One round: until what was sent before it began is acknowledged, and more.
#[derive(Copy, Clone, Debug)]
struct Round {
    /// SND.NXT when it began; `None`: it began with a timeout, and SND.NXT has not moved since.
    until: Option<Seq>,
    began: Instant,
    /// The last ACK of the train.
    last: Instant,
    /// The shortest round trip so far, ns; `u64::MAX`: none yet.
    least: u64,
    samples: u8,
}

impl Round {
    fn new(until: Option<Seq>, now: Instant) -> Round {
        Round { until, began: now, last: now, least: u64::MAX, samples: 0 }
    }
}

/// The rounds of slow start.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Original {
    round: Option<Round>,
    /// The shortest round trip since the beginning, or the last timeout.
    least: Option<Duration>,
    found: Option<Box<Found>>,
}

impl Original {
    /// An ACK tells a round trip: what it says of the path, when that ends slow start. `segments`:
    /// cwnd, in slow start.
    pub(in super::super) fn on_sample(
        &mut self,
        sample: &AckSample,
        segments: Option<u32>,
        how: HyStart,
    ) -> Option<Found> {
        let rtt = sample.newest_rtt?.max(TICK);
        let least = self.least.map_or(rtt, |least| least.min(rtt));
        self.least = Some(least);
        let segments = segments.filter(|_| self.found.is_none())?;
        let round = round_of(&mut self.round, sample);
        if segments < LOW_WINDOW {
            return None;
        }
        let train = round.train(sample, least).filter(|_| how != HyStart::Delay);
        let delay = round.delay(rtt, least).filter(|_| how != HyStart::Train);
        let found = train.or(delay);
        self.found = found.map(Box::new);
        found
    }

    /// The shortest round trip since the beginning, or the last timeout.
    pub(in super::super) fn least(&self) -> Option<Duration> {
        self.least
    }

    /// What ended slow start.
    pub(in super::super) fn found(&self) -> Option<Found> {
        self.found.as_deref().copied()
    }

    /// A timeout: nothing is known of the path any more.
    pub(in super::super) fn on_rto(&mut self, now: Instant) {
        *self = Original { round: Some(Round::new(None, now)), ..Original::default() };
    }
}

/// The round that this ACK belongs to: it begins one when it is the first to acknowledge something
/// that was sent in the last.
fn round_of<'a>(round: &'a mut Option<Round>, sample: &AckSample) -> &'a mut Round {
    let fresh = Round::new(Some(sample.nxt), sample.now);
    let round = round.get_or_insert(fresh);
    let until = *round.until.get_or_insert(sample.nxt);
    if sample.una.after(until) {
        *round = fresh;
    }
    round
}

impl Round {
    /// A train of ACKs that is too long: more than half the shortest round trip, but all of it
    /// where pacing has spread the segments over as much, and what super-segments hold ACKs up.
    fn train(&mut self, sample: &AckSample, least: Duration) -> Option<Found> {
        if sample.now.since(self.last) > SPACING {
            return None;
        }
        self.last = sample.now;
        let limit = least + sample.burst;
        let limit = if sample.paced { limit } else { limit / 2 };
        let train = sample.now.since(self.began);
        (train > limit).then_some(Found::Train { train, limit, least })
    }

    /// A round of longer round trips.
    fn delay(&mut self, rtt: Duration, least: Duration) -> Option<Found> {
        self.least = self.least.min(nanos(rtt));
        let rtt = Duration::from_nanos(self.least);
        if self.samples < SAMPLES {
            self.samples += 1;
            return None;
        }
        let limit = least + (least / DIVISOR).clamp(THRESH.0, THRESH.1);
        (rtt > limit).then_some(Found::Delay { rtt, limit, least })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::sample;
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// An ACK at `micros` of what was sent in round `round`, each of which sends 100 bytes.
    fn ack(micros: u64, round: u32, rtt: Duration) -> AckSample {
        let (una, nxt) = (Seq(round * 100 + 1), Seq(round * 100 + 100));
        let (now, newest_rtt) = (Instant::from_micros(micros), Some(rtt));
        AckSample { now, newest_rtt, una, nxt, ..sample(1_000) }
    }

    /// Rounds of 100 ms: one ACK, and then a train of ACKs 2 ms apart; when it is found too long.
    fn train(change: impl Fn(AckSample) -> AckSample) -> Option<Duration> {
        let mut hystart = Original::default();
        hystart.on_sample(&change(ack(0, 0, 100 * MS)), Some(16), HyStart::Train);
        let mut acks = (0..100).map(|n| change(ack(100_000 + n * 2_000, 1, 100 * MS)));
        acks.find_map(|ack| hystart.on_sample(&ack, Some(16), HyStart::Train)).map(|found| {
            assert_eq!(hystart.found(), Some(found));
            match found {
                Found::Train { train, .. } => train,
                Found::Delay { .. } => panic!("{found:?}"),
            }
        })
    }

    #[test]
    fn a_train_fills_half_a_round_trip_and_where_it_is_paced_all_of_it() {
        assert_eq!(train(|ack| ack), Some(52 * MS), "more than 50 ms");
        assert_eq!(train(|ack| AckSample { burst: 4 * MS, ..ack }), Some(54 * MS));
        assert_eq!(train(|ack| AckSample { paced: true, ..ack }), Some(102 * MS));
        let unknown = |ack| AckSample { newest_rtt: None, ..ack };
        assert_eq!(train(unknown), None, "no round trip, no train");
    }

    #[test]
    fn small_windows_and_congestion_avoidance_are_not_looked_at() {
        for segments in [None, Some(15)] {
            let mut hystart = Original::default();
            let acks = (0..100).map(|n| ack(n * 1_000, 0, 10 * MS));
            let found = acks.filter_map(|ack| hystart.on_sample(&ack, segments, HyStart::Both));
            assert_eq!(found.count(), 0, "{segments:?}");
            assert_eq!(hystart.least, Some(10 * MS), "the shortest round trip is learned");
        }
    }

    /// RTTs of one round after one of 40 ms.
    fn delay(rtts: impl Iterator<Item = u64>) -> Option<Found> {
        let mut hystart = Original::default();
        hystart.on_sample(&ack(0, 0, 40 * MS), Some(16), HyStart::Both);
        let mut acks = rtts.zip(1..).map(|(rtt, n)| {
            let rtt = Duration::from_micros(rtt);
            ack(40_000 + n * 3_000, 1, rtt)
        });
        acks.find_map(|ack| hystart.on_sample(&ack, Some(16), HyStart::Both))
    }

    #[test]
    fn nine_samples_tell_of_a_delay() {
        let (rtt, limit) = (Duration::from_micros(45_001), 45 * MS);
        let found = Found::Delay { rtt, limit, least: 40 * MS };
        assert_eq!(delay([45_001; 9].into_iter()), Some(found));
        assert_eq!(delay([45_001; 8].into_iter()), None);
        assert_eq!(delay([45_000; 20].into_iter()), None, "an eighth is not more than an eighth");
        assert_eq!(delay([50_000; 8].into_iter().chain([44_000; 9])), None, "it was noise");
    }

    /// A timeout begins a round, which what was sent before it does not end; its round trips are
    /// the first that are known.
    #[test]
    fn a_timeout_forgets_the_path() {
        let mut hystart = Original::default();
        hystart.on_sample(&ack(0, 0, 40 * MS), Some(16), HyStart::Both);
        hystart.on_rto(Instant::from_micros(300_000));
        let mut look = |n: u64, round| {
            hystart.on_sample(&ack(340_000 + n * 3_000, round, 80 * MS), Some(16), HyStart::Both)
        };
        assert!((0..20).all(|n| look(n, 0).is_none()));
        assert_eq!(hystart.round.map(|round| round.began), Some(Instant::from_micros(300_000)));
        assert_eq!(hystart.least, Some(80 * MS));
    }
}
