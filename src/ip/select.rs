//! Which of an interface's addresses a packet to somewhere leaves from: for IPv6 the rules of
//! RFC 6724 §5 that a host without temporary and mobile addresses needs (same address, scope,
//! deprecated or not, label, longest matching prefix); IPv4 takes the address on the next hop's
//! network.

use super::cidr::{Cidr, bits};
use std::cmp::Reverse;
use std::net::{IpAddr, Ipv6Addr};

/// The source address for packets to `dst` by `next_hop`; `None` when there is none of its family.
/// Behind the first `preferred` of the addresses, they are deprecated.
pub fn source(own: &[Cidr], preferred: usize, dst: IpAddr, next_hop: IpAddr) -> Option<IpAddr> {
    let family = own.iter().enumerate();
    let family = family.filter(|(_, own)| own.addr().is_ipv4() == dst.is_ipv4());
    let best = match dst {
        IpAddr::V4(_) => family.min_by_key(|(n, own)| (*n >= preferred, !own.contains(next_hop))),
        IpAddr::V6(to) => family.min_by_key(|(n, own)| {
            let worst = (true, u8::MAX, true, true, Reverse(0));
            let IpAddr::V6(from) = own.addr() else { return worst };
            let common = (bits(own.addr()) ^ bits(dst)).leading_zeros();
            let common = common.min(u32::from(own.prefix()));
            let (scope, label) = (scope_distance(from, to), label(from) != label(to));
            (from != to, scope, *n >= preferred, label, Reverse(common))
        }),
    };
    best.map(|(_, own)| own.addr())
}

/// Rule 2: the smallest scope that is not smaller than the destination's is best; of smaller ones
/// the largest.
fn scope_distance(from: Ipv6Addr, to: Ipv6Addr) -> u8 {
    let (from, to) = (scope(from), scope(to));
    if from >= to { from - to } else { 0x20 - from }
}

/// The scope of an address as multicast addresses number them (RFC 4291 §2.7, RFC 6724 §3.1).
pub fn scope(addr: Ipv6Addr) -> u8 {
    match addr.segments()[0] {
        first if first >> 8 == 0xff => (first & 0xf) as u8,
        first if first & 0xffc0 == 0xfe80 => 2,
        _ if addr.is_loopback() => 2,
        first if first & 0xffc0 == 0xfec0 => 5,
        _ => 0xe,
    }
}

/// The label of RFC 6724 §2.1's table.
fn label(addr: Ipv6Addr) -> u8 {
    match addr.segments() {
        _ if addr.is_loopback() => 0,
        [0x2002, ..] => 2,
        [0x2001, 0, ..] => 5,
        [0x3ffe, ..] => 12,
        [first, ..] if first & 0xfe00 == 0xfc00 => 13,
        [first, ..] if first & 0xffc0 == 0xfec0 => 11,
        [0, 0, 0, 0, 0, 0xffff, ..] => 4,
        [0, 0, 0, 0, 0, 0, ..] => 3,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(own: &[&str], dst: &str, hop: &str, expected: Option<&str>) {
        let own: Vec<Cidr> = own.iter().map(|own| own.parse().expect(own)).collect();
        let ip = |text: &str| text.parse::<IpAddr>().expect(text);
        assert_eq!(source(&own, own.len(), ip(dst), ip(hop)), expected.map(ip), "{dst}");
    }

    /// Rule 3.
    #[test]
    fn deprecated_addresses_are_avoided() {
        let own: Vec<Cidr> =
            ["2001:db8:3::1/64", "fe80::1/64", "2001:db8:1::1/64", "10.0.0.1/8", "10.0.0.2/8"]
                .map(|own| own.parse().expect(own))
                .into();
        for (preferred, dst, expected) in [
            (1, "2001:db8:1::7", "2001:db8:3::1"),
            (0, "2001:db8:1::7", "2001:db8:1::1"),
            (1, "fe80::7", "fe80::1"),
            (1, "2001:db8:1::1", "2001:db8:1::1"),
            (4, "10.0.0.7", "10.0.0.1"),
            (3, "10.0.0.7", "10.0.0.1"),
        ] {
            let dst: IpAddr = dst.parse().expect("an address");
            let expected = expected.parse().expect("an address");
            assert_eq!(source(&own, preferred, dst, dst), Some(expected), "{preferred} {dst}");
        }
    }

    #[test]
    fn ipv4_takes_the_next_hops_network() {
        let own = ["10.9.0.2/24", "192.0.2.2/24", "fd00::2/64"];
        check(&own, "192.0.2.7", "192.0.2.7", Some("192.0.2.2"));
        check(&own, "198.51.100.1", "192.0.2.1", Some("192.0.2.2"));
        check(&own, "198.51.100.1", "203.0.113.1", Some("10.9.0.2"));
        check(&["fd00::2/64"], "192.0.2.7", "192.0.2.7", None);
    }

    /// Examples of RFC 6724 §10.1 that concern such a host.
    #[test]
    fn ipv6_follows_rfc_6724() {
        for (own, dst, expected) in [
            (&["2001:db8:3::1/64", "fe80::1/64"][..], "2001:db8:1::1", "2001:db8:3::1"),
            (&["2001:db8:3::1/64", "fe80::1/64"], "ff05::1", "2001:db8:3::1"),
            (&["2001:db8:1::1/64", "2001:db8:3::1/64"], "2001:db8:1::1", "2001:db8:1::1"),
            (&["fe80::1/64", "2001:db8:1::1/64"], "fe80::2", "fe80::1"),
            (&["2001:db8:1::2/64", "2001:db8:3::2/64"], "2001:db8:1::1", "2001:db8:1::2"),
            (&["2001:db8::2/64", "fd00::2/64"], "fd00:1::1", "fd00::2"),
            (&["2001:db8::2/64", "fe80::2/64"], "ff02::1", "fe80::2"),
            (&["fe80::2/64"], "2001:db8::1", "fe80::2"),
            // The older prefixes of the table of labels.
            (&["2001:db8::2/64", "2002:102:304::2/64"], "2002:506:708::1", "2002:102:304::2"),
            (&["2001:db8::2/64", "fec0::2/64"], "2001:db8:1::1", "2001:db8::2"),
            (&["3fff::2/64", "3ffe::2/64"], "3ffd::1", "3fff::2"),
        ] {
            check(own, dst, dst, Some(expected));
        }
        check(&["10.9.0.2/24"], "fd00::1", "fd00::1", None);
    }
}
