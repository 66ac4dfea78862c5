//! The window we offer, with receiver-side silly-window avoidance (RFC 9293 §3.8.6.2.2, MUST-39).

use super::tcb::{SHARE, Tcb};

impl Tcb {
    /// What the right edge may become, bytes from RCV.NXT: it moves only by a useful amount
    /// (SHLD-14: never left).
    // Rules: MAY-8, MUST-39.
    pub(super) fn window_to_offer(&self) -> u32 {
        let buffer = self.recv_buffer();
        let buffer = if self.pressed { buffer.min(SHARE) } else { buffer };
        if self.config.is_bsd() {
            return self.bsd_window(buffer);
        }
        // Of a large buffer that may not be offered yet, less is useful, too.
        let limit = buffer.min(self.window_limit());
        // No more than the field can say: what it cannot would be owed for ever.
        let shift = self.rcv.wscale;
        let free = buffer.saturating_sub(self.rx.len()).min(limit);
        let free = (free >> shift).min(0xffff) << shift;
        let useful = (limit / 2).min(self.rcv.mss_seen).max(1);
        if free >= self.rcv.wnd.saturating_add(useful) { free } else { self.rcv.wnd }
    }

    /// Whether the right edge can move as far as data has come since the last ACK.
    pub(super) fn window_follows(&self) -> bool {
        let buffer = self.recv_buffer();
        let free = buffer.saturating_sub(self.rx.len()).min(self.window_limit());
        let unit = 1 << self.rcv.wscale;
        free.next_multiple_of(unit) >= self.rcv.wnd.saturating_add(self.rcv.unacked)
    }

    /// Whether the reader made enough room that the peer should hear of it now.
    pub(super) fn window_update_due(&self) -> bool {
        if !self.rcv.read || !self.may_receive() {
            return false;
        }
        if self.config.is_bsd() {
            return self.bsd_update_due();
        }
        let shift = self.rcv.wscale;
        let (offer, known) = (self.window_to_offer() >> shift, self.rcv.wnd >> shift);
        let (grown, known) = ((offer - known) << shift, known << shift);
        // A closed window opens by any useful amount; an open one is worth a segment of its own
        // when half of what may be offered became free.
        let limit = self.recv_buffer().min(self.window_limit());
        grown > 0 && (known < self.rcv.mss_seen || grown >= limit / 2)
    }

    /// For BSD all that is free is offered, unless that is less than a segment and less than a
    /// quarter of the buffer; what the scale cannot say is rounded up.
    fn bsd_window(&self, buffer: u32) -> u32 {
        let unit = 1 << self.rcv.wscale;
        let free = self.bsd_space(buffer);
        let free = if free < buffer / 4 && free < self.mss() { 0 } else { free };
        free.max(self.rcv.wnd).next_multiple_of(unit).min(0xffff << self.rcv.wscale)
    }

    fn bsd_space(&self, buffer: u32) -> u32 {
        let space = buffer.saturating_sub(self.rx.len()).min(self.window_limit());
        space.min(0xffff << self.rcv.wscale)
    }

    /// An update is worth a segment of its own when the window grew by two segments, and it was
    /// nearly closed or grew by a quarter of the buffer; or by half of it.
    fn bsd_update_due(&self) -> bool {
        let (buffer, shift, known) = (self.recv_buffer(), self.rcv.wscale, self.rcv.wnd);
        let free = self.bsd_space(buffer);
        let grown = free.saturating_sub(known);
        if free == 0 || (known + grown) >> shift <= known >> shift {
            return false;
        }
        let worthy = grown >= buffer / 4
            || free <= buffer / 8
            || buffer <= 8 * self.mss()
            || grown >= 0xffff << shift;
        grown >= 2 * self.mss() && worthy || grown >= buffer.div_ceil(2)
    }

    /// A full segment of ours, timestamps included.
    pub(super) fn mss(&self) -> u32 {
        self.snd.smss + if self.ts.is_some() { 12 } else { 0 }
    }

    /// A buffer's size: for BSD whole segments, as soon as their size is known.
    pub(super) fn whole_segments(&self, size: u32) -> u32 {
        let known = self.config.is_bsd() && self.syn_acked && size > self.mss();
        if known { size.next_multiple_of(self.mss()) } else { size }
    }

    /// Offers the window: the field for a segment; RCV.WND keeps the right edge. On a SYN the field
    /// is not scaled (RFC 7323 §2.2). What the scale cannot say is rounded down, and what was
    /// offered before is still honoured (RFC 7323 §2.4). With `window_up` it is rounded up, as long
    /// as the buffer has room: each tiny segment is given new room then.
    // Rules: SHLD-14, 7323-2.4-1.
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
