//! The facts of an IPv6 address.

use super::Fact;
use crate::ip::Cidr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Blocks with a meaning of their own, the narrower before the wider: name and scope (RFC 4291
/// §2.4, RFC 6890 and its registry, RFC 4007 §4).
const KINDS: &[(&str, &str, &str)] = &[
    ("::/128", "unspecified (RFC 4291 §2.5.2)", "none"),
    ("::1/128", "loopback (RFC 4291 §2.5.3)", "link-local"),
    ("::ffff:0:0/96", "IPv4-mapped (RFC 4291 §2.5.5.2)", "none"),
    ("::/96", "IPv4-compatible, deprecated (RFC 4291 §2.5.5.1)", "none"),
    ("64:ff9b::/96", "IPv4 behind a translator (RFC 6052)", "global"),
    ("64:ff9b:1::/48", "IPv4 behind a local translator (RFC 8215)", "global"),
    ("100::/64", "discard-only (RFC 6666)", "global"),
    ("2001::/32", "Teredo (RFC 4380)", "global"),
    ("2001:2::/48", "benchmarking (RFC 5180)", "global"),
    ("2001:20::/28", "ORCHIDv2 (RFC 7343)", "global"),
    ("2001:db8::/32", "documentation (RFC 3849)", "global"),
    ("2002::/16", "6to4 (RFC 3056)", "global"),
    ("3fff::/20", "documentation (RFC 9637)", "global"),
    ("2000::/3", "global unicast (RFC 4291 §2.5.4)", "global"),
    ("fc00::/7", "unique local (RFC 4193)", "global"),
    ("fe80::/10", "link-local (RFC 4291 §2.5.6)", "link-local"),
    ("fec0::/10", "site-local, deprecated (RFC 3879)", "site-local"),
    ("ff00::/8", "multicast (RFC 4291 §2.7)", ""),
    ("::/0", "reserved (RFC 4291 §2.4)", "global"),
];

pub(super) fn facts(addr: Ipv6Addr, prefix: Option<u8>, zone: Option<&str>) -> Vec<Fact> {
    let (kind, scope) = kind(addr);
    let mut facts: Vec<Fact> = vec![
        // The standard library writes addresses as RFC 5952 wants them.
        ("Address", addr.to_string().into()),
        ("Expanded", expanded(addr).into()),
        ("Kind", kind.into()),
        ("Scope", scope.into()),
    ];
    if let Some(zone) = zone {
        facts.push(("Zone", zone.into()));
    }
    if let Some(prefix) = prefix {
        facts.extend(network(addr, prefix));
    }
    if let Some(inner) = embedded(addr) {
        facts.push(("IPv4 inside", inner.to_string().into()));
    }
    if let Some(mac) = eui64(addr) {
        facts.push(("MAC by EUI-64", mac.into()));
    }
    if addr.is_multicast() {
        facts.push(("Flags", flags(addr).into()));
        facts.push(("Multicast MAC", multicast_mac(addr).into()));
    } else if !addr.is_unspecified() && !addr.is_loopback() {
        let group = solicited_node(addr);
        facts.push(("Solicited-node group", group.to_string().into()));
        facts.push(("Solicited-node MAC", multicast_mac(group).into()));
    }
    facts.extend([
        ("Integer", addr.to_bits().to_string().into()),
        ("Hex", format!("0x{:032x}", addr.to_bits()).into()),
        ("Reverse DNS", reverse(addr).into()),
    ]);
    facts
}

fn kind(addr: Ipv6Addr) -> (&'static str, &'static str) {
    let holds = |block: &str| block.parse::<Cidr>().is_ok_and(|block| block.contains(addr.into()));
    let known = KINDS.iter().find(|(block, ..)| holds(block));
    let (_, kind, scope) = known.copied().unwrap_or(("", "reserved (RFC 4291 §2.4)", "global"));
    (kind, if addr.is_multicast() { multicast_scope(addr) } else { scope })
}

/// RFC 7346 §2.
fn multicast_scope(addr: Ipv6Addr) -> &'static str {
    match addr.octets()[1] & 0xf {
        1 => "interface-local",
        2 => "link-local",
        3 => "realm-local",
        4 => "admin-local",
        5 => "site-local",
        8 => "organization-local",
        0xe => "global",
        0 | 0xf => "reserved",
        _ => "unassigned",
    }
}

/// RFC 4291 §2.7, RFC 3306 §4, RFC 3956 §3.
fn flags(addr: Ipv6Addr) -> String {
    let flags = addr.octets()[1] >> 4;
    let mut names = vec![if flags & 1 == 0 { "well-known" } else { "transient" }];
    names.extend((flags & 2 != 0).then_some("based on a prefix"));
    names.extend((flags & 4 != 0).then_some("with a rendezvous point"));
    names.join(", ")
}

fn network(addr: Ipv6Addr, prefix: u8) -> Vec<Fact> {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    let (first, last) = (addr.to_bits() & mask, addr.to_bits() | !mask);
    let show = |bits: u128| Ipv6Addr::from_bits(bits).to_string();
    // One more than the largest number there is, when the network is everything.
    let count = (last - first).checked_add(1).map(|count| count.to_string());
    let count = count.unwrap_or_else(|| "340282366920938463463374607431768211456".into());
    vec![
        ("Network", format!("{}/{prefix}", show(first)).into()),
        ("First address", show(first).into()),
        ("Last address", show(last).into()),
        ("Addresses", count.into()),
    ]
}

fn expanded(addr: Ipv6Addr) -> String {
    addr.segments().map(|segment| format!("{segment:04x}")).join(":")
}

/// The IPv4 address that some kinds carry.
fn embedded(addr: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = addr.to_bits();
    let within =
        |block: &str| block.parse::<Cidr>().is_ok_and(|block| block.contains(IpAddr::V6(addr)));
    if within("::ffff:0:0/96") || within("64:ff9b::/96") {
        return Some(Ipv4Addr::from_bits(bits as u32));
    }
    if within("2002::/16") {
        return Some(Ipv4Addr::from_bits((bits >> 80) as u32));
    }
    // A Teredo client's own address, all bits turned (RFC 4380 §4).
    within("2001::/32").then(|| Ipv4Addr::from_bits(!(bits as u32)))
}

/// The MAC that the interface identifier was made of (RFC 4291 appendix A).
fn eui64(addr: Ipv6Addr) -> Option<String> {
    let o = addr.octets();
    let made = o[11] == 0xff && o[12] == 0xfe && !addr.is_multicast();
    made.then(|| {
        let mac = [o[8] ^ 0x02, o[9], o[10], o[13], o[14], o[15]];
        mac.map(|octet| format!("{octet:02x}")).join(":")
    })
}

/// The group in which neighbours ask for the address (RFC 4291 §2.7.1).
fn solicited_node(addr: Ipv6Addr) -> Ipv6Addr {
    let prefix = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0).to_bits();
    Ipv6Addr::from_bits(prefix | addr.to_bits() & 0xff_ffff)
}

/// Where Ethernet carries a group (RFC 2464 §7): the low 32 bits behind 33:33.
fn multicast_mac(group: Ipv6Addr) -> String {
    let [.., a, b, c, d] = group.octets();
    format!("33:33:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

fn reverse(addr: Ipv6Addr) -> String {
    let digits = format!("{:032x}", addr.to_bits());
    let turned: Vec<String> = digits.chars().rev().map(String::from).collect();
    format!("{}.ip6.arpa", turned.join("."))
}
