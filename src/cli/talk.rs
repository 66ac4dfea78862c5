//! How the command speaks: standard output that may be a closed pipe, and colour only where it is
//! wanted.

use super::Failure;
use crate::observe::view::{Options, style::Style};
use std::io::{self, IsTerminal, Write};

/// Prints to standard output. A reader that has had enough (`| head`) ends the program quietly.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.map_err(Failure::failed),
    }
}

/// Whether standard output wants colour: a terminal, and no NO_COLOR.
fn color() -> bool {
    let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !forbidden
}

/// Whether the locale shows more than ASCII.
fn unicode() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    set.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// How views look here.
pub(super) fn view(all: bool) -> Options {
    let width = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).unwrap_or(120);
    let style = Style { color: color(), unicode: unicode() };
    Options { all, style, width, ..Options::default() }
}
