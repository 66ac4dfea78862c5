//! The host under test and virtual time: what is given to the host, what it sends, and why.

use super::live::Live;
use super::notes;
use crate::base::{ConnId, EventId, Frame, IfaceId, Instant, Medium, Pool};
use crate::observe::view::reason::{Reason, reason};
use crate::stack::{Event, Record, Setup, Stack};
use crate::tcp;
use crate::wire::split;
use std::collections::VecDeque;

/// A packet that the host has sent and nobody has looked at.
#[derive(Clone, Debug)]
pub(super) struct Out {
    pub(super) at: Instant,
    pub(super) live: Live,
    pub(super) why: Option<Reason>,
    /// The names of its reasons, the plan's among them.
    pub(super) keys: Vec<&'static str>,
}

/// A packet that crossed the wire, for captures.
#[derive(Clone, Debug)]
pub(super) struct Crossed {
    pub(super) at: Instant,
    pub(super) inbound: bool,
    pub(super) bytes: Vec<u8>,
    pub(super) why: Option<String>,
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
    pub(super) told: Vec<Record>,
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
        self.crossed.push(Crossed { at: self.now, inbound: true, bytes, why: None });
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
            let (why, keys) = self.why(frame.origin);
            for bytes in self.on_the_wire(&frame) {
                let text = why.as_ref().map(|why| format!("{} ({})", why.text, why.rfc));
                let live = Live::parse(&bytes);
                self.crossed.push(Crossed { at: self.now, inbound: false, bytes, why: text });
                let (why, keys) = (why.clone(), keys.clone());
                self.out.push_back(Out { at: self.now, live, why, keys });
            }
            self.told.append(&mut self.fresh);
        }
        self.stack.drain_records(&mut self.fresh);
        self.told.append(&mut self.fresh);
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

    fn why(&self, origin: EventId) -> (Option<Reason>, Vec<&'static str>) {
        let mut latest = self.fresh.iter().rev().chain(self.told.iter().rev()).take(64);
        match latest.find(|record| record.id == origin) {
            Some(record) => (reason(&record.event), notes::reasons(record)),
            None => (None, Vec::new()),
        }
    }

    /// What the host told since the last call, oldest first.
    pub(super) fn take_told(&mut self) -> Vec<Record> {
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
