//! Expressions: arguments and results of system calls.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An argument or a result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expr {
    /// `...`: to be filled in, or not looked at.
    Ellipsis,
    /// A decimal number.
    Int(i64),
    /// A hexadecimal number.
    Hex(u64),
    /// A symbol: `SOL_SOCKET`, `NULL`.
    Word(String),
    /// A string, with escapes resolved and neighbours joined.
    Text(Vec<u8>),
    /// `"abc"...`: anything that starts so.
    Prefix(Vec<u8>),
    /// `A|B|C`, at least two.
    Or(Vec<Expr>),
    /// `name = value`.
    Assign(String, Box<Expr>),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `{a, b}` that is none of the structures below.
    Braces(Vec<Expr>),
    /// `htons(n)`.
    Htons(u16),
    /// `htonl(n)`.
    Htonl(u32),
    /// `inet_addr("192.0.2.1")`.
    Ip4(Ipv4Addr),
    /// `inet6_addr("2001:db8::1")`.
    Ip6(Ipv6Addr),
    /// `struct sockaddr`.
    Sockaddr(Sockaddr),
    /// `struct iovec`.
    Iovec(Iovec),
    /// `struct msghdr`.
    Msghdr(Box<Msghdr>),
    /// `struct cmsghdr` with its data.
    Cmsg(Box<Cmsg>),
    /// `struct pollfd`.
    Pollfd(Box<Pollfd>),
    /// `struct epoll_event`.
    EpollEvent(Box<EpollEvent>),
    /// `struct linger`: `{onoff=1, linger=5}`.
    Linger {
        /// Whether it is on.
        onoff: i64,
        /// Seconds.
        linger: i64,
    },
    /// `struct sock_extended_err`.
    ExtendedErr(Box<ExtendedErr>),
    /// `struct scm_timestamping`: `{scm_sec=1, scm_nsec=5000}`.
    ScmTimestamp {
        /// Seconds.
        sec: i64,
        /// And nanoseconds.
        nsec: i64,
    },
    /// A GRE header as the value of an option.
    Gre(super::Gre),
    /// An MPLS stack as the value of an option.
    Mpls(Vec<super::Label>),
}

impl Expr {
    /// The value of a literal number.
    pub fn number(&self) -> Option<i128> {
        match self {
            Expr::Int(n) => Some((*n).into()),
            Expr::Hex(n) => Some((*n).into()),
            _ => None,
        }
    }
}

/// `{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.1")}`, or only a family and
/// `...`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sockaddr {
    /// `AF_INET`, `AF_INET6`, `AF_UNSPEC`, …
    pub family: String,
    /// The port, in the host's order; none where it is `...`.
    pub port: Option<u16>,
    /// The address; none where it is `...`.
    pub addr: Option<IpAddr>,
}

/// `{..., 1000}` or `{"abc", 3}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Iovec {
    /// The bytes; none where they are `...`.
    pub base: Option<Vec<u8>>,
    /// How many there are.
    pub len: u64,
}

/// `{msg_name(...)=..., msg_iov(1)=[{..., 1000}], msg_flags=0, msg_control=[…]}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Msghdr {
    /// The address: usually `...`.
    pub name: Expr,
    /// Its length: usually `...`.
    pub namelen: Expr,
    /// The number of buffers that is given in parentheses.
    pub iovlen: u64,
    /// The buffers.
    pub iov: Vec<Expr>,
    /// Flags.
    pub flags: Expr,
    /// Control messages, if the script speaks of them.
    pub control: Option<Vec<Expr>>,
}

/// `{cmsg_level=SOL_SOCKET, cmsg_type=SCM_TIMESTAMPING, cmsg_data=…}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cmsg {
    /// The level.
    pub level: Expr,
    /// The type.
    pub kind: Expr,
    /// The data.
    pub data: Expr,
}

/// `{fd=3, events=POLLIN, revents=POLLIN}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pollfd {
    /// The descriptor, a label of the script.
    pub fd: Expr,
    /// What is waited for.
    pub events: Expr,
    /// What must have happened: nothing, if it is not said.
    pub revents: Option<Expr>,
}

/// `{events=EPOLLIN, fd=3}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EpollEvent {
    /// What is waited for, or has happened.
    pub events: Expr,
    /// Which member of the union `data` names.
    pub member: EpollData,
    /// Its value.
    pub data: Expr,
}

/// A member of `epoll_data`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum EpollData {
    /// A pointer.
    Ptr,
    /// A descriptor.
    Fd,
    /// 32 bits.
    U32,
    /// 64 bits.
    U64,
}

/// `{ee_errno=…, ee_origin=…, ee_type=…, ee_code=…, ee_info=…, ee_data=…}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExtendedErr {
    /// The error.
    pub errno: Expr,
    /// Where it came from: `SO_EE_ORIGIN_ZEROCOPY`.
    pub origin: Expr,
    /// ICMP's type.
    pub kind: Expr,
    /// ICMP's code.
    pub code: Expr,
    /// The MTU, or the first of a range.
    pub info: Expr,
    /// The last of a range.
    pub data: Expr,
}
