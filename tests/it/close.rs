//! The end of a connection (RFC 9293 §3.6, §3.10.4, §3.10.5): every way out of every state.

use crate::support::puppet::{A, FA, Puppet, R, RA, S, SA, WND, mss, none, ts};
use crate::support::seen::scenarios;
use netglass::base::limit::Millis;
use netglass::base::{Duration, Limit, SocketError};
use netglass::observe::view::reason;
use netglass::socket::SocketId;
use netglass::stack::{Event, ListenOptions};
use netglass::tcp::{self, Keepalive, Lineage, State};

scenarios![both families:
    half_close,
    simultaneous_close,
    time_wait_lasts_and_acknowledges,
    abort_in_every_state,
    close_in_every_state,
    unread_data_becomes_a_reset,
    data_after_close_is_reset,
    fin_wait_2_of_an_orphan_ends,
    a_closed_window_does_not_keep_an_orphan,
    retransmission_gives_up_in_every_state,
    user_timeout_in_every_state,
    keepalive_gives_up_in_every_state,
    keepalive_gives_up_behind_a_closed_window,
    keepalive_answered,
    keepalive_in_time_wait_is_nothing,
    keepalive_resets_at_once,
    keepalive_without_a_pause_does_not_spin,
    time_wait_reuse,
    time_wait_reuse_starts_behind_the_old_numbers,
    fin_with_data_and_again,
    time_wait_stays_where_nobody_listens,
    a_user_timeout_can_be_changed,
    a_limit_is_the_reason_for_the_end,
    data_on_both_sides_of_a_fin,
    a_reset_need_not_end_time_wait,
    who_has_no_patience_for_a_fin_says_so,
];

/// MAY-1: the sending side ends, receiving goes on.
// Rules: 1122-4.2.2.13-3.
fn half_close() {
    let mut p = Puppet::new().in_state(State::FinWait2, false);
    p.data(1, 1000);
    p.data(1001, 1000);
    p.expect(A, 2, 2001, 0);
    assert_eq!(p.read(5000), 2000);
    let conn = p.conn.unwrap();
    assert_eq!(p.stack.write(p.now, conn, b"x"), Err(SocketError::BrokenPipe));
    p.inject(FA, 2001, 2, WND, none(), b"");
    p.expect(A, 2, 2002, 0);
    assert_eq!((p.state(), p.read(10)), (State::TimeWait, 0));
    // The other way round: the peer has ended, the host goes on sending.
    let mut p = Puppet::new().in_state(State::CloseWait, false);
    p.write(100);
    p.expect(A, 1, 2, 100);
    p.ack(101);
    p.shutdown();
    p.expect(FA, 101, 2, 0);
    p.ack(102);
    p.expect_nothing();
    assert_eq!(p.state(), State::Closed);
}

/// Figure 13.
fn simultaneous_close() {
    let mut p = Puppet::new().in_state(State::Closing, true);
    p.ack(2);
    p.expect_nothing();
    assert_eq!(p.state(), State::TimeWait);
    p.advance(59_999);
    assert_eq!(p.state(), State::TimeWait);
    p.advance(1);
    assert!(p.stack.tcp().is_empty());
}

/// MUST-13, and the peer's FIN again restarts the wait.
fn time_wait_lasts_and_acknowledges() {
    let mut p = Puppet::new().in_state(State::TimeWait, true);
    p.advance(40_000);
    p.inject(FA, 1, 2, WND, none(), b"");
    p.expect_at(40_000, A, 2, 2, 0);
    p.advance(59_999);
    assert_eq!(p.state(), State::TimeWait);
    p.advance(1);
    assert!(p.stack.tcp().is_empty());
    // What is no repetition of that FIN does not prolong it.
    let mut q = Puppet::new().in_state(State::TimeWait, true);
    q.advance(40_000);
    q.inject(FA, 900_000, 2, WND, none(), b"");
    q.expect_at(40_000, A, 2, 2, 0);
    q.advance(20_000);
    assert!(q.stack.tcp().is_empty());
    // §3.10.7.4: afterwards there is no connection.
    p.inject(FA, 1, 2, WND, none(), b"");
    p.expect(R, 2, 0, 0);
}

