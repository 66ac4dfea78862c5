//! Groups of a whole host: sockets join and leave them, interfaces report them to routers (IGMP,
//! MLD), and datagrams to a group find their interface. What is said and when, [`link::Groups`]
//! knows.
//!
//! An Ethernet's interface is a member of the solicited-node groups of its IPv6 addresses, and
//! reports them (RFC 4291 §2.8). A link of bare IP has no neighbours to solicit.

use super::event::{Call, Event, PacketView, Sent};
use super::iface::{ADDRESSES_MAX, Iface};
use super::ingress::Via;
use super::zone::zoned;
use super::{EGRESS_MAX, Input, Stack};
use crate::base::{EventId, Frame, IfaceId, Instant, SocketError, UdpId, Why};
use crate::link::groups::{GROUPS_MAX, Reason, Report, Says};
use crate::link::{self, Groups};
use crate::udp::{Multicast, Socket};
use crate::wire::icmp::Icmp;
use crate::wire::icmpv6::Icmpv6;
use crate::wire::ip::Header;
use crate::wire::ipv4::protocol;
use crate::wire::membership::{self, HOP_LIMIT, Membership, Record};
use crate::wire::mld;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One address of each family.
const FAMILIES: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];

/// Groups of an interface that sockets may join: there is room for those of addresses.
const JOINED_MAX: usize = GROUPS_MAX - ADDRESSES_MAX;

/// The traffic class of IGMP: internetwork control (RFC 3376 §4).
const CONTROL: u8 = 0xc0;

impl Stack {
    // ---- for users

    /// Has a socket's host join a group on an interface, or without one where datagrams to the
    /// group would leave, or else on the first one to others. As on Linux (`IP_MULTICAST_ALL`),
    /// every socket that is bound to the port and to no address then hears the group, unless
    /// [`Multicast::all`] was switched off. The group is left when the last socket that joined it
    /// leaves it or is closed.
    ///
    /// # Errors
    /// `InvalidInput` for what is no group of the socket's family, or without such an interface;
    /// `NetworkUnreachable` without any interface to others; `AddrInUse` when the socket has joined
    /// it; `LimitReached` beyond 20 groups of a socket or 192 of an interface; `BadHandle`.
    pub fn join_group(
        &mut self,
        now: Instant,
        id: UdpId,
        group: IpAddr,
        iface: Option<IfaceId>,
    ) -> Result<(), SocketError> {
        self.keep(now, || Input::JoinGroup { id, group, iface });
        let result = self.try_join(now, id, group, iface);
        self.told_udp(now, Call::JoinGroup { group }, result.map(|_| 0));
        let joined = result?;
        self.run_groups(now, joined);
        Ok(())
    }

    fn try_join(
        &mut self,
        now: Instant,
        id: UdpId,
        group: IpAddr,
        iface: Option<IfaceId>,
    ) -> Result<IfaceId, SocketError> {
        let socket = self.udp.get(id).ok_or_else(Self::gone)?;
        let same_family = socket.local().is_ipv4() == group.is_ipv4();
        let known = iface.is_none_or(|iface| usize::from(iface.0) < self.ifaces.len());
        if !group.is_multicast() || !same_family || !known {
            return Err(SocketError::InvalidInput);
        }
        let nobody = FAMILIES[usize::from(group.is_ipv6())];
        let leads = || self.group_route(None, nobody, group).map(|(iface, _)| iface);
        // Whoever listens may do so before there is an address.
        let link = |iface: &Iface| !iface.local().is_loopback();
        let first = || self.ifaces.iter().position(link).map(|n| IfaceId(n as u16));
        let iface = iface.or_else(leads).or_else(first).ok_or(SocketError::NetworkUnreachable)?;
        let socket = self.udp.get_mut(id).ok_or_else(Self::gone)?;
        socket.join(group, iface)?;
        let members = &self.ifaces[usize::from(iface.0)].members[usize::from(group.is_ipv6())];
        let room = members.has(group) || members.iter().count() < JOINED_MAX;
        if !room || !self.join_on(now, iface, group) {
            let socket = self.udp.get_mut(id).ok_or_else(Self::gone)?;
            socket.leave(group, Some(iface));
            return Err(SocketError::LimitReached);
        }
        Ok(iface)
    }

