//! A hand that types at a distant host, as by telnet: single characters at intervals, whose echoes
//! are waited for with the eyes only.

use super::Spread;
use super::pattern::{piece, wrong};
use crate::base::Instant;
use crate::net::tokio::TcpStream;
use crate::net::{ConnectOptions, Host, rt};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How to type.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// A service that echoes (RFC 862).
    pub to: SocketAddr,
    /// How many keys are struck.
    pub keys: u64,
    /// From key to key. Default 200 ms.
    pub interval: Duration,
    /// Switches Nagle's algorithm off, here: the echo has a mind of its own. Default true, as
    /// telnet does.
    pub nodelay: bool,
    /// The connection.
    pub connect: ConnectOptions,
}

impl Options {
    /// A quick hand.
    pub fn new(to: SocketAddr, keys: u64) -> Options {
        let (interval, connect) = (Duration::from_millis(200), ConnectOptions::default());
        Options { to, keys, interval, nodelay: true, connect }
    }
}

/// What the typist saw.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize))]
pub struct Typed {
    /// Who echoed.
    pub peer: SocketAddr,
    /// Keys that were struck.
    pub keys: u64,
    /// Characters that came back, and were not those typed.
    pub wrong: u64,
    /// When the first key was struck.
    pub started: Instant,
    /// When the last echo was seen.
    pub ended: Instant,
    /// From each key to its echo, in order.
    #[cfg_attr(feature = "record", serde(serialize_with = "super::all_in_nanos"))]
    pub delays: Vec<Duration>,
}

impl Typed {
    /// How late the echoes were.
    pub fn spread(&self) -> Spread {
        Spread::of(&self.delays)
    }
}

impl fmt::Display for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (echoes, Typed { peer, keys, wrong, .. }) = (self.delays.len(), self);
        write!(f, "{keys} keys at {peer}, {echoes} echoes: {}, {wrong} wrong", self.spread())
    }
}

/// Types, and waits for the last echo.
///
/// # Errors
/// The connection's. An echo that ends early is no error: there are fewer delays than keys.
pub async fn run(host: &Host, options: &Options) -> io::Result<Typed> {
    let stream = TcpStream::connect_with(host, options.to, options.connect.clone()).await?;
    stream.set_nodelay(options.nodelay)?;
    let (mut eyes, mut hand) = tokio::io::split(stream);
    let (tell, mut struck) = tokio::sync::mpsc::unbounded_channel();
    let started = host.now();
    let typing = async {
        let mut beat = rt::interval(options.interval);
        for n in 0..options.keys {
            beat.tick().await;
            // Before the key is struck: its echo may be there when writing returns.
            let _ = tell.send(host.now());
            hand.write_all(piece(n, 1)).await?;
        }
        hand.shutdown().await
    };
    let watching = async {
        let (mut delays, mut strange, mut room) = (Vec::new(), 0, [0; 1024]);
        loop {
            let read = eyes.read(&mut room).await?;
            if read == 0 {
                return Ok::<_, io::Error>((delays, strange));
            }
            strange += wrong(delays.len() as u64, &room[..read]);
            // Characters that nobody typed have no delay.
            let struck = std::iter::from_fn(|| struck.try_recv().ok()).take(read);
            delays.extend(struck.map(|at| host.now().since(at)));
        }
    };
    let ((), (delays, wrong)) = tokio::try_join!(typing, watching)?;
    let (peer, keys) = (options.to, options.keys);
    Ok(Typed { peer, keys, wrong, started, ended: host.now(), delays })
}
