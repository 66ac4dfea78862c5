//! What the queue must keep: its sums, and the segments that were cut.

use super::*;
use proptest::prelude::*;

fn sent(seq: u32, len: u32, at: u64) -> Sent {
    Sent {
        seq: Seq(seq),
        len,
        mss: MSS as u16,
        phase: 0,
        sent_at: Instant::from_millis(at),
        stamp: STAMP,
        in_flight: 0,
        retransmits: 0,
        sacked: false,
        lost: false,
        twice: false,
        push: false,
        fin: false,
    }
}

const MSS: u32 = 1_000;

const STAMP: Stamp = Stamp {
    delivered: 0,
    delivered_at: Instant::ZERO,
    first_sent_at: Instant::ZERO,
    app_limited: false,
};

#[test]
fn an_ack_inside_a_super_segment_splits_it() {
    let mut q = Rtxq::default();
    q.push(sent(100, 10, 1));
    q.push(sent(110, 60_000, 2));
    let acked = q.ack(Seq(210), |_| {});
    assert_eq!((acked.len, acked.first_sent_at), (110, Some(Instant::from_millis(1))));
    assert_eq!((q.flight_size().bytes, q.head().map(|s| s.seq.0)), (59_900, Some(210)));
}

#[test]
fn karn_refuses_what_was_sent_twice() {
    let mut q = Rtxq::default();
    q.push(sent(0, 3_000, 1));
    q.push(sent(3_000, 1_000, 2));
    q.mark_head_lost();
    assert_eq!((q.lost().bytes, q.in_flight().bytes), (1_000, 3_000));
    q.on_retransmit((Seq(0), 1_000), 1_000, Instant::from_millis(9), STAMP);
    assert_eq!((q.lost().bytes, q.in_flight().bytes), (0, 4_000));
    let acked = q.ack(Seq(4_000), |_| {});
    assert_eq!((acked.len, acked.first_sent_at, acked.retransmitted), (4_000, None, true));
    assert!(q.is_empty());
}

/// Blocks end where they like; what they report of whole segments is known, also after an ACK
/// in the middle of one.
#[test]
fn what_is_held_counts_by_the_segments_that_were_sent() {
    let mut q = Rtxq::default();
    q.push(Sent { mss: 988, ..sent(0, 9_880, 1) });
    let whole = |left, right| ((Seq(left), Seq(right)), (Seq(left), Seq(right)));
    let sack = |q: &mut Rtxq, left, right| {
        let (block, news) = whole(left, right);
        q.sack(block, news, |_| {})
    };
    assert_eq!(sack(&mut q, 988, 1_976), 988);
    assert_eq!(sack(&mut q, 1_976, 2_963), 0, "a byte of the third is missing");
    let block = (Seq(1_976), Seq(2_964));
    assert_eq!(q.sack(block, (Seq(2_963), Seq(2_964)), |_| {}), 988, "the last byte makes it");
    q.ack(Seq(3_000), |_| {});
    assert_eq!(sack(&mut q, 3_952, 4_940), 988, "segments are where they were");
    assert_eq!(q.iter().map(|sent| sent.seq.0).collect::<Vec<_>>(), [3_000, 3_952, 4_940]);
    assert_eq!((q.sacked().bytes, q.in_flight().bytes), (988, 5_892));
}

/// Blocks of single bytes cut nothing: the queue stays as long as there are segments.
#[test]
fn blocks_of_bytes_make_no_records() {
    let mut q = Rtxq::default();
    q.push(sent(0, 60_000, 1));
    for at in (1..60_000).step_by(2) {
        let block = (Seq(at), Seq(at + 1));
        assert_eq!(q.sack(block, block, |_| {}), 0);
    }
    assert_eq!(q.iter().count(), 1);
    for at in (500..59_000).step_by(1_500) {
        let block = (Seq(at), Seq(at + 1_499));
        q.sack(block, block, |_| {});
    }
    assert!(q.iter().count() <= 60);
}

#[test]
fn the_last_segment_has_its_fin() {
    let mut q = Rtxq::default();
    q.push(sent(0, 2_501, 1));
    q.mark_tail_lost(1);
    assert_eq!(q.next_lost().map(|lost| (lost.seq.0, lost.len)), Some((2_000, 501)));
    let mut q = Rtxq::default();
    q.push(sent(0, 2_001, 1));
    q.mark_tail_lost(1);
    assert_eq!(q.next_lost().map(|lost| (lost.seq.0, lost.len)), Some((1_000, 1_001)));
}

