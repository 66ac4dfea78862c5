//! Finding the connection of a segment among many, in random order.

use crate::support::{Hosts, WIRE};
use crate::table::{Table, timed};
use netglass::base::Chance;
use netglass::base::rng::Purpose;
use netglass::socket::demux::{Demux, Pair};
use std::hint::black_box;
use std::time::Duration;

/// How many is many.
const MANY: usize = 100_000;
/// Operations timed at a time.
const BATCH: usize = 256;
/// A segment with one byte of data.
const TINY: usize = 53;

pub(crate) fn rows(table: &mut Table) {
    let bytes = size_of::<Pair>();
    table.row("demux: lookup among 100 000 pairs", bytes, BATCH, lookup);
    table.row("demux: 1-byte segment, 256 connections", TINY, BATCH, || input(BATCH));
    table.row("demux: 1-byte segment, 100 000 connections", TINY, BATCH, || input(MANY));
}

/// `0..count` in random order.
fn shuffled(count: usize) -> Vec<usize> {
    let chance = Chance::from_seed(1);
    let mut order: Vec<usize> = (0..count).collect();
    for n in (1..count).rev() {
        order.swap(n, (chance.draw(Purpose::Port, 0, n as u64) % (n as u64 + 1)) as usize);
    }
    order
}

fn lookup() -> impl FnMut() -> Duration {
    let pair = |n: usize| Pair {
        local: ([10, 0, 2, 1], 80).into(),
        remote: ([10, 0, 1, (n >> 16) as u8], n as u16).into(),
    };
    let mut demux = Demux::new(&Chance::from_seed(1));
    assert!((0..MANY).all(|n| demux.insert(pair(n), n)));
    let mut order = shuffled(MANY).into_iter().cycle();
    move || {
        let places: Vec<usize> = order.by_ref().take(BATCH).collect();
        let pairs: Vec<Pair> = places.iter().map(|n| pair(*n)).collect();
        let mut found = Vec::with_capacity(BATCH);
        let time = timed(|| found.extend(pairs.iter().filter_map(|p| demux.get(black_box(p)))));
        assert_eq!(found, places);
        time
    }
}

fn input(count: usize) -> impl FnMut() -> Duration {
    let mut hosts = Hosts::connected(false, count);
    let mut order = shuffled(count).into_iter().cycle();
    move || {
        let places: Vec<usize> = order.by_ref().take(BATCH).collect();
        for place in &places {
            assert_eq!(hosts.client.write(hosts.now, hosts.conns[*place].0, b"x"), Ok(1));
        }
        let mut frames = hosts.client_sends(BATCH);
        assert!(frames.iter().all(|frame| frame.len() == TINY));
        let (now, server) = (hosts.now, &mut hosts.server);
        let time = timed(|| frames.drain(..).for_each(|frame| server.input(now, WIRE, frame)));
        let mut room = [0; 2];
        for place in &places {
            assert_eq!(hosts.server.read(hosts.now, hosts.conns[*place].1, &mut room), Ok(1));
        }
        hosts.pass(Duration::from_millis(50)); // the delayed ACKs go out and arrive
        time
    }
}
