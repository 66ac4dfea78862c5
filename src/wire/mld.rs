//! Multicast listener discovery (RFC 2710, RFC 3810 §5): membership of groups, as ICMPv6 carries
//! it.

use super::ipv4::protocol;
use super::membership::{HOP_LIMIT, Kind, Membership, Query, Record, Version, code, decode};
use super::{checksum, ip};
use crate::base::{Duration, Why};
use std::net::IpAddr;

const QUERY: u8 = 130;
const REPORT_V1: u8 = 131;
const DONE: u8 = 132;
const REPORT_V2: u8 = 143;

/// The length of a message of version 1, bytes.
const SHORT_LEN: usize = 24;
/// The length of a question of version 2 without senders, bytes.
const QUERY_V2_LEN: usize = 28;
/// The length of a report's fixed part, bytes.
const REPORT_LEN: usize = 8;
/// The length of a record without senders, bytes.
const RECORD_LEN: usize = 20;
/// Bits behind the point of the time to answer, and of the time between questions.
const MANTISSAS: (u32, u32) = (12, 4);

/// Whether ICMPv6 type `kind` is listener discovery's.
pub fn is_mld(kind: u8) -> bool {
    matches!(kind, QUERY | REPORT_V1 | DONE | REPORT_V2)
}

/// Reads a whole message, ICMPv6 header first, whose checksum is good.
///
/// # Errors
/// [`Why::GroupFormat`] when it is too short or its lengths do not fit; [`Why::GroupHops`] when it
/// may have passed a router, or does not ask routers to look at it; [`Why::GroupAddress`] (RFC 3810
/// §5.1.14, §5.2.13, §6.2).
pub fn parse(header: &ip::Header, bytes: &[u8]) -> Result<Membership, Why> {
    let kind = *bytes.first().ok_or(Why::GroupFormat)?;
    let message = if kind == REPORT_V2 { records(bytes)? } else { short(kind, bytes)? };
    if header.ttl != HOP_LIMIT || !header.router_alert {
        return Err(Why::GroupHops);
    }
    if is_possible(&message, header) { Ok(message) } else { Err(Why::GroupAddress) }
}

/// What names one group.
fn short(kind: u8, bytes: &[u8]) -> Result<Membership, Why> {
    let fixed = bytes.first_chunk::<SHORT_LEN>().ok_or(Why::GroupFormat)?;
    let [_, _, _, _, a, b, _, _, octets @ ..] = *fixed;
    let group = IpAddr::from(octets);
    match kind {
        QUERY => Ok(Membership::Query(query(bytes, u16::from_be_bytes([a, b]), group)?)),
        REPORT_V1 => Ok(Membership::Report { version: Version::V2, group }),
        DONE => Ok(Membership::Leave { group }),
        _ => Err(Why::GroupFormat),
    }
}

/// RFC 3810 §8.1: the version is a matter of length.
fn query(bytes: &[u8], max_response: u16, group: IpAddr) -> Result<Query, Why> {
    let query = Query {
        version: Version::V2,
        group,
        max_response: Duration::from_millis(max_response.into()),
        robustness: 0,
        interval: Duration::ZERO,
        sources: 0,
    };
    if bytes.len() == SHORT_LEN {
        return Ok(query);
    }
    let [.., flags, interval, a, b] =
        *bytes.first_chunk::<QUERY_V2_LEN>().ok_or(Why::GroupFormat)?;
    let sources = u16::from_be_bytes([a, b]);
    if bytes.len() < QUERY_V2_LEN + 16 * usize::from(sources) {
        return Err(Why::GroupFormat);
    }
    Ok(Query {
        version: Version::V3,
        max_response: Duration::from_millis(decode(max_response, MANTISSAS.0).into()),
        robustness: flags & 7,
        interval: Duration::from_secs(decode(interval.into(), MANTISSAS.1).into()),
        sources,
        ..query
    })
}

