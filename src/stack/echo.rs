//! Echo requests of our own (RFC 792): what `ping` is made of.

use super::event::Sent;
use super::{Input, Stack};
use crate::base::{Chunks, Duration, EventId, Frame, Instant, SocketError};
use crate::wire::icmp::{self, Echo, Icmp};
use crate::wire::ip;
use std::net::IpAddr;

/// Requests that may be unanswered at a time: older ones are forgotten.
const PENDING_MAX: usize = 1024;
/// Answers that may wait to be taken.
const PONGS_MAX: usize = 1024;

/// An answer to an echo request.
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
}

/// Requests under way, and answers nobody has taken.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    pending: std::collections::BTreeMap<(IpAddr, u16, u16), Instant>,
    pongs: std::collections::VecDeque<Pong>,
}

impl Echoes {
    /// Whether a request to `dst` is unanswered.
    pub(super) fn is_pending(&self, dst: IpAddr, id: u16, seq: u16) -> bool {
        self.pending.contains_key(&(dst, id, seq))
    }

    /// An answer arrived; `false` when nobody asked.
    pub(super) fn on_reply(&mut self, now: Instant, mut pong: Pong) -> bool {
        let asked = self.pending.remove(&(pong.from, pong.id, pong.seq));
        let Some(sent_at) = asked else { return false };
        pong.rtt = now.since(sent_at);
        if self.pongs.len() < PONGS_MAX {
            self.pongs.push_back(pong);
        }
        true
    }
}

impl Stack {
    /// Sends an echo request with `payload`; its answer comes by [`Stack::take_pong`].
    ///
    /// # Errors
    /// `NetworkUnreachable` without a route, `MessageTooLong` beyond 65 507 bytes (65 527 in
    /// IPv6).
    pub fn ping(
        &mut self,
        now: Instant,
        dst: IpAddr,
        (id, seq): (u16, u16),
        payload: &[u8],
    ) -> Result<(), SocketError> {
        self.keep(now, || Input::Ping { dst, id, seq, payload: payload.to_vec() });
        if payload.len() > ip::max_payload(dst) - icmp::HEADER_LEN {
            return Err(SocketError::MessageTooLong);
        }
        let (_, own) = self.route_to(dst).ok_or(SocketError::NetworkUnreachable)?;
        if self.echoes.pending.len() >= PENDING_MAX {
            self.echoes.pending.pop_first();
        }
        self.echoes.pending.insert((dst, id, seq), now);
        let message = Icmp::echo(dst, Echo { request: true, id, seq });
        let body = Chunks::from(self.pool.copy(payload));
        let mut frame = Frame { body, ..Frame::default() };
        message.emit(own, dst, &mut frame.head, &frame.body);
        self.send_icmp(now, own, dst, message, frame, Sent::EchoRequest, EventId::NONE);
        Ok(())
    }

    /// The oldest answer that nobody has taken.
    pub fn take_pong(&mut self, now: Instant) -> Option<Pong> {
        let pong = self.echoes.pongs.pop_front()?;
        self.keep(now, || Input::TakePong);
        Some(pong)
    }
}
