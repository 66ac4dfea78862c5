//! The ladder: a conversation as text, this host on the left, the peer on the right, time downward.
//! The application's calls have their own lane; the reason stands beside every row.
//!
//! It is a story told afterwards: rows are kept until [`Ladder::render`]. For events as they come
//! there is [`super::Live`].

use super::describe::moment;
use super::parties::Pair;
use super::row::{Lane, Row, Rows, Tally};
use super::style::{Style, Tone};
use super::text::{columns, cut, fit, pad, wrap};
use crate::base::{ConnId, Instant};
use crate::stack::Record;
use std::fmt;
use std::net::SocketAddr;

/// How a ladder is drawn.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// Columns, 80..; 100 to 120 read well.
    pub width: usize,
    /// Only this connection, and the segments between its ends that belong to none.
    pub conn: Option<ConnId>,
    /// Every row: no runs of bulk data collapsed, timers and measurements shown, too.
    pub all: bool,
    /// Times are those of the run, which commands take; else relative to the first row shown.
    pub absolute: bool,
    /// Colours and characters.
    pub style: Style,
}

impl Default for Options {
    fn default() -> Options {
        Options { width: 120, conn: None, all: false, absolute: false, style: Style::default() }
    }
}

/// Rows kept at the head and at the tail of a collapsed run.
const HEAD: usize = 3;
const TAIL: usize = 2;
/// Columns that a page has at least and at most, whatever was asked for.
const PAGE: (usize, usize) = (80, 1_000);
/// A run is collapsed when at least so many rows go.
const WORTH: usize = 4;

/// Collects records and draws them.
#[derive(Clone, Debug)]
pub struct Ladder {
    options: Options,
    rows: Vec<Row>,
    maker: Rows,
}

impl Ladder {
    /// An empty ladder.
    pub fn new(options: Options) -> Ladder {
        Ladder { options, rows: Vec::new(), maker: Rows::new() }
    }

    /// Adds a record; records come in the order of their numbers.
    pub fn record(&mut self, record: &Record) {
        let row = self.maker.row(record);
        if self.options.all || !row.detail {
            self.rows.push(row);
        }
    }

    /// Draws what was collected.
    pub fn render(&self) -> String {
        let rows: Vec<&Row> = self.rows.iter().filter(|row| self.shows(row)).collect();
        let Some(first) = rows.first() else { return String::new() };
        let start = if self.options.absolute { Instant::ZERO } else { first.at };
        let mut sheet = Sheet::new(self.options, start);
        sheet.heading();
        let mut run: Vec<&Row> = Vec::new();
        for row in rows {
            if row.bulk.is_none() || self.options.all {
                sheet.run(&run);
                run.clear();
                sheet.row(row);
            } else {
                run.push(row);
            }
        }
        sheet.run(&run);
        sheet.out
    }

    fn shows(&self, row: &Row) -> bool {
        let Some(wanted) = self.options.conn else { return true };
        match row.conn {
            Some(conn) => conn == wanted,
            None => row.pair.is_some() && row.pair == self.pair_of(wanted),
        }
    }

    fn pair_of(&self, conn: ConnId) -> Option<Pair> {
        self.rows.iter().find(|row| row.conn == Some(conn)).and_then(|row| row.pair)
    }
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render())
    }
}

const ID: usize = 5;
const TIME: usize = 10;
const CALL: usize = 20;

/// The page a ladder is drawn on.
struct Sheet {
    style: Style,
    start: Instant,
    lane: usize,
    why: usize,
    pair: Option<Pair>,
    out: String,
}

/// The lane's characters: bar, arrow heads and shaft.
struct Glyphs {
    bar: &'static str,
    left: &'static str,
    right: &'static str,
    lost: &'static str,
    shaft: &'static str,
    from: &'static str,
    to: &'static str,
}

const UNICODE: Glyphs =
    Glyphs {
        bar: "│", left: "◀", right: "▶", lost: "✗", shaft: "─", from: "├", to: "┤"
    };
const ASCII: Glyphs =
    Glyphs { bar: "|", left: "<", right: ">", lost: "x", shaft: "-", from: "|", to: "|" };

impl Sheet {
    fn new(options: Options, start: Instant) -> Sheet {
        let fixed = ID + 1 + TIME + 2 + CALL + 1 + 2 + 1;
        let free = options.width.clamp(PAGE.0, PAGE.1) - fixed;
        let lane = (free * 48 / 100).clamp(32.min(free * 55 / 100), 48);
        Sheet {
            style: options.style,
            start,
            lane,
            why: free - lane,
            pair: None,
            out: String::new(),
        }
    }

