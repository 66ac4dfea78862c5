//! The kernel for two threads: the one that goes through a script and sets the clock forward, and
//! the one in which calls wait.

use super::super::run::{Kernel, Outcome, Reply, Request, Waiting};
use super::flags::Flags;
use crate::base::{Duration, Instant};
use std::fs::File;
use std::os::fd::IntoRawFd;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// The host's zero, in microseconds since 1970: every run has the same clock.
const EPOCH: u64 = 1_000_000_000_000_000;

/// How much time passes whenever it is asked for: whoever spins gets on.
const TICK: Duration = Duration::from_micros(1);

/// How long, by the clock on the wall, the clock stands for a call that has returned: its thread is
/// to see when that was.
const GRACE: Duration = Duration::from_millis(200);

/// An error that a call has when nothing could ever end it.
const EDEADLK: i32 = 35;

/// What both threads share.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Something that a thread waits for has happened.
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    flags: Flags,
    /// Made when it is first needed: by then the script has turned its knobs.
    kernel: Option<Kernel>,
    /// The thread that sets the clock forward.
    driver: ThreadId,
    /// The call of the other thread that waits.
    waiting: Option<Waiting>,
    /// What that call has come to.
    returned: Option<Result<Reply, i32>>,
    /// A call has returned, and its thread has not seen when.
    unseen: bool,
}

impl State {
    fn kernel(&mut self) -> &mut Kernel {
        let flags = &self.flags;
        self.kernel.get_or_insert_with(|| {
            let turned = flags.turned().unwrap_or_else(|what| {
                // A host with other knobs than were asked for would prove nothing.
                eprintln!("netglass: --so_flags: sysctls: {what}");
                std::process::exit(2);
            });
            Kernel::new(turned, flags.mtu, descriptor)
        })
    }

    /// Tells what is not known here.
    fn tell(&mut self) {
        self.kernel().refused.drain(..).for_each(|what| eprintln!("netglass: {what}"));
    }

    /// Goes on with the call that waits.
    fn settle(&mut self) {
        let Some(waiting) = self.waiting.take() else { return };
        match self.kernel().again(waiting) {
            Outcome::Waits(waiting) => self.waiting = Some(waiting),
            Outcome::Done(answer) => (self.returned, self.unseen) = (Some(answer), true),
        }
    }

    /// Lets time pass up to the next thing that is due, up to `end`; says whether there was one.
    fn step(&mut self, end: Instant) -> bool {
        let waiting = self.waiting.clone();
        let next = self.kernel().next(waiting.as_ref()).filter(|at| *at <= end);
        if let Some(at) = next {
            self.kernel().set(at);
            self.settle();
        }
        next.is_some()
    }
}

impl Shared {
    pub(super) fn new(flags: Flags) -> Shared {
        let state = State {
            flags,
            kernel: None,
            driver: thread::current().id(),
            waiting: None,
            returned: None,
            unseen: false,
        };
        Shared { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the other thread, if its call has returned.
    fn tell(&self, state: &State) {
        if state.unseen {
            self.changed.notify_all();
        }
    }

    /// Waits until the other thread has seen when its call returned.
    fn seen<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        if !state.unseen || thread::current().id() != state.driver {
            return state;
        }
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(state, GRACE, |state| state.unseen);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.unseen = false;
        state
    }

    /// Makes a call, and waits for what comes of it.
    pub(super) fn call(&self, request: Request) -> Result<Reply, i32> {
        let mut state = self.seen(self.lock());
        let outcome = state.kernel().call(request);
        state.tell();
        let waiting = match outcome {
            Outcome::Done(answer) => {
                // What it has done may be what another call waits for.
                state.settle();
                self.tell(&state);
                return answer;
            }
            Outcome::Waits(waiting) => waiting,
        };
        match thread::current().id() == state.driver {
            true => alone(&mut state, waiting),
            false => self.beside(state, waiting),
        }
    }

    /// Waits in a thread beside the one that sets the clock forward.
    fn beside(&self, mut state: MutexGuard<'_, State>, waiting: Waiting) -> Result<Reply, i32> {
        if state.waiting.is_some() {
            return Err(EDEADLK);
        }
        state.waiting = Some(waiting);
        let is_open = |state: &mut State| state.returned.is_none();
        let waited = self.changed.wait_while(state, is_open);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.tell();
        state.returned.take().unwrap_or(Err(EDEADLK))
    }

    /// Whether a call waits.
    #[cfg(test)]
    pub(super) fn has_waiter(&self) -> bool {
        self.lock().waiting.is_some()
    }

    /// A packet arrives.
    pub(super) fn inject(&self, bytes: &[u8]) {
        let mut state = self.seen(self.lock());
        state.kernel().inject(bytes);
        state.settle();
        self.tell(&state);
    }

    /// The next packet that leaves, and when, in microseconds since 1970; time passes until then.
    pub(super) fn receive(&self) -> Option<(u64, Vec<u8>)> {
        let mut state = self.seen(self.lock());
        let end = state.kernel().patience();
        while !state.kernel().has_left() {
            if !state.step(end) {
                return None;
            }
            state = self.seen(state);
        }
        let (at, bytes) = state.kernel().take()?;
        Some((since_1970(at), bytes))
    }

    /// Time passes.
    pub(super) fn sleep(&self, time: Duration) {
        let mut state = self.seen(self.lock());
        let end = state.kernel().now() + time;
        while state.step(end) {
            state = self.seen(state);
        }
        state.kernel().set(end);
    }

    /// The time, in microseconds since 1970.
    pub(super) fn time(&self) -> u64 {
        let mut state = self.seen(self.lock());
        if thread::current().id() != state.driver {
            let now = state.kernel().now();
            state.unseen = false;
            self.changed.notify_all();
            return since_1970(now);
        }
        let end = state.kernel().now() + TICK;
        while state.step(end) {
            state = self.seen(state);
        }
        state.kernel().set(end);
        since_1970(end)
    }
}

/// Waits in the thread that sets the clock forward: time passes until the call returns.
fn alone(state: &mut State, mut waiting: Waiting) -> Result<Reply, i32> {
    let end = state.kernel().patience();
    loop {
        let next = state.kernel().next(Some(&waiting)).filter(|at| *at <= end);
        let at = next.ok_or(EDEADLK)?;
        state.kernel().set(at);
        match state.kernel().again(waiting) {
            Outcome::Done(answer) => return answer,
            Outcome::Waits(again) => waiting = again,
        }
    }
}

/// A descriptor that no other file of this process has: at its end, whoever has loaded this closes
/// what is open as if it were the system's.
pub(super) fn descriptor() -> i64 {
    File::open("/dev/null").map_or(-1, |file| file.into_raw_fd().into())
}

fn since_1970(at: Instant) -> u64 {
    EPOCH + at.as_micros()
}
