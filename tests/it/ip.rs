//! IPv4, ICMP and UDP through a whole host: what is refused and counted, what is answered, what
//! reaches a connection (RFC 1122 §3.2, RFC 791, RFC 792, RFC 768, RFC 5927, RFC 1191).

use crate::support::puppet::{A, HOST, PEER, Puppet, S, SA, ip_packet, mss, tcp_bytes};
use crate::support::seen::scenarios;
use netglass::base::{Chunks, Duration, Frame, Head, IfaceId, Pool, Seq, SocketError, UdpId};
use netglass::stack::ListenOptions;
use netglass::tcp::{Config, State};
use netglass::wire::icmpv4::{Icmpv4, unreachable};
use netglass::wire::ip::{Discover, Header};
use netglass::wire::ipv4::{self, protocol};
use netglass::wire::{checksum::Fill, udp};
use std::net::{Ipv4Addr, SocketAddr};

scenarios![
    bad_headers,
    addresses,
    echo,
    fragments,
    fragments_with_options,
    fragments_that_are_refused,
    unknown_protocols,
    fragments_to_everybody,
    udp_ports,
    udp_receive_buffer,
    udp_broadcast_is_not_answered,
    large_datagrams_are_fragmented,
    errors_are_rate_limited,
    answers_are_bounded,
    hard_errors_end_an_opening,
    soft_errors_end_nothing,
    soft_errors_name_the_reason,
    what_a_router_says_late_is_heeded_at_once,
    errors_that_quote_nothing_of_ours,
    fragmentation_needed,
    fragmentation_needed_without_a_size,
    mtu_discovery_is_a_choice,
];

/// A UDP datagram from the peer, without its IP header.
pub(crate) fn udp_bytes(from: u16, to: u16, body: &[u8]) -> Vec<u8> {
    let mut head = Head::new();
    let (src, dst) = ((PEER, from).into(), (HOST, to).into());
    udp::emit(&mut head, src, dst, &Pool::new().copy(body).into(), Fill::Complete);
    [&head[..], body].concat()
}

/// An ICMP message from the peer, without its IP header.
pub(crate) fn icmp_bytes(message: Icmpv4, body: &[u8]) -> Vec<u8> {
    let mut head = Head::new();
    message.emit(&mut head, &Chunks::from(Pool::new().copy(body)));
    [&head[..], body].concat()
}

pub(crate) fn icmp(message: Icmpv4, body: &[u8]) -> Vec<u8> {
    ip_packet(protocol::ICMP, &icmp_bytes(message, body), |_| ())
}

pub(crate) fn datagram(to: u16, body: &[u8]) -> Vec<u8> {
    ip_packet(protocol::UDP, &udp_bytes(7000, to, body), |_| ())
}

/// Corrects the IP header's checksum after a change.
pub(crate) fn resum(mut packet: Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    change(&mut packet);
    let len = usize::from(packet[0] & 15) * 4;
    packet[10..12].fill(0);
    let sum = netglass::base::checksum::Sum::new().bytes(&packet[..len]).finish();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet
}

/// The packet with IP options, their length a multiple of 4.
pub(crate) fn with_options(packet: &[u8], options: &[u8]) -> Vec<u8> {
    let longer = [&packet[..20], options, &packet[20..]].concat();
    resum(longer, |bytes| {
        bytes[0] += options.len() as u8 / 4;
        let len = bytes.len() as u16;
        bytes[2..4].copy_from_slice(&len.to_be_bytes());
    })
}

/// What the host answers, as an ICMP message and its body.
#[track_caller]
fn answer(p: &mut Puppet) -> (ipv4::Header, Icmpv4, Vec<u8>) {
    let bytes = p.expect_other();
    let ip = ipv4::Header::parse(&bytes, bytes.len()).unwrap();
    assert_eq!(ip.proto, protocol::ICMP);
    let message = Icmpv4::parse([&bytes[ip.header_len..]]).expect("a good checksum");
    (ip, message, bytes[ip.header_len + 8..].to_vec())
}

