//! Packets of every kind, by chance.

use super::super::super::ast::*;
use proptest::prelude::*;

pub(super) fn gre() -> impl Strategy<Value = Gre> {
    any::<(u16, u16, u16, u32, u32)>().prop_map(|(flags, sum, off, key, seq)| Gre {
        flags,
        sum,
        off,
        key,
        seq,
    })
}

pub(super) fn labels() -> impl Strategy<Value = Vec<Label>> {
    let label = (0..1u32 << 20, 0..8u8, any::<bool>(), any::<u8>())
        .prop_map(|(label, tc, bottom, ttl)| Label { label, tc, bottom, ttl });
    prop::collection::vec(label, 1..3)
}

fn info(outbound: bool) -> impl Strategy<Value = IpInfo> {
    let mut ecns = vec![Ecn::NotEct, Ecn::Ect0, Ecn::Ect1, Ecn::Ce];
    if outbound {
        ecns.push(Ecn::Ect01);
    }
    let class =
        (0..4, prop::sample::select(ecns), any::<u8>()).prop_map(|(kind, ecn, byte)| match kind {
            0 => TrafficClass::Ecn(ecn),
            1 => TrafficClass::Dscp(byte >> 2),
            2 => TrafficClass::DscpEcn(byte >> 2, ecn),
            _ => TrafficClass::Byte(byte),
        });
    let flow_label = prop::option::of(0..1u32 << 20);
    (prop::option::weighted(0.3, class), flow_label, prop::option::of(any::<u8>()))
        .prop_map(|(class, flow_label, ttl)| IpInfo { class, flow_label, ttl })
}

fn ports() -> impl Strategy<Value = Ports> {
    any::<(u16, u16)>().prop_map(|(src, dst)| Ports { src, dst })
}

fn encap(outbound: bool) -> impl Strategy<Value = Encap> {
    prop_oneof![
        (info(outbound), any::<(u32, u32)>()).prop_map(|(info, (src, dst))| Encap::Ip4 {
            info,
            src: src.into(),
            dst: dst.into()
        }),
        (info(outbound), any::<(u128, u128)>()).prop_map(|(info, (src, dst))| Encap::Ip6 {
            info,
            src: src.into(),
            dst: dst.into()
        }),
        prop::option::of(gre()).prop_map(Encap::Gre),
        labels().prop_map(Encap::Mpls),
    ]
}

fn flags() -> impl Strategy<Value = Flags> {
    (any::<[bool; 9]>(), prop::option::of(0..8u8)).prop_map(
        |([fin, syn, rst, psh, ack, urg, ece, cwr, ae], ace)| {
            let bits = ace.map_or((ece, cwr, ae), |n| (n & 1 != 0, n & 2 != 0, n & 4 != 0));
            let (ece, cwr, ae) = bits;
            Flags { fin, syn, rst, psh, ack, urg, ece, cwr, ae, ace }
        },
    )
}

fn seq(outbound: bool) -> impl Strategy<Value = Seq> {
    (any::<u32>(), any::<u16>(), 0..if outbound { 3 } else { 2 }).prop_map(|(start, len, kind)| {
        let (len, end) = (u32::from(len), start.wrapping_add(len.into()));
        match kind {
            0 => Seq { start, end, len, kind: SeqKind::Mapped },
            1 => Seq { start, end, len, kind: SeqKind::Literal },
            _ => Seq { start: 0, end: 0, len, kind: SeqKind::Any },
        }
    })
}

fn option() -> impl Strategy<Value = TcpOption> {
    let cookie = || prop::collection::vec(any::<u8>(), 0..8);
    let edge = any::<u32>;
    prop_oneof![
        Just(TcpOption::Eol),
        any::<u16>().prop_map(TcpOption::Mss),
        any::<u8>().prop_map(TcpOption::WindowScale),
        Just(TcpOption::SackOk),
        prop::collection::vec((edge(), edge()), 1..4).prop_map(TcpOption::Sack),
        (prop::option::of(edge()), edge(), any::<bool>()).prop_map(|(val, value, literal)| {
            TcpOption::Timestamps { val, ecr: Ecr { value, literal } }
        }),
        cookie().prop_map(TcpOption::FastOpen),
        cookie().prop_map(TcpOption::FastOpenExp),
        prop::collection::vec(any::<u8>(), 16)
            .prop_map(|digest| TcpOption::Md5(Md5::Digest(digest))),
        Just(TcpOption::Md5(Md5::Valid)),
        (any::<bool>(), prop::collection::vec(0..1u32 << 24, 0..4)).prop_map(|(e0b, counters)| {
            let first = if e0b { Counter::E0b } else { Counter::E1b };
            TcpOption::AccEcn(AccEcn { first, counters })
        }),
        (any::<u8>(), cookie()).prop_map(|(kind, data)| TcpOption::Other { kind, data }),
    ]
}

