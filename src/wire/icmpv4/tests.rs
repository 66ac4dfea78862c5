//! ICMP messages, written and read, against an independent implementation.

use super::*;
use crate::base::Pool;
use pnet_packet::icmp::{self, IcmpPacket};
use proptest::prelude::*;

#[test]
fn errors_are_told_from_queries() {
    let errors = (0..=255).filter(|kind| is_error(*kind)).count();
    assert_eq!(errors, 256 - 12);
    for kind in [UNREACHABLE, 4, 5, TIME_EXCEEDED, PARAMETER_PROBLEM, 99] {
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
        if bytes.len() >= 4 {
            bytes[2..4].fill(0);
            let sum = Sum::new().bytes(&bytes).finish();
            bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        if let Err(why) = Icmpv4::parse([&bytes[..]]) {
            prop_assert!(why == Why::IcmpTruncated && bytes.len() < 8, "{why}");
        }
    }
}
