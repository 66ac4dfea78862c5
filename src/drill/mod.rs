//! Row 7: scripts in the packetdrill language, the widespread one for tests of TCP: segments that
//! arrive, segments that must leave, system calls with their results, each at its time.
//!
//! Text becomes a [`ast::Script`], in which everything the language knows is said in types and
//! nothing is resolved yet: what a symbol or a knob means is known by whoever runs the script.
//!
//! ```
//! use netglass::drill::{Profile, parse, run};
//!
//! let text = "
//!      0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
//!     +0 bind(3, ..., ...) = 0
//!     +0 listen(3, 1) = 0
//!     +0 < S 0:0(0) win 32792 <mss 1000>
//!     +0 > S. 0:0(0) ack 1 <...>
//! ";
//! let script = parse("handshake.pkt", text, &[]).expect("it is a script");
//! let verdict = run(&script, &Profile::linux());
//! assert!(verdict.passed(), "{verdict:?}");
//! ```

pub mod assert;
pub mod ast;
mod error;
mod html;
mod icmp;
mod lex;
mod parse;
mod print;
mod run;
#[cfg(feature = "packetdrill-so")]
#[allow(unsafe_code, reason = "the interface is C's")]
mod so;
pub mod write;

pub use error::Error;
pub use html::Page;
pub use icmp::numbers as icmp_numbers;
pub use parse::parse;
#[cfg(feature = "packetdrill-so")]
pub use so::{Interface, packetdrill_interface_init};

/// The names of all reasons that a note `//? why` may ask for.
pub fn reasons() -> impl Iterator<Item = &'static str> {
    crate::observe::log::rules()
}

pub use run::{Crossing, Failure, Ignore, Kind, Options, Profile, Verdict, run, run_with};
