//! The scripts that prove requirements: those of `tests/wire/` that name one.

/// A script, by its file below `tests/wire/`.
macro_rules! scripts {
    ($($path:literal,)*) => {
        &[$(($path, include_str!(concat!("../../tests/wire/", $path)))),*]
    };
}

/// Each with what it says.
pub const SCRIPTS: &[(&str, &str)] = scripts! {
    "close/active.pkt",
    "close/data_after_close.pkt",
    "close/half.pkt",
    "close/reset.pkt",
    "close/unread.pkt",
    "data/nagle.pkt",
    "data/out_of_order.pkt",
    "data/window.pkt",
    "ecn/marks.pkt",
    "ecn/off.pkt",
    "handshake/active.pkt",
    "handshake/passive.pkt",
    "handshake/rst_in_syn_received.pkt",
    "handshake/simultaneous.pkt",
    "handshake/syn_retransmitted.pkt",
    "handshake/time_wait_reuse.pkt",
    "icmp/frag_needed.pkt",
    "icmp/out_of_window.pkt",
    "icmp/unreachable.pkt",
    "options/cuts.pkt",
    "options/timestamps.pkt",
    "retransmission/rto.pkt",
    "rfc9293/another_algorithm.pkt",
    "rfc9293/closed_or_reset.pkt",
    "rfc9293/cork_lets_go.pkt",
    "rfc9293/crossed_then_refused.pkt",
    "rfc9293/delayed_acks.pkt",
    "rfc9293/gives_up.pkt",
    "rfc9293/injected_ack.pkt",
    "rfc9293/karn.pkt",
    "rfc9293/keepalive_default.pkt",
    "rfc9293/large_window.pkt",
    "rfc9293/mss_always.pkt",
    "rfc9293/mss_default.pkt",
    "rfc9293/mss_default6.pkt",
    "rfc9293/mss_less_options.pkt",
    "rfc9293/options.pkt",
    "rfc9293/push.pkt",
    "rfc9293/reset_at_a_closed_window.pkt",
    "rfc9293/reset_with_data.pkt",
    "rfc9293/silly_windows.pkt",
    "rfc9293/slow_start.pkt",
    "rfc9293/soft_errors.pkt",
    "rfc9293/source_quench.pkt",
    "rfc9293/syn_gives_up.pkt",
    "rfc9293/to_a_group.pkt",
    "rfc9293/ttl_and_class.pkt",
    "rfc9293/urgent.pkt",
    "rfc9293/window_shrinks.pkt",
    "rfc9293/zero_window_for_ever.pkt",
    "sockopt/keepalive.pkt",
    "sockopt/user_timeout.pkt",
};
