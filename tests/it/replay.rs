//! A recorded host, lived again, sends the same frames and tells the same events.

use crate::support::{A, B, World, addr, setup};
use netglass::base::{Frame, IfaceId, Instant};
use netglass::observe::recording::{Recorder, ReplayError, Replayed, replay};
use netglass::stack::{Record, SentSoFar, Stack};
use netglass::tcp::Config;
use std::time::Duration;

#[derive(Default)]
struct Watch {
    records: Vec<Record>,
    frames: u64,
}

impl Replayed for Watch {
    fn records(&mut self, records: &[Record]) {
        self.records.extend_from_slice(records);
    }

    fn frame(&mut self, _at: Instant, out: bool, _iface: IfaceId, _frame: &Frame) {
        self.frames += u64::from(out);
    }
}

/// B's life while A uses everything it offers: (recording, B's records, what B sent).
fn recorded() -> (Vec<u8>, Vec<Record>, SentSoFar) {
    let mut world = World::new(3).listening();
    let setup = setup(B, 3, 1500, false);
    world.hosts[B].record();
    let mut file = Vec::new();
    let mut recorder = Recorder::new(&mut file, &setup).unwrap();
    world.tap = Some(SentSoFar::NONE);
    let (a, b) = world.connected(80);
    let udp = world.hosts[B].bind(world.now, addr(B, 53), false).unwrap();
    let probe = world.hosts[A].bind(world.now, addr(A, 0), false).unwrap();
    for port in [53, 54] {
        world.hosts[A].send_to(world.now, probe, Some(addr(B, port)), &[7; 3000]).unwrap();
    }
    world.hosts[A].write(world.now, a, &[1; 100_000]).unwrap();
    world.run_for(Duration::from_secs(1));
    let mut room = vec![0; 70_000];
    let now = world.now;
    let host: &mut Stack = &mut world.hosts[B];
    assert_eq!(host.read(now, b, &mut room), Ok(70_000));
    assert_eq!(host.recv_from(now, udp, &mut room).unwrap().copied, 3000);
    assert_eq!(host.write(now, b, b"answer"), Ok(6));
    host.configure(now, b, Config { nagle: false, ..Config::default() }).unwrap();
    host.shutdown(now, b).unwrap();
    host.close_udp(now, udp);
    world.run_for(Duration::from_secs(1));
    world.hosts[A].abort(world.now, a);
    world.run_for(Duration::from_secs(1));
    let now = world.now;
    world.hosts[B].close(now, b);
    world.hosts[B].shrink(now);
    world.run_for(Duration::from_secs(100));
    let sent = world.tap.unwrap();
    recorder.inputs(world.hosts[B].take_inputs()).unwrap();
    recorder.flush().unwrap();
    drop(recorder);
    let records = world.records.into_iter().filter(|(h, _)| *h == B).map(|(_, r)| r).collect();
    (file, records, sent)
}

#[test]
fn a_recording_lives_again() {
    let (file, records, sent) = recorded();
    let mut watch = Watch::default();
    let (stack, replayed) = replay(&file[..], &mut watch).unwrap();
    assert_eq!((replayed, watch.frames), (sent, sent.frames));
    assert_eq!(watch.records.len(), records.len());
    for (ours, theirs) in watch.records.iter().zip(&records) {
        assert_eq!(ours, theirs);
    }
    assert!(stack.tcp().is_empty());
}

#[test]
fn damage_is_named() {
    let (file, ..) = recorded();
    let mut watch = Watch::default();
    assert!(matches!(replay(&b"hello"[..], &mut watch), Err(ReplayError::NotARecording)));
    assert!(matches!(replay(&file[5..], &mut watch), Err(ReplayError::NotARecording)));
    // Cut short: replayed as far as it goes.
    assert!(replay(&file[..file.len() - 3], &mut watch).is_ok());
    let mut long = file.clone();
    long.extend([0xff; 8]);
    assert!(matches!(replay(&long[..], &mut watch), Err(ReplayError::Damaged { .. })));
}
