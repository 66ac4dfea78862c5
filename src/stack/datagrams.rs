//! What a UDP user calls: bind, connect, sendto, recvfrom, close.

use super::event::{Call, Event};
use super::{Input, Stack};
use crate::base::{Chunks, EventId, Instant, SocketError, UdpId};
use crate::socket::SocketId;
use crate::udp::{Origin, Received, Report};
use crate::wire::ip::{Discover, Mark};
use crate::wire::{ip, udp};
use std::net::SocketAddr;

impl Stack {
    /// A UDP socket at `local`; an unspecified address means any of the host's, port 0 any free
    /// one. `reuse`: others that say so, too, may share the place.
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
        let result = if local.ip().is_unspecified() || self.is_own(local.ip()) {
            self.udp.bind(local, reuse, &self.chance)
        } else {
            Err(SocketError::AddrNotAvailable)
        };
        self.told_udp(now, Call::Bind { local }, result.map(|_| 0));
        result
    }

    /// Fixes a socket's peer: it hears of nobody else, and of ICMP errors.
    ///
    /// # Errors
    /// `NetworkUnreachable` without a route, `InvalidInput`, `BadHandle`.
    pub fn connect_udp(
        &mut self,
        now: Instant,
        id: UdpId,
        remote: SocketAddr,
    ) -> Result<(), SocketError> {
        self.keep(now, || Input::ConnectUdp { id, remote });
        let route = self.route_to(remote.ip()).ok_or(SocketError::NetworkUnreachable);
        let result = route.and_then(|(_, own)| self.udp.connect(id, remote, own));
        self.told_udp(now, Call::Connect { remote }, result.map(|()| 0));
        result
    }

    /// Queues one datagram, to `to` or to the connected peer.
    ///
    /// # Errors
    /// `MessageTooLong` beyond 65 507 bytes, `NetworkUnreachable` without a route, `NotConnected`
    /// without an address, `WouldBlock` when the queue is full, the socket's pending error,
    /// `BadHandle`.
    pub fn send_to(
        &mut self,
        now: Instant,
        id: UdpId,
        to: Option<SocketAddr>,
        bytes: &[u8],
    ) -> Result<usize, SocketError> {
        self.keep(now, || Input::SendTo { id, to, bytes: bytes.to_vec() });
        let result = self.try_send_to(now, id, to, bytes);
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
        to: Option<SocketAddr>,
        bytes: &[u8],
    ) -> Result<usize, SocketError> {
        if let Some(to) = to {
            self.route_to(to.ip()).ok_or(SocketError::NetworkUnreachable)?;
        }
        if bytes.len() > crate::udp::socket::MAX_PAYLOAD_V6 {
            return Err(SocketError::MessageTooLong); // before anything is copied
        }
        self.check_path(now, id, to, bytes.len())?;
        let payload = Chunks::from(self.pool.copy(bytes));
        self.udp.send(id, to, payload)?;
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
        let mtu = self.mtu_to(now, about.ip(), discover).ok_or(SocketError::NetworkUnreachable)?;
        if ip::header_len(about.ip()) + udp::HEADER_LEN + len <= usize::from(mtu) {
            return Ok(());
        }
        let error = SocketError::MessageTooLong;
        let report = Report { about, error, origin: Origin::Local { mtu } };
        let socket = self.udp.get_mut(id).ok_or_else(Self::gone)?;
        if let Err(why) = socket.keep_report(report) {
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
        if mark.ttl == 0 {
            return Err(SocketError::InvalidInput);
        }
        socket.mark = mark;
        Ok(())
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
    /// (`IP_RECVERR`). As on Linux an error kept is told by the socket's next call, too, unless it
    /// is taken before.
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

    /// Closes a UDP socket; what it has sent still goes out.
    pub fn close_udp(&mut self, now: Instant, id: UdpId) {
        self.keep(now, || Input::CloseUdp { id });
        self.udp_waiting.remove(&id);
        self.udp.close(id);
    }

    fn told_udp(&mut self, now: Instant, call: Call, result: Result<u64, SocketError>) {
        self.note(now, None, EventId::NONE, || Event::Call { call, result });
    }
}
