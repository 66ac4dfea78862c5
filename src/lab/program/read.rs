//! A program's words, read.

use super::super::node::Node;
use super::super::plan::Plan;
use super::super::tree::{At, suggest};
use super::super::{Mistake, words};
use super::{Amount, PROGRAMS, Run};
use crate::base::Duration;
use crate::base::ports::Ephemeral;
use crate::wire::tcp::Ctl;
use std::net::{IpAddr, SocketAddr};

/// The bytes that an echo request over IPv4 has room for.
const PING_MAX: usize = 65_507;
/// The bytes of a forged segment: they fit every link that has room for IPv6.
const FORGED_MAX: u16 = 1000;

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

    /// How far a sequence number is from another one; forwards, or backwards with a minus.
    fn distance(&mut self, before: &str) -> Result<u32, Mistake> {
        let read = |word: &str| {
            let far = word.strip_prefix('+').unwrap_or(word).parse::<i64>().ok()?;
            (far.unsigned_abs() <= u32::MAX.into()).then_some(far as u32)
        };
        self.value(before, "how far off, as in 1000 or -1000", read)
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

/// Reads a program's words.
pub(super) fn read(text: &str, at: &At, nodes: &[Node], plan: &Plan) -> Result<Run, Mistake> {
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
        "forge" => forge(&mut line),
        "bulk" if line.take_if("at") => bulk_at(&mut line),
        "rr" if line.take_if("at") => rr_at(&mut line),
        "udp" if line.take_if("at") => udp_at(&mut line),
        _ if line.take_if("to") => match name {
            "bulk" => bulk(&mut line),
            "udp" => udp(&mut line),
            "typist" => typist(&mut line),
            "connect" => connect(&mut line),
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
    let (mut count, mut sizes, mut pause, mut piece) = (1, (1, 1), Duration::ZERO, None);
    line.options(&["count", "request", "response", "pause", "piece"], |line, word| {
        match word {
            "count" => count = line.number(word)?,
            "request" => sizes.0 = line.bytes(word)?,
            "response" => sizes.1 = line.bytes(word)?,
            "pause" => pause = line.time(word)?,
            _ => piece = Some(line.bytes(word)?),
        }
        Ok(())
    })?;
    Ok(Run::Rr { to, count, sizes, fresh, pause, piece })
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

fn connect(line: &mut Line<'_>) -> Result<Run, Mistake> {
    let to = line.socket("to")?;
    let (mut count, mut every) = (1, Duration::ZERO);
    line.options(&["count", "every"], |line, word| {
        match word {
            "count" => {
                // Each keeps a port of its own until all are open.
                let most = u64::from(Ephemeral::default().count());
                let expected =
                    format!("a number up to {most}: a host has no more ports to connect from");
                let fits = |word: &str| word.parse().ok().filter(|count| *count <= most);
                count = line.value(word, &expected, fits)?;
            }
            _ => every = line.time(word)?,
        }
        Ok(())
    })?;
    Ok(Run::Connect { to, count, every })
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

fn forge(line: &mut Line<'_>) -> Result<Run, Mistake> {
    let kinds = [
        ("rst", Ctl::RST),
        ("rst-ack", Ctl::RST.with(Ctl::ACK)),
        ("syn", Ctl::SYN),
        ("syn-ack", Ctl::SYN.with(Ctl::ACK)),
        ("fin-ack", Ctl::FIN.with(Ctl::ACK)),
        ("ack", Ctl::ACK),
    ];
    let expected = "rst, rst-ack, syn, syn-ack, fin-ack or ack";
    let kind = |word: &str| kinds.iter().find(|(name, _)| *name == word).map(|(_, ctl)| *ctl);
    let ctl = line.value("forge", expected, kind)?;
    line.value("the kind of segment", "\"to\"", |word| (word == "to").then_some(()))?;
    let (to, name) = line.a_host("to")?;
    line.value("the host to deceive", "\"as\"", |word| (word == "as").then_some(()))?;
    let from = line.socket("as")?;
    if from.is_ipv4() != to.is_ipv4() {
        return Err(line.wrong(format!("{from} and {to} are of different families")));
    }
    let (mut seq, mut ack, mut len) = (0, 0, 0);
    let (mut count, mut step, mut every) = (1, 0, Duration::ZERO);
    line.options(&["seq", "ack", "bytes", "count", "step", "every"], |line, word| {
        match word {
            "seq" => seq = line.distance(word)?,
            "ack" => ack = line.distance(word)?,
            "bytes" => {
                let fits = |word: &str| word.parse().ok().filter(|len| *len <= FORGED_MAX);
                len = line.value(word, "a number of bytes up to 1000", fits)?;
            }
            "count" => count = line.number(word)?,
            "step" => step = line.number(word)?,
            _ => every = line.time(word)?,
        }
        Ok(())
    })?;
    Ok(Run::Forge { ctl, to, name, from, seq, ack, len, count, step, every })
}

fn services(line: &mut Line<'_>) -> Result<Run, Mistake> {
    let services = line.value("serve", "a list such as http:80,echo", |w| Some(w.to_owned()))?;
    services
        .parse::<crate::app::Services>()
        .map_err(|error| line.wrong(format!("serve {services}: {error}")))?;
    let mut limits = Vec::new();
    while let Some(word) = line.take() {
        let read = word.parse::<crate::app::policy::Setting>();
        read.map_err(|error| line.wrong(error.to_string()))?;
        limits.push(word.to_owned());
    }
    Ok(Run::Serve { services, limits })
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