/// RFC 1122 §3.2.1: silently discarded, and counted.
// Rules: MUST-50.
fn bad_headers() {
    let good = datagram(9, b"body");
    let rows: [(&str, Vec<u8>); 10] = [
        ("IpTruncated", good[..19].to_vec()),
        ("IpTruncated", good[..good.len() - 1].to_vec()),
        ("IpTruncated", Vec::new()),
        ("IpVersion", resum(good.clone(), |b| b[0] = 0x75)),
        ("IpHeaderLength", resum(good.clone(), |b| b[0] = 0x44)),
        ("IpHeaderLength", resum(good.clone(), |b| b[3] = 19)),
        ("IpChecksum", [&good[..8], &[good[8] ^ 1], &good[9..]].concat()),
        ("IpOption", with_options(&good, &[7, 0, 0, 0])),
        ("IpOption", with_options(&good, &[7, 40, 0, 0])),
        ("IpSourceRoute", with_options(&good, &[131, 3, 4, 0])),
    ];
    for (why, packet) in rows {
        let mut p = Puppet::new();
        p.raw(&packet);
        p.expect_no_other();
        assert_eq!((p.drops(why), p.stack.drops().total()), (1, 1), "{why}");
    }
    // Options that are harmless are skipped, padding behind the packet is cut away.
    let mut p = Puppet::new();
    let socket = bound(&mut p);
    p.raw(&with_options(&good, &[1, 1, 1, 0]));
    p.raw(&[&good[..], &[0; 30]].concat());
    assert_eq!((received(&mut p, socket), received(&mut p, socket)), (4, 4));
}

pub(crate) fn bound(p: &mut Puppet) -> UdpId {
    p.stack.bind(p.now, SocketAddr::from((HOST, 9)), false).unwrap()
}

pub(crate) fn received(p: &mut Puppet, socket: UdpId) -> usize {
    p.stack.recv_from(p.now, socket, &mut [0; 2000]).map_or(0, |got| got.len)
}

/// RFC 1122 §3.2.1.3.
fn addresses() {
    let rows: [(&str, Ipv4Addr, Ipv4Addr); 8] = [
        ("NotForUs", PEER, Ipv4Addr::new(10, 0, 0, 3)),
        ("NotForUs", PEER, Ipv4Addr::new(8, 8, 8, 8)),
        ("MartianDestination", PEER, Ipv4Addr::LOCALHOST),
        ("MartianDestination", PEER, Ipv4Addr::UNSPECIFIED),
        ("MartianSource", Ipv4Addr::LOCALHOST, HOST),
        ("MartianSource", Ipv4Addr::new(224, 0, 0, 1), HOST),
        ("MartianSource", Ipv4Addr::BROADCAST, HOST),
        ("OwnSource", HOST, HOST),
    ];
    for (why, src, dst) in rows {
        let mut p = Puppet::new();
        let body = udp_bytes(7000, 9, b"");
        p.raw(&ip_packet(protocol::UDP, &body, |ip| (ip.src, ip.dst) = (src, dst)));
        p.expect_no_other();
        assert_eq!((p.drops(why), p.stack.drops().total()), (1, 1), "{src} > {dst}");
    }
    // An interface that is not there.
    let mut p = Puppet::new();
    p.stack.input(p.now, IfaceId(9), Frame::copied(&Pool::new(), &datagram(9, b"")));
    assert_eq!(p.drops("NotForUs"), 1);
}

