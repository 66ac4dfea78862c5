//! Several hosts and routers, and the wires between them, in virtual time. A wire is a link that
//! all its ends share; everything that crosses one is remembered.

use super::seen;
use netglass::base::{EventId, Frame, IfaceId, Instant, Mac, Medium, Pool};
use netglass::ip::{Origin, Route};
use netglass::stack::{Answer, Ethernet, Event, LinkSetup, PingOptions, Record, Setup, Stack};
use netglass::wire::ip::{Header, Mark};
use netglass::wire::{ethernet, split};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// How long every wire takes.
pub const DELAY: Duration = Duration::from_millis(1);

/// A frame that has crossed a wire.
#[derive(Clone, Debug)]
pub struct Crossed {
    pub at: Instant,
    pub wire: usize,
    /// The host that sent it.
    pub from: usize,
    pub origin: EventId,
    pub bytes: Vec<u8>,
    /// Where the packet starts.
    pub link: usize,
}

impl Crossed {
    pub fn packet(&self) -> &[u8] {
        &self.bytes[self.link..]
    }

    /// The packet's header; `None` when it is no IP.
    pub fn header(&self) -> Option<Header> {
        let mut header = Header::parse(self.packet(), self.packet().len()).ok()?;
        header.walk(self.packet()).ok()?;
        Some(header)
    }

    pub fn ethernet(&self) -> ethernet::Header {
        ethernet::Header::parse(&self.bytes).expect("an Ethernet frame")
    }
}

/// Hosts, wires, one clock.
pub struct Net {
    pub now: Instant,
    pub hosts: Vec<Stack>,
    wires: Vec<Vec<(usize, IfaceId)>>,
    queue: BTreeMap<(Instant, u64), (usize, usize, Frame)>,
    sent: u64,
    /// Everything that crossed a wire, when kept.
    pub crossed: Vec<Crossed>,
    /// Every record of every host, when kept.
    pub records: Vec<(usize, Record)>,
    pub keep: bool,
    steps: u64,
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().expect(text)
}

pub fn mac(n: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, n])
}

/// A set-up without interfaces.
pub fn node(key: u64) -> Setup {
    Setup::new([key, 7])
}

/// With another interface: on an Ethernet when there is a number for its address, else of bare IP.
pub fn iface(setup: Setup, ethernet: Option<u8>, mtu: u16, addrs: &[&str]) -> Setup {
    let name = format!("if{}", setup.ifaces.len());
    let cidr = |addr: &&str| addr.parse().expect(addr);
    let mut setup = setup.with_iface(&name, mtu, cidr(&addrs[0]));
    if let Some(n) = ethernet {
        setup = setup.on_ethernet(Ethernet { dad_transmits: 0, ..Ethernet::new(mac(n)) });
    }
    let last = setup.ifaces.last_mut().expect("it was added");
    last.addrs.extend(addrs[1..].iter().map(cidr));
    setup
}

/// With a route: `dst` by way of `via`.
pub fn route(mut setup: Setup, dst: &str, via: &str, iface: u16) -> Setup {
    let (dst, via) = (dst.parse().expect(dst), Some(ip(via)));
    let (iface, origin) = (IfaceId(iface), Origin::Static);
    setup.routes.push(Route { dst, via, iface, metric: 0, origin });
    setup
}

impl Net {
    pub fn new(setups: Vec<Setup>) -> Net {
        let numbered = setups.into_iter().enumerate();
        let numbered = numbered.map(|(n, setup)| Setup { host: n as u16, ..setup });
        let mut hosts: Vec<Stack> = numbered.map(Stack::new).collect();
        hosts.iter_mut().for_each(|host| host.listen_to_events(true));
        Net {
            now: Instant::ZERO,
            hosts,
            wires: Vec::new(),
            queue: BTreeMap::new(),
            sent: 0,
            crossed: Vec::new(),
            records: Vec::new(),
            keep: true,
            steps: 0,
        }
    }

    /// Joins interfaces to one wire.
    pub fn wire(mut self, ends: &[(usize, u16)]) -> Net {
        self.wires.push(ends.iter().map(|(host, iface)| (*host, IfaceId(*iface))).collect());
        self
    }

    /// Nothing is kept from now on.
    pub fn quiet(mut self) -> Net {
        self.keep = false;
        self.hosts.iter_mut().for_each(|host| host.listen_to_events(false));
        self
    }

    fn medium(&self, host: usize, iface: IfaceId) -> Medium {
        let setup = self.hosts[host].ifaces().nth(iface.0.into()).expect("an interface");
        if setup.link == LinkSetup::Ip { Medium::Ip } else { Medium::Ethernet }
    }

    fn send(&mut self, host: usize, iface: IfaceId, frame: Frame) {
        let wire = self.wires.iter().position(|ends| ends.contains(&(host, iface)));
        let Some(wire) = wire else { return };
        if self.keep {
            let bytes = frame.to_vec();
            let link = match self.medium(host, iface) {
                Medium::Ip => 0,
                Medium::Ethernet => ethernet::header_len(&bytes).expect("a header"),
            };
            let mtu = self.hosts[host].ifaces().nth(iface.0.into()).expect("an interface").mtu;
            let fits = frame.offload.gso.is_some() || bytes.len() - link <= usize::from(mtu);
            assert!(fits, "{} bytes for {mtu}", bytes.len());
            let (at, from, origin) = (self.now, host, frame.origin);
            self.crossed.push(Crossed { at, wire, from, origin, bytes, link });
        }
        self.sent += 1;
        self.queue.insert((self.now + DELAY, self.sent), (wire, host, frame));
    }

