//! `netglass drill`: runs scripts in the packetdrill language.

use super::{Failure, Outcome, files, shown, talk};
use crate::base::Frame;
use crate::drill::ast::Script;
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
#[command(
    after_help = "Exit code: 0 when all scripts hold; 1 when one does not, cannot be read or is \
    not there; 2 when the command line is wrong or no script is named."
)]
pub(super) struct DrillArgs {
    /// Scripts, or directories of them (*.pkt); - is the script on standard input
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// The host that is tested: linux, rfc or freebsd [default: what a script says in a comment
    /// `//? profile NAME` at its top, else linux]
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// Allow no deviation in time
    #[arg(long)]
    pub(super) exact: bool,
    /// Skip what is not known here, and say so
    #[arg(long)]
    pub(super) lenient: bool,
    /// Do not compare: psh, opts-order, opts, win, ecn, time (between commas)
    #[arg(long, value_name = "WORDS")]
    pub(super) ignore: Vec<String>,
    /// Replace a word of the scripts; a name alone is 1, which is enough for #ifdef
    #[arg(short = 'D', long = "define", value_name = "NAME[=VALUE]", value_parser = definition)]
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
    /// One JSON object per script; with --trace, what happened is in it
    #[arg(long)]
    pub(super) json: bool,
}

/// `NAME=VALUE`, or `NAME` alone, which is 1.
fn definition(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, "1"));
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match !name.is_empty() && name.chars().all(word) {
        true => Ok((name.to_owned(), value.to_owned())),
        false => Err(format!("\"{name}\" is no word: NAME=VALUE or NAME is meant")),
    }
}

pub(super) fn run(args: &DrillArgs) -> Outcome {
    let asked = args.profile.as_deref().map(Profile::find).transpose().map_err(Failure::Usage)?;
    let options = options(args)?;
    let scripts = scripts(&args.files)?;
    let begun = Instant::now();
    let (mut failed, mut skipping, mut others) = (0, 0, 0);
    let mut html = drill::Page::new();
    for path in &scripts {
        let name = match path.as_os_str() == "-" {
            true => "stdin".to_owned(),
            false => path.display().to_string(),
        };
        let read = read(path, &name, args, asked.as_ref());
        let Read { text, script, profile, other } = match read {
            Ok(read) => read,
            Err(Unread { line, what }) => {
                failed += 1;
                html.unreadable(&name, &what);
                let as_json =
                    || json!({ "file": name, "passed": false, "line": line, "error": what });
                talk::say(&if args.json { as_json().to_string() } else { shown(&what) })?;
                continue;
            }
        };
        others += usize::from(other.is_some());
        let verdict = drill::run_with(&script, &profile, &options);
        failed += usize::from(!verdict.passed());
        skipping += usize::from(!verdict.skipped.is_empty());
        if args.html.is_some() {
            html.script(&name, &text, &verdict);
        }
        if let Some(file) = &args.pcapng {
            capture(file, &name, &verdict)
                .map_err(|error| Failure::failed(format_args!("{}: {error}", file.display())))?;
        }
        talk::say(&match args.json {
            true => as_json(&name, profile.name, &verdict, args.trace),
            false => page(&name, other, &verdict, args.trace),
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
        if let Some(asked) = asked.filter(|_| others > 0) {
            let what = "met that one, as --profile says, and not the one named there";
            let scripts = if others == 1 { "script" } else { "scripts" };
            talk::say(&format!("{}: {others} {scripts} {what}", asked.name))?;
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A script that can be run.
struct Read {
    text: String,
    script: Script,
    /// The host that it meets.
    profile: Profile,
    /// The profile that it names, if it is to meet another.
    other: Option<String>,
}

/// Why a script cannot be run.
struct Unread {
    /// The line that is to blame, if one is.
    line: Option<u32>,
    what: String,
}

/// Reads a script. Bytes that are no text are none of the language's either; in comments they may
/// be anything.
fn read(
    path: &Path,
    name: &str,
    args: &DrillArgs,
    asked: Option<&Profile>,
) -> Result<Read, Unread> {
    let bytes = match path.as_os_str() == "-" {
        true => files::all(std::io::stdin()),
        false => files::bytes(path),
    };
    let bytes = bytes.map_err(|error| Unread { line: None, what: format!("{name}: {error}") })?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let script = drill::parse(name, &text, &args.define)
        .map_err(|error| Unread { line: Some(error.line), what: error.to_string() })?;
    let own = match &script.profile {
        Some(note) => Profile::find(&note.value).map_err(|error| Unread {
            line: Some(note.line),
            what: format!("{name}:{}: `//? profile`: {error}", note.line),
        })?,
        None => Profile::linux(),
    };
    let profile = asked.unwrap_or(&own).clone();
    let other = script.profile.clone().map(|note| note.value).filter(|_| profile.name != own.name);
    Ok(Read { text, script, profile, other })
}

fn options(args: &DrillArgs) -> Result<Options, Failure> {
    let ignore = Ignore::parse(&args.ignore.join(",")).map_err(|word| {
        let words = Ignore::WORDS.join(", ");
        Failure::usage(format_args!("--ignore: \"{word}\" is not known: choose from {words}"))
    })?;
    let split = |text: &String| match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (text.clone(), None),
    };
    let set = args.set.iter().map(split).collect();
    let options = Options { exact: args.exact, lenient: args.lenient, ignore, set };
    options.check().map_err(|what| Failure::usage(format_args!("--set: {what}")))?;
    Ok(options)
}

/// The scripts that files and directories mean, in order; what is not there is told in its place.
fn scripts(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => {
                below(path, &mut found)
                    .map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))?;
            }
            false => found.push(path.clone()),
        }
    }
    match found.is_empty() {
        true => Err(Failure::usage("no script (*.pkt) is there")),
        false => Ok(found),
    }
}

