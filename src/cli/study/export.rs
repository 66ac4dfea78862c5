//! `netglass export`: a run in the formats of other programs.

use super::args::{ExportArgs, Format};
use super::past;
use super::source::Source;
use crate::base::IfaceId;
use crate::cli::scripts::{self, Script};
use crate::cli::{Failure, Outcome, talk};
use crate::lab::{self, Options};
use crate::observe::export::capture::{self, Point, Seen};
use crate::observe::export::{Conn, Index, csv, plots, qlog, queues, qvis, xpl};
use crate::observe::log::{Kind, Log};
use crate::observe::pcapng::Direction;
use crate::observe::relive::{Passed, Until, relive_watched};
use crate::sim::Way;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

/// What is written, one file after another.
struct Files<'a> {
    dir: &'a Path,
    names: Vec<String>,
}

impl Files<'_> {
    /// Writes a file; what is no letter in its name becomes a dash.
    fn add(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let good = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '-' };
        let name: String = name.chars().map(good).collect();
        let path = self.dir.join(&name);
        let written = File::create(&path).and_then(|file| {
            let mut out = BufWriter::new(file);
            write(&mut out)?;
            out.flush()
        });
        let failed = |error| Failure::failed(format_args!("{}: {error}", path.display()));
        written.map_err(failed)?;
        self.names.push(name);
        Ok(())
    }
}

