//! `netglass drill`: runs scripts in the packetdrill language.

use super::{Failure, Outcome, talk};
use crate::base::Frame;
use crate::base::words::nearest;
use crate::drill::{self, Ignore, Options, Profile, Verdict};
use crate::observe::pcapng::{Direction, LinkType, Writer};
use clap::Args;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// `netglass drill`.
#[derive(Args, Debug)]
pub(super) struct DrillArgs {
    /// Scripts, or directories of them (*.pkt)
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// The host that is tested: linux, rfc or freebsd
    #[arg(long, default_value = "linux", value_name = "NAME")]
    pub(super) profile: String,
    /// Allow no deviation in time
    #[arg(long)]
    pub(super) exact: bool,
    /// Skip what is not known here, and say so
    #[arg(long)]
    pub(super) lenient: bool,
    /// Do not compare: psh, opts-order, opts, win, ecn, time (between commas)
    #[arg(long, value_name = "WORDS")]
    pub(super) ignore: Option<String>,
    /// Replace a word of the scripts
    #[arg(short = 'D', long = "define", value_name = "NAME=VALUE", value_parser = definition)]
    pub(super) define: Vec<(String, String)>,
    /// An option that overrides the scripts' own, without its dashes: tolerance_usecs=10000
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) set: Vec<String>,
    /// Show what happens, step by step
    #[arg(long)]
    pub(super) trace: bool,
    /// Keep the packets of the last script, with the reasons, in a capture file
    #[arg(long, value_name = "FILE")]
    pub(super) pcapng: Option<PathBuf>,
    /// Write a page for browsers: every script with its steps, packets and reasons
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// One JSON object per script
    #[arg(long)]
    pub(super) json: bool,
}

/// `NAME=VALUE`, or `NAME` alone, which is 1.
fn definition(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, "1"));
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match !name.is_empty() && name.chars().all(word) {
        true => Ok((name.to_owned(), value.to_owned())),
        false => Err(format!("\"{text}\" is not NAME=VALUE")),
    }
}

pub(super) fn run(args: &DrillArgs) -> Outcome {
    let profile = profile(&args.profile)?;
    let options = options(args)?;
    let scripts = scripts(&args.files)?;
    let begun = Instant::now();
    let (mut failed, mut skipping) = (0, 0);
    let mut html = drill::Page::new();
    for path in &scripts {
        let name = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::failed(format_args!("{name}: {error}")))?;
        let verdict = match drill::parse(&name, &text, &args.define) {
            Ok(script) => drill::run_with(&script, &profile, &options),
            Err(error) => {
                failed += 1;
                html.unreadable(&name, &error.to_string());
                match args.json {
                    true => talk::say(
                        &json!({ "file": name, "passed": false, "error": error.to_string() })
                            .to_string(),
                    )?,
                    false => talk::say(&error.to_string())?,
                }
                continue;
            }
        };
        failed += usize::from(!verdict.passed());
        skipping += usize::from(!verdict.skipped.is_empty());
        if args.html.is_some() {
            html.script(&name, &text, &verdict);
        }
        if let Some(file) = &args.pcapng {
            capture(file, &name, &verdict)
                .map_err(|error| Failure::failed(format_args!("{}: {error}", file.display())))?;
        }
        talk::say(&if args.json {
            as_json(&name, &verdict)
        } else {
            page(&name, &verdict, args.trace)
        })?;
    }
    if let Some(file) = &args.html {
        fs::write(file, html.to_string())
            .map_err(|error| Failure::failed(format_args!("{}: {error}", file.display())))?;
    }
    if !args.json {
        let millis = begun.elapsed().as_millis();
        let passed = scripts.len() - failed;
        let skipped = if skipping == 0 { String::new() } else { format!(" ({skipping} in part)") };
        talk::say(&format!("{passed} hold{skipped}, {failed} do not; {millis} ms"))?;
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn profile(name: &str) -> Result<Profile, Failure> {
    Profile::named(name).ok_or_else(|| {
        let near = nearest(name, Profile::NAMES.iter().copied());
        let hint = near.map_or(String::new(), |name| format!("did you mean {name}? "));
        let names = Profile::NAMES.join(", ");
        Failure::usage(format_args!("there is no profile \"{name}\": {hint}choose from {names}"))
    })
}

fn options(args: &DrillArgs) -> Result<Options, Failure> {
    let words = args.ignore.as_deref().unwrap_or_default();
    let ignore = Ignore::parse(words).map_err(|word| {
        let words = Ignore::WORDS.join(", ");
        Failure::usage(format_args!("--ignore: \"{word}\" is not known: choose from {words}"))
    })?;
    let split = |text: &String| match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (text.clone(), None),
    };
    let set = args.set.iter().map(split).collect();
    Ok(Options { exact: args.exact, lenient: args.lenient, ignore, set })
}

