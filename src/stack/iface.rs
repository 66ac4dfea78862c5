//! The interfaces of a running host: their addresses, which come, are asked about, are used, grow
//! old and go; and the routes that are added and removed with the host at work.

use super::event::Event;
use super::ifaces::Roles;
use super::link::Port;
use super::setup::IfaceSetup;
use super::{Input, MTU_MIN, Stack};
use crate::base::{Duration, EventId, IfaceId, Instant, SocketError};
use crate::ip::{Address, Cidr, Local, NewAddress, Origin, Route, Standing, select};
use crate::link::{self, Cause, Groups};
use crate::wire::ipv4::DEFAULT_TTL;
use crate::wire::nd::solicited_node;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// Hops that packets of IPv6 may take at least: paths through the internet have about thirty.
const HOPS_LEAST: u8 = 32;
/// Addresses of an interface, at most.
pub(super) const ADDRESSES_MAX: usize = 64;

/// An interface of a running host.
#[derive(Debug)]
pub(super) struct Iface {
    pub(super) setup: IfaceSetup,
    /// Its name, for what is told of it.
    name: Arc<str>,
    /// Its addresses, those that may not be used among them.
    addresses: Vec<Address>,
    /// Those that may be used, the deprecated ones last.
    usable: Vec<Cidr>,
    /// How many of these are not deprecated.
    preferred: usize,
    /// The groups that it is a member of, of IPv4 and of IPv6.
    pub(super) members: [Groups; 2],
    /// The same as one list, for whoever looks at a packet.
    groups: Vec<IpAddr>,
    /// Those among them in which its own addresses are asked for.
    solicited: Vec<IpAddr>,
    /// When the next address stops being preferred or valid.
    deadline: Option<Instant>,
    /// The longest packet of IPv4, as a DHCP server says (RFC 2132 §5.1).
    mtu4: u16,
    /// The longest packet of IPv6, as a router says (RFC 4861 §6.3.4).
    mtu6: u16,
    /// The hops that packets of IPv6 may take, if a router has said.
    pub(super) hops6: Option<u8>,
    /// What an Ethernet needs.
    pub(super) port: Option<Box<Port>>,
}

impl Iface {
    pub(super) fn new(setup: IfaceSetup) -> Iface {
        let port = Port::new(&setup.link);
        let setup = IfaceSetup { mtu: setup.mtu.max(MTU_MIN), ..setup };
        Iface {
            mtu4: setup.mtu,
            mtu6: setup.mtu,
            hops6: None,
            name: setup.name.as_str().into(),
            setup,
            addresses: Vec::new(),
            usable: Vec::new(),
            preferred: 0,
            members: Default::default(),
            groups: Vec::new(),
            solicited: Vec::new(),
            deadline: None,
            port,
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// What it answers to.
    pub(super) fn local(&self) -> Local<'_> {
        Local { addrs: &self.usable, groups: &self.groups }
    }

    /// The best of its addresses for packets to `dst` by `next_hop`.
    pub(super) fn source(&self, dst: IpAddr, next_hop: IpAddr) -> Option<IpAddr> {
        select::source(&self.usable, self.preferred, dst, next_hop)
    }

    /// The longest packet of the family of `addr`, bytes.
    pub(super) fn mtu(&self, addr: IpAddr) -> u16 {
        if addr.is_ipv4() { self.mtu4 } else { self.mtu6 }
    }

    /// A router says how long packets of IPv6 may be here; never more than the link takes, never
    /// less than IPv6 needs (RFC 8200 §5).
    pub(super) fn set_mtu6(&mut self, mtu: u16) {
        if usize::from(mtu) >= crate::wire::ipv6::MIN_MTU {
            self.mtu6 = mtu.min(self.setup.mtu);
        }
    }

    /// The hops that a packet to `dst` may take when its socket has not said.
    pub(super) fn hops(&self, dst: IpAddr) -> u8 {
        self.hops6.filter(|_| dst.is_ipv6()).unwrap_or(DEFAULT_TTL)
    }

    /// A router says how many hops packets of IPv6 may take; 0: it does not say (RFC 4861 §6.3.4).
    /// With too few, what anybody on the link may say would cut the host off from all that is
    /// farther away: [`HOPS_LEAST`] are always taken (as Linux `accept_ra_min_hop_limit` can ask).
    pub(super) fn set_hops6(&mut self, hops: u8) {
        if hops > 0 {
            self.hops6 = Some(hops.max(HOPS_LEAST));
        }
    }

    fn find(&mut self, addr: IpAddr) -> Option<&mut Address> {
        self.addresses.iter_mut().find(|own| own.addr() == addr)
    }

    /// The groups have changed.
    pub(super) fn regroup(&mut self) {
        let groups = self.members.iter().flat_map(Groups::iter);
        self.groups = groups.map(|(group, _)| group).collect();
    }

    /// Whether an IPv6 address of this link alone may be used.
    pub(super) fn has_link_local(&self) -> bool {
        self.link_local().is_some()
    }

    /// Whether it has such an address, if one that may not be used yet.
    pub(super) fn has_any_link_local(&self) -> bool {
        let near = |own: IpAddr| matches!(own, IpAddr::V6(a) if a.is_unicast_link_local());
        self.addresses.iter().any(|own| near(own.addr()))
    }

    /// The IPv6 address of this link alone that may be used.
    pub(super) fn link_local(&self) -> Option<Ipv6Addr> {
        let near = |own: &Cidr| match own.addr() {
            IpAddr::V6(addr) => Some(addr).filter(Ipv6Addr::is_unicast_link_local),
            IpAddr::V4(_) => None,
        };
        self.usable.iter().find_map(near)
    }

    /// What addresses are to it, as far as a packet may be for it by them.
    pub(super) fn roles(&self) -> impl Iterator<Item = (IpAddr, Roles)> + '_ {
        let ours = self.addresses.iter().filter(|own| own.standing != Standing::Duplicate);
        let role = |own: &Address| Roles { usable: own.is_usable(), own: true, broadcast: false };
        let own = ours.map(move |own| (own.addr(), role(own)));
        let broadcasts = self.usable.iter().filter_map(|own| own.broadcast());
        own.chain(broadcasts.map(|addr| (addr, Roles { broadcast: true, ..Roles::default() })))
    }

