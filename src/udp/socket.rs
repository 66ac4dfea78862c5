//! A UDP socket: bounded queues of whole datagrams, a peer if it is connected, and the error that
//! ICMP reported about it.
//!
//! Whether a destination may be a broadcast address, and which source address a datagram gets when
//! the socket has none, is decided where routes are known.

use crate::base::{Chunks, IfaceId, Instant, Pool, SocketError, Why};
use crate::wire::icmp::Icmp;
use crate::wire::ip::{Discover, Mark};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

/// The largest payload in bytes over IPv4: 65 535 less the headers.
pub const MAX_PAYLOAD_V4: usize = 65_507;
/// The largest payload in bytes over IPv6, whose length field leaves its header out.
pub const MAX_PAYLOAD_V6: usize = 65_527;
/// How many bytes a queue holds unless told otherwise: Linux's `net.core.rmem_default` and
/// `wmem_default`.
pub const DEFAULT_BUFFER: usize = 212_992;
/// How many errors a socket keeps that nobody has taken.
pub const REPORTS_MAX: usize = 128;
/// How many groups a socket may join (as Linux `igmp_max_memberships`).
pub const MEMBERSHIPS_MAX: usize = 20;

/// How a socket sends to groups, and which it hears.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Multicast {
    /// Time to live or hop limit, hops; 0: no datagram leaves this host (`IP_MULTICAST_TTL`,
    /// `IPV6_MULTICAST_HOPS`). Default 1: none leaves the link.
    pub ttl: u8,
    /// Whether members on this host hear it (`IP_MULTICAST_LOOP`). Default true.
    pub loops: bool,
    /// The interface that datagrams leave by, unless the socket is bound to one
    /// (`IP_MULTICAST_IF`). Default: where the routes lead.
    pub iface: Option<IfaceId>,
    /// Whether it hears groups that others on this host have joined (`IP_MULTICAST_ALL`). Default
    /// true, as on Linux.
    pub all: bool,
}

impl Default for Multicast {
    fn default() -> Multicast {
        Multicast { ttl: 1, loops: true, iface: None, all: true }
    }
}

/// A received datagram.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// Who sent it.
    pub from: SocketAddr,
    /// Which of our addresses it was sent to: perhaps a broadcast or a group.
    pub to: IpAddr,
    /// Its payload.
    pub payload: Chunks,
}

/// A datagram on its way out.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Our address, perhaps unspecified, and port.
    pub from: SocketAddr,
    /// Where to.
    pub to: SocketAddr,
    /// Its payload.
    pub payload: Chunks,
    /// Whether to send a checksum (RFC 1122 §4.1.3.4); IPv6 always does.
    pub checksum: bool,
    /// What it asks of IP.
    pub mark: Mark,
    /// The interface that it leaves by, if the socket is bound to one.
    pub device: Option<IfaceId>,
    /// What becomes of it on a path that is too narrow.
    pub discover: Discover,
    /// To a group: whether members on this host hear it.
    pub loops: bool,
}

/// An error about a datagram that a socket has sent (`IP_RECVERR`).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Where the datagram was going.
    pub about: SocketAddr,
    /// What the socket is told.
    pub error: SocketError,
    /// Who found it out.
    pub origin: Origin,
}

/// Who found an error out.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// This host, where nothing larger than this MTU in bytes can be sent uncut.
    Local {
        /// The path's MTU, or the first link's.
        mtu: u16,
    },
    /// Somebody who told by ICMP; this host itself, when a neighbour does not answer.
    Icmp(Told),
}

/// What somebody told by ICMP.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Who.
    pub from: IpAddr,
    /// What.
    pub message: Icmp,
    /// When.
    pub at: Instant,
}

impl Report {
    /// What an ICMP message says about a datagram to `about`. `None` for what is no verdict.
    pub fn by_icmp(about: SocketAddr, told: Told) -> Option<Report> {
        let soft = told.message.is_verdict().then_some(SocketError::HostUnreachable);
        let error = told.message.socket_error().or(soft)?;
        Some(Report { about, error, origin: Origin::Icmp(told) })
    }
}

/// What [`Socket::recv`] copied.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// Who sent it.
    pub from: SocketAddr,
    /// Which of our addresses it was sent to.
    pub to: IpAddr,
    /// How many bytes were copied.
    pub copied: usize,
    /// How long the datagram was, bytes.
    pub len: usize,
}

