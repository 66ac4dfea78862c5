//! Neighbour discovery of a whole host (RFC 4861): who asks for us, who answers, what routers tell,
//! and the addresses made of that (RFC 4862).

use super::event::{PacketView, Sent};
use super::ingress::Via;
use super::link::Port;
use super::{EGRESS_MAX, Stack};
use crate::base::{Chunks, Duration, EventId, Frame, IfaceId, Instant, Mac, Why};
use crate::ip::{Cidr, Local, NewAddress, Origin, Route, Standing};
use crate::link::acd::Heard;
use crate::link::routers::{self, Advice, Preference};
use crate::link::{self, Advert, State, Terms};
use crate::wire::icmpv6::Icmpv6;
use crate::wire::ip::Header;
use crate::wire::ipv4::protocol;
use crate::wire::nd::{self, Nd, NdOption, Prefix, RouterAdvert};
use crate::wire::{ethernet, icmp, ipv6};
use std::net::{IpAddr, Ipv6Addr};

/// Addresses made with prefixes, per interface (as Linux `max_addresses`).
const AUTOCONF_MAX: usize = 16;
/// The metric of the default route that a router makes (as Linux `IP6_RT_PRIO_USER`).
const DEFAULT_METRIC: u32 = 1024;
/// The metric of the route to a prefix that a router says is on the link (as Linux
/// `IP6_RT_PRIO_ADDRCONF`).
const PREFIX_METRIC: u32 = 256;

/// The prefix of link-local addresses (RFC 4291 §2.5.6).
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0);

impl Stack {
    /// An interface makes its link-local address (RFC 4862 §5.3).
    pub(super) fn make_link_local(&mut self, now: Instant, iface: IfaceId) {
        let Some(mac) = self.mac(iface) else { return };
        let own = eui64(LINK_LOCAL, mac);
        if let Ok(cidr) = Cidr::new(own.into(), 64) {
            let new = NewAddress { origin: Origin::Kernel, ..cidr.into() };
            self.assign(now, iface, new).unwrap_or_default();
        }
    }

    /// A message of neighbour discovery whose checksum is good, ICMPv6 header first.
    pub(super) fn on_nd(&mut self, via: Via, frame: Frame) {
        let len = frame.len() as u32;
        let (src, dst) = (via.src(), via.dst());
        let message = self.whole(frame);
        let bytes = message.iter().next().map_or(&[][..], |chunk| chunk);
        let nd = match Nd::parse(&via.header, bytes) {
            Ok(nd) => nd,
            Err(why) => return self.discard(via.now, why, via.view(len as usize)),
        };
        let view = PacketView::Nd { src, dst, nd, len };
        let cause = self.trace.reserve();
        let result = match nd {
            _ if self.mac(via.iface) == Some(via.mac) => Err(Why::OwnSource),
            Nd::NeighborSolicit { target, mac } => {
                self.on_neighbor_solicit(&via, target, mac, cause)
            }
            Nd::NeighborAdvert { target, .. } => self.on_neighbor_advert(&via, target, nd, cause),
            Nd::RouterSolicit { mac } => self.on_router_solicit(&via, mac, cause),
            Nd::RouterAdvert(advert) => self.on_router_advert(&via, advert, bytes, cause),
            Nd::Redirect { target, dst, mac } => {
                self.redirect(&via, dst.into(), target.into(), mac, cause)
            }
        };
        self.conclude(via.now, cause, view, result);
        if let (Nd::NeighborSolicit { target, mac }, Ok(())) = (nd, result) {
            self.answer_solicit(&via, target, mac, cause);
        }
        self.settle_claims(via.now, via.iface);
        self.run_link(via.now, via.iface);
    }

    /// RFC 4861 §7.2.3, RFC 4862 §5.4.3.
    fn on_neighbor_solicit(
        &mut self,
        via: &Via,
        target: Ipv6Addr,
        mac: Option<Mac>,
        cause: EventId,
    ) -> Result<(), Why> {
        let (addr, src) = (IpAddr::V6(target), via.src());
        let standing = self.address(via.iface, addr).map(|own| own.standing);
        match standing.ok_or(Why::NdNotForUs)? {
            Standing::Tentative if src.is_unspecified() => {
                self.on_claim(via, Heard { mac: via.mac, sender: src, probed: Some(addr) }, cause)
            }
            Standing::Tentative | Standing::Duplicate => Err(Why::NdNotForUs),
            Standing::Usable => {
                let near = self.is_near(via.iface, src);
                if let Some(mac) = mac.filter(|mac| mac.is_unicast() && near) {
                    self.with_port(via.now, via.iface, cause, |port, cx| port.learn(src, mac, cx));
                }
                Ok(())
            }
        }
    }

