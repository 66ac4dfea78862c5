//! What TCP tells: segments sent and received with their reasons, changes of state, timers, RTT
//! samples, what holds sending back. The sentences are here; protocol code only picks the value.

use super::fastopen::FastOpen;
use super::info::Change;
use super::state::{Cause, State};
use crate::base::time::Span;
use crate::base::{Duration, Instant, Limit, Seq, Why};
use crate::wire::tcp::{Ctl, Header, Options};

crate::explained! {
    /// Why an acknowledgment is owed.
    #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
    pub enum AckWhy {
        /// The peer's SYN completes our handshake.
        Handshake = "Handshake", "RFC 9293 §3.10.7.3, fourth", "the peer's SYN is acknowledged, which completes the handshake";
        /// Two full-sized segments wait for their ACK.
        EverySecond = "EverySecond", "RFC 9293 §3.8.6.3 (SHLD-19)", "two full segments are in: an ACK for at least every second one";
        /// The delayed-ACK timer fired.
        Delayed = "Delayed", "RFC 9293 §3.8.6.3 (MUST-40)", "no data of ours came along to carry the ACK in time";
        /// Out-of-order data arrived.
        OutOfOrder = "OutOfOrder", "RFC 5681 §4.2", "data arrived behind a gap: a duplicate ACK tells at once which byte is missing";
        /// A gap was filled, wholly or in part.
        GapFilled = "GapFilled", "RFC 5681 §4.2", "the segment fills a gap: acknowledged at once to speed up the peer's recovery";
        /// A segment outside the window, an old duplicate, or one with an old timestamp.
        Unacceptable = "Unacceptable", "RFC 9293 §3.10.7.4, first; RFC 7323 §5.3 R1", "the segment is old or lies outside the window: the ACK tells the peer where we are";
        /// The peer asks whether we live or have room: by a segment one before the window, or by
        /// data that does not fit.
        Probed = "Probed", "RFC 9293 §3.8.4, §3.8.6.1 (MUST-37)", "the peer asks whether we are there or have room: answered so that it keeps the connection";
        /// The peer's FIN.
        Fin = "Fin", "RFC 9293 §3.10.7.4, eighth", "the peer's FIN is acknowledged";
        /// A suspicious segment is challenged.
        Challenge = "Challenge", "RFC 5961 §3-5", "a suspicious segment: only the true peer will answer this ACK";
        /// A retransmitted FIN in TIME-WAIT.
        TimeWait = "TimeWait", "RFC 9293 §3.10.7.4, eighth, TIME-WAIT", "the peer sent its FIN again: our last ACK seems to be lost";
        /// A mark of congestion arrived.
        Marked = "Marked", "RFC 3168 §6.1.3", "a router marked the packet: every ACK has ECE from now on, until the peer says that it slowed down";
        /// Marks began or ended, for a peer that wants to know of each.
        MarkTurned = "MarkTurned", "RFC 8257 §3.2", "packets are marked now and were not before, or the other way round: the ACK tells from which one on";
        /// The peer is likely to wait for it.
        Quick = "QuickAck", "RFC 9293 §3.8.6.3 (SHLD-18: ACKs may be delayed); tcp(7), TCP_QUICKACK", "a young or newly busy connection: the sender is in slow start and lives on ACKs";
        /// The reader took all there was.
        AfterRead = "AfterRead", "RFC 9293 §3.8.6.3 (SHLD-18: ACKs may be delayed)", "the reader took the small segment that ended what the peer had to say: it may wait for this ACK";
        /// There is room that the peer does not know of.
        WindowUpdate = "WindowUpdate", "RFC 9293 §3.8.6.2.2 (MUST-39)", "the window can open by a useful amount: the peer should know";
    }
}