/// §3.10.5: who still has something to lose is told by a reset.
fn abort_in_every_state() {
    for (state, told) in [
        (State::SynSent, false),
        (State::SynReceived, true),
        (State::Established, true),
        (State::FinWait1, true),
        (State::FinWait2, true),
        (State::CloseWait, true),
        (State::Closing, false),
        (State::LastAck, false),
        (State::TimeWait, false),
    ] {
        let mut p = Puppet::new().in_state(state, false);
        let (rcv, snd) = (p.rcv, p.snd);
        p.abort();
        if told {
            p.expect(RA, rcv, snd, 0);
        }
        p.expect_nothing();
        assert!(p.stack.tcp().is_empty(), "{state}");
        p.advance(300_000);
        p.expect_nothing();
    }
}

/// §3.10.4.
fn close_in_every_state() {
    for (state, fin, after) in [
        (State::SynSent, None, State::Closed),
        (State::SynReceived, Some(1), State::FinWait1),
        (State::Established, Some(1), State::FinWait1),
        (State::FinWait1, None, State::FinWait1),
        (State::FinWait2, None, State::FinWait2),
        (State::CloseWait, Some(2), State::LastAck),
        (State::Closing, None, State::Closing),
        (State::LastAck, None, State::LastAck),
        (State::TimeWait, None, State::TimeWait),
    ] {
        let mut p = Puppet::new().in_state(state, false);
        p.close();
        if let Some(ack) = fin {
            p.expect(FA, 1, ack, 0);
        }
        p.expect_nothing();
        assert_eq!(p.state(), after, "{state}");
    }
    // SYN-RECEIVED: the FIN does not wait for the SYN's acknowledgment.
    let mut p = Puppet::new().in_state(State::SynReceived, false);
    p.close();
    p.expect(FA, 1, 1, 0);
    p.inject(A, 1, 1, WND, none(), b"");
    p.expect_nothing();
    p.ack(2);
    assert_eq!(p.state(), State::FinWait2);
}

/// SHLD-3; RFC 2525 §2.17.
// Rules: 1122-4.2.2.13-1, 2525-2.17.
fn unread_data_becomes_a_reset() {
    for state in [State::Established, State::FinWait1, State::FinWait2] {
        let mut p = Puppet::new().in_state(state, false);
        let rcv = p.rcv;
        p.inject(A, 1, rcv - i64::from(state == State::FinWait1), WND, none(), b"lost");
        p.close();
        p.expect(RA, rcv, 5, 0);
        assert!(p.stack.tcp().is_empty());
    }
    let mut p = Puppet::new().in_state(State::Established, false);
    p.inject(FA, 1, 1, WND, none(), b"lost");
    p.expect(A, 1, 6, 0);
    assert_eq!(p.state(), State::CloseWait);
    p.close();
    p.expect(RA, 1, 6, 0);
    // Out-of-order data is unread data, too.
    let mut p = Puppet::new().in_state(State::Established, false);
    p.data(100, 10);
    p.expect(A, 1, 1, 0);
    p.close();
    p.expect(RA, 1, 1, 0);
}

// Rules: 1122-4.2.2.13-1, 2525-2.16.
fn data_after_close_is_reset() {
    // As without a connection: at the number that the peer has acknowledged (§3.10.7.1).
    for (state, una) in [(State::FinWait1, 1), (State::FinWait2, 2)] {
        let mut p = Puppet::new().in_state(state, true);
        p.inject(A, 1, una, WND, none(), b"late");
        p.expect(R, una, 0, 0);
        p.expect_nothing();
        assert_eq!(p.drops("DataAfterClose"), 1);
        assert!(p.stack.tcp().is_empty());
    }
}

