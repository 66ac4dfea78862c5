//! Events as they come: one or two lines per record; long runs of bulk data are counted instead
//! of shown. For `netglass up` and anything else that cannot wait for the end of the story.

use super::describe::moment;
use super::ladder::Options;
use super::row::{Bulk, Lane, Row, Rows, Tally};
use super::style::Tone;
use super::tcpdump::Tcpdump;
use super::text::{columns, fit, pad};
use crate::base::{Duration, Frame, Instant, Medium};
use crate::stack::Record;

/// How many bulk rows in a row are shown before the rest is counted.
const SHOWN: u32 = 5;
/// How often a count is told while a run goes on, in the records' time.
const EVERY: Duration = Duration::from_secs(1);
/// Columns of the peer's address.
const PEER: usize = 21;
/// So few hidden rows are shown after all instead of being counted.
const FEW: usize = 2;

/// The live view.
#[derive(Clone, Debug)]
pub struct Live {
    options: Options,
    rows: Rows,
    run: u32,
    hidden: Tally,
    few: Vec<String>,
    since: Instant,
    /// Packets in tcpdump's spelling instead of arrows.
    spelling: Option<Tcpdump>,
}

impl Live {
    /// A live view of all connections, or of one.
    pub fn new(options: Options) -> Live {
        Live {
            options,
            rows: Rows::new(),
            run: 0,
            hidden: Tally::default(),
            few: Vec::new(),
            since: Instant::ZERO,
            spelling: None,
        }
    }

    /// The same with packets as tcpdump prints them, time before and the reason behind.
    pub fn tcpdump(options: Options) -> Live {
        Live { spelling: Some(Tcpdump::new()), ..Live::new(options) }
    }

    /// The lines for a record, without a line break at the end; `None` when it is not shown or
    /// only counted. Times are the records' own.
    pub fn line(&mut self, record: &Record) -> Option<String> {
        let row = self.rows.row(record);
        if let Some(tcpdump) = &mut self.spelling {
            tcpdump.learn(record);
        }
        let wanted = self.options.conn.is_none() || self.options.conn == row.conn;
        if !wanted || (row.detail && !self.options.all) {
            return None;
        }
        match row.bulk {
            Some(bulk) if !self.options.all => self.bulk(&row, bulk, record),
            _ => {
                self.run = 0;
                let count = self.finish();
                let line = self.text(&row, record);
                Some(count.map(|count| format!("{count}\n{line}")).unwrap_or(line))
            }
        }
    }

    /// The line for a frame that was lost between device and host `at` that moment: no record tells
    /// of it. `None` in a view of one connection.
    pub fn lost(
        &mut self,
        at: Instant,
        out: bool,
        (medium, frame): (Medium, &Frame),
        why: &str,
    ) -> Option<String> {
        if self.options.conn.is_some() {
            return None;
        }
        let style = self.options.style;
        // A run of bulk data goes on behind it.
        let count = self.finish().map(|count| format!("{count}\n")).unwrap_or_default();
        let tcpdump = self.spelling.get_or_insert_with(Tcpdump::new);
        let packet = tcpdump.frame(out, medium, &frame.to_vec());
        let text = style.paint(Tone::Alarm, &style.letters(&format!("lost: {packet}")));
        let head = style.paint(Tone::Faint, &at.to_string());
        let why = style.paint(Tone::Faint, &style.letters(&format!("; {why}")));
        Some(format!("{count}{head} {text}  {why}"))
    }

    /// The count of what is hidden, if anything is: to be shown at the end.
    pub fn finish(&mut self) -> Option<String> {
        let (hidden, few) = (std::mem::take(&mut self.hidden), std::mem::take(&mut self.few));
        if hidden.rows as usize <= FEW {
            return (!few.is_empty()).then(|| few.join("\n"));
        }
        let Options { style, width, .. } = self.options;
        let mark = style.ellipsis();
        let text = format!("{:17}{mark} {} {mark}", "", hidden.words());
        let text = match self.spelling {
            Some(_) => text, // lines of this spelling have no width
            None => fit(&text, width.max(80), mark),
        };
        Some(style.paint(Tone::Faint, &text))
    }

