//! Addresses and what they say.

use super::*;

/// The facts of `text`, each as "name: value".
fn said(text: &str) -> Vec<String> {
    let facts = facts(&read(text, false).unwrap());
    let show = |(name, value): &Fact| match value {
        Value::String(value) => format!("{name}: {value}"),
        value => format!("{name}: {value}"),
    };
    facts.iter().map(show).collect()
}

#[track_caller]
fn says(text: &str, facts: &[&str]) {
    let said = said(text);
    for fact in facts {
        assert!(said.iter().any(|line| line == fact), "{text}: no \"{fact}\" in {said:#?}");
    }
}

#[test]
fn a_private_address_in_full() {
    let args = read("192.168.1.1/24", false).unwrap();
    let expected = "\
Address        192.168.1.1
Class          C
Kind           private (RFC 1918)
Class network  192.168.1.0/24
Network        192.168.1.0/24
Netmask        255.255.255.0
Wildcard       0.0.0.255
Broadcast      192.168.1.255
First host     192.168.1.1
Last host      192.168.1.254
Hosts          254
Binary         11000000.10101000.00000001.00000001
Integer        3232235777
Hex            0xc0a80101
Reverse DNS    1.1.168.192.in-addr.arpa
";
    assert_eq!(text(&facts(&args)), expected);
    let value: Value = serde_json::from_str(&json(&facts(&args))).unwrap();
    assert_eq!((&value["first_host"], &value["hosts"]), (&"192.168.1.1".into(), &254.into()));
    assert_eq!(value["reverse_dns"], "1.1.168.192.in-addr.arpa");
}

#[test]
fn classes_and_kinds() {
    for (addr, class, kind) in [
        ("0.0.0.0", "A", "unspecified (RFC 1122 §3.2.1.3)"),
        ("0.1.2.3", "A", "\"this network\" (RFC 791 §3.2)"),
        ("8.8.8.8", "A", "public"),
        ("10.1.2.3", "A", "private (RFC 1918)"),
        ("100.64.0.1", "A", "shared, behind a carrier's NAT (RFC 6598)"),
        ("100.128.0.1", "A", "public"),
        ("127.0.0.53", "A", "loopback (RFC 1122 §3.2.1.3)"),
        ("128.0.0.1", "B", "public"),
        ("169.254.9.9", "B", "link-local (RFC 3927)"),
        ("172.31.255.255", "B", "private (RFC 1918)"),
        ("172.32.0.0", "B", "public"),
        ("192.0.2.7", "C", "documentation (RFC 5737)"),
        ("198.19.0.1", "C", "benchmarking (RFC 2544)"),
        ("224.0.0.1", "D", "multicast, link-local (RFC 5771)"),
        ("239.1.1.1", "D", "multicast, administratively scoped (RFC 2365)"),
        ("240.0.0.1", "E", "reserved (RFC 1112 §4)"),
        ("255.255.255.255", "E", "limited broadcast (RFC 919)"),
    ] {
        says(addr, &[&format!("Class: {class}"), &format!("Kind: {kind}")]);
    }
    says("224.129.2.3", &["Multicast MAC: 01:00:5e:01:02:03"]);
}

#[test]
fn networks_at_the_edges() {
    says("10.9.0.6/30", &["First host: 10.9.0.5", "Last host: 10.9.0.6", "Hosts: 2"]);
    says("10.9.0.6/31", &["First host: 10.9.0.6", "Last host: 10.9.0.7", "Hosts: 2"]);
    assert!(!said("10.9.0.6/31").iter().any(|line| line.starts_with("Broadcast")));
    says("10.9.0.6/32", &["Netmask: 255.255.255.255", "Hosts: 1", "Network: 10.9.0.6/32"]);
    says("10.9.0.6/0", &["Netmask: 0.0.0.0", "Hosts: 4294967294", "Last host: 255.255.255.254"]);
    says("10.9.0.6/255.255.240.0", &["Network: 10.9.0.0/20", "Wildcard: 0.0.15.255"]);
    says("::1/0", &["Addresses: 340282366920938463463374607431768211456"]);
    says("2001:db8::1/127", &["Addresses: 2", "Last address: 2001:db8::1"]);
}

