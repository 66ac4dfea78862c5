//! Virtual time: a clock that a simulator sets, and the timers that wait for it.

use crate::base::Instant;
use crate::net::Clock;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use tokio::task::coop;

thread_local!(static CURRENT: RefCell<Option<Arc<VirtualTime>>> = const { RefCell::new(None) });

/// The time of a simulation: the [`Clock`] of its hosts, and what [`super::sleep`] waits for. It
/// stands still until its owner sets it.
///
/// Timers fire in the order of their moments, and those of one moment in the order in which they
/// began to wait: the same program gives the same order, always. To start and to give up a timer
/// costs the logarithm of their number.
pub struct VirtualTime {
    now: AtomicU64,
    /// How often somebody has looked at the clock since it was set.
    looks: AtomicU64,
    /// As many are too many.
    bound: AtomicU64,
    timers: Mutex<Timers>,
}

#[derive(Default)]
struct Timers {
    started: u64,
    waiting: BTreeMap<(Instant, u64), Waker>,
    /// Woken when somebody has looked too often.
    guard: Option<Waker>,
}

impl fmt::Debug for VirtualTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VirtualTime").field(&self.peek()).finish()
    }
}

/// While it lives, the thread lives in a simulation's time.
#[derive(Debug)]
#[must_use = "dropping it leaves the simulation's time"]
pub struct Entered {
    before: Option<Arc<VirtualTime>>,
    /// It belongs to its thread.
    thread: PhantomData<Rc<()>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.before.take();
        CURRENT.with(|current| current.replace(before));
    }
}

impl VirtualTime {
    /// A clock at zero. When somebody looks at it `bound` times while it stands still, its guard
    /// is woken: a program that never waits does not stop time for ever.
    pub fn new(bound: u64) -> Arc<VirtualTime> {
        let (now, looks, timers) = (AtomicU64::new(0), AtomicU64::new(0), Mutex::default());
        Arc::new(VirtualTime { now, looks, bound: AtomicU64::new(bound), timers })
    }

    /// Lets everybody look at it `bound` times while it stands still.
    pub fn allow(&self, bound: u64) {
        self.bound.store(bound, Relaxed);
    }

    /// Has this thread live in this time.
    pub fn enter(self: &Arc<VirtualTime>) -> Entered {
        let before = CURRENT.with(|current| current.replace(Some(Arc::clone(self))));
        Entered { before, thread: PhantomData }
    }

    /// The moment it is, for its owner: this does not count as looking.
    pub fn peek(&self) -> Instant {
        Instant::from_nanos(self.now.load(Relaxed))
    }

    /// Sets the clock. It never goes back.
    pub fn set(&self, now: Instant) {
        if now > self.peek() {
            self.now.store(now.as_nanos(), Relaxed);
            self.looks.store(0, Relaxed);
        }
    }

    /// The earliest moment that somebody waits for.
    pub fn deadline(&self) -> Option<Instant> {
        self.timers().waiting.first_key_value().map(|((at, _), _)| *at)
    }

    /// Wakes those whose moment has come, in order.
    pub fn fire(&self) {
        let now = self.peek();
        loop {
            let mut timers = self.timers();
            let Some(first) = timers.waiting.first_entry().filter(|first| first.key().0 <= now)
            else {
                return;
            };
            let waker = first.remove();
            drop(timers);
            waker.wake();
        }
    }

    /// Has `waker` woken when somebody looks too often.
    pub fn guard(&self, waker: &Waker) {
        match &mut self.timers().guard {
            Some(guard) => guard.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// Whether somebody has looked too often while the clock stood still.
    pub fn is_stuck(&self) -> bool {
        self.looks.load(Relaxed) >= self.bound.load(Relaxed)
    }

    fn timers(&self) -> MutexGuard<'_, Timers> {
        self.timers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for VirtualTime {
    fn now(&self) -> Instant {
        // One thread looks at a time: nothing is lost, and a count need not be exact.
        let looks = self.looks.load(Relaxed) + 1;
        self.looks.store(looks, Relaxed);
        if looks >= self.bound.load(Relaxed) {
            let guard = self.timers().guard.clone();
            guard.into_iter().for_each(Waker::wake);
        }
        self.peek()
    }
}

/// The time that this thread lives in, if it is a simulation's.
pub(super) fn current() -> Option<Arc<VirtualTime>> {
    CURRENT.with(|current| current.borrow().clone())
}

pub(super) fn is_entered() -> bool {
    CURRENT.with(|current| current.borrow().is_some())
}

/// The moment it is in the simulation that this thread runs.
pub(super) fn now() -> Option<Instant> {
    CURRENT.with(|current| current.borrow().as_deref().map(Clock::now))
}

/// Waits for a moment of virtual time.
pub(super) struct Timer {
    time: Arc<VirtualTime>,
    at: Instant,
    /// Its place among those who wait for the same moment, while it waits.
    place: Option<u64>,
}

impl Timer {
    pub(super) fn new(time: Arc<VirtualTime>, at: Instant) -> Timer {
        Timer { time, at, place: None }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.at
    }

    pub(super) fn reset(&mut self, at: Instant) {
        self.cancel();
        self.at = at;
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let budget = ready!(coop::poll_proceed(cx));
        if self.time.now() >= self.at {
            self.cancel();
            budget.made_progress();
            return Poll::Ready(());
        }
        // What lies 584 years ahead never comes.
        if self.at < Instant::MAX {
            self.wait(cx.waker());
        }
        Poll::Pending
    }

    fn wait(&mut self, waker: &Waker) {
        let mut timers = self.time.timers();
        let place = *self.place.get_or_insert_with(|| {
            timers.started += 1;
            timers.started
        });
        let entry = timers.waiting.entry((self.at, place));
        entry.and_modify(|known| known.clone_from(waker)).or_insert_with(|| waker.clone());
    }

    fn cancel(&mut self) {
        if let Some(place) = self.place.take() {
            self.time.timers().waiting.remove(&(self.at, place));
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.cancel();
    }
}
