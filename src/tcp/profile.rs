//! Personalities: named sets of knobs, each value with its source.
//!
//! `linux` is the default. `rfc` is the text-book: what the RFCs ask for or suggest, without what
//! came later. `freebsd` is what its users expect. What is shown of a knob is what a lab file
//! takes.

use super::cc::{Algorithm, HyStart};
use super::config::{AfterIdle, Config, Ecn, Keepalive, Lineage};
use super::delack::AckEvery;
use super::fastopen::FastOpening;
use crate::base::Duration;
use crate::base::time::nanos;
use crate::wire::ip::Discover;
use crate::wire::tcp::Layout;
use std::fmt;
use std::str::FromStr;

/// A named set of knobs.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Profile {
    /// What the RFCs ask for or suggest.
    Rfc,
    /// What Linux users expect.
    #[default]
    Linux,
    /// What FreeBSD users expect.
    FreeBsd,
}

/// A knob of a profile that differs from Linux's: its name, what turns it, and who says so.
struct Turned(&'static str, fn(&mut Config), &'static str);

const RFC: &[Turned] = &[
    Turned("recv_buffer", |c| c.recv_buffer = 65_535, "RFC 9293 §3.1: all that the field can say"),
    Turned("send_buffer", |c| c.send_buffer = 65_535, "RFC 9293 §3.1: as the window"),
    Turned("rack", |c| c.rack = false, "RFC 6675, RFC 6582; RFC 8985 §8: may be used instead"),
    Turned("tlp", |c| c.tlp = false, "RFC 8985 §7: part of what may be used instead"),
    Turned("rto_min", |c| c.rto_min = Duration::from_secs(1), "RFC 6298 §2.4: SHOULD be 1 s"),
    Turned("rto_max", |c| c.rto_max = Duration::from_secs(60), "RFC 6298 §2.5: at least 60 s"),
    Turned("syn_retries", |c| c.syn_retries = 7, "RFC 9293 §3.8.3 (MUST-23): 3 min at least"),
    Turned("synack_retries", |c| c.synack_retries = 7, "RFC 9293 §3.8.3 (MUST-23): 3 min at least"),
    Turned("orphan_retries", |c| c.orphan_retries = c.retries2, "RFC 9293 §3.8.3 knows R2 only"),
    Turned(
        "delayed_ack",
        |c| c.delayed_ack = Duration::from_millis(200),
        "RFC 9293 §3.8.6.3 (MUST-40): below 500 ms",
    ),
    Turned("ack_every", |c| c.ack_every = AckEvery::TwoFull, "RFC 9293 §3.8.6.3 (SHLD-19)"),
    Turned("quickack", |c| c.quickack = 0, "RFC 9293 §3.8.6.3 (SHLD-18) knows no exception"),
    Turned("time_wait", |c| c.time_wait = Duration::from_secs(240), "RFC 9293 §3.4.2: 2 MSL"),
    Turned("initial_window", |c| c.initial_window = 3, "RFC 5681 §3.1: 3 segments of 1460 bytes"),
    Turned("congestion", |c| c.congestion = Algorithm::NEWRENO, "RFC 5681, RFC 6582"),
    Turned("hystart", |c| c.hystart = HyStart::PlusPlus, "RFC 9406"),
    Turned("after_idle", |c| c.after_idle = AfterIdle::Restart, "RFC 5681 §4.1"),
    Turned("push_bursts", |c| c.push_bursts = false, "RFC 9293 §3.9.1.2: at the end of the data"),
    Turned("minshall", |c| c.minshall = false, "RFC 9293 §3.7.4: waits for all in flight"),
    Turned("rttvar_peak", |c| c.rttvar_peak = false, "RFC 6298 §2.3"),
    Turned("syn_linear", |c| c.syn_linear = 0, "RFC 6298 §5.5"),
    Turned("tso_win_divisor", |c| c.tso_win_divisor = 0, "RFC 5681 §3.1: cwnd is the limit"),
    Turned("ts_required", |c| c.ts_required = true, "RFC 7323 §3.2: SHOULD drop"),
    Turned(
        "sws_override",
        |c| c.sws_override = Duration::from_millis(200),
        "RFC 9293 §3.8.6.2.1 (SHLD-28): 0.1 to 1 s",
    ),
    Turned("max_reordering", |c| c.max_reordering = 3, "RFC 5681 §3.2: three duplicates"),
    Turned("count_segments", |c| c.count_segments = false, "RFC 9937 §6: bytes"),
    Turned("syn_losses", |c| c.syn_losses = 1, "RFC 5681 §3.1"),
    Turned("window_up", |c| c.window_up = false, "RFC 7323 §2.3: the field is the window shifted"),
    Turned("fastopen_client", |c| c.fastopen_client = FastOpening::Off, "RFC 7413: experimental"),
    Turned("option_order", |c| c.option_order = Layout::ByKind, "RFC 9293 §3.2: any order"),
    Turned("lineage", |c| c.lineage = Lineage::Rfc, "RFC 9293"),
    Turned("mtu_claims_wait", |c| c.mtu_claims_wait = true, "RFC 5927 §7.2"),
    Turned("min_pmtu", |c| c.min_pmtu = 68, "RFC 1191 §3"),
];

