//! LISTEN (RFC 9293 §3.10.7.2) and the handshake's first half.
//!
//! A listener answers each SYN from a small record, an embryo. A connection with a block comes to
//! be only when the final ACK arrives; that segment is then processed as RFC 9293 §3.10.7.4 says.
//! Embryos are bounded by the backlog; what happens beyond that is in `flood`.

mod bsd;
mod fast;
mod flood;
mod linux;

use super::arrives::closed::reset_for;
use super::challenge;
use super::config::Config;
use super::conn::HalfOpen;
use super::ecn;
use super::event::{Event, Outcome, Reply, SegmentView};
use super::fastopen::{FastOpen, queue::Queue};
use super::isn;
use super::rto::Rto;
use super::segment::{Because, Outgoing, Segment};
use super::state::{Cause, State};
use super::tcb::{Cx, Opening, advmss};
use crate::base::deadlines::Deadlines;
use crate::base::{Chunks, Duration, EventId, Instant, Seq, Why};
use crate::wire::ip::Mark;
use crate::wire::tcp::{Ctl, FastOpen as FastOption, Header, Options, Timestamps};
use slab::Slab;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

/// When a listener answers a SYN with a cookie and remembers nothing of it (RFC 4987 §3.6; Linux:
/// `tcp_syncookies`).
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum SynCookies {
    /// Never: a SYN that finds the backlog full is dropped.
    Never,
    /// When the backlog of half-open connections is full.
    #[default]
    WhenFull,
    /// Always: nothing is half open.
    Always,
}

/// What listening means to those who come: knobs, and the interface they come by.
#[derive(Clone, Debug)]
pub struct Site {
    /// Our address and port, as the peer named it.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
    /// MTU of the interface.
    pub mtu: u16,
    /// The longest super-segment the device takes.
    pub gso_max: u32,
    /// SND.NXT of the connection in TIME-WAIT that this SYN took over, if it did.
    pub predecessor: Option<Seq>,
}

/// A half-open connection.
#[derive(Debug)]
struct Embryo {
    site: Site,
    /// The knobs as they were when the SYN came: what was offered then counts.
    config: Arc<Config>,
    iss: Seq,
    ts_offset: u32,
    half: HalfOpen,
    /// How often the timer for the SYN-ACK expired.
    timeouts: u8,
    /// The handshake is complete, but for data that is waited for.
    acked: bool,
    /// The cookie that the first SYN-ACK brings.
    grant: Option<FastOption>,
    /// A SYN-ACK waits to be sent.
    owes: Option<Reply>,
    /// When counting challenges begins anew (RFC 5961 §7).
    next_challenge: Instant,
    /// Challenges since it last did.
    challenges: u8,
    cause: EventId,
}

/// What a listener makes of a segment.
#[derive(Debug)]
pub enum Verdict {
    /// Nothing came of it but, perhaps, an answer.
    Done(Outcome, Option<Box<Outgoing>>),
    /// The handshake is complete: open a connection and give it the segment.
    Promote(Box<(Opening, HalfOpen, Segment)>),
    /// What the SYN brings counts: open a connection, and let it answer. The option is for its
    /// SYN-ACK.
    FastOpen(Box<(Opening, HalfOpen, Segment, Option<FastOption>)>),
}

/// A listening socket's half: embryos. Connections waiting for accept() are the socket layer's.
#[derive(Debug)]
pub struct Listener {
    config: Arc<Config>,
    backlog: usize,
    syn_cookies: SynCookies,
    embryos: Slab<Embryo>,
    by_peer: BTreeMap<(SocketAddr, SocketAddr), usize>,
    deadlines: Deadlines,
    ready: VecDeque<usize>,
    flood: flood::Flood,
    fast: Queue,
    fast_told: Option<FastOpen>,
}

