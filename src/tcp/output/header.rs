//! The header of a segment that is sent: where we are, what we offer, and what rides along.

use crate::base::Seq;
use crate::tcp::delack;
use crate::tcp::event::{Plan, Timer};
use crate::tcp::sizes::{is_urgent, sack_blocks};
use crate::tcp::state::State;
use crate::tcp::tcb::{Cx, Tcb};
use crate::tcp::uto;
use crate::wire::tcp::{Ctl, Header, Options, Timestamps};

/// A reset that acknowledges nothing.
pub(super) fn bare_reset(tcb: &Tcb, seq: Seq) -> Header {
    Header {
        src: tcb.local_port,
        dst: tcb.remote_port,
        seq,
        ack: None,
        ctl: Ctl::RST,
        wnd: 0,
        urg: 0,
        options: Options::default(),
    }
}

/// The header: where we are, what we offer, and what rides along. An ACK it carries is paid.
// Rules: MUST-62, MUST-31, MUST-58, 2883-4-2, 5681-4.2-2, 6093-4-1.
pub(super) fn header(
    tcb: &mut Tcb,
    seq: Seq,
    (plan, ctl, fresh): (Plan, Ctl, bool),
    cx: &mut Cx<'_>,
) -> Header {
    let syn = ctl.syn();
    let acks = tcb.state() != State::SynSent;
    let wnd = if syn && tcb.is_fast_child() { tcb.fast_window() } else { tcb.offer_window(syn) };
    let before = tcb.owe.ack_before.take();
    let wnd = before.map_or(wnd, |before| window_from(tcb, before));
    let bits =
        if before.is_some() { tcb.ecn_bits_before() } else { tcb.ecn_bits(plan, ctl, fresh) };
    if acks && before.is_none() {
        delack::on_ack_sent(tcb);
        tcb.owe.ack = None;
        tcb.owe.ack_now = false;
        tcb.rcv.unacked = 0;
        tcb.rcv.last_ack_sent = tcb.rcv.nxt;
        tcb.stop_timer(Timer::Delack, cx);
    }
    let urgent = tcb.snd.up.filter(|_| is_urgent(tcb, seq) && !syn && !ctl.rst());
    let ctl = ctl.with(bits).with(if acks { Ctl::ACK } else { Ctl::NONE });
    let mut options = options(tcb, syn, cx);
    if syn {
        options = options.with_fast_open(tcb.take_fast_option());
    }
    tcb.loss.iter_mut().for_each(|loss| loss.dsack = None);
    Header {
        src: tcb.local_port,
        dst: tcb.remote_port,
        seq,
        ack: acks.then_some(before.unwrap_or(tcb.rcv.nxt)),
        ctl: ctl.with(if urgent.is_some() { Ctl::URG } else { Ctl::NONE }),
        wnd: if ctl.rst() && !tcb.config.window_up { 0 } else { wnd },
        urg: urgent.map_or(0, |up| (up - seq).min(0xffff) as u16),
        options,
    }
}

/// What the field says when it counts from a number before RCV.NXT: the right edge stays.
// Rules: SHLD-14.
fn window_from(tcb: &Tcb, before: Seq) -> u16 {
    let edge = tcb.rcv.wnd.saturating_add(tcb.rcv.nxt - before);
    (edge >> tcb.rcv.wscale).min(0xffff) as u16
}

/// What a SYN offers; its timestamp is not that of now.
pub(in crate::tcp) fn syn_options(tcb: &Tcb) -> Options {
    Options {
        mss: Some(tcb.rcv.advmss).filter(|_| !tcb.config.noopt),
        wscale: tcb.wscale_ok.then_some(tcb.rcv.wscale),
        sack_permitted: tcb.sack_ok,
        ts: tcb.ts.as_ref().map(|ts| Timestamps { val: 0, ecr: ts.recent }),
        uto: uto::offer(&tcb.config),
        layout: tcb.config.option_order,
        ..Options::default()
    }
}

// Rules: SHLD-5, MAY-3, MUST-14, 2018-2-1, 5482-3-2, 7323-3.2-1.
fn options(tcb: &Tcb, syn: bool, cx: &Cx<'_>) -> Options {
    let ts = tcb.ts.as_ref().map(|ts| Timestamps { val: tcb.ts_now(cx.now), ecr: ts.recent });
    let crossed = syn && !tcb.passive && tcb.state() != State::SynSent;
    if crossed && tcb.config.is_linux() && !tcb.config.noopt {
        return crossed_options(tcb, cx);
    }
    if syn {
        return Options { ts, ..syn_options(tcb) };
    }
    let layout = tcb.config.option_order;
    // And before data, as SYNs may be answered without (RFC 5482 §3).
    let uto = uto::offer(&tcb.config).filter(|_| tcb.snd.nxt == tcb.iss + 1);
    Options { ts, sack: sack_blocks(tcb), uto, layout, ..Options::default() }
}

/// The SYN-ACK of crossed SYNs offers what our SYN did, whatever theirs had (as Linux).
fn crossed_options(tcb: &Tcb, cx: &Cx<'_>) -> Options {
    let config = &tcb.config;
    let ecr = tcb.ts.as_ref().map_or(0, |ts| ts.recent);
    let clock = (cx.now.as_millis() as u32).wrapping_add(tcb.ts_offset);
    Options {
        mss: Some(tcb.rcv.advmss),
        wscale: config.window_scaling.then(|| config.wscale()),
        sack_permitted: config.sack,
        ts: config.timestamps.then_some(Timestamps { val: clock, ecr }),
        uto: uto::offer(config),
        layout: config.option_order,
        ..Options::default()
    }
}
