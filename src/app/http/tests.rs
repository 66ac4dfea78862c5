//! The HTTP service over streams in memory: asked by hand, and by the client.

use super::digest::{base64, hex};
use super::*;
use crate::app::get;
use crate::app::sight::{HostSight, Sight};
use crate::base::Why;
use crate::socket::demux::Pair;
use crate::tcp::{State, TcpInfo};
use sha2::{Digest, Sha256};
use std::io::Write as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

fn run<T>(test: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().expect("a runtime").block_on(test)
}

/// A connection that its stack tells about.
struct Known;

impl Introspect for Known {
    fn look(&self) -> Option<Sight> {
        let addr = |text: &str| text.parse().expect("an address");
        let pair = Pair { local: addr("10.0.0.2:80"), remote: addr("10.0.0.1:40000") };
        let info = TcpInfo {
            state: 4,
            snd_wscale: 7,
            rcv_wscale: 8,
            options: 7,
            rto: 240_100,
            snd_mss: 1448,
            advmss: 1460,
            rtt: 40_020,
            rttvar: 10_005,
            min_rtt: 39_900,
            snd_ssthresh: 1_483_071,
            snd_cwnd: 10,
            snd_cwnd_bytes: 14_480,
            snd_wnd: 64_256,
            rcv_wnd: 65_536,
            segs_out: 1,
            segs_in: 3,
            data_segs_in: 1,
            bytes_received: 78,
            busy_time: 41_000,
            ..TcpInfo::default()
        };
        Some(Sight { pair, state: State::Established, info, congestion: "newreno" })
    }

    fn ladder(&self) -> Option<String> {
        Some("SYN ->\n<- SYN,ACK\nACK ->\n".to_owned())
    }
}

/// A host with some numbers.
struct Counted(bool);

impl Counters for Counted {
    fn count(&self) -> HostSight {
        let mut sight = HostSight { connections: 2, ..HostSight::default() };
        sight.totals.frames_in = 12;
        if self.0 {
            sight.drops.count(Why::IpChecksum);
        }
        sight
    }
}

fn site() -> Site {
    Site::new().counting(Arc::new(Counted(true)))
}

/// Says `said` on one connection to `site`, without ending it; returns all that comes until the
/// service ends the connection.
async fn converse(site: &Site, said: &[u8]) -> String {
    let (mut client, server) = duplex(1 << 16);
    let conversation = async {
        client.write_all(said).await.expect("room");
        let mut told = Vec::new();
        client.read_to_end(&mut told).await.expect("it closes");
        String::from_utf8(told).expect("text")
    };
    let (_, told) = tokio::join!(site.serve(server, Some(Arc::new(Known))), conversation);
    told
}

/// What the service answers to one request: header and body.
fn ask(line: &str, headers: &str) -> (String, String) {
    let said = format!("{line} HTTP/1.1\r\nHost: glass\r\nConnection: close\r\n{headers}\r\n");
    let told = run(converse(&site(), said.as_bytes()));
    let (header, body) = told.split_once("\r\n\r\n").expect("a header and a body");
    (header.to_ascii_lowercase(), body.to_owned())
}

#[track_caller]
fn check(line: &str, headers: &str, status: &str, starts: &str) {
    let (header, body) = ask(line, headers);
    assert!(header.starts_with(&format!("http/1.1 {status} ")), "{line}: {header}");
    assert!(body.starts_with(starts), "{line}: {body}");
    assert!(header.contains("\r\ndate: "), "{header}");
}

#[test]
fn every_route_answers() {
    let html = "Accept: text/html,*/*;q=0.8\r\n";
    let json = "Accept: application/json\r\n";
    check("GET /", "Accept: */*\r\n", "200", "This host is netglass: ");
    check("GET /", html, "200", "<!DOCTYPE html>\n");
    check("GET /me", "", "200", "you         10.0.0.1:40000\n");
    check("GET /me?json", "", "200", "{\n  \"congestion\": \"newreno\",\n");
    check("GET /me", json, "200", "{\n  \"congestion\": \"newreno\",\n");
    check("GET /stat", "", "200", "frames_in                          12\n");
    check("GET /stat", json, "200", "{\n  \"bytes_in\": 0,\n");
    check(
        "GET /drops",
        "",
        "200",
        "IpChecksum                      1  the IP header checksum is wrong\n",
    );
    check("GET /drops?a=b&json", "", "200", "{\n  \"IpChecksum\": 1\n}\n");
    check("GET /bytes/20", "", "200", "000000000000000\n0000");
    check("GET /bytes/0", "", "200", "");
    let body = "Content-Length: 3\r\n\r\nabc";
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    check("PUT /sink", body, "200", &format!("{abc}  3 bytes\n"));
    check("POST /sink", body, "200", &format!("{abc}  3 bytes\n"));
    let told = format!("{{\n  \"bytes\": 3,\n  \"sha256\": \"{abc}\"\n}}\n");
    check("PUT /sink?json", body, "200", &told);
}