#[test]
fn an_ipv6_address_in_full() {
    let given = read("FE80:0:0:0:0211:22FF:FE33:4455%eth0/64", false).unwrap();
    let expected = "\
Address               fe80::211:22ff:fe33:4455
Expanded              fe80:0000:0000:0000:0211:22ff:fe33:4455
Kind                  link-local (RFC 4291 §2.5.6)
Scope                 link-local
Zone                  eth0
Network               fe80::/64
First address         fe80::
Last address          fe80::ffff:ffff:ffff:ffff
Addresses             18446744073709551616
MAC by EUI-64         00:11:22:33:44:55
Solicited-node group  ff02::1:ff33:4455
Solicited-node MAC    33:33:ff:33:44:55
Integer               338288524927261089654167835586904409173
Hex                   0xfe80000000000000021122fffe334455
Reverse DNS           5.5.4.4.3.3.e.f.f.f.2.2.1.1.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.e.f.ip6.arpa
";
    assert_eq!(text(&facts(&given)), expected);
}

#[test]
fn kinds_of_ipv6() {
    for (addr, facts) in [
        ("::", ["Kind: unspecified (RFC 4291 §2.5.2)", "Scope: none"]),
        ("::1", ["Kind: loopback (RFC 4291 §2.5.3)", "Scope: link-local"]),
        ("2001:4860::8888", ["Kind: global unicast (RFC 4291 §2.5.4)", "Scope: global"]),
        ("fd00::1", ["Kind: unique local (RFC 4193)", "Scope: global"]),
        ("2001:db8:0:0:1:0:0:1", ["Address: 2001:db8::1:0:0:1", "Scope: global"]),
        ("::ffff:10.0.0.1", ["IPv4 inside: 10.0.0.1", "Address: ::ffff:10.0.0.1"]),
        ("64:ff9b::c000:221", ["IPv4 inside: 192.0.2.33", "Scope: global"]),
        ("2002:c000:221::1", ["IPv4 inside: 192.0.2.33", "Kind: 6to4 (RFC 3056)"]),
        ("ff02::fb", ["Scope: link-local", "Multicast MAC: 33:33:00:00:00:fb"]),
        ("ff3e:40:2001:db8::1", ["Scope: global", "Flags: transient, based on a prefix"]),
        ("4000::1", ["Kind: reserved (RFC 4291 §2.4)", "Scope: global"]),
    ] {
        says(addr, &facts);
    }
}

#[test]
fn numbers_are_addresses() {
    assert_eq!(read("3232235777", false).unwrap().addr, "192.168.1.1".parse::<IpAddr>().unwrap());
    assert_eq!(read("0xC0A80101", false).unwrap().addr, "192.168.1.1".parse::<IpAddr>().unwrap());
    assert_eq!(read("1", true).unwrap().addr, "::1".parse::<IpAddr>().unwrap());
    assert_eq!(read("4294967296", false).unwrap().addr, "::1:0:0".parse::<IpAddr>().unwrap());
}

#[test]
fn what_is_wrong_is_said() {
    for (text, complaint) in [
        ("10.0.0", "\"10.0.0\" has 3 numbers: an IPv4 address has four"),
        ("10.0.0.256", "\"10.0.0.256\": 256 is more than 255"),
        ("10.0.0.010", "\"10.0.0.010\": 010 might be octal or decimal: leave out the zero"),
        ("1::2::3", "\"1::2::3\": \"::\" may stand once in an IPv6 address"),
        ("host", "\"host\" is neither an IP address nor a number"),
        ("-1", "\"-1\" is neither an IP address nor a number"),
        ("", "\"\" is neither an IP address nor a number"),
        ("10.0.0.1/33", "\"33\" is not a prefix length from 0 to 32"),
        ("10.0.0.1/", "\"\" is not a prefix length from 0 to 32"),
        ("::1/129", "\"129\" is not a prefix length from 0 to 128"),
        ("::1/255.0.0.0", "\"255.0.0.0\" is not a prefix length from 0 to 128"),
        ("10.0.0.1/255.0.255.0", "255.0.255.0 is not a netmask: all its ones must come first"),
        (
            "10.0.0.1/0.0.0.255",
            "0.0.0.255 is a wildcard, not a netmask: write /255.255.255.0 or /24",
        ),
        ("10.0.0.1%eth0", "\"%eth0\": only IPv6 addresses have zones"),
        ("fe80::1%", "\"fe80::1%\": a zone's name must follow the %"),
    ] {
        assert_eq!(read(text, false), Err(complaint.to_owned()));
    }
}
