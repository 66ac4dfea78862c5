//! What is wrong with a script, and where.

use crate::base::words::{nearest, steers};
use std::fmt;

/// A mistake in a script. Displayed as `file:line:column: what`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    /// The file, as it was named.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// What was expected and what is there instead.
    pub what: String,
}

impl Error {
    /// Whether it stands before another of the same script.
    pub(super) fn is_before(&self, other: &Error) -> bool {
        (self.line, self.column) < (other.line, other.column)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.what)
    }
}

impl std::error::Error for Error {}

/// Bytes of the script's own text that a message shows.
const SHOWN: usize = 40;

/// A piece of the script between backquotes, without what would steer a terminal.
pub(super) fn quote(text: &str) -> String {
    let line = text.lines().next().unwrap_or("");
    let cut = line.chars().take(SHOWN).map(|c| if steers(c) { '�' } else { c });
    let more =
        if line.chars().nth(SHOWN).is_some() || line.len() < text.len() { "…" } else { "" };
    format!("`{}{more}`", cut.collect::<String>())
}

/// `; did you mean …?`, if one of the names is near.
pub(super) fn hint<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(word, names) {
        Some(name) if name != word => format!("; did you mean `{name}`?"),
        _ => String::new(),
    }
}

/// The places of a text: from bytes to lines and columns.
#[derive(Clone, Debug)]
pub(super) struct Places<'a> {
    text: &'a str,
    /// Where each line starts.
    lines: Vec<usize>,
}

impl<'a> Places<'a> {
    pub(super) fn of(text: &'a str) -> Places<'a> {
        let breaks = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1);
        Places { text, lines: std::iter::once(0).chain(breaks).collect() }
    }

    /// The line that a byte is on, from 1.
    pub(super) fn line(&self, at: usize) -> u32 {
        let line = self.lines.partition_point(|start| *start <= at);
        u32::try_from(line).unwrap_or(u32::MAX)
    }

    /// A mistake at a byte.
    pub(super) fn error(&self, file: &str, at: usize, what: String) -> Error {
        let line = self.lines.partition_point(|start| *start <= at);
        let before = self.text.get(self.lines[line - 1]..at).unwrap_or("").chars().count();
        let [line, column] = [line, before + 1].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        Error { file: file.to_owned(), line, column, what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines_and_characters() {
        let places = Places::of("a\nßb\n");
        for (at, line, column) in [(0, 1, 1), (1, 1, 2), (2, 2, 1), (4, 2, 2), (6, 3, 1)] {
            let error = places.error("x.pkt", at, "no".to_owned());
            assert_eq!(error.to_string(), format!("x.pkt:{line}:{column}: no"));
        }
    }

    #[test]
    fn quotes_are_short_and_tame() {
        assert_eq!(quote("abc"), "`abc`");
        assert_eq!(quote("a\nb"), "`a…`");
        assert_eq!(quote("a\u{1b}[31m"), "`a�[31m`");
        assert_eq!(quote(&"x".repeat(50)), format!("`{}…`", "x".repeat(40)));
    }

    #[test]
    fn hints_are_near() {
        assert_eq!(hint("wn", ["win", "ack"]), "; did you mean `win`?");
        assert_eq!(hint("zebra", ["win", "ack"]), "");
    }
}
