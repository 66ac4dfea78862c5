//! IPv6 (RFC 8200), ICMPv6 (RFC 4443) and UDP over it: what arrives, what is answered, what is cut
//! and put together. TCP's scenarios run over both families in their own files.

use crate::support::puppet::{A, HOST6, PEER6, Puppet, R, S, SA, WND, mss, none};
use crate::support::seen::scenarios;
use netglass::base::{SocketError, UdpId};
use netglass::stack::ListenOptions;
use netglass::tcp::State;
use netglass::wire::icmp::{self, Icmp};
use netglass::wire::icmpv6::{Icmpv6, unreachable};
use netglass::wire::ip::Header;
use netglass::wire::ipv4::protocol;
use netglass::wire::{checksum, ipv6};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

scenarios![
    lengths_and_addresses,
    extension_headers,
    unknown_options,
    echo,
    unknown_protocol,
    fragments,
    fragments_that_are_impossible,
    fragments_of_fragments,
    fragments_that_do_not_come,
    long_datagrams_are_cut,
    port_unreachable,
    errors_reach_their_sockets,
    errors_end_an_opening,
    packet_too_big_for_tcp,
    packet_too_big_for_datagrams,
    both_families_at_one_listener,
];

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// A packet from the peer; `change` edits the header before it is written.
pub(crate) fn packet(proto: u8, payload: &[u8], change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let mut header = Header::new(PEER6.into(), HOST6.into(), proto);
    change(&mut header);
    let mut frame = netglass::base::Frame::default();
    header.emit(&mut frame.head, payload.len());
    [&frame.to_vec()[..], payload].concat()
}

fn transport(proto: u8, dst: Ipv6Addr, mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    let pseudo = checksum::pseudo(PEER6.into(), dst.into(), proto, bytes.len());
    let sum = checksum::complete(pseudo, [&bytes[..]]);
    bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    bytes
}

pub(crate) fn icmp(message: Icmpv6, dst: Ipv6Addr, body: &[u8]) -> Vec<u8> {
    transport(protocol::ICMPV6, dst, [&message.bytes()[..], body].concat(), 2)
}

pub(crate) fn udp(src: u16, dst: u16, body: &[u8]) -> Vec<u8> {
    let len = (8 + body.len()) as u16;
    let fields = [src, dst, len, 0].map(u16::to_be_bytes).concat();
    transport(protocol::UDP, HOST6, [&fields[..], body].concat(), 6)
}

/// An extension header of `body`, before `next`.
pub(crate) fn extension(next: u8, body: [u8; 7]) -> Vec<u8> {
    [&[next][..], &body].concat()
}

pub(crate) fn bound(p: &mut Puppet) -> UdpId {
    p.stack.bind(p.now, SocketAddr::from((HOST6, 9)), false).unwrap()
}

pub(crate) fn received(p: &mut Puppet, socket: UdpId) -> usize {
    p.stack.recv_from(p.now, socket, &mut [0; 2000]).map_or(0, |got| got.len)
}

/// The next ICMPv6 message that the host sent: its header, what it says, what is behind.
fn answer(p: &mut Puppet) -> (Header, Icmp, Vec<u8>) {
    let bytes = p.expect_other();
    let mut header = Header::parse(&bytes, bytes.len()).expect("a good packet");
    header.walk(&bytes).expect("good extension headers");
    let body = &bytes[header.header_len..];
    let message = Icmp::parse(header.src, header.dst, [body]).expect("a good checksum");
    (header, message, body[icmp::HEADER_LEN..].to_vec())
}

