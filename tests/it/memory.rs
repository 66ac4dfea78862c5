//! What an idle connection costs in memory: counted by the allocator, tables and their slack
//! included.

use crate::alloc::held;
use crate::support::{A, B, Joint, World, addr};
use netglass::base::SocketError;
use netglass::stack::ListenOptions;
use netglass::tcp::State;
use std::time::Duration;

/// Bytes an established connection may cost while nothing happens.
const IDLE_MAX: i64 = 1_024;
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

#[test]
fn an_idle_connection_fits_a_kibibyte() {
    // The second number lies just behind a doubling of the tables: half of them is slack.
    for count in [10_000, 8_193] {
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
        world.run_for(Duration::from_secs(10));
        for (a, b) in conns {
            let states = (world.hosts[A].state(a), world.hosts[B].state(b));
            assert_eq!(states, (Ok(State::Established), Ok(State::Established)));
        }
        for host in [A, B] {
            let each = cost(&mut world, host) / count as i64;
            assert!(each <= IDLE_MAX, "host {host}: {each} bytes for each of {count}");
            assert!(each > 500, "host {host}: {each} bytes are too few to be true");
        }
    }
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
    assert!(after < before + 1_000, "{} of {} bytes are left", after - before, during - before);
}
