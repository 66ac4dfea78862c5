//! How fast the path delivers: samples of the delivery rate, one for each ACK that tells of
//! something delivered (draft-cheng-iccrg-delivery-rate-estimation).

use super::rtxq::{Sent, Stamp};
use crate::base::{Duration, Instant};

/// What a connection counts.
#[derive(Clone, Debug, Default)]
pub struct Rate {
    /// Bytes delivered so far (C.delivered).
    delivered: u64,
    /// When that last grew (C.delivered_time).
    delivered_at: Instant,
    /// When the newest segment that was delivered had been sent, or the first after a silence
    /// (C.first_sent_time).
    first_sent_at: Instant,
    /// What must be delivered until the application's idleness is out of the pipe; 0: it has not
    /// been idle (C.app_limited).
    app_limited: u64,
}

/// A sample.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Sample {
    /// Bytes delivered.
    pub delivered: u64,
    /// In this time; zero when it is too short to tell anything.
    pub interval: Duration,
    /// The application had run dry before.
    pub app_limited: bool,
}

impl Rate {
    /// Before the first data the application had none.
    pub fn new() -> Rate {
        Rate { app_limited: 1, ..Rate::default() }
    }

    /// Bytes delivered so far.
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Something is sent; `alone`: nothing else is in flight.
    pub fn on_send(&mut self, now: Instant, alone: bool) -> Stamp {
        if alone {
            (self.delivered_at, self.first_sent_at) = (now, now);
        }
        Stamp {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            app_limited: self.app_limited > 0,
        }
    }

    /// The application has nothing more to send, though there is room, with `in_flight` bytes under
    /// way.
    pub fn on_app_limited(&mut self, in_flight: u32) {
        self.app_limited = (self.delivered + u64::from(in_flight)).max(1);
    }

    /// An ACK tells that `bytes` were delivered, the newest of them by `newest`. `min_rtt`: the
    /// smallest round trip known, in which no two ACKs can tell anything of a rate.
    pub fn on_delivered(
        &mut self,
        bytes: u32,
        newest: Option<&Sent>,
        min_rtt: Duration,
        now: Instant,
    ) -> Sample {
        self.delivered += u64::from(bytes);
        self.delivered_at = now;
        if self.delivered > self.app_limited {
            self.app_limited = 0;
        }
        let Some(Sent { stamp, sent_at, .. }) = newest else { return Sample::default() };
        self.first_sent_at = *sent_at;
        let out = sent_at.since(stamp.first_sent_at);
        let interval = out.max(now.since(stamp.delivered_at));
        Sample {
            delivered: self.delivered - stamp.delivered,
            interval: if interval < min_rtt { Duration::ZERO } else { interval },
            app_limited: stamp.app_limited,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seq;

    const RTT: Duration = Duration::from_millis(100);

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    fn sent(rate: &mut Rate, ms: u64, alone: bool) -> Sent {
        let stamp = rate.on_send(at(ms), alone);
        let (seq, len, in_flight) = (Seq(0), 1_000, 1_000);
        let (mss, phase, retransmits) = (1_000, 0, 0);
        let (sent_at, sacked, lost, twice, push) = (at(ms), false, false, false, false);
        Sent {
            seq,
            len,
            mss,
            phase,
            sent_at,
            stamp,
            in_flight,
            retransmits,
            sacked,
            lost,
            twice,
            push,
            fin: false,
        }
    }

    /// Ten segments, one each 10 ms: 100 KB/s. Their ACKs come at once, as if the way back had
    /// held them up: the way out still tells the rate.
    #[test]
    fn squeezed_acks_do_not_make_a_fast_path() {
        let mut rate = Rate::default();
        let flight: Vec<_> = (0..11).map(|n| sent(&mut rate, n * 10, n == 0)).collect();
        rate.on_delivered(1_000, Some(&flight[0]), RTT, at(200));
        let flight: Vec<_> = (0..11).map(|n| sent(&mut rate, 200 + n * 10, false)).collect();
        let mut last = Sample::default();
        for sent in &flight {
            last = rate.on_delivered(1_000, Some(sent), RTT, at(400));
        }
        assert_eq!((last.delivered, last.interval), (11_000, Duration::from_millis(300)));
        assert!(!last.app_limited);
    }

    #[test]
    fn a_bubble_of_the_application_lasts_until_it_is_delivered() {
        let mut rate = Rate::default();
        let before = sent(&mut rate, 0, true);
        rate.on_app_limited(1_000);
        let during = sent(&mut rate, 50, false);
        assert!(!rate.on_delivered(1_000, Some(&before), RTT, at(100)).app_limited);
        assert!(rate.on_delivered(1_000, Some(&during), RTT, at(150)).app_limited);
        let after = sent(&mut rate, 150, true);
        let sample = rate.on_delivered(1_000, Some(&after), RTT, at(250));
        assert_eq!((sample.app_limited, sample.delivered, sample.interval), (false, 1_000, RTT));
    }

    #[test]
    fn less_than_a_round_trip_tells_nothing() {
        let mut rate = Rate::default();
        let one = sent(&mut rate, 0, true);
        assert_eq!(rate.on_delivered(1_000, Some(&one), RTT, at(99)).interval, Duration::ZERO);
        assert_eq!(rate.on_delivered(1_000, None, RTT, at(99)), Sample::default());
    }
}
