//! The transmission control block (RFC 9293 §3.3.1): everything a connection knows, flat.
//!
//! The steps (`arrives`, `ack`, `recovery`, `delack`, `output`, `timeout`) are functions over it in
//! their own files; [`super::Conn`] is its public face.

use super::cc;
use super::challenge::{self, Hush};
use super::config::Config;
use super::congestion::Control;
use super::ecn::EcnState;
use super::event::{AckWhy, Blocked, CaState, Event, Timer};
use super::loss::Loss;
use super::measured::Measured;
use super::reassembly::Reassembly;
use super::recvbuf::RecvBuffer;
use super::rto::Rto;
use super::rtxq::Rtxq;
use super::sendbuf::SendBuffer;
use super::state::{Cause, State, is_legal};
use super::sums::{Chrono, Counters};
use super::timers::Timers;
use crate::base::{Chunks, Duration, EventId, Instant, Seq, SocketError};
use crate::wire::tcp::{Options, Timestamps};
use std::sync::Arc;

/// TCP's view of the world during a call.
pub type Cx<'a> = crate::base::Cx<'a, Event>;

/// The send sequence space (RFC 9293 figure 3).
///
/// ```text
///            1         2          3          4
///       ----------|----------|----------|----------
///              SND.UNA    SND.NXT    SND.UNA
///                                   +SND.WND
/// ```
/// 1: acknowledged · 2: sent, not acknowledged · 3: may be sent · 4: not allowed yet.
/// SND.NXT never moves back; what is sent again has its own cursor in the retransmission queue.
#[derive(Clone, Debug)]
pub struct Snd {
    /// The oldest unacknowledged sequence number.
    pub una: Seq,
    /// The next sequence number to be sent.
    pub nxt: Seq,
    /// The peer's window, bytes.
    // Rules: REC-1.
    pub wnd: u32,
    /// SEG.SEQ of the last window update.
    pub wl1: Seq,
    /// SEG.ACK of the last window update.
    pub wl2: Seq,
    /// Behind the last urgent byte, while it is unacknowledged (SND.UP).
    pub up: Option<Seq>,
    /// The largest window the peer ever offered (MAX.SND.WND, RFC 5961 §5.2).
    pub max_wnd: u32,
    /// Behind the last segment that was sent and not full.
    pub sml: Seq,
    /// Snd.Wind.Shift (RFC 7323 §2.2).
    pub wscale: u8,
    /// SMSS, payload bytes, timestamps already taken off.
    pub smss: u32,
}

/// The receive sequence space (RFC 9293 figure 4).
///
/// ```text
///                1          2          3
///            ----------|----------|----------
///                   RCV.NXT    RCV.NXT
///                             +RCV.WND
/// ```
/// 1: received and acknowledged · 2: may be received · 3: not allowed yet.
#[derive(Clone, Debug)]
pub struct Rcv {
    /// The next sequence number expected.
    pub nxt: Seq,
    /// The largest window offered, less what has come since: the right edge never moves left,
    /// though the scale may keep a segment from saying all of it.
    pub wnd: u32,
    /// Behind the last urgent byte announced by the peer (RCV.UP).
    pub up: Option<Seq>,
    /// Rcv.Wind.Shift.
    pub wscale: u8,
    /// The largest segment seen from the peer, payload bytes.
    pub mss_seen: u32,
    /// The MSS we announced.
    pub advmss: u16,
    /// The reader took data since the window was last offered.
    pub read: bool,
    /// The user wants no more data (`SHUT_RD`).
    pub shut: bool,
    /// The reader has had the last urgent byte apart from the others.
    pub oob_read: bool,
    /// Bytes received in order since the last ACK was sent.
    pub unacked: u32,
    /// Last.ACK.sent (RFC 7323 §4.3).
    pub last_ack_sent: Seq,
}

/// Timestamps in use (RFC 7323).
#[derive(Clone, Debug)]
pub struct Ts {
    /// Where this connection's millisecond clock starts.
    pub offset: u32,
    /// TS.Recent.
    pub recent: u32,
    /// When TS.Recent was taken, seconds: it expires after 24 days (§5.5).
    pub recent_at: u32,
}

/// Whole seconds, for what is compared over days.
pub(super) fn seconds(now: Instant) -> u32 {
    (now.as_millis() / 1000) as u32
}

