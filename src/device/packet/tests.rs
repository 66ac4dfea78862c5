//! A packet socket on one end of a virtual Ethernet in a private namespace; the kernel, or another
//! packet socket, has the other end.

use super::*;
use crate::base::{Checksum, Offload};
use crate::sys::ifconfig::tests::in_namespace;
use crate::sys::poll::{Interest, Wake, wait};
use etherparse::PacketBuilder;
use nix::sys::socket::{setsockopt, sockopt};
use std::net::UdpSocket;
use std::process::Command;

const MAC: Mac = Mac([2, 0, 0x5e, 0x10, 0, 1]);
const OTHER: Mac = Mac([2, 0, 0x5e, 0x10, 0, 2]);
const MTU: usize = 1500;

fn ip(args: &str) {
    let done = Command::new("ip").args(args.split_whitespace()).status().expect("ip runs");
    assert!(done.success(), "ip {args}");
}

/// In a namespace with the cable wire0 -- wire1: Linux has 10.9.0.1 at wire0 and knows `MAC` as
/// 10.9.0.2, and it has 10.9.1.1 at wire1.
fn on_a_cable(name: &str, body: impl FnOnce(&Pool)) {
    if Command::new("ip").arg("-V").output().is_err() {
        println!("skipped: ip is not installed");
        return;
    }
    in_namespace(&format!("device::packet::tests::{name}"), || {
        ip("link add wire0 type veth peer name wire1");
        ip("addr add 10.9.0.1/24 dev wire0");
        ip("addr add 10.9.1.1/24 broadcast + dev wire1");
        ip("link set wire0 up");
        ip("link set wire1 up");
        carries("wire0");
        carries("wire1");
        ip(&format!("neigh add 10.9.0.2 lladdr {MAC} dev wire0"));
        ip(&format!("neigh add 10.9.0.3 lladdr {OTHER} dev wire0"));
        body(&Pool::new());
    });
}

