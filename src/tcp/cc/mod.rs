//! Congestion control: what an algorithm sees and answers.
//!
//! An algorithm sees samples, never the connection. Everything is bytes and integers, so that
//! traces are equal on every machine. Loss *recovery* (what to retransmit) is not its question; an
//! algorithm only says how much may be in flight.
//!
//! One of your own implements [`CongestionControl`], is registered once, and then is chosen by its
//! name wherever one is: `TcpStream::set_congestion`, [`Config::congestion`](super::Config), `--tcp
//! congestion=`, lab files, and `TCP_CONGESTION` in packetdrill scripts.
//!
//! ```
//! use netglass::base::{Duration, Instant};
//! use netglass::tcp::cc::{AckSample, Algorithm, CongestionControl, Timeout};
//!
//! /// A window that never changes.
//! #[derive(Debug)]
//! struct Fixed(u32);
//!
//! impl CongestionControl for Fixed {
//!     fn name(&self) -> &'static str { "fixed" }
//!     fn cwnd(&self) -> u32 { self.0 }
//!     fn ssthresh(&self) -> u32 { self.0 }
//!     fn take_over(&mut self, _cwnd: u32, _ssthresh: u32) {}
//!     fn on_ack(&mut self, _sample: &AckSample) {}
//!     fn on_loss(&mut self, _now: Instant, _in_flight: u32) {}
//!     fn on_recovered(&mut self, _now: Instant, _in_flight: u32) {}
//!     fn on_rto(&mut self, _now: Instant, _in_flight: u32, _timeout: Timeout) {}
//!     fn on_idle(&mut self, _now: Instant, _idle: Duration, _rto: Duration) {}
//!     fn on_mss(&mut self, smss: u32) { self.0 = 20 * smss }
//! }
//!
//! let fixed = Algorithm::register("fixed", |smss, _iw| Box::new(Fixed(20 * smss))).unwrap();
//! assert_eq!("fixed".parse(), Ok(fixed));
//! ```

mod algorithm;
mod cubic;
mod dctcp;
mod hystart;
mod newreno;
mod reno;
mod window;

pub use algorithm::{Algorithm, Make, NameTaken, UnknownAlgorithm};
pub use cubic::Cubic;
pub use dctcp::Dctcp;
pub use hystart::{Found, HyStart};
pub use newreno::NewReno;
pub use reno::Reno;
pub use window::Window;

use crate::base::{Duration, Instant, Seq};
use std::fmt::Debug;

/// What an ACK tells that reports something as delivered, by SEG.ACK or by SACK.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct AckSample {
    /// When it arrived.
    pub now: Instant,
    /// Bytes it newly reports as delivered.
    pub acked: u32,
    /// Bytes delivered between the sending of the newest of them and now.
    pub delivered: u64,
    /// The time that took: on the way out or on the way back, whichever is longer. Zero when that
    /// is too short to tell a rate.
    pub interval: Duration,
    /// The round trip measured, if any: that of the oldest of them.
    pub rtt: Option<Duration>,
    /// The round trip of the newest of them, which no delay of ACKs has made longer.
    pub newest_rtt: Option<Duration>,
    /// SND.UNA after it.
    pub una: Seq,
    /// SND.NXT then.
    pub nxt: Seq,
    /// For how long devices may hold segments or ACKs together: four super-segments at the rate of
    /// sending, a millisecond at most.
    pub burst: Duration,
    /// Whether sending is paced.
    pub paced: bool,
    /// Bytes in flight when the newest of them was sent.
    pub in_flight_at_send: u32,
    /// Bytes in flight after this acknowledgment.
    pub in_flight: u32,
    /// Whether the window was not used when this was sent: then it must not grow (RFC 7661).
    pub app_limited: bool,
    /// Whether the application had run dry when this was sent: the rate is the application's.
    pub rate_app_limited: bool,
    /// Bytes of `acked` that the network had marked, as far as the peer says (ECN).
    pub ce: u32,
}

/// What an algorithm makes of explicit congestion notification.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum EcnUse {
    /// Nothing: it is not negotiated.
    None,
    /// A mark counts as a loss does, once per round trip (RFC 3168).
    Classic,
    /// Every mark counts: the peer is to echo each (RFC 8257).
    Dctcp,
}

