//! Options of sockets, and what they turn here: one line each. What has no line is refused by name.

use super::args::{Answer, Args, Trouble, number, refused};
use super::errno::Errno;
use super::fastopen;
use super::machine::{Machine, Place, Sock};
use super::symbols::{self, *};
use crate::base::Duration;
use crate::drill::ast::Expr;
use crate::socket::SocketId;
use crate::tcp::{Config, State};
use crate::wire::ip::Discover;

/// An option's value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Value {
    Int(i64),
    Text(Vec<u8>),
    Linger(i64, i64),
}

impl Value {
    fn int(&self) -> Answer {
        match self {
            Value::Int(n) => Ok(*n),
            _ => Err(Errno::EINVAL.into()),
        }
    }

    fn on(&self) -> Answer<bool> {
        Ok(self.int()? != 0)
    }

    /// The value in memory, of which no more than `room` bytes are given back.
    pub(super) fn bytes(&self, room: usize) -> Vec<u8> {
        let mut bytes = match self {
            Value::Int(n) => (*n as i32).to_ne_bytes().to_vec(),
            Value::Text(text) => text.clone(),
            Value::Linger(on, time) => [*on as i32, *time as i32].map(i32::to_ne_bytes).concat(),
        };
        if let Value::Text(_) = self {
            bytes.resize(bytes.len().max(NAME_MAX), 0);
        }
        bytes.truncate(room);
        bytes
    }

    /// A number within bounds, else `EINVAL`.
    pub(super) fn within(&self, low: i64, high: i64) -> Answer {
        let n = self.int()?;
        if (low..=high).contains(&n) { Ok(n) } else { Err(Errno::EINVAL.into()) }
    }

    fn seconds(&self, high: i64) -> Answer<Duration> {
        Ok(Duration::from_secs(self.within(1, high)? as u64))
    }
}

/// The bytes that the name of an algorithm has, zeros included (as Linux).
const NAME_MAX: usize = 16;

/// How an option is asked for and set.
type Get = fn(&mut Machine, usize) -> Answer<Value>;
type Set = fn(&mut Sock, &Value) -> Answer<()>;

/// A line of the table: level, number, how it is asked for, how it is set.
type Line = (i64, i64, Get, Set);

fn int(n: impl Into<i64>) -> Answer<Value> {
    Ok(Value::Int(n.into()))
}

fn of(machine: &mut Machine, index: usize) -> Answer<&mut Sock> {
    machine.sock_at(index)
}

fn fixed(_: &mut Sock, _: &Value) -> Answer<()> {
    Err(Errno::ENOPROTOOPT.into())
}

