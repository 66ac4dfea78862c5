//! What a connection counts for `tcp_info`: segments, bytes, and the time that each limit took.

use super::batches::Batches;
use super::event::Blocked;
use super::fastopen::Fast;
use crate::base::{Instant, Limit, Seq};
use std::collections::VecDeque;

/// Sums for `tcp_info`.
#[derive(Debug, Default)]
pub struct Counters {
    /// Payload bytes sent, repetitions included.
    pub bytes_sent: u64,
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
    /// Segments delivered to the peer, the SYN included.
    pub delivered: u32,
    /// What few connections have.
    pub rare: Option<Box<Rare>>,
}

/// Sums that most connections never begin, and what else few have.
#[derive(Debug, Default)]
pub struct Rare {
    /// Payload bytes sent again.
    pub bytes_retrans: u64,
    /// What the path was, while it is narrower.
    pub wide: Option<super::pmtu::Wide>,
    /// Segments received out of order.
    pub rcv_ooopack: u32,
    /// Reports that the peer received something twice.
    pub dsack_dups: u32,
    /// Segments delivered that the network had marked.
    pub delivered_ce: u32,
    /// Timeouts of the retransmission timer.
    pub rto: u16,
    /// How often a timeout began what ended with everything being acknowledged that was sent
    /// before it.
    pub recoveries: u16,
    /// The time that took, milliseconds.
    time: u32,
    /// When the one that goes on began.
    since: Option<Instant>,
    /// When the first of the timeouts in a row was, that had no ACK since.
    pub first: Option<Instant>,
    /// The application was told that the send buffer is full, and has written nothing since.
    full: bool,
    /// Time held back by the peer's window, by cwnd, and by the send buffer, nanoseconds.
    pub held: Held,
    /// The user timeout that the peer told, as it did (RFC 5482).
    pub uto: Option<u16>,
    /// The limit of its user's that the connection has hit: the reason for what ends it.
    pub limit: Option<Limit>,
    /// Where records end whose segments are no others' (`MSG_EOR`), the next first.
    pub records: VecDeque<Seq>,
    /// What is queued for sending, as Linux queues it.
    pub batches: Option<Batches>,
    /// How the connection was opened fast, if it was.
    pub fast: Option<Box<Fast>>,
}

/// Times for which something held sending back, nanoseconds.
#[derive(Copy, Clone, Debug, Default)]
pub struct Held {
    /// The peer's window.
    pub rwnd: u64,
    /// The congestion window.
    pub cwnd: u64,
    /// The application; the send buffer, if that was full.
    pub app: u64,
}

impl Rare {
    /// The time that timeouts took until `now`, milliseconds.
    pub fn time_at(&self, now: Instant) -> u64 {
        let ongoing = self.since.map_or(0, |since| now.since(since).as_millis() as u64);
        u64::from(self.time) + ongoing
    }

    /// The times for which sending was held back, with these.
    pub fn held_with(&self, held: Held) -> Held {
        Held {
            rwnd: self.held.rwnd + held.rwnd,
            cwnd: self.held.cwnd + held.cwnd,
            app: self.held.app + if self.full { held.app } else { 0 },
        }
    }

    /// Sending was held back for so long.
    pub fn on_held(&mut self, held: Held) {
        self.held = self.held_with(held);
    }
}

impl Counters {
    /// The retransmission timer expired; `first`: for the first time since an ACK came.
    pub fn on_timeout(&mut self, first: bool, now: Instant) {
        let rare = self.rare.get_or_insert_default();
        rare.first = if first { Some(now) } else { rare.first };
        rare.rto = rare.rto.saturating_add(1);
        if rare.since.is_none() {
            rare.recoveries = rare.recoveries.saturating_add(1);
            rare.since = Some(now);
        }
    }

    /// What a timeout began is over.
    pub fn on_timeout_over(&mut self, now: Instant) {
        if let Some(rare) = &mut self.rare {
            rare.time = u32::try_from(rare.time_at(now)).unwrap_or(u32::MAX);
            rare.since = None;
        }
    }

    /// The application wrote; `whole`: all that it wanted to.
    pub fn on_write(&mut self, whole: bool) {
        match &mut self.rare {
            Some(rare) => rare.full = !whole,
            None if whole => {}
            None => self.rare.get_or_insert_default().full = true,
        }
    }

    /// Sending was held back for so long.
    pub fn on_held(&mut self, held: Held) {
        if held.rwnd + held.cwnd > 0 || self.rare.is_some() {
            self.rare().on_held(held);
        }
    }

    /// What few connections have; this one does.
    pub fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
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
}

impl Chrono {
    /// Accounts the time since the last switch under the old limit; says which held, if data was
    /// there.
    pub fn switch(&mut self, blocked: Blocked, busy: bool, now: Instant) -> Held {
        let spent = now.since(self.since).as_nanos() as u64;
        let mut held = Held::default();
        if self.busy {
            self.busy_time += spent;
            match self.blocked {
                Blocked::Rwnd | Blocked::Sws => held.rwnd = spent,
                Blocked::Cwnd => held.cwnd = spent,
                Blocked::App => held.app = spent,
                _ => {}
            }
        }
        (self.blocked, self.busy, self.since) = (blocked, busy, now);
        held
    }
}
