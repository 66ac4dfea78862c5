//! Which events are meant: `client: sends data #4`, `r1: timer rto`, `server: state ESTABLISHED`.
//!
//! ```text
//! query  = [PLACE ":"] EVENT ["#" N | "#last"]
//! EVENT  = "sends" FILTER | "resends" [FILTER] | "receives" FILTER | "forwards" FILTER
//!        | "drops" [FILTER] | "timer" NAME ["set" | "stopped" | "expired"] | "state" STATE
//!        | "rule" KEY | "call" NAME ["failed"] | "limited" WHAT | "ca" PHASE | "rtt"
//!        | "info" FIELD | "learned" | "flooded" | … (what bridges do) | "any"
//!        | "queued" [FILTER] | "started" [FILTER] | … (what happens on wires)
//! ```
//!
//! A filter has the words of exact faults ([`Filter`]); a rule is named by its key, a state as in
//! RFC 9293, a timer and a field as `ss` has them.

mod facts;

use super::{Entry, Event, Log, PlaceId};
use crate::base::words::nearest;
use crate::base::{Limit, Why};
use crate::impair::{self, Fate, Filter};
use crate::link;
use crate::observe::view::reason;
use crate::stack::{self, Sent};
use crate::tcp::{
    self, AckWhy, Blocked, CaState, Cause, Outcome, Plan, Reply, RtxRule, SlowStart, Spurious,
    State, TcpInfo, Timer,
};
use facts::Ends;
use std::fmt;
use std::str::FromStr;

/// Why a query cannot be read, and at which byte of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueryError {
    /// Where.
    pub at: usize,
    /// What is wrong there, and what was expected.
    pub what: String,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for QueryError {}

/// What a timer does.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Does {
    Set,
    Stopped,
    Expired,
}

/// An event, by what happens.
#[derive(Clone, PartialEq, Debug)]
enum What {
    Any,
    Sends(Filter),
    Resends(Filter),
    Receives(Filter),
    Forwards(Filter),
    Drops(Filter),
    Timer(Timer, Does),
    State(State),
    Rule(String),
    Call(String, Option<bool>),
    Limited(String),
    Ca(String),
    Rtt,
    Info(usize),
    Bridge(&'static str),
    Wire(&'static str, Filter),
}

/// Which of those that are meant.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Nth {
    /// All of them; where one is wanted, the first.
    All,
    /// That one, from 1.
    Number(usize),
    /// The last.
    Last,
}

/// A question to a log: which of its events are meant.
#[derive(Clone, PartialEq, Debug)]
pub struct Query {
    text: String,
    place: Option<String>,
    what: What,
    nth: Nth,
}

/// The first words of events.
const VERBS: &[&str] = &[
    "sends",
    "resends",
    "receives",
    "forwards",
    "drops",
    "timer",
    "state",
    "rule",
    "call",
    "limited",
    "ca",
    "rtt",
    "info",
    "any",
    "learned",
    "moved",
    "aged",
    "evicted",
    "forwarded",
    "flooded",
    "filtered",
    "repeated",
    "gone",
    "queued",
    "started",
    "travels",
    "duplicated",
    "corrupted",
    "delayed",
    "reordered",
    "markedbyqueue",
    "markedbycodel",
];

/// What happens on wires, by the keys of [`impair::What`] in small letters.
const WIRE: &[&str] = &[
    "gone",
    "queued",
    "started",
    "travels",
    "duplicated",
    "corrupted",
    "delayed",
    "reordered",
    "markedbyqueue",
    "markedbycodel",
];

/// What bridges do, by the names of their events.
const BRIDGE: &[&str] =
    &["learned", "moved", "aged", "evicted", "forwarded", "flooded", "filtered", "repeated"];

const CALLS: &[&str] = &[
    "listen", "connect", "accept", "read", "write", "shutdown", "close", "abort", "bind", "sendto",
    "recvfrom", "join", "leave",
];

const PHASES: [(&str, CaState); 5] = [
    ("Open", CaState::Open),
    ("Disorder", CaState::Disorder),
    ("CWR", CaState::Cwr),
    ("Recovery", CaState::Recovery),
    ("Loss", CaState::Loss),
];

/// The keys of every rule that an event of a log can have.
pub fn rules() -> impl Iterator<Item = &'static str> {
    let all = [
        Plan::KEYS,
        AckWhy::KEYS,
        RtxRule::KEYS,
        Spurious::KEYS,
        Blocked::KEYS,
        SlowStart::KEYS,
        tcp::FastOpen::KEYS,
        Cause::KEYS,
        Reply::KEYS,
        Sent::KEYS,
        Why::KEYS,
        Fate::KEYS,
        impair::What::KEYS,
        Limit::KEYS,
        link::Cause::KEYS,
        link::bridge::Cause::KEYS,
        &["Forwarded"],
    ];
    all.into_iter().flatten().copied()
}

