//! A frame's way up: IP, then ICMP, UDP or TCP, then the socket.

use super::event::{Event, PacketView, Sent};
use super::zone::zoned;
use super::{Input, Stack, cx};
use crate::base::{
    Checksum, Chunks, EventId, Frame, IfaceId, Instant, ListenerId, Mac, Seq, SocketError, Why,
};
use crate::ip::{self, Destination};
use crate::socket::SocketId;
use crate::socket::demux::Pair;
use crate::tcp::arrives::closed;
use crate::tcp::listener::{Site, Verdict, reply};
use crate::tcp::{self, Conn, Outcome, Reply, Segment, SegmentView, State};
use crate::udp::Datagram;
use crate::wire::icmp::{self, Icmp, Quoted};
use crate::wire::icmpv6::Icmpv6;
use crate::wire::ip::Header;
use crate::wire::ipv4::protocol;
use crate::wire::{checksum, udp};
use std::net::{IpAddr, SocketAddr};

/// What is known of a packet behind its IP header.
#[derive(Copy, Clone)]
pub(super) struct Via {
    pub(super) now: Instant,
    pub(super) iface: IfaceId,
    /// Who sent the frame; [`Mac::ZERO`] on a bare link.
    pub(super) mac: Mac,
    pub(super) header: Header,
    pub(super) destination: Destination,
    pub(super) origin: EventId,
}

impl Via {
    pub(super) fn src(&self) -> IpAddr {
        self.header.src
    }

    pub(super) fn dst(&self) -> IpAddr {
        self.header.dst
    }

    pub(super) fn view(&self, len: usize) -> PacketView {
        let (src, dst, len) = (self.src(), self.dst(), len as u32);
        PacketView::Ip { src, dst, proto: self.header.proto, len }
    }
}

/// The ends of what a quoted packet belonged to, which left by that interface.
pub(super) fn pair(quoted: &Quoted, iface: IfaceId) -> Option<Pair> {
    let (from, to) = quoted.ports()?;
    let (local, remote) = (zoned(quoted.src, from, iface), zoned(quoted.dst, to, iface));
    Some(Pair { local, remote })
}

impl Stack {
    /// A frame arrived on an interface.
    pub fn input(&mut self, now: Instant, iface: IfaceId, mut frame: Frame) {
        if self.recording.is_some() {
            let (bytes, offload) = (frame.kept(&self.pool), frame.offload);
            self.keep(now, || Input::Frame { iface, bytes, offload });
        }
        self.totals.frames_in += 1;
        self.totals.bytes_in += frame.len() as u64;
        self.arrival = frame.origin;
        self.on_frame(now, iface, &mut frame);
        self.arrival = EventId::NONE;
    }

    fn on_frame(&mut self, now: Instant, iface: IfaceId, frame: &mut Frame) {
        let Some((iface, mac, to_many)) = self.on_link(now, iface, frame) else { return };
        self.snmp.received(frame);
        let header = match Header::parse(frame.front(), frame.len()) {
            Ok(header) => header,
            Err(why) => return self.discard(now, why, PacketView::raw(frame)),
        };
        self.on_packet(now, iface, (mac, to_many), header, frame);
    }

    /// RFC 1122 §3.2.1.3: is it for us? What is not, a router passes on.
    ///
    /// The frame is taken apart where it lies: it is too large to be moved from step to step.
    fn on_packet(
        &mut self,
        now: Instant,
        iface: IfaceId,
        (mac, to_many): (Mac, bool),
        header: Header,
        frame: &mut Frame,
    ) {
        let Some(local) = self.ifaces.get(usize::from(iface.0)).map(super::Iface::local) else {
            let view = PacketView::raw(frame);
            return self.discard(now, Why::NotForUs, view);
        };
        let mut judged = local.check(header.src, header.dst);
        if self.forwarding && !local.is_loopback() {
            judged = self.as_router(judged, &header);
        }
        frame.truncate(header.total_len); // what follows is the link's padding
        let origin = frame.origin;
        let via = |destination| Via { now, iface, mac, header, destination, origin };
        match judged {
            Ok(Destination::Unicast) if to_many => {
                self.discard(now, Why::LinkBroadcast, PacketView::ip(&header));
            }
            Ok(destination) => {
                self.snmp.of(header.dst).ip_in(destination);
                self.on_our_packet(via(destination), frame);
            }
            Err(Why::NotForUs) if self.forwarding && !header.dst.is_multicast() => {
                if to_many {
                    return self.discard(now, Why::LinkBroadcast, PacketView::ip(&header));
                }
                self.forward(via(Destination::Unicast), frame);
            }
            Err(why) => {
                let packet = PacketView::of(header, frame.front());
                self.discard(now, why, packet);
            }
        }
    }

