//! The kernel's TCP and curl.

use crate::Case;
use crate::support::{HOST, HOST6, Need, Up, output, run, scratch, sha256};
use netglass::app::http::pattern;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const NEEDS: &[Need] = &[Need::Tun, Need::Program("curl")];

const NEEDS_SIX: &[Need] = &[Need::Tun, Need::Ipv6, Need::Program("curl")];

pub(crate) const CASES: &[Case] = &[
    ("curl::pages", NEEDS, pages),
    ("curl::a_hundred_megabytes_down", NEEDS, down),
    ("curl::a_hundred_megabytes_up", NEEDS, up),
    ("curl::both_ways_over_ipv6", NEEDS_SIX, both_ways_six),
    ("curl::two_hundred_at_once", NEEDS, two_hundred_at_once),
    ("curl::one_connection_for_many_requests", NEEDS, keep_alive),
    ("curl::refused_port", NEEDS, refused),
    ("tcp::either_side_closes", &[Need::Tun], either_side_closes),
    ("tcp::services", &[Need::Tun], services),
];

fn url(path: &str) -> String {
    format!("http://{HOST}{path}")
}

fn url6(path: &str) -> String {
    format!("http://[{HOST6}]{path}")
}

fn pages() {
    let up = Up::start(&[]);
    assert!(!run("curl", &["-sSf", &url("/")]).is_empty());
    let me = run("curl", &["-sSf", &url("/me")]);
    assert!(me.contains("ESTABLISHED"), "{me}");
    let json = run("curl", &["-sSf", "-H", "Accept: application/json", &url("/me")]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(json.is_object());
    let missing = output("curl", &["-sSf", &url("/nothing-here")]);
    assert_eq!(missing.status.code(), Some(22), "404 is an error to curl -f");
    up.stop();
}

/// The digest that `/bytes/N` promises, as curl saw it (`Content-Digest`, RFC 9530).
fn promised(headers: &str) -> String {
    let line = headers.lines().find(|l| l.to_ascii_lowercase().starts_with("content-digest:"));
    let line = line.unwrap_or_else(|| panic!("no Content-Digest in\n{headers}"));
    line.split(':').nth(2).expect("sha-256=:…:").to_owned()
}

fn base64_of_hex(hex: &str) -> String {
    let mut child = Command::new("base64");
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("base64");
    let bytes: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
        .collect();
    child.stdin.take().expect("its input").write_all(&bytes).expect("bytes");
    let output = child.wait_with_output().expect("base64 ends");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

/// `GET /bytes/N`, held against the digest that the host promises.
pub(crate) fn download(bytes: u64) {
    download_from(&url(""), bytes);
}

pub(crate) fn download_from(site: &str, bytes: u64) {
    download_within(site, bytes, 55);
}

pub(crate) fn download_within(site: &str, bytes: u64, seconds: u32) {
    let seconds = seconds.to_string();
    let (body, head) = (scratch("body"), scratch("head"));
    let (body_path, head_path) = (body.to_str().unwrap(), head.to_str().unwrap());
    let path = format!("{site}/bytes/{bytes}");
    run("curl", &["-gsSf", "--max-time", &seconds, "-o", body_path, "-D", head_path, &path]);
    assert_eq!(std::fs::metadata(&body).expect("a file").len(), bytes);
    if bytes > DIGESTS_TO {
        assert_counts_from_0(&body, bytes);
    } else {
        let head = std::fs::read_to_string(head).expect("headers");
        assert_eq!(promised(&head), base64_of_hex(&sha256(&body)));
    }
    std::fs::remove_file(body).expect("it was there");
}

/// The host promises digests up to this many bytes.
const DIGESTS_TO: u64 = 200_000_000;

/// Every byte of `/bytes/N` is where it says that it belongs.
fn assert_counts_from_0(body: &Path, bytes: u64) {
    let mut body = BufReader::new(File::open(body).expect("a file"));
    let mut at = 0;
    while at < bytes {
        let expected = pattern(at, bytes);
        let mut got = vec![0; expected.len()];
        body.read_exact(&mut got).expect("as many bytes");
        assert!(got == expected, "bytes from {at} are others");
        at += got.len() as u64;
    }
}

/// `PUT /sink`, held against the digest that the host answers with.
pub(crate) fn upload(megabytes: u64) {
    upload_to(&url(""), megabytes);
}

pub(crate) fn upload_to(site: &str, megabytes: u64) {
    upload_within(site, megabytes, 55);
}

pub(crate) fn upload_within(site: &str, megabytes: u64, seconds: u32) {
    let path = scratch("upload");
    let mut file = File::create(&path).expect("a file");
    let block: Vec<u8> =
        (0..1_000_000u32).map(|n| (n.wrapping_mul(2_654_435) >> 13) as u8).collect();
    for _ in 0..megabytes {
        file.write_all(&block).expect("a block");
    }
    drop(file);
    let sink = format!("{site}/sink");
    let seconds = seconds.to_string();
    let args = ["-gsSf", "--max-time", &seconds, "-T", path.to_str().unwrap(), &sink];
    let answer = run("curl", &args);
    let length = (megabytes * 1_000_000).to_string();
    assert!(answer.contains(&sha256(&path)) && answer.contains(&length), "{answer}");
    std::fs::remove_file(path).expect("it was there");
}

fn down() {
    let up = Up::start(&[]);
    download(100_000_000);
    up.stop();
}

fn up() {
    let up = Up::start(&[]);
    upload(100);
    up.stop();
}

fn both_ways_six() {
    let up = Up::start(&[]);
    let me = run("curl", &["-gsSf", &url6("/me")]);
    assert!(me.contains(HOST6) && me.contains("ESTABLISHED"), "{me}");
    download_from(&url6(""), 20_000_000);
    upload_to(&url6(""), 20);
    up.stop();
}

fn two_hundred_at_once() {
    let up = Up::start(&[]);
    let start = || {
        let mut curl = Command::new("curl");
        curl.args(["-sSf", "--max-time", "50", &url("/bytes/20000")]);
        curl.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("curl starts")
    };
    let children: Vec<_> = (0..200).map(|_| start()).collect();
    for child in children {
        let output = child.wait_with_output().expect("curl ends");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && output.stdout.len() == 20_000, "{errors}");
    }
    up.stop();
}

fn keep_alive() {
    let up = Up::start(&[]);
    let path = url("/bytes/1000");
    let args = [
        "-sSf",
        "-o",
        "/dev/null",
        "-o",
        "/dev/null",
        "-o",
        "/dev/null",
        "-w",
        "%{num_connects}\n",
    ];
    let text = run("curl", &[&args[..], &[&path, &path, &path]].concat());
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["1", "0", "0"], "one connection");
    up.stop();
}

