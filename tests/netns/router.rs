//! The virtual host behind kernel routers: ways shown by both sides' tools, and a narrow link
//! between that both sides' TCP and UDP find out about.

use crate::Case;
use crate::curl::{download_from, upload_to};
use crate::records::well_formed;
use crate::support::{HOST, HOST6, LINUX, LINUX6, Need, Up, netglass, output, run, scratch};
use crate::world::{FAR, MIDDLE, MIDDLE_FROM_FAR, NEAR_FROM_FAR, ROUTERS, World};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::Output;
use std::time::Duration;

const NEEDS: &[Need] = &ROUTERS;
const TRACEROUTE: &[Need] = &with(Need::Program("traceroute"));
const TRACEPATH: &[Need] = &with(Need::Program("tracepath"));
const CURL: &[Need] = &{
    let [a, b, c, d] = ROUTERS;
    [a, b, c, d, Need::Program("curl"), Need::Program("tshark")]
};

const fn with(more: Need) -> [Need; 5] {
    let [a, b, c, d] = ROUTERS;
    [a, b, c, d, more]
}

pub(crate) const CASES: &[Case] = &[
    ("router::our_ping_speaks_as_ping", NEEDS, our_ping_speaks_as_ping),
    ("router::our_ping_tells_errors", NEEDS, our_ping_tells_errors),
    ("router::our_traceroute", NEEDS, our_traceroute),
    ("router::our_traceroute_tells_errors", NEEDS, our_traceroute_tells_errors),
    ("router::our_tools_on_an_interface", NEEDS, our_tools_on_an_interface),
    ("router::our_tools_live_again", CURL, our_tools_live_again),
    ("router::traceroute", TRACEROUTE, traceroute),
    ("router::tracepath", TRACEPATH, tracepath),
    ("router::ping", NEEDS, ping),
    ("router::bulk_through_the_narrow_link", CURL, bulk_through_the_narrow_link),
    ("router::datagrams_through_the_narrow_link", NEEDS, datagrams_through_the_narrow_link),
];

const HOSTS: [&str; 2] = [HOST, HOST6];
/// The router next to the virtual host, as that sees it.
const NEAR: [&str; 2] = [LINUX, LINUX6];

fn text(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{err}")
}

/// Our own tool; what it said, and its exit status.
fn ours(args: &[&str]) -> (String, Option<i32>) {
    let output = netglass().args(args).output().expect("netglass runs");
    (text(&output), output.status.code())
}

/// What ping said, without what is never twice the same.
fn shape(said: &str) -> Vec<String> {
    let cut = |line: &str| {
        let (line, _) = line.split_once(" ttl=").unwrap_or((line, ""));
        let (line, _) = line.split_once(", time ").unwrap_or((line, ""));
        match line.split_once(" = ") {
            Some((rtt, times)) => format!("{rtt} = {} times", times.split('/').count()),
            None => line.to_owned(),
        }
    };
    said.lines().map(cut).collect()
}

fn our_ping_speaks_as_ping() {
    let _world = World::new();
    for far in FAR {
        for more in [&["-c", "3"][..], &["-c", "2", "-q"], &["-c", "2", "-s", "8"]] {
            let args = [&["ping", "-i", "0.3"], more, &[far]].concat();
            let (said, code) = ours(&args);
            assert_eq!(code, Some(0), "{said}");
            assert_eq!(shape(&said), shape(&run(args[0], &args[1..])));
        }
        let (said, _) = ours(&["ping", "-c", "1", "-D", far]);
        let line = said.lines().nth(1).expect("an answer");
        assert!(line.starts_with('[') && line.contains("] 64 bytes from"), "{said}");
        assert!(line.contains(": icmp_seq=1 ttl=62 time="), "{said}");
    }
    // The family of a name.
    let hosts = scratch("hosts");
    std::fs::write(&hosts, format!("{} far\n{} far\n", FAR[0], FAR[1])).expect("a file");
    let hosts = hosts.to_str().unwrap();
    for (family, from) in [("-4", FAR[0]), ("-6", FAR[1])] {
        let args = ["ping", "--hosts", hosts, family, "-c", "1", "far"];
        let (said, code) = ours(&args);
        assert!(said.contains(&format!("64 bytes from {from}: ")) && code == Some(0), "{said}");
    }
}

