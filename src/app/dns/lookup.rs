//! One look-up of a name's addresses, as a machine without clock and network: it says whom to ask
//! and how long to wait, and is told what was heard.

use super::message::{Asking, Question, Raw, Type, answers, query};
use super::name::Name;
use crate::app::services::Transport;
use crate::base::Chance;
use crate::base::rng::Purpose;
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Packet, ResourceRecord};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Aliases followed, at most.
const ALIASES_MAX: usize = 8;
/// Datagrams that answer something else, after which the same is asked over TCP: somebody may be
/// guessing (RFC 5452 §9.1).
const STRANGERS_MAX: u32 = 32;
/// Addresses taken from an answer, at most.
const ADDRESSES_MAX: usize = 32;
/// How long an answer is kept, at most, whatever it says.
const KEEP_MAX: u32 = 86_400;
/// How long it is kept that there is nothing, at most (RFC 2308 §5).
const KEEP_NOTHING_MAX: u32 = 3600;
/// How long a server may take over TCP.
const TCP_PATIENCE: Duration = Duration::from_secs(5);

/// Whom to ask, and how often.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The servers, asked in this order.
    pub servers: Vec<SocketAddr>,
    /// How often each is asked over UDP.
    pub rounds: u32,
    /// How long the first round waits for an answer; each round waits twice as long as the one
    /// before.
    pub patience: Duration,
    /// Whether letters change their case at random, so that an answer is harder to guess.
    pub vary_case: bool,
}

impl Settings {
    /// Three rounds of 1, 2 and 4 seconds, with random case.
    pub fn new(servers: Vec<SocketAddr>) -> Settings {
        Settings { servers, rounds: 3, patience: Duration::from_secs(1), vary_case: true }
    }
}

/// What there is at a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// Addresses.
    Addresses(Vec<IpAddr>),
    /// The name exists, but has no address of that family.
    NoData,
    /// There is no such name.
    NoName,
}

/// What was found, and how long that holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// What.
    pub found: Found,
    /// How long it may be kept.
    pub keep: Duration,
}

/// Why a look-up failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LookupError {
    /// There is nobody to ask.
    NoServers,
    /// No server has answered in time; the last one asked.
    Silence(SocketAddr),
    /// A server could not be reached.
    Unreachable(SocketAddr, io::ErrorKind),
    /// A server answered with this status.
    Status(SocketAddr, u16),
    /// A server's answer makes no sense, or leads nowhere.
    Nonsense(SocketAddr),
    /// One alias leads to the next, and so on.
    Aliases(Name),
}

/// A status as people know it.
pub(super) fn status(rcode: u16) -> String {
    let names = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
        "NXRRSET", "NOTAUTH", "NOTZONE",
    ];
    match names.get(usize::from(rcode)) {
        Some(name) => (*name).to_owned(),
        None if rcode == 16 => "BADVERS".to_owned(),
        None => format!("RESERVED{rcode}"),
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LookupError::NoServers => f.write_str("there is no name server to ask"),
            LookupError::Silence(server) => write!(f, "no answer from the name server {server}"),
            LookupError::Unreachable(server, kind) => {
                write!(f, "the name server {server} cannot be asked: {kind}")
            }
            LookupError::Status(server, rcode) => {
                write!(f, "the name server {server} answered {}", status(*rcode))
            }
            LookupError::Nonsense(server) => {
                write!(f, "the name server {server} gave an answer that makes no sense")
            }
            LookupError::Aliases(name) => write!(f, "{name} is an alias of an alias, and so on"),
        }
    }
}

impl std::error::Error for LookupError {}

/// A query to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// To whom.
    pub to: SocketAddr,
    /// Over what; every datagram from a port of its own (RFC 5452 §9.2).
    pub over: Transport,
    /// The message.
    pub query: Vec<u8>,
    /// How long to wait for the answer.
    pub patience: Duration,
}

/// What a look-up does next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// It asks; [`Lookup::heard`] and [`Lookup::unheard`] say what came of it.
    Ask(Ask),
    /// It is done.
    Done(Result<Outcome, LookupError>),
}

