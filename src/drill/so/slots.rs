//! The functions of the table: what they get from C becomes a request, and what comes of it goes
//! back. None lets a panic out.

use super::super::ast::{EpollData, EpollEvent as Event, Expr, Sockaddr as Named, Syscall};
use super::super::run::{Reply, Request};
use super::abi::{
    Address, EpollEvent, Interface, Iovec, Msghdr, Pollfd, Sockaddr, Timeval, Userdata, set_errno,
    write_address,
};
use super::shared::{Shared, descriptor};
use crate::base::Duration;
use std::ffi::{c_int, c_long, c_longlong, c_uint, c_ulong, c_void};
use std::net::SocketAddr;
use std::os::fd::{FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{ptr, slice};

const EIO: i32 = 5;
const EMFILE: i32 = 24;
const EFAULT: i32 = 14;
const EINVAL: i32 = 22;
const EAFNOSUPPORT: i32 = 97;
const SOL_SOCKET: c_int = 1;
const SO_LINGER: c_int = 13;
const SOL_TCP: c_int = 6;
const TCP_CONGESTION: c_int = 13;
const FIONBIO: c_ulong = 0x5421;
/// The most buffers of a vector, and the most files that are polled.
const IOV_MAX: usize = 1024;
const FILES_MAX: usize = 1024;
/// The most bytes of a packet.
const PACKET_MAX: usize = 65_575;
/// The most bytes of an option's value.
const OPTION_MAX: usize = 1 << 16;

/// The table of a host.
pub(super) fn table(host: Shared) -> Interface {
    Interface {
        userdata: Box::into_raw(Box::new(host)).cast(),
        free,
        socket,
        bind,
        listen,
        accept,
        connect,
        read,
        readv,
        recv,
        recvfrom,
        recvmsg,
        write,
        writev,
        send,
        sendto,
        sendmsg,
        fcntl,
        ioctl,
        close,
        shutdown,
        getsockopt,
        setsockopt,
        poll,
        netdev_send,
        netdev_receive,
        usleep,
        gettimeofday,
        epoll_create,
        epoll_ctl,
        epoll_wait,
        pipe,
        splice,
    }
}

/// Does something with the host; −1 and the thread's error when that fails.
fn with(host: Userdata, act: impl FnOnce(&Shared) -> Result<i64, i32>) -> i64 {
    // SAFETY: C hands back what `table` has put there, and frees it only at its end.
    let host = unsafe { host.cast::<Shared>().as_ref() };
    let act = || host.map_or(Err(EFAULT), act);
    let answer = catch_unwind(AssertUnwindSafe(act)).unwrap_or(Err(EIO));
    answer.unwrap_or_else(|errno| {
        set_errno(errno);
        -1
    })
}

fn int(n: impl Into<i64>) -> Expr {
    Expr::Int(n.into())
}

fn null() -> Expr {
    Expr::Word("NULL".to_owned())
}

fn syscall(name: &str, args: Vec<Expr>) -> Syscall {
    let (name, result) = (name.to_owned(), Expr::Ellipsis);
    Syscall { end: None, name, args, result, errno: None, remark: None }
}

/// A call that returns a number.
fn call(host: Userdata, name: &str, args: Vec<Expr>) -> c_int {
    let request = Request::Call(syscall(name, args));
    with(host, |host| host.call(request).map(|reply| reply.value)) as c_int
}

/// An address as an argument.
fn address(address: Address) -> Result<Expr, i32> {
    let of = |at: SocketAddr| {
        let family = if at.is_ipv4() { "AF_INET" } else { "AF_INET6" };
        let (port, addr) = (Some(at.port()), Some(at.ip()));
        Expr::Sockaddr(Named { family: family.to_owned(), port, addr })
    };
    match address {
        Address::Null => Ok(null()),
        Address::Unspecified => Ok(Expr::Word("AF_UNSPEC".to_owned())),
        Address::Of(at) => Ok(of(at)),
        Address::Unknown => Err(EAFNOSUPPORT),
    }
}

unsafe extern "C" fn free(host: Userdata) {
    if !host.is_null() {
        // SAFETY: C hands back what `table` has put there, for the last time.
        let host = unsafe { Box::from_raw(host.cast::<Shared>()) };
        // What it panics with is no matter of C's.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(host)));
    }
}

// ---- sockets

unsafe extern "C" fn socket(host: Userdata, domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    call(host, "socket", vec![int(domain), int(kind), int(protocol)])
}

/// A call with an address.
///
/// # Safety
/// As [`Address::read`] has it.
unsafe fn at(host: Userdata, name: &str, fd: c_int, at: *const Sockaddr, len: c_uint) -> c_int {
    // SAFETY: as the caller promises.
    let at = unsafe { Address::read(at, len) };
    let act = |host: &Shared| {
        let args = vec![int(fd), address(at)?, int(len)];
        host.call(Request::Call(syscall(name, args))).map(|reply| reply.value)
    };
    with(host, act) as c_int
}

unsafe extern "C" fn bind(host: Userdata, fd: c_int, to: *const Sockaddr, len: c_uint) -> c_int {
    // SAFETY: C's bind() promises an address of that length.
    unsafe { at(host, "bind", fd, to, len) }
}

unsafe extern "C" fn listen(host: Userdata, fd: c_int, backlog: c_int) -> c_int {
    call(host, "listen", vec![int(fd), int(backlog)])
}

unsafe extern "C" fn accept(
    host: Userdata,
    fd: c_int,
    from: *mut Sockaddr,
    room: *mut c_uint,
) -> c_int {
    let request = Request::Call(syscall("accept", vec![int(fd), Expr::Ellipsis, Expr::Ellipsis]));
    let act = |host: &Shared| {
        let reply = host.call(request)?;
        // SAFETY: C's accept() promises room of that length, or nulls.
        reply.from.into_iter().for_each(|peer| unsafe { write_address(peer, from, room) });
        Ok(reply.value)
    };
    with(host, act) as c_int
}

unsafe extern "C" fn connect(host: Userdata, fd: c_int, to: *const Sockaddr, len: c_uint) -> c_int {
    // SAFETY: C's connect() promises an address of that length.
    unsafe { at(host, "connect", fd, to, len) }
}

unsafe extern "C" fn close(host: Userdata, fd: c_int) -> c_int {
    let act = |host: &Shared| {
        let closed = host.call(Request::Call(syscall("close", vec![int(fd)])))?.value;
        if fd >= 0 {
            // SAFETY: it is one of ours, as it had a file, and that is gone.
            drop(unsafe { OwnedFd::from_raw_fd(fd) });
        }
        Ok(closed)
    };
    with(host, act) as c_int
}

unsafe extern "C" fn shutdown(host: Userdata, fd: c_int, how: c_int) -> c_int {
    call(host, "shutdown", vec![int(fd), int(how)])
}

/// C passes what stands for `...` as it passes a named word, on the systems that this is built for.
unsafe extern "C" fn fcntl(host: Userdata, fd: c_int, command: c_int, value: c_long) -> c_int {
    call(host, "fcntl", vec![int(fd), int(command), int(value as i32)])
}

/// As `fcntl` of what stands for `...`.
unsafe extern "C" fn ioctl(
    host: Userdata,
    fd: c_int,
    request: c_ulong,
    value: *mut c_int,
) -> c_int {
    // The original's commands are of 32 bits.
    let request = request & 0xffff_ffff;
    let act = |host: &Shared| {
        let mut args = vec![int(fd), int(request as i64)];
        if request == FIONBIO {
            // SAFETY: C's ioctl(FIONBIO) promises a number there.
            args.push(int(unsafe { value.as_ref() }.copied().ok_or(EFAULT)?));
        }
        let reply = host.call(Request::Ioctl(syscall("ioctl", args)))?;
        // SAFETY: C's ioctl() promises room for a number where it asks for one.
        unsafe { give(&reply.bytes, value.cast(), size_of::<c_int>()) };
        Ok(reply.value)
    };
    with(host, act) as c_int
}

// ---- bytes

/// Copies bytes to a buffer as far as they fit; says how many.
///
/// # Safety
/// `to` is null, or points to `room` bytes.
unsafe fn give(bytes: &[u8], to: *mut c_void, room: usize) -> usize {
    let len = bytes.len().min(room);
    if !to.is_null() {
        // SAFETY: as the caller promises; the bytes are our own.
        unsafe { to.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), len) };
    }
    len
}

