//! Buffers that are tuned, as Linux does it: the receive buffer grows to twice what the reader took
//! in a round trip, the send buffer to twice the congestion window, each up to its knob, and
//! neither while the host is short of memory. The window offered grows with the data that comes.

use super::config::Config;
use super::tcb::Tcb;
use crate::base::Instant;

/// Segments of a window that a young connection is believed to need.
const FIRST: u32 = 10;

/// The sizes of the buffers now, and what they are tuned by.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// What the receive buffer holds, bytes.
    recv: u32,
    /// What the send buffer holds, bytes.
    send: u32,
    /// The most that is offered as window, bytes (Linux: rcv_ssthresh).
    offer: u32,
    /// What was read in the last round trip that was measured, bytes (rcvq_space.space).
    space: u32,
    /// What was read in this one.
    taken: u32,
    /// When it began, milliseconds that wrap.
    since: u32,
}

impl Tcb {
    /// The window behind our SYN-ACK: what its field could not say of a tuned buffer is meant all
    /// the same (as Linux).
    pub(super) fn first_window(&self) -> u32 {
        let ts = if self.ts.is_some() { 12 } else { 0 };
        let mss = self.rcv.advmss.saturating_sub(ts);
        match self.config.recv_buffer == Config::AUTO && !self.config.is_bsd() {
            true => self.config.first_window(mss).min(0xffff << self.rcv.wscale),
            false => self.config.syn_window(mss).into(),
        }
    }

    /// What the window of our SYN would have been, had its field no end.
    fn first_offer(&self) -> u32 {
        let ts = if self.passive && self.ts.is_some() { 12 } else { 0 };
        let mss = self.rcv.advmss.saturating_sub(ts);
        let syn = match self.config.is_bsd() {
            true => self.config.syn_window(mss).into(),
            false => self.config.first_window(mss),
        };
        syn.min(most(self.config.recv_buffer_auto.0, self))
    }

    fn first_space(&self) -> u32 {
        self.first_offer().min(FIRST * u32::from(self.rcv.advmss))
    }

    /// The sizes, to be changed; what they are before the first change the knobs say.
    fn tuning(&mut self, now: Instant) -> &mut Tuning {
        let tuning = self.tuning.take().unwrap_or_else(|| self.first_tuning(now));
        self.tuning.insert(tuning)
    }

    #[cold]
    fn first_tuning(&self, now: Instant) -> Box<Tuning> {
        let (offer, space) = (self.first_offer(), self.first_space());
        let (recv, send) = (self.config.recv_buffer_auto.0, self.config.send_buffer_auto.0);
        Box::new(Tuning { recv, send, offer, space, taken: 0, since: now.as_millis() as u32 })
    }

    /// How many bytes the receive buffer holds.
    pub fn recv_buffer(&self) -> u32 {
        let size = match (self.config.recv_buffer, &self.tuning) {
            (Config::AUTO, Some(tuning)) => tuning.recv,
            (Config::AUTO, None) => self.config.recv_buffer_auto.0,
            (fixed, _) => fixed,
        };
        self.whole_segments(size)
    }

    /// How many bytes the send buffer holds.
    pub fn send_buffer(&self) -> u32 {
        let size = match (self.config.send_buffer, &self.tuning) {
            (Config::AUTO, Some(tuning)) => tuning.send,
            (Config::AUTO, None) if self.config.is_bsd() => self.config.send_buffer_auto.0,
            // Not of what was acknowledged, but of the first congestion window.
            (Config::AUTO, None) => wanted(self).max(self.config.send_buffer_auto.0),
            (fixed, _) => fixed,
        };
        self.whole_segments(size)
    }

