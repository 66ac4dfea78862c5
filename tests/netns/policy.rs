//! What services allow, with the kernel's TCP, curl and nc as clients.
//!
//! With `NETGLASS_LONG=1` the loads last as long as it takes to see everything gone again: a minute
//! of short connections, and the minute for which old segments are waited out.

use crate::Case;
use crate::support::{HOST, Need, Up, netglass, output, run, scratch, until};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const CURL: &[Need] = &[Need::Tun, Need::Program("curl")];

pub(crate) const CASES: &[Case] = &[
    ("policy::an_idle_nc_is_reaped", &[Need::Tun, Need::Program("nc")], idle_nc),
    ("policy::an_idle_curl_is_reaped", CURL, idle_curl),
    (
        "policy::the_sixth_of_five_is_told",
        &[Need::Tun, Need::Program("curl"), Need::Program("tshark")],
        sixth,
    ),
    ("policy::slowloris_keeps_nobody_waiting", CURL, slowloris),
    ("policy::five_thousand_idle_ones", CURL, five_thousand),
    ("policy::short_ones_leave_nothing", &[Need::Tun], short_ones),
    ("policy::a_download_survives_ctrl_c", CURL, drain),
    ("policy::the_second_ctrl_c_ends_it", CURL, twice),
    ("policy::a_file_configures", CURL, file),
];

/// Whether there is time to see everything gone.
fn is_long() -> bool {
    std::env::var_os("NETGLASS_LONG").is_some()
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((HOST, port)).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(50))).expect("a timeout");
    stream
}

fn url(path: &str) -> String {
    format!("http://{HOST}{path}")
}

/// Asks for a page on a connection that stays open; the answer's body is to end with `last`.
fn ask(stream: &mut TcpStream, path: &str, last: &str) {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: glass\r\n\r\n").expect("room");
    let (mut told, mut room) = (Vec::new(), [0; 4096]);
    while !told.ends_with(last.as_bytes()) {
        let read = stream.read(&mut room).expect("an answer");
        assert!(read > 0, "{}", String::from_utf8_lossy(&told));
        told.extend(&room[..read]);
    }
}

/// A connection that is let in and has been of use.
fn kept() -> TcpStream {
    let mut stream = connect(80);
    ask(&mut stream, "/bytes/16", "000000000000000\n");
    stream
}

/// A connection with one request, ended by us first, so that nothing remains of it there.
fn short(path: &str) -> String {
    let mut stream = connect(80);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: glass\r\n\r\n").expect("room");
    stream.shutdown(Shutdown::Write).expect("it is open");
    let mut told = String::new();
    stream.read_to_string(&mut told).expect("an answer");
    told
}

/// One of the host's counters.
fn stat(key: &str) -> u64 {
    let told = short("/stat?json");
    let (_, body) = told.split_once("\r\n\r\n").expect("a body");
    let json: serde_json::Value = serde_json::from_str(body).expect("JSON");
    json[key].as_u64().unwrap_or_else(|| panic!("no {key} in {body}"))
}

fn start(program: &str, args: &[&str]) -> Child {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"))
}

fn idle_nc() {
    let up = Up::start(&["--policy", "echo:idle=500ms"]);
    let mut nc = start("nc", &["-d", HOST, "7"]);
    let status = until("nc has seen the end", || nc.try_wait().expect("a child"));
    assert!(status.success(), "{status}");
    assert_eq!(stat("limit.Idle"), 1);
    up.stop();
}

fn idle_curl() {
    let up = Up::start(&["--policy", "http:idle=500ms"]);
    // It keeps its connection for two seconds, and finds that it has been closed.
    let page = url("/bytes/16");
    let args = ["-sSf", "--rate", "30/m", "-o", "/dev/null", &page, "-o", "/dev/null", &page];
    let connects = run("curl", &[&args[..], &["-w", "%{num_connects}\\n"]].concat());
    assert_eq!(connects, "1\n1\n");
    until("both are reaped or gone", || (stat("limit.Idle") >= 1).then_some(()));
    assert_eq!(kept().read(&mut [0; 10]).expect("the end"), 0);
    // One that says nothing at all.
    assert_eq!(connect(80).read(&mut [0; 10]).expect("the end"), 0);
    assert_eq!(stat("limit.Idle"), 3);
    up.stop();
}