/// The scripts that files and directories mean, in order.
fn scripts(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => {
                below(path, &mut found)
                    .map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))?;
            }
            false if path.exists() => found.push(path.clone()),
            false => {
                return Err(Failure::usage(format_args!("there is no file {}", path.display())));
            }
        }
    }
    match found.is_empty() {
        true => Err(Failure::usage("no script (*.pkt) is there")),
        false => Ok(found),
    }
}

fn below(dir: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut paths: Vec<_> = fs::read_dir(dir)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            below(&path, found)?;
        } else if path.extension().is_some_and(|ext| ext == "pkt") {
            found.push(path);
        }
    }
    Ok(())
}

fn page(name: &str, verdict: &Verdict, trace: bool) -> String {
    let mut text = String::new();
    if trace {
        verdict.trace.iter().for_each(|line| text += &format!("{line}\n"));
    }
    for (line, what) in &verdict.skipped {
        text += &format!("{name}:{line}: skipped: {what}\n");
    }
    match &verdict.failure {
        // The trace has shown what came before.
        Some(failure) if trace => {
            text + &drill::Failure { steps: Vec::new(), ..failure.clone() }.of(name)
        }
        Some(failure) => text + &failure.of(name),
        None => text + name + ": holds",
    }
}

fn as_json(name: &str, verdict: &Verdict) -> String {
    let failure = verdict.failure.as_ref().map(|failure| {
        json!({
            "line": failure.line, "kind": failure.kind.name(), "what": failure.what,
            "expected": failure.expected, "actual": failure.actual, "why": failure.why,
            "state": failure.state, "steps": failure.steps,
        })
    });
    let skipped = verdict.skipped.iter().map(|(line, what)| json!({ "line": line, "what": what }));
    json!({
        "file": name,
        "passed": verdict.passed(),
        "ended_us": verdict.ended.as_micros(),
        "packets": verdict.packets.len(),
        "failure": failure,
        "skipped": skipped.collect::<Vec<_>>(),
    })
    .to_string()
}

/// The packets of a run, each with its reason.
fn capture(path: &Path, name: &str, verdict: &Verdict) -> std::io::Result<()> {
    let pool = crate::base::Pool::new();
    let file = fs::File::create(path)?;
    let mut writer = Writer::new(file, "tun0", LinkType::Raw, &format!("netglass drill {name}"))?;
    for packet in &verdict.packets {
        let direction = if packet.inbound { Direction::In } else { Direction::Out };
        let frame = Frame::copied(&pool, &packet.bytes);
        let why: Vec<String> = packet.why.iter().cloned().collect();
        writer.packet(packet.at.as_nanos(), direction, &frame, &why)?;
    }
    writer.finish().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_shows_each_step_once() {
        let text = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+.1 listen(3, 1) = -1\n";
        let script = drill::parse("wrong.pkt", text, &[]).unwrap_or_else(|e| panic!("{e}"));
        let verdict = drill::run(&script, &Profile::linux());
        for trace in [false, true] {
            let text = page("wrong.pkt", &verdict, trace);
            assert_eq!(text.matches("socket(").count(), 1, "{text}");
        }
    }
}
