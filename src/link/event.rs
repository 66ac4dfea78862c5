//! What the machines of a link tell.

use crate::base::Mac;
use crate::wire::membership::{Version, version_name};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// What is known of a neighbour (RFC 4861 §7.3.2; FAILED and PERMANENT are Linux's names).
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum State {
    /// Asked for, without an answer yet.
    Incomplete,
    /// It showed a sign of life a short time ago.
    Reachable,
    /// Its address is known; whether it is there is not, and nobody cares.
    Stale,
    /// As stale, but packets are sent: it is given time for a sign of life.
    Delay,
    /// As stale, and asked.
    Probe,
    /// It did not answer.
    Failed,
    /// Its address was given by hand.
    Permanent,
}

/// As `ip neigh` prints it.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            State::Incomplete => "INCOMPLETE",
            State::Reachable => "REACHABLE",
            State::Stale => "STALE",
            State::Delay => "DELAY",
            State::Probe => "PROBE",
            State::Failed => "FAILED",
            State::Permanent => "PERMANENT",
        })
    }
}

crate::explained! {
    /// Why what is known of a neighbour changed, or what became of an address of ours.
    #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
    pub enum Cause {
        /// A packet is to be sent to a neighbour nothing is known of.
        Needed = "Needed", "RFC 4861 §7.2.2", "a packet is to be sent there, so everybody is asked";
        /// The neighbour answered.
        Answered = "Answered", "RFC 4861 §7.2.5", "the neighbour answered";
        /// The neighbour told its address without being asked.
        Advertised = "Advertised", "RFC 4861 §7.2.5; RFC 826", "the neighbour told its address unasked";
        /// The neighbour asked for us, which tells its address.
        Asked = "Asked", "RFC 4861 §7.2.3; RFC 826", "the neighbour asked for us and told its own address";
        /// Somebody else answers for the neighbour, who was believed to be reachable.
        Contradicted = "Contradicted", "RFC 4861 §7.2.5", "another interface answers for the neighbour";
        /// A connection made progress.
        Confirmed = "Confirmed", "RFC 4861 §7.3.1", "a connection made progress through the neighbour";
        /// No sign of life for a time.
        Aged = "Aged", "RFC 4861 §7.3.3 (REACHABLE_TIME)", "it is some time since the last sign of life";
        /// A packet is sent to a stale neighbour.
        Used = "Used", "RFC 4861 §7.3.3", "a packet is sent to it, so a sign of life is waited for";
        /// The sign of life did not come.
        Doubted = "Doubted", "RFC 4861 §7.3.3 (DELAY_FIRST_PROBE_TIME)", "no sign of life came, so the neighbour is asked";
        /// No answer to all questions.
        NoAnswer = "NoAnswer", "RFC 4861 §7.2.2, §7.3.3", "the neighbour did not answer";
        /// Not used for a time.
        Unused = "Unused", "RFC 1122 §2.3.2.1", "nobody needed it for a time, so it is forgotten";
        /// Room was needed for another.
        Evicted = "Evicted", "bound of this host", "the table is full, and another is needed more";
        /// Given or taken by hand.
        Static = "Static", "ip neigh", "it was set by hand";
        /// Nobody else answered to the probes.
        Unclaimed = "Unclaimed", "RFC 5227 §2.1.1; RFC 4862 §5.4", "nobody else has the address";
        /// The address was announced.
        Announced = "Announced", "RFC 5227 §2.3; RFC 9131", "everybody was told who has the address";
        /// Somebody else has the address.
        Conflict = "Conflict", "RFC 5227 §2.1.1, §2.4; RFC 4862 §5.4", "another interface has the address";
        /// The interface was given the address.
        Added = "Added", "ip address add", "the interface was given the address";
        /// The address was taken away.
        Removed = "Removed", "ip address del", "the address was taken away";
        /// The address's preferred lifetime is over.
        Deprecated = "Deprecated", "RFC 4862 §5.5.4", "new conversations are to use another address";
        /// The lifetime of an address or a prefix is over.
        Expired = "Expired", "RFC 4862 §5.5.4; RFC 2131 §4.4.5; RFC 4861 §6.3.5", "it was given for this long only";
        /// A router is the default router.
        Elected = "Elected", "RFC 4861 §6.3.6", "packets to elsewhere go by this router from now on";
        /// It is the default router no longer.
        Resigned = "Resigned", "RFC 4861 §6.3.5, §7.2.5, §7.3.3", "its time is over, it says so, it is silent, or a better one is there";
        /// A prefix is on the link.
        OnLink = "OnLink", "RFC 4861 §6.3.4", "a router says that these addresses are on the link";
        /// A router knows a better first hop.
        Redirected = "Redirected", "RFC 4861 §8.3; RFC 1122 §3.2.2.2", "the router that packets are sent to knows a better one";
        /// Somebody on this host wants a group.
        GroupJoined = "GroupJoined", "RFC 1112 §7.1; RFC 3376 §2", "somebody on this host wants what is sent to the group";
        /// Nobody on this host wants a group any more.
        GroupLeft = "GroupLeft", "RFC 1112 §7.1; RFC 3376 §2", "nobody on this host wants what is sent to the group any more";
        /// A router asks who is a member.
        GroupAsked = "GroupAsked", "RFC 3376 §5.2; RFC 3810 §6.2", "a router asks for members, and is answered after a time drawn by lot";
        /// Another member answered.
        GroupReported = "GroupReported", "RFC 2236 §3; RFC 2710 §4", "another member has told routers already, and one is enough for them";
        /// A router speaks an older version.
        OlderQuerier = "OlderQuerier", "RFC 3376 §7.2.1; RFC 3810 §8.2.1", "a router asks in an older version, so it is answered in that one";
        /// No router asks in the older version any more.
        OlderQuerierGone = "OlderQuerierGone", "RFC 3376 §7.2.1; RFC 3810 §8.2.1", "nobody asked in the older version for some time";
    }
}

