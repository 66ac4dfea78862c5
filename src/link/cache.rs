//! The neighbour cache: which Ethernet address a neighbour has, and whether it is there
//! (RFC 4861 §7.2, §7.3, Appendix C; with ARP's packets, RFC 826 and RFC 1122 §2.3.2).
//!
//! A sender asks [`Cache::resolve`]; without an answer it gives the frame to [`Cache::hold`], and
//! the frame comes back as an [`Action`] when the neighbour has answered, or has not. The first
//! frame that waits for a neighbour is never given up for a later one.
//!
//! Everything is bounded. What arrives unasked creates no entry. When room is needed, those that
//! failed go first, then those that never showed a sign of life, the oldest first; a host that only
//! asks for us pushes out nobody else. For one that we send to, stale ones go as well; those that
//! are there stay.

use super::Cx;
use super::config::Config;
use super::event::{Cause, Event, State};
use crate::base::deadlines::Deadlines;
use crate::base::rng::Purpose;
use crate::base::time::nanos;
use crate::base::{Duration, Frame, Instant, Limiter, Mac, Why};
use slab::Slab;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

/// How long one draw of the reachable time is used (RFC 4861 §6.3.2: "every few hours").
const REDRAW: u64 = 2 * 3600 * 1_000_000_000;
/// What a router may say about the time between questions: whoever says so must neither make us
/// ask without end nor keep us from asking.
const RETRANS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// What a router may say about reachable times (RFC 4861 §6.2.1: an hour at most).
const REACHABLE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3600));

/// What a cache wants done.
#[derive(Debug)]
pub enum Action {
    /// Ask who has an address: everybody, or only the one who had it.
    Solicit {
        /// The address.
        addr: IpAddr,
        /// Whom to ask; `None`: everybody.
        to: Option<Mac>,
    },
    /// A question was due, but the rate limit holds it back.
    Quiet {
        /// The address.
        addr: IpAddr,
    },
    /// Send a frame that has waited.
    Send {
        /// Where to.
        mac: Mac,
        /// The frame, without a link header.
        frame: Frame,
    },
    /// A frame that waited cannot be sent.
    Drop {
        /// Why.
        why: Why,
        /// The neighbour.
        addr: IpAddr,
        /// The frame, without a link header.
        frame: Frame,
    },
}

/// What a neighbour says about itself (RFC 4861 §4.4).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Advert {
    /// Its Ethernet address, if it says so.
    pub mac: Option<Mac>,
    /// Whether it is an answer.
    pub solicited: bool,
    /// Whether it replaces what is known.
    pub overrides: bool,
}

/// An entry, to look at.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Neighbor {
    /// Its address.
    pub addr: IpAddr,
    /// Its Ethernet address, if known.
    pub mac: Option<Mac>,
    /// What is known of it.
    pub state: State,
    /// Since when.
    pub since: Instant,
    /// The last sign of life.
    pub confirmed: Option<Instant>,
    /// Frames that wait for it.
    pub waiting: usize,
}

#[derive(Debug)]
struct Entry {
    addr: IpAddr,
    mac: Option<Mac>,
    state: State,
    since: Instant,
    /// The number of that change of state.
    turn: u64,
    /// Questions asked in this state.
    asked: u32,
    confirmed: Option<Instant>,
    /// In which order it goes when there is no room.
    rank: Option<u8>,
    /// When `mac` was learned.
    learned: Instant,
    queue: VecDeque<Frame>,
    bytes: usize,
}

/// What routers may change for the neighbours of IPv6 (RFC 4861 §6.3.2).
#[derive(Copy, Clone, Debug)]
struct Times {
    base_reachable: Duration,
    retrans: Duration,
}

/// The neighbours of one link.
#[derive(Debug)]
pub struct Cache {
    config: Config,
    advised: Times,
    entries: Slab<Entry>,
    index: BTreeMap<IpAddr, usize>,
    timers: Deadlines,
    /// Those that may go, in that order: (rank, turn, key).
    spare: BTreeSet<(u8, u64, usize)>,
    /// Counts changes of state, so that those of one moment have an order.
    turn: u64,
    /// Bytes that wait, of all entries.
    bytes: usize,
    limiter: Limiter,
    actions: VecDeque<Action>,
}

/// The rank of entries that only someone we send to pushes out.
const STALE: u8 = 3;

