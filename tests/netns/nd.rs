//! IPv6 on an Ethernet: the kernel's neighbour discovery, ndisc6 and rdisc6, a kernel-side radvd.

use crate::Case;
use crate::support::{
    self, HOST6, LINUX6, Need, Up, netglass, nothing_bad, output, run, scratch, until,
};
use std::process::{Child, Command, Stdio};

pub(crate) const CASES: &[Case] = &[
    ("nd::ndisc6", &[Need::Tun, Need::Program("ndisc6"), Need::Program("rdisc6")], ndisc6),
    ("nd::ping_all_sizes", &[Need::Tun, Need::Program("ping")], ping),
    (
        "nd::curl_and_the_capture",
        &[Need::Tun, Need::Program("curl"), Need::Program("tshark"), Need::Program("tcpdump")],
        curl,
    ),
    ("nd::get", &[Need::Tun], get),
    (
        "nd::radvd",
        &[Need::Tun, Need::Program("radvd"), Need::Program("rdisc6"), Need::Program("curl")],
        radvd,
    ),
    ("nd::replay", &[Need::Tun, Need::Program("curl")], replay),
];

const MAC: &str = "02:00:5e:10:00:01";
const TAP: &[&str] = &["--tap", "--mac", MAC];
/// What that Ethernet address makes of a prefix.
const LINK_LOCAL: &str = "fe80::5eff:fe10:1";
const MADE: &str = "2001:db8:7::5eff:fe10:1";

/// A virtual host that can be asked what it thinks.
struct Asked {
    up: Up,
    door: String,
}

impl Asked {
    fn start() -> Asked {
        let door = scratch("nd.sock").to_str().expect("a plain path").to_owned();
        let up = Up::start(&[TAP, &["--control", &door]].concat());
        Asked { up, door }
    }

    fn ask(&self, args: &[&str]) -> String {
        let output = netglass().args(args).args(["--control", &self.door]).output();
        String::from_utf8_lossy(&output.expect("it runs").stdout).into_owned()
    }

    /// Waits until the host says `words`.
    fn says(&self, args: &[&str], words: &str) -> String {
        until(words, || Some(self.ask(args)).filter(|text| text.contains(words)))
    }
}

/// radvd on the device; dropping it ends it.
struct Radvd(Child);

impl Radvd {
    fn start() -> Radvd {
        // Without forwarding, the kernel would heed the advertisements itself.
        std::fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1").expect("a namespace's own");
        run("ip", &["addr", "add", "2001:db8:7::1/64", "dev", "glass0", "nodad"]);
        let config = scratch("radvd.conf");
        let text = "interface glass0 {\n  AdvSendAdvert on;\n  MinRtrAdvInterval 3;\n  \
                    MaxRtrAdvInterval 4;\n  AdvLinkMTU 1400;\n  AdvCurHopLimit 47;\n  \
                    prefix 2001:db8:7::/64 {\n    \
                    AdvValidLifetime 600;\n    AdvPreferredLifetime 300;\n  };\n};\n";
        std::fs::write(&config, text).expect("a file");
        let pid = scratch("radvd.pid");
        let (config, pid) = (config.to_str().expect("plain"), pid.to_str().expect("plain"));
        let mut radvd = Command::new("radvd");
        radvd.args(["-n", "-d", "1", "-m", "stderr", "-C", config, "-p", pid]);
        radvd.stdin(Stdio::null()).stderr(Stdio::null());
        Radvd(radvd.spawn().expect("radvd starts"))
    }
}

impl Drop for Radvd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ndisc6() {
    let host = Asked::start();
    host.says(&["ip", "addr"], LINK_LOCAL);
    for addr in [HOST6, LINK_LOCAL] {
        let text = until("it answers", || {
            let output = output("ndisc6", &["-1", addr, "glass0"]);
            let text = String::from_utf8_lossy(&output.stdout).to_lowercase();
            output.status.success().then_some(text)
        });
        assert!(text.contains(&format!("target link-layer address: {MAC}")), "{text}");
    }
    let nobody = output("ndisc6", &["-1", "-r", "1", "fd09::77", "glass0"]);
    assert!(!nobody.status.success(), "nobody has that address");
    // It is no router, and says nothing when one is asked for.
    let router = output("rdisc6", &["-1", "-r", "1", "glass0"]);
    assert!(!router.status.success(), "{}", String::from_utf8_lossy(&router.stdout));
    host.up.stop();
}

fn ping() {
    let host = Asked::start();
    host.says(&["ip", "addr"], LINK_LOCAL);
    let zoned = format!("{LINK_LOCAL}%glass0");
    for size in ["0", "1", "56", "1452", "1453", "4000", "65000"] {
        for addr in [HOST6, &zoned] {
            until("the addresses are its own", || {
                output("ping", &["-c", "1", "-W", "1", addr]).status.success().then_some(())
            });
            support::ping(size, addr);
        }
    }
    // To everybody on the link.
    let text = run("ping", &["-c", "2", "-i", "0.05", "ff02::1%glass0"]);
    assert!(text.contains(LINK_LOCAL), "{text}");
    let neighbours = run("ip", &["-6", "neigh", "show", "dev", "glass0"]);
    assert!(neighbours.contains(&format!("{HOST6} lladdr {MAC}")), "{neighbours}");
    assert!(host.ask(&["ip", "neigh"]).contains(&format!("{LINUX6} dev glass0 lladdr ")));
    host.up.stop();
}

