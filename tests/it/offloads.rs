//! With offloads and without, the same bytes arrive by the same rules: a super-segment is a number
//! of segments, for who sends it and for who receives it.

use crate::support::pipe::Pipe;
use crate::support::{A, ADDR, B, World, addr, setup};
use netglass::base::Frame;
use netglass::wire::split;
use std::time::Duration;

const VOLUME: [usize; 2] = [3_000_000, 700_000];

/// What crossed between the hosts.
#[derive(Default)]
struct Crossed {
    frames: usize,
    /// Segments, as a wire would carry them, and the payload in them.
    segments: usize,
    payload: usize,
    /// ACKs without data.
    acks: usize,
    /// The most that one ACK of B's acknowledges, and how far they have come.
    largest: u32,
    acked: Option<u32>,
    /// The most that B would offer as window, bytes.
    offer: u64,
}

/// Two hosts exchange their volumes, each with offloads or without.
fn exchange(offload: [bool; 2], volume: [usize; 2]) -> (Crossed, [u64; 2]) {
    let mut world = World::of([A, B].map(|host| setup(host, 5, 1500, offload[host])));
    world.delay = Duration::from_millis(3);
    let ends = world.connected_at(addr(B, 80));
    let mut crossed = Crossed::default();
    let mut pipe = Pipe::new(ends, volume);
    let mut received = [0; 2];
    let (id_a, id_b) = ends;
    pipe.run(&mut world, |world| {
        for (host, id) in [(A, id_a), (B, id_b)] {
            if let Ok(info) = world.hosts[host].info(world.now, id) {
                received[host] = info.bytes_received;
                if host == B {
                    crossed.offer = crossed.offer.max(info.rcv_ssthresh);
                }
            }
        }
        // A direct joint holds what was sent at this moment.
        for host in [A, B] {
            let crate::support::Joint::Direct(queue) = &world.joints[host] else { continue };
            let arrives = world.now + world.delay;
            for (_, frame) in queue.iter().filter(|(at, _)| *at == arrives) {
                crossed.count(host, frame);
            }
        }
    });
    (crossed, received)
}

impl Crossed {
    fn count(&mut self, host: usize, frame: &Frame) {
        self.frames += 1;
        if host == B {
            self.count_ack(&frame.to_vec());
        }
        for piece in split::split(frame, 1500).expect("what is sent can be split") {
            let bytes = piece.to_vec();
            let tcp = 20 + usize::from(bytes[32] >> 4) * 4;
            self.segments += 1;
            self.payload += bytes.len() - tcp;
            assert!(bytes.len() <= 1500, "from {}", ADDR[A]);
        }
    }
}

impl Crossed {
    fn count_ack(&mut self, packet: &[u8]) {
        let tcp = 20 + usize::from(packet[32] >> 4) * 4;
        let ack = u32::from_be_bytes(packet[28..32].try_into().expect("four bytes"));
        let newly = self.acked.map_or(0, |acked| ack.wrapping_sub(acked));
        self.acked = Some(ack);
        self.largest = self.largest.max(newly);
        self.acks += usize::from(packet.len() == tcp && newly > 0);
    }
}

/// What a wire brings at one moment is a batch: it has ACKs for about 64 KiB each, not one for all.
/// And what comes merged makes the window grow as what comes in segments does.
#[test]
fn merged_segments_are_acknowledged_and_make_room_as_single_ones_do() {
    let volume = [VOLUME[A], 0];
    let (plain, _) = exchange([false, false], volume);
    for offload in [[false, false], [true, false], [false, true], [true, true]] {
        let (with, _) = exchange(offload, volume);
        assert!(with.largest < 2 * 0xffff, "{offload:?}: {} bytes", with.largest);
        assert!(with.acks >= volume[A] / (2 * 0xffff), "{offload:?}: {} ACKs", with.acks);
        let (offer, usual) = (with.offer, plain.offer);
        assert!(4 * offer >= 3 * usual, "{offload:?}: {offer} and {usual} bytes");
    }
}

#[test]
fn the_same_bytes_arrive_in_fewer_frames() {
    let (plain, received) = exchange([false, false], VOLUME);
    assert_eq!(plain.frames, plain.segments);
    for offload in [[true, false], [false, true], [true, true]] {
        let (with, also) = exchange(offload, VOLUME);
        assert_eq!(also, received, "{offload:?}");
        assert_eq!(with.payload, plain.payload, "{offload:?}: nothing is sent twice");
        assert!(with.frames < plain.frames, "{offload:?}: {} frames", with.frames);
    }
    let (both, _) = exchange([true, true], VOLUME);
    assert!(both.frames * 4 < plain.frames, "{} and {} frames", both.frames, plain.frames);
}
