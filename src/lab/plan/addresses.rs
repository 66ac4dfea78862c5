//! Addresses and routes: those that are written, and the others worked out.

use super::super::Mistake;
use super::super::node::{Kind, Node, Placed};
use super::{Iface, Plan};
use crate::base::IfaceId;
use crate::ip::Cidr;
use crate::ip::address::Origin;
use crate::ip::route::Route;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

/// A network, and by node how many routers are between it and that router.
type Target = (Cidr, Vec<Option<u16>>);

/// Routes that are worked out at most, and pairs of a node and a network that are looked at: each
/// of the latter takes four bytes, each of the former some hundred.
const ROUTES: usize = 4_000_000;
const PAIRS: usize = 25_000_000;
/// Of a network that was worked out.
const PREFIX: u8 = 24;

impl Plan {
    /// Gives every interface its addresses.
    pub(super) fn address(&mut self, nodes: &[Node]) -> Result<(), Mistake> {
        for (n, node) in nodes.iter().enumerate().filter(|(_, node)| node.kind.is_host()) {
            let Some(addrs) = &node.addrs else { continue };
            let ifaces = &mut self.ifaces[n];
            if addrs.len() != ifaces.len() && ifaces.len() > 1 || addrs.len() > ifaces.len() {
                let (name, has, links) = (&node.name, addrs.len(), ifaces.len());
                let at = addrs.iter().flatten().last().map_or(&node.at, |addr| &addr.at);
                let what = format!(
                    "{name} has {links} links and addresses for {has} interfaces: expected as \
                     many, [] for an interface without one"
                );
                return Err(Mistake::new(at, what));
            }
            for (iface, addrs) in ifaces.iter_mut().zip(addrs) {
                iface.addrs.clone_from(addrs);
            }
        }
        for (n, ifaces) in self.ifaces.iter().enumerate() {
            for (port, iface) in ifaces.iter().enumerate() {
                for addr in &iface.addrs {
                    self.owners.entry(addr.value.addr()).or_insert((n, port));
                }
            }
        }
        let mut networks = self.networks();
        let written: Vec<Cidr> = self.written().collect();
        let mut nth = 0;
        for (n, node) in nodes.iter().enumerate().filter(|(_, node)| node.kind.is_host()) {
            if node.addrs.is_some() {
                continue;
            }
            for port in 0..self.ifaces[n].len() {
                let segment = self.ifaces[n][port].segment;
                let network = networks
                    .entry(segment)
                    .or_insert_with(|| next_network(&written, &mut nth))
                    .to_owned();
                let Some(addr) = self.free(network, node.kind) else {
                    let what = format!("there is no free address for {} in {network}", node.name);
                    return Err(Mistake::new(&node.at, what));
                };
                let value = Cidr::new(addr, network.prefix()).unwrap_or(network);
                self.ifaces[n][port].addrs.push(Placed { value, at: node.at.clone() });
                self.owners.entry(addr).or_insert((n, port));
            }
        }
        Ok(())
    }

    /// The networks of IPv4 that are written, by segment: the first of each.
    fn networks(&self) -> BTreeMap<usize, Cidr> {
        let mut networks = BTreeMap::new();
        for iface in self.ifaces.iter().flatten() {
            let v4 = iface.addrs.iter().map(|addr| addr.value).find(|a| a.addr().is_ipv4());
            if let Some(addr) = v4 {
                networks.entry(iface.segment).or_insert(addr.network());
            }
        }
        networks
    }