    /// When it has something to do.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let port = self.port.as_ref().and_then(|port| port.deadline(now));
        [self.deadline, port, self.groups_deadline(now)].into_iter().flatten().min()
    }

    /// The groups to be joined and to be left because addresses came or went.
    pub(super) fn change_solicited(&mut self) -> (Vec<IpAddr>, Vec<IpAddr>) {
        let asked_in = |own: &Address| match own.addr() {
            IpAddr::V6(addr) => Some(IpAddr::V6(solicited_node(addr))),
            IpAddr::V4(_) => None,
        };
        let ours = self.addresses.iter().filter(|own| own.standing != Standing::Duplicate);
        let mut wanted: Vec<IpAddr> = match self.port {
            Some(_) => ours.filter_map(asked_in).collect(),
            None => Vec::new(),
        };
        wanted.sort_unstable();
        wanted.dedup();
        let minus = |a: &[IpAddr], b: &[IpAddr]| {
            a.iter().copied().filter(|group| !b.contains(group)).collect()
        };
        let change = (minus(&wanted, &self.solicited), minus(&self.solicited, &wanted));
        self.solicited = wanted;
        change
    }

    /// The addresses have changed. [`Stack::renew`] sees to what follows.
    pub(super) fn refresh(&mut self) {
        let usable = || self.addresses.iter().filter(|own| own.is_usable());
        let (fresh, old) = (usable().filter(|own| !own.deprecated), usable());
        self.preferred = fresh.clone().count();
        self.usable = fresh.chain(old.filter(|own| own.deprecated)).map(|own| own.cidr).collect();
        self.deadline = self.addresses.iter().filter_map(Address::deadline).min();
    }
}

impl Stack {
    /// The addresses of all interfaces, by interface.
    pub fn addresses(&self) -> impl Iterator<Item = (IfaceId, &Address)> {
        self.ifaces
            .iter()
            .enumerate()
            .flat_map(|(n, iface)| iface.addresses.iter().map(move |own| (IfaceId(n as u16), own)))
    }

    /// An interface's address, if it is one.
    pub fn address(&self, iface: IfaceId, addr: IpAddr) -> Option<&Address> {
        let iface = self.ifaces.get(usize::from(iface.0))?;
        iface.addresses.iter().find(|own| own.addr() == addr)
    }

