//! Every kind of packet by every word, on both media.

use super::*;
use crate::base::{Chunks, Head, Mac, Pool};
use crate::wire::arp::Op;
use crate::wire::checksum::Fill;
use crate::wire::icmp::{Echo, Icmp};
use crate::wire::tcp::Ctl;
use crate::wire::udp;
use std::net::SocketAddr;

const V4: [&str; 2] = ["10.0.0.1", "10.0.1.2"];
const V6: [&str; 2] = ["fd00::1", "fd00:1::2"];

fn sockets(addrs: [&str; 2]) -> [SocketAddr; 2] {
    let [src, dst] = addrs.map(|addr| addr.parse::<IpAddr>().expect("an address"));
    [(src, 4000).into(), (dst, 80).into()]
}

/// The IP header of a packet of protocol `proto` around `head` and `body`.
fn around(addrs: [&str; 2], proto: u8, mut head: Head, body: Chunks) -> Frame {
    let [src, dst] = sockets(addrs);
    let len = head.len() + body.len();
    ip::Header::new(src.ip(), dst.ip(), proto).emit(&mut head, len);
    Frame { head, body, ..Frame::default() }
}

fn segment(addrs: [&str; 2], ctl: Ctl, len: usize) -> Frame {
    let [src, dst] = sockets(addrs);
    let (src, dst) = (src.port(), dst.port());
    let mut head = Head::new();
    tcp::Header { src, dst, ctl, ..tcp::Header::default() }.emit(&mut head, 0);
    // The writer sets ACK by the number that is acknowledged.
    let ack = ctl.has(Ctl::ACK).then_some(crate::base::Seq(1));
    let mut head_with_ack = Head::new();
    tcp::Header { src, dst, ctl, ack, ..tcp::Header::default() }.emit(&mut head_with_ack, 0);
    let head = if ack.is_some() { head_with_ack } else { head };
    around(addrs, protocol::TCP, head, Pool::new().copy(&vec![1; len]).into())
}

fn datagram(addrs: [&str; 2], len: usize) -> Frame {
    let [src, dst] = sockets(addrs);
    let (mut head, body) = (Head::new(), Chunks::from(Pool::new().copy(&vec![1; len])));
    udp::emit(&mut head, src, dst, &body, Fill::Complete);
    around(addrs, protocol::UDP, head, body)
}

fn echo(addrs: [&str; 2], request: bool) -> Frame {
    let [src, dst] = sockets(addrs).map(|addr| addr.ip());
    let mut head = Head::new();
    let message = Icmp::echo(dst, Echo { request, id: 1, seq: 1 });
    message.emit(src, dst, &mut head, &Chunks::new());
    let proto = if src.is_ipv4() { protocol::ICMP } else { protocol::ICMPV6 };
    around(addrs, proto, head, Chunks::new())
}

/// As it is on an Ethernet, tagged or not.
fn framed(mut frame: Frame, kind: u16, tag: bool) -> Frame {
    let tag = tag.then_some(ethernet::Tag { id: 7, ..ethernet::Tag::default() });
    let (dst, src) = (Mac([2; 6]), Mac([4; 6]));
    ethernet::Header { dst, src, tag, ethertype: kind }.emit(&mut frame.head);
    frame
}

/// Which kinds of packet it is, in their words.
fn kinds(frame: &Frame, medium: Medium) -> Vec<&'static str> {
    let matches = |kind: &Kind| Filter::new([Term::Kind(*kind)]).matches(frame, medium);
    Kind::ALL.into_iter().filter(matches).map(Kind::word).collect()
}

#[test]
fn every_packet_is_of_its_kinds() {
    let all = |flags: &[Ctl]| flags.iter().fold(Ctl::NONE, |all, ctl| all.with(*ctl));
    for (addrs, ip, kind) in [(V4, "ip", ethertype::IPV4), (V6, "ip6", ethertype::IPV6)] {
        let packets = [
            (segment(addrs, Ctl::SYN, 0), vec!["any", "tcp", "syn"]),
            (segment(addrs, all(&[Ctl::SYN, Ctl::ACK]), 0), vec!["any", "tcp", "syn-ack"]),
            (segment(addrs, Ctl::ACK, 0), vec!["any", "tcp", "ack"]),
            (segment(addrs, all(&[Ctl::ACK, Ctl::PSH]), 9), vec!["any", "tcp", "data"]),
            (segment(addrs, all(&[Ctl::ACK, Ctl::FIN]), 0), vec!["any", "tcp", "fin"]),
            (segment(addrs, all(&[Ctl::ACK, Ctl::FIN]), 9), vec!["any", "tcp", "data", "fin"]),
            (segment(addrs, Ctl::RST, 0), vec!["any", "tcp", "rst"]),
            (segment(addrs, all(&[Ctl::RST, Ctl::ACK]), 0), vec!["any", "tcp", "rst"]),
            (datagram(addrs, 9), vec!["any", "udp"]),
            (echo(addrs, true), vec!["any", "icmp", "echo-request"]),
            (echo(addrs, false), vec!["any", "icmp", "echo-reply"]),
        ];
        for (frame, mut words) in packets {
            words.push(ip);
            assert_eq!(kinds(&frame, Medium::Ip), words);
            for tag in [false, true] {
                let framed = framed(frame.clone(), kind, tag);
                assert_eq!(kinds(&framed, Medium::Ethernet), words, "on an Ethernet");
                let received = Frame::copied(&Pool::new(), &framed.to_vec());
                assert_eq!(kinds(&received, Medium::Ethernet), words, "as received");
            }
        }
    }
    let mut head = Head::new();
    head.prepend(24).fill(0);
    head.bytes_mut()[0] = 135;
    let solicit = around(V6, protocol::ICMPV6, head, Chunks::new());
    assert_eq!(kinds(&solicit, Medium::Ip), ["any", "icmp", "nd", "ip6"]);
}

