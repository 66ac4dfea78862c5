//! System calls that move bytes. What is written is zeros, as in every script.

use super::args::{Address, Answer, Args, Trouble, address, refused, total};
use super::calls::{Progress, wait};
use super::errno::Errno;
use super::fastopen;
use super::machine::{File, Machine, Place, Sock};
use super::messages;
use super::symbols::*;
use crate::base::SocketError;
use crate::drill::ast::{Expr, Msghdr};
use crate::tcp::State;
use std::net::SocketAddr;

/// Makes a call that moves bytes; `None` when the name is none of theirs.
pub(super) fn call(
    machine: &mut Machine,
    name: &str,
    args: Args<'_>,
    progress: &mut Progress,
) -> Option<Answer> {
    Some(match name {
        "read" => read(machine, args, progress),
        "readv" => readv(machine, args, progress),
        "recv" | "recvfrom" => recv(machine, args, progress),
        "recvmsg" => recvmsg(machine, args, progress),
        "write" => write(machine, args, progress),
        "writev" => writev(machine, args, progress),
        "send" | "sendto" => send(machine, args, progress),
        "sendmsg" => sendmsg(machine, args, progress),
        "sendfile" => sendfile(machine, args, progress),
        "splice" => splice(machine, args, progress),
        _ => return None,
    })
}

/// The most that a pipe holds (as Linux).
const PIPE: usize = 65_536;

/// The most that is moved at once: a script's buffers may be larger than any memory.
const ROOM: usize = 1 << 24;

/// A transfer in either direction.
#[derive(Copy, Clone, Debug)]
pub(super) struct Move {
    pub(super) index: usize,
    pub(super) len: usize,
    pub(super) flags: i64,
    /// The buffer is a null pointer.
    null: bool,
}

fn buffer(machine: &Machine, args: Args<'_>, flags: i64) -> Answer<Move> {
    let index = machine.index(args.number(0)?)?;
    Ok(Move { index, len: args.len(2)?, flags, null: args.is_null(1) })
}

fn read(machine: &mut Machine, args: Args<'_>, progress: &mut Progress) -> Answer {
    let what = buffer(machine, args, 0)?;
    receive(machine, what, progress)
}

fn readv(machine: &mut Machine, args: Args<'_>, progress: &mut Progress) -> Answer {
    let index = machine.index(args.number(0)?)?;
    let what = Move { index, len: args.vector(1)?, flags: 0, null: false };
    receive(machine, what, progress)
}

fn recv(machine: &mut Machine, args: Args<'_>, progress: &mut Progress) -> Answer {
    let mut what = buffer(machine, args, args.number_or(3, 0)?)?;
    what.null &= what.flags & MSG_TRUNC == 0; // by which nothing is copied
    receive(machine, what, progress)
}

fn recvmsg(machine: &mut Machine, args: Args<'_>, progress: &mut Progress) -> Answer {
    let index = machine.index(args.number(0)?)?;
    let flags = args.number_or(2, 0)?;
    let Expr::Msghdr(message) = args.at(1)? else {
        return Err(Errno::EFAULT.into());
    };
    let len = total(&message.iov)?;
    let v6 = matches!(&machine.files[index], Some(File::Sock(sock)) if sock.v6);
    if flags & MSG_ERRQUEUE != 0 {
        let told = messages::take(machine, index)?;
        // The packet comes along, where not only its times were asked for.
        let whole = matches!(&machine.files[index], Some(File::Sock(sock))
            if told.len() > 1 && messages::shows_packets(sock));
        let flags = MSG_ERRQUEUE | if whole { MSG_TRUNC } else { 0 };
        messages::compare(machine, message, (flags, v6), &told)?;
        return Ok(if whole { len as i64 } else { 0 });
    }
    let got = receive(machine, Move { index, len, flags, null: false }, progress)?;
    let beside = messages::beside(machine, index);
    let flags = if progress.truncated { MSG_TRUNC } else { 0 };
    messages::compare(machine, message, (flags, v6), &beside)?;
    Ok(got)
}