/// Walks the records of a report.
fn records(bytes: &[u8]) -> Result<Membership, Why> {
    let [.., a, b] = *bytes.first_chunk::<REPORT_LEN>().ok_or(Why::GroupFormat)?;
    let count = u16::from_be_bytes([a, b]);
    let mut rest = &bytes[REPORT_LEN..];
    let mut first = None;
    for _ in 0..count {
        let [kind, auxiliary, s, t, octets @ ..] =
            *rest.first_chunk::<RECORD_LEN>().ok_or(Why::GroupFormat)?;
        let sources = usize::from(u16::from_be_bytes([s, t]));
        let len = RECORD_LEN + 16 * sources + 4 * usize::from(auxiliary);
        rest = rest.get(len..).ok_or(Why::GroupFormat)?;
        let group = IpAddr::from(octets);
        first = first.or(Kind::read(kind).map(|kind| Record { kind, group }));
    }
    Ok(Membership::Records { count, first })
}

/// Whether a message may come from and go to such addresses, and name the group it names. Routers
/// ask from their link-local address; whoever reports may have none yet (RFC 3590 §4).
fn is_possible(message: &Membership, header: &ip::Header) -> bool {
    let IpAddr::V6(src) = header.src else { return false };
    let near = src.is_unicast_link_local();
    match message {
        Membership::Query(Query { group, .. }) if group.is_unspecified() => {
            near && header.dst == message.destination(header.dst)
        }
        Membership::Query(Query { group, .. }) => near && group.is_multicast(),
        Membership::Report { group, .. } | Membership::Leave { group } => {
            (near || src.is_unspecified()) && group.is_multicast()
        }
        Membership::Records { .. } => near || src.is_unspecified(),
    }
}

/// The message's bytes, checksum included.
pub fn encode(message: &Membership, records: &[Record], src: IpAddr, dst: IpAddr) -> Vec<u8> {
    let mut bytes = match message {
        Membership::Query(query) => {
            let millis = query.max_response.as_millis().min(u32::MAX.into()) as u32;
            let code = match query.version {
                Version::V3 => code(millis, MANTISSAS.0),
                _ => millis.min(u16::MAX.into()) as u16,
            };
            let [a, b] = code.to_be_bytes();
            named([QUERY, 0, 0, 0, a, b, 0, 0], query.group)
        }
        Membership::Report { group, .. } => named([REPORT_V1, 0, 0, 0, 0, 0, 0, 0], *group),
        Membership::Leave { group } => named([DONE, 0, 0, 0, 0, 0, 0, 0], *group),
        Membership::Records { .. } => {
            let [a, b] = (records.len() as u16).to_be_bytes();
            vec![REPORT_V2, 0, 0, 0, 0, 0, a, b]
        }
    };
    match message {
        Membership::Query(Query {
            version: Version::V3, robustness, interval, sources, ..
        }) => {
            let seconds = interval.as_secs().min(u32::MAX.into()) as u32;
            bytes.extend([robustness & 7, code(seconds, MANTISSAS.1) as u8]);
            bytes.extend(sources.to_be_bytes());
            bytes.resize(bytes.len() + 16 * usize::from(*sources), 0);
        }
        Membership::Records { .. } => {
            for record in records {
                bytes.extend([record.kind.number(), 0, 0, 0]);
                bytes.extend(octets(record.group));
            }
        }
        _ => {}
    }
    let pseudo = checksum::pseudo(src, dst, protocol::ICMPV6, bytes.len());
    let sum = checksum::complete(pseudo, [&bytes[..]]);
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    bytes
}

fn named(fixed: [u8; 8], group: IpAddr) -> Vec<u8> {
    [&fixed[..], &octets(group)].concat()
}

fn octets(addr: IpAddr) -> [u8; 16] {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped().octets(),
        IpAddr::V6(addr) => addr.octets(),
    }
}

/// The type of a message.
pub fn kind(message: &Membership) -> u8 {
    match message {
        Membership::Query(_) => QUERY,
        Membership::Report { .. } => REPORT_V1,
        Membership::Leave { .. } => DONE,
        Membership::Records { .. } => REPORT_V2,
    }
}
