//! Explicit congestion notification (RFC 3168): routers mark packets instead of dropping them, the
//! receiver tells the sender, the sender reduces its window and says that it has.
//!
//! With DCTCP (RFC 8257) the receiver tells of every mark: its ACKs say which packets were marked
//! and which were not.

use super::cc::EcnUse;
use super::config::{Config, Ecn};
use super::delack;
use super::event::{AckWhy, Plan};
use super::segment::Segment;
use super::state::State;
use super::tcb::{Cx, Tcb};
use crate::wire::tcp::Ctl;

/// ECT(0), in the traffic class: both ends know of ECN.
pub(super) const ECT0: u8 = 2;
/// CE: congestion was experienced.
const CE: u8 = 3;
/// An ECN-setup SYN has both, an ECN-setup SYN-ACK has only ECE (RFC 3168 §6.1.1).
const SETUP: Ctl = Ctl::ECE.with(Ctl::CWR);

/// How many ACKs are not delayed when the peer's window comes down, which may be a segment then.
const QUICK: u8 = 2;

/// What a connection knows.
#[derive(Copy, Clone, Debug, Default)]
pub struct EcnState {
    /// Our SYN has offered it.
    offered: bool,
    /// A SYN of ours has not: then data must not be ECT (RFC 3168 §6.1.1).
    withdrawn: bool,
    /// Both ends have agreed.
    pub ok: bool,
    /// As DCTCP does it.
    exact: bool,
    /// Packets of the peer's are, or were, ECT.
    pub seen: bool,
    /// ACKs have ECE.
    echo: bool,
    /// The window came down: the next new data has CWR.
    pub owes_cwr: bool,
}

/// Whether a SYN of ours offers it.
fn offers(config: &Config) -> bool {
    match config.congestion.ecn() {
        EcnUse::None => false,
        EcnUse::Classic => config.ecn == Ecn::On,
        EcnUse::Dctcp => true,
    }
}

/// Whether a SYN with these bits offers what we take.
// Rules: SHLD-8, 3168-6.1.1-1.
pub(super) fn accepts(config: &Config, syn: Ctl) -> bool {
    let takes = || match config.congestion.ecn() {
        EcnUse::None => false,
        EcnUse::Classic => config.ecn != Ecn::Off,
        EcnUse::Dctcp => true,
    };
    syn.has(SETUP) && takes()
}

impl Tcb {
    /// Both ends have agreed.
    pub fn agree_on_ecn(&mut self) {
        self.ecn.ok = true;
        self.ecn.exact = self.config.congestion.ecn() == EcnUse::Dctcp;
    }

    /// The peer's SYN, or SYN-ACK, has come to our SYN. One that reflects both bits knows nothing
    /// of ECN (RFC 3168 §6.1.1).
    // Rules: SHLD-8, 3168-6.1.1-2.
    pub fn negotiate_ecn(&mut self, theirs: Ctl, acks: bool) {
        let agreed =
            if acks { theirs.has(Ctl::ECE) && !theirs.has(Ctl::CWR) } else { theirs.has(SETUP) };
        // BSD takes it from a crossing SYN, too, without having offered it.
        let takes = !acks && self.config.is_bsd() && accepts(&self.config, theirs);
        if (self.ecn.offered || takes) && agreed {
            self.agree_on_ecn();
        }
    }

    /// The bits of a segment that is about to be sent; `fresh`: with new data.
    pub(super) fn ecn_bits(&mut self, plan: Plan, ctl: Ctl, fresh: bool) -> Ctl {
        if ctl.rst() {
            return Ctl::NONE;
        }
        if ctl.syn() {
            return self.ecn_bits_of_syn(plan);
        }
        let ok = self.ecn.ok;
        let (echo, cwr) = (ok && self.ecn.echo, ok && fresh && self.ecn.owes_cwr);
        self.ecn.owes_cwr &= !fresh;
        let echo = if echo { Ctl::ECE } else { Ctl::NONE };
        echo.with(if cwr { Ctl::CWR } else { Ctl::NONE })
    }