/// In which order entries go when there is no room; `None`: not at all.
fn rank(state: State, alive: bool) -> Option<u8> {
    match (state, alive) {
        (State::Failed, _) => Some(0),
        (State::Stale, false) => Some(1),
        (State::Incomplete, _) | (State::Delay | State::Probe, false) => Some(2),
        (State::Stale, true) => Some(STALE),
        (State::Reachable | State::Permanent, _) | (State::Delay | State::Probe, true) => None,
    }
}

/// What a waiting frame counts.
fn weight(frame: &Frame) -> usize {
    frame.len() + size_of::<Frame>()
}

/// Between one and three halves of the base (RFC 4861 §6.3.2), another one every few hours.
fn reachable_time(base: Duration, cx: &Cx<'_>) -> Duration {
    let base = nanos(base);
    let drawn = cx.chance.below(base, Purpose::Reachable, cx.now.as_nanos() / REDRAW, 0);
    Duration::from_nanos((base / 2).saturating_add(drawn))
}

impl Cache {
    /// An empty cache.
    pub fn new(config: Config) -> Cache {
        let Config { base_reachable, retrans, .. } = config;
        Cache {
            advised: Times { base_reachable, retrans },
            limiter: Limiter::new(config.solicit_rate, config.solicit_burst),
            entries: Slab::new(),
            index: BTreeMap::new(),
            timers: Deadlines::default(),
            spare: BTreeSet::new(),
            turn: 0,
            bytes: 0,
            actions: VecDeque::new(),
            config,
        }
    }

    // ---- for senders

    /// Where to send a packet whose next hop is `addr`; `None`: [`Cache::hold`] it.
    pub fn resolve(&mut self, addr: IpAddr, cx: &mut Cx<'_>) -> Option<Mac> {
        let key = *self.index.get(&addr)?;
        let entry = &self.entries[key];
        match entry.state {
            State::Incomplete | State::Failed => return None,
            State::Stale => self.go(key, State::Delay, Cause::Used, cx),
            State::Reachable | State::Delay | State::Probe | State::Permanent => {}
        }
        self.entries[key].mac
    }

    /// Keeps a frame until `addr` has answered, and asks for it. The frame comes back by
    /// [`Cache::output`], to be sent or given up.
    pub fn hold(&mut self, addr: IpAddr, frame: Frame, cx: &mut Cx<'_>) {
        let (key, from) = match self.index.get(&addr).copied() {
            Some(key) => (key, Some(self.entries[key].state)),
            None if self.make_room(STALE, cx) => {
                (self.insert(addr, None, State::Incomplete, cx), None)
            }
            None => {
                self.actions.push_back(Action::Drop { why: Why::NeighborLimit, addr, frame });
                return;
            }
        };
        self.queue(key, frame);
        if from.is_none_or(|state| state == State::Failed) {
            self.entries[key].mac = None;
            self.enter(key, State::Incomplete, cx.now);
            self.tell(key, from, Cause::Needed, cx);
            self.ask(key, cx.now);
        }
    }

    /// Keeps a frame, giving up others behind the first one when there are too many bytes.
    fn queue(&mut self, key: usize, frame: Frame) {
        let entry = &mut self.entries[key];
        let (addr, more) = (entry.addr, weight(&frame));
        let why = Why::NeighborQueueFull;
        while entry.bytes + more > self.config.queue_bytes && entry.queue.len() > 1 {
            let Some(frame) = entry.queue.remove(1) else { break };
            entry.bytes -= weight(&frame);
            self.bytes -= weight(&frame);
            self.actions.push_back(Action::Drop { why, addr, frame });
        }
        let full = entry.bytes + more > self.config.queue_bytes && !entry.queue.is_empty();
        if full || self.bytes + more > self.config.queue_bytes_total {
            self.actions.push_back(Action::Drop { why, addr, frame });
            return;
        }
        entry.queue.push_back(frame);
        entry.bytes += more;
        self.bytes += more;
    }

    // ---- what arrives

