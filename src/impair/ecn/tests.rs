//! Who is marked, and that others see nothing of it.

use super::*;
use crate::base::Head;
use crate::wire::ip;
use std::net::IpAddr;

const V4: [&str; 2] = ["10.0.0.1", "10.0.0.2"];
const V6: [&str; 2] = ["fd00::1", "fd00::2"];

/// A packet whose traffic class is `tos`, behind `link`.
fn packet(link: &[u8], [src, dst]: [&str; 2], tos: u8) -> Frame {
    let [src, dst]: [IpAddr; 2] = [src, dst].map(|addr| addr.parse().expect("an address"));
    let mut head = Head::new();
    head.prepend(20).fill(7);
    let header = ip::Header { tos, ..ip::Header::new(src, dst, 6) };
    header.emit(&mut head, 20);
    head.prepend(link.len()).copy_from_slice(link);
    Frame { head, ..Frame::default() }
}

/// The traffic class of a packet behind `at` bytes, whose checksum is right.
fn tos(frame: &Frame, at: usize) -> u8 {
    let bytes = frame.to_vec();
    ip::Header::parse(&bytes[at..], bytes.len() - at).expect("a good header").tos
}

#[test]
fn whoever_knows_ecn_is_marked() {
    let pool = Pool::new();
    let ethernet = |kind: [u8; 2]| [&[2; 12][..], &kind].concat();
    let tagged = [&[2; 12][..], &[0x81, 0, 0, 9, 8, 0]].concat();
    let links = [
        (Medium::Ip, vec![], V4),
        (Medium::Ip, vec![], V6),
        (Medium::Ethernet, ethernet([8, 0]), V4),
        (Medium::Ethernet, ethernet([0x86, 0xdd]), V6),
        (Medium::Ethernet, tagged, V4),
    ];
    for (medium, link, addrs) in links {
        for (before, after) in [(0xb8, None), (0xb9, Some(0xbb)), (2, Some(3)), (3, Some(3))] {
            let built = packet(&link, addrs, before);
            let received = Frame::copied(&pool, &built.to_vec());
            for mut frame in [built, received] {
                frame.origin.0 = 5;
                let other = frame.clone();
                let marked = mark(&pool, &mut frame, medium);
                assert_eq!(marked, after.is_some(), "{addrs:?} {before}");
                assert_eq!(tos(&frame, link.len()), after.unwrap_or(before));
                assert_eq!((tos(&other, link.len()), frame.origin.0), (before, 5));
                assert_eq!(frame.len(), other.len());
            }
        }
    }
}

#[test]
fn what_is_no_ip_packet_stays() {
    let pool = Pool::new();
    let arp = [&[2; 12][..], &[8, 6], &[0x45, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
    for (medium, bytes) in [
        (Medium::Ethernet, arp),
        (Medium::Ethernet, vec![2; 13]),
        (Medium::Ethernet, [&[2; 12][..], &[8, 0]].concat()),
        (Medium::Ip, vec![]),
        (Medium::Ip, vec![0x45, 1]),
        (Medium::Ip, vec![0x60]),
        (Medium::Ip, vec![0x11; 20]),
    ] {
        let mut frame = Frame::copied(&pool, &bytes);
        assert!(!mark(&pool, &mut frame, medium));
        assert_eq!(frame.to_vec(), bytes);
    }
}
