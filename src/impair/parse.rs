//! netem's words to [`Impairments`] (tc-netem(8), units of tc(8)). Decimal fractions are read
//! exactly, without floating point. Unlike tc, a time without a unit is refused.

use super::{Delay, Distribution, Impairment, Impairments, Odds, Ppm, Reorder};
use crate::base::Duration;
use std::fmt;
use std::iter::Peekable;
use std::str::{FromStr, SplitWhitespace};

/// Which word could not be understood, in one sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError(String);

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}

const OPTIONS: &str = "delay, loss, duplicate, corrupt, reorder, rate or limit";
const TIME: &str = "a time such as 20ms (units s, ms, us, ns)";
const PERCENT: &str = "a percentage such as 1% or 0.05%";
const RATE: &str = "a rate such as 10mbit (bit, kbit, mbit, gbit; bps, kbps, mbps, gbps are bytes)";
const COUNT: &str = "a whole number of packets from 1 to 10000000";

/// One of an impairment's clauses, by its first word.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Clause {
    Delay(Delay),
    Loss(Odds),
    Duplicate(Odds),
    Corrupt(Odds),
    Reorder(Reorder),
    Rate(u64),
    Limit(u32),
}

impl Clause {
    fn apply(self, to: &mut Impairment) {
        match self {
            Clause::Delay(delay) => to.delay = delay,
            Clause::Loss(odds) => to.loss = odds,
            Clause::Duplicate(odds) => to.duplicate = odds,
            Clause::Corrupt(odds) => to.corrupt = odds,
            Clause::Reorder(reorder) => to.reorder = Some(reorder),
            Clause::Rate(rate) => to.rate = Some(rate),
            Clause::Limit(limit) => to.limit = limit,
        }
    }
}

impl FromStr for Impairments {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Impairments, ParseError> {
        let mut words = Words(text.split_whitespace().peekable());
        let mut all = Impairments::default();
        let (mut inward, mut outward) = (true, true);
        let mut seen: Vec<&str> = Vec::new();
        if words.0.peek().is_none() {
            return Err(ParseError(format!("nothing is said: expected {OPTIONS}")));
        }
        while let Some(word) = words.0.next() {
            if let "in" | "out" | "both" = word {
                (inward, outward) = (word != "out", word != "in");
                seen.clear();
                if words.0.peek().is_none() {
                    return Err(ParseError(format!(
                        "\"{word}\" is followed by nothing: expected {OPTIONS}"
                    )));
                }
                continue;
            }
            if seen.contains(&word) {
                return Err(ParseError(format!("\"{word}\" is given twice")));
            }
            seen.push(word);
            let clause = words.clause(word)?;
            if inward {
                clause.apply(&mut all.inbound);
            }
            if outward {
                clause.apply(&mut all.outbound);
            }
        }
        for one in [&all.inbound, &all.outbound] {
            if one.reorder.is_some() && one.delay.base.is_zero() {
                return Err(ParseError(
                    "\"reorder\" needs a delay: packets overtake only those that wait".into(),
                ));
            }
        }
        Ok(all)
    }
}

/// The words that are left.
struct Words<'a>(Peekable<SplitWhitespace<'a>>);

impl<'a> Words<'a> {
    fn clause(&mut self, word: &str) -> Result<Clause, ParseError> {
        Ok(match word {
            "delay" => Clause::Delay(self.delay()?),
            "loss" => {
                self.0.next_if_eq(&"random");
                Clause::Loss(self.odds(word)?)
            }
            "duplicate" => Clause::Duplicate(self.odds(word)?),
            "corrupt" => Clause::Corrupt(self.odds(word)?),
            "reorder" => {
                let odds = self.odds(word)?;
                let gap = match self.0.next_if_eq(&"gap") {
                    Some(gap) => self.value(gap, COUNT, count)?,
                    None => 1,
                };
                Clause::Reorder(Reorder { odds, gap })
            }
            "rate" => Clause::Rate(self.value(word, RATE, rate)?),
            "limit" => Clause::Limit(self.value(word, COUNT, count)?),
            _ => {
                return Err(ParseError(format!(
                    "\"{word}\" is not an impairment: expected {OPTIONS}"
                )));
            }
        })
    }

