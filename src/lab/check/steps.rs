//! Lines of the log, for people.

use crate::base::{Duration, EventId, Instant};
use crate::observe::log::{Entry, Event, Log, PlaceId};
use crate::observe::view::Tcpdump;
use crate::observe::view::describe::describe;
use crate::observe::view::run::overheard;
use std::collections::{BTreeMap, BTreeSet};

/// How many steps back are told.
const STEPS: usize = 6;

/// A moment in milliseconds, with as many decimals as say something.
pub(in crate::lab) fn moment(at: Instant) -> String {
    super::super::words::show_time(at.since(Instant::ZERO).max(Duration::ZERO))
}

/// The events that led to one, oldest first, the event itself last.
pub(super) fn before<'l>(log: &'l Log, last: &'l Entry) -> Vec<&'l Entry> {
    let mut chain = vec![last];
    while let Some(cause) = chain.last().and_then(|entry| log.get(entry.causes[0])) {
        if chain.len() > STEPS {
            break;
        }
        chain.push(cause);
    }
    chain.reverse();
    chain
}

/// Each entry as a line: number, time, place, what happened.
pub(in crate::lab) fn lines(log: &Log, entries: &[&Entry]) -> Vec<String> {
    let line = |(entry, text): (&&Entry, String)| {
        format!("#{} {} {}: {text}", entry.id, moment(entry.at), log.name(entry.place))
    };
    entries.iter().zip(texts(log, entries)).map(line).collect()
}

/// What happened at each entry, in words.
pub(in crate::lab) fn texts(log: &Log, entries: &[&Entry]) -> Vec<String> {
    let wanted: BTreeSet<EventId> = entries.iter().map(|entry| entry.id).collect();
    let Some(last) = wanted.last() else { return Vec::new() };
    let mut spell: BTreeMap<PlaceId, Tcpdump> = BTreeMap::new();
    let mut told = BTreeMap::new();
    for entry in log.entries().iter().take_while(|entry| entry.id <= *last) {
        // Sequence numbers are relative to what came before, so everything is read.
        let text = entry.record().map(|record| {
            let spell = spell.entry(entry.place).or_default();
            match wanted.contains(&entry.id) {
                true => describe(spell, &overheard(log, entry, record)),
                false => {
                    spell.learn(&record);
                    String::new()
                }
            }
        });
        if wanted.contains(&entry.id) {
            told.insert(entry.id, text.unwrap_or_else(|| elsewhere(entry)));
        }
    }
    entries.iter().map(|entry| told.get(&entry.id).cloned().unwrap_or_default()).collect()
}

/// What happened where no host is.
fn elsewhere(entry: &Entry) -> String {
    match &entry.event {
        Event::Wire(on_wire) => format!("#{}: {}", entry.causes[0], on_wire.what),
        Event::Bridge(event) => event.to_string(),
        Event::Host(_) => String::new(),
    }
}
