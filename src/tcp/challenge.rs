//! How often an answer goes to what may be forged, or may itself be an answer (RFC 5961 §7): two
//! hosts that disagree about where they are fall silent.

use super::config::Config;
use crate::base::Instant;

/// Whether a connection may send challenge ACKs, as far as its host can send more for now.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Hush {
    /// It may.
    No,
    /// It may not: the host has sent all that it may.
    Yes,
    /// It has sent one since it was told that it may.
    Spoke,
}

/// Whether one more answer may go out; if so, it counts as sent. `times`: how many have, since
/// counting began; it begins anew when the time is `until`.
pub fn may_answer(config: &Config, now: Instant, until: &mut Instant, times: &mut u8) -> bool {
    if now >= *until {
        (*until, *times) = (now + config.challenge_interval, 0);
    }
    let most = config.challenge_count;
    let allowed = most == 0 || *times < most;
    *times = times.saturating_add(u8::from(allowed));
    allowed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::Profile;

    fn answers(config: &Config, millis: &[u64]) -> Vec<bool> {
        let (mut until, mut times) = (Instant::ZERO, 0);
        let mut at = |ms| may_answer(config, Instant::from_millis(ms), &mut until, &mut times);
        millis.iter().map(|ms| at(*ms)).collect()
    }

    #[test]
    fn linux_answers_once_in_500_ms_and_freebsd_five_times_in_a_second() {
        let config = Profile::Linux.config();
        assert_eq!(answers(&config, &[0, 0, 499, 500, 999]), [true, false, false, true, false]);
        let mut config = Profile::FreeBsd.config();
        let told = answers(&config, &[0, 10, 20, 30, 999, 999, 1000]);
        assert_eq!(told, [true, true, true, true, true, false, true]);
        config.challenge_count = 0;
        assert_eq!(answers(&config, &[0; 300]), [true; 300]);
    }
}