const FREEBSD: &[Turned] = &[
    Turned(
        "recv_buffer_auto",
        |c| c.recv_buffer_auto = (1 << 16, 2 << 20),
        "tcp(4): recvspace; kern.ipc.maxsockbuf",
    ),
    Turned(
        "send_buffer_auto",
        |c| c.send_buffer_auto = (1 << 15, 2 << 20),
        "tcp(4): sendspace, sendbuf_max",
    ),
    Turned("rack", |c| c.rack = false, "tcp_rack(4): not in the base stack"),
    Turned("tlp", |c| c.tlp = false, "tcp_rack(4): not in the base stack"),
    Turned("frto", |c| c.frto = false, "tcp(4) knows none"),
    Turned("lineage", |c| c.lineage = Lineage::Bsd, "4.4BSD; tcp(4)"),
    Turned("rto_min", |c| c.rto_min = Duration::from_millis(30), "tcp(4): rexmit_min"),
    Turned("rto_max", |c| c.rto_max = Duration::from_secs(64), "as FreeBSD: 64 s"),
    Turned("rexmit_slop", |c| c.rexmit_slop = Duration::from_millis(200), "tcp(4): rexmit_slop"),
    Turned(
        "rto_after_syn_loss",
        |c| c.rto_after_syn_loss = c.rto_initial,
        "as FreeBSD: the SYN's timeout goes on",
    ),
    Turned("keepinit", |c| c.keepinit = Some(Duration::from_secs(75)), "tcp(4): keepinit"),
    Turned("syn_retries", |c| c.syn_retries = 12, "as FreeBSD: 12, but for keepinit"),
    Turned("synack_retries", |c| c.synack_retries = 3, "syncache(4): rexmtlimit 3"),
    Turned("retries2", |c| c.retries2 = 12, "tcp(4): 12 retransmissions"),
    Turned("orphan_retries", |c| c.orphan_retries = 12, "tcp(4): 12 retransmissions"),
    Turned("delayed_ack_max", |c| c.delayed_ack_max = c.delayed_ack, "tcp(4): delacktime"),
    Turned("ack_every", |c| c.ack_every = AckEvery::Second, "tcp(4): delayed_ack"),
    Turned("quickack", |c| c.quickack = 0, "tcp(4) knows none"),
    Turned("sws_override", |c| c.sws_override = Duration::from_secs(5), "tcp(4): persmin"),
    Turned("persmin", |c| c.persmin = Duration::from_secs(5), "tcp(4): persmin"),
    Turned("probe_max", |c| c.probe_max = Duration::from_secs(60), "tcp(4): persmax"),
    Turned(
        "keepalive",
        |c| c.keepalive = Some(Keepalive { probes: 8, ..Keepalive::default() }),
        "tcp(4): always_keepalive, keepcnt 8",
    ),
    Turned(
        "fin_wait2",
        |c| c.fin_wait2 = Duration::from_secs(675),
        "tcp(4): keepcnt * keepintvl after the last segment, looked at every keepintvl",
    ),
    Turned(
        "challenge_interval",
        |c| c.challenge_interval = Duration::from_secs(1),
        "as FreeBSD: ack_war_timewindow",
    ),
    Turned("challenge_count", |c| c.challenge_count = 5, "as FreeBSD: ack_war_cnt"),
    Turned("min_pmtu", |c| c.min_pmtu = 256, "tcp(4): minmss 216, and headers"),
    Turned("oobinline", |c| c.oobinline = false, "setsockopt(2): SO_OOBINLINE"),
    Turned("drop_synfin", |c| c.drop_synfin = false, "tcp(4): drop_synfin"),
    Turned("abc_l_var", |c| c.abc_l_var = 2, "tcp(4): abc_l_var"),
    Turned("newcwv", |c| c.newcwv = false, "tcp(4): newcwv"),
    Turned("hystart", |c| c.hystart = HyStart::PlusPlus, "RFC 9406; tcp(4): hystartplusplus"),
    Turned("after_idle", |c| c.after_idle = AfterIdle::Restart, "mod_cc(4): as RFC 5681 §4.1"),
    Turned("ecn_maxretries", |c| c.ecn_maxretries = 1, "tcp(4): ecn.maxretries"),
    Turned("reassembly_pieces", |c| c.reassembly_pieces = 100, "tcp(4): reass.maxqueuelen 100"),
    Turned("min_mss", |c| c.min_mss = 216, "tcp(4): minmss 216"),
    Turned("tso_autosize", |c| c.tso_autosize = false, "as FreeBSD: as much as the device takes"),
    Turned("push_bursts", |c| c.push_bursts = false, "as FreeBSD: at the end of the data"),
    Turned("minshall", |c| c.minshall = false, "as FreeBSD: small ones wait for all in flight"),
    Turned("rttvar_peak", |c| c.rttvar_peak = false, "RFC 6298 §2.3"),
    Turned("syn_linear", |c| c.syn_linear = 0, "RFC 6298 §5.5"),
    Turned("tso_win_divisor", |c| c.tso_win_divisor = 0, "tcp(4) knows none"),
    Turned("ts_required", |c| c.ts_required = true, "tcp(4): tolerate_missing_ts 0"),
    Turned("max_reordering", |c| c.max_reordering = 3, "tcp(4) knows no adaptation"),
    Turned("count_segments", |c| c.count_segments = false, "RFC 9937 §6: bytes"),
    Turned("syn_losses", |c| c.syn_losses = 1, "RFC 5681 §3.1"),
    Turned("window_up", |c| c.window_up = false, "RFC 7323 §2.3: the field is the window shifted"),
    Turned("fastopen_client", |c| c.fastopen_client = FastOpening::Off, "tcp(4): client_enable"),
    Turned("option_order", |c| c.option_order = Layout::ByKind, "as FreeBSD sends them"),
];