/// `netglass export`.
pub(in crate::cli) fn export(args: &ExportArgs) -> Outcome {
    let source = Source::find(args.which.given())?;
    let log = source.log()?;
    source.remember();
    if log.is_brief() {
        log::warn!("{}", super::tell::BRIEF);
    }
    let (index, title) = (Index::new(&log), source.title());
    let failed = |error| Failure::failed(format_args!("{}: {error}", args.out.display()));
    fs::create_dir_all(&args.out).map_err(failed)?;
    let mut files = Files { dir: &args.out, names: Vec::new() };
    let wants = |format| args.format.is_empty() || args.format.contains(&format);
    if wants(Format::Qlog) {
        files.add("run.sqlog", |out| qlog::write(&index, qlog::Scope::Network, &title, out))?;
    }
    let mut failing = 0;
    for conn in chosen(args, &index)? {
        of_conn(&mut files, &index, conn, &title, &wants)?;
        if wants(Format::Pkt) {
            let setup = source.setup(log.name(conn.place))?;
            if let Some(Script { name, text, holds }) = scripts::of(&index, conn, &setup) {
                failing += usize::from(!holds);
                files.add(&name, |out| out.write_all(text.as_bytes()))?;
            }
        }
    }
    for way in queues::ways(&log) {
        let name = format!("queue-{}", way.name(&log).replace(", ", "-").replace(' ', "-"));
        if wants(Format::Csv) {
            files.add(&format!("{name}.csv"), |out| csv::queue(&index, way, out))?;
        }
        if wants(Format::Svg) {
            files.add(&format!("{name}.svg"), |out| plots::queue(&index, way, out))?;
        }
    }
    if wants(Format::Pcapng) || wants(Format::Pcap) {
        for (point, seen) in frames(&source, &log)? {
            let is_meant =
                args.host.is_empty() || args.host.iter().any(|h| h == log.name(point.place));
            if !is_meant || seen.is_empty() {
                continue;
            }
            if wants(Format::Pcapng) {
                let write =
                    |out: &mut BufWriter<File>| capture::pcapng(&index, &point, &title, &seen, out);
                files.add(&format!("{}.pcapng", point.name), write)?;
            }
            if wants(Format::Pcap) {
                files.add(&format!("{}.pcap", point.name), |out| {
                    capture::pcap(&point, &seen, out)
                })?;
            }
        }
    }
    let (count, dir) = (files.names.len(), args.out.display());
    if count == 0 {
        return Err(Failure::failed(format_args!("nothing of the run could be written to {dir}")));
    }
    talk::say(&format!("{count} files in {dir}: {}", listed(&files.names, " ")))?;
    if args.format.contains(&Format::Pkt) {
        scripts::verdict(failing)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The first names, and how many more.
fn listed(names: &[String], between: &str) -> String {
    const SHOWN: usize = 12;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(between);
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn chosen<'a>(args: &ExportArgs, index: &'a Index<'_>) -> Result<Vec<&'a Conn>, Failure> {
    let log = index.log();
    if let Some(unknown) = args.host.iter().find(|name| log.place(name).is_none()) {
        let names: Vec<_> = log.places().iter().map(|place| place.name.as_str()).collect();
        let names = names.join(", ");
        return Err(Failure::usage(format_args!("there is no \"{unknown}\" among {names}")));
    }
    let is_meant = |conn: &&Conn| {
        let hosts = &args.host;
        args.conn.is_none_or(|id| id.to_string() == conn.id.to_string())
            && (hosts.is_empty() || hosts.iter().any(|name| name == log.name(conn.place)))
    };
    let chosen: Vec<_> = index.conns().iter().filter(is_meant).collect();
    match args.conn.filter(|_| chosen.is_empty()) {
        None => Ok(chosen),
        Some(id) => {
            let name = |conn: &Conn| format!("{} of {}", conn.id, log.name(conn.place));
            let names: Vec<_> = index.conns().iter().map(name).collect();
            let names = listed(&names, ", ");
            let there = if names.is_empty() { "there is none" } else { "there are" };
            Err(Failure::usage(format_args!("there is no connection {id}: {there} {names}")))
        }
    }
}

fn of_conn(
    files: &mut Files<'_>,
    index: &Index<'_>,
    conn: &Conn,
    title: &str,
    wants: &impl Fn(Format) -> bool,
) -> Result<(), Failure> {
    let name = format!("{}-conn{}", index.log().name(conn.place), conn.id);
    if wants(Format::Csv) {
        files.add(&format!("{name}.csv"), |out| csv::conn(index, conn, out))?;
        files.add(&format!("{name}-segments.csv"), |out| csv::segments(index, conn, out))?;
    }
    if wants(Format::Svg) {
        files.add(&format!("{name}-sequence.svg"), |out| plots::time_sequence(index, conn, out))?;
        files.add(&format!("{name}-window.svg"), |out| plots::windows(index, conn, out))?;
        files.add(&format!("{name}-rtt.svg"), |out| plots::round_trips(index, conn, out))?;
    }
    if wants(Format::Xpl) {
        files.add(&format!("{name}.xpl"), |out| xpl::time_sequence(index, conn, out))?;
    }
    if wants(Format::Qvis) {
        files.add(&format!("{name}.qvis.qlog"), |out| qvis::write(index, conn, title, out))?;
    }
    Ok(())
}

/// The frames of a run at every port of its hosts and switches: it is lived again with taps there.
fn frames(source: &Source, log: &Log) -> Result<Vec<(Point, Vec<Seen>)>, Failure> {
    match source {
        Source::Lab { lab, .. } => Ok(lab::frames(lab, &Options::default())
            .into_iter()
            .map(|(port, medium, seen)| {
                let place = port.0.place();
                let kind = log.places().get(usize::from(place.0)).map(|place| place.kind);
                let what =
                    if matches!(kind, Some(Kind::Hub | Kind::Switch)) { "port" } else { "eth" };
                let name = format!("{}-{what}{}", log.name(place), port.1);
                let seen = seen.into_iter().map(|(at, way, frame)| {
                    let direction = if way == Way::In { Direction::In } else { Direction::Out };
                    Seen { at, direction, frame }
                });
                (Point { name, place, medium }, seen.collect())
            })
            .collect()),
        Source::Recording(path) => {
            let open = File::open(path).map_err(Failure::failed)?;
            let mut seen = Vec::new();
            let watch = |passed: Passed<'_>| {
                if passed.iface == IfaceId(0) {
                    let direction = if passed.out { Direction::Out } else { Direction::In };
                    seen.push(Seen { at: passed.at, direction, frame: passed.frame.clone() });
                }
            };
            let lived = relive_watched(open, "host", Until::End, past::Timed::new, watch);
            let lived = lived.map_err(|error| super::source::complaint(path, error))?;
            let place = log.place("host").unwrap_or_default();
            let medium = lived.host.medium();
            Ok(vec![(Point { name: "host".to_owned(), place, medium }, seen)])
        }
    }
}
