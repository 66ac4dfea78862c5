//! The lines in `tests/golden/tcpdump` were printed by tcpdump 4.99.3 from a capture of the same
//! packets (`tcpdump -n -t -r`), without its `: HTTP` behind the length on port 80 and, in
//! `packets.txt`, with the differences that the view's documentation names.

use super::*;
use crate::base::{Duration, EventId, Instant, Mac};
use crate::observe::view::stories::{self, ISS, addr, seg, syn, syn_ack};
use crate::tcp::Outcome;
use crate::wire::arp::{Arp, Op};
use crate::wire::ethernet;
use crate::wire::membership::{Kind, Query, Record as GroupRecord};
use crate::wire::tcp::Timestamps;

fn record(event: Event) -> Record {
    Record { id: EventId(1), at: Instant::ZERO, conn: None, causes: [EventId::NONE; 2], event }
}

fn stray(out: bool, (local, remote): (&str, &str), seg: SegmentView) -> Record {
    let (local, remote) = (addr(local), addr(remote));
    record(match out {
        true => Event::StrayOut { local, remote, seg, reply: crate::tcp::Reply::SynAck },
        false => Event::StrayIn { local, remote, seg, outcome: Outcome::Accepted },
    })
}

#[track_caller]
fn check(packets: Vec<Record>, expected: &str) {
    let mut tcpdump = Tcpdump::new();
    let lines: Vec<_> = packets.iter().filter_map(|record| tcpdump.line(record)).collect();
    assert_eq!(lines, expected.lines().collect::<Vec<_>>());
}

fn ctl(letters: &[Ctl]) -> Ctl {
    letters.iter().fold(Ctl::NONE, |all, bit| all.with(*bit))
}

#[test]
fn a_connection_as_tcpdump_prints_it() {
    let ends = (stories::US, stories::PEER);
    let a = Ctl::ACK;
    let ts = |seg: SegmentView| {
        let options = Options { ts: Some(Timestamps { val: 1, ecr: 2 }), ..seg.options };
        SegmentView { options, ..seg }
    };
    let sack = |mut seg: SegmentView, blocks: &[(u32, u32)]| {
        seg.options.sack = blocks.iter().map(|(l, r)| (ISS + *l, ISS + *r)).collect();
        seg
    };
    let urgent =
        SegmentView { urg: 1, ..seg(false, ctl(&[Ctl::PSH, a, Ctl::URG]), 79, Some(5), 1) };
    let rst = SegmentView { wnd: 0, ..seg(false, Ctl::RST, 79, None, 0) };
    let before = seg(false, a, u32::MAX, Some(1), 1);
    let packets = vec![
        stray(false, ends, syn()),
        stray(true, ends, syn_ack()),
        stray(false, ends, ts(seg(false, a, 1, Some(1), 0))),
        stray(false, ends, ts(seg(false, ctl(&[Ctl::PSH, a]), 1, Some(1), 78))),
        stray(true, ends, ts(seg(true, a, 1, Some(79), 1_460))),
        stray(false, ends, sack(ts(seg(false, a, 79, Some(1), 0)), &[(1_461, 2_921)])),
        stray(false, ends, sack(seg(false, a, 79, Some(1), 0), &[(1_461, 2_921), (4_000, 5_000)])),
        stray(true, ends, seg(true, ctl(&[Ctl::FIN, a]), 2_921, Some(79), 0)),
        stray(false, ends, rst),
        stray(false, ends, urgent),
        stray(false, ends, before),
    ];
    check(
        packets,
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/tcpdump/connection.txt")),
    );
}