    fn delay(&mut self) -> Result<Delay, ParseError> {
        let mut delay = Delay { base: self.value("delay", TIME, time)?, ..Delay::default() };
        if let Some(jitter) = self.optional(TIME, time)? {
            delay.jitter = jitter;
            delay.correlation = self.optional(PERCENT, percent)?.unwrap_or_default();
        }
        if let Some(word) = self.0.next_if_eq(&"distribution") {
            let shape = |word: &str| match word {
                "uniform" => Some(Distribution::Uniform),
                "normal" => Some(Distribution::Normal),
                _ => None,
            };
            delay.distribution = self.value(word, "uniform or normal", shape)?;
            if delay.jitter.is_zero() {
                return Err(ParseError(
                    "\"distribution\" needs a jitter: expected delay TIME JITTER before it".into(),
                ));
            }
        }
        Ok(delay)
    }

    fn odds(&mut self, word: &str) -> Result<Odds, ParseError> {
        let share = self.value(word, PERCENT, percent)?;
        let correlation = self.optional(PERCENT, percent)?.unwrap_or_default();
        Ok(Odds { share, correlation })
    }

    /// The next word, which must be a value.
    fn value<T>(
        &mut self,
        before: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ParseError> {
        let Some(word) = self.0.next() else {
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
        let starts =
            |word: &&str| word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        let Some(word) = self.0.next_if(starts) else { return Ok(None) };
        let value =
            read(word).ok_or_else(|| ParseError(format!("\"{word}\": expected {expected}")))?;
        Ok(Some(value))
    }
}

/// Splits `12.5ms` into the exact number, in billionths, and the unit in small letters.
fn number(word: &str) -> Option<(u128, String)> {
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let (digits, unit) = word.split_at(end);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || fraction.len() > 9 {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let billionths: u128 = format!("{fraction:0<9}").parse().ok()?;
    Some((u128::from(whole) * 1_000_000_000 + billionths, unit.to_ascii_lowercase()))
}

/// The word times its unit's value, rounded down.
fn scaled(word: &str, unit: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let (billionths, name) = number(word)?;
    let value = billionths.checked_mul(u128::from(unit(&name)?))? / 1_000_000_000;
    u64::try_from(value).ok()
}

fn time(word: &str) -> Option<Duration> {
    let nanos = scaled(word, |unit| match unit {
        "s" | "sec" | "secs" => Some(1_000_000_000),
        "ms" | "msec" | "msecs" => Some(1_000_000),
        "us" | "usec" | "usecs" => Some(1_000),
        "ns" | "nsec" | "nsecs" => Some(1),
        _ => None,
    });
    nanos.map(Duration::from_nanos)
}

fn percent(word: &str) -> Option<Ppm> {
    let ppm = scaled(word, |unit| (unit == "%").then_some(10_000))?;
    u32::try_from(ppm).ok().filter(|ppm| *ppm <= 1_000_000).map(Ppm)
}

fn count(word: &str) -> Option<u32> {
    word.parse().ok().filter(|n| (1..=10_000_000).contains(n))
}

fn rate(word: &str) -> Option<u64> {
    let bits = scaled(word, |unit| {
        let (prefix, bits) = match unit {
            "" => ("", 1),
            _ => match (unit.strip_suffix("bit"), unit.strip_suffix("bps")) {
                (Some(prefix), _) => (prefix, 1),
                (_, Some(prefix)) => (prefix, 8),
                _ => return None,
            },
        };
        let factor: u64 = match prefix {
            "" => 1,
            "k" => 1_000,
            "m" => 1_000_000,
            "g" => 1_000_000_000,
            "t" => 1_000_000_000_000,
            "ki" => 1 << 10,
            "mi" => 1 << 20,
            "gi" => 1 << 30,
            "ti" => 1 << 40,
            _ => return None,
        };
        Some(factor * bits)
    });
    bits.filter(|bits| *bits > 0)
}

#[cfg(test)]
mod tests;
