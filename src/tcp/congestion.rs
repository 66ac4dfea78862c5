//! Congestion control as a connection has it: the algorithm, made when data is first sent, whether
//! its window is used (RFC 7661), and what becomes of it after a silence.

use super::cc::{AckSample, CongestionControl, Found};
use super::config::{AfterIdle, Config};
use super::event::{CaState, Event, SlowStart};
use super::rate::{Rate, Sample};
use super::rtxq::{Amount, Sent, Stamp, segments};
use super::tcb::{Cx, Tcb};
use crate::base::time::Span;
use crate::base::{Duration, Instant, Seq};

/// What only a connection that sends data has.
#[derive(Debug)]
pub struct Control {
    pub(super) algorithm: Box<dyn CongestionControl>,
    /// Whether the window is used.
    usage: Usage,
    /// How fast the peer gets what is sent.
    pub(super) rate: Rate,
    /// With pacing: what may still go out of this burst, bytes.
    pub(super) burst: u32,
}

/// Whether cwnd held sending back in the last window of data: only then may it grow. As Linux
/// counts it, which is RFC 7661 §4 without its estimate.
#[derive(Copy, Clone, Debug)]
struct Usage {
    /// cwnd was full.
    limited: bool,
    /// The most that was outstanding.
    most: u32,
    /// SND.NXT when that was seen: it counts until this is acknowledged.
    until: Seq,
    /// SND.NXT when sending paused last.
    paused: Seq,
    /// The most that was outstanding since then.
    used: u32,
    /// When the window was used last, or an ACK could have made it grow, or it came down.
    used_at: Instant,
}

/// With the knobs that algorithms have.
fn prepared(
    mut algorithm: Box<dyn CongestionControl>,
    config: &Config,
) -> Box<dyn CongestionControl> {
    algorithm.end_slow_start(config.hystart);
    if config.count_segments {
        algorithm.count_segments();
    }
    algorithm
}

impl From<Found> for SlowStart {
    fn from(found: Found) -> SlowStart {
        match found {
            Found::Train { train, limit, least } => {
                SlowStart::Train { train: Span(train), limit: Span(limit), least: Span(least) }
            }
            Found::Delay { rtt, limit, least } => {
                SlowStart::Delay { rtt: Span(rtt), limit: Span(limit), least: Span(least) }
            }
        }
    }
}

impl Tcb {
    /// The algorithm.
    pub fn cc(&mut self) -> &mut dyn CongestionControl {
        &mut *self.control().algorithm
    }

    fn control(&mut self) -> &mut Control {
        let (algorithm, smss, iw) = (self.config.congestion, self.snd.smss, self.iw);
        let (until, config) = (self.snd.una, &self.config);
        self.control.get_or_insert_with(|| {
            let (paused, used_at) = (until, Instant::ZERO);
            let usage = Usage { limited: false, most: 0, until, paused, used: 0, used_at };
            let algorithm = prepared(algorithm.make(smss, iw), config);
            Box::new(Control { algorithm, usage, rate: Rate::new(), burst: 0 })
        })
    }

    /// Congestion control's window, bytes; a segment at least, whatever an algorithm says.
    pub fn cc_cwnd(&self) -> u32 {
        let least = self.snd.smss;
        self.control.as_ref().map_or(self.iw, |control| control.algorithm.cwnd().max(least))
    }

    /// The slow-start threshold, bytes; `u32::MAX` before the first loss.
    pub fn ssthresh(&self) -> u32 {
        let last = self.last_ssthresh;
        self.control.as_ref().map_or(last, |control| control.algorithm.ssthresh())
    }

    /// How much may be in flight now: congestion control's window; while it comes down, what rate
    /// reduction leaves (RFC 9937). A segment at least: when nothing is in flight, no ACK would
    /// make room.
    // Rules: 3042-2-2.
    pub fn cwnd(&self) -> u32 {
        let cwnd = match self.loss.as_ref().and_then(|loss| loss.prr) {
            Some(prr) => prr.cwnd(),
            None => self.cc_cwnd().saturating_sub(self.recovery.deflation),
        };
        cwnd.max(self.snd.smss)
    }

