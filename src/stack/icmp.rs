//! ICMP of a whole host: echoes answered, errors given to the sockets they are about, and errors
//! reported about packets that cannot be delivered.

use super::echo::{EchoError, Pong};
use super::event::{Event, PacketView, Sent};
use super::ingress::{Via, pair};
use super::zone::zoned;
use super::{Stack, cx};
use crate::base::{Chunks, Duration, EventId, Frame, IfaceId, Instant, Seq, Why};
use crate::ip::{self, Destination};
use crate::socket::demux::Pair;
use crate::udp::Told;
use crate::wire::icmp::{self, Echo, Icmp, Quoted};
use crate::wire::icmpv4::Icmpv4;
use crate::wire::icmpv6::Icmpv6;
use crate::wire::ipv4::protocol;
use crate::wire::{ipv6, mld, nd};
use std::net::IpAddr;

impl Stack {
    /// Sends an ICMP error about `packet`, if one may be sent (RFC 1122 §3.2.2, RFC 1812 §4.3.2.8).
    #[cold]
    #[inline(never)]
    pub(super) fn report(
        &mut self,
        via: Via,
        message: Icmp,
        why: Sent,
        packet: &Chunks,
        cause: EventId,
    ) {
        let front = packet.iter().next().map_or(&[][..], |chunk| chunk);
        let about = ip::icmp::About {
            src: via.src(),
            destination: via.destination,
            link_broadcast: false,
            offset: via.header.offset,
            proto: via.header.proto,
            transport: front.get(via.header.header_len..).unwrap_or(&[]),
        };
        let local = self.ifaces[usize::from(via.iface.0)].local();
        if let Err(why) = about.may_report(&message, &local) {
            self.drops.count(why);
            return;
        }
        if !self.limiter.allow(via.now) {
            let view = via.view(0);
            self.dropped(via.now, Why::IcmpRateLimit, view);
            return;
        }
        let (src, dst) = (self.answer_from(&via), via.src());
        let frame = ip::icmp::error(src, dst, message, packet);
        self.answer_icmp(&via, (src, dst), message, frame, (why, cause));
    }

    /// The address that answers what came `via`: the one it was sent to, if that is one host's
    /// (RFC 1122 §3.2.2, RFC 4443 §2.2).
    pub(super) fn answer_from(&self, via: &Via) -> IpAddr {
        match via.destination {
            Destination::Unicast if self.forwarding => self.router_address(via),
            Destination::Unicast => via.dst(),
            _ => {
                let route = self.route_for(zoned(via.src(), 0, via.iface));
                route.map_or(via.dst(), |(_, own)| own)
            }
        }
    }

    // ---- ICMP

    #[inline(never)]
    pub(super) fn on_icmp(&mut self, via: Via, mut frame: Frame) {
        self.snmp.of(via.dst()).icmp_in.msgs += 1;
        let packet_view = via.view(via.header.payload_len());
        frame.advance(via.header.header_len);
        let (src, dst, len) = (via.src(), via.dst(), frame.len() as u32);
        let message = match Icmp::parse(src, dst, frame.slices()) {
            Ok(message) => message,
            Err(why) => return self.discard(via.now, why, packet_view),
        };
        let view = PacketView::Icmp { src, dst, message, len };
        self.snmp.of(dst).icmp_in(&message);
        if let Icmp::V6(Icmpv6::Other { kind, .. }) = message
            && mld::is_mld(kind)
        {
            return self.on_membership(via, frame);
        }
        if let Icmp::V6(Icmpv6::Other { kind, .. }) = message
            && nd::is_nd(kind)
            && self.mac(via.iface).is_some()
        {
            return self.on_nd(via, frame);
        }
        match message.as_echo() {
            Some(echo) if echo.request => self.on_echo_request(via, echo, view, frame),
            Some(Echo { id, seq, .. }) => {
                let (ttl, rtt) = (via.header.ttl, Duration::ZERO);
                let pong = Pong { from: src, id, seq, len, ttl, rtt, duplicate: false };
                if self.on_pong(via.now, pong) {
                    self.note(via.now, None, EventId::NONE, || Event::In(view));
                } else {
                    self.discard(via.now, Why::IcmpNoSocket, view);
                }
            }
            None if message.is_error() => self.on_icmp_error(via, message, view, frame),
            None => self.discard(via.now, Why::IcmpType, view),
        }
    }

