//! Programs in virtual time: a deterministic executor.
//!
//! Tasks run on a tokio runtime of the current thread that has no timer and no I/O, so whatever
//! is made of tasks works here: `tokio::spawn`, `JoinSet`, `tokio::sync`, hyper, axum. The runtime
//! calls back before its thread would park; that is how the executor knows that nobody can go on.
//! Its queue is first in, first out, and wakers fire in a definite order, so two runs of the same
//! programs are equal. What brings its own chance is not: `tokio::select!` without `biased`,
//! threads, the standard library's hash maps when they are iterated.
//!
//! Programs tell the time and wait by [`crate::net::rt`]. One that goes on and on at one moment is
//! found by how often it looks at the clock or calls its host; one that does neither stops the
//! thread, as it would live.

use crate::base::Instant;
use crate::net::rt::{Entered, VirtualTime};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::task::{Poll, Waker};
use tokio::runtime::{Builder, EnterGuard, Runtime, RuntimeMetrics};
use tokio::task::JoinHandle;

/// How often programs may look at the clock while it stands still.
pub(super) const LOOKS: u64 = 1_000_000;

/// Why a run cannot go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// A task has panicked: what it said, and where.
    Panicked(String),
    /// Tasks go on and on without waiting for time to pass: nothing else can happen.
    Stuck {
        /// When.
        at: Instant,
        /// The host that they have called last.
        on: Option<String>,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Panicked(told) => {
                write!(f, "a program panicked: {told}")?;
                let is_tokios = told.contains("timers are disabled") || told.contains("no reactor");
                if is_tokios || told.contains("IO is disabled") {
                    f.write_str(
                        " (in a simulation, netglass::net::rt has the time, and \
                                 netglass::net::tokio the sockets)",
                    )?;
                }
                Ok(())
            }
            Failure::Stuck { at, on } => {
                write!(f, "at {at} programs")?;
                on.iter().try_for_each(|host| write!(f, " on {host}"))?;
                f.write_str(
                    " go on without waiting for anything: a sleep, a pause or a rate lets time pass",
                )
            }
        }
    }
}

impl std::error::Error for Failure {}

/// Runs the programs of a simulation, on a thread that runs no other runtime. Dropping it drops all
/// tasks.
///
/// ```
/// use netglass::base::Instant;
/// use netglass::net::rt;
/// use netglass::sim::Executor;
/// use std::time::Duration;
///
/// let mut executor = Executor::new();
/// let task = executor.spawn(async {
///     rt::sleep(Duration::from_nanos(1500)).await;
///     rt::now().virtual_time()
/// });
/// executor.run_until_idle(Instant::ZERO).unwrap();
/// let due = executor.deadline().unwrap();
/// assert_eq!(due, Instant::from_nanos(1500));
/// executor.run_until_idle(due).unwrap();
/// assert!(task.is_finished());
/// ```
#[derive(Debug)]
pub struct Executor {
    /// There until it is dropped.
    runtime: Option<Runtime>,
    metrics: RuntimeMetrics,
    time: Arc<VirtualTime>,
    quiet: Arc<Quiet>,
}

/// Whether no task can go on.
#[derive(Debug, Default)]
struct Quiet {
    is_reached: AtomicBool,
    /// Wakes the future that drives the runtime.
    waker: Mutex<Option<Waker>>,
}

impl Quiet {
    fn waker(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The runtime is about to park its thread.
    fn reach(&self) {
        self.is_reached.store(true, Relaxed);
        if let Some(waker) = &*self.waker() {
            waker.wake_by_ref();
        }
    }
}

impl Default for Executor {
    fn default() -> Executor {
        Executor::new()
    }
}

impl Executor {
    /// At time zero.
    pub fn new() -> Executor {
        Executor::bounded(LOOKS)
    }

