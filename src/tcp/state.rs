//! The state machine: states, causes and the table of all legal transitions (RFC 9293 §3.3.2).
//!
//! The table is what the code runs: `Tcb::open` and `Tcb::go` refuse a change that has no row, and
//! `netglass fsm` draws its picture from the same rows.

use std::fmt;

/// A connection's state. CLOSED is the absence of a connection, LISTEN is a listener's; both are
/// here because transitions name them.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "the RFC's own names (RFC 9293 §3.3.2)")]
pub enum State {
    Closed,
    Listen,
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
}

impl State {
    /// All states, in the RFC's order.
    pub const ALL: [State; 11] = [
        State::Closed,
        State::Listen,
        State::SynSent,
        State::SynReceived,
        State::Established,
        State::FinWait1,
        State::FinWait2,
        State::CloseWait,
        State::Closing,
        State::LastAck,
        State::TimeWait,
    ];

    /// Whether both sides have agreed on sequence numbers (RFC 9293 §3.5.2, "synchronized").
    pub fn is_synchronized(self) -> bool {
        self >= State::Established
    }

    /// Whether the application may still send data.
    pub fn may_send(self) -> bool {
        matches!(self, State::Established | State::CloseWait)
    }

    /// Whether the peer may still send data.
    pub fn may_receive(self) -> bool {
        matches!(self, State::Established | State::FinWait1 | State::FinWait2)
    }

