//! Lab files: right ones, and what is said of wrong ones.

use super::*;
use crate::base::Instant;
use crate::sim::{End, Wire};

const PAIR: &str = r#"
[node.a]
[node.b]
[link.ab]
between = ["a", "b"]
"#;

fn parse(text: &str) -> Result<Lab, Error> {
    Lab::parse("x.toml", text)
}

fn good(text: &str) -> Lab {
    parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Two networks and two routers between them.
const FOUR: &str = r#"
[node.a]
[node.r1]
kind = "router"
[node.r2]
kind = "router"
[node.b]
[link.a-r1]
between = ["a", "r1"]
[link.r1-r2]
between = ["r1", "r2"]
[link.r2-b]
between = ["r2", "b"]
"#;

#[test]
fn little_is_enough() {
    let lab = good(PAIR);
    let (mut net, _) = lab.net();
    let addrs: Vec<_> = [0, 1].map(|n| lab.plan.addr(n).map(|addr| addr.to_string())).into();
    assert_eq!(addrs, [Some("10.0.0.1".to_owned()), Some("10.0.0.2".to_owned())]);
    assert!(matches!(net.run(Instant::from_millis(10)), End::Quiet | End::Time));
}

#[test]
fn what_is_not_written_is_worked_out() {
    let lab = good(FOUR);
    let addrs = |n: usize| {
        let all = lab.plan.ifaces[n].iter().flat_map(|iface| &iface.addrs);
        all.map(|addr| addr.value.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(addrs(0), ["10.0.0.1/24"]);
    assert_eq!(addrs(1), ["10.0.0.254/24", "10.0.1.254/24"]);
    assert_eq!(addrs(2), ["10.0.1.253/24", "10.0.2.254/24"]);
    assert_eq!(addrs(3), ["10.0.2.1/24"]);
    let routes = |n: usize| {
        lab.plan.routes[n].iter().map(|route| route.value.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(routes(0), ["default via 10.0.0.254 dev 0 metric 0"]);
    assert_eq!(routes(1), ["10.0.2.0/24 via 10.0.1.253 dev 1 metric 0"]);
    let to = "10.0.2.1".parse().expect("an address");
    assert_eq!(lab.plan.way(&lab.nodes, 0, to), Ok(vec![0, 1, 2, 3]));
}

#[test]
fn what_is_set_from_outside_wins() {
    let set =
        |path: &str, value: &str| Lab::with("x.toml", PAIR, &[(path.to_owned(), value.to_owned())]);
    let wire = |lab: Lab| lab.links[0].words.clone();
    assert_eq!(set("link.ab.loss", "2%").map(wire).as_deref(), Ok("loss 2%"));
    assert_eq!(set("ab.delay", "20ms").map(wire).as_deref(), Ok("delay 20ms"));
    let narrow = format!("{PAIR}with = 'rate 10mbit queue 33 out drop data#4'");
    let over = |path: &str, value: &str| {
        Lab::with("x.toml", &narrow, &[(path.to_owned(), value.to_owned())])
    };
    let queue = over("ab.queue", "17").expect("there is a rate in with");
    assert_eq!(queue.links[0].words, "rate 10mbit queue 17 out drop data#4");
    assert_eq!(queue.links[0].rules, Wire::from_words(&queue.links[0].words).expect("words"));
    let told = set("ab.queue", "17").map(wire).expect_err("there is no rate").to_string();
    assert!(told.contains("needs a rate"), "{told}");
    let sack = |lab: Lab| lab.nodes.iter().map(|node| node.tcp.sack).collect::<Vec<_>>();
    assert_eq!(set("a.tcp.sack", "off").map(sack), Ok(vec![false, true]));
    assert_eq!(set("tcp.sack", "off").map(sack), Ok(vec![false, false]));
    assert_eq!(set("seed", "7").map(|lab| lab.seed), Ok(7));
    let again = good(PAIR).again(&[("seed".to_owned(), "9".to_owned())]);
    assert_eq!(again.map(|lab| lab.seed), Ok(9));
    for (path, value, told) in [
        ("lnik.ab.loss", "2%", "--set lnik.ab.loss=2%: there is no \"lnik\" in this lab"),
        ("link.ba.loss", "2%", "--set link.ba.loss=2%: there is no link \"ba\": did you mean ab?"),
        (
            "link.ab.los",
            "2%",
            "--set link.ab.los=2%: there is no key \"los\" in [link.ab]: did you mean loss?",
        ),
        ("link.ab.loss", "2", "--set link.ab.loss=2: loss = \"2\": "),
        ("a.tcp.sakc", "off", "--set a.tcp.sakc=off: TCP has no knob \"sakc\": did you mean sack?"),
        ("title.x", "1", "--set title.x=1: title must be text"),
        ("log", "short", "--set log=short: log cannot be \"short\": expected all or brief"),
    ] {
        let error = set(path, value).map(|_| ()).expect_err(path).to_string();
        assert!(error.starts_with(told), "{error}");
    }
}

/// What is said of a whole file, after `x.toml:`.
#[test]
fn wrong_files_are_told_where_and_what() {
    let table: &[(&str, &str)] = &[
        ("title = ", "1:9: this is not TOML: "),
        ("titel = 'x'\n[node.a]", "1:1: there is no key \"titel\" in a lab: did you mean title?"),
        ("title = 'x'", "1:1: a lab needs a node: expected [node.NAME]"),
        ("[node.'a b']", "1:7: \"a b\" cannot be the name of a node: expected letters"),
        ("[node.a]\nkind = 'hots'", "2:8: there is no kind of node \"hots\": did you mean host?"),
        (
            "[node.a]\naddr = '10.0.0.1'",
            "2:8: addr cannot be \"10.0.0.1\": expected an address and prefix such as 10.0.0.1/24",
        ),
        (
            "[node.a]\naddr = '10.0.0.0/24'",
            "2:8: 10.0.0.0/24 cannot be an interface's address: it is the network itself",
        ),
        (
            "[node.a]\naddr = '10.0.0.255/24'",
            "2:8: 10.0.0.255/24 cannot be an interface's address: it is the broadcast address",
        ),
        (
            "[node.a]\naddr = '224.0.0.1/24'",
            "2:8: 224.0.0.1/24 cannot be an interface's address: it is a group's",
        ),
        ("[node.a]\nmac = '01:00:00:00:00:01'", "2:7: mac cannot be"),
        ("[node.a]\nmedium = 'wifi'", "2:10: medium cannot be \"wifi\": expected ethernet or ip"),
        (
            "[node.a]\nroutes = ['10.0.0.0/24']",
            "2:11: routes cannot be \"10.0.0.0/24\": expected a route such as",
        ),
        ("[node.a.tcp]\nmms = 1", "2:1: TCP has no knob \"mms\": did you mean mss?"),
        (
            "[node.a.tcp]\nrto_min = '1'",
            "2:11: rto_min cannot be \"1\": expected a time such as 40ms",
        ),
        (
            "[tcp]\ncongestion = 'vegas'\n[node.a]",
            "2:14: congestion cannot be \"vegas\": expected cubic, reno, newreno or dctcp",
        ),
        ("node = 3", "1:8: node must be a table: expected [node.NAME]"),
        ("program = 3\n[node.a]", "1:11: program must be a list: expected [[program]]"),
        (
            "[node.h]\nkind = 'hub'\naddr = '10.0.0.1/24'",
            "3:1: there is no key \"addr\" in [node.h]",
        ),
        (
            "[[question]]\nask = 'why?'\n[node.a]",
            "1:1: a question must have \"ask\" and \"answer\"",
        ),
    ];
    for (text, told) in table {
        let error = parse(text).map(|_| ()).expect_err(text).to_string();
        assert!(error.starts_with(&format!("x.toml:{told}")), "{text}\n{error}\n{told}");
    }
}

/// What is said of two hosts and a link with something more: what follows them, and the message
/// behind the place.
const LINKS: &[(&str, &str)] = &[
    ("[link.x]\nbetween = ['a', 'c']", "6:17: there is no node \"c\": "),
    ("[link.x]\nbetween = ['a']", "6:11: between must name two ends"),
    ("[link.x]", "5:7: [link.x] between must name two ends"),
    ("[link.a]\nbetween = ['a', 'b']", "5:7: \"a\" is a node: expected another name for the link"),
    ("[link.x]\nbetween = ['a', 'a']", "6:17: the link x joins a with itself"),
    (
        "[link.x]\nbetween = ['a:eth0', 'b']\n[link.y]\nbetween = ['a:0', 'b']",
        "8:12: port 0 of a has the link x already",
    ),
    ("[link.x]\nbetween = ['a:wlan0', 'b']", "6:12: a has no port \"wlan0\": expected a number"),
    ("[link.x]\nbetween = ['a', 'b']\nwith = 'delai 20ms'", "7:8: with \"delai 20ms\": "),
    (
        "[link.x]\nbetween = ['a', 'b']\nmtu = 60",
        "7:7: mtu cannot be \"60\": expected a number of bytes from 68 to 65535",
    ),
    ("[link.x]\nbetween = ['a', 'b']\nspeed = 60", "7:1: there is no key \"speed\" in [link.x]"),
    ("[[program]]\nrun = 'ping b'", "5:1: a program must have \"on\""),
    ("[[program]]\non = 'a'", "5:1: a program must have \"run\""),
    ("[[program]]\non = 'c'\nrun = 'ping b'", "6:6: there is no node \"c\""),
    (
        "[[program]]\non = 'a'\nrun = 'pnig b'",
        "7:8: there is no program \"pnig\": did you mean ping?",
    ),
    (
        "[[program]]\non = 'a'\nrun = 'ping'",
        "7:8: \"ping\" is followed by nothing: expected a host's name or address",
    ),
    ("[[program]]\non = 'a'\nrun = 'ping c'", "7:13: there is no host \"c\": "),
    (
        "[[program]]\non = 'a'\nrun = 'connect to b:7 count 28233'",
        "7:29: \"28233\" after \"count\": expected a number up to 28232: a host has no more ports",
    ),
    (
        "[[program]]\non = 'a'\nrun = 'ping b cuont 3'",
        "7:15: \"cuont\" is no option here: did you mean count?",
    ),
    (
        "[[program]]\non = 'a'\nrun = 'ping b count x'",
        "7:21: \"x\" after \"count\": expected a whole number",
    ),
    ("[[program]]\non = 'a'\nrun = 'bulk to b:80'", "7:16: a bulk sender must know how much"),
    ("[[program]]\non = 'a'\nrun = 'bulk b:80'", "7:13: expected bulk to HOST:PORT"),
    (
        "[[program]]\non = 'a'\nrun = 'bulk to b bytes 3'",
        "7:16: \"b\" after \"to\": expected HOST:PORT",
    ),
    (
        "[[program]]\non = 'a'\nrun = 'get ftp://b/'",
        "7:12: \"ftp://b/\" after \"get\": expected a URL",
    ),
    ("[[program]]\non = 'a'\nrun = 'serve gopher'", "7:14: serve gopher: "),
    ("[[program]]\non = 'a'\nrun = 'ping b'\nat = '5'", "8:6: at cannot be \"5\": expected a time"),
];

#[test]
fn wrong_links_and_programs_are_told() {
    for (more, told) in LINKS {
        let text = format!("{}{more}", &PAIR[1..]);
        let error = parse(&text).map(|_| ()).expect_err(&text).to_string();
        assert!(error.starts_with(&format!("x.toml:{told}")), "{text}\n{error}\n{told}");
    }
}

/// Networks that are written well and cannot work.
#[test]
fn impossible_networks_are_told_before_the_run() {
    let link = "[link.ab]\nbetween = ['a', 'b']\n";
    let ping = "[[program]]\non = 'a'\nrun = 'ping b'";
    let pair = |a: &str, b: &str| format!("[node.a]\n{a}\n[node.b]\n{b}\n{link}{ping}");
    let router = |more: &str| {
        format!("{}{more}\n{ping}", FOUR.replacen("[node.r1]\n", "[node.r1]\nroutes = []\n", 1))
    };
    let table: Vec<(String, &str)> = vec![
        (
            pair("addr = '10.0.0.1/24'", "addr = '10.0.0.1/24'"),
            "b cannot have 10.0.0.1: a has it already",
        ),
        (
            pair("mac = '02:00:00:00:00:09'", "mac = '02:00:00:00:00:09'"),
            "a and b cannot both be 02:00:00:00:00:09",
        ),
        (
            pair("medium = 'ip'", ""),
            "a and b cannot be joined: one speaks Ethernet, the other bare IP",
        ),
        (
            pair("addr = '10.0.0.1/24'\ngateway = '10.0.1.1'", ""),
            "the gateway 10.0.1.1 of a is on none of its links: expected an address in 10.0.0.0/24",
        ),
        (
            pair("addr = '10.0.0.1/24'\ngateway = '10.0.0.9'", ""),
            "nobody has the address 10.0.0.9, a's gateway",
        ),
        (
            pair("addr = '10.0.0.1/24'\ngateway = '10.0.0.1'", ""),
            "a cannot be its own gateway (10.0.0.1)",
        ),
        (
            pair("addr = '10.0.0.1/24'\ngateway = '10.0.0.2'", ""),
            "a's gateway 10.0.0.2 is b, a host: expected a router",
        ),
        (
            pair("addr = '10.0.0.1/24'", "addr = '10.0.1.1/24'"),
            "no packet of a reaches 10.0.1.1: a has no route to 10.0.1.1",
        ),
        (
            pair("addr = '10.0.0.1/16'", "addr = '10.0.1.1/24'"),
            "no answer from 10.0.1.1 reaches a (10.0.0.1): b has no route to 10.0.0.1",
        ),
        (
            pair("addr = ['10.0.0.1/24', '10.0.1.1/24']", ""),
            "a has 1 links and addresses for 2 interfaces",
        ),
        (format!("[node.a]\n[node.b]\n[node.c]\n{link}"), "no link leads to c"),
        (router(""), "no packet of a reaches 10.0.2.1: r1 has no route to 10.0.2.1"),
        (
            format!("[node.a]\naddr='fd00::1/64'\n[node.b]\n{link}mtu = 1000"),
            "a's eth0 has an IPv6 address: expected an mtu of 1280 or more, not 1000",
        ),
    ];
    refused_with(&table);
    good(&format!("anyway = true\n{}", table[0].0));
}

/// Each text is refused, with that behind the place.
fn refused_with(table: &[(String, &str)]) {
    for (text, told) in table {
        let error = parse(text).map(|_| ()).expect_err(text).to_string();
        let place = error.split(": ").next().unwrap_or_default();
        assert!(place.starts_with("x.toml:"), "{error}");
        let what = &error[place.len() + 2..];
        assert!(what.starts_with(told), "{text}\n{error}\n{told}");
    }
}

/// Switches whose VLANs cannot be.
#[test]
fn impossible_switches_are_told_before_the_run() {
    let ping = "[[program]]\non = 'a'\nrun = 'ping b'";
    let switch = |vlans: &str| {
        format!(
            "[node.a]\n[node.b]\n[node.s]\nkind = 'switch'\nvlan = {vlans}\n\
             [link.as]\nbetween = ['a', 's']\n[link.sb]\nbetween = ['s', 'b']\n{ping}"
        )
    };
    let table: Vec<(String, &str)> = vec![
        (switch("{ as = 10, sb = 20 }"), "no packet of a reaches"),
        (switch("{ 7 = 10 }"), "s has no port \"7\": "),
        (switch("{ sbb = 10 }"), "s has no port \"sbb\": did you mean sb?"),
        (switch("{ a = 10, 0 = 10 }"), "the VLAN of port 0 of s is given twice"),
        (switch("{ a = 4095 }"), "a cannot be \"4095\": expected a VLAN from 1 to 4094"),
        (
            switch("{ a = 10, b = 10 }").replace("on = 'a'", "on = 's'"),
            "s is a switch, which runs no programs",
        ),
        (
            switch("{ a = 10, b = 10 }").replace("ping b", "ping s"),
            "s is a switch, which has no address",
        ),
        (switch("{}").replace("vlan = {}", "ports = 1"), "s has no free port: it has 1"),
    ];
    refused_with(&table);
    good(&switch("{ a = 10, b = 10 }"));
}

/// What is said of a check behind two hosts and a link with a ping: its lines, and the message.
const CHECKS: &[(&str, &str)] = &[
    ("find = 'a: rtt'", "8:1: a check must have \"say\", what is claimed in words"),
    ("say = 'x'", "8:1: a check must have one of find, order, frames, share, packet, says"),
    ("say = 'x'\nfind = 'a: rtt'\norder = ['a: rtt']", "8:1: a check must have one of"),
    (
        "say = 'x'\nfind = 'a: sneds data'",
        "10:12: \"a: sneds data\": \"sneds\" is no event: did you mean sends?",
    ),
    (
        "say = 'x'\nfind = 'q7: sends data'",
        "10:8: \"q7: sends data\": there is no place \"q7\": expected one of a, b, ab",
    ),
    (
        "say = 'x'\nfind = 'a: sends dta'",
        "10:18: \"a: sends dta\": \"dta\" is not a kind of packet: did you mean data?",
    ),
    (
        "say = 'x'\nfind = 'a: timer rot'",
        "10:18: \"a: timer rot\": \"rot\" is no timer: did you mean rto?",
    ),
    (
        "say = 'x'\nfind = 'a: state ESTABLISHD'",
        "10:18: \"a: state ESTABLISHD\": \"ESTABLISHD\" is no state of TCP: did you mean ESTABLISHED?",
    ),
    (
        "say = 'x'\nfind = 'a: rule FastRetransmitt'",
        "10:17: \"a: rule FastRetransmitt\": \"FastRetransmitt\" is no rule: did you mean FastRetransmit?",
    ),
    (
        "say = 'x'\nfind = 'a: call conect'",
        "10:17: \"a: call conect\": \"conect\" is no call: did you mean connect?",
    ),
    (
        "say = 'x'\nfind = 'a: limited cwdn'",
        "10:20: \"a: limited cwdn\": \"cwdn\" is no limit of sending: did you mean cwnd?",
    ),
    (
        "say = 'x'\nfind = 'a: ca Recvery'",
        "10:15: \"a: ca Recvery\": \"Recvery\" is no phase of congestion control: did you mean Recovery?",
    ),
    ("say = 'x'\nfind = 'a: rtt 5'", "10:16: \"a: rtt 5\": \"5\" is too much"),
    (
        "say = 'x'\nfind = 'a: rtt #0'",
        "10:16: \"a: rtt #0\": \"#0\": expected #1, #2 and so on, or #last",
    ),
    ("say = 'x'\nfind = 'a: rtt'\nat = '5'", "11:6: at cannot be \"5\": expected a time"),
    (
        "say = 'x'\nfind = 'a: rtt'\ncount = 'some'",
        "11:9: count cannot be \"some\": expected a number such as 3, or \">= 3\"",
    ),
    (
        "say = 'x'\nfind = 'a: rtt'\nof = 'cwdn'\nvalue = 1",
        "11:6: there is no field \"cwdn\": did you mean cwnd?",
    ),
    (
        "say = 'x'\nfind = 'a: rtt'\nof = 'rto'\nvalue = 1",
        "12:9: value cannot be \"1\": expected a time",
    ),
    ("say = 'x'\nfind = 'a: rtt'\nvalue = 1", "8:1: \"value\" or \"values\" needs \"of\""),
    ("say = 'x'\nfind = 'a: rtt'\ngap = '1s'", "8:1: \"gap\" and \"after\" belong together"),
    ("say = 'x'\nfind = 'a: rtt'\nbetween = ['1s']", "11:11: between must have two times"),
    (
        "say = 'x'\nfind = 'a: rtt'\nwithin = 'near'",
        "11:10: within cannot be \"near\": expected a share",
    ),
    ("say = 'x'\nfind = 'a: rtt'\nwhen = '1s'", "11:1: there is no key \"when\" in [[check]]"),
    (
        "say = 'x'\nframes = 'a:0 trough data'",
        "10:10: \"a:0 trough data\": expected PORT in FILTER, or PORT out FILTER",
    ),
    (
        "say = 'x'\nframes = 'a:3 in data'",
        "10:10: \"a:3 in data\": a has 1 ports: expected a:0 to a:0",
    ),
    ("say = 'x'\nframes = 'q7:0 in data'", "10:10: \"q7:0 in data\": there is no node \"q7\""),
    ("say = 'x'\npacket = 'a:0 out data'", "8:1: \"packet\" needs \"then\""),
    (
        "say = 'x'\npacket = 'a:0 out data'\nthen = 'b:0 in data'\nchanges = ['hops']",
        "12:12: changes cannot be \"hops\": expected mac-source, ",
    ),
    ("say = 'x'\nshare = ['a:0 in any']\njain = 1", "8:1: \"share\" needs two flows or more"),
    (
        "say = 'x'\nshare = ['a:0 in any', 'b:0 in any']",
        "8:1: \"share\" needs \"percent\" or \"jain\"",
    ),
    (
        "say = 'x'\nshare = ['a:0 in any', 'b:0 in any']\npercent = [100]",
        "8:1: \"percent\" must have a number for each flow",
    ),
    ("say = 'x'\nsays = 'yes'", "8:1: \"says\" needs \"on\", a node"),
    ("say = 'x'\nsays = 'yes'\non = 'b'", "8:1: there is no program number 1 on \"b\""),
];

#[test]
fn wrong_checks_are_told() {
    let program = "[[program]]\non = 'a'\nrun = 'ping b'\n";
    for (more, told) in CHECKS {
        let text = format!("{}{program}[[check]]\n{more}", &PAIR[1..]);
        let error = parse(&text).map(|_| ()).expect_err(&text).to_string();
        assert!(error.starts_with(&format!("x.toml:{told}")), "{text}\n{error}\n{told}");
    }
    let error = parse(&format!("show = 'q7'\n{}", &PAIR[1..])).map(|_| ()).expect_err("no q7");
    assert_eq!(error.to_string(), "x.toml:1:8: there is no host \"q7\": expected one of a, b");
}

/// What fails is told with the steps that led there.
#[test]
fn a_failed_check_tells_the_story() {
    let text = format!(
        "{}with = 'delay 5ms'\n[[program]]\non = 'a'\nrun = 'ping b count 1'\nat = '1s'\n\
         [[check]]\nsay = 'soon'\nfind = 'a: receives echo-reply'\nat = '10ms'\n\
         [[check]]\nsay = 'refused'\nfind = 'b: receives udp'\n\
         [[check]]\nsay = 'lost'\nfind = 'a: sends arp to b'\nbetween = ['0', '2s']\ncount = 2\n\
         [[check]]\nsay = 'kept'\npacket = 'a:0 out echo-request'\nthen = 'b:0 in echo-request'\n\
         changes = ['ttl']\n\
         [[check]]\nsay = 'said'\non = 'a'\nsays = '100% packet loss'\n\
         [[check]]\nsay = 'order'\norder = ['b: sends echo-reply', 'b: receives echo-request']\n",
        &PAIR[1..]
    );
    let run = run(&good(&text), &Options::default());
    assert!(!run.passed());
    let failures: Vec<_> = run.verdicts.iter().filter_map(|v| v.failure.as_ref()).collect();
    let told: Vec<_> = failures.iter().map(|f| (f.expected.as_str(), f.found.as_str())).collect();
    assert_eq!(
        told[..5],
        [
            ("at 10ms", "1.02s"),
            ("such an event", "0 times"),
            ("2 times", "1 times: 1s"),
            ("ttl changed, and nothing else", "nothing changed"),
            ("it says \"100% packet loss\"", "it does not"),
        ]
    );
    assert!(told[5].0.starts_with("after #") && told[5].0.ends_with(" at 1.015s"), "{told:?}");
    let last = failures[0].steps.last().expect("there are steps");
    assert!(last.contains("1.02s a: ") && last.contains("echo reply"), "{:?}", failures[0].steps);
    assert!(failures[1].steps.last().is_some_and(|step| step.starts_with("nearest: ")));
    let page = run.page(&Page { name: "x", ..Page::default() });
    assert!(page.contains("✗ soon\n") && page.contains("  expected  at 10ms\n"), "{page}");
}

/// The page about lab files has every program and every clause of links.
/// The router finds out after three seconds that nobody is there, which ping waits for.
#[test]
fn an_unanswered_ping_asks_no_oftener_than_it_is_told() {
    let lab = good(
        "duration = '20s'\n[node.a]\n[node.r]\nkind = 'router'\n[node.b]\n\
         [link.ar]\nbetween = ['a', 'r']\n[link.rb]\nbetween = ['r', 'b']\n\
         [[program]]\non = 'a'\nrun = 'ping 10.0.1.99 count 1'\n\
         [[check]]\nsay = 'once'\nfind = 'a: sends echo-request'\ncount = 1\n\
         [[check]]\nsay = 'told'\non = 'a'\nsays = ['Destination Host Unreachable', '1 packets']\n",
    );
    let run = run(&lab, &Options::default());
    assert!(run.passed(), "{:#?}", run.verdicts);
}

#[test]
fn the_page_is_complete() {
    let page = include_str!("../../docs/lab.md").replace("\\|", "|");
    for (name, usage) in program::PROGRAMS {
        assert!(page.contains(&format!("`{name} ")), "docs/lab.md does not tell of {name}");
        let first = usage.split(", or ").next().unwrap_or_default();
        let words = first.split_whitespace().filter(|word| word.starts_with('['));
        for word in words {
            assert!(page.contains(word), "docs/lab.md does not tell of {word} of {name}");
        }
    }
    for (clause, _) in clauses::CLAUSES {
        assert!(page.contains(&format!("`{clause}`")), "docs/lab.md does not tell of {clause}");
    }
}

#[test]
fn a_long_way_is_worked_out_and_a_lab_has_an_end() {
    use std::fmt::Write;
    let mut chain = String::new();
    for n in 0..150 {
        let (name, next) = (format!("r{n}"), n + 1);
        let _ = writeln!(chain, "[node.{name}]\nkind = \"router\"");
        let _ = writeln!(chain, "[link.l{n}]\nbetween = [\"{name}\", \"r{next}\"]");
    }
    chain += "[node.r150]\n[[program]]\non = \"r150\"\nrun = \"ping r0\"\n";
    let lab = good(&chain);
    let all = lab.plan.routes[75].iter().map(|route| route.value.to_string());
    let all: Vec<_> = all.collect();
    assert_eq!(all.len(), 148, "one for each network that is not its own");
    assert_eq!(all[0], "10.0.0.0/24 via 10.0.74.254 dev 0 metric 0");
    assert_eq!(all[147], "10.0.149.0/24 via 10.0.75.253 dev 1 metric 0");
    let many: String = (0..=10_000).map(|n| format!("[node.n{n}]\n")).collect();
    let wrong = parse(&many).expect_err("too many").to_string();
    let told = "x.toml:10001:7: this is too large: a lab has 10000 nodes and 10000 links at most";
    assert_eq!(wrong, told);
}

#[test]
fn what_no_packet_has_room_for_is_no_ping() {
    let ping = |words: &str| format!("{PAIR}[[program]]\non = \"a\"\nrun = \"ping b {words}\"\n");
    good(&ping("size 65507"));
    let wrong = parse(&ping("size 100000000000")).expect_err("too large").to_string();
    assert!(wrong.ends_with("after \"size\": expected a number of bytes up to 65507"), "{wrong}");
    let lab = good(&ping("count 4294967295 interval 5000000h"));
    let run = run(&lab, &Options::default());
    assert!(!matches!(run.end, End::Failed(_)), "{:?}", run.end);
}

#[test]
fn no_text_steers_the_terminal() {
    for text in ["title = \"a\\u001b[2J\"", "text = \"\\u202e\"", "\"x\\u0007\" = 1"] {
        let wrong = parse(text).expect_err("it steers").to_string();
        assert!(wrong.contains("cannot stand in a text"), "{wrong}");
        assert!(!wrong.contains(crate::base::words::steers), "{wrong:?}");
    }
    good(&format!("text = \"\"\"\r\none\r\n\ttwo\"\"\"\n{PAIR}"));
    let set = ("title".to_owned(), "\u{1b}[2J".to_owned());
    assert!(Lab::with("x.toml", PAIR, &[set]).is_err());
}

/// `a`, so many routers in a row, and `b`.
fn row(routers: usize) -> String {
    let mut text = String::from("[node.a]\n[node.b]\n");
    let names: Vec<String> = (0..routers).map(|n| format!("r{n}")).collect();
    names.iter().for_each(|name| text += &format!("[node.{name}]\nkind = \"router\"\n"));
    let all: Vec<&str> = std::iter::once("a")
        .chain(names.iter().map(String::as_str))
        .chain(std::iter::once("b"))
        .collect();
    for (n, pair) in all.windows(2).enumerate() {
        text += &format!("[link.l{n}]\nbetween = [\"{}\", \"{}\"]\n", pair[0], pair[1]);
    }
    text
}

/// Were every node asked how far it is from every network, this would take minutes.
#[test]
fn ways_through_many_routers_are_found_and_too_many_are_refused() {
    let lab = good(&row(240));
    let far = lab.plan.addr(1).expect("an address");
    assert_eq!(lab.plan.way(&lab.nodes, 0, far).map(|passed| passed.len()), Ok(242));
    let told = Lab::parse("row.toml", &row(2_100)).expect_err("too large").to_string();
    assert!(told.contains("2100 routers would have to find their ways to 2101"), "{told}");
}
