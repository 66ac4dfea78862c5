//! Bulk data, as iperf sends it: as much as goes, for a time or so many bytes.

use super::pattern::{piece, wrong};
use super::{Rate, between, in_time};
use crate::base::Instant;
use crate::net::tokio::{TcpListener, TcpStream};
use crate::net::{ConnectOptions, Host, rt};
use crate::stack::ListenOptions;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// When a sender has sent enough.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Amount {
    /// So many bytes.
    Bytes(u64),
    /// What goes in so long.
    Time(Duration),
}

/// How to send.
#[derive(Clone, PartialEq, Debug)]
pub struct SendOptions {
    /// To whom.
    pub to: SocketAddr,
    /// How much.
    pub amount: Amount,
    /// Bytes written at a time, at most 65 521. Default 65 521.
    pub piece: usize,
    /// The application's own pace; `None`: as fast as TCP takes it.
    pub rate: Option<Rate>,
    /// The connection.
    pub connect: ConnectOptions,
}

impl SendOptions {
    /// As fast as it goes.
    pub fn new(to: SocketAddr, amount: Amount) -> SendOptions {
        let connect = ConnectOptions::default();
        SendOptions { to, amount, piece: 65_521, rate: None, connect }
    }
}

/// What a sender did.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize))]
pub struct Sent {
    /// From where.
    pub local: SocketAddr,
    /// To whom.
    pub peer: SocketAddr,
    /// Bytes that TCP took.
    pub bytes: u64,
    /// When it asked for the connection.
    pub started: Instant,
    /// When the connection was open.
    pub opened: Instant,
    /// When the last byte was written.
    pub written: Instant,
    /// When everything had been acknowledged, the end included.
    pub acknowledged: Instant,
    /// Segments that were sent again.
    pub retransmitted: u64,
}

impl Sent {
    /// Bytes over the time from the opening until all was acknowledged.
    pub fn goodput(&self) -> Rate {
        Rate::of(self.bytes, self.acknowledged.since(self.opened))
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sent { peer, bytes, retransmitted, .. } = self;
        let took = self.acknowledged.since(self.started);
        write!(f, "{bytes} bytes to {peer} in {}: ", super::Millis(took))?;
        write!(f, "{}, {retransmitted} retransmitted", self.goodput())
    }
}

/// Connects, sends, and waits until everything is acknowledged.
///
/// # Errors
/// The connection's.
pub async fn send(host: &Host, options: &SendOptions) -> io::Result<Sent> {
    let started = host.now();
    let mut stream = TcpStream::connect_with(host, options.to, options.connect.clone()).await?;
    let (opened, begun) = (host.now(), rt::now());
    let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
    let (most, time) = match options.amount {
        Amount::Bytes(bytes) => (bytes, None),
        Amount::Time(time) => (u64::MAX, Some(begun + time)),
    };
    let mut bytes = 0;
    while bytes < most {
        if let Some(rate) = options.rate {
            let due = begun + rate.time_of(bytes);
            if time.is_some_and(|end| due >= end) {
                break;
            }
            rt::sleep_until(due).await;
        }
        let left = usize::try_from(most - bytes).unwrap_or(usize::MAX);
        let piece = piece(bytes, options.piece.clamp(1, left));
        match in_time(time, stream.write(piece)).await? {
            Some(written) => bytes += written as u64,
            None => break,
        }
    }
    stream.shutdown().await?;
    let written = host.now();
    stream.finished().await?;
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    let (acknowledged, retransmitted) = (host.now(), stream.info()?.total_retrans);
    Ok(Sent { local, peer, bytes, started, opened, written, acknowledged, retransmitted })
}

/// How to receive.
#[derive(Clone, PartialEq, Debug)]
pub struct ReceiveOptions {
    /// Where to listen.
    pub at: SocketAddr,
    /// How many connections to serve before it ends.
    pub connections: usize,
    /// A slow reader: it reads nothing at first.
    pub first: Duration,
    /// A slow reader: it reads so many bytes each time …
    pub piece: usize,
    /// … and then rests so long.
    pub every: Duration,
    /// The listener and its connections.
    pub listen: ListenOptions,
}

