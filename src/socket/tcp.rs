//! The TCP sockets of a host: connections with their places and deadlines, listeners with their
//! accept queues, and who waits for what.

use super::demux::{Demux, Pair};
use super::{Interest, SocketId};
use crate::base::deadlines::Deadlines;
use crate::base::ports::{Ephemeral, Used};
use crate::base::rng::Purpose;
use crate::base::time::sooner;
use crate::base::{Chance, ConnId, Duration, IfaceId, Instant, ListenerId, SocketError};
use crate::tcp::{Conn, Listener};
use slab::Slab;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How long a connection is silent before it gives memory back.
const SILENCE: Duration = Duration::from_secs(1);
/// How often some connections are looked at for that, at most, and how many at a time: a thousand
/// within 160 ms, and nothing that a busy host would notice.
const SWEEP_EVERY: Duration = Duration::from_millis(10);
const SWEEP: usize = 64;

/// A connection and what the host knows about it.
#[derive(Debug)]
pub struct Slot {
    /// Its number.
    pub id: ConnId,
    /// The connection.
    pub conn: Conn,
    /// Its pair of sockets.
    pub pair: Pair,
    /// The interface it goes by.
    pub iface: IfaceId,
    /// Its pair is free for another: it is over, and only its user still knows it.
    retired: bool,
    /// What its queues held when that was last looked at, bytes.
    charged: u32,
    /// Whether it stands in the queue of those with something to send.
    queued: bool,
    /// What its user waits for.
    interest: Interest,
}

/// A listener, the connections that wait for accept(), and who waits.
#[derive(Debug)]
pub struct ListenerSlot {
    /// Its number.
    pub id: ListenerId,
    /// Where it listens; the address may be unspecified.
    pub local: SocketAddr,
    /// At `::` it hears IPv6 alone (RFC 3493 §5.3).
    pub v6_only: bool,
    /// Half-open connections.
    pub listener: Listener,
    /// Complete connections, oldest first.
    pub accept_queue: VecDeque<ConnId>,
    /// How many may wait in the accept queue.
    pub backlog: usize,
    waiting: bool,
}

/// Whether a listener at `any` hears what comes for `ip`, too.
fn covers(any: IpAddr, v6_only: bool, ip: IpAddr) -> bool {
    any.is_unspecified() && (any.is_ipv4() == ip.is_ipv4() || any.is_ipv6() && !v6_only)
}

/// What a destination's ports depend on (RFC 6056 §3.3.3): both addresses and the remote port.
fn ends(local: IpAddr, remote: SocketAddr) -> [u8; 34] {
    let mut bytes = [0; 34];
    let octets = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    };
    bytes[..16].copy_from_slice(&octets(local));
    bytes[16..32].copy_from_slice(&octets(remote.ip()));
    bytes[32..].copy_from_slice(&remote.port().to_be_bytes());
    bytes
}

/// The TCP sockets of a host.
#[derive(Debug)]
pub struct Sockets {
    slots: Slab<Slot>,
    demux: Demux,
    /// By address of the host: how many connections use a port of it, TIME-WAIT included.
    ports: BTreeMap<IpAddr, BTreeMap<u16, u32>>,
    /// The ports that connections or listeners have.
    used: Used,
    listeners: BTreeMap<ListenerId, ListenerSlot>,
    /// Those that may have something to send, or a deadline; in order.
    lively: Vec<ListenerId>,
    /// Connections by local port for listeners: (port) → listeners there.
    listening: BTreeMap<u16, Vec<ListenerId>>,
    deadlines: Deadlines,
    ready: VecDeque<u32>,
    woken: Vec<SocketId>,
    ephemeral: Ephemeral,
    born: u64,
    picks: u64,
    /// The place where the next sweep begins, and when it is due.
    hand: usize,
    next_sweep: Instant,
    /// What the queues of all connections hold, and may hold before the host is short of memory,
    /// bytes.
    memory: u64,
    memory_max: u64,
    /// The host is short of memory.
    pressed: bool,
    /// That began, and nobody was told.
    newly_pressed: bool,
}