#[test]
fn segments_out_of_context_as_tcpdump_prints_them() {
    let plain = |ctl, seq: u32, ack: Option<u32>, len| SegmentView {
        seq: Seq(seq),
        ack: ack.map(Seq),
        wnd: 10,
        ..seg(false, ctl, 0, None, len)
    };
    let ends = ("10.9.0.2:83", "10.9.0.1:5000");
    let bare = ("10.9.0.2:82", "10.9.0.1:47521");
    let mut offer = plain(Ctl::SYN, 7, None, 0);
    offer.options.sack_permitted = true;
    let late = ("10.9.0.2:80", "10.9.0.1:6000");
    let mut gap = plain(Ctl::ACK, 1_000, Some(100_000), 0);
    gap.options.sack.push((Seq(101_461), Seq(102_921)));
    let packets = vec![
        stray(false, bare, plain(Ctl::NONE, 5, None, 0)),
        stray(false, bare, plain(ctl(&[Ctl::SYN, Ctl::ECE, Ctl::CWR]), 5, None, 0)),
        stray(false, ends, plain(Ctl::ACK, 1_000, Some(2_000), 0)),
        stray(false, ends, plain(ctl(&[Ctl::PSH, Ctl::ACK]), 1_000, Some(2_000), 3)),
        stray(true, ends, plain(Ctl::ACK, 2_000, Some(1_003), 0)),
        stray(false, ends, offer),
        stray(true, ends, plain(ctl(&[Ctl::SYN, Ctl::ACK]), 9_000, Some(8), 0)),
        stray(false, late, gap.clone()),
        stray(false, late, gap),
        stray(false, late, plain(ctl(&[Ctl::RST, Ctl::ACK]), 1_003, Some(100_000), 3)),
        stray(false, late, plain(Ctl::FIN, 77, None, 0)),
    ];
    check(
        packets,
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/tcpdump/context.txt")),
    );
}

#[test]
fn packets_without_a_connection() {
    let (src, dst): (IpAddr, IpAddr) = (addr("10.9.0.1:0").ip(), addr("10.9.0.2:0").ip());
    let icmp = |message, len| record(Event::In(PacketView::Icmp { src, dst, message, len }));
    let (from, to) = (addr("10.9.0.1:40000"), addr("10.9.0.2:7777"));
    let six = addr("[fd00::1]:5");
    let packets = vec![
        icmp(Icmp::V4(Icmpv4::EchoRequest { id: 7, seq: 1 }), 64),
        icmp(Icmp::V4(Icmpv4::EchoReply { id: 7, seq: 1 }), 64),
        icmp(Icmp::V4(Icmpv4::TimeExceeded { code: 0 }), 36),
        icmp(Icmp::V4(Icmpv4::TimeExceeded { code: 1 }), 36),
        icmp(Icmp::V4(Icmpv4::ParameterProblem { pointer: 20 }), 36),
        icmp(Icmp::V4(Icmpv4::Other { kind: 4, code: 0 }), 36),
        icmp(Icmp::V4(Icmpv4::Other { kind: 42, code: 1 }), 8),
        icmp(Icmp::V4(Icmpv4::Unreachable { code: 4, mtu: 1_400 }), 36),
        record(Event::In(PacketView::Udp { src: from, dst: to, len: 12 })),
        record(Event::In(PacketView::Udp { src: six, dst: six, len: 0 })),
        record(Event::In(PacketView::Ip { src, dst, proto: 200, len: 20 })),
        record(Event::In(PacketView::Tcp { src: from, dst: to, len: 10 })),
        record(Event::In(PacketView::Fragment {
            src,
            dst,
            id: 4_660,
            offset: 0,
            len: 8,
            more: true,
        })),
    ];
    check(
        packets,
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/tcpdump/packets.txt")),
    );
}

#[test]
fn every_story_with_reasons() {
    let mut tcpdump = Tcpdump::new();
    let lines: Vec<String> = stories::all()
        .iter()
        .filter_map(|record| Some(format!("{} {}\n", record.at, tcpdump.explained(record)?)))
        .collect();
    stories::golden("tcpdump.txt", &lines.concat());
}

