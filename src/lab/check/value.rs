//! Values that are expected, and how near is near enough.

use super::super::words;
use crate::base::Duration;
use crate::base::time::nanos;

/// What a number counts.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    /// Nanoseconds; written as times.
    Time,
    /// Anything else.
    Number,
}

impl Unit {
    /// What can be written.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Unit::Time => words::TIME,
            Unit::Number => "a number, or \">= N\", \"<= N\"",
        }
    }

    /// A value in words.
    pub(super) fn show(self, value: i128) -> String {
        match (self, u64::try_from(value)) {
            (Unit::Time, Ok(value)) => words::show_time(Duration::from_nanos(value)),
            _ => value.to_string(),
        }
    }
}

/// An expected value, or a bound.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Expected {
    Exactly(i128),
    AtLeast(i128),
    AtMost(i128),
}

/// Reads `14600`, `>= 14600`, `40ms`.
pub(super) fn expected(text: &str, unit: Unit) -> Option<Expected> {
    let read = |text: &str| match unit {
        Unit::Time => words::time(text.trim()).map(|time| i128::from(nanos(time))),
        Unit::Number => text.trim().parse().ok(),
    };
    if let Some(rest) = text.strip_prefix(">=") {
        return read(rest).map(Expected::AtLeast);
    }
    if let Some(rest) = text.strip_prefix("<=") {
        return read(rest).map(Expected::AtMost);
    }
    read(text).map(Expected::Exactly)
}

impl Expected {
    /// In words.
    pub(super) fn show(self, unit: Unit) -> String {
        match self {
            Expected::Exactly(value) => unit.show(value),
            Expected::AtLeast(value) => format!(">= {}", unit.show(value)),
            Expected::AtMost(value) => format!("<= {}", unit.show(value)),
        }
    }

    /// Whether `found` is it, or near enough.
    pub(super) fn holds(self, found: i128, within: Within) -> bool {
        match self {
            Expected::Exactly(value) => within.near(value, found),
            Expected::AtLeast(value) => found >= value,
            Expected::AtMost(value) => found <= value,
        }
    }
}

/// How far from the expected value is near enough.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Within {
    #[default]
    Exact,
    /// Parts per million of the expected value.
    Share(u32),
    /// Nanoseconds of times, or that number of anything else.
    Distance(u64),
}

/// Reads `1%`, `2ms`, `3`.
pub(super) fn within(text: &str) -> Option<Within> {
    if let Some(share) = text.strip_suffix('%') {
        // A percent is ten thousand parts per million: read as so many "seconds".
        let ppm = nanos(words::time(&format!("{share}s"))?) / 100_000;
        return u32::try_from(ppm).ok().map(Within::Share);
    }
    let number = text.parse().ok().map(Within::Distance);
    number.or_else(|| Some(Within::Distance(nanos(words::time(text)?))))
}

impl Within {
    pub(super) fn near(self, expected: i128, found: i128) -> bool {
        let distance = (found - expected).unsigned_abs();
        match self {
            Within::Exact => distance == 0,
            Within::Distance(most) => distance <= u128::from(most),
            Within::Share(ppm) => distance * 1_000_000 <= expected.unsigned_abs() * u128::from(ppm),
        }
    }

    /// In words, for the end of a sentence.
    pub(super) fn show(self, unit: Unit) -> String {
        match self {
            Within::Exact => String::new(),
            Within::Share(ppm) => format!(" within {}.{:04}%", ppm / 10_000, ppm % 10_000),
            Within::Distance(most) => format!(" within {}", unit.show(most.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_told_from_far() {
        let table = [
            (None, 100, 100, true),
            (None, 100, 101, false),
            (Some("1%"), 100, 101, true),
            (Some("1%"), 100, 102, false),
            (Some("0.5%"), 1000, 995, true),
            (Some("0.5%"), 1000, 994, false),
            (Some("2us"), 10_000, 12_000, true),
            (Some("2us"), 10_000, 12_001, false),
            (Some("3"), 10, 7, true),
        ];
        for (text, expected, found, near) in table {
            let within = text.map_or(Some(Within::Exact), within).expect("it can be read");
            assert_eq!(within.near(expected, found), near, "{text:?} {expected} {found}");
        }
        assert_eq!((within("x"), within("%")), (None, None));
    }

    #[test]
    fn values_and_bounds() {
        assert_eq!(expected("40ms", Unit::Time), Some(Expected::Exactly(40_000_000)));
        assert_eq!(expected("14600", Unit::Number), Some(Expected::Exactly(14_600)));
        let bound = expected(">= 5", Unit::Number).expect("a bound");
        assert!(bound.holds(5, Within::Exact) && !bound.holds(4, Within::Exact));
        assert_eq!(bound.show(Unit::Number), ">= 5");
        let bound = expected("<= 1s", Unit::Time).expect("a bound");
        assert!(!bound.holds(1_000_000_001, Within::Exact));
        assert_eq!(bound.show(Unit::Time), "<= 1s");
        assert_eq!(expected("40", Unit::Time), None);
    }
}