/// The buffers of a vector.
///
/// # Safety
/// `at` is null, or points to so many of them, which live while the call lasts.
unsafe fn buffers<'a>(at: *const Iovec, count: usize) -> Result<&'a [Iovec], i32> {
    match at.is_null() {
        true if count > 0 => Err(EFAULT),
        false if count > IOV_MAX => Err(EINVAL),
        true => Ok(&[]),
        // SAFETY: as the caller promises.
        false => Ok(unsafe { slice::from_raw_parts(at, count) }),
    }
}

/// The bytes of all buffers.
fn total(buffers: &[Iovec]) -> Result<i64, i32> {
    let sum = buffers.iter().try_fold(0usize, |sum, one| sum.checked_add(one.len));
    sum.and_then(|len| i64::try_from(len).ok()).ok_or(EINVAL)
}

/// Reads into buffers.
///
/// # Safety
/// Each is null, or points to as many bytes as it says.
unsafe fn fill(host: &Shared, fd: c_int, into: &[Iovec], flags: c_int) -> Result<Reply, i32> {
    let len = total(into)?;
    let to = if into.len() == 1 && into[0].base.is_null() { null() } else { Expr::Ellipsis };
    let args = vec![int(fd), to, int(len), int(flags)];
    let reply = host.call(Request::Call(syscall("recv", args)))?;
    let mut rest = &reply.bytes[..];
    for one in into {
        // SAFETY: as the caller promises.
        let taken = unsafe { give(rest, one.base, one.len) };
        rest = &rest[taken..];
    }
    Ok(reply)
}

