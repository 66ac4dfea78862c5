//! How the command speaks: standard output that may be a closed pipe, and colour only where it is
//! wanted.

use super::Failure;
use crate::base::Duration;
use crate::observe::view::{Options, style::Style};
use crate::sys::terminal;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Prints to standard output. A reader that has had enough (`| head`) ends the program quietly,
/// with the exit code of whoever is ended by that signal: nobody sees what it would have been.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    write(text).map_err(Failure::failed)
}

/// Prints an answer as JSON: as it is, or, when it is one host's among several, under its name.
pub(super) fn answer(title: Option<&str>, value: &serde_json::Value) -> Result<(), Failure> {
    match title {
        None => say(&value.to_string()),
        Some(title) => say(&serde_json::json!({ "host": title, "answer": value }).to_string()),
    }
}

/// Prints what there is, under a name when it is one host's among several.
pub(super) fn headed(title: Option<&str>, text: &str) -> Result<(), Failure> {
    if let Some(title) = title {
        say(&format!("{title}:"))?;
    }
    if text.is_empty() { Ok(()) } else { say(text) }
}

/// The exit code that shells give to who was ended by SIGPIPE.
const GONE: i32 = 128 + 13;

/// As [`say`], for those who have errors of their own.
pub(super) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(GONE),
        other => other,
    }
}

/// Where is spoken.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Stream {
    /// Standard output.
    Output,
    /// Standard error, where output is somebody's data.
    Error,
}

impl Stream {
    /// Prints a line; whether more is wanted.
    fn say(self, line: &str) -> Result<(), Failure> {
        match self {
            Stream::Output => say(line),
            Stream::Error => writeln!(io::stderr(), "{line}").map_err(Failure::failed),
        }
    }

    fn is_terminal(self) -> bool {
        match self {
            Stream::Output => io::stdout().is_terminal(),
            Stream::Error => io::stderr().is_terminal(),
        }
    }

    fn columns(self) -> Option<usize> {
        match self {
            Stream::Output => terminal::columns(io::stdout().as_fd()),
            Stream::Error => terminal::columns(io::stderr().as_fd()),
        }
    }
}

/// Lines that may wait for their stream; more are counted instead.
const WAITING: usize = 10_000;
/// How long the end of the program waits for them.
const PATIENCE: Duration = Duration::from_millis(500);

/// Speaks for those who may not wait: standard output may be a pipe or a terminal that somebody has
/// stopped, and the network goes on all the same.
#[derive(Debug)]
pub(super) struct Voice {
    lines: Option<SyncSender<String>>,
    ended: Receiver<()>,
    lost: u64,
}

impl Voice {
    pub(super) fn new(stream: Stream) -> Voice {
        let (lines, waiting) = sync_channel::<String>(WAITING);
        let (end, ended) = sync_channel(0);
        std::thread::spawn(move || {
            let _end = end;
            waiting.into_iter().try_for_each(|line| stream.say(&line))
        });
        Voice { lines: Some(lines), ended, lost: 0 }
    }

    /// Says a line, if there is room for it.
    pub(super) fn say(&mut self, line: String) {
        let Some(lines) = &self.lines else { return };
        if self.lost > 0 {
            let gap = format!("# {} lines are missing here: nobody read them", self.lost);
            if lines.try_send(gap).is_ok() {
                self.lost = 0;
            }
        }
        if self.lost > 0 || lines.try_send(line).is_err() {
            self.lost += 1;
        }
    }
}

/// What was said is heard, unless nobody listens.
impl Drop for Voice {
    fn drop(&mut self) {
        self.lines = None;
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

/// Whether a stream wants colour: a terminal that can, and no NO_COLOR.
fn color(stream: Stream) -> bool {
    let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    stream.is_terminal() && !forbidden && !dumb
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

/// How wide texts are on standard output: as COLUMNS or the terminal says.
pub(super) fn width() -> usize {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    asked.or_else(|| Stream::Output.columns()).unwrap_or(100).max(60)
}

/// How views look on standard output.
pub(super) fn view(all: bool) -> Options {
    view_on(Stream::Output, all)
}

/// How views look on a stream: as wide as COLUMNS or the terminal says.
pub(super) fn view_on(stream: Stream, all: bool) -> Options {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let width = asked.or_else(|| stream.columns()).unwrap_or(120);
    let style = Style { color: color(stream), unicode: unicode() };
    Options { all, style, width, ..Options::default() }
}
