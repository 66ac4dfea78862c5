//! Segments between TCP and the rest of the host.

use super::config::Config;
use super::event::Plan;
use super::event::Reply;
use crate::base::{Chunks, EventId, Seq};
use crate::wire::ip::Mark;
use crate::wire::tcp::{Ctl, Header};

/// An arrived segment: its header, its payload, and what is known about how it was cut.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The header.
    pub hdr: Header,
    /// The payload.
    pub payload: Chunks,
    /// Payload bytes per wire segment, when several came merged into this one.
    pub wire_mss: Option<u16>,
    /// As it arrived: trimming does not change that.
    pub arrived: Arrived,
    /// There is no memory for its payload.
    pub no_room: bool,
    /// The ECN field of its packet, two bits (RFC 3168 §5).
    pub ecn: u8,
}

/// What is asked about a segment as its sender made it.
#[derive(Copy, Clone, Debug)]
pub struct Arrived {
    /// SEG.SEQ.
    pub seq: Seq,
    /// SEG.LEN.
    pub len: u32,
    /// Whether SYN was set: its window is not scaled (RFC 7323 §2.2).
    pub syn: bool,
}

impl Segment {
    /// As it arrived.
    pub fn new(hdr: Header, payload: Chunks, wire_mss: Option<u16>) -> Segment {
        let arrived = Arrived { seq: hdr.seq, len: 0, syn: hdr.ctl.syn() };
        let mut seg = Segment { hdr, payload, wire_mss, arrived, no_room: false, ecn: 0 };
        seg.arrived.len = seg.len();
        seg
    }

    /// SEG.LEN: payload, SYN and FIN (RFC 9293 §3.3.1).
    pub fn len(&self) -> u32 {
        self.payload.len() as u32 + u32::from(self.hdr.ctl.syn()) + u32::from(self.hdr.ctl.fin())
    }

    /// Whether it takes no sequence space.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sequence number behind it.
    pub fn end(&self) -> Seq {
        self.hdr.seq + self.len()
    }

    /// How many segments it was on the wire.
    pub fn wire_segments(&self) -> u32 {
        match self.wire_mss {
            Some(mss) if mss > 0 => self.payload.len().div_ceil(usize::from(mss)).max(1) as u32,
            _ => 1,
        }
    }

    /// Cuts away what lies outside `lo..lo + wnd`, so that the segment is "the idealized segment
    /// that begins at RCV.NXT and does not exceed the window" (RFC 9293 §3.10.7.4, first). What
    /// lies beyond RCV.NXT within the window stays where it is. Not for a SYN, which is challenged
    /// wherever it lies (RFC 5961 §4.2).
    pub fn trim(&mut self, lo: Seq, wnd: u32) {
        if self.hdr.seq.before(lo) {
            let old = lo - self.hdr.seq;
            // The urgent pointer counts from SEG.SEQ.
            self.hdr.urg = self.hdr.urg.saturating_sub(old.min(0xffff) as u16);
            self.payload.advance(old as usize);
            self.hdr.seq = lo;
        }
        let edge = lo + wnd;
        if self.end().after(edge) {
            self.hdr.ctl = self.hdr.ctl.without(Ctl::FIN);
            self.payload.truncate((edge - self.hdr.seq) as usize);
        }
    }
}

/// A segment to be sent: `stack` adds addresses and the checksum.
#[derive(Debug)]
pub struct Outgoing {
    /// The header.
    pub hdr: Header,
    /// The payload.
    pub payload: Chunks,
    /// Payload bytes per wire segment, when it must be cut.
    pub gso_size: Option<u16>,
    /// The event that sent it.
    pub origin: EventId,
    /// Why it is sent.
    pub why: Because,
    /// What it asks of IP.
    pub mark: Mark,
    /// No router may fragment its packet (RFC 1191 §3).
    pub df: bool,
}

impl Outgoing {
    /// With what its socket asks of IP.
    #[must_use]
    pub fn marked(self, config: &Config) -> Outgoing {
        Outgoing { mark: config.segment_mark(), df: config.may_not_be_cut(), ..self }
    }
}

/// Why an outgoing segment exists.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Because {
    /// A connection planned it.
    Plan(Plan),
    /// It answers something without a connection's block.
    Reply(Reply),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Pool;

    #[test]
    fn trimming_cuts_what_is_old_and_what_is_too_much() {
        let pool = Pool::new();
        // (seq, ctl, len) within [100, 110) → (seq, ctl, payload)
        for (seq, ctl, len, want) in [
            (95, Ctl::NONE, 10, (100, Ctl::NONE, 5)),
            (100, Ctl::FIN, 10, (100, Ctl::NONE, 10)),
            (100, Ctl::FIN, 9, (100, Ctl::FIN, 9)),
            (105, Ctl::NONE, 100, (105, Ctl::NONE, 5)),
            (98, Ctl::FIN, 100, (100, Ctl::NONE, 10)),
            (109, Ctl::FIN, 0, (109, Ctl::FIN, 0)),
        ] {
            let hdr = Header { seq: Seq(seq), ctl, ..Header::default() };
            let payload = pool.copy(&vec![0; len]).into();
            let mut seg = Segment::new(hdr, payload, None);
            seg.trim(Seq(100), 10);
            assert_eq!((seg.hdr.seq.0, seg.hdr.ctl, seg.payload.len()), want);
            assert_eq!(seg.arrived.seq.0, seq);
        }
    }
}
