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
}

/// Two hosts exchange their volumes, each with offloads or without.
fn exchange(offload: [bool; 2]) -> (Crossed, [u64; 2]) {
    let mut world = World::of([A, B].map(|host| setup(host, 5, 1500, offload[host])));
    world.delay = Duration::from_millis(3);
    let ends = world.connected_at(addr(B, 80));
    let mut crossed = Crossed::default();
    let mut pipe = Pipe::new(ends, VOLUME);
    let mut received = [0; 2];
    let (id_a, id_b) = ends;
    pipe.run(&mut world, |world| {
        for (host, id) in [(A, id_a), (B, id_b)] {
            if let Ok(info) = world.hosts[host].info(world.now, id) {
                received[host] = info.bytes_received;
            }
        }
        // A direct joint holds what was sent at this moment.
        for host in [A, B] {
            let crate::support::Joint::Direct(queue) = &world.joints[host] else { continue };
            let arrives = world.now + world.delay;
            for (_, frame) in queue.iter().filter(|(at, _)| *at == arrives) {
                crossed.count(frame);
            }
        }
    });
    (crossed, received)
}

impl Crossed {
    fn count(&mut self, frame: &Frame) {
        self.frames += 1;
        for piece in split::split(frame, 1500).expect("what is sent can be split") {
            let bytes = piece.to_vec();
            let tcp = 20 + usize::from(bytes[32] >> 4) * 4;
            self.segments += 1;
            self.payload += bytes.len() - tcp;
            assert!(bytes.len() <= 1500, "from {}", ADDR[A]);
        }
    }
}

#[test]
fn the_same_bytes_arrive_in_fewer_frames() {
    let (plain, received) = exchange([false, false]);
    assert_eq!(plain.frames, plain.segments);
    for offload in [[true, false], [false, true], [true, true]] {
        let (with, also) = exchange(offload);
        assert_eq!(also, received, "{offload:?}");
        assert_eq!(with.payload, plain.payload, "{offload:?}: nothing is sent twice");
        assert!(with.frames < plain.frames, "{offload:?}: {} frames", with.frames);
    }
    let (both, _) = exchange([true, true]);
    assert!(both.frames * 4 < plain.frames, "{} and {} frames", both.frames, plain.frames);
}
