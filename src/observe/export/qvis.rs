//! qlog as the viewer qvis takes it: version 0.3 in one JSON text, with the names of QUIC's events.
//!
//! qvis thinks in packets that have numbers and are never sent twice. So each transmission of a
//! segment gets a number of its own, and an ACK, with its SACK blocks, becomes the list of the
//! transmissions that it covers. Of a transmission that the network lost the log knows that no ACK
//! is about it.

use super::sequence::is_lost;
use super::track::{Relative, Track};
use super::{Conn, Index, Millis, crossing};
use crate::base::time::nanos;
use crate::base::{EventId, Instant};
use crate::observe::log::{Entry, Event};
use crate::observe::view::json::Object;
use crate::observe::view::run::web::Web;
use crate::stack;
use crate::tcp::{self, Plan, RtxRule, SegmentView};
use std::io::{self, Write};

/// A transmission that is not acknowledged.
struct Sent {
    number: u64,
    seq: u64,
    end: u64,
    lost: bool,
}

/// A trace in the making.
struct Trace<'a, W> {
    out: &'a mut W,
    web: &'a Web<'a>,
    track: Track,
    under_way: Vec<Sent>,
    /// Numbers given, to what is sent and to what arrives.
    sent: u64,
    received: u64,
    first: bool,
    /// What was told last: cwnd, in flight.
    told: (u64, u64),
}

/// Writes one end of a connection as qvis takes it.
///
/// # Errors
/// What `out` answers.
pub fn write(index: &Index<'_>, conn: &Conn, title: &str, out: &mut impl Write) -> io::Result<()> {
    let mut vantage = Object::new();
    vantage.text("name", index.log().name(conn.place)).text("type", super::qlog::role(index, conn));
    let mut common = Object::new();
    common.array("protocol_type", ["\"TCP\""]).text("time_format", "relative");
    common.raw("reference_time", 0);
    let mut head = Object::new();
    head.text("qlog_version", "0.3").text("qlog_format", "JSON").text("title", title);
    let head = head.end();
    let (vantage, common) = (vantage.end(), common.end());
    write!(out, "{},\n\"traces\":[{{\"vantage_point\":{vantage},", head.trim_end_matches('}'))?;
    writeln!(out, "\"common_fields\":{common},\"events\":[")?;
    let (web, track, under_way) = (&index.web, Track::default(), Vec::new());
    let (sent, received, told) = (0, 0, (0, 0));
    let mut trace = Trace { out, web, track, under_way, sent, received, first: true, told };
    index.entries(conn).try_for_each(|entry| trace.entry(entry))?;
    writeln!(out, "\n]}}]}}")
}

