//! FreeBSD's knobs (tcp(4), syncache(4), mod_cc(4)), without `net.inet.tcp.`, and what they turn.

use super::{Check, Turn, Values, congestion, ecn, only, syn_cookies};
use crate::base::Duration;
use crate::drill::run::profile::Profile;
use crate::tcp::{Config, SynCookies};
use crate::wire::ip::Discover;

/// The knobs.
pub(super) const KNOBS: &[(&str, Turn)] = &[
    // Options and segment sizes.
    ("rfc1323", |p, v| match v.number()? {
        n @ (0 | 1) => {
            (p.tcp.timestamps, p.tcp.window_scaling) = (n == 1, n == 1);
            Ok(())
        }
        n => Err(format!("only 0 and 1 are known here, not {n}")),
    }),
    ("sack.enable", |p, v| v.on().map(|on| p.tcp.sack = on)),
    ("ecn.enable", ecn),
    ("ecn.maxretries", |p, v| v.small().map(|n| p.tcp.ecn_maxretries = n)),
    ("mssdflt", |_, v| only(v, 536)),
    ("v6mssdflt", |_, v| only(v, 1220)),
    ("minmss", |p, v| v.number().map(|n| p.tcp.min_mss = n.clamp(48, 1460) as u16)),
    ("tolerate_missing_ts", |_, v| only(v, 0)),
    ("path_mtu_discovery", |p, v| {
        v.on().map(|on| p.tcp.mtu_discover = if on { Discover::Want } else { Discover::Dont })
    }),
    ("pmtud_blackhole_detection", |p, v| v.on().map(|on| p.tcp.mtu_probing = on)),
    ("pmtud_blackhole_mss", base_mss),
    ("v6pmtud_blackhole_mss", base_mss),
    // Buffers.
    ("recvspace", |p, v| v.bytes(0).map(|n| p.tcp.recv_buffer_auto.0 = n)),
    ("sendspace", |p, v| v.bytes(0).map(|n| p.tcp.send_buffer_auto.0 = n)),
    ("kern.ipc.maxsockbuf", |p, v| v.bytes(0).map(|n| p.tcp.recv_buffer_auto.1 = n)),
    ("recvbuf_max", |_, v| only(v, 2_097_152)),
    ("sendbuf_max", |p, v| v.bytes(0).map(|n| p.tcp.send_buffer_auto.1 = n)),
    ("sendbuf_inc", |_, v| only(v, 8192)),
    ("recvbuf_auto", |p, v| {
        let fixed = if v.on()? { Config::AUTO } else { p.tcp.recv_buffer_auto.0 };
        p.tcp.recv_buffer = fixed;
        Ok(())
    }),
    ("sendbuf_auto", |p, v| {
        let fixed = if v.on()? { Config::AUTO } else { p.tcp.send_buffer_auto.0 };
        p.tcp.send_buffer = fixed;
        Ok(())
    }),
    // Timers.
    ("rexmit_min", |p, v| v.millis().map(|time| p.tcp.rto_min = time)),
    ("rexmit_initial", |p, v| v.millis().map(|time| p.tcp.rto_initial = time)),
    ("rexmit_slop", |p, v| v.millis().map(|time| p.tcp.rexmit_slop = time)),
    ("rexmit_drop_options", |p, v| v.on().map(|on| p.tcp.rexmit_drop_options = on)),
    ("persmin", |p, v| v.millis().map(|time| (p.tcp.persmin, p.tcp.sws_override) = (time, time))),
    ("persmax", |p, v| v.millis().map(|time| p.tcp.probe_max = time)),
    ("keepinit", |p, v| v.millis().map(|time| p.tcp.keepinit = Some(time))),
    ("keepidle", |p, v| {
        p.keepalive.idle = v.millis()?;
        kept(p)
    }),
    ("keepintvl", |p, v| {
        p.keepalive.interval = v.millis()?;
        kept(p)
    }),
    ("keepcnt", |p, v| {
        p.keepalive.probes = v.small()?;
        kept(p)
    }),
    ("always_keepalive", |p, v| {
        v.on().map(|on| p.tcp.keepalive = Some(p.keepalive).filter(|_| on))
    }),
    ("msl", |p, v| v.millis().map(|time| p.tcp.time_wait = 2 * time)),
    ("fast_finwait2_recycle", |p, v| {
        let fast = v.on()?;
        p.tcp.fin_wait2 = if fast { Duration::from_secs(60) } else { finwait2_slow(p) };
        Ok(())
    }),
    // It counts only where recycling is fast.
    ("finwait2_timeout", |p, v| {
        let time = v.millis()?;
        let fast = p.tcp.fin_wait2 < finwait2_slow(p);
        p.tcp.fin_wait2 = if fast { time } else { p.tcp.fin_wait2 };
        Ok(())
    }),
    // ACKs.
    ("delacktime", |p, v| {
        let time = v.millis()?;
        (p.tcp.delayed_ack, p.tcp.delayed_ack_max) = (time, time);
        Ok(())
    }),
    ("delayed_ack", |p, v| {
        let time = if v.on()? { p.tcp.delayed_ack_max } else { Duration::ZERO };
        p.tcp.delayed_ack = time;
        Ok(())
    }),
    // Congestion.
    ("cc.algorithm", congestion),
    ("cc.abe", |_, v| only(v, 0)),
    ("abc_l_var", |p, v| v.small().map(|n| p.tcp.abc_l_var = n)),
    ("initcwnd_segments", |p, v| v.small().map(|n| p.tcp.initial_window = n)),
    ("newcwv", |p, v| v.on().map(|on| p.tcp.newcwv = on)),
    ("do_prr", |p, v| v.on().map(|on| p.tcp.prr = on)),
    ("do_prr_conservative", |_, v| only(v, 0)),
    ("rfc3042", |_, v| only(v, 1)),
    ("rfc3465", |_, v| only(v, 1)),
    // What strangers can do.
    ("insecure_rst", |p, v| v.on().map(|on| p.tcp.insecure_rst = on)),
    ("insecure_syn", |p, v| v.on().map(|on| p.tcp.insecure_syn = on)),
    ("ack_war_timewindow", |p, v| v.millis().map(|time| p.tcp.challenge_interval = time)),
    ("ack_war_cnt", |p, v| v.small().map(|n| p.tcp.challenge_count = n)),
    ("insecure_ack", |_, v| only(v, 0)),
    ("drop_synfin", |p, v| v.on().map(|on| p.tcp.drop_synfin = on)),
    ("icmp_may_rst", |p, v| v.on().map(|on| p.tcp.icmp_may_rst = on)),
    ("blackhole", |_, v| only(v, 0)),
    ("blackhole_local", |_, v| only(v, 0)),
    ("syncookies", syn_cookies),
    ("syncookies_only", |p, v| {
        p.syn_cookies = match (v.on()?, p.syn_cookies) {
            (true, _) => SynCookies::Always,
            (false, SynCookies::Always) => SynCookies::WhenFull,
            (false, as_it_is) => as_it_is,
        };
        Ok(())
    }),
    ("syncache.rexmtlimit", |p, v| v.small().map(|n| p.tcp.synack_retries = n)),
    ("reass.maxqueuelen", |p, v| {
        v.number().map(|n| p.tcp.reassembly_pieces = n.clamp(1, 65_535) as u16)
    }),
    // What is not here at all.
    ("fastopen.client_enable", |_, v| only(v, 0)),
    ("fastopen.server_enable", |_, v| only(v, 0)),
    ("udp_tunneling_port", |_, v| only(v, 0)),
    ("functions_default", |_, v| match v.word() {
        "freebsd" => Ok(()),
        other => Err(format!("only freebsd is known here, not {other}")),
    }),
    ("ip.ttl", |p, v| v.small().map(|n| p.tcp.mark.ttl = Some(n))),
    ("ip6.hlim", |p, v| v.small().map(|n| p.tcp.mark.ttl = Some(n))),
];

