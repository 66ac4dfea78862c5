//! What sockets can be told and asked: hops and traffic class on the wire, errors told apart, the
//! rules of addresses in TIME-WAIT, and the queues behind the handles of user code.

use crate::support::puppet::{A, FA, HOST, PEER, Puppet, R, S, SA, WND, host_setup, mss, none};
use crate::support::seen::scenarios;
use netglass::base::{Instant, SocketError};
use netglass::net::blocking::{TcpListener, TcpStream, UdpSocket};
use netglass::net::{ConnectOptions, Host};
use netglass::runtime::memory;
use netglass::stack::{ListenOptions, Setup, Stack};
use netglass::tcp::{Config, State};
use netglass::wire::ip::{Header, Mark};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

scenarios![
    both families:
    segments_are_marked,
    time_wait_keeps_the_address,
    data_before_an_error_is_read_first,
    the_end_before_a_reset_stays_the_end;
    IPv4:
    datagrams_are_marked,
    packets_of_ones_own_go_as_they_are,
];

/// Hops and traffic class of a packet.
fn mark(packet: &[u8]) -> (u8, u8) {
    let header = Header::parse(packet, packet.len()).unwrap();
    (header.ttl, header.tos)
}

/// Whoever makes a packet says whose it is; what is none, or has no way, is refused.
fn packets_of_ones_own_go_as_they_are() {
    let mut p = Puppet::new();
    p.stack.ping(p.now, PEER.into(), (1, 1), b"ping").unwrap();
    p.pump();
    let request = p.take_others().pop().expect("a ping");
    let mut forged = request.clone();
    forged[12..16].rotate_left(2); // somebody else's, with the same checksum
    p.stack.send_raw(p.now, &forged).unwrap();
    p.pump();
    assert_eq!(p.take_others(), [forged]);
    let long = [request.clone(), vec![0; 2000]].concat();
    for wrong in [&request[..27], &[], &[0x40; 40], &long] {
        assert_eq!(p.stack.send_raw(p.now, wrong), Err(SocketError::InvalidInput));
    }
}

// Rules: MUST-49, MUST-48, SHLD-22, SHLD-21, SHLD-23.
fn segments_are_marked() {
    let marked = |config: &mut Config| config.mark = Mark { ttl: Some(7), tos: 0xbb };
    // The two bits of ECN are TCP's own.
    let mut p = Puppet::with(marked);
    p.connect();
    assert_eq!(mark(&p.expect(S, 0, 0, 0).packet), (7, 0xb8));
    p.inject(SA, 0, 1, WND, mss(1000), b"");
    assert_eq!(mark(&p.expect(A, 1, 1, 0).packet), (7, 0xb8));
    let id = p.conn.unwrap();
    let mut config = p.stack.config(id).unwrap().clone();
    config.mark = Mark::default();
    p.stack.configure(p.now, id, config).unwrap();
    p.write(1000);
    assert_eq!(mark(&p.take_all()[0].packet), (64, 0));
    // The handshake of a listener, and an answer without any socket.
    let mut p = Puppet::with(marked);
    p.listen(ListenOptions::default());
    p.inject(S, 0, 0, WND, none(), b"");
    assert_eq!(mark(&p.expect(SA, 0, 1, 0).packet), (7, 0xb8));
    let mut p = Puppet::with(marked);
    p.inject(A, 5, 9, WND, none(), b"");
    let reset = p.take_all();
    assert_eq!((reset[0].ctl, mark(&reset[0].packet)), (R, (7, 0xb8)));
    // A packet that may take no hop would reach nobody.
    let mut p = Puppet::with(|config| config.mark.ttl = Some(0));
    p.connect();
    assert_eq!(mark(&p.expect(S, 0, 0, 0).packet), (1, 0));
}

