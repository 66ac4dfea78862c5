//! Ends an operation that nothing happens in: services do not wait for a silent peer for ever.

use std::io;
use std::time::Duration;

/// `f`, or the error `TimedOut` when it takes longer than `idle`; `None`: it may take any time.
pub(super) async fn within<T>(
    idle: Option<Duration>,
    f: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    match idle {
        None => f.await,
        Some(idle) => tokio::time::timeout(idle, f).await.unwrap_or_else(|_| {
            let text = format!("nothing happened for {} seconds", idle.as_secs_f64());
            Err(io::Error::new(io::ErrorKind::TimedOut, text))
        }),
    }
}
