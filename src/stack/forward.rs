//! A router's part of a host (RFC 1812 §5, RFC 8200 §3): packets for others go to their next hop,
//! by the longest prefix, with one hop less and their addresses kept; where they cannot go on, ICMP
//! tells their sender why.
//!
//! A router takes packets to any of its addresses, whatever interface they come by (the weak model
//! of RFC 1122 §3.3.4.2, as Linux does), but to a link-local address only by its own link. Groups
//! and directed broadcasts are not passed on, source routes are not followed. Hop-by-hop options
//! are looked at, and nobody here waits for router alerts.

use super::Stack;
use super::event::{Event, PacketView, Sent};
use super::ingress::Via;
use super::zone::zoned;
use crate::base::{
    Checksum, Duration, EventId, Frame, GsoKind, IfaceId, Instant, Mac, Medium, Offload, Why,
};
use crate::ip::{Destination, transit};
use crate::wire::icmp::Icmp;
use crate::wire::icmpv4::Icmpv4;
use crate::wire::icmpv6::{Icmpv6, unreachable};
use crate::wire::ip::Header;
use crate::wire::nd::Nd;
use crate::wire::{ipv6, split};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};

/// How long nobody is told again of the same better first hop (RFC 4861 §8.2: a limit is a MUST).
const REDIRECT_AGAIN: Duration = Duration::from_secs(1);
/// Redirects remembered for that.
const REDIRECTS: usize = 64;

/// The better first hops that were named last, oldest first: to whom, and for where.
#[derive(Debug, Default)]
pub(super) struct Redirected(VecDeque<(Instant, IpAddr, IpAddr)>);

impl Redirected {
    /// Whether `src` may be told now where packets to `dst` go; if so, that is remembered.
    fn may_tell(&mut self, now: Instant, src: IpAddr, dst: IpAddr) -> bool {
        while self.0.front().is_some_and(|(at, ..)| *at + REDIRECT_AGAIN <= now) {
            self.0.pop_front();
        }
        let known = self.0.iter().any(|(_, from, to)| (*from, *to) == (src, dst));
        let room = self.0.len() < REDIRECTS;
        if !known && room {
            self.0.push_back((now, src, dst));
        }
        !known && room
    }
}

/// Where a packet goes on.
#[derive(Copy, Clone, Debug)]
struct Way {
    iface: IfaceId,
    hop: IpAddr,
    mtu: u16,
}

/// Why a packet does not go on, and what its sender is told.
#[derive(Copy, Clone, Debug)]
struct Stuck {
    why: Why,
    tell: Option<(Icmp, Sent)>,
}

impl From<Why> for Stuck {
    fn from(why: Why) -> Stuck {
        Stuck { why, tell: None }
    }
}

fn stuck<T>(why: Why, message: Icmp, sent: Sent) -> Result<T, Stuck> {
    Err(Stuck { why, tell: Some((message, sent)) })
}

fn is_link_local(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => addr.is_link_local(),
        IpAddr::V6(addr) => addr.is_unicast_link_local(),
    }
}

impl Stack {
    /// What a router makes of what an interface by itself has judged: all addresses are its own,
    /// whatever interface they are of.
    pub(super) fn as_router(
        &self,
        judged: Result<Destination, Why>,
        header: &Header,
    ) -> Result<Destination, Why> {
        let has = |addr| !is_link_local(addr) && self.ifaces.roles(addr).usable;
        match judged {
            Err(Why::NotForUs) | Ok(Destination::Unicast) if has(header.src) => Err(Why::OwnSource),
            Err(Why::NotForUs) if has(header.dst) => Ok(Destination::Unicast),
            judged => judged,
        }
    }

