//! What a host learns of the packets it has sent: answers to echo requests, errors with who sent
//! them, and paths that are too narrow (RFC 792, RFC 1191, RFC 4443; `IP_RECVERR`,
//! `IP_MTU_DISCOVER`).

use crate::ip::icmp_bytes;
use crate::support::puppet::{HOST, HOST6, PEER, PEER6, Puppet, host_setup, ip_packet};
use crate::support::seen::scenarios;
use netglass::base::{Chunks, Duration, Frame, IfaceId, Pool, SocketError, UdpId};
use netglass::ip::Route;
use netglass::socket::{Interest, SocketId};
use netglass::stack::{Answer, EchoError, PingOptions, Pong};
use netglass::udp::{Origin, Report, Told};
use netglass::wire::icmp::Icmp;
use netglass::wire::icmpv4::{Icmpv4, unreachable};
use netglass::wire::icmpv6::Icmpv6;
use netglass::wire::ip::{Discover, Header, Mark};
use netglass::wire::ipv4::protocol;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

scenarios![
    echo_requests_have_one_user_each,
    a_reply_twice_is_a_duplicate,
    a_group_answers_with_many_voices,
    errors_about_echo_requests_name_their_sender,
    echo_requests_ask_things_of_ip,
    reports_name_the_sender,
    datagrams_that_may_not_be_cut,
    datagrams_that_only_we_may_cut,
    a_path_that_narrows_meanwhile,
    paths_of_ipv6,
    paths_of_answers,
];

/// Somebody on the way.
const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 254);
const ROUTER6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0xfe);

/// An ICMP message from `from`.
fn told(from: Ipv4Addr, message: Icmpv4, body: &[u8]) -> Vec<u8> {
    ip_packet(protocol::ICMP, &icmp_bytes(message, body), |header| header.src = from)
}

/// The same in IPv6, from the router.
fn told6(message: Icmpv6, body: &[u8]) -> Vec<u8> {
    let body = Chunks::from(Pool::new().copy(body));
    let mut frame = Frame { body, ..Frame::default() };
    let (src, dst) = (ROUTER6.into(), HOST6.into());
    Icmp::V6(message).emit(src, dst, &mut frame.head, &frame.body);
    let len = frame.len();
    Header::new(src, dst, protocol::ICMPV6).emit(&mut frame.head, len);
    frame.to_vec()
}

fn too_big(mtu: u16, about: &[u8]) -> Vec<u8> {
    let code = unreachable::FRAGMENTATION_NEEDED;
    told(ROUTER, Icmpv4::Unreachable { code, mtu }, &about[..28])
}

fn expired(about: &[u8]) -> Vec<u8> {
    told(ROUTER, Icmpv4::TimeExceeded { code: 0 }, &about[..28])
}

fn dont_fragment(packet: &[u8]) -> bool {
    packet[6] & 0x40 != 0
}

fn woken(p: &mut Puppet) -> Vec<SocketId> {
    let mut woken = Vec::new();
    p.stack.take_woken(&mut woken);
    woken
}

fn echo_requests_have_one_user_each() {
    let mut p = Puppet::new();
    let (one, other) = (p.stack.open_echo(p.now).unwrap(), p.stack.open_echo(p.now).unwrap());
    assert_ne!(one, other);
    let want = |p: &mut Puppet, id| p.stack.want(p.now, SocketId::Echo(id), Interest::READ);
    assert!(want(&mut p, one) && want(&mut p, other));
    for id in [one, other] {
        p.stack.ping(p.now, PEER.into(), (id, 7), b"12345678").unwrap();
    }
    p.pump();
    let reply = |id| told(PEER, Icmpv4::EchoReply { id, seq: 7 }, b"12345678");
    p.advance(25);
    p.raw(&reply(other));
    assert_eq!(woken(&mut p), [SocketId::Echo(other)]);
    assert_eq!(p.stack.take_answer(p.now, one), Err(SocketError::WouldBlock));
    let pong = Pong {
        from: PEER.into(),
        id: other,
        seq: 7,
        len: 16,
        ttl: 64,
        rtt: Duration::from_millis(25),
        duplicate: false,
    };
    assert!(!want(&mut p, other), "it is there");
    assert_eq!(p.stack.take_answer(p.now, other), Ok(Answer::Reply(pong)));
    // Who gives up is told nothing, and who comes later does not hear of it.
    p.stack.close_echo(p.now, one);
    p.raw(&reply(one));
    assert_eq!(p.drops("IcmpNoSocket"), 1);
    assert!(!want(&mut p, one) && woken(&mut p).is_empty());
    p.take_others();
}

