//! Style is a test: imports go down, the core is pure, files stay readable, docs name what exists.

use crate::support::tree::{files, name, root};
use std::fs;
use std::path::Path;

/// The rows. A module may use its own row's declared friends, and everything in lower rows.
const ROWS: &[(&str, u8)] = &[
    ("base", 0),
    ("wire", 1),
    ("link", 2),
    ("ip", 2),
    ("udp", 2),
    ("tcp", 2),
    ("stack", 3),
    ("socket", 3),
    ("sys", 4),
    ("device", 4),
    ("impair", 4),
    ("observe", 4),
    ("net", 5),
    ("runtime", 6),
    ("sim", 6),
    ("app", 7),
    ("drill", 7),
    ("lab", 7),
    ("rfc", 7),
    ("cli", 8),
    ("rules", 8),
];

/// Siblings that may meet: who may use whom.
const FRIENDS: &[(&str, &str)] = &[
    ("stack", "socket"),
    ("device", "sys"),
    ("observe", "impair"),
    ("lab", "app"),
    ("drill", "lab"),
    ("cli", "rules"),
];

/// What rows 0 to 3 may not mention: clocks, threads, output, floats, iteration in hash order.
const IMPURE: &[&str] = &[
    "Instant::now",
    "SystemTime",
    "std::thread",
    "thread::",
    "println!",
    "print!(",
    "f32",
    "f64",
    "HashMap::iter",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "rand::",
];

fn row(module: &str) -> Option<u8> {
    ROWS.iter().find(|(known, _)| *known == module).map(|(_, row)| *row)
}

