//! What was joined and is split again is what came, bit by bit.

use super::*;
use crate::device::split;
use etherparse::PacketBuilder;
use proptest::prelude::*;
use std::collections::VecDeque;

/// A packet of a stream: what differs from the one before, in order.
#[derive(Clone, Debug)]
struct Made {
    v6: bool,
    size: usize,
    push: bool,
    /// Bytes to skip before it.
    gap: u32,
    ack: u32,
    stamp: u32,
    /// A byte to spoil, from the packet's start.
    spoil: Option<usize>,
}

fn made() -> impl Strategy<Value = Made> {
    let seldom = |one_in: u32| (0..one_in).prop_map(|n| n == 0);
    let size = prop_oneof![6 => Just(1000usize), 1 => 0usize..1000];
    (seldom(16), size, seldom(8), seldom(12), seldom(12), seldom(12), seldom(12), 0usize..1500)
        .prop_map(|(v6, size, push, gap, ack, stamp, spoil, at)| Made {
            v6,
            size,
            push,
            gap: u32::from(gap) * 7,
            ack: u32::from(ack),
            stamp: u32::from(stamp),
            spoil: spoil.then_some(at),
        })
}

fn packets(medium: Medium, stream: &[Made]) -> Vec<Vec<u8>> {
    let (mut seq, mut ack, mut stamp) = (u32::MAX - 20_000, 5, 9);
    let packet = |(n, made): (usize, &Made)| {
        (seq, ack, stamp) = (seq.wrapping_add(made.gap), ack + made.ack, stamp + made.stamp);
        let option = etherparse::TcpOptionElement::Timestamp(stamp, 1);
        let mut tcp = etherparse::TcpHeader::new(80, 4000, seq, 500);
        (tcp.ack, tcp.psh, tcp.acknowledgment_number) = (true, made.push, ack);
        tcp.set_options(&[option]).expect("a timestamp fits");
        seq = seq.wrapping_add(made.size as u32);
        let mut v4 =
            etherparse::Ipv4Header::new(0, 64, etherparse::IpNumber::TCP, [10; 4], [11; 4])
                .expect("it is short");
        v4.identification = (n as u16).wrapping_sub(9);
        let v6 = etherparse::Ipv6Header {
            hop_limit: 64,
            source: [10; 16],
            destination: [11; 16],
            ..etherparse::Ipv6Header::default()
        };
        let ip = match made.v6 {
            true => etherparse::IpHeaders::Ipv6(v6, <_>::default()),
            false => etherparse::IpHeaders::Ipv4(v4, <_>::default()),
        };
        let builder = match medium {
            Medium::Ip => PacketBuilder::ip(ip),
            Medium::Ethernet => PacketBuilder::ethernet2([2; 6], [4; 6]).ip(ip),
        };
        let (mut bytes, payload) = (Vec::new(), vec![n as u8; made.size]);
        builder.tcp_header(tcp).write(&mut bytes, &payload).expect("a vector takes all");
        if let Some(byte) = made.spoil.and_then(|at| bytes.get_mut(at)) {
            *byte ^= 4;
        }
        bytes
    };
    stream.iter().enumerate().map(packet).collect()
}

/// What a device gives that reads these packets.
fn received(medium: Medium, packets: &[Vec<u8>]) -> Vec<Frame> {
    received_by(Gro::default(), (medium, 1514), packets)
}

fn received_by(mut gro: Gro, shape: (Medium, usize), packets: &[Vec<u8>]) -> Vec<Frame> {
    let pool = Pool::new();
    let mut queue: VecDeque<&Vec<u8>> = packets.iter().collect();
    let mut read = |room: &mut [u8]| {
        let Some(packet) = queue.pop_front() else { return Ok(None) };
        room[..packet.len()].copy_from_slice(packet);
        Ok(Some(packet.len()))
    };
    let next = || gro.receive(&pool, shape, &mut read).expect("no error");
    std::iter::from_fn(next).collect()
}

fn apart(medium: Medium, frames: &[Frame]) -> Vec<Vec<u8>> {
    let pieces = |frame: &Frame| match frame.offload.gso {
        None => vec![frame.to_vec()],
        Some(_) => {
            let pieces = split::split_on(medium, frame, 1500).expect("joined from such pieces");
            pieces.map(|piece| piece.to_vec()).collect()
        }
    };
    frames.iter().flat_map(pieces).collect()
}

#[test]
fn a_stream_becomes_super_segments() {
    let plain = Made { v6: false, size: 1000, push: false, gap: 0, ack: 0, stamp: 0, spoil: None };
    for (medium, v6) in [(Medium::Ip, false), (Medium::Ethernet, true)] {
        let mut stream = vec![Made { v6, ..plain.clone() }; 200];
        stream[30].push = true;
        stream[40].size = 10;
        let packets = packets(medium, &stream);
        let frames = received(medium, &packets);
        let segments = |frame: &Frame| {
            let headers = packets[0].len() - 1000;
            (frame.len() - headers).div_ceil(1000)
        };
        let counts: Vec<usize> = frames.iter().map(segments).collect();
        assert_eq!(counts[..2], [31, 10], "up to the push, and up to the short one");
        assert_eq!(counts[2..], [64, 64, 31], "as much as one packet may hold");
        assert_eq!(apart(medium, &frames), packets);
    }
}

#[test]
fn jumbo_packets_are_given_as_they_are() {
    nothing_is_joined(Gro::default(), 65_535);
}

#[test]
fn a_device_that_joins_nothing_gives_every_segment() {
    nothing_is_joined(Gro::apart(), 1500);
}

#[track_caller]
fn nothing_is_joined(gro: Gro, longest: usize) {
    let stream =
        vec![Made { v6: false, size: 1000, push: false, gap: 0, ack: 0, stamp: 0, spoil: None }; 3];
    let packets = packets(Medium::Ip, &stream);
    let frames = received_by(gro, (Medium::Ip, longest), &packets);
    assert!(frames.iter().all(|frame| frame.offload == Offload::default()));
    assert_eq!(frames.iter().map(Frame::to_vec).collect::<Vec<_>>(), packets);
}

proptest! {
    #[test]
    fn what_is_joined_can_be_told_apart(
        stream in proptest::collection::vec(made(), 0..150),
        ethernet: bool,
    ) {
        let medium = if ethernet { Medium::Ethernet } else { Medium::Ip };
        let packets = packets(medium, &stream);
        prop_assert_eq!(apart(medium, &received(medium, &packets)), packets);
    }
}

/// A device that fails has given what came before: it is handed over, and then the error.
#[test]
fn an_error_waits_for_what_was_read() {
    let usual = Made { v6: false, size: 1000, push: false, gap: 0, ack: 0, stamp: 0, spoil: None };
    let (pool, mut gro) = (Pool::new(), Gro::default());
    let mut queue: VecDeque<_> = packets(Medium::Ip, &vec![usual; 3]).into();
    let mut read = |room: &mut [u8]| {
        let Some(packet) = queue.pop_front() else { return Err(io::ErrorKind::BrokenPipe.into()) };
        room[..packet.len()].copy_from_slice(&packet);
        Ok(Some(packet.len()))
    };
    let mut next = || gro.receive(&pool, (Medium::Ip, 1514), &mut read);
    let joined = next().expect("no error yet").expect("three packets");
    assert_eq!(joined.len(), 3000 + 20 + 20 + 12);
    for _ in 0..2 {
        assert_eq!(next().map(|_| ()).map_err(|e| e.kind()), Err(io::ErrorKind::BrokenPipe));
    }
}