    /// It is: what lies between the IP header and the transport header?
    fn on_our_packet(&mut self, mut via: Via, frame: &mut Frame) {
        let walked = via.header.walk(frame.front());
        if let Err(refused) = walked.and_then(|()| via.header.check_fragment(frame.front())) {
            let cause = self.dropped(via.now, refused.why, PacketView::ip(&via.header));
            if let Some((code, pointer)) = refused.problem {
                let message = Icmp::V6(Icmpv6::ParameterProblem { code, pointer });
                let packet = self.whole(std::mem::take(frame));
                self.report(via, message, Sent::ParameterProblem, &packet, cause);
            }
            return;
        }
        if via.header.is_fragment() {
            return self.on_fragment(via, std::mem::take(frame));
        }
        self.on_transport(via, frame);
    }

    /// RFC 1122 §3.3.2, RFC 8200 §4.5.
    #[cold]
    #[inline(never)]
    fn on_fragment(&mut self, via: Via, frame: Frame) {
        self.snmp.of(via.dst()).reasm_reqds += 1;
        let packet = self.whole(frame);
        let view = PacketView::fragment(&via.header);
        match self.reassembly.input(via.now, via.header.into(), packet, &self.pool) {
            ip::reassembly::Outcome::Held => {
                self.note(via.now, None, EventId::NONE, || Event::In(view));
            }
            ip::reassembly::Outcome::Dropped(why) => self.discard(via.now, why, view),
            ip::reassembly::Outcome::Complete(whole) => {
                self.snmp.of(via.dst()).reasm_oks += 1;
                self.note(via.now, None, EventId::NONE, || Event::In(view));
                let header = whole.header.whole(whole.tos, whole.payload.len());
                let mut frame = Frame { body: whole.payload, ..Frame::default() };
                header.emit(&mut frame.head, frame.body.len());
                // The transport header must lie in one run with the IP header.
                let packet = self.whole(frame);
                let mut frame = Frame { body: packet, origin: via.origin, ..Frame::default() };
                self.on_our_packet(Via { header, ..via }, &mut frame);
            }
        }
    }

    /// A frame as one run of bytes, copied only when it is in pieces.
    pub(super) fn whole(&self, frame: Frame) -> Chunks {
        let single = frame.head.is_empty() && frame.body.iter().count() == 1;
        if single {
            return frame.body;
        }
        let mut chunk = self.pool.take(frame.len());
        for slice in frame.slices() {
            let copied = chunk.append(slice);
            debug_assert_eq!(copied, slice.len(), "a fresh block has room");
        }
        Chunks::from(chunk)
    }

    /// Datagrams that will not be completed: ICMP tells the sender when the first fragment came.
    pub(super) fn expire_fragments(&mut self, now: Instant) {
        while let Some(gone) = self.reassembly.poll(now) {
            let (src, dst, proto) = (gone.key.src, gone.key.dst, gone.key.proto);
            let cause = self.dropped(now, gone.why, PacketView::Ip { src, dst, proto, len: 0 });
            let Some(packet) = gone.first else { continue };
            let front = packet.iter().next().map_or(&[][..], |chunk| chunk);
            let Ok(mut header) = Header::parse(front, packet.len()) else { continue };
            let Ok(()) = header.walk(front) else { continue };
            let Some((iface, _)) = self.route_to(src) else { continue };
            let local = self.ifaces[usize::from(iface.0)].local();
            let Ok(destination) = local.check(src, dst) else { continue };
            let (mac, origin) = (Mac::ZERO, EventId::NONE);
            let via = Via { now, iface, mac, header, destination, origin };
            let (message, why) =
                (Icmp::reassembly_time_exceeded(src), Sent::ReassemblyTimeExceeded);
            self.report(via, message, why, &packet, cause);
        }
    }

