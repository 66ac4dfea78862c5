//! Congestion control: what an algorithm sees and answers.
//!
//! An algorithm sees samples, never the connection. Everything is bytes and integers, so that
//! traces are equal on every machine. Loss *recovery* (what to retransmit) is `recovery.rs`'s
//! question; an algorithm only says how much may be in flight.

mod newreno;

pub use newreno::NewReno;

use crate::base::{Duration, Instant};
use std::fmt::{self, Debug};
use std::str::FromStr;

/// What an acknowledgment of new data tells.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct AckSample {
    /// When it arrived.
    pub now: Instant,
    /// Bytes newly acknowledged.
    pub acked: u32,
    /// Bytes delivered between the sending of the newest acknowledged segment and now.
    pub delivered: u64,
    /// The time that delivery took.
    pub interval: Duration,
    /// The round trip measured, if any.
    pub rtt: Option<Duration>,
    /// Bytes in flight when the newest acknowledged segment was sent.
    pub in_flight_at_send: u32,
    /// Bytes in flight after this acknowledgment.
    pub in_flight: u32,
    /// Whether the application, not the window, limited what was in flight then.
    pub app_limited: bool,
    /// Bytes reported as marked by the network (ECN).
    pub ce: u32,
}

/// A congestion control algorithm. One value per connection.
pub trait CongestionControl: Debug + Send {
    /// The name by which sockets choose it and `ss` shows it.
    fn name(&self) -> &'static str;
    /// How many bytes may be in flight.
    fn cwnd(&self) -> u32;
    /// The slow-start threshold in bytes; `u32::MAX` before the first loss.
    fn ssthresh(&self) -> u32;
    /// Bytes per second to pace at; `None`: no pacing.
    fn pacing_rate(&self) -> Option<u64> {
        None
    }
    /// `bytes` were sent with `in_flight` bytes in flight before them.
    fn on_send(&mut self, _now: Instant, _bytes: u32, _in_flight: u32) {}
    /// New data was acknowledged outside of fast recovery.
    fn on_ack(&mut self, sample: &AckSample);
    /// A loss was detected with `in_flight` bytes outstanding: fast recovery begins.
    fn on_loss(&mut self, now: Instant, in_flight: u32);
    /// Fast recovery ended with `in_flight` bytes outstanding.
    fn on_recovered(&mut self, now: Instant, in_flight: u32);
    /// The retransmission timer expired; `first` for this loss, with `in_flight` bytes outstanding.
    fn on_rto(&mut self, now: Instant, in_flight: u32, first: bool);
    /// The last reduction was for nothing: back to what was before, if that is more than now.
    fn undo(&mut self, _now: Instant) {}
    /// The peer echoed a congestion mark.
    fn on_ecn(&mut self, now: Instant, in_flight: u32) {
        self.on_loss(now, in_flight);
    }
    /// Sending resumes after a silence longer than the RTO (RFC 5681 §4.1).
    fn on_idle(&mut self, now: Instant);
    /// The segment size changed.
    fn on_mss(&mut self, smss: u32);
}

/// The initial window in bytes (RFC 6928 §2): `segments` segments; when they are large, as many as
/// 1460 bytes each would make, but two. Never none, or nothing would ever be sent.
pub fn initial_window(smss: u32, segments: u8) -> u32 {
    let n = u32::from(segments.max(1));
    (n * smss).min((2 * smss).max(n * 1460))
}

/// The algorithms that a connection can have.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum Algorithm {
    /// RFC 5681 and RFC 6582.
    #[default]
    NewReno,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 1] = [Algorithm::NewReno];

    /// The name by which sockets choose it and `ss` shows it.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::NewReno => "newreno",
        }
    }

    /// Makes it, for a connection with segments of `smss` bytes and the initial window `iw` bytes.
    pub fn make(self, smss: u32, iw: u32) -> Box<dyn CongestionControl> {
        match self {
            Algorithm::NewReno => Box::new(NewReno::new(smss, iw)),
        }
    }
}

/// There is no algorithm of that name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownAlgorithm(String);

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Algorithm::ALL.map(Algorithm::name).join(", ");
        write!(f, "there is no congestion control \"{}\": choose from {names}", self.0)
    }
}

impl std::error::Error for UnknownAlgorithm {}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Algorithm, UnknownAlgorithm> {
        let found = Algorithm::ALL.into_iter().find(|known| known.name() == name);
        found.ok_or_else(|| UnknownAlgorithm(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_6928_initial_windows() {
        assert_eq!(initial_window(1460, 10), 14_600);
        assert_eq!(initial_window(536, 10), 5_360);
        assert_eq!(initial_window(8_960, 10), 17_920);
        assert_eq!((initial_window(1_000, 1), initial_window(1_000, 0)), (1_000, 1_000));
    }

    #[test]
    fn algorithms_have_names_and_others_are_none() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
            let made = algorithm.make(1460, 14_600);
            assert_eq!((made.name(), made.cwnd()), (algorithm.name(), 14_600));
        }
        let error = "vegas".parse::<Algorithm>().unwrap_err().to_string();
        assert_eq!(error, "there is no congestion control \"vegas\": choose from newreno");
    }
}
