//! Which segments came through the wire, and when each had been sent.

use netglass::base::{EventId, Frame, Instant, Seq};
use netglass::wire::ip;
use netglass::wire::tcp::Header;

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

/// All that came through since somebody looked.
#[derive(Default)]
pub struct Passages {
    /// When each frame was sent, by its number.
    sent: Vec<Instant>,
    /// Those that came through.
    pub arrived: Vec<Passage>,
}

impl Passages {
    /// A frame is sent: the number that it carries.
    pub fn leave(&mut self, now: Instant) -> EventId {
        self.sent.push(now);
        EventId(self.sent.len() as u64)
    }

    /// A frame arrives. What is no segment any more, since a bit changed, is not looked at.
    pub fn arrive(&mut self, from: usize, frame: &Frame) {
        let bytes: Vec<u8> = frame.slices().flatten().copied().collect();
        let Ok(mut ip) = ip::Header::parse(&bytes, bytes.len()) else { return };
        if ip.walk(&bytes).is_err() {
            return;
        }
        let Some(segment) = bytes.get(ip.header_len..) else { return };
        let Ok((header, len)) = Header::parse(segment) else { return };
        let control = u32::from(header.ctl.syn()) + u32::from(header.ctl.fin());
        self.arrived.push(Passage {
            sent: self.sent[frame.origin.0 as usize - 1],
            from,
            seq: header.seq,
            len: (segment.len() - len) as u32 + control,
            ack: header.ack,
        });
    }
}
