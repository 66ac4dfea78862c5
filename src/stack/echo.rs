//! Echo requests of our own (RFC 792): what `ping` is made of.

use super::event::Sent;
use super::{Input, Stack};
use crate::base::rng::Purpose;
use crate::base::{Chunks, Duration, EventId, Frame, Instant, SocketError};
use crate::socket::SocketId;
use crate::wire::icmp::{self, Echo, Icmp};
use crate::wire::ip::{self, Discover, Mark};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Requests that are remembered: older ones are forgotten.
const ASKED_MAX: usize = 1024;
/// Answers that may wait to be taken; more are lost.
const ANSWERS_MAX: usize = 1024;
/// Long replies of ours that are remembered.
const REPLIES_MAX: usize = 64;
/// Every link carries echoes up to this payload, bytes, with any header.
const SHORT: usize = 1200;

/// What an echo request asks of IP.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct PingOptions {
    /// Its hops and traffic class.
    pub mark: Mark,
    /// What becomes of it on a path that is too narrow.
    pub discover: Discover,
}

/// A reply to an echo request.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Pong {
    /// Who answered.
    pub from: IpAddr,
    /// The request's identifier.
    pub id: u16,
    /// The request's sequence number.
    pub seq: u16,
    /// Bytes of ICMP message.
    pub len: u32,
    /// Time to live when it arrived.
    pub ttl: u8,
    /// The round trip.
    pub rtt: Duration,
    /// The request was answered before.
    pub duplicate: bool,
}

/// An ICMP error about an echo request.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct EchoError {
    /// Who sent the error: a router, the destination, or this host when a neighbour does not
    /// answer.
    pub from: IpAddr,
    /// Where the request was going.
    pub to: IpAddr,
    /// The request's identifier.
    pub id: u16,
    /// The request's sequence number.
    pub seq: u16,
    /// What the error says.
    pub message: Icmp,
    /// From the request to the error.
    pub rtt: Duration,
}

/// What came of an echo request.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// A reply.
    Reply(Pong),
    /// An error.
    Error(EchoError),
}

impl Answer {
    /// The identifier of the request.
    pub fn id(&self) -> u16 {
        match self {
            Answer::Reply(pong) => pong.id,
            Answer::Error(error) => error.id,
        }
    }
}

/// What names a request: identifier, sequence number, destination.
type Key = (u16, u16, IpAddr);

/// A request that was sent.
#[derive(Debug)]
struct Asked {
    at: Instant,
    answered: bool,
}

/// Requests that were sent, and answers nobody has taken.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    asked: BTreeMap<Key, Asked>,
    /// Oldest first.
    order: VecDeque<Key>,
    answers: VecDeque<Answer>,
    /// Our latest replies that a link may be too narrow for.
    replies: VecDeque<Key>,
    /// Identifiers that have a user, and those whose user waits.
    users: BTreeSet<u16>,
    waiting: BTreeSet<u16>,
    picks: u64,
}

impl Echoes {
    fn on_request(&mut self, key: Key, at: Instant) {
        if self.asked.insert(key, Asked { at, answered: false }).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > ASKED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.asked.remove(&oldest);
        }
    }

    /// A reply arrived; `false` when nobody asked.
    fn on_reply(&mut self, now: Instant, mut pong: Pong) -> bool {
        let Some(asked) = self.asked_of(&pong) else { return false };
        pong.rtt = now.since(asked.at);
        pong.duplicate = std::mem::replace(&mut asked.answered, true);
        self.keep(Answer::Reply(pong));
        true
    }

    /// The request that a reply answers: one to its sender, or to a group that it may be in. Of a
    /// group, those who come after the first count as duplicates.
    fn asked_of(&mut self, pong: &Pong) -> Option<&mut Asked> {
        let Pong { id, seq, from, .. } = *pong;
        if self.asked.contains_key(&(id, seq, from)) {
            return self.asked.get_mut(&(id, seq, from));
        }
        let least = (id, seq, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let mut same =
            self.asked.range_mut(least..).take_while(|((i, s, _), _)| (*i, *s) == (id, seq));
        let many = |to: IpAddr| to.is_multicast() && to.is_ipv4() == from.is_ipv4();
        same.find(|((.., to), _)| many(*to)).map(|(_, asked)| asked)
    }

    /// An error arrived; `false` when nobody asked.
    fn on_error(&mut self, now: Instant, mut error: EchoError) -> bool {
        let Some(asked) = self.asked.get(&(error.id, error.seq, error.to)) else { return false };
        error.rtt = now.since(asked.at);
        self.keep(Answer::Error(error));
        true
    }

    /// A request from `dst` is answered with so much payload.
    pub(super) fn on_answered(&mut self, dst: IpAddr, echo: Echo, len: usize) {
        if len > SHORT {
            self.replies.truncate(REPLIES_MAX - 1);
            self.replies.push_front((echo.id, echo.seq, dst));
        }
    }

    /// Whether that echo went from here to `dst`, as far as is remembered.
    pub(super) fn has_sent(&self, dst: IpAddr, Echo { request, id, seq }: Echo) -> bool {
        let key = (id, seq, dst);
        if request { self.asked.contains_key(&key) } else { self.replies.contains(&key) }
    }

    fn keep(&mut self, answer: Answer) {
        if self.answers.len() < ANSWERS_MAX {
            self.answers.push_back(answer);
        }
    }

    fn has_answer(&self, id: u16) -> bool {
        self.answers.iter().any(|answer| answer.id() == id)
    }
}

