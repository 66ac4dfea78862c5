//! Groups of UDP sockets, under the names of the standard library.

use super::datagrams::Held;
use crate::base::{IfaceId, SocketError};
use crate::udp::Multicast;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

impl Held {
    /// Joins a group, or leaves it.
    pub(super) fn member(
        &self,
        group: IpAddr,
        iface: Option<IfaceId>,
        joins: bool,
    ) -> io::Result<()> {
        let id = self.id;
        Ok(self.host.with(|stack, now| match joins {
            true => stack.join_group(now, id, group, iface),
            false => stack.leave_group(now, id, group, iface),
        })?)
    }

    /// The interface that has an address; none is meant by 0.0.0.0.
    pub(super) fn iface_at(&self, addr: Ipv4Addr) -> io::Result<Option<IfaceId>> {
        if addr.is_unspecified() {
            return Ok(None);
        }
        let addr = IpAddr::V4(addr);
        let found = self.host.with(|stack, _| {
            let mut all = stack.addresses();
            all.find(|(_, own)| own.addr() == addr).map(|(iface, _)| iface)
        });
        Ok(Some(found.ok_or(SocketError::AddrNotAvailable)?))
    }

    /// Changes how the socket sends to groups and hears them.
    pub(super) fn multicast(&self, change: impl FnOnce(&mut Multicast)) -> io::Result<()> {
        let mut multicast = self.look(|socket| socket.multicast)?;
        change(&mut multicast);
        Ok(self.host.with(|stack, now| stack.set_multicast(now, self.id, multicast))?)
    }
}

/// The number of an interface, counted from 1; none is meant by 0.
pub(super) fn numbered(interface: u32) -> io::Result<Option<IfaceId>> {
    let wrong = || io::Error::from(SocketError::InvalidInput);
    let number = |n: u32| u16::try_from(n).map(IfaceId).map_err(|_| wrong());
    interface.checked_sub(1).map(number).transpose()
}

/// The hops of datagrams to groups.
pub(super) fn hops(ttl: u32) -> io::Result<u8> {
    u8::try_from(ttl).map_err(|_| SocketError::InvalidInput.into())
}

/// The methods about groups that UDP sockets of both flavours offer.
macro_rules! multicast_methods {
    () => {
        /// As [`Self::bind`], at a place that others who say so, too, share: each of them hears
        /// what is sent to a group or a broadcast address (`SO_REUSEADDR`).
        ///
        /// # Errors
        /// As [`crate::stack::Stack::bind`].
        pub fn bind_shared(host: &Host, local: SocketAddr) -> io::Result<Self> {
            let id = host.with(|stack, now| stack.bind(now, local, true))?;
            Ok(Self::new(Held { host: host.clone(), id }))
        }

        /// Joins a group on the interface with that address, or with 0.0.0.0 where datagrams to
        /// the group would leave (`IP_ADD_MEMBERSHIP`).
        ///
        /// # Errors
        /// As [`crate::stack::Stack::join_group`]; `AddrNotAvailable` for nobody's address.
        pub fn join_multicast_v4(
            &self,
            multiaddr: &std::net::Ipv4Addr,
            interface: &std::net::Ipv4Addr,
        ) -> io::Result<()> {
            let iface = self.held.iface_at(*interface)?;
            self.held.member((*multiaddr).into(), iface, true)
        }

        /// Joins a group on the interface of that number, counted from 1, or with 0 where datagrams
        /// to the group would leave (`IPV6_JOIN_GROUP`).
        ///
        /// # Errors
        /// As [`crate::stack::Stack::join_group`].
        pub fn join_multicast_v6(
            &self,
            multiaddr: &std::net::Ipv6Addr,
            interface: u32,
        ) -> io::Result<()> {
            let iface = crate::net::multicast::numbered(interface)?;
            self.held.member((*multiaddr).into(), iface, true)
        }

        /// Leaves a group (`IP_DROP_MEMBERSHIP`); dropping the socket leaves all.
        ///
        /// # Errors
        /// As [`crate::stack::Stack::leave_group`]; `AddrNotAvailable` for nobody's address.
        pub fn leave_multicast_v4(
            &self,
            multiaddr: &std::net::Ipv4Addr,
            interface: &std::net::Ipv4Addr,
        ) -> io::Result<()> {
            let iface = self.held.iface_at(*interface)?;
            self.held.member((*multiaddr).into(), iface, false)
        }

        /// Leaves a group (`IPV6_LEAVE_GROUP`); dropping the socket leaves all.
        ///
        /// # Errors
        /// As [`crate::stack::Stack::leave_group`].
        pub fn leave_multicast_v6(
            &self,
            multiaddr: &std::net::Ipv6Addr,
            interface: u32,
        ) -> io::Result<()> {
            let iface = crate::net::multicast::numbered(interface)?;
            self.held.member((*multiaddr).into(), iface, false)
        }

        /// The hops that datagrams to groups may take; 0: none leaves this host
        /// (`IP_MULTICAST_TTL`, `IPV6_MULTICAST_HOPS`).
        ///
        /// # Errors
        /// `InvalidInput` for more than 255.
        pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
            let ttl = crate::net::multicast::hops(ttl)?;
            self.held.multicast(|multicast| multicast.ttl = ttl)
        }

        /// What [`Self::set_multicast_ttl_v4`] was told, or 1.
        ///
        /// # Errors
        /// `NotConnected` when the stack was told to close it.
        pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
            self.held.look(|socket| u32::from(socket.multicast.ttl))
        }

        /// Whether members on this host hear datagrams to their groups (`IP_MULTICAST_LOOP`).
        ///
        /// # Errors
        /// `NotConnected` when the stack was told to close it.
        pub fn set_multicast_loop_v4(&self, on: bool) -> io::Result<()> {
            self.held.multicast(|multicast| multicast.loops = on)
        }

        /// What [`Self::set_multicast_loop_v4`] was told, or true.
        ///
        /// # Errors
        /// `NotConnected` when the stack was told to close it.
        pub fn multicast_loop_v4(&self) -> io::Result<bool> {
            self.held.look(|socket| socket.multicast.loops)
        }

        /// As [`Self::set_multicast_loop_v4`]: a socket is of one family.
        ///
        /// # Errors
        /// `NotConnected` when the stack was told to close it.
        pub fn set_multicast_loop_v6(&self, on: bool) -> io::Result<()> {
            self.set_multicast_loop_v4(on)
        }

        /// As [`Self::multicast_loop_v4`].
        ///
        /// # Errors
        /// `NotConnected` when the stack was told to close it.
        pub fn multicast_loop_v6(&self) -> io::Result<bool> {
            self.multicast_loop_v4()
        }

        /// The interface that datagrams to groups leave by; `None`: where the routes lead
        /// (`IP_MULTICAST_IF`).
        ///
        /// # Errors
        /// `InvalidInput` without such an interface.
        pub fn set_multicast_if(&self, iface: Option<crate::base::IfaceId>) -> io::Result<()> {
            self.held.multicast(|multicast| multicast.iface = iface)
        }

        /// Whether groups that others on this host have joined are heard (`IP_MULTICAST_ALL`).
        ///
        /// # Errors
        /// `NotConnected` when the stack was told to close it.
        pub fn set_multicast_all(&self, on: bool) -> io::Result<()> {
            self.held.multicast(|multicast| multicast.all = on)
        }
    };
}
pub(super) use multicast_methods;
