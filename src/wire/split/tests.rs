//! The splitter against etherparse's checksums and the original's bytes.

use super::*;
use crate::base::{Chunk, Mac, Pool};
use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TransportSlice};
use proptest::prelude::*;

/// What to build.
#[derive(Clone, Debug)]
struct Spec {
    v6: bool,
    udp: bool,
    payload: Vec<u8>,
    /// Where the frame's bytes are cut into chunks.
    cuts: [usize; 2],
    /// Whether the headers are in the head, as in frames this host built.
    own: bool,
    partial: bool,
}

const FLAGS: u8 = FIN | PSH | CWR | 0x10;
const SEQ: u32 = u32::MAX - 700;
const ID: u16 = u16::MAX - 1;

fn packet(spec: &Spec) -> (Vec<u8>, usize) {
    let ip = if spec.v6 {
        PacketBuilder::ipv6([1; 16], [2; 16], 64)
    } else {
        let mut header = etherparse::Ipv4Header::new(
            0,
            64,
            if spec.udp { etherparse::IpNumber::UDP } else { etherparse::IpNumber::TCP },
            [10, 0, 0, 1],
            [10, 0, 0, 2],
        )
        .expect("an empty packet is not too long");
        header.identification = ID;
        PacketBuilder::ip(etherparse::IpHeaders::Ipv4(header, Default::default()))
    };
    let mut bytes = Vec::new();
    let ip_len = if spec.v6 { 40 } else { 20 };
    if spec.udp {
        ip.udp(1000, 2000).write(&mut bytes, &spec.payload).expect("a vector takes all");
        return (bytes, ip_len + 8);
    }
    ip.tcp(1000, 2000, SEQ, 500)
        .options_raw(&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2])
        .expect("options of 12 bytes fit")
        .write(&mut bytes, &spec.payload)
        .expect("a vector takes all");
    bytes[ip_len + 13] = FLAGS;
    (bytes, ip_len + 32)
}

fn frame(spec: &Spec, gso: Option<u16>) -> (Frame, Vec<u8>) {
    let pool = Pool::new();
    let (mut bytes, headers) = packet(spec);
    let layout = Layout::of(&bytes, bytes.len(), true).expect("built well");
    let at = layout.checksum_at().expect("TCP or UDP");
    put16(&mut bytes, at, 0);
    let len = layout.total - layout.ip;
    let sum = match spec.partial {
        true => layout.pseudo(&bytes, len).folded(),
        false => as_sent(layout.proto, layout.pseudo(&bytes, len).bytes(&bytes[layout.ip..])),
    };
    put16(&mut bytes, at, sum);
    let mut frame = Frame::default();
    let mut rest = &bytes[..];
    if spec.own {
        frame.head.prepend(headers).copy_from_slice(&bytes[..headers]);
        rest = &bytes[headers..];
    }
    let first = if spec.own { 0 } else { headers };
    let [a, b] = spec.cuts.map(|cut| first + cut % (rest.len() - first + 1));
    let (a, b) = (a.min(b), a.max(b));
    let chunks: [Chunk; 3] = [&rest[..a], &rest[a..b], &rest[b..]].map(|part| pool.copy(part));
    chunks.into_iter().for_each(|chunk| frame.body.push(chunk));
    let kind = if spec.udp { GsoKind::Udp } else { GsoKind::Tcp };
    frame.offload = Offload {
        gso: gso.map(|size| Gso { kind, size }),
        checksum: if spec.partial { Checksum::Partial } else { Checksum::Complete },
    };
    frame.origin = EventId(7);
    (frame, bytes)
}

/// Checks lengths and checksums with etherparse; gives the transport payload.
#[track_caller]
fn verify(piece: &Frame) -> Vec<u8> {
    assert_eq!(piece.offload, Offload::default());
    assert_eq!(piece.origin, EventId(7));
    let bytes = piece.to_vec();
    let sliced = SlicedPacket::from_ip(&bytes).expect("a piece is a packet");
    let net = sliced.net.expect("with an IP header");
    match (&net, sliced.transport.expect("with a transport header")) {
        (NetSlice::Ipv4(ip), transport) => {
            let header = ip.header().to_header();
            assert_eq!(header.header_checksum, header.calc_header_checksum());
            assert_eq!(usize::from(header.total_len), bytes.len());
            let header = ip.header();
            match transport {
                TransportSlice::Tcp(tcp) => {
                    let (src, dst) = (header.source(), header.destination());
                    assert_eq!(Ok(tcp.checksum()), tcp.calc_checksum_ipv4(src, dst));
                    tcp.payload().to_vec()
                }
                TransportSlice::Udp(udp) => {
                    assert_eq!(usize::from(udp.length()), bytes.len() - 20);
                    let again =
                        udp.to_header().calc_checksum_ipv4(&header.to_header(), udp.payload());
                    assert_eq!(udp.checksum(), again.expect("short enough"));
                    udp.payload().to_vec()
                }
                _ => panic!("TCP or UDP"),
            }
        }
        (NetSlice::Ipv6(ip), transport) => {
            assert_eq!(usize::from(ip.header().payload_length()), bytes.len() - 40);
            let header = ip.header().to_header();
            match transport {
                TransportSlice::Tcp(tcp) => {
                    assert_eq!(
                        Ok(tcp.checksum()),
                        tcp.calc_checksum_ipv6(header.source, header.destination)
                    );
                    tcp.payload().to_vec()
                }
                TransportSlice::Udp(udp) => {
                    assert_eq!(usize::from(udp.length()), bytes.len() - 40);
                    let again = udp.to_header().calc_checksum_ipv6(&header, udp.payload());
                    assert_eq!(udp.checksum(), again.expect("short enough"));
                    udp.payload().to_vec()
                }
                _ => panic!("TCP or UDP"),
            }
        }
        _ => panic!("IPv4 or IPv6"),
    }
}