/// Writes so many bytes, which are zeros, as in every script.
fn put(host: &Shared, fd: c_int, from: &[Iovec], flags: c_int, to: Address) -> Result<i64, i32> {
    let len = total(from)?;
    let bytes = if from.len() == 1 && from[0].base.is_null() { null() } else { Expr::Ellipsis };
    let args = vec![int(fd), bytes, int(len), int(flags), address(to)?];
    host.call(Request::Call(syscall("sendto", args))).map(|reply| reply.value)
}

unsafe extern "C" fn read(host: Userdata, fd: c_int, to: *mut c_void, len: usize) -> isize {
    // SAFETY: C's read() promises a buffer of that length.
    unsafe { recv(host, fd, to, len, 0) }
}

unsafe extern "C" fn readv(host: Userdata, fd: c_int, iov: *const Iovec, count: c_int) -> isize {
    let act = |host: &Shared| {
        // SAFETY: C's readv() promises so many buffers.
        let into = unsafe { buffers(iov, usize::try_from(count).map_err(|_| EINVAL)?)? };
        // SAFETY: and that each has its length.
        unsafe { fill(host, fd, into, 0) }.map(|reply| reply.value)
    };
    with(host, act) as isize
}

unsafe extern "C" fn recv(
    host: Userdata,
    fd: c_int,
    to: *mut c_void,
    len: usize,
    flags: c_int,
) -> isize {
    // SAFETY: C's recv() promises a buffer of that length; it asks for no address.
    unsafe { recvfrom(host, fd, to, len, flags, ptr::null_mut(), ptr::null_mut()) }
}

