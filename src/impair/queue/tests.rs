//! Transmission, travel and the queue before them, to the nanosecond; CoDel by hand; marks.

use crate::base::{Chance, EventId, Frame, Instant, Medium, Pool};
use crate::impair::{Act, Fate, Impairments, Link, Packets, What};

fn link(words: &str) -> Link {
    let rules: Impairments = words.parse().unwrap_or_else(|e| panic!("{words}: {e}"));
    let mut link = Link::new(rules.inbound, Chance::from_seed(1), 0, Pool::new());
    link.listen(true);
    link
}

/// An IPv4 packet of `len` bytes with that traffic class, of the event `number`.
fn packet(number: u64, len: usize, tos: u8) -> Frame {
    let mut bytes = vec![0; len];
    if let [first, second, ..] = &mut bytes[..] {
        (*first, *second) = (0x45, tos);
    }
    Frame { origin: EventId(number), ..Frame::copied(&Pool::new(), &bytes) }
}

/// Lets everything arrive until `until`: (event, nanoseconds, traffic class).
fn drain(link: &mut Link, until: Instant) -> Vec<(u64, u64, u8)> {
    let mut out = Vec::new();
    while let Some(at) = link.deadline().filter(|at| *at <= until) {
        while let Some(frame) = link.output(at) {
            out.push((frame.origin.0, at.as_nanos(), frame.front().get(1).copied().unwrap_or(0)));
        }
    }
    out
}

#[test]
fn one_packet_takes_what_arithmetic_says() {
    let gigabit = "1000BASE-SX";
    for (words, len, sent, arrives) in [
        ("delay 0ms", 1500, 7, 7),
        ("delay 3ms", 1500, 7, 3_000_007),
        // ⌈8n · 10⁹ / rate⌉ + delay.
        ("rate 10mbit", 1500, 0, 1_200_000),
        ("rate 10mbit delay 20ms", 1500, 0, 21_200_000),
        ("rate 10mbit delay 20ms queue 10", 1500, 0, 21_200_000),
        ("rate 10mbit delay 20ms codel", 1500, 5, 21_200_005),
        ("rate 3bit queue", 1, 0, 2_666_666_667),
        ("rate 7mbit delay 1ns queue", 1, 0, 1_144),
        ("rate 1gbit queue", 64, 1, 513),
        ("rate 1gbit overhead 24 queue", 1514, 0, 12_304),
        ("rate 1gbit 24 queue", 1514, 0, 12_304),
        ("rate 1gbit -14 queue", 1514, 0, 12_000),
        ("rate 1gbit -14 queue", 8, 0, 0),
        ("rate 1gbit overhead 24 mpu 84 queue", 54, 0, 672),
        (gigabit, 1514, 0, 13_304),
        (gigabit, 54, 0, 1_672),
        ("100BASE-TX", 1514, 0, 123_540),
        ("10BASE5", 60, 0, 69_365),
        ("1000BASE-SX delay 5ms", 1514, 0, 5_012_304),
        ("loopback", 65_535, 9, 9),
    ] {
        let mut link = link(words);
        assert!(link.input(Instant::from_nanos(sent), packet(1, len, 0)).is_none());
        assert_eq!(drain(&mut link, Instant::MAX), [(1, arrives, 0)], "{words}, {len} bytes");
        assert_eq!((link.is_empty(), link.deadline()), (true, None));
    }
}

