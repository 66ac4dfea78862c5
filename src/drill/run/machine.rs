//! What a script acts on: the host in its world, the files its processes have open, and the flows
//! whose packets it plays and expects.

use super::args::{Answer, Args};
use super::errno::Errno;
use super::flow::Flow;
use super::messages::Beside;
use super::profile::Profile;
use super::settings::{Settings, Version};
use super::world::World;
use crate::base::{ConnId, ListenerId, UdpId};
use crate::drill::ast::Ports;
use crate::socket::demux::Pair;
use crate::socket::tcp::ListenerSlot;
use crate::stack::{ListenOptions, Setup};
use crate::tcp::{Config, Keepalive, State, SynCookies};
use crate::wire::ip::{Discover, Mark};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An open file.
#[derive(Clone, Debug)]
pub(super) enum File {
    Sock(Box<Sock>),
    /// One end of a pipe: the pipe's number, and whether it is the reading end.
    Pipe {
        pipe: usize,
        reads: bool,
    },
    Epoll(Vec<Watch>),
    /// A file of zeros, as long as needed.
    Disk,
}

/// What an epoll instance watches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Watch {
    /// The file's index.
    pub(super) file: usize,
    pub(super) events: i64,
    /// What is given back with its events.
    pub(super) data: i64,
    /// What was told already, for those that want to hear of changes only.
    pub(super) told: i64,
    /// The bytes that had arrived then.
    pub(super) arrived: u64,
}

/// A socket as its user sees it; the host has one only when it listens or connects.
#[derive(Clone, Debug)]
pub(super) struct Sock {
    pub(super) v6: bool,
    pub(super) udp: bool,
    pub(super) nonblocking: bool,
    pub(super) bound: Option<SocketAddr>,
    pub(super) config: Config,
    pub(super) keepalive: Keepalive,
    pub(super) reuse: bool,
    pub(super) v6_only: bool,
    pub(super) syn_cookies: SynCookies,
    /// As `listen` was told.
    pub(super) backlog: u32,
    /// How long closing waits, in seconds, if it does.
    pub(super) linger: Option<u64>,
    /// What TCP_QUICKACK was set to, until the connection has heard.
    pub(super) quick: Option<bool>,
    pub(super) broadcast: bool,
    /// It was left while it was connecting, and has not been asked since whether it has.
    pub(super) connecting: bool,
    pub(super) place: Place,
    /// `shutdown(SHUT_RD)` was called.
    pub(super) read_shut: bool,
    /// What is told beside the bytes.
    pub(super) beside: Beside,
    /// Options that this host does nothing with, by level and number.
    pub(super) kept: BTreeMap<(i64, i64), i64>,
}

/// What a socket is on the host.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    New,
    Listener(ListenerId),
    Conn(ConnId),
    Udp(UdpId),
}

impl Sock {
    pub(super) fn conn(&self) -> Option<ConnId> {
        match self.place {
            Place::Conn(conn) => Some(conn),
            _ => None,
        }
    }

    pub(super) fn listen_options(&self) -> ListenOptions {
        ListenOptions {
            backlog: self.backlog,
            reuse_address: self.reuse,
            v6_only: self.v6_only,
            config: Some(self.config.clone()),
            syn_cookies: self.syn_cookies,
        }
    }

    pub(super) fn mark(&self) -> Mark {
        self.config.mark
    }

    pub(super) fn discover(&self) -> Discover {
        self.config.mtu_discover
    }
}

/// What packets without ports belong to.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Under {
    Nothing,
    /// A socket that has no flow yet, by its place among the files.
    Socket(usize),
    /// A flow.
    Flow(usize),
}

/// The peer's first port, where the script names none.
const PEER_PORT: u16 = 40_000;

/// The most descriptors.
const FILES_MAX: usize = 1024;

/// Everything a script acts on.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) world: World,
    pub(super) settings: Settings,
    pub(super) profile: Profile,
    /// Open and closed files, in the order of opening.
    pub(super) files: Vec<Option<File>>,
    /// The script's descriptors, as indices of files.
    pub(super) labels: BTreeMap<i64, usize>,
    /// Bytes in pipes.
    pub(super) pipes: Vec<usize>,
    pub(super) flows: Vec<Flow>,
    pub(super) under: Under,
}

impl Machine {
    pub(super) fn new(settings: Settings, profile: Profile) -> Machine {
        let mut setup = Setup::new([7, 7]);
        let cidr = |ip: IpAddr, bits: u8| format!("{ip}/{bits}").parse();
        if let Ok(cidr) = cidr(settings.local, settings.prefix) {
            setup = setup.with_iface("tun0", settings.mtu, cidr);
        }
        let any = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
        for dst in any.into_iter().filter_map(|any| cidr(any, 0).ok()) {
            setup.routes.push(crate::ip::Route::on_link(dst, crate::base::IfaceId(0)));
        }
        if profile.offload {
            setup = setup.with_offload();
        }
        setup.tcp = profile.tcp.clone();
        Machine {
            world: World::new(setup),
            settings,
            profile,
            files: Vec::new(),
            labels: BTreeMap::new(),
            pipes: Vec::new(),
            flows: Vec::new(),
            under: Under::Nothing,
        }
    }