/// The key that keeps TCP's port choices apart from UDP's.
const PORT_KEY: u64 = 6;

impl ListenerSlot {
    /// Whether one more may wait for accept(): as many as listen() says; for BSD half as many more,
    /// and one.
    pub fn has_room(&self) -> bool {
        let bsd = self.listener.config().is_bsd();
        let most = if bsd { 3 * self.backlog / 2 + 1 } else { self.backlog };
        self.accept_queue.len() < most
    }
}

impl Sockets {
    /// None yet; connections that do not ask for a port get one of `ephemeral`, and their queues
    /// hold `memory_max` bytes together before each gets by on its share.
    pub fn new(chance: &Chance, ephemeral: Ephemeral, memory_max: u64) -> Sockets {
        Sockets {
            slots: Slab::new(),
            demux: Demux::new(chance),
            ports: BTreeMap::new(),
            used: Used::default(),
            listeners: BTreeMap::new(),
            lively: Vec::new(),
            listening: BTreeMap::new(),
            deadlines: Deadlines::default(),
            ready: VecDeque::new(),
            woken: Vec::new(),
            ephemeral,
            born: 0,
            picks: 0,
            hand: 0,
            next_sweep: Instant::ZERO,
            memory: 0,
            memory_max,
            pressed: false,
            newly_pressed: false,
        }
    }

    // ---- connections

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The number the next connection gets: a place and a birth, so that an old number names
    /// nothing even when its place is taken again.
    pub fn next_id(&self) -> ConnId {
        ConnId((self.born + 1) << 32 | self.slots.vacant_key() as u64)
    }

    /// Adds a connection under [`Sockets::next_id`]; its pair must be free.
    pub fn insert(&mut self, conn: Conn, pair: Pair, iface: IfaceId) -> usize {
        let id = self.next_id();
        self.born += 1;
        let interest = Interest::default();
        let (retired, queued, charged) = (false, false, 0);
        let slot = Slot { id, conn, pair, iface, retired, charged, queued, interest };
        let key = self.slots.insert(slot);
        let fresh = self.demux.insert(pair, key);
        assert!(fresh, "a pair of sockets names one connection");
        let ports = self.ports.entry(pair.local.ip()).or_default();
        *ports.entry(pair.local.port()).or_default() += 1;
        self.used.insert(pair.local.port());
        key
    }

    /// Removes a connection.
    pub fn remove(&mut self, key: usize) -> Slot {
        self.retire(key);
        self.deadlines.set(key, None);
        self.account(key, 0);
        self.slots.remove(key)
    }

    // ---- what they hold

    /// What the queues of all connections hold, bytes.
    pub fn memory(&self) -> u64 {
        self.memory
    }

    /// Whether the host is short of memory: its connections get by on their shares.
    pub fn is_pressed(&self) -> bool {
        self.pressed
    }

    /// Whether that began since the last time.
    pub fn take_newly_pressed(&mut self) -> bool {
        std::mem::take(&mut self.newly_pressed)
    }

    /// Takes note of what a connection's queues hold now.
    fn account(&mut self, key: usize, holds: u64) {
        let holds = u32::try_from(holds).unwrap_or(u32::MAX);
        let before = std::mem::replace(&mut self.slots[key].charged, holds);
        if holds == before {
            return;
        }
        self.memory = self.memory + u64::from(holds) - u64::from(before);
        // It ends some way below where it begins: nobody is told of every byte.
        let least = self.memory_max - self.memory_max / 8;
        if !self.pressed && self.memory > self.memory_max {
            (self.pressed, self.newly_pressed) = (true, true);
        } else if self.pressed && self.memory < least {
            self.pressed = false;
        }
    }

