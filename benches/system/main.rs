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
mod report;
mod serve;

use clap::{Parser, Subcommand};
use load::Load;
use report::{Report, Sample};
use serve::{Service, Subject};
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
    Cell { subject: Subject, load: Load, seconds: f64, mtu: u16 },
    /// The stack under test.
    #[command(hide = true)]
    Serve { subject: Subject, service: Service, mtu: u16 },
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
        Some(Role::Cell { subject, load, seconds, mtu }) => cell::run(subject, load, seconds, mtu),
        Some(Role::Serve { subject, service, mtu }) => serve::run(subject, service, mtu),
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
    let (seconds, rounds) = if args.quick { (0.5, 3) } else { (args.seconds, args.rounds) };
    let stacks = chosen(&args.stacks, Subject::ALL);
    let loads = chosen(&args.loads, Load::ALL);
    let mut report = Report::new(seconds, rounds, args.mtu);
    println!("{}", report.heading());
    for round in 0..rounds {
        for &load in &loads {
            for &subject in &stacks {
                let figures = cell::measure(subject, load, seconds, args.mtu)
                    .map_err(|e| format!("{subject}, {load}: {e}"))?;
                report.add(Sample { round, subject, load, figures });
            }
        }
        eprintln!("round {} of {rounds} done", round + 1);
    }
    println!("{report}");
    if let Some(path) = args.json {
        std::fs::write(&path, report.json()).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}

fn chosen<T: Copy>(wanted: &[T], all: &[T]) -> Vec<T> {
    if wanted.is_empty() { all.to_vec() } else { wanted.to_vec() }
}
