//! Row 2: TCP as pure machines. parts → block → steps → façade; see `docs/ARCHITECTURE.md`.

pub mod cc;
pub mod config;
pub mod event;
pub mod info;
pub mod isn;
pub mod reassembly;
pub mod recvbuf;
pub mod rto;
pub mod rtxq;
pub mod sendbuf;
pub mod state;
pub mod timers;

pub use event::{
    AckWhy, Blocked, CaState, Event, Outcome, Plan, Reply, RtxRule, SegmentView, Timer,
};
pub use info::{Change, TcpInfo};
pub use state::{Cause, State, TRANSITIONS, Transition};
