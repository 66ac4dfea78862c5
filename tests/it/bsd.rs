//! What `Lineage::Bsd` and its knobs do in every state: resets, SYNs, TIME-WAIT, the end of
//! patience (`docs/freebsd.md`). Scripts below `tests/wire/freebsd` hold the rest of it, to the
//! microsecond.

use crate::support::puppet::{A, FA, NONE, Puppet, R, RA, S, SA, WND, mss, none};
use crate::support::seen::scenarios;
use netglass::base::{Duration, SocketError};
use netglass::socket::SocketId;
use netglass::stack::ListenOptions;
use netglass::tcp::{Config, Lineage, State};

scenarios![both families:
    a_syn_is_believed_where_the_knob_says_so,
    a_syn_ack_ends_what_is_half_open,
    a_full_queue_is_told,
    resets_count_from_the_last_ack,
    only_the_data_of_an_old_segment_is_dropped,
    the_right_edge_belongs_to_the_window,
    time_wait_heeds_no_reset,
    closing_before_the_handshake_tells_nobody,
    unread_data_is_no_reason_for_a_reset,
    the_peer_hears_that_patience_is_over,
    two_that_are_out_of_step_fall_silent,
    one_that_is_half_open_and_its_peer_fall_silent,
];

const OPEN: [State; 6] = [
    State::Established,
    State::FinWait1,
    State::FinWait2,
    State::CloseWait,
    State::Closing,
    State::LastAck,
];

fn bsd(change: impl FnOnce(&mut Config)) -> Puppet {
    Puppet::with(|c| {
        c.lineage = Lineage::Bsd;
        (c.challenge_interval, c.challenge_count) = (Duration::from_secs(1), 5);
        change(c);
    })
}

/// `insecure_syn` on, and off.
fn a_syn_is_believed_where_the_knob_says_so() {
    for (state, believed) in OPEN.into_iter().flat_map(|s| [(s, true), (s, false)]) {
        let mut p = bsd(|c| c.insecure_syn = believed).in_state(state, false);
        let (snd, rcv) = (p.snd, p.rcv);
        p.inject(S, snd + 10, 0, WND, none(), b"");
        p.expect(if believed { RA } else { A }, rcv, snd, 0);
        p.expect_nothing();
        assert_eq!(p.state(), if believed { State::Closed } else { state });
        let told = p.stack.take_error(p.now, SocketId::Conn(p.conn.unwrap()));
        assert_eq!(told, if believed { Err(SocketError::Reset) } else { Ok(()) });
    }
}

/// Any SYN is answered as the first was; what completes the handshake must acknowledge our SYN.
fn a_syn_ack_ends_what_is_half_open() {
    let mut p = bsd(|_| ());
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 1, 0);
    p.inject(S, 500, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 1, 0);
    p.inject(NONE, 1, 0, WND, none(), b"");
    p.expect_nothing();
    p.inject(A, 1, 7, WND, none(), b"");
    p.expect(R, 7, 0, 0);
    p.inject(A, 70_000, 1, WND, none(), b"");
    p.expect(A, 1, 1, 0);
    p.inject(SA, 0, 1, WND, none(), b"");
    p.expect(R, 1, 0, 0);
    p.advance(60_000);
    p.expect_nothing();
}

/// Half as many more than the backlog, and one, wait; half open may be many.
fn a_full_queue_is_told() {
    let mut p = bsd(|_| ());
    p.listen(ListenOptions { backlog: 1, ..ListenOptions::default() });
    for port in 0..3 {
        p.remote.set_port(50_000 + port);
        p.inject(S, 0, 0, WND, mss(1000), b"");
        p.expect(SA, 0, 1, 0);
        p.inject(A, 1, 1, WND, none(), b"");
        if port == 2 {
            p.expect(R, 1, 0, 0);
        }
        p.expect_nothing();
    }
}

/// While an ACK is delayed, the peer's numbers are older than ours.
fn resets_count_from_the_last_ack() {
    for (secure, seq, ends) in [(true, 1, true), (true, 2, false), (false, 2, true)] {
        let mut p = bsd(|c| c.insecure_rst = !secure).in_state(State::Established, false);
        p.inject(A, 1, 1, WND, none(), b"12345");
        p.inject(R, seq, 0, WND, none(), b"");
        if !ends {
            p.expect(A, 1, 6, 0);
        }
        p.expect_nothing();
        assert_eq!(p.state() == State::Closed, ends, "{seq}");
    }
    for state in [State::CloseWait, State::Closing, State::LastAck] {
        let mut p = bsd(|_| ()).in_state(state, false);
        p.inject(RA, p.snd, p.rcv, WND, none(), b"");
        let told = p.stack.take_error(p.now, SocketId::Conn(p.conn.unwrap()));
        assert_eq!(told, Err(SocketError::Reset), "{state}");
    }
}