/// A congestion control algorithm. One value per connection.
pub trait CongestionControl: Debug + Send {
    /// The name by which sockets choose it and `ss` shows it.
    fn name(&self) -> &'static str;
    /// How many bytes may be in flight. Less than a segment counts as one, or nothing would ever
    /// be sent.
    fn cwnd(&self) -> u32;
    /// The slow-start threshold in bytes; `u32::MAX` before the first loss.
    fn ssthresh(&self) -> u32;
    /// Bytes per second to pace at; `None`: it does not ask for pacing.
    fn pacing_rate(&self) -> Option<u64> {
        None
    }
    /// What it makes of explicit congestion notification.
    fn ecn(&self) -> EcnUse {
        EcnUse::Classic
    }
    /// Whether it is in slow start and goes slower than that, because a queue may be building up
    /// (RFC 9406).
    fn is_conservative(&self) -> bool {
        false
    }
    /// Why slow start ended before a loss, if it did (HyStart).
    fn found(&self) -> Option<Found> {
        None
    }
    /// What is to end slow start before a loss does.
    fn end_slow_start(&mut self, _how: HyStart) {}
    /// It takes over a connection that goes on with this cwnd and ssthresh.
    fn take_over(&mut self, cwnd: u32, ssthresh: u32);
    /// `bytes` were sent with `in_flight` bytes in flight before them.
    fn on_send(&mut self, _now: Instant, _bytes: u32, _in_flight: u32) {}
    /// An ACK reports something as delivered, in recovery too; before everything else it tells.
    fn on_sample(&mut self, _sample: &AckSample) {}
    /// New data was acknowledged outside of fast recovery: the window may grow.
    fn on_ack(&mut self, sample: &AckSample);
    /// A loss was detected with `in_flight` bytes outstanding: fast recovery begins.
    fn on_loss(&mut self, now: Instant, in_flight: u32);
    /// Fast recovery ended with `in_flight` bytes outstanding.
    fn on_recovered(&mut self, now: Instant, in_flight: u32);
    /// The retransmission timer expired with `in_flight` bytes outstanding.
    fn on_rto(&mut self, now: Instant, in_flight: u32, timeout: Timeout);
    /// The last reduction was for nothing: back to what was before, if that is more than now.
    fn undo(&mut self, _now: Instant) {}
    /// The peer echoed a congestion mark, for the first time in a round trip.
    fn on_ecn(&mut self, now: Instant, in_flight: u32) {
        self.on_loss(now, in_flight);
    }
    /// Sending resumes after a silence of `idle`, longer than `rto` (RFC 5681 §4.1).
    fn on_idle(&mut self, now: Instant, idle: Duration, rto: Duration);
    /// For an RTO no more than `used` bytes of the window were used, though data was sent.
    fn on_unused(&mut self, _used: u32) {}
    /// Windows are to come down by whole segments.
    fn count_segments(&mut self) {}
    /// The segment size changed.
    fn on_mss(&mut self, smss: u32);
}

/// What a retransmission timeout means for the window.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Timeout {
    /// The first for this data: the threshold comes down.
    First,
    /// The first for this data, for which the window has come down already: it was being recovered.
    InRecovery,
    /// One more for the same data.
    Again,
}

/// The initial window in bytes (RFC 6928 §2): `segments` segments; when they are large, as many as
/// 1460 bytes each would make, but two. Never none, or nothing would ever be sent.
// Rules: 6928-2-1.
pub fn initial_window(smss: u32, segments: u8) -> u32 {
    let n = u32::from(segments.max(1));
    (n * smss).min((2 * smss).max(n * 1460))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An ACK of `acked` bytes.
    pub(in crate::tcp) fn sample(acked: u32) -> AckSample {
        AckSample {
            now: Instant::ZERO,
            acked,
            delivered: 0,
            interval: Duration::ZERO,
            rtt: None,
            newest_rtt: None,
            una: Seq(0),
            nxt: Seq(0),
            burst: Duration::ZERO,
            paced: false,
            in_flight_at_send: 0,
            in_flight: 0,
            app_limited: false,
            rate_app_limited: false,
            ce: 0,
        }
    }

    // Rules: 6928-2-1.
    #[test]
    fn rfc_6928_initial_windows() {
        assert_eq!(initial_window(1460, 10), 14_600);
        assert_eq!(initial_window(536, 10), 5_360);
        assert_eq!(initial_window(8_960, 10), 17_920);
        assert_eq!((initial_window(1_000, 1), initial_window(1_000, 0)), (1_000, 1_000));
    }

    /// Whatever the algorithm: what every connection relies on.
    // Rules: 5681-3.1-3, 5681-3.1-7, 8257-3.4-1, 9438-4.6-2, 9438-4.9.1-1.
    #[test]
    fn every_algorithm_keeps_the_rules_all_share() {
        for algorithm in Algorithm::ALL {
            let made = || algorithm.make(1_000, 10_000);
            let mut cc = made();
            assert_eq!((cc.cwnd(), cc.ssthresh()), (10_000, u32::MAX), "{algorithm}");
            cc.on_loss(Instant::ZERO, 10_000);
            assert!(cc.cwnd() < 10_000 && cc.ssthresh() == cc.cwnd(), "{algorithm} gives way");
            cc.undo(Instant::ZERO);
            assert_eq!((cc.cwnd(), cc.ssthresh()), (10_000, u32::MAX), "{algorithm} takes it back");
            cc.on_rto(Instant::ZERO, 10_000, Timeout::First);
            assert_eq!(cc.cwnd(), 1_000, "{algorithm} starts again");
            let threshold = cc.ssthresh();
            cc.on_rto(Instant::ZERO, 1_000, Timeout::Again);
            assert_eq!((cc.cwnd(), cc.ssthresh()), (1_000, threshold), "{algorithm}: once");
            let mut cc = made();
            for _ in 0..20 {
                cc.on_loss(Instant::ZERO, cc.cwnd());
            }
            assert_eq!(cc.ssthresh(), 2_000, "{algorithm}: never below two segments");
            let mut cc = made();
            cc.on_ack(&AckSample { app_limited: true, ..sample(10_000) });
            assert_eq!(cc.cwnd(), 10_000, "{algorithm}: what is not used does not grow");
            cc.take_over(50_000, 40_000);
            assert_eq!((cc.cwnd(), cc.ssthresh()), (50_000, 40_000), "{algorithm} goes on");
            cc.on_idle(Instant::ZERO, Duration::from_secs(10), Duration::from_secs(1));
            assert_eq!(cc.cwnd(), 10_000, "{algorithm}: not below the initial window");
        }
    }
}
