//! A lab as a value: what its file says.

use super::check::{Check, Known};
use super::node::{self, Common, MEDIUM};
use super::plan::Plan;
use super::program::with_servers;
use super::tree::{At, Fields, Item, Table, Value, suggest};
use super::wire::Link;
use super::{Error, Mistake, Node, Program, knobs, words};
use crate::base::{Duration, Instant, Medium};
use crate::observe::log::{Detail, Query};
use crate::tcp;

/// A lab.
#[derive(Clone, Debug)]
pub struct Lab {
    /// Its file.
    pub file: String,
    /// What it is called.
    pub title: String,
    /// What who runs it will know then.
    pub promise: String,
    /// What to read before.
    pub text: String,
    /// Where all its luck comes from.
    pub seed: u64,
    /// How much virtual time it may take.
    pub duration: Duration,
    /// How many events may happen; `None`: as many as the runner allows.
    pub events: Option<u64>,
    /// How many of them at one moment; `None`: as many as the runner allows.
    pub at_once: Option<u64>,
    /// How much its log tells.
    pub log: Detail,
    /// The nodes, in the order of the file.
    pub nodes: Vec<Node>,
    /// The links, in the order of the file.
    pub links: Vec<Link>,
    /// What runs on the hosts.
    pub programs: Vec<Program>,
    /// What to think about before the run.
    pub questions: Vec<Question>,
    /// What must come out.
    pub checks: Vec<Check>,
    /// What is shown of the run first.
    pub show: Option<Show>,
    /// Commands that go on from the run, without the program's name.
    pub next: Vec<String>,
    pub(super) plan: Plan,
    /// The text of the file, and what was set over it.
    pub(super) source: String,
    pub(super) sets: Vec<(String, String)>,
}

/// Something to think about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// The question.
    pub ask: String,
    /// Its answer.
    pub answer: String,
    /// What helps to find it.
    pub hint: String,
}

/// What is shown of a run first: the events of a host, or some events of all places.
#[derive(Clone, PartialEq, Debug)]
pub struct Show {
    /// The host.
    pub host: usize,
    /// From when on.
    pub from: Instant,
    /// Which events; none: the host's.
    pub events: Vec<Query>,
}

const DURATION: Duration = Duration::from_secs(600);
/// Nodes, and links, at most: a run numbers both in sixteen bits.
const MOST: usize = 10_000;

impl Lab {
    /// The values that stand in place of the file's.
    pub fn sets(&self) -> &[(String, String)] {
        &self.sets
    }

