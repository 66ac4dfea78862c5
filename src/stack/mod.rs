//! Row 3: one host. A frame's journey up is `ingress.rs`, its journey down `egress.rs`.

pub mod event;

pub use event::{Call, Event, PacketView, Record, Sent};
