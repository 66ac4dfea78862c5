//! System calls: which there are, and those that make, join and end sockets. A call that waits is
//! made again whenever something has happened.

use super::args::{Address, Answer, Args, Trouble, address, refused};
use super::errno::Errno;
use super::machine::{File, Machine, Place, Sock, Under};
use super::settings::Version;
use super::symbols::*;
use crate::base::{ConnId, Duration, Instant};
use crate::drill::ast::Syscall;
use crate::drill::error::hint;
use crate::tcp::State;
use std::net::SocketAddr;

/// What a call that waits remembers between its attempts.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// When it was made.
    pub(super) since: Instant,
    /// Bytes moved so far.
    pub(super) done: usize,
    /// Whether it has begun what it now waits for.
    pub(super) begun: bool,
    /// What was read.
    pub(super) got: Vec<u8>,
    /// Who sent it, if it is a datagram.
    pub(super) from: Option<SocketAddr>,
    /// The buffer was too short for the datagram.
    pub(super) truncated: bool,
}

impl Progress {
    pub(super) fn new(since: Instant) -> Progress {
        Progress { since, done: 0, begun: false, got: Vec::new(), from: None, truncated: false }
    }
}

/// What a call returned: a number, and for calls that open files the files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Returned {
    pub(super) value: i64,
    /// Files that the script's numbers are to mean: the number, if it is in an argument, and which.
    pub(super) opened: Option<usize>,
}

impl From<i64> for Returned {
    fn from(value: i64) -> Returned {
        Returned { value, opened: None }
    }
}

fn opened(file: usize) -> Returned {
    Returned { value: file as i64, opened: Some(file) }
}

/// How many arguments a call has; `fcntl` and `ioctl` have one less where nothing is given.
const COUNTS: &[(&str, usize)] = &[
    ("socket", 3),
    ("bind", 3),
    ("listen", 2),
    ("accept", 3),
    ("connect", 3),
    ("read", 3),
    ("readv", 3),
    ("recv", 4),
    ("recvfrom", 6),
    ("recvmsg", 3),
    ("write", 3),
    ("writev", 3),
    ("send", 4),
    ("sendto", 6),
    ("sendmsg", 3),
    ("close", 1),
    ("shutdown", 2),
    ("getsockopt", 5),
    ("setsockopt", 5),
    ("poll", 3),
    ("cap_set", 3),
    ("open", 2),
    ("sendfile", 4),
    ("epoll_create", 1),
    ("epoll_ctl", 4),
    ("epoll_wait", 4),
    ("pipe", 1),
    ("splice", 6),
];

/// Others that are known, with as many arguments as it takes.
const OTHERS: [&str; 4] = ["accept4", "epoll_create1", "fcntl", "ioctl"];

fn unknown(name: &str) -> String {
    let near = hint(name, COUNTS.iter().map(|(known, _)| *known).chain(OTHERS));
    format!("the system call {name} is not known{near}")
}

/// Whether a call is one that is known; if not, what to say.
pub(super) fn known(call: &Syscall) -> Result<(), String> {
    let name = call.name.as_str();
    match COUNTS.iter().any(|(known, _)| *known == name) || OTHERS.contains(&name) {
        true => Ok(()),
        false => Err(unknown(name)),
    }
}

/// Whether a script's call has the arguments that its name wants.
pub(super) fn check(call: &Syscall) -> Result<(), String> {
    let wanted = COUNTS.iter().find(|(name, _)| *name == call.name).map(|(_, count)| *count);
    match wanted.filter(|wanted| *wanted != call.args.len()) {
        Some(wanted) => {
            Err(format!("{} has {wanted} arguments, not {}", call.name, call.args.len()))
        }
        None => Ok(()),
    }
}

/// Makes a call, or goes on with one that waited.
pub(super) fn call(
    machine: &mut Machine,
    call: &Syscall,
    progress: &mut Progress,
) -> Answer<Returned> {
    let args = Args(&call.args);
    let number = |answer: Answer| answer.map(Returned::from);
    match call.name.as_str() {
        "socket" => socket(machine, args).map(opened),
        "bind" => number(bind(machine, args)),
        "listen" => number(listen(machine, args)),
        "accept" | "accept4" => accept(machine, args).map(opened),
        "connect" => number(connect(machine, args, progress)),
        "shutdown" => number(shutdown(machine, args)),
        "close" => number(close(machine, args, progress)),
        "open" => machine.open(File::Disk).map(opened),
        "fcntl" => number(fcntl(machine, args)),
        "ioctl" => number(super::sockopt::ioctl(machine, args)),
        "setsockopt" => number(super::sockopt::set(machine, args)),
        "getsockopt" => number(super::sockopt::get(machine, args)),
        "poll" => number(super::waiting::poll(machine, args, progress)),
        "epoll_create" | "epoll_create1" => machine.open(File::Epoll(Vec::new())).map(opened),
        "epoll_ctl" => number(super::waiting::epoll_ctl(machine, args)),
        "epoll_wait" => number(super::waiting::epoll_wait(machine, args, progress)),
        "pipe" => number(pipe(machine, args)),
        "cap_set" => Ok(0.into()),
        name => match super::transfer::call(machine, name, args, progress) {
            Some(answer) => number(answer),
            None => refused(unknown(name)),
        },
    }
}

