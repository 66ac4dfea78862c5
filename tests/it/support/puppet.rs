//! A puppet peer: one host under test, and a test that plays everybody else by hand, in virtual
//! time. Sequence numbers are relative, as packetdrill's are: the peer's count from its SYN, the
//! host's from its own, so that a handshake is `S 0`, `S. 0 ack 1`, `. 1 ack 1`.

use super::seen;
use netglass::base::why::Drops;
use netglass::base::{ConnId, Frame, Head, IfaceId, Instant, ListenerId, Pool, Seq};
use netglass::stack::{ListenOptions, Record, Setup, Stack};
use netglass::tcp::cc::Algorithm;
use netglass::tcp::{Config, Decision, State, TcpInfo};
use netglass::wire::ipv4::{self, protocol};
use netglass::wire::tcp::{Ctl, Header, Options, Timestamps};
use netglass::wire::{checksum, ip};
use std::cell::Cell;
use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

pub const S: Ctl = Ctl::SYN;
pub const SA: Ctl = Ctl::SYN.with(Ctl::ACK);
pub const A: Ctl = Ctl::ACK;
pub const F: Ctl = Ctl::FIN;
pub const FA: Ctl = Ctl::FIN.with(Ctl::ACK);
pub const R: Ctl = Ctl::RST;
pub const RA: Ctl = Ctl::RST.with(Ctl::ACK);
pub const SF: Ctl = Ctl::SYN.with(Ctl::FIN);
pub const UA: Ctl = Ctl::URG.with(Ctl::ACK);
pub const NONE: Ctl = Ctl::NONE;
/// FIN, SYN, RST, PSH, ACK, URG, ECE, CWR.
pub const ALL: Ctl = Ctl(0xff);

/// The host under test and the peer.
pub const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// The same in IPv6.
pub const HOST6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
pub const PEER6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2);

thread_local! {
    static SIX: Cell<bool> = const { Cell::new(false) };
}

/// Runs a scenario with puppets that speak IPv6.
pub fn over_ipv6(scenario: fn()) {
    SIX.set(true);
    scenario();
    SIX.set(false);
}

/// The peer's initial sequence number: sequence space wraps 500 bytes into every connection.
pub const PEER_ISN: Seq = Seq(u32::MAX - 500);
/// The window the peer offers unless a test says otherwise.
pub const WND: u16 = 60_000;

/// A segment that the host sent, in relative numbers.
#[derive(Clone, Debug)]
pub struct Got {
    pub at: Instant,
    pub ctl: Ctl,
    pub seq: i64,
    pub ack: i64,
    pub wnd: u16,
    pub urg: u16,
    /// The traffic class of its packet.
    pub tos: u8,
    pub options: Options,
    pub payload: Vec<u8>,
    pub packet: Vec<u8>,
}

impl Got {
    pub fn len(&self) -> usize {
        self.payload.len()
    }

    /// Milliseconds since the start.
    pub fn ms(&self) -> u64 {
        self.at.as_millis()
    }
}

/// The host, its connection, and what it has sent that nobody has looked at.
pub struct Puppet {
    pub stack: Stack,
    pub now: Instant,
    pub conn: Option<ConnId>,
    pub listener: Option<ListenerId>,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// The host's initial sequence number, once it has shown it.
    pub iss: Seq,
    /// The peer's next sequence number and the host's, as far as `Puppet::in_state` knows.
    pub snd: i64,
    pub rcv: i64,
    /// The traffic class of the peer's packets.
    pub tos: u8,
    /// Frames are given without letting the host answer in between.
    pub batch: bool,
    /// Every record of the host.
    pub records: Vec<Record>,
    sent: VecDeque<Got>,
    others: VecDeque<Vec<u8>>,
    waits: BTreeSet<&'static str>,
    before: Drops,
}

/// The options of a peer that offers nothing but an MSS.
pub fn mss(mss: u16) -> Options {
    Options { mss: Some(mss), ..Options::default() }
}

