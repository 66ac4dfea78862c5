//! A real TUN device in a private network namespace, with the kernel as the other end.

use super::*;
use crate::base::{Gso, GsoKind};
use crate::sys::ifconfig::tests::in_namespace;
use crate::sys::ifconfig::{Change, Configured};
use crate::sys::poll::{Interest, Wake, wait};
use crate::sys::{netns, pass};
use etherparse::PacketBuilder;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::net::UnixStream;
use std::time::Duration;

const OURS: [u8; 4] = [10, 9, 0, 2];
const KERNEL: [u8; 4] = [10, 9, 0, 1];

fn configured(name: &str, mtu: u32, on: bool) -> Configured {
    let mut made = Configured::new().expect("netlink");
    let (dev, addr) = (name.to_owned(), Ipv4Addr::from(KERNEL).into());
    made.apply(Change::Mtu { dev: dev.clone(), mtu }).expect("an MTU");
    made.apply(Change::Address { dev: dev.clone(), addr, prefix: 24, add: true }).expect("address");
    if on {
        made.apply(Change::Up { dev, up: true }).expect("up");
    }
    made
}

/// A UDP datagram from us to the kernel's `port`, its headers apart from its payload.
fn datagram(pool: &Pool, port: u16, payload: &[u8]) -> Frame {
    let mut bytes = Vec::new();
    let builder = PacketBuilder::ipv4(OURS, KERNEL, 64).udp(4000, port);
    builder.write(&mut bytes, payload).expect("a vector takes all");
    let mut frame = Frame::default();
    frame.head.prepend(28).copy_from_slice(&bytes[..28]);
    let (a, b) = bytes[28..].split_at(payload.len() / 2);
    frame.body.push(pool.copy(a));
    frame.body.push(pool.copy(b));
    frame
}

/// The next IPv4 packet, as the kernel also sends router solicitations.
fn next_v4(tun: &mut Tun, pool: &Pool) -> Option<Vec<u8>> {
    let wake = Wake::new().expect("an eventfd");
    for _ in 0..100 {
        while let Some(frame) = tun.receive(pool).expect("the device is there") {
            if frame.front()[0] >> 4 == 4 {
                return Some(frame.to_vec());
            }
        }
        let device = tun.descriptor().map(|fd| (fd, Interest::Read));
        if wait(device, &wake, Some(Duration::from_millis(100))).expect("polled").device {
            continue;
        }
    }
    None
}

#[test]
fn packets_cross_to_the_kernel_and_back() {
    in_namespace("device::tun::tests::packets_cross_to_the_kernel_and_back", || {
        let pool = Pool::new();
        let mut tun = Tun::create("netglass%d", 1500).expect("a TUN device");
        let _made = configured(tun.name(), 1500, true);
        let socket = UdpSocket::bind((Ipv4Addr::from(KERNEL), 0)).expect("bound");
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
        let port = socket.local_addr().expect("bound").port();
        let payload: Vec<u8> = (0..1001u32).map(|n| n as u8).collect();
        assert!(tun.transmit(&datagram(&pool, port, &payload)).expect("sent"));
        let mut got = [0; 2000];
        let (n, from) = socket.recv_from(&mut got).expect("the kernel took it");
        assert_eq!((&got[..n], from.to_string()), (&payload[..], "10.9.0.2:4000".to_owned()));
        socket.send_to(b"and back", from).expect("sent");
        let packet = next_v4(&mut tun, &pool).expect("the kernel sent it");
        assert!(packet.ends_with(b"and back") && packet[16..20] == OURS);
        assert_eq!(tun.losses(), Losses::default());
    });
}

