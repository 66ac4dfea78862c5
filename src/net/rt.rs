//! Time and tasks for portable programs: the same code runs live and in a simulation.
//!
//! Live, everything here is tokio's: the runtime needs its timer. In a simulation time is virtual:
//! nanoseconds that pass when the simulator says so, and exactly as many as were asked for. Which
//! of the two it is says the thread: a simulator enters its [`VirtualTime`] while it runs tasks.
//!
//! | instead of | use |
//! |---|---|
//! | `tokio::time` | `rt`, by the same names |
//! | `tokio::spawn`, `tokio::task::JoinSet` | those, or [`spawn`]: tasks are tokio's in both |
//! | `std::time::SystemTime::now` | [`date`] |
//! | `tokio::task::spawn_blocking` | [`spawn_blocking`], which in a simulation computes at once |
//! | `hyper_util::rt::TokioTimer` | `rt::Timer` (feature `http`) |
//!
//! `tokio::sync`, `tokio::io` and `tokio::join!` work in both. `tokio::time` and `tokio::net` panic
//! in a simulation, which has neither tokio's timer nor its I/O. `tokio::select!` without `biased`
//! begins at a random branch: it works, but two runs of a simulation may differ.
//!
//! ```
//! use netglass::net::rt;
//! use std::time::Duration;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let begun = rt::now();
//! let late = rt::timeout(Duration::from_millis(2), std::future::pending::<()>()).await;
//! assert!(late.is_err());
//! assert!(begun.elapsed() >= Duration::from_millis(2));
//! # });
//! ```

#[cfg(feature = "http")]
mod hyper_timer;
mod instant;
mod sleep;
mod virtual_time;

#[cfg(feature = "http")]
pub use hyper_timer::Timer;
pub use instant::Instant;
pub use sleep::{Interval, Sleep, interval, interval_at, sleep, sleep_until};
pub use tokio::spawn;
pub use tokio::task::{JoinError, JoinHandle, JoinSet};
pub use virtual_time::{Entered, VirtualTime};

use std::fmt;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The moment it is.
pub fn now() -> Instant {
    Instant::now()
}

/// Whether this thread runs a simulation at the moment.
pub fn is_virtual() -> bool {
    virtual_time::is_entered()
}

/// The wall clock's date. A simulation begins with 1970.
pub fn date() -> SystemTime {
    match virtual_time::now() {
        Some(now) => UNIX_EPOCH + Duration::from_nanos(now.as_nanos()),
        None => SystemTime::now(),
    }
}

/// Waits until a moment at most for what a future gives.
///
/// # Errors
/// [`Elapsed`]: it did not come in time. The future has been dropped.
pub async fn timeout_at<F: IntoFuture>(deadline: Instant, f: F) -> Result<F::Output, Elapsed> {
    // A future that uses up the task's budget does not stop the clock.
    let late = tokio::task::unconstrained(sleep_until(deadline));
    tokio::select! {
        biased;
        output = f.into_future() => Ok(output),
        () = late => Err(Elapsed),
    }
}

/// Waits so long at most for what a future gives.
///
/// # Errors
/// As [`timeout_at`].
pub async fn timeout<F: IntoFuture>(most: Duration, f: F) -> Result<F::Output, Elapsed> {
    let late = tokio::task::unconstrained(sleep(most));
    tokio::select! {
        biased;
        output = f.into_future() => Ok(output),
        () = late => Err(Elapsed),
    }
}

/// Lets other tasks go first.
pub async fn yield_now() {
    // A task that does nothing else for ever is found by how often it looks.
    let _ = virtual_time::now();
    tokio::task::yield_now().await;
}

/// Computes something that takes long: live on a thread that may block; in a simulation at once, in
/// no time.
///
/// # Errors
/// It panicked, or the runtime shuts down.
pub async fn spawn_blocking<T, F>(f: F) -> Result<T, JoinError>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match is_virtual() {
        true => Ok(f()),
        false => tokio::task::spawn_blocking(f).await,
    }
}

/// The time is over.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time is over")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}

#[cfg(test)]
mod tests;