/// RFC 1122 §3.2.2.6.
fn echo() {
    for len in [0, 1, 56, 1472, 5_000] {
        let mut p = Puppet::new();
        let body: Vec<u8> = (0..len).map(|n| n as u8).collect();
        p.raw(&icmp(Icmpv4::EchoRequest { id: 7, seq: 3 }, &body));
        if len <= 1472 {
            let (ip, message, same) = answer(&mut p);
            assert_eq!((ip.src, ip.dst, same), (HOST, PEER, body));
            assert_eq!(message, Icmpv4::EchoReply { id: 7, seq: 3 });
        } else {
            let total = (0..4).map(|_| p.expect_other().len() - 20).sum::<usize>();
            assert_eq!(total, len + 8);
        }
        p.expect_no_other();
    }
    let mut p = Puppet::new();
    let request = icmp_bytes(Icmpv4::EchoRequest { id: 7, seq: 3 }, b"");
    let everybody = Ipv4Addr::new(10, 0, 0, 255);
    p.raw(&ip_packet(protocol::ICMP, &request, |ip| ip.dst = everybody));
    assert_eq!(p.drops("IcmpBroadcast"), 1);
    // No way back.
    p.raw(&ip_packet(protocol::ICMP, &request, |ip| ip.src = Ipv4Addr::new(192, 0, 2, 7)));
    assert_eq!(p.drops("NoRoute"), 1);
    let mut broken = icmp(Icmpv4::EchoRequest { id: 7, seq: 3 }, b"x");
    *broken.last_mut().unwrap() ^= 1;
    p.raw(&broken);
    p.raw(&ip_packet(protocol::ICMP, &[8, 0, 0], |_| ()));
    p.raw(&icmp(Icmpv4::Other { kind: 13, code: 0 }, b""));
    p.expect_no_other();
    assert_eq!((p.drops("IcmpChecksum"), p.drops("IcmpTruncated"), p.drops("IcmpType")), (1, 1, 1));
}

/// A piece of a UDP datagram.
pub(crate) fn piece(id: u16, whole: &[u8], from: usize, to: usize) -> Vec<u8> {
    ip_packet(protocol::UDP, &whole[from..to], |ip| {
        (ip.id, ip.offset, ip.mf) = (id, from as u32, to < whole.len());
    })
}

/// RFC 791 §3.2: in any order, with copies, also for TCP.
fn fragments() {
    let whole = udp_bytes(7000, 9, &[5; 100]);
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]] {
        let mut p = Puppet::new();
        let socket = bound(&mut p);
        let cuts = [(0, 40), (40, 80), (80, 108)];
        for n in order {
            assert_eq!(received(&mut p, socket), 0);
            p.raw(&piece(1, &whole, cuts[n].0, cuts[n].1));
            if n != order[2] {
                p.raw(&piece(1, &whole, cuts[n].0, cuts[n].1));
            }
        }
        assert_eq!(received(&mut p, socket), 100, "{order:?}");
    }
    let mut p = Puppet::new();
    p.listen(ListenOptions::default());
    let syn = tcp_bytes(PEER.into(), HOST.into(), &p.header(S, 0, 0, 100, mss(1000)), b"");
    for (from, to) in [(8, 24), (0, 8)] {
        p.raw(&ip_packet(protocol::TCP, &syn[from..to], |ip| {
            (ip.id, ip.offset, ip.mf) = (2, from as u32, to < syn.len());
        }));
    }
    p.expect(SA, 0, 1, 0);
}

