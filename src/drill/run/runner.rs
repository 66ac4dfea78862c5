//! Goes through a script: when each event is due, what it does, and what must come of it.

use super::args::{Trouble, number};
use super::calls::{self, Progress, Returned};
use super::compare::{self, Rules};
use super::errno::Errno;
use super::machine::Machine;
use super::names::Snapshot;
use super::profile::Profile;
use super::settings::{Options, Settings};
use super::verdict::{Crossing, Failure, Kind, Verdict, moment};
use super::world::Out;
use super::{build, live, notes, shell, show};
use crate::base::{Duration, Instant};
use crate::drill::assert;
use crate::drill::ast::{
    Action, Body, Direction, Event, Expr, Options as TcpOptions, Packet, Ports, Script, SeqKind,
    Syscall, Tcp, TcpOption, Time,
};
use crate::socket::demux::Pair;
use crate::tcp::State;

/// How long an outbound packet is waited for behind its time.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a packet that may come at any time is waited for, and a call that waits without an
/// end: longer than any timer of a connection runs.
const FOREVER: Duration = Duration::from_secs(100_000);

/// How many steps a failure shows.
const SHOWN: usize = 14;

/// A call that waits on another thread.
#[derive(Debug)]
struct Pending<'a> {
    line: u32,
    call: &'a Syscall,
    progress: Progress,
    end: Instant,
    /// Until when it waits, if not for ever.
    until: Option<Instant>,
}

/// When the event before was due and when it was over.
#[derive(Copy, Clone, Debug)]
struct Before {
    due: Instant,
    over: Instant,
    arrived: bool,
}

struct Runner<'a> {
    options: &'a Options,
    machine: Machine,
    pending: Option<Pending<'a>>,
    before: Before,
    trace: Vec<String>,
    /// The reasons that the host gave since the event before.
    keys: Vec<&'static str>,
    skipped: Vec<(u32, String)>,
    /// What statements have assigned.
    variables: assert::Variables,
}

type Step<T = ()> = Result<T, Box<Failure>>;

