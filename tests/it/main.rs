//! Everything that needs no privilege: one binary, fast to link.

mod arrives;
mod close;
mod handshake;
mod hostile;
mod rto;
#[allow(unreachable_pub, reason = "a test binary exports nothing")]
mod support;
mod window;