fn fragments_that_are_refused() {
    let whole = udp_bytes(7000, 9, &[5; 100]);
    // Overlaps give the datagram up, the rest of it included.
    let mut p = Puppet::new();
    let socket = bound(&mut p);
    p.raw(&piece(1, &whole, 0, 40));
    p.raw(&piece(1, &whole, 32, 80));
    p.raw(&piece(1, &whole, 80, 108));
    assert_eq!((p.drops("FragmentOverlap"), received(&mut p, socket)), (2, 0));
    // The ping of death.
    p.raw(&ip_packet(protocol::ICMP, &[0; 100], |ip| (ip.offset, ip.id) = (65_528, 2)));
    p.raw(&ip_packet(protocol::ICMP, &[0; 99], |ip| (ip.mf, ip.id) = (true, 3)));
    assert_eq!(p.drops("FragmentRange"), 2);
    // Congestion experienced here, ECN not spoken there.
    for (from, to, tos) in [(0, 40, 3), (40, 108, 0)] {
        p.raw(&ip_packet(protocol::UDP, &whole[from..to], |ip| {
            (ip.id, ip.offset, ip.mf, ip.tos) = (4, from as u32, to < 108, tos);
        }));
    }
    assert_eq!(p.drops("FragmentEcn"), 1);
    // What is not complete in time is told, when its first fragment came.
    for id in [5, 6] {
        let (from, to) = if id == 5 { (0, 40) } else { (40, 80) };
        p.raw(&piece(id, &whole, from, to));
    }
    p.advance(29_999);
    p.expect_no_other();
    p.advance(1);
    let (_, message, quoted) = answer(&mut p);
    assert_eq!(message, Icmpv4::TimeExceeded { code: 1 });
    assert_eq!(quoted[20..60], whole[..40]);
    p.expect_no_other();
    assert_eq!(p.drops("ReassemblyTimeout"), 2);
    // Bounded: the oldest makes room.
    for n in 0..5_000u16 {
        p.raw(&piece(1_000 + n, &whole, 0, 40));
    }
    assert!(p.drops("FragmentLimit") > 0);
}

/// RFC 1122 §3.2.2: no error is sent about what everybody got, however late.
fn fragments_to_everybody() {
    for dst in [Ipv4Addr::BROADCAST, Ipv4Addr::new(10, 0, 0, 255), Ipv4Addr::new(224, 0, 0, 1)] {
        let mut p = Puppet::new();
        p.raw(&ip_packet(protocol::UDP, &[0; 40], |ip| {
            (ip.id, ip.mf, ip.dst) = (1, true, dst);
        }));
        p.advance(31_000);
        assert_eq!((p.drops("ReassemblyTimeout"), p.drops("IcmpNotAbout")), (1, 1));
        p.expect_no_other();
    }
}

/// RFC 1122 §3.2.2.1.
fn unknown_protocols() {
    let mut p = Puppet::new();
    let packet = ip_packet(132, &[9; 2_000][..1_000], |_| ());
    p.raw(&packet);
    let (_, message, quoted) = answer(&mut p);
    assert_eq!(message, Icmpv4::Unreachable { code: unreachable::PROTOCOL, mtu: 0 });
    assert_eq!(quoted, packet[..548], "as much as fits in 576 bytes (RFC 1812 §4.3.2.3)");
    assert_eq!(p.drops("NoProtocol"), 1);
}

/// RFC 1122 §4.1.3.1, §4.1.3.4.
fn udp_ports() {
    let mut p = Puppet::new();
    let packet = datagram(9, b"nobody");
    p.raw(&packet);
    let (_, message, quoted) = answer(&mut p);
    assert_eq!(message, Icmpv4::Unreachable { code: unreachable::PORT, mtu: 0 });
    assert_eq!((quoted, p.drops("UdpNoPort")), (packet, 1));
    let socket = bound(&mut p);
    p.raw(&datagram(9, b"here"));
    assert_eq!(received(&mut p, socket), 4);
    let mut broken = datagram(9, b"here");
    *broken.last_mut().unwrap() ^= 1;
    p.raw(&broken);
    let mut short = udp_bytes(7000, 9, b"here");
    short[5] = 7;
    p.raw(&ip_packet(protocol::UDP, &short, |_| ()));
    p.raw(&ip_packet(protocol::UDP, &short[..5], |_| ()));
    assert_eq!((p.drops("UdpChecksum"), p.drops("UdpLength")), (1, 2));
    // No checksum is a good one in IPv4.
    let mut bare = udp_bytes(7000, 9, b"here");
    bare[6..8].fill(0);
    p.raw(&ip_packet(protocol::UDP, &bare, |_| ()));
    assert_eq!(received(&mut p, socket), 4);
    p.expect_no_other();
    // Connected, it hears its peer and errors only.
    p.stack.connect_udp(p.now, socket, SocketAddr::from((PEER, 7001))).unwrap();
    p.raw(&datagram(9, b"here"));
    assert_eq!((received(&mut p, socket), p.drops("UdpNotPeer")), (0, 1));
    p.take_others();
    p.stack.send_to(p.now, socket, None, b"hello").unwrap();
    p.pump();
    let sent = p.expect_other();
    p.raw(&icmp(Icmpv4::Unreachable { code: unreachable::PORT, mtu: 0 }, &sent));
    let error = p.stack.recv_from(p.now, socket, &mut [0; 10]);
    assert_eq!(error.map(|_| ()), Err(SocketError::Refused));
}