fn lengths_and_addresses() {
    let good = packet(protocol::UDP, &udp(7000, 9, b"body"), |_| ());
    let at = |at: usize, addr: &str| {
        let addr: Ipv6Addr = addr.parse().unwrap();
        [&good[..at], &addr.octets(), &good[at + 16..]].concat()
    };
    for (why, bytes) in [
        ("IpTruncated", good[..39].to_vec()),
        ("IpTruncated", good[..good.len() - 1].to_vec()),
        ("MartianSource", at(8, "ff02::1")),
        ("MartianSource", at(8, "::1")),
        ("OwnSource", at(8, "fd00::1")),
        ("NotForUs", at(24, "fd00::9")),
        ("NotForUs", at(24, "ff02::2")),
        ("MartianDestination", at(24, "::1")),
    ] {
        let mut p = Puppet::new();
        p.raw(&bytes);
        p.expect_no_other();
        assert_eq!((p.drops(why), p.stack.drops().total()), (1, 1), "{why}");
    }
    let mut p = Puppet::new();
    let socket = bound(&mut p);
    p.raw(&[&good[..], &[0; 30]].concat()); // padding
    assert_eq!(received(&mut p, socket), 4);
    // RFC 8200 §8.1: without a checksum it is no datagram of IPv6.
    let mut bare = good.clone();
    bare[46..48].fill(0);
    p.raw(&bare);
    assert_eq!(p.drops("UdpChecksum"), 1);
}

/// RFC 8200 §4: skipped, refused, and told.
fn extension_headers() {
    let pad = [0, 1, 4, 0, 0, 0, 0];
    let datagram = udp(7000, 9, b"body");
    let mut p = Puppet::new();
    let socket = bound(&mut p);
    let behind = [extension(60, pad), extension(protocol::UDP, pad), datagram.clone()].concat();
    p.raw(&packet(0, &behind, |_| ()));
    assert_eq!(received(&mut p, socket), 4);
    // Hop-by-hop options behind others, a route to go on: told, with the place.
    let late = [extension(0, pad), extension(protocol::UDP, pad), datagram.clone()].concat();
    p.raw(&packet(60, &late, |_| ()));
    let problem = |code, pointer| Icmp::V6(Icmpv6::ParameterProblem { code, pointer });
    assert_eq!(answer(&mut p).1, problem(1, 40));
    let routed = [extension(protocol::UDP, [0, 0, 1, 0, 0, 0, 0]), datagram.clone()].concat();
    p.raw(&packet(43, &routed, |_| ()));
    assert_eq!(answer(&mut p).1, problem(0, 42));
    // Nothing behind, or what does not fit: silence.
    p.raw(&packet(59, b"", |_| ()));
    p.raw(&packet(60, &extension(protocol::UDP, [9, 1, 4, 0, 0, 0, 0]), |_| ()));
    let chain: Vec<u8> = (0..20).flat_map(|_| extension(60, pad)).collect();
    p.raw(&packet(60, &chain, |_| ()));
    p.expect_no_other();
    let drops = ["Ipv6Order", "Ipv6Routing", "Ipv6NoNext", "Ipv6Extension"].map(|why| p.drops(why));
    assert_eq!(drops, [1, 1, 1, 2]);
}

/// RFC 8200 §4.2: the two highest bits say what an unknown option wants.
fn unknown_options() {
    let to = |dst: Ipv6Addr, kind: u8| {
        let behind = extension(protocol::UDP, [0, kind, 4, 0, 0, 0, 0]);
        let behind = [behind, udp(7000, 9, b"body")].concat();
        packet(60, &behind, |header| header.dst = dst.into())
    };
    for (dst, kind, taken, told) in [
        (HOST6, 0x1e, true, false),
        (HOST6, 0x5e, false, false),
        (HOST6, 0x9e, false, true),
        (HOST6, 0xde, false, true),
        (ALL_NODES, 0x9e, false, true),
        (ALL_NODES, 0xde, false, false),
    ] {
        let mut p = Puppet::new();
        let socket = bound(&mut p);
        p.raw(&to(dst, kind));
        assert_eq!((received(&mut p, socket) > 0, p.drops("Ipv6Option")), (taken, !taken as u64));
        if told {
            let (header, message, quoted) = answer(&mut p);
            assert_eq!(message, Icmp::V6(Icmpv6::ParameterProblem { code: 2, pointer: 42 }));
            assert_eq!((header.src, header.dst), (HOST6.into(), PEER6.into()), "{kind:#x}");
            assert_eq!(quoted, to(dst, kind));
        }
        p.expect_no_other();
    }
}

