//! The knobs of a connection, each with its unit, its default (what Linux users expect) and the
//! value or range the RFC names.

use super::cc::{Algorithm, HyStart};
use super::delack::AckEvery;
use super::fastopen::{FastOpening, keys::Keys};
use crate::base::Duration;
use crate::wire::ip::{Discover, Mark};
use crate::wire::tcp::Layout;
use std::fmt;

/// Keep-alive (RFC 9293 §3.8.4): off unless a socket asks for it (MUST-25).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Keepalive {
    /// Silence before the first probe. Default 2 h (MUST-28: no less by default).
    // Rules: MUST-27, 2525-2.11.
    pub idle: Duration,
    /// Time between probes. Default 75 s.
    pub interval: Duration,
    /// Unanswered probes that end the connection. Default 9.
    pub probes: u8,
}

impl Default for Keepalive {
    fn default() -> Keepalive {
        Keepalive { idle: Duration::from_secs(7_200), interval: Duration::from_secs(75), probes: 9 }
    }
}

/// Who asks for explicit congestion notification (RFC 3168).
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum Ecn {
    /// Nobody gets it.
    Off,
    /// We do, and whoever asks gets it.
    On,
    /// Whoever asks gets it.
    #[default]
    Passive,
}

/// What a silence leaves of cwnd.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum AfterIdle {
    /// All of it.
    Keep,
    /// Half for each RTO, down to the initial window (RFC 2861 §3; Linux).
    #[default]
    Decay,
    /// The initial window (RFC 5681 §4.1).
    Restart,
}

/// Which family of implementations is followed where RFC 9293 leaves a choice, or is not followed.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum Lineage {
    /// The RFC's words.
    Rfc,
    /// Linux's ways, where they are not the RFC's.
    #[default]
    Linux,
    /// 4.4BSD's descendants, as FreeBSD 14 (`docs/freebsd.md` says in what they differ).
    Bsd,
}

impl Lineage {
    /// All of them.
    pub const ALL: [Lineage; 3] = [Lineage::Rfc, Lineage::Linux, Lineage::Bsd];
}

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Lineage::Rfc => "rfc",
            Lineage::Linux => "linux",
            Lineage::Bsd => "bsd",
        })
    }
}

