//! Retransmission by timer and loss recovery (RFC 6298, RFC 5681, RFC 6582), with exact times.

use crate::support::puppet::{A, FA, Puppet, S, SA, WND, mss, none, ts};
use crate::support::seen::scenarios;
use netglass::stack::Event;
use netglass::tcp::{Event as Tcp, State};

scenarios![both families:
    timeouts_double,
    first_sample,
    later_samples,
    karn,
    timestamps_measure_retransmissions,
    a_measurement_ends_the_backoff,
    r1_is_told,
    everything_is_sent_again_after_a_timeout,
    fast_retransmit,
    partial_acks,
    limited_transmit,
    what_is_no_duplicate,
    no_second_recovery_for_one_window,
    slow_start_and_avoidance,
    idle_restart,
    data_for_a_closed_window_is_no_duplicate,
    a_slower_path_is_measured,
    limited_transmit_does_not_raise_ssthresh,
    the_last_ack_of_a_recovery_restarts_the_timer,
    lost_duplicates_do_not_burst,
    a_window_that_came_down_holds_when_all_has_arrived,
];

/// Open, with the handshake taking `ms`, so that the RTO is three times that.
fn open_in(ms: u64, change: impl FnOnce(&mut netglass::tcp::Config)) -> Puppet {
    let mut p = Puppet::with(change);
    p.connect();
    p.expect(S, 0, 0, 0);
    p.advance(ms);
    p.inject(SA, 0, 1, WND, mss(1000), b"");
    p.expect(A, 1, 1, 0);
    p
}

/// RFC 6298 §5.5, to the bound of §2.5.
// Rules: MUST-19, 6298-2.5, 6298-5.1, 6298-5.4, 6298-5.5, 6298-5.6.
fn timeouts_double() {
    let mut p = open_in(100, |c| c.rto_max = netglass::base::Duration::from_secs(60));
    p.write(10);
    p.expect_at(100, A, 1, 1, 10);
    let mut at = 100;
    for rto in [300, 600, 1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 60_000, 60_000] {
        at += rto;
        p.advance(at - p.now.as_millis());
        p.expect_at(at, A, 1, 1, 10);
        p.expect_nothing();
    }
}

/// RFC 6298 §2.2: RTO = R + 4 R/2; never below the knob.
// Rules: 6298-2.2.
fn first_sample() {
    for (rtt, rto) in [(100, 300_000), (1_000 - 1, 2_997_000), (10, 200_000)] {
        let p = open_in(rtt, |_| ());
        assert_eq!(p.info().rto, rto, "{rtt} ms");
        assert_eq!((p.info().rtt, p.info().rttvar), (rtt * 1_000, rtt * 500));
    }
}

/// RFC 6298 §2.3.
// Rules: 6298-2.3, 6298-3-2.
fn later_samples() {
    let mut p = open_in(100, |_| ());
    p.write(10);
    p.advance(200);
    p.ack(11);
    // RTTVAR = 3/4 · 50 + 1/4 · |100 - 200| = 62.5; SRTT = 7/8 · 100 + 1/8 · 200 = 112.5
    assert_eq!((p.info().rtt, p.info().rttvar, p.info().rto), (112_500, 62_500, 362_500));
}

/// RFC 6298 §3: what was sent twice measures nothing.
// Rules: MUST-18, 6298-3-1, 6298-5-1, 2525-2.10.
fn karn() {
    let mut p = open_in(100, |_| ());
    p.write(10);
    p.advance(300);
    p.ack(11);
    assert_eq!((p.info().rtt, p.info().rto), (100_000, 600_000));
}

/// RFC 7323 §4: with timestamps, retransmissions measure, too.
// Rules: 6298-3-1, 7323-4.1-1.
fn timestamps_measure_retransmissions() {
    let mut p = Puppet::new();
    p.connect();
    let val = p.expect(S, 0, 0, 0).options.ts.unwrap().val;
    p.advance(100);
    p.inject(SA, 0, 1, WND, ts(1, val), b"");
    p.expect(A, 1, 1, 0);
    p.write(10);
    p.advance(300);
    let val = p.take_all().last().and_then(|got| got.options.ts).unwrap().val;
    p.advance(200);
    p.inject(A, 1, 11, WND, ts(2, val), b"");
    assert_eq!(p.info().rtt, 112_500, "the echo names the retransmission, 200 ms ago");
}

