//! When data is acknowledged (RFC 9293 §3.8.6.3): at once while the peer is likely to wait for it,
//! else with company, or after a delay that follows the peer's pace.
//!
//! Linux's rules: a young connection acknowledges so many segments at once ("quick"). Who answers
//! data with data ("ping-pong") has ACKs ride along and may wait. The delay moves between the
//! knobs' bounds with the time between segments.

use super::event::{AckWhy, Timer};
use super::segment::Segment;
use super::state::State;
use super::tcb::{Cx, Tcb};
use crate::base::{Duration, Instant};
use crate::wire::tcp::Ctl;
use std::fmt;

/// How much data is acknowledged without waiting for more.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum AckEvery {
    /// Two full segments, in bytes (RFC 5681 §4.2).
    TwoFull,
    /// More than one full segment, as Linux.
    MoreThanFull,
    /// Every second segment, whatever its size, and several that come as one; as FreeBSD.
    Second,
}

impl AckEvery {
    /// All of them.
    pub const ALL: [AckEvery; 3] = [AckEvery::TwoFull, AckEvery::MoreThanFull, AckEvery::Second];
}

impl fmt::Display for AckEvery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            AckEvery::TwoFull => "two-full",
            AckEvery::MoreThanFull => "more-than-full",
            AckEvery::Second => "second",
        })
    }
}

/// Less than this, with its header, is no sign of the peer's segment size, bytes.
const LEAST_SIGN: u32 = 88;

/// The ACK of what came in a batch waits for its end, and for no more than this, bytes: what a
/// packet holds at most, so that every second one of the largest super-segments has an ACK.
const UNACKED_MAX: u32 = 0xffff;

/// What a connection knows about its ACKs.
#[derive(Clone, Debug, Default)]
pub struct Acks {
    /// The size of the last segment that was no remnant, bytes.
    last_size: u16,
    /// The peer asked that what came since the last ACK be read at once (PSH), once or more.
    pushed: u8,
    /// Segments with data that are still acknowledged at once.
    quick: u8,
    /// Data is answered with data: ACKs ride along.
    pingpong: bool,
    /// How long an ACK waits, milliseconds; 0 before the first data.
    ato: u16,
}

impl Acks {
    /// Whether ACKs ride along with data, and wait for it.
    pub(super) fn rides(&self) -> bool {
        self.pingpong
    }
}

/// The segment size of the peer is the largest seen; a smaller one when two in a row have it that
/// are no remnants (as Linux). A full one may end what the peer had to say, too.
pub(super) fn measure_mss(tcb: &mut Tcb, len: u32, seg: &Segment) {
    let len = len.min(u32::from(tcb.rcv.advmss));
    if len >= tcb.rcv.mss_seen || tcb.config.ack_every != AckEvery::MoreThanFull {
        tcb.rcv.mss_seen = tcb.rcv.mss_seen.max(len);
        tcb.acks.pushed = tcb.acks.pushed.max(seg.hdr.ctl.has(Ctl::PSH).into());
        return;
    }
    let ts = if tcb.ts.is_some() { 12 } else { 0 };
    let remnant = seg.hdr.ctl.has(Ctl::PSH) || seg.hdr.ctl.fin() || seg.hdr.ctl.urg();
    if len + ts >= 536 || (len + ts + 20 >= LEAST_SIGN && !remnant) {
        let last = std::mem::replace(&mut tcb.acks.last_size, len as u16);
        if u32::from(last) == len {
            tcb.rcv.mss_seen = len.max(1);
            return;
        }
    }
    tcb.acks.pushed = (tcb.acks.pushed + 1).min(2);
}

/// The reader took all there was: an ACK that waits goes out when more than a segment is to be
/// acknowledged, or a small one ended what the peer had to say (as Linux).
pub(super) fn on_read(tcb: &mut Tcb, cx: &Cx<'_>) {
    let waits = tcb.timers.is_running(Timer::Delack);
    if !waits || tcb.config.ack_every != AckEvery::MoreThanFull {
        return;
    }
    let acks = &tcb.acks;
    let small = acks.pushed == 2 || acks.pushed == 1 && !acks.pingpong;
    if tcb.rcv.unacked > tcb.rcv.mss_seen || small && tcb.rx.is_empty() {
        tcb.owe_ack(AckWhy::AfterRead, false, cx);
    }
}

