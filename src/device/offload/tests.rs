//! A real device in a private network namespace, with the kernel as the other end.

use super::*;
use crate::base::{Checksum, Gso, GsoKind, Offload};
use crate::sys::ifconfig::tests::in_namespace;
use crate::sys::ifconfig::{Change, Configured};
use crate::sys::poll::{Interest, Wake, wait};
use crate::wire::checksum;
use etherparse::PacketBuilder;
use nix::sys::socket::{setsockopt, sockopt};
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

const OURS: [u8; 4] = [10, 9, 0, 2];
const KERNEL: [u8; 4] = [10, 9, 0, 1];

fn configured(name: &str) -> Configured {
    let mut made = Configured::new().expect("netlink");
    let (dev, addr) = (name.to_owned(), Ipv4Addr::from(KERNEL).into());
    made.apply(Change::Mtu { dev: dev.clone(), mtu: 1500 }).expect("an MTU");
    made.apply(Change::Address { dev: dev.clone(), addr, prefix: 24, add: true }).expect("address");
    made.apply(Change::Up { dev, up: true }).expect("up");
    made
}

/// A device, and what the kernel hands over uncut; without offloads in this kernel, nothing.
fn device() -> Option<(OffloadTun, Uncut, Configured)> {
    let Some((fd, name, uncut)) =
        tun::create_offload("netglass%d", Medium::Ip).expect("a TUN device")
    else {
        println!("skipped: this kernel's TUN devices have no virtio-net header");
        return None;
    };
    assert!(tun::has_header(&fd).expect("it is a TUN device"));
    let made = configured(&name);
    let device = OffloadTun::from_fd(fd, name, Medium::Ip, 1500).expect("non-blocking");
    Some((device, uncut, made))
}

/// A UDP datagram from us to the kernel's `port` that leaves to the device what `offload` says.
fn datagram(pool: &Pool, port: u16, payload: &[u8], offload: Offload) -> Frame {
    let mut bytes = Vec::new();
    let builder = PacketBuilder::ipv4(OURS, KERNEL, 64).udp(4000, port);
    builder.write(&mut bytes, payload).expect("a vector takes all");
    if offload.checksum == Checksum::Partial {
        let ends = (Ipv4Addr::from(OURS).into(), Ipv4Addr::from(KERNEL).into());
        let sum = checksum::partial(ends.0, ends.1, 17, payload.len() + 8);
        bytes[26..28].copy_from_slice(&sum.to_be_bytes());
    }
    let mut frame = Frame { offload, ..Frame::default() };
    frame.head.prepend(28).copy_from_slice(&bytes[..28]);
    frame.body.push(pool.copy(&bytes[28..]));
    frame
}

/// The next IPv4 packet, as the kernel also sends router solicitations.
fn next_v4(device: &mut OffloadTun, pool: &Pool) -> Option<Frame> {
    let wake = Wake::new().expect("an eventfd");
    for _ in 0..100 {
        while let Some(frame) = device.receive(pool).expect("the device is there") {
            if frame.front()[0] >> 4 == 4 {
                return Some(frame);
            }
        }
        let on = device.descriptor().map(|fd| (fd, Interest::Read));
        wait(on, &wake, Some(Duration::from_millis(100))).expect("polled");
    }
    None
}

#[test]
fn datagrams_cross_whole_and_cut() {
    in_namespace("device::offload::tests::datagrams_cross_whole_and_cut", || {
        let Some((mut device, uncut, _made)) = device() else { return };
        let pool = Pool::new();
        let socket = UdpSocket::bind((Ipv4Addr::from(KERNEL), 0)).expect("bound");
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
        let port = socket.local_addr().expect("bound").port();
        let payload: Vec<u8> = (0..3001u32).map(|n| n as u8).collect();
        let mut got = [0; 4000];
        for checksum in [Checksum::Complete, Checksum::Partial] {
            let offload = Offload { gso: None, checksum };
            let frame = datagram(&pool, port, &payload[..1001], offload);
            assert!(device.transmit(&frame).expect("sent"));
            let (n, from) = socket.recv_from(&mut got).expect("the kernel took it");
            assert_eq!((&got[..n], from.port()), (&payload[..1001], 4000));
        }
        let gso = Some(Gso { kind: GsoKind::Udp, size: 1000 });
        let offload = Offload { gso, checksum: Checksum::Partial };
        assert!(device.transmit(&datagram(&pool, port, &payload, offload)).expect("sent"));
        for piece in payload.chunks(1000) {
            let n = socket.recv(&mut got).expect("the kernel cut it");
            assert_eq!(&got[..n], piece);
        }
        if setsockopt(&socket, sockopt::UdpGsoSegment, &1000).is_ok() {
            socket.send_to(&payload, (Ipv4Addr::from(OURS), 4000)).expect("sent as one");
            for piece in payload.chunks(1000) {
                let frame = next_v4(&mut device, &pool).expect("each of them comes");
                assert_eq!((&frame.to_vec()[28..], frame.offload.gso), (piece, None));
            }
        } else {
            assert!(!uncut.udp, "such a kernel has UDP_SEGMENT");
        }
        assert_eq!(device.losses(), Losses::default());
    });
}

#[test]
fn small_packets_pin_small_blocks() {
    in_namespace("device::offload::tests::small_packets_pin_small_blocks", || {
        let Some((mut device, _, _made)) = device() else { return };
        let pool = Pool::new();
        let socket = UdpSocket::bind((Ipv4Addr::from(KERNEL), 0)).expect("bound");
        let send = |size: usize| {
            socket.send_to(&vec![7; size], (Ipv4Addr::from(OURS), 9)).expect("sent");
        };
        send(1400);
        let small = next_v4(&mut device, &pool).expect("it comes");
        assert_eq!((small.len(), small.body.cost()), (1428, CLASSES[0]));
        send(10);
        assert_eq!(next_v4(&mut device, &pool).expect("it comes").len(), 38);
        let odd = datagram(&pool, 9, &[0; 1473], Offload::default());
        let refused = device.transmit(&odd).expect_err("longer than the MTU");
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        assert!(device.transmit(&Frame::copied(&pool, b"\xffno packet")).expect("refused"));
        assert_eq!(device.losses(), Losses { refused: 1, ..Losses::default() });
    });
}

#[test]
fn whoever_made_it_it_is_known_for_what_it_is() {
    in_namespace("device::offload::tests::whoever_made_it_it_is_known_for_what_it_is", || {
        for medium in [Medium::Ip, Medium::Ethernet] {
            let (device, name, uncut) = create("netglass%d", medium, 1500).expect("a device");
            let gso = device.offload().gso;
            assert_eq!((gso, device.medium(), device.mtu()), (uncut.is_some(), medium, 1500));
            assert!(name.starts_with("netglass"));
        }
        let (fd, name) = tun::create("plain0").expect("a plain one");
        let plain = adopt(fd, name, 1500).expect("a TUN device");
        assert!(!plain.offload().gso);
        if let Some((fd, name, _)) = tun::create_offload("fast0", Medium::Ip).expect("another") {
            assert!(adopt(fd, name, 1500).expect("a TUN device").offload().gso);
        }
        let file = std::fs::File::open("/dev/null").expect("it is there");
        assert!(adopt(file.into(), "null".to_owned(), 1500).is_err());
    });
}
