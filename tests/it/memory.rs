//! What an idle connection costs in memory: counted by the allocator, tables and their slack
//! included.

use crate::alloc::held;
use crate::support::{A, B, Joint, World, addr};
use netglass::base::{ConnId, SocketError};
use netglass::socket::tcp::Slot;
use netglass::stack::ListenOptions;
use netglass::tcp::State;
use std::time::Duration;

/// Bytes an established connection may cost while nothing happens.
const IDLE_MAX: i64 = 1_024;
/// The same, when data was sent and read: what congestion control and the tuned buffers know stays.
const SILENT_MAX: i64 = 1_280;
/// Bytes a connection in TIME-WAIT may cost.
const TIME_WAIT_MAX: i64 = 1_024;
/// Connections opened at a time: the listener's backlog.
const BATCH: usize = 128;

/// What a host gives back when it is dropped, the free blocks of its pool aside.
fn cost(world: &mut World, host: usize) -> i64 {
    world.hosts[host].pool().trim();
    let empty = World::new(9).hosts.into_iter().nth(host).unwrap();
    let gone = std::mem::replace(&mut world.hosts[host], empty);
    let before = held();
    drop(gone);
    before - held()
}

/// What each of `count` connections costs a host is in bounds.
fn assert_cost(world: &mut World, host: usize, count: usize, most: i64) {
    let each = cost(world, host) / count as i64;
    assert!(each <= most, "host {host}: {each} bytes for each of {count}");
    assert!(each > 500, "host {host}: {each} bytes are too few to be true");
}

/// Two hosts with so many connections between them.
fn connected(count: usize) -> (World, Vec<(ConnId, ConnId)>) {
    let mut world = World::new(1);
    let backlog = ListenOptions { backlog: BATCH as u32, ..ListenOptions::default() };
    let listener = world.hosts[B].listen(world.now, addr(B, 80), backlog).unwrap();
    let mut conns = Vec::new();
    while conns.len() < count {
        let now = world.now;
        let opening: Vec<_> = (conns.len()..count.min(conns.len() + BATCH))
            .map(|_| world.hosts[A].connect(now, addr(B, 80), None, None).unwrap())
            .collect();
        world.run_for(Duration::from_millis(100));
        for a in opening {
            let (b, _) = world.hosts[B].accept(world.now, listener).unwrap();
            conns.push((a, b));
        }
    }
    (world, conns)
}

/// The states of a connection at both ends.
fn states(world: &World, (a, b): (ConnId, ConnId)) -> [Result<State, SocketError>; 2] {
    [world.hosts[A].state(a), world.hosts[B].state(b)]
}

/// Both ends send some data, and read it.
fn talk(world: &mut World, conns: &[(ConnId, ConnId)]) {
    let mut room = [0; 2_000];
    for batch in conns.chunks(BATCH) {
        for &(a, b) in batch {
            assert_eq!(world.hosts[A].write(world.now, a, &room), Ok(room.len()));
            assert_eq!(world.hosts[B].write(world.now, b, &room), Ok(room.len()));
        }
        world.run_for(Duration::from_millis(100));
        for &(a, b) in batch {
            assert_eq!(world.hosts[A].read(world.now, a, &mut room), Ok(room.len()));
            assert_eq!(world.hosts[B].read(world.now, b, &mut room), Ok(room.len()));
        }
    }
}

#[test]
fn an_idle_connection_fits_a_kibibyte() {
    // The second number lies just behind a doubling of the tables: half of them is slack.
    for count in [10_000, 8_193] {
        let (mut world, conns) = connected(count);
        world.run_for(Duration::from_secs(10));
        let open = [Ok(State::Established); 2];
        assert!(conns.iter().all(|conn| states(&world, *conn) == open));
        for host in [A, B] {
            assert_cost(&mut world, host, count, IDLE_MAX);
        }
    }
}