// Rules: 1122-4.2.2.13-4.
fn fin_wait_2_of_an_orphan_ends() {
    // Closed before or after the FIN was acknowledged: the wait is the same.
    for late in [false, true] {
        let mut p = Puppet::new().in_state(State::FinWait2, !late);
        p.advance(10_000);
        if late {
            p.close();
            p.advance(10_000);
        }
        p.advance(49_999);
        assert_eq!(p.state(), State::FinWait2);
        p.advance(1);
        p.expect_nothing();
        assert!(p.stack.tcp().is_empty());
    }
    // Whoever still reads waits for ever.
    let mut p = Puppet::new().in_state(State::FinWait2, false);
    p.advance(100_000_000);
    assert_eq!(p.state(), State::FinWait2);
}

/// A user may wait for a closed window as long as it likes (MUST-37); when the user is gone, R2
/// counts although the peer answers (RFC 6429).
// Rules: 6429-3-1.
fn a_closed_window_does_not_keep_an_orphan() {
    for (data, close) in [(10, false), (10, true), (0, true)] {
        let mut p = Puppet::new().in_state(State::Established, false);
        p.window(1, 0);
        if data > 0 {
            p.write(data);
        }
        if close {
            p.close()
        } else {
            p.shutdown()
        }
        for _ in 0..4_000 {
            p.advance(1_000);
            if !p.take_all().is_empty() {
                p.window(1, 0);
            }
        }
        assert_eq!(p.stack.tcp().is_empty(), close, "{data} bytes");
        assert!(!close || p.drops("ClosedPort") <= 1, "and nobody is bothered any more");
    }
}

/// R2 (MUST-20, MUST-23): the last retransmission is followed by one more RTO, then by the end.
// Rules: SHLD-11, 1122-4.2.3.5-1.
fn retransmission_gives_up_in_every_state() {
    for state in [
        State::SynSent,
        State::SynReceived,
        State::Established,
        State::FinWait1,
        State::CloseWait,
        State::Closing,
        State::LastAck,
    ] {
        let p = Puppet::with(|c| (c.retries2, c.syn_retries, c.synack_retries) = (2, 2, 2));
        let mut p = p.in_state(state, false);
        if matches!(state, State::Established | State::CloseWait) {
            p.write(10);
            p.take_all();
        }
        p.advance(20_000);
        assert_eq!(p.take_all().len(), 2, "{state}");
        assert_eq!(p.state(), State::Closed, "{state}");
        let id = SocketId::Conn(p.conn.unwrap());
        assert_eq!(p.stack.take_error(p.now, id), Err(SocketError::TimedOut));
    }
}

/// SHLD-25; §3.10.8: the connection ends when something stays unacknowledged for so long.
// Rules: MUST-21.
fn user_timeout_in_every_state() {
    for state in [
        State::SynSent,
        State::SynReceived,
        State::Established,
        State::FinWait1,
        State::CloseWait,
        State::Closing,
        State::LastAck,
    ] {
        let p = Puppet::with(|c| c.user_timeout = Some(Duration::from_secs(5)));
        let mut p = p.in_state(state, false);
        if matches!(state, State::Established | State::CloseWait) {
            p.write(10);
        }
        p.advance(4_999);
        assert_eq!(p.state(), state);
        p.advance(1);
        assert_eq!(p.state(), State::Closed, "{state}");
    }
    // An acknowledgment starts it again; without data it does not run.
    let p = Puppet::with(|c| c.user_timeout = Some(Duration::from_secs(5)));
    let mut p = p.in_state(State::Established, false);
    p.write(10);
    p.advance(4_000);
    p.ack(11);
    p.advance(100_000);
    assert_eq!(p.state(), State::Established);
}

fn keepalive() -> Keepalive {
    let (idle, interval) = (Duration::from_secs(10), Duration::from_secs(2));
    Keepalive { idle, interval, probes: 3 }
}

