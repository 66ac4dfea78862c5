//! Drivers that end, and waits that end, whatever comes meanwhile.

use super::seat::{pair, start};
use super::{LONG, addr, setup};
use crate::base::{Frame, Pool};
use crate::device::Device;
use crate::device::memory::{self, Memory};
use crate::net::Host;
use crate::net::blocking::{TcpListener, UdpSocket};
use crate::runtime::Running;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

/// Has something done in a thread of its own, which must not take for ever.
fn soon<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    let (told, answer) = channel();
    thread::spawn(move || told.send(act()));
    answer.recv_timeout(LONG).expect("it ends")
}

/// The one who stops it and the one who waits ring at the same time.
#[test]
fn a_driver_stops_whoever_sleeps_at_its_device() {
    for _ in 0..200 {
        let host = Host::new(setup(1, "10.0.0.1/24"));
        let (device, _other) = memory::pair(memory::Options::default());
        let running = start(&host, (device, Duration::ZERO), |end| Box::new(end));
        let listener = TcpListener::bind(&host, addr("10.0.0.1:7")).expect("the port is free");
        let (begins, begun) = channel();
        let waits = thread::spawn(move || {
            begins.send(()).expect("somebody listens");
            listener.accept().map(|_| ())
        });
        begun.recv_timeout(LONG).expect("it begins");
        soon(move || running.stop(Duration::ZERO)).expect("the device is there");
        let error = soon(move || waits.join().expect("no panic")).expect_err("no driver");
        assert_eq!(error.kind(), ErrorKind::NetworkDown);
    }
}

/// A device that always has something, for nobody.
struct Flood(Memory);

impl Device for Flood {
    fn mtu(&self) -> usize {
        self.0.mtu()
    }

    fn receive(&mut self, pool: &Pool) -> io::Result<Option<Frame>> {
        Ok(Some(Frame::copied(pool, &[0; 40])))
    }

    fn transmit(&mut self, frame: &Frame) -> io::Result<bool> {
        self.0.transmit(frame)
    }
}

fn flooded() -> (Host, Running) {
    let host = Host::new(setup(1, "10.0.0.1/24"));
    let (device, _) = memory::pair(memory::Options::default());
    let running = start(&host, (device, Duration::ZERO), |end| Box::new(Flood(end)));
    (host, running)
}

#[test]
fn a_flood_holds_up_no_timeout() {
    let (host, running) = flooded();
    let listener = TcpListener::bind(&host, addr("10.0.0.1:7")).expect("the port is free");
    let waited = soon(move || listener.accept_timeout(Duration::from_millis(20)).map(|_| ()));
    assert_eq!(waited.expect_err("nobody comes").kind(), ErrorKind::TimedOut);
    soon(move || running.stop(Duration::ZERO)).expect("the device is there");
}

#[test]
fn a_flood_holds_up_no_end() {
    let (host, running) = flooded();
    let listener = TcpListener::bind(&host, addr("10.0.0.1:7")).expect("the port is free");
    let before = host.with(|stack, _| stack.totals().frames_in);
    let waits = thread::spawn(move || listener.accept().map(|_| ()));
    let end = Instant::now() + LONG;
    while host.with(|stack, _| stack.totals().frames_in) < before + 1000 {
        assert!(Instant::now() < end, "nobody looks after the device");
        thread::yield_now();
    }
    soon(move || running.stop(Duration::ZERO)).expect("the device is there");
    let error = soon(move || waits.join().expect("no panic")).expect_err("no driver");
    assert_eq!(error.kind(), ErrorKind::NetworkDown);
}

/// A device that panics when it is given a frame.
struct Panics(Memory);

impl Device for Panics {
    fn mtu(&self) -> usize {
        self.0.mtu()
    }

    fn receive(&mut self, pool: &Pool) -> io::Result<Option<Frame>> {
        self.0.receive(pool)
    }

    fn transmit(&mut self, _: &Frame) -> io::Result<bool> {
        panic!("as this test wants it")
    }
}

/// Whoever's call it was: the driver has ended, and says so to everybody.
#[test]
fn a_panic_in_a_round_ends_the_driver() {
    let host = Host::new(setup(1, "10.0.0.1/24"));
    let (device, _other) = memory::pair(memory::Options::default());
    let running = start(&host, (device, Duration::ZERO), |end| Box::new(Panics(end)));
    let socket = UdpSocket::bind(&host, addr("10.0.0.1:7")).expect("the port is free");
    let socket = Arc::new(socket);
    let first = Arc::clone(&socket);
    let _ = thread::spawn(move || first.send_to(b"x", addr("10.0.0.2:7"))).join();
    let end = Instant::now() + LONG;
    while !running.is_over() {
        let _ = socket.send_to(b"y", addr("10.0.0.2:7"));
        assert!(Instant::now() < end, "it looks alive");
        thread::yield_now();
    }
    running.stop(Duration::ZERO).expect_err("it has panicked");
}

/// Readers with timeouts come and go while another one waits: nobody is forgotten.
#[test]
fn short_waits_beside_a_long_one() {
    let pair = pair();
    let listener = TcpListener::bind(&pair.near, addr("10.0.0.1:7")).expect("the port is free");
    let socket = UdpSocket::bind(&pair.near, addr("10.0.0.1:7")).expect("the port is free");
    let waits = thread::spawn(move || listener.accept_timeout(LONG).map(|_| ()));
    socket.set_read_timeout(Some(Duration::from_millis(1))).expect("a timeout");
    for _ in 0..50 {
        let error = socket.recv_from(&mut [0]).expect_err("nothing comes");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
    let far = pair.far.clone();
    let _stream = soon(move || {
        crate::net::blocking::TcpStream::connect(&far, addr("10.0.0.1:7")).expect("it listens")
    });
    soon(move || waits.join().expect("no panic")).expect("somebody came");
}