    fn glyphs(&self) -> &'static Glyphs {
        if self.style.unicode { &UNICODE } else { &ASCII }
    }

    fn heading(&mut self) {
        let lane = format!("this host{:>width$}", "peer", width = self.lane + 2 - 9);
        let line = format!("{:>ID$} {:>TIME$}  {:<CALL$} {lane} why", "#", "ms", "application");
        self.line(&self.style.paint(Tone::Head, &line));
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    /// Names the two ends above the lane when they are others than in the row before.
    fn names(&mut self, pair: Option<Pair>) {
        let Some(pair) = pair else { return };
        if self.pair == Some(pair) {
            return;
        }
        self.pair = Some(pair);
        let (local, remote) = (name(pair.local), name(pair.remote));
        let indent = " ".repeat(ID + 1 + TIME + 2 + CALL + 1);
        let width = self.lane + 2;
        let lines = if columns(&local) + columns(&remote) < width {
            vec![format!("{local}{remote:>rest$}", rest = width - columns(&local))]
        } else {
            vec![local, format!("{remote:>width$}")]
        };
        for line in lines {
            let line = self.style.paint(Tone::Head, &line);
            self.line(&format!("{indent}{line}"));
        }
    }

    /// A run of bulk rows: whole when short, else its head, a summary and its tail.
    fn run(&mut self, run: &[&Row]) {
        if run.len() < HEAD + WORTH + TAIL {
            run.iter().for_each(|row| self.row(row));
            return;
        }
        let (head, rest) = run.split_at(HEAD);
        let (middle, tail) = rest.split_at(rest.len() - TAIL);
        head.iter().for_each(|row| self.row(row));
        let mut tally = Tally::default();
        for row in middle {
            if let Some(bulk) = row.bulk {
                tally.add(row.id, bulk);
            }
        }
        let mark = self.style.ellipsis();
        let indent = " ".repeat(ID + 1 + TIME + 2);
        let width = CALL + 1 + self.lane + 2 + 1 + self.why;
        for line in wrap(&format!("{mark} {} {mark}", tally.words()), width) {
            let line = self.style.paint(Tone::Faint, &line);
            self.line(&format!("{indent}{line}"));
        }
        tail.iter().for_each(|row| self.row(row));
    }

    fn row(&mut self, row: &Row) {
        self.names(row.pair);
        let mark = self.style.ellipsis();
        let letters = |text: &str| self.style.letters(text);
        let calls = cut(wrap_call(&letters(&row.call)), 3, CALL, mark);
        let lanes = self.lanes(&row.lane);
        let room = if self.why < 40 { 3 } else { 2 };
        let whys = cut(wrap(&letters(&row.why), self.why), room, self.why, mark);
        let height = calls.len().max(lanes.len()).max(whys.len()).max(1);
        let bar = self.glyphs().bar;
        let blank = format!("{bar}{}{bar}", " ".repeat(self.lane));
        let time = moment(Instant::ZERO + row.at.since(self.start));
        let head = format!("{:>ID$} {time:>TIME$}  ", row.id);
        for at in 0..height {
            let head = if at == 0 { head.clone() } else { " ".repeat(columns(&head)) };
            let text = |lines: &[String]| lines.get(at).cloned().unwrap_or_default();
            let call_tone = if row.tone == Tone::Alarm { Tone::Alarm } else { Tone::Call };
            let call = self.style.paint(call_tone, &pad(&text(&calls), CALL));
            let lane = lanes.get(at).cloned().unwrap_or_else(|| blank.clone());
            let lane = self.style.paint(row.tone, &lane);
            let why = self.style.paint(Tone::Faint, &text(&whys));
            let head = self.style.paint(Tone::Faint, &head);
            self.line(&format!("{head}{call} {lane} {why}"));
        }
    }

    /// The lane's lines: the arrow with the text on its shaft, what does not fit below it.
    fn lanes(&self, lane: &Lane) -> Vec<String> {
        let g = self.glyphs();
        let wrap = |text: &str, width| -> Vec<String> {
            let letters = self.style.letters(text);
            // Only options may break at their commas: `SYN,ACK` is one word.
            let lines = letters.lines().flat_map(|line| {
                let options = line.starts_with('<') && columns(line) > width;
                let line = if options { line.replace(',', ", ") } else { line.to_string() };
                wrap(&line, width)
            });
            lines.collect()
        };
        let (text, left, right) = match lane {
            Lane::Empty => return Vec::new(),
            Lane::Note(text) => {
                let lines = wrap(text, self.lane - 4);
                let line =
                    |text: &String| format!("{}  {}{}", g.bar, pad(text, self.lane - 2), g.bar);
                return lines.iter().map(line).collect();
            }
            Lane::Out(text) => (text, [g.from, g.shaft], [g.right, g.bar]),
            Lane::In(text) => (text, [g.bar, g.left], [g.shaft, g.to]),
            Lane::Lost(text) => (text, [g.bar, g.lost], [g.shaft, g.to]),
        };
        let mut lines = Vec::new();
        for text in wrap(text, self.lane - 4) {
            lines.push(if lines.is_empty() {
                let shafts = g.shaft.repeat(self.lane - 4 - columns(&text));
                format!("{} {text} {shafts}{}", left.concat(), right.concat())
            } else {
                format!("{}  {}{}", g.bar, pad(&text, self.lane - 2), g.bar)
            });
        }
        lines
    }
}

/// A call in lines; a long one may break behind its bracket.
fn wrap_call(call: &str) -> Vec<String> {
    let spaced = match call.split_once('(') {
        Some((name, rest)) if columns(call) > CALL && !rest.starts_with(')') => {
            format!("{name}( {rest}")
        }
        _ => call.to_owned(),
    };
    wrap(&spaced, CALL).into_iter().map(|line| line.replacen("( ", "(", 1)).collect()
}

/// An end's name; port 0 stands for "no ports".
fn name(addr: SocketAddr) -> String {
    let text = if addr.port() == 0 { addr.ip().to_string() } else { addr.to_string() };
    fit(&text, 47, "~")
}

#[cfg(test)]
mod tests;
