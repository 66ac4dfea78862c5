//! Packets: headers, flags, numbers, options, UDP and ICMP.

use super::super::super::ast::*;
use super::{action, script};

#[track_caller]
fn packet(text: &str) -> Packet {
    match action(text) {
        Action::Packet(packet) => packet,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn tcp(text: &str) -> Tcp {
    match packet(text).body {
        Body::Tcp(tcp) => tcp,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn options(text: &str) -> Vec<TcpOption> {
    match tcp(&format!("> . 1:1(0) <{text}>")).options {
        Options::List(list) => list,
        Options::Any => panic!("{text}"),
    }
}

#[test]
fn a_segment_has_its_parts_in_order() {
    let read = packet("< P. 1:1001(1000) ack 5 win 257 urg 3 <nop,nop,sackOK>");
    assert_eq!(read.direction, Direction::Inbound);
    let Body::Tcp(read) = read.body else { panic!() };
    let expected = Tcp {
        psp: None,
        ports: None,
        flags: Flags { psh: true, ack: true, ..Flags::default() },
        seq: Seq { start: 1, end: 1001, len: 1000, kind: SeqKind::Mapped },
        ack: Some(5),
        window: Some(257),
        urgent: Some(3),
        options: Options::List(vec![TcpOption::Nop, TcpOption::Nop, TcpOption::SackOk]),
    };
    assert_eq!(read, expected);
    let bare = tcp("> - 0:0(0)");
    assert_eq!(
        (bare.flags, bare.ack, bare.window, bare.urgent),
        (Flags::default(), None, None, None)
    );
    assert_eq!(bare.options, Options::List(Vec::new()));
    assert_eq!(tcp("> S 0:0(0) <...>").options, Options::Any);
    assert_eq!(tcp("> 80 > 1024 R 5:5(0)").ports, Some(Ports { src: 80, dst: 1024 }));
    assert_eq!(tcp("> encap psp spi 0x10 . 1:1(0)").psp, Some(16));
}

#[test]
fn flags_are_letters_a_dot_and_a_digit() {
    let none = Flags::default();
    let table = [
        ("F", Flags { fin: true, ..none }),
        ("S.", Flags { syn: true, ack: true, ..none }),
        ("F.", Flags { fin: true, ack: true, ..none }),
        ("F  .", Flags { fin: true, ack: true, ..none }),
        ("FP.", Flags { fin: true, psh: true, ack: true, ..none }),
        ("R.U", Flags { rst: true, ack: true, urg: true, ..none }),
        ("SEWA", Flags { syn: true, ece: true, cwr: true, ae: true, ..none }),
        ("SW.", Flags { syn: true, cwr: true, ack: true, ..none }),
        (".5", Flags { ack: true, ae: true, ece: true, ace: Some(5), ..none }),
        ("P.2", Flags { psh: true, ack: true, cwr: true, ace: Some(2), ..none }),
        (".0", Flags { ack: true, ace: Some(0), ..none }),
        ("-", none),
    ];
    for (text, flags) in table {
        assert_eq!(tcp(&format!("> {text} 1:1(0)")).flags, flags, "{text}");
    }
}

#[test]
fn sequence_numbers_wrap_are_literal_or_any() {
    let seq = |text: &str| tcp(&format!("> . {text}")).seq;
    let literal = Seq { start: 7, end: 7, len: 0, kind: SeqKind::Literal };
    assert_eq!(seq("7:7(0)!"), literal);
    assert_eq!(seq("...(10)"), Seq { start: 0, end: 0, len: 10, kind: SeqKind::Any });
    assert_eq!(seq("4294967295:9(10)").end, 9);
}

#[test]
fn every_option_is_read() {
    let ecr = |value, literal| Ecr { value, literal };
    let ecn =
        |first, counters: &[u32]| TcpOption::AccEcn(AccEcn { first, counters: counters.to_vec() });
    let other = |kind, data: &[u8]| TcpOption::Other { kind, data: data.to_vec() };
    let digest: Vec<u8> = (0..16).collect();
    let table = [
        ("mss 1460", TcpOption::Mss(1460)),
        ("wscale 7,nop", TcpOption::WindowScale(7)),
        ("sackOK,nop,nop", TcpOption::SackOk),
        ("nop,nop,sack 1:2 3:4", TcpOption::Sack(vec![(1, 2), (3, 4)])),
        ("TS val 1 ecr 2,nop,nop", TcpOption::Timestamps { val: Some(1), ecr: ecr(2, false) }),
        ("TS val ... ecr 2!,nop,nop", TcpOption::Timestamps { val: None, ecr: ecr(2, true) }),
        ("FO,nop,nop", TcpOption::FastOpen(Vec::new())),
        ("FO 0a1B", TcpOption::FastOpen(vec![0x0a, 0x1b])),
        ("FO 1234", TcpOption::FastOpen(vec![0x12, 0x34])),
        ("FOEXP", TcpOption::FastOpenExp(Vec::new())),
        ("FOEXP 1234,nop,nop", TcpOption::FastOpenExp(vec![0x12, 0x34])),
        ("exp-FO", TcpOption::FastOpenExp(Vec::new())),
        ("md5 000102030405060708090a0b0c0d0e0f,nop,nop", TcpOption::Md5(Md5::Digest(digest))),
        ("md5 valid,nop,nop", TcpOption::Md5(Md5::Valid)),
        ("ECN e0b 1,nop,nop,nop", ecn(Counter::E0b, &[1])),
        ("ECN e0b 1 ceb 2,eol,eol,eol,eol", ecn(Counter::E0b, &[1, 2])),
        ("ECN e1b 1 ceb 2 e0b 3,nop", ecn(Counter::E1b, &[1, 2, 3])),
        ("AccECN0 ee0b 1 eceb 2 ee1b 3,nop", ecn(Counter::E0b, &[1, 2, 3])),
        ("AccECN1,nop,nop", ecn(Counter::E1b, &[])),
        ("exp-AccECN1 ee1b 5,nop", other(254, &[0xac, 0xc1, 0, 0, 5])),
        ("gen-30 0102", other(30, &[1, 2])),
        ("gen-253,nop,nop", other(253, &[])),
        ("exp-f00d", other(254, &[0xf0, 0x0d])),
        ("02040100", TcpOption::Raw(vec![2, 4, 1, 0])),
    ];
    for (text, option) in table {
        let read = options(text);
        assert!(read.contains(&option), "{text}: {read:?}");
    }
    assert_eq!(
        options("eol,eol,nop , nop"),
        [TcpOption::Eol, TcpOption::Eol, TcpOption::Nop, TcpOption::Nop]
    );
}

#[test]
fn ip_headers_are_described_in_parentheses_or_brackets() {
    let info = |text: &str| packet(&format!("> {text} . 1:1(0)")).ip;
    let class = |class| IpInfo { class: Some(class), ..IpInfo::default() };
    let table = [
        ("(noecn)", class(TrafficClass::Ecn(Ecn::NotEct))),
        ("[ect0]", class(TrafficClass::Ecn(Ecn::Ect0))),
        ("[ect1]", class(TrafficClass::Ecn(Ecn::Ect1))),
        ("[ect01]", class(TrafficClass::Ecn(Ecn::Ect01))),
        ("(ce)", class(TrafficClass::Ecn(Ecn::Ce))),
        ("(ecn ect0)", class(TrafficClass::Ecn(Ecn::Ect0))),
        ("[tos 0x10]", class(TrafficClass::Byte(16))),
        ("(class 0x10)", class(TrafficClass::Byte(16))),
        ("(dscp cs1)", class(TrafficClass::Dscp(8))),
        ("(dscp 0x2e)", class(TrafficClass::Dscp(46))),
        ("(dscp voice-admit)", class(TrafficClass::Dscp(44))),
        ("(dscp ef, ce)", class(TrafficClass::DscpEcn(46, Ecn::Ce))),
        ("(ce, dscp ef)", class(TrafficClass::DscpEcn(46, Ecn::Ce))),
        ("(ttl 64)", IpInfo { ttl: Some(64), ..IpInfo::default() }),
        ("(hlim 1)", IpInfo { ttl: Some(1), ..IpInfo::default() }),
        ("(flowlabel 0x3)", IpInfo { flow_label: Some(3), ..IpInfo::default() }),
        (
            "[tos 0x2, flowlabel 0x7, ttl 5]",
            IpInfo { class: Some(TrafficClass::Byte(2)), flow_label: Some(7), ttl: Some(5) },
        ),
        ("", IpInfo::default()),
    ];
    for (text, expected) in table {
        assert_eq!(info(text), expected, "{text}");
    }
}

#[test]
fn headers_stand_in_front_of_each_other() {
    let read = packet(
        "< ipv4 (ttl 5) 192.0.2.1 > 192.0.2.2: ipv6 [ce] 2001:db8::1 > 2001:db8::2: gre: gre flags \
         [checksum present, key present], sum 0x5, off 0, key=0x7 seq 1: mpls (label 16, tc 1, ttl \
         2) (label 17, tc 0, [S], ttl 3): (ect0) . 1:1(0) ack 1 win 5",
    );
    let gre = Gre { flags: 0xa000, sum: 5, off: 0, key: 7, seq: 1 };
    let label = |label, tc, bottom, ttl| Label { label, tc, bottom, ttl };
    assert_eq!(
        read.encap,
        [
            Encap::Ip4 {
                info: IpInfo { ttl: Some(5), ..IpInfo::default() },
                src: [192, 0, 2, 1].into(),
                dst: [192, 0, 2, 2].into(),
            },
            Encap::Ip6 {
                info: IpInfo { class: Some(TrafficClass::Ecn(Ecn::Ce)), ..IpInfo::default() },
                src: "2001:db8::1".parse().unwrap(),
                dst: "2001:db8::2".parse().unwrap(),
            },
            Encap::Gre(None),
            Encap::Gre(Some(gre)),
            Encap::Mpls(vec![label(16, 1, false, 2), label(17, 0, true, 3)]),
        ]
    );
    assert_eq!(read.ip.class, Some(TrafficClass::Ecn(Ecn::Ect0)));
    let raw = packet("> GREv0 flags 0x3000 sum 0 off 0 key 0 seq 9: . 1:1(0)");
    assert_eq!(raw.encap, [Encap::Gre(Some(Gre { flags: 0x3000, seq: 9, ..Gre::default() }))]);
    let raw = packet("> gre flags [none], sum 0, off 0, key 0, seq 0: . 1:1(0)");
    assert_eq!(raw.encap, [Encap::Gre(Some(Gre::default()))]);
    let raw = packet("> gre flags [sequence# present] sum 0 off 0 key 0 seq 0: . 1:1(0)");
    assert_eq!(raw.encap, [Encap::Gre(Some(Gre { flags: 0x1000, ..Gre::default() }))]);
}

#[test]
fn segments_travel_behind_udp() {
    let read = packet("< S 0:0(0) win 5 <mss 1460> /udp(1234 > 9899)");
    assert_eq!(read.udp_encap, Some(Ports { src: 1234, dst: 9899 }));
}

#[test]
fn udp_has_a_length_and_maybe_ports() {
    assert_eq!(packet("> udp (100)").body, Body::Udp(Udp { ports: None, len: 100 }));
    let ports = Some(Ports { src: 1, dst: 2 });
    assert_eq!(packet("< udp 1 > 2 (0)").body, Body::Udp(Udp { ports, len: 0 }));
}

#[test]
fn icmp_has_names_numbers_and_a_quoted_packet_on_either_side() {
    let name = |name: &str| IcmpWord::Name(name.to_owned());
    let seq = |start, end, kind| Seq { start, end, len: end - start, kind };
    let tcp = |start, end| Some(Quoted::Tcp(seq(start, end, SeqKind::Mapped), None));
    let icmp = |kind: &str, code: Option<&str>, mtu, id, quoted| {
        Body::Icmp(Icmp { kind: name(kind), code: code.map(name), mtu, id, quoted })
    };
    let table = [
        (
            "icmp unreachable frag_needed mtu 1400 [1:1461(1460)]",
            icmp("unreachable", Some("frag_needed"), Some(1400), None, tcp(1, 1461)),
        ),
        (
            "[1:1461(1460)] icmp unreachable frag_needed mtu 1400",
            icmp("unreachable", Some("frag_needed"), Some(1400), None, tcp(1, 1461)),
        ),
        (
            "icmp packet_too_big mtu 1280 [1:11(10)]",
            icmp("packet_too_big", None, Some(1280), None, tcp(1, 11)),
        ),
        (
            "icmp unreachable port_unreachable [udp(8)]",
            icmp("unreachable", Some("port_unreachable"), None, None, Some(Quoted::Udp(8))),
        ),
        (
            "icmp time_exceeded exceeded_hop_limit [raw(8)]",
            icmp("time_exceeded", Some("exceeded_hop_limit"), None, None, Some(Quoted::Raw(8))),
        ),
        ("icmp echo_request id 7", icmp("echo_request", None, None, Some(7), None)),
        (
            "icmp unreachable net_unreachable [4294967295:4294967295(0)]",
            icmp("unreachable", Some("net_unreachable"), None, None, tcp(u32::MAX, u32::MAX)),
        ),
        (
            "icmp type_3 code_4 [...(0)]",
            Body::Icmp(Icmp {
                kind: IcmpWord::Number(3),
                code: Some(IcmpWord::Number(4)),
                mtu: None,
                id: None,
                quoted: Some(Quoted::Tcp(seq(0, 0, SeqKind::Any), None)),
            }),
        ),
        (
            "icmp source_quench [1:1(0)! /udp(1 > 2)]",
            icmp(
                "source_quench",
                None,
                None,
                None,
                Some(Quoted::Tcp(seq(1, 1, SeqKind::Literal), Some(Ports { src: 1, dst: 2 }))),
            ),
        ),
    ];
    for (text, body) in table {
        assert_eq!(packet(&format!("< {text}")).body, body, "{text}");
    }
    assert_eq!(packet("< (ttl 9) [1:1(0)] icmp redirect").ip.ttl, Some(9));
}

#[test]
fn packets_follow_each_other_without_a_mark_between() {
    let text =
        "0 < S 0:0(0) win 5 <mss 1460>\n+0 > S. 0:0(0) ack 1 <...> * > . 1:1(0) ack 1 0.5 `a`";
    assert_eq!(script(text).events.len(), 4);
}