    /// Has a socket leave a group: on an interface, or where it joined it first.
    ///
    /// # Errors
    /// `AddrNotAvailable` when it is no member; `BadHandle`.
    pub fn leave_group(
        &mut self,
        now: Instant,
        id: UdpId,
        group: IpAddr,
        iface: Option<IfaceId>,
    ) -> Result<(), SocketError> {
        self.keep(now, || Input::LeaveGroup { id, group, iface });
        let socket = self.udp.get_mut(id).ok_or_else(Self::gone)?;
        let left = socket.leave(group, iface).ok_or(SocketError::AddrNotAvailable);
        self.told_udp(now, Call::LeaveGroup { group }, left.map(|_| 0));
        self.leave_on(now, left?, group);
        Ok(())
    }

    /// How a socket sends to groups and hears them, from now on (`IP_MULTICAST_TTL`,
    /// `IP_MULTICAST_LOOP`, `IP_MULTICAST_IF`, `IP_MULTICAST_ALL`).
    ///
    /// # Errors
    /// `InvalidInput` without such an interface, `BadHandle`.
    pub fn set_multicast(
        &mut self,
        now: Instant,
        id: UdpId,
        multicast: Multicast,
    ) -> Result<(), SocketError> {
        self.keep(now, || Input::SetMulticast { id, multicast });
        if multicast.iface.is_some_and(|iface| usize::from(iface.0) >= self.ifaces.len()) {
            return Err(SocketError::InvalidInput);
        }
        self.udp.get_mut(id).ok_or_else(Self::gone)?.multicast = multicast;
        Ok(())
    }

