//! What comes beside bytes: control messages, and the queue of errors, in which Linux also tells
//! when bytes were sent and acknowledged (`SO_TIMESTAMPING`), and that it needs them no longer
//! (`MSG_ZEROCOPY`; they are copied all the same, and that is said).

use super::args::{Answer, Trouble, number};
use super::errno::Errno;
use super::live::{Live, Tcp};
use super::machine::{File, Machine, Sock};
use super::symbols::*;
use super::verdict::moment;
use crate::base::Instant;
use crate::drill::ast::{Cmsg, Expr, ExtendedErr, Msghdr};
use std::collections::VecDeque;

/// What a control message says.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Control {
    /// How much is left to be read.
    Inq(i64),
    /// When.
    Stamp(Instant),
    /// Something of the error queue: errno, origin, code, info, data.
    Error([i64; 5]),
}

/// A message of the error queue.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
struct Told {
    at: Option<Instant>,
    error: [i64; 5],
}

/// Bytes that somebody wants to hear of: they end so many bytes behind the first of all.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
struct Watched {
    end: u64,
    /// The times that are wanted, and not told yet: `SOF_TIMESTAMPING_TX_…`.
    times: i64,
    /// What the last byte is called, if bytes have names.
    name: i64,
    /// The number of the call whose bytes were not to be copied, until they are let go.
    lent: Option<i64>,
}

/// What is told beside a socket's bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Beside {
    /// Bytes written so far.
    written: u64,
    /// And when the names of bytes were last asked for.
    named: u64,
    /// Calls whose bytes were not to be copied.
    lent: i64,
    watched: Vec<Watched>,
    queue: VecDeque<Told>,
}

/// Which times of bytes that are sent may be asked for, and what they are called.
const TIMES: [(i64, i64); 3] = [
    (SOF_TIMESTAMPING_TX_SCHED, SCM_TSTAMP_SCHED),
    (SOF_TIMESTAMPING_TX_SOFTWARE, SCM_TSTAMP_SND),
    (SOF_TIMESTAMPING_TX_ACK, SCM_TSTAMP_ACK),
];

fn option(sock: &Sock, level: i64, option: i64) -> i64 {
    sock.kept.get(&(level, option)).copied().unwrap_or(0)
}

fn stamping(sock: &Sock) -> i64 {
    option(sock, SOL_SOCKET, SO_TIMESTAMPING)
}

/// Whether a packet comes along with its times.
pub(super) fn shows_packets(sock: &Sock) -> bool {
    stamping(sock) & SOF_TIMESTAMPING_OPT_TSONLY == 0
}

/// An option has been set: bytes have names from here on.
pub(super) fn on_set(sock: &mut Sock, before: i64) {
    if stamping(sock) & !before & SOF_TIMESTAMPING_OPT_ID != 0 {
        sock.beside.named = sock.beside.written;
    }
}

/// Bytes were written by a call with these flags.
pub(super) fn on_write(sock: &mut Sock, len: usize, flags: i64) {
    let asked = stamping(sock);
    let all = TIMES.iter().fold(0, |all, (time, _)| all | time);
    let zerocopy = option(sock, SOL_SOCKET, SO_ZEROCOPY) != 0;
    let beside = &mut sock.beside;
    beside.written += len as u64;
    let lends = flags & MSG_ZEROCOPY != 0 && zerocopy;
    let lent = lends.then_some(beside.lent);
    beside.lent += i64::from(lends);
    let times = if asked & SOF_TIMESTAMPING_SOFTWARE != 0 { asked & all } else { 0 };
    let name = (beside.written - 1).wrapping_sub(beside.named) as u32;
    let name = if asked & SOF_TIMESTAMPING_OPT_ID != 0 { i64::from(name) } else { 0 };
    if times != 0 || lends {
        beside.watched.push(Watched { end: beside.written, times, name, lent });
    }
}

/// When the host first sent the byte before `end`, and when the peer acknowledged it.
fn times(segments: &[(Instant, bool, Tcp)], end: u64) -> (Option<Instant>, Option<Instant>) {
    let syn = segments.iter().find(|(_, inbound, tcp)| !inbound && tcp.ctl.syn());
    let Some((_, _, syn)) = syn else { return (None, None) };
    let end = syn.seq.wrapping_add(1).wrapping_add(end as u32);
    let behind = |seq: u32| seq.wrapping_sub(end) as i32 >= 0;
    let sent = segments.iter().find(|(_, inbound, tcp)| !inbound && behind(tcp.end()));
    let sent = sent.filter(|(_, _, tcp)| !tcp.payload.is_empty());
    let acked = segments.iter().find(|(at, inbound, tcp)| {
        *inbound && behind(tcp.ack) && sent.is_some_and(|(sent, ..)| at >= sent)
    });
    (sent.map(|(at, ..)| *at), acked.map(|(at, ..)| *at))
}

