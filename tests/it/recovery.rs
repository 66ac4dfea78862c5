//! Loss recovery with SACK: RACK, loss probes, rate reduction, and what is taken back, with exact
//! times (RFC 6675, RFC 8985, RFC 9937, RFC 5682, RFC 3522, RFC 3708, RFC 2883).

use crate::support::puppet::{A, FA, Puppet, S, SA, WND, mss, none};
use crate::support::seen::scenarios;
use netglass::base::Seq;
use netglass::stack::Event;
use netglass::tcp::{Config, Event as Tcp, Spurious};
use netglass::wire::tcp::{Options, Timestamps};
use std::time::Duration;

scenarios![both families:
    one_lost_segment_costs_no_timeout,
    a_lost_tail_is_probed_for,
    new_data_probes_before_old,
    a_probe_that_repaired_reduces,
    a_probe_received_twice_reduces_nothing,
    a_lost_retransmission_is_found_by_time,
    reordering_within_the_window_is_waited_for,
    reordering_once_seen_is_waited_for,
    counting_finds_losses_without_rack,
    rate_reduction_sends_for_every_second_ack,
    a_needless_retransmission_is_taken_back_by_dsack,
    a_needless_timeout_is_taken_back_by_frto,
    a_needless_timeout_is_taken_back_by_timestamps,
    a_true_timeout_is_not_taken_back,
    a_reneging_receiver_is_sent_everything,
    what_arrives_twice_is_reported,
    blocks_that_lie_are_ignored,
    a_duplicate_of_the_network_takes_nothing_back,
    a_long_round_trip_is_no_silence,
    losses_found_between_acks_make_room,
    hundreds_of_duplicates_are_counted,
    last_resorts_keep_acks_coming,
];

/// Open with SACK, in `ms`, as `change` says.
pub(crate) fn open_in(ms: u64, change: impl FnOnce(&mut Config)) -> Puppet {
    let mut p = Puppet::with(change);
    p.connect();
    p.expect(S, 0, 0, 0);
    p.advance(ms);
    p.inject(SA, 0, 1, WND, Options { sack_permitted: true, ..mss(1000) }, b"");
    p.expect(A, 1, 1, 0);
    p
}

pub(crate) fn open() -> Puppet {
    open_in(100, |_| ())
}

impl Puppet {
    /// An ACK with SACK blocks, in the host's relative numbers.
    pub(crate) fn sack(&mut self, ack: i64, blocks: &[(i64, i64)]) {
        self.sack_with(ack, blocks, None);
    }

    fn sack_with(&mut self, ack: i64, blocks: &[(i64, i64)], ts: Option<Timestamps>) {
        let live = |n: i64| -> Seq { self.iss + n as u32 };
        let sack = blocks.iter().map(|(left, right)| (live(*left), live(*right))).collect();
        self.inject(A, self.snd, ack, WND, Options { sack, ts, ..none() }, b"");
    }

    fn undone(&self) -> Vec<Spurious> {
        let undo = |event: &Event| match event {
            Event::Tcp(Tcp::Undo { how, .. }) => Some(*how),
            _ => None,
        };
        self.records.iter().filter_map(|record| undo(&record.event)).collect()
    }

    /// Ten segments are out.
    fn ten(mut self) -> Puppet {
        self.write(10_000);
        assert_eq!(self.take_all().len(), 10);
        self
    }
}

/// One round trip and no timeout: three SACKed segments behind it make a loss.
// Rules: 2018-5-1, 2018-5.1-1, 6675-4-2, 6675-5-2, 6675-5-3, 8985-6.2-5.
fn one_lost_segment_costs_no_timeout() {
    let mut p = open().ten();
    p.advance(100);
    p.sack(1, &[(1001, 2001)]);
    p.sack(1, &[(1001, 3001)]);
    p.expect_nothing();
    assert_eq!((p.info().ca_state, p.info().sacked), (1, 2));
    p.sack(1, &[(1001, 4001)]);
    p.expect_at(200, A, 1, 1, 1000);
    let info = p.info();
    assert_eq!((info.ca_state, info.snd_ssthresh, info.lost, info.retrans), (3, 5, 1, 1));
    p.sack(1, &[(1001, 10_001)]);
    p.advance(100);
    p.ack(10_001);
    let info = p.info();
    assert_eq!((info.ca_state, info.total_retrans, info.backoff), (0, 1, 0));
    p.advance(20_000);
    p.expect_nothing();
}

