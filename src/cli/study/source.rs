//! Which run is looked at: a lab, run again, or a recording, lived again.

use super::past::{Moment, Timed};
use crate::base::{Duration, EventId, Instant};
use crate::cli::{Failure, files};
use crate::lab::{self, Lab, Options, Shipped, Until};
use crate::observe::log::{Event, Log};
use crate::observe::recording::{Item, Reader, ReplayError};
use crate::observe::relive::{self, Relived, relive, relive_without};
use crate::observe::view::run::RunName;
use crate::stack::Setup;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// How long a host is watched beyond the end of a recording that is lived otherwise.
const PATIENCE: Duration = Duration::from_secs(3);
/// What `lab run --out` writes beside all else: which run it was.
pub(in crate::cli) const RUN_FILE: &str = "run.json";

/// A run that can be lived again.
#[derive(Debug)]
pub(in crate::cli) enum Source {
    /// A lab with its settings.
    Lab {
        /// What it is called: a number or a file.
        name: String,
        /// The lab.
        lab: Box<Lab>,
    },
    /// A recorded session of one host.
    Recording(PathBuf),
}

/// One change of a run.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(in crate::cli) enum Edit {
    /// The packet of this event is lost.
    Drop(EventId),
    /// The packet of this event gets through.
    Keep(EventId),
}

impl Source {
    /// The run that `run` names, or the one that was looked at last.
    ///
    /// # Errors
    /// When there is none of that name, or it cannot be read.
    pub(in crate::cli) fn find(run: Option<&str>) -> Result<Source, Failure> {
        let Some(run) = run else { return Source::latest() };
        if let Some(shipped) = Shipped::find(run) {
            return Source::shipped(shipped, &[]);
        }
        let path = Path::new(run);
        if path.is_dir() {
            return Source::of_spec(&path.join(RUN_FILE));
        }
        if path.extension().is_some_and(|extension| extension == "toml") {
            return Source::file(path, &[]);
        }
        let file = File::open(path).map_err(|error| no_run(run, &error))?;
        match Reader::new(file) {
            Ok(_) => Ok(Source::Recording(path.to_owned())),
            Err(error) => Err(Failure::usage(format_args!("{run}: {error}"))),
        }
    }

    /// A lab that comes with the program.
    pub(in crate::cli) fn shipped(
        shipped: &Shipped,
        sets: &[(String, String)],
    ) -> Result<Source, Failure> {
        let lab = shipped.lab(sets).map_err(Failure::usage)?;
        Ok(Source::Lab { name: shipped.number.to_string(), lab: Box::new(lab) })
    }

    /// A lab from a file.
    pub(in crate::cli) fn file(path: &Path, sets: &[(String, String)]) -> Result<Source, Failure> {
        let name = path.display().to_string();
        let text = files::text(path).map_err(|error| no_run(&name, &error))?;
        let lab = Lab::with(&name, &text, sets).map_err(Failure::usage)?;
        Ok(Source::Lab { name, lab: Box::new(lab) })
    }

    fn latest() -> Result<Source, Failure> {
        let nothing = "no run was looked at yet: name one with --run, or start with \
                       `netglass lab run 1`";
        let path = memory().filter(|path| path.exists());
        Source::of_spec(&path.ok_or_else(|| Failure::usage(nothing))?)
    }

    /// The run that a file of ours describes.
    fn of_spec(path: &Path) -> Result<Source, Failure> {
        let complain = |what: &dyn std::fmt::Display| {
            Failure::usage(format_args!("{}: {what}", path.display()))
        };
        let text = files::text(path).map_err(|error| complain(&error))?;
        let spec: Value = serde_json::from_str(&text).map_err(|error| complain(&error))?;
        let run = spec["run"].as_str().ok_or_else(|| complain(&"it names no run"))?;
        let pair =
            |pair: &Value| Some((pair[0].as_str()?.to_owned(), pair[1].as_str()?.to_owned()));
        let sets: Vec<_> = spec["set"].as_array().into_iter().flatten().filter_map(pair).collect();
        match Shipped::find(run) {
            Some(shipped) => Source::shipped(shipped, &sets),
            None if run.ends_with(".toml") => Source::file(Path::new(run), &sets),
            // One file of ours does not name another.
            None if Path::new(run).is_dir() => Err(complain(&"it names no run")),
            None => Source::find(Some(run)),
        }
    }

