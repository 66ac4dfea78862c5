//! TCP Fast Open (RFC 7413) of a host: connections that listeners give away before their handshake
//! ends, and what is counted of them.

use super::snmp::Snmp;
use super::{Event, Input, Stack, cx};
use crate::base::{EventId, IfaceId, Instant, ListenerId};
use crate::socket::demux::Pair;
use crate::tcp::fastopen::client::Client;
use crate::tcp::{Config, Conn, FastOpen, FastOpening, HalfOpen, Opening, Segment};
use crate::wire::tcp::{self, Header};

/// What is counted of fast openings, under Linux's names.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "each field is the counter that `Stack::counters` names")]
pub struct FastOpenCounts {
    pub active: u64,
    pub active_fail: u64,
    pub blackhole: u64,
    pub passive: u64,
    pub passive_fail: u64,
    pub passive_alt_key: u64,
    pub listen_overflow: u64,
    pub cookie_reqd: u64,
}

impl Snmp {
    /// Whoever asks for a cookie counts, whether or not he gets one.
    pub(super) fn count_fast_wish(&mut self, hdr: &Header) {
        let wish = hdr.options.fast_open.as_ref().is_some_and(tcp::FastOpen::is_empty);
        let asks = wish && hdr.ctl.syn() && hdr.ack.is_none() && !hdr.ctl.rst();
        self.fast_open.cookie_reqd += u64::from(asks);
    }

    /// What became of a fast opening.
    pub(super) fn count_fast(&mut self, what: Option<FastOpen>) {
        let counts = &mut self.fast_open;
        match what {
            Some(FastOpen::Accepted | FastOpen::Anybody) => counts.passive += 1,
            Some(FastOpen::OldKey) => {
                counts.passive += 1;
                counts.passive_alt_key += 1;
            }
            Some(FastOpen::Refused) => counts.passive_fail += 1,
            Some(FastOpen::QueueFull) => counts.listen_overflow += 1,
            Some(FastOpen::Taken) => counts.active += 1,
            Some(FastOpen::Untaken | FastOpen::SynLost) => counts.active_fail += 1,
            Some(FastOpen::Swallowed) => counts.blackhole += 1,
            Some(FastOpen::Asked | FastOpen::Learned | FastOpen::Denied) | None => {}
        }
    }
}

impl Stack {
    /// A listener has judged a SYN: the connection begins now, and waits for accept().
    pub(super) fn open_fast(
        &mut self,
        now: Instant,
        (listener, iface, pair): (ListenerId, IfaceId, Pair),
        cause: EventId,
        (opening, half, seg, option): (Opening, HalfOpen, Segment, Option<tcp::FastOpen>),
    ) {
        self.snmp.tcp_passive_opens += 1;
        let id = self.tcp.next_id();
        let Pair { local, remote } = pair;
        self.note(now, Some(id), cause, || Event::Conn { local, remote });
        let cx = &mut cx!(self, now, cause);
        let conn = Conn::from_fast_open(opening, &half, seg, option, cx);
        self.collect(now, Some(id), Event::Tcp);
        let key = self.tcp.insert(conn, pair, iface);
        self.tcp.slot_mut(key).conn.set_opener(listener);
        self.tcp.push_accept(listener, id);
        self.settle(now, key);
    }

    /// A connection that began before its handshake ended does not count any more for its listener
    /// as soon as that has ended.
    pub(super) fn note_fast_end(&mut self, now: Instant, key: usize) {
        let ended = self.tcp.slot_mut(key).conn.take_ended_opener();
        let Some((listener, reset)) = ended else { return };
        if let Some(slot) = self.tcp.listener_mut(listener) {
            slot.listener.fast_done(reset, now);
        }
    }

    /// How a connection is opened fast, if it is; `sends`: there is data for the SYN.
    // Rules: 7413-4.1.3.1-2.
    pub(super) fn fast_client(
        &self,
        now: Instant,
        config: &Config,
        pair: Pair,
        sends: bool,
    ) -> Option<Client> {
        let wanted = sends || config.fastopen_connect;
        if config.fastopen_client == FastOpening::Off || !wanted || self.fastopen.is_paused(now) {
            return None;
        }
        let known = self.fastopen.get((pair.local.ip(), pair.remote.ip()));
        let free = config.fastopen_client == FastOpening::NoCookie;
        let carries = free || known.cookie.is_some();
        let asks = known.asks();
        let option = if free { None } else { Some(known.cookie.unwrap_or(asks)) };
        Some(Client { option, carries, mss: known.mss, waits: carries && !sends })
    }

    /// Forgets what is known of servers (as `ip tcp_metrics flush`).
    pub fn forget_servers(&mut self, now: Instant) {
        self.keep(now, || Input::ForgetServers);
        self.fastopen = Default::default();
    }

    /// What a connection has learned of fast openings is kept for the next one.
    pub(super) fn note_fast_news(&mut self, now: Instant, key: usize) {
        let slot = self.tcp.slot_mut(key);
        let ends = (slot.pair.local.ip(), slot.pair.remote.ip());
        if slot.conn.take_swallowed() {
            let time = slot.conn.config().fastopen_blackhole;
            self.fastopen.pause(now, time);
            self.snmp.count_fast(Some(FastOpen::Swallowed));
        } else if let Some((news, told)) = slot.conn.take_fast_news() {
            self.fastopen.learn(ends, news);
            self.snmp.count_fast(told);
        }
    }
}
