//! Windows and acknowledgments (RFC 9293 §3.8.6): delayed and immediate ACKs, Nagle, silly windows
//! on both sides, probes of closed windows, out-of-order data and SACK, PAWS, challenge limits.

use crate::support::puppet::{A, FA, Got, PEER_ISN, Puppet, R, S, SA, WND, byte, mss, none, ts};
use crate::support::seen::scenarios;
use netglass::base::Duration;
use netglass::stack::Event;
use netglass::tcp::{AckWhy, Cause, Event as Tcp, Plan, State};
use netglass::wire::tcp::{Ctl, Options};

scenarios![both families:
    delayed_acks,
    immediate_acks_are_not_merged,
    reassembly_is_bounded,
    a_window_behind_a_gap_has_room,
    nagle,
    sender_avoids_silly_windows,
    receiver_avoids_silly_windows,
    the_window_never_shrinks,
    zero_window_probes,
    unanswered_probes_give_up,
    a_shrinking_window_is_survived,
    old_segments_do_not_set_the_window,
    paws,
    timestamps_of_strangers_are_not_taken,
    missing_timestamps,
    challenges_are_bounded,
    pushes,
    urgent_data_is_sent,
    writing_before_the_handshake_is_over,
    only_a_believable_segment_sets_ts_recent,
    sack_blocks_name_distinct_ranges,
    a_fin_waits_for_the_window,
    probes_are_recognized,
    tiny_segments_do_not_outgrow_the_buffer,
    an_override_is_not_kept,
    a_smaller_buffer_takes_nothing_back;
    IPv4: sack_blocks_in_duplicate_acks,
];

/// MUST-40, SHLD-18, SHLD-19: 40 ms, or every second full segment.
// Rules: MUST-58, 5681-4.2-1, 2525-2.13.
fn delayed_acks() {
    let mut p = Puppet::new().in_state(State::Established, false);
    p.data(1, 1000);
    p.advance(39);
    p.expect_nothing();
    p.advance(1);
    p.expect_at(40, A, 1, 1001, 0);
    for n in 0..4 {
        p.data(1001 + n * 1000, 1000);
        if n % 2 == 1 {
            p.expect_at(40, A, 1, 2001 + n * 1000, 0)
        } else {
            continue;
        };
    }
    p.expect_nothing();
    // Data of ours carries it.
    p.data(5001, 10);
    p.write(5);
    p.expect(A, 1, 5011, 5);
    p.advance(100);
    p.expect_nothing();
}

/// RFC 5681 §4.2: ten frames out of order in one batch give ten duplicate ACKs.
// Rules: MUST-59, MAY-13, 5681-3.2-1, 5681-4.2-2.
fn immediate_acks_are_not_merged() {
    let mut p = Puppet::new().in_state(State::Established, false);
    p.batch = true;
    for n in 1..=10 {
        p.data(1 + n * 1000, 1000);
    }
    p.pump();
    for _ in 0..10 {
        p.expect(A, 1, 1, 0);
    }
    p.expect_nothing();
    p.data(1, 1000);
    p.pump();
    p.expect(A, 1, 11_001, 0);
    // A gap filled in part is acknowledged at once, too.
    p.data(13_001, 1000);
    p.data(12_001, 1000);
    p.data(11_001, 500);
    p.pump();
    let acks: Vec<_> = p.take_all().iter().map(|got| got.ack).collect();
    assert_eq!(acks, [11_001, 11_001, 11_501]);
}

fn blocks(got: &Got) -> Vec<(u32, u32)> {
    got.options.sack.iter().map(|(l, r)| (*l - PEER_ISN, *r - PEER_ISN)).collect()
}

/// RFC 2018 §4: the newest block first, as many as fit.
// Rules: MUST-16, 2018-3-1, 2018-4-2, 6691-2-2, 2525-2.18.
fn sack_blocks_in_duplicate_acks() {
    for stamps in [false, true] {
        let mut p = Puppet::new();
        p.connect();
        let theirs = p.expect(S, 0, 0, 0).options.ts.unwrap().val;
        let stamp = if stamps { ts(1, theirs) } else { none() };
        let options = Options { sack_permitted: true, mss: Some(1000), ..stamp.clone() };
        p.inject(SA, 0, 1, WND, options, b"");
        p.expect(A, 1, 1, 0);
        for at in [1001, 3001, 5001, 7001, 9001] {
            p.inject(A, at, 1, WND, stamp.clone(), &[0; 1000]);
        }
        let last = p.take_all().pop().unwrap();
        let all = [(9001, 10_001), (7001, 8001), (5001, 6001), (3001, 4001)];
        assert_eq!(blocks(&last), all[..if stamps { 3 } else { 4 }]);
        // Blocks take room from data: the segment still fits the peer's MSS (RFC 6691).
        p.write(5_000);
        let sent = p.take_all();
        let len = sent[0].packet.len() - 40;
        assert!(sent[0].len() > 900 && len <= 1000, "{len}");
    }
    // Not agreed, not sent.
    let mut p = Puppet::new().in_state(State::Established, false);
    p.data(1001, 10);
    assert!(p.expect(A, 1, 1, 0).options.sack.is_empty());
}