    /// A host asked for us and said where it is (a Neighbor Solicitation with its address, an ARP
    /// request for us): RFC 4861 §7.2.3.
    ///
    /// # Errors
    /// [`Why::NeighborLimit`] when it is new and there is no room, [`Why::NeighborTooSoon`].
    pub fn on_solicit(&mut self, addr: IpAddr, mac: Mac, cx: &mut Cx<'_>) -> Result<(), Why> {
        let Some(key) = self.index.get(&addr).copied() else {
            if !self.make_room(STALE - 1, cx) {
                return Err(Why::NeighborLimit);
            }
            let key = self.insert(addr, Some(mac), State::Stale, cx);
            self.tell(key, None, Cause::Asked, cx);
            return Ok(());
        };
        let state = self.entries[key].state;
        let known = state != State::Failed && self.entries[key].mac == Some(mac);
        match state == State::Permanent || known {
            true => Ok(()),
            false => self.learn(key, mac, State::Stale, Cause::Asked, cx),
        }
    }

    /// A neighbour says where it is (a Neighbor Advertisement, an ARP reply or announcement):
    /// RFC 4861 §7.2.5. An answer that nobody waits for is taken as one unasked.
    ///
    /// # Errors
    /// [`Why::NeighborUnasked`] when nothing is known of it, [`Why::NeighborTooSoon`].
    pub fn on_advert(&mut self, addr: IpAddr, advert: Advert, cx: &mut Cx<'_>) -> Result<(), Why> {
        let key = self.index.get(&addr).copied().ok_or(Why::NeighborUnasked)?;
        let entry = &self.entries[key];
        let solicited = advert.solicited && matches!(entry.state, State::Incomplete | State::Probe);
        let cause = if solicited { Cause::Answered } else { Cause::Advertised };
        let to = if solicited { State::Reachable } else { State::Stale };
        let known = entry.mac;
        match (entry.state, advert.mac.or(known)) {
            (State::Permanent, _) => Ok(()),
            // Nobody waits for it any more.
            (State::Failed, _) => Err(Why::NeighborUnasked),
            (State::Incomplete, None) => Err(Why::NeighborUnasked),
            (State::Incomplete, Some(mac)) => self.learn(key, mac, to, cause, cx),
            (_, mac) if mac == known => {
                if solicited {
                    self.go(key, State::Reachable, cause, cx);
                }
                Ok(())
            }
            (State::Reachable, _) if !advert.overrides => {
                self.go(key, State::Stale, Cause::Contradicted, cx);
                Ok(())
            }
            (_, Some(mac)) if advert.overrides => self.learn(key, mac, to, cause, cx),
            _ => Ok(()),
        }
    }

    /// A connection made progress through `addr`: it is there (RFC 4861 §7.3.1).
    pub fn on_confirm(&mut self, addr: IpAddr, cx: &mut Cx<'_>) {
        let Some(key) = self.index.get(&addr).copied() else { return };
        let entry = &mut self.entries[key];
        match entry.state {
            State::Reachable => entry.confirmed = Some(cx.now),
            State::Stale | State::Delay | State::Probe => {
                self.go(key, State::Reachable, Cause::Confirmed, cx);
            }
            State::Incomplete | State::Failed | State::Permanent => {}
        }
    }

    // ---- by hand

    /// Gives a neighbour's Ethernet address by hand; it stays until [`Cache::remove`].
    ///
    /// # Errors
    /// [`Why::NeighborLimit`].
    pub fn set(&mut self, addr: IpAddr, mac: Mac, cx: &mut Cx<'_>) -> Result<(), Why> {
        match self.index.get(&addr).copied() {
            Some(key) => {
                self.entries[key].mac = Some(mac);
                self.go(key, State::Permanent, Cause::Static, cx);
                self.release(key, mac);
            }
            None if self.make_room(STALE, cx) => {
                let key = self.insert(addr, Some(mac), State::Permanent, cx);
                self.tell(key, None, Cause::Static, cx);
            }
            None => return Err(Why::NeighborLimit),
        }
        Ok(())
    }

    /// Forgets a neighbour; says whether it was known.
    pub fn remove(&mut self, addr: IpAddr, cx: &mut Cx<'_>) -> bool {
        let key = self.index.get(&addr).copied();
        key.inspect(|key| self.forget(*key, Cause::Static, Why::NeighborFailed, cx)).is_some()
    }

    /// A router says how long neighbours of IPv6 count as reachable and how long to wait between
    /// questions, milliseconds; 0: it does not say (RFC 4861 §6.3.4).
    pub fn set_times(&mut self, reachable: u32, retrans: u32) {
        let within = |millis: u32, (least, most)| {
            Some(Duration::from_millis(millis.into()).clamp(least, most)).filter(|_| millis > 0)
        };
        let Times { base_reachable, retrans: known } = self.advised;
        self.advised = Times {
            base_reachable: within(reachable, REACHABLE).unwrap_or(base_reachable),
            retrans: within(retrans, RETRANS).unwrap_or(known),
        };
    }

