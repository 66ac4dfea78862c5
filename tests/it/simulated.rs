//! Networks in virtual time: hyper under loss, times to the nanosecond, runs that repeat.

use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use netglass::base::{Instant, Mac};
use netglass::net::rt;
use netglass::net::tokio::{TcpListener, TcpStream};
use netglass::sim::{End, Net, NodeId, Port, Wire};
use netglass::stack::{Ethernet, Setup};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LONG: Instant = Instant::from_millis(3_600_000);

fn bare(n: u8) -> Setup {
    Setup::new([0, 0]).with_iface("eth0", 1500, format!("10.0.0.{n}/24").parse().unwrap())
}

fn ethernet(n: u8) -> Setup {
    bare(n).on_ethernet(Ethernet::new(Mac([2, 0, 0, 0, 0, n])))
}

fn pair(host: fn(u8) -> Setup, words: &str, seed: u64) -> (Net, NodeId, NodeId) {
    let mut net = Net::new(seed);
    let (a, b) = (net.host("a", host(1)), net.host("b", host(2)));
    net.join("ab", Port(a, 0), Port(b, 0), Wire::from_words(words).unwrap()).unwrap();
    (net, a, b)
}

fn at(port: u16) -> SocketAddr {
    format!("10.0.0.2:{port}").parse().unwrap()
}

async fn hello(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    Ok(Response::new(Full::from(format!("you asked for {path}"))))
}

async fn serve(listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut server = hyper::server::conn::http1::Builder::new();
            server.auto_date_header(false).timer(rt::Timer);
            server.serve_connection(TokioIo::new(stream), service_fn(hello)).await
        });
    }
}

/// `per` requests on each of `connections` connections, one after another.
async fn ask(host: netglass::net::Host, connections: u32, per: u32) -> u32 {
    let mut answered = 0;
    for connection in 0..connections {
        let stream = TcpStream::connect(&host, at(80)).await.unwrap();
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, driver) = shaken.unwrap();
        tokio::spawn(driver);
        for n in 0..per {
            let path = format!("/{connection}/{n}");
            let request = Request::get(&path).header("host", "b").body(Empty::<Bytes>::new());
            let answer = sender.send_request(request.unwrap()).await.unwrap();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, format!("you asked for {path}"));
            answered += 1;
        }
    }
    answered
}

#[test]
fn hyper_serves_a_thousand_requests_under_loss() {
    let run = |seed, logged: bool| {
        let (mut net, a, b) = pair(ethernet, "delay 10ms loss 2%", seed);
        if logged {
            net.keep_log();
        }
        net.spawn(serve(TcpListener::bind(net.handle(b), at(80)).unwrap()));
        let client = net.handle(a).clone();
        let answered = net.run_program(LONG, ask(client, 10, 100)).unwrap();
        assert_eq!(answered, 1000);
        let lost = net.log().map(|log| {
            let of_wire = |e: &&netglass::observe::log::Entry| log.name(e.place) == "ab";
            log.entries().iter().filter(of_wire).count()
        });
        (net.hash(), net.now(), net.counts(), lost)
    };
    let first = run(1, true);
    assert!(first.3.unwrap() > 20, "some were lost: {first:?}");
    assert!(first.1 > Instant::from_millis(20_000), "a round trip each at least");
    let again = run(1, false);
    assert_eq!((again.0, again.1, again.2), (first.0, first.1, first.2));
    assert_ne!(run(2, false).0, first.0);
}

/// Whole nanoseconds that `bytes` take at `rate` bits per second.
fn transmission(bytes: u64, rate: u64) -> u64 {
    (bytes * 8 * 1_000_000_000).div_ceil(rate)
}

/// One flow through a link of known rate and delay: when its last byte arrives.
fn finish(rate: u64, delay_us: u64, bytes: usize) -> Instant {
    let words = format!("rate {rate}bit delay {delay_us}us");
    let (mut net, a, b) = pair(bare, &words, 1);
    let listener = TcpListener::bind(net.handle(b), at(80)).unwrap();
    let sink = net.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut got = 0;
        let mut room = vec![0; 1 << 16];
        while got < bytes {
            got += stream.read(&mut room).await.unwrap();
        }
        rt::now().virtual_time().unwrap()
    });
    let client = net.handle(a).clone();
    net.spawn(async move {
        let mut stream = TcpStream::connect(&client, at(80)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(&vec![1; bytes]).await.unwrap();
        stream.finished().await.unwrap();
    });
    net.run_program(LONG, sink).unwrap().unwrap()
}

#[test]
fn a_flow_ends_when_arithmetic_says() {
    // What fits the initial window of ten segments goes out in one burst after the handshake.
    let header = 20 + 32; // IPv4; TCP with timestamps
    for (rate, delay_us, bytes) in [
        (1_000_000, 0, 1),
        (1_000_000, 500, 1448),
        (10_000_000, 20_000, 3000),
        (7_777_777, 1, 14_480),
        (100_000_000, 123_456, 14_480),
        (1_000_000_000, 5, 10_000),
    ] {
        let delay = delay_us * 1000;
        let (syn, syn_ack, ack) = (20 + 40, 20 + 40, header);
        let handshake = transmission(syn, rate) + transmission(syn_ack, rate) + 2 * delay;
        let segments = (bytes as u64).div_ceil(1448);
        // The ACK of the handshake leaves at the same moment, in front of the data.
        let sizes = (0..segments).map(|n| (bytes as u64 - n * 1448).min(1448) + header);
        let burst: u64 = sizes.chain([ack]).map(|size| transmission(size, rate)).sum();
        let expected = Instant::from_nanos(handshake + burst + delay);
        assert_eq!(finish(rate, delay_us, bytes), expected, "{rate} bit/s, {delay_us} us, {bytes}");
    }
}

#[test]
fn programs_that_go_on_for_ever_end_with_the_time() {
    let (mut net, a, _) = pair(ethernet, "delay 1ms", 1);
    let host = net.handle(a).clone();
    let forever = async move {
        loop {
            rt::sleep(Duration::from_secs(1)).await;
            assert!(host.now() <= Instant::from_millis(5_000));
        }
    };
    let ended: Result<(), End> = net.run_program(Instant::from_millis(5_000), forever);
    assert_eq!(ended, Err(End::Time));
    let (mut net, ..) = pair(ethernet, "delay 1ms", 1);
    let failed = net.run_program(LONG, async { panic!("no program is perfect") });
    let Err::<(), _>(End::Failed(failure)) = failed else { panic!("{failed:?}") };
    assert!(failure.to_string().contains("no program is perfect"), "{failure}");
}
