//! Peers that a command names: from a name to a connection.

use super::Failure;
use super::args::{FamilyArgs, HostArgs, NameArgs};
use super::dhcp::{self, Borrowed};
use super::host::{self, Session};
use super::interrupt::Interrupt;
use crate::app::called::Called;
use crate::app::dns::{Dig, Found, Hosts, LookupError, Name, Resolver, Settings, Type};
use crate::app::eyeballs;
use crate::net::Host;
use crate::net::tokio::TcpStream;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// The port of name servers.
const PORT: u16 = 53;
/// How long the name of an address is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// A host that the command line names.
#[derive(Debug)]
pub(super) enum Peer {
    Addr(IpAddr),
    /// A link-local address, and the name of its interface.
    Zoned(Ipv6Addr, String),
    Name(Name),
}

impl Peer {
    /// Whether nobody needs to be asked where it is.
    pub(super) fn is_address(&self) -> bool {
        !matches!(self, Peer::Name(_))
    }
}

impl FromStr for Peer {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Peer, Failure> {
        if let Ok(addr) = text.parse() {
            return Ok(Peer::Addr(addr));
        }
        if let Some((addr, zone)) = text.split_once('%')
            && let Ok(addr) = addr.parse::<Ipv6Addr>()
        {
            return match addr.is_unicast_link_local() && !zone.is_empty() {
                true => Ok(Peer::Zoned(addr, zone.to_owned())),
                false => Err(Failure::usage(format_args!(
                    "{text}: a link-local address has an interface behind %, and no other has"
                ))),
            };
        }
        let name: Name = text.parse().map_err(Failure::usage)?;
        // A mistyped address.
        let is_number = |label: &[u8]| label.iter().all(u8::is_ascii_digit);
        if name.labels().last().is_none_or(is_number) {
            return Err(Failure::usage(format_args!(
                "\"{text}\" is neither a name nor an address"
            )));
        }
        Ok(Peer::Name(name))
    }
}

/// How names are looked up, before there is a host to do it.
pub(super) struct Names {
    servers: Vec<SocketAddr>,
    hosts: Hosts,
}

impl Names {
    /// Reads the files; asks `server` when no other is named, and those of a lease when there is
    /// none.
    pub(super) fn prepare(args: &NameArgs, server: Option<IpAddr>) -> Result<Names, Failure> {
        let hosts = match &args.hosts {
            Some(path) => {
                let text = super::files::text(path);
                let say = |e| Failure::usage(format_args!("{}: {e}", path.display()));
                Hosts::read(&text.map_err(say)?)
            }
            None => Hosts::default(),
        };
        let servers = if args.dns.is_empty() { server.as_slice() } else { &args.dns };
        let servers = servers.iter().map(|addr| SocketAddr::new(*addr, PORT)).collect();
        Ok(Names { servers, hosts })
    }

    /// The same on a session's host, as soon as that has an address; within its runtime.
    pub(super) async fn on(
        self,
        session: &Session,
        args: &HostArgs,
        interrupt: &mut Interrupt,
    ) -> Result<Online, Failure> {
        let host = &session.host;
        let (address, leased) = dhcp::borrow(session, args, interrupt).await?;
        let leased = leased.into_iter().map(|addr| SocketAddr::from((addr, PORT)));
        let servers = if self.servers.is_empty() { leased.collect() } else { self.servers };
        let server = servers.first().map(SocketAddr::ip);
        let settings = Settings::new(servers);
        let resolver = Resolver::new(host.clone(), settings, self.hosts, host::secret()?);
        let addrs: Vec<IpAddr> =
            host.with(|stack, _| stack.addresses().map(|(_, own)| own.addr()).collect());
        let families = [IpAddr::is_ipv6, IpAddr::is_ipv4].map(|family| addrs.iter().any(family));
        Ok(Online { host: host.clone(), resolver, families, server, address })
    }
}

/// A host that looks names up.
pub(super) struct Online {
    host: Host,
    resolver: Resolver<Host>,
    /// Whether the host has IPv6 and IPv4 addresses of its own.
    families: [bool; 2],
    /// Whom to ask for names of addresses.
    server: Option<IpAddr>,
    /// The host's address, if it is for a time only.
    address: Borrowed,
}

/// Which of a name's addresses to use, IPv6 and IPv4.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Families([bool; 2]);

impl Families {
    /// Any.
    pub(super) const ANY: Families = Families([true; 2]);

    /// As the command line says.
    pub(super) fn of(args: &FamilyArgs) -> Families {
        Families([!args.four, !args.six])
    }
}

/// What the look-ups came to, one of each family.
type Results = RefCell<Vec<Result<Found, LookupError>>>;

impl Online {
    /// Gives the host's address back, if it is for a time only.
    pub(super) async fn give_back(self) {
        self.address.give_back().await;
    }

    /// The addresses of a family, if the host has that family; what else was found goes to
    /// `results`.
    async fn addresses(&self, name: &Name, rtype: Type, results: &Results) -> Vec<IpAddr> {
        let [v6, v4] = self.families;
        if !(if rtype == Type::A { v4 } else { v6 }) {
            return Vec::new();
        }
        match self.resolver.lookup(name, rtype).await {
            Ok(Found::Addresses(addrs)) => addrs,
            other => {
                results.borrow_mut().push(other);
                Vec::new()
            }
        }
    }

