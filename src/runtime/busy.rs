//! Busy polling, as Linux's `SO_BUSY_POLL`: whoever would sleep looks for a while first. To fall
//! asleep and be woken takes longer than an answer from nearby.

use std::io;
use std::time::{Duration, Instant};

/// Waits for `most` at most (`None`: for ever), the first `spin` of it without sleeping. `wait`
/// waits as long as it is told, which is no time at first, and says whether something came.
///
/// Between two looks the processor is everybody's: a thread that could not run meanwhile may be the
/// one that is waited for. What it takes counts as spent.
pub(super) fn wait(
    (spin, most): (Duration, Option<Duration>),
    mut clock: impl FnMut() -> Instant,
    mut wait: impl FnMut(Option<Duration>) -> io::Result<bool>,
) -> io::Result<()> {
    let mut left = most;
    if !spin.is_zero() {
        let start = clock();
        loop {
            if wait(Some(Duration::ZERO))? {
                return Ok(());
            }
            let spent = clock().saturating_duration_since(start);
            left = most.map(|most| most.saturating_sub(spent));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(());
            }
            if spent >= spin {
                break;
            }
            std::thread::yield_now();
        }
    }
    wait(left).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn micros(n: u64) -> Duration {
        Duration::from_micros(n)
    }

    /// How long each wait was told to sleep, when something comes at wait `ready`, and each look
    /// takes ten microseconds.
    fn waits(spin: u64, most: Option<u64>, ready: usize) -> Vec<Option<Duration>> {
        let (mut now, mut told) = (Instant::now(), Vec::new());
        let clock = || {
            now += micros(10);
            now
        };
        let limits = (micros(spin), most.map(micros));
        wait(limits, clock, |most| {
            told.push(most);
            Ok(told.len() == ready)
        })
        .expect("no look fails");
        told
    }

    const LOOK: Option<Duration> = Some(Duration::ZERO);

    #[test]
    fn what_comes_soon_is_not_slept_for() {
        assert_eq!(waits(50, None, 2), [LOOK; 2]);
        assert_eq!(waits(50, Some(1_000), 2), [LOOK; 2]);
    }

    #[test]
    fn what_does_not_is() {
        let mut told = vec![LOOK; 5];
        told.push(None);
        assert_eq!(waits(50, None, 6), told);
        *told.last_mut().expect("six") = Some(micros(950));
        assert_eq!(waits(50, Some(1_000), 6), told);
    }

    #[test]
    fn time_ends_the_looking() {
        assert_eq!(waits(50, Some(20), 9), [LOOK; 2]);
    }

    #[test]
    fn without_it_there_is_one_sleep() {
        assert_eq!(waits(0, None, 9), [None]);
        assert_eq!(waits(0, Some(7), 9), [Some(micros(7))]);
    }

    #[test]
    fn errors_are_told() {
        let fails = |_| Err(io::Error::other("gone"));
        wait((micros(50), None), Instant::now, fails).expect_err("the first look fails");
    }
}