#[test]
fn absolute_numbers_and_an_unknown_connection() {
    let records = stories::handshake();
    let ack = records.iter().rfind(|r| matches!(r.event, Event::Tcp(_))).map(|r| r.id);
    let mut tcpdump = Tcpdump::absolute();
    let lines: Vec<_> = records.iter().filter_map(|r| tcpdump.line(r)).collect();
    assert!(lines.last().is_some_and(|l| l.contains("Flags [.], ack 4294967001")), "{lines:?}");
    let late = records.iter().filter(|r| r.conn.is_some() && Some(r.id) < ack);
    let late: Vec<_> = late
        .filter(|r| !matches!(r.event, Event::Conn { .. }))
        .map(|r| Tcpdump::new().line(r))
        .collect();
    assert_eq!(
        late[0].as_deref(),
        Some("IP peer > us (connection 1): Flags [.], ack 4294967001, win 64, length 0")
    );
}

#[test]
fn arp_as_tcpdump_prints_it() {
    let (us, peer) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
    let arp = |op, sender: [u8; 4], target_mac, target: [u8; 4]| {
        let (sender, target) = (sender.into(), target.into());
        let arp = Arp { op, sender_mac: us, sender, target_mac, target };
        record(Event::In(PacketView::Arp { arp, len: 28 }))
    };
    let header = ethernet::Header { dst: Mac::BROADCAST, src: us, tag: None, ethertype: 0x9999 };
    let packets = vec![
        arp(Op::Request, [0; 4], Mac::ZERO, [10, 9, 0, 2]),
        arp(Op::Request, [10, 9, 0, 2], Mac::ZERO, [10, 9, 0, 2]),
        arp(Op::Request, [10, 9, 0, 2], peer, [10, 9, 0, 1]),
        arp(Op::Reply, [10, 9, 0, 2], peer, [10, 9, 0, 1]),
        record(Event::In(PacketView::Ethernet { header, len: 22 })),
    ];
    check(packets, include_str!("../../../../tests/golden/tcpdump/arp.txt"));
}

/// Frames of which no record tells are spelled from their bytes, on either medium.
#[test]
fn frames_without_a_record() {
    use crate::base::{Chunks, Frame, Head, Pool};
    use crate::wire::ipv4::protocol;
    use crate::wire::{ip, tcp, udp};
    let (local, remote) = (addr("10.9.0.2:80"), addr("10.9.0.1:40000"));
    let packet = |proto, head: Head| {
        let mut whole = Head::new();
        ip::Header::new(remote.ip(), local.ip(), proto).emit(&mut whole, head.len());
        [&whole[..], &head[..]].concat()
    };
    let segment = |ctl, seq, ack| {
        let mut head = Head::new();
        let (src, dst) = (remote.port(), local.port());
        tcp::Header { src, dst, seq: Seq(seq), ack, ctl, wnd: 9, ..Default::default() }
            .emit(&mut head, 0);
        packet(protocol::TCP, head)
    };
    let mut datagram = Head::new();
    let payload = Chunks::from(Pool::new().copy(b""));
    udp::emit(&mut datagram, remote, local, &payload, crate::wire::checksum::Fill::Complete);
    let datagram = packet(protocol::UDP, datagram);
    let mut tcpdump = Tcpdump::new();
    let mut check = |medium, bytes: &[u8], line: &str| {
        assert_eq!(tcpdump.frame(false, medium, bytes), line);
    };
    let syn = segment(Ctl::SYN, 1000, None);
    let (from, to) = ("IP 10.9.0.1.40000", "10.9.0.2.80");
    check(Medium::Ip, &syn, &format!("{from} > {to}: Flags [S], seq 1000, win 9, length 0"));
    check(Medium::Ip, &datagram, &format!("{from} > {to}: UDP, length 0"));
    check(Medium::Ip, &[0x45, 0], "IP [|ip], length 2");
    check(Medium::Ip, &[], "unknown ip 0, length 0");
    let mut frame = Frame::copied(&Pool::new(), &syn);
    let (dst, src) = (Mac([2; 6]), Mac([4; 6]));
    let ethernet = |ethertype| ethernet::Header { dst, src, tag: None, ethertype };
    ethernet(ethernet::ethertype::IPV4).emit(&mut frame.head);
    let bytes = frame.to_vec();
    let again = format!("{from} > {to}: Flags [S], seq 1000, win 9, length 0");
    check(Medium::Ethernet, &bytes, &again);
    let mut other = bytes.clone();
    other[12..14].copy_from_slice(&[0x12, 0x34]);
    let strange = "04:04:04:04:04:04 > 02:02:02:02:02:02, ethertype Unknown (0x1234), length 54";
    check(Medium::Ethernet, &other, strange);
    check(Medium::Ethernet, &bytes[..10], "unknown ip 0, length 10");
}

