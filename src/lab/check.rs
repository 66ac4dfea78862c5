//! `[[check]]`: what must come out of a run, in numbers.
//!
//! A check finds events of the log by a [`Query`], frames at a port by a filter, or what a program
//! said, and demands something of them. What fails is told with what was expected, what was found,
//! and the steps that led there.

mod fields;
mod frames;
mod judge;
mod shares;
mod steps;
mod value;

pub(super) use frames::{Trace, Watch};
pub(super) use judge::Evidence;
pub use judge::{Failure, Verdict};
pub(super) use steps::{lines, moment, texts};

use super::node::Node;
use super::plan::Plan;
use super::program::Program;
use super::tree::{At, Fields, Item, suggest};
use super::{Link, Mistake, words};
use crate::base::{Duration, Instant};
use crate::observe::log::Query;
use fields::Field;
use frames::{FrameQuery, Header};
use shares::Shares;
use std::net::IpAddr;
use value::{Expected, Within};

/// A check of a lab.
#[derive(Clone, Debug)]
pub struct Check {
    /// What is claimed, in words.
    pub say: String,
    pub(super) claim: Claim,
    within: Within,
}

impl Check {
    /// The ports whose frames must be kept for it: nodes, in the lab's order, and their ports.
    pub(super) fn ports(&self) -> Vec<(usize, u16)> {
        let queries: Vec<&FrameQuery> = match &self.claim {
            Claim::Frames(query, _) => vec![query],
            Claim::Headers { first, then, .. } => vec![first, then],
            Claim::Shares(shares) => shares.flows().iter().collect(),
            Claim::Events(..) | Claim::Order(_) | Claim::Says { .. } => Vec::new(),
        };
        queries.into_iter().map(FrameQuery::port).collect()
    }
}

/// What is looked at, and what must be true of it.
#[derive(Clone, Debug)]
pub(super) enum Claim {
    /// Events.
    Events(Query, Vec<Want>),
    /// Events happen in this order, each after the one before.
    Order(Vec<Query>),
    /// Frames at a port.
    Frames(FrameQuery, Vec<Want>),
    /// Two sightings of a packet, and which fields of its headers differ; all others must not.
    Headers { first: FrameQuery, then: FrameQuery, changes: Vec<Header>, ttl: Option<i64> },
    /// Flows share a link.
    Shares(Shares),
    /// A program said so.
    Says { program: usize, texts: Vec<String> },
}

/// What must be true of events or frames.
#[derive(Clone, Debug)]
pub(super) enum Want {
    At(Instant),
    Times(Vec<Instant>),
    Gaps(Vec<Duration>),
    After(Query, Duration),
    Count(Count),
    Between(Instant, Instant),
    Values(Field, Vec<Expected>),
}

/// How many.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Count {
    pub(super) least: u64,
    pub(super) most: u64,
}

/// A lab as far as checks must know it.
pub(super) struct Known<'a> {
    pub(super) nodes: &'a [Node],
    pub(super) links: &'a [Link],
    pub(super) plan: &'a Plan,
    pub(super) programs: &'a [Program],
}

const COUNT: &str = "a number such as 3, or \">= 3\", \"<= 3\", \"2..5\"";

/// `3`, `>= 3`, `<= 3`, `2..5`.
fn count(text: &str) -> Option<Count> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let (least, most) = if let Some(least) = text.strip_prefix(">=") {
        (number(least)?, u64::MAX)
    } else if let Some(most) = text.strip_prefix("<=") {
        (0, number(most)?)
    } else if let Some((least, most)) = text.split_once("..") {
        (number(least)?, number(most)?)
    } else {
        (number(text)?, number(text)?)
    };
    Some(Count { least, most })
}

/// Each item of a list, read.
fn all<T>(
    item: &Item,
    key: &str,
    expected: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Mistake> {
    let items = item.list().iter().map(|item| {
        let word = item.word();
        word.as_deref()
            .and_then(&read)
            .ok_or_else(|| item.wrong(super::tree::refused(key, word.as_deref(), expected)))
    });
    items.collect()
}

impl Known<'_> {
    /// A query with the addresses of nodes in place of their names behind `from` and `to`.
    pub(super) fn query(&self, item: &Item) -> Result<Query, Mistake> {
        let text = item.word().unwrap_or_default();
        let query: Query =
            self.resolved(&text).parse().map_err(|error: crate::observe::log::QueryError| {
                let what = format!("\"{text}\": {error}");
                Mistake::new(&inside(item, &text, error.at), what)
            })?;
        if let Some(place) = query.place() {
            let names = self.nodes.iter().map(|node| &node.name);
            let names: Vec<&String> = names.chain(self.links.iter().map(|l| &l.name)).collect();
            if !names.iter().any(|name| *name == place) {
                let what = format!("\"{text}\": there is no place \"{place}\"");
                return Err(item.wrong(suggest(&what, place, names)));
            }
        }
        Ok(query)
    }

    /// A text whose words after `from` and `to` are addresses.
    pub(super) fn resolved(&self, text: &str) -> String {
        let mut before = "";
        let mut out = Vec::new();
        for word in text.split(' ') {
            let named = matches!(before, "from" | "to");
            let node = self.nodes.iter().position(|node| named && node.name == word);
            let addr: Option<IpAddr> = node.and_then(|node| self.plan.addr(node));
            out.push(addr.map_or_else(|| word.to_owned(), |addr| addr.to_string()));
            before = word;
        }
        out.join(" ")
    }
}

