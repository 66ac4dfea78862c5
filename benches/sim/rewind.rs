//! Going back to a moment of a run: living it again up to there. A dumbbell of ten flows whose log
//! has a hundred thousand entries; the last of them, and some drawn by chance.

use crate::dumbbell::network;
use netglass::base::rng::Purpose;
use netglass::base::{Chance, Instant};
use netglass::sim::Net;
use std::time;

const FLOWS: u16 = 10;
const ENTRIES: usize = 100_000;
const DRAWN: u64 = 9;

/// How long it takes to be at an entry again, in milliseconds.
pub(crate) struct Rewound {
    pub(crate) entries: usize,
    pub(crate) median_ms: f64,
    pub(crate) worst_ms: f64,
}

pub(crate) fn run() -> Rewound {
    let last = live(ENTRIES).1;
    let chance = Chance::from_seed(1);
    let drawn = (0..DRAWN).map(|n| chance.below(last as u64, Purpose::Scenario, 0, n) as usize);
    let times: Vec<f64> = drawn.chain([last]).map(|entry| live(entry).0).collect();
    let worst_ms = times.iter().copied().fold(0.0, f64::max);
    Rewound { entries: last, median_ms: crate::machine::median(times), worst_ms }
}

/// Lives up to an entry; says how many milliseconds that took, and how many entries there are.
fn live(entry: usize) -> (f64, usize) {
    let begun = time::Instant::now();
    let (mut net, _) = network(FLOWS);
    net.keep_log();
    let entries = |net: &Net| net.log().map_or(0, |log| log.entries().len());
    net.run_while(Instant::MAX, |net| entries(net) < entry);
    (begun.elapsed().as_secs_f64() * 1e3, entries(&net))
}