#[test]
fn what_cannot_be_read_is_anything() {
    let pool = Pool::new();
    let mut broken = datagram(V4, 9);
    broken.head.bytes_mut()[8] ^= 1;
    assert_eq!(kinds(&broken, Medium::Ip), ["any"]);
    assert_eq!(kinds(&Frame::copied(&pool, &[]), Medium::Ip), ["any"]);
    assert_eq!(kinds(&Frame::copied(&pool, &[2; 13]), Medium::Ethernet), ["any"]);
    assert_eq!(kinds(&Frame::copied(&pool, &[2; 14]), Medium::Ethernet), ["any"]);
    let [src, dst] = sockets(V4).map(|addr| addr.ip());
    let mut head = Head::new();
    head.prepend(16).fill(1);
    let later = ip::Header { offset: 8, more: true, ..ip::Header::new(src, dst, protocol::UDP) };
    later.emit(&mut head, 16);
    let later = Frame { head, ..Frame::default() };
    assert_eq!(kinds(&later, Medium::Ip), ["any", "ip"], "a later fragment has no header");
}

#[test]
fn terms_are_met_together() {
    let filter = |words: &str| words.parse::<Filter>().unwrap_or_else(|e| panic!("{words}: {e}"));
    let (old, new) = (segment(V4, Ctl::ACK, 100), segment(V6, Ctl::ACK, 100));
    for (words, is_old, is_new) in [
        ("data", true, true),
        ("data ip", true, false),
        ("data,ip6", false, true),
        ("syn data", false, false),
        ("from 10.0.0.1", true, false),
        ("from 10.0.1.2", false, false),
        ("to 10.0.1.2", true, false),
        ("to 10.0.0.0/16", true, false),
        ("from fd00::/32", false, true),
        ("port 80", true, true),
        ("tcp port 4000", true, true),
        ("port 81", false, false),
        ("udp port 80", false, false),
        ("len>139", true, true),
        ("len>140", false, true),
        ("len<160", true, false),
        ("data port 80, from 10.0.0.1, to 10.0.1.2 len>100", true, false),
    ] {
        assert_eq!(filter(words).matches(&old, Medium::Ip), is_old, "{words}");
        assert_eq!(filter(words).matches(&new, Medium::Ip), is_new, "{words}");
        assert_eq!(filter(&filter(words).to_string()), filter(words), "{words}");
    }
    let framed = framed(old, ethertype::IPV4, false);
    assert!(!filter("len>140").matches(&framed, Medium::Ethernet), "the packet's own bytes count");
}

#[test]
fn arp_has_addresses() {
    let (sender, target) = ("10.0.0.1".parse().expect("one"), "10.0.0.2".parse().expect("one"));
    let (sender_mac, target_mac) = (Mac([4; 6]), Mac([0; 6]));
    let mut head = Head::new();
    Arp { op: Op::Request, sender_mac, sender, target_mac, target }.emit(&mut head);
    let frame = framed(Frame { head, ..Frame::default() }, ethertype::ARP, false);
    assert_eq!(kinds(&frame, Medium::Ethernet), ["any", "arp"]);
    let meets = |words: &str| {
        words.parse::<Filter>().expect("good words").matches(&frame, Medium::Ethernet)
    };
    assert!(meets("arp from 10.0.0.1 to 10.0.0.2") && !meets("arp from 10.0.0.2"));
}

#[test]
fn mistakes_are_named() {
    for (words, error) in [
        ("", "\"\" is followed by nothing: expected which packets: any, tcp,"),
        ("syn_ack", "\"syn_ack\" is not a kind of packet: did you mean syn-ack? expected which"),
        ("tcp prot 80", "\"prot\" is not a kind of packet: did you mean port? expected"),
        ("gopher", "\"gopher\" is not a kind of packet: expected which packets: any, tcp,"),
        ("port", "\"port\" is followed by nothing: expected a port from 0 to 65535"),
        ("port 65536", "\"65536\" after \"port\": expected a port from 0 to 65535"),
        ("from here", "\"here\" after \"from\": expected an address such as 10.0.0.2 or a"),
        ("to 10.0.0.0/33", "\"10.0.0.0/33\" after \"to\": expected an address such as"),
        ("len=9", "\"len=9\" is not a length: expected len>N or len<N with a number of bytes"),
        ("data#4", "\"#4\" is not a kind of packet: expected which packets: any, tcp,"),
    ] {
        let said = words.parse::<Filter>().expect_err(words).to_string();
        assert!(said.starts_with(error), "{words}: {said}");
    }
}
