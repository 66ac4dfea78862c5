//! Row 4: what watches from outside. An observer sees frames where they cross the edge, and the
//! records a host has already written; it never changes what happens.
//!
//! Captures are taken behind the splitter ([`crate::wire::split`]), so they show what a wire would
//! carry.

#[cfg(feature = "pcap")]
pub mod pcapng;
