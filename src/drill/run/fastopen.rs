//! TCP Fast Open in scripts: the sysctls and the options of sockets.

use super::args::{Answer, Trouble};
use super::calls::Progress;
use super::errno::Errno;
use super::machine::{Machine, Place, Sock};
use super::profile::Profile;
use super::sockopt::Value;
use super::symbols::{MSG_FASTOPEN, SOL_TCP, TCP_FASTOPEN_NO_COOKIE};
use super::transfer::Move;
use crate::base::ConnId;
use crate::tcp::{FastOpening, Keys, State};
use std::net::SocketAddr;

/// Bits of `tcp_fastopen`.
const CLIENT: i64 = 1;
const SERVER: i64 = 2;
const CLIENT_WITHOUT_COOKIE: i64 = 4;
const SERVER_WITHOUT_COOKIE: i64 = 0x200;
const ALL_LISTENERS: i64 = 0x400;

/// Where it is kept that a socket wants no cookie.
const NO_COOKIE: (i64, i64) = (SOL_TCP, TCP_FASTOPEN_NO_COOKIE);

fn opening(on: bool, without_cookie: bool) -> FastOpening {
    match (on, without_cookie) {
        (false, _) => FastOpening::Off,
        (true, false) => FastOpening::On,
        (true, true) => FastOpening::NoCookie,
    }
}

/// `net.ipv4.tcp_fastopen`; other bits mean nothing.
pub(super) fn turn(profile: &mut Profile, bits: i64) {
    let has = |bit| bits & bit != 0;
    profile.tcp.fastopen_client = opening(has(CLIENT), has(CLIENT_WITHOUT_COOKIE));
    profile.tcp.fastopen_server = opening(has(SERVER), has(SERVER_WITHOUT_COOKIE));
    let queue = &mut profile.tcp.fastopen_queue;
    *queue = match (has(ALL_LISTENERS), *queue) {
        (true, Some(0)) => None,
        (false, None) => Some(0),
        (_, same) => same,
    };
}

/// `net.ipv4.tcp_fastopen_key`.
pub(super) fn turn_key(profile: &mut Profile, text: &str) -> Result<(), String> {
    let keys: Keys = text.parse().map_err(|()| "four words of 32 bits are meant, as in 1-2-3-4")?;
    profile.tcp.fastopen_key = Some(keys);
    Ok(())
}

/// Nothing of this changes once a socket is connected.
fn before_connection(sock: &Sock) -> Answer<()> {
    match sock.place {
        Place::New | Place::Listener(_) => Ok(()),
        Place::Conn(_) | Place::Udp(_) => Err(Errno::EINVAL.into()),
    }
}

/// `TCP_FASTOPEN`.
pub(super) fn set_queue(sock: &mut Sock, value: &Value) -> Answer<()> {
    before_connection(sock)?;
    sock.config.fastopen_queue = Some(value.within(0, i64::from(i32::MAX))? as u32);
    Ok(())
}

/// `TCP_FASTOPEN_KEY`.
pub(super) fn set_key(sock: &mut Sock, value: &Value) -> Answer<()> {
    let Value::Text(bytes) = value else { return Err(Errno::EINVAL.into()) };
    sock.config.fastopen_key = Some(Keys::from_bytes(bytes).ok_or(Errno::EINVAL)?);
    Ok(())
}

/// `TCP_FASTOPEN_NO_COOKIE`.
pub(super) fn set_no_cookie(sock: &mut Sock, value: &Value) -> Answer<()> {
    let without = value.within(0, 1)? != 0;
    before_connection(sock)?;
    sock.kept.insert(NO_COOKIE, i64::from(without));
    let config = &mut sock.config;
    config.fastopen_server = opening(config.fastopen_server != FastOpening::Off, without);
    config.fastopen_client = opening(config.fastopen_client != FastOpening::Off, without);
    Ok(())
}

/// `TCP_FASTOPEN_CONNECT`.
pub(super) fn set_connect(sock: &mut Sock, value: &Value) -> Answer<()> {
    let on = value.within(0, 1)? != 0;
    if sock.config.fastopen_client == FastOpening::Off {
        return Err(Errno::EOPNOTSUPP.into());
    }
    if sock.place != Place::New {
        return Err(Errno::EINVAL.into());
    }
    sock.config.fastopen_connect = on;
    Ok(())
}

