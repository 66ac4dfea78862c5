//! Groups, under the names of the standard library.

use super::{LONG, Net, addr};
use crate::base::IfaceId;
use crate::net::Host;
use crate::net::blocking::UdpSocket;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr};

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

fn shared(host: &Host, at: &str) -> UdpSocket {
    let socket = UdpSocket::bind_shared(host, addr(at)).expect("shared");
    socket.set_read_timeout(Some(LONG)).expect("a timeout");
    socket
}

#[test]
fn members_hear_on_every_host() {
    let net = Net::new();
    let [sender, near] = [(); 2].map(|()| shared(&net.a, "0.0.0.0:5000"));
    let [one, two] = [(); 2].map(|()| shared(&net.b, "0.0.0.0:5000"));
    one.join_multicast_v4(&GROUP, &Ipv4Addr::new(10, 0, 0, 2)).expect("its own address");
    let group = (GROUP, 5000).into();
    let mut room = [0; 10];
    let mut hear = |socket: &UdpSocket| socket.recv_from(&mut room).expect("it is heard");
    // Both sockets of that host hear it, though one alone has joined.
    sender.send_to(b"first", group).expect("a way");
    for socket in [&one, &two] {
        assert_eq!(hear(socket), (5, addr("10.0.0.1:5000")));
    }
    // Who is on the sender's host hears what is sent from there on, unless it is not to.
    near.join_multicast_v4(&GROUP, &ANY).expect("a group");
    sender.set_multicast_loop_v4(false).expect("taken");
    sender.send_to(b"second", group).expect("a way");
    sender.set_multicast_loop_v4(true).expect("taken");
    sender.send_to(b"the third", group).expect("a way");
    assert_eq!(hear(&near).0, 9);
    assert_eq!((hear(&one).0, hear(&two).0), (6, 6));
    two.set_multicast_all(false).expect("taken");
    near.leave_multicast_v4(&GROUP, &ANY).expect("a member");
    sender.send_to(b"4th", group).expect("a way");
    assert_eq!((hear(&one).0, hear(&one).0), (9, 3));
    // The socket takes its memberships along.
    drop(one);
    assert_eq!(net.b.with(|stack, _| stack.groups().count()), 0);
}

#[test]
fn what_is_set_is_told() {
    let net = Net::new();
    let socket = shared(&net.a, "0.0.0.0:0");
    assert_eq!(socket.multicast_ttl_v4().expect("open"), 1);
    socket.set_multicast_ttl_v4(0).expect("this host alone");
    socket.set_multicast_loop_v6(false).expect("of one family");
    assert_eq!(socket.multicast_ttl_v4().expect("open"), 0);
    assert!(!socket.multicast_loop_v4().expect("open"));
    let kind = |result: std::io::Result<()>| result.map_err(|error| error.kind());
    assert_eq!(kind(socket.set_multicast_ttl_v4(256)), Err(ErrorKind::InvalidInput));
    assert_eq!(kind(socket.set_multicast_if(Some(IfaceId(1)))), Err(ErrorKind::InvalidInput));
    assert_eq!(kind(socket.set_multicast_if(Some(IfaceId(0)))), Ok(()));
    let nobody = Ipv4Addr::new(10, 0, 0, 9);
    let error = kind(socket.join_multicast_v4(&GROUP, &nobody));
    assert_eq!(error, Err(ErrorKind::AddrNotAvailable));
    assert_eq!(kind(socket.leave_multicast_v4(&GROUP, &ANY)), Err(ErrorKind::AddrNotAvailable));
    let six = UdpSocket::bind_shared(&net.a, addr("[::]:0")).expect("a socket");
    let group: Ipv6Addr = "ff05::1:3".parse().expect("a group");
    for (iface, expected) in [
        (7, Err(ErrorKind::InvalidInput)),
        (100_000, Err(ErrorKind::InvalidInput)),
        (1, Ok(())),
        (0, Err(ErrorKind::AddrInUse)),
    ] {
        assert_eq!(kind(six.join_multicast_v6(&group, iface)), expected, "{iface}");
    }
    assert_eq!(kind(six.leave_multicast_v6(&group, 0)), Ok(()));
}
