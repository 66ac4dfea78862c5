//! What servers grant, and what they would like to grant.

use super::*;
use crate::app::dhcp::message::{Kind, Options};
use crate::base::Mac;

fn ack(yiaddr: [u8; 4], change: impl FnOnce(Options) -> Options) -> Message {
    let mut message = Message::new(Kind::Ack, 1, Mac([2, 0, 0, 0, 0, 7]));
    (message.reply, message.yiaddr) = (true, yiaddr.into());
    let options = Options::default()
        .with(code::SERVER_ID, &[10, 9, 0, 1])
        .with(code::SUBNET_MASK, &[255, 255, 255, 0])
        .with(code::LEASE_TIME, &[0, 0, 0, 160]);
    message.options = change(options);
    message
}

fn read(change: impl FnOnce(Options) -> Options) -> Result<Lease, Ignored> {
    Lease::read(&ack([10, 9, 0, 57], change))
}

fn routes(lease: &Lease) -> String {
    let show = |via: &Via| match via.router {
        Some(router) => format!("{} via {router}", via.dst),
        None => via.dst.to_string(),
    };
    lease.routes.iter().map(show).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_address_and_its_network() {
    for (yiaddr, mask, expected) in [
        ([10, 9, 0, 57], Some(&[255, 255, 255, 0][..]), Ok("10.9.0.57/24")),
        ([10, 9, 0, 57], Some(&[255, 255, 255, 255]), Ok("10.9.0.57/32")),
        ([10, 9, 0, 57], Some(&[255, 255, 255, 254]), Ok("10.9.0.57/31")),
        ([10, 9, 0, 57], Some(&[128, 0, 0, 0]), Ok("10.9.0.57/1")),
        ([10, 9, 0, 57], None, Ok("10.9.0.57/8")),
        ([172, 16, 0, 57], None, Ok("172.16.0.57/16")),
        ([192, 168, 1, 57], None, Ok("192.168.1.57/24")),
        ([10, 9, 0, 57], Some(&[0; 4]), Err(Ignored::Mask)),
        ([10, 9, 0, 57], Some(&[255, 0, 255, 0]), Err(Ignored::Mask)),
        ([10, 9, 0, 57], Some(&[255, 255, 255]), Err(Ignored::Mask)),
        ([10, 9, 0, 0], Some(&[255, 255, 255, 0]), Err(Ignored::Address)),
        ([10, 9, 0, 255], Some(&[255, 255, 255, 0]), Err(Ignored::Address)),
        ([0; 4], Some(&[255, 255, 255, 0]), Err(Ignored::Address)),
        ([127, 0, 0, 1], Some(&[255, 0, 0, 0]), Err(Ignored::Address)),
        ([224, 0, 0, 9], Some(&[255, 255, 255, 0]), Err(Ignored::Address)),
        ([255; 4], Some(&[255, 255, 255, 0]), Err(Ignored::Address)),
    ] {
        let mut message = ack(yiaddr, |options| options);
        message.options = Options::default()
            .with(code::SERVER_ID, &[10, 9, 0, 1])
            .with(code::LEASE_TIME, &[0, 0, 0, 160]);
        if let Some(mask) = mask {
            message.options = message.options.with(code::SUBNET_MASK, mask);
        }
        let lease = Lease::read(&message).map(|lease| lease.addr.to_string());
        assert_eq!(lease.as_deref(), expected.as_ref().map(|text| *text), "{yiaddr:?} {mask:?}");
    }
    for server in [&[0, 0, 0, 0][..], &[224, 0, 0, 1], &[127, 0, 0, 1], &[10, 9, 0], &[]] {
        let result = read(|options| options.with(code::SERVER_ID, server));
        assert_eq!(result, Err(Ignored::NoServer));
    }
}

#[test]
fn times_are_the_servers_when_they_make_sense() {
    for (time, t1, t2, expected) in [
        (160, None, None, Ok((160, 80, 140))),
        (20, None, None, Ok((20, 10, 17))),
        (120, Some(10), Some(60), Ok((120, 10, 60))),
        (120, Some(10), None, Ok((120, 10, 105))),
        (120, None, Some(90), Ok((120, 60, 90))),
        (120, None, Some(30), Ok((120, 60, 105))),
        (120, Some(110), None, Ok((120, 60, 105))),
        (120, Some(60), Some(30), Ok((120, 60, 105))),
        (120, Some(120), Some(120), Ok((120, 60, 105))),
        (120, Some(0), Some(0), Ok((120, 60, 105))),
        (0, None, None, Err(Ignored::LeaseTime)),
        (9, None, None, Err(Ignored::LeaseTime)),
        (10, None, None, Ok((10, 5, 8))),
    ] {
        let number = |options: Options, code, value: Option<u32>| match value {
            Some(value) => options.with(code, &value.to_be_bytes()),
            None => options,
        };
        let lease = read(|options| {
            let options = number(options, code::LEASE_TIME, Some(time));
            let options = number(options, code::RENEWAL_TIME, t1);
            number(options, code::REBINDING_TIME, t2)
        });
        let times = lease.map(|lease| {
            let (t1, t2) = lease.renewal.expect("it ends");
            (lease.time.expect("it ends").as_secs(), t1.as_secs(), t2.as_secs())
        });
        assert_eq!(times, expected, "{time} {t1:?} {t2:?}");
    }
    let forever = read(|options| options.with(code::LEASE_TIME, &[255; 4])).expect("a lease");
    assert_eq!((forever.time, forever.renewal), (None, None));
    let cut = read(|options| options.with(code::LEASE_TIME, &[0, 1]));
    assert_eq!(cut, Err(Ignored::LeaseTime));
}

#[test]
fn routers_are_on_the_link() {
    for (routers, expected) in [
        (&[10, 9, 0, 1][..], "0.0.0.0/0 via 10.9.0.1"),
        (&[10, 9, 0, 1, 10, 9, 0, 2], "0.0.0.0/0 via 10.9.0.1"),
        (
            &[0, 0, 0, 0, 10, 8, 0, 1, 10, 9, 0, 57, 10, 9, 0, 255, 10, 9, 0, 2],
            "0.0.0.0/0 via 10.9.0.2",
        ),
        (&[0, 0, 0, 0], ""),
        (&[10, 8, 0, 1], ""),
        (&[10, 9], ""),
    ] {
        let lease = read(|options| options.with(code::ROUTERS, routers)).expect("a lease");
        assert_eq!(routes(&lease), expected, "{routers:?}");
    }
}

#[test]
fn classless_routes_come_before_routers() {
    for (bytes, expected) in [
        // RFC 3442's shapes.
        (&[0, 10, 9, 0, 1][..], "0.0.0.0/0 via 10.9.0.1"),
        (&[16, 10, 17, 10, 9, 0, 1], "10.17.0.0/16 via 10.9.0.1"),
        (&[25, 10, 27, 129, 0, 10, 9, 0, 2], "10.27.129.0/25 via 10.9.0.2"),
        (&[32, 10, 8, 0, 1, 0, 0, 0, 0, 0, 10, 8, 0, 1], "10.8.0.1/32, 0.0.0.0/0 via 10.8.0.1"),
        (&[24, 10, 8, 7, 10, 9, 0, 1, 24, 10, 8, 7, 10, 9, 0, 2], "10.8.7.0/24 via 10.9.0.1"),
        // Bits behind the prefix mean nothing; routers that are not there, everything on the link,
        // groups and the host itself are left out.
        (&[20, 10, 8, 255, 10, 9, 0, 1], "10.8.240.0/20 via 10.9.0.1"),
        (&[0, 10, 8, 0, 1, 16, 10, 7, 10, 9, 0, 3], "10.7.0.0/16 via 10.9.0.3"),
        (&[0, 0, 0, 0, 0], ""),
        (&[4, 224, 10, 9, 0, 1], ""),
        (&[8, 127, 10, 9, 0, 1], ""),
        (&[0, 10, 9, 0, 57], ""),
        (&[24, 10, 9, 0, 10, 9, 0, 1, 32, 10, 9, 0, 57, 10, 9, 0, 1], ""),
        (
            &[1, 0, 10, 9, 0, 1, 1, 128, 10, 9, 0, 1],
            "0.0.0.0/1 via 10.9.0.1, 128.0.0.0/1 via 10.9.0.1",
        ),
        // Not readable: the router counts.
        (&[33, 1, 2, 3, 4, 5, 10, 9, 0, 1], "0.0.0.0/0 via 10.9.0.254"),
        (&[24, 10, 8, 7, 10, 9, 0], "0.0.0.0/0 via 10.9.0.254"),
        (&[24], "0.0.0.0/0 via 10.9.0.254"),
        (&[], "0.0.0.0/0 via 10.9.0.254"),
    ] {
        let lease = read(|options| {
            let options = options.with(code::ROUTERS, &[10, 9, 0, 254]);
            options.with(code::CLASSLESS_ROUTES, bytes)
        });
        assert_eq!(routes(&lease.expect("a lease")), expected, "{bytes:?}");
    }
    let many: Vec<u8> = (0..200).flat_map(|n| [24, 10, 100, n, 10, 9, 0, 1]).collect();
    let lease = read(|options| options.with(code::CLASSLESS_ROUTES, &many)).expect("a lease");
    assert_eq!(lease.routes.len(), ROUTES_MAX);
}

#[test]
fn the_rest_is_taken_as_far_as_it_can_be_used() {
    let lease = read(|options| {
        let servers = [10, 9, 0, 1, 0, 0, 0, 0, 10, 9, 0, 1, 255, 255, 255, 255, 8, 8, 8, 8, 9];
        let options = options.with(code::NAME_SERVERS, &servers);
        let options = options.with(code::DOMAIN_NAME, b"Lan.Test.\0");
        options.with(code::INTERFACE_MTU, &[5, 120])
    });
    let lease = lease.expect("a lease");
    assert_eq!(lease.dns, [Ipv4Addr::new(10, 9, 0, 1), Ipv4Addr::new(8, 8, 8, 8)]);
    assert_eq!((lease.domain.as_deref(), lease.mtu), (Some("lan.test"), Some(1400)));
    for name in [&b""[..], b"a..b", b"\x1b[31m", b"a b", &[b'a'; 64], &[0xff]] {
        let lease = read(|options| options.with(code::DOMAIN_NAME, name)).expect("a lease");
        assert_eq!(lease.domain, None, "{name:?}");
    }
    for mtu in [&[2, 63][..], &[0, 68], &[5], &[0, 0, 5, 120]] {
        let lease = read(|options| options.with(code::INTERFACE_MTU, mtu)).expect("a lease");
        assert_eq!(lease.mtu, None, "{mtu:?}");
    }
    let many = [9; 400];
    let lease = read(|options| options.with(code::NAME_SERVERS, &many)).expect("a lease");
    assert_eq!(lease.dns.len(), 1);
}