const TABLE: &[Line] = &[
    (SOL_SOCKET, SO_REUSEADDR, |m, i| int(of(m, i)?.reuse), |s, v| v.on().map(|on| s.reuse = on)),
    (
        SOL_SOCKET,
        SO_BROADCAST,
        |m, i| int(of(m, i)?.broadcast),
        |s, v| v.on().map(|on| s.broadcast = on),
    ),
    (SOL_SOCKET, SO_LINGER, get_linger, set_linger),
    (SOL_SOCKET, SO_ERROR, get_error, fixed),
    (SOL_SOCKET, SO_TYPE, |m, i| int(if of(m, i)?.udp { SOCK_DGRAM } else { SOCK_STREAM }), fixed),
    (SOL_SOCKET, SO_DOMAIN, |m, i| int(if of(m, i)?.v6 { AF_INET6 } else { AF_INET }), fixed),
    (
        SOL_SOCKET,
        SO_PROTOCOL,
        |m, i| int(if of(m, i)?.udp { IPPROTO_UDP } else { IPPROTO_TCP }),
        fixed,
    ),
    (SOL_SOCKET, SO_ACCEPTCONN, |m, i| int(matches!(of(m, i)?.place, Place::Listener(_))), fixed),
    (SOL_SOCKET, SO_RCVBUF, get_rcvbuf, set_rcvbuf),
    (SOL_SOCKET, SO_RCVBUFFORCE, |m, i| int(2 * recv_buffer(&of(m, i)?.config)), set_rcvbuf),
    (SOL_SOCKET, SO_SNDBUF, get_sndbuf, set_sndbuf),
    (SOL_SOCKET, SO_SNDBUFFORCE, |m, i| int(send_buffer(&of(m, i)?.config)), set_sndbuf),
    (SOL_SOCKET, SO_KEEPALIVE, |m, i| int(of(m, i)?.config.keepalive.is_some()), set_keepalive),
    (
        SOL_SOCKET,
        SO_OOBINLINE,
        |m, i| int(of(m, i)?.config.oobinline),
        |s, v| v.on().map(|on| s.config.oobinline = on),
    ),
    (SOL_SOCKET, SO_RCVLOWAT, |m, i| int(of(m, i)?.config.rcvlowat), set_rcvlowat),
    (
        SOL_TCP,
        TCP_CORK,
        |m, i| int(of(m, i)?.config.cork),
        |s, v| v.on().map(|on| s.config.cork = on),
    ),
    (
        SOL_TCP,
        TCP_NOTSENT_LOWAT,
        |m, i| int(of(m, i)?.config.notsent_lowat.unwrap_or(0)),
        set_notsent_lowat,
    ),
    (SOL_TCP, TCP_QUICKACK, get_quickack, |s, v| v.on().map(|on| s.quick = Some(on))),
    (SOL_TCP, TCP_DEFER_ACCEPT, get_defer_accept, set_defer_accept),
    (
        SOL_TCP,
        TCP_FASTOPEN,
        |m, i| int(of(m, i)?.config.fastopen_queue.unwrap_or(0)),
        fastopen::set_queue,
    ),
    (
        SOL_TCP,
        TCP_FASTOPEN_CONNECT,
        |m, i| int(of(m, i)?.config.fastopen_connect),
        fastopen::set_connect,
    ),
    (SOL_TCP, TCP_FASTOPEN_KEY, |m, i| Ok(fastopen::key(of(m, i)?)), fastopen::set_key),
    (
        SOL_TCP,
        TCP_FASTOPEN_NO_COOKIE,
        |m, i| int(fastopen::is_without_cookie(of(m, i)?)),
        fastopen::set_no_cookie,
    ),
    (
        SOL_TCP,
        TCP_WINDOW_CLAMP,
        |m, i| int(of(m, i)?.config.window_clamp.unwrap_or(0)),
        set_window_clamp,
    ),
    (
        SOL_TCP,
        TCP_NODELAY,
        |m, i| int(!of(m, i)?.config.nagle),
        |s, v| v.on().map(|on| s.config.nagle = !on),
    ),
    (SOL_TCP, TCP_MAXSEG, get_maxseg, set_maxseg),
    (
        SOL_TCP,
        TCP_KEEPIDLE,
        |m, i| seconds(of(m, i)?.keepalive.idle),
        |s, v| {
            s.keepalive.idle = v.seconds(32_767)?;
            keep(s);
            Ok(())
        },
    ),
    (
        SOL_TCP,
        TCP_KEEPINTVL,
        |m, i| seconds(of(m, i)?.keepalive.interval),
        |s, v| {
            s.keepalive.interval = v.seconds(32_767)?;
            keep(s);
            Ok(())
        },
    ),
    (
        SOL_TCP,
        TCP_KEEPCNT,
        |m, i| int(of(m, i)?.keepalive.probes),
        |s, v| {
            s.keepalive.probes = v.within(1, 127)? as u8;
            keep(s);
            Ok(())
        },
    ),
    (
        SOL_TCP,
        TCP_SYNCNT,
        |m, i| int(of(m, i)?.config.syn_retries),
        |s, v| v.within(1, 127).map(|n| s.config.syn_retries = n as u8),
    ),
    (SOL_TCP, TCP_LINGER2, |m, i| seconds(of(m, i)?.config.fin_wait2), set_linger2),
    (SOL_TCP, TCP_USER_TIMEOUT, get_user_timeout, set_user_timeout),
    (
        SOL_TCP,
        TCP_NOOPT,
        |m, i| int(of(m, i)?.config.noopt),
        |s, v| v.on().map(|on| s.config.noopt = on),
    ),
    (
        SOL_TCP,
        TCP_KEEPINIT,
        |m, i| seconds(of(m, i)?.config.keepinit.unwrap_or_default()),
        |s, v| v.seconds(i64::from(u32::MAX) / 1000).map(|time| s.config.keepinit = Some(time)),
    ),
    (SOL_TCP, TCP_FUNCTION_BLK, |_, _| Ok(Value::Text(b"freebsd".to_vec())), set_functions),
    (SOL_TCP, TCP_REMOTE_UDP_ENCAPS_PORT, |_, _| int(0), |_, v| v.within(0, 0).map(drop)),
    (SOL_TCP, TCP_CONGESTION, get_congestion, set_congestion),
    (SOL_TCP, TCP_INFO, |_, _| refused("TCP_INFO is asked for in %{ }%"), fixed),
    (SOL_IP, IP_TOS, |m, i| int(of(m, i)?.config.mark.tos), set_tos),
    (SOL_IPV6, IPV6_TCLASS, |m, i| int(of(m, i)?.config.mark.tos), set_tos),
    (SOL_IP, IP_TTL, get_ttl, set_ttl),
    (SOL_IPV6, IPV6_UNICAST_HOPS, get_ttl, set_ttl),
    (SOL_IP, IP_MTU_DISCOVER, get_discover, set_discover),
    (SOL_IPV6, IPV6_MTU_DISCOVER, get_discover, set_discover),
    (SOL_IP, IP_RECVERR, get_recverr, set_recverr),
    (SOL_IPV6, IPV6_RECVERR, get_recverr, set_recverr),
    (SOL_IP, IP_MTU, get_mtu, fixed),
    (SOL_IPV6, IPV6_MTU, get_mtu, fixed),
    (SOL_IPV6, IPV6_V6ONLY, |m, i| int(of(m, i)?.v6_only), |s, v| v.on().map(|on| s.v6_only = on)),
];

