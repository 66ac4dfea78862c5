//! The story of a connection's sequence numbers, as the end that sends tells it: what the plots of
//! both formats draw.

use super::track::{Track, flags};
use super::{Conn, Index, crossing};
use crate::base::{EventId, Instant};
use crate::observe::log::{Entry, Event};
use crate::observe::view::run::web::{Fate, Web};
use crate::stack;
use crate::tcp::{self, Blocked, Plan, RtxRule};

/// Why a segment was sent, as far as a plot tells it.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    New,
    Fast,
    Partial,
    Timeout,
    AfterTimeout,
    PathMtu,
    LossProbe,
    Probe,
    Control,
}

impl Kind {
    pub(super) const ALL: [Kind; 9] = [
        Kind::New,
        Kind::Fast,
        Kind::Partial,
        Kind::Timeout,
        Kind::AfterTimeout,
        Kind::PathMtu,
        Kind::LossProbe,
        Kind::Probe,
        Kind::Control,
    ];

    /// In a table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::New => "new",
            Kind::Fast => "fast_retransmit",
            Kind::Partial => "partial_ack",
            Kind::Timeout => "rto",
            Kind::AfterTimeout => "after_rto",
            Kind::PathMtu => "path_mtu",
            Kind::LossProbe => "loss_probe",
            Kind::Probe => "probe",
            Kind::Control => "control",
        }
    }

    /// In a legend.
    pub(super) fn words(self) -> &'static str {
        match self {
            Kind::New => "new data",
            Kind::Fast => "fast retransmit",
            Kind::Partial => "after a partial ACK",
            Kind::Timeout => "timeout (RTO)",
            Kind::AfterTimeout => "after the timeout",
            Kind::PathMtu => "smaller pieces",
            Kind::LossProbe => "loss probe (TLP)",
            Kind::Probe => "probe",
            Kind::Control => "SYN, FIN, RST",
        }
    }

    /// The letter beside it.
    pub(super) fn letter(self) -> &'static str {
        match self {
            Kind::New | Kind::Control => "",
            Kind::Fast => "R",
            Kind::Partial => "P",
            Kind::Timeout => "T",
            Kind::AfterTimeout => "t",
            Kind::PathMtu => "M",
            Kind::LossProbe => "L",
            Kind::Probe => "W",
        }
    }

    fn of(plan: &Plan) -> Option<Kind> {
        match plan {
            Plan::NewData { .. }
            | Plan::LastData { .. }
            | Plan::SwsOverride { .. }
            | Plan::CorkOverride { .. } => Some(Kind::New),
            Plan::Retransmit { rule, .. } => Some(match rule {
                RtxRule::Rto => Kind::Timeout,
                RtxRule::AfterRto => Kind::AfterTimeout,
                RtxRule::FastRetransmit
                | RtxRule::Rack
                | RtxRule::SackThreshold
                | RtxRule::LastResort
                | RtxRule::Rescue => Kind::Fast,
                RtxRule::LossProbe => Kind::LossProbe,
                RtxRule::SynData => Kind::Partial,
                RtxRule::PartialAck => Kind::Partial,
                RtxRule::PathMtu | RtxRule::BlackHole => Kind::PathMtu,
            }),
            Plan::RetransmitSyn { .. } => Some(Kind::Timeout),
            Plan::LossProbe { .. } => Some(Kind::LossProbe),
            Plan::WindowProbe { .. } | Plan::Keepalive { .. } => Some(Kind::Probe),
            Plan::FinLimit { len: 1.., .. } => Some(Kind::New),
            Plan::SynData { .. } => Some(Kind::New),
            Plan::Syn
            | Plan::SynAsks
            | Plan::SynAckCrossed
            | Plan::SynAckFast { .. }
            | Plan::Fin
            | Plan::FinLimit { .. }
            | Plan::Rst { .. }
            | Plan::RstLimit { .. } => Some(Kind::Control),
            Plan::Ack { .. } => None,
        }
    }
}

/// A segment that was sent and takes sequence space, or asks for an answer.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Segment {
    pub(super) at: Instant,
    pub(super) id: EventId,
    pub(super) seq: u64,
    pub(super) end: u64,
    pub(super) kind: Kind,
    /// SYN, FIN or RST.
    pub(super) flags: &'static str,
    pub(super) push: bool,
    /// Whether the network lost it.
    pub(super) lost: bool,
}

/// What an ACK says.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Ack {
    pub(super) at: Instant,
    pub(super) ack: u64,
    /// Whether it acknowledges nothing new, and carries nothing.
    pub(super) duplicate: bool,
}

/// A time during which one thing holds sending back.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Band {
    pub(super) from: Instant,
    pub(super) to: Instant,
    pub(super) why: Blocked,
}

