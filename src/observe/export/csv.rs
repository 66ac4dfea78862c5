//! Tables (RFC 4180): a connection's numbers, a row whenever one changes; and the depth of queues.

use super::queues::{self, Way};
use super::track::Track;
use super::{Conn, Index, crossing, sequence};
use crate::observe::log::{Entry, Event};
use crate::observe::view::reason::reason;
use crate::stack;
use crate::tcp;
use std::io::{self, Write};

/// The columns of [`conn`].
pub const CONN: &str = "t_ns,id,why,snd_una,snd_nxt,flight,cwnd,ssthresh,snd_wnd,rcv_wnd,\
                        srtt_us,rttvar_us,rto_us,ca_state,retransmits,lost,retrans,notsent";

/// Writes a connection's numbers: bytes, microseconds, and segments as `tcp_info` has them; an
/// ssthresh beyond every window is left out. Sequence numbers count from the SYN, which is 0. Each
/// row is what the numbers are behind the entry `id` of the log and what it led to at once: a
/// segment, a timer, or a call; `why` is its reason's key.
///
/// # Errors
/// What `out` answers.
pub fn conn(index: &Index<'_>, conn: &Conn, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{CONN}")?;
    let mut track = Track::default();
    let mut last = String::new();
    let mut opener: Option<&Entry> = None;
    for entry in index.entries(conn) {
        if opens(entry) {
            if let Some(opener) = opener {
                change(opener, &track, &mut last, out)?;
            }
            opener = Some(entry);
        }
        track.take(entry);
    }
    opener.map_or(Ok(()), |opener| change(opener, &track, &mut last, out))
}

/// Whether an entry is what others follow from.
fn opens(entry: &Entry) -> bool {
    let Event::Host(event) = &entry.event else { return false };
    let timer = matches!(
        event,
        stack::Event::Tcp(tcp::Event::TimerExpired { .. } | tcp::Event::Icmp { .. })
    );
    timer || matches!(event, stack::Event::Call { .. }) || crossing(entry).is_some()
}

/// Writes a row, if it is another than the last.
fn change(
    opener: &Entry,
    track: &Track,
    last: &mut String,
    out: &mut impl Write,
) -> io::Result<()> {
    let row = row(track);
    if row == *last {
        return Ok(());
    }
    let why = opener.record().and_then(|record| reason(&record.event));
    let why = why.map_or("", |why| why.key);
    writeln!(out, "{},{},{why},{row}", opener.at.as_nanos(), opener.id)?;
    *last = row;
    Ok(())
}

fn row(track: &Track) -> String {
    let Track { info, una, nxt, ssthresh, .. } = track;
    let ssthresh = ssthresh.map(|bytes| bytes.to_string()).unwrap_or_default();
    format!(
        "{una},{nxt},{},{},{ssthresh},{},{},{},{},{},{},{},{},{},{}",
        info.bytes_in_flight,
        info.snd_cwnd_bytes,
        info.snd_wnd,
        info.rcv_wnd,
        info.rtt,
        info.rttvar,
        info.rto,
        info.ca_state,
        info.retransmits,
        info.lost,
        info.retrans,
        info.notsent_bytes,
    )
}

/// Writes the segments of a connection that this end sent: what the plot of its sequence numbers
/// shows. `lost` says whether the network lost it.
///
/// # Errors
/// What `out` answers.
pub fn segments(index: &Index<'_>, conn: &Conn, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "t_ns,id,seq,end,why,lost")?;
    for segment in &sequence::of(index, conn).segments {
        let sequence::Segment { at, id, seq, end, kind, lost, .. } = segment;
        let lost = u8::from(*lost);
        writeln!(out, "{},{id},{seq},{end},{},{lost}", at.as_nanos(), kind.name())?;
    }
    Ok(())
}

/// Writes how many packets waited on one direction of a wire, a row for each change. A packet that
/// the queue dropped or marked has a row, too, with the depth before it.
///
/// # Errors
/// What `out` answers.
pub fn queue(index: &Index<'_>, way: Way, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "t_ns,id,change,packets,bytes")?;
    for queues::Depth { at, id, change, packets, bytes } in queues::of(index, way) {
        let id = if id.is_some() { id.to_string() } else { String::new() };
        writeln!(out, "{},{id},{},{packets},{bytes}", at.as_nanos(), change.name())?;
    }
    Ok(())
}