/// Takes bytes from a file.
fn receive(machine: &mut Machine, what: Move, progress: &mut Progress) -> Answer {
    let now = machine.world.now;
    let sock = match &machine.files[what.index] {
        Some(File::Sock(sock)) => sock.clone(),
        Some(File::Disk) => return Ok(what.len as i64),
        Some(File::Pipe { pipe, reads: true }) => {
            let held = &mut machine.pipes[*pipe];
            let taken = what.len.min(*held);
            *held -= taken;
            return if taken == 0 { wait(false) } else { Ok(taken as i64) };
        }
        Some(File::Pipe { .. } | File::Epoll(_)) | None => return Err(Errno::EBADF.into()),
    };
    if what.flags & MSG_OOB != 0 {
        return match sock.place {
            Place::Conn(conn) if !sock.config.oobinline => {
                machine.world.stack.read_urgent(now, conn)?;
                Ok(1)
            }
            _ => refused("MSG_OOB: urgent data is read in line here"),
        };
    }
    if what.flags & MSG_ERRQUEUE != 0 {
        return messages::take(machine, what.index).map(|_| 0);
    }
    let nonblocking = sock.nonblocking || what.flags & MSG_DONTWAIT != 0;
    let peek = what.flags & MSG_PEEK != 0;
    let stack = &mut machine.world.stack;
    let mut room = vec![0; what.len.min(ROOM) - progress.done.min(what.len.min(ROOM))];
    let answer = match sock.place {
        Place::Conn(conn) => {
            let waits = stack.conn(conn).map_or(0, |conn| conn.queues().0);
            if what.null && waits > 0 && !room.is_empty() {
                return Err(Errno::EFAULT.into());
            }
            match peek {
                true => stack.peek(now, conn, &mut room),
                false => stack.read(now, conn, &mut room),
            }
        }
        Place::Udp(id) => {
            let got = match peek {
                true => stack.peek_from(now, id, &mut room),
                false => stack.recv_from(now, id, &mut room),
            };
            progress.from = got.as_ref().ok().map(|got| got.from);
            progress.truncated = got.as_ref().is_ok_and(|got| got.is_truncated());
            got.map(|got| got.copied)
        }
        Place::New if sock.udp => Err(SocketError::WouldBlock),
        Place::New | Place::Listener(_) => return Err(Errno::ENOTCONN.into()),
    };
    let all = what.flags & MSG_WAITALL != 0 && !peek && !sock.udp;
    match answer {
        Ok(0) => Ok(progress.done as i64),
        Ok(n) => {
            progress.done += n;
            progress.got.extend_from_slice(&room[..n]);
            let waits = all && progress.done < what.len;
            if waits { receive(machine, what, progress) } else { Ok(progress.done as i64) }
        }
        Err(SocketError::WouldBlock) if sock.read_shut => Ok(progress.done as i64),
        Err(SocketError::WouldBlock) if nonblocking && progress.done > 0 => {
            Ok(progress.done as i64)
        }
        Err(SocketError::WouldBlock) => wait(nonblocking),
        Err(_) if progress.done > 0 => Ok(progress.done as i64),
        Err(error) => Err(error.into()),
    }
}

fn write(machine: &mut Machine, args: Args<'_>, progress: &mut Progress) -> Answer {
    let what = buffer(machine, args, 0)?;
    give(machine, what, None, progress)
}

fn writev(machine: &mut Machine, args: Args<'_>, progress: &mut Progress) -> Answer {
    let index = machine.index(args.number(0)?)?;
    let what = Move { index, len: args.vector(1)?, flags: 0, null: false };
    give(machine, what, None, progress)
}

fn send(machine: &mut Machine, args: Args<'_>, progress: &mut Progress) -> Answer {
    let what = buffer(machine, args, args.number_or(3, 0)?)?;
    let to = args.0.get(4).map_or(Ok(None), |to| destination(machine, to))?;
    give(machine, what, to, progress)
}

