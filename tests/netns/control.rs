//! Asking a running host, beside what the kernel says of the same connection.

use crate::Case;
use crate::support::{HOST, LINUX, Need, PATIENCE, Up, netglass, output, run, scratch, until};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

pub(crate) const CASES: &[Case] = &[
    ("control::ss_beside_the_kernels", &[Need::Tun, Need::Program("ss")], ss),
    ("control::what_was_negotiated", &[Need::Tun, Need::Program("ss")], negotiated),
    ("control::ip_and_nstat", &[Need::Tun, Need::Program("nstat")], ip_and_nstat),
    ("control::the_socket_itself", &[Need::Tun], the_socket_itself),
    ("control::hosts_are_told_apart", &[Need::Tun], hosts),
];

/// A host with its control socket at a place of this test's.
fn up(name: &str) -> (Up, PathBuf) {
    up_with(name, &[])
}

fn up_with(name: &str, more: &[&str]) -> (Up, PathBuf) {
    let path = scratch(name);
    let _ = std::fs::remove_file(&path);
    let args = ["--control", path.to_str().expect("a plain path")];
    (Up::start(&[&args, more].concat()), path)
}

/// What `netglass` says of the host at a control socket.
#[track_caller]
fn ask(path: &std::path::Path, args: &[&str]) -> String {
    let output = netglass().args(args).arg("--control").arg(path).output().expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

/// The header's words, and the fields of the connection of our `port`.
fn parse(text: &str, port: u16) -> (Vec<String>, Vec<(String, String)>) {
    let mut lines = text.lines();
    let head = lines.next().expect("a header").replace("PortProcess", "Port Process");
    let head = head.split_whitespace().map(str::to_owned).collect();
    let at = format!(":{port}");
    lines
        .find(|line| line.split_whitespace().any(|word| word.ends_with(&at)))
        .unwrap_or_else(|| panic!("no connection of port {port} in\n{text}"));
    let info = lines.next().expect("a line about it").trim();
    let mut fields = Vec::new();
    let mut words = info.split_whitespace().peekable();
    while let Some(word) = words.next() {
        match word.split_once(':') {
            Some((name, value)) => fields.push((name.to_owned(), value.to_owned())),
            None if words.peek().is_some_and(|next| next.ends_with("bps")) => {
                fields.push((word.to_owned(), words.next().unwrap_or_default().to_owned()));
            }
            None => fields.push((word.to_owned(), String::new())),
        }
    }
    (head, fields)
}

fn value<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    let found = fields.iter().find(|(known, _)| known == name);
    &found.unwrap_or_else(|| panic!("no {name} in {fields:?}")).1
}

/// The fields that ss of any version may print, in its order; what each means for one of two ends
/// only stands there, too.
const NAMES: &[&str] = &[
    "ts",
    "sack",
    "ecn",
    "ecnseen",
    "wscale",
    "rto",
    "backoff",
    "rtt",
    "ato",
    "mss",
    "pmtu",
    "rcvmss",
    "advmss",
    "cwnd",
    "ssthresh",
    "bytes_sent",
    "bytes_retrans",
    "bytes_acked",
    "bytes_received",
    "segs_out",
    "segs_in",
    "data_segs_out",
    "data_segs_in",
    "send",
    "lastsnd",
    "lastrcv",
    "lastack",
    "pacing_rate",
    "delivery_rate",
    "delivered",
    "app_limited",
    "busy",
    "rwnd_limited",
    "unacked",
    "retrans",
    "lost",
    "sacked",
    "dsack_dups",
    "reordering",
    "reord_seen",
    "rcv_rtt",
    "rcv_space",
    "rcv_ssthresh",
    "notsent",
    "minrtt",
    "rcv_ooopack",
    "snd_wnd",
    "rcv_wnd",
];

