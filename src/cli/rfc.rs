//! `netglass rfc`: what the RFCs of TCP require, what is done about it, and what proves it.

use super::{Failure, Outcome, talk};
use crate::base::words::nearest;
use crate::drill::{self, Options, Profile};
use crate::rfc::place::{self, Places, Proof};
use crate::rfc::{self, DOCUMENTS, Document, Done, Requirement};
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// `netglass rfc`.
#[derive(Args, Debug)]
#[command(
    after_help = "A requirement has the RFC's own label (MUST-37, SHLD-3, MAY-1 of RFC 9293) or \
    is numbered within its section (8985-6.2-4).\n\
    Scripts that prove it are part of this program and run whenever a single requirement is shown; \
    other tests need the source: in a checkout, --run has cargo run them.\n\
    Exit code: 1 when a proof does not hold."
)]
pub(super) struct RfcArgs {
    /// An RFC (8985), a section (8985-6.2), a requirement (MUST-37, 8985-6.2-4); nothing: all RFCs
    #[arg(value_name = "WHAT")]
    pub(super) what: Vec<String>,
    /// Run all that proves it, the tests of the source included
    #[arg(long)]
    pub(super) run: bool,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
}

type Found = (&'static Document, &'static Requirement);

pub(super) fn run(args: &RfcArgs) -> Outcome {
    let word = args.what.join(" ");
    let found = if word.is_empty() { rfc::all().collect() } else { chosen(&word)? };
    let proven = match (found.len(), args.run) {
        (1, _) | (_, true) => scripts(&found),
        _ => Vec::new(),
    };
    let text = match (found.as_slice(), word.is_empty()) {
        (_, true) if args.json => overview_as_json().to_string(),
        (_, true) => overview(),
        (all, _) if args.json => as_json(all, &proven).to_string(),
        ([one], _) => card(one, &proven),
        (all, _) => list(all, talk::width()) + &failures(&proven),
    };
    talk::say(&text)?;
    if args.run && found.len() > 1 && !args.json {
        let failed = proven.iter().filter(|(_, failure)| failure.is_some()).count();
        let held = proven.len() - failed;
        talk::say(&format!("scripts that prove them: {held} hold, {failed} do not"))?;
    }
    let tests = if args.run { cargo(&found)? } else { true };
    let holds = tests && proven.iter().all(|(_, failure)| failure.is_none());
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a word means.
fn chosen(word: &str) -> Result<Vec<Found>, Failure> {
    let found = rfc::find(word);
    if !found.is_empty() {
        return Ok(found);
    }
    let hint = hint(word);
    Err(Failure::usage(format_args!(
        "no requirement is called \"{word}\":{hint} `netglass rfc` lists the RFCs, \
         `netglass rfc 9293` the requirements of one"
    )))
}

/// RFCs that others took the place of, and those.
const OBSOLETE: [(&str, u16); 9] = [
    ("793", 9293),
    ("879", 9293),
    ("2873", 9293),
    ("1323", 7323),
    ("2581", 5681),
    ("2988", 6298),
    ("3782", 6582),
    ("6937", 9937),
    ("8312", 9438),
];

/// What somebody may have meant by a word that means nothing.
fn hint(word: &str) -> String {
    let number = word.trim_start_matches(|c: char| !c.is_ascii_digit());
    if let Some((old, new)) = OBSOLETE.iter().find(|(old, _)| *old == number) {
        return format!(" RFC {new} took the place of RFC {old};");
    }
    let words: Vec<_> = word.split_whitespace().collect();
    let label = words.last().map(|last| rfc::find(last)).unwrap_or_default();
    if let ([_, .., last], [(of, one)]) = (words.as_slice(), label.as_slice()) {
        return format!(" {last} alone is one of RFC {}: {}.", of.number, one.id);
    }
    let upper = word.to_ascii_uppercase();
    // A label that goes too far is no misspelling of another.
    let (kind, number) = upper.split_once('-').unwrap_or((&upper, ""));
    let of_kind = |id: &str| id.strip_prefix(kind)?.strip_prefix('-')?.parse::<u32>().ok();
    let last = rfc::all().filter_map(|(_, one)| of_kind(one.id)).max();
    match last.filter(|_| number.parse::<u32>().is_ok() && kind.starts_with(char::is_alphabetic)) {
        Some(last) => format!(" {kind}-1 to {kind}-{last} are those of RFC 9293;"),
        None => nearest(&upper, rfc::all().map(|(_, one)| one.id))
            .map_or(String::new(), |id| format!(" did you mean {id}?")),
    }
}

// ---- what is shown

fn overview() -> String {
    let mut text =
        format!("{:>5} {:>4} {:>7} {:>9} {:>3}\n", "RFC", "yes", "partly", "deviates", "no");
    let counts = |of: &Document| Done::ALL.map(|done| of.count(done));
    let row = |name: &str, [yes, partly, deviates, no]: [usize; 4], title: &str| {
        let line = format!("{name:>5} {yes:>4} {partly:>7} {deviates:>9} {no:>3}  {title}");
        line.trim_end().to_owned() + "\n"
    };
    for of in DOCUMENTS {
        text += &row(&of.number.to_string(), counts(of), of.title);
    }
    let sum = |done| DOCUMENTS.iter().map(|of| of.count(done)).sum();
    text += &row("all", Done::ALL.map(sum), "");
    text + "Next: `netglass rfc 8985`, `netglass rfc MUST-37`\n"
}

/// A text behind a head, in lines of `width` columns, each as far to the right.
fn wrapped(head: &str, text: &str, width: usize) -> String {
    let indent = head.chars().count();
    let (mut lines, mut line) = (String::new(), head.to_owned());
    let mut column = indent;
    for word in text.split_whitespace() {
        let len = word.chars().count();
        if column > indent && column + len >= width {
            lines += &format!("{}\n", line.trim_end());
            (line, column) = (" ".repeat(indent), indent);
        }
        line += &format!("{word} ");
        column += len + 1;
    }
    lines + line.trim_end() + "\n"
}

fn list(found: &[Found], width: usize) -> String {
    let mut text = String::new();
    let mut last = 0;
    for (of, one) in found {
        if of.number != last {
            text += &format!("RFC {}: {}\n", of.number, of.title);
            last = of.number;
        }
        let head = format!("{:<12} {:<10} {:<8} ", one.id, one.strength, one.done);
        text += &wrapped(&head, one.rule, width);
    }
    text
}

fn card((of, one): &Found, proven: &[Proven]) -> String {
    let Places { code, proofs } = place::of(one);
    let mut text = format!("{}   RFC {} §{}, {}\n", one.id, of.number, one.section(), of.title);
    text += &format!("  {}: {}\n  {}: {}\n", one.strength, one.rule, one.done, one.what);
    for place in code {
        text += &format!("  in      src/{}\n", place.replacen(' ', ": ", 1));
    }
    for (script, failure) in proven {
        let verdict = if failure.is_none() { "holds" } else { "does NOT hold" };
        text += &format!("  script  tests/wire/{script}: {verdict}\n");
    }
    for proof in &proofs {
        if let Some(command) = command(*proof) {
            text += &format!("  test    {command}\n");
        }
    }
    text + &failures(proven)
}

fn failures(proven: &[Proven]) -> String {
    proven.iter().filter_map(|(_, failure)| failure.clone()).map(|text| text + "\n").collect()
}

fn overview_as_json() -> Value {
    let count = |of: &Document| {
        let counts = Done::ALL.map(|done| (done.to_string(), json!(of.count(done))));
        let counts: serde_json::Map<String, Value> = counts.into_iter().collect();
        json!({ "rfc": of.number, "title": of.title, "counts": counts })
    };
    Value::from_iter(DOCUMENTS.iter().map(count))
}

fn as_json(found: &[Found], proven: &[Proven]) -> Value {
    let one = |(of, one): &Found| {
        let Places { code, proofs } = place::of(one);
        let proof = |proof: &Proof| match *proof {
            Proof::Script(path, _) => {
                let ran = proven.iter().find(|(script, _)| *script == path);
                json!({ "script": path, "holds": ran.map(|(_, failure)| failure.is_none()) })
            }
            Proof::Test(name) => json!({ "test": name }),
            Proof::Unit(name) => json!({ "unit": name }),
        };
        json!({
            "id": one.id, "rfc": of.number, "section": one.section(),
            "strength": one.strength.to_string(), "rule": one.rule,
            "done": one.done.to_string(), "what": one.what, "code": code,
            "proofs": Value::from_iter(proofs.iter().map(proof)),
        })
    };
    Value::from_iter(found.iter().map(one))
}

// ---- what proves it

/// A script that was run, and why it does not hold.
type Proven = (&'static str, Option<String>);

/// Runs the scripts that prove what was found, each once, to the microsecond.
fn scripts(found: &[Found]) -> Vec<Proven> {
    let proofs = found.iter().flat_map(|(_, one)| place::of(one).proofs);
    let scripts = proofs.filter_map(|proof| match proof {
        Proof::Script(path, text) => Some((path, text)),
        _ => None,
    });
    let scripts: BTreeSet<_> = scripts.collect();
    scripts.into_iter().map(|(path, text)| (path, failure(path, text))).collect()
}

fn failure(path: &str, text: &str) -> Option<String> {
    let script = match drill::parse(path, text, &[]) {
        Ok(script) => script,
        Err(error) => return Some(error.to_string()),
    };
    let options = Options { exact: true, ..Options::default() };
    let profile =
        script.profile.as_ref().and_then(|own| Profile::named(&own.value)).unwrap_or_default();
    let verdict = drill::run_with(&script, &profile, &options);
    verdict.failure.map(|failure| failure.of(path))
}

/// How cargo runs a test; scripts need none.
fn command(proof: Proof) -> Option<String> {
    match proof {
        Proof::Script(..) => None,
        Proof::Test(name) => Some(format!("cargo test --test it -- --exact {name}")),
        Proof::Unit(name) => Some(format!("cargo test --lib -- --exact {name}")),
    }
}

/// Has cargo run the tests that prove what was found; whether they pass.
fn cargo(found: &[Found]) -> Result<bool, Failure> {
    let (mut tests, mut units) = (BTreeSet::new(), BTreeSet::new());
    for proof in found.iter().flat_map(|(_, one)| place::of(one).proofs) {
        match proof {
            Proof::Test(name) => drop(tests.insert(name)),
            Proof::Unit(name) => drop(units.insert(name)),
            Proof::Script(..) => {}
        }
    }
    if tests.is_empty() && units.is_empty() {
        return Ok(true);
    }
    let here = std::env::current_dir().map_err(Failure::failed)?;
    let Some(source) = source(&here) else {
        return Err(Failure::usage(
            "--run: the tests that prove it were not run: that is done in a checkout of netglass \
             only, by cargo",
        ));
    };
    let mut all = true;
    for (kind, names) in [(&["--test", "it"][..], tests), (&["--lib"][..], units)] {
        if !names.is_empty() {
            let mut cargo = Command::new("cargo");
            cargo.current_dir(&source).arg("test").args(kind).args(["--", "--exact"]).args(names);
            let status = cargo.status();
            all &=
                status.map_err(|error| Failure::failed(format_args!("cargo: {error}")))?.success();
        }
    }
    Ok(all)
}

/// The checkout of netglass that a directory lies in.
fn source(from: &Path) -> Option<PathBuf> {
    let ours = |dir: &&Path| {
        let text = std::fs::read_to_string(dir.join("Cargo.toml")).unwrap_or_default();
        text.lines().any(|line| line.trim() == "name = \"netglass\"")
    };
    from.ancestors().find(ours).map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(word: &str) -> String {
        let found = rfc::find(word);
        card(&found[0], &scripts(&found))
    }

    #[test]
    fn the_overview_counts_everything() {
        let text = overview();
        assert_eq!(text.lines().count(), DOCUMENTS.len() + 3, "{text}");
        let sum: usize = DOCUMENTS.iter().map(|of| of.requirements.len()).sum();
        let all = text.lines().find(|line| line.trim_start().starts_with("all")).unwrap();
        let counts = all.split_whitespace().skip(1).map(|n| n.parse::<usize>().unwrap());
        assert_eq!(counts.sum::<usize>(), sum);
    }

    #[test]
    fn a_requirement_is_shown_with_its_proof_run() {
        let text = shown("must 37");
        let start = "MUST-37   RFC 9293 §3.8.6.1, Transmission Control Protocol (TCP)\n  MUST: ";
        assert!(text.starts_with(start), "{text}");
        assert!(text.contains("  in      src/tcp/ack.rs: on_ack\n"), "{text}");
        assert!(text.contains(".pkt: holds\n"), "{text}");
        let test = "  test    cargo test --test it -- --exact window::each::zero_window_probes\n";
        assert!(text.contains(test), "{text}");
    }

    #[test]
    fn an_old_rfc_leads_to_the_new_one() {
        assert!(hint("793").contains("RFC 9293 took the place of RFC 793"));
        for (old, new) in OBSOLETE {
            assert!(rfc::find(old).is_empty() && !rfc::find(&new.to_string()).is_empty(), "{old}");
        }
    }

    #[test]
    fn a_script_that_fails_is_told() {
        let wrong = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 > S 0:0(0) <...>\n";
        let failure = failure("x.pkt", wrong).expect("nothing is sent");
        let text = failures(&[("x.pkt", Some(failure))]);
        assert!(text.starts_with("x.pkt:2:"), "{text}");
    }

    #[test]
    fn whoever_misspells_is_told_what_there_is() {
        let told = |word| match chosen(word) {
            Err(Failure::Usage(message)) => message,
            other => panic!("{other:?}"),
        };
        let far = "MUST-1 to MUST-69 are those of RFC 9293;";
        assert!(told("MUST-370").contains(far), "{}", told("MUST-370"));
        assert!(told("MSUT-37").contains("did you mean MUST-37?"), "{}", told("MSUT-37"));
        let other = "MUST-37 alone is one of RFC 9293: MUST-37.";
        assert!(told("8985 MUST-37").contains(other), "{}", told("8985 MUST-37"));
        assert!(told("rfc 2549").contains("`netglass rfc` lists the RFCs"));
        assert_eq!(chosen("9293").unwrap().len(), 119);
    }

    #[test]
    fn no_line_is_longer_than_asked_unless_a_word_is() {
        for width in [60, 100] {
            let text = list(&rfc::find("8985"), width);
            let longest = text.lines().skip(1).map(|line| line.chars().count()).max();
            assert!(longest.is_some_and(|longest| longest <= width), "{longest:?}");
        }
    }

    #[test]
    fn the_source_is_where_its_manifest_is() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(source(&here.join("src/rfc")), Some(here.to_path_buf()));
        assert_eq!(source(Path::new("/")), None);
    }

    #[test]
    fn json_has_every_field() {
        let found = rfc::find("MUST-37");
        let value = as_json(&found, &scripts(&found));
        let fields = (&value[0]["id"], &value[0]["strength"], &value[0]["section"]);
        assert_eq!(fields, (&json!("MUST-37"), &json!("MUST"), &json!("3.8.6.1")));
        assert!(value[0]["proofs"].as_array().unwrap().iter().any(|one| one["holds"] == true));
    }
}
