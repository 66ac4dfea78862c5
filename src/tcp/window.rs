//! The window we offer, with receiver-side silly-window avoidance (RFC 9293 §3.8.6.2.2, MUST-39).

use super::tcb::{SHARE, Tcb};

impl Tcb {
    /// What the right edge may become, bytes from RCV.NXT: it moves only by a useful amount
    /// (SHLD-14: never left).
    pub(super) fn window_to_offer(&self) -> u32 {
        let buffer = self.recv_buffer();
        let buffer = if self.pressed { buffer.min(SHARE) } else { buffer };
        // Of a large buffer that may not be offered yet, less is useful, too.
        let limit = buffer.min(self.window_limit());
        // No more than the field can say: what it cannot would be owed for ever.
        let shift = self.rcv.wscale;
        let free = buffer.saturating_sub(self.rx.len()).min(limit);
        let free = (free >> shift).min(0xffff) << shift;
        let useful = (limit / 2).min(self.rcv.mss_seen).max(1);
        if free >= self.rcv.wnd.saturating_add(useful) { free } else { self.rcv.wnd }
    }

    /// Whether the reader made enough room that the peer should hear of it now.
    pub(super) fn window_update_due(&self) -> bool {
        if !self.rcv.read || !self.may_receive() {
            return false;
        }
        let shift = self.rcv.wscale;
        let (offer, known) = (self.window_to_offer() >> shift, self.rcv.wnd >> shift);
        let (grown, known) = ((offer - known) << shift, known << shift);
        // A closed window opens by any useful amount; an open one is worth a segment of its own
        // when half of what may be offered became free.
        let limit = self.recv_buffer().min(self.window_limit());
        grown > 0 && (known < self.rcv.mss_seen || grown >= limit / 2)
    }

    /// Offers the window: the field for a segment; RCV.WND keeps the right edge. On a SYN the field
    /// is not scaled (RFC 7323 §2.2). What the scale cannot say is rounded down, and what was
    /// offered before is still honoured (RFC 7323 §2.4). With `window_up` it is rounded up, as long
    /// as the buffer has room: each tiny segment is given new room then.
    pub(super) fn offer_window(&mut self, syn: bool) -> u16 {
        self.rcv.read = false;
        let shift = if syn { 0 } else { self.rcv.wscale };
        let mut offer = self.window_to_offer();
        let up = offer.next_multiple_of(1 << shift);
        if !syn && self.config.window_up && self.rx.len() + up <= self.recv_buffer() {
            offer = up.min(0xffff << shift).max(offer);
        }
        let field = (offer >> shift).min(0xffff);
        self.rcv.wnd = if syn { field } else { offer };
        field as u16
    }
}
