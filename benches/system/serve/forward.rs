//! Linux behind a bad link: its own namespace is joined to the load's by two plain TUN devices and
//! a loop that carries packets between them, through the same links as netglass has
//! ([`super::netglass::lossy_links`]).

use super::{kernel, netglass, ready, streams};
use crate::Outcome;
use crate::cell::Cell;
use crate::lan::{self, Kind};
use ::netglass::base::{Instant, Pool};
use ::netglass::device::{Device, split, tun::Tun};
use ::netglass::impair::Link;
use ::netglass::sys::netns;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use std::sync::mpsc;

/// Serves and carries for ever.
pub(super) fn run(cell: Cell) -> Outcome<()> {
    let (give, take) = mpsc::channel();
    std::thread::spawn(move || {
        let offered = (|| {
            // Only this thread, and those it starts, move.
            netns::enter_private()?;
            let far = lan::tun_to(lan::PEER, lan::FAR, cell.mtu, Kind::Plain)?;
            Ok((far, kernel::offer(cell.load)?))
        })();
        let _ = give.send(offered.map_err(|e: Box<dyn std::error::Error>| e.to_string()));
    });
    let (far, attendants) = take.recv()??;
    let near = lan::tun(cell.mtu, Kind::Plain)?;
    std::thread::spawn(move || {
        if let Err(error) = streams::wait(attendants) {
            eprintln!("bench: {error}");
            std::process::exit(2);
        }
    });
    let device = |fd, name: &str| Tun::from_fd(fd, name.to_owned(), cell.mtu.into());
    let pool = Pool::new();
    let links = netglass::lossy_links(cell.round, &pool)?;
    ready();
    carry([device(near, lan::DEV)?, device(far, lan::PEER)?], links, &pool)
}

/// Carries packets from each device through a link to the other.
fn carry(mut devices: [Tun; 2], mut links: [Link; 2], pool: &Pool) -> Outcome<()> {
    let start = std::time::Instant::now();
    loop {
        let now = Instant::ZERO + start.elapsed();
        for (device, link) in devices.iter_mut().zip(&mut links) {
            while let Some(frame) = device.receive(pool)? {
                // Segments that were joined on their way in go on one by one.
                for packet in split::split(&frame, device.mtu())? {
                    link.input(now, packet);
                }
            }
        }
        for (from, link) in links.iter_mut().enumerate() {
            while let Some(frame) = link.output(now) {
                // What a device does not take is lost, as on any wire.
                devices[1 - from].transmit(&frame)?;
            }
            while link.dropped().is_some() {}
        }
        let due = links.iter().filter_map(Link::deadline).min();
        let most = due.map(|at| TimeSpec::from_duration(at.since(now)));
        let fds = devices.each_ref().map(|device| device.descriptor());
        let [Some(near), Some(far)] = fds else { return Err("a device without descriptor".into()) };
        let mut fds = [near, far].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        ppoll(&mut fds, most, None)?;
    }
}