/// The segments of a socket's connection, as they crossed the wire.
fn segments(machine: &Machine, sock: &Sock) -> Vec<(Instant, bool, Tcp)> {
    let pair = sock.conn().and_then(|conn| machine.world.stack.pair(conn).ok());
    let Some(pair) = pair else { return Vec::new() };
    let both = [(pair.local, pair.remote), (pair.remote, pair.local)];
    let all = machine.world.crossed.iter().filter_map(|crossed| {
        let live = Live::parse(&crossed.bytes);
        let ours = live.pair().is_some_and(|ends| ends == both[usize::from(crossed.inbound)]);
        let tcp = live.tcp().filter(|_| ours)?;
        Some((crossed.at, crossed.inbound, tcp.clone()))
    });
    all.collect()
}

/// Queues what has happened to bytes that are watched.
fn collect(machine: &mut Machine, index: usize) {
    let Some(Some(File::Sock(sock))) = machine.files.get(index) else { return };
    if sock.beside.watched.is_empty() {
        return;
    }
    let segments = segments(machine, sock);
    let Ok(sock) = machine.sock_at(index) else { return };
    let beside = &mut sock.beside;
    let mut fresh = Vec::new();
    for one in &mut beside.watched {
        let (sent, acked) = times(&segments, one.end);
        for (place, (time, code)) in TIMES.into_iter().enumerate() {
            let at = if time == SOF_TIMESTAMPING_TX_ACK { acked } else { sent };
            if let Some(at) = at.filter(|_| one.times & time != 0) {
                one.times &= !time;
                let error = [Errno::ENOMSG.0.into(), SO_EE_ORIGIN_TIMESTAMPING, 0, code, one.name];
                fresh.push((at, place, Told { at: Some(at), error }));
            }
        }
        if let Some((at, nth)) = acked.zip(one.lent.take_if(|_| acked.is_some())) {
            let copied = SO_EE_CODE_ZEROCOPY_COPIED;
            let error = [0, SO_EE_ORIGIN_ZEROCOPY, copied, nth, nth];
            fresh.push((at, TIMES.len(), Told { at: None, error }));
        }
    }
    beside.watched.retain(|one| one.times != 0 || one.lent.is_some());
    fresh.sort_by_key(|(at, place, _)| (*at, *place));
    for (_, _, told) in fresh {
        let last = beside.queue.back_mut().filter(|last| last.at.is_none() && told.at.is_none());
        match last {
            // Neighbours are told of together.
            Some(last) if last.error[4] + 1 == told.error[3] => last.error[4] = told.error[4],
            _ => beside.queue.push_back(told),
        }
    }
}

/// Queues what has happened to bytes of all sockets.
pub(super) fn collect_all(machine: &mut Machine) {
    (0..machine.files.len()).for_each(|index| collect(machine, index));
}

/// Whether the queue of errors holds anything, as far as it was looked at.
pub(super) fn waits(sock: &Sock) -> bool {
    !sock.beside.queue.is_empty()
}

/// Takes a message of the error queue.
pub(super) fn take(machine: &mut Machine, index: usize) -> Answer<Vec<Control>> {
    collect(machine, index);
    let told = machine.sock_at(index)?.beside.queue.pop_front().ok_or(Errno::EAGAIN)?;
    Ok(told.at.map(Control::Stamp).into_iter().chain([Control::Error(told.error)]).collect())
}

/// What comes beside bytes that were read: when the last of them arrived, and how many are left.
pub(super) fn beside(machine: &Machine, index: usize) -> Vec<Control> {
    let Some(Some(File::Sock(sock))) = machine.files.get(index) else { return Vec::new() };
    let mut all = Vec::new();
    let conn = sock.conn().and_then(|conn| machine.world.stack.conn(conn).ok());
    let wanted = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
    if let Some(conn) = conn.filter(|_| stamping(sock) & wanted == wanted) {
        let unread = conn.queues().0;
        let segments = segments(machine, sock);
        let data = segments.iter().filter(|(_, inbound, tcp)| *inbound && !tcp.payload.is_empty());
        let end = data.clone().map(|(_, _, tcp)| tcp.end()).max().unwrap_or(0);
        let read = end.wrapping_sub(unread);
        let last = data.clone().find(|(_, _, tcp)| tcp.end().wrapping_sub(read) as i32 >= 0);
        all.extend(last.map(|(at, ..)| Control::Stamp(*at)));
    }
    if let Some(conn) = conn.filter(|_| option(sock, SOL_TCP, TCP_INQ) != 0) {
        // The peer's FIN is something to be read, too.
        all.push(Control::Inq(i64::from(conn.queues().0) + i64::from(conn.shut().0)));
    }
    all
}

