//! The user timeout, and the option that tells the peer of it (RFC 5482).

use super::config::Config;
use super::tcb::Tcb;
use crate::base::Duration;

/// What is told when the user has said nothing: five minutes (RFC 9293 §3.9.1.1).
const DEFAULT: Duration = Duration::from_secs(300);
/// No peer makes the timeout shorter or longer than that (RFC 5482 §3.1: L_LIMIT and U_LIMIT).
// Rules: 5482-3.1-2.
const LIMITS: (Duration, Duration) = (Duration::from_secs(100), Duration::from_secs(86_400));
/// The unit is minutes.
const MINUTES: u16 = 1 << 15;

/// The option to send, if it is wanted (RFC 5482 §2).
// Rules: 5482-2-1, 5482-3-1.
pub(super) fn offer(config: &Config) -> Option<u16> {
    let seconds = config.user_timeout.unwrap_or(DEFAULT).as_secs();
    let told = match u16::try_from(seconds).ok().filter(|seconds| *seconds < MINUTES) {
        Some(seconds) => seconds,
        None => MINUTES | (seconds.div_ceil(60)).min(u64::from(MINUTES - 1)) as u16,
    };
    config.user_timeout_option.then_some(told)
}

/// What an option says.
fn meant(option: u16) -> Duration {
    let unit = if option & MINUTES == 0 { 1 } else { 60 };
    Duration::from_secs(u64::from(option & (MINUTES - 1)) * unit)
}

impl Tcb {
    /// The peer tells its timeout; zero means nothing.
    // Rules: 5482-3-3.
    pub(super) fn take_uto(&mut self, option: Option<u16>) {
        if let Some(option) = option.filter(|option| *option & (MINUTES - 1) > 0)
            && self.config.user_timeout_option
        {
            self.counters.rare().uto = Some(option);
        }
    }

    /// How long data may stay unacknowledged: what the user says; else the longer of what both
    /// sides tell, within bounds (RFC 5482 §3.1).
    // Rules: 5482-3.1-1.
    pub(super) fn user_timeout(&self) -> Option<Duration> {
        let told = || self.counters.rare.as_ref()?.uto;
        let agreed = || Some(meant(told()?).max(DEFAULT).clamp(LIMITS.0, LIMITS.1));
        self.config.user_timeout.or_else(agreed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Rules: 5482-2-1.
    #[test]
    fn what_is_told_is_meant() {
        let told = |secs| {
            let user_timeout = Some(Duration::from_secs(secs));
            let config = Config { user_timeout, user_timeout_option: true, ..Config::default() };
            meant(offer(&config).expect("it is on")).as_secs()
        };
        for (secs, means) in [(1, 1), (32_767, 32_767), (32_768, 32_820), (1 << 40, 32_767 * 60)] {
            assert_eq!(told(secs), means, "{secs}");
        }
        assert_eq!(offer(&Config::default()), None);
    }
}
