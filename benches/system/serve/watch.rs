//! Who looks on: a ring of the last records, and a recorder of every input, both as `netglass up`
//! has them.

use crate::Outcome;
use crate::load::Watched;
use netglass::net::{Host, Observer};
use netglass::observe::recording::{Recorder, Spool};
use netglass::stack::{Record, Setup};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{IoSlice, Result, Seek, SeekFrom, Write};

/// How many records a ring keeps.
const KEPT: usize = 20_000;
/// How long the recording's file gets before it is written again from its start.
const FILE_MAX: u64 = 256 << 20;

/// Lets somebody look at a host that has no driver yet.
pub(super) fn start(host: &Host, setup: &Setup, watched: Watched) -> Outcome<()> {
    match watched {
        Watched::Not => {}
        Watched::Ring => host.observe(Box::new(Ring(VecDeque::with_capacity(KEPT)))),
        Watched::Record => {
            let file = memfd_create("recording", MFdFlags::MFD_CLOEXEC)?;
            let recorder = Recorder::new(Again { file: file.into(), at: 0 }, setup)?;
            let spool = Spool::new(recorder, |error| {
                eprintln!("bench: the recording cannot be written: {error}");
                std::process::exit(2);
            })?;
            host.record(Box::new(move |inputs| {
                spool.inputs(inputs);
            }));
        }
    }
    Ok(())
}

/// The last records.
struct Ring(VecDeque<Record>);

impl Observer for Ring {
    fn sees_frames(&self) -> bool {
        false
    }

    fn records(&mut self, records: &[Record]) {
        for record in records {
            if self.0.len() == KEPT {
                self.0.pop_front();
            }
            self.0.push_back(record.clone());
        }
    }
}

/// A file in memory that starts again when it is long: a disk would be measured otherwise.
struct Again {
    file: File,
    at: u64,
}

impl Write for Again {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize> {
        if self.at > FILE_MAX {
            self.file.seek(SeekFrom::Start(0))?;
            self.at = 0;
        }
        let written = self.file.write_vectored(pieces)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> Result<()> {
        self.file.flush()
    }
}
