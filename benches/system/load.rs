//! The load: kernel sockets that ask the same of every stack.

use crate::Outcome;
use crate::serve::Service;
use clap::ValueEnum;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, connect, getsockopt, setsockopt, socket,
    sockopt::TcpCongestion,
};
use std::fmt;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

/// What the kernel is asked to use, and so the same for every stack's peer.
const CONGESTION: &str = "cubic";
/// Bytes per call of bulk transfer.
const ROOM: usize = 256 * 1024;
/// A peer that says nothing for so long has stalled.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is measured.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub(crate) enum Load {
    /// Linux sends, the stack receives.
    Up,
    /// The stack sends, Linux receives.
    Down,
    /// One byte there and back on a kept connection.
    Rr,
    /// Connect, one byte there and back, close.
    Conn,
}

impl Load {
    pub(crate) const ALL: &[Load] = &[Load::Up, Load::Down, Load::Rr, Load::Conn];

    /// The service that it needs.
    pub(crate) fn service(self) -> Service {
        match self {
            Load::Up => Service::Sink,
            Load::Down => Service::Source,
            Load::Rr | Load::Conn => Service::Echo,
        }
    }

    /// Whether bytes are counted, and two processors used, rather than exchanges on one.
    pub(crate) fn is_bulk(self) -> bool {
        matches!(self, Load::Up | Load::Down)
    }

    /// What the figures mean, and by what they are divided for the table.
    pub(crate) fn unit(self) -> (&'static str, f64) {
        match self {
            Load::Up | Load::Down => ("Gbit/s", 1e9),
            Load::Rr | Load::Conn => ("k/s", 1e3),
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Load::Up => "up",
            Load::Down => "down",
            Load::Rr => "rr",
            Load::Conn => "conn",
        })
    }
}

/// What came out.
#[derive(Clone, Default, Debug)]
pub(crate) struct Result {
    /// Bits, exchanges or connections per second.
    pub(crate) rate: f64,
    /// The median and the 99th percentile of the exchanges' durations.
    pub(crate) latency: Option<[Duration; 2]>,
}

/// Puts load on the service at `to` for `time`.
pub(crate) fn run(load: Load, to: SocketAddr, time: Duration) -> Outcome<Result> {
    match load {
        Load::Up => up(open(to)?, time),
        Load::Down => down(open(to)?, time),
        Load::Rr => rr(open(to)?, time),
        Load::Conn => conn(to, time),
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

/// Writes, then ends, then waits until the stack's user says how much it read.
fn up(mut stream: TcpStream, time: Duration) -> Outcome<Result> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let room = vec![0x5a; ROOM];
    let (start, mut sent) = (Instant::now(), 0);
    while start.elapsed() < time {
        sent += stream.write(&room)? as u64;
    }
    stream.shutdown(Shutdown::Write)?;
    let mut answer = [0; 8];
    stream.read_exact(&mut answer)?;
    let rate = per_second(8 * sent, start);
    match u64::from_be_bytes(answer) {
        read if read == sent => Ok(Result { rate, latency: None }),
        read => Err(format!("{sent} bytes were sent, and {read} read").into()),
    }
}

/// Reads as much as there is.
fn down(mut stream: TcpStream, time: Duration) -> Outcome<Result> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut room = vec![0; ROOM];
    let (start, mut got) = (Instant::now(), 0);
    while start.elapsed() < time {
        match stream.read(&mut room)? as u64 {
            0 => return Err("the source ran dry".into()),
            more => got += more,
        }
    }
    Ok(Result { rate: per_second(8 * got, start), latency: None })
}

/// Asks and is answered, one after the other.
fn rr(mut stream: TcpStream, time: Duration) -> Outcome<Result> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut took: Vec<u32> = Vec::with_capacity(1 << 22);
    let (start, mut before) = (Instant::now(), Duration::ZERO);
    while before < time {
        stream.write_all(b"?")?;
        stream.read_exact(&mut [0])?;
        let now = start.elapsed();
        took.push((now - before).as_nanos().try_into().unwrap_or(u32::MAX));
        before = now;
    }
    let rate = per_second(took.len() as u64, start);
    took.sort_unstable();
    let at = |hundredths: usize| {
        let index = (took.len() * hundredths / 100).min(took.len() - 1);
        Duration::from_nanos(took[index].into())
    };
    Ok(Result { rate, latency: Some([at(50), at(99)]) })
}

/// Opens, asks, is answered, closes, and sees the peer close, one connection after the other.
fn conn(to: SocketAddr, time: Duration) -> Outcome<Result> {
    let (start, mut done) = (Instant::now(), 0);
    while start.elapsed() < time {
        let mut stream = open(to)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"?")?;
        stream.read_exact(&mut [0])?;
        stream.shutdown(Shutdown::Write)?;
        if stream.read(&mut [0])? > 0 {
            return Err("more came back than was sent".into());
        }
        done += 1;
    }
    Ok(Result { rate: per_second(done, start), latency: None })
}