/// A call that sends before its connection is open; `None`: it is another call. Else the
/// connection, when it is open, and something is left to send.
pub(super) fn early(
    machine: &mut Machine,
    what: Move,
    (to, nonblocking): (Option<SocketAddr>, bool),
    progress: &mut Progress,
) -> Option<Answer<Option<ConnId>>> {
    let sock = machine.sock_at(what.index).ok()?.clone();
    let waits = |conn| machine.world.stack.conn(conn).is_ok_and(|conn| conn.syn_waits());
    let size = (what.len, nonblocking);
    let answer = match sock.place {
        Place::Conn(conn) if waits(conn) => first(machine, conn, size, progress),
        _ if !sock.udp && (what.flags & MSG_FASTOPEN != 0 || progress.begun) => {
            send(machine, what.index, to, size, progress)
        }
        _ => return None,
    };
    Some(answer)
}

/// Sends as it connects (`MSG_FASTOPEN`): what does not go with the SYN follows when the connection
/// is open.
fn send(
    machine: &mut Machine,
    index: usize,
    to: Option<SocketAddr>,
    (len, nonblocking): (usize, bool),
    progress: &mut Progress,
) -> Answer<Option<ConnId>> {
    let sock = machine.sock_at(index)?.clone();
    if progress.begun {
        let conn = sock.conn().ok_or(Errno::EBADF)?;
        return opened(machine, index, conn).map(Some);
    }
    if sock.config.fastopen_client == FastOpening::Off {
        return Err(Errno::EOPNOTSUPP.into());
    }
    match sock.place {
        Place::New => {}
        Place::Conn(conn) if machine.world.state(Some(conn)) == State::SynSent => {
            return if nonblocking {
                Err(Errno::EALREADY.into())
            } else {
                Err(Trouble::Block(None))
            };
        }
        Place::Conn(conn)
            if sock.connecting && machine.world.state(Some(conn)) == State::Closed =>
        {
            return super::calls::failed(machine, index, conn);
        }
        Place::Conn(conn)
            if sock.connecting && machine.world.state(Some(conn)).is_synchronized() =>
        {
            machine.sock_at(index)?.connecting = false; // it hears that it is connected, and sends
            return Ok(Some(conn));
        }
        _ => return Err(Errno::EISCONN.into()),
    }
    let to = to.ok_or(Errno::EOPNOTSUPP)?;
    let remote = SocketAddr::new(to.ip().to_canonical(), to.port());
    let (now, config) = (machine.world.now, Some(sock.config.clone()));
    let bytes = vec![0; len.min(1 << 16)];
    let stack = &mut machine.world.stack;
    let data = (&bytes[..], !nonblocking);
    let (conn, taken) = stack.connect_with(now, remote, sock.bound, config, data)?;
    let sock = machine.sock_at(index)?;
    (sock.place, sock.connecting) = (Place::Conn(conn), nonblocking);
    machine.begin_active(conn);
    (progress.begun, progress.done) = (true, taken);
    went(nonblocking)
}

/// The first write of a connection whose SYN waits for it.
fn first(
    machine: &mut Machine,
    conn: ConnId,
    (len, nonblocking): (usize, bool),
    progress: &mut Progress,
) -> Answer<Option<ConnId>> {
    let bytes = vec![0; len.min(1 << 16)];
    let now = machine.world.now;
    let stack = &mut machine.world.stack;
    progress.done = match nonblocking {
        true => stack.write(now, conn, &bytes)?,
        false => stack.write_more(now, conn, &bytes)?,
    };
    progress.begun = true;
    went(nonblocking)
}

/// The SYN goes: without waiting, that is all.
fn went(nonblocking: bool) -> Answer<Option<ConnId>> {
    if nonblocking { Ok(None) } else { Err(Trouble::Block(None)) }
}

/// A connection that is opened with data is open.
fn opened(machine: &mut Machine, index: usize, conn: ConnId) -> Answer<ConnId> {
    match machine.world.state(Some(conn)) {
        State::SynSent | State::SynReceived => Err(Trouble::Block(None)),
        State::Closed => super::calls::failed(machine, index, conn),
        _ => Ok(conn),
    }
}

pub(super) fn key(sock: &Sock) -> Value {
    Value::Text(sock.config.fastopen_key.map_or_else(Vec::new, |keys| keys.to_bytes()))
}

pub(super) fn is_without_cookie(sock: &Sock) -> bool {
    sock.kept.get(&NO_COOKIE) == Some(&1)
}
