//! The system benchmark: netglass beside its peers, each in a private network of its own, all in
//! one run and taking turns. `scripts/bench` runs it; docs/performance.md says what it measures.
//!
//! This process only asks for measurements and adds them up ([`report`]). Each is made by a child
//! in a new network namespace ([`cell`]), which starts the stack under test in another process
//! ([`serve`]) and puts load on it with the kernel's own sockets ([`load`]).

mod account;
mod cell;
mod curves;
#[path = "../support/doc.rs"]
mod doc;
mod goals;
mod lan;
mod load;
#[path = "../support/machine.rs"]
mod machine;
mod plan;
mod report;
mod serve;
#[allow(dead_code, unreachable_pub, reason = "each benchmark uses its part of it")]
#[path = "../support/mod.rs"]
mod support;
mod svg;

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
#[command(name = "bench", bin_name = "scripts/bench")]
struct Args {
    /// Seconds per measurement.
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    seconds: f64,
    /// How often everything is measured.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// One round of a fraction of a second each: to see that it works.
    #[arg(long, conflicts_with_all = ["seconds", "rounds", "write"])]
    quick: bool,
    /// The MTU of every link, in bytes.
    #[arg(long, default_value_t = 1500, value_parser = clap::value_parser!(u16).range(576..))]
    mtu: u16,
    /// Only these sections.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Section>,
    /// Only these stacks.
    #[arg(long, value_delimiter = ',')]
    stacks: Vec<Subject>,
    /// Only these loads.
    #[arg(long, value_delimiter = ',')]
    loads: Vec<Load>,
    /// Writes the tables into docs/performance.md, and the chart beside it; with --only, those of
    /// these sections, and not the goals.
    #[arg(long, conflicts_with_all = ["stacks", "loads", "mtu"])]
    write: bool,
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
    /// Costs among so many connections.
    #[command(hide = true)]
    Curve { count: usize },
}

/// What the curves are drawn into.
const CHART: &str = "docs/cost.svg";

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
        Some(Role::Cell(cell)) => lan::must_be_private().and_then(|()| cell::run(cell)),
        Some(Role::Serve(cell)) => lan::must_be_private().and_then(|()| serve::run(cell)),
        Some(Role::Curve { count }) => {
            curves::run(count);
            Ok(())
        }
        None if !args.bench => {
            println!("a benchmark: scripts/bench runs it");
            Ok(())
        }
        None => measure(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::from(2)
        }
    }
}

fn measure(args: &Args) -> Outcome<()> {
    let (seconds, rounds) = if args.quick { (0.4, 1) } else { (args.seconds, args.rounds) };
    let mut report = Report::new(seconds, rounds, args.mtu);
    let wanted = |section: &Section| takes(&args.only, section) && has_cells(args, *section);
    let sections: Vec<Section> = Section::ALL.iter().copied().filter(wanted).collect();
    if sections.is_empty() {
        return Err(
            "nothing is left to measure: none of these sections has these loads on these stacks"
                .into(),
        );
    }
    ip_is_there(args, &sections)?;
    if let Some(path) = &args.json {
        // Before half an hour of measurements for nothing; it keeps what it has till the end.
        let open = std::fs::File::options().create(true).append(true).open(path);
        open.map_err(|e| format!("--json {}: {e}", path.display()))?;
    }
    println!("{}", report.heading());
    for &section in &sections {
        match section.lack() {
            Some(lack) => report.skip(section, lack),
            None if section == Section::Curves => curves(args, rounds, &mut report)?,
            None => cells(args, section, (seconds, rounds), &mut report)?,
        }
        println!("\n{}: {}\n\n{}", section.name(), section.title(), report.table(section));
    }
    println!("\ngoals (met ones in bold)\n\n{}", goals::table(&report));
    if args.write {
        doc::write(&report.parts(&sections))?;
        if sections.contains(&Section::Curves) {
            std::fs::write(doc::path(CHART), report.curves.svg())?;
        }
    }
    if let Some(path) = &args.json {
        let text = format!("{:#}\n", report.json());
        std::fs::write(path, text).map_err(|e| format!("--json {}: {e}", path.display()))?;
    }
    Ok(())
}

/// Measures all stacks of a section by all its loads, in turns.
fn cells(
    args: &Args,
    section: Section,
    (seconds, rounds): (f64, u32),
    report: &mut Report,
) -> Outcome<()> {
    let mtu = args.mtu;
    for round in 0..rounds {
        for load in section.loads().into_iter().filter(|load| takes(&args.loads, load)) {
            for &subject in section.subjects().iter().filter(|one| takes(&args.stacks, one)) {
                let cell = Cell { subject, load, mtu, seconds, round };
                let figures = cell::measure(cell, !args.quick)
                    .map_err(|e| format!("{subject}, {load}: {e}"))?;
                report.add(Sample { round, section, subject, load, figures });
            }
        }
        eprintln!("{}: round {} of {rounds} done", section.name(), round + 1);
    }
    Ok(())
}

fn curves(args: &Args, rounds: u32, report: &mut Report) -> Outcome<()> {
    for round in 0..rounds {
        for &count in curves::COUNTS.iter().filter(|count| !args.quick || **count <= 10_000) {
            report.curves.measure(count)?;
        }
        eprintln!("curves: round {} of {rounds} done", round + 1);
    }
    Ok(())
}

/// Linux itself is under test at the other end of a cable that `ip` makes.
fn ip_is_there(args: &Args, sections: &[Section]) -> Outcome<()> {
    let all = || sections.iter().flat_map(|section| section.subjects());
    let is_wanted =
        takes(&args.stacks, &Subject::Kernel) && all().any(|one| *one == Subject::Kernel);
    match is_wanted && lan::ip_is_missing() {
        true => Err("ip is not installed: scripts/bench --install has apt-get do it".into()),
        false => Ok(()),
    }
}

/// Whether anything of a section was asked for.
fn has_cells(args: &Args, section: Section) -> bool {
    let all = args.loads.is_empty() && args.stacks.is_empty();
    let loads = section.loads().iter().any(|load| takes(&args.loads, load));
    all || loads && section.subjects().iter().any(|subject| takes(&args.stacks, subject))
}

/// Whether one of many was asked for, by name or by naming none.
fn takes<T: PartialEq>(wanted: &[T], one: &T) -> bool {
    wanted.is_empty() || wanted.contains(one)
}
