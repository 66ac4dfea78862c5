//! Who does the driver's work.

use super::{LONG, addr, setup};
use crate::base::{Frame, Pool};
use crate::device::Device;
use crate::device::memory::{self, Memory};
use crate::net::blocking::{TcpListener, TcpStream};
use crate::net::{ConnectOptions, Host};
use crate::runtime::bell::Bell;
use crate::runtime::driver::Driver;
use crate::runtime::seat::Seat;
use crate::runtime::{Live, Running};
use crate::tcp::Config;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

/// A device that knows which threads have taken a frame from it and given it one, and that breaks
/// when it is told to.
struct Told {
    inner: Memory,
    received: Arc<Mutex<Vec<ThreadId>>>,
    sent: Arc<Mutex<Vec<ThreadId>>>,
    broken: Arc<AtomicBool>,
}

impl Told {
    fn check(&self) -> io::Result<()> {
        match self.broken.load(Ordering::SeqCst) {
            true => Err(io::Error::other("the device is broken")),
            false => Ok(()),
        }
    }
}

impl Device for Told {
    fn mtu(&self) -> usize {
        self.inner.mtu()
    }

    fn receive(&mut self, pool: &Pool) -> io::Result<Option<Frame>> {
        self.check()?;
        let frame = self.inner.receive(pool)?;
        if frame.is_some() {
            self.received.lock().expect("no panic").push(thread::current().id());
        }
        Ok(frame)
    }

    fn transmit(&mut self, frame: &Frame) -> io::Result<bool> {
        self.check()?;
        self.sent.lock().expect("no panic").push(thread::current().id());
        self.inner.transmit(frame)
    }
}

pub(super) struct Pair {
    pub(super) near: Host,
    pub(super) far: Host,
    pub(super) received: Arc<Mutex<Vec<ThreadId>>>,
    pub(super) sent: Arc<Mutex<Vec<ThreadId>>>,
    broken: Arc<AtomicBool>,
    pub(super) running: [Running; 2],
}

pub(super) fn start(
    host: &Host,
    (mut end, busy_poll): (Memory, Duration),
    wrap: impl FnOnce(Memory) -> Box<dyn Device>,
) -> Running {
    let live = Live::new(host).expect("one interface").busy_poll(busy_poll);
    let bell = live.bell();
    end.on_change(move || bell.ring());
    live.start(wrap(end)).expect("a thread")
}

pub(super) fn pair() -> Pair {
    busy_pair(Duration::ZERO)
}

/// Both ends' drivers look for so long before they sleep.
fn busy_pair(busy_poll: Duration) -> Pair {
    let (near, far) = (setup(1, "10.0.0.1/24"), setup(2, "10.0.0.2/24"));
    let (near, far) = (Host::new(near), Host::new(far));
    type Threads = Arc<Mutex<Vec<ThreadId>>>;
    let (received, sent) = (Threads::default(), Threads::default());
    let broken = Arc::new(AtomicBool::new(false));
    let (here, there) = memory::pair(memory::Options::default());
    let told = |inner| -> Box<dyn Device> {
        let (received, sent, broken) = (received.clone(), sent.clone(), broken.clone());
        Box::new(Told { inner, received, sent, broken })
    };
    let near_end = start(&near, (here, busy_poll), told);
    let running = [near_end, start(&far, (there, busy_poll), |end| Box::new(end))];
    Pair { near, far, received, sent, broken, running }
}

/// Answers bytes until its peer ends, in a thread of its own.
pub(super) fn echo(host: &Host) -> thread::JoinHandle<()> {
    let listener = TcpListener::bind(host, addr("10.0.0.2:7")).expect("the port is free");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept_timeout(LONG).expect("somebody comes");
        let mut byte = [0];
        while stream.read(&mut byte).expect("it is open") > 0 {
            stream.write_all(&byte).expect("it is open");
        }
    })
}

