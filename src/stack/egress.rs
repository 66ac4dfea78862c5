//! A frame's way down: what sockets have to send, its transport checksum, its IP header, and, when
//! the link is too narrow, its fragments.

use super::echo::PingOptions;
use super::event::{Event, PacketView, Sent};
use super::ingress::Via;
use super::zone::zoned;
use super::{EGRESS_MAX, IP_IDS, Stack, cx};
use crate::base::rng::Purpose;
use crate::base::{Checksum, EventId, Frame, Gso, GsoKind, IfaceId, Instant, Offload, Why};
use crate::ip::fragment;
use crate::socket::demux::Pair;
use crate::tcp::Outgoing;
use crate::wire::icmp::{self, Icmp};
use crate::wire::ip::{self, Discover, Header};
use crate::wire::ipv4::protocol;
use crate::wire::{checksum, udp};
use std::net::{IpAddr, SocketAddr};

/// Frames a connection sends before the next one may.
const QUANTUM: u32 = 16;

impl Stack {
    /// The next frame to be sent, and by which interface. To be called until it gives `None`.
    pub fn output(&mut self, now: Instant) -> Option<(IfaceId, Frame)> {
        while self.out.is_empty() && self.send_something(now) {}
        if let Some((_, frame)) = self.out.front() {
            self.totals.frames_out += 1;
            self.totals.bytes_out += frame.len() as u64;
        }
        if self.recording.is_some() {
            let out = self.out.pop_front();
            self.keep_output(now, out.as_ref());
            return out;
        }
        self.out.pop_front()
    }

    /// Queues frames of whoever has some; `false` when nobody has.
    fn send_something(&mut self, now: Instant) -> bool {
        self.send_from_udp(now) || self.send_from_listeners(now) || self.send_from_tcp(now)
    }

    /// Queues frames of the first connection that has some; `false` when none has.
    fn send_from_tcp(&mut self, now: Instant) -> bool {
        while let Some(key) = self.tcp.first_ready() {
            for _ in 0..QUANTUM {
                let slot = self.tcp.slot_mut(key);
                let (id, iface, pair) = (slot.id, slot.iface, slot.pair);
                let out = slot.conn.output(&mut cx!(self, now, EventId::NONE));
                self.collect(now, Some(id), Event::Tcp);
                let Some(mut out) = out else {
                    let deadline = self.tcp.slot(key).conn.waits_until();
                    self.tcp.unqueue(key, deadline);
                    self.tcp.wake(key); // who waits until little is unsent
                    self.bury(key);
                    break;
                };
                self.send_segment(now, iface, pair, &mut out);
            }
            if !self.out.is_empty() {
                self.tcp.rotate();
                return true;
            }
        }
        false
    }

    fn send_from_listeners(&mut self, now: Instant) -> bool {
        let Some(id) = self.tcp.busy_listener() else { return false };
        let Some(slot) = self.tcp.listener_mut(id) else { return false };
        let Some((site, mut out)) = slot.listener.output(&mut cx!(self, now, EventId::NONE)) else {
            return true; // it had nothing after all: look again
        };
        let pair = Pair { local: site.local, remote: site.remote };
        self.collect_stray(now, pair);
        if let Ok((iface, _)) = self.route_for(site.remote) {
            self.send_segment(now, iface, pair, &mut out);
        }
        true
    }

