//! What a host tells: the records that every view is computed from.

use crate::base::{ConnId, EventId, Frame, IfaceId, Instant, Limit, SocketError, Why};
use crate::link;
use crate::tcp;
use crate::tcp::{Outcome, SegmentView};
use crate::wire::arp::Arp;
use crate::wire::ethernet;
use crate::wire::icmp::Icmp;
use crate::wire::icmpv4::Icmpv4;
use crate::wire::icmpv6::Icmpv6;
use crate::wire::ip;
use crate::wire::ipv4::protocol;
use crate::wire::membership::Membership;
use crate::wire::nd::Nd;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// One event of a host, with its place in time and in the web of causes.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// Its number among the host's events.
    pub id: EventId,
    /// When.
    pub at: Instant,
    /// The connection it belongs to.
    pub conn: Option<ConnId>,
    /// What led to it; [`EventId::NONE`] fills up.
    pub causes: [EventId; 2],
    /// What happened.
    pub event: Event,
}

/// What happened on a host.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// A connection got its number: later records name it by that.
    Conn {
        /// Our address and port.
        local: SocketAddr,
        /// The peer's.
        remote: SocketAddr,
    },
    /// Something happened in the record's connection.
    Tcp(tcp::Event),
    /// A segment that belongs to no connection's block (closed port, listener, half-open) arrived.
    StrayIn {
        /// Our address and port.
        local: SocketAddr,
        /// The peer's.
        remote: SocketAddr,
        /// The segment.
        seg: SegmentView,
        /// How its processing ended.
        outcome: Outcome,
    },
    /// A segment was sent without a connection's block.
    StrayOut {
        /// Our address and port.
        local: SocketAddr,
        /// The peer's.
        remote: SocketAddr,
        /// The segment.
        seg: SegmentView,
        /// Why.
        reply: tcp::Reply,
    },
    /// Something happened in a listener: it opened or closed; or in a connection that is half open
    /// there.
    Listener {
        /// Where it listens, or the half-open connection's own address.
        local: SocketAddr,
        /// The half-open connection's peer.
        remote: Option<SocketAddr>,
        /// What happened.
        event: tcp::Event,
    },
    /// A packet without a connection arrived and was accepted.
    In(PacketView),
    /// A packet without a connection was sent.
    Out {
        /// The packet.
        packet: PacketView,
        /// Why.
        why: Sent,
    },
    /// A packet for somebody else was passed on.
    Forwarded {
        /// The packet as it came.
        packet: PacketView,
        /// The name of the interface it came by.
        from: Arc<str>,
        /// The name of the interface it leaves by.
        to: Arc<str>,
        /// The hops that it may still take.
        ttl: u8,
    },
    /// Something was dropped.
    Dropped {
        /// Why.
        why: Why,
        /// As much of it as could be read.
        packet: PacketView,
    },
    /// Something happened on an interface's link.
    Link {
        /// The interface.
        iface: IfaceId,
        /// What happened.
        event: link::Event,
    },
    /// An application called.
    Call {
        /// What.
        call: Call,
        /// The number the call returned (bytes, or 0), or why it failed.
        result: Result<u64, SocketError>,
    },
    /// A service's connection has hit a limit of its policy.
    Limit {
        /// Which.
        limit: Limit,
    },
}

