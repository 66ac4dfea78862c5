//! A lab's network as a simulation.

use super::node::{Node, Vlans};
use super::{Kind, Lab};
use crate::base::Medium;
use crate::link::bridge::{self, Allowed, PortVlan};
use crate::sim::{Net, NodeId, Port, Wire};
use crate::stack::{Ethernet, IfaceSetup, LinkSetup, Setup};

impl Lab {
    /// The network, before anything runs in it; nodes have the order of the lab's.
    pub fn net(&self) -> (Net, Vec<NodeId>) {
        self.net_without(None)
    }

    /// The network, with a place where it leads out instead of one of its hosts.
    pub fn net_without(&self, outside: Option<usize>) -> (Net, Vec<NodeId>) {
        let mut net = Net::new(self.seed);
        let ids = self.nodes.iter().enumerate().map(|(n, node)| match outside {
            Some(gone) if gone == n => net.outside(&node.name, node.medium),
            _ => self.node(&mut net, n, node),
        });
        let ids: Vec<NodeId> = ids.collect();
        for (link, ports) in self.links.iter().zip(&self.plan.ports) {
            let [a, b] = [0, 1].map(|end| Port(ids[link.ends[end]], ports[end]));
            let mtu = Some(self.plan.ifaces[link.ends[0]][usize::from(ports[0])].mtu);
            let joined = net.join(&link.name, a, b, Wire { mtu, ..link.rules.clone() });
            joined.expect("the plan has put every link to free ports of one medium");
        }
        (net, ids)
    }

    fn node(&self, net: &mut Net, n: usize, node: &Node) -> NodeId {
        let ports = self.plan.ifaces[n].len() as u16;
        match node.kind {
            Kind::Host | Kind::Router => net.host(&node.name, self.setup(n, node)),
            Kind::Hub => net.hub(&node.name, ports),
            Kind::Switch => net.switch(&node.name, self.switch(n, node)),
        }
    }

    fn switch(&self, n: usize, node: &Node) -> bridge::Config {
        let mut config = bridge::Config::new(self.plan.ifaces[n].len() as u16);
        for (port, vlans) in config.ports.iter_mut().zip(&self.plan.vlans[n]) {
            *port = match vlans {
                None => continue,
                Some(Vlans::Access(id)) => PortVlan::Access(*id),
                Some(Vlans::Trunk { native, only }) => {
                    let only = only.as_ref().map(|only| only.iter().copied().collect());
                    let allowed = only.map_or(Allowed::All, Allowed::Only);
                    PortVlan::Trunk { native: *native, allowed }
                }
            };
        }
        config.ageing = node.ageing.unwrap_or(config.ageing);
        config.table_max = node.stations.unwrap_or(config.table_max);
        config
    }

    /// What a host of the lab is made of, by its place among the nodes.
    pub fn host_setup(&self, n: usize) -> Setup {
        self.setup(n, &self.nodes[n])
    }

    fn setup(&self, n: usize, node: &Node) -> Setup {
        let mut setup = Setup::new([0, 0]);
        setup.forwarding = node.kind == Kind::Router;
        setup.tcp = node.tcp.clone();
        for (port, iface) in self.plan.ifaces[n].iter().enumerate() {
            let link = match node.medium {
                Medium::Ip => LinkSetup::Ip,
                Medium::Ethernet => LinkSetup::Ethernet(Ethernet::new(iface.mac)),
            };
            setup.ifaces.push(IfaceSetup {
                name: format!("eth{port}"),
                mtu: iface.mtu,
                addrs: iface.addrs.iter().map(|addr| addr.value).collect(),
                gso_max: 0,
                checksum_offload: false,
                link,
            });
        }
        setup.routes = self.plan.routes[n].iter().map(|route| route.value).collect();
        setup
    }
}