    /// With another bound: programs may look at the clock, call their host or start to wait so
    /// often while time stands still.
    ///
    /// # Panics
    /// Never: a runtime of this kind needs nothing from the system.
    pub fn bounded(looks: u64) -> Executor {
        listen_to_panics();
        let quiet = Arc::new(Quiet::default());
        let told = Arc::clone(&quiet);
        let runtime = Builder::new_current_thread()
            .on_thread_park(move || told.reach())
            // What tasks wake goes before what is woken between turns, always.
            .global_queue_interval(u32::MAX)
            .event_interval(1024)
            .build()
            .expect("a runtime without drivers");
        let metrics = runtime.metrics();
        Executor { runtime: Some(runtime), metrics, time: VirtualTime::new(looks), quiet }
    }

    /// The time of the simulation: the clock for its hosts.
    pub fn time(&self) -> &Arc<VirtualTime> {
        &self.time
    }

    /// While the guard lives, this thread lives in the simulation: what it calls can start tasks
    /// and timers.
    pub fn enter(&self) -> Inside<'_> {
        Inside { _time: self.time.enter(), _runtime: self.runtime().enter() }
    }

    /// Starts a task. It runs in the next turn.
    pub fn spawn<F>(&self, program: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.runtime().spawn(program)
    }

    /// The earliest moment that a task waits for.
    pub fn deadline(&self) -> Option<Instant> {
        self.time.deadline()
    }

    /// Whether a task can go on without time passing.
    pub fn is_ready(&self) -> bool {
        self.metrics.global_queue_depth() > 0
    }

    /// How many tasks there are that have not ended.
    pub fn tasks(&self) -> usize {
        self.metrics.num_alive_tasks()
    }

    /// Lets time come to `now`, and the tasks go on until none can.
    ///
    /// # Errors
    /// [`Failure`]. The run is not worth going on with: what has failed has not done its part.
    pub fn run_until_idle(&mut self, now: Instant) -> Result<(), Failure> {
        self.time.set(now);
        self.time.fire();
        if !self.is_ready() {
            return Ok(());
        }
        let _time = self.time.enter();
        let _running = Running::begin();
        let (quiet, time) = (&self.quiet, &self.time);
        let drive = std::future::poll_fn(|cx| {
            if quiet.is_reached.swap(false, Relaxed) {
                return Poll::Ready(Ok(()));
            }
            if time.is_stuck() {
                return Poll::Ready(Err(Failure::Stuck { at: time.peek(), on: None }));
            }
            let mut waker = quiet.waker();
            if !waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
                *waker = Some(cx.waker().clone());
                time.guard(cx.waker());
            }
            Poll::Pending
        });
        let ended = self.runtime().block_on(drive);
        match PANIC.take() {
            Some(told) => Err(Failure::Panicked(told)),
            None => ended,
        }
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is there until it is dropped")
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        // What tasks do while they are dropped, they do in the simulation.
        let _time = self.time.enter();
        self.runtime = None;
    }
}

/// See [`Executor::enter`].
#[derive(Debug)]
#[must_use = "dropping it leaves the simulation"]
pub struct Inside<'a> {
    _time: Entered,
    _runtime: EnterGuard<'a>,
}

thread_local! {
    /// Whether this thread runs tasks of a simulation.
    static RUNS: Cell<bool> = const { Cell::new(false) };
    /// What the first of them to panic said.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// While it lives, panics of this thread are a simulation's.
struct Running;

impl Running {
    fn begin() -> Running {
        RUNS.set(true);
        PANIC.take();
        Running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNS.set(false);
    }
}

/// A runtime keeps the panic of a task for whoever joins it; but most tasks nobody joins. So the
/// panics of threads that run a simulation are noted, besides what else is done about them.
fn listen_to_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if RUNS.get() {
                note(info);
            }
            before(info);
        }));
    });
}

fn note(info: &PanicHookInfo<'_>) {
    let said = info.payload_as_str().unwrap_or("something that is no text");
    let place = info.location().map_or_else(String::new, |at| format!(", at {at}"));
    PANIC.with(|first| {
        first.borrow_mut().get_or_insert_with(|| format!("{said}{place}"));
    });
}

#[cfg(test)]
mod tests;