/// What a packet looked like.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum PacketView {
    /// Not readable as a packet.
    Raw {
        /// What its first four bits say; 0 when it has none.
        version: u8,
        /// Bytes.
        len: u32,
    },
    /// An Ethernet frame whose content is not shown.
    Ethernet {
        /// Its header.
        header: ethernet::Header,
        /// Bytes, header included.
        len: u32,
    },
    /// An ARP packet.
    Arp {
        /// The packet.
        arp: Arp,
        /// Bytes behind the Ethernet header, padding included.
        len: u32,
    },
    /// An IP packet of a protocol not shown in detail.
    Ip {
        /// Source address.
        src: IpAddr,
        /// Destination address.
        dst: IpAddr,
        /// Protocol number.
        proto: u8,
        /// Bytes behind the IP header.
        len: u32,
    },
    /// A fragment.
    Fragment {
        /// Source address.
        src: IpAddr,
        /// Destination address.
        dst: IpAddr,
        /// Identification.
        id: u32,
        /// Offset in bytes.
        offset: u32,
        /// Bytes behind the IP header.
        len: u32,
        /// Whether more fragments follow.
        more: bool,
    },
    /// A message of neighbour discovery.
    Nd {
        /// Source address.
        src: IpAddr,
        /// Destination address.
        dst: IpAddr,
        /// The message.
        nd: Nd,
        /// Bytes behind the IP header.
        len: u32,
    },
    /// A message about groups.
    Membership {
        /// Source address.
        src: IpAddr,
        /// Destination address.
        dst: IpAddr,
        /// The message.
        message: Membership,
        /// Bytes behind the IP header.
        len: u32,
    },
    /// An ICMP message.
    Icmp {
        /// Source address.
        src: IpAddr,
        /// Destination address.
        dst: IpAddr,
        /// The message.
        message: Icmp,
        /// Bytes behind the IP header.
        len: u32,
    },
    /// A UDP datagram.
    Udp {
        /// Source address and port.
        src: SocketAddr,
        /// Destination address and port.
        dst: SocketAddr,
        /// Payload bytes.
        len: u32,
    },
    /// A TCP segment that could not be given to a connection.
    Tcp {
        /// Source address and port.
        src: SocketAddr,
        /// Destination address and port.
        dst: SocketAddr,
        /// Bytes behind the IP header.
        len: u32,
    },
}

impl PacketView {
    /// A frame of which no more is known than its first bits.
    pub(super) fn raw(frame: &Frame) -> PacketView {
        let version = frame.front().first().map_or(0, |first| first >> 4);
        PacketView::Raw { version, len: frame.len() as u32 }
    }

    /// A packet in as much detail as `front`, its first bytes, give.
    pub(super) fn of(mut header: ip::Header, front: &[u8]) -> PacketView {
        if header.walk(front).is_err() {
            return PacketView::ip(&header);
        }
        if header.is_fragment() {
            return PacketView::fragment(&header);
        }
        let ip::Header { src, dst, proto, header_len, .. } = header;
        let len = header.payload_len() as u32;
        let Some([a, b, c, d, rest @ ..]) =
            front.get(header_len..).and_then(|transport| transport.first_chunk::<8>())
        else {
            return PacketView::ip(&header);
        };
        let from = SocketAddr::new(src, u16::from_be_bytes([*a, *b]));
        let to = SocketAddr::new(dst, u16::from_be_bytes([*c, *d]));
        let bytes = [*a, *b, *c, *d, rest[0], rest[1], rest[2], rest[3]];
        match proto {
            protocol::TCP => PacketView::Tcp { src: from, dst: to, len },
            protocol::UDP => PacketView::Udp { src: from, dst: to, len: len.saturating_sub(8) },
            protocol::ICMP if dst.is_ipv4() => {
                PacketView::Icmp { src, dst, message: Icmp::V4(Icmpv4::read(&bytes)), len }
            }
            protocol::ICMPV6 if dst.is_ipv6() => {
                PacketView::Icmp { src, dst, message: Icmp::V6(Icmpv6::read(&bytes)), len }
            }
            _ => PacketView::ip(&header),
        }
    }

    /// A packet as its header has it.
    pub(super) fn ip(header: &ip::Header) -> PacketView {
        PacketView::Ip {
            src: header.src,
            dst: header.dst,
            proto: header.proto,
            len: header.payload_len() as u32,
        }
    }

    /// A fragment as its header has it.
    pub(super) fn fragment(header: &ip::Header) -> PacketView {
        PacketView::Fragment {
            src: header.src,
            dst: header.dst,
            id: header.id,
            offset: header.offset,
            len: header.payload_len() as u32,
            more: header.more,
        }
    }
}

