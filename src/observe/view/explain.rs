//! One event explained from the records alone: what, why, what led to it, what it led to.

use super::describe::{describe, moment};
use super::reason::reason;
use super::tcpdump::Tcpdump;
use super::text::wrap;
use crate::base::EventId;
use crate::stack::Record;

/// How many events are listed under CAUSES.
const LISTED: usize = 12;
/// Columns of the text behind the labels.
const WIDTH: usize = 100;

/// Explains event `id`; `None` when `records` (oldest first) do not hold it.
pub fn explain(records: &[Record], id: EventId) -> Option<String> {
    let at = records.iter().position(|record| record.id == id)?;
    let record = &records[at];
    let mut spell = Tcpdump::new();
    // Spelled in order, because relative numbers depend on what came before.
    let mut lines = Vec::new();
    for (place, other) in records.iter().enumerate() {
        let near = place == at || record.causes.contains(&other.id) || other.causes.contains(&id);
        if near {
            lines.push((other.id, describe(&mut spell, other)));
        } else {
            spell.learn(other);
        }
    }
    let line = |of: EventId| {
        lines.iter().find(|(id, _)| *id == of).map(|(_, line)| line.as_str()).unwrap_or_default()
    };
    let conn = record.conn.map(|conn| format!("   connection {conn}")).unwrap_or_default();
    let mut out = format!("#{id}   t = {} ms{conn}\n", moment(record.at));
    entry(&mut out, "WHAT", line(id));
    if let Some(why) = reason(&record.event) {
        entry(&mut out, "WHY", &why.text);
        entry(&mut out, "", &format!("{}: {}", why.key, why.rfc));
    }
    let mut label = "CAUSED BY";
    for cause in record.causes.into_iter().filter(|cause| cause.is_some()) {
        let known = records.iter().any(|record| record.id == cause);
        let text = if known { line(cause) } else { "(not among these records)" };
        entry(&mut out, label, &format!("#{cause} {text}"));
        label = "";
    }
    let mut label = "CAUSES";
    let effects: Vec<_> = records.iter().filter(|other| other.causes.contains(&id)).collect();
    for other in effects.iter().take(LISTED) {
        entry(&mut out, label, &format!("#{} {}", other.id, line(other.id)));
        label = "";
    }
    if effects.len() > LISTED {
        entry(&mut out, "", &format!("and {} more", effects.len() - LISTED));
    }
    Some(out)
}

fn entry(out: &mut String, label: &str, text: &str) {
    let mut label = label;
    for line in wrap(text, WIDTH) {
        out.push_str(format!("{label:<10} {line}").trim_end());
        out.push('\n');
        label = "";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::view::stories;

    #[test]
    fn a_retransmission_is_explained() {
        let records = stories::retransmit();
        let again = records
            .iter()
            .find(|r| reason(&r.event).is_some_and(|why| why.key == "FastRetransmit"))
            .expect("the story has one");
        stories::golden("explain.txt", &explain(&records, again.id).expect("it is there"));
        assert_eq!(explain(&records, EventId(9_999)), None);
    }

    #[test]
    fn many_effects_are_counted() {
        let mut records = stories::ping();
        let first = records[0].id;
        for n in 0..20 {
            let mut copy = records[0].clone();
            copy.id = EventId(1_000 + n);
            copy.causes = [first, EventId(7_777)];
            records.push(copy);
        }
        let text = explain(&records, first).expect("it is there");
        assert!(text.contains("and 9 more") || text.contains("and 8 more"), "{text}");
        let text = explain(&records, EventId(1_000)).expect("it is there");
        assert!(text.contains("#7777 (not among these records)"), "{text}");
    }
}