// Rules: SHLD-31, 2018-8-2, 2525-2.5.
fn reassembly_is_bounded() {
    let mut p = Puppet::with(|c| c.reassembly_pieces = 4).open(mss(1000));
    for n in 1..=6 {
        p.data(1 + n * 100, 50);
        p.expect(A, 1, 1, 0);
    }
    assert_eq!(p.drops("ReassemblyFull"), 2);
    p.data(1, 650);
    p.expect(A, 1, 651, 0);
    let mut room = [0; 1000];
    let n = p.stack.read(p.now, p.conn.unwrap(), &mut room).unwrap();
    assert_eq!(room[..n], (1..651).map(byte).collect::<Vec<_>>());
}

/// A window of whole segments behind a lost one has room, whatever the buffer is; of single bytes
/// far apart only so many are kept as the buffer's blocks allow.
// Rules: SHLD-31, 2525-2.5.
fn a_window_behind_a_gap_has_room() {
    let scaled = Options { wscale: Some(7), ..mss(1000) };
    let mut p = Puppet::with(|c| c.recv_buffer = 4 << 20).open(scaled);
    let segments = i64::from((4 << 20) / 1000 - 1);
    for n in 1..segments {
        p.data(1 + n * 1000, 1000);
        p.forget();
    }
    assert_eq!(p.drops("ReassemblyFull"), 0);
    p.data(1, 1000);
    assert_eq!(p.info().bytes_received, 1000 * segments as u64);
    let mut p = Puppet::with(|c| c.recv_buffer = 64 << 10).open(mss(1000));
    for n in 0..1000 {
        p.data(2 + n * 2, 1);
        p.forget();
    }
    let held = p.stack.conn(p.conn.unwrap()).unwrap().held_bytes();
    assert!(p.drops("ReassemblyFull") > 800 && held <= 4 * (64 << 10), "{held} bytes");
}

/// §3.7.4: a short segment waits while anything is in flight; MUST-17: unless switched off.
// Rules: MAY-16, MUST-60, SHLD-7.
fn nagle() {
    let mut p = Puppet::with(|c| c.minshall = false).in_state(State::Established, false);
    p.write(10);
    p.expect(A, 1, 1, 10);
    p.write(10);
    p.write(10);
    p.expect_nothing();
    p.write(990);
    p.expect(A, 11, 1, 1000);
    p.expect_nothing();
    p.ack(11);
    p.expect_nothing();
    p.ack(1011);
    p.expect(A, 1011, 1, 10);
    // Minshall's variant: only a small segment holds back a small one.
    let mut p = Puppet::new().in_state(State::Established, false);
    p.write(1010);
    p.expect(A, 1, 1, 1000);
    p.expect(A, 1001, 1, 10);
    p.write(10);
    p.expect_nothing();
    p.ack(1001);
    p.expect_nothing();
    p.ack(1011);
    p.expect(A, 1011, 1, 10);
    let mut p = Puppet::with(|c| c.nagle = false).open(mss(1000));
    for n in 0..5 {
        p.write(10);
        p.expect(A, 1 + n * 10, 1, 10);
    }
    // FIN does not wait for small data either.
    let mut p = Puppet::new().in_state(State::Established, false);
    p.write(10);
    p.write(10);
    p.expect(A, 1, 1, 10);
    p.shutdown();
    p.expect(A.with(Ctl::FIN), 11, 1, 10);
}

