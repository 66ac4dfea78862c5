//! Words to [`Impairments`]: netem's (tc-netem(8)), names of links, and faults.

use super::filter::{Filter, Kind};
use super::presets::{self, PRESETS};
use super::{
    Codel, Deed, Delay, Discipline, Distribution, Fault, Impairment, Impairments, Limit, LossModel,
    Odds, Partition, Ppm, Reorder,
};
use crate::base::words::nearest;
use crate::base::{Duration, Instant};
use std::fmt;
use std::iter::Peekable;
use std::str::FromStr;
pub use units::time;
use units::{count, limit, percent, rate};

mod units;

/// Which word could not be understood, in one sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError(String);

impl ParseError {
    pub(super) fn new(sentence: String) -> ParseError {
        ParseError(sentence)
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}

/// `complaint`, and the word of `known` that was meant, or everything that could be there.
pub(super) fn expected(complaint: &str, word: &str, known: &[&str], all: &str) -> ParseError {
    ParseError(match nearest(word, known.iter().copied()) {
        Some(near) => format!("{complaint}: did you mean {near}? {all}"),
        None => format!("{complaint}: {all}"),
    })
}

/// The words that start a clause.
const CLAUSES: [&str; 13] = [
    "delay",
    "loss",
    "duplicate",
    "corrupt",
    "reorder",
    "rate",
    "overhead",
    "mpu",
    "limit",
    "queue",
    "codel",
    "drop",
    "partition",
];
const OPTIONS: &str = "expected delay, loss, duplicate, corrupt, reorder, rate, overhead, mpu, \
                       limit, queue, codel, drop, partition, or a link such as 1000BASE-SX or dsl";
const TIME: &str = "a time such as 20ms (units s, ms, us, ns)";
const TIME_OR_FILTER: &str = "a time such as 20ms (units s, ms, us, ns), or which packets: data#4";
const PERCENT: &str = "a percentage such as 1% or 0.05%";
const PERCENT_OR_FILTER: &str = "a percentage such as 1% or 0.05%, or which packets: data#4";
const RATE: &str = "a rate such as 10mbit (bit, kbit, mbit, gbit; bps, kbps, mbps, gbps are bytes)";
const COUNT: &str = "a whole number of packets from 1 to 10000000";
const LIMIT: &str = "a number of packets such as 100, or of bytes such as 50000b or 50kb";
const BYTES: &str = "a number of bytes up to 65535";
const SHAPES: &str = "uniform, normal, pareto or paretonormal";
const NUMBERS: &str = "numbers of packets such as #4, #2-5 or #1,#3";

/// One of an impairment's clauses, by its first word.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Clause {
    Preset(&'static presets::Preset),
    Delay(Delay),
    Loss(LossModel),
    Duplicate(Odds),
    Corrupt(Odds),
    Reorder(Reorder),
    Rate(u64, Option<i32>),
    Overhead(i32),
    Mpu(u32),
    Limit(Limit),
    Queue(Option<Limit>, Discipline),
    Fault(Fault),
    Partition(Partition),
}

impl Clause {
    fn apply(&self, to: &mut Impairment, inbound: bool) {
        match self.clone() {
            Clause::Preset(preset) => *to = preset.rules(inbound),
            Clause::Delay(delay) => to.delay = delay,
            Clause::Loss(loss) => to.loss = loss,
            Clause::Duplicate(odds) => to.duplicate = odds,
            Clause::Corrupt(odds) => to.corrupt = odds,
            Clause::Reorder(reorder) => to.reorder = Some(reorder),
            Clause::Rate(rate, overhead) => {
                to.rate = Some(rate);
                to.overhead = overhead.unwrap_or(to.overhead);
            }
            Clause::Overhead(overhead) => to.overhead = overhead,
            Clause::Mpu(mpu) => to.mpu = mpu,
            Clause::Limit(limit) => to.limit = limit,
            Clause::Queue(limit, discipline) => {
                to.limit = limit.unwrap_or(to.limit);
                to.queue = Some(discipline);
            }
            Clause::Fault(fault) => to.faults.push(fault),
            Clause::Partition(partition) => to.partitions.push(partition),
        }
    }

