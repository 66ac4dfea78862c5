//! IGMP (RFC 1112 appendix I, RFC 2236, RFC 3376 §4): membership of groups, as IPv4 carries it.

use super::ip;
use super::membership::{HOP_LIMIT, Kind, Membership, Query, Record, Version, code, decode};
use crate::base::checksum::Sum;
use crate::base::{Duration, Why};
use std::net::{IpAddr, Ipv4Addr};

/// Every host of a link.
pub const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);

const QUERY: u8 = 0x11;
const REPORT_V1: u8 = 0x12;
const REPORT_V2: u8 = 0x16;
const LEAVE: u8 = 0x17;
const REPORT_V3: u8 = 0x22;

/// The length of a message before version 3, and of a report's fixed part, bytes.
const SHORT_LEN: usize = 8;
/// The length of a question of version 3 without senders, bytes.
const QUERY_V3_LEN: usize = 12;
/// Bits behind the point of times.
const MANTISSA: u32 = 4;

/// Reads a whole message.
///
/// # Errors
/// [`Why::IgmpChecksum`]; [`Why::GroupFormat`] when it is too short or its lengths do not fit;
/// [`Why::IgmpType`]; [`Why::GroupHops`] when it may have passed a router, or does not ask routers
/// to look at it (RFC 3376 §9.1); [`Why::GroupAddress`].
pub fn parse(header: &ip::Header, bytes: &[u8]) -> Result<Membership, Why> {
    let fixed = bytes.first_chunk::<SHORT_LEN>().ok_or(Why::GroupFormat)?;
    if Sum::new().bytes(bytes).folded() != 0xffff {
        return Err(Why::IgmpChecksum);
    }
    let [kind, max_response, _, _, a, b, c, d] = *fixed;
    let group = IpAddr::from([a, b, c, d]);
    let message = match kind {
        QUERY => Membership::Query(query(bytes, max_response, group)?),
        REPORT_V1 => Membership::Report { version: Version::V1, group },
        REPORT_V2 => Membership::Report { version: Version::V2, group },
        LEAVE => Membership::Leave { group },
        REPORT_V3 => records(bytes, u16::from_be_bytes([c, d]))?,
        _ => return Err(Why::IgmpType),
    };
    let alerts = match message {
        Membership::Query(Query { version: Version::V1, .. }) => true,
        Membership::Report { version: Version::V1, .. } => true,
        _ => header.router_alert,
    };
    if header.ttl != HOP_LIMIT || !alerts {
        return Err(Why::GroupHops);
    }
    if is_possible(&message, header.dst) { Ok(message) } else { Err(Why::GroupAddress) }
}

/// RFC 3376 §7.1: the version is a matter of length.
fn query(bytes: &[u8], max_response: u8, group: IpAddr) -> Result<Query, Why> {
    let tenths = |n: u32| Duration::from_millis(u64::from(n) * 100);
    let query = Query {
        version: if max_response == 0 { Version::V1 } else { Version::V2 },
        group,
        max_response: tenths(max_response.into()),
        robustness: 0,
        interval: Duration::ZERO,
        sources: 0,
    };
    if bytes.len() == SHORT_LEN {
        return Ok(query);
    }
    let [.., flags, interval, a, b] =
        *bytes.first_chunk::<QUERY_V3_LEN>().ok_or(Why::GroupFormat)?;
    let sources = u16::from_be_bytes([a, b]);
    if bytes.len() < QUERY_V3_LEN + 4 * usize::from(sources) {
        return Err(Why::GroupFormat);
    }
    Ok(Query {
        version: Version::V3,
        max_response: tenths(decode(max_response.into(), MANTISSA)),
        robustness: flags & 7,
        interval: Duration::from_secs(decode(interval.into(), MANTISSA).into()),
        sources,
        ..query
    })
}

/// Walks the records of a report.
fn records(bytes: &[u8], count: u16) -> Result<Membership, Why> {
    let mut rest = &bytes[SHORT_LEN..];
    let mut first = None;
    for _ in 0..count {
        let [kind, auxiliary, s, t, a, b, c, d] =
            *rest.first_chunk::<8>().ok_or(Why::GroupFormat)?;
        let sources = usize::from(u16::from_be_bytes([s, t]));
        rest = rest.get(8 + 4 * (sources + usize::from(auxiliary))..).ok_or(Why::GroupFormat)?;
        let group = IpAddr::from([a, b, c, d]);
        first = first.or(Kind::read(kind).map(|kind| Record { kind, group }));
    }
    Ok(Membership::Records { count, first })
}

/// Whether a message may go to such an address, and name the group it names.
fn is_possible(message: &Membership, dst: IpAddr) -> bool {
    match message {
        Membership::Query(Query { group, .. }) if group.is_unspecified() => dst == ALL_HOSTS,
        Membership::Query(Query { group, .. })
        | Membership::Report { group, .. }
        | Membership::Leave { group } => group.is_multicast(),
        Membership::Records { .. } => true,
    }
}

/// The message's bytes, checksum included.
pub fn encode(message: &Membership, records: &[Record]) -> Vec<u8> {
    let tenths = |time: Duration| (time.as_millis() / 100).min(u32::MAX.into()) as u32;
    let (kind, max_response, group) = match message {
        Membership::Query(query) => {
            let tenths = tenths(query.max_response);
            let code = match query.version {
                Version::V3 => code(tenths, MANTISSA),
                _ => tenths.min(255) as u16,
            };
            (QUERY, code as u8, query.group)
        }
        Membership::Report { version: Version::V1, group } => (REPORT_V1, 0, *group),
        Membership::Report { group, .. } => (REPORT_V2, 0, *group),
        Membership::Leave { group } => (LEAVE, 0, *group),
        Membership::Records { .. } => {
            (REPORT_V3, 0, Ipv4Addr::from_bits(records.len() as u32).into())
        }
    };
    let mut bytes = vec![kind, max_response, 0, 0];
    push(&mut bytes, group);
    match message {
        Membership::Query(Query {
            version: Version::V3, robustness, interval, sources, ..
        }) => {
            let seconds = interval.as_secs().min(u32::MAX.into()) as u32;
            bytes.extend([robustness & 7, code(seconds, MANTISSA) as u8]);
            bytes.extend(sources.to_be_bytes());
            bytes.resize(bytes.len() + 4 * usize::from(*sources), 0);
        }
        Membership::Records { .. } => {
            for record in records {
                bytes.extend([record.kind.number(), 0, 0, 0]);
                push(&mut bytes, record.group);
            }
        }
        _ => {}
    }
    let sum = Sum::new().bytes(&bytes).finish();
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    bytes
}

fn push(bytes: &mut Vec<u8>, addr: IpAddr) {
    match addr {
        IpAddr::V4(addr) => bytes.extend(addr.octets()),
        IpAddr::V6(_) => debug_assert!(false, "IGMP knows IPv4 alone"),
    }
}
