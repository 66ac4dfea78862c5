//! What looks on while a host runs: the capture file, the live lines, the ladder, the recording.

use super::Failure;
use super::talk::Voice;
use crate::base::{EventId, Frame, Instant};
use crate::net::{Direction, Loss, Observer, Recorder, Sighting};
use crate::observe::LogSink;
use crate::observe::pcapng::{self, Flush, LinkType, Writer};
use crate::observe::recording::{self, Spool};
use crate::observe::view::{Ladder, Live, Options, reason};
use crate::stack::{Event, Record, Setup};
use crate::tcp;
use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Sent records that a capture remembers, to find the reason of a frame that goes out later.
const REMEMBERED: usize = 8192;

/// Nanoseconds since 1970.
fn since_1970() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(0)
}

/// A capture with the reasons as packet comments.
pub(super) struct Capture {
    writer: Writer<File>,
    path: PathBuf,
    /// Nanoseconds since 1970 at the host's zero.
    epoch: u64,
    sent: VecDeque<(EventId, String)>,
    failed: Option<std::io::Error>,
}

impl Capture {
    /// Starts a capture file.
    pub(super) fn create(path: &Path, link: LinkType, comment: &str) -> Result<Capture, Failure> {
        let say =
            |e: std::io::Error| Failure::usage(format_args!("--pcap {}: {e}", path.display()));
        let file = File::create(path).map_err(say)?;
        let writer = Writer::new(file, "glass0", link, comment).map_err(say)?;
        let writer = writer.flushing(Flush::EachPacket);
        let epoch = since_1970();
        let (path, sent) = (path.to_owned(), VecDeque::new());
        Ok(Capture { writer, path, epoch, sent, failed: None })
    }

    /// Time zero of the host, when it started earlier than the capture.
    pub(super) fn started(mut self, now: Instant) -> Capture {
        self.epoch -= now.as_nanos().min(self.epoch);
        self
    }

    /// Time zero of the host, in nanoseconds since 1970.
    pub(super) fn set_epoch(&mut self, nanos: u64) {
        self.epoch = nanos;
    }

    /// Remembers why what was sent.
    pub(super) fn learn(&mut self, records: &[Record]) {
        for record in records {
            let sends = matches!(
                &record.event,
                Event::Tcp(tcp::Event::Sent { .. }) | Event::StrayOut { .. } | Event::Out { .. }
            );
            if !sends {
                continue;
            }
            if let Some(comment) = comment(record) {
                if self.sent.len() == REMEMBERED {
                    self.sent.pop_front();
                }
                self.sent.push_back((record.id, comment));
            }
        }
    }

    /// Writes a frame with what is known of it.
    pub(super) fn packet(
        &mut self,
        at: Instant,
        direction: Direction,
        frame: &Frame,
        caused: &[Record],
    ) {
        let comments: Vec<String> = match direction {
            Direction::In => caused.iter().filter_map(comment).take(4).collect(),
            Direction::Out => {
                let known = self.sent.binary_search_by_key(&frame.origin, |(id, _)| *id);
                let here = caused.iter().find(|record| record.id == frame.origin);
                let here = here.and_then(comment);
                here.or_else(|| known.ok().map(|place| self.sent[place].1.clone()))
                    .into_iter()
                    .collect()
            }
        };
        let direction = match direction {
            Direction::In => pcapng::Direction::In,
            Direction::Out => pcapng::Direction::Out,
        };
        let at = self.epoch.saturating_add(at.as_nanos());
        if self.failed.is_none() {
            self.failed = self.writer.packet(at, direction, frame, &comments).err();
        }
    }

    /// Ends the file.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let say = |e: std::io::Error| Failure::failed(format_args!("{}: {e}", self.path.display()));
        if let Some(error) = self.failed {
            return Err(say(error));
        }
        self.writer.finish().map(drop).map_err(say)
    }
}

/// What a capture says of a record.
fn comment(record: &Record) -> Option<String> {
    let state = match &record.event {
        Event::Tcp(tcp::Event::State { from, to, .. })
        | Event::Listener { event: tcp::Event::State { from, to, .. }, .. } => {
            format!("{from} -> {to}: ")
        }
        Event::Tcp(
            tcp::Event::Sent { .. } | tcp::Event::Received { .. } | tcp::Event::Blocked { .. },
        )
        | Event::StrayIn { .. }
        | Event::StrayOut { .. }
        | Event::Out { .. }
        | Event::Forwarded { .. } => String::new(),
        Event::Dropped { .. } => "dropped: ".into(),
        _ => return None,
    };
    let why = reason(&record.event)?;
    Some(format!("#{} {state}{} [{}]", record.id, why.text, why.rfc))
}