/// What Linux does: what was acknowledged is the reader's, and the error comes behind it, once.
fn data_before_an_error_is_read_first() {
    let look = |p: &mut Puppet| p.stack.peek(p.now, p.conn.unwrap(), &mut [0; 10]);
    let read = |p: &mut Puppet, n| p.stack.read(p.now, p.conn.unwrap(), &mut [0; 10][..n]);
    for (reset, error) in [(true, SocketError::Reset), (false, SocketError::TimedOut)] {
        let mut p = Puppet::with(|config| config.retries2 = 1).open(mss(1000));
        p.data(1, 6);
        assert_eq!((look(&mut p), look(&mut p)), (Ok(6), Ok(6)), "nothing is taken");
        if reset {
            p.inject(R, 7, 0, 0, none(), b"");
        } else {
            p.write(10);
            p.advance(10_000);
        }
        assert_eq!((p.state(), look(&mut p)), (State::Closed, Ok(6)));
        assert_eq!((read(&mut p, 4), read(&mut p, 10)), (Ok(4), Ok(2)));
        // Whoever looks first hears of it.
        assert_eq!((look(&mut p), look(&mut p)), (Err(error), Ok(0)));
        assert_eq!(read(&mut p, 10), Ok(0));
        let conn = p.conn.unwrap();
        assert_eq!(p.stack.write(p.now, conn, b"x"), Err(SocketError::BrokenPipe));
        p.close();
        assert!(p.stack.tcp().is_empty());
    }
}

/// The peer had said all that it would: only who writes hears of the reset.
fn the_end_before_a_reset_stays_the_end() {
    let mut p = Puppet::new().open(mss(1000));
    p.inject(FA, 1, 1, WND, none(), b"all");
    p.expect(A, 1, 5, 0);
    p.inject(R, 5, 0, 0, none(), b"");
    assert_eq!((p.state(), p.read(10), p.read(10)), (State::Closed, 3, 0));
    let conn = p.conn.unwrap();
    assert_eq!(p.stack.peek(p.now, conn, &mut [0; 10]), Ok(0));
    let pending = p.stack.take_error(p.now, netglass::socket::SocketId::Conn(conn));
    assert_eq!(pending, Err(SocketError::BrokenPipe));
    assert_eq!(p.stack.write(p.now, conn, b"x"), Err(SocketError::BrokenPipe));
}

fn datagrams_are_marked() {
    let mut p = Puppet::new();
    let (at, to) = (SocketAddr::new(HOST.into(), 53), SocketAddr::new(PEER.into(), 9));
    let id = p.stack.bind(p.now, at, false).unwrap();
    let sent = |p: &mut Puppet, len: usize| {
        p.stack.send_to(p.now, id, Some(to), &vec![0; len]).unwrap();
        p.pump();
        p.take_others().iter().map(|packet| mark(packet)).collect::<Vec<_>>()
    };
    assert_eq!(sent(&mut p, 1), [(64, 0)]);
    p.stack.mark_udp(p.now, id, Mark { ttl: Some(1), tos: 0x2e }).unwrap();
    assert_eq!(sent(&mut p, 3000), [(1, 0x2e); 3], "every fragment");
    let none = p.stack.mark_udp(p.now, id, Mark { ttl: Some(0), tos: 0 });
    assert_eq!(none, Err(SocketError::InvalidInput));
    assert_eq!(sent(&mut p, 1), [(1, 0x2e)]);
    p.stack.close_udp(p.now, id);
    assert_eq!(p.stack.mark_udp(p.now, id, Mark::default()), Err(SocketError::BadHandle));
}

/// An address is not listened at while a connection there is in TIME-WAIT, unless the socket says
/// that it knows (SO_REUSEADDR); never while somebody else listens there.
fn time_wait_keeps_the_address() {
    let mut p = Puppet::new().open_passively(mss(1000));
    let listen = |p: &mut Puppet, reuse_address| {
        let options = ListenOptions { reuse_address, ..ListenOptions::default() };
        p.stack.listen(p.now, p.local, options)
    };
    assert_eq!(listen(&mut p, true), Err(SocketError::AddrInUse), "somebody listens there");
    let listener = p.listener.unwrap();
    p.stack.close_listener(p.now, listener).unwrap();
    assert_eq!(listen(&mut p, false), Err(SocketError::AddrInUse), "a connection is open");
    p.close();
    p.expect(FA, 1, 1, 0);
    p.inject(FA, 1, 2, WND, none(), b"");
    p.expect(A, 2, 2, 0);
    assert_eq!(p.state(), State::TimeWait);
    assert_eq!(listen(&mut p, false), Err(SocketError::AddrInUse));
    let again = listen(&mut p, true).unwrap();
    assert_eq!(listen(&mut p, true), Err(SocketError::AddrInUse));
    // The pair itself stays taken, for us as well.
    let (local, remote) = (p.local, p.remote);
    let same = p.stack.connect(p.now, remote, Some(local), None);
    assert_eq!(same, Err(SocketError::AddrInUse));
    p.stack.close_listener(p.now, again).unwrap();
    p.advance(60_000);
    let last = listen(&mut p, false).unwrap();
    p.stack.close_listener(p.now, last).unwrap();
    assert!(p.stack.connect(p.now, remote, Some(local), None).is_ok());
}