impl ReceiveOptions {
    /// One connection, from which it reads at once whatever has come.
    pub fn new(at: SocketAddr) -> ReceiveOptions {
        ReceiveOptions {
            at,
            connections: 1,
            first: Duration::ZERO,
            piece: 64 * 1024,
            every: Duration::ZERO,
            listen: ListenOptions::default(),
        }
    }
}

/// What came by one connection.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize))]
pub struct Received {
    /// From whom.
    pub peer: SocketAddr,
    /// Bytes that were read.
    pub bytes: u64,
    /// Those that were not the pattern's.
    pub wrong: u64,
    /// When the connection was accepted.
    pub accepted: Instant,
    /// When the first byte was read.
    pub first_byte: Option<Instant>,
    /// When the last byte was read.
    pub last_byte: Option<Instant>,
    /// Whether the sender ended it in order, with a FIN.
    pub complete: bool,
}

impl Received {
    /// Bytes over the time from the acceptance to the last byte.
    pub fn goodput(&self) -> Rate {
        Rate::of(self.bytes, between(Some(self.accepted), self.last_byte))
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Received { peer, bytes, wrong, .. } = self;
        let took = between(Some(self.accepted), self.last_byte);
        match took.is_zero() {
            true => write!(f, "{bytes} bytes from {peer}, all at once, {wrong} wrong")?,
            false => {
                write!(f, "{bytes} bytes from {peer} in {}: ", super::Millis(took))?;
                write!(f, "{}, {wrong} wrong", self.goodput())?;
            }
        }
        f.write_str(if self.complete { "" } else { ", broken off" })
    }
}

/// What came in all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize))]
pub struct Receipts {
    /// By connection, in the order in which they were accepted.
    pub flows: Vec<Received>,
}

impl Receipts {
    /// Bytes of all.
    pub fn bytes(&self) -> u64 {
        self.flows.iter().map(|flow| flow.bytes).sum()
    }

    /// Wrong bytes of all.
    pub fn wrong(&self) -> u64 {
        self.flows.iter().map(|flow| flow.wrong).sum()
    }

    /// How fairly the bytes are shared, in thousandths (Jain's index): 1000 is perfect, and one of
    /// N flows that has all makes it 1000/N.
    pub fn fairness(&self) -> u64 {
        let squares: u128 = self.flows.iter().map(|flow| u128::from(flow.bytes).pow(2)).sum();
        let all = squares * self.flows.len() as u128;
        let square = u128::from(self.bytes()).pow(2);
        (square * 1000).checked_div(all).map_or(1000, |index| index as u64)
    }
}

/// A line for each connection.
impl fmt::Display for Receipts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, flow) in self.flows.iter().enumerate() {
            write!(f, "{}{flow}", if n == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

/// Listens, and reads what comes, until so many connections have ended.
///
/// # Errors
/// The listener's. A connection that breaks off is told in its report.
pub async fn receive(host: &Host, options: &ReceiveOptions) -> io::Result<Receipts> {
    let listener = TcpListener::bind_with(host, options.at, options.listen.clone())?;
    let mut reading = rt::JoinSet::new();
    for n in 0..options.connections {
        let (stream, peer) = listener.accept().await?;
        let options = options.clone();
        reading.spawn(async move { (n, read(stream, peer, &options).await) });
    }
    drop(listener);
    let mut flows = reading.join_all().await;
    flows.sort_unstable_by_key(|(n, _)| *n);
    Ok(Receipts { flows: flows.into_iter().map(|(_, flow)| flow).collect() })
}

async fn read(mut stream: TcpStream, peer: SocketAddr, options: &ReceiveOptions) -> Received {
    let host = stream.host().clone();
    let mut come = Received {
        peer,
        bytes: 0,
        wrong: 0,
        accepted: host.now(),
        first_byte: None,
        last_byte: None,
        complete: false,
    };
    rt::sleep(options.first).await;
    let mut room = vec![0; options.piece.max(1)];
    // How a connection breaks off is in the host's records.
    while let Ok(read) = stream.read(&mut room).await {
        if read == 0 {
            come.complete = true;
            break;
        }
        come.wrong += wrong(come.bytes, &room[..read]);
        come.bytes += read as u64;
        come.last_byte = Some(host.now());
        come.first_byte = come.first_byte.or(come.last_byte);
        if !options.every.is_zero() {
            rt::sleep(options.every).await;
        }
    }
    come
}