/// §3.8.4: MUST-26, MUST-27 (the times), MUST-29 (one unanswered probe means nothing).
// Rules: SHLD-12, 2525-2.9.
fn keepalive_gives_up_in_every_state() {
    for state in [State::Established, State::FinWait2, State::CloseWait] {
        let mut p = Puppet::with(|c| c.keepalive = Some(keepalive())).in_state(state, false);
        let (rcv, snd) = (p.rcv, p.snd);
        p.advance(60_000);
        for at in [10_000, 12_000, 14_000] {
            p.expect_at(at, A, rcv - 1, snd, 0);
        }
        p.expect_at(16_000, RA, rcv, snd, 0);
        p.expect_nothing();
        assert_eq!(p.state(), State::Closed);
    }
    // FIN-WAIT-1 with data and FIN behind a closed window: nothing is in flight either.
    let p = Puppet::with(|c| c.keepalive = Some(Keepalive { probes: 1, ..keepalive() }));
    let mut p = p.in_state(State::Established, false);
    p.window(1, 0);
    p.write(10);
    p.shutdown();
    p.advance(60_000);
    assert_eq!(p.state(), State::Closed);
    assert_eq!(p.take_all().last().map(|got| got.ctl), Some(RA));
}

/// Both sides have closed, and data waits behind a closed window: CLOSING and LAST-ACK end, too.
fn keepalive_gives_up_behind_a_closed_window() {
    for fin_first in [false, true] {
        let p = Puppet::with(|c| c.keepalive = Some(Keepalive { probes: 1, ..keepalive() }));
        let mut p = p.in_state(State::Established, false);
        p.window(1, 0);
        if fin_first {
            p.inject(FA, 1, 1, 0, none(), b"");
        }
        p.write(10);
        p.shutdown();
        if !fin_first {
            p.inject(FA, 1, 1, 0, none(), b"");
        }
        let closing = if fin_first { State::LastAck } else { State::Closing };
        assert_eq!(p.state(), closing);
        p.take_all();
        p.advance(60_000);
        assert_eq!(p.state(), State::Closed);
        assert_eq!(p.take_all().last().map(|got| got.ctl), Some(RA));
    }
}

// Rules: MAY-5, MUST-24, MUST-25, MUST-26, MUST-28, 2525-2.11.
fn keepalive_answered() {
    let p = Puppet::with(|c| c.keepalive = Some(keepalive()));
    let mut p = p.in_state(State::Established, false);
    for round in 1..20 {
        p.advance(10_000);
        p.expect_at(round * 10_000, A, 0, 1, 0);
        p.ack(1);
        p.expect_nothing();
    }
    assert_eq!(p.state(), State::Established);
    // MUST-26: not while something sent is outstanding, whatever its timer waits for.
    let p = Puppet::with(|c| {
        c.keepalive = Some(keepalive());
        c.rto_min = Duration::from_secs(60);
    });
    let mut p = p.in_state(State::Established, false);
    p.write(10);
    p.expect(A, 1, 1, 10);
    p.advance(59_000);
    p.expect_nothing();
    // MUST-24: also for a connection that is open already.
    let mut p = Puppet::new().in_state(State::Established, false);
    let conn = p.conn.unwrap();
    let mut config = p.stack.config(conn).unwrap().clone();
    config.keepalive = Some(keepalive());
    p.stack.configure(p.now, conn, config).unwrap();
    p.advance(10_000);
    p.expect_at(10_000, A, 0, 1, 0);
    // MUST-28: two hours; MUST-25: off unless asked for.
    assert_eq!(Keepalive::default().idle, Duration::from_secs(7_200));
    let mut p = Puppet::new().in_state(State::Established, false);
    p.advance(100_000_000);
    p.expect_nothing();
}

