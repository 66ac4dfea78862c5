//! The routing table of a host: the longest matching prefix wins, then the lowest metric
//! (RFC 1122 §3.3.1).
//!
//! Routes are looked up prefix length by prefix length, so that a lookup costs one search per
//! distinct length, however many routes there are. No route is learned here.

use super::address::Origin;
use super::cidr::{Cidr, bits, mask};
use crate::base::IfaceId;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

/// Where packets to some network go.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Route {
    /// The network. Bits behind the prefix mean nothing.
    pub dst: Cidr,
    /// The gateway, or `None` when the network is the link itself.
    pub via: Option<IpAddr>,
    /// The interface.
    pub iface: IfaceId,
    /// Among routes to the same network, the lowest wins.
    pub metric: u32,
    /// Who made it.
    pub origin: Origin,
}

impl Route {
    /// The route that an interface with address `addr` has to its own network.
    pub fn on_link(addr: Cidr, iface: IfaceId) -> Route {
        Route { dst: addr.network(), via: None, iface, metric: 0, origin: Origin::Kernel }
    }

    /// The route to everywhere else (RFC 1122 §3.3.1.2), for the gateway's family.
    pub fn default_via(gateway: IpAddr, iface: IfaceId) -> Route {
        let origin = Origin::Static;
        Route { dst: Cidr::all(gateway), via: Some(gateway), iface, metric: 0, origin }
    }

    /// The neighbour that a packet to `dst` is handed to.
    pub fn next_hop(&self, dst: IpAddr) -> IpAddr {
        self.via.unwrap_or(dst)
    }
}

/// As `ip route` prints it, with the interface's number: `default via 10.9.0.254 dev 0 metric 0`.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.dst.prefix() {
            0 => f.write_str("default")?,
            _ => self.dst.fmt(f)?,
        }
        if let Some(via) = self.via {
            write!(f, " via {via}")?;
        }
        write!(f, " dev {} metric {}", self.iface, self.metric)
    }
}

/// The routes of one prefix length: by the network's bits, metric and interface.
#[derive(Clone, Debug)]
struct Level {
    prefix: u8,
    routes: BTreeMap<(u128, u32, IfaceId), Route>,
}

/// A host's routes.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// Longest prefix first.
    v4: Vec<Level>,
    v6: Vec<Level>,
}

impl Routes {
    /// No routes.
    pub fn new() -> Routes {
        Routes::default()
    }

    /// Adds a route; one of the same interface to the same network with the same metric is replaced
    /// and returned.
    pub fn add(&mut self, route: Route) -> Option<Route> {
        let route = Route { dst: route.dst.network(), ..route };
        let levels = self.levels_mut(route.dst.addr());
        let at = match find(levels, route.dst.prefix()) {
            Ok(at) => at,
            Err(at) => {
                let level = Level { prefix: route.dst.prefix(), routes: BTreeMap::new() };
                levels.insert(at, level);
                at
            }
        };
        levels[at].routes.insert((bits(route.dst.addr()), route.metric, route.iface), route)
    }

    /// Removes an interface's route to `dst` with that metric and returns it.
    pub fn remove(&mut self, iface: IfaceId, dst: Cidr, metric: u32) -> Option<Route> {
        let dst = dst.network();
        let levels = self.levels_mut(dst.addr());
        let at = find(levels, dst.prefix()).ok()?;
        let removed = levels[at].routes.remove(&(bits(dst.addr()), metric, iface));
        levels.retain(|level| !level.routes.is_empty());
        removed
    }

    /// Removes all routes for which `keep` says no: those of an interface that went down, say.
    pub fn retain(&mut self, mut keep: impl FnMut(&Route) -> bool) {
        for levels in [&mut self.v4, &mut self.v6] {
            levels.iter_mut().for_each(|level| level.routes.retain(|_, route| keep(route)));
            levels.retain(|level| !level.routes.is_empty());
        }
    }

    /// The best route to `dst`.
    pub fn lookup(&self, dst: IpAddr) -> Option<&Route> {
        let levels = if dst.is_ipv4() { &self.v4 } else { &self.v6 };
        levels.iter().find_map(|level| {
            let network = bits(dst) & mask(level.prefix);
            let first = (network, 0, IfaceId(0));
            let last = (network, u32::MAX, IfaceId(u16::MAX));
            level.routes.range(first..=last).next().map(|(_, route)| route)
        })
    }

    /// All routes: IPv4 before IPv6, the longest prefix first, then by network and metric.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.v4.iter().chain(&self.v6).flat_map(|level| level.routes.values())
    }

    fn levels_mut(&mut self, like: IpAddr) -> &mut Vec<Level> {
        if like.is_ipv4() { &mut self.v4 } else { &mut self.v6 }
    }
}