// Rules: 6633-3-1.
fn udp_receive_buffer() {
    let mut p = Puppet::new();
    let socket = bound(&mut p);
    for _ in 0..1_000 {
        p.raw(&datagram(9, &[1; 1_000]));
    }
    p.expect_nothing(); // no Source Quench (RFC 6633)
    assert!(p.drops("UdpBufferFull") > 500);
    assert_eq!(received(&mut p, socket), 1_000);
}

/// RFC 1122 §3.2.2: no error about what everybody heard; many sockets may hear it.
fn udp_broadcast_is_not_answered() {
    let mut p = Puppet::new();
    let body = udp_bytes(7000, 9, b"all");
    let mut everybody = body.clone();
    everybody[6..8].fill(0);
    let to = Ipv4Addr::new(10, 0, 0, 255);
    p.raw(&ip_packet(protocol::UDP, &everybody, |ip| ip.dst = to));
    p.expect_no_other();
    assert_eq!(p.drops("UdpNoPort"), 1, "nobody heard it, and that is told");
    // An ICMP error about a packet that may not have one.
    p.raw(&ip_packet(132, b"", |ip| ip.dst = to));
    p.expect_no_other();
    assert_eq!(p.drops("IcmpNotAbout"), 1);
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9));
    let sockets = [true, true].map(|reuse| p.stack.bind(p.now, any, reuse).unwrap());
    p.raw(&ip_packet(protocol::UDP, &everybody, |ip| ip.dst = to));
    assert_eq!(sockets.map(|socket| received(&mut p, socket)), [3, 3]);
}

fn large_datagrams_are_fragmented() {
    let mut p = Puppet::new();
    let socket = bound(&mut p);
    let to = SocketAddr::from((PEER, 7000));
    p.stack.send_to(p.now, socket, Some(to), &[3; 4_000]).unwrap();
    p.pump();
    let mut offset = 0;
    for last in [false, false, true] {
        let bytes = p.expect_other();
        let ip = ipv4::Header::parse(&bytes, bytes.len()).unwrap();
        assert!(bytes.len() <= 1_500 && ip.mf != last && ip.offset == offset);
        offset += ip.payload_len() as u32;
    }
    assert_eq!(offset, 4_008);
    p.expect_no_other();
}

/// RFC 1812 §4.3.2.8.
fn errors_are_rate_limited() {
    let mut p = Puppet::new();
    for _ in 0..60 {
        p.raw(&datagram(9, b""));
    }
    assert_eq!((p.take_others().len(), p.drops("IcmpRateLimit")), (50, 10));
    p.advance(10);
    for _ in 0..60 {
        p.raw(&datagram(9, b""));
    }
    assert_eq!(p.take_others().len(), 10);
}

/// The queue towards the device is bounded, whoever fills it.
fn answers_are_bounded() {
    let mut p = Puppet::new();
    p.batch = true;
    for _ in 0..5_000 {
        p.raw(&icmp(Icmpv4::EchoRequest { id: 1, seq: 1 }, b""));
    }
    p.pump();
    assert_eq!((p.take_others().len(), p.drops("EgressFull")), (4_096, 904));
}