impl Stack {
    /// An identifier for echo requests that nobody else has.
    ///
    /// # Errors
    /// `LimitReached` when all are in use.
    pub fn open_echo(&mut self, now: Instant) -> Result<u16, SocketError> {
        self.keep(now, || Input::OpenEcho);
        let echoes = &mut self.echoes;
        echoes.picks += 1;
        let first = self.chance.draw(Purpose::EchoId, echoes.picks, 0) as u16;
        let mut ids = (0..=u16::MAX).map(|n| first.wrapping_add(n));
        let free = ids.find(|id| !echoes.users.contains(id)).ok_or(SocketError::LimitReached)?;
        echoes.users.insert(free);
        Ok(free)
    }

    /// Gives an identifier up; its requests and answers are forgotten.
    pub fn close_echo(&mut self, now: Instant, id: u16) {
        self.keep(now, || Input::CloseEcho { id });
        let echoes = &mut self.echoes;
        echoes.users.remove(&id);
        echoes.waiting.remove(&id);
        echoes.asked.retain(|(asked, ..), _| *asked != id);
        echoes.order.retain(|(asked, ..)| *asked != id);
        echoes.answers.retain(|answer| answer.id() != id);
    }

    /// Sends an echo request with `payload`; what comes of it is told by [`Stack::take_answer`].
    ///
    /// # Errors
    /// `NetworkUnreachable` without a route, `MessageTooLong` beyond 65 507 bytes (65 527 in
    /// IPv6).
    pub fn ping(
        &mut self,
        now: Instant,
        dst: IpAddr,
        id_and_seq: (u16, u16),
        payload: &[u8],
    ) -> Result<(), SocketError> {
        self.ping_with(now, dst, id_and_seq, payload, PingOptions::default())
    }

    /// As [`Stack::ping`], with what the request asks of IP.
    ///
    /// # Errors
    /// As [`Stack::ping`]; `MessageTooLong` also beyond [`Stack::mtu_to`] when the request may not
    /// be cut; `InvalidInput` for no hops.
    pub fn ping_with(
        &mut self,
        now: Instant,
        dst: IpAddr,
        (id, seq): (u16, u16),
        payload: &[u8],
        options: PingOptions,
    ) -> Result<(), SocketError> {
        self.keep(now, || Input::Ping { dst, id, seq, payload: payload.to_vec(), options });
        let PingOptions { mark, discover } = options;
        if mark.ttl == Some(0) {
            return Err(SocketError::InvalidInput);
        }
        if payload.len() > ip::max_payload(dst) - icmp::HEADER_LEN {
            return Err(SocketError::MessageTooLong);
        }
        let mtu = self.mtu_to(now, dst, discover).ok_or(SocketError::NetworkUnreachable)?;
        let (_, own) = self.route_to(dst).ok_or(SocketError::NetworkUnreachable)?;
        let len = ip::header_len(dst) + icmp::HEADER_LEN + payload.len();
        if !discover.may_cut() && len > usize::from(mtu) {
            return Err(SocketError::MessageTooLong);
        }
        self.echoes.on_request((id, seq, dst), now);
        let message = Icmp::echo(dst, Echo { request: true, id, seq });
        let body = Chunks::from(self.pool.copy(payload));
        let mut frame = Frame { body, ..Frame::default() };
        message.emit(own, dst, &mut frame.head, &frame.body);
        let why = (Sent::EchoRequest, EventId::NONE);
        self.send_icmp(now, SocketAddr::new(dst, 0), (own, options), message, frame, why);
        Ok(())
    }

    /// The oldest answer to a request with that identifier.
    ///
    /// # Errors
    /// `WouldBlock` when there is none.
    pub fn take_answer(&mut self, now: Instant, id: u16) -> Result<Answer, SocketError> {
        let at = self.echoes.answers.iter().position(|answer| answer.id() == id);
        let answer = at.and_then(|at| self.echoes.answers.remove(at));
        let answer = answer.ok_or(SocketError::WouldBlock)?;
        self.keep(now, || Input::TakeAnswer { id });
        Ok(answer)
    }

    /// A reply arrived; `false` when nobody asked.
    pub(super) fn on_pong(&mut self, now: Instant, pong: Pong) -> bool {
        let known = self.echoes.on_reply(now, pong);
        self.wake_echo(pong.id);
        known
    }

    /// An error about a request arrived; `false` when nobody asked.
    pub(super) fn on_echo_error(&mut self, now: Instant, error: EchoError) -> bool {
        let known = self.echoes.on_error(now, error);
        self.wake_echo(error.id);
        known
    }

    /// Whether the user of an identifier has nothing to take yet; it is then woken when it has.
    pub(super) fn want_answer(&mut self, id: u16) -> bool {
        let idle = self.echoes.users.contains(&id) && !self.echoes.has_answer(id);
        if idle {
            self.echoes.waiting.insert(id);
        }
        idle
    }

    fn wake_echo(&mut self, id: u16) {
        if self.echoes.has_answer(id) && self.echoes.waiting.remove(&id) {
            self.tcp.push_woken(SocketId::Echo(id));
        }
    }
}