impl Listener {
    /// LISTEN with at most `backlog` (1..) half-open connections; for BSD the backlog is of those
    /// that are open and wait.
    pub fn open(
        config: Arc<Config>,
        backlog: usize,
        syn_cookies: SynCookies,
        cx: &mut Cx<'_>,
    ) -> Listener {
        tell(State::Closed, State::Listen, Cause::PassiveOpen, cx);
        Listener {
            backlog: half_open_most(&config, backlog),
            config,
            syn_cookies,
            embryos: Slab::new(),
            by_peer: BTreeMap::new(),
            deadlines: Deadlines::default(),
            ready: VecDeque::new(),
            flood: flood::Flood::default(),
            fast: Queue::default(),
            fast_told: None,
        }
    }

    /// From now on with other knobs (`None`: the same), backlog and cookies.
    pub fn configure(
        &mut self,
        config: Option<Arc<Config>>,
        backlog: usize,
        syn_cookies: SynCookies,
    ) {
        self.config = config.unwrap_or_else(|| self.config.clone());
        self.backlog = half_open_most(&self.config, backlog);
        self.syn_cookies = syn_cookies;
    }

    /// The knobs that connections inherit.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// How many connections are half open.
    pub fn half_open(&self) -> usize {
        self.embryos.len()
    }

    /// The connections that are half open: where, and how often the SYN-ACK was sent again.
    pub fn embryos(&self) -> impl Iterator<Item = (&Site, u8)> {
        self.embryos.iter().map(|(_, embryo)| (&embryo.site, embryo.half.retransmits))
    }

    /// A segment for the listening port, from a peer without a connection. `room`: whether the
    /// accept queue has a place.
    pub fn input(&mut self, site: Site, seg: Segment, room: bool, cx: &mut Cx<'_>) -> Verdict {
        match self.by_peer.get(&(site.local, site.remote)).copied() {
            Some(key) => self.for_embryo(key, seg, room, cx),
            None => self.for_listen(site, seg, room, cx),
        }
    }

    /// RFC 9293 §3.10.7.2.
    // Rules: 4987-3.5-1.
    fn for_listen(&mut self, site: Site, seg: Segment, room: bool, cx: &mut Cx<'_>) -> Verdict {
        let ctl = seg.hdr.ctl;
        if ctl.rst() {
            return dropped(Why::ListenRst); // first
        }
        if let Some(ack) = seg.hdr.ack {
            return self.for_cookie(&site, seg, ack, room, cx); // second
        }
        if !ctl.syn() {
            return dropped(Why::ListenNotSyn); // fourth
        }
        if ctl.fin() && self.config.drop_synfin {
            return dropped(Why::SynFin);
        }
        if let Some(verdict) = self.without_embryo(&site, &seg, room, cx) {
            return verdict;
        }
        // third: unless it opens fast, the SYN's data, if any, is left to the peer's retransmission
        // (only the SYN is acknowledged).
        let (iss, ts_offset) =
            (choose_iss(&site, cx), isn::ts_offset(site.local, site.remote, cx.chance));
        let half = HalfOpen {
            irs: seg.hdr.seq,
            options: seg.hdr.options.clone(),
            wnd: seg.hdr.wnd,
            sent_at: Some(cx.now),
            retransmits: 0,
            ecn: ecn::accepts(&self.config, ctl),
        };
        let judged = self.judge_fast(&site, &seg, room && !seg.no_room, cx);
        if judged.fast {
            let opening = opening(&site, iss, ts_offset, self.config.clone());
            return Verdict::FastOpen(Box::new((opening, half, seg, judged.grant)));
        }
        let embryo = Embryo {
            config: self.config.clone(),
            iss,
            ts_offset,
            half,
            grant: judged.grant,
            timeouts: 0,
            acked: false,
            owes: Some(Reply::SynAck),
            next_challenge: Instant::ZERO,
            challenges: 0,
            cause: cx.cause,
            site,
        };
        let peer = (embryo.site.local, embryo.site.remote);
        let key = self.embryos.insert(embryo);
        self.by_peer.insert(peer, key);
        self.ready.push_back(key);
        tell(State::Listen, State::SynReceived, Cause::RcvSyn, cx);
        Verdict::Done(Outcome::Accepted, None)
    }

