//! `netglass explain`, `blame`, `whatif` and `diff`.

use super::args::{DiffArgs, EditArgs, EventArgs, ViewArgs, WhatIfArgs};
use super::source::{Edit, Source};
use crate::base::{ConnId, EventId};
use crate::cli::{Failure, Outcome, talk};
use crate::observe::log::{Kind, Log, PlaceId};
use crate::observe::view::run::{self, Key, Named, Page, Pick, RunName};
use crate::observe::view::{Ladder, Options};
use std::process::ExitCode;

pub(super) fn page(run: RunName, all: bool) -> Page {
    let Options { style, width, .. } = talk::view(all);
    Page { run, all, style, width }
}

fn about(args: &EventArgs, tell: fn(&Log, EventId, &Page) -> Option<String>) -> Outcome {
    let given = args.run.run.as_deref();
    let source = Source::find(given)?;
    let log = source.log()?;
    let text = tell(&log, args.id, &page(Source::name(given), args.all)).ok_or_else(|| {
        let last = log.entries().len();
        Failure::usage(format_args!("the run has no event #{}: its last is #{last}", args.id))
    })?;
    source.remember();
    talk::say(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// `netglass explain`.
pub(in crate::cli) fn explain(args: &EventArgs) -> Outcome {
    about(args, run::explain)
}

/// `netglass blame`.
pub(in crate::cli) fn blame(args: &EventArgs) -> Outcome {
    about(args, run::blame)
}

/// `netglass whatif`.
pub(in crate::cli) fn whatif(args: &WhatIfArgs) -> Outcome {
    let given = args.run.as_deref();
    let source = Source::find(given)?;
    let before = source.log()?;
    let EditArgs { drop, keep, set } = &args.edit;
    let edits = [drop.map(Edit::Drop), keep.map(Edit::Keep)].into_iter().flatten();
    let after = source.changed(&edits.collect::<Vec<_>>(), set)?;
    source.remember();
    let (one, two) =
        (Named { name: "as it was", log: &before }, Named { name: "what if", log: &after });
    talk::say(&run::diff(one, two, &page(Source::name(given), args.all)))?;
    if source.is_recording() {
        talk::say("the peers of a recorded host are not there to react: they do what they did")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `netglass diff`.
pub(in crate::cli) fn diff(args: &DiffArgs) -> Outcome {
    let log = |name: &String| Source::find(Some(name))?.log();
    let (one, other) = (log(&args.one)?, log(&args.other)?);
    let named = |name, log| Named { name, log };
    let page = page(RunName::new(args.one.as_str()), args.all);
    talk::say(&run::diff(named(&args.one, &one), named(&args.other, &other), &page))?;
    Ok(ExitCode::SUCCESS)
}

/// A run, and what of it is to be seen.
struct Seen {
    log: Log,
    places: Vec<PlaceId>,
    conn: Option<Key>,
    page: Page,
}

fn seen(args: &ViewArgs) -> Result<Seen, Failure> {
    let given = args.run.as_deref();
    let source = Source::find(given)?;
    let log = source.log()?;
    source.remember();
    let place = |name: &String| {
        log.place(name).ok_or_else(|| {
            let names: Vec<_> = log.places().iter().map(|place| place.name.as_str()).collect();
            Failure::usage(format_args!("there is no \"{name}\" among {}", names.join(", ")))
        })
    };
    let places = args.host.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    let is_its = |id: ConnId, wanted: u64| id.0 >> 32 == wanted;
    let conn = args.conn.zip(places.first()).map(|(wanted, place)| {
        let of_host = log.entries().iter().filter(|entry| entry.place == *place);
        let conn = of_host.filter_map(|entry| entry.conn).find(|id| is_its(*id, wanted));
        conn.map(|conn| (*place, conn)).ok_or_else(|| {
            Failure::usage(format_args!("{} has no connection {wanted}", args.host[0]))
        })
    });
    let conn = conn.transpose()?;
    Ok(Seen { log, places, conn, page: page(Source::name(given), args.all) })
}

/// `netglass ladder`.
pub(in crate::cli) fn ladder(args: &ViewArgs) -> Outcome {
    let Seen { log, places, conn, page } = seen(args)?;
    if let [_] = log.places() {
        // A recording is of one host: its peers are known by what came from them.
        let conn = conn.map(|(_, conn)| conn);
        let mut ladder = Ladder::new(Options { conn, absolute: true, ..talk::view(args.all) });
        log.records(PlaceId(0)).for_each(|record| ladder.record(&record));
        talk::say(&ladder.render())?;
        return Ok(ExitCode::SUCCESS);
    }
    let hosts = if conn.is_some() { Vec::new() } else { places };
    let pick = Pick { conn, hosts, protocol: args.only };
    talk::say(&run::ladder(&log, &pick, talk::view(args.all).width, &page))?;
    Ok(ExitCode::SUCCESS)
}

/// `netglass tcpdump`.
pub(in crate::cli) fn tcpdump(args: &ViewArgs) -> Outcome {
    let Seen { log, places, page, .. } = seen(args)?;
    let first = log.places().iter().position(|place| place.kind == Kind::Host).unwrap_or_default();
    let at = places.first().copied().unwrap_or(PlaceId(first as u16));
    talk::say(&run::tcpdump(&log, at, args.why, &page))?;
    Ok(ExitCode::SUCCESS)
}

/// `netglass observer`.
pub(in crate::cli) fn observer(args: &ViewArgs) -> Outcome {
    let Seen { log, places, page, .. } = seen(args)?;
    let hosts = log.places().iter().enumerate().filter(|(_, place)| place.kind == Kind::Host);
    let all: Vec<_> = hosts.map(|(n, _)| PlaceId(n as u16)).collect();
    for at in if places.is_empty() { &all } else { &places } {
        talk::say(&run::observer(&log, *at, &page))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `netglass limits`.
pub(in crate::cli) fn limits(args: &ViewArgs) -> Outcome {
    let Seen { log, conn, page, .. } = seen(args)?;
    talk::say(&run::limits(&log, conn, &page))?;
    Ok(ExitCode::SUCCESS)
}

/// `netglass bytes`.
pub(in crate::cli) fn bytes(args: &ViewArgs) -> Outcome {
    let Seen { log, conn, page, .. } = seen(args)?;
    let first = || run::held_back(&log, None).first().map(|limits| limits.conn);
    let conn = conn.or_else(first).ok_or_else(|| Failure::usage("the run has no connection"))?;
    let text = run::bytes(&log, conn, 0..u32::MAX, &page);
    talk::say(&text.ok_or_else(|| Failure::usage("the connection has sent nothing"))?)?;
    Ok(ExitCode::SUCCESS)
}