fn millis(duration: Duration) -> u16 {
    u16::try_from(duration.as_millis()).unwrap_or(u16::MAX)
}

/// How long an ACK waits now, milliseconds.
pub(super) fn ato(tcb: &Tcb) -> u64 {
    match tcb.acks.ato {
        ato if ato > 0 && tcb.config.delayed_ack_max > tcb.config.delayed_ack => u64::from(ato),
        _ => u64::from(millis(tcb.config.delayed_ack)),
    }
}

/// What adaptation has made of that delay, milliseconds; 0 before the first data.
pub(super) fn learnt(tcb: &Tcb) -> u64 {
    if tcb.acks.ato == 0 { 0 } else { ato(tcb) }
}

/// Some segments more are acknowledged at once: half of what fits the window, and no more than
/// `most`.
fn grant(tcb: &mut Tcb, most: u8) {
    let half = tcb.rcv.wnd / (2 * tcb.rcv.mss_seen).max(1);
    let quick = half.clamp(2, 255).min(u32::from(most)) as u8;
    tcb.acks.quick = tcb.acks.quick.max(quick);
}

/// The peer waits for our ACKs: it sends again what was received, or was told to slow down. So many
/// are not delayed.
pub(super) fn quicken(tcb: &mut Tcb, most: u8) {
    grant(tcb, most.min(tcb.config.quickack));
    tcb.acks.pingpong = false;
    tcb.acks.ato = millis(tcb.config.delayed_ack);
}

/// The delay follows the time since data came last, `pause` milliseconds.
fn adapt(tcb: &mut Tcb, pause: u32) {
    let (least, rto) = (millis(tcb.config.delayed_ack), u32::from(millis(tcb.rto())));
    let ato = u32::from(tcb.acks.ato);
    if ato == 0 {
        grant(tcb, tcb.config.quickack);
        tcb.acks.ato = least;
    } else if pause <= u32::from(least / 2) {
        tcb.acks.ato = (ato / 2) as u16 + least / 2;
    } else if pause < ato {
        tcb.acks.ato = (ato / 2 + pause).min(rto) as u16;
    } else if pause > rto {
        grant(tcb, tcb.config.quickack);
    }
}

/// The delay of an ACK that nothing carries: no longer than a round trip, as a peer with so much
/// in flight would not wait longer.
fn delay(tcb: &Tcb) -> Duration {
    let (least, most) = (tcb.config.delayed_ack, tcb.config.delayed_ack_max);
    if most <= least || least.is_zero() {
        return least;
    }
    let rtt = tcb.rto.srtt().unwrap_or(most).max(least);
    Duration::from_millis(ato(tcb)).min(rtt).min(most)
}

/// Data arrived in order, `pause` milliseconds after the last: the ACK waits for company, but
/// enough data is acknowledged at once (SHLD-19), and none waits longer than the knob says
/// (MUST-40). `ends`: the peer's FIN comes with it, and is acknowledged with it.
// Rules: SHLD-18, 5681-4.2-1, 2525-2.13.
pub(super) fn on_in_order(tcb: &mut Tcb, (len, pause): (u32, u32), ends: bool, cx: &mut Cx<'_>) {
    on_next(tcb, (len, pause), cx);
    if !(ends && waits_for_close(tcb)) {
        decide(tcb, cx);
    }
}

/// What was next has arrived, whatever lies behind it: what it tells of the peer's pace.
pub(super) fn on_next(tcb: &mut Tcb, (len, pause): (u32, u32), cx: &Cx<'_>) {
    adapt(tcb, pause);
    super::autotune::on_data(tcb, len, cx.now);
}

/// Whether the ACK of the peer's FIN waits for ours: for Linux, most who hear the end close soon.
fn waits_for_close(tcb: &Tcb) -> bool {
    tcb.config.is_linux() && tcb.state() == State::Established
}

