//! What a server grants: read from its offer or agreement, with a host's doubts.
//!
//! A lease that a host cannot live by is refused as a whole; what is only in part of no use (a
//! router that is not on the link, a name that is none) is left out.

use super::event::Ignored;
use super::message::{Message, code};
use crate::base::Duration;
use crate::ip::Cidr;
use std::net::{IpAddr, Ipv4Addr};

/// The shortest lease: others are asked for up to seven seconds whether they have the address
/// (RFC 5227 §1.1).
pub const LEASE_MIN: Duration = Duration::from_secs(10);
/// A time that does not end (RFC 2131 §3.3).
const FOREVER: u32 = u32::MAX;
/// Routes of a lease, at most; further ones are left out.
pub(super) const ROUTES_MAX: usize = 64;
/// Name servers of a lease, at most.
pub(super) const SERVERS_MAX: usize = 8;
/// The least MTU that a server may lower an interface to (RFC 791 §3.2, RFC 1122 §3.3.2).
const MTU_MIN: u16 = 576;

/// A route of a lease.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Via {
    /// Where to.
    pub dst: Cidr,
    /// The router, on the link; `None`: the network is on the link itself.
    pub router: Option<Ipv4Addr>,
}

/// What a server grants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    /// The address and its network.
    pub addr: Cidr,
    /// The server that grants it.
    pub server: Ipv4Addr,
    /// For how long; `None`: for ever.
    pub time: Option<Duration>,
    /// When the server is to be asked for more, and when any server is, since the beginning.
    pub renewal: Option<(Duration, Duration)>,
    /// Routes besides that to its own network: the classless ones (RFC 3442), else the default
    /// route.
    pub routes: Vec<Via>,
    /// Name servers.
    pub dns: Vec<Ipv4Addr>,
    /// The domain of its names.
    pub domain: Option<String>,
    /// The largest packet on its network, bytes.
    pub mtu: Option<u16>,
}

/// Whether one host may have the address.
pub(super) fn is_hosts(addr: Ipv4Addr) -> bool {
    let first = addr.octets()[0];
    first != 0 && first != 127 && first < 224
}

impl Lease {
    /// The address alone.
    pub fn ip(&self) -> Ipv4Addr {
        match self.addr.addr() {
            IpAddr::V4(addr) => addr,
            IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
        }
    }

    /// What `message`, an offer or an agreement, grants.
    ///
    /// # Errors
    /// [`Ignored::NoServer`], [`Ignored::Address`], [`Ignored::Mask`], [`Ignored::LeaseTime`].
    pub fn read(message: &Message) -> Result<Lease, Ignored> {
        let options = &message.options;
        let server = server_of(message)?;
        let addr = network(message)?;
        let own = message.yiaddr;
        let time = match options.number(code::LEASE_TIME).ok_or(Ignored::LeaseTime)? {
            FOREVER => None,
            seconds => Some(Duration::from_secs(seconds.into())),
        };
        if time.is_some_and(|time| time < LEASE_MIN) {
            return Err(Ignored::LeaseTime);
        }
        let near = |router: Ipv4Addr| {
            is_hosts(router)
                && router != own
                && addr.contains(router.into())
                && !is_edge(router, addr)
        };
        let mut default = options.addrs(code::ROUTERS).filter(|router| near(*router));
        let routes = classless_routes(options.get(code::CLASSLESS_ROUTES), addr, near);
        let routes = routes.unwrap_or_else(|| {
            let all = Cidr::all(IpAddr::V4(own));
            default
                .next()
                .map(|router| Via { dst: all, router: Some(router) })
                .into_iter()
                .collect()
        });
        let mut dns: Vec<Ipv4Addr> = Vec::new();
        for server in options.addrs(code::NAME_SERVERS).filter(|server| is_hosts(*server)) {
            if dns.len() < SERVERS_MAX && !dns.contains(&server) {
                dns.push(server);
            }
        }
        let mtu = options.get(code::INTERFACE_MTU).and_then(|mtu| mtu.try_into().ok());
        Ok(Lease {
            addr,
            server,
            time,
            renewal: time.map(|time| times(message, time)),
            routes,
            dns,
            domain: options.get(code::DOMAIN_NAME).and_then(domain),
            mtu: mtu.map(u16::from_be_bytes).filter(|mtu| *mtu >= MTU_MIN),
        })
    }
}

/// Which server a message is from.
///
/// # Errors
/// [`Ignored::NoServer`].
pub(super) fn server_of(message: &Message) -> Result<Ipv4Addr, Ignored> {
    let server = message.options.addr(code::SERVER_ID);
    server.filter(|server| is_hosts(*server)).ok_or(Ignored::NoServer)
}

