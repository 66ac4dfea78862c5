//! Plots of a connection, and of queues, as SVG.

use super::chart::{Chart, Sample, Unit};
use super::queues::{self, Change, Way};
use super::sequence::{self, Kind, Segment, Sequence};
use super::thin::{Bar, Point};
use super::{Conn, Index, series};
use crate::base::Instant;
use crate::observe::log::Log;
use crate::tcp::Blocked;
use std::io::{self, Write};

/// Up to how many segments each tell who points at them what they are.
const TITLES: usize = 400;

fn colour(kind: Kind) -> &'static str {
    match kind {
        Kind::New => "blue",
        Kind::Fast => "red",
        Kind::Partial => "pink",
        Kind::Timeout | Kind::AfterTimeout => "orange",
        Kind::PathMtu => "purple",
        Kind::LossProbe => "olive",
        Kind::Probe => "teal",
        Kind::Control => "grey",
    }
}

/// What holds sending back, as far as it is worth a band: colour and words.
const BANDS: &[(Blocked, &str, &str)] = &[
    (Blocked::Cwnd, "blue", "held by cwnd"),
    (Blocked::Rwnd, "orange", "held by the peer's window"),
    (Blocked::Nagle, "purple", "held by Nagle"),
    (Blocked::Sws, "pink", "held: a silly window"),
    (Blocked::Pacing, "green", "held by the pace"),
    (Blocked::Cork, "magenta", "held by a cork"),
    (Blocked::App, "grey", "nothing to send"),
];

fn name(log: &Log, conn: &Conn) -> String {
    let host = log.name(conn.place);
    format!("{host}, connection {}: {} to {}", conn.id, conn.local, conn.remote)
}

/// Plots the sequence numbers that this end sends over time, in tcptrace's grammar: a bar for each
/// segment, the staircase of ACKs below, that of the window above. Colours tell why a segment was
/// sent; hollow ones were lost in the network.
///
/// # Errors
/// What `out` answers.
pub fn time_sequence(index: &Index<'_>, conn: &Conn, out: &mut impl Write) -> io::Result<()> {
    let story = sequence::of(index, conn);
    let highest = story.segments.iter().map(|segment| segment.end).max().unwrap_or(1);
    let acked = story.acks.iter().map(|ack| ack.ack).max().unwrap_or(0);
    let label = ("sequence number, the SYN is 0", Unit::Bytes);
    // The windows may end far above: they are shown as far as one more screen of data goes.
    let room = highest.max(acked) / 4;
    let y = (0, highest.max(acked) + room);
    let mut chart = Chart::new(name(index.log(), conn), story.span(), y, label);
    let lost = story.segments.iter().filter(|segment| segment.lost).count();
    let again = story.segments.iter().filter(|s| !s.kind.letter().is_empty()).count();
    let sent = story.segments.len();
    chart.caption(format!("{sent} segments sent, {again} again or as probes, {lost} lost"));
    bands(&mut chart, &story);
    lines(&mut chart, &story, y.1);
    segments(&mut chart, &story);
    chart.write(out)
}

fn bands(chart: &mut Chart, story: &Sequence) {
    for (why, colour, words) in BANDS {
        let its = story.bands.iter().filter(|band| band.why == *why);
        let times: Vec<(Instant, Instant)> = its.map(|band| (band.from, band.to)).collect();
        if !times.is_empty() {
            chart.bands(colour, &times);
            chart.legend(Sample::Band, colour, *words);
        }
    }
}