/// A look-up.
///
/// ```
/// use netglass::app::dns::{Lookup, LookupError, Next, Settings, Type};
///
/// let server = "10.9.0.1:53".parse().unwrap();
/// let settings = Settings::new(vec![server]).into();
/// let mut lookup = Lookup::new("host.glass".parse().unwrap(), Type::A, settings, [1, 2]);
/// for seconds in [1, 2, 4] {
///     let Next::Ask(ask) = lookup.next() else { panic!() };
///     assert_eq!((ask.to, ask.patience.as_secs()), (server, seconds));
///     lookup.unheard(None);
/// }
/// assert_eq!(lookup.next(), Next::Done(Err(LookupError::Silence(server))));
/// ```
#[derive(Debug)]
pub struct Lookup {
    settings: Arc<Settings>,
    chance: Chance,
    /// Queries made.
    asked: u64,
    /// What is asked for now: behind aliases, something else than at first.
    name: Name,
    rtype: Type,
    aliases: usize,
    /// The shortest time to live of the aliases.
    ttl: u32,
    /// The servers that can be reached, as far as is known, and whose turn it is.
    servers: Vec<SocketAddr>,
    turn: usize,
    round: u32,
    over: Transport,
    edns: bool,
    /// The query that was sent last.
    query: Vec<u8>,
    strangers: u32,
    error: Option<LookupError>,
    done: Option<Outcome>,
}

impl Lookup {
    /// Looks for the addresses of `name`, of type A or AAAA. `secret`: bits that nobody else knows,
    /// and that no other look-up has.
    pub fn new(name: Name, rtype: Type, settings: Arc<Settings>, secret: [u64; 2]) -> Lookup {
        Lookup {
            servers: settings.servers.clone(),
            settings,
            chance: Chance::from_key(secret),
            asked: 0,
            name,
            rtype,
            aliases: 0,
            ttl: KEEP_MAX,
            turn: 0,
            round: 0,
            over: Transport::Udp,
            edns: true,
            query: Vec::new(),
            strangers: 0,
            error: None,
            done: None,
        }
    }

    /// What to do now.
    #[expect(
        clippy::should_implement_trait,
        reason = "it is no iterator: it has no end of its own"
    )]
    pub fn next(&mut self) -> Next {
        if let Some(outcome) = self.done.clone() {
            return Next::Done(Ok(outcome));
        }
        let server = match (self.server(), &self.error) {
            (_, Some(error @ LookupError::Aliases(_))) => return Next::Done(Err(error.clone())),
            (Some(server), _) => server,
            (None, error) => {
                return Next::Done(Err(error.clone().unwrap_or(LookupError::NoServers)));
            }
        };
        let bits = self.chance.draw(Purpose::Query, 0, self.asked);
        let case = self.chance.draw(Purpose::Query, 1, self.asked);
        self.asked += 1;
        let name =
            if self.settings.vary_case { self.name.with_case(case) } else { self.name.clone() };
        let asking = Asking { recurse: true, edns: self.edns };
        self.query = query(bits as u16, &Question::new(name, self.rtype), asking);
        let patience = match self.over {
            Transport::Udp => self.settings.patience.saturating_mul(1 << self.round.min(16)),
            Transport::Tcp => TCP_PATIENCE,
        };
        Next::Ask(Ask { to: server, over: self.over, query: self.query.clone(), patience })
    }

    /// The server whose turn it is.
    fn server(&self) -> Option<SocketAddr> {
        let server = self.servers.get(self.turn).copied();
        server.filter(|_| self.round < self.settings.rounds)
    }

    /// A message has come from the server that was asked. Returns whether that is the end of the
    /// waiting; otherwise it was no answer to the question, and waiting goes on.
    pub fn heard(&mut self, bytes: &[u8]) -> bool {
        let Some(server) = self.server() else { return true };
        let Some(raw) = Raw::new(bytes).filter(|raw| answers(&self.query, raw)) else {
            self.strangers += 1;
            let is_enough = self.strangers >= STRANGERS_MAX && self.over == Transport::Udp;
            if is_enough {
                self.over = Transport::Tcp;
            }
            return is_enough;
        };
        match raw.rcode() {
            _ if raw.is_truncated() && self.over == Transport::Udp => self.over = Transport::Tcp,
            // A server that knows no EDNS(0) (RFC 6891 §6.2.2).
            1 | 4 if self.edns => self.edns = false,
            rcode @ (0 | 3) => match raw.packet() {
                Some(packet) => self.read(server, rcode, &packet),
                None => self.fail(LookupError::Nonsense(server)),
            },
            rcode => self.fail(LookupError::Status(server, rcode)),
        }
        true
    }

    /// No answer has come in time, or, with an error, none can come: then that server is not asked
    /// again.
    pub fn unheard(&mut self, error: Option<io::ErrorKind>) {
        let Some(server) = self.server() else { return };
        self.fail(match error {
            Some(kind) => LookupError::Unreachable(server, kind),
            None => LookupError::Silence(server),
        });
    }

    /// The next server, please.
    fn fail(&mut self, error: LookupError) {
        if matches!(error, LookupError::Unreachable(..)) {
            self.servers.remove(self.turn);
        } else {
            self.turn += 1;
        }
        if self.turn >= self.servers.len() {
            self.turn = 0;
            self.round += 1;
        }
        // What a server said is worth more than another one's silence.
        let is_said = |error: &Option<LookupError>| matches!(error, Some(LookupError::Status(..)));
        if !is_said(&self.error) || matches!(error, LookupError::Status(..)) {
            self.error = Some(error);
        }
        self.over = Transport::Udp;
        self.edns = true;
        self.strangers = 0;
    }

    /// Takes an answer of status 0 or 3.
    fn read(&mut self, server: SocketAddr, rcode: u16, packet: &Packet<'_>) {
        let mut followed = false;
        loop {
            let (addresses, ttl) = addresses(packet, &self.name, self.rtype);
            if !addresses.is_empty() {
                let keep = self.ttl.min(ttl);
                return self.finish(Found::Addresses(addresses), keep);
            }
            let Some((target, ttl)) = alias(packet, &self.name) else { break };
            self.aliases += 1;
            if self.aliases > ALIASES_MAX {
                self.error = Some(LookupError::Aliases(self.name.clone()));
                return;
            }
            (self.name, self.ttl, followed) = (target, self.ttl.min(ttl), true);
        }
        let nothing = denial(packet);
        let keep = nothing.unwrap_or(0).min(self.ttl).min(KEEP_NOTHING_MAX);
        let is_referral = |record: &ResourceRecord<'_>| matches!(record.rdata, RData::NS(_));
        match (rcode, nothing) {
            (3, _) => self.finish(Found::NoName, keep),
            (_, Some(_)) => self.finish(Found::NoData, keep),
            // The server knows the alias and not its target: that is asked for by itself.
            (_, None) if followed => {}
            // It sends us elsewhere: it does not find out for us.
            (_, None) if packet.name_servers.iter().any(is_referral) => {
                self.fail(LookupError::Nonsense(server));
            }
            (_, None) => self.finish(Found::NoData, 0),
        }
    }

    fn finish(&mut self, found: Found, keep: u32) {
        let keep = Duration::from_secs(u64::from(keep.min(KEEP_MAX)));
        self.done = Some(Outcome { found, keep });
    }
}