    /// SYN-RECEIVED, as far as an embryo can judge (RFC 9293 §3.10.7.4): what passes completes the
    /// handshake.
    fn for_embryo(&mut self, key: usize, seg: Segment, room: bool, cx: &mut Cx<'_>) -> Verdict {
        let embryo = &self.embryos[key];
        let nxt = embryo.half.irs + 1;
        if seg.hdr.ctl.rst() {
            return self.reset_arrives(key, seg.hdr.seq, nxt, cx);
        }
        if self.config.is_bsd() {
            match self.judge_as_bsd(key, &seg, cx) {
                Some(verdict) => return verdict,
                None if room => return self.promote(key, seg, room),
                None => return self.refuse_as_bsd(key, &seg, cx),
            }
        }
        if seg.hdr.ctl.syn() && seg.hdr.seq == embryo.half.irs && seg.hdr.ack.is_none() {
            // Our SYN-ACK was lost, or crossed it.
            return self.challenge(key, Reply::SynAckAgain, Why::OldDuplicate, cx);
        }
        if self.config.is_linux()
            && let Some(verdict) = self.judge_as_linux(key, &seg, cx)
        {
            return verdict;
        }
        let embryo = &self.embryos[key];
        if let Some(why) = self.unacceptable(embryo, &seg) {
            if why == Why::NoTimestamp {
                return dropped(why);
            }
            return self.challenge(key, Reply::EmbryoAck, why, cx); // first
        }
        if seg.hdr.ctl.syn() {
            // fourth, with RFC 5961 §4.2
            return self.challenge(key, Reply::EmbryoChallenge, Why::SynInWindow, cx);
        }
        let Some(ack) = seg.hdr.ack else { return dropped(Why::EmbryoUnusable) };
        if ack != embryo.iss + 1 {
            return self.refuse_ack(&seg, cx);
        }
        self.promote(key, seg, room)
    }

    /// What acknowledges something else than our SYN is reset (RFC 9293 §3.10.7.4, fifth).
    fn refuse_ack(&self, seg: &Segment, cx: &mut Cx<'_>) -> Verdict {
        let reset = reply(reset_for(seg), Reply::RstHalfOpenAck, cx.cause, cx);
        let reset = Some(Box::new(reset.marked(&self.config)));
        Verdict::Done(Outcome::Dropped(Why::SynReceivedBadAck), reset)
    }

    /// The segment completes the handshake, if nothing is waited for.
    fn promote(&mut self, key: usize, seg: Segment, room: bool) -> Verdict {
        let embryo = &mut self.embryos[key];
        let deferred = self.config.defer_accept_timeouts();
        if embryo.timeouts < deferred && seg.payload.is_empty() && !seg.hdr.ctl.fin() {
            embryo.acked = true;
            return dropped(Why::DeferAccept);
        }
        if !room {
            return dropped(Why::AcceptQueueFull); // the SYN-ACK's retransmission asks again
        }
        let embryo = self.forget(key);
        let config = embryo.config.clone();
        let opening = opening(&embryo.site, embryo.iss, embryo.ts_offset, config);
        Verdict::Promote(Box::new((opening, embryo.half, seg)))
    }

    /// RFC 9293 §3.10.7.4, second; RFC 5961 §3.2.
    // Rules: MUST-11.
    fn reset_arrives(&mut self, key: usize, seq: Seq, nxt: Seq, cx: &mut Cx<'_>) -> Verdict {
        let inside = self.config.insecure_rst && seq.within(nxt, self.window(&self.embryos[key]));
        if seq == nxt || inside {
            self.remove(key, Cause::RcvRst, cx); // return to LISTEN
            return Verdict::Done(Outcome::Closed(Cause::RcvRst), None);
        }
        if seq.within(nxt, self.window(&self.embryos[key])) {
            return self.challenge(key, Reply::EmbryoChallenge, Why::RstNotExact, cx);
        }
        dropped(Why::RstOutOfWindow)
    }