/// All knobs of a connection. `Config::default()` is what Linux users expect.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Config {
    /// Largest segment we ask the peer for, and send, payload bytes (`TCP_MAXSEG`); `None`: the
    /// interface MTU less 40 (60 for IPv6) (RFC 9293 §3.7.1, MUST-67), and what the peer asks
    /// for.
    pub mss: Option<u16>,
    /// Receive buffer, bytes of data, 2 KiB..=1 GiB (`SO_RCVBUF`); [`Config::AUTO`], the default:
    /// tuned to what is read in a round trip.
    pub recv_buffer: u32,
    /// What tuning makes of it at first and at most. Default 64 KiB and 3 MiB (as Linux's
    /// `tcp_rmem`, half of which holds data).
    pub recv_buffer_auto: (u32, u32),
    /// Send buffer, bytes of data, 2 KiB..=1 GiB (`SO_SNDBUF`); [`Config::AUTO`], the default:
    /// tuned to twice the congestion window.
    pub send_buffer: u32,
    /// What tuning makes of it at first and at most. Default 16 KiB and 4 MiB (as Linux's
    /// `tcp_wmem`).
    pub send_buffer_auto: (u32, u32),
    /// The most that is offered as window, bytes (`TCP_WINDOW_CLAMP`). Default `None`.
    pub window_clamp: Option<u32>,
    /// What the scale cannot say of the window is rounded up, as Linux, while the buffer has room
    /// for that, and resets tell it, too. Default on; off: down, and 0.
    pub window_up: bool,
    /// Offer window scaling (RFC 7323 §2). Default on.
    pub window_scaling: bool,
    /// Offer timestamps (RFC 7323 §3). Default on.
    pub timestamps: bool,
    /// Segments without the timestamps that were agreed on are dropped (RFC 7323 §3.2: SHOULD).
    /// Default off (as Linux).
    pub ts_required: bool,
    /// Offer SACK (RFC 2018). Default on.
    pub sack: bool,
    /// Report data received twice (D-SACK, RFC 2883). Default on; without SACK there is none.
    pub dsack: bool,
    /// Take for lost, by time, what was sent before something that has arrived (RACK, RFC 8985).
    /// Default on. Off, or without SACK: by counting (RFC 6675, RFC 6582).
    pub rack: bool,
    /// Probe for a lost tail instead of waiting for the RTO (TLP, RFC 8985 §7). Default on; needs
    /// SACK.
    pub tlp: bool,
    /// How long a peer may delay its ACK of a single segment, for the loss probe
    /// (TLP.max_ack_delay). Default 200 ms.
    pub tlp_ack_delay: Duration,
    /// Send by proportional rate reduction in recovery (RFC 9937). Default on. Off: as soon as
    /// `in flight` is below the reduced window.
    pub prr: bool,
    /// After a timeout, see whether it was too early before all is sent again (F-RTO, RFC 5682).
    /// Default on.
    pub frto: bool,
    /// Take back a reduction that was for nothing (Eifel, RFC 3522 and RFC 4015; D-SACK, RFC 3708).
    /// Default on.
    pub undo: bool,
    /// Duplicate ACKs that make a loss (DupThresh), 3..=300. Default 3 (RFC 5681 §3.2).
    pub reordering: u16,
    /// What reordering that is seen makes of it at most, 3..=300. Default 300 (Linux:
    /// `tcp_max_reordering`); as much as `reordering`: it stays.
    pub max_reordering: u16,
    /// Windows count segments, whatever their size, and come down by whole ones, the pace of
    /// recovery rounded up, and without SACK recovery goes on until more than the recovery point is
    /// acknowledged, as Linux. Default on; off: by bytes.
    pub count_segments: bool,
    /// Nagle's algorithm (RFC 9293 §3.7.4, MUST-17: can be switched off). Default on.
    pub nagle: bool,
    /// Of Nagle's algorithm, Minshall's variant: only a small segment in flight holds back a small
    /// one. Default on, as Linux; RFC 9293 §3.7.4: anything in flight does.
    pub minshall: bool,
    /// Super-segments hold a millisecond's worth at the rate the window allows, but
    /// `min_tso_segs` segments, as Linux; off: as much as the device takes. Default on.
    pub tso_autosize: bool,
    /// The least segments of an autosized super-segment, 1..=255. Default 2 (`tcp_min_tso_segs`).
    pub min_tso_segs: u8,
    /// What cwnd and the peer's window allow waits for more while it is less than such a part of
    /// them and than a super-segment, and ACKs come; 0: never. Default 3 (`tcp_tso_win_divisor`).
    pub tso_win_divisor: u8,
    /// Every super-segment carries PSH, so that receivers need not wait for more to merge with it,
    /// and what a large write has queued is pushed whenever that is more than half of the largest
    /// window since the last push, as Linux. Default on; RFC 9293 §3.9.1.2 asks for PSH where the
    /// sender's data ends.
    pub push_bursts: bool,
    /// RTTVAR is the largest deviation of a round trip's samples, at least `rto_min`, and falls
    /// once a round trip: the RTO stays that much above SRTT, as Linux. Default on; off: it follows
    /// each sample (RFC 6298 §2.3), and `rto_min` bounds the RTO.
    pub rttvar_peak: bool,
    /// RTO before the first sample. Default 1 s (RFC 6298 §2.1: 1 s).
    pub rto_initial: Duration,
    /// Lower bound of the RTO. Default 200 ms (RFC 6298 §2.4: SHOULD be 1 s).
    // Rules: 6298-2.4.
    pub rto_min: Duration,
    /// Upper bound of the RTO. Default 120 s (RFC 6298 §2.5: at least 60 s).
    pub rto_max: Duration,
    /// RTO for data when a SYN was lost and timestamps are off: 3 s (RFC 6298 §5.7).
    pub rto_after_syn_loss: Duration,
    /// Retransmissions of a SYN after which its RTO begins to double. Default 4 (Linux:
    /// `tcp_syn_linear_timeouts`; RFC 6298 §5.5: 0).
    pub syn_linear: u8,
    /// Retransmissions of a SYN before giving up (R2 for SYN), besides those of `syn_linear`.
    /// Default 6: 131 s
    /// (RFC 9293 §3.8.3, MUST-23: at least 3 minutes; see ADR 0008).
    pub syn_retries: u8,
    /// SYNs, or SYN-ACKs, that must be lost for sending to begin with a single segment. Default 2
    /// (as Linux); RFC 5681 §3.1: 1.
    pub syn_losses: u8,
    /// Retransmissions of a SYN-ACK before giving up. Default 5: 63 s.
    pub synack_retries: u8,
    /// R1: retransmissions after which the network layer is told. Default 3 (SHLD-10: at least 3).
    /// Where paths are suspected then (`mtu_probing`), Linux waits for the time that so many take
    /// which begin after 200 ms.
    pub retries1: u8,
    /// R2: retransmissions after which the connection ends; for Linux the time that so many take
    /// which begin after 200 ms. Default 15: 924 s (SHLD-11: ≥ 100 s).
    // Rules: MUST-21.
    pub retries2: u8,
    /// The same when the user is gone, and one when the RTO, or the time between window probes, has
    /// reached its bound. Default 8 (Linux: `tcp_orphan_retries` 0, which means so); `retries2` or
    /// more: as if the user were there.
    pub orphan_retries: u8,
    /// Delay of an ACK, at first and at least; zero: none waits. Default 40 ms (RFC 9293 §3.8.6.3,
    /// MUST-40: below 500 ms).
    pub delayed_ack: Duration,
    /// The most that adaptation to the peer's pace makes of that delay, 40..=500 ms. Default 200 ms
    /// (as Linux); no more than `delayed_ack`: the delay is always that.
    pub delayed_ack_max: Duration,
    /// How much data is acknowledged at once. Default `MoreThanFull` (as Linux; RFC 9293 §3.8.6.3,
    /// SHLD-19: two full segments).
    pub ack_every: AckEvery,
    /// Segments with data that are acknowledged at once when a connection is young, was silent, or
    /// gets data twice: a peer in slow start waits for ACKs. Default 16 (as Linux); 0: none.
    pub quickack: u8,
    /// Wait before a segment smaller than silly-window avoidance likes is sent all the same.
    /// Default 0: as long as before a window probe (as Linux; RFC 9293 §3.8.6.2.1: 0.1 to 1 s).
    pub sws_override: Duration,
    /// Longest time between window probes. Default 120 s.
    pub probe_max: Duration,
    /// Keep-alive, if wanted.
    pub keepalive: Option<Keepalive>,
    /// Longest time data may stay unacknowledged (RFC 9293 §3.9.1.1); `None`: R2 decides.
    pub user_timeout: Option<Duration>,
    /// Tell the peer that timeout, and heed what it tells, unless `user_timeout` is set: within
    /// 100 s and a day (RFC 5482). Default off.
    pub user_timeout_option: bool,
    /// Time in TIME-WAIT. Default 60 s (RFC 9293 §3.4.2: 2 MSL = 4 min).
    pub time_wait: Duration,
    /// A reset does not end TIME-WAIT (RFC 1337 §3). Default off.
    pub rfc1337: bool,
    /// How long an orphan waits in FIN-WAIT-2 for the peer's FIN; zero: not at all, the peer is
    /// reset. Default 60 s.
    // Rules: 1122-4.2.2.13-4.
    pub fin_wait2: Duration,
    /// Initial window in segments. Default 10 (RFC 6928; RFC 5681 §3.1: 2 to 4).
    // Rules: 5681-3.1-1.
    pub initial_window: u8,
    /// The time in which a connection sends at most `challenge_count` challenge ACKs and ACKs that
    /// answer unacceptable segments without data; zero: no limit. Default 500 ms (RFC 5961 §7 asks
    /// for a limit).
    pub challenge_interval: Duration,
    /// How many of them; 0: as many as come. Default 1 (FreeBSD: 5 in a second).
    pub challenge_count: u8,
    /// Out-of-order pieces a connection holds, within 9/4 of its receive buffer, which bounds
    /// the memory under them. Default: as many as there can be.
    pub reassembly_pieces: u16,
    /// Smallest segment size taken from a peer's MSS option, bytes. Default 48 (as Linux).
    pub min_mss: u16,
    /// The congestion control algorithm; read from its name (`TCP_CONGESTION`). Default `cubic`.
    pub congestion: Algorithm,
    /// What ends slow start before a loss does, of CUBIC. Default `both`: HyStart by trains of ACKs
    /// and by delay, and where no loss has told a limit, the window grows by a twentieth in a round
    /// trip at least (as Linux); RFC 9406: `++`.
    pub hystart: HyStart,
    /// Explicit congestion notification. Default `passive` (Linux: `tcp_ecn` 2; `on` is 1, `off`
    /// 0). An algorithm that lives by it asks for it anyhow.
    pub ecn: Ecn,
    /// Send evenly over the round trip, in bursts of a millisecond. Default off; an algorithm may
    /// ask for it.
    pub pacing: bool,
    /// What becomes of cwnd when sending resumes after a silence longer than the RTO. Default
    /// `decay` (Linux: `tcp_slow_start_after_idle`; RFC 5681 §4.1 asks for `restart`).
    pub after_idle: AfterIdle,
    /// Hops and traffic class of the packets; the two bits of ECN are TCP's own.
    // Rules: MUST-49, MUST-48.
    pub mark: Mark,
    /// Path MTU discovery (RFC 1191, RFC 8201; `IP_MTU_DISCOVER`). Default `Want`: no router may
    /// cut a packet, and what one says of its next link is believed. `Do` is the same for TCP;
    /// `Dont` lets routers of IPv4 cut; `Probe` believes nobody.
    pub mtu_discover: Discover,
    /// Let a claim that the path is narrower than what was acknowledged wait for a timeout: while
    /// ACKs come it is a lie (RFC 5927 §7.2). Default off (as Linux).
    pub mtu_claims_wait: bool,
    /// The least that a path is taken for, bytes, whatever is claimed of it. Default 552 (Linux:
    /// `route/min_pmtu`); RFC 1191 §3: no less than 68. Paths of IPv6 carry 1280.
    pub min_pmtu: u16,
    /// How long a path is taken for narrow; then what is sent tries it again. Default 10 min
    /// (Linux: `route/mtu_expires`; RFC 1191 §6.3, RFC 8201 §5.3: 10 min, no less than 5).
    pub mtu_expires: Duration,
    /// Send smaller segments when large ones time out `retries1` times and no router says why
    /// (RFC 4821 §7.7; Linux: `tcp_mtu_probing` 1). Default off (as Linux).
    pub mtu_probing: bool,
    /// The data of a segment that is tried first then, bytes; later half of it, and so on. Default
    /// 1024 (as Linux's `tcp_base_mss`).
    pub base_mss: u16,
    /// How long a peer's window may stay closed; `None`, the default: as long as it answers probes
    /// (RFC 9293 §3.8.6.1, MUST-37; RFC 6429 §3 lets a host in need end it).
    pub zero_window_max: Option<Duration>,
    /// In which order options are written. Default `Linux`.
    pub option_order: Layout,
    /// Send full segments only, until this is taken back or data has waited for `sws_override`
    /// (`TCP_CORK`). Default off.
    pub cork: bool,
    /// How much may be written and not sent yet, bytes; readiness comes back below half of it
    /// (`TCP_NOTSENT_LOWAT`). Default `None`: as much as the send buffer holds.
    pub notsent_lowat: Option<u32>,
    /// Bytes that must be there before a reader is woken, 1.. (`SO_RCVLOWAT`). Default 1.
    pub rcvlowat: u32,
    /// What closing does (`SO_LINGER`): `None`: what was written is delivered behind the user's
    /// back; zero: it is dropped and the peer reset; more: blocking users wait for
    /// delivery so long.
    pub linger: Option<Duration>,
    /// How long a listener lets the handshake's last ACK wait for data to come
    /// (`TCP_DEFER_ACCEPT`), rounded up to a time at which the SYN-ACK would be sent again. Default
    /// `None`.
    pub defer_accept: Option<Duration>,
    /// Whether connections open fast, with data on the SYN (RFC 7413), when a user sends as he
    /// connects: with a cookie that the server gave, else the SYN asks for one. Default on (Linux:
    /// `tcp_fastopen`, bit 1; 4: without cookie).
    pub fastopen_client: FastOpening,
    /// The SYN waits for what is written first, if a cookie is known (`TCP_FASTOPEN_CONNECT`).
    /// Default off.
    pub fastopen_connect: bool,
    /// For how long nothing is opened fast when what comes behind a fast opening is swallowed; 0,
    /// the default: that is not watched for (Linux: `tcp_fastopen_blackhole_timeout_sec`).
    pub fastopen_blackhole: Duration,
    /// Who may open connections to our listeners fast, with data on the SYN (RFC 7413). Default
    /// off (Linux: `tcp_fastopen`, bit 2, is not set; 0x200: no cookie).
    pub fastopen_server: FastOpening,
    /// The most fast openings of a listener whose handshake has not ended (`TCP_FASTOPEN`); `None`:
    /// as many as its backlog (Linux: `tcp_fastopen`, bit 0x400). Default 0.
    pub fastopen_queue: Option<u32>,
    /// The key of cookies, and the one before (`TCP_FASTOPEN_KEY`); `None`, the default: the
    /// host's own. Recordings, and scripts written from them, have a key that was given in clear.
    pub fastopen_key: Option<Keys>,
    /// Whose ways are followed where RFC 9293 leaves a choice. Default `linux`.
    pub lineage: Lineage,
    /// Added to each RTO but the one before any sample, backed off or not (FreeBSD's
    /// `rexmit_slop`). Default 0.
    pub rexmit_slop: Duration,
    /// How long opening may take (FreeBSD's `keepinit`). Default `None`: `syn_retries` decides.
    pub keepinit: Option<Duration>,
    /// The least time between window probes (FreeBSD's `persmin`). Default 0: the RTO decides.
    pub persmin: Duration,
    /// Any reset in the window is believed, not only one at RCV.NXT (RFC 5961 §3.2 forbids it).
    /// Default off.
    pub insecure_rst: bool,
    /// A SYN in the window resets an open connection (RFC 5961 §4.2 forbids it). Default off.
    pub insecure_syn: bool,
    /// A segment with SYN and FIN is dropped. Default on (as Linux, where somebody listens).
    pub drop_synfin: bool,
    /// The most segments that an ACK adds to cwnd in slow start (RFC 3465 §2.2: L); 0, the
    /// default: as many as it acknowledges.
    pub abc_l_var: u8,
    /// cwnd grows only when it is used (RFC 7661). Default on; off: whenever the peer's window
    /// allows it.
    pub newcwv: bool,
    /// How often a SYN that is sent again still offers ECN (RFC 3168 §6.1.1.1). Default 0.
    pub ecn_maxretries: u8,
    /// The SYN goes without options but the MSS from the third time on that it is sent again.
    /// Default off.
    pub rexmit_drop_options: bool,
    /// ICMP errors that are meant to last end an opening (RFC 5927 §5.2). Default on.
    pub icmp_may_rst: bool,
    /// ICMP errors are told by the next call, even if the connection goes on (`IP_RECVERR`).
    /// Default off.
    pub recverr: bool,
    /// No options are sent (FreeBSD's `TCP_NOOPT`). Default off.
    pub noopt: bool,
    /// Urgent data stays in line (`SO_OOBINLINE`; RFC 6093 §2.1). Default on; off: the last urgent
    /// byte is read apart, as Linux has it by default.
    pub oobinline: bool,
}

