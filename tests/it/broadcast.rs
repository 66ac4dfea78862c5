//! Datagrams to everybody on a link, also from a host that has no address yet (RFC 1122 §3.2.1.3,
//! §3.3.6; `SO_BROADCAST` and `SO_BINDTODEVICE`).

use crate::ip::udp_bytes;
use netglass::base::{Frame, Head, IfaceId, Instant, Mac, SocketError, UdpId};
use netglass::stack::{Ethernet, Setup, Stack};
use netglass::wire::ethernet::{self, ethertype};
use netglass::wire::ipv4::{self, protocol};
use std::net::{Ipv4Addr, SocketAddr};

const NOW: Instant = Instant::ZERO;
const NEAR: Mac = Mac([2, 0, 0, 0, 0, 99]);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const IFACES: [IfaceId; 2] = [IfaceId(0), IfaceId(1)];

fn mac(iface: IfaceId) -> Mac {
    Mac([2, 0, 0, 0, 0, iface.0 as u8])
}

fn at(text: &str) -> SocketAddr {
    text.parse().expect(text)
}

/// A host with two Ethernets, on which it has these addresses.
fn host(addrs: [Option<&str>; 2]) -> Stack {
    let mut setup = Setup::new([9, 9]);
    for (iface, addr) in IFACES.into_iter().zip(addrs) {
        let any = "10.0.0.2/24".parse().expect("an address");
        let name = format!("eth{iface}");
        setup = setup.with_iface(&name, 1500, any).on_ethernet(Ethernet::new(mac(iface)));
        let given = addr.map(|addr| addr.parse().expect("an address"));
        setup.ifaces[usize::from(iface.0)].addrs = given.into_iter().collect();
    }
    Stack::new(setup)
}

/// What it sends, ARP left out: by which interface, to which Ethernet address, from and to where.
fn sent(stack: &mut Stack) -> Vec<(IfaceId, Mac, String)> {
    let mut seen = Vec::new();
    while let Some((iface, frame)) = stack.output(NOW) {
        let bytes = frame.to_vec();
        let header = ethernet::Header::parse(&bytes).expect("Ethernet");
        if header.ethertype == ethertype::IPV4 {
            let packet = &bytes[header.encoded_len()..];
            let ip = ipv4::Header::parse(packet, packet.len()).expect("IPv4");
            seen.push((iface, header.dst, format!("{} > {}", ip.src, ip.dst)));
        }
    }
    seen
}

/// A datagram from the server's port 67 comes in.
fn receive(stack: &mut Stack, iface: IfaceId, (to_mac, to): (Mac, Ipv4Addr), port: u16) {
    let mut head = Head::new();
    let mut udp = udp_bytes(67, port, b"told");
    udp[6..8].fill(0); // without a checksum
    ipv4::Header::new(SERVER, to, protocol::UDP).emit(&mut head, udp.len());
    let packet = [&head[..], &udp].concat();
    let mut head = Head::new();
    ethernet::Header { dst: to_mac, src: NEAR, tag: None, ethertype: ethertype::IPV4 }
        .emit(&mut head);
    let frame = Frame::copied(stack.pool(), &[&head[..], &packet].concat());
    stack.input(NOW, iface, frame);
}

fn received(stack: &mut Stack, id: UdpId) -> usize {
    std::iter::from_fn(|| stack.recv_from(NOW, id, &mut [0; 100]).ok()).count()
}