/// Options that fit, padded.
fn list() -> impl Strategy<Value = Options> {
    let raw = prop::collection::vec(any::<[u8; 4]>(), 1..4)
        .prop_map(|words| Options::List(vec![TcpOption::Raw(words.concat())]));
    let several = prop::collection::vec(option(), 0..4).prop_map(|mut list| {
        let len = |list: &[TcpOption]| list.iter().map(TcpOption::len).sum::<usize>();
        while len(&list) > 40 {
            list.pop();
        }
        while !len(&list).is_multiple_of(4) {
            list.push(TcpOption::Nop);
        }
        Options::List(list)
    });
    prop_oneof![1 => raw, 5 => several]
}

fn tcp(outbound: bool) -> impl Strategy<Value = Tcp> {
    let options = if outbound {
        prop_oneof![1 => Just(Options::Any), 4 => list()].boxed()
    } else {
        list().boxed()
    };
    let numbers = any::<(Option<u32>, Option<u32>, Option<u16>, Option<u16>)>();
    (prop::option::of(ports()), flags(), seq(outbound), numbers, options).prop_map(
        move |(ports, flags, seq, (psp, ack, window, urgent), options)| {
            let window = if outbound { window } else { window.or(Some(0)) };
            Tcp { psp, ports, flags, seq, ack, window, urgent, options }
        },
    )
}

fn icmp() -> impl Strategy<Value = Icmp> {
    let names = vec![
        ("unreachable", Some("frag_needed")),
        ("unreachable", Some("no_route")),
        ("packet_too_big", None),
        ("time_exceeded", Some("ttl_exceeded_in_transit")),
        ("type_42", Some("code_7")),
    ];
    let word = |text: &str| match text.split_once('_').map(|(_, number)| number.parse()) {
        Some(Ok(number)) => IcmpWord::Number(number),
        _ => IcmpWord::Name(text.to_owned()),
    };
    let quoted = prop_oneof![
        (seq(true), prop::option::of(ports())).prop_map(|(seq, ports)| Quoted::Tcp(seq, ports)),
        (0..65536u32).prop_map(Quoted::Udp),
        (0..65536u32).prop_map(Quoted::Raw),
    ];
    let numbers = any::<(Option<u32>, Option<u16>)>();
    (prop::sample::select(names), numbers, prop::option::of(quoted)).prop_map(
        move |((kind, code), (mtu, id), quoted)| Icmp {
            kind: word(kind),
            code: code.map(word),
            mtu,
            id,
            quoted,
        },
    )
}

fn packet(outbound: bool) -> impl Strategy<Value = Packet> {
    let body = prop_oneof![
        4 => tcp(outbound).prop_map(Body::Tcp),
        1 => (prop::option::of(ports()), any::<u16>())
            .prop_map(|(ports, len)| Body::Udp(Udp { ports, len })),
        1 => icmp().prop_map(Body::Icmp),
    ];
    let encap = prop::collection::vec(encap(outbound), 0..2);
    (encap, info(outbound), body, prop::option::weighted(0.1, ports())).prop_map(
        move |(encap, ip, body, udp_encap)| {
            let direction = if outbound { Direction::Outbound } else { Direction::Inbound };
            Packet { direction, encap, ip, body, udp_encap }
        },
    )
}

pub(super) fn inbound() -> impl Strategy<Value = Packet> {
    packet(false)
}

pub(super) fn outbound() -> impl Strategy<Value = Packet> {
    packet(true)
}