/// What Linux users expect.
const DEFAULT: Config = Config {
    mss: None,
    recv_buffer: Config::AUTO,
    recv_buffer_auto: (1 << 16, 3 << 20),
    send_buffer: Config::AUTO,
    send_buffer_auto: (1 << 14, 4 << 20),
    window_clamp: None,
    window_up: true,
    window_scaling: true,
    timestamps: true,
    ts_required: false,
    sack: true,
    dsack: true,
    rack: true,
    tlp: true,
    tlp_ack_delay: Duration::from_millis(200),
    prr: true,
    frto: true,
    undo: true,
    reordering: 3,
    max_reordering: 300,
    count_segments: true,
    nagle: true,
    minshall: true,
    tso_autosize: true,
    min_tso_segs: 2,
    tso_win_divisor: 3,
    push_bursts: true,
    rttvar_peak: true,
    rto_initial: Duration::from_secs(1),
    rto_min: Duration::from_millis(200),
    rto_max: Duration::from_secs(120),
    rto_after_syn_loss: Duration::from_secs(3),
    syn_linear: 4,
    syn_retries: 6,
    syn_losses: 2,
    synack_retries: 5,
    retries1: 3,
    retries2: 15,
    orphan_retries: 8,
    delayed_ack: Duration::from_millis(40),
    delayed_ack_max: Duration::from_millis(200),
    ack_every: AckEvery::MoreThanFull,
    quickack: 16,
    sws_override: Duration::ZERO,
    probe_max: Duration::from_secs(120),
    keepalive: None,
    user_timeout: None,
    user_timeout_option: false,
    time_wait: Duration::from_secs(60),
    rfc1337: false,
    fin_wait2: Duration::from_secs(60),
    initial_window: 10,
    challenge_interval: Duration::from_millis(500),
    challenge_count: 1,
    reassembly_pieces: u16::MAX,
    min_mss: 48,
    congestion: Algorithm::CUBIC,
    hystart: HyStart::Both,
    ecn: Ecn::Passive,
    pacing: false,
    after_idle: AfterIdle::Decay,
    mark: Mark { ttl: None, tos: 0 },
    mtu_discover: Discover::Want,
    mtu_claims_wait: false,
    min_pmtu: 552,
    mtu_expires: Duration::from_secs(600),
    mtu_probing: false,
    base_mss: 1024,
    zero_window_max: None,
    option_order: Layout::Linux,
    cork: false,
    notsent_lowat: None,
    rcvlowat: 1,
    linger: None,
    defer_accept: None,
    fastopen_client: FastOpening::On,
    fastopen_connect: false,
    fastopen_blackhole: Duration::ZERO,
    fastopen_server: FastOpening::Off,
    fastopen_queue: Some(0),
    fastopen_key: None,
    lineage: Lineage::Linux,
    rexmit_slop: Duration::ZERO,
    keepinit: None,
    persmin: Duration::ZERO,
    insecure_rst: false,
    insecure_syn: false,
    drop_synfin: true,
    abc_l_var: 0,
    newcwv: true,
    ecn_maxretries: 0,
    rexmit_drop_options: false,
    icmp_may_rst: true,
    recverr: false,
    noopt: false,
    oobinline: true,
};