#[test]
fn packets_take_turns_at_the_transmitter() {
    // 1250 bytes at 10 Mbit/s take 1 ms.
    for words in ["rate 10mbit delay 20ms queue 100", "rate 10mbit delay 20ms codel"] {
        let mut link = link(words);
        for (number, at) in [(1, 0), (2, 0), (3, 500), (4, 4_000)] {
            let now = Instant::from_micros(at);
            assert!(drain(&mut link, now).is_empty());
            assert!(link.input(now, packet(number, 1250, 0)).is_none());
        }
        let times: Vec<_> =
            drain(&mut link, Instant::MAX).iter().map(|(n, at, _)| (*n, at / 1000)).collect();
        assert_eq!(times, [(1, 21_000), (2, 22_000), (3, 23_000), (4, 25_000)], "{words}");
        let told: Vec<_> = link.drain_acts().map(story).collect();
        let expected = [
            "0 #1 starts, 0 wait",
            "0 #2 waits as 1",
            "500 #3 waits as 2",
            "1000 #2 starts, 1 wait",
            "2000 #3 starts, 0 wait",
            "4000 #4 starts, 0 wait",
        ];
        assert_eq!(told, expected, "{words}");
    }
}

/// An act about queues in a few words.
fn story(act: Act) -> String {
    let (at, origin) = (act.at.as_micros(), act.origin);
    match act.what {
        What::Queued { packets, bytes } => {
            assert_eq!(bytes, u64::from(packets.0) * 1250);
            format!("{at} #{origin} waits as {}", packets.0)
        }
        What::Started { packets, until, arrives, .. } => {
            assert_eq!((until.0 - act.at.since(Instant::ZERO)).as_micros(), 1_000);
            assert_eq!(arrives.0.since(until.0).as_millis(), 20);
            format!("{at} #{origin} starts, {} wait", packets.0)
        }
        What::MarkedByQueue { packets, .. } => {
            format!("{at} #{origin} marked, {} wait", packets.0)
        }
        What::Gone { fate: Fate::QueueFull { packets, bytes } } => {
            format!("{at} #{origin} gone, {} wait, {bytes} bytes", packets.0)
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_wire_keeps_the_order() {
    for (words, ordered) in [
        ("delay 20ms 19ms", false),
        ("rate 1gbit delay 20ms 19ms", true),
        ("rate 1gbit delay 20ms 19ms queue", true),
        ("rate 1gbit delay 20ms 19ms queue reorder 10%", false),
        ("rate 1gbit delay 20ms queue delay any#7 by 1ms", false),
    ] {
        let mut link = link(words);
        for number in 1..=200 {
            link.input(Instant::from_micros(number), packet(number, 100, 0));
        }
        let out = drain(&mut link, Instant::MAX);
        assert_eq!((out.len(), out.is_sorted()), (200, ordered), "{words}");
    }
}

#[test]
fn a_full_queue_drops_at_its_tail() {
    let survivors = |words: &str, at: &[u64]| -> Vec<u64> {
        let mut link = link(words);
        for (number, at) in (1..).zip(at) {
            link.input(Instant::from_micros(*at), packet(number, 1250, 0));
        }
        drain(&mut link, Instant::MAX).iter().map(|(number, ..)| *number).collect()
    };
    // One is being transmitted: it is not in the queue. The moment the transmitter is free, there
    // is room again.
    assert_eq!(survivors("rate 10mbit queue 2", &[0; 5]), [1, 2, 3]);
    assert_eq!(survivors("rate 10mbit queue 2", &[0, 0, 0, 999, 1_000]), [1, 2, 3, 5]);
    assert_eq!(survivors("rate 10mbit queue limit 2", &[0; 5]), [1, 2, 3]);
    assert_eq!(survivors("rate 10mbit limit 2 queue", &[0; 5]), [1, 2, 3]);
    assert_eq!(survivors("rate 10mbit queue 2500b", &[0; 5]), [1, 2, 3]);
    assert_eq!(survivors("rate 10mbit queue 2.5kb", &[0; 5]), [1, 2, 3]);
    assert_eq!(survivors("rate 10mbit queue 2499b", &[0; 5]), [1, 2]);
    assert_eq!(survivors("rate 10mbit codel limit 2", &[0; 5]), [1, 2, 3]);
    assert_eq!(survivors("rate 10mbit queue 1b", &[0, 1_000]), [1, 2], "nobody has to wait");
    // Without a queue the limit counts what is under way: netem's way.
    assert_eq!(survivors("rate 10mbit delay 20ms limit 2", &[0, 0, 0, 5_000]), [1, 2]);
    assert_eq!(survivors("delay 20ms limit 2500b", &[0; 5]), [1, 2]);

    let mut link = link("rate 10mbit delay 20ms queue 1");
    for number in 1..=3 {
        let gone = link.input(Instant::ZERO, packet(number, 1250, 0));
        let full = Fate::QueueFull { packets: Packets(1), bytes: 1250 };
        assert_eq!(
            gone.map(|(fate, frame)| (fate, frame.origin.0)),
            match number {
                3 => Some((full, 3)),
                _ => None,
            }
        );
    }
    assert_eq!((link.depth(), link.len(), link.counters().overlimit), ((1, 1250), 2, 1));
    let told: Vec<_> = link.drain_acts().map(story).collect();
    let expected = ["0 #1 starts, 0 wait", "0 #2 waits as 1", "0 #3 gone, 1 wait, 1250 bytes"];
    assert_eq!(told, expected);
    link.spare(EventId(4));
    assert!(link.input(Instant::ZERO, packet(4, 1250, 0)).is_none(), "nothing drops it");
}

#[test]
fn a_long_queue_marks_whom_it_can() {
    let marked = |words: &str, tos: u8| -> Vec<u64> {
        let mut link = link(words);
        for number in 1..=5 {
            link.input(Instant::ZERO, packet(number, 1250, tos));
        }
        let out = drain(&mut link, Instant::MAX);
        assert_eq!(out.len(), 5, "nothing is dropped");
        let all: Vec<_> = out.iter().filter(|one| one.2 == 3).map(|one| one.0).collect();
        assert_eq!(link.counters().marked, all.len() as u64);
        let told = link.drain_acts().filter(|act| matches!(act.what, What::MarkedByQueue { .. }));
        assert_eq!(told.map(|act| act.origin.0).collect::<Vec<_>>(), all);
        all
    };
    assert_eq!(marked("rate 10mbit queue 100 ecn 2", 2), [4, 5]);
    assert_eq!(marked("rate 10mbit queue 100 ecn 2", 1), [4, 5]);
    assert_eq!(marked("rate 10mbit queue 100 ecn 3kb", 2), [4, 5]);
    assert_eq!(marked("rate 10mbit queue 100 ecn 2", 0), [0; 0]);
    assert_eq!(marked("rate 10mbit queue 100", 2), [0; 0]);

    let mut link = link("rate 10mbit queue 100 ecn 1");
    link.set_medium(Medium::Ethernet);
    for number in 1..=5 {
        link.input(Instant::ZERO, packet(number, 1250, 2));
    }
    assert_eq!(link.counters().marked, 0, "these are no IP packets on an Ethernet");
}

/// Sixty packets at once at each of `starts` (ms), 10 ms of transmission each; what CoDel struck:
/// (ms, event from 0, count).
fn struck(link: &mut Link, starts: &[u64], tos: u8) -> Vec<(u64, u64, u32)> {
    for (burst, start) in (0..).zip(starts) {
        let now = Instant::from_millis(*start);
        drain(link, now);
        for number in burst * 60..burst * 60 + 60 {
            assert!(link.input(now, packet(number, 1250, tos)).is_none());
        }
    }
    drain(link, Instant::MAX);
    let strike = |act: Act| match act.what {
        What::Gone { fate: Fate::Codel { sojourn, count } }
        | What::MarkedByCodel { sojourn, count } => {
            let sent = starts[(act.origin.0 / 60) as usize];
            assert_eq!(sojourn.0.as_millis() as u64, act.at.as_millis() - sent);
            Some((act.at.as_millis(), act.origin.0, count))
        }
        _ => None,
    };
    link.drain_acts().filter_map(strike).collect()
}

#[test]
fn codel_drops_when_its_rfc_says_so() {
    // Packet 1 is the first that waited 5 ms (10, at 10 ms); an interval later the first drop, then
    // 100 ms / √count apart: due at 210, 280.7, 338.4, 388.4, 433.2, 474.0 ms. The last packet is
    // never dropped.
    let first = [
        (110, 11, 1),
        (210, 22, 2),
        (290, 31, 3),
        (340, 37, 4),
        (390, 43, 5),
        (440, 49, 6),
        (480, 54, 7),
    ];
    let mut one = link("rate 1mbit codel");
    assert_eq!(struck(&mut one, &[0], 0), first);
    assert_eq!((one.counters().codel, one.counters().passed), (7, 53));
    let mut gone = Vec::new();
    while let Some((at, fate, frame)) = one.dropped() {
        assert!(matches!(fate, Fate::Codel { .. }));
        gone.push((at.as_millis(), frame.origin.0));
    }
    assert_eq!(gone, first.map(|(at, number, _)| (at, number)));
    // A second burst soon after starts with the count that was reached, less its start: 6, and the
    // next is due 100 ms / √6 later.
    let again = struck(&mut link("rate 1mbit codel"), &[0, 600], 0);
    assert_eq!(again[..7], first);
    assert_eq!(again[7..9], [(710, 71, 6), (760, 77, 7)]);
    // Long after, it starts anew.
    let later = struck(&mut link("rate 1mbit codel"), &[0, 9_000], 0);
    assert_eq!(later[7..9], [(9_110, 71, 1), (9_210, 82, 2)]);
    // Other parameters, other times; and no drop while packets wait less than the target.
    let slow = struck(&mut link("rate 1mbit codel interval 200ms"), &[0], 0);
    assert_eq!(slow[..2], [(210, 21, 1), (410, 42, 2)]);
    assert_eq!(struck(&mut link("rate 1mbit codel target 1s"), &[0], 0), []);
}

#[test]
fn codel_marks_instead() {
    let marks = [(110, 11, 1), (210, 21, 2), (290, 29, 3), (340, 34, 4), (390, 39, 5)];
    let mut ecn = link("rate 1mbit codel ecn");
    assert_eq!(struck(&mut ecn, &[0], 2)[..5], marks);
    assert_eq!((ecn.counters().codel, ecn.counters().passed), (0, 60));
    assert!(ecn.dropped().is_none());
    // What cannot be marked is dropped, and without `ecn` everything is.
    for (words, tos) in [("rate 1mbit codel ecn", 0), ("rate 1mbit codel ecn noecn", 2)] {
        let mut link = link(words);
        assert_eq!(struck(&mut link, &[0], tos)[1], (210, 22, 2), "{words}");
        assert_eq!((link.counters().marked, link.counters().codel), (0, 7));
    }
    let mut spared = link("rate 1mbit codel");
    spared.spare(EventId(11));
    let told = struck(&mut spared, &[0], 0);
    assert!(told.iter().all(|(_, number, _)| *number != 11) && told.len() >= 5);
    assert_eq!(spared.counters().passed, 60 - told.len() as u64);
}

#[test]
fn other_rules_count_from_the_next_packet_on() {
    let mut link = link("rate 1mbit queue 2");
    for number in 1..=4 {
        link.input(Instant::ZERO, packet(number, 1250, 0));
    }
    let rules: Impairments = "rate 10mbit delay 1ms".parse().expect("good words");
    link.set_rules(rules.inbound);
    assert_eq!(link.rules().rate, Some(10_000_000));
    let out = drain(&mut link, Instant::MAX);
    assert_eq!(
        out.iter().map(|(number, at, _)| (*number, at / 1000)).collect::<Vec<_>>(),
        [(1, 10_000), (2, 11_000), (3, 12_000)],
        "what waited is sent at the new rate, and travels as was decided when it came"
    );
}