/// The quotation of the last segment that the host sent.
pub(crate) fn quote(packet: &[u8]) -> &[u8] {
    &packet[..28]
}

pub(crate) fn error(code: u8, mtu: u16, quoted: &[u8]) -> Vec<u8> {
    icmp(Icmpv4::Unreachable { code, mtu }, quoted)
}

/// SHLD-26; MUST-56: protocol and port unreachable refuse a SYN, as do those who forbid it; the
/// others are patience's reason.
fn hard_errors_end_an_opening() {
    for (code, expected) in [
        (unreachable::PROTOCOL, Some(SocketError::Refused)),
        (unreachable::PORT, Some(SocketError::Refused)),
        (9, Some(SocketError::NetworkUnreachable)),
        (10, Some(SocketError::HostUnreachable)),
        (13, Some(SocketError::HostUnreachable)),
        (unreachable::HOST, None),
        (unreachable::NET, None),
    ] {
        let mut p = Puppet::new();
        p.connect();
        let syn = p.expect(S, 0, 0, 0);
        p.raw(&error(code, 0, quote(&syn.packet)));
        let conn = p.conn.unwrap();
        let state = if expected.is_some() { State::Closed } else { State::SynSent };
        assert_eq!(p.state(), state, "code {code}");
        let told = p.stack.read(p.now, conn, &mut [0; 1]);
        assert_eq!(told, Err(expected.unwrap_or(SocketError::WouldBlock)));
    }
    let mut p = Puppet::new();
    p.connect();
    p.expect(S, 0, 0, 0);
    p.inject(S, 0, 0, 1000, mss(1000), b"");
    let syn = p.expect(SA, 0, 1, 0);
    p.raw(&error(unreachable::PORT, 0, quote(&syn.packet)));
    assert_eq!(p.state(), State::Closed);
}

/// SHLD-25: when nobody answers, the user hears what ICMP said.
// Rules: MUST-47.
fn soft_errors_name_the_reason() {
    for (code, reason) in [
        (unreachable::NET, SocketError::NetworkUnreachable),
        (unreachable::HOST, SocketError::HostUnreachable),
    ] {
        let mut p = Puppet::new();
        p.connect();
        let syn = p.expect(S, 0, 0, 0);
        p.raw(&error(code, 0, quote(&syn.packet)));
        p.advance(126_999);
        assert_eq!(p.state(), State::SynSent);
        p.advance(1);
        let told = p.stack.read(p.now, p.conn.unwrap(), &mut [0; 1]);
        assert_eq!((p.state(), told), (State::Closed, Err(reason)));
    }
    // A sign of life takes it back.
    let mut p = Puppet::with(|c| c.retries2 = 1).in_state(State::Established, false);
    p.write(10);
    let sent = p.expect(A, 1, 1, 10);
    p.raw(&error(unreachable::HOST, 0, quote(&sent.packet)));
    p.ack(1);
    p.advance(10_000);
    let told = p.stack.read(p.now, p.conn.unwrap(), &mut [0; 1]);
    assert_eq!(told, Err(SocketError::TimedOut));
}

/// RFC 6069 §4: the timeout that was doubled for nothing is over already.
fn what_a_router_says_late_is_heeded_at_once() {
    let linux = |c: &mut Config| c.lineage = netglass::tcp::Lineage::Linux;
    let mut p = Puppet::with(linux).in_state(State::Established, false);
    p.write(10);
    p.expect_at(0, A, 1, 1, 10);
    p.advance(200);
    let sent = p.expect_at(200, A, 1, 1, 10);
    p.advance(250);
    p.raw(&error(unreachable::HOST, 0, quote(&sent.packet)));
    p.advance(1);
    p.expect_at(450, A, 1, 1, 10);
}