/// Waits, unless the file is not to.
pub(super) fn wait<T>(nonblocking: bool) -> Answer<T> {
    Err(if nonblocking { Errno::EAGAIN.into() } else { Trouble::Block(None) })
}

fn socket(machine: &mut Machine, args: Args<'_>) -> Answer<usize> {
    let family = args.number_or(
        0,
        match machine.settings.version {
            Version::V4 => AF_INET,
            Version::V6 | Version::Mapped => AF_INET6,
        },
    )?;
    let kind = args.number(1)?;
    let protocol = args.number_or(2, 0)?;
    let v6 = match family {
        AF_INET => false,
        AF_INET6 => true,
        _ => return Err(Errno::EAFNOSUPPORT.into()),
    };
    let nonblocking = kind & SOCK_NONBLOCK != 0;
    let udp = match (kind & 0xf, protocol) {
        (SOCK_STREAM, 0 | IPPROTO_TCP) => false,
        (SOCK_DGRAM, 0 | IPPROTO_UDP) => true,
        (SOCK_STREAM, IPPROTO_MPTCP) => return refused("MPTCP is not spoken"),
        (_, IPPROTO_SCTP) => return refused("SCTP is not spoken"),
        (_, IPPROTO_UDPLITE) => return refused("UDP-Lite is not spoken"),
        (SOCK_STREAM | SOCK_DGRAM, _) => return Err(Errno::EPROTONOSUPPORT.into()),
        _ => return refused("sockets other than of TCP and UDP are not known"),
    };
    let sock = machine.new_sock(v6, udp, nonblocking);
    let file = machine.open(File::Sock(Box::new(sock)))?;
    machine.under = Under::Socket(file);
    Ok(file)
}

fn bind(machine: &mut Machine, args: Args<'_>) -> Answer {
    let (index, sock) = machine.sock(args, 0)?;
    let sock = sock.clone();
    if sock.bound.is_some() || sock.place != Place::New {
        return Err(Errno::EINVAL.into());
    }
    let default = machine.configured_local(sock.v6);
    let local = match address(args.at(1)?, default)? {
        Address::Configured => default,
        Address::This(local) => local,
        Address::Unspecified => return Err(Errno::EAFNOSUPPORT.into()),
        Address::Null => return Err(Errno::EFAULT.into()),
    };
    if local.is_ipv6() != sock.v6 {
        return Err(if sock.v6 { Errno::EINVAL } else { Errno::EAFNOSUPPORT }.into());
    }
    bind_to(machine, index, local)?;
    Ok(0)
}

/// Binds a socket: one of TCP takes its place when it listens or connects.
fn bind_to(machine: &mut Machine, index: usize, local: SocketAddr) -> Answer<()> {
    let now = machine.world.now;
    let sock = machine.sock_at(index)?.clone();
    let place = match sock.udp {
        true => Place::Udp(machine.world.stack.bind(now, local, sock.reuse)?),
        false => {
            let ip = local.ip();
            let own = ip.is_unspecified()
                || ip == machine.settings.local
                || ip.to_canonical() == machine.settings.local;
            if !own {
                return Err(Errno::EADDRNOTAVAIL.into());
            }
            let others = machine.files.iter().enumerate().filter(|(at, _)| *at != index);
            let taken = others.into_iter().any(|(_, file)| match file {
                Some(File::Sock(other)) if !other.udp && other.place == Place::New => {
                    other.bound == Some(local) && !(other.reuse && sock.reuse)
                }
                _ => false,
            });
            let sockets = machine.world.stack.tcp();
            let port = local.port() != 0;
            if port && (taken || sockets.conflicts(local, sock.v6_only, sock.reuse)) {
                return Err(Errno::EADDRINUSE.into());
            }
            Place::New
        }
    };
    let sock = machine.sock_at(index)?;
    (sock.bound, sock.place) = (Some(local), place);
    machine.apply(index)
}