fn refused() {
    let up = Up::start(&[]);
    let refused = output("curl", &["-sS", "--max-time", "5", &url(":81/")]);
    assert_eq!(refused.status.code(), Some(7), "refused at once, not timed out");
    up.stop();
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((HOST, port)).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream
}

fn either_side_closes() {
    let up = Up::start(&[]);
    // We close first; what is under way still arrives.
    let mut echo = connect(7);
    echo.write_all(&[7; 50_000]).expect("bytes");
    echo.shutdown(Shutdown::Write).expect("a half-close");
    let mut back = Vec::new();
    echo.read_to_end(&mut back).expect("the echo, then the end");
    assert_eq!(back, vec![7; 50_000]);
    // The host closes first.
    let mut daytime = connect(13);
    let mut text = String::new();
    daytime.read_to_string(&mut text).expect("the time, then the end");
    assert!(text.ends_with("\r\n"), "{text}");
    up.stop();
}

fn services() {
    let up = Up::start(&[]);
    let mut chargen = connect(19);
    let mut lines = vec![0; 74 * 100];
    chargen.read_exact(&mut lines).expect("lines");
    assert!(lines.chunks(74).all(|line| line.ends_with(b"\r\n")));
    drop(chargen); // with data unread: a reset
    let mut discard = connect(9);
    discard.write_all(&[1; 100_000]).expect("bytes");
    discard.shutdown(Shutdown::Write).expect("a half-close");
    assert_eq!(discard.read(&mut [0; 10]).expect("the end"), 0);
    up.stop();
}