/// Options that change nothing a script could see here: they are remembered.
const KEPT: &[(i64, i64)] = &[
    (SOL_SOCKET, SO_PRIORITY),
    (SOL_SOCKET, SO_TIMESTAMPING),
    (SOL_SOCKET, SO_ZEROCOPY),
    (SOL_TCP, TCP_INQ),
    (SOL_SOCKET, SO_MARK),
    (SOL_SOCKET, SO_DEBUG),
    (SOL_SOCKET, SO_DONTROUTE),
    (SOL_SOCKET, SO_REUSEPORT),
    (SOL_SOCKET, SO_NOSIGPIPE),
    (SOL_TCP, TCP_LOG),
    (SOL_SOCKET, SO_BUSY_POLL),
    (SOL_IP, IP_FREEBIND),
    (SOL_IP, IP_BIND_ADDRESS_NO_PORT),
];

/// What the buffers of a socket with BSD's ways hold: no more and no less is told.
fn bsd_buffers(machine: &mut Machine, index: usize) -> Answer<Option<(u32, u32)>> {
    let sock = of(machine, index)?;
    let (config, conn) = (sock.config.clone(), sock.conn());
    if !config.is_bsd() {
        return Ok(None);
    }
    let own =
        |fixed: u32, (first, _): (u32, u32)| if fixed == Config::AUTO { first } else { fixed };
    let buffers = conn.and_then(|conn| Some(machine.world.stack.conn(conn).ok()?.buffers()));
    Ok(Some(buffers.unwrap_or((
        own(config.recv_buffer, config.recv_buffer_auto),
        own(config.send_buffer, config.send_buffer_auto),
    ))))
}