unsafe extern "C" fn recvfrom(
    host: Userdata,
    fd: c_int,
    to: *mut c_void,
    len: usize,
    flags: c_int,
    from: *mut Sockaddr,
    room: *mut c_uint,
) -> isize {
    let act = |host: &Shared| {
        // SAFETY: C's recvfrom() promises a buffer of that length.
        let reply = unsafe { fill(host, fd, &[Iovec { base: to, len }], flags)? };
        // SAFETY: and room for an address, or nulls.
        reply.from.into_iter().for_each(|peer| unsafe { write_address(peer, from, room) });
        Ok(reply.value)
    };
    with(host, act) as isize
}

unsafe extern "C" fn recvmsg(
    host: Userdata,
    fd: c_int,
    message: *mut Msghdr,
    flags: c_int,
) -> isize {
    let act = |host: &Shared| {
        // SAFETY: C's recvmsg() promises a message, which nobody else uses meanwhile.
        let message = unsafe { message.as_mut() }.ok_or(EFAULT)?;
        // SAFETY: with so many buffers.
        let into = unsafe { buffers(message.iov, message.iovlen)? };
        // SAFETY: each of its length.
        let reply = unsafe { fill(host, fd, into, flags)? };
        let (name, room) = (message.name, &raw mut message.namelen);
        // SAFETY: and room for an address, or null.
        reply.from.into_iter().for_each(|peer| unsafe { write_address(peer, name, room) });
        (message.controllen, message.flags) = (0, 0);
        Ok(reply.value)
    };
    with(host, act) as isize
}

unsafe extern "C" fn write(host: Userdata, fd: c_int, from: *const c_void, len: usize) -> isize {
    // SAFETY: C's write() promises a buffer of that length.
    unsafe { send(host, fd, from, len, 0) }
}

unsafe extern "C" fn writev(host: Userdata, fd: c_int, iov: *const Iovec, count: c_int) -> isize {
    let act = |host: &Shared| {
        // SAFETY: C's writev() promises so many buffers.
        let from = unsafe { buffers(iov, usize::try_from(count).map_err(|_| EINVAL)?)? };
        put(host, fd, from, 0, Address::Null)
    };
    with(host, act) as isize
}

unsafe extern "C" fn send(
    host: Userdata,
    fd: c_int,
    from: *const c_void,
    len: usize,
    flags: c_int,
) -> isize {
    // SAFETY: there is no address.
    unsafe { sendto(host, fd, from, len, flags, ptr::null(), 0) }
}

unsafe extern "C" fn sendto(
    host: Userdata,
    fd: c_int,
    from: *const c_void,
    len: usize,
    flags: c_int,
    to: *const Sockaddr,
    room: c_uint,
) -> isize {
    // SAFETY: C's sendto() promises an address of that length, or null.
    let to = unsafe { Address::read(to, room) };
    let from = [Iovec { base: from.cast_mut(), len }];
    with(host, |host| put(host, fd, &from, flags, to)) as isize
}

unsafe extern "C" fn sendmsg(
    host: Userdata,
    fd: c_int,
    message: *const Msghdr,
    flags: c_int,
) -> isize {
    let act = |host: &Shared| {
        // SAFETY: C's sendmsg() promises a message.
        let message = unsafe { message.as_ref() }.ok_or(EFAULT)?;
        // SAFETY: with so many buffers, and an address of that length, or null.
        let (from, to) = unsafe {
            let to = Address::read(message.name, message.namelen);
            (buffers(message.iov, message.iovlen)?, to)
        };
        put(host, fd, from, flags, to)
    };
    with(host, act) as isize
}

unsafe extern "C" fn splice(
    host: Userdata,
    from: c_int,
    from_at: *mut c_longlong,
    to: c_int,
    to_at: *mut c_longlong,
    len: usize,
    flags: c_uint,
) -> isize {
    let act = |host: &Shared| {
        if !from_at.is_null() || !to_at.is_null() {
            return Err(EINVAL);
        }
        let len = int(i64::try_from(len).map_err(|_| EINVAL)?);
        let args = vec![int(from), null(), int(to), null(), len, int(flags)];
        host.call(Request::Call(syscall("splice", args))).map(|reply| reply.value)
    };
    with(host, act) as isize
}