    /// Passes a packet on, or tells its sender why not (RFC 1812 §5.2.1).
    #[inline(never)]
    pub(super) fn forward(&mut self, via: Via, frame: &mut Frame) {
        let way = match self.way_on(&via, frame.front()) {
            Ok(way) => way,
            Err(stuck) => return self.stuck(via, stuck, std::mem::take(frame)),
        };
        let Some(whole) = fits(&via.header, frame, way.mtu) else {
            return self.discard(via.now, Why::Unsplittable, PacketView::ip(&via.header));
        };
        if !whole && via.header.df {
            self.snmp.of(via.dst()).frag_fails += 1;
            let message = Icmp::packet_too_big(via.src(), way.mtu);
            let tell = Some((message, Sent::PacketTooBig));
            let stuck = Stuck { why: Why::LinkTooNarrow, tell };
            return self.stuck(via, stuck, std::mem::take(frame));
        }
        let [from, to] = [via.iface, way.iface].map(|id| self.ifaces[usize::from(id.0)].name());
        let ttl = via.header.ttl - 1;
        let origin = self.note(via.now, None, via.origin, || {
            let packet = PacketView::of(via.header, frame.front());
            Event::Forwarded { packet, from, to, ttl }
        });
        self.snmp.of(via.dst()).forwarded += 1;
        let better = self.is_detour(&via, &way).then(|| frame.clone());
        frame.origin = origin;
        self.pass(&via, &way, std::mem::take(frame), whole);
        if let Some(packet) = better {
            self.name_better(via, &way, packet, origin);
        }
    }

    /// Where a packet goes on from here.
    fn way_on(&self, via: &Via, front: &[u8]) -> Result<Way, Stuck> {
        let (src, dst) = (via.src(), via.dst());
        let everybody = IpAddr::V4(Ipv4Addr::BROADCAST);
        let (of_src, of_dst) = (self.ifaces.roles(src), self.ifaces.roles(dst));
        if of_dst.own {
            return Err(Why::NotForUs.into()); // it may not be used yet
        }
        if of_dst.broadcast || dst == everybody {
            return Err(Why::DirectedBroadcast.into());
        }
        if of_src.broadcast || src == everybody {
            return Err(Why::MartianSource.into());
        }
        if is_link_local(dst) || src.is_ipv4() && is_link_local(src) {
            return Err(Why::BeyondScope.into());
        }
        if dst.is_ipv6()
            && let Err(refused) = ipv6::hop_by_hop(&via.header, front)
        {
            let told = |(code, pointer)| Icmp::V6(Icmpv6::ParameterProblem { code, pointer });
            let tell = refused.problem.map(|problem| (told(problem), Sent::ParameterProblem));
            return Err(Stuck { why: refused.why, tell });
        }
        let leads = |iface: IfaceId| {
            let iface = self.ifaces.get(usize::from(iface.0));
            iface.filter(|iface| !iface.local().is_loopback())
        };
        let route = self.routes.lookup(dst);
        let Some((route, iface)) = route.and_then(|route| Some((route, leads(route.iface)?)))
        else {
            let message = Icmp::network_unreachable(src);
            return stuck(Why::NoRouteOnward, message, Sent::NetworkUnreachable);
        };
        let same = route.iface == via.iface;
        if is_link_local(src) && !same {
            let message = Icmp::V6(Icmpv6::Unreachable { code: unreachable::BEYOND_SCOPE });
            return stuck(Why::BeyondScope, message, Sent::BeyondScope);
        }
        if same && iface.port.is_none() && route.via.is_none() && dst.is_ipv6() {
            return stuck(Why::WouldReturn, Icmp::host_unreachable(src), Sent::HostUnreachable);
        }
        if via.header.ttl <= 1 {
            return stuck(Why::TtlExceeded, Icmp::time_exceeded(src), Sent::TimeExceeded);
        }
        Ok(Way { iface: route.iface, hop: route.next_hop(dst), mtu: iface.mtu(dst) })
    }

    /// Drops a packet that cannot go on, and tells its sender.
    fn stuck(&mut self, mut via: Via, stuck: Stuck, frame: Frame) {
        let packet = PacketView::of(via.header, frame.front());
        let cause = self.dropped(via.now, stuck.why, packet);
        if let Some((message, why)) = stuck.tell {
            // What is inside decides whether it may be told of; as far as that can be seen.
            via.header.walk(frame.front()).unwrap_or_default();
            let packet = self.whole(frame);
            self.report(via, message, why, &packet, cause);
        }
    }

