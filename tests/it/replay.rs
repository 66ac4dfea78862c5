//! A recorded host, lived again, sends the same frames and tells the same events.

use crate::support::{A, B, World, addr, setup};
use netglass::base::rng::Purpose;
use netglass::base::{Chance, ConnId, Frame, IfaceId, Instant, UdpId};
use netglass::observe::log::PlaceId;
use netglass::observe::recording::{Recorder, ReplayError, Replayed, replay};
use netglass::observe::relive::{Until, relive};
use netglass::stack::{Input, PingOptions, Record, SentSoFar, SentSum, Setup, Stack};
use netglass::tcp::Config;
use netglass::udp::Multicast;
use netglass::wire::ip::{Discover, Mark};
use std::time::Duration;

#[derive(Default)]
struct Watch {
    records: Vec<Record>,
    frames: u64,
    epoch: Option<u64>,
    cut: Option<u64>,
}

impl Replayed for Watch {
    fn records(&mut self, records: &[Record]) {
        self.records.extend_from_slice(records);
    }

    fn frame(&mut self, _at: Instant, out: bool, _iface: IfaceId, _frame: &Frame) {
        self.frames += u64::from(out);
    }

    fn epoch(&mut self, nanos: u64) {
        self.epoch = Some(nanos);
    }

    fn cut(&mut self, entry: u64) {
        self.cut = Some(entry);
    }
}

/// How many entries a recording has, and where the last one starts.
fn last_entry(file: &[u8]) -> (u64, usize) {
    let first_line = file.iter().position(|byte| *byte == b'\n').unwrap();
    let (mut entries, mut start, mut next) = (0, 0, first_line + 1);
    while next < file.len() {
        let len: [u8; 4] = file[next..next + 4].try_into().unwrap();
        (entries, start) = (entries + 1, next);
        next += 4 + u32::from_le_bytes(len) as usize;
    }
    (entries, start)
}

