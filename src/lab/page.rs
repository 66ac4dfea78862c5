//! A lab and its run as text: what `netglass lab show` and `lab run` print. Pure: no clock but the
//! run's, no terminal.

use super::check::{moment, texts};
use super::clauses::directed;
use super::{Kind, Lab, Program, Report, Run, Show, Verdict};
use crate::observe::log::{Entry, Log};
use crate::observe::view::style::Style;
use crate::observe::view::{self, Ladder};
use crate::sim::End;
use crate::stack::Event;
use crate::tcp::profile::knobs_of;
use crate::tcp::{self, Config};
use std::fmt::Write as _;

/// Columns of a page, unless it says how many.
const WIDTH: usize = 100;
/// Commands that can come next, when the lab does not name any.
const NEXT: &[&str] = &["ladder"];
/// Lines of a page, unless all is wanted.
const LINES: usize = 25;

/// How a page is written.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Page<'a> {
    /// Everything, however long.
    pub all: bool,
    /// With the answers to the questions.
    pub answers: bool,
    /// Columns; 0 are as many as usual.
    pub width: usize,
    /// Colours and characters.
    pub style: Style,
    /// How the lab is named in commands that can come next: its number, or its file.
    pub name: &'a str,
}

impl Page<'_> {
    fn columns(&self) -> usize {
        if self.width == 0 { WIDTH } else { self.width.max(40) }
    }
}

