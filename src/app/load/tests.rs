//! Numbers, patterns and counts.

use super::blast::{Count, Counted};
use super::pattern::{piece, wrong};
use super::*;

#[test]
fn rates_are_whole_numbers() {
    let second = Duration::from_secs(1);
    for (bytes, time, rate, text) in [
        (125, second, 1000, "1.0 kbit/s"),
        (1, second, 8, "8 bit/s"),
        (1_187_500, second, 9_500_000, "9.5 Mbit/s"),
        (1_250, Duration::from_nanos(1), 10_000_000_000_000, "10000.0 Gbit/s"),
        (u64::MAX, Duration::from_nanos(1), u64::MAX, "18446744073.7 Gbit/s"),
        (7, Duration::ZERO, 0, "0 bit/s"),
    ] {
        assert_eq!(
            (Rate::of(bytes, time).0, Rate::of(bytes, time).to_string().as_str()),
            (rate, text)
        );
    }
    assert_eq!(Rate(10_000_000).time_of(1250), Duration::from_millis(1));
    assert_eq!(Rate(0).time_of(1250), Duration::ZERO);
    assert_eq!(Rate(3).time_of(1).as_nanos(), 2_666_666_666);
}

#[test]
fn a_spread_is_of_what_there_is() {
    let times: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
    let [min, median, p99, max] = [1, 100, 198, 200].map(Duration::from_millis);
    assert_eq!(Spread::of(&times), Spread { min, median, p99, max });
    let one = Duration::from_micros(1500);
    let all = Spread { min: one, median: one, p99: one, max: one };
    assert_eq!(Spread::of(&[one]), all);
    let text = "min 1.500 ms, median 1.500 ms, 99 % 1.500 ms, max 1.500 ms";
    assert_eq!(all.to_string(), text);
    assert_eq!(Spread::of(&[]), Spread::default());
}

/// What is right is right at any place and in any pieces; what is moved, or changed, is seen.
#[test]
fn the_pattern_is_known_everywhere() {
    let mut bytes = Vec::new();
    while bytes.len() < 300_000 {
        bytes.extend(piece(bytes.len() as u64, 100_000));
    }
    for (at, len) in [(0, 300_000), (1, 200_000), (65_520, 3), (131_041, 65_521), (7, 0)] {
        assert_eq!(wrong(at as u64, &bytes[at..at + len]), 0, "{at} {len}");
    }
    bytes[70_000] ^= 1;
    bytes[299_999] ^= 0x80;
    assert_eq!(wrong(0, &bytes), 2);
    for moved in [1, 2, 256, 512, 1460, 65_536] {
        assert!(wrong(moved, &bytes[..1000]) > 900, "{moved}");
    }
}

/// A datagram numbered `n`, sent at `sent` microseconds.
fn datagram(n: u64, sent: u64) -> Vec<u8> {
    let sent = Instant::from_micros(sent).as_nanos();
    [&n.to_be_bytes()[..], &sent.to_be_bytes(), piece(0, 84)].concat()
}

#[test]
fn a_sink_knows_lost_doubled_and_overtaken_ones() {
    let mut count = Count::default();
    for (n, at) in [(0, 100), (2, 300), (1, 350), (1, 360), (5, 600), (0, 700), (4, 900)] {
        count.take(Instant::from_micros(at), &datagram(n, n * 100));
    }
    count.take(Instant::from_micros(1000), b"short");
    let mut strange = datagram(6, 600);
    strange[20] ^= 1;
    count.take(Instant::from_micros(1100), &strange);
    let Counted { first, last, jitter, delay_min, delay_max, .. } = count.told;
    assert_eq!((first, last), (Some(Instant::from_micros(100)), Some(Instant::from_micros(1100))));
    assert_eq!([delay_min, delay_max].map(|t| t.as_micros()), [100, 500]);
    // The ways take 100, 100, 250, 100, 500 and 500 µs.
    assert_eq!(jitter.as_nanos(), 39_402);
    let told = count.told();
    assert_eq!((told.datagrams, told.bytes, told.lost, told.wrong), (6, 600, 1, 6));
    assert_eq!((told.duplicates, told.reordered), (2, 2));
}

/// A number that is nonsense costs neither time nor memory.
#[test]
fn a_sink_survives_any_number() {
    let mut count = Count::default();
    for n in [5, u64::MAX - 1, u64::MAX, u64::MAX - 2, u64::MAX - 1, 3, 0] {
        count.take(Instant::from_micros(1), &datagram(n, 0));
    }
    let told = count.told();
    assert_eq!((told.datagrams, told.reordered, told.duplicates), (3, 1, 3));
    assert_eq!((told.lost, told.wrong), (u64::MAX - 3, 100));
}

/// Reports become JSON of whole numbers: moments and durations in nanoseconds.
#[cfg(all(feature = "record", feature = "http"))]
#[test]
fn reports_are_json() {
    let mut count = Count::default();
    for (n, at) in [(0, 100), (1, 250)] {
        count.take(Instant::from_micros(at), &datagram(n, n * 100));
    }
    let json = serde_json::to_value(count.told()).expect("it is written");
    assert_eq!((&json["datagrams"], &json["first"]), (&2.into(), &100_000.into()));
    assert_eq!((&json["delay_max"], &json["jitter"]), (&150_000.into(), &3125.into()));
    let asked = super::rr::Asked {
        peer: "10.0.0.2:7".parse().expect("an address"),
        wrong: 0,
        started: Instant::ZERO,
        ended: Instant::from_millis(3),
        latencies: vec![Duration::from_millis(1), Duration::from_millis(2)],
    };
    let json = serde_json::to_value(&asked).expect("it is written");
    let latencies = serde_json::json!([1_000_000, 2_000_000]);
    assert_eq!((&json["peer"], &json["latencies"]), (&"10.0.0.2:7".into(), &latencies));
    assert_eq!(asked.per_1000_seconds(), 666_666);
    assert!(asked.to_string().starts_with("2 transactions with 10.0.0.2:7: 666.666/s, min 1.000"));
}
