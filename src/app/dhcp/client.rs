//! A DHCP client at work on a host: the machine's messages over a UDP socket, and its lease as the
//! address and the routes of an interface.

use super::event::Event;
use super::lease::{Lease, Via};
use super::machine::{Action, Granted, Machine, Settings};
use super::message::{CLIENT_PORT, MESSAGE_MAX, SERVER_PORT};
use crate::base::{Chance, Duration, IfaceId, Instant};
use crate::ip::{NewAddress, Origin, Route, Standing};
use crate::net::Host;
use crate::net::rt;
use crate::net::tokio::UdpSocket;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::sync::{oneshot, watch};

/// How often it is looked at whether an address is somebody's.
const GLANCE: Duration = Duration::from_millis(50);
/// How long the end waits for the last message to be sent.
const PATIENCE: Duration = Duration::from_secs(1);

/// How a client asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The host's name, for servers that give names to addresses.
    pub hostname: Option<String>,
    /// An address that the host had before, to be asked for first.
    pub remembered: Option<Ipv4Addr>,
    /// Bits that nobody else knows.
    pub secret: [u64; 2],
}

/// A client at work. Dropping it ends it and leaves the address where it is, until its time is
/// over.
#[derive(Debug)]
pub struct Client {
    granted: watch::Receiver<Option<Granted>>,
    stop: Option<oneshot::Sender<()>>,
    task: rt::JoinHandle<()>,
}

impl Client {
    /// Starts to ask for an address for an interface. What happens is told to `tell`. It is to be
    /// called within a tokio runtime that has a timer: the client is a task of it.
    ///
    /// # Errors
    /// `Unsupported` for an interface that is not on an Ethernet; `AddrInUse` when port 68 is.
    pub fn start(
        host: &Host,
        iface: IfaceId,
        options: Options,
        tell: impl FnMut(&Event) + Send + 'static,
    ) -> io::Result<Client> {
        let mac = host.with(|stack, _| stack.mac(iface)).ok_or_else(|| {
            io::Error::new(io::ErrorKind::Unsupported, "DHCP is spoken on an Ethernet only")
        })?;
        let socket = UdpSocket::bind(host, SocketAddr::from((Ipv4Addr::UNSPECIFIED, CLIENT_PORT)))?;
        socket.set_broadcast(true)?;
        socket.bind_device(Some(iface))?;
        let Options { hostname, remembered, secret } = options;
        let settings = Settings { mac, hostname, remembered };
        let (sender, granted) = watch::channel(None);
        let worker = Worker {
            machine: Machine::new(host.now(), settings, Chance::from_key(secret)),
            host: host.clone(),
            iface,
            socket,
            checking: None,
            routes: Vec::new(),
            granted: sender,
            tell,
        };
        let (stop, stopped) = oneshot::channel();
        let task = rt::spawn(worker.run(stopped));
        Ok(Client { granted, stop: Some(stop), task })
    }

    /// The lease that the host lives by, as it changes.
    pub fn granted(&self) -> watch::Receiver<Option<Granted>> {
        self.granted.clone()
    }

    /// Waits for a lease; `None` when the client has ended with the host's driver.
    pub async fn leased(&self) -> Option<Granted> {
        let mut granted = self.granted.clone();
        granted.wait_for(Option::is_some).await.ok()?.clone()
    }

