//! Opens connections, one after another, and does nothing with them: a slow client, or, when their
//! answers are lost, a flood of SYNs.

use crate::base::Instant;
use crate::net::tokio::TcpStream;
use crate::net::{Host, rt};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// How to open them.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// To whom.
    pub to: SocketAddr,
    /// How many.
    pub count: u64,
    /// From one to the next, whether that one is open or not.
    pub every: Duration,
}

/// What came of them.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize))]
pub struct Opened {
    /// To whom.
    pub peer: SocketAddr,
    /// Those that were open.
    pub opened: u64,
    /// Those that failed.
    pub failed: u64,
    /// When the first was asked for.
    pub started: Instant,
    /// When the last was open, or had failed.
    pub ended: Instant,
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Opened { peer, opened, failed, .. } = self;
        let took = super::Millis(self.ended.since(self.started));
        write!(f, "{opened} connections to {peer} in {took}, {failed} failed")
    }
}

/// Opens connections, each when it is due, and closes them when all are open or have failed.
///
/// # Errors
/// None but a task's: a connection that fails is counted.
pub async fn run(host: &Host, options: &Options) -> io::Result<Opened> {
    let Options { to: peer, count, every } = *options;
    let (started, begun) = (host.now(), rt::now());
    let (mut due, mut opening, mut open) = (begun, rt::JoinSet::new(), Vec::new());
    for _ in 0..count {
        rt::sleep_until(due).await;
        due += every;
        let host = host.clone();
        opening.spawn(async move { TcpStream::connect(&host, peer).await });
    }
    while let Some(done) = opening.join_next().await {
        open.extend(done?.ok());
    }
    let opened = open.len() as u64;
    Ok(Opened { peer, opened, failed: count - opened, started, ended: host.now() })
}
