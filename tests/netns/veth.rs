//! The virtual host on an interface that Linux has, by a packet socket: on one end of a virtual
//! Ethernet in a namespace of its own, beside that namespace's Linux; the programs are at the other
//! end. The offloads are as Linux has them: on.

use crate::Case;
use crate::curl::{download, download_from, upload, upload_to};
use crate::support::{
    self, HOST, HOST6, LINUX, LINUX6, Need, PATIENCE, Up, interrupt, netglass, output, run, scratch,
};
use crate::support::{nothing_bad, until};
use netglass::sys::netns::private_child;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

const NEEDS: &[Need] = &[Need::Veth, Need::Program("curl"), Need::Program("ping")];

pub(crate) const CASES: &[Case] = &[
    ("veth::arping_and_ping", &[Need::Veth, Need::Arping, Need::Program("ping")], ping),
    ("veth::curl_down_and_up", NEEDS, curl),
    (
        "veth::what_the_wire_shows",
        &[Need::Veth, Need::Program("curl"), Need::Program("tshark"), Need::Program("tcpdump")],
        wire,
    ),
    (
        "veth::over_ipv6",
        &[Need::Veth, Need::Ipv6, Need::Program("curl"), Need::Program("ping")],
        six,
    ),
    ("veth::dig", &[Need::Veth, Need::Program("dig")], dig),
    ("veth::beside_linux", NEEDS, beside),
    ("veth::from_the_hosts_side", &[Need::Veth], clients),
    ("veth::a_bad_link_and_replay", NEEDS, impaired),
    ("veth::the_interface_goes", NEEDS, goes),
    ("veth::mistakes", &[Need::Veth], mistakes),
];

const MAC: &str = "02:00:5e:10:00:01";
/// The address of the Linux that the virtual host is beside.
const BESIDE: &str = "10.9.0.5";

/// A namespace whose Linux has `wire1`; here is `wire0`.
pub(crate) struct Beside {
    /// Keeps the namespace.
    keeper: Child,
}

impl Beside {
    pub(crate) fn new() -> Beside {
        let mut keeper = Command::new("sleep");
        keeper.arg("600").stdin(Stdio::null());
        let keeper = private_child(&mut keeper).spawn().expect("a namespace");
        let beside = Beside { keeper };
        run("ip", &["link", "add", "wire0", "type", "veth", "peer", "name", "wire1"]);
        run("ip", &["link", "set", "wire1", "netns", &beside.pid()]);
        run("ip", &["addr", "add", &format!("{LINUX}/24"), "dev", "wire0"]);
        run("ip", &["link", "set", "wire0", "up"]);
        if Need::Ipv6.lack().is_none() {
            // One's own are asked about as ever, but not these.
            run("ip", &["addr", "add", &format!("{LINUX6}/64"), "dev", "wire0", "nodad"]);
            beside.run("ip", &["addr", "add", "fd09::5/64", "dev", "wire1", "nodad"]);
        }
        beside.run("ip", &["addr", "add", &format!("{BESIDE}/24"), "dev", "wire1"]);
        beside.run("ip", &["link", "set", "wire1", "up"]);
        let carries = |links: String| links.contains("state UP").then_some(());
        until("wire0 carries", || carries(run("ip", &["-o", "link", "show", "wire0"])));
        until("wire1 carries", || carries(beside.run("ip", &["-o", "link", "show", "wire1"])));
        beside
    }

    fn pid(&self) -> String {
        self.keeper.id().to_string()
    }