/// RFC 4443 §4.2: also of what was sent to a group, with the host's own address.
fn echo() {
    let request = Icmpv6::EchoRequest { id: 7, seq: 3 };
    for (dst, len) in [(HOST6, 0), (HOST6, 56), (HOST6, 1400), (ALL_NODES, 56)] {
        let body: Vec<u8> = (0..len).map(|n| n as u8).collect();
        let mut p = Puppet::new();
        p.raw(&packet(protocol::ICMPV6, &icmp(request, dst, &body), |ip| ip.dst = dst.into()));
        let (header, message, back) = answer(&mut p);
        assert_eq!(message, Icmp::V6(Icmpv6::EchoReply { id: 7, seq: 3 }));
        assert_eq!((header.src, header.dst, back), (HOST6.into(), PEER6.into(), body));
        p.expect_no_other();
    }
    let mut p = Puppet::new();
    let mut broken = icmp(request, HOST6, b"x");
    broken[8] ^= 1;
    p.raw(&packet(protocol::ICMPV6, &broken, |_| ()));
    p.raw(&packet(protocol::ICMPV6, &[128, 0], |_| ()));
    // ICMP of the other family is a protocol that is not here.
    p.raw(&packet(protocol::ICMP, &[8, 0, 0, 0, 0, 0, 0, 0], |_| ()));
    let drops = ["IcmpChecksum", "IcmpTruncated", "NoProtocol"].map(|why| p.drops(why));
    assert_eq!(drops, [1, 1, 1]);
}

fn unknown_protocol() {
    let mut p = Puppet::new();
    let gre = packet(47, &[0; 20], |_| ());
    p.raw(&gre);
    let (_, message, quoted) = answer(&mut p);
    assert_eq!(message, Icmp::V6(Icmpv6::ParameterProblem { code: 1, pointer: 6 }));
    assert_eq!(quoted, gre);
}

/// A piece of a datagram.
pub(crate) fn piece(id: u32, whole: &[u8], from: usize, to: usize) -> Vec<u8> {
    packet(protocol::UDP, &whole[from..to], |ip| {
        (ip.id, ip.offset, ip.more) = (id, from as u32, to < whole.len());
    })
}

/// RFC 8200 §4.5, RFC 5722, RFC 6946.
fn fragments() {
    let whole = udp(7000, 9, &[5; 100]);
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut p = Puppet::new();
        let socket = bound(&mut p);
        let cuts = [(0, 40), (40, 80), (80, 108)];
        for n in order {
            p.raw(&piece(1, &whole, cuts[n].0, cuts[n].1));
        }
        assert_eq!(received(&mut p, socket), 100, "{order:?}");
    }
    let mut p = Puppet::new();
    let socket = bound(&mut p);
    p.raw(&piece(1, &whole, 0, 40));
    p.raw(&piece(1, &whole, 32, 80));
    p.raw(&piece(1, &whole, 80, 108));
    assert_eq!((p.drops("FragmentOverlap"), received(&mut p, socket)), (2, 0));
    // A fragment that is whole has nothing to do with the others.
    p.raw(&piece(2, &whole, 0, 40));
    let atomic = extension(protocol::UDP, [0, 0, 0, 0, 0, 0, 2]);
    p.raw(&packet(ipv6::FRAGMENT, &[&atomic[..], &whole].concat(), |_| ()));
    assert_eq!(received(&mut p, socket), 100);
}