    /// Frees the pair of a connection that is over (CLOSED means that there is none, RFC 9293
    /// §3.3.2); its user can still ask how it ended, and read what had come.
    pub fn retire(&mut self, key: usize) {
        let slot = &mut self.slots[key];
        if std::mem::replace(&mut slot.retired, true) {
            return;
        }
        self.demux.remove(&slot.pair);
        let (ip, port) = (slot.pair.local.ip(), slot.pair.local.port());
        let Some(ports) = self.ports.get_mut(&ip) else { return };
        let Some(count) = ports.get_mut(&port) else { return };
        *count -= 1;
        if *count == 0 {
            ports.remove(&port);
            if ports.is_empty() {
                self.ports.remove(&ip);
            }
            self.leave(port);
        }
    }

    /// A port may be nobody's now.
    fn leave(&mut self, port: u16) {
        if !self.ports.values().any(|ports| ports.contains_key(&port))
            && !self.listening.contains_key(&port)
        {
            self.used.remove(port);
        }
    }

    /// The place of a connection.
    pub fn place(&self, id: ConnId) -> Option<usize> {
        let key = (id.0 & 0xffff_ffff) as usize;
        self.slots.get(key).filter(|slot| slot.id == id).map(|_| key)
    }

    /// The place of a pair's connection.
    pub fn find(&self, pair: &Pair) -> Option<usize> {
        self.demux.get(pair)
    }

    /// The connection at a place.
    pub fn slot(&self, key: usize) -> &Slot {
        &self.slots[key]
    }

    /// The connection at a place.
    pub fn slot_mut(&mut self, key: usize) -> &mut Slot {
        &mut self.slots[key]
    }

    /// Up to `most` connections from place `from` on, and the place to go on from, if there are
    /// more: for those who look at many without holding everybody up.
    pub fn page(&self, from: usize, most: usize) -> (Vec<&Slot>, Option<usize>) {
        let end = self.slots.capacity();
        let mut found = Vec::new();
        for place in from..end {
            if found.len() == most {
                return (found, Some(place));
            }
            found.extend(self.slots.get(place));
        }
        (found, None)
    }

