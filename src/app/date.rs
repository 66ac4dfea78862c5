//! The wall clock's date in UTC, as RFC 867 shows one. No time zones and no leap seconds.

use std::time::{SystemTime, UNIX_EPOCH};

const DAYS: [&str; 7] =
    ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAY: u64 = 86_400;

/// Whether `year` of the Gregorian calendar has a 29 February.
fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

/// Year, month from 0 and day from 1 of the day that lies `days` after 1 January 1970.
fn civil(mut days: u64) -> (u64, usize, u64) {
    // 146097 days make 400 years; the calendar repeats.
    let mut year = 1970 + days / 146_097 * 400;
    days %= 146_097;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 0;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

/// `Tuesday, February 22, 1982 17:37:43-UTC`: the first of the formats that RFC 867 suggests.
/// A time before 1970 counts as its first second.
pub(super) fn daytime(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = civil(days);
    let (weekday, month) = (DAYS[(days % 7) as usize], MONTHS[month]);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday}, {month} {day}, {year} {hour:02}:{minute:02}:{second:02}-UTC")
}

/// `Mon Feb 22 17:37:43 UTC 1982`: as `date` shows it where nobody has chosen otherwise. Otherwise
/// as [`daytime`].
#[cfg(feature = "dns")]
pub(super) fn when(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = civil(days);
    let (weekday, month) = (&DAYS[(days % 7) as usize][..3], &MONTHS[month][..3]);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday} {month} {day:02} {hour:02}:{minute:02}:{second:02} UTC {year}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Expected texts are from `date -u -d @N '+%A, %B %-d, %Y %H:%M:%S-UTC'`.
    #[test]
    fn dates_are_those_of_the_calendar() {
        let table = [
            (0, "Thursday, January 1, 1970 00:00:00-UTC"),
            (383_247_463, "Monday, February 22, 1982 17:37:43-UTC"),
            (951_782_399, "Monday, February 28, 2000 23:59:59-UTC"),
            (951_782_400, "Tuesday, February 29, 2000 00:00:00-UTC"),
            (1_735_689_599, "Tuesday, December 31, 2024 23:59:59-UTC"),
            (1_735_689_600, "Wednesday, January 1, 2025 00:00:00-UTC"),
            (4_107_542_400, "Monday, March 1, 2100 00:00:00-UTC"),
            (253_402_300_799, "Friday, December 31, 9999 23:59:59-UTC"),
        ];
        for (seconds, text) in table {
            assert_eq!(daytime(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
        #[cfg(feature = "dns")]
        assert_eq!(
            when(UNIX_EPOCH + Duration::from_secs(383_247_463)),
            "Mon Feb 22 17:37:43 UTC 1982"
        );
        assert_eq!(daytime(UNIX_EPOCH - Duration::from_secs(1)), table[0].1);
    }
}
