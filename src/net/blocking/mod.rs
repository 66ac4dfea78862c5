//! Sockets for threads: `Read` and `Write`, with the names and habits of `std::net`.
//!
//! Calls wait until they can go on, at most as long as the socket's timeout says; then they fail
//! with `WouldBlock`, as `std::net` does on Unix. Errors are those of the connection: a peer's
//! close reads as 0 bytes, its reset as `ConnectionReset`; `NetworkDown` means that the host's
//! driver has ended.

mod listener;
mod stream;
mod udp;

pub use listener::{Incoming, TcpListener};
pub use stream::TcpStream;
pub use udp::UdpSocket;

use std::io;
use std::time::{Duration, Instant};

/// When a wait of at most `timeout` ends, and how it is called when it fails.
fn until(timeout: Option<Duration>, late: io::ErrorKind) -> (Option<Instant>, io::ErrorKind) {
    (timeout.and_then(|timeout| Instant::now().checked_add(timeout)), late)
}

/// Timeouts of a socket, as `std::net` has them.
#[derive(Debug, Default)]
struct Timeouts(std::sync::Mutex<[Option<Duration>; 2]>);

impl Timeouts {
    const READ: usize = 0;
    const WRITE: usize = 1;

    fn get(&self, which: usize) -> Option<Duration> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)[which]
    }

    fn set(&self, which: usize, timeout: Option<Duration>) -> io::Result<()> {
        if timeout == Some(Duration::ZERO) {
            let text = "a timeout of zero means nothing: use None to wait for ever";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)[which] = timeout;
        Ok(())
    }

    fn until(&self, which: usize) -> (Option<Instant>, io::ErrorKind) {
        until(self.get(which), io::ErrorKind::WouldBlock)
    }
}

/// The timeout methods of a socket that has `timeouts()`.
macro_rules! timeout_methods {
    () => {
        /// How long reading may wait; `None`: for ever.
        ///
        /// # Errors
        /// `InvalidInput` for a timeout of zero.
        pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
            self.timeouts().set(Timeouts::READ, timeout)
        }

        /// How long writing may wait; `None`: for ever.
        ///
        /// # Errors
        /// `InvalidInput` for a timeout of zero.
        pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
            self.timeouts().set(Timeouts::WRITE, timeout)
        }

        /// How long reading may wait.
        pub fn read_timeout(&self) -> Option<Duration> {
            self.timeouts().get(Timeouts::READ)
        }

        /// How long writing may wait.
        pub fn write_timeout(&self) -> Option<Duration> {
            self.timeouts().get(Timeouts::WRITE)
        }
    };
}
use timeout_methods;
