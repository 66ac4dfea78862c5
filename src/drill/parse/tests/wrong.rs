//! Wrong scripts, and what they are told.

use super::mistake;

/// Mistakes in an event at time 0, with the column in its own text.
#[track_caller]
fn event(table: &[(&str, u32, &str)]) {
    for (text, column, what) in table {
        assert_eq!(mistake(&format!("0\n{text}")), format!("x.pkt:2:{column}: {what}"), "{text}");
    }
}

#[test]
fn files() {
    let time = "expected a time, such as `0.100`, `+0.1` or `*`";
    let value = "expected a value of `--mtu`: a number, a word, a string, an address";
    let table = [
        ("", "1:1: expected an event at time 0, found the end of the script"),
        ("`a`", "1:4: expected an event at time 0, found the end of the script"),
        ("hello", "1:1: expected an event at time 0, found `hello`"),
        ("1 `a`", "1:1: the first event must be at time 0"),
        ("* > . 1:1(0)", "1:1: the first event must be at time 0"),
        ("0 `a`\nb", &format!("2:1: {time}, found `b`")),
        ("0 `a`\n--x=1", "2:1: options stand at the start of a script, before all else"),
        (
            "0 `a`\n`b`\n1 `c`",
            "3:1: expected the end of the script after the command without a time, found `1`",
        ),
        ("--mtu=(\n0 `a`", &format!("1:7: {value}, found `(`")),
        ("--x=a(b", "1:6: such a value wants quotes: `--name=\"a b\"`"),
        ("--define=A=(", "1:12: expected a value of the definition, found `(`"),
        ("//? state LISTEN\n0 `a`", "1:1: this note stands before all events"),
        ("0 `a` //?", "1:7: expected `//? name value`"),
    ];
    for (text, what) in table {
        assert_eq!(mistake(text), format!("x.pkt:{what}"), "{text}");
    }
}

#[test]
fn times() {
    let only = "only a packet that must leave can have a range or `*` for its time";
    let table = [
        ("* `b`", 1, only),
        ("0~1 < . 1:1(0) win 5", 1, only),
        ("+0~+1 close(3) = 0", 1, only),
        ("1~0 > . 1:1(0)", 1, "this range ends before it starts"),
        ("+1~2 > . 1:1(0)", 4, "the end of `+a~+b` has a `+`, too"),
        ("1~+2 > . 1:1(0)", 4, "the start of `+a~+b` has a `+`, too"),
        ("-1 `b`", 1, "a time is not negative"),
        ("+a `b`", 2, "expected seconds, such as `0.1`, found `a`"),
        ("99999999999999 `b`", 1, "this time is too far away"),
        ("0.5 `b` 0.4 `c`", 9, "this time is before that of an event above"),
        ("1...0.5 f() = 0", 5, "this call ends before it starts"),
    ];
    for (text, column, what) in table {
        assert_eq!(
            mistake(&format!("0 `a`\n{text}")),
            format!("x.pkt:2:{column}: {what}"),
            "{text}"
        );
    }
    let what = "expected `<` or `>` and a packet, a system call, a command in backquotes, or \
                `%{ code }%`";
    event(&[("[", 1, &format!("{what}, found `[`"))]);
}

#[test]
fn segments() {
    let flags =
        "expected flags: letters of `FSRPUEWA`, `.` for ACK, a digit for ACE, or `-` for none";
    let more = "expected the next event, or another part of this packet";
    let order = "the order is `ack`, `win`, `urg`, `<options>`, each at most once";
    event(&[
        ("> X 1:1(0)", 3, &format!("{flags}, found `X`")),
        ("> .8 1:1(0)", 3, &format!("{flags}, found `.8`")),
        ("> E.5 1:1(0)", 3, &format!("{flags}, found `E.5`")),
        (
            "> (",
            4,
            "expected something about an IP header: `tos`, `ect0`, `ttl`, `flowlabel`, …, \
                    found the end of the script",
        ),
        ("> . 1:2(0)", 7, "1 and 0 bytes make 1, and not 2"),
        ("> . 1:1", 8, "expected `(`, found the end of the script"),
        (
            "> . 4294967296:0(0)",
            5,
            "a sequence number is from 0 to 4294967295, and not `4294967296`",
        ),
        ("> . 1:70001(70000)", 13, "a payload length is from 0 to 65535, and not `70000`"),
        (
            "< . 1:1(0) ack 1",
            17,
            "expected `win N`, which a segment that arrives must have, found \
                                  the end of the script",
        ),
        ("< . ...(0) win 1", 12, "a segment that arrives has a sequence number, and not `...`"),
        ("> . 1:1(0) wn 5", 12, &format!("{more}, found `wn`; did you mean `win`?")),
        ("> . 1:1(0) win 5 ack 1", 18, order),
        ("> . 1:1(0) ack 5 ack 1", 18, order),
        ("> . 1:1(0) ack", 15, "expected an ACK number, found the end of the script"),
        ("> . 1:1(0) win 65536", 16, "a window is from 0 to 65535, and not `65536`"),
        ("> . 1:1(0) ack -1", 16, "an ACK number is from 0 to 4294967295, and not `-1`"),
        ("> sctp: x", 3, "`sctp` is not read: only TCP, UDP and ICMP are"),
        ("> encap gre", 9, "expected `psp`, found `gre`"),
    ]);
}