fn lines(chart: &mut Chart, story: &Sequence, top: u64) {
    let acks: Vec<(Instant, u64)> = story.acks.iter().map(|ack| (ack.at, ack.ack)).collect();
    let duplicates = story.acks.iter().filter(|ack| ack.duplicate);
    let duplicates: Vec<(Instant, u64)> = duplicates.map(|ack| (ack.at, ack.ack)).collect();
    let sacks = story.sacks.iter().map(|(at, left, right)| bar(chart, *at, *left, *right));
    let sacks: Vec<Bar> = sacks.collect();
    chart.steps("green", false, &rising(&acks));
    chart.legend(Sample::Line, "green", "acknowledged (SND.UNA)");
    if !duplicates.is_empty() {
        chart.dots("green", &duplicates);
        chart.legend(Sample::Dot, "green", "duplicate ACK");
    }
    if !sacks.is_empty() {
        chart.shades("purple", &sacks);
        chart.legend(Sample::Shade, "purple", "SACK block");
    }
    let windows =
        [(&story.edge, "orange", "the peer's window ends"), (&story.cwnd, "teal", "cwnd ends")];
    for (line, colour, words) in windows {
        if line.is_empty() {
            continue;
        }
        let above = line.iter().all(|(_, edge)| *edge > top);
        chart.steps(colour, true, line);
        let words = if above { format!("{words} (above all of this)") } else { words.into() };
        chart.legend(Sample::Dashed, colour, words);
    }
}

/// Acknowledgments without those that came too late.
fn rising(acks: &[(Instant, u64)]) -> Vec<(Instant, u64)> {
    let mut highest = 0;
    let rises = |(_, ack): &&(Instant, u64)| {
        let rises = *ack > highest;
        highest = highest.max(*ack);
        rises
    };
    acks.iter().filter(rises).copied().collect()
}

fn bar(chart: &Chart, at: Instant, from: u64, to: u64) -> Bar {
    let ((x, bottom), (_, top)) = (chart.point((at, from)), chart.point((at, to)));
    (x, top, bottom)
}

fn segments(chart: &mut Chart, story: &Sequence) {
    for kind in Kind::ALL {
        let its = || story.segments.iter().filter(move |segment| segment.kind == kind);
        if its().next().is_none() {
            continue;
        }
        for lost in [false, true] {
            let those: Vec<&Segment> = its().filter(|segment| segment.lost == lost).collect();
            segments_of(chart, kind, lost, &those);
        }
        let letter = kind.letter();
        let sample = if letter.is_empty() { Sample::Bar } else { Sample::Letter(letter) };
        chart.legend(sample, colour(kind), kind.words());
    }
    if story.segments.iter().any(|segment| segment.lost) {
        chart.legend(Sample::Hollow, "red", "hollow, any colour: lost in the network");
    }
}

fn segments_of(chart: &mut Chart, kind: Kind, lost: bool, those: &[&Segment]) {
    let colour = colour(kind);
    let place = |chart: &Chart, segment: &Segment| bar(chart, segment.at, segment.seq, segment.end);
    if those.len() <= TITLES {
        for segment in those {
            let Segment { id, seq, end, flags, .. } = segment;
            let fate = if lost { ", lost" } else { "" };
            let flags = if flags.is_empty() { "" } else { &format!("{flags} ") };
            let title = format!("#{id} {flags}{seq}:{end}, {}{fate}", kind.words());
            chart.bar(colour, lost, place(chart, segment), &title);
        }
    } else {
        let bars: Vec<Bar> = those.iter().map(|segment| place(chart, segment)).collect();
        chart.bars(colour, lost, &bars);
    }
    if !kind.letter().is_empty() {
        let tops = those.iter().map(|segment| chart.point((segment.at, segment.end)));
        let tops: Vec<Point> = tops.collect();
        chart.letters(colour, kind.letter(), &tops);
    }
}

fn highest<'a>(lines: impl IntoIterator<Item = &'a series::Line>) -> u64 {
    lines.into_iter().flatten().map(|(_, value)| *value).max().unwrap_or(0)
}

