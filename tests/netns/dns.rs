//! Names: Linux asks the virtual host, and the virtual host asks Linux.

use crate::Case;
use crate::support::{HOST, HOST6, LINUX, LINUX6, Need, Up, netglass, output, run, scratch, until};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const DIG: &[Need] = &[Need::Tun, Need::Program("dig")];
const SERVER_SIX: &[Need] =
    &[Need::Tun, Need::Ipv6, Need::Program("dnsmasq"), Need::Program("dig")];
const SERVER: &[Need] = &[Need::Tun, Need::Program("dnsmasq"), Need::Program("dig")];

pub(crate) const CASES: &[Case] = &[
    ("dns::linux_asks", DIG, linux_asks),
    ("dns::linux_asks_over_ipv6", &[Need::Tun, Need::Ipv6, Need::Program("dig")], over_ipv6),
    ("dns::a_zone_from_a_file", DIG, zone_file),
    ("dns::hostile_queries", DIG, hostile_queries),
    ("dns::dig_looks_like_dig", SERVER, dig_looks_like_dig),
    ("dns::clients_take_names", SERVER_SIX, clients_take_names),
    ("dns::nobody_answers", &[Need::Tun], nobody_answers),
];

/// `dig` on Linux's side.
#[track_caller]
fn dig(words: &[&str]) -> String {
    let server = format!("@{HOST}");
    run("dig", &[&[server.as_str()], words].concat())
}

fn linux_asks() {
    let up = Up::start(&[]);
    for over in ["+notcp", "+tcp"] {
        let text = dig(&["host.glass", over]);
        let flags = ";; flags: qr aa rd; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 1";
        assert!(text.contains("status: NOERROR") && text.contains(flags), "{text}");
        assert!(text.contains("host.glass.\t\t300\tIN\tA\t10.9.0.2\n"), "{text}");
        assert!(!text.contains("WARNING: Message") && !text.contains("Malformed"), "{text}");
        assert_eq!(dig(&["-x", HOST, "+short", over]), "host.glass.\n");
        let nothing = dig(&["nothing.glass", over]);
        assert!(nothing.contains("status: NXDOMAIN") && nothing.contains("\tSOA\t"), "{nothing}");
        assert!(dig(&["host.glass", "MX", over]).contains("status: NOERROR"));
        assert!(dig(&["example.test", over]).contains("status: REFUSED"));
        assert!(dig(&["HOST.glass", "ANY", over, "+short"]).contains(HOST));
    }
    let signed = dig(&["host.glass", "+dnssec"]);
    assert!(signed.contains("flags: do; udp: 1232"), "{signed}");
    assert!(dig(&["host.glass", "+edns=1", "+noednsneg"]).contains("status: BADVERS"));
    assert!(dig(&["host.glass", "+opcode=notify"]).contains("status: NOTIMP"));
    assert!(dig(&["host.glass", "CH"]).contains("status: REFUSED"));
    up.stop();
}

fn over_ipv6() {
    let up = Up::start(&[]);
    let server = format!("@{HOST6}");
    for over in ["+notcp", "+tcp"] {
        let ask = |words: &[&str]| run("dig", &[&[&server, "+short", over], words].concat());
        assert_eq!(ask(&["host.glass", "AAAA"]), format!("{HOST6}\n"));
        assert_eq!(ask(&["host.glass", "A"]), format!("{HOST}\n"));
        assert_eq!(ask(&["-x", HOST6]), "host.glass.\n");
    }
    up.stop();
}

fn zone_file() {
    let path = scratch("zone");
    let many: String = (1..=200).map(|n| format!("many 60 A 10.1.0.{n}\n")).collect();
    let text = format!("www CNAME host\ntext TXT \"made of glass\"\n{many}");
    std::fs::write(&path, text).expect("a file");
    let up = Up::start(&["--zone", path.to_str().unwrap()]);
    assert_eq!(dig(&["www.glass", "+short"]), "host.glass.\n10.9.0.2\n");
    assert_eq!(dig(&["text.glass", "TXT", "+short"]), "\"made of glass\"\n");
    // More than fits into a datagram: dig comes again over TCP.
    let text = dig(&["many.glass"]);
    assert!(text.contains("Truncated, retrying in TCP mode"), "{text}");
    assert!(text.contains("ANSWER: 200,") && text.contains("(TCP)"), "{text}");
    let text = dig(&["many.glass", "+ignore"]);
    assert!(text.contains("flags: qr aa tc rd;") && text.contains("ANSWER: 0"), "{text}");
    up.stop();
    std::fs::write(&path, "\nwww A 10.9.0\n").expect("a file");
    let output = netglass().args(["up", "--zone", path.to_str().unwrap()]).output();
    let output = output.expect("netglass runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("line 2: \"10.9.0\" is no IPv4 address"), "{said}");
}

