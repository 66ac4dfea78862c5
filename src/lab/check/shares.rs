//! How flows share: the bytes that pass some ports, compared.

use super::super::Mistake;
use super::super::tree::{Fields, Item};
use super::frames::{FrameQuery, Trace};
use super::judge::Failure;
use super::value::Within;
use super::{Known, all};
use crate::base::Instant;
use crate::lab::words;

/// What passes some ports, and what must be true of it.
#[derive(Clone, Debug)]
pub(crate) struct Shares {
    flows: Vec<FrameQuery>,
    /// Only what passes between these counts.
    between: Option<[Instant; 2]>,
    /// The share of each, in percent.
    percent: Vec<u64>,
    /// Jain's index at least, in parts of ten thousand.
    jain: Option<u64>,
}

/// Parts of ten thousand.
const WHOLE: u64 = 10_000;

/// `0.99`, `1`: in parts of ten thousand.
fn index(text: &str) -> Option<u64> {
    let (whole, parts) = text.split_once('.').unwrap_or((text, ""));
    let digits = parts.len() <= 4 && parts.bytes().all(|byte| byte.is_ascii_digit());
    let parts = format!("{parts:0<4}").parse::<u64>().ok().filter(|_| digits)?;
    let index = whole.parse::<u64>().ok()?.checked_mul(WHOLE)? + parts;
    (index <= WHOLE).then_some(index)
}

/// Jain's index of fairness, in parts of ten thousand: (Σx)² / n Σx². It is 1 when all have the
/// same, and 1/n when one has everything.
fn jain(bytes: &[u64]) -> u64 {
    // Forty bits of the largest are exact enough, and their squares can be added up.
    let most = bytes.iter().max().map_or(0, |most| u64::BITS - most.leading_zeros());
    let bytes = || bytes.iter().map(|bytes| u128::from(bytes >> most.saturating_sub(40)));
    let (sum, squares): (u128, u128) = (bytes().sum(), bytes().map(|bytes| bytes.pow(2)).sum());
    let index = (sum * sum * u128::from(WHOLE)).checked_div(bytes().count() as u128 * squares);
    index.unwrap_or(0) as u64
}

impl Shares {
    pub(super) fn read(
        flows: &Item,
        item: &Item,
        fields: &mut Fields<'_>,
        known: &Known<'_>,
    ) -> Result<Shares, Mistake> {
        let flows = flows.list().iter().map(|flow| FrameQuery::read(flow, known));
        let flows = flows.collect::<Result<Vec<_>, _>>()?;
        if flows.len() < 2 {
            return Err(item.wrong("\"share\" needs two flows or more"));
        }
        let between = match fields.item("between") {
            None => None,
            Some(item) => {
                let ends = all(item, "between", words::TIME, words::moment)?;
                let two = "between must have two times: expected [\"1s\", \"2s\"]";
                Some(<[Instant; 2]>::try_from(ends).map_err(|_| item.wrong(two))?)
            }
        };
        let percent = match fields.item("percent") {
            None => Vec::new(),
            Some(item) => all(item, "percent", "whole numbers", |word| word.parse().ok())?,
        };
        let jain = fields.read("jain", "a number from 0 to 1, such as 0.99", index)?;
        if !percent.is_empty() && percent.len() != flows.len() {
            return Err(item.wrong("\"percent\" must have a number for each flow"));
        }
        if percent.is_empty() && jain.is_none() {
            return Err(item.wrong("\"share\" needs \"percent\" or \"jain\""));
        }
        Ok(Shares { flows, between, percent, jain })
    }

    pub(super) fn flows(&self) -> &[FrameQuery] {
        &self.flows
    }

    pub(super) fn judge(&self, trace: &Trace, within: Within) -> Result<(), Failure> {
        let counts = |at: &Instant| self.between.is_none_or(|[from, to]| (from..=to).contains(at));
        let bytes = self.flows.iter().map(|flow| {
            let passed = flow.find(trace).into_iter().filter(|seen| counts(&seen.at));
            passed.map(|seen| seen.frame.len() as u64).sum::<u64>()
        });
        let bytes: Vec<u64> = bytes.collect();
        let sum = bytes.iter().sum::<u64>().max(1);
        let told = |expected: String, found: String| {
            let flows: Vec<_> = self.flows.iter().map(ToString::to_string).collect();
            Err(Failure { asked: flows.join(", "), expected, found, steps: Vec::new() })
        };
        let shares = || bytes.iter().map(|bytes| bytes * WHOLE / sum);
        let near = |(share, percent): (u64, &u64)| {
            within.near(i128::from(percent * WHOLE / 100), share.into())
        };
        if !self.percent.is_empty() && !shares().zip(&self.percent).all(near) {
            let wanted: Vec<_> = self.percent.iter().map(|share| format!("{share} %")).collect();
            let found: Vec<_> = shares().map(percent).collect();
            let unit = super::value::Unit::Number;
            return told(wanted.join(", ") + &within.show(unit), found.join(", "));
        }
        match self.jain.filter(|least| jain(&bytes) < *least) {
            None => Ok(()),
            Some(least) => told(
                format!("an index of {} or more", decimal(least)),
                format!("{}: {bytes:?} bytes", decimal(jain(&bytes))),
            ),
        }
    }
}

/// Parts of ten thousand as a share.
fn percent(parts: u64) -> String {
    format!("{}.{:02} %", parts / 100, parts % 100)
}

/// Parts of ten thousand as a number.
fn decimal(parts: u64) -> String {
    format!("{}.{:04}", parts / WHOLE, parts % WHOLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jain_s_index_is_between_a_share_and_one() {
        for (bytes, expected) in [
            (&[5, 5][..], 10_000),
            (&[1, 0], 5_000),
            (&[2, 1], 9_000),
            (&[3, 1], 8_000),
            (&[7, 7, 7], 10_000),
            (&[1, 0, 0], 3_333),
            (&[0, 0], 0),
            (&[u64::MAX / 2, u64::MAX / 2], 10_000),
        ] {
            assert_eq!(jain(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn an_index_is_read_in_parts() {
        let table =
            [("0.99", Some(9_900)), ("1", Some(10_000)), ("0.9875", Some(9_875)), ("0", Some(0))];
        for (text, parts) in table {
            assert_eq!(index(text), parts, "{text}");
        }
        for text in ["1.1", "0.12345", "x", "", "0.-1", "2"] {
            assert_eq!(index(text), None, "{text}");
        }
        assert_eq!((decimal(9_900), percent(4_975)), ("0.9900".into(), "49.75 %".into()));
    }
}
