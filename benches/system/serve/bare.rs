//! netglass without its driver: one loop owns the device, the stack and the service, as a program
//! on smoltcp does.

use super::{BATCH, ROOM, Service, idle, netglass, ready};
use crate::cell::Cell;
use crate::{Outcome, lan};
use ::netglass::base::{ConnId, Frame, IfaceId, Instant, ListenerId, SocketError};
use ::netglass::device::{Device, offload::AnyTun, split};
use ::netglass::stack::{ListenOptions, Stack};
use ::netglass::sys::poll::{Interest, Wake, wait};
use std::collections::VecDeque;

/// Bytes taken per turn at most, as netglass' driver does.
const BATCH_BYTES: usize = 192 << 10;

/// The services, and the connections they have.
struct App {
    services: Vec<(Service, ListenerId)>,
    conns: Vec<Client>,
    room: Vec<u8>,
}

/// A connection.
struct Client {
    id: ConnId,
    service: Service,
    read: u64,
    /// Read and not yet sent back.
    owed: VecDeque<u8>,
    /// It has written, and will write more when that is sent: what is written is to be in the
    /// processor's cache still when it goes out.
    writes: bool,
}

/// Serves for ever.
pub(super) fn run(cell: Cell) -> Outcome<()> {
    let mut device = netglass::device(cell.subject, cell.mtu)?;
    let start = std::time::Instant::now();
    let clock = || Instant::ZERO + start.elapsed();
    let mut stack = Stack::new(netglass::setup(cell.mtu)?);
    idle::add(&mut stack, clock(), cell.load.idle, cell.mtu)?;
    let listen = |service: &Service| {
        let options = ListenOptions::default();
        Ok((*service, stack.listen(clock(), lan::service(*service), options)?))
    };
    let services = cell.load.services().iter().map(listen).collect::<Outcome<_>>()?;
    let mut app = App { services, conns: Vec::new(), room: vec![0x5a; ROOM] };
    let (mut outbox, wake) = (VecDeque::new(), Wake::new()?);
    ready();
    loop {
        let now = clock();
        let (mut came, mut bytes) = (0, 0);
        while came < BATCH
            && bytes < BATCH_BYTES
            && let Some(frame) = device.receive(&stack.pool().clone())?
        {
            bytes += frame.len();
            stack.input(now, IfaceId(0), frame);
            came += 1;
        }
        stack.poll(now);
        app.step(&mut stack, now);
        let room = send(&mut stack, &mut device, &mut outbox, now)?;
        let writes = room && app.conns.iter().any(|client| client.writes);
        if came == BATCH || bytes >= BATCH_BYTES || writes {
            continue;
        }
        let deadline = stack.deadline(now).map(|at| at.since(clock()));
        if room && deadline.is_some_and(|most| most.is_zero()) {
            continue;
        }
        let interest = if room { Interest::Read } else { Interest::ReadWrite };
        wait(device.descriptor().map(|fd| (fd, interest)), &wake, deadline)?;
    }
}

/// Gives the device what the stack sends; `false` when it has no room.
fn send(
    stack: &mut Stack,
    device: &mut AnyTun,
    outbox: &mut VecDeque<Frame>,
    now: Instant,
) -> Outcome<bool> {
    while outbox.len() < BATCH
        && let Some((_, frame)) = stack.output(now)
    {
        if device.offload().gso {
            outbox.push_back(frame);
            continue;
        }
        match split::split(&frame, device.mtu()) {
            Ok(pieces) => outbox.extend(pieces),
            Err(error) => return Err(format!("{error:?}").into()),
        }
    }
    while let Some(frame) = outbox.front() {
        if !device.transmit(frame)? {
            return Ok(false);
        }
        outbox.pop_front();
    }
    Ok(true)
}

impl App {
    fn step(&mut self, stack: &mut Stack, now: Instant) {
        let App { services, conns, room } = self;
        for (service, listener) in services {
            while let Ok((id, _)) = stack.accept(now, *listener) {
                conns.push(Client {
                    id,
                    service: *service,
                    read: 0,
                    owed: VecDeque::new(),
                    writes: false,
                });
            }
        }
        conns.retain_mut(|client| {
            let goes_on = match client.service {
                Service::Sink => client.sink(stack, now, room),
                Service::Source => client.source(stack, now, room),
                Service::Echo => client.echo(stack, now, room),
                Service::Http => false,
            };
            if !goes_on {
                stack.close(now, client.id);
            }
            goes_on
        });
    }
}

/// The services: each does what it can and says whether there will be more.
impl Client {
    fn sink(&mut self, stack: &mut Stack, now: Instant, room: &mut [u8]) -> bool {
        loop {
            match stack.read(now, self.id, room) {
                Ok(0) => {
                    let _ = stack.write(now, self.id, &self.read.to_be_bytes());
                    return false;
                }
                Ok(more) => self.read += more as u64,
                Err(error) => return error == SocketError::WouldBlock,
            }
        }
    }

    fn source(&mut self, stack: &mut Stack, now: Instant, room: &[u8]) -> bool {
        let written = stack.write(now, self.id, room);
        self.writes = written.is_ok();
        written.is_ok() || written == Err(SocketError::WouldBlock)
    }

    fn echo(&mut self, stack: &mut Stack, now: Instant, room: &mut [u8]) -> bool {
        loop {
            while !self.owed.is_empty() {
                match stack.write(now, self.id, self.owed.make_contiguous()) {
                    Ok(sent) => drop(self.owed.drain(..sent)),
                    Err(error) => return error == SocketError::WouldBlock,
                }
            }
            match stack.read(now, self.id, room) {
                Ok(0) => return false,
                Ok(more) => self.owed.extend(&room[..more]),
                Err(error) => return error == SocketError::WouldBlock,
            }
        }
    }
}