/// FreeBSD's knobs of what this host does not have, or always has.
pub(super) const WITHOUT_MEANING: &[&str] = &[
    "hostcache.purgenow",
    "hostcache.enable",
    "hostcache.purge",
    "hostcache.expire",
    "tso",
    "udp_tunneling_overhead",
    "nolocaltimewait",
    "rfc3390",
    "rfc6675_pipe",
    "do_lrd",
    "syncache.rst_on_sock_fail",
    "syncache.see_other",
    "log_in_vain",
    "log_debug",
    "maxtcptw",
    "icmp.icmplim",
    "icmp.icmplim_output",
    "kern.ipc.soacceptqueue",
    "kern.ipc.somaxconn",
];

/// FIN-WAIT-2 ends when the peer was silent as long as for keep-alive, looked at each interval.
fn finwait2_slow(profile: &Profile) -> Duration {
    let keepalive = profile.keepalive;
    keepalive.interval * (u32::from(keepalive.probes) + 1)
}

/// Keep-alive that is on goes by the new times.
fn kept(profile: &mut Profile) -> Check {
    let on = profile.tcp.keepalive.is_some();
    profile.tcp.keepalive = Some(profile.keepalive).filter(|_| on);
    Ok(())
}

fn base_mss(profile: &mut Profile, values: Values<'_>) -> Check {
    values.number().map(|n| profile.tcp.base_mss = n.clamp(48, 65_495) as u16)
}