crate::explained! {
    /// The rule by which a segment is retransmitted.
    #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
    pub enum RtxRule {
        /// The retransmission timer expired.
        Rto = "Rto", "RFC 6298 §5.4", "the retransmission timer expired";
        /// The rest of what an expired timer declared lost.
        AfterRto = "AfterRto", "RFC 5681 §3.1; RFC 6582 §3.2", "sent before the timeout and not acknowledged since: sent again in slow start";
        /// Three duplicate ACKs.
        FastRetransmit = "FastRetransmit", "RFC 5681 §3.2", "three duplicate ACKs: the segment is taken for lost";
        /// A partial ACK in recovery.
        PartialAck = "PartialAck", "RFC 6582 §3.2", "a partial ACK: the next segment is missing, too";
        /// Something sent later has arrived.
        Rack = "Rack", "RFC 8985 §6.2", "what was sent a reordering window later has arrived: taken for lost by time";
        /// Enough has arrived behind it.
        SackThreshold = "SackThreshold", "RFC 6675 §4", "three segments behind it have arrived, says SACK: taken for lost";
        /// Nothing is lost for sure, and there is nothing new.
        LastResort = "LastResort", "RFC 6675 §4, NextSeg 3", "cwnd has room and there is nothing else to send: what lies below what SACK reports may be lost";
        /// The tail, once in a recovery.
        Rescue = "Rescue", "RFC 6675 §4, NextSeg 4", "cwnd has room and there is nothing else to send: the last segment again, once in this recovery, in case the tail is lost";
        /// No ACK came for a while.
        LossProbe = "LossProbe", "RFC 8985 §7.3", "no ACK for two round trips: the last segment again, to ask for one before the timeout";
        /// Large segments vanish, and no router says why.
        BlackHole = "BlackHole", "RFC 4821 §7.7", "large segments time out again and again, and no router says why: smaller ones may pass";
        /// A SYN-ACK left the SYN's data out.
        SynData = "SynDataAgain", "RFC 7413 §4.2.2", "it went along with the SYN, and the SYN-ACK does not acknowledge it";
        /// A smaller path MTU.
        PathMtu = "PathMtu", "RFC 1191 §6.4", "the path carries only smaller packets: sent again in smaller pieces";
    }
}

impl RtxRule {
    /// Whether ACKs, not a timer or the path, say that the segment is lost.
    pub fn is_fast(self) -> bool {
        use RtxRule as R;
        matches!(
            self,
            R::FastRetransmit
                | R::PartialAck
                | R::Rack
                | R::SackThreshold
                | R::LastResort
                | R::Rescue
        )
    }
}