impl Default for Config {
    fn default() -> Config {
        DEFAULT
    }
}

impl Config {
    /// The size of a buffer that is tuned.
    pub const AUTO: u32 = 0;

    /// The default knobs without what makes a connection's first steps unlike its later ones: ACKs
    /// always wait as long, for two full segments, buffers of 1 MiB stay as they are, windows count
    /// bytes, and the RTO is RFC 6298's. What a lab or a scenario shows then has fewer reasons.
    pub fn plain() -> Config {
        let (recv_buffer, send_buffer) = (1 << 20, 1 << 20);
        let delayed_ack_max = Config::default().delayed_ack;
        let (quickack, ack_every) = (0, AckEvery::TwoFull);
        Config {
            recv_buffer,
            send_buffer,
            delayed_ack_max,
            quickack,
            ack_every,
            rttvar_peak: false,
            syn_linear: 0,
            syn_losses: 1,
            window_up: false,
            count_segments: false,
            tso_win_divisor: 0,
            hystart: HyStart::PlusPlus,
            lineage: Lineage::Rfc,
            min_pmtu: 68,
            mtu_claims_wait: true,
            ts_required: true,
            sws_override: Duration::from_millis(200),
            ..Config::default()
        }
    }

    /// Whether BSD's ways are followed.
    pub fn is_bsd(&self) -> bool {
        self.lineage == Lineage::Bsd
    }

