//! What is measured for `tcp_info` alone: nothing here decides what is sent.

use super::cc::AckSample;
use super::segment::Segment;
use super::tcb::Tcb;
use crate::base::{Duration, Instant};

/// An echo older than this is the peer's mistake, not a round trip, milliseconds.
const ECHO_MAX: u32 = 1 << 20;

/// Measurements of a connection.
#[derive(Clone, Debug)]
pub struct Measured {
    /// When data last arrived, milliseconds that wrap.
    data_recv: u32,
    /// When an acceptable ACK last arrived, milliseconds that wrap.
    ack_recv: u32,
    /// The round trip as the receiver of data sees it, smoothed, microseconds; 0: not yet.
    pub rcv_rtt: u32,
    /// The echo that was measured last: one sample for each of our timestamps.
    echo: u32,
    /// Bytes delivered in the newest sample that tells the rate.
    rate_bytes: u32,
    /// The time that took, microseconds.
    rate_micros: u32,
    /// Whether the application, not the network, set that rate.
    pub rate_app_limited: bool,
}

impl Measured {
    /// Nothing yet.
    pub(super) fn new(now: Instant) -> Measured {
        let now = now.as_millis() as u32;
        Measured {
            data_recv: now,
            ack_recv: now,
            rcv_rtt: 0,
            echo: 0,
            rate_bytes: 0,
            rate_micros: 0,
            rate_app_limited: false,
        }
    }

    /// Milliseconds since data last arrived.
    pub fn since_data(&self, now: Instant) -> u32 {
        (now.as_millis() as u32).wrapping_sub(self.data_recv)
    }

    /// Milliseconds since an acceptable ACK last arrived.
    pub fn since_ack(&self, now: Instant) -> u32 {
        (now.as_millis() as u32).wrapping_sub(self.ack_recv)
    }

    /// The handshake is complete: data is waited for since then.
    pub(super) fn on_established(&mut self, now: Instant) {
        self.data_recv = now.as_millis() as u32;
    }

    /// An acceptable ACK arrived.
    pub(super) fn on_ack(&mut self, now: Instant) {
        self.ack_recv = now.as_millis() as u32;
    }

    /// The rate at which the peer last took data, bytes per second; 0: not known.
    pub fn delivery_rate(&self) -> u64 {
        let (bytes, micros) = (u64::from(self.rate_bytes), u64::from(self.rate_micros));
        (bytes * 1_000_000).checked_div(micros).unwrap_or(0)
    }

    /// New data was acknowledged. What the application slowed down tells the rate only when it is
    /// the fastest yet.
    pub(super) fn on_sample(&mut self, sample: &AckSample) {
        let micros = u32::try_from(sample.interval.as_micros()).unwrap_or(u32::MAX);
        let bytes = u32::try_from(sample.delivered).unwrap_or(u32::MAX);
        if micros == 0 || bytes == 0 {
            return;
        }
        let rate = u64::from(bytes) * 1_000_000 / u64::from(micros);
        if !sample.rate_app_limited || rate >= self.delivery_rate() {
            (self.rate_bytes, self.rate_micros) = (bytes, micros);
            self.rate_app_limited = sample.rate_app_limited;
        }
    }
}

/// A segment with data arrived: a full one that answers a timestamp of ours ends a round trip.
pub(super) fn on_data(tcb: &mut Tcb, seg: &Segment, now: Instant) {
    tcb.measured.data_recv = now.as_millis() as u32;
    let (Some(ts), Some(_)) = (seg.hdr.options.ts, &tcb.ts) else { return };
    let full = seg.payload.len() as u32 >= tcb.rcv.mss_seen;
    if !full || ts.ecr == 0 || ts.ecr == tcb.measured.echo {
        return;
    }
    tcb.measured.echo = ts.ecr;
    let age = tcb.ts_now(now).wrapping_sub(ts.ecr);
    if age < ECHO_MAX {
        let sample = Duration::from_millis(u64::from(age).max(1)).as_micros() as u64;
        let smoothed = match u64::from(tcb.measured.rcv_rtt) {
            0 => sample,
            old => (7 * old + sample) / 8,
        };
        tcb.measured.rcv_rtt = smoothed as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(delivered: u64, millis: u64, rate_app_limited: bool) -> AckSample {
        let interval = Duration::from_millis(millis);
        let none = crate::tcp::cc::tests::sample(0);
        AckSample { delivered, interval, rate_app_limited, ..none }
    }

    #[test]
    fn a_lazy_application_does_not_lower_the_rate() {
        let mut measured = Measured::new(Instant::ZERO);
        assert_eq!(measured.delivery_rate(), 0);
        measured.on_sample(&sample(1000, 0, false));
        assert_eq!(measured.delivery_rate(), 0, "no time, no rate");
        measured.on_sample(&sample(10_000, 100, false));
        assert_eq!((measured.delivery_rate(), measured.rate_app_limited), (100_000, false));
        measured.on_sample(&sample(10, 100, true));
        assert_eq!(measured.delivery_rate(), 100_000);
        measured.on_sample(&sample(20_000, 100, true));
        assert_eq!((measured.delivery_rate(), measured.rate_app_limited), (200_000, true));
        measured.on_sample(&sample(1_000, 100, false));
        assert_eq!((measured.delivery_rate(), measured.rate_app_limited), (10_000, false));
    }
}
