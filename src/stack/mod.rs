//! Row 3: one host. A frame's journey up is `ingress`, its journey down `egress`; what a
//! socket user calls is in `calls` and `reading` (TCP) and `datagrams` (UDP).
//!
//! A host is driven by four verbs: [`Stack::input`], [`Stack::poll`], [`Stack::output`] and
//! [`Stack::deadline`]. After `poll(now)` and `output` until `None`, the deadline lies later than
//! `now`, or there is none.
//!
//! ```
//! use netglass::base::Instant;
//! use netglass::stack::{ListenOptions, Setup, Stack};
//!
//! let now = Instant::ZERO;
//! let host = |key, addr: &str| {
//!     Stack::new(Setup::new([key, 0]).with_iface("wire0", 1500, addr.parse().unwrap()))
//! };
//! let (mut a, mut b) = (host(1, "10.0.0.1/24"), host(2, "10.0.0.2/24"));
//! let listener = b.listen(now, "10.0.0.2:80".parse().unwrap(), ListenOptions::default()).unwrap();
//! let client = a.connect(now, "10.0.0.2:80".parse().unwrap(), None, None).unwrap();
//! // The wire: whatever one sends, the other receives.
//! let mut exchange = |a: &mut Stack, b: &mut Stack| loop {
//!     let (up, down) = (a.output(now), b.output(now));
//!     if up.is_none() && down.is_none() {
//!         break;
//!     }
//!     up.into_iter().for_each(|(iface, frame)| b.input(now, iface, frame));
//!     down.into_iter().for_each(|(iface, frame)| a.input(now, iface, frame));
//! };
//! exchange(&mut a, &mut b);
//! let (server, peer) = b.accept(now, listener).unwrap();
//! assert_eq!(peer.ip().to_string(), "10.0.0.1");
//! a.write(now, client, b"hello").unwrap();
//! exchange(&mut a, &mut b);
//! let mut room = [0; 10];
//! assert_eq!(b.read(now, server, &mut room), Ok(5));
//! ```

pub mod event;

mod advertise;
mod calls;
mod datagrams;
mod echo;
mod egress;
mod fastopen;
mod forward;
mod groups;
mod icmp;
mod iface;
mod ifaces;
mod ingress;
mod input;
mod link;
mod nd;
mod raw;
mod reading;
mod redirect;
mod sent;
mod setup;
mod snmp;
#[cfg(test)]
mod tests;
mod zone;

pub use calls::{ListenOptions, WriteKind};
pub use echo::{Answer, EchoError, PingOptions, Pong};
pub use event::{Call, Event, PacketView, Record, Sent};
pub use input::Input;
pub use sent::{SentSoFar, SentSum};
pub use setup::{Ethernet, IfaceSetup, LinkSetup, Setup, Vlan};
pub use snmp::{FamilyCounts, IcmpCounts, Snmp};

use crate::base::limit::Hits;
use crate::base::time::sooner;
use crate::base::why::Drops;
use crate::base::{
    Chance, ConnId, EventId, Frame, IfaceId, Instant, Limit, Limiter, Pool, Trace, Why,
};
use crate::ip::{NewAddress, PathMtu, Reassembly, Routes};
use crate::socket::SocketId;
use crate::socket::demux::Pair;
use crate::socket::tcp::Sockets;
use crate::tcp;
use crate::udp;
use crate::wire;
use iface::Iface;
use std::collections::VecDeque;
use std::sync::Arc;

/// Frames waiting for the device, at most: more answers than this are dropped
/// ([`Why::EgressFull`]), so that a flood in one batch cannot grow the host.
const EGRESS_MAX: usize = 4096;

/// How many counters of IP identifications there are.
const IP_IDS: usize = 64;

/// The narrowest link that IP runs over, bytes (RFC 791 §3.2).
const MTU_MIN: u16 = 68;

/// What has passed a host, in frames and bytes.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Frames received.
    pub frames_in: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Frames sent.
    pub frames_out: u64,
    /// Bytes sent.
    pub bytes_out: u64,
}

