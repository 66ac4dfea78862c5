//! What `traceroute` does: finds the routers on the way to a host by packets that may take few
//! hops, and says who answered in the words of Linux' traceroute.

mod probes;

use super::called::{self, Called};
use crate::base::SocketError;
use crate::net::Host;
use crate::net::rt::{self, Instant};
use crate::stack::Stack;
use crate::wire::ip::Discover;
use probes::{Heard, Prober, When};
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// How many probes are under way at a time.
const AT_A_TIME: usize = 16;
/// The size that is begun with to find the path's MTU, bytes.
const WIDEST: u16 = 65_000;

/// What the packets are.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Method {
    /// Datagrams to ports from this one on, at which nobody listens (33434 when not given).
    Udp {
        /// The first port.
        port: u16,
    },
    /// Echo requests (`-I`).
    #[default]
    Icmp,
}

/// How to ask.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// What is sent.
    pub method: Method,
    /// The first hop that is asked for (`-f`).
    pub first: u8,
    /// The last one (`-m`).
    pub last: u8,
    /// Packets for each hop (`-q`).
    pub queries: u8,
    /// How long an answer is waited for (`-w`).
    pub wait: Duration,
    /// The packets' length in bytes, headers included; `None`: 60, or 80 in IPv6.
    pub length: Option<u16>,
    /// No router may cut the packets (`-F`).
    pub dont_fragment: bool,
    /// Finds how long packets may be (`--mtu`): they begin too long and are not cut.
    pub mtu: bool,
}

impl Default for Options {
    /// As Linux' traceroute: three datagrams for each of thirty hops, five seconds.
    fn default() -> Options {
        Options {
            method: Method::Udp { port: 33_434 },
            first: 1,
            last: 30,
            queries: 3,
            wait: Duration::from_secs(5),
            length: None,
            dont_fragment: false,
            mtu: false,
        }
    }
}

/// What came of a packet.
#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    /// Since a time of ours; the host sent it at a time of its own.
    Waiting {
        since: Instant,
        sent: crate::base::Instant,
    },
    Lost,
    /// From nobody: it could not even be sent.
    Answered {
        from: Option<IpAddr>,
        rtt: Duration,
        note: String,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Probe {
    state: State,
    /// The MTU that was learned with it.
    mtu: Option<u16>,
}

/// Shows the way to `to`, called `name`: a line for each hop, as soon as all about it is known.
///
/// # Errors
/// That of `say` and of the sockets.
pub async fn run(
    host: &Host,
    (name, to): (&str, IpAddr),
    options: &Options,
    names: &impl Called,
    mut say: impl FnMut(&str) -> io::Result<()>,
) -> io::Result<()> {
    let mut trace = Trace::new(host, to, options)?;
    let (hops, length) = (options.last, trace.length);
    say(&format!("traceroute to {name} ({to}), {hops} hops max, {length} byte packets"))?;
    for hop in options.first..=options.last {
        let range = trace.range(hop);
        while !trace.is_known(range.clone()) {
            trace.send_some().await?;
            trace.wait().await?;
        }
        say(&line(hop, &trace.probes[range], names).await)?;
        if trace.end == Some(hop) {
            break;
        }
    }
    Ok(())
}

/// A hop's line.
async fn line(hop: u8, probes: &[Probe], names: &impl Called) -> String {
    let mut text = format!("{hop:2} ");
    let mut shown = None;
    for Probe { state, mtu } in probes {
        let mtu = mtu.map_or(String::new(), |mtu| format!(" F={mtu}"));
        let State::Answered { from, rtt, note } = state else {
            text += &format!(" *{mtu}");
            continue;
        };
        match from {
            None => text += " *",
            Some(from) if shown == Some(from) => {}
            Some(from) => {
                text += &format!(" {}", called::shown_twice(names, *from).await);
                shown = Some(from);
            }
        }
        let micros = rtt.as_micros();
        text += &format!("  {}.{:03} ms{note}{mtu}", micros / 1000, micros % 1000);
    }
    text
}

struct Trace<'a> {
    host: &'a Host,
    to: IpAddr,
    options: &'a Options,
    prober: Prober,
    probes: Vec<Probe>,
    length: u16,
    /// The hop that is the last, once that is known.
    end: Option<u8>,
    /// The packet to be sent again, shorter.
    again: Option<usize>,
}

