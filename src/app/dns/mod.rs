//! DNS: an authoritative server for the host's own names, and a resolver for its clients.
//!
//! [`answer`] is the server as a pure function, [`server`] puts it on streams and datagrams.
//! [`Lookup`] is one look-up as a machine, [`Resolver`] runs such over a [`Network`] and remembers.

mod answer;
mod cache;
mod dig;
mod hosts;
mod lookup;
mod message;
mod name;
mod network;
mod own;
mod resolver;
pub mod server;
mod show;
mod zone;

pub use answer::answer;
pub use dig::{Dig, DigError, Told};
pub use hosts::Hosts;
pub use lookup::{Ask, Found, Lookup, LookupError, Next, Outcome, Settings};
pub use message::{Asking, Edns, Question, Raw, Type, UDP_MAX, answers, query};
pub use name::{Name, NameError};
pub use network::{Datagrams, Network, exchange};
pub use own::OwnNames;
pub use resolver::Resolver;
pub use zone::{Data, Record, Zone, ZoneError, Zones};
