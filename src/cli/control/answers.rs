//! What a running host answers. The shapes are iproute2's where it has one.

use super::sockets::{self, Place};
use crate::base::{IfaceId, Instant, Mac};
use crate::ip::{Address, Origin, Route, Standing};
use crate::link::Neighbor;
use crate::net::Host;
use crate::stack::Stack;
use crate::wire::ethernet::group;
use crate::wire::igmp::ALL_HOSTS;
use crate::wire::nd::ALL_NODES;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv6Addr};

/// The version of questions and answers.
pub(in crate::cli) const VERSION: u64 = 1;

/// Answers questions about a host.
#[derive(Debug)]
pub(in crate::cli) struct Answerer {
    host: Host,
    dev: String,
}

/// A line that says what was wrong.
pub(super) fn error(what: &str) -> String {
    line(json!({ "version": VERSION, "error": what }))
}

fn line(value: Value) -> String {
    format!("{value}\n")
}

fn answer(key: &str, value: Value) -> String {
    line(json!({ "version": VERSION, key: value }))
}

impl Answerer {
    pub(in crate::cli) fn new(host: Host, dev: &str) -> Answerer {
        Answerer { host, dev: dev.to_owned() }
    }

    /// The lines that answer a question.
    pub(in crate::cli) fn answers(
        &self,
        question: &[u8],
    ) -> Box<dyn Iterator<Item = String> + Send + '_> {
        match self.understand(question) {
            Ok(Ask::Sockets) => Box::new(self.sockets()),
            Ok(ask) => Box::new(std::iter::once(self.at_once(ask))),
            Err(what) => Box::new(std::iter::once(error(&what))),
        }
    }

    fn understand(&self, question: &[u8]) -> Result<Ask, String> {
        let question: Value =
            serde_json::from_slice(question).map_err(|e| format!("not a line of JSON: {e}"))?;
        match &question["version"] {
            Value::Number(version) if version.as_u64() == Some(VERSION) => {}
            Value::Null => return Err("the question must say \"version\":1".into()),
            other => return Err(format!("version {other} is not spoken here, but 1")),
        }
        let ask = question["ask"].as_str().unwrap_or("");
        let known = ASKS.iter().find(|(name, _)| *name == ask).map(|(_, ask)| *ask);
        known.ok_or_else(|| {
            let names: Vec<_> = ASKS.iter().map(|(name, _)| *name).collect();
            format!("\"ask\" must be one of {}", names.join(", "))
        })
    }

    fn at_once(&self, ask: Ask) -> String {
        match ask {
            Ask::Host => answer("host", self.identity()),
            Ask::Links => answer("links", self.host.with(|stack, now| links(stack, now))),
            Ask::Routes => answer("routes", self.host.with(|stack, now| routes(stack, now))),
            // Each is { "dst", "dev", "lladdr", "state": [..] }.
            Ask::Neighbours => answer("neighbours", self.host.with(|stack, _| neighbours(stack))),
            Ask::Groups => answer("groups", self.host.with(|stack, _| groups(stack))),
            Ask::Counters => {
                let counters = self.host.with(|stack, _| stack.counters());
                // In order: an object would not keep it.
                answer("counters", json!(counters))
            }
            Ask::Sockets => answer("sockets", json!([])),
        }
    }

    fn identity(&self) -> Value {
        let netns = std::fs::read_link("/proc/self/ns/net").unwrap_or_default();
        json!({
            "dev": self.dev,
            "pid": std::process::id(),
            "netns": netns.to_string_lossy(),
            "netglass": env!("CARGO_PKG_VERSION"),
        })
    }

    /// Page by page, so that whoever asks holds nobody up.
    fn sockets(&self) -> impl Iterator<Item = String> + Send + '_ {
        let mut next = Some(Place::START);
        std::iter::from_fn(move || {
            let from = next?;
            let ((page, then), names) = self.host.with(|stack, now| {
                let names: Vec<_> = stack.ifaces().map(|iface| iface.name.clone()).collect();
                (sockets::page(stack, now, from), names)
            });
            next = then;
            let page = Value::from_iter(page.into_iter().map(|seen| {
                let zone = seen.zone().and_then(|zone| names.get(zone as usize - 1));
                let mut shown = seen.into_json();
                if let Some(zone) = zone {
                    shown["zone"] = json!(zone);
                }
                shown
            }));
            Some(match next {
                Some(_) => line(json!({ "version": VERSION, "sockets": page, "more": true })),
                None => answer("sockets", page),
            })
        })
    }
}