/// §3.8.6.2.1 (MUST-38): less than a segment, and less than half of the largest window, waits for
/// the override timeout.
// Rules: SHLD-28, 1122-4.2.3.4-1.
fn sender_avoids_silly_windows() {
    let mut p = Puppet::new().in_state(State::Established, false);
    p.window(1, 100);
    p.write(5_000);
    p.expect_nothing();
    p.advance(199);
    p.expect_nothing();
    p.advance(1);
    p.expect_at(200, A, 1, 1, 100);
    p.window(101, WND);
    assert_eq!(p.take_all()[0].len(), 1000);
    // Half of the largest window ever seen is enough.
    let mut p = Puppet::new();
    p.connect();
    p.expect(S, 0, 0, 0);
    p.inject(SA, 0, 1, 800, mss(1000), b"");
    p.expect(A, 1, 1, 0);
    p.window(1, 399);
    p.write(5_000);
    p.expect_nothing();
    p.window(1, 400);
    p.expect(A, 1, 1, 400);
}

/// §3.8.6.2.2 (MUST-39): the window opens by a segment or half of the buffer, not by bytes.
// Rules: MAY-8.
fn receiver_avoids_silly_windows() {
    let mut p = Puppet::with(|c| c.recv_buffer = 4_000).open(mss(1000));
    for n in 0..4 {
        p.data(1 + n * 1000, 1000);
    }
    assert_eq!(p.take_all().last().map(|got| got.wnd), Some(0));
    assert_eq!(p.read(900), 900);
    p.expect_nothing();
    assert_eq!(p.read(99), 99);
    p.expect_nothing();
    p.read(1);
    assert_eq!(p.expect(A, 1, 4001, 0).wnd, 1_000);
    p.read(999);
    p.expect_nothing();
    p.read(2_001);
    assert_eq!(p.expect(A, 1, 4001, 0).wnd, 4_000, "half of the buffer became free");
}

/// SHLD-14: the right edge moves to the right only, but for what the scale cannot say (RFC 7323
/// §2.4).
// Rules: 7323-2.4-1.
fn the_window_never_shrinks() {
    for buffer in [3_000, 70_001, 1 << 20] {
        let mut p = Puppet::with(|c| c.recv_buffer = buffer);
        p.connect();
        p.expect(S, 0, 0, 0);
        p.inject(SA, 0, 1, WND, Options { wscale: Some(0), ..mss(1000) }, b"");
        let shift = p.info().rcv_wscale;
        let (mut at, mut edge) = (1, 0);
        for round in 0..300u64 {
            let len = 1 + (round as usize * 37) % 1000;
            if p.info().rcv_wnd >= len as u64 {
                p.data(at, len);
                at += len as i64;
            }
            if round % 5 == 4 {
                p.read(700 + round as usize);
            }
            for got in p.take_all() {
                let right = got.ack + (i64::from(got.wnd) << shift);
                assert!(right + (1 << shift) > edge, "{right} < {edge} in round {round}");
                edge = edge.max(right);
            }
        }
        assert!(at > 2_000);
    }
}

/// MUST-36, MUST-37, SHLD-29, SHLD-30: after an RTO, then twice as long each time, for ever while
/// the peer answers.
// Rules: MUST-35, 6429-3-2, 2525-2.12.
fn zero_window_probes() {
    let mut p = Puppet::new().in_state(State::Established, false);
    p.window(1, 0);
    p.write(10);
    p.expect_nothing();
    let mut at = 0;
    for wait in [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 102_400, 120_000] {
        at += wait;
        p.advance(at - p.now.as_millis());
        p.expect_at(at, A, 0, 1, 0);
        p.expect_nothing();
        p.window(1, 0);
    }
    for _ in 0..50 {
        p.advance(120_000);
        p.expect(A, 0, 1, 0);
        p.window(1, 0);
    }
    assert_eq!(p.state(), State::Established);
    p.window(1, WND);
    p.expect(A, 1, 1, 10);
}

/// R2 for probes, in every state in which something may wait for the window.
fn unanswered_probes_give_up() {
    let states = [
        (State::Established, false, false),
        (State::CloseWait, true, false),
        (State::FinWait1, false, true),
        (State::Closing, false, true),
        (State::LastAck, true, true),
    ];
    for (state, peer_first, ours) in states {
        let mut p = Puppet::with(|c| c.retries2 = 3).open(mss(1000));
        p.window(1, 0);
        p.write(10);
        if peer_first {
            p.inject(FA, 1, 1, 0, none(), b"");
        }
        if ours {
            p.shutdown();
        }
        if state == State::Closing {
            p.inject(FA, 1, 1, 0, none(), b"");
        }
        p.take_all();
        assert_eq!(p.state(), state);
        p.advance(10_000);
        assert_eq!((p.take_all().len(), p.state()), (3, State::Closed));
        let last = p.records.iter().rev().find_map(|record| match &record.event {
            Event::Tcp(Tcp::State { cause, .. }) => Some(*cause),
            _ => None,
        });
        assert_eq!(last, Some(Cause::ProbeTimeout));
    }
}

