//! A TCP stream for tasks.

use crate::base::{Chunk, Duration, Instant, SocketError};
use crate::net::connection::{Connection, connection_methods};
use crate::net::waiters::Ticket;
use crate::net::{ConnectOptions, Host};
use crate::socket::Interest;
use crate::stack::Stack;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop;

/// A TCP connection. One task reads and one task writes at a time (see [`tokio::io::split`]).
///
/// Dropping it closes the connection gracefully, in the background: what was written is delivered
/// and followed by a FIN. When data was left unread, the peer gets a reset, as on Linux
/// (RFC 9293 §3.6.1, RFC 2525 §2.17).
#[derive(Debug)]
pub struct TcpStream {
    connection: Connection,
}

impl TcpStream {
    pub(super) fn new(connection: Connection) -> TcpStream {
        TcpStream { connection }
    }

    fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Connects, and waits until the connection is open. Dropping the future gives up.
    ///
    /// # Errors
    /// `ConnectionRefused`, `TimedOut` when nobody answers, `HostUnreachable`,
    /// `NetworkUnreachable`, and those of [`crate::stack::Stack::connect`].
    pub async fn connect(host: &Host, remote: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect_with(host, remote, ConnectOptions::default()).await
    }

    /// As [`TcpStream::connect`], with options, of which the timeout is left to the caller.
    ///
    /// # Errors
    /// As [`TcpStream::connect`].
    pub async fn connect_with(
        host: &Host,
        remote: SocketAddr,
        options: ConnectOptions,
    ) -> io::Result<TcpStream> {
        let connection = Connection::open(host, remote, options)?;
        let opened = |stack: &mut Stack, now| connection.opened(stack, now);
        host.ready(connection.socket(), Interest::WRITE, opened).await?;
        Ok(TcpStream::new(connection))
    }

    /// Looks at what has come without taking it; waits for it.
    ///
    /// # Errors
    /// As reading.
    pub async fn peek(&self, room: &mut [u8]) -> io::Result<usize> {
        let connection = &self.connection;
        let peek = |stack: &mut Stack, now| connection.peek(stack, now, room);
        connection.host.ready(connection.socket(), Interest::READ, peek).await
    }

    /// Reads what comes next without copying it, at most `max` bytes, as they lie in the block
    /// that they came in; waits for it. `None` is the end. It may be mixed with other reads, and
    /// dropping the future loses nothing.
    ///
    /// The chunk is the caller's, can be cloned and sent elsewhere, and become a `bytes::Bytes`;
    /// while it lives, so does its block: see [`Conn::read_chunk`](crate::tcp::Conn::read_chunk).
    ///
    /// ```
    /// # async fn example(server: netglass::net::tokio::TcpStream) -> std::io::Result<()> {
    /// let mut parts = Vec::new();
    /// while let Some(chunk) = server.read_chunk(16 * 1024).await? {
    ///     parts.push(bytes::Bytes::from(chunk));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As reading.
    pub async fn read_chunk(&self, max: usize) -> io::Result<Option<Chunk>> {
        if max == 0 {
            return Ok(None);
        }
        let connection = &self.connection;
        let read = |stack: &mut Stack, now| connection.read_chunk(stack, now, max);
        connection.host.ready(connection.socket(), Interest::READ, read).await
    }

    /// Waits until everything that was written, and the FIN after a shutdown, has been
    /// acknowledged, or the connection has ended.
    ///
    /// # Errors
    /// Only those of a host whose driver has ended.
    pub async fn finished(&self) -> io::Result<()> {
        let connection = &self.connection;
        let finished = |stack: &mut Stack, _| {
            let ready = stack.conn(connection.id)?.readiness();
            if ready.finished { Ok(()) } else { Err(SocketError::WouldBlock) }
        };
        connection.host.ready(connection.socket(), Interest::FINISH, finished).await
    }

    /// Has dropping abort the connection, so that the peer is reset and unsent data lost; or not.
    ///
    /// # Errors
    /// None; for likeness with tokio.
    pub fn set_zero_linger(&self, abort: bool) -> io::Result<()> {
        self.connection.set_linger(abort.then_some(Duration::ZERO))
    }

    connection_methods!();

    /// Makes a call for this stream, as part of the task's budget.
    fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        (ticket, interest): (Ticket, Interest),
        f: impl FnMut(&mut Stack, Instant) -> Result<T, SocketError>,
    ) -> Poll<io::Result<T>> {
        let budget = ready!(coop::poll_proceed(cx));
        let connection = &self.connection;
        let place = (ticket, cx.waker(), &mut false); // its place is its own
        let answer = ready!(connection.host.attempt(connection.socket(), interest, place, f));
        budget.made_progress();
        Poll::Ready(answer)
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let max = buf.remaining();
        let read = |stack: &mut Stack, now| {
            self.connection.read_with(stack, now, (max, |bytes: &[u8]| buf.put_slice(bytes)))
        };
        ready!(self.poll(cx, (Ticket::READ, Interest::READ), read))?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let id = self.connection.id;
        let write = |stack: &mut Stack, now| stack.write(now, id, bytes);
        self.poll(cx, (Ticket::WRITE, Interest::WRITE), write)
    }

    /// Nothing to do: what was written is on its way.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends sending: the peer reads the end behind the data.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.connection.shut_write())
    }
}
