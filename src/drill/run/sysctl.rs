//! System-wide knobs by Linux's names and by FreeBSD's, and what they turn here. One line a knob: a
//! new one is one line more.

mod freebsd;

use super::profile::Profile;
use crate::base::Duration;
use crate::tcp::{AfterIdle, Ecn, SynCookies};
use crate::wire::ip::Discover;

/// The values of a knob, as they were written.
#[derive(Copy, Clone, Debug)]
pub(super) struct Values<'a>(&'a [&'a str]);

type Check = Result<(), String>;
type Turn = fn(&mut Profile, Values<'_>) -> Check;

impl Values<'_> {
    fn word(&self) -> &str {
        self.0.first().copied().unwrap_or_default()
    }

    fn at(&self, place: usize) -> Result<i64, String> {
        let text = self.0.get(place).ok_or("a number is missing")?;
        let hex = text.strip_prefix("0x").map(|digits| i64::from_str_radix(digits, 16));
        let number = hex.unwrap_or_else(|| text.parse());
        number.map_err(|_| format!("{text:?} is no number"))
    }

    fn number(&self) -> Result<i64, String> {
        self.at(0)
    }

    fn on(&self) -> Result<bool, String> {
        Ok(self.number()? != 0)
    }

    fn seconds(&self) -> Result<Duration, String> {
        Ok(Duration::from_secs(
            u64::try_from(self.number()?).map_err(|_| "a time is not negative")?,
        ))
    }

    fn millis(&self) -> Result<Duration, String> {
        Ok(Duration::from_millis(
            u64::try_from(self.number()?).map_err(|_| "a time is not negative")?,
        ))
    }

    fn small(&self) -> Result<u8, String> {
        u8::try_from(self.number()?).map_err(|_| "a number from 0 to 255 is meant".into())
    }

    fn bytes(&self, place: usize) -> Result<u32, String> {
        Ok(self.at(place)?.clamp(2048, 1 << 30) as u32)
    }
}

/// A knob that this host has always as one value says.
fn only(values: Values<'_>, what: i64) -> Check {
    match values.number()? {
        n if n == what => Ok(()),
        n => Err(format!("only {what} is known here, not {n}")),
    }
}

/// Linux's knobs, without `net.ipv4.`
const KNOBS: &[(&str, Turn)] = &[
    ("tcp_timestamps", |p, v| v.on().map(|on| p.tcp.timestamps = on)),
    ("tcp_sack", |p, v| v.on().map(|on| p.tcp.sack = on)),
    ("tcp_dsack", |p, v| v.on().map(|on| p.tcp.dsack = on)),
    ("tcp_window_scaling", |p, v| v.on().map(|on| p.tcp.window_scaling = on)),
    ("tcp_recovery", |p, v| v.number().map(|n| p.tcp.rack = n & 1 != 0)),
    ("tcp_early_retrans", |p, v| v.on().map(|on| p.tcp.tlp = on)),
    ("tcp_frto", |p, v| v.on().map(|on| p.tcp.frto = on)),
    ("tcp_reordering", |p, v| v.number().map(|n| p.tcp.reordering = n.clamp(3, 300) as u16)),
    ("tcp_max_reordering", |p, v| {
        v.number().map(|n| p.tcp.max_reordering = n.clamp(3, 300) as u16)
    }),
    ("tcp_tso_win_divisor", |p, v| v.small().map(|n| p.tcp.tso_win_divisor = n)),
    ("tcp_syn_linear_timeouts", |p, v| v.small().map(|n| p.tcp.syn_linear = n)),
    ("tcp_syn_retries", |p, v| v.small().map(|n| p.tcp.syn_retries = n)),
    ("tcp_synack_retries", |p, v| v.small().map(|n| p.tcp.synack_retries = n)),
    ("tcp_retries1", |p, v| v.small().map(|n| p.tcp.retries1 = n)),
    ("tcp_retries2", |p, v| v.small().map(|n| p.tcp.retries2 = n)),
    ("tcp_orphan_retries", |p, v| {
        v.small().map(|n| p.tcp.orphan_retries = if n == 0 { 8 } else { n })
    }),
    ("tcp_fin_timeout", |p, v| v.seconds().map(|time| p.tcp.fin_wait2 = time)),
    ("tcp_rfc1337", |p, v| v.on().map(|on| p.tcp.rfc1337 = on)),
    ("route.min_pmtu", |p, v| v.number().map(|n| p.tcp.min_pmtu = n.clamp(68, 65_535) as u16)),
    ("route.mtu_expires", |p, v| v.seconds().map(|time| p.tcp.mtu_expires = time)),
    ("tcp_keepalive_time", |p, v| v.seconds().map(|time| p.keepalive.idle = time)),
    ("tcp_keepalive_intvl", |p, v| v.seconds().map(|time| p.keepalive.interval = time)),
    ("tcp_keepalive_probes", |p, v| v.small().map(|n| p.keepalive.probes = n)),
    ("tcp_rto_min_us", |p, v| {
        v.number().map(|n| p.tcp.rto_min = Duration::from_micros(n.max(0) as u64))
    }),
    ("tcp_rto_max_ms", |p, v| v.millis().map(|time| p.tcp.rto_max = time)),
    ("tcp_invalid_ratelimit", |p, v| v.millis().map(|time| p.tcp.challenge_interval = time)),
    ("tcp_min_snd_mss", |p, v| v.number().map(|n| p.tcp.min_mss = n.clamp(48, 1460) as u16)),
    ("tcp_congestion_control", congestion),
    ("tcp_ecn", ecn),
    ("tcp_ecn_fallback", |_, v| v.number().map(drop)),
    ("tcp_slow_start_after_idle", |p, v| v.on().map(|on| p.tcp.after_idle = after_idle(on))),
    ("tcp_min_rtt_wlen", |_, v| v.number().map(drop)),
    ("tcp_notsent_lowat", |p, v| {
        let bytes = v.number()? as u32;
        p.tcp.notsent_lowat = Some(bytes).filter(|bytes| *bytes != u32::MAX);
        Ok(())
    }),
    ("tcp_mtu_probing", |p, v| match v.number()? {
        n @ (0 | 1) => {
            p.tcp.mtu_probing = n == 1;
            Ok(())
        }
        2 => {
            Err("paths are not searched from the start (RFC 4821 §7), only behind black holes"
                .into())
        }
        n => Err(format!("only 0 and 1 are known here, not {n}")),
    }),
    ("tcp_base_mss", |p, v| v.number().map(|n| p.tcp.base_mss = n.clamp(48, 65_495) as u16)),
    ("tcp_min_tso_segs", |p, v| v.small().map(|n| p.tcp.min_tso_segs = n.max(1))),
    ("tcp_syncookies", syn_cookies),
    // Of what the kernel counts for received data, half is data.
    ("tcp_rmem", |p, v| {
        p.tcp.recv_buffer_auto = (v.bytes(1)? / 2, v.bytes(2)? / 2);
        Ok(())
    }),
    ("tcp_wmem", |p, v| {
        p.tcp.send_buffer_auto = (v.bytes(1)?, v.bytes(2)?);
        Ok(())
    }),
    ("ip_no_pmtu_disc", no_pmtu_disc),
    ("ip_default_ttl", |p, v| v.small().map(|n| p.tcp.mark.ttl = Some(n))),
    ("tcp_fastopen", |p, v| v.number().map(|bits| super::fastopen::turn(p, bits))),
    ("tcp_fastopen_blackhole_timeout_sec", |p, v| {
        v.seconds().map(|time| p.tcp.fastopen_blackhole = time)
    }),
    ("tcp_fastopen_key", |p, v| super::fastopen::turn_key(p, v.word())),
    ("tcp_l3mdev_accept", |_, v| only(v, 0)),
    ("tcp_stdurg", |_, v| only(v, 1)),
    ("tcp_abort_on_overflow", |_, v| only(v, 0)),
];

/// Knobs of things that this host does not have, so that nothing depends on them: caches of old
/// paths, batching, limits of memory far beyond what a script needs.
const WITHOUT_MEANING: &[&str] = &[
    "tcp_no_metrics_save",
    "tcp_no_ssthresh_metrics_save",
    "tcp_moderate_rcvbuf",
    "tcp_mem",
    "tcp_tso_rtt_log",
    "tcp_limit_output_bytes",
    "tcp_autocorking",
    "tcp_low_latency",
    "tcp_max_orphans",
    "tcp_max_tw_buckets",
    "tcp_max_syn_backlog",
    "tcp_challenge_ack_limit",
    "tcp_tw_reuse",
    "tcp_tw_recycle",
    "tcp_probe_interval",
    "tcp_probe_threshold",
    "tcp_available_congestion_control",
    "tcp_allowed_congestion_control",
    "ip_local_port_range",
    "route.flush",
    "net.core.rmem_max",
    "net.core.wmem_max",
    "net.core.rmem_default",
    "net.core.wmem_default",
    "net.core.somaxconn",
    "net.core.optmem_max",
    "net.core.netdev_max_backlog",
    "tcp_comp_sack_nr",
    "tcp_comp_sack_delay_ns",
    "tcp_comp_sack_slack_ns",
    "tcp_backlog_ack_defer",
];

fn congestion(profile: &mut Profile, values: Values<'_>) -> Check {
    let name = values.word();
    profile.tcp.congestion =
        name.parse().map_err(|_| format!("no algorithm {name:?} is known here"))?;
    Ok(())
}

fn ecn(profile: &mut Profile, values: Values<'_>) -> Check {
    profile.tcp.ecn = match values.number()? {
        0 => Ecn::Off,
        1 => Ecn::On,
        2 => Ecn::Passive,
        n => return Err(format!("{n} asks for accurate ECN, which is not spoken")),
    };
    Ok(())
}

/// What a silence leaves of cwnd.
fn after_idle(restart: bool) -> AfterIdle {
    if restart { AfterIdle::Decay } else { AfterIdle::Keep }
}

fn syn_cookies(profile: &mut Profile, values: Values<'_>) -> Check {
    profile.syn_cookies = match values.number()? {
        0 => SynCookies::Never,
        1 => SynCookies::WhenFull,
        2 => SynCookies::Always,
        n => return Err(format!("{n} means nothing")),
    };
    Ok(())
}

fn no_pmtu_disc(profile: &mut Profile, values: Values<'_>) -> Check {
    profile.tcp.mtu_discover = match values.number()? {
        0 => Discover::Want,
        1 => Discover::Dont,
        n => return Err(format!("only 0 and 1 are known here, not {n}")),
    };
    Ok(())
}

/// The name without what all names of TCP begin with; paths become names.
fn short(name: &str) -> String {
    let name = name.strip_prefix("/proc/sys/").unwrap_or(name).replace('/', ".");
    let prefixes = ["net.ipv4.", "net.inet.tcp.", "net.inet6.", "net.inet."];
    let bare = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix));
    bare.unwrap_or(&name).to_owned()
}