fn sixth() {
    let path = scratch("sixth.pcapng");
    let file = path.to_str().expect("a plain path");
    let limits = "http:per_client_max=5,echo:per_client_max=1";
    let up = Up::start(&["--policy", limits, "--pcap", file]);
    let mut inside: Vec<_> = (0..5).map(|_| kept()).collect();
    let answer = run("curl", &["-sS", "-i", &url("/")]);
    let sentence = "the client has 5 connections already: that is its limit";
    assert!(
        answer.starts_with("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 60\r\n"),
        "{answer}"
    );
    assert!(answer.ends_with(&format!("\r\n\r\n{sentence}.\n")), "{answer}");
    let failed = output("curl", &["-sSf", &url("/")]);
    assert_eq!(failed.status.code(), Some(22), "an error to curl -f");
    // Those inside are served all the same; one that goes makes room.
    ask(&mut inside[4], "/bytes/32", "000000000000010\n");
    inside.pop();
    until("there is room again", || {
        output("curl", &["-sSf", &url("/")]).status.success().then_some(())
    });
    // The small services have no words for it.
    let mut first = connect(7);
    first.write_all(b"x").expect("room");
    first.read_exact(&mut [0]).expect("an echo");
    let error = connect(7).read(&mut [0; 10]).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    drop(inside);
    let hits = stat("limit.ClientConnections");
    up.stop();
    assert!(hits >= 3, "{hits}");
    let fields = ["-T", "fields", "-e", "tcp.flags.str", "-e", "frame.comment"];
    let comments = run("tshark", &[&["-r", file][..], &fields].concat());
    let told = |flag: char, text: &str| {
        comments
            .lines()
            .filter(|line| line.contains(text))
            .any(|line| line.split('\t').next().expect("flags").contains(flag))
    };
    assert!(told('F', sentence), "the FIN gives the reason:\n{comments}");
    let reset = "the client has 1 connections already: that is its limit";
    assert!(told('R', reset), "the reset gives the reason:\n{comments}");
}

fn slowloris() {
    let up = Up::start(&["--policy", "http:header_time=3s"]);
    let mut slow: Vec<_> = (0..200).map(|_| connect(80)).collect();
    for _ in 0..20 {
        for stream in &mut slow {
            // It may have been told off by now.
            let _ = stream.write_all(b"x");
        }
        run("curl", &["-sSf", "--max-time", "5", "-o", "/dev/null", &url("/bytes/100000")]);
    }
    for mut stream in slow {
        let mut told = Vec::new();
        let _ = stream.read_to_end(&mut told); // what was said meanwhile may have reset it
        let told = String::from_utf8_lossy(&told);
        assert!(told.is_empty() || told.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{told}");
    }
    assert_eq!(stat("limit.HeaderTime"), 200);
    up.stop();
}

/// Room for so many descriptors, as far as the machine allows.
fn room_for(count: u64) -> u64 {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    let room = soft.max((count + 100).min(hard));
    setrlimit(Resource::RLIMIT_NOFILE, room, hard).expect("it is allowed");
    count.min(room - 100)
}

fn five_thousand() {
    let up = Up::start(&["--quiet"]);
    run("ip", &["address", "add", "10.9.0.3/24", "dev", "glass0"]);
    let count = room_for(5000);
    let other = |path: &str| {
        run("curl", &["-sSf", "--max-time", "5", "--interface", "10.9.0.3", &url(path)])
    };
    other("/me");
    let before = up.resident();
    // The reset may come before the connection is known to be open.
    let tried = (0..count).map(|_| TcpStream::connect((HOST, 80)));
    let idle: Vec<_> = tried.collect();
    let refused = idle.iter().flat_map(|one| one.as_ref().err());
    assert!(refused.map(|error| error.kind()).all(|kind| kind == ErrorKind::ConnectionReset));
    let number = |text: &str, key: &str| -> u64 {
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(key));
        let n = line.and_then(|line| line.split_whitespace().nth(1)).expect("a number");
        n.parse().expect("a number")
    };
    // The others are served, and the limit has held.
    until("all are let in or refused", || {
        (number(&other("/stat"), "limit.ClientConnections") == count - 256).then_some(())
    });
    assert!(other("/me").contains("1 of 256 from your address; 257 of 1024 in all"));
    drop(idle);
    // Those that were let in are gone at once; those that we ended first are waited out.
    let left = until("the connections are gone", || {
        let left = number(&other("/stat"), "connections");
        (left < if is_long() { 200 } else { 1500 }).then_some(left)
    });
    let after = up.resident();
    assert!(after < before + 8 * 1024, "{before} KiB, then {after} KiB; {left} left");
    assert!(other("/me").contains("1 of 256 from your address; 1 of 1024 in all"));
    up.stop();
}

