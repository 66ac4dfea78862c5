//! The generated parts of docs/performance.md: what stands between two marks is written anew, the
//! rest is left alone.

use crate::Outcome;
use std::path::{Path, PathBuf};

/// The document.
const DOCUMENT: &str = "docs/performance.md";
/// The chart beside it.
const CHART: &str = "docs/cost.svg";

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// Puts texts into the document, each where its name is marked.
pub(crate) fn write(parts: &[(String, String)]) -> Outcome<()> {
    let path = path(DOCUMENT);
    let mut text = std::fs::read_to_string(&path)?;
    for (name, part) in parts {
        text = replaced(&text, name, part).ok_or(format!("{DOCUMENT} has no place for {name}"))?;
    }
    Ok(std::fs::write(&path, text)?)
}

/// Writes the chart.
pub(crate) fn write_chart(svg: &str) -> Outcome<()> {
    Ok(std::fs::write(path(CHART), svg)?)
}

/// The instructions that operations take, as a table that a test keeps.
pub(crate) fn instructions() -> String {
    let kept = std::fs::read_to_string(path("tests/golden/instructions.txt")).unwrap_or_default();
    let mut lines = vec!["| operation | instructions |".to_owned(), "|---|--:|".to_owned()];
    lines.extend(kept.lines().skip(1).filter_map(|line| {
        let (name, count) = line.rsplit_once(' ')?;
        Some(format!("| {} | {count} |", name.trim()))
    }));
    lines.join("\n")
}

/// `text` with a part exchanged.
fn replaced(text: &str, name: &str, part: &str) -> Option<String> {
    let begin = format!("<!-- scripts/bench --write: {name} -->\n");
    let end = format!("<!-- end of {name} -->");
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{part}\n\n{end}{after}"))
}
