//! Small runs, each with one thing in it to be explained.

use netglass::base::Instant;
use netglass::net::Host;
use netglass::net::rt;
use netglass::net::tokio::{TcpListener, TcpStream};
use netglass::observe::log::{Entry, Event, Log};
use netglass::sim::{Net, Port, Wire};
use netglass::stack::{self, Setup};
use netglass::tcp;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(super) const LONG: Instant = Instant::from_millis(600_000);
pub(super) const REQUEST: &[u8] = &[b'q'; 78];

fn host(n: u8) -> Setup {
    Setup::new([0, 0]).with_iface("eth0", 1500, format!("10.0.0.{n}/24").parse().unwrap())
}

fn server_addr() -> SocketAddr {
    "10.0.0.2:80".parse().unwrap()
}

/// Answers one request with `bytes` bytes, and closes.
async fn serve(listener: TcpListener, bytes: usize) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = [0; REQUEST.len()];
    stream.read_exact(&mut request).await.unwrap();
    stream.write_all(&vec![7; bytes]).await.unwrap();
    stream.shutdown().await.unwrap();
}

/// Asks, waits, reads to the end, and closes.
async fn ask(host: Host, waits: Duration) -> usize {
    let mut stream = TcpStream::connect(&host, server_addr()).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    rt::sleep(waits).await;
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    all.len()
}

/// A request over a wire of these words, and the answer, which is read `waits` later.
pub(super) fn request(words: &str, seed: u64, bytes: usize, waits: Duration) -> Log {
    let mut net = Net::new(seed);
    let (client, server) = (net.host("client", host(1)), net.host("server", host(2)));
    let wire = Wire::from_words(words).unwrap();
    net.join("line", Port(client, 0), Port(server, 0), wire).unwrap();
    net.keep_log();
    let listener = TcpListener::bind(net.handle(server), server_addr()).unwrap();
    net.spawn(serve(listener, bytes));
    let program = ask(net.handle(client).clone(), waits);
    assert_eq!(net.run_program(LONG, program).unwrap(), bytes);
    let end = net.now() + Duration::from_secs(1);
    net.run(end);
    net.log().unwrap().clone()
}

/// Nothing is lost.
pub(super) fn clean() -> Log {
    request("delay 20ms", 1, 20_000, Duration::ZERO)
}

/// What the wire has dropped, as (its entry, who sent it).
pub(super) fn drops(log: &Log) -> Vec<(&Entry, &Entry)> {
    let gone = log
        .entries()
        .iter()
        .filter(|entry| matches!(&entry.event, Event::Wire(w) if w.gone().is_some()));
    gone.map(|gone| (gone, log.get(gone.causes[0]).unwrap())).collect()
}

pub(super) fn sent(entry: &Entry) -> Option<(&tcp::SegmentView, &tcp::Plan)> {
    match &entry.event {
        Event::Host(stack::Event::Tcp(tcp::Event::Sent { seg, plan, .. })) => Some((seg, plan)),
        _ => None,
    }
}

/// The fourth segment of the answer is lost.
pub(super) fn data_lost() -> Log {
    request("delay 20ms in drop data#4", 1, 20_000, Duration::ZERO)
}

/// The last segment of the answer is lost.
pub(super) fn tail_lost() -> Log {
    request("delay 20ms in drop data#3", 1, 3_000, Duration::ZERO)
}

/// The client's SYN is lost.
pub(super) fn syn_lost() -> Log {
    request("delay 20ms out drop syn once", 1, 100, Duration::ZERO)
}

/// The client reads late, and its window closes.
pub(super) fn late_reader() -> Log {
    request("delay 20ms", 1, 400_000, Duration::from_secs(3))
}

/// A request through a slow, long path: cwnd is what limits it.
pub(super) fn slow_start() -> Log {
    request("delay 20ms rate 10mbit", 1, 200_000, Duration::ZERO)
}
