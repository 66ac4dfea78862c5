//! What is printed reads as the same script.

mod packets;

use super::super::ast::*;
use super::super::parse;
use proptest::prelude::*;
use std::net::IpAddr;

/// A script without its places.
fn unplaced(mut script: Script) -> Script {
    script.options.iter_mut().for_each(|option| option.line = 0);
    for command in [&mut script.init, &mut script.cleanup].into_iter().flatten() {
        command.line = 0;
    }
    for event in &mut script.events {
        event.line = 0;
        event.notes.iter_mut().for_each(|note| note.line = 0);
        if let Action::Code { line, .. } = &mut event.action {
            *line = 0;
        }
    }
    script
}

#[test]
fn scripts_are_printed_one_event_a_line() {
    let text = [
        "--ip_version=ipv6 --local_ip=fe80::1 `true` 0 socket(...,SOCK_STREAM,IPPROTO_TCP)=3",
        "+.05 < [ect0] S 0:0(0) win 65535 <mss 1460,nop,wscale 7>//? state LISTEN",
        "*> S. 0:0(0) ack 1 <...>",
        "+0...0.25 accept(3,...,...)=-1 EAGAIN(try again)",
        "+0~+0.1 > icmp unreachable port_unreachable [1:11(10)] +1.0000005 %{assert 1}%`false`",
    ];
    let printed = [
        "--ip_version=ipv6",
        "--local_ip=\"fe80::1\"",
        "`true`",
        " 0.000 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3",
        "+0.050 < [ect0] S 0:0(0) win 65535 <mss 1460,nop,wscale 7>",
        "  //? state LISTEN",
        "     * > S. 0:0(0) ack 1 <...>",
        "+0.000...0.250 accept(3, ..., ...) = -1 EAGAIN (try again)",
        "+0.000~+0.100 > icmp unreachable port_unreachable [1:11(10)]",
        "+1.0000005 %{ assert 1 }%",
        "`false`",
        "",
    ];
    let script = parse("x.pkt", &text.join("\n"), &[]).unwrap();
    assert_eq!(script.to_string(), printed.join("\n"));
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![0..3u64, (0..5_000u64).prop_map(|ms| ms * 1_000_000), 0..5_000_000_000u64]
}

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["SOL_SOCKET", "AF_INET", "NULL", "O_RDWR", "MSG_PEEK", "x1", "0x_"])
        .prop_map(str::to_owned)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..6)
}

/// Expressions that stand alone on either side of `|`.
fn leaf() -> impl Strategy<Value = Expr> {
    prop_oneof![
        Just(Expr::Ellipsis),
        any::<i64>().prop_map(Expr::Int),
        any::<u64>().prop_map(Expr::Hex),
        word().prop_map(Expr::Word),
        bytes().prop_map(Expr::Text),
        bytes().prop_map(Expr::Prefix),
        any::<u16>().prop_map(Expr::Htons),
        any::<u32>().prop_map(Expr::Htonl),
        any::<u32>().prop_map(|n| Expr::Ip4(n.into())),
        any::<u128>().prop_map(|n| Expr::Ip6(n.into())),
        (any::<i64>(), any::<i64>()).prop_map(|(onoff, linger)| Expr::Linger { onoff, linger }),
        (any::<i64>(), any::<i64>()).prop_map(|(sec, nsec)| Expr::ScmTimestamp { sec, nsec }),
        packets::gre().prop_map(Expr::Gre),
        packets::labels().prop_map(Expr::Mpls),
        (prop::option::of(bytes()), 0..=i64::MAX as u64)
            .prop_map(|(base, len)| Expr::Iovec(Iovec { base, len })),
        sockaddr().prop_map(Expr::Sockaddr),
    ]
}

