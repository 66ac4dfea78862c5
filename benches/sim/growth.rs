//! How cost grows with hosts: sites of a hundred hosts around a router each. Some hosts are busy:
//! in pairs of one site, one asks and the other answers over TCP, again and again. So an exchange
//! takes the same way however many hosts there are.

use crate::measure::{Figures, Meter};
use netglass::base::{IfaceId, Instant};
use netglass::ip::{Cidr, Route};
use netglass::net::Host;
use netglass::net::tokio::{TcpListener, TcpStream};
use netglass::sim::{Net, NodeId, Port, Wire};
use netglass::stack::Setup;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SITE: u16 = 100;
const PORT: u16 = 7;
/// Bytes of a question, and of an answer.
const MESSAGE: usize = 100;
/// Events of a run: as many as before they are counted, too, for connections to be opened.
const EVENTS: u64 = 300_000;

/// Runs a network of `hosts` hosts, the first `busy` of which have something to do.
pub(crate) fn run(hosts: u16, busy: u16) -> Figures {
    let (mut meter, mut figures) = (Meter::begin(), Figures::default());
    let (mut net, ids) = network(hosts);
    meter.built(&mut figures);
    let kib = figures.built_kib;
    for n in (0..busy - 1).step_by(2) {
        let to = SocketAddr::new(address(n + 1, 1).into(), PORT);
        let host = |n: u16| net.handle(ids[usize::from(n)]).clone();
        let listener = TcpListener::bind(&host(n + 1), to).expect("a free port");
        net.spawn(answer(listener));
        net.spawn(ask(host(n), to));
    }
    let least = EVENTS.max(u64::from(busy) * 40);
    net.run_while(Instant::MAX, |net| net.counts().events < least);
    let before = net.counts();
    meter.built(&mut figures);
    net.run_while(Instant::MAX, |net| net.counts().events - before.events < EVENTS);
    meter.ran(&mut figures);
    let counts = net.counts();
    figures.packets = counts.arrived - before.arrived;
    (figures.events, figures.hash) = (counts.events - before.events, net.hash());
    figures.built_kib = kib;
    figures
}

/// The host's end of its wire is 1, the router's is 2.
fn address(host: u16, end: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, (host / 64) as u8, (host % 64) as u8, end)
}

fn with_iface(setup: Setup, name: &str, addr: Ipv4Addr) -> Setup {
    setup.with_iface(name, 1500, Cidr::new(addr.into(), 24).expect("a prefix"))
}

fn network(hosts: u16) -> (Net, Vec<NodeId>) {
    let mut net = Net::new(1);
    let mut ids = Vec::new();
    for first in (0..hosts).step_by(SITE.into()) {
        let site = first..hosts.min(first + SITE);
        let ifaces = site.clone().map(|n| (format!("h{n}"), address(n, 2)));
        let setup = Setup::new([0, 0]).as_router();
        let setup = ifaces.fold(setup, |setup, (name, addr)| with_iface(setup, &name, addr));
        let router = net.host(&format!("r{first}"), setup);
        for n in site {
            let mut setup = with_iface(Setup::new([0, 0]), "eth0", address(n, 1));
            setup.routes.push(Route::default_via(address(n, 2).into(), IfaceId(0)));
            let host = net.host(&format!("h{n}"), setup);
            let wire = Wire::from_words("delay 1ms rate 100mbit").expect("words");
            let ends = (Port(host, 0), Port(router, n - first));
            net.join(&format!("w{n}"), ends.0, ends.1, wire).expect("two free ports");
            ids.push(host);
        }
    }
    (net, ids)
}

async fn answer(listener: TcpListener) {
    let (mut stream, _) = listener.accept().await.expect("a connection");
    let mut room = [0; MESSAGE];
    while stream.read_exact(&mut room).await.is_ok() && stream.write_all(&room).await.is_ok() {}
}

async fn ask(host: Host, to: SocketAddr) {
    let mut stream = TcpStream::connect(&host, to).await.expect("a connection");
    let mut room = [7; MESSAGE];
    while stream.write_all(&room).await.is_ok() && stream.read_exact(&mut room).await.is_ok() {}
}
