//! The generated parts of docs/performance.md: what stands between two marks is written anew, the
//! rest is left alone.

use std::io::{Error, Result};
use std::path::{Path, PathBuf};

/// The document.
const DOCUMENT: &str = "docs/performance.md";

/// Where a file of the project is.
pub(crate) fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// Puts texts into the document, each where its name is marked.
pub(crate) fn write(parts: &[(String, String)]) -> Result<()> {
    let path = path(DOCUMENT);
    let mut text = std::fs::read_to_string(&path)?;
    for (name, part) in parts {
        let missing = || Error::other(format!("{DOCUMENT} has no place for {name}"));
        text = replaced(&text, name, part).ok_or_else(missing)?;
    }
    std::fs::write(&path, text)
}

/// `text` with a part exchanged.
fn replaced(text: &str, name: &str, part: &str) -> Option<String> {
    let begin = format!("<!-- scripts/bench --write: {name} -->\n");
    let end = format!("<!-- end of {name} -->");
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{part}\n\n{end}{after}"))
}
