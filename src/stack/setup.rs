//! What a host is made of: everything a replay needs to make it again.

use crate::base::ports::Ephemeral;
use crate::base::{IfaceId, Mac};
use crate::ip::{Cidr, Route};
use crate::link::{self, Advertise};
use crate::tcp;

/// An interface.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct IfaceSetup {
    /// Its name, for people.
    pub name: String,
    /// Largest IP packet, bytes, 68..=65535 (less counts as 68).
    pub mtu: u16,
    /// The addresses it starts with.
    pub addrs: Vec<Cidr>,
    /// The longest super-segment the device takes, payload bytes; 0: none.
    pub gso_max: u32,
    /// Whether the device completes checksums.
    pub checksum_offload: bool,
    /// What carries its packets.
    pub link: LinkSetup,
}

/// What carries an interface's packets.
#[derive(Clone, PartialEq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum LinkSetup {
    /// Nothing: frames are packets.
    #[default]
    Ip,
    /// Ethernet frames, with neighbours.
    Ethernet(Ethernet),
}

/// An interface on an Ethernet.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Ethernet {
    /// Its address.
    pub mac: Mac,
    /// The VLAN that it is the interface of; `None`: frames without a tag.
    pub vlan: Option<Vlan>,
    /// Ask whether anybody has its IPv4 addresses before they are used (RFC 5227 §2.1). Default
    /// false: they are used at once, and announced.
    pub probe: bool,
    /// How often an IPv6 address is asked about before it is used (RFC 4862 §5.1,
    /// DupAddrDetectTransmits); 0: not at all. Default 1.
    pub dad_transmits: u32,
    /// Make a link-local address, ask for routers, and heed what they tell: addresses, the default
    /// route, name servers (RFC 4862). Default false.
    pub autoconf: bool,
    /// The knobs of its neighbour cache.
    pub neighbors: link::Config,
    /// What hosts of the link are told, if this host is to be their router of IPv6; it then makes a
    /// link-local address, too. Default `None`.
    pub advertise: Option<Box<Advertise>>,
}

impl Ethernet {
    /// An interface that uses its addresses at once, with the default knobs.
    pub fn new(mac: Mac) -> Ethernet {
        let (probe, autoconf, neighbors) = (false, false, link::Config::default());
        let (vlan, dad_transmits, advertise) = (None, 1, None);
        Ethernet { mac, vlan, probe, dad_transmits, autoconf, neighbors, advertise }
    }
}

/// A VLAN (IEEE 802.1Q) of another interface's link.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Vlan {
    /// The interface by whose device the tagged frames come and go.
    pub parent: IfaceId,
    /// The VLAN's number, 1..=4094.
    pub id: u16,
}

/// Payload bytes of the longest super-segment: 65 535 less the largest headers, IPv4's (20), or
/// IPv6's (40), and TCP's (60).
const GSO_MAX: u32 = 65_535 - 100;

/// A host.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Setup {
    /// The key of the host's chance: secret on a real network, a seed in a run that must repeat.
    pub key: [u64; 2],
    /// The knobs of TCP connections.
    pub tcp: tcp::Config,
    /// The interfaces; [`crate::base::IfaceId`] counts them from 0.
    pub ifaces: Vec<IfaceSetup>,
    /// The routes besides those to the interfaces' own networks.
    pub routes: Vec<Route>,
    /// The most TCP connections at a time, TIME-WAIT included. Default 262 144.
    pub connections_max: u32,
    /// Bytes that the queues of all TCP connections together may hold before each gets by on its
    /// share (Linux: `tcp_mem`). Default 512 MiB.
    pub tcp_memory: u64,
    /// Ports of connections that did not ask for one. Default 32768..=60999 (as Linux).
    pub ephemeral: Ephemeral,
    /// Challenge ACKs, and answers to unacceptable segments without data, that all TCP connections
    /// together send in a second, and as many at once (Linux: `tcp_challenge_ack_limit`). Default
    /// `None`, as Linux: each connection has its own limit (RFC 5961 §7), and one for all would
    /// tell whoever uses it up what others send (CVE-2016-5696). Peers' probes are answered anyhow.
    pub challenge_rate: Option<u32>,
    /// ICMP errors per second. Default 1000 (as Linux `icmp_msgs_per_sec`).
    pub icmp_rate: u32,
    /// ICMP errors in a burst. Default 50 (as Linux `icmp_msgs_burst`).
    pub icmp_burst: u32,
    /// Pass on packets for others: be a router (as Linux `ip_forward` and
    /// `ipv6.conf.all.forwarding` together). Default false.
    pub forwarding: bool,
    /// Which of several hosts of a run it is: the numbers of its events are told from theirs by
    /// that, and frames carry these numbers ([`crate::base::Frame::origin`]), so that what arrives
    /// names what sent it as its cause. Default 0.
    #[cfg_attr(feature = "record", serde(skip))]
    pub host: u16,
}

impl Setup {
    /// A host without interfaces, with the default knobs.
    pub fn new(key: [u64; 2]) -> Setup {
        Setup {
            key,
            tcp: tcp::Config::default(),
            ifaces: Vec::new(),
            routes: Vec::new(),
            connections_max: 262_144,
            tcp_memory: 512 << 20,
            ephemeral: Ephemeral::default(),
            challenge_rate: None,
            icmp_rate: 1000,
            icmp_burst: 50,
            forwarding: false,
            host: 0,
        }
    }

    /// With another interface of `mtu` bytes and one address.
    #[must_use]
    pub fn with_iface(mut self, name: &str, mtu: u16, addr: Cidr) -> Setup {
        let (gso_max, checksum_offload) = (0, false);
        let name = name.to_owned();
        let (addrs, link) = (vec![addr], LinkSetup::Ip);
        self.ifaces.push(IfaceSetup { name, mtu, addrs, gso_max, checksum_offload, link });
        self
    }

    /// With Ethernet under the interface that was added last.
    #[must_use]
    pub fn on_ethernet(mut self, ethernet: Ethernet) -> Setup {
        if let Some(iface) = self.ifaces.last_mut() {
            iface.link = LinkSetup::Ethernet(ethernet);
        }
        self
    }

    /// With packets for others passed on.
    #[must_use]
    pub fn as_router(self) -> Setup {
        Setup { forwarding: true, ..self }
    }

    /// Whether the interfaces keep to their bounds, as whoever makes a set-up sees to.
    pub fn is_possible(&self) -> bool {
        let fits = |iface: &IfaceSetup| {
            let vlan = match &iface.link {
                LinkSetup::Ethernet(ethernet) => ethernet.vlan,
                LinkSetup::Ip => None,
            };
            usize::from(iface.mtu) >= crate::wire::ipv4::MIN_MTU
                && iface.gso_max <= GSO_MAX
                && vlan.is_none_or(|vlan| usize::from(vlan.parent.0) < self.ifaces.len())
        };
        self.ifaces.iter().all(fits)
    }

    /// With super-segments of up to 65 483 bytes and checksum offload on every interface.
    #[must_use]
    pub fn with_offload(mut self) -> Setup {
        for iface in &mut self.ifaces {
            iface.gso_max = GSO_MAX;
            iface.checksum_offload = true;
        }
        self
    }
}
