//! Goes through a script: when each event is due, what it does, and what must come of it.

use super::args::Trouble;
use super::calls::{self, Progress};
use super::flow::Flow;
use super::live::Live;
use super::machine::Machine;
use super::profile::Profile;
use super::settings::{Options, Settings};
use super::verdict::{Crossing, Failure, Kind, Verdict, moment};
use super::world::Told;
use super::{notes, shell, show};
use crate::base::{Duration, Instant};
use crate::drill::assert;
use crate::drill::ast::{Action, Direction, Event, Packet, Script, Syscall, Time};

/// How long a packet that may come at any time is waited for, and a call that waits without an
/// end: longer than any timer of a connection runs.
pub(super) const FOREVER: Duration = Duration::from_secs(100_000);

/// How long a call that waits may go on when all else is over.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many steps a failure shows.
const SHOWN: usize = 14;

/// A line of the trace.
#[derive(Clone, Debug)]
pub(super) enum Line {
    Text(String),
    /// A packet that left, shown unless an event has asked for it: its place among all that
    /// crossed the wire.
    Left(usize),
}

/// A call that waits on another thread.
#[derive(Debug)]
pub(super) struct Pending<'a> {
    pub(super) line: u32,
    pub(super) call: &'a Syscall,
    pub(super) progress: Progress,
    pub(super) end: Instant,
    /// Until when it waits, if not for ever.
    pub(super) until: Option<Instant>,
}

/// When the event before was due and when it was over.
#[derive(Copy, Clone, Debug)]
pub(super) struct Before {
    due: Instant,
    over: Instant,
    arrived: bool,
}

/// A script on its way.
pub(super) struct Runner<'a> {
    pub(super) options: &'a Options,
    pub(super) machine: Machine,
    pub(super) pending: Option<Pending<'a>>,
    pub(super) before: Before,
    pub(super) trace: Vec<Line>,
    /// The reasons that the host gave since the event before.
    pub(super) keys: Vec<&'static str>,
    pub(super) skipped: Vec<(u32, String)>,
    /// What statements have assigned.
    pub(super) variables: assert::Variables,
}

pub(super) type Step<T = ()> = Result<T, Box<Failure>>;

pub(super) fn run(script: &Script, profile: &Profile, options: &Options) -> Verdict {
    let unknown = |line, what: String| Verdict {
        failure: Some(Failure::new(line, Kind::Unknown, what)),
        skipped: Vec::new(),
        trace: Vec::new(),
        unasked: 0,
        packets: Vec::new(),
        ended: Instant::ZERO,
    };
    let settings = match Settings::of(&script.options, options) {
        Ok(settings) => settings,
        Err(bad) => return unknown(bad.line, bad.what),
    };
    let mut profile = profile.clone();
    let mut skipped = Vec::new();
    let scripts = settings.init_scripts.iter().map(|text| (1, text.as_str()));
    let init = script.init.iter().map(|init| (init.line, init.text.as_str()));
    for (line, text) in scripts.chain(init) {
        let effect = shell::take(text, &mut profile);
        for what in effect.refused {
            if !options.lenient {
                return unknown(line, what);
            }
            skipped.push((line, what));
        }
    }
    let zero = Instant::ZERO;
    let mut runner = Runner {
        options,
        machine: Machine::new(settings, profile),
        pending: None,
        before: Before { due: zero, over: zero, arrived: false },
        trace: Vec::new(),
        keys: Vec::new(),
        skipped,
        variables: assert::Variables::default(),
    };
    let failure = runner.all(&script.events).err().map(|failure| runner.complete(*failure));
    runner.listen();
    let (trace, unasked) = (runner.trace(failure.is_some()), runner.unasked());
    let crossed = std::mem::take(&mut runner.machine.world.crossed).into_iter();
    let packets =
        crossed.map(|c| Crossing { at: c.at, inbound: c.inbound, bytes: c.bytes, why: c.why });
    Verdict {
        failure,
        skipped: runner.skipped,
        packets: packets.collect(),
        ended: runner.machine.world.now,
        trace,
        unasked,
    }
}

impl<'a> Runner<'a> {
    fn all(&mut self, events: &'a [Event]) -> Step {
        for event in events {
            self.keys.clear();
            let before = self.before;
            match self.event(event) {
                Err(failure) if self.is_forgiven(event) => {
                    self.skipped.push((failure.line, failure.what));
                }
                other => other?,
            }
            self.listen();
            for note in &event.notes {
                let checked = notes::check(&mut self.machine, note, &self.keys);
                checked.map_err(|what| Failure::new(note.line, Kind::Note, what))?;
            }
            let arrived = matches!(&event.action, Action::Packet(packet) if is_inbound(packet));
            let now = self.machine.world.now;
            let due = self.due(&event.time, arrived, before).map_or(now, |(low, _)| low);
            self.before = Before { due, over: now, arrived };
        }
        self.end()
    }