impl Received {
    /// Whether the buffer was too short; the rest is lost (`MSG_TRUNC`).
    pub fn is_truncated(&self) -> bool {
        self.copied < self.len
    }
}

/// A UDP socket.
#[derive(Clone, Debug)]
pub struct Socket {
    /// What it was bound to, and what it is while connected.
    bound: SocketAddr,
    local: SocketAddr,
    peer: Option<SocketAddr>,
    received: VecDeque<Datagram>,
    received_bytes: usize,
    unsent_bytes: usize,
    error: Option<SocketError>,
    reports: VecDeque<Report>,
    /// Whether every error is kept for [`Socket::take_report`] (`IP_RECVERR`), instead of being
    /// told by the next call: then a socket without a peer hears of errors, too, and any socket of
    /// those that end nothing.
    pub keeps_reports: bool,
    /// Memory that received datagrams may hold, bytes (`SO_RCVBUF`); blocks count whole.
    pub receive_buffer: usize,
    /// Memory that datagrams not yet sent may hold, bytes (`SO_SNDBUF`), the last one excepted;
    /// blocks count whole.
    pub send_buffer: usize,
    /// Whether datagrams carry a checksum (`SO_NO_CHECK` switches it off).
    pub checksum: bool,
    /// Hops and traffic class of the packets.
    pub mark: Mark,
    /// Whether it may send to broadcast addresses (`SO_BROADCAST`).
    pub broadcast: bool,
    /// The one interface that it sends and receives by (`SO_BINDTODEVICE`).
    pub device: Option<IfaceId>,
    /// What becomes of packets on a path that is too narrow.
    pub discover: Discover,
    /// How it sends to groups, and which it hears.
    pub multicast: Multicast,
    memberships: Vec<(IpAddr, IfaceId)>,
}

impl Socket {
    /// A socket at `local`, whose address may be unspecified.
    pub fn new(local: SocketAddr) -> Socket {
        Socket {
            bound: local,
            local,
            peer: None,
            received: VecDeque::new(),
            received_bytes: 0,
            unsent_bytes: 0,
            error: None,
            reports: VecDeque::new(),
            keeps_reports: false,
            receive_buffer: DEFAULT_BUFFER,
            send_buffer: DEFAULT_BUFFER,
            checksum: true,
            mark: Mark::default(),
            broadcast: false,
            device: None,
            discover: Discover::default(),
            multicast: Multicast::default(),
            memberships: Vec::new(),
        }
    }

    /// Notes that it has joined a group on an interface.
    ///
    /// # Errors
    /// [`SocketError::AddrInUse`] when it has already, [`SocketError::LimitReached`].
    pub fn join(&mut self, group: IpAddr, iface: IfaceId) -> Result<(), SocketError> {
        if self.memberships.contains(&(group, iface)) {
            return Err(SocketError::AddrInUse);
        }
        if self.memberships.len() >= MEMBERSHIPS_MAX {
            return Err(SocketError::LimitReached);
        }
        self.memberships.push((group, iface));
        Ok(())
    }

    /// Notes that it has left a group, on an interface or where it joined it first; says where.
    pub fn leave(&mut self, group: IpAddr, iface: Option<IfaceId>) -> Option<IfaceId> {
        let is_it = |(joined, at): &(IpAddr, IfaceId)| {
            *joined == group && iface.is_none_or(|iface| iface == *at)
        };
        let place = self.memberships.iter().position(is_it)?;
        Some(self.memberships.remove(place).1)
    }

    /// The groups that it has joined, and where.
    pub fn memberships(&self) -> &[(IpAddr, IfaceId)] {
        &self.memberships
    }

    /// Whether it hears what comes in by `via` for `to`, one of our addresses or many's.
    pub(super) fn hears(&self, to: IpAddr, via: IfaceId) -> bool {
        let here = self.device.is_none_or(|device| device == via);
        let joined = || self.memberships.contains(&(to, via));
        here && (!to.is_multicast() || self.multicast.all || joined())
    }

    /// Our address, perhaps unspecified, and port.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The peer of a connected socket.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Takes a datagram that was found to be for this socket.
    ///
    /// # Errors
    /// [`Why::UdpNotPeer`]; [`Why::UdpBufferFull`], but an empty queue takes any one datagram.
    pub fn on_datagram(&mut self, datagram: Datagram, pool: &Pool) -> Result<(), Why> {
        if self.peer.is_some_and(|peer| peer != datagram.from) {
            return Err(Why::UdpNotPeer);
        }
        let datagram = Datagram { payload: datagram.payload.compacted(pool), ..datagram };
        let cost = cost(&datagram.payload);
        if !self.received.is_empty() && self.received_bytes + cost > self.receive_buffer {
            return Err(Why::UdpBufferFull);
        }
        self.received_bytes += cost;
        self.received.push_back(datagram);
        Ok(())
    }

