//! Which segments came through the wire, and when each had been sent.

use netglass::base::{Checksum, EventId, Frame, Instant, Seq};
use netglass::wire::ipv4::protocol;
use netglass::wire::tcp::Header;
use netglass::wire::{checksum, ip};

/// A segment that came through.
#[derive(Copy, Clone, Debug)]
pub struct Passage {
    /// When it was sent.
    pub sent: Instant,
    /// Who sent it.
    pub from: usize,
    /// Its sequence number.
    pub seq: Seq,
    /// How many sequence numbers it takes.
    pub len: u32,
    /// What it acknowledges.
    pub ack: Option<Seq>,
}

/// All that came through since somebody looked, and when what was acknowledged.
#[derive(Default)]
pub struct Passages {
    /// When each frame was sent, by its number.
    sent: Vec<Instant>,
    /// What each host has acknowledged so far, and when for the first time.
    acks: [Vec<(Instant, Seq)>; 2],
    /// Those that came through.
    pub arrived: Vec<Passage>,
}

impl Passages {
    /// A frame is sent: the number that it carries.
    pub fn leave(&mut self, now: Instant, from: usize, frame: &Frame) -> EventId {
        let acks = &mut self.acks[from];
        if let Some(ack) = segment(frame).and_then(|(header, _)| header.ack)
            && acks.last().is_none_or(|last| ack.after(last.1))
        {
            acks.push((now, ack));
        }
        self.sent.push(now);
        EventId(self.sent.len() as u64)
    }

    /// When a host acknowledged more than `una` for the first time.
    pub fn acked_at(&self, from: usize, una: Seq) -> Option<Instant> {
        let acks = &self.acks[from];
        acks.iter().find(|(_, ack)| ack.after(una)).map(|(at, _)| *at)
    }

    /// A frame arrives. One of which a bit changed is as good as lost, and not looked at.
    pub fn arrive(&mut self, from: usize, frame: &Frame) {
        let Some((header, len)) = segment(frame) else { return };
        let control = u32::from(header.ctl.syn()) + u32::from(header.ctl.fin());
        self.arrived.push(Passage {
            sent: self.sent[frame.origin.0 as usize - 1],
            from,
            seq: header.seq,
            len: len + control,
            ack: header.ack,
        });
    }
}

/// The segment in a frame, and how long its payload is, if the receiver takes it for one.
fn segment(frame: &Frame) -> Option<(Header, u32)> {
    let bytes: Vec<u8> = frame.slices().flatten().copied().collect();
    let mut ip = ip::Header::parse(&bytes, bytes.len()).ok()?;
    ip.walk(&bytes).ok()?;
    let segment = bytes.get(ip.header_len..)?;
    let pseudo = checksum::pseudo(ip.src, ip.dst, protocol::TCP, segment.len());
    if frame.offload.checksum == Checksum::Complete && !checksum::is_good(pseudo, [segment]) {
        return None;
    }
    let (header, len) = Header::parse(segment).ok()?;
    Some((header, (segment.len() - len) as u32))
}
