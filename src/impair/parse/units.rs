//! Numbers with units, as tc(8) writes them. Decimal fractions are read exactly, without floating
//! point. Unlike tc, a time without a unit is refused.

use crate::base::Duration;
use crate::impair::{Limit, Ppm};

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

/// A time in netem's words: `12.5ms`, `2s`; `None`: it is none.
pub fn time(word: &str) -> Option<Duration> {
    let nanos = scaled(word, |unit| match unit {
        "s" | "sec" | "secs" => Some(1_000_000_000),
        "ms" | "msec" | "msecs" => Some(1_000_000),
        "us" | "usec" | "usecs" => Some(1_000),
        "ns" | "nsec" | "nsecs" => Some(1),
        _ => None,
    });
    nanos.map(Duration::from_nanos)
}

pub(super) fn percent(word: &str) -> Option<Ppm> {
    let ppm = scaled(word, |unit| (unit == "%").then_some(10_000))?;
    u32::try_from(ppm).ok().filter(|ppm| *ppm <= 1_000_000).map(Ppm)
}

pub(super) fn count(word: &str) -> Option<u32> {
    word.parse().ok().filter(|n| (1..=10_000_000).contains(n))
}

pub(super) fn rate(word: &str) -> Option<u64> {
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

/// `100` packets, or bytes: `50000b`, `50kb`, `1.5mb` (thousands), `64kib` (1024s).
pub(super) fn limit(word: &str) -> Option<Limit> {
    if let Some(packets) = count(word) {
        return Some(Limit::Packets(packets));
    }
    let bytes = scaled(word, |unit| match unit {
        "b" => Some(1),
        "kb" => Some(1_000),
        "mb" => Some(1_000_000),
        "kib" => Some(1 << 10),
        "mib" => Some(1 << 20),
        _ => None,
    });
    bytes.filter(|bytes| (1..=1 << 40).contains(bytes)).map(Limit::Bytes)
}
