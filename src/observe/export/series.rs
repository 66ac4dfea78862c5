//! How a connection's numbers went over time: the lines that plots draw.

use super::track::Track;
use super::{Conn, Index};
use crate::base::Instant;
use crate::base::time::nanos;
use crate::observe::log::Event;
use crate::stack;
use crate::tcp::{self, Timer};

/// A line: what was at each moment, until the next.
pub(super) type Line = Vec<(Instant, u64)>;

/// A connection's lines.
#[derive(Clone, Default, Debug)]
pub(super) struct Series {
    /// Bytes.
    pub(super) cwnd: Line,
    pub(super) ssthresh: Line,
    pub(super) flight: Line,
    pub(super) snd_wnd: Line,
    /// Nanoseconds.
    pub(super) srtt: Line,
    pub(super) rto: Line,
    /// Samples: no line between them.
    pub(super) rtt: Line,
    /// Retransmission timeouts.
    pub(super) timeouts: Vec<Instant>,
    /// Entries into fast recovery.
    pub(super) recoveries: Vec<Instant>,
    /// When it begins and ends.
    pub(super) span: (Instant, Instant),
}

fn note(line: &mut Line, at: Instant, value: u64) {
    match line.last_mut() {
        Some((_, last)) if *last == value => {}
        // What changed twice at one moment was never seen in between.
        Some((when, last)) if *when == at => *last = value,
        _ => line.push((at, value)),
    }
}

/// A connection's lines.
pub(super) fn of(index: &Index<'_>, conn: &Conn) -> Series {
    let mut series = Series::default();
    let mut track = Track::default();
    let mut from = None;
    for entry in index.entries(conn) {
        let at = entry.at;
        series.span = (*from.get_or_insert(at), at);
        track.take(entry);
        let Event::Host(stack::Event::Tcp(event)) = &entry.event else { continue };
        match event {
            tcp::Event::Rtt { sample, srtt, .. } => {
                series.rtt.push((at, nanos(*sample)));
                note(&mut series.srtt, at, nanos(*srtt));
            }
            tcp::Event::TimerExpired { timer: Timer::Rtx } => series.timeouts.push(at),
            tcp::Event::Ca { to: tcp::CaState::Recovery, .. } => series.recoveries.push(at),
            tcp::Event::Info { .. } => {
                let info = &track.info;
                note(&mut series.cwnd, at, info.snd_cwnd_bytes);
                note(&mut series.flight, at, info.bytes_in_flight);
                note(&mut series.snd_wnd, at, info.snd_wnd);
                note(&mut series.rto, at, info.rto.saturating_mul(1_000));
                if let Some(ssthresh) = track.ssthresh {
                    note(&mut series.ssthresh, at, ssthresh);
                }
            }
            _ => {}
        }
    }
    series
}