    /// Somebody may claim an address of ours.
    fn on_claim(&mut self, via: &Via, heard: Heard, cause: EventId) -> Result<(), Why> {
        let claimed = self.with_port(via.now, via.iface, cause, |port, cx| {
            port.claims.iter_mut().filter_map(|claim| claim.input(heard, cx).then_some(())).count()
        });
        if claimed > Some(0) { Err(Why::AddressConflict) } else { Err(Why::NdNotForUs) }
    }

    /// RFC 4861 §7.2.4. The answer goes where the question says that its sender is.
    fn answer_solicit(&mut self, via: &Via, target: Ipv6Addr, to: Option<Mac>, cause: EventId) {
        let to = to.filter(|mac| mac.is_unicast());
        let solicited = !via.src().is_unspecified();
        let dst = match via.src() {
            IpAddr::V6(src) if solicited => src,
            _ => nd::ALL_NODES,
        };
        let mac = self.mac(via.iface);
        let (router, overrides) = (self.forwarding, true);
        let advert = Nd::NeighborAdvert { target, router, solicited, overrides, mac };
        self.send_nd(via.now, via.iface, (target, dst), to, advert, Sent::NeighborAdvert, cause);
    }

    /// RFC 4861 §7.2.5, RFC 4862 §5.4.4.
    fn on_neighbor_advert(
        &mut self,
        via: &Via,
        target: Ipv6Addr,
        nd: Nd,
        cause: EventId,
    ) -> Result<(), Why> {
        let Nd::NeighborAdvert { router, solicited, overrides, mac, .. } = nd else {
            return Err(Why::NdFormat);
        };
        let addr = IpAddr::V6(target);
        if self.address(via.iface, addr).is_some() {
            let heard = Heard { mac: mac.unwrap_or(via.mac), sender: addr, probed: None };
            return self.on_claim(via, heard, cause);
        }
        if mac.is_some_and(|mac| !mac.is_unicast()) {
            return Err(Why::NdFormat);
        }
        let advert = Advert { mac, solicited, overrides };
        let result = self.with_port(via.now, via.iface, cause, |port, cx| {
            let learned = port.cache.on_advert(addr, advert, cx);
            // Who contradicts what is known, and does not replace it, changes nothing.
            let known = port.cache.get(addr).and_then(|known| known.mac);
            if learned.is_ok() && !router && (mac.is_none() || mac == known) {
                port.routers.on_host(target);
            }
            learned
        });
        result.unwrap_or(Err(Why::NeighborUnasked))
    }