/// Text in lines of so many columns, each behind `indent`. The lines of a paragraph are one text.
fn wrapped(out: &mut String, width: usize, indent: &str, text: &str) {
    for (nth, paragraph) in text.trim_end().split("\n\n").enumerate() {
        if nth > 0 {
            out.push('\n');
        }
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let taken = line.chars().count() + word.chars().count() + indent.chars().count() + 1;
            if !line.is_empty() && taken > width {
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
    /// The network in a line or a few: a path when it is one and not too long, else every link.
    pub fn topology(&self, width: usize) -> String {
        match self.path().filter(|path| path.chars().count() <= width) {
            Some(path) => path,
            None => {
                let lines: Vec<String> = self.links.iter().map(|link| self.link(link)).collect();
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
        format!("{a} ──{}── {b}", self.words_of(link))
    }

    /// A link's name, and what it does.
    fn words_of(&self, link: &super::Link) -> String {
        let ends = link.ends.map(|node| self.nodes[node].name.as_str());
        match directed(&link.words, ends) {
            words if words.is_empty() => format!("[{}]", link.name),
            words => format!("[{}: {words}]", link.name),
        }
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
            let _ = write!(text, " ──{}── {}", self.words_of(link), self.name_of(at));
        }
        (used.len() == self.links.len()).then_some(text)
    }

    /// The knobs of TCP that are not as labs begin with, and whose they are: of those hosts that
    /// have the same ones.
    fn turned(&self) -> Vec<(String, String)> {
        let plain = knobs_of(&Config::plain());
        let mut all: Vec<(String, String)> = Vec::new();
        for node in self.nodes.iter().filter(|node| node.kind == Kind::Host) {
            let own = knobs_of(&node.tcp);
            let turned = own.iter().zip(&plain).filter(|(own, plain)| own.value != plain.value);
            let words = turned.map(|(own, _)| format!("{} {}", own.name, own.value));
            let knobs = words.collect::<Vec<_>>().join(", ");
            match all.iter_mut().find(|(_, known)| *known == knobs) {
                Some((whose, _)) => *whose = format!("{whose}, {}", node.name),
                None => all.push((node.name.clone(), knobs)),
            }
        }
        all.retain(|(_, knobs)| !knobs.is_empty());
        all
    }

    /// The lab before its run: what it is about, and what to think about.
    pub fn page(&self, page: &Page<'_>) -> String {
        let width = page.columns();
        let mut out = format!("LAB {}  {}\n", page.name, self.title);
        wrapped(&mut out, width, "", &self.promise);
        out.push('\n');
        self.topology(width - 2).lines().for_each(|line| wrapped(&mut out, width, "  ", line));
        if !self.text.is_empty() {
            out.push('\n');
            wrapped(&mut out, width, "", &self.text);
        }
        if !self.programs.is_empty() {
            out.push('\n');
        }
        for program in &self.programs {
            let at = moment(program.start);
            let _ = writeln!(out, "{at:>8}  {}: {}", self.nodes[program.on].name, program.run);
        }
        for (whose, knobs) in self.turned() {
            wrapped(&mut out, width, "          ", &format!("TCP of {whose}: {knobs}"));
        }
        if !self.questions.is_empty() {
            out.push('\n');
        }
        for (n, question) in self.questions.iter().enumerate() {
            wrapped(&mut out, width, "", &format!("? {}. {}", n + 1, question.ask));
            if page.answers {
                wrapped(&mut out, width, "     ", &question.answer);
            } else if !question.hint.is_empty() {
                wrapped(&mut out, width, "     ", &format!("hint: {}", question.hint));
            }
        }
        out.push('\n');
        let mut next = vec![format!("lab run {}", page.name)];
        if !page.answers && !self.questions.is_empty() {
            next.push(format!("lab show {} --answer", page.name));
        }
        say_next(&mut out, width, &next);
        if out.lines().count() > LINES {
            out = out.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
            out.push('\n');
        }
        page.style.letters(&out)
    }
}

/// The commands that can come next, as many in a line as it holds.
fn say_next(out: &mut String, width: usize, commands: &[String]) {
    let mut line = String::from("next:");
    for (n, command) in commands.iter().enumerate() {
        let gap = if n == 0 { " " } else { "  ·  " };
        let taken = line.chars().count() + gap.chars().count() + command.chars().count() + 9;
        if n > 0 && taken > width {
            let _ = writeln!(out, "{line}");
            line = format!("      netglass {command}");
        } else {
            let _ = write!(line, "{gap}netglass {command}");
        }
    }
    let _ = writeln!(out, "{line}");
}

impl Run {
    /// How the run ended, in words.
    pub fn ending(&self) -> String {
        match &self.end {
            End::Quiet => format!("ended at {}: nothing more happens", moment(self.ended)),
            End::Time => format!("ended at {}: its time is over", moment(self.ended)),
            End::Failed(failure) => format!("failed at {}: {failure}", moment(self.ended)),
            End::Bound(_) => {
                let bound = self.stopped.as_deref().unwrap_or_default();
                format!("stopped at {}: {bound}", moment(self.ended))
            }
        }
    }

    /// What came of the run.
    pub fn page(&self, page: &Page<'_>) -> String {
        let (lab, width) = (&self.lab, page.columns());
        let mut head = format!("LAB {}  {}   seed {}\n", page.name, lab.title, lab.seed);
        lab.topology(width - 2).lines().for_each(|line| wrapped(&mut head, width, "  ", line));
        let mut tail = String::new();
        self.say_checks(&mut tail, page);
        let events = self.log.as_ref().map(|log| format!("{} events, ", log.entries().len()));
        let (events, hash) = (events.unwrap_or_default(), self.hash);
        let steps = format!("{events}{} arrivals and timers", self.counts.events);
        let ending = format!("{} · {steps} · trace {hash:016x}", self.ending());
        wrapped(&mut tail, width, "", &ending);
        if page.answers {
            for question in &lab.questions {
                wrapped(&mut tail, width, "", &format!("? {}", question.ask));
                wrapped(&mut tail, width, "     ", &question.answer);
            }
        } else if let Some(question) = lab.questions.first() {
            wrapped(&mut tail, width, "", &format!("? {}", question.ask));
        }
        say_next(&mut tail, width, &self.next(page));
        let body = self.story(page);
        let mut lines: Vec<&str> = body.lines().collect();
        let room = LINES.saturating_sub(head.lines().count() + tail.lines().count());
        let least = lines.len().min(if page.answers { 2 } else { 10 });
        let said = self.say_reports(page, room.saturating_sub(least));
        let room = room.saturating_sub(said.lines().count()).max(1);
        let mut more = String::new();
        if !page.all && lines.len() > room {
            let kept = room.saturating_sub(1);
            let command = format!("netglass {} --all", self.command(page));
            let _ = writeln!(more, "… {} more lines: {command}", lines.len() - kept);
            lines.truncate(kept);
        }
        let mut body = lines.join("\n");
        if !body.is_empty() {
            body.push('\n');
        }
        page.style.letters(&(head + &body + &more + &said + &tail))
    }

    /// The command that this run came of.
    fn command(&self, page: &Page<'_>) -> String {
        let sets = self.lab.sets.iter().map(|(path, value)| match value.contains(' ') {
            true => format!(" --set '{path}={value}'"),
            false => format!(" --set {path}={value}"),
        });
        format!("lab run {}{}", page.name, sets.collect::<String>())
    }

    /// What can be asked next. The numbers of events that the lab names are those of its own run.
    fn next(&self, page: &Page<'_>) -> Vec<String> {
        let lab = &self.lab;
        let named = lab.next.iter().filter(|line| lab.sets.is_empty() || !line.contains(" e"));
        let mut next: Vec<String> = named.cloned().collect();
        if next.is_empty() {
            next.extend(NEXT.iter().map(|line| (*line).to_owned()));
        }
        if !page.answers && !lab.questions.is_empty() {
            next.push(format!("lab run {} --answer", page.name));
        }
        next
    }

    /// What happened, as far as the lab shows it: a ladder of a host when all is wanted, else the
    /// events that the lab means, or a line for each packet, call, change of state and timer of
    /// the host.
    fn story(&self, page: &Page<'_>) -> String {
        let (Some(show), Some(log)) = (&self.lab.show, &self.log) else { return String::new() };
        let Some(place) = log.place(&self.lab.nodes[show.host].name) else { return String::new() };
        if page.all && show.events.is_empty() {
            let width = page.columns().max(WIDTH);
            let options =
                view::Options { width, all: true, style: page.style, ..view::Options::default() };
            let mut ladder = Ladder::new(options);
            log.records(place).for_each(|record| ladder.record(&record));
            return ladder.render();
        }
        let is_shown = |entry: &&Entry| match &entry.event {
            crate::observe::log::Event::Host(event) => verb(event).is_some(),
            _ => false,
        };
        let shown: Vec<&Entry> = match show.events[..] {
            [] => {
                let its = log.entries().iter().filter(|entry| entry.place == place);
                its.filter(is_shown).filter(|entry| entry.at >= show.from).collect()
            }
            _ => meant(show, log),
        };
        let several = !show.events.is_empty();
        let names = shown.iter().map(|entry| log.name(entry.place).chars().count());
        let wide = if several { names.max().unwrap_or_default() } else { 0 };
        let (mut out, told) = (String::new(), texts(log, &shown));
        for (entry, text) in shown.iter().zip(told) {
            let name = if several { log.name(entry.place) } else { "" };
            let _ = writeln!(out, "{}", row(entry, (name, wide), &text, page.columns()));
        }
        out
    }

    /// What the programs said: all of it, or the last lines of each, and no more than there is
    /// room for.
    fn say_reports(&self, page: &Page<'_>, room: usize) -> String {
        const USUAL: usize = 6;
        let last = |most: usize| {
            let mut out = String::new();
            for report in &self.reports {
                let name = &self.lab.nodes[report.on].name;
                let skipped = report.said.len().saturating_sub(most);
                for line in report.said.iter().skip(skipped).filter(|line| !line.is_empty()) {
                    wrapped(&mut out, page.columns(), "", &format!("{name}: {line}"));
                }
                if self.is_cut(report) {
                    let line = format!("{name}: not done when the run ended: {}", report.run);
                    wrapped(&mut out, page.columns(), "", &line);
                }
            }
            out
        };
        if page.all {
            return last(usize::MAX);
        }
        let fits = (1..=USUAL).rev().map(last).find(|text| text.lines().count() <= room);
        fits.unwrap_or_else(|| last(1))
    }

    /// Whether the run ended before a program that has an end of its own: whoever serves has none.
    fn is_cut(&self, report: &Report) -> bool {
        let of = |program: &&Program| program.on == report.on && program.run == report.run;
        let program = self.lab.programs.iter().find(of);
        report.ended.is_none() && program.is_some_and(|program| program.target().is_some())
    }

    fn say_checks(&self, out: &mut String, page: &Page<'_>) {
        let (verdicts, width) = (&self.verdicts, page.columns());
        let passed = verdicts.iter().filter(|verdict| verdict.passed()).count();
        if page.all {
            for verdict in verdicts.iter().filter(|verdict| verdict.passed()) {
                wrapped(out, width, "", &format!("✓ {}", verdict.say));
            }
        } else if passed > 0 {
            let checks = if verdicts.len() == 1 { "check" } else { "checks" };
            let _ = writeln!(out, "✓ {passed} of {} {checks} passed", verdicts.len());
        }
        let changed = !self.lab.sets.is_empty();
        if !changed || passed == verdicts.len() || page.all {
            return verdicts.iter().for_each(|verdict| say_failure(out, width, verdict));
        }
        const USUAL: usize = 4;
        let told = "the checks are about the lab as it comes; here other values are set, and so:";
        wrapped(out, width, "", told);
        let failed =
            verdicts.iter().filter_map(|verdict| verdict.failure.as_ref().zip(Some(verdict)));
        for (failure, verdict) in failed.take(USUAL) {
            let (expected, found) = (&failure.expected, &failure.found);
            let text = format!("✗ {}: as it comes {expected}; here {found}", verdict.say);
            let _ = writeln!(out, "{}", cut(&text, width));
        }
        if verdicts.len() - passed > USUAL {
            let _ = writeln!(out, "✗ and {} more", verdicts.len() - passed - USUAL);
        }
    }
}

/// The events that a lab means, in their order.
fn meant<'l>(show: &Show, log: &'l Log) -> Vec<&'l Entry> {
    let mut all: Vec<&Entry> = show.events.iter().flat_map(|query| query.find(log)).collect();
    all.retain(|entry| entry.at >= show.from);
    all.sort_by_key(|entry| entry.id);
    all.dedup_by_key(|entry| entry.id);
    all
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

/// An event in one line: number, milliseconds, where if that is not clear, what happens, and why.
fn row(entry: &Entry, (name, wide): (&str, usize), text: &str, width: usize) -> String {
    use crate::observe::log::Event as E;
    let (verb, why) = match &entry.event {
        E::Host(event) => (verb(event).unwrap_or_default(), view::reason(event)),
        E::Wire(_) | E::Bridge(_) => ("", None),
    };
    let name = if wide == 0 { String::new() } else { format!("{name:<wide$}  ") };
    let micros = entry.at.as_micros();
    let at = format!("{}.{:03}", micros / 1000, micros % 1000);
    let verb =
        if matches!(entry.event, E::Host(_)) { format!("{verb:<6} ") } else { String::new() };
    let left = format!("{:>5} {at:>10}  {name}{verb}", entry.id.0);
    let room = width.saturating_sub(left.chars().count() + 2);
    let why = why.map(|reason| reason.text).unwrap_or_default();
    let most = if why.is_empty() { room } else { room * 61 / 100 };
    // The ends are known from above.
    let is_packet = text.starts_with("IP ") || text.starts_with("IP6 ");
    let text = match text.split_once(": ") {
        Some((_, rest)) if is_packet => rest.trim_start().to_owned(),
        _ => match text.strip_prefix("forwarded ").and_then(|text| text.split_once(": ")) {
            Some((way, packet)) => {
                let packet = packet.split_once(": ").map_or(packet, |(_, rest)| rest.trim_start());
                format!("{way}: {packet}")
            }
            None => text.to_owned(),
        },
    };
    let text = match text.split_once(", options [") {
        Some((head, rest)) => {
            let (options, tail) = rest.split_once(']').unwrap_or((rest, ""));
            let sack = options.split("sack ").nth(1).map(|sack| format!(", sack {sack}"));
            format!("{head}{}{tail}", sack.unwrap_or_default())
        }
        None => text,
    };
    let text = cut(&text, most);
    let left = format!("{left}{text:<most$}");
    format!("{left}  {}", cut(&why, width.saturating_sub(left.chars().count() + 2)))
        .trim_end()
        .to_owned()
}

/// A text of so many columns at most.
fn cut(text: &str, columns: usize) -> String {
    match text.char_indices().nth(columns) {
        None => text.to_owned(),
        Some(_) => text.chars().take(columns.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// A check that failed: what was claimed, expected and found, and the steps that led there.
fn say_failure(out: &mut String, width: usize, verdict: &Verdict) {
    let Some(failure) = &verdict.failure else { return };
    wrapped(out, width, "", &format!("✗ {}", verdict.say));
    for step in &failure.steps {
        let _ = writeln!(out, "    {step}");
    }
    let _ = writeln!(out, "  asked     {}", failure.asked);
    let _ = writeln!(out, "  expected  {}", failure.expected);
    let _ = writeln!(out, "  found     {}", failure.found);
}
