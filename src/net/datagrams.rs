//! A UDP socket that somebody holds: what both flavours have in common.

use super::host::Host;
use crate::base::{IfaceId, UdpId};
use crate::socket::SocketId;
use crate::udp;
use crate::wire::ip::Mark;
use std::io;
use std::net::SocketAddr;

/// The one holder of a UDP socket; dropping it closes.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) host: Host,
    pub(super) id: UdpId,
}

impl Held {
    pub(super) fn socket(&self) -> SocketId {
        SocketId::Udp(self.id)
    }

    pub(super) fn connect(&self, remote: SocketAddr) -> io::Result<()> {
        Ok(self.host.with(|stack, now| stack.connect_udp(now, self.id, remote))?)
    }

    /// Looks at the socket.
    pub(super) fn look<T>(&self, f: impl FnOnce(&udp::Socket) -> T) -> io::Result<T> {
        let seen = self.host.with(|stack, _| stack.udp().get(self.id).map(f));
        seen.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Changes what the socket asks of IP.
    pub(super) fn mark(&self, change: impl FnOnce(&mut Mark)) -> io::Result<()> {
        let mut mark = self.look(|socket| socket.mark)?;
        change(&mut mark);
        Ok(self.host.with(|stack, now| stack.mark_udp(now, self.id, mark))?)
    }

    pub(super) fn broadcast(&self, on: bool) -> io::Result<()> {
        Ok(self.host.with(|stack, now| stack.set_broadcast(now, self.id, on))?)
    }

    pub(super) fn bind_device(&self, device: Option<IfaceId>) -> io::Result<()> {
        Ok(self.host.with(|stack, now| stack.bind_device(now, self.id, device))?)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.host.rouse(self.socket(), |stack, now| stack.close_udp(now, self.id));
    }
}

/// The methods that UDP sockets of both flavours offer, on a type with `held` and `new`.
macro_rules! udp_methods {
    () => {
        /// A socket at `local`; an unspecified address means any of the host's, port 0 any free
        /// one.
        ///
        /// # Errors
        /// As [`crate::stack::Stack::bind`].
        pub fn bind(host: &Host, local: SocketAddr) -> io::Result<Self> {
            let id = host.with(|stack, now| stack.bind(now, local, false))?;
            Ok(Self::new(Held { host: host.clone(), id }))
        }

        /// Fixes the peer: the socket hears of nobody else, and of ICMP errors.
        ///
        /// # Errors
        /// As [`crate::stack::Stack::connect_udp`].
        pub fn connect(&self, remote: SocketAddr) -> io::Result<()> {
            self.held.connect(remote)
        }

        /// Where it is bound.
        ///
        /// # Errors
        /// `NotConnected` when the stack was told to close it.
        pub fn local_addr(&self) -> io::Result<SocketAddr> {
            let addr = self.held.host.with(|stack, _| stack.udp_addr(self.held.id));
            addr.ok_or_else(|| io::ErrorKind::NotConnected.into())
        }

        /// The peer of a connected socket.
        ///
        /// # Errors
        /// `NotConnected`.
        pub fn peer_addr(&self) -> io::Result<SocketAddr> {
            let peer = self.held.host.with(|stack, _| stack.udp().get(self.held.id)?.peer());
            peer.ok_or_else(|| io::ErrorKind::NotConnected.into())
        }

        /// The hops that datagrams may take (`IP_TTL`, `IPV6_UNICAST_HOPS`).
        ///
        /// # Errors
        /// `InvalidInput` for none or more than 255.
        pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
            let ttl = crate::net::options::hops(ttl)?;
            self.held.mark(|mark| mark.ttl = ttl)
        }

        /// What [`Self::set_ttl`] was told, or 64.
        ///
        /// # Errors
        /// `NotConnected` when the stack was told to close it.
        pub fn ttl(&self) -> io::Result<u32> {
            self.held.look(|socket| u32::from(socket.mark.ttl))
        }

        /// The traffic class of datagrams (`IP_TOS`, `IPV6_TCLASS`).
        ///
        /// # Errors
        /// `NotConnected` when the stack was told to close it.
        pub fn set_tos(&self, tos: u8) -> io::Result<()> {
            self.held.mark(|mark| mark.tos = tos)
        }

        /// What [`Self::set_tos`] was told, or 0.
        ///
        /// # Errors
        /// `NotConnected` when the stack was told to close it.
        pub fn tos(&self) -> io::Result<u8> {
            self.held.look(|socket| socket.mark.tos)
        }

        /// Whether datagrams may go to broadcast addresses (`SO_BROADCAST`).
        ///
        /// # Errors
        /// `NotConnected` when the stack was told to close it.
        pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
            self.held.broadcast(on)
        }

        /// What [`Self::set_broadcast`] was told, or false.
        ///
        /// # Errors
        /// `NotConnected` when the stack was told to close it.
        pub fn broadcast(&self) -> io::Result<bool> {
            self.held.look(|socket| socket.broadcast)
        }

        /// Sends and receives by one interface only (`SO_BINDTODEVICE`).
        ///
        /// # Errors
        /// As [`crate::stack::Stack::bind_device`].
        pub fn bind_device(&self, device: Option<crate::base::IfaceId>) -> io::Result<()> {
            self.held.bind_device(device)
        }

        /// How long the datagram is that would be received now; 0 when none waits (`SIOCINQ`).
        ///
        /// # Errors
        /// `NotConnected` when the stack was told to close it.
        pub fn readable_bytes(&self) -> io::Result<usize> {
            self.held.look(|socket| socket.next_len().unwrap_or(0))
        }

        /// Memory that datagrams on their way out hold, bytes (`SIOCOUTQ`).
        ///
        /// # Errors
        /// `NotConnected` when the stack was told to close it.
        pub fn unsent_bytes(&self) -> io::Result<usize> {
            self.held.look(|socket| socket.queued_bytes().1)
        }

        /// The error that is pending (`SO_ERROR`); told once.
        ///
        /// # Errors
        /// None; for likeness with the standard library.
        pub fn take_error(&self) -> io::Result<Option<io::Error>> {
            let socket = self.held.socket();
            let error = self.held.host.with(|stack, now| stack.take_error(now, socket)).err();
            Ok(error.map(io::Error::from))
        }

        /// The socket's number, for calls that only the stack has.
        pub fn id(&self) -> UdpId {
            self.held.id
        }

        /// The host.
        pub fn host(&self) -> &Host {
            &self.held.host
        }
    };
}
pub(super) use udp_methods;
