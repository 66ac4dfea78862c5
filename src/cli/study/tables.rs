//! `netglass mac` and `queues`: what switches know, and what waits in front of wires, at a moment.

use super::args::BoxArgs;
use super::past::Moment;
use super::source::Source;
use crate::cli::{Failure, Outcome, talk};
use crate::sim::Net;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::process::ExitCode;

/// The network that the arguments mean, as it was.
fn net(args: &BoxArgs) -> Result<Box<Net>, Failure> {
    let source = Source::find(args.past.run.run.as_deref())?;
    match source.at(args.past.at)? {
        Moment::Net(net) => Ok(net),
        Moment::Host(_) => Err(Failure::usage("a recording is of one host: it has no such thing")),
    }
}

/// Rows of one table: objects with the columns' names as keys.
fn show(args: &BoxArgs, head: &[(&str, usize)], rows: Vec<Value>) -> Outcome {
    if args.json {
        talk::say(&Value::from(rows).to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    let mut line = |cell: &dyn Fn(&str) -> String| {
        let cells = head.iter().map(|(name, width)| format!("{:<width$}", cell(name)));
        let cells: Vec<_> = cells.collect();
        let _infallible = writeln!(text, "{}", cells.join(" ").trim_end());
    };
    line(&|name| name.to_owned());
    for row in &rows {
        line(&|name| match &row[name] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
    }
    talk::say(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// `netglass mac`.
pub(in crate::cli) fn mac(args: &BoxArgs) -> Outcome {
    let net = net(args)?;
    let now = net.now();
    let wanted = |name: &str| args.past.host.as_deref().is_none_or(|host| host == name);
    let switches = net.nodes().filter(|(_, name, _)| wanted(name));
    let rows = switches.filter_map(|(id, name, _)| Some((name, net.bridge(id)?)));
    let rows = rows.flat_map(|(name, bridge)| {
        bridge.table(now).map(move |station| {
            json!({
                "switch": name, "vlan": station.vlan, "mac": station.mac.to_string(),
                "port": station.port, "age_ms": station.age.as_millis() as u64,
                "type": if station.is_static { "static" } else { "dynamic" },
            })
        })
    });
    let head = [("switch", 12), ("vlan", 5), ("mac", 18), ("type", 8), ("port", 5), ("age_ms", 10)];
    show(args, &head, rows.collect())
}

/// `netglass queues`.
pub(in crate::cli) fn queues(args: &BoxArgs) -> Outcome {
    let net = net(args)?;
    let rows = net.queues().map(|queue| {
        json!({
            "link": queue.wire, "from": queue.from, "to": queue.to,
            "where": if queue.is_queue { "in queue" } else { "under way" },
            "packets": queue.packets, "bytes": queue.bytes,
            "sent": queue.counters.passed, "dropped": queue.dropped(),
            "marked": queue.counters.marked,
        })
    });
    let head = [
        ("link", 12),
        ("from", 10),
        ("to", 10),
        ("packets", 8),
        ("where", 10),
        ("bytes", 9),
        ("sent", 9),
        ("dropped", 8),
        ("marked", 7),
    ];
    show(args, &head, rows.collect())
}
