//! How much gets through: algorithm, loss and round trip against goodput in virtual time, with
//! Mathis' bound for Reno beside it; and flows that share a link.

use crate::support::ADDR;
use netglass::base::Instant;
use netglass::net::tokio::{TcpListener, TcpStream};
use netglass::sim::{Net, NodeId, Port, Wire};
use netglass::tcp::cc::Algorithm;
use netglass::tcp::{Config, Ecn, TcpInfo};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Bytes of each transfer.
const BYTES: u64 = 1_000_000;
const LOSSES: [&str; 5] = ["0%", "0.01%", "0.1%", "1%", "5%"];
/// Round trips, milliseconds.
const RTTS: [u64; 4] = [1, 20, 100, 300];

/// Two hosts on a wire of these words, with this algorithm.
fn pair(words: &str, algorithm: Algorithm, change: impl Fn(&mut Config)) -> (Net, [NodeId; 2]) {
    let mut net = Net::new(11);
    let ends = [0, 1].map(|n: usize| {
        let mut setup = crate::support::setup(n, 7, 1500, false);
        let tcp = &mut setup.tcp;
        (tcp.congestion, tcp.send_buffer, tcp.recv_buffer) = (algorithm, 4 << 20, 4 << 20);
        change(tcp);
        net.host(["a", "b"][n], setup)
    });
    net.join("ab", Port(ends[0], 0), Port(ends[1], 0), Wire::from_words(words).unwrap()).unwrap();
    (net, ends)
}

/// Sends so many bytes; when the last has been read, and what the sender's `tcp_info` says then.
fn transfer((mut net, [a, b]): (Net, [NodeId; 2]), bytes: u64) -> (Instant, TcpInfo) {
    let listener = TcpListener::bind(net.handle(b), there(80)).unwrap();
    let client = net.handle(a).clone();
    let sender = net.spawn(async move {
        let mut stream = TcpStream::connect(&client, there(80)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(&vec![1; bytes as usize]).await.unwrap();
        stream
    });
    let program = async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut room, mut got) = (vec![0; 1 << 16], 0);
        while got < bytes {
            got += stream.read(&mut room).await.unwrap() as u64;
        }
        let end = netglass::net::rt::now().virtual_time().unwrap();
        (end, sender.await.unwrap().info().unwrap())
    };
    net.run_program(Instant::MAX, program).unwrap()
}

/// Kilobits per second.
fn goodput(algorithm: Algorithm, loss: &str, rtt: u64) -> u64 {
    let words = format!("delay {}us rate 100mbit queue 1000 loss {loss}", rtt * 500);
    let (end, _) = transfer(pair(&words, algorithm, |_| ()), BYTES);
    BYTES * 8 * 1_000 / end.as_micros()
}

fn there(port: u16) -> std::net::SocketAddr {
    format!("{}:{port}", ADDR[1]).parse().unwrap()
}

/// MSS / RTT * sqrt(3 / 2p) in kilobits per second, `p` in parts of ten thousand.
fn mathis(p: u64, rtt: u64) -> u64 {
    // sqrt(3 / 2p), in thousandths: the whole root of 1.5 * 10^6 * 10^4 / p
    (1448 * 8 * (15_000_000_000 / p).isqrt()) / rtt / 1_000
}

fn table() -> String {
    let mut text = format!("goodput of {BYTES} bytes in kbit/s, 100 Mbit/s\n{:16}", "loss, RTT");
    for rtt in RTTS {
        write!(text, "{:>9}", format!("{rtt} ms")).unwrap();
    }
    for (loss, parts) in LOSSES.into_iter().zip([0, 1, 10, 100, 500]) {
        for algorithm in Algorithm::ALL {
            write!(text, "\n{:16}", format!("{loss:6} {algorithm}")).unwrap();
            for rtt in RTTS {
                write!(text, "{:>9}", goodput(algorithm, loss, rtt)).unwrap();
            }
        }
        if parts > 0 {
            write!(text, "\n{:16}", format!("{loss:6} Mathis")).unwrap();
            for rtt in RTTS {
                write!(text, "{:>9}", mathis(parts, rtt).min(100_000)).unwrap();
            }
        }
    }
    text.push('\n');
    text
}

/// The table of all of them: whoever changes an algorithm sees what becomes of it.
#[test]
fn goodput_is_as_it_was() {
    let actual = table();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/goodput.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "UPDATE=1 rewrites it");
}

/// RFC 3168: a queue that marks in time drops nothing; one that cannot mark drops.
#[test]
fn marks_instead_of_drops() {
    for algorithm in Algorithm::ALL {
        let words = "delay 10ms rate 10mbit queue 60 ecn 20";
        let (_, told) = transfer(pair(words, algorithm, |tcp| tcp.ecn = Ecn::On), 1 << 20);
        let marked = (told.total_retrans, told.delivered_ce > 0, told.options & 8);
        assert_eq!(marked, (0, true, 8), "{algorithm}");
        if algorithm == Algorithm::DCTCP {
            continue; // it asks for marks whatever the knob says
        }
        let (_, told) = transfer(pair(words, algorithm, |tcp| tcp.ecn = Ecn::Off), 1 << 20);
        assert!(told.total_retrans > 0 && told.delivered_ce == 0, "{algorithm}");
    }
}

/// Two flows of an algorithm through one link: what each has got after `seconds`. Queues of some
/// sizes (20 packets is one) let the two fall into step, so that one meets them full each time.
fn shared(algorithms: [Algorithm; 2], seconds: u64) -> [u64; 2] {
    let words = "delay 10ms rate 5mbit queue 25";
    let (mut net, [a, b]) = pair(words, Algorithm::CUBIC, |_| ());
    let got = algorithms.into_iter().zip([80, 81]).map(|(algorithm, port)| {
        let listener = TcpListener::bind(net.handle(b), there(port)).unwrap();
        let client = net.handle(a).clone();
        net.spawn(async move {
            let mut stream = TcpStream::connect(&client, there(port)).await.unwrap();
            stream.set_congestion(algorithm.name()).unwrap();
            while stream.write_all(&[1; 1 << 16]).await.is_ok() {}
        });
        let end = Instant::from_millis(seconds * 1_000);
        net.spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut room, mut got) = (vec![0; 1 << 16], 0);
            while netglass::net::rt::now().virtual_time().unwrap() < end {
                got += stream.read(&mut room).await.unwrap() as u64;
            }
            got
        })
    });
    let [one, other] = got.collect::<Vec<_>>().try_into().expect("two flows");
    net.run_program(Instant::MAX, async move { [one.await.unwrap(), other.await.unwrap()] })
        .unwrap()
}

/// Jain's index of two shares is at least 0.99: (a + b)^2 / 2 (a^2 + b^2).
#[test]
fn two_flows_of_cubic_share_fairly() {
    let [a, b] = shared([Algorithm::CUBIC; 2], 30);
    assert!((a + b) * 8 > 5_000_000 * 30 * 8 / 10, "the link is used: {a} and {b} bytes");
    assert!(100 * (a + b).pow(2) >= 99 * 2 * (a.pow(2) + b.pow(2)), "{a} and {b} bytes");
}
