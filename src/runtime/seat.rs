//! The driver's seat: one driver, which a thread of its own and the threads of users share.
//!
//! Who has the lock does rounds. Between rounds somebody sleeps at the device: that is the watch.
//! The driver's thread has it, until a thread that waits for its socket comes and takes it: what
//! arrives is then dealt with by whom it is for, without another thread in between. When that one
//! goes on with its own work, the watch is nobody's for a moment; the driver's thread looks every
//! [`GRACE`], and takes it back when it stays so; when others were woken of late than the one who
//! goes, at once. Who serves but others leaves, too: one of them may serve himself. When much comes
//! ([`BULK`]) for more than one, two threads are better than one, one in the device and one that
//! copies: then the driver's keeps the watch.
//!
//! What a user's call leaves to be sent, its thread sends, if nobody is in a round at that time.
//! When much goes, it takes the watch for that, and what acknowledges it with it: what a thread has
//! written is in its processor's cache, and ACKs wake nobody.
//!
//! An audience ([`Host::tell`]) is told by the driver's thread alone, while others may do rounds:
//! of its own rounds at once, of theirs within [`GRACE`]. When much is untold ([`UNTOLD`]), nobody
//! else does rounds until all is told.
//!
//! # Why no call is lost
//!
//! Whoever makes a call changes the host first, then sets `again`, then tries the lock. If he does
//! not get it, the holder looks at `again` after he has let go of it, and does one more round. And
//! whoever falls asleep says first until when, then looks whether a round has moved the deadline
//! before that; whoever has moved it looks afterwards until when the sleeper sleeps, and rings.

use super::bell::Bell;
use super::busy::{self, Luck};
use super::driver::{BATCH, Driver, Round};
use super::live::Shared;
use crate::base::Instant;
use crate::device::Device;
use crate::net::{Drive, Host, Journal, Signal};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

/// How long the watch may be nobody's.
const GRACE: Duration = Duration::from_millis(1);
/// How often the driver's thread finds the same user at the watch before it looks no more.
const LOOKS: u32 = 20;
/// So many bytes in a round are much.
pub(super) const BULK: usize = 32 << 10;
/// How long what is so now is taken to be so.
const LATELY: Duration = Duration::from_millis(10);
/// Rounds in which a thread that waits serves others, before it leaves the device to them.
const FOR_OTHERS: u32 = 16;
/// Rounds that a thread does for what it writes, before the driver's thread goes on with them.
const ROUNDS: u32 = 8;
/// What may happen before it is told. Where more does, it is the driver's thread that goes on: it
/// tells of frames while they are in the cache.
const UNTOLD: Untold = Untold { most: 256 << 10, record: 32, round: 1 << 10 };
/// How many calls that bring no work may be untold, before who makes more of them is held up.
const CALLS: usize = 32 << 10;
/// How long a full device is waited for before time is looked at again.
const FULL: Duration = Duration::from_millis(10);

/// A measure of what is not told yet: bytes of frames and inputs that are kept until then.
struct Untold {
    most: usize,
    /// As how many bytes a record counts.
    record: usize,
    /// As how many a round counts.
    round: usize,
}

/// Who sleeps at the device.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum By {
    Driver,
    User,
    Nobody,
}

/// What may be so these days.
#[derive(Copy, Clone)]
enum Lately {
    /// Much comes.
    Comes,
    /// Much goes.
    Goes,
    /// Threads are woken beside the one that is at the device.
    Crowd,
}

/// Whose sleep it is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Sleeper {
    /// The driver's thread.
    Driver,
    /// A user's.
    User,
}

#[derive(Debug)]
struct Watch {
    by: By,
    /// How often users have come and gone.
    visits: u64,
    /// The driver's thread has left the device, and waits for the watch.
    away: bool,
    /// It sleeps until it is called.
    asleep: bool,
}