/// RFC 8985 §7: the last of ten is lost. Two round trips and what the receiver may delay the ACK of
/// a single segment are longer than the RTO, at whose end the probe takes its place (§7.2).
// Rules: 8985-7.2-1, 8985-7.2-2, 8985-7.3-1, 8985-7.3-3, 8985-8-1.
fn a_lost_tail_is_probed_for() {
    let mut p = open().ten();
    p.advance(100);
    p.ack(9_001);
    assert_eq!(p.info().rto, 250_000);
    p.advance(249);
    p.expect_nothing();
    p.advance(1);
    p.expect_at(200 + 250, A, 9_001, 1, 1000);
    assert_eq!((p.info().ca_state, p.info().retransmits), (0, 0), "no timeout");
    p.advance(249);
    p.expect_nothing();
    p.advance(1);
    p.expect_at(450 + 250, A, 9_001, 1, 1000);
    assert_eq!((p.info().ca_state, p.info().retransmits), (4, 1), "the probe was lost, too");
}

/// RFC 8985 §7.3: new data, beyond cwnd by a segment.
// Rules: 8985-7.3-2.
fn new_data_probes_before_old() {
    let mut p = open();
    p.write(12_000);
    assert_eq!(p.take_all().len(), 10);
    p.advance(202);
    p.expect_at(302, A, 10_001, 1, 1000);
    p.expect_nothing();
    assert_eq!((p.info().snd_cwnd, p.info().unacked), (10, 11));
}

/// RFC 8985 §7.4.2: what the probe has repaired was lost to congestion.
// Rules: 8985-7.4-1, 8985-7.4-2.
fn a_probe_that_repaired_reduces() {
    let mut p = probed();
    p.ack(9_001);
    p.ack(10_001); // the probe, or the original: one does not know yet
    let cwnd = p.info().snd_cwnd;
    assert!(cwnd >= 10);
    p.write(1_000);
    p.expect(A, 10_001, 1, 1000);
    p.ack(11_001); // and no report of anything received twice
    assert!(p.info().snd_cwnd <= cwnd / 2, "{}", p.info().snd_cwnd);
}

/// RFC 8985 §7.4.2: the original had arrived, too.
// Rules: 8985-7.4-1.
fn a_probe_received_twice_reduces_nothing() {
    let mut p = probed();
    p.ack(10_001);
    p.sack(10_001, &[(9_001, 10_001)]);
    p.write(1_000);
    p.expect(A, 10_001, 1, 1000);
    p.ack(11_001);
    assert!(p.info().snd_cwnd >= 10);
}

/// Ten segments without an ACK: the last was sent again.
fn probed() -> Puppet {
    let mut p = open().ten();
    p.advance(202);
    p.expect_at(302, A, 9_001, 1, 1000);
    p
}

/// RFC 8985 §3.4: what was sent after the retransmission arrives, and it does not.
// Rules: 8985-4-2, 8985-6.2-2.
fn a_lost_retransmission_is_found_by_time() {
    let mut p = open();
    p.write(30_000);
    assert_eq!(p.take_all().len(), 10);
    p.advance(100);
    p.sack(1, &[(1001, 10_001)]);
    let sent = p.take_all();
    assert_eq!((sent[0].seq, sent[1].seq), (1, 10_001), "again, and then what is new");
    p.advance(100);
    p.sack(1, &[(1001, 11_001)]);
    // Its round trip, and a quarter of the smallest one: nothing was reordered yet, so none.
    p.expect_at(300, A, 1, 1, 1000);
    assert_eq!(p.info().retransmits, 0, "no timeout");
}

/// RFC 8985 §6.2: one segment behind it has arrived, two have not: it may be late by a quarter of
/// the round trip.
// Rules: 3042-2-3, 8985-6.2-4.
fn reordering_within_the_window_is_waited_for() {
    let mut p = open().ten();
    p.advance(100);
    p.sack(1, &[(1001, 2001)]);
    p.expect_nothing();
    p.advance(24);
    p.expect_nothing();
    p.advance(1);
    p.expect_at(225, A, 1, 1, 1000);
    let mut p = open().ten();
    p.advance(100);
    p.sack(1, &[(1001, 2001)]);
    p.advance(20);
    p.ack(2001); // it was late
    p.advance(10);
    p.expect_nothing();
    assert_eq!((p.info().ca_state, p.info().snd_cwnd >= 10), (0, true));
}