#[test]
fn who_waits_serves_himself() {
    let pair = pair();
    let echo = echo(&pair.far);
    let mut stream = TcpStream::connect(&pair.near, addr("10.0.0.2:7")).expect("it listens");
    stream.set_read_timeout(Some(LONG)).expect("a timeout");
    stream.set_nodelay(true).expect("open");
    for n in 0..500u32 {
        stream.write_all(&[n as u8]).expect("open");
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("it answers");
        assert_eq!(byte[0], n as u8);
    }
    let own = thread::current().id();
    for (what, threads) in [("received", &pair.received), ("sent", &pair.sent)] {
        let threads = threads.lock().expect("no panic");
        let mine = threads.iter().filter(|thread| **thread == own).count();
        // The driver's thread may come when this one is not given the processor for long.
        assert!(mine >= 50, "{mine} of {} frames were {what} here", threads.len());
    }
    drop(stream);
    echo.join().expect("no panic");
}

/// Nobody waits, and yet what comes is taken and acknowledged.
#[test]
fn the_driver_takes_over_from_who_is_busy() {
    let pair = pair();
    let listener = TcpListener::bind(&pair.near, addr("10.0.0.1:7")).expect("the port is free");
    let far = pair.far.clone();
    let client = thread::spawn(move || {
        let mut stream = TcpStream::connect(&far, addr("10.0.0.1:7")).expect("it listens");
        stream.write_all(b"one").expect("open");
        stream
    });
    let (mut server, _) = listener.accept_timeout(LONG).expect("somebody comes");
    server.read_exact(&mut [0; 3]).expect("it says something");
    let mut stream = client.join().expect("no panic");
    stream.write_all(b"two").expect("open");
    let end = std::time::Instant::now() + LONG;
    while stream.unacknowledged_bytes().expect("open") > 0 {
        assert!(std::time::Instant::now() < end, "nobody looks after the device");
        thread::yield_now();
    }
}

#[test]
fn a_device_that_breaks_in_a_users_hands_ends_the_driver() {
    let pair = pair();
    let echo = echo(&pair.far);
    let mut stream = TcpStream::connect(&pair.near, addr("10.0.0.2:7")).expect("it listens");
    stream.write_all(b"x").expect("open");
    stream.read_exact(&mut [0]).expect("it answers");
    pair.broken.store(true, Ordering::SeqCst);
    let _ = stream.write(b"y"); // the device refuses it, here or in the driver's thread
    let failed = stream.read(&mut [0]).expect_err("there is no driver any more");
    assert_eq!(failed.kind(), ErrorKind::NetworkDown);
    let [near, far] = pair.running;
    let said = near.stop(Duration::ZERO).expect_err("it has failed").to_string();
    assert_eq!(said, "the device is broken");
    far.stop(Duration::ZERO).expect("that one has not");
    echo.join().expect_err("its driver is gone, too");
}

/// Who looks for longer than any test takes is still called, keeps time, serves and ends.
#[test]
fn who_never_sleeps_hears_all_the_same() {
    let pair = busy_pair(Duration::from_secs(3_600));
    let echo = echo(&pair.far);
    let mut stream = TcpStream::connect(&pair.near, addr("10.0.0.2:7")).expect("it listens");
    for n in 0..50 {
        stream.write_all(&[n]).expect("open");
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("it answers");
        assert_eq!(byte[0], n);
    }
    stream.set_read_timeout(Some(Duration::from_millis(5))).expect("a timeout");
    assert_eq!(stream.read(&mut [0]).expect_err("nothing comes").kind(), ErrorKind::WouldBlock);
    // A SYN that nobody answers is sent again when its time has come, and given up.
    let rto_initial = Duration::from_millis(5);
    let config = Config { rto_initial, syn_retries: 1, ..Config::default() };
    let options = ConnectOptions { config: Some(config), ..ConnectOptions::default() };
    let nobody = TcpStream::connect_with(&pair.near, addr("10.0.0.3:7"), options);
    assert_eq!(nobody.expect_err("nobody is there").kind(), ErrorKind::TimedOut);
    drop(stream);
    echo.join().expect("no panic");
    for running in pair.running {
        running.stop(Duration::ZERO).expect("it ends");
    }
}

