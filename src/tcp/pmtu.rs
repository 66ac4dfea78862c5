//! Path MTU discovery in a connection (RFC 1191, RFC 8201): what ICMP says of the path, how far it
//! is believed (RFC 5927 §7), and what is done when nobody says anything (RFC 4821 §7.7).

use super::config::Lineage;
use super::event::{CaState, RtxRule, Timer};
use super::rtxq::{Judged, Sent};
use super::sizes::eff_mss;
use super::state::State;
use super::tcb::{Cx, Tcb};
use crate::base::{Instant, Why};
use crate::wire::ip::Discover;

/// What the path was before it was found to be narrower.
#[derive(Clone, Debug)]
pub struct Wide {
    /// When it may be so again.
    until: Instant,
    /// MTU, bytes.
    pmtu: u16,
    /// SMSS, bytes.
    smss: u32,
}

impl Wide {
    /// The peer has told its MSS since; each segment has `ts` bytes of timestamps.
    pub(super) fn agree(&mut self, mss: u16, header_len: u16, ts: u32) {
        let path = self.pmtu.saturating_sub(header_len);
        self.smss = u32::from(mss.min(path)).saturating_sub(ts).max(1);
    }
}

/// What was learned of the path a while ago is forgotten: segments become as large as before, which
/// tells whether the path has become wider (RFC 1191 §6.3, RFC 8201 §5.3).
// Rules: 1191-6.3-1, 8201-5.3-1.
pub(super) fn age(tcb: &mut Tcb, now: Instant) {
    let Some(rare) = &mut tcb.counters.rare else { return };
    let Some(wide) = rare.wide.take_if(|wide| wide.until <= now) else { return };
    let before = tcb.snd.smss;
    (tcb.pmtu, tcb.snd.smss, tcb.mtu_acked) = (wide.pmtu, wide.smss, 0);
    tcb.cc_on_mss(before);
}

impl Tcb {
    /// The path carries packets of at most `mtu` bytes: what was sent larger counts as lost
    /// (RFC 1191 §6.4: without a reduction of cwnd).
    // Rules: 1191-6.4-1, 8201-5.4-1.
    fn reduce_path_mtu(&mut self, mtu: u16, rule: RtxRule, cx: &mut Cx<'_>) {
        let waits = waits_for_segment(self);
        let until = cx.now + self.config.mtu_expires;
        let (pmtu, smss) = (self.pmtu, self.snd.smss);
        let wide = &mut self.counters.rare().wide;
        wide.get_or_insert(Wide { until, pmtu, smss }).until = until;
        (self.pmtu, self.mtu_claimed) = (mtu, 0);
        self.cause = cx.cause;
        let path = u32::from(mtu - self.header_len);
        let ts = if self.ts.is_some() { 12 } else { 0 };
        let before = self.snd.smss;
        self.snd.smss = before.min(path.saturating_sub(ts).max(1));
        self.cc_on_mss(before);
        if !self.syn_acked {
            return self.narrow_syn(mtu, cx);
        }
        if waits {
            return; // it was let be cut on the way
        }
        self.stop_timer(Timer::LossProbe, cx);
        let most = eff_mss(self);
        let too_long = |len| if len > most { Judged::Lost } else { Judged::InTime };
        // As long as a packet of it was: a device may have cut it, and FIN is no byte.
        let cut = |sent: &Sent| (sent.len - u32::from(sent.fin)).min(sent.mss.into());
        self.rtxq.judge(|sent| too_long(cut(sent)));
        if self.rtxq.lost().bytes > 0 {
            (self.recovery.rule, self.recovery.force) = (Some(rule), true);
            if self.config.is_linux() && self.recovery.ca != CaState::Loss {
                self.recovery.recovery_point = Some(self.snd.nxt);
                self.set_ca(CaState::Loss, cx);
            }
        }
    }
}

impl Tcb {
    /// The path carries packets of at most `mtu` bytes, says what answers our SYN: the next says so
    /// to the peer, and data that went along has not arrived, so that it goes at once, without (as
    /// Linux).
    fn narrow_syn(&mut self, mtu: u16, cx: &mut Cx<'_>) {
        if !self.config.is_linux() || self.state() != State::SynSent {
            return;
        }
        self.rcv.advmss = self.rcv.advmss.min(mtu - self.header_len);
        if self.fast().is_some_and(|fast| fast.syn_data > 0) {
            self.rtxq.mark_all_lost();
            self.recovery.force = true;
            self.recovery.recovery_point = Some(self.snd.nxt);
            self.stop_timer(Timer::Rtx, cx);
            self.set_ca(CaState::Loss, cx);
        }
    }
}