    /// Whether a failure of this event does not end the script.
    fn is_forgiven(&self, event: &Event) -> bool {
        let settings = &self.machine.settings;
        match event.action {
            Action::Packet(_) => settings.non_fatal_packets,
            Action::Syscall(_) => settings.non_fatal_calls,
            _ => false,
        }
    }

    /// A call that still waits has to be over soon.
    fn end(&mut self) -> Step {
        if let Some(pending) = &self.pending {
            let line = pending.line;
            self.until(self.machine.world.now + PATIENCE)?;
            if let Some(pending) = &self.pending {
                let what = format!("{} has not returned a second after the end", pending.call.name);
                return fail(Failure::new(line, Kind::Call, what));
            }
        }
        Ok(())
    }

    /// When an event is due: the first and the last moment; `None`: at any time.
    pub(super) fn due(
        &self,
        time: &Time,
        arrives: bool,
        before: Before,
    ) -> Option<(Instant, Instant)> {
        let base = if arrives && before.arrived { before.due } else { before.over };
        let (at, after) = (Instant::from_nanos, |n| base + Duration::from_nanos(n));
        match *time {
            Time::At(t) => Some((at(t), at(t))),
            Time::After(t) => Some((after(t), after(t))),
            Time::Any => None,
            Time::AtRange(low, high) => Some((at(low), at(high))),
            Time::AfterRange(low, high) => Some((after(low), after(high))),
        }
    }

    fn event(&mut self, event: &'a Event) -> Step {
        if let Action::Packet(packet) = &event.action
            && !is_inbound(packet)
        {
            return self.expect(event, packet);
        }
        let arrives = matches!(event.action, Action::Packet(_));
        let Some((due, _)) = self.due(&event.time, arrives, self.before) else {
            return fail(Failure::new(
                event.line,
                Kind::Time,
                "only an outbound packet may come at any time",
            ));
        };
        self.until(due)?;
        let now = self.machine.world.now;
        let late = now.since(due).as_nanos() as u64;
        if late > self.tolerance(due) {
            let what = format!("due at {} but only now, at {}", moment(due), moment(now));
            return fail(Failure::new(event.line, Kind::Time, what));
        }
        match &event.action {
            Action::Packet(packet) => self.arrive(event, packet),
            Action::Syscall(call) => self.call(event, call, due),
            Action::Command(text) => self.command(event.line, text),
            Action::Code { line, text } => self.code(*line, text),
        }
    }

    pub(super) fn tolerance(&self, due: Instant) -> u64 {
        let span = due.since(self.before.due).as_nanos() as u64;
        self.machine.settings.tolerance(span)
    }

    // ---- time

    /// Lets time pass up to a moment, stopping wherever the host or a call has something to do.
    pub(super) fn until(&mut self, end: Instant) -> Step {
        while self.next(end)? {}
        let world = &mut self.machine.world;
        world.now = world.now.max(end);
        self.settle()
    }

    /// Goes on to the next moment at which something is due, up to `end`; says whether there was
    /// one.
    pub(super) fn next(&mut self, end: Instant) -> Step<bool> {
        self.settle()?;
        if self.machine.world.held {
            return Ok(false);
        }
        let until = self.pending.as_ref().and_then(|pending| pending.until);
        let next = [self.machine.world.deadline(), until].into_iter().flatten().min();
        let Some(at) = next.filter(|at| *at <= end) else { return Ok(false) };
        self.machine.world.now = self.machine.world.now.max(at);
        self.settle()?;
        Ok(true)
    }

    /// Lets the host and a waiting call do what they can do now.
    pub(super) fn settle(&mut self) -> Step {
        self.machine.conn_under_test(); // to be known when it is gone
        self.machine.world.pump();
        let Some(mut pending) = self.pending.take() else { return Ok(()) };
        match calls::call(&mut self.machine, pending.call, &mut pending.progress) {
            Err(Trouble::Block(until)) => {
                pending.until = until;
                self.pending = Some(pending);
                self.machine.world.pump();
                Ok(())
            }
            answer => {
                self.machine.world.pump();
                self.returned(pending.line, pending.call, answer)?;
                let now = self.machine.world.now;
                let span = pending.end.since(pending.progress.since).as_nanos() as u64;
                let tolerance = self.machine.settings.tolerance(span);
                self.in_time(pending.line, now, (pending.end, pending.end), tolerance).map_err(
                    |failure| {
                        let what = format!("{} returned: {}", pending.call.name, failure.what);
                        Box::new(Failure { what, ..*failure })
                    },
                )
            }
        }
    }