/// RFC 8200 §4.5, RFC 7112 §5: refused by themselves, and told.
fn fragments_that_are_impossible() {
    let cut = |proto, offset: u32, more: bool, bytes: &[u8]| {
        packet(proto, bytes, |ip| (ip.id, ip.offset, ip.more) = (7, offset, more))
    };
    let mut p = Puppet::new();
    p.listen(ListenOptions::default());
    for (bytes, code, pointer) in [
        (cut(protocol::UDP, 8, true, &[0; 39]), 0, 4),
        (cut(protocol::UDP, 65_528, false, &[0; 100]), 0, 42),
        (cut(protocol::TCP, 0, true, &[0; 16]), 3, 0),
    ] {
        p.raw(&bytes);
        let (_, message, quoted) = answer(&mut p);
        assert_eq!(message, Icmp::V6(Icmpv6::ParameterProblem { code, pointer }));
        assert_eq!(quoted, bytes);
    }
    // A piece of what may be an error.
    p.raw(&cut(protocol::ICMPV6, 8, true, &[0; 39]));
    p.expect_no_other();
    assert_eq!((p.drops("FragmentRange"), p.drops("FragmentHeaders")), (3, 1));
    assert!(p.stack.deadline(p.now).is_none(), "nothing is kept");
}

/// Fragments that put together are a fragment, which completes the next one, as often as memory for
/// them lasts:
/// the second one is the last that is looked at.
fn fragments_of_fragments() {
    let first = |id: u32| {
        let [a, b, c, d] = id.to_be_bytes();
        extension(ipv6::FRAGMENT, [0, 0, 1, a, b, c, d])
    };
    let mut p = Puppet::new();
    for id in 1..1_900 {
        let last = packet(ipv6::FRAGMENT, &first(id + 2), |ip| (ip.id, ip.offset) = (id, 8));
        p.raw(&last);
    }
    p.raw(&packet(ipv6::FRAGMENT, &first(2), |ip| (ip.id, ip.more) = (1, true)));
    assert_eq!((p.drops("FragmentNested"), p.stack.drops().total()), (1, 1));
    p.expect_no_other();
    // Also when both headers are in one packet.
    let whole = extension(ipv6::FRAGMENT, [0; 7]);
    let twice = [&whole[..], &extension(protocol::UDP, [0; 7]), &udp(7000, 9, b"body")].concat();
    p.raw(&packet(ipv6::FRAGMENT, &twice, |_| ()));
    assert_eq!(p.drops("FragmentNested"), 2);
    p.expect_no_other();
}

fn fragments_that_do_not_come() {
    let whole = udp(7000, 9, &[5; 100]);
    let mut p = Puppet::new();
    p.raw(&piece(5, &whole, 0, 40));
    p.raw(&piece(6, &whole, 40, 80));
    p.advance(29_999);
    p.expect_no_other();
    p.advance(1);
    let (_, message, quoted) = answer(&mut p);
    assert_eq!(message, Icmp::V6(Icmpv6::TimeExceeded { code: 1 }));
    assert_eq!(quoted, piece(5, &whole, 0, 40));
    p.expect_no_other();
    assert_eq!(p.drops("ReassemblyTimeout"), 2);
}

fn sent_pieces(p: &mut Puppet) -> Vec<(u32, usize, bool)> {
    let parsed = p.take_others().into_iter().map(|bytes| {
        let mut header = Header::parse(&bytes, bytes.len()).expect("a good packet");
        header.walk(&bytes).expect("good extension headers");
        (header.offset, bytes.len(), header.more)
    });
    parsed.collect()
}

/// RFC 8200 §4.5: the source cuts, with a fragment header.
fn long_datagrams_are_cut() {
    let mut p = Puppet::new();
    let socket = bound(&mut p);
    let peer = SocketAddr::from((PEER6, 7000));
    p.stack.send_to(p.now, socket, Some(peer), &[7; 3000]).unwrap();
    p.pump();
    assert_eq!(sent_pieces(&mut p), [(0, 1496, true), (1448, 1496, true), (2896, 160, false)]);
    assert_eq!(p.stack.send_to(p.now, socket, Some(peer), &[7; 65_527]), Ok(65_527));
    let long = p.stack.send_to(p.now, socket, Some(peer), &vec![7; 65_528]);
    assert_eq!(long, Err(SocketError::MessageTooLong));
}

