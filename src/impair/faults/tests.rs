//! Faults strike whom they name; every act happens and does not.

use crate::base::{Chance, EventId, Frame, Instant, Pool};
use crate::impair::{Act, Fate, Fault, Impairments, Link, What};
use std::collections::BTreeSet;

fn link(words: &str) -> Link {
    let rules: Impairments = words.parse().unwrap_or_else(|e| panic!("{words}: {e}"));
    let mut link = Link::new(rules.inbound, Chance::from_seed(1), 0, Pool::new());
    link.listen(true);
    link
}

/// An IPv4 packet of 100 bytes of a protocol that has no ports, of the event `number`.
fn packet(number: u64, tos: u8) -> Frame {
    let mut head = crate::base::Head::new();
    let (src, dst) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
    let header = crate::wire::ip::Header { tos, ..crate::wire::ip::Header::new(src, dst, 200) };
    header.emit(&mut head, 80);
    let body = Pool::new().copy(&[9; 80]).into();
    Frame { head, body, origin: EventId(number), ..Frame::default() }
}

/// Sends eight packets a millisecond apart; gives the arrivals and what was told.
fn run(words: &str) -> (Vec<(u64, u64)>, Vec<Act>) {
    let (mut link, mut out) = (link(words), Vec::new());
    let mut drain = |link: &mut Link, until: Instant| {
        while let Some(at) = link.deadline().filter(|at| *at <= until) {
            out.extend(link.output(at).map(|frame| (frame.origin.0, at.as_millis())));
        }
    };
    for number in 1..=8 {
        let now = Instant::from_millis(number);
        drain(&mut link, now);
        link.input(now, packet(number, 0));
    }
    drain(&mut link, Instant::MAX);
    let acts = link.drain_acts().collect();
    (out, acts)
}

/// The packets that arrive.
fn left(words: &str) -> Vec<u64> {
    run(words).0.iter().map(|(number, _)| *number).collect()
}

#[test]
fn drops_strike_the_packets_they_name() {
    for (words, expected) in [
        ("drop any#4", &[1, 2, 3, 5, 6, 7, 8][..]),
        ("drop any#4 once", &[1, 2, 3, 5, 6, 7, 8]),
        ("drop ip#2-5", &[1, 6, 7, 8]),
        ("drop ip#2-5 once", &[1, 3, 4, 5, 6, 7, 8]),
        ("drop ip#1,#3,#7", &[2, 4, 5, 6, 8]),
        ("drop ip#1,3-4", &[2, 5, 6, 7, 8]),
        ("drop ip #8", &[1, 2, 3, 4, 5, 6, 7]),
        ("drop any", &[]),
        ("drop any once", &[2, 3, 4, 5, 6, 7, 8]),
        ("drop any#2 drop any#3", &[1, 4, 5, 6, 7, 8]),
        ("drop ip len>99 from 10.0.0.1#2", &[1, 3, 4, 5, 6, 7, 8]),
        ("drop len>100", &[1, 2, 3, 4, 5, 6, 7, 8]),
        ("drop tcp", &[1, 2, 3, 4, 5, 6, 7, 8]),
        ("drop any#9", &[1, 2, 3, 4, 5, 6, 7, 8]),
        ("out drop any", &[1, 2, 3, 4, 5, 6, 7, 8]),
        // Those that another fault drops count, too.
        ("drop any#1-3 drop any#4", &[5, 6, 7, 8]),
        ("partition from 3ms to 5ms", &[1, 2, 5, 6, 7, 8]),
        ("partition from 3ms to 5ms drop any#4", &[1, 2, 5, 6, 7, 8]),
        ("partition from 1ms to 2ms partition from 8ms to 1s", &[2, 3, 4, 5, 6, 7]),
        ("delay 10ms partition from 9ms to 1s", &[1, 2, 3, 4, 5, 6, 7, 8]),
    ] {
        assert_eq!(left(words), expected, "{words}");
    }
}

#[test]
fn delays_let_others_pass() {
    let (out, acts) = run("delay 2ms delay any#2-3 by 10ms");
    let early = [(1, 3), (4, 6), (5, 7), (6, 8), (7, 9), (8, 10)];
    assert_eq!((&out[..6], &out[6..]), (&early[..], &[(2, 14), (3, 15)][..]));
    let told: Vec<_> = acts.iter().filter(|act| act.what.key() == "Delayed").collect();
    let said = "delayed by 10ms by the scripted fault \"delay any#2-3 by 10ms\"";
    assert_eq!((told.len(), told[0].what.to_string()), (2, said.to_owned()));
    // The transmitter's turn is nobody else's loss, with or without a queue.
    for words in ["rate 800kbit delay any#1 by 5ms", "rate 800kbit queue 9 delay any#1 by 5ms"] {
        let (out, _) = run(words);
        let (mut sorted, expected) = (out.clone(), [7, 3, 4, 5, 6, 7, 8, 9]);
        sorted.sort();
        assert_eq!(sorted.iter().map(|(_, at)| *at).collect::<Vec<_>>(), expected, "{words}");
    }
    assert_eq!(run("delay any#2 by 1ms delay ip#2 by 2ms").0[2..4], [(4, 4), (2, 5)]);
}

