//! Messages read and written, and garbage.

use super::*;
use proptest::prelude::*;

const MAC: Mac = Mac([2, 0, 0, 0, 0, 7]);

fn ack() -> Message {
    let mut message = Message::new(Kind::Ack, 0x1234_5678, MAC);
    (message.reply, message.secs, message.broadcast) = (true, 7, true);
    message.yiaddr = Ipv4Addr::new(10, 9, 0, 57);
    message.options = Options::default()
        .with(code::SUBNET_MASK, &[255, 255, 255, 0])
        .with(code::LEASE_TIME, &20_u32.to_be_bytes())
        .with(code::NAME_SERVERS, &[10, 9, 0, 1, 10, 9, 0, 2, 77]);
    message
}

/// A message with these bytes as options, and in the fields `file` and `sname`.
fn raw(options: &[u8], file: &[u8], sname: &[u8]) -> Vec<u8> {
    let mut bytes = ack().encode();
    bytes.truncate(FIXED + MAGIC.len());
    bytes[FILE][..file.len()].copy_from_slice(file);
    bytes[SNAME][..sname.len()].copy_from_slice(sname);
    bytes.extend(options);
    bytes
}

#[test]
fn fields_are_where_the_rfc_has_them() {
    let bytes = ack().encode();
    assert_eq!(bytes.len(), 300);
    assert_eq!(bytes[..12], [2, 1, 6, 0, 0x12, 0x34, 0x56, 0x78, 0, 7, 0x80, 0]);
    assert_eq!((&bytes[16..20], &bytes[28..34]), (&[10, 9, 0, 57][..], &MAC.0[..]));
    assert_eq!(bytes[236..244], [99, 130, 83, 99, 53, 1, 5, 1]);
    let read = Message::parse(&bytes).expect("a message");
    assert_eq!(read, ack());
    assert_eq!(read.options.addr(code::SUBNET_MASK), Some(Ipv4Addr::new(255, 255, 255, 0)));
    assert_eq!(read.options.number(code::LEASE_TIME), Some(20));
    assert_eq!(read.options.addrs(code::NAME_SERVERS).count(), 2);
    assert_eq!(read.options.number(code::NAME_SERVERS), None);
    for kind in Kind::ALL {
        let message = Message { kind, ..ack() };
        assert_eq!(Message::parse(&message.encode()).as_ref(), Ok(&message), "{kind}");
    }
}

#[test]
fn options_in_pieces_are_one() {
    let mut long = ack();
    let value: Vec<u8> = (0..=255).cycle().take(700).collect();
    long.options = long.options.with(code::CLASSLESS_ROUTES, &value);
    assert_eq!(Message::parse(&long.encode()), Ok(long));
    // RFC 3396 §5: options, then file, then sname.
    let bytes = raw(&[53, 1, 5, 52, 1, 3, 15, 1, b'a', 255], &[15, 1, b'b', 255], &[15, 1, b'c']);
    let read = Message::parse(&bytes).expect("a message");
    assert_eq!(read.options.get(code::DOMAIN_NAME), Some(&b"abc"[..]));
    // Only the fields that are said to carry options do, and what they say of others counts not.
    for (which, expected) in [(1, "ab"), (2, "ac")] {
        let options = [53, 1, 5, 52, 1, which, 15, 1, b'a', 255];
        let fields = [[52, 1, 3, 15, 1, b'b', 255], [52, 1, 3, 15, 1, b'c', 255]];
        let read = Message::parse(&raw(&options, &fields[0], &fields[1])).expect("a message");
        assert_eq!(read.options.get(code::DOMAIN_NAME), Some(expected.as_bytes()));
    }
    // The type may be there, too.
    let read = Message::parse(&raw(&[52, 1, 1, 255], &[53, 1, 6, 255], &[]));
    assert_eq!(read.map(|message| message.kind), Ok(Kind::Nak));
}

#[test]
fn garbage_is_told_apart() {
    let good = ack().encode();
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    for (bytes, why) in [
        (Vec::new(), Ignored::Short),
        (good[..235].to_vec(), Ignored::Short),
        (good[..239].to_vec(), Ignored::Magic),
        (changed(236, 0), Ignored::Magic),
        (changed(0, 3), Ignored::NotEthernet),
        (changed(1, 6), Ignored::NotEthernet),
        (changed(2, 16), Ignored::NotEthernet),
        (raw(&[53, 1, 9, 255], &[], &[]), Ignored::Kind),
        (raw(&[53, 2, 5, 5, 255], &[], &[]), Ignored::Kind),
        (raw(&[53, 1, 5, 53, 1, 5], &[], &[]), Ignored::Kind),
        (raw(&[], &[], &[]), Ignored::Bootp),
        (raw(&[255, 53, 1, 5], &[], &[]), Ignored::Bootp),
        (raw(&[53, 1, 5, 1], &[], &[]), Ignored::OptionLength),
        (raw(&[53, 1, 5, 1, 4, 0, 0, 0], &[], &[]), Ignored::OptionLength),
        (raw(&[53, 1, 5, 52, 1, 1, 255], &[1, 250], &[]), Ignored::OptionLength),
        (raw(&[53, 1, 5, 52, 1, 4, 255], &[], &[]), Ignored::Overload),
        (raw(&[53, 1, 5, 52, 0, 255], &[], &[]), Ignored::Overload),
    ] {
        assert_eq!(Message::parse(&bytes), Err(why), "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn whatever_comes_is_read_or_refused(
        edits in proptest::collection::vec((0usize..400, any::<u8>()), 0..12),
        cut in 0usize..400,
        tail in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut bytes = ack().encode();
        for (at, byte) in edits {
            let len = bytes.len();
            bytes[at % len] = byte;
        }
        bytes.truncate(cut.max(200));
        bytes.extend(tail);
        if let Ok(message) = Message::parse(&bytes) {
            // What was read can be said again, and means the same.
            prop_assert_eq!(Message::parse(&message.encode()), Ok(message));
        }
    }
}
