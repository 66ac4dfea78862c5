//! What a TCP user calls: listen, accept, connect, write, shutdown, close, abort, and the questions
//! around them; `reading` has the rest. Nothing here waits: [`Stack::want`] says who is woken.

use super::event::{Call, Event};
use super::zone::zoned;
use super::{Input, Stack, cx};
use crate::base::{ConnId, EventId, Instant, Limit, ListenerId, SocketError};
use crate::socket::demux::Pair;
use crate::socket::{Interest, SocketId};
use crate::tcp::{Config, Conn, Listener, Opening, State, SynCookies, TcpInfo, isn};
use std::net::SocketAddr;
use std::sync::Arc;

/// How to listen.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct ListenOptions {
    /// Connections that may wait half open, and as many complete ones. Default 128, 1.. .
    pub backlog: u32,
    /// Listen although connections of an earlier listener still use the port. Default false.
    pub reuse_address: bool,
    /// At `::`, hear IPv6 alone. Default false: IPv4, too (as Linux).
    pub v6_only: bool,
    /// The knobs of accepted connections; `None`: the host's.
    pub config: Option<Config>,
    /// When SYNs are answered with cookies. Default: when the backlog is full (as Linux).
    pub syn_cookies: SynCookies,
}

impl Default for ListenOptions {
    fn default() -> ListenOptions {
        let syn_cookies = SynCookies::WhenFull;
        ListenOptions {
            backlog: 128,
            reuse_address: false,
            v6_only: false,
            config: None,
            syn_cookies,
        }
    }
}

type Answer<T> = Result<T, SocketError>;

/// How bytes are written.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum WriteKind {
    /// As they are.
    Plain,
    /// More follows.
    More,
    /// The last is urgent.
    Urgent,
    /// The last ends a record.
    Record,
}

impl Stack {
    /// Listens at `local`; an unspecified address means any of the host's, port 0 any free one.
    ///
    /// # Errors
    /// `AddrNotAvailable` when the address is not the host's, or no port is free; `AddrInUse`.
    pub fn listen(
        &mut self,
        now: Instant,
        local: SocketAddr,
        options: ListenOptions,
    ) -> Answer<ListenerId> {
        self.keep(now, || Input::Listen { local, options: options.clone() });
        let (id, backlog) = (self.trace.reserve(), options.backlog);
        let result = self.try_listen(now, local, id, options);
        let (at, told) = match &result {
            Ok((_, local)) => (*local, Ok(0)),
            Err(error) => (local, Err(*error)),
        };
        self.told_as(now, id, None, Call::Listen { local: at, backlog }, told);
        self.collect(now, None, |event| Event::Listener { local: at, remote: None, event });
        result.map(|(id, _)| id)
    }

    // Rules: MUST-41.
    fn try_listen(
        &mut self,
        now: Instant,
        mut local: SocketAddr,
        cause: EventId,
        options: ListenOptions,
    ) -> Answer<(ListenerId, SocketAddr)> {
        if !local.ip().is_unspecified() && !self.is_own(local.ip()) {
            return Err(SocketError::AddrNotAvailable);
        }
        local = self.canonical(local)?;
        if local.port() == 0 {
            let v6_only = options.v6_only;
            local.set_port(self.tcp.pick_listen_port(local.ip(), v6_only, &self.chance)?);
        } else if self.tcp.conflicts(local, options.v6_only, options.reuse_address) {
            return Err(SocketError::AddrInUse);
        }
        let config = options.config.map_or_else(|| self.tcp_config.clone(), Arc::new);
        let backlog = options.backlog.max(1) as usize;
        let cookies = options.syn_cookies;
        let listener = Listener::open(config, backlog, cookies, &mut cx!(self, now, cause));
        let id = self.tcp.next_listener();
        self.tcp.insert_listener(local, options.v6_only, listener, backlog);
        Ok((id, local))
    }