/// What arrival and timers have left for `output` to pay.
#[derive(Clone, Debug, Default)]
pub struct Owe {
    /// An acknowledgment, and why.
    pub ack: Option<AckWhy>,
    /// It may not wait for, or merge with, anything.
    pub ack_now: bool,
    /// What the acknowledgment answers.
    pub ack_cause: EventId,
    /// Another one before it, up to here: what arrived before marks began, or ended (RFC 8257
    /// §3.2).
    pub ack_before: Option<Seq>,
    /// A reset: the connection is over, for this reason.
    pub rst: Option<Cause>,
    /// A loss probe with new data.
    pub tlp: bool,
    /// A window probe.
    pub probe: bool,
    /// A keep-alive probe.
    pub keepalive: bool,
    /// The silly-window override has expired.
    pub sws: bool,
    /// What is written goes out, corked or not.
    pub push: bool,
    /// What was written last waits for what follows it (`MSG_MORE`), until an ACK comes.
    pub more: bool,
    /// The rest of a burst waits for the next ACK: a longer super-segment costs less.
    pub defer: bool,
    /// SYN-ACK for crossed SYNs.
    pub synack: bool,
}

/// Loss recovery, of which `recovery.rs` is the machine.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// The phase, in Linux's words.
    pub ca: CaState,
    /// Duplicate ACKs in a row.
    pub dupacks: u16,
    /// `recover`: SND.NXT when the last loss was detected.
    // Rules: 6582-3.2-1.
    pub recovery_point: Option<Seq>,
    /// After a timeout: whether it is still being found out if it was too early (RFC 5682).
    pub frto: bool,
    /// New data goes before what is taken for lost, to find that out.
    pub send_new: bool,
    /// What partial ACKs take off cwnd, bytes, when fewer duplicates came than segments arrived
    /// (RFC 6582 §3.2 step 3).
    pub deflation: u32,
    /// The next retransmission goes out whatever cwnd says.
    pub force: bool,
    /// The rule under which lost records are sent again.
    pub rule: Option<super::event::RtxRule>,
    /// Whether a partial ACK has come in this recovery.
    pub partial_seen: bool,
}

/// The block of one connection.
#[derive(Debug)]
pub struct Tcb {
    state: State,
    /// Our port.
    pub local_port: u16,
    /// The peer's port.
    pub remote_port: u16,
    /// The knobs.
    pub config: Arc<Config>,
    /// Initial send sequence number.
    pub iss: Seq,
    /// Initial receive sequence number.
    pub irs: Seq,
    /// Send sequence space.
    pub snd: Snd,
    /// Receive sequence space.
    pub rcv: Rcv,
    /// Timestamps, when both sides agreed.
    pub ts: Option<Ts>,
    /// SACK was agreed.
    pub sack_ok: bool,
    /// Explicit congestion notification.
    pub ecn: EcnState,
    /// Window scaling was agreed.
    pub wscale_ok: bool,
    /// The MTU of the path, bytes of IP packet.
    pub pmtu: u16,
    /// Where the millisecond clock of its timestamps starts, wanted or not.
    pub ts_offset: u32,
    /// The longest packet of ours that was acknowledged, bytes.
    pub mtu_acked: u16,
    /// What ICMP claims that the path carries, while that is not believed; 0: nothing.
    pub mtu_claimed: u16,
    /// The longest super-segment the device takes, payload bytes; 0: none.
    pub gso_max: u32,
    /// IP and TCP header bytes without options.
    pub header_len: u16,
    /// RTT estimation.
    pub rto: Rto,
    /// What is in flight.
    pub rtxq: Rtxq,
    /// Congestion control, from the first data on.
    pub control: Option<Box<Control>>,
    /// The window without it, bytes: the initial one; in TIME-WAIT the last one.
    pub iw: u32,
    /// The slow-start threshold without it, bytes.
    pub last_ssthresh: u32,
    /// Loss recovery.
    pub recovery: Recovery,
    /// What it remembers, once data was sent.
    pub loss: Option<Box<Loss>>,
    /// The timers.
    pub timers: Timers,
    /// What output owes.
    pub owe: Owe,
    /// Data written by the application.
    pub tx: SendBuffer,
    /// Our SYN has been acknowledged. (SND.UNA alone cannot tell: it comes by ISS again every
    /// 4 GiB.)
    pub syn_acked: bool,
    /// The application said with its last data that more follows (`MSG_MORE`): it asks for no PSH.
    pub more: bool,
    /// The application closed its sending side: FIN follows the data.
    pub fin_queued: bool,
    /// Data for the application.
    pub rx: RecvBuffer,
    /// Data beyond a gap.
    pub ooo: Option<Box<Reassembly>>,
    /// The peer's FIN has been received in order.
    pub fin_received: bool,
    /// The application let go of the connection.
    pub orphan: bool,
    /// The connection came from a listener.
    // Rules: MUST-11.
    pub passive: bool,
    /// What the host lets it say (RFC 5961 §7).
    pub hush: Hush,
    /// Rate-limited ACKs sent since counting began.
    pub challenges: u8,
    /// The host is short of memory: no more is offered than the connection's share.
    pub pressed: bool,
    /// How the connection failed, until the application has heard.
    pub error: Option<SocketError>,
    /// What ICMP said last since the peer was last heard of: why nobody answers.
    pub soft_error: Option<SocketError>,
    /// Retransmission timeouts in a row.
    pub retransmits: u8,
    /// Probes (window or keep-alive) without an answer.
    pub probes: u8,
    /// Doublings of the window-probe interval.
    pub probe_backoff: u8,
    /// When something acceptable last arrived from the peer.
    pub last_recv: Instant,
    /// When data was last sent.
    pub last_sent: Instant,
    /// When counting rate-limited ACKs begins anew.
    pub next_challenge: Instant,
    /// What last touched the connection: the cause of what it sends.
    pub cause: EventId,
    /// Sums.
    pub counters: Counters,
    /// What limits sending.
    pub chrono: Chrono,
    /// What only `tcp_info` tells.
    pub measured: Measured,
    /// The sizes of buffers that are tuned; `None`: as the knobs say.
    pub tuning: Option<Box<super::autotune::Tuning>>,
    /// How long ACKs wait.
    pub acks: super::delack::Acks,
}