    /// An ICMP error quotes a SYN-ACK that starts at `seq`; what `ends` it, ends it silently.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn on_icmp(
        &mut self,
        local: SocketAddr,
        remote: SocketAddr,
        (seq, ends): (Seq, bool),
        cx: &mut Cx<'_>,
    ) -> Result<(), Why> {
        let key = *self.by_peer.get(&(local, remote)).ok_or(Why::IcmpNoSocket)?;
        if self.embryos[key].iss != seq {
            return Err(Why::IcmpOutOfWindow);
        }
        if ends {
            self.remove(key, Cause::IcmpUnreachable, cx);
        }
        Ok(())
    }

    /// RFC 9293 §3.10.7.4, first, and the timestamps of RFC 7323 (§3.2, §5.3 R1): why the segment
    /// cannot be of this connection.
    fn unacceptable(&self, embryo: &Embryo, seg: &Segment) -> Option<Why> {
        let agreed = embryo.half.options.ts.filter(|_| embryo.config.timestamps);
        match (agreed, seg.hdr.options.ts) {
            (Some(_), None) if !seg.hdr.ctl.syn() && self.config.ts_required => {
                return Some(Why::NoTimestamp);
            }
            (Some(recent), Some(ts)) if (ts.val.wrapping_sub(recent.val) as i32) < 0 => {
                return Some(Why::Paws);
            }
            _ => {}
        }
        let (nxt, wnd) = (embryo.half.irs + 1, self.window(embryo));
        let at_edge = seg.is_empty() && seg.hdr.seq == nxt + wnd; // ADR 0019
        let fits = seg.hdr.seq.within(nxt, wnd) || at_edge;
        (!fits).then_some(Why::OutOfWindow)
    }

    /// The window of our SYN-ACK, which is not scaled (RFC 7323 §2.2).
    fn window(&self, embryo: &Embryo) -> u32 {
        let theirs = usable(&embryo.half.options, &embryo.config);
        u32::from(syn_window(&embryo.site, &embryo.config, &theirs))
    }

    /// Drops a segment with an answer, at a bounded rate (RFC 5961 §7).
    fn challenge(&mut self, key: usize, with: Reply, why: Why, cx: &Cx<'_>) -> Verdict {
        let embryo = &mut self.embryos[key];
        let (until, times) = (&mut embryo.next_challenge, &mut embryo.challenges);
        if !challenge::may_answer(&self.config, cx.now, until, times) {
            return dropped(Why::ChallengeLimit);
        }
        self.owe(key, with, cx);
        dropped(why)
    }

    /// Notes an answer that is owed. A SYN-ACK stays owed whatever comes before it goes out: it
    /// tells where we are, too, and the embryo's timer starts with it.
    fn owe(&mut self, key: usize, reply: Reply, cx: &Cx<'_>) {
        let embryo = &mut self.embryos[key];
        if embryo.owes.is_some_and(is_syn_ack) {
            return;
        }
        embryo.cause = cx.cause;
        if embryo.owes.replace(reply).is_none() {
            self.ready.push_back(key);
        }
    }

    /// A SYN-ACK that was not answered in time is owed again, or given up; says whose. To be called
    /// until it gives `None`.
    pub fn poll_one(&mut self, cx: &mut Cx<'_>) -> Option<Site> {
        let key = self.deadlines.pop_due(cx.now)?;
        let site = self.embryos[key].site.clone();
        let timer = super::event::Timer::Rtx;
        cx.cause = cx.note(|| Event::TimerExpired { timer });
        let deferred = self.config.defer_accept_timeouts();
        let embryo = &mut self.embryos[key];
        if embryo.timeouts >= self.config.synack_retries {
            self.remove(key, Cause::SynAckTimeout, cx);
            return Some(site);
        }
        embryo.timeouts += 1;
        if embryo.acked && embryo.timeouts < deferred {
            // Nothing is asked while data is waited for; then the peer has a last chance.
            let rto = synack_rto(&self.config, embryo.timeouts);
            self.deadlines.set(key, Some(cx.now + rto));
        } else {
            self.owe(key, Reply::SynAckAgain, cx);
        }
        Some(site)
    }

    /// The next answer to be sent, and to whom.
    pub fn output(&mut self, cx: &mut Cx<'_>) -> Option<(Site, Outgoing)> {
        loop {
            let key = self.ready.pop_front()?;
            let Some(embryo) = self.embryos.get_mut(key) else { continue };
            let Some(why) = embryo.owes.take() else { continue };
            let syn = is_syn_ack(why);
            if syn {
                // Again for a timeout or for the peer's SYN, sent again either way (Karn).
                let again = u8::from(why == Reply::SynAckAgain);
                embryo.half.retransmits = embryo.half.retransmits.saturating_add(again);
                let offers = embryo.timeouts <= self.config.ecn_maxretries;
                embryo.half.ecn &= offers || !self.config.is_bsd();
                embryo.half.sent_at = Some(cx.now);
                let rto = synack_rto(&self.config, embryo.timeouts);
                self.deadlines.set(key, Some(cx.now + rto));
            }
            let mut hdr = answer(embryo, &embryo.config, syn, cx.now);
            if syn {
                hdr.options = hdr.options.with_fast_open(embryo.grant.take());
            }
            let site = embryo.site.clone();
            let cause = embryo.cause;
            return Some((site, reply(hdr, why, cause, cx).marked(&self.config)));
        }
    }

    /// When `poll` or `output` has something to do.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        if self.ready.is_empty() { self.deadlines.next() } else { Some(now) }
    }

    /// Whether an answer may wait to be sent.
    pub fn has_output(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether `poll` has something to do by `now`.
    pub fn is_due(&self, now: Instant) -> bool {
        self.deadlines.next().is_some_and(|at| at <= now)
    }

    /// CLOSE of a listener resets what is half open (RFC 9293 §3.10.4): one of them, and whose. To
    /// be called until it gives `None`; then [`Listener::close`].
    pub fn reset_one(&mut self, cx: &mut Cx<'_>) -> Option<(Site, Outgoing)> {
        if self.config.is_bsd() || self.config.is_linux() {
            self.forget_all(cx);
        }
        let key = *self.by_peer.first_key_value()?.1;
        let embryo = &self.embryos[key];
        let mut hdr = answer(embryo, &embryo.config, false, cx.now);
        hdr.ctl = hdr.ctl.with(Ctl::RST);
        let (site, cause) = (embryo.site.clone(), cx.cause);
        let reset = reply(hdr, Reply::RstListenerClosed, cause, cx).marked(&self.config);
        self.remove(key, Cause::ListenerClosed, cx);
        Some((site, reset))
    }

    /// BSD and Linux tell nobody: whoever completes a handshake then, is told that nobody listens.
    fn forget_all(&mut self, cx: &mut Cx<'_>) {
        while let Some((_, key)) = self.by_peer.first_key_value() {
            self.remove(*key, Cause::ListenerClosed, cx);
        }
    }

    /// CLOSE of a listener; connections that are whole live on.
    pub fn close(&mut self, cx: &mut Cx<'_>) {
        debug_assert!(self.embryos.is_empty(), "what is half open was reset");
        tell(State::Listen, State::Closed, Cause::StopListening, cx);
    }

    fn forget(&mut self, key: usize) -> Embryo {
        self.deadlines.set(key, None);
        let embryo = self.embryos.remove(key);
        self.by_peer.remove(&(embryo.site.local, embryo.site.remote));
        embryo
    }

    /// An embryo ends.
    fn remove(&mut self, key: usize, cause: Cause, cx: &mut Cx<'_>) {
        self.forget(key);
        tell(State::SynReceived, State::Closed, cause, cx);
    }
}