impl<'a> Trace<'a> {
    fn new(host: &'a Host, to: IpAddr, options: &'a Options) -> io::Result<Trace<'a>> {
        let uncut = options.mtu || options.dont_fragment;
        let discover = if uncut { Discover::Probe } else { Discover::Dont };
        let prober = Prober::new(host, to, options.method, discover)?;
        let usual = if to.is_ipv4() { 60 } else { 80 };
        let asked = if options.mtu { Some(WIDEST) } else { options.length };
        let length = asked.unwrap_or(usual).max(prober.headers());
        let probes = Vec::new();
        Ok(Trace { host, to, options, prober, probes, length, end: None, again: None })
    }

    fn hop(&self, n: usize) -> u8 {
        self.options.first + (n / usize::from(self.options.queries)) as u8
    }

    fn range(&self, hop: u8) -> std::ops::Range<usize> {
        let queries = usize::from(self.options.queries);
        let start = usize::from(hop - self.options.first) * queries;
        start..start + queries
    }

    fn is_known(&self, range: std::ops::Range<usize>) -> bool {
        let probes = self.probes.get(range);
        probes.is_some_and(|all| all.iter().all(|one| !matches!(one.state, State::Waiting { .. })))
    }

    fn waiting(&self) -> impl Iterator<Item = (usize, Instant)> + '_ {
        self.probes.iter().enumerate().filter_map(|(n, probe)| match probe.state {
            State::Waiting { since, .. } => Some((n, since)),
            _ => None,
        })
    }

    /// Sends as many packets as may be under way; one, where the next depends on its answer.
    async fn send_some(&mut self) -> io::Result<()> {
        if let Some(n) = self.again.take() {
            self.send(n).await?;
        }
        let most = if self.options.mtu { 1 } else { AT_A_TIME };
        let end = self.range(self.end.unwrap_or(self.options.last)).end;
        while self.waiting().count() < most && self.probes.len() < end {
            let state = State::Waiting { since: Instant::now(), sent: self.host.now() };
            self.probes.push(Probe { state, mtu: None });
            self.send(self.probes.len() - 1).await?;
        }
        Ok(())
    }

    async fn send(&mut self, n: usize) -> io::Result<()> {
        let hop = self.hop(n);
        loop {
            let payload = usize::from(self.length - self.prober.headers());
            if let State::Waiting { sent, .. } = &mut self.probes[n].state {
                *sent = self.host.now();
            }
            let Err(error) = self.prober.send(self.to, n, hop, payload).await else {
                return Ok(());
            };
            let told = error.get_ref().and_then(|e| e.downcast_ref());
            if told != Some(&SocketError::MessageTooLong) {
                return Err(error);
            }
            let mtu = |stack: &mut Stack, now| stack.mtu_to(now, self.to, self.prober.discover());
            let mtu = self.host.with(mtu).unwrap_or(0);
            if !self.options.mtu || !self.narrow(n, mtu.into()) {
                self.on_answer(Heard::here(n, mtu));
                return Ok(());
            }
        }
    }

    /// Learns with packet `n` that the path is this narrow; whether that is news.
    fn narrow(&mut self, n: usize, mtu: u32) -> bool {
        let mtu = u16::try_from(mtu).unwrap_or(u16::MAX);
        if mtu >= self.length || mtu < self.prober.headers() {
            return false;
        }
        self.length = mtu;
        self.probes[n].mtu = Some(mtu);
        true
    }

    /// Waits for an answer, or until one has been waited for long enough.
    async fn wait(&mut self) -> io::Result<()> {
        let Some(oldest) = self.waiting().map(|(_, since)| since).min() else { return Ok(()) };
        let late = oldest + self.options.wait;
        tokio::select! {
            biased;
            heard = self.prober.heard(self.to) => {
                if let Some(heard) = heard? {
                    self.on_answer(heard);
                }
            }
            () = rt::sleep_until(late) => {
                let now = Instant::now();
                let late: Vec<_> = self
                    .waiting()
                    .filter(|(_, since)| *since + self.options.wait <= now)
                    .map(|(n, _)| n)
                    .collect();
                late.into_iter().for_each(|n| self.probes[n].state = State::Lost);
            }
        }
        Ok(())
    }

    fn on_answer(&mut self, Heard { n, from, note, last, too_big, when }: Heard) {
        let Some(Probe { state: State::Waiting { sent, .. }, .. }) = self.probes.get(n) else {
            return;
        };
        let rtt = match when {
            When::After(rtt) => rtt,
            When::At(at) => at.since(*sent),
            When::Now => self.host.now().since(*sent),
        };
        if let Some(mtu) = too_big.filter(|_| self.options.mtu)
            && self.narrow(n, mtu)
        {
            self.again = Some(n);
            return;
        }
        self.probes[n].state = State::Answered { from, rtt, note };
        let hop = self.hop(n);
        if last {
            self.end = Some(self.end.map_or(hop, |end| end.min(hop)));
        }
    }
}

#[cfg(test)]
mod tests;