unsafe extern "C" fn pipe(host: Userdata, ends: *mut c_int) -> c_int {
    let act = |host: &Shared| {
        if ends.is_null() {
            return Err(EFAULT);
        }
        let both = [descriptor(), descriptor()];
        if both.iter().any(|end| *end < 0) {
            return Err(EMFILE);
        }
        let list = Expr::List(both.into_iter().map(int).collect());
        let reply = host.call(Request::Call(syscall("pipe", vec![list])))?;
        for (place, end) in both.into_iter().enumerate() {
            // SAFETY: C's pipe() promises room for two.
            unsafe { ends.add(place).write(end as c_int) };
        }
        Ok(reply.value)
    };
    with(host, act) as c_int
}

// ---- options

unsafe extern "C" fn getsockopt(
    host: Userdata,
    fd: c_int,
    level: c_int,
    option: c_int,
    to: *mut c_void,
    room: *mut c_uint,
) -> c_int {
    let act = |host: &Shared| {
        // SAFETY: C's getsockopt() promises a length there, which nobody else uses meanwhile.
        let room = unsafe { room.as_mut() }.ok_or(EFAULT)?;
        let args = vec![int(fd), int(level), int(option)];
        let call = syscall("getsockopt", args);
        let reply = host.call(Request::Option(call, *room as usize))?;
        // SAFETY: and a buffer of that length.
        *room = unsafe { give(&reply.bytes, to, *room as usize) } as c_uint;
        Ok(reply.value)
    };
    with(host, act) as c_int
}

unsafe extern "C" fn setsockopt(
    host: Userdata,
    fd: c_int,
    level: c_int,
    option: c_int,
    from: *const c_void,
    len: c_uint,
) -> c_int {
    let act = |host: &Shared| {
        if len as usize > OPTION_MAX {
            return Err(EINVAL);
        }
        // SAFETY: C's setsockopt() promises a buffer of that length, or null.
        let bytes = (!from.is_null())
            .then(|| unsafe { slice::from_raw_parts(from.cast::<u8>(), len as usize) });
        let word = |bytes: &[u8], at: usize| {
            let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
            four.map(|four| i64::from(i32::from_ne_bytes(four)))
        };
        let value = match (bytes, level, option) {
            (None, ..) => null(),
            (Some(bytes), SOL_SOCKET, SO_LINGER) => Expr::Linger {
                onoff: word(bytes, 0).ok_or(EINVAL)?,
                linger: word(bytes, 4).ok_or(EINVAL)?,
            },
            (Some(bytes), SOL_TCP, TCP_CONGESTION) => {
                Expr::Text(bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec())
            }
            (Some(bytes), ..) => {
                let byte = bytes.first().filter(|_| bytes.len() < 4).map(|byte| i64::from(*byte));
                Expr::Int(byte.or_else(|| word(bytes, 0)).ok_or(EINVAL)?)
            }
        };
        let args = vec![int(fd), int(level), int(option), Expr::List(vec![value]), int(len)];
        host.call(Request::Call(syscall("setsockopt", args))).map(|reply| reply.value)
    };
    with(host, act) as c_int
}

// ---- several files

unsafe extern "C" fn poll(
    host: Userdata,
    files: *mut Pollfd,
    count: c_ulong,
    timeout: c_int,
) -> c_int {
    let act = |host: &Shared| {
        if count as usize > FILES_MAX {
            return Err(EINVAL);
        }
        if files.is_null() && count > 0 {
            return Err(EFAULT);
        }
        let files = match files.is_null() {
            true => &mut [],
            // SAFETY: C's poll() promises so many, which nobody else uses meanwhile.
            false => unsafe { slice::from_raw_parts_mut(files, count as usize) },
        };
        let of = |file: &Pollfd| (i64::from(file.fd), i64::from(file.events));
        let asked = files.iter().map(of).collect();
        let reply = host.call(Request::Poll(asked, timeout.into()))?;
        for (file, (events, _)) in files.iter_mut().zip(&reply.events) {
            file.revents = *events as i16;
        }
        Ok(reply.value)
    };
    with(host, act) as c_int
}

