//! A recorder with a thread of its own, so that a host does not wait for a disk unless that stays
//! behind.

use super::Recorder;
use crate::base::Instant;
use crate::stack::Input;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Inputs that wait to be written take so many bytes at most, but for those that came last.
const WAITING_MAX: usize = 8 << 20;

type Inputs = Vec<(Instant, Input)>;

/// Writes a recording in a thread of its own. Whoever adds inputs waits while too much is not
/// written yet, so nothing is lost and memory is bounded. Dropping it ends it as
/// [`Spool::finish`] does.
#[derive(Debug)]
pub struct Spool {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Something is to be written, or the end has come.
    more: Condvar,
    /// There is room again.
    room: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    inputs: Vec<Inputs>,
    /// What they take, with those that are being written.
    bytes: usize,
    ended: bool,
    /// Nothing is written any more.
    over: bool,
}

impl Spool {
    /// Goes on with a recording in another thread. When writing fails, that thread says so to
    /// `failed` and ends, and what is added from then on is dropped: nothing comes behind a gap.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn new<W: Write + Send + 'static>(
        recorder: Recorder<W>,
        failed: impl FnOnce(io::Error) + Send + 'static,
    ) -> io::Result<Spool> {
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let builder = std::thread::Builder::new().name("netglass-record".to_owned());
        let write = move || {
            let _over = Over(&theirs);
            if let Err(error) = theirs.write(recorder) {
                failed(error);
            }
        };
        let thread = Mutex::new(Some(builder.spawn(write)?));
        Ok(Spool { shared, thread })
    }

    /// Adds inputs; waits while too much waits already.
    pub fn inputs(&self, inputs: Vec<(Instant, Input)>) {
        let cost = cost(&inputs);
        let full = |queue: &mut Queue| queue.bytes >= WAITING_MAX && !queue.over;
        let queue = self.shared.room.wait_while(self.shared.lock(), full);
        let mut queue = queue.unwrap_or_else(PoisonError::into_inner);
        if queue.over {
            return;
        }
        let idle = queue.inputs.is_empty();
        queue.inputs.push(inputs);
        queue.bytes += cost;
        drop(queue);
        if idle {
            self.shared.more.notify_one();
        }
    }

    /// Waits until all is written, or that has failed, and ends.
    pub fn finish(&self) {
        self.shared.lock().ended = true;
        self.shared.more.notify_one();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.take().is_some_and(|thread| thread.join().is_err()) {
            log::warn!("the recorder's thread has panicked");
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread: writes what comes until the end, or until that fails.
    fn write<W: Write>(&self, mut recorder: Recorder<W>) -> io::Result<()> {
        let mut taken: Vec<Inputs> = Vec::new();
        loop {
            let idle = |queue: &mut Queue| queue.inputs.is_empty() && !queue.ended;
            let queue = self.more.wait_while(self.lock(), idle);
            let mut queue = queue.unwrap_or_else(PoisonError::into_inner);
            if queue.inputs.is_empty() {
                return Ok(());
            }
            std::mem::swap(&mut taken, &mut queue.inputs);
            let bytes = queue.bytes;
            drop(queue);
            taken.drain(..).try_for_each(|inputs| recorder.inputs(inputs))?;
            recorder.flush()?;
            let mut queue = self.lock();
            let full = queue.bytes >= WAITING_MAX;
            queue.bytes -= bytes;
            drop(queue);
            if full {
                self.room.notify_all();
            }
        }
    }
}

/// Tells, when the thread ends, that nothing is written any more.
struct Over<'a>(&'a Shared);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        (queue.over, queue.inputs) = (true, Vec::new());
        drop(queue);
        self.0.room.notify_all();
    }
}

/// The memory that inputs take.
fn cost(inputs: &Inputs) -> usize {
    let bytes = |(_, input): &(Instant, Input)| match input {
        Input::Frame { bytes, .. } => bytes.cost(),
        Input::Write { bytes, .. } | Input::SendTo { bytes, .. } => bytes.capacity(),
        _ => 0,
    };
    inputs.capacity() * size_of::<(Instant, Input)>() + inputs.iter().map(bytes).sum::<usize>()
}