    /// What has left the network behind a gap, as far as one knows: it makes room for as much
    /// (limited transmit, RFC 3042 §2; RFC 6675 §5).
    // Rules: 3042-2-1, 5681-3.2-3.
    pub fn has_left(&self) -> u32 {
        self.weigh(self.rtxq.sacked() + self.rtxq.left())
    }

    /// How much more may be in flight, but for the peer's window.
    pub fn cwnd_room(&self) -> u32 {
        let (cwnd, smss) = (self.cwnd(), self.snd.smss);
        let whole = if self.config.count_segments { cwnd / smss * smss } else { cwnd };
        let syn_ack = Amount { bytes: 1, segments: 1 }; // it is no data
        let own = if self.is_fast_child() { self.weigh(syn_ack) } else { 0 };
        (whole + own).saturating_sub(self.in_flight())
    }

    /// How many bytes that is in segments of `mss`.
    pub fn cwnd_takes(&self, mss: u32) -> u32 {
        let room = self.cwnd_room();
        if self.config.count_segments { room / self.snd.smss * mss } else { room }
    }

    /// What counts in windows: bytes; for Linux each segment as a full one.
    pub fn weigh(&self, amount: Amount) -> u32 {
        match self.config.count_segments {
            true => amount.segments.saturating_mul(self.snd.smss),
            false => amount.bytes,
        }
    }

    /// The same, of `bytes` in segments of `mss`.
    pub(super) fn weigh_data(&self, bytes: u32, mss: u32) -> u32 {
        self.weigh(Amount { bytes, segments: segments(bytes, mss) })
    }

    /// What is in the network, as it counts.
    pub fn in_flight(&self) -> u32 {
        self.weigh(self.rtxq.in_flight())
    }

    /// What was sent and not acknowledged, as it counts.
    pub fn flight_size(&self) -> u32 {
        self.weigh(self.rtxq.flight_size())
    }

    /// How much more the peer's window takes. A SYN's is that for what comes behind the SYN-ACK.
    pub fn rwnd_room(&self) -> u32 {
        let edge = self.snd.una + self.snd.wnd + u32::from(self.is_fast_child());
        if edge.after(self.snd.nxt) { edge - self.snd.nxt } else { 0 }
    }

    /// Changes congestion control's phase, telling so.
    pub fn set_ca(&mut self, to: CaState, cx: &mut Cx<'_>) {
        let from = std::mem::replace(&mut self.recovery.ca, to);
        if from != to {
            let (cwnd, ssthresh) = (self.cwnd(), self.ssthresh());
            cx.note(|| Event::Ca { from, to, cwnd, ssthresh });
        }
    }

    /// A fresh congestion window of `iw` bytes.
    // Rules: 2525-2.3.
    pub fn reset_cc(&mut self, iw: u32) {
        (self.control, self.iw, self.last_ssthresh) = (None, iw, u32::MAX);
    }

    /// Nothing is sent any more: of the window only its last size is told.
    pub fn end_cc(&mut self) {
        (self.iw, self.last_ssthresh) = (self.cc_cwnd(), self.ssthresh());
        self.control = None;
    }

    /// The knob has changed: another algorithm goes on with the window there is.
    pub fn change_cc(&mut self) {
        let (algorithm, smss, iw) = (self.config.congestion, self.snd.smss, self.iw);
        let (cwnd, ssthresh) = (self.cc_cwnd(), self.ssthresh());
        if let Some(control) = &mut self.control {
            control.algorithm = prepared(algorithm.make(smss, iw), &self.config);
            control.algorithm.take_over(cwnd, ssthresh);
        }
    }

    /// The knob may have changed: what is to end slow start.
    pub fn change_hystart(&mut self) {
        let how = self.config.hystart;
        self.control.iter_mut().for_each(|control| control.algorithm.end_slow_start(how));
    }

