//! Sockets for tasks.

use super::{LONG, Net, addr, pattern};
use crate::net::Host;
use crate::net::tokio::{TcpListener, TcpStream, UdpSocket};
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// Runs a test on two worker threads, at most for [`LONG`].
fn run<T>(test: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_time().build().expect("a runtime");
    runtime.block_on(async { timeout(LONG, test).await.expect("it ends in time") })
}

async fn connected(net: &Net) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(&net.b, addr("10.0.0.2:0")).expect("a port is free");
    let at = listener.local_addr().expect("it listens");
    let (client, server) = tokio::join!(TcpStream::connect(&net.a, at), listener.accept());
    (client.expect("connected"), server.expect("accepted").0)
}

#[test]
fn data_crosses_both_ways_at_once() {
    const LEN: usize = 10 << 20;
    let net = Net::new();
    run(async {
        let (client, server) = connected(&net).await;
        let mut tasks = Vec::new();
        for (number, stream) in [(1, client), (2, server)] {
            let (mut reader, mut writer) = tokio::io::split(stream);
            tasks.push(tokio::spawn(async move {
                writer.write_all(&pattern(number, LEN)).await.expect("the peer reads");
                writer.shutdown().await.expect("it is open");
            }));
            tasks.push(tokio::spawn(async move {
                let mut told = Vec::new();
                reader.read_to_end(&mut told).await.expect("the peer writes");
                assert!(told == pattern(3 - number, LEN), "what was written is what is read");
            }));
        }
        for task in tasks {
            task.await.expect("no assertion fails");
        }
    });
}

/// A lost wake-up would let this hang: each byte needs two of them, one per side.
#[test]
fn ten_thousand_bytes_go_to_and_fro() {
    let net = Net::new();
    run(async {
        let (client, server) = connected(&net).await;
        for stream in [&client, &server] {
            stream.set_nodelay(true).expect("taken");
        }
        let echo = tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(server);
            tokio::io::copy(&mut reader, &mut writer).await.expect("an echo")
        });
        let mut client = client;
        for n in 0..10_000_u32 {
            client.write_u8(n as u8).await.expect("room");
            assert_eq!(client.read_u8().await.expect("its echo"), n as u8);
        }
        drop(client);
        assert_eq!(echo.await.expect("no panic"), 10_000);
    });
}

#[test]
fn chunks_become_bytes() {
    const LEN: usize = 1 << 20;
    let net = Net::new();
    run(async {
        let (mut client, mut server) = connected(&net).await;
        assert!(server.read_chunk(0).await.expect("nothing asked").is_none());
        let nothing = timeout(Duration::from_millis(1), server.read_chunk(9)).await;
        assert!(nothing.is_err(), "nothing has come, and what comes is not lost");
        let writer = tokio::spawn(async move {
            client.write_all(&pattern(5, LEN)).await.expect("the peer reads");
            client.shutdown().await.expect("it is open");
        });
        let mut told: Vec<bytes::Bytes> = Vec::new();
        while let Some(chunk) = server.read_chunk(5_000).await.expect("it is open") {
            told.push(chunk.into());
            let mut room = [0; 100];
            let n = server.read(&mut room).await.expect("it is open");
            told.push(bytes::Bytes::copy_from_slice(&room[..n]));
        }
        writer.await.expect("no assertion fails");
        assert!(told.concat() == pattern(5, LEN), "what was written is what is read");
    });
}

#[test]
fn many_tasks_accept_and_a_dropped_future_loses_nothing() {
    const MANY: u64 = 200;
    let net = Net::new();
    run(async {
        let listener = TcpListener::bind(&net.b, addr("0.0.0.0:7")).expect("the port is free");
        let listener = std::sync::Arc::new(listener);
        let nobody = timeout(Duration::from_millis(1), listener.accept()).await;
        assert!(nobody.is_err(), "nobody has connected");
        let mut servers = Vec::new();
        for _ in 0..4 {
            let listener = listener.clone();
            servers.push(tokio::spawn(async move {
                for _ in 0..MANY / 4 {
                    let (mut stream, _) = listener.accept().await.expect("they connect");
                    tokio::spawn(async move {
                        let mut told = Vec::new();
                        stream.read_to_end(&mut told).await.expect("it says something");
                        stream.write_all(&told).await.expect("it listens");
                    });
                }
            }));
        }
        let client = |host: Host, number| async move {
            let mut stream = TcpStream::connect(&host, addr("10.0.0.2:7")).await.expect("open");
            let said = pattern(number, 10_000);
            stream.write_all(&said).await.expect("it listens");
            stream.shutdown().await.expect("it is open");
            let mut told = Vec::new();
            stream.read_to_end(&mut told).await.expect("it answers");
            assert!(told == said, "connection {number} hears its own echo");
        };
        let clients: Vec<_> = (0..MANY).map(|n| tokio::spawn(client(net.a.clone(), n))).collect();
        for task in clients.into_iter().chain(servers) {
            task.await.expect("no assertion fails");
        }
    });
}

#[test]
fn openings_fail_and_are_given_up() {
    let net = Net::new();
    run(async {
        let refused = TcpStream::connect(&net.a, addr("10.0.0.2:9")).await;
        assert_eq!(refused.expect_err("nobody listens").kind(), ErrorKind::ConnectionRefused);
        let silent = TcpStream::connect(&net.a, addr("10.0.0.77:9"));
        assert!(timeout(Duration::from_millis(10), silent).await.is_err());
        net.a.with(|stack, _| assert!(stack.tcp().is_empty(), "a dropped future leaves nothing"));
    });
}

