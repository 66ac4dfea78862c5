//! Row 2: UDP as pure machines — a socket, and the table that finds it (RFC 768, RFC 1122 §4.1).
//!
//! Headers are `wire`'s, addresses and routes `ip`'s: a socket sees whole datagrams only.

pub mod socket;
pub mod table;

pub use socket::{Datagram, Multicast, Origin, Outgoing, Received, Report, Socket, Told};
pub use table::Table;
