//! STATUS (RFC 9293 §3.9.1.6) as `tcp_info`.

use super::event::CaState;
use super::info::TcpInfo;
use super::rtxq::Amount;
use super::state::State;
use super::sums::Rare;
use super::tcb::Tcb;
use crate::base::time::micros;
use crate::base::{Duration, Instant};

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What is taken for lost, whether or not it was sent again, as Linux counts it.
fn lost(tcb: &Tcb) -> Amount {
    let again = matches!(tcb.recovery.ca, CaState::Recovery | CaState::Loss);
    tcb.rtxq.lost() + if again { tcb.rtxq.again() } else { Amount::default() }
}

/// What was sent again and is in flight; a loss probe is no repair.
fn again(tcb: &Tcb) -> u32 {
    let probe = tcb.loss.as_ref().and_then(|loss| loss.tlp).is_some_and(|tlp| tlp.again);
    tcb.rtxq.again().segments.saturating_sub(u32::from(probe))
}

/// TCPI_OPT_TIMESTAMPS, TCPI_OPT_SACK, TCPI_OPT_WSCALE, TCPI_OPT_ECN, TCPI_OPT_ECN_SEEN,
/// TCPI_OPT_SYN_DATA, TCPI_OPT_TFO_CHILD.
fn options(tcb: &Tcb) -> u64 {
    if tcb.state() == State::SynSent {
        return 0; // nothing is agreed yet
    }
    let fast = tcb.fast();
    let (data, child) = fast.map_or((false, false), |fast| (fast.data_taken, fast.child));
    let (ts, sack, wscale) = (tcb.ts.is_some(), tcb.sack_ok, tcb.wscale_ok);
    let in_use = [ts, sack, wscale, tcb.ecn.ok, tcb.ecn.seen, data, false, child];
    in_use.iter().rev().fold(0, |bits, on| bits << 1 | u64::from(*on))
}

/// The block in numbers, at `now`.
pub(super) fn info(tcb: &Tcb, now: Instant) -> TcpInfo {
    let smss = tcb.snd.smss.max(1);
    let segments = |bytes: u32| u64::from(bytes.div_ceil(smss));
    let c = &tcb.counters;
    let (none, mut chrono) = (Rare::default(), tcb.chrono.clone());
    let rare = c.rare.as_deref().unwrap_or(&none);
    let held = rare.held_with(chrono.switch(chrono.blocked, chrono.busy, now));
    TcpInfo {
        state: State::ALL.iter().position(|s| *s == tcb.state()).unwrap_or(0) as u64,
        ca_state: tcb.recovery.ca as u64,
        retransmits: u64::from(tcb.retransmits),
        probes: u64::from(tcb.probes),
        backoff: u64::from(tcb.rto.backoff().max(tcb.probe_backoff)),
        snd_wscale: u64::from(tcb.snd.wscale),
        rcv_wscale: u64::from(tcb.rcv.wscale),
        options: options(tcb),
        rto: micros(tcb.rto()),
        ato: super::delack::learnt(tcb) * 1000,
        snd_mss: u64::from(smss),
        rcv_mss: u64::from(tcb.rcv.mss_seen),
        advmss: u64::from(tcb.rcv.advmss).saturating_sub(if tcb.ts.is_some() { 12 } else { 0 }),
        pmtu: u64::from(tcb.pmtu),
        unacked: u64::from(tcb.rtxq.flight_size().segments - u32::from(tcb.is_fast_synack())),
        sacked: u64::from((tcb.rtxq.sacked() + tcb.rtxq.left()).segments),
        lost: u64::from(lost(tcb).segments),
        retrans: u64::from(again(tcb)),
        rtt: micros(tcb.rto.srtt().unwrap_or_default()),
        rttvar: micros(tcb.rto.rttvar()),
        min_rtt: micros(tcb.rto.min().unwrap_or_default()),
        snd_ssthresh: segments(tcb.ssthresh().min(i32::MAX as u32)),
        snd_cwnd: u64::from(tcb.cwnd() / smss),
        snd_cwnd_bytes: u64::from(tcb.cwnd()),
        bytes_in_flight: u64::from(tcb.rtxq.in_flight().bytes),
        snd_wnd: u64::from(tcb.snd.wnd),
        rcv_wnd: u64::from(tcb.rcv.wnd),
        rcv_space: u64::from(tcb.rcv_space()),
        total_retrans: u64::from(c.total_retrans),
        bytes_sent: c.bytes_sent,
        bytes_retrans: rare.bytes_retrans,
        bytes_acked: c.bytes_acked,
        bytes_received: c.bytes_received,
        notsent_bytes: u64::from(tcb.unsent()),
        segs_out: u64::from(c.segs_out),
        segs_in: u64::from(c.segs_in),
        data_segs_out: u64::from(c.data_segs_out),
        data_segs_in: u64::from(c.data_segs_in),
        rcv_ooopack: u64::from(rare.rcv_ooopack),
        delivered: u64::from(tcb.counters.delivered),
        busy_time: chrono.busy_time / 1000,
        rwnd_limited: held.rwnd / 1000,
        cwnd_limited: held.cwnd / 1000,
        last_data_sent: millis(now.since(tcb.last_sent)),
        last_data_recv: u64::from(tcb.measured.since_data(now)),
        last_ack_recv: u64::from(tcb.measured.since_ack(now)),
        rcv_rtt: u64::from(tcb.measured.rcv_rtt),
        rcv_ssthresh: u64::from(tcb.window_limit().min(tcb.recv_buffer())),
        reordering: u64::from(super::recovery::reordering(tcb)),
        delivery_rate: tcb.measured.delivery_rate(),
        delivery_rate_app_limited: u64::from(tcb.measured.rate_app_limited),
        pacing_rate: tcb.pacing_rate().unwrap_or(0),
        delivered_ce: u64::from(rare.delivered_ce),
        sndbuf_limited: held.app / 1000,
        dsack_dups: u64::from(rare.dsack_dups),
        reord_seen: tcb.loss.as_ref().map_or(0, |loss| u64::from(loss.rack.reordered())),
        total_rto: u64::from(rare.rto),
        total_rto_recoveries: u64::from(rare.recoveries),
        total_rto_time: rare.time_at(now),
        fastopen_client_fail: tcb.fast().map_or(0, |fast| u64::from(fast.fail)),
    }
}