/// A knob as it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Knob {
    /// Its name.
    pub name: &'static str,
    /// Its value, as a lab file takes it.
    pub value: String,
    /// Who says so: an RFC or a manual page.
    pub source: &'static str,
}

impl Profile {
    /// All of them.
    pub const ALL: [Profile; 3] = [Profile::Rfc, Profile::Linux, Profile::FreeBsd];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Rfc => "rfc",
            Profile::Linux => "linux",
            Profile::FreeBsd => "freebsd",
        }
    }

    fn turned(self) -> &'static [Turned] {
        match self {
            Profile::Rfc => RFC,
            Profile::Linux => &[],
            Profile::FreeBsd => FREEBSD,
        }
    }

    /// Its knobs.
    pub fn config(self) -> Config {
        let mut config = Config::default();
        self.turned().iter().for_each(|Turned(_, turn, _)| turn(&mut config));
        config
    }

    /// All its knobs, as they are shown.
    pub fn knobs(self) -> Vec<Knob> {
        let config = self.config();
        let source = |name: &str, linux: &'static str| {
            let own = self.turned().iter().find(|turned| turned.0 == name);
            own.map_or(linux, |turned| turned.2)
        };
        let knob = |Shown(name, show, linux): &Shown| {
            let (value, source) = (show(&config), source(name, linux));
            Knob { name, value, source }
        };
        SHOWN.iter().map(knob).collect()
    }
}