    /// Whether Linux's ways are followed.
    pub fn is_linux(&self) -> bool {
        self.lineage == Lineage::Linux
    }

    /// What segments ask of IP: the bits of ECN are not the user's (RFC 3168 §6.1).
    // Rules: SHLD-22.
    pub fn segment_mark(&self) -> Mark {
        Mark { tos: self.mark.tos & 0xfc, ..self.mark }
    }

    /// How often a SYN-ACK's timer may expire while a listener waits for data behind the handshake:
    /// once for each doubling of the first RTO that fits `defer_accept`.
    pub fn defer_accept_timeouts(&self) -> u8 {
        let Some(patience) = self.defer_accept.filter(|time| !time.is_zero()) else { return 0 };
        let (mut timeouts, mut period) = (1, self.rto_initial);
        let mut rto = self.rto_initial;
        while patience > period && timeouts < u8::MAX {
            rto = rto.saturating_mul(2).min(self.rto_max);
            period += rto.max(Duration::from_millis(1));
            timeouts += 1;
        }
        timeouts
    }

    /// Whether packets of IPv4 forbid routers to fragment them.
    // Rules: 1191-3-1.
    pub fn may_not_be_cut(&self) -> bool {
        self.mtu_discover != Discover::Dont
    }

    /// The window scale to offer: the smallest shift that lets 16 bits cover the receive buffer, or
    /// what tuning may make of it, bookkeeping included (RFC 7323 §2.3: at most 14).
    // Rules: 7323-2.3-1.
    pub fn wscale(&self) -> u8 {
        if self.is_bsd() {
            // What any buffer may become, not this one.
            let covers = |shift: &u8| u32::from(u16::MAX) << shift >= self.recv_buffer_auto.1;
            return (0..14).find(covers).unwrap_or(14);
        }
        let buffer = match self.recv_buffer {
            Config::AUTO => self.recv_buffer_auto.1.saturating_mul(2),
            fixed => fixed,
        };
        let buffer = self.window_clamp.map_or(buffer, |clamp| buffer.min(clamp));
        (buffer.max(1).ilog2().saturating_sub(15) as u8).min(14)
    }

