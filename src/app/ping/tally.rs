//! What came of a series of echo requests.

use crate::net::rt::Instant;
use std::time::Duration;

/// The tally.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Requests.
    pub sent: u64,
    /// Replies, one for each request at most.
    pub received: u64,
    /// More replies.
    pub duplicates: u64,
    /// Errors.
    pub errors: u64,
    /// When the latest request was sent.
    pub(super) sent_at: Option<Instant>,
    shortest: Duration,
    longest: Duration,
    /// Of all replies' round trips, microseconds.
    sum: u128,
    sum_of_squares: u128,
    /// The most requests that were under way at a time.
    pipe: u64,
}

impl Tally {
    pub(super) fn on_sent(&mut self, now: Instant) {
        self.sent += 1;
        self.sent_at = Some(now);
    }

    pub(super) fn on_reply(&mut self, seq: u16, rtt: Duration, duplicate: bool) {
        self.answered(seq);
        let first = self.received + self.duplicates == 0;
        *(if duplicate { &mut self.duplicates } else { &mut self.received }) += 1;
        self.shortest = if first { rtt } else { self.shortest.min(rtt) };
        self.longest = self.longest.max(rtt);
        self.sum += rtt.as_micros();
        self.sum_of_squares += rtt.as_micros().pow(2);
    }

    pub(super) fn on_error(&mut self, seq: u16) {
        self.answered(seq);
        self.errors += 1;
    }

    fn answered(&mut self, seq: u16) {
        let behind = (self.sent as u16).wrapping_sub(seq);
        if behind < 0x8000 {
            self.pipe = self.pipe.max(u64::from(behind) + 1);
        }
    }

    /// How long the last request is waited for: twice the longest round trip, if any is known.
    pub(super) fn linger(&self, interval: Duration, most: Duration) -> Duration {
        if self.received > 0 { interval.max(self.longest * 2) } else { most }
    }

    /// The exit status that ping has: 0 when anything was answered, or, where there was a
    /// deadline, as many as were to be.
    pub fn exit_code(&self, options: &super::Options) -> u8 {
        let few = options.count.is_some_and(|count| self.received < count);
        u8::from(self.received == 0 || options.deadline.is_some() && few)
    }

    /// What is said at the end; `timed`: with round trips.
    pub(super) fn statistics(&self, host: &str, elapsed: Duration, timed: bool) -> String {
        let Tally { sent, received, duplicates, errors, .. } = *self;
        let mut text = format!("\n--- {host} ping statistics ---\n");
        text += &format!("{sent} packets transmitted, {received} received");
        if duplicates > 0 {
            text += &format!(", +{duplicates} duplicates");
        }
        if errors > 0 {
            text += &format!(", +{errors} errors");
        }
        if sent > 0 {
            let lost = percent(sent.saturating_sub(received), sent);
            text += &format!(", {lost}% packet loss, time {}ms", elapsed.as_millis());
        }
        text += "\n";
        let mut parts = Vec::new();
        if received > 0 && timed {
            let total = u128::from(received + duplicates);
            let variance = (self.sum_of_squares - self.sum.pow(2) / total) / total;
            let (least, most) = (self.shortest.as_micros(), self.longest.as_micros());
            let times = [least, self.sum / total, most, variance.isqrt()];
            let times = times.map(|micros| format!("{}.{:03}", micros / 1000, micros % 1000));
            parts.push(format!("rtt min/avg/max/mdev = {} ms", times.join("/")));
        }
        if self.pipe > 1 {
            parts.push(format!("pipe {}", self.pipe));
        }
        text + &parts.join(", ") + "\n"
    }
}

/// So many of so many in per cent, as C prints it with `%g`: six digits, no zeros at the end.
fn percent(part: u64, whole: u64) -> String {
    let percent = part as f64 * 100.0 / whole as f64;
    if percent == 0.0 {
        return "0".to_owned();
    }
    let digits = (5 - percent.log10().floor() as i32).max(0) as usize;
    let text = format!("{percent:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_have_six_digits() {
        for (part, whole, text) in [
            (0, 3, "0"),
            (3, 3, "100"),
            (1, 3, "33.3333"),
            (2, 3, "66.6667"),
            (1, 4, "25"),
            (1, 1000, "0.1"),
            (1, 7000, "0.0142857"),
            (999_999, 1_000_000, "99.9999"),
        ] {
            assert_eq!(percent(part, whole), text);
        }
    }

    #[test]
    fn statistics_are_those_of_iputils() {
        let mut tally = Tally::default();
        let at = |micros| Duration::from_micros(micros);
        for seq in 1..=4 {
            tally.on_sent(Instant::now());
            if seq != 2 {
                tally.on_reply(seq, at(1000 * u64::from(seq)), false);
            }
        }
        tally.on_reply(4, at(9_001), true);
        let text = tally.statistics("peer", at(3_004_999), true);
        assert_eq!(
            text,
            "\n--- peer ping statistics ---\n4 packets transmitted, 3 received, +1 duplicates, 25% \
             packet loss, time 3004ms\nrtt min/avg/max/mdev = 1.000/4.250/9.001/2.947 ms\n"
        );
        let mut late = Tally::default();
        for _ in 0..3 {
            late.on_sent(Instant::now());
        }
        late.on_error(1);
        let text = late.statistics("peer", at(2000), true);
        assert!(text.ends_with("0 received, +1 errors, 100% packet loss, time 2ms\npipe 3\n"));
    }
}
