//! A host whose connections' queues hold as much as they may together: each gets by on its share,
//! nobody is shut out, and what was held goes back.

use crate::support::puppet::{A, Puppet, S, SA, WND, host_setup, mss, none};
use crate::support::seen::scenarios;
use netglass::base::pool::CLASSES;
use netglass::base::{ConnId, Limit, Seq, SocketError};
use netglass::socket::{Interest, SocketId};
use netglass::stack::{Event, ListenOptions};
use netglass::tcp::State;

scenarios![both families:
    data_beyond_the_budget_waits,
    writers_get_by_on_their_share,
    what_was_held_goes_back,
    single_bytes_cost_their_blocks,
];

/// What a small piece of data behind a gap costs.
const BLOCK: u64 = CLASSES[0] as u64;

/// A host whose queues may hold 20 000 bytes, with a listener.
fn small() -> Puppet {
    let mut setup = host_setup();
    setup.tcp_memory = 20_000;
    setup.tcp.minshall = false;
    let mut p = Puppet::of(setup);
    p.listen(ListenOptions::default());
    p
}

/// Another connection: its number, the peer's port and our initial sequence number.
fn connect(p: &mut Puppet, port: u16) -> (ConnId, u16, Seq) {
    p.remote.set_port(port);
    p.inject(S, 0, 0, WND, mss(1000), b"");
    p.expect(SA, 0, 1, 0);
    p.inject(A, 1, 1, WND, none(), b"");
    (p.accept(), port, p.iss)
}

/// The puppet goes on as the peer of this one.
fn be(p: &mut Puppet, (conn, port, iss): (ConnId, u16, Seq)) {
    (p.conn, p.iss) = (Some(conn), iss);
    p.remote.set_port(port);
}

/// 21 000 bytes that nobody reads.
fn fill(p: &mut Puppet) {
    for n in 0..21 {
        p.data(1 + n * 1000, 1000);
    }
    p.take_all();
    assert!(p.stack.tcp().is_pressed());
}

fn told(p: &Puppet) -> usize {
    let limit = Limit::Memory { max: 19 };
    let is = |event: &Event| matches!(event, Event::Limit { limit: told } if *told == limit);
    p.records.iter().filter(|record| is(&record.event)).count()
}

fn data_beyond_the_budget_waits() {
    let mut p = small();
    connect(&mut p, 4000);
    fill(&mut p);
    let edge = 21_001 + p.info().rcv_wnd as i64;
    for _ in 0..2 {
        p.data(21_001, 1000);
        let refused = p.expect(A, 1, 21_001, 0);
        assert!(refused.ack + i64::from(refused.wnd) <= edge, "no more is offered");
    }
    assert_eq!((p.drops("MemoryFull"), p.stack.tcp().memory()), (2, 21_000));
    // It ends when an eighth is free.
    p.read(1000);
    p.data(21_001, 1000);
    p.take_all();
    assert_eq!((p.drops("MemoryFull"), p.stack.tcp().is_pressed()), (3, true));
    p.read(3000);
    p.take_all();
    assert!(!p.stack.tcp().is_pressed());
    p.data(21_001, 1000);
    p.data(22_001, 1000);
    assert_eq!(p.take_all().last().map(|got| got.ack), Some(23_001));
    assert_eq!(p.stack.hits().of("Memory"), 1);
    assert_eq!(told(&p), 1, "once, however often it matters");
    assert_eq!(p.drops("MemoryFull"), 3);
}

fn writers_get_by_on_their_share() {
    let mut p = small();
    let (first, second) = (connect(&mut p, 4000), connect(&mut p, 4001));
    be(&mut p, first);
    fill(&mut p);
    // The other one has nothing yet: a share of each queue is its own.
    be(&mut p, second);
    assert_eq!(p.write(10_000), 4096);
    assert_eq!(p.take_all().iter().map(|got| got.len()).sum::<usize>(), 4000, "Nagle");
    let conn = second.0;
    assert_eq!(p.stack.write(p.now, conn, b"x"), Err(SocketError::WouldBlock));
    let id = SocketId::Conn(conn);
    assert!(p.stack.want(p.now, id, Interest::WRITE), "there is something to wait for");
    let mut woken = Vec::new();
    p.stack.take_woken(&mut woken);
    assert!(!woken.contains(&id));
    p.ack(4001);
    p.stack.take_woken(&mut woken);
    assert!(woken.contains(&id), "its own share is free again");
    assert_eq!(p.write(10_000), 4000);
    for n in 0..5 {
        p.data(1 + n * 1000, 1000);
    }
    assert_eq!(p.stack.conn(conn).unwrap().queues().0, 5000);
    p.data(5001, 1000);
    assert_eq!(p.drops("MemoryFull"), 1);
    // What the peer still acknowledges is heard beside data that is refused.
    let before = p.stack.conn(conn).unwrap().queues().1;
    p.inject(A, 5001, 8097, WND, none(), &[0; 1000]);
    assert_eq!((before, p.stack.conn(conn).unwrap().queues().1), (4096, 0));
    assert_eq!((p.state(), p.stack.hits().of("Memory")), (State::Established, 1));
}

fn what_was_held_goes_back() {
    let mut p = small();
    let (first, second) = (connect(&mut p, 4000), connect(&mut p, 4001));
    be(&mut p, first);
    fill(&mut p);
    be(&mut p, second);
    p.write(3000);
    p.data(1001, 500); // behind a gap
    assert_eq!(p.stack.tcp().memory(), 24_000 + BLOCK);
    be(&mut p, first);
    p.abort();
    assert_eq!((p.stack.tcp().memory(), p.stack.tcp().is_pressed()), (3000 + BLOCK, false));
    be(&mut p, second);
    p.data(1, 1000);
    p.inject(A, 1501, 3001, WND, none(), b"");
    assert_eq!(p.stack.tcp().memory(), 1500);
    assert_eq!(p.read(2000), 1500);
    assert_eq!(p.stack.tcp().memory(), 0);
    p.write(2000);
    p.close();
    p.inject(A, 1501, 5002, WND, none(), b"");
    assert_eq!(p.stack.tcp().memory(), 0);
}

/// Bytes that lie apart behind a gap are few, and their memory is not.
fn single_bytes_cost_their_blocks() {
    let mut p = small();
    connect(&mut p, 4000);
    for n in 0..100 {
        p.data(101 + n * 2, 1);
    }
    p.take_all();
    let most = 20_000 / BLOCK + 1;
    assert_eq!(p.stack.tcp().memory(), most * BLOCK);
    assert_eq!((p.drops("MemoryFull"), told(&p)), (100 - most, 1));
    p.abort();
    assert_eq!(p.stack.tcp().memory(), 0);
}