/// The words of a query, each with its place.
struct Words<'a> {
    all: Vec<(usize, &'a str)>,
    next: usize,
    end: usize,
}

impl<'a> Words<'a> {
    fn new(text: &'a str, from: usize) -> Words<'a> {
        let start = text.as_ptr() as usize;
        let words = text[from..].split_whitespace();
        let all = words.map(|word| (word.as_ptr() as usize - start, word)).collect();
        Words { all, next: 0, end: text.len() }
    }

    fn peek(&self) -> Option<&'a str> {
        self.all.get(self.next).map(|(_, word)| *word)
    }

    fn take(&mut self) -> Option<&'a str> {
        let word = self.peek()?;
        self.next += 1;
        Some(word)
    }

    /// A mistake at the word that was taken last, or at the end.
    fn wrong(&self, what: impl Into<String>) -> QueryError {
        let last = self.next.checked_sub(1).and_then(|at| self.all.get(at));
        QueryError { at: last.map_or(self.end, |(at, _)| *at), what: what.into() }
    }

    /// The next word, which must be one of `known`.
    fn one_of(&mut self, what: &str, known: &[&'static str]) -> Result<&'static str, QueryError> {
        let word = self.take().unwrap_or_default();
        let found = known.iter().find(|name| name.eq_ignore_ascii_case(word));
        found
            .copied()
            .ok_or_else(|| self.wrong(suggest(&format!("\"{word}\" is no {what}"), word, known)))
    }

    /// Everything that is left, as a filter; nothing means any packet.
    fn filter(&mut self) -> Result<Filter, QueryError> {
        let rest: Vec<&str> = self.all[self.next..].iter().map(|(_, word)| *word).collect();
        if rest.is_empty() {
            return Ok(Filter::default());
        }
        let filter = rest.join(" ").parse().map_err(|error: crate::impair::ParseError| {
            let at = self.all.get(self.next).map_or(self.end, |(at, _)| *at);
            QueryError { at, what: error.to_string() }
        });
        self.next = self.all.len();
        filter
    }
}

/// More known words than anybody would read: only rules are so many.
const TOO_MANY: usize = 60;

fn suggest(what: &str, word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(name) => format!("{what}: did you mean {name}?"),
        None if known.len() > TOO_MANY => {
            format!("{what}, and not like one (`netglass rules --all` lists all {})", known.len())
        }
        None => format!("{what}: expected one of {}", known.join(", ")),
    }
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Query, QueryError> {
        let (body, nth) = nth(text)?;
        let (place, from) = match body.split_once(':') {
            Some((place, _)) => (Some(place.trim().to_owned()), place.len() + 1),
            None => (None, 0),
        };
        let mut words = Words::new(body, from);
        let Some(verb) = words.take() else {
            return Err(words.wrong(format!("expected an event: {}", VERBS.join(", "))));
        };
        let what = event(verb, &mut words)?;
        if let Some(word) = words.take() {
            return Err(words.wrong(format!("\"{word}\" is too much")));
        }
        Ok(Query { text: text.to_owned(), place, what, nth })
    }
}

/// Takes `#4` or `#last` off the end.
fn nth(text: &str) -> Result<(&str, Nth), QueryError> {
    let Some((body, number)) = text.rsplit_once('#') else { return Ok((text, Nth::All)) };
    let nth = match number.trim() {
        "last" => Some(Nth::Last),
        number => number.parse().ok().filter(|n| *n > 0).map(Nth::Number),
    };
    let wrong = || QueryError {
        at: body.len(),
        what: format!("\"#{number}\": expected #1, #2 and so on, or #last"),
    };
    Ok((body, nth.ok_or_else(wrong)?))
}