    /// The number of the host's interface of that name, counted from 1.
    fn zone(&self, name: &str) -> Result<u32, Failure> {
        let found = self.host.with(|stack, _| stack.ifaces().position(|one| one.name == name));
        found.map(|at| at as u32 + 1).ok_or_else(|| {
            Failure::usage(format_args!("the virtual host has no interface called {name}"))
        })
    }

    /// Connects to `peer`, whichever of its addresses answers first.
    pub(super) async fn connect(
        &self,
        peer: &Peer,
        port: u16,
    ) -> Result<(SocketAddr, TcpStream), Failure> {
        let to = match peer {
            Peer::Addr(addr) => Ok(SocketAddr::new(*addr, port)),
            Peer::Zoned(addr, zone) => {
                Ok(SocketAddrV6::new(*addr, port, 0, self.zone(zone)?).into())
            }
            Peer::Name(name) => Err(name),
        };
        let name = match to {
            Ok(to) => {
                let failed = |e| Failure::failed(format_args!("{to}: {e}"));
                let stream = TcpStream::connect(&self.host, to).await;
                return stream.map(|stream| (to, stream)).map_err(failed);
            }
            Err(name) => name,
        };
        let attempt =
            async |addr| TcpStream::connect(&self.host, SocketAddr::new(addr, port)).await;
        let results = Results::default();
        let [v6, v4] = [Type::AAAA, Type::A].map(|t| self.addresses(name, t, &results));
        match eyeballs::connect(v6, v4, attempt).await {
            Ok((addr, stream)) => Ok((SocketAddr::new(addr, port), stream)),
            Err(Some((addr, e))) => {
                let to = SocketAddr::new(addr, port);
                Err(Failure::failed(format_args!("{name} at {to}: {e}")))
            }
            Err(None) => Err(nowhere(name, &results.borrow())),
        }
    }

    /// The first address of `peer` in one of these families.
    pub(super) async fn first(
        &self,
        peer: &Peer,
        Families([v6, v4]): Families,
    ) -> Result<IpAddr, Failure> {
        let name = match peer {
            Peer::Addr(addr) if if addr.is_ipv4() { v4 } else { v6 } => return Ok(*addr),
            Peer::Zoned(addr, zone) if v6 => return self.zone(zone).map(|_| (*addr).into()),
            Peer::Zoned(addr, _) => {
                return Err(Failure::usage(format_args!("{addr} is not of the family asked for")));
            }
            Peer::Addr(addr) => {
                return Err(Failure::usage(format_args!("{addr} is not of the family asked for")));
            }
            Peer::Name(name) => name,
        };
        let results = Results::default();
        let wanted = [(Type::AAAA, v6), (Type::A, v4)].into_iter().filter(|(_, wanted)| *wanted);
        for (rtype, _) in wanted {
            if let Some(addr) = self.addresses(name, rtype, &results).await.first() {
                return Ok(*addr);
            }
        }
        Err(nowhere(name, &results.into_inner()))
    }
}

/// Names of addresses, as a name server has them: asked once each, and no more once nobody answers.
pub(super) struct Reverse<'a> {
    online: &'a Online,
    known: RefCell<BTreeMap<IpAddr, Option<String>>>,
    ended: Cell<bool>,
    numeric: bool,
}

impl<'a> Reverse<'a> {
    /// `numeric`: nobody is asked.
    pub(super) fn new(online: &'a Online, numeric: bool) -> Reverse<'a> {
        Reverse { online, known: RefCell::default(), ended: Cell::new(numeric), numeric }
    }

    /// Asks; an error when nobody has answered.
    async fn ask(&self, addr: IpAddr) -> Result<Option<String>, Failure> {
        let server = self.online.server.ok_or_else(|| Failure::failed("nobody to ask"))?;
        let words = ["-x", &addr.to_string(), "+short"];
        let dig = Dig::parse(words).map_err(Failure::failed)?;
        let asked = dig.run(&self.online.host, server, host::secret()?, SystemTime::now);
        let told = tokio::time::timeout(PATIENCE, asked).await.map_err(Failure::failed)?;
        match told.code {
            0 => Ok(told.text.lines().next().map(|name| name.trim_end_matches('.').to_owned())),
            _ => Err(Failure::failed("nobody has answered")),
        }
    }
}

impl Called for Reverse<'_> {
    async fn name(&self, addr: IpAddr) -> Option<String> {
        if self.ended.get() {
            return None;
        }
        let known = self.known.borrow().get(&addr).cloned();
        if let Some(known) = known {
            return known;
        }
        let name = self.ask(addr).await;
        self.ended.set(name.is_err());
        let name = name.ok().flatten();
        self.known.borrow_mut().insert(addr, name.clone());
        name
    }

    fn is_numeric(&self) -> bool {
        self.numeric
    }
}

/// Why a name leads nowhere.
fn nowhere(name: &Name, results: &[Result<Found, LookupError>]) -> Failure {
    let error = results.iter().find_map(|result| result.as_ref().err());
    match error {
        Some(error) => Failure::failed(format_args!("{name}: {error}")),
        None if results.contains(&Ok(Found::NoName)) => {
            Failure::failed(format_args!("{name}: there is no such name"))
        }
        None => Failure::failed(format_args!("{name}: it has no address that we could use")),
    }
}
