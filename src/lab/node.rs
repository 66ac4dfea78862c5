//! `[node.NAME]`: hosts, routers, hubs and switches.

use super::tree::{At, Fields, Item, Key, Value, refused, suggest};
use super::{Mistake, knobs, words};
use crate::base::{Duration, Mac, Medium};
use crate::ip::Cidr;
use crate::tcp;
use std::net::IpAddr;

/// What a node is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A host: it runs programs.
    Host,
    /// A host that forwards packets.
    Router,
    /// A repeater.
    Hub,
    /// A learning bridge with VLANs.
    Switch,
}

impl Kind {
    const ALL: [(&str, Kind); 4] = [
        ("host", Kind::Host),
        ("router", Kind::Router),
        ("hub", Kind::Hub),
        ("switch", Kind::Switch),
    ];

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Host => "host",
            Kind::Router => "router",
            Kind::Hub => "hub",
            Kind::Switch => "switch",
        }
    }

    /// Whether it has addresses, routes and programs.
    pub fn is_host(self) -> bool {
        matches!(self, Kind::Host | Kind::Router)
    }
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) at: At,
}

/// A route as it is written.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) dst: Cidr,
    pub(super) via: IpAddr,
}

/// The VLANs of a switch's port as they are written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Vlans {
    /// One, without tags.
    Access(u16),
    /// These with tags (`None`: all), and the native one without.
    Trunk { native: Option<u16>, only: Option<Vec<u16>> },
}

/// A node of the network.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    pub(super) at: At,
    pub(super) medium: Medium,
    pub(super) tcp: tcp::Config,
    /// By interface: the addresses that are written; `None`: none are, and they are worked out.
    pub(super) addrs: Option<Vec<Vec<Placed<Cidr>>>>,
    pub(super) macs: Vec<Placed<Mac>>,
    pub(super) gateway: Option<Placed<IpAddr>>,
    /// `None`: nothing is said, and they are worked out.
    pub(super) routes: Option<Vec<Placed<Way>>>,
    /// By port, which is a number, or the name of the node or link there.
    pub(super) vlans: Vec<(Key, Vlans)>,
    pub(super) ageing: Option<Duration>,
    pub(super) stations: Option<usize>,
    /// Ports of a hub or switch, when it is said how many.
    pub(super) ports: Option<u16>,
}

/// What all nodes have unless they say otherwise.
pub(super) struct Common {
    pub(super) medium: Medium,
    pub(super) tcp: tcp::Config,
}

pub(super) const MEDIUM: &str = "ethernet or ip";

pub(super) fn medium(word: &str) -> Option<Medium> {
    match word {
        "ethernet" => Some(Medium::Ethernet),
        "ip" => Some(Medium::Ip),
        _ => None,
    }
}

/// Whether a name can stand in queries and on command lines.
pub(super) fn name(key: &Key, what: &str) -> Result<String, Mistake> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if key.name.is_empty() || !key.name.chars().all(good) {
        let told = format!(
            "\"{}\" cannot be the name of a {what}: expected letters, digits, - and _",
            key.name
        );
        return Err(Mistake::new(&key.at, told));
    }
    Ok(key.name.clone())
}

impl Node {
    pub(super) fn read(key: &Key, item: &Item, common: &Common) -> Result<Node, Mistake> {
        let name = name(key, "node")?;
        let mut fields = Fields::of(format!("[node.{name}]"), item)?;
        let kinds = Kind::ALL.map(|(word, _)| word);
        let kind = match fields.text("kind")? {
            None => Kind::Host,
            Some(word) => match Kind::ALL.into_iter().find(|(known, _)| *known == word) {
                Some((_, kind)) => kind,
                None => {
                    let what = format!("there is no kind of node \"{word}\"");
                    let at = fields.item("kind").map_or(&key.at, |item| &item.at);
                    return Err(Mistake::new(at, suggest(&what, word, kinds.iter())));
                }
            },
        };
        let mut node = Node {
            name,
            kind,
            at: key.at.clone(),
            medium: common.medium,
            tcp: common.tcp.clone(),
            addrs: None,
            macs: Vec::new(),
            gateway: None,
            routes: None,
            vlans: Vec::new(),
            ageing: None,
            stations: None,
            ports: None,
        };
        match kind.is_host() {
            true => node.host(&mut fields)?,
            false => node.bridge(&mut fields)?,
        }
        fields.done()?;
        Ok(node)
    }

    fn host(&mut self, fields: &mut Fields<'_>) -> Result<(), Mistake> {
        if let Some(medium) = fields.read("medium", MEDIUM, medium)? {
            self.medium = medium;
        }
        if let Some(item) = fields.item("tcp") {
            knobs::turn(&mut self.tcp, &format!("[node.{}.tcp]", self.name), item)?;
        }
        if let Some(item) = fields.item("addr") {
            let ifaces = item.list().iter().map(|item| item.list().iter().map(addr).collect());
            self.addrs = Some(ifaces.collect::<Result<_, _>>()?);
        }
        for item in fields.item("mac").map(Item::list).unwrap_or_default() {
            let expected = "a unicast Ethernet address such as 02:00:00:00:00:01";
            let mac = value("mac", item, expected, |word| word.parse::<Mac>().ok())?;
            if !mac.value.is_unicast() {
                return Err(item.wrong(refused("mac", item.word().as_deref(), expected)));
            }
            self.macs.push(mac);
        }
        if let Some(item) = fields.item("gateway") {
            self.gateway = Some(value("gateway", item, ADDR, |word| word.parse().ok())?);
        }
        if let Some(item) = fields.item("routes") {
            self.routes = Some(item.list().iter().map(route).collect::<Result<_, _>>()?);
        }
        Ok(())
    }

