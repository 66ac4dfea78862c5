//! The page that an answer is written on: labels, lines of limited width, and what to ask next.

use super::super::style::{Style, Tone};
use super::super::text::{columns, wrap};

/// Lines that an answer has unless all of it is asked for.
pub(super) const LINES: usize = 25;
/// Columns of a page.
pub(super) const WIDTH: usize = 100;
/// Columns of the narrowest page.
const NARROW: usize = 60;
/// Columns of the labels.
const LABEL: usize = 12;

/// How the run is named in commands that the reader may try next; empty for the latest one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RunName(String);

impl RunName {
    /// A run of that name.
    pub fn new(name: impl Into<String>) -> RunName {
        RunName(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A command about this run: `netglass blame 31 --run lost`.
    pub(super) fn command(&self, words: &str) -> String {
        match self.0.as_str() {
            "" => format!("netglass {words}"),
            name => format!("netglass {words} --run {name}"),
        }
    }
}

/// How an answer is written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page {
    /// The run that it is about.
    pub run: RunName,
    /// All there is to say; otherwise 25 lines.
    pub all: bool,
    /// Colours and characters.
    pub style: Style,
    /// Columns that there are; 0 for the usual page.
    pub width: usize,
}

impl Page {
    /// Columns that are used: lines longer than [`WIDTH`] read badly.
    pub(super) fn width(&self) -> usize {
        if self.width == 0 { WIDTH } else { self.width.clamp(NARROW, WIDTH) }
    }

    /// As many of `all`, or fewer that fit the usual page.
    pub(super) fn at_most(&self, usual: usize) -> usize {
        if self.all { usize::MAX } else { usual }
    }

    pub(super) fn sheet(&self) -> Sheet<'_> {
        Sheet { page: self, lines: Vec::new(), next: Vec::new() }
    }
}

/// A page in the making.
pub(super) struct Sheet<'a> {
    page: &'a Page,
    lines: Vec<String>,
    next: Vec<String>,
}

impl Sheet<'_> {
    /// A line as it is, in one tone.
    pub(super) fn line(&mut self, tone: Option<Tone>, text: &str) {
        let style = self.page.style;
        let text = style.letters(text);
        let text = text.trim_end();
        self.lines.push(match tone {
            Some(tone) => style.paint(tone, text),
            None => text.to_owned(),
        });
    }

    /// A labelled text, wrapped, of at most `most` lines unless all is wanted.
    pub(super) fn entry(&mut self, label: &str, text: &str, most: usize) {
        let style = self.page.style;
        let text = style.letters(text);
        let room = self.page.width() - LABEL;
        let lines = wrap(&text, room);
        let (most, mark) = (self.page.at_most(most), style.ellipsis());
        let lines = super::super::text::cut(lines, most, room, mark);
        for (n, line) in lines.iter().enumerate() {
            let label = if n == 0 { label } else { "" };
            let head = style.paint(Tone::Head, &format!("{label:<LABEL$}"));
            self.lines.push(format!("{head}{line}").trim_end().to_owned());
        }
    }

    /// A command to try next; the first three count.
    pub(super) fn next(&mut self, words: &str) {
        if self.next.len() < 3 {
            self.next.push(self.page.run.command(words));
        }
    }

    /// The text.
    pub(super) fn end(mut self) -> String {
        let style = self.page.style;
        let next = self.commands();
        let most = LINES - next.len();
        if !self.page.all && self.lines.len() > most {
            let more = self.lines.len() - (most - 1);
            self.lines.truncate(most - 1);
            let mark = style.ellipsis();
            self.lines.push(style.paint(Tone::Faint, &format!("{mark} {more} more lines: --all")));
        }
        for (n, next) in next.iter().enumerate() {
            let head = if n == 0 { "next: " } else { "      " };
            let head = style.paint(Tone::Head, head);
            self.lines.push(format!("{head}{}", style.paint(Tone::Call, next)));
        }
        self.lines.join("\n") + "\n"
    }

    /// What to try next: in one line where the terminal has room for it, else a line each.
    fn commands(&self) -> Vec<String> {
        let dot = if self.page.style.unicode { "  ·  " } else { "  |  " };
        let line = self.next.join(dot);
        match self.page.width {
            0 if !line.is_empty() => vec![line],
            width if columns(&line) + "next: ".len() <= width && !line.is_empty() => vec![line],
            _ => self.next.clone(),
        }
    }
}

/// `text` cut to the page's width.
pub(super) fn fitted(style: Style, text: &str, width: usize) -> String {
    let text = style.letters(text);
    if columns(&text) <= width {
        text
    } else {
        super::super::text::fit(&text, width, style.ellipsis())
    }
}