    /// LISTEN at a socket that listens: from now on with these knobs, backlog and cookies (as Linux
    /// has it: options set on a listening socket count for the SYNs that come after). Where it
    /// listens stays.
    ///
    /// # Errors
    /// `BadHandle`.
    pub fn listen_on(
        &mut self,
        now: Instant,
        id: ListenerId,
        options: ListenOptions,
    ) -> Answer<()> {
        self.keep(now, || Input::ListenOn { id, options: options.clone() });
        let backlog = options.backlog.max(1) as usize;
        let slot = self.tcp.listener_mut(id).ok_or_else(Self::gone)?;
        slot.backlog = backlog;
        let config = options.config.map(Arc::new);
        slot.listener.configure(config, backlog, options.syn_cookies);
        Ok(())
    }

    /// Where a listener listens.
    pub fn listener_addr(&self, id: ListenerId) -> Option<SocketAddr> {
        self.tcp.listener(id).map(|slot| slot.local)
    }

    /// Stops listening: half-open connections and those that nobody accepted are reset, accepted
    /// ones live on.
    ///
    /// # Errors
    /// `BadHandle`.
    pub fn close_listener(&mut self, now: Instant, id: ListenerId) -> Answer<()> {
        self.keep(now, || Input::CloseListener { id });
        let mut slot = self.tcp.remove_listener(id).ok_or_else(Self::gone)?;
        let local = slot.local;
        let call = Call::CloseListener { local };
        let cause = self.note(now, None, EventId::NONE, || Event::Call { call, result: Ok(0) });
        while let Some((site, mut out)) = slot.listener.reset_one(&mut cx!(self, now, cause)) {
            let pair = Pair { local: site.local, remote: site.remote };
            self.collect_stray(now, pair);
            if let Ok((iface, _)) = self.route_for(site.remote) {
                self.send_segment(now, iface, pair, &mut out);
            }
        }
        slot.listener.close(&mut cx!(self, now, cause));
        self.collect(now, None, |event| Event::Listener { local, remote: None, event });
        for conn in slot.accept_queue {
            self.abort(now, conn);
        }
        Ok(())
    }

    /// The oldest connection that waits at a listener, and its peer.
    ///
    /// # Errors
    /// `WouldBlock` when none waits, `BadHandle`.
    pub fn accept(&mut self, now: Instant, id: ListenerId) -> Answer<(ConnId, SocketAddr)> {
        let slot = self.tcp.listener_mut(id).ok_or_else(Self::gone)?;
        let conn = slot.accept_queue.pop_front().ok_or(SocketError::WouldBlock)?;
        self.keep(now, || Input::Accept { id });
        let key = self.tcp.place(conn).ok_or_else(Self::gone)?;
        self.tcp.slot_mut(key).conn.on_accept();
        let remote = self.tcp.slot(key).pair.remote;
        self.told(now, conn, Call::Accept, Ok(0));
        Ok((conn, remote))
    }

    /// Opens a connection to `remote`, from `local` or from an address and port the host chooses.
    /// It is open when its state says so; `write` and `read` wait until then.
    ///
    /// # Errors
    /// `NetworkUnreachable` without a route, `AddrNotAvailable` for a local address that is not
    /// ours or when all ports are taken, `AddrInUse` when the pair is, `InvalidInput` for an
    /// impossible peer, `LimitReached`.
    pub fn connect(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        local: Option<SocketAddr>,
        config: Option<Config>,
    ) -> Answer<ConnId> {
        self.keep(now, || Input::Connect { remote, local, config: config.clone() });
        self.open(now, remote, local, config, None).map(|(id, _)| id)
    }