    // ---- files

    /// Opens a file; the script's number for it is noted when the call's result is compared.
    pub(super) fn open(&mut self, file: File) -> Answer<usize> {
        if self.files.iter().flatten().count() >= FILES_MAX {
            return Err(Errno::EMFILE.into());
        }
        self.files.push(Some(file));
        Ok(self.files.len() - 1)
    }

    /// The file's index that the script's descriptor means.
    pub(super) fn index(&self, fd: i64) -> Answer<usize> {
        let index = self.labels.get(&fd).copied();
        index.filter(|at| self.files[*at].is_some()).ok_or(Errno::EBADF.into())
    }

    /// The file of an argument.
    pub(super) fn file(&mut self, args: Args<'_>, place: usize) -> Answer<&mut File> {
        let index = self.index(args.number(place)?)?;
        self.files[index].as_mut().ok_or(Errno::EBADF.into())
    }

    /// The socket of an argument and its index.
    pub(super) fn sock(&mut self, args: Args<'_>, place: usize) -> Answer<(usize, &mut Sock)> {
        let index = self.index(args.number(place)?)?;
        match self.files[index].as_mut() {
            Some(File::Sock(sock)) => Ok((index, sock)),
            Some(_) => Err(Errno::ENOTSOCK.into()),
            None => Err(Errno::EBADF.into()),
        }
    }

    /// The socket at an index.
    pub(super) fn sock_at(&mut self, index: usize) -> Answer<&mut Sock> {
        match self.files.get_mut(index) {
            Some(Some(File::Sock(sock))) => Ok(sock),
            _ => Err(Errno::EBADF.into()),
        }
    }

    /// A socket with the profile's knobs.
    pub(super) fn new_sock(&self, v6: bool, udp: bool, nonblocking: bool) -> Sock {
        Sock {
            v6,
            udp,
            nonblocking,
            bound: None,
            config: self.profile.tcp.clone(),
            keepalive: self.profile.keepalive,
            reuse: false,
            v6_only: false,
            syn_cookies: self.profile.syn_cookies,
            backlog: 1,
            linger: None,
            quick: None,
            broadcast: false,
            connecting: false,
            place: Place::New,
            read_shut: false,
            beside: Beside::default(),
            kept: BTreeMap::new(),
        }
    }

    /// Takes over changed knobs of a socket that is connected already.
    pub(super) fn apply(&mut self, index: usize) -> Answer<()> {
        let now = self.world.now;
        let sock = self.sock_at(index)?.clone();
        let stack = &mut self.world.stack;
        match sock.place {
            Place::Conn(conn) => {
                stack.configure(now, conn, sock.config)?;
                if let Some(quick) = sock.quick {
                    stack.set_quickack(now, conn, quick)?;
                }
                self.sock_at(index)?.quick = None;
            }
            Place::Udp(id) => {
                stack.mark_udp(now, id, sock.mark())?;
                stack.discover_udp(now, id, sock.discover())?;
                stack.set_broadcast(now, id, sock.broadcast)?;
            }
            Place::Listener(id) => stack.listen_on(now, id, sock.listen_options())?,
            Place::New => {}
        }
        Ok(())
    }

    /// Turns knobs of the whole host: of sockets to come, and of those that are there.
    pub(super) fn turn(&mut self, change: impl Fn(&mut Profile)) {
        change(&mut self.profile);
        for index in 0..self.files.len() {
            let Ok(sock) = self.sock_at(index) else { continue };
            let (tcp, syn_cookies) = (sock.config.clone(), sock.syn_cookies);
            let keepalive = sock.keepalive;
            let mut own = Profile { tcp, syn_cookies, keepalive, ..Profile::linux() };
            change(&mut own);
            (sock.config, sock.syn_cookies) = (own.tcp, own.syn_cookies);
            sock.keepalive = own.keepalive;
            // A socket that is over has no use for knobs.
            let _ = self.apply(index);
        }
    }

    // ---- addresses

    /// Where a socket binds to when the script leaves it open.
    pub(super) fn configured_local(&self, v6: bool) -> SocketAddr {
        let ip: IpAddr = match v6 {
            true => Ipv6Addr::UNSPECIFIED.into(),
            false => Ipv4Addr::UNSPECIFIED.into(),
        };
        SocketAddr::new(ip, self.settings.bind_port)
    }

    /// Where a socket connects to when the script leaves it open.
    pub(super) fn configured_remote(&self) -> SocketAddr {
        let ip = match (self.settings.version, self.settings.remote) {
            (Version::Mapped, IpAddr::V4(ip)) => ip.to_ipv6_mapped().into(),
            (_, ip) => ip,
        };
        SocketAddr::new(ip, self.settings.connect_port)
    }

