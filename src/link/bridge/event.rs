//! What hubs and switches tell: their vocabulary.

use crate::base::{Mac, Why};
use std::fmt;

crate::explained! {
    /// Why a bridge did what it did with a frame, or with what it knows of a station.
    #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub enum Cause {
        /// A station was heard for the first time.
        Heard = "Heard", "IEEE 802.1Q §8.7", "a frame from that station came in by the port, so frames to it leave by the port";
        /// A station was heard at another port than before.
        HeardElsewhere = "HeardElsewhere", "IEEE 802.1Q §8.7", "a frame from that station came in by another port than before, so it has moved, or there is a loop";
        /// A station was silent for too long.
        Silent = "Silent", "IEEE 802.1Q §8.8.3 (ageing time)", "nothing was heard from that station for the ageing time, so it may be elsewhere or gone";
        /// Room was needed for another.
        TableFull = "TableFull", "IEEE 802.1Q §8.7 (an entry may be removed); bound of this bridge", "the table is full, and the station that was silent longest makes room";
        /// An administrator said where a station is.
        ByHand = "ByHand", "bridge fdb add; IEEE 802.1Q §8.8.1", "it was set by hand";
        /// It is known where the destination is.
        Known = "Known", "IEEE 802.1Q §8.8.9", "the destination was heard at that port, so the frame goes there and nowhere else";
        /// Nobody knows where the destination is.
        UnknownUnicast = "UnknownUnicast", "IEEE 802.1Q §8.8.9", "the destination was never heard, or not for long, so the frame goes to every other port of the VLAN";
        /// The frame is for everybody.
        Broadcast = "Broadcast", "IEEE 802.1Q §8.8.9", "the frame is for everybody in the VLAN";
        /// The frame is for a group, whose members nobody knows.
        Multicast = "Multicast", "IEEE 802.1Q §8.8.9", "the frame is for a group, and this bridge keeps no list of members";
        /// The destination is where the frame came from.
        SamePort = "SamePort", "IEEE 802.1Q §8.6.1", "the destination is behind the port that the frame came in by, so it has the frame already";
        /// The frame is for the bridge itself, or for its neighbour.
        Reserved = "Reserved", "IEEE 802.1Q §8.6.3, table 8-1", "frames to 01:80:c2:00:00:00 to 0f are between neighbours and never forwarded";
        /// There is no other port to forward to.
        NoOtherPort = "NoOtherPort", "IEEE 802.1Q §8.6.4", "no other port is in the VLAN";
        /// A repeater does not look at frames.
        Repeater = "Repeater", "IEEE 802.3 §9", "a hub looks at nothing: what comes in by one port leaves by all others";
    }
}

/// What happened in a bridge. Ports are counted from 0.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// It is known where a station is.
    Learned {
        /// The station.
        mac: Mac,
        /// In which VLAN.
        vlan: u16,
        /// Behind which port.
        port: u16,
        /// How that became known.
        cause: Cause,
    },
    /// A station is behind another port than before.
    Moved {
        /// The station.
        mac: Mac,
        /// In which VLAN.
        vlan: u16,
        /// Behind which port it was.
        from: u16,
        /// Behind which port it is.
        to: u16,
    },
    /// A station was silent for the ageing time, and is forgotten.
    Aged {
        /// The station.
        mac: Mac,
        /// In which VLAN.
        vlan: u16,
        /// Behind which port it was.
        port: u16,
    },
    /// A station is forgotten to make room for another.
    Evicted {
        /// The station.
        mac: Mac,
        /// In which VLAN.
        vlan: u16,
        /// Behind which port it was.
        port: u16,
    },
    /// A frame leaves by the port of its destination.
    Forwarded {
        /// Whom it is for.
        dst: Mac,
        /// In which VLAN.
        vlan: u16,
        /// By which port it came in.
        from: u16,
        /// By which port it leaves.
        port: u16,
    },
    /// A frame leaves by all other ports of its VLAN.
    Flooded {
        /// Whom it is for.
        dst: Mac,
        /// In which VLAN.
        vlan: u16,
        /// By which port it came in.
        from: u16,
        /// By how many ports it leaves.
        ports: u16,
        /// Why not by one.
        cause: Cause,
    },
    /// A good frame goes nowhere.
    Filtered {
        /// Whom it is for.
        dst: Mac,
        /// In which VLAN.
        vlan: u16,
        /// By which port it came in.
        from: u16,
        /// Why.
        cause: Cause,
    },
    /// A frame that cannot be taken.
    Dropped {
        /// By which port it came in.
        from: u16,
        /// Why.
        why: Why,
    },
    /// A hub repeated a frame.
    Repeated {
        /// By which port it came in.
        from: u16,
        /// By how many ports it leaves.
        ports: u16,
    },
}

impl Event {
    /// Why; `None` for a frame that was dropped, which has a [`Why`].
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Event::Learned { cause, .. }
            | Event::Flooded { cause, .. }
            | Event::Filtered { cause, .. } => Some(*cause),
            Event::Moved { .. } => Some(Cause::HeardElsewhere),
            Event::Aged { .. } => Some(Cause::Silent),
            Event::Evicted { .. } => Some(Cause::TableFull),
            Event::Forwarded { .. } => Some(Cause::Known),
            Event::Repeated { .. } => Some(Cause::Repeater),
            Event::Dropped { .. } => None,
        }
    }

    /// What happened, in one word.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Learned { .. } => "learned",
            Event::Moved { .. } => "moved",
            Event::Aged { .. } => "aged",
            Event::Evicted { .. } => "evicted",
            Event::Forwarded { .. } => "forwarded",
            Event::Flooded { .. } => "flooded",
            Event::Filtered { .. } => "filtered",
            Event::Dropped { .. } => "dropped",
            Event::Repeated { .. } => "repeated",
        }
    }
}

/// `02:00:00:00:00:01 is at port 2 (vlan 1)`.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Learned { mac, vlan, port, .. } => {
                write!(f, "{mac} is at port {port} (vlan {vlan})")
            }
            Event::Moved { mac, vlan, from, to } => {
                write!(f, "{mac} moved from port {from} to port {to} (vlan {vlan})")
            }
            Event::Aged { mac, vlan, port } => {
                write!(f, "{mac} at port {port} is forgotten: silent (vlan {vlan})")
            }
            Event::Evicted { mac, vlan, port } => {
                write!(f, "{mac} at port {port} is forgotten: no room (vlan {vlan})")
            }
            Event::Forwarded { dst, vlan, from, port } => {
                write!(f, "to {dst}: port {from} -> port {port} (vlan {vlan})")
            }
            Event::Flooded { dst, vlan, from, ports, .. } => {
                write!(f, "to {dst}: port {from} -> all {ports} others (vlan {vlan})")
            }
            Event::Filtered { dst, vlan, from, .. } => {
                write!(f, "to {dst}: port {from} -> nowhere (vlan {vlan})")
            }
            Event::Dropped { from, .. } => write!(f, "frame at port {from} dropped"),
            Event::Repeated { from, ports } => write!(f, "port {from} -> all {ports} others"),
        }
    }
}