fn sockaddr() -> impl Strategy<Value = Sockaddr> {
    let family = prop::sample::select(vec!["AF_INET", "AF_INET6", "AF_UNSPEC"]);
    (family, prop::option::of(any::<u16>()), any::<bool>(), any::<u128>()).prop_map(
        |(family, port, has_addr, bits)| {
            let addr = match family {
                "AF_INET" => Some(IpAddr::V4((bits as u32).into())),
                "AF_INET6" => Some(IpAddr::V6(bits.into())),
                _ => None,
            };
            Sockaddr { family: family.to_owned(), port, addr: addr.filter(|_| has_addr) }
        },
    )
}

/// Whether `{a, b}` would be read as a buffer.
fn is_buffer(all: &[Expr]) -> bool {
    matches!(all, [Expr::Ellipsis | Expr::Text(_), Expr::Int(0..)])
}

fn expr() -> impl Strategy<Value = Expr> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..4);
        let boxed = || inner.clone();
        prop_oneof![
            list().prop_map(Expr::List),
            list().prop_filter("a buffer", |all| !is_buffer(all)).prop_map(Expr::Braces),
            (word(), inner.clone()).prop_map(|(name, value)| Expr::Assign(name, Box::new(value))),
            prop::collection::vec(leaf(), 2..4).prop_map(Expr::Or),
            (boxed(), boxed(), boxed())
                .prop_map(|(level, kind, data)| Expr::Cmsg(Box::new(Cmsg { level, kind, data }))),
            (boxed(), boxed(), prop::option::of(inner.clone())).prop_map(
                |(fd, events, revents)| Expr::Pollfd(Box::new(Pollfd { fd, events, revents }))
            ),
            (boxed(), boxed(), member()).prop_map(|(events, data, member)| Expr::EpollEvent(
                Box::new(EpollEvent { events, member, data })
            )),
            (boxed(), boxed(), list(), boxed(), prop::option::of(list()), 0..9u64).prop_map(
                |(name, namelen, iov, flags, control, iovlen)| Expr::Msghdr(Box::new(Msghdr {
                    name,
                    namelen,
                    iovlen,
                    iov,
                    flags,
                    control
                }))
            ),
            prop::collection::vec(inner.clone(), 6).prop_map(|all| {
                let [errno, origin, kind, code, info, data] = all.try_into().unwrap();
                Expr::ExtendedErr(Box::new(ExtendedErr { errno, origin, kind, code, info, data }))
            }),
        ]
    })
}

fn member() -> impl Strategy<Value = EpollData> {
    prop::sample::select(vec![EpollData::Ptr, EpollData::Fd, EpollData::U32, EpollData::U64])
}

fn syscall() -> impl Strategy<Value = Syscall> {
    let name = prop::sample::select(vec!["socket", "read", "setsockopt", "poll"]);
    let errno = prop::option::of(prop::sample::select(vec!["EAGAIN", "EINPROGRESS"]));
    let remark = prop::option::of(prop::sample::select(vec!["flags O_RDWR|O_NONBLOCK", "no way"]));
    (name, prop::collection::vec(expr(), 0..4), expr(), errno, remark).prop_map(
        |(name, args, result, errno, remark)| Syscall {
            end: None,
            name: name.to_owned(),
            args,
            result,
            errno: errno.map(str::to_owned),
            remark: remark.map(str::to_owned),
        },
    )
}

/// An event that waits for its time, and how long it may block.
fn waiting() -> impl Strategy<Value = (Time, Action)> {
    let text = || prop::sample::select(vec!["true", "ip link\nset lo up", "", "assert 'é'; x()"]);
    let action = prop_oneof![
        packets::inbound().prop_map(Action::Packet),
        syscall().prop_map(Action::Syscall),
        text().prop_map(|text| Action::Command(text.to_owned())),
        text().prop_map(|text| Action::Code { line: 0, text: text.to_owned() }),
    ];
    (time(), action, prop::option::of(time())).prop_map(|(after, mut action, blocks)| {
        if let Action::Syscall(call) = &mut action {
            call.end = blocks.map(|time| after + time);
        }
        (Time::After(after), action)
    })
}

