//! A connection as its user sees it: OPEN, SEND, RECEIVE, CLOSE, ABORT, STATUS (RFC 9293 §3.9.1),
//! and the four verbs `input`, `poll`, `output`, `deadline`.

mod active;
mod passive;

use super::arrives;
use super::challenge::Hush;
use super::config::Config;
use super::event::{Event, Outcome, SegmentView, Timer};
use super::fast;
use super::info::TcpInfo;
use super::invariant;
use super::output::{self, Decision};
use super::segment::{Outgoing, Segment};
use super::sizes;
use super::state::{Cause, State};
use super::tcb::{Cx, Opening, SHARE, Tcb};
use super::timeout;
use crate::base::{Chunk, Instant, Limit, Seq, SocketError};
use crate::wire::tcp::Options;
use std::sync::Arc;

/// A TCP connection. The block has a place of its own: a table of connections that grows moves
/// pointers, and its spare places cost no blocks.
#[derive(Debug)]
pub struct Conn {
    pub(super) tcb: Box<Tcb>,
}

/// What a user can do right now without waiting.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Readiness {
    /// Reading gives data, the end, or an error.
    pub readable: bool,
    /// Writing takes data or gives an error.
    pub writable: bool,
    /// The opening has ended, well or badly.
    pub opened: bool,
    /// The connection is closed, or in TIME-WAIT: everything the user did has been delivered or
    /// has failed.
    pub finished: bool,
}

/// What a half-open connection knows when its handshake completes.
#[derive(Clone, Debug)]
pub struct HalfOpen {
    /// The peer's initial sequence number.
    pub irs: Seq,
    /// The peer's options.
    pub options: Options,
    /// The window field of the SYN.
    pub wnd: u16,
    /// When our SYN-ACK was last sent; `None`: nobody remembers, for it had a cookie.
    pub sent_at: Option<Instant>,
    /// How often it was sent again.
    pub retransmits: u8,
    /// Explicit congestion notification was agreed on.
    pub ecn: bool,
}

impl Conn {
    /// OPEN, active (RFC 9293 §3.9.1.1): the SYN goes out with the next `output`.
    pub fn connect(opening: Opening, cx: &mut Cx<'_>) -> Conn {
        let mut tcb = Tcb::open(opening, State::Closed, State::SynSent, Cause::ActiveOpen, cx);
        if let Some(keepinit) = tcb.config.keepinit {
            tcb.set_timer(Timer::Keepalive, cx.now + keepinit, cx);
        }
        Conn { tcb: Box::new(tcb) }.born(cx)
    }

    /// Tells what `tcp_info` says at first: later events tell what changes.
    fn born(self, cx: &mut Cx<'_>) -> Conn {
        self.told(cx.trace.is_listening().then(TcpInfo::default), cx);
        self
    }

    // ---- the four verbs

    /// A segment arrived. When [`Conn::owes_ack_now`] holds afterwards, `output` is to be called
    /// before the next segment is given. Of `seg`, what was taken is gone then; its ACK stays.
    /// `heir`: somebody listens where TIME-WAIT could give way to a newer SYN.
    pub fn input(&mut self, seg: &mut Segment, heir: bool, cx: &mut Cx<'_>) -> Outcome {
        let before = self.snapshot(cx);
        let view = cx.trace.is_listening().then(|| SegmentView::of(&seg.hdr, seg.payload.len()));
        let (arrival, from) = (cx.trace.reserve(), cx.cause);
        cx.cause = arrival;
        self.tcb.cause = arrival;
        self.tcb.counters.segs_in = self.tcb.counters.segs_in.wrapping_add(seg.wire_segments());
        let outcome = match view.is_none() && fast::takes(&mut self.tcb, seg, cx) {
            true => Outcome::Accepted,
            false => arrives::segment(&mut self.tcb, seg, heir, cx),
        };
        if let Some(seg) = view {
            let causes = [from, crate::base::EventId::NONE];
            cx.trace.note_as(arrival, causes, || Event::Received { seg, outcome });
        }
        self.told(before, cx);
        outcome
    }