    /// The groups of all interfaces besides those that every host is in, and how many want each.
    pub fn groups(&self) -> impl Iterator<Item = (IfaceId, IpAddr, u32)> + '_ {
        self.ifaces.iter().enumerate().flat_map(|(n, iface)| {
            let groups = iface.members.iter().flat_map(Groups::iter);
            groups.map(move |(group, holders)| (IfaceId(n as u16), group, holders))
        })
    }

    // ---- interfaces

    /// The interface by which datagrams to a group leave, and our address there: the one that the
    /// socket is to use, the one whose address it has, where the routes lead, or the first with an
    /// address of the family.
    pub(super) fn group_route(
        &self,
        device: Option<IfaceId>,
        from: IpAddr,
        group: IpAddr,
    ) -> Option<(IfaceId, IpAddr)> {
        let by =
            |id: IfaceId| Some((id, self.ifaces.get(usize::from(id.0))?.source(group, group)?));
        if device.is_some() {
            return device.and_then(by);
        }
        let bound = self.addresses().find(|(_, own)| own.addr() == from);
        let first = || (0..self.ifaces.len()).find_map(|n| by(IfaceId(n as u16)));
        let routed = || self.route_to(group).or_else(first);
        bound.and_then(|(id, _)| by(id)).or_else(routed)
    }

    /// Where a socket sends to, as sockets keep it. A group of a link without a zone is the one of
    /// the interface that the socket's datagrams to groups leave by.
    ///
    /// # Errors
    /// As [`Stack::zone`].
    pub(super) fn destination(&self, id: UdpId, to: SocketAddr) -> Result<SocketAddr, SocketError> {
        let unzoned = matches!(to, SocketAddr::V6(v6) if v6.scope_id() == 0);
        let socket = self.udp.get(id).filter(|_| unzoned && to.ip().is_multicast());
        let leads =
            |socket: &Socket| self.group_route(socket.device_to(to), socket.local().ip(), to.ip());
        match socket.and_then(leads) {
            Some((iface, _)) => Ok(zoned(to.ip(), to.port(), iface)),
            None => self.canonical(to),
        }
    }

    fn with_groups<R>(
        &mut self,
        now: Instant,
        id: IfaceId,
        like: IpAddr,
        cause: EventId,
        act: impl FnOnce(&mut Groups, &mut link::Cx<'_>) -> R,
    ) -> Option<R> {
        let place = usize::from(like.is_ipv6());
        self.with_iface(now, id, cause, |iface, cx| act(&mut iface.members[place], cx))
    }

    /// Somebody on this host wants a group; `false`: there are too many.
    pub(super) fn join_on(&mut self, now: Instant, id: IfaceId, group: IpAddr) -> bool {
        let cause = self.trace.last();
        let joined = self.with_groups(now, id, group, cause, |groups, cx| groups.join(group, cx));
        let joined = joined.flatten();
        if joined == Some(true) {
            self.ifaces[usize::from(id.0)].regroup();
        }
        joined.is_some()
    }

    /// Somebody on this host wants a group no longer.
    pub(super) fn leave_on(&mut self, now: Instant, id: IfaceId, group: IpAddr) {
        let cause = self.trace.last();
        let left = self.with_groups(now, id, group, cause, |groups, cx| groups.leave(group, cx));
        if left == Some(true) {
            self.ifaces[usize::from(id.0)].regroup();
            self.run_groups(now, id);
        }
    }

    /// The addresses of an interface have changed: so have the groups in which neighbours ask for
    /// them. With its link-local address it says again what it could only say from nowhere (RFC
    /// 3590 §4).
    pub(super) fn renew(&mut self, now: Instant, id: IfaceId) {
        let iface = &mut self.ifaces[usize::from(id.0)];
        let settled = iface.has_link_local();
        iface.refresh();
        self.ifaces.readdressed();
        let iface = &mut self.ifaces[usize::from(id.0)];
        let (joins, leaves) = iface.change_solicited();
        let settles = !settled && iface.has_link_local();
        for group in joins {
            let joined = self.join_on(now, id, group);
            debug_assert!(joined, "there is room for the groups of all addresses");
        }
        leaves.into_iter().for_each(|group| self.leave_on(now, id, group));
        if settles {
            let cause = self.trace.last();
            self.with_groups(now, id, FAMILIES[1], cause, |groups, cx| groups.announce(cx));
        }
        self.run_groups(now, id);
    }

    // ---- what arrives

    /// A message about groups: IGMP behind its IP header, or MLD, whose checksum is good.
    #[inline(never)]
    pub(super) fn on_membership(&mut self, via: Via, frame: Frame) {
        let (src, dst, len) = (via.src(), via.dst(), frame.len() as u32);
        let message = self.whole(frame);
        let bytes = message.iter().next().map_or(&[][..], |chunk| chunk);
        let message = match Membership::parse(&via.header, bytes) {
            Ok(message) => message,
            Err(why) => return self.discard(via.now, why, via.view(len as usize)),
        };
        let view = PacketView::Membership { src, dst, message, len };
        let own = self.mac(via.iface) == Some(via.mac);
        let cause = self.trace.reserve();
        let taken = self.with_groups(via.now, via.iface, dst, cause, |groups, cx| match message {
            _ if own => Err(Why::OwnSource),
            Membership::Query(query) => groups.on_query(query, cx),
            Membership::Report { group, .. } => groups.on_report(group, cx),
            Membership::Leave { .. } | Membership::Records { .. } => Err(Why::GroupOfOthers),
        });
        self.conclude(via.now, cause, view, taken.unwrap_or(Err(Why::NotForUs)));
        self.run_groups(via.now, via.iface);
    }

    // ---- what leaves

    /// Says what an interface's groups lead to.
    fn run_groups(&mut self, now: Instant, id: IfaceId) {
        for like in FAMILIES {
            self.with_groups(now, id, like, EventId::NONE, |groups, cx| groups.poll(like, cx));
            let mtu = self.ifaces.get(usize::from(id.0)).map_or(0, |iface| iface.mtu(like));
            let max = records_max(like, mtu.into());
            let next = |groups: &mut Groups, _: &mut link::Cx<'_>| groups.output(max);
            while let Some(Some(report)) = self.with_groups(now, id, like, EventId::NONE, next) {
                self.send_report(now, id, like, report);
            }
        }
    }

    fn send_report(&mut self, now: Instant, iface: IfaceId, like: IpAddr, report: Report) {
        let Report { says, reason, cause } = report;
        let mut records = Vec::new();
        let message = match says {
            Says::Member(version, group) => Membership::Report { version, group },
            Says::Leave(group) => Membership::Leave { group },
            Says::Records(kind, groups) => {
                records.extend(groups.into_iter().map(|group| Record { kind, group }));
                let (count, first) = (records.len() as u16, records.first().copied());
                Membership::Records { count, first }
            }
        };
        let dst = message.destination(like);
        let src = self.ifaces[usize::from(iface.0)].reporter(dst);
        let bytes = message.encode(&records, src, dst);
        let packet = PacketView::Membership { src, dst, message, len: bytes.len() as u32 };
        if self.out.len() >= EGRESS_MAX {
            return self.discard(now, Why::EgressFull, packet);
        }
        let why = match reason {
            Reason::Joined => Sent::GroupJoined,
            Reason::Left => Sent::GroupLeft,
            Reason::Asked => Sent::GroupAnswer,
        };
        let mut frame = Frame { body: self.pool.copy(&bytes).into(), ..Frame::default() };
        frame.origin = self.note(now, None, cause, || Event::Out { packet, why });
        self.snmp.of(dst).out_requests += 1;
        let (proto, tos) = match like {
            IpAddr::V4(_) => (protocol::IGMP, CONTROL),
            IpAddr::V6(_) => {
                let kind = mld::kind(&message);
                self.snmp.v6.icmp_out(&Icmp::V6(Icmpv6::Other { kind, code: 0 }));
                (protocol::ICMPV6, 0)
            }
        };
        let new = Header::new(src, dst, proto);
        let header = Header { ttl: HOP_LIMIT, tos, df: true, router_alert: true, ..new };
        header.emit(&mut frame.head, bytes.len());
        self.put_on_link(now, iface, frame);
    }

    // ---- time

    /// Time has come to `now` for all groups.
    pub(super) fn poll_groups(&mut self, now: Instant) {
        for iface in self.ifaces.due(now) {
            let at = self.ifaces[usize::from(iface.0)].groups_deadline(now);
            if at.is_some_and(|at| at <= now) {
                self.run_groups(now, iface);
            }
        }
    }
}

impl Iface {
    /// When something is to be said about a group.
    pub(super) fn groups_deadline(&self, now: Instant) -> Option<Instant> {
        self.members.iter().filter_map(|groups| groups.deadline(now)).min()
    }

    /// The address that reports to `dst` come from: the link-local one in IPv6, as far as there is
    /// one, or none (RFC 3376 §4.2.13, RFC 3590 §4).
    fn reporter(&self, dst: IpAddr) -> IpAddr {
        let near = |own: &IpAddr| match own {
            IpAddr::V4(_) => true,
            IpAddr::V6(own) => own.is_unicast_link_local(),
        };
        let own = self.source(dst, dst).filter(near);
        own.unwrap_or(FAMILIES[usize::from(dst.is_ipv6())])
    }
}

/// How many records a report has room for.
fn records_max(like: IpAddr, mtu: usize) -> usize {
    let (headers, record) = match like {
        IpAddr::V4(_) => (24, membership::RECORD_LEN),
        IpAddr::V6(_) => (48, membership::RECORD_LEN + 12),
    };
    mtu.saturating_sub(headers + 8) / record
}