/// What happened on a link.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// What is known of a neighbour changed.
    Neighbor {
        /// Its address.
        addr: IpAddr,
        /// Its Ethernet address, if known.
        mac: Option<Mac>,
        /// What was known; `None`: nothing.
        from: Option<State>,
        /// What is known; `None`: it is forgotten.
        to: Option<State>,
        /// Why.
        cause: Cause,
    },
    /// A neighbour has another Ethernet address than before.
    Moved {
        /// Its address.
        addr: IpAddr,
        /// The Ethernet address so far.
        from: Mac,
        /// The new one.
        to: Mac,
        /// How that was learned.
        cause: Cause,
    },
    /// What became of an address that this host claims.
    Claim {
        /// The address.
        addr: IpAddr,
        /// Who else has it, in a conflict.
        other: Option<Mac>,
        /// What became of it.
        cause: Cause,
    },
    /// A router became the default router, or is it no longer.
    Router {
        /// Its address.
        addr: Ipv6Addr,
        /// Why.
        cause: Cause,
    },
    /// A prefix is on the link, or is not any more.
    Prefix {
        /// Its bits.
        prefix: Ipv6Addr,
        /// Its length, bits.
        len: u8,
        /// Why.
        cause: Cause,
    },
    /// Packets to one destination take another first hop.
    Redirect {
        /// The destination.
        dst: IpAddr,
        /// The first hop; the destination itself when that is on the link.
        via: IpAddr,
        /// Why.
        cause: Cause,
    },
    /// Something about a group that this host is a member of.
    Group {
        /// The group; `None`: all of them.
        group: Option<IpAddr>,
        /// What.
        cause: Cause,
    },
    /// Routers are told of groups in another version.
    Querier {
        /// An address of the family.
        like: IpAddr,
        /// The version.
        version: Version,
        /// Why.
        cause: Cause,
    },
}

impl Event {
    /// Why.
    pub fn cause(&self) -> Cause {
        match self {
            Event::Neighbor { cause, .. }
            | Event::Moved { cause, .. }
            | Event::Claim { cause, .. }
            | Event::Router { cause, .. }
            | Event::Prefix { cause, .. }
            | Event::Redirect { cause, .. }
            | Event::Group { cause, .. }
            | Event::Querier { cause, .. } => *cause,
        }
    }
}

/// `neighbor 10.9.0.1 02:00:00:00:00:01: STALE -> DELAY`.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Neighbor { addr, mac, from, to, .. } => {
                write!(f, "neighbor {addr}")?;
                if let Some(mac) = mac {
                    write!(f, " {mac}")?;
                }
                match (from, to) {
                    (Some(from), Some(to)) => write!(f, ": {from} -> {to}"),
                    (None, Some(to)) => write!(f, ": {to}"),
                    _ => write!(f, ": forgotten"),
                }
            }
            Event::Moved { addr, from, to, .. } => {
                write!(f, "neighbor {addr} moved: {from} -> {to}")
            }
            Event::Claim { addr, other: Some(other), .. } => {
                write!(f, "address {addr} is used by {other}, too")
            }
            Event::Claim { addr, cause, .. } => {
                let what = match cause {
                    Cause::Announced => "is announced",
                    Cause::Added => "is added",
                    Cause::Removed => "is removed",
                    Cause::Deprecated => "is deprecated",
                    Cause::Expired => "has expired",
                    _ => "is ours",
                };
                write!(f, "address {addr} {what}")
            }
            Event::Router { addr, cause: Cause::Elected } => {
                write!(f, "router {addr} is the default router")
            }
            Event::Router { addr, .. } => write!(f, "router {addr} is not the default router"),
            Event::Prefix { prefix, len, cause: Cause::OnLink } => {
                write!(f, "prefix {prefix}/{len} is on the link")
            }
            Event::Prefix { prefix, len, .. } => {
                write!(f, "prefix {prefix}/{len} is not on the link")
            }
            Event::Redirect { dst, via, .. } => write!(f, "packets to {dst} go by {via}"),
            Event::Group { group: None, .. } => write!(f, "all groups are asked for"),
            Event::Group { group: Some(group), cause } => {
                let what = match cause {
                    Cause::GroupJoined => "is joined",
                    Cause::GroupLeft => "is left",
                    Cause::GroupReported => "is reported by another member",
                    _ => "is asked for",
                };
                write!(f, "group {group} {what}")
            }
            Event::Querier { like, version, .. } => {
                write!(f, "groups are reported by {}", version_name(*like, *version))
            }
        }
    }
}