pub fn none() -> Options {
    Options::default()
}

pub fn ts(val: u32, ecr: u32) -> Options {
    Options { ts: Some(Timestamps { val, ecr }), ..Options::default() }
}

/// A host with an address of each family. Over IPv6 the link is as much wider as the header is
/// longer, so that segments are the same.
pub fn host_setup() -> Setup {
    let mtu = if SIX.get() { 1520 } else { 1500 };
    let mut setup = Setup::new([7, 7]).with_iface("wire0", mtu, "10.0.0.1/24".parse().unwrap());
    setup.ifaces[0].addrs.push("fd00::1/64".parse().unwrap());
    setup.tcp = Config::plain();
    setup.tcp.congestion = Algorithm::NEWRENO; // half of what is in flight, as the numbers say
    setup
}

/// An IPv4 packet with a good header checksum; `change` edits the header before it is written.
pub fn ip_packet(proto: u8, payload: &[u8], change: impl FnOnce(&mut ipv4::Header)) -> Vec<u8> {
    let mut header = ipv4::Header::new(PEER, HOST, proto);
    change(&mut header);
    let mut head = Head::new();
    header.emit(&mut head, payload.len());
    [&head[..], payload].concat()
}

/// A TCP segment with a good checksum, without the IP header.
pub fn tcp_bytes(src: IpAddr, dst: IpAddr, header: &Header, payload: &[u8]) -> Vec<u8> {
    let mut head = Head::new();
    header.emit(&mut head, 0);
    let mut bytes = [&head[..], payload].concat();
    let pseudo = checksum::pseudo(src, dst, protocol::TCP, bytes.len());
    let sum = checksum::complete(pseudo, [&bytes[..]]);
    bytes[16..18].copy_from_slice(&sum.to_be_bytes());
    bytes
}

impl Puppet {
    pub fn new() -> Puppet {
        Puppet::of(host_setup())
    }

    /// With knobs turned.
    pub fn with(change: impl FnOnce(&mut Config)) -> Puppet {
        let mut setup = host_setup();
        change(&mut setup.tcp);
        Puppet::of(setup)
    }

    pub fn of(setup: Setup) -> Puppet {
        let mut stack = Stack::new(setup);
        stack.listen_to_events(true);
        Puppet {
            stack,
            now: Instant::ZERO,
            conn: None,
            listener: None,
            local: SocketAddr::new(if SIX.get() { HOST6.into() } else { HOST.into() }, 5000),
            remote: SocketAddr::new(if SIX.get() { PEER6.into() } else { PEER.into() }, 80),
            iss: Seq(0),
            snd: 1,
            rcv: 1,
            tos: 0,
            batch: false,
            records: Vec::new(),
            sent: VecDeque::new(),
            others: VecDeque::new(),
            waits: BTreeSet::new(),
            before: Drops::default(),
        }
    }

    // ---- opening

    pub fn listen(&mut self, options: ListenOptions) {
        self.local.set_port(80);
        self.remote.set_port(4000);
        self.listener = Some(self.stack.listen(self.now, self.local, options).unwrap());
        self.pump();
    }

    pub fn connect(&mut self) {
        let conn = self.stack.connect(self.now, self.remote, Some(self.local), None).unwrap();
        self.conn = Some(conn);
        self.pump();
    }

    pub fn accept(&mut self) -> ConnId {
        let (conn, _) = self.stack.accept(self.now, self.listener.unwrap()).unwrap();
        self.conn = Some(conn);
        self.pump();
        conn
    }

    /// An active open by the host, answered with `options`.
    pub fn open(mut self, options: Options) -> Puppet {
        self.connect();
        let syn = self.expect(S, 0, 0, 0);
        let options = echo(options, &syn);
        self.inject(SA, 0, 1, WND, options, b"");
        self.expect(A, 1, 1, 0);
        assert_eq!(self.state(), State::Established);
        self
    }