/// Its ACK counts.
fn only_the_data_of_an_old_segment_is_dropped() {
    let mut p = bsd(|_| ()).in_state(State::Established, false);
    p.write(5);
    p.expect(A, 1, 1, 5);
    p.inject(A, 1, 1, WND, none(), b"abc");
    p.inject(A, 1, 6, WND, none(), b"abc");
    p.expect(A, 6, 4, 0);
    p.advance(10_000);
    p.expect_nothing();
}

/// An empty segment there is heeded and not answered; one beyond is answered.
fn the_right_edge_belongs_to_the_window() {
    let mut p = bsd(|c| c.window_scaling = false).in_state(State::Established, false);
    let edge = 1 + i64::from(p.stack.conn(p.conn.unwrap()).unwrap().buffers().0);
    p.inject(A, edge, 1, WND, none(), b"");
    p.expect_nothing();
    p.inject(A, edge + 1, 1, WND, none(), b"");
    p.expect(A, 1, 1, 0);
}

/// RFC 1337; and a SYN-ACK is answered, where a newer SYN would begin anew.
fn time_wait_heeds_no_reset() {
    let mut p = bsd(|_| ()).in_state(State::TimeWait, false);
    let (snd, rcv) = (p.snd, p.rcv);
    p.inject(R, snd, 0, WND, none(), b"");
    p.inject(S, snd - 1, 0, WND, none(), b"");
    p.inject(A, snd, rcv, WND, none(), b"");
    p.expect_nothing();
    for (ctl, seq) in [(SA, snd - 1), (FA, snd - 1), (A, snd + 1)] {
        p.inject(ctl, seq, rcv, WND, none(), b"");
        p.expect(A, rcv, snd, 0);
    }
    p.expect_nothing();
    assert_eq!(p.state(), State::TimeWait);
}

fn closing_before_the_handshake_tells_nobody() {
    let mut p = bsd(|_| ()).in_state(State::SynReceived, false);
    p.close();
    p.expect_nothing();
    assert!(p.stack.tcp().is_empty());
}

fn unread_data_is_no_reason_for_a_reset() {
    let mut p = bsd(|_| ()).in_state(State::Established, false);
    p.inject(A, 1, 1, WND, none(), b"lost");
    p.close();
    p.expect(FA, 1, 5, 0);
    p.inject(A, 5, 1, WND, none(), b"more");
    p.expect(R, 1, 0, 0);
}

fn the_peer_hears_that_patience_is_over() {
    let mut p = bsd(|c| c.retries2 = 1).in_state(State::Established, false);
    p.write(5);
    p.expect(A, 1, 1, 5);
    p.advance(1_000);
    p.expect(A, 1, 1, 5);
    p.advance(10_000);
    p.expect(RA, 6, 1, 0);
    assert_eq!(p.state(), State::Closed);
}

/// What each makes of the other's answers, with so many milliseconds in between, until both have
/// nothing to say; how many there were. `shift`: how far the numbers are off.
fn answers(hosts: &mut [Puppet; 2], shift: i64, latency: u64) -> usize {
    let from = |p: &Puppet| (p.snd + shift, p.rcv);
    let (seq, ack) = from(&hosts[0]);
    hosts[0].inject(A, seq, ack, WND, none(), b"");
    for said in 0.. {
        assert!(said < 100, "they do not stop");
        let [this, other] = hosts;
        let sent = this.take_all();
        if sent.is_empty() {
            return said;
        }
        assert!(sent.iter().all(|got| got.len() == 0 && got.ctl == A), "{sent:?}");
        other.now = this.now + Duration::from_millis(latency);
        let (seq, ack) = from(other);
        sent.iter().for_each(|_| other.inject(A, seq, ack, WND, none(), b""));
        hosts.swap(0, 1);
    }
    unreachable!()
}

/// Each takes the other's numbers for old, or for more than it can take, and says where it is: that
/// may help, but not for ever. (LAST-ACK ends with the first of them.)
fn two_that_are_out_of_step_fall_silent() {
    for state in OPEN[..5].iter().copied().chain([State::TimeWait]) {
        for (shift, latency) in [(-1, 0), (-5, 10), (-5, 15), (10_000_000, 10)] {
            let host = || bsd(|_| ()).in_state(state, false);
            let said = answers(&mut [host(), host()], shift, latency);
            assert_eq!(said, 10, "{state} {shift}");
        }
    }
}

fn one_that_is_half_open_and_its_peer_fall_silent() {
    let mut half_open = bsd(|_| ());
    half_open.listen(ListenOptions::default());
    half_open.inject(S, 0, 0, WND, mss(1000), b"");
    half_open.expect(SA, 0, 1, 0);
    let open = bsd(|_| ()).in_state(State::Established, false);
    assert_eq!(answers(&mut [half_open, open], 10_000_000, 10), 10);
}