fn listen(machine: &mut Machine, args: Args<'_>) -> Answer {
    let backlog = args.number(1)?.clamp(1, i64::from(machine.profile.backlog_max)) as u32;
    let (index, sock) = machine.sock(args, 0)?;
    sock.backlog = backlog;
    let sock = sock.clone();
    match sock.place {
        _ if sock.udp => return Err(Errno::EOPNOTSUPP.into()),
        Place::Listener(_) => return machine.apply(index).map(|()| 0),
        Place::New => {}
        Place::Conn(_) | Place::Udp(_) => return Err(Errno::EINVAL.into()),
    }
    let mut local = machine.configured_local(sock.v6);
    local.set_port(0);
    let local = sock.bound.unwrap_or(local);
    let now = machine.world.now;
    let id = machine.world.stack.listen(now, local, sock.listen_options())?;
    machine.sock_at(index)?.place = Place::Listener(id);
    Ok(0)
}

fn accept(machine: &mut Machine, args: Args<'_>) -> Answer<usize> {
    let now = machine.world.now;
    let (_, sock) = machine.sock(args, 0)?;
    let sock = sock.clone();
    let Place::Listener(id) = sock.place else {
        return Err(if sock.udp { Errno::EOPNOTSUPP } else { Errno::EINVAL }.into());
    };
    let (conn, _) = match machine.world.stack.accept(now, id) {
        Ok(accepted) => accepted,
        Err(crate::base::SocketError::WouldBlock) => return wait(sock.nonblocking),
        Err(error) => return Err(error.into()),
    };
    if sock.config.is_bsd() && machine.world.state(Some(conn)) == State::Closed {
        machine.world.stack.close(now, conn);
        return Err(Errno::ECONNABORTED.into()); // it was reset before anybody accepted it
    }
    let nonblocking = args.number_or(3, 0)? & SOCK_NONBLOCK != 0;
    let (place, bound) = (Place::Conn(conn), sock.bound);
    let child = Sock { nonblocking, place, bound, ..sock };
    machine.open(File::Sock(Box::new(child)))
}

fn connect(machine: &mut Machine, args: Args<'_>, progress: &mut Progress) -> Answer {
    let (index, sock) = machine.sock(args, 0)?;
    let sock = sock.clone();
    if progress.begun {
        return connected(machine, index);
    }
    let remote = match address(args.at(1)?, machine.configured_remote())? {
        Address::Configured => machine.configured_remote(),
        Address::This(remote) => remote,
        Address::Unspecified => return disconnect(machine, index),
        Address::Null => return Err(Errno::EFAULT.into()),
    };
    if remote.is_ipv6() && !sock.v6 {
        return Err(Errno::EAFNOSUPPORT.into());
    }
    let now = machine.world.now;
    match sock.place {
        Place::Listener(_) if sock.config.is_bsd() => return Err(Errno::EOPNOTSUPP.into()),
        Place::Listener(_) => return Err(Errno::EISCONN.into()),
        Place::Conn(conn) => match machine.world.state(Some(conn)) {
            _ if machine.world.stack.conn(conn).is_ok_and(|conn| conn.syn_waits()) => {
                return Err(Errno::EISCONN.into());
            }
            State::SynSent | State::SynReceived => return Err(Errno::EALREADY.into()),
            _ if sock.connecting && !sock.config.is_bsd() => return connected(machine, index),
            State::Closed if sock.config.is_bsd() => {
                machine.world.stack.take_error(now, crate::socket::SocketId::Conn(conn))?;
                machine.world.stack.close(now, conn);
                machine.sock_at(index)?.place = Place::New;
            }
            _ => return Err(Errno::EISCONN.into()),
        },
        Place::New if sock.udp => {
            let any = SocketAddr::new(machine.configured_local(sock.v6).ip(), 0);
            bind_to(machine, index, any)?;
        }
        Place::New | Place::Udp(_) => {}
    }
    if let Place::Udp(id) = machine.sock_at(index)?.place {
        machine.world.stack.connect_udp(now, id, remote)?;
        return Ok(0);
    }
    // A mapped address is one of IPv4 (RFC 3493 §3.7).
    let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
    let (local, config) = (sock.bound, Some(sock.config.clone()));
    let conn = machine.world.stack.connect(now, remote, local, config)?;
    let own = machine.sock_at(index)?;
    (own.place, own.connecting) = (Place::Conn(conn), false);
    machine.begin_active(conn);
    if sock.quick.is_some() {
        machine.apply(index)?;
    }
    if machine.world.stack.conn(conn)?.syn_waits() {
        return Ok(0);
    }
    machine.sock_at(index)?.connecting = sock.nonblocking;
    progress.begun = true;
    match sock.nonblocking {
        true => Err(Errno::EINPROGRESS.into()),
        false => Err(Trouble::Block(None)),
    }
}

/// How a connection that is being opened has ended.
fn connected(machine: &mut Machine, index: usize) -> Answer {
    let Some(conn) = machine.sock_at(index)?.conn() else { return Err(Errno::EBADF.into()) };
    match machine.world.state(Some(conn)) {
        State::SynSent | State::SynReceived => wait(false),
        State::Closed => failed(machine, index, conn),
        _ => {
            machine.sock_at(index)?.connecting = false;
            Ok(0)
        }
    }
}

