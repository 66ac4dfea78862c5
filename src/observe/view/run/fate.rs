//! The life of a connection's bytes: when each range was sent, where it was lost, when and why it
//! was sent again, when it arrived, was acknowledged, and was read.

use super::super::describe::moment;
use super::super::style::Tone;
use super::page::Page;
use super::story::why;
use super::web::{Fate, Key, Web};
use crate::base::{EventId, Instant, Seq};
use crate::observe::log::{Event, Log};
use crate::stack;
use std::ops::Range;

/// What became of a range of bytes that the application wrote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Life {
    /// The bytes, counted from 0.
    pub bytes: Range<u32>,
    /// Its transmissions, and what became of each: where and when, and whether it was lost.
    pub sent: Vec<(EventId, Option<(EventId, bool)>)>,
    /// The acknowledgment that covers all of it.
    pub acked: Option<EventId>,
    /// The call by which the peer's application had all of it.
    pub read: Option<EventId>,
}

/// What became of what a connection has sent, range by range as it was cut into segments. `None`
/// when there is no such connection.
pub fn lives(log: &Log, conn: Key, bytes: Range<u32>) -> Option<Vec<Life>> {
    let web = Web::new(log);
    web.pair(conn)?;
    let first = web.iss(conn)? + 1;
    let mut lives: Vec<Life> = Vec::new();
    for entry in web.of_conn(conn) {
        let Some((out, _, seg)) = web.segment(entry) else { continue };
        if out && seg.len > 0 {
            let range = (seg.seq - first)..(seg.seq - first).wrapping_add(seg.len);
            let fate = web.fates(entry.id).first().map(|fate| match fate {
                Fate::Arrived(id) => (*id, false),
                Fate::Lost(id) => (*id, true),
            });
            note(&mut lives, range, (entry.id, fate));
        } else if let (false, Some(ack)) = (out, seg.ack) {
            let new = lives.partition_point(|life| life.acked.is_some());
            let covers = |life: &&mut Life| (first + life.bytes.end).before_eq(ack);
            let its = lives[new..].iter_mut().take_while(covers);
            its.for_each(|life| life.acked = Some(entry.id));
        }
    }
    if let Some(peer) = web.peer(conn) {
        note_reads(&web, peer, &mut lives);
    }
    lives.retain(|life| life.bytes.start < bytes.end && bytes.start < life.bytes.end);
    Some(lives)
}

/// Adds a transmission to the ranges that it covers; what was cut otherwise is cut again.
fn note(lives: &mut Vec<Life>, range: Range<u32>, sent: (EventId, Option<(EventId, bool)>)) {
    // They are in order, and none overlaps another.
    let first = lives.partition_point(|life| life.bytes.end <= range.start);
    let touched = lives[first..].partition_point(|life| life.bytes.start < range.end);
    let mut from = range.start;
    let mut cut = Vec::new();
    for life in lives.drain(first..first + touched) {
        let (start, end) = (life.bytes.start.max(range.start), life.bytes.end.min(range.end));
        let part = |bytes: Range<u32>| Life { bytes, ..life.clone() };
        if life.bytes.start < start {
            cut.push(part(life.bytes.start..start));
        }
        let mut again = part(start..end);
        again.sent.push(sent);
        cut.push(again);
        if end < life.bytes.end {
            cut.push(part(end..life.bytes.end));
        }
        from = from.max(end);
    }
    if from < range.end {
        cut.push(Life { bytes: from..range.end, sent: vec![sent], acked: None, read: None });
    }
    lives.splice(first..first, cut);
}

fn note_reads(web: &Web<'_>, peer: Key, lives: &mut [Life]) {
    let mut read = 0u32;
    for entry in web.of_conn(peer) {
        if let Event::Host(stack::Event::Call { call: stack::Call::Read { .. }, result: Ok(n) }) =
            &entry.event
        {
            read = read.wrapping_add(*n as u32);
            let new = lives.partition_point(|life| life.read.is_some());
            let covers = |life: &&mut Life| Seq(life.bytes.end).before_eq(Seq(read));
            let its = lives[new..].iter_mut().take_while(covers);
            its.for_each(|life| life.read = Some(entry.id));
        }
    }
}