#[test]
fn what_cannot_be_carried_is_counted() {
    in_namespace("device::tun::tests::what_cannot_be_carried_is_counted", || {
        let pool = Pool::new();
        let mut tun = Tun::create("netglass%d", 1000).expect("a TUN device");
        let mut made = configured(tun.name(), 9000, false);
        assert!(tun.receive(&pool).expect("down").is_none());
        assert!(tun.transmit(&datagram(&pool, 9, b"x")).expect("down"));
        assert_eq!(tun.losses().link_down, 1);
        let dev = tun.name().to_owned();
        made.apply(Change::Up { dev: dev.clone(), up: true }).expect("up");
        assert!(tun.transmit(&Frame::copied(&pool, b"\xffno packet")).expect("refused"));
        assert_eq!(tun.losses().refused, 1);
        let long = tun.transmit(&datagram(&pool, 9, &[0; 1000])).expect_err("too long");
        assert_eq!(long.kind(), io::ErrorKind::InvalidInput);
        let mut cut = datagram(&pool, 9, &[0; 10]);
        cut.offload.gso = Some(Gso { kind: GsoKind::Udp, size: 5 });
        assert!(tun.transmit(&cut).is_err());
        let socket = UdpSocket::bind((Ipv4Addr::from(KERNEL), 0)).expect("bound");
        socket.send_to(&[1; 5000], (Ipv4Addr::from(OURS), 9)).expect("sent");
        socket.send_to(&[2; 972], (Ipv4Addr::from(OURS), 9)).expect("sent");
        let packet = next_v4(&mut tun, &pool).expect("the kernel sent it");
        assert_eq!((packet.len(), packet[28]), (1000, 2));
        assert_eq!(tun.losses().oversize, 1);
        made.apply(Change::Up { dev, up: false }).expect("down");
        while tun.receive(&pool).expect("down").is_some() {}
    });
}

const HANDS_OVER: &str = "NETGLASS_TEST_HANDS_OVER";

/// The layout of real use: a child in its own namespaces makes the device and sends it through the
/// socket that is its standard input, and the stack here uses it.
#[test]
fn a_child_hands_over_its_device() {
    const NAME: &str = "device::tun::tests::a_child_hands_over_its_device";
    if std::env::var_os(HANDS_OVER).is_some() {
        let parent = io::stdin();
        let (fd, name) = tun::create("netglass%d").expect("a TUN device");
        let _made = configured(&name, 1500, true);
        pass::send_fd(parent, &fd, &name).expect("sent");
        drop(fd);
        let socket = UdpSocket::bind((Ipv4Addr::from(KERNEL), 0)).expect("bound");
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
        socket.send_to(b"ping", (Ipv4Addr::from(OURS), 9)).expect("sent");
        let mut answer = [0; 10];
        let n = socket.recv(&mut answer).expect("the stack answers");
        assert_eq!(&answer[..n], b"pong");
        return;
    }
    if let Err(e) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        println!("skipped: /dev/net/tun cannot be opened: {e}");
        return;
    }
    let (here, there) = UnixStream::pair().expect("a socket pair");
    let exe = std::env::current_exe().expect("a test binary has a path");
    let mut command = std::process::Command::new(exe);
    command.args(["--exact", NAME, "--nocapture"]).env(HANDS_OVER, "1");
    command.stdin(OwnedFd::from(there));
    let child = netns::private_child(&mut command).spawn();
    drop(command);
    let mut child = match child {
        Ok(child) => child,
        Err(e) => {
            println!("skipped: no private network namespace here: {e}");
            return;
        }
    };
    let (fd, name) = pass::recv_fd(&here).expect("the child sends its device");
    let pool = Pool::new();
    let mut tun = Tun::from_fd(fd, name, 1500).expect("non-blocking");
    let ping = next_v4(&mut tun, &pool).expect("the child sends");
    assert!(ping.ends_with(b"ping"));
    let port = u16::from_be_bytes([ping[20], ping[21]]);
    let mut bytes = Vec::new();
    let builder = PacketBuilder::ipv4(OURS, KERNEL, 64).udp(9, port);
    builder.write(&mut bytes, b"pong").expect("a vector takes all");
    assert!(tun.transmit(&Frame::copied(&pool, &bytes)).expect("sent"));
    assert!(child.wait().expect("the child ends").success());
}