/// What can be asked.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Ask {
    Host,
    Sockets,
    Links,
    Routes,
    Neighbours,
    Groups,
    Counters,
}

const ASKS: &[(&str, Ask)] = &[
    ("host", Ask::Host),
    ("sockets", Ask::Sockets),
    ("links", Ask::Links),
    ("routes", Ask::Routes),
    ("neighbours", Ask::Neighbours),
    ("groups", Ask::Groups),
    ("counters", Ask::Counters),
];

/// The interfaces, as `ip -j -s addr` shows them.
fn links(stack: &Stack, now: Instant) -> Value {
    let (totals, dropped) = (stack.totals(), stack.drops().total());
    // What passed is counted for the host as a whole.
    let only = stack.ifaces().count() == 1;
    let link = |(n, iface): (usize, &crate::stack::IfaceSetup)| {
        let own = stack.addresses().filter(|(iface, _)| usize::from(iface.0) == n);
        let own = own.map(|(_, own)| address(own, &iface.name, now));
        let mut link = json!({
            "ifindex": n + 1,
            "ifname": iface.name,
            "flags": ["POINTOPOINT", "MULTICAST", "NOARP", "UP", "LOWER_UP"],
            "mtu": iface.mtu,
            "operstate": "UNKNOWN",
            "link_type": "none",
            "addr_info": own.collect::<Value>(),
        });
        if let Some(mac) = stack.mac(IfaceId(n as u16)) {
            link["flags"] = json!(["BROADCAST", "MULTICAST", "UP", "LOWER_UP"]);
            link["operstate"] = json!("UP");
            link["link_type"] = json!("ether");
            link["address"] = json!(mac.to_string());
            link["broadcast"] = json!(Mac::BROADCAST.to_string());
        }
        if only {
            link["stats64"] = json!({
                "rx": {
                    "bytes": totals.bytes_in, "packets": totals.frames_in,
                    "errors": 0, "dropped": dropped,
                },
                "tx": {
                    "bytes": totals.bytes_out, "packets": totals.frames_out,
                    "errors": 0, "dropped": 0,
                },
            });
        }
        link
    };
    stack.ifaces().enumerate().map(link).collect()
}

fn address(own: &Address, label: &str, now: Instant) -> Value {
    let scope = match own.addr() {
        IpAddr::V4(addr) if addr.is_loopback() => "host",
        IpAddr::V4(addr) if addr.is_link_local() => "link",
        IpAddr::V6(addr) if addr.is_loopback() => "host",
        IpAddr::V6(addr) if addr.is_unicast_link_local() => "link",
        _ => "global",
    };
    let family = if own.addr().is_ipv4() { "inet" } else { "inet6" };
    let left = |until: Option<Instant>| match until {
        Some(until) => until.since(now).as_secs().min(u64::from(u32::MAX)),
        None => u64::from(u32::MAX),
    };
    let mut shown = json!({
        "family": family, "local": own.addr(), "prefixlen": own.cidr.prefix(), "scope": scope,
        "valid_life_time": left(own.valid_until), "preferred_life_time": left(own.preferred_until),
    });
    if let Some(broadcast) = own.cidr.broadcast() {
        shown["broadcast"] = json!(broadcast);
    }
    if own.addr().is_ipv4() {
        shown["label"] = json!(label);
    }
    let flags = [
        ("dadfailed", own.standing == Standing::Duplicate),
        ("deprecated", own.deprecated),
        ("tentative", own.standing != Standing::Usable),
        ("dynamic", matches!(own.origin, Origin::Dhcp | Origin::Ra)),
    ];
    for (flag, _) in flags.iter().filter(|(_, set)| *set) {
        shown[*flag] = json!(true);
    }
    shown
}

