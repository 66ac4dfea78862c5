//! How a service says no, and that it is over: the few words of HTTP that need no request, and an
//! end that does not take them back.

use crate::base::Limit;
use crate::net::rt;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How long the client gets to take the answer and to end its side.
const FAREWELL: Duration = Duration::from_secs(2);
/// How much it may still say meanwhile, bytes.
const HEARD_MAX: usize = 64 * 1024;

/// An HTTP answer that ends the connection.
pub(super) struct Answer {
    /// The status line behind the version.
    pub status: &'static str,
    /// After how many seconds to try again.
    pub retry_after: Option<u64>,
    /// Why.
    pub limit: Limit,
}

impl Answer {
    /// The client, or all of them, have too many connections (RFC 9110 §15.6.4).
    pub(super) fn unavailable(limit: Limit, idle: Option<Duration>) -> Answer {
        // By then a connection that nobody uses has been closed.
        let retry_after = idle.map_or(60, |idle| idle.as_secs().clamp(1, 60));
        Answer { status: "503 Service Unavailable", retry_after: Some(retry_after), limit }
    }

    /// The request does not come in time (RFC 9110 §15.5.9).
    #[cfg(feature = "http")]
    pub(super) fn timeout(limit: Limit) -> Answer {
        Answer { status: "408 Request Timeout", retry_after: None, limit }
    }

    fn text(&self) -> String {
        let retry = self.retry_after.map(|seconds| format!("Retry-After: {seconds}\r\n"));
        let body = format!("{}.\n", self.limit);
        format!(
            "HTTP/1.1 {}\r\n{}Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.status,
            retry.unwrap_or_default(),
            body.len()
        )
    }

    /// Gives the answer and ends the connection. What the client says meanwhile is read: a
    /// connection that is closed with data unread is reset, and the answer lost with it (RFC 9112
    /// §9.6).
    pub(super) async fn give<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: S) {
        let text = self.text();
        let give = async {
            stream.write_all(text.as_bytes()).await?;
            stream.shutdown().await?;
            let (mut room, mut heard) = ([0; 2048], 0);
            while heard < HEARD_MAX {
                match stream.read(&mut room).await? {
                    0 => break,
                    read => heard += read,
                }
            }
            Ok::<_, io::Error>(())
        };
        // The client may be gone, or slow: it was told, or cannot be.
        drop(rt::timeout(FAREWELL, give).await);
    }
}
