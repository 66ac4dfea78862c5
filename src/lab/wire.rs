//! `[link.NAME]`: which two ports a link joins, and what it does to packets.

use super::Mistake;
use super::node::{self, Node};
use super::tree::{At, Fields, Item, Key, Value, suggest};
use crate::impair::{Impairment, Impairments};
use crate::sim;

/// A link of the network.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// The nodes it joins.
    pub ends: [usize; 2],
    /// What it does, in words: from its first end to the second, and back.
    pub words: String,
    pub(super) at: At,
    /// The ports, by end, when they are written.
    pub(super) ports: [Option<u16>; 2],
    pub(super) places: [At; 2],
    pub(super) rules: sim::Wire,
    pub(super) mtu: Option<(u16, At)>,
}

/// Puts one clause of `from` in the place of `to`'s.
pub(super) type Take = fn(&mut Impairment, Impairment);

/// Clauses that a link can have as keys of their own, which count for both directions and win
/// over `with`: so one can be changed from outside.
pub(super) const CLAUSES: &[(&str, Take)] = &[
    ("delay", |to, from| to.delay = from.delay),
    ("loss", |to, from| to.loss = from.loss),
    ("duplicate", |to, from| to.duplicate = from.duplicate),
    ("corrupt", |to, from| to.corrupt = from.corrupt),
    ("reorder", |to, from| to.reorder = from.reorder),
    ("rate", |to, from| (to.rate, to.overhead) = (from.rate, from.overhead)),
    ("limit", |to, from| to.limit = from.limit),
    ("queue", |to, from| (to.queue, to.limit) = (from.queue, from.limit)),
    ("codel", |to, from| (to.queue, to.limit) = (from.queue, from.limit)),
    ("drop", |to, from| to.faults.extend(from.faults)),
    ("partition", |to, from| to.partitions.extend(from.partitions)),
];

impl Link {
    pub(super) fn read(key: &Key, item: &Item, nodes: &[Node]) -> Result<Link, Mistake> {
        let name = node::name(key, "link")?;
        if nodes.iter().any(|node| node.name == name) {
            let what = format!("\"{name}\" is a node: expected another name for the link");
            return Err(Mistake::new(&key.at, what));
        }
        let mut fields = Fields::of(format!("[link.{name}]"), item)?;
        let between =
            "between must name two ends: expected [\"a\", \"b\"] or [\"a:eth1\", \"b:0\"]";
        let ends = match fields.item("between") {
            Some(Item { value: Value::List(ends), .. }) if ends.len() == 2 => ends,
            Some(item) => return Err(item.wrong(between)),
            None => return Err(Mistake::new(&key.at, format!("[link.{name}] {between}"))),
        };
        let [(a, a_port), (b, b_port)] = [end(&ends[0], nodes)?, end(&ends[1], nodes)?];
        if a == b {
            let what = format!("the link {name} joins {} with itself", nodes[a].name);
            return Err(Mistake::new(&ends[1].at, what));
        }
        let words = fields.text("with")?.unwrap_or_default().to_owned();
        let mut rules = match fields.item("with") {
            Some(item) => sim::Wire::from_words(&words)
                .map_err(|error| item.wrong(format!("with \"{words}\": {error}")))?,
            None => sim::Wire::default(),
        };
        let mut told = vec![words];
        for (clause, take) in CLAUSES {
            let Some(item) = fields.item(clause) else { continue };
            told.push(change(&mut rules, clause, item, *take)?);
        }
        let in_range = |word: &str| word.parse().ok().filter(|mtu| *mtu >= 68);
        let mtu = fields.read("mtu", "a number of bytes from 68 to 65535", in_range)?;
        let mtu = mtu.zip(fields.item("mtu").map(|item| item.at.clone()));
        fields.done()?;
        told.retain(|words| !words.is_empty());
        Ok(Link {
            name,
            ends: [a, b],
            words: told.join(" "),
            at: key.at.clone(),
            ports: [a_port, b_port],
            places: [ends[0].at.clone(), ends[1].at.clone()],
            rules,
            mtu,
        })
    }
}

/// Replaces one clause in both directions; what it reads now.
fn change(rules: &mut sim::Wire, clause: &str, item: &Item, take: Take) -> Result<String, Mistake> {
    let word = item.word().unwrap_or_default();
    let text = format!("{clause} {word}").trim_end().to_owned();
    // Alone, reordering has nothing to overtake.
    let whole = if clause == "reorder" { format!("delay 1ms {text}") } else { text.clone() };
    let read: Impairments =
        whole.parse().map_err(|error| item.wrong(format!("{clause} = \"{word}\": {error}")))?;
    take(&mut rules.ways[0], read.outbound);
    take(&mut rules.ways[1], read.inbound);
    Ok(text)
}

/// `a`, `a:eth1` or `s:3`: which node, and which of its ports if that is said.
fn end(item: &Item, nodes: &[Node]) -> Result<(usize, Option<u16>), Mistake> {
    let Value::Text(text) = &item.value else {
        return Err(item.wrong("an end must be a node's name: expected \"a\" or \"a:eth1\""));
    };
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (text.as_str(), None),
    };
    let Some(node) = nodes.iter().position(|node| node.name == name) else {
        let what = format!("there is no node \"{name}\"");
        return Err(item.wrong(suggest(&what, name, nodes.iter().map(|node| node.name.as_str()))));
    };
    let Some(port) = port else { return Ok((node, None)) };
    let most = nodes[node].ports.unwrap_or(4096);
    let number = port.strip_prefix("eth").unwrap_or(port).parse::<u16>().ok();
    match number.filter(|number| *number < most) {
        Some(number) => Ok((node, Some(number))),
        None => {
            let last = most - 1;
            Err(item.wrong(format!(
                "{name} has no port \"{port}\": expected a number from 0 to {last}, or eth0 and so on"
            )))
        }
    }
}
