//! What writes recordings: a file is the same however frames are cut and a disk takes it. Nothing
//! is lost where a disk is slow, and where it is full, the file ends there and somebody is told.

use crate::support::{A, B, World, addr, setup};
use netglass::base::{Chunks, Frame, IfaceId, Instant, Pool};
use netglass::observe::recording::{Item, Reader, Recorder, ReplayError, Replayed, Spool, replay};
use netglass::stack::{Input, Record, SentSum, Setup, Stack, WriteKind};
use netglass::tcp::Config;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

#[derive(Default)]
struct Watch {
    records: u64,
    cut: Option<u64>,
}

impl Replayed for Watch {
    fn records(&mut self, records: &[Record]) {
        self.records += records.len() as u64;
    }

    fn frame(&mut self, _at: Instant, _out: bool, _iface: IfaceId, _frame: &Frame) {}

    fn cut(&mut self, entry: u64) {
        self.cut = Some(entry);
    }
}

type Inputs = Vec<(Instant, Input)>;

/// B's set-up, and its life on a wire with super-segments, where it reads and writes much.
fn bulk() -> (Setup, Inputs) {
    let make = |host| Setup { tcp: Config::plain(), ..setup(host, 7, 1500, true) };
    let mut world = World::of([make(A), make(B)]);
    world.hosts[B].record();
    let (a, b) = world.connected(80);
    let data: Vec<u8> = (0..300_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
    let mut room = vec![0; data.len()];
    for _ in 0..12 {
        for (from, to) in [((A, a), (B, b)), ((B, b), (A, a))] {
            world.hosts[from.0].write(world.now, from.1, &data).unwrap();
            world.run_for(Duration::from_secs(1));
            assert!(world.hosts[to.0].read(world.now, to.1, &mut room).unwrap() > 10_000);
        }
    }
    world.hosts[B].close(world.now, b);
    world.run_for(Duration::from_secs(1));
    (make(B), world.hosts[B].take_inputs())
}

fn file(setup: &Setup, inputs: Inputs) -> Vec<u8> {
    let mut file = Vec::new();
    let mut recorder = Recorder::new(&mut file, setup).unwrap();
    recorder.inputs(inputs).unwrap();
    drop(recorder); // and what waits is written
    file
}

fn read(file: &[u8]) -> Inputs {
    let mut reader = Reader::new(file).unwrap();
    let items = std::iter::from_fn(|| reader.read().unwrap());
    let inputs = items.map(|item| match item {
        Item::Input(at, input) => (at, input),
        Item::Epoch(_) => panic!("nobody has told the epoch"),
    });
    inputs.collect()
}

/// The same bytes in pieces.
fn cut(pool: &Pool, bytes: &Chunks) -> Chunks {
    let bytes = bytes.to_vec();
    let mut from = 0;
    let mut pieces = Chunks::new();
    for end in [2048, 6144, 20_000, bytes.len()].map(|end| end.min(bytes.len())) {
        pieces.push(pool.copy(&bytes[from..end]));
        from = end;
    }
    pieces
}

/// A frame is recorded from where its bytes are, in one piece or in several.
#[test]
fn super_segments_live_again_bit_for_bit() {
    let (setup, inputs) = bulk();
    let long = |(_, input): &&(Instant, Input)| match input {
        Input::Frame { bytes, .. } => bytes.len() > 8_000,
        Input::Write { bytes, .. } => bytes.len() > 8_000,
        _ => false,
    };
    assert!(inputs.iter().filter(long).count() > 10, "frames and writes are long");
    let mut again = Stack::new(setup.clone());
    again.record();
    for (at, input) in &inputs {
        match input {
            Input::Frame { iface, bytes, offload } => {
                let (body, offload) = (cut(again.pool(), bytes), *offload);
                let frame = Frame { body, offload, ..Frame::default() };
                again.input(*at, *iface, frame);
            }
            other => drop(again.apply(*at, other.clone())),
        }
    }
    let kept = again.take_inputs();
    assert!(kept == inputs);
    let pieces = kept.iter().map(|(_, input)| match input {
        Input::Frame { bytes, .. } => bytes.iter().count(),
        _ => 0,
    });
    assert_eq!(pieces.max(), Some(4), "they are not copied together");
    let written = file(&setup, inputs.clone());
    assert!(written == file(&setup, kept));
    assert!(read(&written) == inputs);
    let mut watch = Watch::default();
    replay(&written[..], &mut watch).unwrap();
    assert!(watch.records > 100 && watch.cut.is_none());
}

/// Version 7 has another sum of what was sent.
#[test]
fn recordings_of_version_7_live_again() {
    let (setup, mut inputs) = bulk();
    let mut stack = Stack::new(setup.clone());
    let mut sum = SentSum::up_to_7();
    for (at, input) in &mut inputs {
        match input {
            Input::Sent(sent) => *sent = sum.so_far(),
            other => {
                let frames = stack.apply(*at, other.clone());
                frames.iter().for_each(|(iface, frame)| sum.add(*iface, frame));
            }
        }
    }
    let mut old = file(&setup, inputs);
    let version = old.iter().position(|byte| *byte == b'8').unwrap();
    old[version] = b'7';
    let (_, sent) = replay(&old[..], &mut Watch::default()).unwrap();
    assert_eq!(sent, sum.so_far());
    old[version] = b'8';
    let other = replay(&old[..], &mut Watch::default());
    assert!(matches!(other, Err(ReplayError::Diverged { .. })));
}

/// A file that takes little at a time, up to a limit, and tells how much it has.
#[derive(Clone, Default)]
struct Disk {
    file: Arc<Mutex<Vec<u8>>>,
    limit: Option<usize>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap();
        let left = self.limit.map_or(usize::MAX, |limit| limit - file.len());
        let n = bytes.len().min(left).min(1 + file.len() % 5000);
        if n == 0 && !bytes.is_empty() {
            return Err(ErrorKind::StorageFull.into());
        }
        file.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_cuts_the_recording_and_somebody_is_told() {
    let (setup, inputs) = bulk();
    let whole = file(&setup, inputs.clone());
    for limit in [whole.len(), whole.len() - 1, whole.len() / 2, 100] {
        let disk = Disk { limit: Some(limit), ..Disk::default() };
        let (tell, told) = mpsc::channel();
        let recorder = Recorder::new(disk.clone(), &setup).unwrap();
        let spool = Spool::new(recorder, move |error| tell.send(error.kind()).unwrap()).unwrap();
        for turn in inputs.chunks(20) {
            spool.inputs(turn.to_vec()); // also when nothing is written any more
        }
        spool.finish();
        let is_cut = limit < whole.len();
        let expected = is_cut.then_some(ErrorKind::StorageFull);
        assert_eq!(told.iter().collect::<Vec<_>>(), Vec::from_iter(expected), "once");
        let file = disk.file.lock().unwrap();
        assert!(file[..] == whole[..limit]);
        if limit > 1000 {
            let mut watch = Watch::default();
            replay(&file[..], &mut watch).unwrap();
            assert_eq!(watch.cut.is_some(), is_cut);
        }
    }
}

/// A disk that gives way to everybody else, and looks how much waits for it.
struct Slow {
    disk: Disk,
    added: Arc<AtomicUsize>,
    written: usize,
    waited: Arc<AtomicUsize>,
}

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (0..20).for_each(|_| std::thread::yield_now());
        let waits = self.added.load(Ordering::SeqCst).saturating_sub(self.written);
        self.waited.fetch_max(waits, Ordering::SeqCst);
        self.disk.file.lock().unwrap().extend_from_slice(bytes);
        self.written += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_slow_disk_holds_the_host_up_and_loses_nothing() {
    const WRITE: usize = 100_000;
    let setup = setup(B, 7, 1500, true);
    let write = |n: u8| {
        let (id, bytes) = (netglass::base::ConnId(0), vec![n; WRITE]);
        vec![(Instant::ZERO, Input::Write { id, bytes, kind: WriteKind::Plain })]
    };
    let (added, waited) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let disk = Disk::default();
    let (theirs, mine) = (disk.clone(), waited.clone());
    let slow = Slow { disk: theirs, added: added.clone(), written: 0, waited: mine };
    let spool = Spool::new(Recorder::new(slow, &setup).unwrap(), |error| panic!("{error}"));
    let spool = spool.unwrap();
    for n in 0..=255 {
        spool.inputs(write(n));
        added.fetch_add(WRITE, Ordering::SeqCst);
    }
    spool.finish();
    let waited = waited.load(Ordering::SeqCst);
    assert!(waited < (8 << 20) + 4 * WRITE, "{waited} bytes have waited");
    let all = (0..=255).flat_map(write).collect();
    assert!(*disk.file.lock().unwrap() == file(&setup, all));
}

#[test]
fn a_writer_that_panics_holds_nobody_up() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("as it is told to")
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let recorder = Recorder::new(Broken, &setup(B, 7, 1500, true)).unwrap();
    let spool = Spool::new(recorder, |_| {}).unwrap();
    let open = Input::Bind { local: addr(B, 53), reuse: false };
    for _ in 0..100_000 {
        spool.inputs(vec![(Instant::ZERO, open.clone()); 4]);
    }
    spool.finish();
}

/// A user who tries again and again while nothing goes out makes no recording grow.
#[test]
fn what_would_wait_is_not_kept() {
    let mut host = Stack::new(setup(B, 7, 1500, true));
    host.record();
    let (now, to) = (Instant::ZERO, addr(A, 9));
    let id = host.bind(now, addr(B, 9), false).unwrap();
    let bytes = [7; 1400];
    let taken = (0..10_000).filter(|_| host.send_to(now, id, Some(to), &bytes).is_ok()).count();
    assert!(taken < 1000, "the queue has an end");
    let kept = host.take_inputs();
    let sent = kept.iter().filter(|(_, input)| matches!(input, Input::SendTo { .. })).count();
    assert_eq!(sent, taken);
    let mut again = Stack::new(setup(B, 7, 1500, true));
    for (now, input) in kept {
        again.apply(now, input);
    }
    assert_eq!(again.last_event(), host.last_event());
}
