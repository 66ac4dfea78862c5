//! STATUS (RFC 9293 §3.9.1.6) as `tcp_info`.

use super::event::CaState;
use super::info::TcpInfo;
use super::state::State;
use super::tcb::Tcb;
use crate::base::{Duration, Instant};

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What is taken for lost, whether or not it was sent again, as Linux counts it.
fn lost(tcb: &Tcb) -> u32 {
    let again = matches!(tcb.recovery.ca, CaState::Recovery | CaState::Loss);
    tcb.rtxq.lost() + if again { tcb.rtxq.again() } else { 0 }
}

/// The block in numbers, at `now`.
pub(super) fn info(tcb: &Tcb, now: Instant) -> TcpInfo {
    let smss = tcb.snd.smss.max(1);
    let segments = |bytes: u32| u64::from(bytes.div_ceil(smss));
    let c = &tcb.counters;
    let mut chrono = tcb.chrono.clone();
    chrono.switch(chrono.blocked, chrono.busy, now);
    TcpInfo {
        state: State::ALL.iter().position(|s| *s == tcb.state()).unwrap_or(0) as u64,
        ca_state: tcb.recovery.ca as u64,
        retransmits: u64::from(tcb.retransmits),
        probes: u64::from(tcb.probes),
        backoff: u64::from(tcb.rto.backoff().max(tcb.probe_backoff)),
        snd_wscale: u64::from(tcb.snd.wscale),
        rcv_wscale: u64::from(tcb.rcv.wscale),
        options: u64::from(tcb.ts.is_some())
            | u64::from(tcb.sack_ok) << 1
            | u64::from(tcb.wscale_ok) << 2
            | u64::from(tcb.ecn.ok) << 3
            | u64::from(tcb.ecn.seen) << 4,
        rto: micros(tcb.rto()),
        ato: micros(tcb.config.delayed_ack),
        snd_mss: u64::from(smss),
        rcv_mss: u64::from(tcb.rcv.mss_seen),
        advmss: u64::from(tcb.rcv.advmss).saturating_sub(if tcb.ts.is_some() { 12 } else { 0 }),
        pmtu: u64::from(tcb.pmtu),
        unacked: segments(tcb.rtxq.flight_size()),
        sacked: segments(tcb.rtxq.sacked()),
        lost: segments(lost(tcb)),
        retrans: segments(tcb.rtxq.again()),
        rtt: micros(tcb.rto.srtt().unwrap_or_default()),
        rttvar: micros(tcb.rto.rttvar()),
        min_rtt: micros(tcb.rto.min().unwrap_or_default()),
        snd_ssthresh: segments(tcb.ssthresh().min(i32::MAX as u32)),
        snd_cwnd: u64::from(tcb.cwnd() / smss),
        snd_cwnd_bytes: u64::from(tcb.cwnd()),
        bytes_in_flight: u64::from(tcb.rtxq.in_flight()),
        snd_wnd: u64::from(tcb.snd.wnd),
        rcv_wnd: u64::from(tcb.rcv.wnd),
        rcv_space: u64::from(tcb.config.recv_buffer),
        total_retrans: u64::from(c.total_retrans),
        bytes_sent: c.bytes_sent,
        bytes_retrans: c.bytes_retrans,
        bytes_acked: c.bytes_acked,
        bytes_received: c.bytes_received,
        notsent_bytes: u64::from(tcb.unsent()),
        segs_out: u64::from(c.segs_out),
        segs_in: u64::from(c.segs_in),
        data_segs_out: u64::from(c.data_segs_out),
        data_segs_in: u64::from(c.data_segs_in),
        rcv_ooopack: u64::from(c.rcv_ooopack),
        delivered: tcb.delivered() / u64::from(smss),
        busy_time: chrono.busy_time / 1000,
        rwnd_limited: chrono.rwnd_limited / 1000,
        cwnd_limited: chrono.cwnd_limited / 1000,
        last_data_sent: millis(now.since(tcb.last_sent)),
        last_data_recv: u64::from(tcb.measured.since_data(now)),
        last_ack_recv: u64::from(tcb.measured.since_ack(now)),
        rcv_rtt: u64::from(tcb.measured.rcv_rtt),
        rcv_ssthresh: u64::from(tcb.config.recv_buffer),
        reordering: u64::from(tcb.config.reordering),
        delivery_rate: tcb.measured.delivery_rate(),
        delivery_rate_app_limited: u64::from(tcb.measured.rate_app_limited),
        pacing_rate: tcb.pacing_rate().unwrap_or(0),
        delivered_ce: u64::from(c.delivered_ce),
    }
}
