//! An entry in one line: where, and what, in the words of the other views.

use super::super::describe::{describe, passed_on};
use super::super::reason::{Reason, reason};
use super::super::tcpdump::Tcpdump;
use super::web::{Web, refused, sender, sends};
use crate::base::EventId;
use crate::link::bridge;
use crate::observe::log::{Entry, Event, Log, PlaceId};
use crate::stack::{self, PacketView, Record};
use std::collections::{BTreeMap, BTreeSet};

/// What was told of some entries.
pub(super) struct Stories {
    lines: BTreeMap<EventId, String>,
}

impl Stories {
    /// Spells the entries that are wanted. All before them are read, because sequence numbers are
    /// relative to what came first.
    pub(super) fn of(web: &Web<'_>, wanted: &BTreeSet<EventId>) -> Stories {
        // A wire's entry is about a packet that somebody sent.
        let packet = |id: &EventId| Some(web.sender(web.get(*id)?)?.id);
        let senders: Vec<EventId> = wanted.iter().filter_map(packet).collect();
        let mut wanted = wanted.clone();
        wanted.extend(senders);
        let mut spell: BTreeMap<PlaceId, Tcpdump> = BTreeMap::new();
        let mut lines = BTreeMap::new();
        let last = wanted.last().copied().unwrap_or_default();
        for entry in web.log.entries().iter().take_while(|entry| entry.id <= last) {
            let Some(record) = entry.record() else { continue };
            let spell = spell.entry(entry.place).or_default();
            if wanted.contains(&entry.id) {
                lines.insert(entry.id, describe(spell, &overheard(web.log, entry, record)));
            } else {
                spell.learn(&record);
            }
        }
        for id in &wanted {
            if let Some(entry) = web.get(*id)
                && let Some(line) = elsewhere(web, entry, &lines)
            {
                lines.insert(*id, line);
            }
        }
        Stories { lines }
    }

    /// What happened, with the packet as tcpdump spells it.
    pub(super) fn line(&self, id: EventId) -> &str {
        self.lines.get(&id).map_or("", String::as_str)
    }

    /// Where and what: `client: sent Flags [S], seq 0, …`.
    pub(super) fn brief(&self, web: &Web<'_>, id: EventId) -> String {
        let Some(entry) = web.get(id) else { return "(not in the log)".into() };
        let place = web.log.name(entry.place);
        let line = self.line(id);
        match &entry.event {
            Event::Host(event) => match verb(event) {
                Some(verb) => format!("{place}: {verb} {}", compact(line)),
                None => format!("{place}: {line}"),
            },
            _ => format!("{place}: {line}"),
        }
    }
}

/// What a host drops unread because it is for others, as its sender knows it.
pub(crate) fn overheard(log: &Log, entry: &Entry, record: Record) -> Record {
    let stack::Event::Dropped { why, packet } = &record.event else { return record };
    let unread = matches!(packet, PacketView::Ethernet { .. } | PacketView::Ip { .. });
    let sent = sender(log, entry).filter(|_| unread).map(|sent| &sent.event);
    let Some(Event::Host(stack::Event::Out { packet, .. })) = sent else { return record };
    let event = stack::Event::Dropped { why: *why, packet: *packet };
    Record { event, ..record }
}

/// What happened to a packet on its way, which its sender has told of; `None` for what hosts tell
/// themselves.
fn elsewhere(web: &Web<'_>, entry: &Entry, lines: &BTreeMap<EventId, String>) -> Option<String> {
    let packet = web.sender(entry).map_or(EventId::NONE, |sent| sent.id);
    let line = || lines.get(&packet).map_or_else(String::new, |line| compact(line));
    match &entry.event {
        Event::Host(event @ stack::Event::Forwarded { .. }) if packet.is_some() => {
            Some(format!("{}: #{packet} ({})", passed_on(event), line()))
        }
        Event::Host(_) => None,
        Event::Wire(wire) if !packet.is_some() => {
            let of = if web.log.is_brief() {
                "that a brief log leaves out"
            } else {
                "from before the log"
            };
            Some(format!("a packet {of} {}", wire.what))
        }
        Event::Wire(wire) if wire.gone().is_some() => {
            Some(format!("dropped #{packet} ({})", line()))
        }
        Event::Wire(wire) => Some(format!("#{packet} {} ({})", wire.what, line())),
        Event::Bridge(event) if packet.is_some() => {
            Some(format!("{event}: #{packet} ({})", line()))
        }
        Event::Bridge(event) => Some(event.to_string()),
    }
}

/// Sent, received, or dropped; `None` for what is no packet.
pub(super) fn verb(event: &stack::Event) -> Option<&'static str> {
    use stack::Event as E;
    match event {
        event if sends(event) => Some("sent"),
        E::Dropped { .. } => Some("dropped"),
        event if refused(event) => Some("received and dropped"),
        E::Tcp(crate::tcp::Event::Received { .. }) | E::StrayIn { .. } | E::In(_) => {
            Some("received")
        }
        _ => None,
    }
}

/// tcpdump's line without the addresses in front, and of the options only what is acknowledged out
/// of order.
fn compact(line: &str) -> String {
    let line = without_ends(line);
    let Some((head, rest)) = line.split_once(", options [") else { return line.to_owned() };
    let Some((options, tail)) = rest.split_once(']') else { return line.to_owned() };
    let sack = options.find("sack ").filter(|_| options.contains('{'));
    let sack = sack.map(|at| format!(", {}", &options[at..])).unwrap_or_default();
    format!("{head}{sack}{tail}")
}

/// tcpdump's line without the addresses in front.
fn without_ends(line: &str) -> &str {
    let ends = line.starts_with("IP ") || line.starts_with("IP6 ");
    match line.split_once(": ") {
        Some((_, rest)) if ends => rest.trim_start(),
        _ => line,
    }
}

/// The reason of an entry.
pub(in crate::observe) fn why(entry: &Entry) -> Option<Reason> {
    match &entry.event {
        Event::Host(event) => reason(event),
        Event::Wire(wire) => {
            let (key, rfc) = match wire.gone() {
                Some(fate) => (fate.key(), fate.rfc()),
                None => (wire.what.key(), wire.what.rfc()),
            };
            Some(Reason { key, text: wire.what.to_string(), rfc })
        }
        Event::Bridge(bridge::Event::Dropped { why, .. }) => {
            Some(Reason { key: why.key(), text: why.to_string(), rfc: why.rfc() })
        }
        Event::Bridge(event) => {
            let cause = event.cause()?;
            Some(Reason { key: cause.key(), text: cause.to_string(), rfc: cause.rfc() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_compact() {
        let table = [
            (
                "IP 10.0.0.2.80 > 10.0.0.1.9: Flags [S], seq 5, win 9, options [mss 1460,sackOK], length 0",
                "Flags [S], seq 5, win 9, length 0",
            ),
            (
                "IP6 a.80 > b.9: Flags [.], ack 5, win 9, options [nop,nop,sack 1 {7:9}], length 0",
                "Flags [.], ack 5, win 9, sack 1 {7:9}, length 0",
            ),
            (
                "ARP, Request who-has 10.0.0.1 tell 10.0.0.2, length 28",
                "ARP, Request who-has 10.0.0.1 tell 10.0.0.2, length 28",
            ),
            ("IP 10.0.0.1 > 10.0.0.2:  ip-proto-9 5", "ip-proto-9 5"),
        ];
        for (line, expected) in table {
            assert_eq!(compact(line), expected);
        }
    }
}
