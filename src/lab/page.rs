//! A lab and its run as text: what `netglass lab show` and `lab run` print. Pure: no clock but the
//! run's, no terminal.

use super::check::moment;
use super::{Kind, Lab, Run, Verdict};
use crate::observe::view::describe::describe;
use crate::observe::view::style::Style;
use crate::observe::view::{self, Ladder, Tcpdump};
use crate::sim::{Bound, End};
use crate::stack::{Event, Record};
use crate::tcp;
use std::fmt::Write as _;

/// Columns of a page.
const WIDTH: usize = 100;
/// Lines of a page, unless all is wanted.
const LINES: usize = 25;

/// How a page is written.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Page<'a> {
    /// Everything, however long.
    pub all: bool,
    /// With the answers to the questions.
    pub answers: bool,
    /// Colours and characters.
    pub style: Style,
    /// How the lab is named in commands that can come next: its number, or its file.
    pub name: &'a str,
}

/// Text in lines of a page's width, each behind `indent`. The lines of a paragraph are one text.
fn wrapped(out: &mut String, indent: &str, text: &str) {
    for (nth, paragraph) in text.trim_end().split("\n\n").enumerate() {
        if nth > 0 {
            out.push('\n');
        }
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let taken = line.chars().count() + word.chars().count() + indent.chars().count() + 1;
            if !line.is_empty() && taken > WIDTH {
                let _ = writeln!(out, "{indent}{line}");
                line.clear();
            }
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
        let _ = writeln!(out, "{}", format!("{indent}{line}").trim_end());
    }
}

impl Lab {
    /// The network in a line or a few: a path when it is one, else every link.
    pub fn topology(&self) -> String {
        match self.path() {
            Some(path) => path,
            None => {
                let mut lines: Vec<String> =
                    self.links.iter().map(|link| self.link(link)).collect();
                lines.dedup();
                lines.join("\n")
            }
        }
    }

    fn name_of(&self, node: usize) -> String {
        let name = &self.nodes[node].name;
        match (self.nodes[node].kind, self.plan.addr(node)) {
            (Kind::Host, Some(addr)) => format!("{name} {addr}"),
            (Kind::Host, None) => name.clone(),
            (kind, _) => format!("{name} ({})", kind.name()),
        }
    }

    fn link(&self, link: &super::Link) -> String {
        let [a, b] = link.ends.map(|node| self.name_of(node));
        let words = if link.words.is_empty() { String::new() } else { format!("[{}]", link.words) };
        format!("{a} ──{words}── {b}")
    }

    /// The nodes in one row, when each has a neighbour on two sides at most and nobody is left out.
    fn path(&self) -> Option<String> {
        let links_of = |node: usize| {
            let ends = self.links.iter().enumerate();
            ends.filter(move |(_, link)| link.ends.contains(&node)).map(|(n, _)| n)
        };
        let ends: Vec<usize> =
            (0..self.nodes.len()).filter(|node| links_of(*node).count() == 1).collect();
        if ends.len() != 2 || self.links.len() + 1 != self.nodes.len() {
            return None;
        }
        let (mut at, mut text, mut used) = (ends[0], self.name_of(ends[0]), Vec::new());
        while let Some(n) = links_of(at).find(|n| !used.contains(n)) {
            used.push(n);
            let link = &self.links[n];
            at = link.ends[usize::from(link.ends[0] == at)];
            let words = match link.words.as_str() {
                "" => String::new(),
                words => format!("[{words}]"),
            };
            let _ = write!(text, " ──{words}── {}", self.name_of(at));
        }
        (used.len() == self.links.len()).then_some(text)
    }

