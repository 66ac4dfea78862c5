//! What C has: the table of functions, and the structures that calls take.

use std::ffi::{c_int, c_long, c_longlong, c_short, c_uint, c_ulong, c_void};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub(super) type Userdata = *mut c_void;

/// The interface's table, in its order.
#[repr(C)]
#[derive(Debug)]
#[allow(missing_docs, reason = "the names are those of the calls")]
pub struct Interface {
    pub userdata: Userdata,
    pub free: unsafe extern "C" fn(Userdata),
    pub socket: unsafe extern "C" fn(Userdata, c_int, c_int, c_int) -> c_int,
    pub bind: unsafe extern "C" fn(Userdata, c_int, *const Sockaddr, c_uint) -> c_int,
    pub listen: unsafe extern "C" fn(Userdata, c_int, c_int) -> c_int,
    pub accept: unsafe extern "C" fn(Userdata, c_int, *mut Sockaddr, *mut c_uint) -> c_int,
    pub connect: unsafe extern "C" fn(Userdata, c_int, *const Sockaddr, c_uint) -> c_int,
    pub read: unsafe extern "C" fn(Userdata, c_int, *mut c_void, usize) -> isize,
    pub readv: unsafe extern "C" fn(Userdata, c_int, *const Iovec, c_int) -> isize,
    pub recv: unsafe extern "C" fn(Userdata, c_int, *mut c_void, usize, c_int) -> isize,
    pub recvfrom: RecvFrom,
    pub recvmsg: unsafe extern "C" fn(Userdata, c_int, *mut Msghdr, c_int) -> isize,
    pub write: unsafe extern "C" fn(Userdata, c_int, *const c_void, usize) -> isize,
    pub writev: unsafe extern "C" fn(Userdata, c_int, *const Iovec, c_int) -> isize,
    pub send: unsafe extern "C" fn(Userdata, c_int, *const c_void, usize, c_int) -> isize,
    pub sendto: SendTo,
    pub sendmsg: unsafe extern "C" fn(Userdata, c_int, *const Msghdr, c_int) -> isize,
    pub fcntl: unsafe extern "C" fn(Userdata, c_int, c_int, c_long) -> c_int,
    pub ioctl: unsafe extern "C" fn(Userdata, c_int, c_ulong, *mut c_int) -> c_int,
    pub close: unsafe extern "C" fn(Userdata, c_int) -> c_int,
    pub shutdown: unsafe extern "C" fn(Userdata, c_int, c_int) -> c_int,
    pub getsockopt: GetOption,
    pub setsockopt: SetOption,
    pub poll: unsafe extern "C" fn(Userdata, *mut Pollfd, c_ulong, c_int) -> c_int,
    pub netdev_send: unsafe extern "C" fn(Userdata, *const c_void, usize) -> c_int,
    pub netdev_receive: NetdevReceive,
    pub usleep: unsafe extern "C" fn(Userdata, c_uint) -> c_int,
    pub gettimeofday: unsafe extern "C" fn(Userdata, *mut Timeval, *mut c_void) -> c_int,
    pub epoll_create: unsafe extern "C" fn(Userdata, c_int) -> c_int,
    pub epoll_ctl: unsafe extern "C" fn(Userdata, c_int, c_int, c_int, *mut EpollEvent) -> c_int,
    pub epoll_wait: unsafe extern "C" fn(Userdata, c_int, *mut EpollEvent, c_int, c_int) -> c_int,
    pub pipe: unsafe extern "C" fn(Userdata, *mut c_int) -> c_int,
    pub splice: Splice,
}

pub(super) type RecvFrom = unsafe extern "C" fn(
    Userdata,
    c_int,
    *mut c_void,
    usize,
    c_int,
    *mut Sockaddr,
    *mut c_uint,
) -> isize;

pub(super) type SendTo = unsafe extern "C" fn(
    Userdata,
    c_int,
    *const c_void,
    usize,
    c_int,
    *const Sockaddr,
    c_uint,
) -> isize;

pub(super) type GetOption =
    unsafe extern "C" fn(Userdata, c_int, c_int, c_int, *mut c_void, *mut c_uint) -> c_int;

pub(super) type SetOption =
    unsafe extern "C" fn(Userdata, c_int, c_int, c_int, *const c_void, c_uint) -> c_int;

pub(super) type NetdevReceive =
    unsafe extern "C" fn(Userdata, *mut c_void, *mut usize, *mut c_longlong) -> c_int;