/// A packet that must leave, at any kind of time.
fn leaving() -> impl Strategy<Value = (Time, Action)> {
    let times = (time(), time(), 0..3).prop_map(|(from, more, kind)| match kind {
        0 => Time::Any,
        1 => Time::AfterRange(from, from + more),
        _ => Time::After(from),
    });
    (times, packets::outbound().prop_map(Action::Packet))
}

fn event() -> impl Strategy<Value = Event> {
    let note = prop::sample::select(vec![("state", "ESTABLISHED"), ("why", "rack"), ("bare", "")]);
    let notes = prop::collection::vec(note, 0..3);
    (prop_oneof![waiting(), leaving()], notes).prop_map(|((time, action), notes)| Event {
        line: 0,
        time,
        action,
        notes: notes
            .into_iter()
            .map(|(name, value)| Note { line: 0, name: name.to_owned(), value: value.to_owned() })
            .collect(),
    })
}

fn script() -> impl Strategy<Value = Script> {
    let option = prop::sample::select(vec![
        ("tolerance_usecs", Some("10000")),
        ("dry_run", None),
        ("local_ip", Some("2001:db8::1")),
        ("define", Some("NAME=\"a b\"")),
        ("define", Some("NUMBER=5")),
        ("non_fatal", Some("packet,syscall")),
        ("empty", Some("")),
    ])
    .prop_map(|(name, value)| FileOption {
        line: 0,
        name: name.to_owned(),
        value: value.map(str::to_owned),
    });
    let command = || prop::option::of(Just(Command { line: 0, text: "sysctl -q\na=1".to_owned() }));
    let options = prop::collection::vec(option, 0..3);
    let absolute = any::<bool>();
    (options, command(), prop::collection::vec(event(), 1..5), command(), absolute).prop_map(
        |(options, init, mut events, cleanup, absolute)| {
            let mut now = 0;
            for event in &mut events {
                event.time = match event.time {
                    Time::After(after) if absolute => {
                        if let Action::Syscall(Syscall { end: Some(end), .. }) = &mut event.action {
                            *end += now;
                        }
                        now += after;
                        Time::At(now)
                    }
                    Time::AfterRange(from, to) if absolute => {
                        now += from;
                        Time::AtRange(now, now + to - from)
                    }
                    time => time,
                };
            }
            let start = match events[0].time {
                Time::At(at) | Time::After(at) => at,
                _ => 1,
            };
            if start != 0 {
                let action = Action::Command("true".to_owned());
                let first = Event { line: 0, time: Time::At(0), action, notes: Vec::new() };
                events.insert(0, first);
            }
            Script { profile: None, turns: false, options, init, events, cleanup }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn what_is_printed_reads_the_same(script in script()) {
        let text = script.to_string();
        match parse("x.pkt", &text, &[]) {
            Ok(read) => prop_assert_eq!(unplaced(read), unplaced(script), "{}", text),
            Err(error) => prop_assert!(false, "{error}\n{text}"),
        }
    }

    #[test]
    fn what_was_damaged_is_read_or_refused(
        script in script(),
        at in any::<prop::sample::Index>(),
        cut in 0..9usize,
        put in "[-+.,:;<>()\\[\\]{}|=!\"`%#0-9a-zA-Z \n]{0,6}",
    ) {
        let mut chars: Vec<char> = script.to_string().chars().collect();
        let start = at.index(chars.len());
        let end = (start + cut).min(chars.len());
        chars.splice(start..end, put.chars());
        let text: String = chars.into_iter().collect();
        if let Err(error) = parse("x.pkt", &text, &[]) {
            let lines = text.lines().count() as u32 + 1;
            prop_assert!(error.line >= 1 && error.line <= lines && error.column >= 1, "{}", error);
        }
    }
}