    /// What describes the run in a file of ours.
    pub(in crate::cli) fn spec(&self) -> Value {
        let absolute = |path: &Path| {
            let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            path.display().to_string()
        };
        match self {
            Source::Recording(path) => json!({ "run": absolute(path), "set": [] }),
            Source::Lab { name, lab } => {
                let is_shipped = Shipped::find(name).is_some();
                let run = if is_shipped { name.clone() } else { absolute(Path::new(name)) };
                json!({ "run": run, "set": lab.sets() })
            }
        }
    }

    /// Keeps it in mind as the run that was looked at last, if there is a place for that.
    pub(in crate::cli) fn remember(&self) {
        let Some(path) = memory() else { return };
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        if let Err(error) = made.and_then(|()| fs::write(&path, self.spec().to_string())) {
            log::debug!("{}: {error}", path.display());
        }
    }

    /// The lab.
    ///
    /// # Errors
    /// When it is a recording.
    pub(in crate::cli) fn into_lab(self) -> Result<Lab, Failure> {
        match self {
            Source::Lab { lab, .. } => Ok(*lab),
            Source::Recording(path) => {
                Err(Failure::usage(format_args!("{}: this is no lab", path.display())))
            }
        }
    }

    /// How it is named in commands: `given` as the user did.
    pub(in crate::cli) fn name(given: Option<&str>) -> RunName {
        RunName::new(given.unwrap_or_default())
    }

    /// The log of the whole run.
    pub(in crate::cli) fn log(&self) -> Result<Log, Failure> {
        match self {
            Source::Lab { lab, .. } => {
                let log = lab::run(lab, &Options::default()).log;
                log.ok_or_else(|| Failure::failed("the run has kept no log"))
            }
            Source::Recording(path) => {
                let lived = live(path, relive::Until::End)?;
                if let Some(entry) = lived.cut {
                    let path = path.display();
                    log::warn!(
                        "{path}: it ends in the middle of entry {entry}: what came after \
                                it is not there"
                    );
                }
                Ok(lived.log)
            }
        }
    }

    /// How a host of the run was set up.
    ///
    /// # Errors
    /// When a recording cannot be read.
    pub(in crate::cli) fn setup(&self, host: &str) -> Result<Setup, Failure> {
        match self {
            Source::Lab { lab, .. } => {
                let node = lab.nodes.iter().position(|node| node.name == host);
                Ok(node.map_or_else(|| Setup::new([0, 0]), |node| lab.host_setup(node)))
            }
            Source::Recording(path) => {
                let file = File::open(path).map_err(Failure::failed)?;
                let reader = Reader::new(file).map_err(|error| complaint(path, error))?;
                Ok(reader.setup().clone())
            }
        }
    }

    /// What it is about.
    pub(in crate::cli) fn title(&self) -> String {
        match self {
            Source::Lab { lab, .. } => lab.title.clone(),
            Source::Recording(path) => format!("recording {}", path.display()),
        }
    }

    /// Whether it is a recording of one host, whose peers are not there to react.
    pub(in crate::cli) fn is_recording(&self) -> bool {
        matches!(self, Source::Recording(_))
    }

    /// The log of the run with some changes.
    pub(in crate::cli) fn changed(
        &self,
        edits: &[Edit],
        set: &[(String, String)],
    ) -> Result<Log, Failure> {
        match self {
            Source::Lab { lab, .. } => {
                let mut options = Options::default();
                if !edits.is_empty() {
                    let before = self.log()?;
                    for edit in edits {
                        edited(&before, *edit, &mut options)?;
                    }
                }
                let lab = lab.again(set).map_err(Failure::usage)?;
                let log = lab::run(&lab, &options).log;
                log.ok_or_else(|| Failure::failed("the run has kept no log"))
            }
            Source::Recording(path) => {
                let ([Edit::Drop(id)], []) = (edits, set) else {
                    let what = "of a recording nothing can be changed but --drop of one arrival";
                    return Err(Failure::usage(what));
                };
                let open = || File::open(path);
                let lived = relive_without(open, "host", *id, PATIENCE, Timed::new);
                let lived = lived.map_err(|error| complaint(path, error))?;
                lived.map(|lived| lived.log).ok_or_else(|| {
                    Failure::usage(format_args!(
                        "#{id} does not tell of a packet's arrival: what the recorded host sent is \
                         past, and its peers are not there to react"
                    ))
                })
            }
        }
    }