/// The knobs of a configuration, as they are shown; the sources are those of Linux's values.
pub fn knobs_of(config: &Config) -> Vec<Knob> {
    let knob = |Shown(name, show, source): &Shown| Knob { name, value: show(config), source };
    SHOWN.iter().map(knob).collect()
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(name: &str) -> Result<Profile, String> {
        let known = Profile::ALL.into_iter().find(|profile| profile.name() == name);
        known.ok_or_else(|| {
            let names = Profile::ALL.map(Profile::name).join(", ");
            format!("there is no profile \"{name}\": choose from {names}")
        })
    }
}

/// A knob: its name, how it is shown, and where Linux's value is written.
struct Shown(&'static str, fn(&Config) -> String, &'static str);

fn switch(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

fn ecn(ecn: Ecn) -> &'static str {
    match ecn {
        Ecn::Off => "off",
        Ecn::On => "on",
        Ecn::Passive => "passive",
    }
}

fn after_idle(what: AfterIdle) -> &'static str {
    match what {
        AfterIdle::Keep => "keep",
        AfterIdle::Decay => "decay",
        AfterIdle::Restart => "restart",
    }
}

/// A time in the largest unit that tells it exactly.
fn time(time: Duration) -> String {
    let nanos = nanos(time);
    let units = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];
    let fits = units.into_iter().find(|(_, unit)| nanos > 0 && nanos.is_multiple_of(*unit));
    fits.map_or_else(|| "0".to_owned(), |(name, unit)| format!("{}{name}", nanos / unit))
}

fn override_time(config: &Config) -> String {
    match config.sws_override {
        Duration::ZERO => "rto".to_owned(),
        fixed => time(fixed),
    }
}

fn size(size: u32) -> String {
    if size == Config::AUTO { "auto".to_owned() } else { size.to_string() }
}

fn range((first, most): (u32, u32)) -> String {
    format!("{first} {most}")
}

fn or_none<T: fmt::Display>(value: Option<T>, none: &str) -> String {
    value.map_or_else(|| none.to_owned(), |value| value.to_string())
}