#[test]
fn who_waits_at_the_device_is_called() {
    let pair = pair();
    let (mut stream, echo) = {
        let echo = echo(&pair.far);
        (TcpStream::connect(&pair.near, addr("10.0.0.2:7")).expect("it listens"), echo)
    };
    stream.set_read_timeout(Some(Duration::from_millis(5))).expect("a timeout");
    assert_eq!(stream.read(&mut [0]).expect_err("nothing comes").kind(), ErrorKind::WouldBlock);
    stream.set_read_timeout(None).expect("no timeout");
    let reader = stream.try_clone().expect("another handle");
    let thread = thread::spawn(move || (&reader).read(&mut [0]));
    // Whatever that thread does by now: its own call ends when reading is shut down.
    stream.shutdown(std::net::Shutdown::Read).expect("open");
    assert_eq!(thread.join().expect("no panic").expect("the end"), 0);
    let reader = stream.try_clone().expect("another handle");
    drop((reader, stream));
    echo.join().expect("no panic");
    let [near, _] = pair.running;
    let listener = TcpListener::bind(&pair.near, addr("10.0.0.1:9")).expect("the port is free");
    let waits = thread::spawn(move || listener.accept().map(|_| ()));
    near.stop(Duration::ZERO).expect("it ends");
    let ended = waits.join().expect("no panic").expect_err("no driver");
    assert_eq!(ended.kind(), ErrorKind::NetworkDown);
}

