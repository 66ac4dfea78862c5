//! Messages and options, good and bad.

use super::*;
use proptest::prelude::*;

fn addr(text: &str) -> Ipv6Addr {
    text.parse().expect(text)
}

fn header(src: &str, dst: &str) -> ip::Header {
    let new = ip::Header::new(addr(src).into(), addr(dst).into(), protocol::ICMPV6);
    ip::Header { ttl: HOP_LIMIT, ..new }
}

const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);

fn solicit(target: &str, mac: Option<Mac>) -> Nd {
    Nd::NeighborSolicit { target: addr(target), mac }
}

fn advert(target: &str, solicited: bool) -> Nd {
    let (router, overrides, mac) = (false, true, Some(MAC));
    Nd::NeighborAdvert { target: addr(target), router, solicited, overrides, mac }
}

fn redirect(target: &str, dst: &str) -> Nd {
    Nd::Redirect { target: addr(target), dst: addr(dst), mac: None }
}

#[test]
fn what_is_written_is_read_where_it_may_be_said() {
    let router = Nd::RouterAdvert(RouterAdvert {
        hop_limit: 64,
        managed: true,
        other: false,
        preference: 3,
        lifetime: 1800,
        reachable: 30_000,
        retrans: 1_000,
        mac: Some(MAC),
        mtu: None,
    });
    let asks = Nd::RouterSolicit { mac: Some(MAC) };
    for (nd, src, dst, good) in [
        (asks, "fe80::1", "ff02::2", true),
        (asks, "::", "ff02::2", false),
        (Nd::RouterSolicit { mac: None }, "::", "ff02::2", true),
        (router, "fe80::1", "ff02::1", true),
        (router, "fd00::1", "ff02::1", false),
        (solicit("fd00::2", Some(MAC)), "fd00::1", "ff02::1:ff00:2", true),
        (solicit("fd00::2", Some(MAC)), "fd00::1", "fd00::2", true),
        (solicit("ff02::2", Some(MAC)), "fd00::1", "fd00::2", false),
        (solicit("fd00::2", None), "::", "ff02::1:ff00:2", true),
        (solicit("fd00::2", Some(MAC)), "::", "ff02::1:ff00:2", false),
        (solicit("fd00::2", None), "::", "fd00::2", false),
        (advert("fd00::2", true), "fd00::2", "fd00::1", true),
        (advert("fd00::2", false), "fd00::2", "ff02::1", true),
        (advert("fd00::2", true), "fd00::2", "ff02::1", false),
        (advert("ff02::2", false), "fd00::2", "ff02::1", false),
        (redirect("fe80::9", "fd01::1"), "fe80::1", "fd00::1", true),
        (redirect("fd01::1", "fd01::1"), "fe80::1", "fd00::1", true),
        (redirect("fd01::2", "fd01::1"), "fe80::1", "fd00::1", false),
        (redirect("fe80::9", "ff02::5"), "fe80::1", "fd00::1", false),
        (redirect("fe80::9", "fd01::1"), "fd00::9", "fd00::1", false),
    ] {
        let mut head = Head::new();
        nd.emit(addr(src), addr(dst), &mut head);
        let header = header(src, dst);
        let pseudo = checksum::pseudo(header.src, header.dst, protocol::ICMPV6, head.len());
        assert!(checksum::is_good(pseudo, [&head[..]]));
        let read = Nd::parse(&header, &head);
        assert_eq!(read, if good { Ok(nd) } else { Err(Why::NdAddress) }, "{nd:?} {src} {dst}");
        let far = ip::Header { ttl: 254, ..header };
        assert_eq!(Nd::parse(&far, &head), Err(Why::NdHopLimit));
        let mut coded = head.to_vec();
        coded[1] = 1;
        assert_eq!(Nd::parse(&header, &coded), Err(Why::NdFormat));
        for len in 0..fixed_len(nd.kind()) {
            assert_eq!(Nd::parse(&header, &head[..len]), Err(Why::NdFormat));
        }
    }
}

#[test]
fn a_routers_options_are_read() {
    let mut bytes = vec![134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes.extend([1, 1, 2, 0, 0, 0, 0, 9]);
    bytes.extend([5, 1, 0, 0, 0, 0, 5, 0xdc]);
    bytes.extend([3, 4, 64, 0xc0, 0, 0, 0x0e, 0x10, 0, 0, 0x07, 0x08, 0, 0, 0, 0]);
    bytes.extend(addr("2001:db8::").octets());
    bytes.extend([25, 3, 0, 0, 0, 0, 0, 60]);
    bytes.extend(addr("fe80::1").octets());
    bytes.extend([200, 1, 0, 0, 0, 0, 0, 0]);
    bytes.extend([3, 1, 64, 0xc0, 0, 0, 0, 0]); // too short for a prefix
    let prefix = Prefix {
        addr: addr("2001:db8::"),
        len: 64,
        on_link: true,
        autonomous: true,
        valid: 3600,
        preferred: 1800,
    };
    let server = addr("fe80::1").octets();
    let expected = [
        NdOption::SourceMac(MAC),
        NdOption::Mtu(1500),
        NdOption::Prefix(prefix),
        NdOption::Rdnss(60, &server),
        NdOption::Other(200),
        NdOption::Other(3),
    ];
    assert_eq!(advert_options(&bytes).collect::<Vec<_>>(), expected);
    let read = Nd::parse(&header("fe80::1", "ff02::1"), &bytes);
    let Ok(Nd::RouterAdvert(advert)) = read else { panic!("{read:?}") };
    assert_eq!((advert.lifetime, advert.mac, advert.mtu), (0x708, Some(MAC), Some(1500)));
    // An option of no length would go on for ever; one that is cut off says nothing.
    for bad in [&[1, 0, 0, 0, 0, 0, 0, 0][..], &[1, 2, 0, 0, 0, 0, 0, 0], &[1]] {
        let bytes = [&bytes[..], bad].concat();
        assert_eq!(Nd::parse(&header("fe80::1", "ff02::1"), &bytes), Err(Why::NdFormat));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(
        kind in 130u8..140, mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
        lens in proptest::collection::vec(0u8..5, 25),
    ) {
        if let [first, code, ..] = &mut bytes[..] {
            (*first, *code) = (kind, 0);
        }
        for (at, len) in (8..).step_by(8).zip(lens) {
            if let Some(byte) = bytes.get_mut(at + 1) {
                *byte = len;
            }
        }
        let header = header("fe80::1", "ff02::1");
        if let Ok(nd) = Nd::parse(&header, &bytes) {
            prop_assert!(is_nd(nd.kind()) && nd.kind() == kind);
            prop_assert!(advert_options(&bytes).count() <= bytes.len() / 8);
        }
    }
}
