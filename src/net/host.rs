//! A host behind a mutex: what sockets call, and what a driver takes turns with.

use super::clock::{Clock, Monotonic};
use super::drive::{Drive, Driver};
use super::journal::{Journal, Known};
use super::observer::{Observer, Recorder};
use super::signal::Signal;
use super::waiters::{Ticket, Waiters};
use crate::base::{Instant, Pool, SocketError};
use crate::socket::{Interest, SocketId};
use crate::stack::{Setup, Stack};
use std::cell::Cell;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// A host that threads and tasks share. Cloning gives another handle to the same host.
///
/// Each call takes the host's mutex once, for as long as the stack needs to queue or copy some
/// bytes. A thread that panics in [`Host::with`] does no harm to the others.
///
/// ```
/// use netglass::net::{Host, blocking::UdpSocket};
/// use netglass::stack::Setup;
///
/// let setup = Setup::new([1, 2]).with_iface("wire0", 1500, "10.0.0.1/24".parse().unwrap());
/// let host = Host::new(setup);
/// let socket = UdpSocket::bind(&host, "10.0.0.1:53".parse().unwrap()).unwrap();
/// assert_eq!(socket.local_addr().unwrap().port(), 53);
/// ```
#[derive(Clone)]
pub struct Host(Arc<Shared>);

struct Shared {
    inner: Mutex<Inner>,
    audience: Mutex<Audience>,
    clock: Arc<dyn Clock>,
    pool: Pool,
}

struct Inner {
    stack: Stack,
    waiters: Waiters,
    woken: Vec<SocketId>,
    driver: Option<Driver>,
    /// The deadline the driver knows of; [`Instant::MAX`]: none.
    armed: Instant,
    /// The driver has ended: nothing that is not there already will come.
    down: bool,
    observed: bool,
    /// Somebody is shown frames.
    shown: bool,
    recorded: bool,
    /// The driver wants to hear of every call, not only of those that bring it work.
    followed: bool,
}

#[derive(Default)]
struct Audience {
    observers: Vec<Box<dyn Observer>>,
    recorder: Option<Box<dyn Recorder>>,
    known: Known,
}

thread_local! {
    /// This thread tells an audience: it does not do a driver's work besides.
    static TELLS: Cell<bool> = const { Cell::new(false) };
}

/// While it lives, this thread tells.
struct Telling;

impl Telling {
    fn new() -> Telling {
        TELLS.set(true);
        Telling
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        TELLS.set(false);
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Host")
    }
}

/// The wakers of those who can go on. They fire when it is dropped, or by [`Woken::wake`].
#[derive(Debug, Default)]
#[must_use = "those who wait are to be woken at a time of the caller's choice"]
pub struct Woken {
    /// Mostly there is one: then nothing is allocated.
    first: Option<Waker>,
    others: Vec<Waker>,
}

impl Woken {
    /// Wakes them.
    pub fn wake(self) {}

    /// How many are to be woken.
    pub fn count(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.len()
    }
}

impl Drop for Woken {
    fn drop(&mut self) {
        self.first.take().into_iter().chain(self.others.drain(..)).for_each(Waker::wake);
    }
}

impl Extend<Waker> for Woken {
    fn extend<I: IntoIterator<Item = Waker>>(&mut self, wakers: I) {
        for waker in wakers {
            match self.first {
                None => self.first = Some(waker),
                Some(_) => self.others.push(waker),
            }
        }
    }
}

/// What a driver works with in its turn.
#[derive(Debug)]
pub struct Stage<'a> {
    /// The stack.
    pub stack: &'a mut Stack,
    /// The time of the turn.
    pub now: Instant,
    /// Whether somebody watches records: then a [`Journal`] is to be kept.
    pub observed: bool,
    /// Whether frames are to be in it.
    pub shown: bool,
}