    /// The bits of the ACK of what came before marks began, or ended.
    pub(super) fn ecn_bits_before(&self) -> Ctl {
        if self.ecn.echo { Ctl::NONE } else { Ctl::ECE }
    }

    /// The first SYN offers; one that is sent again does so only as often as the knob says, as
    /// something on the way may not like it (RFC 3168 §6.1.1.1).
    // Rules: 3168-6.1.1.1-1.
    fn ecn_bits_of_syn(&mut self, plan: Plan) -> Ctl {
        if self.state() != State::SynSent {
            return if self.ecn.ok { Ctl::ECE } else { Ctl::NONE };
        }
        let first = match plan {
            Plan::RetransmitSyn { attempt } => attempt <= self.config.ecn_maxretries,
            _ => plan == Plan::Syn,
        };
        if first && offers(&self.config) {
            self.ecn.offered = true;
            return SETUP;
        }
        // For Linux only this SYN has not: whoever answers it with ECE knows of the first.
        self.ecn.withdrawn = self.ecn.offered && !self.config.is_linux();
        Ctl::NONE
    }

    /// Whether new data is ECT (RFC 3168 §6.1.1, §6.1.5: never what is sent again).
    // Rules: 3168-6.1.1-4.
    pub(super) fn sends_ect(&self) -> bool {
        self.ecn.ok && !self.ecn.withdrawn
    }

    /// The window came down: the peer shall know, if marks are what it tells of (RFC 3168 §6.1.2).
    // Rules: 3168-6.1.2-3.
    pub(super) fn owe_cwr(&mut self) {
        self.ecn.owes_cwr = self.sends_ect();
    }
}

/// A SYN that offered it got no answer: for Linux that is congestion like any, and the peer shall
/// know.
pub(super) fn on_syn_timeout(tcb: &mut Tcb) {
    tcb.ecn.owes_cwr = tcb.ecn.offered && tcb.config.is_linux();
}

/// The segment was acceptable: the sender may say without data that it slowed down (as Linux; RFC
/// 3168 §6.1.2 has it with new data only), and data with which it does so is acknowledged at once,
/// as there may be room for no more.
pub(super) fn on_acceptable(tcb: &mut Tcb, seg: &Segment, cx: &mut Cx<'_>) {
    let says = seg.hdr.ctl.has(Ctl::CWR) && tcb.ecn.ok && !tcb.ecn.exact;
    if says && tcb.config.is_linux() {
        tcb.ecn.echo = false;
        if seg.arrived.len > 0 {
            tcb.owe_ack(AckWhy::Quick, true, cx);
        }
    }
}

/// Data has arrived in the window (RFC 3168 §6.1.3).
// Rules: 3168-6.1.3-1, 3168-6.1.5-2, 8257-3.2-2.
pub(super) fn on_data(tcb: &mut Tcb, seg: &Segment, cx: &mut Cx<'_>) {
    if !tcb.ecn.ok {
        return;
    }
    let marked = seg.ecn == CE;
    let bare = seg.ecn == 0 && tcb.ecn.seen; // sent again, it seems
    tcb.ecn.seen |= seg.ecn != 0;
    if tcb.config.is_linux() && (bare || marked && !tcb.ecn.echo) {
        delack::quicken(tcb, QUICK);
    }
    if tcb.ecn.exact {
        if marked != tcb.ecn.echo {
            turn(tcb, marked, cx);
        }
        return;
    }
    tcb.ecn.echo &= !seg.hdr.ctl.has(Ctl::CWR);
    if marked && !tcb.ecn.echo {
        tcb.ecn.echo = true;
        tcb.owe_ack(AckWhy::Marked, true, cx);
    }
}

/// RFC 8257 §3.2: what came before is acknowledged as it was, and this as it is.
// Rules: 8257-3.2-1.
fn turn(tcb: &mut Tcb, marked: bool, cx: &mut Cx<'_>) {
    if tcb.rcv.unacked > 0 && !tcb.owe.ack_now {
        tcb.owe.ack_before = Some(tcb.rcv.nxt);
    }
    tcb.ecn.echo = marked;
    tcb.owe_ack(AckWhy::MarkTurned, true, cx);
}