/// Plots cwnd, ssthresh and what is in flight over time.
///
/// # Errors
/// What `out` answers.
pub fn windows(index: &Index<'_>, conn: &Conn, out: &mut impl Write) -> io::Result<()> {
    let series = series::of(index, conn);
    let top = highest([&series.cwnd, &series.ssthresh, &series.flight]);
    let mut chart = Chart::new(
        name(index.log(), conn),
        series.span,
        (0, top),
        ("congestion window", Unit::Bytes),
    );
    let (timeouts, recoveries) = (&series.timeouts, &series.recoveries);
    let count =
        |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let counted = count(timeouts.len(), "timeout", "timeouts")
        + ", "
        + &count(recoveries.len(), "fast recovery", "fast recoveries");
    chart.caption(counted);
    let lines = [
        (&series.cwnd, "blue", false, "cwnd"),
        (&series.ssthresh, "red", true, "ssthresh (before the first loss it is beyond all)"),
        (&series.flight, "green", false, "in flight"),
        (&series.snd_wnd, "orange", true, "the peer's window"),
    ];
    for (line, colour, dashed, words) in lines {
        let above = line.iter().all(|(_, value)| *value > top);
        if !above {
            chart.steps(colour, dashed, line);
            let sample = if dashed { Sample::Dashed } else { Sample::Line };
            chart.legend(sample, colour, words);
        }
    }
    for (times, colour, letter, words) in [
        (timeouts, "orange", "T", "timeout (RTO)"),
        (recoveries, "red", "R", "fast recovery begins"),
    ] {
        if !times.is_empty() {
            let bars: Vec<Bar> = times.iter().map(|at| bar(&chart, *at, 0, top)).collect();
            let tops: Vec<Point> = times.iter().map(|at| chart.point((*at, top))).collect();
            chart.bars(colour, false, &bars);
            chart.letters(colour, letter, &tops);
            chart.legend(Sample::Letter(letter), colour, words);
        }
    }
    chart.write(out)
}

/// Plots round trips: the samples, SRTT and the RTO.
///
/// # Errors
/// What `out` answers.
pub fn round_trips(index: &Index<'_>, conn: &Conn, out: &mut impl Write) -> io::Result<()> {
    let series = series::of(index, conn);
    let top = highest([&series.rtt, &series.srtt, &series.rto]);
    let mut chart =
        Chart::new(name(index.log(), conn), series.span, (0, top), ("round trip", Unit::Time));
    chart.caption(format!("{} samples", series.rtt.len()));
    chart.steps("orange", true, &series.rto);
    chart.legend(Sample::Dashed, "orange", "RTO");
    chart.steps("blue", false, &series.srtt);
    chart.legend(Sample::Line, "blue", "SRTT");
    chart.dots("green", &series.rtt);
    chart.legend(Sample::Dot, "green", "sample");
    chart.write(out)
}

/// Plots how many packets waited on one direction of a wire, and which the queue dropped or marked.
///
/// # Errors
/// What `out` answers.
pub fn queue(index: &Index<'_>, way: Way, out: &mut impl Write) -> io::Result<()> {
    let story = queues::of(index, way);
    let depth: Vec<(Instant, u64)> = story.iter().map(|depth| (depth.at, depth.packets)).collect();
    let most = depth.iter().map(|(_, packets)| *packets).max().unwrap_or(0);
    let bytes = story.iter().map(|depth| depth.bytes).max().unwrap_or(0);
    let end = index.log().entries().last().map_or(Instant::ZERO, |entry| entry.at);
    let span = (Instant::ZERO, depth.last().map_or(end, |(at, _)| (*at).max(end)));
    let mut chart =
        Chart::new(way.name(index.log()), span, (0, most), ("packets that wait", Unit::Packets));
    chart.steps("blue", false, &depth);
    chart.legend(Sample::Line, "blue", "in the queue");
    let mut counted = format!("at most {most} packets, {bytes} bytes");
    for (change, colour, words) in [
        (Change::Dropped, "red", "dropped by the queue"),
        (Change::Marked, "purple", "marked: congestion experienced"),
    ] {
        let its = story.iter().filter(|depth| depth.change == change);
        let dots: Vec<(Instant, u64)> = its.map(|depth| (depth.at, depth.packets)).collect();
        counted.push_str(&format!(", {} {}", dots.len(), change.name()));
        if !dots.is_empty() {
            chart.dots(colour, &dots);
            chart.legend(Sample::Dot, colour, words);
        }
    }
    chart.caption(counted);
    chart.write(out)
}
