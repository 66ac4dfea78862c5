//! `netglass replay`: a recorded session, lived again.

use super::args::ReplayArgs;
use super::sinks::Capture;
use super::{Failure, Outcome, talk};
use crate::base::{Frame, IfaceId, Instant};
use crate::net::Direction;
use crate::observe::pcapng::LinkType;
use crate::observe::recording::{Reader, ReplayError, Replayed, replay};
use crate::observe::view::{Ladder, Options, json};
use crate::stack::Record;
use std::fs::File;
use std::process::ExitCode;

/// What is made of the replay as it goes.
struct Show {
    ladder: Option<Ladder>,
    capture: Option<Capture>,
    /// Frames that wait for the records they caused or were caused by.
    frames: Vec<(Instant, Direction, Frame)>,
    failure: Option<Failure>,
    /// The entry in whose middle the recording ends.
    cut: Option<u64>,
}

impl Replayed for Show {
    fn records(&mut self, records: &[Record]) {
        for record in records {
            match &mut self.ladder {
                Some(ladder) => ladder.record(record),
                None => self.failure = talk::say(&json::json(record)).err().or(self.failure.take()),
            }
        }
        if let Some(capture) = &mut self.capture {
            for (at, direction, frame) in self.frames.drain(..) {
                capture.packet(at, direction, &frame, records);
            }
            capture.learn(records);
        }
    }

    fn frame(&mut self, at: Instant, out: bool, _iface: IfaceId, frame: &Frame) {
        let Some(capture) = &mut self.capture else { return };
        match out {
            true => capture.packet(at, Direction::Out, frame, &[]),
            false => self.frames.push((at, Direction::In, frame.clone())),
        }
    }

    fn epoch(&mut self, nanos: u64) {
        if let Some(capture) = &mut self.capture {
            capture.set_epoch(nanos);
        }
    }

    fn cut(&mut self, entry: u64) {
        self.cut = Some(entry);
    }
}

pub(super) fn run(args: &ReplayArgs) -> Outcome {
    let open = || File::open(&args.file);
    let say = |e| Failure::usage(format_args!("{}: {e}", args.file.display()));
    let file = open().map_err(say)?;
    let capture = match &args.pcap {
        Some(path) => {
            // What is no recording is told below.
            let reader = Reader::new(open().map_err(say)?).ok();
            let iface = reader.as_ref().and_then(|reader| reader.setup().ifaces.first());
            let link = iface.map(|iface| LinkType::of(&iface.link));
            Some(Capture::create(path, link.unwrap_or_default(), "replay")?)
        }
        None => None,
    };
    let ladder = (!args.json).then(|| {
        // Times are those of all other views of the recording.
        Ladder::new(Options { absolute: true, ..talk::view(args.all) })
    });
    let mut show = Show { ladder, capture, frames: Vec::new(), failure: None, cut: None };
    let result = replay(file, &mut show);
    if let Some(failure) = show.failure {
        return Err(failure);
    }
    let ladder = show.ladder.map(|ladder| ladder.render()).filter(|ladder| !ladder.is_empty());
    if let Some(ladder) = ladder {
        talk::say(&ladder)?;
    }
    if let Some(capture) = show.capture {
        capture.finish()?;
    }
    match result {
        Ok((_, sent)) => {
            if !args.json {
                let hash = sent.hash;
                talk::say(&format!(
                    "replayed: {} frames sent, trace hash {hash:016x}",
                    sent.frames
                ))?;
            }
            match show.cut {
                None => Ok(ExitCode::SUCCESS),
                Some(entry) => Err(Failure::failed(format_args!(
                    "{}: the recording ends in the middle of entry {entry}: what came after it \
                     is not there",
                    args.file.display()
                ))),
            }
        }
        Err(error @ ReplayError::NotARecording) => {
            Err(Failure::usage(format_args!("{}: {error}", args.file.display())))
        }
        Err(error) => Err(Failure::failed(error)),
    }
}