    /// The run as it was at a moment; says so when it had ended by then.
    ///
    /// # Errors
    /// When it cannot be lived again, or has no such event.
    pub(in crate::cli) fn at(&self, moment: Option<Until>) -> Result<Moment, Failure> {
        match self {
            Source::Lab { lab, .. } => {
                let net = lab::run_until(lab, &Options::default(), moment);
                match (moment, net.log()) {
                    (Some(Until::Time(at)), _) => warn_when_behind(at, net.now()),
                    (Some(Until::Event(id)), Some(log)) => known(log, id)?,
                    _ => {}
                }
                Ok(Moment::Net(Box::new(net)))
            }
            Source::Recording(path) => {
                let until = match moment {
                    None => relive::Until::End,
                    Some(Until::Time(at)) => relive::Until::Time(at),
                    Some(Until::Event(id)) => relive::Until::Event(id),
                };
                let Relived { host, log, .. } = live(path, until)?;
                match moment {
                    Some(Until::Time(at)) => warn_when_behind(at, end(path)?),
                    Some(Until::Event(id)) => known(&log, id)?,
                    None => {}
                }
                Ok(Moment::Host(host))
            }
        }
    }
}

/// Says so when a moment lies behind the end of the run.
fn warn_when_behind(moment: Instant, end: Instant) {
    if moment > end {
        let micros = end.as_nanos() / 1000;
        let (ms, rest) = (micros / 1000, micros % 1000);
        log::warn!("the run ended at {ms}.{rest:03} ms: this is how it was then");
    }
}

/// The time of the last input of a recording.
fn end(path: &Path) -> Result<Instant, Failure> {
    let failed = |error| complaint(path, error);
    let file = File::open(path).map_err(|error| no_run(&path.display().to_string(), &error))?;
    let mut reader = Reader::new(file).map_err(failed)?;
    let mut end = Instant::ZERO;
    while let Some(item) = reader.read().map_err(failed)? {
        if let Item::Input(at, _) = item {
            end = at;
        }
    }
    Ok(end)
}

/// Whether the run has that event.
///
/// # Errors
/// When it has not.
pub(super) fn known(log: &Log, id: EventId) -> Result<(), Failure> {
    let last = log.entries().len();
    match log.get(id) {
        Some(_) => Ok(()),
        None => {
            Err(Failure::usage(format_args!("the run has no event #{id}: its last is #{last}")))
        }
    }
}

/// Adds a change: the frame that an event of a lab's run is about.
fn edited(log: &Log, edit: Edit, options: &mut Options) -> Result<(), Failure> {
    let (Edit::Drop(id) | Edit::Keep(id)) = edit;
    known(log, id)?;
    let Some(entry) = log.get(id) else { return Ok(()) };
    let is_sent =
        |id: &EventId| log.effects(*id).any(|other| matches!(other.event, Event::Wire(_)));
    // An arrival, and what happens to a packet on a wire, name who sent it.
    let near = std::iter::once(id).chain(entry.causes()).find(is_sent);
    let Some(origin) = near.and_then(|sender| log.origin(sender)) else {
        let mut chain = entry.causes().next();
        while let Some(cause) = chain.filter(|cause| !is_sent(cause)) {
            chain = log.get(cause).and_then(|entry| entry.causes().next());
        }
        let hint =
            chain.map_or(String::new(), |id| format!(": the packet that led to it is #{id}"));
        return Err(Failure::usage(format_args!("#{id} is not about a packet{hint}")));
    };
    match edit {
        Edit::Drop(_) => options.doomed = Some(origin),
        Edit::Keep(_) => options.spared = Some(origin),
    }
    Ok(())
}

fn live(path: &Path, until: relive::Until) -> Result<Relived<Timed>, Failure> {
    let file = File::open(path).map_err(|error| no_run(&path.display().to_string(), &error))?;
    relive(file, "host", until, Timed::new).map_err(|error| complaint(path, error))
}

pub(super) fn complaint(path: &Path, error: ReplayError) -> Failure {
    Failure::failed(format_args!("{}: {error}", path.display()))
}

fn no_run(name: &str, error: &std::io::Error) -> Failure {
    let labs = "a run is a lab's number (`netglass lab list`), its file, or a recording";
    Failure::usage(format_args!("{name}: {error}: {labs}"))
}

/// Where the run that was looked at last is kept in mind.
fn memory() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let dir = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")))?;
    Some(dir.join("netglass").join("last.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_names_itself_is_no_run() {
        let dir = std::env::temp_dir().join(format!("netglass-itself-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        let itself = dir.display().to_string();
        let spec = json!({ "run": itself, "set": [] }).to_string();
        fs::write(dir.join(RUN_FILE), spec).expect("a file");
        let found = Source::find(Some(&itself));
        fs::remove_dir_all(&dir).expect("it was there");
        assert!(found.is_err(), "{found:?}");
    }
}