    /// The segment size has changed from `before`. Linux counts segments: as many as before may be
    /// in flight.
    pub fn cc_on_mss(&mut self, before: u32) {
        let smss = self.snd.smss;
        let whole = self.config.is_linux();
        let scaled = |bytes: u32| match bytes {
            u32::MAX => bytes,
            _ => {
                let scaled = u64::from(bytes) * u64::from(smss) / u64::from(before.max(1));
                u32::try_from(scaled).unwrap_or(u32::MAX)
            }
        };
        if whole {
            (self.iw, self.last_ssthresh) = (scaled(self.iw), scaled(self.last_ssthresh));
        }
        self.control.iter_mut().for_each(|control| {
            let algorithm = &mut control.algorithm;
            let (cwnd, ssthresh) = (scaled(algorithm.cwnd()), scaled(algorithm.ssthresh()));
            algorithm.on_mss(smss);
            if whole {
                algorithm.take_over(cwnd, ssthresh);
                let usage = &mut control.usage;
                (usage.most, usage.used) = (scaled(usage.most), scaled(usage.used));
            }
        });
    }

    /// Nothing more goes out now; `limited`: for cwnd.
    // Rules: 7661-4.2-1.
    pub fn note_usage(&mut self, limited: bool, now: Instant) {
        if self.control.is_none() {
            return;
        }
        let (una, nxt, unsent) = (self.snd.una, self.snd.nxt, self.unsent());
        let (outstanding, in_flight) = (self.flight_size(), self.rtxq.in_flight().bytes);
        let waits = limited && unsent > 0;
        let full = limited || self.cwnd_room() < self.snd.smss;
        let dry = unsent == 0 && self.rtxq.lost().bytes == 0 && !full;
        let Some(control) = &mut self.control else { return };
        if dry {
            control.rate.on_app_limited(in_flight);
        }
        let usage = &mut control.usage;
        // Only new data uses the window up: what is sent again has its own pace.
        if std::mem::replace(&mut usage.paused, nxt) == nxt && !waits {
            return;
        }
        let over = una.after_eq(usage.until) && nxt != usage.until;
        if over || full || (!usage.limited && outstanding > usage.most) {
            *usage = Usage { limited: full, most: outstanding, until: nxt, ..*usage };
        }
        self.decay_unused(outstanding, now);
    }

    /// What a busy application leaves unused for an RTO without ACKs comes down, halfway to what it
    /// uses (RFC 2861 §3.2, as Linux). Who waits for room in the send buffer leaves nothing unused.
    fn decay_unused(&mut self, outstanding: u32, now: Instant) {
        if self.cwnd_is_used() {
            return self.on_window_used(now);
        }
        let waits = self.tx.len() >= self.send_buffer() / 3 * 2;
        let open = self.recovery.ca == CaState::Open && !waits;
        let (rto, iw) = (self.rto(), self.iw);
        let decays = self.config.after_idle == AfterIdle::Decay;
        let Some(Control { algorithm, usage, .. }) = self.control.as_deref_mut() else { return };
        usage.used = usage.used.max(outstanding);
        if !decays || now.since(usage.used_at) < rto {
            return;
        }
        usage.used_at = now;
        if open {
            algorithm.on_unused(std::mem::take(&mut usage.used).max(iw));
        }
    }

    /// The window was used, or is new: what is left unused is counted from now on.
    pub(super) fn on_window_used(&mut self, now: Instant) {
        if let Some(control) = &mut self.control {
            (control.usage.used, control.usage.used_at) = (0, now);
        }
    }

    /// The stamp of what is about to be sent. A SYN has no data, and tells no rate.
    pub fn stamp(&mut self, len: u32, now: Instant) -> Stamp {
        let alone = self.rtxq.in_flight().bytes == 0;
        if len == 0 && self.control.is_none() {
            return Rate::default().on_send(now, true);
        }
        self.control().rate.on_send(now, alone)
    }

