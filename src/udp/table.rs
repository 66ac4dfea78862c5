//! A host's UDP sockets: which one a datagram is for, which port a socket gets, and the datagrams
//! that wait to be sent.
//!
//! A datagram goes to the socket that fits it best: one connected to its sender, else one bound to
//! its destination address, else one bound to every address. Each step is one search in an ordered
//! map. The families do not mix: `::` does not receive IPv4.

use super::socket::{Outgoing, Report, Socket, Told, check_remote};
use crate::base::ports::{Ephemeral, Used};
use crate::base::{Chance, Chunks, IfaceId, SocketError, UdpId, Why};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How many sockets a table holds unless told otherwise: as many as there are ports.
pub const DEFAULT_SOCKETS: usize = 65_536;

/// Keeps UDP's random ports apart from other protocols'.
const PORT_KEY: u64 = 17;

/// Where datagrams for a socket come in: our port and address, and the peer.
type Place = (u16, IpAddr, Option<SocketAddr>);

/// The first place of a port in the order of places.
const fn first_place(port: u16) -> Place {
    (port, IpAddr::V4(Ipv4Addr::UNSPECIFIED), None)
}

#[derive(Clone, Debug)]
struct Entry {
    socket: Socket,
    reuse: bool,
}

impl Entry {
    fn place(&self) -> Place {
        let local = self.socket.local();
        (local.port(), local.ip(), self.socket.peer())
    }
}

/// A host's UDP sockets.
#[derive(Clone, Debug)]
pub struct Table {
    sockets: BTreeMap<UdpId, Entry>,
    /// Oldest first, when several share a place.
    places: BTreeMap<Place, Vec<UdpId>>,
    /// The ports of these places.
    used: Used,
    outgoing: VecDeque<(UdpId, Outgoing)>,
    ids: u64,
    picks: u64,
    /// Where ephemeral ports come from.
    pub ephemeral: Ephemeral,
    /// How many sockets there may be.
    pub sockets_max: usize,
}

impl Default for Table {
    fn default() -> Table {
        Table {
            sockets: BTreeMap::new(),
            places: BTreeMap::new(),
            used: Used::default(),
            outgoing: VecDeque::new(),
            ids: 0,
            picks: 0,
            ephemeral: Ephemeral::default(),
            sockets_max: DEFAULT_SOCKETS,
        }
    }
}

impl Table {
    /// No sockets.
    pub fn new() -> Table {
        Table::default()
    }

    /// Makes a socket at `local`, whose address may be unspecified (whether it is this host's is
    /// for the caller to know); port 0 asks for an ephemeral one. Sockets share an address and port
    /// only when all of them ask for `reuse`.
    ///
    /// # Errors
    /// [`SocketError::AddrInUse`]; [`SocketError::AddrNotAvailable`] when no ephemeral port is
    /// free; [`SocketError::LimitReached`].
    pub fn bind(
        &mut self,
        local: SocketAddr,
        reuse: bool,
        chance: &Chance,
    ) -> Result<UdpId, SocketError> {
        if self.sockets.len() >= self.sockets_max {
            return Err(SocketError::LimitReached);
        }
        let addr = local.ip();
        let port = match local.port() {
            0 => {
                self.picks += 1;
                let in_use = |port| self.conflicts(addr, port, false);
                let picked = self.ephemeral.pick(chance, PORT_KEY, self.picks, &self.used, in_use);
                picked.ok_or(SocketError::AddrNotAvailable)?
            }
            port if self.conflicts(addr, port, reuse) => return Err(SocketError::AddrInUse),
            port => port,
        };
        self.ids += 1;
        let id = UdpId(self.ids);
        let entry = Entry { socket: Socket::new(SocketAddr::new(addr, port)), reuse };
        self.enter(entry.place(), id);
        self.sockets.insert(id, entry);
        Ok(id)
    }