/// One host: a TCP/IP stack without a clock, a device or a thread.
#[derive(Debug)]
pub struct Stack {
    chance: Chance,
    pool: Pool,
    tcp_config: Arc<tcp::Config>,
    connections_max: usize,
    tcp_memory: u64,
    ifaces: ifaces::Ifaces,
    routes: Routes,
    redirects: redirect::Redirects,
    reassembly: Reassembly<wire::ip::Header>,
    limiter: Limiter,
    /// Challenge ACKs of all connections together, if they are limited.
    challenges: Option<Limiter>,
    /// Whether packets for others are passed on.
    forwarding: bool,
    /// Whom a better first hop was named to.
    redirected: forward::Redirected,
    /// What is known of servers that are opened fast.
    fastopen: tcp::fastopen::cache::Cache,
    /// Counters of IP identifications.
    ip_ids: [u32; IP_IDS],
    /// Paths narrower than their first link.
    path_mtu: PathMtu,
    tcp: Sockets,
    udp: udp::Table,
    echoes: echo::Echoes,
    udp_waiting: std::collections::BTreeSet<crate::base::UdpId>,
    out: VecDeque<(IfaceId, Frame)>,
    /// Counts every event of the host; keeps those of TCP until they become records.
    trace: Trace<tcp::Event>,
    /// Counts on in the same numbers while a link's machines act.
    link_trace: Trace<crate::link::Event>,
    /// What sent the frame that is being processed: the cause of what has no nearer one.
    arrival: EventId,
    log: Vec<Record>,
    drops: Drops,
    hits: Hits,
    totals: Totals,
    snmp: Snmp,
    recording: Option<input::Recording>,
}

/// A `Cx` for TCP from a host's parts, so that connections can be borrowed beside it.
macro_rules! cx {
    ($stack:expr, $now:expr, $cause:expr) => {
        crate::tcp::Cx {
            now: $now,
            chance: &$stack.chance,
            pool: &$stack.pool,
            trace: &mut $stack.trace,
            cause: $cause,
        }
    };
}
use cx;

impl Stack {
    /// A host as described. Routes to the interfaces' own networks are added.
    pub fn new(setup: Setup) -> Stack {
        Stack::with_pool(setup, Pool::new())
    }

    /// As [`Stack::new`], with its blocks from `pool`: hosts of one thread best share theirs.
    pub fn with_pool(setup: Setup, pool: Pool) -> Stack {
        let chance = Chance::from_key(setup.key);
        let mut udp = udp::Table::new();
        udp.ephemeral = setup.ephemeral;
        let mut stack = Stack {
            pool,
            tcp_config: Arc::new(setup.tcp),
            connections_max: setup.connections_max as usize,
            tcp_memory: setup.tcp_memory,
            ifaces: ifaces::Ifaces::new(setup.ifaces.into_iter().map(Iface::new).collect()),
            routes: Routes::new(),
            redirects: Default::default(),
            reassembly: Reassembly::new(crate::ip::reassembly::Limits::default()),
            limiter: Limiter::new(setup.icmp_rate, setup.icmp_burst),
            challenges: setup.challenge_rate.map(|rate| Limiter::new(rate, rate)),
            forwarding: setup.forwarding,
            redirected: Default::default(),
            fastopen: Default::default(),
            ip_ids: [0; IP_IDS],
            path_mtu: PathMtu::default(),
            tcp: Sockets::new(&chance, setup.ephemeral, setup.tcp_memory),
            udp,
            echoes: Default::default(),
            udp_waiting: Default::default(),
            out: VecDeque::new(),
            trace: Trace::new(false),
            link_trace: Trace::new(false),
            arrival: EventId::NONE,
            log: Vec::new(),
            drops: Drops::new(),
            hits: Hits::default(),
            totals: Totals::default(),
            snmp: Snmp::default(),
            recording: None,
            chance,
        };
        stack.trace.resume(EventId::before_host(setup.host));
        stack.start();
        for route in setup.routes {
            stack.routes.add(route);
        }
        stack
    }

