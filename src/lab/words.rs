//! Values of lab files in words: times and sizes.

use crate::base::{Duration, Instant};

/// What a time looks like.
pub(super) const TIME: &str = "a time such as 40ms (units h, m, s, ms, us, ns)";
/// What a size looks like.
pub(super) const BYTES: &str = "a number of bytes such as 200000, 64k or 1M";

/// Units of time, in nanoseconds.
const UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// A decimal number, as whole billionths.
fn billionths(digits: &str) -> Option<u128> {
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(part) || part.len() > 9 {
        return None;
    }
    let part: u128 = format!("{part:0<9}").parse().ok()?;
    Some(u128::from(whole.parse::<u64>().ok()?) * 1_000_000_000 + part)
}

/// The number in front of a unit, and the unit.
fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.split_at(end)
}

/// A time such as `40ms`; `0` needs no unit.
pub(super) fn time(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (number, unit) = split(text);
    let (_, scale) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    let nanos = billionths(number)?.checked_mul(scale.into())? / 1_000_000_000;
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}

/// A moment of the run, as the time from its start.
pub(super) fn moment(text: &str) -> Option<Instant> {
    time(text).map(|time| Instant::ZERO + time)
}

/// A time as short as it can be written exactly: `40ms`, `1.5s`.
pub(super) fn show_time(time: Duration) -> String {
    let nanos = crate::base::time::nanos(time);
    let (unit, scale) = match nanos {
        0 => return "0".to_owned(),
        1_000_000_000.. => ("s", 1_000_000_000),
        1_000_000.. => ("ms", 1_000_000),
        1_000.. => ("us", 1_000),
        _ => ("ns", 1),
    };
    let part = format!("{:09}", u128::from(nanos % scale) * 1_000_000_000 / u128::from(scale));
    match part.trim_end_matches('0') {
        "" => format!("{}{unit}", nanos / scale),
        part => format!("{}.{part}{unit}", nanos / scale),
    }
}

/// A number of bytes such as `64k`; k and M are powers of 1024, as iperf has it.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = split(text);
    let scale: u64 = match unit {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(scale)
}

/// A rate in bits per second, as `10mbit`.
pub(super) fn rate(text: &str) -> Option<u64> {
    let (number, unit) = split(text);
    let scale: u64 = match unit {
        "bit" => 1,
        "kbit" => 1_000,
        "mbit" => 1_000_000,
        "gbit" => 1_000_000_000,
        _ => return None,
    };
    let bits = billionths(number)?.checked_mul(scale.into())? / 1_000_000_000;
    u64::try_from(bits).ok().filter(|bits| *bits > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_exactly_and_shown_as_they_are_read() {
        let table = [
            ("40ms", 40_000_000),
            ("1.5s", 1_500_000_000),
            ("0.000000001s", 1),
            ("51.7us", 51_700),
            ("2m", 120_000_000_000),
            ("0", 0),
        ];
        for (text, nanos) in table {
            assert_eq!(time(text), Some(Duration::from_nanos(nanos)), "{text}");
        }
        for text in ["40ms", "1.5s", "51.7us", "1ns", "0", "108.6ms", "127s"] {
            assert_eq!(time(text).map(show_time).as_deref(), Some(text));
        }
        for text in ["", "40", "ms", "1.s", "1..5s", "-1s", "1d", "1 s", "9999999999999h"] {
            assert_eq!(time(text), None, "{text}");
        }
        assert_eq!(show_time(Duration::from_secs(60)), "60s");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(
            (bytes("200000"), bytes("64k"), bytes("1M")),
            (Some(200_000), Some(65_536), Some(1 << 20))
        );
        for text in ["", "k", "1.5k", "12q", "99999999999G"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
