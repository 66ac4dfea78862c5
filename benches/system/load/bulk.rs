//! Bulk transfer: as many bytes as the way takes.

use super::{PATIENCE, ROOM, Yield, open, per_second};
use crate::serve::Service;
use crate::{Outcome, lan};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Writes, then ends, then waits until the stack's user says how much it read.
pub(super) fn up(mut stream: TcpStream, time: Duration) -> Outcome<Yield> {
    let room = vec![0x5a; ROOM];
    let (start, mut sent) = (Instant::now(), 0);
    while start.elapsed() < time {
        sent += stream.write(&room)? as u64;
    }
    finish(&mut stream, sent)?;
    Ok(Yield { rate: per_second(8 * sent, start), latency: None })
}

/// Ends a stream of `sent` bytes: all of them must have been read.
fn finish(stream: &mut TcpStream, sent: u64) -> Outcome<()> {
    stream.shutdown(Shutdown::Write)?;
    let mut answer = [0; 8];
    stream.read_exact(&mut answer)?;
    match u64::from_be_bytes(answer) {
        read if read == sent => Ok(()),
        read => Err(format!("{sent} bytes were sent, and {read} read").into()),
    }
}

/// Reads as much as there is.
pub(super) fn down(mut stream: TcpStream, time: Duration) -> Outcome<Yield> {
    let mut room = vec![0; ROOM];
    let (start, mut got) = (Instant::now(), 0);
    while start.elapsed() < time {
        match stream.read(&mut room)? as u64 {
            0 => return Err("the source ran dry".into()),
            more => got += more,
        }
    }
    Ok(Yield { rate: per_second(8 * got, start), latency: None })
}

/// One stream up and one down, at the same time; the rate is that of both together.
pub(super) fn both(time: Duration) -> Outcome<Yield> {
    let sink = open(lan::service(Service::Sink))?;
    let source = open(lan::service(Service::Source))?;
    let say = |e: Box<dyn std::error::Error>| e.to_string();
    let sending = std::thread::spawn(move || up(sink, time).map_err(say));
    let received = down(source, time)?;
    let sent = sending.join().map_err(|_| "the sender panicked")??;
    Ok(Yield { rate: sent.rate + received.rate, latency: None })
}

/// As [`up`], on several connections, served by one thread as they have room.
pub(super) fn up_many(to: SocketAddr, streams: u16, time: Duration) -> Outcome<Yield> {
    let room = vec![0x5a; ROOM];
    let mut flows = Flows::open(to, streams)?;
    let start = Instant::now();
    flows.go_on(time, PollFlags::POLLOUT, |stream| stream.write(&room))?;
    let sent = flows.counts.iter().sum::<u64>();
    for (stream, count) in flows.streams.iter_mut().zip(flows.counts) {
        stream.set_nonblocking(false)?;
        finish(stream, count)?;
    }
    Ok(Yield { rate: per_second(8 * sent, start), latency: None })
}

/// As [`down`], on several connections, served by one thread as they have something.
pub(super) fn down_many(to: SocketAddr, streams: u16, time: Duration) -> Outcome<Yield> {
    let mut room = vec![0; ROOM];
    let mut flows = Flows::open(to, streams)?;
    let start = Instant::now();
    flows.go_on(time, PollFlags::POLLIN, |stream| match stream.read(&mut room) {
        Ok(0) => Err(io::Error::other("a source ran dry")),
        other => other,
    })?;
    let got = flows.counts.iter().sum::<u64>();
    Ok(Yield { rate: per_second(8 * got, start), latency: None })
}

/// Several connections, and how many bytes went over each.
struct Flows {
    streams: Vec<TcpStream>,
    counts: Vec<u64>,
}

impl Flows {
    fn open(to: SocketAddr, count: u16) -> Outcome<Flows> {
        let streams: Vec<TcpStream> = (0..count).map(|_| open(to)).collect::<Result<_, _>>()?;
        streams.iter().try_for_each(|stream| stream.set_nonblocking(true))?;
        Ok(Flows { counts: vec![0; streams.len()], streams })
    }

    /// Serves whichever is ready, for `time`.
    fn go_on(
        &mut self,
        time: Duration,
        wanted: PollFlags,
        mut step: impl FnMut(&mut TcpStream) -> io::Result<usize>,
    ) -> Outcome<()> {
        let start = Instant::now();
        let patience = PollTimeout::try_from(PATIENCE)?;
        while start.elapsed() < time {
            let mut fds: Vec<PollFd<'_>> =
                self.streams.iter().map(|s| PollFd::new(s.as_fd(), wanted)).collect();
            if poll(&mut fds, patience)? == 0 {
                return Err("all streams have stalled".into());
            }
            let ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(true)).collect();
            let flows = self.streams.iter_mut().zip(&mut self.counts);
            for ((stream, count), _) in flows.zip(ready).filter(|(_, ready)| *ready) {
                match step(stream) {
                    Ok(more) => *count += more as u64,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }
}