    /// All connections, by place.
    pub fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().map(|(_, slot)| slot)
    }

    /// All connections, by place, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.slots.iter_mut().map(|(_, slot)| slot)
    }

    /// Has some silent connections give memory back, a few at a time, round and round: to be called
    /// whenever time is looked at. It wakes nobody: a host in which nothing happens is shrunk as a
    /// whole.
    pub fn sweep(&mut self, now: Instant) {
        if now < self.next_sweep {
            return;
        }
        self.next_sweep = now + SWEEP_EVERY;
        let places = self.slots.capacity();
        for _ in 0..SWEEP.min(places) {
            self.hand = if self.hand + 1 < places { self.hand + 1 } else { 0 };
            if let Some(slot) = self.slots.get_mut(self.hand)
                && now.since(slot.conn.last_heard_or_said()) >= SILENCE
            {
                slot.conn.shrink();
            }
        }
    }

    /// A free local port for a connection to `remote` from `local` (RFC 6056).
    ///
    /// # Errors
    /// `AddrNotAvailable` when no ephemeral port is free for that peer.
    pub fn pick_port(
        &mut self,
        local: IpAddr,
        remote: SocketAddr,
        chance: &Chance,
    ) -> Result<u16, SocketError> {
        self.picks += 1;
        let taken = |port| {
            let pair = Pair { local: SocketAddr::new(local, port), remote };
            self.listening.contains_key(&port) || self.demux.get(&pair).is_some()
        };
        let key = match self.ephemeral.heeds_destination() {
            true => PORT_KEY ^ chance.draw_bytes(Purpose::Port, &ends(local, remote)),
            false => PORT_KEY,
        };
        let port = self.ephemeral.pick(chance, key, self.picks, &self.used, taken);
        port.ok_or(SocketError::AddrNotAvailable)
    }

    // ---- who has something to send, and when

    /// The connection was touched, and may have something to send.
    pub fn queue(&mut self, key: usize) {
        let holds = self.slots[key].conn.held_bytes();
        self.account(key, holds);
        if !std::mem::replace(&mut self.slots[key].queued, true) {
            self.ready.push_back(key as u32);
        }
    }

    /// The first connection that may have something to send; it stays first until
    /// [`Sockets::unqueue`].
    pub fn first_ready(&mut self) -> Option<usize> {
        while let Some(key) = self.ready.front() {
            let key = *key as usize;
            if self.slots.get(key).is_some_and(|slot| slot.queued) {
                return Some(key);
            }
            self.ready.pop_front();
        }
        None
    }

    /// The first ready connection has nothing more to send until `deadline`.
    pub fn unqueue(&mut self, key: usize, deadline: Option<Instant>) {
        self.slots[key].queued = false;
        self.ready.pop_front();
        self.deadlines.set(key, deadline);
    }

    /// The first ready connection lets the others go first.
    pub fn rotate(&mut self) {
        if self.ready.len() > 1 {
            self.ready.rotate_left(1);
        }
    }

    /// A connection whose deadline has passed.
    pub fn pop_due(&mut self, now: Instant) -> Option<usize> {
        self.deadlines.pop_due(now)
    }

    /// When something is to be done: now, at a deadline, or never.
    pub fn deadline(&mut self, now: Instant) -> Option<Instant> {
        if self.first_ready().is_some() {
            return Some(now);
        }
        let mut first = self.deadlines.next();
        if self.lively.is_empty() {
            return first;
        }
        self.lively.retain(|id| {
            let at = self.listeners.get(id).and_then(|slot| slot.listener.deadline(now));
            first = sooner(first, at);
            at.is_some()
        });
        first
    }

    // ---- who waits

    /// Registers what the connection's user waits for; `false` when it need not wait.
    pub fn want(&mut self, key: usize, interest: Interest) -> bool {
        let slot = &mut self.slots[key];
        slot.interest = slot.interest.with(interest);
        !self.wake(key)
    }

    /// Wakes the connection's user when what it waits for has come; says whether it has.
    pub fn wake(&mut self, key: usize) -> bool {
        let slot = &mut self.slots[key];
        if slot.interest.is_none() {
            return false;
        }
        let mut ready = slot.conn.readiness();
        ready.writable &= !self.pressed || slot.conn.share_of_write(1).is_some();
        let met = (slot.interest.read && ready.readable)
            || (slot.interest.write && (ready.writable && ready.opened))
            || (slot.interest.finish && ready.finished);
        if met {
            slot.interest = Interest::default();
            self.woken.push(SocketId::Conn(slot.id));
        }
        met
    }

    /// Registers that a listener's user waits; `false` when a connection is there already.
    pub fn want_accept(&mut self, id: ListenerId) -> bool {
        let Some(slot) = self.listeners.get_mut(&id) else { return false };
        slot.waiting = slot.accept_queue.is_empty();
        slot.waiting
    }

    /// Notes that somebody is to be woken.
    pub fn push_woken(&mut self, socket: SocketId) {
        self.woken.push(socket);
    }

    /// Takes the list of sockets whose users can go on.
    pub fn take_woken(&mut self, into: &mut Vec<SocketId>) {
        into.append(&mut self.woken);
    }

    // ---- listeners

    /// Whether listening at `local` would clash with another listener of that address or, unless
    /// `reuse`, with connections of it (TIME-WAIT included). Any address clashes with all it
    /// covers.
    pub fn conflicts(&self, local: SocketAddr, v6_only: bool, reuse: bool) -> bool {
        let ip = local.ip();
        let overlaps = |slot: &ListenerSlot| {
            let other = slot.local.ip();
            other == ip || covers(ip, v6_only, other) || covers(other, slot.v6_only, ip)
        };
        let is_theirs = |(own, ports): (&IpAddr, &BTreeMap<u16, u32>)| {
            (*own == ip || covers(ip, v6_only, *own)) && ports.contains_key(&local.port())
        };
        let ids = self.listening.get(&local.port()).into_iter().flatten();
        ids.filter_map(|id| self.listeners.get(id)).any(overlaps)
            || (!reuse && self.ports.iter().any(is_theirs))
    }

    /// A free port to listen at.
    ///
    /// # Errors
    /// `AddrNotAvailable` when all are taken.
    pub fn pick_listen_port(
        &mut self,
        ip: IpAddr,
        v6_only: bool,
        chance: &Chance,
    ) -> Result<u16, SocketError> {
        self.picks += 1;
        let taken = |port| self.conflicts(SocketAddr::new(ip, port), v6_only, false);
        let port = self.ephemeral.pick(chance, PORT_KEY, self.picks, &self.used, taken);
        port.ok_or(SocketError::AddrNotAvailable)
    }

    /// The number the next listener gets.
    pub fn next_listener(&self) -> ListenerId {
        ListenerId(self.born + 1)
    }

    /// Adds a listener.
    pub fn insert_listener(
        &mut self,
        local: SocketAddr,
        v6_only: bool,
        listener: Listener,
        backlog: usize,
    ) {
        let id = self.next_listener();
        self.born += 1;
        let (accept_queue, waiting) = (VecDeque::new(), false);
        let slot = ListenerSlot { id, local, v6_only, listener, accept_queue, backlog, waiting };
        self.listeners.insert(id, slot);
        self.listening.entry(local.port()).or_default().push(id);
        self.used.insert(local.port());
    }

    /// A listener.
    pub fn listener(&self, id: ListenerId) -> Option<&ListenerSlot> {
        self.listeners.get(&id)
    }

    /// A listener, to be changed.
    pub fn listener_mut(&mut self, id: ListenerId) -> Option<&mut ListenerSlot> {
        if let Err(place) = self.lively.binary_search(&id) {
            self.lively.insert(place, id);
        }
        self.listeners.get_mut(&id)
    }

    /// The first listener of which that is so.
    fn first_lively(&self, is: impl Fn(&Listener) -> bool) -> Option<ListenerId> {
        let slot = |id: &ListenerId| self.listeners.get(id);
        self.lively.iter().filter_map(slot).find(|slot| is(&slot.listener)).map(|slot| slot.id)
    }

    /// All listeners, oldest first.
    pub fn listeners(&self) -> impl Iterator<Item = &ListenerSlot> {
        self.listeners.values()
    }

    /// The listener for segments to `local`: one bound to the address, else one to any.
    // Rules: MUST-42.
    pub fn listener_for(&self, local: SocketAddr) -> Option<ListenerId> {
        let ids = self.listening.get(&local.port())?;
        let bound = |ip: IpAddr| {
            let fits =
                |id: &&ListenerId| self.listeners.get(id).is_some_and(|s| s.local.ip() == ip);
            ids.iter().find(fits).copied()
        };
        let v4_any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let v6_any = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let any = if local.is_ipv4() { v4_any } else { v6_any };
        // RFC 3493 §5.3: who listens at `::` hears both families, unless it is for IPv6 only.
        let both = || bound(v6_any).filter(|id| !self.listeners[id].v6_only);
        bound(local.ip()).or_else(|| bound(any)).or_else(both)
    }

    /// The connection waits for accept().
    pub fn push_accept(&mut self, id: ListenerId, conn: ConnId) {
        if let Some(slot) = self.listeners.get_mut(&id) {
            slot.accept_queue.push_back(conn);
            if std::mem::take(&mut slot.waiting) {
                self.woken.push(SocketId::Listener(id));
            }
        }
    }

    /// Removes a listener.
    pub fn remove_listener(&mut self, id: ListenerId) -> Option<ListenerSlot> {
        let slot = self.listeners.remove(&id)?;
        if let Some(ids) = self.listening.get_mut(&slot.local.port()) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.listening.remove(&slot.local.port());
                self.leave(slot.local.port());
            }
        }
        Some(slot)
    }

    /// A listener with something to send.
    pub fn busy_listener(&self) -> Option<ListenerId> {
        self.first_lively(Listener::has_output)
    }

    /// A listener with a deadline that has passed.
    pub fn due_listener(&self, now: Instant) -> Option<ListenerId> {
        self.first_lively(|listener| listener.is_due(now))
    }
}