pub(super) type Splice = unsafe extern "C" fn(
    Userdata,
    c_int,
    *mut c_longlong,
    c_int,
    *mut c_longlong,
    usize,
    c_uint,
) -> isize;

/// An address of any family, of which as many bytes are there as its length says.
#[repr(C)]
#[derive(Copy, Clone, Debug)]
pub struct Sockaddr {
    family: u16,
    data: [u8; 26],
}

/// A buffer.
#[repr(C)]
#[derive(Copy, Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Iovec {
    pub base: *mut c_void,
    pub len: usize,
}

/// A message.
#[repr(C)]
#[derive(Copy, Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Msghdr {
    pub name: *mut Sockaddr,
    pub namelen: c_uint,
    pub iov: *mut Iovec,
    pub iovlen: usize,
    pub control: *mut c_void,
    pub controllen: usize,
    pub flags: c_int,
}

/// A file that is polled.
#[repr(C)]
#[derive(Copy, Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Pollfd {
    pub fd: c_int,
    pub events: c_short,
    pub revents: c_short,
}

/// An event of epoll.
#[cfg_attr(target_arch = "x86_64", repr(C, packed))]
#[cfg_attr(not(target_arch = "x86_64"), repr(C))]
#[derive(Copy, Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct EpollEvent {
    pub events: u32,
    pub data: u64,
}

/// A time.
#[repr(C)]
#[derive(Copy, Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Timeval {
    pub sec: c_long,
    pub usec: c_long,
}

const AF_UNSPEC: u16 = 0;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// What an address in C says.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Address {
    Null,
    Unspecified,
    Of(SocketAddr),
    /// Of a family that is not known, or too short.
    Unknown,
}

impl Address {
    /// Reads `len` bytes.
    ///
    /// # Safety
    /// `at` is null, or points to that many bytes.
    pub(super) unsafe fn read(at: *const Sockaddr, len: c_uint) -> Address {
        if at.is_null() {
            return Address::Null;
        }
        let mut bytes = [0; size_of::<Sockaddr>()];
        let len = (len as usize).min(bytes.len());
        // SAFETY: as the caller promises; the two do not overlap, one is new.
        unsafe { at.cast::<u8>().copy_to_nonoverlapping(bytes.as_mut_ptr(), len) };
        let port = u16::from_be_bytes([bytes[2], bytes[3]]);
        match (u16::from_ne_bytes([bytes[0], bytes[1]]), len) {
            (AF_UNSPEC, 2..) => Address::Unspecified,
            (AF_INET, 8..) => {
                let ip = Ipv4Addr::new(bytes[4], bytes[5], bytes[6], bytes[7]);
                Address::Of(SocketAddr::new(ip.into(), port))
            }
            (AF_INET6, 24..) => {
                let ip: [u8; 16] = std::array::from_fn(|n| bytes[8 + n]);
                Address::Of(SocketAddr::new(Ipv6Addr::from(ip).into(), port))
            }
            _ => Address::Unknown,
        }
    }
}

/// Writes an address where there is room, and its whole length.
///
/// # Safety
/// Both are null, or point to a length and to as many bytes as it says.
pub(super) unsafe fn write_address(of: SocketAddr, at: *mut Sockaddr, room: *mut c_uint) {
    if at.is_null() || room.is_null() {
        return;
    }
    let mut bytes = Vec::with_capacity(28);
    let port = of.port().to_be_bytes();
    match of.ip() {
        IpAddr::V4(ip) => {
            bytes.extend(AF_INET.to_ne_bytes().into_iter().chain(port).chain(ip.octets()));
            bytes.resize(16, 0);
        }
        IpAddr::V6(ip) => {
            bytes.extend(AF_INET6.to_ne_bytes().into_iter().chain(port).chain([0; 4]));
            bytes.extend(ip.octets());
            bytes.resize(28, 0);
        }
    }
    // SAFETY: as the caller promises; the bytes are our own.
    unsafe {
        let len = bytes.len().min(*room as usize);
        at.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), len);
        *room = bytes.len() as c_uint;
    }
}

unsafe extern "C" {
    /// Where the thread has its error.
    safe fn __errno_location() -> *mut c_int;
}

/// Sets the thread's error.
pub(super) fn set_errno(errno: c_int) {
    // SAFETY: C's own place for it, which is the thread's.
    unsafe { *__errno_location() = errno };
}
