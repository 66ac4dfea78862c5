//! A TCP connection that somebody holds: what both flavours of streams have in common.

use super::host::Host;
use super::options::ConnectOptions;
use crate::base::{Chunk, ConnId, Duration, Instant, SocketError};
use crate::socket::SocketId;
use crate::stack::Stack;
use crate::tcp::{Config, State};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

type Answer<T> = Result<T, SocketError>;

/// The one holder of a connection; dropping it closes.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) host: Host,
    pub(super) id: ConnId,
    /// Reading was shut down: what has come can be read, then comes the end.
    read_shut: AtomicBool,
    write_shut: AtomicBool,
}

impl Connection {
    /// Takes hold of a connection.
    pub(super) fn new(host: &Host, id: ConnId) -> Connection {
        let (read_shut, write_shut) = (AtomicBool::new(false), AtomicBool::new(false));
        Connection { host: host.clone(), id, read_shut, write_shut }
    }

    /// Starts to open a connection.
    pub(super) fn open(
        host: &Host,
        remote: SocketAddr,
        options: ConnectOptions,
    ) -> io::Result<Connection> {
        let ConnectOptions { local, config, .. } = options;
        let id = host.with(|stack, now| stack.connect(now, remote, local, config))?;
        Ok(Connection::new(host, id))
    }

    pub(super) fn socket(&self) -> SocketId {
        SocketId::Conn(self.id)
    }

    /// Makes a call.
    pub(super) fn with<T>(
        &self,
        f: impl FnOnce(&mut Stack, Instant) -> Answer<T>,
    ) -> io::Result<T> {
        Ok(self.host.with(f)?)
    }

    // ---- calls that may have to wait; each is made under the host's mutex

    /// Whether the opening has ended well.
    pub(super) fn opened(&self, stack: &mut Stack, now: Instant) -> Answer<()> {
        match stack.state(self.id)? {
            // A SYN that waits for data goes out with what is written.
            State::SynSent | State::SynReceived if !stack.conn(self.id)?.syn_waits() => {
                Err(SocketError::WouldBlock)
            }
            state => {
                stack.take_error(now, self.socket())?;
                if state == State::Closed { Err(SocketError::NotConnected) } else { Ok(()) }
            }
        }
    }

    pub(super) fn read(&self, stack: &mut Stack, now: Instant, room: &mut [u8]) -> Answer<usize> {
        self.or_end(stack.read(now, self.id, room))
    }

    #[cfg(feature = "tokio")]
    pub(super) fn read_with(
        &self,
        stack: &mut Stack,
        now: Instant,
        (max, put): (usize, impl FnMut(&[u8])),
    ) -> Answer<usize> {
        self.or_end(stack.read_with(now, self.id, max, put))
    }

    pub(super) fn peek(&self, stack: &mut Stack, now: Instant, room: &mut [u8]) -> Answer<usize> {
        self.or_end(stack.peek(now, self.id, room))
    }

    pub(super) fn read_chunk(
        &self,
        stack: &mut Stack,
        now: Instant,
        max: usize,
    ) -> Answer<Option<Chunk>> {
        self.or_end(stack.read_chunk(now, self.id, max))
    }

    /// The end is what nothing would be.
    fn or_end<T: Default>(&self, answer: Answer<T>) -> Answer<T> {
        match answer {
            Err(SocketError::WouldBlock) if self.read_shut.load(Ordering::Relaxed) => {
                Ok(T::default())
            }
            other => other,
        }
    }

    // ---- calls that never wait

    /// Ends the reading side for this holder: the peer is not told (TCP cannot).
    pub(super) fn shut_read(&self) {
        self.host.rouse(self.socket(), |_, _| self.read_shut.store(true, Ordering::Relaxed));
    }

    /// Ends the sending side, once.
    pub(super) fn shut_write(&self) -> io::Result<()> {
        self.with(|stack, now| {
            if !self.write_shut.load(Ordering::Relaxed) {
                stack.shutdown(now, self.id)?;
                self.write_shut.store(true, Ordering::Relaxed);
            }
            Ok(())
        })
    }