/// An ICMP error says that the path carries packets of at most `mtu` bytes.
///
/// # Errors
/// Why it is not believed yet.
// Rules: 1191-3-2, 1191-3-3, 8201-4-1, 5927-7.2-1.
pub(super) fn on_claim(tcb: &mut Tcb, mtu: u16, cx: &mut Cx<'_>) -> Result<(), Why> {
    let believed = match tcb.config.mtu_discover {
        Discover::Want | Discover::Do => true,
        Discover::Dont => tcb.header_len == 60, // nobody cuts packets of IPv6
        Discover::Probe => tcb.config.is_linux(),
    };
    let floor = tcb.header_len.saturating_add(tcb.config.min_mss).max(tcb.config.min_pmtu);
    let mtu = if tcb.config.lineage == Lineage::Rfc { mtu } else { mtu.max(floor) };
    if !believed && tcb.config.is_linux() && mtu < tcb.pmtu {
        tcb.mtu_claimed = mtu; // looked at when something is sent
    }
    if !believed || mtu >= tcb.pmtu || mtu < floor {
        return Ok(());
    }
    if tcb.config.mtu_claims_wait && mtu < tcb.mtu_acked {
        tcb.mtu_claimed = mtu;
        return Err(Why::MtuClaimWaits);
    }
    tcb.reduce_path_mtu(mtu, RtxRule::PathMtu, cx);
    Ok(())
}

/// The peer acknowledged what was sent: packets as long pass, and a claim is refuted by progress.
pub(super) fn on_progress(tcb: &mut Tcb, newest: u32) {
    let ts = if tcb.ts.is_some() { 12 } else { 0 };
    let len = newest.min(tcb.snd.smss) + u32::from(tcb.header_len) + ts;
    tcb.mtu_acked = tcb.mtu_acked.max(len.min(0xffff) as u16);
    if !waits_for_segment(tcb) {
        tcb.mtu_claimed = 0;
    }
}

/// Whether a claim is neither believed nor refuted, but looked at when the next segment goes out: a
/// socket of Linux that lets its packets be cut asks for the route only then.
fn waits_for_segment(tcb: &Tcb) -> bool {
    tcb.mtu_claimed > 0 && tcb.config.is_linux() && tcb.config.mtu_discover == Discover::Dont
}

/// A segment went out, or goes out again: what waited for that is known now.
pub(super) fn on_segment(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    if waits_for_segment(tcb) {
        let mtu = tcb.mtu_claimed;
        tcb.reduce_path_mtu(mtu, RtxRule::PathMtu, cx);
    }
}

/// The retransmission timer expired: a claim that waited is believed, and where nobody claims
/// anything, segments become smaller after `retries1` timeouts.
// Rules: 4821-7.7-1, 5927-7.2-2.
pub(super) fn on_timeout(tcb: &mut Tcb, cx: &mut Cx<'_>) {
    on_segment(tcb, cx);
    if tcb.mtu_claimed > 0 {
        let mtu = tcb.mtu_claimed;
        tcb.mtu_acked = 0;
        return tcb.reduce_path_mtu(mtu, RtxRule::PathMtu, cx);
    }
    let tried = super::timeout::is_over(tcb, tcb.config.retries1, cx.now);
    let matters = tcb.config.is_linux() || tcb.config.may_not_be_cut();
    if !(tcb.config.mtu_probing && tried && matters) {
        return;
    }
    let ts = if tcb.ts.is_some() { 12 } else { 0 };
    let now = tcb.pmtu.saturating_sub(tcb.header_len + ts);
    let base = tcb.config.base_mss;
    let next = if now > base { base } else { now / 2 };
    let next = ts + next.max(tcb.config.min_mss).max(1);
    if u32::from(next) < tcb.snd.smss + u32::from(ts) {
        tcb.reduce_path_mtu(next + tcb.header_len, RtxRule::BlackHole, cx);
    }
}
