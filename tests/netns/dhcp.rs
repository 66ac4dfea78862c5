//! The virtual host's address from DHCP servers that others wrote: dnsmasq, and udhcpd, which gives
//! leases of twenty seconds (dnsmasq makes two minutes of them).

use crate::Case;
use crate::support::{Need, interrupt, netglass, nothing_bad, output, run, scratch, until};
use crate::veth::Beside;
use nix::sys::socket::{setsockopt, sockopt::BindToDevice};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const DNSMASQ: Need = Need::Program("dnsmasq");
const UDHCPD: Need = Need::Program("udhcpd");

pub(crate) const CASES: &[Case] = &[
    (
        "dhcp::by_name_through_dnsmasq",
        &[
            Need::Tun,
            DNSMASQ,
            Need::Program("ping"),
            Need::Program("curl"),
            Need::Program("dig"),
            Need::Program("unshare"),
            Need::Program("tshark"),
        ],
        by_name,
    ),
    ("dhcp::leases_of_twenty_seconds", &[Need::Tun, UDHCPD, Need::Program("ping")], renewals),
    ("dhcp::a_server_that_goes_and_comes", &[Need::Tun, UDHCPD, Need::Program("ping")], expiry),
    ("dhcp::somebody_has_the_address", &[Need::Tun, DNSMASQ, Need::Program("ping")], conflict),
    ("dhcp::clients_borrow_an_address", &[Need::Tun, DNSMASQ], clients),
    ("dhcp::on_an_interface_of_linux", &[Need::Veth, DNSMASQ, Need::Program("ping")], beside),
];

const LINUX: &str = "10.9.0.1";

/// A program that is ended with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// dnsmasq, as soon as `dev` is there; what it says goes to a file.
fn dnsmasq(dev: &str, range: &str, log: &str) -> Server {
    let (path, leases) = (scratch("dnsmasq.conf"), scratch("dnsmasq.leases"));
    let text = format!(
        "no-resolv\nno-hosts\ninterface={dev}\nbind-dynamic\ndomain=lan.test\nlocal=/lan.test/\n\
         host-record=linux.lan.test,{LINUX}\ndhcp-range={range},255.255.255.0,2m\n\
         dhcp-option=option:T1,8s\ndhcp-authoritative\nno-ping\ndhcp-leasefile={}\n",
        leases.display()
    );
    std::fs::write(&path, text).expect("a file");
    let mut command = Command::new("dnsmasq");
    command.args(["--keep-in-foreground", "--user=", "--group=", "--pid-file", "--log-dhcp"]);
    command.arg(format!("--conf-file={}", path.display())).arg("--log-facility=-");
    let log = File::create(scratch(log)).expect("a file");
    Server(command.stdin(Stdio::null()).stderr(log).spawn().expect("dnsmasq starts"))
}

/// udhcpd, on an interface that is there, with leases of twenty seconds.
fn udhcpd() -> Server {
    let (path, leases) = (scratch("udhcpd.conf"), scratch("udhcpd.leases"));
    File::create(&leases).expect("a file");
    let text = format!(
        "start 10.9.0.50\nend 10.9.0.60\ninterface glass0\nlease_file {}\npidfile {}\n\
         min_lease 10\noption lease 20\noption subnet 255.255.255.0\noption router {LINUX}\n",
        leases.display(),
        scratch("udhcpd.pid").display()
    );
    std::fs::write(&path, text).expect("a file");
    let mut command = Command::new("udhcpd");
    command.arg("-f").arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Server(command.spawn().expect("udhcpd starts"))
}

/// `netglass up --tap --dhcp` in this namespace.
struct Up {
    child: Child,
    said: PathBuf,
    door: PathBuf,
}

