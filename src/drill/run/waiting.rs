//! System calls that wait for several files: poll and epoll.

use super::args::{Answer, Args, Trouble, number};
use super::calls::Progress;
use super::errno::Errno;
use super::machine::{File, Machine, Place, Sock, Watch};
use super::messages;
use super::symbols::*;
use crate::base::{Duration, Instant};
use crate::drill::ast::{EpollEvent, Expr, Pollfd};
use crate::tcp::State;

/// What has happened on a descriptor, as poll says it.
fn happened(machine: &Machine, fd: i64) -> i64 {
    machine.index(fd).map_or(POLLNVAL, |index| of_file(machine, index))
}

fn of_file(machine: &Machine, index: usize) -> i64 {
    match &machine.files[index] {
        Some(File::Sock(sock)) => of_socket(machine, sock),
        Some(File::Pipe { pipe, reads: true }) if machine.pipes[*pipe] > 0 => POLLIN | POLLRDNORM,
        Some(File::Pipe { reads: true, .. } | File::Epoll(_)) => 0,
        Some(File::Pipe { reads: false, .. }) => POLLOUT | POLLWRNORM,
        Some(File::Disk) => POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM,
        None => POLLNVAL,
    }
}

const IN: i64 = POLLIN | POLLRDNORM;
const OUT: i64 = POLLOUT | POLLWRNORM;

fn of_socket(machine: &Machine, sock: &Sock) -> i64 {
    let stack = &machine.world.stack;
    match sock.place {
        Place::New if sock.udp => OUT,
        Place::New => POLLOUT | POLLHUP,
        Place::Listener(id) => {
            let waits = stack.tcp().listener(id).is_some_and(|slot| !slot.accept_queue.is_empty());
            if waits { IN } else { 0 }
        }
        Place::Udp(id) => stack.udp().get(id).map_or(POLLNVAL, |socket| {
            let read = if socket.is_readable() || socket.has_reports() { IN } else { 0 };
            read | if socket.is_writable() { OUT } else { 0 }
        }),
        Place::Conn(id) => {
            let Ok(conn) = stack.conn(id) else { return POLLNVAL };
            let ready = conn.readiness();
            let (fin, shut) = conn.shut();
            let gone = conn.state() == State::Closed;
            let ends = fin || gone || sock.read_shut;
            let early = matches!(conn.state(), State::SynSent | State::SynReceived);
            let opening = early && !conn.is_opening_fast() && !conn.syn_waits();
            let mut events = 0;
            if !opening && (ready.readable || ends) {
                events |= IN;
            }
            if !opening && (ready.writable || shut) {
                events |= OUT;
            }
            if ends && !opening {
                events |= POLLRDHUP;
            }
            if gone || (ends && shut) {
                events |= POLLHUP;
            }
            if conn.pending_error().is_some() || messages::waits(sock) {
                events |= POLLERR;
            }
            if conn.urgent().is_some() {
                events |= POLLPRI;
            }
            events
        }
    }
}

/// What is told whether or not it was asked for.
const ALWAYS: i64 = POLLERR | POLLHUP | POLLNVAL;

/// Until when a call with this timeout, in milliseconds, waits.
fn until(timeout: i64, progress: &Progress) -> Option<Instant> {
    let millis = u64::try_from(timeout).ok()?;
    Some(progress.since + Duration::from_millis(millis))
}

/// Waits for a timeout: `None` when it has passed.
fn wait_until(machine: &Machine, timeout: i64, progress: &Progress) -> Option<Trouble> {
    let until = until(timeout, progress);
    let over = until.is_some_and(|until| machine.world.now >= until);
    (!over).then_some(Trouble::Block(until))
}

/// What has happened on files, each with what is asked for: as poll says it.
#[cfg(feature = "packetdrill-so")]
pub(super) fn polled(
    machine: &Machine,
    files: &[(i64, i64)],
    timeout: i64,
    progress: &Progress,
) -> Answer<Vec<(i64, i64)>> {
    let of = |(fd, asked): &(i64, i64)| (happened(machine, *fd) & (asked | ALWAYS), *fd);
    let got: Vec<_> = files.iter().map(of).collect();
    let is_ready = got.iter().any(|(events, _)| *events != 0);
    match wait_until(machine, timeout, progress).filter(|_| !is_ready) {
        Some(trouble) => Err(trouble),
        None => Ok(got),
    }
}

pub(super) fn poll(machine: &mut Machine, args: Args<'_>, progress: &mut Progress) -> Answer {
    messages::collect_all(machine);
    let Expr::List(items) = args.at(0)? else { return Err(Errno::EFAULT.into()) };
    let timeout = args.number(2)?;
    let mut ready = 0;
    let mut wrong = None;
    for item in items {
        let Expr::Pollfd(pollfd) = item else {
            return Err(Trouble::Wrong(format!("{item:?} is no struct pollfd")));
        };
        let Pollfd { fd, events, revents } = &**pollfd;
        let (fd, asked) = (number(fd)?, number(events)?);
        let got = happened(machine, fd) & (asked | ALWAYS);
        ready += i64::from(got != 0);
        let wanted = revents.as_ref().map_or(Ok(0), number)?;
        if wanted != got {
            wrong.get_or_insert(format!(
                "poll: revents of descriptor {fd}: expected {}, got {}",
                words(wanted),
                words(got)
            ));
        }
    }
    if ready == 0
        && let Some(trouble) = wait_until(machine, timeout, progress)
    {
        return Err(trouble);
    }
    wrong.map_or(Ok(ready), |wrong| Err(Trouble::Wrong(wrong)))
}

