//! What a device allows: a peer that answers Linux as a stack must, with no protocol behind it. It
//! copies each byte once, to a reader or from a writer, acknowledges once per batch of packets and
//! each 64 KiB, as netglass does, and keeps to Linux's window. It takes only what is next, so that
//! a packet that the device drops is sent again, as to any stack, and not hidden.

mod conn;
mod wire;

use super::{BATCH, ROOM, Service, Subject, ready};
use crate::cell::Cell;
use crate::{Outcome, lan};
use conn::Conn;
use netglass::sys::poll::{Interest, Wake, wait};
use nix::errno::Errno;
use nix::sys::uio::writev;
use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};
use wire::{HEADERS, Heard, RST, SYN, Said, VNET};

/// How long what was sent is waited for before it is sent again.
const TIMEOUT: Duration = Duration::from_millis(200);
/// The windows of all connections together: with this, most goes through on one, and on a plain
/// device the interface's queue holds it in packets of the MTU.
const WINDOW: u32 = 2 << 20;
/// The least of one where super-segments go.
const WINDOW_MIN: u32 = 256 << 10;
/// The most payload of one super-segment.
const SUPER: usize = 65_535 - HEADERS;
/// What every byte is.
const BYTE: u8 = 0x5a;

/// The device, and where the bytes come from and go to.
struct Wire {
    fd: OwnedFd,
    offload: bool,
    mss: u16,
    /// The window that is offered on each connection.
    window: u32,
    /// The most payload of one packet.
    most: usize,
    start: Instant,
    /// What a writer has, and what is sent of it.
    full: Vec<u8>,
    block: Vec<u8>,
    /// A reader's buffer, and how much of it is used.
    room: Vec<u8>,
    used: usize,
}

impl Wire {
    fn new(cell: Cell) -> Outcome<Wire> {
        let offload = cell.subject == Subject::Limit;
        let mss = cell.mtu - HEADERS as u16;
        let one = usize::from(mss);
        let share = WINDOW / u32::from(cell.load.streams);
        Ok(Wire {
            fd: lan::tun(cell.mtu, cell.subject.device())?,
            offload,
            mss,
            window: share.max(if offload { WINDOW_MIN } else { 0 }),
            most: if offload { SUPER / one * one } else { one },
            start: Instant::now(),
            full: vec![BYTE; ROOM],
            block: vec![0; SUPER],
            room: vec![0; ROOM],
            used: 0,
        })
    }

    /// The clock of our timestamps.
    fn now(&self) -> u32 {
        1 + self.start.elapsed().as_millis() as u32
    }

    /// Reads a packet, without the device's header.
    fn receive<'a>(&self, packet: &'a mut [u8]) -> Outcome<Option<&'a [u8]>> {
        let skipped = if self.offload { VNET } else { 0 };
        match nix::unistd::read(&self.fd, packet) {
            Ok(n) => Ok(Some(&packet[skipped.min(n)..n])),
            Err(Errno::EAGAIN | Errno::EINTR | Errno::EIO) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// A reader takes some bytes.
    fn hand_over(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let n = bytes.len().min(self.room.len() - self.used);
            self.room[self.used..self.used + n].copy_from_slice(&bytes[..n]);
            self.used = (self.used + n) % self.room.len();
            bytes = &bytes[n..];
        }
    }

    /// Sends a segment with a payload of a writer.
    fn send(&mut self, said: Said) {
        let from = said.seq as usize % (ROOM - SUPER);
        self.block[..said.len].copy_from_slice(&self.full[from..from + said.len]);
        let sum = if self.offload { 0 } else { (said.len / 2) as u64 * 0x5a5a };
        let odd = if said.len % 2 == 1 && !self.offload { u64::from(BYTE) << 8 } else { 0 };
        self.put(Said { sum: sum + odd, ..said }, &self.block[..said.len]);
    }

    /// Sends a segment with this payload.
    fn put(&self, said: Said, payload: &[u8]) {
        let mut head = [0; wire::ROOM];
        let n = said.write(self.offload, &mut head);
        let slices = [IoSlice::new(&head[..n]), IoSlice::new(payload)];
        let slices = if payload.is_empty() { &slices[..1] } else { &slices[..] };
        // A packet that the device does not take is lost, as on any wire.
        let _ = writev(&self.fd, slices);
    }
}

/// All connections, by the peer's port and the service.
struct Conns {
    services: &'static [Service],
    places: Vec<Option<Box<Conn>>>,
}

impl Conns {
    fn new(services: &'static [Service]) -> Conns {
        let places = (0..services.len() << 16).map(|_| None).collect();
        Conns { services, places }
    }

    /// The place of a segment's connection, and its service.
    fn place(&self, heard: &Heard) -> Option<(usize, Service)> {
        let at = self.services.iter().position(|service| service.port() == heard.dst)?;
        Some((at << 16 | usize::from(heard.src), self.services[at]))
    }

    /// A segment came; its connection's place, when that has something to do.
    fn input(&mut self, wire: &mut Wire, heard: &Heard, payload: &[u8]) -> Option<usize> {
        let (place, service) = self.place(heard)?;
        if heard.flags & RST != 0 {
            self.places[place] = None;
            return None;
        }
        if heard.flags & SYN != 0 {
            let conn = Conn::open(wire, service, heard);
            self.places[place] = Some(Box::new(conn));
            return None;
        }
        let conn = self.places[place].as_mut()?;
        conn.input(wire, heard, payload);
        if conn.is_over() {
            self.places[place] = None;
            return None;
        }
        let first = !std::mem::replace(&mut conn.touched, true);
        first.then_some(place)
    }
}

/// Serves for ever.
pub(super) fn run(cell: Cell) -> Outcome<()> {
    let mut wire = Wire::new(cell)?;
    let mut conns = Conns::new(cell.load.services());
    let mut packet = vec![0; VNET + usize::from(u16::MAX)];
    let (mut touched, wake): (Vec<usize>, _) = (Vec::new(), Wake::new()?);
    let mut waiting: Vec<usize> = Vec::new();
    ready();
    loop {
        let mut came = 0;
        while came < BATCH
            && let Some(packet) = wire.receive(&mut packet)?
        {
            came += 1;
            if let Some((heard, payload)) = wire::read(packet) {
                touched.extend(conns.input(&mut wire, &heard, payload));
            }
        }
        // As many packets as came at most: each may be answered by one.
        let (now, mut most) = (wire.now(), BATCH);
        waiting.clear();
        for place in touched.drain(..) {
            let Some(conn) = &mut conns.places[place] else { continue };
            conn.touched = conn.output(&mut wire, now, &mut most);
            if conn.touched {
                waiting.push(place);
            }
        }
        touched.extend(&waiting);
        if came == BATCH || !touched.is_empty() {
            continue;
        }
        let sources = cell.load.services().contains(&Service::Source);
        let ready =
            wait(Some((wire.fd.as_fd(), Interest::Read)), &wake, sources.then_some(TIMEOUT))?;
        if !ready.device {
            let open = conns.places.iter_mut().enumerate();
            let late = open.filter_map(|(at, conn)| conn.as_mut()?.go_back().then_some(at));
            touched.extend(late);
        }
    }
}

/// Whether `a` is before `b`.
fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}
