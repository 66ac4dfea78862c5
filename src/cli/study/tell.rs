//! `netglass explain`, `blame`, `whatif`, `diff`, and the views of whole runs.

use super::args::{
    ConnArgs, DiffArgs, EditArgs, EventArgs, FormArgs, LadderArgs, ObserverArgs, PickArgs,
    TcpdumpArgs, WhatIfArgs,
};
use super::json;
use super::source::{Edit, Source, known};
use crate::base::{ConnId, EventId};
use crate::cli::{Failure, Outcome, talk};
use crate::observe::log::{Kind, Log, PlaceId};
use crate::observe::view::run::{self, Key, Limits, Named, Page, Pick, RunName};
use crate::observe::view::{Ladder, Options};
use serde_json::Value;
use std::process::ExitCode;

/// Connections that are told of when not all are wanted.
const SHOWN: usize = 2;

pub(super) fn page(run: RunName, all: bool) -> Page {
    let Options { style, width, .. } = talk::view(all);
    Page { run, all, style, width }
}

/// What tells about an event, as a page and as JSON.
type Teller = (fn(&Log, EventId, &Page) -> Option<String>, fn(&Log, EventId) -> Option<Value>);

fn about(args: &EventArgs, (text, value): Teller) -> Outcome {
    let given = args.run.run.as_deref();
    let source = Source::find(given)?;
    let log = source.log()?;
    known(&log, args.id)?;
    let told = match args.form.json {
        true => value(&log, args.id).map(|value| value.to_string()),
        false => text(&log, args.id, &page(Source::name(given), args.form.all)),
    };
    source.remember();
    said(&told.unwrap_or_default())
}

fn said(text: &str) -> Outcome {
    talk::say(text)?;
    Ok(ExitCode::SUCCESS)
}

/// `netglass explain`.
pub(in crate::cli) fn explain(args: &EventArgs) -> Outcome {
    about(args, (run::explain, json::explained))
}

/// `netglass blame`.
pub(in crate::cli) fn blame(args: &EventArgs) -> Outcome {
    about(args, (run::blame, json::blamed))
}

/// Two runs side by side.
fn compare(one: Named<'_>, other: Named<'_>, form: &FormArgs, run: RunName) -> Outcome {
    match form.json {
        true => said(&json::compared(one, other).to_string()),
        false => said(&run::diff(one, other, &page(run, form.all))),
    }
}

/// `netglass whatif`.
pub(in crate::cli) fn whatif(args: &WhatIfArgs) -> Outcome {
    let given = args.which.given();
    let source = Source::find(given)?;
    let before = source.log()?;
    let EditArgs { drop, keep, set } = &args.edit;
    let edits = [drop.map(Edit::Drop), keep.map(Edit::Keep)].into_iter().flatten();
    let after = source.changed(&edits.collect::<Vec<_>>(), set)?;
    source.remember();
    let (one, two) =
        (Named { name: "as it was", log: &before }, Named { name: "what if", log: &after });
    let outcome = compare(one, two, &args.form, Source::name(given))?;
    if source.is_recording() && !args.form.json {
        talk::say("the peers of a recorded host are not there to react: they do what they did")?;
    }
    Ok(outcome)
}

/// `netglass diff`.
pub(in crate::cli) fn diff(args: &DiffArgs) -> Outcome {
    let log = |name: &String| Source::find(Some(name))?.log();
    let (one, other) = (log(&args.one)?, log(&args.other)?);
    let named = |name, log| Named { name, log };
    let run = RunName::new(args.one.as_str());
    compare(named(&args.one, &one), named(&args.other, &other), &args.form, run)
}

/// A run that is looked at.
struct Seen {
    log: Log,
    run: RunName,
}

/// What a brief log has nothing to say of.
pub(super) const BRIEF: &str = "the log of this run is brief: it leaves out what happens to every packet \
                     (`--set log=all` keeps it, in a run of a few seconds)";

impl Seen {
    fn find(given: Option<&str>) -> Result<Seen, Failure> {
        let source = Source::find(given)?;
        let log = source.log()?;
        source.remember();
        Ok(Seen { log, run: Source::name(given) })
    }

    /// As [`Seen::find`], with a word where only some of the packets are there to be shown.
    fn packets(given: Option<&str>) -> Result<Seen, Failure> {
        let seen = Seen::find(given)?;
        if seen.log.is_brief() {
            log::warn!("{BRIEF}");
        }
        Ok(seen)
    }

    /// As [`Seen::find`], for what would be wrong if it were told by some of the packets.
    fn all_packets(given: Option<&str>) -> Result<Seen, Failure> {
        let seen = Seen::find(given)?;
        match seen.log.is_brief() {
            true => Err(Failure::usage(BRIEF)),
            false => Ok(seen),
        }
    }

    fn page(&self, all: bool) -> Page {
        page(self.run.clone(), all)
    }

    fn place(&self, name: &str) -> Result<PlaceId, Failure> {
        self.log.place(name).ok_or_else(|| {
            let names: Vec<_> = self.log.places().iter().map(|place| place.name.as_str()).collect();
            Failure::usage(format_args!("there is no \"{name}\" among {}", names.join(", ")))
        })
    }

