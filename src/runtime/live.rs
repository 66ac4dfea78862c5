//! The live driver: a thread that owns a device, receives, sends and keeps time for one host.
//!
//! A round: read what has come, up to [`BATCH`] frames; take one turn with the host, at one moment
//! and under one lock (input, poll, output); give the device what is to be sent; tell the audience;
//! wake the users; sleep until the device has something, a user calls, or the deadline.
//!
//! Between device and host there may be a pair of bad links ([`crate::impair`]). They see packets
//! as a wire carries them, behind the splitter; observers see what the device carries: what
//! arrives before the inward link, and what leaves behind the outward one.

use super::bell::{Bell, Descriptor};
use crate::base::{Checksum, Frame, IfaceId, Instant, Medium, Pool};
use crate::device::{Device, split};
use crate::impair::Link;
use crate::net::{Direction, Host, Journal, Stage, Turn};
use crate::stack::{IfaceSetup, LinkSetup, Stack};
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Frames read, and frames sent, per round at most.
const BATCH: usize = 64;
/// Silence after which memory is given back.
const SILENCE: Duration = Duration::from_secs(1);
/// How long a full device is waited for before time is looked at again.
const FULL: Duration = Duration::from_millis(10);
/// The interface that the device is.
const IFACE: IfaceId = IfaceId(0);

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
}

/// A driver at work. Dropping it stops it, without waiting for connections to close.
#[derive(Debug)]
pub struct Running {
    thread: Option<JoinHandle<io::Result<()>>>,
    bell: Bell,
    shared: Arc<Shared>,
}

/// What the driver's thread and its owner share.
#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    linger: Mutex<Duration>,
    refused: AtomicU64,
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
        Ok(Live { host: host.clone(), bell: Bell::new()?, inward: None, outward: None })
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

    /// The bell to ring when a device without a descriptor has something to do.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// `InvalidInput` when the host's packets are too long for the device; when the system has no
    /// thread left.
    pub fn start(self, device: impl Device + 'static) -> io::Result<Running> {
        let mtu = device.mtu();
        let longest = self.host.with(|stack, _| stack.ifaces().map(|i| i.mtu).max());
        if usize::from(longest.unwrap_or(0)) > mtu {
            let text = format!("the host's packets are longer than the device's {mtu} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let shared = Arc::new(Shared::default());
        let medium = device.medium();
        let [inward, outward] = [self.inward, self.outward].map(|link| {
            let mut link = link?;
            link.set_medium(medium);
            Some(link)
        });
        let mut driver = Driver {
            pool: self.host.pool().clone(),
            quiet_since: self.host.now(),
            host: self.host,
            device,
            bell: self.bell.clone(),
            inward,
            outward,
            inbox: Vec::with_capacity(BATCH),
            outbox: VecDeque::with_capacity(BATCH),
            journal: Journal::new(),
            full: false,
            shrunk: true,
            shared: shared.clone(),
        };
        let bell = self.bell.clone();
        driver.host.driven(move || bell.ring());
        let builder = std::thread::Builder::new().name("netglass".to_owned());
        let thread = Some(builder.spawn(move || driver.run())?);
        Ok(Running { thread, bell: self.bell, shared })
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
        self.shared.refused.load(Ordering::Relaxed)
    }

    fn halt(&mut self, linger: Duration) -> io::Result<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        *self.shared.linger.lock().unwrap_or_else(PoisonError::into_inner) = linger;
        self.shared.stop.store(true, Ordering::Release);
        self.bell.ring();
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

/// The thread's own.
struct Driver<D> {
    host: Host,
    device: D,
    bell: Bell,
    inward: Option<Link>,
    outward: Option<Link>,
    pool: Pool,
    /// Read from the device and not yet given to the host.
    inbox: Vec<Frame>,
    /// Taken from the host (and through the link), and not yet by the device.
    outbox: VecDeque<Frame>,
    journal: Journal,
    /// The device has refused a frame.
    full: bool,
    quiet_since: Instant,
    /// Memory was given back since the last frame.
    shrunk: bool,
    shared: Arc<Shared>,
}

/// The end of a driver that was told to stop.
struct Farewell {
    until: Instant,
    /// Rounds that may follow, so that users who go on sending cannot hold it up.
    rounds: u32,
}

impl Farewell {
    fn new(now: Instant, shared: &Shared) -> Farewell {
        let linger = *shared.linger.lock().unwrap_or_else(PoisonError::into_inner);
        Farewell { until: now + linger, rounds: 1000 }
    }

    /// Whether the driver ends: nothing is due and nobody closes, or it is late.
    fn is_over(&mut self, now: Instant, due: bool, full: bool, closing: bool) -> bool {
        if now < self.until {
            return !due && !closing;
        }
        self.rounds = self.rounds.saturating_sub(1);
        !due || full || self.rounds == 0
    }
}

/// Tells the host that its driver has ended, however it ended.
struct Ending(Host);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.undriven();
    }
}

