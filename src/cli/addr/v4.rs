//! The facts of an IPv4 address.

use super::Fact;
use crate::ip::Cidr;
use std::net::{IpAddr, Ipv4Addr};

/// Blocks with a meaning of their own, the narrower before the wider (RFC 6890 and its registry).
const KINDS: &[(&str, &str)] = &[
    ("0.0.0.0/32", "unspecified (RFC 1122 §3.2.1.3)"),
    ("0.0.0.0/8", "\"this network\" (RFC 791 §3.2)"),
    ("10.0.0.0/8", "private (RFC 1918)"),
    ("100.64.0.0/10", "shared, behind a carrier's NAT (RFC 6598)"),
    ("127.0.0.0/8", "loopback (RFC 1122 §3.2.1.3)"),
    ("169.254.0.0/16", "link-local (RFC 3927)"),
    ("172.16.0.0/12", "private (RFC 1918)"),
    ("192.0.0.0/24", "protocol assignments (RFC 6890)"),
    ("192.0.2.0/24", "documentation (RFC 5737)"),
    ("192.88.99.0/24", "6to4 relays, deprecated (RFC 7526)"),
    ("192.168.0.0/16", "private (RFC 1918)"),
    ("198.18.0.0/15", "benchmarking (RFC 2544)"),
    ("198.51.100.0/24", "documentation (RFC 5737)"),
    ("203.0.113.0/24", "documentation (RFC 5737)"),
    ("224.0.0.0/24", "multicast, link-local (RFC 5771)"),
    ("232.0.0.0/8", "multicast, source-specific (RFC 4607)"),
    ("239.0.0.0/8", "multicast, administratively scoped (RFC 2365)"),
    ("224.0.0.0/4", "multicast (RFC 5771)"),
    ("255.255.255.255/32", "limited broadcast (RFC 919)"),
    ("240.0.0.0/4", "reserved (RFC 1112 §4)"),
];

pub(super) fn facts(addr: Ipv4Addr, prefix: Option<u8>) -> Vec<Fact> {
    let (class, natural) = class(addr);
    let mut facts: Vec<Fact> = vec![
        ("Address", addr.to_string().into()),
        ("Class", class.into()),
        ("Kind", kind(addr).into()),
    ];
    if let Some(own) = natural.and_then(|prefix| Cidr::new(addr.into(), prefix).ok()) {
        facts.push(("Class network", own.network().to_string().into()));
    }
    if let Some(prefix) = prefix {
        facts.extend(network(addr, prefix));
    }
    if let Some(mac) = multicast_mac(addr) {
        facts.push(("Multicast MAC", mac.into()));
    }
    let [a, b, c, d] = addr.octets();
    facts.extend([
        ("Binary", binary(addr).into()),
        ("Integer", addr.to_bits().into()),
        ("Hex", format!("0x{:08x}", addr.to_bits()).into()),
        ("Reverse DNS", format!("{d}.{c}.{b}.{a}.in-addr.arpa").into()),
    ]);
    facts
}

/// The class (RFC 791 §2.3, RFC 1112 §4) and the prefix length of its networks.
fn class(addr: Ipv4Addr) -> (&'static str, Option<u8>) {
    match addr.octets()[0] {
        0..=127 => ("A", Some(8)),
        128..=191 => ("B", Some(16)),
        192..=223 => ("C", Some(24)),
        224..=239 => ("D", None),
        240..=255 => ("E", None),
    }
}

fn kind(addr: Ipv4Addr) -> &'static str {
    let holds = |block: &str| block.parse::<Cidr>().is_ok_and(|block| block.contains(addr.into()));
    let known = KINDS.iter().find(|(block, _)| holds(block));
    known.map_or("public", |(_, kind)| kind)
}

fn network(addr: Ipv4Addr, prefix: u8) -> Vec<Fact> {
    let mask = mask(prefix);
    let (first, last) = (addr.to_bits() & mask, addr.to_bits() | !mask);
    // The two edges of a network are no hosts, where there is room for them (RFC 3021).
    let edge = u32::from(prefix < 31);
    let show = |bits: u32| Ipv4Addr::from_bits(bits).to_string();
    let hosts = u64::from(last - first) + 1 - 2 * u64::from(edge);
    let mut facts: Vec<Fact> = vec![
        ("Network", format!("{}/{prefix}", show(first)).into()),
        ("Netmask", show(mask).into()),
        ("Wildcard", show(!mask).into()),
    ];
    if let Some(IpAddr::V4(broadcast)) =
        Cidr::new(addr.into(), prefix).ok().and_then(Cidr::broadcast)
    {
        facts.push(("Broadcast", broadcast.to_string().into()));
    }
    facts.extend([
        ("First host", show(first + edge).into()),
        ("Last host", show(last - edge).into()),
        ("Hosts", hosts.into()),
    ]);
    facts
}

/// The first `prefix` bits set.
fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

/// The prefix length that a netmask says.
pub(super) fn prefix_of_mask(netmask: Ipv4Addr) -> Result<u8, String> {
    let bits = netmask.to_bits();
    let ones = bits.leading_ones() as u8;
    if bits == mask(ones) {
        return Ok(ones);
    }
    let zeros = bits.leading_zeros() as u8;
    if bits == !mask(zeros) {
        let meant = Ipv4Addr::from_bits(mask(zeros));
        return Err(format!("{netmask} is a wildcard, not a netmask: write /{meant} or /{zeros}"));
    }
    Err(format!("{netmask} is not a netmask: all its ones must come first"))
}

fn binary(addr: Ipv4Addr) -> String {
    addr.octets().map(|octet| format!("{octet:08b}")).join(".")
}

/// Where Ethernet carries a group (RFC 1112 §6.4): the low 23 bits behind 01:00:5e.
fn multicast_mac(addr: Ipv4Addr) -> Option<String> {
    let [_, b, c, d] = addr.octets();
    addr.is_multicast().then(|| format!("01:00:5e:{:02x}:{c:02x}:{d:02x}", b & 0x7f))
}
