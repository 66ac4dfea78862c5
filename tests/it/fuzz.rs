//! The entry functions of fuzzing: any bytes in, and a verdict by panic. A libFuzzer target calls
//! them; `garbage` feeds them in the ordinary suite, and replays the corpus.

use crate::support::puppet::{HOST, PEER, PEER_ISN, Puppet, S, WND, mss};
use netglass::base::{Checksum, Frame, Gso, GsoKind, IfaceId, Offload, Pool, Seq};
use netglass::stack::{ListenOptions, Stack};
use netglass::tcp::State;
use netglass::wire::checksum;
use netglass::wire::ipv4::{self, protocol};
use std::net::SocketAddr;

/// What a host of [`host`] may hold, whatever arrives.
pub(crate) const CONNECTIONS_MAX: usize = 40;
pub(crate) const BACKLOG: usize = 16;
const RECV_BUFFER: u32 = 64 << 10;

/// A host with connections in every state to play with: the puppets' peers are ports 3000.. and
/// the host's ports 5000.. .
pub(crate) struct Target {
    pub(crate) stack: Stack,
    pub(crate) now: netglass::base::Instant,
    pool: Pool,
    /// The host's initial sequence numbers, by connection.
    pub(crate) iss: Vec<Seq>,
}

/// The states that [`Target::new`] prepares, by port.
pub(crate) const STATES: [State; 9] = [
    State::SynSent,
    State::SynReceived,
    State::Established,
    State::FinWait1,
    State::FinWait2,
    State::CloseWait,
    State::Closing,
    State::LastAck,
    State::TimeWait,
];

impl Target {
    pub(crate) fn new() -> Target {
        let mut setup = crate::support::puppet::host_setup();
        setup.connections_max = CONNECTIONS_MAX as u32;
        setup.tcp.recv_buffer = RECV_BUFFER;
        setup.tcp.reassembly_pieces = 64;
        let mut p = Puppet::of(setup);
        let mut iss = Vec::new();
        for (n, state) in STATES.into_iter().enumerate() {
            p.local.set_port(5000 + n as u16);
            p.remote.set_port(3000 + n as u16);
            (p.snd, p.rcv) = (1, 1);
            p = p.in_state(state, n % 2 == 1);
            iss.push(p.iss);
        }
        p.listen(ListenOptions { backlog: BACKLOG as u32, ..ListenOptions::default() });
        p.inject(S, 0, 0, WND, mss(1000), b"");
        iss.push(p.iss);
        let socket = SocketAddr::from((HOST, 9));
        p.stack.bind(p.now, socket, false).unwrap();
        let now = p.now;
        let mut stack = p.into_stack();
        stack.listen_to_events(false);
        Target { stack, now, pool: Pool::new(), iss }
    }

    /// Gives a frame, takes the answers, and checks what must always hold.
    pub(crate) fn feed(&mut self, bytes: &[u8], offload: Offload) {
        let mut frame = Frame::copied(&self.pool, bytes);
        frame.offload = offload;
        self.stack.input(self.now, IfaceId(0), frame);
        self.settle();
    }

    fn settle(&mut self) {
        self.stack.poll(self.now);
        let mut sent = 0;
        while let Some((_, frame)) = self.stack.output(self.now) {
            sent += 1;
            assert!(sent < 10_000, "one frame is not answered by ten thousand");
            assert!(frame.len() <= 1_500, "the host sends what fits its link");
            let bytes = frame.to_vec();
            let ip = ipv4::Header::parse(&bytes, bytes.len()).expect("it sends good packets");
            let body = &bytes[ip.header_len..];
            let pseudo = checksum::pseudo(ip.src.into(), ip.dst.into(), ip.proto, body.len());
            let tcp = ip.proto == protocol::TCP;
            assert!(!tcp || checksum::is_good(pseudo, [body]), "with good checksums");
        }
        assert!(self.stack.deadline(self.now).is_none_or(|at| at > self.now), "driver law");
    }

    /// Lets time pass, stopping wherever the host has something to do.
    pub(crate) fn advance(&mut self, ms: u64) {
        let end = self.now + std::time::Duration::from_millis(ms);
        self.settle();
        while let Some(at) = self.stack.deadline(self.now).filter(|at| *at <= end) {
            self.now = at;
            self.settle();
        }
        self.now = end;
    }

    /// The documented bounds.
    pub(crate) fn check_bounds(&self) {
        let tcp = self.stack.tcp();
        assert!(tcp.len() <= CONNECTIONS_MAX, "{} connections", tcp.len());
        for slot in tcp.listeners() {
            assert!(slot.listener.half_open() <= BACKLOG, "{}", slot.listener.half_open());
            assert!(slot.accept_queue.len() <= BACKLOG, "{}", slot.accept_queue.len());
        }
        for slot in tcp.iter() {
            let (unread, unsent) = slot.conn.queues();
            assert!(unread <= RECV_BUFFER.max(0xffff), "{unread} bytes to read");
            assert_eq!(unsent, 0, "nobody wrote anything");
        }
        let udp: usize = self.stack.udp().iter().map(|(_, socket)| socket.waiting()).sum();
        assert!(udp <= 212_992 / 2_048 + 1, "{udp} datagrams");
        assert!(self.pool.idle_bytes() <= 8 << 20);
    }
}

/// One frame, as it came from a device: the first byte says what the device claims about it.
pub(crate) fn frame(target: &mut Target, input: &[u8]) {
    let Some((claim, bytes)) = input.split_first() else { return };
    let checksum = match claim & 3 {
        0 => Checksum::Verified,
        1 => Checksum::Partial,
        _ => Checksum::Complete,
    };
    let size = u16::from(claim >> 3) * 100;
    let gso = (claim & 4 != 0 && size > 0).then_some(Gso { kind: GsoKind::Tcp, size });
    target.feed(bytes, Offload { gso, checksum });
}

/// A run of frames: each with its length in two bytes before it, and pauses where that is 0xffff.
pub(crate) fn frames(target: &mut Target, mut input: &[u8]) {
    while let [hi, lo, rest @ ..] = input {
        let len = usize::from(u16::from_be_bytes([*hi, *lo]));
        if len == 0xffff {
            target.advance(1 + u64::from(rest.first().copied().unwrap_or(0)) * 100);
            input = rest;
            continue;
        }
        let (one, after) = rest.split_at(len.min(rest.len()));
        frame(target, one);
        input = after;
    }
    target.check_bounds();
}

/// The peer's sequence number that the prepared connections expect around.
pub(crate) fn near(offset: u32) -> Seq {
    PEER_ISN + 1 + offset
}

/// The peer's and the host's addresses.
pub(crate) fn hosts() -> (std::net::Ipv4Addr, std::net::Ipv4Addr) {
    (PEER, HOST)
}
