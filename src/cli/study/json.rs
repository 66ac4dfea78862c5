//! What is told about runs, for machines: an object each, with times in nanoseconds and entries
//! under their numbers in the log.

use crate::base::{ConnId, EventId};
use crate::observe::log::{Entry, Event, Log, PlaceId};
use crate::observe::view::json::json as record;
use crate::observe::view::run::{self, Figures, Key, Life, Limits, Named, Step, Verdict};
use crate::stack;
use serde_json::{Map, Value, json};

/// An entry of the log: where and when, what led to it, what happened, and why.
fn entry(log: &Log, entry: &Entry) -> Value {
    let mut object = match &entry.event {
        Event::Host(_) => {
            let told = entry.record().map(|its| record(&its)).unwrap_or_default();
            serde_json::from_str(&told).unwrap_or_default()
        }
        Event::Wire(wire) => json!({
            "kind": "wire", "way": wire.way, "packet": wire.ordinal, "copy": wire.copy,
            "lost": wire.gone().is_some(), "what": wire.what.key(), "text": wire.what.to_string(),
        }),
        Event::Bridge(event) => {
            json!({ "kind": "bridge", "what": event.name(), "text": event.to_string() })
        }
    };
    object["id"] = entry.id.0.into();
    object["at"] = entry.at.as_nanos().into();
    object["place"] = log.name(entry.place).into();
    object["causes"] = entry.causes().map(|cause| cause.0).collect();
    object
}

fn numbered(log: &Log, id: EventId) -> Value {
    log.get(id).map_or(Value::Null, |its| entry(log, its))
}

/// The number by which `ss` and the ladder know a connection.
fn conn_number(conn: ConnId) -> u64 {
    conn.0 >> 32
}

/// A connection: its host, its number, and its ends.
fn conn(log: &Log, (place, id): Key) -> Map<String, Value> {
    let its = log.entries().iter().filter(|e| e.place == place && e.conn == Some(id));
    let ends = its.filter_map(|entry| match &entry.event {
        Event::Host(stack::Event::Conn { local, remote }) => Some((*local, *remote)),
        _ => None,
    });
    let mut object = Map::new();
    object.insert("host".into(), log.name(place).into());
    object.insert("conn".into(), conn_number(id).into());
    if let Some((local, remote)) = ends.into_iter().next() {
        object.insert("local".into(), local.to_string().into());
        object.insert("remote".into(), remote.to_string().into());
    }
    object
}

/// `netglass explain`: the entry, what led to it, and what it led to.
pub(super) fn explained(log: &Log, id: EventId) -> Option<Value> {
    let its = log.get(id)?;
    let mut causes: Vec<EventId> = its.causes().collect();
    causes.dedup();
    let causes: Vec<Value> = causes.into_iter().map(|cause| numbered(log, cause)).collect();
    let effects: Vec<Value> = log.effects(id).map(|effect| entry(log, effect)).collect();
    Some(json!({ "event": entry(log, its), "causes": causes, "effects": effects }))
}

/// `netglass blame`: the chain of causes, newest first.
pub(super) fn blamed(log: &Log, id: EventId) -> Option<Value> {
    let step = |step: &Step| {
        json!({
            "depth": step.depth, "because": step.because, "event": numbered(log, step.id),
        })
    };
    let steps: Vec<Value> = run::chain(log, id)?.iter().map(step).collect();
    Some(json!({ "event": id.0, "steps": steps }))
}

/// `netglass limits`: what held which sender back, and when.
pub(super) fn limits(log: &Log, all: &[Limits]) -> Value {
    let one = |limits: &Limits| {
        let mut object = conn(log, limits.conn);
        let held = limits.held.iter().map(|held| {
            json!({
                "by": held.by.key(), "from": held.from.as_nanos(), "to": held.to.as_nanos(),
            })
        });
        let mut total = Map::new();
        for held in &limits.held {
            let nanos = limits.total(held.by).as_nanos() as u64;
            total.insert(held.by.key().to_owned(), nanos.into());
        }
        object.insert("life".into(), (limits.life().as_nanos() as u64).into());
        object.insert("total".into(), total.into());
        object.insert("held".into(), held.collect());
        Value::from(object)
    };
    all.iter().map(one).collect()
}

/// `netglass bytes`: the lives of what a connection has sent.
pub(super) fn bytes(log: &Log, key: Key, lives: &[Life]) -> Value {
    let at = |id: EventId| log.get(id).map(|entry| entry.at.as_nanos());
    let point = |id: Option<EventId>| id.map(|id| json!({ "event": id.0, "at": at(id) }));
    let one = |life: &Life| {
        let sent = life.sent.iter().map(|(id, fate)| {
            let fate = fate.map(|(end, lost)| {
                let place = log.get(end).map(|entry| log.name(entry.place));
                json!({ "event": end.0, "at": at(end), "place": place, "lost": lost })
            });
            json!({ "event": id.0, "at": at(*id), "fate": fate })
        });
        json!({
            "from": life.bytes.start, "to": life.bytes.end, "sent": sent.collect::<Vec<_>>(),
            "acked": point(life.acked), "read": point(life.read),
        })
    };
    let mut object = conn(log, key);
    object.insert("ranges".into(), lives.iter().map(one).collect());
    object.into()
}

/// `netglass observer`: what a sniffer at each place says about segments, and what is so.
pub(super) fn observed(log: &Log, places: &[PlaceId]) -> Value {
    let verdict = |verdict: &Verdict| {
        let labels: Vec<String> = verdict.labels.iter().map(|label| label.words()).collect();
        json!({
            "event": verdict.entry.0, "at": log.get(verdict.entry).map(|e| e.at.as_nanos()),
            "labels": labels, "right": verdict.right, "truth": verdict.truth,
        })
    };
    let one = |place: &PlaceId| {
        let verdicts: Vec<Value> = run::verdicts(log, *place).iter().map(verdict).collect();
        json!({ "place": log.name(*place), "verdicts": verdicts })
    };
    places.iter().map(one).collect()
}

/// `netglass whatif` and `diff`: how much two runs have in common, where they part, their figures.
pub(super) fn compared(one: Named<'_>, other: Named<'_>) -> Value {
    let common = run::common(one.log, other.log);
    let of_run = |Named { name, log }: Named<'_>| {
        let Figures { sent, again, lost, dropped, read, read_at, quiet } = Figures::of(log);
        let all: u64 = read.values().sum();
        json!({
            "name": name,
            "entries": log.entries().len(),
            "parts_with": log.entries().get(common).map(|its| entry(log, its)),
            "sent": sent, "sent_again": again, "lost": lost, "dropped": dropped,
            "read": all, "read_by": read, "last_read": read_at.as_nanos(), "last_sent": quiet.as_nanos(),
        })
    };
    let same = [one, other].iter().all(|run| run.log.entries().len() == common);
    json!({ "same": same, "common": common, "runs": [of_run(one), of_run(other)] })
}
