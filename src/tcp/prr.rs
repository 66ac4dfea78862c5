//! Proportional rate reduction: how much to send for each ACK while the window comes down
//! (RFC 9937).

/// One episode, from the detection of congestion to the recovery point.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Prr {
    /// Bytes delivered since it began.
    delivered: u64,
    /// Bytes sent since it began.
    out: u64,
    /// RecoverFS: bytes that were in flight when it began, and were not yet known to be delivered.
    flight: u32,
    /// What may be in flight: what was after the last ACK, and SndCnt.
    cwnd: u32,
}

/// What an ACK tells while the window comes down.
#[derive(Copy, Clone, Debug)]
pub struct Progress {
    /// Bytes it says were delivered.
    pub delivered: u32,
    /// Bytes in flight after it.
    pub in_flight: u32,
    /// Where the window is to come down to, bytes.
    pub ssthresh: u32,
    /// A full segment, bytes.
    pub smss: u32,
    /// Send by whole segments: what would send a part of one sends all of it.
    pub whole: bool,
    /// SND.UNA moved, and nothing more was found lost (SafeACK).
    pub is_safe: bool,
}

impl Prr {
    /// It begins with `flight` bytes sent and not known to be delivered before this ACK, and
    /// `in_flight` bytes in flight now.
    pub fn begin(flight: u32, in_flight: u32) -> Prr {
        Prr { delivered: 0, out: 0, flight: flight.max(1), cwnd: in_flight }
    }

    /// An ACK arrived (RFC 9937 §6.2).
    // Rules: 9937-6.2-1, 9937-6.2-2, 9937-6.2-3.
    pub fn on_ack(&mut self, progress: Progress) {
        let Progress { delivered, in_flight, ssthresh, smss, whole, is_safe } = progress;
        if delivered == 0 && self.out > 0 {
            return;
        }
        self.delivered += u64::from(delivered);
        let mut allowance = if in_flight > ssthresh {
            // When less was in flight than may be, nothing has to come down: a byte for a byte.
            let flight = self.flight.max(ssthresh);
            let share = (self.delivered * u64::from(ssthresh)).div_ceil(u64::from(flight));
            let share = if whole { share.next_multiple_of(smss.into()) } else { share };
            share.saturating_sub(self.out)
        } else {
            // Packet conservation, and slow start towards ssthresh while nothing more is lost.
            let conserved = self.delivered.saturating_sub(self.out).max(u64::from(delivered));
            let room = conserved + if is_safe { u64::from(smss) } else { 0 };
            room.min(u64::from(ssthresh - in_flight))
        };
        if self.out == 0 && allowance == 0 {
            allowance = u64::from(smss); // the fast retransmit goes out at once
        }
        self.cwnd = in_flight.saturating_add(u32::try_from(allowance).unwrap_or(u32::MAX));
    }

    /// Bytes were sent, new or again.
    // Rules: 9937-6.3-1.
    pub fn on_send(&mut self, bytes: u32) {
        self.out += u64::from(bytes);
    }

    /// How many bytes may be in flight. What is found lost between ACKs makes room at once.
    pub fn cwnd(&self) -> u32 {
        self.cwnd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMSS: u32 = 1_000;

    fn ack(prr: &mut Prr, delivered: u32, in_flight: u32, ssthresh: u32, is_safe: bool) -> u32 {
        let whole = false;
        prr.on_ack(Progress { delivered, in_flight, ssthresh, smss: SMSS, whole, is_safe });
        let allowance = prr.cwnd() - in_flight;
        prr.on_send(allowance / SMSS * SMSS);
        allowance / SMSS
    }

    /// 20 segments in flight, the window is halved: one goes out for every second ACK.
    // Rules: 9937-6.2-1.
    #[test]
    fn every_second_ack_sends_while_the_window_is_halved() {
        let mut prr = Prr::begin(20 * SMSS, 0);
        let mut in_flight = 18 * SMSS; // one lost, one delivered by this ACK
        let mut sent = Vec::new();
        for _ in 0..18 {
            let n = ack(&mut prr, SMSS, in_flight, 10 * SMSS, false);
            sent.push(n);
            in_flight = in_flight + n * SMSS - SMSS;
        }
        assert_eq!(sent[..6], [0, 1, 0, 1, 0, 1]);
        assert_eq!(sent.iter().sum::<u32>(), 9, "nine for eighteen: half");
    }

    /// Below ssthresh: as much as was delivered, and one more while nothing more is lost.
    // Rules: 9937-6.2-2.
    #[test]
    fn losses_below_the_threshold_are_made_up_for_slowly() {
        let mut prr = Prr::begin(20 * SMSS, 0);
        assert_eq!(ack(&mut prr, SMSS, 2 * SMSS, 10 * SMSS, false), 1);
        assert_eq!(ack(&mut prr, SMSS, 2 * SMSS, 10 * SMSS, false), 1);
        assert_eq!(ack(&mut prr, SMSS, 2 * SMSS, 10 * SMSS, true), 2);
        assert_eq!(ack(&mut prr, 9 * SMSS, 9 * SMSS, 10 * SMSS, true), 1, "never past ssthresh");
    }

    // Rules: 9937-6.2-3.
    #[test]
    fn the_fast_retransmit_goes_out_whatever_the_share() {
        let mut prr = Prr::begin(100 * SMSS, 0);
        assert_eq!(ack(&mut prr, 0, 97 * SMSS, 50 * SMSS, false), 1);
        assert_eq!(ack(&mut prr, 0, 98 * SMSS, 50 * SMSS, false), 0, "once");
    }

    /// Seven bytes were in flight, and two segments may be.
    #[test]
    fn no_ack_lets_more_out_than_it_tells_of() {
        let mut prr = Prr::begin(7, 7);
        ack(&mut prr, 7, 0, 2 * SMSS, true);
        for _ in 0..10 {
            assert_eq!(ack(&mut prr, 100, 3 * SMSS, 2 * SMSS, true), 0);
        }
        assert_eq!(ack(&mut prr, SMSS, 3 * SMSS, 2 * SMSS, true), 1);
    }
}
