//! The knobs of the host that a script was written from: the nearest profile, and what differs, as
//! sysctls: by Linux's names where it has such knobs, else by ours.

use super::super::run::{Profile, turn};
use crate::tcp::profile::Knob;
use crate::tcp::{self, AfterIdle, Config, Ecn};

/// Which host a script meets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Knobs {
    /// The profile.
    profile: tcp::Profile,
    /// What is turned by sysctls: name and value.
    sysctls: Vec<(String, String)>,
    /// Whether the device takes super-segments.
    offload: bool,
}

/// A knob's name, the sysctl's, and its value there; `None` where it has no words for that.
type Named = (&'static str, &'static str, fn(&Config) -> Option<String>);

fn bit(on: bool) -> Option<String> {
    Some(u8::from(on).to_string())
}

fn some(n: impl ToString) -> Option<String> {
    Some(n.to_string())
}

const NAMED: &[Named] = &[
    ("timestamps", "net.ipv4.tcp_timestamps", |c| bit(c.timestamps)),
    ("sack", "net.ipv4.tcp_sack", |c| bit(c.sack)),
    ("dsack", "net.ipv4.tcp_dsack", |c| bit(c.dsack)),
    ("window_scaling", "net.ipv4.tcp_window_scaling", |c| bit(c.window_scaling)),
    ("rack", "net.ipv4.tcp_recovery", |c| bit(c.rack)),
    ("tlp", "net.ipv4.tcp_early_retrans", |c| some(if c.tlp { 3 } else { 0 })),
    ("frto", "net.ipv4.tcp_frto", |c| some(if c.frto { 2 } else { 0 })),
    ("reordering", "net.ipv4.tcp_reordering", |c| some(c.reordering)),
    ("syn_retries", "net.ipv4.tcp_syn_retries", |c| some(c.syn_retries)),
    ("synack_retries", "net.ipv4.tcp_synack_retries", |c| some(c.synack_retries)),
    ("retries1", "net.ipv4.tcp_retries1", |c| some(c.retries1)),
    ("retries2", "net.ipv4.tcp_retries2", |c| some(c.retries2)),
    ("fin_wait2", "net.ipv4.tcp_fin_timeout", |c| some(c.fin_wait2.as_secs())),
    ("rto_min", "net.ipv4.tcp_rto_min_us", |c| some(c.rto_min.as_micros())),
    ("rto_max", "net.ipv4.tcp_rto_max_ms", |c| some(c.rto_max.as_millis())),
    ("min_mss", "net.ipv4.tcp_min_snd_mss", |c| some(c.min_mss)),
    ("base_mss", "net.ipv4.tcp_base_mss", |c| some(c.base_mss)),
    ("mtu_probing", "net.ipv4.tcp_mtu_probing", |c| bit(c.mtu_probing)),
    ("congestion", "net.ipv4.tcp_congestion_control", |c| some(c.congestion.name())),
    ("ecn", "net.ipv4.tcp_ecn", |c| match c.ecn {
        Ecn::Off => some(0),
        Ecn::On => some(1),
        Ecn::Passive => some(2),
    }),
    ("after_idle", "net.ipv4.tcp_slow_start_after_idle", |c| match c.after_idle {
        AfterIdle::Decay => some(1),
        AfterIdle::Keep => some(0),
        AfterIdle::Restart => None,
    }),
    ("recv_buffer_auto", "net.ipv4.tcp_rmem", |c| {
        let (low, high) = c.recv_buffer_auto;
        some(format!("4096 {} {}", low.checked_mul(2)?, high.checked_mul(2)?))
    }),
    ("send_buffer_auto", "net.ipv4.tcp_wmem", |c| {
        let (low, high) = c.send_buffer_auto;
        some(format!("4096 {low} {high}"))
    }),
];

/// What `config` has otherwise than `other`.
fn differing(config: &Config, other: &Config) -> Vec<Knob> {
    let pairs = tcp::profile::knobs_of(config).into_iter().zip(tcp::profile::knobs_of(other));
    pairs.filter(|(own, theirs)| own.value != theirs.value).map(|(own, _)| own).collect()
}

impl Knobs {
    /// Those of a host.
    pub(super) fn of(config: &Config, offload: bool) -> Knobs {
        let mut all = tcp::Profile::ALL;
        // Of equally near ones, the default.
        all.sort_by_key(|profile| *profile != tcp::Profile::default());
        let near = |profile: &tcp::Profile| differing(config, &profile.config()).len();
        let profile = all.into_iter().min_by_key(near).unwrap_or_default();
        let mut reached = Profile { tcp: profile.config(), ..Profile::linux() };
        let mut sysctls = Vec::new();
        for knob in differing(config, &reached.tcp) {
            let named = NAMED.iter().find(|named| named.0 == knob.name);
            let common = named.and_then(|named| Some((named.1.to_owned(), (named.2)(config)?)));
            let own = (format!("net.netglass.{}", knob.name), knob.value.clone());
            let reaches = |(name, value): &(String, String)| {
                let mut turned = reached.clone();
                let is_known = turn(&mut turned, name, value).is_ok();
                let is_left = || differing(config, &turned.tcp).iter().any(|k| k.name == knob.name);
                (is_known && !is_left()).then_some(turned)
            };
            let mut ways = common.into_iter().chain([own]);
            let found = ways.find_map(|way| reaches(&way).map(|turned| (way, turned)));
            if let Some((way, turned)) = found {
                reached = turned;
                sysctls.push(way);
            }
        }
        Knobs { profile, sysctls, offload }
    }

    /// The host that the script is to meet.
    pub(super) fn profile(&self) -> Profile {
        Profile::named(self.profile.name()).unwrap_or_default()
    }

    /// The command before time 0 that turns them.
    pub(super) fn commands(&self) -> Option<String> {
        let line = |(name, value): &(String, String)| match value.contains(' ') {
            true => format!("sysctl -q {name}=\"{value}\""),
            false => format!("sysctl -q {name}={value}"),
        };
        let device = (!self.offload).then(|| "ethtool -K tun0 tso off gso off".to_owned());
        let lines: Vec<_> = self.sysctls.iter().map(line).chain(device).collect();
        (!lines.is_empty()).then(|| lines.join("\n "))
    }

    /// The profile's name, if it is not the default.
    pub(super) fn named(&self) -> Option<String> {
        (self.profile != tcp::Profile::default()).then(|| self.profile.to_string())
    }
}
