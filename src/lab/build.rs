//! A lab's network as a simulation.

use super::node::Node;
use super::{Error, Kind, Lab};
use crate::base::Medium;
use crate::sim::{Net, NodeId, Port};
use crate::stack::{Ethernet, IfaceSetup, LinkSetup, Setup};

impl Lab {
    /// The network, before anything runs in it; nodes have the order of the lab's.
    ///
    /// # Errors
    /// When it has a node that a simulation has not.
    pub fn net(&self) -> Result<(Net, Vec<NodeId>), Error> {
        let mut net = Net::new(self.seed);
        let ids = self.nodes.iter().enumerate().map(|(n, node)| self.node(&mut net, n, node));
        let ids = ids.collect::<Result<Vec<NodeId>, Error>>()?;
        for (link, ports) in self.links.iter().zip(&self.plan.ports) {
            let [a, b] = [0, 1].map(|end| Port(ids[link.ends[end]], ports[end]));
            let joined = net.join(&link.name, a, b, link.rules.clone());
            joined.expect("the plan has put every link to free ports of one medium");
        }
        Ok((net, ids))
    }

    fn node(&self, net: &mut Net, n: usize, node: &Node) -> Result<NodeId, Error> {
        match node.kind {
            Kind::Host | Kind::Router => Ok(net.host(&node.name, self.setup(n, node))),
            kind => Err(Error(format!("{}: a simulation has no {}", self.file, kind.name()))),
        }
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
