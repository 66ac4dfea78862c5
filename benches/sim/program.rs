//! Programs.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

struct Program {
    future: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    again: AtomicBool,
}

impl Program {
    fn poll(self: &Arc<Self>) {
        self.again.store(true, SeqCst);
        let Ok(mut future) = self.future.try_lock() else { return };
        while self.again.swap(false, SeqCst) {
            let Some(running) = &mut *future else { return };
            let waker = Waker::from(Arc::clone(self));
            if running.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                *future = None;
            }
        }
    }
}

impl Wake for Program {
    fn wake(self: Arc<Self>) {
        self.poll();
    }
}

/// Starts one.
pub(crate) fn start(future: impl Future<Output = ()> + Send + 'static) {
    let future = Mutex::new(Some(Box::pin(future) as _));
    Arc::new(Program { future, again: AtomicBool::new(false) }).poll();
}
