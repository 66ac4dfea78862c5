//! `[[program]]`: what runs on a host, in words.

mod read;

use super::node::Node;
use super::plan::Plan;
use super::tree::{At, Fields, Item, suggest};
use super::{Mistake, words};
use crate::base::{Duration, Instant};
use crate::wire::tcp::Ctl;
use std::net::{IpAddr, SocketAddr};

/// A program of a lab.
#[derive(Clone, Debug)]
pub struct Program {
    /// The node it runs on.
    pub on: usize,
    /// When it starts.
    pub start: Instant,
    /// What it is, in words.
    pub run: String,
    pub(super) what: Run,
    /// No other end is started for it.
    pub(super) alone: bool,
    pub(super) at: At,
}

/// How much a sender sends.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Amount {
    Bytes(u64),
    Time(Duration),
}

/// What a program does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Run {
    Ping {
        to: IpAddr,
        name: String,
        count: u64,
        interval: Duration,
        size: usize,
        ttl: Option<u8>,
    },
    Traceroute {
        to: IpAddr,
        name: String,
        icmp: bool,
        queries: u8,
        most: u8,
        wait: Duration,
    },
    Bulk {
        to: SocketAddr,
        amount: Amount,
        piece: Option<usize>,
        rate: Option<u64>,
    },
    BulkAt {
        port: u16,
        connections: usize,
        // Before it reads anything, and between two pieces.
        first: Duration,
        piece: Option<usize>,
        every: Duration,
    },
    Rr {
        to: SocketAddr,
        count: u64,
        sizes: (u64, u64),
        fresh: bool,
        pause: Duration,
        // Of a request, written at a time.
        piece: Option<u64>,
    },
    RrAt {
        port: u16,
        sizes: (u64, u64),
        think: Duration,
    },
    Udp {
        to: SocketAddr,
        count: u64,
        size: usize,
        rate: u64,
        tos: u8,
    },
    UdpAt {
        port: u16,
        count: u64,
        silence: Duration,
    },
    Typist {
        to: SocketAddr,
        keys: u64,
        interval: Duration,
        nodelay: bool,
    },
    Get {
        to: SocketAddr,
        url: String,
    },
    Serve {
        services: String,
        // What they allow, in words.
        limits: Vec<String>,
    },
    Connect {
        to: SocketAddr,
        count: u64,
        every: Duration,
    },
    Dig {
        server: IpAddr,
        words: String,
    },
    /// Numbers are counted from what the deceived host expects next when it starts.
    Forge {
        ctl: Ctl,
        to: IpAddr,
        name: String,
        from: SocketAddr,
        seq: u32,
        ack: u32,
        len: u16,
        count: u64,
        step: u32,
        every: Duration,
    },
}

/// Every program: its words, for the documentation and for those who err.
pub(super) const PROGRAMS: &[(&str, &str)] = &[
    ("ping", "ping HOST [count N] [interval TIME] [size BYTES] [ttl N]"),
    ("traceroute", "traceroute HOST [icmp] [queries N] [max N] [wait TIME]"),
    (
        "bulk",
        "bulk to HOST:PORT bytes N|for TIME [piece BYTES] [rate BITS], or bulk at PORT [connections N] [first TIME] [piece BYTES] [every TIME]",
    ),
    (
        "rr",
        "rr to HOST:PORT count N [request BYTES] [response BYTES] [pause TIME] [piece BYTES], or rr at PORT [request BYTES] [response BYTES] [think TIME]",
    ),
    ("crr", "crr to HOST:PORT count N [request BYTES] [response BYTES] [pause TIME] [piece BYTES]"),
    (
        "udp",
        "udp to HOST:PORT count N [size BYTES] [rate BITS] [tos N], or udp at PORT count N [silence TIME]",
    ),
    ("typist", "typist to HOST:PORT keys N [every TIME] [nagle]"),
    ("get", "get http://HOST[:PORT]/PATH"),
    ("connect", "connect to HOST:PORT count N [every TIME]"),
    (
        "forge",
        "forge rst|rst-ack|syn|syn-ack|fin-ack|ack to HOST as HOST:PORT [seq N] [ack N] [bytes N] [count N] [step N] [every TIME]",
    ),
    ("serve", "serve http:80,echo,… [LIMIT=VALUE …]"),
    ("dig", "dig @HOST NAME [TYPE]"),
];

