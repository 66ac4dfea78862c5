//! Losses with memory, by their statistics; and that luck stays where it belongs.

use crate::base::{Chance, EventId, Frame, Instant, Pool};
use crate::impair::{Act, By, Fate, Impairment, Impairments, Link, LossState, What};

const PACKETS: u64 = 50_000;

fn rules(words: &str) -> Impairment {
    words.parse::<Impairments>().unwrap_or_else(|e| panic!("{words}: {e}")).inbound
}

/// A packet of the event `number`.
fn packet(pool: &Pool, number: u64) -> Frame {
    Frame { origin: EventId(number), ..Frame::copied(pool, &[7; 40]) }
}

/// The losses of many packets: how many, how many runs, and the states they happened in.
fn losses(words: &str) -> (u64, u64, Vec<LossState>) {
    let pool = Pool::new();
    let mut link = Link::new(rules(words), Chance::from_seed(5), 1, pool.clone());
    let (mut lost, mut runs, mut states, mut last) = (0, 0, Vec::new(), false);
    for number in 1..=PACKETS {
        let gone = link.input(Instant::ZERO, packet(&pool, number));
        lost += u64::from(gone.is_some());
        runs += u64::from(gone.is_some() && !last);
        last = gone.is_some();
        while link.output(Instant::ZERO).is_some() {}
        match gone {
            Some((Fate::Burst { state }, _)) if !states.contains(&state) => states.push(state),
            Some((Fate::Burst { .. }, _)) | None => {}
            Some((other, _)) => panic!("{words}: {other:?}"),
        }
    }
    (lost, runs, states)
}

/// Whether `n` of `of` is `ppm` parts per million, give or take a twentieth.
#[track_caller]
fn about(n: u64, of: u64, ppm: u64) {
    let expected = of * ppm / 1_000_000;
    assert!(n.abs_diff(expected) <= expected / 20, "{n} of {of}, expected {expected}");
}

#[test]
fn gilbert_and_elliott_lose_in_bursts() {
    // In the long run a link is bad for p / (p + r) of the packets, 1 / r in a row.
    let (lost, runs, states) = losses("loss gemodel 10% 50%");
    about(lost, PACKETS, 166_667);
    about(lost * 1000, runs, 2_000 * 1_000_000);
    assert_eq!(states, [LossState::Bad]);
    // Bad: half are lost. Good: 1 % are.
    let (lost, _, mut states) = losses("loss gemodel 10% 50% 50% 1%");
    about(lost, PACKETS, 83_333 + 8_333);
    states.sort_by_key(|state| *state as u8);
    assert_eq!(states, [LossState::Good, LossState::Bad]);
    // p alone: each packet by itself.
    let (lost, runs, _) = losses("loss gemodel 10%");
    about(lost, PACKETS, 100_000);
    about(lost * 1000, runs, 1_111 * 1_000_000);
    assert_eq!(losses("loss gemodel 0%").0, 0);
}

#[test]
fn four_states_lose_in_bursts_and_alone() {
    // Two states: bursts of 1 / p31 packets, for p13 / (p13 + p31) of them.
    let (lost, runs, states) = losses("loss state 10% 50%");
    about(lost, PACKETS, 166_667);
    about(lost * 1000, runs, 2_000 * 1_000_000);
    assert_eq!(states, [LossState::Burst]);
    // State 4 alone: one loss, and good again.
    let (lost, runs, states) = losses("loss state 0% 100% 0% 100% 5%");
    about(lost, PACKETS, 47_619);
    assert_eq!((lost, states), (runs, vec![LossState::Lone]));
    // Packets that arrive within a burst (state 2) break it into shorter runs.
    let (lost, whole, _) = losses("loss state 2% 10%");
    let (less, broken, _) = losses("loss state 2% 10% 30% 50%");
    assert!(lost * broken > 3 * less * whole, "{lost}/{whole} {less}/{broken}");
    assert_eq!(losses("loss state 0%").0, 0);
}

