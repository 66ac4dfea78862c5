//! What a UDP user calls: bind, connect, sendto, recvfrom, close.

use super::event::{Call, Event};
use super::{Input, Stack};
use crate::base::{Chunks, EventId, IfaceId, Instant, SocketError, UdpId};
use crate::socket::SocketId;
use crate::udp::{Origin, Received, Report};
use crate::wire::ip::{Discover, Mark};
use crate::wire::{ip, udp};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

impl Stack {
    /// A UDP socket at `local`; an unspecified address means any of the host's, a group's that the
    /// socket hears nothing else, port 0 any free one. `reuse`: others that say so, too, may share
    /// the place; each of them hears what is sent to many, the newest what is sent to one.
    ///
    /// # Errors
    /// `AddrNotAvailable` when the address is not the host's or no port is free, `AddrInUse`,
    /// `LimitReached`.
    pub fn bind(
        &mut self,
        now: Instant,
        local: SocketAddr,
        reuse: bool,
    ) -> Result<UdpId, SocketError> {
        self.keep(now, || Input::Bind { local, reuse });
        let ip = local.ip();
        let result = if ip.is_unspecified() || ip.is_multicast() || self.is_own(ip) {
            let local = self.canonical(local);
            local.and_then(|local| self.udp.bind(local, reuse, &self.chance))
        } else {
            Err(SocketError::AddrNotAvailable)
        };
        self.told_udp(now, Call::Bind { local }, result.map(|_| 0));
        result
    }

    /// Fixes a socket's peer: it hears of nobody else, and of ICMP errors.
    ///
    /// # Errors
    /// `NetworkUnreachable` without a route, `AccessDenied` for a broadcast address unless
    /// [`Stack::set_broadcast`] was called, `InvalidInput`, `BadHandle`.
    pub fn connect_udp(
        &mut self,
        now: Instant,
        id: UdpId,
        remote: SocketAddr,
    ) -> Result<(), SocketError> {
        self.keep(now, || Input::ConnectUdp { id, remote });
        let result = self.destination(id, remote).and_then(|remote| {
            let own = self.datagram_source(id, remote)?;
            self.udp.connect(id, remote, own)
        });
        self.told_udp(now, Call::Connect { remote }, result.map(|()| 0));
        result
    }

    /// Queues one datagram, to `to` or to the connected peer.
    ///
    /// # Errors
    /// `MessageTooLong` beyond 65 507 bytes, `NetworkUnreachable` without a route, `AccessDenied`
    /// for a broadcast address unless [`Stack::set_broadcast`] was called, `NotConnected` without
    /// an address, `WouldBlock` when the queue is full, the socket's pending error, `BadHandle`.
    pub fn send_to(
        &mut self,
        now: Instant,
        id: UdpId,
        to: Option<SocketAddr>,
        bytes: &[u8],
    ) -> Result<usize, SocketError> {
        self.send_from(now, id, None, to, bytes)
    }

    /// As [`Stack::send_to`], from one of the host's addresses if the socket is bound to none
    /// (`IP_PKTINFO`): whoever answers does so from the address that was asked.
    ///
    /// # Errors
    /// As [`Stack::send_to`]; `AddrNotAvailable` when the host does not have that address.
    pub fn send_from(
        &mut self,
        now: Instant,
        id: UdpId,
        own: Option<IpAddr>,
        to: Option<SocketAddr>,
        bytes: &[u8],
    ) -> Result<usize, SocketError> {
        let result = match own {
            Some(own) if !self.is_own(own) => Err(SocketError::AddrNotAvailable),
            _ => self.try_send_to(now, id, own, to, bytes),
        };
        if result == Err(SocketError::WouldBlock) {
            return result; // nothing has happened
        }
        self.keep(now, || Input::SendTo { id, own, to, bytes: bytes.to_vec() });
        let peer = to.or_else(|| self.udp.get(id).and_then(|socket| socket.peer()));
        if let Some(remote) = peer {
            let call = Call::SendTo { remote, len: bytes.len() as u32 };
            self.told_udp(now, call, result.map(|n| n as u64));
        }
        result
    }