fn sendmsg(machine: &mut Machine, args: Args<'_>, progress: &mut Progress) -> Answer {
    let index = machine.index(args.number(0)?)?;
    let flags = args.number_or(2, 0)?;
    let Expr::Msghdr(message) = args.at(1)? else {
        return Err(Errno::EFAULT.into());
    };
    let Msghdr { name, iov, control, flags: ignored, .. } = &**message;
    if *ignored != Expr::Ellipsis && super::args::number(ignored)? != 0 {
        return Err(Trouble::Wrong("sendmsg: msg_flags are looked at by nobody".into()));
    }
    if control.as_ref().is_some_and(|control| !control.is_empty()) {
        return refused("sendmsg: this host has no control messages");
    }
    let to = destination(machine, name)?;
    give(machine, Move { index, len: total(iov)?, flags, null: false }, to, progress)
}

/// Where a datagram goes; `None` where the script leaves it open for a connected socket.
fn destination(machine: &Machine, expr: &Expr) -> Answer<Option<SocketAddr>> {
    Ok(match address(expr, machine.configured_remote())? {
        Address::Configured => Some(machine.configured_remote()),
        Address::This(to) => Some(to),
        Address::Unspecified | Address::Null => None,
    })
}

/// Gives bytes to a file.
fn give(
    machine: &mut Machine,
    what: Move,
    to: Option<SocketAddr>,
    progress: &mut Progress,
) -> Answer {
    let sock = match &machine.files[what.index] {
        Some(File::Sock(sock)) => sock.clone(),
        Some(File::Disk) => return Ok(what.len as i64),
        Some(File::Pipe { pipe, reads: false }) => {
            let held = &mut machine.pipes[*pipe];
            let taken = what.len.min(PIPE - *held);
            *held += taken;
            return if taken == 0 { wait(false) } else { Ok(taken as i64) };
        }
        Some(File::Pipe { .. } | File::Epoll(_)) | None => return Err(Errno::EBADF.into()),
    };
    if what.flags & MSG_ZEROCOPY != 0 && sock.udp {
        return refused("MSG_ZEROCOPY is not known for UDP");
    }
    if what.null && what.len > 0 {
        return Err(Errno::EFAULT.into());
    }
    let nonblocking = sock.nonblocking || what.flags & MSG_DONTWAIT != 0;
    if let Some(answer) = fastopen::early(machine, what, (to, nonblocking), progress) {
        return match answer? {
            Some(conn) => stream(machine, what, conn, (nonblocking, false), progress),
            None if progress.done > 0 => Ok(progress.done as i64),
            None => Err(Errno::EINPROGRESS.into()),
        };
    }
    // BSD tells apart who has never been connected.
    let bsd = sock.config.is_bsd();
    let unconnected = if bsd { Errno::ENOTCONN } else { Errno::EPIPE };
    match sock.place {
        Place::Conn(conn) => {
            let state = machine.world.state(Some(conn));
            let fast = machine.world.stack.conn(conn).is_ok_and(|conn| conn.is_opening_fast());
            if matches!(state, State::SynSent | State::SynReceived) && !fast {
                return if bsd { Err(unconnected.into()) } else { wait(nonblocking) };
            }
            let urgent = what.flags & MSG_OOB != 0;
            let given = stream(machine, what, conn, (nonblocking, urgent), progress)?;
            if given > 0 {
                let sock = machine.sock_at(what.index)?;
                messages::on_write(sock, given as usize, what.flags);
            }
            Ok(given)
        }
        Place::New if !sock.udp => Err(unconnected.into()),
        Place::Listener(_) => Err(unconnected.into()),
        Place::New | Place::Udp(_) => datagram(machine, what, &sock, to),
    }
}

