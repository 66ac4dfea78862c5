//! The resolver over a network of the test's own, on a clock that stands still.

use super::*;
use crate::app::dns::{Datagrams, Zones, answer};
use crate::app::services::Transport;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;

/// What a server says to a query, and how long after it.
type Serve = fn(SocketAddr, Transport, &[u8]) -> Vec<(u64, Vec<u8>)>;

/// Servers that answer by a function; counts the queries.
#[derive(Clone)]
struct Mock {
    serve: Serve,
    queries: Arc<AtomicU64>,
}

struct Socket {
    mock: Mock,
    peer: SocketAddr,
    told: (mpsc::UnboundedSender<Vec<u8>>, tokio::sync::Mutex<mpsc::UnboundedReceiver<Vec<u8>>>),
}

impl Datagrams for Socket {
    async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        self.mock.queries.fetch_add(1, Ordering::Relaxed);
        for (millis, answer) in (self.mock.serve)(self.peer, Transport::Udp, bytes) {
            let told = self.told.0.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                let _ = told.send(answer);
            });
        }
        Ok(())
    }

    async fn recv(&self, room: &mut [u8]) -> io::Result<usize> {
        let bytes = self.told.1.lock().await.recv().await.expect("the sender lives as long");
        room[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

impl Network for Mock {
    type Datagrams = Socket;
    type Stream = DuplexStream;

    fn datagrams(&self, peer: SocketAddr) -> io::Result<Socket> {
        let (sender, receiver) = mpsc::unbounded_channel();
        Ok(Socket { mock: self.clone(), peer, told: (sender, receiver.into()) })
    }

    async fn connect(&self, peer: SocketAddr) -> io::Result<DuplexStream> {
        let (here, mut there) = tokio::io::duplex(100);
        let mock = self.clone();
        tokio::spawn(async move {
            mock.queries.fetch_add(1, Ordering::Relaxed);
            let mut query = vec![0; usize::from(there.read_u16().await?)];
            there.read_exact(&mut query).await?;
            for (millis, answer) in (mock.serve)(peer, Transport::Tcp, &query) {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                there.write_u16(answer.len() as u16).await?;
                there.write_all(&answer).await?;
            }
            io::Result::Ok(())
        });
        Ok(here)
    }
}

fn good(over: Transport, query: &[u8]) -> Vec<u8> {
    let mut zones = Zones::of_host(&["10.9.0.2".parse().expect("one")]);
    zones.read("short 2 A 10.9.0.5\n").expect("good lines");
    answer(&zones, over, query).expect("an answer")
}

/// Runs look-ups one after the other; what each found, the queries it took and the milliseconds.
fn looked(serve: Serve, names: &[(&str, Type, u64)]) -> Vec<(String, u64, u64)> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let queries = Arc::new(AtomicU64::new(0));
        let mock = Mock { serve, queries: Arc::clone(&queries) };
        let servers = ["10.9.0.1:53", "10.9.0.7:53"].map(|s| s.parse().expect("a server"));
        let hosts = Hosts::read("10.0.0.1 static.test\n");
        let resolver = Resolver::new(mock, Settings::new(servers.to_vec()), hosts, [1, 2]);
        let mut told = Vec::new();
        for (name, rtype, pause) in names {
            tokio::time::sleep(Duration::from_secs(*pause)).await;
            let begun = tokio::time::Instant::now();
            let before = queries.load(Ordering::Relaxed);
            let found = resolver.lookup(&name.parse().expect("a name"), *rtype).await;
            let text = match found {
                Ok(Found::Addresses(addrs)) => addrs[0].to_string(),
                Ok(other) => format!("{other:?}"),
                Err(error) => error.to_string(),
            };
            let asked = queries.load(Ordering::Relaxed) - before;
            told.push((text, asked, begun.elapsed().as_millis() as u64));
        }
        told
    })
}

fn row(text: &str, queries: u64, millis: u64) -> (String, u64, u64) {
    (text.to_owned(), queries, millis)
}

#[test]
fn what_is_known_is_not_asked_again() {
    let serve: Serve = |_, over, query| vec![(10, good(over, query))];
    let names = [
        ("host.glass", Type::A, 0),
        ("HOST.glass", Type::A, 299),
        ("host.glass", Type::A, 1),
        ("short.glass", Type::A, 0),
        ("short.glass", Type::A, 3),
        ("nothing.glass", Type::A, 0),
        ("nothing.glass", Type::AAAA, 0),
        ("host.glass", Type::AAAA, 0),
        ("host.glass", Type::AAAA, 0),
        ("static.test", Type::A, 0),
        ("static.test", Type::AAAA, 0),
        ("localhost", Type::AAAA, 0),
    ];
    let expected = [
        row("10.9.0.2", 1, 10),
        row("10.9.0.2", 0, 0),
        row("10.9.0.2", 1, 10),
        row("10.9.0.5", 1, 10),
        row("10.9.0.5", 1, 10),
        row("NoName", 1, 10),
        row("NoName", 0, 0),
        row("NoData", 1, 10),
        row("NoData", 0, 0),
        row("10.0.0.1", 0, 0),
        row("NoData", 0, 0),
        row("::1", 0, 0),
    ];
    assert_eq!(looked(serve, &names), expected);
}

#[test]
fn lost_datagrams_are_sent_again_and_late_answers_are_another_sockets() {
    let silent: Serve = |_, _, _| Vec::new();
    let name = [("host.glass", Type::A, 0)];
    let error = "no answer from the name server 10.9.0.7:53";
    assert_eq!(looked(silent, &name), [row(error, 6, 14_000)]);
    let second: Serve = |to, over, query| match to.ip().to_string().as_str() {
        "10.9.0.7" => vec![(30, good(over, query))],
        _ => vec![(1500, good(over, query))],
    };
    assert_eq!(looked(second, &name), [row("10.9.0.2", 2, 1030)]);
    // Slow servers: the second round waits long enough.
    let slow: Serve = |_, over, query| vec![(1500, good(over, query))];
    assert_eq!(looked(slow, &name), [row("10.9.0.2", 3, 3500)]);
}

#[test]
fn forged_and_truncated_answers_lead_to_tcp() {
    let name = [("host.glass", Type::A, 0)];
    let truncated: Serve = |_, over, query| {
        let mut told = good(over, query);
        if over == Transport::Udp {
            told[2] |= 2;
        }
        vec![(10, told)]
    };
    assert_eq!(looked(truncated, &name), [row("10.9.0.2", 2, 20)]);
    let forged: Serve = |_, over, query| {
        let told = good(over, query);
        let mut answers = vec![(10, told.clone())];
        if over == Transport::Udp {
            // A hundred guesses arrive before.
            answers.extend((1..=100).map(|n| {
                let mut guess = told.clone();
                guess[1] = guess[1].wrapping_add(n);
                (5, guess)
            }));
        }
        answers
    };
    assert_eq!(looked(forged, &name), [row("10.9.0.2", 2, 15)]);
    // Over TCP, another answer is no answer.
    let wrong: Serve = |_, over, query| {
        let mut told = good(over, query);
        match over {
            Transport::Udp => told[2] |= 2,
            Transport::Tcp => told[1] ^= 1,
        }
        vec![(0, told)]
    };
    let error = "the name server 10.9.0.7:53 cannot be asked: invalid data";
    assert_eq!(looked(wrong, &name), [row(error, 4, 0)]);
}
