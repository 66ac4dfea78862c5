//! ICMP messages, written and read, against an independent implementation.

use super::*;
use crate::base::Pool;
use pnet_packet::icmp::{self, IcmpPacket};
use proptest::prelude::*;

fn quoted(proto: u8, transport: [u8; 8]) -> Quoted {
    let addr = |host| IpAddr::from([10, 9, 0, host]);
    Quoted { src: addr(1), dst: addr(2), proto, transport }
}

/// The packet that [`quoted`] quotes, as short as a router may cut it.
fn quotation(proto: u8, transport: [u8; 8], change: impl FnOnce(&mut ipv4::Header)) -> Vec<u8> {
    let mut header = ipv4::Header::new([10, 9, 0, 1].into(), [10, 9, 0, 2].into(), proto);
    change(&mut header);
    let mut head = Head::new();
    header.emit(&mut head, 1000);
    [&head[..], &transport[..]].concat()
}

#[test]
fn lines_read_as_tcpdump_prints_them() {
    let udp = Some(quoted(protocol::UDP, [0x82, 0x35, 0, 9, 0, 8, 0, 0]));
    let tcp = Some(quoted(protocol::TCP, [0x82, 0x35, 0, 80, 0, 0, 0, 0]));
    let unreachable = |code, mtu| Icmpv4::Unreachable { code, mtu };
    for (message, quoted, len, line) in [
        (Icmpv4::EchoRequest { id: 7, seq: 1 }, None, 64, "echo request, id 7, seq 1, length 64"),
        (Icmpv4::EchoReply { id: 7, seq: 1 }, None, 64, "echo reply, id 7, seq 1, length 64"),
        (unreachable(0, 0), udp, 36, "net 10.9.0.2 unreachable, length 36"),
        (unreachable(1, 0), udp, 36, "host 10.9.0.2 unreachable, length 36"),
        (unreachable(2, 0), udp, 36, "10.9.0.2 protocol 17 unreachable, length 36"),
        (unreachable(3, 0), udp, 36, "10.9.0.2 udp port 9 unreachable, length 36"),
        (unreachable(3, 0), tcp, 36, "10.9.0.2 tcp port 80 unreachable, length 36"),
        (unreachable(3, 0), None, 36, "port unreachable, length 36"),
        (
            unreachable(4, 1400),
            tcp,
            36,
            "10.9.0.2 unreachable - need to frag (mtu 1400), length 36",
        ),
        (
            unreachable(13, 0),
            tcp,
            36,
            "host 10.9.0.2 unreachable - admin prohibited filter, length 36",
        ),
        (Icmpv4::TimeExceeded { code: 0 }, udp, 36, "time exceeded in-transit, length 36"),
        (Icmpv4::TimeExceeded { code: 1 }, udp, 36, "ip reassembly time exceeded, length 36"),
        (
            Icmpv4::ParameterProblem { pointer: 20 },
            udp,
            36,
            "parameter problem - octet 20, length 36",
        ),
        (Icmpv4::Other { kind: 99, code: 0 }, None, 8, "type-#99, length 8"),
    ] {
        assert_eq!(message.line(quoted, len).to_string(), format!("ICMP {line}"));
    }
    assert_eq!(Icmpv4::EchoRequest { id: 7, seq: 1 }.to_string(), "ICMP echo request, id 7, seq 1");
}

#[test]
fn errors_are_told_from_queries() {
    let errors = (0..=255).filter(|kind| is_error(*kind)).count();
    assert_eq!(errors, 256 - 12);
    for kind in [UNREACHABLE, SOURCE_QUENCH, REDIRECT, TIME_EXCEEDED, PARAMETER_PROBLEM, 99] {
        assert!(is_error(kind), "{kind}");
    }
    assert!(!Icmpv4::EchoRequest { id: 0, seq: 0 }.is_error());
}

#[test]
fn sockets_hear_of_unreachable_destinations() {
    let told = |code| Icmpv4::Unreachable { code, mtu: 0 }.socket_error();
    for (code, error) in [
        (0, SocketError::NetworkUnreachable),
        (1, SocketError::HostUnreachable),
        (2, SocketError::Refused),
        (3, SocketError::Refused),
        (4, SocketError::MessageTooLong),
        (9, SocketError::NetworkUnreachable),
        (13, SocketError::HostUnreachable),
    ] {
        assert_eq!(told(code), Some(error), "{code}");
    }
    assert_eq!(Icmpv4::TimeExceeded { code: 0 }.socket_error(), None);
    assert_eq!(Icmpv4::EchoReply { id: 1, seq: 1 }.socket_error(), None);
}