fn get_rcvbuf(machine: &mut Machine, index: usize) -> Answer<Value> {
    match bsd_buffers(machine, index)? {
        Some((recv, _)) => int(recv),
        None => int(2 * recv_buffer(&of(machine, index)?.config)),
    }
}

fn get_sndbuf(machine: &mut Machine, index: usize) -> Answer<Value> {
    match bsd_buffers(machine, index)? {
        Some((_, send)) => int(send),
        None => int(send_buffer(&of(machine, index)?.config)),
    }
}

/// What is received is half of what the kernel counts for it.
fn recv_buffer(config: &Config) -> i64 {
    match config.recv_buffer {
        Config::AUTO => config.recv_buffer_auto.0.into(),
        fixed => fixed.into(),
    }
}

/// What is set is doubled.
fn send_buffer(config: &Config) -> i64 {
    match config.send_buffer {
        Config::AUTO => config.send_buffer_auto.0.into(),
        fixed => 2 * i64::from(fixed),
    }
}

fn set_rcvlowat(sock: &mut Sock, value: &Value) -> Answer<()> {
    sock.config.rcvlowat = value.int()?.clamp(1, i64::from(i32::MAX)) as u32;
    Ok(())
}

/// Nothing, or all ones: no limit.
fn set_notsent_lowat(sock: &mut Sock, value: &Value) -> Answer<()> {
    let bytes = value.int()? as u32;
    sock.config.notsent_lowat = Some(bytes).filter(|bytes| *bytes > 0 && *bytes != u32::MAX);
    Ok(())
}

fn get_quickack(machine: &mut Machine, index: usize) -> Answer<Value> {
    match of(machine, index)?.place {
        Place::Conn(conn) => int(machine.world.stack.quickack(conn)?),
        _ => int(1),
    }
}

fn get_defer_accept(machine: &mut Machine, index: usize) -> Answer<Value> {
    // What is kept is how often the timer may expire, which doubles.
    let timeouts = of(machine, index)?.config.defer_accept_timeouts().min(16);
    seconds(Duration::from_secs((1 << timeouts) - 1))
}

fn set_defer_accept(sock: &mut Sock, value: &Value) -> Answer<()> {
    let wait = Duration::from_secs(value.within(0, i64::from(u16::MAX))? as u64);
    sock.config.defer_accept = Some(wait).filter(|wait| !wait.is_zero());
    Ok(())
}

fn set_window_clamp(sock: &mut Sock, value: &Value) -> Answer<()> {
    let bytes = value.within(0, 1 << 30)? as u32;
    sock.config.window_clamp = Some(bytes).filter(|bytes| *bytes > 0);
    Ok(())
}

fn seconds(time: Duration) -> Answer<Value> {
    int(time.as_secs() as i64)
}

/// Takes over changed times of keep-alive where it is on.
fn keep(sock: &mut Sock) {
    if sock.config.keepalive.is_some() {
        sock.config.keepalive = Some(sock.keepalive);
    }
}

fn set_keepalive(sock: &mut Sock, value: &Value) -> Answer<()> {
    sock.config.keepalive = value.on()?.then_some(sock.keepalive);
    Ok(())
}

fn get_linger(machine: &mut Machine, index: usize) -> Answer<Value> {
    let linger = of(machine, index)?.linger;
    Ok(Value::Linger(i64::from(linger.is_some()), linger.unwrap_or(0) as i64))
}

fn set_linger(sock: &mut Sock, value: &Value) -> Answer<()> {
    let Value::Linger(on, time) = value else { return Err(Errno::EINVAL.into()) };
    sock.linger = (*on != 0).then_some(*time as u64);
    Ok(())
}

