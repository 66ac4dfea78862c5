//! Row 4: what is made of a host's records outside the core: sinks that pass them on, views that
//! show them. Observers only watch: nothing here reaches back into a host.

pub mod log_sink;
#[cfg(feature = "record")]
pub mod recording;
pub mod view;

pub use log_sink::LogSink;