#[test]
fn a_request_that_cannot_be_met_gets_a_sentence() {
    let size = "Say how many bytes, from 0 to 10000000000: GET /bytes/1000000\n";
    let table = [
        ("GET /nothing", "404", "There is no /nothing here: GET / says what there is.\n"),
        ("PUT /nothing", "404", "There is no /nothing here: GET / says what there is.\n"),
        ("POST /me", "405", "/me is for GET and HEAD only.\n"),
        ("PUT /bytes/5", "405", "/bytes/5 is for GET and HEAD only.\n"),
        ("GET /sink", "405", "/sink is for PUT and POST only.\n"),
        ("GET /bytes", "400", size),
        ("GET /bytes/", "400", size),
        ("GET /bytes/x", "400", size),
        ("GET /bytes/+5", "400", size),
        ("GET /bytes/-5", "400", size),
        ("GET /bytes/5/", "400", size),
        ("GET /bytes/10000000001", "400", size),
        ("GET /bytes/99999999999999999999", "400", size),
        ("GET /bytes/200000001?sha256", "400", "Digests are given up to 200000000 bytes.\n"),
    ];
    for (line, status, text) in table {
        check(line, "", status, text);
    }
    let (header, _) = ask("GET /sink", "");
    assert!(header.contains("\r\nallow: put, post\r\n"), "{header}");
    let long = format!("GET /{}", "x".repeat(1000));
    assert!(ask(&long, "").1.len() < 120);
}

#[test]
fn what_is_not_http_is_refused() {
    for said in ["hello\r\n\r\n", "GET / HTTP/1.1\r\nBad Header: x\r\n\r\n", "\0\x01\x02\r\n\r\n"] {
        let told = run(converse(&Site::new(), said.as_bytes()));
        assert!(told.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{said:?}: {told}");
    }
    let said = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(200));
    let told = run(converse(&Site::new(), said.as_bytes()));
    assert!(told.starts_with("HTTP/1.1 431 "), "{told}");
}

#[test]
fn a_service_that_knows_nothing_says_so() {
    let close = "HTTP/1.1\r\nHost: glass\r\nConnection: close\r\n\r\n";
    run(async {
        for path in ["/stat", "/drops"] {
            let told = converse(&Site::new(), format!("GET {path} {close}").as_bytes()).await;
            assert!(told.ends_with("This service does not know the host it runs on.\n"), "{told}");
        }
        let calm = Site::new().counting(Arc::new(Counted(false)));
        let told = converse(&calm, format!("GET /drops {close}").as_bytes()).await;
        assert!(told.ends_with("\r\n\r\nNothing was dropped.\n"), "{told}");
        let (mut client, server) = duplex(1 << 16);
        client.write_all(format!("GET /me {close}").as_bytes()).await.expect("room");
        Site::new().serve(server, None).await.expect("an answer");
        let mut told = String::new();
        client.read_to_string(&mut told).await.expect("text");
        assert!(told.starts_with("HTTP/1.1 404 "), "{told}");
        assert!(told.ends_with("This connection's stack does not tell about it.\n"), "{told}");
    });
}

