//! Writes recordings: what is short goes into one buffer, what is long is written from where it is,
//! and both together in one call.

use super::{Entry, MAGIC};
use crate::base::{Chunk, Chunks, Instant};
use crate::stack::{Input, Setup};
use serde::Serialize;
use std::io::{self, ErrorKind, IoSlice, Write};

/// Bytes that are worth a piece of their own in a write.
const LONG: usize = 2 << 10;
/// What waits for [`Recorder::flush`] at most, in bytes but for one entry, and in such pieces: a
/// system call takes 1024, with those in between.
const BYTES_MAX: usize = 1 << 20;
const PIECES_MAX: usize = 500;

/// Writes a recording. What was added is there after [`Recorder::flush`], or when there is much.
#[derive(Debug)]
pub struct Recorder<W: Write> {
    out: W,
    /// The entries that wait, but for the bytes of `long`.
    text: Vec<u8>,
    /// Bytes that come before a place in `text`.
    long: Vec<(usize, Chunk)>,
    /// How many bytes those are.
    long_bytes: usize,
}

impl<W: Write> Recorder<W> {
    /// Starts a file for a host that is about to start.
    ///
    /// # Errors
    /// When writing fails.
    pub fn new(out: W, setup: &Setup) -> io::Result<Recorder<W>> {
        let (text, long) = (MAGIC[0].to_vec(), Vec::new());
        let mut recorder = Recorder { out, text, long, long_bytes: 0 };
        recorder.entry(&Entry::Setup(setup.clone()), None)?;
        Ok(recorder)
    }

    /// Says when the host's time began, in nanoseconds since 1970: for captures of a replay.
    ///
    /// # Errors
    /// When writing fails.
    pub fn epoch(&mut self, nanos: u64) -> io::Result<()> {
        self.entry(&Entry::Epoch(nanos), None)
    }

    /// Adds what [`Stack::take_inputs`](crate::stack::Stack::take_inputs) gave.
    ///
    /// # Errors
    /// When writing fails: the file may end in the middle of an entry.
    pub fn inputs(&mut self, inputs: Vec<(Instant, Input)>) -> io::Result<()> {
        for (at, mut input) in inputs {
            let apart = apart(&mut input)?;
            self.entry(&Entry::Input(at, input), apart)?;
        }
        Ok(())
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// When writing fails, as above.
    pub fn flush(&mut self) -> io::Result<()> {
        self.write()?;
        self.out.flush()
    }

    /// Adds an entry. It is one without its long bytes if they are `apart`.
    fn entry(&mut self, entry: &Entry, apart: Option<Apart>) -> io::Result<()> {
        let start = self.text.len();
        self.text.extend([0; 4]);
        self.text = postcard::to_extend(entry, std::mem::take(&mut self.text)).map_err(invalid)?;
        let mut len = self.text.len() - start - 4;
        if let Some(Apart { bytes, behind }) = apart {
            let mut room = [0; 10];
            let count = postcard::to_slice(&(bytes.len() as u64), &mut room).map_err(invalid)?;
            // The entry has a zero where the number of its bytes belongs.
            let zero = self.text.len() - behind - 1;
            self.text.splice(zero..=zero, count.iter().copied());
            len += count.len() - 1 + bytes.len();
            self.long_bytes += bytes.len();
            let place = zero + count.len();
            self.long.extend(bytes.into_iter().map(|chunk| (place, chunk)));
        }
        self.text[start..start + 4].copy_from_slice(&(len as u32).to_le_bytes());
        if self.text.len() + self.long_bytes > BYTES_MAX || self.long.len() > PIECES_MAX {
            self.write()?;
        }
        Ok(())
    }

    /// Writes what waits. When that fails, nothing waits any more: behind a gap comes nothing.
    fn write(&mut self) -> io::Result<()> {
        let mut pieces = Vec::with_capacity(2 * self.long.len() + 1);
        let mut from = 0;
        for (place, chunk) in &self.long {
            pieces.push(IoSlice::new(&self.text[from..*place]));
            pieces.push(IoSlice::new(chunk));
            from = *place;
        }
        pieces.push(IoSlice::new(&self.text[from..]));
        let written = write_all(&mut self.out, &mut pieces);
        self.text.clear();
        self.long.clear();
        self.long_bytes = 0;
        written
    }
}

impl<W: Write> Drop for Recorder<W> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return; // perhaps in the middle of a write
        }
        if let Err(error) = self.flush() {
            log::warn!("the end of a recording is not written: {error}");
        }
    }
}

fn invalid(error: postcard::Error) -> io::Error {
    io::Error::other(error)
}

/// The long bytes of an input that was written without them.
struct Apart {
    bytes: Chunks,
    /// How much comes behind them in the entry.
    behind: usize,
}

/// Takes the bytes out of an input that has many.
fn apart(input: &mut Input) -> io::Result<Option<Apart>> {
    fn len(value: &impl Serialize) -> io::Result<usize> {
        postcard::to_slice(value, &mut [0; 64]).map(|text| text.len()).map_err(invalid)
    }
    Ok(match input {
        Input::Frame { bytes, offload, .. } if bytes.len() >= LONG => {
            let bytes = std::mem::take(bytes);
            Some(Apart { bytes, behind: len(offload)? })
        }
        Input::Write { bytes, kind, .. } if bytes.len() >= LONG => {
            let bytes = Chunk::from(std::mem::take(bytes)).into();
            Some(Apart { bytes, behind: len(kind)? })
        }
        _ => None,
    })
}

/// Writes all pieces.
fn write_all(out: &mut impl Write, mut pieces: &mut [IoSlice<'_>]) -> io::Result<()> {
    IoSlice::advance_slices(&mut pieces, 0); // empty ones may come first
    while !pieces.is_empty() {
        match out.write_vectored(pieces) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => IoSlice::advance_slices(&mut pieces, n),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