/// A change of state where there is no block.
fn tell(from: State, to: State, cause: Cause, cx: &mut Cx<'_>) {
    debug_assert!(super::state::is_legal(from, cause, to), "{from} --{cause:?}--> {to}");
    cx.note(|| Event::State { from, to, cause });
}

/// The initial sequence number (RFC 6528); behind everything a predecessor in TIME-WAIT used,
/// however fast that was (RFC 9293 §3.6.1, MAY-2 (1)).
fn choose_iss(site: &Site, cx: &Cx<'_>) -> Seq {
    let iss = isn::iss(cx.now, site.local, site.remote, cx.chance);
    match site.predecessor.map(|nxt| nxt + 0xffff) {
        Some(least) if iss.before(least) => least,
        _ => iss,
    }
}

fn opening(site: &Site, iss: Seq, ts_offset: u32, config: Arc<Config>) -> Opening {
    Opening {
        local_port: site.local.port(),
        remote_port: site.remote.port(),
        iss,
        ts_offset,
        mtu: site.mtu,
        v6: site.remote.is_ipv6(),
        gso_max: site.gso_max,
        config,
    }
}

/// How many connections may be half open.
fn half_open_most(config: &Config, backlog: usize) -> usize {
    if config.is_bsd() { bsd::HALF_OPEN } else { backlog.max(1) }
}

