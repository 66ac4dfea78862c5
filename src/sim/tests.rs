//! A network of two hosts: the same run twice, causes across the wire, bounds.

use super::*;
use crate::base::Mac;
use crate::impair::Fate;
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
    let lost = log
        .entries()
        .iter()
        .filter(|entry| matches!(&entry.event, Event::Wire(it) if it.gone().is_some()));
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

/// Hosts 1.. on the ports 0.. of a hub or a switch; what each port of it sends is counted.
fn star(net: &mut Net, middle: NodeId, hosts: u8) -> Vec<NodeId> {
    let add = |n: u8| {
        let id = net.host(&format!("h{n}"), host(n));
        let port = Port(middle, u16::from(n) - 1);
        net.join(&format!("w{n}"), Port(id, 0), port, Wire::default()).expect("ports");
        id
    };
    (1..=hosts).map(add).collect()
}

/// How many of the frames that come to each host carry an echo, in a run where h1 pings h2 twice.
fn echoes_seen(build: impl FnOnce(&mut Net) -> NodeId) -> [u64; 3] {
    let mut net = Net::new(1);
    let middle = build(&mut net);
    let hosts = star(&mut net, middle, 3);
    let seen = Arc::new(Mutex::new([0; 3]));
    let count = Arc::clone(&seen);
    net.tap(
        None,
        Box::new(move |it| {
            let Port(NodeId(node), _) = it.port;
            let is_echo = it.frame.len() > 42 && it.frame.to_vec()[23] == 1;
            if it.way == Way::In && node > 0 && is_echo {
                count.lock().expect("one thread")[usize::from(node) - 1] += 1;
            }
        }),
    );
    for n in 0..2 {
        net.run(Instant::from_millis(1000 + n * 500));
        let ping = |stack: &mut stack::Stack, now| {
            let to = "10.0.0.2".parse().expect("an address");
            stack.ping_with(now, to, (1, n as u16), b"hello", PingOptions::default())
        };
        net.handle(hosts[0]).with(ping).expect("sent");
    }
    net.run(Instant::from_millis(2000));
    *seen.lock().expect("one thread")
}

#[test]
fn a_hub_tells_everybody_and_a_switch_whom_it_concerns() {
    assert_eq!(echoes_seen(|net| net.hub("hub", 3)), [2, 2, 4]);
    let switch = |net: &mut Net| net.switch("switch", bridge::Config::new(3));
    assert_eq!(echoes_seen(switch), [2, 2, 0]);
}

#[test]
fn a_loop_of_switches_is_a_storm_that_the_bounds_stop_and_name() {
    let mut net = loop_of_switches("delay 10us");
    net.set_bounds(Bounds { events: 20_000, ..Bounds::default() });
    assert_eq!(net.run(Instant::MAX), End::Bound(Bound::Events));
    let (wire, traffic) = net.storm().expect("a storm");
    let name = net.wires().find(|(id, ..)| *id == wire).map(|(_, name, _)| name.to_owned());
    assert!(["left", "right", "a-s1"].map(Some).contains(&name.as_deref()), "{name:?}");
    assert!(traffic.to_many > 1_000, "{traffic:?}");
}

#[test]
fn a_router_rewrites_the_link_and_keeps_the_addresses() {
    let mut net = Net::new(1);
    let far = |n: u8| {
        let addr = format!("10.0.1.{n}/24").parse().expect("an address");
        let setup = Setup::new([0, 0]).with_iface("eth0", 1500, addr);
        setup.on_ethernet(Ethernet::new(Mac([2, 0, 0, 0, 1, n])))
    };
    let by = |mut setup: Setup, router: &str| {
        let dst = "0.0.0.0/0".parse().expect("a network");
        let via = Some(router.parse().expect("an address"));
        setup.routes.push(crate::ip::Route {
            via,
            ..crate::ip::Route::on_link(dst, crate::base::IfaceId(0))
        });
        setup
    };
    let a = net.host("a", by(host(1), "10.0.0.254"));
    let b = net.host("b", by(far(1), "10.0.1.254"));
    let mut setup = host(254);
    setup.ifaces.push(far(254).ifaces.remove(0));
    setup.forwarding = true;
    let r = net.host("r", setup);
    net.join("a-r", Port(a, 0), Port(r, 0), Wire::default()).expect("ports");
    net.join("b-r", Port(b, 0), Port(r, 1), Wire::default()).expect("ports");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    let tap: Tap = Box::new(move |it| {
        let bytes = it.frame.to_vec();
        if it.way == Way::In && bytes[12..14] == [8, 0] && bytes[23] == 1 && bytes[34] == 8 {
            keep.lock().expect("one thread").push(bytes);
        }
    });
    net.tap(None, tap);
    net.run(Instant::from_millis(100));
    net.handle(a).with(|stack, now| {
        let to = "10.0.1.1".parse().expect("an address");
        stack.ping_with(now, to, (1, 1), b"hello", PingOptions::default()).expect("sent");
    });
    net.run(Instant::from_millis(3000));
    let seen = seen.lock().expect("one thread");
    let [first, second] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((&first[..6], &first[6..12]), (&[2, 0, 0, 0, 0, 254][..], &[2, 0, 0, 0, 0, 1][..]));
    assert_eq!(
        (&second[..6], &second[6..12]),
        (&[2, 0, 0, 0, 1, 1][..], &[2, 0, 0, 0, 1, 254][..])
    );
    assert_eq!(first[26..34], second[26..34], "addresses");
    assert_eq!(first[22], second[22] + 1, "TTL");
    assert_ne!(first[24..26], second[24..26], "checksum");
    assert_eq!(first[34..], second[34..], "payload");
}

