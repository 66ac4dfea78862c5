//! Waiting for a moment.

use super::instant::{Instant, Kind, MIXED};
use super::virtual_time::{self, Timer};
use crate::net::Clock;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

pin_project! {
    /// Waits for a moment; see [`sleep`]. Dropping it gives up, at no cost.
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Sleep {
        #[pin]
        kind: Waiting,
    }
}

pin_project! {
    #[project = WaitingProj]
    enum Waiting {
        Live { #[pin] sleep: tokio::time::Sleep },
        Virtual { timer: Timer },
    }
}

/// Waits so long. Live, tokio's timer rounds up to milliseconds; a simulation rounds nothing.
///
/// # Panics
/// Live, outside of a tokio runtime that has a timer.
#[track_caller]
pub fn sleep(time: Duration) -> Sleep {
    let kind = match virtual_time::current() {
        Some(current) => {
            let at = current.now() + time;
            Waiting::Virtual { timer: Timer::new(current, at) }
        }
        None => Waiting::Live { sleep: tokio::time::sleep(time) },
    };
    Sleep { kind }
}

/// Waits until a moment; not at all when it has passed.
///
/// # Panics
/// As [`sleep`]; and when the moment is not of the time that the program lives in.
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    let kind = match (deadline.0, virtual_time::current()) {
        (Kind::Live(at), None) => Waiting::Live { sleep: tokio::time::sleep_until(at) },
        (Kind::Virtual(at), Some(current)) => Waiting::Virtual { timer: Timer::new(current, at) },
        _ => panic!("{MIXED}"),
    };
    Sleep { kind }
}

impl Sleep {
    /// The moment.
    pub fn deadline(&self) -> Instant {
        Instant(match &self.kind {
            Waiting::Live { sleep } => Kind::Live(sleep.deadline()),
            Waiting::Virtual { timer } => Kind::Virtual(timer.deadline()),
        })
    }

    /// Waits for another moment instead.
    ///
    /// # Panics
    /// When it is not of the time that the program lives in.
    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        match (self.project().kind.project(), deadline.0) {
            (WaitingProj::Live { sleep }, Kind::Live(at)) => sleep.reset(at),
            (WaitingProj::Virtual { timer }, Kind::Virtual(at)) => timer.reset(at),
            _ => panic!("{MIXED}"),
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.project().kind.project() {
            WaitingProj::Live { sleep } => sleep.poll(cx),
            WaitingProj::Virtual { timer } => timer.poll(cx),
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sleep").field(&self.deadline()).finish()
    }
}

/// Comes again and again; see [`interval`].
#[derive(Debug)]
pub struct Interval {
    next: Instant,
    period: Duration,
}

/// The first tick is now, and the others follow at equal distances. Ticks that were missed come
/// at once.
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// As [`interval`], with the moment of the first tick.
pub fn interval_at(first: Instant, period: Duration) -> Interval {
    Interval { next: first, period }
}

impl Interval {
    /// Waits for the next tick, and says when it was due. Dropping the future loses no tick.
    pub async fn tick(&mut self) -> Instant {
        sleep_until(self.next).await;
        let due = self.next;
        self.next += self.period;
        due
    }

    /// From tick to tick.
    pub fn period(&self) -> Duration {
        self.period
    }
}