    /// Connects a socket to `peer`, anew if it is connected. `local` is the address from which the
    /// peer is reached; it becomes the socket's unless that is bound to one.
    ///
    /// # Errors
    /// [`SocketError::BadHandle`]; [`SocketError::InvalidInput`] when `peer` is of another family
    /// than the socket or lacks an address or a port.
    pub fn connect(
        &mut self,
        id: UdpId,
        peer: SocketAddr,
        local: IpAddr,
    ) -> Result<(), SocketError> {
        let socket = self.get(id).ok_or(SocketError::BadHandle)?;
        check_remote(socket.local(), peer)?;
        if local.is_ipv4() != peer.is_ipv4() {
            return Err(SocketError::InvalidInput);
        }
        self.moves(id, |socket| socket.connect(peer, local))
    }

    /// Takes a socket's peer away.
    ///
    /// # Errors
    /// [`SocketError::BadHandle`]; [`SocketError::NotConnected`].
    pub fn disconnect(&mut self, id: UdpId) -> Result<(), SocketError> {
        let socket = self.get(id).ok_or(SocketError::BadHandle)?;
        socket.peer().ok_or(SocketError::NotConnected)?;
        self.moves(id, Socket::disconnect)
    }

    /// Removes a socket and returns it. What it has sent still goes out.
    pub fn close(&mut self, id: UdpId) -> Option<Socket> {
        let entry = self.sockets.remove(&id)?;
        self.leave(entry.place(), id);
        Some(entry.socket)
    }

    /// A socket.
    pub fn get(&self, id: UdpId) -> Option<&Socket> {
        self.sockets.get(&id).map(|entry| &entry.socket)
    }

    /// A socket, to be used or changed.
    pub fn get_mut(&mut self, id: UdpId) -> Option<&mut Socket> {
        self.sockets.get_mut(&id).map(|entry| &mut entry.socket)
    }