fn get_error(machine: &mut Machine, index: usize) -> Answer<Value> {
    let now = machine.world.now;
    let id = match of(machine, index)?.place {
        Place::Conn(conn) => SocketId::Conn(conn),
        Place::Udp(id) => SocketId::Udp(id),
        Place::Listener(id) => SocketId::Listener(id),
        Place::New => return int(0),
    };
    let error = machine.world.stack.take_error(now, id).err();
    int(error.map_or(0, |error| i64::from(Errno::from(error).0)))
}

fn get_recverr(machine: &mut Machine, index: usize) -> Answer<Value> {
    int(of(machine, index)?.config.recverr)
}

fn set_recverr(sock: &mut Sock, value: &Value) -> Answer<()> {
    if sock.udp {
        return refused("errors of datagrams are not queued here");
    }
    sock.config.recverr = value.on()?;
    Ok(())
}

fn set_linger2(sock: &mut Sock, value: &Value) -> Answer<()> {
    sock.config.fin_wait2 = Duration::from_secs(value.int()?.clamp(0, 120) as u64);
    Ok(())
}

fn set_rcvbuf(sock: &mut Sock, value: &Value) -> Answer<()> {
    sock.config.recv_buffer = value.int()?.clamp(1152, 1 << 29) as u32;
    Ok(())
}

fn set_sndbuf(sock: &mut Sock, value: &Value) -> Answer<()> {
    sock.config.send_buffer = value.int()?.clamp(2304, 1 << 29) as u32;
    Ok(())
}

fn get_maxseg(machine: &mut Machine, index: usize) -> Answer<Value> {
    let sock = of(machine, index)?;
    let (conn, own) = (sock.conn(), sock.config.mss);
    match conn.and_then(|conn| machine.world.stack.conn(conn).ok()) {
        // BSD counts what timestamps take, too.
        Some(conn) if conn.config().is_bsd() => int(conn.mss()),
        Some(conn) if conn.state() != State::Closed => int(conn.smss()),
        _ => int(own.unwrap_or(536)),
    }
}

/// The stack that a connection uses: there is one.
fn set_functions(_: &mut Sock, value: &Value) -> Answer<()> {
    match value {
        Value::Text(name) if name == b"freebsd" => Ok(()),
        _ => Err(Errno::ENOENT.into()),
    }
}

/// `{function_set_name="freebsd", …}`: the name.
fn function_set(fields: &[Expr]) -> Answer<Value> {
    let name = fields.iter().find_map(|field| match field {
        Expr::Assign(name, value) if name == "function_set_name" => Some(value),
        _ => None,
    });
    match name.map(|name| &**name) {
        Some(Expr::Text(text)) => Ok(Value::Text(text.clone())),
        _ => refused("a structure that is not known"),
    }
}

fn set_maxseg(sock: &mut Sock, value: &Value) -> Answer<()> {
    sock.config.mss = match value.int()? {
        0 => None,
        _ => Some(value.within(88, 32_767)? as u16),
    };
    Ok(())
}

fn get_user_timeout(machine: &mut Machine, index: usize) -> Answer<Value> {
    let timeout = of(machine, index)?.config.user_timeout;
    int(timeout.map_or(0, |time| time.as_millis() as i64))
}

fn set_user_timeout(sock: &mut Sock, value: &Value) -> Answer<()> {
    let millis = value.within(0, i64::from(i32::MAX))?;
    sock.config.user_timeout = (millis > 0).then_some(Duration::from_millis(millis as u64));
    Ok(())
}

fn get_congestion(machine: &mut Machine, index: usize) -> Answer<Value> {
    Ok(Value::Text(of(machine, index)?.config.congestion.name().as_bytes().to_vec()))
}

fn set_congestion(sock: &mut Sock, value: &Value) -> Answer<()> {
    let Value::Text(name) = value else { return Err(Errno::EINVAL.into()) };
    let name = String::from_utf8_lossy(name);
    sock.config.congestion = name.parse().map_err(|_| Errno::ENOENT)?;
    Ok(())
}