/// What a connection may hold in each of its two queues when the host is short of memory, bytes
/// (Linux: the least of `tcp_rmem` and `tcp_wmem`).
pub const SHARE: u32 = 4096;

/// What a new block needs to know.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Our port.
    pub local_port: u16,
    /// The peer's port.
    pub remote_port: u16,
    /// Initial send sequence number.
    pub iss: Seq,
    /// Offset of the timestamp clock.
    pub ts_offset: u32,
    /// MTU of the interface, bytes.
    pub mtu: u16,
    /// Whether the peer's address is IPv6.
    pub v6: bool,
    /// The longest super-segment the device takes, payload bytes; 0: none.
    pub gso_max: u32,
    /// The knobs.
    pub config: Arc<Config>,
}

/// MSS when the peer sends none: 536 for IPv4, 1220 for IPv6 (RFC 9293 §3.7.1, MUST-15).
pub const fn default_mss(v6: bool) -> u16 {
    if v6 { 1220 } else { 536 }
}

impl Opening {
    /// IP and TCP header bytes without options.
    pub fn header_len(&self) -> u16 {
        if self.v6 { 60 } else { 40 }
    }
}

/// The MSS to announce: the knob, or what the interface's MTU allows (RFC 9293 §3.7.1, MUST-67).
// Rules: SHLD-6, 6691-2-1.
pub fn advmss(config: &Config, mtu: u16, v6: bool) -> u16 {
    let fits = mtu.saturating_sub(if v6 { 60 } else { 40 }).max(1);
    config.mss.map_or(fits, |mss| mss.min(fits))
}