    /// Gives an interface an address, and the route to its network; an address that it has is
    /// given the new lifetimes. On an Ethernet, others may be asked first whether they have it
    /// ([`NewAddress::probe`]): [`Stack::address`] says how far that is.
    ///
    /// # Errors
    /// `InvalidInput` without such an interface or when the address can be no host's;
    /// `AddrInUse` when another interface has it; `LimitReached` beyond 64 of them.
    pub fn add_address(
        &mut self,
        now: Instant,
        iface: IfaceId,
        new: impl Into<NewAddress>,
    ) -> Result<(), SocketError> {
        let new = new.into();
        self.keep(now, || Input::AddAddress { iface, new });
        self.assign(now, iface, new)
    }

    /// As [`Stack::add_address`], for the host itself.
    pub(super) fn assign(
        &mut self,
        now: Instant,
        id: IfaceId,
        new: NewAddress,
    ) -> Result<(), SocketError> {
        let addr = new.cidr.addr();
        let link_local = matches!(addr, IpAddr::V6(addr) if addr.is_unicast_link_local());
        let elsewhere = |(other, own): (IfaceId, &Address)| other != id && own.addr() == addr;
        if !link_local && self.addresses().any(elsewhere) {
            return Err(SocketError::AddrInUse);
        }
        let iface = self.ifaces.get_mut(usize::from(id.0)).ok_or(SocketError::InvalidInput)?;
        let until = |time: Option<_>| time.map(|time| now + time);
        let is_over = |time: Option<Duration>| time.is_some_and(|time| time.is_zero());
        let (preferred_until, valid_until) = (until(new.preferred), until(new.valid));
        if let Some(known) = iface.find(addr) {
            (known.preferred_until, known.valid_until) = (preferred_until, valid_until);
            (known.origin, known.deprecated) = (new.origin, is_over(new.preferred));
            self.renew(now, id);
            return Ok(());
        }
        if !Local::default().is_single_host(addr) && !addr.is_loopback() {
            return Err(SocketError::InvalidInput);
        }
        if iface.addresses.len() >= ADDRESSES_MAX {
            return Err(SocketError::LimitReached);
        }
        let (cidr, origin, standing) = (new.cidr, new.origin, Standing::Usable);
        let deprecated = is_over(new.preferred);
        let added = Address { cidr, origin, standing, deprecated, preferred_until, valid_until };
        iface.addresses.push(added);
        // What a router says about addresses says nothing about who is near (RFC 5942 §4).
        if new.origin != Origin::Ra {
            self.routes.add(Route::on_link(cidr, id));
        }
        self.tell_address(now, id, addr, Cause::Added);
        let asks = self.claim_address(now, id, addr, new.probe);
        if asks && let Some(own) = self.ifaces[usize::from(id.0)].find(addr) {
            own.standing = Standing::Tentative;
        }
        self.renew(now, id);
        Ok(())
    }

    /// Takes an address away from an interface, and the route to its network when no other needs
    /// it. Connections of that address hear nothing any more.
    ///
    /// # Errors
    /// `AddrNotAvailable` when it is not that interface's.
    pub fn remove_address(
        &mut self,
        now: Instant,
        iface: IfaceId,
        addr: IpAddr,
    ) -> Result<(), SocketError> {
        self.keep(now, || Input::RemoveAddress { iface, addr });
        self.withdraw(now, iface, addr, Cause::Removed)
    }

    fn withdraw(
        &mut self,
        now: Instant,
        id: IfaceId,
        addr: IpAddr,
        cause: Cause,
    ) -> Result<(), SocketError> {
        let known = self.address(id, addr).copied().ok_or(SocketError::AddrNotAvailable)?;
        let iface = &mut self.ifaces[usize::from(id.0)];
        iface.addresses.retain(|own| own.addr() != addr);
        self.renew(now, id);
        self.unclaim_address(id, addr);
        let route = Route::on_link(known.cidr, id);
        let needed = |own: &Address| own.origin != Origin::Ra && own.cidr.network() == route.dst;
        let needed = self.addresses().any(|(_, own)| needed(own));
        if known.origin != Origin::Ra && !needed && self.routes.iter().any(|one| *one == route) {
            self.routes.remove(id, route.dst, route.metric);
        }
        self.tell_address(now, id, addr, cause);
        Ok(())
    }