/// SHLD-15 to SHLD-17, MUST-34: the right edge moved left with data in flight. Nothing new is sent,
/// the old is sent again, and while the peer answers, nobody gives up.
// Rules: SHLD-16, MAY-7.
fn a_shrinking_window_is_survived() {
    let mut p = Puppet::with(|c| c.retries2 = 3).open(mss(1000));
    p.write(15_000);
    assert_eq!(p.take_all().len(), 10);
    p.window(1001, 0);
    p.expect_nothing();
    let mut at = 0;
    for wait in [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600] {
        at += wait;
        p.advance(at - p.now.as_millis());
        p.expect_at(at, A, 1001, 1, 1000);
        p.expect_nothing();
        p.window(1001, 0);
    }
    assert_eq!(p.state(), State::Established);
    p.window(10_001, WND);
    assert_eq!(p.take_all()[0].seq, 10_001);
}

/// §3.10.7.4, fifth: "this check prevents using old segments to update the window".
fn old_segments_do_not_set_the_window() {
    let mut p = Puppet::new().in_state(State::Established, false);
    p.data(1, 10);
    p.inject(A, 11, 1, 500, none(), b"");
    assert_eq!(p.info().snd_wnd, 500);
    p.inject(A, 1, 1, 9_000, none(), &[0; 20]);
    assert_eq!(
        p.info().snd_wnd,
        9_000,
        "a segment that continues there counts by its trimmed start"
    );
    p.write(100);
    p.inject(A, 31, 101, 700, none(), b"");
    p.inject(A, 31, 1, 9_999, none(), b"");
    assert_eq!(p.info().snd_wnd, 700, "an older ACK does not");
    p.inject(A, 131, 101, 800, none(), b"ahead");
    p.inject(A, 31, 101, 9_999, none(), b"");
    assert_eq!(p.info().snd_wnd, 800, "nor does one that was overtaken");
}

fn stamped() -> (Puppet, u32) {
    let mut p = Puppet::new();
    p.connect();
    let val = p.expect(S, 0, 0, 0).options.ts.unwrap().val;
    p.inject(SA, 0, 1, WND, ts(1_000, val), b"");
    p.expect(A, 1, 1, 0);
    (p, val)
}

/// RFC 7323 §5.3, R1 and R3; a reset needs no timestamp; TS.Recent expires after 24 days.
// Rules: MUST-5, 7323-5.3-1, 7323-5.3-2, 7323-5.5-1.
fn paws() {
    let (mut p, val) = stamped();
    p.inject(A, 1, 1, WND, ts(999, val), b"old");
    assert_eq!(p.expect(A, 1, 1, 0).options.ts.map(|ts| ts.ecr), Some(1_000));
    assert_eq!((p.drops("Paws"), p.info().bytes_received), (1, 0));
    p.inject(A, 1, 1, WND, ts(1_005, val), b"new");
    p.advance(40);
    assert_eq!(p.expect(A, 1, 4, 0).options.ts.map(|ts| ts.ecr), Some(1_005));
    // Out of order: TS.Recent stays with what was acknowledged (§4.3).
    p.inject(A, 10, 1, WND, ts(1_010, val), b"gap");
    assert_eq!(p.expect(A, 1, 4, 0).options.ts.map(|ts| ts.ecr), Some(1_005));
    p.advance(25 * 24 * 3600 * 1000);
    p.inject(A, 4, 1, WND, ts(3, val), b"later");
    assert_eq!(p.info().bytes_received, 8);
    p.inject(R, 9, 0, WND, ts(1, 0), b"");
    assert_eq!(p.state(), State::Closed);
}

/// RFC 7323 §3.2: dropped without a word, but not a reset.
// Rules: 7323-3.2-2.
fn missing_timestamps() {
    let (mut p, _) = stamped();
    p.inject(A, 1, 1, WND, none(), b"data");
    p.expect_nothing();
    assert_eq!(p.drops("NoTimestamp"), 1);
    p.inject(R, 1, 0, WND, none(), b"");
    assert_eq!(p.state(), State::Closed);
}