/// Those that are not printed while they are zero, and what only a kernel that paces knows.
const SOMETIMES: &[&str] = &[
    "backoff",
    "ssthresh",
    "bytes_retrans",
    "lastsnd",
    "lastrcv",
    "lastack",
    "pacing_rate",
    "app_limited",
    "busy",
    "rwnd_limited",
    "unacked",
    "retrans",
    "lost",
    "sacked",
    "dsack_dups",
    "reordering",
    "reord_seen",
    "rcv_rtt",
    "notsent",
    "rcv_ooopack",
];

/// The names of fields that ss has for everybody: those of an algorithm are its own.
fn names(fields: &[(String, String)]) -> Vec<&str> {
    let names = fields.iter().map(|(name, _)| name.as_str());
    names.filter(|name| !["bbr", "cubic", "reno", "newreno"].contains(name)).collect()
}

#[track_caller]
fn in_order(fields: &[(String, String)]) {
    let places = names(fields).into_iter().map(|name| {
        let place = NAMES.iter().position(|known| *known == name);
        place.unwrap_or_else(|| panic!("{name} is no field of ss: {fields:?}"))
    });
    let places: Vec<_> = places.collect();
    assert!(places.is_sorted(), "{fields:?}");
}

fn ss() {
    // Linux counts a super-segment that comes from a device as one segment.
    let (up, path) = up_with("ss.sock", &["--plain"]);
    let mut echo = TcpStream::connect((HOST, 7)).expect("a connection");
    echo.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    for _ in 0..20 {
        echo.write_all(&[7; 20_000]).expect("bytes");
        echo.read_exact(&mut [0; 20_000]).expect("the echo");
    }
    let port = echo.local_addr().expect("an address").port();
    // An ACK may be delayed: then the two have not counted the same yet.
    let (ours, kernels) = until("both ends have counted the same segments", || {
        let (ours, kernels) = (ask(&path, &["ss", "-tine"]), run("ss", &["-tine", "dst", HOST]));
        let ((_, own), (_, other)) = (parse(&ours, port), parse(&kernels, port));
        let same = |one, two| value(&own, one) == value(&other, two);
        let counted = same("segs_in", "segs_out") && same("segs_out", "segs_in");
        let idle = [&own, &other].iter().all(|fields| !names(fields).contains(&"unacked"));
        (counted && idle).then_some((ours, kernels))
    });
    let ((head, own), (kernels_head, other)) = (parse(&ours, port), parse(&kernels, port));
    assert_eq!(head, kernels_head, "the same columns");
    in_order(&own);
    in_order(&other);
    // What the kernel tells of every connection like this, netglass tells, too.
    for name in names(&other).into_iter().filter(|name| !SOMETIMES.contains(name)) {
        assert!(names(&own).contains(&name), "{name} is missing\n{ours}\n{kernels}");
    }
    for name in ["mss", "pmtu", "advmss", "ts", "sack"] {
        assert_eq!(value(&own, name), value(&other, name), "{name}\n{ours}\n{kernels}");
    }
    let swapped = |text: &str| text.split_once(',').map(|(a, b)| format!("{b},{a}"));
    assert_eq!(swapped(value(&own, "wscale")).as_deref(), Some(value(&other, "wscale")));
    for fields in [&own, &other] {
        assert_eq!(value(fields, "bytes_received"), "400000", "{ours}\n{kernels}");
    }
    // Linux counts its SYN as acknowledged, too.
    let acked = |fields| value(fields, "bytes_acked").parse::<u64>().expect("a number");
    assert_eq!((acked(&own), acked(&other)), (400_000, 400_001));
    let row = ours.lines().find(|line| line.contains(&format!(":{port}"))).expect("a row");
    let words: Vec<_> = row.split_whitespace().collect();
    let (own_place, peer) = (format!("{HOST}:7"), format!("{LINUX}:{port}"));
    assert_eq!(words[..5], ["ESTAB", "0", "0", &own_place, &peer]);
    // The same as JSON.
    let json: Value = serde_json::from_str(&ask(&path, &["ss", "-tj"])).expect("JSON");
    assert_eq!((&json[0]["peer"], &json[0]["info"]["snd_mss"]), (&peer.into(), &1448.into()));
    drop(echo);
    let closed = until("it is closed", || {
        let all = ask(&path, &["ss", "-tan"]);
        (!all.contains(&format!(":{port}"))).then_some(all)
    });
    assert!(closed.contains("LISTEN") && closed.contains(&format!("{HOST}:80")), "{closed}");
    up.stop();
}