    /// `command`, over there.
    fn there(&self, command: &Command) -> Command {
        let mut there = Command::new("nsenter");
        there.args(["-t", &self.pid(), "-n"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            there.env(name, value.unwrap_or_default());
        }
        there
    }

    fn run(&self, program: &str, args: &[&str]) -> String {
        run("nsenter", &[&["-t", &self.pid(), "-n", program], args].concat())
    }

    /// `netglass up`, over there.
    pub(crate) fn up(&self, args: &[&str]) -> Up {
        let mut command = netglass();
        command.args(["up", "--on", "wire1", "--mac", MAC]).args(args);
        Up::start_as(self.there(&command))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

fn ping() {
    let beside = Beside::new();
    let up = beside.up(&[]);
    let text = run("arping", &["-c", "3", "-w", "10", "-I", "wire0", HOST]);
    let replies = text.lines().filter(|line| line.contains("reply from"));
    let ours = replies.filter(|line| line.to_ascii_lowercase().contains(MAC)).count();
    assert_eq!(ours, 3, "{text}");
    for size in ["0", "1", "17", "18", "56", "1472", "1473", "4000", "65000", "65507"] {
        support::ping(size, HOST);
    }
    up.stop();
    // Linux over there is as it was.
    let link = beside.run("ip", &["-d", "link", "show", "wire1"]);
    assert!(link.contains("promiscuity 0") && link.contains("state UP"), "{link}");
}

fn curl() {
    let beside = Beside::new();
    let up = beside.up(&[]);
    download(20_000_000);
    upload(20);
    up.stop();
}

/// What tcpdump sees at this end, and what the virtual host has seen.
fn wire() {
    let beside = Beside::new();
    let [theirs, ours] = ["wire.pcap", "wire.pcapng"].map(scratch);
    let [theirs, ours] = [&theirs, &ours].map(|path| path.to_str().expect("a plain path"));
    let mut tcpdump = Command::new("tcpdump");
    tcpdump.args(["-Z", "root", "-U", "-i", "wire0", "-w", theirs]).stderr(Stdio::piped());
    let mut tcpdump = tcpdump.spawn().expect("tcpdump starts");
    let mut said = BufReader::new(tcpdump.stderr.take().expect("its words")).lines();
    let listens = said.by_ref().map_while(Result::ok).any(|line| line.contains("listening on"));
    assert!(listens);
    let up = beside.up(&["--pcap", ours]);
    download(5_000_000);
    upload(5);
    run("ping", &["-c", "2", "-i", "0.05", "-s", "4000", HOST]);
    up.stop();
    interrupt(&mut tcpdump);
    // On such a wire Linux leaves checksums out, the virtual host those of super-segments.
    nothing_bad(theirs, Some(&format!("ip.src == {HOST} && frame.len <= 1514")));
    nothing_bad(ours, None);
    for way in ["ip.src", "ip.dst"] {
        let long = format!("{way} == {HOST} && tcp && frame.len > 1514");
        let seen = run("tshark", &["-r", theirs, "-Y", &long]);
        assert!(!seen.is_empty(), "no super-segments: {way}");
    }
    // Each question is seen once, and nobody hears himself.
    let asked = format!("icmp.type == 8 && ip.dst == {HOST} && ip.flags.mf == 0");
    let seen = run("tshark", &["-r", ours, "-Y", &asked]);
    assert_eq!(seen.lines().count(), 2, "{seen}");
    let foreign = format!("eth.dst != {MAC} && eth.src != {MAC} && !(eth.dst.ig == 1)");
    assert_eq!(run("tshark", &["-r", ours, "-Y", &foreign]), "", "frames for others");
}

fn six() {
    let beside = Beside::new();
    let capture = scratch("wire6.pcapng");
    let capture = capture.to_str().expect("a plain path");
    let up = beside.up(&["--pcap", capture]);
    until("nobody else has the address", || {
        output("ping", &["-c", "1", "-W", "1", HOST6]).status.success().then_some(())
    });
    for size in ["0", "1452", "1453", "4000", "65507"] {
        // ping waits two round trips for its last answers, on a busy machine not long enough.
        until("ping has all its answers", || {
            let text = run("ping", &["-c", "3", "-i", "0.05", "-s", size, HOST6]);
            assert!(!text.contains("DUP!"), "size {size}:\n{text}");
            text.contains(" 0% packet loss").then_some(())
        });
    }
    download_from(&format!("http://[{HOST6}]"), 5_000_000);
    upload_to(&format!("http://[{HOST6}]"), 5);
    let text = run("ping", &["-c", "3", "-i", "0.05", "fd09::5"]);
    assert!(text.contains(" 0% packet loss") && !text.contains("DUP!"), "{text}");
    up.stop();
    if Need::Program("tshark").lack().is_none() {
        nothing_bad(capture, None);
    }
}

fn dig() {
    let beside = Beside::new();
    let up = beside.up(&[]);
    for how in ["+notcp", "+tcp"] {
        let text = run("dig", &["+short", how, &format!("@{HOST}"), "host.glass"]);
        assert_eq!(text.trim(), HOST, "{how}");
    }
    up.stop();
}

/// A server of the Linux of the namespace `pid`: it answers with a long page.
fn serve(pid: &str, addr: &str) -> u16 {
    let namespace = std::fs::File::open(format!("/proc/{pid}/ns/net")).expect("a namespace");
    let (tell, told) = std::sync::mpsc::channel();
    let addr = addr.to_owned();
    std::thread::spawn(move || {
        let net = nix::sched::CloneFlags::CLONE_NEWNET;
        nix::sched::setns(namespace, net).expect("this thread is over there");
        let listener = TcpListener::bind((addr, 0)).expect("a listener");
        tell.send(listener.local_addr().expect("bound").port()).expect("somebody waits");
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {PAGE}\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&[7; PAGE]));
        }
    });
    told.recv_timeout(PATIENCE).expect("it listens")
}

const PAGE: usize = 5_000_000;

/// Both hosts at wire1 are reached, at the same time.
fn beside() {
    let beside = Beside::new();
    let up = beside.up(&[]);
    let port = serve(&beside.pid(), BESIDE);
    let fetch = |url: String| {
        let mut curl = Command::new("curl");
        curl.args(["-sSf", "-m", "50", "-o", "/dev/null", "-w", "%{size_download}", &url]);
        curl.stdout(Stdio::piped()).spawn().expect("curl starts")
    };
    let theirs = fetch(format!("http://{BESIDE}:{port}/"));
    let ours = fetch(format!("http://{HOST}/bytes/{PAGE}"));
    for addr in [BESIDE, HOST] {
        let text = run("ping", &["-c", "5", "-i", "0.05", addr]);
        assert!(text.contains(" 0% packet loss") && !text.contains("DUP!"), "{text}");
    }
    for curl in [theirs, ours] {
        let output = curl.wait_with_output().expect("curl ends");
        assert_eq!(String::from_utf8_lossy(&output.stdout), PAGE.to_string());
    }
    let here = run("ip", &["neigh", "show", "dev", "wire0"]);
    let count = |what: &str| here.lines().filter(|line| line.contains(what)).count();
    assert_eq!((count(MAC), count(&format!("{HOST} ")), count(BESIDE)), (1, 1, 1), "{here}");
    up.stop();
}