fn a_reply_twice_is_a_duplicate() {
    let mut p = Puppet::new();
    p.stack.ping(p.now, PEER.into(), (1, 1), b"").unwrap();
    p.pump();
    let reply = told(PEER, Icmpv4::EchoReply { id: 1, seq: 1 }, b"");
    let mut duplicate = Vec::new();
    for _ in 0..3 {
        p.raw(&reply);
        let Ok(Answer::Reply(pong)) = p.stack.take_answer(p.now, 1) else { panic!("a reply") };
        duplicate.push(pong.duplicate);
    }
    assert_eq!(duplicate, [false, true, true]);
    p.raw(&told(PEER, Icmpv4::EchoReply { id: 1, seq: 2 }, b""));
    p.raw(&told(ROUTER, Icmpv4::EchoReply { id: 1, seq: 1 }, b""));
    assert_eq!(p.drops("IcmpNoSocket"), 2);
    p.take_others();
}

fn a_group_answers_with_many_voices() {
    let mut setup = host_setup();
    setup.routes.push(Route::default_via(ROUTER.into(), IfaceId(0)));
    let mut p = Puppet::of(setup);
    let group = Ipv4Addr::new(224, 0, 0, 1);
    p.stack.ping(p.now, group.into(), (1, 1), b"").unwrap();
    p.pump();
    for (from, duplicate) in [(PEER, false), (ROUTER, true)] {
        p.raw(&told(from, Icmpv4::EchoReply { id: 1, seq: 1 }, b""));
        let Ok(Answer::Reply(pong)) = p.stack.take_answer(p.now, 1) else { panic!("a reply") };
        assert_eq!((pong.from, pong.duplicate), (from.into(), duplicate));
    }
    p.raw(&told(PEER, Icmpv4::EchoReply { id: 1, seq: 2 }, b""));
    assert_eq!(p.drops("IcmpNoSocket"), 1);
    p.take_others();
}

fn errors_about_echo_requests_name_their_sender() {
    let mut p = Puppet::new();
    p.stack.ping(p.now, PEER.into(), (1, 5), &[0; 40]).unwrap();
    p.pump();
    let sent = p.expect_other();
    p.advance(3);
    p.raw(&expired(&sent));
    let error = EchoError {
        from: ROUTER.into(),
        to: PEER.into(),
        id: 1,
        seq: 5,
        message: Icmp::V4(Icmpv4::TimeExceeded { code: 0 }),
        rtt: Duration::from_millis(3),
    };
    assert_eq!(p.stack.take_answer(p.now, 1), Ok(Answer::Error(error)));
    let mut never = sent.clone();
    never[26] ^= 1;
    p.raw(&expired(&never));
    assert_eq!(p.drops("IcmpNoSocket"), 1);
    let quench = Icmpv4::Other { kind: 4, code: 0 };
    p.raw(&told(ROUTER, quench, &sent[..28]));
    assert_eq!(p.drops("IcmpType"), 1);
    assert_eq!(p.stack.take_answer(p.now, 1), Err(SocketError::WouldBlock));
    // Nobody takes them: they are bounded.
    for _ in 0..2000 {
        p.raw(&told(PEER, Icmpv4::EchoReply { id: 1, seq: 5 }, b""));
    }
    let taken = std::iter::from_fn(|| p.stack.take_answer(p.now, 1).ok()).count();
    assert_eq!(taken, 1024);
}

fn echo_requests_ask_things_of_ip() {
    let mut p = Puppet::new();
    let ping = |p: &mut Puppet, len: usize, discover, ttl| {
        let mark = Mark { ttl: Some(ttl), tos: 0x10 };
        let options = PingOptions { mark, discover };
        let sent = p.stack.ping_with(p.now, PEER.into(), (1, 1), &vec![0; len], options);
        p.pump();
        sent
    };
    assert_eq!(ping(&mut p, 10, Discover::Do, 0), Err(SocketError::InvalidInput));
    assert_eq!(ping(&mut p, 1472, Discover::Do, 3), Ok(()));
    let sent = p.expect_other();
    assert_eq!((sent[1], sent[8], dont_fragment(&sent)), (0x10, 3, true));
    for discover in [Discover::Do, Discover::Probe] {
        assert_eq!(ping(&mut p, 1473, discover, 3), Err(SocketError::MessageTooLong));
    }
    p.raw(&too_big(1400, &sent));
    assert_eq!(p.stack.mtu_to(p.now, PEER.into(), Discover::Do), Some(1400));
    assert_eq!(ping(&mut p, 1373, Discover::Do, 3), Err(SocketError::MessageTooLong));
    assert_eq!(ping(&mut p, 1372, Discover::Do, 3), Ok(()));
    assert!(dont_fragment(&p.expect_other()));
    assert_eq!(ping(&mut p, 1472, Discover::Probe, 3), Ok(()), "whatever is known");
    assert!(dont_fragment(&p.expect_other()));
    assert_eq!(ping(&mut p, 1373, Discover::Want, 3), Ok(()));
    assert_eq!(p.take_others().iter().filter(|packet| !dont_fragment(packet)).count(), 2);
}