/// Whether `addr` names the network or reaches all of it.
fn is_edge(addr: Ipv4Addr, network: Cidr) -> bool {
    let broadcast = network.broadcast();
    broadcast == Some(addr.into())
        || broadcast.is_some() && network.network().addr() == IpAddr::V4(addr)
}

/// The address in its network. Without a mask, that is the one of its class (RFC 950 §2.1).
fn network(message: &Message) -> Result<Cidr, Ignored> {
    let addr = message.yiaddr;
    if !is_hosts(addr) {
        return Err(Ignored::Address);
    }
    let mask = match message.options.get(code::SUBNET_MASK) {
        None => match addr.octets()[0] {
            0..128 => 0xff00_0000,
            128..192 => 0xffff_0000,
            _ => 0xffff_ff00,
        },
        Some(mask) => u32::from_be_bytes(mask.try_into().map_err(|_| Ignored::Mask)?),
    };
    let prefix = mask.leading_ones();
    if prefix == 0 || mask.count_ones() != prefix {
        return Err(Ignored::Mask);
    }
    let network = Cidr::new(addr.into(), prefix as u8).map_err(|_| Ignored::Mask)?;
    if is_edge(addr, network) { Err(Ignored::Address) } else { Ok(network) }
}

/// T1 and T2: the server's if they make sense, else half and seven eighths of the time (RFC 2131
/// §4.4.5).
fn times(message: &Message, time: Duration) -> (Duration, Duration) {
    let option = |code| {
        let seconds = message.options.number(code).filter(|seconds| *seconds > 0);
        seconds.map(|seconds| Duration::from_secs(seconds.into()))
    };
    let (half, most) = (time / 2, time / 8 * 7);
    let t1 = option(code::RENEWAL_TIME).filter(|t1| *t1 < time);
    let t2 = option(code::REBINDING_TIME).filter(|t2| *t2 < time);
    match (t1, t2) {
        (Some(t1), Some(t2)) if t1 <= t2 => (t1, t2),
        (Some(t1), None) if t1 <= most => (t1, most),
        (None, Some(t2)) if half <= t2 => (half, t2),
        _ => (half, most),
    }
}

/// RFC 3442: `None` when there are none, or not readable ones. A router is on the link, also by a
/// route before it that says so.
fn classless_routes(
    bytes: Option<&[u8]>,
    own: Cidr,
    near: impl Fn(Ipv4Addr) -> bool,
) -> Option<Vec<Via>> {
    let mut rest = bytes.filter(|bytes| !bytes.is_empty())?;
    let mut routes: Vec<Via> = Vec::new();
    while let Some((&prefix, bytes)) = rest.split_first() {
        let significant = usize::from(prefix.div_ceil(8));
        if prefix > 32 || bytes.len() < significant + 4 {
            return None;
        }
        let mut dst = [0; 4];
        dst[..significant].copy_from_slice(&bytes[..significant]);
        let dst = Cidr::new(Ipv4Addr::from(dst).into(), prefix).ok()?.network();
        let (router, bytes) = bytes[significant..].split_first_chunk::<4>()?;
        rest = bytes;
        let router = Some(Ipv4Addr::from(*router)).filter(|router| !router.is_unspecified());
        let linked = |router: Ipv4Addr| {
            is_hosts(router)
                && own.addr() != IpAddr::V4(router)
                && routes.iter().any(|via| via.router.is_none() && via.dst.contains(router.into()))
        };
        let is_usable = match router {
            Some(router) => near(router) || linked(router),
            // Everything on the link would be everybody's ARP.
            None => prefix > 0,
        };
        let is_new = routes.iter().all(|via| via.dst != dst);
        if is_usable && is_place(dst, own) && is_new && routes.len() < ROUTES_MAX {
            routes.push(Via { dst, router });
        }
    }
    Some(routes)
}

/// Whether a route may lead there: not to many, not to the host itself, and not to its network,
/// which is on the link.
fn is_place(dst: Cidr, own: Cidr) -> bool {
    let IpAddr::V4(first) = dst.addr() else { return false };
    let hosts = is_hosts(first) || dst.prefix() < 8 && first.octets()[0] < 224;
    hosts && dst != own.network() && dst != Cidr::host(own.addr())
}

/// A domain's name, if it is one that can be printed and looked up.
fn domain(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?.trim_end_matches(['\0', '.']);
    let is_label = |label: &str| {
        let chars = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        (1..64).contains(&label.len()) && label.bytes().all(chars)
    };
    (text.len() < 254 && text.split('.').all(is_label)).then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