    /// Whether something that happened at `at` was in time.
    pub(super) fn in_time(
        &self,
        line: u32,
        at: Instant,
        (low, high): (Instant, Instant),
        tolerance: u64,
    ) -> Step {
        let early = low.since(at).as_nanos() as u64;
        let late = at.since(high).as_nanos() as u64;
        if self.options.ignore.time || (early <= tolerance && late <= tolerance) {
            return Ok(());
        }
        let off = if early > tolerance { (early, "early") } else { (late, "late") };
        let expected =
            if low == high { moment(low) } else { format!("{} to {}", moment(low), moment(high)) };
        let (micros, word) = (off.0 / 1000, off.1);
        let allowed = tolerance / 1000;
        let what = format!(
            "expected at {expected}, came at {}: {micros} us {word}, {allowed} us are allowed",
            moment(at)
        );
        fail(Failure::new(line, Kind::Time, what))
    }

    // ---- what is told

    /// Takes what the host told into the trace and the reasons.
    pub(super) fn listen(&mut self) {
        for told in self.machine.world.take_told() {
            let record = match told {
                Told::Record(record) => record,
                Told::Left(place) => {
                    self.trace.push(Line::Left(place));
                    continue;
                }
            };
            self.keys.extend(notes::reasons(&record));
            if let Some(step) = notes::step(&record) {
                self.trace.push(Line::Text(format!("{}      {step}", moment(record.at))));
            }
        }
    }

    pub(super) fn step(&mut self, line: u32, text: impl std::fmt::Display) {
        self.listen();
        let now = moment(self.machine.world.now);
        self.trace.push(Line::Text(format!("{now}  {line:>3}: {text}")));
    }

    /// How many packets have left that no event asked for.
    fn unasked(&self) -> usize {
        self.machine.world.crossed.iter().filter(|packet| !packet.inbound && !packet.asked).count()
    }

    /// What happened, a line each. A packet that no event has asked for stands where it left; where
    /// the script has failed, those that were still to be looked at are not shown.
    fn trace(&self, failed: bool) -> Vec<String> {
        let world = &self.machine.world;
        let ahead = world.out.front().filter(|_| failed).map_or(usize::MAX, |out| out.crossed);
        let shown = |line: &Line| match line {
            Line::Text(text) => Some(text.clone()),
            Line::Left(place) => {
                let packet = &world.crossed[*place];
                let live = Live::parse(&packet.bytes);
                let is_meant = |flow: &&Flow| live.pair() == Some((flow.local, flow.remote));
                let flow = self.machine.flows.iter().rev().find(is_meant);
                let text = format!("{} (no event asked for it)", show::actual(&live, flow));
                let text = show::because(&text, packet.why.as_deref());
                let is_shown = !packet.asked && *place < ahead;
                is_shown.then(|| format!("{}      {text}", moment(packet.at)))
            }
        };
        self.trace.iter().filter_map(shown).collect()
    }

    /// Adds to a failure what led to it.
    fn complete(&mut self, mut failure: Failure) -> Failure {
        self.listen();
        let trace = self.trace(true);
        failure.steps = trace[trace.len().saturating_sub(SHOWN)..].to_vec();
        let conn = self.machine.conn_under_test();
        let now = self.machine.world.now;
        failure.state = match conn.and_then(|conn| self.machine.world.stack.info(now, conn).ok()) {
            Some(info) => format!(
                "{} at {}: cwnd {} ssthresh {} in flight {} unacked {} rto {} us",
                self.machine.world.state(conn).name(),
                moment(now),
                info.snd_cwnd_bytes,
                info.ssthresh().map_or("∞".into(), |n| (n * info.snd_mss).to_string()),
                info.bytes_in_flight,
                info.unacked,
                info.rto
            ),
            None => format!("no connection, at {}", moment(now)),
        };
        failure
    }
}

pub(super) fn fail<T>(failure: Failure) -> Step<T> {
    Err(Box::new(failure))
}

pub(super) fn is_inbound(packet: &Packet) -> bool {
    packet.direction == Direction::Inbound
}
