//! Values of a policy in words: counts, times, yes and no.

use crate::tcp::SynCookies;
use std::time::Duration;

/// What stands for "no limit".
const OFF: &str = "off";

/// A value that is written as a word.
pub(super) trait Word: Sized {
    /// What can be written.
    const EXPECTED: &'static str;
    /// The value that is written.
    fn read(text: &str) -> Option<Self>;
    /// The value as it is written.
    fn show(&self) -> String;
}

impl Word for u32 {
    const EXPECTED: &'static str = "a number from 1 to 4294967295";

    fn read(text: &str) -> Option<u32> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|n| digits && *n > 0)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Word for Option<u32> {
    const EXPECTED: &'static str = "a number from 1 to 4294967295, or off";

    fn read(text: &str) -> Option<Option<u32>> {
        if text == OFF { Some(None) } else { u32::read(text).map(Some) }
    }

    fn show(&self) -> String {
        self.map_or(OFF.to_owned(), |n| n.to_string())
    }
}

/// Units of time, longest first, in milliseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Word for Duration {
    const EXPECTED: &'static str = "a time such as 500ms, 10s, 5m or 1h";

    fn read(text: &str) -> Option<Duration> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let (_, millis) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        let millis = number.parse::<u64>().ok()?.checked_mul(millis)?;
        // Timers count days, not ages.
        (millis <= u64::from(u32::MAX)).then(|| Duration::from_millis(millis))
    }

    fn show(&self) -> String {
        let millis = self.as_millis() as u64;
        let whole = |(_, unit): &(&str, u64)| millis > 0 && millis.is_multiple_of(*unit);
        let (name, unit) = UNITS.into_iter().find(whole).unwrap_or(("s", 1000));
        format!("{}{name}", millis / unit)
    }
}

impl Word for Option<Duration> {
    const EXPECTED: &'static str = "a time such as 500ms, 10s, 5m or 1h, or off";

    fn read(text: &str) -> Option<Option<Duration>> {
        if text == OFF {
            return Some(None);
        }
        Duration::read(text).filter(|time| !time.is_zero()).map(Some)
    }

    fn show(&self) -> String {
        self.map_or(OFF.to_owned(), |time| time.show())
    }
}

impl Word for bool {
    const EXPECTED: &'static str = "true or false";

    fn read(text: &str) -> Option<bool> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Word for SynCookies {
    const EXPECTED: &'static str = "never, full (when the backlog is) or always";

    fn read(text: &str) -> Option<SynCookies> {
        let all = [SynCookies::Never, SynCookies::WhenFull, SynCookies::Always];
        all.into_iter().find(|cookies| cookies.show() == text)
    }

    fn show(&self) -> String {
        let word = match self {
            SynCookies::Never => "never",
            SynCookies::WhenFull => "full",
            SynCookies::Always => "always",
        };
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_they_are_shown() {
        for text in ["1ms", "250ms", "1s", "90s", "5m", "1h", "0s", "36h"] {
            let time = Duration::read(text).expect(text);
            assert_eq!(time.show(), text);
        }
        assert_eq!(Duration::read("60s").map(|time| time.show()).as_deref(), Some("1m"));
        for text in ["", "5", "s", "-5s", "+5s", "1.5s", "5 s", "5d", "99999999h", "off"] {
            assert_eq!(Duration::read(text), None, "{text}");
        }
        assert_eq!(Option::<Duration>::read("off"), Some(None));
        assert_eq!(Option::<Duration>::read("0s"), None, "off says it better");
    }

    #[test]
    fn counts_are_plain_numbers() {
        assert_eq!((u32::read("5"), u32::read("0"), u32::read("+5")), (Some(5), None, None));
        assert_eq!(Option::<u32>::read("off"), Some(None));
        assert_eq!(Option::<u32>::read("4294967296"), None);
    }
}