#[test]
fn a_host_without_an_address_talks_to_everybody() {
    let mut stack = host([None, None]);
    let id = stack.bind(NOW, at("0.0.0.0:68"), false).unwrap();
    let send = |stack: &mut Stack, to| stack.send_to(NOW, id, Some(at(to)), b"who");
    let all = "255.255.255.255:67";
    assert_eq!(send(&mut stack, all), Err(SocketError::NetworkUnreachable));
    stack.bind_device(NOW, id, Some(IfaceId(1))).unwrap();
    assert_eq!(send(&mut stack, all), Err(SocketError::AccessDenied));
    stack.set_broadcast(NOW, id, true).unwrap();
    assert_eq!(send(&mut stack, all), Ok(3));
    let everybody = "0.0.0.0 > 255.255.255.255".to_owned();
    assert_eq!(sent(&mut stack), [(IfaceId(1), Mac::BROADCAST, everybody)]);
    // One host cannot be talked to without an address.
    assert_eq!(send(&mut stack, "10.0.0.1:67"), Err(SocketError::NetworkUnreachable));
    receive(&mut stack, IfaceId(1), (Mac::BROADCAST, Ipv4Addr::BROADCAST), 68);
    assert_eq!(received(&mut stack, id), 1);
    // Another interface's is not for it, and an address that is nobody's is nobody's.
    receive(&mut stack, IfaceId(0), (Mac::BROADCAST, Ipv4Addr::BROADCAST), 68);
    receive(&mut stack, IfaceId(1), (mac(IfaceId(1)), Ipv4Addr::new(10, 0, 0, 2)), 68);
    assert_eq!(received(&mut stack, id), 0);
    let drops: Vec<_> = stack.drops().iter().filter(|(_, n)| *n > 0).collect();
    assert_eq!(drops.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["NotForUs", "UdpNoPort"]);
}

#[test]
fn broadcasts_are_sent_by_those_who_mean_it() {
    let mut stack = host([Some("10.0.0.2/24"), Some("192.0.2.2/24")]);
    let id = stack.bind(NOW, at("0.0.0.0:5000"), false).unwrap();
    for to in ["10.0.0.255:9", "192.0.2.255:9"] {
        assert_eq!(stack.send_to(NOW, id, Some(at(to)), b"x"), Err(SocketError::AccessDenied));
        assert_eq!(stack.connect_udp(NOW, id, at(to)), Err(SocketError::AccessDenied));
    }
    stack.set_broadcast(NOW, id, true).unwrap();
    assert_eq!(stack.send_to(NOW, id, Some(at("192.0.2.255:9")), b"x"), Ok(1));
    let other = "192.0.2.2 > 192.0.2.255".to_owned();
    assert_eq!(sent(&mut stack), [(IfaceId(1), Mac::BROADCAST, other)]);
    // Everybody on one of several links needs to be told which.
    let all = at("255.255.255.255:9");
    let unsent = stack.send_to(NOW, id, Some(all), b"x");
    assert_eq!(unsent, Err(SocketError::NetworkUnreachable));
    stack.bind_device(NOW, id, Some(IfaceId(0))).unwrap();
    assert_eq!(stack.send_to(NOW, id, Some(all), b"x"), Ok(1));
    let own = "10.0.0.2 > 255.255.255.255".to_owned();
    assert_eq!(sent(&mut stack), [(IfaceId(0), Mac::BROADCAST, own)]);
    // By an interface that does not lead there, nobody is reached.
    let astray = stack.send_to(NOW, id, Some(at("192.0.2.1:9")), b"x");
    assert_eq!(astray, Err(SocketError::NetworkUnreachable));
    stack.bind_device(NOW, id, None).unwrap();
    assert_eq!(stack.send_to(NOW, id, Some(at("192.0.2.1:9")), b"x"), Ok(1));
    stack.set_broadcast(NOW, id, false).unwrap();
    let denied = stack.send_to(NOW, id, Some(at("10.0.0.255:9")), b"x");
    assert_eq!(denied, Err(SocketError::AccessDenied));
}

#[test]
fn an_interface_must_be_there() {
    let mut stack = host([None, None]);
    let id = stack.bind(NOW, at("0.0.0.0:68"), false).unwrap();
    let bound = stack.bind_device(NOW, id, Some(IfaceId(2)));
    assert_eq!(bound, Err(SocketError::InvalidInput));
    assert_eq!(stack.bind_device(NOW, UdpId(77), None), Err(SocketError::BadHandle));
    assert_eq!(stack.set_broadcast(NOW, UdpId(77), true), Err(SocketError::BadHandle));
    assert_eq!(SocketError::AccessDenied.kind(), std::io::ErrorKind::PermissionDenied);
}
