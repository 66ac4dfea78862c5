//! Hosts that somebody watches: users do the driver's work all the same, and the driver's thread
//! tells of it.

use super::seat::{Pair, echo, pair, sinks, to_sink};
use super::{LONG, addr};
use crate::net::blocking::{TcpStream, UdpSocket};
use crate::net::{Host, Observer};
use crate::stack::{Event, Record};
use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Instant;

/// Keeps the records, and which threads told of them.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(ThreadId, Record)>>>);

impl Log {
    fn kept(&self) -> Vec<(ThreadId, Record)> {
        self.0.lock().expect("no panic").clone()
    }

    /// Waits until all that has happened on the host was told.
    fn until_told(&self, host: &Host) {
        let last = host.with(|stack, _| stack.last_event());
        let end = Instant::now() + LONG;
        while self.kept().last().is_none_or(|(_, record)| record.id < last) {
            assert!(Instant::now() < end, "it is never told: {last:?}");
            thread::yield_now();
        }
    }
}

impl Observer for Log {
    fn sees_frames(&self) -> bool {
        false
    }

    fn records(&mut self, records: &[Record]) {
        let own = thread::current().id();
        let mut kept = self.0.lock().expect("no panic");
        kept.extend(records.iter().map(|record| (own, record.clone())));
    }
}

fn watched() -> (Pair, Log) {
    let (pair, log) = (pair(), Log::default());
    pair.near.observe(Box::new(log.clone()));
    (pair, log)
}

#[test]
fn who_waits_serves_himself_though_somebody_looks() {
    let (pair, log) = watched();
    let echo = echo(&pair.far);
    let mut stream = TcpStream::connect(&pair.near, addr("10.0.0.2:7")).expect("it listens");
    stream.set_read_timeout(Some(LONG)).expect("a timeout");
    for n in 0..500u32 {
        stream.write_all(&[n as u8]).expect("open");
        stream.read_exact(&mut [0]).expect("it answers");
    }
    let own = thread::current().id();
    for (what, threads) in [("received", &pair.received), ("sent", &pair.sent)] {
        let threads = threads.lock().expect("no panic");
        let mine = threads.iter().filter(|thread| **thread == own).count();
        assert!(mine >= 50, "{mine} of {} frames were {what} here", threads.len());
    }
    // What this thread has done is told though nothing else happens, and not by this thread.
    log.until_told(&pair.near);
    let kept = log.kept();
    assert!(kept.iter().all(|(by, _)| *by != own));
    assert!(kept.is_sorted_by(|(_, one), (_, other)| one.id < other.id), "once, and in order");
    drop(stream);
    echo.join().expect("no panic");
}

/// Whoever calls tells nobody, but sees to it that the driver's thread does, wherever that is: at
/// the device, or in deep sleep.
#[test]
fn what_a_call_did_is_told_soon() {
    let (pair, log) = watched();
    let sinks = sinks(&pair.far, 1);
    let mut stream = to_sink(&pair.near);
    for _ in 0..50 {
        stream.write_all(&[1]).expect("open");
        log.until_told(&pair.near);
        let written = |(_, record): &(ThreadId, Record)| matches!(record.event, Event::Call { .. });
        assert!(log.kept().iter().any(written));
    }
    drop(stream);
    sinks.join().expect("no panic");
}

/// A call that brings the driver no work is told as soon, and not with what happens next.
#[test]
fn what_leaves_nothing_to_do_is_told_soon() {
    let (pair, log) = watched();
    let socket = UdpSocket::bind(&pair.near, addr("10.0.0.1:9")).expect("a port is free");
    for _ in 0..50 {
        let nowhere = socket.send_to(&[1], addr("192.0.2.1:9")).expect_err("there is no route");
        assert_eq!(nowhere.kind(), std::io::ErrorKind::NetworkUnreachable);
        log.until_told(&pair.near);
    }
}

/// Says that it is called, and waits until it may go on.
struct Slow(Sender<()>, Receiver<()>);

impl Observer for Slow {
    fn sees_frames(&self) -> bool {
        false
    }

    fn records(&mut self, _: &[Record]) {
        let _ = self.0.send(());
        let _ = self.1.recv_timeout(LONG);
    }
}

/// Nobody goes on for ever while the one who is told cannot keep up.
#[test]
fn who_is_told_slowly_holds_the_others_up() {
    let pair = pair();
    let sinks = sinks(&pair.far, 1);
    let mut stream = to_sink(&pair.near);
    let (called, is_called) = channel();
    let (go_on, may_go_on) = channel();
    pair.near.observe(Box::new(Slow(called, may_go_on)));
    let writer = thread::spawn(move || {
        for _ in 0..64 {
            stream.write_all(&vec![1; 1 << 20]).expect("open");
        }
    });
    is_called.recv_timeout(LONG).expect("it is told");
    // While it is busy with that, some more is sent, and then nothing any more.
    let sent = || pair.near.with(|stack, _| stack.totals().bytes_out);
    let end = Instant::now() + LONG;
    let mut before = sent();
    let mut same = 0;
    while same < 20 {
        assert!(Instant::now() < end, "{before} bytes went out");
        thread::sleep(std::time::Duration::from_millis(5));
        let now = sent();
        same = if now == before { same + 1 } else { 0 };
        before = now;
    }
    assert!(before < 16 << 20, "{before} bytes went out meanwhile");
    drop(go_on); // it waits no more
    writer.join().expect("no panic");
    assert_eq!(sinks.join().expect("no panic"), [(64 << 20, 64 << 20)]);
}

/// Asks the host what it does.
struct Asking(Host, u64);

impl Observer for Asking {
    fn records(&mut self, _: &[Record]) {
        self.1 += self.0.with(|stack, _| stack.totals().frames_out);
    }
}

#[test]
fn an_observer_may_call_the_host() {
    let pair = pair();
    pair.near.observe(Box::new(Asking(pair.near.clone(), 0)));
    let sinks = sinks(&pair.far, 1);
    let mut stream = to_sink(&pair.near);
    for _ in 0..16 {
        stream.write_all(&vec![1; 1 << 20]).expect("open");
    }
    drop(stream);
    assert_eq!(sinks.join().expect("no panic"), [(16 << 20, 16 << 20)]);
}

/// Wants what a user holds while it calls.
struct Wants(Arc<Mutex<u64>>);

impl Observer for Wants {
    fn sees_frames(&self) -> bool {
        false
    }

    fn records(&mut self, records: &[Record]) {
        *self.0.lock().expect("no panic") += records.len() as u64;
    }
}

#[test]
fn who_calls_may_hold_what_an_observer_wants() {
    let pair = pair();
    let echo = echo(&pair.far);
    let mut stream = TcpStream::connect(&pair.near, addr("10.0.0.2:7")).expect("it listens");
    stream.set_read_timeout(Some(LONG)).expect("a timeout");
    let seen = Arc::new(Mutex::new(0));
    pair.near.observe(Box::new(Wants(seen.clone())));
    let held = seen.lock().expect("no panic");
    // Not for ever: what is untold is bounded.
    for n in 0..20 {
        stream.write_all(&[n]).expect("open");
        stream.read_exact(&mut [0]).expect("it answers");
    }
    drop((held, stream));
    echo.join().expect("no panic");
    let [near, _] = pair.running;
    near.stop(LONG).expect("the device was there");
    assert!(*seen.lock().expect("no panic") > 80, "all is told at the end");
}
