//! Row 2: TCP as pure machines. parts → block → steps → façade; see `docs/ARCHITECTURE.md`.

pub mod event;
pub mod info;
pub mod state;

pub use event::{
    AckWhy, Blocked, CaState, Event, Outcome, Plan, Reply, RtxRule, SegmentView, Timer,
};
pub use info::{Change, TcpInfo};
pub use state::{Cause, State, TRANSITIONS, Transition};