    /// Time has come to `cx.now`: expired timers act.
    pub fn poll(&mut self, cx: &mut Cx<'_>) {
        if self.tcb.timers.next().is_some_and(|at| at <= cx.now) {
            let before = self.snapshot(cx);
            timeout::poll(&mut self.tcb, cx);
            self.told(before, cx);
        }
    }

    /// The next segment to be sent.
    pub fn output(&mut self, cx: &mut Cx<'_>) -> Option<Outgoing> {
        let before = self.snapshot(cx);
        super::pmtu::age(&mut self.tcb, cx.now);
        let out = output::output(&mut self.tcb, cx);
        self.told(before, cx);
        out
    }

    /// When `poll` or `output` has something to do: now, at a timer, or never.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        match output::plan(&self.tcb) {
            Decision::Send(_) => Some(now),
            Decision::Wait { until, .. } => until,
        }
    }

    /// When `poll` has something to do, after `output` gave nothing: the [`Conn::deadline`] that
    /// there is then.
    pub fn waits_until(&self) -> Option<Instant> {
        debug_assert!(!matches!(output::plan(&self.tcb), Decision::Send(_)));
        self.tcb.timers.next()
    }

    /// What would be sent next, and why; or why nothing is.
    pub fn plan(&self) -> Decision {
        output::plan(&self.tcb)
    }

    /// Whether an ACK is owed that may not merge with later ones.
    pub fn owes_ack_now(&self) -> bool {
        self.tcb.owe.ack_now || self.tcb.owe.ack_before.is_some() || self.tcb.owe.rst.is_some()
    }

    // ---- the user's calls

    /// SEND: queues as much of `bytes` as the send buffer takes, and says how much.
    ///
    /// # Errors
    /// `WouldBlock` when the buffer is full, `BrokenPipe` after `shutdown`, the connection's error
    /// when it has failed.
    pub fn write(&mut self, bytes: &[u8], cx: &mut Cx<'_>) -> Result<usize, SocketError> {
        self.take_error()?;
        if self.tcb.fin_queued || self.tcb.state() == State::Closed {
            return Err(SocketError::BrokenPipe);
        }
        // What a SYN that waits does not take along is for later.
        let most = if self.tcb.syn_waits() { self.tcb.syn_room() as usize } else { usize::MAX };
        let n = self.room_to_write(bytes.len()).min(bytes.len()).min(most);
        if let Some(fast) = self.tcb.fast_mut() {
            fast.waits = false;
        }
        self.tcb.counters.on_write(n == bytes.len());
        if n == 0 && !bytes.is_empty() {
            return Err(SocketError::WouldBlock);
        }
        self.tcb.tx.write(&bytes[..n], cx.pool);
        self.tcb.more = false;
        (self.tcb.owe.more, self.tcb.owe.push) = (false, false);
        self.tcb.cause = cx.cause;
        sizes::note_deferral(&mut self.tcb, cx.now);
        if n > 0 {
            self.tcb.start_user_timer(cx);
        }
        Ok(n)
    }

    /// How much of `wanted` bytes may be written, at least: what the send buffer has room for, and
    /// no more unsent than `notsent_lowat`.
    fn room_to_write(&self, wanted: usize) -> usize {
        let tcb = &self.tcb;
        let room = tcb.send_buffer().saturating_sub(tcb.tx.len());
        let low = tcb.config.notsent_lowat.map(|low| low.max(1).saturating_sub(tcb.unsent()));
        let room = room.min(low.unwrap_or(room)) as usize;
        if room >= wanted { room } else { room.max(sizes::first_batch(tcb) as usize) }
    }

    /// SEND, and more follows: a segment that is not full waits for it (`MSG_MORE`), as a cork
    /// would have it.
    ///
    /// # Errors
    /// As [`Conn::write`].
    pub fn write_more(&mut self, bytes: &[u8], cx: &mut Cx<'_>) -> Result<usize, SocketError> {
        let waited = self.tcb.syn_waits();
        let n = self.write(bytes, cx)?;
        // The rest of what a SYN takes along only a part of follows by itself.
        self.tcb.more = (n == bytes.len()) != waited;
        self.tcb.owe.more = self.tcb.more;
        Ok(n)
    }

    /// SEND, and a record ends: what is written later shares no segment with it (`MSG_EOR`, as
    /// Linux).
    ///
    /// # Errors
    /// As [`Conn::write`].
    pub fn write_record(&mut self, bytes: &[u8], cx: &mut Cx<'_>) -> Result<usize, SocketError> {
        let n = self.write(bytes, cx)?;
        if n == bytes.len() && n > 0 {
            self.tcb.end_record();
        }
        Ok(n)
    }

    /// SEND with the urgent flag (RFC 9293 §3.9.1.3; RFC 6093 advises against it): the last byte
    /// queued is the last urgent one.
    // Rules: SHLD-13.
    pub fn write_urgent(&mut self, bytes: &[u8], cx: &mut Cx<'_>) -> Result<usize, SocketError> {
        let n = self.write(bytes, cx)?;
        if n == bytes.len() && n > 0 {
            self.tcb.snd.up = Some(self.tcb.tx.end());
        }
        Ok(n)
    }

    /// RECEIVE: moves data to `out` and says how much; 0 is the peer's close, or the end of a
    /// connection whose error was told. Data that came before the end is read before it.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there yet, the connection's error when it has failed, once; but
    /// not behind the peer's close.
    pub fn read(&mut self, out: &mut [u8], cx: &mut Cx<'_>) -> Result<usize, SocketError> {
        let (max, mut at) = (out.len(), 0);
        let put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        self.read_with(max, put, cx)
    }

    /// RECEIVE into a place that need not be initialised: gives at most `max` bytes to `put`, in
    /// pieces; otherwise as [`Conn::read`].
    ///
    /// # Errors
    /// As [`Conn::read`]; then `put` was not called.
    pub fn read_with(
        &mut self,
        max: usize,
        put: impl FnMut(&[u8]),
        cx: &mut Cx<'_>,
    ) -> Result<usize, SocketError> {
        self.may_read(max)?;
        let most = self.up_to_mark(max);
        let n = self.tcb.rx.read(most, put);
        self.was_read(n, cx);
        Ok(n)
    }

    /// RECEIVE without a copy: the next bytes, at most `max` of them, as they lie in the block that
    /// they came in; `None` is what 0 is to [`Conn::read`], which reads the same bytes. There may
    /// be fewer than `max` although more have come: a chunk ends where its block does.
    ///
    /// The chunk is the reader's: the connection offers its room to the peer again, and counts it
    /// no more. Keeping it keeps its block ([`Chunk::capacity`]), of one of the sizes in
    /// [`CLASSES`](crate::base::pool::CLASSES). A chunk is a quarter of its block at least, or its
    /// block is of the smallest size, unless it was cut: by `max`, or because the bytes before it
    /// were read. Whoever keeps single bytes for long had better copy them.
    ///
    /// # Errors
    /// As [`Conn::read`].
    pub fn read_chunk(
        &mut self,
        max: usize,
        cx: &mut Cx<'_>,
    ) -> Result<Option<Chunk>, SocketError> {
        self.may_read(max)?;
        let most = self.up_to_mark(max);
        let chunk = self.tcb.rx.take(most);
        self.was_read(chunk.as_ref().map_or(0, |chunk| chunk.len()), cx);
        Ok(chunk)
    }

    /// The reader took so many bytes.
    fn was_read(&mut self, n: usize, cx: &mut Cx<'_>) {
        if n > 0 {
            self.tcb.rcv.read = true;
            self.tcb.cause = cx.cause;
            super::autotune::on_read(&mut self.tcb, n as u32, cx.now);
            super::delack::on_read(&mut self.tcb, cx);
        }
    }

    /// RECEIVE without taking the data.
    ///
    /// # Errors
    /// As [`Conn::read`].
    pub fn peek(&mut self, out: &mut [u8]) -> Result<usize, SocketError> {
        self.may_read(out.len())?;
        let most = self.up_to_mark(out.len());
        Ok(self.tcb.rx.peek(&mut out[..most]))
    }

    /// How far the last urgent byte is from the next byte to be read, if it is kept out of line and
    /// was not passed yet.
    fn mark(&self) -> Option<u32> {
        let tcb = &self.tcb;
        let up = tcb.rcv.up.filter(|_| !tcb.config.oobinline)?;
        let next = tcb.rcv.nxt - u32::from(tcb.fin_received) - tcb.rx.len();
        up.after(next).then(|| up - next - 1)
    }

    /// Data out of line is read apart: reading ends before it, and goes on behind it. The answer is
    /// how many of `len` bytes may be read at once.
    // Rules: 6093-6-1.
    fn up_to_mark(&mut self, len: usize) -> usize {
        if self.mark() == Some(0) && !self.tcb.rx.is_empty() && len > 0 {
            self.tcb.rx.read(1, |_| {});
            return len;
        }
        self.mark().map_or(len, |mark| len.min(mark as usize))
    }

    /// RECEIVE of the last urgent byte, out of line (`MSG_OOB`); once.
    ///
    /// # Errors
    /// `InvalidInput` when there is none, it stays in line, or it was read; `WouldBlock` before it
    /// has come.
    pub fn read_urgent(&mut self) -> Result<u8, SocketError> {
        let mark = self.mark().filter(|_| !self.tcb.rcv.oob_read);
        let at = mark.ok_or(SocketError::InvalidInput)?;
        let byte = self.tcb.rx.byte(at).ok_or(SocketError::WouldBlock)?;
        self.tcb.rcv.oob_read = true;
        Ok(byte)
    }

    /// Whether the next byte to be read is the last urgent one (`SIOCATMARK`).
    pub fn at_mark(&self) -> bool {
        self.mark() == Some(0)
    }

    /// Bytes that can be read in line: an urgent one out of line that is next is none (as Linux).
    fn in_line(&self) -> u32 {
        self.tcb.rx.len().saturating_sub(u32::from(self.at_mark()))
    }

    fn may_read(&mut self, len: usize) -> Result<(), SocketError> {
        if self.in_line() > 0 || self.tcb.fin_received {
            return Ok(());
        }
        self.take_error()?;
        match self.tcb.state() {
            State::SynSent | State::SynReceived => Err(SocketError::WouldBlock),
            _ if self.tcb.may_receive() && len > 0 => Err(SocketError::WouldBlock),
            _ => Ok(()),
        }
    }

    /// CLOSE of the sending side: FIN follows the data; receiving goes on (half-close, MAY-1).
    ///
    /// # Errors
    /// `NotConnected` before the connection is open, or after it has ended.
    // Rules: 1122-4.2.2.13-3.
    pub fn shutdown(&mut self, cx: &mut Cx<'_>) -> Result<(), SocketError> {
        self.take_error()?;
        match self.tcb.state() {
            State::SynSent | State::Closed | State::Listen => {
                return Err(SocketError::NotConnected);
            }
            State::SynReceived | State::Established => self.queue_fin(State::FinWait1, cx),
            State::CloseWait => self.queue_fin(State::LastAck, cx),
            _ => {}
        }
        Ok(())
    }

    /// The user wants no more data: none is kept back from it, but once it has closed its side,
    /// too, what comes resets the connection, as if there were no user.
    pub fn shut_read(&mut self) {
        self.tcb.rcv.shut = true;
    }

    fn queue_fin(&mut self, to: State, cx: &mut Cx<'_>) {
        self.tcb.fin_queued = true;
        self.tcb.start_user_timer(cx);
        self.tcb.cause = cx.cause;
        self.tcb.go(to, Cause::Close, cx);
    }

    /// CLOSE: the user is gone. Data queued is still delivered; data unread, or arriving later,
    /// turns the close into a reset (RFC 9293 §3.6.1, SHLD-3; RFC 2525 §2.17).
    // Rules: 1122-4.2.2.13-1, 2525-2.17.
    pub fn close(&mut self, cx: &mut Cx<'_>) {
        if self.tcb.config.linger.is_some_and(|linger| linger.is_zero()) {
            return self.abort(cx);
        }
        self.tcb.orphan = true;
        self.tcb.error = None;
        self.tcb.cause = cx.cause;
        let bsd = self.tcb.config.is_bsd();
        let unread = !bsd && (!self.tcb.rx.is_empty() || self.tcb.ooo.is_some());
        match self.tcb.state() {
            State::SynSent => self.tcb.die(Cause::CloseUnopened, None, cx),
            // For BSD a connection is not open before that.
            State::SynReceived if bsd => self.tcb.die(Cause::Abort, None, cx),
            State::SynReceived
            | State::Established
            | State::CloseWait
            | State::FinWait1
            | State::FinWait2
                if unread =>
            {
                self.reset(Cause::CloseUnread, cx);
            }
            State::SynReceived | State::Established => self.queue_fin(State::FinWait1, cx),
            State::CloseWait => self.queue_fin(State::LastAck, cx),
            State::FinWait2 => {
                let at = cx.now + self.tcb.config.fin_wait2;
                self.tcb.set_timer(Timer::TimeWait, at, cx);
            }
            _ => {}
        }
        self.tcb.rx.clear();
    }

    /// The user holds the connection to a limit, which it has hit: what ends it, gives that as the
    /// reason.
    pub fn limited(&mut self, limit: Limit) {
        self.tcb.counters.rare().limit = Some(limit);
    }

    /// ABORT: queued data is dropped and the peer is told by a reset (RFC 9293 §3.10.5).
    pub fn abort(&mut self, cx: &mut Cx<'_>) {
        self.tcb.orphan = true;
        match self.tcb.state() {
            State::Closed => {}
            State::SynSent | State::TimeWait => self.tcb.die(Cause::Abort, None, cx),
            // Both FINs are on their way: nothing is left to reset (RFC 9293 §3.10.5).
            State::Closing | State::LastAck if !self.tcb.config.is_bsd() => {
                self.tcb.die(Cause::Abort, None, cx);
            }
            _ => self.reset(Cause::Abort, cx),
        }
        self.tcb.rx.clear();
        self.tcb.error = None;
    }

    fn reset(&mut self, cause: Cause, cx: &mut Cx<'_>) {
        let error = Some(SocketError::Aborted);
        self.tcb.cause = cx.cause;
        self.tcb.die(cause, error, cx);
        self.tcb.owe.rst = Some(cause);
    }

    /// How many bytes its buffers hold: for what was received, and for what was written.
    pub fn buffers(&self) -> (u32, u32) {
        (self.tcb.recv_buffer(), self.tcb.send_buffer())
    }

    /// Changes the knobs. Those that were negotiated keep their value; another congestion control
    /// goes on with the window there is.
    pub fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        let before = self.tcb.config.congestion;
        let waits = self.tcb.config.nagle || self.tcb.owe.more;
        change(Arc::make_mut(&mut self.tcb.config));
        // Whoever turns it off wants what is written to go out now, corked or not.
        self.tcb.owe.push |= waits && !self.tcb.config.nagle;
        match self.tcb.config.congestion == before {
            true => self.tcb.change_hystart(),
            false => self.tcb.change_cc(),
        }
    }

    /// The knobs.
    pub fn config(&self) -> &Config {
        &self.tcb.config
    }

    /// Restarts the keep-alive timer after its knob changed. In TIME-WAIT there is nobody to keep.
    // Rules: MUST-24.
    pub fn restart_keepalive(&mut self, cx: &mut Cx<'_>) {
        let state = self.tcb.state();
        match self.tcb.config.keepalive {
            Some(keepalive) if state.is_synchronized() && state != State::TimeWait => {
                self.tcb.set_timer(Timer::Keepalive, cx.now + keepalive.idle, cx);
            }
            _ if self.tcb.config.keepinit.is_some() && !state.is_synchronized() => {}
            _ => self.tcb.stop_timer(Timer::Keepalive, cx),
        }
    }

    /// Restarts the user timeout after its knob changed. In CLOSED no timer runs.
    pub fn restart_user_timeout(&mut self, cx: &mut Cx<'_>) {
        if self.tcb.state() != State::Closed {
            super::ack::restart_user_timer(&mut self.tcb, cx);
        }
    }

    /// Asks for ACKs at once, or for ACKs that wait for data to carry them (`TCP_QUICKACK`), until
    /// what comes and goes decides otherwise.
    pub fn set_quickack(&mut self, quick: bool, cx: &mut Cx<'_>) {
        self.tcb.cause = cx.cause;
        super::delack::ask(&mut self.tcb, quick, cx);
    }

    /// Whether ACKs do not wait for data to carry them.
    pub fn quickack(&self) -> bool {
        super::delack::is_quick(&self.tcb)
    }

    /// The error the connection ended with; told once.
    ///
    /// # Errors
    /// That error.
    // Rules: MUST-12, 1122-4.2.2.13-2.
    pub fn take_error(&mut self) -> Result<(), SocketError> {
        self.tcb.error.take().map_or(Ok(()), Err)
    }

    // ---- what can be asked

    /// The error that the next call will tell.
    pub fn pending_error(&self) -> Option<SocketError> {
        self.tcb.error
    }

    /// The state.
    pub fn state(&self) -> State {
        self.tcb.state()
    }

    /// Whether nothing is left to do for it: closed, and no reset owed.
    pub fn is_dead(&self) -> bool {
        self.tcb.state() == State::Closed && self.tcb.owe.rst.is_none()
    }

    /// Whether the user has let go of it.
    pub fn is_orphan(&self) -> bool {
        self.tcb.orphan
    }

    /// What the user can do without waiting.
    pub fn readiness(&self) -> Readiness {
        let tcb = &self.tcb;
        let failed = tcb.error.is_some();
        let early = matches!(tcb.state(), State::SynSent | State::SynReceived);
        let opened = !early || tcb.is_fast_child() || tcb.syn_waits();
        let closed = tcb.state() == State::Closed;
        Readiness {
            readable: failed || self.has_enough() || (!early && !tcb.may_receive()),
            writable: failed || closed || tcb.fin_queued || (opened && self.is_roomy()),
            opened: opened || failed,
            finished: closed || tcb.state() == State::TimeWait || tcb.fin_acked(),
        }
    }

    /// Whether there is what a reader wants to be woken for; a full buffer is enough.
    fn has_enough(&self) -> bool {
        let (held, wanted) = (self.in_line(), self.tcb.config.rcvlowat.max(1));
        held >= wanted || (held > 0 && self.tcb.rcv.wnd < self.tcb.rcv.mss_seen)
    }

    /// Whether there is room enough to wake a writer for: for Linux, half as much as is held, so
    /// that nobody is woken for every segment that is acknowledged.
    fn is_roomy(&self) -> bool {
        let (tcb, held) = (&self.tcb, self.tcb.tx.len());
        let few = |low: u32| tcb.unsent().saturating_mul(2) < low.max(1);
        let least = if tcb.config.is_linux() { (held / 2).max(1) } else { 1 };
        tcb.send_buffer().saturating_sub(held) >= least && tcb.config.notsent_lowat.is_none_or(few)
    }

    /// Bytes that can be read now, and bytes written that the peer has not acknowledged (Recv-Q and
    /// Send-Q of `ss`).
    pub fn queues(&self) -> (u32, u32) {
        (self.tcb.rx.len(), self.tcb.tx.len())
    }

    /// Bytes that its queues hold: those to be read, those that are not acknowledged, and the
    /// blocks of those behind a gap, where a thousand single bytes may lie in as many blocks.
    pub fn held_bytes(&self) -> u64 {
        let ooo = self.tcb.ooo.as_ref().map_or(0, |ooo| ooo.cost());
        u64::from(self.tcb.rx.len()) + u64::from(self.tcb.tx.len()) + u64::from(ooo)
    }

    /// The host is short of memory, or no more: what the window to be offered must heed. Says
    /// whether data that comes now has no place, because the connection holds its share.
    pub fn press(&mut self, pressed: bool) -> bool {
        self.tcb.pressed = pressed;
        let ooo = || self.tcb.ooo.as_ref().map_or(0, |ooo| ooo.cost());
        pressed && self.tcb.rx.len() + ooo() >= SHARE
    }

    /// The host may send no challenge ACK for now, or again.
    pub fn hush(&mut self, hushed: bool) {
        self.tcb.hush = if hushed { Hush::Yes } else { Hush::No };
    }

    /// Whether what has come since then is answered with one.
    pub fn challenged(&self) -> bool {
        self.tcb.hush == Hush::Spoke
    }

    /// How many of `len` bytes may be written while the host is short of memory; `None`: none, as
    /// the connection holds its share.
    pub fn share_of_write(&self, len: usize) -> Option<usize> {
        let room = SHARE.saturating_sub(self.tcb.tx.len()) as usize;
        let waits = room == 0 && self.tcb.error.is_none() && self.tcb.state() != State::Closed;
        (!waits || self.tcb.fin_queued).then_some(len.min(room.max(1)))
    }

    /// Bytes written that were not sent even once.
    pub fn unsent(&self) -> u32 {
        self.tcb.unsent()
    }

    /// When a timer expires, if it runs.
    pub fn timer(&self, timer: Timer) -> Option<Instant> {
        self.tcb.timers.get(timer)
    }

    /// Whether the peer has closed its sending side, and whether the user has closed ours.
    pub fn shut(&self) -> (bool, bool) {
        (self.tcb.fin_received, self.tcb.fin_queued)
    }

    /// Behind the last urgent byte the peer announced, as a distance from the next byte to be read;
    /// `None` when all of it has been read.
    // Rules: MUST-33.
    pub fn urgent(&self) -> Option<u32> {
        let next = self.tcb.rcv.nxt - self.tcb.rx.len();
        self.tcb.rcv.up.filter(|up| up.after(next)).map(|up| up - next)
    }

    /// The oldest sequence number that is not acknowledged (SND.UNA).
    pub fn acked(&self) -> Seq {
        self.tcb.snd.una
    }

    /// The next sequence number to be sent (SND.NXT).
    pub fn next_seq(&self) -> Seq {
        self.tcb.snd.nxt
    }

    /// The longest packet that its path carries, as far as is known, bytes.
    pub fn path_mtu(&self) -> u16 {
        self.tcb.pmtu
    }

    /// Largest payload a segment of this connection carries.
    pub fn smss(&self) -> u32 {
        self.tcb.snd.smss
    }

    /// A full segment, timestamps included.
    pub fn mss(&self) -> u32 {
        self.tcb.mss()
    }

    /// STATUS.
    pub fn info(&self, now: Instant) -> TcpInfo {
        super::status::info(&self.tcb, now)
    }

    /// The congestion control algorithm's name.
    pub fn congestion(&self) -> &'static str {
        self.tcb.config.congestion.name()
    }

    /// When something last came from the peer, or data was last sent.
    pub fn last_heard_or_said(&self) -> Instant {
        self.tcb.last_recv.max(self.tcb.last_sent)
    }

    /// Lets go of memory that a silent connection does not need.
    pub fn shrink(&mut self) {
        self.tcb.shrink();
    }

    fn snapshot(&self, cx: &Cx<'_>) -> Option<TcpInfo> {
        cx.trace.is_listening().then(|| self.info(cx.now))
    }

    /// The before/after comparison that carries every change of `tcp_info`, and the invariants.
    fn told(&self, before: Option<TcpInfo>, cx: &mut Cx<'_>) {
        if let Some(before) = before {
            let changes = self.info(cx.now).changes_since(&before);
            if !changes.is_empty() {
                cx.note_caused(self.tcb.cause, || Event::Info { changes });
            }
        }
        if cfg!(debug_assertions) {
            invariant::check(&self.tcb);
        }
    }
}
