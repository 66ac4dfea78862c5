//! Nanoseconds per operation of the hot path, each beside the copying of as many bytes.
//!
//! `cargo bench --bench micro` runs everything, `cargo bench --bench micro -- input` the rows whose
//! names contain a word. Run without `--bench`, as `cargo test --benches` does, each row is taken
//! once, for its checks.

mod codec;
mod demux;
mod life;
mod loss;
#[allow(dead_code, unreachable_pub, reason = "each benchmark uses its part of it")]
#[path = "../support/mod.rs"]
mod support;
mod table;
mod transfer;

fn main() {
    let mut table = table::Table::from_args();
    transfer::rows(&mut table);
    life::rows(&mut table);
    demux::rows(&mut table);
    codec::rows(&mut table);
    loss::rows(&mut table);
}
