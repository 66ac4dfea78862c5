//! Nanoseconds per operation of the hot path, each beside the copying of as many bytes.
//!
//! `cargo bench --bench micro` runs everything, `cargo bench --bench micro -- input` the rows whose
//! names contain a word; `-- --write` puts everything into docs/performance.md. Run without
//! `--bench`, as `cargo test --benches` does, each row is taken once, for its checks.

mod codec;
mod demux;
#[path = "../support/doc.rs"]
mod doc;
mod life;
mod loss;
#[allow(dead_code, reason = "each benchmark uses its part of it")]
#[path = "../support/machine.rs"]
mod machine;
#[allow(dead_code, unreachable_pub, reason = "each benchmark uses its part of it")]
#[path = "../support/mod.rs"]
mod support;
mod table;
mod transfer;

fn main() -> std::io::Result<()> {
    let mut table = table::Table::from_args();
    transfer::rows(&mut table);
    life::rows(&mut table);
    demux::rows(&mut table);
    codec::rows(&mut table);
    loss::rows(&mut table);
    table.finish()
}