/// A question in a version's words: about a group or about all, answers after so many milliseconds.
fn question(version: Version, group: IpAddr, millis: u64, sources: u16) -> Membership {
    let max_response = Duration::from_millis(millis);
    let (robustness, interval) = (2, Duration::from_secs(125));
    Membership::Query(Query { version, group, max_response, robustness, interval, sources })
}

#[test]
fn messages_about_groups_as_tcpdump_prints_them() {
    let ip = |text: &str| text.parse::<IpAddr>().expect(text);
    let (all, group) = (ip("0.0.0.0"), ip("239.1.2.3"));
    let member = |version| Membership::Report { version, group };
    let first = Some(GroupRecord { kind: Kind::ToExclude, group });
    let mut messages = vec![
        (question(Version::V1, all, 0, 0), "query v1"),
        (question(Version::V2, all, 10_000, 0), "query v2"),
        (question(Version::V2, group, 2500, 0), "query v2 [max resp time 25] [gaddr 239.1.2.3]"),
        (question(Version::V3, all, 10_000, 0), "query v3"),
        (question(Version::V3, group, 1500, 0), "query v3 [max resp time 1.5s] [gaddr 239.1.2.3]"),
        (question(Version::V3, group, 10_000, 1), "query v3 [gaddr 239.1.2.3, 1 source(s)]"),
        (question(Version::V3, all, 99_200, 0), "query v3 [max resp time 1m39s]"),
        (member(Version::V1), "v1 report 239.1.2.3"),
        (member(Version::V2), "v2 report 239.1.2.3"),
        (Membership::Leave { group }, "leave 239.1.2.3"),
        (Membership::Records { count: 1, first }, "v3 report, 1 group record(s)"),
    ];
    let (all, group) = (ip("::"), ip("ff05::1:3"));
    let member = Membership::Report { version: Version::V2, group };
    let six = [
        (question(Version::V2, all, 10_000, 0), "querymax resp delay: 10000 addr: ::", 24),
        (question(Version::V2, group, 1000, 0), "querymax resp delay: 1000 addr: ff05::1:3", 24),
        (question(Version::V3, all, 10_000, 0), "query v2 [gaddr ::]", 28),
        (question(Version::V3, group, 1000, 0), "query v2 [gaddr ff05::1:3]", 28),
        (member, "reportmax resp delay: 0 addr: ff05::1:3", 24),
        (Membership::Leave { group }, "donemax resp delay: 0 addr: ff05::1:3", 24),
        (Membership::Records { count: 1, first: None }, "report v2, 1 group record(s)", 28),
    ];
    let view = |src: &str, dst: IpAddr, message, len| {
        let src = ip(src);
        record(Event::In(PacketView::Membership { src, dst, message, len }))
    };
    for (message, words) in messages.drain(..) {
        let dst = message.destination(ip("10.9.0.1"));
        let line = format!("IP 10.9.0.1 > {dst}: igmp {words}");
        check(vec![view("10.9.0.1", dst, message, 8)], &line);
    }
    for (message, words, len) in six {
        let dst = message.destination(ip("fe80::1"));
        let line =
            format!("IP6 fe80::1 > {dst}: HBH ICMP6, multicast listener {words}, length {len}");
        check(vec![view("fe80::1", dst, message, len)], &line);
    }
}
