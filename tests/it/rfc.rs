//! `docs/rfc.md`: what the RFCs of TCP require (`netglass::rfc`), with the places in the code and
//! the tests whose comments name it. What is said to be done must be done somewhere and be proven.

use crate::support::tree::{files, root};
use netglass::rfc::place::BETWEEN;
use netglass::rfc::scripts::SCRIPTS;
use netglass::rfc::{self, DOCUMENTS, Done, Requirement};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

// ---- what comments name

/// Where ids are named, by id.
#[derive(Default)]
struct Marks {
    code: BTreeMap<String, Vec<String>>,
    tests: BTreeMap<String, Vec<String>>,
    /// What is wrong with a mark.
    wrong: Vec<String>,
}

/// The ids of requirements in a line: labels of RFC 9293, and numbers that begin with an RFC's.
fn ids(line: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
    let words = line.split(part).map(|word| word.trim_matches(['.', '-']));
    words.filter(|word| {
        let mut parts = word.split('-');
        let (first, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let numbers = !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit() || c == '.');
        match first.parse::<u16>() {
            Ok(number) => numbers && DOCUMENTS.iter().any(|of| of.number == number),
            Err(_) => numbers && matches!(first, "MUST" | "SHLD" | "MAY" | "REC"),
        }
    })
}

/// What a line of code declares: a function, a type, a constant, a field or a variant.
fn declared(line: &str) -> Option<&str> {
    let mut text = line.trim_start();
    while let Some(rest) = ["pub ", "pub(super) ", "pub(crate) ", "pub(in crate::tcp) ", "async "]
        .iter()
        .find_map(|word| text.strip_prefix(word))
    {
        text = rest;
    }
    let keyword = ["const fn ", "fn ", "struct ", "enum ", "trait ", "const ", "static "];
    let known = keyword.iter().find_map(|word| text.strip_prefix(word));
    let name = known.unwrap_or(text);
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
    let (name, rest) = name.split_at(end);
    let field = rest.starts_with(": ") || rest.starts_with(" {") || rest.is_empty();
    (known.is_some() || field).then_some(name).filter(|name| !name.is_empty())
}

fn function(line: &str) -> Option<&str> {
    let at = line.find("fn ")?;
    let before = line[..at].trim();
    (before.is_empty() || before.starts_with("pub") || before.ends_with("async"))
        .then(|| declared(line))?
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// What the comment in line `at` belongs to: what is declared behind it, or the function around.
fn item<'a>(lines: &[&'a str], at: usize) -> Option<&'a str> {
    if lines[at].trim_start().starts_with("//!") {
        return None;
    }
    let skip = |line: &&&str| is_comment(line) || line.trim_start().starts_with("#[");
    let next = lines[at..].iter().find(|line| !skip(line))?;
    let indent = |line: &str| line.len() - line.trim_start().len();
    let around = || {
        let mut depth = indent(lines[at]);
        lines[..at].iter().rev().find_map(|line| {
            let outer = indent(line) < depth && !line.trim().is_empty();
            depth = if outer { indent(line) } else { depth };
            function(line).filter(|_| outer)
        })
    };
    match around() {
        Some(function) if self::function(next).is_none() => Some(function),
        _ => declared(next),
    }
}

/// The comments of a file, up to and from its unit tests.
fn read(path: &Path, marks: &mut Marks) {
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let name = path.strip_prefix(root()).unwrap().display().to_string();
    let unit = lines
        .windows(2)
        .position(|two| two[0].trim_start() == "#[cfg(test)]" && two[1].trim_end().ends_with('{'));
    for (at, line) in lines.iter().enumerate() {
        let Some((_, comment)) = line.split_once("//").filter(|_| is_comment(line)) else {
            continue;
        };
        for id in ids(comment) {
            let is_test = name.starts_with("tests/")
                || name.ends_with("/tests.rs")
                || unit.is_some_and(|unit| at > unit);
            let place = match (is_test, name.strip_prefix("tests/wire/")) {
                (_, Some(script)) => Ok(script.to_owned()),
                (true, _) => test(&name, &text, &lines, at),
                (false, _) => {
                    let file = name.strip_prefix("src/").unwrap();
                    Ok(item(&lines, at).map_or(file.into(), |item| format!("{file} {item}")))
                }
            };
            match place {
                Ok(place) => {
                    let marks = if is_test { &mut marks.tests } else { &mut marks.code };
                    let places = marks.entry(id.to_owned()).or_default();
                    if !places.contains(&place) {
                        places.push(place);
                    }
                }
                Err(why) => marks.wrong.push(format!("{name}:{}: {id} {why}", at + 1)),
            }
        }
    }
}

/// The test that a comment is about, as cargo knows it.
fn test(name: &str, text: &str, lines: &[&str], at: usize) -> Result<String, &'static str> {
    let function = item(lines, at).ok_or("is named outside of a test")?;
    let is_listed =
        text.contains(&format!(" {function},")) || text.contains(&format!(" {function};"));
    let declared = lines.iter().position(|line| self::function(line) == Some(function));
    let above = lines[..declared.ok_or("is named outside of a test")?].iter().rev();
    let attributed = above.take_while(|line| is_comment(line) || line.trim().starts_with("#["));
    let is_test = attributed.into_iter().any(|line| line.trim() == "#[test]");
    let module = |path: &str| path.trim_end_matches(".rs").replace('/', "::");
    match (name.strip_prefix("tests/it/"), name.strip_prefix("src/")) {
        (Some(path), _) if is_test => Ok(format!("{}::{function}", module(path))),
        (Some(path), _) if is_listed => Ok(format!("{}::each::{function}", module(path))),
        (_, Some(path)) if is_test => {
            let module = module(path);
            let module = module.trim_end_matches("::mod").trim_end_matches("::tests");
            Ok(format!("lib {module}::tests::{function}"))
        }
        _ => Err("is named where no test is"),
    }
}