/// The lives of the bytes of a connection as a table. `None` when there is no such connection.
pub fn bytes(log: &Log, conn: Key, bytes: Range<u32>, page: &Page) -> Option<String> {
    let lives = lives(log, conn, bytes)?;
    let web = Web::new(log);
    let mut sheet = page.sheet();
    let pair = web.pair(conn).map(|p| format!("{} -> {}", p.local, p.remote)).unwrap_or_default();
    sheet.line(Some(Tone::Head), &format!("bytes of {} ({pair}); times in ms", log.name(conn.0)));
    let columns = ("bytes", "sent", "arrived", "acked", "read");
    let (a, b, c, d, e) = columns;
    sheet.line(Some(Tone::Faint), &format!("{a:<17} {b:>10} {c:>10} {d:>10} {e:>10}  story"));
    let at = |id: Option<EventId>| match id.and_then(|id| web.get(id)) {
        Some(entry) => moment(entry.at),
        None => "-".into(),
    };
    // What had a simple life is told in one line with its like.
    let plain = |life: &Life| match life.sent[..] {
        [(_, Some((_, lost)))] => !lost,
        [(_, None)] => life.acked.is_some(), // the peer is not in the log
        _ => false,
    };
    let time = |life: &Life| -> [Option<Instant>; 2] {
        [Some(life.sent[0].0), life.acked].map(|id| Some(web.get(id?)?.at))
    };
    let alike = |a: &Life, b: &Life| !page.all && plain(a) && plain(b) && time(a) == time(b);
    for run in lives.chunk_by(alike) {
        let (first, last) = (&run[0], &run[run.len() - 1]);
        let arrived = last.sent.iter().filter_map(|(_, fate)| *fate).find(|(_, lost)| !lost);
        let line = format!(
            "{:<17} {:>10} {:>10} {:>10} {:>10}  {}",
            format!("{}:{}", first.bytes.start, last.bytes.end),
            at(Some(first.sent[0].0)),
            at(arrived.map(|(id, _)| id)),
            at(last.acked),
            at(last.read),
            story(&web, run)
        );
        let tone = if plain(first) { None } else { Some(Tone::Alarm) };
        sheet.line(tone, &super::page::fitted(page.style, &line, page.width()));
    }
    let hurt = lives.iter().find(|life| !plain(life)).or(lives.first());
    if let Some((id, _)) = hurt.and_then(|life| life.sent.last()) {
        sheet.next(&format!("explain {id}"));
        sheet.next(&format!("blame {id}"));
    }
    sheet.next("limits");
    Some(sheet.end())
}

fn story(web: &Web<'_>, run: &[Life]) -> String {
    let life = &run[0];
    if run.len() > 1 {
        let last = run[run.len() - 1].sent[0].0;
        return format!("{} segments, #{} to #{last}", run.len(), life.sent[0].0);
    }
    let mut words = Vec::new();
    for (n, (id, fate)) in life.sent.iter().enumerate() {
        let reason = web.get(*id).and_then(why).map(|why| why.key).unwrap_or_default();
        let again = web.get(*id).filter(|_| n > 0).map(|entry| moment(entry.at));
        let what = match again {
            Some(at) => format!("again #{id} at {at} ({reason})"),
            None => format!("#{id}"),
        };
        words.push(match fate {
            Some((at, true)) => {
                let place = web.get(*at).map_or("?", |entry| web.log.name(entry.place));
                format!("{what} lost: {place} #{at}")
            }
            None if life.acked.is_none() => format!("{what} under way"),
            _ => what,
        });
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_where_they_are_sent_otherwise() {
        let mut lives = Vec::new();
        let sent = |n| (EventId(n), None);
        note(&mut lives, 0..10, sent(1));
        note(&mut lives, 10..30, sent(2));
        note(&mut lives, 5..12, sent(3));
        let told: Vec<_> = lives
            .iter()
            .map(|life| (life.bytes.clone(), life.sent.iter().map(|s| s.0.0).collect::<Vec<_>>()))
            .collect();
        let expected =
            [(0..5, vec![1]), (5..10, vec![1, 3]), (10..12, vec![2, 3]), (12..30, vec![2])];
        assert_eq!(told, expected);
    }

    #[test]
    fn many_ranges_stay_in_order() {
        let mut lives = Vec::new();
        let sent = |n| (EventId(n), None);
        for n in 0..50_000u32 {
            note(&mut lives, n * 10..n * 10 + 10, sent(n.into()));
        }
        note(&mut lives, 24_995..25_015, sent(60_000));
        assert_eq!(lives.len(), 50_002);
        assert!(lives.is_sorted_by_key(|life| life.bytes.start));
        assert_eq!(lives.iter().filter(|life| life.sent.len() == 2).count(), 3);
    }
}