/// What a driver's turn gave.
#[derive(Debug)]
pub struct Turn<T> {
    /// What the driver's own part returned.
    pub answer: T,
    /// When the next turn is due at the latest, unless the driver is called before.
    pub deadline: Option<Instant>,
    /// The time of this turn.
    pub now: Instant,
    /// Whether [`Host::tell`] has anybody to tell.
    pub audience: bool,
    /// Whether what comes and goes is recorded until then.
    pub recorded: bool,
    /// Whether frames that the device takes are to be in the journal.
    pub shown: bool,
    /// Who can go on.
    pub woken: Woken,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Host {
    /// A host that lives by the machine's monotonic clock, from zero.
    pub fn new(setup: Setup) -> Host {
        Host::with_clock(setup, Arc::new(Monotonic::new()))
    }

    /// A host that lives by `clock`.
    pub fn with_clock(setup: Setup, clock: Arc<dyn Clock>) -> Host {
        Host::with_parts(setup, clock, Pool::new())
    }

    /// A host that lives by `clock`, with its blocks from `pool`.
    pub fn with_parts(setup: Setup, clock: Arc<dyn Clock>, pool: Pool) -> Host {
        let stack = Stack::with_pool(setup, pool.clone());
        let inner = Inner {
            stack,
            waiters: Waiters::default(),
            woken: Vec::new(),
            driver: None,
            armed: Instant::MAX,
            down: false,
            observed: false,
            shown: false,
            recorded: false,
            followed: false,
        };
        let (inner, audience) = (Mutex::new(inner), Mutex::default());
        Host(Arc::new(Shared { inner, audience, clock, pool }))
    }

    /// The time of this host.
    pub fn now(&self) -> Instant {
        self.0.clock.now()
    }

    /// The pool of blocks that frames for this host are best read into.
    pub fn pool(&self) -> &Pool {
        &self.0.pool
    }

    /// Looks at the stack, or makes a call that no socket offers. What follows from it happens:
    /// frames go out, users wake. `f` runs under the host's mutex: it must not wait, nor use this
    /// host's sockets.
    pub fn with<T>(&self, f: impl FnOnce(&mut Stack, Instant) -> T) -> T {
        let mut inner = lock(&self.0.inner);
        // Under the mutex, so that time goes on from call to call.
        let now = self.0.clock.now();
        let answer = f(&mut inner.stack, now);
        self.settle(inner, now);
        answer
    }

    /// Lets go of the mutex, then wakes users, and the driver when it would sleep too long.
    fn settle(&self, mut inner: MutexGuard<'_, Inner>, now: Instant) {
        let woken = inner.woken();
        let deadline = inner.stack.deadline(now).unwrap_or(Instant::MAX);
        let mut driver = None;
        if deadline < inner.armed || inner.followed {
            inner.armed = inner.armed.min(deadline);
            driver.clone_from(&inner.driver);
        }
        let works = driver.is_some();
        if !works && (inner.observed || inner.recorded) && inner.stack.has_news() {
            driver.clone_from(&inner.driver);
        }
        let here = inner.may_be_driven_here();
        drop(inner);
        woken.wake();
        match driver {
            Some(driver) if works => driver.kick(here),
            Some(driver) => driver.tell_soon(),
            None => {}
        }
    }

    // ---- how sockets wait

    /// Makes a call for a socket; when it would block, puts `waker` at its place, to be woken when
    /// the call is worth trying again. `registered`: whether it is there, from a call before.
    ///
    /// # Errors
    /// The call's; `NetworkDown` when it would have to wait for a driver that has ended.
    pub(super) fn attempt<T>(
        &self,
        socket: SocketId,
        interest: Interest,
        (ticket, waker, registered): (Ticket, &Waker, &mut bool),
        mut f: impl FnMut(&mut Stack, Instant) -> Result<T, SocketError>,
    ) -> Poll<io::Result<T>> {
        let mut inner = lock(&self.0.inner);
        let now = self.0.clock.now();
        let mut answer = f(&mut inner.stack, now);
        if matches!(answer, Err(SocketError::WouldBlock)) && !inner.down {
            inner.waiters.put(socket, ticket, waker);
            *registered = true;
            if inner.stack.want(now, socket, interest) {
                self.settle(inner, now);
                return Poll::Pending;
            }
            answer = f(&mut inner.stack, now);
            if matches!(answer, Err(SocketError::WouldBlock)) {
                // There is nothing to wait for, and yet the call cannot go on: ask again later.
                self.settle(inner, now);
                waker.wake_by_ref();
                return Poll::Pending;
            }
        }
        if std::mem::take(registered) {
            inner.waiters.remove(socket, ticket);
        }
        let down = inner.down;
        self.settle(inner, now);
        Poll::Ready(match answer {
            Err(SocketError::WouldBlock) if down => Err(Self::network_down()),
            other => other.map_err(io::Error::from),
        })
    }

    /// Makes a call for a socket that does not wait (`MSG_DONTWAIT`).
    ///
    /// # Errors
    /// The call's; `NetworkDown` instead of `WouldBlock` when the driver has ended, for then it is
    /// not worth trying again.
    pub(super) fn at_once<T>(
        &self,
        f: impl FnOnce(&mut Stack, Instant) -> Result<T, SocketError>,
    ) -> io::Result<T> {
        let mut inner = lock(&self.0.inner);
        let (now, down) = (self.0.clock.now(), inner.down);
        let answer = f(&mut inner.stack, now);
        self.settle(inner, now);
        match answer {
            Err(SocketError::WouldBlock) if down => Err(Self::network_down()),
            other => other.map_err(io::Error::from),
        }
    }

    fn network_down() -> io::Error {
        io::Error::new(io::ErrorKind::NetworkDown, "the host's driver has ended")
    }

    /// Makes a call for a socket; while it would block, this thread waits, at most until `until`.
    ///
    /// # Errors
    /// As [`Host::attempt`]; `late` when the time is over.
    pub(super) fn wait<T>(
        &self,
        socket: SocketId,
        interest: Interest,
        (until, late): (Option<std::time::Instant>, io::ErrorKind),
        mut f: impl FnMut(&mut Stack, Instant) -> Result<T, SocketError>,
    ) -> io::Result<T> {
        // A thread waits for one thing at a time, so one flag serves all its calls.
        thread_local!(static SIGNAL: Arc<Signal> = Arc::new(Signal::new()));
        let signal = SIGNAL.with(Arc::clone);
        let (waker, ticket) = (Waker::from(Arc::clone(&signal)), Ticket::next());
        let mut waiting = Waiting { host: self, socket, ticket, registered: false };
        let (mut in_vain, is_over) = (false, |at| at <= std::time::Instant::now());
        loop {
            let place = (ticket, &waker, &mut waiting.registered);
            if let Poll::Ready(answer) = self.attempt(socket, interest, place, &mut f) {
                return answer;
            }
            // Others may have been faster, again and again.
            if in_vain && until.is_some_and(is_over) {
                return Err(late.into());
            }
            in_vain = true;
            let attended = match interest {
                Interest::READ | Interest::WRITE => self.attended(&signal, until),
                _ => None,
            };
            if !attended.unwrap_or_else(|| signal.wait(until)) {
                return Err(late.into());
            }
        }
    }

    /// Waits for `signal` where the driver does, and does its work; `None` when that is not wanted.
    fn attended(&self, signal: &Signal, until: Option<std::time::Instant>) -> Option<bool> {
        let inner = lock(&self.0.inner);
        let driver = inner.driver.clone().filter(|_| inner.may_be_driven_here())?;
        drop(inner);
        driver.attend(signal, until)
    }

    /// As [`Host::wait`], for a task, as part of its budget. The future may be dropped at any time.
    #[cfg(feature = "tokio")]
    pub(super) async fn ready<T>(
        &self,
        socket: SocketId,
        interest: Interest,
        mut f: impl FnMut(&mut Stack, Instant) -> Result<T, SocketError>,
    ) -> io::Result<T> {
        let ticket = Ticket::next();
        let mut waiting = Waiting { host: self, socket, ticket, registered: false };
        std::future::poll_fn(|cx| {
            let budget = std::task::ready!(tokio::task::coop::poll_proceed(cx));
            let place = (ticket, cx.waker(), &mut waiting.registered);
            let answer = self.attempt(socket, interest, place, &mut f);
            if answer.is_ready() {
                budget.made_progress();
            }
            answer
        })
        .await
    }

    /// Wakes everybody who waits for a socket, and makes a call at the same time.
    pub(super) fn rouse<T>(&self, socket: SocketId, f: impl FnOnce(&mut Stack, Instant) -> T) -> T {
        let mut inner = lock(&self.0.inner);
        let now = self.0.clock.now();
        let answer = f(&mut inner.stack, now);
        inner.woken.push(socket);
        self.settle(inner, now);
        answer
    }

    // ---- the audience

    /// Adds an observer: it sees what happens from the driver's next turn on.
    pub fn observe(&self, observer: Box<dyn Observer>) {
        let shown = observer.sees_frames();
        lock(&self.0.audience).observers.push(observer);
        let mut inner = lock(&self.0.inner);
        inner.observed = true;
        inner.shown |= shown;
        inner.stack.listen_to_events(true);
    }

    /// Keeps every input of the host in `recorder`. To be replayed, a recording starts with the
    /// host: before its first socket, and before its driver.
    pub fn record(&self, recorder: Box<dyn Recorder>) {
        lock(&self.0.audience).recorder = Some(recorder);
        let mut inner = lock(&self.0.inner);
        inner.recorded = true;
        inner.stack.record();
    }

    // ---- for drivers

    /// A driver's turn: `f` gives the stack what has arrived, lets time come, and takes what is to
    /// be sent, under one lock and at one time.
    pub fn turn<T>(&self, f: impl FnOnce(&mut Stage<'_>) -> T) -> Turn<T> {
        let mut inner = lock(&self.0.inner);
        let now = self.0.clock.now();
        let (observed, shown) = (inner.observed, inner.shown);
        let answer = f(&mut Stage { stack: &mut inner.stack, now, observed, shown });
        let woken = inner.woken();
        let deadline = inner.stack.deadline(now);
        inner.armed = deadline.unwrap_or(Instant::MAX);
        let recorded = inner.recorded;
        let audience = observed || recorded;
        Turn { answer, deadline, now, audience, recorded, shown, woken }
    }

    /// A driver takes up its work: it is called when it is to take a turn before the deadline it
    /// knows of.
    pub fn driven(&self, driver: Arc<dyn Drive>) {
        let mut inner = lock(&self.0.inner);
        inner.driver = Some(driver);
        inner.armed = Instant::MAX;
        inner.down = false;
    }

    /// Has the driver ([`Host::driven`]) called after every call of a user, also when it leaves the
    /// driver nothing to do: for drivers that put what several hosts tell into one order.
    pub fn followed(&self) {
        lock(&self.0.inner).followed = true;
    }

    /// The driver has ended: whoever waits, now or later, gets the error `NetworkDown`, at once and
    /// until another driver takes up the work.
    pub fn undriven(&self) {
        let mut inner = lock(&self.0.inner);
        let gone = inner.driver.take();
        inner.down = true;
        let mut woken = inner.woken();
        inner.waiters.take_all(&mut woken);
        drop(inner);
        drop(gone);
        woken.wake();
    }

    /// For drivers, between turns: takes into `journal` what calls have left to be told since.
    pub fn catch_up(&self, journal: &mut Journal) {
        let mut inner = lock(&self.0.inner);
        if inner.observed {
            journal.catch_up(&mut inner.stack);
        }
    }

    /// For drivers, between turns: tells the audience what was recorded, and, in between, what
    /// `journal` has seen on the wire. Journals are told in the order in which they were filled.
    pub fn tell(&self, journal: &mut Journal) {
        let _telling = Telling::new();
        let mut audience = lock(&self.0.audience);
        let mut inner = lock(&self.0.inner);
        let inputs = if inner.recorded { inner.stack.take_inputs() } else { Vec::new() };
        drop(inner);
        if let Some(recorder) = audience.recorder.as_mut().filter(|_| !inputs.is_empty()) {
            recorder.inputs(inputs);
        }
        let Audience { observers, known, .. } = &mut *audience;
        known.tell(journal, observers);
    }
}

/// A place among the waiters, given up when its owner stops waiting.
struct Waiting<'a> {
    host: &'a Host,
    socket: SocketId,
    ticket: Ticket,
    registered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.registered {
            lock(&self.host.0.inner).waiters.remove(self.socket, self.ticket);
        }
    }
}

impl Inner {
    /// Whether this thread may do the driver's work.
    fn may_be_driven_here(&self) -> bool {
        !self.followed && !TELLS.get()
    }

    /// Takes the wakers of those who can go on.
    fn woken(&mut self) -> Woken {
        self.stack.take_woken(&mut self.woken);
        let mut woken = Woken::default();
        for socket in self.woken.drain(..) {
            self.waiters.take(socket, &mut woken);
        }
        woken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::UdpId;

    #[test]
    fn who_is_woken_in_vain_is_late_all_the_same() {
        let host = Host::new(Setup::new([1, 2]));
        let nobody = SocketId::Udp(UdpId(7)); // there is nothing to wait for
        let soon = std::time::Instant::now() + std::time::Duration::from_millis(1);
        let end = (Some(soon), io::ErrorKind::TimedOut);
        let never = |_: &mut Stack, _| Err::<(), _>(SocketError::WouldBlock);
        let error = host.wait(nobody, Interest::READ, end, never).expect_err("it never goes on");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
