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
    /// What the window of our SYN was.
    fn first_offer(&self) -> u32 {
        let ts = if self.passive && self.ts.is_some() { 12 } else { 0 };
        let syn = u32::from(self.config.syn_window(self.rcv.advmss.saturating_sub(ts)));
        syn.min(most(self.config.recv_buffer_auto.0, self))
    }

    fn first_space(&self) -> u32 {
        self.first_offer().min(FIRST * u32::from(self.rcv.advmss))
    }

    /// The sizes, to be changed; what they are before the first change the knobs say.
    fn tuning(&mut self, now: Instant) -> &mut Tuning {
        let (offer, space) = (self.first_offer(), self.first_space());
        let (recv, send) = (self.config.recv_buffer_auto.0, self.config.send_buffer_auto.0);
        let since = now.as_millis() as u32;
        let first = || Box::new(Tuning { recv, send, offer, space, taken: 0, since });
        self.tuning.get_or_insert_with(first)
    }

    /// How many bytes the receive buffer holds.
    pub fn recv_buffer(&self) -> u32 {
        match (self.config.recv_buffer, &self.tuning) {
            (Config::AUTO, Some(tuning)) => tuning.recv,
            (Config::AUTO, None) => self.config.recv_buffer_auto.0,
            (fixed, _) => fixed,
        }
    }

    /// How many bytes the send buffer holds.
    pub fn send_buffer(&self) -> u32 {
        match (self.config.send_buffer, &self.tuning) {
            (Config::AUTO, Some(tuning)) => tuning.send,
            // Not of what was acknowledged, but of the first congestion window.
            (Config::AUTO, None) => wanted(self).max(self.config.send_buffer_auto.0),
            (fixed, _) => fixed,
        }
    }

    /// The most that is offered as window.
    pub fn window_limit(&self) -> u32 {
        let clamp = self.config.window_clamp.unwrap_or(u32::MAX);
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

/// Data came in order: two segments more may be offered, as long as the buffer has room for them.
pub(super) fn on_data(tcb: &mut Tcb, now: Instant) {
    let (held, pressed, advmss) = (tcb.rx.len(), tcb.pressed, u32::from(tcb.rcv.advmss));
    if tcb.config.recv_buffer != Config::AUTO {
        return;
    }
    let most = most(tcb.recv_buffer(), tcb);
    let tuning = tcb.tuning(now);
    let room = tuning.recv.saturating_sub(held).min(most);
    if !pressed && tuning.offer < room {
        tuning.offer += (2 * advmss).min(room - tuning.offer);
    }
}

/// The reader took `n` bytes. What it takes in a round trip the peer can send in one; twice as much
/// lets it double its window meanwhile, and more while that grows.
pub(super) fn on_read(tcb: &mut Tcb, n: u32, now: Instant) {
    if tcb.config.recv_buffer != Config::AUTO {
        return;
    }
    let sender = tcb.rto.srtt().map_or(0, |srtt| srtt.as_millis() as u32);
    let rtt = if tcb.measured.rcv_rtt > 0 { tcb.measured.rcv_rtt / 1000 } else { sender };
    let (advmss, pressed) = (u64::from(tcb.rcv.advmss), tcb.pressed);
    let most = tcb.config.recv_buffer_auto.1;
    let tuning = tcb.tuning(now);
    let now = now.as_millis() as u32;
    tuning.taken = tuning.taken.saturating_add(n);
    if now.wrapping_sub(tuning.since) < rtt.max(1) {
        return;
    }
    let (taken, before) = (u64::from(tuning.taken), u64::from(tuning.space.max(1)));
    if taken > before {
        let window = 2 * taken + 16 * advmss;
        let window = window + 2 * (window * (taken - before) / before);
        if !pressed {
            tuning.recv = tuning.recv.max(window.min(u64::from(most)) as u32);
        }
        tuning.space = tuning.taken;
    }
    (tuning.taken, tuning.since) = (0, now);
}

/// Twice the segments of the congestion window, with what each costs to keep.
fn wanted(tcb: &Tcb) -> u32 {
    let smss = tcb.snd.smss.max(1);
    let cost = u64::from((smss + 640).next_power_of_two() + 256);
    let segments =
        (tcb.cc_cwnd() / smss).max(FIRST).max(u32::from(super::recovery::reordering(tcb)) + 1);
    (2 * u64::from(segments) * cost).min(u64::from(tcb.config.send_buffer_auto.1)) as u32
}

/// Data was acknowledged: the congestion window may have grown.
pub(super) fn on_ack(tcb: &mut Tcb, now: Instant) {
    if tcb.config.send_buffer == Config::AUTO && !tcb.pressed {
        let wanted = wanted(tcb);
        let tuning = tcb.tuning(now);
        tuning.send = tuning.send.max(wanted);
    }
}