    /// RFC 1122 §3.2.2.6: not to a broadcast or group of IPv4; to a group of IPv6 it is answered
    /// (RFC 4443 §4.2).
    fn on_echo_request(&mut self, via: Via, echo: Echo, view: PacketView, mut frame: Frame) {
        if via.destination != Destination::Unicast && via.dst().is_ipv4() {
            return self.discard(via.now, Why::IcmpBroadcast, view);
        }
        let cause = self.note(via.now, None, EventId::NONE, || Event::In(view));
        frame.advance(icmp::HEADER_LEN);
        let (src, dst) = (self.answer_from(&via), via.src());
        let message = Icmp::echo(dst, Echo { request: false, ..echo });
        let mut answer = Frame { body: self.whole(frame), ..Frame::default() };
        self.echoes.on_answered(dst, echo, answer.body.len());
        message.emit(src, dst, &mut answer.head, &answer.body);
        self.answer_icmp(&via, (src, dst), message, answer, (Sent::EchoReply, cause));
    }

    /// The socket that an error quotes hears of it, after the checks of RFC 5927 §4.
    // Rules: MUST-54, MUST-55, 5927-6.2-1, 6633-3-2.
    fn on_icmp_error(&mut self, via: Via, message: Icmp, view: PacketView, mut frame: Frame) {
        frame.advance(icmp::HEADER_LEN);
        let result = match (Quoted::parse(frame.front()), message) {
            (Ok(quoted), Icmp::V4(Icmpv4::Redirect { gateway, .. })) => {
                self.on_redirect(&via, gateway.into(), &quoted, EventId::NONE)
            }
            (Ok(quoted), _) => {
                self.deliver_error(via.now, (via.iface, via.src()), message, &quoted)
            }
            (Err(why), _) => Err(why),
        };
        match result {
            Ok(()) => {
                self.note(via.now, None, EventId::NONE, || Event::In(view));
            }
            Err(why) => self.discard(via.now, why, view),
        }
    }

    fn deliver_error(
        &mut self,
        now: Instant,
        by: (IfaceId, IpAddr),
        message: Icmp,
        quoted: &Quoted,
    ) -> Result<(), Why> {
        if quoted.proto != protocol::TCP {
            let learned = self.learn_path(now, by.0, message, quoted);
            let delivered = self.deliver_datagram_error(now, by, message, quoted);
            // Whether or not its socket hears of errors.
            let nobody = delivered == Err(Why::IcmpNoSocket);
            return if nobody && learned { Ok(()) } else { delivered };
        }
        let pair = pair(quoted, by.0).ok_or(Why::IcmpNoSocket)?;
        self.deliver_tcp_error(now, pair, message, quoted)
    }

    /// An error about a UDP datagram or an echo request of ours.
    pub(super) fn deliver_datagram_error(
        &mut self,
        now: Instant,
        by: (IfaceId, IpAddr),
        message: Icmp,
        quoted: &Quoted,
    ) -> Result<(), Why> {
        if quoted.proto == protocol::UDP {
            let Pair { local, remote } = pair(quoted, by.0).ok_or(Why::IcmpNoSocket)?;
            let told = Told { from: by.1, message, at: now };
            let known = self.udp.on_icmp(local, remote, told)?;
            self.wake_udp(known);
            return Ok(());
        }
        let of_ours = quoted.proto == icmp::number(quoted.dst);
        let echo = Icmp::of_quoted(quoted).filter(|echo| of_ours && echo.request);
        let Echo { id, seq, .. } = echo.ok_or(Why::IcmpNoSocket)?;
        if !message.is_verdict() {
            return Err(Why::IcmpType);
        }
        let (to, rtt) = (quoted.dst, Duration::ZERO);
        let error = EchoError { from: by.1, to, id, seq, message, rtt };
        self.on_echo_error(now, error).then_some(()).ok_or(Why::IcmpNoSocket)
    }

