//! Blocking sockets.

use super::{LONG, Net, addr, pattern};
use crate::net::blocking::{TcpListener, TcpStream, UdpSocket};
use crate::net::{ConnectOptions, Host};
use crate::tcp::{Config, FastOpening, State};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

#[test]
fn data_crosses_both_ways_at_once() {
    const LEN: usize = 10 << 20;
    let net = Net::new();
    let (client, server) = net.connected();
    let mut threads = Vec::new();
    for (number, stream) in [(1, client), (2, server)] {
        let writer = stream.try_clone().expect("another handle");
        threads.push(thread::spawn(move || {
            (&writer).write_all(&pattern(number, LEN)).expect("the peer reads");
            writer.shutdown(Shutdown::Write).expect("it is open");
        }));
        threads.push(thread::spawn(move || {
            let mut told = Vec::new();
            (&stream).read_to_end(&mut told).expect("the peer writes");
            assert!(told == pattern(3 - number, LEN), "what was written is what is read");
        }));
    }
    threads.into_iter().for_each(|thread| thread.join().expect("no assertion fails"));
}

#[test]
fn two_hundred_connections_at_once() {
    const MANY: u64 = 200;
    let net = Net::new();
    let listener = TcpListener::bind(&net.b, addr("0.0.0.0:7")).expect("the port is free");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..MANY / 4 {
                    let (mut stream, _) = listener.accept_timeout(LONG).expect("they connect");
                    let mut told = Vec::new();
                    stream.read_to_end(&mut told).expect("it says something");
                    stream.write_all(&told).expect("it listens");
                }
            });
        }
        for number in 0..MANY {
            let host = &net.a;
            scope.spawn(move || {
                let mut stream = TcpStream::connect(host, addr("10.0.0.2:7")).expect("connected");
                let said = pattern(number, 10_000);
                stream.write_all(&said).expect("it listens");
                stream.shutdown(Shutdown::Write).expect("it is open");
                let mut told = Vec::new();
                stream.read_to_end(&mut told).expect("it answers");
                assert!(told == said, "connection {number} hears its own echo");
            });
        }
    });
}

#[test]
fn nobody_there() {
    let net = Net::of(|setup| {
        setup.tcp.rto_initial = Duration::from_millis(20);
        setup.tcp.syn_retries = 1;
    });
    let kind = |result: std::io::Result<TcpStream>| result.expect_err("nobody is there").kind();
    let refused = TcpStream::connect(&net.a, addr("10.0.0.2:9"));
    assert_eq!(kind(refused), ErrorKind::ConnectionRefused);
    // Nobody answers at that address: the cable's other end drops what is not its own.
    let silent = addr("10.0.0.77:9");
    assert_eq!(kind(TcpStream::connect(&net.a, silent)), ErrorKind::TimedOut);
    let patient = Config::default();
    let options = ConnectOptions {
        config: Some(patient),
        timeout: Some(Duration::from_millis(10)),
        ..ConnectOptions::default()
    };
    assert_eq!(kind(TcpStream::connect_with(&net.a, silent, options)), ErrorKind::TimedOut);
    let elsewhere = TcpStream::connect(&net.a, addr("192.0.2.1:9"));
    assert_eq!(kind(elsewhere), ErrorKind::NetworkUnreachable);
    net.a.with(|stack, _| assert!(stack.tcp().is_empty(), "failed openings leave nothing"));
}