proptest! {
    /// Whatever is acknowledged, lost and sent again, the sums are the records' sums.
    // Rules: 6675-4-2.
    #[test]
    fn sums_agree_with_records(ops in proptest::collection::vec((0u8..7, 1u32..5_000), 0..80)) {
        let (mut q, mut nxt, mut una) = (Rtxq::default(), 4_294_960_000u32, 4_294_960_000u32);
        let mut fin = false;
        for (op, n) in ops {
            match op {
                0 if !fin => {
                    fin = n % 31 == 1;
                    let mss = if n % 3 == 0 { 700 } else { 1_000 };
                    q.push(Sent { mss, fin, ..sent(nxt, n, 0) });
                    nxt = nxt.wrapping_add(n);
                }
                1 => {
                    let n = n.min(nxt.wrapping_sub(una));
                    una = una.wrapping_add(n);
                    prop_assert_eq!(q.ack(Seq(una), |_| {}).len, n);
                }
                2 => q.mark_head_lost(),
                4 if una != nxt => {
                    let left = Seq(una) + n % nxt.wrapping_sub(una);
                    let block = (left, (left + n).earlier(Seq(nxt)));
                    q.sack(block, block, |_| {});
                }
                5 => if let Some(s) = q.first_doubtful().copied().filter(|s| !s.lost) {
                    let run = (s.seq, n.min(s.len));
                    q.on_last_resort(run, 700, (Instant::ZERO, STAMP), n % 2 == 0);
                },
                6 if n % 5 == 0 => q.mark_none_lost(),
                _ => {
                    if n % 3 == 0 { q.mark_all_lost(); }
                    if let Some(sum) = q.joined(n) { q.join(sum); }
                    if let Some(s) = q.next_lost().copied() {
                        q.on_retransmit((s.seq, n.min(s.len)), 900, Instant::ZERO, STAMP);
                    }
                }
            }
            let sum = |f: fn(&&Sent) -> bool| {
                q.iter().filter(f).map(Sent::amount).fold(Amount::default(), |a, b| a + b)
            };
            prop_assert_eq!(q.flight_size().bytes, nxt.wrapping_sub(una));
            prop_assert_eq!(q.flight_size(), sum(|_| true));
            prop_assert_eq!(q.lost(), sum(|s| s.lost));
            prop_assert_eq!(q.sacked(), sum(|s| s.sacked));
            let held = q.iter().filter(|s| s.sacked);
            prop_assert_eq!(q.high_sacked(), held.last().map(Sent::end));
            prop_assert_eq!(q.rare(|rare| rare.twice), sum(|s| s.twice));
            prop_assert!(q.iter().all(|s| !(s.sacked && s.lost)));
            prop_assert!(q.iter().all(|s| !s.twice || s.is_again()));
            prop_assert_eq!(q.again(), sum(|s| s.retransmits > 0 && !s.lost && !s.sacked));
            prop_assert_eq!(q.next_lost(), q.iter().find(|s| s.lost));
            prop_assert!(q.is_in_order());
            prop_assert!(q.head().is_none_or(|h| h.seq == Seq(una)));
        }
    }
}

/// What RACK decides, record by record: what [`Rtxq::lose_overdue`] must find without looking.
fn overdue_by_looking(
    q: &Rtxq,
    newest: (Instant, Seq),
    wait: Duration,
    now: Instant,
) -> (Vec<Seq>, Option<Instant>) {
    let older = |s: &&Sent| {
        let before = newest.0 > s.sent_at || newest.0 == s.sent_at && newest.1.after(s.end());
        before && !s.lost && !s.sacked
    };
    let due = |s: &Sent| s.sent_at + wait;
    let lost = q.iter().filter(older).filter(|s| due(s) <= now).map(|s| s.seq).collect();
    (lost, q.iter().filter(older).map(due).filter(|due| *due > now).max())
}

proptest! {
    /// The same as when every record was looked at.
    // Rules: 8985-6.2-5.
    #[test]
    fn what_is_overdue_is_found_without_looking(
        ops in proptest::collection::vec((0u8..6, 0u32..3_000), 0..120),
    ) {
        let (mut q, mut nxt, mut now) = (Rtxq::default(), Seq(u32::MAX - 9_000), 0u64);
        for (op, n) in ops {
            now += u64::from(n % 3);
            let at = Instant::from_millis(now);
            match op {
                0 | 1 => {
                    q.push(Sent { seq: nxt, ..sent(0, n + 1, now) });
                    nxt += n + 1;
                }
                2 if q.flight_size().bytes > 0 => {
                    let left = nxt - 1 - n % q.flight_size().bytes;
                    q.sack((left, (left + 1 + n).earlier(nxt)), (left, nxt), |_| {});
                }
                3 => if let Some(s) = q.next_lost().copied() {
                    q.on_retransmit((s.seq, s.len.min(n + 1)), 900, at, STAMP);
                },
                4 if n % 7 == 0 => { q.ack(nxt - n % (q.flight_size().bytes + 1), |_| {}); }
                _ => {
                    let then = now.saturating_sub(u64::from(n % 5));
                    let newest = (Instant::from_millis(then), nxt - n);
                    let wait = Duration::from_millis(u64::from(n % 4));
                    let (lost, next) = overdue_by_looking(&q, newest, wait, at);
                    let known: Vec<_> = q.iter().filter(|s| s.lost).map(|s| s.seq).collect();
                    let found = q.lose_overdue(newest, wait, at);
                    let now_lost = q.iter().filter(|s| s.lost).map(|s| s.seq);
                    let new: Vec<_> = now_lost.filter(|seq| !known.contains(seq)).collect();
                    prop_assert_eq!((new, found.1), (lost, next));
                    prop_assert!(q.is_in_order());
                }
            }
        }
    }
}