impl<D: Device> Driver<D> {
    fn run(&mut self) -> io::Result<()> {
        let _ending = Ending(self.host.clone());
        let mut farewell = None;
        loop {
            let stopping = self.shared.stop.load(Ordering::Acquire);
            let more = self.receive()?;
            let received = !self.inbox.is_empty();
            let turn = self.turn(stopping);
            let now = turn.now;
            let sent = self.transmit(now, turn.audience)?;
            if turn.audience {
                self.host.tell(&mut self.journal);
            }
            turn.woken.wake();
            if received || sent {
                (self.quiet_since, self.shrunk) = (now, false);
            }
            let mut deadline = self.deadline(turn.deadline);
            if stopping {
                let farewell = farewell.get_or_insert_with(|| Farewell::new(now, &self.shared));
                let due = !self.outbox.is_empty() || deadline.is_some_and(|at| at <= now);
                if farewell.is_over(now, due, self.full, turn.answer || self.is_under_way()) {
                    return Ok(());
                }
                deadline = deadline.into_iter().chain([farewell.until]).min();
            }
            if !more {
                self.sleep(now, deadline)?;
            }
        }
    }

    /// Whether a link still holds what was sent.
    fn is_under_way(&self) -> bool {
        self.outward.as_ref().is_some_and(|link| !link.is_empty())
    }