pub(super) fn run(script: &Script, profile: &Profile, options: &Options) -> Verdict {
    let unknown = |line, what: String| Verdict {
        failure: Some(Failure::new(line, Kind::Unknown, what)),
        skipped: Vec::new(),
        trace: Vec::new(),
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
    let crossed = std::mem::take(&mut runner.machine.world.crossed).into_iter();
    let packets =
        crossed.map(|c| Crossing { at: c.at, inbound: c.inbound, bytes: c.bytes, why: c.why });
    Verdict {
        failure,
        skipped: runner.skipped,
        packets: packets.collect(),
        ended: runner.machine.world.now,
        trace: runner.trace,
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

    /// A call that still waits has to be over by its end.
    fn end(&mut self) -> Step {
        if let Some(pending) = &self.pending {
            let (line, end) = (pending.line, pending.end);
            let last = end + Duration::from_nanos(self.machine.settings.tolerance(0));
            self.until(last.max(self.machine.world.now) + Duration::from_secs(1))?;
            if let Some(pending) = &self.pending {
                let what = format!("{} has not returned", pending.call.name);
                return fail(Failure::new(line, Kind::Call, what));
            }
        }
        Ok(())
    }

    /// When an event is due: the first and the last moment; `None`: at any time.
    fn due(&self, time: &Time, arrives: bool, before: Before) -> Option<(Instant, Instant)> {
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
            Action::Packet(packet) => self.arrive(event.line, packet),
            Action::Syscall(call) => self.call(event, call, due),
            Action::Command(text) => self.command(event.line, text),
            Action::Code { line, text } => self.code(*line, text),
        }
    }

    fn tolerance(&self, due: Instant) -> u64 {
        let span = due.since(self.before.due).as_nanos() as u64;
        self.machine.settings.tolerance(span)
    }

    // ---- time

    /// Lets time pass up to a moment, stopping wherever the host or a call has something to do.
    fn until(&mut self, end: Instant) -> Step {
        while self.next(end)? {}
        let world = &mut self.machine.world;
        world.now = world.now.max(end);
        self.settle()
    }

    /// Goes on to the next moment at which something is due, up to `end`; says whether there was
    /// one.
    fn next(&mut self, end: Instant) -> Step<bool> {
        self.settle()?;
        let until = self.pending.as_ref().and_then(|pending| pending.until);
        let next = [self.machine.world.deadline(), until].into_iter().flatten().min();
        let Some(at) = next.filter(|at| *at <= end) else { return Ok(false) };
        self.machine.world.now = self.machine.world.now.max(at);
        self.settle()?;
        Ok(true)
    }

    /// Lets the host and a waiting call do what they can do now.
    fn settle(&mut self) -> Step {
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
    fn in_time(
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
    fn listen(&mut self) {
        for record in self.machine.world.take_told() {
            self.keys.extend(notes::reasons(&record));
            if let Some(step) = notes::step(&record) {
                self.trace.push(format!("{}      {step}", moment(record.at)));
            }
        }
    }

    fn step(&mut self, line: u32, text: impl std::fmt::Display) {
        self.listen();
        let now = moment(self.machine.world.now);
        self.trace.push(format!("{now}  {line:>3}: {text}"));
    }

    /// Adds to a failure what led to it.
    fn complete(&mut self, mut failure: Failure) -> Failure {
        self.listen();
        let from = self.trace.len().saturating_sub(SHOWN);
        failure.steps = self.trace[from..].to_vec();
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

    // ---- packets

    fn arrive(&mut self, line: u32, packet: &Packet) -> Step {
        let wrong = |what| Failure::new(line, Kind::Packet, what);
        let flow = self.machine.flow_for(inbound_ports(packet), true).map_err(wrong)?;
        if let Body::Tcp(tcp) = &packet.body
            && tcp.flags.syn
        {
            self.peer_syn(flow, tcp);
        }
        let settings = &self.machine.settings;
        let bytes = build::packet(packet, &self.machine.flows[flow], settings)
            .map_err(|what| Failure::new(line, Kind::Unknown, what))?;
        self.step(line, packet);
        self.machine.world.inject(bytes);
        self.settle()
    }

    /// A SYN of the peer chooses its numbers, unless the connection has them already.
    fn peer_syn(&mut self, flow: usize, tcp: &Tcp) {
        let conn = self.machine.conn_of(flow);
        let over = conn.is_some()
            && match self.machine.world.state(conn) {
                State::TimeWait => self.machine.is_heard(flow),
                state => state == State::Closed,
            };
        let flow = &mut self.machine.flows[flow];
        if over {
            flow.forget();
        }
        flow.peer_syn(tcp.seq.start);
    }

    /// The next packet of a flow that the host has sent, or sends up to `end`.
    fn take(&mut self, flow: usize, packet: &Packet, end: Instant) -> Step<Option<Out>> {
        let Pair { local, remote } = {
            let flow = &self.machine.flows[flow];
            Pair { local: flow.local, remote: flow.remote }
        };
        let icmp = matches!(packet.body, Body::Icmp(_));
        loop {
            self.settle()?;
            let is_ours = |out: &Out| match out.live.pair() {
                Some((src, dst)) if icmp => src.ip() == local.ip() && dst.ip() == remote.ip(),
                Some((src, dst)) => src == local && dst == remote,
                None => false,
            };
            let out = &mut self.machine.world.out;
            let found = out.iter().position(is_ours);
            if let Some(at) = found.filter(|at| out[*at].at <= end) {
                out.drain(..at);
                return Ok(out.pop_front());
            }
            if found.is_some() || !self.next(end)? {
                return Ok(None);
            }
        }
    }

    fn expect(&mut self, event: &Event, packet: &Packet) -> Step {
        let (line, text) = (event.line, packet.to_string());
        let wrong = |what| Failure::new(line, Kind::Packet, what).expected(text.clone());
        let flow = self.machine.flow_for(outbound_ports(packet), false).map_err(wrong)?;
        let due = self.due(&event.time, false, self.before);
        let now = self.machine.world.now;
        let end = due.map_or(now + FOREVER, |(_, high)| high.max(now) + PATIENCE);
        let Some(mut out) = self.take(flow, packet, end)? else {
            let what = match due {
                Some((_, high)) => format!("no packet came until {}", moment(high + PATIENCE)),
                None => "no packet came".to_owned(),
            };
            return fail(wrong(what));
        };
        self.listen();
        self.keys.append(&mut out.keys);
        let mut whole = out.live.clone();
        let joined = self.join(flow, packet, &mut whole, end)?;
        let because = out.why.take().map(|why| format!("{} ({})", why.text, why.rfc));
        if let (Body::Tcp(tcp), Some(segment)) = (&packet.body, whole.tcp()) {
            self.machine.flows[flow].meet(tcp, segment);
        }
        let rules =
            Rules { settings: &self.machine.settings, ignore: self.options.ignore, at: out.at };
        let compared = joined
            .and_then(|()| compare::packet(packet, &whole, &mut self.machine.flows[flow], &rules));
        let shown = show::actual(&whole, Some(&self.machine.flows[flow]));
        compared.map_err(|what| wrong(what).actual(shown.clone(), because.clone()))?;
        self.step(line, &shown);
        if let Some(due) = due {
            let tolerance = self.tolerance(due.0);
            self.in_time(line, out.at, due, tolerance)
                .map_err(|late| Box::new(late.expected(text).actual(shown, because)))?;
        }
        if let (Body::Tcp(tcp), Some(segment)) = (&packet.body, whole.tcp()) {
            self.machine.flows[flow].sent(tcp, segment, out.at);
        }
        Ok(())
    }

    /// Joins further segments to a first that is shorter than what the script expects.
    fn join(
        &mut self,
        flow: usize,
        packet: &Packet,
        whole: &mut live::Live,
        end: Instant,
    ) -> Step<Result<(), String>> {
        let Body::Tcp(expected) = &packet.body else { return Ok(Ok(())) };
        let (len, strict) = (expected.seq.len as usize, self.machine.settings.strict_segments);
        let size = whole.tcp().map_or(0, |tcp| tcp.payload.len());
        if strict || size == 0 {
            return Ok(Ok(()));
        }
        while whole.tcp().is_some_and(|tcp| tcp.payload.len() < len) {
            let Some(piece) = self.take(flow, packet, end)? else { break };
            let (Some(next), live::Body::Tcp(first)) = (piece.live.tcp(), &mut whole.body) else {
                break;
            };
            let is_last = first.payload.len() + next.payload.len() >= len;
            if let Err(what) = compare::continues(first, next, is_last, size) {
                return Ok(Err(what));
            }
            compare::join(first, next);
        }
        Ok(Ok(()))
    }

    // ---- calls, commands, code

    fn call(&mut self, event: &Event, call: &'a Syscall, due: Instant) -> Step {
        let line = event.line;
        let now = self.machine.world.now;
        let base = match event.time {
            Time::After(t) => Instant::from_nanos(due.as_nanos().saturating_sub(t)),
            _ => Instant::ZERO,
        };
        let mut progress = Progress::new(now);
        self.step(line, call);
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
    fn returned(&mut self, line: u32, call: &Syscall, answer: Result<Returned, Trouble>) -> Step {
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

    fn command(&mut self, line: u32, text: &str) -> Step {
        let mut effect = shell::Effect::default();
        self.machine.turn(|profile| drop(shell::take(text, profile)));
        effect.clone_from(&shell::take(text, &mut self.machine.profile.clone()));
        self.step(line, format_args!("`{text}`"));
        for what in effect.refused {
            if !self.options.lenient {
                return fail(Failure::new(line, Kind::Unknown, what));
            }
            self.skipped.push((line, what));
        }
        self.until(self.machine.world.now + effect.sleep)
    }

    fn code(&mut self, line: u32, text: &str) -> Step {
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
        self.trace.extend(said);
        Ok(())
    }
}

fn fail<T>(failure: Failure) -> Step<T> {
    Err(Box::new(failure))
}

fn is_inbound(packet: &Packet) -> bool {
    packet.direction == Direction::Inbound
}

fn ports(packet: &Packet) -> Option<Ports> {
    match &packet.body {
        Body::Tcp(tcp) => tcp.ports,
        Body::Udp(udp) => udp.ports,
        Body::Icmp(_) => None,
    }
}

fn inbound_ports(packet: &Packet) -> Option<Ports> {
    ports(packet)
}

/// As an inbound packet of the same flow has them.
fn outbound_ports(packet: &Packet) -> Option<Ports> {
    ports(packet).map(|ports| Ports { src: ports.dst, dst: ports.src })
}

/// Whether a segment shows our initial sequence number under the script's.
fn shows_own(tcp: &Tcp) -> bool {
    tcp.flags.syn && tcp.seq.kind == SeqKind::Mapped
}

impl super::flow::Flow {
    /// A segment of ours, before it is compared: a SYN shows our initial sequence number.
    fn meet(&mut self, expected: &Tcp, segment: &live::Tcp) {
        if shows_own(expected) && segment.ctl.syn() && !self.knows_own() {
            self.own_syn(expected.seq.start, segment.seq);
        }
    }

    /// A segment of ours that was as expected: its timestamp is one that the peer can echo.
    fn sent(&mut self, expected: &Tcp, segment: &live::Tcp, at: Instant) {
        let TcpOptions::List(list) = &expected.options else { return };
        let val = list.iter().find_map(|option| match option {
            TcpOption::Timestamps { val, .. } => *val,
            _ => None,
        });
        let live = compare::walk(&segment.options).into_iter().find(|o| o[0] == 8 && o.len() == 10);
        if let (Some(val), Some(o)) = (val, live) {
            self.own_stamp(val, u32::from_be_bytes([o[2], o[3], o[4], o[5]]), at);
        }
    }
}
