//! Requests and responses of fixed sizes, one at a time: on one connection (netperf's TCP_RR), or
//! on a new one for each (TCP_CRR: connect, request, response, close).

use super::pattern::{piece, wrong};
use super::{Rate, Spread};
use crate::base::Instant;
use crate::net::tokio::{TcpListener, TcpStream};
use crate::net::{ConnectOptions, Host, rt};
use crate::stack::ListenOptions;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How to ask.
#[derive(Clone, PartialEq, Debug)]
pub struct AskOptions {
    /// Whom.
    pub to: SocketAddr,
    /// How often.
    pub transactions: u64,
    /// Bytes of a request, as the server expects them. At least 1.
    pub request: u64,
    /// Bytes of a response, as the server gives them. At least 1.
    pub response: u64,
    /// A connection for each.
    pub fresh: bool,
    /// A rest after each.
    pub pause: Duration,
    /// Bytes of a request written at a time, with a microsecond between; `None`: all of it.
    pub piece: Option<u64>,
    /// The connection.
    pub connect: ConnectOptions,
}

impl AskOptions {
    /// One byte for one byte, on one connection.
    pub fn new(to: SocketAddr, transactions: u64) -> AskOptions {
        let (pause, connect) = (Duration::ZERO, ConnectOptions::default());
        let (request, response, fresh, piece) = (1, 1, false, None);
        AskOptions { to, transactions, request, response, fresh, pause, piece, connect }
    }
}

/// What a client found.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize))]
pub struct Asked {
    /// Whom it asked.
    pub peer: SocketAddr,
    /// Bytes of the responses that were not the pattern's.
    pub wrong: u64,
    /// When it began.
    pub started: Instant,
    /// When it had its last answer.
    pub ended: Instant,
    /// How long each took, in order; on a connection of its own, from connecting on.
    #[cfg_attr(feature = "record", serde(serialize_with = "super::all_in_nanos"))]
    pub latencies: Vec<Duration>,
}

impl Asked {
    /// How long they took.
    pub fn spread(&self) -> Spread {
        Spread::of(&self.latencies)
    }

    /// Transactions in a thousand seconds, so that slow ones can be told apart.
    pub fn per_1000_seconds(&self) -> u64 {
        // A "byte" is eight bits.
        Rate::of(self.latencies.len() as u64 * 125, self.ended.since(self.started)).0
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, pace) = (self.latencies.len(), self.per_1000_seconds());
        write!(f, "{n} transactions with {}: {}.{:03}/s, ", self.peer, pace / 1000, pace % 1000)?;
        write!(f, "{}, {} wrong", self.spread(), self.wrong)
    }
}

/// Asks, and waits for each answer before it asks again.
///
/// # Errors
/// The connection's, at the first that fails.
pub async fn ask(host: &Host, options: &AskOptions) -> io::Result<Asked> {
    let started = host.now();
    let mut latencies = Vec::new();
    let (mut wrong, mut stream) = (0, None);
    for n in 0..options.transactions {
        let begun = host.now();
        let mut open = match stream.take() {
            Some(open) => open,
            None => TcpStream::connect_with(host, options.to, options.connect.clone()).await?,
        };
        write(&mut open, options.request, options.piece).await?;
        wrong += read(&mut open, options.response).await?;
        latencies.push(host.now().since(begun));
        match options.fresh || n + 1 == options.transactions {
            true => close(open).await?,
            false => stream = Some(open),
        }
        if !options.pause.is_zero() {
            rt::sleep(options.pause).await;
        }
    }
    Ok(Asked { peer: options.to, wrong, started, ended: host.now(), latencies })
}

/// How to serve.
#[derive(Clone, PartialEq, Debug)]
pub struct ServeOptions {
    /// Where to listen.
    pub at: SocketAddr,
    /// Bytes of a request. At least 1.
    pub request: u64,
    /// Bytes of a response. At least 1.
    pub response: u64,
    /// A rest between a request and its response.
    pub think: Duration,
    /// How many connections to serve before it ends; `None`: it does not end.
    pub connections: Option<u64>,
    /// The listener and its connections.
    pub listen: ListenOptions,
}

impl ServeOptions {
    /// One byte for one byte, for ever.
    pub fn new(at: SocketAddr) -> ServeOptions {
        let (think, listen) = (Duration::ZERO, ListenOptions::default());
        ServeOptions { at, request: 1, response: 1, think, connections: None, listen }
    }
}

/// What a server did.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize))]
pub struct Served {
    /// Connections that ended.
    pub connections: u64,
    /// Requests that were answered.
    pub transactions: u64,
    /// Bytes of requests that were not the pattern's.
    pub wrong: u64,
}

impl fmt::Display for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Served { connections, transactions, wrong } = self;
        write!(f, "{transactions} transactions on {connections} connections, {wrong} wrong")
    }
}

/// Serves until so many connections have ended.
///
/// # Errors
/// The listener's. A connection that breaks off has been served.
pub async fn serve(host: &Host, options: &ServeOptions) -> io::Result<Served> {
    let listener = TcpListener::bind_with(host, options.at, options.listen.clone())?;
    let (mut serving, mut served) = (rt::JoinSet::new(), Served::default());
    let mut left = options.connections.unwrap_or(u64::MAX);
    while left > 0 || !serving.is_empty() {
        tokio::select! {
            biased;
            Some(ended) = serving.join_next() => {
                let (transactions, wrong) = ended?;
                served.connections += 1;
                served.transactions += transactions;
                served.wrong += wrong;
            }
            accepted = listener.accept(), if left > 0 => {
                let (stream, _) = accepted?;
                left -= 1;
                serving.spawn(answer(stream, options.clone()));
            }
        }
    }
    Ok(served)
}

/// Answers one client; how often, and how many bytes of it were wrong.
async fn answer(mut stream: TcpStream, options: ServeOptions) -> (u64, u64) {
    let (mut transactions, mut wrong) = (0, 0);
    while let Ok(strange) = read(&mut stream, options.request).await {
        wrong += strange;
        if !options.think.is_zero() {
            rt::sleep(options.think).await;
        }
        if write(&mut stream, options.response, None).await.is_err() {
            break;
        }
        transactions += 1;
    }
    (transactions, wrong)
}

/// Between two pieces: a call takes its time, and the first is on its way before the second.
const CALL: Duration = Duration::from_micros(1);

/// Writes so many bytes of the pattern, from its beginning, so many at a time.
async fn write(stream: &mut TcpStream, bytes: u64, most: Option<u64>) -> io::Result<()> {
    let (bytes, most, mut done) = (bytes.max(1), most.unwrap_or(u64::MAX).max(1), 0);
    while done < bytes {
        let left = usize::try_from(most.min(bytes - done)).unwrap_or(usize::MAX);
        done += stream.write(piece(done, left)).await? as u64;
        if most < bytes && done < bytes {
            rt::sleep(CALL).await;
        }
    }
    Ok(())
}

/// Reads so many bytes; how many were wrong.
async fn read(stream: &mut TcpStream, bytes: u64) -> io::Result<u64> {
    let (bytes, mut done, mut strange) = (bytes.max(1), 0, 0);
    let mut room = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX).min(64 * 1024)];
    while done < bytes {
        let most = room.len().min(usize::try_from(bytes - done).unwrap_or(usize::MAX));
        let read = stream.read(&mut room[..most]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        strange += wrong(done, &room[..read]);
        done += read as u64;
    }
    Ok(strange)
}

/// Ends a connection in order, and waits for the peer to do so.
async fn close(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    while stream.read(&mut [0; 64]).await? > 0 {}
    Ok(())
}
