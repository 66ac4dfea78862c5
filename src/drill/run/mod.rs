//! Runs scripts: in virtual time, against one host, without any privilege.
//!
//! `runner` goes through the events, `packets` and `doing` are what they do; `machine` is what they
//! act on: the host in its `world`, the files processes have open, and the flows; `calls`,
//! `transfer`, `waiting` and `sockopt` are the system calls; `build` makes packets of the script's
//! words, `compare` compares those the host sends, `show` writes them in the script's words;
//! `shell` and `sysctl` understand the commands that turn knobs, `names` what statements may ask
//! for, `messages` what comes beside the bytes, `notes` what `//?` claims; `kernel` is the machine
//! for callers that are no script.

mod args;
mod build;
mod calls;
mod compare;
mod doing;
mod errno;
mod fastopen;
mod flow;
#[cfg(feature = "packetdrill-so")]
mod kernel;
mod live;
mod machine;
mod messages;
mod names;
mod notes;
mod packets;
mod profile;
mod runner;
mod settings;
mod shell;
mod show;
mod sockopt;
mod sockstat;
mod symbols;
mod sysctl;
mod transfer;
mod verdict;
mod waiting;
mod world;

pub use profile::Profile;
pub use settings::{Ignore, Options};
pub(super) use show::words;
pub use verdict::{Crossing, Failure, Kind, Verdict};

use crate::base::SocketError;
use crate::drill::ast::Script;

/// Runs a script against a host of that profile, with the script's own tolerances.
pub fn run(script: &Script, profile: &Profile) -> Verdict {
    run_with(script, profile, &Options::default())
}

/// As [`run`], with options.
pub fn run_with(script: &Script, profile: &Profile, options: &Options) -> Verdict {
    runner::run(script, profile, options)
}

/// The name of the error that a call returns for one of the host's.
pub(super) fn errno_name(error: SocketError) -> &'static str {
    errno::Errno::from(error).name()
}

#[cfg(feature = "packetdrill-so")]
pub(super) use kernel::{Kernel, Outcome, Reply, Request, Waiting};

/// Turns a knob of a profile by its sysctl.
///
/// # Errors
/// What is not known here, by name.
pub(super) fn turn(profile: &mut Profile, name: &str, value: &str) -> Result<(), String> {
    sysctl::set(profile, name, value)
}