fn marks() -> Marks {
    let mut marks = Marks::default();
    let about = ["src/rfc", "src/cli/rfc.rs"].map(|path| root().join(path));
    for path in files(&root().join("src"), "rs") {
        if !about.iter().any(|about| path.starts_with(about)) {
            read(&path, &mut marks);
        }
    }
    for path in files(&root().join("tests/it"), "rs") {
        read(&path, &mut marks);
    }
    for path in files(&root().join("tests/wire"), "pkt") {
        read(&path, &mut marks);
    }
    marks
}

#[track_caller]
fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

// ---- the document

const HEAD: &str = "\
# What the RFCs of TCP require, what is done, and what proves it

Written by `UPDATE=1 cargo test --test it rfc` from the tables in `src/rfc/` and from the comments
that name a requirement: those in the code say where it is met, those in tests what proves it.
`netglass rfc MUST-37` shows a row and runs its scripts; `netglass rfc 8985` lists an RFC's.

* **Id**: the RFC's own label, or its number, the section and a number within that.
* **Word**: the RFC's; `says` for steps of algorithms and for RFCs that do without such words.
* **Done**: `yes`, `partly`, `deviates` (on purpose, as said) or `no`.
* **Code**: files below `src/`, with the function or field.
* **Proof**: scripts below `tests/wire/`; tests of `tests/it/`, as cargo calls them; after `lib`,
  tests beside the code.

";

fn row(one: &Requirement, marks: &Marks) -> String {
    let cell = |places: Option<&Vec<String>>| places.map_or("-".into(), |all| all.join(BETWEEN));
    let (code, tests) = (cell(marks.code.get(one.id)), cell(marks.tests.get(one.id)));
    let Requirement { id, strength, rule, done, what, .. } = one;
    let section = one.section();
    format!("| {id} | {section} | {strength} | {rule} | {done} | {what} | {code} | {tests} |\n")
}

fn counts() -> String {
    let mut text =
        "| RFC | Title | yes | partly | deviates | no |\n|---|---|---|---|---|---|\n".to_owned();
    for of in DOCUMENTS {
        let [yes, partly, deviates, no] = Done::ALL.map(|done| of.count(done));
        text +=
            &format!("| {} | {} | {yes} | {partly} | {deviates} | {no} |\n", of.number, of.title);
    }
    text
}

fn document(marks: &Marks) -> String {
    let mut text = HEAD.to_owned() + &counts();
    text += "\n## What is not done as required\n\n";
    for (_, one) in rfc::all().filter(|(_, one)| one.done != Done::Yes) {
        let Requirement { id, strength, done, what, .. } = one;
        text += &format!("* {id} ({strength}), {done}: {what}.\n");
    }
    for of in DOCUMENTS {
        text += &format!("\n## RFC {}: {}\n\n", of.number, of.title);
        text += "| Id | § | Word | Rule | Done | What | Code | Proof |\n|---|---|---|---|---|---|---|---|\n";
        of.requirements.iter().for_each(|one| text += &row(one, marks));
    }
    text
}

// ---- the tests

#[test]
fn the_document_says_what_the_comments_say() {
    let (path, text) = (root().join("docs/rfc.md"), document(&marks()));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap();
    let differs = kept.lines().zip(text.lines()).find(|(kept, now)| kept != now);
    assert!(kept == text, "docs/rfc.md is not up to date: UPDATE=1 writes it\n{differs:#?}");
}

#[test]
fn every_mark_names_a_requirement() {
    let marks = marks();
    none("marks in the wrong place", &marks.wrong);
    let known: BTreeSet<_> = rfc::all().map(|(_, one)| one.id).collect();
    let named = marks.code.iter().chain(&marks.tests);
    let strange = named.filter(|(id, _)| !known.contains(id.as_str()));
    let strange: Vec<_> = strange.map(|(id, places)| format!("{id}: {places:?}")).collect();
    none("ids of no requirement", &strange);
}

#[test]
fn what_is_done_is_done_somewhere_and_proven() {
    let marks = marks();
    let mut missing = Vec::new();
    for (_, one) in rfc::all().filter(|(_, one)| one.done != Done::No) {
        if !marks.code.contains_key(one.id) {
            missing.push(format!("{}: no code names it", one.id));
        }
        if one.done != Done::Deviates && !marks.tests.contains_key(one.id) {
            missing.push(format!("{}: no test names it", one.id));
        }
    }
    none("requirements that are said to be met", &missing);
}

#[test]
fn scripts_that_prove_something_are_in_the_program() {
    let marks = marks();
    let named = marks.tests.values().flatten().filter(|place| place.ends_with(".pkt"));
    let named: BTreeSet<&str> = named.map(String::as_str).collect();
    let shipped: BTreeSet<&str> = SCRIPTS.iter().map(|(path, _)| *path).collect();
    let missing: Vec<_> = named.difference(&shipped).map(|path| format!("\"{path}\",")).collect();
    none("not in src/rfc/scripts.rs", &missing);
    let idle: Vec<_> = shipped.difference(&named).map(|path| (*path).to_owned()).collect();
    none("in src/rfc/scripts.rs, but naming no requirement", &idle);
}

/// RFC 9293 §3.8.5: new applications do not use urgent data.
// Rules: SHLD-13.
#[test]
fn no_program_of_ours_sends_urgent_data() {
    for path in files(&root().join("src/app"), "rs") {
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("write_urgent"), "{}", path.display());
    }
}