    /// Notes an error; the next call hears of it.
    pub fn on_error(&mut self, error: SocketError) {
        self.error = Some(error);
    }

    /// Keeps an error, if the socket wants that; else the next call hears of it.
    ///
    /// # Errors
    /// [`Why::UdpBufferFull`] when as many are kept as may be.
    pub fn on_report(&mut self, report: Report) -> Result<(), Why> {
        if !self.keeps_reports {
            self.error = Some(report.error);
        } else if self.reports.len() < REPORTS_MAX {
            self.reports.push_back(report);
        } else {
            return Err(Why::UdpBufferFull);
        }
        Ok(())
    }

    /// The oldest error kept (`MSG_ERRQUEUE`).
    pub fn take_report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    /// The error noted last, once.
    pub fn take_error(&mut self) -> Option<SocketError> {
        self.error.take()
    }

    /// The next datagram, uncopied.
    ///
    /// # Errors
    /// A noted error first; [`SocketError::WouldBlock`] when nothing is there.
    pub fn recv_datagram(&mut self) -> Result<Datagram, SocketError> {
        if let Some(error) = self.take_error() {
            return Err(error);
        }
        let datagram = self.received.pop_front().ok_or(SocketError::WouldBlock)?;
        self.received_bytes -= cost(&datagram.payload);
        Ok(datagram)
    }

    /// Copies the next datagram to the start of `out`; what does not fit is lost.
    ///
    /// # Errors
    /// As [`Socket::recv_datagram`].
    pub fn recv(&mut self, out: &mut [u8]) -> Result<Received, SocketError> {
        let Datagram { from, to, payload } = self.recv_datagram()?;
        Ok(Received { from, to, copied: payload.copy_to(out), len: payload.len() })
    }

    /// Copies the start of the next datagram to `out`; it stays the next one.
    ///
    /// # Errors
    /// As [`Socket::recv_datagram`].
    pub fn peek(&mut self, out: &mut [u8]) -> Result<Received, SocketError> {
        if let Some(error) = self.take_error() {
            return Err(error);
        }
        let Datagram { from, to, payload } =
            self.received.front().ok_or(SocketError::WouldBlock)?;
        Ok(Received { from: *from, to: *to, copied: payload.copy_to(out), len: payload.len() })
    }

    /// Whether [`Socket::recv`] has something to say.
    pub fn is_readable(&self) -> bool {
        !self.received.is_empty() || self.error.is_some()
    }

    /// Whether [`Socket::take_report`] has.
    pub fn has_reports(&self) -> bool {
        !self.reports.is_empty()
    }

    /// Whether a datagram could be sent, or an error waits.
    pub fn is_writable(&self) -> bool {
        self.has_room() || self.error.is_some()
    }

    /// Memory that received datagrams and datagrams not yet sent hold, bytes.
    pub fn queued_bytes(&self) -> (usize, usize) {
        (self.received_bytes, self.unsent_bytes)
    }

    /// How long the next datagram is, bytes (`SIOCINQ`).
    pub fn next_len(&self) -> Option<usize> {
        self.received.front().map(|datagram| datagram.payload.len())
    }

    /// How many datagrams wait to be received.
    pub fn waiting(&self) -> usize {
        self.received.len()
    }

    /// Makes a datagram to `to`, or to the peer, that counts as unsent until [`Socket::on_sent`].
    ///
    /// # Errors
    /// See [`super::Table::send`].
    pub(super) fn send(
        &mut self,
        own: Option<IpAddr>,
        to: Option<SocketAddr>,
        payload: Chunks,
    ) -> Result<Outgoing, SocketError> {
        if let Some(error) = self.take_error() {
            return Err(error);
        }
        let to = to.or(self.peer).ok_or(SocketError::NotConnected)?;
        check_remote(self.local, to)?;
        let most = if to.is_ipv4() { MAX_PAYLOAD_V4 } else { MAX_PAYLOAD_V6 };
        if payload.len() > most {
            return Err(SocketError::MessageTooLong);
        }
        if !self.has_room() {
            return Err(SocketError::WouldBlock);
        }
        self.unsent_bytes += cost(&payload);
        let Socket { local, checksum, mut mark, discover, multicast, .. } = *self;
        let own = own.filter(|own| local.ip().is_unspecified() && own.is_ipv4() == to.is_ipv4());
        let from = own.map_or(local, |own| SocketAddr::new(own, local.port()));
        let device = self.device_to(to);
        if to.ip().is_multicast() {
            mark.ttl = Some(multicast.ttl);
        }
        let loops = multicast.loops;
        Ok(Outgoing { from, to, payload, checksum, mark, discover, device, loops })
    }

