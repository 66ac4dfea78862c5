//! The dumbbell: N senders and N receivers, each on a wire of its own, two routers, one bottleneck
//! with a drop-tail queue. `ns3/dumbbell.cc` is the same in ns-3: the constants are equal.

use crate::measure::{Figures, peak_kib};
use crate::program::start;
use netglass::base::Instant;
use netglass::net::tokio::{TcpListener, TcpStream};
use netglass::sim::{Net, NodeId, Port, Wire};
use netglass::stack::Setup;
use netglass::tcp::Config;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Bits per second of the bottleneck for each flow, and at most.
const FLOW_RATE: u64 = 10_000_000;
const MAX_RATE: u64 = 1_000_000_000;
const PACKET: u64 = 1500;
const RTT_MS: u64 = 40;
const BUFFER: u32 = 1 << 20;

fn setup(addr: &str) -> Setup {
    let mut setup = Setup::new([0, 0]).with_iface("eth0", 1500, addr.parse().expect("an address"));
    setup.tcp = Config { recv_buffer: BUFFER, send_buffer: BUFFER, ..Config::default() };
    setup
}

/// Runs `flows` flows for `end` of virtual time.
pub(crate) fn run(flows: usize, end: Instant) -> Figures {
    let begun = time::Instant::now();
    let mut net = Net::new(1);
    let got = Arc::new(AtomicU64::new(0));
    let mut ends = Vec::new();
    for n in 0..flows {
        let (high, low) = (n / 64, n % 64 * 4);
        let names = [format!("s{n}"), format!("r{n}")];
        let a = net.host(&names[0], setup(&format!("10.1.{high}.{}/30", low + 1)));
        let b = net.host(&names[1], setup(&format!("10.1.{high}.{}/30", low + 2)));
        let limit = FLOW_RATE * RTT_MS / 1000 / 8 / PACKET * 2 + 1;
        let words = format!("delay 20ms rate {FLOW_RATE}bit limit {limit}");
        let wire = Wire::from_words(&words).expect("words");
        net.join(&format!("w{n}"), Port(a, 0), Port(b, 0), wire).expect("two free ports");
        let to: SocketAddr = format!("10.1.{high}.{}:5001", low + 2).parse().expect("an address");
        ends.push((a, b, to));
    }
    for (_, b, to) in &ends {
        serve(&net, *b, *to, Arc::clone(&got));
    }
    let build = begun.elapsed();
    let begun = time::Instant::now();
    for at in 0..100 {
        net.run(Instant::from_millis(at));
        for (a, _, to) in ends.iter().skip(at as usize).step_by(100) {
            send(&net, *a, *to);
        }
    }
    net.run(end);
    let run = begun.elapsed();
    let counts = net.counts();
    Figures {
        packets: counts.frames,
        events: counts.events,
        bytes: got.load(Relaxed),
        build,
        run,
        peak_kib: peak_kib(),
    }
}

fn serve(net: &Net, node: NodeId, at: SocketAddr, got: Arc<AtomicU64>) {
    let host = net.handle(node).clone();
    start(async move {
        let listener = TcpListener::bind(&host, at).expect("a free port");
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut room = vec![0; 65536];
        while let Ok(n @ 1..) = stream.read(&mut room).await {
            got.fetch_add(n as u64, Relaxed);
        }
    });
}

fn send(net: &Net, node: NodeId, to: SocketAddr) {
    let host = net.handle(node).clone();
    start(async move {
        let mut stream = TcpStream::connect(&host, to).await.expect("a connection");
        let data = vec![7; 65536];
        while stream.write_all(&data).await.is_ok() {}
    });
}
