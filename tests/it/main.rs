//! Everything that needs no privilege: one binary, fast to link.
#![allow(clippy::type_complexity, reason = "tables of what is expected have such types")]

mod alloc;
mod arrives;
mod close;
mod handshake;
mod hostile;
#[cfg(feature = "record")]
mod replay;
mod rto;
#[cfg(feature = "http")]
mod services;
#[allow(unreachable_pub, reason = "a test binary exports nothing")]
mod support;
mod tidy;
mod window;