fn clients() {
    let beside = Beside::new();
    let port = serve(&std::process::id().to_string(), LINUX);
    let mut get = netglass();
    let url = format!("http://{LINUX}:{port}/");
    get.args(["get", "--on", "wire1", "--max-time", "50", &url]);
    let got = beside.there(&get).stdin(Stdio::null()).output().expect("it runs");
    assert!(got.status.success(), "{}", String::from_utf8_lossy(&got.stderr));
    assert_eq!(got.stdout.len(), PAGE);
    let mut ping = netglass();
    ping.args(["ping", "--via", "wire1", "-c", "2", "-i", "0.2", LINUX]);
    let pinged = beside.there(&ping).stdin(Stdio::null()).output().expect("it runs");
    let text = String::from_utf8_lossy(&pinged.stdout);
    assert!(text.contains(" 0% packet loss"), "{text}");
    // Nobody is there.
    let mut nc = netglass();
    nc.args(["nc", "--on", "wire1", "10.9.0.99", "7"]);
    let lost = beside.there(&nc).stdin(Stdio::null()).output().expect("it runs");
    let told = String::from_utf8_lossy(&lost.stderr);
    assert!(told.contains("no route to host"), "{told}");
}

fn impaired() {
    let beside = Beside::new();
    let path = scratch("veth.rec");
    let file = path.to_str().expect("a plain path");
    let rules = "delay 2ms loss 1% reorder 2%";
    let up = beside.up(&["--impair", rules, "--record", file]);
    download(500_000);
    upload(1);
    up.stop();
    let replayed = netglass().args(["replay", file]).output().expect("replay runs");
    let text = String::from_utf8_lossy(&replayed.stdout);
    assert!(replayed.status.success() && text.contains("trace hash"), "{text}");
}

/// The end of the interface is the end of the host: told in words, at once.
fn goes() {
    for how in [&["link", "set", "wire1", "down"][..], &["link", "del", "wire1"]] {
        let beside = Beside::new();
        let mut command = netglass();
        command.args(["up", "--on", "wire1", "--mac", MAC]);
        let mut there = beside.there(&command);
        there.stderr(Stdio::piped());
        let mut up = Up::start_as(there);
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--limit-rate", "100k", "-o", "/dev/null"]);
        let mut curl = curl.arg(format!("http://{HOST}/bytes/50000000")).spawn().expect("curl");
        until("the download is on its way", || {
            let seen = run("ip", &["-s", "link", "show", "wire0"]);
            let bytes = seen.lines().nth(3)?.split_whitespace().next()?.parse::<u64>().ok()?;
            (bytes > 100_000).then_some(())
        });
        beside.run("ip", how);
        let (status, told) = up.end();
        assert_eq!(status.code(), Some(1), "{told}");
        assert!(told.contains("the interface wire1 was switched off or is gone"), "{told}");
        let _ = curl.kill();
        let _ = curl.wait();
        let _ = output("ip", &["link", "del", "wire0"]);
    }
}

fn mistakes() {
    let beside = Beside::new();
    let refused = |args: &[&str], says: &str| {
        let mut command = netglass();
        command.arg("up").args(args);
        let output = beside.there(&command).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(says), "{args:?}: {said}");
    };
    refused(&["--on", "wire7"], "no interface wire7");
    refused(&["--on", "lo"], "no Ethernet");
    refused(&["--on", "wire1", "--tap"], "--tap or --on");
    refused(&["--on", "wire1", "--mtu", "1501"], "1500 bytes");
    refused(&["--on", "wire1", "--vlan", "10=10.10.0.2/24"], "name wire1.10 type vlan id 10");
    refused(&["--on", "wire1", "--addr", "10.9.0.5/24"], "Linux's own");
    refused(&["--on", "wire1", "--mac", "03:00:00:00:00:01"], "not one host's");
    let link = beside.run("ip", &["-o", "link", "show", "wire1"]);
    let theirs = link.split_whitespace().skip_while(|word| *word != "link/ether").nth(1);
    refused(&["--on", "wire1", "--mac", theirs.expect("an address")], "Linux answers there");
    beside.run("ip", &["link", "set", "wire1", "mtu", "1400"]);
    refused(&["--on", "wire1", "--mtu", "1500"], "1400 bytes");
    beside.run("ip", &["link", "set", "wire1", "down"]);
    refused(&["--on", "wire1"], "ip link set dev wire1 up");
}
