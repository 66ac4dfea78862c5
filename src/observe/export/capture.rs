//! Captures of what passed one point of the network: pcap, and pcapng whose packets say why they
//! were sent and what became of them (Wireshark: `frame.comment contains "Rto"`).
//!
//! A file holds one point, because two views of one path make readers see retransmissions that
//! never were. Frames are what a tap has seen; times are virtual, nanoseconds since the start.

use super::Index;
use crate::base::{EventId, Frame, Instant, Medium};
use crate::observe::log::Event;
use crate::observe::log::{Log, PlaceId};
use crate::observe::pcapng::{Direction, LinkType, Writer, on_wire};
use crate::observe::view::run::story::why;
use crate::observe::view::run::web::{Fate, arrives};
use pcap_file::DataLink;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapTsResolution, PcapWriter};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

/// A point where frames were seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Point {
    /// Its name: `client:eth0`.
    pub name: String,
    /// The node that it is at.
    pub place: PlaceId,
    /// What its frames start with.
    pub medium: Medium,
}

impl Point {
    fn link(&self) -> LinkType {
        match self.medium {
            Medium::Ip => LinkType::Raw,
            Medium::Ethernet => LinkType::Ethernet,
        }
    }
}

/// A frame that was seen there.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When.
    pub at: Instant,
    /// Which way, as the node sees it.
    pub direction: Direction,
    /// The frame, with its origin.
    pub frame: Frame,
}

/// Writes a capture with comments. `about` describes the whole of it.
///
/// # Errors
/// What `out` answers.
pub fn pcapng<'a>(
    index: &Index<'_>,
    point: &Point,
    about: &str,
    frames: impl IntoIterator<Item = &'a Seen>,
    out: impl Write,
) -> io::Result<()> {
    let (log, web) = (index.log(), &index.web);
    let mut writer = Writer::new(out, &point.name, point.link(), about)?;
    let mut fates: BTreeMap<EventId, Vec<Fate>> = BTreeMap::new();
    for seen in frames {
        let sent = log.number(seen.frame.origin);
        let its = fates.entry(sent).or_insert_with(|| web.fates(sent));
        let comments = comments(log, point, seen, its);
        writer.packet(seen.at.as_nanos(), seen.direction, &seen.frame, &comments)?;
    }
    writer.finish().map(drop)
}

/// Writes a capture without comments, for whatever reads no pcapng.
///
/// # Errors
/// What `out` answers.
pub fn pcap<'a>(
    point: &Point,
    frames: impl IntoIterator<Item = &'a Seen>,
    out: impl Write,
) -> io::Result<()> {
    let link = point.link();
    let header = PcapHeader {
        ts_resolution: PcapTsResolution::NanoSecond,
        datalink: DataLink::from(u32::from(link.number())),
        ..PcapHeader::default()
    };
    let mut writer = PcapWriter::with_header(out, header).map_err(error)?;
    for Seen { at, frame, .. } in frames {
        let (bytes, time) = (on_wire(link, frame), Duration::from_nanos(at.as_nanos()));
        let packet = PcapPacket::new(time, bytes.len() as u32, bytes).map_err(error)?;
        writer.write_packet(&packet).map_err(error)?;
    }
    Ok(())
}

fn error(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(error)
}

/// Copies of a frame whose ends are told, each in a comment: in a storm there are thousands, of
/// every one of thousands of frames.
const FATES: usize = 16;

/// Why a frame was sent, and what became of it: where it was lost, or what was made of it.
fn comments(log: &Log, point: &Point, seen: &Seen, fates: &[Fate]) -> Vec<String> {
    let sent = log.number(seen.frame.origin);
    let Some(entry) = log.get(sent) else { return Vec::new() };
    let place = log.name(entry.place);
    let mut comments = vec![format!("#{sent} sent by {place}: {}", reason(log, sent))];
    for fate in fates.iter().take(FATES) {
        let (Fate::Arrived(at) | Fate::Lost(at)) = *fate;
        let Some(entry) = log.get(at) else { continue };
        let place = log.name(entry.place);
        let here = entry.place == point.place;
        let text = match (&entry.event, fate) {
            (Event::Host(event), Fate::Arrived(_)) if arrives(event) => {
                format!("#{at} accepted by {place}")
            }
            (_, Fate::Arrived(_)) => continue,
            (_, Fate::Lost(_)) => format!("#{at} dropped by {place}: {}", reason(log, at)),
        };
        // What happens behind this point is known to the run, but not to a capture elsewhere.
        let later = seen.direction == Direction::Out || here;
        comments.extend(later.then_some(text));
    }
    if let Some(more @ 1..) = fates.len().checked_sub(FATES) {
        comments.push(format!("and {more} more copies of it came to an end"));
    }
    comments
}

/// The reason of an entry, with its key and rule.
fn reason(log: &Log, id: EventId) -> String {
    let why = log.get(id).and_then(why);
    why.map_or_else(|| "no rule".into(), |why| format!("{} ({}, {})", why.text, why.key, why.rfc))
}
