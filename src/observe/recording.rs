//! Recordings: the life of a host in a file, to be lived again.
//!
//! A file starts with a line that names it, then come entries, each a length (u32, little endian)
//! and so many bytes of postcard: first the [`Setup`], then every input with its time, among them
//! what the host had sent by then, so that a replay can tell whether it did the same.

use crate::base::{Frame, IfaceId, Instant};
use crate::stack::{Input, Record, SentSoFar, Setup, Stack};
use serde::{Deserialize, Serialize};
use std::io::{self, BufReader, BufWriter, Read, Write};

/// The first line of a file.
const MAGIC: &[u8] = b"netglass recording 7\n";
/// The longest entry: a frame of 64 KB, or a write of 16 MB, with room to spare.
const ENTRY_MAX: u32 = 64 << 20;

/// What a file is made of.
#[derive(Serialize, Deserialize, Debug)]
enum Entry {
    Setup(Setup),
    Input(Instant, Input),
    /// Nanoseconds since 1970 at the host's zero.
    Epoch(u64),
}

/// Writes a recording.
#[derive(Debug)]
pub struct Recorder<W: Write> {
    out: BufWriter<W>,
}

impl<W: Write> Recorder<W> {
    /// Starts a file for a host that is about to start.
    ///
    /// # Errors
    /// When writing fails.
    pub fn new(out: W, setup: &Setup) -> io::Result<Recorder<W>> {
        let out = BufWriter::new(out);
        let mut recorder = Recorder { out };
        recorder.out.write_all(MAGIC)?;
        recorder.entry(&Entry::Setup(setup.clone()))?;
        Ok(recorder)
    }

    fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        let bytes = postcard::to_stdvec(entry).map_err(io::Error::other)?;
        self.out.write_all(&(bytes.len() as u32).to_le_bytes())?;
        self.out.write_all(&bytes)
    }

    /// Says when the host's time began, in nanoseconds since 1970: for captures of a replay.
    ///
    /// # Errors
    /// When writing fails.
    pub fn epoch(&mut self, nanos: u64) -> io::Result<()> {
        self.entry(&Entry::Epoch(nanos))
    }

    /// Adds what [`Stack::take_inputs`] gave.
    ///
    /// # Errors
    /// When writing fails.
    pub fn inputs(&mut self, inputs: Vec<(Instant, Input)>) -> io::Result<()> {
        for (at, input) in inputs {
            self.entry(&Entry::Input(at, input))?;
        }
        Ok(())
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// When writing fails.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Why a recording could not be replayed.
#[derive(Debug)]
pub enum ReplayError {
    /// It could not be read.
    Io(io::Error),
    /// It is not a recording, or of another version.
    NotARecording,
    /// An entry cannot be understood.
    Damaged {
        /// Which, from 1.
        entry: u64,
    },
    /// The replay sent something else than the recorded host.
    Diverged {
        /// When.
        at: Instant,
        /// What was sent then.
        recorded: SentSoFar,
        /// What was sent now.
        replayed: SentSoFar,
    },
}

impl std::fmt::Display for ReplayError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReplayError::Io(error) => write!(f, "the recording cannot be read: {error}"),
            ReplayError::NotARecording => {
                f.write_str("this is not a recording of this version of netglass")
            }
            ReplayError::Damaged { entry } => {
                write!(f, "entry {entry} of the recording is damaged")
            }
            ReplayError::Diverged { at, recorded, replayed } => write!(
                f,
                "by {at} the recorded host had sent {} frames (hash {:016x}), the replay {} ({:016x})",
                recorded.frames, recorded.hash, replayed.frames, replayed.hash
            ),
        }
    }
}

impl std::error::Error for ReplayError {}

impl From<io::Error> for ReplayError {
    fn from(error: io::Error) -> ReplayError {
        ReplayError::Io(error)
    }
}

/// What a replay tells as it goes.
pub trait Replayed {
    /// Records of the host, in order.
    fn records(&mut self, records: &[Record]);
    /// A frame arrived (`out` false) or was sent (`out` true).
    fn frame(&mut self, at: Instant, out: bool, iface: IfaceId, frame: &Frame);
    /// The host's time began so many nanoseconds after 1970.
    fn epoch(&mut self, nanos: u64) {
        let _ = nanos;
    }
    /// The recording ends in the middle of this entry, counted from 1: what came after is lost.
    fn cut(&mut self, entry: u64) {
        let _ = entry;
    }
}