    /// A passive open by the host, asked for with `options`.
    pub fn open_passively(mut self, options: Options) -> Puppet {
        self.listen(ListenOptions::default());
        self.inject(S, 0, 0, WND, options.clone(), b"");
        let syn = self.expect(SA, 0, 1, 0);
        let later = Options { ts: echo(options, &syn).ts, ..none() };
        self.inject(A, 1, 1, WND, later, b"");
        self.accept();
        assert_eq!(self.state(), State::Established);
        self
    }

    /// Takes a fresh host into a state by its shortest path, without timestamps, SACK or scaling;
    /// `close`: the user lets go where it would else only shut down.
    pub fn in_state(self, state: State, close: bool) -> Puppet {
        let mut p = match state {
            State::SynSent | State::SynReceived => {
                let mut p = self;
                p.connect();
                p.expect(S, 0, 0, 0);
                p
            }
            _ => self.open(mss(1000)),
        };
        let finish = |p: &mut Puppet| if close { p.close() } else { p.shutdown() };
        match state {
            State::SynSent => (p.snd, p.rcv) = (0, 1),
            State::SynReceived => {
                p.inject(S, 0, 0, WND, mss(1000), b"");
                p.expect(SA, 0, 1, 0);
            }
            State::FinWait1 | State::FinWait2 | State::Closing | State::TimeWait => {
                finish(&mut p);
                p.expect(FA, 1, 1, 0);
                p.rcv = 2;
            }
            State::CloseWait | State::LastAck => {
                p.inject(FA, 1, 1, WND, none(), b"");
                p.expect(A, 1, 2, 0);
                p.snd = 2;
            }
            _ => {}
        }
        match state {
            State::FinWait2 | State::TimeWait => p.inject(A, 1, 2, WND, none(), b""),
            State::LastAck => {
                finish(&mut p);
                p.expect(FA, 1, 2, 0);
                p.rcv = 2;
            }
            _ => {}
        }
        if matches!(state, State::Closing | State::TimeWait) {
            let ack = if state == State::Closing { 1 } else { 2 };
            p.inject(FA, 1, ack, WND, none(), b"");
            p.expect(A, 2, 2, 0);
            p.snd = 2;
        }
        assert_eq!(p.state(), state);
        p.expect_nothing();
        p
    }

    // ---- what the peer sends

    /// The header of a segment from the peer, in relative numbers.
    pub fn header(&self, ctl: Ctl, seq: i64, ack: i64, wnd: u16, options: Options) -> Header {
        let ack = ctl.has(Ctl::ACK).then(|| self.iss + ack as u32);
        let (src, dst) = (self.remote.port(), self.local.port());
        Header { src, dst, seq: PEER_ISN + seq as u32, ack, ctl, wnd, urg: 0, options }
    }

    /// A segment from the peer. `ack` counts only with ACK in `ctl`.
    pub fn inject(
        &mut self,
        ctl: Ctl,
        seq: i64,
        ack: i64,
        wnd: u16,
        options: Options,
        data: &[u8],
    ) {
        let header = self.header(ctl, seq, ack, wnd, options);
        self.inject_segment(&header, data);
    }

    pub fn inject_segment(&mut self, header: &Header, data: &[u8]) {
        let segment = tcp_bytes(self.remote.ip(), self.local.ip(), header, data);
        let mut head = Head::new();
        let header = ip::Header::new(self.remote.ip(), self.local.ip(), protocol::TCP);
        let header = ip::Header { tos: self.tos, ..header };
        header.emit(&mut head, segment.len());
        self.raw(&[&head[..], &segment].concat());
    }

    /// Data from the peer that acknowledges everything so far.
    pub fn data(&mut self, seq: i64, len: usize) {
        let bytes: Vec<u8> = (0..len).map(|at| byte(seq + at as i64)).collect();
        self.inject(A, seq, self.rcv, WND, none(), &bytes);
    }

