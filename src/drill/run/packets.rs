//! Events that are packets: those that arrive, and those that the host must send.

use super::compare::{self, Rules};
use super::flow::Flow;
use super::runner::{FOREVER, Runner, Step, fail};
use super::verdict::{Failure, Kind, moment};
use super::world::Out;
use super::{build, live, notes, show};
use crate::base::{Duration, EventId, Instant};
use crate::drill::ast::{
    Body, Event, Options as TcpOptions, Packet, Ports, SeqKind, Tcp, TcpOption,
};
use crate::socket::demux::Pair;
use crate::tcp::{Decision, State};

/// How long an outbound packet is waited for behind its time.
const PATIENCE: Duration = Duration::from_secs(2);

impl Runner<'_> {
    pub(super) fn arrive(&mut self, event: &Event, packet: &Packet) -> Step {
        let line = event.line;
        self.machine.world.held = event.notes.iter().any(notes::holds);
        let spoken = packet.encap.is_empty() && packet.udp_encap.is_none();
        let kind = if spoken { Kind::Packet } else { Kind::Unknown };
        let wrong = |what| Failure::new(line, kind, what);
        let flow = self.machine.flow_for(inbound_ports(packet), true).map_err(wrong)?;
        if let Body::Tcp(tcp) = &packet.body
            && tcp.flags.syn
        {
            self.peer_syn(flow, tcp);
        }
        let settings = &self.machine.settings;
        let bytes = build::packet(packet, &self.machine.flows[flow], settings).map_err(wrong)?;
        self.step(line, packet);
        self.machine.world.inject(bytes);
        self.settle()
    }

    /// A SYN of the peer chooses its numbers, unless the connection has them already.
    fn peer_syn(&mut self, flow: usize, tcp: &Tcp) {
        let conn = self.machine.conn_of(flow);
        let over = conn.is_some()
            && match self.machine.world.state(conn) {
                State::TimeWait => !tcp.flags.ack && self.machine.is_heard(flow),
                state => state == State::Closed,
            };
        let flow = &mut self.machine.flows[flow];
        if over {
            flow.forget();
        }
        flow.peer_syn(tcp.seq.start);
    }

    /// The next packet of a flow that the host has sent, or sends up to `end`.
    fn take(&mut self, flow: usize, packet: &Packet, end: Instant) -> Step<Option<Out>> {
        let Pair { local, remote } = {
            let flow = &self.machine.flows[flow];
            Pair { local: flow.local, remote: flow.remote }
        };
        let icmp = matches!(packet.body, Body::Icmp(_));
        loop {
            self.settle()?;
            let is_ours = |out: &Out| match out.live.pair() {
                Some((src, dst)) if icmp => src.ip() == local.ip() && dst.ip() == remote.ip(),
                Some((src, dst)) => src == local && dst == remote,
                None => false,
            };
            let out = &mut self.machine.world.out;
            let found = out.iter().position(is_ours);
            if let Some(at) = found.filter(|at| out[*at].at <= end) {
                out.drain(..at);
                let taken = out.pop_front();
                let crossed = &mut self.machine.world.crossed;
                taken.iter().for_each(|out| crossed[out.crossed].asked = true);
                return Ok(taken);
            }
            if found.is_some() || !self.next(end)? {
                return Ok(None);
            }
        }
    }

    pub(super) fn expect(&mut self, event: &Event, packet: &Packet) -> Step {
        self.machine.world.held = false;
        let (line, text) = (event.line, packet.to_string());
        let wrong = |what| Failure::new(line, Kind::Packet, what).expected(text.clone());
        let flow = self.machine.flow_for(outbound_ports(packet), false).map_err(wrong)?;
        let due = self.due(&event.time, false, self.before);
        let now = self.machine.world.now;
        let end = due.map_or(now + FOREVER, |(_, high)| high.max(now) + PATIENCE);
        let Some(out) = self.take(flow, packet, end)? else {
            let what = match due {
                Some((_, high)) => format!("no packet came until {}", moment(high + PATIENCE)),
                None => "no packet came".to_owned(),
            };
            let why = self.holds_back();
            return fail(Failure { why, ..wrong(what) });
        };
        self.listen();
        let mut whole = self.join(flow, packet, out, end)?;
        self.keys.append(&mut whole.keys);
        let flow = &mut self.machine.flows[flow];
        if let (Body::Tcp(tcp), Some(segment)) = (&packet.body, whole.live.tcp()) {
            flow.meet(tcp, segment);
        }
        let (settings, ignore, at) = (&self.machine.settings, self.options.ignore, whole.at);
        let rules = Rules { settings, ignore, at };
        let compared = match &whole.apart {
            Some((what, _)) => Err(format!("the segments do not join: {what}")),
            None => compare::packet(packet, &whole.live, flow, &rules),
        };
        let (shown, because) = (whole.shown(flow), whole.because());
        compared.map_err(|what| {
            let pushed = whole.push.filter(|_| whole.apart.is_none());
            let pushed = pushed.filter(|_| compare::differ_in_push(packet, &whole.live));
            let why = [because.as_deref(), pushed].into_iter().flatten().collect::<Vec<_>>();
            wrong(what).actual(&shown, Some(why.join("; ")).filter(|why| !why.is_empty()))
        })?;
        if let (Body::Tcp(tcp), Some(segment)) = (&packet.body, whole.live.tcp()) {
            flow.sent(tcp, segment, at);
        }
        self.step(line, show::because(&shown, because.as_deref()));
        if let Some(due) = due {
            let tolerance = self.tolerance(due.0);
            self.in_time(line, at, due, tolerance)
                .map_err(|late| Box::new(late.expected(text).actual(shown, because)))?;
        }
        Ok(())
    }

    /// Why the connection under test sends nothing.
    fn holds_back(&mut self) -> Option<String> {
        let conn = self.machine.conn_under_test()?;
        match self.machine.world.stack.conn(conn).ok()?.plan() {
            Decision::Wait { why, .. } => Some(format!("{why} ({})", why.rfc())),
            Decision::Send(_) => None,
        }
    }

    /// Joins further segments to a first that is shorter than what the script expects. An ACK alone
    /// before the data is no segment too many, as with the original. The time is the last one's.
    fn join(&mut self, flow: usize, packet: &Packet, first: Out, end: Instant) -> Step<Whole> {
        let mut whole = Whole::of(first);
        let Body::Tcp(expected) = &packet.body else { return Ok(whole) };
        if self.machine.settings.strict_segments {
            return Ok(whole);
        }
        let len = expected.seq.len as usize;
        let mut size = whole.live.tcp().map_or(0, |tcp| tcp.payload.len());
        while whole.live.tcp().is_some_and(|tcp| tcp.payload.len() < len) {
            let Some(piece) = self.take(flow, packet, end)? else { break };
            let (Some(next), live::Body::Tcp(first)) = (piece.live.tcp(), &mut whole.live.body)
            else {
                break;
            };
            let is_last = size == 0 || first.payload.len() + next.payload.len() >= len;
            let flow = &self.machine.flows[flow];
            match compare::continues(first, next, flow, (is_last, size)) {
                Ok(()) => compare::join(first, next),
                // It is the ACK that was not expected.
                Err(_) if size == 0 => break,
                Err(what) => {
                    whole.apart = Some((what, piece));
                    break;
                }
            }
            if size == 0 {
                size = next.payload.len();
                whole.parts.clear();
                whole.keys.clone_from(&piece.keys);
            }
            whole.went_on(piece);
        }
        Ok(whole)
    }
}