impl Program {
    pub(super) fn read(item: &Item, nodes: &[Node], plan: &Plan) -> Result<Program, Mistake> {
        let mut fields = Fields::of("[[program]]", item)?;
        let missing = |key: &str| item.wrong(format!("a program must have \"{key}\""));
        let on = fields.text("on")?.ok_or_else(|| missing("on"))?;
        let place = fields.item("on").map_or(&item.at, |item| &item.at);
        let Some(node) = nodes.iter().position(|node| node.name == on) else {
            let what = format!("there is no node \"{on}\"");
            let hosts = nodes.iter().filter(|node| node.kind.is_host());
            let known = hosts.map(|node| node.name.as_str());
            return Err(Mistake::new(place, suggest(&what, on, known)));
        };
        if !nodes[node].kind.is_host() {
            let kind = nodes[node].kind.name();
            let what =
                format!("{on} is a {kind}, which runs no programs: expected a host or router");
            return Err(Mistake::new(place, what));
        }
        let run = fields.text("run")?.ok_or_else(|| missing("run"))?.to_owned();
        let at = fields.item("run").map_or(&item.at, |item| &item.at);
        let start = fields.read("at", words::TIME, words::moment)?.unwrap_or(Instant::ZERO);
        let alone = fields.truth("alone")?.unwrap_or(false);
        fields.done()?;
        let what = read::read(&run, at, nodes, plan)?;
        Ok(Program { on: node, start, run, what, alone, at: at.clone() })
    }

    /// Where its packets go.
    pub(super) fn target(&self) -> Option<IpAddr> {
        match &self.what {
            Run::Ping { to, .. }
            | Run::Traceroute { to, .. }
            | Run::Forge { to, .. }
            | Run::Dig { server: to, .. } => Some(*to),
            Run::Bulk { to, .. }
            | Run::Rr { to, .. }
            | Run::Udp { to, .. }
            | Run::Typist { to, .. }
            | Run::Connect { to, .. }
            | Run::Get { to, .. } => Some(to.ip()),
            Run::BulkAt { .. } | Run::RrAt { .. } | Run::UdpAt { .. } | Run::Serve { .. } => None,
        }
    }
}

/// The programs, and the other ends of those that ask somebody where nothing serves: they need not
/// be written.
pub(super) fn with_servers(
    mut programs: Vec<Program>,
    nodes: &[Node],
    plan: &Plan,
) -> Vec<Program> {
    let clients = programs.clone();
    for client in clients.iter().filter(|client| !client.alone) {
        let Some((to, what, run)) = client.what.server(&clients) else { continue };
        let Some(on) = plan.owner(to.ip()).map(|(node, _)| node) else { continue };
        let serves = |other: &Program| other.on == on && other.what.serves(to.port());
        if nodes[on].kind.is_host() && !programs.iter().any(serves) {
            let (start, at) = (Instant::ZERO, client.at.clone());
            programs.push(Program { on, start, run, what, alone: true, at });
        }
    }
    programs
}

impl Run {
    /// The other end of a client: where, what, and in words.
    fn server(&self, all: &[Program]) -> Option<(SocketAddr, Run, String)> {
        let same = |to: &SocketAddr| {
            let its = all
                .iter()
                .filter(|other| matches!(&other.what, Run::Bulk { to: other, .. } if other == to));
            its.count()
        };
        Some(match self {
            Run::Bulk { to, .. } => {
                let (connections, port) = (same(to), to.port());
                let (first, every) = (Duration::ZERO, Duration::ZERO);
                let what = Run::BulkAt { port, connections, first, piece: None, every };
                (*to, what, format!("bulk at {port} connections {connections}"))
            }
            Run::Rr { to, sizes, .. } => {
                let (port, think) = (to.port(), Duration::ZERO);
                let (request, response) = sizes;
                let run = format!("rr at {port} request {request} response {response}");
                (*to, Run::RrAt { port, sizes: *sizes, think }, run)
            }
            Run::Udp { to, count, .. } => {
                let (port, silence) = (to.port(), Duration::from_secs(1));
                let what = Run::UdpAt { port, count: *count, silence };
                (*to, what, format!("udp at {port} count {count}"))
            }
            Run::Typist { to, .. } => serve(*to, "echo"),
            Run::Connect { to, .. } => serve(*to, "discard"),
            Run::Get { to, .. } => serve(*to, "http"),
            Run::Dig { server, .. } => serve(SocketAddr::new(*server, 53), "dns"),
            _ => return None,
        })
    }

    /// Whether it answers at that port.
    fn serves(&self, port: u16) -> bool {
        match self {
            Run::BulkAt { port: its, .. } | Run::RrAt { port: its, .. } => *its == port,
            Run::UdpAt { port: its, .. } => *its == port,
            Run::Serve { services, .. } => {
                let services = services.parse::<crate::app::Services>();
                services.is_ok_and(|all| all.enabled().any(|entry| entry.port == port))
            }
            _ => false,
        }
    }
}

fn serve(at: SocketAddr, service: &str) -> (SocketAddr, Run, String) {
    let services = format!("{service}:{}", at.port());
    let run = format!("serve {services}");
    (at, Run::Serve { services, limits: Vec::new() }, run)
}
