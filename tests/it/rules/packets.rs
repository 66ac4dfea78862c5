//! IP, ICMP and UDP: what is dropped, what is answered and what is sent.

use super::cases;
use crate::ip::{
    bound, datagram, error, icmp, icmp_bytes, piece, quote, received, resum, udp_bytes,
};
use crate::support::puppet::{A, HOST, PEER, Puppet, ip_packet};
use netglass::base::Seq;
use netglass::tcp::State;
use netglass::wire::icmpv4::{Icmpv4, unreachable};
use netglass::wire::ip::Discover;
use netglass::wire::ipv4::{Header, protocol};
use std::net::{Ipv4Addr, SocketAddr};

cases! {
    "Why::IpTruncated" => changed(|b| b.truncate(31)); changed(|_| ()) => "In",
    "Why::IpVersion" => changed(|b| b[0] = 0x75); changed(|b| b[0] = 0x45) => "In",
    "Why::IpHeaderLength" => changed(|b| b[0] = 0x44); changed(|b| b[0] = 0x45) => "In",
    "Why::IpChecksum" => broken(1); broken(0) => "In",
    "Why::IpOption" => with_option([7, 2, 4]); with_option([7, 3, 4]) => "In",
    "Why::IpSourceRoute" => with_option([131, 3, 4]); with_option([7, 3, 4]) => "In",
    "Why::MartianSource" => from_to([224, 0, 0, 1], [10, 0, 0, 1]);
        from_to([10, 0, 0, 2], [10, 0, 0, 1]) => "In",
    "Why::MartianDestination" => from_to([10, 0, 0, 2], [127, 0, 0, 1]);
        from_to([10, 0, 0, 2], [10, 0, 0, 1]) => "In",
    "Why::OwnSource" => from_to([10, 0, 0, 1], [10, 0, 0, 1]);
        from_to([10, 0, 0, 2], [10, 0, 0, 1]) => "In",
    "Why::NotForUs" => from_to([10, 0, 0, 2], [10, 0, 0, 3]);
        from_to([10, 0, 0, 2], [10, 0, 0, 1]) => "In",
    "Why::NoProtocol" => of_protocol(132, HOST); of_protocol(17, HOST) => "In",
    "Why::FragmentRange" => pieces([(0, 39), (40, 108)], [0; 2]);
        pieces([(0, 40), (40, 108)], [0; 2]) => "In",
    "Why::FragmentOverlap" => pieces([(0, 40), (32, 108)], [0; 2]);
        pieces([(0, 40), (40, 108)], [0; 2]) => "In",
    "Why::FragmentEcn" => pieces([(0, 40), (40, 108)], [3, 0]);
        pieces([(0, 40), (40, 108)], [3, 3]) => "In",
    "Why::FragmentLimit" => first_pieces(1_964); first_pieces(1_963) => "Why::ReassemblyTimeout",
    "Why::ReassemblyTimeout" => the_rest_comes_after(30_000);
        the_rest_comes_after(29_999) => "In",
    "Why::PathTooNarrow" => narrows_to(1_400); narrows_to(1_500) => "Sent::Datagram",
    "Why::NoRoute" => echo(Ipv4Addr::new(192, 0, 2, 7), HOST); echo(PEER, HOST) => "Sent::EchoReply",

    "Why::IcmpTruncated" => icmp_message(|b| b.truncate(3)); icmp_message(|_| ()) => "Sent::EchoReply",
    "Why::IcmpChecksum" => icmp_message(|b| b[7] ^= 1); icmp_message(|_| ()) => "Sent::EchoReply",
    "Why::IcmpType" => of_type(13); of_type(8) => "Sent::EchoReply",
    "Why::IcmpNoSocket" => quoting(1, 0); quoting(0, 0) => "Icmp soft",
    "Why::MtuClaimWaits" => claiming(1_461); claiming(1) => "RtxRule::PathMtu",
    "Why::IcmpMtuTooSmall" => claiming6::<1_279>(); claiming6::<1_280>() => "RtxRule::PathMtu",
    "Why::IcmpOutOfWindow" => quoting(0, 10); quoting(0, 9) => "Icmp soft",
    "Why::IcmpBroadcast" => echo(PEER, Ipv4Addr::new(10, 0, 0, 255)); echo(PEER, HOST) => "Sent::EchoReply",
    "Why::IcmpRateLimit" => to_a_closed_port(51); to_a_closed_port(50) => "Sent::PortUnreachable",
    "Why::IcmpNotAbout" => of_protocol(132, Ipv4Addr::new(10, 0, 0, 255));
        of_protocol(132, HOST) => "Sent::ProtocolUnreachable",

    "Why::UdpLength" => udp_changed(|b| b[5] -= 5); udp_changed(|_| ()) => "In",
    "Why::UdpChecksum" => udp_changed(|b| b[8] ^= 1); udp_changed(|_| ()) => "In",
    "Why::UdpNoPort" => to_port(10); to_port(9) => "In",
    "Why::UdpNotPeer" => connected_to(7_001); connected_to(7_000) => "In",
    "Why::UdpBufferFull" => unread(98); unread(97) => "In",
    "Why::EgressFull" => echoes_at_once(4_097); echoes_at_once(4_096) => "Sent::EchoReply",

    "Sent::EchoReply" => echo(PEER, HOST); echo(PEER, Ipv4Addr::new(10, 0, 0, 255)) => "Why::IcmpBroadcast",
    "Sent::EchoRequest" => pings(1_472); pings(1_473) => "Sent::EchoReply",
    "Sent::Raw" => raw(true); raw(false) => "Sent::EchoReply",
    "Sent::Datagram" => sends(1_472, Discover::Do); sends(1_473, Discover::Do) => "Sent::EchoReply",
    "Sent::Fragment" => sends(1_473, Discover::Dont); sends(1_472, Discover::Dont) => "Sent::Datagram",
    "Sent::PortUnreachable" => to_port(10); to_port(9) => "In",
    "Sent::ProtocolUnreachable" => of_protocol(132, HOST); of_protocol(17, HOST) => "In",
    "Sent::ReassemblyTimeExceeded" => only_one_piece(0, 40); only_one_piece(40, 80) => "Why::ReassemblyTimeout",
}

