//! What a capture at a host or on a wire would hold, in tcpdump's spelling; with the reason behind
//! each packet when that is wanted.

use super::super::tcpdump::Tcpdump;
use super::page::Page;
use super::web::Web;
use crate::base::EventId;
use crate::observe::log::{Event, Kind, Log, PlaceId};
use std::collections::{BTreeMap, BTreeSet};

/// The packets that pass a place, a line each, oldest first: what a host sends and receives, or
/// what is given to a wire, lost or not. `explained` adds the reasons that the hosts gave.
pub fn tcpdump(log: &Log, at: PlaceId, explained: bool, page: &Page) -> String {
    let web = Web::new(log);
    let is_wire = matches!(log.places().get(usize::from(at.0)), Some(p) if p.kind == Kind::Wire);
    let mut spell: Vec<Tcpdump> = log.places().iter().map(|_| Tcpdump::new()).collect();
    let mut lines: BTreeMap<EventId, String> = BTreeMap::new();
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
        if !is_wire && entry.place != at {
            spell.learn(&record);
            continue;
        }
        let line = if explained { spell.explained(&record) } else { spell.line(&record) };
        match line {
            Some(line) if is_wire => drop(lines.insert(entry.id, line)),
            Some(line) => sheet.line(None, &format!("{} {line}", entry.at)),
            None => {}
        }
    }
    sheet.next("ladder");
    if !is_wire {
        sheet.next(&format!("observer --host {}", log.name(at)));
    }
    sheet.end()
}