fn bound(p: &mut Puppet, discover: Discover) -> UdpId {
    let socket = p.stack.bind(p.now, SocketAddr::from((HOST, 9)), false).unwrap();
    p.stack.keep_reports(p.now, socket, true).unwrap();
    p.stack.discover_udp(p.now, socket, discover).unwrap();
    socket
}

fn send(p: &mut Puppet, socket: UdpId, to: impl Into<IpAddr>, len: usize) -> bool {
    let to = SocketAddr::new(to.into(), 7000);
    let sent = p.stack.send_to(p.now, socket, Some(to), &vec![7; len]);
    p.pump();
    sent.is_ok()
}

fn reports_name_the_sender() {
    let mut p = Puppet::new();
    let socket = bound(&mut p, Discover::Dont);
    assert!(send(&mut p, socket, PEER, 100));
    let sent = p.expect_other();
    assert!(p.stack.want(p.now, SocketId::Udp(socket), Interest::READ));
    p.raw(&expired(&sent));
    assert_eq!(woken(&mut p), [SocketId::Udp(socket)]);
    let report = Report {
        about: (PEER, 7000).into(),
        error: SocketError::HostUnreachable,
        origin: Origin::Icmp(Told {
            from: ROUTER.into(),
            message: Icmp::V4(Icmpv4::TimeExceeded { code: 0 }),
            at: p.now,
        }),
    };
    assert_eq!(p.stack.take_report(p.now, socket), Some(report));
    // No call fails for what is kept.
    p.raw(&expired(&sent));
    assert!(send(&mut p, socket, PEER, 100));
    p.expect_other();
    p.stack.keep_reports(p.now, socket, false).unwrap();
    assert!(send(&mut p, socket, PEER, 100));
    let again = p.expect_other();
    p.raw(&expired(&again));
    assert_eq!(p.drops("IcmpNoSocket"), 1, "without that, only peers are heard of");
    // Each socket keeps so many.
    p.stack.keep_reports(p.now, socket, true).unwrap();
    for _ in 0..200 {
        p.raw(&expired(&sent));
    }
    assert_eq!(p.drops("UdpBufferFull"), 200 - 127);
}

fn datagrams_that_may_not_be_cut() {
    let mut p = Puppet::new();
    let socket = bound(&mut p, Discover::Do);
    assert!(send(&mut p, socket, PEER, 1472) && !send(&mut p, socket, PEER, 1473));
    let local = |mtu| {
        let origin = Origin::Local { mtu };
        Some(Report { about: (PEER, 7000).into(), error: SocketError::MessageTooLong, origin })
    };
    assert_eq!(p.stack.take_report(p.now, socket), local(1500));
    let sent = p.expect_other();
    assert!(dont_fragment(&sent));
    p.raw(&too_big(1400, &sent));
    let report = p.stack.take_report(p.now, socket).unwrap();
    assert_eq!(report.error, SocketError::MessageTooLong);
    assert!(!send(&mut p, socket, PEER, 1373) && send(&mut p, socket, PEER, 1372));
    assert_eq!(p.stack.take_report(p.now, socket), local(1400));
    p.stack.discover_udp(p.now, socket, Discover::Probe).unwrap();
    assert!(send(&mut p, socket, PEER, 1472) && !send(&mut p, socket, PEER, 1473));
    assert_eq!(p.stack.take_report(p.now, socket), local(1500));
    assert!(p.take_others().iter().all(|packet| dont_fragment(packet)));
}

fn datagrams_that_only_we_may_cut() {
    let mut p = Puppet::new();
    let socket = bound(&mut p, Discover::Want);
    assert!(send(&mut p, socket, PEER, 1472));
    let sent = p.expect_other();
    assert!(dont_fragment(&sent));
    p.raw(&too_big(1400, &sent));
    p.stack.take_report(p.now, socket).unwrap();
    assert!(send(&mut p, socket, PEER, 1472));
    let pieces = p.take_others();
    assert_eq!(pieces.len(), 2);
    assert!(pieces.iter().all(|packet| packet.len() <= 1400 && !dont_fragment(packet)));
    p.stack.discover_udp(p.now, socket, Discover::Dont).unwrap();
    assert!(send(&mut p, socket, PEER, 10));
    assert!(!dont_fragment(&p.expect_other()));
}

