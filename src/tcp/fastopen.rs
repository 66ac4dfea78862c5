//! TCP Fast Open (RFC 7413): data that comes with a SYN reaches the application before the
//! handshake ends, if a cookie proves that the peer can be reached at its address.
//!
//! [`keys`] makes and checks cookies, [`queue`] bounds what a listener takes before handshakes end;
//! how a listener judges a SYN is in `listener::fast`. Here are the words, and what a connection
//! remembers of how it was opened.

pub mod cache;
pub mod client;
pub mod keys;
pub mod queue;

use super::event::Plan;
use super::tcb::Tcb;
use crate::base::ListenerId;
use crate::wire;
use std::fmt;

/// Who may open fast.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum FastOpening {
    /// Nobody.
    #[default]
    Off,
    /// Who has a cookie.
    On,
    /// Anybody: no cookie is asked for (RFC 7413 §7.3).
    NoCookie,
}

impl FastOpening {
    /// All of them.
    pub const ALL: [FastOpening; 3] = [FastOpening::Off, FastOpening::On, FastOpening::NoCookie];
}

impl fmt::Display for FastOpening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FastOpening::Off => "off",
            FastOpening::On => "on",
            FastOpening::NoCookie => "no-cookie",
        })
    }
}

crate::explained! {
    /// What became of a fast opening.
    #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
    pub enum FastOpen {
        /// A SYN asks for a cookie.
        Asked = "CookieAsked", "RFC 7413 §4.2.1", "the SYN asks for a cookie: the SYN-ACK brings the one that belongs to the peer's address";
        /// The cookie is good.
        Accepted = "CookieAccepted", "RFC 7413 §4.2.2", "the cookie is the one this host gives the peer's address, which is no forgery, then: what the SYN brings counts before the handshake ends";
        /// The cookie was good once.
        OldKey = "CookieOfOldKey", "RFC 7413 §4.1.2", "the cookie was made with the key before this one and still counts: the SYN-ACK brings its successor";
        /// No cookie is asked for.
        Anybody = "NoCookieNeeded", "RFC 7413 §7.3; tcp(7), TCP_FASTOPEN_NO_COOKIE", "no cookie is asked of anybody here: what the SYN brings counts before the handshake ends";
        /// The cookie is not good.
        Refused = "CookieRefused", "RFC 7413 §4.1.2", "the cookie is not the one of the peer's address: the SYN's data is left to the peer, and the SYN-ACK brings a good one";
        /// Too many are under way.
        QueueFull = "FastOpenQueueFull", "RFC 7413 §5.1", "as many fast openings as the listener allows wait for the end of their handshake: this one is an ordinary opening";
        /// The data was taken.
        Taken = "SynDataTaken", "RFC 7413 §4.2.2", "the SYN-ACK acknowledges the SYN's data: a round trip is saved";
        /// The SYN's data was left out.
        Untaken = "SynDataNotTaken", "RFC 7413 §4.2.2", "the SYN-ACK does not acknowledge the SYN's data: it is sent again at once, as it is no sign of congestion";
        /// The SYN with data was lost.
        SynLost = "SynDataLost", "RFC 7413 §4.2.2, §4.1.3.1", "the SYN with data got no answer, the one without did: data goes the ordinary way";
        /// A cookie came.
        Learned = "CookieLearned", "RFC 7413 §4.1.3", "the SYN-ACK brings a cookie: the next connection to this server can open fast";
        /// No cookie came.
        Denied = "CookieNotGiven", "RFC 7413 §4.1.3.1", "the SYN asked for a cookie and got none: this server, or a box on the way, does not open fast";
        /// Something swallows fast openings.
        Swallowed = "FastOpenSwallowed", "RFC 7413 §4.1.3.1; §7.1", "three timeouts behind a fast opening: a box on the way may swallow what it does not know, so nothing is opened fast for a while";
    }
}

