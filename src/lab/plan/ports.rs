//! Which port each link is at, and the VLANs of switches' ports.

use super::super::Mistake;
use super::super::node::{Node, Vlans};
use super::super::tree::suggest;
use super::super::wire::Link;
use super::{Iface, Plan};
use crate::base::Mac;

/// An Ethernet's MTU (RFC 894).
const MTU: u16 = 1500;

/// An address that tells the node, counted from 1 in the file's order, and its port.
fn mac(node: usize, port: usize) -> Mac {
    let [high, low] = (node as u16 + 1).to_be_bytes();
    let [up, down] = (port as u16).to_be_bytes();
    Mac([2, 0, high, low, up, down])
}

impl Plan {
    /// Puts links to ports: those that are written first, then the first free ones.
    pub(super) fn number_ports(&mut self, nodes: &[Node], links: &[Link]) -> Result<(), Mistake> {
        let mut taken: Vec<Vec<Option<usize>>> = vec![Vec::new(); nodes.len()];
        let mut ends = vec![[None; 2]; links.len()];
        let all = |links: usize| (0..links).flat_map(|link| [(link, 0), (link, 1)]);
        let written = all(links.len()).filter(|&(link, end)| links[link].ports[end].is_some());
        let free = all(links.len()).filter(|&(link, end)| links[link].ports[end].is_none());
        for (link, end) in written.chain(free) {
            let node = links[link].ends[end];
            let places = &mut taken[node];
            let first_free = places.iter().position(Option::is_none).unwrap_or(places.len());
            let port = links[link].ports[end].map_or(first_free, usize::from);
            let place = &links[link].places[end];
            if places.len() <= port {
                places.resize(port + 1, None);
            }
            if let Some(other) = places[port].replace(link) {
                let (name, other) = (&nodes[node].name, &links[other].name);
                let what = format!("port {port} of {name} has the link {other} already");
                return Err(Mistake::new(place, what));
            }
            if nodes[node].ports.is_some_and(|most| port >= usize::from(most)) {
                let name = &nodes[node].name;
                let what = format!("{name} has no free port: it has {port}");
                return Err(Mistake::new(place, what));
            }
            ends[link][end] = Some(port as u16);
        }
        self.ports = ends.into_iter().map(|ends| ends.map(Option::unwrap_or_default)).collect();
        for link in links {
            let [a, b] = link.ends.map(|node| &nodes[node]);
            if a.medium != b.medium {
                let what = format!(
                    "{} and {} cannot be joined: one speaks Ethernet, the other bare IP",
                    a.name, b.name
                );
                return Err(Mistake::new(&link.at, what));
            }
        }
        for (n, node) in nodes.iter().enumerate() {
            self.ifaces.push(self.ifaces_of(n, node, &taken[n], links)?);
        }
        Ok(())
    }

    fn ifaces_of(
        &self,
        n: usize,
        node: &Node,
        taken: &[Option<usize>],
        links: &[Link],
    ) -> Result<Vec<Iface>, Mistake> {
        let ports = taken.len().max(node.ports.unwrap_or(0).into());
        if let Some(extra) = node.macs.get(ports) {
            let what = format!("{} has {ports} interfaces, and more MAC addresses", node.name);
            return Err(Mistake::new(&extra.at, what));
        }
        let iface = |port: usize| {
            let link = taken.get(port).copied().flatten();
            let mtu = link.and_then(|link| links[link].mtu.as_ref());
            Iface {
                addrs: Vec::new(),
                mac: node.macs.get(port).map_or_else(|| mac(n, port), |mac| mac.value),
                mtu: mtu.map_or(MTU, |(mtu, _)| *mtu),
                link,
                segment: 0,
            }
        };
        Ok((0..ports).map(iface).collect())
    }

    /// Gives the VLANs that are written to the ports they mean.
    pub(super) fn place_vlans(&mut self, nodes: &[Node], links: &[Link]) -> Result<(), Mistake> {
        for (n, node) in nodes.iter().enumerate() {
            let ports = &self.ifaces[n];
            let mut vlans: Vec<Option<Vlans>> = vec![None; ports.len()];
            // A port is known by its number, its link, and the node at the other end.
            let names = ports.iter().enumerate().map(|(port, iface)| {
                let link = iface.link.map(|link| &links[link]);
                let other = link.map(|link| link.ends[usize::from(link.ends[0] == n)]);
                let other = other.map(|other| nodes[other].name.clone());
                [Some(port.to_string()), link.map(|link| link.name.clone()), other]
            });
            let names: Vec<[Option<String>; 3]> = names.collect();
            for (key, wanted) in &node.vlans {
                let means = |names: &[Option<String>; 3]| {
                    names.iter().flatten().any(|name| *name == key.name)
                };
                let Some(port) = names.iter().position(means) else {
                    let what = format!("{} has no port \"{}\"", node.name, key.name);
                    let known = names.iter().flatten().flatten();
                    return Err(Mistake::new(&key.at, suggest(&what, &key.name, known)));
                };
                if vlans[port].replace(wanted.clone()).is_some() {
                    let what = format!("the VLAN of port {port} of {} is given twice", node.name);
                    return Err(Mistake::new(&key.at, what));
                }
            }
            self.vlans.push(vlans);
        }
        Ok(())
    }
}
