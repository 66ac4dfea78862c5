//! The study tools: what a whole run tells, several hosts and wires together. Each is a pure
//! function of the run's [`Log`](crate::observe::log::Log), and its text is stable.
//!
//! `web` knows what led where and what became of each packet; `story` names an entry in one line;
//! `state` folds a connection's state out of its changes; `page` is what answers are written on. On
//! these stand the tools: `explain` one entry (`refuted` says what it was not for, `would` what
//! would not have been without it), `blame` what led to it, `limits` who held a sender back,
//! `ladder` and `lanes` the picture, `capture` what tcpdump would print, `fate` the lives of bytes,
//! `observer` what a sniffer concludes and whether it is right, `diff` two runs side by side.

mod blame;
mod capture;
mod diff;
mod explain;
mod fate;
mod ladder;
mod lanes;
mod limits;
mod observer;
mod page;
mod refuted;
mod state;
pub(in crate::observe) mod story;
pub(in crate::observe) mod web;
mod would;

pub use blame::{Step, blame, chain};
pub use capture::tcpdump;
pub use diff::{Figures, Named, common, diff};
pub use explain::explain;
pub use fate::{Life, bytes, lives};
pub use ladder::{Pick, Protocol, ladder};
pub use limits::{Held, Limits, held_back, limits};
pub use observer::{Label, Verdict, observer, verdicts};
pub use page::{Page, RunName};
#[cfg(feature = "lab")]
pub(crate) use story::overheard;
pub use web::Key;