    /// RFC 4861 §6.3.4, RFC 4862 §5.5.3, RFC 8106 §5.3.1.
    fn on_router_advert(
        &mut self,
        via: &Via,
        advert: RouterAdvert,
        bytes: &[u8],
        cause: EventId,
    ) -> Result<(), Why> {
        let IpAddr::V6(router) = via.src() else { return Err(Why::NdAddress) };
        let lifetime = Duration::from_secs(advert.lifetime.into());
        let preference = match advert.preference {
            1 => Preference::High,
            3 => Preference::Low,
            _ => Preference::Medium,
        };
        let learned = self.with_port(via.now, via.iface, cause, |port, cx| {
            if !port.setup.autoconf {
                return Err(Why::RaIgnored);
            }
            if let Some(mac) = advert.mac.filter(|mac| mac.is_unicast()) {
                port.learn(router.into(), mac, cx);
            }
            port.cache.set_times(advert.reachable, advert.retrans);
            let mut result = port.routers.on_router(router, preference, lifetime, cx);
            for option in nd::advert_options(bytes) {
                let told = match option {
                    NdOption::Prefix(prefix) if is_on_link(&prefix) => {
                        let Prefix { addr, len, valid, .. } = prefix;
                        port.routers.on_prefix(network(addr, len), len, time(valid), cx)
                    }
                    NdOption::Rdnss(seconds, servers) => {
                        let servers = servers.chunks_exact(16).filter_map(<[u8]>::first_chunk);
                        let servers = servers.map(|octets: &[u8; 16]| Ipv6Addr::from(*octets));
                        let is_host =
                            |addr: &Ipv6Addr| Local::default().is_single_host((*addr).into());
                        servers.filter(is_host).try_for_each(|server| {
                            port.routers.on_server(server, time(seconds), cx)
                        })
                    }
                    _ => Ok(()),
                };
                result = result.and(told);
            }
            result
        });
        let mut result = match learned.unwrap_or(Err(Why::RaIgnored)) {
            Err(why) if why != Why::RaLimit => return Err(why),
            other => other,
        };
        self.ifaces[usize::from(via.iface.0)].set_hops6(advert.hop_limit);
        if let Some(mtu) = advert.mtu.and_then(|mtu| u16::try_from(mtu).ok()) {
            self.ifaces[usize::from(via.iface.0)].set_mtu6(mtu);
        }
        for option in nd::advert_options(bytes) {
            if let NdOption::Prefix(prefix) = option {
                result = result.and(self.autoconfigure(via, prefix));
            }
        }
        self.choose_router(via.now, via.iface);
        result
    }

    /// An address is made with a prefix, or the one there is gets new lifetimes.
    fn autoconfigure(&mut self, via: &Via, prefix: Prefix) -> Result<(), Why> {
        let Prefix { addr, len, autonomous, valid, preferred, .. } = prefix;
        let possible = autonomous && len == 64 && preferred <= valid;
        let Some(mac) = self.mac(via.iface).filter(|_| possible && is_prefix(addr)) else {
            return Ok(());
        };
        let own = eui64(addr, mac);
        let known = self.address(via.iface, own.into());
        if known.is_some_and(|known| known.origin != Origin::Ra) {
            return Ok(());
        }
        let left = known.map(|known| known.valid_until.map(|until| until.since(via.now)));
        if left.is_none() {
            let made = |(iface, own): &(IfaceId, &crate::ip::Address)| {
                *iface == via.iface && own.origin == Origin::Ra
            };
            if valid == 0 {
                return Ok(());
            }
            if self.addresses().filter(made).count() >= AUTOCONF_MAX {
                return Err(Why::RaLimit);
            }
        }
        let (valid, preferred) = routers::lifetimes(time(valid), time(preferred), left);
        let cidr = Cidr::new(own.into(), len).map_err(|_| Why::NdFormat)?;
        let new = NewAddress { origin: Origin::Ra, preferred, valid, ..cidr.into() };
        self.assign(via.now, via.iface, new).map_err(|_| Why::RaLimit)
    }

    // ---- routers

    /// Chooses the default router by what is known of its being there.
    fn choose_router(&mut self, now: Instant, iface: IfaceId) {
        self.with_port(now, iface, EventId::NONE, |port, cx| {
            let cache = &port.cache;
            let answers = |known: link::Neighbor| match known.state {
                State::Failed => Some(false),
                State::Reachable => Some(true),
                _ => None,
            };
            port.routers.choose(|addr| cache.get(addr.into()).and_then(answers), cx);
        });
    }

    /// Does what routers' advertisements lead to.
    pub(super) fn run_routers(&mut self, now: Instant, iface: IfaceId) {
        self.choose_router(now, iface);
        let next = |port: &mut Port, _: &mut link::Cx<'_>| port.routers.output();
        while let Some(Some(advice)) = self.with_port(now, iface, EventId::NONE, next) {
            match advice {
                Advice::Solicit => self.solicit_routers(now, iface),
                Advice::Default(router) => {
                    let all = Cidr::all(Ipv6Addr::UNSPECIFIED.into());
                    self.routes.remove(iface, all, DEFAULT_METRIC);
                    let route = |router: Ipv6Addr| {
                        let default = Route::default_via(router.into(), iface);
                        Route { metric: DEFAULT_METRIC, origin: Origin::Ra, ..default }
                    };
                    if let Some(router) = router {
                        self.routes.add(route(router));
                    }
                }
                Advice::OnLink(prefix, len, is) => {
                    let Ok(dst) = Cidr::new(prefix.into(), len) else { continue };
                    self.routes.remove(iface, dst, PREFIX_METRIC);
                    if is {
                        let (metric, origin) = (PREFIX_METRIC, Origin::Kernel);
                        self.routes.add(Route { metric, origin, ..Route::on_link(dst, iface) });
                    }
                }
            }
        }
    }