fn our_ping_tells_errors() {
    let world = World::new();
    world.middle_ip("route add prohibit 10.6.0.0/24\nroute add unreachable fd06::/64");
    run("ip", &["route", "add", "10.6.0.0/24", "via", MIDDLE[0]]);
    run("ip", &["route", "add", "fd06::/64", "via", MIDDLE[1]]);
    let table: [(&str, &[&str], &[&str]); 8] = [
        (FAR[0], &["-t", "1"], &["From 10.9.0.1 icmp_seq=1 Time to live exceeded"]),
        (FAR[0], &["-t", "2"], &["From 10.8.0.2 icmp_seq=1 Time to live exceeded"]),
        (FAR[1], &["-t", "2"], &["From fd08::2 icmp_seq=1 Time exceeded: Hop limit"]),
        ("10.6.0.1", &[], &["From 10.8.0.2 icmp_seq=1 Packet filtered"]),
        ("fd06::1", &[], &["From fd08::2 icmp_seq=1 Destination unreachable: No route"]),
        (
            "10.9.0.77",
            &["--via", "tap"],
            &["From 10.9.0.2 icmp_seq=1 Destination Host Unreachable"],
        ),
        (
            FAR[0],
            &["-M", "do", "-s", "1400", "-c", "2"],
            &[
                "From 10.9.0.1 icmp_seq=1 Frag needed and DF set (mtu = 1300)",
                "ping: local error: message too long, mtu=1300",
            ],
        ),
        (
            FAR[1],
            &["-M", "do", "-s", "1400", "-c", "2"],
            &[
                "From fd09::1 icmp_seq=1 Packet too big: mtu=1300",
                "ping: local error: message too long, mtu: 1300",
            ],
        ),
    ];
    for (to, more, lines) in table {
        let count: &[&str] = if more.contains(&"-c") { &[] } else { &["-c", "1"] };
        let (said, code) = ours(&[&["ping", "-i", "0.2"], count, more, &[to]].concat());
        assert_eq!(code, Some(1), "{said}");
        assert!(lines.iter().all(|line| said.lines().any(|known| known == *line)), "{said}");
        let errors = format!("0 received, +{} errors, 100% packet loss", lines.len());
        assert!(said.contains(&errors), "{said}");
    }
    // What may be cut goes through once the path is known, or at once where routers may cut.
    let (said, code) = ours(&["ping", "-c", "3", "-i", "0.2", "-s", "4000", FAR[1]]);
    assert!(said.contains("icmp_seq=1 Packet too big: mtu=1300") && code == Some(0), "{said}");
    // The way back is as narrow, which the far host finds out by its first answer.
    assert!(said.contains("4008 bytes from fd07::2: icmp_seq=3 "), "{said}");
    let (said, code) = ours(&["ping", "-c", "1", "-M", "dont", "-s", "4000", FAR[0]]);
    assert!(said.contains("4008 bytes from 10.7.0.2: icmp_seq=1 ") && code == Some(0), "{said}");
    // Silence, nobody, and nonsense.
    let (said, code) = ours(&["ping", "-c", "1", "-W", "0.3", "10.9.0.77"]);
    assert!(said.contains("1 packets transmitted, 0 received, 100%") && code == Some(1), "{said}");
    for args in [&["ping", "nobody.test"][..], &["ping", "-i", "0.001", FAR[0]]] {
        let (said, code) = ours(args);
        assert_eq!(code, Some(2), "{said}");
    }
}

/// The addresses that a traceroute shows, hop by hop: each answered by one, three times.
fn hops(said: &str) -> Vec<String> {
    let hop = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words.iter().filter(|word| **word == "ms").count(), 3, "{said}");
        assert_eq!(words.len(), 2 + 6, "{said}");
        words[1].to_owned()
    };
    said.lines().skip(1).map(hop).collect()
}

fn our_traceroute() {
    let _world = World::new();
    for n in [0, 1] {
        let way = [NEAR[n], MIDDLE[n], FAR[n]];
        for method in [&["-n"][..], &["-n", "-I"]] {
            let (said, code) = ours(&[&["traceroute"], method, &[FAR[n]]].concat());
            assert_eq!(code, Some(0), "{said}");
            let length = [60, 80][n];
            let head = format!(
                "traceroute to {} ({}), 30 hops max, {length} byte packets",
                FAR[n], FAR[n]
            );
            assert_eq!(said.lines().next(), Some(head.as_str()));
            assert_eq!(hops(&said), way);
            let args = [&["traceroute", "-f", "2", "-m", "2"], method, &[FAR[n]]].concat();
            assert_eq!(hops(&ours(&args).0), way[1..2]);
        }
        for method in [&["-n", "--mtu"][..], &["-n", "-I", "--mtu"]] {
            let (said, _) = ours(&[&["traceroute"], method, &[FAR[n]]].concat());
            let marks = said.lines().map(|line| line.split(" F=").nth(1)?.split(' ').next());
            assert_eq!(
                marks.collect::<Vec<_>>(),
                [None, Some("1500"), Some("1300"), None],
                "{said}"
            );
        }
    }
    let (said, _) = ours(&["traceroute", "--via", "tap", "-n", FAR[0]]);
    assert_eq!(hops(&said), [NEAR[0], MIDDLE[0], FAR[0]]);
}