    /// Reads a lab from the text of its file.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn parse(file: &str, text: &str) -> Result<Lab, Error> {
        Lab::with(file, text, &[])
    }

    /// Reads a lab, with some values in place of the file's: each is a path of keys
    /// (`link.ab.loss`, `client.tcp.sack`) and a value.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn with(file: &str, text: &str, sets: &[(String, String)]) -> Result<Lab, Error> {
        Lab::read(file, text, sets).map_err(|mistake| mistake.placed(file, text, sets))
    }

    fn read(file: &str, text: &str, sets: &[(String, String)]) -> Result<Lab, Mistake> {
        let mut table = Table::parse(text)?;
        for (nth, (path, value)) in sets.iter().enumerate() {
            set(&mut table, nth, path, value)?;
        }
        let mut fields = Fields::new("a lab", &table);
        let mut line =
            |key| fields.text(key).map(|text| text.unwrap_or_default().trim().to_owned());
        let (title, promise, text_of) = (line("title")?, line("promise")?, line("text")?);
        let seed = fields.read("seed", "a whole number", |word| word.parse().ok())?.unwrap_or(1);
        let duration = fields.read("duration", words::TIME, words::time)?.unwrap_or(DURATION);
        let mut number = |key| fields.read(key, "a number of events", |word| word.parse().ok());
        let (events, at_once) = (number("events")?, number("at_once")?);
        let log = fields.read("log", "all or brief", detail)?.unwrap_or_default();
        let medium = fields.read("medium", MEDIUM, node::medium)?.unwrap_or(Medium::Ethernet);
        let anyway = fields.truth("anyway")?.unwrap_or(false);
        let mut common = Common { medium, tcp: tcp::Config::plain() };
        if let Some(item) = fields.item("tcp") {
            knobs::turn(&mut common.tcp, "[tcp]", item)?;
        }
        let nodes_of = named("node", fields.item("node"))?;
        let nodes = nodes_of.iter().map(|(key, item)| Node::read(key, item, &common));
        let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
        if nodes.is_empty() {
            return Err(Mistake::new(&At::File(0..0), "a lab needs a node: expected [node.NAME]"));
        }
        let links = named("link", fields.item("link"))?;
        nodes_of.get(MOST).or_else(|| links.get(MOST)).map_or(Ok(()), too_large)?;
        let links = links.iter().map(|(key, item)| Link::read(key, item, &nodes));
        let links = links.collect::<Result<Vec<_>, _>>()?;
        let plan = Plan::new(&nodes, &links)?;
        if !anyway {
            plan.check(&nodes, &links)?;
        }
        let programs = tables("program", fields.item("program"))?.iter();
        let programs = programs.map(|item| Program::read(item, &nodes, &plan));
        let programs = programs.collect::<Result<Vec<_>, _>>()?;
        if !anyway {
            plan.check_ways(&nodes, &programs)?;
        }
        let programs = with_servers(programs, &nodes, &plan);
        let questions = questions(&mut fields)?;
        let known = Known { nodes: &nodes, links: &links, plan: &plan, programs: &programs };
        let checks = tables("check", fields.item("check"))?.iter();
        let checks = checks.map(|item| Check::read(item, &known)).collect::<Result<_, _>>()?;
        let (show, next) = (show(&mut fields, &known)?, next(&mut fields)?);
        fields.done()?;
        Ok(Lab {
            file: file.to_owned(),
            title,
            promise,
            text: text_of,
            seed,
            duration,
            events,
            at_once,
            log,
            nodes,
            links,
            programs,
            questions,
            checks,
            show,
            next,
            plan,
            source: text.to_owned(),
            sets: sets.to_vec(),
        })
    }

    /// The lab again, with other values set over the file's besides.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn again(&self, sets: &[(String, String)]) -> Result<Lab, Error> {
        let sets = [&self.sets, sets].concat();
        Lab::with(&self.file, &self.source, &sets)
    }
}

/// Keys of a lab that no node is meant by.
const TOP: &[&str] = &[
    "title", "promise", "text", "seed", "duration", "events", "at_once", "log", "medium", "anyway",
    "tcp", "program",
];

/// Sets one value over the file's. A path that begins with a node's or link's name needs no `node.`
/// or `link.` before it.
fn set(table: &mut Table, nth: usize, path: &str, value: &str) -> Result<(), Mistake> {
    let keys: Vec<&str> = path.split('.').collect();
    let names = |table: &Table, kind: &str| match table.get(kind).map(|item| &item.value) {
        Some(Value::Table(table)) => table.0.iter().map(|(key, _)| key.name.clone()).collect(),
        _ => Vec::new(),
    };
    let (nodes, links): (Vec<String>, Vec<String>) = (names(table, "node"), names(table, "link"));
    let at = At::Set(nth);
    let value = Item { at: at.clone(), value: Value::Text(value.to_owned()) };
    value.check_letters()?;
    let first = keys[0];
    let known = |names: &[String], name: &str| names.iter().any(|known| known == name);
    let whole: Vec<&str> = match first {
        "node" | "link" => {
            let names = if first == "node" { &nodes } else { &links };
            let name = keys.get(1).copied().unwrap_or_default();
            if !known(names, name) {
                let what = format!("there is no {first} \"{name}\"");
                return Err(Mistake::new(&at, suggest(&what, name, names)));
            }
            keys
        }
        _ if TOP.contains(&first) => keys,
        _ if known(&nodes, first) => [&["node"], &keys[..]].concat(),
        _ if known(&links, first) => [&["link"], &keys[..]].concat(),
        _ => {
            let what = format!("there is no \"{first}\" in this lab");
            let known = nodes.iter().chain(&links).map(String::as_str).chain(TOP.iter().copied());
            return Err(Mistake::new(&at, suggest(&what, first, known)));
        }
    };
    table.set(&whole, nth, value.value)
}