    /// As [`Stack::connect`], with data that goes along with the SYN as far as that is possible
    /// (RFC 7413; `MSG_FASTOPEN`): says how much does. The rest is to be written when the
    /// connection is open; `more`: as soon as it is, so that the handshake's ACK waits for it.
    ///
    /// # Errors
    /// As [`Stack::connect`].
    pub fn connect_with(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        local: Option<SocketAddr>,
        config: Option<Config>,
        (bytes, more): (&[u8], bool),
    ) -> Answer<(ConnId, usize)> {
        self.keep(now, || {
            let (config, bytes) = (config.clone(), bytes.to_vec());
            Input::ConnectWith { remote, local, config, bytes, more }
        });
        self.open(now, remote, local, config, Some((bytes, more)))
    }

    fn open(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        local: Option<SocketAddr>,
        config: Option<Config>,
        data: Option<(&[u8], bool)>,
    ) -> Answer<(ConnId, usize)> {
        let result = self.try_connect(now, remote, local, config, data);
        if let Err(error) = result {
            let call = Call::Connect { remote };
            self.note(now, None, EventId::NONE, || Event::Call { call, result: Err(error) });
        }
        result
    }

    // Rules: MUST-44, MUST-46, MUST-43.
    fn try_connect(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        local: Option<SocketAddr>,
        config: Option<Config>,
        data: Option<(&[u8], bool)>,
    ) -> Answer<(ConnId, usize)> {
        let impossible = remote.ip().is_unspecified() || remote.ip().is_multicast();
        if remote.port() == 0 || impossible {
            return Err(SocketError::InvalidInput);
        }
        let remote = self.canonical(remote)?;
        let (iface, own) = self.route_for(remote)?;
        let link = &self.ifaces[usize::from(iface.0)];
        let (mtu, gso_max) = (link.mtu(own), link.setup.gso_max);
        if self.ifaces[usize::from(iface.0)].local().is_broadcast(remote.ip()) {
            return Err(SocketError::InvalidInput);
        }
        if self.tcp.len() >= self.connections_max {
            return Err(SocketError::LimitReached);
        }
        let ip = local.map(|l| l.ip()).filter(|ip| !ip.is_unspecified()).unwrap_or(own);
        if !self.is_own(ip) {
            return Err(SocketError::AddrNotAvailable);
        }
        let port = match local.map_or(0, |l| l.port()) {
            0 => self.tcp.pick_port(ip, remote, &self.chance)?,
            port => port,
        };
        let pair = Pair { local: zoned(ip, port, iface), remote };
        if self.tcp.find(&pair).is_some() {
            return Err(SocketError::AddrInUse);
        }
        let opening = Opening {
            local_port: port,
            remote_port: remote.port(),
            iss: isn::iss(now, pair.local, remote, &self.chance),
            ts_offset: isn::ts_offset(pair.local, remote, &self.chance),
            mtu,
            v6: remote.is_ipv6(),
            gso_max,
            config: config.map_or_else(|| self.tcp_config.clone(), Arc::new),
        };
        self.snmp.tcp_active_opens += 1;
        let id = self.tcp.next_id();
        self.note(now, Some(id), EventId::NONE, || Event::Conn { local: pair.local, remote });
        let cause = self.told(now, id, Call::Connect { remote }, Ok(0));
        let client = self.fast_client(now, &opening.config, pair, data.is_some());
        let cx = &mut cx!(self, now, cause);
        let mut conn = match client {
            Some(client) => Conn::connect_fast(opening, client, cx),
            None => Conn::connect(opening, cx),
        };
        let taken = data.map_or(0, |(bytes, more)| conn.write_with_syn(bytes, more, cx));
        let key = self.tcp.insert(conn, pair, iface);
        self.collect(now, Some(id), Event::Tcp);
        self.tcp.queue(key);
        Ok((id, taken))
    }

    /// Queues bytes for the peer; says how many there was room for.
    ///
    /// # Errors
    /// As [`Conn::write`]; `BadHandle`.
    pub fn write(&mut self, now: Instant, id: ConnId, bytes: &[u8]) -> Answer<usize> {
        self.write_with(now, id, bytes, WriteKind::Plain)
    }

