//! What `ping` does: asks a host for echoes at an interval, and says what comes back in the words
//! of iputils' ping.

mod tally;
mod words;

pub use tally::Tally;

use super::called::{Called, shown};
use crate::base::SocketError;
use crate::net::rt::{self, Instant};
use crate::net::tokio::EchoSocket;
use crate::stack::{Answer, PingOptions, Stack};
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// With less payload than this, bytes, iputils has no room for the time in it, and shows none.
const TIMED: usize = 16;

/// How to ask.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// Ends after so many answers (`-c`); `None`: never.
    pub count: Option<u64>,
    /// Between two requests (`-i`).
    pub interval: Duration,
    /// Bytes of payload (`-s`).
    pub size: usize,
    /// What the requests ask of IP (`-t`, `-Q`, `-M`).
    pub packet: PingOptions,
    /// Ends after this time, however much came (`-w`).
    pub deadline: Option<Duration>,
    /// How long the last request is waited for when nothing was answered (`-W`).
    pub linger: Duration,
    /// Says what came in all, and nothing of each answer (`-q`).
    pub quiet: bool,
}

impl Default for Options {
    /// As iputils' ping: every second for ever, 56 bytes.
    fn default() -> Options {
        Options {
            count: None,
            interval: Duration::from_secs(1),
            size: 56,
            packet: PingOptions::default(),
            deadline: None,
            linger: Duration::from_secs(10),
            quiet: false,
        }
    }
}

/// A line to be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Line {
    /// About the whole.
    Whole(String),
    /// About one answer: it may get the time in front (`-D`).
    Answer(String),
    /// For standard error: what could not even be sent.
    Error(String),
}

/// Asks `to`, called `host`, until it has what it wants or `stop` is ready; the tally is said last.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use netglass::app::{called::Nameless, ping};
/// use netglass::net::{Host, tokio::EchoSocket};
/// use netglass::stack::Setup;
///
/// let host = |key, addr: &str| {
///     Host::new(Setup::new([key, 0]).with_iface("wire0", 1500, addr.parse().unwrap()))
/// };
/// let (a, b) = (host(1, "10.0.0.1/24"), host(2, "10.0.0.2/24"));
/// let wire = netglass::device::memory::Options::default();
/// let _running = netglass::runtime::memory::join(&a, &b, wire, [None, None]).unwrap();
/// let socket = EchoSocket::open(&a).unwrap();
/// let options = ping::Options { count: Some(1), ..ping::Options::default() };
/// let to = ("peer", "10.0.0.2".parse().unwrap());
/// let mut said = Vec::new();
/// let say = |line| Ok(said.push(line));
/// let never = std::future::pending();
/// let tally = ping::run(&socket, to, &options, &Nameless, never, say).await.unwrap();
/// assert_eq!((tally.sent, tally.received), (1, 1));
/// let first = "PING peer (10.0.0.2) 56(84) bytes of data.".to_owned();
/// assert_eq!(said[0], ping::Line::Whole(first));
/// # });
/// ```
///
/// # Errors
/// That of `say`; `NetworkDown` when the host's driver has ended.
pub async fn run(
    socket: &EchoSocket,
    (host, to): (&str, IpAddr),
    options: &Options,
    names: &impl Called,
    stop: impl Future<Output = ()>,
    say: impl FnMut(Line) -> io::Result<()>,
) -> io::Result<Tally> {
    let (tally, now) = (Tally::default(), Instant::now());
    let payload = (0..options.size).map(|n| n as u8).collect();
    let mut ping =
        Ping { socket, to, options, names, say, payload, tally, started: now, last: now };
    (ping.say)(Line::Whole(words::header(host, (to, &shown(names, to).await), options.size)))?;
    tokio::pin!(stop);
    while !ping.is_over() {
        tokio::select! {
            biased;
            () = &mut stop => break,
            answer = socket.recv() => ping.on_answer(answer?).await?,
            () = rt::sleep_until(ping.next_send()), if ping.may_send() => ping.send()?,
            () = until(ping.end()) => break,
        }
    }
    let elapsed = ping.last - ping.started;
    (ping.say)(Line::Whole(ping.tally.statistics(host, elapsed, options.size >= TIMED)))?;
    Ok(ping.tally)
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => rt::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

struct Ping<'a, N, F> {
    socket: &'a EchoSocket,
    to: IpAddr,
    options: &'a Options,
    names: &'a N,
    say: F,
    payload: Vec<u8>,
    tally: Tally,
    started: Instant,
    /// When something was sent or came last.
    last: Instant,
}

impl<N: Called, F: FnMut(Line) -> io::Result<()>> Ping<'_, N, F> {
    fn is_over(&self) -> bool {
        let Tally { received, errors, .. } = self.tally;
        self.options.count.is_some_and(|count| received + errors >= count)
            || self.options.deadline.is_some() && errors > 0
    }

    /// With a deadline, a count is of answers, and requests are sent until they have come.
    fn may_send(&self) -> bool {
        let Options { count, deadline, .. } = self.options;
        deadline.is_some() || count.is_none_or(|count| self.tally.sent < count)
    }

    fn next_send(&self) -> Instant {
        self.tally.sent_at.map_or(self.started, |at| at + self.options.interval)
    }

    /// When it ends whatever comes: at the deadline, or some time after the last request.
    fn end(&self) -> Option<Instant> {
        if let Some(deadline) = self.options.deadline {
            return Some(self.started + deadline);
        }
        let sent_at = self.tally.sent_at.filter(|_| !self.may_send())?;
        Some(sent_at + self.tally.linger(self.options.interval, self.options.linger))
    }

    fn send(&mut self) -> io::Result<()> {
        self.last = Instant::now();
        self.tally.on_sent(self.last);
        let seq = self.tally.sent as u16;
        let sent = self.socket.send(self.to, seq, &self.payload, self.options.packet);
        let Err(error) = sent else { return Ok(()) };
        let told = error.get_ref().and_then(|e| e.downcast_ref());
        let line = if told == Some(&SocketError::MessageTooLong) {
            self.tally.errors += 1;
            let discover = self.options.packet.discover;
            let mtu = |stack: &mut Stack, now| stack.mtu_to(now, self.to, discover);
            words::too_long(self.to, self.socket.host().with(mtu).unwrap_or(u16::MAX))
        } else {
            format!("ping: sendmsg: {error}")
        };
        if self.options.quiet { Ok(()) } else { (self.say)(Line::Error(line)) }
    }

    async fn on_answer(&mut self, answer: Answer) -> io::Result<()> {
        self.last = Instant::now();
        let from = match &answer {
            Answer::Reply(pong) => {
                self.tally.on_reply(pong.seq, pong.rtt, pong.duplicate);
                pong.from
            }
            Answer::Error(error) => {
                self.tally.on_error(error.seq);
                error.from
            }
        };
        if self.options.quiet {
            return Ok(());
        }
        let from = shown(self.names, from).await;
        let timed = self.options.size >= TIMED;
        (self.say)(Line::Answer(words::answer(&answer, &from, timed)))
    }
}

#[cfg(test)]
mod tests;
