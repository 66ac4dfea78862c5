//! Scripts that are written from runs hold when they are drilled against the host that the run was
//! of, to the microsecond: labs, and recordings of either side.

use crate::support::{A, B, World, addr, setup};
use netglass::base::{IfaceId, Instant};
use netglass::drill::write::{Unwritten, Written, write};
use netglass::drill::{Options, Profile, parse, run};
use netglass::lab::{self, shipped};
use netglass::observe::export::{Conn, Index};
use netglass::observe::log::{Detail, Log};
use netglass::observe::recording::Recorder;
use netglass::observe::relive::{Until, relive};
use netglass::stack::{ListenOptions, Setup, Stack};
use netglass::tcp::{self, Config};
use std::time::Duration;

/// What is wrong with a script, if it does not hold.
fn wrong(written: &Written) -> Option<String> {
    let exact = Options { exact: true, ..Options::default() };
    match written.check(&exact) {
        Ok(verdict) => verdict.failure.map(|failure| failure.of(&written.title)),
        Err(error) => Some(error.to_string()),
    }
}

/// Labs whose runs are long, and one whose routers mark packets, which no log of a host tells.
const LEFT_OUT: &[&str] = &[
    "sawtooth",
    "cubic",
    "dumbbell",
    "fair",
    "far-and-near",
    "reno-and-cubic",
    "bufferbloat",
    "marks",
];

#[test]
fn every_connection_of_every_lab_can_be_drilled() {
    let (mut all, mut failures) = (0, Vec::new());
    for shipped in shipped().iter().filter(|lab| !LEFT_OUT.contains(&lab.name)) {
        let lab = shipped.lab(&[]).expect("it can be read");
        let log = lab::run(&lab, &lab::Options::default()).log.expect("it is kept");
        let index = Index::new(&log);
        for conn in index.conns() {
            let name = log.name(conn.place);
            let node = lab.nodes.iter().position(|node| node.name == name).expect("a node");
            let written = write(&index, conn, &lab.host_setup(node)).expect("it is whole");
            failures.extend(wrong(&written).map(|what| format!("{}: {what}", shipped.name)));
            all += 1;
        }
    }
    assert!(failures.is_empty(), "{} of {all}:\n{}", failures.len(), failures.join("\n"));
    assert!(all >= 20, "{all}");
}

/// The recordings of both hosts' lives: A asks, B answers and closes, some segments are lost.
fn recorded(config: &Config) -> [(Setup, Vec<u8>); 2] {
    let of = |host| Setup { tcp: config.clone(), ..setup(host, 3, 1500, false) };
    let setups = [of(A), of(B)];
    let mut world = World::of(setups.clone()).listening();
    world.hosts.iter_mut().for_each(Stack::record);
    let (a, b) = world.connected(80);
    world.hosts[A].write(world.now, a, &[1; 100]).unwrap();
    world.run_for(Duration::from_millis(300));
    let mut room = vec![0; 100_000];
    let now = world.now;
    assert_eq!(world.hosts[B].read(now, b, &mut room), Ok(100));
    let put = world.hosts[B].write(now, b, &[2; 60_000]).unwrap();
    assert!(put > 16_000, "{put}");
    world.hosts[B].shutdown(now, b).unwrap();
    world.run_for(Duration::from_secs(2));
    let now = world.now;
    assert_eq!(world.hosts[A].read(now, a, &mut room), Ok(put));
    world.hosts[A].close(now, a);
    world.hosts[B].abort(now, b);
    world.run_for(Duration::from_secs(1));
    let mut hosts = world.hosts.into_iter();
    setups.map(|setup| hosts.next().map(|host| file_of(setup, host)).unwrap())
}

/// What a host has lived, as a recording.
fn file_of(setup: Setup, mut host: Stack) -> (Setup, Vec<u8>) {
    let mut file = Vec::new();
    let mut recorder = Recorder::new(&mut file, &setup).unwrap();
    recorder.inputs(host.take_inputs()).unwrap();
    recorder.flush().unwrap();
    drop(recorder);
    (setup, file)
}