    /// As [`Stack::write`], and more follows (`MSG_MORE`): see [`Conn::write_more`].
    ///
    /// # Errors
    /// As [`Conn::write`]; `BadHandle`.
    pub fn write_more(&mut self, now: Instant, id: ConnId, bytes: &[u8]) -> Answer<usize> {
        self.write_with(now, id, bytes, WriteKind::More)
    }

    /// As [`Stack::write`], with the last byte marked urgent.
    ///
    /// # Errors
    /// As [`Conn::write`]; `BadHandle`.
    pub fn write_urgent(&mut self, now: Instant, id: ConnId, bytes: &[u8]) -> Answer<usize> {
        self.write_with(now, id, bytes, WriteKind::Urgent)
    }

    /// As [`Stack::write`], and a record ends (`MSG_EOR`): see [`Conn::write_record`].
    ///
    /// # Errors
    /// As [`Conn::write`]; `BadHandle`.
    pub fn write_record(&mut self, now: Instant, id: ConnId, bytes: &[u8]) -> Answer<usize> {
        self.write_with(now, id, bytes, WriteKind::Record)
    }

    pub(super) fn write_with(
        &mut self,
        now: Instant,
        id: ConnId,
        bytes: &[u8],
        kind: WriteKind,
    ) -> Answer<usize> {
        let key = self.tcp.place(id).ok_or_else(Self::gone)?;
        let whole = bytes;
        let bytes = match self.tcp.is_pressed() {
            true => {
                let share = self.tcp.slot(key).conn.share_of_write(bytes.len());
                &bytes[..share.ok_or(SocketError::WouldBlock)?]
            }
            false => bytes,
        };
        let cause = self.trace.reserve();
        let conn = &mut self.tcp.slot_mut(key).conn;
        let cx = &mut cx!(self, now, cause);
        let kind = if bytes.len() == whole.len() { kind } else { WriteKind::Plain };
        let result = match kind {
            WriteKind::Plain => conn.write(bytes, cx),
            WriteKind::More => conn.write_more(bytes, cx),
            WriteKind::Urgent => conn.write_urgent(bytes, cx),
            WriteKind::Record => conn.write_record(bytes, cx),
        };
        if result != Err(SocketError::WouldBlock) {
            let taken = *result.as_ref().unwrap_or(&0);
            self.keep(now, || {
                let bytes = bytes[..taken.max(1).min(bytes.len())].to_vec();
                Input::Write { id, bytes, kind }
            });
            let call = Call::Write { len: whole.len() as u32 };
            self.told_as(now, cause, Some(id), call, result.map(|n| n as u64));
        } else {
            self.trace.release(cause);
        }
        self.collect(now, Some(id), Event::Tcp);
        self.tcp.queue(key);
        result
    }

    /// Ends our sending side: FIN follows the data.
    ///
    /// # Errors
    /// `NotConnected`, `BadHandle`, or the connection's error.
    pub fn shutdown(&mut self, now: Instant, id: ConnId) -> Answer<()> {
        self.keep(now, || Input::Shutdown { id });
        let key = self.tcp.place(id).ok_or_else(Self::gone)?;
        let cause = self.trace.reserve();
        let conn = &mut self.tcp.slot_mut(key).conn;
        let result = conn.shutdown(&mut cx!(self, now, cause));
        self.told_as(now, cause, Some(id), Call::Shutdown, result.map(|()| 0));
        self.collect(now, Some(id), Event::Tcp);
        self.settle(now, key);
        result
    }

    /// Lets go of a connection: what was written is still delivered (see [`Conn::close`]).
    pub fn close(&mut self, now: Instant, id: ConnId) {
        self.let_go(now, id, Call::Close);
    }

    /// Drops a connection: what was written may be lost, the peer is told by a reset.
    pub fn abort(&mut self, now: Instant, id: ConnId) {
        self.let_go(now, id, Call::Abort);
    }

