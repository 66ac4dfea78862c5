//! The link under IP: Ethernet headers off and on, VLANs, ARP, and the neighbours that packets are
//! handed to. An interface whose link is bare IP passes through here untouched.
//!
//! The neighbour cache and the claims on addresses ([`crate::link`]) say what is to be asked and
//! told; here it becomes packets. Whoever needs a neighbour is IP of either family.

use super::event::{Event, PacketView, Sent};
use super::iface::Iface;
use super::ingress::pair;
use super::setup::{Ethernet, LinkSetup};
use super::{EGRESS_MAX, Input, Record, Stack};
use crate::base::{Chunk, EventId, Frame, IfaceId, Instant, Mac, SocketError, Why};
use crate::ip::{Local, Standing};
use crate::link::acd::{Heard, Phase, Rules};
use crate::link::{self, Acd, Action, Advert, Advertiser, Cache, Claim, Neighbor, Routers};
use crate::tcp;
use crate::wire::arp::{Arp, Op};
use crate::wire::ethernet::{self, ethertype};
use crate::wire::icmp::{Icmp, Quoted};
use crate::wire::ip::Header;
use crate::wire::ipv4::protocol;
use std::net::{IpAddr, Ipv4Addr};

/// Bytes around a waiting frame that are not worth a copy.
const COMPACT: usize = 4096;

/// What an interface on an Ethernet has besides its addresses.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) setup: Ethernet,
    pub(super) cache: Cache,
    pub(super) claims: Vec<Acd>,
    pub(super) routers: Routers,
    pub(super) advertiser: Option<Advertiser>,
}

impl Port {
    /// What `setup` needs; nothing on a link of bare IP.
    pub(super) fn new(setup: &LinkSetup) -> Option<Box<Port>> {
        let LinkSetup::Ethernet(setup) = setup else { return None };
        let cache = Cache::new(setup.neighbors.clone());
        let (claims, routers) = (Vec::new(), Routers::default());
        let salt = setup.mac.0.iter().fold(0, |salt, byte| salt << 8 | u64::from(*byte));
        let advertiser =
            setup.advertise.as_deref().map(|tells| Advertiser::new(tells.clone(), salt));
        Some(Box::new(Port { setup: setup.clone(), cache, claims, routers, advertiser }))
    }

    /// Where a neighbour is that somebody else told of. What there is no room for can be asked.
    pub(super) fn learn(&mut self, addr: IpAddr, mac: Mac, cx: &mut link::Cx<'_>) {
        self.cache.on_solicit(addr, mac, cx).unwrap_or_default();
    }

    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let claims = self.claims.iter().map(|claim| claim.deadline(now));
        let tells = self.advertiser.as_ref().map(Advertiser::deadline);
        let others = [self.cache.deadline(now), self.routers.deadline(now), tells];
        claims.chain(others).flatten().min()
    }

    pub(super) fn shrink(&mut self) {
        self.cache.shrink();
    }
}

