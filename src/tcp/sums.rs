//! What a connection counts for `tcp_info`: segments, bytes, and the time that each limit took.

use super::event::Blocked;
use crate::base::Instant;

/// Sums for `tcp_info`.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// Payload bytes sent, repetitions included.
    pub bytes_sent: u64,
    /// Payload bytes sent again.
    pub bytes_retrans: u64,
    /// Payload bytes acknowledged.
    pub bytes_acked: u64,
    /// Payload bytes received in order.
    pub bytes_received: u64,
    /// Segments sent.
    pub segs_out: u32,
    /// Segments received.
    pub segs_in: u32,
    /// Segments with data sent.
    pub data_segs_out: u32,
    /// Segments with data received.
    pub data_segs_in: u32,
    /// Segments sent again.
    pub total_retrans: u32,
    /// Segments received out of order.
    pub rcv_ooopack: u32,
    /// Reports that the peer received something twice.
    pub dsack_dups: u32,
    /// Segments delivered that the network had marked.
    pub delivered_ce: u32,
}

/// Which limit held sending back, for how long.
#[derive(Clone, Debug)]
pub struct Chrono {
    /// What holds sending back.
    pub blocked: Blocked,
    /// Whether data was queued or in flight.
    pub busy: bool,
    /// Since when.
    pub since: Instant,
    /// Time busy, nanoseconds.
    pub busy_time: u64,
    /// Time held back by the peer's window, nanoseconds.
    pub rwnd_limited: u64,
    /// Time held back by cwnd, nanoseconds.
    pub cwnd_limited: u64,
}

impl Chrono {
    /// Accounts the time since the last switch under the old limit.
    pub fn switch(&mut self, blocked: Blocked, busy: bool, now: Instant) {
        let spent = now.since(self.since).as_nanos() as u64;
        if self.busy {
            self.busy_time += spent;
            match self.blocked {
                Blocked::Rwnd | Blocked::Sws => self.rwnd_limited += spent,
                Blocked::Cwnd => self.cwnd_limited += spent,
                _ => {}
            }
        }
        (self.blocked, self.busy, self.since) = (blocked, busy, now);
    }
}