    /// Reads what has come; says whether there may be more.
    fn receive(&mut self) -> io::Result<bool> {
        while self.inbox.len() < BATCH {
            match self.device.receive(&self.pool)? {
                Some(frame) => self.inbox.push(frame),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Takes a turn with the host; the answer is whether connections are about to close.
    fn turn(&mut self, stopping: bool) -> Turn<bool> {
        let host = self.host.clone();
        host.turn(|stage| {
            if stage.observed {
                self.journal.catch_up(stage.stack);
            }
            self.feed(stage);
            let (stack, now) = (&mut *stage.stack, stage.now);
            stack.poll(now);
            if !self.shrunk && now.since(self.quiet_since) >= SILENCE {
                stack.shrink(now);
                self.pool.trim();
                self.shrunk = true;
            }
            self.drain(stage);
            if stage.observed {
                self.journal.catch_up(stage.stack);
            }
            stopping && is_closing(stage)
        })
    }

    /// Gives the host what has arrived.
    fn feed(&mut self, stage: &mut Stage<'_>) {
        let (now, mtu, medium) = (stage.now, self.device.mtu(), self.device.medium());
        for frame in self.inbox.drain(..) {
            if stage.observed {
                self.journal.came(now, IFACE, &frame, (medium, mtu));
            }
            let Some(link) = &mut self.inward else {
                stage.stack.input(now, IFACE, frame);
                if stage.observed {
                    self.journal.processed(stage.stack);
                }
                continue;
            };
            let way = (Direction::In, IFACE);
            let journal = stage.observed.then_some(&mut self.journal);
            match split::split_on(medium, &frame, mtu) {
                Ok(pieces) => send_by(link, pieces, now, journal, (way, medium)),
                // What is no packet is the host's to judge.
                Err(_) => send_by(link, [frame], now, journal, (way, medium)),
            }
        }
        while let Some(frame) = self.inward.as_mut().and_then(|link| link.output(now)) {
            stage.stack.input(now, IFACE, frame);
        }
        let journal = stage.observed.then_some(&mut self.journal);
        tell_dropped(&mut self.inward, journal, (Direction::In, medium));
    }

    /// Takes what the host sends, unless the device has not taken what it sent before.
    fn drain(&mut self, stage: &mut Stage<'_>) {
        let now = stage.now;
        while self.outbox.len() < BATCH {
            let Some((_, frame)) = stage.stack.output(now) else { break };
            if stage.observed {
                self.journal.sent(&frame);
            }
            let offload = self.device.offload();
            let bare = (frame.offload.gso.is_none() || offload.gso)
                && (frame.offload.checksum != Checksum::Partial || offload.checksum);
            if bare && self.outward.is_none() {
                self.outbox.push_back(frame);
                continue;
            }
            let (medium, mtu) = (self.device.medium(), self.device.mtu());
            let Ok(pieces) = split::split_on(medium, &frame, mtu) else {
                self.shared.refused.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            match &mut self.outward {
                Some(link) => {
                    let mut journal = stage.observed.then_some(&mut self.journal);
                    if let Some(journal) = &mut journal {
                        journal.catch_up(stage.stack);
                    }
                    let way = (Direction::Out, IFACE);
                    send_by(link, pieces, now, journal, (way, medium));
                }
                None => self.outbox.extend(pieces),
            }
            self.outbox.extend(self.outward.iter_mut().flat_map(|link| released(link, now)));
        }
        self.outbox.extend(self.outward.iter_mut().flat_map(|link| released(link, now)));
        let way = (Direction::Out, self.device.medium());
        tell_dropped(&mut self.outward, stage.observed.then_some(&mut self.journal), way);
    }

    /// Gives the device what it takes; says whether it took something.
    fn transmit(&mut self, now: Instant, audience: bool) -> io::Result<bool> {
        let mut sent = false;
        self.full = false;
        while let Some(frame) = self.outbox.front() {
            match self.device.transmit(frame) {
                Ok(true) if audience => {
                    let link = (self.device.medium(), self.device.mtu());
                    self.journal.went(now, IFACE, frame, link);
                }
                Ok(true) => {}
                Ok(false) => {
                    self.full = true;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    self.shared.refused.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => return Err(error),
            }
            self.outbox.pop_front();
            sent = true;
        }
        Ok(sent)
    }

    /// When there is something to do, whatever the device says.
    fn deadline(&self, stack: Option<Instant>) -> Option<Instant> {
        let links = [&self.inward, &self.outward].map(|link| link.as_ref()?.deadline());
        let shrink = (!self.shrunk).then(|| self.quiet_since + SILENCE);
        links.into_iter().chain([stack, shrink]).flatten().min()
    }

    fn sleep(&mut self, now: Instant, deadline: Option<Instant>) -> io::Result<()> {
        let mut most = deadline.map(|at| at.since(now));
        if self.full {
            // What is overdue waits for room; time is looked at all the same.
            most = Some(most.unwrap_or(FULL).max(FULL));
        }
        if most.is_some_and(|most| most.is_zero()) {
            return Ok(());
        }
        #[cfg(unix)]
        let on: Descriptor<'_> = self.device.descriptor().map(|fd| (fd, self.full));
        #[cfg(not(unix))]
        let on: Descriptor<'_> = None;
        self.bell.sleep(on, most)
    }
}

/// Gives packets to a link, and tells of those that it loses.
fn send_by(
    link: &mut Link,
    packets: impl IntoIterator<Item = Frame>,
    now: Instant,
    mut journal: Option<&mut Journal>,
    (way, medium): ((Direction, IfaceId), Medium),
) {
    for packet in packets {
        let gone = link.input(now, packet);
        if let (Some(gone), Some(journal)) = (gone, &mut journal) {
            journal.lost(now, way, medium, gone);
        }
    }
}

/// Tells of packets that a link has taken and dropped later.
fn tell_dropped(
    link: &mut Option<Link>,
    mut journal: Option<&mut Journal>,
    (way, medium): (Direction, Medium),
) {
    while let Some((at, why, frame)) = link.as_mut().and_then(Link::dropped) {
        if let Some(journal) = &mut journal {
            journal.lost(at, (way, IFACE), medium, (why, frame));
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

/// What a link lets out.
fn released(link: &mut Link, now: Instant) -> impl Iterator<Item = Frame> + '_ {
    std::iter::from_fn(move || link.output(now))
}

/// Whether a connection whose user is gone still has something that its peer does not know of.
fn is_closing(stage: &Stage<'_>) -> bool {
    let slots = stage.stack.tcp().iter();
    let mut conns = slots.map(|slot| &slot.conn);
    conns.any(|conn| conn.is_orphan() && !conn.readiness().finished)
}