#[test]
fn duplicates_and_corruption_strike_the_packets_they_name() {
    assert_eq!(left("duplicate any#2"), [1, 2, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(left("duplicate any once"), [1, 1, 2, 3, 4, 5, 6, 7, 8]);
    let mut link = link("corrupt any#2");
    let mut changed = Vec::new();
    for number in 1..=4 {
        link.input(Instant::ZERO, packet(number, 0));
        let out = link.output(Instant::ZERO).expect("no delay");
        let before = packet(number, 0).to_vec();
        let bits = out.to_vec().iter().zip(&before).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>();
        changed.push(bits);
    }
    assert_eq!(changed, [0, 1, 0, 0]);
    assert_eq!(link.counters().corrupted, 1);
}

#[test]
fn faults_are_written_as_they_are_read() {
    for (words, written) in [
        ("drop data#4 once", "drop data#4 once"),
        ("drop syn-ack once", "drop syn-ack once"),
        ("delay ack #2-5 by 30ms", "delay ack#2-5 by 30ms"),
        ("corrupt udp,port 53 #1,3-4", "corrupt udp port 53#1,#3-4"),
        ("duplicate tcp from 10.0.0.0/8#2", "duplicate tcp from 10.0.0.0/8#2"),
    ] {
        let read = |words: &str| -> Vec<Fault> {
            words.parse::<Impairments>().unwrap_or_else(|e| panic!("{words}: {e}")).inbound.faults
        };
        assert_eq!(read(words)[0].to_string(), written);
        assert_eq!(read(words), read(written));
    }
}

#[test]
fn a_spared_packet_spends_the_fault() {
    let mut link = link("drop any#2-3 once duplicate any#2 corrupt any#2 delay any#2 by 1s");
    link.spare(EventId(2));
    let mut out = Vec::new();
    for number in 1..=4 {
        assert!(link.input(Instant::ZERO, packet(number, 0)).is_none());
        out.extend(link.output(Instant::ZERO).map(|frame| frame.to_vec() == packet(1, 0).to_vec()));
    }
    assert_eq!((out, link.is_empty()), (vec![true; 4], true));
    link.doom(EventId(5));
    let gone = link.input(Instant::ZERO, packet(5, 0)).map(|(fate, _)| fate);
    assert_eq!((gone, link.counters().faults), (Some(Fate::Doomed), 1));
}

/// What is told of eighty packets at once, by key: of `What`, and of `Fate`.
fn keys(words: &str) -> (BTreeSet<&'static str>, BTreeSet<&'static str>) {
    let mut link = link(words);
    if words.contains("1mbit") {
        link.doom(EventId(80));
    }
    if words == "delay 2ms" {
        link.set_mtu(99);
    }
    for number in 1..=80 {
        link.input(Instant::ZERO, packet(number, 2));
    }
    while let Some(at) = link.deadline() {
        link.output(at);
    }
    let acts: Vec<Act> = link.drain_acts().collect();
    assert!(acts.windows(2).all(|two| two[0].at <= two[1].at), "{words}: in the order of time");
    let fate = |act: &Act| match &act.what {
        What::Gone { fate } => Some(fate.key()),
        _ => None,
    };
    (acts.iter().map(|act| act.what.key()).collect(), acts.iter().filter_map(fate).collect())
}

#[test]
fn everything_that_can_be_told_is_told_and_only_then() {
    let (mut whats, mut fates) = (BTreeSet::new(), BTreeSet::new());
    for (words, what, fate) in [
        ("loopback", &["Travels"][..], &[][..]),
        ("delay 2ms", &["Gone"], &["LinkMtu"]),
        ("loss 20%", &["Gone", "Travels"], &["LinkLoss"]),
        ("loss gemodel 20%", &["Gone", "Travels"], &["LinkBurst"]),
        ("delay 1ms limit 9", &["Gone", "Travels"], &["LinkLimit"]),
        ("rate 10mbit queue", &["Queued", "Started"], &[]),
        ("rate 10mbit queue 9", &["Gone", "Queued", "Started"], &["LinkQueueFull"]),
        ("rate 10mbit queue 99 ecn 9", &["MarkedByQueue", "Queued", "Started"], &[]),
        ("rate 100kbit codel", &["Gone", "Queued", "Started"], &["LinkCodel"]),
        ("rate 100kbit codel ecn", &["MarkedByCodel", "Queued", "Started"], &[]),
        ("rate 1mbit queue", &["Gone", "Queued", "Started"], &["LinkDoomed"]),
        ("drop any#2", &["Gone", "Travels"], &["LinkFault"]),
        ("partition from 0s to 1s", &["Gone"], &["LinkPartition"]),
        ("delay any#2 by 1ms", &["Delayed", "Travels"], &[]),
        ("duplicate any#2", &["Duplicated", "Travels"], &[]),
        ("duplicate 20%", &["Duplicated", "Travels"], &[]),
        ("corrupt any#2", &["Corrupted", "Travels"], &[]),
        ("corrupt 20%", &["Corrupted", "Travels"], &[]),
        ("delay 1ms reorder 20%", &["Reordered", "Travels"], &[]),
    ] {
        let (said, ends) = keys(words);
        assert_eq!(said.iter().copied().collect::<Vec<_>>(), what, "{words}");
        assert_eq!(ends.iter().copied().collect::<Vec<_>>(), fate, "{words}");
        whats.extend(said);
        fates.extend(ends);
    }
    assert_eq!(whats, What::KEYS.iter().copied().collect());
    assert_eq!(fates, Fate::KEYS.iter().copied().collect());
}

#[test]
fn nobody_hears_of_what_nobody_listens_to() {
    let mut link = link("loss 20% corrupt 20%");
    link.listen(false);
    for number in 1..=80 {
        link.input(Instant::ZERO, packet(number, 0));
    }
    assert_eq!(link.drain_acts().count(), 0);
    link.listen(true);
    link.input(Instant::ZERO, packet(81, 0));
    let told: Vec<_> = link.drain_acts().collect();
    assert!(!told.is_empty());
    assert!(told.iter().all(|act| (act.ordinal, act.origin.0) == (80, 81)));
}
