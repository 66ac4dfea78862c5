//! `tcp_info`: a connection's state in numbers, with Linux's names and units.

macro_rules! info {
    ($( $(#[$m:meta])* $field:ident $(in $unit:literal)? ),* $(,)?) => {
        /// What `getsockopt(TCP_INFO)` tells on Linux, field for field where it makes sense here.
        /// Times are microseconds unless said otherwise, windows of `cwnd` kind are segments,
        /// others bytes.
        ///
        /// `unacked`, `sacked`, `lost`, `retrans` and `delivered` count segments, whatever their
        /// size.
        #[derive(Clone, PartialEq, Eq, Debug, Default)]
        pub struct TcpInfo {
            $( $(#[$m])* pub $field: u64 ),*
        }

        impl TcpInfo {
            /// The fields' names, in order.
            pub const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];

            /// The fields' units, in the same order; empty for numbers that have none.
            pub const UNITS: &'static [&'static str] = &[$(concat!("", $($unit)?)),*];

            /// The fields' values, in the order of [`TcpInfo::FIELDS`].
            pub fn values(&self) -> [u64; TcpInfo::FIELDS.len()] {
                [$(self.$field),*]
            }

            /// What changed between `before` and `self`.
            pub fn changes_since(&self, before: &TcpInfo) -> Vec<Change> {
                // Twice for every event: field by field, and not by way of arrays of them.
                let (mut changes, mut field) = (Vec::new(), 0);
                $(
                    if self.$field != before.$field {
                        changes.push(Change { field, value: self.$field });
                    }
                    field += 1;
                )*
                debug_assert_eq!(usize::from(field), TcpInfo::FIELDS.len());
                changes
            }

            /// Takes over one changed field; false when there is no field of that number.
            pub fn apply(&mut self, change: Change) -> bool {
                let mut fields = [$(&mut self.$field),*];
                let Some(field) = fields.get_mut(usize::from(change.field)) else { return false };
                **field = change.value;
                true
            }
        }
    };
}

info! {
    /// The state's number in [`crate::tcp::State::ALL`].
    state,
    /// The congestion phase: 0 Open, 1 Disorder, 2 CWR, 3 Recovery, 4 Loss.
    ca_state,
    /// Retransmission timeouts in a row.
    retransmits,
    /// Unanswered window or keep-alive probes.
    probes,
    /// The exponent of the timers' backoff.
    backoff,
    /// The peer's window scale.
    snd_wscale,
    /// Our window scale.
    rcv_wscale,
    /// Options in use: 1 timestamps, 2 SACK, 4 window scale, 8 ECN, 16 ECN and the peer's packets
    /// show it, 32 data went with the SYN, 128
    /// the connection began before its handshake ended.
    options,
    /// Retransmission timeout.
    rto in "us",
    /// Delayed-ACK timeout; 0 before data has come.
    ato in "us",
    /// Largest segment we send, payload bytes.
    snd_mss in "bytes",
    /// Largest segment seen from the peer, payload bytes.
    rcv_mss in "bytes",
    /// The MSS we announced, less the timestamps that every segment carries.
    advmss in "bytes",
    /// Path MTU.
    pmtu in "bytes",
    /// Segments in flight.
    unacked in "segments",
    /// Segments the peer holds out of order; without SACK, that duplicate ACKs tell of.
    sacked in "segments",
    /// Segments taken for lost, those that were sent again included.
    lost in "segments",
    /// Retransmitted segments in flight.
    retrans in "segments",
    /// Smoothed round-trip time.
    rtt in "us",
    /// Its mean deviation.
    rttvar in "us",
    /// The smallest round trip seen.
    min_rtt in "us",
    /// Slow-start threshold, segments.
    snd_ssthresh in "segments",
    /// Congestion window, segments.
    snd_cwnd in "segments",
    /// Congestion window, bytes.
    snd_cwnd_bytes in "bytes",
    /// Bytes in flight.
    bytes_in_flight in "bytes",
    /// The peer's window.
    snd_wnd in "bytes",
    /// Our window.
    rcv_wnd in "bytes",
    /// The receive buffer's size.
    rcv_space in "bytes",
    /// Segments retransmitted ever.
    total_retrans in "segments",
    /// Bytes sent, retransmissions included.
    bytes_sent in "bytes",
    /// Bytes sent again.
    bytes_retrans in "bytes",
    /// Bytes the peer acknowledged.
    bytes_acked in "bytes",
    /// Bytes received in order.
    bytes_received in "bytes",
    /// Bytes written and not yet sent.
    notsent_bytes in "bytes",
    /// Segments sent.
    segs_out in "segments",
    /// Segments received.
    segs_in in "segments",
    /// Segments with data sent.
    data_segs_out in "segments",
    /// Segments with data received.
    data_segs_in in "segments",
    /// Segments received out of order.
    rcv_ooopack in "segments",
    /// Segments delivered to the peer, the SYN included.
    delivered in "segments",
    /// Time spent with data to send or in flight.
    busy_time in "us",
    /// Time held back by the peer's window.
    rwnd_limited in "us",
    /// Time held back by cwnd.
    cwnd_limited in "us",
    /// Since data was last sent, milliseconds.
    last_data_sent in "ms",
    /// Since data last arrived, milliseconds.
    last_data_recv in "ms",
    /// Since an ACK last arrived, milliseconds.
    last_ack_recv in "ms",
    /// Round trip as the receiver of data sees it.
    rcv_rtt in "us",
    /// The most that our window may become.
    rcv_ssthresh in "bytes",
    /// Duplicate ACKs that make a loss.
    reordering,
    /// Rate at which the peer last took data, bytes per second.
    delivery_rate in "bytes/s",
    /// Whether the application, not the network, set that rate.
    delivery_rate_app_limited,
    /// The pace, 0: none.
    pacing_rate in "bytes/s",
    /// Segments delivered to the peer with a mark of congestion.
    delivered_ce in "segments",
    /// Time with nothing to send while the application waited for room in the send buffer.
    sndbuf_limited in "us",
    /// Reports of the peer that it received something twice (D-SACK).
    dsack_dups,
    /// How often something arrived out of order at the peer.
    reord_seen,
    /// Timeouts of the retransmission timer.
    total_rto,
    /// Recoveries that a timeout began, the one that goes on included.
    total_rto_recoveries,
    /// The time that these took.
    total_rto_time in "ms",
    /// Why a fast opening failed: 1 no cookie was known, 2 the SYN's data was not taken, 3 the SYN
    /// was lost.
    fastopen_client_fail,
}

/// A changed field of [`TcpInfo`].
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The field's place in [`TcpInfo::FIELDS`].
    pub field: u8,
    /// Its new value.
    pub value: u64,
}

impl Change {
    /// The field's name.
    pub fn name(&self) -> &'static str {
        TcpInfo::FIELDS.get(usize::from(self.field)).copied().unwrap_or("?")
    }
}