/// A capture as an observer, shared with whoever ends it.
pub(super) struct CaptureSink(pub(super) Arc<Mutex<Option<Capture>>>);

impl Observer for CaptureSink {
    fn records(&mut self, records: &[Record]) {
        if let Some(capture) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            capture.learn(records);
        }
    }

    fn frame(&mut self, sighting: &Sighting<'_>) {
        if let Some(capture) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            capture.packet(sighting.at, sighting.direction, sighting.frame, sighting.records);
        }
    }
}

/// Live lines on standard output, and records to the log.
pub(super) struct LiveSink {
    live: Option<Live>,
    voice: SharedVoice,
    log: LogSink,
}

/// A voice, shared with whoever ends it.
pub(super) type SharedVoice = Arc<Mutex<Option<Voice>>>;

impl LiveSink {
    /// Whether the log wants records.
    pub(super) fn is_wanted() -> bool {
        LogSink::is_wanted()
    }

    pub(super) fn new(options: Option<Options>, voice: SharedVoice) -> LiveSink {
        LiveSink { live: options.map(Live::tcpdump), voice, log: LogSink::new() }
    }
}

impl Observer for LiveSink {
    fn sees_frames(&self) -> bool {
        false
    }

    fn records(&mut self, records: &[Record]) {
        let mut voice = self.voice.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            self.log.record(record);
            if let Some(line) = self.live.as_mut().and_then(|live| live.line(record))
                && let Some(voice) = &mut *voice
            {
                voice.say(line);
            }
        }
    }

    fn lost(&mut self, loss: &Loss<'_>) {
        let Loss { at, direction, medium, frame, why, .. } = *loss;
        let Some(live) = &mut self.live else { return };
        let mut voice = self.voice.lock().unwrap_or_else(PoisonError::into_inner);
        let out = direction == Direction::Out;
        if let Some(line) = live.lost(at, out, (medium, frame), &why.to_string())
            && let Some(voice) = &mut *voice
        {
            voice.say(line);
        }
    }
}

/// A ladder that somebody will print.
#[derive(Clone)]
pub(super) struct LadderSink(pub(super) Arc<Mutex<Ladder>>);

impl Observer for LadderSink {
    fn sees_frames(&self) -> bool {
        false
    }

    fn records(&mut self, records: &[Record]) {
        let mut ladder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.iter().for_each(|record| ladder.record(record));
    }
}

/// A recording of every input, shared with whoever ends it.
#[derive(Clone)]
pub(super) struct RecordSink {
    spool: Arc<Spool>,
    path: PathBuf,
    cut: Arc<AtomicBool>,
}

impl RecordSink {
    /// Starts a recording. It is a host's when that [started](Starting::started).
    pub(super) fn create(path: &Path, setup: &Setup) -> Result<Starting, Failure> {
        let say =
            |e: std::io::Error| Failure::usage(format_args!("--record {}: {e}", path.display()));
        let file = File::create(path).map_err(say)?;
        let recorder = recording::Recorder::new(file, setup).map_err(say)?;
        Ok(Starting { recorder, path: path.to_owned() })
    }

    /// Waits until all is written; says whether the recording is whole.
    pub(super) fn finish(&self) -> Result<(), Failure> {
        self.spool.finish();
        if self.cut.load(Ordering::Relaxed) {
            let path = self.path.display();
            return Err(Failure::failed(format_args!("the recording {path} ends too early")));
        }
        Ok(())
    }
}

impl Recorder for RecordSink {
    fn inputs(&mut self, inputs: Vec<(Instant, crate::stack::Input)>) {
        self.spool.inputs(inputs);
    }
}

/// A recording of a host that is about to start.
pub(super) struct Starting {
    recorder: recording::Recorder<File>,
    path: PathBuf,
}

impl Starting {
    /// Notes when the host started: `now` is its time.
    pub(super) fn started(self, now: Instant) -> Result<RecordSink, Failure> {
        let Starting { mut recorder, path } = self;
        let say = |e: std::io::Error| Failure::failed(format_args!("{}: {e}", path.display()));
        recorder.epoch(since_1970().saturating_sub(now.as_nanos())).map_err(say)?;
        let (cut, file) = (Arc::<AtomicBool>::default(), path.display().to_string());
        let theirs = cut.clone();
        // A gap in the middle would be no recording: the first failure is its end.
        let failed = move |error| {
            theirs.store(true, Ordering::Relaxed);
            eprintln!("netglass: the recording {file} is cut here: {error}");
        };
        let spool = Arc::new(Spool::new(recorder, failed).map_err(say)?);
        Ok(RecordSink { spool, path, cut })
    }
}