#[test]
fn quotations_may_end_after_eight_bytes() {
    let transport = [0x82, 0x35, 0, 80, 1, 2, 3, 4];
    let bytes = quotation(protocol::TCP, transport, |_| ());
    let read = Quoted::parse(&bytes).expect("a quotation");
    assert_eq!(read, quoted(protocol::TCP, transport));
    assert_eq!((read.ports(), read.seq()), (Some((33333, 80)), Some(Seq(0x0102_0304))));
    let udp = quoted(protocol::UDP, transport);
    assert_eq!((udp.ports(), udp.seq()), (Some((33333, 80)), None));
    assert_eq!(quoted(protocol::ICMP, transport).ports(), None);

    for cut in 0..bytes.len() {
        assert_eq!(Quoted::parse(&bytes[..cut]), Err(Why::IcmpTruncated), "{cut}");
    }
    let later = quotation(protocol::TCP, transport, |h| h.offset = 8);
    assert_eq!(Quoted::parse(&later), Err(Why::IcmpNoSocket));
    let mut six = bytes.clone();
    six[0] = 0x65;
    assert_eq!(Quoted::parse(&six), Err(Why::IcmpTruncated));
    let mut options = bytes.clone();
    options[0] = 0x46;
    assert_eq!(Quoted::parse(&options), Err(Why::IcmpTruncated));
    options.splice(20..20, [1, 1, 1, 0]);
    assert_eq!(Quoted::parse(&options), Ok(read));
}

fn message() -> impl Strategy<Value = Icmpv4> {
    let echo = any::<(bool, u16, u16)>().prop_map(|(request, id, seq)| match request {
        true => Icmpv4::EchoRequest { id, seq },
        false => Icmpv4::EchoReply { id, seq },
    });
    let unreachable = any::<(u8, u16)>().prop_map(|(code, mtu)| Icmpv4::Unreachable {
        code: code % 16,
        mtu: if code % 16 == 4 { mtu } else { 0 },
    });
    prop_oneof![
        echo,
        unreachable,
        any::<u8>().prop_map(|code| Icmpv4::TimeExceeded { code }),
        any::<u8>().prop_map(|pointer| Icmpv4::ParameterProblem { pointer }),
        (13u8..=18, any::<u8>()).prop_map(|(kind, code)| Icmpv4::Other { kind, code }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_by_us_and_by_others(
        message in message(),
        body in proptest::collection::vec(any::<u8>(), 0..100),
        cut: usize,
        flip: usize,
    ) {
        let pool = Pool::new();
        let (a, b) = body.split_at(cut % (body.len() + 1));
        let mut chunks = Chunks::from(pool.copy(a));
        chunks.push(pool.copy(b));
        let mut head = Head::new();
        message.emit(&mut head, &chunks);
        prop_assert_eq!(head.len(), HEADER_LEN);
        prop_assert_eq!(Icmpv4::parse([&[], &head[..], a, b]), Ok(message));

        let mut bytes = [&head[..], &body].concat();
        let theirs = IcmpPacket::new(&bytes).expect("a header");
        prop_assert_eq!(theirs.get_checksum(), icmp::checksum(&theirs));
        let kind_and_code = (theirs.get_icmp_type().0, theirs.get_icmp_code().0);
        prop_assert_eq!(kind_and_code, message.kind_and_code());

        let bit = flip % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(Icmpv4::parse([&bytes[..]]), Err(Why::IcmpChecksum));
    }

    #[test]
    fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = Quoted::parse(&bytes);
        if let Some(first) = bytes.first_mut() {
            *first = 0x40 | (*first & 15);
        }
        let quoted = Quoted::parse(&bytes).ok();
        if bytes.len() >= 4 {
            bytes[2..4].fill(0);
            let sum = Sum::new().bytes(&bytes).finish();
            bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        match Icmpv4::parse([&bytes[..]]) {
            Ok(message) => {
                let line = message.line(quoted, bytes.len()).to_string();
                prop_assert!(line.starts_with("ICMP "));
            }
            Err(why) => prop_assert!(why == Why::IcmpTruncated && bytes.len() < 8, "{why}"),
        }
    }
}