impl Tcb {
    /// The birth of a block in `state`; it is told, unless a listener did so when the SYN came.
    ///
    /// # Panics
    /// When the table has no such row.
    pub fn open(opening: Opening, from: State, state: State, cause: Cause, cx: &mut Cx<'_>) -> Tcb {
        assert!(is_legal(from, cause, state), "{from} --{cause:?}--> {state} is not in the table");
        let header_len = opening.header_len();
        let config = opening.config;
        let advmss = advmss(&config, opening.mtu, opening.v6);
        let smss = u32::from(default_mss(opening.v6));
        let iw = cc::initial_window(smss, config.initial_window);
        let now = cx.now;
        let (offset, opts) = (opening.ts_offset, !config.noopt);
        let ts = Some(Ts { offset, recent: 0, recent_at: seconds(now) })
            .filter(|_| config.timestamps && opts);
        let (iss, zero) = (opening.iss, Seq(0));
        let tcb = Tcb {
            state,
            local_port: opening.local_port,
            remote_port: opening.remote_port,
            iss,
            irs: zero,
            snd: Snd {
                una: iss,
                nxt: iss,
                wnd: 0,
                wl1: zero,
                wl2: zero,
                up: None,
                max_wnd: 0,
                sml: iss,
                wscale: 0,
                smss,
            },
            rcv: Rcv {
                nxt: zero,
                wnd: u32::from(config.syn_window(advmss)),
                up: None,
                wscale: if config.window_scaling { config.wscale() } else { 0 },
                mss_seen: u32::from(advmss.min(default_mss(false))),
                advmss,
                shut: false,
                read: false,
                oob_read: false,
                unacked: 0,
                last_ack_sent: zero,
            },
            ts,
            sack_ok: config.sack && opts,
            ecn: EcnState::default(),
            wscale_ok: config.window_scaling && opts,
            pmtu: opening.mtu,
            ts_offset: opening.ts_offset,
            mtu_acked: 0,
            mtu_claimed: 0,
            gso_max: opening.gso_max,
            header_len,
            rto: Rto::new(&config),
            rtxq: Rtxq::default(),
            control: None,
            iw,
            last_ssthresh: u32::MAX,
            recovery: Recovery::default(),
            loss: None,
            timers: Timers::new(),
            owe: Owe::default(),
            tx: SendBuffer::new(iss + 1),
            syn_acked: false,
            more: false,
            fin_queued: false,
            rx: RecvBuffer::default(),
            ooo: None,
            fin_received: false,
            orphan: false,
            passive: from == State::Listen,
            hush: Hush::No,
            challenges: 0,
            pressed: false,
            error: None,
            soft_error: None,
            retransmits: 0,
            probes: 0,
            probe_backoff: 0,
            last_recv: now,
            last_sent: now,
            next_challenge: Instant::ZERO,
            cause: cx.cause,
            counters: Counters::default(),
            measured: Measured::new(now),
            tuning: None,
            acks: super::delack::Acks::default(),
            chrono: Chrono { blocked: Blocked::Handshake, busy: false, since: now, busy_time: 0 },
            config,
        };
        if cause != Cause::RcvSyn {
            cx.note(|| Event::State { from, to: state, cause });
        }
        tcb
    }

    /// The state.
    pub fn state(&self) -> State {
        self.state
    }

    /// The one place where a state changes.
    ///
    /// # Panics
    /// When the table has no such row.
    pub fn go(&mut self, to: State, cause: Cause, cx: &mut Cx<'_>) {
        let from = self.state;
        assert!(is_legal(from, cause, to), "{from} --{cause:?}--> {to} is not in the table");
        self.state = to;
        cx.note(|| Event::State { from, to, cause });
    }

    /// The end: state, timers and queues. Data that came in order stays readable, as on Linux, and
    /// the error comes behind it: what was acknowledged is the reader's (ADR 0012).
    pub fn die(&mut self, cause: Cause, error: Option<SocketError>, cx: &mut Cx<'_>) {
        self.go(State::Closed, cause, cx);
        self.timers.stop_all();
        self.rtxq.clear();
        self.loss = None;
        self.tx.clear();
        self.ooo = None;
        self.owe = Owe::default();
        self.error = error.or(self.error);
    }

    /// A segment came that only the peer can have sent, as far as its numbers tell: strangers keep
    /// no connection alive.
    pub fn hear(&mut self, now: Instant) {
        self.last_recv = now;
        self.soft_error = None;
    }

    /// The end of patience: ICMP may have said why (RFC 9293 §3.9.2.2, SHLD-25).
    pub fn give_up(&mut self, cause: Cause, cx: &mut Cx<'_>) {
        let error = self.soft_error.unwrap_or(SocketError::TimedOut);
        self.die(cause, Some(error), cx);
    }

    /// Starts or moves a timer, telling so.
    pub fn set_timer(&mut self, timer: Timer, at: Instant, cx: &mut Cx<'_>) {
        if self.timers.set(timer, at) {
            cx.note_caused(self.cause, || Event::TimerSet { timer, at });
        }
    }

    /// Stops a timer, telling so.
    pub fn stop_timer(&mut self, timer: Timer, cx: &mut Cx<'_>) {
        if self.timers.stop(timer) {
            cx.note_caused(self.cause, || Event::TimerStopped { timer });
        }
    }

