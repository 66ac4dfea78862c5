//! `[link.NAME]`: which two ports a link joins, and what it does to packets.

use super::Mistake;
use super::clauses::{self, CLAUSES};
use super::node::{self, Node};
use super::tree::{At, Fields, Item, Key, Value, suggest};
use crate::impair::{Impairments, ParseError};
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
        let mut words = fields.text("with")?.unwrap_or_default().to_owned();
        let mut rules = match fields.item("with") {
            Some(item) => sim::Wire::from_words(&words)
                .map_err(|error| item.wrong(format!("with \"{words}\": {error}")))?,
            None => sim::Wire::default(),
        };
        let mut last = None;
        for (clause, _) in CLAUSES {
            let Some(item) = fields.item(clause) else { continue };
            let value = item.word().unwrap_or_default();
            let told = format!("{clause} = \"{value}\"");
            alone(clause, &value).map_err(|error| item.wrong(format!("{told}: {error}")))?;
            words = clauses::replaced(&words, clause, &value);
            last = Some((item, told));
        }
        // What makes sense with something else only is known when all is there.
        if let Some((item, told)) = last {
            rules = sim::Wire::from_words(&words)
                .map_err(|error| item.wrong(format!("{told}: {error}")))?;
        }
        let in_range = |word: &str| word.parse().ok().filter(|mtu| *mtu >= 68);
        let mtu = fields.read("mtu", "a number of bytes from 68 to 65535", in_range)?;
        let mtu = mtu.zip(fields.item("mtu").map(|item| item.at.clone()));
        fields.done()?;
        Ok(Link {
            name,
            ends: [a, b],
            words,
            at: key.at.clone(),
            ports: [a_port, b_port],
            places: [ends[0].at.clone(), ends[1].at.clone()],
            rules,
            mtu,
        })
    }
}

/// Whether a clause can be read, with what it needs besides.
fn alone(clause: &str, value: &str) -> Result<(), ParseError> {
    let needed = match clause {
        "reorder" => "delay 1ms",
        "queue" | "codel" => "rate 1gbit",
        _ => "",
    };
    format!("{needed} {clause} {value}").parse::<Impairments>().map(|_| ())
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
