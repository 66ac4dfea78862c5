//! What ICMP, and the link, say to a connection, and how far it is believed (RFC 5927; RFC 1122
//! §4.2.3.9).

use super::conn::Conn;
use super::event::Event;
use super::state::{Cause, State};
use super::tcb::Cx;
use crate::base::{Seq, SocketError, Why};

impl Conn {
    /// An ICMP error quotes a segment of this connection that starts at `seq` (RFC 5927 §4: it must
    /// be in flight). One that is `hard` ends an opening (RFC 9293 §3.9.2.2, SHLD-26);
    /// all others, and once synchronized those, too, end nothing (MUST-56; RFC 5927 §5.2), but
    /// name the reason if nobody answers (SHLD-25).
    // Rules: MUST-47, 5927-5.2-1.
    pub fn on_icmp(
        &mut self,
        seq: Seq,
        (error, hard): (SocketError, bool),
        cx: &mut Cx<'_>,
    ) -> Result<(), Why> {
        self.check_in_flight(seq)?;
        let config = &self.tcb.config;
        let state = self.tcb.state();
        // For BSD what lasts is a refusal, and a SYN that was answered is not refused any more.
        let early = state == State::SynSent || !config.is_bsd() && !state.is_synchronized();
        // What opens fast is a connection like any other as soon as the application has it; before,
        // any error ends it, as Linux.
        let fast = self.tcb.fast().filter(|fast| fast.child && !config.is_bsd());
        let early = early && !fast.is_some_and(|fast| fast.accepted);
        let hard = hard || fast.is_some();
        let error = if hard && config.is_bsd() { SocketError::Refused } else { error };
        let again = self.tcb.retransmits > 3 && self.tcb.soft_error.is_some();
        let tired = config.is_bsd() && !state.is_synchronized() && again;
        // For Linux nothing can be known to be soft before there is an answer.
        let hard = (hard || config.is_linux()) && early && config.icmp_may_rst || tired;
        let told = config.recverr;
        cx.note(|| Event::Icmp { error, hard });
        if hard {
            self.tcb.die(Cause::IcmpUnreachable, Some(error), cx);
        } else if told {
            self.tcb.error = Some(error);
        } else {
            self.tcb.soft_error = Some(error);
        }
        Ok(())
    }

    /// That error says that a router has no way to the peer now: a timeout was not congestion
    /// (RFC 6069 §4, as Linux).
    pub fn on_unreached(&mut self, seq: Seq, cx: &mut Cx<'_>) {
        if self.tcb.config.is_linux() {
            super::timeout::revert(&mut self.tcb, seq, cx);
        }
    }

    /// The link has nobody to hand our segments to: an opening ends, a connection goes on trying.
    pub fn on_no_neighbor(&mut self, cx: &mut Cx<'_>) {
        let error = SocketError::HostUnreachable;
        if self.tcb.state().is_synchronized() {
            self.tcb.soft_error = Some(error);
        } else if self.tcb.state() != State::Closed {
            self.tcb.die(Cause::IcmpUnreachable, Some(error), cx);
        }
    }

    /// An ICMP error says that the path carries packets of at most `mtu` bytes (RFC 1191): segments
    /// become smaller, and what was sent larger is sent again.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn on_packet_too_big(&mut self, seq: Seq, mtu: u16, cx: &mut Cx<'_>) -> Result<(), Why> {
        self.check_in_flight(seq)?;
        super::pmtu::on_claim(&mut self.tcb, mtu, cx)
    }

    /// For Linux what goes out next counts, too: ACKs of who only receives have that number.
    // Rules: 5927-4.1-1.
    fn check_in_flight(&self, seq: Seq) -> Result<(), Why> {
        let (una, nxt) = (self.tcb.snd.una, self.tcb.snd.nxt);
        let next = seq == nxt && self.tcb.config.is_linux();
        let in_flight = una.before_eq(seq) && seq.before(nxt);
        if in_flight || next { Ok(()) } else { Err(Why::IcmpOutOfWindow) }
    }

    /// The last ICMP error that ended nothing; told once (`SO_ERROR`).
    pub fn take_soft_error(&mut self) -> Option<SocketError> {
        self.tcb.soft_error.take()
    }
}
