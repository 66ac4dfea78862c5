//! Words and their meaning, and what is answered to wrong ones.

use super::*;

fn both(words: &str) -> Impairment {
    let all: Impairments = words.parse().unwrap_or_else(|e| panic!("{words}: {e}"));
    assert_eq!(all.inbound, all.outbound, "{words}");
    all.inbound
}

#[test]
fn words_mean_what_netem_means() {
    let odds = |share, correlation| Odds { share: Ppm(share), correlation: Ppm(correlation) };
    assert!(" ".parse::<Impairments>().is_err(), "to say nothing is a mistake");
    let ms = |us| Duration::from_micros(us);
    let delay = both("delay 20ms").delay;
    assert_eq!((delay.base, delay.jitter), (ms(20_000), Duration::ZERO));
    let delay = both("delay 1.5ms 250us 25% distribution normal").delay;
    assert_eq!((delay.base, delay.jitter, delay.correlation), (ms(1_500), ms(250), Ppm(250_000)));
    assert_eq!(delay.distribution, Distribution::Normal);
    assert_eq!(both("delay 1s 1ms distribution uniform").delay.distribution, Distribution::Uniform);
    assert_eq!(both("delay 0.000000001s").delay.base, Duration::from_nanos(1));
    assert_eq!(both("loss 1%").loss, odds(10_000, 0).into());
    assert_eq!(both("loss random 0.0001% 25%").loss, odds(1, 250_000).into());
    assert_eq!(both("duplicate 100% corrupt .5%").duplicate, odds(1_000_000, 0));
    assert_eq!(both("corrupt .5% duplicate 1%").corrupt, odds(5_000, 0));
    let reorder = |share, correlation, gap| Some(Reorder { odds: odds(share, correlation), gap });
    assert_eq!(both("delay 1ms reorder 25% 50% gap 5").reorder, reorder(250_000, 500_000, 5));
    assert_eq!(both("reorder 25% delay 1ms").reorder, reorder(250_000, 0, 1));
    for (words, bits) in [
        ("rate 10mbit", 10_000_000),
        ("rate 1.5Mbit", 1_500_000),
        ("rate 9600", 9_600),
        ("rate 64kbit", 64_000),
        ("rate 1kibit", 1_024),
        ("rate 2gbit", 2_000_000_000),
        ("rate 100bps", 800),
        ("rate 1mbps", 8_000_000),
    ] {
        assert_eq!(both(words).rate, Some(bits), "{words}");
    }
    assert_eq!(both("limit 100").limit, Limit::Packets(100));
}

#[test]
fn sections_are_for_one_direction() {
    let all: Impairments =
        "delay 20ms in loss 1% delay 5ms out loss 2% both rate 1mbit".parse().expect("good words");
    assert_eq!(all.inbound.delay.base, Duration::from_millis(5));
    assert_eq!(all.outbound.delay.base, Duration::from_millis(20));
    let loss = |share| LossModel::from(Odds { share: Ppm(share), ..Odds::default() });
    assert_eq!((all.inbound.loss, all.outbound.loss), (loss(10_000), loss(20_000)));
    assert_eq!((all.inbound.rate, all.outbound.rate), (Some(1_000_000), Some(1_000_000)));
}