    /// The window of a SYN, which is not scaled (RFC 7323 §2.2): as much of
    /// [`Config::first_window`] as the field can say.
    pub fn syn_window(&self, mss: u16) -> u16 {
        self.first_window(mss).min(0xffff) as u16
    }

    /// The window that is offered first where it can be said: the buffer, and if it is tuned whole
    /// segments of `mss` bytes.
    pub fn first_window(&self, mss: u16) -> u32 {
        let buffer = match self.recv_buffer {
            Config::AUTO if self.is_bsd() => self.recv_buffer_auto.0,
            Config::AUTO => {
                let (first, mss) = (self.recv_buffer_auto.0, u32::from(mss.max(1)));
                if first > mss { first / mss * mss } else { first }
            }
            fixed => fixed,
        };
        let window = self.window_clamp.map_or(buffer, |clamp| buffer.min(clamp));
        let mss = u32::from(mss.max(1));
        let whole = self.is_linux() && window > mss;
        if whole { window / mss * mss } else { window }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_syns_are_as_linux_has_them() {
        let table = [(1460, 64_240), (1448, 65_160), (1000, 65_000), (65_495, 65_495)];
        for (mss, window) in table {
            assert_eq!(Config::default().syn_window(mss), window);
        }
        let fixed = Config { recv_buffer: 1 << 20, window_clamp: Some(5_000), ..Config::default() };
        assert_eq!((fixed.syn_window(1460), fixed.wscale()), (4_380, 0));
    }

    #[test]
    fn deferring_counts_doublings() {
        let timeouts = |secs| {
            let defer_accept = Some(Duration::from_secs(secs));
            Config { defer_accept, ..Config::default() }.defer_accept_timeouts()
        };
        let table = [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (7, 3), (8, 4), (1 << 40, 255)];
        for (secs, count) in table {
            assert_eq!(timeouts(secs), count, "{secs} s");
        }
        assert_eq!(Config::default().defer_accept_timeouts(), 0);
    }

    #[test]
    fn the_window_scale_covers_the_buffer() {
        for (recv_buffer, shift) in [(0, 0), (65_535, 0), (65_536, 1), (1 << 20, 5), (1 << 30, 14)]
        {
            let config = Config { recv_buffer: recv_buffer.max(1), ..Config::default() };
            assert_eq!(config.wscale(), shift);
        }
        assert_eq!(Config::default().wscale(), 7, "as Linux");
        let freebsd = super::super::Profile::FreeBsd.config();
        assert_eq!(freebsd.wscale(), 6);
    }
}