fn event(verb: &str, words: &mut Words<'_>) -> Result<What, QueryError> {
    Ok(match verb {
        "any" => What::Any,
        "rtt" => What::Rtt,
        "sends" => What::Sends(words.filter()?),
        "resends" => What::Resends(words.filter()?),
        "receives" => What::Receives(words.filter()?),
        "forwards" => What::Forwards(words.filter()?),
        "drops" => What::Drops(words.filter()?),
        "timer" => {
            let names = Timer::ALL.map(Timer::name);
            let name = words.one_of("timer", &names)?;
            let timer = Timer::ALL.into_iter().find(|timer| timer.name() == name);
            let does = match words.peek() {
                None => Does::Expired,
                Some(_) => match words.one_of("timer's event", &["set", "stopped", "expired"])? {
                    "set" => Does::Set,
                    "stopped" => Does::Stopped,
                    _ => Does::Expired,
                },
            };
            What::Timer(timer.unwrap_or(Timer::Rtx), does)
        }
        "state" => {
            let name = words.one_of("state of TCP", &State::ALL.map(State::name))?;
            let state = State::ALL.into_iter().find(|state| state.name() == name);
            What::State(state.unwrap_or(State::Closed))
        }
        "rule" => {
            let known: Vec<&str> = rules().collect();
            What::Rule(words.one_of("rule", &known)?.to_owned())
        }
        "call" => {
            let name = words.one_of("call", CALLS)?.to_owned();
            let failed = match words.peek() {
                None => None,
                Some(_) => Some(words.one_of("call's result", &["failed", "done"])? == "failed"),
            };
            What::Call(name, failed)
        }
        "limited" => What::Limited(words.one_of("limit of sending", Blocked::KEYS)?.to_owned()),
        "ca" => {
            let names = PHASES.map(|(name, _)| name);
            What::Ca(words.one_of("phase of congestion control", &names)?.to_owned())
        }
        "info" => {
            let name = words.one_of("field of tcp_info", TcpInfo::FIELDS)?;
            let field = TcpInfo::FIELDS.iter().position(|field| *field == name);
            What::Info(field.unwrap_or_default())
        }
        _ => match (find(BRIDGE, verb), find(WIRE, verb)) {
            (Some(name), _) => What::Bridge(name),
            (None, Some(name)) => What::Wire(name, words.filter()?),
            (None, None) => {
                let what = format!("\"{verb}\" is no event");
                return Err(words.wrong(suggest(&what, verb, VERBS)));
            }
        },
    })
}

fn find(names: &[&'static str], name: &str) -> Option<&'static str> {
    names.iter().find(|known| **known == name).copied()
}

/// A query as it was written.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Query {
    /// The place that it names.
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// Which of those that are meant it wants.
    pub fn nth(&self) -> Nth {
        self.nth
    }

    /// Whether it is about hosts only: their places are its.
    fn may_be_at(&self, log: &Log, place: PlaceId) -> bool {
        self.place.as_deref().is_none_or(|name| log.name(place) == name)
    }

    /// All events that are meant, oldest first, whatever [`Query::nth`] is.
    pub fn all<'l>(&self, log: &'l Log) -> Vec<&'l Entry> {
        let ends = Ends::of(log);
        let is_meant =
            |entry: &&Entry| self.may_be_at(log, entry.place) && self.what.is(log, &ends, entry);
        log.entries().iter().filter(is_meant).collect()
    }

    /// The event that is nearest to what it means, when nothing is: with any packet instead of the
    /// filter's, or elsewhere, or whatever happened last at its place.
    pub fn nearest<'l>(&self, log: &'l Log) -> Option<&'l Entry> {
        let query = |place: &Option<String>, what: What| {
            let (text, place) = (String::new(), place.clone());
            Query { text, place, what, nth: Nth::All }.all(log)
        };
        let loose = match &self.what {
            What::Sends(_) | What::Resends(_) => Some(What::Sends(Filter::default())),
            What::Receives(_) => Some(What::Receives(Filter::default())),
            What::Forwards(_) => Some(What::Forwards(Filter::default())),
            What::Drops(_) => Some(What::Drops(Filter::default())),
            What::Timer(timer, _) => Some(What::Timer(*timer, Does::Set)),
            What::Wire(name, _) => Some(What::Wire(name, Filter::default())),
            _ => None,
        };
        let last = |found: Vec<&'l Entry>| found.last().copied();
        last(query(&self.place, self.what.clone()))
            .or_else(|| last(query(&self.place, loose?)))
            .or_else(|| last(query(&None, self.what.clone())))
            .or_else(|| last(query(&self.place, What::Any)))
    }

    /// The events that it wants: all, or the one that its number names.
    pub fn find<'l>(&self, log: &'l Log) -> Vec<&'l Entry> {
        let all = self.all(log);
        match self.nth {
            Nth::All => all,
            Nth::Number(n) => all.get(n - 1).copied().into_iter().collect(),
            Nth::Last => all.last().copied().into_iter().collect(),
        }
    }
}

