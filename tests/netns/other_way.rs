//! The virtual host as the client of kernel servers.

use crate::Case;
use crate::support::{HOST, LINUX, LINUX6, Need, interrupt, netglass, scratch, until};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

pub(crate) const CASES: &[Case] = &[
    ("other_way::get", &[Need::Tun], get),
    ("other_way::get_over_ipv6", &[Need::Tun, Need::Ipv6], get_six),
    ("other_way::put", &[Need::Tun], put),
    ("other_way::nc", &[Need::Tun], nc),
    ("other_way::nc_udp", &[Need::Tun], nc_udp),
    ("other_way::refused", &[Need::Tun], refused),
    ("other_way::patience_ends", &[Need::Tun], patience_ends),
    ("other_way::what_the_bad_link_does_is_told", &[Need::Tun], what_the_bad_link_does_is_told),
    ("other_way::ctrl_c_ends_a_client_well", &[Need::Tun], ctrl_c_ends_a_client_well),
    ("other_way::a_recording_that_is_cut", &[Need::Tun], a_recording_that_is_cut),
    ("other_way::live_lines_and_half_a_reader", &[Need::Tun], live_lines_and_half_a_reader),
];

/// A kernel listener: bound to any address, since Linux's comes with the device.
fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().expect("netglass runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    output
}

/// Reads a request's head, byte by byte.
fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("a byte") == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("text")
}

fn get() {
    fetch("0.0.0.0:0", LINUX, "10.9.0.2");
}

/// It says so by its exit code; what it has written is whole, and nothing is left.
fn ctrl_c_ends_a_client_well() {
    let (listener, port) = listen();
    let path = scratch("cut.rec");
    let file = path.to_str().expect("a plain path");
    let mut get = netglass();
    get.args(["get", "--record", file, &format!("http://{LINUX}:{port}/")]);
    let mut get = get.stdin(Stdio::null()).spawn().expect("netglass runs");
    let (mut stream, _) = listener.accept().expect("a connection");
    assert!(head(&mut stream).starts_with("GET / "));
    assert_eq!(interrupt(&mut get).code(), Some(130));
    run(netglass().args(["replay", file]));
    let links = run(Command::new("ip").args(["-o", "link"]));
    assert!(!String::from_utf8_lossy(&links.stdout).contains("glass0"));
    // Nobody answers dig, either.
    let silent = UdpSocket::bind("0.0.0.0:0").expect("a port");
    let port = silent.local_addr().expect("an address").port().to_string();
    let mut dig = netglass();
    dig.args(["dig", &format!("@{LINUX}"), "-p", &port, "host.test"]);
    let mut dig = dig.stdin(Stdio::null()).spawn().expect("netglass runs");
    silent.recv_from(&mut [0; 500]).expect("a question");
    assert_eq!(interrupt(&mut dig).code(), Some(130));
}

fn a_recording_that_is_cut() {
    let mut get = netglass();
    get.args(["get", "--record", "/dev/full", &format!("http://{LINUX}:1/")]);
    let output = get.stdin(Stdio::null()).output().expect("netglass runs");
    assert_eq!(output.status.code(), Some(1));
    let mut up = netglass();
    up.args(["up", "--quiet", "--record", "/dev/full"]).stderr(Stdio::piped());
    let mut up = up.stdin(Stdio::null()).spawn().expect("netglass runs");
    until("it serves", || TcpStream::connect((HOST, 80)).ok());
    assert_eq!(interrupt(&mut up).code(), Some(1));
    let mut told = String::new();
    up.stderr.take().expect("its errors").read_to_string(&mut told).expect("text");
    assert!(told.contains("is cut here") && told.contains("ends too early"), "{told}");
}

fn get_six() {
    fetch("[::]:0", &format!("[{LINUX6}]"), "fd09::2");
}

fn fetch(any: &str, linux: &str, host: &'static str) {
    let listener = TcpListener::bind(any).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let body: Vec<u8> = (0..3_000_000u32).map(|n| (n.wrapping_mul(7919) >> 7) as u8).collect();
    let expected = body.clone();
    let server = std::thread::spawn(move || {
        let (mut stream, peer) = listener.accept().expect("a connection");
        assert_eq!(peer.ip().to_string(), host);
        assert!((32768..=60999).contains(&peer.port()), "an ephemeral port");
        let head = head(&mut stream);
        assert!(head.starts_with("GET /file HTTP/1.1\r\n"), "{head}");
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(answer.as_bytes()).expect("the head");
        stream.write_all(&body).expect("the body");
    });
    let url = format!("http://{linux}:{port}/file");
    assert_eq!(run(netglass().args(["get", &url])).stdout, expected);
    server.join().expect("the server is content");
}

