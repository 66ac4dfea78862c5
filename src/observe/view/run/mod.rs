//! The study tools: what a whole run tells, several hosts and wires together. Each is a pure
//! function of the run's [`Log`](crate::observe::log::Log), and its text is stable.
//!
//! `web` knows what led where and what became of each packet; `story` names an entry in one line;
//! `state` folds a connection's state out of its changes. On these stand the tools: `explain` and
//! `blame`.

mod blame;
mod explain;
mod page;
mod refuted;
mod state;
pub(in crate::observe) mod story;
pub(in crate::observe) mod web;

pub use blame::blame;
pub use explain::explain;
pub use page::{Page, RunName};