crate::explained! {
    /// Why a segment is sent. A segment cannot be built without one.
    #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
    pub enum Plan {
        /// The first SYN of an active open.
        Syn = "Syn", "RFC 9293 §3.10.1", "connect(): ask for a connection, offering our options";
        /// A SYN with data.
        SynData {
            /// Payload bytes.
            len: u32
        } = "SynData", "RFC 7413 §4.2.2", "connect() with data, and the server's cookie is known or none is needed: {len} bytes go along with the SYN";
        /// A SYN that asks for a cookie.
        SynAsks = "SynAsksForCookie", "RFC 7413 §4.2.1", "connect() with data, but no cookie of this server is known: the SYN asks for one";
        /// SYN-ACK in a simultaneous open.
        SynAckCrossed = "SynAckCrossed", "RFC 9293 §3.10.7.3, fourth", "the SYNs crossed: acknowledge the peer's";
        /// SYN-ACK of a connection that began before its handshake ended.
        SynAckFast {
            /// Payload bytes of the SYN.
            len: u32
        } = "SynAckFast", "RFC 7413 §4.2.2", "the SYN opens fast: the SYN-ACK acknowledges its {len} bytes, too, which the application has already";
        /// A SYN or SYN-ACK again.
        RetransmitSyn {
            /// How often before, 1..
            attempt: u8
        } = "RetransmitSyn", "RFC 6298 §5; RFC 9293 §3.8.3", "no answer to our SYN: attempt {attempt} after the first";
        /// Data that was never sent before.
        NewData {
            /// Payload bytes.
            len: u32,
            /// Whether the push bit is set.
            push: bool
        } = "NewData", "RFC 9293 §3.7.4, §3.8.6.2.1", "the application wrote it, and cwnd and the peer's window allow {len} bytes";
        /// New data that asks for an ACK, whatever cwnd says.
        LossProbe {
            /// Payload bytes.
            len: u32
        } = "LossProbeData", "RFC 8985 §7.3", "no ACK for two round trips: {len} new bytes ask for one before the timeout";
        /// The last data, never sent before, with FIN.
        LastData {
            /// Payload bytes.
            len: u32
        } = "LastData", "RFC 9293 §3.7.4, §3.10.4", "the application closed: the last {len} bytes need not wait for more, and the FIN goes along";
        /// FIN alone.
        Fin = "Fin", "RFC 9293 §3.10.4", "the application closed and all data is out";
        /// Data or FIN again.
        Retransmit {
            /// Which rule says so.
            rule: RtxRule,
            /// First byte.
            seq: Seq,
            /// Sequence space covered.
            len: u32
        } = "Retransmit", "RFC 9293 §3.8.1", "retransmission: {rule}";
        /// An ACK with nothing else.
        Ack {
            /// Why it is owed.
            why: AckWhy
        } = "Ack", "RFC 9293 §3.8.6.3", "{why}";
        /// A probe of a closed window.
        WindowProbe {
            /// How often before, 0..
            attempt: u8
        } = "WindowProbe", "RFC 9293 §3.8.6.1 (MUST-36)", "the peer's window is closed: ask whether it has opened (probe {attempt})";
        /// Less than a full segment after the override timeout.
        SwsOverride {
            /// Payload bytes.
            len: u32
        } = "SwsOverride", "RFC 9293 §3.8.6.2.1", "only {len} bytes fit the peer's small window, and the override timeout has passed";
        /// What a cork held back, for too long.
        CorkOverride {
            /// Payload bytes.
            len: u32
        } = "CorkOverride", "tcp(7), TCP_CORK: 200 ms at most", "corked, but the {len} bytes have waited long enough";
        /// A keep-alive probe.
        Keepalive {
            /// Which probe since the last answer, 1..
            attempt: u8
        } = "Keepalive", "RFC 9293 §3.8.4", "long silence: is the peer still there? (probe {attempt})";
        /// A reset by our side.
        Rst {
            /// What ended the connection.
            cause: Cause
        } = "Rst", "RFC 9293 §3.5.2", "{cause}";
        /// FIN of a connection that a limit ended, with the last data if some is left.
        FinLimit {
            /// Payload bytes.
            len: u32,
            /// Which limit.
            limit: Limit
        } = "FinLimit", "RFC 9293 §3.10.4", "{limit}";
        /// A reset of a connection that a limit ended.
        RstLimit {
            /// Which limit.
            limit: Limit
        } = "RstLimit", "RFC 9293 §3.10.5", "{limit}";
    }
}

crate::explained! {
    /// Why nothing is being sent.
    #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
    pub enum Blocked {
        /// Nothing to send.
        App = "app", "socket API (send)", "the application has written nothing more";
        /// The congestion window is full.
        Cwnd = "cwnd", "RFC 5681 §3.1", "as much is in flight as the congestion window allows";
        /// The peer's window is full.
        Rwnd = "rwnd", "RFC 9293 §3.8.6", "the peer's receive window is full";
        /// Nagle's algorithm.
        Nagle = "nagle", "RFC 9293 §3.7.4", "a small segment waits for the ACK of the one in flight (Nagle)";
        /// Silly-window avoidance.
        Sws = "sws", "RFC 9293 §3.8.6.2.1", "the peer's window would force a silly small segment";
        /// The burst is out, the next one has to wait.
        Pacing = "pacing", "RFC 9002 §7.7; RFC 9406 §5", "what the rate allows in a millisecond is out: the rest waits its turn, so that the round trip is filled evenly";
        /// The application holds small segments back.
        Cork = "cork", "tcp(7), TCP_CORK, MSG_MORE", "the application said that more follows: a small segment waits for it (cork)";
        /// The handshake is not complete.
        Handshake = "handshake", "RFC 9293 §3.5", "the handshake is not complete";
        /// Everything is sent, the end included.
        Done = "done", "RFC 9293 §3.6", "both data and FIN are sent";
    }
}