/// Garbage, connections that say nothing, and many queries at once; others are served meanwhile.
fn hostile_queries() {
    let up = Up::start(&[]);
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a port");
    socket.connect((HOST, 53)).expect("a route");
    for n in 0..2000_u32 {
        let garbage: Vec<u8> = (0..n % 90).map(|at| (n * 31 + at * 7) as u8).collect();
        socket.send(&garbage).expect("sent");
    }
    let idle: Vec<_> =
        (0..50).map(|_| TcpStream::connect((HOST, 53)).expect("it listens")).collect();
    for mut stream in &idle {
        stream.write_all(&[0]).expect("half a length");
    }
    assert_eq!(dig(&["host.glass", "+short", "+tries=5"]), "10.9.0.2\n");
    assert_eq!(dig(&["host.glass", "+short", "+tcp"]), "10.9.0.2\n");
    let (mut many, query) = (idle[0].try_clone().expect("a descriptor"), query("host.glass"));
    many.write_all(&query[1..]).expect("the rest of the first");
    for _ in 0..499 {
        many.write_all(&query).expect("another");
    }
    many.shutdown(Shutdown::Write).expect("a half-close");
    let mut told = Vec::new();
    many.read_to_end(&mut told).expect("answers, then the end");
    assert_eq!(told.len(), 500 * (query.len() + 16));
    // The silent ones are sent away.
    let mut silent = &idle[1];
    silent.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    assert!(matches!(silent.read(&mut [0; 10]), Ok(0) | Err(_)));
    up.stop();
}

/// A query for an address, with its length before it.
fn query(name: &str) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    [&(bytes.len() as u16).to_be_bytes()[..], &bytes].concat()
}

/// dnsmasq on all of Linux's addresses.
struct Dnsmasq(Child);

impl Dnsmasq {
    fn start() -> Dnsmasq {
        run("ip", &["link", "set", "lo", "up"]);
        let many: String =
            (1..=100).map(|n| format!("host-record=many.test,10.1.0.{n}\n")).collect();
        let path = scratch("dnsmasq");
        let text = format!(
            "no-resolv\nno-hosts\nlocal=/test/\nlocal-ttl=77\nhost-record=linux.test,{LINUX}\n\
             cname=www.test,linux.test\nmx-host=test,linux.test,10\n\
             txt-record=text.test,\"two words\",\"=b;c\"\nsrv-host=_http._tcp.test,linux.test,80,1,2\n\
             host-record=six.test,fd00::1\n\
             host-record=both.test,{LINUX},{LINUX6}\nptr-record=1.0.9.10.in-addr.arpa,linux.test\n{many}"
        );
        std::fs::write(&path, text).expect("a file");
        let mut command = Command::new("dnsmasq");
        command.args(["--keep-in-foreground", "--user=", "--group=", "--pid-file"]);
        command.arg(format!("--conf-file={}", path.display())).arg("--log-facility=-");
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
        let dnsmasq = Dnsmasq(child.expect("dnsmasq starts"));
        until("dnsmasq answers", || {
            let asked =
                output("dig", &["@127.0.0.1", "linux.test", "+short", "+tries=1", "+time=1"]);
            asked.status.success().then_some(())
        });
        dnsmasq
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a `dig` says, without its name and what is never twice the same.
fn comparable(text: &str) -> Vec<String> {
    let differs = ["; <<>>", "; (", ";; Query time", ";; SERVER", ";; WHEN", ";; MSG SIZE"];
    let lines = text.lines().filter(|line| !differs.iter().any(|start| line.starts_with(start)));
    let lines = lines.map(|line| line.split(", id: ").next().unwrap_or(line).to_owned());
    lines.collect()
}

fn ours(args: &[&str]) -> Output {
    netglass().args(args).stdin(Stdio::null()).output().expect("netglass runs")
}

fn dig_looks_like_dig() {
    let _dnsmasq = Dnsmasq::start();
    let table: &[&[&str]] = &[
        &["linux.test"],
        &["linux.test", "+tcp"],
        &["www.test", "A", "+norecurse"],
        &["test", "MX"],
        &["text.test", "txt"],
        &["_http._tcp.test", "srv"],
        &["six.test", "AAAA", "+noedns"],
        &["nothing.test"],
        &["many.test", "+noedns"],
        &["linux.test", "TYPE65400"],
        &["-x", LINUX],
        &["www.test", "+short"],
        &["text.test", "txt", "+short"],
    ];
    for words in table {
        let theirs = run("dig", &[&["@127.0.0.1", "+nocookie"], *words].concat());
        let told = ours(&[&["dig"], *words].concat());
        let text = String::from_utf8_lossy(&told.stdout);
        assert_eq!(told.status.code(), Some(0), "{words:?}: {text}");
        // Records of one name may come in any order.
        let [mut ours, mut theirs] = [comparable(&text), comparable(&theirs)];
        if words[0] == "many.test" {
            ours.sort();
            theirs.sort();
        }
        assert_eq!(ours, theirs, "{words:?}");
    }
    let named = ours(&["dig", "@10.9.0.1", "linux.test"]);
    let text = String::from_utf8_lossy(&named.stdout);
    assert!(text.contains(";; SERVER: 10.9.0.1#53(10.9.0.1) (UDP)\n"), "{text}");
}

fn clients_take_names() {
    let _dnsmasq = Dnsmasq::start();
    let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for _ in 0..4 {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("a byte") == 1 {
                head.push(byte[0]);
            }
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nglass";
            stream.write_all(answer).expect("an answer");
            asked.push(String::from_utf8(head).expect("text"));
        }
        asked
    });
    // Nobody listens at the IPv6 address of the last.
    for name in ["linux.test", "www.test", "both.test"] {
        let told = ours(&["get", &format!("http://{name}:{port}/")]);
        let errors = String::from_utf8_lossy(&told.stderr);
        assert_eq!((told.status.code(), &told.stdout[..]), (Some(0), &b"glass"[..]), "{errors}");
    }
    let hosts = scratch("hosts");
    std::fs::write(&hosts, format!("{LINUX} elsewhere\n")).expect("a file");
    let url = format!("http://elsewhere:{port}/");
    let told = ours(&["get", "--dns", "10.9.0.9", "--hosts", hosts.to_str().unwrap(), &url]);
    assert_eq!(told.stdout, b"glass");
    let asked = server.join().expect("the server is content");
    for (head, name) in asked.iter().zip(["linux.test", "www.test", "both.test", "elsewhere"]) {
        let host = format!("\r\nhost: {name}:{port}\r\n");
        assert!(head.to_ascii_lowercase().contains(&host), "{head}");
    }

