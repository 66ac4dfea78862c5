//! Groups between the virtual host and the kernel, over TAP: who joined hears, routers are told.

use crate::Case;
use crate::support::{LINUX, Need, PATIENCE, Up, netglass, nothing_bad, run, scratch, until};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::process::Stdio;
use std::time::Duration;

pub(crate) const CASES: &[Case] = &[
    (
        "groups::services_answer_at_a_group",
        &[Need::Tun, Need::Ipv6, Need::Program("tshark"), Need::Program("tcpdump")],
        services,
    ),
    ("groups::nc_reaches_members", &[Need::Tun], nc),
];

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
const GROUP6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x123);

/// The number of the kernel's side.
fn glass0() -> u32 {
    let link = run("ip", &["-o", "link", "show", "dev", "glass0"]);
    link.split(':').next().and_then(|n| n.trim().parse().ok()).expect("a number")
}

/// Asks the echo service at a group until it answers; who answered.
fn echo(socket: &UdpSocket, group: SocketAddr) -> SocketAddr {
    socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    until("a member answers", || {
        socket.send_to(b"is anybody there?", group).expect("a way");
        let mut room = [0; 100];
        let (len, from) = socket.recv_from(&mut room).ok()?;
        assert_eq!(&room[..len], b"is anybody there?");
        Some(from)
    })
}

fn services() {
    let path = scratch("groups.pcapng");
    let file = path.to_str().expect("a plain path");
    let socket = scratch("groups.sock");
    let door = socket.to_str().expect("a plain path");
    let (group, group6) = (GROUP.to_string(), GROUP6.to_string());
    let args = ["--tap", "--pcap", file, "--control", door, "--services", "echo,http"];
    let up = Up::start(&[&args[..], &["--group", &group, "--group", &group6]].concat());
    // The kernel sends to the group, and the member answers from an address of its own.
    run("ip", &["route", "add", "239.0.0.0/8", "dev", "glass0"]);
    let v4 = UdpSocket::bind((LINUX, 0)).expect("a socket");
    assert_eq!(echo(&v4, (GROUP, 7).into()).to_string(), "10.9.0.2:7");
    let v6 = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).expect("a socket");
    let zone = glass0();
    let from = echo(&v6, SocketAddrV6::new(GROUP6, 7, 0, zone).into());
    // From the address that suits the one asked from, which the kernel chooses.
    let from = from.to_string();
    assert!(from.starts_with("[fe80::") || from == "[fd09::2]:7", "{from}");
    // What the host is a member of, as ip prints it.
    let ask = |args: &[&str]| {
        let output = netglass().args(args).args(["--control", door]).output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let text = ask(&["ip", "maddr"]);
    for line in [
        "1:\tglass0\n",
        "\tlink  01:00:5e:01:02:03\n",
        "\tinet  239.1.2.3\n",
        "\tinet  224.0.0.1\n",
        "\tinet6 ff02::123\n",
        "\tinet6 ff02::1\n",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    assert!(
        ask(&["ip", "-j", "maddr"]).contains("{\"address\":\"239.1.2.3\",\"family\":\"inet\"}")
    );
    up.stop();
    nothing_bad(file, Some("eth"));
    let bad = "icmpv6.checksum.status == \"Bad\" || igmp.checksum.status == \"Bad\"";
    assert_eq!(run("tshark", &["-r", file, "-Y", bad]), "");
    // Reports as tshark reads them: the groups that were joined (4), then left (3).
    let fields = ["-T", "fields", "-e", "ip.ttl", "-e", "igmp.record_type", "-e", "igmp.maddr"];
    let ours = "igmp.type == 0x22 && ip.src == 10.9.0.2";
    let reports = run("tshark", &[&["-r", file, "-Y", ours], &fields[..]].concat());
    assert!(
        reports.contains("1\t4\t239.1.2.3") && reports.contains("1\t3\t239.1.2.3"),
        "{reports}"
    );
    let fields = [
        "-T",
        "fields",
        "-e",
        "icmpv6.mldr.mar.record_type",
        "-e",
        "icmpv6.mldr.mar.multicast_address",
    ];
    let ours = "icmpv6.type == 143 && ipv6.opt.router_alert == 0 && ipv6.hlim == 1";
    let reports = run("tshark", &[&["-r", file, "-Y", ours], &fields[..]].concat());
    assert!(reports.contains("4\tff02::123") && reports.contains("3\tff02::123"), "{reports}");
    let lines = run("tcpdump", &["-Z", "root", "-n", "-t", "-r", file, "igmp or ip6[48] == 143"]);
    for line in [
        "IP 10.9.0.2 > 224.0.0.22: igmp v3 report, 1 group record(s)\n",
        " > ff02::16: HBH ICMP6, multicast listener report v2, 1 group record(s), length 28\n",
    ] {
        assert!(lines.contains(line), "{line} is not in\n{lines}");
    }
}

fn nc() {
    let mut nc = netglass();
    nc.args(["nc", "--tap", "-u", "-w", "5", &GROUP.to_string(), "5000"]);
    nc.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut nc = nc.spawn().expect("it runs");
    let member = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 5000)).expect("a socket");
    let linux: Ipv4Addr = LINUX.parse().expect("an address");
    until("the kernel is a member there", || member.join_multicast_v4(&GROUP, &linux).ok());
    member.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut input = nc.stdin.take().expect("its input");
    std::io::Write::write_all(&mut input, b"to all of you\n").expect("it reads");
    let mut room = [0; 100];
    let (len, from) = member.recv_from(&mut room).expect("it is heard");
    assert_eq!(
        (&room[..len], from.ip().to_string().as_str()),
        (&b"to all of you\n"[..], "10.9.0.2")
    );
    drop(input);
    assert!(nc.wait().expect("it ends").success());
}
