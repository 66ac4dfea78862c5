//! A DHCP client for IPv4 (RFC 2131, RFC 2132): an address, routes and name servers from the
//! network that a host is on.
//!
//! [`Message`] is the codec, [`Lease`] what a server grants, [`Machine`] RFC 2131's figure 5, and
//! [`Client`] puts it to work on a host.

mod client;
mod event;
mod lease;
mod machine;
mod message;

pub use client::{Client, Options};
pub use event::{Cause, Event, Ignored, Reason, State};
pub use lease::{LEASE_MIN, Lease, Via};
pub use machine::{Action, Granted, Machine, Settings};
pub use message::Options as MessageOptions;
pub use message::{CLIENT_PORT, Kind, MESSAGE_MAX, Message, SERVER_PORT, code};
