//! Events: times, what happens, and the notes behind it.

use super::super::ast::{Action, Direction, Event, Note, Script, Time};
use super::super::error::Error;
use super::{Kind, Parser};

/// What an event can be.
const ACTION: &str =
    "`<` or `>` and a packet, a system call, a command in backquotes, or `%{ code }%`";

/// A decimal number of seconds, in nanoseconds; what is finer is cut off.
fn nanos(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: u64 = format!("{:0<9}", &part[..part.len().min(9)]).parse().ok()?;
    whole.checked_mul(1_000_000_000)?.checked_add(part)
}

/// The moment on the script's own clock that an event has at least.
fn absolute(time: Time) -> Option<u64> {
    match time {
        Time::At(at) | Time::AtRange(at, _) => Some(at),
        Time::After(_) | Time::AfterRange(..) | Time::Any => None,
    }
}

impl Parser<'_, '_> {
    /// All events, with their notes.
    pub(super) fn events(&mut self, script: &mut Script) -> Result<(), Error> {
        let mut starts = Vec::new();
        let mut last = 0;
        while self.is_time() {
            let at = self.peek().at;
            let event = self.event()?;
            if starts.is_empty() && !matches!(event.time, Time::At(0) | Time::After(0)) {
                return self.fail_at(at, "the first event must be at time 0");
            }
            if let Some(time) = absolute(event.time) {
                if time < last {
                    let what = "this time is before that of an event above";
                    return self.fail_at(at, what);
                }
                last = time;
            }
            starts.push(at);
            script.events.push(event);
        }
        if starts.is_empty() {
            return self.expected("an event at time 0", &[]);
        }
        for comment in &self.notes {
            let (name, value) = match comment.text.split_once(char::is_whitespace) {
                Some((name, value)) => (name, value.trim()),
                None => (comment.text, ""),
            };
            let nth = starts.partition_point(|at| *at < comment.at).checked_sub(1);
            if name == "profile" {
                if nth.is_some() || script.profile.is_some() {
                    let what = "`//? profile` stands once, above all events";
                    return self.fail_at(comment.at, what);
                }
                let line = self.places.line(comment.at);
                let (name, value) = (name.to_owned(), value.to_owned());
                script.profile = Some(Note { line, name, value });
                continue;
            }
            if name == "turns" {
                if nth.is_some() || value != "written" {
                    let what = "`//? turns written` stands above all events";
                    return self.fail_at(comment.at, what);
                }
                script.turns = true;
                continue;
            }
            let Some(nth) = nth else {
                return self.fail_at(comment.at, "this note stands before all events");
            };
            if name.is_empty() {
                return self.fail_at(comment.at, "expected `//? name value`");
            }
            let line = self.places.line(comment.at);
            let note = Note { line, name: name.to_owned(), value: value.to_owned() };
            script.events[nth].notes.push(note);
        }
        Ok(())
    }

    /// Whether a time comes.
    fn is_time(&self) -> bool {
        self.is("+") || self.is("*") || matches!(self.peek().kind, Kind::Int | Kind::Float)
    }

    fn event(&mut self) -> Result<Event, Error> {
        let (line, at) = (self.line(), self.peek().at);
        let time = self.time()?;
        let token = self.peek();
        let (kind, start) = (token.kind, token.at);
        let action = match kind {
            _ if self.is("<") || self.is(">") => Action::Packet(self.packet()?),
            Kind::Word | Kind::Ellipsis => Action::Syscall(self.syscall(time)?),
            Kind::Back => Action::Command(self.take().text.into_owned()),
            Kind::Code => {
                let line = self.places.line(start);
                Action::Code { line, text: self.take().text.into_owned() }
            }
            _ => return self.expected(ACTION, &[]),
        };
        let outbound = matches!(&action, Action::Packet(p) if p.direction == Direction::Outbound);
        if !outbound && !matches!(time, Time::At(_) | Time::After(_)) {
            let what = "only a packet that must leave can have a range or `*` for its time";
            return self.fail_at(at, what);
        }
        Ok(Event { line, time, action, notes: Vec::new() })
    }

    fn time(&mut self) -> Result<Time, Error> {
        if self.eat("*") {
            return Ok(Time::Any);
        }
        let relative = self.eat("+");
        let at = self.peek().at;
        let from = self.seconds()?;
        if !self.eat("~") {
            return Ok(if relative { Time::After(from) } else { Time::At(from) });
        }
        match (relative, self.eat("+")) {
            (true, false) => return self.fail("the end of `+a~+b` has a `+`, too"),
            (false, true) => return self.fail("the start of `+a~+b` has a `+`, too"),
            _ => {}
        }
        let to = self.seconds()?;
        if to < from {
            return self.fail_at(at, "this range ends before it starts");
        }
        Ok(if relative { Time::AfterRange(from, to) } else { Time::AtRange(from, to) })
    }

    /// Seconds, which are not negative, in nanoseconds.
    pub(super) fn seconds(&mut self) -> Result<u64, Error> {
        let token = self.peek();
        if !matches!(token.kind, Kind::Int | Kind::Float) {
            return self.expected("seconds, such as `0.1`", &[]);
        }
        if token.text.starts_with('-') {
            return self.fail("a time is not negative");
        }
        match nanos(&token.text) {
            Some(nanos) => {
                self.take();
                Ok(nanos)
            }
            None => self.fail("this time is too far away"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::nanos;

    #[test]
    fn seconds_are_read_exactly() {
        let table = [
            ("0", 0),
            (".01", 10_000_000),
            ("1.5", 1_500_000_000),
            ("0.000000001", 1),
            ("0.0000000019", 1),
            ("3600", 3_600_000_000_000),
        ];
        for (text, value) in table {
            assert_eq!(nanos(text), Some(value), "{text}");
        }
        assert_eq!(nanos("18446744074"), None);
        assert_eq!(nanos("99999999999999999999"), None);
    }
}
