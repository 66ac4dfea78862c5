//! What hosts and routers say about groups: IGMP for IPv4 and MLD for IPv6 in one vocabulary. The
//! formats are `igmp`'s and `mld`'s; which one a message has is asked here and nowhere above.
//!
//! Versions carry IGMP's numbers. MLDv1 is IGMPv2 for IPv6 (RFC 2710 §1), MLDv2 is IGMPv3 (RFC 3810
//! §1). Lists of sources are counted and not read: this host wants all senders of a group or none.

use super::{igmp, ip, mld};
use crate::base::{Duration, Why};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The TTL or hop limit of every message: no router passes it on (RFC 3376 §4, RFC 3810 §5).
pub const HOP_LIMIT: u8 = 1;
/// A record's length without sources in an IPv4 report, bytes; IPv6 needs 12 more.
pub const RECORD_LEN: usize = 8;

/// A version, by IGMP's number.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Version {
    /// RFC 1112: reports alone.
    V1,
    /// RFC 2236, RFC 2710: who leaves says so.
    V2,
    /// RFC 3376, RFC 3810: records of many groups in one report.
    V3,
}

/// What a version is called where `like` lives.
pub fn version_name(like: IpAddr, version: Version) -> &'static str {
    match (like, version) {
        (IpAddr::V4(_), Version::V1) => "IGMPv1",
        (IpAddr::V4(_), Version::V2) => "IGMPv2",
        (IpAddr::V4(_), Version::V3) => "IGMPv3",
        (IpAddr::V6(_), Version::V3) => "MLDv2",
        (IpAddr::V6(_), _) => "MLDv1",
    }
}

/// A message.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Membership {
    /// A router asks.
    Query(Query),
    /// A host is a member (before version 3).
    Report {
        /// In which version it says so.
        version: Version,
        /// Of which group.
        group: IpAddr,
    },
    /// A host is a member no longer (version 2; MLD calls it Done).
    Leave {
        /// Of which group.
        group: IpAddr,
    },
    /// A host tells of its groups (version 3).
    Records {
        /// How many records there are.
        count: u16,
        /// The first one.
        first: Option<Record>,
    },
}

/// A router's question.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Query {
    /// The router's version.
    pub version: Version,
    /// The group that is asked for; the unspecified address: every group.
    pub group: IpAddr,
    /// An answer comes within this time. In IGMPv1 the field is empty.
    pub max_response: Duration,
    /// How many losses in a row are to do no harm, from version 3 on; 0: it does not say.
    pub robustness: u8,
    /// The time between general questions, from version 3 on; zero: it does not say.
    pub interval: Duration,
    /// How many senders are asked for by name, from version 3 on.
    pub sources: u16,
}

/// What a record says of its group (RFC 3376 §4.2.12, RFC 3810 §5.2.12).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Only the senders listed are wanted.
    IsInclude,
    /// All senders but those listed are wanted: with none listed, membership as it ever was.
    IsExclude,
    /// From now on only the senders listed: with none listed, the group is left.
    ToInclude,
    /// From now on all but those listed: with none listed, the group is joined.
    ToExclude,
    /// These senders are wanted, too.
    Allow,
    /// These senders are wanted no longer.
    Block,
}

impl Kind {
    const ALL: [Kind; 6] = [
        Kind::IsInclude,
        Kind::IsExclude,
        Kind::ToInclude,
        Kind::ToExclude,
        Kind::Allow,
        Kind::Block,
    ];

    /// Its number on the wire.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Its name, as tcpdump and RFC 3376 §4.2.12 shorten it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::IsInclude => "is_in",
            Kind::IsExclude => "is_ex",
            Kind::ToInclude => "to_in",
            Kind::ToExclude => "to_ex",
            Kind::Allow => "allow",
            Kind::Block => "block",
        }
    }

    pub(super) fn read(number: u8) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

/// A record of a report of version 3, without its senders.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// What it says.
    pub kind: Kind,
    /// Of which group.
    pub group: IpAddr,
}

impl Membership {
    /// Reads a message behind the IP header `header`; an ICMPv6 message's checksum is good.
    ///
    /// # Errors
    /// As [`igmp::parse`] and [`mld::parse`].
    pub fn parse(header: &ip::Header, bytes: &[u8]) -> Result<Membership, Why> {
        if header.dst.is_ipv4() { igmp::parse(header, bytes) } else { mld::parse(header, bytes) }
    }

    /// Where it is sent (RFC 2236 §9, RFC 3376 §4.1.12, §4.2.14; RFC 2710 §3, RFC 3810 §5).
    pub fn destination(&self, like: IpAddr) -> IpAddr {
        let group = match *self {
            Membership::Query(Query { group, .. }) if group.is_unspecified() => 1,
            Membership::Query(Query { group, .. }) | Membership::Report { group, .. } => {
                return group;
            }
            Membership::Leave { .. } => 2,
            Membership::Records { .. } => match like {
                IpAddr::V4(_) => 22,
                IpAddr::V6(_) => 0x16,
            },
        };
        match like {
            IpAddr::V4(_) => Ipv4Addr::new(224, 0, 0, group).into(),
            IpAddr::V6(_) => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, group.into()).into(),
        }
    }

    /// The message's bytes, checksum included, from `src` to `dst`; those of
    /// [`Membership::Records`] hold `records`.
    pub fn encode(&self, records: &[Record], src: IpAddr, dst: IpAddr) -> Vec<u8> {
        match dst {
            IpAddr::V4(_) => igmp::encode(self, records),
            IpAddr::V6(_) => mld::encode(self, records, src, dst),
        }
    }
}

/// A time as a short code says it: with `mantissa` bits behind the point (RFC 3376 §4.1.1, RFC 3810
/// §5.1.3).
pub(super) fn decode(code: u16, mantissa: u32) -> u32 {
    let code = u32::from(code);
    if code < 1 << (mantissa + 3) {
        return code;
    }
    let one = 1 << mantissa;
    (code & (one - 1) | one) << ((code >> mantissa & 7) + 3)
}

/// The code of the longest time that is not longer than `value`.
pub(super) fn code(value: u32, mantissa: u32) -> u16 {
    let first = 1 << (mantissa + 3);
    if value < first {
        return value as u16;
    }
    let exponent = (value.ilog2() - mantissa - 3).min(7);
    let one = 1 << mantissa;
    let significant = (value >> (exponent + 3)).min(2 * one - 1);
    (first | exponent << mantissa | significant & (one - 1)) as u16
}

#[cfg(test)]
mod tests;