    /// The RFC's name.
    pub fn name(self) -> &'static str {
        match self {
            State::Closed => "CLOSED",
            State::Listen => "LISTEN",
            State::SynSent => "SYN-SENT",
            State::SynReceived => "SYN-RECEIVED",
            State::Established => "ESTABLISHED",
            State::FinWait1 => "FIN-WAIT-1",
            State::FinWait2 => "FIN-WAIT-2",
            State::CloseWait => "CLOSE-WAIT",
            State::Closing => "CLOSING",
            State::LastAck => "LAST-ACK",
            State::TimeWait => "TIME-WAIT",
        }
    }

    /// The name `ss` prints.
    pub fn ss_name(self) -> &'static str {
        match self {
            State::Closed => "UNCONN",
            State::Listen => "LISTEN",
            State::SynSent => "SYN-SENT",
            State::SynReceived => "SYN-RECV",
            State::Established => "ESTAB",
            State::FinWait1 => "FIN-WAIT-1",
            State::FinWait2 => "FIN-WAIT-2",
            State::CloseWait => "CLOSE-WAIT",
            State::Closing => "CLOSING",
            State::LastAck => "LAST-ACK",
            State::TimeWait => "TIME-WAIT",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

crate::explained! {
    /// Why a state changed.
    #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
    #[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
    pub enum Cause {
        /// The application opened passively.
        PassiveOpen = "PassiveOpen", "RFC 9293 §3.10.1", "the application called listen()";
        /// The application opened actively.
        ActiveOpen = "ActiveOpen", "RFC 9293 §3.10.1", "the application called connect()";
        /// A SYN arrived.
        RcvSyn = "RcvSyn", "RFC 9293 §3.10.7.2", "a SYN arrived";
        /// An ACK brought a cookie of ours back.
        RcvCookie = "RcvCookie", "RFC 4987 §3.6", "the ACK brings the cookie of our SYN-ACK back";
        /// A SYN crossed ours (simultaneous open).
        RcvSynCrossed = "RcvSynCrossed", "RFC 9293 §3.10.7.3; §3.5 figure 7", "a SYN crossed ours: both sides open at once";
        /// The SYN-ACK to our SYN arrived.
        RcvSynAck = "RcvSynAck", "RFC 9293 §3.10.7.3", "our SYN was acknowledged by a SYN";
        /// Our SYN was acknowledged.
        RcvAckOfSyn = "RcvAckOfSyn", "RFC 9293 §3.10.7.4, fifth", "our SYN was acknowledged";
        /// The application closed.
        Close = "Close", "RFC 9293 §3.10.4", "the application closed: FIN goes out behind the data";
        /// The application stopped listening.
        StopListening = "StopListening", "RFC 9293 §3.10.4, LISTEN", "the application stopped listening";
        /// The peer's FIN arrived in order.
        RcvFin = "RcvFin", "RFC 9293 §3.10.7.4, eighth", "the peer's FIN arrived";
        /// Our FIN was acknowledged.
        RcvAckOfFin = "RcvAckOfFin", "RFC 9293 §3.10.7.4, fifth", "our FIN was acknowledged";
        /// An acceptable reset arrived.
        RcvRst = "RcvRst", "RFC 9293 §3.10.7.4, second", "the peer reset the connection";
        /// A SYN arrived where none belongs, and is believed.
        SynReset = "SynReset", "RFC 793 p. 71; RFC 5961 §4.2 forbids it", "a SYN where none belongs is believed: the peer began anew";
        /// A reset refused our SYN.
        Refused = "Refused", "RFC 9293 §3.10.7.3, second; §3.10.7.4, second", "the peer refused the connection";
        /// The application aborted.
        Abort = "Abort", "RFC 9293 §3.10.5", "the application aborted: what is queued is dropped";
        /// The application went away with data unread.
        CloseUnread = "CloseUnread", "RFC 9293 §3.6.1 (SHLD-3); RFC 2525 §2.17", "closed with data unread: the peer must learn that it was lost";
        /// Data arrived after the application closed.
        DataAfterClose = "DataAfterClose", "RFC 9293 §3.6.1 (SHLD-3)", "data arrived for a process that is gone";
        /// The application deleted a connection before it was open.
        CloseUnopened = "CloseUnopened", "RFC 9293 §3.10.4, SYN-SENT", "closed before the connection was open";
        /// Retransmission gave up (R2).
        Timeout = "Timeout", "RFC 9293 §3.8.3 (R2)", "no acknowledgment after all retransmissions";
        /// The user timeout passed.
        UserTimeout = "UserTimeout", "RFC 9293 §3.10.8", "data stayed unacknowledged longer than the user timeout";
        /// The peer was silent while keep-alive waited for a sign of life.
        KeepaliveTimeout = "KeepaliveTimeout", "RFC 9293 §3.8.4", "silence: no probe, of life or of the window, was answered";
        /// The peer's window stayed closed.
        ProbeTimeout = "ProbeTimeout", "RFC 9293 §3.8.6.1; RFC 6429 §3", "the peer's window stayed closed through all probes";
        /// An ICMP hard error in SYN-SENT.
        IcmpUnreachable = "IcmpUnreachable", "RFC 5927 §5.2; RFC 1122 §4.2.3.9", "ICMP or the link: the destination cannot be reached";
        /// Two maximum segment lifetimes passed.
        TimeWaitOver = "TimeWaitOver", "RFC 9293 §3.10.8", "old segments have died out: 2 MSL passed";
        /// A new SYN took over a TIME-WAIT connection.
        TimeWaitReuse = "TimeWaitReuse", "RFC 6191; RFC 9293 §3.6.1 (MAY-2)", "a newer SYN reuses the pair of sockets";
        /// An orphan waited too long in FIN-WAIT-2.
        FinWait2Timeout = "FinWait2Timeout", "knob (Linux: tcp_fin_timeout)", "the peer never closed its side and nobody reads any more";
        /// The listener closed under a half-open connection.
        ListenerClosed = "ListenerClosed", "RFC 9293 §3.10.4, LISTEN", "the listener was closed";
        /// Nobody accepts what has been opened.
        QueueFull = "QueueFull", "listen(2) backlog; syncache(4): rst_on_sock_fail", "the queue of connections waiting for accept() was full";
        /// The SYN-ACK was never acknowledged.
        SynAckTimeout = "SynAckTimeout", "RFC 9293 §3.8.3 (R2 for SYN, MUST-23)", "our SYN was never acknowledged";
    }
}

/// One legal change of state.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Transition {
    /// The state before.
    pub from: State,
    /// What happens.
    pub cause: Cause,
    /// The state after.
    pub to: State,
}