    /// Notes that an acknowledgment is owed.
    pub fn owe_ack(&mut self, why: AckWhy, now: bool, cx: &Cx<'_>) {
        if !self.owe.ack_now {
            self.owe.ack = Some(why);
            self.owe.ack_now = now;
            self.owe.ack_cause = cx.cause;
        }
    }

    /// Our timestamp clock: milliseconds since an offset (RFC 7323 §5.4).
    // Rules: 7323-5.4-1.
    pub fn ts_now(&self, now: Instant) -> u32 {
        let offset = self.ts.as_ref().map_or(0, |ts| ts.offset);
        (now.as_millis() as u32).wrapping_add(offset)
    }

    /// The sequence number of our FIN: behind all data.
    pub fn fin_seq(&self) -> Seq {
        self.tx.end()
    }

    /// Whether our FIN has been sent.
    pub fn fin_sent(&self) -> bool {
        self.fin_queued && self.snd.nxt.after(self.fin_seq())
    }

    /// Whether our FIN waits to be sent.
    pub fn fin_pending(&self) -> bool {
        self.fin_queued && !self.fin_sent()
    }

    /// Whether our FIN has been acknowledged.
    pub fn fin_acked(&self) -> bool {
        self.fin_sent() && self.snd.una == self.snd.nxt
    }

    /// Data written and not sent yet, bytes.
    pub fn unsent(&self) -> u32 {
        let from = self.snd.nxt.later(self.tx.base());
        if from.before(self.tx.end()) { self.tx.end() - from } else { 0 }
    }

    /// A record ends behind the last byte queued.
    pub fn end_record(&mut self) {
        let end = self.tx.end();
        self.counters.rare().records.push_back(end);
    }

    /// What is acknowledged up to `una` needs no records any more.
    pub fn forget_records(&mut self, una: Seq) {
        let Some(rare) = &mut self.counters.rare else { return };
        while rare.records.pop_front_if(|end| !end.after(una)).is_some() {}
    }

    /// How many bytes may share a segment that starts at `seq`, where a record's end is before the
    /// end of what is queued.
    pub fn record_len(&self, seq: Seq) -> Option<u32> {
        let records = &self.counters.rare.as_ref()?.records;
        let end = *records.get(records.partition_point(|end| !end.after(seq)))?;
        end.before(self.tx.end()).then(|| end - seq)
    }

    /// The current RTO.
    pub fn rto(&self) -> Duration {
        self.rto.get(&self.config)
    }

    /// Whether data of the peer can still arrive: its FIN has not.
    pub fn may_receive(&self) -> bool {
        self.state.may_receive() && !self.fin_received
    }

    /// Whether a challenge ACK may go out; if so, it counts as sent (RFC 5961 §7), for the host,
    /// too.
    // Rules: 5961-7-1.
    pub fn may_challenge(&mut self, now: Instant) -> bool {
        let allowed = self.hush != Hush::Yes && self.may_answer(now);
        if allowed {
            self.hush = Hush::Spoke;
        }
        allowed
    }

    /// Whether an ACK that is rate-limited for the connection alone may go out; if so, it counts as
    /// sent.
    pub fn may_answer(&mut self, now: Instant) -> bool {
        let (until, times) = (&mut self.next_challenge, &mut self.challenges);
        challenge::may_answer(&self.config, now, until, times)
    }

    /// `left..right` has arrived a second time: the next ACK says so (RFC 2883 §4).
    pub fn received_twice(&mut self, left: Seq, right: Seq) {
        if self.config.dsack && self.sack_ok && left.before(right) {
            self.loss.get_or_insert_default().dsack = Some((left, right));
        }
    }

    /// Data that starts at RCV.NXT goes to the reader.
    pub fn take_in_order(&mut self, data: Chunks, cx: &Cx<'_>) {
        let len = data.len() as u32;
        self.rx.push(data, cx.pool);
        self.advance_rcv_nxt(len);
    }

    /// Data behind a gap that is filled goes to the reader.
    pub fn drain_reassembly(&mut self, cx: &Cx<'_>) {
        let Some(mut ooo) = self.ooo.take() else { return };
        let nxt = ooo.drain(self.rcv.nxt, &mut self.rx, cx.pool);
        self.advance_rcv_nxt(nxt - self.rcv.nxt);
        self.ooo = Some(ooo).filter(|ooo| !ooo.is_empty());
    }

