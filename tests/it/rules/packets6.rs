//! IPv6: headers that are refused, and what their senders are told.

use super::cases;
use crate::ip6::{bound, extension, packet, received, udp};
use crate::support::puppet::{HOST6, PEER6, Puppet, S, WND, none, tcp_bytes};
use netglass::stack::ListenOptions;
use netglass::wire::ipv4::protocol;
use netglass::wire::ipv6::FRAGMENT;

cases! {
    "Why::Ipv6Extension" => behind(60, [9, 1, 4, 0, 0, 0, 0]); behind(60, PAD) => "In",
    "Why::Ipv6Option" => behind(60, [0, 0x5e, 4, 0, 0, 0, 0]);
        behind(60, [0, 0x1e, 4, 0, 0, 0, 0]) => "In",
    "Why::Ipv6Order" => second(60, 0, PAD); second(0, 60, PAD) => "In",
    "Why::Ipv6Routing" => behind(43, [0, 0, 1, 0, 0, 0, 0]); behind(43, [0; 7]) => "In",
    "Why::Ipv6NoNext" => next(59); next(17) => "In",
    "Why::FragmentNested" => second(FRAGMENT, FRAGMENT, [0; 7]); second(FRAGMENT, 60, PAD) => "In",
    "Why::FragmentHeaders" => first_piece_of_a_syn(16);
        first_piece_of_a_syn(24) => "Reply::EmbryoSynAck",
    "Sent::ParameterProblem" => behind(60, [0, 0x9e, 4, 0, 0, 0, 0]);
        behind(60, [0, 0x5e, 4, 0, 0, 0, 0]) => "Why::Ipv6Option",
}

/// An extension header's body that holds one option of padding.
const PAD: [u8; 7] = [0, 1, 4, 0, 0, 0, 0];

fn hears(packet: &[u8]) {
    let mut p = Puppet::new();
    let socket = bound(&mut p);
    p.raw(packet);
    assert!([0, 4].contains(&received(&mut p, socket)));
}

/// A datagram behind one extension header.
fn behind(kind: u8, body: [u8; 7]) {
    let bytes = [extension(protocol::UDP, body), udp(7_000, 9, b"body")].concat();
    hears(&packet(kind, &bytes, |_| ()));
}

/// A datagram behind two extension headers, the first of which says nothing.
fn second(first: u8, second: u8, body: [u8; 7]) {
    let nothing = if first == FRAGMENT { [0; 7] } else { PAD };
    let headers = [extension(second, nothing), extension(protocol::UDP, body)].concat();
    hears(&packet(first, &[headers, udp(7_000, 9, b"body")].concat(), |_| ()));
}

fn next(proto: u8) {
    hears(&packet(proto, &udp(7_000, 9, b"body"), |_| ()));
}

/// A SYN with data in two pieces, the first of which is so long.
fn first_piece_of_a_syn(len: usize) {
    let mut p = Puppet::new();
    (p.local, p.remote) = ((HOST6, 80).into(), (PEER6, 4_000).into());
    p.listen(ListenOptions::default());
    let syn = p.header(S, 0, 0, WND, none());
    let whole = tcp_bytes(PEER6.into(), HOST6.into(), &syn, &[0; 12]);
    for (from, to) in [(0, len), (len, whole.len())] {
        p.raw(&packet(protocol::TCP, &whole[from..to], |ip| {
            (ip.id, ip.offset, ip.more) = (1, from as u32, to < whole.len());
        }));
    }
}
