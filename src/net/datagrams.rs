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
            self.held.mark(|mark| mark.ttl = Some(ttl))
        }

        /// What [`Self::set_ttl`] was told, or 64.
        ///
        /// # Errors
        /// `NotConnected` when the stack was told to close it.
        pub fn ttl(&self) -> io::Result<u32> {
            self.held.look(|socket| socket.mark.ttl.map_or(64, u32::from))
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

        /// What becomes of datagrams on paths that are too narrow (`IP_MTU_DISCOVER`).
        ///
        /// # Errors
        /// `NotConnected` when the stack was told to close it.
        pub fn set_mtu_discover(&self, discover: crate::wire::ip::Discover) -> io::Result<()> {
            let id = self.held.id;
            Ok(self.held.host.with(|stack, now| stack.discover_udp(now, id, discover))?)
        }

        /// What [`Self::set_mtu_discover`] was told, or that they may be cut.
        ///
        /// # Errors
        /// `NotConnected` when the stack was told to close it.
        pub fn mtu_discover(&self) -> io::Result<crate::wire::ip::Discover> {
            self.held.look(|socket| socket.discover)
        }

        /// The largest packet in bytes, headers included, that goes to the connected peer uncut
        /// (`IP_MTU`).
        ///
        /// # Errors
        /// `NotConnected`; `NetworkUnreachable` without a route.
        pub fn mtu(&self) -> io::Result<u16> {
            let (to, discover) = (self.peer_addr()?.ip(), self.mtu_discover()?);
            let mtu = self.held.host.with(|stack, now| stack.mtu_to(now, to, discover));
            mtu.ok_or_else(|| crate::base::SocketError::NetworkUnreachable.into())
        }

        /// Keeps every error about datagrams for [`Self::take_report`], with who told it
        /// (`IP_RECVERR`). Other than on Linux, the next call does not fail for it.
        ///
        /// # Errors
        /// `NotConnected` when the stack was told to close it.
        pub fn set_keep_reports(&self, on: bool) -> io::Result<()> {
            Ok(self.held.host.with(|stack, now| stack.keep_reports(now, self.held.id, on))?)
        }

        /// The oldest error kept, if there is any (`MSG_ERRQUEUE`).
        pub fn take_report(&self) -> Option<crate::udp::Report> {
            self.held.host.with(|stack, now| stack.take_report(now, self.held.id))
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

        /// Takes the next datagram, without waiting (`MSG_DONTWAIT`); also says who sent it. What
        /// does not fit in `room` is lost.
        ///
        /// # Errors
        /// `WouldBlock` when none is there; as [`Self::recv_from`].
        pub fn try_recv_from(&self, room: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
            let held = &self.held;
            let received = held.host.at_once(|stack, now| stack.recv_from(now, held.id, room))?;
            Ok((received.copied, received.from))
        }

        /// As [`Self::try_recv_from`], without the sender.
        ///
        /// # Errors
        /// As [`Self::try_recv_from`].
        pub fn try_recv(&self, room: &mut [u8]) -> io::Result<usize> {
            Ok(self.try_recv_from(room)?.0)
        }

        /// Looks at the next datagram without taking it, and without waiting (`MSG_PEEK`).
        ///
        /// # Errors
        /// As [`Self::try_recv_from`]: an error is told once, to whoever looks or receives first.
        pub fn try_peek_from(&self, room: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
            let held = &self.held;
            let seen = held.host.at_once(|stack, now| stack.peek_from(now, held.id, room))?;
            Ok((seen.copied, seen.from))
        }

        /// Sends one datagram, without waiting.
        ///
        /// # Errors
        /// `WouldBlock` when the socket's queue is full; as [`Self::send_to`].
        pub fn try_send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
            let held = &self.held;
            held.host.at_once(|stack, now| stack.send_to(now, held.id, Some(to), bytes))
        }

        /// Sends one datagram to the connected peer, without waiting.
        ///
        /// # Errors
        /// `WouldBlock` when the socket's queue is full; as [`Self::send`].
        pub fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
            let held = &self.held;
            held.host.at_once(|stack, now| stack.send_to(now, held.id, None, bytes))
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
