//! The plot of sequence numbers in xplot's language, with tcptrace's colours where it has them.

use super::sequence::{self, Kind};
use super::{Conn, Index};
use crate::base::Instant;
use std::fmt;
use std::io::{self, Write};

/// Nanoseconds as seconds.
struct Seconds(Instant);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        write!(f, "{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
    }
}

fn colour(kind: Kind) -> &'static str {
    match kind {
        Kind::New | Kind::Control => "white",
        Kind::Fast | Kind::Partial => "red",
        Kind::Timeout | Kind::AfterTimeout => "orange",
        Kind::PathMtu => "magenta",
        Kind::LossProbe => "yellow",
        Kind::Probe => "blue",
    }
}

/// Writes the plot of the sequence numbers that this end sends (see
/// [`super::plots::time_sequence`]).
///
/// # Errors
/// What `out` answers.
pub fn time_sequence(index: &Index<'_>, conn: &Conn, out: &mut impl Write) -> io::Result<()> {
    let story = sequence::of(index, conn);
    writeln!(out, "dtime signed\ntitle\n{conn}")?;
    writeln!(out, "xlabel\ntime\nylabel\nsequence number")?;
    steps(out, "yellow", &story.edge)?;
    steps(out, "pink", &story.cwnd)?;
    let acks: Vec<(Instant, u64)> = story.acks.iter().map(|ack| (ack.at, ack.ack)).collect();
    steps(out, "green", &acks)?;
    for ack in story.acks.iter().filter(|ack| ack.duplicate) {
        writeln!(out, "green\ndtick {} {}", Seconds(ack.at), ack.ack)?;
    }
    for (at, left, right) in &story.sacks {
        writeln!(out, "purple\nline {} {left} {} {right}", Seconds(*at), Seconds(*at))?;
    }
    for segment in &story.segments {
        let (at, seq, end) = (Seconds(segment.at), segment.seq, segment.end);
        writeln!(out, "{}", colour(segment.kind))?;
        // What was lost has no arrow heads.
        if !segment.lost {
            writeln!(out, "darrow {at} {seq}\nuarrow {at} {end}")?;
        }
        writeln!(out, "line {at} {seq} {at} {end}")?;
        if segment.push {
            writeln!(out, "diamond {at} {end}")?;
        }
        let lost = if segment.lost { " lost" } else { "" };
        let text = format!("{}{}{lost}", segment.flags, segment.kind.letter());
        if !text.is_empty() {
            writeln!(out, "atext {at} {end}\n{}", text.trim())?;
        }
    }
    writeln!(out, "go")
}

/// A staircase: level, then up.
fn steps(out: &mut impl Write, colour: &str, line: &[(Instant, u64)]) -> io::Result<()> {
    writeln!(out, "{colour}")?;
    for pair in line.windows(2) {
        let [(from, low), (to, high)] = [pair[0], pair[1]];
        let is_level = from < to;
        let (from, to) = (Seconds(from), Seconds(to));
        if is_level {
            writeln!(out, "line {from} {low} {to} {low}")?;
        }
        if low != high {
            writeln!(out, "line {to} {low} {to} {high}")?;
        }
    }
    Ok(())
}