/// A time to live; one with the highest bit set counts as none (RFC 2181 §8).
fn ttl(record: &ResourceRecord<'_>) -> u32 {
    i32::try_from(record.ttl).map_or(0, i32::cast_unsigned)
}

/// The records of an answer that are about `name`.
fn about<'p, 'a>(
    packet: &'p Packet<'a>,
    name: &Name,
) -> impl Iterator<Item = &'p ResourceRecord<'a>> {
    let name = name.clone();
    packet.answers.iter().filter(move |record| {
        let is_same = record.class == CLASS::IN && !record.cache_flush;
        is_same && Name::from_labels(record.name.as_bytes()).is_some_and(|known| known == name)
    })
}

/// The addresses at `name`, and the shortest time that they live.
fn addresses(packet: &Packet<'_>, name: &Name, rtype: Type) -> (Vec<IpAddr>, u32) {
    let (mut addresses, mut least) = (Vec::new(), KEEP_MAX);
    for record in about(packet, name) {
        let addr = match &record.rdata {
            RData::A(a) if rtype == Type::A => IpAddr::from(a.address.to_be_bytes()),
            RData::AAAA(a) if rtype == Type::AAAA => IpAddr::from(a.address.to_be_bytes()),
            _ => continue,
        };
        least = least.min(ttl(record));
        if addresses.len() < ADDRESSES_MAX && !addresses.contains(&addr) {
            addresses.push(addr);
        }
    }
    (addresses, least)
}

/// What `name` is an alias of.
fn alias(packet: &Packet<'_>, name: &Name) -> Option<(Name, u32)> {
    about(packet, name).find_map(|record| match &record.rdata {
        RData::CNAME(target) => Some((Name::from_labels(target.0.as_bytes())?, ttl(record))),
        _ => None,
    })
}

/// How long it holds that there is nothing (RFC 2308 §5); `None`: nobody says so.
fn denial(packet: &Packet<'_>) -> Option<u32> {
    packet.name_servers.iter().find_map(|record| match &record.rdata {
        RData::SOA(soa) => Some(ttl(record).min(soa.minimum)),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