/// RFC 8985 §6.2: once something arrived late, three segments behind are not enough.
// Rules: 8985-6.2-3, 8985-6.2-4.
fn reordering_once_seen_is_waited_for() {
    let mut p = open().ten();
    p.advance(100);
    p.sack(1, &[(1001, 2001)]);
    p.ack(2001);
    p.sack(2001, &[(3001, 9001)]);
    p.expect_nothing();
    assert_eq!(p.info().ca_state, 1);
    p.advance(24);
    p.expect_nothing();
    p.advance(1);
    p.expect_at(225, A, 2001, 1, 1000);
}

/// RFC 6675 §4: without RACK, three segments or more than two segments' bytes behind.
// Rules: 6675-4-1, 6675-4-3, 6675-5-1.
fn counting_finds_losses_without_rack() {
    let mut p = open_in(100, |c| c.rack = false).ten();
    p.advance(100);
    p.sack(1, &[(1001, 3001)]);
    p.advance(50);
    p.expect_nothing();
    p.sack(1, &[(1001, 4001)]);
    p.expect(A, 1, 1, 1000);
    assert_eq!(p.info().ca_state, 3);
    let mut p = open_in(100, |c| c.rack = false).ten();
    p.sack(1, &[(5001, 6001), (3001, 4001), (1001, 2001)]);
    p.expect(A, 1, 1, 1000);
}

/// RFC 9937 §6.2: ssthresh is half, so every second ACK sends.
// Rules: 9937-6.1-1, 9937-6.2-1, 9937-6.3-1, 9937-6.4-1.
fn rate_reduction_sends_for_every_second_ack() {
    let mut p = open();
    p.write(60_000);
    p.advance(100);
    for n in 1..=10 {
        p.ack(n * 1000 + 1);
    }
    p.advance(100);
    assert_eq!((p.take_all().len(), p.info().unacked), (30, 20));
    let counts: Vec<usize> = (1..20)
        .map(|n| {
            p.sack(10_001, &[(11_001, 11_001 + n * 1000)]);
            p.take_all().len()
        })
        .collect();
    assert_eq!(counts[..3], [1, 1, 1], "twice limited transmit, then the fast retransmit");
    let sum: usize = counts[3..].iter().sum();
    assert!((7..=9).contains(&sum) && counts[3..].iter().all(|n| *n <= 1), "{counts:?}");
    let info = p.info();
    assert_eq!((info.snd_ssthresh, info.bytes_in_flight / 1000), (10, 10));
}

/// RFC 3708 §3: the retransmission was for nothing.
// Rules: 2883-5-1, 3708-3-1.
fn a_needless_retransmission_is_taken_back_by_dsack() {
    let mut p = open().ten();
    p.advance(100);
    p.sack(1, &[(1001, 4001)]);
    p.expect(A, 1, 1, 1000);
    assert_eq!((p.info().ca_state, p.info().snd_ssthresh), (3, 5));
    p.ack(4001); // the original, late
    p.sack(4001, &[(1, 1001)]);
    let info = p.info();
    assert_eq!((info.ca_state, p.undone()), (0, vec![Spurious::Dsack]));
    assert!(info.snd_cwnd >= 10 && info.ssthresh().is_none(), "as before: {}", info.snd_cwnd);
}

/// Ten segments, and nothing for so long that the timer expires.
pub(crate) fn timed_out(change: impl FnOnce(&mut Config)) -> Puppet {
    let mut p = open_in(100, |c| {
        c.tlp = false;
        change(c);
    });
    p.write(12_000);
    assert_eq!(p.take_all().len(), 10);
    p.advance(300);
    p.expect_at(400, A, 1, 1, 1000);
    p.expect_nothing();
    assert_eq!(p.info().ca_state, 4);
    p
}

/// RFC 5682 §3.1: new data goes out for the first ACK; the second one is of an original.
// Rules: 5682-3.1-1, 5682-3.1-2, 5682-3.1-4, 9438-4.9.1-1.
fn a_needless_timeout_is_taken_back_by_frto() {
    let mut p = timed_out(|_| ());
    p.ack(1001);
    p.expect(A, 10_001, 1, 1000);
    p.expect(A, 11_001, 1, 1000);
    p.expect_nothing();
    p.ack(2001);
    assert_eq!((p.info().ca_state, p.undone()), (0, vec![Spurious::Frto]));
    assert!(p.info().snd_cwnd >= 10 && p.info().lost == 0);
}

/// RFC 3522 §3.2: the ACK echoes a timestamp from before the retransmission.
// Rules: 3522-3.2-2, 3522-3.2-3, 4015-3.2-1, 4015-3.3-1, 4015-3.4-1.
fn a_needless_timeout_is_taken_back_by_timestamps() {
    let (mut p, first) = timed_out_with_timestamps();
    echo(&mut p, 1001, first + 100);
    assert_eq!((p.info().ca_state, p.undone()), (0, vec![Spurious::Eifel]));
    p.expect_nothing();
}