/// RFC 6298 §5, note: only a new measurement ends the backoff.
// Rules: 6298-5-1.
fn a_measurement_ends_the_backoff() {
    let mut p = open_in(100, |_| ());
    p.write(10);
    p.advance(900);
    assert_eq!((p.take_all().len(), p.info().backoff), (3, 2));
    p.ack(11);
    assert_eq!((p.info().backoff, p.info().rto), (2, 1_200_000));
    p.write(10);
    p.advance(100);
    p.ack(21);
    assert_eq!((p.info().backoff, p.info().rto), (0, 250_000));
}

/// MUST-20, R1: the third retransmission is told.
// Rules: SHLD-9, SHLD-10.
fn r1_is_told() {
    let mut p = open_in(100, |_| ());
    p.write(10);
    let told = |p: &Puppet| {
        let is_r1 = |e: &Event| matches!(e, Event::Tcp(Tcp::R1 { retransmits: 3 }));
        p.records.iter().filter(|record| is_r1(&record.event)).count()
    };
    p.advance(900);
    assert_eq!(told(&p), 0);
    p.advance(1_200);
    assert_eq!(told(&p), 1);
}

/// RFC 5681 §3.1, RFC 6298 §5.4: the head at once, the rest in slow start.
// Rules: 6582-3.2-6, 5681-3.1-8, 2525-2.2, 2525-2.14.
fn everything_is_sent_again_after_a_timeout() {
    let mut p = open_in(100, |_| ());
    p.write(4_000);
    assert_eq!(p.take_all().len(), 4);
    p.advance(300);
    p.expect_at(400, A, 1, 1, 1000);
    p.expect_nothing();
    assert_eq!((p.info().ca_state, p.info().snd_cwnd, p.info().snd_ssthresh), (4, 1, 2));
    p.ack(1001);
    p.expect(A, 1001, 1, 1000);
    p.expect(A, 2001, 1, 1000);
    p.expect_nothing();
    p.ack(3001);
    p.expect(A, 3001, 1, 1000);
    p.ack(4001);
    p.expect_nothing();
    assert_eq!(p.info().ca_state, 0);
}

/// RFC 5681 §3.2: the third duplicate ACK. What duplicates say has left is not in flight, where the
/// RFC inflates cwnd: the same room.
// Rules: 6582-3.2-2, 6582-3.2-3, 8985-4-1, 5681-3.2-2, 5681-3.2-4, 5681-3.2-5, 5681-3.2-6.
// Rules: 5681-3.2-7, 2525-2.8.
fn fast_retransmit() {
    let mut p = open_in(100, |c| c.prr = false);
    p.write(10_000);
    assert_eq!(p.take_all().len(), 10);
    p.advance(50);
    p.ack(1);
    p.ack(1);
    p.expect_nothing();
    p.ack(1);
    p.expect_at(150, A, 1, 1, 1000);
    p.expect_nothing();
    let info = p.info();
    assert_eq!((info.ca_state, info.snd_ssthresh, info.snd_cwnd), (3, 5, 5));
    assert_eq!((info.unacked, info.bytes_in_flight), (10, 7_000));
    p.ack(10_001);
    assert_eq!((p.info().ca_state, p.info().backoff), (0, 0));
    assert!(p.info().snd_cwnd <= 5, "deflated");
    p.advance(10_000);
    p.expect_nothing();
}

/// RFC 6582 §3.2: each partial ACK sends the next hole again, without waiting for a timeout.
// Rules: 6582-3.2-4, 6582-3.2-5.
fn partial_acks() {
    let mut p = open_in(100, |c| c.prr = false);
    p.write(10_000);
    p.take_all();
    for _ in 0..3 {
        p.ack(1);
    }
    p.expect(A, 1, 1, 1000);
    // Room for one more segment each time, however much was acknowledged (step 3).
    for (hole, room) in [(2001, 0), (4001, 0), (7001, 1)] {
        p.ack(hole);
        let info = p.info();
        assert_eq!(info.snd_cwnd_bytes.saturating_sub(info.bytes_in_flight), 1000 * room);
        p.expect(A, hole, 1, 1000);
        p.expect_nothing();
        assert_eq!(p.info().ca_state, 3);
    }
    p.ack(10_001);
    assert_eq!(p.info().ca_state, 0);
}