// ---- what a script expects

/// Whether the control messages and flags of a message are those of the script.
pub(super) fn compare(
    machine: &Machine,
    message: &Msghdr,
    (mut flags, v6): (i64, bool),
    got: &[Control],
) -> Answer<()> {
    let expected = message.control.as_deref().unwrap_or_default();
    if got.len() > expected.len() {
        flags |= MSG_CTRUNC; // there is room for no more than the script has
    }
    let wanted = match &message.flags {
        Expr::Ellipsis => flags,
        wanted => number(wanted)?,
    };
    if wanted != flags {
        return wrong(format!("msg_flags: expected {wanted:#x}, got {flags:#x}"));
    }
    if expected.len() > got.len() {
        let [n, m] = [expected.len(), got.len()];
        return wrong(format!("control messages: expected {n}, got {m}"));
    }
    for (place, (expected, got)) in expected.iter().zip(got).enumerate() {
        let Expr::Cmsg(expected) = expected else {
            return wrong(format!("{expected:?} is no control message"));
        };
        one(machine, expected, v6, got).map_err(|trouble| match trouble {
            Trouble::Wrong(what) => {
                Trouble::Wrong(format!("control message {}: {what}", place + 1))
            }
            other => other,
        })?;
    }
    Ok(())
}

fn wrong<T>(what: String) -> Answer<T> {
    Err(Trouble::Wrong(what))
}

fn same(what: &str, expected: i64, got: i64) -> Answer<()> {
    if expected == got { Ok(()) } else { wrong(format!("{what}: expected {expected}, got {got}")) }
}

fn one(machine: &Machine, expected: &Cmsg, v6: bool, got: &Control) -> Answer<()> {
    let (level, kind) = match got {
        Control::Inq(_) => (SOL_TCP, TCP_CM_INQ),
        Control::Stamp(_) => (SOL_SOCKET, SCM_TIMESTAMPING),
        Control::Error(_) if v6 => (SOL_IPV6, IPV6_RECVERR),
        Control::Error(_) => (SOL_IP, IP_RECVERR),
    };
    same("cmsg_level", number(&expected.level)?, level)?;
    same("cmsg_type", number(&expected.kind)?, kind)?;
    match (&expected.data, got) {
        (Expr::Ellipsis, _) => Ok(()),
        // Zero stands for any time.
        (Expr::ScmTimestamp { sec: 0, nsec: 0 }, Control::Stamp(_)) => Ok(()),
        (Expr::ScmTimestamp { sec, nsec }, Control::Stamp(at)) => {
            let expected = (*sec as u64).saturating_mul(1_000_000);
            let expected = expected.saturating_add(*nsec as u64 / 1000);
            let expected = Instant::from_micros(expected);
            let off = expected.as_micros().abs_diff(at.as_micros());
            match off.saturating_mul(1000) <= machine.settings.tolerance(0) {
                true => Ok(()),
                false => {
                    let [expected, at] = [expected, *at].map(moment);
                    wrong(format!("time: expected {expected}, got {at}"))
                }
            }
        }
        (Expr::ExtendedErr(expected), Control::Error(got)) => error(expected, *got),
        (data, Control::Inq(n)) => same("cmsg_data", number(data)?, *n),
        (data, _) => wrong(format!("cmsg_data: {data:?} is of another kind")),
    }
}

fn error(expected: &ExtendedErr, [errno, origin, code, info, data]: [i64; 5]) -> Answer<()> {
    same("ee_errno", number(&expected.errno)?, errno)?;
    same("ee_origin", number(&expected.origin)?, origin)?;
    same("ee_type", number(&expected.kind)?, 0)?;
    same("ee_code", number(&expected.code)?, code)?;
    same("ee_info", number(&expected.info)?, info)?;
    same("ee_data", number(&expected.data)?, data)
}
