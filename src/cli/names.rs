//! Peers that a command names: from a name to a connection.

use super::args::NameArgs;
use super::{Failure, host};
use crate::app::dns::{Found, Hosts, LookupError, Name, Resolver, Settings, Type};
use crate::app::eyeballs;
use crate::net::Host;
use crate::net::tokio::TcpStream;
use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

/// The port of name servers.
const PORT: u16 = 53;

/// A host that the command line names.
#[derive(Debug)]
pub(super) enum Peer {
    Addr(IpAddr),
    Name(Name),
}

impl FromStr for Peer {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Peer, Failure> {
        if let Ok(addr) = text.parse() {
            return Ok(Peer::Addr(addr));
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
                let text = std::fs::read_to_string(path);
                let say = |e| Failure::usage(format_args!("{}: {e}", path.display()));
                Hosts::read(&text.map_err(say)?)
            }
            None => Hosts::default(),
        };
        let servers = if args.dns.is_empty() { server.as_slice() } else { &args.dns };
        let servers = servers.iter().map(|addr| SocketAddr::new(*addr, PORT)).collect();
        Ok(Names { servers, hosts })
    }

    /// The same on a host whose lease names these servers; within its runtime.
    pub(super) fn on(self, host: &Host, leased: &[Ipv4Addr]) -> Result<Online, Failure> {
        let leased = leased.iter().map(|addr| SocketAddr::from((*addr, PORT)));
        let servers = if self.servers.is_empty() { leased.collect() } else { self.servers };
        let settings = Settings::new(servers);
        let resolver = Resolver::new(host.clone(), settings, self.hosts, host::secret()?);
        let addrs: Vec<IpAddr> =
            host.with(|stack, _| stack.addresses().map(|(_, own)| own.addr()).collect());
        let families = [IpAddr::is_ipv6, IpAddr::is_ipv4].map(|family| addrs.iter().any(family));
        Ok(Online { host: host.clone(), resolver, families })
    }
}

/// A host that looks names up.
pub(super) struct Online {
    host: Host,
    resolver: Resolver<Host>,
    /// Whether the host has IPv6 and IPv4 addresses of its own.
    families: [bool; 2],
}

/// What the look-ups came to, one of each family.
type Results = RefCell<Vec<Result<Found, LookupError>>>;

impl Online {
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

    /// Connects to `peer`, whichever of its addresses answers first.
    pub(super) async fn connect(
        &self,
        peer: &Peer,
        port: u16,
    ) -> Result<(SocketAddr, TcpStream), Failure> {
        let attempt =
            async |addr| TcpStream::connect(&self.host, SocketAddr::new(addr, port)).await;
        let name = match peer {
            Peer::Addr(addr) => {
                let to = SocketAddr::new(*addr, port);
                let failed = |e| Failure::failed(format_args!("{to}: {e}"));
                return attempt(*addr).await.map(|stream| (to, stream)).map_err(failed);
            }
            Peer::Name(name) => name,
        };
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

    /// The first address of `peer`.
    pub(super) async fn first(&self, peer: &Peer) -> Result<IpAddr, Failure> {
        let name = match peer {
            Peer::Addr(addr) => return Ok(*addr),
            Peer::Name(name) => name,
        };
        let results = Results::default();
        for rtype in [Type::AAAA, Type::A] {
            if let Some(addr) = self.addresses(name, rtype, &results).await.first() {
                return Ok(*addr);
            }
        }
        Err(nowhere(name, &results.into_inner()))
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
