//! `netglass doctor`: what this machine lacks for each mode, and the one-line fix.

use super::args::DoctorArgs;
use super::{Outcome, private, talk};
use crate::base::Mac;
use crate::sys::{netns, packet, tun};
use std::process::{Command, ExitCode};

/// One thing a mode needs.
struct Finding {
    what: &'static str,
    for_what: &'static str,
    /// Why it is not there, and the fix.
    lack: Option<String>,
}

/// Exit code 1 when something is lacking.
pub(super) fn run(args: &DoctorArgs) -> Outcome {
    let findings = [
        Finding { what: "TUN device", for_what: "up, the clients, demo", lack: tun_device() },
        Finding { what: "TUN offloads", for_what: "up without --plain", lack: offloads() },
        Finding { what: "packet socket", for_what: "--on", lack: packet_socket() },
        Finding { what: "private network", for_what: "demo, tests", lack: private_network() },
        Finding { what: "privilege", for_what: "up, the clients", lack: privilege() },
        program("ping", "iputils-ping", "demo, tests"),
        program("curl", "curl", "demo, tests"),
        program("tshark", "tshark", "reading captures, tests"),
        program("nc", "netcat-openbsd", "tests"),
    ];
    let text = if args.json { json(&findings) } else { text(&findings) };
    talk::say(&text)?;
    let lacking = findings.iter().any(|finding| finding.lack.is_some());
    Ok(if lacking { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn json(findings: &[Finding]) -> String {
    let findings = findings.iter().map(|Finding { what, for_what, lack }| {
        serde_json::json!({ "what": what, "for": for_what, "lacking": lack })
    });
    serde_json::Value::from_iter(findings).to_string()
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let mark = if finding.lack.is_none() { "ok     " } else { "lacking" };
        text += &format!("{mark}  {:<16} (for {})\n", finding.what, finding.for_what);
        if let Some(lack) = &finding.lack {
            text += &format!("         {lack}\n");
        }
    }
    text + "Clients: get, nc, dig, ping, traceroute. `netglass demo --memory`, `fsm`, `addr` and \
            `replay` need nothing.\n"
}

/// Opening the device node shows its presence and its permissions; no interface is made.
fn tun_device() -> Option<String> {
    tun::has_offloads().err().map(|error| tun::explain(error).to_string())
}

/// What `up` has unless there is `--plain`.
fn offloads() -> Option<String> {
    let why = match tun::has_offloads() {
        Ok(true) => return None,
        Ok(false) => {
            "this kernel has no virtio-net headers on TUN (IFF_VNET_HDR): a newer one does"
        }
        Err(_) => "they come with a TUN device",
    };
    Some(format!("{why}; without them, up takes a plain device by itself"))
}

/// Opened, and bound to no interface.
fn packet_socket() -> Option<String> {
    packet::open(Mac::BROADCAST).err().map(|error| error.to_string())
}

/// A namespace, and, where a TUN device is to be had at all, one in it.
fn private_network() -> Option<String> {
    let bare = netns::private_child(&mut Command::new("true")).status();
    if let Err(error) = bare {
        return Some(format!("a network namespace cannot be made: {error}"));
    }
    if tun_device().is_some() {
        return None;
    }
    let linux = "10.9.0.1/24".parse().ok()?;
    private::Private::start(linux, 1500, &["true".to_owned()]).err()
}

fn privilege() -> Option<String> {
    let root = nix::unistd::geteuid().is_root();
    (!root).then(|| "run them as root (sudo), or inside `unshare -Urn`".to_owned())
}

fn program(name: &'static str, package: &str, for_what: &'static str) -> Finding {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|dir| dir.join(name).is_file());
    let lack = (!found).then(|| format!("apt-get install {package}"));
    Finding { what: name, for_what, lack }
}