impl TcpInfo {
    /// The slow-start threshold in segments; `None` before the first loss: it is beyond every
    /// window.
    pub fn ssthresh(&self) -> Option<u64> {
        let bytes = self.snd_ssthresh.saturating_mul(self.snd_mss.max(1));
        // Whole segments: rounded down, the largest number of bytes may lack almost one.
        (bytes < i32::MAX as u64 - self.snd_mss).then_some(self.snd_ssthresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_rebuild_the_state() {
        let before = TcpInfo { snd_cwnd: 10, rtt: 40_000, ..TcpInfo::default() };
        let after = TcpInfo { snd_cwnd: 11, rtt: 40_000, bytes_acked: 5, ..TcpInfo::default() };
        let changes = after.changes_since(&before);
        let named: Vec<_> = changes.iter().map(|c| (c.name(), c.value)).collect();
        assert_eq!(named, [("snd_cwnd", 11), ("bytes_acked", 5)]);
        let mut rebuilt = before;
        assert!(changes.into_iter().all(|c| rebuilt.apply(c)));
        assert_eq!(rebuilt, after);
        assert!(!rebuilt.apply(Change { field: 250, value: 0 }));
        let unit = |name| {
            let place = TcpInfo::FIELDS.iter().position(|field| *field == name);
            place.map(|place| TcpInfo::UNITS[place])
        };
        assert_eq!((unit("rtt"), unit("state"), TcpInfo::UNITS.len()), (Some("us"), Some(""), 60));
    }

    #[test]
    fn a_threshold_beyond_every_window_is_none() {
        for mss in [1, 48, 536, 1448, 65_495] {
            let info = |bytes: u64| TcpInfo {
                snd_mss: mss,
                snd_ssthresh: bytes.div_ceil(mss),
                ..TcpInfo::default()
            };
            assert_eq!(info(i32::MAX as u64).ssthresh(), None, "{mss}");
            assert_eq!(info(2 * mss).ssthresh(), Some(2), "{mss}");
        }
    }
}
