//! Everything that needs no privilege: one binary, fast to link.

mod arrives;
mod close;
mod coverage;
mod fuzz;
mod garbage;
mod handshake;
mod hostile;
mod ip;
mod rto;
#[allow(unreachable_pub, reason = "a test binary exports nothing")]
mod support;
mod window;
