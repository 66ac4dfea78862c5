//! Whether a reduction was for nothing: what was sent again had not been lost (RFC 3522, RFC 3708,
//! RFC 4015).

use crate::base::Seq;

/// What one needs to know, from a reduction to its end.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Undo {
    /// SND.UNA when the window was reduced; `None`: there is nothing to be undone.
    since: Option<Seq>,
    /// Bytes sent again since, less those the peer says it has received twice.
    unconfirmed: i64,
    /// Whether anything was sent again.
    retransmitted: bool,
    /// Our timestamp on the first segment that was sent again.
    first_rxt: Option<u32>,
}

impl Undo {
    /// The window is reduced, while `again` bytes that were sent again are in flight. The
    /// timestamp of the first one stays as long as there are any: an ACK of theirs says nothing of
    /// an original.
    pub fn begin(&mut self, una: Seq, again: u32) {
        let first_rxt = self.first_rxt.filter(|_| again > 0);
        *self = Undo {
            since: Some(una),
            unconfirmed: again.into(),
            retransmitted: again > 0,
            first_rxt,
        };
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

    /// `bytes` are sent again, with this timestamp.
    // Rules: 3522-3.2-1.
    pub fn on_retransmit(&mut self, bytes: u32, ts: Option<u32>) {
        self.unconfirmed += i64::from(bytes);
        self.first_rxt = self.first_rxt.or(ts);
        self.retransmitted = true;
    }

    /// The peer has received twice `left..right`, which is acknowledged, and `again` bytes of what
    /// is not and was sent again (RFC 2883). Only what was sent since the reduction counts.
    // Rules: 3708-3-2.
    pub fn on_dsack(&mut self, left: Seq, right: Seq, again: u32) {
        let Some(since) = self.since else { return };
        let left = left.later(since);
        let old = if right.after(left) { right - left } else { 0 };
        self.unconfirmed = (self.unconfirmed - i64::from(old + again)).max(0);
    }

    /// Whether the peer has received twice whatever was sent again (RFC 3708 §3).
    // Rules: 3708-3-1.
    pub fn all_received_twice(&self) -> bool {
        self.is_armed() && self.retransmitted && self.unconfirmed <= 0
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

    // Rules: 3708-3-1, 3708-3-2.
    #[test]
    fn all_that_was_sent_again_must_be_reported() {
        let mut undo = Undo::default();
        undo.begin(Seq(1_000), 0);
        assert!(!undo.all_received_twice(), "nothing was sent again");
        undo.on_retransmit(1_000, None);
        undo.on_retransmit(1_000, None);
        undo.on_dsack(Seq(1_000), Seq(2_000), 0);
        assert!(!undo.all_received_twice());
        undo.on_dsack(Seq(0), Seq(1_000), 0);
        assert!(!undo.all_received_twice(), "it is older than the reduction");
        undo.on_dsack(Seq(2_000), Seq(2_000), 1_000);
        assert!(undo.all_received_twice());
    }

    // Rules: 3522-3.2-1.
    #[test]
    fn an_older_echo_tells_the_original() {
        let mut undo = Undo::default();
        undo.begin(Seq(0), 0);
        assert!(!undo.is_echo_of_original(Some(5)), "nothing was sent again");
        undo.on_retransmit(100, Some(2));
        undo.on_retransmit(100, Some(9));
        assert!(undo.is_echo_of_original(Some(1)) && undo.is_echo_of_original(Some(u32::MAX)));
        assert!(!undo.is_echo_of_original(Some(2)) && !undo.is_echo_of_original(None));
        assert!(!Undo::default().is_echo_of_original(Some(1)));
    }

    #[test]
    fn what_was_sent_again_before_is_no_original() {
        let mut undo = Undo::default();
        undo.begin(Seq(0), 0);
        undo.on_retransmit(100, Some(2));
        undo.end(100);
        assert!(!undo.is_echo_of_original(Some(1)), "nothing is to be undone");
        undo.begin(Seq(100), 100);
        undo.on_retransmit(100, Some(9));
        assert!(!undo.is_echo_of_original(Some(2)) && undo.is_echo_of_original(Some(1)));
        undo.end(0);
        undo.begin(Seq(200), 0);
        undo.on_retransmit(100, Some(9));
        assert!(undo.is_echo_of_original(Some(2)));
    }
}