/// MUST-56: "MUST NOT abort the connection".
// Rules: MUST-55, 5927-5.2-1, 5927-6.2-1, 6633-3-2.
fn soft_errors_end_nothing() {
    let mut p = Puppet::new().in_state(State::Established, false);
    p.write(10);
    let sent = p.expect(A, 1, 1, 10);
    for code in 0..16 {
        p.raw(&error(code, 1_500, quote(&sent.packet)));
    }
    p.raw(&icmp(Icmpv4::TimeExceeded { code: 0 }, quote(&sent.packet)));
    p.raw(&icmp(Icmpv4::ParameterProblem { pointer: 0 }, quote(&sent.packet)));
    // Source quench means nothing any more (MUST-55, RFC 6633).
    p.raw(&icmp(Icmpv4::Other { kind: 4, code: 0 }, quote(&sent.packet)));
    p.expect_nothing();
    assert_eq!(p.state(), State::Established);
    p.ack(11);
    assert_eq!(p.info().unacked, 0);
}

/// RFC 5927 §4.1: an error must quote what is in flight.
// Rules: MUST-54, 5927-4.1-1.
fn errors_that_quote_nothing_of_ours() {
    let mut p = Puppet::new().in_state(State::Established, false);
    p.write(10);
    let sent = p.expect(A, 1, 1, 10).packet;
    let with_seq = |seq: Seq| {
        let mut quoted = quote(&sent).to_vec();
        quoted[24..28].copy_from_slice(&seq.0.to_be_bytes());
        quoted
    };
    for seq in [p.iss, p.iss + 11, p.iss + 5_000_000] {
        p.raw(&error(unreachable::FRAGMENTATION_NEEDED, 600, &with_seq(seq)));
    }
    assert_eq!((p.drops("IcmpOutOfWindow"), p.info().pmtu), (3, 1_500));
    let mut stranger = quote(&sent).to_vec();
    stranger[21] ^= 1;
    p.raw(&error(unreachable::PORT, 0, &stranger));
    let mut fragment = quote(&sent).to_vec();
    fragment[7] = 9;
    p.raw(&error(unreachable::PORT, 0, &fragment));
    let mut gre = quote(&sent).to_vec();
    gre[9] = 47;
    p.raw(&error(unreachable::PORT, 0, &gre));
    assert_eq!(p.drops("IcmpNoSocket"), 3);
    p.raw(&error(unreachable::PORT, 0, &sent[..27]));
    assert_eq!(p.drops("IcmpTruncated"), 1);
    p.expect_nothing();
}

/// RFC 1191 §6.4: smaller segments, and what was too large is sent again at once.
// Rules: SHLD-6, 1191-3-1, 1191-3-3.
fn fragmentation_needed() {
    let mut p = Puppet::with(|c| c.nagle = false).open(mss(1460));
    p.write(4_000);
    let sent = p.take_all();
    assert_eq!(sent[0].len(), 1_460);
    p.raw(&error(unreachable::FRAGMENTATION_NEEDED, 600, quote(&sent[0].packet)));
    let again = p.take_all();
    assert!(again.iter().all(|got| got.packet.len() <= 600 && got.len() <= 560));
    assert_eq!((again[0].seq, again[0].len()), (1, 560));
    assert_eq!((p.info().pmtu, p.info().snd_mss), (600, 560));
    let covered: usize = again.iter().map(|got| got.len()).sum();
    assert_eq!(covered, 4_000);
    // Larger or absurd values change nothing.
    for mtu in [20, 68, 600, 1_400] {
        p.raw(&error(unreachable::FRAGMENTATION_NEEDED, mtu, quote(&again[0].packet)));
        assert_eq!(p.info().pmtu, 600, "{mtu}");
    }
    p.ack(4_001);
    p.expect_nothing();
    p.advance(Duration::from_secs(60).as_millis() as u64);
    p.expect_nothing();
}