#[test]
fn addresses_in_use_and_not_to_be_had_are_told_apart() {
    let now = Instant::ZERO;
    let mut host = Stack::new(host_setup());
    let own = |port| SocketAddr::new(HOST.into(), port);
    let any: SocketAddr = "0.0.0.0:80".parse().unwrap();
    let foreign: SocketAddr = "192.0.2.1:80".parse().unwrap();
    let peer = SocketAddr::new(PEER.into(), 80);
    let mut listen = |at| host.listen(now, at, ListenOptions::default());
    assert_eq!(listen(foreign), Err(SocketError::AddrNotAvailable));
    let free = listen(own(0)).unwrap();
    assert!(listen(own(80)).is_ok());
    assert_eq!(listen(own(80)), Err(SocketError::AddrInUse));
    assert_eq!(listen(any), Err(SocketError::AddrInUse), "it would take the other's connections");
    let port = host.listener_addr(free).unwrap().port();
    assert!((32_768..=60_999).contains(&port), "{port}");
    // UDP has its own ports, and its own word for sharing them.
    let mut bind = |at, reuse| host.bind(now, at, reuse);
    assert_eq!(bind(foreign, false), Err(SocketError::AddrNotAvailable));
    let udp = bind(own(80), false).unwrap();
    assert_eq!(bind(own(80), true), Err(SocketError::AddrInUse), "the first did not agree");
    assert_eq!(bind(any, false), Err(SocketError::AddrInUse));
    assert!(bind(own(81), true).is_ok() && bind(own(81), true).is_ok());
    // Where nothing leads.
    let connect = |host: &mut Stack, remote, local| host.connect(now, remote, local, None);
    assert_eq!(connect(&mut host, foreign, None), Err(SocketError::NetworkUnreachable));
    assert_eq!(host.connect_udp(now, udp, foreign), Err(SocketError::NetworkUnreachable));
    let sent = host.send_to(now, udp, Some(foreign), b"x");
    assert_eq!(sent, Err(SocketError::NetworkUnreachable));
    let not_ours = Some(SocketAddr::new(foreign.ip(), 0));
    assert_eq!(connect(&mut host, peer, not_ours), Err(SocketError::AddrNotAvailable));
    assert!(connect(&mut host, peer, Some(own(5000))).is_ok());
    assert_eq!(connect(&mut host, peer, Some(own(5000))), Err(SocketError::AddrInUse));
    let other = SocketAddr::new(PEER.into(), 81);
    assert!(connect(&mut host, other, Some(own(5000))).is_ok(), "another pair");
    let kinds = [
        (SocketError::AddrInUse, ErrorKind::AddrInUse),
        (SocketError::AddrNotAvailable, ErrorKind::AddrNotAvailable),
        (SocketError::NetworkUnreachable, ErrorKind::NetworkUnreachable),
    ];
    for (error, kind) in kinds {
        assert_eq!(std::io::Error::from(error).kind(), kind);
    }
}

fn host(key: u64, addr: &str) -> Host {
    Host::new(Setup::new([key, 0]).with_iface("wire0", 1500, addr.parse().unwrap()))
}