#[test]
fn errors_name_the_word_and_what_was_expected() {
    let time = "expected a time such as 20ms (units s, ms, us, ns)";
    let percent = "expected a percentage such as 1% or 0.05%";
    let limit = format!("expected {LIMIT}");
    let time_or = format!("expected {TIME_OR_FILTER}");
    let packets = "expected a whole number of packets from 1 to 10000000";
    let rate = format!("expected {RATE}");
    for (words, error) in [
        ("dealy 20ms", format!("\"dealy\" is not an impairment: did you mean delay? {OPTIONS}")),
        ("delay", format!("\"delay\" is followed by nothing: {time_or}")),
        ("delay 20", format!("\"20\" after \"delay\": {time_or}")),
        ("delay fast", format!("\"fast\" after \"delay\": {time_or}")),
        ("delay 1ms 2%", format!("\"2%\": {time}")),
        ("delay 1ms -2ms", format!("\"-2ms\": {time}")),
        ("delay 1.2.3ms", format!("\"1.2.3ms\" after \"delay\": {time_or}")),
        (
            "delay 99999999999999999999s",
            format!("\"99999999999999999999s\" after \"delay\": {time_or}"),
        ),
        ("delay 1ms 1ms 1ms", format!("\"1ms\": {percent}")),
        (
            "delay 1ms 1ms distribution bell",
            format!("\"bell\" after \"distribution\": expected {SHAPES}"),
        ),
        (
            "delay 1ms distribution normal",
            "\"distribution\" needs a jitter: expected delay TIME JITTER before it".into(),
        ),
        ("loss 101%", format!("\"101%\" after \"loss\": {percent}")),
        ("loss -1%", format!("\"-1%\" after \"loss\": {percent}")),
        ("loss 1", format!("\"1\" after \"loss\": {percent}")),
        ("loss .%", format!("\".%\" after \"loss\": {percent}")),
        ("loss 1% loss 2%", "\"loss\" is given twice".into()),
        ("rate 10 mbit", format!("\"mbit\" is not an impairment: {OPTIONS}")),
        ("rate 0mbit", format!("\"0mbit\" after \"rate\": {rate}")),
        ("rate 10mbyte", format!("\"10mbyte\" after \"rate\": {rate}")),
        ("limit 0", format!("\"0\" after \"limit\": {limit}")),
        ("limit 1.5", format!("\"1.5\" after \"limit\": {limit}")),
        ("delay 1ms reorder 1% gap", format!("\"gap\" is followed by nothing: {packets}")),
        ("reorder 25%", "\"reorder\" needs a delay: packets overtake only those that wait".into()),
        (
            "in delay 1ms both reorder 25%",
            "\"reorder\" needs a delay: packets overtake only those that wait".into(),
        ),
        ("loss 1% in", format!("\"in\" is followed by nothing: {OPTIONS}")),
        ("quue 10", format!("\"quue\" is not an impairment: did you mean queue? {OPTIONS}")),
        (
            "1000BASE-SY",
            format!("\"1000BASE-SY\" is not an impairment: did you mean 1000BASE-SX? {OPTIONS}"),
        ),
        ("loss 1%é", format!("\"1%é\" after \"loss\": {percent}")),
    ] {
        assert_eq!(words.parse::<Impairments>().map_err(|e| e.to_string()), Err(error), "{words}");
    }
}

#[test]
fn queues_and_bursts_are_words_too() {
    assert_eq!(both("limit 50kb").limit, Limit::Bytes(50_000));
    assert_eq!(both("limit 50000b").limit, Limit::Bytes(50_000));
    assert_eq!(both("limit 1.5mb").limit, Limit::Bytes(1_500_000));
    assert_eq!(both("limit 64KiB").limit, Limit::Bytes(65_536));
    let rules = both("rate 10mbit 24 mpu 84 queue 20 ecn 5");
    assert_eq!((rules.rate, rules.overhead, rules.mpu), (Some(10_000_000), 24, 84));
    let mark = Some(Limit::Packets(5));
    assert_eq!(
        (rules.limit, rules.queue),
        (Limit::Packets(20), Some(Discipline::DropTail { mark }))
    );
    let rules = both("rate 10mbit overhead -14 queue");
    assert_eq!((rules.overhead, rules.limit), (-14, Limit::NETEM));
    assert_eq!(rules.queue, Some(Discipline::DropTail { mark: None }));
    let rules = both("rate 10mbit codel limit 10kb target 1ms interval 20ms ecn loss 1%");
    let (target, interval) = (Duration::from_millis(1), Duration::from_millis(20));
    let codel = Codel { target, interval, ecn: true };
    assert_eq!((rules.limit, rules.queue), (Limit::Bytes(10_000), Some(Discipline::Codel(codel))));
    assert_eq!(both("codel rate 1mbit").queue, Some(Discipline::Codel(Codel::RFC)));
    let all = |p, r, bad, good| LossModel::Gilbert {
        p: Ppm(p),
        r: Ppm(r),
        bad: Ppm(bad),
        good: Ppm(good),
    };
    assert_eq!(both("loss gemodel 1%").loss, all(10_000, 990_000, 1_000_000, 0));
    assert_eq!(both("loss gemodel 1% 10% 70% .1%").loss, all(10_000, 100_000, 700_000, 1_000));
    let all = |p13, p31, p32, p23, p14| LossModel::States {
        p13: Ppm(p13),
        p31: Ppm(p31),
        p32: Ppm(p32),
        p23: Ppm(p23),
        p14: Ppm(p14),
    };
    assert_eq!(both("loss state 1%").loss, all(10_000, 990_000, 0, 1_000_000, 0));
    let five = both("loss state 1% 2% 3% 4% 5%").loss;
    assert_eq!(five, all(10_000, 20_000, 30_000, 40_000, 50_000));
    for (shape, meant) in
        [("pareto", Distribution::Pareto), ("paretonormal", Distribution::ParetoNormal)]
    {
        let words = format!("delay 1ms 1ms distribution {shape}");
        assert_eq!(both(&words).delay.distribution, meant);
    }
}