/// A driver that threads share.
pub(super) struct Seat<D> {
    host: Host,
    driver: Mutex<Driver<D>>,
    /// Another descriptor of the device.
    #[cfg(unix)]
    descriptor: Option<std::os::fd::OwnedFd>,
    bell: Bell,
    /// How long the device is looked at before a sleep.
    busy_poll: Duration,
    ring: Arc<dyn Fn() + Send + Sync>,
    watch: Mutex<Watch>,
    called: Condvar,
    /// One more round is to be made.
    again: AtomicBool,
    /// The device is full.
    full: AtomicBool,
    /// It may have more to be read, and is not asked whether it has: it has no descriptor, holds
    /// it, or has given so much that there is more.
    more: AtomicBool,
    /// When the next round is due, and until when the driver's thread and the user at the watch
    /// sleep (0: they do not); nanoseconds.
    deadline: AtomicU64,
    sleeps: [AtomicU64; 2],
    /// What was not told yet, in the measure of [`UNTOLD`].
    untold: AtomicUsize,
    /// How many calls left that which brought no work.
    calls: AtomicUsize,
    /// Whether answers come at once.
    luck: Luck,
    /// Until when much comes, until when much goes, and until when there is a crowd; nanoseconds.
    lately: [AtomicU64; 3],
    shared: Arc<Shared>,
    /// What ended it in a user's thread.
    failure: Mutex<Option<io::Error>>,
}