fn specs() -> impl Strategy<Value = Spec> {
    let payload = proptest::collection::vec(any::<u8>(), 0..4000);
    let cuts = [any::<usize>(), any::<usize>()];
    (any::<bool>(), any::<bool>(), payload, cuts, any::<bool>(), any::<bool>()).prop_map(
        |(v6, udp, payload, cuts, own, partial)| Spec { v6, udp, payload, cuts, own, partial },
    )
}

proptest! {
    #[test]
    fn pieces_are_the_original_in_packets(spec in specs(), size in 1u16..1500) {
        let (frame, bytes) = frame(&spec, Some(size));
        let headers = bytes.len() - spec.payload.len();
        let mtu = headers + usize::from(size);
        let pieces = split(&frame, mtu).expect("pieces fit");
        let count = pieces.len();
        prop_assert_eq!(count, spec.payload.len().div_ceil(size.into()).max(1));
        let ip = if spec.v6 { 40 } else { 20 };
        let mut payload = Vec::new();
        for (i, piece) in pieces.enumerate() {
            prop_assert!(piece.len() <= mtu);
            let bytes = piece.to_vec();
            if !spec.v6 {
                prop_assert_eq!(be16(&bytes, 4), ID.wrapping_add(i as u16));
            }
            if !spec.udp {
                let seq = u32::from_be_bytes(bytes[ip + 4..ip + 8].try_into().unwrap());
                prop_assert_eq!(seq, SEQ.wrapping_add(payload.len() as u32));
                let first = if i == 0 { CWR } else { 0 };
                let last = if i + 1 == count { FIN | PSH } else { 0 };
                prop_assert_eq!(bytes[ip + 13], 0x10 | first | last);
            }
            payload.extend(verify(&piece));
        }
        prop_assert_eq!(payload, spec.payload);
    }

    #[test]
    fn a_packet_that_fits_is_itself(spec in specs()) {
        let (frame, bytes) = frame(&spec, None);
        let mut pieces = split(&frame, bytes.len()).expect("it fits");
        let only = pieces.next().expect("one packet");
        prop_assert!(pieces.next().is_none());
        prop_assert_eq!(verify(&only), spec.payload);
        let mut completed = frame.clone();
        complete(&mut completed).expect("well made");
        prop_assert_eq!(completed.to_vec(), only.to_vec());
        prop_assert_eq!(frame.to_vec(), bytes, "the shared original keeps its bytes");
    }

    /// Whatever the bytes, the answer is packets within the MTU or an error.
    #[test]
    fn nonsense_is_refused(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
        start in prop_oneof![Just(0x45u8), Just(0x60), Just(0x4f), any::<u8>()],
        proto in prop_oneof![Just(TCP), Just(UDP), Just(0), Just(60), Just(44), any::<u8>()],
        head in 0usize..144, udp: bool, size in 0u16..100, partial: bool, gso: bool,
    ) {
        let next = if start == 0x60 { proto } else { 0 };
        for (at, byte) in [(0, start), (6, next), (7, 0), (9, proto)] {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        if bytes.len() > 4 {
            let len = bytes.len() as u16;
            put16(&mut bytes, 2, len);
        }
        let pool = Pool::new();
        let head = head.min(bytes.len());
        let mut frame = Frame { body: pool.copy(&bytes[head..]).into(), ..Frame::default() };
        frame.head.prepend(head).copy_from_slice(&bytes[..head]);
        let kind = if udp { GsoKind::Udp } else { GsoKind::Tcp };
        frame.offload.gso = gso.then_some(Gso { kind, size });
        if partial {
            frame.offload.checksum = Checksum::Partial;
        }
        if let Ok(pieces) = split(&frame, 120) {
            prop_assert!(pieces.into_iter().all(|piece| piece.len() <= 120));
        }
        let before = frame.to_vec();
        if complete(&mut frame).is_err() {
            prop_assert_eq!(frame.to_vec(), before);
        }
    }
}

fn spec(payload: usize) -> Spec {
    Spec {
        v6: false,
        udp: false,
        payload: vec![5; payload],
        cuts: [0, 0],
        own: true,
        partial: true,
    }
}

#[test]
fn instructions_that_cannot_be_followed_are_refused() {
    let refused = |frame: &Frame, mtu| split(frame, mtu).err();
    let (whole, _) = frame(&spec(3000), None);
    assert_eq!(refused(&whole, 1500), Some(Unsplittable::TooLong { len: 3052, mtu: 1500 }));
    let (long, _) = frame(&spec(3000), Some(1460));
    assert_eq!(refused(&long, 1500), Some(Unsplittable::TooLong { len: 1512, mtu: 1500 }));
    let (zero, _) = frame(&spec(3000), Some(0));
    assert_eq!(refused(&zero, 1500), Some(Unsplittable::Instructions));
    let (mut syn, _) = frame(&spec(3000), Some(1000));
    syn.head.bytes_mut()[33] |= 0x02;
    assert_eq!(refused(&syn, 1500), Some(Unsplittable::Instructions));
    let (mut udp, _) = frame(&spec(3000), Some(1000));
    udp.offload.gso = Some(Gso { kind: GsoKind::Udp, size: 1000 });
    assert_eq!(refused(&udp, 1500), Some(Unsplittable::Protocol));
    let (mut fragment, _) = frame(&spec(3000), Some(1000));
    fragment.head.bytes_mut()[6] = 0x20;
    assert_eq!(refused(&fragment, 1500), Some(Unsplittable::Fragment));
    let (mut padded, bytes) = frame(&spec(100), None);
    padded.body.push(Pool::new().copy(&[0; 6]));
    let only = split(&padded, 1500).expect("padding is cut off").next().expect("one packet");
    assert_eq!(only.len(), bytes.len());
}

#[test]
fn frames_that_need_nothing_pass_whatever_they_hold() {
    let pool = Pool::new();
    for bytes in [&b"no packet"[..], &[0x45, 0, 0, 20][..]] {
        let frame = Frame::copied(&pool, bytes);
        let out: Vec<_> = split(&frame, 1500).expect("nothing to do").collect();
        assert_eq!((out.len(), out[0].to_vec()), (1, bytes.to_vec()));
    }
}

#[test]
fn a_udp_datagram_without_checksum_stays_without() {
    let mut spec = spec(2500);
    (spec.udp, spec.partial) = (true, false);
    let (mut long, _) = frame(&spec, Some(1000));
    long.head.bytes_mut()[26..28].copy_from_slice(&[0, 0]);
    let sums: Vec<_> = split(&long, 1500).expect("fits").map(|p| be16(&p.to_vec(), 26)).collect();
    assert_eq!(sums, [0, 0, 0]);
}

/// Behind an Ethernet header, with or without a tag, the pieces are those of the bare packet.
#[test]
fn ethernet_frames_are_cut_like_their_packets() {
    for (tag, mtu) in [(None, 1_500), (Some(ethernet::Tag { id: 5, ..<_>::default() }), 576)] {
        let header = ethernet::Header {
            dst: Mac([2; 6]),
            src: Mac([4; 6]),
            tag,
            ethertype: ethernet::ethertype::IPV4,
        };
        let (own, partial) = (true, true);
        let payload = (0..5_000).map(|n| n as u8).collect();
        let spec = Spec { v6: false, udp: false, payload, cuts: [900, 2_000], own, partial };
        let (bare, _) = frame(&spec, Some(mtu as u16 - 52));
        let mut framed = bare.clone();
        header.emit(&mut framed.head);
        let mut link = Head::new();
        header.emit(&mut link);
        let packets: Vec<_> = split(&bare, mtu).expect("it can be cut").collect();
        let frames: Vec<_> =
            split_on(Medium::Ethernet, &framed, mtu).expect("it can be cut").collect();
        assert!(packets.len() > 3);
        assert_eq!(frames.len(), packets.len());
        for (frame, packet) in frames.iter().zip(&packets) {
            assert_eq!(frame.to_vec(), [&link[..], &packet.to_vec()].concat());
        }
        // The header does not count: a packet of the link's MTU passes, one byte more does not.
        assert!(split_on(Medium::Ethernet, &frames[0], mtu).is_ok());
        assert!(matches!(
            split_on(Medium::Ethernet, &frames[0], mtu - 1),
            Err(Unsplittable::TooLong { len, .. }) if len == mtu
        ));
        // In one run of bytes as well.
        let pool = Pool::new();
        let mut run = Frame::copied(&pool, &framed.to_vec());
        run.offload = framed.offload;
        let again: Vec<_> = split_on(Medium::Ethernet, &run, mtu).expect("the same").collect();
        assert_eq!(again.len(), frames.len());
        assert!(again.iter().zip(&frames).all(|(a, b)| a.to_vec() == b.to_vec()));
        let mut partial = frames[0].clone();
        partial.offload.checksum = Checksum::Partial;
        let whole = partial.to_vec();
        partial.head.bytes_mut()[link.len() + 36] ^= 0x55;
        complete_on(Medium::Ethernet, &mut partial).expect("its headers are there");
        assert_eq!(partial.to_vec(), whole);
    }
}