/// An ACK that echoes `ecr`.
pub(crate) fn echo(p: &mut Puppet, ack: i64, ecr: u32) {
    p.sack_with(ack, &[], Some(Timestamps { val: 2, ecr }));
}

/// Ten segments sent at 100 ms, whose timer has expired; and the timestamp of the SYN.
pub(crate) fn timed_out_with_timestamps() -> (Puppet, u32) {
    let mut p = Puppet::with(|c| (c.tlp, c.frto) = (false, false));
    p.connect();
    let syn = p.expect(S, 0, 0, 0);
    let first = syn.options.ts.expect("timestamps").val;
    p.advance(100);
    let ts = Some(Timestamps { val: 1, ecr: first });
    p.inject(SA, 0, 1, WND, Options { sack_permitted: true, ts, ..mss(1012) }, b"");
    p.expect(A, 1, 1, 0);
    let mut p = p.ten();
    p.advance(300);
    p.expect_at(400, A, 1, 1, 1000);
    (p, first)
}

/// RFC 5682 §3.1 step 3a: what was sent before stays missing.
// Rules: 5682-3.1-3.
fn a_true_timeout_is_not_taken_back() {
    let mut p = timed_out(|_| ());
    p.ack(1001);
    p.expect(A, 10_001, 1, 1000);
    p.expect(A, 11_001, 1, 1000);
    p.sack(1001, &[(10_001, 11_001)]);
    p.expect(A, 1001, 1, 1000);
    assert_eq!((p.info().ca_state, p.undone()), (4, vec![]));
}

/// RFC 2018 §8: SACK is advice: after a timeout, what was reported may be gone.
// Rules: 2018-5-2, 2018-5-3, 2018-8-1.
fn a_reneging_receiver_is_sent_everything() {
    let mut p = open_in(100, |c| c.frto = false).ten();
    p.advance(100);
    p.sack(1, &[(1001, 10_001)]);
    p.expect(A, 1, 1, 1000);
    p.ack(1001); // and forgets the rest
    p.take_all();
    assert_eq!(p.info().sacked, 9);
    p.advance(10_000);
    let again = p.take_all();
    assert_eq!(again[0].seq, 1001, "{again:?}");
    for n in 2..=10 {
        p.ack(n * 1000 + 1);
    }
    assert_eq!((p.info().unacked, p.info().sacked), (0, 0));
}

/// RFC 2883 §4: the first block is what arrived twice.
// Rules: 2883-4-1, 2883-4-2, 2883-4-3, 2883-4-4.
fn what_arrives_twice_is_reported() {
    let mut p = open();
    let blocks = |p: &mut Puppet, ack: i64| {
        let got = p.expect(A, 1, ack, 0);
        let base = i64::from((got.options.sack.first().map_or(Seq(0), |b| b.0)).0);
        let relative = |seq: Seq| i64::from(seq - Seq(u32::MAX - 500));
        assert!(base >= 0);
        got.options.sack.iter().map(|(l, r)| (relative(*l), relative(*r))).collect::<Vec<_>>()
    };
    p.data(1, 1000);
    p.advance(50);
    assert_eq!(blocks(&mut p, 1001), []);
    p.data(1, 1000); // all of it again
    assert_eq!(blocks(&mut p, 1001), [(1, 1001)]);
    p.data(2001, 1000);
    assert_eq!(blocks(&mut p, 1001), [(2001, 3001)]);
    p.data(2001, 1000); // again, behind the gap: it lies in the second block
    assert_eq!(blocks(&mut p, 1001), [(2001, 3001), (2001, 3001)]);
    p.data(501, 1000); // half of it again
    assert_eq!(blocks(&mut p, 1501), [(501, 1001), (2001, 3001)]);
    p.data(3001, 1000);
    assert_eq!(blocks(&mut p, 1501), [(2001, 4001)], "once");
}

/// Blocks of what was never sent, or of nothing.
fn blocks_that_lie_are_ignored() {
    let mut p = open().ten();
    for block in [(20_001, 30_001), (5001, 5001), (6001, 5001), (9001, 10_002), (-5_000_000, 11)] {
        p.sack(1, &[block]);
        assert_eq!((p.info().sacked, p.info().lost), (0, 0), "{block:?}");
    }
    p.sack(1, &[(5001, 5002)]); // less than a segment
    assert_eq!(p.info().sacked, 0);
    p.sack(1, &[(8001, 2001)]);
    p.sack(1, &[(2001, 4001)]); // begins before that one, and ends behind it
    assert_eq!(p.info().sacked, 2);
    p.inject(FA, 1, 10_001, WND, none(), b"");
    assert_eq!(p.info().unacked, 0);
}