const fn t(from: State, cause: Cause, to: State) -> Transition {
    Transition { from, cause, to }
}

/// Every legal change of state. Births come first; then each state in the RFC's order.
pub const TRANSITIONS: &[Transition] = {
    use Cause as C;
    use State as S;
    &[
        t(S::Closed, C::PassiveOpen, S::Listen),
        t(S::Closed, C::ActiveOpen, S::SynSent),
        t(S::Listen, C::RcvSyn, S::SynReceived),
        t(S::Listen, C::RcvCookie, S::SynReceived),
        t(S::Listen, C::StopListening, S::Closed),
        t(S::SynSent, C::RcvSynAck, S::Established),
        t(S::SynSent, C::RcvSynCrossed, S::SynReceived),
        t(S::SynSent, C::CloseUnopened, S::Closed),
        t(S::SynSent, C::Abort, S::Closed),
        t(S::SynSent, C::Refused, S::Closed),
        t(S::SynSent, C::Timeout, S::Closed),
        t(S::SynSent, C::UserTimeout, S::Closed),
        t(S::SynSent, C::IcmpUnreachable, S::Closed),
        t(S::SynReceived, C::RcvAckOfSyn, S::Established),
        t(S::SynReceived, C::Close, S::FinWait1),
        t(S::SynReceived, C::RcvRst, S::Closed),
        t(S::SynReceived, C::SynReset, S::Closed),
        t(S::SynReceived, C::Refused, S::Closed),
        t(S::SynReceived, C::Abort, S::Closed),
        t(S::SynReceived, C::SynAckTimeout, S::Closed),
        t(S::SynReceived, C::Timeout, S::Closed),
        t(S::SynReceived, C::UserTimeout, S::Closed),
        t(S::SynReceived, C::IcmpUnreachable, S::Closed),
        t(S::SynReceived, C::CloseUnread, S::Closed),
        t(S::SynReceived, C::ListenerClosed, S::Closed),
        t(S::SynReceived, C::QueueFull, S::Closed),
        t(S::Established, C::Close, S::FinWait1),
        t(S::Established, C::RcvFin, S::CloseWait),
        t(S::Established, C::RcvRst, S::Closed),
        t(S::Established, C::SynReset, S::Closed),
        t(S::Established, C::Abort, S::Closed),
        t(S::Established, C::CloseUnread, S::Closed),
        t(S::Established, C::Timeout, S::Closed),
        t(S::Established, C::ProbeTimeout, S::Closed),
        t(S::Established, C::UserTimeout, S::Closed),
        t(S::Established, C::KeepaliveTimeout, S::Closed),
        t(S::FinWait1, C::RcvAckOfFin, S::FinWait2),
        t(S::FinWait1, C::RcvFin, S::Closing),
        t(S::FinWait1, C::RcvRst, S::Closed),
        t(S::FinWait1, C::SynReset, S::Closed),
        t(S::FinWait1, C::Abort, S::Closed),
        t(S::FinWait1, C::CloseUnread, S::Closed),
        t(S::FinWait1, C::DataAfterClose, S::Closed),
        t(S::FinWait1, C::Timeout, S::Closed),
        t(S::FinWait1, C::ProbeTimeout, S::Closed),
        t(S::FinWait1, C::UserTimeout, S::Closed),
        t(S::FinWait1, C::KeepaliveTimeout, S::Closed),
        t(S::FinWait2, C::RcvFin, S::TimeWait),
        t(S::FinWait2, C::RcvRst, S::Closed),
        t(S::FinWait2, C::SynReset, S::Closed),
        t(S::FinWait2, C::Abort, S::Closed),
        t(S::FinWait2, C::CloseUnread, S::Closed),
        t(S::FinWait2, C::DataAfterClose, S::Closed),
        t(S::FinWait2, C::FinWait2Timeout, S::Closed),
        t(S::FinWait2, C::KeepaliveTimeout, S::Closed),
        t(S::CloseWait, C::Close, S::LastAck),
        t(S::CloseWait, C::RcvRst, S::Closed),
        t(S::CloseWait, C::DataAfterClose, S::Closed),
        t(S::CloseWait, C::SynReset, S::Closed),
        t(S::CloseWait, C::Abort, S::Closed),
        t(S::CloseWait, C::CloseUnread, S::Closed),
        t(S::CloseWait, C::Timeout, S::Closed),
        t(S::CloseWait, C::ProbeTimeout, S::Closed),
        t(S::CloseWait, C::UserTimeout, S::Closed),
        t(S::CloseWait, C::KeepaliveTimeout, S::Closed),
        t(S::Closing, C::RcvAckOfFin, S::TimeWait),
        t(S::Closing, C::RcvRst, S::Closed),
        t(S::Closing, C::DataAfterClose, S::Closed),
        t(S::Closing, C::SynReset, S::Closed),
        t(S::Closing, C::Abort, S::Closed),
        t(S::Closing, C::Timeout, S::Closed),
        t(S::Closing, C::ProbeTimeout, S::Closed),
        t(S::Closing, C::UserTimeout, S::Closed),
        t(S::Closing, C::KeepaliveTimeout, S::Closed),
        t(S::LastAck, C::RcvAckOfFin, S::Closed),
        t(S::LastAck, C::RcvRst, S::Closed),
        t(S::LastAck, C::DataAfterClose, S::Closed),
        t(S::LastAck, C::SynReset, S::Closed),
        t(S::LastAck, C::Abort, S::Closed),
        t(S::LastAck, C::Timeout, S::Closed),
        t(S::LastAck, C::ProbeTimeout, S::Closed),
        t(S::LastAck, C::UserTimeout, S::Closed),
        t(S::LastAck, C::KeepaliveTimeout, S::Closed),
        t(S::TimeWait, C::TimeWaitOver, S::Closed),
        t(S::TimeWait, C::TimeWaitReuse, S::Closed),
        t(S::TimeWait, C::RcvRst, S::Closed),
        t(S::TimeWait, C::Abort, S::Closed),
    ]
};

