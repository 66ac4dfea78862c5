//! Programs of a lab, started on their hosts.

use super::program::{Amount, Run};
use super::{Lab, Program};
use crate::app::called::Nameless;
use crate::app::dns::Dig;
use crate::app::load::{Rate, blast, bulk, forger, opener, rr, typist};
use crate::app::policy::Setting;
use crate::app::{self, Serving, get, ping, traceroute};
use crate::base::Instant;
use crate::net::tokio::{EchoSocket, TcpStream};
use crate::net::{Host, rt};
use crate::sim::{Net, NodeId};
use crate::socket::demux::Pair;
use crate::stack::PingOptions;
use crate::wire::ip::Mark;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

/// What came of a program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The node it ran on.
    pub on: usize,
    /// What it was, in words.
    pub run: String,
    /// What it said, line by line.
    pub said: Vec<String>,
    /// When it ended, and whether well; `None`: it was still at work at the end of the run.
    pub ended: Option<(Instant, bool)>,
}

/// The reports of a run, by program, while it goes on.
#[derive(Clone, Debug, Default)]
pub(super) struct Reports(Arc<Mutex<Vec<Report>>>);

impl Reports {
    fn with<T>(&self, f: impl FnOnce(&mut Vec<Report>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn so_far(&self) -> Vec<Report> {
        self.with(|all| all.clone())
    }

    pub(super) fn take(&self) -> Vec<Report> {
        self.with(std::mem::take)
    }
}

/// Where one program says what it has to say.
#[derive(Clone, Debug)]
struct Voice {
    reports: Reports,
    nth: usize,
}

impl Voice {
    fn say(&self, text: &impl fmt::Display) {
        let text = text.to_string();
        let lines = text.lines().map(str::to_owned);
        self.reports.with(|all| all[self.nth].said.extend(lines));
    }

    fn end(&self, at: Instant, well: bool) {
        self.reports.with(|all| all[self.nth].ended = Some((at, well)));
    }
}

impl Lab {
    /// Starts all programs but those of the node that is outside, each as a task that waits for
    /// its time.
    pub(super) fn launch(&self, net: &Net, ids: &[NodeId], outside: Option<usize>) -> Reports {
        let reports = Reports::default();
        for program in self.programs.iter().filter(|program| outside != Some(program.on)) {
            let Program { on, run, .. } = program;
            let nth = reports.with(|all| {
                all.push(Report { on: *on, run: run.clone(), said: Vec::new(), ended: None });
                all.len() - 1
            });
            let voice = Voice { reports: reports.clone(), nth };
            let host = net.handle(ids[*on]).clone();
            let at = self.listening(*on);
            let (start, what) = (program.start.since(Instant::ZERO), program.what.clone());
            let deceived = self.deceived(net, ids, &what);
            net.spawn(async move {
                rt::sleep(start).await;
                let ended = match &deceived {
                    Some(ends) => forge(&host, ends, &what, &voice).await,
                    None => perform(&host, at, &what, &voice).await,
                };
                if let Err(error) = &ended {
                    voice.say(&format_args!("failed: {error}"));
                }
                voice.end(host.now(), ended.is_ok());
            });
        }
        reports
    }

    /// Who is to take a forger's segments for whose: a forger looks at the numbers of their
    /// connection, which an attacker would have to guess.
    fn deceived(&self, net: &Net, ids: &[NodeId], run: &Run) -> Option<[Host; 2]> {
        let Run::Forge { to, from, .. } = run else { return None };
        let host = |addr| self.plan.owner(addr).map(|(node, _)| net.handle(ids[node]).clone());
        Some([host(*to)?, host(from.ip())?])
    }

    /// Where a host's servers listen: at its address, when it has one only.
    fn listening(&self, node: usize) -> IpAddr {
        let addrs = self.plan.ifaces[node].iter().flat_map(|iface| &iface.addrs);
        let addrs: Vec<IpAddr> = addrs.map(|addr| addr.value.addr()).collect();
        match addrs[..] {
            [one] => one,
            _ if addrs.iter().any(IpAddr::is_ipv6) => Ipv6Addr::UNSPECIFIED.into(),
            _ => Ipv4Addr::UNSPECIFIED.into(),
        }
    }
}

/// Does what a program does, and says it.
async fn perform(host: &Host, at: IpAddr, run: &Run, voice: &Voice) -> io::Result<()> {
    match run {
        Run::Ping { .. } => ask_for_echoes(host, run, voice).await,
        Run::Traceroute { .. } => trace(host, run, voice).await,
        Run::Bulk { to, amount, piece, rate } => {
            let amount = match *amount {
                Amount::Bytes(bytes) => bulk::Amount::Bytes(bytes),
                Amount::Time(time) => bulk::Amount::Time(time),
            };
            let mut options = bulk::SendOptions::new(*to, amount);
            options.piece = piece.unwrap_or(options.piece);
            options.rate = rate.map(Rate);
            voice.say(&bulk::send(host, &options).await?);
            Ok(())
        }
        Run::BulkAt { port, connections, first, piece, every } => {
            let mut options = bulk::ReceiveOptions::new(SocketAddr::new(at, *port));
            (options.connections, options.first) = (*connections, *first);
            (options.piece, options.every) = (piece.unwrap_or(options.piece), *every);
            voice.say(&bulk::receive(host, &options).await?);
            Ok(())
        }
        Run::Rr { to, count, sizes, fresh, pause, piece } => {
            let mut options = rr::AskOptions::new(*to, *count);
            (options.request, options.response) = *sizes;
            (options.fresh, options.pause, options.piece) = (*fresh, *pause, *piece);
            voice.say(&rr::ask(host, &options).await?);
            Ok(())
        }
        Run::RrAt { port, sizes, think } => {
            let mut options = rr::ServeOptions::new(SocketAddr::new(at, *port));
            (options.request, options.response) = *sizes;
            options.think = *think;
            rr::serve(host, &options).await.map(drop)
        }
        Run::Udp { to, count, size, rate, tos } => {
            let mut options = blast::SendOptions::new(*to, *count, Rate(*rate));
            (options.size, options.tos) = (*size, *tos);
            voice.say(&blast::send(host, &options).await?);
            Ok(())
        }
        Run::UdpAt { port, count, silence } => {
            let mut options = blast::SinkOptions::new(SocketAddr::new(at, *port), *count);
            options.silence = *silence;
            voice.say(&blast::sink(host, &options).await?);
            Ok(())
        }
        Run::Typist { to, keys, interval, nodelay } => {
            let mut options = typist::Options::new(*to, *keys);
            (options.interval, options.nodelay) = (*interval, *nodelay);
            voice.say(&typist::run(host, &options).await?);
            Ok(())
        }
        Run::Get { to, url } => fetch(host, *to, url, voice).await,
        Run::Connect { to, count, every } => {
            let options = opener::Options { to: *to, count: *count, every: *every };
            voice.say(&opener::run(host, &options).await?);
            Ok(())
        }
        Run::Forge { .. } => Err(io::Error::other("nobody here has these addresses")),
        Run::Serve { services, limits } => serve(host, at, services, limits).await,
        Run::Dig { server, words } => {
            let words = words.split_whitespace();
            let dig = Dig::parse(words).map_err(io::Error::other)?;
            let told = dig.run(host, *server, [1, 2], rt::date).await;
            voice.say(&told.text);
            Ok(())
        }
    }
}

/// Forges segments of a connection between two others.
async fn forge(
    host: &Host,
    [deceived, other]: &[Host; 2],
    run: &Run,
    voice: &Voice,
) -> io::Result<()> {
    let Run::Forge { ctl, to, name, from, seq, ack, len, count, step, every } = run else {
        return Ok(());
    };
    let ours = |pair: &Pair| pair.local.ip() == *to && pair.remote == *from;
    let found = deceived.with(|stack, _| {
        let mut slots = stack.tcp().iter();
        slots.find(|slot| ours(&slot.pair)).map(|slot| (slot.pair.local, slot.conn.next_seq()))
    });
    let (to, acked) = found
        .ok_or_else(|| io::Error::other(format!("{name} has no connection with {from} now")))?;
    let pair = Pair { local: *from, remote: to };
    let next = other.with(|stack, _| {
        let slot = stack.tcp().find(&pair).map(|key| stack.tcp().slot(key));
        slot.map(|slot| slot.conn.next_seq())
    });
    let next =
        next.ok_or_else(|| io::Error::other(format!("{from} has no connection with {name} now")))?;
    let options = forger::Options {
        to,
        from: *from,
        ctl: *ctl,
        seq: next + *seq,
        ack: acked + *ack,
        wnd: u16::MAX,
        len: *len,
        count: *count,
        step: *step,
        every: *every,
    };
    voice.say(&forger::run(host, &options).await?);
    Ok(())
}

/// Serves until the run ends.
async fn serve(host: &Host, at: IpAddr, services: &str, limits: &[String]) -> io::Result<()> {
    let services = services.parse().map_err(io::Error::other)?;
    let limits = limits.iter().map(|limit| limit.parse::<Setting>());
    let policies = limits.collect::<Result<_, _>>().map_err(io::Error::other)?;
    let options = app::Options { policies, ..app::Options::default() };
    let mut serving = Serving::start(host, &[at], &services, options)?;
    serving.ended().await;
    Ok(())
}

async fn ask_for_echoes(host: &Host, run: &Run, voice: &Voice) -> io::Result<()> {
    let Run::Ping { to, name, count, interval, size, ttl } = run else { return Ok(()) };
    let socket = EchoSocket::open(host)?;
    let mark = Mark { ttl: *ttl, tos: 0 };
    let options = ping::Options {
        count: Some(*count),
        interval: *interval,
        size: *size,
        packet: PingOptions { mark, ..PingOptions::default() },
        ..ping::Options::default()
    };
    let never = std::future::pending();
    let say = |line| {
        match line {
            ping::Line::Whole(text) | ping::Line::Answer(text) | ping::Line::Error(text) => {
                voice.say(&text);
            }
        }
        Ok(())
    };
    ping::run(&socket, (name, *to), &options, &Nameless, never, say).await.map(drop)
}

async fn trace(host: &Host, run: &Run, voice: &Voice) -> io::Result<()> {
    let Run::Traceroute { to, name, icmp, queries, most, wait } = run else { return Ok(()) };
    let mut options = traceroute::Options {
        queries: *queries,
        last: *most,
        wait: *wait,
        ..traceroute::Options::default()
    };
    if *icmp {
        options.method = traceroute::Method::Icmp;
    }
    let say = |line: &str| {
        voice.say(&line);
        Ok(())
    };
    traceroute::run(host, (name, *to), &options, &Nameless, say).await
}

async fn fetch(host: &Host, to: SocketAddr, url: &str, voice: &Voice) -> io::Result<()> {
    let url: get::Url = url.parse().map_err(io::Error::other)?;
    let stream = TcpStream::connect(host, to).await?;
    let options = get::Options::default();
    let got = get::get(stream, &url, &options, tokio::io::sink(), |_| {}).await;
    let got = got.map_err(|failure| io::Error::other(failure.to_string()))?;
    voice.say(&format_args!("status {}, {} bytes", got.status, got.received));
    Ok(())
}