    /// Puts a segment into its frame, which takes its payload.
    // Rules: MUST-2, MUST-45.
    pub(super) fn send_segment(
        &mut self,
        now: Instant,
        iface: IfaceId,
        pair: Pair,
        out: &mut Outgoing,
    ) {
        let (src, dst) = (pair.local.ip(), pair.remote.ip());
        let checksum_offload = self.ifaces[usize::from(iface.0)].setup.checksum_offload;
        let len = out.hdr.encoded_len() + out.payload.len();
        let segments = self.snmp.tcp_out(out);
        self.snmp.of(dst).out_requests += 1;
        let body = std::mem::take(&mut out.payload);
        let mut frame = Frame { body, origin: out.origin, ..Frame::default() };
        frame.offload.gso = out.gso_size.map(|size| Gso { kind: GsoKind::Tcp, size });
        if checksum_offload || out.gso_size.is_some() {
            frame.offload.checksum = Checksum::Partial;
            out.hdr.emit(&mut frame.head, checksum::partial(src, dst, protocol::TCP, len));
        } else {
            out.hdr.emit(&mut frame.head, 0);
            let pseudo = checksum::pseudo(src, dst, protocol::TCP, len);
            let sum = frame.add_to(pseudo).finish();
            let at = crate::wire::tcp::CHECKSUM_OFFSET;
            frame.head.bytes_mut()[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        }
        let new = Header::new(src, dst, protocol::TCP);
        let df = out.df || new.df;
        let id = if df { 0 } else { self.next_ip_ids(dst, protocol::TCP, segments as u32) };
        let hops = self.ifaces[usize::from(iface.0)].hops(dst);
        let header = Header { df, id, ..new }.marked(out.mark, hops);
        header.emit(&mut frame.head, len);
        self.push(now, iface, frame);
    }

    /// The first of the identifications of `count` packets that may be fragmented (that of others
    /// is read by nobody, RFC 6864 §4.1). It starts at a place that depends on
    /// the destination and counts on in one of several counters, so that what one peer sees hardly
    /// tells how much is sent to another (RFC 7739 §5.4).
    fn next_ip_ids(&mut self, dst: IpAddr, proto: u8, count: u32) -> u32 {
        let key = match dst {
            IpAddr::V4(dst) => u64::from(dst.to_bits()) << 8 | u64::from(proto),
            IpAddr::V6(dst) => {
                let [.., a, b, c, d, e, f, g, h] = dst.octets();
                let high = dst.to_bits() >> 64;
                self.chance.draw(Purpose::IpId, high as u64, 2)
                    ^ u64::from_be_bytes([a, b, c, d, e, f, g, h])
            }
        };
        let place = self.chance.draw(Purpose::IpId, key, 1);
        let counter = &mut self.ip_ids[place as usize % IP_IDS];
        let first = counter.wrapping_add(1);
        *counter = counter.wrapping_add(count);
        ((place >> 32) as u32).wrapping_add(first)
    }

    /// Answers with an ICMP message whose transport part is `frame`.
    pub(super) fn answer_icmp(
        &mut self,
        via: &Via,
        (src, dst): (IpAddr, IpAddr),
        message: Icmp,
        frame: Frame,
        why: (Sent, EventId),
    ) {
        let to = zoned(dst, 0, via.iface);
        self.send_icmp(via.now, to, (src, PingOptions::default()), message, frame, why);
    }

    /// Sends an ICMP message from `src` to `to`, whose transport part is `frame`; `why` it is sent,
    /// and what that followed from.
    pub(super) fn send_icmp(
        &mut self,
        now: Instant,
        to: SocketAddr,
        (src, options): (IpAddr, PingOptions),
        message: Icmp,
        frame: Frame,
        why: (Sent, EventId),
    ) {
        let dst = to.ip();
        let view = PacketView::Icmp { src, dst, message, len: frame.len() as u32 };
        self.snmp.of(dst).icmp_out(&message);
        let Ok((iface, _)) = self.route_for(to) else {
            self.dropped(now, Why::NoRoute, view);
            return;
        };
        let hops = self.ifaces[usize::from(iface.0)].hops(dst);
        let header = Header::new(src, dst, icmp::number(dst)).marked(options.mark, hops);
        self.send_packet(now, iface, (header, options.discover), frame, view, why);
    }

    fn send_from_udp(&mut self, now: Instant) -> bool {
        let Some((id, out)) = self.udp.output() else { return false };
        self.wake_udp(id);
        let (to, len) = (out.to, out.payload.len() as u32);
        let route = self.datagram_route(out.device, out.from.ip(), to);
        let Some((iface, own)) = route else {
            let view = PacketView::Udp { src: out.from, dst: to, len };
            self.dropped(now, Why::NoRoute, view);
            return true;
        };
        self.snmp.of(to.ip()).udp_out += 1;
        let bound = Some(out.from.ip()).filter(|ip| !ip.is_unspecified() && !ip.is_multicast());
        let from = zoned(bound.unwrap_or(own), out.from.port(), iface);
        let mut frame = Frame { body: out.payload, ..Frame::default() };
        let fill = if out.checksum { checksum::Fill::Complete } else { checksum::Fill::Absent };
        udp::emit(&mut frame.head, from, to, &frame.body, fill);
        let view = PacketView::Udp { src: from, dst: to, len };
        let hops = self.ifaces[usize::from(iface.0)].hops(to.ip());
        let header = Header::new(from.ip(), to.ip(), protocol::UDP).marked(out.mark, hops);
        let looped = (out.loops && to.ip().is_multicast()).then(|| frame.body.clone());
        if !to.ip().is_multicast() || out.mark.ttl != Some(0) {
            let why = (Sent::Datagram, EventId::NONE);
            self.send_packet(now, iface, (header, out.discover), frame, view, why);
        }
        if let Some(payload) = looped {
            self.loop_back(now, iface, header, (from, to), payload);
        }
        true
    }

    /// The largest packet to `dst` in bytes that need not be cut: by what is known of the path, or,
    /// for [`Discover::Probe`], by the first link alone (`IP_MTU`). `None` without a route.
    pub fn mtu_to(&self, now: Instant, dst: IpAddr, discover: Discover) -> Option<u16> {
        let (iface, _) = self.route_to(dst)?;
        Some(self.mtu_by(now, iface, dst, discover))
    }

    /// As [`Stack::mtu_to`], by an interface that is known to lead there.
    pub(super) fn mtu_by(
        &self,
        now: Instant,
        iface: IfaceId,
        dst: IpAddr,
        discover: Discover,
    ) -> u16 {
        let link = self.ifaces[usize::from(iface.0)].mtu(dst);
        let path = self.path_mtu.get(now, dst).filter(|_| discover != Discover::Probe);
        path.map_or(link, |path| path.min(link))
    }

    /// Sends a packet that may be fragmented, unless `discover` forbids it.
    fn send_packet(
        &mut self,
        now: Instant,
        iface: IfaceId,
        (header, discover): (Header, Discover),
        frame: Frame,
        view: PacketView,
        (why, cause): (Sent, EventId),
    ) {
        let dst = header.dst;
        self.snmp.of(dst).out_requests += 1;
        let mtu = usize::from(self.mtu_by(now, iface, dst, discover));
        let whole = frame.len() + ip::header_len(dst) <= mtu;
        if !whole && !discover.may_cut() {
            self.snmp.of(dst).frag_fails += 1;
            self.dropped(now, Why::PathTooNarrow, view);
            return;
        }
        let origin = self.note(now, None, cause, || Event::Out { packet: view, why });
        let uncut = whole && discover != Discover::Dont;
        let id = self.next_ip_ids(dst, header.proto, 1);
        let header = Header { id, df: header.df || uncut, ..header };
        let Some(pieces) = fragment::packets(header, &frame, mtu) else { return };
        self.snmp.of(dst).frag_oks += u64::from(!whole);
        for mut piece in pieces {
            self.snmp.of(dst).frag_creates += u64::from(!whole);
            piece.origin = if whole { origin } else { self.note_fragment(now, &piece, origin) };
            piece.offload = Offload::default();
            self.push(now, iface, piece);
        }
    }

    pub(super) fn note_fragment(&mut self, now: Instant, piece: &Frame, cause: EventId) -> EventId {
        let Ok(mut header) = Header::parse(piece.front(), piece.len()) else { return cause };
        let Ok(()) = header.walk(piece.front()) else { return cause };
        let packet = PacketView::fragment(&header);
        self.note(now, None, cause, || Event::Out { packet, why: Sent::Fragment })
    }

    #[inline]
    pub(super) fn push(&mut self, now: Instant, iface: IfaceId, frame: Frame) {
        if self.has_room(now, &frame) {
            self.put_on_link(now, iface, frame);
        }
    }

    /// Whether the queue towards the devices takes another packet; if not, that one is dropped.
    pub(super) fn has_room(&mut self, now: Instant, frame: &Frame) -> bool {
        let full = self.out.len() >= EGRESS_MAX;
        if full {
            let header = Header::parse(frame.front(), frame.len());
            let view = header
                .map_or_else(|_| PacketView::raw(frame), |h| PacketView::of(h, frame.front()));
            self.discard(now, Why::EgressFull, view);
        }
        !full
    }
}