    fn on_transport(&mut self, via: Via, frame: &mut Frame) {
        let proto = via.header.proto;
        let icmp = icmp::number(via.dst());
        let igmp = proto == protocol::IGMP && via.dst().is_ipv4();
        let known = igmp || [protocol::TCP, protocol::UDP, icmp].contains(&proto);
        self.snmp.of(via.dst()).in_delivers += u64::from(known);
        match proto {
            protocol::TCP => self.on_tcp(via, frame),
            protocol::UDP => self.on_udp(via, std::mem::take(frame)),
            _ if proto == icmp => self.on_icmp(via, std::mem::take(frame)),
            _ if igmp => {
                frame.advance(via.header.header_len);
                self.on_membership(via, std::mem::take(frame));
            }
            _ => {
                let view = via.view(via.header.payload_len());
                let cause = self.dropped(via.now, Why::NoProtocol, view);
                let message = Icmp::protocol_unreachable(via.src(), via.header.proto_at);
                let packet = self.whole(std::mem::take(frame));
                self.report(via, message, Sent::ProtocolUnreachable, &packet, cause);
            }
        }
    }

    // ---- UDP

    #[inline(never)]
    fn on_udp(&mut self, via: Via, frame: Frame) {
        let (src, dst) = (via.src(), via.dst());
        let packet = frame.clone();
        let mut frame = frame;
        frame.advance(via.header.header_len);
        let header = match udp::Header::parse(frame.front(), frame.len()) {
            Ok(header) => header,
            Err(why) => return self.discard(via.now, why, via.view(frame.len())),
        };
        let from = zoned(src, header.src, via.iface);
        let to = zoned(dst, header.dst, via.iface);
        let len = (usize::from(header.len) - udp::HEADER_LEN) as u32;
        let view = PacketView::Udp { src: from, dst: to, len };
        frame.truncate(usize::from(header.len));
        if frame.offload.checksum == Checksum::Complete
            && let Err(why) = header.verify(src, dst, frame.slices())
        {
            return self.discard(via.now, why, view);
        }
        frame.advance(udp::HEADER_LEN);
        let payload = if frame.head.is_empty() { frame.body } else { self.whole(frame) };
        if via.destination != Destination::Unicast {
            if !self.deliver_to_many(via, (from, to), &payload, view) {
                self.discard(via.now, Why::UdpNoPort, view); // no error about a broadcast
            }
            return;
        }
        match self.udp.lookup(from, to, via.iface) {
            Ok(id) => self.deliver_udp(via, id, from, payload, view),
            Err(why) => {
                let cause = self.dropped(via.now, why, view);
                let message = Icmp::port_unreachable(via.src());
                let packet = self.whole(packet);
                self.report(via, message, Sent::PortUnreachable, &packet, cause);
            }
        }
    }

    /// Each socket that a datagram to many is for gets its own; says whether there is one.
    fn deliver_to_many(
        &mut self,
        via: Via,
        (from, to): (SocketAddr, SocketAddr),
        payload: &Chunks,
        view: PacketView,
    ) -> bool {
        let ids: Vec<_> = self.udp.lookup_all(from, to, via.iface).collect();
        for id in &ids {
            self.deliver_udp(via, *id, from, payload.clone(), view);
        }
        !ids.is_empty()
    }

    /// Members on this host hear what it sends to their group (RFC 1112 §6.1,
    /// `IP_MULTICAST_LOOP`).
    pub(super) fn loop_back(
        &mut self,
        now: Instant,
        iface: IfaceId,
        header: Header,
        (from, to): (SocketAddr, SocketAddr),
        payload: Chunks,
    ) {
        let local = self.ifaces[usize::from(iface.0)].local();
        if !local.is_member(to.ip()) {
            return;
        }
        let (mac, destination, origin) = (Mac::ZERO, Destination::Multicast, self.trace.last());
        let via = Via { now, iface, mac, header, destination, origin };
        let view = PacketView::Udp { src: from, dst: to, len: payload.len() as u32 };
        self.deliver_to_many(via, (from, to), &payload, view);
    }