/// RFC 3042: the first two duplicate ACKs let new data out beyond cwnd.
// Rules: 3042-2-1, 3042-2-2, 5681-3.2-3.
fn limited_transmit() {
    let mut p = open_in(100, |_| ());
    p.write(20_000);
    assert_eq!(p.take_all().len(), 10);
    p.ack(1);
    p.expect(A, 10_001, 1, 1000);
    p.ack(1);
    p.expect(A, 11_001, 1, 1000);
    p.expect_nothing();
    let info = p.info();
    assert_eq!((info.snd_cwnd, info.unacked), (10, 12), "cwnd MUST NOT be changed");
    assert_eq!(info.bytes_in_flight, 10_000, "as many as before");
    p.ack(1);
    p.expect(A, 1, 1, 1000);
}

/// RFC 5681 §2: (a) data outstanding, (b) no data, (c) no SYN or FIN, (d) SND.UNA, (e) same window.
// Rules: 5681-2-1.
fn what_is_no_duplicate() {
    let mut p = open_in(100, |_| ());
    for _ in 0..5 {
        p.ack(1);
    }
    p.write(1_000);
    p.expect(A, 1, 1, 1000);
    for wnd in [WND - 1, WND - 2, WND - 3, WND - 4] {
        p.window(1, wnd);
    }
    for n in 0..4 {
        p.inject(A, 1 + n, 1, WND - 4, none(), b"x");
    }
    p.snd = 5;
    assert!(p.take_all().iter().all(|got| got.len() == 0), "nothing is sent again");
    assert_eq!(p.info().ca_state, 0);
    p.inject(FA, 5, 1, WND - 4, none(), b"");
    assert_eq!((p.info().ca_state, p.state()), (0, State::CloseWait));
}

/// RFC 6582 §3.2, step 1: `recover` keeps echoes of our retransmissions from counting as loss.
// Rules: 6582-3.2-1, 6582-3.2-2, 6675-5.1-1, 5681-4.3-1.
fn no_second_recovery_for_one_window() {
    let mut p = open_in(100, |_| ());
    p.write(5_000);
    p.take_all();
    p.advance(300);
    p.take_all();
    for _ in 0..5 {
        p.ack(1);
    }
    p.expect_nothing();
    assert_eq!(p.info().ca_state, 4);
    // What is acknowledged must be more than `recover`, not just all of it.
    p.ack(5_001);
    assert_eq!(p.info().ca_state, 0);
    p.write(2_000);
    p.ack(6_001 - 1_000);
    p.take_all();
    for _ in 0..4 {
        p.ack(5_001);
    }
    assert!(p.take_all().iter().all(|got| got.seq > 5_001), "the head is not sent again");
    p.ack(7_001);
    p.write(2_000);
    p.take_all();
    for _ in 0..3 {
        p.ack(7_001);
    }
    assert_eq!(p.take_all().last().map(|got| got.seq), Some(7_001));
}

/// RFC 5681 §3.1, RFC 6928: ten segments, twice as many the next round.
// Rules: MUST-19, 5681-3.1-4, 2525-2.1.
fn slow_start_and_avoidance() {
    let mut p = open_in(100, |_| ());
    p.write(60_000);
    assert_eq!(p.take_all().len(), 10);
    for n in 1..=10 {
        p.ack(n * 1000 + 1);
    }
    assert_eq!((p.take_all().len(), p.info().snd_cwnd), (20, 20));
}

/// RFC 5681 §4.1: after a silence longer than the RTO, the initial window.
// Rules: 5681-4.1-1.
fn idle_restart() {
    let mut p = open_in(100, |_| ());
    p.write(60_000);
    for n in 1..=60 {
        p.ack(n * 1000 + 1);
    }
    p.take_all();
    assert!(p.info().snd_cwnd > 20);
    p.advance(10_000);
    p.write(30_000);
    assert_eq!(p.take_all().len(), 10);
}

