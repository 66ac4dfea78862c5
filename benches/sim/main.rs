//! The simulator beside ns-3: the same dumbbell in both, in turns. And by itself: how cost grows
//! with hosts, how long it takes to go back to a moment, and what all labs take.
//! docs/performance.md says what the figures mean.
//!
//! Every run has a process of its own ([`measure`]).

mod dumbbell;
mod growth;
mod labs;
#[path = "../support/machine.rs"]
mod machine;
mod measure;
mod ns3;
mod report;
mod rewind;

use clap::{Parser, Subcommand, ValueEnum};
use measure::Figures;
use netglass::base::Instant;
use ns3::Ns3;
use report::{Dumbbell, Growth, Report};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Measures the simulator, and ns-3 with the same network.
#[derive(Parser)]
#[command(name = "bench sim", bin_name = "scripts/bench sim")]
struct Args {
    /// How many flows share the bottleneck, one run each.
    #[arg(long, value_delimiter = ',', default_value = "1,10,100,1000")]
    flows: Vec<u16>,
    /// Virtual seconds of each run.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// How often everything is measured.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// One round of a virtual second, a hundred flows at most: to see that it works.
    #[arg(long)]
    quick: bool,
    /// Only these parts.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// Writes all measurements to a file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What `cargo bench` says; without it, this is `cargo test`, which wants no measurement.
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What is measured.
#[derive(Copy, Clone, PartialEq, Eq, ValueEnum)]
enum Part {
    Dumbbell,
    Growth,
    Rewind,
    Labs,
}

/// What a child of this program does.
#[derive(Subcommand)]
enum Role {
    /// One dumbbell.
    #[command(hide = true)]
    Dumbbell { flows: u16, millis: u64 },
    /// One network of many hosts.
    #[command(hide = true)]
    Growth { hosts: u16, busy: u16 },
}

/// What went wrong, in one line.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let args = Args::parse();
    let figures = match args.role {
        Some(Role::Dumbbell { flows, millis }) => {
            Some(dumbbell::run(flows, Instant::from_millis(millis)))
        }
        Some(Role::Growth { hosts, busy }) => Some(growth::run(hosts, busy)),
        None => None,
    };
    if let Some(figures) = figures {
        println!("{}", figures.line());
        return ExitCode::SUCCESS;
    }
    if !args.bench {
        println!("a benchmark: scripts/bench sim runs it");
        return ExitCode::SUCCESS;
    }
    match measure(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::from(2)
        }
    }
}

fn measure(mut args: Args) -> Outcome<()> {
    if args.quick {
        (args.rounds, args.seconds) = (1, 1.0);
        args.flows.retain(|flows| *flows <= 100);
    }
    let has = |part| args.only.is_empty() || args.only.contains(&part);
    let mut report = Report { seconds: args.seconds, ..Report::default() };
    let ns3 = match has(Part::Dumbbell).then(Ns3::build) {
        Some(Ok(ns3)) => Some(ns3),
        Some(Err(error)) => {
            eprintln!("bench: without ns-3: {error}");
            None
        }
        None => None,
    };
    report.ns3 = ns3.as_ref().map(|ns3| ns3.version.clone());
    println!("{}", report.heading());
    if has(Part::Dumbbell) {
        report.dumbbells = dumbbells(&args, ns3.as_ref())?;
    }
    if has(Part::Growth) {
        report.growth = grown(&args)?;
    }
    if has(Part::Rewind) {
        report.rewound = Some(rewind::run());
    }
    if has(Part::Labs) {
        report.labs = Some(labs::all()?);
    }
    println!("{report}");
    if let Some(path) = args.json {
        std::fs::write(&path, report.json()).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}

fn child(role: &str, numbers: [u64; 2]) -> Outcome<Figures> {
    let mut program = Command::new(std::env::current_exe()?);
    Figures::of(program.arg(role).args(numbers.map(|number| number.to_string())))
}

fn dumbbells(args: &Args, ns3: Option<&Ns3>) -> Outcome<Vec<Dumbbell>> {
    let millis = (args.seconds * 1e3) as u64;
    let empty = |flows: &u16| Dumbbell { flows: *flows, ours: Vec::new(), ns3: Vec::new() };
    let mut all: Vec<Dumbbell> = args.flows.iter().map(empty).collect();
    for round in 0..args.rounds {
        for one in &mut all {
            one.ours.push(child("dumbbell", [one.flows.into(), millis])?);
            if let Some(ns3) = ns3 {
                one.ns3.push(ns3.run(one.flows, millis)?);
            }
            eprintln!("round {} of {}: {} flows", round + 1, args.rounds, one.flows);
        }
    }
    let same = |one: &Dumbbell| one.ours.iter().all(|f| f.hash == one.ours[0].hash);
    match all.iter().all(same) {
        true => Ok(all),
        false => Err("two runs of the same network differ".into()),
    }
}

fn grown(args: &Args) -> Outcome<Vec<Growth>> {
    let mut all = Vec::new();
    for hosts in [10, 100, 1_000, 10_000] {
        let busy = if hosts == 10 { vec![10] } else { vec![10, hosts] };
        all.extend(busy.into_iter().map(|busy| Growth { hosts, busy, rounds: Vec::new() }));
    }
    for _ in 0..args.rounds {
        for one in &mut all {
            one.rounds.push(child("growth", [one.hosts.into(), one.busy.into()])?);
        }
    }
    Ok(all)
}