#[test]
fn options() {
    let hex = "expected an even number of hexadecimal digits";
    let table = [
        ("mss 1460,nop", 1, "these options are 5 bytes long, which is no multiple of 4"),
        ("mms 1460", 2, "expected a TCP option, found `mms`; did you mean `mss`?"),
        ("mss", 5, "expected an MSS, found `>`"),
        ("wscale 256", 9, "a window scale is from 0 to 255, and not `256`"),
        ("TS val 1", 10, "expected `ecr`, found `>`"),
        ("TS 1", 5, "expected `val`, found `1`"),
        ("sack", 6, "expected an edge of a SACK block, found `>`"),
        ("FO 123", 5, &format!("{hex}, found `123`")),
        ("FO xyz", 5, &format!("{hex}, found `xyz`")),
        ("md5 00", 2, "expected `md5` and 32 hexadecimal digits"),
        ("ECN", 5, "expected `e0b` or `e1b`, found `>`"),
        ("ECN e0b 1 e1b 2", 12, "expected counters in the order `e0b`, `ceb`, `e1b`, found `e1b`"),
        ("ECN e0b 16777216", 10, "a counter of 24 bits is from 0 to 16777215, and not `16777216`"),
        ("gen-300", 2, "expected `gen-N` with a kind from 0 to 255"),
        ("exp-12345", 2, "expected `exp-ID` with at most 4 hexadecimal digits"),
        ("nop nop", 6, "expected `,` and the next option, or `>`, found `nop`"),
        ("nop,", 6, "expected a TCP option, or `...` for whichever, found `>`"),
        (
            "sack 1:2 1:2 1:2 1:2 1:2,nop,nop",
            1,
            "these options are 44 bytes long; there is room for 40",
        ),
        ("...,nop", 5, "expected `>`, found `,`"),
    ];
    for (text, column, what) in table {
        let text = format!("> . 1:1(0) <{text}>");
        assert_eq!(
            mistake(&format!("0\n{text}")),
            format!("x.pkt:2:{}: {what}", column + 11),
            "{text}"
        );
    }
    let text = "0 < . 1:1(0) win 1 <...>";
    assert_eq!(mistake(text), "x.pkt:1:21: `<...>` is for packets that must leave");
}

#[test]
fn headers() {
    let either = "`ect01` is either of two: only a packet that must leave can be it";
    event(&[
        ("< (ect01) . 1:1(0) win 5", 4, either),
        (
            "> (ect9) . 1:1(0)",
            4,
            "expected something about an IP header: `tos`, `ect0`, `ttl`, \
                                   `flowlabel`, …, found `ect9`; did you mean `ect0`?",
        ),
        ("> (ttl 256) . 1:1(0)", 8, "a TTL is from 0 to 255, and not `256`"),
        ("> (ttl 5, ttl 6) . 1:1(0)", 11, "this is said twice of one header"),
        ("> (ce, tos 1) . 1:1(0)", 8, "this is said twice of one header"),
        (
            "> (dscp af4) . 1:1(0)",
            9,
            "expected a name of a differentiated service, found `af4`; \
                                        did you mean `af41`?",
        ),
        ("> (ce . 1:1(0)", 7, "expected `)`, found `.`"),
        ("> ipv4 ::1 > ::2: . 1:1(0)", 8, "expected an IPv4 address, found `::1`"),
        ("> ipv6 ::1 . 1:1(0)", 12, "expected `>`, found `.`"),
        ("> mpls: . 1:1(0)", 7, "expected `(`, found `:`"),
        (
            "> mpls (label 1048576, tc 0, ttl 1): . 1:1(0)",
            15,
            "an MPLS label is from 0 to 1048575, \
                                                               and not `1048576`",
        ),
        ("> gre x: . 1:1(0)", 7, "expected `flags` of GRE, found `x`"),
        (
            "> gre flags [chksum present]",
            14,
            "expected `none`, `checksum`, `key` or `sequence#`, \
                                              found `chksum`; did you mean `checksum`?",
        ),
        ("> udp 5", 7, "expected `(`, found `5`"),
        ("> . 1:1(0) /udp(5)", 17, "expected a port, found `5`"),
    ]);
}