/// The reset goes out with the timer: what arrives behind it finds no connection.
fn keepalive_resets_at_once() {
    let p = Puppet::with(|c| c.keepalive = Some(Keepalive { probes: 0, ..keepalive() }));
    let mut p = p.in_state(State::Established, false);
    p.now = p.stack.deadline(p.now).unwrap();
    p.stack.poll(p.now);
    p.inject(R, 1, 0, 0, none(), b"");
    p.expect_at(10_000, RA, 1, 1, 0);
    p.expect_nothing();
    assert_eq!((p.state(), p.drops("ClosedRst")), (State::Closed, 1));
}

/// No time between probes is taken for 1 ms.
fn keepalive_without_a_pause_does_not_spin() {
    let none_at_all = Keepalive { interval: Duration::ZERO, ..keepalive() };
    let mut p = Puppet::with(|c| c.keepalive = Some(none_at_all));
    p = p.in_state(State::Established, false);
    p.advance(10_010);
    for at in [10_000, 10_001, 10_002] {
        p.expect_at(at, A, 0, 1, 0);
    }
    p.expect_at(10_003, RA, 1, 1, 0);
    // Data in flight is looked at as often.
    let mut p = Puppet::with(|c| c.keepalive = Some(none_at_all));
    p = p.in_state(State::Established, false);
    p.advance(9_999);
    p.write(10);
    p.expect(A, 1, 1, 10);
    for ms in 10_000..10_010 {
        p.advance(1);
        assert!(p.stack.deadline(p.now).is_some_and(|at| at > p.now), "{ms}");
        p.expect_nothing();
    }
}

/// A knob turned late must not make TIME-WAIT speak.
fn keepalive_in_time_wait_is_nothing() {
    let mut p = Puppet::new().in_state(State::TimeWait, false);
    let conn = p.conn.unwrap();
    let mut config = p.stack.config(conn).unwrap().clone();
    config.keepalive = Some(keepalive());
    p.stack.configure(p.now, conn, config).unwrap();
    p.advance(70_000);
    p.expect_nothing();
    assert_eq!(p.state(), State::Closed);
}

/// A passive opener's TIME-WAIT, closed by its user.
fn in_time_wait(mut p: Puppet) -> Puppet {
    p.close();
    p.expect(FA, 1, 1, 0);
    p.inject(FA, 1, 2, WND, none(), b"");
    p.expect(A, 2, 2, 0);
    assert_eq!(p.state(), State::TimeWait);
    p
}

/// MAY-2, RFC 6191: a newer SYN opens anew, an older one is answered with an ACK.
// Rules: SHLD-4, 6191-2-1, 6191-2-2.
fn time_wait_reuse() {
    for (seq, reopened) in [(2, true), (1_000_000, true), (1, false), (-1_000_000, false)] {
        let mut p = in_time_wait(Puppet::new().open_passively(mss(1000)));
        p.inject(S, seq, 0, WND, mss(1000), b"");
        if reopened {
            p.expect(SA, 0, seq + 1, 0);
        } else {
            p.expect(A, 2, 2, 0);
            assert_eq!(p.state(), State::TimeWait);
        }
        p.expect_nothing();
    }
    // With timestamps the clock decides, also when the sequence number is older.
    for (val, reopened) in [(1_001, true), (999, false)] {
        let mut p = Puppet::new();
        p.listen(ListenOptions::default());
        p.inject(S, 0, 0, WND, ts(1_000, 0), b"");
        let val_a = p.expect(SA, 0, 1, 0).options.ts.unwrap().val;
        p.inject(A, 1, 1, WND, ts(1_000, val_a), b"");
        p.accept();
        p.close();
        p.expect(FA, 1, 1, 0);
        p.inject(FA, 1, 2, WND, ts(1_000, val_a), b"");
        p.expect(A, 2, 2, 0);
        p.inject(S, -5_000, 0, WND, ts(val, 0), b"");
        if reopened {
            p.expect(SA, 0, -4_999, 0)
        } else {
            p.expect(A, 2, 2, 0)
        };
        p.expect_nothing();
    }
}