fn our_traceroute_tells_errors() {
    let world = World::new();
    world.middle_ip(
        "route add prohibit 10.6.0.0/24\nroute add unreachable 10.5.0.0/24\n\
         route add unreachable fd06::/64\nroute add blackhole 10.4.0.0/24",
    );
    run("ip", &["route", "add", "10.4.0.0/14", "via", "10.8.0.2"]);
    run("ip", &["-6", "route", "add", "fd06::/64", "via", "fd08::2"]);
    for (to, more, note) in [
        ("10.6.0.1", &[][..], "!X"),
        ("10.5.0.1", &[], "!H"),
        ("fd06::1", &[], "!N"),
        (FAR[0], &["-F"], "!F-1300"),
        (FAR[1], &["-F"], "!F-1300"),
    ] {
        let length: &[&str] = if more.is_empty() { &[] } else { &["1400"] };
        // Few at a time: Linux says that it cannot forward a packet once a second.
        let few = ["traceroute", "-n", "-q", "1", "-m", "2"];
        let (said, code) = ours(&[&few, more, &[to], length].concat());
        let last = said.lines().last().expect("a hop");
        assert!(last.ends_with(note) && code == Some(0), "{note}: {said}");
    }
    let (said, _) = ours(&["traceroute", "-n", "-w", "0.5", "-m", "4", "10.4.0.1"]);
    let silent: Vec<_> = said.lines().skip(3).collect();
    assert_eq!(silent, [" 3  * * *", " 4  * * *"], "{said}");
    let (said, code) = ours(&["traceroute", "-f", "9", "-m", "8", FAR[0]]);
    assert!(said.contains("change -f or -m") && code == Some(2), "{said}");
}

/// Beside the near router on its link, which has no device for the virtual host.
fn our_tools_on_an_interface() {
    let _world = World::new();
    let via = ["--via", "down0", "--addr", "10.8.0.9/24", "--linux", MIDDLE[0]];
    let six = ["--addr6", "fd08::9/64", "--linux6", MIDDLE[1]];
    let via = [&via[..], &six].concat();
    for n in [0, 1] {
        let (said, code) = ours(&[&["ping", "-c", "2", "-i", "0.2"], &via[..], &[FAR[n]]].concat());
        assert!(said.contains("2 received, 0% packet loss") && code == Some(0), "{said}");
        assert!(said.contains(": icmp_seq=1 ttl=63 time="), "{said}");
        let (said, _) = ours(&[&["traceroute", "-n"], &via[..], &[FAR[n]]].concat());
        assert_eq!(hops(&said), [MIDDLE[n], FAR[n]]);
    }
    let (said, code) = ours(&[&["ping", "-c", "1"], &via[..], &["ff02::1"]].concat());
    assert!(said.contains("64 bytes from fe80::") && code == Some(0), "{said}");
    let (said, code) = ours(&["ping", "--via", "nothing0", "-c", "1", FAR[0]]);
    assert!(said.contains("nothing0") && code == Some(2), "{said}");
}

/// Recordings of what heard of errors, and captures of it.
fn our_tools_live_again() {
    let _world = World::new();
    let [capture, recording] = ["tools.pcapng", "tools.rec"].map(scratch);
    let (capture, recording) = (capture.to_str().unwrap(), recording.to_str().unwrap());
    let keep = ["--pcap", capture, "--record", recording];
    for (args, shown) in [
        (&["ping", "-c", "3", "-i", "0.1", "-s", "1400"][..], "echo request"),
        (&["traceroute", "--mtu", "-n"], "UDP"),
    ] {
        let (said, code) = ours(&[args, &keep, &[FAR[0]]].concat());
        assert_eq!(code, Some(0), "{said}");
        let (replayed, code) = ours(&["replay", recording]);
        assert!(replayed.contains(shown) && code == Some(0), "{said}{replayed}");
        assert!(!run("tshark", &["-r", capture, "-Y", "icmp.type == 3"]).is_empty(), "{said}");
        well_formed(capture, "icmp.type != 3 && ");
    }
}