#[test]
fn icmp() {
    event(&[
        (
            "< icmp",
            7,
            "expected a type of ICMP, such as `unreachable`, found the end of the script",
        ),
        (
            "< icmp unreachble",
            8,
            "expected a type of ICMP, or `type_N`, found `unreachble`; did you \
                                  mean `unreachable`?",
        ),
        (
            "< icmp unreachable frag_neded",
            20,
            "expected a code of this type of ICMP, or `code_N`, \
                                              found `frag_neded`; did you mean `frag_needed`?",
        ),
        (
            "< icmp redirect mtu 5 mut 6",
            23,
            "expected `mtu`, `id` or a quoted packet, found `mut`; \
                                             did you mean `mtu`?",
        ),
        (
            "< icmp redirect [dup(5)]",
            18,
            "expected the quoted packet: `1:1001(1000)`, `udp(N)` or \
                                          `raw(N)`, found `dup`; did you mean `udp`?",
        ),
        ("< [1:1(0)] . 1:1(0)", 12, "expected `icmp`, found `.`"),
        ("< icmp redirect [1:1(0)", 24, "expected `]`, found the end of the script"),
    ]);
}

#[test]
fn calls() {
    let any = "expected an expression: a number, a symbol, a string, `...`, a list";
    let functions = "is none of the functions `htons`, `htonl`, `inet_addr`, `inet6_addr`";
    event(&[
        ("close 3", 7, "expected `(`, found `3`"),
        ("close(3", 8, "expected `,` and the next argument, or `)`, found the end of the script"),
        ("close(3 4)", 9, "expected `,` and the next argument, or `)`, found `4`"),
        ("close(3)", 9, "expected `=` and the result of the call, found the end of the script"),
        ("close(3) =", 11, &format!("{any}, found the end of the script")),
        ("f(,) = 0", 3, &format!("{any}, found `,`")),
        ("f([1) = 0", 5, "expected `,` and the next of the list, or `]`, found `)`"),
        ("f({1) = 0", 5, "expected `}`, found `)`"),
        ("f(hton(5)) = 0", 3, &format!("`hton` {functions}; did you mean `htons`?")),
        ("f(htons(65536)) = 0", 9, "a port is from 0 to 65535, and not `65536`"),
        (
            "f(inet_addr(\"300.0.0.1\")) = 0",
            13,
            "expected an IPv4 address in quotes, found the \
                                                 string `300.0.0.1`",
        ),
        (
            "f(\"\\q\") = 0",
            3,
            "no escape `\\q`: there is \\\\, \\\", \\f, \\n, \\r, \\t, \\v and \\xHH",
        ),
        ("f(0xfffffffffffffffff) = 0", 3, "a number has at most 64 bits"),
        ("f() = 0 (a \"b\")", 12, "expected words and `)`, found the string `b`"),
        ("... f() = 0", 5, "expected seconds, such as `0.1`, found `f`"),
        ("...1 2", 6, "expected the name of a system call, found `2`"),
    ]);
}

#[test]
fn structures() {
    let address = "expected `sin_port`, `sin_addr` or `...`";
    event(&[
        (
            "f({sa_family=AF_INET, sin_prt=5}) = 0",
            23,
            &format!(
                "{address}, found `sin_prt`; did \
                                                               you mean `sin_port`?"
            ),
        ),
        ("f({sa_family=AF_INET, sin_port=5}) = 0", 32, "expected `htons`, found `5`"),
        (
            "f({sa_family=AF_INET, sin_addr=inet_addr(\"::1\")}) = 0",
            48,
            "this address is not one of \
                                                                        AF_INET",
        ),
        ("f({fd=3, evnts=1}) = 0", 10, "expected `events`, found `evnts`; did you mean `events`?"),
        (
            "f({events=1, df=1}) = 0",
            14,
            "expected `fd`, `ptr`, `u32` or `u64`, found `df`; did you \
                                         mean `fd`?",
        ),
        (
            "f({onoff=1, lingr=1}) = 0",
            13,
            "expected `linger`, found `lingr`; did you mean \
                                           `linger`?",
        ),
        (
            "f({msg_name(...)=..., msg_iov(1)=5}) = 0",
            34,
            "expected the buffers in brackets, found \
                                                          `5`",
        ),
        ("f({msg_name(...)=..., msg_iov(1)=[]}) = 0", 36, "expected `, msg_flags=`, found `}`"),
        (
            "f({msg_name(...)=..., msg_iov(0)=[], msg_flgs=0}) = 0",
            38,
            "expected `msg_flags` or \
                                     `msg_control`, once each, found `msg_flgs`; did you mean \
                                     `msg_flags`?",
        ),
        ("f({ee_errno=1, ee_type=1}) = 0", 16, "expected `ee_origin`, found `ee_type`"),
        ("f({cmsg_level=1, cmsg_type=1}) = 0", 29, "expected `,`, found `}`"),
        ("f({iov_base=5, iov_len=1}) = 0", 13, "expected a string or `...`, found `5`"),
        ("f({scm_sec=a, scm_nsec=1}) = 0", 12, "expected a number, found `a`"),
    ]);
}