fn panicked() -> io::Error {
    io::Error::other("the driver has panicked")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<D: Device> Seat<D> {
    /// Puts a driver into its seat; the watch is its thread's.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub(super) fn new(
        driver: Driver<D>,
        (bell, busy_poll): (&Bell, Duration),
        shared: Arc<Shared>,
    ) -> io::Result<Seat<D>> {
        #[cfg(unix)]
        let descriptor = driver.descriptor()?;
        let ringer = bell.clone();
        Ok(Seat {
            host: driver.host().clone(),
            driver: Mutex::new(driver),
            #[cfg(unix)]
            descriptor,
            bell: bell.clone(),
            busy_poll,
            ring: Arc::new(move || ringer.ring()),
            watch: Mutex::new(Watch { by: By::Driver, visits: 0, away: false, asleep: false }),
            called: Condvar::new(),
            again: AtomicBool::new(false),
            full: AtomicBool::new(false),
            more: AtomicBool::new(false),
            deadline: AtomicU64::new(0),
            sleeps: [AtomicU64::new(0), AtomicU64::new(0)],
            untold: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            luck: Luck::default(),
            lately: [const { AtomicU64::new(0) }; 3],
            shared,
            failure: Mutex::new(None),
        })
    }

    /// A round, for whoever has the watch.
    ///
    /// # Errors
    /// When the device is gone, or a round has panicked.
    pub(super) fn round(&self, most: usize, stopping: bool) -> io::Result<Round> {
        let mut driver = self.driver.lock().map_err(|_| panicked())?;
        self.again.store(false, Ordering::SeqCst);
        self.one(&mut driver, most, stopping)
    }

    /// A round of a user's thread that has the watch; whether it may do another.
    fn visitors_round(&self, most: usize) -> io::Result<(Round, bool)> {
        let round = self.round(most, false)?;
        if round.audience {
            self.leave_telling();
        }
        Ok((round, !self.is_behind()))
    }

    /// A round, and what it says to those who sleep.
    fn one(&self, driver: &mut Driver<D>, most: usize, stopping: bool) -> io::Result<Round> {
        let round = driver.round(most, stopping)?;
        let nanos = |at: Instant| at.as_nanos();
        self.deadline.store(round.deadline.map_or(u64::MAX, nanos), Ordering::SeqCst);
        self.full.store(round.full, Ordering::Relaxed);
        if most > 0 {
            let unasked = self.is_silent() || driver.holds() || round.came >= BULK;
            self.more.store(round.more && unasked, Ordering::Relaxed);
        }
        if round.audience {
            let (bytes, records) = round.kept;
            let more = bytes + records * UNTOLD.record + UNTOLD.round;
            self.untold.fetch_add(more, Ordering::SeqCst);
        }
        for (bytes, it) in [(round.came, Lately::Comes), (round.went, Lately::Goes)] {
            if bytes >= BULK {
                self.note(it, round.now);
            }
        }
        Ok(round)
    }

    /// Sleeps until the device has something, somebody calls, or it is time.
    pub(super) fn sleep(&self, who: Sleeper, most: Option<Instant>) -> io::Result<()> {
        let sleeps = &self.sleeps[who as usize];
        let until = |at: u64| most.map_or(at, |most| at.min(most.as_nanos()));
        let mut at = until(self.deadline.load(Ordering::SeqCst));
        loop {
            sleeps.store(at, Ordering::SeqCst);
            match until(self.deadline.load(Ordering::SeqCst)) {
                now if now < at => at = now,
                _ => break,
            }
        }
        let full = self.full.load(Ordering::Relaxed);
        let mut most = (at < u64::MAX).then(|| Instant::from_nanos(at).since(self.host.now()));
        if full {
            // What is overdue waits for room; time is looked at all the same.
            most = Some(most.unwrap_or(FULL).max(FULL));
        }
        let outcome = if self.is_due() || most.is_some_and(|most| most.is_zero()) {
            Ok(())
        } else {
            self.rest(full, most)
        };
        sleeps.store(0, Ordering::SeqCst);
        outcome
    }

    /// Whether the device cannot be slept at: it rings once for what has changed.
    fn is_silent(&self) -> bool {
        #[cfg(unix)]
        return self.descriptor.is_none();
        #[cfg(not(unix))]
        true
    }

    /// Whether there is something to do that would wake nobody who sleeps.
    pub(super) fn is_due(&self) -> bool {
        self.is_called() || self.more.load(Ordering::Relaxed)
    }

    fn rest(&self, full: bool, most: Option<Duration>) -> io::Result<()> {
        #[cfg(unix)]
        let on = self.descriptor.as_ref().map(|fd| (std::os::fd::AsFd::as_fd(fd), full));
        #[cfg(not(unix))]
        let (on, _) = (None, full);
        let limits = (self.busy_poll, most);
        busy::wait(limits, std::time::Instant::now, |most| self.bell.sleep(on, most))
    }

    /// Something is so now, and is taken to be so for a while.
    fn note(&self, what: Lately, now: Instant) {
        self.lately[what as usize].store((now + LATELY).as_nanos(), Ordering::Relaxed);
    }

    /// More threads were woken than the one that is at the device.
    pub(super) fn note_crowd(&self, now: Instant) {
        self.note(Lately::Crowd, now);
    }

    /// What is so these days. Where it never was, nobody looks at the clock.
    fn is_lately(&self, what: Lately) -> bool {
        let until = self.lately[what as usize].load(Ordering::Relaxed);
        until > 0 && self.host.now().as_nanos() < until
    }

    /// Whether two threads are better than one: much comes, and one can copy while the other is in
    /// the device.
    fn is_for_two(&self) -> bool {
        self.is_lately(Lately::Crowd) && self.is_lately(Lately::Comes)
    }

    // ---- the audience

    /// For the driver's thread: tells what has happened, by means of an empty journal.
    pub(super) fn tell(&self, journal: &mut Journal) {
        self.calls.store(0, Ordering::Relaxed);
        if self.untold.swap(0, Ordering::SeqCst) > 0 {
            lock(&self.driver).swap_journal(journal);
            self.host.tell(journal);
        }
    }

    /// Whether so much is untold that only the driver's thread goes on.
    fn is_behind(&self) -> bool {
        self.untold.load(Ordering::SeqCst) >= UNTOLD.most
    }

    /// After a round of a user's thread: has the driver's tell of it.
    fn leave_telling(&self) {
        let watch = lock(&self.watch);
        let Watch { by, asleep, away, .. } = *watch;
        drop(watch);
        if by == By::Driver {
            self.bell.ring();
        } else if asleep {
            self.called.notify_all();
        } else if !away {
            // Its thread is at the device still: what was to make it leave has woken this one.
            self.bell.ring();
            std::thread::yield_now();
        }
    }

    // ---- the watch

    /// For the driver's thread: waits while the watch is a user's, and takes it when it is nobody's
    /// for long, or when it is to stop. Tells meanwhile.
    pub(super) fn take_watch(&self, journal: &mut Journal) {
        let mut watch = lock(&self.watch);
        if watch.by != By::Driver {
            self.bell.ring(); // what ended the sleep is for the next one there
        }
        let mut same = 0;
        watch.away = true;
        while watch.by != By::Driver {
            if self.untold.load(Ordering::SeqCst) > 0 {
                drop(watch);
                self.tell(journal);
                (watch, same) = (lock(&self.watch), 0);
                if watch.by == By::User && self.is_called() {
                    self.bell.ring(); // who called may have found the driver taken, for that
                }
                if watch.by == By::Driver {
                    break;
                }
            }
            let seen = (watch.by, watch.visits);
            if self.shared.is_stopping() && watch.by == By::Nobody {
                watch.by = By::Driver;
            } else if same >= LOOKS && !self.shared.is_stopping() {
                watch.asleep = true;
                watch = self.called.wait(watch).unwrap_or_else(PoisonError::into_inner);
                watch.asleep = false;
                same = 0;
            } else {
                let waited = self.called.wait_timeout(watch, GRACE);
                watch = waited.unwrap_or_else(PoisonError::into_inner).0;
                let unchanged = (watch.by, watch.visits) == seen;
                same = if unchanged { same + 1 } else { 0 };
                if unchanged && watch.by == By::Nobody {
                    watch.by = By::Driver;
                }
            }
        }
        watch.away = false;
    }

    /// Whether somebody has called since the last round began.
    pub(super) fn is_called(&self) -> bool {
        self.again.load(Ordering::SeqCst)
    }

    /// Ends the sleep of whoever has the watch; when nobody has it, its thread takes it.
    fn call_watch(&self) {
        let mut watch = lock(&self.watch);
        if watch.by == By::Nobody {
            watch.by = By::Driver;
            self.called.notify_all();
        }
        drop(watch);
        self.bell.ring();
    }

    /// Has the driver's thread see to what has changed: it is to stop, or to take the watch.
    pub(super) fn call(&self) {
        drop(lock(&self.watch));
        self.called.notify_all();
        self.bell.ring();
    }

    /// What ended the driver in a user's thread, if something did.
    pub(super) fn failure(&self) -> Option<io::Error> {
        lock(&self.failure).take()
    }

    fn fail(&self, error: io::Error) {
        *lock(&self.failure) = Some(error);
        self.shared.stop();
        self.call();
    }

    /// For a user's thread: takes the watch, if that is better than to wait for the driver's.
    fn visit(&self) -> Option<Visit<'_, D>> {
        if self.shared.is_stopping() || self.is_for_two() || self.is_behind() {
            return None;
        }
        let mut watch = lock(&self.watch);
        let before = watch.by;
        if before == By::User {
            return None;
        }
        watch.by = By::User;
        watch.visits += 1;
        drop(watch);
        if before == By::Driver {
            self.bell.ring(); // its thread leaves the device
        }
        Some(Visit { seat: self, handover: true })
    }

    /// For a thread that writes much: sends it, and takes what has come for it.
    fn send_much(&self) {
        let mut rounds = 0;
        while self.is_called() {
            let Some(mut visit) = self.visit() else { return self.call_watch() };
            loop {
                let (round, goes_on) = match self.visitors_round(BATCH) {
                    Ok(outcome) => outcome,
                    Err(error) => return self.fail(error),
                };
                rounds += 1;
                let others = round.woken.count() > 0;
                if others {
                    self.note_crowd(round.now);
                }
                visit.handover = others || !goes_on || round.full || rounds >= ROUNDS;
                round.woken.wake();
                if visit.handover {
                    return; // the driver's thread begins with a round
                }
                if !round.more && !self.is_called() {
                    break;
                }
            }
        }
    }

    /// As [`Drive::attend`], with the errors of rounds.
    fn watch_for(
        &self,
        visit: &mut Visit<'_, D>,
        signal: &Signal,
        until: Option<std::time::Instant>,
    ) -> io::Result<Option<bool>> {
        let (mut for_others, mut early) = (0, self.luck.is_tried());
        loop {
            let left = until.map(|at| at.saturating_duration_since(std::time::Instant::now()));
            if !early {
                if !signal.watched(&self.ring) {
                    return Ok(Some(true));
                }
                let slept = self.sleep(Sleeper::User, left.map(|left| self.host.now() + left));
                if signal.unwatched() {
                    self.bell.ring(); // what ended the sleep may be more than that
                    return Ok(Some(true));
                }
                slept?;
            }
            if self.shared.is_stopping() {
                return Ok(None);
            }
            // What comes first may be what is waited for: then nothing more need be looked for.
            let mut most = if self.is_lately(Lately::Comes) { BATCH } else { 1 };
            loop {
                let (Round { now, more, came, woken, .. }, goes_on) = self.visitors_round(most)?;
                if std::mem::take(&mut early) {
                    self.luck.was(came > 0);
                }
                let count = woken.count();
                woken.wake();
                let mine = signal.take();
                if count > usize::from(mine) {
                    self.note_crowd(now);
                    for_others += 1;
                }
                visit.handover = !goes_on || self.is_lately(Lately::Crowd);
                if mine {
                    return Ok(Some(true));
                }
                if !goes_on || for_others >= FOR_OTHERS {
                    return Ok(None);
                }
                if !more {
                    break;
                }
                // However much comes for nobody.
                if self.shared.is_stopping() {
                    return Ok(None);
                }
                if until.is_some_and(|at| at <= std::time::Instant::now()) {
                    return Ok(Some(false));
                }
                most = BATCH;
            }
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(Some(false));
            }
        }
    }
}