/// Whether the table has the row.
pub fn is_legal(from: State, cause: Cause, to: State) -> bool {
    TRANSITIONS.contains(&t(from, cause, to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_a_function_and_every_state_can_be_left_and_reached() {
        let mut seen = BTreeSet::new();
        for row in TRANSITIONS {
            assert!(seen.insert((row.from, row.cause.key())), "{row:?} twice");
        }
        for state in State::ALL {
            assert!(TRANSITIONS.iter().any(|row| row.from == state), "{state} cannot be left");
            assert!(TRANSITIONS.iter().any(|row| row.to == state), "{state} cannot be reached");
        }
        for key in Cause::KEYS {
            assert!(TRANSITIONS.iter().any(|row| row.cause.key() == *key), "{key} is not used");
        }
    }

    #[test]
    fn the_arrows_of_figure_5_are_rows() {
        use Cause as C;
        use State as S;
        for (from, cause, to) in [
            (S::Closed, C::ActiveOpen, S::SynSent),
            (S::SynSent, C::RcvSynAck, S::Established),
            (S::FinWait1, C::RcvFin, S::Closing),
            (S::Closing, C::RcvAckOfFin, S::TimeWait),
            (S::FinWait2, C::RcvFin, S::TimeWait),
            (S::CloseWait, C::Close, S::LastAck),
            (S::LastAck, C::RcvAckOfFin, S::Closed),
        ] {
            assert!(is_legal(from, cause, to), "{from} {cause:?} {to}");
        }
        assert!(!is_legal(S::Listen, C::RcvFin, S::CloseWait));
    }
}