    /// Sends a packet on its way: as it is, or in pieces.
    fn pass(&mut self, via: &Via, way: &Way, mut frame: Frame, whole: bool) {
        let now = via.now;
        let takes = self.settle_offload(way, &mut frame);
        if transit::take_hop(&mut frame, &via.header) && has_long_headers(&via.header, &frame) {
            let (offload, origin) = (frame.offload, frame.origin);
            let body = self.whole(frame);
            frame = Frame { body, offload, origin, ..Frame::default() };
        }
        if takes && whole {
            return self.send_on(now, way, frame);
        }
        let mtu = if whole { way.mtu } else { u16::MAX };
        let Ok(pieces) = split::split(&frame, mtu.into()) else {
            return self.discard(now, Why::Unsplittable, PacketView::ip(&via.header));
        };
        for piece in pieces {
            if piece.len() <= usize::from(way.mtu) {
                self.send_on(now, way, piece);
            } else {
                self.cut(via, way, piece);
            }
        }
    }

    /// Makes what the frame asks of a device something that the next one can do; says whether that
    /// takes the frame in one piece, as far as its length allows.
    fn settle_offload(&self, way: &Way, frame: &mut Frame) -> bool {
        let out = &self.ifaces[usize::from(way.iface.0)].setup;
        if frame.offload.checksum == Checksum::Verified {
            frame.offload.checksum = Checksum::Complete; // it is, and the next one checks it again
        }
        match frame.offload {
            Offload { gso: Some(gso), .. } => {
                let least = 20 + 20; // more than that of headers is as good as payload
                let payload = frame.len().saturating_sub(least) as u64;
                gso.kind == GsoKind::Tcp
                    && out.checksum_offload
                    && payload <= u64::from(out.gso_max)
            }
            Offload { checksum, .. } => checksum == Checksum::Complete || out.checksum_offload,
        }
    }

    /// Cuts a packet for the next link (RFC 791 §3.2): only IPv4's come here.
    fn cut(&mut self, via: &Via, way: &Way, packet: Frame) {
        let (now, dst) = (via.now, via.dst());
        let len = via.header.header_len;
        let mut raw = [0; 60];
        raw[..len].copy_from_slice(&packet.front()[..len]);
        let mut payload = packet;
        payload.advance(len);
        self.snmp.of(dst).frag_oks += 1;
        for mut piece in transit::pieces(&raw[..len], &payload, way.mtu.into()) {
            self.snmp.of(dst).frag_creates += 1;
            piece.origin = self.note_fragment(now, &piece, payload.origin);
            self.send_on(now, way, piece);
        }
    }

    fn send_on(&mut self, now: Instant, way: &Way, frame: Frame) {
        if self.has_room(now, &frame) {
            self.hand_over(now, way.iface, way.hop, frame);
        }
    }

    /// The next hop of a packet of somebody else's did not answer (RFC 1812 §5.3.3, RFC 4861
    /// §7.2.2).
    pub(super) fn next_hop_failed(&mut self, now: Instant, out: IfaceId, frame: &Frame) {
        let Ok(mut header) = Header::parse(frame.front(), frame.len()) else { return };
        header.walk(frame.front()).unwrap_or_default();
        let Ok((iface, _)) = self.route_for(zoned(header.src, 0, out)) else { return };
        let (mac, destination, cause) = (Mac::ZERO, Destination::Unicast, self.trace.last());
        let via = Via { now, iface, mac, header, destination, origin: frame.origin };
        let packet = self.whole(frame.clone());
        let message = Icmp::host_unreachable(header.src);
        self.report(via, message, Sent::HostUnreachable, &packet, cause);
    }

