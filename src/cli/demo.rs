//! `netglass demo`: the Linux kernel pings and curls a host that exists only in this program.

use super::args::{DemoArgs, HostArgs};
use super::history::History;
use super::host::{self, Session};
use super::private::Private;
use super::sinks::LadderSink;
use super::{Failure, Outcome, talk};
use crate::app::{Options, Services, Serving};
use crate::base::Duration;
use crate::device::memory::{self, Memory};
use crate::ip::Cidr;
use crate::net::Host;
use crate::observe::view::Ladder;
use crate::runtime::{Bell, Live};
use crate::stack::Answer;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

/// The virtual host, and Linux beside it.
const HOST: &str = "10.9.0.2";
const LINUX: &str = "10.9.0.1/24";

pub(super) fn run(args: &DemoArgs) -> Outcome {
    let linux: Cidr = LINUX.parse().map_err(Failure::usage)?;
    let private = match args.memory {
        true => Err("asked for".to_owned()),
        false => Private::start(linux, 1500, &[]),
    };
    match private {
        Ok((private, device)) => with_linux(args, private, device.without_joining()),
        Err(why) => {
            talk::say(&format!("# no TUN here ({why}): two virtual hosts talk in memory\n"))?;
            in_memory(args)
        }
    }
}

fn host_args(args: &DemoArgs) -> Result<HostArgs, Failure> {
    let linux: Cidr = LINUX.parse().map_err(Failure::usage)?;
    let default =
        || std::env::temp_dir().join(format!("netglass-demo-{}.pcapng", std::process::id()));
    Ok(HostArgs {
        plain: true,
        busy_poll: 0,
        profile: crate::tcp::Profile::Linux,
        dev: "glass0".into(),
        addr: Some(Cidr::new(HOST.parse().map_err(Failure::usage)?, 24).map_err(Failure::usage)?),
        dhcp: false,
        hostname: String::new(),
        linux: Some(linux.addr()),
        addr6: None,
        linux6: None,
        tap: false,
        on: None,
        vlan: Vec::new(),
        mac: None,
        probe: false,
        no_ipv6: true,
        mtu: None,
        pkt: None,
        pcap: Some(args.pcap.clone().unwrap_or_else(default)),
        record: None,
        impair: None,
        tcp: Vec::new(),
        seed: 1,
    })
}

/// What the demo keeps to print at the end.
struct Story {
    ladder: Arc<Mutex<Ladder>>,
    pcap: PathBuf,
    _serving: Serving,
}

impl Story {
    fn tell(&self) -> Result<(), Failure> {
        let ladder = self.ladder.lock().unwrap_or_else(PoisonError::into_inner);
        talk::say("\nThe same conversation, as the virtual host lived it:\n")?;
        talk::say(&ladder.render())?;
        talk::say(&format!("\ncapture with the reasons as comments: {}", self.pcap.display()))
    }
}

fn start<D: crate::device::Device + 'static>(
    args: &DemoArgs,
    device: impl FnOnce(&Bell) -> D,
) -> Result<(Session, Story, tokio::runtime::Runtime), Failure> {
    let host_args = host_args(args)?;
    let prepared = host::prepare(&host_args)?;
    let ladder = Arc::new(Mutex::new(Ladder::new(talk::view(args.all))));
    let sink = LadderSink(ladder.clone());
    let history = History::new();
    let seen = history.clone();
    let watch = |host: &Host| {
        host.observe(Box::new(sink));
        host.observe(Box::new(seen));
    };
    let session = prepared.start(device, None, watch)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let services: Services = "http,echo".parse().map_err(Failure::usage)?;
    let (addr, host): (IpAddr, _) = (HOST.parse().map_err(Failure::usage)?, session.host.clone());
    let options = Options { ladder: Some(history.drawer()), ..Options::default() };
    let started = runtime.block_on(async { Serving::start(&host, &[addr], &services, options) });
    let serving = started.map_err(Failure::failed)?;
    let pcap = host_args.pcap.unwrap_or_default();
    Ok((session, Story { ladder, pcap, _serving: serving }, runtime))
}