#[test]
fn ends_are_told() {
    let net = Net::new();
    run(async {
        let (mut client, mut server) = connected(&net).await;
        client.write_all(b"question").await.expect("room");
        client.shutdown().await.expect("open");
        client.shutdown().await.expect("twice is once");
        client.finished().await.expect("acknowledged");
        let mut told = String::new();
        server.read_to_string(&mut told).await.expect("question and end");
        server.write_all(b"never read").await.expect("the other half is open");
        assert_eq!(client.peek(&mut [0; 4]).await.expect("it comes"), 4);
        drop(client);
        let error = server.read_u8().await.expect_err("a reset, or the end before it");
        let expected = [ErrorKind::ConnectionReset, ErrorKind::UnexpectedEof];
        assert!(expected.contains(&error.kind()), "{error}");
        let (client, mut server) = connected(&net).await;
        client.set_zero_linger(true).expect("taken");
        drop(client);
        let error = server.read_u8().await.expect_err("a reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn datagrams_and_their_errors() {
    let net = Net::new();
    run(async {
        let client = UdpSocket::bind(&net.a, addr("10.0.0.1:0")).expect("a port is free");
        let server = UdpSocket::bind(&net.b, addr("0.0.0.0:7")).expect("the port is free");
        let mut room = [0; 100];
        let late = timeout(Duration::from_millis(1), server.recv_from(&mut room)).await;
        assert!(late.is_err(), "nothing was sent");
        let answer = tokio::spawn(async move {
            let mut room = [0; 100];
            let (n, from) = server.recv_from(&mut room).await.expect("it comes");
            server.send_to(&room[..n], from).await.expect("sent");
        });
        client.send_to(b"question", addr("10.0.0.2:7")).await.expect("sent");
        let (n, from) = client.recv_from(&mut room).await.expect("it comes");
        assert_eq!((&room[..n], from), (&b"question"[..], addr("10.0.0.2:7")));
        answer.await.expect("no panic");
        client.connect(addr("10.0.0.2:7")).expect("a peer");
        client.send(b"still there?").await.expect("sent");
        let error = client.recv(&mut room).await.expect_err("the socket is closed");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn whoever_waits_hears_of_the_drivers_end() {
    let net = Net::new();
    run(async {
        let (mut client, _server) = connected(&net).await;
        let waiting = tokio::spawn(async move { client.read_u8().await.map_err(|e| e.kind()) });
        let [a, _b] = net.running;
        a.stop(Duration::ZERO).expect("the device was there");
        assert_eq!(waiting.await.expect("no panic"), Err(ErrorKind::NetworkDown));
    });
}

/// Also a loop that takes no error for an answer leaves the other tasks their turn.
#[test]
fn asking_a_host_without_a_driver_yields() {
    let host = Host::new(crate::stack::Setup::new([1, 2]).with_iface(
        "wire0",
        1500,
        "10.0.0.1/24".parse().expect("it is one"),
    ));
    host.undriven();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind(&host, addr("10.0.0.1:80")).expect("the port is free");
        let socket = UdpSocket::bind(&host, addr("10.0.0.1:53")).expect("the port is free");
        let stubborn = async {
            loop {
                let error = listener.accept().await.expect_err("nobody drives");
                assert_eq!(error.kind(), ErrorKind::NetworkDown);
                let error = socket.recv(&mut [0; 8]).await.expect_err("nobody drives");
                assert_eq!(error.kind(), ErrorKind::NetworkDown);
            }
        };
        // The first is polled first, and would keep the thread if it never yielded.
        tokio::select! {
            biased;
            () = stubborn => unreachable!("it goes on for ever"),
            () = std::future::ready(()) => {}
        }
    });
}

/// Looking takes nothing and waits, trying does not wait.
#[test]
fn looking_and_trying() {
    let net = Net::new();
    run(async {
        let (client, mut server) = connected(&net).await;
        let mut room = [0; 10];
        let early = client.try_read(&mut room).map_err(|error| error.kind());
        assert_eq!(early, Err(ErrorKind::WouldBlock));
        assert_eq!(server.try_write(b"hello").expect("room"), 5);
        assert_eq!(client.peek(&mut room).await.expect("it comes"), 5);
        assert_eq!(client.try_peek(&mut room).expect("it stays"), 5);
        assert_eq!(client.try_read(&mut room).expect("it is there"), 5);
        server.shutdown().await.expect("it is open");
        assert_eq!(client.peek(&mut room).await.expect("the end"), 0);
        let udp = |host, at| UdpSocket::bind(host, addr(at)).expect("the port is free");
        let (a, b) = (udp(&net.a, "10.0.0.1:1000"), udp(&net.b, "10.0.0.2:2000"));
        a.send_to(b"one", addr("10.0.0.2:2000")).await.expect("room");
        assert_eq!(b.peek_from(&mut room).await.expect("it comes").0, 3);
        assert_eq!(b.peek(&mut room).await.expect("it stays"), 3);
        assert_eq!(b.try_recv(&mut room).expect("it is there"), 3);
    });
}
