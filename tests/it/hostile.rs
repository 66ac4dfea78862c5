//! Two hosts over a link that loses, duplicates, reorders and corrupts: whatever happens, every
//! byte arrives once and in order, and every connection ends CLOSED. The model is a reliable pipe.

use crate::support::pipe::Pipe;
use crate::support::{A, B, World, addr, addr6, setup};
use netglass::base::Chance;
use netglass::base::rng::Purpose;
use netglass::impair::{Impairment, Odds, Ppm, Reorder};
use netglass::tcp::Ecn;
use netglass::tcp::cc::Algorithm;
use std::time::Duration;

/// What a seed decides.
struct Scenario {
    rules: Impairment,
    offload: bool,
    mtu: u16,
    v6: bool,
    /// Bytes each side sends.
    volume: [usize; 2],
}

fn scenario(seed: u64) -> Scenario {
    let chance = Chance::from_seed(seed);
    let below = |bound, n| chance.below(bound, Purpose::Scenario, 0, n);
    // Whole features are switched off at random, so that each is also seen alone.
    let odds = |percent: u64, n| match below(3, n) {
        0 => Odds::default(),
        _ => Odds { share: Ppm((below(percent + 1, n + 1) * 10_000) as u32), ..Odds::default() },
    };
    let rules = Impairment {
        delay: netglass::impair::Delay {
            base: Duration::from_millis(1 + below(40, 10)),
            jitter: Duration::from_millis(below(2, 11) * below(10, 12)),
            ..Impairment::NONE.delay
        },
        loss: odds(20, 20).into(),
        duplicate: odds(10, 30),
        corrupt: odds(10, 40),
        reorder: Some(Reorder { odds: odds(20, 50), gap: 1 }).filter(|_| below(2, 60) == 1),
        ..Impairment::NONE
    };
    Scenario {
        rules,
        offload: below(2, 70) == 1,
        mtu: [1500, 576, 9000, 65_535][below(4, 80) as usize],
        v6: below(2, 95) == 1,
        volume: [below(60_000, 90) as usize, below(60_000, 91) as usize],
    }
}

/// Runs a seed to its end; returns the trace hash.
fn run(seed: u64) -> u64 {
    run_before(seed, false)
}

/// As [`run`], with somebody who listens to events, or nobody.
fn run_before(seed: u64, somebody: bool) -> u64 {
    let Scenario { rules, offload, mtu, v6, volume } = scenario(seed);
    let mut hosts = [setup(A, seed, mtu, offload), setup(B, seed, mtu, offload)];
    for host in &mut hosts {
        // Nobody gives up: what is tested is that everything arrives.
        host.tcp.syn_retries = 50;
        host.tcp.synack_retries = 50;
        host.tcp.retries2 = 100;
    }
    for (n, host) in hosts.iter_mut().enumerate() {
        let below = |bound, of| {
            Chance::from_seed(seed).below(bound, Purpose::Scenario, 0, of + n as u64) as usize
        };
        host.tcp.congestion = Algorithm::ALL[below(4, 100)];
        host.tcp.pacing = below(3, 110) == 0;
        host.tcp.ecn = [Ecn::Off, Ecn::On, Ecn::Passive][below(3, 120)];
    }
    let mut world = World::of(hosts).impaired(rules, seed);
    if somebody {
        world = world.listening();
    }
    let ends = world.connected_at(if v6 { addr6(B, 80) } else { addr(B, 80) });
    let mut pipe = Pipe::new(ends, volume);
    pipe.run(&mut world, |_| ());
    world.hash_in(&[volume[B] as u8, volume[A] as u8]);
    world.hash
}

// Rules: 2525-2.4.
#[test]
fn every_byte_arrives_on_a_thousand_seeds() {
    let seeds: u64 = std::env::var("SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(1000);
    let first: u64 = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let mut all = 0u64;
    for seed in first..first + seeds {
        let hash = std::panic::catch_unwind(|| run(seed))
            .unwrap_or_else(|_| panic!("seed {seed} failed: SEED={seed} SEEDS=1 repeats it"));
        all = (all ^ hash).wrapping_mul(0x100_0000_01b3).rotate_left(17);
    }
    println!("{seeds} seeds from {first}: trace hash {all:016x}");
    if (seeds, first) == (1000, 0) {
        same_on_every_machine(all);
    }
}

/// The hash is the same in debug and release, today and tomorrow, unless what is sent changes on
/// purpose: then `UPDATE=1` writes the new one.
fn same_on_every_machine(hash: u64) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/hostile.hash");
    let text = format!("{hash:016x}\n");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(text, golden, "the trace of a thousand seeds changed");
}

/// The path that tells what it does and the one that does not are the same.
#[test]
fn who_listens_changes_no_frame() {
    for seed in 0..60 {
        assert_eq!(run_before(seed, true), run(seed), "seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..20 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}