#[test]
fn timeouts_end_waiting_and_nothing_else() {
    let net = Net::new();
    let (mut client, mut server) = net.connected();
    let short = Some(Duration::from_millis(5));
    client.set_read_timeout(short).expect("a timeout");
    client.set_write_timeout(short).expect("a timeout");
    assert_eq!(
        client.set_read_timeout(Some(Duration::ZERO)).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    assert_eq!(client.read_timeout(), short);
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let mut written = 0;
    let full = loop {
        match client.write(&[7; 1 << 16]) {
            Ok(n) => written += n,
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    drop(client);
    let mut told = Vec::new();
    server.read_to_end(&mut told).expect("all of it comes");
    assert_eq!(told.len(), written);
}

#[test]
fn options_and_questions() {
    let net = Net::new();
    let (mut client, mut server) = net.connected();
    assert_eq!(client.local_addr().expect("ours"), server.peer_addr().expect("theirs"));
    assert_eq!(client.state().expect("known"), State::Established);
    assert!(!client.nodelay().expect("known"));
    client.set_nodelay(true).expect("taken");
    assert!(client.nodelay().expect("known"));
    client.set_keepalive(Some(Default::default())).expect("taken");
    client.set_user_timeout(Some(LONG)).expect("taken");
    assert_eq!(client.config().expect("known").user_timeout, Some(LONG));
    client.write_all(b"hello").expect("room");
    let mut room = [0; 9];
    assert_eq!(server.peek(&mut room).expect("it comes"), 5);
    assert_eq!(server.read(&mut room).expect("it is there"), 5);
    assert_eq!(&room[..5], b"hello");
    assert_eq!(server.info().expect("known").bytes_received, 5);
    assert!(server.take_error().expect("always").is_none());
    assert_eq!(server.read(&mut []).expect("nothing asked"), 0);
    // Shutting down reading ends this side's reading, also for one who waits.
    let waiting = server.try_clone().expect("another handle");
    let thread = thread::spawn(move || (&waiting).read(&mut [0; 1]));
    server.shutdown(Shutdown::Read).expect("it is open");
    assert_eq!(thread.join().expect("it reads").expect("the end"), 0);
}

#[test]
fn chunks_go_to_another_thread() {
    const LEN: usize = 1 << 20;
    let net = Net::new();
    let (mut client, mut server) = net.connected();
    assert!(server.read_chunk(0).expect("nothing asked").is_none());
    assert_eq!(server.try_read_chunk(9).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.set_read_timeout(Some(Duration::from_millis(1))).expect("taken");
    assert_eq!(server.read_chunk(9).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.set_read_timeout(Some(LONG)).expect("taken");
    let writer = thread::spawn(move || {
        client.write_all(&pattern(3, LEN)).expect("the peer reads");
        client
    });
    let (to, kept) = std::sync::mpsc::channel();
    let reader = thread::spawn(move || {
        let mut left = LEN;
        while left > 0 {
            let chunk = server.read_chunk(4_000).expect("open").expect("there is more");
            left -= chunk.len();
            to.send(chunk).expect("somebody listens");
            if left > 100 {
                let mut room = [0; 100];
                server.read_exact(&mut room).expect("there is more");
                left -= room.len();
                to.send(server.host().pool().copy(&room)).expect("somebody listens");
            }
        }
        server
    });
    let told: Vec<_> = kept.iter().collect();
    let (client, server) = (writer.join().expect("it writes"), reader.join().expect("it reads"));
    let told: Vec<u8> = told.iter().flat_map(|chunk| chunk.iter().copied()).collect();
    assert!(told == pattern(3, LEN), "what was written is what is read");
    // The end is one, whether the peer says so or this side.
    client.shutdown(Shutdown::Write).expect("it is open");
    assert!(server.read_chunk(usize::MAX).expect("the end").is_none());
    client.shutdown(Shutdown::Read).expect("it is open");
    assert!(client.read_chunk(usize::MAX).expect("the end").is_none());
}

#[test]
fn a_user_who_panics_harms_nobody() {
    let net = Net::new();
    let host = net.a.clone();
    let panicking = thread::spawn(move || host.with(|_, _| panic!("a user's mistake")));
    assert!(panicking.join().is_err());
    let (mut client, mut server) = net.connected();
    client.write_all(b"still here").expect("room");
    drop(client);
    let mut told = String::new();
    server.read_to_string(&mut told).expect("it comes");
    assert_eq!(told, "still here");
}

#[test]
fn datagrams_and_their_errors() {
    let net = Net::new();
    let socket = |host: &Host, at| {
        let socket = UdpSocket::bind(host, addr(at)).expect("the port is free");
        socket.set_read_timeout(Some(LONG)).expect("a timeout");
        socket
    };
    let (client, server) = (socket(&net.a, "10.0.0.1:0"), socket(&net.b, "0.0.0.0:7"));
    client.send_to(b"question", addr("10.0.0.2:7")).expect("sent");
    let mut room = [0; 100];
    let (n, from) = server.recv_from(&mut room).expect("it comes");
    assert_eq!((&room[..n], from), (&b"question"[..], client.local_addr().expect("bound")));
    server.send_to(&pattern(1, 20_000), from).expect("fragments are sent");
    let mut big = vec![0; 30_000];
    assert_eq!(client.recv_from(&mut big).expect("it comes").0, 20_000);
    assert!(big[..20_000] == pattern(1, 20_000));
    assert_eq!(client.send(b"to whom?").unwrap_err().kind(), ErrorKind::NotConnected);
    client.connect(addr("10.0.0.2:9")).expect("a peer");
    assert_eq!(client.peer_addr().expect("connected"), addr("10.0.0.2:9"));
    client.send(b"anybody there?").expect("sent");
    assert_eq!(client.recv(&mut room).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

/// An error that is kept to be asked for is nothing to be received.
#[test]
fn a_report_does_not_keep_readers_busy() {
    let net = Net::new();
    let socket = UdpSocket::bind(&net.a, addr("10.0.0.1:0")).expect("a port is free");
    socket.set_keep_reports(true).expect("it is open");
    socket.set_read_timeout(Some(Duration::from_millis(5))).expect("a timeout");
    socket.send_to(b"anybody there?", addr("10.0.0.2:9")).expect("sent");
    let id = net.a.with(|stack, _| {
        let mut ids = stack.udp().iter().map(|(id, _)| id);
        ids.next().expect("there is one")
    });
    let deadline = std::time::Instant::now() + LONG;
    let told = |stack: &crate::stack::Stack| stack.udp().get(id).is_some_and(|s| s.has_reports());
    while !net.a.with(|stack, _| told(stack)) {
        assert!(std::time::Instant::now() < deadline, "nobody is there");
        assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    }
    let (id, interest) = (crate::socket::SocketId::Udp(id), crate::socket::Interest::READ);
    assert!(net.a.with(|stack, now| stack.want(now, id, interest)), "there is nothing to be read");
    assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(socket.take_report().is_some());
}

/// `TCP_FASTOPEN_CONNECT`: with a cookie, connecting is over at once, and what is written first
/// goes with the SYN.
#[test]
fn connecting_waits_for_no_syn_that_waits_for_data() {
    let net = Net::of(|setup| {
        setup.tcp.fastopen_connect = true;
        setup.tcp.fastopen_server = FastOpening::On;
        setup.tcp.fastopen_queue = Some(2);
    });
    let listener = TcpListener::bind(&net.b, addr("10.0.0.2:80")).expect("the port is free");
    for state in [State::Established, State::SynSent] {
        let at = addr("10.0.0.2:80");
        let mut client = TcpStream::connect_timeout(&net.a, at, LONG).expect("somebody listens");
        assert_eq!(client.state().expect("it is there"), state);
        client.write_all(b"hello").expect("there is room");
        let (mut server, _) = listener.accept_timeout(LONG).expect("somebody connects");
        server.set_read_timeout(Some(LONG)).expect("a timeout");
        client.set_read_timeout(Some(LONG)).expect("a timeout");
        server.read_exact(&mut [0; 5]).expect("it comes");
        server.write_all(b"you").expect("there is room");
        client.read_exact(&mut [0; 3]).expect("it comes");
    }
}

/// `MSG_PEEK` and `MSG_DONTWAIT`: looking takes nothing and waits, trying takes and does not wait.
#[test]
fn looking_and_trying() {
    let net = Net::new();
    let (client, mut server) = net.connected();
    let mut room = [0; 10];
    let kind = |answer: std::io::Result<usize>| answer.map_err(|error| error.kind());
    assert_eq!(kind(client.try_read(&mut room)), Err(ErrorKind::WouldBlock));
    assert_eq!(kind(client.try_peek(&mut room)), Err(ErrorKind::WouldBlock));
    assert_eq!(kind(client.try_read(&mut [])), Ok(0));
    server.write_all(b"hello").expect("room");
    assert_eq!(client.peek(&mut room).expect("it comes"), 5);
    assert_eq!(kind(client.try_peek(&mut room[..3])), Ok(3));
    assert_eq!((kind(client.try_read(&mut room)), &room[..5]), (Ok(5), &b"hello"[..]));
    assert_eq!(kind(client.try_read(&mut room)), Err(ErrorKind::WouldBlock));
    // Nobody reads: the buffers fill up.
    let mut fill = std::iter::repeat_with(|| client.try_write(&[0; 1 << 16])).map(kind);
    assert_eq!(fill.find(Result::is_err), Some(Err(ErrorKind::WouldBlock)));
    server.shutdown(Shutdown::Write).expect("it is open");
    assert_eq!(client.peek(&mut room).expect("the end"), 0);
    assert_eq!(kind(client.try_read(&mut room)), Ok(0));
    // Nothing is worth waiting for any more.
    let [a, _b] = net.running;
    a.stop(Duration::ZERO).expect("it ran");
    assert_eq!(fill.find(Result::is_err), Some(Err(ErrorKind::NetworkDown)));
}

#[test]
fn looking_at_datagrams_and_trying_for_them() {
    let net = Net::new();
    let bind = |host, at| UdpSocket::bind(host, addr(at)).expect("the port is free");
    let (a, b) = (bind(&net.a, "10.0.0.1:1000"), bind(&net.b, "10.0.0.2:2000"));
    b.set_read_timeout(Some(LONG)).expect("a timeout");
    let mut room = [0; 3];
    for tried in [b.try_recv_from(&mut room), b.try_peek_from(&mut room)] {
        assert_eq!(tried.map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    }
    a.connect(addr("10.0.0.2:2000")).expect("a route");
    assert_eq!(a.try_send(b"first").expect("room"), 5);
    assert_eq!(a.try_send_to(b"second", addr("10.0.0.2:2000")).expect("room"), 6);
    let from = addr("10.0.0.1:1000");
    assert_eq!(b.peek_from(&mut room).expect("it comes"), (3, from));
    assert_eq!((b.try_peek_from(&mut room).expect("it stays"), &room), ((3, from), b"fir"));
    assert_eq!((b.try_recv(&mut room).expect("it is there"), &room), (3, b"fir"));
    assert_eq!((b.peek(&mut room).expect("what is left is lost"), &room), (3, b"sec"));
    // An error is told once, whoever asks, and before what has come.
    drop(b);
    assert_eq!(a.try_send(b"nobody").expect("room"), 6);
    a.set_read_timeout(Some(LONG)).expect("a timeout");
    assert_eq!(a.peek(&mut room).map_err(|e| e.kind()), Err(ErrorKind::ConnectionRefused));
    assert_eq!(a.try_recv(&mut room).map_err(|e| e.kind()), Err(ErrorKind::WouldBlock));
}

#[test]
fn accepting_without_waiting() {
    let net = Net::new();
    let listener = TcpListener::bind(&net.b, addr("10.0.0.2:80")).expect("the port is free");
    let none = listener.try_accept().map(|(_, peer)| peer).map_err(|error| error.kind());
    assert_eq!(none, Err(ErrorKind::WouldBlock));
    let client = TcpStream::connect(&net.a, addr("10.0.0.2:80")).expect("it listens");
    let start = std::time::Instant::now();
    let (_, peer) = loop {
        // The last ACK of the handshake may still be on its way.
        match listener.try_accept() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
            other => break other.expect("it came"),
        }
        assert!(start.elapsed() < LONG, "nobody came");
    };
    assert_eq!(peer, client.local_addr().expect("an address"));
}
