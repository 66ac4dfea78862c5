//! The harness: an operation is timed in batches, so that the clock's own cost vanishes; what
//! prepares a batch and what checks it is not timed. Batches of copying as many bytes alternate
//! with those of the operation, so that both see the same machine.

use crate::{doc, machine};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Batches per row at most, and time spent on a row after which a smaller odd number will do.
const SAMPLES: usize = 1_001;
const ENOUGH: Duration = Duration::from_secs(2);
const SAMPLES_MIN: usize = 31;
/// Bytes that a batch of copying copies at least.
const COPIED_MIN: usize = 1 << 18;

/// How long `work` takes.
pub(crate) fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// The rows that were asked for, printed one by one.
pub(crate) struct Table {
    words: Vec<String>,
    once: bool,
    write: bool,
    /// What was measured, as lines of the document's table.
    lines: Vec<String>,
}

/// What an operation of `batch` operations on `bytes` bytes each is measured against: copying from
/// as many places as the batch has to one place, as a reader's buffer is.
struct Copying {
    from: Vec<u8>,
    to: Vec<u8>,
    rounds: usize,
}

impl Copying {
    fn new(bytes: usize, batch: usize) -> Copying {
        let rounds = 1 + COPIED_MIN / (bytes * batch);
        Copying { from: vec![7; bytes * batch], to: vec![0; bytes], rounds }
    }

    /// Nanoseconds per copy.
    fn sample(&mut self) -> f64 {
        let copies = self.rounds * (self.from.len() / self.to.len());
        let time = timed(|| {
            for _ in 0..self.rounds {
                for place in self.from.chunks_exact(self.to.len()) {
                    black_box(&mut self.to[..]).copy_from_slice(black_box(place));
                }
            }
        });
        per(time, copies)
    }
}

fn per(time: Duration, count: usize) -> f64 {
    time.as_nanos() as f64 / count as f64
}

/// The value that `part` of the samples do not exceed.
fn quantile(samples: &mut [f64], part: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[((samples.len() - 1) as f64 * part).round() as usize]
}

impl Table {
    /// As the command line says.
    pub(crate) fn from_args() -> Table {
        let (flags, words): (Vec<_>, Vec<_>) =
            std::env::args().skip(1).partition(|arg| arg.starts_with('-'));
        let has = |wanted: &str| flags.iter().any(|flag| flag == wanted);
        Table { words, once: !has("--bench"), write: has("--write"), lines: Vec::new() }
    }

    /// Puts what was measured into the document, if that was asked for and all was.
    pub(crate) fn finish(self) -> std::io::Result<()> {
        if !self.write || self.once || !self.words.is_empty() {
            return Ok(());
        }
        let heading = "| operation | bytes | ns | memcpy, ns | ratio |\n|---|--:|--:|--:|--:|";
        let text = format!("{}.\n\n{heading}\n{}", machine::stamp(), self.lines.join("\n"));
        doc::write(&[("operations".to_owned(), text)])
    }

    /// A row: `make` brings the state about; what it returns performs one batch of `batch`
    /// operations on `bytes` bytes each and says how long they took.
    pub(crate) fn row<S>(
        &mut self,
        name: &str,
        bytes: usize,
        batch: usize,
        make: impl FnOnce() -> S,
    ) where
        S: FnMut() -> Duration,
    {
        if !self.words.is_empty() && !self.words.iter().any(|word| name.contains(word.as_str())) {
            return;
        }
        let (mut sample, mut copying) = (make(), Copying::new(bytes, batch));
        if self.once {
            sample();
            return println!("{name}: done once");
        }
        for _ in 0..SAMPLES_MIN {
            sample();
            copying.sample();
        }
        let (mut ours, mut copies) = (Vec::new(), Vec::new());
        let start = Instant::now();
        while ours.len() < SAMPLES && (ours.len() < SAMPLES_MIN || start.elapsed() < ENOUGH) {
            ours.push(per(sample(), batch));
            copies.push(copying.sample());
        }
        self.print(name, bytes, &mut ours, &mut copies);
    }

    fn print(&mut self, name: &str, bytes: usize, ours: &mut [f64], copies: &mut [f64]) {
        if self.lines.is_empty() {
            println!("median ns per operation; [the middle half of all batches]\n");
            println!(
                "{:<46} {:>6} {:>9}  {:<17} {:>9} {:>7}",
                "operation", "bytes", "ns", "", "memcpy", "ratio"
            );
        }
        let (ns, copy) = (quantile(ours, 0.5), quantile(copies, 0.5));
        let half = format!("[{:.1}, {:.1}]", quantile(ours, 0.25), quantile(ours, 0.75));
        let ratio = ns / copy;
        println!("{name:<46} {bytes:>6} {ns:>9.1}  {half:<17} {copy:>9.1} {ratio:>7.1}");
        self.lines.push(format!("| {name} | {bytes} | {ns:.1} | {copy:.1} | {ratio:.1} |"));
    }
}
