//! Stands for the harness of benches/micro: what that times is counted here.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// The name of the function whose instructions are counted, with those of all that it calls.
pub(crate) const COUNTED: &str = "only_this_is_counted";
/// Batches before those that count, so that tables and queues have grown, and those that do.
const WARM_UP: usize = 4;
pub(crate) const BATCHES: usize = 8;

static COUNTING: AtomicBool = AtomicBool::new(false);

#[inline(never)]
fn only_this_is_counted(work: &mut dyn FnMut()) {
    work();
    black_box(());
}

/// Does something, counted if its time has come.
pub(crate) fn timed(work: impl FnOnce()) -> Duration {
    let mut work = Some(work);
    let mut once = || work.take().into_iter().for_each(|work| work());
    match COUNTING.load(Relaxed) {
        true => only_this_is_counted(&mut once),
        false => once(),
    }
    Duration::ZERO
}

/// An operation.
pub(crate) struct Row {
    pub(crate) name: String,
    /// How many operations a batch has.
    pub(crate) batch: usize,
}

/// The operations: all of them by name, or one that is performed.
#[derive(Default)]
pub(crate) struct Table {
    performed: Option<String>,
    pub(crate) rows: Vec<Row>,
}

impl Table {
    /// Performs the operation of this name.
    pub(crate) fn performing(name: &str) -> Table {
        Table { performed: Some(name.to_owned()), rows: Vec::new() }
    }

    /// A row: `make` brings the state about; what it returns performs one batch of `batch`
    /// operations.
    pub(crate) fn row<S>(
        &mut self,
        name: &str,
        _bytes: usize,
        batch: usize,
        make: impl FnOnce() -> S,
    ) where
        S: FnMut() -> Duration,
    {
        match &self.performed {
            None => self.rows.push(Row { name: name.to_owned(), batch }),
            Some(performed) if performed == name => {
                let mut sample = make();
                for n in 0..WARM_UP + BATCHES {
                    COUNTING.store(n >= WARM_UP, Relaxed);
                    sample();
                }
            }
            Some(_) => {}
        }
    }
}