/// Takes what comes at each connection until its end, in a thread for each; says how much that was.
pub(super) fn sinks(host: &Host, count: usize) -> thread::JoinHandle<Vec<(usize, u64)>> {
    let listener = TcpListener::bind(host, addr("10.0.0.2:9")).expect("the port is free");
    let sink = |mut stream: TcpStream| {
        let (mut buf, mut taken, mut sum) = (vec![0; 64 << 10], 0, 0);
        while let Ok(got @ 1..) = stream.read(&mut buf) {
            taken += got;
            sum += buf[..got].iter().map(|byte| u64::from(*byte)).sum::<u64>();
        }
        (taken, sum)
    };
    thread::spawn(move || {
        let accept = |_| listener.accept_timeout(LONG).expect("somebody comes").0;
        let threads: Vec<_> =
            (0..count).map(accept).map(|stream| thread::spawn(move || sink(stream))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

/// A connection to [`sinks`].
pub(super) fn to_sink(host: &Host) -> TcpStream {
    let stream = TcpStream::connect(host, addr("10.0.0.2:9")).expect("it listens");
    stream.set_write_timeout(Some(LONG)).expect("a timeout");
    stream
}

#[test]
fn who_writes_much_sends_it() {
    let pair = pair();
    let sinks = sinks(&pair.far, 1);
    let mut stream = to_sink(&pair.near);
    let block = vec![1; 1 << 20];
    for _ in 0..32 {
        stream.write_all(&block).expect("open");
    }
    let own = thread::current().id();
    let sent = pair.sent.lock().expect("no panic").clone();
    let mine = sent.iter().filter(|thread| **thread == own).count();
    assert!(mine * 2 >= sent.len(), "{mine} of {} frames were sent here", sent.len());
    let received = pair.received.lock().expect("no panic").clone();
    assert!(received.contains(&own), "none of {} ACKs was taken here", received.len());
    drop(stream);
    assert_eq!(sinks.join().expect("no panic"), [(32 << 20, 32 << 20)]);
}

/// Somebody else, who waits for clients that do not come, changes nothing of that.
#[test]
fn who_reads_much_takes_it() {
    const BLOCK: usize = 1 << 20;
    let pair = pair();
    let nobody = TcpListener::bind(&pair.near, addr("10.0.0.1:9")).expect("the port is free");
    let waits = thread::spawn(move || nobody.accept().map(|_| ()));
    let listener = TcpListener::bind(&pair.far, addr("10.0.0.2:7")).expect("the port is free");
    let source = thread::spawn(move || {
        let (mut stream, _) = listener.accept_timeout(LONG).expect("somebody comes");
        let block = vec![1; BLOCK];
        while stream.read(&mut [0]).expect("it is open") > 0 {
            stream.write_all(&block).expect("it is open");
        }
    });
    let mut stream = TcpStream::connect(&pair.near, addr("10.0.0.2:7")).expect("it listens");
    stream.set_read_timeout(Some(LONG)).expect("a timeout");
    let mut block = vec![0; BLOCK];
    for _ in 0..32 {
        stream.write_all(&[0]).expect("open");
        stream.read_exact(&mut block).expect("it answers");
        assert!(block.iter().all(|byte| *byte == 1));
        block.fill(0);
    }
    let own = thread::current().id();
    let received = pair.received.lock().expect("no panic").clone();
    let mine = received.iter().filter(|thread| **thread == own).count();
    // The driver's thread comes when this one is not given the processor for long.
    assert!(mine >= 100, "{mine} of {} frames were taken here", received.len());
    drop(stream);
    source.join().expect("no panic");
    let [near, _] = pair.running;
    near.stop(Duration::ZERO).expect("it ends");
    waits.join().expect("no panic").expect_err("no driver");
}

#[test]
fn many_writers_share_the_seat() {
    const EACH: usize = 8 << 20;
    let pair = pair();
    let sinks = sinks(&pair.far, 4);
    let writers: Vec<_> = (1..=4u8)
        .map(|n| {
            let mut stream = to_sink(&pair.near);
            thread::spawn(move || {
                // Some of them in small pieces.
                let block = vec![n; if n % 2 == 0 { 5_000 } else { 300_000 }];
                let mut left = EACH;
                while left > 0 {
                    let most = left.min(block.len());
                    left -= stream.write(&block[..most]).expect("open");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().expect("no panic");
    }
    let mut taken = sinks.join().expect("no panic");
    taken.sort_unstable();
    let expected = [1, 2, 3, 4].map(|n| (EACH, n * EACH as u64));
    assert_eq!(taken, expected);
}

/// Who has written much and does something else then is not needed for it any more.
#[test]
fn what_was_written_goes_on_without_its_writer() {
    let pair = pair();
    let sinks = sinks(&pair.far, 1);
    let mut stream = to_sink(&pair.near);
    let block = vec![1; 2 << 20];
    for _ in 0..4 {
        stream.write_all(&block).expect("open");
        let end = std::time::Instant::now() + LONG;
        while stream.unacknowledged_bytes().expect("open") > 0 {
            assert!(std::time::Instant::now() < end, "nobody looks after the device");
            thread::yield_now();
        }
    }
    drop(stream);
    assert_eq!(sinks.join().expect("no panic"), [(8 << 20, 8 << 20)]);
}

#[test]
fn who_writes_hears_of_the_drivers_end() {
    let pair = pair();
    let _sinks = sinks(&pair.far, 2);
    let mut streams = [to_sink(&pair.near), to_sink(&pair.near)];
    let (told, begun) = std::sync::mpsc::channel();
    let writers = streams.each_mut().map(|stream| {
        let (mut stream, told) = (stream.try_clone().expect("another handle"), told.clone());
        thread::spawn(move || {
            let block = vec![1; 256 << 10];
            loop {
                if let Err(error) = stream.write_all(&block) {
                    return error.kind();
                }
                let _ = told.send(());
            }
        })
    });
    for _ in 0..64 {
        begun.recv_timeout(LONG).expect("they write");
    }
    let [near, _far] = pair.running;
    near.stop(Duration::ZERO).expect("it ends");
    for writer in writers {
        assert_eq!(writer.join().expect("no panic"), ErrorKind::NetworkDown);
    }
}

/// A device with a descriptor that never says anything, and frames that it has read already.
#[cfg(unix)]
struct Holds(Vec<Frame>, io::PipeReader);

#[cfg(unix)]
impl Device for Holds {
    fn mtu(&self) -> usize {
        1500
    }

    fn receive(&mut self, _: &Pool) -> io::Result<Option<Frame>> {
        Ok(self.0.pop())
    }

    fn holds(&self) -> bool {
        !self.0.is_empty()
    }

    fn transmit(&mut self, _: &Frame) -> io::Result<bool> {
        Ok(true)
    }

    fn descriptor(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        Some(std::os::fd::AsFd::as_fd(&self.1))
    }
}

/// What a device has read and not given is not slept over.
#[cfg(unix)]
#[test]
fn nobody_sleeps_over_what_a_device_holds() {
    let host = Host::new(setup(1, "10.0.0.1/24"));
    let (silent, _says_nothing) = io::pipe().expect("a pipe");
    let frames = vec![Frame::copied(host.pool(), &[0; 40]); 3];
    let driver = Driver::new(host, Holds(frames, silent), [None, None], Arc::default());
    let bell = Bell::new().expect("a bell");
    let seat = Seat::new(driver, (&bell, Duration::ZERO), Arc::default()).expect("descriptors");
    for held in (0..3).rev() {
        assert!(seat.round(1, false).expect("it is there").more);
        assert_eq!(seat.is_due(), held > 0, "{held} are left");
    }
}
