//! A router: which packets it does not pass on, and whom it tells.

use super::cases;
use crate::advertise::{ethernet as link_of, solicit};
use crate::forward::{A, R, datagram, joined, narrow, two_networks, warm};
use crate::support::net::{Net, iface, mac, node, route};
use netglass::base::{Checksum, Frame, Gso, GsoKind, Offload, Pool};
use netglass::wire::ethernet;
use netglass::wire::ip::Header;

cases! {
    "Why::TtlExceeded" => with_hops(1); with_hops(2) => "Forwarded",
    "Why::NoRouteOnward" => passes("10.0.1.2", "192.0.2.1"); passes("10.0.1.2", "10.0.2.2") => "Forwarded",
    "Why::LinkTooNarrow" => uncut(573); uncut(572) => "Forwarded",
    "Why::BeyondScope" => passes("10.0.1.2", "169.254.1.1"); passes("10.0.1.2", "10.0.2.2") => "Forwarded",
    "Why::DirectedBroadcast" => passes("10.0.1.2", "10.0.2.255");
        passes("10.0.1.2", "10.0.2.254") => "Forwarded",
    "Why::WouldReturn" => by_a_wire_to("fd00:9::77"); by_a_wire_to("fd00:2::2") => "Forwarded",
    "Why::Unsplittable" => offloaded(8); offloaded(0) => "Forwarded",

    "Sent::TimeExceeded" => with_hops(1); with_hops(2) => "Forwarded",
    "Sent::NetworkUnreachable" => passes("10.0.1.2", "192.0.2.1"); passes("10.0.1.2", "10.0.2.2") => "Forwarded",
    "Sent::HostUnreachable" => passes("10.0.1.2", "10.0.2.77"); passes("10.0.1.2", "10.0.2.2") => "Forwarded",
    "Sent::PacketTooBig" => uncut(573); uncut(572) => "Forwarded",
    "Sent::BeyondScope" => passes("fe80::77", "fd00:2::2"); passes("fd00:1::77", "fd00:2::2") => "Forwarded",
    "Sent::RouterAdvert" => asked_by_a_host(true); asked_by_a_host(false) => "Why::NdNoRouter",
    "Sent::Redirect" => by_a_detour("10.0.1.7"); by_a_detour("192.0.2.1") => "Forwarded",
}

/// Two networks and a router that knows its neighbours.
fn net() -> Net {
    let mut net = joined(two_networks());
    warm(&mut net);
    net
}

/// A datagram of the first network comes to the router, and what follows from that.
fn brought(mut net: Net, src: &str, dst: &str, len: usize, change: impl FnOnce(&mut Header)) {
    net.inject(R, 0, &datagram(src, dst, len, change));
    net.wait(10_000);
}

fn with_hops(ttl: u8) {
    brought(net(), "10.0.1.2", "10.0.2.2", 10, |header| header.ttl = ttl);
}

fn passes(src: &str, dst: &str) {
    brought(net(), src, dst, 10, |_| ());
}

/// So many bytes in a packet that may not be cut are to cross a link of 600.
fn uncut(len: usize) {
    let mut net = narrow(600);
    warm(&mut net);
    brought(net, "10.0.1.2", "10.0.2.2", len, |header| header.df = true);
}

/// A packet comes to a router by a wire between two.
fn by_a_wire_to(dst: &str) {
    let mut net = narrow(1_500);
    net.inject(3, 1, &datagram("fd00:1::2", dst, 10, |_| ()));
    net.wait(10_000);
}

/// A device says that a datagram is to be split like a segment, or says nothing.
fn offloaded(size: u16) {
    let mut net = net();
    let packet = datagram("10.0.1.2", "10.0.2.2", 100, |_| ());
    let mut frame = Frame::copied(&Pool::new(), &packet);
    ethernet::Header { dst: mac(2), src: mac(1), tag: None, ethertype: 0x0800 }
        .emit(&mut frame.head);
    let mut frame = Frame::copied(&Pool::new(), &frame.to_vec());
    if size > 0 {
        let gso = Some(Gso { kind: GsoKind::Tcp, size });
        frame.offload = Offload { gso, checksum: Checksum::Partial };
    }
    net.inject_frame(R, 0, frame);
}

/// The router's way to the second network leads back over the link that the packet came by.
fn by_a_detour(src: &str) {
    let mut setups = two_networks();
    let r = iface(node(2), Some(2), 1_500, &["10.0.1.1/24"]).as_router();
    setups[R] = route(r, "10.0.2.0/24", "10.0.1.3", 0);
    let s = iface(node(9), Some(9), 1_500, &["10.0.1.3/24", "10.0.1.7/24"]);
    setups.push(s);
    let mut net = Net::new(setups).wire(&[(A, 0), (R, 0), (3, 0)]);
    net.wait(10);
    brought(net, src, "10.0.2.2", 10, |_| ());
}

/// A host looks for routers on a link to which the router tells about itself, or not.
fn asked_by_a_host(tells: bool) {
    let mut setups = two_networks();
    link_of(&mut setups[R]).advertise = tells.then(Box::default);
    let mut net = joined(setups);
    net.wait(10);
    solicit(&mut net, mac(7));
    net.wait(5_000);
}
