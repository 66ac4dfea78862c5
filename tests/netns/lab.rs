//! Labs with Linux in them, and recordings looked at as runs.

use crate::Case;
use crate::curl::upload_to;
use crate::support::{HOST, Need, Up, netglass, output, run, scratch, until};

pub(crate) const CASES: &[Case] = &[
    (
        "lab::linux_reaches_a_host_behind_three_routers",
        &[Need::Tun, Need::Program("ping"), Need::Program("traceroute"), Need::Program("curl")],
        deep,
    ),
    (
        "lab::a_tun_device_leads_into_a_lab",
        &[Need::Tun, Need::Program("ping"), Need::Program("curl")],
        bare,
    ),
    ("lab::where_no_time_passes_it_says_so_and_ends", &[Need::Tun], endless),
    ("lab::ctrl_c_ends_a_lab_that_is_busy", &[Need::Tun], busy),
    ("lab::a_recorded_curl_is_a_run", &[Need::Tun, Need::Program("curl")], recorded),
];

/// Linux, three routers, and a host with a web server.
const DEEP: &str = r#"
title = "Three routers deep"
[node.linux]
[node.r1]
kind = "router"
[node.r2]
kind = "router"
[node.r3]
kind = "router"
[node.inner]
[link.outer]
between = ["linux", "r1"]
[link.one]
between = ["r1", "r2"]
with = "delay 2ms"
[link.two]
between = ["r2", "r3"]
with = "delay 3ms"
[link.last]
between = ["r3", "inner"]
[[program]]
on = "inner"
run = "serve http"
"#;

fn lab_up(text: &str) -> Up {
    let path = scratch("lab.toml");
    std::fs::write(&path, text).unwrap();
    let mut command = netglass();
    command.args(["lab", "up"]).arg(&path);
    Up::start_as(command)
}

const INNER: &str = "10.0.3.1";

fn deep() {
    let up = lab_up(DEEP);
    let echoes = run("ping", &["-c", "3", "-i", "0.1", INNER]);
    assert!(echoes.contains("ttl=61") && echoes.contains(" 0% packet loss"), "{echoes}");
    let times = echoes.lines().filter_map(|line| line.split_once("time=")?.1.split('.').next());
    for time in times.map(|ms| ms.parse::<u64>().unwrap()) {
        assert!(time >= 10, "the wires take 5 ms each way: {echoes}");
    }
    let hops = run("traceroute", &["-n", "-q", "1", INNER]);
    let hops: Vec<_> = hops.lines().skip(1).filter_map(|l| l.split_whitespace().nth(1)).collect();
    assert_eq!(hops.len(), 4, "{hops:?}");
    assert!(hops[0].starts_with("10.0.0.") && hops[3] == INNER, "{hops:?}");
    let page = run("curl", &["-sSf", &format!("http://{INNER}/bytes/300000")]);
    assert_eq!(page.len(), 300_000);
    up.stop();
}

fn bare() {
    let up = lab_up(&format!("medium = \"ip\"{DEEP}"));
    let echoes = run("ping", &["-c", "2", "-i", "0.1", INNER]);
    assert!(echoes.contains("ttl=61") && echoes.contains(" 0% packet loss"), "{echoes}");
    upload_to(&format!("http://{INNER}"), 2); // much data, too
    up.stop();
}

/// Two hosts whose link takes no time, so that none passes while they talk.
const ENDLESS: &str = r#"
[node.linux]
[node.a]
[node.b]
[node.s]
kind = "switch"
[link.linux-s]
between = ["linux", "s"]
[link.a-s]
between = ["a", "s"]
[link.b-s]
between = ["b", "s"]
[[program]]
on = "a"
run = "rr to b:9 count 1000000000"
at = "100ms"
"#;

fn is_gone() {
    let links = run("ip", &["-o", "link"]);
    assert!(!links.contains("glass0"), "the interface is still there:\n{links}");
}

fn endless() {
    let path = scratch("endless.toml");
    std::fs::write(&path, ENDLESS.replace("[node.linux]", "at_once = 5000\n[node.linux]")).unwrap();
    let mut command = netglass();
    command.args(["lab", "up"]).arg(&path).stderr(std::process::Stdio::piped());
    let (status, told) = Up::start_as(command).end();
    assert!(!status.success());
    assert!(told.contains("the lab stopped at 0.100000: 5000 arrivals and turns"), "{told}");
    assert!(told.contains("-s, and no end"), "{told}");
    is_gone();
}

fn busy() {
    // It would go on for some hours.
    let up = lab_up(&format!("at_once = 10000000000\n{ENDLESS}"));
    let start = up.ticks();
    until("it is busy", || (up.ticks() > start + 50).then_some(()));
    up.stop();
}

/// What a command says about a recording; it must end well.
fn tell(args: &[&str]) -> String {
    let output = netglass().args(args).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{args:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn recorded() {
    let path = scratch("curl.rec");
    let file = path.to_str().unwrap();
    let up = Up::start(&["--record", file, "--no-ipv6"]);
    run("curl", &["-sSf", "-o", "/dev/null", &format!("http://{HOST}/bytes/100000")]);
    up.stop();
    let replayed = output("true", &[]).status.success() && tell(&["replay", file]).contains("hash");
    assert!(replayed);
    let lines = tell(&["ladder", file, "--all"]);
    let arrives = |line: &&str| line.contains("◀") && line.contains("PSH");
    let request = lines.lines().find(arrives).expect("the request is in the ladder");
    let request: u64 = request.split_whitespace().next().unwrap().parse().unwrap();
    let explained = tell(&["explain", &request.to_string(), "--run", file]);
    assert!(explained.contains("WHAT"), "{explained}");
    let at = format!("#{request}");
    let sockets = tell(&["ss", "-tni", "--at", &at, "--run", file]);
    assert!(sockets.contains("cwnd:") && sockets.contains(":80"), "{sockets}");
    let other = tell(&["whatif", file, "--drop", &request.to_string()]);
    assert!(other.contains("what if") && other.contains("as it was"), "{other}");
    assert!(!other.contains("are the same"), "without the request, nothing is answered: {other}");
    let blamed = tell(&["blame", &request.to_string(), "--run", file]);
    assert!(blamed.contains(&format!("#{request}")), "{blamed}");
    assert!(tell(&["limits", file]).contains("what held"), "limits");
}
