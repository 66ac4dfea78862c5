//! `netglass lab`: networks in virtual time, from files or those that come with the program.

use super::study::Source;
use super::study::args::{LabArgs, LabCommand, LabRunArgs, LabShowArgs};
use super::study::source::RUN_FILE;
use super::{Failure, Outcome, talk};
use crate::base::Duration;
use crate::lab::{Options, Page, Run, Shipped, run, shipped};
use crate::observe::view::text::wrap;
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn main(args: &LabArgs) -> Outcome {
    match &args.command {
        LabCommand::List => list(),
        LabCommand::Show(args) => show(args),
        LabCommand::Run(args) => run_one(args),
        LabCommand::Up(args) => super::lab_up::run(args),
    }
}

/// Columns of a lab's number and name in the list.
const BESIDE: usize = 21;

fn list() -> Outcome {
    let mut text = String::new();
    let room = talk::view(true).width.max(2 * BESIDE) - BESIDE;
    for lab in shipped() {
        let read = lab.lab(&[]).map_err(Failure::failed)?;
        let mut lines = wrap(&read.promise, room).into_iter();
        let first = lines.next().unwrap_or_default();
        text += &format!("{:>3}  {:<14}  {first}\n", lab.number, lab.name);
        lines.for_each(|line| text += &format!("{:BESIDE$}{line}\n", ""));
    }
    text += "\nnext: netglass lab show 1  ·  netglass lab run 1\n";
    talk::say(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The lab of that number, name or file.
pub(super) fn find(which: &str, sets: &[(String, String)]) -> Result<Source, Failure> {
    if let Some(lab) = Shipped::find(which) {
        return Source::shipped(lab, sets);
    }
    let path = Path::new(which);
    if !path.exists() && !which.contains(['/', '.']) {
        let names = shipped().iter().map(|lab| lab.name);
        let near = crate::base::words::nearest(which, names);
        let hint = near.map_or(String::new(), |name| format!("did you mean {name}? "));
        return Err(Failure::usage(format_args!(
            "there is no lab \"{which}\": {hint}`netglass lab list` names them all"
        )));
    }
    Source::file(path, sets)
}

/// The settings that the arguments make, the seed among them.
pub(super) fn sets(set: &[(String, String)], seed: Option<u64>) -> Vec<(String, String)> {
    let seed = seed.map(|seed| ("seed".to_owned(), seed.to_string()));
    set.iter().cloned().chain(seed).collect()
}

fn show(args: &LabShowArgs) -> Outcome {
    if args.file {
        let text = match Shipped::find(&args.lab) {
            Some(lab) => lab.text.to_owned(),
            None => super::files::text(Path::new(&args.lab))
                .map_err(|e| Failure::usage(format_args!("{}: {e}", args.lab)))?,
        };
        talk::say(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let lab = find(&args.lab, &[])?.into_lab()?;
    let view = talk::view(true);
    let (style, width) = (view.style, view.width);
    let page = Page { all: true, answers: args.answer, width, style, name: &args.lab };
    talk::say(&lab.page(&page))?;
    Ok(ExitCode::SUCCESS)
}

fn run_one(args: &LabRunArgs) -> Outcome {
    let source = find(&args.lab, &sets(&args.set, args.seed))?;
    source.remember();
    let spec = source.spec();
    let lab = source.into_lab()?;
    let begun = std::time::Instant::now();
    let run = run(&lab, &Options::default());
    let wall = begun.elapsed();
    let view = talk::view(args.all);
    let (style, width) = (view.style, view.width);
    let page = Page { all: args.all, answers: args.answer, width, style, name: &args.lab };
    let text = if args.json { json(&run, wall) } else { run.page(&page) };
    talk::say(&text)?;
    if let Some(dir) = &args.out {
        keep(&run, &spec, dir, &page, wall)
            .map_err(|error| Failure::failed(format_args!("{}: {error}", dir.display())))?;
        if !args.json {
            let (kept, dir) = (KEPT.join(", "), dir.display());
            talk::say(&format!("in {dir}: {kept}; elsewhere, --run {dir} means this run"))?;
        }
    }
    Ok(if run.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a run leaves in a directory.
const KEPT: [&str; 4] = ["run.txt", "log.txt", "results.json", RUN_FILE];

/// Writes the run into a directory: the page with everything, the log, the results for machines,
/// and which run it was, so that `--run DIR` finds it.
fn keep(
    run: &Run,
    spec: &Value,
    dir: &Path,
    page: &Page<'_>,
    wall: Duration,
) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let texts = [
        run.page(&Page { all: true, ..*page }),
        run.lines().join("\n") + "\n",
        json(run, wall) + "\n",
        format!("{spec}\n"),
    ];
    KEPT.iter().zip(texts).try_for_each(|(name, text)| std::fs::write(dir.join(name), text))
}

/// `wall_us` is how long the run took by the clock on the wall; all else repeats.
fn json(run: &Run, wall: Duration) -> String {
    let checks = run.verdicts.iter().map(|verdict| {
        let failure = verdict.failure.as_ref().map(|failure| {
            json!({
                "asked": failure.asked, "expected": failure.expected, "found": failure.found,
                "steps": failure.steps,
            })
        });
        json!({ "say": verdict.say, "passed": verdict.passed(), "failure": failure })
    });
    let programs = run.reports.iter().map(|report| {
        let ended = report.ended.map(|(at, well)| json!({ "at_ns": at.as_nanos(), "well": well }));
        let on = &run.lab.nodes[report.on].name;
        json!({ "on": on, "run": report.run, "said": report.said, "ended": ended })
    });
    json!({
        "title": run.lab.title,
        "seed": run.lab.seed,
        "trace": format!("{:016x}", run.hash),
        "end": run.ending(),
        "ended_ns": run.ended.as_nanos(),
        "events": run.counts.events,
        "wall_us": wall.as_micros() as u64,
        "passed": run.passed(),
        "checks": checks.collect::<Vec<_>>(),
        "programs": programs.collect::<Vec<_>>(),
    })
    .to_string()
}
