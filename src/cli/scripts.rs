//! Scripts for `netglass drill`, written from the connections of a run, or of a host that runs.

use super::Failure;
use crate::drill::Options;
use crate::drill::write::{self, Written};
use crate::net::Observer;
use crate::observe::export::{Conn, Index};
use crate::observe::log::{Kind, Log, Place, PlaceId};
use crate::stack::{Record, Setup};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How many records of a running host are kept: beyond, its connections are not written.
const KEPT: usize = 2_000_000;

/// A script, and the name of its file.
pub(super) struct Script {
    pub(super) name: String,
    pub(super) text: String,
    /// Whether it holds when it is drilled.
    pub(super) holds: bool,
}

/// The failure of whoever wrote scripts of which so many do not hold.
pub(super) fn verdict(failing: usize) -> Result<(), Failure> {
    match failing {
        0 => Ok(()),
        1 => Err(Failure::failed("a script does not hold when it is drilled: see above")),
        n => Err(Failure::failed(format_args!("{n} scripts do not hold when they are drilled"))),
    }
}

/// The script of one end of a connection; that there is none, or that it does not hold, is told.
pub(super) fn of(index: &Index<'_>, conn: &Conn, setup: &Setup) -> Option<Script> {
    let name = format!("{}-conn{}.pkt", index.log().name(conn.place), conn.id);
    match write::write(index, conn, setup) {
        Ok(written) => {
            let (text, holds) = checked(&name, &written);
            Some(Script { name, text, holds })
        }
        Err(why) => {
            log::warn!("{name} is not written: {why}");
            None
        }
    }
}

/// The text, and whether it holds on the host that it was written from; if not, it says so.
fn checked(name: &str, written: &Written) -> (String, bool) {
    let text = written.to_string();
    let why = match written.check(&Options::default()) {
        Ok(verdict) => verdict.failure.map(|failure| {
            let echo = failure.what.starts_with("flags: ") && failure.what.contains('E');
            let cause = match echo {
                true => " (a run does not have the marks of congestion on what arrived)",
                false => "",
            };
            format!("line {}: {}{cause}", failure.line, failure.what)
        }),
        Err(error) => Some(error.to_string()),
    };
    let Some(why) = why else { return (text, true) };
    log::warn!("{name} does not hold when it is drilled: {why}");
    (format!("{text}// Does not hold when it is drilled: {why}\n"), false)
}

/// What is kept of a running host, to write scripts at its end.
#[derive(Clone)]
pub(super) struct ScriptSink {
    dir: PathBuf,
    setup: Setup,
    kept: Arc<Mutex<Vec<Record>>>,
}

impl ScriptSink {
    /// Scripts will go into that directory, which is made.
    pub(super) fn create(dir: &Path, setup: &Setup) -> Result<ScriptSink, Failure> {
        fs::create_dir_all(dir)
            .map_err(|error| Failure::usage(format_args!("--pkt {}: {error}", dir.display())))?;
        Ok(ScriptSink { dir: dir.to_owned(), setup: setup.clone(), kept: Arc::default() })
    }

    /// Writes a script of each connection.
    ///
    /// # Errors
    /// A file that cannot be written, and at the end scripts that do not hold.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let mut kept =
            std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        if kept.len() >= KEPT {
            log::warn!("only the first {KEPT} records are in the scripts");
        }
        let host = Place { name: "host".to_owned(), kind: Kind::Host, ends: None };
        let mut log = Log::new(vec![host]);
        log.host(PlaceId(0), &mut kept);
        let index = Index::new(&log);
        let mut failing = 0;
        for script in index.conns().iter().filter_map(|conn| of(&index, conn, &self.setup)) {
            let path = self.dir.join(&script.name);
            failing += usize::from(!script.holds);
            fs::write(&path, script.text)
                .map_err(|error| Failure::failed(format_args!("{}: {error}", path.display())))?;
        }
        verdict(failing)
    }
}

impl Observer for ScriptSink {
    fn sees_frames(&self) -> bool {
        false
    }

    fn records(&mut self, records: &[Record]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT.saturating_sub(kept.len()).min(records.len());
        kept.extend_from_slice(&records[..room]);
    }
}