/// What is below a directory; links to others are not followed, which may lead back.
fn below(dir: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut paths: Vec<_> = fs::read_dir(dir)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() && path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            below(&path, found)?;
        } else if path.extension().is_some_and(|ext| ext == "pkt") {
            found.push(path);
        }
    }
    Ok(())
}

fn page(name: &str, other: Option<String>, verdict: &Verdict, trace: bool) -> String {
    let mut text = String::new();
    if trace {
        verdict.trace.iter().for_each(|line| text += &format!("{line}\n"));
    }
    for (line, what) in &verdict.skipped {
        text += &format!("{name}:{line}: skipped: {what}\n");
    }
    let other = other.map(|own| format!("is written for {own}"));
    // The trace has shown what came before.
    let failure = verdict.failure.as_ref().map(|failure| {
        let shown = if trace { Vec::new() } else { failure.steps.clone() };
        drill::Failure { steps: shown, ..failure.clone() }.of(name)
    });
    let left = match verdict.unasked {
        0 => String::new(),
        1 => "; 1 packet left that no event asked for".to_owned(),
        n => format!("; {n} packets left that no event asked for"),
    };
    shown(&match (failure, other) {
        (Some(failure), None) => text + &failure,
        (Some(failure), Some(other)) => format!("{text}{failure}{name}: {other}"),
        (None, None) => format!("{text}{name}: holds{left}"),
        (None, Some(other)) => format!("{text}{name}: holds, but {other}{left}"),
    })
}

fn as_json(name: &str, profile: &str, verdict: &Verdict, trace: bool) -> String {
    let failure = verdict.failure.as_ref().map(|failure| {
        json!({
            "line": failure.line, "kind": failure.kind.name(), "what": failure.what,
            "expected": failure.expected, "actual": failure.actual, "why": failure.why,
            "state": failure.state, "steps": failure.steps,
        })
    });
    let skipped = verdict.skipped.iter().map(|(line, what)| json!({ "line": line, "what": what }));
    let mut told = json!({
        "file": name,
        "profile": profile,
        "passed": verdict.passed(),
        "ended_us": verdict.ended.as_micros(),
        "packets": verdict.packets.len(),
        "unasked": verdict.unasked,
        "failure": failure,
        "skipped": skipped.collect::<Vec<_>>(),
    });
    if trace {
        told["trace"] = json!(verdict.trace);
    }
    told.to_string()
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
            let text = page("wrong.pkt", None, &verdict, trace);
            assert_eq!(text.matches("socket(").count(), 1, "{text}");
        }
    }

    #[test]
    fn commands_of_a_script_do_not_steer_the_terminal() {
        let text = "0 `echo \u{1b}]0;title\u{7}`\n";
        let script = drill::parse("wrong.pkt", text, &[]).unwrap_or_else(|e| panic!("{e}"));
        let verdict = drill::run(&script, &Profile::linux());
        let text = page("wrong.pkt", None, &verdict, true);
        assert!(text.contains(r"echo \u{1b}]0;title\u{7}"), "{text}");
    }

    #[test]
    fn a_link_that_leads_back_is_not_followed() {
        let dir = std::env::temp_dir().join(format!("netglass-links-{}", std::process::id()));
        fs::create_dir_all(dir.join("in")).expect("a directory");
        fs::write(dir.join("in/one.pkt"), "").expect("a file");
        std::os::unix::fs::symlink(&dir, dir.join("in/back")).expect("a link");
        let found = scripts(std::slice::from_ref(&dir));
        fs::remove_dir_all(&dir).expect("it was there");
        assert_eq!(found.unwrap_or_default(), [dir.join("in/one.pkt")]);
    }
}