    fn try_send_to(
        &mut self,
        now: Instant,
        id: UdpId,
        own: Option<IpAddr>,
        to: Option<SocketAddr>,
        bytes: &[u8],
    ) -> Result<usize, SocketError> {
        let to = to.map(|to| self.destination(id, to)).transpose()?;
        if let Some(to) = to {
            self.datagram_source(id, to)?;
        }
        if bytes.len() > crate::udp::socket::MAX_PAYLOAD_V6 {
            return Err(SocketError::MessageTooLong); // before anything is copied
        }
        self.check_path(now, id, to, bytes.len())?;
        let payload = Chunks::from(self.pool.copy(bytes));
        self.udp.send(id, own, to, payload)?;
        Ok(bytes.len())
    }

    /// Refuses a datagram of `len` bytes that may not be cut and needs it.
    fn check_path(
        &mut self,
        now: Instant,
        id: UdpId,
        to: Option<SocketAddr>,
        len: usize,
    ) -> Result<(), SocketError> {
        let socket = self.udp.get(id).ok_or_else(Self::gone)?;
        let (discover, about) = (socket.discover, to.or(socket.peer()));
        let Some(about) = about.filter(|_| !discover.may_cut()) else { return Ok(()) };
        let device = socket.device_to(about);
        let route = self.datagram_route(device, socket.local().ip(), about);
        let (iface, _) = route.ok_or(SocketError::NetworkUnreachable)?;
        let mtu = self.mtu_by(now, iface, about.ip(), discover);
        if ip::header_len(about.ip()) + udp::HEADER_LEN + len <= usize::from(mtu) {
            return Ok(());
        }
        let error = SocketError::MessageTooLong;
        let report = Report { about, error, origin: Origin::Local { mtu } };
        let socket = self.udp.get_mut(id).filter(|socket| socket.keeps_reports);
        if let Some(Err(why)) = socket.map(|socket| socket.on_report(report)) {
            self.drops.count(why);
        }
        Err(error)
    }

    /// Takes one datagram; what does not fit in `room` is lost ([`Received::is_truncated`]).
    ///
    /// # Errors
    /// `WouldBlock` when none waits, the socket's pending error, `BadHandle`.
    pub fn recv_from(
        &mut self,
        now: Instant,
        id: UdpId,
        room: &mut [u8],
    ) -> Result<Received, SocketError> {
        let socket = self.udp.get_mut(id).ok_or_else(Self::gone)?;
        let result = socket.recv(room);
        if !matches!(result, Err(SocketError::WouldBlock)) {
            self.keep(now, || Input::RecvFrom { id, max: room.len() as u32 });
        }
        if let Ok(received) = &result {
            let call = Call::RecvFrom { remote: received.from };
            self.told_udp(now, call, Ok(received.copied as u64));
        }
        result
    }

    /// Copies the next datagram without taking it (`MSG_PEEK`).
    ///
    /// # Errors
    /// As [`Stack::recv_from`]; an error is told once, to whoever looks or receives first.
    pub fn peek_from(
        &mut self,
        now: Instant,
        id: UdpId,
        room: &mut [u8],
    ) -> Result<Received, SocketError> {
        let result = self.udp.get_mut(id).ok_or_else(Self::gone)?.peek(room);
        self.looked(now, SocketId::Udp(id), result.as_ref().err());
        result
    }

    /// Where a UDP socket is bound.
    pub fn udp_addr(&self, id: UdpId) -> Option<SocketAddr> {
        self.udp.get(id).map(|socket| socket.local())
    }

    /// Sets hops and traffic class of a socket's datagrams from now on (`IP_TTL`, `IP_TOS`).
    ///
    /// # Errors
    /// `InvalidInput` for no hops, `BadHandle`.
    pub fn mark_udp(&mut self, now: Instant, id: UdpId, mark: Mark) -> Result<(), SocketError> {
        self.keep(now, || Input::MarkUdp { id, mark });
        let socket = self.udp.get_mut(id).ok_or_else(Self::gone)?;
        if mark.ttl == Some(0) {
            return Err(SocketError::InvalidInput);
        }
        socket.mark = mark;
        Ok(())
    }

    /// Lets a socket send to broadcast addresses, or not (`SO_BROADCAST`). Default: it may not.
    ///
    /// # Errors
    /// `BadHandle`.
    pub fn set_broadcast(&mut self, now: Instant, id: UdpId, on: bool) -> Result<(), SocketError> {
        self.keep(now, || Input::SetBroadcast { id, on });
        self.udp.get_mut(id).ok_or_else(Self::gone)?.broadcast = on;
        Ok(())
    }