/// What a connection remembers of a fast opening.
#[derive(Clone, Debug, Default)]
pub struct Fast {
    /// It came from a listener, before the handshake ended.
    pub child: bool,
    /// The application has got it from accept().
    pub accepted: bool,
    /// The listener for which it counts, until the handshake has ended.
    pub opener: Option<ListenerId>,
    /// Data went with the SYN and was taken.
    pub data_taken: bool,
    /// A reset ended it before the handshake had ended.
    pub reset: bool,
    /// It is a client's.
    pub client: bool,
    /// Data may go with the SYN.
    pub carries: bool,
    /// The SYN waits for data.
    pub waits: bool,
    /// The server's MSS, as far as it is known.
    pub mss: u16,
    /// The SYN brought the option, of the older kind if that is said.
    pub asked: bool,
    /// See `asked`.
    pub experimental: bool,
    /// Data that went with the SYN, bytes.
    pub syn_data: u32,
    /// `tcpi_fastopen_client_fail`: 1 no cookie was known, 2 the data was not taken, 3 the SYN was
    /// lost.
    pub fail: u8,
    /// What came behind the opening was swallowed, and the host has not heard.
    pub swallowed: bool,
    /// What the SYN-ACK told, until the host has heard.
    pub news: Option<cache::News>,
    /// What became of it.
    pub told: Option<FastOpen>,
    /// The option that its first SYN or SYN-ACK brings, until that is sent.
    pub option: Option<wire::tcp::FastOpen>,
}

impl Tcb {
    /// Whether the connection came from a listener before its handshake ended, which it has not
    /// yet.
    pub fn is_fast_child(&self) -> bool {
        !self.syn_acked && self.fast().is_some_and(|fast| fast.child)
    }

    /// Whether the SYN-ACK of such a connection is in flight, which Linux does not count there.
    pub(super) fn is_fast_synack(&self) -> bool {
        self.is_fast_child() && !self.rtxq.is_empty()
    }

    /// The window of the SYN-ACK: as if there were no data, which the buffer has room for besides.
    pub(super) fn fast_window(&self) -> u16 {
        let ts = if self.ts.is_some() { 12 } else { 0 };
        self.config.syn_window(self.rcv.advmss.saturating_sub(ts))
    }

    /// What it remembers of a fast opening.
    pub(super) fn fast(&self) -> Option<&Fast> {
        self.counters.rare.as_ref()?.fast.as_deref()
    }

    /// The same, to be changed.
    pub(super) fn fast_mut(&mut self) -> Option<&mut Fast> {
        self.counters.rare.as_mut()?.fast.as_deref_mut()
    }

    /// The same; from now on it remembers something.
    pub(super) fn fast_state(&mut self) -> &mut Fast {
        self.counters.rare().fast.get_or_insert_default()
    }

    /// The option for a SYN: only the first brings it (RFC 7413 §4.2.2: others are for middleboxes
    /// that do not know it).
    // Rules: 7413-4.2.2-8, 7413-4.2.2-9.
    pub(super) fn take_fast_option(&mut self) -> Option<wire::tcp::FastOpen> {
        self.fast_mut()?.option.take()
    }
}

/// The first SYN: with data, if it opens fast.
pub(super) fn plan_syn(tcb: &Tcb) -> Plan {
    let len = tcb.unsent().min(tcb.syn_room());
    let asks = tcb.fast().and_then(|fast| fast.option.as_ref()).is_some_and(|o| o.is_empty());
    match len {
        0 if asks => Plan::SynAsks,
        0 => Plan::Syn,
        len => Plan::SynData { len },
    }
}

/// SYN-ACK of a connection with a block: SYNs have crossed, or it opens fast.
pub(super) fn plan_syn_ack(tcb: &Tcb) -> Plan {
    match tcb.is_fast_child() {
        true if tcb.snd.nxt == tcb.iss => Plan::SynAckFast { len: tcb.rcv.nxt - tcb.irs - 1 },
        true => Plan::RetransmitSyn { attempt: tcb.rtxq.head().map_or(0, |h| h.retransmits) + 1 },
        false => Plan::SynAckCrossed,
    }
}
