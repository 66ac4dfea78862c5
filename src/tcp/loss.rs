//! What loss recovery remembers of a connection that sends data: not needed while it is silent.

use super::prr::Prr;
use super::rack::Rack;
use super::undo::Undo;
use crate::base::Seq;
use crate::wire::tcp::SackBlocks;

/// Everything but the phase, which every connection has.
#[derive(Clone, Debug, Default)]
pub struct Loss {
    /// Losses by time.
    pub rack: Rack,
    /// The pace while the window comes down.
    pub prr: Option<Prr>,
    /// Whether that was for nothing.
    pub undo: Undo,
    /// The probe for a lost tail.
    pub tlp: Option<Tlp>,
    /// A probe was sent, and no round trip measured since (RFC 8985 §7.3).
    pub probed: bool,
    /// No rescue before more than this is acknowledged (RescueRxt, RFC 6675 §4).
    pub rescue: Option<Seq>,
    /// The blocks of the last ACK: what they said need not be looked at again.
    pub seen: SackBlocks,
    /// What arrived a second time, for the next ACK to tell (RFC 2883 §4).
    pub dsack: Option<(Seq, Seq)>,
}

/// A loss probe is on its way (RFC 8985 §7).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Tlp {
    /// SND.NXT behind it (TLP.end_seq).
    pub end: Seq,
    /// It was sent again, not new (TLP.is_retrans).
    pub again: bool,
}

impl Loss {
    /// Whether nothing of it matters to a connection that has nothing in flight.
    pub fn is_forgettable(&self) -> bool {
        !self.rack.reordering_seen() && self.prr.is_none() && self.dsack.is_none()
    }

    /// Whether nothing is under way: no reduction, no probe, nothing to be taken back or reported.
    pub fn is_idle(&self) -> bool {
        self.prr.is_none() && self.tlp.is_none() && self.dsack.is_none() && !self.undo.is_armed()
    }

    /// The parts of a SACK block that the last ACK did not report: RFC 2018 §4 has it repeated.
    pub fn news_of(&self, (left, right): (Seq, Seq)) -> [(Seq, Seq); 2] {
        let known = |block: &&(Seq, Seq)| {
            let (from, to) = (block.0 - left, block.1 - left);
            from <= to && to <= right - left
        };
        match self.seen.iter().find(known) {
            Some(&(from, to)) => [(left, from), (to, right)],
            None => [(left, right), (right, right)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_block_repeats_is_no_news() {
        let mut loss = Loss::default();
        let seq = |pair: (u32, u32)| (Seq(pair.0), Seq(pair.1));
        assert_eq!(loss.news_of(seq((10, 20))), [seq((10, 20)), seq((20, 20))]);
        loss.seen.push(seq((12, 18)));
        assert_eq!(loss.news_of(seq((10, 20))), [seq((10, 12)), seq((18, 20))]);
        assert_eq!(loss.news_of(seq((13, 20))), [seq((13, 20)), seq((20, 20))]);
        for lie in [(18, 12), (12 + (1 << 31), 18)] {
            loss.seen.clear();
            loss.seen.push(seq(lie));
            assert_eq!(loss.news_of(seq((10, 20))), [seq((10, 20)), seq((20, 20))], "{lie:?}");
        }
    }
}
