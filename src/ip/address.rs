//! An address of an interface: where it came from, for how long it is one, and whether it may be
//! used (RFC 4862 §2, which IPv4's addresses fit as well).

use super::cidr::Cidr;
use crate::base::{Duration, Instant};
use std::net::IpAddr;

/// Who gave an interface its address, or a host its route.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum Origin {
    /// Somebody by hand.
    #[default]
    Static,
    /// A DHCP server.
    Dhcp,
    /// A router's advertisement (RFC 4862 §5.5).
    Ra,
    /// The host itself: a link-local address (RFC 4862 §5.3), the route to a link's own network.
    Kernel,
    /// A router that knows a better first hop (RFC 4861 §8.3).
    Redirect,
}

impl Origin {
    /// As `ip route` names protocols.
    pub fn name(self) -> &'static str {
        match self {
            Origin::Static => "static",
            Origin::Dhcp => "dhcp",
            Origin::Ra => "ra",
            Origin::Kernel => "kernel",
            Origin::Redirect => "redirect",
        }
    }
}

/// How far an address is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Others are being asked whether they have it; it may not be used.
    Tentative,
    /// It may be used.
    Usable,
    /// Somebody else has it; it may not be used.
    Duplicate,
}

/// An address that an interface is to have.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct NewAddress {
    /// The address and its network.
    pub cidr: Cidr,
    /// Who gives it.
    pub origin: Origin,
    /// For how long new conversations may use it; `None`: for ever.
    pub preferred: Option<Duration>,
    /// For how long it is the interface's; `None`: for ever.
    pub valid: Option<Duration>,
    /// Whether to ask first if anybody has it, for IPv4 (RFC 5227 §2.1). For IPv6 the interface's
    /// own knob decides (RFC 4862 §5.4).
    pub probe: bool,
}

/// By hand, for ever, and used at once.
impl From<Cidr> for NewAddress {
    fn from(cidr: Cidr) -> NewAddress {
        NewAddress { cidr, origin: Origin::Static, preferred: None, valid: None, probe: false }
    }
}

/// An address of an interface.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// The address and its network.
    pub cidr: Cidr,
    /// Who gave it.
    pub origin: Origin,
    /// Whether it may be used.
    pub standing: Standing,
    /// Whether new conversations should use another one (RFC 4862 §5.5.4).
    pub deprecated: bool,
    /// Until when new conversations may use it; `None`: for ever.
    pub preferred_until: Option<Instant>,
    /// Until when it is the interface's; `None`: for ever.
    pub valid_until: Option<Instant>,
}

impl Address {
    /// The address without its network.
    pub fn addr(&self) -> IpAddr {
        self.cidr.addr()
    }

    /// Whether packets to and from it are the interface's.
    pub fn is_usable(&self) -> bool {
        self.standing == Standing::Usable
    }

    /// Whether its time is over.
    pub fn is_expired(&self, now: Instant) -> bool {
        self.valid_until.is_some_and(|until| until <= now)
    }

    /// When it next stops being preferred or valid.
    pub fn deadline(&self) -> Option<Instant> {
        let preferred = self.preferred_until.filter(|_| !self.deprecated);
        preferred.into_iter().chain(self.valid_until).min()
    }
}
