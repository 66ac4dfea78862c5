//! Small runs, each with one thing in it to be explained.

use netglass::base::{IfaceId, Instant, Mac};
use netglass::ip::{Cidr, Route};
use netglass::net::Host;
use netglass::net::rt;
use netglass::net::tokio::{TcpListener, TcpStream};
use netglass::observe::log::{Entry, Event, Log};
use netglass::sim::{Net, Port, Wire};
use netglass::stack::{self, Ethernet, PingOptions, Setup};
use netglass::tcp;
use netglass::tcp::cc::Algorithm;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(super) const LONG: Instant = Instant::from_millis(600_000);
pub(super) const REQUEST: &[u8] = &[b'q'; 78];

/// As the textbook has it: duplicate ACKs are counted, and the window is halved at once.
fn host(n: u8) -> Setup {
    let addr = format!("10.0.0.{n}/24").parse().unwrap();
    let mut setup = Setup::new([0, 0]).with_iface("eth0", 1500, addr);
    (setup.tcp.sack, setup.tcp.prr) = (false, false);
    setup.tcp.congestion = Algorithm::NEWRENO;
    setup
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
    request_of(host(1), words, seed, bytes, waits)
}

fn request_of(setup: Setup, words: &str, seed: u64, bytes: usize, waits: Duration) -> Log {
    let mut net = Net::new(seed);
    let (client, server) = (net.host("client", setup), net.host("server", host(2)));
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

/// The fourth and the sixth segment of the answer are lost.
pub(super) fn two_lost() -> Log {
    request("delay 20ms in drop data#4,#6", 1, 20_000, Duration::ZERO)
}

/// The fourth segment of a short answer over a slow line is lost.
pub(super) fn short_lost() -> Log {
    request("delay 20ms rate 10mbit in drop data#4", 1, 14_000, Duration::ZERO)
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
    let mut setup = host(1);
    setup.tcp.recv_buffer = 32_768;
    request_of(setup, "delay 20ms", 1, 100_000, Duration::from_secs(3))
}

/// A request through a slow, long path: cwnd is what limits it.
pub(super) fn slow_start() -> Log {
    request("delay 20ms rate 10mbit", 1, 200_000, Duration::ZERO)
}

/// A ping from `a` to `b`, behind a router.
pub(super) fn path() -> Log {
    let mut net = Net::new(1);
    let ethernet = |n| Ethernet::new(Mac([2, 0, 0, 0, 0, n]));
    let end = |n: u8| {
        let setup = Setup::new([0, 0]).with_iface("eth0", 1500, cidr(&format!("10.0.{n}.2/24")));
        let via = Some(format!("10.0.{n}.1").parse().unwrap());
        let mut setup = setup.on_ethernet(ethernet(n));
        setup.routes.push(Route { via, ..Route::on_link(cidr("0.0.0.0/0"), IfaceId(0)) });
        setup
    };
    let mut router = Setup::new([0, 0]).with_iface("eth0", 1500, cidr("10.0.1.1/24"));
    router = router.on_ethernet(ethernet(11)).with_iface("eth1", 1500, cidr("10.0.2.1/24"));
    let router = router.on_ethernet(ethernet(12)).as_router();
    let (a, r, b) = (net.host("a", end(1)), net.host("r", router), net.host("b", end(2)));
    net.join("a-r", Port(a, 0), Port(r, 0), Wire::from_words("delay 1ms").unwrap()).unwrap();
    net.join("r-b", Port(r, 1), Port(b, 0), Wire::from_words("delay 5ms").unwrap()).unwrap();
    net.keep_log();
    let to = "10.0.2.2".parse().unwrap();
    let ping = |stack: &mut stack::Stack, now| {
        stack.ping_with(now, to, (1, 1), b"hello", PingOptions::default())
    };
    net.handle(a).with(ping).unwrap();
    net.run(Instant::from_millis(200));
    net.log().unwrap().clone()
}

fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}
