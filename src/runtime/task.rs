//! The live driver as a task of a tokio runtime: for programs that have one thread, whose tasks
//! then are woken without another thread in between.

use super::bell::Bell;
use super::driver::{BATCH, Driver};
use super::live::{Ending, Farewell, Live, Shared};
use crate::base::Instant;
use crate::device::Device;
use crate::net::{Drive, Host};
use crate::sys::poll::register;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};
use tokio::io::{Interest, Ready};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Sleep;

/// A driver at work in a task. Dropping it stops it, without waiting for connections to close.
#[derive(Debug)]
pub struct Task {
    handle: Option<JoinHandle<io::Result<()>>>,
    called: Arc<Called>,
    shared: Arc<Shared>,
}

/// Calls the task.
#[derive(Debug, Default)]
struct Called(Notify);

impl Drive for Called {
    fn kick(&self, _: bool) {
        self.0.notify_one();
    }

    fn tell_soon(&self) {
        self.0.notify_one();
    }
}

impl Live {
    /// Starts the driver as a task of the runtime that this is called in, which needs its I/O and
    /// its time. It is best where one thread does everything: elsewhere, [`Live::start`] serves
    /// threads that wait, too.
    ///
    /// ```
    /// use netglass::device::memory;
    /// use netglass::net::Host;
    /// use netglass::runtime::Live;
    /// use netglass::stack::Setup;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    /// # runtime.unwrap().block_on(async {
    /// let setup = Setup::new([1, 2]).with_iface("wire0", 1500, "10.0.0.1/24".parse().unwrap());
    /// let host = Host::new(setup);
    /// let (mut here, _there) = memory::pair(memory::Options::default());
    /// let live = Live::new(&host).unwrap();
    /// let bell = live.bell();
    /// here.on_change(move || bell.ring()); // a device with a descriptor needs no bell
    /// let task = live.start_task(here).unwrap();
    /// task.stop(std::time::Duration::ZERO).await.unwrap();
    /// # });
    /// ```
    ///
    /// # Errors
    /// As [`Live::start`].
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn start_task(self, device: impl Device + 'static) -> io::Result<Task> {
        let (driver, bell, shared) = self.prepare(device)?;
        let called = Arc::new(Called::default());
        let on = match driver.descriptor()? {
            Some(fd) => On::Device(register(fd)?),
            None => On::Bell(register(bell.descriptor()?)?, bell),
        };
        driver.host().driven(called.clone());
        let run = run(driver, on, called.clone(), shared.clone());
        Ok(Task { handle: Some(tokio::spawn(run)), called, shared })
    }
}

impl Task {
    /// Ends the driver, as [`super::Running::stop`].
    ///
    /// # Errors
    /// What ended the driver before: the device's error.
    pub async fn stop(mut self, linger: Duration) -> io::Result<()> {
        self.shared.stop_within(linger);
        self.called.0.notify_one();
        match self.handle.take() {
            Some(handle) => handle.await.map_err(io::Error::other)?,
            None => Ok(()),
        }
    }

    /// Whether the driver has ended by itself: the device is gone.
    pub fn is_over(&self) -> bool {
        self.handle.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Frames that the device could not take, being too long or asking too much of it.
    pub fn refused(&self) -> u64 {
        self.shared.refused()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.shared.stop_within(Duration::ZERO);
        self.called.0.notify_one();
    }
}

/// What the task sleeps at.
#[derive(Debug)]
enum On {
    Device(AsyncFd<OwnedFd>),
    /// The device has no descriptor, and rings.
    Bell(AsyncFd<OwnedFd>, Bell),
}

impl On {
    /// Waits until the device has something, or room if it was full.
    async fn ready(&self, full: bool) -> io::Result<AsyncFdReadyGuard<'_, OwnedFd>> {
        match self {
            On::Device(fd) if full => fd.ready(Interest::READABLE | Interest::WRITABLE).await,
            On::Device(fd) => fd.readable().await,
            On::Bell(fd, bell) => {
                let guard = fd.readable().await?;
                bell.clear();
                Ok(guard)
            }
        }
    }
}

/// The task's alarm. It may go off too early, which costs a round, and is set anew only when it
/// would go off too late.
struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// When it goes off, in the host's time.
    at: Instant,
}

impl Alarm {
    fn set(&mut self, host: &Host, deadline: Option<Instant>) {
        let Some(deadline) = deadline else { return };
        let now = host.now();
        if deadline < self.at || self.at <= now {
            self.at = deadline;
            self.sleep.as_mut().reset(tokio::time::Instant::now() + deadline.since(now));
        }
    }
}

async fn run<D: Device>(
    mut driver: Driver<D>,
    on: On,
    called: Arc<Called>,
    shared: Arc<Shared>,
) -> io::Result<()> {
    let host = driver.host().clone();
    let _ending = Ending(host.clone());
    let sleep = Box::pin(tokio::time::sleep(Duration::ZERO));
    let mut alarm = Alarm { sleep, at: Instant::ZERO };
    let (mut farewell, mut ready) = (None, None::<AsyncFdReadyGuard<'_, OwnedFd>>);
    loop {
        let round = driver.round(BATCH, shared.is_stopping())?;
        if round.audience {
            driver.tell();
        }
        let mut deadline = round.deadline;
        if shared.is_stopping() {
            let farewell = farewell.get_or_insert_with(|| Farewell::new(round.now, &shared));
            if farewell.is_over(&round) {
                return Ok(());
            }
            deadline = deadline.into_iter().chain([farewell.until]).min();
        }
        round.woken.wake();
        if round.more || deadline.is_some_and(|at| at <= round.now) && !round.full {
            tokio::task::yield_now().await; // the users first
            continue;
        }
        if let Some(mut guard) = ready.take() {
            guard.clear_ready_matching(if round.full { Ready::ALL } else { Ready::READABLE });
        }
        alarm.set(&host, deadline);
        tokio::select! {
            biased;
            () = called.0.notified() => {}
            guard = on.ready(round.full) => ready = Some(guard?),
            () = alarm.sleep.as_mut(), if deadline.is_some() => {}
        }
    }
}