    /// The lab before its run: what it is about, and what to think about.
    pub fn page(&self, page: &Page<'_>) -> String {
        let mut out = format!("LAB {}  {}\n", page.name, self.title);
        wrapped(&mut out, "", &self.promise);
        out.push('\n');
        self.topology().lines().for_each(|line| wrapped(&mut out, "  ", line));
        if !self.text.is_empty() {
            out.push('\n');
            wrapped(&mut out, "", &self.text);
        }
        if !self.programs.is_empty() {
            out.push('\n');
        }
        for program in &self.programs {
            let at = moment(program.start);
            let _ = writeln!(out, "{at:>8}  {}: {}", self.nodes[program.on].name, program.run);
        }
        if !self.questions.is_empty() {
            out.push('\n');
        }
        for (n, question) in self.questions.iter().enumerate() {
            wrapped(&mut out, "", &format!("? {}. {}", n + 1, question.ask));
            if page.answers {
                wrapped(&mut out, "     ", &question.answer);
            } else if !question.hint.is_empty() {
                wrapped(&mut out, "     ", &format!("hint: {}", question.hint));
            }
        }
        let name = page.name;
        let _ = write!(out, "\nnext: netglass lab run {name}");
        let _ = writeln!(out, "  ·  netglass lab show {name} --answer");
        out
    }
}

impl Run {
    /// How the run ended, in words.
    pub fn ending(&self) -> String {
        match &self.end {
            End::Quiet => format!("ended at {}: nothing more happens", moment(self.ended)),
            End::Time => format!("ended at {}: its time is over", moment(self.ended)),
            End::Failed(failure) => format!("failed at {}: {failure}", moment(self.ended)),
            End::Bound(bound) => {
                let bound = match bound {
                    Bound::Events => "as many events have happened as may",
                    Bound::Entries => "the log is as long as it may be",
                    Bound::UnderWay(_) => "more frames are under way on a wire than may be",
                };
                let storm = self.storm.as_ref().map(|wire| {
                    format!("; a broadcast storm: most frames on {wire} are for everybody")
                });
                format!("stopped at {}: {bound}{}", moment(self.ended), storm.unwrap_or_default())
            }
        }
    }

    /// What came of the run.
    pub fn page(&self, page: &Page<'_>) -> String {
        let lab = &self.lab;
        let mut head = format!("LAB {}  {}   seed {}\n", page.name, lab.title, lab.seed);
        lab.topology().lines().for_each(|line| wrapped(&mut head, "  ", line));
        let mut tail = String::new();
        self.say_reports(&mut tail, page);
        self.say_checks(&mut tail, page);
        let hash = self.hash;
        let events = self.counts.events;
        let ending = self.ending();
        wrapped(&mut tail, "", &format!("{ending} · {events} events · trace {hash:016x}"));
        if !page.answers && !lab.questions.is_empty() {
            let question = &lab.questions[0].ask;
            wrapped(&mut tail, "", &format!("? {question}"));
        }
        if page.answers {
            for question in &lab.questions {
                wrapped(&mut tail, "", &format!("? {}", question.ask));
                wrapped(&mut tail, "     ", &question.answer);
            }
        }
        let name = page.name;
        let _ = write!(tail, "next: netglass lab show {name}  ·  ");
        let _ = writeln!(tail, "netglass lab run {name} --answer  ·  --all");
        let body = self.story(page);
        let mut lines: Vec<&str> = body.lines().collect();
        let room = LINES.saturating_sub(head.lines().count() + tail.lines().count());
        let mut more = String::new();
        if !page.all && lines.len() > room {
            let kept = room.saturating_sub(1);
            more = format!("… {} more lines: --all\n", lines.len() - kept);
            lines.truncate(kept);
        }
        let mut body = lines.join("\n");
        if !body.is_empty() {
            body.push('\n');
        }
        page.style.letters(&(head + &body + &more + &tail))
    }

    /// What happened to the host that the lab shows: a ladder when all is wanted, else a line for
    /// each packet, call, change of state and timer.
    fn story(&self, page: &Page<'_>) -> String {
        let (Some(show), Some(log)) = (self.lab.show, &self.log) else { return String::new() };
        let Some(place) = log.place(&self.lab.nodes[show.host].name) else { return String::new() };
        if page.all {
            let options =
                view::Options { all: true, style: page.style, ..view::Options::default() };
            let mut ladder = Ladder::new(options);
            log.records(place).for_each(|record| ladder.record(&record));
            return ladder.render();
        }
        let (mut spell, mut out) = (Tcpdump::new(), String::new());
        for record in log.records(place) {
            match verb(&record.event).filter(|_| record.at >= show.from) {
                Some(verb) => {
                    let text = describe(&mut spell, &record);
                    let _ = writeln!(out, "{}", row(&record, verb, &text));
                }
                None => spell.learn(&record),
            }
        }
        out
    }