crate::explained! {
    /// Why something is answered without a connection's block.
    #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
    pub enum Reply {
        /// Nobody listens there.
        RstClosed = "RstClosed", "RFC 9293 §3.10.7.1", "no such connection is here, and nobody listens on that port: refused";
        /// An ACK at a listener.
        RstListenAck = "RstListenAck", "RFC 9293 §3.10.7.2, second", "nothing was sent that could be acknowledged: a stale connection is reset";
        /// A half-open connection got an ACK of something else.
        RstHalfOpenAck = "RstHalfOpenAck", "RFC 9293 §3.10.7.4, fifth, SYN-RECEIVED", "the ACK does not acknowledge our SYN";
        /// A SYN in the window of a half-open connection.
        RstHalfOpenSyn = "RstHalfOpenSyn", "RFC 793 p. 71; RFC 5961 §4.2 forbids it", "a SYN in the window of a half-open connection: it ends, and the peer learns it";
        /// An unacceptable ACK in SYN-SENT.
        RstSynSentAck = "RstSynSentAck", "RFC 9293 §3.10.7.3, first", "it acknowledges a SYN we did not send: the peer's old connection is reset";
        /// SYN-ACK from an embryo.
        SynAck = "EmbryoSynAck", "RFC 9293 §3.10.7.2, third", "the port is listening: accept the SYN and pick our own sequence number";
        /// SYN-ACK from an embryo again.
        SynAckAgain = "EmbryoSynAckAgain", "RFC 6298 §5; RFC 9293 §3.8.3", "our SYN was not acknowledged, or the peer sent its own again: sent again";
        /// SYN-ACK with a cookie.
        SynCookie = "SynCookie", "RFC 4987 §3.6", "nothing may be remembered of this SYN: our sequence number is a cookie, and whoever acknowledges it is served";
        /// An ACK from an embryo to an unacceptable segment.
        EmbryoAck = "EmbryoAck", "RFC 9293 §3.10.7.4, first", "the segment does not fit the half-open connection: the ACK tells the peer where we are";
        /// A challenge ACK from an embryo.
        EmbryoChallenge = "EmbryoChallenge", "RFC 5961 §3.2", "a reset that does not match RCV.NXT is challenged";
        /// Nobody accepts what has been opened.
        RstQueueFull = "RstQueueFull", "listen(2) backlog; syncache(4): rst_on_sock_fail", "the queue of connections waiting for accept() is full: the peer learns it at once";
        /// The listener closed under a half-open connection.
        RstListenerClosed = "RstListenerClosed", "RFC 9293 §3.10.4", "the listener was closed before the handshake was complete";
    }
}

crate::explained! {
    /// How it was found out that a reduction of the window was for nothing.
    #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
    pub enum Spurious {
        /// By the echoed timestamp.
        Eifel = "Eifel", "RFC 3522 §3.2; RFC 4015 §3", "the ACK echoes the timestamp of the original, not of what was sent again: the original had arrived";
        /// By D-SACK.
        Dsack = "Dsack", "RFC 3708 §3", "whatever was sent again, the peer has received twice: nothing had been lost";
        /// By F-RTO.
        Frto = "Frto", "RFC 5682 §3.1 step 3b", "after the timeout, what had been sent before was acknowledged without having been sent again: the timeout was too early";
    }
}

crate::explained! {
    /// What becomes of slow start before anything is lost.
    #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
    pub enum SlowStart {
        /// A queue is building up.
        Conservative = "Conservative", "RFC 9406 §4.2", "the round trip has grown by an eighth, which a queue on the way would explain: slow start goes on at a quarter of its speed";
        /// It was noise.
        Resumed = "Resumed", "RFC 9406 §4.2", "the round trip is short again: it had grown by chance, and slow start goes on at full speed";
        /// It was a queue.
        Over = "SlowStartOver", "RFC 9406 §4.2", "five rounds at a quarter of the speed, and the round trip is as long: the queue is real, and congestion avoidance begins before anything is lost";
        /// A train of ACKs.
        Train {
            /// How long it has come since the round began.
            train: Span,
            /// More than this was too long.
            limit: Span,
            /// The shortest round trip known.
            least: Span
        } = "AckTrain", "RFC 9438 §4.10; HyStart (Ha, Rhee 2011), as Linux", "ACKs have come closely for {train} of this round, and {limit} fills the path, whose round trip is {least}: congestion avoidance begins before anything is lost";
        /// A longer round trip.
        Delay {
            /// The shortest of the round.
            rtt: Span,
            /// More than this was too long.
            limit: Span,
            /// The shortest known.
            least: Span
        } = "DelayIncrease", "RFC 9438 §4.10; HyStart (Ha, Rhee 2011), as Linux", "no round trip of this round is below {rtt}, and more than {limit} is a queue where {least} was the shortest: congestion avoidance begins before anything is lost";
    }
}