    /// Has a socket send and receive by one interface only (`SO_BINDTODEVICE`). By one without an
    /// IPv4 address it can send to 255.255.255.255, from 0.0.0.0.
    ///
    /// # Errors
    /// `InvalidInput` without such an interface, `BadHandle`.
    pub fn bind_device(
        &mut self,
        now: Instant,
        id: UdpId,
        device: Option<IfaceId>,
    ) -> Result<(), SocketError> {
        self.keep(now, || Input::BindDevice { id, device });
        if device.is_some_and(|device| usize::from(device.0) >= self.ifaces.len()) {
            return Err(SocketError::InvalidInput);
        }
        self.udp.get_mut(id).ok_or_else(Self::gone)?.device = device;
        Ok(())
    }

    /// The address that a socket's datagrams to `to` leave from, unless it is bound to one.
    fn datagram_source(&self, id: UdpId, to: SocketAddr) -> Result<IpAddr, SocketError> {
        let socket = self.udp.get(id).ok_or_else(Self::gone)?;
        let route = self.datagram_route(socket.device_to(to), socket.local().ip(), to);
        let (iface, own) = route.ok_or(SocketError::NetworkUnreachable)?;
        let reaches_many = self.ifaces[usize::from(iface.0)].local().is_broadcast(to.ip());
        if reaches_many && !socket.broadcast {
            return Err(SocketError::AccessDenied);
        }
        Ok(own)
    }

    /// The interface by which a socket at `from` sends to `to`, and our address there. `device`: no
    /// other interface will do; by
    /// it everybody on its link can be reached without a route, also by a host that has no address
    /// yet (RFC 1122 §3.2.1.3 (a)).
    pub(super) fn datagram_route(
        &self,
        device: Option<IfaceId>,
        from: IpAddr,
        to: SocketAddr,
    ) -> Option<(IfaceId, IpAddr)> {
        if to.ip().is_multicast() {
            let zone = self.zone(to).ok().flatten();
            let fits = zone.is_none() || device.is_none() || zone == device;
            return self.group_route(zone.or(device), from, to.ip()).filter(|_| fits);
        }
        let route = self.route_for(to).ok();
        let Some(id) = device else { return route };
        let (route, to) = (route.filter(|(iface, _)| *iface == id), to.ip());
        if route.is_some() || to != IpAddr::V4(Ipv4Addr::BROADCAST) {
            return route;
        }
        let own = self.ifaces.get(usize::from(id.0))?.source(to, to);
        Some((id, own.unwrap_or(Ipv4Addr::UNSPECIFIED.into())))
    }

    /// Says what becomes of a socket's datagrams, from now on, on paths that are too narrow
    /// (`IP_MTU_DISCOVER`).
    ///
    /// # Errors
    /// `BadHandle`.
    pub fn discover_udp(
        &mut self,
        now: Instant,
        id: UdpId,
        discover: Discover,
    ) -> Result<(), SocketError> {
        self.keep(now, || Input::DiscoverUdp { id, discover });
        self.udp.get_mut(id).ok_or_else(Self::gone)?.discover = discover;
        Ok(())
    }

    /// Keeps every error about a socket's datagrams for [`Stack::take_report`], with who told it
    /// (`IP_RECVERR`). Other than on Linux, the socket's next call does not fail for it.
    ///
    /// # Errors
    /// `BadHandle`.
    pub fn keep_reports(&mut self, now: Instant, id: UdpId, on: bool) -> Result<(), SocketError> {
        self.keep(now, || Input::KeepReports { id, on });
        self.udp.get_mut(id).ok_or_else(Self::gone)?.keeps_reports = on;
        Ok(())
    }

    /// Takes the oldest error kept (`MSG_ERRQUEUE`).
    pub fn take_report(&mut self, now: Instant, id: UdpId) -> Option<Report> {
        let report = self.udp.get_mut(id)?.take_report()?;
        self.keep(now, || Input::TakeReport { id });
        Some(report)
    }

    /// Closes a UDP socket; what it has sent still goes out. It leaves its groups.
    pub fn close_udp(&mut self, now: Instant, id: UdpId) {
        self.keep(now, || Input::CloseUdp { id });
        self.udp_waiting.remove(&id);
        let Some(socket) = self.udp.close(id) else { return };
        for (group, iface) in socket.memberships() {
            self.leave_on(now, *iface, *group);
        }
    }

    pub(super) fn told_udp(&mut self, now: Instant, call: Call, result: Result<u64, SocketError>) {
        self.note(now, None, EventId::NONE, || Event::Call { call, result });
    }
}