/// The peer's FIN arrived in order.
pub(super) fn on_fin(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    if waits_for_close(tcb) && !tcb.owe.ack_now {
        tcb.acks.pingpong = true;
        tcb.rcv.unacked += 1;
        if tcb.acks.ato > 0 {
            return decide(tcb, cx); // without data there is no pace that could be waited by
        }
    }
    tcb.owe_ack(AckWhy::Fin, false, cx);
}

/// Whether what has come since the last ACK is acknowledged now; at once, if that is too much to
/// wait for the end of a batch.
fn decide(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    let waits = tcb.timers.get(Timer::Delack);
    let much = tcb.rcv.unacked > UNACKED_MAX;
    let enough = match tcb.config.ack_every {
        AckEvery::TwoFull => tcb.rcv.unacked >= 2 * tcb.rcv.mss_seen,
        // While the window cannot follow, the reader sends the ACK, unless it waits for more, or
        // had no time to read so much.
        AckEvery::MoreThanFull => {
            let unready = tcb.rx.len() < tcb.config.rcvlowat;
            tcb.rcv.unacked > tcb.rcv.mss_seen && (much || unready || tcb.window_follows())
        }
        AckEvery::Second => waits.is_some() || tcb.rcv.unacked > u32::from(tcb.rcv.advmss),
    };
    if enough {
        tcb.owe_ack(AckWhy::EverySecond, much, cx);
    } else if tcb.acks.quick > 0 && !tcb.acks.pingpong {
        tcb.owe_ack(AckWhy::Quick, false, cx);
    } else if tcb.config.delayed_ack.is_zero() {
        tcb.owe_ack(AckWhy::Delayed, false, cx);
    } else {
        wait(tcb, waits, cx);
    }
}

/// The ACK waits. For Linux, each segment may make it wait less, and one that comes when it is
/// nearly due makes it go.
fn wait(tcb: &mut Tcb, due: Option<Instant>, cx: &mut Cx<'_>) {
    let (delay, linux) = (delay(tcb), tcb.config.is_linux());
    match due {
        Some(due) if linux && due <= cx.now + delay / 4 => {
            tcb.owe_ack(AckWhy::Delayed, false, cx);
        }
        Some(due) if !linux || due <= cx.now + delay => {}
        _ => tcb.set_timer(Timer::Delack, cx.now + delay, cx),
    }
}

/// Nothing came along in time: the delay was too short, or there is no ping-pong any more.
pub(super) fn on_timer(tcb: &mut Tcb) {
    let least = millis(tcb.config.delayed_ack);
    if std::mem::take(&mut tcb.acks.pingpong) {
        tcb.acks.ato = least;
    } else {
        tcb.acks.ato = tcb.acks.ato.saturating_mul(2).min(millis(tcb.rto()).max(least));
    }
}

/// An ACK goes out, alone or with data.
pub(super) fn on_ack_sent(tcb: &mut Tcb) {
    let owed = tcb.rcv.unacked > 0 || tcb.owe.ack.is_some();
    tcb.acks.pushed = 0;
    if tcb.acks.quick > 0 && owed {
        tcb.acks.quick -= 1;
        if tcb.acks.quick == 0 {
            tcb.acks.ato = millis(tcb.config.delayed_ack);
        }
    }
}

/// Data goes out: soon after data came in it is an answer.
pub(super) fn on_data_sent(tcb: &mut Tcb, now: Instant) {
    if tcb.measured.since_data(now) < u32::from(tcb.acks.ato) {
        tcb.acks.pingpong = true;
    }
}

/// The user asks for ACKs at once, or for none (`TCP_QUICKACK`); it does not last: what comes and
/// goes decides again.
pub(super) fn ask(tcb: &mut Tcb, quick: bool, cx: &Cx<'_>) {
    tcb.acks.pingpong = !quick;
    if quick && tcb.rcv.unacked > 0 {
        tcb.owe_ack(AckWhy::Quick, true, cx);
    }
}

/// Whether ACKs do not wait for data to ride along with (`TCP_QUICKACK`).
pub(super) fn is_quick(tcb: &Tcb) -> bool {
    !tcb.acks.pingpong
}
