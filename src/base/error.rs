//! What a socket call can answer besides success: one small enum, mapped to `std::io::ErrorKind`.

use std::fmt;
use std::io;

/// Why a socket call failed, or why a connection ended.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum SocketError {
    /// The peer answered the SYN with a reset, or a datagram with "port unreachable".
    Refused,
    /// The peer reset the connection.
    Reset,
    /// The connection was aborted on this side.
    Aborted,
    /// Nobody answered in time.
    TimedOut,
    /// The host cannot be reached (ICMP, or no neighbour).
    HostUnreachable,
    /// The network cannot be reached (ICMP, or no route).
    NetworkUnreachable,
    /// The address and port are taken.
    AddrInUse,
    /// The address is not one of this host's, or no ephemeral port is free.
    AddrNotAvailable,
    /// The socket is not connected.
    NotConnected,
    /// The socket is connected already.
    AlreadyConnected,
    /// Sending after the sending side was shut down.
    BrokenPipe,
    /// A datagram larger than the protocol (or the path, without fragmentation) allows.
    MessageTooLong,
    /// An argument that means nothing.
    InvalidInput,
    /// Nothing can be done right now: wait for readiness.
    WouldBlock,
    /// The handle names nothing any more.
    BadHandle,
    /// A bound of this host is reached.
    LimitReached,
    /// Sending to everybody without having said that this is meant.
    AccessDenied,
    /// The host knows no such protocol (ICMP).
    NoProtocol,
    /// A header was not understood (ICMP).
    Protocol,
    /// A source route failed (ICMP).
    NotSupported,
    /// The host is not known, or down (ICMP).
    HostDown,
    /// The host is isolated (ICMP).
    NoNetwork,
}

impl SocketError {
    /// The nearest standard kind.
    pub fn kind(self) -> io::ErrorKind {
        match self {
            SocketError::Refused => io::ErrorKind::ConnectionRefused,
            SocketError::Reset => io::ErrorKind::ConnectionReset,
            SocketError::Aborted => io::ErrorKind::ConnectionAborted,
            SocketError::TimedOut => io::ErrorKind::TimedOut,
            SocketError::HostUnreachable => io::ErrorKind::HostUnreachable,
            SocketError::NetworkUnreachable => io::ErrorKind::NetworkUnreachable,
            SocketError::AddrInUse => io::ErrorKind::AddrInUse,
            SocketError::AddrNotAvailable => io::ErrorKind::AddrNotAvailable,
            SocketError::NotConnected | SocketError::BadHandle => io::ErrorKind::NotConnected,
            SocketError::AlreadyConnected => io::ErrorKind::AlreadyExists,
            SocketError::BrokenPipe => io::ErrorKind::BrokenPipe,
            SocketError::MessageTooLong => io::ErrorKind::InvalidInput,
            SocketError::InvalidInput => io::ErrorKind::InvalidInput,
            SocketError::WouldBlock => io::ErrorKind::WouldBlock,
            SocketError::LimitReached => io::ErrorKind::OutOfMemory,
            SocketError::AccessDenied => io::ErrorKind::PermissionDenied,
            SocketError::NoProtocol | SocketError::Protocol => io::ErrorKind::Other,
            SocketError::NotSupported => io::ErrorKind::Unsupported,
            SocketError::HostDown | SocketError::NoNetwork => io::ErrorKind::HostUnreachable,
        }
    }
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SocketError::Refused => "connection refused",
            SocketError::Reset => "connection reset by peer",
            SocketError::Aborted => "connection aborted",
            SocketError::TimedOut => "connection timed out",
            SocketError::HostUnreachable => "no route to host",
            SocketError::NetworkUnreachable => "network is unreachable",
            SocketError::AddrInUse => "address already in use",
            SocketError::AddrNotAvailable => "cannot assign requested address",
            SocketError::NotConnected => "not connected",
            SocketError::AlreadyConnected => "already connected",
            SocketError::BrokenPipe => "broken pipe: the sending side was shut down",
            SocketError::MessageTooLong => "message too long",
            SocketError::InvalidInput => "invalid argument",
            SocketError::WouldBlock => "nothing can be done right now",
            SocketError::BadHandle => "no such socket",
            SocketError::LimitReached => "a limit of this host is reached",
            SocketError::AccessDenied => "permission denied",
            SocketError::NoProtocol => "protocol not available",
            SocketError::Protocol => "protocol error",
            SocketError::NotSupported => "operation not supported",
            SocketError::HostDown => "host is down",
            SocketError::NoNetwork => "machine is not on the network",
        })
    }
}

impl std::error::Error for SocketError {}

impl From<SocketError> for io::Error {
    fn from(error: SocketError) -> io::Error {
        io::Error::new(error.kind(), error)
    }
}