    /// Bytes were delivered, the newest of them by `newest`: what that tells of the rate.
    pub(super) fn take_rate(&mut self, bytes: u32, newest: Option<&Sent>, now: Instant) -> Sample {
        let min_rtt = self.rto.min().unwrap_or_default();
        let rate = self.control.as_mut().map(|control| &mut control.rate);
        rate.map_or_else(Sample::default, |rate| rate.on_delivered(bytes, newest, min_rtt, now))
    }

    /// Bytes of data delivered to the peer so far.
    pub fn delivered(&self) -> u64 {
        self.control.as_ref().map_or(0, |control| control.rate.delivered())
    }

    /// Whether the window was used, so that it may grow: cwnd was full; in slow start, where it
    /// doubles, half of it is enough.
    // Rules: 7661-4.3-1.
    pub fn cwnd_is_used(&self) -> bool {
        let Some(control) = &self.control else { return false };
        let (cwnd, usage) = (control.algorithm.cwnd(), control.usage);
        let slow_start = cwnd < control.algorithm.ssthresh();
        usage.limited || (slow_start && cwnd < usage.most.saturating_mul(2))
    }

    /// Whether it may grow at all: it is used; or, where that is not asked for, the peer's window
    /// allows it.
    pub fn cwnd_may_grow(&self) -> bool {
        match self.config.newcwv {
            true => self.cwnd_is_used(),
            false => self.cc_cwnd() <= self.snd.wnd,
        }
    }

    /// What an ACK counts for: in slow start no more than the knob's L segments (RFC 3465 §2.2),
    /// one after a timeout (§2.3).
    fn counted(&mut self, sample: &AckSample) -> AckSample {
        let slow_start = self.cc_cwnd() < self.ssthresh();
        let l = match (self.config.abc_l_var, self.recovery.ca) {
            (0, _) => return *sample,
            (_, CaState::Loss) => 1,
            (l, _) => u32::from(l),
        };
        let most = if slow_start { l * self.snd.smss } else { u32::MAX };
        AckSample { acked: sample.acked.min(most), ..*sample }
    }

    /// An ACK tells of something delivered; what that says of slow start is told.
    pub(super) fn tell_cc(&mut self, sample: &AckSample, cx: &mut Cx<'_>) {
        let Some(Control { algorithm, .. }) = self.control.as_deref_mut() else { return };
        let before = algorithm.found();
        algorithm.on_sample(sample);
        let (found, cwnd) = (algorithm.found(), algorithm.cwnd());
        if let Some(found) = found.filter(|_| before != found) {
            cx.note(|| Event::SlowStart { how: SlowStart::from(found), cwnd });
        }
    }

    /// New data was acknowledged: the window may grow; what becomes of slow start is told.
    pub(super) fn grow(&mut self, sample: &AckSample, cx: &mut Cx<'_>) {
        let sample = AckSample { app_limited: !self.cwnd_may_grow(), ..*sample };
        self.control.iter_mut().for_each(|control| control.usage.used_at = cx.now);
        let sample = &self.counted(&sample);
        let cc = self.cc();
        let slow = cc.is_conservative();
        cc.on_ack(sample);
        let how = match (slow, cc.is_conservative()) {
            (false, true) => SlowStart::Conservative,
            (true, false) if cc.ssthresh() == u32::MAX => SlowStart::Resumed,
            (true, false) => SlowStart::Over,
            _ => return,
        };
        let cwnd = cc.cwnd();
        cx.note(|| Event::SlowStart { how, cwnd });
    }

    /// Data is about to be sent after a silence of `idle` (RFC 5681 §4.1).
    pub fn resume_after(&mut self, idle: Duration, cx: &Cx<'_>) {
        let rto = self.rto();
        let idle = match self.config.after_idle {
            AfterIdle::Keep => return,
            AfterIdle::Decay => idle,
            AfterIdle::Restart => Duration::MAX,
        };
        self.cc().on_idle(cx.now, idle, rto);
        self.on_window_used(cx.now);
    }
}