    /// Changes the knobs.
    pub(super) fn configure(&self, change: impl FnOnce(&mut Config)) -> io::Result<()> {
        self.with(|stack, now| {
            let mut config = stack.config(self.id)?.clone();
            change(&mut config);
            stack.configure(now, self.id, config)
        })
    }

    pub(super) fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.configure(|config| config.linger = linger)
    }

    pub(super) fn linger(&self) -> Option<Duration> {
        self.with(|stack, _| Ok(stack.config(self.id)?.linger)).ok().flatten()
    }

    pub(super) fn take_error(&self) -> Option<io::Error> {
        self.with(|stack, now| stack.take_error(now, self.socket())).err()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.host.rouse(self.socket(), |stack, now| stack.close(now, self.id));
    }
}

/// The methods that streams of both flavours offer, on a type that `$held` gives the
/// [`Connection`] of.
macro_rules! connection_methods {
    () => {
        /// Our address and port.
        ///
        /// # Errors
        /// None while the host knows the connection.
        pub fn local_addr(&self) -> io::Result<SocketAddr> {
            let connection = self.connection();
            connection.with(|stack, _| Ok(stack.pair(connection.id)?.local))
        }

        /// The peer's address and port.
        ///
        /// # Errors
        /// None while the host knows the connection.
        pub fn peer_addr(&self) -> io::Result<SocketAddr> {
            let connection = self.connection();
            connection.with(|stack, _| Ok(stack.pair(connection.id)?.remote))
        }

        /// Reads what is there, without waiting (`MSG_DONTWAIT`); 0 is the peer's close.
        ///
        /// # Errors
        /// `WouldBlock` when nothing is there yet; as reading.
        pub fn try_read(&self, room: &mut [u8]) -> io::Result<usize> {
            if room.is_empty() {
                return Ok(0);
            }
            let connection = self.connection();
            connection.host.at_once(|stack, now| connection.read(stack, now, room))
        }

        /// As [`Self::read_chunk`], without waiting.
        ///
        /// # Errors
        /// As [`Self::try_read`].
        pub fn try_read_chunk(&self, max: usize) -> io::Result<Option<crate::base::Chunk>> {
            if max == 0 {
                return Ok(None);
            }
            let connection = self.connection();
            connection.host.at_once(|stack, now| connection.read_chunk(stack, now, max))
        }

        /// Looks at what is there without taking it, and without waiting (`MSG_PEEK`).
        ///
        /// # Errors
        /// As [`Self::try_read`]: an error is told once, to whoever looks or reads first.
        pub fn try_peek(&self, room: &mut [u8]) -> io::Result<usize> {
            let connection = self.connection();
            connection.host.at_once(|stack, now| connection.peek(stack, now, room))
        }

        /// Writes what there is room for, without waiting (`MSG_DONTWAIT`).
        ///
        /// # Errors
        /// `WouldBlock` when there is no room; as writing.
        pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
            let connection = self.connection();
            connection.host.at_once(|stack, now| stack.write(now, connection.id, bytes))
        }

        /// Writes what there is room for, without waiting, and says that more follows (`MSG_MORE`):
        /// a segment that is not full waits for it.
        ///
        /// # Errors
        /// As [`Self::try_write`].
        pub fn try_write_more(&self, bytes: &[u8]) -> io::Result<usize> {
            let connection = self.connection();
            connection.host.at_once(|stack, now| stack.write_more(now, connection.id, bytes))
        }

        /// Reads the last urgent byte when it is kept out of line (`MSG_OOB`, with
        /// [`crate::tcp::Config::oobinline`] off).
        ///
        /// # Errors
        /// `WouldBlock` before it has come, `InvalidInput` when there is none or it was read.
        pub fn read_urgent(&self) -> io::Result<u8> {
            let connection = self.connection();
            connection.with(|stack, now| stack.read_urgent(now, connection.id))
        }

        /// Holds segments that are not full back, or lets them go (`TCP_CORK`).
        ///
        /// # Errors
        /// As [`Self::configure`].
        pub fn set_cork(&self, cork: bool) -> io::Result<()> {
            self.configure(|config| config.cork = cork)
        }

        /// How much may be written and not sent yet (`TCP_NOTSENT_LOWAT`).
        ///
        /// # Errors
        /// As [`Self::configure`].
        pub fn set_notsent_lowat(&self, bytes: Option<u32>) -> io::Result<()> {
            self.configure(|config| config.notsent_lowat = bytes)
        }

        /// How much must be there before a reader is woken (`SO_RCVLOWAT`).
        ///
        /// # Errors
        /// As [`Self::configure`].
        pub fn set_rcvlowat(&self, bytes: u32) -> io::Result<()> {
            self.configure(|config| config.rcvlowat = bytes)
        }

        /// The connection's number: its name in records, and for calls that only the stack has
        /// (see [`Host::with`](crate::net::Host::with)).
        pub fn id(&self) -> crate::base::ConnId {
            self.connection().id
        }

        /// The host.
        pub fn host(&self) -> &Host {
            &self.connection().host
        }

        /// The connection's state (RFC 9293 §3.3.2).
        ///
        /// # Errors
        /// None while the host knows the connection.
        pub fn state(&self) -> io::Result<crate::tcp::State> {
            let connection = self.connection();
            connection.with(|stack, _| stack.state(connection.id))
        }

        /// The connection in numbers, as Linux's `tcp_info`.
        ///
        /// # Errors
        /// None while the host knows the connection.
        pub fn info(&self) -> io::Result<crate::tcp::TcpInfo> {
            let connection = self.connection();
            connection.with(|stack, now| stack.info(now, connection.id))
        }

        /// All knobs of the connection.
        ///
        /// # Errors
        /// None while the host knows the connection.
        pub fn config(&self) -> io::Result<crate::tcp::Config> {
            let connection = self.connection();
            connection.with(|stack, _| stack.config(connection.id).cloned())
        }

        /// Changes knobs of the connection; those that were negotiated keep their values.
        ///
        /// # Errors
        /// None while the host knows the connection.
        pub fn configure(&self, change: impl FnOnce(&mut crate::tcp::Config)) -> io::Result<()> {
            self.connection().configure(change)
        }

        /// Switches Nagle's algorithm off, or on again (RFC 9293 §3.7.4).
        ///
        /// # Errors
        /// As [`Self::configure`].
        pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
            self.configure(|config| config.nagle = !nodelay)
        }

        /// Whether Nagle's algorithm is off.
        ///
        /// # Errors
        /// As [`Self::config`].
        pub fn nodelay(&self) -> io::Result<bool> {
            Ok(!self.config()?.nagle)
        }

        /// Asks for ACKs at once, or for ACKs that wait for data to carry them (`TCP_QUICKACK`),
        /// until what comes and goes decides otherwise.
        ///
        /// # Errors
        /// None while the host knows the connection.
        pub fn set_quickack(&self, quick: bool) -> io::Result<()> {
            let connection = self.connection();
            connection.with(|stack, now| stack.set_quickack(now, connection.id, quick))
        }

        /// Whether ACKs do not wait for data to carry them.
        ///
        /// # Errors
        /// None while the host knows the connection.
        pub fn quickack(&self) -> io::Result<bool> {
            let connection = self.connection();
            connection.with(|stack, _| stack.quickack(connection.id))
        }

        /// Has silent peers probed, or not (RFC 9293 §3.8.4).
        ///
        /// # Errors
        /// As [`Self::configure`].
        pub fn set_keepalive(&self, keepalive: Option<crate::tcp::Keepalive>) -> io::Result<()> {
            self.configure(|config| config.keepalive = keepalive)
        }

        /// Chooses the congestion control by its name (`TCP_CONGESTION`): it goes on with the
        /// window that there is.
        ///
        /// # Errors
        /// `NotFound` when there is none of that name; as [`Self::configure`].
        pub fn set_congestion(&self, name: &str) -> io::Result<()> {
            let found = name.parse::<crate::tcp::cc::Algorithm>();
            let found = found.map_err(|error| io::Error::new(io::ErrorKind::NotFound, error))?;
            self.configure(|config| config.congestion = found)
        }

        /// The congestion control's name.
        ///
        /// # Errors
        /// As [`Self::config`].
        pub fn congestion(&self) -> io::Result<&'static str> {
            Ok(self.config()?.congestion.name())
        }

        /// Ends the connection when data stays unacknowledged for so long (RFC 9293 §3.9.1.8);
        /// `None`: after the retransmissions that the knobs allow.
        ///
        /// # Errors
        /// As [`Self::configure`].
        pub fn set_user_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
            self.configure(|config| config.user_timeout = timeout)
        }

        /// The hops that packets of the connection may take (`IP_TTL`, `IPV6_UNICAST_HOPS`).
        ///
        /// # Errors
        /// `InvalidInput` for none or more than 255; as [`Self::configure`].
        pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
            let ttl = crate::net::options::hops(ttl)?;
            self.configure(|config| config.mark.ttl = Some(ttl))
        }

        /// What [`Self::set_ttl`] was told, or 64.
        ///
        /// # Errors
        /// As [`Self::config`].
        pub fn ttl(&self) -> io::Result<u32> {
            Ok(self.config()?.mark.ttl.map_or(64, u32::from))
        }

        /// The traffic class of packets (`IP_TOS`, `IPV6_TCLASS`); its two bits of ECN are TCP's
        /// own.
        ///
        /// # Errors
        /// As [`Self::configure`].
        pub fn set_tos(&self, tos: u8) -> io::Result<()> {
            self.configure(|config| config.mark.tos = tos)
        }

        /// What [`Self::set_tos`] was told, or 0.
        ///
        /// # Errors
        /// As [`Self::config`].
        pub fn tos(&self) -> io::Result<u8> {
            Ok(self.config()?.mark.tos)
        }

        /// What becomes of packets on paths that are too narrow (`IP_MTU_DISCOVER`): see
        /// [`crate::tcp::Config::mtu_discover`].
        ///
        /// # Errors
        /// As [`Self::configure`].
        pub fn set_mtu_discover(&self, discover: crate::wire::ip::Discover) -> io::Result<()> {
            self.configure(|config| config.mtu_discover = discover)
        }

        /// What [`Self::set_mtu_discover`] was told, or that they become smaller.
        ///
        /// # Errors
        /// As [`Self::config`].
        pub fn mtu_discover(&self) -> io::Result<crate::wire::ip::Discover> {
            Ok(self.config()?.mtu_discover)
        }

        /// The longest packet that the path carries, as far as is known, bytes (`IP_MTU`).
        ///
        /// # Errors
        /// None while the host knows the connection.
        pub fn mtu(&self) -> io::Result<u16> {
            let connection = self.connection();
            connection.with(|stack, _| Ok(stack.conn(connection.id)?.path_mtu()))
        }

        /// The largest payload of a segment (`TCP_MAXSEG`): of what the peer and the path allow,
        /// the smaller, less what options take. To announce less than the interface allows, set
        /// [`crate::tcp::Config::mss`] before connecting or listening.
        ///
        /// # Errors
        /// None while the host knows the connection.
        pub fn max_segment(&self) -> io::Result<u32> {
            let connection = self.connection();
            connection.with(|stack, _| Ok(stack.conn(connection.id)?.smss()))
        }

        /// Bytes that can be read now (`SIOCINQ`).
        ///
        /// # Errors
        /// None while the host knows the connection.
        pub fn readable_bytes(&self) -> io::Result<usize> {
            let connection = self.connection();
            connection.with(|stack, _| Ok(stack.conn(connection.id)?.queues().0 as usize))
        }

        /// Bytes written that the peer has not acknowledged (`SIOCOUTQ`).
        ///
        /// # Errors
        /// None while the host knows the connection.
        pub fn unacknowledged_bytes(&self) -> io::Result<usize> {
            let connection = self.connection();
            connection.with(|stack, _| Ok(stack.conn(connection.id)?.queues().1 as usize))
        }

        /// Bytes written that were not sent even once (`SIOCOUTQNSD`).
        ///
        /// # Errors
        /// None while the host knows the connection.
        pub fn unsent_bytes(&self) -> io::Result<usize> {
            let connection = self.connection();
            connection.with(|stack, _| Ok(stack.conn(connection.id)?.unsent() as usize))
        }

        /// The error the connection has (`SO_ERROR`); told once.
        ///
        /// # Errors
        /// None; for likeness with the standard library.
        pub fn take_error(&self) -> io::Result<Option<io::Error>> {
            Ok(self.connection().take_error())
        }
    };
}
pub(super) use connection_methods;
