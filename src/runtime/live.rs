//! The live driver: a thread that owns a device, receives, sends and keeps time for one host.
//!
//! It makes a round ([`super::driver`]), and sleeps until the device has something, a user calls,
//! or it is time. Users' threads may do that for it ([`super::seat`]).

use super::bell::Bell;
use super::driver::{BATCH, Driver, IFACE, Round};
use super::seat::{BULK, Seat, Sleeper};
use crate::base::Instant;
use crate::device::Device;
use crate::impair::Link;
use crate::net::{Host, Journal};
use crate::stack::{IfaceSetup, LinkSetup, Stack};
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A driver that is about to start.
///
/// ```
/// use netglass::device::memory;
/// use netglass::net::Host;
/// use netglass::runtime::Live;
/// use netglass::stack::Setup;
///
/// let setup = Setup::new([1, 2]).with_iface("wire0", 1500, "10.0.0.1/24".parse().unwrap());
/// let host = Host::new(setup);
/// let (mut here, _there) = memory::pair(memory::Options::default());
/// let live = Live::new(&host).unwrap();
/// let bell = live.bell();
/// here.on_change(move || bell.ring()); // a device with a descriptor needs no bell
/// let running = live.start(here).unwrap();
/// running.stop(std::time::Duration::ZERO).unwrap();
/// ```
#[derive(Debug)]
pub struct Live {
    host: Host,
    bell: Bell,
    inward: Option<Link>,
    outward: Option<Link>,
    busy_poll: Duration,
}

/// A driver at work. Dropping it stops it, without waiting for connections to close.
pub struct Running {
    thread: Option<JoinHandle<io::Result<()>>>,
    call: Arc<dyn Fn() + Send + Sync>,
    shared: Arc<Shared>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("over", &self.is_over()).finish()
    }
}

/// What the driver and its owner share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    stop: AtomicBool,
    linger: Mutex<Duration>,
    refused: Arc<AtomicU64>,
}

impl Shared {
    /// Ends the driver.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// Ends the driver; connections whose users are gone may close for `linger`.
    pub(super) fn stop_within(&self, linger: Duration) {
        *self.linger.lock().unwrap_or_else(PoisonError::into_inner) = linger;
        self.stop();
    }