    fn advance_rcv_nxt(&mut self, len: u32) {
        self.rcv.nxt += len;
        self.rcv.wnd = self.rcv.wnd.saturating_sub(len);
        self.rcv.unacked = self.rcv.unacked.saturating_add(len);
        let next_read = self.rcv.nxt - self.rx.len();
        self.rcv.up = self.rcv.up.filter(|up| up.after(next_read));
        self.counters.bytes_received += u64::from(len);
    }

    /// The handshake is complete.
    // Rules: 5681-3.1-2, 6928-2-2.
    pub fn on_established(&mut self, cx: &mut Cx<'_>) {
        let lost = self.counters.total_retrans;
        if lost > 0 && !self.config.is_bsd() {
            self.rto.on_syn_loss(self.config.rto_after_syn_loss); // RFC 6298 §5.7
        }
        let fast = self.fast().is_some_and(|fast| fast.child); // its timeouts have told
        if lost > 0 && lost >= u32::from(self.config.syn_losses) && !fast {
            self.reset_cc(self.snd.smss); // RFC 5681 §3.1
        }
        self.stop_timer(Timer::Keepalive, cx);
        self.last_sent = cx.now;
        self.measured.on_established(cx.now);
        if let Some(keepalive) = self.config.keepalive {
            self.set_timer(Timer::Keepalive, cx.now + keepalive.idle, cx);
        }
    }

    /// TIME-WAIT: nothing is sent or expected any more, but old segments must die out (RFC 9293
    /// §3.6.1, MUST-13).
    pub fn enter_time_wait(&mut self, cause: Cause, cx: &mut Cx<'_>) {
        self.go(State::TimeWait, cause, cx);
        self.timers.stop_all();
        self.rtxq.clear();
        self.end_cc();
        self.shrink();
        self.set_timer(Timer::TimeWait, cx.now + self.config.time_wait, cx);
    }

    /// Takes the peer's SYN options; ours have been, or will be, sent (RFC 9293 §3.7.1,
    /// RFC 7323 §2.2 and §3.2, RFC 2018 §2).
    // Rules: MUST-14, 7323-2.2-1.
    pub fn negotiate(&mut self, theirs: &Options, now: Instant) {
        let v6 = self.header_len == 60;
        let mss = theirs.told_mss().unwrap_or(default_mss(v6)).max(self.config.min_mss);
        let mss = self.config.mss.map_or(mss, |own| mss.min(own));
        self.ts = self.ts.take().filter(|_| theirs.ts.is_some());
        if let (Some(ts), Some(Timestamps { val, .. })) = (&mut self.ts, theirs.ts) {
            (ts.recent, ts.recent_at) = (val, seconds(now));
        }
        self.take_uto(theirs.uto);
        self.sack_ok &= theirs.sack_permitted;
        self.wscale_ok &= theirs.wscale.is_some();
        self.snd.wscale = theirs.wscale.filter(|_| self.wscale_ok).map_or(0, |shift| shift.min(14));
        if !self.wscale_ok {
            self.rcv.wscale = 0;
        }
        self.set_smss(mss);
        self.reset_cc(cc::initial_window(self.snd.smss, self.config.initial_window));
    }

    /// Sets SMSS from the peer's MSS and the path, less the timestamps every segment carries
    /// (RFC 9293 §3.7.1, RFC 6691).
    pub fn set_smss(&mut self, mss: u16) {
        let path = self.pmtu.saturating_sub(self.header_len);
        let ts = if self.ts.is_some() { 12 } else { 0 };
        self.snd.smss = u32::from(mss.min(path)).saturating_sub(ts).max(1);
        if let Some(wide) = self.counters.rare.as_mut().and_then(|rare| rare.wide.as_mut()) {
            wide.agree(mss, self.header_len, ts);
        }
    }

    /// Lets go of memory that a silent connection does not need.
    pub fn shrink(&mut self) {
        self.rtxq.shrink();
        if self.rtxq.is_empty() {
            self.loss = self.loss.take().filter(|loss| !loss.is_forgettable());
        }
        self.tx.shrink();
        if let Some(rare) = self.counters.rare.as_mut().filter(|rare| rare.records.is_empty()) {
            rare.records.shrink_to_fit();
            rare.batches = rare.batches.take().filter(|batches| !batches.is_empty());
        }
        self.rx.shrink();
        self.ooo = self.ooo.take().filter(|ooo| !ooo.is_empty());
    }
}