fn short_ones() {
    // Live lines remember 65 536 conversations, and /me their records: neither is measured.
    let up = Up::start(&["--quiet"]);
    for _ in 0..500 {
        short("/bytes/100");
    }
    let (before, start) = (up.resident(), Instant::now());
    let seconds = if is_long() { 60 } else { 20 };
    for n in 0..seconds * 200 {
        // Two hundred per second, no more.
        let due = Duration::from_millis(n * 5);
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        if is_long() && n % 2 == 0 {
            // The host ends it first, and waits its old segments out.
            let mut stream = connect(80);
            let request = b"GET /bytes/100 HTTP/1.1\r\nHost: glass\r\nConnection: close\r\n\r\n";
            stream.write_all(request).expect("room");
            let mut told = Vec::new();
            stream.read_to_end(&mut told).expect("an answer");
            assert!(told.starts_with(b"HTTP/1.1 200 "));
        } else {
            assert!(short("/bytes/100").starts_with("HTTP/1.1 200 "));
        }
    }
    // The one that asks is the one that there is.
    until("the others are gone", || {
        if is_long() {
            std::thread::sleep(Duration::from_millis(500)); // each look costs a port of ours
        }
        (stat("connections") == 1).then_some(())
    });
    let after = up.resident();
    // Thousands that are waited out at a time leave holes, which the allocator keeps.
    let most = if is_long() { 12 } else { 4 } * 1024;
    assert!(after < before + most, "{before} KiB before, {after} KiB after");
    up.stop();
}

/// A slow download that has begun; into this file.
fn download(rate: &str) -> (Child, std::path::PathBuf) {
    let path = scratch("download");
    let file = path.to_str().expect("a plain path");
    let from = url("/bytes/10000000");
    let curl = start("curl", &["-sSf", "--limit-rate", rate, "-o", file, &from]);
    until("some has come", || {
        let length = std::fs::metadata(&path).map_or(0, |file| file.len());
        (length > 0).then_some(())
    });
    (curl, path)
}

fn drain() {
    let up = Up::start(&["--policy", "drain=40s"]);
    let (curl, path) = download("4M");
    let mut idle = kept();
    let mut echo = connect(7);
    echo.write_all(b"x").expect("room");
    echo.read_exact(&mut [0]).expect("an echo");
    up.stop();
    // It has ended, and with it the network: what was to come, has come.
    let curl = curl.wait_with_output().expect("curl ends");
    assert!(curl.status.success(), "{}", String::from_utf8_lossy(&curl.stderr));
    assert_eq!(std::fs::metadata(path).expect("a file").len(), 10_000_000);
    assert_eq!(idle.read(&mut [0; 10]).expect("the end"), 0);
    assert_eq!(echo.read(&mut [0; 10]).expect("the end"), 0);
}

fn twice() {
    let mut up = Up::start(&["--policy", "drain=1h"]);
    let (mut curl, _) = download("20k");
    let mut idle = kept();
    up.press_ctrl_c();
    assert_eq!(idle.read(&mut [0; 10]).expect("the end: it is stopping"), 0);
    assert!(up.is_running(), "the download goes on");
    let refused = output("curl", &["-sS", "--max-time", "5", &url("/")]);
    assert_eq!(refused.status.code(), Some(7), "nobody listens any more");
    up.stop();
    curl.kill().expect("it waits for more");
    curl.wait().expect("it is gone");
}

fn file() {
    let path = scratch("lab.toml");
    let file = path.to_str().expect("a plain path");
    let text = "mtu = 1400\nservices = \"http:8080\"\n[policy.http]\nper_client_max = 5\n";
    std::fs::write(&path, text).expect("a file");
    let up = Up::start(&["--config", file, "--policy", "idle=7s"]);
    let me = run("curl", &["-sSf", &url(":8080/me?json")]);
    let me: serde_json::Value = serde_json::from_str(&me).expect("JSON");
    let policy = &me["policy"];
    assert_eq!((&policy["per_client_max"], &policy["idle"]), (&"5".into(), &"7s".into()));
    assert_eq!((&me["connections"], &me["requests_left"]), (&1.into(), &999.into()));
    assert!(run("ip", &["-o", "link", "show", "glass0"]).contains("mtu 1400"));
    up.stop();
    // What is in effect is a file again.
    let print = |args: &[&str]| {
        let output = netglass().args(["up", "--print-config"]).args(args).output();
        String::from_utf8(output.expect("it runs").stdout).expect("text")
    };
    let printed = print(&["--config", file]);
    std::fs::write(&path, &printed).expect("a file");
    assert_eq!(print(&["--config", file]), printed);
    std::fs::write(&path, "mtu = 1400\n[policy]\nidel = \"3s\"\n").expect("a file");
    let wrong = netglass().args(["up", "--config", file]).output().expect("it runs");
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert_eq!(wrong.status.code(), Some(2), "{said}");
    let told = format!("netglass: {file}:3:1: there is no limit \"idel\": did you mean idle?\n");
    assert_eq!(said, told);
}
