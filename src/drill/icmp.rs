//! The types and codes of ICMP by the names that scripts have for them, in both versions
//! (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1, RFC 4443).

use super::ast::{Icmp, IcmpWord};
use super::error::hint;

/// A type: its name, its number, and its codes.
type Kind = (&'static str, u8, &'static [(&'static str, u8)]);

/// Codes of "destination unreachable".
const UNREACHABLE4: &[(&str, u8)] = &[
    ("net_unreachable", 0),
    ("host_unreachable", 1),
    ("protocol_unreachable", 2),
    ("port_unreachable", 3),
    ("frag_needed", 4),
    ("source_route_failed", 5),
    ("net_unknown", 6),
    ("host_unknown", 7),
    ("source_host_isolated", 8),
    ("net_prohibited", 9),
    ("host_prohibited", 10),
    ("net_unreachable_for_tos", 11),
    ("host_unreachable_for_tos", 12),
    ("packet_filtered", 13),
    ("precedence_violation", 14),
    ("precedence_cutoff", 15),
];

/// Codes of "time exceeded".
const EXCEEDED4: &[(&str, u8)] = &[
    ("exceeded_ttl", 0),
    ("exceeded_fragtime", 1),
    ("ttl_exceeded_in_transit", 0),
    ("frag_reass_exceeded", 1),
];

/// Codes of "redirect".
const REDIRECT4: &[(&str, u8)] = &[
    ("redirect_net", 0),
    ("redirect_host", 1),
    ("redirect_net_for_tos", 2),
    ("redirect_host_for_tos", 3),
];

/// ICMP for IPv4.
const ICMP4: &[Kind] = &[
    ("echo_reply", 0, &[]),
    ("unreachable", 3, UNREACHABLE4),
    ("source_quench", 4, &[]),
    ("redirect", 5, REDIRECT4),
    ("echo_request", 8, &[]),
    ("time_exceeded", 11, EXCEEDED4),
    ("parameter_problem", 12, &[]),
    ("timestamp_request", 13, &[]),
    ("timestamp_reply", 14, &[]),
    ("information_request", 15, &[]),
    ("information_reply", 16, &[]),
    ("address_mask_request", 17, &[]),
    ("address_mask_reply", 18, &[]),
];

/// Codes of "destination unreachable".
const UNREACHABLE6: &[(&str, u8)] = &[
    ("no_route", 0),
    ("net_unreachable", 0),
    ("admin_prohibited", 1),
    ("not_neighbour", 2),
    ("not_neighbor", 2),
    ("address_unreachable", 3),
    ("port_unreachable", 4),
];

/// Codes of "time exceeded".
const EXCEEDED6: &[(&str, u8)] = &[
    ("exceeded_hop_limit", 0),
    ("exceeded_frag_time", 1),
    ("ttl_exceeded_in_transit", 0),
    ("frag_reass_exceeded", 1),
];

/// Codes of "parameter problem".
const PROBLEM6: &[(&str, u8)] =
    &[("header_field", 0), ("unknown_next_header", 1), ("unknown_option", 2)];

/// ICMP for IPv6.
const ICMP6: &[Kind] = &[
    ("unreachable", 1, UNREACHABLE6),
    ("packet_too_big", 2, &[]),
    ("time_exceeded", 3, EXCEEDED6),
    ("parameter_problem", 4, PROBLEM6),
    ("echo_request", 128, &[]),
    ("echo_reply", 129, &[]),
    ("router_advertisement", 134, &[]),
];

/// The names of all types.
pub(super) fn types() -> Vec<&'static str> {
    ICMP4.iter().chain(ICMP6).map(|(name, ..)| *name).collect()
}

/// The names of a type's codes, in either version.
pub(super) fn codes(kind: &str) -> Vec<&'static str> {
    let kinds = ICMP4.iter().chain(ICMP6).filter(|(name, ..)| *name == kind);
    kinds.flat_map(|(.., codes)| codes.iter().map(|(name, _)| *name)).collect()
}

/// The numbers of a message's type and code in a version of IP, or which name that version lacks.
pub fn numbers(icmp: &Icmp, ip6: bool) -> Result<(u8, u8), String> {
    let (kinds, version) = if ip6 { (ICMP6, "ICMPv6") } else { (ICMP4, "ICMPv4") };
    let (kind, codes): (u8, &[(&str, u8)]) = match &icmp.kind {
        IcmpWord::Number(kind) => (*kind, &[]),
        IcmpWord::Name(name) => match kinds.iter().find(|(known, ..)| known == name) {
            Some((_, kind, codes)) => (*kind, codes),
            None => {
                let near = hint(name, kinds.iter().map(|(known, ..)| *known));
                return Err(format!("{version} has no type `{name}`{near}"));
            }
        },
    };
    let code = match &icmp.code {
        None => 0,
        Some(IcmpWord::Number(code)) => *code,
        Some(IcmpWord::Name(name)) => match codes.iter().find(|(known, _)| known == name) {
            Some((_, code)) => *code,
            None => {
                let near = hint(name, codes.iter().map(|(known, _)| *known));
                return Err(format!("this type of {version} has no code `{name}`{near}"));
            }
        },
    };
    Ok((kind, code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: &str, code: Option<&str>) -> Icmp {
        let name = |name: &str| IcmpWord::Name(name.to_owned());
        Icmp { kind: name(kind), code: code.map(name), mtu: None, id: None, quoted: None }
    }

    #[test]
    fn names_have_numbers_in_each_version() {
        let table = [
            ("unreachable", Some("port_unreachable"), Ok((3, 3)), Ok((1, 4))),
            ("echo_request", None, Ok((8, 0)), Ok((128, 0))),
            ("time_exceeded", Some("ttl_exceeded_in_transit"), Ok((11, 0)), Ok((3, 0))),
            ("packet_too_big", None, Err("ICMPv4 has no type `packet_too_big`"), Ok((2, 0))),
            (
                "unreachable",
                Some("frag_needed"),
                Ok((3, 4)),
                Err("this type of ICMPv6 has no code `frag_needed`"),
            ),
        ];
        for (kind, code, v4, v6) in table {
            let message = message(kind, code);
            assert_eq!(numbers(&message, false), v4.map_err(str::to_owned), "{kind}");
            assert_eq!(numbers(&message, true), v6.map_err(str::to_owned), "{kind}");
        }
    }

    #[test]
    fn numbers_stay_numbers() {
        let mut icmp = message("unreachable", None);
        (icmp.kind, icmp.code) = (IcmpWord::Number(42), Some(IcmpWord::Number(7)));
        assert_eq!(numbers(&icmp, true), Ok((42, 7)));
    }
}