/// A packet that was met: one, or several segments that make one.
struct Whole {
    live: live::Live,
    /// When the last of them was sent.
    at: Instant,
    keys: Vec<&'static str>,
    /// What was sent at once, and why.
    parts: Vec<(EventId, Option<String>)>,
    /// Why the last of them has PSH, or not.
    push: Option<&'static str>,
    /// What came next and does not go on where the others end, and how it differs.
    apart: Option<(String, Out)>,
}

impl Whole {
    fn of(out: Out) -> Whole {
        Whole {
            live: out.live,
            at: out.at,
            keys: out.keys,
            parts: vec![(out.origin, out.why)],
            push: out.push,
            apart: None,
        }
    }

    /// Another one went on where the others end.
    fn went_on(&mut self, piece: Out) {
        (self.at, self.push) = (piece.at, piece.push);
        if self.parts.last().is_none_or(|(origin, _)| *origin != piece.origin) {
            self.parts.push((piece.origin, piece.why));
        }
    }

    fn shown(&self, flow: &Flow) -> String {
        let whole = show::actual(&self.live, Some(flow));
        match &self.apart {
            Some((_, next)) => format!("{whole}, then {}", show::actual(&next.live, Some(flow))),
            None => whole,
        }
    }

    /// Why it was sent; of several parts, why the first and the last were.
    fn because(&self) -> Option<String> {
        let why = |part: Option<&(EventId, Option<String>)>| part.and_then(|(_, why)| why.clone());
        let (first, last) = (why(self.parts.first())?, why(self.parts.last())?);
        let because = match self.parts.len() {
            1 => first,
            n if first == last => format!("each of {n} parts: {first}"),
            n => format!("the first of {n} parts: {first}; the last: {last}"),
        };
        match &self.apart {
            Some((_, Out { why: Some(then), .. })) => Some(format!("{because}; then: {then}")),
            _ => Some(because),
        }
    }
}

fn ports(packet: &Packet) -> Option<Ports> {
    match &packet.body {
        Body::Tcp(tcp) => tcp.ports,
        Body::Udp(udp) => udp.ports,
        Body::Icmp(_) => None,
    }
}

fn inbound_ports(packet: &Packet) -> Option<Ports> {
    ports(packet)
}

/// As an inbound packet of the same flow has them.
fn outbound_ports(packet: &Packet) -> Option<Ports> {
    ports(packet).map(|ports| Ports { src: ports.dst, dst: ports.src })
}

/// Whether a segment shows our initial sequence number under the script's.
fn shows_own(tcp: &Tcp) -> bool {
    tcp.flags.syn && tcp.seq.kind == SeqKind::Mapped
}

impl Flow {
    /// A segment of ours, before it is compared: a SYN shows our initial sequence number.
    fn meet(&mut self, expected: &Tcp, segment: &live::Tcp) {
        if shows_own(expected) && segment.ctl.syn() && !self.knows_own() {
            self.own_syn(expected.seq.start, segment.seq);
        }
    }

    /// A segment of ours that was as expected: its timestamp is one that the peer can echo.
    fn sent(&mut self, expected: &Tcp, segment: &live::Tcp, at: Instant) {
        let TcpOptions::List(list) = &expected.options else { return };
        let val = list.iter().find_map(|option| match option {
            TcpOption::Timestamps { val, .. } => *val,
            _ => None,
        });
        let live = compare::walk(&segment.options).into_iter().find(|o| o[0] == 8 && o.len() == 10);
        if let (Some(val), Some(o)) = (val, live) {
            self.own_stamp(val, u32::from_be_bytes([o[2], o[3], o[4], o[5]]), at);
        }
    }
}