fn set_tos(sock: &mut Sock, value: &Value) -> Answer<()> {
    sock.config.mark.tos = value.within(0, 255)? as u8;
    Ok(())
}

fn get_ttl(machine: &mut Machine, index: usize) -> Answer<Value> {
    int(of(machine, index)?.config.mark.ttl.unwrap_or(64))
}

fn set_ttl(sock: &mut Sock, value: &Value) -> Answer<()> {
    sock.config.mark.ttl = match value.int()? {
        -1 => None,
        _ => Some(value.within(1, 255)? as u8),
    };
    Ok(())
}

const DISCOVER: [Discover; 4] = [Discover::Dont, Discover::Want, Discover::Do, Discover::Probe];

fn get_discover(machine: &mut Machine, index: usize) -> Answer<Value> {
    let discover = of(machine, index)?.config.mtu_discover;
    int(DISCOVER.iter().position(|known| *known == discover).unwrap_or(0) as i64)
}

fn set_discover(sock: &mut Sock, value: &Value) -> Answer<()> {
    sock.config.mtu_discover = DISCOVER[value.within(0, 3)? as usize];
    Ok(())
}

fn get_mtu(machine: &mut Machine, index: usize) -> Answer<Value> {
    let conn = of(machine, index)?.conn();
    match conn.and_then(|conn| machine.world.stack.conn(conn).ok()) {
        Some(conn) => int(conn.path_mtu()),
        None => Err(Errno::ENOTCONN.into()),
    }
}

/// What is said where an option is not known.
fn unknown(level: i64, option: i64) -> String {
    format!("{}: this host has no such knob", name(level, option))
}

/// An option's name, for messages.
fn name(level: i64, option: i64) -> String {
    let prefix = match level {
        SOL_SOCKET => "SO_",
        SOL_TCP => "TCP_",
        SOL_IP => "IP_",
        SOL_IPV6 => "IPV6_",
        SOL_UDP => "UDP_",
        _ => "",
    };
    let known = symbols::name(prefix, option).filter(|_| !prefix.is_empty());
    known.map_or_else(|| format!("{option} of level {level}"), str::to_owned)
}

fn line(level: i64, option: i64) -> Option<&'static Line> {
    TABLE.iter().find(|(of, number, ..)| *of == level && *number == option)
}

/// The value in an argument; `None`: it is not looked at.
fn value(expr: &Expr) -> Answer<Option<Value>> {
    Ok(Some(match expr {
        Expr::Ellipsis => return Ok(None),
        Expr::List(items) if items.len() == 1 => return value(&items[0]),
        Expr::Text(text) => Value::Text(text.clone()),
        Expr::Braces(fields) => function_set(fields)?,
        Expr::Linger { onoff, linger } => Value::Linger(*onoff, *linger),
        other => Value::Int(number(other)?),
    }))
}

pub(super) fn set(machine: &mut Machine, args: Args<'_>) -> Answer {
    let (index, _) = machine.sock(args, 0)?;
    let (level, option) = (args.number(1)?, args.number(2)?);
    if args.is_null(3) && matches!(args.at(3)?, Expr::Word(_)) {
        return Err(Errno::EFAULT.into());
    }
    let Some(value) = value(args.at(3)?)? else { return refused("setsockopt: no value is given") };
    let sock = machine.sock_at(index)?;
    if KEPT.contains(&(level, option)) {
        let value = match (level, option) {
            (SOL_SOCKET, SO_ZEROCOPY) | (SOL_TCP, TCP_INQ) => value.within(0, 1)?,
            _ => value.int()?,
        };
        let before = sock.kept.insert((level, option), value).unwrap_or(0);
        if (level, option) == (SOL_SOCKET, SO_TIMESTAMPING) {
            super::messages::on_set(sock, before);
        }
        return Ok(0);
    }
    let Some((.., set)) = line(level, option) else {
        return refused(format!("setsockopt {}", unknown(level, option)));
    };
    set(sock, &value)?;
    machine.apply(index)?;
    Ok(0)
}