/// RFC 5961 §7: one challenge in half a second, whatever provokes it.
// Rules: MAY-12, 5961-5.2-1, 5961-7-1.
fn challenges_are_bounded() {
    let mut p = Puppet::new().in_state(State::Established, false);
    for n in 0..30 {
        match n % 3 {
            0 => p.inject(S, 5, 0, WND, none(), b""),
            1 => p.inject(R, 5, 0, WND, none(), b""),
            _ => p.inject(A, 1, 9, WND, none(), b""),
        }
    }
    p.expect(A, 1, 1, 0);
    p.expect_nothing();
    assert_eq!(p.drops("ChallengeLimit"), 29);
    p.advance(500);
    p.inject(S, 5, 0, WND, none(), b"");
    p.expect_at(500, A, 1, 1, 0);
    // Two ends that disagree do not acknowledge each other for ever.
    let mut p = Puppet::with(|c| c.challenge_interval = Duration::from_millis(500));
    p = p.open(mss(1000));
    for _ in 0..20 {
        p.inject(A, 70_000, 1, WND, none(), b"");
    }
    p.expect(A, 1, 1, 0);
    p.expect_nothing();
}

/// MUST-60, MUST-61: the last segment of what was written is pushed.
// Rules: SHLD-27.
fn pushes() {
    let mut p = Puppet::new().in_state(State::Established, false);
    p.write(2_500);
    p.ack(2001);
    let pushed: Vec<_> = p.take_all().iter().map(|got| got.ctl.has(Ctl::PSH)).collect();
    assert_eq!(pushed, [false, false, true]);
}

/// MUST-30, MUST-31: of any length, the pointer behind its last byte.
// Rules: MUST-62, 6093-4-1.
fn urgent_data_is_sent() {
    let mut p = Puppet::new().in_state(State::Established, false);
    let conn = p.conn.unwrap();
    p.stack.write_urgent(p.now, conn, &[7; 2_000]).unwrap();
    p.pump();
    let sent = p.take_all();
    assert_eq!(sent.iter().map(|got| got.urg).collect::<Vec<_>>(), [2_000, 1_000]);
    assert!(sent.iter().all(|got| got.ctl.urg()));
    p.ack(2_001);
    p.write(10);
    assert!(!p.expect(A, 2_001, 1, 10).ctl.urg());
}

/// §3.9.1.2: data queued before ESTABLISHED goes out after it; crossing SYNs change nothing.
fn writing_before_the_handshake_is_over() {
    let mut p = Puppet::new().in_state(State::SynSent, false);
    p.write(10);
    p.expect_nothing();
    p.inject(SA, 0, 1, WND, mss(1000), b"");
    p.expect(A, 1, 1, 10);
    let mut p = Puppet::new().in_state(State::SynReceived, false);
    p.write(10);
    p.expect_nothing();
    p.inject(A, 1, 1, WND, none(), b"");
    p.expect(A, 1, 1, 10);
}

/// RFC 7323 §4.3 (2): SEG.SEQ =< Last.ACK.sent counts as the segment came; and no segment counts
/// whose ACK only a blind attacker would send (RFC 5961 §5).
// Rules: 7323-4.3-1.
fn only_a_believable_segment_sets_ts_recent() {
    let (mut p, val) = stamped();
    p.inject(A, 1, 1, WND, ts(1_001, val), b"unacknowledged");
    p.inject(A, 1, 1, WND, ts(1_002, val), b"unacknowledged, and more");
    p.advance(40);
    assert_eq!(p.expect(A, 1, 25, 0).options.ts.map(|ts| ts.ecr), Some(1_002));
    p.inject(A, 20, 70_000, WND, ts(900_000_000, val), &[0; 20]);
    assert_eq!(p.expect(A, 1, 25, 0).options.ts.map(|ts| ts.ecr), Some(1_002));
    p.inject(A, 25, 1, WND, ts(1_003, val), b"true");
    assert_eq!((p.info().bytes_received, p.drops("Paws")), (28, 0));
}

/// RFC 2018 §4: "as many distinct SACK blocks as possible", the newest first.
// Rules: 2018-4-3, 2018-4-4.
fn sack_blocks_name_distinct_ranges() {
    let mut p = Puppet::new().open(Options { sack_permitted: true, ..mss(1000) });
    p.data(1_001, 1_000);
    for n in 0..6 {
        p.data(5_001 + n * 1_000, 1_000);
    }
    let last = p.take_all().pop().unwrap();
    let blocks: Vec<_> = blocks(&last).into_iter().collect();
    assert_eq!(blocks, [(5_001, 11_001), (1_001, 2_001)]);
}

