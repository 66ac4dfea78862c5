//! A TCP listener for threads.

use super::{TcpStream, until};
use crate::base::ListenerId;
use crate::net::Host;
use crate::net::connection::Connection;
use crate::socket::{Interest, SocketId};
use crate::stack::ListenOptions;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// A TCP socket that takes connections. Dropping it resets those that nobody has accepted.
#[derive(Debug)]
pub struct TcpListener {
    host: Host,
    id: ListenerId,
}

impl TcpListener {
    /// Listens at `local`; an unspecified address means any of the host's, port 0 any free one.
    ///
    /// # Errors
    /// As [`crate::stack::Stack::listen`].
    pub fn bind(host: &Host, local: SocketAddr) -> io::Result<TcpListener> {
        TcpListener::bind_with(host, local, ListenOptions::default())
    }

    /// As [`TcpListener::bind`], with options.
    ///
    /// # Errors
    /// As [`crate::stack::Stack::listen`].
    pub fn bind_with(
        host: &Host,
        local: SocketAddr,
        options: ListenOptions,
    ) -> io::Result<TcpListener> {
        let id = host.with(|stack, now| stack.listen(now, local, options))?;
        Ok(TcpListener { host: host.clone(), id })
    }

    /// Waits for the next connection; also says who the peer is. Any number of threads may wait.
    ///
    /// # Errors
    /// Only those of a host whose driver has ended.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.accept_until(None)
    }

    /// As [`TcpListener::accept`], giving up after `timeout` with `TimedOut`.
    ///
    /// # Errors
    /// `TimedOut`, and as [`TcpListener::accept`].
    pub fn accept_timeout(&self, timeout: Duration) -> io::Result<(TcpStream, SocketAddr)> {
        self.accept_until(Some(timeout))
    }

    fn accept_until(&self, timeout: Option<Duration>) -> io::Result<(TcpStream, SocketAddr)> {
        let end = until(timeout, io::ErrorKind::TimedOut);
        let socket = SocketId::Listener(self.id);
        let (id, peer) =
            self.host.wait(socket, Interest::READ, end, |stack, now| stack.accept(now, self.id))?;
        Ok((TcpStream::new(Connection::new(&self.host, id)), peer))
    }

    /// Takes a connection that is there, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` when none is; as [`TcpListener::accept`].
    pub fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (id, peer) = self.host.at_once(|stack, now| stack.accept(now, self.id))?;
        Ok((TcpStream::new(Connection::new(&self.host, id)), peer))
    }

    /// Accepts for ever.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming(self)
    }

    /// Where it listens.
    ///
    /// # Errors
    /// `NotConnected` when the stack was told to close it.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let addr = self.host.with(|stack, _| stack.listener_addr(self.id));
        addr.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// The listener's number, for calls that only the stack has.
    pub fn id(&self) -> ListenerId {
        self.id
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        // It fails only when the stack was told to close it already.
        let _ = self
            .host
            .rouse(SocketId::Listener(self.id), |stack, now| stack.close_listener(now, self.id));
    }
}

/// The connections of a listener, one after the other, without end.
#[derive(Debug)]
pub struct Incoming<'a>(&'a TcpListener);

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.0.accept().map(|(stream, _)| stream))
    }
}