    /// The times that count for a neighbour.
    fn times(&self, addr: IpAddr) -> Times {
        let Config { base_reachable, retrans, .. } = self.config;
        if addr.is_ipv6() { self.advised } else { Times { base_reachable, retrans } }
    }

    /// The time between questions for `addr`.
    pub fn retrans(&self, addr: IpAddr) -> Duration {
        self.times(addr).retrans
    }

    // ---- time

    /// Time has come to `cx.now`.
    pub fn poll(&mut self, cx: &mut Cx<'_>) {
        while let Some(key) = self.timers.pop_due(cx.now) {
            self.expire(key, cx);
        }
    }

    /// What is to be done next. To be called until it gives `None`.
    pub fn output(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Cache::poll`] or [`Cache::output`] has something to do.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        if self.actions.is_empty() { self.timers.next() } else { Some(now) }
    }

    fn expire(&mut self, key: usize, cx: &mut Cx<'_>) {
        let entry = &self.entries[key];
        match entry.state {
            State::Incomplete if entry.asked < self.config.multicast_solicit => {
                self.ask(key, cx.now);
            }
            State::Probe if entry.asked < self.config.unicast_solicit => self.ask(key, cx.now),
            State::Incomplete | State::Probe => {
                self.go(key, State::Failed, Cause::NoAnswer, cx);
                self.give_up(key, Why::NeighborFailed);
            }
            State::Reachable => match self.reachable_until(key, cx) {
                Some(until) if until > cx.now => self.timers.set(key, Some(until)),
                _ => self.go(key, State::Stale, Cause::Aged, cx),
            },
            State::Delay => {
                self.go(key, State::Probe, Cause::Doubted, cx);
                self.ask(key, cx.now);
            }
            State::Stale | State::Failed => {
                self.forget(key, Cause::Unused, Why::NeighborFailed, cx);
            }
            State::Permanent => {}
        }
    }

    fn reachable_until(&self, key: usize, cx: &Cx<'_>) -> Option<Instant> {
        let entry = &self.entries[key];
        let base = self.times(entry.addr).base_reachable;
        entry.confirmed.map(|at| at + reachable_time(base, cx))
    }

    // ---- steps

    /// Takes an Ethernet address; frames that waited for it go.
    fn learn(
        &mut self,
        key: usize,
        mac: Mac,
        to: State,
        cause: Cause,
        cx: &mut Cx<'_>,
    ) -> Result<(), Why> {
        let entry = &mut self.entries[key];
        if let Some(from) = entry.mac.filter(|from| *from != mac) {
            // In ND the override flag says which of several answers counts (RFC 4861 §7.2.5).
            let is_locked = cx.now < entry.learned + self.config.locktime;
            if is_locked && entry.addr.is_ipv4() {
                return Err(Why::NeighborTooSoon);
            }
            let addr = entry.addr;
            entry.confirmed = None;
            cx.note(|| Event::Moved { addr, from, to: mac, cause });
        }
        (entry.mac, entry.learned) = (Some(mac), cx.now);
        self.go(key, to, cause, cx);
        self.release(key, mac);
        Ok(())
    }

    /// Frames that waited are sent.
    fn release(&mut self, key: usize, mac: Mac) {
        let entry = &mut self.entries[key];
        self.bytes -= std::mem::take(&mut entry.bytes);
        let frames = std::mem::take(&mut entry.queue);
        self.actions.extend(frames.into_iter().map(|frame| Action::Send { mac, frame }));
    }

    /// Frames that waited are given up.
    fn give_up(&mut self, key: usize, why: Why) {
        let entry = &mut self.entries[key];
        let addr = entry.addr;
        self.bytes -= std::mem::take(&mut entry.bytes);
        let frames = std::mem::take(&mut entry.queue);
        self.actions.extend(frames.into_iter().map(|frame| Action::Drop { why, addr, frame }));
    }

    /// Asks once more: everybody, or the neighbour itself when its address is known.
    fn ask(&mut self, key: usize, now: Instant) {
        let entry = &mut self.entries[key];
        entry.asked += 1;
        let (addr, to) = (entry.addr, entry.mac);
        let at = now + self.times(addr).retrans;
        self.timers.set(key, Some(at));
        let action = match self.limiter.allow(now) {
            true => Action::Solicit { addr, to },
            false => Action::Quiet { addr },
        };
        self.actions.push_back(action);
    }

    /// Changes the state and tells it.
    fn go(&mut self, key: usize, to: State, cause: Cause, cx: &mut Cx<'_>) {
        let from = self.entries[key].state;
        if to == State::Reachable {
            self.entries[key].confirmed = Some(cx.now);
        }
        self.enter(key, to, cx.now);
        let at = match to {
            State::Reachable => self.reachable_until(key, cx),
            State::Delay => Some(cx.now + self.config.delay_first_probe),
            State::Stale | State::Failed => Some(cx.now + self.config.gc_stale),
            State::Incomplete | State::Probe | State::Permanent => None,
        };
        self.timers.set(key, at);
        if from != to {
            self.tell(key, Some(from), cause, cx);
        }
    }

    /// Changes the state and the entry's place among those that may go.
    fn enter(&mut self, key: usize, to: State, now: Instant) {
        let entry = &mut self.entries[key];
        if let Some(rank) = entry.rank {
            self.spare.remove(&(rank, entry.turn, key));
        }
        self.turn += 1;
        (entry.state, entry.since, entry.turn, entry.asked) = (to, now, self.turn, 0);
        entry.rank = rank(to, entry.confirmed.is_some());
        if let Some(rank) = entry.rank {
            self.spare.insert((rank, self.turn, key));
        }
    }

    fn tell(&self, key: usize, from: Option<State>, cause: Cause, cx: &mut Cx<'_>) {
        let Entry { addr, mac, state, .. } = self.entries[key];
        cx.note(|| Event::Neighbor { addr, mac, from, to: Some(state), cause });
    }

    fn insert(&mut self, addr: IpAddr, mac: Option<Mac>, state: State, cx: &Cx<'_>) -> usize {
        let key = self.entries.insert(Entry {
            addr,
            mac,
            state,
            since: cx.now,
            turn: 0,
            asked: 0,
            confirmed: None,
            rank: None,
            learned: cx.now,
            queue: VecDeque::new(),
            bytes: 0,
        });
        self.index.insert(addr, key);
        self.enter(key, state, cx.now);
        let ages = state == State::Stale;
        self.timers.set(key, ages.then(|| cx.now + self.config.gc_stale));
        key
    }

    /// Sees to it that another entry may be made, at the cost of those up to a rank; `false` when
    /// there are none.
    fn make_room(&mut self, most: u8, cx: &mut Cx<'_>) -> bool {
        while self.entries.len() >= self.config.entries_max {
            let first = self.spare.first().filter(|(rank, ..)| *rank <= most);
            let Some((_, _, key)) = first.copied() else { return false };
            self.forget(key, Cause::Evicted, Why::NeighborLimit, cx);
        }
        true
    }

    fn forget(&mut self, key: usize, cause: Cause, why: Why, cx: &mut Cx<'_>) {
        self.give_up(key, why);
        self.timers.set(key, None);
        let Entry { addr, mac, state, turn, rank, .. } = self.entries.remove(key);
        if let Some(rank) = rank {
            self.spare.remove(&(rank, turn, key));
        }
        self.index.remove(&addr);
        cx.note(|| Event::Neighbor { addr, mac, from: Some(state), to: None, cause });
    }

    // ---- to look at

    /// The neighbours, by address.
    pub fn iter(&self) -> impl Iterator<Item = Neighbor> + '_ {
        self.index.values().map(|key| {
            let entry = &self.entries[*key];
            let Entry { addr, mac, state, since, confirmed, .. } = *entry;
            Neighbor { addr, mac, state, since, confirmed, waiting: entry.queue.len() }
        })
    }

    /// What is known of one neighbour.
    pub fn get(&self, addr: IpAddr) -> Option<Neighbor> {
        let key = *self.index.get(&addr)?;
        let entry = &self.entries[key];
        let Entry { mac, state, since, confirmed, .. } = *entry;
        Some(Neighbor { addr, mac, state, since, confirmed, waiting: entry.queue.len() })
    }

    /// How many neighbours are remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes that wait.
    pub fn waiting_bytes(&self) -> usize {
        self.bytes
    }

    /// Gives memory back that a flood has left behind.
    pub fn shrink(&mut self) {
        self.entries.shrink_to_fit();
        self.actions.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests;
