//! An adversary who sees what the host sends and answers near it, against a user who calls anything
//! at any time. Nothing panics, what is documented stays bounded, and when the user has let go and
//! the adversary falls silent, nothing is left.

use crate::ip::icmp_bytes;
use crate::support::puppet::{HOST, PEER, ip_packet, tcp_bytes};
use netglass::base::rng::Purpose;
use netglass::base::{Chance, ConnId, Duration, Frame, IfaceId, Instant, ListenerId, Pool, Seq};
use netglass::socket::{Interest, SocketId};
use netglass::stack::{ListenOptions, Setup, Stack};
use netglass::tcp::Keepalive;
use netglass::wire::icmpv4::Icmpv4;
use netglass::wire::ipv4::{self, protocol};
use netglass::wire::tcp::{Ctl, Header, Options, Timestamps};
use std::collections::BTreeMap;
use std::net::SocketAddr;

const CONNECTIONS_MAX: usize = 30;

/// What the adversary knows of a conversation: the host's next number, and the one it expects.
#[derive(Copy, Clone, Debug, Default)]
struct Flow {
    nxt: Seq,
    expects: Seq,
    ts: Option<Timestamps>,
}

struct Chaos {
    stack: Stack,
    now: Instant,
    chance: Chance,
    rolls: u64,
    pool: Pool,
    mtu: usize,
    recv_buffer: u32,
    send_buffer: u32,
    listener: Option<ListenerId>,
    /// Held by the user.
    conns: Vec<ConnId>,
    /// By the host's port and the adversary's.
    flows: BTreeMap<(u16, u16), Flow>,
}