    /// The address that a router's own messages about a packet come from: the one that the packet
    /// was for, or one of the interface by which the message leaves (RFC 1812 §4.3.2.4, a MUST; for
    /// IPv6 RFC 4443 §2.2 (b)). A traced path shows the routers' near sides where the way back is
    /// the way there.
    pub(super) fn router_address(&self, via: &Via) -> IpAddr {
        let (src, dst) = (via.src(), via.dst());
        if self.is_own(dst) {
            return dst;
        }
        let near = || self.ifaces[usize::from(via.iface.0)].source(src, src);
        let route = self.route_for(zoned(src, 0, via.iface)).ok();
        route.map(|(_, own)| own).or_else(near).unwrap_or(dst)
    }

    /// The interface by which answers to a packet leave: with several, where the routes lead.
    pub(super) fn way_back(&self, via: &Via) -> IfaceId {
        if !self.forwarding {
            return via.iface;
        }
        self.route_for(zoned(via.src(), 0, via.iface)).map_or(via.iface, |(iface, _)| iface)
    }

    // ---- better first hops

    /// Whether a packet's sender could have given it to the next hop itself: it leaves by the
    /// Ethernet that it came by, and both are there (RFC 1812 §5.2.7.2, RFC 4861 §8.2).
    fn is_detour(&self, via: &Via, way: &Way) -> bool {
        way.iface == via.iface
            && self.mac(way.iface).is_some()
            && self.is_near(way.iface, via.src())
            && (way.hop == via.dst() || self.is_near(way.iface, way.hop))
    }

    /// Tells a packet's sender of the better first hop.
    fn name_better(&mut self, via: Via, way: &Way, packet: Frame, cause: EventId) {
        let (src, dst, now) = (via.src(), via.dst(), via.now);
        // A router of IPv6 is named by its link-local address (RFC 4861 §8.2).
        let nameable = dst.is_ipv4() || way.hop == dst || is_link_local(way.hop);
        if !nameable || !self.redirected.may_tell(now, src, dst) {
            return;
        }
        if let (IpAddr::V6(src), IpAddr::V6(target), IpAddr::V6(dst)) = (src, way.hop, dst) {
            let iface = &self.ifaces[usize::from(way.iface.0)];
            let Some(own) = iface.link_local() else { return };
            if !self.limiter.allow(now) {
                return self.discard(now, Why::IcmpRateLimit, PacketView::ip(&via.header));
            }
            let known = iface.port.as_ref().and_then(|port| port.cache.get(way.hop));
            let mac = known.and_then(|known| known.mac);
            let redirect = Nd::Redirect { target, dst, mac };
            let quoted = self.whole(packet);
            return self.send_redirect(now, way.iface, (own, src), redirect, &quoted, cause);
        }
        if let IpAddr::V4(gateway) = way.hop {
            let message = Icmp::V4(Icmpv4::Redirect { code: 1, gateway });
            let packet = self.whole(packet);
            self.report(via, message, Sent::Redirect, &packet, cause);
        }
    }
}

/// Whether a packet fits a link of `mtu` bytes, cut by its device's instructions if it has some.
/// `None`: these make no sense.
fn fits(header: &Header, frame: &Frame, mtu: u16) -> Option<bool> {
    match frame.offload {
        Offload { gso: Some(_), .. } => match split::split(frame, mtu.into()) {
            Ok(_) => return Some(true),
            Err(split::Unsplittable::TooLong { .. }) => return Some(false),
            Err(_) => return None,
        },
        Offload { checksum: Checksum::Partial, .. } => {
            split::places_on(Medium::Ip, frame).ok()?;
        }
        Offload { .. } => {}
    }
    Some(header.total_len <= usize::from(mtu))
}

/// Whether the headers of a packet, of which [`transit::PULLED`] bytes are in one run, may reach
/// beyond those: extension headers can be of any length.
fn has_long_headers(header: &Header, frame: &Frame) -> bool {
    /// The longest header of a transport protocol, bytes.
    const TRANSPORT: usize = 60;
    if header.dst.is_ipv4() || frame.body.is_empty() {
        return false;
    }
    let mut header = *header;
    let ends = header.walk(frame.front());
    let cut_off = ends.is_err_and(|refused| refused.why == Why::Ipv6Extension);
    cut_off || header.header_len + TRANSPORT > transit::PULLED
}
