//! Connections that come from listeners: when their handshake has ended, or, if they open fast,
//! before it ends (RFC 7413 §4.2.2).

use super::{Conn, HalfOpen};
use crate::base::{EventId, ListenerId};
use crate::tcp::delack;
use crate::tcp::event::{Event, Outcome, SegmentView, Timer};
use crate::tcp::fastopen::Fast;
use crate::tcp::measured;
use crate::tcp::rtxq::Sent;
use crate::tcp::segment::Segment;
use crate::tcp::state::{Cause, State};
use crate::tcp::tcb::{Cx, Opening, Tcb};
use crate::wire::tcp::{Ctl, FastOpen};

impl Conn {
    /// A connection for a half-open one whose final ACK has come; that segment is its first input.
    pub fn from_half_open(opening: Opening, half: &HalfOpen, cx: &mut Cx<'_>) -> Conn {
        let cause = if half.sent_at.is_some() { Cause::RcvSyn } else { Cause::RcvCookie };
        let mut tcb = Conn::passive(opening, half, cause, cx);
        let sent_at = half.sent_at.unwrap_or(cx.now);
        let bsd = tcb.config.is_bsd();
        tcb.snd.nxt = tcb.iss + 1;
        let stamp = tcb.stamp(0, sent_at);
        tcb.rtxq.push(Sent {
            seq: tcb.iss,
            len: 1,
            mss: 1,
            phase: 0,
            sent_at,
            stamp,
            in_flight: 1,
            // A cookie's time is as unknown as that of a SYN-ACK sent twice (Karn). BSD's cache of
            // half-open connections does not keep it, either.
            retransmits: half.retransmits.max(u8::from(half.sent_at.is_none() || bsd)),
            sacked: false,
            lost: false,
            twice: false,
            push: false,
            fin: false,
        });
        tcb.counters.total_retrans = u32::from(half.retransmits);
        tcb.counters.segs_out = 1 + u32::from(half.retransmits);
        let at = cx.now + tcb.rto();
        tcb.set_timer(Timer::Rtx, at, cx);
        Conn { tcb }.born(cx)
    }

    /// A block in SYN-RECEIVED that knows the peer's SYN.
    fn passive(opening: Opening, half: &HalfOpen, cause: Cause, cx: &mut Cx<'_>) -> Box<Tcb> {
        let tcb = Tcb::open(opening, State::Listen, State::SynReceived, cause, cx);
        let mut tcb = Box::new(tcb);
        tcb.irs = half.irs;
        tcb.rcv.nxt = half.irs + 1;
        tcb.rcv.last_ack_sent = tcb.rcv.nxt;
        tcb.negotiate(&half.options, cx.now);
        if half.ecn {
            tcb.agree_on_ecn();
        }
        tcb.rcv.wnd = tcb.first_window();
        tcb.snd.wnd = u32::from(half.wnd);
        tcb.snd.max_wnd = tcb.snd.wnd;
        tcb.snd.wl1 = half.irs;
        tcb.snd.wl2 = tcb.iss;
        tcb.counters.segs_in = 1;
        tcb
    }

    /// A connection for a SYN that opens fast: its data can be read at once, and the SYN-ACK that
    /// goes out with the next `output` acknowledges it and brings `option`.
    // Rules: 7413-4.2.2-6, 7413-4.2.2-7.
    pub fn from_fast_open(
        opening: Opening,
        half: &HalfOpen,
        mut seg: Segment,
        option: Option<FastOpen>,
        cx: &mut Cx<'_>,
    ) -> Conn {
        let view = cx.trace.is_listening().then(|| SegmentView::of(&seg.hdr, seg.payload.len()));
        let (arrival, from) = (cx.trace.reserve(), cx.cause);
        cx.cause = arrival;
        let mut tcb = Conn::passive(opening, half, Cause::RcvSyn, cx);
        tcb.cause = arrival;
        tcb.owe.synack = true;
        *tcb.fast_state() = Fast { child: true, option, ..Fast::default() };
        seg.hdr.ctl = seg.hdr.ctl.without(Ctl::SYN);
        seg.hdr.seq += 1;
        let wnd = tcb.rcv.wnd;
        seg.trim(tcb.rcv.nxt, wnd);
        if !seg.payload.is_empty() {
            tcb.counters.data_segs_in = seg.wire_segments();
            measured::on_data(&mut tcb, &seg, cx.now);
            delack::measure_mss(&mut tcb, seg.payload.len() as u32, &seg);
            tcb.take_in_order(std::mem::take(&mut seg.payload), cx);
            tcb.fast_state().data_taken = true;
        }
        tcb.rcv.wnd = wnd; // that of the SYN-ACK, which begins behind the data
        if let Some(seg) = view {
            let (causes, outcome) = ([from, EventId::NONE], Outcome::Accepted);
            cx.trace.note_as(arrival, causes, || Event::Received { seg, outcome });
        }
        Conn { tcb }.born(cx)
    }

    /// Whether it began before its handshake ended, which it has not yet.
    pub fn is_opening_fast(&self) -> bool {
        self.tcb.is_fast_child() && self.tcb.state() != State::Closed
    }

    /// The application has got it from accept().
    pub fn on_accept(&mut self) {
        if let Some(fast) = self.tcb.fast_mut() {
            fast.accepted = true;
        }
    }

    /// Whether a reset ended it before its handshake ended, and behind the application's back.
    fn was_reset_early(&self) -> bool {
        let reset = self.tcb.fast().is_some_and(|fast| fast.reset && fast.accepted);
        reset && self.tcb.is_fast_child()
    }

    /// It counts for this listener.
    pub fn set_opener(&mut self, opener: ListenerId) {
        self.tcb.fast_state().opener = Some(opener);
    }

    /// The listener for which it counted until now: its handshake has ended, or it has. `reset`: by
    /// a reset, behind the application's back.
    pub fn take_ended_opener(&mut self) -> Option<(ListenerId, bool)> {
        if self.is_opening_fast() {
            return None;
        }
        let reset = self.was_reset_early();
        let opener = self.tcb.fast_mut()?.opener.take()?;
        Some((opener, reset))
    }
}