/// MAY-2 (1): however fast the old connection was, the new one starts behind it.
fn time_wait_reuse_starts_behind_the_old_numbers() {
    let mut p = Puppet::new().open_passively(mss(1000));
    let mut at = 1;
    while at < 200_000 {
        p.write(10_000);
        at += 10_000;
        p.ack(at);
        p.take_all();
    }
    let old = p.iss + at as u32;
    p.close();
    p.expect(FA, at, 1, 0);
    p.inject(FA, 1, at + 1, WND, none(), b"");
    p.expect(A, at + 1, 2, 0);
    p.inject(S, 2, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 3, 0);
    assert!(p.iss.after(old), "{:?} after {old:?}", p.iss);
}

/// The FIN goes with the last data, is sent again with it, and is acknowledged apart from it.
// Rules: 2525-2.15.
fn fin_with_data_and_again() {
    let mut p = Puppet::new().in_state(State::Established, false);
    p.window(1, 0);
    p.write(500);
    p.shutdown();
    p.expect_nothing();
    p.window(1, WND);
    p.expect(FA, 1, 1, 500);
    p.advance(200);
    p.expect(FA, 1, 1, 500);
    p.ack(501);
    assert_eq!(p.state(), State::FinWait1);
    p.advance(400);
    p.expect_at(600, FA, 501, 1, 0);
    p.ack(502);
    assert_eq!(p.state(), State::FinWait2);
}

/// A SYN ends TIME-WAIT only where somebody listens; else it is challenged as in any other state
/// (RFC 5961 §4.2), and old segments go on dying out (MUST-13).
fn time_wait_stays_where_nobody_listens() {
    let mut p = Puppet::new().in_state(State::TimeWait, false);
    p.inject(S, 70_000, 0, WND, mss(1000), b"");
    p.expect(A, 2, 2, 0);
    assert_eq!(p.state(), State::TimeWait);
    p.advance(500);
    p.inject(S, 2, 0, WND, mss(1000), b"");
    p.expect(A, 2, 2, 0);
    assert_eq!((p.state(), p.drops("SynInWindow")), (State::TimeWait, 1));
}

/// A knob turned late counts at once: the timer that runs is the new one, or none.
fn a_user_timeout_can_be_changed() {
    for (limit, ends) in [(None, None), (Some(2), Some(3_000)), (Some(9), Some(10_000))] {
        let p = Puppet::with(|c| c.user_timeout = Some(Duration::from_secs(5)));
        let mut p = p.in_state(State::Established, false);
        p.write(10);
        p.advance(1_000);
        let conn = p.conn.unwrap();
        let mut config = p.stack.config(conn).unwrap().clone();
        config.user_timeout = limit.map(Duration::from_secs);
        p.stack.configure(p.now, conn, config).unwrap();
        p.advance(ends.unwrap_or(20_000) - 1_001);
        assert_eq!(p.state(), State::Established);
        p.advance(1);
        assert_eq!(p.state() == State::Closed, ends.is_some(), "{limit:?}");
    }
    // A FIN that a closed window holds back is unacknowledged, too.
    let p = Puppet::with(|c| c.user_timeout = Some(Duration::from_secs(5)));
    let mut p = p.in_state(State::Established, false);
    p.window(1, 0);
    p.shutdown();
    p.advance(4_999);
    assert_eq!(p.state(), State::FinWait1);
    p.advance(1);
    assert_eq!(p.state(), State::Closed);
    // When it is over, nothing runs any more, though a FIN was never sent.
    let mut p = Puppet::new().in_state(State::Established, false);
    p.window(1, 0);
    p.shutdown();
    p.inject(R, 1, 0, WND, none(), b"");
    let conn = p.conn.unwrap();
    let mut config = p.stack.config(conn).unwrap().clone();
    config.user_timeout = Some(Duration::from_secs(1));
    p.stack.configure(p.now, conn, config).unwrap();
    p.advance(10_000);
    assert_eq!(p.state(), State::Closed);
}