#[test]
fn what_nobody_takes_outside_does_not_pile_up() {
    let mut net = Net::new(1);
    let ends = ["in", "out"].map(|name| net.outside(name, Medium::Ip));
    net.join("way", Port(ends[0], 0), Port(ends[1], 0), Wire::default()).expect("ports");
    net.set_bounds(Bounds { under_way: 2, ..Bounds::default() });
    for _ in 0..5 {
        let frame = Frame::copied(&Pool::new(), &[0; 20]);
        net.inject(ends[0], frame);
        assert_eq!(net.run(Instant::from_millis(1)), End::Quiet);
    }
    let taken = std::iter::from_fn(|| net.take(ends[1])).count();
    assert_eq!(taken, 2);
}

/// A hub passes on what one of its wires is too narrow for.
#[test]
fn what_is_longer_than_the_wire_takes_is_dropped_and_told() {
    let mut net = Net::new(1);
    let mut jumbo = host(1);
    jumbo.ifaces[0].mtu = 9000;
    let (a, b, hub) = (net.host("a", jumbo), net.host("b", host(2)), net.hub("hub", 2));
    let wire = |mtu| Wire { mtu: Some(mtu), ..Wire::default() };
    net.join("wide", Port(a, 0), Port(hub, 0), wire(9000)).expect("ports");
    let narrow = net.join("narrow", Port(b, 0), Port(hub, 1), wire(1500)).expect("ports");
    net.keep_log();
    net.run(Instant::from_millis(100));
    for len in [1472, 1473] {
        let ping = |stack: &mut stack::Stack, now| {
            let to = "10.0.0.2".parse().expect("an address");
            stack.ping_with(now, to, (1, 1), &vec![0; len], PingOptions::default()).expect("sent");
        };
        net.handle(a).with(ping);
        net.run(net.now() + Duration::from_secs(1));
    }
    let queues: Vec<_> = net.queues().map(|queue| (queue.wire, queue.dropped())).collect();
    assert_eq!(queues, [("wide", 0), ("wide", 0), ("narrow", 0), ("narrow", 1)]);
    let place = net.wire_place(narrow);
    let log = net.log().expect("it is kept");
    let told =
        log.entries().iter().filter(|entry| entry.place == place).filter_map(|entry| match &entry
            .event
        {
            Event::Wire(on_wire) => on_wire.gone(),
            _ => None,
        });
    let told: Vec<_> = told.collect();
    assert_eq!(told, [&Fate::TooLong { len: 1501, mtu: 1500 }]);
}

/// Two switches with two wires between them, and a host that says hello.
fn loop_of_switches(words: &str) -> Net {
    let mut net = Net::new(1);
    let ids = ["s1", "s2"].map(|name| net.switch(name, bridge::Config::new(3)));
    let a = net.host("a", host(1));
    for (n, name) in [(0, "left"), (1, "right")] {
        let wire = Wire::from_words(words).expect("words");
        net.join(name, Port(ids[0], n), Port(ids[1], n), wire).expect("ports");
    }
    net.join("a-s1", Port(a, 0), Port(ids[0], 2), Wire::default()).expect("ports");
    net
}

