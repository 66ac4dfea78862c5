//! Reading by the chunk: the same bytes as reading into a room, and to the connection the same
//! call, whatever the reader keeps.

use crate::support::{A, B, World, setup};
use netglass::base::{Chunk, ConnId, Pool, SocketError};
use netglass::stack::Setup;
use proptest::prelude::*;
use std::time::Duration;

/// What a reader does.
#[derive(Copy, Clone, Debug)]
enum Step {
    Read(usize),
    Chunk(usize),
    Peek(usize),
}

fn pattern(at: usize) -> u8 {
    (at % 251) as u8
}

/// A reader, and all that it has read.
#[derive(Default)]
struct Reader {
    told: Vec<u8>,
    kept: Vec<Chunk>,
    /// How much each call took.
    sizes: Vec<usize>,
}

impl Reader {
    /// Takes a step, where something is there. What every other step takes is kept for good.
    fn step(&mut self, world: &mut World, id: ConnId, step: Step) {
        let (now, host) = (world.now, &mut world.hosts[B]);
        let mut room = vec![0; 70_000];
        let chunk = match step {
            Step::Read(max) => {
                let n = host.read(now, id, &mut room[..max]).expect("it is there");
                Pool::new().copy(&room[..n])
            }
            Step::Peek(max) => {
                let n = host.peek(now, id, &mut room[..max]).expect("it is there");
                let from = self.told.len();
                let next: Vec<u8> = (from..from + n).map(pattern).collect();
                assert!(room[..n] == next, "what is seen is what comes");
                return;
            }
            Step::Chunk(max) => {
                let chunk = host.read_chunk(now, id, max).expect("it is open");
                chunk.filter(|chunk| chunk.len() <= max).expect("it is there")
            }
        };
        self.told.extend_from_slice(&chunk);
        self.sizes.push(chunk.len());
        if self.sizes.len().is_multiple_of(2) {
            self.kept.push(chunk);
        }
    }
}

/// A world in which A has `len` bytes to say, in writes of `size`, and B reads as it is told.
fn transfer(
    offload: bool,
    (len, size): (usize, usize),
    mut next: impl FnMut() -> Step,
) -> (World, Reader) {
    let setups: [Setup; 2] = [A, B].map(|n| setup(n, 3, 1500, offload));
    let mut world = World::of(setups).listening();
    let (a, b) = world.connected(80);
    let (mut reader, mut written) = (Reader::default(), 0);
    while reader.told.len() < len {
        while written < len {
            let bytes: Vec<u8> = (written..len.min(written + size)).map(pattern).collect();
            let Ok(n) = world.hosts[A].write(world.now, a, &bytes) else { break };
            written += n;
        }
        world.run_for(Duration::from_millis(30));
        while world.hosts[B].conn(b).unwrap().queues().0 > 0 {
            reader.step(&mut world, b, next());
        }
    }
    world.run_for(Duration::from_secs(2));
    (world, reader)
}

/// Windows, ACKs, buffers that grow and what is told are those of reads of the same lengths.
#[test]
fn to_the_connection_a_chunk_is_a_read() {
    for (offload, size) in [(false, 100_000), (true, 100_000), (false, 700)] {
        let (len, mut n) = (3_000_000 / 100_000 * size, 0);
        let max = || {
            n += 1;
            Step::Chunk([usize::MAX, 5_000, 1_448, 900][n % 4])
        };
        let (by_chunk, reader) = transfer(offload, (len, size), max);
        let mut sizes = reader.sizes.iter();
        let next = || Step::Read(*sizes.next().expect("as many"));
        let (by_read, other) = transfer(offload, (len, size), next);
        assert!(reader.told == other.told, "the same bytes");
        assert_eq!(by_chunk.hash, by_read.hash, "the same frames at the same times");
        assert_eq!(by_chunk.records.len(), by_read.records.len());
        for (one, other) in by_chunk.records.iter().zip(&by_read.records) {
            assert_eq!(one, other);
        }
    }
}

/// What is read is the reader's, and counts no more.
#[test]
fn the_connection_holds_what_was_not_taken() {
    let mut world = World::new(3);
    let (a, b) = world.connected(80);
    world.hosts[A].write(world.now, a, &[7; 4_000]).unwrap();
    world.run_for(Duration::from_secs(1));
    let held = |world: &World| world.hosts[B].conn(b).unwrap().held_bytes();
    assert_eq!(held(&world), 4_000);
    let chunk = world.hosts[B].read_chunk(world.now, b, 1_000).unwrap().expect("data");
    assert_eq!((chunk.len(), held(&world)), (1_000, 3_000));
    let clone = chunk.clone();
    world.hosts[A].shutdown(world.now, a).unwrap();
    world.run_for(Duration::from_secs(1));
    let now = world.now;
    let rest = std::iter::from_fn(|| world.hosts[B].read_chunk(now, b, usize::MAX).unwrap());
    let rest: Vec<Chunk> = rest.collect();
    assert_eq!(rest.iter().map(|chunk| chunk.len()).sum::<usize>(), 3_000);
    assert_eq!((held(&world), world.hosts[B].read(now, b, &mut [0])), (0, Ok(0)));
    world.hosts[B].close(now, b);
    drop(world);
    assert_eq!((&clone[..], &chunk[..]), (&[7; 1_000][..], &[7; 1_000][..]), "it outlives them");
}

/// As of a read: nothing yet, nothing asked, no such connection, the error once, then the end.
#[test]
fn the_same_answers_as_a_read() {
    let mut world = World::new(3);
    let (a, b) = world.connected(80);
    let now = world.now;
    let host = &mut world.hosts[B];
    let got = |answer: Result<Option<Chunk>, SocketError>| answer.map(|chunk| chunk.is_some());
    assert_eq!(got(host.read_chunk(now, b, 10)), Err(SocketError::WouldBlock));
    assert_eq!(got(host.read_chunk(now, b, 0)), Ok(false));
    world.hosts[A].abort(now, a);
    world.run_for(Duration::from_secs(1));
    let (now, host) = (world.now, &mut world.hosts[B]);
    assert_eq!(got(host.read_chunk(now, b, 10)), Err(SocketError::Reset));
    assert_eq!(got(host.read_chunk(now, b, 10)), Ok(false));
    host.close(now, b);
    assert_eq!(got(host.read_chunk(now, b, 10)), Err(SocketError::BadHandle));
}

fn any_step() -> impl Strategy<Value = Step> {
    let most = prop_oneof![1usize..200, 1usize..5_000, Just(65_000)];
    (0..5, most).prop_map(|(kind, most)| match kind {
        0 => Step::Peek(most),
        1 | 2 => Step::Read(most),
        _ => Step::Chunk(most),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Any mix of reads, looks and chunks, some of which are kept, gives what was written.
    #[test]
    fn any_mix_reads_the_same_bytes(
        offload in any::<bool>(),
        size in prop_oneof![1usize..50, 500usize..3_000, Just(100_000)],
        steps in proptest::collection::vec(any_step(), 1..40),
    ) {
        let (len, mut n) = (40 * size.min(5_000), 0);
        let next = || {
            n += 1;
            steps.get(n % (steps.len() + 1)).copied().unwrap_or(Step::Read(1_000))
        };
        let (_, reader) = transfer(offload, (len, size), next);
        prop_assert!(reader.told.iter().enumerate().all(|(at, byte)| *byte == pattern(at)));
        prop_assert_eq!(reader.told.len(), len);
        let kept: usize = reader.kept.iter().map(|chunk| chunk.len()).sum();
        prop_assert!(kept <= len);
    }
}
