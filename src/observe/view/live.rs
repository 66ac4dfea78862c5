//! Events as they come: one or two lines per record; long runs of bulk data are counted instead
//! of shown. For `netglass up` and anything else that cannot wait for the end of the story.

use super::describe::moment;
use super::ladder::Options;
use super::row::{Bulk, Lane, Row, Rows, Tally};
use super::style::Tone;
use super::text::{columns, fit, pad};
use crate::base::{Duration, Instant};
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
        }
    }

    /// The lines for a record, without a line break at the end; `None` when it is not shown or
    /// only counted. Times are the records' own.
    pub fn line(&mut self, record: &Record) -> Option<String> {
        let row = self.rows.row(record);
        let wanted = self.options.conn.is_none() || self.options.conn == row.conn;
        if !wanted || (row.detail && !self.options.all) {
            return None;
        }
        match row.bulk {
            Some(bulk) if !self.options.all => self.bulk(&row, bulk),
            _ => {
                self.run = 0;
                let count = self.finish();
                let line = self.text(&row);
                Some(count.map(|count| format!("{count}\n{line}")).unwrap_or(line))
            }
        }
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
        Some(style.paint(Tone::Faint, &fit(&text, width.max(80), mark)))
    }

    fn bulk(&mut self, row: &Row, bulk: Bulk) -> Option<String> {
        self.run = self.run.saturating_add(1);
        if self.run <= SHOWN {
            return Some(self.text(row));
        }
        if self.hidden.rows == 0 {
            self.since = row.at;
        }
        self.hidden.add(row.id, bulk);
        if self.few.len() < FEW {
            self.few.push(self.text(row));
        }
        if row.at.since(self.since) >= EVERY { self.finish() } else { None }
    }

    fn text(&self, row: &Row) -> String {
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