    fn bridge(&mut self, fields: &mut Fields<'_>) -> Result<(), Mistake> {
        self.medium = Medium::Ethernet;
        let most = |word: &str| word.parse().ok().filter(|n| (1..=4096).contains(n));
        self.ports = fields.read("ports", "a number of ports from 1 to 4096", most)?;
        if self.kind == Kind::Hub {
            return Ok(());
        }
        self.ageing = fields.read("ageing", words::TIME, words::time)?;
        self.stations = fields.read("table_max", "a number of stations", |w| w.parse().ok())?;
        let Some(item) = fields.item("vlan") else { return Ok(()) };
        let Value::Table(table) = &item.value else {
            let what =
                "vlan must be a table: expected PORT = 10, or PORT = \"trunk 10,20 native 1\"";
            return Err(item.wrong(what));
        };
        for (key, item) in &table.0 {
            let word = item.word().unwrap_or_default();
            let Some(read) = vlans(&word) else {
                return Err(item.wrong(refused(&key.name, Some(&word), VLANS)));
            };
            self.vlans.push((key.clone(), read));
        }
        Ok(())
    }
}

const ADDR: &str = "an address such as 10.0.0.1";
const ROUTE: &str = "a route such as \"10.0.2.0/24 via 10.0.1.1\" or \"default via 10.0.1.1\"";
const VLANS: &str = "a VLAN from 1 to 4094, or \"trunk\", \"trunk 10,20\", \"trunk 10 native 1\"";

/// Reads a single value.
fn value<T>(
    key: &str,
    item: &Item,
    expected: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Placed<T>, Mistake> {
    let word = item.word();
    match word.as_deref().and_then(read) {
        Some(value) => Ok(Placed { value, at: item.at.clone() }),
        None => Err(item.wrong(refused(key, word.as_deref(), expected))),
    }
}

/// An interface's address, which must be one that a host can have.
fn addr(item: &Item) -> Result<Placed<Cidr>, Mistake> {
    let placed = value("addr", item, "an address and prefix such as 10.0.0.1/24", |word| {
        word.contains('/').then(|| word.parse::<Cidr>().ok()).flatten()
    })?;
    let cidr = placed.value;
    let why = match cidr.addr() {
        addr if addr.is_multicast() => "it is a group's",
        addr if addr.is_unspecified() => "it means nobody",
        addr if addr.is_loopback() => "it never leaves a host",
        IpAddr::V4(addr) if addr.is_broadcast() => "it means everybody",
        addr if cidr.broadcast() == Some(addr) => "it is the broadcast address of its network",
        addr if addr.is_ipv4() && cidr.prefix() < 31 && cidr.network().addr() == addr => {
            "it is the network itself"
        }
        _ => return Ok(placed),
    };
    Err(item.wrong(format!("{cidr} cannot be an interface's address: {why}")))
}

/// `10.0.2.0/24 via 10.0.1.1`.
fn route(item: &Item) -> Result<Placed<Way>, Mistake> {
    value("routes", item, ROUTE, |word| {
        let (dst, via) = word.split_once(" via ")?;
        let via: IpAddr = via.trim().parse().ok()?;
        let dst = match dst.trim() {
            "default" => Cidr::all(via),
            dst => dst.parse::<Cidr>().ok()?.network(),
        };
        (dst.addr().is_ipv4() == via.is_ipv4()).then_some(Way { dst, via })
    })
}

/// `10`, `trunk`, `trunk 10,20 native 1`.
fn vlans(text: &str) -> Option<Vlans> {
    let id = |word: &str| word.parse().ok().filter(|id| (1..=4094).contains(id));
    let mut words = text.split_whitespace().peekable();
    if words.next_if_eq(&"trunk").is_none() {
        let access = id(words.next()?)?;
        return words.next().is_none().then_some(Vlans::Access(access));
    }
    let list = words.next_if(|word| *word != "native");
    let only = match list {
        Some(list) => Some(list.split(',').map(id).collect::<Option<Vec<u16>>>()?),
        None => None,
    };
    let native = match words.next() {
        Some(_) => Some(id(words.next()?)?),
        None => None,
    };
    words.next().is_none().then_some(Vlans::Trunk { native, only })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vlans_of_ports() {
        let trunk = |native, only: Option<&[u16]>| {
            Some(Vlans::Trunk { native, only: only.map(<[u16]>::to_vec) })
        };
        let table = [
            ("10", Some(Vlans::Access(10))),
            ("trunk", trunk(None, None)),
            ("trunk 10,20", trunk(None, Some(&[10, 20]))),
            ("trunk native 1", trunk(Some(1), None)),
            ("trunk 10 native 1", trunk(Some(1), Some(&[10]))),
            ("0", None),
            ("4095", None),
            ("trunk 10 20", None),
            ("trunk native", None),
            ("10 20", None),
            ("", None),
        ];
        for (text, read) in table {
            assert_eq!(vlans(text), read, "{text:?}");
        }
    }
}