/// A host with a UDP socket at port 9.
fn host() -> (Puppet, netglass::base::UdpId) {
    let mut p = Puppet::new();
    let socket = bound(&mut p);
    (p, socket)
}

fn hears(packet: &[u8]) {
    host().0.raw(packet);
}

/// A datagram of four bytes whose IP header is changed; the checksum is right again.
fn changed(change: fn(&mut Vec<u8>)) {
    hears(&resum(datagram(9, b"body"), change));
}

/// A bit of the IP header that is not what the checksum says.
fn broken(bit: u8) {
    let mut packet = datagram(9, b"body");
    packet[8] ^= bit;
    hears(&packet);
}

fn with_option(option: [u8; 3]) {
    let options = [option[0], option[1], option[2], 0];
    hears(&crate::ip::with_options(&datagram(9, b"body"), &options));
}

fn from_to(src: [u8; 4], dst: [u8; 4]) {
    let mut body = udp_bytes(7_000, 9, b"body");
    body[6..8].fill(0); // no checksum: it counts the addresses
    hears(&ip_packet(protocol::UDP, &body, |ip| (ip.src, ip.dst) = (src.into(), dst.into())));
}

fn of_protocol(proto: u8, dst: Ipv4Addr) {
    hears(&ip_packet(proto, &udp_bytes(7_000, 9, b"body"), |ip| ip.dst = dst));
}

/// A datagram of 108 bytes in two pieces with these ends and traffic classes.
fn pieces(ends: [(usize, usize); 2], tos: [u8; 2]) {
    let whole = udp_bytes(7_000, 9, &[5; 100]);
    let (mut p, socket) = host();
    for ((from, to), tos) in ends.into_iter().zip(tos) {
        p.raw(&ip_packet(protocol::UDP, &whole[from..to], |ip| {
            (ip.id, ip.offset, ip.mf, ip.tos) = (1, from as u32, to < whole.len(), tos);
        }));
    }
    assert!([0, 100].contains(&received(&mut p, socket)));
}

/// The first pieces of so many datagrams, whose others never come.
fn first_pieces(n: u16) {
    let whole = udp_bytes(7_000, 9, &[5; 100]);
    let (mut p, _) = host();
    for id in 0..n {
        p.raw(&piece(id, &whole, 0, 40));
    }
    p.advance(30_000);
}

fn the_rest_comes_after(ms: u64) {
    let whole = udp_bytes(7_000, 9, &[5; 100]);
    let (mut p, _) = host();
    p.raw(&piece(1, &whole, 0, 40));
    p.advance(ms);
    p.raw(&piece(1, &whole, 40, 108));
}

fn only_one_piece(from: usize, to: usize) {
    let (mut p, _) = host();
    p.raw(&piece(1, &udp_bytes(7_000, 9, &[5; 100]), from, to));
    p.advance(30_000);
}

/// A datagram of 1500 bytes waits to be sent, and its path turns out to be as narrow as this.
fn narrows_to(mtu: u16) {
    let (mut p, socket) = host();
    let to = Some(SocketAddr::from((PEER, 7_000)));
    p.stack.discover_udp(p.now, socket, Discover::Do).unwrap();
    p.stack.send_to(p.now, socket, to, &[7; 1_472]).unwrap();
    p.pump();
    let sent = p.expect_other();
    p.forget();
    p.stack.send_to(p.now, socket, to, &[7; 1_472]).unwrap();
    p.raw(&error(unreachable::FRAGMENTATION_NEEDED, mtu, quote(&sent)));
}