/// What an option is.
pub(super) fn ask(machine: &mut Machine, args: Args<'_>) -> Answer<Value> {
    let (index, _) = machine.sock(args, 0)?;
    let (level, option) = (args.number(1)?, args.number(2)?);
    match (line(level, option), KEPT.contains(&(level, option))) {
        (Some((.., get, _)), _) => get(machine, index),
        (None, true) => {
            let kept = machine.sock_at(index)?.kept.get(&(level, option)).copied();
            int(kept.unwrap_or(0))
        }
        (None, false) => refused(format!("getsockopt {}", unknown(level, option))),
    }
}

pub(super) fn get(machine: &mut Machine, args: Args<'_>) -> Answer {
    let (level, option) = (args.number(1)?, args.number(2)?);
    let got = ask(machine, args)?;
    match value(args.at(3)?)? {
        Some(wanted) if wanted != got => {
            let name = name(level, option);
            Err(Trouble::Wrong(format!(
                "getsockopt {name}: expected {}, got {}",
                shown(&wanted),
                shown(&got)
            )))
        }
        _ => has_length(&got, args, (level, option)),
    }
}

/// Whether as much is given back as the script has room for, if it says so.
fn has_length(got: &Value, args: Args<'_>, (level, option): (i64, i64)) -> Answer {
    let Some(room) = usize::try_from(args.number_or(4, -1)?).ok() else { return Ok(0) };
    match got.bytes(room).len() {
        len if len == room => Ok(0),
        len => {
            let name = name(level, option);
            Err(Trouble::Wrong(format!("getsockopt {name}: {room} bytes expected, got {len}")))
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Int(n) => n.to_string(),
        Value::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
        Value::Linger(on, time) => format!("{{onoff={on}, linger={time}}}"),
    }
}

/// What an ioctl answers; `None`: it asks for nothing.
pub(super) fn ask_ioctl(machine: &mut Machine, args: Args<'_>) -> Answer<Option<i64>> {
    let (_, sock) = machine.sock(args, 0)?;
    let request = args.number(1)?;
    if request == FIONBIO {
        let on = args.number(2)? != 0;
        sock.nonblocking = on;
        return Ok(None);
    }
    let place = sock.place;
    let stack = &machine.world.stack;
    let conn = match place {
        Place::Conn(conn) => stack.conn(conn).ok(),
        Place::Listener(_) => return Err(Errno::EINVAL.into()),
        _ => None,
    };
    let (unread, unacked) = conn.map_or((0, 0), |conn| conn.queues());
    Ok(Some(match request {
        SIOCINQ => i64::from(unread),
        SIOCOUTQ => i64::from(unacked),
        SIOCOUTQNSD => i64::from(conn.map_or(0, |conn| conn.unsent())),
        SIOCATMARK => i64::from(conn.is_some_and(|conn| conn.urgent() == Some(0))),
        other => return refused(format!("ioctl {other:#x} is not known")),
    }))
}

pub(super) fn ioctl(machine: &mut Machine, args: Args<'_>) -> Answer {
    let Some(got) = ask_ioctl(machine, args)? else { return Ok(0) };
    match args.0.get(2).map_or(Ok(None), value)? {
        Some(wanted) if wanted != Value::Int(got) => {
            Err(Trouble::Wrong(format!("ioctl: expected {}, got {got}", shown(&wanted))))
        }
        _ => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_has_one_line() {
        for (at, (level, option, ..)) in TABLE.iter().enumerate() {
            let again = |line: &&Line| (line.0, line.1) == (*level, *option);
            assert!(!TABLE[at + 1..].iter().any(|line| again(&line)), "{}", name(*level, *option));
            assert!(!KEPT.contains(&(*level, *option)), "{}", name(*level, *option));
        }
        assert_eq!(name(SOL_TCP, TCP_CORK), "TCP_CORK");
    }
}