crate::explained! {
    /// Why a packet that is not TCP is sent.
    #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
    pub enum Sent {
        /// Answer to an echo request.
        EchoReply = "EchoReply", "RFC 1122 §3.2.2.6", "an echo request is answered with the same data";
        /// An application pings.
        EchoRequest = "EchoRequest", "RFC 792", "the application asks whether the host answers";
        /// An application sent a datagram.
        Datagram = "Datagram", "RFC 768", "the application sent one datagram";
        /// An application made the packet.
        Raw = "Raw", "RFC 1122 §3.3.1", "the application made this packet itself, its source address, too";
        /// A fragment of a packet larger than the MTU.
        Fragment = "Fragment", "RFC 791 §3.2", "the packet is larger than the link's MTU";
        /// No socket on that UDP port.
        PortUnreachable = "PortUnreachable", "RFC 1122 §4.1.3.1", "no socket listens on that UDP port";
        /// No such protocol.
        ProtocolUnreachable = "ProtocolUnreachable", "RFC 1122 §3.2.2.1", "no protocol of that number is here";
        /// Fragments did not all arrive.
        ReassemblyTimeExceeded = "ReassemblyTimeExceeded", "RFC 1122 §3.3.2", "the datagram's other fragments did not come in time";
        /// A header that makes no sense, or asks for a refusal.
        ParameterProblem = "ParameterProblem", "RFC 4443 §3.4; RFC 8200 §4", "a header is impossible here, or asks that its sender be told";
        /// A packet was one hop too far from home.
        TimeExceeded = "TimeExceeded", "RFC 1812 §5.3.1; RFC 4443 §3.3", "the packet has taken as many hops as it may";
        /// There is no way on.
        NetworkUnreachable = "NetworkUnreachable", "RFC 1812 §5.2.7.1; RFC 4443 §3.1", "this router has no route to the packet's destination";
        /// The next hop does not answer, or would be the last one.
        HostUnreachable = "HostUnreachable", "RFC 1812 §5.2.7.1; RFC 4443 §3.1", "the packet's destination, or the next hop to it, is not there";
        /// The next link is too narrow.
        PacketTooBig = "PacketTooBig", "RFC 1191 §4; RFC 4443 §3.2", "the packet is larger than the next link's MTU and may not be cut here";
        /// An address of another link.
        BeyondScope = "BeyondScope", "RFC 4443 §3.1; RFC 4291 §2.5.6", "the packet's source address means nothing where it is going";
        /// There is a better first hop.
        Redirect = "Redirect", "RFC 1812 §5.2.7.2; RFC 4861 §8.2", "the packet leaves by the link that it came by: its sender can reach the next hop itself";
        /// Everybody is asked for a neighbour.
        ArpRequest = "ArpRequest", "RFC 826", "a packet is to be sent there, and nobody knows where that is";
        /// A known neighbour is asked whether it is there.
        ArpPoll = "ArpPoll", "RFC 1122 §2.3.2.1; RFC 4861 §7.3.3", "there was no sign of life from the neighbour for a time";
        /// Somebody asked for us.
        ArpReply = "ArpReply", "RFC 826", "the address asked for is ours";
        /// Nobody may have an address before we use it.
        ArpProbe = "ArpProbe", "RFC 5227 §2.1.1", "an address is asked for before it is used";
        /// Everybody is told of our address.
        ArpAnnouncement = "ArpAnnouncement", "RFC 5227 §2.3", "everybody is told who has the address from now on";
        /// Somebody else claims our address.
        ArpDefence = "ArpDefence", "RFC 5227 §2.4", "another interface claims an address of ours, so everybody is told again";
        /// Everybody is asked for a neighbour.
        NeighborSolicit = "NeighborSolicit", "RFC 4861 §7.2.2", "a packet is to be sent there, and nobody knows where that is";
        /// A known neighbour is asked whether it is there.
        NeighborPoll = "NeighborPoll", "RFC 4861 §7.3.3", "there was no sign of life from the neighbour for a time";
        /// Somebody asked for us.
        NeighborAdvert = "NeighborAdvert", "RFC 4861 §7.2.4", "the address asked for is ours";
        /// Nobody may have an address before we use it.
        NeighborProbe = "NeighborProbe", "RFC 4862 §5.4.2", "an address is asked for before it is used";
        /// The routers are told of our address.
        NeighborAnnouncement = "NeighborAnnouncement", "RFC 9131 §6.1.2", "routers are told who has the address from now on";
        /// Routers are asked to tell about the link.
        RouterSolicit = "RouterSolicit", "RFC 4861 §6.3.7; RFC 7559", "routers are asked for, so that they tell about the link at once";
        /// The link is told of its router.
        RouterAdvert = "RouterAdvert", "RFC 4861 §6.2.4, §6.2.6", "hosts are told of their router and the link's prefixes, now and then or because one asked";
        /// Routers are told of a group that was joined.
        GroupJoined = "GroupJoined", "RFC 3376 §5.1; RFC 3810 §6.1; RFC 2236 §3", "a group was joined, so routers are told that a member is here";
        /// Routers are told of a group that was left.
        GroupLeft = "GroupLeft", "RFC 3376 §5.1; RFC 3810 §6.1; RFC 2236 §3", "a group was left, so routers are told to look for other members";
        /// A router's question is answered.
        GroupAnswer = "GroupAnswer", "RFC 3376 §5.2; RFC 3810 §6.2; RFC 2236 §3", "a router asked which groups have members here";
    }
}

