//! Instructions per operation of the hot path, counted by callgrind: the same on every run, so that
//! a change of a few per cent shows. The operations are those of benches/micro, in virtual time;
//! the counts that are expected are in tests/golden/instructions.txt, which `UPDATE=1` writes anew.
//!
//! Only an optimised program is worth counting: `cargo test --release --test instructions`.

#[path = "../../benches/micro/life.rs"]
mod life;
#[allow(dead_code, unreachable_pub, reason = "each benchmark uses its part of it")]
#[path = "../../benches/support/mod.rs"]
mod support;
mod table;
#[path = "../../benches/micro/transfer.rs"]
mod transfer;

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use table::{BATCHES, COUNTED, Row, Table};

/// Says which operation a child is to perform.
const VARIABLE: &str = "NETGLASS_INSTRUCTIONS";
/// How far a count may be from what is expected.
const TOLERANCE: f64 = 0.03;

fn rows(table: &mut Table) {
    transfer::rows(table);
    life::rows(table);
}

fn main() -> ExitCode {
    if let Ok(name) = std::env::var(VARIABLE) {
        rows(&mut Table::performing(&name));
        return ExitCode::SUCCESS;
    }
    let mut table = Table::default();
    if !cfg!(debug_assertions) {
        rows(&mut table);
    }
    if std::env::var_os("UPDATE").is_some() && !table.rows.is_empty() {
        return match update(&table.rows) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let missing = valgrind().arg("--version").output().is_err();
    let arguments = Arguments::from_args();
    let trials = table.rows.into_iter().map(|row| {
        if missing && !arguments.list {
            println!("ignored: {}: valgrind is not installed", row.name);
        }
        Trial::test(row.name.clone(), move || check(&row)).with_ignored_flag(missing)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn valgrind() -> Command {
    let mut valgrind = Command::new("valgrind");
    valgrind.stdin(Stdio::null());
    valgrind
}

/// Instructions per operation.
fn count(row: &Row) -> Result<f64, String> {
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut valgrind = valgrind();
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(format!("--toggle-collect=*{COUNTED}*")).arg(own).env(VARIABLE, &row.name);
    let output = valgrind.output().map_err(|e| format!("valgrind: {e}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected: Option<f64> =
        said.lines().find_map(|line| line.split_once("Collected : ")?.1.parse().ok());
    match collected {
        Some(all) if output.status.success() && all > 0.0 => {
            Ok(f64::round(all / (BATCHES * row.batch) as f64))
        }
        _ => Err(format!("{}: valgrind says {said}", row.name)),
    }
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/instructions.txt")
}

/// Compares a count with what is expected.
fn check(row: &Row) -> Result<(), Failed> {
    let text =
        std::fs::read_to_string(golden()).map_err(|e| format!("{}: {e}", golden().display()))?;
    let line =
        text.lines().find_map(|line| line.strip_prefix(row.name.as_str())?.trim().parse().ok());
    let expected: f64 = line.ok_or("not in the table: UPDATE=1 puts it there")?;
    let counted = count(row)?;
    let change = counted / expected - 1.0;
    println!("{:<46} {counted:>8} instructions ({:+.1} %)", row.name, 100.0 * change);
    match change.abs() <= TOLERANCE {
        true => Ok(()),
        false => Err(format!(
            "{counted} instructions, not {expected} as in tests/golden/instructions.txt \
             ({:+.1} %); UPDATE=1 writes what is so now",
            100.0 * change
        )
        .into()),
    }
}

/// Writes and prints the table of what is so now.
fn update(rows: &[Row]) -> Result<(), String> {
    let mut lines = vec![format!("{:<46} instructions", "operation")];
    for row in rows {
        lines.push(format!("{:<46} {:>12}", row.name, count(row)?));
    }
    let text = format!("{}\n", lines.join("\n"));
    print!("{text}");
    std::fs::write(golden(), text).map_err(|e| e.to_string())
}