#[test]
fn names_of_links_come_first() {
    let all: Impairments = "dsl delay 50ms out rate 2mbit in 4g loss 0%".parse().expect("good");
    let dsl = "dsl".parse::<Impairments>().expect("a name");
    let fast = "4g".parse::<Impairments>().expect("a name");
    let delay = Delay { base: Duration::from_millis(50), ..Delay::default() };
    assert_eq!(all.outbound, Impairment { delay, rate: Some(2_000_000), ..dsl.outbound });
    assert_eq!(all.inbound, Impairment { loss: LossModel::NONE, ..fast.inbound });
    assert_eq!("loopback".parse(), Ok(Impairments::default()));
    assert_eq!(both("1000base-sx").rate, Some(1_000_000_000));
    let partition = both("10BASE-T partition from 1s to 1.5s").partitions;
    let [from, to] = [1_000, 1_500].map(Instant::from_millis);
    assert_eq!(partition, [Partition { from, to }]);
}

#[test]
fn errors_of_queues_faults_and_names_say_what_was_expected() {
    for (words, error) in [
        ("queue 10", "\"queue\" needs a rate: without one nothing waits"),
        ("in rate 1mbit both codel", "\"codel\" needs a rate: without one nothing waits"),
        ("rate 1mbit queue 0", "\"0\": expected a number of packets such as 100, or of bytes"),
        ("rate 1mbit queue 5 ecn", "\"ecn\" is followed by nothing: expected a number of packets"),
        ("rate 1mbit codel target 5", "\"5\" after \"target\": expected a time such as 20ms"),
        ("rate 1mbit codel targe 5ms", "\"targe\" is not an impairment"),
        ("rate 1mbit 70000", "\"70000\": expected a number of bytes up to 65535"),
        ("mpu -1", "\"-1\" after \"mpu\": expected a number of bytes up to 65535"),
        ("limit 5km", "\"5km\" after \"limit\": expected a number of packets such as 100, or of"),
        ("delay 5ms dsl", "\"dsl\" would undo \"delay\": expected the link's name first"),
        ("dsl 4g", "\"4g\" would undo \"dsl\": expected the link's name first"),
        ("wfii", "\"wfii\" is not an impairment: did you mean wifi? expected delay, loss,"),
        ("loss state 60% 50% 0% 100% 50%", "\"loss state\": P13 and P14 are more than 100%"),
        ("loss state 6% 60% 50%", "\"loss state\": P31 and P32 are more than 100% together"),
        ("loss gemodel", "\"gemodel\" is followed by nothing: expected a percentage such as 1%"),
        ("loss gemodel 1% 101%", "\"101%\": expected a percentage such as 1% or 0.05%"),
        ("drop", "\"drop\" is followed by nothing: expected which packets: any, tcp, syn,"),
        (
            "drop dat#4",
            "\"dat\" is not a kind of packet: did you mean data? expected which packets",
        ),
        ("drop #4", "\"#4\" is not a kind of packet: expected which packets: any, tcp, syn,"),
        ("drop data#0", "\"#0\" after \"data\": expected numbers of packets such as #4, #2-5"),
        ("drop data#5-2", "\"#5-2\" after \"data\": expected numbers of packets such as #4"),
        ("drop data#x once", "\"#x\" after \"data\": expected numbers of packets such as #4"),
        ("drop tcp dat#4", "\"dat\" is not an impairment: did you mean data? expected delay,"),
        ("drop data#4 onse", "\"onse\" is not an impairment"),
        ("delay data#4", "\"data\" is followed by nothing: expected \"by\" and a time"),
        ("delay data#4 for 5ms", "\"for\" after \"data\": expected \"by\" and a time"),
        ("delay data#4 by 5", "\"5\" after \"by\": expected a time such as 20ms (units s, ms,"),
        (
            "corrupt dta#4",
            "\"dta\" after \"corrupt\": expected a percentage such as 1% or 0.05%, or",
        ),
        ("drop port x", "\"x\" after \"port\": expected a port from 0 to 65535"),
        ("partition 1s 2s", "\"1s\" after \"partition\": expected \"from\" and a time"),
        ("partition from 1s", "\"from\" is followed by nothing: expected \"to\" and a time"),
        ("partition from 1s to 2", "\"2\" after \"to\": expected a time such as 20ms (units s,"),
        ("partition from 2s to 2s", "\"partition\" ends before it begins"),
    ] {
        let said = words.parse::<Impairments>().expect_err(words).to_string();
        assert!(said.starts_with(error), "{words}: {said}");
    }
}
