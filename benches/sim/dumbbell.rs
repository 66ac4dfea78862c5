//! The dumbbell: N senders and N receivers, each on a wire of its own, two routers, one bottleneck
//! with a drop-tail queue. `ns3/dumbbell.cc` is the same in ns-3: the constants are equal.

use crate::measure::{Figures, Meter};
use netglass::base::{IfaceId, Instant};
use netglass::ip::{Cidr, Origin, Route};
use netglass::net::rt;
use netglass::net::tokio::{TcpListener, TcpStream};
use netglass::sim::{End, Net, NodeId, Port, Wire};
use netglass::stack::Setup;
use netglass::tcp::Config;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PACKET: u16 = 1500;
/// Bits per second of the bottleneck for each flow, and at most.
const FLOW_RATE: u64 = 10_000_000;
const MAX_RATE: u64 = 1_000_000_000;
const RTT_MS: u64 = 40;
const ACCESS: &str = "delay 5ms rate 1gbit limit 10000";
/// Bytes of a connection's buffers at most, and of all together.
const BUFFER: u32 = 128 << 10;
const BUFFERS: u32 = 16 << 20;
const PORT: u16 = 5001;
/// What senders send, again and again.
static DATA: [u8; 16384] = [7; 16384];

/// Runs `flows` flows for `end` of virtual time.
pub(crate) fn run(flows: u16, end: Instant) -> Figures {
    let (mut meter, mut figures) = (Meter::begin(), Figures::default());
    let (mut net, got) = network(flows);
    meter.built(&mut figures);
    let ended = net.run(end);
    assert_eq!(ended, End::Time, "flows do not end");
    meter.ran(&mut figures);
    let counts = net.counts();
    (figures.packets, figures.events) = (counts.arrived, counts.events);
    (figures.bytes, figures.hash) = (got.load(Relaxed), net.hash());
    figures
}

/// The network with its programs, and where these count the bytes that receivers have got.
pub(crate) fn network(flows: u16) -> (Net, Arc<AtomicU64>) {
    let (net, senders, receivers) = topology(flows);
    let got = Arc::new(AtomicU64::new(0));
    for n in 0..flows {
        let to = SocketAddr::new(leaf(2, n, 1).into(), PORT);
        let (from, at) = (senders[usize::from(n)], receivers[usize::from(n)]);
        let listener = TcpListener::bind(net.handle(at), to).expect("a free port");
        net.spawn(serve(listener, Arc::clone(&got)));
        net.spawn(send(net.handle(from).clone(), Duration::from_millis(u64::from(n) % 100), to));
    }
    (net, got)
}

/// The address of an end of the access wire `n` of a side: its host's is 1, its router's 2.
fn leaf(side: u8, n: u16, end: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, side, (n / 64) as u8, (n % 64 * 4) as u8 + end)
}

fn topology(flows: u16) -> (Net, Vec<NodeId>, Vec<NodeId>) {
    let mut net = Net::new(1);
    let host = |side, n| {
        let setup = with_iface(Setup::new([0, 0]), "eth0", leaf(side, n, 1));
        let gateway = Route::default_via(leaf(side, n, 2).into(), IfaceId(0));
        let buffer = BUFFER.min(BUFFERS / u32::from(flows));
        let tcp = Config { recv_buffer: buffer, send_buffer: buffer, ..Config::default() };
        Setup { tcp, routes: vec![gateway], ..setup }
    };
    let mut all = [1u8, 2].map(|side| {
        let own = Ipv4Addr::new(10, 3, 0, side);
        let mut setup = with_iface(Setup::new([0, 0]).as_router(), "middle", own);
        for n in 0..flows {
            setup = with_iface(setup, &format!("leaf{n}"), leaf(side, n, 2));
        }
        let dst = Cidr::new(Ipv4Addr::new(10, 3 - side, 0, 0).into(), 16).expect("a prefix");
        let via = Some(IpAddr::from(Ipv4Addr::new(10, 3, 0, 3 - side)));
        let (iface, metric, origin) = (IfaceId(0), 0, Origin::Static);
        setup.routes.push(Route { dst, via, iface, metric, origin });
        let router = net.host(&format!("r{side}"), setup);
        (side, router, Vec::new())
    });
    for (side, router, hosts) in &mut all {
        for n in 0..flows {
            let id = net.host(&format!("h{side}-{n}"), host(*side, n));
            let wire = Wire::from_words(ACCESS).expect("words");
            let name = format!("a{side}-{n}");
            net.join(&name, Port(id, 0), Port(*router, n + 1), wire).expect("two free ports");
            hosts.push(id);
        }
    }
    let [(_, left, senders), (_, right, receivers)] = all;
    let rate = MAX_RATE.min(FLOW_RATE * u64::from(flows));
    let product = rate * RTT_MS / 1000 / 8 / u64::from(PACKET) + 1;
    // Packets that travel count as well: half a product of those.
    let words = format!("delay 10ms rate {rate}bit limit {}", product + product / 4);
    let wire = Wire::from_words(&words).expect("words");
    net.join("bottleneck", Port(left, 0), Port(right, 0), wire).expect("two free ports");
    (net, senders, receivers)
}

fn with_iface(setup: Setup, name: &str, addr: Ipv4Addr) -> Setup {
    setup.with_iface(name, PACKET, Cidr::new(addr.into(), 30).expect("a prefix"))
}

async fn serve(listener: TcpListener, got: Arc<AtomicU64>) {
    let (mut stream, _) = listener.accept().await.expect("a connection");
    let mut room = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut room).await {
        got.fetch_add(n as u64, Relaxed);
    }
}

async fn send(host: netglass::net::Host, after: Duration, to: SocketAddr) {
    rt::sleep(after).await;
    let mut stream = TcpStream::connect(&host, to).await.expect("a connection");
    while stream.write_all(&DATA).await.is_ok() {}
}