/// A place inside of a text of the file, where that is known.
fn inside(item: &Item, text: &str, offset: usize) -> At {
    match &item.at {
        At::File(range) if range.len() == text.len() + 2 => {
            At::File((range.start + 1 + offset).min(range.end)..range.end)
        }
        at => at.clone(),
    }
}

impl Check {
    pub(super) fn read(item: &Item, known: &Known<'_>) -> Result<Check, Mistake> {
        let mut fields = Fields::of("[[check]]", item)?;
        let say = fields.text("say")?.unwrap_or_default().to_owned();
        if say.is_empty() {
            return Err(item.wrong("a check must have \"say\", what is claimed in words"));
        }
        let within = "a share such as 1%, a time such as 2ms, or a number";
        let within = fields.read("within", within, value::within)?.unwrap_or_default();
        let what = ["find", "order", "frames", "share", "packet", "says"];
        let given: Vec<_> =
            what.into_iter().filter_map(|key| Some((key, fields.item(key)?))).collect();
        let [(key, subject)] = given[..] else {
            let what = format!("a check must have one of {}", what.join(", "));
            return Err(item.wrong(what));
        };
        let claim = match key {
            "find" => {
                let query = known.query(subject)?;
                Claim::Events(query, wants(&mut fields, item, known)?)
            }
            "order" => {
                let queries = subject.list().iter().map(|item| known.query(item));
                Claim::Order(queries.collect::<Result<_, _>>()?)
            }
            "frames" => {
                let query = FrameQuery::read(subject, known)?;
                Claim::Frames(query, wants(&mut fields, item, known)?)
            }
            "share" => Claim::Shares(Shares::read(subject, item, &mut fields, known)?),
            "packet" => headers(subject, item, &mut fields, known)?,
            _ => says(subject, item, &mut fields, known)?,
        };
        fields.done()?;
        Ok(Check { say, claim, within })
    }
}

/// What is demanded of events or frames.
fn wants(fields: &mut Fields<'_>, item: &Item, known: &Known<'_>) -> Result<Vec<Want>, Mistake> {
    let mut wants = Vec::new();
    wants.extend(fields.read("at", words::TIME, words::moment)?.map(Want::At));
    if let Some(item) = fields.item("times") {
        wants.push(Want::Times(all(item, "times", words::TIME, words::moment)?));
    }
    if let Some(item) = fields.item("gaps") {
        wants.push(Want::Gaps(all(item, "gaps", words::TIME, words::time)?));
    }
    let gap = fields.read("gap", words::TIME, words::time)?;
    match (fields.item("after"), gap) {
        (Some(after), Some(gap)) => wants.push(Want::After(known.query(after)?, gap)),
        (None, None) => {}
        _ => return Err(item.wrong("\"gap\" and \"after\" belong together")),
    }
    wants.extend(fields.read("count", COUNT, count)?.map(Want::Count));
    if fields.truth("none")? == Some(true) {
        wants.push(Want::Count(Count { least: 0, most: 0 }));
    }
    if let Some(item) = fields.item("between") {
        let ends = all(item, "between", words::TIME, words::moment)?;
        let [from, to] = ends[..] else {
            return Err(item.wrong("between must have two times: expected [\"1s\", \"2s\"]"));
        };
        wants.insert(0, Want::Between(from, to));
    }
    let of = fields.item("of").map(Field::read).transpose()?;
    let values = fields.item("value").or(fields.item("values"));
    match (of, values) {
        (Some(of), Some(item)) => {
            let read = |word: &str| value::expected(word, of.unit());
            wants.push(Want::Values(of, all(item, "value", of.unit().expected(), read)?));
        }
        (None, None) => {}
        _ => return Err(item.wrong("\"value\" or \"values\" needs \"of\", and \"of\" them")),
    }
    // Without a demand, there must be such an event.
    if wants.iter().all(|want| matches!(want, Want::Between(..))) {
        wants.push(Want::Count(Count { least: 1, most: u64::MAX }));
    }
    Ok(wants)
}

fn headers(
    first: &Item,
    item: &Item,
    fields: &mut Fields<'_>,
    known: &Known<'_>,
) -> Result<Claim, Mistake> {
    let then = fields
        .item("then")
        .ok_or_else(|| item.wrong("\"packet\" needs \"then\", where the packet is seen again"))?;
    let (first, then) = (FrameQuery::read(first, known)?, FrameQuery::read(then, known)?);
    let changes = match fields.item("changes") {
        Some(item) => {
            let names = Header::ALL.map(Header::name);
            all(item, "changes", &names.join(", "), Header::named)?
        }
        None => Vec::new(),
    };
    let ttl = fields.read("ttl", "a number such as -1", |word| word.parse().ok())?;
    Ok(Claim::Headers { first, then, changes, ttl })
}

fn says(
    texts: &Item,
    item: &Item,
    fields: &mut Fields<'_>,
    known: &Known<'_>,
) -> Result<Claim, Mistake> {
    let on = fields.text("on")?.ok_or_else(|| item.wrong("\"says\" needs \"on\", a node"))?;
    let nth: usize = fields.read("program", "a number from 1", |w| w.parse().ok())?.unwrap_or(1);
    let its = known.programs.iter().enumerate();
    let mut its = its.filter(|(_, program)| known.nodes[program.on].name == on);
    let program = nth.checked_sub(1).and_then(|nth| its.nth(nth)).map(|(n, _)| n);
    let Some(program) = program else {
        return Err(item.wrong(format!("there is no program number {nth} on \"{on}\"")));
    };
    let texts = all(texts, "says", "a text", |word| Some(word.to_owned()))?;
    Ok(Claim::Says { program, texts })
}
