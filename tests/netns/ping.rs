//! The kernel's echo requests and datagrams.

use crate::Case;
use crate::support::{self, HOST, HOST6, Need, Up, output, run};
use std::io::Write;
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::Duration;

pub(crate) const CASES: &[Case] = &[
    ("ping::all_sizes", &[Need::Tun, Need::Program("ping")], all_sizes),
    ("ping::all_sizes_over_ipv6", &[Need::Tun, Need::Ipv6, Need::Program("ping")], all_sizes_six),
    ("ping::dont_fragment", &[Need::Tun, Need::Program("ping")], dont_fragment),
    ("udp::echo_by_netcat", &[Need::Tun, Need::Program("nc")], echo_by_netcat),
    ("udp::unreachable_port", &[Need::Tun], unreachable_port),
    ("udp::services", &[Need::Tun], services),
    ("udp::services_over_ipv6", &[Need::Tun, Need::Ipv6], services_six),
];

fn all_sizes() {
    pings(HOST, &["0", "56", "1472", "1473", "4000", "65507"]);
}

fn all_sizes_six() {
    pings(HOST6, &["0", "56", "1452", "1453", "4000", "65527"]);
}

fn pings(host: &str, sizes: &[&str]) {
    let up = Up::start(&[]);
    for size in sizes {
        support::ping(size, host);
    }
    up.stop();
}

fn dont_fragment() {
    let up = Up::start(&["--mtu", "1400"]);
    let text = run("ping", &["-c", "2", "-i", "0.05", "-M", "do", "-s", "1372", HOST]);
    assert!(text.contains(" 0% packet loss"), "{text}");
    let long = output("ping", &["-c", "1", "-M", "do", "-s", "1373", HOST]);
    assert!(!long.status.success(), "one byte more than the MTU cannot go");
    up.stop();
}

fn echo_by_netcat() {
    let up = Up::start(&[]);
    let mut nc = Command::new("nc");
    nc.args(["-u", "-w", "1", HOST, "7"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut nc = nc.spawn().expect("nc starts");
    nc.stdin.take().expect("its input").write_all(b"hello\n").expect("a line");
    let output = nc.wait_with_output().expect("nc ends");
    assert_eq!(output.stdout, b"hello\n");
    up.stop();
}

fn unreachable_port() {
    let up = Up::start(&[]);
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    socket.connect((HOST, 9999)).expect("a peer");
    socket.send(b"anybody?").expect("a datagram");
    let error = socket.recv(&mut [0; 10]).expect_err("nobody listens there");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    up.stop();
}

fn services() {
    datagrams("0.0.0.0:0", HOST, 65_507);
}

fn services_six() {
    datagrams("[::]:0", HOST6, 65_527);
}

fn datagrams(any: &str, host: &str, longest: usize) {
    let up = Up::start(&[]);
    let ask = |port: u16, len: usize| {
        let socket = UdpSocket::bind(any).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_secs(2))).expect("a timeout");
        socket.connect((host, port)).expect("a peer");
        let mut answer = vec![0; 65_535];
        // One of fifty fragments may be lost on a busy machine, and with it the datagram.
        let mut tries = (0..10).map(|_| {
            socket.send(&vec![b'x'; len]).expect("a datagram");
            socket.recv(&mut answer)
        });
        let n = tries.find_map(Result::ok).expect("an answer");
        answer.truncate(n);
        answer
    };
    for len in [1, 1472, 1473, 9000, longest] {
        assert_eq!(ask(7, len), vec![b'x'; len]);
    }
    assert!(ask(13, 1).ends_with(b"\r\n"));
    assert!(ask(19, 1).len() <= 512);
    up.stop();
}
