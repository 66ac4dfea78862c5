//! Expressions as scripts write them.

use super::super::ast::{
    Cmsg, EpollData, EpollEvent, Expr, ExtendedErr, Iovec, Msghdr, Pollfd, Sockaddr,
};
use super::between;
use super::packet::{gre, labels};
use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;

/// A string in quotes, with escapes.
fn text(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("\"")?;
    for byte in bytes {
        match byte {
            b'\\' => f.write_str("\\\\")?,
            b'"' => f.write_str("\\\"")?,
            b'\n' => f.write_str("\\n")?,
            b'\r' => f.write_str("\\r")?,
            b'\t' => f.write_str("\\t")?,
            b' '..=b'~' => write!(f, "{}", char::from(*byte))?,
            _ => write!(f, "\\x{byte:02x}")?,
        }
    }
    f.write_str("\"")
}

fn list(f: &mut Formatter<'_>, all: &[Expr]) -> fmt::Result {
    between(f, all, ", ", |f, one| write!(f, "{one}"))
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Ellipsis => f.write_str("..."),
            Expr::Int(n) => write!(f, "{n}"),
            Expr::Hex(n) => write!(f, "{n:#x}"),
            Expr::Word(word) => f.write_str(word),
            Expr::Text(bytes) => text(f, bytes),
            Expr::Prefix(bytes) => {
                text(f, bytes)?;
                f.write_str("...")
            }
            Expr::Or(all) => between(f, all, "|", |f, one| write!(f, "{one}")),
            Expr::Assign(name, value) => write!(f, "{name} = {value}"),
            Expr::List(all) => {
                f.write_str("[")?;
                list(f, all)?;
                f.write_str("]")
            }
            Expr::Braces(all) => {
                f.write_str("{")?;
                list(f, all)?;
                f.write_str("}")
            }
            Expr::Htons(n) => write!(f, "htons({n})"),
            Expr::Htonl(n) => write!(f, "htonl({n})"),
            Expr::Ip4(address) => write!(f, "inet_addr(\"{address}\")"),
            Expr::Ip6(address) => write!(f, "inet6_addr(\"{address}\")"),
            Expr::Sockaddr(address) => write!(f, "{address}"),
            Expr::Iovec(buffer) => write!(f, "{buffer}"),
            Expr::Msghdr(header) => write!(f, "{header}"),
            Expr::Cmsg(message) => write!(f, "{message}"),
            Expr::Pollfd(poll) => write!(f, "{poll}"),
            Expr::EpollEvent(event) => write!(f, "{event}"),
            Expr::Linger { onoff, linger } => write!(f, "{{onoff={onoff}, linger={linger}}}"),
            Expr::ExtendedErr(error) => write!(f, "{error}"),
            Expr::ScmTimestamp { sec, nsec } => write!(f, "{{scm_sec={sec}, scm_nsec={nsec}}}"),
            Expr::Gre(header) => {
                f.write_str("{")?;
                gre(f, header)?;
                f.write_str("}")
            }
            Expr::Mpls(stack) => {
                f.write_str("{")?;
                labels(f, stack)?;
                f.write_str("}")
            }
        }
    }
}

impl Display for Sockaddr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{{sa_family={}", self.family)?;
        if self.port.is_none() && self.addr.is_none() {
            return f.write_str(", ...}");
        }
        match self.port {
            Some(port) => write!(f, ", sin_port=htons({port})")?,
            None => f.write_str(", sin_port=...")?,
        }
        match self.addr {
            Some(IpAddr::V4(addr)) => write!(f, ", sin_addr=inet_addr(\"{addr}\")}}"),
            Some(IpAddr::V6(addr)) => write!(f, ", sin_addr=inet6_addr(\"{addr}\")}}"),
            None => f.write_str(", sin_addr=...}"),
        }
    }
}

impl Display for Iovec {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        match &self.base {
            Some(bytes) => text(f, bytes)?,
            None => f.write_str("...")?,
        }
        write!(f, ", {}}}", self.len)
    }
}

impl Display for Msghdr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Msghdr { name, namelen, iovlen, iov, flags, control } = self;
        write!(f, "{{msg_name({namelen})={name}, msg_iov({iovlen})=[")?;
        list(f, iov)?;
        write!(f, "], msg_flags={flags}")?;
        if let Some(control) = control {
            f.write_str(", msg_control=[")?;
            list(f, control)?;
            f.write_str("]")?;
        }
        f.write_str("}")
    }
}

impl Display for Cmsg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Cmsg { level, kind, data } = self;
        write!(f, "{{cmsg_level={level}, cmsg_type={kind}, cmsg_data={data}}}")
    }
}

impl Display for Pollfd {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{{fd={}, events={}", self.fd, self.events)?;
        if let Some(revents) = &self.revents {
            write!(f, ", revents={revents}")?;
        }
        f.write_str("}")
    }
}

impl Display for EpollEvent {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let member = match self.member {
            EpollData::Ptr => "ptr",
            EpollData::Fd => "fd",
            EpollData::U32 => "u32",
            EpollData::U64 => "u64",
        };
        write!(f, "{{events={}, {member}={}}}", self.events, self.data)
    }
}

impl Display for ExtendedErr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ExtendedErr { errno, origin, kind, code, info, data } = self;
        write!(f, "{{ee_errno={errno}, ee_origin={origin}, ee_type={kind}, ee_code={code}, ")?;
        write!(f, "ee_info={info}, ee_data={data}}}")
    }
}
