//! A TCP stream for threads.

use super::{Timeouts, timeout_methods, until};
use crate::base::Chunk;
use crate::net::connection::{Connection, connection_methods};
use crate::net::{ConnectOptions, Host};
use crate::socket::Interest;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// A TCP connection.
///
/// Dropping the last handle closes the connection gracefully, in the background: what was written
/// is delivered and followed by a FIN. When data was left unread, the peer gets a reset, as on
/// Linux (RFC 9293 §3.6.1, RFC 2525 §2.17). [`TcpStream::set_linger`] changes that.
#[derive(Clone, Debug)]
pub struct TcpStream(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    connection: Connection,
    timeouts: Timeouts,
}

impl TcpStream {
    pub(super) fn new(connection: Connection) -> TcpStream {
        TcpStream(Arc::new(Shared { connection, timeouts: Timeouts::default() }))
    }

    fn connection(&self) -> &Connection {
        &self.0.connection
    }

    fn timeouts(&self) -> &Timeouts {
        &self.0.timeouts
    }

    /// Connects, and waits until the connection is open.
    ///
    /// # Errors
    /// `ConnectionRefused`, `TimedOut` when nobody answers, `HostUnreachable`,
    /// `NetworkUnreachable`, and those of [`crate::stack::Stack::connect`].
    pub fn connect(host: &Host, remote: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect_with(host, remote, ConnectOptions::default())
    }

    /// As [`TcpStream::connect`], giving up after `timeout` with `TimedOut`.
    ///
    /// # Errors
    /// As [`TcpStream::connect`].
    pub fn connect_timeout(
        host: &Host,
        remote: SocketAddr,
        timeout: Duration,
    ) -> io::Result<TcpStream> {
        let options = ConnectOptions { timeout: Some(timeout), ..ConnectOptions::default() };
        TcpStream::connect_with(host, remote, options)
    }

    /// As [`TcpStream::connect`], with options.
    ///
    /// # Errors
    /// As [`TcpStream::connect`].
    pub fn connect_with(
        host: &Host,
        remote: SocketAddr,
        options: ConnectOptions,
    ) -> io::Result<TcpStream> {
        let end = until(options.timeout, io::ErrorKind::TimedOut);
        let connection = Connection::open(host, remote, options)?;
        host.wait(connection.socket(), Interest::WRITE, end, |stack, now| {
            connection.opened(stack, now)
        })?;
        Ok(TcpStream::new(connection))
    }

    /// Another handle to the same connection.
    ///
    /// # Errors
    /// None; for likeness with the standard library.
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        Ok(self.clone())
    }

    /// Looks at what has come without taking it; waits as reading does.
    ///
    /// # Errors
    /// As reading.
    pub fn peek(&self, room: &mut [u8]) -> io::Result<usize> {
        let (connection, end) = (self.connection(), self.0.timeouts.until(Timeouts::READ));
        connection.host.wait(connection.socket(), Interest::READ, end, |stack, now| {
            connection.peek(stack, now, room)
        })
    }

    /// Reads what comes next without copying it, at most `max` bytes, as they lie in the block that
    /// they came in; waits as reading does. `None` is the end. It may be mixed with other reads.
    ///
    /// The chunk is the caller's, and can be cloned and sent elsewhere; while it lives, so does its
    /// block: see [`Conn::read_chunk`](crate::tcp::Conn::read_chunk).
    ///
    /// ```
    /// use netglass::net::{Host, blocking::{TcpListener, TcpStream}};
    /// use netglass::stack::Setup;
    /// use std::io::Write;
    ///
    /// # let host = |key, addr: &str| {
    /// #     Host::new(Setup::new([key, 0]).with_iface("wire0", 1500, addr.parse().unwrap()))
    /// # };
    /// # let (a, b) = (host(1, "10.0.0.1/24"), host(2, "10.0.0.2/24"));
    /// # let options = netglass::device::memory::Options::default();
    /// # let _running = netglass::runtime::memory::join(&a, &b, options, [None, None]).unwrap();
    /// let listener = TcpListener::bind(&b, "10.0.0.2:80".parse().unwrap()).unwrap();
    /// let mut client = TcpStream::connect(&a, "10.0.0.2:80".parse().unwrap()).unwrap();
    /// client.write_all(b"hello").unwrap();
    /// let (server, _) = listener.accept().unwrap();
    /// drop(client);
    /// let mut kept = Vec::new();
    /// while let Some(chunk) = server.read_chunk(usize::MAX).unwrap() {
    ///     kept.push(chunk);
    /// }
    /// assert_eq!(kept.iter().map(|chunk| &chunk[..]).collect::<Vec<_>>(), [b"hello"]);
    /// ```
    ///
    /// # Errors
    /// As reading.
    pub fn read_chunk(&self, max: usize) -> io::Result<Option<Chunk>> {
        if max == 0 {
            return Ok(None);
        }
        let (connection, end) = (self.connection(), self.0.timeouts.until(Timeouts::READ));
        connection.host.wait(connection.socket(), Interest::READ, end, |stack, now| {
            connection.read_chunk(stack, now, max)
        })
    }

    /// Ends sending (the peer reads the end behind the data), reading, or both. After reading was
    /// shut down, what had come can be read, then the end; the peer is not told.
    ///
    /// # Errors
    /// `NotConnected` when the connection has ended, or its error.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if how != Shutdown::Write {
            self.connection().shut_read();
        }
        if how != Shutdown::Read {
            self.connection().shut_write()?;
        }
        Ok(())
    }

    /// What dropping the last handle does: `None` closes in the background; zero aborts, so that
    /// the peer is reset and unsent data lost; another duration has the drop wait until all data
    /// and the FIN are acknowledged, at most so long, and goes on in the background after that.
    ///
    /// # Errors
    /// None; for likeness with other libraries.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.connection().set_linger(linger)
    }

    /// What [`TcpStream::set_linger`] was told.
    pub fn linger(&self) -> Option<Duration> {
        self.connection().linger()
    }

    timeout_methods!();
    connection_methods!();
}

impl Drop for Shared {
    fn drop(&mut self) {
        let connection = &self.connection;
        let Some(linger) = connection.linger().filter(|linger| !linger.is_zero()) else { return };
        let unread = connection.with(|stack, _| Ok(stack.conn(connection.id)?.queues().0 > 0));
        if unread.unwrap_or(true) || connection.shut_write().is_err() {
            return; // nothing to wait for: it is over, or about to be reset
        }
        let end = until(Some(linger), io::ErrorKind::TimedOut);
        let waited =
            connection.host.wait(connection.socket(), Interest::FINISH, end, |stack, _| {
                let ready = stack.conn(connection.id)?.readiness();
                if ready.finished { Ok(()) } else { Err(crate::base::SocketError::WouldBlock) }
            });
        if let Err(error) = waited {
            log::debug!("{}: closed before all was delivered: {error}", connection.id);
        }
    }
}

impl Read for &TcpStream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if room.is_empty() {
            return Ok(0);
        }
        let (connection, end) = (self.connection(), self.0.timeouts.until(Timeouts::READ));
        connection.host.wait(connection.socket(), Interest::READ, end, |stack, now| {
            connection.read(stack, now, room)
        })
    }
}

impl Write for &TcpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (connection, end) = (self.connection(), self.0.timeouts.until(Timeouts::WRITE));
        connection.host.wait(connection.socket(), Interest::WRITE, end, |stack, now| {
            stack.write(now, connection.id, bytes)
        })
    }

    /// Does nothing: what was written is on its way.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        (&*self).read(room)
    }
}

impl Write for TcpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
