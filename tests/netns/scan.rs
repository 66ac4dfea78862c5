//! nmap's view of the virtual host: every port is what it is, and the host stays well.

use crate::Case;
use crate::records::well_formed;
use crate::support::{HOST, HOST6, Need, Up, run, scratch};

const NEEDS: &[Need] =
    &[Need::Tun, Need::Ipv6, Need::Program("nmap"), Need::Program("curl"), Need::Program("tshark")];

pub(crate) const CASES: &[Case] =
    &[("scan::over_tun", NEEDS, over_tun), ("scan::over_tap", NEEDS, over_tap)];

/// The services' ports; discard takes datagrams and never answers, so nobody can know.
const TCP: [&str; 6] = ["7/open", "9/open", "13/open", "19/open", "53/open", "80/open"];
const UDP: [&str; 5] = ["7/open", "9/open|filtered", "13/open", "19/open", "53/open"];

/// A scan's ports that are not closed, and how many are.
fn scanned(args: &[&str]) -> (Vec<String>, String) {
    let patience = ["-n", "-T4", "--max-retries", "6", "--host-timeout", "100s", "-oG", "-"];
    let said = run("nmap", &[&patience, args].concat());
    let line = said.lines().find(|line| line.contains("Ports: "));
    let line = line.unwrap_or_else(|| panic!("no ports in\n{said}"));
    let fields: Vec<_> = line.split('\t').collect();
    let field = |name| fields.iter().find_map(|field| field.strip_prefix(name)).unwrap_or("");
    let ports = field("Ports: ").split(", ").map(|port| {
        let parts: Vec<_> = port.split('/').collect();
        format!("{}/{} {}", parts[0], parts[1], parts[2])
    });
    (ports.collect(), field("Ignored State: ").to_owned())
}

/// What a scan of `count` ports should say of `protocols`.
fn expected(protocols: &[(&str, &[&str])], count: usize) -> (Vec<String>, String) {
    let named = |(protocol, ports): &(&str, &[&str])| {
        ports.iter().map(|port| format!("{port} {protocol}")).collect::<Vec<_>>()
    };
    let ports: Vec<_> = protocols.iter().flat_map(named).collect();
    let closed = format!("closed ({})", count - ports.len());
    (ports, closed)
}

fn scan(more: &[&str]) {
    let path = scratch("scan.pcapng");
    let file = path.to_str().unwrap();
    let up = Up::start(&[&["--pcap", file], more].concat());
    let both = ["-sS", "-sU", "-p", "T:1-200,8080,U:1-200,33434"];
    let open: [(&str, &[&str]); 2] = [("tcp", &TCP), ("udp", &UDP)];
    assert_eq!(scanned(&[&both[..], &["-O", HOST]].concat()), expected(&open, 402));
    assert_eq!(scanned(&["-sT", "-p", "1-200,8080", HOST]), expected(&open[..1], 201));
    assert_eq!(scanned(&[&both[..], &["-6", HOST6]].concat()), expected(&open, 402));
    assert!(!run("curl", &["-sSf", "--max-time", "5", &format!("http://{HOST}/")]).is_empty());
    up.stop();
    // What nmap sends is another matter.
    well_formed(file, &format!("(ip.src == {HOST} || ipv6.src == {HOST6}) && "));
}

fn over_tun() {
    scan(&[]);
}

fn over_tap() {
    scan(&["--tap"]);
}
