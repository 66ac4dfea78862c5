//! Row 6: what drives a host in real time.
//!
//! [`Live`] is a thread, or a task of tokio's, that owns a device and serves a
//! [`crate::net::Host`]; [`memory`] joins two hosts by a cable in memory, each with its own thread.

mod bell;
mod busy;
mod driver;
mod live;
pub mod memory;
mod seat;
#[cfg(all(target_os = "linux", feature = "tun", feature = "tokio"))]
mod task;

#[cfg(test)]
mod tests;

pub use bell::Bell;
pub use live::{Live, Running};
#[cfg(all(target_os = "linux", feature = "tun", feature = "tokio"))]
pub use task::Task;
