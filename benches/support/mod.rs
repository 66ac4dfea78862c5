//! Two hosts that exchange real segments in one thread: what the benchmarks bring into a state,
//! and measure.

use netglass::base::{Chunks, ConnId, Frame, IfaceId, Instant, ListenerId, Pool};
use netglass::stack::{ListenOptions, Setup, Stack};
use netglass::tcp::Config;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The interface of either host.
pub const WIRE: IfaceId = IfaceId(0);
/// The most connections opened at a time.
const OPENING: usize = 64;
/// Local ports used of each of the client's addresses.
const PORTS: usize = 50_000;

/// A client, a server, and their connections.
pub struct Hosts {
    pub now: Instant,
    pub client: Stack,
    pub server: Stack,
    /// The client's and the server's number of each connection.
    pub conns: Vec<(ConnId, ConnId)>,
    pub listener: ListenerId,
    /// The device the server reads frames from.
    device: Pool,
}

fn client_addr(n: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 1, 1 + n as u8)
}

fn server_addr() -> SocketAddr {
    SocketAddr::new(IpAddr::from([10, 0, 2, 1]), 80)
}

/// A host with the client's addresses, or the server's.
pub fn host(client: bool, offload: bool) -> Stack {
    let first = if client { "10.0.1.1/16" } else { "10.0.2.1/16" };
    let network = |addr: &str| addr.parse().expect("an address and its network");
    let mut setup = Setup::new([7, u64::from(client)]).with_iface("wire0", 1500, network(first));
    if client {
        let more = (1..8).map(|n| network(&format!("{}/16", client_addr(n))));
        setup.ifaces[0].addrs.extend(more);
    }
    // Room for a whole batch of super-segments, and no waiting for company.
    let (recv_buffer, send_buffer) = (8 << 20, 8 << 20);
    setup.tcp = Config { recv_buffer, send_buffer, nagle: false, ..Config::default() };
    Stack::new(if offload { setup.with_offload() } else { setup })
}

/// The frame as a device hands it over: one run of bytes in one block.
pub fn received(frame: &Frame, device: &Pool) -> Frame {
    let mut block = device.take(frame.len());
    for slice in frame.slices() {
        assert_eq!(block.append(slice), slice.len(), "a fresh block has room");
    }
    Frame { body: Chunks::from(block), offload: frame.offload, ..Frame::default() }
}

impl Hosts {
    /// Two hosts and no connection; the server's listener takes `backlog` half-open ones.
    pub fn new(offload: bool, backlog: usize) -> Hosts {
        let (client, mut server) = (host(true, offload), host(false, offload));
        let options = ListenOptions { backlog: backlog as u32, ..ListenOptions::default() };
        let listener = server.listen(Instant::ZERO, server_addr(), options).expect("a free port");
        let (now, conns, device) = (Instant::ZERO, Vec::new(), Pool::new());
        Hosts { now, client, server, conns, listener, device }
    }

    /// Two hosts with `count` established connections.
    pub fn connected(offload: bool, count: usize) -> Hosts {
        let mut hosts = Hosts::new(offload, OPENING);
        while hosts.conns.len() < count {
            let first = hosts.conns.len();
            let opening: Vec<_> =
                (first..count.min(first + OPENING)).map(|n| hosts.open(n)).collect();
            hosts.exchange();
            for _ in 0..opening.len() {
                let (server, peer) = hosts.accept();
                let same = |id: &&ConnId| hosts.client.pair(**id).is_ok_and(|p| p.local == peer);
                let client = opening.iter().find(same).expect("the client opened it");
                hosts.conns.push((*client, server));
            }
        }
        hosts
    }

    /// The addresses of the client's connection `n`.
    pub fn pair(n: usize) -> (SocketAddr, SocketAddr) {
        let local = SocketAddr::new(client_addr(n / PORTS).into(), 1_024 + (n % PORTS) as u16);
        (local, server_addr())
    }

    /// The client's SYN for its connection `n` is on its way.
    pub fn open(&mut self, n: usize) -> ConnId {
        let (local, to) = Hosts::pair(n);
        self.client.connect(self.now, to, Some(local), None).expect("a free pair")
    }

    fn accept(&mut self) -> (ConnId, SocketAddr) {
        self.server.accept(self.now, self.listener).expect("the handshake is complete")
    }

    /// The next `count` frames the client sends, as the server's device hands them over.
    pub fn client_sends(&mut self, count: usize) -> Vec<Frame> {
        let device = &self.device;
        let sent = std::iter::from_fn(|| self.client.output(self.now)).take(count);
        let frames: Vec<_> = sent.map(|(_, frame)| received(&frame, device)).collect();
        assert_eq!(frames.len(), count, "the client has that much to send");
        frames
    }

    /// The next `count` frames the server sends, as the client's device hands them over.
    pub fn server_sends(&mut self, count: usize) -> Vec<Frame> {
        let device = &self.device;
        let sent = std::iter::from_fn(|| self.server.output(self.now)).take(count);
        let frames: Vec<_> = sent.map(|(_, frame)| received(&frame, device)).collect();
        assert_eq!(frames.len(), count, "the server has that much to send");
        frames
    }

    /// Delivers in both directions until neither host has anything to send.
    pub fn exchange(&mut self) {
        while self.carry(true) || self.carry(false) {}
    }

    /// Delivers what one of the hosts has to send; whether that was anything.
    fn carry(&mut self, up: bool) -> bool {
        let Hosts { client, server, .. } = self;
        let (from, to) = if up { (client, server) } else { (server, client) };
        let mut any = false;
        while let Some((_, frame)) = from.output(self.now) {
            any = true;
            to.input(self.now, WIRE, received(&frame, &self.device));
        }
        any
    }

    /// Lets time pass; what is due is sent and arrives.
    pub fn pass(&mut self, time: Duration) {
        self.now += time;
        self.client.poll(self.now);
        self.server.poll(self.now);
        self.exchange();
    }
}