#[test]
fn streams_tell_their_queues_and_take_marks() {
    let (a, b) = (host(1, "10.0.0.1/24"), host(2, "10.0.0.2/24"));
    let _cable = memory::join(&a, &b, Default::default(), [None, None]).unwrap();
    let at: SocketAddr = "10.0.0.2:7".parse().unwrap();
    let listener = TcpListener::bind(&b, at).unwrap();
    let config = Config { mss: Some(1000), ..Config::default() };
    let options = ConnectOptions { config: Some(config), ..ConnectOptions::default() };
    let mut client = TcpStream::connect_with(&a, at, options).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    // Of the 1000 bytes that one side announces, and keeps to itself, 12 are timestamps.
    assert_eq!((client.max_segment().unwrap(), server.max_segment().unwrap()), (988, 988));
    assert_eq!((client.ttl().unwrap(), client.tos().unwrap()), (64, 0));
    for hops in [0, 256] {
        assert_eq!(client.set_ttl(hops).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    client.set_ttl(9).unwrap();
    client.set_tos(0x10).unwrap();
    assert_eq!((client.ttl().unwrap(), client.tos().unwrap()), (9, 0x10));
    assert_eq!(server.readable_bytes().unwrap(), 0);
    client.write_all(b"hello").unwrap();
    assert_eq!(server.peek(&mut [0; 10]).unwrap(), 5);
    assert_eq!(server.readable_bytes().unwrap(), 5);
    server.write_all(b"answer").unwrap();
    client.read_exact(&mut [0; 6]).unwrap();
    // The answer acknowledged the question.
    assert_eq!((client.unacknowledged_bytes().unwrap(), client.unsent_bytes().unwrap()), (0, 0));
    assert!(client.take_error().unwrap().is_none());
    drop(server); // with "hello" unread: a reset
    let error = client.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(client.take_error().unwrap().is_none(), "it was told");
    assert_eq!(client.info().unwrap().bytes_acked, 5);
}

#[test]
fn a_full_window_leaves_bytes_unsent() {
    let (a, b) = (host(3, "10.0.0.1/24"), host(4, "10.0.0.2/24"));
    let at: SocketAddr = "10.0.0.2:7".parse().unwrap();
    let _cable = memory::join(&a, &b, Default::default(), [None, None]).unwrap();
    let small = Config { recv_buffer: 4096, ..Config::default() };
    let options = ListenOptions { config: Some(small), ..ListenOptions::default() };
    let listener = TcpListener::bind_with(&b, at, options).unwrap();
    let mut client = TcpStream::connect(&a, at).unwrap();
    let (server, _) = listener.accept().unwrap();
    client.write_all(&[1; 50_000]).unwrap();
    // No more than the window is taken, and so no more is acknowledged.
    let (unacknowledged, unsent) =
        (client.unacknowledged_bytes().unwrap(), client.unsent_bytes().unwrap());
    assert!(unacknowledged >= 50_000 - 4096 && unsent >= 50_000 - 2 * 4096, "{unsent}");
    assert!(server.readable_bytes().unwrap() <= 4096);
}

#[test]
fn udp_sockets_tell_their_queues_and_take_marks() {
    let (a, b) = (host(5, "10.0.0.1/24"), host(6, "10.0.0.2/24"));
    let _cable = memory::join(&a, &b, Default::default(), [None, None]).unwrap();
    let at: SocketAddr = "10.0.0.2:7".parse().unwrap();
    let server = UdpSocket::bind(&b, at).unwrap();
    server.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let client = UdpSocket::bind(&a, "10.0.0.1:0".parse().unwrap()).unwrap();
    assert_eq!((client.ttl().unwrap(), client.tos().unwrap()), (64, 0));
    client.set_ttl(3).unwrap();
    client.set_tos(0xb8).unwrap();
    assert_eq!((client.ttl().unwrap(), client.tos().unwrap()), (3, 0xb8));
    assert_eq!(client.set_ttl(300).unwrap_err().kind(), ErrorKind::InvalidInput);
    client.send_to(b"first", at).unwrap();
    client.send_to(b"second!", at).unwrap();
    assert_eq!(server.recv_from(&mut [0; 10]).unwrap().0, 5);
    // The second follows the first; how soon is the driver's business.
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while server.readable_bytes().unwrap() == 0 {
        assert!(std::time::Instant::now() < deadline, "it never came");
        std::thread::yield_now();
    }
    assert_eq!(server.readable_bytes().unwrap(), 7);
    assert_eq!(client.unsent_bytes().unwrap(), 0, "what arrived was sent");
}