#[test]
fn a_connection_that_is_silent_after_use_is_small() {
    let count = 1_000;
    let (mut world, conns) = connected(count);
    talk(&mut world, &conns);
    world.run_for(Duration::from_secs(10));
    for host in [A, B] {
        let now = world.now;
        world.hosts[host].shrink(now);
        assert_cost(&mut world, host, count, SILENT_MAX);
    }
}

/// Whatever it did before: nothing is sent any more, and of congestion control only what is told
/// stays.
#[test]
fn time_wait_fits_a_kibibyte() {
    let count = 1_000;
    let (mut world, conns) = connected(count);
    talk(&mut world, &conns);
    let window = |world: &World, a| {
        let info = world.hosts[A].conn(a).unwrap().info(world.now);
        (info.snd_cwnd_bytes, info.snd_ssthresh)
    };
    let before = window(&world, conns[0].0);
    for &(a, _) in &conns {
        world.hosts[A].close(world.now, a);
    }
    world.run_for(Duration::from_millis(100));
    for &(_, b) in &conns {
        world.hosts[B].close(world.now, b);
    }
    world.run_for(Duration::from_millis(100));
    let waits = |slot: &&Slot| slot.conn.state() == State::TimeWait;
    assert_eq!(world.hosts[A].tcp().iter().filter(waits).count(), count);
    assert_eq!(window(&world, conns[0].0), before);
    assert_cost(&mut world, A, count, TIME_WAIT_MAX);
}

/// What a transfer needed goes back when its connection has been silent for a second, also while
/// others are not.
#[test]
fn a_silent_connection_among_busy_ones_gives_memory_back() {
    let mut world = World::new(1);
    let listener = world.hosts[B].listen(world.now, addr(B, 80), ListenOptions::default()).unwrap();
    let connect = |world: &mut World| {
        let a = world.hosts[A].connect(world.now, addr(B, 80), None, None).unwrap();
        world.run_for(Duration::from_millis(100));
        (a, world.hosts[B].accept(world.now, listener).unwrap().0)
    };
    let conns: Vec<_> = (0..3).map(|_| connect(&mut world)).collect();
    let (chatty, peer) = conns[0];
    let chat = |world: &mut World, seconds: u64| {
        for _ in 0..seconds * 20 {
            world.hosts[A].write(world.now, chatty, b"x").unwrap();
            world.run_for(Duration::from_millis(50));
            while world.hosts[B].read(world.now, peer, &mut [0; 9]).is_ok() {}
        }
    };
    // What the hosts hold: not the wire, nor blocks that wait for reuse.
    let quiet = |world: &mut World| {
        world.hosts.iter().for_each(|host| host.pool().trim());
        for joint in &mut world.joints {
            if let Joint::Direct(queue) = joint {
                queue.shrink_to_fit();
            }
        }
        held()
    };
    let transfer = |world: &mut World, (a, b)| {
        let (mut got, mut room) = (0, vec![0; 1 << 16]);
        while got < 4 << 20 {
            match world.hosts[A].write(world.now, a, &room) {
                Ok(_) | Err(SocketError::WouldBlock) => {}
                Err(error) => panic!("{error}"),
            }
            world.run_for(Duration::from_millis(10));
            while let Ok(n) = world.hosts[B].read(world.now, b, &mut room) {
                got += n;
            }
        }
        world.run_for(Duration::from_millis(500));
        while world.hosts[B].read(world.now, b, &mut room).is_ok() {}
    };
    // The first one is for what the hosts keep for all connections.
    transfer(&mut world, conns[1]);
    chat(&mut world, 3);
    let before = quiet(&mut world);
    transfer(&mut world, conns[2]);
    let during = quiet(&mut world);
    assert!(during > before + 10_000, "{} bytes are too few to be seen", during - before);
    chat(&mut world, 3);
    let after = quiet(&mut world);
    // But for the queue of frames, which is the host's and may have had to be longer.
    let (left, took) = (after.saturating_sub(before), during - before);
    assert!(left < took / 10, "{left} of {took} bytes are left");
}
