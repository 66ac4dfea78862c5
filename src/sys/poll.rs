//! Waiting for a device, for another thread or for time, whichever comes first (ppoll(2),
//! eventfd(2)).

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use std::io;
#[cfg(feature = "tokio")]
use std::os::fd::OwnedFd;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;
#[cfg(feature = "tokio")]
use tokio::io::unix::AsyncFd;

/// Ends another thread's [`wait`]. A wake-up is kept until that thread waits.
#[derive(Debug)]
pub struct Wake(EventFd);

impl Wake {
    /// Nobody woken yet.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn new() -> io::Result<Wake> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        Ok(Wake(EventFd::from_flags(flags)?))
    }

    /// Ends the current or the next [`wait`]. Any thread may call it, any number of times.
    pub fn wake(&self) {
        // It fails only when 2^64 - 2 wake-ups are pending: one is enough.
        let _ = self.0.write(1);
    }

    /// Forgets wake-ups; says whether there was one.
    pub fn clear(&self) -> bool {
        self.0.read().is_ok()
    }
}

/// Readable while a wake-up is kept.
impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What ended a wait. Neither is set when it was time, or a signal.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Ready {
    /// The descriptor has what was waited for, or an error that reading will tell.
    pub device: bool,
    /// Somebody called [`Wake::wake`].
    pub woken: bool,
}

/// What a descriptor is waited for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Interest {
    /// Something to read.
    Read,
    /// Something to read, or room to write.
    ReadWrite,
}

/// Waits until `device` is ready, `wake` was called or `timeout` (`None`: never) has passed.
///
/// # Errors
/// What ppoll(2) says, except for an interruption, which ends the wait.
pub fn wait(
    device: Option<(BorrowedFd<'_>, Interest)>,
    wake: &Wake,
    timeout: Option<Duration>,
) -> io::Result<Ready> {
    let events = match device {
        Some((_, Interest::ReadWrite)) => PollFlags::POLLIN | PollFlags::POLLOUT,
        _ => PollFlags::POLLIN,
    };
    let own = PollFd::new(wake.0.as_fd(), PollFlags::POLLIN);
    let mut fds = [own, PollFd::new(device.map_or(wake.0.as_fd(), |(fd, _)| fd), events)];
    let count = if device.is_some() { 2 } else { 1 };
    match ppoll(&mut fds[..count], timeout.map(TimeSpec::from_duration), None) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Ok(Ready::default()),
        Err(errno) => return Err(errno.into()),
    }
    let fired = |fd: &PollFd<'_>| fd.any().unwrap_or(true);
    let device = device.is_some() && fired(&fds[1]);
    Ok(Ready { device, woken: fired(&fds[0]) && wake.clear() })
}

/// A descriptor that tasks wait for.
///
/// # Errors
/// When the runtime's poller does not take it.
///
/// # Panics
/// Outside a runtime with I/O.
#[cfg(feature = "tokio")]
pub fn register(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is one descriptor, which stays open until it is dropped; the `AsyncFd`
    // owns it from here on.
    Ok(unsafe { AsyncFd::register(fd) }?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;

    #[test]
    fn the_first_reason_ends_the_wait() {
        let wake = Wake::new().expect("an eventfd");
        let (here, mut there) = UnixStream::pair().expect("a socket pair");
        let now = Some(Duration::ZERO);
        let on = |fd| Some((fd, Interest::Read));
        assert_eq!(wait(on(here.as_fd()), &wake, now).expect("polled"), Ready::default());
        there.write_all(b"x").expect("written");
        let device = Ready { device: true, woken: false };
        assert_eq!(wait(on(here.as_fd()), &wake, None).expect("polled"), device);
        (&here).read_exact(&mut [0]).expect("read");
        wake.wake();
        wake.wake();
        let woken = Ready { device: false, woken: true };
        assert_eq!(wait(on(here.as_fd()), &wake, None).expect("polled"), woken);
        assert_eq!(wait(on(here.as_fd()), &wake, now).expect("polled"), Ready::default());
        let both = Some((here.as_fd(), Interest::ReadWrite));
        assert_eq!(wait(both, &wake, None).expect("polled"), device, "there is room to write");
        let tick = Some(Duration::from_nanos(1));
        assert_eq!(wait(None, &wake, tick).expect("polled"), Ready::default());
    }

    #[test]
    fn another_thread_wakes() {
        let wake = Arc::new(Wake::new().expect("an eventfd"));
        let other = Arc::clone(&wake);
        let thread = std::thread::spawn(move || other.wake());
        let ready = wait(None, &wake, None).expect("polled");
        assert!(ready.woken);
        thread.join().expect("it only wakes");
    }
}
