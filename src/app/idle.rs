//! Ends an operation that nothing happens in: services do not wait for a silent peer for ever.

use super::policy::Policy;
use crate::base::Limit;
use crate::base::limit::Millis;
use crate::net::rt;
use std::fmt;
use std::io;
use std::time::Duration;

/// How long a conversation may stand still; `None`: for ever.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Waits {
    /// The peer says nothing.
    pub idle: Option<Duration>,
    /// The peer takes nothing.
    pub write: Option<Duration>,
}

impl Waits {
    /// No wait is too long.
    pub const FOREVER: Waits = Waits { idle: None, write: None };

    /// A policy's.
    pub fn of(policy: &Policy) -> Waits {
        Waits { idle: policy.idle, write: policy.write_time }
    }

    /// Reads, or does what else waits for the peer's word.
    pub(super) async fn reading<T>(self, f: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        within(self.idle, f, |after| Limit::Idle { after }).await
    }

    /// Writes.
    pub(super) async fn writing<T>(self, f: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        within(self.write, f, |after| Limit::WriteTime { after }).await
    }
}

/// A limit as an error.
#[derive(Debug)]
struct Overdue(Limit);

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Overdue {}

/// The error `TimedOut` for a limit.
pub(super) fn overdue(limit: Limit) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, Overdue(limit))
}

/// The limit that an error tells of, if it does.
pub(super) fn limit_of(error: &io::Error) -> Option<Limit> {
    error.get_ref()?.downcast_ref::<Overdue>().map(|overdue| overdue.0)
}

/// `f`, or the error `TimedOut` when it takes longer than `most`.
async fn within<T>(
    most: Option<Duration>,
    f: impl Future<Output = io::Result<T>>,
    limit: impl FnOnce(Millis) -> Limit,
) -> io::Result<T> {
    let Some(most) = most else { return f.await };
    rt::timeout(most, f).await.unwrap_or_else(|_| Err(overdue(limit(most.into()))))
}