/// How the processing of an arrived segment ended.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Nothing of it was used.
    Dropped(Why),
    /// It was processed.
    Accepted,
    /// A SYN that was answered with a cookie and is not remembered.
    Cookie,
    /// It ended the connection.
    Closed(Cause),
    /// TIME-WAIT made room for this SYN: it is to be given to the listener.
    Reopen,
}

/// What a segment looked like: enough to print it and to explain it.
#[derive(Clone, PartialEq, Debug)]
pub struct SegmentView {
    /// SEG.SEQ.
    pub seq: Seq,
    /// SEG.ACK.
    pub ack: Option<Seq>,
    /// The control bits.
    pub ctl: Ctl,
    /// The window field, unscaled.
    pub wnd: u16,
    /// The urgent pointer.
    pub urg: u16,
    /// Payload bytes.
    pub len: u32,
    /// The options.
    pub options: Options,
}

impl SegmentView {
    /// Of a header and its payload's length.
    pub fn of(header: &Header, len: usize) -> SegmentView {
        SegmentView {
            seq: header.seq,
            ack: header.ack,
            ctl: header.ctl,
            wnd: header.wnd,
            urg: header.urg,
            len: len as u32,
            options: header.options.clone(),
        }
    }
}

/// The timers of a connection.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Timer {
    /// The loss probe (RFC 8985 §7). Before the next, which it puts off.
    LossProbe,
    /// Waiting for what may be reordered (RFC 8985 §6.2).
    Reorder,
    /// Retransmission (RFC 6298).
    Rtx,
    /// The time that a burst takes at the pace.
    Pacing,
    /// Probing a closed window, or overriding silly-window avoidance.
    Persist,
    /// The delayed ACK.
    Delack,
    /// Keep-alive.
    Keepalive,
    /// TIME-WAIT, and FIN-WAIT-2 of an orphan.
    TimeWait,
    /// The user timeout.
    User,
}

impl Timer {
    /// All of them.
    pub const ALL: [Timer; 9] = [
        Timer::LossProbe,
        Timer::Reorder,
        Timer::Rtx,
        Timer::Pacing,
        Timer::Persist,
        Timer::Delack,
        Timer::Keepalive,
        Timer::TimeWait,
        Timer::User,
    ];

    /// The name on screen, `ss -o`'s where it has one.
    pub fn name(self) -> &'static str {
        match self {
            Timer::LossProbe => "tlp",
            Timer::Reorder => "reorder",
            Timer::Rtx => "rto",
            Timer::Pacing => "pacing",
            Timer::Persist => "persist",
            Timer::Delack => "delack",
            Timer::Keepalive => "keepalive",
            Timer::TimeWait => "timewait",
            Timer::User => "usertimeout",
        }
    }
}

/// The phases of congestion control, with Linux's names (`tcpi_ca_state`).
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub enum CaState {
    /// No doubt.
    #[default]
    Open,
    /// Duplicate ACKs are being counted.
    Disorder,
    /// The window was reduced for ECN.
    Cwr,
    /// Fast recovery.
    Recovery,
    /// After a retransmission timeout.
    Loss,
}