    /// Tells that a service's connection has hit a limit of its policy. The service ends it, now or
    /// later; the segment that ends it gives the limit as its reason.
    pub fn limited(&mut self, now: Instant, id: ConnId, limit: Limit) {
        self.keep(now, || Input::Limited { id, limit });
        self.hit(now, id, limit);
    }

    /// Drops a connection that has hit a limit, with that as the reason of the reset.
    pub fn abort_for(&mut self, now: Instant, id: ConnId, limit: Limit) {
        self.keep(now, || Input::AbortFor { id, limit });
        if let Some((key, cause)) = self.hit(now, id, limit) {
            self.end(now, key, Call::Abort, cause);
        }
    }

    /// Counts and tells a limit that was hit, once; says where the connection is.
    fn hit(&mut self, now: Instant, id: ConnId, limit: Limit) -> Option<(usize, EventId)> {
        let key = self.tcp.place(id)?;
        self.tcp.slot_mut(key).conn.limited(limit);
        self.hits.count(limit);
        Some((key, self.note(now, Some(id), EventId::NONE, || Event::Limit { limit })))
    }

    fn let_go(&mut self, now: Instant, id: ConnId, call: Call) {
        self.keep(now, || match call {
            Call::Abort => Input::Abort { id },
            _ => Input::Close { id },
        });
        let Some(key) = self.tcp.place(id) else { return };
        let cause = self.told(now, id, call, Ok(0));
        self.end(now, key, call, cause);
    }

    /// Closes or aborts a connection, of which nobody will ask any more.
    fn end(&mut self, now: Instant, key: usize, call: Call, cause: EventId) {
        let slot = self.tcp.slot_mut(key);
        let (id, conn) = (slot.id, &mut slot.conn);
        let (cx, before) = (&mut cx!(self, now, cause), conn.state());
        match call {
            Call::Abort => conn.abort(cx),
            _ => conn.close(cx),
        }
        self.snmp.tcp_went(before, conn.state(), false);
        self.collect(now, Some(id), Event::Tcp);
        self.settle(now, key);
    }

    /// Changes a connection's knobs; those that were negotiated keep their values.
    ///
    /// # Errors
    /// `BadHandle`.
    // Rules: SHLD-21, SHLD-23.
    pub fn configure(&mut self, now: Instant, id: ConnId, config: Config) -> Answer<()> {
        self.keep(now, || Input::Configure { id, config: config.clone() });
        let key = self.tcp.place(id).ok_or_else(Self::gone)?;
        let conn = &mut self.tcp.slot_mut(key).conn;
        let keepalive = conn.config().keepalive != config.keepalive;
        let user_timeout = conn.config().user_timeout != config.user_timeout;
        conn.configure(|old| *old = config);
        let cx = &mut cx!(self, now, EventId::NONE);
        if keepalive {
            conn.restart_keepalive(cx);
        }
        if user_timeout {
            conn.restart_user_timeout(cx);
        }
        self.collect(now, Some(id), Event::Tcp);
        self.settle(now, key);
        Ok(())
    }

    /// Asks for ACKs at once, or for ACKs that wait for data to carry them: see
    /// [`Conn::set_quickack`].
    ///
    /// # Errors
    /// `BadHandle`.
    pub fn set_quickack(&mut self, now: Instant, id: ConnId, quick: bool) -> Answer<()> {
        self.keep(now, || Input::SetQuickack { id, quick });
        let key = self.tcp.place(id).ok_or_else(Self::gone)?;
        let conn = &mut self.tcp.slot_mut(key).conn;
        conn.set_quickack(quick, &mut cx!(self, now, EventId::NONE));
        self.tcp.queue(key);
        Ok(())
    }

    /// Whether ACKs do not wait for data to carry them.
    ///
    /// # Errors
    /// `BadHandle`.
    pub fn quickack(&self, id: ConnId) -> Answer<bool> {
        Ok(self.conn(id)?.quickack())
    }