    /// The one interface by which datagrams to `to` may leave. Whoever gives a group's zone names
    /// another one.
    pub fn device_to(&self, to: SocketAddr) -> Option<IfaceId> {
        let zoned = matches!(to, SocketAddr::V6(v6) if v6.scope_id() > 0);
        self.device.or(self.multicast.iface.filter(|_| to.ip().is_multicast() && !zoned))
    }

    /// A datagram of this socket was sent (or given up by those who send).
    pub(super) fn on_sent(&mut self, sent: &Outgoing) {
        self.unsent_bytes -= cost(&sent.payload);
    }

    /// Whether one more datagram may wait to be sent: of any length, or a writer that was told so
    /// might be refused and ask for ever.
    fn has_room(&self) -> bool {
        self.unsent_bytes < self.send_buffer.max(1)
    }

    /// Fixes the peer, and the address that reaches it when the socket has none.
    pub(super) fn connect(&mut self, peer: SocketAddr, local: IpAddr) {
        self.peer = Some(peer);
        self.local = self.bound;
        if self.local.ip().is_unspecified() {
            self.local.set_ip(local);
        }
    }

    /// Forgets the peer and goes back to the address bound to.
    pub(super) fn disconnect(&mut self) {
        self.peer = None;
        self.local = self.bound;
    }
}

/// Checks that `remote` can be sent to from a socket at `local`.
pub(super) fn check_remote(local: SocketAddr, remote: SocketAddr) -> Result<(), SocketError> {
    let same_family = local.is_ipv4() == remote.is_ipv4();
    if !same_family || remote.port() == 0 || remote.ip().is_unspecified() {
        return Err(SocketError::InvalidInput);
    }
    Ok(())
}