#[test]
fn where_no_time_passes_a_run_ends_and_says_so() {
    let mut net = loop_of_switches("");
    net.keep_log();
    assert_eq!(net.run(Instant::MAX), End::Bound(Bound::AtOnce));
    assert!(net.counts().events <= Bounds::default().at_once);
    let told = net.words(Bound::AtOnce);
    assert!(told.starts_with("100000 arrivals and turns at this one moment"), "{told}");
    assert!(told.contains("a delay or a rate") && told.contains("a broadcast storm"), "{told}");
    let log = net.log().expect("it is kept");
    assert!(log.bytes() < Bounds::default().log / 4, "{}", log.bytes());
    // As many as may be are no harm when time passes then.
    let mut net = loop_of_switches("delay 1ms");
    net.set_bounds(Bounds { at_once: 20, ..Bounds::default() });
    assert_eq!(net.run(Instant::from_millis(500)), End::Time);
}

#[test]
fn calls_that_take_no_time_are_counted_and_their_host_is_named() {
    let (mut net, [a, _]) = pair("delay 5ms", 1);
    let host = net.handle(a).clone();
    net.spawn(async move {
        let any: std::net::SocketAddr = "10.0.0.1:9".parse().expect("an address");
        let to: std::net::SocketAddr = "10.0.0.2:9".parse().expect("an address");
        let socket = crate::net::tokio::UdpSocket::bind(&host, any).expect("a socket");
        while socket.send_to(&[0; 1400], to).await.is_ok() {}
    });
    net.set_bounds(Bounds { at_once: 20, ..Bounds::default() });
    assert_eq!(net.run(Instant::from_millis(10)), End::Bound(Bound::AtOnce));
    let told = net.words(Bound::AtOnce);
    assert!(told.contains("most of them at a,") && told.contains("never wait"), "{told}");
}

#[test]
fn who_goes_on_without_waiting_is_named() {
    let (mut net, [a, _]) = pair("delay 5ms", 1);
    let host = net.handle(a).clone();
    net.spawn(async move {
        loop {
            host.with(|_, _| ());
            crate::net::rt::yield_now().await;
        }
    });
    let End::Failed(failure) = net.run(Instant::MAX) else { panic!("it cannot go on") };
    assert!(failure.to_string().starts_with("at 0.000000 programs on a go on"), "{failure}");
}

#[test]
fn memory_is_bounded_and_the_wire_is_named() {
    let mut net = loop_of_switches("delay 1us");
    net.keep_log();
    net.set_bounds(Bounds { log: 1 << 20, ..Bounds::default() });
    assert_eq!(net.run(Instant::MAX), End::Bound(Bound::Log));
    let bytes = net.log().expect("it is kept").bytes();
    assert!((1 << 20..1_060_000).contains(&bytes), "{bytes}");
    let told = net.words(Bound::Log);
    assert!(told.starts_with("the log takes 1 MiB") && told.contains("most frames on "), "{told}");

    let flooded = |bounds: Bounds| {
        let mut net = Net::new(1);
        let ends = ["in", "out"].map(|name| net.outside(name, Medium::Ip));
        let wire = Wire::from_words("delay 1s limit 100000").expect("words");
        net.join("way", Port(ends[0], 0), Port(ends[1], 0), wire).expect("ports");
        net.set_bounds(bounds);
        for _ in 0..1000 {
            net.inject(ends[0], Frame::copied(&Pool::new(), &[0; 1000]));
        }
        let end = net.run(Instant::MAX);
        let told = if let End::Bound(bound) = end { net.words(bound) } else { String::new() };
        (end, told)
    };
    let (end, told) = flooded(Bounds { packets: 1 << 20, ..Bounds::default() });
    assert_eq!(end, End::Bound(Bound::Packets));
    assert!(told.contains("take 1 MiB") && told.contains(", most of them on way"), "{told}");
    let (end, told) = flooded(Bounds { under_way: 999, ..Bounds::default() });
    assert!(matches!(end, End::Bound(Bound::UnderWay(_))));
    assert!(told.starts_with("more than 999 frames are under way on way"), "{told}");
    assert_eq!(flooded(Bounds { packets: 2 << 20, ..Bounds::default() }).0, End::Quiet);
}

/// Hosts announce themselves when they start: all to all, at one moment.
#[test]
fn many_hosts_may_all_speak_at_once() {
    let mut net = Net::new(1);
    let switch = net.switch("switch", bridge::Config::new(60));
    star(&mut net, switch, 60);
    net.set_bounds(Bounds { at_once: 1, ..Bounds::default() });
    assert_eq!(net.run(Instant::from_millis(1)), End::Time);
    assert!(net.counts().arrived > 60 * 58, "{:?}", net.counts());
}
