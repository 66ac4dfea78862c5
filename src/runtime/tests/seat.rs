//! Who does the driver's work.

use super::{LONG, addr, setup};
use crate::base::{Frame, Pool};
use crate::device::Device;
use crate::device::memory::{self, Memory};
use crate::net::blocking::{TcpListener, TcpStream};
use crate::net::{ConnectOptions, Host};
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

struct Pair {
    near: Host,
    far: Host,
    received: Arc<Mutex<Vec<ThreadId>>>,
    sent: Arc<Mutex<Vec<ThreadId>>>,
    broken: Arc<AtomicBool>,
    running: [Running; 2],
}

fn start(
    host: &Host,
    (mut end, busy_poll): (Memory, Duration),
    wrap: impl FnOnce(Memory) -> Box<dyn Device>,
) -> Running {
    let live = Live::new(host).expect("one interface").busy_poll(busy_poll);
    let bell = live.bell();
    end.on_change(move || bell.ring());
    live.start(wrap(end)).expect("a thread")
}

fn pair() -> Pair {
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
fn echo(host: &Host) -> thread::JoinHandle<()> {
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
