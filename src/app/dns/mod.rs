//! DNS: an authoritative server for the host's own names, and a resolver for its clients.
//!
//! [`answer`] is the server as a pure function, [`server`] puts it on streams and datagrams.

mod answer;
mod message;
mod name;
pub mod server;
mod zone;

pub use answer::answer;
pub use message::{Asking, Edns, Question, Raw, Type, UDP_MAX, answers, query};
pub use name::{Name, NameError};
pub use zone::{Data, Record, Zone, ZoneError, Zones};
