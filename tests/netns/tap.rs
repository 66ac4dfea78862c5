//! The virtual host on an Ethernet: the kernel's ARP, ping and curl through a TAP device.

use crate::Case;
use crate::support::{self, HOST, Need, Up, netglass, output, run, scratch, until};
use std::process::{Command, Stdio};

pub(crate) const CASES: &[Case] = &[
    ("tap::arping", &[Need::Tun, Need::Arping], arping),
    ("tap::ping_all_sizes", &[Need::Tun, Need::Program("ping")], ping),
    ("tap::largest_frames", &[Need::Tun, Need::Program("ping")], largest),
    (
        "tap::curl_and_the_capture",
        &[Need::Tun, Need::Program("curl"), Need::Program("tshark"), Need::Program("tcpdump")],
        curl,
    ),
    ("tap::a_bad_link", &[Need::Tun, Need::Program("curl")], bad_link),
    ("tap::replay", &[Need::Tun, Need::Program("curl")], replay),
    ("tap::probed_first", &[Need::Tun, Need::Program("ping")], probed),
    ("tap::dig", &[Need::Tun, Need::Program("dig")], dig),
    ("tap::get", &[Need::Tun], get),
];

const MAC: &str = "02:00:5e:10:00:01";
const TAP: &[&str] = &["--tap", "--mac", MAC];

fn arping() {
    let up = Up::start(TAP);
    let text = run("arping", &["-c", "3", "-w", "10", "-I", "glass0", HOST]);
    let replies = text.lines().filter(|line| line.contains("reply from"));
    let ours = replies.filter(|line| line.to_ascii_lowercase().contains(MAC)).count();
    assert_eq!(ours, 3, "{text}");
    // Duplicate address detection finds the address taken; another one is free.
    let taken = output("arping", &["-D", "-c", "1", "-w", "5", "-I", "glass0", HOST]);
    assert!(!taken.status.success());
    run("arping", &["-D", "-c", "1", "-w", "1", "-I", "glass0", "10.9.0.77"]);
    up.stop();
}

fn ping() {
    let path = scratch("tap.sock");
    let door = path.to_str().expect("a plain path");
    let up = Up::start(&[TAP, &["--control", door]].concat());
    for size in ["0", "1", "17", "18", "56", "1472", "1473", "4000", "65507"] {
        support::ping(size, HOST);
    }
    let neighbours = run("ip", &["neigh", "show", "dev", "glass0"]);
    assert!(neighbours.contains(MAC), "{neighbours}");
    // The virtual host knows Linux in the same way, and says so in the same words.
    let link = run("ip", &["-o", "link", "show", "dev", "glass0"]);
    let linux = link.split_whitespace().skip_while(|word| *word != "link/ether").nth(1);
    let linux = linux.expect("an Ethernet address");
    let ask = |args: &[&str]| {
        let output = netglass().args(args).args(["--control", door]).output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let ours = ask(&["ip", "neigh"]);
    assert!(ours.contains(&format!("10.9.0.1 dev glass0 lladdr {}", linux)), "{ours}");
    assert!(ask(&["arp"]).contains(linux));
    assert!(ask(&["ip", "link"]).contains(&format!("link/ether {MAC} brd ff:ff:ff:ff:ff:ff")));
    up.stop();
}

/// The kernel's largest TAP frames.
fn largest() {
    let up = Up::start(&[TAP, &["--mtu", "65521"]].concat());
    let text = run("ping", &["-c", "3", "-i", "0.05", "-s", "65493", HOST]);
    assert!(text.contains(" 0% packet loss"), "{text}");
    up.stop();
}

fn curl() {
    let path = scratch("tap.pcapng");
    let file = path.to_str().unwrap();
    let up = Up::start(&[TAP, &["--pcap", file]].concat());
    run("curl", &["-sSf", "-o", "/dev/null", &format!("http://{HOST}/bytes/3000000")]);
    let upload = scratch("upload");
    std::fs::write(&upload, vec![7; 3_000_000]).expect("a file");
    run("curl", &["-sSf", "-T", upload.to_str().unwrap(), &format!("http://{HOST}/sink")]);
    up.stop();
    let checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"];
    let bad = "_ws.malformed || (tcp.checksum.status == \"Bad\" && tcp.checksum != 0xffff) \
               || ip.checksum.status == \"Bad\" \
               || arp.duplicate-address-detected";
    let args = [&["-r", file][..], &checks, &["-Y", bad]].concat();
    assert_eq!(run("tshark", &args), "", "malformed packets or bad checksums");
    let arp = run("tcpdump", &["-Z", "root", "-n", "-t", "-r", file, "arp"]);
    for line in [
        "ARP, Request who-has 10.9.0.2 tell 10.9.0.2, length 28",
        "ARP, Request who-has 10.9.0.2 tell 10.9.0.1, length 28",
        "ARP, Reply 10.9.0.2 is-at 02:00:5e:10:00:01, length 28",
    ] {
        assert!(arp.contains(line), "{line} is not in\n{arp}");
    }
}

fn bad_link() {
    let rules = "delay 5ms loss 2% reorder 5%";
    let up = Up::start(&[TAP, &["--impair", rules]].concat());
    run("curl", &["-sSf", "-m", "50", "-o", "/dev/null", &format!("http://{HOST}/bytes/500000")]);
    up.stop();
}

fn replay() {
    let path = scratch("tap.rec");
    let file = path.to_str().unwrap();
    let up = Up::start(&[TAP, &["--record", file]].concat());
    run("curl", &["-sSf", "-o", "/dev/null", &format!("http://{HOST}/bytes/500000")]);
    up.stop();
    let capture = scratch("tap-again.pcapng");
    let args = ["replay", file, "--pcap", capture.to_str().unwrap()];
    let output = netglass().args(args).output().expect("replay runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("trace hash"), "{text}");
}

fn probed() {
    let up = Up::start(&[TAP, &["--probe"]].concat());
    // Linux asks once a second until somebody answers.
    until("the address is ours", || {
        output("ping", &["-c", "1", "-W", "1", HOST]).status.success().then_some(())
    });
    up.stop();
}

fn dig() {
    let up = Up::start(TAP);
    for how in ["+notcp", "+tcp"] {
        let text = run("dig", &["+short", how, &format!("@{HOST}"), "host.glass"]);
        assert_eq!(text.trim(), HOST, "{how}");
        // A name has the addresses that the host has, as soon as nobody else has them.
        until("the IPv6 address is its own", || {
            let text = run("dig", &["+short", how, &format!("@{HOST}"), "host.glass", "AAAA"]);
            text.contains("fd09::2").then_some(())
        });
    }
    up.stop();
}

fn get() {
    // The client's side has no interface to serve on before it runs: it must find Linux by ARP.
    let mut get = netglass();
    get.args(["get", "--tap", "http://10.9.0.1:1/"]).stdin(Stdio::null());
    let output = get.output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("refused"), "Linux was found, and nobody listens there: {told}");
    let mut get = Command::new(env!("CARGO_BIN_EXE_netglass"));
    get.args(["get", "--tap", "http://10.9.0.99/"]).stdin(Stdio::null());
    let output = get.output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("no route to host"), "nobody answers for it: {told}");
}