/// The call hears that its connection is not open: the socket of Linux is as new then.
pub(super) fn failed<T>(machine: &mut Machine, index: usize, conn: ConnId) -> Answer<T> {
    let now = machine.world.now;
    let told = machine.world.stack.take_error(now, crate::socket::SocketId::Conn(conn));
    let sock = machine.sock_at(index)?;
    if !sock.config.is_bsd() {
        (sock.place, sock.connecting) = (Place::New, false);
        machine.world.stack.close(now, conn);
    }
    told?;
    Err(Errno::ECONNABORTED.into())
}

/// `connect(AF_UNSPEC)`: the connection is dropped, the socket is as new.
fn disconnect(machine: &mut Machine, index: usize) -> Answer {
    let now = machine.world.now;
    let place = machine.sock_at(index)?.place;
    match place {
        Place::Conn(conn) => machine.world.stack.abort(now, conn),
        Place::Listener(id) => machine.world.stack.close_listener(now, id)?,
        Place::New => {}
        Place::Udp(_) => return refused("a UDP socket cannot be disconnected"),
    }
    let sock = machine.sock_at(index)?;
    (sock.place, sock.read_shut) = (Place::New, false);
    Ok(0)
}

fn shutdown(machine: &mut Machine, args: Args<'_>) -> Answer {
    let how = args.number(1)?;
    let now = machine.world.now;
    let (index, sock) = machine.sock(args, 0)?;
    if !(SHUT_RD..=SHUT_RDWR).contains(&how) {
        return Err(Errno::EINVAL.into());
    }
    match sock.place {
        Place::Conn(conn) => {
            sock.read_shut |= how != SHUT_WR;
            match machine.world.state(Some(conn)) {
                State::Closed | State::TimeWait => return Err(Errno::ENOTCONN.into()),
                State::SynSent => return disconnect(machine, index),
                _ if how != SHUT_WR && machine.world.stack.shut_read(now, conn).is_err() => {}
                _ if how == SHUT_RD => {}
                _ => machine.world.stack.shutdown(now, conn)?,
            }
        }
        Place::Listener(_) if how != SHUT_WR => return disconnect(machine, index),
        Place::Udp(_) | Place::Listener(_) => {}
        Place::New => return Err(Errno::ENOTCONN.into()),
    }
    Ok(0)
}

fn close(machine: &mut Machine, args: Args<'_>, progress: &mut Progress) -> Answer {
    let fd = args.number(0)?;
    let index = machine.index(fd)?;
    let now = machine.world.now;
    let Some(File::Sock(sock)) = machine.files[index].clone() else {
        machine.files[index] = None;
        return Ok(0);
    };
    let stack = &mut machine.world.stack;
    if !progress.begun {
        match (sock.place, sock.linger) {
            (Place::Conn(conn), Some(0)) => stack.abort(now, conn),
            (Place::Conn(conn), _) => stack.close(now, conn),
            (Place::Listener(id), _) => stack.close_listener(now, id)?,
            (Place::Udp(id), _) => stack.close_udp(now, id),
            (Place::New, _) => {}
        }
        progress.begun = true;
    }
    if let (Place::Conn(conn), Some(seconds @ 1..)) = (sock.place, sock.linger)
        && !sock.nonblocking
        && machine.world.stack.conn(conn).is_ok_and(|conn| !conn.readiness().finished)
    {
        let until = progress.since + Duration::from_secs(seconds);
        if now < until {
            return Err(Trouble::Block(Some(until)));
        }
    }
    machine.files[index] = None;
    Ok(0)
}

fn fcntl(machine: &mut Machine, args: Args<'_>) -> Answer {
    let command = args.number(1)?;
    let value = args.number_or(2, 0)?;
    let sock = match machine.file(args, 0)? {
        File::Sock(sock) => sock,
        _ if command == F_SETFL || command == F_SETFD => return Ok(0),
        _ => return Ok(O_RDWR),
    };
    match command {
        F_GETFL => Ok(O_RDWR | if sock.nonblocking { O_NONBLOCK } else { 0 }),
        F_SETFL => {
            sock.nonblocking = value & O_NONBLOCK != 0;
            Ok(0)
        }
        F_GETFD | F_SETFD => Ok(0),
        other => refused(format!("fcntl command {other} is not known")),
    }
}

fn pipe(machine: &mut Machine, args: Args<'_>) -> Answer {
    let crate::drill::ast::Expr::List(ends) = args.at(0)? else {
        return Err(Errno::EFAULT.into());
    };
    machine.pipes.push(0);
    let pipe = machine.pipes.len() - 1;
    for (end, reads) in ends.iter().zip([true, false]) {
        let file = machine.open(File::Pipe { pipe, reads })?;
        machine.labels.insert(super::args::number(end)?, file);
    }
    Ok(0)
}