    /// The interfaces take the addresses they were set up with, as far as these can be a host's.
    /// What that leads to is kept for whoever will listen: it is where the numbers begin.
    fn start(&mut self) {
        let now = Instant::ZERO;
        self.trace.listen(true);
        for n in 0..self.ifaces.len() {
            let iface = IfaceId(n as u16);
            let setup = self.ifaces[n].setup.clone();
            let (probe, autoconf, advertises) = match &setup.link {
                LinkSetup::Ethernet(Ethernet { probe, autoconf, advertise, .. }) => {
                    (*probe, *autoconf, advertise.is_some())
                }
                LinkSetup::Ip => (false, false, false),
            };
            if advertises || self.forwarding && self.ifaces[n].port.is_some() {
                self.join_on(now, iface, wire::nd::ALL_ROUTERS.into());
            }
            for cidr in setup.addrs {
                self.assign(now, iface, NewAddress { probe, ..cidr.into() }).unwrap_or_default();
            }
            if autoconf || advertises && !self.ifaces[n].has_any_link_local() {
                self.make_link_local(now, iface);
            }
            if autoconf {
                self.with_port(now, iface, EventId::NONE, |port, cx| port.routers.start(cx));
            }
        }
        self.trace.listen(false);
    }

    /// The pool that frames given to [`Stack::input`] are best read into.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The interfaces, in order.
    pub fn ifaces(&self) -> impl Iterator<Item = &IfaceSetup> {
        self.ifaces.iter().map(|iface| &iface.setup)
    }

    /// The routes.
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    /// How often what was dropped.
    pub fn drops(&self) -> &Drops {
        &self.drops
    }

    /// How often its services' connections have hit which limit.
    pub fn hits(&self) -> &Hits {
        &self.hits
    }

    /// What has passed.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The TCP sockets, to look at.
    pub fn tcp(&self) -> &Sockets {
        &self.tcp
    }

    /// The UDP sockets, to look at.
    pub fn udp(&self) -> &udp::Table {
        &self.udp
    }

    // ---- the audience

    /// Starts or stops keeping records.
    // Rules: SHLD-20.
    pub fn listen_to_events(&mut self, listening: bool) {
        self.trace.listen(listening);
    }

    /// The number of the latest event.
    pub fn last_event(&self) -> EventId {
        self.trace.last()
    }

    /// Whether records or inputs are kept that nobody has taken.
    pub fn has_news(&self) -> bool {
        !self.log.is_empty() || self.recording.as_ref().is_some_and(input::Recording::has_news)
    }

    /// Moves the kept records, in the order of their numbers.
    pub fn drain_records(&mut self, into: &mut Vec<Record>) {
        // Some are told behind what they led to.
        if !self.log.is_sorted_by_key(|record| record.id) {
            self.log.sort_unstable_by_key(|record| record.id);
        }
        match into.is_empty() {
            true => std::mem::swap(into, &mut self.log),
            false => into.append(&mut self.log),
        }
    }

    /// Notes an event of the host itself.
    fn note(
        &mut self,
        now: Instant,
        conn: Option<ConnId>,
        cause: EventId,
        event: impl FnOnce() -> Event,
    ) -> EventId {
        let id = self.trace.reserve();
        if self.trace.is_listening() {
            self.log(now, id, conn, cause, event);
        }
        id
    }

    #[cold]
    #[inline(never)]
    fn log(
        &mut self,
        now: Instant,
        id: EventId,
        conn: Option<ConnId>,
        cause: EventId,
        event: impl FnOnce() -> Event,
    ) {
        let cause = if cause.is_some() { cause } else { self.arrival };
        let causes = [cause, EventId::NONE];
        self.log.push(Record { id, at: now, conn, causes, event: event() });
    }

    /// Turns TCP's kept events into records.
    #[inline]
    fn collect(&mut self, now: Instant, conn: Option<ConnId>, wrap: impl Fn(tcp::Event) -> Event) {
        if !self.trace.is_empty() {
            self.collect_all(now, conn, wrap);
        }
    }

    #[cold]
    #[inline(never)]
    fn collect_all(
        &mut self,
        now: Instant,
        conn: Option<ConnId>,
        wrap: impl Fn(tcp::Event) -> Event,
    ) {
        for stamped in self.trace.drain() {
            let (id, causes) = (stamped.id, stamped.causes);
            self.log.push(Record { id, at: now, conn, causes, event: wrap(stamped.event) });
        }
    }

