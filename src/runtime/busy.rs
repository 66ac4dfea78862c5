//! Busy polling, as Linux's `SO_BUSY_POLL`: whoever would sleep looks for a while first. To fall
//! asleep and be woken takes longer than an answer from nearby. And whoever comes back to wait for
//! an answer looks once, if answers were there of late.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How often answers are not looked for before a sleep, at most, after that was in vain.
const DISTRUST: u32 = 255;

/// Whether the answer to what a thread has sent is likely to be there when it comes back to wait
/// for it. On one processor it often is: who answers goes first. Then to ask the device whether
/// it has something is one call too many.
#[derive(Debug, Default)]
pub(super) struct Luck {
    /// How often not to look for it before the next try.
    skip: AtomicU32,
    /// How often that was, the last time.
    distrust: AtomicU32,
}

impl Luck {
    /// Whether to look for it before a sleep.
    pub(super) fn is_tried(&self) -> bool {
        let skip = self.skip.load(Ordering::Relaxed);
        self.skip.store(skip.saturating_sub(1), Ordering::Relaxed);
        skip == 0
    }

    /// Whether it was there.
    pub(super) fn was(&self, there: bool) {
        let before = self.distrust.load(Ordering::Relaxed);
        let distrust = if there { 0 } else { (2 * before + 1).min(DISTRUST) };
        self.distrust.store(distrust, Ordering::Relaxed);
        self.skip.store(distrust, Ordering::Relaxed);
    }
}

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
    fn luck_is_tried_less_and_less_until_it_holds() {
        let luck = Luck::default();
        let tries = |there: bool| {
            let until = (0..1_000).position(|_| luck.is_tried()).expect("it is tried again");
            luck.was(there);
            until
        };
        let waits: Vec<_> = (0..11).map(|_| tries(false)).collect();
        assert_eq!(waits, [0, 1, 3, 7, 15, 31, 63, 127, 255, 255, 255]);
        let waits: Vec<_> = (0..3).map(|_| tries(true)).collect();
        assert_eq!(waits, [255, 0, 0]);
    }

    #[test]
    fn errors_are_told() {
        let fails = |_| Err(io::Error::other("gone"));
        wait((micros(50), None), Instant::now, fails).expect_err("the first look fails");
    }
}