    /// Gives the address back, if there is one, and ends.
    pub async fn release(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
            let _ = (&mut self.task).await;
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The task's own.
struct Worker<T> {
    host: Host,
    iface: IfaceId,
    socket: UdpSocket,
    machine: Machine,
    /// The address that others are being asked about.
    checking: Option<Ipv4Addr>,
    /// The routes of the lease.
    routes: Vec<Route>,
    granted: watch::Sender<Option<Granted>>,
    tell: T,
}

impl<T: FnMut(&Event)> Worker<T> {
    /// Works until the host's driver ends, or until it is to stop.
    async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        let mut room = vec![0; MESSAGE_MAX];
        loop {
            self.look();
            self.machine.poll(self.host.now());
            self.act().await;
            let pause = self.pause();
            tokio::select! {
                biased;
                stopped = &mut stop => {
                    if stopped.is_ok() {
                        self.machine.release();
                        self.act().await;
                    }
                    return;
                }
                received = self.socket.recv_from(&mut room) => match received {
                    Ok((len, SocketAddr::V4(from))) => {
                        // What is of no use is counted and told there.
                        let _ = self.machine.input(self.host.now(), *from.ip(), &room[..len]);
                    }
                    Ok(_) => {}
                    Err(error) => {
                        log::debug!("the DHCP client ends: {error}");
                        return;
                    }
                },
                () = pause => {}
            }
        }
    }

    /// Ends when the machine, or a check, has something to do.
    fn pause(&self) -> impl Future<Output = ()> + use<T> {
        let due = self.machine.deadline().map(|at| at.since(self.host.now()));
        let glance = self.checking.map(|_| GLANCE);
        let time = due.into_iter().chain(glance).min();
        async move {
            match time {
                Some(time) => rt::sleep(time).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Looks how far the check of an address is.
    fn look(&mut self) {
        let Some(addr) = self.checking else { return };
        let standing = |stack: &mut crate::stack::Stack, _| {
            stack.address(self.iface, addr.into()).map(|own| own.standing)
        };
        let free = match self.host.with(standing) {
            Some(Standing::Tentative) => return,
            Some(Standing::Usable) => true,
            Some(Standing::Duplicate) | None => false,
        };
        self.checking = None;
        self.machine.checked(self.host.now(), addr, free);
    }

    /// Does what the machine wants done, and tells.
    async fn act(&mut self) {
        while let Some(action) = self.machine.output() {
            match action {
                Action::Send { to, bytes } => {
                    // What cannot be sent is lost, as datagrams may be: it is sent again.
                    let sent = self.socket.send_to(&bytes, (to, SERVER_PORT).into()).await;
                    if let Err(error) = sent {
                        log::debug!("a DHCP message to {to} is not sent: {error}");
                    }
                }
                Action::Check(granted) => self.check(&granted),
                Action::Configure(granted) => self.configure(&granted),
                Action::Withdraw(addr) => self.withdraw(addr).await,
            }
        }
        for event in self.machine.take_events() {
            (self.tell)(&event);
        }
        let lease = self.machine.lease();
        self.granted.send_if_modified(|known| {
            let is_new = *known != lease;
            *known = lease;
            is_new
        });
    }

    /// Adds the address as one that others are asked about first.
    fn check(&mut self, granted: &Granted) {
        let addr = granted.lease.ip();
        match self.assign(granted, true) {
            Ok(()) => self.checking = Some(addr),
            Err(error) => {
                log::debug!("{addr} cannot be had: {error}");
                self.machine.checked(self.host.now(), addr, false);
            }
        }
    }

    /// Gives the interface what the lease grants, and takes away what it grants no more.
    fn configure(&mut self, granted: &Granted) {
        let Lease { addr, .. } = *granted.lease;
        let known =
            self.host.with(|stack, _| stack.address(self.iface, addr.addr()).map(|own| own.cidr));
        if known.is_some_and(|known| known != addr) {
            self.remove(addr.addr()); // its network has changed
        }
        if let Err(error) = self.assign(granted, false) {
            log::warn!("the lease of {addr} cannot be used: {error}");
        }
        let routes = granted.lease.routes.iter().map(|via| self.route(via)).collect();
        let old = std::mem::replace(&mut self.routes, routes);
        self.host.with(|stack, now| {
            // It has been there since the start.
            stack.limit_mtu(now, self.iface, granted.lease.mtu).unwrap_or_default();
            for route in old.iter().filter(|old| !self.routes.contains(old)) {
                let gone = stack.remove_route(now, self.iface, route.dst, route.metric);
                log::debug!("{route}: {gone:?}");
            }
            for route in &self.routes {
                if let Err(error) = stack.add_route(now, *route) {
                    log::warn!("{route}: {error}");
                }
            }
        });
    }

    fn assign(&self, granted: &Granted, probe: bool) -> io::Result<()> {
        let assigned = self.host.with(|stack, now| {
            let left = granted.until.map(|until: Instant| until.since(now));
            let (cidr, origin) = (granted.lease.addr, Origin::Dhcp);
            let new = NewAddress { cidr, origin, preferred: left, valid: left, probe };
            stack.add_address(now, self.iface, new)
        });
        Ok(assigned?)
    }

    fn route(&self, via: &Via) -> Route {
        let (dst, via) = (via.dst, via.router.map(IpAddr::V4));
        Route { dst, via, iface: self.iface, metric: 0, origin: Origin::Dhcp }
    }

    /// Takes an address and its routes away, when what was to be sent from it is on its way.
    async fn withdraw(&mut self, addr: Ipv4Addr) {
        self.checking = None;
        let unsent = || self.socket.unsent_bytes().is_ok_and(|bytes| bytes > 0);
        let sent = async {
            while unsent() {
                rt::sleep(GLANCE).await;
            }
        };
        let _ = rt::timeout(PATIENCE, sent).await;
        let routes = std::mem::take(&mut self.routes);
        self.host.with(|stack, now| {
            stack.limit_mtu(now, self.iface, None).unwrap_or_default();
            for route in &routes {
                let gone = stack.remove_route(now, self.iface, route.dst, route.metric);
                log::debug!("{route}: {gone:?}");
            }
        });
        self.remove(addr.into());
    }

    fn remove(&self, addr: IpAddr) {
        // It may have gone by itself, with its time.
        let gone = self.host.with(|stack, now| stack.remove_address(now, self.iface, addr));
        log::debug!("{addr} is removed: {gone:?}");
    }
}

#[cfg(test)]
mod tests;
