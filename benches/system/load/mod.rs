//! The loads: what kernel sockets, and programs on them, ask of every stack alike.

mod bulk;
mod exchange;
mod wrk;

use crate::Outcome;
use crate::lan;
use crate::serve::Service;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, connect, getsockopt, setsockopt, socket,
    sockopt::TcpCongestion,
};
use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::str::FromStr;
use std::time::{Duration, Instant};

pub(crate) use wrk::is_missing as wrk_is_missing;

/// What the kernel is asked to use, and so the same for every stack's peer.
const CONGESTION: &str = "cubic";
/// Bytes per call of bulk transfer.
const ROOM: usize = 256 * 1024;
/// A peer that says nothing for so long has stalled.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is done.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Work {
    /// Linux sends, the stack receives.
    Up,
    /// The stack sends, Linux receives.
    Down,
    /// Both at once, on a connection each.
    Both,
    /// One byte there and back on a kept connection.
    Rr,
    /// Connect, one byte there and back, close.
    Conn,
    /// Requests over HTTP on kept connections.
    Keep,
    /// Requests over HTTP, each on a connection of its own.
    Close,
}

/// On which processors the load and the stack run.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Placement {
    /// Both on the same one.
    One,
    /// The load on one, all threads of the stack on another.
    Apart,
    /// On two, as the kernel likes.
    Free,
}

/// Who looks on while the stack works.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Watched {
    /// Nobody.
    Not,
    /// An observer that keeps the last records.
    Ring,
    /// A recorder of every input.
    Record,
}

/// What is measured: one work under some circumstances.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Load {
    /// Its place among all: tables are in this order.
    place: usize,
    pub(crate) work: Work,
    pub(crate) placement: Placement,
    /// Connections that carry bulk data at the same time, in each direction.
    pub(crate) streams: u16,
    /// Established connections that do nothing.
    pub(crate) idle: u32,
    /// Whether the way is long, and loses packets.
    pub(crate) lossy: bool,
    pub(crate) watched: Watched,
}

/// One stream, nobody else, a perfect way.
const fn plain(work: Work) -> Load {
    let placement = match work {
        Work::Up | Work::Down | Work::Both => Placement::Apart,
        // One waits for the other: two would measure how long the other takes to wake.
        Work::Rr | Work::Conn => Placement::One,
        Work::Keep | Work::Close => Placement::Free,
    };
    let (streams, idle, lossy, watched) = (1, 0, false, Watched::Not);
    Load { place: 0, work, placement, streams, idle, lossy, watched }
}

const fn one(work: Work) -> Load {
    Load { placement: Placement::One, ..plain(work) }
}

const fn streams(work: Work, streams: u16) -> Load {
    Load { streams, ..plain(work) }
}

const fn idle(work: Work, idle: u32) -> Load {
    Load { idle, ..one(work) }
}

const fn lossy(work: Work) -> Load {
    Load { lossy: true, ..plain(work) }
}

const fn watched(work: Work, watched: Watched) -> Load {
    Load { watched, ..one(work) }
}

/// All loads by name.
const LOADS: &[(&str, Load)] = &[
    ("up", plain(Work::Up)),
    ("down", plain(Work::Down)),
    ("up-one", one(Work::Up)),
    ("down-one", one(Work::Down)),
    ("both", plain(Work::Both)),
    ("up-8", streams(Work::Up, 8)),
    ("up-64", streams(Work::Up, 64)),
    ("down-8", streams(Work::Down, 8)),
    ("down-64", streams(Work::Down, 64)),
    ("rr", plain(Work::Rr)),
    ("conn", plain(Work::Conn)),
    ("http", plain(Work::Keep)),
    ("http-close", plain(Work::Close)),
    ("up-lossy", lossy(Work::Up)),
    ("down-lossy", lossy(Work::Down)),
    ("up-idle-0", idle(Work::Up, 0)),
    ("up-idle-1k", idle(Work::Up, 1_000)),
    ("up-idle-10k", idle(Work::Up, 10_000)),
    ("up-idle-100k", idle(Work::Up, 100_000)),
    ("rr-idle-0", idle(Work::Rr, 0)),
    ("rr-idle-1k", idle(Work::Rr, 1_000)),
    ("rr-idle-10k", idle(Work::Rr, 10_000)),
    ("rr-idle-100k", idle(Work::Rr, 100_000)),
    ("up-off", watched(Work::Up, Watched::Not)),
    ("up-ring", watched(Work::Up, Watched::Ring)),
    ("up-record", watched(Work::Up, Watched::Record)),
    ("rr-off", watched(Work::Rr, Watched::Not)),
    ("rr-ring", watched(Work::Rr, Watched::Ring)),
    ("rr-record", watched(Work::Rr, Watched::Record)),
];

