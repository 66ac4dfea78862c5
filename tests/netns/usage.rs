//! Users' mistakes: one clear sentence, exit code 2, nothing left configured.

use crate::Case;
use crate::support::{Need, interrupt, netglass, output, run, scratch, until};

pub(crate) const CASES: &[Case] = &[
    ("usage::mistakes", &[], mistakes),
    ("usage::waiting", &[], waiting),
    ("usage::taken", &[Need::Tun, Need::Program("ip")], taken),
];

#[track_caller]
fn refused(args: &[&str], says: &str) {
    let output = netglass().args(args).output().expect("netglass runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
    assert!(said.contains(says), "{args:?}: {said}");
}

fn mistakes() {
    refused(&["up", "--addr", "10.9.0.2/33"], "33");
    refused(&["up", "--addr", "10.9.0.2"], "10.9.0.2");
    refused(&["up", "--addr", "10.9.0.1/24", "--linux", "10.9.0.1"], "both");
    refused(&["up", "--linux", "10.8.0.1"], "not in the network");
    refused(&["up", "--addr", "10.9.0.255/24"], "broadcast");
    refused(&["up", "--addr", "10.9.0.2/0"], "everything");
    refused(&["up", "--addr", "10.9.0.2/32"], "one address");
    refused(&["up", "--pcap", "a", "--record", "./a"], "both the capture and the recording");
    refused(&["up", "--addr6", "10.1.1.1/24"], "10.1.1.1 is no IPv6 address");
    refused(&["up", "--linux", "fd09::1"], "--linux6");
    refused(&["up", "--mtu", "20"], "20");
    refused(&["up", "--impair", ""], "delay");
    refused(&["up", "--tap", "--mtu", "65535"], "65521");
    refused(&["up", "--tap", "--mac", "ff:ff:ff:ff:ff:ff"], "not one host");
    refused(&["up", "--mac", "02:00:00:00:00:01"], "--tap");
    refused(&["up", "--plain", "--on", "lo"], "leave out --plain or --on");
    refused(&["up", "--plain", "--on", "lo", "--print-config"], "leave out --plain or --on");
    refused(&["up", "--tap", "--mtu", "65535", "--print-config"], "65521");
    for micros in ["-1", "1000001", "4294967296", "soon"] {
        refused(&["up", "--busy-poll", micros], "microseconds from 0 to 1000000");
    }
    for file in ["--pcap", "--record", "--config", "--pkt"] {
        refused(&["up", file, "/proc/no/such/place"], &format!("{file} /proc/no/such/place: "));
    }
    refused(&["up", "--dhcp"], "--tap or --on");
    refused(&["up", "--tap", "--dhcp", "--addr", "10.9.0.2/24"], "leave out --addr");
    refused(&["get", "--tap", "--dhcp", "--linux", "fd09::1", "http://a/"], "leave out --linux");
    refused(&["up", "--tap", "--dhcp", "--hostname", "a b"], "a host's name");
    refused(&["up", "--impair", "delay 20ms los 1%"], "los");
    refused(&["up", "--impair", "reorder 5%"], "delay");
    refused(&["up", "--services", "http,gopher"], "gopher");
    refused(&["up", "--dev", "a name with spaces"], "name");
    refused(&["get", "gopher://10.9.0.1/"], "http://");
    refused(&["get", "http://10.9.0.2/"], "10.9.0.1");
    refused(&["nc", "10.9.0.2", "7"], "the virtual host");
    refused(&["nc", "10.9.0.1", "http"], "\"http\" is not a number from 1 to 65535");
    refused(&["ip", "-4", "-6", "addr"], "cannot be used with");
    refused(&["get", "--max-time", "0", "http://10.9.0.1/"], "seconds");
    refused(&["get", "http://10.9.0/"], "neither a name nor an address");
    refused(&["get", "--hosts", "/nothing/there", "http://glass/"], "/nothing/there");
    refused(&["nc", "a..b", "7"], "a label is empty");
    refused(&["nc", "10.9.0.300", "7"], "neither a name nor an address");
    refused(&["dig", "@10.9.0.1", "glass", "NOTYPE"], "NOTYPE");
    refused(&["up", "--zone", "/nothing/there"], "/nothing/there");
    refused(&["ping", "10.9.0.2"], "the virtual host");
    refused(&["ping", "-i", "0.001", "10.9.0.1"], "0.002");
    refused(&["ping", "-M", "maybe", "10.9.0.1"], "dont");
    refused(&["ping", "-t", "256", "10.9.0.1"], "256");
    refused(&["ping", "-Q", "0x100", "10.9.0.1"], "0xff");
    refused(&["ping", "-s", "65528", "10.9.0.1"], "65528");
    refused(&["ping", "--via", "tap", "--tap", "10.9.0.1"], "--via");
    refused(&["traceroute", "-f", "3", "-m", "2", "10.9.0.1"], "-f or -m");
    refused(&["traceroute", "--mtu", "10.9.0.1", "1000"], "--mtu");
    refused(&["traceroute", "-q", "11", "10.9.0.1"], "11");
    refused(&["replay", "/nothing/there"], "/nothing/there");
    refused(&["replay", "Cargo.toml"], "recording");
    refused(&["replay"], "FILE");
}

fn taken() {
    run("ip", &["link", "set", "lo", "up"]);
    run("ip", &["address", "add", "10.9.0.1/32", "dev", "lo"]);
    refused(&["up"], "10.9.0.1");
    run("ip", &["address", "del", "10.9.0.1/32", "dev", "lo"]);
    for file in ["--pcap", "--record"] {
        let output = netglass().args(["up", file, "/no/such/place"]).output().expect("it runs");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "nothing is changed");
    }
    run("ip", &["tuntap", "add", "dev", "glass0", "mode", "tun"]);
    run("ip", &["link", "set", "glass0", "up"]);
    refused(&["up", "--dev", "lo"], "lo");
    refused(&["up", "--tap", "--dev", "glass0"], "another kind");
    let links = output("ip", &["-o", "address"]);
    assert!(!String::from_utf8_lossy(&links.stdout).contains("10.9.0."), "nothing is left");
}

/// A pipe that nobody writes to is waited for until Ctrl-C, and no longer.
fn waiting() {
    let pipe = scratch("pipe");
    let pipe = pipe.to_str().expect("a plain path");
    run("mkfifo", &[pipe]);
    let mut child = netglass();
    let child = child.args(["get", "--upload", pipe, "http://10.9.0.1/"]);
    let mut child = child.spawn().expect("netglass runs");
    let status = format!("/proc/{}/status", child.id());
    until("it hears Ctrl-C", || hears_ctrl_c(&status).then_some(()));
    assert_eq!(interrupt(&mut child).code(), Some(128 + 2));
}

/// Whether a process has a handler for SIGINT.
fn hears_ctrl_c(status: &str) -> bool {
    let status = std::fs::read_to_string(status).expect("it runs");
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|caught| u64::from_str_radix(caught.trim(), 16).ok());
    caught.expect("a set of signals") & 1 << (2 - 1) != 0
}
