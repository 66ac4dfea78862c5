//! How a ladder is drawn: bars, arrows, strokes for what is under way, and text beside them.

use super::super::describe::moment;
use super::super::row::{Lane, Row};
use super::super::style::{Style, Tone};
use super::super::text::{columns, cut, fit, pad, wrap};
use super::page::{LINES, Page};
use crate::base::{EventId, Instant};
use std::collections::BTreeMap;

/// What happens at a bar.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Move {
    /// A packet leaves; what it is.
    Send(String),
    /// A packet arrives, from a bar, sent by that entry; `lost`: it is of no use.
    Arrive { from: Option<usize>, sent: EventId, lost: bool },
    /// A packet is passed on.
    Pass,
    /// A wire loses what has left this bar.
    Gone(String),
    /// Nothing crosses.
    Inside,
}

/// A row of the ladder.
#[derive(Clone, Debug)]
pub(super) struct Beat {
    pub(super) id: EventId,
    pub(super) at: Instant,
    pub(super) column: usize,
    pub(super) action: Move,
    pub(super) row: Row,
    /// Stands for many rows that are left out.
    pub(super) note: Option<String>,
}

impl Beat {
    /// Whether a packet leaves the bar.
    pub(super) fn leaves(&self) -> bool {
        matches!(self.action, Move::Send(_) | Move::Pass)
    }

    /// What the host says: its call, what changed in it, why.
    fn says(&self) -> String {
        let Row { call, lane, why, .. } = &self.row;
        let mut parts: Vec<&str> = Vec::new();
        parts.extend(Some(call.as_str()).filter(|call| !call.is_empty()));
        if let (Lane::Note(text), Move::Inside | Move::Pass) = (lane, &self.action) {
            parts.push(text);
        }
        parts.extend(Some(why.as_str()).filter(|why| !why.is_empty()));
        parts.join("; ")
    }
}

/// A packet's way from bar to bar.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Flight {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) start: Instant,
    pub(super) end: Instant,
    pub(super) lost: bool,
}

struct Glyphs {
    bar: char,
    shaft: char,
    left: char,
    right: char,
    down: char,
    up: char,
    lost: char,
    pass: char,
}

const UNICODE: Glyphs = Glyphs {
    bar: '│',
    shaft: '─',
    left: '◀',
    right: '▶',
    down: '╲',
    up: '╱',
    lost: '✗',
    pass: '●',
};
const ASCII: Glyphs = Glyphs {
    bar: '|',
    shaft: '-',
    left: '<',
    right: '>',
    down: '\\',
    up: '/',
    lost: 'x',
    pass: 'o',
};

/// Columns of numbers and times, at least.
const ID: usize = 5;
const TIME: usize = 9;
/// Lines that the text of one row takes when all is shown; otherwise fewer, if the page needs it.
const TALL: usize = 3;

/// Lines below the ladder.
const FOOT: usize = 3;

/// Flights of one shelf.
const SHELF: usize = 64;

/// Where everything is.
struct Sheet<'a> {
    style: Style,
    tall: usize,
    /// Columns of numbers and of times.
    head: [usize; 2],
    glyphs: &'static Glyphs,
    /// Columns of the left text, and of the right one.
    sides: [usize; 2],
    /// Columns of the bars, from the first.
    bars: Vec<usize>,
    names: &'a [&'a str],
    flights: &'a BTreeMap<EventId, Flight>,
    /// Those that arrive, in shelves: each with the time when the last of its flights ends.
    shelves: Vec<(Instant, Vec<(&'a EventId, &'a Flight)>)>,
}

/// Draws the rows.
pub(super) fn draw(
    names: &[&str],
    beats: &[Beat],
    flights: &BTreeMap<EventId, Flight>,
    width: usize,
    page: &Page,
) -> String {
    if beats.is_empty() {
        return "nothing of that is in this run\n".into();
    }
    let mut sheet = Sheet::new(names, beats, flights, width, page);
    let mut lines = sheet.lines(beats, page);
    while !page.all && lines.len() > LINES - FOOT && sheet.tall > 1 {
        sheet.tall -= 1;
        lines = sheet.lines(beats, page);
    }
    let last = beats.iter().rev().find(|beat| beat.row.tone == Tone::Alarm);
    let about = last.or(beats.first()).map_or(EventId::NONE, |beat| beat.id);
    let mut foot = page.sheet();
    foot.next(&format!("explain {about}"));
    foot.next(&format!("blame {about}"));
    foot.next("limits");
    lines.join("\n") + "\n" + &foot.end()
}