    /// An acknowledgment without data.
    pub fn ack(&mut self, ack: i64) {
        self.inject(A, self.snd, ack, WND, none(), b"");
    }

    /// An acknowledgment that changes the window.
    pub fn window(&mut self, ack: i64, wnd: u16) {
        self.inject(A, self.snd, ack, wnd, none(), b"");
    }

    /// Any bytes.
    pub fn raw(&mut self, bytes: &[u8]) {
        let frame = Frame::copied(&Pool::new(), bytes);
        self.stack.input(self.now, IfaceId(0), frame);
        self.collect();
        if !self.batch {
            self.pump();
        }
    }

    // ---- what the user calls

    fn id(&self) -> ConnId {
        self.conn.expect("a connection")
    }

    pub fn write(&mut self, len: usize) -> usize {
        let taken = self.stack.write(self.now, self.id(), &vec![b'x'; len]).unwrap();
        self.pump();
        taken
    }

    /// Reads up to `len` bytes; says how many came.
    pub fn read(&mut self, len: usize) -> usize {
        let mut room = vec![0; len];
        let n = self.stack.read(self.now, self.id(), &mut room).unwrap();
        self.pump();
        n
    }

    pub fn shutdown(&mut self) {
        self.stack.shutdown(self.now, self.id()).unwrap();
        self.pump();
    }

    pub fn close(&mut self) {
        self.stack.close(self.now, self.id());
        self.pump();
    }

    pub fn abort(&mut self) {
        self.stack.abort(self.now, self.id());
        self.pump();
    }

    // ---- time and what the host sends

    /// Lets time pass, stopping wherever the host has something to do.
    pub fn advance(&mut self, ms: u64) {
        self.advance_micros(ms * 1_000);
    }

    /// The same in microseconds.
    pub fn advance_micros(&mut self, micros: u64) {
        let end = self.now + Duration::from_micros(micros);
        self.pump();
        while let Some(at) = self.stack.deadline(self.now).filter(|at| *at <= end) {
            self.now = at;
            self.pump();
        }
        self.now = end;
    }

    /// Takes everything the host has to send.
    pub fn pump(&mut self) {
        self.stack.poll(self.now);
        for sent in 0.. {
            let Some((_, frame)) = self.stack.output(self.now) else { break };
            self.take(&frame.to_vec());
            assert!(sent < 10_000, "the host does not stop: {:?}", self.sent.back());
        }
        let deadline = self.stack.deadline(self.now);
        assert!(deadline.is_none_or(|at| at > self.now), "driver law: {deadline:?}");
        self.collect();
    }

    fn take(&mut self, bytes: &[u8]) {
        let mut ip = ip::Header::parse(bytes, bytes.len()).expect("the host sends good packets");
        ip.walk(bytes).expect("and good extension headers");
        if ip.proto != protocol::TCP || ip.is_fragment() {
            self.others.push_back(bytes.to_vec());
            return;
        }
        let segment = &bytes[ip.header_len..];
        let pseudo = checksum::pseudo(ip.src, ip.dst, protocol::TCP, segment.len());
        assert!(checksum::is_good(pseudo, [segment]), "the host's checksums are right");
        assert!(ip.df, "TCP is never fragmented");
        let (tcp, len) = Header::parse(segment).expect("the host sends good segments");
        if tcp.ctl.syn() {
            self.iss = tcp.seq;
        }
        self.sent.push_back(Got {
            at: self.now,
            ctl: tcp.ctl,
            seq: relative(tcp.seq, self.iss),
            ack: tcp.ack.map_or(0, |ack| relative(ack, PEER_ISN)),
            wnd: tcp.wnd,
            urg: tcp.urg,
            tos: ip.tos,
            options: tcp.options,
            payload: segment[len..].to_vec(),
            packet: bytes.to_vec(),
        });
    }

    fn collect(&mut self) {
        self.stack.drain_records(&mut self.records);
        if let Some(conn) = self.conn.and_then(|id| self.stack.conn(id).ok())
            && let Decision::Wait { why, .. } = conn.plan()
        {
            self.waits.insert(why.key());
        }
    }

