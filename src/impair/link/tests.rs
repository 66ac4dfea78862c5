//! Each impairment alone, by its statistics and its arithmetic, and all of them for determinism.

use super::*;
use crate::base::Checksum;
use crate::impair::Impairments;

const PACKETS: u32 = 20_000;

fn link(words: &str) -> Link {
    let rules: Impairments = words.parse().expect("good words");
    Link::new(rules.inbound, Chance::from_seed(11), 3, Pool::new())
}

/// A frame of `len` bytes that starts with its number.
fn packet(pool: &Pool, number: u32, len: usize) -> Frame {
    let mut bytes = vec![0; len];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Frame::copied(pool, &bytes)
}

fn number(frame: &Frame) -> u32 {
    let bytes = frame.to_vec();
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// Sends one packet of `len` bytes per `spacing` nanoseconds; gives (arrival in ns, frame).
fn run(link: &mut Link, packets: u32, spacing: u64, len: usize) -> Vec<(u64, Frame)> {
    let pool = Pool::new();
    let mut out = Vec::new();
    let drain = |link: &mut Link, until: Instant, out: &mut Vec<(u64, Frame)>| {
        while let Some(at) = link.deadline().filter(|at| *at <= until) {
            let frame = link.output(at).expect("a deadline is kept");
            out.push((at.as_nanos(), frame));
        }
        assert!(link.output(until).is_none(), "nothing is due behind the deadline's back");
    };
    for i in 0..packets {
        let now = Instant::from_nanos(u64::from(i) * spacing);
        drain(link, now, &mut out);
        link.input(now, packet(&pool, i, len));
    }
    drain(link, Instant::MAX, &mut out);
    assert!(link.is_empty());
    assert_eq!(link.counters().passed, out.len() as u64);
    out
}

/// Whether `hits` of `n` draws fit probability `ppm` within four standard deviations.
#[track_caller]
fn likely(hits: u64, n: u64, ppm: u64) {
    let mean = n * ppm / 1_000_000;
    let deviation = (mean * (1_000_000 - ppm) / 1_000_000).isqrt() + 1;
    assert!(hits.abs_diff(mean) <= 4 * deviation, "{hits} of {n} at {ppm} ppm, expected {mean}");
}

#[test]
fn a_perfect_link_changes_nothing() {
    let out = run(&mut link("delay 0ms"), 100, 10, 64);
    let expected: Vec<_> = (0..100).map(|i| (u64::from(i) * 10, i)).collect();
    assert_eq!(out.iter().map(|(at, f)| (*at, number(f))).collect::<Vec<_>>(), expected);
}

#[test]
fn each_share_is_what_the_words_say() {
    let n = u64::from(PACKETS);
    for (words, ppm) in [("0%", 0), ("1%", 10_000), ("20%", 200_000), ("100%", 1_000_000)] {
        let mut lossy = link(&format!("loss {words}"));
        run(&mut lossy, PACKETS, 1, 64);
        likely(lossy.counters().lost, n, ppm);
        assert_eq!(lossy.counters().passed + lossy.counters().lost, n);

        let mut double = link(&format!("duplicate {words}"));
        run(&mut double, PACKETS, 1, 64);
        likely(double.counters().duplicated, n, ppm);
        assert_eq!(double.counters().passed, n + double.counters().duplicated);

        let mut overtaking = link(&format!("delay 1us reorder {words} limit 10000"));
        run(&mut overtaking, PACKETS, 1, 64);
        likely(overtaking.counters().reordered, n, ppm);
    }
}

#[test]
fn correlation_bunches_losses() {
    let runs = |words: &str| {
        let mut link = link(words);
        let out = run(&mut link, PACKETS, 1, 64);
        let arrived: Vec<u32> = out.iter().map(|(_, frame)| number(frame)).collect();
        let gaps = arrived.windows(2).filter(|w| w[1] - w[0] > 1).count() as u64;
        (link.counters().lost, gaps)
    };
    let (lost, gaps) = runs("loss 50%");
    let (lost_together, gaps_together) = runs("loss 50% 75%");
    assert!(
        2 * lost_together * gaps > 3 * lost * gaps_together,
        "losses in a row, on average: {lost}/{gaps}, together {lost_together}/{gaps_together}"
    );
}

#[test]
fn corruption_flips_one_bit_of_a_copy() {
    let mut link = link("corrupt 10%");
    let pool = Pool::new();
    let mut original = Frame::copied(&pool, &[0xa5; 100]);
    original.offload.checksum = Checksum::Verified;
    let mut places = std::collections::BTreeSet::new();
    for _ in 0..PACKETS {
        link.input(Instant::ZERO, original.clone());
        let frame = link.output(Instant::ZERO).expect("no delay");
        let out = frame.to_vec();
        let flipped: Vec<_> = out.iter().enumerate().filter(|(_, b)| **b != 0xa5).collect();
        assert!(flipped.len() <= 1);
        if let Some((at, byte)) = flipped.first() {
            assert_eq!(frame.offload.checksum, Checksum::Complete, "the receiver must verify it");
            assert_eq!((**byte ^ 0xa5).count_ones(), 1);
            places.insert((*at, **byte));
        }
    }
    assert_eq!(original.to_vec(), [0xa5; 100]);
    likely(link.counters().corrupted, PACKETS.into(), 100_000);
    assert!(places.len() > 700, "every one of 800 bits is likely to be hit: {}", places.len());
}

#[test]
fn delay_and_jitter_stay_in_their_bounds() {
    let travel = |words: &str| -> Vec<u64> {
        let mut link = link(words);
        let out = run(&mut link, 10_000, 1_000, 64);
        out.iter().map(|(at, frame)| at - u64::from(number(frame)) * 1_000).collect()
    };
    assert!(travel("delay 20ms limit 100000").iter().all(|t| *t == 20_000_000));
    let within = |times: &[u64], far: u64| {
        times.iter().filter(|t| t.abs_diff(20_000_000) <= far).count() as u64
    };
    let uniform = travel("delay 20ms 5ms limit 100000");
    assert_eq!(within(&uniform, 5_000_000), 10_000);
    likely(within(&uniform, 2_500_000), 10_000, 500_000);
    let normal = travel("delay 20ms 5ms distribution normal limit 100000");
    assert_eq!(within(&normal, 18_350_000), 10_000);
    let sigma = within(&normal, 5_000_000);
    assert!((6_550..7_000).contains(&sigma), "about 68 % lie within one deviation: {sigma}");
    let mean = normal.iter().sum::<u64>() / 10_000;
    assert!(mean.abs_diff(20_000_000) < 200_000, "{mean}");
    assert!(travel("delay 1ms 5ms limit 100000").contains(&0), "time does not run backwards");
    let smooth = travel("delay 20ms 5ms 95% limit 100000");
    let step = |times: &[u64]| times.windows(2).map(|w| w[0].abs_diff(w[1])).sum::<u64>();
    assert!(step(&smooth) * 2 < step(&uniform), "correlated delays change little by little");
}

#[test]
fn packets_that_overtake_go_at_once() {
    let mut link = link("delay 10ms reorder 100% gap 5");
    let out = run(&mut link, 20, 1_000, 64);
    let early: Vec<_> =
        out.iter().filter(|(at, _)| *at < 10_000_000).map(|(_, f)| number(f)).collect();
    assert_eq!(early, [4, 9, 14, 19], "every fifth");
    let rest: Vec<_> =
        out.iter().filter(|(at, _)| *at >= 10_000_000).map(|(_, f)| number(f)).collect();
    assert_eq!(rest, [0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13, 15, 16, 17, 18]);
    assert!(out.iter().all(|(at, f)| {
        let sent = u64::from(number(f)) * 1_000;
        *at == sent || *at == sent + 10_000_000
    }));
}

#[test]
fn a_rate_serialises() {
    // 1250 bytes at 10 Mbit/s take 1 ms.
    let arrivals = |words: &str, spacing: u64| -> Vec<u64> {
        let out = run(&mut link(words), 4, spacing, 1250);
        out.iter().map(|(at, _)| at / 1_000).collect()
    };
    assert_eq!(arrivals("rate 10mbit", 0), [1_000, 2_000, 3_000, 4_000]);
    assert_eq!(arrivals("rate 10mbit delay 20ms", 0), [21_000, 22_000, 23_000, 24_000]);
    assert_eq!(arrivals("rate 10mbit", 5_000_000), [1_000, 6_000, 11_000, 16_000]);
    assert_eq!(arrivals("rate 1250kbps delay 1ms", 500_000), [2_000, 3_000, 4_000, 5_000]);
    let odd = run(&mut link("rate 3bit"), 1, 0, 4);
    assert_eq!(odd[0].0, 10_666_666_667, "the last bit has left when the packet arrives");
    let out = run(&mut link("delay 20ms 19ms rate 10mbit"), 500, 1_000, 125);
    assert!(out.windows(2).all(|w| number(&w[0].1) < number(&w[1].1)), "a rate keeps the order");
}

#[test]
fn the_limit_drops_at_the_tail() {
    let mut link = link("delay 1ms limit 3");
    let out = run(&mut link, 5, 0, 64);
    assert_eq!(out.iter().map(|(_, f)| number(f)).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(link.counters().overlimit, 2);
}

#[test]
fn luck_belongs_to_the_packet() {
    let words = "delay 5ms 2ms 25% loss 5% 25% duplicate 3% corrupt 2% reorder 10% 50%";
    let all = |link: &mut Link| -> Vec<(u64, Vec<u8>)> {
        let out = run(link, 2_000, 50_000, 40);
        out.iter().map(|(at, frame)| (*at, frame.to_vec())).collect()
    };
    let (mut one, mut two) = (link(words), link(words));
    assert_eq!(all(&mut one), all(&mut two));
    assert_eq!(one.counters(), two.counters());
    let survivors = |words: &str| -> Vec<u32> {
        run(&mut link(words), 2_000, 50_000, 40).iter().map(|(_, f)| number(f)).collect()
    };
    let plain = survivors("loss 5%");
    assert_eq!(
        plain,
        survivors("loss 5% delay 7ms rate 10mbit"),
        "delay does not change who is lost"
    );
    let rules: Impairments = "loss 5%".parse().expect("good words");
    let mut other = Link::new(rules.inbound, Chance::from_seed(11), 4, Pool::new());
    let out: Vec<u32> = run(&mut other, 2_000, 50_000, 40).iter().map(|(_, f)| number(f)).collect();
    assert_ne!(plain, out, "another link has its own luck");
}

#[test]
fn a_gauge_shows_what_happens_elsewhere() {
    let mut link = link("loss 50%");
    let gauge = link.gauge();
    run(&mut link, 100, 10, 64);
    let Counters { passed, lost, .. } = gauge.read();
    assert_eq!((gauge.read(), passed + lost), (link.counters(), 100));
    assert_eq!(gauge.read().to_string(), format!("{passed} passed, {lost} lost"));
}

#[test]
fn what_came_to_nothing_is_given_back() {
    let pool = Pool::new();
    let fates = |words: &str, packets: u32| -> (Vec<(Fate, u32)>, Counters) {
        let mut link = link(words);
        let gone = (0..packets).filter_map(|n| link.input(Instant::ZERO, packet(&pool, n, 64)));
        let gone = gone.map(|(fate, frame)| (fate, number(&frame))).collect();
        (gone, link.counters())
    };
    let (lost, counters) = fates("loss 30%", 1000);
    assert!(lost.iter().all(|(fate, _)| *fate == Fate::Lost));
    assert_eq!((lost.len() as u64, counters.overlimit), (counters.lost, 0));
    assert!(lost.windows(2).all(|two| two[0].1 < two[1].1), "each once");
    let full = || Fate::Overlimit { packets: Packets(2), bytes: 128 };
    let over = [(full(), 2), (full(), 3)];
    assert_eq!(fates("delay 1ms limit 2", 4).0, over);
    assert!(fates("delay 1ms duplicate 100%", 4).0.is_empty());
}

/// The link's header does not count, a VLAN tag is part of it.
#[test]
fn what_is_longer_than_the_mtu_is_dropped_and_counted() {
    let pool = Pool::new();
    for (medium, header, ether_type) in
        [(Medium::Ip, 0, [8, 0]), (Medium::Ethernet, 14, [8, 0]), (Medium::Ethernet, 18, [0x81, 0])]
    {
        let mut link = link("delay 1ms");
        link.set_medium(medium);
        link.set_mtu(1500);
        let mut send = |len: usize| {
            let mut bytes = vec![0; header + len];
            bytes[12..14].copy_from_slice(&ether_type);
            link.input(Instant::ZERO, Frame::copied(&pool, &bytes)).map(|(fate, _)| fate)
        };
        assert_eq!(send(1500), None, "{medium:?}, {header}");
        assert_eq!(send(1501), Some(Fate::TooLong { len: 1501, mtu: 1500 }));
        assert_eq!((link.counters().too_long, link.len()), (1, 1));
    }
}