/// B's life while A uses everything it offers: (recording, B's records, what B sent).
fn recorded() -> (Vec<u8>, Vec<Record>, SentSoFar) {
    // More comes than a window that is tuned would let.
    let plain = |host| Setup { tcp: Config::plain(), ..setup(host, 3, 1500, false) };
    let mut world = World::of([plain(A), plain(B)]).listening();
    let setup = plain(B);
    world.hosts[B].record();
    let mut file = Vec::new();
    let mut recorder = Recorder::new(&mut file, &setup).unwrap();
    recorder.epoch(7).unwrap();
    world.tap = Some(SentSum::new());
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
    // What the reader keeps is not there when it is lived again.
    let kept = [100, usize::MAX, 5_000, 1].map(|max| host.read_chunk(now, b, max));
    let kept = kept.map(|chunk| chunk.unwrap().expect("it has come"));
    assert!(kept[0].len() == 100 && kept[1].len() > 1 && kept[3].len() == 1);
    assert_eq!(host.read(now, b, &mut room), Ok(70_000));
    assert_eq!(host.recv_from(now, udp, &mut room).unwrap().copied, 3000);
    assert_eq!(host.write(now, b, b"answer"), Ok(6));
    host.configure(now, b, Config { nagle: false, ..Config::default() }).unwrap();
    host.shutdown(now, b).unwrap();
    host.mark_udp(now, udp, Mark { ttl: Some(3), tos: 0xb8 }).unwrap();
    host.discover_udp(now, udp, Discover::Do).unwrap();
    host.keep_reports(now, udp, true).unwrap();
    host.send_to(now, udp, Some(addr(A, 9)), &[1; 2000]).unwrap_err();
    host.take_report(now, udp).unwrap();
    let echo = host.open_echo(now).unwrap();
    let options = PingOptions { mark: Mark { ttl: Some(7), tos: 8 }, discover: Discover::Want };
    host.ping_with(now, addr(A, 0).ip(), (echo, 1), b"hello", options).unwrap();
    host.send_to(now, udp, Some(addr(A, 9)), b"marked").unwrap();
    let group = "239.1.2.3".parse().unwrap();
    let multicast = Multicast { ttl: 4, ..Multicast::default() };
    host.set_multicast(now, udp, multicast).unwrap();
    for iface in [None, Some(IfaceId(0))] {
        host.join_group(now, udp, group, iface).unwrap_or_default();
        host.send_to(now, udp, Some((group, 53).into()), b"to all").unwrap();
        host.leave_group(now, udp, group, iface).unwrap();
    }
    host.join_group(now, udp, group, None).unwrap();
    host.close_udp(now, udp);
    world.run_for(Duration::from_secs(1));
    let now = world.now;
    world.hosts[B].take_answer(now, echo).unwrap();
    world.hosts[B].close_echo(now, echo);
    world.hosts[A].abort(world.now, a);
    world.run_for(Duration::from_secs(1));
    let now = world.now;
    world.hosts[B].close(now, b);
    world.hosts[B].shrink(now);
    world.run_for(Duration::from_secs(100));
    let sent = world.tap.unwrap().so_far();
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
fn all_views_of_a_recording_number_its_events_alike() {
    let (file, records, _) = recorded();
    let relived = relive(&file[..], "host", Until::End, Stack::new).expect("whole");
    for (lived, told) in relived.log.records(PlaceId(0)).zip(&records) {
        assert_eq!(lived, *told);
    }
    let numbers = records.iter().map(|record| record.id.of_host().1);
    assert!(numbers.eq(1..=records.len() as u64), "every event is told, from the first on");
}

#[test]
fn damage_is_named() {
    let (file, ..) = recorded();
    let mut watch = Watch::default();
    assert!(matches!(replay(&b"hello"[..], &mut watch), Err(ReplayError::NotARecording)));
    assert!(matches!(replay(&file[5..], &mut watch), Err(ReplayError::NotARecording)));
    // Cut short, within an entry or within its length: replayed as far as it goes, and told.
    let (entries, last) = last_entry(&file);
    for (len, cut) in [
        (file.len(), None),
        (file.len() - 1, Some(entries)),
        (last + 2, Some(entries)),
        (last, None),
    ] {
        let mut watch = Watch::default();
        assert!(replay(&file[..len], &mut watch).is_ok());
        assert_eq!((watch.cut, watch.epoch), (cut, Some(7)));
    }
    let mut long = file.clone();
    long.extend([0xff; 8]);
    assert!(matches!(replay(&long[..], &mut watch), Err(ReplayError::Damaged { .. })));
}

/// What replaying a file of these inputs gives.
fn lived(setup: &Setup, inputs: Vec<Input>) -> Result<(Stack, SentSoFar), ReplayError> {
    let mut file = Vec::new();
    let mut recorder = Recorder::new(&mut file, setup).unwrap();
    recorder.inputs(inputs.into_iter().map(|input| (Instant::ZERO, input)).collect()).unwrap();
    recorder.flush().unwrap();
    drop(recorder);
    replay(&file[..], &mut Watch::default())
}

/// A recording is a file from anywhere: numbers in it promise work and memory, and get neither.
#[test]
fn numbers_in_a_recording_are_only_numbers() {
    let setup = setup(B, 3, 1500, false);
    let (id, udp, max) = (ConnId(0), UdpId(1), u32::MAX);
    let promises = vec![
        Input::Bind { local: addr(B, 53), reuse: false },
        Input::Read { id, max },
        Input::RecvFrom { id: udp, max },
        Input::Output { frames: max, drained: true },
    ];
    assert!(lived(&setup, promises).is_ok());
    // Nor is every set-up one.
    for (mtu, gso_max) in [(67, 0), (1500, 65_436)] {
        let mut setup = setup.clone();
        (setup.ifaces[0].mtu, setup.ifaces[0].gso_max) = (mtu, gso_max);
        assert!(matches!(lived(&setup, Vec::new()), Err(ReplayError::Damaged { entry: 1 })));
    }
}

/// Any byte of a recording may be another: it is refused or lived, and nothing panics.
#[test]
fn mutated_recordings_are_survived() {
    let (file, ..) = recorded();
    let chance = Chance::from_seed(5);
    let runs = std::env::var("RUNS").ok().and_then(|s| s.parse().ok()).unwrap_or(300);
    for run in 0..runs {
        let below =
            |bound: usize, n| chance.below(bound as u64, Purpose::Scenario, run, n) as usize;
        let mut bytes = file.clone();
        // Half of the time in the set-up, which comes first.
        let end = if below(2, 0) == 0 { 400 } else { bytes.len() };
        for n in 1..=1 + below(4, 1) as u64 {
            let value = [0, 1, 0x7f, 0x80, 0xff, below(256, 10 * n)][below(6, 10 * n + 1)];
            bytes[25 + below(end - 25, 10 * n + 2)] = value as u8;
        }
        let lived =
            std::panic::catch_unwind(|| replay(&bytes[..], &mut Watch::default()).map(drop));
        assert!(lived.is_ok(), "run {run}");
    }
}