    #[inline(never)]
    fn deliver_udp(
        &mut self,
        via: Via,
        id: crate::base::UdpId,
        from: SocketAddr,
        payload: Chunks,
        view: PacketView,
    ) {
        let datagram = Datagram { from, to: via.dst(), payload };
        let Some(socket) = self.udp.get_mut(id) else { return };
        match socket.on_datagram(datagram, &self.pool) {
            Ok(()) => {
                self.snmp.of(via.dst()).udp_in += 1;
                self.note(via.now, None, EventId::NONE, || Event::In(view));
                self.wake_udp(id);
            }
            Err(why) => self.discard(via.now, why, view),
        }
    }

    pub(super) fn wake_udp(&mut self, id: crate::base::UdpId) {
        if self.udp_waiting.remove(&id) {
            self.tcp.push_woken(SocketId::Udp(id));
        }
    }

    // ---- TCP

    // Rules: MUST-3, MUST-57, 1122-4.2.3.10-1.
    fn on_tcp(&mut self, via: Via, frame: &mut Frame) {
        let (src, dst) = (via.src(), via.dst());
        self.snmp.tcp_in_segs += 1;
        frame.advance(via.header.header_len);
        let len = frame.len();
        let parsed = crate::wire::tcp::Header::parse(frame.front());
        let (hdr, header_len) = match parsed {
            Ok(parsed) => parsed,
            Err(why) => return self.discard(via.now, why, via.view(len)),
        };
        let local = zoned(dst, hdr.dst, via.iface);
        let remote = zoned(src, hdr.src, via.iface);
        let view = PacketView::Tcp { src: remote, dst: local, len: len as u32 };
        if frame.offload.checksum == Checksum::Complete {
            let pseudo = checksum::pseudo(src, dst, protocol::TCP, len);
            if !frame.add_to(pseudo).is_whole() {
                return self.discard(via.now, Why::TcpChecksum, view);
            }
        }
        if via.destination != Destination::Unicast {
            return self.discard(via.now, Why::TcpBroadcast, view);
        }
        if hdr.src == 0 || hdr.dst == 0 {
            return self.discard(via.now, Why::TcpPortZero, view);
        }
        let wire_mss = frame.offload.gso.map(|gso| gso.size);
        frame.advance(header_len);
        let payload = match frame.head.is_empty() {
            true => std::mem::take(&mut frame.body),
            false => self.whole(std::mem::take(frame)),
        };
        let mut seg = Segment::new(hdr, payload, wire_mss);
        seg.ecn = via.header.tos & 3;
        self.snmp.tcp_in_segs += u64::from(seg.wire_segments() - 1);
        let pair = Pair { local, remote };
        match self.tcp.find(&pair) {
            Some(key) => self.for_connection(via, key, &mut seg),
            None => self.for_nobody(via, pair, seg, None),
        }
    }