    /// RFC 4861 §6.3.7.
    fn solicit_routers(&mut self, now: Instant, iface: IfaceId) {
        let all = IpAddr::V6(nd::ALL_ROUTERS);
        let src = match self.ifaces[usize::from(iface.0)].source(all, all) {
            Some(IpAddr::V6(own)) => own,
            _ => Ipv6Addr::UNSPECIFIED,
        };
        let mac = self.mac(iface).filter(|_| !src.is_unspecified());
        let (asks, why) = (Nd::RouterSolicit { mac }, Sent::RouterSolicit);
        self.send_nd(now, iface, (src, nd::ALL_ROUTERS), None, asks, why, EventId::NONE);
    }

    /// The name servers that routers told of (RFC 8106), by interface and in their order.
    pub fn name_servers(&self) -> impl Iterator<Item = (IfaceId, Ipv6Addr)> + '_ {
        self.ifaces.iter().enumerate().flat_map(|(n, iface)| {
            let servers = iface.port.iter().flat_map(|port| port.routers.servers());
            servers.map(move |server| (IfaceId(n as u16), server))
        })
    }

    /// What routers say of a route that follows from their advertisements.
    pub fn route_terms(&self, route: &Route) -> Option<Terms> {
        let routers = &self.ifaces.get(usize::from(route.iface.0))?.port.as_ref()?.routers;
        match (route.origin, route.via, route.dst.addr()) {
            (Origin::Ra, Some(IpAddr::V6(router)), _) => routers.router_terms(router),
            (Origin::Kernel, None, IpAddr::V6(prefix)) => {
                routers.prefix_terms(prefix, route.dst.prefix())
            }
            _ => None,
        }
    }

    /// The hops that packets of IPv6 may take by an interface, if a router has said.
    pub fn hop_limit(&self, iface: IfaceId) -> Option<u8> {
        self.ifaces.get(usize::from(iface.0))?.hops6
    }

    /// Whether a neighbour says that it is a default router.
    pub fn is_router(&self, iface: IfaceId, addr: IpAddr) -> bool {
        let port = self.ifaces.get(usize::from(iface.0)).and_then(|iface| iface.port.as_ref());
        port.is_some_and(|port| port.routers.is_router(addr))
    }

    // ---- what leaves

    /// Asks who has `target`: everybody, or the one who had it.
    pub(super) fn solicit_neighbor(
        &mut self,
        now: Instant,
        iface: IfaceId,
        target: Ipv6Addr,
        to: Option<Mac>,
        allowed: bool,
    ) {
        let own = self.ifaces[usize::from(iface.0)].source(target.into(), target.into());
        let Some(IpAddr::V6(src)) = own else { return };
        let asks = Nd::NeighborSolicit { target, mac: self.mac(iface) };
        let dst = if to.is_some() { target } else { nd::solicited_node(target) };
        if !allowed {
            let packet = PacketView::Nd { src: src.into(), dst: dst.into(), nd: asks, len: 32 };
            return self.discard(now, Why::NeighborRateLimit, packet);
        }
        let why = if to.is_some() { Sent::NeighborPoll } else { Sent::NeighborSolicit };
        let cause = self.trace.last();
        self.send_nd(now, iface, (src, dst), to, asks, why, cause);
    }

    /// Asks whether anybody has an address that is to be ours, or tells everybody that it is
    /// (RFC 4862 §5.4.2, RFC 9131).
    pub(super) fn claim_v6(&mut self, now: Instant, iface: IfaceId, addr: Ipv6Addr, asks: bool) {
        let cause = self.trace.last();
        if asks {
            let ends = (Ipv6Addr::UNSPECIFIED, nd::solicited_node(addr));
            let probe = Nd::NeighborSolicit { target: addr, mac: None };
            return self.send_nd(now, iface, ends, None, probe, Sent::NeighborProbe, cause);
        }
        let (router, solicited, overrides) = (self.forwarding, false, false);
        let mac = self.mac(iface);
        let advert = Nd::NeighborAdvert { target: addr, router, solicited, overrides, mac };
        let ends = (addr, nd::ALL_ROUTERS);
        self.send_nd(now, iface, ends, None, advert, Sent::NeighborAnnouncement, cause);
    }

    #[allow(clippy::too_many_arguments, reason = "a message, its addresses and its reason")]
    fn send_nd(
        &mut self,
        now: Instant,
        iface: IfaceId,
        (src, dst): (Ipv6Addr, Ipv6Addr),
        to: Option<Mac>,
        nd: Nd,
        why: Sent,
        cause: EventId,
    ) {
        self.send_nd_with(now, iface, (src, dst), to, (nd, Chunks::new()), why, cause);
    }

    /// Names a better first hop to the sender of `packet`, as much of which is quoted as fits
    /// (RFC 4861 §8.2, §4.6.3).
    pub(super) fn send_redirect(
        &mut self,
        now: Instant,
        iface: IfaceId,
        ends: (Ipv6Addr, Ipv6Addr),
        redirect: Nd,
        packet: &Chunks,
        cause: EventId,
    ) {
        let room = ipv6::MIN_MTU - ipv6::HEADER_LEN - nd::REDIRECT_LEN_MAX;
        let quoted = packet.slice(0, packet.len().min(room) & !7);
        let mut options = Chunks::from(self.pool.copy(&nd::redirected_header(quoted.len())));
        for chunk in quoted.iter() {
            options.push(chunk.clone());
        }
        self.send_nd_with(now, iface, ends, None, (redirect, options), Sent::Redirect, cause);
    }

    #[allow(clippy::too_many_arguments, reason = "a message, its addresses and its reason")]
    pub(super) fn send_nd_with(
        &mut self,
        now: Instant,
        iface: IfaceId,
        (src, dst): (Ipv6Addr, Ipv6Addr),
        to: Option<Mac>,
        (nd, options): (Nd, Chunks),
        why: Sent,
        cause: EventId,
    ) {
        let mut frame = Frame { body: options, ..Frame::default() };
        nd.emit_with(src, dst, &mut frame.head, &frame.body);
        let (from, at) = (IpAddr::V6(src), IpAddr::V6(dst));
        let packet = PacketView::Nd { src: from, dst: at, nd, len: frame.len() as u32 };
        if self.out.len() >= EGRESS_MAX {
            return self.discard(now, Why::EgressFull, packet);
        }
        let message = icmp::Icmp::V6(Icmpv6::Other { kind: nd.kind(), code: 0 });
        self.snmp.v6.icmp_out(&message);
        self.snmp.v6.out_requests += 1;
        frame.origin = self.note(now, None, cause, || super::Event::Out { packet, why });
        let len = frame.len();
        let header = Header::new(from, at, protocol::ICMPV6);
        Header { ttl: nd::HOP_LIMIT, ..header }.emit(&mut frame.head, len);
        match to.or_else(|| ethernet::group(at)) {
            Some(mac) => self.put_frame(iface, mac, frame),
            None => self.put_on_link(now, iface, frame),
        }
    }
}

/// A lifetime in seconds; all ones: for ever (RFC 4861 §4.6.2).
fn time(seconds: u32) -> Option<Duration> {
    (seconds != u32::MAX).then(|| Duration::from_secs(seconds.into()))
}

/// Whether a prefix can be one of a link's, rather than of every link or of groups.
fn is_prefix(addr: Ipv6Addr) -> bool {
    !addr.is_unicast_link_local() && !addr.is_multicast() && !addr.is_loopback()
}

fn is_on_link(prefix: &Prefix) -> bool {
    prefix.on_link && (1..=128).contains(&prefix.len) && is_prefix(prefix.addr)
}

/// The first `len` bits of an address.
fn network(addr: Ipv6Addr, len: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0);
    Ipv6Addr::from_bits(addr.to_bits() & mask)
}

/// The address that an interface makes of a prefix of 64 bits and its Ethernet address (RFC 4291
/// §2.5.1).
pub(super) fn eui64(prefix: Ipv6Addr, mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    let id = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    Ipv6Addr::from_bits(prefix.to_bits() >> 64 << 64 | u128::from(id))
}
