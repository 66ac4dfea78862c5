//! Looking at runs: labs and recordings, lived again as often as somebody asks.

pub(super) mod args;
mod export;
mod json;
pub(super) mod past;
pub(super) mod source;
mod tables;
mod tell;

pub(super) use export::export;
pub(super) use past::Moment;
pub(super) use source::Source;
pub(super) use tables::{mac, queues};
pub(super) use tell::{blame, bytes, diff, explain, ladder, limits, observer, tcpdump, whatif};
