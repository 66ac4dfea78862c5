//! The services on a host: what listens, and a task for every connection.

#[cfg(feature = "dns")]
use super::dns::{self, Zones};
use super::services::{Service, Services, Transport};
use super::sight::Ladder;
use super::simple;
use crate::net::Host;
use crate::net::tokio::{TcpListener, TcpStream, UdpSocket};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
#[cfg(feature = "dns")]
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task::JoinSet;

/// How services behave.
#[derive(Clone)]
pub struct Options {
    /// How long the peer of a small service may neither send nor take anything; `None`: for ever.
    pub idle: Option<Duration>,
    /// Who draws the ladder that `/me` shows, if anybody.
    pub ladder: Option<Ladder>,
    /// The names that DNS answers for; `None`: `host.glass.` with the host's addresses.
    #[cfg(feature = "dns")]
    pub zones: Option<Arc<Zones>>,
}

impl Default for Options {
    /// Ten minutes; no ladder; the host's own name.
    fn default() -> Options {
        Options {
            idle: Some(Duration::from_secs(600)),
            ladder: None,
            #[cfg(feature = "dns")]
            zones: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("idle", &self.idle).finish_non_exhaustive()
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
/// let _serving = Serving::start(&b, at, &services, Options::default()).unwrap();
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
    /// Listens at `at` (unspecified: at all the host's addresses) for the enabled services. It is
    /// to be called within a tokio runtime that has a timer: the services are its tasks.
    ///
    /// # Errors
    /// The first that a service gets from listening, with its name; `Unsupported` for HTTP and
    /// DNS without the features `http` and `dns`. Then no service listens.
    pub fn start(
        host: &Host,
        at: IpAddr,
        services: &Services,
        options: Options,
    ) -> io::Result<Serving> {
        let mut serving = Serving { tasks: JoinSet::new(), places: Vec::new() };
        for entry in services.enabled() {
            let (service, transport) = (entry.service, entry.transport);
            let at = SocketAddr::new(at, entry.port);
            serving.add(host, Place { service, transport, at }, &options).map_err(|error| {
                let text = format!("{service} cannot listen at {at} ({transport}): {error}");
                io::Error::new(error.kind(), text)
            })?;
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

    fn add(&mut self, host: &Host, mut place: Place, options: &Options) -> io::Result<()> {
        if let Some(feature) = missing(place.service) {
            let text = format!("it was left out of this program (feature `{feature}`)");
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        match place.transport {
            Transport::Udp => {
                let socket = UdpSocket::bind(host, place.at)?;
                place.at = socket.local_addr()?;
                match place.service {
                    #[cfg(feature = "dns")]
                    Service::Dns => {
                        let zones = zones(host, options);
                        self.tasks.spawn(dns::server::answer_datagrams(socket, zones))
                    }
                    _ => self.tasks.spawn(answer(place, socket)),
                };
            }
            Transport::Tcp => {
                let listener = TcpListener::bind(host, place.at)?;
                place.at = listener.local_addr()?;
                self.tasks.spawn(accept(place.service, listener, options.clone()));
            }
        }
        self.places.push(place);
        Ok(())
    }
}

/// The feature that a service needs and this program does not have.
fn missing(service: Service) -> Option<&'static str> {
    match service {
        Service::Http if !cfg!(feature = "http") => Some("http"),
        Service::Dns if !cfg!(feature = "dns") => Some("dns"),
        _ => None,
    }
}

/// The names to answer for.
#[cfg(feature = "dns")]
fn zones(host: &Host, options: &Options) -> Arc<Zones> {
    options.zones.clone().unwrap_or_else(|| {
        let addrs: Vec<_> = host.with(|stack, _| {
            let cidrs = stack.ifaces().flat_map(|iface| &iface.addrs);
            cidrs.map(|cidr| cidr.addr()).collect()
        });
        Arc::new(Zones::of_host(&addrs))
    })
}

/// Serves connections until the host's driver ends.
async fn accept(service: Service, listener: TcpListener, options: Options) {
    #[cfg(feature = "http")]
    let site = super::http::Site::new().counting(std::sync::Arc::new(listener.host().clone()));
    #[cfg(feature = "dns")]
    let zones = zones(listener.host(), &options);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { break };
                #[cfg(feature = "http")]
                if service == Service::Http {
                    connections.spawn(browse(site.clone(), stream, options.ladder.clone()));
                    continue;
                }
                #[cfg(feature = "dns")]
                if service == Service::Dns {
                    let zones = zones.clone();
                    // As in `serve`.
                    connections.spawn(async move {
                        let _ = dns::server::serve(stream, &zones).await;
                    });
                    continue;
                }
                connections.spawn(serve(service, stream, options.idle));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(service: Service, stream: TcpStream, idle: Option<Duration>) {
    // How a connection ends is the peer's affair, and in the host's records.
    let _ = simple::serve(service, stream, idle, SystemTime::now).await;
}

#[cfg(feature = "http")]
async fn browse(site: super::http::Site, stream: TcpStream, ladder: Option<Ladder>) {
    let (host, id) = (stream.host().clone(), stream.id());
    let own = super::sight::HostConnection { host, id, ladder };
    // As in `serve`.
    let _ = site.serve(stream, Some(std::sync::Arc::new(own))).await;
}

/// Answers datagrams until the host's driver ends.
async fn answer(place: Place, socket: UdpSocket) {
    let mut room = vec![0; usize::from(u16::MAX)];
    while let Ok((read, from)) = socket.recv_from(&mut room).await {
        let (service, here, request) = (place.service, place.at.port(), &room[..read]);
        let answer = simple::answer_udp(service, here, from, request, SystemTime::now());
        if let Some(answer) = answer {
            // An answer that cannot be sent is lost, as datagrams may be.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

#[cfg(test)]
mod tests;