/// A call of an application.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// listen() on an address.
    Listen {
        /// Where.
        local: SocketAddr,
        /// How many connections may wait.
        backlog: u32,
    },
    /// connect() to an address.
    Connect {
        /// Where to.
        remote: SocketAddr,
    },
    /// accept() returned this connection.
    Accept,
    /// read() of up to so many bytes; 0 as result is the peer's close.
    Read {
        /// Room for bytes.
        max: u32,
    },
    /// write() of so many bytes.
    Write {
        /// Bytes offered.
        len: u32,
    },
    /// shutdown() of the sending side.
    Shutdown,
    /// close().
    Close,
    /// abort().
    Abort,
    /// close() of a listener.
    CloseListener {
        /// Where it listened.
        local: SocketAddr,
    },
    /// bind() of a UDP socket.
    Bind {
        /// Where.
        local: SocketAddr,
    },
    /// sendto().
    SendTo {
        /// Where to.
        remote: SocketAddr,
        /// Bytes.
        len: u32,
    },
    /// recvfrom().
    RecvFrom {
        /// Who sent it.
        remote: SocketAddr,
    },
    /// A socket joins a group (`IP_ADD_MEMBERSHIP`, `IPV6_JOIN_GROUP`).
    JoinGroup {
        /// Which.
        group: IpAddr,
    },
    /// A socket leaves a group (`IP_DROP_MEMBERSHIP`, `IPV6_LEAVE_GROUP`).
    LeaveGroup {
        /// Which.
        group: IpAddr,
    },
}

impl Call {
    /// The call's name as a socket user knows it.
    pub fn name(&self) -> &'static str {
        match self {
            Call::Listen { .. } => "listen",
            Call::Connect { .. } => "connect",
            Call::Accept => "accept",
            Call::Read { .. } => "read",
            Call::Write { .. } => "write",
            Call::Shutdown => "shutdown",
            Call::Close | Call::CloseListener { .. } => "close",
            Call::Abort => "abort",
            Call::Bind { .. } => "bind",
            Call::SendTo { .. } => "sendto",
            Call::RecvFrom { .. } => "recvfrom",
            Call::JoinGroup { .. } => "join",
            Call::LeaveGroup { .. } => "leave",
        }
    }
}