    /// Learns how wide a path is, from a message about a datagram or an echo of ours.
    fn learn_path(&mut self, now: Instant, iface: IfaceId, message: Icmp, quoted: &Quoted) -> bool {
        let Some(mtu) = message.too_big() else { return false };
        let sent = match quoted.proto {
            protocol::UDP => pair(quoted, iface)
                .is_some_and(|Pair { local, remote }| self.udp.may_have_sent(local, remote)),
            _ => Icmp::of_quoted(quoted).is_some_and(|echo| self.echoes.has_sent(quoted.dst, echo)),
        };
        if !sent || !self.is_own(quoted.src) {
            return false;
        }
        let (dst, route) = (quoted.dst, self.route_to(quoted.dst));
        let link = route.map_or(u16::MAX, |(iface, _)| self.ifaces[usize::from(iface.0)].setup.mtu);
        let known = self.path_mtu.get(now, dst).unwrap_or(link);
        let mtu = if mtu == 0 { quoted.plateau(known).into() } else { mtu };
        self.path_mtu.set(now, dst, mtu);
        true
    }

    // Rules: 8201-4-2.
    fn deliver_tcp_error(
        &mut self,
        now: Instant,
        pair: Pair,
        message: Icmp,
        quoted: &Quoted,
    ) -> Result<(), Why> {
        let seq = quoted.seq().ok_or(Why::IcmpNoSocket)?;
        let Some(key) = self.tcp.find(&pair) else {
            return self.deliver_half_open_error(now, pair, message, seq);
        };
        let slot = self.tcp.slot_mut(key);
        let (id, before) = (slot.id, slot.conn.state());
        let cx = &mut cx!(self, now, EventId::NONE);
        let result = match message.too_big() {
            Some(mtu) if pair.remote.is_ipv6() && mtu < ipv6::MIN_MTU as u32 => {
                Err(Why::IcmpMtuTooSmall)
            }
            Some(mtu) => {
                let known = slot.conn.path_mtu();
                let guess = mtu == 0 && !slot.conn.config().is_linux();
                let mtu = if guess { quoted.plateau(known).into() } else { mtu };
                slot.conn.on_packet_too_big(seq, mtu.min(0xffff) as u16, cx)
            }
            None => {
                let linux = slot.conn.config().is_linux();
                let error = if linux { message.stream_error() } else { message.socket_error() };
                match error {
                    Some(error) => slot.conn.on_icmp(seq, (error, message.is_hard()), cx),
                    None => Err(Why::IcmpType),
                }
            }
        };
        if result.is_ok() && message.is_unreached() {
            slot.conn.on_unreached(seq, cx);
        }
        self.snmp.tcp_went(before, slot.conn.state(), false);
        self.collect(now, Some(id), Event::Tcp);
        self.settle(now, key);
        result
    }

    /// An error about a listener's SYN-ACK: as Linux, it may end what is half open.
    fn deliver_half_open_error(
        &mut self,
        now: Instant,
        pair: Pair,
        message: Icmp,
        seq: Seq,
    ) -> Result<(), Why> {
        let id = self.tcp.listener_for(pair.local).ok_or(Why::IcmpNoSocket)?;
        let slot = self.tcp.listener_mut(id).ok_or(Why::IcmpNoSocket)?;
        if !slot.listener.config().is_linux() {
            return Err(Why::IcmpNoSocket);
        }
        let cx = &mut cx!(self, now, EventId::NONE);
        let result =
            slot.listener.on_icmp(pair.local, pair.remote, (seq, message.ends_half_open()), cx);
        self.collect_stray(now, pair);
        result
    }
}
