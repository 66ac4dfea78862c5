//! Row 6: simulations: programs and networks in virtual time.

mod exec;

pub use exec::{Executor, Failure};