    /// Frames that the device could not take.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether it is to end.
    pub(super) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

impl Live {
    /// A driver for `host`, whose first interface will be the device; others can only be VLANs of
    /// it.
    ///
    /// # Errors
    /// `InvalidInput` when the host has no interface, or others; when the process has no descriptor
    /// left.
    pub fn new(host: &Host) -> io::Result<Live> {
        if !host.with(|stack, _| is_on_one_device(stack)) {
            let text = "a live driver serves a host with one interface and its VLANs";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let (host, bell, busy_poll) = (host.clone(), Bell::new()?, Duration::ZERO);
        Ok(Live { host, bell, inward: None, outward: None, busy_poll })
    }

    /// Starts a driver for a device with a descriptor.
    ///
    /// # Errors
    /// As [`Live::new`] and [`Live::start`].
    pub fn spawn(host: &Host, device: impl Device + 'static) -> io::Result<Running> {
        Live::new(host)?.start(device)
    }

    /// Puts links between the device and the host.
    #[must_use]
    pub fn impaired(mut self, inward: Option<Link>, outward: Option<Link>) -> Live {
        (self.inward, self.outward) = (inward, outward);
        self
    }

    /// Has whoever would sleep at the device, the driver's thread or one that waits for its socket,
    /// look at it for so long first (as Linux's `SO_BUSY_POLL`). What comes meanwhile is not slept
    /// for, which costs a processor while nothing comes; other threads have it when they want it,
    /// and what is due is done in time. Default zero; a driver that is a task never does so.
    #[must_use]
    pub fn busy_poll(mut self, most: Duration) -> Live {
        self.busy_poll = most;
        self
    }

    /// The bell to ring when a device without a descriptor has something to do.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// The driver, before it has a thread or a task.
    pub(super) fn prepare<D: Device>(
        self,
        device: D,
    ) -> io::Result<(Driver<D>, Bell, Arc<Shared>)> {
        let mtu = device.mtu();
        let longest = self.host.with(|stack, _| stack.ifaces().map(|i| i.mtu).max());
        if usize::from(longest.unwrap_or(0)) > mtu {
            let text = format!("the host's packets are longer than the device's {mtu} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let shared = Arc::new(Shared::default());
        let links = [self.inward, self.outward];
        let driver = Driver::new(self.host, device, links, shared.refused.clone());
        Ok((driver, self.bell, shared))
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// `InvalidInput` when the host's packets are too long for the device; when the system has no
    /// thread left.
    pub fn start(self, device: impl Device + 'static) -> io::Result<Running> {
        let busy_poll = self.busy_poll;
        let (driver, bell, shared) = self.prepare(device)?;
        let host = driver.host().clone();
        let seat = Arc::new(Seat::new(driver, (&bell, busy_poll), shared.clone())?);
        host.driven(seat.clone());
        let (caller, for_thread) = (Arc::clone(&seat), shared.clone());
        let builder = std::thread::Builder::new().name("netglass".to_owned());
        let thread = Some(builder.spawn(move || drive(host, &seat, &for_thread))?);
        Ok(Running { thread, call: Arc::new(move || caller.call()), shared })
    }
}

impl Running {
    /// Ends the driver: what is to be sent goes out, and connections whose users are gone may close
    /// for `linger`. Whoever waits at the host's sockets after that gets `NetworkDown`.
    ///
    /// # Errors
    /// What ended the driver before: the device's error.
    pub fn stop(mut self, linger: Duration) -> io::Result<()> {
        self.halt(linger)
    }

    /// Whether the driver has ended by itself: the device is gone.
    pub fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Frames that the device could not take, being too long or asking too much of it.
    pub fn refused(&self) -> u64 {
        self.shared.refused()
    }

    fn halt(&mut self, linger: Duration) -> io::Result<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        self.shared.stop_within(linger);
        (self.call)();
        let panicked = || Err(io::Error::other("the driver's thread has panicked"));
        thread.join().unwrap_or_else(|_| panicked())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.halt(Duration::ZERO) {
            log::warn!("the driver ended: {error}");
        }
    }
}

/// The end of a driver that was told to stop.
pub(super) struct Farewell {
    pub(super) until: Instant,
    /// Rounds that may follow, so that users who go on sending cannot hold it up.
    rounds: u32,
}

impl Farewell {
    pub(super) fn new(now: Instant, shared: &Shared) -> Farewell {
        let linger = *shared.linger.lock().unwrap_or_else(PoisonError::into_inner);
        Farewell { until: now + linger, rounds: 1000 }
    }

    /// Whether the driver ends: nothing is due and nobody closes, or it is late.
    pub(super) fn is_over(&mut self, round: &Round) -> bool {
        let due = round.rest || round.deadline.is_some_and(|at| at <= round.now);
        if round.now < self.until {
            return !due && !round.closing;
        }
        self.rounds = self.rounds.saturating_sub(1);
        !due || round.full || self.rounds == 0
    }
}

/// Tells the host that its driver has ended, however it ended.
pub(super) struct Ending(pub(super) Host);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.undriven();
    }
}

/// The driver's thread.
fn drive<D: Device>(host: Host, seat: &Seat<D>, shared: &Shared) -> io::Result<()> {
    let _ending = Ending(host);
    let mut journal = Journal::new();
    let outcome = rounds(seat, shared, &mut journal);
    seat.tell(&mut journal);
    outcome
}

/// Its rounds, until it is to stop.
fn rounds<D: Device>(seat: &Seat<D>, shared: &Shared, journal: &mut Journal) -> io::Result<()> {
    let mut farewell = None;
    loop {
        seat.take_watch(journal);
        if let Some(error) = seat.failure() {
            return Err(error);
        }
        let stopping = shared.is_stopping();
        let round = seat.round(BATCH, stopping)?;
        seat.tell(journal);
        let mut most = None;
        if stopping {
            let farewell = farewell.get_or_insert_with(|| Farewell::new(round.now, shared));
            if farewell.is_over(&round) {
                return Ok(());
            }
            most = Some(farewell.until);
        }
        let hands_over = round.came + round.went >= BULK && round.woken.count() > 0;
        if round.woken.count() > 1 {
            seat.note_crowd(round.now);
        }
        round.woken.wake();
        if hands_over {
            // Who was woken reads, before what comes next has taken the processor's cache.
            std::thread::yield_now();
        }
        if !round.more && !seat.is_called() {
            seat.sleep(Sleeper::Driver, most)?;
        }
    }
}

/// Whether all frames of a host come and go by its first interface's device.
fn is_on_one_device(stack: &Stack) -> bool {
    let parent = |iface: &IfaceSetup| match &iface.link {
        LinkSetup::Ethernet(ethernet) => ethernet.vlan.map(|vlan| vlan.parent),
        LinkSetup::Ip => None,
    };
    let mut ifaces = stack.ifaces();
    let first = ifaces.next().is_some_and(|first| parent(first).is_none_or(|of| of == IFACE));
    first && ifaces.all(|other| parent(other) == Some(IFACE))
}
