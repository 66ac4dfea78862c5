//! System calls and every form of expression.

use super::super::super::ast::*;
use super::{action, script};

#[track_caller]
fn call(text: &str) -> Syscall {
    match action(text) {
        Action::Syscall(call) => call,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn expr(text: &str) -> Expr {
    call(&format!("f({text}) = 0")).args.remove(0)
}

fn word(word: &str) -> Expr {
    Expr::Word(word.to_owned())
}

#[test]
fn a_call_has_arguments_a_result_an_error_and_remarks() {
    let read = call("read(3, ..., 1000) = -1 EAGAIN (Resource temporarily unavailable)");
    let args = vec![Expr::Int(3), Expr::Ellipsis, Expr::Int(1000)];
    let expected = Syscall {
        end: None,
        name: "read".to_owned(),
        args,
        result: Expr::Int(-1),
        errno: Some("EAGAIN".to_owned()),
        remark: Some("Resource temporarily unavailable".to_owned()),
    };
    assert_eq!(read, expected);
    let read = call("fcntl(3, F_GETFL) = 0x2 (flags O_RDWR|O_NONBLOCK)");
    assert_eq!(read.result, Expr::Hex(2));
    assert_eq!((read.errno, read.remark.as_deref()), (None, Some("flags O_RDWR|O_NONBLOCK")));
    let read = call("f() = O_RDWR (a note)");
    assert_eq!((read.args, read.result), (Vec::new(), word("O_RDWR")));
    assert_eq!(call("f() = -1 EPIPE").errno.as_deref(), Some("EPIPE"));
    assert_eq!(call("f() = ...").result, Expr::Ellipsis);
    assert_eq!(call("f() = -1 EIO (a) (b  c)").remark.as_deref(), Some("a; b c"));
}

#[test]
fn a_call_that_blocks_has_an_end() {
    let read = script("0...0.200 accept(3, ..., ...) = 4\n+.01...0.011 read(4, ..., 1) = 1");
    let times = [0, 1].map(|n| match &read.events[n] {
        Event { time, action: Action::Syscall(call), .. } => (*time, call.end),
        other => panic!("{other:?}"),
    });
    assert_eq!(
        times,
        [(Time::At(0), Some(200_000_000)), (Time::After(10_000_000), Some(11_000_000)),]
    );
    let read = script("0 `a`\n+0...+0.5 read(4, ..., 1) = 1");
    assert!(
        matches!(&read.events[1].action, Action::Syscall(call) if call.end == Some(500_000_000))
    );
}

#[test]
fn simple_expressions() {
    let text = |text: &str| Expr::Text(text.as_bytes().to_vec());
    let assign = |name: &str, value| Expr::Assign(name.to_owned(), Box::new(value));
    let table = [
        ("...", Expr::Ellipsis),
        ("-7", Expr::Int(-7)),
        ("9223372036854775807", Expr::Int(i64::MAX)),
        ("0xFFFFFFFFFFFFFFFF", Expr::Hex(u64::MAX)),
        ("SOL_SOCKET", word("SOL_SOCKET")),
        ("NULL", word("NULL")),
        ("\"abc\"", text("abc")),
        ("\"a\" \"\" \"b\\n\"", text("ab\n")),
        ("\"\\xff\\x00\"", Expr::Text(vec![255, 0])),
        ("\"ab\"...", Expr::Prefix(b"ab".to_vec())),
        ("A|B|0x4", Expr::Or(vec![word("A"), word("B"), Expr::Hex(4)])),
        ("A = 5", assign("A", Expr::Int(5))),
        ("A = B|C", assign("A", Expr::Or(vec![word("B"), word("C")]))),
        ("[]", Expr::List(Vec::new())),
        ("[1, A|B]", Expr::List(vec![Expr::Int(1), Expr::Or(vec![word("A"), word("B")])])),
        (
            "[[1], {2}]",
            Expr::List(vec![Expr::List(vec![Expr::Int(1)]), Expr::Braces(vec![Expr::Int(2)])]),
        ),
        ("{1, ...}", Expr::Braces(vec![Expr::Int(1), Expr::Ellipsis])),
        ("{}", Expr::Braces(Vec::new())),
        ("{name = 3}", Expr::Braces(vec![assign("name", Expr::Int(3))])),
        ("htons(8080)", Expr::Htons(8080)),
        ("htonl(1)", Expr::Htonl(1)),
        ("inet_addr(\"192.0.2.1\")", Expr::Ip4([192, 0, 2, 1].into())),
        ("inet6_addr(\"::1\")", Expr::Ip6(std::net::Ipv6Addr::LOCALHOST)),
    ];
    for (text, expected) in table {
        assert_eq!(expr(text), expected, "{text}");
    }
    assert_eq!((Expr::Int(-1).number(), Expr::Hex(9).number()), (Some(-1), Some(9)));
    assert_eq!(Expr::Ellipsis.number(), None);
}

#[test]
fn socket_addresses() {
    let address = |family: &str, port, addr: Option<&str>| {
        let addr = addr.map(|addr| addr.parse().unwrap());
        Expr::Sockaddr(Sockaddr { family: family.to_owned(), port, addr })
    };
    let table = [
        (
            "{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"192.0.2.1\")}",
            address("AF_INET", Some(80), Some("192.0.2.1")),
        ),
        (
            "{sa_family = AF_INET6, sin_port = htons(80), sin_addr = inet_addr(\"2001:db8::1\")}",
            address("AF_INET6", Some(80), Some("2001:db8::1")),
        ),
        (
            "{sa_family=AF_INET6, sin6_port=htons(80), sin6_addr=inet6_addr(\"::1\")}",
            address("AF_INET6", Some(80), Some("::1")),
        ),
        (
            "{sa_family=AF_INET6, sin6_port=..., sin6_addr=inet_pton(AF_INET6, \"::1\")}",
            address("AF_INET6", None, Some("::1")),
        ),
        ("{sa_family=AF_UNSPEC, ...}", address("AF_UNSPEC", None, None)),
        ("{sa_family=AF_UNSPEC}", address("AF_UNSPEC", None, None)),
        ("{sa_family=AF_INET, sin_port=htons(7), sin_addr=...}", address("AF_INET", Some(7), None)),
    ];
    for (text, expected) in table {
        assert_eq!(expr(text), expected, "{text}");
    }
}

#[test]
fn buffers_and_messages() {
    let buffer =
        |base: Option<&[u8]>, len| Expr::Iovec(Iovec { base: base.map(<[u8]>::to_vec), len });
    assert_eq!(expr("{..., 1000}"), buffer(None, 1000));
    assert_eq!(expr("{\"ab\", 2}"), buffer(Some(b"ab"), 2));
    assert_eq!(expr("{iov_base=..., iov_len=5}"), buffer(None, 5));
    assert_eq!(expr("{iov_base=\"a\" \"b\", iov_len=2}"), buffer(Some(b"ab"), 2));
    assert_eq!(expr("[{..., 1}, {..., 2}]"), Expr::List(vec![buffer(None, 1), buffer(None, 2)]));
    let cmsg = "{cmsg_level=SOL_SOCKET, cmsg_type=SCM_TIMESTAMPING, cmsg_data={scm_sec=1, \
                scm_nsec=5}}";
    let read = expr(&format!(
        "{{msg_name(...)=..., msg_iov(1)=[{{..., 9}}], msg_flags=MSG_A|MSG_B, msg_control=[{cmsg}]}}"
    ));
    let expected = Msghdr {
        name: Expr::Ellipsis,
        namelen: Expr::Ellipsis,
        iovlen: 1,
        iov: vec![buffer(None, 9)],
        flags: Expr::Or(vec![word("MSG_A"), word("MSG_B")]),
        control: Some(vec![Expr::Cmsg(Box::new(Cmsg {
            level: word("SOL_SOCKET"),
            kind: word("SCM_TIMESTAMPING"),
            data: Expr::ScmTimestamp { sec: 1, nsec: 5 },
        }))]),
    };
    assert_eq!(read, Expr::Msghdr(Box::new(expected)));
    let Expr::Msghdr(read) = expr("{msg_name(...)=..., msg_iov(0)=[], msg_flags=0}") else {
        panic!()
    };
    assert_eq!((read.control, read.iov), (None, Vec::new()));
}

#[test]
fn structures_with_members() {
    let poll = |revents| {
        let (fd, events) = (Expr::Int(3), word("POLLIN"));
        Expr::Pollfd(Box::new(Pollfd { fd, events, revents }))
    };
    assert_eq!(expr("{fd=3, events=POLLIN}"), poll(None));
    assert_eq!(expr("{fd=3, events=POLLIN, revents=0}"), poll(Some(Expr::Int(0))));
    let members = [
        ("fd", EpollData::Fd),
        ("ptr", EpollData::Ptr),
        ("u32", EpollData::U32),
        ("u64", EpollData::U64),
    ];
    for (name, member) in members {
        let event = EpollEvent { events: word("EPOLLIN"), member, data: Expr::Int(4) };
        assert_eq!(
            expr(&format!("{{events=EPOLLIN, {name}=4}}")),
            Expr::EpollEvent(Box::new(event))
        );
    }
    let linger = Expr::Linger { onoff: 1, linger: 5 };
    assert_eq!(expr("{onoff=1, linger=5}"), linger);
    assert_eq!(expr("{l_onoff=1, l_linger=5}"), linger);
    assert_eq!(expr("{scm_sec=0, scm_nsec=7}"), Expr::ScmTimestamp { sec: 0, nsec: 7 });
    let read = expr(
        "{ee_errno=0, ee_origin=SO_EE_ORIGIN_ZEROCOPY, ee_type=1, ee_code=2, ee_info=3, ee_data=4}",
    );
    let expected = ExtendedErr {
        errno: Expr::Int(0),
        origin: word("SO_EE_ORIGIN_ZEROCOPY"),
        kind: Expr::Int(1),
        code: Expr::Int(2),
        info: Expr::Int(3),
        data: Expr::Int(4),
    };
    assert_eq!(read, Expr::ExtendedErr(Box::new(expected)));
}

#[test]
fn tunnels_as_values_of_options() {
    let gre = Gre { flags: 0x2000, sum: 0, off: 0, key: 5, seq: 0 };
    assert_eq!(expr("{flags 0x2000, sum 0, off 0, key=5, seq 0}"), Expr::Gre(gre));
    assert_eq!(expr("{flags [key present] sum 0 off 0 key 5 seq 0}"), Expr::Gre(gre));
    let label = Label { label: 5, tc: 1, bottom: true, ttl: 9 };
    assert_eq!(expr("{(label 5, tc 1, [S], ttl 9)}"), Expr::Mpls(vec![label]));
}