fn knobs() -> impl Iterator<Item = &'static (&'static str, Turn)> {
    KNOBS.iter().chain(freebsd::KNOBS)
}

fn has_no_meaning(name: &str) -> bool {
    WITHOUT_MEANING.contains(&name) || freebsd::WITHOUT_MEANING.contains(&name)
}

/// Turns a knob; `name` may be a path below `/proc/sys`.
///
/// # Errors
/// What is not known here, by name.
pub(super) fn set(profile: &mut Profile, name: &str, value: &str) -> Result<(), String> {
    if let Some(knob) = name.strip_prefix(OWN) {
        return own(profile, knob, value);
    }
    let short = short(name);
    let values: Vec<&str> = value.split_whitespace().collect();
    if has_no_meaning(&short) {
        return Ok(());
    }
    let turn = knobs().find(|(known, _)| *known == short).map(|(_, turn)| turn);
    let turn = turn.ok_or_else(|| format!("sysctl {name}: this host has no such knob"))?;
    turn(profile, Values(&values)).map_err(|why| format!("sysctl {name}={value}: {why}"))
}

/// What the names of this host's own knobs begin with, which other systems have not.
const OWN: &str = "net.netglass.";

/// Turns a knob by the name that labs know it by.
#[cfg(feature = "lab")]
fn own(profile: &mut Profile, knob: &str, value: &str) -> Result<(), String> {
    let setting: crate::lab::Setting = format!("{knob}={value}").parse()?;
    setting.apply(&mut profile.tcp);
    Ok(())
}