/// Both ends say the same of what the handshake agreed on, whatever the kernel offers.
fn negotiated() {
    let path = scratch("negotiated.sock");
    let _ = std::fs::remove_file(&path);
    let up = Up::start(&["--control", path.to_str().expect("a plain path"), "--tcp", "ecn=on"]);
    for (ecn, timestamps, sack, scaling) in [
        (true, true, true, true),
        (false, true, true, true),
        (true, false, true, true),
        (true, true, false, true),
        (true, true, true, false),
        (false, false, false, false),
    ] {
        for (name, on) in [
            ("tcp_ecn", ecn),
            ("tcp_timestamps", timestamps),
            ("tcp_sack", sack),
            ("tcp_window_scaling", scaling),
        ] {
            let path = format!("/proc/sys/net/ipv4/{name}");
            std::fs::write(path, if on { "1" } else { "0" }).expect("a knob of this namespace");
        }
        let mut echo = TcpStream::connect((HOST, 7)).expect("a connection");
        echo.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        echo.write_all(&[7; 20_000]).expect("bytes");
        echo.read_exact(&mut [0; 20_000]).expect("the echo");
        let port = echo.local_addr().expect("an address").port();
        let [ours, kernels] = [ask(&path, &["ss", "-tine"]), run("ss", &["-tine", "dst", HOST])];
        let [own, other] = [&ours, &kernels].map(|text| parse(text, port).1);
        let both = format!("{ours}\n{kernels}");
        let agreed = [("ts", timestamps), ("sack", sack), ("ecn", ecn), ("wscale", scaling)];
        for (name, expected) in agreed {
            let said = [&own, &other].map(|fields| names(fields).contains(&name));
            assert_eq!(said, [expected; 2], "{name}\n{both}");
        }
        for name in ["mss", "pmtu", "advmss"] {
            assert_eq!(value(&own, name), value(&other, name), "{name}\n{both}");
        }
        if scaling {
            let (ours, theirs) = value(&own, "wscale").split_once(',').expect("two scales");
            assert_eq!(value(&other, "wscale"), format!("{theirs},{ours}"), "{both}");
        }
        // The echo came in packets of ECN's, when it was agreed on.
        let seen = [&own, &other].map(|fields| names(fields).contains(&"ecnseen"));
        assert_eq!(seen, [ecn; 2], "{both}");
    }
    up.stop();
}

fn ip_and_nstat() {
    let (up, path) = up("ip.sock");
    let links: Value = serde_json::from_str(&ask(&path, &["ip", "-j", "addr"])).expect("JSON");
    let kernels: Value = serde_json::from_str(&run("ip", &["-j", "addr", "show", "glass0"]))
        .expect("the kernel's JSON");
    let (own, kernels) = (&links[0], &kernels[0]);
    for name in ["ifname", "mtu", "link_type"] {
        assert_eq!(own[name], kernels[name], "{name}");
    }
    let keys = |value: &Value| -> Vec<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    let known = keys(kernels);
    let strange: Vec<_> = keys(own).into_iter().filter(|key| !known.contains(key)).collect();
    assert!(strange.is_empty(), "no such keys: {strange:?}");
    assert_eq!(own["addr_info"][0]["local"], HOST);
    let routes = ask(&path, &["ip", "route"]);
    assert!(routes.starts_with(&format!("default via {LINUX} dev glass0")), "{routes}");
    assert!(ask(&path, &["route"]).contains("255.255.255.0"));
    assert!(ask(&path, &["arp"]).starts_with("Address "));
    // Every counter has a name that Linux knows, and counts what happened.
    assert_eq!(output("curl", &["-sf", &format!("http://{HOST}/")]).status.code(), Some(0));
    let linux = run("nstat", &["-az"]);
    let linux: Vec<_> = linux.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let text = ask(&path, &["nstat", "-z"]);
    for line in text.lines().skip(1) {
        let name = line.split_whitespace().next().expect("a name");
        assert!(linux.contains(&name), "Linux does not count {name}");
    }
    let json: Value = serde_json::from_str(&ask(&path, &["nstat", "-j"])).expect("JSON");
    assert_eq!(json["netglass"]["TcpPassiveOpens"], 1, "{json}");
    assert!(json["netglass"]["TcpInSegs"].as_u64() >= Some(4), "{json}");
    up.stop();
}

