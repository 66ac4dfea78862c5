//! Row 7: the services of a host, and the clients that talk to them.
//!
//! Everything here works on any stream of tokio's traits, so that a test needs no network and a
//! program can put it on kernel sockets. Who knows a [`crate::net::Host`] is [`Serving`], which
//! listens there for the services that [`Services`] lists, [`ping`] and [`traceroute`], which ask
//! for more than streams have, and [`load`], which makes traffic for experiments. All of it tells
//! the time by [`crate::net::rt`], and so runs live and in simulations.
//!
//! No part of this row is needed by the stack, and none knows more of it than its public calls.

pub mod called;
mod date;
pub mod dhcp;
#[cfg(feature = "dns")]
pub mod dns;
mod door;
pub mod eyeballs;
#[cfg(feature = "http")]
pub mod get;
#[cfg(feature = "http")]
pub mod http;
mod idle;
pub mod load;
pub mod nc;
pub mod ping;
pub mod policy;
mod refuse;
mod services;
mod serving;
pub mod sight;
pub mod simple;
pub mod traceroute;

pub use idle::Waits;
pub use policy::{Policies, Policy};
pub use services::{Entry, ParseError, Service, Services, Transport};
pub use serving::{Options, Serving};