unsafe extern "C" fn epoll_create(host: Userdata, size: c_int) -> c_int {
    call(host, "epoll_create", vec![int(size)])
}

unsafe extern "C" fn epoll_ctl(
    host: Userdata,
    epoll: c_int,
    operation: c_int,
    fd: c_int,
    event: *mut EpollEvent,
) -> c_int {
    // SAFETY: C's epoll_ctl() promises an event, or null.
    let event = (!event.is_null()).then(|| unsafe { event.read_unaligned() });
    let event = event.map_or_else(null, |EpollEvent { events, data }| {
        let (events, data) = (int(events), Expr::Int(data as i64));
        Expr::EpollEvent(Box::new(Event { events, member: EpollData::U64, data }))
    });
    call(host, "epoll_ctl", vec![int(epoll), int(operation), int(fd), event])
}

unsafe extern "C" fn epoll_wait(
    host: Userdata,
    epoll: c_int,
    to: *mut EpollEvent,
    most: c_int,
    timeout: c_int,
) -> c_int {
    let act = |host: &Shared| {
        let args = vec![int(epoll), Expr::Ellipsis, int(most), int(timeout)];
        let reply = host.call(Request::Epoll(syscall("epoll_wait", args)))?;
        if to.is_null() && !reply.events.is_empty() {
            return Err(EFAULT);
        }
        for (place, (events, data)) in reply.events.iter().enumerate() {
            let event = EpollEvent { events: *events as u32, data: *data as u64 };
            // SAFETY: C's epoll_wait() promises room for `most`, and no more are told.
            unsafe { to.add(place).write_unaligned(event) };
        }
        Ok(reply.value)
    };
    with(host, act) as c_int
}

// ---- packets and the clock

unsafe extern "C" fn netdev_send(host: Userdata, from: *const c_void, len: usize) -> c_int {
    let act = |host: &Shared| {
        if from.is_null() {
            return Err(EFAULT);
        }
        if len > PACKET_MAX {
            return Err(EINVAL);
        }
        // SAFETY: the interface promises a packet of that length.
        host.inject(unsafe { slice::from_raw_parts(from.cast::<u8>(), len) });
        Ok(0)
    };
    with(host, act) as c_int
}

/// No bytes when nothing will ever be sent.
unsafe extern "C" fn netdev_receive(
    host: Userdata,
    to: *mut c_void,
    room: *mut usize,
    micros: *mut c_longlong,
) -> c_int {
    let act = |host: &Shared| {
        // SAFETY: the interface promises a length and a time there, which nobody else uses.
        let (room, micros) =
            unsafe { (room.as_mut().ok_or(EFAULT)?, micros.as_mut().ok_or(EFAULT)?) };
        let (at, bytes) = host.receive().unwrap_or_else(|| (host.time(), Vec::new()));
        *micros = at as c_longlong;
        // SAFETY: and a buffer of that length.
        *room = unsafe { give(&bytes, to, *room) };
        Ok(0)
    };
    with(host, act) as c_int
}

unsafe extern "C" fn usleep(host: Userdata, micros: c_uint) -> c_int {
    let act = |host: &Shared| {
        host.sleep(Duration::from_micros(micros.into()));
        Ok(0)
    };
    with(host, act) as c_int
}

unsafe extern "C" fn gettimeofday(host: Userdata, to: *mut Timeval, _zone: *mut c_void) -> c_int {
    let act = |host: &Shared| {
        let now = host.time();
        let time = Timeval { sec: (now / 1_000_000) as c_long, usec: (now % 1_000_000) as c_long };
        if !to.is_null() {
            // SAFETY: C's gettimeofday() promises room for a time, or null.
            unsafe { to.write(time) };
        }
        Ok(0)
    };
    with(host, act) as c_int
}
