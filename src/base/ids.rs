//! Small names for the things a host has many of.

use std::fmt;

macro_rules! id {
    ($(#[$m:meta])* $Name:ident($t:ty)) => {
        $(#[$m])*
        #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        #[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
        pub struct $Name(pub $t);

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// A network interface of one host: its index, from 0.
    IfaceId(u16)
}
/// A TCP connection of one host: the number of its birth above, its place in a table in the lower
/// 32 bits. Never reused within a host's life, so an old handle cannot reach a new connection.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct ConnId(pub u64);

/// The number of its birth.
impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0 >> 32).fmt(f)
    }
}

id! {
    /// A listening TCP socket of one host. Never reused.
    ListenerId(u64)
}
id! {
    /// A UDP socket of one host. Never reused.
    UdpId(u64)
}
id! {
    /// An event of one host, counted from 1 in the order things happen. Numbers advance whether or
    /// not anybody listens, so they name the same event in every replay. 0 means "no event".
    EventId(u64)
}

impl EventId {
    /// No event: the cause of things that have none inside this host.
    pub const NONE: EventId = EventId(0);

    /// How many bits of a number count the events of one host; the rest tell hosts apart.
    const SERIAL_BITS: u32 = 40;

    /// The number before the first event of the host with that number in a network of several.
    pub const fn before_host(host: u16) -> EventId {
        EventId((host as u64) << EventId::SERIAL_BITS)
    }

    /// The host among several, and the event's number there.
    pub const fn of_host(self) -> (u16, u64) {
        ((self.0 >> EventId::SERIAL_BITS) as u16, self.0 & ((1 << EventId::SERIAL_BITS) - 1))
    }

    /// Whether this names an event.
    pub fn is_some(self) -> bool {
        self != EventId::NONE
    }
}