/// What decides how much may be sent: bytes, unless said otherwise.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Room {
    /// The congestion window, as far as it counts at the moment (RFC 5681 §3.2 inflates it).
    pub cwnd: u32,
    /// Sent and not acknowledged, but not in flight any more, as far as SACK or duplicate ACKs say
    /// (limited transmit, RFC 3042; RFC 6675 §2).
    pub left: u32,
    /// Sent and neither acknowledged, nor taken for lost, nor known to have left.
    pub in_flight: u32,
    /// Taken for lost and not sent again yet.
    pub lost: u32,
    /// SND.WND: the peer's window.
    pub wnd: u32,
    /// SND.UNA.
    pub una: Seq,
    /// SND.NXT.
    pub nxt: Seq,
    /// Written by the application and never sent.
    pub unsent: u32,
    /// A full segment.
    pub mss: u16,
    /// Duplicate ACKs in a row, a number.
    pub dupacks: u16,
}

impl Room {
    /// How much cwnd allows.
    pub fn of_cwnd(&self) -> u32 {
        self.cwnd.saturating_sub(self.in_flight)
    }

    /// How much the peer's window allows.
    pub fn of_wnd(&self) -> u32 {
        let edge = self.una + self.wnd;
        if edge.after(self.nxt) { edge - self.nxt } else { 0 }
    }
}

/// What happened in a connection.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// The state changed (`from` is CLOSED or LISTEN at birth).
    State {
        /// The state before.
        from: State,
        /// The state after.
        to: State,
        /// Why.
        cause: Cause,
    },
    /// A segment arrived and was processed.
    Received {
        /// What it looked like.
        seg: SegmentView,
        /// How that ended.
        outcome: Outcome,
    },
    /// A segment was sent.
    Sent {
        /// What it looks like.
        seg: SegmentView,
        /// Why.
        plan: Plan,
        /// What was known when that was decided.
        room: Room,
    },
    /// Something was answered without a connection's block.
    Replied {
        /// What the answer looks like.
        seg: SegmentView,
        /// Why.
        reply: Reply,
    },
    /// A timer was set or moved.
    TimerSet {
        /// Which.
        timer: Timer,
        /// For when.
        at: Instant,
    },
    /// A timer was stopped.
    TimerStopped {
        /// Which.
        timer: Timer,
    },
    /// A timer expired.
    TimerExpired {
        /// Which.
        timer: Timer,
    },
    /// A round trip was measured.
    Rtt {
        /// The sample.
        sample: Duration,
        /// SRTT after it.
        srtt: Duration,
        /// RTTVAR after it.
        rttvar: Duration,
        /// RTO after it.
        rto: Duration,
    },
    /// Congestion control changed phase.
    Ca {
        /// The phase before.
        from: CaState,
        /// The phase after.
        to: CaState,
        /// cwnd after, bytes.
        cwnd: u32,
        /// ssthresh after, bytes.
        ssthresh: u32,
    },
    /// Slow start slows down, or ends, before a loss.
    SlowStart {
        /// Why.
        how: SlowStart,
        /// cwnd after, bytes.
        cwnd: u32,
    },
    /// A reduction of the window was for nothing and is taken back.
    Undo {
        /// How that was found out.
        how: Spurious,
        /// cwnd after, bytes.
        cwnd: u32,
        /// ssthresh after, bytes.
        ssthresh: u32,
    },
    /// Something became of a fast opening.
    FastOpen {
        /// What.
        what: FastOpen,
    },
    /// What holds sending back changed.
    Blocked {
        /// What holds it back.
        why: Blocked,
        /// What was known when that was decided.
        room: Room,
    },
    /// R1 was reached: the route may be bad (RFC 9293 §3.8.3, MUST-20).
    R1 {
        /// Retransmissions so far.
        retransmits: u8,
    },
    /// An ICMP error was reported to the connection.
    Icmp {
        /// The error as the API will report it.
        error: crate::base::SocketError,
        /// Whether it ended the connection.
        hard: bool,
    },
    /// The peer's urgent pointer moved ahead.
    Urgent {
        /// The sequence number behind the urgent data.
        up: Seq,
    },
    /// Fields of `tcp_info` that changed, with their new values.
    Info {
        /// The changes.
        changes: Vec<Change>,
    },
}