#[test]
fn states_are_said_in_words() {
    for (state, words) in [
        (LossState::Good, "in its good state"),
        (LossState::Bad, "in its bad state"),
        (LossState::Lull, "between losses of a burst (state 2)"),
        (LossState::Burst, "in a burst of losses (state 3)"),
        (LossState::Lone, "losing a single packet (state 4)"),
    ] {
        let said = Fate::Burst { state }.to_string();
        assert_eq!(said, format!("lost by the bad link, which is {words}"));
    }
}

/// When the packets of a run arrive, by the events that sent them; and what was told.
fn arrivals(words: &str, edit: impl Fn(&mut Link)) -> (Vec<(u64, Instant)>, Vec<Act>) {
    let pool = Pool::new();
    let mut link = Link::new(rules(words), Chance::from_seed(5), 1, pool.clone());
    link.listen(true);
    edit(&mut link);
    let mut all = Vec::new();
    let mut drain = |link: &mut Link, until: Instant| {
        while let Some(at) = link.deadline().filter(|at| *at <= until) {
            all.extend(link.output(at).map(|frame| (frame.origin.0, at)));
        }
    };
    for number in 1..=2_000 {
        let now = Instant::from_micros(number * 100);
        drain(&mut link, now);
        link.input(now, packet(&pool, number));
    }
    drain(&mut link, Instant::MAX);
    all.sort();
    let acts = link.drain_acts().collect();
    (all, acts)
}

#[test]
fn an_edit_changes_one_packet_only() {
    let bad = "delay 5ms 2ms 25% distribution normal loss gemodel 2% 20% duplicate 10% 25% \
               corrupt 2% 25% reorder 10% 50% gap 3";
    let (plain, acts) = arrivals(bad, |_| {});
    let lost: Vec<u64> = acts
        .iter()
        .filter(|act| matches!(act.what, What::Gone { .. }) && !act.copy)
        .map(|act| act.origin.0)
        .collect();
    let twice = acts.iter().find(|act| act.what == What::Duplicated { by: By::Luck });
    let twice = twice.expect("some are").origin.0;
    assert!(lost.len() > 50);
    let without = |all: &[(u64, Instant)], one| -> Vec<(u64, Instant)> {
        all.iter().copied().filter(|(number, _)| *number != one).collect()
    };
    for one in [lost[0], lost[7], twice, 1_000] {
        let (spared, _) = arrivals(bad, |link| link.spare(EventId(one)));
        assert_eq!(spared.iter().filter(|(number, _)| *number == one).count(), 1, "{one} arrives");
        assert_eq!(without(&spared, one), without(&plain, one), "{one}: others stay");
        let (doomed, acts) = arrivals(bad, |link| link.doom(EventId(one)));
        assert_eq!(doomed, without(&plain, one), "{one} is gone, and others stay");
        let fate = What::Gone { fate: Fate::Doomed };
        assert!(acts.iter().any(|act| act.origin.0 == one && act.what == fate));
    }
}

#[test]
fn shapes_of_delays_have_their_moments() {
    // Mean and standard deviation of the travel time, microseconds.
    let moments = |shape: &str| {
        let words = format!("delay 50ms 5ms distribution {shape} limit 100000");
        let (all, _) = arrivals(&words, |_| {});
        let travel = |(number, at): &(u64, Instant)| at.as_micros() as i64 - *number as i64 * 100;
        let mean = all.iter().map(travel).sum::<i64>() / all.len() as i64;
        let squares = all.iter().map(|one| (travel(one) - mean).pow(2)).sum::<i64>();
        (mean, (squares / all.len() as i64).isqrt())
    };
    for (shape, deviation) in [
        ("uniform", 2_800..2_950),
        ("normal", 4_800..5_200),
        ("pareto", 3_500..6_500),
        ("paretonormal", 2_800..5_000),
    ] {
        let (mean, spread) = moments(shape);
        assert!((49_500..50_500).contains(&mean), "{shape}: {mean}");
        assert!(deviation.contains(&spread), "{shape}: {spread}");
    }
}