fn synack_rto(config: &Config, timeouts: u8) -> Duration {
    let mut rto = Rto::new(config);
    (0..timeouts).for_each(|_| rto.back_off());
    rto.get(config)
}

fn is_syn_ack(reply: Reply) -> bool {
    matches!(reply, Reply::SynAck | Reply::SynAckAgain)
}

/// Those of a peer's options that our SYN-ACK answers.
fn usable(theirs: &Options, config: &Config) -> Options {
    Options {
        wscale: theirs.wscale.filter(|_| config.window_scaling && !config.noopt),
        sack_permitted: theirs.sack_permitted && config.sack && !config.noopt,
        ts: theirs.ts.filter(|_| config.timestamps && !config.noopt),
        ..theirs.clone()
    }
}

/// The window of a SYN-ACK, in segments that carry what was agreed.
fn syn_window(site: &Site, config: &Config, theirs: &Options) -> u16 {
    let ts = if theirs.ts.is_some() { 12 } else { 0 };
    config.syn_window(advmss(config, site.mtu, site.remote.is_ipv6()).saturating_sub(ts))
}

/// A SYN-ACK: our numbers, our options for those of `theirs` that are answered, and our clock.
fn syn_ack(
    site: &Site,
    config: &Config,
    (iss, irs): (Seq, Seq),
    (theirs, ecn): (&Options, bool),
    clock: u32,
) -> Header {
    let ecn = if ecn { Ctl::ECE } else { Ctl::NONE };
    Header {
        src: site.local.port(),
        dst: site.remote.port(),
        seq: iss,
        ack: Some(irs + 1),
        ctl: Ctl::SYN.with(Ctl::ACK).with(ecn),
        wnd: syn_window(site, config, theirs),
        urg: 0,
        options: Options {
            mss: Some(advmss(config, site.mtu, site.remote.is_ipv6())).filter(|_| !config.noopt),
            wscale: theirs.wscale.map(|_| config.wscale()),
            sack_permitted: theirs.sack_permitted,
            ts: theirs.ts.map(|ts| Timestamps { val: clock, ecr: ts.val }),
            uto: super::uto::offer(config),
            layout: config.option_order,
            ..Options::default()
        },
    }
}

/// An embryo's segment: SYN-ACK with our options, or an ACK.
fn answer(embryo: &Embryo, config: &Config, syn: bool, now: Instant) -> Header {
    let theirs = usable(&embryo.half.options, config);
    let clock = (now.as_millis() as u32).wrapping_add(embryo.ts_offset);
    let numbers = (embryo.iss, embryo.half.irs);
    let hdr = syn_ack(&embryo.site, config, numbers, (&theirs, embryo.half.ecn), clock);
    if syn {
        return hdr;
    }
    // Only on a SYN is the window not scaled (RFC 7323 §2.2); rounded down, never more is offered.
    let wnd = hdr.wnd >> hdr.options.wscale.unwrap_or(0);
    let layout = config.option_order;
    let options = Options { ts: hdr.options.ts, layout, ..Options::default() };
    Header { seq: embryo.iss + 1, ctl: Ctl::ACK, wnd, options, ..hdr }
}

fn dropped(why: Why) -> Verdict {
    Verdict::Done(Outcome::Dropped(why), None)
}

/// An answer without a block, told as an event.
pub fn reply(hdr: Header, why: Reply, cause: EventId, cx: &mut Cx<'_>) -> Outgoing {
    let seg = || SegmentView::of(&hdr, 0);
    let origin = cx.note_caused(cause, || Event::Replied { seg: seg(), reply: why });
    let (payload, why, mark) = (Chunks::new(), Because::Reply(why), Mark::default());
    Outgoing { hdr, payload, gso_size: None, origin, why, mark, df: true }
}