fn put() {
    let (listener, port) = listen();
    let path = crate::support::scratch("put");
    std::fs::write(&path, vec![b'z'; 400_000]).expect("a file");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let head = head(&mut stream);
        assert!(head.starts_with("PUT /up "), "{head}");
        let mut body = vec![0; 400_000];
        stream.read_exact(&mut body).expect("the body");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkept").expect("an answer");
        body
    });
    let url = format!("http://{LINUX}:{port}/up");
    let output = run(netglass().args(["get", "-T", path.to_str().unwrap(), &url]));
    assert_eq!(output.stdout, b"kept");
    assert_eq!(server.join().expect("the server is content"), vec![b'z'; 400_000]);
}

fn nc() {
    let (listener, port) = listen();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("text, then the end");
        stream.write_all(text.to_uppercase().as_bytes()).expect("an answer");
    });
    let mut nc = netglass();
    nc.args(["nc", LINUX, &port.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut nc = nc.spawn().expect("netglass runs");
    nc.stdin.take().expect("its input").write_all(b"quietly\n").expect("a line");
    let output = nc.wait_with_output().expect("it ends");
    assert_eq!(output.stdout, b"QUIETLY\n");
    server.join().expect("the server is content");
}

fn nc_udp() {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let port = socket.local_addr().expect("an address").port();
    let mut nc = netglass();
    nc.args(["nc", "-u", "-w", "2", LINUX, &port.to_string()]);
    let mut nc = nc.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("netglass runs");
    nc.stdin.take().expect("its input").write_all(b"datagram\n").expect("a line");
    let mut room = [0; 100];
    let (n, peer) = socket.recv_from(&mut room).expect("a datagram");
    socket.send_to(&room[..n], peer).expect("an answer");
    let output = nc.wait_with_output().expect("it ends");
    assert_eq!(output.stdout, b"datagram\n");
}

fn refused() {
    let (listener, port) = listen();
    drop(listener);
    let url = format!("http://{LINUX}:{port}/");
    let mut child = netglass();
    let mut child = child.args(["get", &url]).stderr(Stdio::piped()).spawn().expect("it runs");
    let status = until("it gives up", || child.try_wait().expect("a child"));
    assert_eq!(status.code(), Some(1));
    let mut said = String::new();
    child.stderr.take().expect("its errors").read_to_string(&mut said).expect("text");
    assert!(said.contains("refused"), "{said}");
}

/// What the command says on standard error when it fails.
#[track_caller]
fn fails(args: &[&str]) -> String {
    let output = netglass().args(args).stdin(Stdio::null()).output().expect("netglass runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

fn patience_ends() {
    // Nobody is there, and nobody says so.
    let said = fails(&["get", "--connect-timeout", "0.3", "http://10.9.0.3/"]);
    assert!(said.contains("nobody has answered in 300 ms"), "{said}");
    let said = fails(&["nc", "-w", "1", "10.9.0.3", "7"]);
    assert!(said.contains("nobody has answered in 1 s"), "{said}");
    // Somebody is there, and says nothing.
    let (_listener, port) = listen();
    let url = format!("http://{LINUX}:{port}/");
    let said = fails(&["get", "--max-time", "0.5", &url]);
    assert!(said.contains("the answer is not complete in 500 ms"), "{said}");
}

fn live_lines_and_half_a_reader() {
    let (listener, port) = listen();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            head(&mut stream);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n");
            while stream.write_all(&[b'x'; 65_536]).is_ok() {}
        }
    });
    let url = format!("http://{LINUX}:{port}/");
    let mut get = netglass();
    get.args(["get", "--live", &url]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut get = get.spawn().expect("netglass runs");
    get.stdout.take().expect("its output").read_exact(&mut [0; 10]).expect("ten bytes");
    let output = get.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("Flags [S], ") && said.contains("SYN-SENT"), "{said}");
    assert!(!said.contains("netglass:"), "a reader that has had enough is no failure: {said}");
}

fn what_the_bad_link_does_is_told() {
    let impair = ["--impair", "in loss 100% out duplicate 100%"];
    let args = [&["nc", "--live", "-w", "1"][..], &impair, &[LINUX, "7"]].concat();
    let said = fails(&args);
    assert!(said.contains("to the virtual host: 0 passed, "), "{said}");
    // Each packet that is lost has its line: the kernel's answers to our SYN.
    let lost = said.lines().find(|line| line.contains(" lost: IP ")).expect(&said);
    assert!(lost.contains(&format!(" {LINUX}.7 > {HOST}.")), "{lost}");
    assert!(lost.contains(": Flags [R.], ") || lost.contains(": Flags [S.], "), "{lost}");
    assert!(lost.ends_with("  ; lost by the bad link"), "{lost}");
    assert!(said.contains("from the virtual host: ") && said.contains(" duplicated"), "{said}");
}
