//! The services on a host: what listens, and how all of it ends.

#[cfg(feature = "dns")]
use super::dns;
use super::door::Door;
use super::policy::Policies;
use super::services::{Service, Services, Transport};
use super::sight::Ladder;
use super::simple;
use crate::net::Host;
use crate::net::rt;
use crate::net::tokio::{TcpListener, UdpSocket};
use crate::stack::ListenOptions;
use crate::udp::Received;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How services behave.
#[derive(Clone, Default)]
pub struct Options {
    /// What they allow their clients.
    pub policies: Policies,
    /// Who draws the ladder that `/me` shows, if anybody.
    pub ladder: Option<Ladder>,
    /// Groups that are joined, whose datagrams the services over UDP answer, too.
    pub groups: Vec<IpAddr>,
    /// Names that DNS answers for besides `host.glass.`, which has the host's addresses: a line for
    /// each record, as [`dns::Zones::read`] takes them.
    #[cfg(feature = "dns")]
    pub zone: String,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("policies", &self.policies).finish_non_exhaustive()
    }
}

/// Services at work. Dropping it ends them and closes their connections.
///
/// ```
/// use netglass::app::{Options, Serving};
/// use netglass::net::{Host, tokio::TcpStream};
/// use netglass::stack::Setup;
/// use tokio::io::AsyncReadExt;
///
/// let host = |key, addr: &str| {
///     Host::new(Setup::new([key, 0]).with_iface("wire0", 1500, addr.parse().unwrap()))
/// };
/// let (a, b) = (host(1, "10.0.0.1/24"), host(2, "10.0.0.2/24"));
/// let _cable = netglass::runtime::memory::join(&a, &b, Default::default(), [None, None]).unwrap();
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let services = "daytime,echo".parse().unwrap();
/// let at = "10.0.0.2".parse().unwrap();
/// let _serving = Serving::start(&b, &[at], &services, Options::default()).unwrap();
/// let mut stream = TcpStream::connect(&a, "10.0.0.2:13".parse().unwrap()).await.unwrap();
/// let mut told = String::new();
/// stream.read_to_string(&mut told).await.unwrap();
/// assert!(told.ends_with("-UTC\r\n"));
/// # });
/// ```
#[derive(Debug)]
pub struct Serving {
    tasks: JoinSet<()>,
    places: Vec<Place>,
    stop: watch::Sender<bool>,
}

/// A service that listens.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The service.
    pub service: Service,
    /// What it is spoken over.
    pub transport: Transport,
    /// Where.
    pub at: SocketAddr,
}

impl Serving {
    /// Listens at each address of `at` (unspecified: at all of the host's) for the enabled
    /// services; a service holds its clients to its policy over all of them. It is to be called
    /// within a tokio runtime that has a timer: the services are its tasks.
    ///
    /// # Errors
    /// The first that a service gets from listening, with its name; `Unsupported` for HTTP and
    /// DNS without the features `http` and `dns`; `InvalidInput` for names that cannot be read.
    /// Then no service listens.
    pub fn start(
        host: &Host,
        at: &[IpAddr],
        services: &Services,
        options: Options,
    ) -> io::Result<Serving> {
        let (tasks, places) = (JoinSet::new(), Vec::new());
        let mut serving = Serving { tasks, places, stop: watch::Sender::new(false) };
        // Where both families have a place of their own, `::` leaves IPv4 to the other.
        let v6_only = at.contains(&Ipv4Addr::UNSPECIFIED.into());
        for entry in services.enabled() {
            let (service, transport) = (entry.service, entry.transport);
            // A socket at all addresses joins them; one at an address would not hear them.
            let is_heard = |group: &&IpAddr| at.iter().any(|ip| is_for(*ip, **group));
            let groups = options.groups.iter().filter(|group| !is_heard(group));
            let groups = groups.filter(|_| transport == Transport::Udp);
            let stop = serving.stop.subscribe();
            let door = Arc::new(Door::new(host, service, &options, stop)?);
            for ip in at.iter().chain(groups) {
                let at = SocketAddr::new(*ip, entry.port);
                let place = Place { service, transport, at };
                serving.add(host, place, (v6_only, &options.groups), &door).map_err(|error| {
                    let text = format!("{service} cannot listen at {at} ({transport}): {error}");
                    io::Error::new(error.kind(), text)
                })?;
            }
        }
        Ok(serving)
    }