fn the_socket_itself() {
    let (running, path) = up("itself.sock");
    let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let second = netglass().args(["up", "--control"]).arg(&path).output().expect("it runs");
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(2), "{said}");
    assert!(said.contains("another host listens there"), "{said}");
    // Garbage harms neither the host nor its other clients.
    let mut garbage = UnixStream::connect(&path).expect("a client");
    garbage.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    garbage.write_all(&[0xff, 0, b'\n']).expect("bytes");
    let mut answer = [0; 20];
    garbage.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer[..9], b"{\"error\":");
    garbage.write_all(&[b'x'; 10_000]).expect("bytes");
    let mut rest = Vec::new();
    let _ = garbage.read_to_end(&mut rest); // the end, or a reset
    assert!(ask(&path, &["ss", "-lt"]).contains("LISTEN"));
    running.stop();
    assert!(!path.exists(), "it goes with the host");
    // A host that was killed leaves its file behind; the next one takes it over.
    let (killed, path) = up("itself.sock");
    drop(killed);
    assert!(path.exists());
    let gone = netglass().args(["ss", "--control"]).arg(&path).output().expect("it runs");
    assert_eq!(gone.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&gone.stderr).contains("no host runs there"));
    until("the device is gone", || {
        let links = run("ip", &["-o", "link"]);
        (!links.contains("glass0")).then_some(())
    });
    let next = Up::start(&["--control", path.to_str().expect("a plain path")]);
    assert!(ask(&path, &["ss", "-lt"]).contains("LISTEN"));
    next.stop();
    let without = Up::start(&["--no-control"]);
    without.stop();
}

/// Two hosts in one namespace, each at the usual place of its device.
fn hosts() {
    let first = Up::start(&[]);
    let v4 = ["--dev", "glass1", "--addr", "10.8.0.2/24", "--linux", "10.8.0.1"];
    let v6 = ["--addr6", "fd08::2/64", "--linux6", "fd08::1"];
    let second = [&v4[..], &v6].concat();
    let second = Up::start(&second);
    let ask = |args: &[&str]| {
        let output = netglass().args(args).output().expect("it runs");
        let said = [output.stdout, output.stderr].map(|s| String::from_utf8_lossy(&s).into_owned());
        (output.status.code(), said.concat())
    };
    let (code, said) = ask(&["ip", "addr"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("several hosts are running: choose one by --dev"), "{said}");
    for (dev, addr) in [("glass0", "10.9.0.2/24"), ("glass1", "10.8.0.2/24")] {
        let (code, said) = ask(&["ip", "addr", "--dev", dev]);
        assert_eq!((code, said.contains(addr)), (Some(0), true), "{said}");
    }
    first.stop();
    let (code, said) = ask(&["ip", "addr"]);
    assert_eq!((code, said.contains("10.8.0.2/24")), (Some(0), true), "{said}");
    second.stop();
    let (code, said) = ask(&["ip", "addr"]);
    assert_eq!((code, said.contains("no host is running here")), (Some(2), true), "{said}");
}
