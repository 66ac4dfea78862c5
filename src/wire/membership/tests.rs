//! Messages about groups, written and read, and what is refused.

use super::*;
use crate::base::Head;
use proptest::prelude::*;

fn ip(text: &str) -> IpAddr {
    text.parse().expect(text)
}

/// The header of a message that keeps to the rules.
fn header(src: &str, dst: &str) -> ip::Header {
    let new = ip::Header::new(ip(src), ip(dst), if src.contains(':') { 58 } else { 2 });
    ip::Header { ttl: HOP_LIMIT, router_alert: true, ..new }
}

fn query(version: Version, group: &str) -> Membership {
    let third = version == Version::V3;
    Membership::Query(Query {
        version,
        group: ip(group),
        max_response: Duration::from_secs(if version == Version::V1 { 0 } else { 10 }),
        robustness: if third { 2 } else { 0 },
        interval: Duration::from_secs(if third { 125 } else { 0 }),
        sources: 0,
    })
}

const V4: &str = "10.9.0.1";
const V6: &str = "fe80::1";

/// A message of either family as it is read again from its own bytes, changed by `change`.
fn read(
    message: Membership,
    records: &[Record],
    at: &str,
    change: impl FnOnce(&mut ip::Header, &mut Vec<u8>),
) -> Result<Membership, Why> {
    let dst = message.destination(ip(at));
    let mut header = header(at, &dst.to_string());
    let mut bytes = message.encode(records, header.src, dst);
    change(&mut header, &mut bytes);
    Membership::parse(&header, &bytes)
}

#[test]
fn every_message_is_read_as_it_was_written() {
    let record = |kind, group: &str| Record { kind, group: ip(group) };
    for (at, group, all) in [(V4, "239.1.2.3", "0.0.0.0"), (V6, "ff05::1:3", "::")] {
        let oldest = if at == V4 { Version::V1 } else { Version::V2 };
        let mut messages = vec![
            (query(oldest, all), "224.0.0.1", "ff02::1"),
            (query(Version::V2, group), group, group),
            (query(Version::V3, all), "224.0.0.1", "ff02::1"),
            (Membership::Report { version: oldest, group: ip(group) }, group, group),
            (Membership::Report { version: Version::V2, group: ip(group) }, group, group),
            (Membership::Leave { group: ip(group) }, "224.0.0.2", "ff02::2"),
        ];
        for (message, four, six) in messages.drain(..) {
            assert_eq!(message.destination(ip(at)), ip(if at == V4 { four } else { six }));
            assert_eq!(read(message, &[], at, |_, _| ()), Ok(message));
        }
        for kind in Kind::ALL {
            let records = [record(kind, group), record(Kind::IsExclude, group)];
            let message = Membership::Records { count: 2, first: Some(records[0]) };
            assert_eq!(read(message, &records, at, |_, _| ()), Ok(message));
        }
    }
}

/// The bytes of RFC 3376 §4.2 and RFC 3810 §5.2, checked by hand.
#[test]
fn reports_are_laid_out_as_the_rfcs_draw_them() {
    let records = [Record { kind: Kind::ToExclude, group: ip("224.0.0.251") }];
    let message = Membership::Records { count: 1, first: Some(records[0]) };
    let bytes = message.encode(&records, ip(V4), ip("224.0.0.22"));
    assert_eq!(bytes, [0x22, 0, 0xf9, 0x02, 0, 0, 0, 1, 4, 0, 0, 0, 224, 0, 0, 251]);
    let records = [Record { kind: Kind::IsExclude, group: ip("ff02::fb") }];
    let message = Membership::Records { count: 1, first: Some(records[0]) };
    let bytes = message.encode(&records, ip(V6), ip("ff02::16"));
    assert_eq!((bytes.len(), bytes[0], bytes[7], bytes[8]), (28, 143, 1, 2));
    assert_eq!(bytes[12..], "ff02::fb".parse::<Ipv6Addr>().expect("one").octets());
}

#[test]
fn hostile_messages_are_refused() {
    let all = |at| if at == V4 { "0.0.0.0" } else { "::" };
    let group = |at| if at == V4 { "239.1.2.3" } else { "ff05::1:3" };
    for at in [V4, V6] {
        let ask = query(Version::V3, all(at));
        let hops = Err(Why::GroupHops);
        assert_eq!(read(ask, &[], at, |header, _| header.ttl = 2), hops);
        assert_eq!(read(ask, &[], at, |header, _| header.router_alert = false), hops);
        // A question to everybody goes to everybody, and a group is a group.
        let wrong = Err(Why::GroupAddress);
        assert_eq!(read(ask, &[], at, |header, _| header.dst = ip(group(at))), wrong);
        let unicast = if at == V4 { "10.9.0.9" } else { "fe80::9" };
        let report = Membership::Report { version: Version::V2, group: ip(unicast) };
        assert_eq!(read(report, &[], at, |_, _| ()), wrong);
        let tell = Membership::Leave { group: ip(group(at)) };
        assert_eq!(read(tell, &[], at, |header, _| header.ttl = 255), hops);
    }
    let far = |header: &mut ip::Header, _: &mut Vec<u8>| header.src = ip("2001:db8::1");
    assert_eq!(read(query(Version::V2, "::"), &[], V6, far), Err(Why::GroupAddress));
    let nobody = |header: &mut ip::Header, _: &mut Vec<u8>| header.src = ip("::");
    assert_eq!(read(query(Version::V2, "::"), &[], V6, nobody), Err(Why::GroupAddress));
    let tell = Membership::Leave { group: ip("ff05::1:3") };
    assert_eq!(read(tell, &[], V6, nobody), Ok(tell));
    // Version 1 knew no router alert.
    let old = query(Version::V1, "0.0.0.0");
    assert_eq!(read(old, &[], V4, |header, _| header.router_alert = false), Ok(old));
    let flipped = read(old, &[], V4, |_, bytes| bytes[7] ^= 1);
    assert_eq!(flipped, Err(Why::IgmpChecksum));
}