    /// Counts a drop and tells it.
    fn dropped(&mut self, now: Instant, why: Why, packet: PacketView) -> EventId {
        self.dropped_after(now, why, packet, EventId::NONE)
    }

    /// As [`Stack::dropped`], of a packet that `cause` had sent.
    #[cold]
    #[inline(never)]
    fn dropped_after(
        &mut self,
        now: Instant,
        why: Why,
        packet: PacketView,
        cause: EventId,
    ) -> EventId {
        self.drops.count(why);
        self.snmp.dropped(why, &packet);
        self.note(now, None, cause, || Event::Dropped { why, packet })
    }

    /// Counts a drop that nothing follows from.
    #[cold]
    #[inline(never)]
    fn discard(&mut self, now: Instant, why: Why, packet: PacketView) {
        self.dropped(now, why, packet);
    }

    // ---- time

    /// Time has come to `now`: everything that has expired acts.
    pub fn poll(&mut self, now: Instant) {
        self.keep(now, || Input::Poll);
        while let Some(key) = self.tcp.pop_due(now) {
            let mut cx = cx!(self, now, EventId::NONE);
            let slot = self.tcp.slot_mut(key);
            let (id, before) = (slot.id, slot.conn.state());
            slot.conn.poll(&mut cx);
            let after = slot.conn.state();
            self.snmp.tcp_went(before, after, true);
            self.collect(now, Some(id), Event::Tcp);
            self.settle(now, key);
        }
        while let Some(id) = self.tcp.due_listener(now) {
            let Some(slot) = self.tcp.listener_mut(id) else { break };
            let half_open = slot.listener.half_open();
            let Some(site) = slot.listener.poll_one(&mut cx!(self, now, EventId::NONE)) else {
                break;
            };
            self.snmp.tcp_attempt_fails += (half_open - slot.listener.half_open()) as u64;
            self.collect_stray(now, Pair { local: site.local, remote: site.remote });
        }
        self.tcp.sweep(now);
        if self.tcp.take_newly_pressed() {
            let max = u32::try_from(self.tcp_memory / 1024).unwrap_or(u32::MAX);
            let limit = Limit::Memory { max };
            self.hits.count(limit);
            self.note(now, None, EventId::NONE, || Event::Limit { limit });
        }
        self.expire_fragments(now);
        self.poll_redirects(now);
        if self.ifaces.are_due(now) {
            self.poll_addresses(now);
            self.poll_links(now);
            self.poll_groups(now);
        }
    }

    /// When [`Stack::poll`] or [`Stack::output`] has something to do: now, later, or never.
    pub fn deadline(&mut self, now: Instant) -> Option<Instant> {
        if !self.out.is_empty() || self.udp.has_output() {
            return Some(now);
        }
        let sockets = sooner(self.tcp.deadline(now), self.reassembly.deadline());
        let links = sooner(self.ifaces.deadline(now), self.redirects.deadline());
        sooner(sockets, links)
    }

    /// Frees the pair of a connection that is over, and removes it when nobody holds it.
    fn bury(&mut self, key: usize) {
        let conn = &self.tcp.slot(key).conn;
        match (conn.is_dead(), conn.is_orphan()) {
            (true, true) => drop(self.tcp.remove(key)),
            (true, false) => self.tcp.retire(key),
            (false, _) => {}
        }
    }

    /// Gives memory back that nobody needs while nothing happens. For drivers to call when the host
    /// has been silent for a while; connections that are silent beside others give theirs back as
    /// time is looked at.
    pub fn shrink(&mut self, now: Instant) {
        self.keep(now, || Input::Shrink);
        self.tcp.iter_mut().for_each(|slot| slot.conn.shrink());
        self.out.shrink_to_fit();
        self.ifaces.shrink();
        self.pool.trim();
    }

    // ---- wake-ups

    /// Moves the list of sockets whose users can go on.
    pub fn take_woken(&mut self, into: &mut Vec<SocketId>) {
        self.tcp.take_woken(into);
    }
}
