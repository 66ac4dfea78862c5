//! The host under test and virtual time: what is given to the host, what it sends, and why.

use super::live::Live;
use super::notes;
use crate::base::{ConnId, EventId, Frame, IfaceId, Instant, Medium, Pool};
use crate::observe::view::reason::reason;
use crate::stack::{Event, Record, Setup, Stack};
use crate::tcp;
use crate::wire::split;
use std::collections::VecDeque;

/// A packet that the host has sent and nobody has looked at.
#[derive(Clone, Debug)]
pub(super) struct Out {
    pub(super) at: Instant,
    pub(super) live: Live,
    /// The host's record of it: pieces of one super-segment have it in common.
    pub(super) origin: EventId,
    pub(super) why: Option<String>,
    /// The names of its reasons, the plan's among them.
    pub(super) keys: Vec<&'static str>,
    /// Why it has PSH, or not.
    pub(super) push: Option<&'static str>,
    /// Its place among all that crossed the wire.
    pub(super) crossed: usize,
}

/// A packet that crossed the wire, for captures.
#[derive(Clone, Debug)]
pub(super) struct Crossed {
    pub(super) at: Instant,
    pub(super) inbound: bool,
    pub(super) bytes: Vec<u8>,
    pub(super) why: Option<String>,
    /// Whether an event of the script asked for it.
    pub(super) asked: bool,
}

/// What the host told, in order.
#[expect(clippy::large_enum_variant, reason = "most are records")]
#[derive(Clone, Debug)]
pub(super) enum Told {
    Record(Record),
    /// A packet left: its place among all that crossed the wire.
    Left(usize),
}

/// How many packets the host may send at one moment.
const BURST: usize = 100_000;

/// The host, the clock and the wire.
#[derive(Debug)]
pub(super) struct World {
    pub(super) stack: Stack,
    pub(super) now: Instant,
    /// What the host sent and no step of the script has taken.
    pub(super) out: VecDeque<Out>,
    /// Everything that crossed the wire.
    pub(super) crossed: Vec<Crossed>,
    /// What the host told since somebody asked, oldest first.
    pub(super) told: Vec<Told>,
    /// The host does not get its turn before the next event.
    pub(super) held: bool,
    mtu: usize,
    pool: Pool,
    fresh: Vec<Record>,
}

impl World {
    pub(super) fn new(setup: Setup) -> World {
        let pool = Pool::new();
        let mtu = setup.ifaces.first().map_or(1500, |iface| iface.mtu.into());
        let mut stack = Stack::with_pool(setup, pool.clone());
        stack.listen_to_events(true);
        World {
            stack,
            now: Instant::ZERO,
            out: VecDeque::new(),
            crossed: Vec::new(),
            told: Vec::new(),
            held: false,
            mtu,
            pool,
            fresh: Vec::new(),
        }
    }

    /// Gives the host a packet.
    pub(super) fn inject(&mut self, bytes: Vec<u8>) {
        self.stack.input(self.now, IfaceId(0), Frame::copied(&self.pool, &bytes));
        let (at, why) = (self.now, None);
        self.crossed.push(Crossed { at, inbound: true, bytes, why, asked: false });
        self.pump();
    }

    /// Lets the host do what is due and takes everything it has to send.
    pub(super) fn pump(&mut self) {
        if self.held {
            return;
        }
        self.stack.poll(self.now);
        for sent in 0.. {
            let Some((_, frame)) = self.stack.output(self.now) else { break };
            assert!(sent < BURST, "the host does not stop sending");
            self.stack.drain_records(&mut self.fresh);
            self.told.extend(self.fresh.drain(..).map(Told::Record));
            self.left(&frame);
        }
        self.stack.drain_records(&mut self.fresh);
        self.told.extend(self.fresh.drain(..).map(Told::Record));
    }

    /// Notes a frame that leaves, packet by packet.
    fn left(&mut self, frame: &Frame) {
        let (at, origin) = (self.now, frame.origin);
        let record = self.record(origin);
        let why = record.and_then(|record| reason(&record.event));
        let why = why.map(|why| format!("{} ({})", why.text, why.rfc));
        let keys = record.map(notes::reasons).unwrap_or_default();
        let push = record.and_then(notes::push);
        for bytes in self.on_the_wire(frame) {
            let crossed = self.crossed.len();
            let (live, why, keys) = (Live::parse(&bytes), why.clone(), keys.clone());
            self.told.push(Told::Left(crossed));
            self.crossed.push(Crossed {
                at,
                inbound: false,
                bytes,
                why: why.clone(),
                asked: false,
            });
            self.out.push_back(Out { at, live, origin, why, keys, push, crossed });
        }
    }

    /// What a frame is on a wire: within the MTU, with its checksums.
    fn on_the_wire(&self, frame: &Frame) -> Vec<Vec<u8>> {
        match split::split_on(Medium::Ip, frame, self.mtu) {
            Ok(pieces) => pieces.map(|piece| piece.to_vec()).collect(),
            Err(_) => vec![frame.to_vec()],
        }
    }

    /// When the host has something to do next.
    pub(super) fn deadline(&mut self) -> Option<Instant> {
        self.stack.deadline(self.now)
    }

    /// The record of what caused a frame.
    fn record(&self, origin: EventId) -> Option<&Record> {
        let records = self.told.iter().rev().filter_map(|told| match told {
            Told::Record(record) => Some(record),
            Told::Left(_) => None,
        });
        records.take(64).find(|record| record.id == origin)
    }

    /// What the host told since the last call, oldest first.
    pub(super) fn take_told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// The state of a connection, by name; CLOSED when it is gone.
    pub(super) fn state(&self, conn: Option<ConnId>) -> tcp::State {
        let state = conn.and_then(|conn| self.stack.state(conn).ok());
        state.unwrap_or(tcp::State::Closed)
    }
}

/// Whether a record is one that a reader of a failure wants to see.
pub(super) fn is_step(event: &Event) -> bool {
    match event {
        Event::Tcp(event) => matches!(
            event,
            tcp::Event::State { .. }
                | tcp::Event::TimerExpired { .. }
                | tcp::Event::Ca { .. }
                | tcp::Event::Undo { .. }
                | tcp::Event::Icmp { .. }
        ),
        Event::Dropped { .. } => true,
        _ => false,
    }
}