/// Lives a recording again, comparing what is sent with what was. A recording that was cut short
/// (the host was killed, the disk was full) is replayed as far as it goes, and the watcher is told.
///
/// # Errors
/// See [`ReplayError`].
pub fn replay(
    input: impl Read,
    watcher: &mut impl Replayed,
) -> Result<(Stack, SentSoFar), ReplayError> {
    let mut reader = Reader::new(input)?;
    let mut stack = Stack::new(reader.setup().clone());
    stack.listen_to_events(true);
    let (mut sent, mut records) = (SentSoFar::NONE, Vec::new());
    while let Some(item) = reader.read()? {
        match item {
            Item::Epoch(nanos) => watcher.epoch(nanos),
            Item::Input(_, Input::Sent(recorded)) if recorded == sent => {}
            Item::Input(at, Input::Sent(recorded)) => {
                return Err(ReplayError::Diverged { at, recorded, replayed: sent });
            }
            Item::Input(at, input) => {
                if let Input::Frame { iface, bytes, offload } = &input {
                    let mut frame = Frame::copied(stack.pool(), bytes);
                    frame.offload = *offload;
                    watcher.frame(at, false, *iface, &frame);
                }
                let frames = stack.apply(at, input);
                stack.drain_records(&mut records);
                watcher.records(&records);
                records.clear();
                for (iface, frame) in &frames {
                    sent.add(*iface, frame);
                    watcher.frame(at, true, *iface, frame);
                }
            }
        }
    }
    if let Some(entry) = reader.cut() {
        watcher.cut(entry);
    }
    Ok((stack, sent))
}

/// What a recording holds besides the host's set-up.
#[derive(Clone, PartialEq, Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all are inputs")]
pub enum Item {
    /// The host's time began so many nanoseconds after 1970.
    Epoch(u64),
    /// An input and its time.
    Input(Instant, Input),
}

/// Reads a recording.
#[derive(Debug)]
pub struct Reader<R> {
    input: BufReader<R>,
    setup: Setup,
    count: u64,
    cut: bool,
}

impl<R: Read> Reader<R> {
    /// Reads as far as the set-up of the host that the recording is of.
    ///
    /// # Errors
    /// See [`ReplayError`].
    pub fn new(input: R) -> Result<Reader<R>, ReplayError> {
        let mut input = BufReader::new(input);
        let mut magic = vec![0; MAGIC.len()];
        input.read_exact(&mut magic).map_err(|_| ReplayError::NotARecording)?;
        if magic != MAGIC {
            return Err(ReplayError::NotARecording);
        }
        let mut count = 0;
        let Ok(Entry::Setup(setup)) = next(&mut input, &mut count)? else {
            return Err(ReplayError::NotARecording);
        };
        if !setup.is_possible() {
            return Err(ReplayError::Damaged { entry: count });
        }
        Ok(Reader { input, setup, count, cut: false })
    }

    /// The host that the recording is of.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// What comes next; `None` at the end.
    ///
    /// # Errors
    /// See [`ReplayError`].
    pub fn read(&mut self) -> Result<Option<Item>, ReplayError> {
        match next(&mut self.input, &mut self.count)? {
            Ok(Entry::Epoch(nanos)) => Ok(Some(Item::Epoch(nanos))),
            Ok(Entry::Input(at, input)) => Ok(Some(Item::Input(at, input))),
            Ok(Entry::Setup(_)) => Err(ReplayError::Damaged { entry: self.count }),
            Err(end) => {
                self.cut = matches!(end, End::Cut);
                Ok(None)
            }
        }
    }

    /// At the end: the entry, counted from 1, in whose middle the recording ends.
    pub fn cut(&self) -> Option<u64> {
        self.cut.then_some(self.count)
    }
}

/// How a file ends.
enum End {
    /// Behind an entry.
    Whole,
    /// Within one.
    Cut,
}

/// The next entry, or the end.
fn next(input: &mut impl Read, count: &mut u64) -> Result<Result<Entry, End>, ReplayError> {
    let mut len = Vec::new();
    match input.take(4).read_to_end(&mut len)? {
        0 => return Ok(Err(End::Whole)),
        _ => *count += 1,
    }
    let Ok(len) = <[u8; 4]>::try_from(len).map(u32::from_le_bytes) else {
        return Ok(Err(End::Cut));
    };
    if len > ENTRY_MAX {
        return Err(ReplayError::Damaged { entry: *count });
    }
    let mut bytes = Vec::new();
    if input.take(u64::from(len)).read_to_end(&mut bytes)? < len as usize {
        return Ok(Err(End::Cut));
    }
    let entry = postcard::from_bytes(&bytes);
    entry.map(Ok).map_err(|_| ReplayError::Damaged { entry: *count })
}