    /// What listens.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Waits until no service is left: the host's driver has ended.
    pub async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    /// Ends the services gracefully: nothing listens any more, what is going on may take as long as
    /// the policies' `drain` allows, and connections in which nothing is going on close at once.
    /// Returns when the last has ended; what was written may still be on its way.
    pub async fn drain(&mut self) {
        // Nobody listens to it where no service runs.
        self.stop.send_replace(true);
        self.ended().await;
    }

    fn add(
        &mut self,
        host: &Host,
        mut place: Place,
        (v6_only, groups): (bool, &[IpAddr]),
        door: &Arc<Door>,
    ) -> io::Result<()> {
        if let Some(feature) = missing(place.service) {
            let text = format!("it was left out of this program (feature `{feature}`)");
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        match place.transport {
            Transport::Udp => {
                let socket = UdpSocket::bind(host, place.at)?;
                place.at = socket.local_addr()?;
                for group in groups.iter().filter(|group| is_for(place.at.ip(), **group)) {
                    match group {
                        IpAddr::V4(group) => {
                            socket.join_multicast_v4(group, &Ipv4Addr::UNSPECIFIED)?;
                        }
                        IpAddr::V6(group) => socket.join_multicast_v6(group, 0)?,
                    }
                }
                let stop = self.stop.subscribe();
                match place.service {
                    #[cfg(feature = "dns")]
                    Service::Dns => {
                        let names = Arc::clone(door.names());
                        let is_ours = is_ours(host, place, groups);
                        self.tasks
                            .spawn(dns::server::answer_datagrams(socket, names, is_ours, stop))
                    }
                    _ => {
                        self.tasks.spawn(answer(place, socket, is_ours(host, place, groups), stop))
                    }
                };
            }
            Transport::Tcp => {
                let options = ListenOptions { v6_only, ..door.listening() };
                let listener = TcpListener::bind_with(host, place.at, options)?;
                place.at = listener.local_addr()?;
                self.tasks.spawn(door.clone().open(listener));
            }
        }
        self.places.push(place);
        Ok(())
    }
}

/// Whether a socket at `ip` hears a group: one that is bound to it, or to no address.
fn is_for(ip: IpAddr, group: IpAddr) -> bool {
    ip == group || ip.is_unspecified() && ip.is_ipv4() == group.is_ipv4()
}

/// The feature that a service needs and this program does not have.
fn missing(service: Service) -> Option<&'static str> {
    match service {
        Service::Http if !cfg!(feature = "http") => Some("http"),
        Service::Dns if !cfg!(feature = "dns") => Some("dns"),
        _ => None,
    }
}

/// Says whether what was sent to an address is for the service at a place: its own address or
/// group, one of those that it was told to join, or any address of the host's. What is sent to
/// everybody would be answered by everybody, to whomever its sender names.
fn is_ours(host: &Host, place: Place, groups: &[IpAddr]) -> impl Fn(IpAddr) -> bool + Send + use<> {
    let (host, groups) = (host.clone(), groups.to_vec());
    move |to| {
        let has = || host.with(|stack, _| stack.addresses().any(|(_, own)| own.addr() == to));
        to == place.at.ip() || groups.contains(&to) || has()
    }
}

/// Answers datagrams until the host's driver ends, or the service is to stop.
async fn answer(
    place: Place,
    socket: UdpSocket,
    is_ours: impl Fn(IpAddr) -> bool + Send,
    mut stop: watch::Receiver<bool>,
) {
    let mut room = vec![0; usize::from(u16::MAX)];
    loop {
        let Received { copied, from, to, .. } = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            received = socket.recv_datagram(&mut room) => match received {
                Ok(received) => received,
                Err(_) => return,
            },
        };
        if !is_ours(to) {
            continue;
        }
        let (service, here, request) = (place.service, place.at.port(), &room[..copied]);
        let answer = simple::answer_udp(service, here, from, request, rt::date());
        if let Some(answer) = answer {
            // An answer that cannot be sent is lost, as datagrams may be.
            let _ = match to.is_multicast() {
                true => socket.send_to(&answer, from).await,
                false => socket.send_from(&answer, to, from).await,
            };
        }
    }
}

#[cfg(test)]
mod tests;