/// Sets the checksum of an IGMP message right.
fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[2..4].fill(0);
    let sum = crate::base::checksum::Sum::new().bytes(&bytes).finish();
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    bytes
}

#[test]
fn lengths_are_checked() {
    let v4 = header(V4, "224.0.0.1");
    let v6 = header(V6, "ff02::1");
    let of4 = |bytes: &[u8]| igmp::parse(&v4, &summed(bytes.to_vec())).map(|_| ());
    let of6 = |bytes: &[u8]| mld::parse(&v6, bytes).map(|_| ());
    let short = Err(Why::GroupFormat);
    assert_eq!(igmp::parse(&v4, &[0x11, 100, 0]).map(|_| ()), short);
    assert_eq!(of4(&[0x11, 100, 0, 0, 0, 0, 0, 0, 0]), short, "neither version 2 nor 3");
    assert_eq!(of4(&[0x11, 100, 0, 0, 0, 0, 0, 0, 2, 125, 0, 1]), short, "no room for a sender");
    assert_eq!(of4(&[0x11, 100, 0, 0, 0, 0, 0, 0, 2, 125, 0, 0]), Ok(()));
    assert_eq!(of4(&[0x22, 0, 0, 0, 0, 0, 0, 1]), short, "no room for a record");
    assert_eq!(of4(&[0x22, 0, 0, 0, 0, 0, 0, 1, 4, 9, 0, 0, 224, 0, 0, 9]), short);
    assert_eq!(of4(&[0x13, 0, 0, 0, 0, 0, 0, 0]), Err(Why::IgmpType));
    assert_eq!(of6(&[]), short);
    assert_eq!(of6(&[130; 23]), short);
    assert_eq!(of6(&[&[130][..], &[0; 24]].concat()), short, "neither version 1 nor 2");
    assert_eq!(of6(&[&[130][..], &[0; 26], &[1]].concat()), short, "no room for a sender");
    assert_eq!(of6(&[&[130][..], &[0; 27]].concat()), Ok(()));
    assert_eq!(of6(&[143, 0, 0, 0, 0, 0, 0, 1]), short, "no room for a record");
    assert_eq!(of6(&[1; 24]), short);
}

#[test]
fn long_times_have_short_codes() {
    for (value, mantissa, expected) in [
        (0, 4, 0),
        (127, 4, 127),
        (128, 4, 0x80),
        (1000, 4, 0xaf),
        (31_744, 4, 0xff),
        (u32::MAX, 4, 0xff),
        (32_767, 12, 0x7fff),
        (32_768, 12, 0x8000),
        (8_387_584, 12, 0xffff),
    ] {
        assert_eq!(code(value, mantissa), expected, "{value}");
    }
    assert_eq!((decode(0xff, 4), decode(0x80, 4), decode(0xffff, 12)), (31_744, 128, 8_387_584));
}

proptest! {
    #[test]
    fn codes_say_what_they_stand_for(any: u16) {
        prop_assert_eq!(code(decode(any, 12), 12), any);
        prop_assert_eq!(code(decode(any & 255, 4), 4), any & 255);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..100), kind: prop::sample::Index,
    ) {
        if let Some(first) = bytes.first_mut() {
            *first = [0x11, 0x12, 0x16, 0x17, 0x22, 130, 131, 132, 143][kind.index(9)];
        }
        let _ = Membership::parse(&header(V6, "ff02::1"), &bytes);
        let sound = if bytes.len() > 3 { summed(bytes) } else { bytes };
        let _ = Membership::parse(&header(V4, "224.0.0.1"), &sound);
    }
}

/// The packets that carry them say so in both families.
#[test]
fn the_router_alert_goes_along() {
    for (src, dst, len) in [(V4, "224.0.0.22", 24), (V6, "ff02::16", 48)] {
        let header = header(src, dst);
        let mut head = Head::new();
        header.emit(&mut head, 8);
        assert_eq!(head.len(), len);
        let mut read = ip::Header::parse(&head, head.len() + 8).expect("a header");
        read.walk(&head).expect("good options");
        assert_eq!((read.router_alert, read.ttl, read.payload_len()), (true, 1, 8));
    }
}