    let listener = TcpListener::bind("[::]:0").expect("a port");
    let port = listener.local_addr().expect("an address").port().to_string();
    let server = std::thread::spawn(move || {
        let serve = || {
            let (mut stream, peer) = listener.accept().expect("a connection");
            stream.write_all(b"by name\n").expect("a line");
            peer.ip().to_canonical()
        };
        assert!(serve().is_ipv4());
        while !serve().is_ipv6() {}
    });
    assert_eq!(ours(&["nc", "www.test", &port]).stdout, b"by name\n");
    // IPv6 first, if there is any, and it is not slower by a quarter of a second: then once more.
    let dns = ["nc", "--dns", LINUX6, "both.test", &port];
    for attempt in 0.. {
        assert!(attempt < 5, "IPv6 is tried first");
        assert_eq!(ours(&dns).stdout, b"by name\n");
        let deadline = Instant::now() + Duration::from_millis(200);
        while !server.is_finished() && Instant::now() < deadline {
            std::thread::yield_now();
        }
        if server.is_finished() {
            break;
        }
    }
    server.join().expect("the server is content");

    for (name, says) in [("nothing.test", "there is no such name"), ("test", "no address")] {
        let told = ours(&["get", &format!("http://{name}/")]);
        let said = String::from_utf8_lossy(&told.stderr);
        assert!(told.status.code() == Some(1) && said.contains(says), "{said}");
    }
}

fn nobody_answers() {
    run("ip", &["link", "set", "lo", "up"]);
    // No server: Linux refuses, and that is said at once. (It says so six times in a row at most:
    // the limit of its ICMP errors.)
    let told = ours(&["dig", "linux.test"]);
    let text = String::from_utf8_lossy(&told.stdout);
    assert_eq!(told.status.code(), Some(9), "{text}");
    let error = ";; communications error to 10.9.0.1#53: connection refused\n";
    assert!(text.starts_with(&error.repeat(3)), "{text}");
    assert!(text.ends_with(";; no servers could be reached\n"), "{text}");
    let told = ours(&["get", "http://linux.test/"]);
    let said = String::from_utf8_lossy(&told.stderr);
    assert_eq!(told.status.code(), Some(1), "{said}");
    assert!(
        said.contains("the name server 10.9.0.1:53 cannot be asked: connection refused"),
        "{said}"
    );
}