impl Stack {
    /// As [`Stack::with_iface`], for the machines of an Ethernet. `None` without one.
    pub(super) fn with_port<R>(
        &mut self,
        now: Instant,
        iface: IfaceId,
        cause: EventId,
        act: impl FnOnce(&mut Port, &mut link::Cx<'_>) -> R,
    ) -> Option<R> {
        let port = |iface: &mut Iface, cx: &mut link::Cx<'_>| Some(act(iface.port.as_mut()?, cx));
        self.with_iface(now, iface, cause, port)?
    }

    /// Lets an interface's machines act, and tells what they tell. `None` without such a one.
    pub(super) fn with_iface<R>(
        &mut self,
        now: Instant,
        iface: IfaceId,
        cause: EventId,
        act: impl FnOnce(&mut Iface, &mut link::Cx<'_>) -> R,
    ) -> Option<R> {
        let place = self.ifaces.get_mut(usize::from(iface.0))?;
        let trace = &mut self.link_trace;
        trace.listen(self.trace.is_listening());
        trace.resume(self.trace.last());
        let (chance, pool) = (&self.chance, &self.pool);
        let result = act(place, &mut link::Cx { now, chance, pool, trace, cause });
        self.trace.resume(trace.last());
        for stamped in trace.drain() {
            let (id, causes, event) = (stamped.id, stamped.causes, stamped.event);
            let event = Event::Link { iface, event };
            self.log.push(Record { id, at: now, conn: None, causes, event });
        }
        Some(result)
    }

    /// Claims an address on its link; says whether others are asked first.
    pub(super) fn claim_address(
        &mut self,
        now: Instant,
        iface: IfaceId,
        addr: IpAddr,
        probe: bool,
    ) -> bool {
        let asks = self.with_port(now, iface, EventId::NONE, |port, cx| {
            let Ethernet { mac, dad_transmits, .. } = port.setup;
            let retrans = port.cache.retrans(addr);
            let (asks, rules) = match addr {
                IpAddr::V4(_) => (probe, Rules::V4),
                IpAddr::V6(_) => (dad_transmits > 0, Rules::v6(dad_transmits, retrans)),
            };
            let claim = match asks {
                true => Acd::probe(addr, mac, rules, cx),
                false => Acd::announce(addr, mac, rules, cx),
            };
            port.claims.retain(|claim| claim.addr() != addr);
            port.claims.push(claim);
            asks
        });
        asks == Some(true)
    }

    /// An address is not claimed any more.
    pub(super) fn unclaim_address(&mut self, iface: IfaceId, addr: IpAddr) {
        if let Some(port) = &mut self.ifaces[usize::from(iface.0)].port {
            port.claims.retain(|claim| claim.addr() != addr);
        }
    }

    // ---- what arrives

    /// Takes the link header off: the interface the packet belongs to (a VLAN's, by its tag), who
    /// sent the frame ([`Mac::ZERO`] on a bare link), and whether it was sent to many. `None`: it
    /// is no IP packet for us.
    pub(super) fn on_link(
        &mut self,
        now: Instant,
        iface: IfaceId,
        frame: &mut Frame,
    ) -> Option<(IfaceId, Mac, bool)> {
        let is_ip = |iface: &super::Iface| iface.port.is_none();
        match self.ifaces.get(usize::from(iface.0)).is_none_or(is_ip) {
            true => Some((iface, Mac::ZERO, false)),
            false => self.on_ethernet(now, iface, frame),
        }
    }

    #[inline(never)]
    fn on_ethernet(
        &mut self,
        now: Instant,
        iface: IfaceId,
        frame: &mut Frame,
    ) -> Option<(IfaceId, Mac, bool)> {
        let header = match ethernet::Header::parse(frame.front()) {
            Ok(header) => header,
            Err(why) => {
                let view = PacketView::raw(frame);
                self.discard(now, why, view);
                return None;
            }
        };
        let len = frame.len() as u32;
        let refused = match self.port_for(iface, &header) {
            Ok(iface) => {
                frame.advance(header.encoded_len());
                let version = frame.front().first().map_or(0, |first| first >> 4);
                match (header.ethertype, version) {
                    (ethertype::IPV4, 4) | (ethertype::IPV6, 6) => {
                        return Some((iface, header.src, header.dst.is_multicast()));
                    }
                    (ethertype::ARP, _) => {
                        self.on_arp(now, iface, header.dst, frame);
                        return None;
                    }
                    (ethertype::IPV4 | ethertype::IPV6, _) => Why::IpVersion,
                    _ => Why::EtherType,
                }
            }
            Err(why) => why,
        };
        self.discard(now, refused, PacketView::Ethernet { header, len });
        None
    }

    /// The interface that takes a frame which came by the device of `iface`.
    fn port_for(&self, iface: IfaceId, header: &ethernet::Header) -> Result<IfaceId, Why> {
        if header.src.is_multicast() {
            return Err(Why::EthernetSource);
        }
        let tag = header.tag.map_or(0, |tag| tag.id);
        let is_meant = |meant: IfaceId, port: &Port| match &port.setup.vlan {
            Some(vlan) => vlan.parent == iface && vlan.id == tag,
            None => tag == 0 && meant == iface,
        };
        let port = |id: IfaceId| Some((id, self.ifaces.get(usize::from(id.0))?.port.as_ref()?));
        let own = port(iface).filter(|(id, port)| is_meant(*id, port));
        let mut others = (0..self.ifaces.len()).filter_map(|n| port(IfaceId(n as u16)));
        let meant = own.or_else(|| others.find(|(id, port)| is_meant(*id, port)));
        let (id, port) = meant.ok_or(Why::VlanUnknown)?;
        let for_us = header.dst == port.setup.mac || header.dst.is_multicast();
        if for_us { Ok(id) } else { Err(Why::EthernetNotForUs) }
    }

    /// RFC 826, RFC 5227.
    fn on_arp(&mut self, now: Instant, iface: IfaceId, to: Mac, frame: &Frame) {
        let len = frame.len() as u32;
        let arp = match Arp::parse(frame.front()) {
            Ok(arp) => arp,
            Err(why) => return self.discard(now, why, PacketView::raw(frame)),
        };
        let view = PacketView::Arp { arp, len };
        let (sender, mac) = (IpAddr::V4(arp.sender), arp.sender_mac);
        let local = self.ifaces[usize::from(iface.0)].local();
        let possible = mac.is_unicast() && (arp.is_probe() || local.is_single_host(sender));
        if !possible {
            return self.discard(now, Why::ArpSender, view);
        }
        let ours = local.has(arp.target.into());
        let near = self.is_near(iface, sender);
        let probed = arp.is_probe().then_some(arp.target.into());
        let heard = Heard { mac, sender, probed };
        let cause = self.trace.reserve();
        let result = self.with_port(now, iface, cause, |port, cx| {
            if mac == port.setup.mac {
                return Err(Why::OwnSource);
            }
            let claims = port.claims.iter_mut();
            if claims.filter_map(|claim| claim.input(heard, cx).then_some(())).count() > 0 {
                return Err(Why::AddressConflict);
            }
            let answers = arp.op == Op::Reply && ours && !to.is_multicast();
            let advert = Advert { mac: Some(mac), solicited: answers, overrides: true };
            match (arp.op, ours) {
                (Op::Request, true) if !near => Ok(None),
                (Op::Request, true) => Ok(port.cache.on_solicit(sender, mac, cx).err()),
                (Op::Reply, _) => port.cache.on_advert(sender, advert, cx).map(|()| None),
                (Op::Request, false) => match port.cache.on_advert(sender, advert, cx) {
                    Err(Why::NeighborUnasked) => Err(Why::ArpNotForUs),
                    other => other.map(|()| None),
                },
            }
        });
        let Some(result) = result else { return };
        self.conclude(now, cause, view, result.map(|_| ()));
        if let Ok(Some(why)) = result {
            self.drops.count(why);
        }
        if result.is_ok() && arp.op == Op::Request && ours {
            self.answer_arp(now, iface, arp, cause);
        }
        self.settle_claims(now, iface);
        self.run_link(now, iface);
    }

    /// Notes, under its number, how a message about neighbours was taken: before what followed.
    pub(super) fn conclude(
        &mut self,
        now: Instant,
        id: EventId,
        packet: PacketView,
        result: Result<(), Why>,
    ) {
        if let Err(why) = result {
            self.drops.count(why);
            self.snmp.dropped(why, &packet);
        }
        if self.trace.is_listening() {
            let event = match result {
                Ok(()) => Event::In(packet),
                Err(why) => Event::Dropped { why, packet },
            };
            let causes = [self.arrival, EventId::NONE];
            let at = self.log.partition_point(|earlier| earlier.id < id);
            self.log.insert(at, Record { id, at: now, conn: None, causes, event });
        }
    }

    fn answer_arp(&mut self, now: Instant, iface: IfaceId, arp: Arp, cause: EventId) {
        let Some(own) = self.mac(iface) else { return };
        let answer = Arp {
            op: Op::Reply,
            sender_mac: own,
            sender: arp.target,
            target_mac: arp.sender_mac,
            target: arp.sender,
        };
        self.send_arp(now, iface, arp.sender_mac, answer, Sent::ArpReply, cause);
    }

    /// A connection made progress: its next hop is there.
    pub(super) fn confirm(&mut self, now: Instant, iface: IfaceId, remote: IpAddr) {
        if self.ifaces[usize::from(iface.0)].port.is_none() {
            return;
        }
        let hop = self.next_hop(iface, remote);
        self.with_port(now, iface, EventId::NONE, |port, cx| port.cache.on_confirm(hop, cx));
    }

    // ---- what leaves

    /// Puts a packet on its link: with a header to its next hop, or into the hands of the cache
    /// until the next hop has answered.
    #[inline]
    pub(super) fn put_on_link(&mut self, now: Instant, iface: IfaceId, frame: Frame) {
        if self.ifaces[usize::from(iface.0)].port.is_none() {
            self.snmp.transmitted(&frame);
            return self.out.push_back((iface, frame));
        }
        self.put_on_ethernet(now, iface, frame);
    }

    #[inline(never)]
    fn put_on_ethernet(&mut self, now: Instant, iface: IfaceId, frame: Frame) {
        let Some(dst) = destination(frame.front()) else { return };
        if let Some(mac) = self.many(iface, dst) {
            return self.put_frame(iface, mac, frame);
        }
        let hop = self.next_hop(iface, dst);
        self.hand_over(now, iface, hop, frame);
    }

    /// Gives a packet to a neighbour, or to the cache until that has answered.
    #[inline(never)]
    pub(super) fn hand_over(&mut self, now: Instant, iface: IfaceId, hop: IpAddr, frame: Frame) {
        if self.ifaces[usize::from(iface.0)].port.is_none() {
            self.snmp.transmitted(&frame);
            return self.out.push_back((iface, frame));
        }
        let cause = frame.origin;
        let known = self.with_port(now, iface, cause, |port, cx| port.cache.resolve(hop, cx));
        if let Some(Some(mac)) = known {
            return self.put_frame(iface, mac, frame);
        }
        let frame = self.compact(frame);
        self.with_port(now, iface, cause, |port, cx| port.cache.hold(hop, frame, cx));
        self.run_link(now, iface);
    }

    /// A frame that is to wait, without a block around it that is much larger than it is.
    fn compact(&self, mut frame: Frame) -> Frame {
        let (len, held) = (frame.body.len(), frame.body.iter().map(Chunk::capacity).sum::<usize>());
        if held > 2 * len + COMPACT {
            let mut copy = self.pool.take(len);
            frame.body.iter().for_each(|chunk| {
                let copied = copy.append(chunk);
                debug_assert_eq!(copied, chunk.len(), "a fresh block has room");
            });
            frame.body = copy.into();
        }
        frame
    }

    /// Where a packet to many goes.
    fn many(&self, iface: IfaceId, dst: IpAddr) -> Option<Mac> {
        let local = self.ifaces[usize::from(iface.0)].local();
        local.is_broadcast(dst).then_some(Mac::BROADCAST).or_else(|| ethernet::group(dst))
    }

    /// Whether `addr` is a neighbour's on that link, as far as our addresses say.
    pub(super) fn is_near(&self, iface: IfaceId, addr: IpAddr) -> bool {
        let link_local = matches!(addr, IpAddr::V6(addr) if addr.is_unicast_link_local());
        let local = self.ifaces[usize::from(iface.0)].local();
        link_local || local.addrs.iter().any(|own| own.contains(addr))
    }

    /// The neighbour that a packet to `dst` is handed to on that interface.
    fn next_hop(&self, iface: IfaceId, dst: IpAddr) -> IpAddr {
        let route = self.routes.lookup(dst).filter(|route| route.iface == iface);
        route.map_or(dst, |route| route.next_hop(dst))
    }

    /// Queues a packet with its Ethernet header for the device.
    pub(super) fn put_frame(&mut self, iface: IfaceId, dst: Mac, mut frame: Frame) {
        self.snmp.transmitted(&frame);
        let ethertype = match frame.front().first().map(|first| first >> 4) {
            Some(4) => ethertype::IPV4,
            _ => ethertype::IPV6,
        };
        let device = self.put_header(iface, dst, ethertype, &mut frame);
        self.out.push_back((device, frame));
    }

    /// Writes the Ethernet header; says by which interface's device the frame leaves.
    fn put_header(&self, iface: IfaceId, dst: Mac, ethertype: u16, frame: &mut Frame) -> IfaceId {
        let Some(port) = &self.ifaces[usize::from(iface.0)].port else { return iface };
        let tag =
            port.setup.vlan.as_ref().map(|vlan| ethernet::Tag { id: vlan.id, ..<_>::default() });
        ethernet::Header { dst, src: port.setup.mac, tag, ethertype }.emit(&mut frame.head);
        port.setup.vlan.as_ref().map_or(iface, |vlan| vlan.parent)
    }

    fn send_arp(
        &mut self,
        now: Instant,
        iface: IfaceId,
        to: Mac,
        arp: Arp,
        why: Sent,
        cause: EventId,
    ) {
        let mut frame = Frame::default();
        arp.emit(&mut frame.head);
        let packet = PacketView::Arp { arp, len: frame.len() as u32 };
        if self.out.len() >= EGRESS_MAX {
            return self.discard(now, Why::EgressFull, packet);
        }
        frame.origin = self.note(now, None, cause, || Event::Out { packet, why });
        let device = self.put_header(iface, to, ethertype::ARP, &mut frame);
        self.out.push_back((device, frame));
    }

    /// Does what a link's machines want done.
    pub(super) fn run_link(&mut self, now: Instant, iface: IfaceId) {
        let next = |port: &mut Port, _: &mut link::Cx<'_>| port.cache.output();
        while let Some(Some(action)) = self.with_port(now, iface, EventId::NONE, next) {
            match action {
                Action::Solicit { addr, to } => self.solicit(now, iface, addr, to, true),
                Action::Quiet { addr } => self.solicit(now, iface, addr, None, false),
                Action::Send { mac, frame } => self.put_frame(iface, mac, frame),
                Action::Drop { why, addr, frame } => {
                    if why == Why::NeighborFailed {
                        self.unredirect(iface, addr);
                    }
                    self.unreachable(now, iface, why, &frame);
                }
            }
        }
        let next = |port: &mut Port, _: &mut link::Cx<'_>| {
            port.claims.iter_mut().find_map(|claim| Some((claim.output()?, claim.addr())))
        };
        while let Some(Some((claim, addr))) = self.with_port(now, iface, EventId::NONE, next) {
            match addr {
                IpAddr::V4(addr) => self.claim_v4(now, iface, addr, claim),
                IpAddr::V6(addr) => self.claim_v6(now, iface, addr, claim == Claim::Probe),
            }
        }
        self.run_routers(now, iface);
        self.run_advertiser(now, iface);
    }

    /// Asks for a neighbour, unless the rate limit holds the question back.
    fn solicit(
        &mut self,
        now: Instant,
        iface: IfaceId,
        addr: IpAddr,
        to: Option<Mac>,
        allowed: bool,
    ) {
        let target = match addr {
            IpAddr::V4(target) => target,
            IpAddr::V6(target) => return self.solicit_neighbor(now, iface, target, to, allowed),
        };
        let local = self.ifaces[usize::from(iface.0)].local();
        let (Some(mac), Some(sender)) = (self.mac(iface), sender(&local, addr)) else { return };
        let why = if to.is_some() { Sent::ArpPoll } else { Sent::ArpRequest };
        let arp = request(mac, sender, target);
        if !allowed {
            let packet = PacketView::Arp { arp, len: crate::wire::arp::LEN as u32 };
            return self.discard(now, Why::NeighborRateLimit, packet);
        }
        let cause = self.trace.last();
        self.send_arp(now, iface, to.unwrap_or(Mac::BROADCAST), arp, why, cause);
    }

    /// Tells everybody about an address of ours, or asks about it.
    fn claim_v4(&mut self, now: Instant, iface: IfaceId, addr: Ipv4Addr, claim: Claim) {
        let Some(mac) = self.mac(iface) else { return };
        let (sender, why) = match claim {
            Claim::Probe => (Ipv4Addr::UNSPECIFIED, Sent::ArpProbe),
            Claim::Announce => (addr, Sent::ArpAnnouncement),
            Claim::Defend => (addr, Sent::ArpDefence),
        };
        let arp = request(mac, sender, addr);
        let cause = self.trace.last();
        self.send_arp(now, iface, Mac::BROADCAST, arp, why, cause);
    }

    /// A packet of ours was given up: its socket hears that the host cannot be reached (RFC 1122
    /// §2.4, §3.3.1).
    fn unreachable(&mut self, now: Instant, iface: IfaceId, why: Why, frame: &Frame) {
        let mut front = [0; 128];
        let copied = frame.copy_to(&mut front);
        let quoted = Quoted::parse(&front[..copied]);
        let packet = match Header::parse(&front[..copied], frame.len()) {
            Ok(header) => PacketView::of(header, &front[..copied]),
            Err(_) => PacketView::raw(frame),
        };
        self.dropped_after(now, why, packet, frame.origin);
        let Ok(quoted) = quoted else { return };
        if why != Why::NeighborFailed {
            return;
        }
        if self.forwarding && !self.is_own(quoted.src) {
            return self.next_hop_failed(now, iface, frame);
        }
        if quoted.proto != protocol::TCP {
            // As if a router that is this host itself had said so.
            let message = Icmp::host_unreachable(quoted.src);
            let heard = self.deliver_datagram_error(now, (iface, quoted.src), message, &quoted);
            debug_assert!(heard != Err(Why::IcmpType), "that is a verdict");
        } else if let Some(key) = pair(&quoted, iface).and_then(|pair| self.tcp.find(&pair)) {
            let cause = self.trace.last();
            let slot = self.tcp.slot_mut(key);
            let id = slot.id;
            let (chance, pool, trace) = (&self.chance, &self.pool, &mut self.trace);
            slot.conn.on_no_neighbor(&mut tcp::Cx { now, chance, pool, trace, cause });
            self.collect(now, Some(id), Event::Tcp);
            self.settle(now, key);
        }
    }

    // ---- time

    /// Time has come to `now`, for every link.
    pub(super) fn poll_links(&mut self, now: Instant) {
        for iface in self.ifaces.due(now) {
            let port = self.ifaces[usize::from(iface.0)].port.as_ref();
            if port.and_then(|port| port.deadline(now)).is_none_or(|at| at > now) {
                continue;
            }
            self.with_port(now, iface, EventId::NONE, |port, cx| {
                port.cache.poll(cx);
                port.claims.iter_mut().for_each(|claim| claim.poll(cx));
                port.routers.poll(cx);
            });
            self.settle_claims(now, iface);
            self.run_link(now, iface);
        }
    }

    /// Addresses that nobody else has may be used; those that somebody has may not.
    pub(super) fn settle_claims(&mut self, now: Instant, iface: IfaceId) {
        let Some(port) = &self.ifaces[usize::from(iface.0)].port else { return };
        let standing = |claim: &Acd| match claim.phase() {
            Phase::Probing => None,
            Phase::Conflict(_) => Some((claim.addr(), Standing::Duplicate)),
            Phase::Announcing | Phase::Bound => Some((claim.addr(), Standing::Usable)),
        };
        for (addr, standing) in port.claims.iter().filter_map(standing).collect::<Vec<_>>() {
            self.settle_address(now, iface, addr, standing);
        }
    }

    // ---- for users

    /// An interface's Ethernet address.
    pub fn mac(&self, iface: IfaceId) -> Option<Mac> {
        Some(self.ifaces.get(usize::from(iface.0))?.port.as_ref()?.setup.mac)
    }

    /// The neighbours on all links, by interface and address.
    pub fn neighbors(&self) -> impl Iterator<Item = (IfaceId, Neighbor)> + '_ {
        self.ifaces.iter().enumerate().flat_map(|(n, iface)| {
            let port = iface.port.iter();
            port.flat_map(|port| port.cache.iter()).map(move |one| (IfaceId(n as u16), one))
        })
    }

