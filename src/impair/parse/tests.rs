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
    assert_eq!(both("loss 1%").loss, odds(10_000, 0));
    assert_eq!(both("loss random 0.0001% 25%").loss, odds(1, 250_000));
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
    assert_eq!(both("limit 100").limit, 100);
}

#[test]
fn sections_are_for_one_direction() {
    let all: Impairments =
        "delay 20ms in loss 1% delay 5ms out loss 2% both rate 1mbit".parse().expect("good words");
    assert_eq!(all.inbound.delay.base, Duration::from_millis(5));
    assert_eq!(all.outbound.delay.base, Duration::from_millis(20));
    assert_eq!((all.inbound.loss.share, all.outbound.loss.share), (Ppm(10_000), Ppm(20_000)));
    assert_eq!((all.inbound.rate, all.outbound.rate), (Some(1_000_000), Some(1_000_000)));
}

#[test]
fn errors_name_the_word_and_what_was_expected() {
    let time = "expected a time such as 20ms (units s, ms, us, ns)";
    let percent = "expected a percentage such as 1% or 0.05%";
    let packets = "expected a whole number of packets from 1 to 10000000";
    let rate = format!("expected {RATE}");
    for (words, error) in [
        ("dealy 20ms", format!("\"dealy\" is not an impairment: expected {OPTIONS}")),
        ("delay", format!("\"delay\" is followed by nothing: {time}")),
        ("delay 20", format!("\"20\" after \"delay\": {time}")),
        ("delay fast", format!("\"fast\" after \"delay\": {time}")),
        ("delay 1ms 2%", format!("\"2%\": {time}")),
        ("delay 1ms -2ms", format!("\"-2ms\": {time}")),
        ("delay 1.2.3ms", format!("\"1.2.3ms\" after \"delay\": {time}")),
        (
            "delay 99999999999999999999s",
            format!("\"99999999999999999999s\" after \"delay\": {time}"),
        ),
        ("delay 1ms 1ms 1ms", format!("\"1ms\": {percent}")),
        (
            "delay 1ms 1ms distribution pareto",
            "\"pareto\" after \"distribution\": expected uniform or normal".into(),
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
        ("rate 10 mbit", format!("\"mbit\" is not an impairment: expected {OPTIONS}")),
        ("rate 0mbit", format!("\"0mbit\" after \"rate\": {rate}")),
        ("rate 10mbyte", format!("\"10mbyte\" after \"rate\": {rate}")),
        ("limit 0", format!("\"0\" after \"limit\": {packets}")),
        ("limit 1.5", format!("\"1.5\" after \"limit\": {packets}")),
        ("delay 1ms reorder 1% gap", format!("\"gap\" is followed by nothing: {packets}")),
        ("reorder 25%", "\"reorder\" needs a delay: packets overtake only those that wait".into()),
        (
            "in delay 1ms both reorder 25%",
            "\"reorder\" needs a delay: packets overtake only those that wait".into(),
        ),
        ("loss 1% in", format!("\"in\" is followed by nothing: expected {OPTIONS}")),
        ("loss 1%é", format!("\"1%é\" after \"loss\": {percent}")),
    ] {
        assert_eq!(words.parse::<Impairments>().map_err(|e| e.to_string()), Err(error), "{words}");
    }
}