fn echo(src: Ipv4Addr, dst: Ipv4Addr) {
    let request = icmp_bytes(Icmpv4::EchoRequest { id: 7, seq: 3 }, b"body");
    hears(&ip_packet(protocol::ICMP, &request, |ip: &mut Header| (ip.src, ip.dst) = (src, dst)));
}

fn icmp_message(change: fn(&mut Vec<u8>)) {
    let mut request = icmp_bytes(Icmpv4::EchoRequest { id: 7, seq: 3 }, b"body");
    change(&mut request);
    hears(&ip_packet(protocol::ICMP, &request, |_| ()));
}

fn of_type(kind: u8) {
    hears(&icmp(Icmpv4::Other { kind, code: 0 }, b"body"));
}

/// An error that quotes ten bytes in flight, but for the port and the place in the stream.
fn quoting(port: u8, behind: u32) {
    let mut p = Puppet::new().in_state(State::Established, false);
    p.write(10);
    let sent = p.expect(A, 1, 1, 10).packet;
    let mut quoted = quote(&sent).to_vec();
    quoted[21] ^= port;
    let seq: Seq = p.iss + (1 + behind);
    quoted[24..28].copy_from_slice(&seq.0.to_be_bytes());
    p.raw(&error(unreachable::HOST, 0, &quoted));
}

/// A router claims a narrow path, after so much was acknowledged.
fn claiming(acked: i64) {
    let mut p = Puppet::new().open(crate::support::puppet::mss(1460));
    p.write(1_460);
    let mut sent = p.expect(A, 1, 1, 1_460).packet;
    if acked > 1 {
        p.ack(acked);
        p.write(1_460);
        sent = p.expect(A, acked, 1, 1_460).packet;
    }
    p.forget();
    p.raw(&error(unreachable::FRAGMENTATION_NEEDED, 600, quote(&sent)));
}

/// The same over IPv6, before anything was acknowledged.
fn claiming6<const MTU: u32>() {
    crate::support::puppet::over_ipv6(|| crate::pmtu::claims_of_ipv6(MTU));
}

fn to_a_closed_port(datagrams: usize) {
    let (mut p, _) = host();
    for _ in 0..datagrams {
        p.raw(&datagram(10, b""));
    }
    assert_eq!(p.take_others().len(), 50);
}

fn udp_changed(change: fn(&mut Vec<u8>)) {
    let mut body = udp_bytes(7_000, 9, b"body");
    change(&mut body);
    hears(&ip_packet(protocol::UDP, &body, |_| ()));
}

fn to_port(port: u16) {
    hears(&datagram(port, b"body"));
}

/// The socket's peer has this port; one at port 7000 speaks.
fn connected_to(port: u16) {
    let (mut p, socket) = host();
    p.stack.connect_udp(p.now, socket, (PEER, port).into()).unwrap();
    p.raw(&datagram(9, b"body"));
}

fn unread(datagrams: usize) {
    let (mut p, socket) = host();
    for _ in 0..datagrams {
        p.raw(&datagram(9, &[1; 1_000]));
    }
    assert_eq!(received(&mut p, socket), 1_000);
}

fn echoes_at_once(n: usize) {
    let (mut p, _) = host();
    p.batch = true;
    for _ in 0..n {
        p.raw(&icmp(Icmpv4::EchoRequest { id: 1, seq: 1 }, b""));
    }
    p.pump();
    assert_eq!(p.take_others().len(), 4_096);
}

/// An echo request that may not be cut is asked for, and later one of the peer's is answered.
fn pings(len: usize) {
    let (mut p, _) = host();
    let options = netglass::stack::PingOptions { discover: Discover::Do, ..Default::default() };
    let sent = p.stack.ping_with(p.now, PEER.into(), (1, 1), &vec![0; len], options);
    assert_eq!(sent.is_ok(), len <= 1_472);
    p.raw(&icmp(Icmpv4::EchoRequest { id: 7, seq: 3 }, b""));
}

fn raw(whole: bool) {
    let (mut p, _) = host();
    let mut packet = icmp(Icmpv4::EchoRequest { id: 9, seq: 1 }, b"");
    packet[12..20].rotate_left(4); // to the peer
    packet.truncate(packet.len() - usize::from(!whole));
    assert_eq!(p.stack.send_raw(p.now, &packet).is_ok(), whole);
    p.raw(&icmp(Icmpv4::EchoRequest { id: 7, seq: 3 }, b""));
}

fn sends(len: usize, discover: Discover) {
    let (mut p, socket) = host();
    p.stack.discover_udp(p.now, socket, discover).unwrap();
    let to = Some(SocketAddr::from((PEER, 7_000)));
    let sent = p.stack.send_to(p.now, socket, to, &vec![7; len]);
    assert_eq!(sent.is_ok(), len <= 1_472 || discover == Discover::Dont);
    p.raw(&icmp(Icmpv4::EchoRequest { id: 7, seq: 3 }, b""));
}