    /// Whether it may be given several times.
    fn adds_up(&self) -> bool {
        matches!(self, Clause::Fault(_) | Clause::Partition(_))
    }
}

impl FromStr for Impairments {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Impairments, ParseError> {
        let mut words = Words::new(text);
        let mut all = Impairments::default();
        let (mut inward, mut outward) = (true, true);
        let mut seen: Vec<&str> = Vec::new();
        if words.peek().is_none() {
            return Err(ParseError(format!("nothing is said: {OPTIONS}")));
        }
        while let Some(word) = words.next() {
            if let "in" | "out" | "both" = word {
                (inward, outward) = (word != "out", word != "in");
                seen.clear();
                if words.peek().is_none() {
                    return Err(ParseError(format!(
                        "\"{word}\" is followed by nothing: {OPTIONS}"
                    )));
                }
                continue;
            }
            let clause = words.clause(word)?;
            if !clause.adds_up() && seen.contains(&word) {
                return Err(ParseError(format!("\"{word}\" is given twice")));
            }
            if let (Clause::Preset(_), Some(first)) = (&clause, seen.first()) {
                return Err(ParseError(format!(
                    "\"{word}\" would undo \"{first}\": expected the link's name first"
                )));
            }
            seen.push(word);
            if inward {
                clause.apply(&mut all.inbound, true);
            }
            if outward {
                clause.apply(&mut all.outbound, false);
            }
        }
        check(&all.inbound)?;
        check(&all.outbound)?;
        Ok(all)
    }
}

/// What only makes sense with something else.
fn check(one: &Impairment) -> Result<(), ParseError> {
    if one.reorder.is_some() && one.delay.base.is_zero() {
        return Err(ParseError(
            "\"reorder\" needs a delay: packets overtake only those that wait".into(),
        ));
    }
    if let (Some(discipline), None) = (one.queue, one.rate) {
        let word = match discipline {
            Discipline::DropTail { .. } => "queue",
            Discipline::Codel(_) => "codel",
        };
        return Err(ParseError(format!("\"{word}\" needs a rate: without one nothing waits")));
    }
    Ok(())
}

/// The words that are left. Commas separate words as spaces do, and numbers of packets are words of
/// their own: `tcp,data#4` is `tcp`, `data`, `#4`.
pub(super) struct Words<'a>(Peekable<std::vec::IntoIter<&'a str>>);

impl<'a> Words<'a> {
    pub(super) fn new(text: &'a str) -> Words<'a> {
        let mut all = Vec::new();
        for word in text.split_whitespace() {
            let (terms, numbers) = word.split_at(word.find('#').unwrap_or(word.len()));
            all.extend(terms.split(',').filter(|term| !term.is_empty()));
            all.extend(Some(numbers.trim_end_matches(',')).filter(|text| !text.is_empty()));
        }
        Words(all.into_iter().peekable())
    }

    pub(super) fn peek(&mut self) -> Option<&'a str> {
        self.0.peek().copied()
    }