/// RFC 3708 §3: what was received twice and never sent again says nothing of a retransmission.
fn a_duplicate_of_the_network_takes_nothing_back() {
    let mut p = open().ten();
    p.advance(100);
    for right in [2_001, 3_001, 4_001] {
        p.sack(1, &[(1_001, right)]);
    }
    p.expect(A, 1, 1, 1_000);
    let reduced = p.info().snd_ssthresh;
    p.sack(1, &[(2_001, 3_001), (1_001, 4_001)]);
    assert_eq!((p.info().dsack_dups, p.info().snd_ssthresh), (1, reduced));
    assert_eq!(p.undone(), []);
}

/// A second without an ACK is no silence while data is in flight: blocks are heeded.
fn a_long_round_trip_is_no_silence() {
    let mut p = open_in(1_200, |c| {
        (c.rto_initial, c.tlp) = (std::time::Duration::from_secs(3), false);
    })
    .ten();
    p.advance(1_190);
    p.advance(10);
    for right in [2_001, 3_001, 4_001] {
        p.sack(1, &[(1_001, right)]);
    }
    p.expect(A, 1, 1, 1_000);
    assert_eq!((p.info().sacked, p.info().total_rto), (3, 0));
}

/// RFC 9937 §6.2: each ACK says how much may be in flight. What the reordering timer takes for lost
/// then leaves it, and goes out again at once.
// Rules: 9937-6.2-1.
fn losses_found_between_acks_make_room() {
    let mut p = open_in(100, |c| c.rto_min = Duration::from_secs(1));
    p.write(2_000);
    p.advance(100);
    p.sack(1, &[(1001, 2001)]);
    p.ack(2_001); // the path reorders
    p.write(40_000);
    p.advance(100);
    (4_001..=6_001).step_by(1000).for_each(|right| p.sack(2_001, &[(3_001, right)]));
    p.advance(30);
    for right in (7_001..=16_001).step_by(1000) {
        p.advance(if right == 15_001 { 95 } else { 1 });
        p.sack(2_001, &[(3_001, right)]);
    }
    assert_eq!(p.info().ca_state, 3);
    p.take_all();
    p.advance(50); // no ACK comes
    assert!(p.take_all().iter().any(|got| got.seq == 2_001), "what the timer found goes out");
}

/// Where 300 segments may be reordered, the 300th duplicate is a loss.
fn hundreds_of_duplicates_are_counted() {
    let mut p = Puppet::with(|c| {
        c.sack = false;
        (c.reordering, c.max_reordering) = (300, 300);
        c.rto_min = Duration::from_secs(30);
    });
    p.connect();
    p.expect(S, 0, 0, 0);
    p.inject(SA, 0, 1, WND, mss(1000), b"");
    p.write(10_000);
    p.take_all();
    (0..299).for_each(|_| p.ack(1));
    assert!(p.take_all().is_empty() && p.info().ca_state == 1, "not yet");
    p.ack(1);
    p.expect(A, 1, 1, 1000);
    assert_eq!(p.info().ca_state, 3);
}

/// As RFC 6675 has it, without what came later: ten segments are out.
pub(crate) fn by_count(bytes: usize) -> Puppet {
    let mut p = open_in(100, |c| (c.rack, c.tlp, c.count_segments) = (false, false, false));
    p.write(bytes);
    p.advance(100);
    p.take_all();
    p.forget();
    p
}

/// RFC 6675 §4, NextSeg: with nothing else to send, what may be lost goes again, and in the end the
/// last segment, once.
// Rules: 6675-4-3, 6675-4-4.
fn last_resorts_keep_acks_coming() {
    let mut p = by_count(10_000);
    [1, 3, 5].iter().for_each(|n| p.sack(1, &[(n * 1000 + 1, n * 1000 + 1001)]));
    p.expect(A, 1, 1, 1000);
    p.expect_nothing();
    p.sack(4_001, &[(5_001, 7_001)]);
    p.expect(A, 4_001, 1, 1000);
    p.expect_nothing();
    p.ack(9_001);
    p.expect(A, 9_001, 1, 1000);
    p.advance(100);
    p.expect_nothing();
    p.ack(10_001);
    assert_eq!((p.info().ca_state, p.info().total_retrans), (0, 3));
}
