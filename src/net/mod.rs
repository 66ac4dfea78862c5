//! Row 5: a host that several threads and tasks use, and the sockets they hold.
//!
//! [`Host`] puts a [`crate::stack::Stack`] behind one mutex. Its sockets come in two flavours with
//! the names and habits of the standard library and of tokio: [`blocking`] and, with the feature
//! `tokio`, `tokio`. Who receives, sends and keeps time is a driver in the row above
//! ([`crate::runtime`]); nothing here touches a device.
//!
//! Every socket registers a [`std::task::Waker`] when it cannot go on, a thread that blocks too; so
//! there is one way of waiting, described in `waiters`.

pub mod blocking;
mod clock;
mod connection;
mod datagrams;
mod drive;
mod host;
mod journal;
mod multicast;
mod observer;
mod options;
#[cfg(feature = "tokio")]
pub mod rt;
mod signal;
#[cfg(feature = "tokio")]
pub mod tokio;
mod waiters;

pub use clock::{Clock, Monotonic};
pub use drive::Drive;
pub use host::{Host, Stage, Turn, Woken};
pub use journal::{Journal, LinkOf};
pub use observer::{Direction, Loss, Observer, Recorder, Sighting};
pub use options::ConnectOptions;
pub use signal::Signal;
