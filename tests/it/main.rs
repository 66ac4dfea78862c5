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
#[allow(unreachable_pub, dead_code, reason = "a harness offers more than each test needs")]
mod support;
mod window;
mod wrap;