    /// A connection's knobs.
    ///
    /// # Errors
    /// `BadHandle`.
    pub fn config(&self, id: ConnId) -> Answer<&Config> {
        Ok(self.conn(id)?.config())
    }

    /// A connection, to look at.
    ///
    /// # Errors
    /// `BadHandle`.
    pub fn conn(&self, id: ConnId) -> Answer<&Conn> {
        let key = self.tcp.place(id).ok_or_else(Self::gone)?;
        Ok(&self.tcp.slot(key).conn)
    }

    /// A connection's pair of sockets.
    ///
    /// # Errors
    /// `BadHandle`.
    pub fn pair(&self, id: ConnId) -> Answer<Pair> {
        let key = self.tcp.place(id).ok_or_else(Self::gone)?;
        Ok(self.tcp.slot(key).pair)
    }

    /// A connection's state.
    ///
    /// # Errors
    /// `BadHandle`.
    pub fn state(&self, id: ConnId) -> Answer<State> {
        Ok(self.conn(id)?.state())
    }

    /// A connection's `tcp_info`.
    ///
    /// # Errors
    /// `BadHandle`.
    pub fn info(&self, now: Instant, id: ConnId) -> Answer<TcpInfo> {
        Ok(self.conn(id)?.info(now))
    }

    /// The error a socket has, told once (SO_ERROR).
    ///
    /// # Errors
    /// That error; `BadHandle`.
    pub fn take_error(&mut self, now: Instant, id: SocketId) -> Answer<()> {
        self.keep(now, || Input::TakeError { id });
        match id {
            SocketId::Conn(id) => {
                let key = self.tcp.place(id).ok_or_else(Self::gone)?;
                let conn = &mut self.tcp.slot_mut(key).conn;
                conn.take_error()?;
                let soft = if conn.config().is_linux() { conn.take_soft_error() } else { None };
                soft.map_or(Ok(()), Err)
            }
            SocketId::Listener(id) => self.tcp.listener(id).map(|_| ()).ok_or_else(Self::gone),
            SocketId::Udp(id) => {
                let socket = self.udp.get_mut(id).ok_or_else(Self::gone)?;
                socket.take_error().map_or(Ok(()), Err)
            }
            SocketId::Echo(_) => Ok(()),
        }
    }

    /// Registers what a socket's user waits for; it will be in [`Stack::take_woken`]'s list once.
    /// `false` when there is nothing to wait for: it is there, or the socket is gone.
    pub fn want(&mut self, now: Instant, id: SocketId, interest: Interest) -> bool {
        self.keep(now, || Input::Want { id, interest });
        match id {
            SocketId::Conn(id) => {
                self.tcp.place(id).is_some_and(|key| self.tcp.want(key, interest))
            }
            SocketId::Listener(id) => self.tcp.want_accept(id),
            SocketId::Udp(id) => {
                let idle = self.udp.get(id).is_some_and(|socket| {
                    let (read, write) = (interest.read, interest.write);
                    !(read && socket.is_readable() || write && socket.is_writable())
                });
                if idle {
                    self.udp_waiting.insert(id);
                }
                idle
            }
            SocketId::Echo(id) => self.want_answer(id),
        }
    }

    fn told(&mut self, now: Instant, id: ConnId, call: Call, result: Answer<u64>) -> EventId {
        self.note(now, Some(id), EventId::NONE, || Event::Call { call, result })
    }

    /// Tells a call whose number was reserved before it was made.
    pub(super) fn told_as(
        &mut self,
        now: Instant,
        id: EventId,
        conn: Option<ConnId>,
        call: Call,
        result: Answer<u64>,
    ) {
        if self.trace.is_listening() {
            let (causes, event) = ([EventId::NONE; 2], Event::Call { call, result });
            self.log.push(super::Record { id, at: now, conn, causes, event });
        }
    }
}
