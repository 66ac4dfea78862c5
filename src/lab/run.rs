//! A lab, run.

use super::check::{Evidence, Trace, Watch};
use super::{Lab, Report, Verdict};
use crate::base::{EventId, Frame, Instant, Medium};
use crate::observe::log::Log;
use crate::sim::{Bounds, Counts, End, Net, NodeId, Port, Seen, Way};
use std::collections::BTreeMap;
use std::fmt;

/// How to run a lab.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Keeps no log: then checks are not judged.
    pub blind: bool,
    /// What the run may use.
    pub bounds: Bounds,
    /// The packet of this event is lost ([`Net::doom`]).
    pub doomed: Option<EventId>,
    /// Nothing happens to the packet of this event ([`Net::spare`]).
    pub spared: Option<EventId>,
}

/// What came of a lab.
pub struct Run {
    /// The lab.
    pub lab: Lab,
    /// How it was run.
    pub options: Options,
    /// What happened; `None` for a blind run.
    pub log: Option<Log>,
    /// The trace hash: equal runs have equal ones.
    pub hash: u64,
    /// How it ended.
    pub end: End,
    /// At what time.
    pub ended: Instant,
    /// How much has happened.
    pub counts: Counts,
    /// The bound that has stopped it, in words.
    pub stopped: Option<String>,
    /// What came of the checks, in their order.
    pub verdicts: Vec<Verdict>,
    /// What came of the programs, in their order.
    pub reports: Vec<Report>,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passed = self.verdicts.iter().filter(|verdict| verdict.passed()).count();
        let checks = self.verdicts.len();
        write!(f, "Run({}, {passed} of {checks} checks, {:016x})", self.lab.title, self.hash)
    }
}

/// Up to where a run is lived again.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Until {
    /// Everything that happens at that time is over.
    Time(Instant),
    /// The log has that event. What happens in the same turn has happened, too.
    Event(EventId),
}

/// A network that is built, with its programs started.
struct Stage {
    net: Net,
    ids: Vec<NodeId>,
    reports: super::launch::Reports,
}

impl Stage {
    fn set(lab: &Lab, options: &Options) -> Stage {
        let (mut net, ids) = lab.net();
        let events = lab.events.unwrap_or(options.bounds.events).min(options.bounds.events);
        let at_once = lab.at_once.unwrap_or(options.bounds.at_once);
        net.set_bounds(Bounds { events, at_once, ..options.bounds });
        if !options.blind {
            net.keep_log_of(lab.log);
        }
        options.doomed.into_iter().for_each(|origin| net.doom(origin));
        options.spared.into_iter().for_each(|origin| net.spare(origin));
        let reports = lab.launch(&net, &ids, None);
        Stage { net, ids, reports }
    }
}

/// Runs a lab: until nothing happens any more, its time is over, or a bound is hit.
pub fn run(lab: &Lab, options: &Options) -> Run {
    let Stage { mut net, ids, reports } = Stage::set(lab, options);
    let ports = lab.checks.iter().flat_map(super::Check::ports).collect();
    let watch = (!options.blind).then(|| Watch::on(&mut net, &ids, &ports));
    let end = net.run(Instant::ZERO + lab.duration);
    let reports = reports.take();
    for report in &reports {
        net.result(report.said.join("\n").as_bytes());
    }
    let trace = watch.map_or_else(Trace::default, Watch::end);
    let log = net.take_log();
    let verdicts = log.as_ref().map_or_else(Vec::new, |log| {
        let evidence = Evidence { log, trace: &trace, reports: &reports };
        lab.checks.iter().map(|check| check.judge(&evidence)).collect()
    });
    let stopped = match &end {
        End::Bound(bound) => Some(net.words(*bound)),
        _ => None,
    };
    Run {
        lab: lab.clone(),
        options: *options,
        log,
        hash: net.hash(),
        end,
        ended: net.now(),
        counts: net.counts(),
        stopped,
        verdicts,
        reports,
    }
}

impl Run {
    /// Whether every check has passed, and no program panicked.
    pub fn passed(&self) -> bool {
        !matches!(self.end, End::Failed(_)) && self.verdicts.iter().all(Verdict::passed)
    }

    /// The log, a line for each entry.
    pub fn lines(&self) -> Vec<String> {
        let Some(log) = &self.log else { return Vec::new() };
        super::check::lines(log, &log.entries().iter().collect::<Vec<_>>())
    }

    /// The network as it was at a moment of the run: it is lived again up to there.
    pub fn until(&self, until: Until) -> Net {
        run_until(&self.lab, &self.options, Some(until))
    }
}

/// A frame at a port: when, which way, and what it was.
pub type Passed = (Instant, Way, Frame);

/// Runs a lab with a tap at every port: the frames that passed each, and what they start with. The
/// log is kept, and thrown away, so that the run ends where [`run`] ends it.
pub fn frames(lab: &Lab, options: &Options) -> Vec<(Port, Medium, Vec<Passed>)> {
    let mut seen: BTreeMap<Port, (Medium, Vec<Passed>)> = BTreeMap::new();
    let Stage { mut net, .. } = Stage::set(lab, options);
    let (told, tap) = std::sync::mpsc::channel();
    net.tap(
        None,
        Box::new(move |it: &Seen<'_>| {
            // Who does not listen any more has what it wants.
            let _ = told.send((it.port, it.medium, (it.at, it.way, it.frame.clone())));
        }),
    );
    net.run(Instant::ZERO + lab.duration);
    drop(net);
    for (port, medium, passed) in tap {
        seen.entry(port).or_insert((medium, Vec::new())).1.push(passed);
    }
    seen.into_iter().map(|(port, (medium, all))| (port, medium, all)).collect()
}

/// The network as it is at a moment of a lab's run, or at its end.
pub fn run_until(lab: &Lab, options: &Options, until: Option<Until>) -> Net {
    let options = Options { blind: false, ..*options };
    let Stage { mut net, .. } = Stage::set(lab, &options);
    let end = Instant::ZERO + lab.duration;
    match until {
        None => net.run(end),
        Some(Until::Time(at)) => net.run(at.min(end)),
        Some(Until::Event(id)) => net.run_while(end, |net| {
            let entries = net.log().map_or(0, |log| log.entries().len());
            (entries as u64) < id.0
        }),
    };
    net
}
