//! Row 2: neighbours on a link as pure machines — who has which Ethernet address ([`cache`], for
//! ARP and neighbour discovery alike), whether an address is ours alone ([`acd`]), what routers
//! tell ([`routers`]) and when ([`advertise`]), what they are told of groups ([`groups`]), and the
//! hubs and switches between ([`bridge`]).
//!
//! Nothing here but a switch knows a packet format: what the machines want sent is an abstract
//! action, and what arrives is told in the words of RFC 4861.

pub mod acd;
pub mod advertise;
pub mod bridge;
pub mod cache;
pub mod config;
pub mod event;
pub mod groups;
pub mod routers;

pub use acd::{Acd, Claim};
pub use advertise::{Advertise, Advertised, Advertiser};
pub use bridge::Bridge;
pub use cache::{Action, Advert, Cache, Neighbor};
pub use config::Config;
pub use event::{Cause, Event, State};
pub use groups::Groups;
pub use routers::{Advice, Routers, Terms};

/// What the world lends a machine of this row for one call.
pub type Cx<'a> = crate::base::Cx<'a, Event>;