/// Waits until an interface carries packets: the kernel notices some time after both ends are up.
fn carries(name: &str) {
    for _ in 0..1000 {
        let shown = Command::new("ip").args(["-o", "link", "show", name]).output().expect("ip");
        if String::from_utf8_lossy(&shown.stdout).contains("state UP") {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{name} stays down");
}

fn attach(name: &str) -> Packet {
    Packet::attach(name, MAC, MTU).expect("a packet socket")
}

/// The next frame that carries UDP; the kernel has things of its own to say, too.
fn next_udp(device: &mut Packet, pool: &Pool) -> Frame {
    let wake = Wake::new().expect("an eventfd");
    for _ in 0..100 {
        while let Some(frame) = device.receive(pool).expect("the interface is up") {
            let bytes = frame.front();
            if bytes.len() >= 42 && bytes[12..15] == [8, 0, 0x45] && bytes[23] == 17 {
                return frame;
            }
        }
        let on = device.descriptor().map(|fd| (fd, Interest::Read));
        wait(on, &wake, Some(Duration::from_millis(100))).expect("polled");
    }
    panic!("nothing arrived");
}

fn payload(frame: &Frame) -> Vec<u8> {
    frame.to_vec()[42..].to_vec()
}

fn socket(addr: &str) -> UdpSocket {
    let socket = UdpSocket::bind((addr, 0)).expect("bound");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
    socket
}

/// A datagram to the kernel at wire0, or whoever else has an address.
fn datagram(dst: [u8; 6], tag: &[u8], port: u16, payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(MAC.0, dst).ipv4([10, 9, 0, 2], [10, 9, 0, 1], 64);
    let mut bytes = Vec::new();
    builder.udp(4000, port).write(&mut bytes, payload).expect("a vector takes all");
    bytes.splice(12..12, tag.iter().copied());
    bytes
}

fn mac_of(name: &str) -> Mac {
    usable(name).expect("it is there").mac.expect("an Ethernet")
}

#[test]
fn frames_cross_to_the_kernel_and_back() {
    on_a_cable("frames_cross_to_the_kernel_and_back", |pool| {
        let mut device = attach("wire1");
        let (kernel, to) = (socket("10.9.0.1"), mac_of("wire0"));
        let port = kernel.local_addr().expect("bound").port();
        let frame = Frame::copied(pool, &datagram(to.0, &[], port, b"hello"));
        assert!(device.transmit(&frame).expect("sent"));
        let mut got = [0; 100];
        let (n, from) = kernel.recv_from(&mut got).expect("the kernel took it");
        assert_eq!((&got[..n], from.to_string()), (&b"hello"[..], "10.9.0.2:4000".to_owned()));
        kernel.send_to(b"and back", from).expect("sent");
        let frame = next_udp(&mut device, pool);
        assert_eq!(payload(&frame), b"and back");
        // Nobody has computed a checksum on this cable.
        let offload = Offload { gso: None, checksum: Checksum::Partial };
        assert_eq!(frame.offload, offload);
        assert_eq!(device.gauge().read(), Losses::default());
        let mut long = Frame::copied(pool, &datagram(to.0, &[], port, &[0; 1500]));
        let refused = device.transmit(&long).expect_err("too long");
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        long.offload.checksum = Checksum::Partial;
        long.truncate(30);
        assert!(device.transmit(&long).is_err(), "nobody can tell where the checksum is");
    });
}

#[test]
fn datagrams_that_come_as_one_are_taken_apart() {
    on_a_cable("datagrams_that_come_as_one_are_taken_apart", |pool| {
        let mut device = attach("wire1");
        let kernel = socket("10.9.0.1");
        setsockopt(&kernel, sockopt::UdpGsoSegment, &1000).expect("Linux 4.18");
        kernel.send_to(&[7; 2500], "10.9.0.2:9").expect("sent");
        for len in [1000, 1000, 500] {
            let frame = next_udp(&mut device, pool);
            assert_eq!(payload(&frame), vec![7; len]);
            assert_eq!(frame.offload, Offload::default(), "complete");
            let bytes = frame.to_vec();
            let sliced = etherparse::SlicedPacket::from_ethernet(&bytes).expect("a frame");
            let (Some(net), Some(etherparse::TransportSlice::Udp(udp))) =
                (sliced.net, sliced.transport)
            else {
                panic!("a datagram");
            };
            let header = udp.to_header();
            let ip = net.ipv4_ref().expect("IPv4").header().to_header();
            let sum = header.calc_checksum_ipv4(&ip, udp.payload()).expect("short enough");
            assert_eq!(header.checksum, sum);
        }
    });
}

#[test]
fn what_is_not_for_us_is_not_seen() {
    on_a_cable("what_is_not_for_us_is_not_seen", |pool| {
        let mut device = attach("wire1");
        let kernel = socket("10.9.0.1");
        kernel.set_broadcast(true).expect("set");
        kernel.send_to(b"for another", "10.9.0.3:9").expect("sent");
        // Linux itself sends by this interface.
        let beside = socket("10.9.1.1");
        beside.set_broadcast(true).expect("set");
        beside.send_to(b"from beside us", "10.9.1.255:9").expect("sent");
        device.transmit(&Frame::copied(pool, &datagram([0xff; 6], &[], 9, b"ours"))).expect("sent");
        kernel.send_to(b"for all", "255.255.255.255:9").expect("sent");
        assert_eq!(payload(&next_udp(&mut device, pool)), b"for all");
        kernel.send_to(b"for us", "10.9.0.2:9").expect("sent");
        assert_eq!(payload(&next_udp(&mut device, pool)), b"for us");
        assert_eq!(device.gauge().read(), Losses::default());
    });
}

#[test]
fn tagged_frames_are_lost_and_counted() {
    on_a_cable("tagged_frames_are_lost_and_counted", |pool| {
        let mut device = attach("wire1");
        let mut peer = Packet::attach("wire0", OTHER, MTU).expect("a packet socket");
        for (tag, text) in
            [(&[0x81, 0, 0, 10][..], &b"of VLAN 10"[..]), (&[0x81, 0, 0x60, 0], b"urgent")]
        {
            let frame = Frame::copied(pool, &datagram(MAC.0, tag, 9, text));
            assert!(peer.transmit(&frame).expect("sent"));
        }
        assert_eq!(payload(&next_udp(&mut device, pool)), b"urgent", "VLAN 0 is none");
        assert_eq!(device.gauge().read(), Losses { tagged: 1, ..Losses::default() });
        assert_eq!(device.gauge().read().total(), 1, "read once and again");
    });
}

#[test]
fn what_is_not_read_is_counted() {
    on_a_cable("what_is_not_read_is_counted", |pool| {
        let mut device = attach("wire1");
        let kernel = socket("10.9.0.1");
        let gauge = device.gauge();
        let mut lost = 0;
        for _ in 0..100_000 {
            // As much memory as there is for frames: more than that cannot wait.
            kernel.send_to(&[0; 1400], "10.9.0.2:9").expect("sent");
            lost = gauge.read().overrun;
            if lost > 0 {
                break;
            }
        }
        assert!(lost > 0);
        assert_eq!(payload(&next_udp(&mut device, pool)).len(), 1400);
    });
}

#[test]
fn an_interface_that_goes_is_the_end() {
    on_a_cable("an_interface_that_goes_is_the_end", |pool| {
        let gone = |device: &mut Packet| loop {
            // What had come before is still given.
            if let Err(error) = device.receive(pool).map(drop) {
                return error;
            }
        };
        let mut device = attach("wire1");
        ip("link set wire1 down");
        let error = gone(&mut device);
        assert_eq!(error.kind(), io::ErrorKind::NetworkDown);
        assert_eq!(error.to_string(), "the interface wire1 was switched off or is gone");
        let error = device.transmit(&Frame::copied(pool, &datagram([0xff; 6], &[], 9, b"x")));
        assert_eq!(error.expect_err("off").kind(), io::ErrorKind::NetworkDown);
        let refused = |name: &str| Packet::attach(name, MAC, MTU).expect_err("refused").to_string();
        let says = refused("wire1");
        assert!(says.contains("ip link set dev wire1 up"), "{says}");
        ip("link set wire1 up");
        let mut device = attach("wire1");
        ip("link del wire0");
        assert_eq!(gone(&mut device).kind(), io::ErrorKind::NetworkDown);
        assert_eq!(refused("wire1"), "there is no interface wire1");
        let says = refused("lo");
        assert!(says.contains("no Ethernet"), "{says}");
    });
}