/// Bits of poll by their names.
fn words(bits: i64) -> String {
    let all = [
        (POLLIN, "POLLIN"),
        (POLLPRI, "POLLPRI"),
        (POLLOUT, "POLLOUT"),
        (POLLERR, "POLLERR"),
        (POLLHUP, "POLLHUP"),
        (POLLNVAL, "POLLNVAL"),
        (POLLRDNORM, "POLLRDNORM"),
        (POLLWRNORM, "POLLWRNORM"),
        (POLLRDHUP, "POLLRDHUP"),
    ];
    let set: Vec<_> =
        all.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    if set.is_empty() { "0".into() } else { set.join("|") }
}

fn watches<'a>(machine: &'a mut Machine, args: Args<'_>) -> Answer<&'a mut Vec<Watch>> {
    match machine.file(args, 0)? {
        File::Epoll(watches) => Ok(watches),
        _ => Err(Errno::EINVAL.into()),
    }
}

pub(super) fn epoll_ctl(machine: &mut Machine, args: Args<'_>) -> Answer {
    let operation = args.number(1)?;
    let file = machine.index(args.number(2)?)?;
    let event = match args.0.get(3) {
        Some(Expr::EpollEvent(event)) => {
            let EpollEvent { events, data, .. } = &**event;
            Some((number(events)? | POLLERR | POLLHUP, number(data)?))
        }
        _ => None,
    };
    let watches = watches(machine, args)?;
    let known = watches.iter().position(|watch| watch.file == file);
    match (operation, known, event) {
        (EPOLL_CTL_ADD, None, Some((events, data))) => {
            watches.push(Watch { file, events, data, told: 0, arrived: 0 });
        }
        (EPOLL_CTL_MOD, Some(at), Some((events, data))) => {
            watches[at] = Watch { file, events, data, told: 0, arrived: 0 };
        }
        (EPOLL_CTL_DEL, Some(at), _) => drop(watches.remove(at)),
        (EPOLL_CTL_ADD, Some(_), _) => return Err(Errno::EEXIST.into()),
        (EPOLL_CTL_MOD | EPOLL_CTL_DEL, None, _) => return Err(Errno::ENOENT.into()),
        (_, _, None) => return Err(Errno::EFAULT.into()),
        _ => return Err(Errno::EINVAL.into()),
    }
    Ok(0)
}

/// The bytes that have arrived for a file so far, and the peer's end: more of them are news, even
/// if none was read.
fn arrived(machine: &Machine, index: usize) -> u64 {
    let Some(File::Sock(sock)) = &machine.files[index] else { return 0 };
    let Some(conn) = sock.conn() else { return 0 };
    let (stack, now) = (&machine.world.stack, machine.world.now);
    let bytes = stack.info(now, conn).map_or(0, |info| info.bytes_received);
    bytes + stack.conn(conn).map_or(0, |conn| conn.shut().0.into())
}

/// What has happened on the files that an epoll instance watches: events and data.
pub(super) fn ready(
    machine: &mut Machine,
    args: Args<'_>,
    progress: &Progress,
) -> Answer<Vec<(i64, i64)>> {
    let (most, timeout) = (args.number(2)?, args.number(3)?);
    if most <= 0 {
        return Err(Errno::EINVAL.into());
    }
    messages::collect_all(machine);
    // Closed files are watched no longer; who was told goes behind who was not.
    let mut all = watches(machine, args)?.clone();
    all.retain(|watch| machine.files[watch.file].is_some());
    let (mut got, mut told) = (Vec::new(), Vec::new());
    for mut watch in std::mem::take(&mut all) {
        let now = of_file(machine, watch.file) & watch.events;
        let arrived = arrived(machine, watch.file);
        let edge = watch.events & EPOLLET != 0;
        let anew = if arrived > watch.arrived { IN } else { 0 };
        let fresh = if edge { now & (anew | !watch.told) } else { now };
        if fresh == 0 || (got.len() as i64) == most {
            watch.told &= now;
            all.push(watch);
            continue;
        }
        got.push((now, watch.data));
        (watch.told, watch.arrived) = (now, arrived);
        if watch.events & EPOLLONESHOT != 0 {
            watch.events = 0; // not even what is always told, until EPOLL_CTL_MOD
        }
        told.push(watch);
    }
    all.append(&mut told);
    *watches(machine, args)? = all;
    if got.is_empty()
        && let Some(trouble) = wait_until(machine, timeout, progress)
    {
        return Err(trouble);
    }
    Ok(got)
}

pub(super) fn epoll_wait(machine: &mut Machine, args: Args<'_>, progress: &mut Progress) -> Answer {
    let expected: Vec<&Expr> = match args.at(1)? {
        Expr::List(items) => items.iter().collect(),
        Expr::Ellipsis => Vec::new(),
        one => vec![one],
    };
    let got = ready(machine, args, progress)?;
    if let (true, Some(Expr::EpollEvent(event))) = (got.is_empty(), expected.first()) {
        let wanted = number(&event.events)?;
        if wanted != 0 {
            let wanted = words(wanted);
            return Err(Trouble::Wrong(format!("epoll_wait: events: expected {wanted}, got none")));
        }
    }
    for (expr, (events, data)) in expected.iter().zip(&got) {
        let Expr::EpollEvent(event) = expr else { continue };
        let wanted = number(&event.events)?;
        if wanted != *events {
            let (wanted, events) = (words(wanted), words(*events));
            let wrong = format!("epoll_wait: events: expected {wanted}, got {events}");
            return Err(Trouble::Wrong(wrong));
        }
        if event.data != Expr::Ellipsis && number(&event.data)? != *data {
            return Err(Trouble::Wrong(format!("epoll_wait: data: got {data}")));
        }
    }
    Ok(got.len() as i64)
}