    /// A segment for a connection.
    // Rules: MUST-59.
    fn for_connection(&mut self, via: Via, key: usize, seg: &mut Segment) {
        let pressed = self.tcp.is_pressed();
        seg.no_room = self.tcp.slot_mut(key).conn.press(pressed);
        let hushed = self.challenges.as_mut().is_some_and(|limiter| limiter.is_empty(via.now));
        self.tcp.slot_mut(key).conn.hush(hushed);
        let slot = self.tcp.slot(key);
        let (id, pair) = (slot.id, slot.pair);
        let state = slot.conn.state();
        // Only TIME-WAIT gives way, to a SYN.
        let spare = (state == State::TimeWait && seg.hdr.ctl.syn()).then(|| seg.clone());
        let heir = state == State::TimeWait && self.tcp.listener_for(pair.local).is_some();
        let acked = slot.conn.acked();
        let cx = &mut cx!(self, via.now, self.arrival);
        let outcome = self.tcp.slot_mut(key).conn.input(seg, heir, cx);
        if self.tcp.slot(key).conn.acked() != acked {
            self.confirm(via.now, via.iface, pair.remote.ip());
        }
        if let Outcome::Dropped(why) = outcome {
            self.drops.count(why);
        }
        if let (Some(limiter), true) = (&mut self.challenges, self.tcp.slot(key).conn.challenged())
        {
            limiter.allow(via.now);
        }
        self.snmp.tcp_went(state, self.tcp.slot(key).conn.state(), false);
        self.collect(via.now, Some(id), Event::Tcp);
        match (outcome, spare) {
            (Outcome::Reopen, Some(seg)) => {
                let predecessor = Some(self.tcp.slot(key).conn.next_seq());
                self.abandon(key);
                return self.for_nobody(via, pair, seg, predecessor);
            }
            // Only half-open states answer a bad ACK with a reset.
            (Outcome::Dropped(Why::SynSentBadAck), _) if !seg.hdr.ctl.rst() => {
                self.refuse(via, pair, seg, Reply::RstSynSentAck);
            }
            (Outcome::Dropped(Why::SynReceivedBadAck), _) => {
                self.refuse(via, pair, seg, Reply::RstHalfOpenAck);
            }
            _ => {}
        }
        self.settle(via.now, key);
    }

    #[cold]
    #[inline(never)]
    fn refuse(&mut self, via: Via, pair: Pair, seg: &Segment, why: Reply) {
        let cause = self.trace.last();
        let cx = &mut cx!(self, via.now, cause);
        let mut out = reply(closed::reset_for(seg), why, cause, cx).marked(&self.tcp_config);
        self.collect_stray(via.now, pair);
        let iface = self.way_back(&via);
        self.send_segment(via.now, iface, pair, &mut out);
    }

    /// A segment for no connection: a listener's, or nobody's. `predecessor`: SND.NXT of the
    /// connection in TIME-WAIT that gave way to it.
    #[inline(never)]
    fn for_nobody(&mut self, via: Via, pair: Pair, mut seg: Segment, predecessor: Option<Seq>) {
        let back = self.way_back(&via);
        let view = || SegmentView::of(&seg.hdr, seg.payload.len());
        let view = self.trace.is_listening().then(view);
        let arrival = self.trace.reserve();
        let Some(id) = self.tcp.listener_for(pair.local) else {
            let (why, answer) = closed::arrives(&seg);
            self.drops.count(why);
            self.tell_stray(via.now, arrival, pair, view, Outcome::Dropped(why));
            if let Some((hdr, why)) = answer {
                let out = reply(hdr, why, arrival, &mut cx!(self, via.now, arrival));
                let mut out = out.marked(&self.tcp_config);
                self.collect_stray(via.now, pair);
                self.send_segment(via.now, back, pair, &mut out);
            }
            return;
        };
        let iface = &self.ifaces[usize::from(back.0)];
        let (mtu, gso_max) = (iface.mtu(via.src()), iface.setup.gso_max);
        let Pair { local, remote } = pair;
        let site = Site { local, remote, mtu, gso_max, predecessor };
        let full = self.tcp.len() >= self.connections_max;
        let pressed = self.tcp.is_pressed();
        let Some(slot) = self.tcp.listener_mut(id) else { return };
        let room = slot.has_room() && !full;
        seg.no_room = pressed;
        self.snmp.count_fast_wish(&seg.hdr);
        let verdict = slot.listener.input(site, seg, room, &mut cx!(self, via.now, arrival));
        let hit = slot.listener.take_hit();
        self.snmp.count_fast(slot.listener.take_fast());
        match verdict {
            Verdict::Done(outcome, answer) => {
                let outcome = match outcome {
                    Outcome::Dropped(Why::AcceptQueueFull) if full => {
                        Outcome::Dropped(Why::TooManyConnections)
                    }
                    outcome => outcome,
                };
                match outcome {
                    Outcome::Dropped(why) => self.drops.count(why),
                    Outcome::Closed(_) => {
                        self.snmp.tcp_attempt_fails += 1;
                        self.snmp.tcp_embryonic_rsts += 1;
                    }
                    _ => {}
                }
                self.tell_stray(via.now, arrival, pair, view, outcome);
                self.collect_stray(via.now, pair);
                if let Some(limit) = hit {
                    self.hits.count(limit);
                    self.note(via.now, None, arrival, || Event::Limit { limit });
                }
                if let Some(mut out) = answer {
                    self.send_segment(via.now, back, pair, &mut out);
                }
            }
            Verdict::FastOpen(whole) => {
                // The arrival is told by the connection.
                let cause = if self.trace.release(arrival) { self.arrival } else { arrival };
                self.collect_stray(via.now, pair);
                self.open_fast(via.now, (id, back, pair), cause, *whole);
            }
            Verdict::Promote(whole) => {
                // The arrival is told by the connection.
                let cause = if self.trace.release(arrival) { self.arrival } else { arrival };
                self.promote(via, (id, back, pair), cause, *whole);
            }
        }
    }

