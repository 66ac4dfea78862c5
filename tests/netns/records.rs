//! Captures and recordings of live sessions, and the demo.

use crate::Case;
use crate::support::{HOST, Need, PATIENCE, Up, netglass, run, scratch};
use std::io::{Read, Write};
use std::net::TcpStream;

pub(crate) const CASES: &[Case] = &[
    (
        "records::tshark_reads_the_capture",
        &[Need::Tun, Need::Program("curl"), Need::Program("ping"), Need::Program("tshark")],
        capture,
    ),
    ("records::a_live_curl_lives_again", &[Need::Tun, Need::Program("curl")], replay),
    ("records::plain_shows_every_segment", &[Need::Tun], every_segment),
    ("demo::with_linux", &[Need::Tun], demo),
    ("demo::in_memory", &[], demo_in_memory),
];

fn capture() {
    let path = scratch("capture.pcapng");
    let file = path.to_str().unwrap();
    let up = Up::start(&["--pcap", file]);
    run("ping", &["-c", "2", "-i", "0.05", "-s", "3000", HOST]);
    run("curl", &["-sSf", "-o", "/dev/null", &format!("http://{HOST}/bytes/300000")]);
    up.stop();
    let comments = run("tshark", &["-r", file, "-T", "fields", "-e", "frame.comment"]);
    assert!(comments.contains("RFC 9293"), "the reasons are in the comments:\n{comments}");
    well_formed(file, "");
    let http = run("tshark", &["-r", file, "-Y", "http.request"]);
    assert!(http.contains("GET /bytes/300000"), "{http}");
}

/// Among the packets of a capture that fit a filter (which ends with `&&`, or is empty), none is
/// malformed or has a bad checksum.
#[track_caller]
pub(crate) fn well_formed(file: &str, among: &str) {
    let checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"];
    // Linux fills in 0xffff where 0 is as good (RFC 1624 §3), once in 65 536 segments.
    let bad = "_ws.malformed || (tcp.checksum.status == \"Bad\" && tcp.checksum != 0xffff) \
               || ip.checksum.status == \"Bad\" || icmp.checksum.status == \"Bad\" \
               || icmpv6.checksum.status == \"Bad\"";
    let filter = format!("{among}({bad})");
    let args = [&["-r", file][..], &checks, &["-Y", &filter]].concat();
    assert_eq!(run("tshark", &args), "", "malformed packets or bad checksums");
}

fn replay() {
    let path = scratch("session.rec");
    let file = path.to_str().unwrap();
    let up = Up::start(&["--record", file]);
    run("curl", &["-sSf", "-o", "/dev/null", &format!("http://{HOST}/bytes/500000")]);
    run("curl", &["-sSf", &format!("http://{HOST}/me")]);
    up.stop();
    let output = netglass().args(["replay", file]).output().expect("replay runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(text.contains("ESTABLISHED") && text.contains("trace hash"), "{text}");
}

/// With `--plain`, what comes and what goes is told segment by segment, however fast it is.
fn every_segment() {
    let path = scratch("plain.rec");
    let file = path.to_str().unwrap();
    let up = Up::start(&["--plain", "--record", file]);
    let mut stream = TcpStream::connect((HOST, 7)).expect("the echo service");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    for _ in 0..20 {
        stream.write_all(&[7; 100_000]).expect("it takes them");
        stream.read_exact(&mut [0; 100_000]).expect("the echo");
    }
    drop(stream);
    up.stop();
    let told = run(env!("CARGO_BIN_EXE_netglass"), &["tcpdump", file, "--all"]);
    for (way, peer) in [("in", format!("> {HOST}.7:")), ("out", format!("IP {HOST}.7 >"))] {
        let lines = told.lines().filter(|line| line.contains(&peer));
        let lengths: Vec<usize> = lines.filter_map(length).collect();
        assert!(lengths.len() > 1000, "{way}: {} lines", lengths.len());
        assert_eq!(lengths.iter().max(), Some(&1448), "{way}");
    }
}

/// What tcpdump's line says behind `length`.
fn length(line: &str) -> Option<usize> {
    let (_, behind) = line.split_once(" length ")?;
    behind.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn demo() {
    let output = netglass().arg("demo").output().expect("the demo runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    assert!(!text.contains("no TUN here"), "{text}");
}

fn demo_in_memory() {
    let output = netglass().args(["demo", "--memory"]).output().expect("the demo runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    assert!(text.contains("icmp_seq=3") && text.contains("ESTABLISHED"), "{text}");
}