/// Linux' traceroute to the virtual host, by every method that it has.
fn traceroute() {
    let world = World::new();
    let up = Up::start(&[]);
    for n in [0, 1] {
        let way = [MIDDLE_FROM_FAR[n], NEAR_FROM_FAR[n], HOSTS[n]];
        for method in [&["-n"][..], &["-n", "-I"], &["-n", "-T", "-p", "80"], &["-n", "-U"]] {
            // Answers count however much later they come than others.
            let args = [&["-w", "5,0,0"], method, &[HOSTS[n]]].concat();
            let said = world.on_far(|| run("traceroute", &args));
            assert_eq!(hops(&said), way, "{method:?}");
        }
    }
    up.stop();
}

fn tracepath() {
    let world = World::new();
    let up = Up::start(&[]);
    for n in [0, 1] {
        let said = world.on_far(|| run("tracepath", &["-n", HOSTS[n]]));
        assert!(said.contains("Resume: pmtu 1300 hops 3 back 3"), "{said}");
        for (hop, addr) in [MIDDLE_FROM_FAR[n], NEAR_FROM_FAR[n], HOSTS[n]].iter().enumerate() {
            let start = format!(" {}:  {addr} ", hop + 1);
            assert!(said.lines().any(|line| line.starts_with(&start)), "{start}\n{said}");
        }
    }
    up.stop();
}

fn ping() {
    let world = World::new();
    let up = Up::start(&[]);
    for host in HOSTS {
        for size in ["56", "1252", "1400", "4000", "60000"] {
            let args = ["-c", "3", "-i", "0.05", "-W", "5", "-s", size, host];
            // The first long ones find the narrow link out, on either way.
            let said = world.on_far(|| text(&output("ping", &args)));
            let args = ["-c", "3", "-i", "0.05", "-s", size, host];
            let again = world.on_far(|| run("ping", &args));
            assert!(again.contains(" 0% packet loss"), "{size}\n{said}{again}");
            assert!(again.contains(" ttl=62 "), "{again}");
        }
    }
    up.stop();
}

fn bulk_through_the_narrow_link() {
    let world = World::new();
    let path = scratch("narrow.pcapng");
    let file = path.to_str().unwrap();
    let up = Up::start(&["--pcap", file]);
    for host in [HOST.to_owned(), format!("[{HOST6}]")] {
        let site = format!("http://{host}");
        world.on_far(|| download_from(&site, 5_000_000));
        world.on_far(|| upload_to(&site, 5));
    }
    up.stop();
    well_formed(file, "!icmp && !icmpv6 && "); // those are Linux', with cut quotations
    for (told, sent) in [
        ("icmp.type == 3 && icmp.code == 4", "ip.src == 10.9.0.2 && tcp"),
        ("icmpv6.type == 2", "ipv6.src == fd09::2 && tcp"),
    ] {
        assert!(!run("tshark", &["-r", file, "-Y", told]).is_empty(), "{told}");
        // What was under way is sent again for that reason, and nothing as long from then on.
        let fields = ["-T", "fields", "-e", "frame.len", "-e", "frame.comment"];
        let said = run("tshark", &[&["-r", file, "-Y", sent][..], &fields].concat());
        let mut after = said.lines().skip_while(|line| !line.contains(NARROW)).peekable();
        assert!(after.peek().is_some(), "{NARROW}:\n{}", &said[..said.len().min(3000)]);
        let len = |line: &str| line.split('\t').next().and_then(|len| len.parse::<u32>().ok());
        let long = after.take(1000).filter(|line| len(line).is_none_or(|len| len > 1300)).count();
        assert_eq!(long, 0);
    }
}

/// The reason for what is sent again after "fragmentation needed" or "packet too big".
const NARROW: &str = "retransmission: the path carries only smaller packets";

fn datagrams_through_the_narrow_link() {
    let world = World::new();
    let up = Up::start(&[]);
    for (any, host) in [("0.0.0.0:0", HOST), ("[::]:0", HOST6)] {
        let to = SocketAddr::new(host.parse::<IpAddr>().expect(host), 7);
        world.on_far(|| {
            let socket = UdpSocket::bind(any).expect("a socket");
            socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
            socket.connect(to).expect("a route");
            for len in [1000, 1400, 4000, 60_000] {
                let sent: Vec<u8> = (0..len).map(|n| (n * 7) as u8).collect();
                let mut room = vec![0; 65_535];
                // Either side's first long one may be lost: that is how the path is found.
                let heard = (0..4).find_map(|_| match socket.send(&sent) {
                    Ok(_) => socket.recv(&mut room).ok(),
                    Err(e) if e.raw_os_error() == Some(nix::libc::EMSGSIZE) => None,
                    Err(e) => panic!("{len}: {e}"),
                });
                assert_eq!(heard, Some(len), "{to}");
                assert!(room[..len] == sent, "{to}");
            }
        });
    }
    up.stop();
}