/// The neighbours, as `ip -j neigh` shows them.
fn neighbours(stack: &Stack) -> Value {
    let names: Vec<_> = stack.ifaces().map(|iface| iface.name.clone()).collect();
    let show = |(iface, neighbor): (IfaceId, Neighbor)| {
        let mut shown = json!({
            "dst": neighbor.addr,
            "dev": names.get(usize::from(iface.0)),
            "state": [neighbor.state.to_string()],
        });
        if let Some(mac) = neighbor.mac {
            shown["lladdr"] = json!(mac.to_string());
        }
        if stack.is_router(iface, neighbor.addr) {
            shown["router"] = Value::Null; // as there
        }
        shown
    };
    stack.neighbors().map(show).collect()
}

/// What routers say of a route of IPv6.
fn say_terms(stack: &Stack, now: Instant, route: &Route, shown: &mut Value) {
    let terms = stack.route_terms(route);
    if let Some(until) = terms.and_then(|terms| terms.until) {
        shown["expires"] = json!(until.since(now).as_secs());
    }
    let hops = stack.hop_limit(route.iface).filter(|_| route.origin == Origin::Ra);
    if let Some(hops) = hops {
        shown["metrics"] = json!([{ "hoplimit": hops }]);
    }
    let preference = terms.map(|terms| terms.preference).unwrap_or_default();
    shown["pref"] = json!(preference.name());
}

/// The groups of the interfaces, as `ip -j maddr` shows them: those of their links first, those
/// that every host is in last.
fn groups(stack: &Stack) -> Value {
    let show = |(n, iface): (usize, &crate::stack::IfaceSetup)| {
        let joined = stack.groups().filter(|(at, ..)| usize::from(at.0) == n);
        let mut joined: Vec<_> = joined.map(|(_, group, users)| (group, users)).collect();
        let common: [IpAddr; 3] =
            [ALL_HOSTS.into(), ALL_NODES.into(), Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 1).into()];
        for group in common {
            match joined.iter_mut().find(|(known, _)| *known == group) {
                Some((_, users)) => *users += 1,
                None => joined.push((group, 1)),
            }
        }
        joined.sort_by_key(|(group, _)| group.is_ipv6());
        let mut shown = Vec::new();
        if stack.mac(IfaceId(n as u16)).is_some() {
            let mut macs: Vec<_> = joined.iter().filter_map(|(addr, _)| group(*addr)).collect();
            macs.sort_unstable();
            macs.dedup();
            shown.extend(macs.into_iter().map(|mac| json!({ "link": mac.to_string() })));
        }
        for (group, users) in joined {
            let family = if group.is_ipv4() { "inet" } else { "inet6" };
            let mut one = json!({ "family": family, "address": group });
            if users > 1 {
                one["users"] = json!(users);
            }
            shown.push(one);
        }
        json!({ "ifindex": n + 1, "ifname": iface.name, "maddr": shown })
    };
    stack.ifaces().enumerate().map(show).collect()
}

/// The routes, as `ip -j route` shows them.
fn routes(stack: &Stack, now: Instant) -> Value {
    let ifaces: Vec<_> = stack.ifaces().collect();
    let addresses: Vec<_> = stack.addresses().collect();
    let show = |route: &Route| {
        let iface = ifaces.get(usize::from(route.iface.0));
        let dst = match route.dst.prefix() {
            0 => "default".to_owned(),
            _ => route.dst.to_string(),
        };
        let mut shown = json!({ "dst": dst, "flags": [] });
        if let Some(via) = route.via {
            shown["gateway"] = json!(via);
        }
        if let Some(iface) = iface {
            shown["dev"] = json!(iface.name);
        }
        let is_its = |(at, own): &&(IfaceId, &Address)| {
            *at == route.iface && route.via.is_none() && own.cidr.network() == route.dst
        };
        if route.origin != Origin::Static {
            shown["protocol"] = json!(route.origin.name());
        }
        let of_network = addresses.iter().find(is_its).filter(|_| route.dst.addr().is_ipv4());
        if let Some((_, own)) = of_network {
            shown["scope"] = json!("link");
            shown["prefsrc"] = json!(own.addr());
        }
        if route.metric > 0 {
            shown["metric"] = json!(route.metric);
        }
        if route.dst.addr().is_ipv6() {
            say_terms(stack, now, route, &mut shown);
        }
        shown
    };
    let mut routes: Vec<&Route> = stack.routes().iter().collect();
    routes.sort_by_key(|route| route.dst.prefix()); // the default route first, as there
    routes.into_iter().map(show).collect()
}