/// IP_MTU_DISCOVER: who lets routers cut has packets with numbers of their own, and who believes
/// nobody sends on as before.
// Rules: 1191-3-1.
fn mtu_discovery_is_a_choice() {
    for (discover, df, pmtu) in [
        (Discover::Want, true, 600),
        (Discover::Do, true, 600),
        (Discover::Dont, false, 1_500),
        (Discover::Probe, true, 1_500),
    ] {
        let mut p = Puppet::new().open(mss(1460));
        let conn = p.conn.unwrap();
        let config = p.stack.config(conn).unwrap().clone();
        p.stack.configure(p.now, conn, Config { mtu_discover: discover, ..config }).unwrap();
        p.batch = true; // what it sends may be cut: the puppet would not have it
        p.stack.write(p.now, conn, &[7; 2_920]).unwrap();
        let mut sent = std::iter::from_fn(|| p.stack.output(p.now)).map(|(_, frame)| {
            let bytes = frame.to_vec();
            let header = Header::parse(&bytes, bytes.len()).unwrap();
            (header.df, header.id, bytes)
        });
        let (first, second) = (sent.next().unwrap(), sent.next().unwrap());
        assert_eq!((first.0, second.0, sent.next().is_some()), (df, df, false), "{discover:?}");
        assert_eq!(second.1 - first.1, u32::from(!df), "{discover:?}");
        drop(sent);
        p.raw(&error(unreachable::FRAGMENTATION_NEEDED, 600, quote(&first.2)));
        assert_eq!(p.info().pmtu, pmtu, "{discover:?}");
    }
}

/// RFC 1191 §5, §7.1: an old router does not say how wide the path is; plateau by plateau, what
/// gets through is found.
// Rules: 1191-5-1.
fn fragmentation_needed_without_a_size() {
    let mut p = Puppet::with(|c| c.nagle = false).open(mss(1460));
    p.write(4_000);
    // A router that counts the header twice, as the length that is believed allows no less.
    for mtu in [1_006, 508, 296, 296] {
        let first = p.take_all()[0].clone();
        p.raw(&error(unreachable::FRAGMENTATION_NEEDED, 0, quote(&first.packet)));
        assert_eq!(p.info().pmtu, mtu);
        if mtu == 296 {
            break;
        }
    }
    assert!(p.take_all().iter().all(|got| got.packet.len() <= 296));
    // Datagrams learn it, too.
    let mut p = Puppet::new();
    let socket = bound(&mut p);
    p.stack.connect_udp(p.now, socket, (PEER, 9).into()).unwrap();
    p.stack.send_to(p.now, socket, None, &[0; 1400]).unwrap();
    p.pump();
    let sent = p.expect_other();
    p.raw(&error(unreachable::FRAGMENTATION_NEEDED, 0, quote(&sent)));
    let heard = p.stack.send_to(p.now, socket, None, &[0; 1400]);
    assert_eq!(heard, Err(SocketError::MessageTooLong));
    p.stack.send_to(p.now, socket, None, &[0; 1400]).unwrap();
    p.pump();
    let pieces = p.take_others();
    assert_eq!(pieces.iter().map(Vec::len).max(), Some(1_004), "1006, in eights");
}

/// RFC 1122 §3.2.1.8: options are ignored, also those of fragments, and what they precede is read
/// from its own beginning.
fn fragments_with_options() {
    let whole = udp_bytes(7000, 9, &[5; 100]);
    for options in [[&[1u8, 1, 1, 0][..], &[]], [&[], &[7, 7, 4, 0, 0, 0, 0, 1]]] {
        let mut p = Puppet::new();
        let socket = bound(&mut p);
        for ((from, to), options) in [(0, 40), (40, 108)].into_iter().zip(options) {
            p.raw(&with_options(&piece(1, &whole, from, to), options));
        }
        assert_eq!(received(&mut p, socket), 100, "{:?}", p.stack.drops());
    }
}
