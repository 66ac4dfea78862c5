//! Recordings: the life of a host in a file, to be lived again.
//!
//! A file starts with a line that names it, then come entries, each a length (u32, little endian)
//! and so many bytes of postcard: first the [`Setup`], then every input with its time, among them
//! what the host had sent by then, so that a replay can tell whether it did the same.

mod recorder;
mod spool;

pub use recorder::Recorder;
pub use spool::Spool;

use crate::base::{Frame, IfaceId, Instant};
use crate::stack::{Input, Record, SentSoFar, SentSum, Setup, Stack};
use serde::{Deserialize, Serialize};
use std::io::{self, BufReader, Read};

/// The first lines of files: the one that is written, then those that are read as well.
const MAGIC: [&[u8]; 2] = [b"netglass recording 8\n", b"netglass recording 7\n"];
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
    let (mut sent, mut records) = (reader.sum(), Vec::new());
    while let Some(item) = reader.read()? {
        match item {
            Item::Epoch(nanos) => watcher.epoch(nanos),
            Item::Input(at, Input::Sent(recorded)) => compare(at, recorded, sent.so_far())?,
            Item::Input(at, input) => {
                if let Input::Frame { iface, bytes, offload } = &input {
                    let (body, offload) = (bytes.clone(), *offload);
                    let frame = Frame { body, offload, ..Frame::default() };
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
    Ok((stack, sent.so_far()))
}

/// What was sent then must be what is sent now.
pub(super) fn compare(
    at: Instant,
    recorded: SentSoFar,
    replayed: SentSoFar,
) -> Result<(), ReplayError> {
    match recorded == replayed {
        true => Ok(()),
        false => Err(ReplayError::Diverged { at, recorded, replayed }),
    }
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
    /// How what was sent is summed up in this version.
    sum: SentSum,
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
        let mut magic = [0; MAGIC[0].len()];
        input.read_exact(&mut magic).map_err(|_| ReplayError::NotARecording)?;
        let sum = match MAGIC.iter().position(|known| *known == magic) {
            Some(0) => SentSum::new(),
            Some(_) => SentSum::up_to_7(),
            None => return Err(ReplayError::NotARecording),
        };
        let mut count = 0;
        let Ok(Entry::Setup(setup)) = next(&mut input, &mut count)? else {
            return Err(ReplayError::NotARecording);
        };
        if !setup.is_possible() {
            return Err(ReplayError::Damaged { entry: count });
        }
        Ok(Reader { input, setup, sum, count, cut: false })
    }

    /// The host that the recording is of.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The sum of nothing: what the recording says was sent is to be compared with such a sum.
    pub fn sum(&self) -> SentSum {
        self.sum.clone()
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