/// The whole story.
#[derive(Clone, Default, Debug)]
pub(super) struct Sequence {
    pub(super) segments: Vec<Segment>,
    pub(super) acks: Vec<Ack>,
    /// The right edge of the peer's window.
    pub(super) edge: Vec<(Instant, u64)>,
    /// SND.UNA + cwnd.
    pub(super) cwnd: Vec<(Instant, u64)>,
    /// Blocks that the peer holds behind a gap.
    pub(super) sacks: Vec<(Instant, u64, u64)>,
    pub(super) bands: Vec<Band>,
}

/// Whether the network has lost all that an event sent: nothing of it reached a connection.
pub(super) fn is_lost(web: &Web<'_>, id: EventId) -> bool {
    let fates = web.fates(id);
    let in_network = |at: EventId| {
        let entry = web.get(at);
        // What a connection itself refuses has arrived.
        entry.is_some_and(|entry| !matches!(crossing(entry), Some((false, _))))
    };
    let lost = fates.iter().any(|fate| matches!(fate, Fate::Lost(at) if in_network(*at)));
    let arrived = |fate: &Fate| match fate {
        Fate::Arrived(_) => true,
        Fate::Lost(at) => !in_network(*at),
    };
    lost && !fates.iter().any(arrived)
}

/// The story of a connection.
pub(super) fn of(index: &Index<'_>, conn: &Conn) -> Sequence {
    let mut story = Sequence::default();
    let mut track = Track::default();
    let mut blocked: Option<(Instant, Blocked)> = None;
    let mut end = Instant::ZERO;
    for entry in index.entries(conn) {
        end = entry.at;
        story.take(entry, &mut track, &index.web);
        if let Event::Host(stack::Event::Tcp(tcp::Event::Blocked { why, .. })) = entry.event {
            story.band(blocked.replace((entry.at, why)), entry.at);
        }
    }
    story.band(blocked, end);
    story
}

impl Sequence {
    /// When it begins and ends.
    pub(super) fn span(&self) -> (Instant, Instant) {
        let sent = self.segments.iter().map(|segment| segment.at);
        let times = sent.chain(self.acks.iter().map(|ack| ack.at));
        let (from, to) = (times.clone().min(), times.max());
        (from.unwrap_or_default(), to.unwrap_or_default())
    }

    fn band(&mut self, blocked: Option<(Instant, Blocked)>, to: Instant) {
        if let Some((from, why)) = blocked.filter(|(from, _)| *from < to) {
            self.bands.push(Band { from, to, why });
        }
    }

    fn take(&mut self, entry: &Entry, track: &mut Track, web: &Web<'_>) {
        let (at, id) = (entry.at, entry.id);
        let una = track.una;
        let relative = track.take(entry);
        let (Some(relative), Some((_, seg))) = (relative, crossing(entry)) else {
            // Only what `tcp_info` tells goes together with SND.UNA.
            if matches!(entry.event, Event::Host(stack::Event::Tcp(tcp::Event::Info { .. }))) {
                self.windows(at, track);
            }
            return;
        };
        if relative.out {
            let kind = match &entry.event {
                Event::Host(stack::Event::Tcp(tcp::Event::Sent { plan, .. })) => Kind::of(plan),
                _ if seg.ctl.syn() || seg.ctl.rst() => Some(Kind::Control),
                _ => None,
            };
            if let (Some(kind), Some(seq), Some(end)) = (kind, relative.seq, relative.end) {
                let push = seg.ctl.has(crate::wire::tcp::Ctl::PSH);
                let (flags, lost) = (flags(seg), is_lost(web, id));
                self.segments.push(Segment { at, id, seq, end, kind, flags, push, lost });
            }
            return;
        }
        if let Some(ack) = relative.ack.filter(|_| !seg.ctl.rst()) {
            let duplicate = ack == una && track.nxt > una && seg.len == 0 && !seg.ctl.syn();
            self.acks.push(Ack { at, ack, duplicate });
        }
        for (left, right) in &seg.options.sack {
            if let (Some(left), Some(right)) = (track.ours(*left), track.ours(*right)) {
                self.sacks.push((at, left, right));
            }
        }
    }

    /// Where the windows end, if that has changed.
    fn windows(&mut self, at: Instant, track: &Track) {
        let note = |line: &mut Vec<(Instant, u64)>, size: u64| {
            let edge = track.una + size;
            match line.last_mut() {
                _ if size == 0 => {}
                Some((_, last)) if *last == edge => {}
                Some((when, last)) if *when == at => *last = edge,
                _ => line.push((at, edge)),
            }
        };
        note(&mut self.edge, track.info.snd_wnd);
        note(&mut self.cwnd, track.info.snd_cwnd_bytes);
    }
}