/// Between the call and the device, the host learns that the path is too narrow.
fn a_path_that_narrows_meanwhile() {
    let mut p = Puppet::new();
    let socket = bound(&mut p, Discover::Do);
    assert!(send(&mut p, socket, PEER, 1472));
    let sent = p.expect_other();
    let to = Some(SocketAddr::from((PEER, 7000)));
    p.stack.send_to(p.now, socket, to, &[7; 1472]).unwrap();
    p.raw(&too_big(1400, &sent));
    assert_eq!(p.drops("PathTooNarrow"), 1);
    p.expect_no_other();
}

fn paths_of_ipv6() {
    let (peer, router) = (IpAddr::from(PEER6), IpAddr::from(ROUTER6));
    let mut p = Puppet::new();
    let socket = p.stack.bind(p.now, "[::]:9".parse().unwrap(), false).unwrap();
    p.stack.keep_reports(p.now, socket, true).unwrap();
    p.stack.discover_udp(p.now, socket, Discover::Do).unwrap();
    assert!(!send(&mut p, socket, peer, 1453) && send(&mut p, socket, peer, 1452));
    let local = p.stack.take_report(p.now, socket).unwrap();
    assert_eq!(local.origin, Origin::Local { mtu: 1500 });
    let sent = p.expect_other();
    let message = Icmpv6::PacketTooBig { mtu: 1300 };
    p.raw(&told6(message, &sent));
    let report = p.stack.take_report(p.now, socket).unwrap();
    let message = Icmp::V6(message);
    assert_eq!(report.origin, Origin::Icmp(Told { from: router, message, at: p.now }));
    assert!(!send(&mut p, socket, peer, 1253) && send(&mut p, socket, peer, 1252));
    let id = p.stack.open_echo(p.now).unwrap();
    let options = PingOptions { discover: Discover::Do, ..PingOptions::default() };
    let long = p.stack.ping_with(p.now, peer, (id, 1), &[0; 1253], options);
    assert_eq!(long, Err(SocketError::MessageTooLong));
    let mark = Mark { ttl: Some(1), tos: 0 };
    let options = PingOptions { mark, ..options };
    p.take_others();
    p.stack.ping_with(p.now, peer, (id, 1), &[0; 1252], options).unwrap();
    p.pump();
    let sent = p.expect_other();
    assert_eq!(sent[7], 1);
    p.raw(&told6(Icmpv6::TimeExceeded { code: 0 }, &sent));
    let Ok(Answer::Error(error)) = p.stack.take_answer(p.now, id) else { panic!("an error") };
    assert_eq!((error.from, error.seq), (router, 1));
}

/// Who only answers learns how wide the way back is, too.
fn paths_of_answers() {
    let mut p = Puppet::new();
    let (peer, own) = (IpAddr::from(PEER6), IpAddr::from(HOST6));
    let known = |p: &Puppet| p.stack.mtu_to(p.now, peer, Discover::Do);
    let socket = p.stack.bind(p.now, "[::]:9".parse().unwrap(), false).unwrap();
    assert!(send(&mut p, socket, peer, 1452));
    let sent = p.expect_other();
    let mut stranger = sent.clone();
    stranger[41] ^= 1;
    for (about, mtu) in [(&stranger, 1500), (&sent, 1400)] {
        p.raw(&told6(Icmpv6::PacketTooBig { mtu: 1400 }, about));
        assert_eq!(known(&p), Some(mtu));
    }
    assert!(send(&mut p, socket, peer, 1452), "there is no peer to have an error from");
    assert_eq!(p.take_others().len(), 2);
    // An echo reply.
    let request = |len: usize| {
        let body = Chunks::from(Pool::new().copy(&vec![7; len]));
        let mut frame = Frame { body, ..Frame::default() };
        let message = Icmp::V6(Icmpv6::EchoRequest { id: 3, seq: 4 });
        message.emit(peer, own, &mut frame.head, &frame.body);
        let len = frame.len();
        Header::new(peer, own, protocol::ICMPV6).emit(&mut frame.head, len);
        frame.to_vec()
    };
    let mut p = Puppet::new();
    p.raw(&request(1452));
    let sent = p.expect_other();
    let mut never = sent.clone();
    never[47] ^= 1;
    for (about, mtu) in [(&never, 1500), (&sent, 1400)] {
        p.raw(&told6(Icmpv6::PacketTooBig { mtu: 1400 }, about));
        assert_eq!(known(&p), Some(mtu));
    }
    assert_eq!(p.drops("IcmpNoSocket"), 1);
    p.raw(&request(1452));
    assert_eq!(p.take_others().len(), 2);
    for _ in 0..100 {
        p.raw(&request(1300));
    }
    p.take_others();
}
