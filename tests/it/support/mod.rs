//! Two hosts and the wire between them, in virtual time.

pub mod net;
#[cfg(feature = "tokio")]
pub mod pair;
pub mod passage;
pub mod pipe;
pub mod puppet;
pub mod seen;
pub mod tree;

use netglass::base::{Chance, ConnId, EventId, Frame, IfaceId, Instant, Mac, Medium, Pool};
use netglass::impair::{Impairment, Link};
use netglass::stack::{Ethernet, LinkSetup, ListenOptions, Record, SentSum, Setup, Stack};
use netglass::wire::split;
use passage::Passages;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// The first host, which usually connects.
pub const A: usize = 0;
/// The second host, which usually listens.
pub const B: usize = 1;
/// The hosts' addresses.
pub const ADDR: [&str; 2] = ["10.0.0.1", "10.0.0.2"];
pub const ADDR6: [&str; 2] = ["fd00::1", "fd00::2"];

/// How the hosts are joined.
pub enum Joint {
    /// Frames pass as they are, super-segments included, after a fixed time.
    Direct(VecDeque<(Instant, Frame)>),
    /// Frames are split to the MTU and then mistreated.
    Link(Box<Link>),
}

/// Two hosts, two one-way joints, one clock.
pub struct World {
    pub now: Instant,
    pub hosts: [Stack; 2],
    pub joints: [Joint; 2],
    pub delay: Duration,
    pub mtu: usize,
    pub medium: Medium,
    /// FNV-1a over (time, host, bytes) of every frame sent.
    pub hash: u64,
    /// Every record of either host, when kept.
    pub records: Vec<(usize, Record)>,
    pub keep_records: bool,
    /// What B has sent, when asked for.
    pub tap: Option<SentSum>,
    /// Which segments came through, and when they had been sent, when asked for.
    pub passages: Option<Passages>,
    steps: u64,
}

pub fn addr(host: usize, port: u16) -> SocketAddr {
    format!("{}:{port}", ADDR[host]).parse().unwrap()
}

pub fn addr6(host: usize, port: u16) -> SocketAddr {
    format!("[{}]:{port}", ADDR6[host]).parse().unwrap()
}

/// A host with an address of each family.
pub fn setup(host: usize, seed: u64, mtu: u16, offload: bool) -> Setup {
    let cidr = format!("{}/24", ADDR[host]).parse().unwrap();
    let mut setup = Setup::new([seed, host as u64 + 1]).with_iface("wire0", mtu, cidr);
    setup.ifaces[0].addrs.push(format!("{}/64", ADDR6[host]).parse().unwrap());
    if offload { setup.with_offload() } else { setup }
}

/// As `setup`, on an Ethernet.
pub fn ethernet(host: usize, seed: u64, mtu: u16, offload: bool) -> Setup {
    let mac = Mac([2, 0, 0, 0, 0, host as u8 + 1]);
    setup(host, seed, mtu, offload).on_ethernet(Ethernet::new(mac))
}

fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |h, byte| (h ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

impl World {
    /// Two plain hosts with MTU 1500 on a wire of 10 ms each way.
    pub fn new(seed: u64) -> World {
        World::of([setup(A, seed, 1500, false), setup(B, seed, 1500, false)])
    }

    pub fn of(setups: [Setup; 2]) -> World {
        let mtu = usize::from(setups[0].ifaces[0].mtu);
        let medium = match setups[0].ifaces[0].link {
            LinkSetup::Ip => Medium::Ip,
            LinkSetup::Ethernet(_) => Medium::Ethernet,
        };
        World {
            now: Instant::ZERO,
            hosts: setups.map(Stack::new),
            joints: [Joint::Direct(VecDeque::new()), Joint::Direct(VecDeque::new())],
            delay: Duration::from_millis(10),
            mtu,
            medium,
            hash: 0xcbf2_9ce4_8422_2325,
            records: Vec::new(),
            keep_records: false,
            tap: None,
            passages: None,
            steps: 0,
        }
    }

    /// With mistreating links.
    pub fn impaired(mut self, rules: Impairment, seed: u64) -> World {
        let link = |id| Link::new(rules.clone(), Chance::from_seed(seed), id, Pool::new());
        self.joints = [Joint::Link(Box::new(link(0))), Joint::Link(Box::new(link(1)))];
        self
    }

    /// With records of both hosts kept.
    pub fn listening(mut self) -> World {
        self.keep_records = true;
        self.hosts.iter_mut().for_each(|host| host.listen_to_events(true));
        self
    }

    pub fn hash_in(&mut self, bytes: &[u8]) {
        self.hash = fnv(self.hash, bytes);
    }

    /// Sends what both hosts have to send, delivers what has arrived by now.
    pub fn settle(&mut self) {
        loop {
            let mut quiet = true;
            for host in [A, B] {
                self.hosts[host].poll(self.now);
                while let Some((_, frame)) = self.hosts[host].output(self.now) {
                    quiet = false;
                    self.send(host, frame);
                }
                let deadline = self.hosts[host].deadline(self.now);
                assert!(deadline.is_none_or(|at| at > self.now), "driver law: {deadline:?}");
                while let Some(mut frame) = self.arrival(host) {
                    quiet = false;
                    if let Some(passages) = &mut self.passages {
                        passages.arrive(host, &frame);
                        frame.origin = EventId::NONE;
                    }
                    self.hosts[1 - host].input(self.now, IfaceId(0), frame);
                }
            }
            self.steps += 1;
            assert!(self.steps < 5_000_000, "the world does not come to rest");
            if quiet {
                break;
            }
        }
        if self.keep_records {
            for host in [A, B] {
                let mut records = Vec::new();
                self.hosts[host].drain_records(&mut records);
                self.records.extend(records.into_iter().map(|record| (host, record)));
            }
        }
    }

    /// Puts a frame on the wire from a host.
    pub fn send(&mut self, host: usize, mut frame: Frame) {
        // Each host counts for itself.
        let now = self.now;
        frame.origin = match &mut self.passages {
            Some(all) => all.leave(now, host, &frame),
            None => EventId::NONE,
        };
        let stamp = self.now.as_nanos().to_le_bytes();
        self.hash_in(&stamp);
        self.hash_in(&[host as u8]);
        self.hash = frame.slices().fold(self.hash, fnv);
        if let (Some(tap), B) = (&mut self.tap, host) {
            tap.add(IfaceId(0), &frame);
        }
        let (now, delay, mtu, medium) = (self.now, self.delay, self.mtu, self.medium);
        match &mut self.joints[host] {
            Joint::Direct(queue) => queue.push_back((now + delay, frame)),
            Joint::Link(link) => {
                for piece in
                    split::split_on(medium, &frame, mtu).expect("what we send can be split")
                {
                    link.input(now, piece);
                }
            }
        }
    }

    fn arrival(&mut self, from: usize) -> Option<Frame> {
        let now = self.now;
        match &mut self.joints[from] {
            Joint::Direct(queue) => {
                let due = queue.front().is_some_and(|(at, _)| *at <= now);
                if due { queue.pop_front().map(|(_, frame)| frame) } else { None }
            }
            Joint::Link(link) => link.output(now),
        }
    }

    /// When something happens next.
    pub fn next(&mut self) -> Option<Instant> {
        let now = self.now;
        let hosts = self.hosts.iter_mut().filter_map(|host| host.deadline(now));
        let joints = self.joints.iter().filter_map(|joint| match joint {
            Joint::Direct(queue) => queue.front().map(|(at, _)| *at),
            Joint::Link(link) => link.deadline(),
        });
        hosts.chain(joints).min()
    }

    /// Moves to the next event, unless that lies behind `end`; `false` then, or when nothing will
    /// happen any more.
    pub fn step(&mut self, end: Instant) -> bool {
        self.settle();
        match self.next() {
            Some(at) if at <= end => {
                self.now = at;
                self.settle();
                true
            }
            _ => false,
        }
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
        self.settle();
    }

    /// Lets time pass until `done`, at most `limit`.
    #[track_caller]
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&mut World) -> bool) {
        let end = self.now + limit;
        self.settle();
        while !done(self) {
            assert!(self.step(end), "nothing more happens by {}, and it is not done", self.now);
        }
    }

    /// Listens on B, connects from A, waits for both: (A's, B's).
    pub fn connected(&mut self, port: u16) -> (ConnId, ConnId) {
        self.connected_at(addr(B, port))
    }

    /// The same at an address of B's of either family.
    pub fn connected_at(&mut self, at: SocketAddr) -> (ConnId, ConnId) {
        let listener = self.hosts[B].listen(self.now, at, ListenOptions::default()).unwrap();
        let a = self.hosts[A].connect(self.now, at, None, None).unwrap();
        let mut b = None;
        self.run_until(Duration::from_secs(3600), |world| {
            b = b.or_else(|| world.hosts[B].accept(world.now, listener).ok());
            b.is_some()
        });
        (a, b.unwrap().0)
    }
}
