//! Whether a reduction was for nothing: what was sent again had not been lost (RFC 3522, RFC 3708,
//! RFC 4015).

use crate::base::Seq;

/// Runs that are remembered at most: a peer that takes back more says so by timestamps.
const RUNS: usize = 64;

/// What one needs to know, from a reduction to its end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Undo {
    /// SND.UNA when the window was reduced; `None`: there is nothing to be undone.
    since: Option<Seq>,
    /// What was sent again since, a run for each time, less what the peer says it has received
    /// twice.
    unconfirmed: Vec<(Seq, Seq)>,
    /// There were more runs than are remembered.
    forgotten: bool,
    /// Whether anything was sent again.
    retransmitted: bool,
    /// Our timestamp on the first segment that was sent again.
    first_rxt: Option<u32>,
}

impl Undo {
    /// The window is reduced, while the runs `again` that were sent again may still be answered.
    /// The timestamp of the first one stays as long as there are any: an ACK of theirs says nothing
    /// of an original.
    pub fn begin(&mut self, una: Seq, again: impl Iterator<Item = (Seq, Seq)>) {
        let first_rxt = self.first_rxt;
        *self = Undo { since: Some(una), ..Undo::default() };
        again.for_each(|run| self.expect(run));
        self.first_rxt = first_rxt.filter(|_| self.retransmitted);
    }

    /// There is nothing to be undone any more, while `again` bytes that were sent again are in
    /// flight.
    pub fn end(&mut self, again: u32) {
        *self = Undo { first_rxt: self.first_rxt.filter(|_| again > 0), ..Undo::default() };
    }

    /// Whether there is something to be undone.
    pub fn is_armed(&self) -> bool {
        self.since.is_some()
    }

    /// The run `left..right` is sent again, with this timestamp.
    // Rules: 3522-3.2-1.
    pub fn on_retransmit(&mut self, run: (Seq, Seq), ts: Option<u32>) {
        self.first_rxt = self.first_rxt.or(ts);
        if self.is_armed() {
            self.expect(run);
        }
    }

    fn expect(&mut self, (left, right): (Seq, Seq)) {
        self.retransmitted = true;
        let room = self.unconfirmed.len() < RUNS;
        match self.unconfirmed.last_mut().filter(|last| last.1 == left) {
            Some(last) => last.1 = right,
            None if room => self.unconfirmed.push((left, right)),
            None => self.forgotten = true,
        }
    }

    /// The peer has received twice `left..right` (RFC 2883): each byte counts as often as it was
    /// sent again since the reduction, and no other does.
    // Rules: 3708-3-2.
    pub fn on_dsack(&mut self, (left, right): (Seq, Seq)) {
        let mut at = left;
        while at.before(right) {
            let runs = self.unconfirmed.iter().enumerate();
            let ahead = runs.filter(|(_, run)| run.1.after(at) && run.0.before(right));
            let next = ahead.min_by_key(|(_, run)| run.0.later(at) - at);
            let Some((place, &(from, to))) = next else { return };
            let (from, to) = (from.later(at), to.earlier(right));
            self.confirm(place, (from, to));
            at = to;
        }
    }

    /// Takes `from..to` out of the run at `place`.
    fn confirm(&mut self, place: usize, (from, to): (Seq, Seq)) {
        let (left, right) = self.unconfirmed.remove(place);
        for rest in [(to, right), (left, from)] {
            if rest.0 == rest.1 {
                continue;
            }
            match self.unconfirmed.len() < RUNS {
                true => self.unconfirmed.insert(place, rest),
                false => self.forgotten = true,
            }
        }
    }

    /// Whether the peer has received twice whatever was sent again (RFC 3708 §3).
    // Rules: 3708-3-1.
    pub fn all_received_twice(&self) -> bool {
        self.is_armed() && self.retransmitted && self.unconfirmed.is_empty() && !self.forgotten
    }

