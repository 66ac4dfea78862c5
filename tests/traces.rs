//! The traces of the labs that are shipped, as `tests/golden/labs` has them. `scripts/test` runs
//! this twice, as it was built for debugging and for release: both must give the same to the bit,
//! with a log and without.

use netglass::lab::{Options, run, shipped};
use netglass::observe::log::Detail;
use std::path::Path;

/// The trace that a lab's transcript ends with.
fn pinned(number: u8, name: &str) -> String {
    let file = format!("tests/golden/labs/{number:03}-{name}.txt");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file);
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let trace = text.split_whitespace().skip_while(|word| *word != "trace").nth(1);
    trace.unwrap_or_else(|| panic!("{file} names no trace")).to_owned()
}

#[test]
fn of_every_lab_watched_and_unwatched() {
    let mut wrong = Vec::new();
    for shipped in shipped() {
        let lab = shipped.lab(&[]).expect("a shipped lab can be read");
        let expected = pinned(shipped.number, shipped.name);
        // In a build for debugging long runs take their time: `it` has watched them.
        let long = cfg!(debug_assertions) && lab.log == Detail::Brief;
        let ways: &[bool] = if long { &[true] } else { &[false, true] };
        for &blind in ways {
            let run = run(&lab, &Options { blind, ..Options::default() });
            let trace = format!("{:016x}", run.hash);
            if trace != expected {
                wrong.push(format!("{}: {trace}, not {expected} (blind: {blind})", shipped.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