    /// The most that is offered as window.
    pub fn window_limit(&self) -> u32 {
        let clamp = self.config.window_clamp.unwrap_or(u32::MAX);
        if self.config.is_bsd() {
            return clamp;
        }
        match (self.config.recv_buffer, &self.tuning) {
            (Config::AUTO, Some(tuning)) => tuning.offer.min(clamp),
            (Config::AUTO, None) => self.first_offer().min(clamp),
            _ => clamp,
        }
    }

    /// What was read in a round trip; the buffer's size when that is not measured.
    pub fn rcv_space(&self) -> u32 {
        match (self.config.recv_buffer, &self.tuning) {
            (Config::AUTO, Some(tuning)) => tuning.space,
            (Config::AUTO, None) => self.first_space(),
            (fixed, _) => fixed,
        }
    }
}

/// The most that a buffer of `recv` bytes is offered as: one that did not grow yet keeps a segment
/// for what comes uninvited.
fn most(recv: u32, tcb: &Tcb) -> u32 {
    let first = recv == tcb.config.recv_buffer_auto.0;
    let kept = u32::from(tcb.rcv.advmss);
    if first && recv > 2 * kept { recv - kept } else { recv }
}

/// `len` bytes came in one piece: two segments more may be offered, or twice as much as came, as
/// long as the buffer has room for them.
pub(super) fn on_data(tcb: &mut Tcb, len: u32, now: Instant) {
    let (held, pressed, advmss) = (tcb.rx.len(), tcb.pressed, u32::from(tcb.rcv.advmss));
    if tcb.config.recv_buffer != Config::AUTO {
        return;
    }
    if tcb.config.is_bsd() {
        return grow_by_half(tcb, now);
    }
    let most = most(tcb.recv_buffer(), tcb);
    let tuning = tcb.tuning(now);
    let room = tuning.recv.saturating_sub(held).min(most);
    if !pressed && tuning.offer < room {
        tuning.offer += (2 * advmss).max(2 * len).min(room - tuning.offer);
    }
}

/// `len` bytes came behind a gap. The window grows all the same, unless that would hide from a peer
/// without SACK that our ACKs are duplicates; and the buffer holds all that came behind the gap
/// besides what the reader takes (as Linux).
pub(super) fn on_gap(tcb: &mut Tcb, len: u32, now: Instant) {
    if tcb.config.recv_buffer != Config::AUTO || tcb.config.is_bsd() {
        return;
    }
    if tcb.sack_ok {
        on_data(tcb, len, now);
    }
    let end = tcb.ooo.as_ref().and_then(|ooo| ooo.end());
    let span = end.map_or(0, |end| end - tcb.rcv.nxt);
    let (pressed, most) = (tcb.pressed, tcb.config.recv_buffer_auto.1);
    let tuning = tcb.tuning(now);
    if !pressed {
        let wanted = tuning.space.saturating_mul(2).saturating_add(span);
        tuning.recv = tuning.recv.max(wanted.min(most));
    }
}

/// As BSD: when three eighths of the buffer came in half a round trip, half as much more.
fn grow_by_half(tcb: &mut Tcb, now: Instant) {
    let (pressed, most) = (tcb.pressed, tcb.config.recv_buffer_auto.1);
    let Some(srtt) = tcb.rto.srtt() else { return };
    let came = tcb.counters.bytes_received as u32;
    let tuning = tcb.tuning(now);
    let now = now.as_millis() as u32;
    if u128::from(now.wrapping_sub(tuning.since)) <= srtt.as_millis() / 2 {
        return;
    }
    if came.wrapping_sub(tuning.taken) > tuning.recv / 8 * 3 && !pressed {
        tuning.recv = (tuning.recv + tuning.recv / 2).min(most).max(tuning.recv);
    }
    (tuning.taken, tuning.since) = (came, now);
}

