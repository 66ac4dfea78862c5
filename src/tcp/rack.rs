//! RACK: losses by time (RFC 8985 §6). What was sent a reordering window before something that has
//! arrived, and has not arrived itself, is lost.

use super::rtxq::{Rtxq, Sent};
use crate::base::{Duration, Instant, Seq};

/// Recoveries after which a wider reordering window is narrow again (RFC 8985 §6.2 step 4).
const PERSIST: u8 = 16;

/// The newest transmission that has arrived, and how much reordering is expected.
#[derive(Clone, Debug, Default)]
pub struct Rack {
    /// When it was sent, and where it ends (RACK.xmit_ts, RACK.end_seq).
    newest: Option<(Instant, Seq)>,
    /// The round trip of what arrived last (RACK.rtt).
    rtt: Duration,
    /// Something has arrived since losses were last looked for.
    advanced: bool,
    /// The highest sequence number that has arrived (RACK.fack).
    fack: Option<Seq>,
    /// The highest that had arrived before this ACK.
    known: Option<Seq>,
    /// The lowest that this ACK says has arrived behind what was sent after it.
    behind: Option<Seq>,
    /// How often something arrived so.
    reordered: u32,
    /// By how many segments at most.
    degree: u16,
    /// The window in quarters of the smallest round trip, less one (RACK.reo_wnd_mult - 1).
    widened: u8,
    /// Recoveries until it is one quarter again (RACK.reo_wnd_persist).
    persist: u8,
    /// No further DSACK widens it before this is acknowledged (RACK.dsack_round).
    dsack_round: Option<Seq>,
}

/// What the window depends on.
#[derive(Copy, Clone, Debug)]
pub struct Path {
    /// The smallest round trip.
    pub min_rtt: Duration,
    /// The smoothed one.
    pub srtt: Duration,
    /// In fast recovery or after a timeout.
    pub recovering: bool,
    /// The peer holds so much out of order that what is missing would be lost by counting.
    pub enough: bool,
}

impl Rack {
    /// `sent` is known at `now` to have arrived; `too_early`: the peer echoes a timestamp from
    /// before that transmission (RFC 8985 §6.2 steps 1 to 3).
    // Rules: 8985-6.2-2, 8985-6.2-3.
    pub fn delivered(&mut self, sent: &Sent, now: Instant, too_early: bool, min_rtt: Duration) {
        let rtt = now.since(sent.sent_at);
        let end = sent.end();
        if sent.retransmits == 0 && self.known.is_some_and(|known| end.before(known)) {
            self.behind = Some(self.behind.map_or(sent.seq, |behind| behind.earlier(sent.seq)));
        }
        self.fack = Some(self.fack.map_or(end, |fack| fack.later(end)));
        // The ACK of a retransmission may be the original's.
        if sent.retransmits > 0 && (too_early || rtt < min_rtt) {
            return;
        }
        (self.rtt, self.advanced) = (rtt, true);
        if self.newest.is_none_or(|newest| is_after((sent.sent_at, end), newest)) {
            self.newest = Some((sent.sent_at, end));
        }
    }

    /// Whether something has arrived since this was last asked.
    pub fn take_advanced(&mut self) -> bool {
        std::mem::take(&mut self.advanced)
    }

    /// The peer has received something twice: what was taken for lost was late. `una`: what the ACK
    /// that says so acknowledges.
    // Rules: 8985-4-3.
    pub fn on_dsack(&mut self, una: Seq, nxt: Seq) {
        self.dsack_round = self.dsack_round.filter(|round| una.before(*round));
        if self.dsack_round.is_none() {
            self.dsack_round = Some(nxt);
            self.widened = self.widened.saturating_add(1);
            self.persist = PERSIST;
        }
    }

    /// Everything before `una` is acknowledged.
    pub fn on_ack(&mut self, una: Seq) {
        self.dsack_round = self.dsack_round.filter(|round| una.before(*round));
        // What lies 2 GiB behind would compare the wrong way round.
        self.fack = self.fack.map(|fack| fack.later(una));
        self.known = self.known.map(|known| known.later(una));
    }

    /// A recovery has ended.
    pub fn on_recovered(&mut self) {
        self.persist = self.persist.saturating_sub(1);
        if self.persist == 0 {
            self.widened = 0;
        }
    }

    /// All of an ACK is known: what had overtaken the lowest that came late tells the degree of
    /// reordering. After a timeout that cannot be taken back it tells nothing.
    pub fn note_reordering(&mut self, smss: u32, tells: bool) {
        self.known = self.fack;
        let (behind, fack) = (self.behind.take().filter(|_| tells), self.fack);
        if let (Some(behind), Some(fack)) = (behind, fack) {
            self.overtaken((fack - behind).div_ceil(smss));
        }
    }

    /// Something came behind so many segments that were sent after it.
    pub fn overtaken(&mut self, segments: u32) {
        self.reordered = self.reordered.saturating_add(1);
        self.degree = self.degree.max(segments.min(u16::MAX.into()) as u16);
    }

    /// A timeout came though much had arrived: reordering was not what it seemed.
    pub fn forget_degree(&mut self) {
        self.degree = 0;
    }

    /// By how many segments at most something was overtaken.
    pub fn degree(&self) -> u16 {
        self.degree
    }

    /// How often something arrived behind what was sent after it.
    pub fn reordered(&self) -> u32 {
        self.reordered
    }

    /// Whether reordering was ever seen.
    pub fn reordering_seen(&self) -> bool {
        self.reordered > 0
    }

    /// The reordering window (RFC 8985 §6.2 step 4).
    // Rules: 8985-6.2-4.
    pub fn window(&self, path: Path) -> Duration {
        if !self.reordering_seen() && (path.recovering || path.enough) {
            return Duration::ZERO;
        }
        (path.min_rtt / 4).saturating_mul(1 + u32::from(self.widened)).min(path.srtt)
    }

    /// Takes for lost what is (RFC 8985 §6.2 step 5): how much sequence space, and when the next
    /// would be, if nothing changes.
    // Rules: 8985-6.2-5.
    pub fn detect(
        &self,
        rtxq: &mut Rtxq,
        window: Duration,
        now: Instant,
    ) -> (u32, Option<Instant>) {
        let Some(newest) = self.newest else { return (0, None) };
        rtxq.lose_overdue(newest, self.rtt + window, now)
    }

    /// Whether a transmission that began at `sent_at` would be taken for lost by a timeout at `now`
    /// (RFC 8985 §6.3): it had its round trip.
    pub fn is_overdue(&self, sent_at: Instant, window: Duration, now: Instant) -> bool {
        sent_at + self.rtt + window <= now
    }
}

/// Whether the transmission `a` began after `b`; what began at the same moment is ordered by
/// sequence number (RFC 8985 §6.1).
// Rules: 8985-6.1-1.
fn is_after(a: (Instant, Seq), b: (Instant, Seq)) -> bool {
    a.0 > b.0 || (a.0 == b.0 && a.1.after(b.1))
}
