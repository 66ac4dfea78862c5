//! Row 7: labs. A lab is one TOML file: a network, what runs on it, what to look for, and numbers
//! that must come out. `docs/lab.md` describes the file.
//!
//! ```
//! use netglass::lab::{Lab, Options, run};
//!
//! let lab = Lab::parse("two.toml", r#"
//!     [node.a]
//!     [node.b]
//!     [link.ab]
//!     between = ["a", "b"]
//!     with = "delay 5ms"
//!     [[program]]
//!     on = "a"
//!     run = "ping b count 1"
//!     at = "1s"
//!     [[check]]
//!     say = "the answer comes after two round trips, of which the first asks for the address"
//!     find = "a: receives echo-reply"
//!     at = "1.02s"
//! "#).unwrap();
//! let run = run(&lab, &Options::default());
//! assert!(run.passed(), "{:?}", run.verdicts);
//! ```
//!
//! Reading goes from text to a tree of values with their places (`tree`), to a [`Lab`] (`file`,
//! `node`, `wire`, `clauses`), whose addresses and routes are worked out and checked (`plan`), and
//! that a [`sim::Net`](crate::sim::Net) is built from (`build`). Programs are started (`launch`),
//! the network runs (`run`), and what came of it is held against the checks (`check`).

mod build;
mod check;
mod clauses;
mod file;
mod knobs;
mod launch;
mod node;
mod open;
mod page;
mod plan;
mod program;
mod run;
mod shipped;
mod tree;
mod wire;
mod words;

pub use check::{Check, Failure, Verdict};
pub use file::{Lab, Question, Show};
pub use knobs::Setting;
pub use launch::Report;
pub use node::{Kind, Node};
pub use open::Open;
pub use page::Page;
pub use program::Program;
pub use run::{Options, Passed, Run, Until, frames, run, run_until};
pub use shipped::{Shipped, shipped};
pub use wire::Link;

use std::fmt;
use tree::At;

/// What is wrong with a lab, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Mistake {
    at: At,
    what: String,
}

impl Mistake {
    fn new(at: &At, what: impl Into<String>) -> Mistake {
        Mistake { at: at.clone(), what: what.into() }
    }

    /// With its place in words.
    fn placed(self, file: &str, text: &str, sets: &[(String, String)]) -> Error {
        let place = match self.at {
            At::Set(nth) => {
                let (path, value) = sets.get(nth).map_or(("", ""), |(path, value)| (path, value));
                format!("--set {path}={value}")
            }
            At::File(range) => {
                let before = text.get(..range.start).unwrap_or(text);
                let line = before.matches('\n').count() + 1;
                let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
                format!("{file}:{line}:{column}")
            }
        };
        Error(format!("{place}: {}", self.what))
    }
}

/// Why a lab cannot be run: `FILE:LINE:COLUMN:`, what is wrong, what was expected there and the
/// nearest word that would be right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests;