/// The reader took `n` bytes. What it takes in a round trip the peer can send in one; twice as much
/// lets it double its window meanwhile, and more while that grows.
pub(super) fn on_read(tcb: &mut Tcb, n: u32, now: Instant) {
    if tcb.config.recv_buffer != Config::AUTO || tcb.config.is_bsd() {
        return;
    }
    let sender = tcb.rto.srtt().map_or(0, |srtt| srtt.as_millis() as u32);
    let rtt = if tcb.measured.rcv_rtt > 0 { tcb.measured.rcv_rtt / 1000 } else { sender };
    let (advmss, pressed) = (tcb.rcv.advmss, tcb.pressed);
    let most = tcb.config.recv_buffer_auto.1;
    let tuning = tcb.tuning(now);
    let now = now.as_millis() as u32;
    tuning.taken = tuning.taken.saturating_add(n);
    if now.wrapping_sub(tuning.since) < rtt.max(1) {
        return;
    }
    if tuning.taken > tuning.space {
        if !pressed {
            tuning.recv = tuning.recv.max(wanted_to_receive(tuning, advmss).min(most));
        }
        tuning.space = tuning.taken;
    }
    (tuning.taken, tuning.since) = (0, now);
}

/// The buffer for a reader that took more than in the round trip before. How long that was, the
/// peer says: whatever it says, there is no more than `u32::MAX`.
fn wanted_to_receive(tuning: &Tuning, advmss: u16) -> u32 {
    let (taken, before) = (u64::from(tuning.taken), u64::from(tuning.space.max(1)));
    let window = 2 * taken + 16 * u64::from(advmss);
    let growth = window.saturating_mul(taken - before) / before;
    window.saturating_add(growth.saturating_mul(2)).min(u32::MAX.into()) as u32
}

/// Twice the segments of the congestion window, with what each costs to keep.
fn wanted(tcb: &Tcb) -> u32 {
    let smss = tcb.snd.smss.max(1);
    let cost = u64::from((smss + 640).next_power_of_two() + 256);
    let segments =
        (tcb.cc_cwnd() / smss).max(FIRST).max(u32::from(super::recovery::reordering(tcb)) + 1);
    (2 * u64::from(segments) * cost).min(u64::from(tcb.config.send_buffer_auto.1)) as u32
}

/// What BSD adds to a send buffer at once, bytes (`sendbuf_inc`).
const STEP: u32 = 8192;

/// As BSD: a step more when the buffer is nearly full, the peer's window is as large, and what is
/// not sent yet may be sent.
fn grow_by_step(tcb: &mut Tcb, now: Instant) {
    let (size, held, most) = (tcb.send_buffer(), tcb.tx.len(), tcb.config.send_buffer_auto.1);
    let nearly_full = held >= size / 8 * 7 && held < most;
    let may_go = tcb.snd.wnd.min(tcb.cwnd()) >= tcb.unsent();
    if nearly_full && may_go && tcb.snd.wnd / 4 * 5 >= size {
        tcb.tuning(now).send = size.saturating_add(STEP).min(most).max(size);
    }
}

/// Data was acknowledged: the congestion window may have grown.
pub(super) fn on_ack(tcb: &mut Tcb, now: Instant) {
    if tcb.config.send_buffer == Config::AUTO && !tcb.pressed {
        if tcb.config.is_bsd() {
            return grow_by_step(tcb, now);
        }
        let wanted = wanted(tcb);
        let tuning = tcb.tuning(now);
        tuning.send = tuning.send.max(wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 4 GiB may be read in what a peer makes us believe is a round trip.
    #[test]
    fn no_reader_is_too_fast() {
        let wanted = |taken, space| {
            let tuning = Tuning { recv: 0, send: 0, offer: 0, space, taken, since: 0 };
            wanted_to_receive(&tuning, 1000)
        };
        assert_eq!(wanted(20_000, 10_000), 56_000 * 3, "twice as much again for what it grew");
        for (taken, space) in [(u32::MAX, 0), (u32::MAX, 1), (u32::MAX, u32::MAX - 1)] {
            assert_eq!(wanted(taken, space), u32::MAX);
        }
    }
}
