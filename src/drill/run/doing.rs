//! Events that are calls, commands and statements, and what comes of them.

use super::args::{Trouble, number};
use super::calls::{self, Progress, Returned};
use super::errno::Errno;
use super::names::Snapshot;
use super::runner::{FOREVER, Line, Pending, Runner, Step, fail};
use super::sockstat::{self, Told};
use super::verdict::{Failure, Kind};
use super::{notes, shell};
use crate::base::{Duration, Instant};
use crate::drill::assert;
use crate::drill::ast::{Event, Expr, Syscall, Time};

impl<'a> Runner<'a> {
    pub(super) fn call(&mut self, event: &Event, call: &'a Syscall, due: Instant) -> Step {
        let line = event.line;
        let now = self.machine.world.now;
        let base = match event.time {
            Time::After(t) => Instant::from_nanos(due.as_nanos().saturating_sub(t)),
            _ => Instant::ZERO,
        };
        let mut progress = Progress::new(now);
        self.machine.world.held = event.notes.iter().any(notes::holds);
        self.step(line, call);
        calls::check(call).map_err(|what| Failure::new(line, Kind::Call, what))?;
        let answer = calls::call(&mut self.machine, call, &mut progress);
        self.machine.world.pump();
        let until = match answer {
            Err(Trouble::Block(until)) => until,
            answer => {
                self.returned(line, call, answer)?;
                let Some(end) = call.end else { return self.settle() };
                let end = base + Duration::from_nanos(end);
                let tolerance = self.machine.settings.tolerance(end.since(due).as_nanos() as u64);
                self.in_time(line, now, (end, end), tolerance)?;
                return self.settle();
            }
        };
        if self.pending.is_some() {
            let what = "another call still waits";
            return fail(Failure::new(line, Kind::Call, what));
        }
        let end = call.end.map_or(Instant::MAX, |end| base + Duration::from_nanos(end));
        self.pending = Some(Pending { line, call, progress, end, until });
        match call.end {
            Some(_) => Ok(()),
            None => self.wait_for(line, call),
        }
    }

    /// Waits for a call that nothing else happens beside.
    fn wait_for(&mut self, line: u32, call: &Syscall) -> Step {
        let limit = self.machine.world.now + FOREVER;
        while let Some(mut pending) = self.pending.take() {
            // It may return whenever it likes.
            pending.end = self.machine.world.now;
            let answer = calls::call(&mut self.machine, call, &mut pending.progress);
            self.machine.world.pump();
            let until = match answer {
                Err(Trouble::Block(until)) => until,
                answer => return self.returned(line, call, answer),
            };
            let next = [self.machine.world.deadline(), until].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at <= limit) else {
                let what = format!("{} waits for ever", call.name);
                return fail(Failure::new(line, Kind::Call, what));
            };
            self.machine.world.now = self.machine.world.now.max(at);
            self.machine.world.pump();
            self.pending = Some(pending);
        }
        Ok(())
    }

    /// Compares what a call returned with what the script says.
    pub(super) fn returned(
        &mut self,
        line: u32,
        call: &Syscall,
        answer: Result<Returned, Trouble>,
    ) -> Step {
        let wrong = |what: String| Failure::new(line, Kind::Call, what);
        let (value, opened, errno) = match answer {
            Ok(Returned { value, opened }) => (value, opened, None),
            Err(Trouble::Errno(errno)) => (-1, None, Some(errno)),
            Err(Trouble::Refused(what)) if self.options.lenient => {
                self.skipped.push((line, what));
                return Ok(());
            }
            Err(Trouble::Refused(what)) => return fail(Failure::new(line, Kind::Unknown, what)),
            Err(Trouble::Wrong(what)) => return fail(wrong(what)),
            Err(Trouble::Block(_)) => return fail(wrong(format!("{} waits", call.name))),
        };
        if call.result == Expr::Ellipsis {
            return Ok(());
        }
        let expected = number(&call.result).map_err(|_| wrong("the result is no number".into()))?;
        let wanted = call.errno.as_deref().map(Errno::named);
        if wanted == Some(None) {
            let name = call.errno.as_deref().unwrap_or_default();
            return fail(Failure::new(
                line,
                Kind::Unknown,
                format!("no error has the name {name}"),
            ));
        }
        let wanted = wanted.flatten();
        let fits = match (opened, errno) {
            // An accepted one takes the name over, as with the original.
            (Some(_), _) if call.name != "accept" && self.machine.index(expected).is_ok() => {
                return fail(wrong(format!("descriptor {expected} is open already")));
            }
            (Some(file), _) if expected >= 0 => {
                self.machine.labels.insert(expected, file);
                true
            }
            (_, Some(errno)) => expected == -1 && wanted.is_none_or(|wanted| wanted == errno),
            (_, None) => value == expected,
        };
        if fits {
            return Ok(());
        }
        let shown = |value: i64, errno: Option<Errno>| match errno {
            Some(errno) => format!("{value} {}", errno.name()),
            None => value.to_string(),
        };
        let failure = wrong(format!("{} returned something else", call.name));
        let actual = if opened.is_some() { "a descriptor".into() } else { shown(value, errno) };
        fail(failure.expected(shown(expected, wanted)).actual(actual, None))
    }

    pub(super) fn command(&mut self, line: u32, text: &str) -> Step {
        if let Some(told) = sockstat::run(text, &mut self.machine) {
            return self.told(line, text, told);
        }
        let mut effect = shell::Effect::default();
        let offload = self.machine.profile.offload;
        self.machine.turn(|profile| drop(shell::take(text, profile)));
        effect.clone_from(&shell::take(text, &mut self.machine.profile.clone()));
        if self.machine.profile.offload != offload {
            effect.refused.push("ethtool: the device is as it is before time 0".into());
        }
        self.step(line, format_args!("`{text}`"));
        if effect.forgets {
            let now = self.machine.world.now;
            self.machine.world.stack.forget_servers(now);
        }
        for what in effect.refused {
            if !self.options.lenient {
                return fail(Failure::new(line, Kind::Unknown, what));
            }
            self.skipped.push((line, what));
        }
        self.until(self.machine.world.now + effect.sleep)
    }

    fn told(&mut self, line: u32, text: &str, told: Told) -> Step {
        self.step(line, format_args!("`{text}`"));
        match told {
            Told::Found => self.settle(),
            Told::Missing(what) => fail(Failure::new(line, Kind::Code, what)),
            Told::Refused(what) if self.options.lenient => {
                self.skipped.push((line, what));
                Ok(())
            }
            Told::Refused(what) => fail(Failure::new(line, Kind::Unknown, what)),
        }
    }

    pub(super) fn code(&mut self, line: u32, text: &str) -> Step {
        let wrong = |failure: assert::Failure| {
            let kind = match failure.kind {
                assert::FailureKind::Refused => Kind::Unknown,
                assert::FailureKind::Assertion | assert::FailureKind::Exception => Kind::Code,
            };
            Failure::new(failure.line, kind, failure.what)
        };
        let program = assert::Program::parse(line, text).map_err(wrong)?;
        let snapshot = Snapshot::take(&mut self.machine);
        let said = program.run(&mut self.variables, &|name| snapshot.value(name)).map_err(wrong)?;
        self.step(line, "%{ … }%");
        self.trace.extend(said.into_iter().map(Line::Text));
        Ok(())
    }
}
