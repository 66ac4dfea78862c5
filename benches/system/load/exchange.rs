//! Exchanges of one byte, one after the other.

use super::{Yield, open, per_second};
use crate::Outcome;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Asks and is answered, one after the other.
pub(super) fn rr(mut stream: TcpStream, time: Duration) -> Outcome<Yield> {
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
    let at = |thousandths: usize| {
        let index = (took.len() * thousandths / 1000).min(took.len() - 1);
        Some(Duration::from_nanos(took[index].into()))
    };
    Ok(Yield { rate, latency: Some([at(500), at(990), at(999)]) })
}

/// Opens, asks, is answered, closes, and sees the peer close, one connection after the other.
pub(super) fn conn(to: SocketAddr, time: Duration) -> Outcome<Yield> {
    let (start, mut done) = (Instant::now(), 0);
    while start.elapsed() < time {
        let mut stream = open(to)?;
        stream.write_all(b"?")?;
        stream.read_exact(&mut [0])?;
        stream.shutdown(Shutdown::Write)?;
        if stream.read(&mut [0])? > 0 {
            return Err("more came back than was sent".into());
        }
        done += 1;
    }
    Ok(Yield { rate: per_second(done, start), latency: None })
}