    /// A half-open connection becomes a whole one, which waits for accept().
    #[inline(never)]
    fn promote(
        &mut self,
        via: Via,
        (listener, iface, pair): (ListenerId, IfaceId, Pair),
        cause: EventId,
        (opening, half, mut seg): (tcp::Opening, tcp::HalfOpen, Segment),
    ) {
        self.snmp.tcp_passive_opens += 1;
        self.snmp.syn_cookies_recv += u64::from(half.sent_at.is_none());
        let id = self.tcp.next_id();
        let Pair { local, remote } = pair;
        self.note(via.now, Some(id), cause, || Event::Conn { local, remote });
        let conn = Conn::from_half_open(opening, &half, &mut cx!(self, via.now, cause));
        self.collect(via.now, Some(id), Event::Tcp);
        let key = self.tcp.insert(conn, pair, iface);
        self.for_connection(via, key, &mut seg);
        if self.tcp.place(id) == Some(key) {
            self.tcp.push_accept(listener, id);
        }
    }

    fn tell_stray(
        &mut self,
        now: Instant,
        id: EventId,
        pair: Pair,
        seg: Option<SegmentView>,
        outcome: Outcome,
    ) {
        if let Some(seg) = seg {
            let Pair { local, remote } = pair;
            let event = Event::StrayIn { local, remote, seg, outcome };
            let causes = [self.arrival, EventId::NONE];
            self.log.push(super::Record { id, at: now, conn: None, causes, event });
        }
    }

    /// TCP's events that belong to no connection.
    pub(super) fn collect_stray(&mut self, now: Instant, pair: Pair) {
        let Pair { local, remote } = pair;
        self.collect(now, None, |event| match event {
            tcp::Event::Replied { seg, reply } => Event::StrayOut { local, remote, seg, reply },
            event => Event::Listener { local, remote: Some(remote), event },
        });
    }

    /// After anything that touched a connection: what must go out at once goes, its user is woken,
    /// and it is removed when it is over.
    pub(super) fn settle(&mut self, now: Instant, key: usize) {
        while self.tcp.slot(key).conn.owes_ack_now() {
            let slot = self.tcp.slot_mut(key);
            let (id, iface, pair) = (slot.id, slot.iface, slot.pair);
            let out = slot.conn.output(&mut cx!(self, now, EventId::NONE));
            let Some(mut out) = out else { break };
            self.collect(now, Some(id), Event::Tcp);
            self.send_segment(now, iface, pair, &mut out);
        }
        self.note_fast_end(now, key);
        self.note_fast_news(now, key);
        self.tcp.queue(key);
        self.tcp.wake(key);
        self.bury(key);
    }

    /// Gives up a connection whose pair is needed for a new one; its user can still read.
    fn abandon(&mut self, key: usize) {
        debug_assert!(self.tcp.slot(key).conn.is_dead(), "only what is over is abandoned");
        self.tcp.wake(key);
        self.bury(key);
    }

    /// The error a handle gets for a socket that is gone.
    pub(super) fn gone() -> SocketError {
        SocketError::BadHandle
    }
}