    /// The networks of all addresses that are written.
    fn written(&self) -> impl Iterator<Item = Cidr> + '_ {
        let addrs = self.ifaces.iter().flatten().flat_map(|iface| &iface.addrs);
        addrs.map(|addr| addr.value.network())
    }

    /// A network's first free address; for routers the last.
    fn free(&self, network: Cidr, kind: Kind) -> Option<IpAddr> {
        let IpAddr::V4(first) = network.addr() else { return None };
        let size = 1u64 << (32 - u32::from(network.prefix()));
        let nth = |n: u64| IpAddr::V4(Ipv4Addr::from_bits(first.to_bits() + n as u32));
        let is_free = |addr: &IpAddr| self.owner(*addr).is_none();
        let mut hosts = 1..size.saturating_sub(1);
        match kind {
            Kind::Router => hosts.rev().map(nth).find(is_free),
            _ => hosts.find_map(|n| Some(nth(n)).filter(is_free)),
        }
    }

    /// Gives every node its routes.
    pub(super) fn route(&mut self, nodes: &[Node]) -> Result<(), Mistake> {
        let mut far = None;
        for (n, node) in nodes.iter().enumerate() {
            let mut routes = Vec::new();
            if let Some(gateway) = &node.gateway {
                let dst = Cidr::all(gateway.value);
                routes.push(Placed {
                    value: self.via(n, node, dst, gateway)?,
                    at: gateway.at.clone(),
                });
            }
            for way in node.routes.iter().flatten() {
                let via = Placed { value: way.value.via, at: way.at.clone() };
                let value = self.via(n, node, way.value.dst, &via)?;
                routes.push(Placed { value, at: way.at.clone() });
            }
            let is_said = node.gateway.is_some() || node.routes.is_some();
            match node.kind {
                Kind::Host if !is_said => routes.extend(self.defaults(n, nodes)),
                Kind::Router if !is_said => {
                    if far.is_none() {
                        far = Some(self.targets(nodes)?);
                    }
                    let far = far.as_deref().unwrap_or_default();
                    routes.extend(self.shortest(n, nodes, far));
                }
                _ => {}
            }
            self.routes.push(routes);
        }
        Ok(())
    }

    /// A route by a neighbour, which must be on one of the node's links.
    fn via(
        &self,
        n: usize,
        node: &Node,
        dst: Cidr,
        via: &Placed<IpAddr>,
    ) -> Result<Route, Mistake> {
        let on_link = |iface: &super::Iface| {
            iface.addrs.iter().any(|own| own.value.network().contains(via.value))
        };
        match self.ifaces[n].iter().position(on_link) {
            Some(iface) => Ok(to(dst, via.value, iface)),
            None => {
                let own = self.ifaces[n].iter().flat_map(|iface| &iface.addrs);
                let own: Vec<String> = own.map(|own| own.value.network().to_string()).collect();
                let what = format!(
                    "the gateway {} of {} is on none of its links: expected an address in {}",
                    via.value,
                    node.name,
                    own.join(" or ")
                );
                Err(Mistake::new(&via.at, what))
            }
        }
    }

    /// A host's default routes: by the first router that it hears, in each family.
    fn defaults(&self, n: usize, nodes: &[Node]) -> Vec<Placed<Route>> {
        let mut routes = Vec::new();
        for v4 in [true, false] {
            let found = self.ifaces[n].iter().enumerate().find_map(|(port, iface)| {
                let has = iface.addrs.iter().any(|own| own.value.addr().is_ipv4() == v4);
                let router = |other: &usize| nodes[*other].kind == Kind::Router;
                let mut routers = (0..nodes.len()).filter(router);
                let via = routers.find_map(|other| self.in_segment(other, iface.segment, v4));
                via.filter(|_| has).map(|via| (port, via))
            });
            if let Some((port, via)) = found {
                let value = to(Cidr::all(via), via, port);
                routes.push(Placed { value, at: nodes[n].at.clone() });
            }
        }
        routes
    }

    /// A node's address in a segment.
    fn in_segment(&self, node: usize, segment: usize, v4: bool) -> Option<IpAddr> {
        let ifaces = self.ifaces[node].iter().filter(|iface| iface.segment == segment);
        let mut addrs = ifaces.flat_map(|iface| &iface.addrs).map(|own| own.value.addr());
        addrs.find(|addr| addr.is_ipv4() == v4)
    }

    /// Every network, and how many routers there are between each router and it.
    fn targets(&self, nodes: &[Node]) -> Result<Vec<Target>, Mistake> {
        let (mut known, mut networks) = (BTreeSet::new(), Vec::new());
        for iface in self.ifaces.iter().flatten() {
            let its = iface.addrs.iter().map(|addr| addr.value.network());
            let new = its.filter(|network| known.insert(*network));
            networks.extend(new.map(|network| (network, iface.segment)));
        }
        let is_router = |node: &&Node| node.kind == Kind::Router;
        let routers = nodes.iter().filter(is_router).count();
        let (ways, all) = (routers * networks.len(), nodes.len() * networks.len());
        if let Some(first) = nodes.iter().find(is_router).filter(|_| ways > ROUTES || all > PAIRS) {
            let what = format!(
                "this is too large: {routers} routers would have to find their ways to {} \
                 networks; expected routes or gateways that say them",
                networks.len()
            );
            return Err(Mistake::new(&first.at, what));
        }
        let hear = [true, false].map(|v4| self.hearers(nodes, v4));
        let target = |(network, segment): (Cidr, usize)| {
            let hear = &hear[usize::from(!network.addr().is_ipv4())];
            (network, self.distances(segment, hear, nodes.len()))
        };
        Ok(networks.into_iter().map(target).collect())
    }

    /// The routers that have an address in a segment, by segment.
    fn hearers(&self, nodes: &[Node], v4: bool) -> BTreeMap<usize, Vec<usize>> {
        let mut hear: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (n, _) in nodes.iter().enumerate().filter(|(_, node)| node.kind == Kind::Router) {
            let its =
                |iface: &&Iface| iface.addrs.iter().any(|own| own.value.addr().is_ipv4() == v4);
            let segments = self.ifaces[n].iter().filter(its).map(|iface| iface.segment);
            segments.for_each(|segment| hear.entry(segment).or_default().push(n));
        }
        hear
    }

    /// A router's routes: the shortest way to every network that is not on its links.
    fn shortest(&self, n: usize, nodes: &[Node], targets: &[Target]) -> Vec<Placed<Route>> {
        let mut routes = Vec::new();
        let near = |port: usize| {
            let segment = self.ifaces[n][port].segment;
            let others = (0..nodes.len()).filter(move |other| nodes[*other].kind == Kind::Router);
            let here = move |other: &usize| {
                self.ifaces[*other].iter().any(|iface| iface.segment == segment)
            };
            others.filter(here).collect::<Vec<_>>()
        };
        let near: Vec<Vec<usize>> = (0..self.ifaces[n].len()).map(near).collect();
        for (network, far) in targets {
            let v4 = network.addr().is_ipv4();
            // At distance zero it is on one of the links.
            let Some(own) = far[n].filter(|own| *own > 0) else { continue };
            let hop = self.ifaces[n].iter().enumerate().find_map(|(port, iface)| {
                let nearer = near[port].iter().filter(|other| far[**other] == Some(own - 1));
                let via = nearer.filter_map(|other| self.in_segment(*other, iface.segment, v4));
                via.min().map(|via| (port, via))
            });
            if let Some((port, via)) = hop {
                let value = to(*network, via, port);
                routes.push(Placed { value, at: nodes[n].at.clone() });
            }
        }
        routes
    }

    /// How many routers there are between each router and a segment.
    fn distances(
        &self,
        segment: usize,
        hear: &BTreeMap<usize, Vec<usize>>,
        nodes: usize,
    ) -> Vec<Option<u16>> {
        let mut far = vec![None; nodes];
        let mut seen = BTreeSet::from([segment]);
        let mut reached = vec![segment];
        for distance in 0..=u16::MAX {
            let mut next = Vec::new();
            for n in reached.iter().filter_map(|at| hear.get(at)).flatten() {
                if far[*n].is_none() {
                    far[*n] = Some(distance);
                    let segments = self.ifaces[*n].iter().map(|iface| iface.segment);
                    next.extend(segments.filter(|segment| seen.insert(*segment)));
                }
            }
            if next.is_empty() {
                break;
            }
            reached = next;
        }
        far
    }
}

/// The next network that overlaps none of those that are written; `nth` counts on.
fn next_network(written: &[Cidr], nth: &mut u16) -> Cidr {
    loop {
        let [high, low] = nth.to_be_bytes();
        let addr = IpAddr::V4(Ipv4Addr::new(10, high, low, 0));
        let network = Cidr::new(addr, PREFIX).unwrap_or_else(|_| Cidr::host(addr));
        let overlaps = |other: &Cidr| network.contains(other.addr()) || other.contains(addr);
        let is_last = *nth == u16::MAX;
        *nth = nth.saturating_add(1);
        if is_last || !written.iter().any(overlaps) {
            return network;
        }
    }
}

fn to(dst: Cidr, via: IpAddr, iface: usize) -> Route {
    let iface = IfaceId(iface as u16);
    Route { dst, via: Some(via), iface, metric: 0, origin: Origin::Static }
}
