//! The private network of one measurement: Linux at one end, the stack under test at the other.

use crate::Outcome;
use crate::serve::Service;
use netglass::base::Medium;
use netglass::sys::ifconfig::{Change, Config};
use netglass::sys::tun;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where the load comes from.
pub(crate) const NEAR: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
/// Where the stack under test is.
pub(crate) const FAR: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
/// Both are in this network.
pub(crate) const PREFIX: u8 = 24;
/// The load's interface.
pub(crate) const DEV: &str = "bench0";
/// The other end, where the kernel itself is under test.
pub(crate) const PEER: &str = "bench1";

/// Where a service is.
pub(crate) fn service(service: Service) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(FAR), service.port())
}

/// Gives an interface of this namespace its address and switches it on.
pub(crate) fn configure(dev: &str, addr: Ipv4Addr, mtu: u16) -> Outcome<()> {
    let (dev, addr) = (dev.to_owned(), IpAddr::V4(addr));
    let changes = [
        Change::Up { dev: "lo".into(), up: true },
        Change::Mtu { dev: dev.clone(), mtu: mtu.into() },
        Change::TxQueue { dev: dev.clone(), packets: 5000 },
        Change::Address { dev: dev.clone(), addr, prefix: PREFIX, add: true },
        Change::Up { dev, up: true },
    ];
    let mut config = Config::open()?;
    for change in changes {
        config.apply(&change)?;
    }
    Ok(())
}

/// What a TUN device can do.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Packets within the MTU, complete.
    Plain,
    /// Super-segments, and packets without checksums.
    Offload,
}

/// The load's TUN device, which does not block, and whose other end is Linux in this namespace.
pub(crate) fn tun(mtu: u16, kind: Kind) -> Outcome<OwnedFd> {
    tun_to(DEV, NEAR, mtu, kind)
}

/// A TUN device to Linux in the namespace of this thread, which gets the address `addr`.
pub(crate) fn tun_to(dev: &str, addr: Ipv4Addr, mtu: u16, kind: Kind) -> Outcome<OwnedFd> {
    let (fd, name) = match kind {
        Kind::Plain => tun::create(dev)?,
        Kind::Offload => {
            let made = tun::create_offload(dev, Medium::Ip)?;
            let (fd, name, _) = made.ok_or("this kernel has no TUN devices with offloads")?;
            (fd, name)
        }
    };
    tun::set_nonblocking(&fd)?;
    configure(&name, addr, mtu)?;
    Ok(fd)
}

/// Whether there is no `ip` to make a cable with.
pub(crate) fn ip_is_missing() -> bool {
    let mut version = Command::new("ip");
    version.arg("-V").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_err()
}

/// A cable from this namespace to that of process `pid`.
pub(crate) fn veth(pid: u32) -> Outcome<()> {
    let mut ip = Command::new("ip");
    ip.args(["link", "add", DEV, "type", "veth", "peer", "name", PEER, "netns", &pid.to_string()]);
    let made = ip.stdin(Stdio::null()).output().map_err(|e| format!("ip (iproute2): {e}"))?;
    match made.status.success() {
        true => Ok(()),
        false => Err(format!("no veth here: {}", String::from_utf8_lossy(&made.stderr)).into()),
    }
}

/// Nothing is changed in a network that leads anywhere: a measurement has a new one.
pub(crate) fn must_be_private() -> Outcome<()> {
    let v4 = std::fs::read_to_string("/proc/net/route")?;
    // There is none where IPv6 is not.
    let v6 = std::fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default();
    let v4 = v4.lines().skip(1).filter_map(|route| route.split_whitespace().next());
    let mut devices = v4.chain(v6.lines().filter_map(|route| route.split_whitespace().last()));
    match devices.find(|&dev| dev != "lo") {
        Some(dev) => Err(format!("this network leads to {dev}: use a new one (unshare -n)").into()),
        None => Ok(()),
    }
}

/// Room for many short connections from this namespace: all ports may be used, and few stay
/// behind in TIME-WAIT.
pub(crate) fn many_ports() -> Outcome<()> {
    let knobs = [("ip_local_port_range", "1024 65535"), ("tcp_max_tw_buckets", "1000")];
    for (knob, value) in knobs {
        let path = Path::new("/proc/sys/net/ipv4").join(knob);
        std::fs::write(&path, value).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}

/// What the load's interface has carried so far: in either direction bytes, packets, and packets
/// that were dropped. A super-segment is one packet.
#[derive(Copy, Clone, Default, Debug)]
pub(crate) struct Carried([[u64; 3]; 2]);

impl Carried {
    pub(crate) fn now() -> Outcome<Carried> {
        let table = std::fs::read_to_string("/proc/net/dev")?;
        let line = table.lines().find_map(|line| line.trim().strip_prefix(DEV)?.strip_prefix(':'));
        let line = line.ok_or("no such interface")?;
        let counters: Vec<u64> = line.split_whitespace().flat_map(str::parse).collect();
        // Eight columns for receiving, eight for sending: bytes, packets, errors, drops, …
        let way = |from: usize| [0, 1, 3].map(|at| counters.get(from + at).copied().unwrap_or(0));
        Ok(Carried([way(0), way(8)]))
    }

    /// Packets that were dropped since `before`.
    pub(crate) fn drops_since(&self, before: &Carried) -> u64 {
        self.0.iter().zip(&before.0).map(|(now, before)| now[2] - before[2]).sum()
    }

    /// Bytes per packet since `before`, in the direction where they are longer.
    pub(crate) fn length_since(&self, before: &Carried) -> f64 {
        let ways = self.0.iter().zip(&before.0);
        let lengths = ways
            .map(|(now, before)| (now[0] - before[0]) as f64 / (now[1] - before[1]).max(1) as f64);
        lengths.fold(0.0, f64::max)
    }
}

/// Segments that Linux sent again so far.
pub(crate) fn retransmitted() -> Outcome<u64> {
    let table = std::fs::read_to_string("/proc/net/snmp")?;
    let mut rows = table.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (names, values) = rows.next().zip(rows.next()).ok_or("/proc/net/snmp: no TCP")?;
    let mut pairs = names.split_whitespace().zip(values.split_whitespace());
    let (_, value) = pairs.find(|(name, _)| *name == "RetransSegs").ok_or("no RetransSegs")?;
    Ok(value.parse()?)
}
