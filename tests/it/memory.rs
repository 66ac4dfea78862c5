//! What an idle connection costs in memory: counted by the allocator, tables and their slack
//! included.

use crate::alloc::held;
use crate::support::{A, B, World, addr};
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