/// The place of the level of `prefix`, or where it would be.
fn find(levels: &[Level], prefix: u8) -> Result<usize, usize> {
    levels.binary_search_by(|level| prefix.cmp(&level.prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn cidr(text: &str) -> Cidr {
        text.parse().expect(text)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    #[test]
    fn the_longest_prefix_wins_then_the_lowest_metric() {
        let mut routes = Routes::new();
        assert_eq!(routes.lookup(ip("10.9.0.7")), None);
        routes.add(Route::on_link(cidr("10.9.0.1/24"), IfaceId(0)));
        routes.add(Route::default_via(ip("10.9.0.254"), IfaceId(0)));
        routes.add(Route::default_via(ip("fd00::1"), IfaceId(1)));
        let backup = Route { metric: 5, ..Route::default_via(ip("10.9.0.253"), IfaceId(1)) };
        routes.add(backup);
        routes.add(Route {
            dst: cidr("10.9.0.9/32"),
            via: Some(ip("10.9.0.250")),
            iface: IfaceId(0),
            metric: 9,
            origin: Origin::Static,
        });
        for (dst, hop) in [
            ("10.9.0.7", "10.9.0.7"),
            ("10.9.0.9", "10.9.0.250"),
            ("192.0.2.1", "10.9.0.254"),
            ("fd00:2::2", "fd00::1"),
        ] {
            let route = routes.lookup(ip(dst)).expect(dst);
            assert_eq!(route.next_hop(ip(dst)), ip(hop), "{dst}");
        }
        let all: Vec<String> = routes.iter().map(Route::to_string).collect();
        assert_eq!(
            all,
            [
                "10.9.0.9/32 via 10.9.0.250 dev 0 metric 9",
                "10.9.0.0/24 dev 0 metric 0",
                "default via 10.9.0.254 dev 0 metric 0",
                "default via 10.9.0.253 dev 1 metric 5",
                "default via fd00::1 dev 1 metric 0",
            ]
        );
        assert!(routes.remove(IfaceId(0), cidr("0.0.0.0/0"), 0).is_some());
        assert_eq!(routes.remove(IfaceId(0), cidr("0.0.0.0/0"), 0), None);
        assert_eq!(routes.lookup(ip("192.0.2.1")), Some(&backup));
        routes.retain(|route| route.iface != IfaceId(1));
        assert_eq!(routes.lookup(ip("192.0.2.1")), None);
        assert_eq!(routes.iter().count(), 2);
    }

    #[test]
    fn a_route_to_the_same_network_is_replaced() {
        let mut routes = Routes::new();
        let old = Route::default_via(ip("10.9.0.1"), IfaceId(0));
        assert_eq!(routes.add(old), None);
        assert_eq!(routes.add(Route::default_via(ip("10.9.0.2"), IfaceId(0))), Some(old));
        assert_eq!(routes.iter().count(), 1);
    }

    /// Few distinct addresses of both families, so that routes collide.
    fn addr() -> impl Strategy<Value = IpAddr> {
        (any::<bool>(), 0u32..8, 0u32..4).prop_map(|(v4, high, low)| match v4 {
            true => IpAddr::V4(Ipv4Addr::from_bits(high << 29 | low)),
            false => IpAddr::V6(Ipv6Addr::from_bits(u128::from(high) << 125 | u128::from(low))),
        })
    }

    proptest! {
        #[test]
        fn agrees_with_asking_every_route(
            ops in proptest::collection::vec(
                (addr(), 0u8..=128, 0u32..3, 0u16..2, any::<bool>()), 0..40,
            ),
            probes in proptest::collection::vec(addr(), 10),
        ) {
            let (mut ours, mut model) = (Routes::new(), Vec::<Route>::new());
            for (addr, prefix, metric, n, add) in ops {
                let iface = IfaceId(n);
                let prefix = if addr.is_ipv4() { prefix / 4 } else { prefix };
                let dst = Cidr::new(addr, prefix).expect("a prefix").network();
                let is_it = |r: &Route| (r.dst, r.metric, r.iface) == (dst, metric, iface);
                let at = model.iter().position(is_it);
                let old = at.map(|at| model.remove(at));
                if add {
                    let route = Route { dst, via: None, iface, metric, origin: Origin::Static };
                    model.push(route);
                    prop_assert_eq!(ours.add(route), old);
                } else {
                    prop_assert_eq!(ours.remove(iface, dst, metric), old);
                }
            }
            prop_assert_eq!(ours.iter().count(), model.len());
            for dst in probes {
                let matching = model.iter().filter(|r| r.dst.contains(dst));
                let best = matching.min_by_key(|r| (128 - r.dst.prefix(), r.metric, r.iface));
                prop_assert_eq!(ours.lookup(dst), best);
            }
        }
    }
}
