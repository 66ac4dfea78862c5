//! Fields whose values checks ask for, at an event.

use super::super::Mistake;
use super::super::tree::{Item, suggest};
use super::value::Unit;
use crate::base::time::nanos;
use crate::base::{ConnId, Seq};
use crate::observe::log::{Entry, Event, Log};
use crate::stack;
use crate::tcp::{self, SegmentView, TcpInfo};

/// A field of a connection after an event, or of the event itself.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Field {
    /// Of `tcp_info`, by its place in [`TcpInfo::FIELDS`].
    Info(usize),
    /// Of a segment, or of a measured round trip, or of a phase.
    Own(&'static str),
}

/// Short names, and the fields they stand for.
const SHORT: [(&str, &str); 4] = [
    ("cwnd", "snd_cwnd_bytes"),
    ("in_flight", "bytes_in_flight"),
    ("rwnd", "snd_wnd"),
    ("srtt", "rtt"),
];

/// Fields of events.
const OWN: &[&str] =
    &["seq", "ack", "len", "win", "mss", "wscale", "sample", "ssthresh", "result", "packets"];

impl Field {
    pub(super) fn read(item: &Item) -> Result<Field, Mistake> {
        let word = item.word().unwrap_or_default();
        if let Some(own) = OWN.iter().find(|own| **own == word) {
            return Ok(Field::Own(own));
        }
        let full = SHORT.iter().find(|(short, _)| *short == word).map_or(&*word, |(_, full)| full);
        match TcpInfo::FIELDS.iter().position(|field| *field == full) {
            Some(field) => Ok(Field::Info(field)),
            None => {
                let short = SHORT.iter().map(|(short, _)| *short);
                let known = OWN.iter().copied().chain(short).chain(TcpInfo::FIELDS.iter().copied());
                Err(item.wrong(suggest(&format!("there is no field \"{word}\""), &word, known)))
            }
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Field::Own(name) => name,
            Field::Info(field) => {
                let full = TcpInfo::FIELDS[field];
                SHORT.iter().find(|(_, known)| *known == full).map_or(full, |(short, _)| short)
            }
        }
    }

    pub(super) fn unit(self) -> Unit {
        match self {
            Field::Own("sample") => Unit::Time,
            Field::Info(field) if TcpInfo::UNITS[field] == "us" => Unit::Time,
            _ => Unit::Number,
        }
    }

    /// Its value at an event; of a connection's state, after what happens at the event.
    pub(super) fn at(self, log: &Log, entry: &Entry) -> Option<i128> {
        match self {
            Field::Info(field) => {
                // A change of phase says itself what it makes of the window.
                if let (Some(tcp::Event::Ca { cwnd, .. }), "snd_cwnd_bytes") =
                    (tcp_event(entry), TcpInfo::FIELDS[field])
                {
                    return Some((*cwnd).into());
                }
                let info = after(log, entry)?;
                let value = i128::from(info.values()[field]);
                Some(if self.unit() == Unit::Time { value * 1000 } else { value })
            }
            Field::Own(name) => own(log, entry, name),
        }
    }
}

fn tcp_event(entry: &Entry) -> Option<&tcp::Event> {
    match &entry.event {
        Event::Host(stack::Event::Tcp(event)) => Some(event),
        _ => None,
    }
}

/// Whether a connection begins to do something else there: what an action changes is told at its
/// end.
fn begins(entry: &Entry) -> bool {
    use tcp::Event as E;
    let call = matches!(&entry.event, Event::Host(stack::Event::Call { .. }));
    let acts = matches!(
        tcp_event(entry),
        Some(E::Received { .. } | E::Sent { .. } | E::TimerExpired { .. })
    );
    call || acts
}

/// A connection's state after the action that an event belongs to.
fn after(log: &Log, entry: &Entry) -> Option<TcpInfo> {
    let conn: ConnId = entry.conn?;
    let mut info = TcpInfo::default();
    let its = log.entries().iter();
    let its = its.filter(|other| other.place == entry.place && other.conn == Some(conn));
    for other in its {
        if other.id > entry.id && (other.at > entry.at || begins(other)) {
            break;
        }
        if let Some(tcp::Event::Info { changes }) = tcp_event(other) {
            changes.iter().for_each(|change| {
                info.apply(*change);
            });
            if other.id >= entry.id {
                break;
            }
        }
    }
    Some(info)
}

/// The segment of an event, and whether it was sent.
fn segment(entry: &Entry) -> Option<(&SegmentView, bool)> {
    match &entry.event {
        Event::Host(stack::Event::StrayIn { seg, .. }) => Some((seg, false)),
        Event::Host(stack::Event::StrayOut { seg, .. }) => Some((seg, true)),
        _ => match tcp_event(entry)? {
            tcp::Event::Sent { seg, .. } => Some((seg, true)),
            tcp::Event::Received { seg, .. } => Some((seg, false)),
            _ => None,
        },
    }
}

fn own(log: &Log, entry: &Entry, name: &str) -> Option<i128> {
    let seg = segment(entry);
    let number = |value: u64| i128::from(value);
    match (name, tcp_event(entry), &entry.event) {
        ("sample", Some(tcp::Event::Rtt { sample, .. }), _) => Some(nanos(*sample).into()),
        ("ssthresh", Some(tcp::Event::Ca { ssthresh, .. }), _) => Some((*ssthresh).into()),
        ("result", _, Event::Host(stack::Event::Call { result, .. })) => result.ok().map(number),
        ("packets", _, Event::Wire(on_wire)) => on_wire.packets().map(|n| n.into()),
        ("len", ..) => seg.map(|(seg, _)| seg.len.into()),
        ("win", ..) => seg.map(|(seg, _)| seg.wnd.into()),
        ("mss", ..) => seg.and_then(|(seg, _)| seg.options.mss).map(i128::from),
        ("wscale", ..) => seg.and_then(|(seg, _)| seg.options.wscale).map(i128::from),
        ("seq", ..) => {
            let (seg, sent) = seg?;
            relative(log, entry, seg.seq, sent)
        }
        ("ack", ..) => {
            let (seg, sent) = seg?;
            relative(log, entry, seg.ack?, !sent)
        }
        _ => None,
    }
}

/// A sequence number counted from that of the SYN, of what the host itself sends if `ours`.
fn relative(log: &Log, entry: &Entry, seq: Seq, ours: bool) -> Option<i128> {
    // A half-open connection at a listener has no number yet; there are its SYNs, too.
    let mut first = None;
    for other in log.entries().iter().take_while(|other| other.id <= entry.id) {
        let same = other.place == entry.place && (other.conn == entry.conn || other.conn.is_none());
        let Some((seg, sent)) = segment(other).filter(|_| same) else { continue };
        if seg.ctl.syn() && sent == ours {
            first = Some(seg.seq);
        }
    }
    first.map(|first| i128::from(seq.0.wrapping_sub(first.0)))
}