impl Chaos {
    fn new(seed: u64) -> Chaos {
        let chance = Chance::from_seed(seed);
        let pick = |n: u64, bound: u64| chance.below(bound, Purpose::Scenario, 2, n);
        let mtu = [68, 296, 576, 1500, 65_535][pick(1, 5) as usize];
        let mut setup = Setup::new([seed, 1]).with_iface("w", mtu, "10.0.0.1/24".parse().unwrap());
        if pick(2, 3) == 0 {
            setup = setup.with_offload();
        }
        setup.connections_max = CONNECTIONS_MAX as u32;
        let tcp = &mut setup.tcp;
        tcp.recv_buffer = [2 << 10, 5_000, 64 << 10, 1 << 20][pick(3, 4) as usize];
        tcp.send_buffer = [2 << 10, 5_000, 64 << 10, 300_000][pick(4, 4) as usize];
        (tcp.timestamps, tcp.sack) = (pick(5, 2) == 0, pick(6, 2) == 0);
        (tcp.window_scaling, tcp.nagle) = (pick(7, 2) == 0, pick(8, 2) == 0);
        tcp.reassembly_pieces = [1, 5, 1024][pick(9, 3) as usize];
        tcp.keepalive = (pick(10, 2) == 0).then(|| keepalive(pick(11, 3)));
        tcp.user_timeout = (pick(12, 4) == 0).then(|| Duration::from_secs(20));
        tcp.challenge_interval = Duration::from_millis(500 * pick(13, 2));
        let (recv_buffer, send_buffer) = (tcp.recv_buffer, tcp.send_buffer);
        let mut stack = Stack::new(setup);
        stack.listen_to_events(pick(14, 2) == 0);
        let at = SocketAddr::from((HOST, 80));
        let options = ListenOptions { backlog: 8, ..ListenOptions::default() };
        let listener = stack.listen(Instant::ZERO, at, options).ok();
        Chaos {
            stack,
            now: Instant::ZERO,
            chance,
            rolls: 0,
            pool: Pool::new(),
            mtu: usize::from(mtu),
            recv_buffer,
            send_buffer,
            listener,
            conns: Vec::new(),
            flows: BTreeMap::new(),
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.rolls += 1;
        self.chance.below(bound, Purpose::Scenario, 3, self.rolls)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    // ---- the adversary

    fn give(&mut self, packet: &[u8]) {
        let mut frame = Frame::copied(&self.pool, packet);
        if self.one_in(20) {
            let size = [0, 1, 536, 65_535][self.below(4) as usize];
            frame.offload.gso =
                Some(netglass::base::Gso { kind: netglass::base::GsoKind::Tcp, size });
        }
        self.stack.input(self.now, IfaceId(0), frame);
    }

    /// A small distance, mostly none.
    fn near(&mut self) -> u32 {
        match self.below(8) {
            0 => 1,
            1 => self.below(3_000) as u32,
            2 => (self.below(3_000) as u32).wrapping_neg(),
            3 => self.below(1 << 32) as u32 >> self.below(32),
            _ => 0,
        }
    }

    fn options(&mut self, syn: bool, flow: &Flow) -> Options {
        let val = self.now.as_millis() as u32;
        let val = if self.one_in(20) { val.wrapping_add(self.below(1 << 32) as u32) } else { val };
        let mut options = Options::default();
        if !self.one_in(if syn { 3 } else { 30 }) && (syn || flow.ts.is_some()) {
            options.ts = Some(Timestamps { val, ecr: flow.ts.map_or(0, |ts| ts.val) });
        }
        if syn {
            options.mss = (!self.one_in(3)).then(|| self.below(65_536) as u16 >> self.below(16));
            options.wscale = (!self.one_in(3)).then(|| self.below(256) as u8);
            options.sack_permitted = !self.one_in(3);
        } else if self.one_in(10) {
            let seq = flow.nxt - self.near();
            options.sack.push((seq, seq + self.near()));
        }
        options
    }

    fn segment(&mut self) {
        let (ports, flow) = match self.flows.len() as u64 {
            0 => ((80, 1_000), Flow::default()),
            n => {
                let place = self.below(n) as usize;
                self.flows.iter().nth(place).map(|(ports, flow)| (*ports, *flow)).unwrap()
            }
        };
        let ctl = match self.below(12) {
            0 => Ctl(self.below(512) as u16),
            1 => Ctl::SYN,
            2 => Ctl::SYN.with(Ctl::ACK),
            3 => Ctl::RST.with(Ctl(self.below(2) as u16 * 16)),
            4 | 5 => Ctl::FIN.with(Ctl::ACK),
            6 => Ctl::ACK.with(Ctl::URG),
            _ => Ctl::ACK,
        };
        let header = Header {
            src: ports.1,
            dst: ports.0,
            seq: flow.expects + self.near(),
            ack: ctl.has(Ctl::ACK).then(|| flow.nxt + self.near()),
            ctl,
            wnd: [0, 1, 500, 65_535][self.below(4) as usize],
            urg: self.below(3_000) as u16,
            options: self.options(ctl.syn(), &flow),
        };
        let len = [0, 0, 0, 1, 10, 536, 1_400][self.below(7) as usize];
        self.send(&header, len);
    }

    fn send(&mut self, header: &Header, len: usize) {
        let segment = tcp_bytes(PEER.into(), HOST.into(), header, &vec![b'y'; len]);
        self.give(&ip_packet(protocol::TCP, &segment, |_| ()));
    }

    fn syn(&mut self) {
        let (src, seq) = (1_000 + self.below(60) as u16, Seq(self.below(1 << 32) as u32));
        let options = self.options(true, &Flow::default());
        let header =
            Header { src, dst: 80, seq, ctl: Ctl::SYN, wnd: 60_000, options, ..Header::default() };
        self.flows.insert((80, src), Flow { expects: seq + 1, ..Flow::default() });
        self.send(&header, 0);
    }

    fn icmp(&mut self) {
        let count = self.flows.len().max(1) as u64;
        let place = self.below(count) as usize;
        let Some((ports, flow)) = self.flows.iter().nth(place).map(|(p, f)| (*p, *f)) else {
            return;
        };
        let header =
            Header { src: ports.0, dst: ports.1, seq: flow.nxt - self.near(), ..Header::default() };
        let segment = tcp_bytes(HOST.into(), PEER.into(), &header, b"");
        let quoted = ip_packet(protocol::TCP, &segment, |ip| (ip.src, ip.dst) = (HOST, PEER));
        let code = self.below(6) as u8;
        let message = Icmpv4::Unreachable { code, mtu: self.below(1_600) as u16 };
        self.give(&ip_packet(protocol::ICMP, &icmp_bytes(message, &quoted), |_| ()));
    }

    // ---- the user

    fn call(&mut self) {
        if self.one_in(8) {
            return self.open();
        }
        if let Some(listener) = self.listener
            && let Ok((conn, _)) = self.stack.accept(self.now, listener)
        {
            self.conns.push(conn);
        }
        let Some(count) = Some(self.conns.len() as u64).filter(|n| *n > 0) else { return };
        let place = self.below(count) as usize;
        let (conn, now) = (self.conns[place], self.now);
        let len = [0, 1, 100, 3_000, 70_000][self.below(5) as usize];
        match self.below(24) {
            0..=8 => drop(self.stack.write(now, conn, &vec![b'x'; len])),
            9..=15 => drop(self.stack.read(now, conn, &mut vec![0; len])),
            16 => drop(self.stack.write_urgent(now, conn, &vec![b'u'; len])),
            17 | 18 => drop(self.stack.shutdown(now, conn)),
            19 => self.stack.close(now, self.conns.swap_remove(place)),
            20 => self.stack.abort(now, self.conns.swap_remove(place)),
            21 => drop(self.stack.take_error(now, SocketId::Conn(conn))),
            22 => {
                let interest = [Interest::READ, Interest::WRITE, Interest::FINISH];
                let interest = interest[self.below(3) as usize];
                self.stack.want(now, SocketId::Conn(conn), interest);
                self.stack.take_woken(&mut Vec::new());
            }
            _ => {
                let Ok(mut config) = self.stack.config(conn).cloned() else { return };
                config.keepalive = self.one_in(2).then(|| keepalive(self.below(3)));
                config.user_timeout = self.one_in(2).then(|| Duration::from_secs(5));
                config.nagle = self.one_in(2);
                self.stack.configure(now, conn, config).unwrap();
            }
        }
    }

    fn open(&mut self) {
        let remote = SocketAddr::from((PEER, 2_000 + self.below(3) as u16));
        let local = SocketAddr::from((HOST, 3_000 + self.below(8) as u16));
        if let Ok(conn) = self.stack.connect(self.now, remote, Some(local), None) {
            self.conns.push(conn);
            let seq = Seq(self.below(1 << 32) as u32);
            let flow = Flow { expects: seq, ..Flow::default() };
            self.flows.insert((local.port(), remote.port()), flow);
        }
    }

    // ---- the driver

    /// Takes up to `most` frames.
    fn output(&mut self, most: u32) {
        self.stack.poll(self.now);
        for sent in 0..most {
            let Some((_, frame)) = self.stack.output(self.now) else {
                let deadline = self.stack.deadline(self.now);
                assert!(deadline.is_none_or(|at| at > self.now), "driver law: {deadline:?}");
                break;
            };
            assert!(sent < 20_000, "the host does not stop");
            let fits = frame.len() <= self.mtu || frame.offload.gso.is_some();
            assert!(fits, "{} bytes on a link of {}", frame.len(), self.mtu);
            self.look(&frame.to_vec());
        }
        self.stack.drain_records(&mut Vec::new());
    }

    fn look(&mut self, bytes: &[u8]) {
        let ip = ipv4::Header::parse(bytes, bytes.len()).expect("the host sends good packets");
        if ip.proto != protocol::TCP {
            return;
        }
        let (tcp, len) = Header::parse(&bytes[ip.header_len..]).expect("and good segments");
        let flow = self.flows.entry((tcp.src, tcp.dst)).or_default();
        let end = bytes.len() - ip.header_len - len;
        flow.nxt = tcp.seq + end as u32 + u32::from(tcp.ctl.syn()) + u32::from(tcp.ctl.fin());
        flow.expects = tcp.ack.unwrap_or(flow.expects);
        flow.ts = tcp.options.ts;
    }

    fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        self.output(u32::MAX);
        for steps in 0.. {
            let Some(at) = self.stack.deadline(self.now).filter(|at| *at <= end) else { break };
            assert!(steps < 100_000, "time does not pass");
            self.now = at;
            self.output(u32::MAX);
        }
        self.now = end;
    }

    fn check_bounds(&self) {
        let tcp = self.stack.tcp();
        assert!(tcp.len() <= CONNECTIONS_MAX);
        for slot in tcp.listeners() {
            assert!(slot.listener.half_open() <= 8 && slot.accept_queue.len() <= 8);
        }
        for slot in tcp.iter() {
            let (unread, unsent) = slot.conn.queues();
            // What is written has the place of a super-segment, and of one that goes out meanwhile.
            assert!(unread <= self.recv_buffer.max(0xffff));
            assert!(unsent <= self.send_buffer + 2 * 0xffff);
        }
    }

    fn step(&mut self) {
        match self.below(40) {
            0..=1 => self.syn(),
            2 => self.icmp(),
            3..=18 => self.segment(),
            19..=28 => self.call(),
            29..=30 => {
                let most = self.below(5) as u32;
                self.output(most);
            }
            31..=37 => self.output(u32::MAX),
            38 => self.stack.poll(self.now),
            _ => {
                let times = [1, 40, 200, 1_000, 10_000, 100_000, 3_000_000_000];
                let often = if self.one_in(20) { 7 } else { 5 };
                let ms = times[self.below(often) as usize];
                self.advance(Duration::from_millis(ms));
                self.check_bounds();
            }
        }
    }

    /// The user lets go, and nobody answers any more.
    fn end(&mut self) {
        for conn in std::mem::take(&mut self.conns) {
            self.stack.close(self.now, conn);
        }
        if let Some(listener) = self.listener.take() {
            self.stack.close_listener(self.now, listener).unwrap();
        }
        self.advance(Duration::from_secs(4 * 3_600));
        let left: Vec<_> = self.stack.tcp().iter().map(|slot| slot.conn.state()).collect();
        assert!(left.is_empty(), "{left:?} are left");
        assert_eq!(self.stack.deadline(self.now), None);
    }
}

fn keepalive(probes: u64) -> Keepalive {
    let (idle, interval) = (Duration::from_secs(3), Duration::from_secs(1));
    Keepalive { idle, interval, probes: probes as u8 }
}

#[test]
fn adversaries_and_careless_users() {
    let number = |name, default| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (first, runs, steps) = (number("SEED", 0), number("RUNS", 150), number("STEPS", 600));
    for seed in first..first + runs {
        let run = std::panic::catch_unwind(|| {
            let mut chaos = Chaos::new(seed);
            (0..steps).for_each(|_| chaos.step());
            chaos.end();
        });
        assert!(run.is_ok(), "SEED={seed} RUNS=1 repeats it");
    }
}