#[cfg(not(feature = "lab"))]
fn own(_: &mut Profile, knob: &str, _: &str) -> Result<(), String> {
    Err(format!("sysctl {OWN}{knob}: this build has no labs, whose knobs these are"))
}

/// Whether a knob is known: asking for its value is no error then.
pub(super) fn is_known(name: &str) -> bool {
    let short = short(name);
    knobs().any(|(known, _)| *known == short) || has_no_meaning(&short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knobs_are_turned_by_name_and_by_path() {
        let mut profile = Profile::linux();
        set(&mut profile, "net.ipv4.tcp_timestamps", "0").unwrap();
        set(&mut profile, "/proc/sys/net/ipv4/tcp_syn_retries", "3").unwrap();
        set(&mut profile, "net.ipv4.tcp_rmem", "4096 87380 6291456").unwrap();
        assert!(!profile.tcp.timestamps);
        assert_eq!((profile.tcp.syn_retries, profile.tcp.recv_buffer_auto.1), (3, 3_145_728));
    }

    #[test]
    fn freebsds_knobs_turn_the_same_things() {
        let mut profile = Profile::freebsd();
        let mut turn = |name: &str, value| set(&mut profile, name, value);
        for (name, value) in [
            ("net.inet.tcp.recvspace", "131072"),
            ("kern.ipc.maxsockbuf", "4294967295"),
            ("net.inet.tcp.keepidle", "15000"),
            ("net.inet.tcp.syncookies_only", "1"),
            ("net.inet.tcp.finwait2_timeout", "1000"),
        ] {
            turn(name, value).unwrap();
        }
        assert!(turn("net.inet.tcp.functions_default", "rack").is_err());
        assert!(turn("net.inet.tcp.blackhole", "2").is_err());
        assert_eq!((profile.tcp.syn_window(1460), profile.tcp.wscale()), (65_535, 14));
        assert_eq!(profile.tcp.keepalive.unwrap().idle, Duration::from_secs(15));
        assert_eq!(profile.syn_cookies, SynCookies::Always);
        assert_eq!(profile.tcp.fin_wait2, Duration::from_secs(675), "it is not fast");
    }

    #[test]
    fn what_is_not_known_is_named() {
        let mut profile = Profile::linux();
        let error = set(&mut profile, "net.ipv4.tcp_telepathy", "1").unwrap_err();
        assert_eq!(error, "sysctl net.ipv4.tcp_telepathy: this host has no such knob");
        let error = set(&mut profile, "net.ipv4.tcp_congestion_control", "warp").unwrap_err();
        assert!(error.ends_with("no algorithm \"warp\" is known here"), "{error}");
        assert!(set(&mut profile, "net.ipv4.tcp_min_tso_segs", "4").is_ok());
    }

    #[test]
    fn every_knob_has_one_line() {
        for (at, (name, _)) in knobs().enumerate() {
            assert!(knobs().skip(at + 1).all(|(other, _)| other != name), "{name} twice");
            assert!(!has_no_meaning(name), "{name} has a meaning");
        }
    }
}