fn with_linux(args: &DemoArgs, mut private: Private, device: crate::device::tun::Tun) -> Outcome {
    talk::say(&format!(
        "netglass runs a host at {HOST} on a TUN device in a private network; Linux is {LINUX}\n"
    ))?;
    let (session, story, runtime) = start(args, |_| device)?;
    private.go().map_err(Failure::failed)?;
    let status = private.wait().map_err(Failure::failed)?;
    runtime.shutdown_timeout(Duration::from_millis(200));
    // The device's network is gone with the child: that the driver notices is not a failure.
    let _ = session.stop(Duration::ZERO);
    story.tell()?;
    match status.success() {
        true => Ok(ExitCode::SUCCESS),
        false => Err(Failure::failed("not every exchange was right: see above")),
    }
}

/// The same conversation between two of our hosts.
fn in_memory(args: &DemoArgs) -> Outcome {
    let (near, far) = memory::pair(memory::Options::default());
    let on = |mut end: Memory, bell: &Bell| {
        let bell = bell.clone();
        end.on_change(move || bell.ring());
        end
    };
    let (session, story, runtime) = start(args, |bell| on(far, bell))?;
    let linux: Cidr = LINUX.parse().map_err(Failure::usage)?;
    let peer =
        Host::new(crate::stack::Setup::new(host::secret()?).with_iface("wire0", 1500, linux));
    let driver = Live::new(&peer).map_err(Failure::failed)?;
    let near = on(near, &driver.bell());
    let driver = driver.start(near).map_err(Failure::failed)?;
    let said = talk_in_memory(&peer);
    runtime.shutdown_timeout(Duration::from_millis(200));
    let _ = driver.stop(Duration::ZERO);
    session.stop(Duration::ZERO)?;
    story.tell()?;
    said.map(|()| ExitCode::SUCCESS)
}

fn talk_in_memory(peer: &Host) -> Result<(), Failure> {
    let host: IpAddr = HOST.parse().map_err(Failure::usage)?;
    for seq in 1..=3 {
        peer.with(|stack, now| stack.ping(now, host, (7, seq), &[0x2a; 56]))
            .map_err(Failure::failed)?;
        let answer = (0..200).find_map(|_| {
            let answer = peer.with(|stack, now| stack.take_answer(now, 7)).ok();
            if answer.is_none() {
                std::thread::sleep(Duration::from_millis(5));
            }
            answer
        });
        let Some(Answer::Reply(pong)) = answer else {
            return Err(Failure::failed(format_args!("no answer from {host}")));
        };
        talk::say(&format!(
            "{} bytes from {}: icmp_seq={} ttl={} time={}.{:03} ms",
            pong.len,
            pong.from,
            pong.seq,
            pong.ttl,
            pong.rtt.as_micros() / 1000,
            pong.rtt.as_micros() % 1000
        ))?;
    }
    let to = SocketAddr::new(host, 80);
    for path in ["/", "/me"] {
        talk::say(&format!("\n$ GET http://{host}{path}"))?;
        let stream = crate::net::blocking::TcpStream::connect(peer, to).map_err(Failure::failed)?;
        let body = get(stream, path).map_err(Failure::failed)?;
        talk::say(&body)?;
    }
    match crate::net::blocking::TcpStream::connect(peer, SocketAddr::new(host, 81)) {
        Err(e) if e.kind() == std::io::ErrorKind::ConnectionRefused => {
            talk::say(&format!("\n$ GET http://{host}:81/\n{e}"))
        }
        _ => Err(Failure::failed("port 81 should have refused the connection")),
    }
}