/// RFC 5681 §2 (b): it carried data, though our closed window took none of it.
// Rules: 5681-2-1.
fn data_for_a_closed_window_is_no_duplicate() {
    let mut p = Puppet::with(|c| c.recv_buffer = 2048).open(mss(1000));
    p.data(1, 1024);
    p.data(1025, 1024);
    p.write(5_000);
    p.take_all();
    for _ in 0..5 {
        p.inject(A, 2049, 1, WND, none(), b"x");
    }
    assert!(p.take_all().iter().all(|got| got.len() == 0), "nothing is sent again");
    assert_eq!(p.info().ca_state, 0);
}

/// A path that has become slower than the RTO is measured all the same: would the backoff end with
/// the acknowledgment of what was sent twice, everything would be sent twice for ever.
fn a_slower_path_is_measured() {
    let mut p = open_in(100, |_| ());
    for n in 0..3 {
        p.write(10);
        p.advance(700); // the round trip
        p.ack(n * 10 + 11);
    }
    // The first is sent again once; the second waits 600 ms and is sent again; from then on the
    // RTO is what the path needs.
    p.take_all();
    p.write(10);
    p.advance(700);
    assert_eq!(p.take_all().len(), 1, "{:?}", p.info());
}

/// RFC 5681 §3.2, step 2: what limited transmit sent MUST NOT be counted.
// Rules: 3042-2-2, 5681-3.2-4.
fn limited_transmit_does_not_raise_ssthresh() {
    let mut p = open_in(100, |_| ());
    p.write(20_000);
    for _ in 0..3 {
        p.ack(1);
    }
    assert_eq!((p.info().ca_state, p.info().unacked, p.info().snd_ssthresh), (3, 12, 5));
}

/// RFC 6298 §5.3: only partial ACKs of a recovery leave the timer alone (RFC 6582 §3.2, step 3).
// Rules: 6298-5.3.
fn the_last_ack_of_a_recovery_restarts_the_timer() {
    let mut p = open_in(100, |_| ());
    p.write(20_000);
    for _ in 0..9 {
        p.ack(1);
    }
    p.advance(100);
    p.ack(5_001); // a partial one, at 200 ms: the timer runs until 500 ms
    p.advance(290);
    p.ack(12_001); // all there was when recovery began; what was sent since is in flight
    let sent = p.take_all();
    assert_eq!((p.info().ca_state, p.info().unacked > 0), (0, true), "{sent:?}");
    p.advance(250);
    assert!(p.take_all().is_empty(), "nothing is late yet");
}

/// RFC 6582 §3.2, step 3: cwnd is deflated by all that a partial ACK acknowledges, also when few
/// duplicates came before it: what left the network is replaced, no more.
// Rules: 5681-3.2-5.
fn lost_duplicates_do_not_burst() {
    let mut p = open_in(100, |c| c.prr = false);
    p.write(60_000);
    for n in 1..=10 {
        p.ack(n * 1000 + 1);
    }
    assert_eq!((p.take_all().len(), p.info().unacked), (30, 20));
    for _ in 0..3 {
        p.ack(10_001);
    }
    p.take_all();
    p.ack(25_001);
    let sent = p.take_all();
    assert_eq!(sent[0].seq, 25_001, "the hole");
    assert!(sent.len() <= 2, "{} segments in a burst", sent.len());
}

/// What partial ACKs took off the window is there again when nothing is in flight, though the
/// phase goes on until more is acknowledged.
fn a_window_that_came_down_holds_when_all_has_arrived() {
    let mut p = open_in(100, |c| (c.count_segments, c.prr) = (true, false));
    p.write(10_000);
    assert_eq!(p.take_all().len(), 10);
    p.advance(100);
    (0..3).for_each(|_| p.ack(1));
    p.expect(A, 1, 1, 1_000);
    p.ack(5_001);
    p.ack(10_001);
    assert_eq!((p.info().ca_state, p.info().unacked), (3, 0));
    p.take_all();
    p.write(20_000);
    assert_eq!(p.take_all().len(), 5, "half of ten");
}