impl Up {
    fn start(args: &[&str]) -> Up {
        run("ip", &["link", "set", "lo", "up"]);
        let (said, door) = (scratch("up.log"), scratch("dhcp.sock"));
        let mut command = netglass();
        command.args(["up", "--tap", "--dhcp"]).arg("--control").arg(&door).args(args);
        command.stdout(File::create(&said).expect("a file")).stdin(Stdio::null());
        let child = command.spawn().expect("netglass starts");
        let up = Up { child, said, door };
        until("glass0 is up", || {
            let links = run("ip", &["-o", "link"]);
            links.lines().any(|line| line.contains("glass0: ") && line.contains("UP")).then_some(())
        });
        up
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.said).expect("what it says")
    }

    /// Waits until it has said this so often.
    #[track_caller]
    fn says(&self, what: &str, times: usize) {
        let seen = || (self.said().matches(what).count() >= times).then_some(());
        until(what, seen);
    }

    /// Waits for a lease; its address.
    fn leased(&self) -> String {
        let lease = until("it has a lease", || {
            let said = self.said();
            let line = said.lines().filter_map(|line| line.strip_prefix("# lease ")).next_back()?;
            let (addr, _) = line.split_once("/24 from 10.9.0.1 for ")?;
            Some(addr.to_owned())
        });
        // Linux's view of who has it may be of before.
        output("ip", &["neigh", "flush", "dev", "glass0"]);
        lease
    }

    fn ask(&self, args: &[&str]) -> String {
        let output = netglass().args(args).arg("--control").arg(&self.door).output();
        String::from_utf8(output.expect("it runs").stdout).expect("text")
    }

    fn stop(mut self) {
        let status = interrupt(&mut self.child);
        assert!(status.success(), "up ended with {status}");
        assert!(self.said().contains("-> RELEASED: "), "{}", self.said());
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pings(addr: &str) -> bool {
    output("ping", &["-c", "1", "-W", "1", addr]).status.success()
}

/// What a socket on Linux's side sends to everybody behind `glass0`.
fn rogue() -> UdpSocket {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a port");
    socket.set_broadcast(true).expect("an option");
    setsockopt(&socket, BindToDevice, &"glass0".into()).expect("an interface");
    socket
}

fn by_name() {
    let (capture, recording) = (scratch("dhcp.pcapng"), scratch("dhcp.rec"));
    let [file, record] = [&capture, &recording].map(|path| path.to_str().expect("a plain path"));
    let up = Up::start(&["--hostname", "crystal", "--pcap", file, "--record", record]);
    // Linux's side is left to whoever owns the network.
    let before = run("ip", &["-4", "-o", "addr", "show", "dev", "glass0"]);
    assert_eq!(before, "");
    run("ip", &["addr", "add", "10.9.0.1/24", "dev", "glass0"]);
    let _dnsmasq = dnsmasq("glass0", "10.9.0.50,10.9.0.99", "dnsmasq.log");
    let addr = up.leased();
    assert!(up.said().contains(&format!("# lease {addr}/24 from 10.9.0.1 for 120 s (renew in ")));
    assert!(pings(&addr));
    let shown = up.ask(&["ip", "addr"]);
    assert!(shown.contains(&format!("inet {addr}/24 brd 10.9.0.255 scope global dynamic glass0")));
    assert!(shown.contains("valid_lft 1"), "{shown}");
    let routes = up.ask(&["ip", "route"]);
    assert!(routes.contains("default via 10.9.0.1 dev glass0 proto dhcp"), "{routes}");
    // Its own names follow, too.
    let own = run("dig", &[&format!("@{addr}"), "host.glass", "+short"]);
    assert_eq!(own, format!("{addr}\n"));
    let named = run("dig", &["@10.9.0.1", "crystal.lan.test", "+short"]);
    assert_eq!(named, format!("{addr}\n"));
    let resolv = scratch("resolv.conf");
    std::fs::write(&resolv, "nameserver 10.9.0.1\nsearch lan.test\n").expect("a file");
    let script = format!(
        "mount --bind {} /etc/resolv.conf && curl -sSf http://crystal/me && \
         curl -sSf -o /dev/null http://crystal.lan.test/bytes/100000",
        resolv.display()
    );
    let page = run("unshare", &["--mount", "sh", "-c", &script]);
    assert!(page.contains(&addr), "{page}");
    up.says("RENEWING -> BOUND: ", 2);
    assert!(pings(&addr));
    up.stop();
    until("dnsmasq hears of the end", || {
        let log = std::fs::read_to_string(scratch("dnsmasq.log")).expect("its log");
        log.contains("DHCPRELEASE(glass0)").then_some(())
    });
    nothing_bad(file, None);
    let kinds =
        run("tshark", &["-r", file, "-Y", "dhcp", "-T", "fields", "-e", "dhcp.option.dhcp"]);
    let kinds: Vec<&str> = kinds.lines().skip_while(|kind| *kind == "1").collect();
    // OFFER, REQUEST, ACK; twice REQUEST and ACK; RELEASE.
    assert_eq!(kinds, ["2", "3", "5", "3", "5", "3", "5", "7"]);
    let output = netglass().args(["replay", record]).output().expect("replay runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn renewals() {
    let up = Up::start(&["--linux", LINUX]);
    // Before anybody who means it: garbage.
    let rogue = rogue();
    for n in 0..2000_u32 {
        let garbage: Vec<u8> = (0..n % 600).map(|at| (n * 31 + at * 7) as u8).collect();
        rogue.send_to(&garbage, "255.255.255.255:68").expect("sent");
    }
    let _udhcpd = udhcpd();
    let addr = up.leased();
    assert!(up.said().contains(&format!("# lease {addr}/24 from 10.9.0.1 for 20 s (renew in ")));
    let mut stream = TcpStream::connect((addr.as_str(), 7)).expect("it listens there");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    // A conversation that lasts longer than the lease.
    for n in 1..=3 {
        up.says("RENEWING -> BOUND: ", n);
        stream.write_all(b"glass").expect("it is still there");
        stream.read_exact(&mut [0; 5]).expect("an echo");
    }
    assert!(pings(&addr));
    assert!(!up.said().contains("lost"), "{}", up.said());
    up.stop();
}

fn expiry() {
    let up = Up::start(&["--linux", LINUX]);
    let first = udhcpd();
    let addr = up.leased();
    assert!(pings(&addr));
    drop(first);
    up.says("BOUND -> RENEWING: ", 1);
    up.says("RENEWING -> REBINDING: ", 1);
    assert!(pings(&addr), "it has it still");
    up.says(&format!("# lease of {addr} lost"), 1);
    assert!(up.said().contains("REBINDING -> INIT: the lease is over"), "{}", up.said());
    let shown = up.ask(&["ip", "addr"]);
    assert!(!shown.contains("inet "), "{shown}");
    assert!(!pings(&addr));
    let _second = udhcpd();
    up.says("CHECKING -> BOUND: ", 2);
    assert!(pings(&up.leased()));
    up.stop();
}

fn conflict() {
    // Linux has both addresses that dnsmasq could give, on another interface; it answers for them.
    run("ip", &["link", "set", "lo", "up"]);
    for addr in ["10.9.0.50/32", "10.9.0.51/32"] {
        run("ip", &["addr", "add", addr, "dev", "lo"]);
    }
    let up = Up::start(&["--linux", LINUX]);
    let _dnsmasq = dnsmasq("glass0", "10.9.0.50,10.9.0.51", "dnsmasq.log");
    up.says("CHECKING -> INIT: somebody else has the address", 1);
    let shown = up.ask(&["ip", "addr"]);
    assert!(!shown.contains("inet "), "{shown}");
    until("dnsmasq hears of it", || {
        let log = std::fs::read_to_string(scratch("dnsmasq.log")).expect("its log");
        log.contains("DHCPDECLINE(glass0) 10.9.0.5").then_some(())
    });
    for addr in ["10.9.0.50/32", "10.9.0.51/32"] {
        run("ip", &["addr", "del", addr, "dev", "lo"]);
    }
    let addr = up.leased();
    assert!(pings(&addr));
    up.stop();
}

/// Beside a Linux that has an address of its own there.
fn beside() {
    let beside = Beside::new();
    let _dnsmasq = dnsmasq("wire0", "10.9.0.50,10.9.0.99", "dnsmasq.log");
    let up = beside.up(&["--dhcp", "--hostname", "crystal"]);
    let leases = std::fs::read_to_string(scratch("dnsmasq.leases")).expect("its leases");
    let ours = leases.lines().find(|line| line.contains(" crystal ")).expect("a lease");
    let addr = ours.split(' ').nth(2).expect("an address");
    assert!(pings(addr));
    assert!(pings("10.9.0.5"), "Linux is beside it");
    up.stop();
}

/// A TAP device that stays, with Linux on it: a network that is there before its clients.
fn clients() {
    run("ip", &["link", "set", "lo", "up"]);
    run("ip", &["tuntap", "add", "dev", "glass0", "mode", "tap"]);
    run("ip", &["addr", "add", "10.9.0.1/24", "dev", "glass0"]);
    run("ip", &["link", "set", "glass0", "up"]);
    let _dnsmasq = dnsmasq("glass0", "10.9.0.50,10.9.0.99", "dnsmasq.log");
    let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = std::thread::spawn(move || {
        let (mut stream, peer) = listener.accept().expect("a connection");
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("a byte") == 1 {
            head.push(byte[0]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nglass").expect("written");
        peer.ip()
    });
    let ours = |args: &[&str]| {
        let output = netglass().args(args).stdin(Stdio::null()).output().expect("it runs");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (String::from_utf8_lossy(&output.stdout).into_owned(), errors)
    };
    // The name server is the lease's.
    let told = ours(&["get", "--tap", "--dhcp", &format!("http://linux.lan.test:{port}/")]);
    assert_eq!(told.0, "glass", "{}", told.1);
    let peer = server.join().expect("the server is content").to_string();
    assert!(peer.starts_with("10.9.0.") && peer != LINUX, "{peer}");
    let told = ours(&["dig", "--tap", "--dhcp", "linux.lan.test", "+short"]);
    assert_eq!(told.0, "10.9.0.1\n", "{}", told.1);
    until("both are given back", || {
        let log = std::fs::read_to_string(scratch("dnsmasq.log")).expect("its log");
        (log.matches("DHCPRELEASE(glass0)").count() == 2).then_some(())
    });
}
