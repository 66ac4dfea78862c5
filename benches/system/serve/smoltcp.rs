//! smoltcp on the same TUN device: one loop that owns the device, the interface, the sockets and
//! the service. It takes packets in batches before it sends, so that acknowledgements merge, and
//! its users see the bytes in the sockets' own buffers, without a copy.

use super::{BATCH, BUFFER, Service, ready};
use crate::cell::Cell;
use crate::{Outcome, lan};
use netglass::sys::poll::{Interest, Wake, wait};
use smoltcp::iface::{
    Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet,
};
use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpCidr};
use std::os::fd::{AsFd, OwnedFd};

/// Sockets besides those for the streams: smoltcp has no backlog, a socket that listens becomes the
/// connection.
const SPARE: u16 = 3;

/// Serves for ever.
pub(super) fn run(Cell { load, mtu, .. }: Cell) -> Outcome<()> {
    let mut device = Device::new(lan::tun(mtu, lan::Kind::Plain)?, mtu.into());
    let mut config = Config::new(HardwareAddress::Ip);
    config.random_seed = 12;
    let mut iface = Interface::new(config, &mut device, Instant::now());
    iface.update_ip_addrs(|addrs| {
        addrs.push(IpCidr::new(lan::FAR.into(), lan::PREFIX)).expect("room for one address");
    });
    let mut sockets = SocketSet::new(Vec::new());
    let mut clients: Vec<Client> = Vec::new();
    for service in load.services() {
        for _ in 0..load.streams + SPARE {
            clients.push(Client::new(&mut sockets, *service)?);
        }
    }
    let wake = Wake::new()?;
    ready();
    loop {
        let now = Instant::now();
        let mut came = 0;
        while came < BATCH
            && iface.poll_ingress_single(now, &mut device, &mut sockets)
                != PollIngressSingleResult::None
        {
            came += 1;
        }
        for client in &mut clients {
            client.step(sockets.get_mut(client.handle))?;
        }
        // Each pass sends at most one packet of every socket.
        for _ in 0..BATCH {
            if iface.poll_egress(now, &mut device, &mut sockets) == PollResult::None {
                break;
            }
        }
        if came == BATCH {
            continue;
        }
        let delay = iface.poll_delay(Instant::now(), &sockets).map(std::time::Duration::from);
        if delay.is_none_or(|delay| !delay.is_zero()) {
            wait(Some((device.fd.as_fd(), Interest::Read)), &wake, delay)?;
        }
    }
}

/// A socket that serves one connection after the other.
struct Client {
    handle: SocketHandle,
    service: Service,
    read: u64,
}

impl Client {
    fn new(sockets: &mut SocketSet<'_>, service: Service) -> Outcome<Client> {
        let buffer = || SocketBuffer::new(vec![0; BUFFER]);
        let mut socket = Socket::new(buffer(), buffer());
        socket.set_nagle_enabled(false);
        socket.listen(service.port())?;
        Ok(Client { handle: sockets.add(socket), service, read: 0 })
    }

    fn step(&mut self, socket: &mut Socket<'_>) -> Outcome<()> {
        if !socket.is_open() {
            self.read = 0;
            socket.listen(self.service.port())?;
        }
        match self.service {
            Service::Sink => self.sink(socket),
            Service::Source => source(socket),
            Service::Echo => echo(socket),
            Service::Http => Err("no HTTP on smoltcp".into()),
        }
    }

    fn sink(&mut self, socket: &mut Socket<'_>) -> Outcome<()> {
        while socket.can_recv() {
            self.read += socket.recv(|bytes| (bytes.len(), bytes.len()))? as u64;
        }
        if has_ended(socket) {
            socket.send_slice(&self.read.to_be_bytes())?;
            socket.close();
        }
        Ok(())
    }
}

fn source(socket: &mut Socket<'_>) -> Outcome<()> {
    while socket.can_send() {
        socket.send(|room| {
            room.fill(0x5a);
            (room.len(), ())
        })?;
    }
    Ok(())
}

fn echo(socket: &mut Socket<'_>) -> Outcome<()> {
    while socket.can_recv() && socket.can_send() {
        let mut room = [0; 4096];
        let most = room.len().min(socket.send_capacity() - socket.send_queue());
        let read = socket.recv_slice(&mut room[..most])?;
        socket.send_slice(&room[..read])?;
    }
    if has_ended(socket) {
        socket.close();
    }
    Ok(())
}

/// Whether the peer has closed, and everything it sent was read.
fn has_ended(socket: &Socket<'_>) -> bool {
    socket.may_send() && !socket.may_recv()
}

/// The TUN device as smoltcp wants it.
struct Device {
    fd: OwnedFd,
    mtu: usize,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
}

impl Device {
    fn new(fd: OwnedFd, mtu: usize) -> Device {
        Device { fd, mtu, incoming: vec![0; mtu], outgoing: vec![0; mtu] }
    }
}

impl phy::Device for Device {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Room<'_>)> {
        let n = nix::unistd::read(&self.fd, &mut self.incoming).ok()?;
        let room = Room { fd: &self.fd, bytes: &mut self.outgoing };
        Some((Received(&self.incoming[..n]), room))
    }

    fn transmit(&mut self, _: Instant) -> Option<Room<'_>> {
        Some(Room { fd: &self.fd, bytes: &mut self.outgoing })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

struct Received<'a>(&'a [u8]);

impl phy::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

struct Room<'a> {
    fd: &'a OwnedFd,
    bytes: &'a mut Vec<u8>,
}

impl phy::TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let packet = &mut self.bytes[..len];
        let answer = f(packet);
        // A packet that the kernel does not take is lost, as on any wire.
        let _ = nix::unistd::write(self.fd, packet);
        answer
    }
}
