//! What a connection's numbers were at each of its entries: `tcp_info` as the log tells it, and
//! SND.UNA and SND.NXT as its segments do, relative to the first byte.

use super::crossing;
use crate::base::Seq;
use crate::observe::log::{Entry, Event};
use crate::stack;
use crate::tcp::{self, Outcome, SegmentView, TcpInfo};
use crate::wire::tcp::Ctl;

/// A connection on its way through the log.
#[derive(Clone, Default, Debug)]
pub(super) struct Track {
    /// What `tcp_info` says.
    pub(super) info: TcpInfo,
    /// ssthresh in bytes; `None`: beyond every window.
    pub(super) ssthresh: Option<u64>,
    ours: Numbers,
    theirs: Numbers,
    /// SND.UNA, relative.
    pub(super) una: u64,
    /// SND.NXT, relative.
    pub(super) nxt: u64,
}

/// Sequence numbers of one direction, unrolled: the SYN is 0, the first byte 1.
#[derive(Copy, Clone, Default, Debug)]
struct Numbers {
    initial: Option<Seq>,
    /// The highest so far.
    highest: u64,
}

impl Numbers {
    /// The distance from the initial number, which may have gone around several times.
    fn unroll(&self, seq: Seq) -> Option<u64> {
        let at = self.initial? + self.highest as u32;
        let ahead = i64::from(seq.0.wrapping_sub(at.0) as i32);
        u64::try_from(self.highest as i64 + ahead).ok()
    }

    fn take(&mut self, seq: Seq) -> Option<u64> {
        let unrolled = self.unroll(seq)?;
        self.highest = self.highest.max(unrolled);
        Some(unrolled)
    }

    fn starts(&mut self, at: Seq) {
        self.initial.get_or_insert(at);
    }
}

/// A segment with relative numbers.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Relative {
    /// Whether this end sent it.
    pub(super) out: bool,
    /// SEG.SEQ; `None` when nothing tells where its direction begins.
    pub(super) seq: Option<u64>,
    /// SEG.SEQ + SEG.LEN.
    pub(super) end: Option<u64>,
    /// SEG.ACK.
    pub(super) ack: Option<u64>,
}

/// The sequence space that a segment takes.
fn space(seg: &SegmentView) -> u32 {
    seg.len + u32::from(seg.ctl.syn()) + u32::from(seg.ctl.fin())
}

impl Track {
    /// Goes on by an entry of the connection; the segment it tells of, if any.
    pub(super) fn take(&mut self, entry: &Entry) -> Option<Relative> {
        match &entry.event {
            Event::Host(stack::Event::Tcp(tcp::Event::Info { changes })) => {
                for change in changes {
                    self.info.apply(*change);
                }
                self.take_threshold();
                None
            }
            Event::Host(stack::Event::Tcp(tcp::Event::Ca { ssthresh, .. })) => {
                self.ssthresh = (*ssthresh < i32::MAX as u32).then_some((*ssthresh).into());
                None
            }
            _ => {
                let (out, seg) = crossing(entry)?;
                Some(self.segment(out, seg, is_good(entry)))
            }
        }
    }

    /// `tcp_info` tells ssthresh in segments, which is less exact.
    fn take_threshold(&mut self) {
        let mss = self.info.snd_mss.max(1);
        self.ssthresh = match (self.info.ssthresh(), self.ssthresh) {
            (Some(segments), Some(bytes)) if bytes.div_ceil(mss) == segments => Some(bytes),
            (segments, _) => segments.map(|segments| segments * mss),
        };
    }

    fn segment(&mut self, out: bool, seg: &SegmentView, good: bool) -> Relative {
        let (own, other) = match out {
            true => (&mut self.ours, &mut self.theirs),
            false => (&mut self.theirs, &mut self.ours),
        };
        // A capture that begins later begins with an ACK behind both SYNs.
        if !seg.ctl.rst() && good {
            own.starts(if seg.ctl.syn() { seg.seq } else { seg.seq - 1 });
            if let Some(ack) = seg.ack {
                other.starts(ack - 1);
            }
        }
        let seq = own.unroll(seg.seq);
        let last = seg.seq + space(seg);
        let end = if good { own.take(last) } else { own.unroll(last) };
        let ack = seg.ack.and_then(|ack| other.unroll(ack));
        if out && !seg.ctl.rst() {
            self.nxt = self.nxt.max(end.unwrap_or(0));
        }
        if let (false, true, Some(ack)) = (out, good, ack) {
            self.una = self.una.max(ack.min(self.nxt));
        }
        Relative { out, seq, end, ack }
    }

    /// A number of the direction that this end sends, relative.
    pub(super) fn ours(&self, seq: Seq) -> Option<u64> {
        self.ours.unroll(seq)
    }
}

/// Whether what a segment says counts.
fn is_good(entry: &Entry) -> bool {
    let Event::Host(event) = &entry.event else { return false };
    let outcome = match event {
        stack::Event::Tcp(tcp::Event::Received { outcome, .. })
        | stack::Event::StrayIn { outcome, .. } => outcome,
        _ => return true,
    };
    !matches!(outcome, Outcome::Dropped(_))
}

/// The flags that a plot names.
pub(super) fn flags(seg: &SegmentView) -> &'static str {
    match (seg.ctl.syn(), seg.ctl.fin(), seg.ctl.has(Ctl::RST)) {
        (true, ..) => "SYN",
        (_, true, _) => "FIN",
        (.., true) => "RST",
        _ => "",
    }
}