/// The conversation that the child in its private network has with the virtual host.
pub(super) fn conversation() -> Outcome {
    let mut wrong = Vec::new();
    let url = |path: &str| format!("http://{HOST}{path}");
    let steps: [(&str, Vec<String>, i32); 4] = [
        ("ping", ["-c", "3", "-i", "0.2", HOST].map(str::to_owned).into(), 0),
        ("curl", vec!["-sS".into(), "--max-time".into(), "5".into(), "-f".into(), url("/")], 0),
        ("curl", vec!["-sS".into(), "--max-time".into(), "5".into(), "-f".into(), url("/me")], 0),
        ("curl", vec!["-sS".into(), "--max-time".into(), "5".into(), url(":81/")], 7),
    ];
    for (program, args, expected) in &steps {
        talk::say(&format!("$ {program} {}", args.join(" ")))?;
        let mut command = Command::new(program);
        let status = command.args(args).stdin(Stdio::null()).stderr(std::io::stdout()).status();
        let right = match status {
            Ok(status) => status.code() == Some(*expected),
            Err(_) => plain(program, args, *expected),
        };
        if !right {
            wrong.push(format!("{program} {}", args.join(" ")));
        }
        talk::say("")?;
    }
    match wrong.is_empty() {
        true => Ok(ExitCode::SUCCESS),
        false => Err(Failure::failed(format_args!("this went wrong: {}", wrong.join("; ")))),
    }
}

/// The step with plain kernel sockets, where the program is missing; whether it went right.
fn plain(program: &str, args: &[String], expected: i32) -> bool {
    println!("({program} is not installed: plain kernel sockets do the same)");
    if program == "ping" {
        return (1..=3).all(|seq| match ping(seq) {
            Ok(line) => {
                println!("{line}");
                true
            }
            Err(error) => {
                println!("ping: {error}");
                false
            }
        });
    }
    let url = args.last().map_or("", String::as_str);
    let (port, path) = match url.strip_prefix(&format!("http://{HOST}")) {
        Some(rest) if rest.starts_with(":81") => (81, "/"),
        Some(rest) => (80, rest),
        None => return false,
    };
    match TcpStream::connect((HOST, port)).and_then(|stream| get(stream, path)) {
        Ok(body) => {
            println!("{body}");
            expected == 0
        }
        Err(error) => {
            println!("{error}");
            expected == 7 && error.kind() == std::io::ErrorKind::ConnectionRefused
        }
    }
}

/// One echo request by a raw kernel socket (root of the private network may).
fn ping(seq: u16) -> std::io::Result<String> {
    use nix::sys::socket::{
        AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, recv, sendto,
        setsockopt, socket, sockopt,
    };
    use std::os::fd::AsRawFd;
    let raw = socket(AddressFamily::Inet, SockType::Raw, SockFlag::empty(), SockProtocol::Icmp)?;
    let patience = nix::sys::time::TimeVal::new(2, 0);
    setsockopt(&raw, sockopt::ReceiveTimeout, &patience)?;
    let message = crate::wire::icmpv4::Icmpv4::EchoRequest { id: 7, seq };
    let mut head = crate::base::Head::new();
    message.emit(&mut head, &crate::base::Chunks::new());
    let addr: std::net::Ipv4Addr = HOST.parse().map_err(std::io::Error::other)?;
    let to = SockaddrIn::from(std::net::SocketAddrV4::new(addr, 0));
    sendto(raw.as_raw_fd(), &head, &to, MsgFlags::empty())?;
    let mut answer = [0; 256];
    let len = recv(raw.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    Ok(format!("{} bytes from {HOST}: icmp_seq={seq}", len.saturating_sub(20)))
}

/// A GET over any stream, the body as text.
fn get(mut stream: impl Read + Write, path: &str) -> std::io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.starts_with("HTTP/1.1 200") {
        true => Ok(body.to_owned()),
        false => Err(std::io::Error::other(head.lines().next().unwrap_or("no answer").to_owned())),
    }
}
