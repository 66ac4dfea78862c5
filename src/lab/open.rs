//! A lab in real time, with one of its hosts left out: there the network leads to a device.

use super::{Lab, Report};
use crate::base::Medium;
use crate::sim::{Bounds, Net, NodeId};
use crate::stack::Setup;

/// A lab whose network is open at one place.
pub struct Open {
    /// The network, with its programs started, but for those of the host that is left out.
    pub net: Net,
    /// Where it is open.
    pub gate: NodeId,
    /// What the frames there start with.
    pub medium: Medium,
    /// What the host that is left out would be: its addresses and routes.
    pub setup: Setup,
    reports: super::launch::Reports,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Open({:?})", self.net)
    }
}

impl Lab {
    /// Opens the network where that host is.
    ///
    /// # Errors
    /// When it is no host of the lab with one interface: what is wrong, and which hosts there are.
    pub fn open(&self, host: &str) -> Result<Open, String> {
        let hosts = self.nodes.iter().enumerate().filter(|(_, node)| node.kind.is_host());
        let single = hosts.filter(|(n, _)| self.plan.ifaces[*n].len() == 1);
        let names: Vec<(usize, &str)> = single.map(|(n, node)| (n, node.name.as_str())).collect();
        let Some((outside, _)) = names.iter().find(|(_, name)| *name == host) else {
            let names: Vec<_> = names.iter().map(|(_, name)| *name).collect();
            return Err(format!(
                "\"{host}\" is no host of this lab with one interface, that could be left out: \
                 choose from {}",
                names.join(", ")
            ));
        };
        let (mut net, ids) = self.net_without(Some(*outside));
        // It goes on for as long as somebody wants it to.
        let bounds = Bounds { events: u64::MAX, ..Bounds::default() };
        let at_once = self.at_once.unwrap_or(bounds.at_once);
        net.set_bounds(Bounds { at_once, ..bounds });
        let reports = self.launch(&net, &ids, Some(*outside));
        let (medium, setup) = (self.nodes[*outside].medium, self.host_setup(*outside));
        Ok(Open { net, gate: ids[*outside], medium, setup, reports })
    }
}

impl Open {
    /// What came of the programs so far.
    pub fn reports(&self) -> Vec<Report> {
        self.reports.so_far()
    }
}