/// A FIN takes a sequence number, and so a place in the window; it goes out when there is one, and
/// not a retransmission timeout later.
fn a_fin_waits_for_the_window() {
    let mut p = Puppet::new().in_state(State::Established, false);
    p.window(1, 1_000);
    p.write(1_000);
    p.shutdown();
    p.expect(A, 1, 1, 1000);
    p.expect_nothing();
    p.window(1_001, 0);
    p.advance(200);
    p.expect(A, 1_000, 1, 0); // a probe
    p.window(1_001, 0);
    p.advance(150);
    p.window(1_001, 500);
    p.expect_at(350, FA, 1_001, 1, 0);
    // It does not ride along where only the data fits.
    let mut p = Puppet::new().in_state(State::Established, false);
    p.window(1, 0);
    p.write(1_000);
    p.shutdown();
    p.window(1, 1_000);
    p.expect(A, 1, 1, 1000);
    p.window(1_001, 1_000);
    p.expect(FA, 1_001, 1, 0);
}

/// What asks whether we are there, or have room, is answered with that reason.
fn probes_are_recognized() {
    let mut p = Puppet::new().in_state(State::Established, false);
    p.inject(A, 0, 1, WND, none(), b"");
    p.expect(A, 1, 1, 0);
    let probed = |record: &netglass::stack::Record| {
        let plan = Plan::Ack { why: AckWhy::Probed };
        matches!(&record.event, Event::Tcp(Tcp::Sent { plan: p, .. }) if *p == plan)
    };
    assert!(p.records.iter().any(probed));
}

/// RFC 7323 §2.4: what the scale cannot say is rounded down and still honoured. Rounded up, each
/// tiny segment would be given new room, and the buffer would have no bound.
// Rules: 7323-2.4-1.
fn tiny_segments_do_not_outgrow_the_buffer() {
    let buffer = 1 << 20;
    let mut p = Puppet::new().open(Options { wscale: Some(7), ..mss(1000) });
    let mut seq = 1;
    while seq < buffer - 1_000 {
        p.data(seq, 1_000);
        seq += 1_000;
    }
    for _ in 0..2_000 {
        p.data(seq, 1);
        seq += 1;
    }
    assert_eq!(p.info().bytes_received, buffer as u64, "all of the buffer, and no more");
    assert_eq!(p.take_all().last().map(|got| got.wnd), Some(0));
}

/// The silly-window override is for the wait that it ended, not for a later one.
fn an_override_is_not_kept() {
    let mut p = Puppet::new().in_state(State::Established, false);
    p.window(1, 100);
    p.write(3_000);
    p.expect_nothing();
    p.now += Duration::from_millis(200);
    p.batch = true;
    p.window(1, 3_100); // in the batch in which the override expires
    p.batch = false;
    p.pump();
    assert_eq!(p.take_all().len(), 3);
    p.window(3_001, 100);
    p.write(3_000);
    p.advance(199);
    p.expect_nothing();
    p.advance(1);
    p.expect(A, 3_001, 1, 100);
}

/// A receive buffer made smaller takes nothing back that was offered.
fn a_smaller_buffer_takes_nothing_back() {
    let mut p = Puppet::new().open(Options { wscale: Some(7), ..mss(1000) });
    let conn = p.conn.unwrap();
    let mut config = p.stack.config(conn).unwrap().clone();
    config.recv_buffer = 2_048;
    p.stack.configure(p.now, conn, config).unwrap();
    for n in 0..10 {
        p.data(1 + n * 1_000, 1_000);
    }
    assert_eq!(p.info().bytes_received, 10_000);
    let edges: Vec<_> = p.take_all().iter().map(|g| g.ack + (i64::from(g.wnd) << 5)).collect();
    assert!(edges.iter().all(|edge| edges[0] - edge < 32), "{edges:?}");
}

/// RFC 5961 §5.2: a segment whose ACK is impossible is discarded, with its timestamp. (Taken,
/// it would make everything that the peer sends later look old.)
fn timestamps_of_strangers_are_not_taken() {
    let mut p = Puppet::new().open(Options { mss: Some(1000), ..ts(5_000, 0) });
    for (ctl, ack) in [(A, 100_000), (A, -100_000), (S, 0), (Ctl::NONE, 0)] {
        p.inject(ctl, 1, ack, WND, ts(1_000_000_000, 1), b"");
        p.take_all();
        p.advance(1_000);
    }
    p.inject(A, 1, 1, WND, ts(5_001, 1), b"hello");
    assert_eq!((p.read(10), p.drops("Paws")), (5, 0));
}