    /// All sockets, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (UdpId, &Socket)> {
        self.sockets.iter().map(|(id, entry)| (*id, &entry.socket))
    }

    /// How many sockets there are.
    pub fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// The socket that a datagram from `from` to `to`, which came in by `via`, is for: among equals
    /// the newest, as on Linux.
    ///
    /// # Errors
    /// [`Why::UdpNotPeer`] when only sockets with another peer are there, [`Why::UdpNoPort`] when
    /// none is.
    pub fn lookup(&self, from: SocketAddr, to: SocketAddr, via: IfaceId) -> Result<UdpId, Why> {
        self.best(from, to, |id| self.hears(id, to.ip(), via))
    }

    /// Whether a socket is here that a datagram from `local` to `remote` may have come from.
    pub fn may_have_sent(&self, local: SocketAddr, remote: SocketAddr) -> bool {
        self.best(remote, local, |_| true).is_ok()
    }

    /// As [`Table::lookup`], among those that `may`.
    fn best(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        may: impl Fn(UdpId) -> bool,
    ) -> Result<UdpId, Why> {
        let (port, addr) = (to.port(), to.ip());
        let places =
            [(port, addr, Some(from)), (port, addr, None), (port, unspecified(addr), None)];
        let newest = places.iter().find_map(|place| {
            let ids = self.places.get(place)?.iter().rev();
            ids.copied().find(|id| may(*id))
        });
        newest.ok_or_else(|| match self.at_port(port).any(|((_, bound, _), _)| *bound == addr) {
            true => Why::UdpNotPeer,
            false => Why::UdpNoPort,
        })
    }

    /// Every socket that a broadcast or multicast datagram from `from` to `to`, which came in by
    /// `via`, is for: each gets its own (RFC 1122 §4.1.3.5 leaves it to the sockets to tell; Linux
    /// delivers to all, too).
    pub fn lookup_all(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        via: IfaceId,
    ) -> impl Iterator<Item = UdpId> {
        let (addr, any) = (to.ip(), unspecified(to.ip()));
        self.at_port(to.port())
            .filter(move |((_, bound, peer), _)| {
                (*bound == addr || *bound == any) && peer.is_none_or(|peer| peer == from)
            })
            .flat_map(|(_, ids)| ids.iter().copied())
            .filter(move |id| self.hears(*id, addr, via))
    }

    /// Whether a socket receives what comes in by an interface for `to`.
    fn hears(&self, id: UdpId, to: IpAddr, via: IfaceId) -> bool {
        self.get(id).is_some_and(|socket| socket.hears(to, via))
    }

    /// Tells the socket that a datagram from `local` to `remote` came from of an error that was
    /// told by ICMP. Without [`Socket::keeps_reports`] a socket without a peer could not tell
    /// which of its datagrams is meant and hears nothing.
    ///
    /// # Errors
    /// [`Why::IcmpNoSocket`]; [`Why::IcmpType`] for what ends nothing, unless the socket keeps
    /// reports, and for what is no verdict at all; [`Why::UdpBufferFull`].
    pub fn on_icmp(
        &mut self,
        local: SocketAddr,
        remote: SocketAddr,
        told: Told,
    ) -> Result<UdpId, Why> {
        let id = self.best(remote, local, |_| true).map_err(|_| Why::IcmpNoSocket)?;
        let socket = self.get_mut(id).ok_or(Why::IcmpNoSocket)?;
        if socket.peer().is_none() && !socket.keeps_reports {
            return Err(Why::IcmpNoSocket);
        }
        let ends = socket.keeps_reports || told.message.socket_error().is_some();
        let report = Report::by_icmp(remote, told).filter(|_| ends);
        socket.on_report(report.ok_or(Why::IcmpType)?)?;
        Ok(id)
    }

    /// Queues a datagram to `to`, or to the socket's peer.
    ///
    /// # Errors
    /// A noted error first; [`SocketError::BadHandle`]; [`SocketError::NotConnected`] without any
    /// destination; [`SocketError::InvalidInput`] when the destination is of another family or
    /// lacks an address or a port; [`SocketError::MessageTooLong`]; [`SocketError::WouldBlock`]
    /// while too much is unsent.
    pub fn send(
        &mut self,
        id: UdpId,
        own: Option<IpAddr>,
        to: Option<SocketAddr>,
        payload: Chunks,
    ) -> Result<(), SocketError> {
        let socket = self.get_mut(id).ok_or(SocketError::BadHandle)?;
        let outgoing = socket.send(own, to, payload)?;
        self.outgoing.push_back((id, outgoing));
        Ok(())
    }

    /// The next datagram to send, in the order they were queued, and whose it is (or was).
    pub fn output(&mut self) -> Option<(UdpId, Outgoing)> {
        let (id, outgoing) = self.outgoing.pop_front()?;
        if let Some(socket) = self.get_mut(id) {
            socket.on_sent(&outgoing);
        }
        Some((id, outgoing))
    }

    /// Whether a datagram waits to be sent.
    pub fn has_output(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Whether a new socket at `addr` and `port` would take datagrams from one that is there.
    fn conflicts(&self, addr: IpAddr, port: u16, reuse: bool) -> bool {
        self.at_port(port).any(|((_, bound, _), ids)| {
            let overlap = addr.is_ipv4() == bound.is_ipv4()
                && (addr == *bound || addr.is_unspecified() || bound.is_unspecified());
            overlap && !(reuse && ids.iter().all(|id| self.sockets[id].reuse))
        })
    }

    /// The places of a port.
    fn at_port(&self, port: u16) -> impl Iterator<Item = (&Place, &Vec<UdpId>)> {
        self.places.range(first_place(port)..).take_while(move |((at, ..), _)| *at == port)
    }

    /// Lets `change` move a socket to another place.
    fn moves(&mut self, id: UdpId, change: impl FnOnce(&mut Socket)) -> Result<(), SocketError> {
        let entry = self.sockets.get_mut(&id).ok_or(SocketError::BadHandle)?;
        let from = entry.place();
        change(&mut entry.socket);
        let to = entry.place();
        self.leave(from, id);
        self.enter(to, id);
        Ok(())
    }

    fn enter(&mut self, place: Place, id: UdpId) {
        self.places.entry(place).or_default().push(id);
        self.used.insert(place.0);
    }

    fn leave(&mut self, place: Place, id: UdpId) {
        if let Some(ids) = self.places.get_mut(&place) {
            ids.retain(|at| *at != id);
            if ids.is_empty() {
                self.places.remove(&place);
                if self.at_port(place.0).next().is_none() {
                    self.used.remove(place.0);
                }
            }
        }
    }
}

/// The unspecified address of the family of `like`.
fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

#[cfg(test)]
mod tests;
