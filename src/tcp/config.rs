//! The knobs of a connection, each with its unit, its default (what Linux users expect) and the
//! value or range the RFC names.

use super::cc::Algorithm;
use crate::base::Duration;
use crate::wire::ip::{Discover, Mark};

/// Keep-alive (RFC 9293 §3.8.4): off unless a socket asks for it (MUST-25).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Keepalive {
    /// Silence before the first probe. Default 2 h (MUST-28: no less by default).
    pub idle: Duration,
    /// Time between probes. Default 75 s.
    pub interval: Duration,
    /// Unanswered probes that end the connection. Default 9.
    pub probes: u8,
}

impl Default for Keepalive {
    fn default() -> Keepalive {
        Keepalive { idle: Duration::from_secs(7_200), interval: Duration::from_secs(75), probes: 9 }
    }
}

/// Who asks for explicit congestion notification (RFC 3168).
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum Ecn {
    /// Nobody gets it.
    Off,
    /// We do, and whoever asks gets it.
    On,
    /// Whoever asks gets it.
    #[default]
    Passive,
}

/// What a silence leaves of cwnd.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum AfterIdle {
    /// All of it.
    Keep,
    /// Half for each RTO, down to the initial window (RFC 2861 §3; Linux).
    #[default]
    Decay,
    /// The initial window (RFC 5681 §4.1).
    Restart,
}