impl Load {
    /// The services that it needs, in the order of their use.
    pub(crate) fn services(self) -> &'static [Service] {
        match self.work {
            Work::Up => &[Service::Sink],
            Work::Down => &[Service::Source],
            Work::Both => &[Service::Sink, Service::Source],
            Work::Rr | Work::Conn => &[Service::Echo],
            Work::Keep | Work::Close => &[Service::Http],
        }
    }

    /// What the figures mean, and by what they are divided for the table.
    pub(crate) fn unit(self) -> (&'static str, f64) {
        match self.work {
            Work::Up | Work::Down | Work::Both if self.lossy => ("Mbit/s", 1e6),
            Work::Up | Work::Down | Work::Both => ("Gbit/s", 1e9),
            _ => ("k/s", 1e3),
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(LOADS[self.place].0)
    }
}

impl FromStr for Load {
    type Err = String;

    fn from_str(text: &str) -> Result<Load, String> {
        let place = LOADS.iter().position(|(name, _)| *name == text).ok_or_else(|| {
            let names: Vec<&str> = LOADS.iter().map(|(name, _)| *name).collect();
            format!("expected one of {}", names.join(", "))
        })?;
        Ok(Load { place, ..LOADS[place].1 })
    }
}

/// What came out.
#[derive(Clone, Default, Debug)]
pub(crate) struct Yield {
    /// Bits, exchanges, connections or requests per second.
    pub(crate) rate: f64,
    /// How long exchanges took: not more than that for the half, 99 % and 99.9 % of them, as far as
    /// that is known.
    pub(crate) latency: Option<[Option<Duration>; 3]>,
}

/// Puts load on the stack for `time`.
pub(crate) fn run(load: Load, time: Duration) -> Outcome<Yield> {
    let to = lan::service(load.services()[0]);
    match load.work {
        Work::Up if load.streams > 1 => bulk::up_many(to, load.streams, time),
        Work::Down if load.streams > 1 => bulk::down_many(to, load.streams, time),
        Work::Up => bulk::up(open(to)?, time),
        Work::Down => bulk::down(open(to)?, time),
        Work::Both => bulk::both(time),
        Work::Rr => exchange::rr(open(to)?, time),
        Work::Conn => exchange::conn(to, time),
        Work::Keep => wrk::run(to, true, time),
        Work::Close => wrk::run(to, false, time),
    }
}

/// Connects with the congestion control that everybody uses.
pub(crate) fn open(to: SocketAddr) -> Outcome<TcpStream> {
    let SocketAddr::V4(to) = to else { return Err("an IPv4 address is needed".into()) };
    let flags = SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    congestion(&fd);
    connect(fd.as_raw_fd(), &SockaddrIn::from(to))?;
    let stream = TcpStream::from(fd);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Chooses the congestion control, where that is allowed; `in_use` tells what came of it.
pub(crate) fn congestion(fd: &impl AsFd) {
    let _ = setsockopt(fd, TcpCongestion, &CONGESTION.into());
}

/// The congestion control of a socket.
pub(crate) fn in_use(fd: &impl AsFd) -> String {
    let name = getsockopt(fd, TcpCongestion).unwrap_or_default();
    name.to_string_lossy().trim_end_matches('\0').to_owned()
}

fn per_second(count: u64, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}
