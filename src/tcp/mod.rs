//! Row 2: TCP (RFC 9293) as pure machines.
//!
//! Before changing anything here read RFC 9293 §3.3 to §3.10. The order of the files is the order
//! of reading:
//!
//! * parts: [`state`], [`timers`], [`rto`], [`rtxq`], [`rate`], [`rack`], [`prr`], [`undo`],
//!   [`loss`], [`sendbuf`], [`recvbuf`], [`reassembly`], `window`, [`isn`], `cookie`, [`fastopen`],
//!   [`cc`], [`config`], [`profile`]
//! * the block: [`tcb`], with `congestion`, `ecn`, `pacing`, [`event`], `invariant`, [`info`],
//!   [`measured`] and `status`
//! * steps, functions over the block: [`arrives`] (SEGMENT ARRIVES), `ack`, `sack`, `recovery`,
//!   `nextseg`, `tlp`, `pmtu`, `icmp`, `uto`, [`delack`], [`autotune`], `persist`,
//!   `timeout`, `sizes`, `output` (plan and emit); `fast` leaves out what has nothing to do
//! * the façade: [`Conn`], and [`listener::Listener`] for LISTEN

pub mod arrives;
pub mod autotune;
pub mod batches;
pub mod cc;
pub mod challenge;
pub mod config;
pub mod delack;
pub mod event;
pub mod fastopen;
mod icmp;
pub mod info;
pub mod isn;
pub mod listener;
pub mod loss;
pub mod measured;
mod output;
mod pmtu;
pub mod profile;
pub mod prr;
pub mod rack;
pub mod rate;
pub mod reassembly;
pub mod recvbuf;
pub mod rto;
pub mod rtxq;
pub mod segment;
pub mod sendbuf;
pub mod state;
pub mod sums;
pub mod tcb;
pub mod timers;
pub mod undo;
mod uto;

mod ack;
mod congestion;
mod conn;
mod cookie;
mod ecn;
mod fast;
mod invariant;
mod nextseg;
mod pacing;
mod persist;
mod recovery;
mod sack;
mod sizes;
mod status;
mod timeout;
mod tlp;
mod window;

pub use config::{AfterIdle, Config, Ecn, Keepalive, Lineage};
pub use conn::{Conn, HalfOpen, Readiness};
pub use delack::AckEvery;
pub use event::{
    AckWhy, Blocked, CaState, Event, Outcome, Plan, Reply, Room, RtxRule, SegmentView, SlowStart,
    Spurious, Timer,
};
pub use fastopen::{FastOpen, FastOpening, keys::Keys};
pub use info::{Change, TcpInfo};
pub use listener::{Listener, SynCookies};
pub use output::Decision;
pub use profile::Profile;
pub use segment::{Because, Outgoing, Segment};
pub use state::{Cause, State, TRANSITIONS, Transition};
pub use tcb::{Cx, Opening};
