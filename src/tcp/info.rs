//! `tcp_info`: a connection's state in numbers, with Linux's names and units.

macro_rules! info {
    ($( $(#[$m:meta])* $field:ident ),* $(,)?) => {
        /// What `getsockopt(TCP_INFO)` tells on Linux, field for field where it makes sense here.
        /// Times are microseconds unless said otherwise, windows of `cwnd` kind are segments,
        /// others bytes.
        #[derive(Clone, PartialEq, Eq, Debug, Default)]
        pub struct TcpInfo {
            $( $(#[$m])* pub $field: u64 ),*
        }

        impl TcpInfo {
            /// The fields' names, in order.
            pub const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];

            /// The fields' values, in the order of [`TcpInfo::FIELDS`].
            pub fn values(&self) -> [u64; TcpInfo::FIELDS.len()] {
                [$(self.$field),*]
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
    /// Options in use: 1 timestamps, 2 SACK, 4 window scale.
    options,
    /// Retransmission timeout.
    rto,
    /// Delayed-ACK timeout.
    ato,
    /// Largest segment we send, payload bytes.
    snd_mss,
    /// Largest segment seen from the peer, payload bytes.
    rcv_mss,
    /// The MSS we announced, less the timestamps that every segment carries.
    advmss,
    /// Path MTU.
    pmtu,
    /// Segments in flight.
    unacked,
    /// Segments the peer holds out of order.
    sacked,
    /// Segments taken for lost.
    lost,
    /// Retransmitted segments in flight.
    retrans,
    /// Smoothed round-trip time.
    rtt,
    /// Its mean deviation.
    rttvar,
    /// The smallest round trip seen.
    min_rtt,
    /// Slow-start threshold, segments.
    snd_ssthresh,
    /// Congestion window, segments.
    snd_cwnd,
    /// Congestion window, bytes.
    snd_cwnd_bytes,
    /// Bytes in flight.
    bytes_in_flight,
    /// The peer's window.
    snd_wnd,
    /// Our window.
    rcv_wnd,
    /// The receive buffer's size.
    rcv_space,
    /// Segments retransmitted ever.
    total_retrans,
    /// Bytes sent, retransmissions included.
    bytes_sent,
    /// Bytes sent again.
    bytes_retrans,
    /// Bytes the peer acknowledged.
    bytes_acked,
    /// Bytes received in order.
    bytes_received,
    /// Bytes written and not yet sent.
    notsent_bytes,
    /// Segments sent.
    segs_out,
    /// Segments received.
    segs_in,
    /// Segments with data sent.
    data_segs_out,
    /// Segments with data received.
    data_segs_in,
    /// Segments received out of order.
    rcv_ooopack,
    /// Segments delivered to the peer.
    delivered,
    /// Time spent with data to send or in flight.
    busy_time,
    /// Time held back by the peer's window.
    rwnd_limited,
    /// Time held back by cwnd.
    cwnd_limited,
    /// Since data was last sent, milliseconds.
    last_data_sent,
    /// Since data last arrived, milliseconds.
    last_data_recv,
    /// Since an ACK last arrived, milliseconds.
    last_ack_recv,
    /// Round trip as the receiver of data sees it.
    rcv_rtt,
    /// The most that our window may become.
    rcv_ssthresh,
    /// Duplicate ACKs that make a loss.
    reordering,
    /// Rate at which the peer last took data, bytes per second.
    delivery_rate,
    /// Whether the application, not the network, set that rate.
    delivery_rate_app_limited,
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
    /// What changed between `before` and `self`.
    pub fn changes_since(&self, before: &TcpInfo) -> Vec<Change> {
        let pairs = before.values().into_iter().zip(self.values()).enumerate();
        pairs
            .filter(|(_, (old, new))| old != new)
            .map(|(field, (_, value))| Change { field: field as u8, value })
            .collect()
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
    }
}
