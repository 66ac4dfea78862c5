//! The system benchmark: netglass beside its peers, each in a private network of its own, all in
//! one run and taking turns. `scripts/bench` runs it; docs/performance.md says what it measures.
//!
//! This process only asks for measurements and adds them up ([`report`]). Each is made by a child
//! in a new network namespace ([`cell`]), which starts the stack under test in another process
//! ([`serve`]) and puts load on it with the kernel's own sockets ([`load`]).

mod account;
mod cell;
mod lan;
mod load;
#[path = "../support/machine.rs"]
mod machine;
mod plan;
mod report;
mod serve;

use cell::Cell;
use clap::{Parser, Subcommand};
use load::Load;
use plan::Section;
use report::{Report, Sample};
use serve::Subject;
use std::path::PathBuf;
use std::process::ExitCode;

/// Measures netglass, smoltcp and the Linux kernel with the same load, in turns.
#[derive(Parser)]
#[command(name = "bench")]
struct Args {
    /// Seconds per measurement.
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    seconds: f64,
    /// How often everything is measured.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Three rounds of half a second: to see that it works.
    #[arg(long)]
    quick: bool,
    /// The MTU of every link, in bytes.
    #[arg(long, default_value_t = 1500, value_parser = clap::value_parser!(u16).range(576..))]
    mtu: u16,
    /// How many processors bulk data has.
    #[arg(long, default_value_t = 2)]
    cpus: usize,
    /// Only these sections.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Section>,
    /// Only these stacks.
    #[arg(long, value_delimiter = ',')]
    stacks: Vec<Subject>,
    /// Only these loads.
    #[arg(long, value_delimiter = ',')]
    loads: Vec<Load>,
    /// Writes all measurements to a file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What `cargo bench` says; without it, this is `cargo test`, which wants no measurement.
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What a child of this program does.
#[derive(Subcommand)]
enum Role {
    /// One measurement, in the network namespace it is started in.
    #[command(hide = true)]
    Cell(Cell),
    /// The stack under test.
    #[command(hide = true)]
    Serve(Cell),
}

/// What went wrong, in one line.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn seconds(text: &str) -> Result<f64, String> {
    let wanted: f64 = text.parse().map_err(|e| format!("{e}"))?;
    match (0.1..=60.0).contains(&wanted) {
        true => Ok(wanted),
        false => Err("between 0.1 and 60 seconds".to_owned()),
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.role {
        Some(Role::Cell(cell)) => cell::run(cell),
        Some(Role::Serve(cell)) => serve::run(cell),
        None if !args.bench => {
            println!("a benchmark: scripts/bench runs it");
            return ExitCode::SUCCESS;
        }
        None => measure(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::from(2)
        }
    }
}

fn measure(args: Args) -> Outcome<()> {
    let (seconds, rounds) = if args.quick { (0.4, 1) } else { (args.seconds, args.rounds) };
    let wanted = |section: &Section| args.only.is_empty() || args.only.contains(section);
    let sections: Vec<Section> = Section::ALL.iter().copied().filter(wanted).collect();
    let mut report = Report::new(seconds, rounds, args.mtu);
    println!("{}", report.heading());
    for section in sections {
        if let Some(lack) = section.lack() {
            report.skip(section, lack);
            continue;
        }
        for round in 0..rounds {
            for load in section.loads().into_iter().filter(|load| takes(&args.loads, load)) {
                for &subject in section.subjects().iter().filter(|s| takes(&args.stacks, s)) {
                    let Args { mtu, cpus, .. } = args;
                    let cell = Cell { subject, load, mtu, seconds, cpus, round };
                    let figures = cell::measure(cell, !args.quick)
                        .map_err(|e| format!("{subject}, {load}: {e}"))?;
                    report.add(Sample { round, section, subject, load, figures });
                }
            }
            eprintln!("{section:?}: round {} of {rounds} done", round + 1);
        }
        println!("{}", report.table(section));
    }
    if let Some(path) = args.json {
        std::fs::write(&path, format!("{:#}\n", report.json()))
            .map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}

/// Whether one of many was asked for, by name or by naming none.
fn takes<T: PartialEq>(wanted: &[T], one: &T) -> bool {
    wanted.is_empty() || wanted.contains(one)
}
