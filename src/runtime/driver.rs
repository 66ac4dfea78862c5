//! What a driver does: it takes frames from a device to a host, and back.
//!
//! A round: read what has come; take one turn with the host, at one moment and under one lock
//! (input, poll, output); give the device what is to be sent. Whoever had it done wakes the users,
//! and sees to it that the audience is told.
//!
//! Between device and host there may be a pair of bad links ([`crate::impair`]). They see packets
//! as a wire carries them, behind the splitter; observers see what the device carries: what
//! arrives before the inward link, and what leaves behind the outward one.

use crate::base::time::sooner;
use crate::base::{Checksum, Frame, IfaceId, Instant, Medium, Pool};
use crate::device::{Device, split};
use crate::impair::Link;
use crate::net::{Direction, Host, Journal, Stage, Turn, Woken};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Frames read, and frames sent, per round at most.
pub(super) const BATCH: usize = 64;
/// Bytes read per round, after which it reads no more: what has come is to be in the processor's
/// cache still when it is looked at.
const BATCH_BYTES: usize = 192 << 10;
/// Silence after which memory is given back.
const SILENCE: Duration = Duration::from_secs(1);
/// The interface that the device is.
pub(super) const IFACE: IfaceId = IfaceId(0);

/// What a round gave.
#[derive(Debug)]
pub(super) struct Round {
    /// Its time.
    pub(super) now: Instant,
    /// When the next one is due at the latest.
    pub(super) deadline: Option<Instant>,
    /// The device may have more to be read.
    pub(super) more: bool,
    /// How many bytes came.
    pub(super) came: usize,
    /// How many bytes went.
    pub(super) went: usize,
    /// The device has not taken all there was.
    pub(super) full: bool,
    /// Something is to be sent.
    pub(super) rest: bool,
    /// Connections whose users are gone are about to close.
    pub(super) closing: bool,
    /// Somebody is to be told what has happened.
    pub(super) audience: bool,
    /// What is kept until then: bytes that came and went, and records.
    pub(super) kept: (usize, usize),
    /// Who can go on.
    pub(super) woken: Woken,
}

/// A device, a host, and what is between them.
#[derive(Debug)]
pub(super) struct Driver<D> {
    host: Host,
    device: D,
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
    /// Frames that the device could not take.
    refused: Arc<AtomicU64>,
}

impl<D: Device> Driver<D> {
    /// Between a device and a host, with links on the way in and out.
    pub(super) fn new(
        host: Host,
        device: D,
        links: [Option<Link>; 2],
        refused: Arc<AtomicU64>,
    ) -> Driver<D> {
        let medium = device.medium();
        let [inward, outward] = links.map(|link| {
            let mut link = link?;
            link.set_medium(medium);
            Some(link)
        });
        Driver {
            pool: host.pool().clone(),
            quiet_since: host.now(),
            host,
            device,
            inward,
            outward,
            inbox: Vec::with_capacity(BATCH),
            outbox: VecDeque::with_capacity(BATCH),
            journal: Journal::new(),
            full: false,
            shrunk: true,
            refused,
        }
    }

    /// The host.
    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    /// Another descriptor of the device, if it has one.
    ///
    /// # Errors
    /// When the process has none left.
    #[cfg(unix)]
    pub(super) fn descriptor(&self) -> io::Result<Option<std::os::fd::OwnedFd>> {
        self.device.descriptor().map(|fd| fd.try_clone_to_owned()).transpose()
    }

    /// Takes up to `most` frames from the device, and a turn with the host.
    ///
    /// # Errors
    /// When the device is gone.
    pub(super) fn round(&mut self, most: usize, stopping: bool) -> io::Result<Round> {
        let (came, more) = self.receive(most)?;
        let earlier = (self.journal.bytes(), self.journal.records());
        let turn = self.turn(stopping);
        let now = turn.now;
        let went = self.transmit(now, turn.shown)?;
        if came + went > 0 {
            (self.quiet_since, self.shrunk) = (now, false);
        }
        let deadline = self.deadline(turn.deadline);
        let closing = turn.answer || self.is_under_way();
        let Turn { audience, woken, .. } = turn;
        let recorded = if turn.recorded { came + went } else { 0 };
        let bytes = recorded + self.journal.bytes() - earlier.0;
        let kept = (bytes, self.journal.records() - earlier.1);
        let (full, rest) = (self.full, !self.outbox.is_empty());
        Ok(Round { now, deadline, more, came, went, full, rest, closing, audience, kept, woken })
    }

    /// Tells the audience of the rounds since it was told last.
    #[cfg(feature = "tokio")]
    pub(super) fn tell(&mut self) {
        self.host.tell(&mut self.journal);
    }

    /// The same, for who tells while others do rounds: takes what is to be told for an empty one.
    pub(super) fn swap_journal(&mut self, empty: &mut Journal) {
        self.host.catch_up(&mut self.journal);
        std::mem::swap(&mut self.journal, empty);
    }

    /// Whether the device has read what it has not given yet.
    pub(super) fn holds(&self) -> bool {
        self.device.holds()
    }

    /// Whether a link still holds what was sent.
    fn is_under_way(&self) -> bool {
        self.outward.as_ref().is_some_and(|link| !link.is_empty())
    }

    /// Reads what has come; says how many bytes that were, and whether there may be more.
    fn receive(&mut self, most: usize) -> io::Result<(usize, bool)> {
        let mut came = 0;
        while self.inbox.len() < most && came < BATCH_BYTES {
            let Some(frame) = self.device.receive(&self.pool)? else { return Ok((came, false)) };
            came += frame.len();
            self.inbox.push(frame);
        }
        Ok((came, true))
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
            if stage.shown {
                self.journal.came(now, IFACE, &frame, (medium, mtu));
            }
            let Some(link) = &mut self.inward else {
                stage.stack.input(now, IFACE, frame);
                if stage.shown {
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
            if stage.shown {
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
                self.refused.fetch_add(1, Ordering::Relaxed);
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

    /// Gives the device what it takes; says how many bytes that were.
    fn transmit(&mut self, now: Instant, shown: bool) -> io::Result<usize> {
        let mut sent = 0;
        self.full = false;
        while let Some(frame) = self.outbox.front() {
            match self.device.transmit(frame) {
                Ok(true) if shown => {
                    let link = (self.device.medium(), self.device.mtu());
                    self.journal.went(now, IFACE, frame, link);
                }
                Ok(true) => {}
                Ok(false) => {
                    self.full = true;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => return Err(error),
            }
            sent += frame.len();
            self.outbox.pop_front();
        }
        Ok(sent)
    }

    /// When there is something to do, whatever the device says.
    fn deadline(&self, stack: Option<Instant>) -> Option<Instant> {
        let link = |link: &Option<Link>| link.as_ref()?.deadline();
        let links = sooner(link(&self.inward), link(&self.outward));
        let shrink = (!self.shrunk).then(|| self.quiet_since + SILENCE);
        sooner(sooner(stack, shrink), links)
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
