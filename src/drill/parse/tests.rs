//! One test for each construct of the language, and what wrong scripts are told.

mod calls;
mod packets;
mod wrong;

use super::super::ast::*;
use super::parse;
use proptest::prelude::*;

/// A whole script.
#[track_caller]
pub(super) fn script(text: &str) -> Script {
    parse("x.pkt", text, &[]).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The one action of a script with one event at time 0.
#[track_caller]
pub(super) fn action(text: &str) -> Action {
    let mut events = script(&format!("0 {text}")).events;
    assert_eq!(events.len(), 1, "{text}");
    events.remove(0).action
}

/// What is wrong with a script.
#[track_caller]
pub(super) fn mistake(text: &str) -> String {
    match parse("x.pkt", text, &[]) {
        Err(error) => error.to_string(),
        Ok(script) => panic!("{text} was read as\n{script}"),
    }
}

#[test]
fn a_file_has_options_an_init_command_events_and_a_cleanup_command() {
    let read = script(
        "// a comment\n--ip_version=ipv6 --dry_run\n--mtu=1280 --wire=ipv4-mapped-ipv6 \
         --local_ip=192.0.2.1 \
         --gateway_ip=fe80::1\n--tolerance_percent=12.5 --non_fatal=\"packet,syscall\" \
         --define=RTT=100 --define=NAME=\"a b\" --define=RUN=`true`\n\n`./defaults.sh\nsysctl -q \
         x=1`\n0 `echo`\n+0 `echo RTT`\n`cleanup`\n",
    );
    let options: Vec<_> =
        read.options.iter().map(|o| (o.line, o.name.as_str(), o.value.as_deref())).collect();
    assert_eq!(
        options,
        [
            (2, "ip_version", Some("ipv6")),
            (2, "dry_run", None),
            (3, "mtu", Some("1280")),
            (3, "wire", Some("ipv4-mapped-ipv6")),
            (3, "local_ip", Some("192.0.2.1")),
            (3, "gateway_ip", Some("fe80::1")),
            (4, "tolerance_percent", Some("12.5")),
            (4, "non_fatal", Some("packet,syscall")),
            (4, "define", Some("RTT=100")),
            (4, "define", Some("NAME=\"a b\"")),
            (4, "define", Some("RUN=`true`")),
        ]
    );
    let init = Command { line: 6, text: "./defaults.sh\nsysctl -q x=1".to_owned() };
    assert_eq!(read.init, Some(init));
    assert_eq!(read.cleanup, Some(Command { line: 10, text: "cleanup".to_owned() }));
    let events: Vec<_> = read.events.iter().map(|e| (e.line, e.action.clone())).collect();
    assert_eq!(
        events,
        [(8, Action::Command("echo".to_owned())), (9, Action::Command("echo RTT".to_owned()))]
    );
    assert_eq!(script("0 `a`").cleanup, None);
}

#[test]
fn times_are_absolute_relative_free_or_ranges() {
    let packet = "> . 1:1(0) ack 1";
    let table = [
        ("0.5", Time::At(500_000_000)),
        ("1", Time::At(1_000_000_000)),
        ("+.01", Time::After(10_000_000)),
        ("+0", Time::After(0)),
        ("*", Time::Any),
        ("1.5~2", Time::AtRange(1_500_000_000, 2_000_000_000)),
        ("+0~+0.2", Time::AfterRange(0, 200_000_000)),
    ];
    for (text, time) in table {
        assert_eq!(script(&format!("0 `a`\n{text} {packet}")).events[1].time, time, "{text}");
    }
    let order = "0 `a` 0 `b` +5 `c` 0.1 `d`";
    assert_eq!(script(order).events.len(), 4, "what is relative is not known before it runs");
}

#[test]
fn code_is_kept_with_the_line_it_starts_on() {
    let code = |line, text: &str| Action::Code { line, text: text.to_owned() };
    assert_eq!(action("%{ assert 1 }%"), code(1, "assert 1"));
    assert_eq!(action("\n%{\nassert 1\n}%"), code(2, "\nassert 1\n"));
    assert_eq!(action("`a \\` b`"), Action::Command("a \\` b".to_owned()));
}

#[test]
fn notes_belong_to_the_event_before_them() {
    let read = script(
        "0 `a` //? state LISTEN\n//?  why   rack tlp\n+0 `b`\n\n//? cwnd 14600\n//? bare\n// plain",
    );
    let notes = |n: usize| {
        let notes = read.events[n].notes.iter();
        notes.map(|n| (n.line, n.name.as_str(), n.value.as_str())).collect::<Vec<_>>()
    };
    assert_eq!(notes(0), [(1, "state", "LISTEN"), (2, "why", "rack tlp")]);
    assert_eq!(notes(1), [(5, "cwnd", "14600"), (6, "bare", "")]);
}

#[test]
fn definitions_of_the_command_line_win() {
    let text = "--define=LEN=10\n0 > . 1:LEN(RIGHT) ack 1";
    let defines = [("LEN", "21"), ("RIGHT", "20")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    let read = parse("x.pkt", text, &defines).unwrap();
    assert!(read.to_string().contains("1:21(20)"), "{read}");
    let text = "0 `a`\n#ifdef FREEBSD\n+0 `b`\n#endif\n+0 `c`";
    assert_eq!(script(text).events.len(), 2);
    let defines = [("FREEBSD".to_owned(), String::new())];
    assert_eq!(parse("x.pkt", text, &defines).unwrap().events.len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_script_panics(parts in prop::collection::vec(part(), 0..40)) {
        let _ = parse("x.pkt", &format!("0 {}", parts.concat()), &[]);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        let _ = parse("x.pkt", &text, &[]);
    }
}

fn part() -> impl Strategy<Value = &'static str> {
    prop::sample::select(PARTS)
}

/// Pieces of scripts.
const PARTS: &[&str] = &[
    "< ",
    "> ",
    "\n+0 ",
    "\n*",
    "...",
    "0.5",
    "S ",
    ". ",
    "FP. ",
    "-",
    "1:1001(1000) ",
    "!",
    " ack 1 ",
    " win 5 ",
    " urg 0 ",
    "<",
    ">",
    "mss 1460",
    "TS val 1 ecr 2",
    "sack 1:2",
    "nop",
    ",",
    "wscale",
    "ECN e0b 1",
    "FO 00",
    "md5 ",
    "gen-5 ",
    "icmp ",
    "unreachable ",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    "udp ",
    "ipv4 ",
    "ipv6 ",
    "::1",
    "10.0.0.1",
    ":",
    "mpls ",
    "gre ",
    "flags 0x1",
    "label",
    "ttl 5",
    "tos 0x1",
    "ect0",
    "dscp ",
    "socket",
    " = ",
    "|",
    "\"a\"",
    "\"\\q\"",
    "htons(",
    "sa_family=",
    "fd=",
    "events=",
    "msg_name",
    "iov_base=",
    "onoff=",
    "99999999999999999999",
    "-1",
    "0xffffffffffffffffff",
    "`a`",
    "%{ x }%",
    "//? a b\n",
    "/* */",
    "--x=",
    "#ifdef X\n",
    "#endif",
    "é",
    " EAGAIN ",
    "~",
    "/udp(1 > 2)",
    "encap psp ",
];

#[test]
fn depth_and_length_are_bounded() {
    for open in ["[", "{", "a=", "{fd=", "[x|"] {
        let text = format!("0 f({}", open.repeat(100_000));
        let error = mistake(&text);
        assert!(error.ends_with("more than 32 lists in each other"), "{error}");
    }
    let long = format!("0 f({}) = 0", vec!["1"; 100_000].join("|"));
    assert_eq!(script(&long).events.len(), 1);
    let long = format!("0 > {}. 1:1(0)", "gre: ".repeat(100_000));
    assert_eq!(script(&long).events.len(), 1);
}