/// What keeping a datagram costs, bytes.
fn cost(payload: &Chunks) -> usize {
    payload.cost() + size_of::<Datagram>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::pool::CLASSES;

    fn at(host: u8, port: u16) -> SocketAddr {
        (IpAddr::from([10, 9, 0, host]), port).into()
    }

    fn datagram(pool: &Pool, from: SocketAddr, bytes: &[u8]) -> Datagram {
        Datagram { from, to: at(1, 0).ip(), payload: pool.copy(bytes).into() }
    }

    #[test]
    fn datagrams_are_received_whole_or_truncated_never_joined() {
        let (pool, mut socket, mut out) = (Pool::new(), Socket::new(at(1, 9)), [0; 4]);
        assert_eq!(socket.recv(&mut out), Err(SocketError::WouldBlock));
        for bytes in [&b"four"[..], b"", b"five5"] {
            assert_eq!(socket.on_datagram(datagram(&pool, at(2, 7), bytes), &pool), Ok(()));
        }
        let mut recv = || socket.recv(&mut out).expect("a datagram");
        let (first, empty, cut) = (recv(), recv(), recv());
        assert_eq!((first.copied, first.len, first.is_truncated()), (4, 4, false));
        assert_eq!((first.from, first.to), (at(2, 7), at(1, 0).ip()));
        assert_eq!((empty.copied, empty.is_truncated()), (0, false));
        assert_eq!((cut.copied, cut.len, cut.is_truncated()), (4, 5, true));
        assert_eq!(&out, b"five");
        assert!(!socket.is_readable());
    }

    #[test]
    fn who_looks_takes_nothing_but_an_error() {
        let (pool, mut socket, mut out) = (Pool::new(), Socket::new(at(1, 9)), [0; 4]);
        assert_eq!(socket.peek(&mut out), Err(SocketError::WouldBlock));
        assert_eq!(socket.on_datagram(datagram(&pool, at(2, 7), b"five5"), &pool), Ok(()));
        socket.on_error(SocketError::Refused);
        assert_eq!(socket.peek(&mut out), Err(SocketError::Refused));
        for _ in 0..2 {
            let seen = socket.peek(&mut out).expect("a datagram");
            assert_eq!((seen.copied, seen.len, seen.from, &out), (4, 5, at(2, 7), b"five"));
        }
        assert_eq!((socket.waiting(), socket.recv(&mut []).map(|got| got.len)), (1, Ok(5)));
    }

    #[test]
    fn the_receive_buffer_is_bounded_but_takes_one() {
        let (pool, mut socket) = (Pool::new(), Socket::new(at(1, 9)));
        socket.receive_buffer = 3 * (CLASSES[0] + size_of::<Datagram>());
        let put = |socket: &mut Socket, len| {
            socket.on_datagram(datagram(&pool, at(2, 7), &vec![0; len]), &pool)
        };
        for _ in 0..3 {
            assert_eq!(put(&mut socket, 1), Ok(()));
        }
        assert_eq!(put(&mut socket, 1), Err(Why::UdpBufferFull));
        assert!(socket.recv_datagram().is_ok());
        assert_eq!(put(&mut socket, 1), Ok(()));
        while socket.recv_datagram().is_ok() {}
        assert_eq!((socket.received_bytes, socket.waiting()), (0, 0));
        assert_eq!(put(&mut socket, 60_000), Ok(()), "an empty queue takes one of any size");
        assert_eq!(put(&mut socket, 1), Err(Why::UdpBufferFull));
    }

    #[test]
    fn a_connected_socket_hears_its_peer_only() {
        let (pool, mut socket) = (Pool::new(), Socket::new(at(1, 9)));
        socket.connect(at(2, 7), at(1, 0).ip());
        for stranger in [at(2, 8), at(3, 7)] {
            let put = socket.on_datagram(datagram(&pool, stranger, b"x"), &pool);
            assert_eq!(put, Err(Why::UdpNotPeer));
        }
        assert_eq!(socket.on_datagram(datagram(&pool, at(2, 7), b"x"), &pool), Ok(()));
        socket.disconnect();
        assert_eq!(socket.on_datagram(datagram(&pool, at(3, 7), b"x"), &pool), Ok(()));
    }

    #[test]
    fn an_error_is_told_once_and_first() {
        let (pool, mut socket) = (Pool::new(), Socket::new(at(1, 9)));
        socket.connect(at(2, 7), at(1, 0).ip());
        assert_eq!(socket.on_datagram(datagram(&pool, at(2, 7), b"x"), &pool), Ok(()));
        socket.on_error(SocketError::Refused);
        assert!(socket.is_readable());
        assert_eq!(socket.recv(&mut []), Err(SocketError::Refused));
        assert!(socket.recv(&mut []).is_ok());
        socket.on_error(SocketError::Refused);
        let refused = socket.send(None, None, Chunks::new()).map(|_| ());
        assert_eq!(refused, Err(SocketError::Refused));
        assert!(socket.send(None, None, Chunks::new()).is_ok());
    }

    #[test]
    fn what_can_be_sent_and_how_much() {
        let (pool, mut socket) = (Pool::new(), Socket::new(at(1, 9)));
        let six = "[fd00::1]:7".parse().expect("an address");
        let mut send = |to: Option<SocketAddr>, len: usize| {
            let sent = socket.send(None, to, pool.copy(&vec![0; len]).into());
            sent.map(|sent| socket.on_sent(&sent))
        };
        assert_eq!(send(None, 1), Err(SocketError::NotConnected));
        assert_eq!(send(Some(at(2, 0)), 1), Err(SocketError::InvalidInput));
        assert_eq!(
            send(Some("0.0.0.0:7".parse().expect("one")), 1),
            Err(SocketError::InvalidInput)
        );
        assert_eq!(send(Some(six), 1), Err(SocketError::InvalidInput));
        assert_eq!(send(Some(at(2, 7)), 65_508), Err(SocketError::MessageTooLong));
        assert_eq!(send(Some(at(2, 7)), 65_507), Ok(()));

        socket.send_buffer = 2 * (CLASSES[0] + size_of::<Datagram>());
        let mut send = || socket.send(None, Some(at(2, 7)), pool.copy(b"x").into());
        let first = send().expect("room");
        assert!(send().is_ok());
        assert_eq!(send().map(|_| ()), Err(SocketError::WouldBlock));
        assert!(!socket.is_writable());
        socket.on_sent(&first);
        assert!(socket.is_writable());
    }
}
