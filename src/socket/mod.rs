//! Row 3, below `stack`: where a segment finds its connection, and what user code holds.

pub mod demux;
pub mod tcp;

use crate::base::{ConnId, ListenerId, UdpId};

/// Any socket of a host.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum SocketId {
    /// A TCP connection.
    Conn(ConnId),
    /// A TCP listener.
    Listener(ListenerId),
    /// A UDP socket.
    Udp(UdpId),
    /// An identifier of echo requests.
    Echo(u16),
}

/// What a user waits for.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Interest {
    /// Data, the end, an error, or a connection to accept.
    pub read: bool,
    /// Room to write, the end of the opening, or an error.
    pub write: bool,
    /// The end of everything: closed, or our FIN acknowledged.
    pub finish: bool,
}

impl Interest {
    /// Waiting to read.
    pub const READ: Interest = Interest { read: true, write: false, finish: false };
    /// Waiting to write.
    pub const WRITE: Interest = Interest { read: false, write: true, finish: false };
    /// Waiting for the end.
    pub const FINISH: Interest = Interest { read: false, write: false, finish: true };

    /// Both.
    pub fn with(self, other: Interest) -> Interest {
        Interest {
            read: self.read || other.read,
            write: self.write || other.write,
            finish: self.finish || other.finish,
        }
    }

    /// Whether nothing is waited for.
    pub fn is_none(self) -> bool {
        self == Interest::default()
    }
}
