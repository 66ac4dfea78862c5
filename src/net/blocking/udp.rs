//! A UDP socket for threads.

use super::{Timeouts, timeout_methods};
use crate::base::UdpId;
use crate::net::Host;
use crate::net::datagrams::{Held, udp_methods};
use crate::net::multicast::multicast_methods;
use crate::socket::Interest;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// A UDP socket. Any number of threads may use it at a time.
#[derive(Debug)]
pub struct UdpSocket {
    held: Held,
    timeouts: Timeouts,
}

impl UdpSocket {
    udp_methods!();
    multicast_methods!();
    timeout_methods!();

    fn new(held: Held) -> UdpSocket {
        UdpSocket { held, timeouts: Timeouts::default() }
    }

    fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    /// Sends one datagram; waits while the socket's queue is full.
    ///
    /// # Errors
    /// As [`crate::stack::Stack::send_to`].
    pub fn send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.send_somewhere(bytes, Some(to))
    }

    /// Sends one datagram to the connected peer.
    ///
    /// # Errors
    /// `NotConnected`, `ConnectionRefused` when the peer said so, and as [`UdpSocket::send_to`].
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.send_somewhere(bytes, None)
    }

    fn send_somewhere(&self, bytes: &[u8], to: Option<SocketAddr>) -> io::Result<usize> {
        let (held, end) = (&self.held, self.timeouts.until(Timeouts::WRITE));
        held.host.wait(held.socket(), Interest::WRITE, end, |stack, now| {
            stack.send_to(now, held.id, to, bytes)
        })
    }

    /// Waits for a datagram; also says who sent it. What does not fit in `room` is lost.
    ///
    /// # Errors
    /// `WouldBlock` after the read timeout; `ConnectionRefused` on a connected socket whose peer
    /// said so.
    pub fn recv_from(&self, room: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (held, end) = (&self.held, self.timeouts.until(Timeouts::READ));
        let received = held.host.wait(held.socket(), Interest::READ, end, |stack, now| {
            stack.recv_from(now, held.id, room)
        })?;
        Ok((received.copied, received.from))
    }

    /// As [`UdpSocket::recv_from`], without the sender.
    ///
    /// # Errors
    /// As [`UdpSocket::recv_from`].
    pub fn recv(&self, room: &mut [u8]) -> io::Result<usize> {
        Ok(self.recv_from(room)?.0)
    }

    /// Waits for a datagram and looks at it without taking it; also says who sent it.
    ///
    /// # Errors
    /// As [`UdpSocket::recv_from`].
    pub fn peek_from(&self, room: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (held, end) = (&self.held, self.timeouts.until(Timeouts::READ));
        let seen = held.host.wait(held.socket(), Interest::READ, end, |stack, now| {
            stack.peek_from(now, held.id, room)
        })?;
        Ok((seen.copied, seen.from))
    }

    /// As [`UdpSocket::peek_from`], without the sender.
    ///
    /// # Errors
    /// As [`UdpSocket::recv_from`].
    pub fn peek(&self, room: &mut [u8]) -> io::Result<usize> {
        Ok(self.peek_from(room)?.0)
    }
}
