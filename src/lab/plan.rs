//! What follows from a lab's file: ports, segments, addresses, routes; and whether they can work.
//!
//! What is not written is worked out: interfaces are numbered in the order of the links, a segment
//! (what hubs, switches and links join) gets a network 10.0.N.0/24, hosts have its addresses from
//! .1 up and routers from .254 down, hosts send what is for others to the first router of theirs,
//! and routers know the shortest way to every network.

mod addresses;
mod check;
mod ports;
mod segments;

use super::node::{Node, Placed, Vlans};
use super::{Link, Mistake};
use crate::base::{IfaceId, Mac};
use crate::ip::Cidr;
use crate::ip::route::{Route, Routes};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A port of a node; of a host, an interface.
#[derive(Clone, Debug)]
pub(super) struct Iface {
    pub(super) addrs: Vec<Placed<Cidr>>,
    pub(super) mac: Mac,
    pub(super) mtu: u16,
    /// The link that is there.
    pub(super) link: Option<usize>,
    /// What it is part of; equal numbers are joined.
    pub(super) segment: usize,
}

/// What was worked out. Everything is by node, in the lab's order.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) ifaces: Vec<Vec<Iface>>,
    pub(super) vlans: Vec<Vec<Option<Vlans>>>,
    pub(super) routes: Vec<Vec<Placed<Route>>>,
    /// Who has an address, and on which interface: the first that has it.
    pub(super) owners: BTreeMap<IpAddr, (usize, usize)>,
    /// By link: the ports of its ends.
    pub(super) ports: Vec<[u16; 2]>,
}

impl Plan {
    pub(super) fn new(nodes: &[Node], links: &[Link]) -> Result<Plan, Mistake> {
        let mut plan = Plan::default();
        plan.number_ports(nodes, links)?;
        plan.place_vlans(nodes, links)?;
        plan.join_segments(nodes, links);
        plan.address(nodes)?;
        plan.route(nodes)?;
        Ok(plan)
    }

    /// A node's address in words: its first one of IPv4, or else of IPv6.
    pub(super) fn addr(&self, node: usize) -> Option<IpAddr> {
        let all = || self.ifaces[node].iter().flat_map(|iface| &iface.addrs);
        let first = all().find(|addr| addr.value.addr().is_ipv4()).or_else(|| all().next());
        first.map(|addr| addr.value.addr())
    }

    /// Who has an address, and on which interface.
    pub(super) fn owner(&self, addr: IpAddr) -> Option<(usize, usize)> {
        self.owners.get(&addr).copied()
    }

    /// The routes of a node as its stack will have them.
    fn table(&self, node: usize) -> Routes {
        let mut routes = Routes::new();
        for (n, iface) in self.ifaces[node].iter().enumerate() {
            for addr in &iface.addrs {
                routes.add(Route::on_link(addr.value, IfaceId(n as u16)));
            }
        }
        for route in &self.routes[node] {
            routes.add(route.value);
        }
        routes
    }

    /// Whether packets of `from` for `to` arrive: the nodes they pass, or why they do not.
    pub(super) fn way(
        &self,
        nodes: &[Node],
        from: usize,
        to: IpAddr,
    ) -> Result<Vec<usize>, String> {
        let mut passed = vec![from];
        while let Some(&at) = passed.last() {
            let name = &nodes[at].name;
            let here = |iface: &Iface| iface.addrs.iter().any(|own| own.value.addr() == to);
            if self.ifaces[at].iter().any(here) {
                return Ok(passed);
            }
            if at != from && nodes[at].kind != super::Kind::Router {
                return Err(format!("{name} is a {}, and forwards nothing", nodes[at].kind.name()));
            }
            if passed.len() > usize::from(u8::MAX) {
                return Err(format!("packets go in circles at {name}"));
            }
            let table = self.table(at);
            let Some(route) = table.lookup(to) else {
                return Err(format!("{name} has no route to {to}"));
            };
            let iface = usize::from(route.iface.0);
            let segment = self.ifaces[at][iface].segment;
            let hop = route.next_hop(to);
            let next = self.owner(hop);
            match next {
                Some((node, there)) if self.ifaces[node][there].segment == segment => {
                    passed.push(node);
                }
                Some((node, _)) => {
                    let other = &nodes[node].name;
                    return Err(format!(
                        "{name} looks for {hop} on its eth{iface}, but {other} is not there"
                    ));
                }
                None => return Err(format!("nobody on {name}'s eth{iface} has the address {hop}")),
            }
        }
        Ok(passed)
    }
}