/// Rows shown of a long story: its beginning, its end, and what is around the first alarm.
const FIRST: usize = 10;
const LAST: usize = 4;
const AROUND: (usize, usize) = (2, 4);

/// Which rows are shown.
fn shown(beats: &[Beat], page: &Page) -> Vec<usize> {
    let all = beats.len();
    if page.all || all <= LINES - 2 {
        return (0..all).collect();
    }
    let (head, tail) = (FIRST, all - LAST);
    let alarm = beats[head..tail].iter().position(|beat| beat.row.tone == Tone::Alarm);
    let window = match alarm.map(|at| at + head) {
        Some(at) => at.saturating_sub(AROUND.0).max(head)..(at + AROUND.1).min(tail),
        None => head..head + AROUND.0 + AROUND.1,
    };
    (0..head).chain(window).chain(tail..all).collect()
}

impl<'a> Sheet<'a> {
    fn new(
        names: &'a [&'a str],
        beats: &[Beat],
        flights: &'a BTreeMap<EventId, Flight>,
        width: usize,
        page: &Page,
    ) -> Sheet<'a> {
        let last = beats.last().map(|beat| [beat.id.to_string(), moment(beat.at)]);
        let [id, time] = last.map_or([0, 0], |last| last.map(|text| columns(&text)));
        let head = [id.max(ID), time.max(TIME)];
        let free = width.clamp(80, 400) - (head[0] + head[1] + 2);
        let glyphs = if page.style.unicode { &UNICODE } else { &ASCII };
        let (sides, gap) = match names.len() {
            0..=2 => {
                let lane = (free * 2 / 5).clamp(30, 44);
                ([(free - lane - 4) / 2; 2], lane + 1)
            }
            n => {
                let gap = (free / 2 / (n - 1)).clamp(6, 16);
                ([0, free.saturating_sub(gap * (n - 1) + 2).max(20)], gap)
            }
        };
        let bars = (0..names.len()).map(|n| n * gap).collect();
        let arrive: Vec<_> = flights.iter().filter(|(_, flight)| !flight.lost).collect();
        let end = |shelf: &[(&EventId, &Flight)]| shelf.iter().map(|(_, flight)| flight.end).max();
        let shelves = arrive.chunks(SHELF);
        let shelves = shelves.map(|s| (end(s).unwrap_or_default(), s.to_vec())).collect();
        Sheet { style: page.style, tall: TALL, head, glyphs, sides, bars, names, flights, shelves }
    }

    /// The heading and the rows that are shown.
    fn lines(&self, beats: &[Beat], page: &Page) -> Vec<String> {
        let mut lines = vec![self.heading()];
        let mut before: Option<usize> = None;
        for n in shown(beats, page) {
            let left_out = n - before.map_or(0, |before| before + 1);
            if left_out > 0 {
                let mark = page.style.ellipsis();
                let text = format!("{}{mark} {left_out} more rows: --all", self.nothing());
                lines.push(page.style.paint(Tone::Faint, &text));
            } else if page.all && n > 0 {
                lines.extend(self.between(&beats[n - 1], &beats[n], beats));
            }
            lines.extend(self.block(&beats[n], beats));
            before = Some(n);
        }
        lines
    }

    fn is_pair(&self) -> bool {
        self.names.len() <= 2
    }

    fn width(&self) -> usize {
        self.bars.last().map_or(1, |last| last + 1)
    }

    fn indent(&self) -> String {
        " ".repeat(if self.sides[0] > 0 { self.sides[0] + 1 } else { 0 })
    }

    /// In place of a number and a time.
    fn nothing(&self) -> String {
        " ".repeat(self.head[0] + self.head[1] + 2)
    }

    fn heading(&self) -> String {
        let mut canvas = vec![' '; self.width()];
        let gap = self.bars.get(1).copied().unwrap_or(20);
        for (n, name) in self.names.iter().enumerate() {
            let name: String = fit(name, gap.saturating_sub(1).max(1), "~");
            let (bar, len) = (self.bars[n], columns(&name));
            let last = n + 1 == self.names.len() && n > 0;
            let start = if last { (bar + 1).saturating_sub(len) } else { bar };
            for (i, c) in name.chars().enumerate() {
                if let Some(cell) = canvas.get_mut(start + i) {
                    *cell = c;
                }
            }
        }
        let lane: String = canvas.into_iter().collect();
        let [id, time] = self.head;
        let line = format!("{:>id$} {:>time$} {}{lane}", "#", "ms", self.indent());
        self.style.paint(Tone::Head, line.trim_end())
    }

    /// The lines of a row.
    fn block(&self, beat: &Beat, beats: &[Beat]) -> Vec<String> {
        if let Some(note) = &beat.note {
            let mark = self.style.ellipsis();
            let text = format!("{mark} {note}");
            let width = self.sides.iter().sum::<usize>() + self.width() + 2;
            let line = self.nothing() + &fit(&self.style.letters(&text), width, mark);
            return vec![self.style.paint(Tone::Faint, &line)];
        }
        let (first, more) = self.lane(beat, beats);
        let side = if self.is_pair() && beat.column == 0 { 0 } else { 1 };
        let text = self.style.letters(&self.text(beat));
        let width = self.sides[side];
        let text = cut(wrap(&text, width), self.tall, width, self.style.ellipsis());
        let height = text.len().max(1 + more.len()).min(self.tall);
        let mut lines = Vec::new();
        let [id, time] = self.head;
        for n in 0..height {
            let head = match n {
                0 => format!("{:>id$} {:>time$} ", beat.id, moment(beat.at)),
                _ => self.nothing(),
            };
            let lane = match n {
                0 => first.clone(),
                n => {
                    more.get(n - 1).cloned().unwrap_or_else(|| self.blank(beat.at, beat.id, beats))
                }
            };
            let said = text.get(n).map_or("", String::as_str);
            let tone = if beat.row.call.is_empty() { Tone::Faint } else { Tone::Call };
            let said = self.style.paint(tone, &pad(said, width));
            let lane = self.style.paint(beat.row.tone, &lane);
            let head = self.style.paint(Tone::Faint, &head);
            let line = match (side, self.sides[0]) {
                (0, _) => format!("{head}{said} {lane}"),
                (_, 0) => format!("{head}{lane} {said}"),
                (_, left) => format!("{head}{:left$} {lane} {said}", ""),
            };
            lines.push(line.trim_end().to_owned());
        }
        lines
    }

    /// What is told beside the lanes.
    fn text(&self, beat: &Beat) -> String {
        let says = beat.says();
        if self.is_pair() {
            return says;
        }
        let name = self.names[beat.column];
        let what = match &beat.action {
            Move::Send(text) => text.replace('\n', " "),
            Move::Arrive { sent, lost, .. } => {
                let packet = match *sent {
                    EventId::NONE => "a packet from before the log".to_owned(),
                    sent => format!("#{sent}"),
                };
                format!("received {}{packet}", if *lost { "and dropped " } else { "" })
            }
            Move::Gone(text) => return format!("lost: {text}"),
            Move::Pass | Move::Inside => return format!("{name}: {says}"),
        };
        if says.is_empty() { format!("{name}: {what}") } else { format!("{name}: {what}; {says}") }
    }

    /// Bars, and strokes for what is under way.
    fn under_way(&self, at: Instant, id: EventId, beats: &[Beat]) -> Vec<char> {
        let mut canvas = vec![' '; self.width()];
        let before = self.shelves.iter().take_while(|(_, shelf)| *shelf[0].0 < id);
        let near = before.filter(|(end, _)| at < *end).flat_map(|(_, shelf)| shelf);
        let near = near.filter(|(sent, f)| **sent < id && f.start < at && at < f.end);
        for &(sent, flight) in near {
            let row = beats.binary_search_by_key(sent, |beat| beat.id);
            if !row.is_ok_and(|row| beats[row].note.is_none()) {
                continue; // its row is left out
            }
            let whole = flight.end.since(flight.start).as_nanos().max(1);
            let part = at.since(flight.start).as_nanos();
            let (a, b) = (self.bars[flight.from], self.bars[flight.to]);
            let (way, glyph) =
                if b > a { (b - a, self.glyphs.down) } else { (a - b, self.glyphs.up) };
            let step = (way as u128 * part / whole) as usize;
            let step = step.clamp(1, way.saturating_sub(1).max(1));
            let x = if b > a { a + step } else { a - step };
            if let Some(cell) = canvas.get_mut(x) {
                *cell = glyph;
            }
        }
        for bar in &self.bars {
            canvas[*bar] = self.glyphs.bar;
        }
        canvas
    }

    /// A row between two others when time passes with packets under way: how far they have come.
    fn between(&self, one: &Beat, two: &Beat, beats: &[Beat]) -> Option<String> {
        let half = two.at.since(one.at) / 2;
        let lane = self.blank(one.at + half, two.id, beats);
        let moves = lane.contains([self.glyphs.down, self.glyphs.up]);
        (!half.is_zero() && moves).then(|| format!("{}{}{lane}", self.nothing(), self.indent()))
    }

    fn blank(&self, at: Instant, id: EventId, beats: &[Beat]) -> String {
        self.under_way(at, id, beats).into_iter().collect()
    }

    /// The lane of a row: its first line, and what did not fit into it.
    fn lane(&self, beat: &Beat, beats: &[Beat]) -> (String, Vec<String>) {
        let mut canvas = self.under_way(beat.at, beat.id, beats);
        let g = self.glyphs;
        let bar = self.bars[beat.column];
        let flight = self.flights.get(&beat.id);
        let mut more = Vec::new();
        match &beat.action {
            Move::Send(text) => {
                let right = match flight {
                    Some(flight) => flight.to > flight.from,
                    None => beat.column + 1 < self.bars.len(),
                };
                let end = match flight {
                    Some(Flight { lost: true, .. }) => g.lost,
                    Some(_) if right => g.down,
                    Some(_) => g.up,
                    None if right => g.right,
                    None => g.left,
                };
                let label = if self.is_pair() { text.as_str() } else { "" };
                let mut labels = self.labels(label).into_iter();
                let first = labels.next().unwrap_or_default();
                more = labels.map(|line| self.beside(&line, right)).collect();
                put(&mut canvas, bar, right, &shaft(g, &first, end, right));
            }
            Move::Arrive { from, sent, lost } => {
                let from = from.unwrap_or(if beat.column == 0 { 1 } else { 0 });
                let leftward = from > beat.column;
                let head = match (lost, leftward) {
                    (true, _) => g.lost,
                    (false, true) => g.left,
                    (false, false) => g.right,
                };
                let sent = match *sent {
                    EventId::NONE => String::new(),
                    sent => format!(" #{sent} "),
                };
                let text = if leftward {
                    format!("{head}{}{sent}", g.shaft)
                } else {
                    format!("{sent}{}{head}", g.shaft)
                };
                put(&mut canvas, bar, leftward, &text);
            }
            Move::Pass => canvas[bar] = g.pass,
            Move::Gone(text) => {
                let right = beat.column + 1 < self.bars.len();
                if self.is_pair() {
                    let lane = self.bars.get(1).map_or(20, |bar| bar - 1);
                    let text = self.style.letters(&format!("{} {text}", g.lost));
                    let mut lines = wrap(&text, lane.saturating_sub(4)).into_iter();
                    let first = lines.next().unwrap_or_default();
                    more = lines.map(|line| self.beside(&line, true)).collect();
                    put(&mut canvas, 0, true, &format!("   {first}"));
                } else {
                    put(
                        &mut canvas,
                        bar,
                        right,
                        &if right { format!("  {}", g.lost) } else { format!("{}  ", g.lost) },
                    );
                }
            }
            Move::Inside => {}
        }
        (canvas.into_iter().collect(), more)
    }

    /// A label in lines that fit the lane of two hosts.
    fn labels(&self, text: &str) -> Vec<String> {
        let width = self.bars.get(1).map_or(20, |bar| bar - 1).saturating_sub(6);
        let text = self.style.letters(text);
        let lines = text.lines().flat_map(|line| {
            let long = line.starts_with('<') && columns(line) > width;
            let line = if long { line.replace(',', ", ") } else { line.to_owned() };
            wrap(&line, width)
        });
        lines.collect()
    }

    /// A further line of a label, on the side where the first began.
    fn beside(&self, text: &str, left: bool) -> String {
        let mut canvas = vec![' '; self.width()];
        self.bars.iter().for_each(|bar| canvas[*bar] = self.glyphs.bar);
        let (bar, text) = match left {
            true => (0, format!("  {text}")),
            false => (*self.bars.last().unwrap_or(&0), format!("{text}  ")),
        };
        put(&mut canvas, bar, left, &text);
        canvas.into_iter().collect()
    }
}

/// `─ SYN seq 0 ─╲`, or mirrored.
fn shaft(g: &Glyphs, label: &str, end: char, right: bool) -> String {
    let s = g.shaft;
    match (label.is_empty(), right) {
        (true, true) => format!("{s}{s}{end}"),
        (true, false) => format!("{end}{s}{s}"),
        (false, true) => format!("{s} {label} {s}{end}"),
        (false, false) => format!("{end}{s} {label} {s}"),
    }
}

/// Writes text right behind a bar, or so that it ends right before it. Bars are crossed, nothing
/// leaves the canvas.
fn put(canvas: &mut [char], bar: usize, behind: bool, text: &str) {
    let len = columns(text);
    let start = if behind { bar + 1 } else { bar.saturating_sub(len) };
    for (i, c) in text.chars().enumerate() {
        if let Some(cell) = canvas.get_mut(start + i).filter(|_| start + i != bar) {
            *cell = c;
        }
    }
}
