//! From a [`Script`] back to text that reads the same: for scripts that are written from what
//! happened, and for messages about one event.

mod expr;
mod packet;

#[cfg(test)]
mod tests;

use super::ast::{Action, Event, FileOption, Note, Script, Syscall, Time};
use std::fmt::{self, Display, Formatter};

/// Nanoseconds as seconds: at least three decimals, and as many as it takes.
struct Seconds(u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        let part = format!("{part:09}");
        let digits = part.trim_end_matches('0').len().max(3);
        write!(f, "{whole}.{}", &part[..digits])
    }
}

/// Things with a text between them.
fn between<T>(
    f: &mut Formatter<'_>,
    items: &[T],
    separator: &str,
    each: impl Fn(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            f.write_str(separator)?;
        }
        each(f, item)?;
    }
    Ok(())
}

impl Display for Script {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(profile) = &self.profile {
            writeln!(f, "{profile}")?;
        }
        if self.turns {
            writeln!(f, "//? turns written")?;
        }
        for option in &self.options {
            writeln!(f, "{option}")?;
        }
        if let Some(init) = &self.init {
            writeln!(f, "`{}`", init.text)?;
        }
        for event in &self.events {
            write!(f, "{event}")?;
            for note in &event.notes {
                write!(f, "\n  {note}")?;
            }
            writeln!(f)?;
        }
        match &self.cleanup {
            Some(cleanup) => writeln!(f, "`{}`", cleanup.text),
            None => Ok(()),
        }
    }
}

impl Display for FileOption {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "--{}", self.name)?;
        let Some(value) = &self.value else { return Ok(()) };
        let is_word = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        let is_definition = value.split_once('=').is_some_and(|(name, value)| {
            let whole = ['"', '`'].iter().any(|quote| {
                let inner = value.strip_prefix(*quote).and_then(|text| text.strip_suffix(*quote));
                inner.is_some_and(|text| !text.contains([*quote, '\\']))
            });
            is_word(name) && (is_word(value) || whole)
        });
        if is_word(value) || is_definition {
            write!(f, "={value}")
        } else {
            write!(f, "=\"{value}\"")
        }
    }
}

/// Without its notes.
impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let end = match &self.action {
            Action::Syscall(call) => call.end,
            _ => None,
        };
        let mut time = self.time.to_string();
        if let Some(end) = end {
            time.push_str(&format!("...{}", Seconds(end)));
        }
        write!(f, "{time:>6} {}", self.action)
    }
}

impl Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Time::At(at) => write!(f, "{}", Seconds(at)),
            Time::After(after) => write!(f, "+{}", Seconds(after)),
            Time::Any => f.write_str("*"),
            Time::AtRange(from, to) => write!(f, "{}~{}", Seconds(from), Seconds(to)),
            Time::AfterRange(from, to) => write!(f, "+{}~+{}", Seconds(from), Seconds(to)),
        }
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Action::Packet(packet) => write!(f, "{packet}"),
            Action::Syscall(call) => write!(f, "{call}"),
            Action::Command(text) => write!(f, "`{text}`"),
            Action::Code { text, .. } => write!(f, "%{{ {text} }}%"),
        }
    }
}

impl Display for Note {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "//? {} {}", self.name, self.value)
    }
}

/// Without the end of a call that may block, which belongs to the time.
impl Display for Syscall {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        between(f, &self.args, ", ", |f, arg| write!(f, "{arg}"))?;
        write!(f, ") = {}", self.result)?;
        if let Some(errno) = &self.errno {
            write!(f, " {errno}")?;
        }
        match &self.remark {
            Some(remark) => write!(f, " ({remark})"),
            None => Ok(()),
        }
    }
}
