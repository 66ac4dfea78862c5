//! Networks that cannot work, told before the run.

use super::super::node::Node;
use super::super::wire::Link;
use super::super::{Mistake, Program};
use super::Plan;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The least that IPv6 can be carried with (RFC 8200 §5).
const IPV6_MTU: u16 = 1280;

impl Plan {
    /// What is wrong with the addresses, interfaces and gateways, if anything is.
    pub(in crate::lab) fn check(&self, nodes: &[Node], links: &[Link]) -> Result<(), Mistake> {
        self.addresses_are_one_node_s(nodes)?;
        self.stations_differ(nodes)?;
        self.packets_fit(nodes, links)?;
        self.nodes_are_joined(nodes, links)?;
        self.gateways_are_there(nodes)
    }

    /// Whether the programs' packets arrive, and the answers to them.
    pub(in crate::lab) fn check_ways(
        &self,
        nodes: &[Node],
        programs: &[Program],
    ) -> Result<(), Mistake> {
        for program in programs {
            let Some(to) = program.target() else { continue };
            if self.owner(to).is_none() {
                continue; // nobody is there: the program will find out
            }
            let from = &nodes[program.on].name;
            let passed = self.way(nodes, program.on, to).map_err(|why| {
                let what = format!("no packet of {from} reaches {to}: {why}");
                Mistake::new(&program.at, what)
            })?;
            let back = self.source(program.on, to).zip(passed.last());
            let Some((source, end)) = back else { continue };
            self.way(nodes, *end, source).map_err(|why| {
                let what = format!("no answer from {to} reaches {from} ({source}): {why}");
                Mistake::new(&program.at, what)
            })?;
        }
        Ok(())
    }

    /// The address that a node's packets to `to` are from.
    fn source(&self, node: usize, to: IpAddr) -> Option<IpAddr> {
        let route = *self.table(node).lookup(to)?;
        let iface = self.ifaces[node].get(usize::from(route.iface.0))?;
        let mut addrs = iface.addrs.iter().map(|addr| addr.value.addr());
        addrs.find(|addr| addr.is_ipv4() == to.is_ipv4())
    }

    fn addresses_are_one_node_s(&self, nodes: &[Node]) -> Result<(), Mistake> {
        let mut owners: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for (n, ifaces) in self.ifaces.iter().enumerate() {
            for addr in ifaces.iter().flat_map(|iface| &iface.addrs) {
                if let Some(other) = owners.insert(addr.value.addr(), n) {
                    let (addr, at) = (addr.value.addr(), &addr.at);
                    let (one, two) = (&nodes[other].name, &nodes[n].name);
                    let what = format!("{two} cannot have {addr}: {one} has it already");
                    return Err(Mistake::new(at, what));
                }
            }
        }
        Ok(())
    }

    fn stations_differ(&self, nodes: &[Node]) -> Result<(), Mistake> {
        for (n, node) in nodes.iter().enumerate() {
            for (port, mac) in node.macs.iter().enumerate() {
                let segment = self.ifaces[n][port].segment;
                let twin = self.ifaces.iter().enumerate().find_map(|(other, ifaces)| {
                    let same = ifaces.iter().enumerate().any(|(there, iface)| {
                        iface.mac == mac.value
                            && iface.segment == segment
                            && (other, there) != (n, port)
                    });
                    same.then(|| &nodes[other].name)
                });
                if let Some(twin) = twin {
                    let what = format!("{} and {twin} cannot both be {}", node.name, mac.value);
                    return Err(Mistake::new(&mac.at, what));
                }
            }
        }
        Ok(())
    }

    fn packets_fit(&self, nodes: &[Node], links: &[Link]) -> Result<(), Mistake> {
        for (n, node) in nodes.iter().enumerate() {
            for (port, iface) in self.ifaces[n].iter().enumerate() {
                let six = iface.addrs.iter().any(|addr| addr.value.addr().is_ipv6());
                let mtu = iface.link.and_then(|link| links[link].mtu.as_ref());
                let Some((mtu, at)) = mtu.filter(|(mtu, _)| six && *mtu < IPV6_MTU) else {
                    continue;
                };
                let what = format!(
                    "{}'s eth{port} has an IPv6 address: expected an mtu of {IPV6_MTU} or more, \
                     not {mtu}",
                    node.name
                );
                return Err(Mistake::new(at, what));
            }
        }
        Ok(())
    }

    fn nodes_are_joined(&self, nodes: &[Node], links: &[Link]) -> Result<(), Mistake> {
        let mut is_joined = vec![false; nodes.len()];
        links.iter().flat_map(|link| link.ends).for_each(|end| is_joined[end] = true);
        let alone = is_joined.iter().position(|joined| !joined);
        match alone.filter(|_| nodes.len() > 1) {
            Some(n) => {
                let what = format!("no link leads to {}", nodes[n].name);
                Err(Mistake::new(&nodes[n].at, what))
            }
            None => Ok(()),
        }
    }

    fn gateways_are_there(&self, nodes: &[Node]) -> Result<(), Mistake> {
        for (n, routes) in self.routes.iter().enumerate() {
            for route in routes {
                let Some(via) = route.value.via else { continue };
                let name = &nodes[n].name;
                let segment = self.ifaces[n][usize::from(route.value.iface.0)].segment;
                let iface = route.value.iface;
                let what = match self.owner(via) {
                    None => format!("nobody has the address {via}, {name}'s gateway"),
                    Some((other, _)) if other == n => {
                        format!("{name} cannot be its own gateway ({via})")
                    }
                    Some((other, there)) if self.ifaces[other][there].segment != segment => {
                        let other = &nodes[other].name;
                        format!(
                            "{other} ({via}), {name}'s gateway, is not on its eth{iface}'s link"
                        )
                    }
                    Some((other, _)) if nodes[other].kind != super::super::Kind::Router => {
                        let (other, kind) = (&nodes[other].name, nodes[other].kind.name());
                        format!("{name}'s gateway {via} is {other}, a {kind}: expected a router")
                    }
                    Some(_) => continue,
                };
                return Err(Mistake::new(&route.at, what));
            }
        }
        Ok(())
    }
}
