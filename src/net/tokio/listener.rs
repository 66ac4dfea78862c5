//! A TCP listener for tasks.

use super::TcpStream;
use crate::base::ListenerId;
use crate::net::Host;
use crate::net::connection::Connection;
use crate::socket::{Interest, SocketId};
use crate::stack::{ListenOptions, Stack};
use std::io;
use std::net::SocketAddr;

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

    /// Waits for the next connection; also says who the peer is. Any number of tasks may wait, and
    /// no connection is lost when a future is dropped.
    ///
    /// # Errors
    /// Only `NetworkDown`: the host's driver has ended, and no connection will come. A loop that
    /// accepts ends there.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let accept = |stack: &mut Stack, now| stack.accept(now, self.id);
        let socket = SocketId::Listener(self.id);
        let (id, peer) = self.host.ready(socket, Interest::READ, accept).await?;
        Ok((TcpStream::new(Connection::new(&self.host, id)), peer))
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