    /// Sends what all hosts have to send, delivers what has arrived by now.
    pub fn settle(&mut self) {
        loop {
            let mut quiet = true;
            for host in 0..self.hosts.len() {
                self.hosts[host].poll(self.now);
                while let Some((iface, frame)) = self.hosts[host].output(self.now) {
                    quiet = false;
                    self.send(host, iface, frame);
                }
                let deadline = self.hosts[host].deadline(self.now);
                assert!(deadline.is_none_or(|at| at > self.now), "driver law: {deadline:?}");
            }
            while let Some(first) = self.queue.first_entry().filter(|e| e.key().0 <= self.now) {
                quiet = false;
                let (wire, from, frame) = first.remove();
                for n in 0..self.wires[wire].len() {
                    let (host, iface) = self.wires[wire][n];
                    if host != from {
                        self.hosts[host].input(self.now, iface, frame.clone());
                    }
                }
            }
            self.steps += 1;
            assert!(self.steps < 1_000_000, "the network does not come to rest");
            if quiet {
                break;
            }
        }
        if self.keep {
            for host in 0..self.hosts.len() {
                let mut records = Vec::new();
                self.hosts[host].drain_records(&mut records);
                self.records.extend(records.into_iter().map(|record| (host, record)));
            }
        }
    }

    /// Moves to the next event, unless that lies behind `end`.
    pub fn step(&mut self, end: Instant) -> bool {
        self.settle();
        let now = self.now;
        let hosts = self.hosts.iter_mut().filter_map(|host| host.deadline(now));
        let queue = self.queue.first_key_value().map(|((at, _), _)| *at);
        match hosts.chain(queue).min() {
            Some(at) if at <= end => {
                self.now = at;
                self.settle();
                true
            }
            _ => false,
        }
    }

    /// Lets time pass.
    pub fn wait(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while self.step(end) {}
        self.now = end;
        self.settle();
    }

    /// A packet arrives at an interface, in a frame to it if that is an Ethernet's.
    pub fn inject(&mut self, host: usize, iface: u16, packet: &[u8]) {
        let to = self.hosts[host].mac(IfaceId(iface));
        self.inject_to(host, iface, to.unwrap_or(Mac::ZERO), packet);
    }

    /// The same in a frame to anybody.
    pub fn inject_to(&mut self, host: usize, iface: u16, dst: Mac, packet: &[u8]) {
        let mut frame = Frame::copied(&Pool::new(), packet);
        if self.medium(host, IfaceId(iface)) == Medium::Ethernet {
            let ethertype = if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
            let header = ethernet::Header { dst, src: mac(0xee), tag: None, ethertype };
            header.emit(&mut frame.head);
            frame = Frame::copied(&Pool::new(), &frame.to_vec());
        }
        self.inject_frame(host, iface, frame);
    }

    /// A frame arrives at an interface.
    pub fn inject_frame(&mut self, host: usize, iface: u16, frame: Frame) {
        self.hosts[host].input(self.now, IfaceId(iface), frame);
        self.settle();
    }

    /// Pings, and waits for what comes of it.
    pub fn ping(&mut self, host: usize, dst: &str, ttl: u8, len: usize) -> Option<Answer> {
        let id = self.hosts[host].open_echo(self.now).expect("room");
        let mark = Mark { ttl: Some(ttl), ..Mark::default() };
        let options = PingOptions { mark, ..PingOptions::default() };
        let sent = self.hosts[host].ping_with(self.now, ip(dst), (id, 1), &vec![7; len], options);
        sent.expect("a route");
        self.wait(5_000);
        let answer = self.hosts[host].take_answer(self.now, id).ok();
        self.hosts[host].close_echo(self.now, id);
        answer
    }

    /// How often a host has dropped something for that reason.
    pub fn drops(&self, host: usize, key: &str) -> u64 {
        let mut all = self.hosts[host].drops().iter();
        all.find_map(|(known, n)| (known == key).then_some(n)).unwrap_or(0)
    }

    #[track_caller]
    pub fn count(&self, host: usize, name: &str) -> u64 {
        let counters = self.hosts[host].counters();
        let found = counters.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("no counter {name}")).1
    }

    /// A host's records that `pick` takes.
    pub fn told<T>(&self, host: usize, pick: impl Fn(&Event) -> Option<T>) -> Vec<(Record, T)> {
        let own = self.records.iter().filter(|(at, _)| *at == host);
        own.filter_map(|(_, record)| Some((record.clone(), pick(&record.event)?))).collect()
    }

    /// What has crossed a wire from a host and is IP to `dst`.
    pub fn to(&self, wire: usize, from: usize, dst: &str) -> Vec<Crossed> {
        let is = |c: &&Crossed| {
            (c.wire, c.from) == (wire, from) && c.header().is_some_and(|h| h.dst == ip(dst))
        };
        self.crossed.iter().filter(is).cloned().collect()
    }

    pub fn forget(&mut self) {
        self.crossed.clear();
        self.records.clear();
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for (n, host) in self.hosts.iter().enumerate() {
            let own = self.records.iter().filter(|(at, _)| *at == n);
            let records: Vec<Record> = own.map(|(_, record)| record.clone()).collect();
            seen::add(&records, host.drops(), &BTreeSet::new());
        }
    }
}

/// Whether a super-segment's pieces are what would be on a wire.
pub fn on_wire(frame: &Frame, mtu: usize) -> usize {
    split::split(frame, mtu).expect("it can be split").len()
}