fn curl() {
    let path = scratch("nd.pcapng");
    let file = path.to_str().expect("a plain path");
    let up = Up::start(&[TAP, &["--pcap", file]].concat());
    let at = format!("http://[{HOST6}]");
    until("the address is its own", || {
        output("curl", &["-sSf", "-m", "2", "-o", "/dev/null", &at]).status.success().then_some(())
    });
    run("curl", &["-sSf", "-o", "/dev/null", &format!("{at}/bytes/3000000")]);
    let upload = scratch("upload6");
    std::fs::write(&upload, vec![7; 3_000_000]).expect("a file");
    run("curl", &["-sSf", "-T", upload.to_str().expect("plain"), &format!("{at}/sink")]);
    up.stop();
    nothing_bad(file, Some("ip.src == 10.9.0.2"));
    let bad = "icmpv6.checksum.status == \"Bad\" || (ipv6.src == fd09::2 && \
               tcp.checksum.status == \"Bad\")";
    let checks = ["-o", "tcp.check_checksum:TRUE"];
    assert_eq!(run("tshark", &[&["-r", file, "-Y", bad][..], &checks].concat()), "");
    let nd = run("tcpdump", &["-Z", "root", "-n", "-t", "-r", file, "icmp6"]);
    for line in [
        "IP6 :: > ff02::1:ff00:2: ICMP6, neighbor solicitation, who has fd09::2, length 24",
        "IP6 fd09::2 > ff02::2: ICMP6, neighbor advertisement, tgt is fd09::2, length 32",
        "> ff02::1:ff00:2: ICMP6, neighbor solicitation, who has fd09::2, length 32",
        "ICMP6, router solicitation",
    ] {
        assert!(nd.contains(line), "{line} is not in\n{nd}");
    }
}

fn get() {
    let mut get = netglass();
    get.args(["get", "--tap", &format!("http://[{LINUX6}]:1/")]).stdin(Stdio::null());
    let output = get.output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("refused"), "Linux was found, and nobody listens there: {told}");
    for (at, told) in [
        ("[fe80::77%25glass0]", "no route to host"),
        ("[fe80::77%25other]", "no interface called other"),
        ("[fd09::1%25glass0]", "neither a name nor an address"),
    ] {
        let mut get = netglass();
        get.args(["get", "--tap", &format!("http://{at}/")]).stdin(Stdio::null());
        let output = get.output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(told), "{at}: {text}");
    }
}

fn radvd() {
    let host = Asked::start();
    let radvd = Radvd::start();
    let addrs = host.says(&["ip", "addr"], &format!("inet6 {MADE}/64 scope global dynamic"));
    assert!(addrs.contains("preferred_lft 29") || addrs.contains("preferred_lft 300"), "{addrs}");
    let link = run("ip", &["-o", "-6", "addr", "show", "dev", "glass0", "scope", "link"]);
    let router = link.split_whitespace().find(|word| word.starts_with("fe80::")).expect("its own");
    let router = router.trim_end_matches("/64");
    host.says(&["ip", "route"], &format!("default via {router} dev glass0 proto ra metric 1024"));
    host.says(&["ip", "route"], " hoplimit 47 pref medium");
    host.says(&["ip", "route"], "2001:db8:7::/64 dev glass0 proto kernel metric 256 expires ");
    host.says(&["ip", "neigh"], " router ");
    let text = run("ping", &["-c", "3", "-i", "0.05", MADE]);
    assert!(text.contains(" 0% packet loss") && text.contains(" ttl=47 "), "{text}");
    // Others that ask the router hear the same.
    assert!(run("rdisc6", &["-1", "glass0"]).contains("2001:db8:7::/64"));
    for at in [MADE, &format!("{LINK_LOCAL}%25glass0")] {
        run("curl", &["-sSf", "-o", "/dev/null", &format!("http://[{at}]/bytes/100000")]);
    }
    drop(radvd);
    host.up.stop();
}

fn replay() {
    let path = scratch("nd.rec");
    let file = path.to_str().expect("a plain path");
    let up = Up::start(&[TAP, &["--record", file]].concat());
    let _radvd = Radvd::start();
    let at = format!("http://[{HOST6}]/bytes/200000");
    until("the address is its own", || {
        output("curl", &["-sSf", "-m", "2", "-o", "/dev/null", &at]).status.success().then_some(())
    });
    until("the kernel's router was heard", || {
        output("ping", &["-c", "1", "-W", "1", MADE]).status.success().then_some(())
    });
    up.stop();
    let output = netglass().args(["replay", file]).output().expect("replay runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("trace hash"), "{text}");
    // In columns, the words stand on lines as the address is long.
    let output = netglass().args(["replay", "--json", file]).output().expect("replay runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("is the default router"), "{text}");
}
