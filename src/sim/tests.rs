//! A network of two hosts: the same run twice, causes across the wire, bounds.

use super::*;
use crate::base::Mac;
use crate::observe::log::Event;
use crate::stack::{self, Ethernet, ListenOptions, PingOptions, Setup};
use crate::tcp;
use std::time::Duration;

fn host(n: u8) -> Setup {
    let addr = format!("10.0.0.{n}/24").parse().expect("an address");
    let setup = Setup::new([0, 0]).with_iface("eth0", 1500, addr);
    setup.on_ethernet(Ethernet::new(Mac([2, 0, 0, 0, 0, n])))
}

fn pair(words: &str, seed: u64) -> (Net, [NodeId; 2]) {
    let mut net = Net::new(seed);
    let ids = [net.host("a", host(1)), net.host("b", host(2))];
    let wire = Wire::from_words(words).expect("words");
    net.join("ab", Port(ids[0], 0), Port(ids[1], 0), wire).expect("ports");
    (net, ids)
}

/// A sends `bytes` to B, who reads them all; the virtual time that took.
fn transfer(net: &mut Net, [a, b]: [NodeId; 2], bytes: usize) -> Instant {
    let to = "10.0.0.2:80".parse().expect("an address");
    let listen = |stack: &mut stack::Stack, now| stack.listen(now, to, ListenOptions::default());
    let listener = net.handle(b).with(listen).expect("a listener");
    let conn = net.handle(a).with(|stack, now| stack.connect(now, to, None, None)).expect("conn");
    let (mut sent, mut got, mut accepted) = (0, 0, None);
    let data = vec![7; 65536];
    let mut room = vec![0; 65536];
    while got < bytes {
        net.settle().expect("no program fails");
        assert!(net.queue.next().is_some(), "it goes on");
        net.step();
        net.handle(a).with(|stack, now| {
            while sent < bytes {
                let Ok(n) = stack.write(now, conn, &data[..data.len().min(bytes - sent)]) else {
                    break;
                };
                sent += n;
            }
        });
        net.handle(b).with(|stack, now| {
            accepted = accepted.or_else(|| stack.accept(now, listener).ok());
            let Some((conn, _)) = accepted else { return };
            while let Ok(n) = stack.read(now, conn, &mut room) {
                got += n;
            }
        });
    }
    net.now()
}

#[test]
fn the_same_seed_is_the_same_run_and_observers_do_not_matter() {
    let run = |seed, logged: bool| {
        let (mut net, ids) = pair("delay 5ms 1ms loss 2% rate 10mbit", seed);
        if logged {
            net.keep_log();
        }
        let took = transfer(&mut net, ids, 300_000);
        (net.hash(), took, net.counts())
    };
    let first = run(7, false);
    assert_eq!(run(7, false), first);
    assert_eq!(run(7, true), first);
    assert_ne!(run(8, false).0, first.0);
}

#[test]
fn causes_lead_from_host_to_host() {
    let (mut net, [a, b]) = pair("delay 5ms", 1);
    net.keep_log();
    let ping = |stack: &mut stack::Stack, now| {
        let to = "10.0.0.2".parse().expect("an address");
        stack.ping_with(now, to, (1, 1), b"hello", PingOptions::default())
    };
    net.handle(a).with(ping).expect("sent");
    assert_eq!(net.run(Instant::from_millis(500)), End::Time);
    let log = net.log().expect("it is kept");
    let is_answer = |entry: &&crate::observe::log::Entry| {
        let Event::Host(stack::Event::Out { why, .. }) = &entry.event else { return false };
        *why == stack::Sent::EchoReply && entry.place == b.place()
    };
    let answer = log.entries().iter().find(is_answer).expect("an answer");
    assert_eq!(answer.at, Instant::from_millis(10), "b was asked for, and has told at 5 ms");
    let mut chain = vec![answer];
    while let Some(cause) = chain.last().and_then(|entry| log.get(entry.causes[0])) {
        chain.push(cause);
    }
    let places: Vec<_> = chain.iter().map(|entry| log.name(entry.place)).collect();
    assert_eq!(places, ["b", "b", "a"], "{chain:#?}");
}

#[test]
fn what_a_wire_loses_is_in_the_log() {
    let (mut net, [a, _]) = pair("delay 5ms loss 100%", 1);
    net.keep_log();
    let to = "10.0.0.2:80".parse().expect("an address");
    net.handle(a).with(|stack, now| stack.connect(now, to, None, None)).expect("conn");
    net.run(Instant::ZERO + Duration::from_secs(10));
    let log = net.log().expect("it is kept");
    let lost = log.entries().iter().filter(|entry| matches!(entry.event, Event::Wire(_)));
    let lost: Vec<_> = lost.collect();
    assert!(lost.iter().all(|entry| log.name(entry.place) == "ab" && entry.causes[0].is_some()));
    assert!(!lost.is_empty());
    let is_syn = |entry: &crate::observe::log::Entry| {
        matches!(entry.event, Event::Host(stack::Event::Tcp(tcp::Event::Sent { .. })))
    };
    assert!(log.entries().iter().any(is_syn));
}

#[test]
fn bounds_stop_a_run_and_say_which() {
    let (mut net, ids) = pair("delay 5ms", 1);
    net.set_bounds(Bounds { events: 10, ..Bounds::default() });
    net.handle(ids[0]).with(|stack, now| {
        stack.connect(now, "10.0.0.2:80".parse().expect("an address"), None, None).expect("conn")
    });
    assert_eq!(net.run(Instant::MAX), End::Bound(Bound::Events));
    assert_eq!(net.counts().events, 10);
}

#[test]
fn wires_need_two_free_ports_of_one_medium() {
    let (mut net, [a, b]) = pair("", 1);
    let bare = Setup::new([0, 0]).with_iface("x", 1500, "10.0.0.9/24".parse().expect("address"));
    let (c, d) = (net.host("c", bare), net.host("d", host(4)));
    let mut join = |one, two| net.join("more", one, two, Wire::default());
    assert_eq!(join(Port(a, 0), Port(c, 0)), Err(JoinError::Taken(Port(a, 0))));
    assert_eq!(join(Port(c, 1), Port(b, 0)), Err(JoinError::NoPort(Port(c, 1))));
    assert_eq!(join(Port(c, 0), Port(c, 0)), Err(JoinError::Taken(Port(c, 0))));
    assert_eq!(join(Port(c, 0), Port(d, 0)), Err(JoinError::Media));
}
