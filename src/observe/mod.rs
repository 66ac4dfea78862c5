//! Row 4: what watches from outside: captures of frames where they cross the edge, recordings of
//! inputs, and what is made of a host's records: sinks that pass them on, views that show them.
//! Observers only watch: nothing here reaches back into a host.
//!
//! Captures are taken behind the splitter ([`crate::wire::split`]), so they show what a wire would
//! carry.

pub mod export;
pub mod log;
pub mod log_sink;
#[cfg(feature = "pcap")]
pub mod pcapng;
#[cfg(feature = "record")]
pub mod recording;
#[cfg(feature = "record")]
pub mod relive;
pub mod view;

pub use log_sink::LogSink;
