//! What ends a driver's sleep: a descriptor that is ready, somebody who rings, or time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Ends a driver's sleep. Rings are kept until the driver sleeps. Cloning gives another handle.
#[derive(Clone, Debug)]
pub struct Bell(Arc<Inner>);

/// A descriptor to sleep on, and whether room to write ends the sleep, too.
#[cfg(unix)]
pub(super) type Descriptor<'a> = Option<(std::os::fd::BorrowedFd<'a>, bool)>;
/// There are no descriptors.
#[cfg(not(unix))]
pub(super) type Descriptor<'a> = Option<(std::marker::PhantomData<&'a ()>, bool)>;

#[cfg(all(target_os = "linux", feature = "tun"))]
type Inner = crate::sys::poll::Wake;
#[cfg(not(all(target_os = "linux", feature = "tun")))]
type Inner = crate::net::Signal;

#[cfg(all(target_os = "linux", feature = "tun"))]
impl Bell {
    /// A bell that nobody has rung.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn new() -> io::Result<Bell> {
        Ok(Bell(Arc::new(Inner::new()?)))
    }

    /// Rings: ends the sleep, or the next one.
    pub fn ring(&self) {
        self.0.wake();
    }

    /// Another descriptor of it, readable while somebody has rung.
    ///
    /// # Errors
    /// When the process has none left.
    #[cfg(feature = "tokio")]
    pub(super) fn descriptor(&self) -> io::Result<std::os::fd::OwnedFd> {
        use std::os::fd::AsFd;
        self.0.as_fd().try_clone_to_owned()
    }

    /// Forgets that somebody has rung.
    #[cfg(feature = "tokio")]
    pub(super) fn clear(&self) {
        self.0.clear();
    }

    /// Sleeps for `most` at most; says whether the descriptor or a ring has ended it.
    pub(super) fn sleep(&self, on: Descriptor<'_>, most: Option<Duration>) -> io::Result<bool> {
        use crate::sys::poll::{Interest, wait};
        let device =
            on.map(|(fd, room)| (fd, if room { Interest::ReadWrite } else { Interest::Read }));
        wait(device, &self.0, most).map(|ready| ready.device || ready.woken)
    }
}

/// Without the system's help there is no waiting for descriptors: devices ring.
#[cfg(not(all(target_os = "linux", feature = "tun")))]
impl Bell {
    /// A bell that nobody has rung.
    ///
    /// # Errors
    /// None here.
    pub fn new() -> io::Result<Bell> {
        Ok(Bell(Arc::new(Inner::new())))
    }

    /// Rings: ends the sleep, or the next one.
    pub fn ring(&self) {
        self.0.raise();
    }

    pub(super) fn sleep(&self, on: Descriptor<'_>, most: Option<Duration>) -> io::Result<bool> {
        if on.is_some() {
            let text = "waiting for a descriptor needs the feature `tun`";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        Ok(self.0.wait(most.and_then(|most| std::time::Instant::now().checked_add(most))))
    }
}
