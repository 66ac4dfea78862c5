//! Everything that needs no privilege: one binary, fast to link.

mod arrives;
mod close;
mod handshake;
mod hostile;
#[allow(unreachable_pub, reason = "a test binary exports nothing")]
mod support;