impl<W: Write> Trace<'_, W> {
    fn event(&mut self, at: Instant, name: &str, data: Object) -> io::Result<()> {
        let mut event = Object::new();
        event.raw("time", Millis(at.as_nanos())).text("name", name).raw("data", data.end());
        let comma = if std::mem::take(&mut self.first) { "" } else { ",\n" };
        write!(self.out, "{comma}{}", event.end())
    }

    fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        let relative = self.track.take(entry);
        if let (Some(relative), Some((_, seg))) = (relative, crossing(entry)) {
            return if relative.out {
                self.sends(entry, relative, seg)
            } else {
                self.receives(entry, relative, seg)
            };
        }
        let Event::Host(stack::Event::Tcp(event)) = &entry.event else { return Ok(()) };
        let mut data = Object::new();
        match event {
            tcp::Event::Rtt { sample, srtt, rttvar, .. } => {
                data.raw("latest_rtt", Millis(nanos(*sample)));
                data.raw("smoothed_rtt", Millis(nanos(*srtt)));
                data.raw("rtt_variance", Millis(nanos(*rttvar)));
            }
            tcp::Event::Info { .. } => {
                let info = &self.track.info;
                let now = (info.snd_cwnd_bytes, info.bytes_in_flight);
                if std::mem::replace(&mut self.told, now) == now {
                    return Ok(());
                }
                data.raw("congestion_window", now.0).raw("cwnd", now.0);
                data.raw("bytes_in_flight", now.1);
                if info.min_rtt > 0 {
                    data.raw("min_rtt", Millis(info.min_rtt.saturating_mul(1_000)));
                }
                if let Some(ssthresh) = self.track.ssthresh {
                    data.raw("ssthresh", ssthresh);
                }
            }
            _ => return Ok(()),
        }
        self.event(entry.at, "recovery:metrics_updated", data)
    }

    fn sends(&mut self, entry: &Entry, place: Relative, seg: &SegmentView) -> io::Result<()> {
        let (seq, end) = (place.seq.unwrap_or(0), place.end.unwrap_or(0));
        if let Event::Host(stack::Event::Tcp(tcp::Event::Sent { plan, .. })) = &entry.event {
            self.gives_up(entry.at, (seq, end), plan)?;
        }
        let number = self.sent;
        self.sent += 1;
        let mut frames = Vec::new();
        if end > seq {
            frames.push(data_frame(seq, end));
            let lost = is_lost(self.web, entry.id);
            self.under_way.push(Sent { number, seq, end, lost });
        }
        if let (Some(ack), true) = (place.ack, end == seq) {
            frames.push(note_frame(&format!("ACK {ack}")));
        }
        self.event(entry.at, "transport:packet_sent", packet(number, seg, frames, entry.id))
    }

    /// What is sent again is lost, as the sender sees it.
    fn gives_up(&mut self, at: Instant, (seq, end): (u64, u64), plan: &Plan) -> io::Result<()> {
        let trigger = match plan {
            Plan::Retransmit { rule: RtxRule::Rto | RtxRule::AfterRto, .. }
            | Plan::RetransmitSyn { .. } => "pto_expired",
            Plan::Retransmit { .. } => "reordering_threshold",
            _ => return Ok(()),
        };
        let gone = |sent: &Sent| sent.seq < end && seq < sent.end;
        let numbers: Vec<u64> =
            self.under_way.iter().filter(|sent| gone(sent)).map(|sent| sent.number).collect();
        self.under_way.retain(|sent| !gone(sent));
        for number in numbers {
            let mut data = Object::new();
            data.raw("header", header(number)).text("trigger", trigger);
            self.event(at, "recovery:packet_lost", data)?;
        }
        Ok(())
    }

    fn receives(&mut self, entry: &Entry, place: Relative, seg: &SegmentView) -> io::Result<()> {
        let number = self.received;
        self.received += 1;
        let mut frames = Vec::new();
        if let (Some(seq), Some(end)) = (place.seq, place.end)
            && end > seq
        {
            frames.push(data_frame(seq, end));
        }
        let ranges = self.acknowledged(place.ack.unwrap_or(0), seg);
        if !ranges.is_empty() {
            let mut frame = Object::new();
            let ranges = ranges.into_iter().map(|(from, to)| format!("[{from},{to}]"));
            frame.text("frame_type", "ack").array("acked_ranges", ranges);
            frames.push(frame.end());
        }
        self.event(entry.at, "transport:packet_received", packet(number, seg, frames, entry.id))
    }

    /// The numbers of the transmissions that an ACK is about and none before was.
    fn acknowledged(&mut self, ack: u64, seg: &SegmentView) -> Vec<(u64, u64)> {
        let blocks = seg.options.sack.iter();
        let blocks = blocks.filter_map(|(l, r)| Some((self.track.ours(*l)?, self.track.ours(*r)?)));
        let blocks: Vec<(u64, u64)> = blocks.collect();
        let covers = |sent: &Sent| {
            let in_block = |(left, right): &(u64, u64)| *left <= sent.seq && sent.end <= *right;
            sent.end <= ack || blocks.iter().any(in_block)
        };
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for sent in self.under_way.iter().filter(|sent| covers(sent) && !sent.lost) {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == sent.number => *last = sent.number,
                _ => ranges.push((sent.number, sent.number)),
            }
        }
        self.under_way.retain(|sent| !covers(sent) || (sent.lost && sent.end > ack));
        ranges
    }
}

fn header(number: u64) -> String {
    let mut header = Object::new();
    header.text("packet_type", "1RTT").raw("packet_number", number);
    header.end()
}

fn data_frame(seq: u64, end: u64) -> String {
    let mut frame = Object::new();
    frame.text("frame_type", "stream").raw("stream_id", 0).raw("offset", seq);
    frame.raw("length", end - seq);
    frame.end()
}

fn note_frame(text: &str) -> String {
    let mut frame = Object::new();
    frame.text("frame_type", "padding").text("note", text);
    frame.end()
}

fn packet(number: u64, seg: &SegmentView, frames: Vec<String>, id: EventId) -> Object {
    let mut raw = Object::new();
    raw.raw("length", seg.len).raw("payload_length", seg.len);
    let mut data = Object::new();
    data.raw("header", header(number)).raw("raw", raw.end()).array("frames", frames);
    data.text("flags", seg.ctl).raw("id", id);
    data
}