const SHOWN: &[Shown] = &[
    Shown("mss", |c| or_none(c.mss, "auto"), "tcp(7): TCP_MAXSEG; RFC 9293 §3.7.1"),
    Shown("recv_buffer", |c| size(c.recv_buffer), "tcp(7): tcp_moderate_rcvbuf"),
    Shown("recv_buffer_auto", |c| range(c.recv_buffer_auto), "tcp(7): tcp_rmem, half of it data"),
    Shown("send_buffer", |c| size(c.send_buffer), "tcp(7): SO_SNDBUF not set"),
    Shown("send_buffer_auto", |c| range(c.send_buffer_auto), "tcp(7): tcp_wmem"),
    Shown("window_clamp", |c| or_none(c.window_clamp, "off"), "tcp(7): TCP_WINDOW_CLAMP"),
    Shown("window_up", |c| switch(c.window_up), "as Linux: aligned to the scale"),
    Shown("window_scaling", |c| switch(c.window_scaling), "tcp(7): tcp_window_scaling"),
    Shown("timestamps", |c| switch(c.timestamps), "tcp(7): tcp_timestamps"),
    Shown("ts_required", |c| switch(c.ts_required), "as Linux: only those that come are checked"),
    Shown("sack", |c| switch(c.sack), "tcp(7): tcp_sack"),
    Shown("ecn", |c| ecn(c.ecn).to_owned(), "tcp(7): tcp_ecn 2"),
    Shown("pacing", |c| switch(c.pacing), "as Linux without fq: the algorithm decides"),
    Shown("after_idle", |c| after_idle(c.after_idle).to_owned(), "tcp_slow_start_after_idle"),
    Shown("dsack", |c| switch(c.dsack), "tcp(7): tcp_dsack"),
    Shown("rack", |c| switch(c.rack), "ip-sysctl: tcp_recovery"),
    Shown("tlp", |c| switch(c.tlp), "ip-sysctl: tcp_early_retrans"),
    Shown("tlp_ack_delay", |c| time(c.tlp_ack_delay), "RFC 8985 §7.2"),
    Shown("prr", |c| switch(c.prr), "RFC 9937"),
    Shown("frto", |c| switch(c.frto), "tcp(7): tcp_frto"),
    Shown("undo", |c| switch(c.undo), "RFC 4015; RFC 3708"),
    Shown("reordering", |c| c.reordering.to_string(), "tcp(7): tcp_reordering"),
    Shown("max_reordering", |c| c.max_reordering.to_string(), "ip-sysctl: tcp_max_reordering"),
    Shown("count_segments", |c| switch(c.count_segments), "as Linux: windows are segments"),
    Shown("nagle", |c| switch(c.nagle), "tcp(7): TCP_NODELAY"),
    Shown("rttvar_peak", |c| switch(c.rttvar_peak), "as Linux: SRTT and tcp_rto_min_us at least"),
    Shown("rto_initial", |c| time(c.rto_initial), "RFC 6298 §2.1"),
    Shown("rto_min", |c| time(c.rto_min), "ip-sysctl: tcp_rto_min_us"),
    Shown("rto_max", |c| time(c.rto_max), "ip-sysctl: tcp_rto_max_ms"),
    Shown("rto_after_syn_loss", |c| time(c.rto_after_syn_loss), "RFC 6298 §5.7"),
    Shown("syn_linear", |c| c.syn_linear.to_string(), "ip-sysctl: tcp_syn_linear_timeouts"),
    Shown("syn_retries", |c| c.syn_retries.to_string(), "tcp(7): tcp_syn_retries"),
    Shown("syn_losses", |c| c.syn_losses.to_string(), "as Linux: more than one"),
    Shown("synack_retries", |c| c.synack_retries.to_string(), "tcp(7): tcp_synack_retries"),
    Shown("retries1", |c| c.retries1.to_string(), "tcp(7): tcp_retries1"),
    Shown("retries2", |c| c.retries2.to_string(), "tcp(7): tcp_retries2"),
    Shown("orphan_retries", |c| c.orphan_retries.to_string(), "ip-sysctl: tcp_orphan_retries"),
    Shown("delayed_ack", |c| time(c.delayed_ack), "ip-route(8): at least 40 ms"),
    Shown("delayed_ack_max", |c| time(c.delayed_ack_max), "ip-route(8): at most 200 ms"),
    Shown("ack_every", |c| c.ack_every.to_string(), "more than a full segment, as Linux"),
    Shown("quickack", |c| c.quickack.to_string(), "tcp(7): TCP_QUICKACK"),
    Shown("sws_override", override_time, "as Linux: the timer of window probes"),
    Shown("probe_max", |c| time(c.probe_max), "ip-sysctl: tcp_rto_max_ms"),
    Shown("keepalive", keepalive, "tcp(7): tcp_keepalive_time, _intvl, _probes"),
    Shown("user_timeout", |c| or_none(c.user_timeout.map(time), "off"), "tcp(7): TCP_USER_TIMEOUT"),
    Shown("user_timeout_option", |c| switch(c.user_timeout_option), "RFC 5482: Linux has none"),
    Shown("time_wait", |c| time(c.time_wait), "as Linux: 60 s"),
    Shown("rfc1337", |c| switch(c.rfc1337), "tcp(7): tcp_rfc1337"),
    Shown("fin_wait2", |c| time(c.fin_wait2), "tcp(7): tcp_fin_timeout, TCP_LINGER2"),
    Shown("initial_window", |c| c.initial_window.to_string(), "RFC 6928; ip-route(8): initcwnd"),
    Shown("challenge_interval", |c| time(c.challenge_interval), "ip-sysctl: tcp_invalid_ratelimit"),
    Shown("challenge_count", |c| c.challenge_count.to_string(), "as Linux: one in each interval"),
    Shown("reassembly_pieces", |c| c.reassembly_pieces.to_string(), "bound of this host"),
    Shown("min_mss", |c| c.min_mss.to_string(), "ip-sysctl: tcp_min_snd_mss"),
    Shown("congestion", |c| c.congestion.name().to_owned(), "tcp(7): tcp_congestion_control"),
    Shown("hystart", |c| c.hystart.to_string(), "as Linux: tcp_cubic, hystart_detect 3"),
    Shown("ttl", |c| c.mark.ttl.unwrap_or(64).to_string(), "ip(7): IP_TTL"),
    Shown("tos", |c| c.mark.tos.to_string(), "ip(7): IP_TOS"),
    Shown("mtu_discover", |c| discover(c.mtu_discover).to_owned(), "ip(7): IP_MTU_DISCOVER"),
    Shown("mtu_claims_wait", |c| switch(c.mtu_claims_wait), "as Linux: believed at once"),
    Shown("mtu_expires", |c| time(c.mtu_expires), "ip-sysctl: route/mtu_expires"),
    Shown("min_pmtu", |c| c.min_pmtu.to_string(), "ip-sysctl: route/min_pmtu"),
    Shown("mtu_probing", |c| switch(c.mtu_probing), "ip-sysctl: tcp_mtu_probing"),
    Shown("base_mss", |c| c.base_mss.to_string(), "ip-sysctl: tcp_base_mss"),
    Shown(
        "zero_window_max",
        |c| or_none(c.zero_window_max.map(time), "off"),
        "RFC 9293 §3.8.6.1 (MUST-37)",
    ),
    Shown("tso_autosize", |c| switch(c.tso_autosize), "ip-sysctl: tcp_min_tso_segs"),
    Shown("min_tso_segs", |c| c.min_tso_segs.to_string(), "ip-sysctl: tcp_min_tso_segs"),
    Shown("tso_win_divisor", |c| c.tso_win_divisor.to_string(), "ip-sysctl: tcp_tso_win_divisor"),
    Shown("push_bursts", |c| switch(c.push_bursts), "as Linux: super-segments have PSH"),
    Shown("minshall", |c| switch(c.minshall), "as Linux: small ones wait for small ones"),
    Shown("cork", |c| switch(c.cork), "tcp(7): TCP_CORK"),
    Shown("notsent_lowat", |c| or_none(c.notsent_lowat, "off"), "ip-sysctl: tcp_notsent_lowat"),
    Shown("rcvlowat", |c| c.rcvlowat.to_string(), "socket(7): SO_RCVLOWAT"),
    Shown("linger", |c| or_none(c.linger.map(time), "off"), "socket(7): SO_LINGER"),
    Shown("defer_accept", |c| or_none(c.defer_accept.map(time), "off"), "tcp(7): TCP_DEFER_ACCEPT"),
    Shown("fastopen_client", |c| c.fastopen_client.to_string(), "ip-sysctl: tcp_fastopen, 0x1"),
    Shown("fastopen_connect", |c| switch(c.fastopen_connect), "tcp(7): TCP_FASTOPEN_CONNECT"),
    Shown(
        "fastopen_blackhole",
        |c| time(c.fastopen_blackhole),
        "ip-sysctl: tcp_fastopen_blackhole_timeout_sec",
    ),
    Shown("fastopen_server", |c| c.fastopen_server.to_string(), "ip-sysctl: tcp_fastopen, 0x2"),
    Shown("fastopen_queue", |c| or_none(c.fastopen_queue, "backlog"), "tcp(7): TCP_FASTOPEN"),
    Shown("fastopen_key", |c| or_none(c.fastopen_key, "own"), "ip-sysctl: tcp_fastopen_key"),
    Shown("lineage", |c| c.lineage.to_string(), "tcp(7)"),
    Shown("rexmit_slop", |c| time(c.rexmit_slop), "RFC 6298 knows none"),
    Shown("keepinit", |c| or_none(c.keepinit.map(time), "off"), "tcp(7): tcp_syn_retries instead"),
    Shown("persmin", |c| time(c.persmin), "RFC 9293 §3.8.6.1 (SHLD-29)"),
    Shown("insecure_rst", |c| switch(c.insecure_rst), "RFC 5961 §3.2"),
    Shown("insecure_syn", |c| switch(c.insecure_syn), "RFC 5961 §4.2"),
    Shown("drop_synfin", |c| switch(c.drop_synfin), "as Linux: opens nothing"),
    Shown("abc_l_var", |c| c.abc_l_var.to_string(), "RFC 3465 without its L, as Linux"),
    Shown("newcwv", |c| switch(c.newcwv), "RFC 7661, as Linux has it"),
    Shown("ecn_maxretries", |c| c.ecn_maxretries.to_string(), "tcp_ecn_fallback"),
    Shown("rexmit_drop_options", |c| switch(c.rexmit_drop_options), "Linux has none"),
    Shown("icmp_may_rst", |c| switch(c.icmp_may_rst), "RFC 5927 §5.2"),
    Shown("recverr", |c| switch(c.recverr), "ip(7): IP_RECVERR"),
    Shown("noopt", |c| switch(c.noopt), "Linux has none"),
    Shown("oobinline", |c| switch(c.oobinline), "RFC 6093 §2.1; tcp(7): SO_OOBINLINE"),
    Shown("option_order", |c| c.option_order.to_string(), "as Linux sends them"),
];

