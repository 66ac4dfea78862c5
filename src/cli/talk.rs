//! How the command speaks: standard output that may be a closed pipe, and colour only where it is
//! wanted.

use super::Failure;
use crate::base::Duration;
use crate::observe::view::{Options, style::Style};
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Prints to standard output. A reader that has had enough (`| head`) ends the program quietly.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.map_err(Failure::failed),
    }
}

/// Lines that may wait for standard output; more are counted instead.
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
    pub(super) fn new() -> Voice {
        let (lines, waiting) = sync_channel::<String>(WAITING);
        let (end, ended) = sync_channel(0);
        std::thread::spawn(move || {
            let _end = end;
            waiting.into_iter().try_for_each(|line| say(&line))
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