/// A user's thread has the watch. When it goes, the driver's thread is called, if it is to come at
/// once.
struct Visit<'a, D: Device> {
    seat: &'a Seat<D>,
    handover: bool,
}

impl<D: Device> Drop for Visit<'_, D> {
    fn drop(&mut self) {
        let mut watch = lock(&self.seat.watch);
        watch.by = if self.handover { By::Driver } else { By::Nobody };
        let (call, there) = (self.handover || watch.asleep, !watch.away);
        drop(watch);
        if there {
            // Its thread may be at the device still: what was to wake it has woken this one.
            self.seat.bell.ring();
        }
        if call {
            self.seat.called.notify_all();
        }
    }
}

impl<D: Device> Drive for Seat<D> {
    fn kick(&self, here: bool) {
        if !here || self.shared.is_stopping() {
            return self.call_watch();
        }
        self.again.store(true, Ordering::SeqCst);
        if self.is_for_two() || self.is_behind() {
            return self.call_watch();
        }
        if self.is_lately(Lately::Goes) {
            return self.send_much();
        }
        while self.again.load(Ordering::SeqCst) {
            let mut driver = match self.driver.try_lock() {
                Ok(driver) => driver,
                Err(TryLockError::WouldBlock) => return, // whoever has it looks again
                Err(TryLockError::Poisoned(_)) => return self.fail(panicked()),
            };
            self.again.store(false, Ordering::SeqCst);
            match self.one(&mut driver, 0, false) {
                Ok(round) => {
                    drop(driver);
                    round.woken.wake();
                    if round.audience {
                        self.leave_telling();
                    }
                }
                Err(error) => return self.fail(error),
            }
        }
        let due = self.deadline.load(Ordering::SeqCst);
        let late = self.sleeps.iter().any(|sleeps| due < sleeps.load(Ordering::SeqCst));
        if late || self.full.load(Ordering::Relaxed) {
            self.call_watch();
        }
    }

    fn tell_soon(&self) {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        // Who has left something since the last telling has called for the next one.
        if self.untold.fetch_add(UNTOLD.record, Ordering::SeqCst) == 0 {
            self.leave_telling();
        } else if calls >= CALLS {
            // Faster than can be told: held up, though not for as long as that takes.
            std::thread::sleep(GRACE);
        }
    }

    fn attend(&self, signal: &Signal, until: Option<std::time::Instant>) -> Option<bool> {
        let mut visit = self.visit()?;
        let outcome = self.watch_for(&mut visit, signal, until);
        drop(visit);
        if self.is_called() {
            self.kick(true); // during our last round
        }
        outcome.unwrap_or_else(|error| {
            self.fail(error);
            None
        })
    }
}