    fn places(&self, names: &[String]) -> Result<Vec<PlaceId>, Failure> {
        names.iter().map(|name| self.place(name)).collect()
    }

    fn hosts(&self) -> Vec<PlaceId> {
        let places = self.log.places().iter().enumerate();
        let hosts = places.filter(|(_, place)| place.kind == Kind::Host);
        hosts.map(|(n, _)| PlaceId(n as u16)).collect()
    }

    /// The one connection that is meant, if only one is.
    fn conn(&self, args: &PickArgs) -> Result<Option<Key>, Failure> {
        let (Some(wanted), Some(name)) = (args.conn, args.host.first()) else { return Ok(None) };
        let place = self.place(name)?;
        let is_its = |id: &ConnId| id.0 >> 32 == wanted;
        let of_host = self.log.entries().iter().filter(|entry| entry.place == place);
        let conn = of_host.filter_map(|entry| entry.conn).find(is_its);
        let none = || Failure::usage(format_args!("{name} has no connection {wanted}"));
        Ok(Some((place, conn.ok_or_else(none)?)))
    }

    /// What held back the senders that are meant; never none.
    fn held_back(&self, args: &PickArgs) -> Result<Vec<Limits>, Failure> {
        let hosts = self.places(&args.host)?;
        let mut all = run::held_back(&self.log, self.conn(args)?);
        all.retain(|limits| hosts.is_empty() || hosts.contains(&limits.conn.0));
        if all.is_empty() {
            let what = match args.host.as_slice() {
                [] => "there is no TCP connection in this run".to_owned(),
                hosts => format!("{} has no TCP connection in this run", hosts.join(", ")),
            };
            return Err(Failure::usage(what));
        }
        Ok(all)
    }
}

/// `netglass ladder`.
pub(in crate::cli) fn ladder(args: &LadderArgs) -> Outcome {
    let seen = Seen::packets(args.pick.which.given())?;
    let (log, conn) = (&seen.log, seen.conn(&args.pick)?);
    let hosts = seen.places(&args.pick.host)?;
    if let [_] = log.places() {
        if args.only.is_some() {
            return Err(Failure::usage("--only is for labs: this is a recording of one host"));
        }
        // A recording is of one host: its peers are known by what came from them.
        let conn = conn.map(|(_, conn)| conn);
        let mut ladder = Ladder::new(Options { conn, absolute: true, ..talk::view(args.all) });
        log.records(PlaceId(0)).for_each(|record| ladder.record(&record));
        return said(&ladder.render());
    }
    let hosts = if conn.is_some() { Vec::new() } else { hosts };
    let pick = Pick { conn, hosts, protocol: args.only };
    said(&run::ladder(log, &pick, talk::view(args.all).width, &seen.page(args.all)))
}

/// `netglass tcpdump`.
pub(in crate::cli) fn tcpdump(args: &TcpdumpArgs) -> Outcome {
    let seen = Seen::packets(args.which.given())?;
    let at = match &args.host {
        Some(name) => seen.place(name)?,
        None => seen.hosts().first().copied().unwrap_or_default(),
    };
    said(&run::tcpdump(&seen.log, at, args.why, &seen.page(args.all)))
}

/// `netglass observer`.
pub(in crate::cli) fn observer(args: &ObserverArgs) -> Outcome {
    let seen = Seen::all_packets(args.which.given())?;
    let places = match args.host.as_slice() {
        [] => seen.hosts(),
        names => seen.places(names)?,
    };
    if args.form.json {
        return said(&json::observed(&seen.log, &places).to_string());
    }
    said(&run::observer(&seen.log, &places, &seen.page(args.form.all)))
}

/// `netglass limits`.
pub(in crate::cli) fn limits(args: &ConnArgs) -> Outcome {
    let seen = Seen::find(args.pick.which.given())?;
    let page = seen.page(args.form.all);
    if args.pick.host.is_empty() && !args.form.json {
        return said(&run::limits(&seen.log, None, &page));
    }
    let all = seen.held_back(&args.pick)?;
    if args.form.json {
        return said(&json::limits(&seen.log, &all).to_string());
    }
    let most = if args.form.all { all.len() } else { SHOWN.min(all.len()) };
    for limits in &all[..most] {
        talk::say(&run::limits(&seen.log, Some(limits.conn), &page))?;
    }
    match all.len() - most {
        0 => Ok(ExitCode::SUCCESS),
        more => said(&format!("{more} more connections: --all, or one of them by --conn")),
    }
}

/// `netglass bytes`.
pub(in crate::cli) fn bytes(args: &ConnArgs) -> Outcome {
    let seen = Seen::all_packets(args.pick.which.given())?;
    let all = seen.held_back(&args.pick)?;
    let of_conn = |limits: &Limits| {
        let lives = run::lives(&seen.log, limits.conn, 0..u32::MAX)?;
        (!lives.is_empty()).then_some((limits.conn, lives))
    };
    let nothing = || Failure::usage("nothing was sent there");
    let (conn, lives) = all.iter().find_map(of_conn).ok_or_else(nothing)?;
    if args.form.json {
        return said(&json::bytes(&seen.log, conn, &lives).to_string());
    }
    let text = run::bytes(&seen.log, conn, 0..u32::MAX, &seen.page(args.form.all));
    said(&text.ok_or_else(nothing)?)
}
