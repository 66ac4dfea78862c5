//! Observers, recorders, links between device and host.

use super::{LONG, Net, addr, pattern, setup};
use crate::base::{Chance, EventId, Frame, IfaceId, Instant, Medium};
use crate::device::memory;
use crate::impair::{Delay, Fate, Impairment, Link, Odds, Ppm};
use crate::net::blocking::{TcpListener, TcpStream};
use crate::net::{Direction, Host, Loss, Observer, Sighting};
use crate::stack::{Event, Input, Record, Stack};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What an observer has seen, in order.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a test's few records")]
enum Saw {
    Record(Record),
    Frame(Direction, Instant, EventId, Vec<EventId>),
    Lost(Direction, EventId),
}

#[derive(Clone, Default)]
struct Watching(Arc<Mutex<Vec<Saw>>>);

impl Observer for Watching {
    fn records(&mut self, records: &[Record]) {
        let mut saw = self.0.lock().expect("nobody panics");
        saw.extend(records.iter().cloned().map(Saw::Record));
    }

    fn frame(&mut self, s: &Sighting<'_>) {
        assert_eq!(s.iface, IfaceId(0));
        let ids = s.records.iter().map(|record| record.id).collect();
        let frame = Saw::Frame(s.direction, s.at, s.frame.origin, ids);
        self.0.lock().expect("nobody panics").push(frame);
    }

    fn lost(&mut self, loss: &Loss<'_>) {
        assert_eq!((loss.why, loss.medium), (&Fate::Lost, Medium::Ip));
        let lost = Saw::Lost(loss.direction, loss.frame.origin);
        self.0.lock().expect("nobody panics").push(lost);
    }
}

/// Sees records alone.
#[derive(Clone, Default)]
struct Reading(Arc<Mutex<Vec<EventId>>>);

impl Observer for Reading {
    fn sees_frames(&self) -> bool {
        false
    }

    fn records(&mut self, records: &[Record]) {
        self.0.lock().expect("nobody panics").extend(records.iter().map(|record| record.id));
    }

    fn frame(&mut self, _: &Sighting<'_>) {
        panic!("it wants none");
    }
}

/// Whether others see frames or nobody does, the records are told once and in order.
#[test]
fn who_sees_no_frames_is_told_all_the_same() {
    for others in [true, false] {
        let net = Net::new();
        let (reading, watching) = (Reading::default(), Watching::default());
        net.a.observe(Box::new(reading.clone()));
        if others {
            net.a.observe(Box::new(watching.clone()));
        }
        exchange(&net);
        let [a, _] = net.running;
        a.stop(LONG).expect("the device was there");
        let read = reading.0.lock().expect("nobody panics").clone();
        assert!(read.len() > 100 && read.is_sorted_by(|one, other| one < other));
        if others {
            let saw = watching.0.lock().expect("nobody panics").clone();
            let records = saw.iter().filter_map(|saw| match saw {
                Saw::Record(record) => Some(record.id),
                _ => None,
            });
            assert_eq!(read, records.collect::<Vec<_>>());
        }
    }
}

fn exchange(net: &Net) {
    let (mut client, mut server) = net.connected();
    client.write_all(&pattern(1, 100_000)).expect("room");
    drop(client);
    let mut told = Vec::new();
    server.read_to_end(&mut told).expect("all of it");
}

#[test]
fn observers_see_each_frame_with_its_reasons() {
    let net = Net::new();
    let watching = Watching::default();
    net.a.observe(Box::new(watching.clone()));
    exchange(&net);
    let [a, _] = net.running;
    a.stop(LONG).expect("the device was there");
    let saw = watching.0.lock().expect("nobody panics").clone();
    let mut known = Vec::new();
    let (mut came, mut went, mut caused) = (0, 0, Vec::new());
    for one in &saw {
        match one {
            Saw::Record(record) => known.push(record.id),
            Saw::Frame(Direction::In, _, _, records) => {
                came += 1;
                assert!(records.iter().all(|id| !known.contains(id)), "what it caused follows");
                assert!(!records.is_empty(), "each frame means something to the host");
                caused.extend(records.iter().copied());
            }
            Saw::Lost(..) => panic!("no link is bad"),
            Saw::Frame(Direction::Out, _, origin, records) => {
                went += 1;
                assert_eq!(records, &[*origin], "why it was sent is beside it");
                assert!(known.contains(origin), "and was told before");
            }
        }
    }
    assert!(caused.iter().all(|id| known.contains(id)), "each record is told");
    let mut once = known.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), known.len(), "and once");
    let totals = net.a.with(|stack, _| stack.totals());
    assert_eq!((came, went), (totals.frames_in, totals.frames_out));
}

#[test]
fn a_recording_lives_again() {
    let kept = Arc::new(Mutex::new(Vec::<(Instant, Input)>::new()));
    let (a, b) = (Host::new(setup(1, "10.0.0.1/24")), Host::new(setup(2, "10.0.0.2/24")));
    let sink = kept.clone();
    a.record(Box::new(move |inputs| sink.lock().expect("nobody panics").extend(inputs)));
    let options = memory::Options::default();
    let running = super::memory::join(&a, &b, options, [None, None]).expect("drivers start");
    let net = Net { a, b, running };
    exchange(&net);
    let [a, _] = net.running;
    a.stop(LONG).expect("the device was there");
    let mut again = Stack::new(setup(1, "10.0.0.1/24"));
    for (now, input) in kept.lock().expect("nobody panics").drain(..) {
        again.apply(now, input);
    }
    let totals = net.a.with(|stack, _| (stack.totals(), stack.last_event()));
    assert_eq!((again.totals(), again.last_event()), totals);
    assert!(totals.0.bytes_out > 100_000);
}

