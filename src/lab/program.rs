//! `[[program]]`: what runs on a host, in words.

use super::node::Node;
use super::plan::Plan;
use super::tree::{At, Fields, Item, suggest};
use super::{Mistake, words};
use crate::base::{Duration, Instant};
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
    },
    Dig {
        server: IpAddr,
        words: String,
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
        "rr to HOST:PORT count N [request BYTES] [response BYTES] [pause TIME], or rr at PORT [request BYTES] [response BYTES] [think TIME]",
    ),
    ("crr", "crr to HOST:PORT count N [request BYTES] [response BYTES] [pause TIME]"),
    (
        "udp",
        "udp to HOST:PORT count N [size BYTES] [rate BITS] [tos N], or udp at PORT count N [silence TIME]",
    ),
    ("typist", "typist to HOST:PORT keys N [every TIME] [nagle]"),
    ("get", "get http://HOST[:PORT]/PATH"),
    ("serve", "serve http:80,echo,…"),
    ("dig", "dig @HOST NAME [TYPE]"),
];

/// The bytes that an echo request over IPv4 has room for.
const PING_MAX: usize = 65_507;

/// The words of a program, each with its place.
struct Line<'a> {
    at: &'a At,
    text: &'a str,
    words: Vec<(usize, &'a str)>,
    next: usize,
    plan: &'a Plan,
    nodes: &'a [Node],
    usage: &'static str,
}

