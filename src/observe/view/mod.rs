//! Views: pure functions of the records of one host. They read no clock, know no terminal and
//! print nothing; the text they return is stable, and golden tests hold it.
//!
//! `reason` and `parties` are what the others share; `tcpdump` spells a packet, `describe` any
//! other event; `ladder` and `live` tell a conversation, `explain` one event, `json` serves
//! machines, `fsm` draws the state machine from its table.

pub mod describe;
pub mod explain;
mod frame;
pub mod fsm;
pub mod json;
pub mod ladder;
pub mod live;
pub mod parties;
pub mod reason;
mod row;
pub mod run;
pub mod style;
pub mod tcpdump;
pub(crate) mod text;

#[cfg(test)]
pub(crate) mod stories;

pub use explain::explain;
pub use ladder::{Ladder, Options};
pub use live::Live;
pub use reason::{Reason, reason};
pub use tcpdump::Tcpdump;