#[test]
fn a_slow_and_lossy_link_is_survived_and_seen() {
    let (a, b) = (Host::new(setup(1, "10.0.0.1/24")), Host::new(setup(2, "10.0.0.2/24")));
    let watching = Watching::default();
    a.observe(Box::new(watching.clone()));
    let delay = Delay { base: Duration::from_millis(3), ..Delay::default() };
    let rules = Impairment { delay, ..Impairment::NONE };
    let link = |id| Some(Link::new(rules.clone(), Chance::from_key([3, 4]), id, a.pool().clone()));
    let options = memory::Options { offload: true, ..memory::Options::default() };
    let links = [link(1), link(2)];
    let running = super::memory::join(&a, &b, options, links).expect("drivers start");
    let net = Net { a, b, running };
    exchange(&net);
    let [first, _] = net.running;
    first.stop(LONG).expect("the device was there");
    let saw = watching.0.lock().expect("nobody panics").clone();
    let syn = saw.iter().find_map(|one| match one {
        Saw::Record(record) if matches!(record.event, Event::Conn { .. }) => Some(record.at),
        _ => None,
    });
    let left = saw.iter().find_map(|one| match one {
        Saw::Frame(Direction::Out, at, origin, ids) => Some((*at, *origin, ids.clone())),
        _ => None,
    });
    let (at, origin, ids) = left.expect("frames left");
    assert!(at >= syn.expect("it connected") + Duration::from_millis(3), "seen behind the link");
    assert_eq!(ids, [origin], "and its reason is still known");
}

#[test]
fn what_a_link_loses_is_told_behind_what_sent_it() {
    let (a, b) = (Host::new(setup(1, "10.0.0.1/24")), Host::new(setup(2, "10.0.0.2/24")));
    let watching = Watching::default();
    a.observe(Box::new(watching.clone()));
    let loss = Odds { share: Ppm(100_000), ..Odds::default() };
    let rules = Impairment { loss: loss.into(), ..Impairment::NONE };
    let link = |id| Link::new(rules.clone(), Chance::from_key([3, 4]), id, a.pool().clone());
    let mut links = [link(1), link(2)];
    let gauges = links.each_mut().map(Link::gauge);
    // `join` has its links between the hosts: this one lies in front of the first host's device.
    let (mut device, mut other) = crate::device::memory::pair(memory::Options::default());
    let live = crate::runtime::Live::new(&a).expect("one interface");
    let bell = live.bell();
    device.on_change(move || bell.ring());
    let peer = crate::runtime::Live::new(&b).expect("one interface");
    let bell = peer.bell();
    other.on_change(move || bell.ring());
    let [inward, outward] = links.map(Some);
    let live = live.impaired(inward, outward).start(device).expect("it starts");
    let net = Net { a, b, running: [live, peer.start(other).expect("it starts")] };
    exchange(&net);
    let [first, _] = net.running;
    first.stop(LONG).expect("the device was there");
    let saw = watching.0.lock().expect("nobody panics").clone();
    let mut told = [0, 0];
    for (place, one) in saw.iter().enumerate() {
        let Saw::Lost(direction, origin) = one else { continue };
        told[usize::from(*direction == Direction::Out)] += 1;
        let sent = |earlier: &Saw| matches!(earlier, Saw::Record(r) if r.id == *origin);
        assert!(*direction == Direction::In || saw[..place].iter().any(sent));
    }
    assert_eq!(told, gauges.map(|gauge| gauge.read().lost));
    assert!(told[0] + told[1] > 0);
}

#[test]
fn frames_too_long_for_the_device_are_an_error_at_the_start() {
    let host = Host::new(setup(1, "10.0.0.1/24"));
    let options = memory::Options { mtu: 1000, ..memory::Options::default() };
    let (device, _other) = memory::pair(options);
    let error = crate::runtime::Live::spawn(&host, device).expect_err("1500 > 1000");
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    let none = Host::new(crate::stack::Setup::new([1, 1]));
    assert!(crate::runtime::Live::new(&none).is_err(), "a host without interface");
}

/// A device that is gone.
struct Gone;

impl crate::device::Device for Gone {
    fn mtu(&self) -> usize {
        1500
    }

    fn receive(&mut self, _: &crate::base::Pool) -> std::io::Result<Option<Frame>> {
        Err(std::io::Error::other("unplugged"))
    }

    fn transmit(&mut self, _: &Frame) -> std::io::Result<bool> {
        Ok(true)
    }
}

#[test]
fn a_lost_device_ends_the_driver_and_is_told() {
    let host = Host::new(setup(1, "10.0.0.1/24"));
    let listener = TcpListener::bind(&host, addr("10.0.0.1:80")).expect("free");
    let running = crate::runtime::Live::spawn(&host, Gone).expect("it starts");
    let error = listener.accept_timeout(LONG).expect_err("nobody can come");
    assert_eq!(error.kind(), std::io::ErrorKind::NetworkDown);
    assert_eq!(running.stop(LONG).expect_err("it was gone").to_string(), "unplugged");
    assert!(TcpStream::connect(&host, addr("10.0.0.2:80")).is_err());
}