impl<'a> Line<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.next).map(|(_, word)| *word)
    }

    fn take(&mut self) -> Option<&'a str> {
        let word = self.peek()?;
        self.next += 1;
        Some(word)
    }

    fn take_if(&mut self, word: &str) -> bool {
        let is = self.peek() == Some(word);
        self.next += usize::from(is);
        is
    }

    /// A mistake at the word that was taken last.
    fn wrong(&self, what: impl Into<String>) -> Mistake {
        let offset = self.words.get(self.next.saturating_sub(1)).map_or(0, |(offset, _)| *offset);
        let at = match self.at {
            // Only where the file has the text as it is, quotes around it, is the word's place
            // known.
            At::File(range) if range.len() == self.text.len() + 2 => {
                At::File(range.start + 1 + offset..range.end)
            }
            at => at.clone(),
        };
        Mistake::new(&at, what)
    }

    /// The word after `before`.
    fn value<T>(
        &mut self,
        before: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Mistake> {
        match self.take() {
            None => {
                Err(self.wrong(format!("\"{before}\" is followed by nothing: expected {expected}")))
            }
            Some(word) => read(word).ok_or_else(|| {
                self.wrong(format!("\"{word}\" after \"{before}\": expected {expected}"))
            }),
        }
    }

    fn number<T: std::str::FromStr>(&mut self, before: &str) -> Result<T, Mistake> {
        self.value(before, "a whole number", |word| word.parse().ok())
    }

    fn time(&mut self, before: &str) -> Result<Duration, Mistake> {
        self.value(before, words::TIME, words::time)
    }

    fn bytes(&mut self, before: &str) -> Result<u64, Mistake> {
        self.value(before, words::BYTES, words::bytes)
    }

    fn rate(&mut self, before: &str) -> Result<u64, Mistake> {
        self.value(before, "a rate such as 10mbit", words::rate)
    }

    fn port(&mut self, before: &str) -> Result<u16, Mistake> {
        let port = |word: &str| word.parse().ok().filter(|port| *port != 0);
        self.value(before, "a port from 1 to 65535", port)
    }

    /// Options in any order, until nothing is left.
    fn options(
        &mut self,
        known: &[&str],
        mut option: impl FnMut(&mut Line<'a>, &'a str) -> Result<(), Mistake>,
    ) -> Result<(), Mistake> {
        while let Some(word) = self.take() {
            if !known.contains(&word) {
                let what = suggest(&format!("\"{word}\" is no option here"), word, known);
                return Err(self.wrong(format!("{what} (usage: {})", self.usage)));
            }
            option(self, word)?;
        }
        Ok(())
    }

    /// A node's name, or an address.
    fn host(&self, name: &str) -> Result<IpAddr, Mistake> {
        if let Ok(addr) = name.parse() {
            return Ok(addr);
        }
        let Some(node) = self.nodes.iter().position(|node| node.name == name) else {
            let hosts = self.nodes.iter().filter(|node| node.kind.is_host());
            let what = format!("there is no host \"{name}\"");
            return Err(self.wrong(suggest(&what, name, hosts.map(|node| node.name.as_str()))));
        };
        let kind = self.nodes[node].kind;
        if !kind.is_host() {
            let what = format!("{name} is a {}, which has no address", kind.name());
            return Err(self.wrong(what));
        }
        self.plan.addr(node).ok_or_else(|| self.wrong(format!("{name} has no address")))
    }

    fn a_host(&mut self, before: &str) -> Result<(IpAddr, String), Mistake> {
        let name = self.value(before, "a host's name or address", |word| Some(word.to_owned()))?;
        Ok((self.host(&name)?, name))
    }

    /// `HOST:PORT`.
    fn socket(&mut self, before: &str) -> Result<SocketAddr, Mistake> {
        let expected = "HOST:PORT, as in server:80";
        let whole = |word: &str| word.parse::<SocketAddr>().ok();
        if let Some(socket) = self.peek().and_then(whole) {
            self.next += 1;
            return Ok(socket);
        }
        let (name, port) = self.value(before, expected, |word| {
            let (name, port) = word.rsplit_once(':')?;
            Some((name.to_owned(), port.parse().ok().filter(|port| *port != 0u16)?))
        })?;
        Ok(SocketAddr::new(self.host(&name)?, port))
    }
}

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
        let what = read(&run, at, nodes, plan)?;
        Ok(Program { on: node, start, run, what, alone, at: at.clone() })
    }

    /// Where its packets go.
    pub(super) fn target(&self) -> Option<IpAddr> {
        match &self.what {
            Run::Ping { to, .. } | Run::Traceroute { to, .. } | Run::Dig { server: to, .. } => {
                Some(*to)
            }
            Run::Bulk { to, .. }
            | Run::Rr { to, .. }
            | Run::Udp { to, .. }
            | Run::Typist { to, .. }
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
            Run::Serve { services } => {
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
    (at, Run::Serve { services }, run)
}

/// Reads a program's words.
fn read(text: &str, at: &At, nodes: &[Node], plan: &Plan) -> Result<Run, Mistake> {
    let words = text.split_whitespace().map(|word| {
        let offset = word.as_ptr() as usize - text.as_ptr() as usize;
        (offset, word)
    });
    let words = words.collect();
    let mut line = Line { at, text, words, next: 0, plan, nodes, usage: "" };
    let name = line.take().unwrap_or_default();
    let names = PROGRAMS.iter().map(|(name, _)| *name);
    let Some((_, usage)) = PROGRAMS.iter().find(|(known, _)| *known == name) else {
        return Err(line.wrong(suggest(&format!("there is no program \"{name}\""), name, names)));
    };
    line.usage = usage;
    match name {
        "ping" => ping(&mut line),
        "traceroute" => traceroute(&mut line),
        "get" => get(&mut line),
        "serve" => services(&mut line),
        "dig" => dig(&mut line),
        "bulk" if line.take_if("at") => bulk_at(&mut line),
        "rr" if line.take_if("at") => rr_at(&mut line),
        "udp" if line.take_if("at") => udp_at(&mut line),
        _ if line.take_if("to") => match name {
            "bulk" => bulk(&mut line),
            "udp" => udp(&mut line),
            "typist" => typist(&mut line),
            _ => rr(&mut line, name == "crr"),
        },
        _ => {
            line.next += usize::from(line.peek().is_some());
            Err(line.wrong(format!("expected {usage}")))
        }
    }
}

fn ping(line: &mut Line<'_>) -> Result<Run, Mistake> {
    let (to, name) = line.a_host("ping")?;
    let (mut count, mut interval, mut size, mut ttl) = (4, Duration::from_secs(1), 56, None);
    line.options(&["count", "interval", "size", "ttl"], |line, word| {
        match word {
            "count" => count = line.number(word)?,
            "interval" => interval = line.time(word)?,
            "size" => {
                let fits = |word: &str| word.parse().ok().filter(|size| *size <= PING_MAX);
                size = line.value(word, "a number of bytes up to 65507", fits)?;
            }
            _ => ttl = Some(line.number(word)?),
        }
        Ok(())
    })?;
    Ok(Run::Ping { to, name, count, interval, size, ttl })
}

fn traceroute(line: &mut Line<'_>) -> Result<Run, Mistake> {
    let (to, name) = line.a_host("traceroute")?;
    let (mut icmp, mut queries, mut most, mut wait) = (false, 3, 30, Duration::from_secs(5));
    line.options(&["icmp", "queries", "max", "wait"], |line, word| {
        match word {
            "icmp" => icmp = true,
            "queries" => queries = line.number(word)?,
            "max" => most = line.number(word)?,
            _ => wait = line.time(word)?,
        }
        Ok(())
    })?;
    Ok(Run::Traceroute { to, name, icmp, queries, most, wait })
}

fn bulk(line: &mut Line<'_>) -> Result<Run, Mistake> {
    let to = line.socket("to")?;
    let (mut amount, mut piece, mut rate) = (None, None, None);
    line.options(&["bytes", "for", "piece", "rate"], |line, word| {
        match word {
            "bytes" => amount = Some(Amount::Bytes(line.bytes(word)?)),
            "for" => amount = Some(Amount::Time(line.time(word)?)),
            "piece" => piece = Some(line.bytes(word)? as usize),
            _ => rate = Some(line.rate(word)?),
        }
        Ok(())
    })?;
    let missing = || line.wrong("a bulk sender must know how much: expected bytes N or for TIME");
    let amount = amount.ok_or_else(missing)?;
    Ok(Run::Bulk { to, amount, piece, rate })
}

fn bulk_at(line: &mut Line<'_>) -> Result<Run, Mistake> {
    let port = line.port("at")?;
    let (mut connections, mut first, mut piece, mut every) =
        (1, Duration::ZERO, None, Duration::ZERO);
    line.options(&["connections", "first", "piece", "every"], |line, word| {
        match word {
            "connections" => connections = line.number(word)?,
            "first" => first = line.time(word)?,
            "piece" => piece = Some(line.bytes(word)? as usize),
            _ => every = line.time(word)?,
        }
        Ok(())
    })?;
    Ok(Run::BulkAt { port, connections, first, piece, every })
}

fn rr(line: &mut Line<'_>, fresh: bool) -> Result<Run, Mistake> {
    let to = line.socket("to")?;
    let (mut count, mut sizes, mut pause) = (1, (1, 1), Duration::ZERO);
    line.options(&["count", "request", "response", "pause"], |line, word| {
        match word {
            "count" => count = line.number(word)?,
            "request" => sizes.0 = line.bytes(word)?,
            "response" => sizes.1 = line.bytes(word)?,
            _ => pause = line.time(word)?,
        }
        Ok(())
    })?;
    Ok(Run::Rr { to, count, sizes, fresh, pause })
}

fn rr_at(line: &mut Line<'_>) -> Result<Run, Mistake> {
    let port = line.port("at")?;
    let (mut sizes, mut think) = ((1, 1), Duration::ZERO);
    line.options(&["request", "response", "think"], |line, word| {
        match word {
            "request" => sizes.0 = line.bytes(word)?,
            "response" => sizes.1 = line.bytes(word)?,
            _ => think = line.time(word)?,
        }
        Ok(())
    })?;
    Ok(Run::RrAt { port, sizes, think })
}

fn udp(line: &mut Line<'_>) -> Result<Run, Mistake> {
    let to = line.socket("to")?;
    let (mut count, mut size, mut rate, mut tos) = (1, 1000, 0, 0);
    line.options(&["count", "size", "rate", "tos"], |line, word| {
        match word {
            "count" => count = line.number(word)?,
            "size" => size = line.number(word)?,
            "rate" => rate = line.rate(word)?,
            _ => tos = line.number(word)?,
        }
        Ok(())
    })?;
    Ok(Run::Udp { to, count, size, rate, tos })
}

fn udp_at(line: &mut Line<'_>) -> Result<Run, Mistake> {
    let port = line.port("at")?;
    let (mut count, mut silence) = (u64::MAX, Duration::from_secs(1));
    line.options(&["count", "silence"], |line, word| {
        match word {
            "count" => count = line.number(word)?,
            _ => silence = line.time(word)?,
        }
        Ok(())
    })?;
    Ok(Run::UdpAt { port, count, silence })
}

fn typist(line: &mut Line<'_>) -> Result<Run, Mistake> {
    let to = line.socket("to")?;
    let (mut keys, mut interval, mut nodelay) = (10, Duration::from_millis(200), true);
    line.options(&["keys", "every", "nagle"], |line, word| {
        match word {
            "keys" => keys = line.number(word)?,
            "every" => interval = line.time(word)?,
            _ => nodelay = false,
        }
        Ok(())
    })?;
    Ok(Run::Typist { to, keys, interval, nodelay })
}

fn get(line: &mut Line<'_>) -> Result<Run, Mistake> {
    let expected = "a URL such as http://server/index.html";
    let url =
        line.value("get", expected, |word| word.starts_with("http://").then(|| word.to_owned()))?;
    let rest = url.strip_prefix("http://").unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default();
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, port)) => (name, port.parse().ok()),
        None => (authority, Some(80)),
    };
    let Some(port) = port else {
        return Err(line.wrong(format!("\"{authority}\" has no port: expected {expected}")));
    };
    let to = SocketAddr::new(line.host(name)?, port);
    line.options(&[], |_, _| Ok(()))?;
    Ok(Run::Get { to, url })
}

fn services(line: &mut Line<'_>) -> Result<Run, Mistake> {
    let services = line.value("serve", "a list such as http:80,echo", |w| Some(w.to_owned()))?;
    services
        .parse::<crate::app::Services>()
        .map_err(|error| line.wrong(format!("serve {services}: {error}")))?;
    line.options(&[], |_, _| Ok(()))?;
    Ok(Run::Serve { services })
}

fn dig(line: &mut Line<'_>) -> Result<Run, Mistake> {
    let expected = "@HOST, the name server";
    let name = line.value("dig", expected, |word| word.strip_prefix('@').map(str::to_owned))?;
    let server = line.host(&name)?;
    let mut words = Vec::new();
    while let Some(word) = line.take() {
        words.push(word);
    }
    if words.is_empty() {
        return Err(line.wrong(format!("expected {}", line.usage)));
    }
    Ok(Run::Dig { server, words: words.join(" ") })
}