    fn bulk(&mut self, row: &Row, bulk: Bulk, record: &Record) -> Option<String> {
        self.run = self.run.saturating_add(1);
        if self.run <= SHOWN {
            return Some(self.text(row, record));
        }
        if self.hidden.rows == 0 {
            self.since = row.at;
        }
        self.hidden.add(row.id, bulk);
        if self.few.len() < FEW {
            let text = self.text(row, record);
            self.few.push(text);
        }
        if row.at.since(self.since) >= EVERY { self.finish() } else { None }
    }

    fn text(&mut self, row: &Row, record: &Record) -> String {
        match &mut self.spelling {
            Some(tcpdump) => {
                let packet = tcpdump.line(record);
                self.spelled(row, packet)
            }
            None => self.drawn(row),
        }
    }

    /// `0.020596 IP 10.9.0.1.58880 > 10.9.0.2.80: Flags [S], …, length 0  ; why`.
    fn spelled(&self, row: &Row, packet: Option<String>) -> String {
        let style = self.options.style;
        let mark = match &row.lane {
            Lane::Lost(_) => "dropped: ",
            Lane::Note(_) if packet.is_some() => "not sent: ",
            _ => "",
        };
        let text = packet.unwrap_or_else(|| {
            let text = match &row.lane {
                Lane::Empty => &row.call,
                Lane::Note(text) | Lane::Out(text) | Lane::In(text) | Lane::Lost(text) => text,
            };
            match row.pair {
                Some(pair) => format!("{} {}: {text}", pair.local, pair.remote),
                None => text.clone(),
            }
        });
        let text =
            style.paint(row.tone, &style.letters(&format!("{mark}{}", text.replace('\n', " "))));
        let head = style.paint(Tone::Faint, &row.at.to_string());
        match row.why.is_empty() {
            true => format!("{head} {text}"),
            false => {
                let why = format!("; {}", style.letters(&row.why));
                format!("{head} {text}  {}", style.paint(Tone::Faint, &why))
            }
        }
    }

    fn drawn(&self, row: &Row) -> String {
        let style = self.options.style;
        let (arrow, text) = match (&row.lane, style.unicode) {
            (Lane::Empty, _) => ("   ", &row.call),
            (Lane::Note(text), _) => ("   ", text),
            (Lane::Out(text), true) => ("──▶", text),
            (Lane::Out(text), false) => ("-->", text),
            (Lane::In(text), true) => ("◀──", text),
            (Lane::In(text), false) => ("<--", text),
            (Lane::Lost(text), true) => ("✗──", text),
            (Lane::Lost(text), false) => ("x--", text),
        };
        let mark = style.ellipsis();
        let peer = row.pair.map(|pair| match pair.remote.port() {
            0 => pair.remote.ip().to_string(),
            _ => pair.remote.to_string(),
        });
        let peer = pad(&fit(&peer.unwrap_or_default(), PEER, mark), PEER);
        let head = format!("{:>5} {:>10} {peer} ", row.id, moment(row.at));
        let width = self.options.width.max(80);
        let room = width - columns(&head) - 4;
        let text = fit(&style.letters(&text.replace('\n', " ")), room, mark);
        let used = columns(&head) + 4 + columns(&text);
        let event = style.paint(row.tone, &format!("{arrow} {text}"));
        let line = format!("{}{event}", style.paint(Tone::Faint, &head));
        if row.why.is_empty() {
            return line;
        }
        let why = format!("; {}", style.letters(&row.why));
        if used + 2 + columns(&why) <= width {
            return format!("{line}  {}", style.paint(Tone::Faint, &why));
        }
        let indent = columns(&head) + 4;
        let why = style.paint(Tone::Faint, &fit(&why, width - indent, mark));
        format!("{line}\n{}{why}", " ".repeat(indent))
    }
}
