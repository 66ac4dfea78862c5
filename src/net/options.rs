//! What can be said about a connection before it opens.

use crate::base::Duration;
use crate::tcp;
use std::io;
use std::net::SocketAddr;

/// How to connect.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConnectOptions {
    /// From which address and port; `None`, an unspecified address or port 0: the host chooses.
    pub local: Option<SocketAddr>,
    /// The connection's knobs; `None`: the host's.
    pub config: Option<tcp::Config>,
    /// How long a blocking connect may take; `None`: until the last SYN has gone unanswered. Tasks
    /// put a timeout around the future.
    pub timeout: Option<Duration>,
}

/// A number of hops as IP has room for it.
pub(super) fn hops(ttl: u32) -> io::Result<u8> {
    let text = "a packet takes 1 to 255 hops";
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, text);
    u8::try_from(ttl).ok().filter(|ttl| *ttl > 0).ok_or_else(wrong)
}