    /// What the programs said: all of it, or the last lines of each.
    fn say_reports(&self, out: &mut String, page: &Page<'_>) {
        const USUAL: usize = 6;
        for report in &self.reports {
            let name = &self.lab.nodes[report.on].name;
            let skipped = match page.all {
                true => 0,
                false => report.said.len().saturating_sub(USUAL),
            };
            for line in report.said.iter().skip(skipped).filter(|line| !line.is_empty()) {
                wrapped(out, "", &format!("{name}: {line}"));
            }
        }
    }

    fn say_checks(&self, out: &mut String, page: &Page<'_>) {
        let verdicts = &self.verdicts;
        let passed = verdicts.iter().filter(|verdict| verdict.passed()).count();
        if page.all {
            for verdict in verdicts.iter().filter(|verdict| verdict.passed()) {
                wrapped(out, "", &format!("✓ {}", verdict.say));
            }
        } else if passed > 0 {
            let checks = if passed == 1 { "check" } else { "checks" };
            let _ = writeln!(out, "✓ {passed} of {} {checks} passed", verdicts.len());
        }
        verdicts.iter().for_each(|verdict| say_failure(out, verdict));
    }
}

/// What a host does at an event that is shown in short; `None` for all others.
fn verb(event: &Event) -> Option<&'static str> {
    use tcp::Event as E;
    match event {
        Event::Tcp(E::Sent { .. } | E::Replied { .. }) | Event::StrayOut { .. } => Some("sends"),
        Event::Out { .. } => Some("sends"),
        Event::Tcp(E::Received { .. }) | Event::StrayIn { .. } | Event::In(_) => Some("gets"),
        Event::Forwarded { .. } => Some("passes"),
        Event::Dropped { .. } => Some("drops"),
        Event::Call { .. } => Some("calls"),
        Event::Tcp(E::State { .. } | E::Ca { .. })
        | Event::Listener { event: E::State { .. }, .. } => Some("is"),
        Event::Tcp(E::TimerExpired { .. }) => Some(""),
        _ => None,
    }
}

/// An event in one line: number, milliseconds, what happens, and why.
fn row(record: &Record, verb: &str, text: &str) -> String {
    const TEXT: usize = 44;
    // The ends are known from above.
    let is_packet = text.starts_with("IP ") || text.starts_with("IP6 ");
    let text = match text.split_once(": ") {
        Some((_, rest)) if is_packet => rest.trim_start(),
        _ => text,
    };
    let text = match text.split_once(", options [") {
        Some((head, rest)) => {
            let (options, tail) = rest.split_once(']').unwrap_or((rest, ""));
            let sack = options.split("sack ").nth(1).map(|sack| format!(", sack {sack}"));
            format!("{head}{}{tail}", sack.unwrap_or_default())
        }
        None => text.to_owned(),
    };
    let why = view::reason(&record.event).map(|reason| reason.text).unwrap_or_default();
    let micros = record.at.as_micros();
    let at = format!("{}.{:03}", micros / 1000, micros % 1000);
    let (id, text) = (record.id.0, cut(&text, TEXT));
    let left = format!("{id:>5} {at:>10}  {verb:<6} {text:<TEXT$}");
    format!("{left}  {}", cut(&why, WIDTH - left.chars().count() - 2)).trim_end().to_owned()
}

/// A text of so many columns at most.
fn cut(text: &str, columns: usize) -> String {
    match text.char_indices().nth(columns) {
        None => text.to_owned(),
        Some(_) => text.chars().take(columns.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// A check that failed: what was claimed, expected and found, and the steps that led there.
fn say_failure(out: &mut String, verdict: &Verdict) {
    let Some(failure) = &verdict.failure else { return };
    wrapped(out, "", &format!("✗ {}", verdict.say));
    for step in &failure.steps {
        let _ = writeln!(out, "    {step}");
    }
    let _ = writeln!(out, "  asked     {}", failure.asked);
    let _ = writeln!(out, "  expected  {}", failure.expected);
    let _ = writeln!(out, "  found     {}", failure.found);
}