fn port_unreachable() {
    let mut p = Puppet::new();
    let asked = packet(protocol::UDP, &udp(7000, 10, &[1; 1400]), |_| ());
    p.raw(&asked);
    let (_, message, quoted) = answer(&mut p);
    assert_eq!(message, Icmp::V6(Icmpv6::Unreachable { code: unreachable::PORT }));
    assert_eq!(quoted, asked[..1232], "as much as every link carries");
    // Not about what a group got.
    p.raw(&packet(protocol::UDP, &udp(7000, 10, b""), |ip| ip.dst = ALL_NODES.into()));
    p.expect_no_other();
}

pub(crate) fn error(message: Icmpv6, quoted: &[u8]) -> Vec<u8> {
    packet(protocol::ICMPV6, &icmp(message, HOST6, quoted), |_| ())
}

fn errors_reach_their_sockets() {
    let mut p = Puppet::new();
    let socket = bound(&mut p);
    p.stack.connect_udp(p.now, socket, SocketAddr::from((PEER6, 7000))).unwrap();
    p.stack.send_to(p.now, socket, None, b"anybody?").unwrap();
    p.pump();
    let sent = p.expect_other();
    // As on Linux: what is forbidden is told apart from what cannot be reached.
    for (code, told) in [
        (unreachable::NO_ROUTE, SocketError::NetworkUnreachable),
        (unreachable::PROHIBITED, SocketError::AccessDenied),
        (unreachable::ADDRESS, SocketError::HostUnreachable),
        (unreachable::PORT, SocketError::Refused),
        (unreachable::POLICY, SocketError::AccessDenied),
        (unreachable::REJECTED, SocketError::AccessDenied),
    ] {
        p.raw(&error(Icmpv6::Unreachable { code }, &sent));
        let heard = p.stack.recv_from(p.now, socket, &mut [0; 10]);
        assert_eq!(heard.map(|_| ()), Err(told), "{code}");
    }
    p.raw(&error(Icmpv6::Unreachable { code: unreachable::PORT }, &sent[..47]));
    assert_eq!(p.drops("IcmpTruncated"), 1);
    // An echo reply that nobody waits for, and an error about an echo that nobody sent.
    p.raw(&packet(
        protocol::ICMPV6,
        &icmp(Icmpv6::EchoReply { id: 1, seq: 1 }, HOST6, b""),
        |_| (),
    ));
    let never = Icmpv6::EchoRequest { id: 1, seq: 1 };
    let never = icmp(never, PEER6, b"");
    let never = packet(protocol::ICMPV6, &never, |ip| {
        (ip.src, ip.dst) = (HOST6.into(), PEER6.into());
    });
    p.raw(&error(Icmpv6::PacketTooBig { mtu: 1300 }, &never));
    assert_eq!(p.drops("IcmpNoSocket"), 2);
}

/// Whoever forbids a connection ends its opening (RFC 4443 §3.1), who knows no way does not.
fn errors_end_an_opening() {
    for (code, told) in [
        (unreachable::PROHIBITED, SocketError::AccessDenied),
        (unreachable::REJECTED, SocketError::AccessDenied),
        (unreachable::PORT, SocketError::Refused),
        (unreachable::NO_ROUTE, SocketError::WouldBlock),
        (unreachable::ADDRESS, SocketError::WouldBlock),
    ] {
        let mut p = Puppet::new();
        (p.local, p.remote) = ((HOST6, 5000).into(), (PEER6, 80).into());
        p.connect();
        let syn = p.expect(S, 0, 0, 0);
        p.raw(&error(Icmpv6::Unreachable { code }, &syn.packet));
        let heard = p.stack.read(p.now, p.conn.unwrap(), &mut [0; 1]);
        assert_eq!(heard, Err(told), "{code}");
    }
}