    // ---- flows

    /// The flow that a packet of the script belongs to; an inbound one may begin it. `ports` are as
    /// an inbound packet has them.
    pub(super) fn flow_for(
        &mut self,
        ports: Option<Ports>,
        inbound: bool,
    ) -> Result<usize, String> {
        if let Some(ports) = ports {
            if let Some(found) = self.flows.iter().rposition(|flow| flow.has_ports(ports)) {
                self.under = Under::Flow(found);
                return Ok(found);
            }
            return Ok(self.begin(ports.dst, ports.src));
        }
        if let Under::Flow(flow) = self.under {
            return Ok(flow);
        }
        let local = match self.under {
            Under::Socket(index) => self.local_port(index),
            _ => self.settings.bind_port,
        };
        let connected = match self.under {
            Under::Socket(index) => self.udp_peer(index),
            _ => None,
        };
        let peer = connected.map(|peer| peer.port());
        if !inbound && peer.is_none() && self.flows.is_empty() && self.under == Under::Nothing {
            return Err("no socket has a packet to send yet".into());
        }
        let fresh = PEER_PORT + self.flows.len() as u16;
        let udp = matches!(self.under, Under::Socket(index) if self.is_udp(index));
        let port = peer.unwrap_or(if udp { self.settings.connect_port } else { fresh });
        Ok(self.begin(local, port))
    }

    fn is_udp(&self, index: usize) -> bool {
        matches!(&self.files[index], Some(File::Sock(sock)) if sock.udp)
    }

    /// The port that a socket is bound to.
    fn local_port(&self, index: usize) -> u16 {
        let Some(File::Sock(sock)) = &self.files[index] else { return self.settings.bind_port };
        let at = match sock.place {
            Place::Listener(id) => self.world.stack.listener_addr(id),
            Place::Udp(id) => self.world.stack.udp_addr(id),
            _ => sock.bound,
        };
        at.map_or(self.settings.bind_port, |at| at.port())
    }

    fn udp_peer(&self, index: usize) -> Option<SocketAddr> {
        let Some(File::Sock(sock)) = &self.files[index] else { return None };
        let Place::Udp(id) = sock.place else { return None };
        self.world.stack.udp().get(id).and_then(|socket| socket.peer())
    }

    /// A flow between these ports.
    fn begin(&mut self, local: u16, remote: u16) -> usize {
        let at = |ip, port| SocketAddr::new(ip, port);
        let flow = Flow::new(at(self.settings.local, local), at(self.settings.remote, remote));
        self.flows.push(flow);
        self.under = Under::Flow(self.flows.len() - 1);
        self.flows.len() - 1
    }

    /// The flow of a connection that the host opens.
    pub(super) fn begin_active(&mut self, conn: ConnId) {
        let Ok(Pair { local, remote }) = self.world.stack.pair(conn) else { return };
        let mut flow = Flow::new(local, remote);
        flow.conn = Some(conn);
        self.flows.push(flow);
        self.under = Under::Flow(self.flows.len() - 1);
    }

    /// The connection of a flow, as soon as there is one.
    pub(super) fn conn_of(&mut self, flow: usize) -> Option<ConnId> {
        let flow = self.flows.get_mut(flow)?;
        let pair = Pair { local: flow.local, remote: flow.remote };
        let sockets = self.world.stack.tcp();
        if let Some(key) = sockets.find(&pair) {
            flow.conn = Some(sockets.slot(key).id);
        }
        flow.conn
    }

    /// The state of what is under test: a connection's, a half-open one's, or a listener's.
    pub(super) fn state_under_test(&mut self) -> State {
        if let Some(conn) = self.conn_under_test() {
            return self.world.state(Some(conn));
        }
        let sockets = self.world.stack.tcp();
        let (local, remote) = match self.under {
            Under::Flow(flow) => (self.flows[flow].local, self.flows[flow].remote),
            _ => return State::Closed,
        };
        let half_open = |listener: &ListenerSlot| {
            listener.listener.embryos().any(|(at, _)| (at.local, at.remote) == (local, remote))
        };
        match sockets.listener_for(local) {
            Some(_) if sockets.listeners().any(half_open) => State::SynReceived,
            Some(_) => State::Listen,
            None => State::Closed,
        }
    }

    /// Whether somebody listens for the peer of a flow.
    pub(super) fn is_heard(&self, flow: usize) -> bool {
        self.world.stack.tcp().listener_for(self.flows[flow].local).is_some()
    }

    /// The connection under test.
    pub(super) fn conn_under_test(&mut self) -> Option<ConnId> {
        match self.under {
            Under::Flow(flow) => self.conn_of(flow),
            Under::Socket(index) => self.sock_at(index).ok().and_then(|sock| sock.conn()),
            Under::Nothing => None,
        }
    }
}