    /// Whether `echo`, of an ACK that moved SND.UNA, is of a segment sent before the first one that
    /// was sent again: the original had arrived (the Eifel detection, RFC 3522 §3.2).
    // Rules: 3522-3.2-2.
    pub fn is_echo_of_original(&self, echo: Option<u32>) -> bool {
        match (self.first_rxt, echo) {
            (Some(first), Some(echo)) => self.is_armed() && (echo.wrapping_sub(first) as i32) < 0,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq((left, right): (u32, u32)) -> (Seq, Seq) {
        (Seq(left), Seq(right))
    }

    fn begun(again: &[(u32, u32)]) -> Undo {
        let mut undo = Undo::default();
        undo.begin(Seq(1_000), again.iter().copied().map(seq));
        undo
    }

    // Rules: 3708-3-1, 3708-3-2.
    #[test]
    fn all_that_was_sent_again_must_be_reported() {
        let mut undo = begun(&[]);
        assert!(!undo.all_received_twice(), "nothing was sent again");
        undo.on_retransmit(seq((1_000, 2_000)), None);
        undo.on_retransmit(seq((3_000, 4_000)), None);
        undo.on_dsack(seq((1_000, 2_000)));
        assert!(!undo.all_received_twice());
        undo.on_dsack(seq((0, 1_000)));
        undo.on_dsack(seq((2_000, 3_500)));
        assert!(!undo.all_received_twice(), "half of it is missing");
        undo.on_dsack(seq((3_500, 9_000)));
        assert!(undo.all_received_twice());
    }

    /// What was sent again twice is to be reported twice; what was not counts never.
    // Rules: 3708-3-2.
    #[test]
    fn a_report_counts_no_more_than_was_sent_again() {
        let mut undo = begun(&[(1_000, 2_000)]);
        undo.on_retransmit(seq((1_000, 2_000)), None);
        undo.on_dsack(seq((0, 900_000)));
        assert!(!undo.all_received_twice(), "one report, and it was sent again twice");
        undo.on_dsack(seq((1_000, 2_000)));
        assert!(undo.all_received_twice());
    }

    #[test]
    fn more_runs_than_are_remembered_are_never_all_reported() {
        let mut undo = begun(&[]);
        (0..100).for_each(|n| undo.on_retransmit(seq((n * 20, n * 20 + 10)), None));
        (0..100).for_each(|n| undo.on_dsack(seq((n * 20, n * 20 + 10))));
        assert!(undo.unconfirmed.is_empty() && !undo.all_received_twice());
    }

    // Rules: 3522-3.2-1.
    #[test]
    fn an_older_echo_tells_the_original() {
        let mut undo = begun(&[]);
        assert!(!undo.is_echo_of_original(Some(5)), "nothing was sent again");
        undo.on_retransmit(seq((0, 100)), Some(2));
        undo.on_retransmit(seq((0, 100)), Some(9));
        assert!(undo.is_echo_of_original(Some(1)) && undo.is_echo_of_original(Some(u32::MAX)));
        assert!(!undo.is_echo_of_original(Some(2)) && !undo.is_echo_of_original(None));
        assert!(!Undo::default().is_echo_of_original(Some(1)));
    }

    #[test]
    fn what_was_sent_again_before_is_no_original() {
        let mut undo = begun(&[]);
        undo.on_retransmit(seq((0, 100)), Some(2));
        undo.end(100);
        assert!(!undo.is_echo_of_original(Some(1)), "nothing is to be undone");
        undo.begin(Seq(100), [seq((0, 100))].into_iter());
        undo.on_retransmit(seq((0, 100)), Some(9));
        assert!(!undo.is_echo_of_original(Some(2)) && undo.is_echo_of_original(Some(1)));
        undo.end(0);
        undo.begin(Seq(200), std::iter::empty());
        undo.on_retransmit(seq((0, 100)), Some(9));
        assert!(undo.is_echo_of_original(Some(2)));
    }
}