/// All knobs of a connection. `Config::default()` is what Linux users expect.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Config {
    /// Largest segment we ask the peer for, payload bytes; `None`: the interface MTU less 40 (60
    /// for IPv6) (RFC 9293 §3.7.1, MUST-67).
    pub mss: Option<u16>,
    /// Receive buffer, bytes, 2 KiB..=1 GiB. Default 1 MiB.
    pub recv_buffer: u32,
    /// Send buffer, bytes, 2 KiB..=1 GiB. Default 1 MiB.
    pub send_buffer: u32,
    /// Offer window scaling (RFC 7323 §2). Default on.
    pub window_scaling: bool,
    /// Offer timestamps (RFC 7323 §3). Default on.
    pub timestamps: bool,
    /// Offer SACK (RFC 2018). Default on.
    pub sack: bool,
    /// Report data received twice (D-SACK, RFC 2883). Default on; without SACK there is none.
    pub dsack: bool,
    /// Take for lost, by time, what was sent before something that has arrived (RACK, RFC 8985).
    /// Default on. Off, or without SACK: by counting (RFC 6675, RFC 6582).
    pub rack: bool,
    /// Probe for a lost tail instead of waiting for the RTO (TLP, RFC 8985 §7). Default on; needs
    /// SACK.
    pub tlp: bool,
    /// How long a peer may delay its ACK of a single segment, for the loss probe
    /// (TLP.max_ack_delay). Default 200 ms.
    pub tlp_ack_delay: Duration,
    /// Send by proportional rate reduction in recovery (RFC 9937). Default on. Off: as soon as
    /// `in flight` is below the reduced window.
    pub prr: bool,
    /// After a timeout, see whether it was too early before all is sent again (F-RTO, RFC 5682).
    /// Default on.
    pub frto: bool,
    /// Take back a reduction that was for nothing (Eifel, RFC 3522 and RFC 4015; D-SACK, RFC 3708).
    /// Default on.
    pub undo: bool,
    /// Duplicate ACKs that make a loss (DupThresh), 3..=300. Default 3 (RFC 5681 §3.2).
    pub reordering: u16,
    /// Nagle's algorithm (RFC 9293 §3.7.4, MUST-17: can be switched off). Default on.
    pub nagle: bool,
    /// Of Nagle's algorithm, Minshall's variant: only a small segment in flight holds back a small
    /// one. Default on, as Linux; RFC 9293 §3.7.4: anything in flight does.
    pub minshall: bool,
    /// Super-segments hold a millisecond's worth at the rate the window allows, two segments at
    /// least, as Linux (`tcp_min_tso_segs`); off: as much as the device takes. Default on.
    pub tso_autosize: bool,
    /// Every super-segment carries PSH, so that receivers need not wait for more to merge with it,
    /// as Linux. Default on; RFC 9293 §3.9.1.2 asks for it where the sender's data ends.
    pub push_bursts: bool,
    /// RTO before the first sample. Default 1 s (RFC 6298 §2.1: 1 s).
    pub rto_initial: Duration,
    /// Lower bound of the RTO. Default 200 ms (RFC 6298 §2.4: SHOULD be 1 s).
    pub rto_min: Duration,
    /// Upper bound of the RTO. Default 120 s (RFC 6298 §2.5: at least 60 s).
    pub rto_max: Duration,
    /// RTO for data when a SYN was lost and timestamps are off: 3 s (RFC 6298 §5.7).
    pub rto_after_syn_loss: Duration,
    /// Retransmissions of a SYN before giving up (R2 for SYN). Default 6: 127 s
    /// (RFC 9293 §3.8.3, MUST-23: at least 3 minutes; see ADR 0008).
    pub syn_retries: u8,
    /// Retransmissions of a SYN-ACK before giving up. Default 5: 63 s.
    pub synack_retries: u8,
    /// R1: retransmissions after which the network layer is told. Default 3 (SHLD-10: at least 3).
    pub retries1: u8,
    /// R2: retransmissions after which the connection ends. Default 15: 924 s (SHLD-11: ≥ 100 s).
    pub retries2: u8,
    /// Longest delay of an ACK; zero: none waits. Default 40 ms (RFC 9293 §3.8.6.3, MUST-40: below
    /// 500 ms).
    pub delayed_ack: Duration,
    /// Wait before a segment smaller than silly-window avoidance likes is sent all the same.
    /// Default 200 ms (RFC 9293 §3.8.6.2.1, SHLD-28: 0.1 to 1 s).
    pub sws_override: Duration,
    /// Longest time between window probes. Default 120 s.
    pub probe_max: Duration,
    /// Keep-alive, if wanted.
    pub keepalive: Option<Keepalive>,
    /// Longest time data may stay unacknowledged (RFC 9293 §3.9.1.8, SHLD-25); `None`: R2 decides.
    pub user_timeout: Option<Duration>,
    /// Time in TIME-WAIT. Default 60 s (RFC 9293 §3.4.2: 2 MSL = 4 min).
    pub time_wait: Duration,
    /// How long an orphan waits in FIN-WAIT-2 for the peer's FIN. Default 60 s.
    pub fin_wait2: Duration,
    /// Initial window in segments. Default 10 (RFC 6928; RFC 5681 §3.1: 2 to 4).
    pub initial_window: u8,
    /// Least time between two challenge ACKs of a connection, and between two ACKs that answer
    /// unacceptable segments without data. Default 500 ms (RFC 5961 §7 asks for a limit).
    pub challenge_interval: Duration,
    /// Out-of-order pieces a connection holds. Default 1024.
    pub reassembly_pieces: u16,
    /// Smallest segment size taken from a peer's MSS option, bytes. Default 48 (as Linux).
    pub min_mss: u16,
    /// The congestion control algorithm; read from its name (`TCP_CONGESTION`). Default `cubic`.
    pub congestion: Algorithm,
    /// Explicit congestion notification. Default `passive` (Linux: `tcp_ecn` 2; `on` is 1, `off`
    /// 0). An algorithm that lives by it asks for it anyhow.
    pub ecn: Ecn,
    /// Send evenly over the round trip, in bursts of a millisecond. Default off; an algorithm may
    /// ask for it.
    pub pacing: bool,
    /// What becomes of cwnd when sending resumes after a silence longer than the RTO. Default
    /// `decay` (Linux: `tcp_slow_start_after_idle`; RFC 5681 §4.1 asks for `restart`).
    pub after_idle: AfterIdle,
    /// Hops and traffic class of the packets; the two bits of ECN are TCP's own.
    pub mark: Mark,
    /// Path MTU discovery (RFC 1191, RFC 8201; `IP_MTU_DISCOVER`). Default `Want`: no router may
    /// cut a packet, and what one says of its next link is believed. `Do` is the same for TCP;
    /// `Dont` lets routers of IPv4 cut; `Probe` believes nobody.
    pub mtu_discover: Discover,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            mss: None,
            recv_buffer: 1 << 20,
            send_buffer: 1 << 20,
            window_scaling: true,
            timestamps: true,
            sack: true,
            dsack: true,
            rack: true,
            tlp: true,
            tlp_ack_delay: Duration::from_millis(200),
            prr: true,
            frto: true,
            undo: true,
            reordering: 3,
            nagle: true,
            minshall: true,
            tso_autosize: true,
            push_bursts: true,
            rto_initial: Duration::from_secs(1),
            rto_min: Duration::from_millis(200),
            rto_max: Duration::from_secs(120),
            rto_after_syn_loss: Duration::from_secs(3),
            syn_retries: 6,
            synack_retries: 5,
            retries1: 3,
            retries2: 15,
            delayed_ack: Duration::from_millis(40),
            sws_override: Duration::from_millis(200),
            probe_max: Duration::from_secs(120),
            keepalive: None,
            user_timeout: None,
            time_wait: Duration::from_secs(60),
            fin_wait2: Duration::from_secs(60),
            initial_window: 10,
            challenge_interval: Duration::from_millis(500),
            reassembly_pieces: 1024,
            min_mss: 48,
            congestion: Algorithm::CUBIC,
            ecn: Ecn::Passive,
            pacing: false,
            after_idle: AfterIdle::Decay,
            mark: Mark::default(),
            mtu_discover: Discover::Want,
        }
    }
}

impl Config {
    /// What segments ask of IP: the bits of ECN are not the user's (RFC 3168 §6.1).
    pub fn segment_mark(&self) -> Mark {
        Mark { tos: self.mark.tos & 0xfc, ..self.mark }
    }

    /// Whether packets of IPv4 forbid routers to fragment them.
    pub fn may_not_be_cut(&self) -> bool {
        self.mtu_discover != Discover::Dont
    }

    /// The window scale to offer: the smallest shift that lets 16 bits cover the receive buffer
    /// (RFC 7323 §2.3: at most 14).
    pub fn wscale(&self) -> u8 {
        (0..14).find(|shift| self.recv_buffer >> shift <= 0xffff).unwrap_or(14)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_scale_covers_the_buffer() {
        for (recv_buffer, shift) in [(0, 0), (65_535, 0), (65_536, 1), (1 << 20, 5), (1 << 30, 14)]
        {
            assert_eq!(Config { recv_buffer, ..Config::default() }.wscale(), shift);
        }
    }
}
