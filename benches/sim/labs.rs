//! The labs that come with the program: what all of them take together, in the order of their
//! numbers, each with its log and its checks.

use crate::Outcome;
use netglass::lab::{Options, run, shipped};
use std::time::Instant;

/// What they took.
pub(crate) struct Labs {
    pub(crate) count: usize,
    /// Events of all of them.
    pub(crate) events: u64,
    pub(crate) wall_ms: f64,
    /// The slowest, and its share.
    pub(crate) slowest: (&'static str, f64),
    /// Those that fail a check.
    pub(crate) failed: Vec<&'static str>,
}

/// Runs all once.
///
/// # Errors
/// When one of them cannot be read.
pub(crate) fn all() -> Outcome<Labs> {
    let slowest = ("", 0.0);
    let mut labs = Labs { count: 0, events: 0, wall_ms: 0.0, slowest, failed: Vec::new() };
    for one in shipped() {
        let lab = one.lab(&[]).map_err(|e| format!("lab {}: {e}", one.name))?;
        let begun = Instant::now();
        let done = run(&lab, &Options::default());
        let wall_ms = begun.elapsed().as_secs_f64() * 1e3;
        if !done.passed() {
            labs.failed.push(one.name);
        }
        labs.count += 1;
        labs.events += done.counts.events;
        labs.wall_ms += wall_ms;
        if wall_ms > labs.slowest.1 {
            labs.slowest = (one.name, wall_ms);
        }
    }
    Ok(labs)
}