    /// Adds a route; one of the same interface to the same network with the same metric is
    /// replaced.
    ///
    /// # Errors
    /// `InvalidInput` without such an interface.
    pub fn add_route(&mut self, now: Instant, route: Route) -> Result<(), SocketError> {
        self.keep(now, || Input::AddRoute { route });
        if usize::from(route.iface.0) >= self.ifaces.len() {
            return Err(SocketError::InvalidInput);
        }
        self.routes.add(route);
        Ok(())
    }

    /// Removes an interface's route to `dst` with that metric.
    ///
    /// # Errors
    /// `InvalidInput` when there is none.
    pub fn remove_route(
        &mut self,
        now: Instant,
        iface: IfaceId,
        dst: Cidr,
        metric: u32,
    ) -> Result<Route, SocketError> {
        self.keep(now, || Input::RemoveRoute { iface, dst, metric });
        self.routes.remove(iface, dst, metric).ok_or(SocketError::InvalidInput)
    }

    /// Makes an interface's IPv4 packets no longer than `mtu`, 68 bytes at least, or again as long
    /// as the link takes. Connections that are open keep what they agreed on.
    ///
    /// # Errors
    /// `InvalidInput` without such an interface.
    pub fn limit_mtu(
        &mut self,
        now: Instant,
        iface: IfaceId,
        mtu: Option<u16>,
    ) -> Result<(), SocketError> {
        self.keep(now, || Input::LimitMtu { iface, mtu });
        let iface = self.ifaces.get_mut(usize::from(iface.0)).ok_or(SocketError::InvalidInput)?;
        let link = iface.setup.mtu;
        iface.mtu4 = mtu.map_or(link, |mtu| mtu.clamp(MTU_MIN, link));
        Ok(())
    }

    /// What became of the claim on an address.
    pub(super) fn settle_address(
        &mut self,
        now: Instant,
        id: IfaceId,
        addr: IpAddr,
        standing: Standing,
    ) {
        let iface = &mut self.ifaces[usize::from(id.0)];
        let Some(own) = iface.find(addr).filter(|own| own.standing == Standing::Tentative) else {
            return;
        };
        own.standing = standing;
        self.renew(now, id);
    }

    /// Time has come to `now` for every address.
    pub(super) fn poll_addresses(&mut self, now: Instant) {
        for id in self.ifaces.due(now) {
            let n = usize::from(id.0);
            if self.ifaces[n].deadline.is_none_or(|at| at > now) {
                continue;
            }
            let (mut expired, mut deprecated) = (Vec::new(), Vec::new());
            for own in &mut self.ifaces[n].addresses {
                if own.is_expired(now) {
                    expired.push(own.addr());
                } else if own.deadline().is_some_and(|at| at <= now) {
                    own.deprecated = true;
                    deprecated.push(own.addr());
                }
            }
            self.renew(now, id);
            for addr in deprecated {
                self.tell_address(now, id, addr, Cause::Deprecated);
            }
            for addr in expired {
                // It is the interface's: nothing can be wrong.
                self.withdraw(now, id, addr, Cause::Expired).unwrap_or_default();
            }
        }
    }

    fn tell_address(&mut self, now: Instant, iface: IfaceId, addr: IpAddr, cause: Cause) {
        let event = link::Event::Claim { addr, other: None, cause };
        self.note(now, None, EventId::NONE, || Event::Link { iface, event });
    }

    /// The interface towards `remote` and our address there.
    pub(super) fn route_to(&self, remote: IpAddr) -> Option<(IfaceId, IpAddr)> {
        let route = self.routes.lookup(remote)?;
        let iface = self.ifaces.get(usize::from(route.iface.0))?;
        // Such an address never leaves a host (RFC 1122 §3.2.1.3 (g), RFC 4291 §2.5.3).
        if remote.is_loopback() && !iface.local().is_loopback() {
            return None;
        }
        let own = iface.source(remote, route.next_hop(remote))?;
        Some((route.iface, own))
    }

    /// Whether `addr` is an address of this host, usable or about to be.
    pub(super) fn is_own(&self, addr: IpAddr) -> bool {
        self.ifaces.roles(addr).own
    }
}
