//! A UDP socket for tasks.

use crate::base::UdpId;
use crate::net::Host;
use crate::net::datagrams::{Held, udp_methods};
use crate::net::multicast::multicast_methods;
use crate::socket::Interest;
use crate::stack::Stack;
use crate::udp::{Received, Report};
use std::io;
use std::net::SocketAddr;

/// What [`UdpSocket::recv_or_report`] waited for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Arrived {
    /// A datagram.
    Datagram(Received),
    /// An error about one of ours.
    Report(Report),
}

/// A UDP socket. Any number of tasks may use it at a time.
#[derive(Debug)]
pub struct UdpSocket {
    held: Held,
}

impl UdpSocket {
    udp_methods!();
    multicast_methods!();

    fn new(held: Held) -> UdpSocket {
        UdpSocket { held }
    }

    /// Sends one datagram; waits while the socket's queue is full.
    ///
    /// # Errors
    /// As [`crate::stack::Stack::send_to`].
    pub async fn send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.send_somewhere(bytes, Some(to)).await
    }

    /// Sends one datagram to the connected peer.
    ///
    /// # Errors
    /// `NotConnected`, `ConnectionRefused` when the peer said so, and as [`UdpSocket::send_to`].
    pub async fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.send_somewhere(bytes, None).await
    }

    async fn send_somewhere(&self, bytes: &[u8], to: Option<SocketAddr>) -> io::Result<usize> {
        let held = &self.held;
        let send = |stack: &mut Stack, now| stack.send_to(now, held.id, to, bytes);
        held.host.ready(held.socket(), Interest::WRITE, send).await
    }

    /// Waits for a datagram; also says who sent it. What does not fit in `room` is lost. No
    /// datagram is lost when the future is dropped.
    ///
    /// # Errors
    /// `ConnectionRefused` on a connected socket whose peer said so; `NetworkDown` when the host's
    /// driver has ended, and nothing will come.
    pub async fn recv_from(&self, room: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let received = self.recv_datagram(room).await?;
        Ok((received.copied, received.from))
    }

    /// As [`UdpSocket::recv_from`]; also says to which address it was sent.
    ///
    /// # Errors
    /// As [`UdpSocket::recv_from`].
    pub async fn recv_datagram(&self, room: &mut [u8]) -> io::Result<Received> {
        let held = &self.held;
        let receive = |stack: &mut Stack, now| stack.recv_from(now, held.id, room);
        held.host.ready(held.socket(), Interest::READ, receive).await
    }

    /// Waits for a datagram, or for an error that the socket keeps
    /// ([`UdpSocket::set_keep_reports`]); errors come first.
    ///
    /// # Errors
    /// As [`UdpSocket::recv_from`].
    pub async fn recv_or_report(&self, room: &mut [u8]) -> io::Result<Arrived> {
        let held = &self.held;
        let receive = |stack: &mut Stack, now| match stack.take_report(now, held.id) {
            Some(report) => Ok(Arrived::Report(report)),
            None => stack.recv_from(now, held.id, room).map(Arrived::Datagram),
        };
        held.host.ready(held.socket(), Interest::READ, receive).await
    }

    /// As [`UdpSocket::recv_from`], without the sender.
    ///
    /// # Errors
    /// As [`UdpSocket::recv_from`].
    pub async fn recv(&self, room: &mut [u8]) -> io::Result<usize> {
        Ok(self.recv_from(room).await?.0)
    }

    /// Waits for a datagram and looks at it without taking it; also says who sent it.
    ///
    /// # Errors
    /// As [`UdpSocket::recv_from`].
    pub async fn peek_from(&self, room: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let held = &self.held;
        let look = |stack: &mut Stack, now| stack.peek_from(now, held.id, room);
        let seen = held.host.ready(held.socket(), Interest::READ, look).await?;
        Ok((seen.copied, seen.from))
    }

    /// As [`UdpSocket::peek_from`], without the sender.
    ///
    /// # Errors
    /// As [`UdpSocket::recv_from`].
    pub async fn peek(&self, room: &mut [u8]) -> io::Result<usize> {
        Ok(self.peek_from(room).await?.0)
    }
}