impl What {
    fn is(&self, log: &Log, ends: &Ends, entry: &Entry) -> bool {
        let tcp = match &entry.event {
            Event::Host(stack::Event::Tcp(event)) => Some(event),
            Event::Host(stack::Event::Listener { event, .. }) => Some(event),
            _ => None,
        };
        match self {
            What::Any => true,
            What::Sends(filter) => facts::sent(ends, entry).is_some_and(|f| filter.holds(&f)),
            What::Resends(filter) => {
                let again = matches!(
                    tcp,
                    Some(tcp::Event::Sent {
                        plan: Plan::Retransmit { .. } | Plan::RetransmitSyn { .. },
                        ..
                    })
                );
                again && facts::sent(ends, entry).is_some_and(|f| filter.holds(&f))
            }
            What::Receives(filter) => {
                facts::received(ends, entry).is_some_and(|f| filter.holds(&f))
            }
            What::Forwards(filter) => match &entry.event {
                Event::Host(stack::Event::Forwarded { packet, .. }) => {
                    facts::packet(packet).is_some_and(|f| filter.holds(&f))
                }
                _ => false,
            },
            What::Drops(filter) => drops(log, ends, entry, filter),
            What::Rule(key) => rule(entry) == Some(key),
            What::Call(name, failed) => match &entry.event {
                Event::Host(stack::Event::Call { call, result }) => {
                    call.name() == name && failed.is_none_or(|failed| result.is_err() == failed)
                }
                _ => false,
            },
            What::Timer(..)
            | What::State(_)
            | What::Limited(_)
            | What::Ca(_)
            | What::Rtt
            | What::Info(_) => tcp.is_some_and(|event| self.is_tcp(event)),
            What::Wire(name, filter) => match &entry.event {
                Event::Wire(on_wire) => {
                    on_wire.what.key().eq_ignore_ascii_case(name)
                        && (filter.terms().is_empty() || by_sender(log, ends, entry, filter))
                }
                _ => false,
            },
            What::Bridge(name) => match &entry.event {
                Event::Bridge(event) => event.name() == *name,
                _ => false,
            },
        }
    }

    /// Whether something that happened in a connection is meant.
    fn is_tcp(&self, event: &tcp::Event) -> bool {
        match self {
            What::Timer(timer, does) => match (event, does) {
                (tcp::Event::TimerSet { timer: its, .. }, Does::Set)
                | (tcp::Event::TimerStopped { timer: its }, Does::Stopped)
                | (tcp::Event::TimerExpired { timer: its }, Does::Expired) => its == timer,
                _ => false,
            },
            What::State(state) => {
                matches!(event, tcp::Event::State { to, .. } if to == state)
            }
            What::Limited(key) => {
                matches!(event, tcp::Event::Blocked { why, .. } if why.key() == key)
            }
            What::Ca(name) => match event {
                tcp::Event::Ca { to, .. } => {
                    PHASES.iter().any(|(known, phase)| known == name && phase == to)
                }
                _ => false,
            },
            What::Rtt => matches!(event, tcp::Event::Rtt { .. }),
            What::Info(field) => match event {
                tcp::Event::Info { changes } => {
                    changes.iter().any(|change| usize::from(change.field) == *field)
                }
                _ => false,
            },
            _ => false,
        }
    }
}

/// The key of the rule that an event followed.
fn rule(entry: &Entry) -> Option<&'static str> {
    match &entry.event {
        Event::Host(event) => reason(event).map(|reason| reason.key),
        Event::Wire(on_wire) => Some(on_wire.gone().map_or(on_wire.what.key(), Fate::key)),
        Event::Bridge(event) => event.cause().map(|cause| cause.key()),
    }
}

/// Whether something was dropped that the filter means: what a wire or bridge drops is known by the
/// event that sent it.
fn drops(log: &Log, ends: &Ends, entry: &Entry, filter: &Filter) -> bool {
    let is_dropped = match &entry.event {
        Event::Host(stack::Event::Dropped { .. }) => true,
        Event::Host(stack::Event::Tcp(tcp::Event::Received { outcome, .. }))
        | Event::Host(stack::Event::StrayIn { outcome, .. }) => {
            matches!(outcome, Outcome::Dropped(_))
        }
        Event::Wire(on_wire) => on_wire.gone().is_some(),
        Event::Bridge(event) => matches!(event, link::bridge::Event::Dropped { .. }),
        Event::Host(_) => false,
    };
    if !is_dropped || filter.terms().is_empty() {
        return is_dropped;
    }
    let facts = match &entry.event {
        Event::Host(stack::Event::Dropped { packet, .. }) => facts::packet(packet),
        Event::Host(_) => facts::received(ends, entry),
        _ => return by_sender(log, ends, entry, filter),
    };
    facts.is_some_and(|facts| filter.holds(&facts))
}

/// Whether the filter means the packet that the event which led to this one has sent. Routers pass
/// packets on, whose sender stands before them.
fn by_sender(log: &Log, ends: &Ends, entry: &Entry, filter: &Filter) -> bool {
    let mut sender = log.get(entry.causes[0]);
    while let Some(Entry { event: Event::Host(stack::Event::Forwarded { .. }), causes, .. }) =
        sender
    {
        match log.get(causes[0]) {
            None => break,
            before => sender = before,
        }
    }
    let facts = sender.and_then(|sender| facts::sent(ends, sender));
    facts.is_some_and(|facts| filter.holds(&facts))
}