/// RFC 8201 §4: smaller segments, but never smaller than every link carries.
// Rules: 8201-4-1, 8201-4-2, 8201-4-3.
fn packet_too_big_for_tcp() {
    let peer: IpAddr = PEER6.into();
    for (told, becomes) in [(1400, 1400), (1280, 1280)] {
        let mut p = Puppet::new();
        (p.local, p.remote) = ((HOST6, 5000).into(), (peer, 80).into());
        let mut p = p.open(mss(1440));
        p.write(4_000);
        let sent = p.take_all();
        p.raw(&error(Icmpv6::PacketTooBig { mtu: told }, &sent[0].packet));
        let again = p.take_all();
        assert_eq!((again[0].seq, again[0].packet.len()), (1, becomes));
        assert_eq!((p.state(), p.info().pmtu), (State::Established, becomes as u64));
    }
}

// Rules: 8201-4-1, 8201-4-3.
fn packet_too_big_for_datagrams() {
    let mut p = Puppet::new();
    let socket = bound(&mut p);
    let peer = SocketAddr::from((PEER6, 7000));
    p.stack.connect_udp(p.now, socket, peer).unwrap();
    p.stack.send_to(p.now, socket, None, &[7; 1400]).unwrap();
    p.pump();
    let sent = p.expect_other();
    p.raw(&error(Icmpv6::PacketTooBig { mtu: 1300 }, &sent));
    let heard = p.stack.recv_from(p.now, socket, &mut [0; 10]);
    assert_eq!(heard.map(|_| ()), Err(SocketError::MessageTooLong));
    p.stack.send_to(p.now, socket, None, &[7; 1400]).unwrap();
    p.pump();
    assert_eq!(sent_pieces(&mut p), [(0, 1296, true), (1248, 208, false)]);
    // An echo request of ours teaches as much.
    p.stack.ping(p.now, PEER6.into(), (1, 1), &[0; 1290]).unwrap();
    p.pump();
    assert_eq!(sent_pieces(&mut p).len(), 2, "the path is known");
    let other: Ipv6Addr = "fd00::3".parse().unwrap();
    p.stack.ping(p.now, other.into(), (1, 2), &[0; 1290]).unwrap();
    p.pump();
    let sent = p.expect_other();
    p.raw(&error(Icmpv6::PacketTooBig { mtu: 1280 }, &sent));
    p.stack.ping(p.now, other.into(), (1, 3), &[0; 1290]).unwrap();
    p.pump();
    assert_eq!(sent_pieces(&mut p).len(), 2);
}

/// RFC 3493 §5.3: who listens at `::` hears IPv4, too, unless it says otherwise.
fn both_families_at_one_listener() {
    let any: SocketAddr = "[::]:80".parse().unwrap();
    let any4: SocketAddr = "0.0.0.0:80".parse().unwrap();
    for v6_only in [false, true] {
        let mut p = Puppet::new();
        let options = ListenOptions { v6_only, ..ListenOptions::default() };
        p.listener = Some(p.stack.listen(p.now, any, options).unwrap());
        let (local, remote) = (p.local.ip(), p.remote.ip());
        p.local.set_port(80);
        p.remote.set_port(4000);
        p.inject(S, 0, 0, WND, mss(1000), b"");
        match v6_only {
            true => assert_eq!(p.take_all()[0].ctl, R.with(A)),
            false => {
                p.expect(SA, 0, 1, 0);
                p.inject(A, 1, 1, WND, none(), b"");
                let conn = p.accept();
                let pair = p.stack.tcp().iter().find(|slot| slot.id == conn).unwrap().pair;
                assert_eq!((pair.local.ip(), pair.remote.ip()), (local, remote));
            }
        }
        (p.local, p.remote) = ((HOST6, 80).into(), (PEER6, 4001).into());
        p.inject(S, 0, 0, WND, mss(1000), b"");
        p.expect(SA, 0, 1, 0);
        let also = p.stack.listen(p.now, any4, ListenOptions::default());
        assert_eq!(also.map(|_| ()), if v6_only { Ok(()) } else { Err(SocketError::AddrInUse) });
    }
}