fn keepalive(config: &Config) -> String {
    let text = |k: Keepalive| format!("{} {} {}", time(k.idle), time(k.interval), k.probes);
    or_none(config.keepalive.map(text), "off")
}

fn discover(discover: Discover) -> &'static str {
    match discover {
        Discover::Want => "want",
        Discover::Do => "do",
        Discover::Dont => "dont",
        Discover::Probe => "probe",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_turn_is_of_a_knob_and_changes_it() {
        let linux = Profile::Linux.knobs();
        for profile in Profile::ALL {
            assert_eq!(profile.name().parse(), Ok(profile));
            let knobs = profile.knobs();
            let differ = |(a, b): &(&Knob, &Knob)| a.value != b.value;
            let names: Vec<_> =
                knobs.iter().zip(&linux).filter(differ).map(|(knob, _)| knob.name).collect();
            for Turned(name, ..) in profile.turned() {
                let same_today = *name == "congestion";
                assert!(same_today || names.contains(name), "{profile}: {name} is as Linux's");
            }
            for name in names {
                assert!(profile.turned().iter().any(|turned| turned.0 == name), "{name}");
            }
        }
        assert!("windows".parse::<Profile>().is_err());
    }

    #[test]
    fn times_are_shown_exactly() {
        let shown = [0, 1, 1_500, 2_000_000, 90_000_000_000].map(|n| time(Duration::from_nanos(n)));
        assert_eq!(shown, ["0", "1ns", "1500ns", "2ms", "90s"]);
    }
}
