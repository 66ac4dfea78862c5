//! Established bulk transfer allocates nothing inside the core, in either direction, and neither
//! does a packet that is passed on: counted by the allocator, per thread. The same allocator says
//! how much a thread holds.

use crate::support::{A, B, World, addr, addr6, ethernet, setup};
use netglass::base::{ConnId, SocketError};
use netglass::observe::recording::Recorder;
use netglass::stack::Input;
use netglass::tcp::Ecn;
use netglass::tcp::cc::Algorithm;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static HELD: Cell<i64> = const { Cell::new(0) };
}

/// Bytes that this thread has allocated, less those it has given back.
pub(crate) fn held() -> i64 {
    HELD.get()
}

fn hold(bytes: usize) {
    HELD.set(HELD.get() + bytes as i64);
}

fn let_go(bytes: usize) {
    HELD.set(HELD.get() - bytes as i64);
}

// SAFETY: every call is handed to the system's allocator unchanged; the counters are plain data of
// the calling thread, with const initializers that themselves allocate nothing.
#[allow(unsafe_code, reason = "a counting allocator is an allocator")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        hold(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        let_go(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        hold(size);
        let_go(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Moves `bytes` from `from` to the other host.
fn pump(world: &mut World, from: usize, conns: [ConnId; 2], bytes: usize) {
    static DATA: [u8; 1 << 16] = [7; 1 << 16];
    let (mut sent, mut got) = (0, 0);
    let mut room = [0; 1 << 14];
    while got < bytes {
        let now = world.now;
        while sent < bytes {
            let n = DATA.len().min(bytes - sent);
            match world.hosts[from].write(now, conns[from], &DATA[..n]) {
                Ok(n) => sent += n,
                Err(SocketError::WouldBlock) => break,
                Err(error) => panic!("{error}"),
            }
        }
        let plans = [A, B].map(|host| world.hosts[host].conn(conns[host]).map(|conn| conn.plan()));
        assert!(world.step(now + Duration::from_secs(5)), "{got} of {bytes}: {plans:?}");
        let (now, host, id) = (world.now, &mut world.hosts[1 - from], conns[1 - from]);
        while let Ok(n) = host.read(now, id, &mut room) {
            got += n;
            let chunk = host.read_chunk(now, id, room.len());
            got += chunk.ok().flatten().map_or(0, |chunk| chunk.len());
        }
    }
}

/// Pools and queues grow to the most they ever hold; then whole passes of thousands of segments
/// allocate nothing.
fn settles(world: &mut World, from: usize, conns: [ConnId; 2], what: &str) {
    let mut quiet = 0;
    for pass in 0.. {
        let before = (world.hosts[from].totals().frames_out, COUNT.get());
        pump(world, from, conns, 8 << 20);
        let frames = world.hosts[from].totals().frames_out - before.0;
        let count = COUNT.get() - before.1;
        assert!(frames > 100);
        quiet = if count == 0 { quiet + 1 } else { 0 };
        if quiet == 2 {
            break;
        }
        assert!(pass < 20, "{what}: {count} allocations for {frames} frames");
    }
}

#[test]
fn bulk_transfer_allocates_nothing() {
    let v4 = [(1500, false, false), (1500, true, false), (65_535, false, false)];
    let v6 = [(1500, false, true), (1500, true, true)];
    let bare = v4.into_iter().chain(v6).map(|wire| (false, wire));
    for (framed, (mtu, offload, v6)) in bare.chain(v4.map(|wire| (true, wire))) {
        let make = if framed { ethernet } else { setup };
        for from in [A, B] {
            let mut world = World::of([make(A, 1, mtu, offload), make(B, 1, mtu, offload)]);
            let (a, b) = world.connected_at(if v6 { addr6(B, 80) } else { addr(B, 80) });
            let medium = world.medium;
            let what = format!("{medium:?} mtu {mtu} offload {offload} v6 {v6} from {from}");
            settles(&mut world, from, [a, b], &what);
        }
    }
}

/// A frame is kept and written without an allocation of its own: there are a few in each turn.
#[test]
fn recording_allocates_nothing_for_a_frame() {
    for offload in [false, true] {
        let make = |host| setup(host, 1, 1500, offload);
        let mut world = World::of([make(A), make(B)]);
        world.hosts[B].record();
        let mut recorder = Recorder::new(std::io::sink(), &make(B)).unwrap();
        let (a, b) = world.connected_at(addr(B, 80));
        for pass in 0.. {
            let before = COUNT.get();
            pump(&mut world, A, [a, b], 4 << 20);
            let inputs = world.hosts[B].take_inputs();
            let is_frame = |input: &&_| matches!(input, (_, Input::Frame { .. }));
            let frames = inputs.iter().filter(is_frame).count();
            recorder.inputs(inputs).unwrap();
            recorder.flush().unwrap();
            let count = COUNT.get() - before;
            if count < 30 && frames > 60 {
                break;
            }
            assert!(pass < 20, "offload {offload}: {count} allocations for {frames} frames");
        }
    }
}

/// A packet that is passed on, on links of either kind, in one run of bytes or with a head.
/// Nor do the algorithms, pacing and what marks need.
#[test]
fn congestion_control_allocates_nothing() {
    for algorithm in Algorithm::ALL {
        let hosts = [A, B].map(|n| {
            let mut setup = setup(n, 1, 1500, true);
            (setup.tcp.congestion, setup.tcp.pacing, setup.tcp.ecn) = (algorithm, true, Ecn::On);
            setup
        });
        let mut world = World::of(hosts);
        let (a, b) = world.connected_at(addr(B, 80));
        settles(&mut world, A, [a, b], algorithm.name());
    }
}

#[test]
fn forwarding_allocates_nothing() {
    use crate::support::net::{iface, ip, mac, node};
    use netglass::base::{Frame, IfaceId, Instant};
    use netglass::stack::Stack;
    use netglass::wire::ethernet::Header;
    let (now, to) = (Instant::ZERO, mac(2));
    for ethernet in [true, false] {
        let link = |n| Some(n).filter(|_| ethernet);
        let r = iface(node(2), link(2), 1500, &["10.0.1.1/24", "fd00:1::1/64"]);
        let r = iface(r, link(3), 1500, &["10.0.2.1/24", "fd00:2::1/64"]).as_router();
        let mut router = Stack::new(r);
        for addr in ["10.0.2.2", "fd00:2::2"].into_iter().filter(|_| ethernet) {
            router.set_neighbor(now, IfaceId(1), ip(addr), Some(mac(4))).expect("room");
        }
        for (src, dst) in [("10.0.1.2", "10.0.2.2"), ("fd00:1::2", "fd00:2::2")] {
            let packet = crate::forward::datagram(src, dst, 1_000, |_| ());
            let pool = router.pool().clone();
            let mut pass = |own_head: bool| {
                let mut frame = Frame::copied(&pool, &packet);
                if own_head {
                    frame.head.prepend(60).copy_from_slice(&packet[..60]);
                    frame.body.advance(60);
                }
                if ethernet {
                    let ethertype = if src.contains(':') { 0x86dd } else { 0x0800 };
                    Header { dst: to, src: mac(1), tag: None, ethertype }.emit(&mut frame.head);
                }
                router.input(now, IfaceId(0), frame);
                let mut sent = 0;
                while let Some((iface, frame)) = router.output(now) {
                    sent += usize::from(iface == IfaceId(1) && frame.len() >= packet.len());
                }
                sent
            };
            for own_head in [true, false] {
                (0..10).for_each(|_| assert_eq!(pass(own_head), 1));
                let before = COUNT.get();
                let sent: usize = (0..1_000).map(|_| pass(own_head)).sum();
                assert_eq!((sent, COUNT.get() - before), (1_000, 0), "{src} {own_head}");
            }
        }
    }
}