/// The module directly under `src` that a file belongs to.
fn module(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// A file's lines without comments, up to its unit tests.
fn code(text: &str) -> Vec<(usize, &str)> {
    let lines = text.lines().enumerate().map(|(n, line)| (n + 1, line));
    lines
        .take_while(|(_, line)| !line.trim_start().starts_with("#[cfg(test)]"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .collect()
}

#[track_caller]
fn none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn imports_go_down_and_siblings_do_not_meet() {
    let mut found = Vec::new();
    for path in files(&root().join("src"), "rs") {
        let own = module(&path);
        if own == "lib" || own == "main" {
            continue;
        }
        let Some(own_row) = row(&own) else {
            found.push(format!("{}: module {own} has no row", name(&path)));
            continue;
        };
        let text = fs::read_to_string(&path).unwrap();
        for (n, line) in code(&text) {
            for part in line.split("crate::").skip(1) {
                let used: String =
                    part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let Some(used_row) = row(&used) else { continue };
                let friend = FRIENDS.contains(&(own.as_str(), used.as_str()));
                if used != own && used_row >= own_row && !friend {
                    found.push(format!("{}:{n}: {own} uses {used}", name(&path)));
                }
            }
        }
    }
    none("imports that go up or sideways", found);
}

#[test]
fn the_core_is_pure() {
    let mut found = Vec::new();
    for path in files(&root().join("src"), "rs") {
        if row(&module(&path)).is_none_or(|row| row > 3) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (n, line) in code(&text) {
            for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                found.push(format!("{}:{n}: {word}", name(&path)));
            }
        }
    }
    none("impurities in rows 0 to 3", found);
}

/// What a program must not use that is to run in a simulation, too: `net::rt` has it.
const LIVE_ONLY: &[&str] =
    &["tokio::time", "SystemTime::now", "time::Instant::now", "tokio::task::spawn_b"];

#[test]
fn programs_live_in_the_time_they_are_given() {
    let mut found = Vec::new();
    for path in files(&root().join("src"), "rs") {
        if !["app", "sim"].contains(&module(&path).as_str()) || path.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let lines = code(&text);
        for (at, (n, line)) in lines.iter().enumerate() {
            for word in LIVE_ONLY.iter().filter(|word| line.contains(**word)) {
                found.push(format!("{}:{n}: {word}", name(&path)));
            }
            let chosen = lines.get(at + 1).map_or("", |(_, next)| next.trim());
            if line.contains("select!") && chosen != "biased;" {
                found.push(format!("{}:{n}: select! by chance", name(&path)));
            }
        }
    }
    none("what does not work, or differs from run to run, in a simulation", found);
}

#[test]
fn codecs_stay_in_the_wire_row() {
    let mut found = Vec::new();
    for path in files(&root().join("src"), "rs") {
        let text = fs::read_to_string(&path).unwrap();
        for (n, line) in code(&text) {
            let test = path.ends_with("tests.rs");
            if line.contains("etherparse::") && module(&path) != "wire" && !test {
                found.push(format!("{}:{n}", name(&path)));
            }
        }
    }
    none("etherparse outside of wire", found);
}

#[test]
fn files_are_about_one_thing() {
    let mut found = Vec::new();
    for dir in ["src", "tests", "benches"] {
        for path in files(&root().join(dir), "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.lines().count();
            if lines > 700 {
                found.push(format!("{}: {lines} lines", name(&path)));
            }
            if !text.starts_with("//!") {
                found.push(format!("{}: does not say what it is (//!)", name(&path)));
            }
            for (n, line) in text.lines().enumerate() {
                // A row of a table of sentences is one line, however long the sentence.
                if line.chars().count() > 100 && !line.contains('"') {
                    found.push(format!("{}:{}: longer than 100 columns", name(&path), n + 1));
                }
            }
        }
    }
    none("files that outgrew one subject", found);
}

/// Functions longer than 70 lines, by name. The list may only shrink.
const LONG: &[&str] = &["open", "emit"];

#[test]
fn functions_fit_a_screen() {
    let mut found = Vec::new();
    for path in files(&root().join("src"), "rs") {
        let text = fs::read_to_string(&path).unwrap();
        let mut open: Option<(usize, usize, String)> = None;
        for (n, line) in text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let start = line.trim_start();
            let header = [
                "fn ",
                "pub fn ",
                "pub(super) fn ",
                "pub(crate) fn ",
                "async fn ",
                "pub async fn ",
            ];
            if let Some(rest) = header.iter().find_map(|h| start.strip_prefix(h)) {
                let id = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                open = Some((n, indent, id));
            }
            if let Some((from, depth, id)) = &open
                && start == "}"
                && indent == *depth
            {
                if n - from > 70 && !LONG.contains(&id.as_str()) {
                    found.push(format!(
                        "{}:{}: {id} has {} lines",
                        name(&path),
                        from + 1,
                        n - from
                    ));
                }
                open = None;
            }
        }
    }
    none("functions longer than 70 lines", found);
}

#[test]
fn docs_name_only_what_exists() {
    let mut found = Vec::new();
    let mut docs = files(&root().join("docs"), "md");
    docs.extend(["README.md", "CHANGELOG.md"].map(|file| root().join(file)));
    for path in docs {
        let text = fs::read_to_string(&path).unwrap();
        for quoted in text.split('`').skip(1).step_by(2) {
            let first = quoted.split_whitespace().next().unwrap_or("");
            let first = first.split("::").next().unwrap_or("");
            let known = ["src/", "tests/", "docs/", "scripts/", "benches/"];
            let is_path = known.iter().any(|dir| first.starts_with(dir));
            if is_path && !first.contains(['*', '<']) && !root().join(first).exists() {
                found.push(format!("{}: {first}", name(&path)));
            }
        }
    }
    none("docs that name what does not exist", found);
}

#[test]
fn every_module_is_in_the_architecture() {
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("src")).unwrap().flatten() {
        let dir = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && !text.contains(&format!("`src/{dir}/`")) {
            found.push(format!("src/{dir}/"));
        }
    }
    none("modules that docs/ARCHITECTURE.md does not name", found);
}

#[test]
fn nothing_is_left_unfinished() {
    let macros = [concat!("to", "do!"), concat!("unimple", "mented!")];
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let marks: Vec<_> = macros.into_iter().chain(marks).collect();
    let mut found = Vec::new();
    for dir in ["src", "tests", "benches", "scripts", "docs"] {
        for path in ["rs", "md", "sh", "toml"].iter().flat_map(|e| files(&root().join(dir), e)) {
            let text = fs::read_to_string(&path).unwrap();
            for (n, line) in text.lines().enumerate() {
                for mark in marks.iter().filter(|mark| line.contains(**mark)) {
                    found.push(format!("{}:{}: {mark}", name(&path), n + 1));
                }
            }
        }
    }
    none("unfinished marks", found);
}