/// Gives a datagram to a socket, which gets a port if it has none.
fn datagram(machine: &mut Machine, what: Move, sock: &Sock, to: Option<SocketAddr>) -> Answer {
    let now = machine.world.now;
    let id = match sock.place {
        Place::Udp(id) => id,
        _ => {
            let any = SocketAddr::new(machine.configured_local(sock.v6).ip(), 0);
            let id = machine.world.stack.bind(now, any, false)?;
            machine.sock_at(what.index)?.place = Place::Udp(id);
            machine.apply(what.index)?;
            id
        }
    };
    let connected = machine.world.stack.udp().get(id).and_then(|socket| socket.peer());
    let to = if connected.is_some() { None } else { to };
    if connected.is_none() && to.is_none() {
        return Err(Errno::EDESTADDRREQ.into());
    }
    let bytes = vec![0; what.len.min(ROOM)];
    Ok(machine.world.stack.send_to(now, id, to, &bytes)? as i64)
}

/// Gives bytes to a connection: all of them, or, without waiting, as many as fit.
fn stream(
    machine: &mut Machine,
    what: Move,
    conn: crate::base::ConnId,
    (nonblocking, urgent): (bool, bool),
    progress: &mut Progress,
) -> Answer {
    let now = machine.world.now;
    loop {
        let left = what.len - progress.done;
        let bytes = vec![0; left.min(ROOM)];
        let stack = &mut machine.world.stack;
        let answer = match urgent {
            true => stack.write_urgent(now, conn, &bytes),
            false if what.flags & MSG_EOR != 0 => stack.write_record(now, conn, &bytes),
            false if what.flags & MSG_MORE != 0 => stack.write_more(now, conn, &bytes),
            false => stack.write(now, conn, &bytes),
        };
        match answer {
            Ok(n) => {
                progress.done += n;
                if progress.done >= what.len {
                    return Ok(progress.done as i64);
                }
            }
            Err(SocketError::WouldBlock) if nonblocking && progress.done > 0 => {
                return Ok(progress.done as i64);
            }
            Err(SocketError::WouldBlock) => return wait(nonblocking),
            Err(_) if progress.done > 0 => return Ok(progress.done as i64),
            Err(error) => return Err(error.into()),
        }
    }
}

/// From a file to a socket.
fn sendfile(machine: &mut Machine, args: Args<'_>, progress: &mut Progress) -> Answer {
    let index = machine.index(args.number(0)?)?;
    machine.index(args.number(1)?)?;
    give(machine, Move { index, len: args.len(3)?, flags: 0, null: false }, None, progress)
}

/// Between a pipe and a socket.
fn splice(machine: &mut Machine, args: Args<'_>, progress: &mut Progress) -> Answer {
    let (from, to) = (machine.index(args.number(0)?)?, machine.index(args.number(2)?)?);
    let (len, flags) = (args.len(4)?, args.number_or(5, 0)?);
    // Only pipes are told not to wait; a socket has its own flag.
    let dontwait = flags & SPLICE_F_NONBLOCK != 0;
    let whole = |index, len| Move { index, len, flags: 0, null: false };
    match (&machine.files[from], &machine.files[to]) {
        (Some(File::Pipe { pipe, reads: true }), Some(File::Sock(_))) => {
            let (pipe, held) = (*pipe, machine.pipes[*pipe].min(len));
            if held == 0 {
                return wait(dontwait);
            }
            let moved = give(machine, whole(to, held), None, progress)?;
            machine.pipes[pipe] -= moved as usize;
            Ok(moved)
        }
        (Some(File::Sock(_)), Some(File::Pipe { pipe, reads: false })) => {
            let (pipe, room) = (*pipe, (PIPE - machine.pipes[*pipe]).min(len));
            if room == 0 {
                return wait(dontwait);
            }
            let moved = receive(machine, whole(from, room), progress)?;
            machine.pipes[pipe] += moved as usize;
            Ok(moved)
        }
        (Some(File::Disk), Some(File::Pipe { reads: false, .. })) => {
            give(machine, whole(to, len), None, progress)
        }
        _ => Err(Trouble::Errno(Errno::EINVAL)),
    }
}