    /// Gives a neighbour's Ethernet address by hand, or with `None` forgets the neighbour.
    ///
    /// # Errors
    /// `InvalidInput` without such a link or neighbour, `LimitReached`.
    pub fn set_neighbor(
        &mut self,
        now: Instant,
        iface: IfaceId,
        addr: IpAddr,
        mac: Option<Mac>,
    ) -> Result<(), SocketError> {
        self.keep(now, || Input::SetNeighbor { iface, addr, mac });
        let result = self.with_port(now, iface, EventId::NONE, |port, cx| match mac {
            Some(mac) => port.cache.set(addr, mac, cx).map_err(|_| SocketError::LimitReached),
            None if port.cache.remove(addr, cx) => Ok(()),
            None => Err(SocketError::InvalidInput),
        });
        self.run_link(now, iface);
        result.unwrap_or(Err(SocketError::InvalidInput))
    }
}

fn v4(addr: IpAddr) -> Option<Ipv4Addr> {
    match addr {
        IpAddr::V4(addr) => Some(addr),
        IpAddr::V6(_) => None,
    }
}

/// Our address to ask for `addr` with: one of the same network, or any.
fn sender(local: &Local<'_>, addr: IpAddr) -> Option<Ipv4Addr> {
    let near = local.addrs.iter().filter(|own| own.contains(addr));
    near.chain(local.addrs).find_map(|own| v4(own.addr()))
}

fn request(mac: Mac, sender: Ipv4Addr, target: Ipv4Addr) -> Arp {
    Arp { op: Op::Request, sender_mac: mac, sender, target_mac: Mac::ZERO, target }
}

/// Where the IP packet that `front` begins goes.
fn destination(front: &[u8]) -> Option<IpAddr> {
    match front.first()? >> 4 {
        4 => Some(IpAddr::from(<[u8; 4]>::try_from(front.get(16..20)?).ok()?)),
        _ => Some(IpAddr::from(<[u8; 16]>::try_from(front.get(24..40)?).ok()?)),
    }
}