#[test]
fn head_tells_what_get_would() {
    for path in ["/", "/me", "/stat", "/drops", "/bytes/100000", "/nothing"] {
        let (get, _) = ask(&format!("GET {path}"), "");
        let (head, body) = ask(&format!("HEAD {path}"), "");
        let without_date = |header: &str| {
            let lines = header.lines().filter(|line| !line.starts_with("date: "));
            lines.map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(without_date(&get), without_date(&head), "{path}");
        assert!(get.contains("\r\ncontent-length: "), "{path}: {get}");
        assert_eq!(body, "", "{path}");
    }
}

#[test]
fn one_connection_serves_many_requests() {
    let one = "GET /bytes/16 HTTP/1.1\r\nHost: glass\r\n\r\n";
    let upload = "PUT /sink HTTP/1.1\r\nHost: glass\r\nTransfer-Encoding: chunked\r\n\r\n\
                  3\r\nabc\r\n0\r\n\r\n";
    let last = "GET /bytes/16 HTTP/1.1\r\nHost: glass\r\nConnection: close\r\n\r\n";
    let told = run(converse(&Site::new(), format!("{one}{one}{upload}{last}").as_bytes()));
    assert_eq!(told.matches("HTTP/1.1 200 OK\r\n").count(), 4, "{told}");
    assert_eq!(told.matches("000000000000000\n").count(), 3, "{told}");
    assert_eq!(told.matches("f20015ad  3 bytes\n").count(), 1, "{told}");
}

#[test]
fn a_body_is_asked_for_when_the_caller_waits() {
    run(async {
        let (mut client, server) = duplex(1 << 16);
        let said = b"PUT /sink HTTP/1.1\r\nHost: glass\r\nConnection: close\r\n\
                     Content-Length: 3\r\nExpect: 100-continue\r\n\r\n";
        let conversation = async {
            client.write_all(said).await.expect("room");
            let mut invitation = [0; 25];
            client.read_exact(&mut invitation).await.expect("an invitation");
            assert_eq!(&invitation, b"HTTP/1.1 100 Continue\r\n\r\n");
            client.write_all(b"abc").await.expect("room");
            let mut told = String::new();
            client.read_to_string(&mut told).await.expect("text");
            told
        };
        let site = Site::new();
        let (served, told) = tokio::join!(site.serve(server, None), conversation);
        served.expect("it ends well");
        assert!(told.ends_with("f20015ad  3 bytes\n"), "{told}");
    });
}

#[test]
fn a_body_that_nobody_wants_does_not_hide_the_answer() {
    let refused = "PUT /nothing HTTP/1.1\r\nHost: glass\r\nContent-Length:";
    let last = "GET /bytes/16 HTTP/1.1\r\nHost: glass\r\nConnection: close\r\n\r\n";
    let said = format!("{refused} 500000\r\n\r\n{}{last}", "x".repeat(500_000));
    let told = run(converse(&Site::new(), said.as_bytes()));
    assert!(told.starts_with("HTTP/1.1 404 Not Found\r\n"), "{told}");
    assert!(told.ends_with("\r\n\r\n000000000000000\n"), "{told}");
    // Who asks first whether to send it is told at once, without an invitation.
    let said = format!("{refused} 500000\r\nExpect: 100-continue\r\n\r\n");
    let told = run(converse(&Site::new(), said.as_bytes()));
    assert!(told.starts_with("HTTP/1.1 404 Not Found\r\n"), "{told}");
}

/// Downloads with the client.
fn download(path: &str) -> (get::Outcome, Vec<u8>, Vec<get::Progress>) {
    run(async {
        let (client, server) = duplex(1 << 16);
        let url = format!("http://10.0.0.2{path}").parse().expect("a URL");
        let (mut body, mut reached, options) = (Vec::new(), Vec::new(), get::Options::default());
        let asked = get::get(client, &url, &options, &mut body, |progress| reached.push(progress));
        let site = Site::new();
        let (outcome, served) = tokio::join!(asked, site.serve(server, None));
        served.expect("it ends well");
        (outcome.expect("an answer"), body, reached)
    })
}

#[test]
fn bytes_say_where_they_belong() {
    let (outcome, body, reached) = download("/bytes/3000001");
    assert_eq!((outcome.status, outcome.received), (200, 3_000_001));
    assert_eq!(body.len(), 3_000_001);
    for (n, line) in body.chunks_exact(16).enumerate() {
        assert_eq!(line, format!("{:015x}\n", n * 16).as_bytes());
    }
    assert_eq!(reached.last().map(|p| p.received), Some(3_000_001));
    assert!(reached.iter().all(|p| p.expected == Some(3_000_001) || p.received == 0));
    assert!(reached.is_sorted_by_key(|p| p.received));
    // Far away, and over the edge of a block.
    let there = 9_999_990_000_u64;
    let (a, b) = (pattern(there - 5, MAX), pattern(there, MAX));
    assert_eq!(a[5..][..1000], b[..1000]);
    assert_eq!(b[..16], *format!("{there:015x}\n").as_bytes());
    assert_eq!(pattern(7, 7), b"");
}

#[test]
fn digests_are_given_with_the_bytes() {
    let (_, body, _) = download("/bytes/1500000");
    let digest = Sha256::digest(&body);
    let (header, _) = ask("HEAD /bytes/1500000", "");
    // The header was put into lower case.
    let field = format!("content-digest: sha-256=:{}:", base64(&digest).to_ascii_lowercase());
    assert!(header.contains(&field), "{header}");
    let (_, line, _) = download("/bytes/1500000?sha256");
    let line = String::from_utf8(line).expect("text");
    assert_eq!(line, format!("{}  -\n", hex(&digest)));
    match sha256sum(&body) {
        Some(told) => assert_eq!(told, line),
        None => eprintln!("skipped: there is no sha256sum to compare with"),
    }
    assert!(!ask("HEAD /bytes/200000001", "").0.contains("content-digest"));
}

/// What the program `sha256sum` says about `bytes`, if there is one.
fn sha256sum(bytes: &[u8]) -> Option<String> {
    use std::process::{Command, Stdio};
    let mut command = Command::new("sha256sum");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    child.stdin.take()?.write_all(bytes).ok()?;
    String::from_utf8(child.wait_with_output().ok()?.stdout).ok()
}

#[test]
fn a_big_upload_arrives_whole() {
    const LENGTH: u64 = 50_000_000;
    for length in [Some(LENGTH), None] {
        let text = run(async {
            let (client, server) = duplex(1 << 20);
            let source = tokio::io::repeat(b'x').take(LENGTH);
            let upload = get::Upload { source, length };
            let url = "10.0.0.2/sink".parse().expect("a URL");
            let (mut body, options) = (Vec::new(), get::Options::default());
            let asked = get::put(client, &url, upload, &options, &mut body, |_| {});
            let site = Site::new();
            let (outcome, served) = tokio::join!(asked, site.serve(server, None));
            served.expect("it ends well");
            let outcome = outcome.expect("an answer");
            assert_eq!((outcome.status, outcome.sent), (200, LENGTH));
            String::from_utf8(body).expect("text")
        });
        // head -c 50000000 /dev/zero | tr '\0' x | sha256sum
        assert_eq!(
            text,
            "6e937662ccf4d140384f3153eb14d256794ed5091cbcea50931704bc7ed54f7f  50000000 bytes\n"
        );
    }
}

#[test]
fn an_upload_that_breaks_off_is_told() {
    let said = "PUT /sink HTTP/1.1\r\nHost: glass\r\nTransfer-Encoding: chunked\r\n\r\n\
                3\r\nabc\r\nzz\r\n";
    let told = run(converse(&Site::new(), said.as_bytes()));
    assert!(told.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{told}");
    assert!(told.contains("The body broke off behind 3 bytes: "), "{told}");
}

#[test]
fn the_page_about_a_connection_reads_well() {
    let sight = Known.look().expect("it is known");
    let terms = Terms { policy: &Policy::default(), number: 1 };
    let policy = terms.text(None);
    let golden = "\
you         10.0.0.1:40000
this host   10.0.0.2:80
state       ESTABLISHED
negotiated  MSS 1448 (ours 1460), window scale 7 (ours 8), SACK, timestamps
round trip  SRTT 40.020 ms, RTTVAR 10.005 ms, smallest 39.900 ms; RTO 240.100 ms
congestion  newreno, Open; cwnd 10 segments (14480 bytes), ssthresh none yet
windows     yours 64256 bytes, ours 65536 bytes
received    3 segments (1 with data, 0 out of order), 78 bytes in order
sent        1 segment (0 with data, 0 again), 0 bytes
            0 bytes acknowledged, 0 in flight, 0 waiting
time        busy 41.000 ms, held back by your window 0.000 ms, by cwnd 0.000 ms
policy      request 1, 999 left; closed after 60 s idle

SYN ->
<- SYN,ACK
ACK ->
";
    assert_eq!(me_text(&sight, Some(&policy), Known.ladder().as_deref()), golden);
    assert_eq!(ask("GET /me", "").1, golden);

    let lossy = TcpInfo { options: 0, rtt: 0, snd_ssthresh: 1, ca_state: 4, ..sight.info.clone() };
    let text = me_text(&Sight { info: lossy, ..sight }, None, None);
    for line in [
        "negotiated  MSS 1448 (ours 1460)",
        "round trip  not measured; RTO 240.100 ms",
        "congestion  newreno, Loss; cwnd 10 segments (14480 bytes), ssthresh 1 segment",
    ] {
        assert!(text.lines().any(|other| other == line), "{text}");
    }
}

#[test]
fn the_numbers_of_a_connection_are_complete() {
    let told: serde_json::Value =
        serde_json::from_str(&ask("GET /me?json", "").1).expect("well-formed JSON");
    assert_eq!(told["remote"], "10.0.0.1:40000");
    assert_eq!(told["state"], "ESTABLISHED");
    assert_eq!(told["ladder"], "SYN ->\n<- SYN,ACK\nACK ->\n");
    let info = told["info"].as_object().expect("an object");
    assert_eq!(info.len(), TcpInfo::FIELDS.len());
    assert_eq!(info["rtt"], 40_020);
    assert_eq!(info["snd_ssthresh"], serde_json::Value::Null, "beyond every window");
    let units = [&told["units"]["rtt"], &told["units"]["snd_wnd"], &told["units"]["state"]];
    assert_eq!(units, [&"us".into(), &"bytes".into(), &serde_json::Value::Null]);
}