    /// The next segment the host sent, which must look like this (PSH aside).
    #[track_caller]
    pub fn expect(&mut self, ctl: Ctl, seq: i64, ack: i64, len: usize) -> Got {
        let want = format!("{ctl} {seq} ack {ack} len {len}");
        let Some(got) = self.sent.pop_front() else { panic!("nothing was sent, not {want}") };
        let is = (got.ctl.without(Ctl::PSH), got.seq, got.ack, got.len());
        assert!(is == (ctl, seq, ack, len), "{} was sent, not {want}", show(&got));
        got
    }

    /// As [`Puppet::expect`], sent at that many milliseconds since the start.
    #[track_caller]
    pub fn expect_at(&mut self, ms: u64, ctl: Ctl, seq: i64, ack: i64, len: usize) -> Got {
        let got = self.expect(ctl, seq, ack, len);
        assert_eq!(got.ms(), ms, "the time of {}", show(&got));
        got
    }

    #[track_caller]
    pub fn expect_nothing(&mut self) {
        assert!(self.sent.is_empty(), "{} was sent", show(&self.sent[0]));
    }

    /// The next packet the host sent that is not a TCP segment.
    #[track_caller]
    pub fn expect_other(&mut self) -> Vec<u8> {
        self.others.pop_front().expect("something besides TCP was sent")
    }

    #[track_caller]
    pub fn expect_no_other(&mut self) {
        assert!(self.others.is_empty(), "{:02x?} was sent", self.others[0]);
    }

    /// Every packet the host has sent that is not a TCP segment.
    pub fn take_others(&mut self) -> Vec<Vec<u8>> {
        self.others.drain(..).collect()
    }

    /// Everything the host has sent, without looking at it closely.
    pub fn take_all(&mut self) -> Vec<Got> {
        self.sent.drain(..).collect()
    }

    /// The host alone, for tests that go on without a puppet.
    pub fn into_stack(mut self) -> Stack {
        let nobody = Stack::new(Setup::new([0, 0]));
        std::mem::replace(&mut self.stack, nobody)
    }

    /// What happened so far is not what the test is about.
    pub fn forget(&mut self) {
        self.records.clear();
        self.waits.clear();
        self.before = self.stack.drops().clone();
    }

    // ---- what can be asked

    /// The connection's state; CLOSED when it is gone.
    pub fn state(&self) -> State {
        self.conn.map_or(State::Closed, |id| self.stack.state(id).unwrap_or(State::Closed))
    }

    pub fn info(&self) -> TcpInfo {
        self.stack.info(self.now, self.id()).unwrap()
    }

    /// How often a key of `Why` was counted.
    pub fn drops(&self, key: &str) -> u64 {
        self.stack.drops().iter().find(|(k, _)| *k == key).map_or(0, |(_, n)| n)
    }
}

/// What a test saw is kept for the coverage test.
impl Drop for Puppet {
    fn drop(&mut self) {
        seen::add_since(&self.before, &self.records, self.stack.drops(), &self.waits);
    }
}

fn relative(seq: Seq, from: Seq) -> i64 {
    i64::from((seq - from) as i32)
}

/// Echoes the host's timestamp, when both sides use them.
fn echo(mut options: Options, syn: &Got) -> Options {
    match (&mut options.ts, syn.options.ts) {
        (Some(ours), Some(theirs)) => ours.ecr = theirs.val,
        (ours, _) => *ours = None,
    }
    options
}

/// The byte at a relative sequence number of the peer's stream.
pub fn byte(seq: i64) -> u8 {
    (seq * 7 + (seq >> 8)) as u8
}

fn show(got: &Got) -> String {
    let Got { ctl, seq, ack, wnd, options, .. } = got;
    format!("[{}] {ctl} {seq} ack {ack} len {} win {wnd} {options:?}", got.at, got.len())
}
