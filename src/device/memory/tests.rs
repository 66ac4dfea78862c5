//! The cable's bounds, its hooks and what offload means.

use super::*;
use crate::base::{Checksum, Gso, GsoKind, Offload};
use etherparse::PacketBuilder;
use std::sync::atomic::{AtomicUsize, Ordering};

fn plain(pool: &Pool, n: u8) -> Frame {
    Frame::copied(pool, &[n; 40])
}

fn super_segment(pool: &Pool, payload: usize) -> Frame {
    let mut bytes = Vec::new();
    PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .tcp(1, 2, 3, 4)
        .write(&mut bytes, &vec![7; payload])
        .expect("a vector takes all");
    let mut frame = Frame::copied(pool, &bytes);
    let gso = Some(Gso { kind: GsoKind::Tcp, size: 1000 });
    frame.offload = Offload { gso, checksum: Checksum::Partial };
    frame
}

fn drain(end: &mut Memory) -> Vec<Frame> {
    let pool = Pool::new();
    std::iter::from_fn(|| end.receive(&pool).expect("memory does not fail")).collect()
}

#[test]
fn frames_cross_in_order_both_ways() {
    let pool = Pool::new();
    let (mut a, mut b) = pair(Options::default());
    for n in 0..5 {
        assert!(a.transmit(&plain(&pool, n)).expect("sent"));
        assert!(b.transmit(&plain(&pool, n + 10)).expect("sent"));
    }
    assert_eq!((a.waiting(), b.waiting()), (5, 5));
    let firsts = |frames: Vec<Frame>| frames.iter().map(|f| f.to_vec()[0]).collect::<Vec<_>>();
    assert_eq!(firsts(drain(&mut b)), [0, 1, 2, 3, 4]);
    assert_eq!(firsts(drain(&mut a)), [10, 11, 12, 13, 14]);
}

#[test]
fn offload_decides_what_crosses() {
    let pool = Pool::new();
    let long = super_segment(&pool, 2500);
    let (mut a, mut b) = pair(Options { offload: true, ..Options::default() });
    assert_eq!(a.offload(), Capabilities { gso: true, checksum: true });
    assert!(a.transmit(&long).expect("sent"));
    let got = drain(&mut b);
    assert_eq!((got.len(), got[0].offload, got[0].len()), (1, long.offload, 2540));

    let (mut a, mut b) = pair(Options::default());
    assert_eq!(a.offload(), Capabilities::default());
    assert!(a.transmit(&long).expect("sent"));
    let got = drain(&mut b);
    assert_eq!(got.iter().map(Frame::len).collect::<Vec<_>>(), [1040, 1040, 540]);
    assert!(got.iter().all(|frame| frame.offload == Offload::default()));
}

#[test]
fn too_long_is_an_error() {
    let pool = Pool::new();
    for offload in [false, true] {
        let (mut a, _b) = pair(Options { offload, ..Options::default() });
        let error = a.transmit(&Frame::copied(&pool, &[0; 1501])).expect_err("too long");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), "a packet of 1501 bytes exceeds the MTU of 1500");
    }
}

#[test]
fn a_full_queue_refuses_and_says_when_there_is_room() {
    let pool = Pool::new();
    let (mut a, mut b) = pair(Options { capacity: 3, ..Options::default() });
    let (calls_a, calls_b) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let count = |calls: &Arc<AtomicUsize>| {
        let calls = Arc::clone(calls);
        move || {
            calls.fetch_add(1, Ordering::SeqCst);
        }
    };
    a.on_change(count(&calls_a));
    b.on_change(count(&calls_b));
    let calls = || (calls_a.load(Ordering::SeqCst), calls_b.load(Ordering::SeqCst));
    assert!(a.transmit(&plain(&pool, 0)).expect("sent"));
    assert!(!a.transmit(&super_segment(&pool, 2500)).expect("no room for three pieces"));
    assert_eq!((b.waiting(), calls()), (1, (0, 1)));
    drain(&mut b);
    assert_eq!(calls(), (1, 1), "room");
    assert!(a.transmit(&super_segment(&pool, 2500)).expect("sent"));
    assert!(!a.transmit(&plain(&pool, 1)).expect("full"));
    assert_eq!((b.waiting(), calls()), (3, (1, 2)));
    drain(&mut b);
    assert!(a.transmit(&super_segment(&pool, 9000)).expect("more than ever fits"));
    assert_eq!((b.waiting(), calls()), (3, (2, 3)));
    assert!(!a.transmit(&plain(&pool, 1)).expect("full"));
    drop(b);
    assert_eq!(calls(), (3, 3), "an unplugged cable takes everything");
    assert!(a.transmit(&plain(&pool, 1)).expect("lost"));
    assert!(drain(&mut a).is_empty());
}

#[test]
fn two_threads_lose_nothing() {
    const FRAMES: u32 = 2_000;
    let (mut a, mut b) = pair(Options { capacity: 8, ..Options::default() });
    let waker = |end: &mut Memory| {
        let (sender, receiver) = std::sync::mpsc::channel();
        end.on_change(move || sender.send(()).unwrap_or_default());
        receiver
    };
    let (room, arrived) = (waker(&mut a), waker(&mut b));
    let sender = std::thread::spawn(move || {
        let pool = Pool::new();
        for n in 0..FRAMES {
            while !a.transmit(&Frame::copied(&pool, &n.to_be_bytes())).expect("sent") {
                room.recv().expect("the other end is there");
            }
        }
    });
    let mut next = 0;
    while next < FRAMES {
        for frame in drain(&mut b) {
            assert_eq!(frame.to_vec(), next.to_be_bytes());
            next += 1;
        }
        if next < FRAMES && b.waiting() == 0 {
            arrived.recv().expect("the sender still sends");
        }
    }
    sender.join().expect("the sender sent all");
}