    pub(super) fn next(&mut self) -> Option<&'a str> {
        self.0.next()
    }

    fn clause(&mut self, word: &str) -> Result<Clause, ParseError> {
        Ok(match word {
            "drop" => self.fault(word, Deed::Drop)?,
            "delay" | "duplicate" | "corrupt" if self.is_filter() => match word {
                "delay" => self.fault(word, Deed::Delay(Duration::ZERO))?,
                "duplicate" => self.fault(word, Deed::Duplicate)?,
                _ => self.fault(word, Deed::Corrupt)?,
            },
            "delay" => Clause::Delay(self.delay()?),
            "loss" => Clause::Loss(self.loss()?),
            "duplicate" => Clause::Duplicate(self.odds(word, PERCENT_OR_FILTER)?),
            "corrupt" => Clause::Corrupt(self.odds(word, PERCENT_OR_FILTER)?),
            "reorder" => {
                let odds = self.odds(word, PERCENT)?;
                let gap = match self.0.next_if_eq(&"gap") {
                    Some(gap) => self.value(gap, COUNT, count)?,
                    None => 1,
                };
                Clause::Reorder(Reorder { odds, gap })
            }
            "rate" => Clause::Rate(self.value(word, RATE, rate)?, self.optional(BYTES, overhead)?),
            "overhead" => Clause::Overhead(self.value(word, BYTES, overhead)?),
            "mpu" => Clause::Mpu(self.value(word, BYTES, bytes)?),
            "limit" => Clause::Limit(self.value(word, LIMIT, limit)?),
            "queue" => self.queue()?,
            "codel" => self.codel()?,
            "partition" => self.partition()?,
            _ => match presets::named(word) {
                Some(preset) => Clause::Preset(preset),
                None => return Err(unknown(word)),
            },
        })
    }

    fn delay(&mut self) -> Result<Delay, ParseError> {
        let base = self.value("delay", TIME_OR_FILTER, time)?;
        let mut delay = Delay { base, ..Delay::default() };
        if let Some(jitter) = self.optional(TIME, time)? {
            delay.jitter = jitter;
            delay.correlation = self.optional(PERCENT, percent)?.unwrap_or_default();
        }
        if let Some(word) = self.0.next_if_eq(&"distribution") {
            let shape = |word: &str| match word {
                "uniform" => Some(Distribution::Uniform),
                "normal" => Some(Distribution::Normal),
                "pareto" => Some(Distribution::Pareto),
                "paretonormal" => Some(Distribution::ParetoNormal),
                _ => None,
            };
            delay.distribution = self.value(word, SHAPES, shape)?;
            if delay.jitter.is_zero() {
                return Err(ParseError(
                    "\"distribution\" needs a jitter: expected delay TIME JITTER before it".into(),
                ));
            }
        }
        Ok(delay)
    }

    fn loss(&mut self) -> Result<LossModel, ParseError> {
        let left = |share: Ppm| Ppm(1_000_000 - share.0);
        if let Some(word) = self.0.next_if_eq(&"gemodel") {
            let p = self.value(word, PERCENT, percent)?;
            let r = self.optional(PERCENT, percent)?.unwrap_or(left(p));
            let bad = self.optional(PERCENT, percent)?.unwrap_or(Ppm::ONE);
            let good = self.optional(PERCENT, percent)?.unwrap_or(Ppm::ZERO);
            return Ok(LossModel::Gilbert { p, r, bad, good });
        }
        if let Some(word) = self.0.next_if_eq(&"state") {
            let p13 = self.value(word, PERCENT, percent)?;
            let p31 = self.optional(PERCENT, percent)?.unwrap_or(left(p13));
            let p32 = self.optional(PERCENT, percent)?.unwrap_or(Ppm::ZERO);
            let p23 = self.optional(PERCENT, percent)?.unwrap_or(Ppm::ONE);
            let p14 = self.optional(PERCENT, percent)?.unwrap_or(Ppm::ZERO);
            for (name, sum) in [("P13 and P14", p13.0 + p14.0), ("P31 and P32", p31.0 + p32.0)] {
                if sum > 1_000_000 {
                    return Err(ParseError(format!(
                        "\"loss state\": {name} are more than 100% together"
                    )));
                }
            }
            return Ok(LossModel::States { p13, p31, p32, p23, p14 });
        }
        self.0.next_if_eq(&"random");
        Ok(LossModel::Random(self.odds("loss", PERCENT)?))
    }

    fn odds(&mut self, word: &str, wanted: &str) -> Result<Odds, ParseError> {
        let share = self.value(word, wanted, percent)?;
        let correlation = self.optional(PERCENT, percent)?.unwrap_or_default();
        Ok(Odds { share, correlation })
    }

    fn queue(&mut self) -> Result<Clause, ParseError> {
        self.0.next_if_eq(&"limit");
        let most = self.optional(LIMIT, limit)?;
        let mark = match self.0.next_if_eq(&"ecn") {
            Some(word) => Some(self.value(word, LIMIT, limit)?),
            None => None,
        };
        Ok(Clause::Queue(most, Discipline::DropTail { mark }))
    }

    fn codel(&mut self) -> Result<Clause, ParseError> {
        let (mut codel, mut most) = (Codel::RFC, None);
        loop {
            if let Some(word) = self.0.next_if_eq(&"limit") {
                most = Some(self.value(word, LIMIT, limit)?);
            } else if let Some(word) = self.0.next_if_eq(&"target") {
                codel.target = self.value(word, TIME, time)?;
            } else if let Some(word) = self.0.next_if_eq(&"interval") {
                codel.interval = self.value(word, TIME, time)?;
            } else if self.0.next_if_eq(&"ecn").is_some() {
                codel.ecn = true;
            } else if self.0.next_if_eq(&"noecn").is_some() {
                codel.ecn = false;
            } else {
                return Ok(Clause::Queue(most, Discipline::Codel(codel)));
            }
        }
    }

    fn partition(&mut self) -> Result<Clause, ParseError> {
        let start = Instant::ZERO;
        let mut moment = |before: &str, word: &'static str| {
            self.value(before, &format!("\"{word}\" and a time"), |next| {
                (next == word).then_some(())
            })?;
            self.value(word, TIME, time).map(|time| start + time)
        };
        let (from, to) = (moment("partition", "from")?, moment("from", "to")?);
        if from >= to {
            return Err(ParseError("\"partition\" ends before it begins".into()));
        }
        Ok(Clause::Partition(Partition { from, to }))
    }

    /// Whether the next word says which packets are meant.
    fn is_filter(&mut self) -> bool {
        let kind = |word: &str| Kind::ALL.iter().any(|kind| kind.word() == word);
        self.peek().is_some_and(|word| {
            kind(word) || matches!(word, "from" | "to" | "port") || word.starts_with("len")
        })
    }

    fn fault(&mut self, word: &str, deed: Deed) -> Result<Clause, ParseError> {
        let filter = Filter::take(self, word)?;
        let numbers = match self.0.next_if(|word| word.starts_with('#')) {
            Some(text) => numbers(text).ok_or_else(|| {
                ParseError(format!("\"{text}\" after \"{filter}\": expected {NUMBERS}"))
            })?,
            None => Vec::new(),
        };
        let once = self.0.next_if_eq(&"once").is_some();
        let deed = match deed {
            Deed::Delay(_) => {
                let by = |next: &str| (next == "by").then_some(());
                self.value(&filter.to_string(), "\"by\" and a time", by)?;
                Deed::Delay(self.value("by", TIME, time)?)
            }
            other => other,
        };
        Ok(Clause::Fault(Fault { deed, filter, numbers, once }))
    }

    /// The next word, which must be a value.
    pub(super) fn value<T>(
        &mut self,
        before: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ParseError> {
        let Some(word) = self.next() else {
            return Err(ParseError(format!(
                "\"{before}\" is followed by nothing: expected {expected}"
            )));
        };
        read(word).ok_or_else(|| {
            ParseError(format!("\"{word}\" after \"{before}\": expected {expected}"))
        })
    }

    /// The next word if it starts like a number; it must be a value then.
    fn optional<T>(
        &mut self,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ParseError> {
        let digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        let starts = |word: &&str| {
            let number = digit(word) || word.starts_with(['+', '-', '.']);
            number && presets::named(word).is_none()
        };
        let Some(word) = self.0.next_if(starts) else { return Ok(None) };
        let value =
            read(word).ok_or_else(|| ParseError(format!("\"{word}\": expected {expected}")))?;
        Ok(Some(value))
    }
}

fn unknown(word: &str) -> ParseError {
    let names = PRESETS.iter().map(|preset| preset.name);
    let known: Vec<&str> =
        CLAUSES.into_iter().chain(names).chain(Kind::ALL.map(Kind::word)).collect();
    expected(&format!("\"{word}\" is not an impairment"), word, &known, OPTIONS)
}

/// `#4`, `#2-5`, `#1,#3-4` or `#1,3`.
fn numbers(text: &str) -> Option<Vec<(u64, u64)>> {
    let number = |word: &str| word.parse::<u64>().ok().filter(|n| *n > 0);
    let range = |word: &str| {
        let word = word.strip_prefix('#').unwrap_or(word);
        let (from, to) = word.split_once('-').unwrap_or((word, word));
        let (from, to) = (number(from)?, number(to)?);
        (from <= to).then_some((from, to))
    };
    text.split(',').map(range).collect()
}

fn overhead(word: &str) -> Option<i32> {
    word.parse().ok().filter(|bytes| (-65_535..=65_535).contains(bytes))
}

fn bytes(word: &str) -> Option<u32> {
    word.parse().ok().filter(|bytes| *bytes <= 65_535)
}

#[cfg(test)]
mod tests;
