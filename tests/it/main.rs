//! Everything that needs no privilege: one binary, fast to link.

mod alloc;
mod hostile;
mod replay;
#[allow(unreachable_pub, reason = "a test binary exports nothing")]
mod support;
mod tidy;