/// What is said at the first node or link that is too many.
fn too_large((key, _): &(super::tree::Key, Item)) -> Result<(), Mistake> {
    let what = format!("this is too large: a lab has {MOST} nodes and {MOST} links at most");
    Err(Mistake::new(&key.at, what))
}

/// `log`: how much is told.
fn detail(word: &str) -> Option<Detail> {
    match word {
        "all" => Some(Detail::All),
        "brief" => Some(Detail::Brief),
        _ => None,
    }
}

/// `show`: a host, or `[show]` with `host`, `from` and `events`.
fn show(fields: &mut Fields<'_>, known: &Known<'_>) -> Result<Option<Show>, Mistake> {
    let nodes = known.nodes;
    let Some(mut item) = fields.item("show") else { return Ok(None) };
    let (mut from, mut events) = (None, Vec::new());
    if let Value::Table(_) = item.value {
        let whole = item;
        let mut fields = Fields::of("[show]", whole)?;
        item = fields.item("host").ok_or_else(|| whole.wrong("[show] must have \"host\""))?;
        from = fields.read("from", words::TIME, words::moment)?;
        let queries = fields.item("events").map(Item::list).unwrap_or_default();
        events = queries.iter().map(|item| known.query(item)).collect::<Result<_, _>>()?;
        fields.done()?;
    }
    let name = item.word().unwrap_or_default();
    let hosts = nodes.iter().filter(|node| node.kind.is_host()).map(|node| &node.name);
    match nodes.iter().position(|node| node.name == name && node.kind.is_host()) {
        Some(host) => Ok(Some(Show { host, from: from.unwrap_or(Instant::ZERO), events })),
        None => Err(item.wrong(suggest(&format!("there is no host \"{name}\""), &name, hosts))),
    }
}

/// All of `[[question]]`.
fn questions(fields: &mut Fields<'_>) -> Result<Vec<Question>, Mistake> {
    tables("question", fields.item("question"))?.iter().map(Question::read).collect()
}

/// `next`: commands.
fn next(fields: &mut Fields<'_>) -> Result<Vec<String>, Mistake> {
    let commands = fields.item("next").map(Item::list).unwrap_or_default();
    let commands = commands.iter().map(|item| {
        item.word().ok_or_else(|| item.wrong("next must be commands: expected [\"ladder\"]"))
    });
    commands.collect()
}

/// The tables below `[node.…]` or `[link.…]`.
fn named<'a>(
    what: &str,
    item: Option<&'a Item>,
) -> Result<&'a [(super::tree::Key, Item)], Mistake> {
    match item {
        None => Ok(&[]),
        Some(Item { value: Value::Table(table), .. }) => Ok(&table.0),
        Some(item) => Err(item.wrong(format!("{what} must be a table: expected [{what}.NAME]"))),
    }
}

/// The tables of `[[program]]` and its like.
pub(super) fn tables<'a>(what: &str, item: Option<&'a Item>) -> Result<&'a [Item], Mistake> {
    match item {
        None => Ok(&[]),
        Some(Item { value: Value::List(items), .. }) => Ok(items),
        Some(item) => Err(item.wrong(format!("{what} must be a list: expected [[{what}]]"))),
    }
}

impl Question {
    fn read(item: &Item) -> Result<Question, Mistake> {
        let mut fields = Fields::of("[[question]]", item)?;
        let mut text = |key| {
            let text = fields.text(key)?.map(|text| text.trim().to_owned());
            Ok(text.unwrap_or_default())
        };
        let (ask, answer, hint) = (text("ask")?, text("answer")?, text("hint")?);
        fields.done()?;
        match (ask.is_empty(), answer.is_empty()) {
            (false, false) => Ok(Question { ask, answer, hint }),
            _ => Err(item.wrong("a question must have \"ask\" and \"answer\"")),
        }
    }
}
