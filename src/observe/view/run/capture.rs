//! What a capture at a host or on a wire would hold, in tcpdump's spelling; with the reason behind
//! each packet when that is wanted.

use super::super::tcpdump::Tcpdump;
use super::page::Page;
use super::story::overheard;
use super::web::Web;
use crate::base::{EventId, Instant};
use crate::observe::log::{Event, Kind, Log, PlaceId};
use crate::stack;
use std::collections::{BTreeMap, BTreeSet};

/// The packets that pass a place, a line each, oldest first: what a host sends and receives, or
/// what is given to a wire, lost or not. `explained` adds the reasons that the hosts gave.
pub fn tcpdump(log: &Log, at: PlaceId, explained: bool, page: &Page) -> String {
    let web = Web::new(log);
    let kind = log.places().get(usize::from(at.0)).map(|place| place.kind);
    let (is_wire, is_router) = (kind == Some(Kind::Wire), kind == Some(Kind::Router));
    let mut spell: Vec<Tcpdump> = log.places().iter().map(|_| Tcpdump::new()).collect();
    let mut lines: BTreeMap<EventId, String> = BTreeMap::new();
    let mut passed: Vec<(EventId, Instant, String)> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut sheet = page.sheet();
    for entry in log.entries() {
        if let Event::Wire(wire) = &entry.event {
            // Of all that happens to a packet on the wire, the first is that it is put there.
            let fresh = entry.place == at && seen.insert((wire.way, wire.ordinal));
            let packet = web.sender(entry).filter(|_| fresh);
            if let Some(line) = packet.and_then(|packet| lines.get(&packet.id)) {
                sheet.line(None, &format!("{} {line}", entry.at));
            }
            continue;
        }
        let Some(record) = entry.record() else { continue };
        let spell = &mut spell[usize::from(entry.place.0)];
        if !is_wire && !is_router && entry.place != at {
            spell.learn(&record);
            continue;
        }
        let record = overheard(log, entry, record);
        let line = if explained { spell.explained(&record) } else { spell.line(&record) };
        let Some(mut line) = line else { continue };
        if !is_wire
            && entry.place == at
            && let Some(left) = web.left(entry)
        {
            // A router reads no more of what it passes on than it must: its sender knows it.
            if matches!(&entry.event, Event::Host(stack::Event::Forwarded { .. })) {
                let sent = web.sender(entry).and_then(|sent| lines.get(&sent.id));
                line = sent.cloned().unwrap_or(line);
            }
            passed.push((left.id, left.at, line));
        } else if is_wire || is_router {
            lines.insert(entry.id, line);
        }
    }
    passed.sort_by_key(|(id, ..)| *id); // what waited for its neighbour left later than others
    passed.iter().for_each(|(_, at, line)| sheet.line(None, &format!("{at} {line}")));
    sheet.next("ladder");
    if !is_wire {
        sheet.next(&format!("observer --host {}", log.name(at)));
    }
    sheet.end()
}