/// The recordings of two hosts whose turns come when they can: calls are made between them, what
/// arrives is a batch at one moment, the device takes a few frames a turn, and A reads so seldom
/// that its window closes for longer than B's timers run.
fn driven() -> [(Setup, Vec<u8>); 2] {
    let setups = [A, B].map(|host| setup(host, 3, 1500, false));
    let mut hosts = setups.clone().map(Stack::new);
    hosts.iter_mut().for_each(Stack::record);
    let mut now = Instant::ZERO;
    let listener = hosts[B].listen(now, addr(B, 80), ListenOptions::default()).unwrap();
    let a = hosts[A].connect(now, addr(B, 80), None, None).unwrap();
    let (mut wires, mut b, mut put, mut got) = ([Vec::new(), Vec::new()], None, 0, 0);
    let mut room = vec![0; 300_000];
    for round in 0..300u64 {
        for host in [A, B] {
            now += Duration::from_micros(2_700 + 137 * (round % 7));
            for frame in std::mem::take(&mut wires[host]) {
                hosts[host].input(now, IfaceId(0), frame);
            }
            hosts[host].poll(now);
            let sent = std::iter::from_fn(|| hosts[host].output(now).map(|(_, frame)| frame));
            wires[1 - host].extend(sent.take(7));
            now += Duration::from_micros(300);
            match host {
                A if round % 100 == 99 => got += hosts[A].read(now, a, &mut room).unwrap_or(0),
                B if b.is_none() => b = hosts[B].accept(now, listener).ok().map(|(b, _)| b),
                B if put < 400_000 => {
                    put += b.map_or(0, |b| hosts[B].write(now, b, &[2; 50_000]).unwrap_or(0));
                }
                _ => {}
            }
        }
    }
    assert!(got > 100_000, "{got} of {put}");
    let mut hosts = hosts.into_iter();
    setups.map(|setup| hosts.next().map(|host| file_of(setup, host)).unwrap())
}

#[test]
fn whoever_gets_turns_when_it_can_is_drilled_by_these_turns() {
    for (setup, file) in driven() {
        let log = relive(&file[..], "host", Until::End, Stack::new).expect("it lives").log;
        let index = Index::new(&log);
        let written = write(&index, &index.conns()[0], &setup).expect("it is whole");
        assert_eq!(wrong(&written), None);
        let text = written.to_string();
        assert!(text.contains("\n//? turns written\n"), "{text}");
        let at_once = parse("at once", &text.replace("//? turns written", ""), &[]).unwrap();
        assert!(!run(&at_once, &Profile::linux()).passed());
    }
}

#[test]
fn both_sides_of_a_recording_can_be_drilled() {
    for profile in tcp::Profile::ALL {
        for (setup, file) in recorded(&profile.config()) {
            let log = relive(&file[..], "host", Until::End, Stack::new).expect("it lives").log;
            let index = Index::new(&log);
            let written = write(&index, &index.conns()[0], &setup).expect("it is whole");
            assert_eq!(wrong(&written), None, "{profile}\n{written}");
            let text = written.to_string();
            assert!(text.contains(" write(") && text.contains(" read("), "{text}");
            assert_eq!(text.contains("//? profile"), profile != tcp::Profile::Linux, "{text}");
        }
    }
}

#[test]
fn what_the_log_does_not_have_is_not_written() {
    let nobody = Conn {
        place: Default::default(),
        id: netglass::base::ConnId(1),
        local: addr(A, 1),
        remote: addr(B, 2),
    };
    for (detail, why) in [(Detail::All, Unwritten::Nothing), (Detail::Brief, Unwritten::Brief)] {
        let log = Log::new(Vec::new()).with(detail);
        let found = write(&Index::new(&log), &nobody, &setup(A, 3, 1500, false));
        assert_eq!(found.map(|written| written.title), Err(why));
    }
}
