//! Which interfaces hear each other: what links, hubs, and the VLANs of switches join.

use super::super::node::{Kind, Node, Vlans};
use super::super::wire::Link;
use super::Plan;
use std::collections::BTreeMap;

/// The VLAN of ports that are told nothing.
const DEFAULT_VLAN: u16 = 1;

/// Something that can be joined: a host's interface, or a bridge's inside in one VLAN.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Iface(usize, usize),
    Inside(usize, u16),
}

/// Sets that grow together: each part leads to the one that stands for all of its set.
#[derive(Default)]
struct Sets(BTreeMap<Part, Part>);

impl Sets {
    fn head(&self, mut part: Part) -> Part {
        while let Some(next) = self.0.get(&part) {
            part = *next;
        }
        part
    }

    fn join(&mut self, a: Part, b: Part) {
        let (a, b) = (self.head(a), self.head(b));
        if a != b {
            self.0.insert(a.max(b), a.min(b));
        }
    }
}

/// What a tag, or none, at a port means inside: pairs of what is on the wire and the VLAN.
fn carried(vlans: Option<&Vlans>, all: &[u16]) -> Vec<(Option<u16>, u16)> {
    match vlans {
        None => vec![(None, DEFAULT_VLAN)],
        Some(Vlans::Access(id)) => vec![(None, *id)],
        Some(Vlans::Trunk { native, only }) => {
            let tagged = only.as_deref().unwrap_or(all).iter().copied();
            let tagged = tagged.filter(|id| Some(*id) != *native).map(|id| (Some(id), id));
            tagged.chain(native.map(|id| (None, id))).collect()
        }
    }
}

impl Plan {
    pub(super) fn join_segments(&mut self, nodes: &[Node], links: &[Link]) {
        let mut all: Vec<u16> = Vec::new();
        for vlans in self.vlans.iter().flatten().flatten() {
            match vlans {
                Vlans::Access(id) => all.push(*id),
                Vlans::Trunk { native, only } => {
                    all.extend(only.iter().flatten().chain(native));
                }
            }
        }
        all.sort_unstable();
        all.dedup();
        let mut sets = Sets::default();
        for (n, link) in links.iter().enumerate() {
            let parts = [0, 1].map(|end| {
                let (node, port) = (link.ends[end], usize::from(self.ports[n][end]));
                match nodes[node].kind {
                    Kind::Host | Kind::Router => vec![(None, Part::Iface(node, port))],
                    Kind::Hub => {
                        // A hub passes tags on as they are.
                        let tagged = all.iter().map(|id| (Some(*id), Part::Inside(node, *id)));
                        tagged.chain([(None, Part::Inside(node, 0))]).collect()
                    }
                    Kind::Switch => {
                        let vlans = self.vlans[node].get(port).and_then(Option::as_ref);
                        let carried = carried(vlans, &all).into_iter();
                        carried.map(|(tag, id)| (tag, Part::Inside(node, id))).collect()
                    }
                }
            });
            for (tag, a) in &parts[0] {
                for (_, b) in parts[1].iter().filter(|(other, _)| other == tag) {
                    sets.join(*a, *b);
                }
            }
        }
        let mut numbers: BTreeMap<Part, usize> = BTreeMap::new();
        for (node, ifaces) in self.ifaces.iter_mut().enumerate() {
            for (port, iface) in ifaces.iter_mut().enumerate() {
                let head = sets.head(Part::Iface(node, port));
                let next = numbers.len();
                iface.segment = *numbers.entry(head).or_insert(next);
            }
        }
    }
}