/// The limits that a service's policy knows for connections; the backlog is the listener's,
/// memory the host's.
fn limits() -> [Limit; Limit::COUNT - 2] {
    let after = Millis(2500);
    [
        Limit::ClientConnections { max: 5 },
        Limit::Connections { max: 100 },
        Limit::Idle { after },
        Limit::HeaderTime { after },
        Limit::BodyRate { bytes: 1000, after },
        Limit::WriteTime { after },
        Limit::Requests { max: 10 },
        Limit::Stopping,
        Limit::Drain { after },
    ]
}

/// A limit is counted and told once, and is the reason of the FIN or the reset that it leads to.
fn a_limit_is_the_reason_for_the_end() {
    for (limit, reset) in limits().into_iter().flat_map(|limit| [(limit, false), (limit, true)]) {
        let mut p = Puppet::new().in_state(State::Established, true);
        let conn = p.conn.unwrap();
        if reset {
            p.stack.abort_for(p.now, conn, limit);
            p.pump();
            p.expect(RA, 1, 1, 0);
        } else {
            p.stack.limited(p.now, conn, limit);
            // With the last data or alone, as it happens to come.
            let len = if limit == Limit::Stopping { 0 } else { 100 };
            p.stack.write(p.now, conn, &[b'x'; 100][..len]).unwrap();
            p.close();
            p.expect(FA, 1, 1, len);
        }
        assert_eq!(p.stack.hits().of(limit.key()), 1);
        let told = |event: &Event| matches!(event, Event::Limit { limit: told } if *told == limit);
        assert_eq!(p.records.iter().filter(|record| told(&record.event)).count(), 1);
        let last = p
            .records
            .iter()
            .rev()
            .find(|record| matches!(&record.event, Event::Tcp(tcp::Event::Sent { .. })));
        let why = reason(&last.unwrap().event).unwrap();
        assert_eq!((why.key, why.text), (limit.key(), limit.to_string()));
    }
    // Nothing is told of a connection that is no more.
    let mut p = Puppet::new().in_state(State::Established, true);
    let conn = p.conn.unwrap();
    p.abort();
    p.stack.limited(p.now, conn, Limit::Stopping);
    p.stack.abort_for(p.now, conn, Limit::Stopping);
    p.expect(RA, 1, 1, 0);
    p.expect_nothing();
    assert_eq!(p.stack.hits().of("Stopping"), 0);
}

/// As Linux: data before and behind the peer's FIN resets what waits for our own FIN.
fn data_on_both_sides_of_a_fin() {
    for state in [State::CloseWait, State::Closing, State::LastAck] {
        let mut p = Puppet::with(|c| c.lineage = Lineage::Linux).in_state(state, false);
        p.inject(A, 1, 1, WND, none(), &[0; 100]);
        p.expect(R, 1, 0, 0);
        assert_eq!(p.state(), State::Closed, "{state}");
        let mut p = Puppet::new().in_state(state, false);
        p.inject(A, 1, 1, WND, none(), &[0; 100]);
        assert_eq!(p.state(), state, "by the RFC it is ignored");
    }
}

/// RFC 1337 §3, if that is wanted.
fn a_reset_need_not_end_time_wait() {
    let mut p = Puppet::with(|c| c.rfc1337 = true).in_state(State::TimeWait, true);
    p.inject(R, 2, 0, 0, none(), b"");
    p.expect_nothing();
    assert_eq!((p.state(), p.drops("RstInTimeWait")), (State::TimeWait, 1));
    p.inject(FA, 1, 2, WND, none(), b"");
    p.expect(A, 2, 2, 0);
}

/// An orphan that does not wait in FIN-WAIT-2 resets its peer.
fn who_has_no_patience_for_a_fin_says_so() {
    let mut p = Puppet::with(|c| c.fin_wait2 = Duration::ZERO).in_state(State::FinWait1, true);
    p.ack(2);
    p.expect(R, 2, 0, 0);
    assert_eq!(p.state(), State::Closed);
}
